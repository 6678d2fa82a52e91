// SPDX-License-Identifier: MIT
// renn/tracing/check_levels.hpp - checks what a search through a column of a store file rests on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

#include <renn/index/search_levels.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/store_chunks.hpp>

namespace renn::inline RENN_ABI::detail {

/// Checks the levels of a column but the finest, whose errors a search finds by its result, and the infinities behind
/// each, which keep a search within bounds. Throws FormatError.
template <class S>
void check_levels(const StoreChunks& chunks, std::span<const S> levels, const Point& point) {
    const std::uint64_t samples = chunks.head().samples;
    const SearchLevels at(static_cast<std::uint32_t>(samples));
    if (at.depth == 0) return;
    chunks.check(levels.data(), at.begin[at.depth - 1] * sizeof(S));
    const auto end = levels.last(SearchLevels::fan);
    chunks.check(end.data(), end.size_bytes());
    for (std::uint32_t level = 0; level < at.depth; ++level) {
        for (std::size_t i = at.begin[level] + samples / at.stride(level); i < at.begin[level + 1]; ++i) {
            if (levels[i] == std::numeric_limits<S>::infinity()) continue;
            chunks.fail("end of a level of " + point.text(), std::to_string(levels[i]), "infinity");
        }
    }
}

}  // namespace renn::inline RENN_ABI::detail
