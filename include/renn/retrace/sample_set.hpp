// SPDX-License-Identifier: MIT
// renn/retrace/sample_set.hpp - a set of samples, one bit each, that numbers its members.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI::detail {

/// Positions 0..n-1, some of them members.
///
/// Cost     an insertion O(1), everything that looks at all O(n / 64).
class SampleSet {
public:
    explicit SampleSet(std::size_t n) : words_((n + 63) / 64, 0) {}
    explicit SampleSet(std::vector<std::uint64_t> words) : words_(std::move(words)) {}

    void insert(std::uint32_t i) noexcept { words_[i / 64] |= std::uint64_t{1} << (i % 64); }
    std::span<const std::uint64_t> words() const noexcept { return words_; }

    std::size_t size() const noexcept {
        std::size_t count = 0;
        for (const std::uint64_t word : words_) count += static_cast<std::size_t>(std::popcount(word));
        return count;
    }

    /// Members in ascending order.
    template <class F>
    void for_each(F&& f) const {
        for (std::size_t w = 0; w < words_.size(); ++w) {
            for (std::uint64_t rest = words_[w]; rest != 0; rest &= rest - 1) {
                f(static_cast<std::uint32_t>(w * 64 + static_cast<std::size_t>(std::countr_zero(rest))));
            }
        }
    }

    /// To be called once all members are there; number(i) is then how many members are below i.
    void count() {
        before_.resize(words_.size());
        std::uint32_t sum = 0;
        for (std::size_t w = 0; w < words_.size(); ++w) {
            before_[w] = sum;
            sum += static_cast<std::uint32_t>(std::popcount(words_[w]));
        }
    }
    std::uint32_t number(std::uint32_t i) const noexcept {
        const std::uint64_t below = words_[i / 64] & ((std::uint64_t{1} << (i % 64)) - 1);
        return before_[i / 64] + static_cast<std::uint32_t>(std::popcount(below));
    }

private:
    std::vector<std::uint64_t> words_;
    std::vector<std::uint32_t> before_;  ///< members in all words before each
};

/// Sorts numbers below n, all different; many of them through a set.
inline void sort_samples(std::vector<std::uint32_t>& samples, std::size_t n) {
    if (std::is_sorted(samples.begin(), samples.end())) return;
    if (samples.size() < n / 64) return std::sort(samples.begin(), samples.end());
    SampleSet set(n);
    for (const std::uint32_t s : samples) set.insert(s);
    samples.clear();
    set.for_each([&samples](std::uint32_t s) { samples.push_back(s); });
}

}  // namespace renn::inline RENN_ABI::detail
