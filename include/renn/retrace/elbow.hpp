// SPDX-License-Identifier: MIT
// renn/retrace/elbow.hpp - how votes fall over the ranks of the sources, and where that curve bends.
#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/retrace/votes.hpp>

namespace renn::inline RENN_ABI {

/// Share of all votes that the source of each rank has, most votes first: entry r - 1 is rank r. 0 where fewer sources
/// than `ranks` got any votes. Cost: as Votes::top(ranks).
template <class I>
std::vector<double> vote_shares(const Votes<I>& votes, std::size_t ranks) {
    std::vector<double> shares(ranks, 0.0);
    const std::vector<Source> top = votes.top(ranks);
    for (std::size_t r = 0; r < top.size(); ++r) shares[r] = top[r].share;
    return shares;
}

/// Where a falling curve bends: the rank, from 1, whose point lies farthest below the chord from the first point to the
/// last, the first one among equals. Ranks and values count in parts of their range, so that neither unit matters.
/// Nothing where no point is below the chord: a straight line, a rising or a bulging curve, fewer than three points.
/// How long a tail the curve has matters: state the number of ranks with the elbow.
///
/// Throws   DataError for a value that is not finite.
/// Source   Satopaa et al., Finding a "Kneedle" in a Haystack (2011), without smoothing.
inline std::optional<std::size_t> elbow(std::span<const double> curve) {
    for (std::size_t i = 0; i < curve.size(); ++i) {
        if (!std::isfinite(curve[i])) {
            detail::raise<DataError>("elbow", "value " + std::to_string(i), std::to_string(curve[i]), "a finite value");
        }
    }
    if (curve.size() < 3) return std::nullopt;
    const double fall = curve.front() - curve.back();
    if (!(fall > 0.0)) return std::nullopt;
    double farthest = 1e-12;  // of what rounding leaves of a straight line
    std::optional<std::size_t> found;
    for (std::size_t i = 1; i + 1 < curve.size(); ++i) {
        const double along = static_cast<double>(i) / static_cast<double>(curve.size() - 1);
        const double below = (1.0 - along) - (curve[i] - curve.back()) / fall;
        if (below > farthest) {
            farthest = below;
            found = i + 1;
        }
    }
    return found;
}

}  // namespace renn::inline RENN_ABI
