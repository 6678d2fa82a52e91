// SPDX-License-Identifier: MIT
// renn/tracing/thin.hpp - every n-th sample.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/data/sample_batch.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI::detail {

inline void check_selection(const Selection& selection) {
    if (selection.every < 1) raise<DataError>("trace", "every", std::to_string(selection.every), "1 or more");
}

/// 0, every, 2 every, ... below n.
inline std::vector<Index> positions(Index n, Index every) {
    std::vector<Index> chosen;
    chosen.reserve(static_cast<std::size_t>((n + every - 1) / every));
    for (Index s = 0; s < n; s += every) chosen.push_back(s);
    return chosen;
}

/// Leaves every n-th sample of a stream in the batch that begins with the stream's sample number `passed`.
template <class S>
void thin(SampleBatch<S>& batch, std::uint64_t passed, Index every) {
    const Index count = batch.inputs.cols();
    if (batch.ids.empty()) {
        for (Index j = 0; j < count; ++j) batch.ids.push_back(passed + static_cast<std::uint64_t>(j));
    }
    Index kept = 0;
    for (Index j = 0; j < count; ++j) {
        if ((passed + static_cast<std::uint64_t>(j)) % static_cast<std::uint64_t>(every) != 0) continue;
        const auto from = static_cast<std::size_t>(j), to = static_cast<std::size_t>(kept);
        if (kept != j) batch.inputs.col(kept) = batch.inputs.col(j);
        batch.ids[to] = batch.ids[from];
        if (!batch.labels.empty()) batch.labels[to] = batch.labels[from];
        ++kept;
    }
    batch.inputs.conservativeResize(Eigen::NoChange, kept);
    batch.ids.resize(static_cast<std::size_t>(kept));
    if (!batch.labels.empty()) batch.labels.resize(static_cast<std::size_t>(kept));
}

}  // namespace renn::inline RENN_ABI::detail
