// SPDX-License-Identifier: MIT
// renn/index/window.hpp - the k nearest values of a sorted column, with their ties.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <renn/index/column.hpp>

namespace renn::inline RENN_ABI {

/// Nearest values as ranges of sorted places. Let D be the distance of the k-th nearest: values in
/// [closer_begin, closer_end) are nearer than D, those in [tied_begin, closer_begin) and [closer_end, tied_end) are at
/// D exactly and share `places` = k - closer places. The ties may span several values on both sides of the query.
struct Window {
    std::uint32_t tied_begin = 0, closer_begin = 0, closer_end = 0, tied_end = 0;
    std::uint32_t closer = 0;  ///< samples nearer than the boundary
    std::uint32_t tied = 0;    ///< samples at the boundary
    std::uint32_t places = 0;
    double boundary = 0.0;  ///< D; 0 if k is 0
};

namespace detail {

/// First i in [from, to) for which `holds`, a property that once true stays true; `to` if none. Looks near `from`
/// first.
template <class P>
std::uint32_t gallop_up(std::uint32_t from, std::uint32_t to, const P& holds) {
    std::uint32_t step = 1;
    std::uint32_t low = from;
    while (from < to && !holds(from)) {
        low = from + 1;
        if (to - from <= step) {
            from = to;
            break;
        }
        from += step;
        step *= 2;
    }
    std::uint32_t high = from;
    while (low < high) {
        const std::uint32_t middle = low + (high - low) / 2;
        if (holds(middle)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/// Smallest i in [from, to] such that `holds` for all of [i, to); looks near `to` first.
template <class P>
std::uint32_t gallop_down(std::uint32_t from, std::uint32_t to, const P& holds) {
    const std::uint32_t length = to - from;
    return to - gallop_up(0U, length, [&](std::uint32_t i) { return !holds(to - 1 - i); });
}

/// The k nearest of n values that lie `distance(i)` from the query, which has `position` of them below it; 0 < k <= n.
template <class Distance>
Window window_of(std::uint32_t n, std::uint32_t k, std::uint32_t position, const Distance& distance) {
    Window window;
    std::uint32_t low = position > k ? position - k : 0;
    const std::uint32_t high = std::min(position, n - k);
    // Of the windows that begin at [low, high], the first whose first value is not farther than the one behind its
    // last.
    const auto worse = [&](std::uint32_t i) { return distance(i) > distance(i + k); };
    for (std::uint32_t length = high - low; length > 0;) {  // halves without branches, which would be guessed wrong
        const std::uint32_t half = (length + 1) / 2;
        low += worse(low + half - 1) ? half : 0;
        length -= half;
    }
    const std::uint32_t begin = low;
    const std::uint32_t end = low + k;
    const double first = distance(begin), last = distance(end - 1);
    // Which end is farther is a toss of a coin: std::max and comparisons with it would become a branch.
    const bool at_begin = first >= last, at_end = last >= first;
    const double boundary = at_begin ? first : last;
    window.boundary = boundary;
    // Most often the boundary is one sample at an end: everything else in the window is nearer if its new ends are.
    window.tied_begin = begin;
    window.tied_end = end;
    window.closer_begin = begin + (at_begin ? 1U : 0U);
    window.closer_end = end - (at_end ? 1U : 0U);
    if (window.closer_begin < window.closer_end && distance(window.closer_begin) < boundary &&
        distance(window.closer_end - 1) < boundary && (begin == 0 || distance(begin - 1) > boundary) &&
        (end == n || distance(end) > boundary)) {
        window.closer = window.closer_end - window.closer_begin;
        window.tied = window.places = k - window.closer;
        return window;
    }
    // Left of the query distances fall with the place, right of it they grow.
    const std::uint32_t left = std::clamp(position, begin, end);
    window.tied_begin = gallop_down(0, begin, [&](std::uint32_t i) { return distance(i) <= boundary; });
    window.tied_end = gallop_up(end, n, [&](std::uint32_t i) { return distance(i) > boundary; });
    window.closer_begin = gallop_up(begin, left, [&](std::uint32_t i) { return distance(i) < boundary; });
    window.closer_end = gallop_down(left, end, [&](std::uint32_t i) { return distance(i) >= boundary; });
    window.closer = window.closer_end - window.closer_begin;
    window.tied = window.tied_end - window.tied_begin - window.closer;
    window.places = k - window.closer;
    return window;
}

}  // namespace detail

/// The k nearest of a column to `query`; k beyond the column's size acts as its size. `position` is how many values
/// are below the query. Distances are |double(a) - double(b)|, rounded once, so they grow on both sides of the query
/// and the k nearest are neighbours in the column: bisection finds where they begin.
/// Cost   O(log k + log ties).
template <class S, class V, class O>
Window find_window(const ColumnView<S, V, O>& column, double query, std::uint32_t k, std::uint32_t position) {
    k = std::min(k, column.size);
    if (k == 0) return {};
    if (query == 0.0 && column.clipped >= k) {  // behind an inactive rectifier: the zeros, and nothing need be read
        Window window;
        window.tied_end = window.tied = column.clipped;
        window.places = k;
        return window;
    }
    if (column.slope == S(1) && column.hole >= column.size) {  // seen as it lies in memory
        return detail::window_of(column.size, k, position, [values = column.values, query](std::uint32_t i) {
            return std::abs(static_cast<double>(values[i]) - query);
        });
    }
    return detail::window_of(column.size, k, position, [&](std::uint32_t i) { return column.distance(i, query); });
}

/// The same among the samples that `allowed(order)` admits. The ranges are of all samples; the counts of the allowed.
/// Cost   grows with the samples between the query and the k-th allowed one, and with the ties.
template <class S, class V, class O, class Allowed>
Window find_window_among(const ColumnView<S, V, O>& column, double query, std::uint32_t k, std::uint32_t position,
                         const Allowed& allowed) {
    const std::uint32_t n = column.size;
    const auto admits = [&](std::uint32_t i) { return allowed(column.order[column.place(i)]); };
    Window window;
    std::uint32_t below = position, above = position, found = 0;  // [below, above) is done
    while (found < k && (below > 0 || above < n)) {
        const bool go_down =
            above == n || (below > 0 && column.distance(below - 1, query) <= column.distance(above, query));
        const std::uint32_t i = go_down ? --below : above++;
        if (admits(i)) {
            ++found;
            window.boundary = column.distance(i, query);
        }
    }
    if (found == 0) return window;
    const double boundary = window.boundary;
    const auto closer = [&](std::uint32_t i) { return column.distance(i, query) < boundary; };
    const auto near = [&](std::uint32_t i) { return column.distance(i, query) <= boundary; };
    window.tied_begin = detail::gallop_down(0, below, near);
    window.tied_end = detail::gallop_up(above, n, [&](std::uint32_t i) { return !near(i); });
    window.closer_begin = detail::gallop_up(window.tied_begin, position, closer);
    window.closer_end = detail::gallop_down(position, window.tied_end, [&](std::uint32_t i) { return !closer(i); });
    for (std::uint32_t i = window.tied_begin; i < window.tied_end; ++i) {
        if (admits(i)) ++(i >= window.closer_begin && i < window.closer_end ? window.closer : window.tied);
    }
    window.places = found - window.closer;
    return window;
}

}  // namespace renn::inline RENN_ABI
