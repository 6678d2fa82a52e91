// SPDX-License-Identifier: MIT
// renn/index/search_levels.hpp - sampled values above a sorted column, through which a search for a place in it goes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI {

/// How the levels above n ascending values lie, as in a B-tree without pointers: the finest has the last value of every
/// whole block of 64, each above it the last of every whole 16 of the one below, until at most 64 are left. They lie
/// coarsest first, each padded with infinities to (size / 16 + 1) * 16 values.
struct SearchLevels {
    static constexpr std::uint32_t block = 64, fan = 16;

    std::uint32_t depth = 0;
    std::array<std::uint32_t, 8> begin{};  ///< of each level and, behind them, where the last ends

    explicit SearchLevels(std::uint32_t samples) noexcept {
        std::array<std::uint32_t, 8> sizes{};
        for (std::uint32_t size = samples / block; size > 0; size /= fan) {
            sizes[depth++] = (size / fan + 1) * fan;
            if (size <= block) break;
        }
        for (std::uint32_t i = 0; i < depth; ++i) begin[i + 1] = begin[i] + sizes[depth - 1 - i];
    }

    /// How many values the levels have together, n / 59 + 128 at most.
    std::uint32_t values() const noexcept { return begin[depth]; }
    /// How many samples a value of a level stands for; a level of n of them has n / stride values before its padding.
    std::uint64_t stride(std::uint32_t level) const noexcept {
        return std::uint64_t{block} << (4 * (depth - 1 - level));
    }
};

namespace detail {

/// Makes the levels while the ascending values pass by, in any number of pieces. O(n / 64).
template <class S>
class LevelMaker {
public:
    explicit LevelMaker(std::uint32_t samples)
        : at_(samples), values_(at_.values(), std::numeric_limits<S>::infinity()) {}

    void add(std::span<const S> ascending) {
        const std::uint64_t end = seen_ + ascending.size();
        for (std::uint64_t number = seen_ / SearchLevels::block + 1; number * SearchLevels::block <= end; ++number) {
            put(number, ascending[number * SearchLevels::block - 1 - seen_]);
        }
        seen_ = end;
    }
    const std::vector<S>& levels() const noexcept { return values_; }
    std::vector<S> take() noexcept { return std::move(values_); }

private:
    /// The last value of a block, counted from 1, into every level that it ends a block of.
    void put(std::uint64_t number, S value) {
        for (std::uint32_t level = at_.depth; level-- > 0; number /= SearchLevels::fan) {
            values_[at_.begin[level] + number - 1] = value;
            if (number % SearchLevels::fan != 0) return;
        }
    }

    SearchLevels at_;
    std::vector<S> values_;
    std::uint64_t seen_ = 0;
};

}  // namespace detail
}  // namespace renn::inline RENN_ABI
