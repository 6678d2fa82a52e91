// SPDX-License-Identifier: MIT
// renn/tracing/finish_plan.hpp - how a journal becomes a store file within a byte budget.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <renn/core/abi.hpp>
#include <renn/tracing/store_layout.hpp>

namespace renn::inline RENN_ABI::detail {

/// Upper bound of the length of the file that a journal becomes, to plan with.
template <class S>
std::uint64_t finish_bytes(std::uint64_t samples, std::uint64_t columns, std::uint64_t meta, std::uint64_t segment) {
    return columns * samples * (sizeof(S) + 5) + samples * meta / segment;
}

/// Memory that writing a store file from a journal takes, and what fits into a budget.
struct FinishPlan {
    std::uint64_t fixed = 0;   ///< whatever the plan is
    std::uint64_t thread = 0;  ///< of a thread that sorts a column
    std::uint64_t column = 0;  ///< of a column that waits in memory
    std::uint64_t least = 0;   ///< budget below which it cannot be done
    int threads = 1;
    std::uint64_t group =
        0;  ///< columns read from the journal in one pass; 0: not even one fits, they are sorted on disk
    std::uint64_t passes = 1;

    /// `meta`: bytes that a segment has beside its values; `ordered`: ids ascend, so that no order of them is needed.
    FinishPlan(std::size_t scalar, std::uint64_t samples, std::uint64_t columns, std::uint64_t file_bytes,
               std::uint64_t meta, bool ordered, std::uint64_t budget, int wanted_threads) {
        const std::uint64_t order = ordered ? 0 : 4 * samples;  // sorting them takes less than a column does
        const std::uint64_t item = scalar == 4 ? 8 : 16;
        column = std::max<std::uint64_t>(1, samples) * scalar;
        thread = samples * (2 * scalar + 4 + 2 * item);
        fixed =
            (std::uint64_t{4} << 20) + file_bytes / chunk_bytes * 16 + samples / 59 * scalar + 3 * meta + 64 * columns;
        least = fixed + (std::uint64_t{5} << 20);
        const std::uint64_t rest = budget > fixed ? budget - fixed : 0;
        passes = columns;
        if (rest < order + thread + column) return;
        const std::uint64_t most = (rest - order) / (thread + column);
        threads = static_cast<int>(std::min<std::uint64_t>(most, static_cast<std::uint64_t>(wanted_threads)));
        group = std::min(columns, (rest - order - static_cast<std::uint64_t>(threads) * thread) / column);
        passes = group == 0 ? 1 : (columns + group - 1) / group;
    }
};

}  // namespace renn::inline RENN_ABI::detail
