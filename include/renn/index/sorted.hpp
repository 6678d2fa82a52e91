// SPDX-License-Identifier: MIT
// renn/index/sorted.hpp - finds a value's place by bisection.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include <renn/index/column.hpp>

namespace renn {

/// Index policy: bisection of the sorted values through a small sample of them that stays in the cache.
/// Cost   build: radix sort; memory 8 bytes a value (12 in double) and 1/64 for the sample; a search O(log n).
struct Sorted {
    static constexpr std::string_view name = "Sorted";

    template <class S>
    class Locator {
    public:
        explicit Locator(const ColumnView<S>& column) {
            sample_.reserve(column.size / stride + 1);
            for (std::uint32_t i = stride - 1; i < column.size; i += stride) sample_.push_back(column.at(i));
        }

        /// Number of values below the query; the column must be without a hole.
        std::uint32_t position(const ColumnView<S>& column, double query) const {
            std::uint32_t first = block(query) * stride;
            std::uint32_t count = std::min(stride, column.size - first);
            while (count > 0) {
                const std::uint32_t half = count / 2;
                const bool below = static_cast<double>(column.at(first + half)) < query;
                first = below ? first + half + 1 : first;
                count = below ? count - half - 1 : half;
            }
            return first;
        }

        /// Asks for the memory that position() and the window around it will read.
        void prefetch(const ColumnView<S>& column, double query) const {
            const std::uint32_t first = block(query) * stride;
            for (std::uint32_t i = 0; i < stride; i += static_cast<std::uint32_t>(64 / sizeof(S))) {
                __builtin_prefetch(column.values + std::min(first + i, column.size));
            }
            __builtin_prefetch(column.order + std::min(first, column.size));
            __builtin_prefetch(column.order + std::min(first + 16, column.size));
            __builtin_prefetch(column.order + std::min(first + 32, column.size));
            __builtin_prefetch(column.order + std::min(first + 48, column.size));
        }

        std::size_t bytes() const noexcept { return sample_.size() * sizeof(S); }

    private:
        static constexpr std::uint32_t stride = 64;

        std::uint32_t block(double query) const {
            const S* first = sample_.data();
            std::size_t count = sample_.size();
            while (count > 0) {
                const std::size_t half = count / 2;
                const bool below = static_cast<double>(first[half]) < query;
                first = below ? first + half + 1 : first;
                count = below ? count - half - 1 : half;
            }
            return static_cast<std::uint32_t>(first - sample_.data());
        }

        std::vector<S> sample_;  ///< the last value of every full block
    };
};

}  // namespace renn
