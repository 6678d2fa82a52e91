// SPDX-License-Identifier: MIT
// renn/network/receptive_field.hpp - which part of the input image a neuron of a convolution can see.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/patch.hpp>
#include <renn/core/shape.hpp>
#include <renn/network/follow.hpp>
#include <renn/network/layer_paths.hpp>

namespace renn::inline RENN_ABI {

namespace detail {

/// Rows or columns [begin, end); empty where begin is not below end.
struct Span {
    Index begin = 0, end = 0;

    void unite(const Span& other) noexcept {
        if (other.begin >= other.end) return;
        if (begin >= end) {
            *this = other;
        } else {
            *this = {std::min(begin, other.begin), std::max(end, other.end)};
        }
    }
};

/// What each position along one axis of a layer sees of the input. Kept position by position: at borders a stride may
/// leave out rows of the layer below, and branches may go at different paces, which no start and step describe.
struct Sight {
    std::vector<Span> at;

    static Sight of_input(Index size) {
        Sight sight;
        for (Index i = 0; i < size; ++i) sight.at.push_back({i, i + 1});
        return sight;
    }
    Index size() const noexcept { return std::ssize(at); }

    /// From here on every one of `size` positions sees what all see together.
    void mix(Index size) {
        Span all;
        for (const Span& s : at) all.unite(s);
        at.assign(static_cast<std::size_t>(size), all);
    }
    void slide(Index size, Index kernel, Index stride, Index padding, Index dilation) {
        std::vector<Span> out(static_cast<std::size_t>(size));
        for (Index i = 0; i < size; ++i) {
            for (Index tap = 0; tap < kernel; ++tap) {
                const Index from = i * stride - padding + tap * dilation;
                if (from < 0 || from >= this->size()) continue;
                out[static_cast<std::size_t>(i)].unite(at[static_cast<std::size_t>(from)]);
            }
        }
        at = std::move(out);
    }
    /// What branches that are summed or stacked see together.
    void unite(const Sight& other) {
        for (std::size_t i = 0; i < at.size(); ++i) at[i].unite(other.at[i]);
    }
};

/// For follow(): what each position of a layer sees of the input image.
struct Field {
    Sight rows, columns;

    void mix(Index height, Index width) {
        rows.mix(height);
        columns.mix(width);
    }
    /// Values that are read as an image of another size no longer lie where they lay.
    void fit(const Shape& shape) {
        if (rows.size() != shape.height || columns.size() != shape.width) mix(shape.height, shape.width);
    }

    template <class L>
    void pass(const L& layer) {
        if constexpr (requires { layer.window(); }) {
            fit(layer.input_shape());
            const auto& w = layer.window();
            const Shape out = layer.output_shape();
            rows.slide(out.height, w.kernel.height, w.stride.height, w.padding.height, w.dilation.height);
            columns.slide(out.width, w.kernel.width, w.stride.width, w.padding.width, w.dilation.width);
        } else if constexpr (requires { layer.output_shape(); }) {
            const Shape in = layer.input_shape(), out = layer.output_shape();
            if (in.positions() != out.positions()) {
                mix(out.height, out.width);
            } else if (in.positions() > 1) {  // else value by value, whatever their shape
                fit(in);
            }
        } else if constexpr (requires { layer.out_features(); }) {
            mix(1, 1);
        } else if constexpr (requires { requires L::is_activation; }) {
            using S = typename L::Scalar;
            constexpr bool elementwise = requires(const S* in, S* out) {
                layer.apply(in, out, Index{});
            };
            if (!elementwise) mix(rows.size(), columns.size());
        }
    }
    void add(Field other) {
        if (rows.size() != other.rows.size() || columns.size() != other.columns.size()) {
            mix(1, 1);
            other.mix(1, 1);
        }
        rows.unite(other.rows);
        columns.unite(other.columns);
    }
    void stack(const Field& other) { add(other); }
};

/// Looks for the shape of the input: that which the first layer with an image takes, unless one before it changes the
/// number of features. Returns whether to go on looking.
template <class Net, class P>
bool find_image(const Net& net, const P& parameters, Shape& image) {
    constexpr bool side_by_side = Net::wiring == Wiring::side_by_side;
    bool searching = true;
    Net::for_each_child(net, parameters,
                        [&](const std::string&, const auto& layer, [[maybe_unused]] const auto& weights) {
                            using L = std::remove_cvref_t<decltype(layer)>;
                            if (image.size() != 0 || (!searching && !side_by_side)) return;
                            if constexpr (CompositeLayer<L>) {
                                searching = find_image(layer, weights, image) && searching;
                            } else if constexpr (requires { layer.input_shape(); }) {
                                constexpr bool windowed = requires {
                                    layer.window();
                                };
                                const Shape in = layer.input_shape();
                                if (windowed || in != layer.output_shape() || in.positions() > 1) image = in;
                            } else if constexpr (requires { layer.out_features(); }) {
                                searching = layer.out_features() == layer.in_features() && searching;
                            }
                        });
    return searching && image.size() == 0;
}

}  // namespace detail

/// The part of the input image that position (row, column) of a place ("conv2d2", "residual1/relu1") can see, for any
/// channel, exactly: clipped at the borders, without rows that a stride leaves out, empty where a window lies in the
/// padding alone. A place behind a layer that sees everything has one position, (0, 0), which sees what all before it
/// see together: mostly the whole image.
///
/// Throws   DataError for an unknown place, a network whose input is no image, or a position the place does not have.
/// Cost     a vector of height and one of width for each layer; the weights are not looked at.
template <CompositeLayer Net>
Patch receptive_field(const Net& net, std::string_view place, Index row = 0, Index column = 0) {
    constexpr const char* where = "receptive_field";
    Shape image;
    detail::find_image(net, net.parameters(), image);
    detail::Field field{detail::Sight::of_input(image.height), detail::Sight::of_input(image.width)};
    if (!detail::follow(net, net.parameters(), place, field)) detail::raise_no_place(where, place, layer_paths(net));
    if (image.size() == 0) {
        detail::raise<DataError>(where, "input of the network", "no image", "a convolution or pooling layer");
    }
    const Index height = field.rows.size(), width = field.columns.size();
    if (row < 0 || column < 0 || row >= height || column >= width) {
        detail::raise<DataError>(where, "row and column", std::to_string(row) + ", " + std::to_string(column),
                                 "inside the " + detail::shape_text(height, width) + " of " + std::string(place));
    }
    const detail::Span& y = field.rows.at[static_cast<std::size_t>(row)];
    const detail::Span& x = field.columns.at[static_cast<std::size_t>(column)];
    return {y.begin, x.begin, y.end, x.end};
}

}  // namespace renn::inline RENN_ABI
