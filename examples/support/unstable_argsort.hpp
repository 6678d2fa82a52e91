// SPDX-License-Identifier: MIT
// support/unstable_argsort.hpp - the order in which NumPy's default argsort puts equal values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

/// Positions by ascending value as numpy.argsort(values) gives them, equal values in whatever order its quicksort
/// leaves them. Source: npy_aquicksort of NumPy 1.24, without its change to heapsort at great depth; the orders are the
/// same as those of its argsort.
template <class T>
std::vector<std::ptrdiff_t> unstable_argsort(const std::vector<T>& values) {
    std::vector<std::ptrdiff_t> order(values.size());
    std::iota(order.begin(), order.end(), std::ptrdiff_t{0});
    if (order.empty()) return order;
    const auto less = [&](std::ptrdiff_t a, std::ptrdiff_t b) {
        return values[static_cast<std::size_t>(a)] < values[static_cast<std::size_t>(b)];
    };
    using Place = std::ptrdiff_t*;
    std::vector<std::pair<Place, Place>> later;
    Place left = order.data(), right = left + order.size() - 1;
    while (true) {
        while (right - left > 15) {
            Place middle = left + (right - left) / 2;
            if (less(*middle, *left)) std::swap(*middle, *left);
            if (less(*right, *middle)) std::swap(*right, *middle);
            if (less(*middle, *left)) std::swap(*middle, *left);
            const std::ptrdiff_t pivot = *middle;
            Place i = left, j = right - 1;
            std::swap(*middle, *j);
            while (true) {
                do ++i;
                while (less(*i, pivot));
                do --j;
                while (less(pivot, *j));
                if (i >= j) break;
                std::swap(*i, *j);
            }
            std::swap(*i, *(right - 1));
            if (i - left < right - i) {
                later.emplace_back(i + 1, right);
                right = i - 1;
            } else {
                later.emplace_back(left, i - 1);
                left = i + 1;
            }
        }
        for (Place i = left + 1; i <= right; ++i) {
            const std::ptrdiff_t one = *i;
            Place j = i;
            for (; j > left && less(one, *(j - 1)); --j) *j = *(j - 1);
            *j = one;
        }
        if (later.empty()) return order;
        std::tie(left, right) = later.back();
        later.pop_back();
    }
}
