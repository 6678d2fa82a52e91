// SPDX-License-Identifier: MIT
// renn/layers/window.hpp - where a sliding window of a convolution or a pooling layer lies.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <tuple>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/shape.hpp>

namespace renn::inline RENN_ABI {

/// Rows and columns of a window, of its steps, of a border. One number stands for both.
struct Size2 {
    Index height = 1;
    Index width = 1;

    constexpr Size2(Index both) noexcept : height(both), width(both) {}
    constexpr Size2(Index height_, Index width_) noexcept : height(height_), width(width_) {}
    bool operator==(const Size2&) const = default;
    /// "3 x 3"
    std::string text() const { return std::to_string(height) + " x " + std::to_string(width); }
};

namespace detail {

/// A window of `kernel` taps, `dilation` apart, that goes over an image with a border of `padding` zeros in steps of
/// `stride`. Places that it cannot fill are left out, so the last rows and columns may stay unused.
struct SlidingWindow {
    Shape in;
    Size2 kernel = 1;
    Size2 stride = 1;
    Size2 padding = 0;
    Size2 dilation = 1;

    Shape out(Index channels) const noexcept {
        return {channels, places(in.height, kernel.height, stride.height, padding.height, dilation.height),
                places(in.width, kernel.width, stride.width, padding.width, dilation.width)};
    }
    Index taps() const noexcept { return kernel.height * kernel.width; }

    template <class W>
    static auto numbers_of(W& w) noexcept {
        return std::tie(w.in.channels, w.in.height, w.in.width, w.kernel.height, w.kernel.width, w.stride.height,
                        w.stride.width, w.padding.height, w.padding.width, w.dilation.height, w.dilation.width);
    }

    /// Throws DataError or ShapeError, also for numbers of a damaged file, whose products would not fit an Index.
    void check(const char* where, Index out_channels) const {
        const auto size = [where](const char* what, const Size2& s, Index least) {
            if (std::min(s.height, s.width) < least || std::max(s.height, s.width) > largest) {
                raise<DataError>(where, what, s.text(), std::to_string(least) + " or more");
            }
        };
        if (std::min({in.channels, in.height, in.width}) < 1 ||
            std::max({in.channels, in.height, in.width}) > largest) {
            raise<ShapeError>(where, "input", in.text(), "1 or more of each");
        }
        if (out_channels < 1 || out_channels > largest) {
            raise<DataError>(where, "channels", std::to_string(out_channels), "1 or more");
        }
        size("kernel", kernel, 1);
        size("stride", stride, 1);
        size("padding", padding, 0);
        size("dilation", dilation, 1);
        const Size2 padded(in.height + 2 * padding.height, in.width + 2 * padding.width);
        const Size2 reach(dilation.height * (kernel.height - 1) + 1, dilation.width * (kernel.width - 1) + 1);
        if (reach.height > padded.height || reach.width > padded.width) {
            raise<ShapeError>(where, "kernel with its dilation", reach.text(),
                              "at most the padded input, " + padded.text());
        }
        const auto product = [](double a, const auto& s) {
            return a * static_cast<double>(s.height) * static_cast<double>(s.width);
        };
        const auto channels = static_cast<double>(in.channels), made = static_cast<double>(out_channels);
        if (std::max({product(channels, in), product(made, out(out_channels)), product(channels, kernel)}) >
            static_cast<double>(largest)) {
            raise<ShapeError>(where, "input, output or kernel",
                              in.text() + ", " + out(out_channels).text() + " and " + kernel.text(),
                              "fewer than 2^31 values each");
        }
    }

    /// Calls f(at, count, from) for the runs of places at which the tap (ky, kx) lies inside the image, among the
    /// `count` places from (row, column) of an output `width` wide on: `at` counts places from there, `from` is where
    /// the tap of the run's first place lies in its channel; that of the next lies `stride.width` further.
    template <class F>
    void for_each_run(Index ky, Index kx, Index width, Index row, Index column, Index count, F&& f) const {
        const Index shift = kx * dilation.width - padding.width;
        const Index left = shift < 0 ? steps(stride.width - 1 - shift, stride.width) : 0;
        const Index right = shift < in.width ? steps(in.width - 1 - shift, stride.width) + 1 : 0;
        Index y = row * stride.height + ky * dilation.height - padding.height;
        for (Index start = -column; start < count; start += width, y += stride.height) {
            if (y < 0 || y >= in.height) continue;
            const Index begin = std::max(left, -start), end = std::min({right, width, count - start});
            if (begin < end) f(start + begin, end - begin, y * in.width + begin * stride.width + shift);
        }
    }

    /// The same for all places of the output, tap after tap.
    template <class F>
    void for_each_run(F&& f) const {
        const Shape all = out(1);
        for (Index ky = 0; ky < kernel.height; ++ky) {
            for (Index kx = 0; kx < kernel.width; ++kx) for_each_run(ky, kx, all.width, 0, 0, all.positions(), f);
        }
    }

private:
    static constexpr Index largest = 2147483647;

    /// Divides without dividing in the usual case.
    static Index steps(Index distance, Index step) noexcept { return step == 1 ? distance : distance / step; }
    static Index places(Index size, Index taps, Index step, Index border, Index apart) noexcept {
        return (size + 2 * border - apart * (taps - 1) - 1) / step + 1;
    }
};

}  // namespace detail
}  // namespace renn::inline RENN_ABI
