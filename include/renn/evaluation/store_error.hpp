// SPDX-License-Identifier: MIT
// renn/evaluation/store_error.hpp - how far the values of a reduced store are from those that were recorded.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI {

/// Of the stored values of one place.
struct StoreError {
    std::string place;
    double largest = 0.0;  ///< difference that was found
    double bound = 0.0;    ///< that it cannot exceed: the largest of all values' bounds
    double rms = 0.0;      ///< root of the mean square of the differences
};

/// Compares every value of a reduced store with the same of an exact one; one entry a stored point.
/// Throws   MismatchError unless both have the same places, units and samples in the same order.
template <class Reduced, class Reference>
std::vector<StoreError> store_errors(const Reduced& reduced, const Reference& exact) {
    using S = typename Reduced::Scalar;
    const auto same_ids = [&] {
        for (std::size_t s = 0; s < reduced.ids.size(); ++s) {
            if (reduced.ids[s] != exact.ids[s]) return false;
        }
        return true;
    };
    if (reduced.samples() != exact.samples() || !(reduced.points == exact.points) || !same_ids()) {
        detail::raise<MismatchError>("store_errors", "the stores have other places or samples");
    }
    std::vector<StoreError> errors;
    std::vector<S> left, right;
    for (std::uint32_t p = 0; p < reduced.points.size(); ++p) {
        const Point& point = reduced.points[p];
        if (!point.stored()) continue;
        StoreError& error = errors.emplace_back();
        error.place = point.name;
        double squares = 0.0;
        for (std::uint32_t u = 0; u < point.units.size(); ++u) {
            for (Index d = 0; d < point.dimensions(); ++d) {
                const std::span<const S> there = reduced.values({p, u}, d, left), here = exact.values({p, u}, d, right);
                for (std::size_t s = 0; s < here.size(); ++s) {
                    const double difference = std::abs(static_cast<double>(here[s]) - static_cast<double>(there[s]));
                    error.largest = std::max(error.largest, difference);
                    error.bound = std::max(error.bound, reduced.error_bound({p, u}, d, static_cast<Index>(s)));
                    squares += difference * difference;
                }
            }
        }
        const auto count = static_cast<double>(point.columns() * reduced.samples());
        error.rms = count > 0 ? std::sqrt(squares / count) : 0.0;
    }
    return errors;
}

}  // namespace renn::inline RENN_ABI
