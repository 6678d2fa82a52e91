// SPDX-License-Identifier: MIT
// renn/index/column.hpp - one neuron's values in ascending order, and who they belong to.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>

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

/// Asks for the memory of some values, so that it is there when they are read. (Inlined always, as all that calls it
/// and does nothing else must be: g++ takes a function that only prefetches for one without effect, and drops its
/// calls.)
template <class T>
[[gnu::always_inline]] inline void prefetch([[maybe_unused]] const T* from,
                                            [[maybe_unused]] std::size_t count) noexcept {
#ifdef __GNUC__
    constexpr std::size_t line = 64 / sizeof(T);
    for (std::size_t i = 0; i < count; i += line) __builtin_prefetch(from + i);
    if (count > 0) __builtin_prefetch(from + count - 1);  // blocks need not begin with a line
#endif
}

/// Whether a column is no array, but only read like one.
template <class Values>
inline constexpr bool is_packed = !std::is_pointer_v<Values>;

}  // namespace detail

/// A sorted column as a search sees it: values in ascending order with the sample positions they belong to, equal
/// values by ascending sample id. It is seen through an activation of the form x > 0 ? x : slope * x, which keeps the
/// order (slope 1: as it is), and without the sample at sorted place `hole` (size: none). Values and order are arrays,
/// or what is read like such (index/packed_column.hpp).
template <class S, class Values = const S*, class Order = const std::uint32_t*>
struct ColumnView {
    Values values{};
    Order order{};
    std::uint32_t size = 0;
    S slope = S(1);
    std::uint32_t hole = 0;
    std::uint32_t clipped = 0;  ///< with slope 0, how many are seen as 0; 0 where nobody counted

    ColumnView() = default;
    ColumnView(Values sorted_values, Order sorted_order, std::size_t count, S negative_slope = S(1)) noexcept
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
        view.clipped -= place < clipped ? 1U : 0U;
        return view;
    }

    std::uint32_t place(std::uint32_t i) const noexcept { return i + (i >= hole ? 1U : 0U); }
    S through(S value) const noexcept { return value > S(0) ? value : detail::rounded_product(slope, value); }
    S at(std::uint32_t i) const noexcept { return through(values[place(i)]); }
    double distance(std::uint32_t i, double query) const noexcept {
        return std::abs(static_cast<double>(at(i)) - query);
    }

    /// The number that divides the values as they are stored: those below it are seen below the query, all others not.
    S least(double query) const noexcept {
        const S near = static_cast<S>(query);
        const S wanted =
            static_cast<double>(near) < query ? std::nextafter(near, std::numeric_limits<S>::infinity()) : near;
        if (slope == S(1) || wanted > S(0)) return wanted;
        if (slope == S(0)) return -std::numeric_limits<S>::infinity();
        // The least S with slope * S not below it: products round, so it is looked for, first about the quotient.
        using Key = detail::RadixKey<S>;
        const auto below = [&](Key key) { return through(detail::from_key<S>(key)) < wanted; };
        const Key end = detail::to_key(S(0)), start = detail::to_key(-std::numeric_limits<S>::infinity());
        const Key about = std::clamp(detail::to_key(wanted / slope), start + 2, end - 2);
        const bool near_by = below(about - 2) && !below(about + 2);
        Key low = near_by ? about - 2 : start, high = near_by ? about + 2 : end;
        while (high - low > 1) {
            const Key middle = low + (high - low) / 2;
            (below(middle) ? low : high) = middle;
        }
        return detail::from_key<S>(high);
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
