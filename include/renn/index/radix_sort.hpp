// SPDX-License-Identifier: MIT
// renn/index/radix_sort.hpp - sorts numbers together with the positions they came from.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI::detail {

template <std::floating_point S>
using RadixKey = std::conditional_t<sizeof(S) == 4, std::uint32_t, std::uint64_t>;

/// An unsigned key in the order of the values; -0 and +0 share one.
template <std::floating_point S>
RadixKey<S> to_key(S value) noexcept {
    using K = RadixKey<S>;
    constexpr K sign = K(1) << (8 * sizeof(K) - 1);
    const K bits = std::bit_cast<K>(value + S(0));
    return (bits & sign) != 0 ? static_cast<K>(~bits) : static_cast<K>(bits | sign);
}

template <std::floating_point S>
S from_key(RadixKey<S> key) noexcept {
    using K = RadixKey<S>;
    constexpr K sign = K(1) << (8 * sizeof(K) - 1);
    return std::bit_cast<S>((key & sign) != 0 ? static_cast<K>(key & ~sign) : static_cast<K>(~key));
}

/// Buffers of radix_sort, to be used again for the next column.
template <std::floating_point S>
struct RadixScratch {
    struct Item {
        RadixKey<S> key;
        std::uint32_t position;
    };
    std::vector<Item> items, other;
};

/// Fills `sorted` with the values in ascending order and `order` with the positions they came from; equal values keep
/// the order in which `by_id` lists their positions (empty: 0, 1, 2, ...).
/// Cost   a histogram and a scatter of 11 bits at a time, O(n); digits that all values share are skipped.
template <std::floating_point S>
void radix_sort(std::span<const S> values, std::span<const std::uint32_t> by_id, S* sorted, std::uint32_t* order,
                RadixScratch<S>& scratch) {
    using K = RadixKey<S>;
    constexpr int bits = 11;
    constexpr std::size_t buckets = std::size_t{1} << bits;
    constexpr int passes = (8 * static_cast<int>(sizeof(K)) + bits - 1) / bits;
    const std::size_t n = values.size();
    scratch.items.resize(n);
    scratch.other.resize(n);
    auto* from = scratch.items.data();
    auto* to = scratch.other.data();

    for (std::size_t i = 0; i < n; ++i) {
        const std::uint32_t position = by_id.empty() ? static_cast<std::uint32_t>(i) : by_id[i];
        from[i] = {to_key(values[position]), position};
    }
    if (n < 512) {  // counting 2048 buckets would cost more than the values
        std::stable_sort(from, from + n, [](const auto& a, const auto& b) { return a.key < b.key; });
    } else {
        std::array<std::array<std::uint32_t, buckets>, static_cast<std::size_t>(passes)> counts{};
        for (std::size_t i = 0; i < n; ++i) {
            K key = from[i].key;
            for (auto& count : counts) {
                ++count[key & (buckets - 1)];
                key = static_cast<K>(key >> bits);
            }
        }
        for (int pass = 0; pass < passes; ++pass) {
            auto& count = counts[static_cast<std::size_t>(pass)];
            const int shift = pass * bits;
            if (count[(from[0].key >> shift) & (buckets - 1)] == n) continue;
            std::uint32_t start = 0;
            for (std::uint32_t& c : count) {
                const std::uint32_t here = c;
                c = start;
                start += here;
            }
            for (std::size_t i = 0; i < n; ++i) to[count[(from[i].key >> shift) & (buckets - 1)]++] = from[i];
            std::swap(from, to);
        }
    }
    for (std::size_t i = 0; i < n; ++i) {
        sorted[i] = from_key<S>(from[i].key);
        order[i] = from[i].position;
    }
}

}  // namespace renn::inline RENN_ABI::detail
