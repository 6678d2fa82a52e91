// SPDX-License-Identifier: MIT
// renn/index/sorted.hpp - finds a value's place by bisection.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include <renn/index/column.hpp>

namespace renn::inline RENN_ABI {

/// Index policy: a search in three steps of 64, each in one block of a few cache lines: every 4096th value, every 64th,
/// the values themselves. While one neuron is searched the blocks of the next are on their way.
/// Cost   build: radix sort; memory 8 bytes a value (12 in double) and 1/63 for the samples; a search O(log n).
struct Sorted {
    static constexpr std::string_view name = "Sorted";

    template <class S>
    class Locator {
    public:
        explicit Locator(const ColumnView<S>& column) {
            const std::uint32_t middle = column.size / block;
            top_ = middle / block;
            samples_.reserve(top_ + middle);
            for (std::uint32_t i = 1; i <= top_; ++i) samples_.push_back(column.at(i * block * block - 1));
            for (std::uint32_t i = 1; i <= middle; ++i) samples_.push_back(column.at(i * block - 1));
        }

        /// Number of values below the query; the column must be without a hole.
        std::uint32_t position(const ColumnView<S>& column, double query) const {
            const S least = ceiling(query);
            const std::uint32_t first = second_step(least) * block;
            std::uint32_t below = 0;
            if (column.size - first >= block) {
                const S* values = column.values + first;
                const S slope = column.slope;
                for (std::uint32_t i = 0; i < block; ++i) {  // a constant count: the compiler makes packets of it
                    const S scaled = slope * values[i];
                    const S value = values[i] > S(0) ? values[i] : scaled;
                    below += value < least ? 1U : 0U;
                }
            } else {
                while (first + below < column.size && column.at(first + below) < least) ++below;
            }
            return first + below;
        }

        /// Asks for the memory of the next step: 0 the samples, 1 the values and the samples' positions around them.
        void prefetch(const ColumnView<S>& column, double query, int step) const {
            const S least = ceiling(query);
            if (step == 0) {
                fetch(samples_.data() + top_ + first_step(least) * block, samples_.data() + samples_.size());
            } else {
                fetch(column.values + second_step(least) * block, column.values + column.size);
            }
        }

        std::size_t bytes() const noexcept { return samples_.size() * sizeof(S); }

    private:
        static constexpr std::uint32_t block = 64;

        static void fetch([[maybe_unused]] const S* from, [[maybe_unused]] const S* end) {
#ifdef __GNUC__
            constexpr std::uint32_t line = 64 / sizeof(S);
            for (std::uint32_t i = 0; i < block && from + i < end; i += line) __builtin_prefetch(from + i);
#endif
        }

        /// The least S that is not below the query: values compare with it as with the query, in their own precision.
        static S ceiling(double query) {
            const S near = static_cast<S>(query);
            return static_cast<double>(near) < query ? std::nextafter(near, std::numeric_limits<S>::infinity()) : near;
        }

        /// How many of some samples are below it.
        static std::uint32_t count_below(const S* first, std::uint32_t count, S least) {
            std::uint32_t below = 0;
            if (count == block) {
                for (std::uint32_t i = 0; i < block; ++i) below += first[i] < least ? 1U : 0U;
            } else {
                for (std::uint32_t i = 0; i < count; ++i) below += first[i] < least ? 1U : 0U;
            }
            return below;
        }
        std::uint32_t first_step(S least) const {
            const S* first = samples_.data();
            std::uint32_t low = 0, count = top_;
            while (count > 0) {
                const std::uint32_t half = count / 2;
                const bool below = first[low + half] < least;
                low = below ? low + half + 1 : low;
                count = below ? count - half - 1 : half;
            }
            return low;
        }
        std::uint32_t second_step(S least) const {
            const std::uint32_t from = first_step(least) * block;
            const auto middle = static_cast<std::uint32_t>(samples_.size()) - top_;
            return from + count_below(samples_.data() + top_ + from, std::min(block, middle - from), least);
        }

        std::vector<S> samples_;  ///< the last value of every 4096, then the last of every 64
        std::uint32_t top_ = 0;   ///< how many of the first sort
    };
};

}  // namespace renn::inline RENN_ABI
