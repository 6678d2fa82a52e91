// SPDX-License-Identifier: MIT
// renn/index/metric.hpp - how far two vectors of activations are apart.
#pragma once

#include <cstdint>
#include <string_view>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI {

/// Distances between vectors. The nearest is always the smallest.
enum class Metric : std::uint8_t {
    l2,      ///< Euclidean
    l1,      ///< sum of absolute differences
    linf,    ///< largest absolute difference
    cosine,  ///< 1 - cosine of the angle, in 0..2; a vector of zeros is at 1 from everything
    dot,     ///< the negative product: a larger product is nearer
};

/// The metric's name as in the code.
inline std::string_view metric_name(Metric metric) noexcept {
    switch (metric) {
        case Metric::l2:
            return "l2";
        case Metric::l1:
            return "l1";
        case Metric::linf:
            return "linf";
        case Metric::cosine:
            return "cosine";
        case Metric::dot:
            return "dot";
    }
    return "?";
}

}  // namespace renn::inline RENN_ABI
