// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/robustness.hpp - small random changes that a picture has to stand, so that it is not
// noise.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/attribution/maximisation/resample.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/rng.hpp>
#include <renn/core/shape.hpp>
#include <renn/network/network.hpp>

namespace renn::inline RENN_ABI::maximisation {

/// The middle of the output looks at the middle of the input, to whole pixels: a wider frame, or a narrower one.
struct FrameDraw {
    static constexpr std::string_view name = "Frame";
    Motion operator()(Rng&, const Shape& in, const Shape& out) const {
        return {.dx = -0.5 * static_cast<double>((in.width + out.width) % 2),
                .dy = -0.5 * static_cast<double>((in.height + out.height) % 2)};
    }
};

/// A part of the image of the output's size, at any place.
struct JitterDraw {
    static constexpr std::string_view name = "Jitter";
    Motion operator()(Rng& rng, const Shape& in, const Shape& out) const {
        const auto offset = [&rng](Index more) {
            const auto room = static_cast<std::uint64_t>(std::max<Index>(more, 0));
            return static_cast<double>(rng.below(room + 1)) - 0.5 * static_cast<double>(room);
        };
        const double dx = offset(in.width - out.width);
        return {.dx = dx, .dy = offset(in.height - out.height)};
    }
};

/// Larger or smaller by one of some factors, about the middle.
struct ScaleDraw {
    static constexpr std::string_view name = "RandomScale";
    std::vector<double> factors;
    Motion operator()(Rng& rng, const Shape&, const Shape&) const {
        const double by = 1.0 / factors[rng.below(factors.size())];
        return {.xx = by, .yy = by};
    }
};

/// Turned by one of some angles in degrees, about the middle.
struct RotationDraw {
    static constexpr std::string_view name = "RandomRotation";
    std::vector<double> degrees;
    Motion operator()(Rng& rng, const Shape&, const Shape&) const {
        const double angle = degrees[rng.below(degrees.size())] * std::numbers::pi / 180.0;
        return {.xx = std::cos(angle), .xy = -std::sin(angle), .yx = std::sin(angle), .yy = std::cos(angle)};
    }
};

/// A frame of so many pixels around the image.
template <class S>
Resample<S, FrameDraw> pad(const Shape& shape, Index pixels, S outside = S(0.5)) {
    return {shape, {shape.channels, shape.height + 2 * pixels, shape.width + 2 * pixels}, {}, outside};
}
/// The middle of the image, or the image in the middle of a larger frame.
template <class S>
Resample<S, FrameDraw> centred(const Shape& shape, const Shape& to, S outside = S(0.5)) {
    return {shape, to, {}, outside};
}
/// The image moved by up to so many pixels in all; it loses as many rows and columns.
template <class S>
Resample<S, JitterDraw> jitter(const Shape& shape, Index pixels) {
    return {shape, {shape.channels, shape.height - pixels, shape.width - pixels}, {}};
}
/// The image resized by one of some factors, in a frame that stays. Throws DataError for no factor, or one not above 0.
template <class S>
Resample<S, ScaleDraw> random_scale(const Shape& shape, std::vector<double> factors, S outside = S(0.5)) {
    if (factors.empty()) detail::raise<DataError>("random_scale", "factors", "0", "1 or more");
    for (const double f : factors) {
        if (!(f > 0.0)) detail::raise<DataError>("random_scale", "factor", std::to_string(f), "above 0");
    }
    return {shape, shape, {std::move(factors)}, outside};
}
/// The image turned by one of some angles, in a frame that stays. Throws DataError for none.
template <class S>
Resample<S, RotationDraw> random_rotation(const Shape& shape, std::vector<double> degrees, S outside = S(0.5)) {
    if (degrees.empty()) detail::raise<DataError>("random_rotation", "degrees", "0", "1 or more");
    return {shape, shape, {std::move(degrees)}, outside};
}

/// Pad 12, jitter 8, scale 0.9 to 1.1, rotation -10 to 10 degrees (five more zeros), jitter 4, and the middle of the
/// original size: pixels are those of an image of 224, and fewer for smaller ones, at least 1.
/// Source   lucid, `standard_transforms`.
template <class S>
auto robustness(const Shape& shape, S outside = S(0.5)) {
    const auto pixels = [&](double of_224) {
        const auto size = static_cast<double>(std::min(shape.height, shape.width));
        return std::max<Index>(1, static_cast<Index>(std::ceil(of_224 * size / 224.0)));
    };
    std::vector<double> factors, degrees(5, 0.0);
    for (int i = 0; i <= 10; ++i) factors.push_back(0.9 + 0.02 * i);
    for (int d = -10; d <= 10; ++d) degrees.push_back(d);
    const auto wide = pad<S>(shape, pixels(12), outside);
    const auto moved = jitter<S>(wide.output_shape(), pixels(8));
    const auto scaled = random_scale<S>(moved.output_shape(), std::move(factors), outside);
    const auto turned = random_rotation<S>(scaled.output_shape(), std::move(degrees), outside);
    const auto again = jitter<S>(turned.output_shape(), pixels(4));
    return Network(wide, moved, scaled, turned, again, centred<S>(again.output_shape(), shape, outside));
}

}  // namespace renn::inline RENN_ABI::maximisation
