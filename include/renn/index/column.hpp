// SPDX-License-Identifier: MIT
// renn/index/column.hpp - one neuron's values in ascending order, and who they belong to.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/index/radix_sort.hpp>

namespace renn {

/// Values in ascending order with the sample positions they belong to; equal values by ascending sample id.
template <class S>
struct SortedColumn {
    std::vector<S> values;
    std::vector<std::uint32_t> order;

    /// Throws DataError if a value is not finite: such a value never enters an index.
    static SortedColumn of(std::span<const S> values, std::span<const std::uint32_t> by_id,
                           detail::RadixScratch<S>& scratch) {
        SortedColumn column;
        column.values.resize(values.size());
        column.order.resize(values.size());
        detail::radix_sort(values, by_id, column.values.data(), column.order.data(), scratch);
        // Keys put NaN and infinities at the two ends.
        for (const std::size_t end : {std::size_t{0}, values.size() - 1}) {
            if (!values.empty() && !std::isfinite(column.values[end])) {
                detail::raise<DataError>("index", "value at position " + std::to_string(column.order[end]),
                                         std::to_string(column.values[end]), "a finite value");
            }
        }
        return column;
    }
};

/// A sorted column as a search sees it: through an activation of the form x > 0 ? x : slope * x, which keeps the order
/// (slope 1: as it is), and without the sample at sorted place `hole` (size: none).
template <class S>
struct ColumnView {
    const S* values = nullptr;
    const std::uint32_t* order = nullptr;
    std::uint32_t size = 0;
    S slope = S(1);
    std::uint32_t hole = 0;

    ColumnView() = default;
    ColumnView(const SortedColumn<S>& column, S negative_slope) noexcept
        : values(column.values.data()), order(column.order.data()), size(static_cast<std::uint32_t>(column.values.size())),
          slope(negative_slope), hole(size) {}

    /// Without the sample at a sorted place.
    ColumnView without(std::uint32_t place) const noexcept {
        ColumnView view = *this;
        view.hole = place;
        view.size = size - 1;
        return view;
    }

    std::uint32_t place(std::uint32_t i) const noexcept { return i + (i >= hole ? 1U : 0U); }
    S through(S value) const noexcept { return value > S(0) ? value : slope * value; }
    S at(std::uint32_t i) const noexcept { return through(values[place(i)]); }
    double distance(std::uint32_t i, double query) const noexcept {
        return std::abs(static_cast<double>(at(i)) - query);
    }
};

}  // namespace renn
