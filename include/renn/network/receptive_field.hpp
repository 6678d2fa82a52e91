// SPDX-License-Identifier: MIT
// renn/network/receptive_field.hpp - which part of the input image a neuron of a convolution can see.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <type_traits>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/shape.hpp>
#include <renn/network/layer_sequence.hpp>

namespace renn {

/// Rows [top, bottom) and columns [left, right) of an image.
struct Patch {
    Index top = 0, left = 0, bottom = 0, right = 0;
    bool operator==(const Patch&) const = default;
};

namespace detail {

/// Along one axis, position i of a layer sees [start + i jump, start + i jump + size) of the input.
struct Reach {
    Index start = 0, jump = 1, size = 1;

    void widen(Index kernel, Index stride, Index padding, Index dilation) noexcept {
        start -= padding * jump;
        size += dilation * (kernel - 1) * jump;
        jump *= stride;
    }
    /// What branches that are summed or stacked see together.
    void unite(const Reach& other) noexcept {
        const Index end = std::max(start + size, other.start + other.size);
        start = std::min(start, other.start);
        size = end - start;
    }
};

struct Field {
    Reach rows, columns;
    Shape input = {};  ///< of the first layer that sees an image
    bool everything = false;

    template <class L>
    void pass(const L& layer) {
        if constexpr (requires { layer.input_shape(); }) {
            if (input.size() == 0) input = layer.input_shape();
        }
        if constexpr (requires { layer.window(); }) {
            const auto& w = layer.window();
            rows.widen(w.kernel.height, w.stride.height, w.padding.height, w.dilation.height);
            columns.widen(w.kernel.width, w.stride.width, w.padding.width, w.dilation.width);
        } else if constexpr (requires { layer.output_shape(); }) {
            everything = everything || layer.input_shape().positions() != layer.output_shape().positions();
        } else if constexpr (requires { layer.out_features(); }) {
            everything = true;
        }
    }
    void unite(const Field& other) noexcept {
        rows.unite(other.rows);
        columns.unite(other.columns);
        everything = everything || other.everything;
        if (input.size() == 0) input = other.input;
    }
};

/// Carries the field through a network, as far as `place` if that is in it; returns whether it was reached.
template <class Net>
bool follow(const Net& net, std::string_view place, Field& field) {
    constexpr bool side_by_side = Net::name == "Concatenate";
    const Field at_input = field;
    Field together = field;
    bool reached = false, first = true;
    Net::for_each_child(net, net.parameters(), [&](const std::string& name, const auto& layer, const auto&) {
        if (reached) return;
        if constexpr (side_by_side) field = at_input;
        const bool here = place == name;
        const bool inside = place.size() > name.size() && place.starts_with(name) && place[name.size()] == '/';
        if constexpr (Composite<std::remove_cvref_t<decltype(layer)>>) {
            reached = follow(layer, inside ? place.substr(name.size() + 1) : std::string_view(), field) || here;
        } else {
            field.pass(layer);
            reached = here;
        }
        if (side_by_side && !reached) {
            if (first) together = field;
            together.unite(field);
            first = false;
        }
    });
    if (!reached && side_by_side) field = together;
    if (!reached && Net::name == "Residual") field.unite(at_input);
    return reached;
}

}  // namespace detail

/// The part of the input image that position (row, column) of a place ("conv2", "residual1/relu1") can see, for any
/// channel; behind a layer that sees everything, the whole image.
///
/// Throws   DataError for an unknown place, or a network whose input is no image.
/// Source   Araujo, Norris and Sim (2019), Computing receptive fields of convolutional neural networks.
template <Composite Net>
Patch receptive_field(const Net& net, std::string_view place, Index row = 0, Index column = 0) {
    detail::Field field;
    if (!detail::follow(net, place, field)) {
        detail::raise<DataError>("receptive_field", "place", "\"" + std::string(place) + "\"",
                                 "a layer of the network");
    }
    if (field.input.size() == 0) {
        detail::raise<DataError>("receptive_field", "input of the network", "no image",
                                 "a convolution or pooling layer");
    }
    const Index height = field.input.height, width = field.input.width;
    if (field.everything) return {0, 0, height, width};
    const auto bounds = [](const detail::Reach& reach, Index at, Index end, Index& from, Index& to) {
        from = std::clamp<Index>(reach.start + at * reach.jump, 0, end);
        to = std::clamp<Index>(reach.start + at * reach.jump + reach.size, 0, end);
    };
    Patch patch;
    bounds(field.rows, row, height, patch.top, patch.bottom);
    bounds(field.columns, column, width, patch.left, patch.right);
    return patch;
}

}  // namespace renn
