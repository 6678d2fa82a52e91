// SPDX-License-Identifier: MIT
// renn/index/column.hpp - one neuron's values in ascending order, and who they belong to.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <renn/core/error.hpp>
#include <renn/index/radix_sort.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// a * b, rounded before anything is added to it. Where the processor can, g++ otherwise fuses the product with the
/// difference that a distance takes: one rounding less, and a recorded sample would not find itself at distance 0.
template <class S>
S rounded_product(S a, S b) noexcept {
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
    return __builtin_assoc_barrier(a * b);
#else
    return a * b;
#endif
}

}  // namespace detail

/// A sorted column as a search sees it: values in ascending order with the sample positions they belong to, equal
/// values by ascending sample id. It is seen through an activation of the form x > 0 ? x : slope * x, which keeps the
/// order (slope 1: as it is), and without the sample at sorted place `hole` (size: none).
template <class S>
struct ColumnView {
    const S* values = nullptr;
    const std::uint32_t* order = nullptr;
    std::uint32_t size = 0;
    S slope = S(1);
    std::uint32_t hole = 0;

    ColumnView() = default;
    ColumnView(const S* sorted_values, const std::uint32_t* sorted_order, std::size_t count,
               S negative_slope = S(1)) noexcept
        : values(sorted_values),
          order(sorted_order),
          size(static_cast<std::uint32_t>(count)),
          slope(negative_slope),
          hole(size) {}

    /// Without the sample at a sorted place.
    ColumnView without(std::uint32_t place) const noexcept {
        ColumnView view = *this;
        view.hole = place;
        view.size = size - 1;
        return view;
    }

    std::uint32_t place(std::uint32_t i) const noexcept { return i + (i >= hole ? 1U : 0U); }
    S through(S value) const noexcept { return value > S(0) ? value : detail::rounded_product(slope, value); }
    S at(std::uint32_t i) const noexcept { return through(values[place(i)]); }
    double distance(std::uint32_t i, double query) const noexcept {
        return std::abs(static_cast<double>(at(i)) - query);
    }
};

/// Sorts a neuron's values into `sorted` and their positions into `order`, each of the same length.
/// `by_id`: positions by ascending sample id; empty: 0, 1, 2, ...
/// Throws   DataError if a value is not finite: such a value never enters an index.
template <class S>
void sort_column(std::span<const S> values, std::span<const std::uint32_t> by_id, S* sorted, std::uint32_t* order,
                 detail::RadixScratch<S>& scratch) {
    if (values.empty()) return;
    detail::radix_sort(values, by_id, sorted, order, scratch);
    for (const std::size_t end : {std::size_t{0}, values.size() - 1}) {  // keys put NaN and infinities at the ends
        if (!std::isfinite(sorted[end])) {
            detail::raise<DataError>("index", "value at position " + std::to_string(order[end]),
                                     std::to_string(sorted[end]), "a finite value");
        }
    }
}

}  // namespace renn::inline RENN_ABI
