// SPDX-License-Identifier: MIT
// renn/index/check_window.hpp - whether what a query read of a stored column is what was written.
#pragma once

#include <algorithm>
#include <cstdint>

#include <renn/core/error.hpp>
#include <renn/index/column.hpp>
#include <renn/index/window.hpp>

namespace renn::inline RENN_ABI::detail {

/// Checks what the window of a query rests on. The levels above the column are right if they led to the right place,
/// whatever they are; of the values, those about the place and at the edges decide.
/// Throws   what `index.check` throws; FormatError if the levels led elsewhere.
template <class Index, class S>
void check_window(const Index& index, const ColumnView<S>& column, double query, std::uint32_t k,
                  std::uint32_t position, const Window& w, bool among) {
    const std::uint32_t n = column.size;
    const auto around = [&](std::uint32_t begin, std::uint32_t end) {
        begin = begin > 2 ? begin - 2 : 0;  // one before, and one more where a sample is left out
        end = std::min(n, end < n - std::min(n, 2U) ? end + 2 : n);
        index.check(column.values + begin, end - begin);
    };
    const std::uint32_t reach = std::min(k, n);
    around(position > reach ? position - reach : 0, position < n - reach ? position + reach : n);
    around(w.tied_begin, std::min(w.tied_begin + 1, n));
    around(w.tied_end, w.tied_end);
    if (among) {  // every sample on the way was looked at
        const bool all = w.closer + w.places < k;
        const std::uint32_t begin = all ? 0 : w.tied_begin, end = all ? n : w.tied_end;
        around(begin, end);
        index.check(column.order + begin, end - begin);
    }
    const S least = column.least(query);
    if ((position > 0 && !(column.values[position - 1] < least)) || (position < n && column.values[position] < least)) {
        raise<FormatError>("index", "damaged: the levels of a search do not belong to their column");
    }
}

}  // namespace renn::inline RENN_ABI::detail
