// SPDX-License-Identifier: MIT
// renn/data/hsv_rgb.hpp - the colour task: hue, saturation and value in; red, green and blue out.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/rng.hpp>
#include <renn/data/dataset.hpp>

namespace renn::inline RENN_ABI {

/// Hue, saturation, value of red, green, blue; all in [0, 1], a turn of the hue being 1. Grey has hue 0, black also
/// saturation 0. Source: A. R. Smith, "Color gamut transform pairs" (1978).
template <std::floating_point S>
std::array<S, 3> rgb_to_hsv(const std::array<S, 3>& rgb) noexcept {
    const auto [r, g, b] = rgb;
    const S most = std::max({r, g, b});
    const S range = most - std::min({r, g, b});
    if (!(range > S(0))) return {S(0), S(0), most};
    S sextant = most == r ? (g - b) / range : most == g ? S(2) + (b - r) / range : S(4) + (r - g) / range;
    if (sextant < S(0)) sextant += S(6);
    const S hue = sextant / S(6);
    return {hue < S(1) ? hue : S(0), range / most, most};  // a hue just below 0 may round to 1
}

/// The other way. Hue is an angle: 1.25 is 0.25 and -0.1 is 0.9. Blend colours as red, green, blue: the mean of two
/// reds at hue 0.01 and 0.99 is not cyan.
template <std::floating_point S>
std::array<S, 3> hsv_to_rgb(const std::array<S, 3>& hsv) noexcept {
    const auto [h, s, v] = hsv;
    const S sextant = (h - std::floor(h)) * S(6);
    const S whole = std::floor(sextant);
    const S part = sextant - whole;
    const S low = v * (S(1) - s), falling = v * (S(1) - s * part), rising = v * (S(1) - s * (S(1) - part));
    switch (static_cast<int>(whole) % 6) {
        case 0:
            return {v, rising, low};
        case 1:
            return {falling, v, low};
        case 2:
            return {low, v, rising};
        case 3:
            return {low, falling, v};
        case 4:
            return {rising, low, v};
        default:
            return {v, low, falling};
    }
}

/// About n samples on a grid of colours, k = round(cube root of n) values i / (k - 1) of each of red, green and blue;
/// 50,000 gives 37^3 = 50,653. Blue is slowest, then red, green fastest.
///
/// Shapes   inputs: 3 x k^3, hue, saturation, value; targets: 3 x k^3, red, green, blue.
/// Throws   DataError unless n is 4 to 2^24.
template <std::floating_point S = float>
Dataset<S> hsv_rgb_grid(Index n) {
    constexpr Index most = Index{1} << 24;
    if (n < 4 || n > most)
        detail::raise<DataError>("hsv_rgb_grid", "n", std::to_string(n), "4.." + std::to_string(most));
    const Index k = std::lround(std::cbrt(static_cast<double>(n)));
    Batch<S> hsv(3, k * k * k);
    Batch<S> rgb(3, k * k * k);
    const auto level = [k](Index i) { return static_cast<S>(i) / static_cast<S>(k - 1); };
    Index at = 0;
    for (Index b = 0; b < k; ++b) {
        for (Index r = 0; r < k; ++r) {
            for (Index g = 0; g < k; ++g, ++at) {
                const std::array<S, 3> colour{level(r), level(g), level(b)};
                std::ranges::copy(colour, rgb.col(at).data());
                std::ranges::copy(rgb_to_hsv(colour), hsv.col(at).data());
            }
        }
    }
    return Dataset<S>(std::move(hsv), {.targets = std::move(rgb)});
}

/// n samples with hue, saturation and value uniform in [0, 1); sample i depends on (seed, i) alone. Shapes as
/// hsv_rgb_grid. Throws DataError if n is negative.
template <std::floating_point S = float>
Dataset<S> hsv_rgb_random(Index n, std::uint64_t seed) {
    if (n < 0) detail::raise<DataError>("hsv_rgb_random", "n", std::to_string(n), "0 or more");
    // As many bits as S holds, so that rounding never reaches 1.
    const auto uniform = [](Rng& rng) {
        if constexpr (sizeof(S) < sizeof(double)) return static_cast<S>(rng.bits() >> 40) * S(0x1.0p-24);
        return static_cast<S>(rng.uniform());
    };
    Rng rng(seed);
    Batch<S> hsv(3, n);
    Batch<S> rgb(3, n);
    for (Index i = 0; i < n; ++i) {
        std::array<S, 3> colour;
        for (S& c : colour) c = uniform(rng);
        std::ranges::copy(colour, hsv.col(i).data());
        std::ranges::copy(hsv_to_rgb(colour), rgb.col(i).data());
    }
    return Dataset<S>(std::move(hsv), {.targets = std::move(rgb)});
}

}  // namespace renn::inline RENN_ABI
