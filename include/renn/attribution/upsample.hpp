// SPDX-License-Identifier: MIT
// renn/attribution/upsample.hpp - small maps made as large as the image they belong to.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/layers/window.hpp>

namespace renn::inline RENN_ABI {

/// Between pixels: the nearest one, or a mixture of four.
enum class Interpolation : std::uint8_t { nearest, bilinear };

/// Maps of one size at another, (height, width) x n each: pixel i of `to` looks at (i + 1/2) from / to - 1/2, held
/// inside the map.
///
/// Throws   ShapeError unless the maps are of size `from`, DataError for a size below 1.
template <class Derived>
Batch<typename Derived::Scalar> upsample(const Eigen::MatrixBase<Derived>& maps, const Size2& from, const Size2& to,
                                         Interpolation how = Interpolation::bilinear) {
    using S = typename Derived::Scalar;
    if (std::min({from.height, from.width, to.height, to.width}) < 1) {
        detail::raise<DataError>("upsample", "size", from.text() + " to " + to.text(), "1 or more");
    }
    detail::require_shape("upsample", "maps", maps, from.height * from.width, maps.cols());
    struct Between {
        Index low, high;
        S share;  ///< of high
    };
    const auto place = [how](Index i, Index size, Index wanted) -> Between {
        const double at = (static_cast<double>(i) + 0.5) * static_cast<double>(size) / static_cast<double>(wanted);
        if (how == Interpolation::nearest) {
            const Index one = std::min(static_cast<Index>(at), size - 1);
            return {one, one, S(0)};
        }
        const double inside = std::clamp(at - 0.5, 0.0, static_cast<double>(size - 1));
        const auto low = static_cast<Index>(inside);
        return {low, std::min(low + 1, size - 1), static_cast<S>(inside - static_cast<double>(low))};
    };
    Batch<S> large(to.height * to.width, maps.cols());
    for (Index y = 0; y < to.height; ++y) {
        const Between v = place(y, from.height, to.height);
        for (Index x = 0; x < to.width; ++x) {
            const Between h = place(x, from.width, to.width);
            const auto across = [&](Index row) {
                return (S(1) - h.share) * maps.row(row * from.width + h.low) +
                       h.share * maps.row(row * from.width + h.high);
            };
            large.row(y * to.width + x) = (S(1) - v.share) * across(v.low) + v.share * across(v.high);
        }
    }
    return large;
}

}  // namespace renn::inline RENN_ABI
