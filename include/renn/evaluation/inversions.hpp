// SPDX-License-Identifier: MIT
// renn/evaluation/inversions.hpp - counts the pairs of a sequence that are in the wrong order, for Kendall's tau.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI::detail {

template <class T>
std::int64_t sort_and_count(std::span<T> values, std::span<T> scratch) {
    if (values.size() < 2) return 0;
    const std::size_t half = values.size() / 2;
    std::int64_t wrong = sort_and_count(values.first(half), scratch) + sort_and_count(values.subspan(half), scratch);
    std::size_t left = 0, right = half;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const bool take_left = right == values.size() || (left < half && values[left] <= values[right]);
        if (!take_left) wrong += static_cast<std::int64_t>(half - left);
        scratch[i] = values[take_left ? left++ : right++];
    }
    std::copy_n(scratch.begin(), values.size(), values.begin());
    return wrong;
}

/// Pairs of which the first is the larger one; the values are sorted afterwards. O(n log n).
template <class T>
std::int64_t sort_and_count(std::vector<T>& values) {
    std::vector<T> scratch(values.size());
    return sort_and_count(std::span<T>(values), std::span<T>(scratch));
}

}  // namespace renn::inline RENN_ABI::detail
