// SPDX-License-Identifier: MIT
// renn/index/packed_column.hpp - sorted columns in fewer bytes, without losing a bit of any value.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <renn/index/column.hpp>
#include <renn/index/radix_sort.hpp>
#include <renn/index/search_levels.hpp>
#include <renn/tracing/pages.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// The 64 bits from bit `at` on; the word behind the last one wanted is read too.
inline std::uint64_t bits_from(const std::uint64_t* words, std::uint64_t at) noexcept {
    const std::uint64_t* from = words + at / 64;
    const auto shift = static_cast<unsigned>(at % 64);
    return (from[0] >> shift) | ((from[1] << 1) << (63 - shift));
}
inline std::uint64_t low_bits(std::uint32_t width) noexcept {
    return width == 0 ? 0 : ~std::uint64_t{0} >> (64 - width);
}

/// Appends numbers of `width` bits to words that begin empty.
class BitWriter {
public:
    explicit BitWriter(std::vector<std::uint64_t>& words) : words_(words) {}

    void put(std::uint64_t number, std::uint32_t width) {
        if (width == 0) return;
        if (used_ == 64) {
            words_.push_back(0);
            used_ = 0;
        }
        words_.back() |= number << used_;
        used_ += width;
        if (used_ > 64) {
            used_ -= 64;
            words_.push_back(number >> (width - used_));
        }
    }

private:
    std::vector<std::uint64_t>& words_;
    std::uint32_t used_ = 64;  ///< bits of the last word
};

}  // namespace detail

/// Ascending values, 64 to a block: what their keys (index/radix_sort.hpp) exceed the block's first by, in as many bits
/// as the largest of these needs. Neighbours in a sorted column have much in common: of 60,000 activations in float 18
/// bits are left. Any value is read without those before it.
template <class S>
class PackedValues {
public:
    using Key = detail::RadixKey<S>;
    static constexpr std::uint32_t block = SearchLevels::block;

    /// A block of w bits a value fills w words; so where the next begins also tells w.
    struct Head {
        Key first;
        std::uint32_t word;
    };

    PackedValues() = default;
    PackedValues(const Head* heads, const std::uint64_t* words) noexcept : heads_(heads), words_(words) {}

    S operator[](std::uint32_t i) const noexcept {
        const Bits bits(*this, i / block);
        return detail::from_key<S>(static_cast<Key>(bits.head.first + bits[i % block]));
    }

    /// How many of all `size` values are below `least`, if those of earlier blocks are and those of later ones are not.
    std::uint32_t below(std::uint32_t size, std::uint32_t in_block, S least) const noexcept {
        const std::uint32_t begin = in_block * block;
        std::uint32_t length = std::min(block, size - begin), low = 0;
        if (length == 0) return begin;
        const Bits bits(*this, in_block);
        const Key key = detail::to_key(least);
        if (key <= bits.head.first) return begin;
        const std::uint64_t wanted = key - bits.head.first;
        while (length > 0) {  // halves without branches
            const std::uint32_t half = (length + 1) / 2;
            low += bits[low + half - 1] < wanted ? half : 0;
            length -= half;
        }
        return begin + low;
    }

    /// Asks for the memory of some heads, then for that of the values [begin, end), whose heads are there.
    [[gnu::always_inline]] void prefetch_heads(std::uint32_t from, std::uint32_t count) const noexcept {
        detail::prefetch(heads_ + from, count + 1);
    }
    [[gnu::always_inline]] void prefetch(std::uint32_t begin, std::uint32_t end) const noexcept {
        if (begin >= end) return;
        const std::uint64_t from = word_of(begin), to = word_of(end - 1) + 1;
        detail::prefetch(words_ + from, to - from + 1);
    }

private:
    struct Bits {
        Head head;
        std::uint32_t width;
        std::uint64_t mask;
        const std::uint64_t* words;

        Bits(const PackedValues& values, std::uint32_t in_block) noexcept
            : head(values.heads_[in_block]),
              width(values.heads_[in_block + 1].word - head.word),
              mask(detail::low_bits(width)),
              words(values.words_ + head.word) {}
        std::uint64_t operator[](std::uint32_t i) const noexcept {
            return detail::bits_from(words, std::uint64_t{i} * width) & mask;
        }
    };

    std::uint64_t word_of(std::uint32_t i) const noexcept {
        const Head* head = heads_ + i / block;
        return head[0].word + std::uint64_t{i % block} * (head[1].word - head[0].word) / 64;
    }

    const Head* heads_ = nullptr;
    const std::uint64_t* words_ = nullptr;
};

/// Positions of samples, each in as many bits as the largest needs: 16 for up to 65,536 samples.
class PackedOrder {
public:
    PackedOrder() = default;
    PackedOrder(const std::uint64_t* words, std::uint32_t width) noexcept
        : words_(words), width_(width), mask_(detail::low_bits(width)) {}

    static std::uint32_t width_for(std::size_t samples) noexcept {
        return samples < 2 ? 0U : static_cast<std::uint32_t>(std::bit_width(samples - 1));
    }

    std::uint32_t operator[](std::uint32_t i) const noexcept {
        return static_cast<std::uint32_t>(detail::bits_from(words_, std::uint64_t{i} * width_) & mask_);
    }

    /// Calls f(positions, count) for the places [begin, end), some at a time.
    template <class F>
    void read(std::uint32_t begin, std::uint32_t end, F&& f) const {
        std::uint32_t some[128];
        while (begin < end) {
            const std::uint32_t count = std::min<std::uint32_t>(end - begin, std::size(some));
            for (std::uint32_t i = 0; i < count; ++i) some[i] = (*this)[begin + i];
            f(static_cast<const std::uint32_t*>(some), std::size_t{count});
            begin += count;
        }
    }
    [[gnu::always_inline]] void prefetch(std::uint32_t begin, std::uint32_t count) const noexcept {
        if (count == 0) return;
        const std::uint64_t from = std::uint64_t{begin} * width_ / 64, bits = std::uint64_t{count} * width_;
        detail::prefetch(words_ + from, bits / 64 + 2);
    }

private:
    const std::uint64_t* words_ = nullptr;
    std::uint32_t width_ = 0;
    std::uint64_t mask_ = 0;
};

/// A packed column with the levels of a search through it; empty: there is none.
template <class S>
struct PackedColumn {
    PackedValues<S> values;
    PackedOrder order;
    std::span<const S> levels = {};
    bool none = true;
    bool empty() const noexcept { return none; }
};
/// Such a column as a search sees it.
template <class S>
using PackedView = ColumnView<S, PackedValues<S>, PackedOrder>;

/// Columns of one length, packed one after another.
template <class S>
class PackedColumns {
    using Head = typename PackedValues<S>::Head;

public:
    PackedColumns() = default;
    explicit PackedColumns(std::size_t samples) : samples_(samples) {}

    /// Appends a column of finite values in ascending order. O(n).
    void add(std::span<const S> ascending, std::span<const std::uint32_t> order) {
        constexpr std::size_t block = PackedValues<S>::block;
        begins_.push_back(growing_.size());
        words_.clear();
        for (std::size_t first = 0; first < samples_; first += block) {
            const auto some = ascending.subspan(first, std::min(block, samples_ - first));
            const auto lowest = detail::to_key(some.front());
            const auto width = static_cast<std::uint32_t>(
                std::bit_width(static_cast<std::uint64_t>(detail::to_key(some.back()) - lowest)));
            const std::size_t at = words_.size();
            heads_.push_back({lowest, static_cast<std::uint32_t>(at)});
            detail::BitWriter bits(words_);
            for (const S value : some) bits.put(detail::to_key(value) - lowest, width);
            words_.resize(at + width, 0);  // also where the last block is not full
        }
        heads_.push_back({0, static_cast<std::uint32_t>(words_.size())});
        growing_.insert(growing_.end(), words_.begin(), words_.end());
        words_.clear();
        detail::BitWriter bits(words_);
        for (const std::uint32_t position : order) bits.put(position, PackedOrder::width_for(samples_));
        orders_.push_back(growing_.size());
        growing_.insert(growing_.end(), words_.begin(), words_.end());
        detail::LevelMaker<S> maker(static_cast<std::uint32_t>(samples_));
        maker.add(ascending);
        levels_.insert(levels_.end(), maker.levels().begin(), maker.levels().end());
    }

    /// To be called when all are there: they move together, to large pages.
    void finish() {
        packed_ = detail::Pages<std::uint64_t>(growing_.size() + 2);  // the last bits are read with words behind them
        std::fill_n(std::copy(growing_.begin(), growing_.end(), packed_.data()), 2, std::uint64_t{0});
        growing_ = words_ = {};
        for (auto* fitted : {&begins_, &orders_}) fitted->shrink_to_fit();
        heads_.shrink_to_fit();
        levels_.shrink_to_fit();
    }

    PackedColumn<S> operator[](std::size_t column) const noexcept {
        if (begins_.empty()) return {};
        const std::size_t heads = (samples_ + PackedValues<S>::block - 1) / PackedValues<S>::block + 1;
        const std::size_t levels = levels_.size() / begins_.size();
        return {PackedValues<S>(heads_.data() + column * heads, packed_.data() + begins_[column]),
                PackedOrder(packed_.data() + orders_[column], PackedOrder::width_for(samples_)),
                std::span(levels_).subspan(column * levels, levels), false};
    }

    std::size_t bytes() const noexcept {
        return packed_.size() * sizeof(std::uint64_t) + heads_.size() * sizeof(Head) + levels_.size() * sizeof(S) +
               (begins_.size() + orders_.size()) * sizeof(std::size_t);
    }

private:
    std::size_t samples_ = 0;
    std::vector<Head> heads_;
    std::vector<S> levels_;
    std::vector<std::size_t> begins_, orders_;  ///< of each column, in words
    detail::Pages<std::uint64_t> packed_;
    std::vector<std::uint64_t> growing_, words_;
};

}  // namespace renn::inline RENN_ABI
