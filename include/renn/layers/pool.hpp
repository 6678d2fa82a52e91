// SPDX-License-Identifier: MIT
// renn/layers/pool.hpp - what layers share that make one value of a window of values.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/shape.hpp>
#include <renn/layers/window.hpp>

namespace renn::inline RENN_ABI {

/// Of pooling over images; by default windows of 2 x 2 side by side.
struct PoolOptions {
    Size2 kernel = 2;
    Size2 stride = kernel;
    Size2 padding = 0;  ///< at most half the kernel
};

namespace detail {

/// What layers share that make one value of a window, channel by channel.
template <std::floating_point S>
class PoolLayer {
public:
    using Scalar = S;
    using Parameters = NoParameters;
    using Cache = NoCache;

    Shape input_shape() const noexcept { return window_.in; }
    Shape output_shape() const noexcept { return window_.out(window_.in.channels); }
    const SlidingWindow& window() const noexcept { return window_; }
    Index in_features() const noexcept { return input_shape().size(); }
    Index out_features() const noexcept { return output_shape().size(); }
    const Parameters& parameters() const noexcept { return none_; }

    auto constants() noexcept { return SlidingWindow::numbers_of(window_); }
    auto constants() const noexcept { return SlidingWindow::numbers_of(window_); }

protected:
    PoolLayer() = default;
    PoolLayer(const Shape& input, const PoolOptions& o) : window_{input, o.kernel, o.stride, o.padding, 1} {}

    void check(const char* where) const {
        window_.check(where, window_.in.channels);
        if (2 * window_.padding.height > window_.kernel.height || 2 * window_.padding.width > window_.kernel.width) {
            raise<DataError>(where, "padding", window_.padding.text(), "at most half of " + window_.kernel.text());
        }
    }
    void require_in(const char* where, const BatchView<S>& x) const {
        require_shape(where, "x", x, in_features(), x.cols());
    }
    void require_out(const char* where, const BatchView<S>& dy, Index samples) const {
        require_shape(where, "dy", dy, out_features(), samples);
    }
    std::string describe(std::string_view name) const {
        std::string text(name);
        text += " " + input_shape().text() + " -> " + output_shape().text() + ", " + window_.kernel.text();
        if (window_.stride != window_.kernel) text += ", stride " + window_.stride.text();
        return text;
    }

    SlidingWindow window_;
    [[no_unique_address]] NoParameters none_;
};

}  // namespace detail

}  // namespace renn::inline RENN_ABI
