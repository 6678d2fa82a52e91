// SPDX-License-Identifier: MIT
// renn/retrace/vote_counter.hpp - counts whole votes of samples and finds those with most.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI::detail {

/// A sample that may be among those with most votes.
struct Candidate {
    std::uint32_t sample;
    double votes;
};

/// Counters of votes, to be used again from query to query: one a sample where many samples get votes, else a table of
/// those that do, so that cost follows the votes and not the samples. Once grown it allocates nothing.
class VoteCounter {
public:
    /// Before `votes` votes of `neurons` neurons are counted; a neuron has at most one vote a sample.
    void begin(std::size_t samples, std::size_t votes, std::size_t neurons) {
        if (!clean_) {  // an error came between
            std::fill(counts16_.begin(), counts16_.end(), std::uint16_t{0});
            std::fill(counts32_.begin(), counts32_.end(), 0U);
            std::fill(table_.begin(), table_.end(), Entry());
        }
        samples_ = samples;
        wide_ = neurons > std::numeric_limits<std::uint16_t>::max();
        sparse_ = samples / 48 > votes;  // about where the scan of all counters costs what the table does
        if (sparse_) {
            std::size_t size = 64;
            shift_ = 32 - 6;
            while (size < 2 * votes) {
                size *= 2;
                --shift_;
            }
            if (table_.size() < size) table_.resize(size);
            size_ = size;
        } else if (wide_) {
            if (counts32_.size() < samples) counts32_.resize(samples);
        } else {
            if (counts16_.size() < samples) counts16_.resize(samples);
        }
        clean_ = false;
    }

    /// A vote for each of some samples.
    void add(const std::uint32_t* samples, std::size_t count) {
        if (sparse_) {
            for (std::size_t i = 0; i < count; ++i) ++entry(samples[i]).votes;
        } else if (wide_) {
            for (std::size_t i = 0; i < count; ++i) ++counts32_[samples[i]];
        } else {
            std::uint16_t* counts = counts16_.data();
            for (std::size_t i = 0; i < count; ++i) ++counts[samples[i]];
        }
    }

    /// Votes of a sample so far.
    std::uint32_t votes(std::uint32_t sample) {
        if (sparse_) return entry(sample).votes;
        return wide_ ? counts32_[sample] : counts16_[sample];
    }

    /// Calls f(sample, votes) for samples with votes, in no particular order, and forgets them.
    template <class F>
    void take_all(F&& f) {
        if (sparse_) {
            for (std::size_t i = 0; i < size_; ++i) {
                if (table_[i].votes > 0) f(table_[i].sample, table_[i].votes);
                table_[i] = Entry();
            }
        } else {
            for (std::size_t s = 0; s < samples_; ++s) {
                std::uint32_t votes = 0;
                if (wide_) {
                    votes = std::exchange(counts32_[s], 0U);
                } else {
                    votes = std::exchange(counts16_[s], std::uint16_t{0});
                }
                if (votes > 0) f(static_cast<std::uint32_t>(s), votes);
            }
        }
        clean_ = true;
    }

    /// Every sample that may be among the m first when up to `shared` more votes come to each, and forgets all votes.
    /// Samples without a vote are left out if `shared` is 0.
    void take_leaders(std::size_t m, double shared, std::vector<Candidate>& leaders) {
        leaders.clear();
        heap_.assign(m, 0U);
        Leaders best{heap_, shared, leaders, shared > 0.0 ? 0U : 1U};
        if (sparse_) {
            take_all([&best](std::uint32_t sample, std::uint32_t votes) {
                if (votes >= best.threshold) best.take(sample, votes);
            });
            if (best.threshold == 0) best.add_rest(samples_);
        } else if (wide_) {
            scan(counts32_.data(), best);
        } else {
            scan(counts16_.data(), best);
        }
        clean_ = true;
        const auto least = static_cast<double>(best.threshold);
        std::erase_if(leaders, [least](const Candidate& c) { return c.votes < least; });
    }

private:
    struct Entry {
        std::uint32_t sample = 0;
        std::uint32_t votes = 0;
    };

    /// The largest counts so far, and what a sample needs to come into question.
    struct Leaders {
        std::vector<std::uint32_t>& heap;  ///< smallest on top
        double shared;
        std::vector<Candidate>& found;
        std::uint32_t threshold;

        void take(std::uint32_t sample, std::uint32_t votes) {
            found.push_back({sample, static_cast<double>(votes)});
            if (votes <= heap.front()) return;
            std::pop_heap(heap.begin(), heap.end(), std::greater<>());
            heap.back() = votes;
            std::push_heap(heap.begin(), heap.end(), std::greater<>());
            raise(heap.front());
        }

        /// The m-th best has at least this many; what stays below it even with every share is out.
        /// (The margin covers what rounding of the sums may do.)
        void raise(std::uint32_t votes) {
            const double least = static_cast<double>(votes) - shared * (1.0 + 1e-9) - 1e-9;
            if (least > 0.0) threshold = std::max(threshold, static_cast<std::uint32_t>(std::ceil(least)));
        }

        /// All samples that were not found come into question too.
        void add_rest(std::size_t samples) {
            std::vector<char> known(samples, char{0});
            for (const Candidate& c : found) known[c.sample] = 1;
            for (std::size_t s = 0; s < samples; ++s) {
                if (known[s] == 0) found.push_back({static_cast<std::uint32_t>(s), 0.0});
            }
        }
    };

    /// Looks at all counters and clears them. The m-th largest of the largest of each block is no more than the m-th
    /// largest of all, so few blocks are looked into.
    template <class C>
    void scan(C* counts, Leaders& best) {
        constexpr std::size_t block = 64, top = 255;
        const std::size_t blocks = samples_ / block;
        highest_.resize(blocks);
        std::array<std::uint32_t, top + 1> with{};  // blocks with this highest count
        for (std::size_t b = 0; b < blocks; ++b) {
            C highest = 0;
            for (std::size_t i = 0; i < block; ++i) highest = std::max(highest, counts[b * block + i]);
            highest_[b] = highest;
            ++with[std::min<std::size_t>(highest, top)];
        }
        std::uint32_t high = top;
        for (std::size_t seen = with[top]; high > 0 && seen < best.heap.size(); seen += with[high]) --high;
        best.raise(high);
        for (std::size_t b = 0; b < blocks; ++b) {
            if (highest_[b] >= best.threshold) look(counts, b * block, (b + 1) * block, best);
        }
        look(counts, blocks * block, samples_, best);
        std::memset(counts, 0, samples_ * sizeof(C));
    }
    template <class C>
    static void look(const C* counts, std::size_t from, std::size_t to, Leaders& best) {
        for (std::size_t s = from; s < to; ++s) {
            if (counts[s] >= best.threshold) best.take(static_cast<std::uint32_t>(s), counts[s]);
        }
    }

    Entry& entry(std::uint32_t sample) noexcept {
        std::size_t at = (sample * 2654435769U) >> shift_;
        while (table_[at].votes != 0 && table_[at].sample != sample) at = (at + 1) & (size_ - 1);
        table_[at].sample = sample;
        return table_[at];
    }

    std::vector<std::uint16_t> counts16_;
    std::vector<std::uint32_t> counts32_;
    std::vector<std::uint32_t> heap_, highest_;
    std::vector<Entry> table_;  ///< open addressing, at most half full
    std::size_t samples_ = 0;
    std::size_t size_ = 0;  ///< part of the table in use, a power of 2
    int shift_ = 0;
    bool wide_ = false;
    bool sparse_ = false;
    bool clean_ = true;  ///< all counters are 0
};

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI {

/// Memory for counting votes, to be used again from query to query, by one thread at a time.
struct VoteScratch {
    detail::VoteCounter counter;
    std::vector<detail::Candidate> leaders, tied;
    std::vector<double> shares;
};

namespace detail {

/// Such memory for whoever needs some; safe to use from several threads at once. It holds as many as were ever used
/// side by side.
class VotePool {
public:
    template <class Work>
    auto with(Work&& work) {
        std::unique_ptr<VoteScratch> scratch = take();
        auto result = work(*scratch);
        const std::lock_guard lock(guard_);
        free_.push_back(std::move(scratch));
        return result;
    }

private:
    std::unique_ptr<VoteScratch> take() {
        const std::lock_guard lock(guard_);
        if (free_.empty()) return std::make_unique<VoteScratch>();
        auto scratch = std::move(free_.back());
        free_.pop_back();
        return scratch;
    }

    std::mutex guard_;
    std::vector<std::unique_ptr<VoteScratch>> free_;
};

}  // namespace detail
}  // namespace renn::inline RENN_ABI
