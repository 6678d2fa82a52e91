// SPDX-License-Identifier: MIT
// renn/retrace/source.hpp - a training sample that a query is traced to, and what class the sources speak for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI {

/// A training sample that a query is traced to.
struct Source {
    std::uint64_t id = 0;
    double votes = 0.0;
    double share = 0.0;            ///< of all votes; the shares of all sources sum to 1
    std::int32_t label = -1;       ///< -1 if none was recorded
    std::int32_t prediction = -1;  ///< the model's own for this sample; -1 if it has no outputs

    bool operator==(const Source&) const = default;
};

/// Class with most evidence, the first among equals; -1 if there is none above 0: nobody voted.
/// Shapes   evidence: one a class.
inline std::int32_t evidence_class(std::span<const double> evidence) {
    const auto best = std::max_element(evidence.begin(), evidence.end());
    return best == evidence.end() || *best <= 0.0 ? -1 : static_cast<std::int32_t>(best - evidence.begin());
}

}  // namespace renn::inline RENN_ABI
