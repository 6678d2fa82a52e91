// SPDX-License-Identifier: MIT
// renn/layers/convolution.hpp - convolution of images and sequences.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/shape.hpp>
#include <renn/layers/initialise.hpp>
#include <renn/layers/patches.hpp>
#include <renn/layers/window.hpp>

namespace renn::inline RENN_ABI {

/// Of a convolution over images; only `channels` has no default.
struct Conv2dOptions {
    Index channels = 0;  ///< made by the layer; must be given
    Size2 kernel = 3;
    Size2 stride = 1;
    Size2 padding = 0;  ///< zeros around the image
    Size2 dilation = 1;
    Index groups = 1;  ///< of input channels, each seen only by its own group of output channels
    bool bias = true;
};

/// As of Conv2d, along a sequence.
struct Conv1dOptions {
    Index channels = 0;
    Index kernel = 3;
    Index stride = 1;
    Index padding = 0;
    Index dilation = 1;
    Index groups = 1;
    bool bias = true;

    operator Conv2dOptions() const noexcept {
        return {channels, {1, kernel}, {1, stride}, {0, padding}, {1, dilation}, groups, bias};
    }
};

/// Cross-correlation with zero padding, as PyTorch's Conv1d and Conv2d; used by these two names.
///
/// Shapes   X: (in channels, height, width) x n with the width fastest; Y the same with the output's channels and
///          floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1 places each way.
///          W: out channels x (in channels / groups * kernel height * kernel width), channel after channel, row after
///          row, as PyTorch's; b: out channels, or empty without a bias. An empty batch is valid, 0 channels are not.
/// Throws   DataError for impossible options; ShapeError if the kernel is larger than the padded input or an argument
///          does not fit.
/// Cost     O(weights x places of the output) a sample; the patches under the kernel are copied to a tile on the
///          stack (64 KiB), so nothing but an output that changes its size allocates.
/// Numbers  every sum is canonical (core/canonical.hpp), in training as well: an output adds its products to the bias
///          in the order of W's columns, a weight's gradient its samples in order, place after place.
/// Source   initial W: He et al. (2015) unless told otherwise; initial b: zero.
template <std::floating_point S, int Dimensions>
class Convolution {
    static_assert(Dimensions == 1 || Dimensions == 2, "renn::Convolution: over 1 or 2 dimensions");

public:
    using Scalar = S;
    using Options = std::conditional_t<Dimensions == 1, Conv1dOptions, Conv2dOptions>;
    static constexpr std::string_view name = Dimensions == 1 ? "Conv1d" : "Conv2d";

    struct Parameters {
        Batch<S> weights;  ///< out channels x (in channels / groups * taps)
        Column<S> bias;    ///< out channels, or empty
        static constexpr std::array<std::string_view, 2> names{"weights", "bias"};
        auto blocks() noexcept { return std::tie(weights, bias); }
        auto blocks() const noexcept { return std::tie(weights, bias); }
    };
    using Cache = NoCache;

    template <Initialiser<S> Init = He>
    Convolution(const Shape& input, const Options& options, const Init& init = {}) : Convolution(input, options, 0, 0) {
        parameters_.weights.resize(channels_, depth());
        parameters_.bias = Column<S>::Zero(bias_ * channels_);
        init(parameters_.weights, depth(), channels_ * patches_.window.taps());
    }

    /// Same seed, same weights on every platform: He{seed}.
    Convolution(const Shape& input, const Options& options, std::uint64_t seed)
        : Convolution(input, options, He{seed}) {}

    Convolution(const Shape& input, const Options& options, Parameters parameters) : Convolution(input, options, 0, 0) {
        check(parameters);
        parameters_ = std::move(parameters);
    }

    /// Without sizes yet; for loading.
    Convolution() = default;

    Shape input_shape() const noexcept { return patches_.window.in; }
    Shape output_shape() const noexcept { return patches_.window.out(channels_); }
    const detail::SlidingWindow& window() const noexcept { return patches_.window; }
    /// Of the weights as other libraries keep them: out channels x in channels / groups x taps.
    std::array<Index, std::size_t{Dimensions} + 2> weights_shape() const noexcept {
        const Size2& kernel = patches_.window.kernel;
        const Index in = input_shape().channels / groups_;
        if constexpr (Dimensions == 1) {
            return {channels_, in, kernel.width};
        } else {
            return {channels_, in, kernel.height, kernel.width};
        }
    }
    Index in_features() const noexcept { return input_shape().size(); }
    Index out_features() const noexcept { return output_shape().size(); }

    const Parameters& parameters() const noexcept { return parameters_; }
    Parameters& parameters() noexcept { return parameters_; }

    void forward(const Parameters& w, const BatchView<S>& x, Batch<S>& y, Cache&, const Pass&) const {
        check(w);
        start(w, x, y);
        add_map(w, x, y);
    }

    template <class Dx, class G>
    void backward(const Parameters& w, const BatchView<S>& x, const BatchView<S>&, const Cache&, const BatchView<S>& dy,
                  Dx& dx, G& g) const {
        require(x, "x", in_features(), x.cols());
        require(dy, "dy", out_features(), x.cols());
        if constexpr (is_wanted<G>) {
            clear(g);
            add_gradient(x, dy, g);
        }
        if constexpr (is_wanted<Dx>) map_transposed(w, dy, dx);
    }

    /// y = W * x with any parameters; the bias takes no part.
    void map(const Parameters& w, const BatchView<S>& x, Batch<S>& y) const {
        check_weights(w);
        require(x, "x", in_features(), x.cols());
        detail::reshape(y, out_features(), x.cols());
        y.setZero();
        add_map(w, x, y);
    }

    /// Transpose of map.
    void map_transposed(const Parameters& w, const BatchView<S>& y, Batch<S>& x) const {
        check_weights(w);
        require(y, "y", out_features(), y.cols());
        detail::reshape(x, in_features(), y.cols());
        x.setZero();
        add_map_transposed(w, y, x);
    }

    /// Directional derivative: W * dx, and dW * x + db where dw is wanted.
    template <class Dw>
    void tangent(const Parameters& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx, const BatchView<S>&,
                 const Cache&, Batch<S>& dy) const {
        require(dx, "dx", in_features(), x.cols());
        if constexpr (is_wanted<Dw>) {
            check(dw);
            start(dw, x, dy);
            add_map(dw, x, dy);
        } else {
            detail::reshape(dy, out_features(), x.cols());
            dy.setZero();
        }
        check_weights(w);
        add_map(w, dx, dy);
    }

    template <class Dw, class Dx, class G>
    void backward_tangent(const Parameters& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx,
                          const BatchView<S>&, const Cache&, const BatchView<S>& above,
                          const BatchView<S>& above_tangent, Dx& dx_tangent, G& g) const {
        require(x, "x", in_features(), x.cols());
        require(dx, "dx", in_features(), x.cols());
        require(above, "above", out_features(), x.cols());
        require(above_tangent, "above_tangent", out_features(), x.cols());
        if constexpr (is_wanted<G>) {
            clear(g);
            add_gradient(x, above_tangent, g);
            add_weight_gradient(dx, above, g.weights);
        }
        if constexpr (is_wanted<Dx>) {
            map_transposed(w, above_tangent, dx_tangent);
            if constexpr (is_wanted<Dw>) {
                check_weights(dw);
                add_map_transposed(dw, above, dx_tangent);
            }
        }
    }

    /// What a file keeps beside the parameters; check() refuses what a file must not say.
    auto constants() noexcept {
        return std::tuple_cat(detail::SlidingWindow::numbers_of(patches_.window), std::tie(channels_, groups_, bias_));
    }
    auto constants() const noexcept {
        return std::tuple_cat(detail::SlidingWindow::numbers_of(patches_.window), std::tie(channels_, groups_, bias_));
    }
    void check() const {
        const auto& window = patches_.window;
        window.check(where, channels_);
        if (groups_ < 1 || window.in.channels % groups_ != 0 || channels_ % groups_ != 0) {
            detail::raise<DataError>(where, "groups", std::to_string(groups_),
                                     "a divisor of " + std::to_string(window.in.channels) + " input and " +
                                         std::to_string(channels_) + " output channels");
        }
        if (bias_ != 0 && bias_ != 1) detail::raise<DataError>(where, "bias", std::to_string(bias_), "0 or 1");
        if (Dimensions == 1 && (window.in.height != 1 || window.padding.height != 0)) {
            detail::raise<ShapeError>(where, "input", window.in.text(), "a sequence: height 1");
        }
    }
    void check(const Parameters& w) const {
        check_weights(w);
        detail::require_shape(where, "bias", w.bias, bias_ * channels_, 1);
    }

    std::string describe() const {
        const auto& window = patches_.window;
        std::string text = where;
        text += " " + input_shape().text() + " -> " + output_shape().text() + ", " + window.kernel.text();
        if (window.stride != Size2(1)) text += ", stride " + window.stride.text();
        if (window.dilation != Size2(1)) text += ", dilation " + window.dilation.text();
        if (groups_ != 1) text += ", groups " + std::to_string(groups_);
        return text;
    }

private:
    static constexpr const char* where = Dimensions == 1 ? "Conv1d" : "Conv2d";

    Convolution(const Shape& input, const Conv2dOptions& o, int, int)
        : patches_{{input, o.kernel, o.stride, o.padding, o.dilation}},
          channels_(o.channels),
          groups_(o.groups),
          bias_(o.bias ? 1 : 0) {
        check();
    }

    Index depth() const noexcept { return input_shape().channels / groups_ * patches_.window.taps(); }

    void require(const BatchView<S>& m, const char* what, Index rows, Index cols) const {
        detail::require_shape(where, what, m, rows, cols);
    }
    void check_weights(const Parameters& w) const {
        detail::require_shape(where, "weights", w.weights, channels_, depth());
    }

    /// y = b, with the shape of the output for x.
    void start(const Parameters& w, const BatchView<S>& x, Batch<S>& y) const {
        require(x, "x", in_features(), x.cols());
        detail::reshape(y, out_features(), x.cols());
        if (bias_ == 0) {
            y.setZero();
            return;
        }
        const Index places = output_shape().positions();
        for (Index j = 0; j < y.cols(); ++j) {
            for (Index c = 0; c < channels_; ++c) std::fill_n(&y(c * places, j), places, w.bias[c]);
        }
    }

    void clear(Parameters& g) const {
        detail::reshape(g.weights, channels_, depth());
        if (g.bias.size() != bias_ * channels_) g.bias.resize(bias_ * channels_);
        g.weights.setZero();
        g.bias.setZero();
    }

    // In all three, places x channels of a group is the transpose of its part of a sample, as it lies: lanes are places
    // (output channels in the gradient), and W or the tile of patches gives the right factor.

    void add_map(const Parameters& w, const BatchView<S>& x, Batch<S>& y) const {
        const Index out = channels_ / groups_, places = output_shape().positions();
        S tile[Patches::tile_size];
        for (Index j = 0; j < x.cols(); ++j) {
            patches_.for_each_tile(groups_, [&](const Tile& t) {
                patches_.gather(x.col(j).data(), t, tile);
                canonical::accumulate<false>(tile, t.stride, &w.weights(t.group * out, t.column), channels_, Index{1},
                                             y.col(j).data() + t.group * out * places + t.place, places, t.places,
                                             t.columns, out);
            });
        }
    }

    void add_map_transposed(const Parameters& w, const BatchView<S>& y, Batch<S>& x) const {
        const Index out = channels_ / groups_, places = output_shape().positions();
        S tile[Patches::tile_size];
        for (Index j = 0; j < x.cols(); ++j) {
            patches_.for_each_tile(groups_, [&](const Tile& t) {
                std::fill_n(tile, t.columns * t.stride, S(0));
                canonical::accumulate<false>(y.col(j).data() + t.group * out * places + t.place, places,
                                             &w.weights(t.group * out, t.column), Index{1}, channels_, tile, t.stride,
                                             t.places, out, t.columns);
                patches_.scatter(tile, t, x.col(j).data());
            });
        }
    }

    void add_weight_gradient(const BatchView<S>& x, const BatchView<S>& dy, Batch<S>& g) const {
        const Index out = channels_ / groups_, places = output_shape().positions();
        S tile[Patches::tile_size];
        for (Index j = 0; j < x.cols(); ++j) {
            patches_.for_each_tile(groups_, [&](const Tile& t) {
                patches_.gather(x.col(j).data(), t, tile);
                canonical::accumulate<true>(dy.col(j).data() + t.group * out * places + t.place, places, tile, Index{1},
                                            t.stride, &g(t.group * out, t.column), channels_, out, t.places, t.columns);
            });
        }
    }

    void add_gradient(const BatchView<S>& x, const BatchView<S>& dy, Parameters& g) const {
        add_weight_gradient(x, dy, g.weights);
        if (bias_ == 0) return;
        const Index places = output_shape().positions();
        const S one = 1;
        for (Index j = 0; j < dy.cols(); ++j) {
            canonical::accumulate<true>(dy.col(j).data(), places, &one, Index{0}, Index{0}, g.bias.data(), channels_,
                                        channels_, places, Index{1});
        }
    }

    using Patches = detail::Patches<S>;
    using Tile = typename Patches::Tile;
    Patches patches_;
    Index channels_ = 0;
    Index groups_ = 1;
    Index bias_ = 1;
    Parameters parameters_;
};

/// Convolution over images: Conv2d<float>(Shape{1, 28, 28}, {.channels = 16, .kernel = 3, .padding = 1}, seed).
template <std::floating_point S = float>
using Conv2d = Convolution<S, 2>;

/// Convolution along sequences, Shape{channels, 1, length}.
template <std::floating_point S = float>
using Conv1d = Convolution<S, 1>;

}  // namespace renn::inline RENN_ABI
