// SPDX-License-Identifier: MIT
// renn/retrace/votes.hpp - the votes of some neurons: who got them, for which classes they speak.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/retrace/search.hpp>
#include <renn/retrace/source.hpp>
#include <renn/retrace/vote_counter.hpp>

namespace renn::inline RENN_ABI {

/// The votes of a range of neurons in a search. A sample's votes are its single votes plus its shares of tied groups,
/// the shares summed in the order (layer, unit). Views are cheap to copy and keep alive what they look at.
template <class Index>
class Votes {
public:
    Votes(std::shared_ptr<const detail::Search<Index>> search, std::size_t begin, std::size_t end)
        : search_(std::move(search)), begin_(begin), end_(end) {}

    /// Number of neurons, and all votes they cast: k each, or 0 where one abstains.
    std::size_t neurons() const noexcept { return end_ - begin_; }
    double total() const {
        double sum = 0.0;
        for (std::size_t i = begin_; i < end_; ++i) {
            const NeuronAnswer& a = search_->neurons[i];
            if (a.votes) sum += static_cast<double>(a.window.closer + a.window.places);
        }
        return sum;
    }

    /// The m samples with most votes, equal votes by ascending id; fewer if fewer got any.
    /// Cost   counts the single votes, then works out exact shares only for samples that they may lift into the top.
    std::vector<Source> top(std::size_t m) const {
        return search_->memory->votes.with([&](VoteScratch& scratch) { return top(m, scratch); });
    }
    std::vector<Source> top(std::size_t m, VoteScratch& scratch) const {
        m = std::min(m, static_cast<std::size_t>(store().samples()));
        if (m == 0) return {};
        const double shared = count_singles(scratch);
        std::vector<Candidate>& candidates = scratch.leaders;
        const std::vector<Group> tied = shared > 0.0 ? groups() : std::vector<Group>();
        const bool few = members_of(tied) <= static_cast<std::size_t>(store().samples()) / 16;
        if (few) count_members(tied, scratch);
        scratch.counter.take_leaders(m, few ? 0.0 : shared, candidates);
        std::erase_if(candidates, [this](const Candidate& c) { return !search_->admits(c.sample); });
        if (few) {
            add_members(candidates, scratch.tied);
        } else if (effort(tied, candidates.size()) < effort_of_all(tied)) {
            add_shares(candidates, tied);
        } else {
            sum_shares(tied, scratch.shares);
            for (Candidate& c : candidates) c.votes += scratch.shares[c.sample];
        }
        std::erase_if(candidates, [](const Candidate& c) { return c.votes <= 0.0; });
        const auto& ids = store().ids;
        const bool ascending = store().by_id().empty();  // then ids, somewhere in memory, need not be looked at
        const std::size_t kept = std::min(m, candidates.size());
        std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(kept), candidates.end(),
                          [&ids, ascending](const Candidate& a, const Candidate& b) {
                              if (a.votes != b.votes) return a.votes > b.votes;
                              return ascending ? a.sample < b.sample : ids[a.sample] < ids[b.sample];
                          });
        const double all = total();
        std::vector<Source> sources;
        sources.reserve(kept);
        for (std::size_t i = 0; i < kept; ++i)
            sources.push_back(source(candidates[i].sample, candidates[i].votes, all));
        return sources;
    }

    /// Votes of one sample. Throws DataError for an id that was not recorded. Cost: one look a neuron.
    double votes(std::uint64_t id) const {
        const auto sample = static_cast<std::uint32_t>(store().position_of(id));
        if (!search_->admits(sample)) return 0.0;
        double singles = 0.0, shares = 0.0;
        for (std::size_t i = begin_; i < end_; ++i) {
            const double vote = vote_of(i, sample);
            (is_group(search_->neurons[i]) && vote < 1.0 ? shares : singles) += vote;
        }
        return singles + shares;
    }

    /// Votes of every sample, in the order of recording. Cost: touches every member of every tied group.
    std::vector<double> dense() const {
        VoteScratch scratch;
        count_singles(scratch);
        sum_shares(groups(), scratch.shares);
        scratch.counter.take_all([&scratch](std::uint32_t s, std::uint32_t votes) {
            scratch.shares[s] = static_cast<double>(votes) + scratch.shares[s];
        });
        return std::move(scratch.shares);
    }

    bool has_labels() const noexcept { return !store().labels.empty(); }

    /// Share of all votes that went to samples of each class; sums to 1, or is all 0 if nobody voted.
    /// Throws DataError if no labels were recorded.
    std::vector<double> evidence() const {
        const auto& labels = store().labels;
        if (labels.empty()) detail::raise<DataError>("evidence", "labels", "none recorded", "one a sample");
        const auto classes = static_cast<std::size_t>(store().classes());
        std::vector<double> singles(classes, 0.0), shares(classes, 0.0);
        std::vector<std::uint32_t> members(classes);
        for (std::size_t i = begin_; i < end_; ++i) {
            for_each_single(i, [&](std::uint32_t s) { singles[static_cast<std::size_t>(labels[s])] += 1.0; });
            if (!is_group(search_->neurons[i])) continue;
            members_by_class(i, members);
            for (std::size_t c = 0; c < classes; ++c) shares[c] += share(i) * static_cast<double>(members[c]);
        }
        const double all = total();
        for (std::size_t c = 0; c < classes; ++c) singles[c] = all > 0.0 ? (singles[c] + shares[c]) / all : 0.0;
        return singles;
    }

    /// Class with most evidence, the first among equals; -1 if nobody voted.
    std::int32_t evidence_class() const { return renn::evidence_class(evidence()); }

protected:
    using Candidate = detail::Candidate;

    const auto& store() const noexcept { return search_->index->store(); }

    /// A group whose members get a part of a vote each.
    bool is_group(const NeuronAnswer& a) const noexcept {
        return a.votes && a.window.tied > a.window.places && search_->options.ties != Ties::lowest_id;
    }
    double share(std::size_t i) const noexcept {
        const Window& w = search_->neurons[i].window;
        return static_cast<double>(w.places) / static_cast<double>(w.tied);
    }

    template <class F>
    void for_range(const NeuronAnswer& a, std::uint32_t begin, std::uint32_t end, F& f) const {
        const bool everyone = search_->everyone();
        search_->read(a, begin, end, [&](const std::uint32_t* samples, std::size_t count) {
            for (std::size_t s = 0; s < count; ++s) {
                if (everyone || search_->admits(samples[s])) f(samples[s]);
            }
        });
    }
    template <class F>
    void for_each_tied(std::size_t i, F&& f) const {
        const NeuronAnswer& a = search_->neurons[i];
        for_range(a, a.window.tied_begin, a.window.closer_begin, f);
        for_range(a, a.window.closer_end, a.window.tied_end, f);
    }
    /// Samples that get a whole vote of neuron i, in pieces; among them samples that the search leaves out.
    template <class F>
    void for_each_single_range(std::size_t i, F&& f) const {
        const NeuronAnswer& a = search_->neurons[i];
        if (!a.votes) return;
        const Window& w = a.window;
        const bool all = w.tied == w.places;
        const std::uint32_t begin = all ? w.tied_begin : w.closer_begin, end = all ? w.tied_end : w.closer_end;
        search_->read(a, begin, end, f);
        if (!all && search_->options.ties == Ties::lowest_id) {
            f(search_->chosen.data() + a.chosen, std::size_t{w.places});
        }
    }
    template <class F>
    void for_each_single(std::size_t i, F&& f) const {
        for_each_single_range(i, [&](const std::uint32_t* samples, std::size_t count) {
            for (std::size_t s = 0; s < count; ++s) {
                if (search_->admits(samples[s])) f(samples[s]);
            }
        });
    }

    void members_by_class(std::size_t i, std::vector<std::uint32_t>& members) const {
        const NeuronAnswer& a = search_->neurons[i];
        const auto& labels = store().labels;
        if (a.zeros && search_->allowed == nullptr) {
            const auto unit = static_cast<std::size_t>(search_->index->clipped_number(a.unit));
            const detail::Clipped& clipped = search_->index->clipped();
            const std::uint32_t without = search_->without;
            if (const auto counts = clipped.by_class(unit); !counts.empty()) {
                std::copy(counts.begin(), counts.end(), members.begin());
                if (without != detail::no_sample && clipped.holds(unit, without)) {
                    --members[static_cast<std::size_t>(labels[without])];
                }
                return;
            }
        }
        std::fill(members.begin(), members.end(), 0U);
        for_each_tied(i, [&](std::uint32_t s) { ++members[static_cast<std::size_t>(labels[s])]; });
    }

    /// What neuron i gives to a sample.
    double vote_of(std::size_t i, std::uint32_t sample) const {
        const NeuronAnswer& a = search_->neurons[i];
        if (!a.votes || a.window.closer + a.window.places == 0) return 0.0;
        const double distance = search_->distance(a, sample);
        if (distance < a.window.boundary) return 1.0;
        if (distance > a.window.boundary) return 0.0;
        if (a.window.tied == a.window.places) return 1.0;
        if (search_->options.ties != Ties::lowest_id) return share(i);
        const auto begin = search_->chosen.begin() + static_cast<std::ptrdiff_t>(a.chosen);
        const auto end = begin + static_cast<std::ptrdiff_t>(a.window.places);
        return std::find(begin, end, sample) != end ? 1.0 : 0.0;
    }

    std::shared_ptr<const detail::Search<Index>> search_;
    std::size_t begin_;
    std::size_t end_;

private:
    Source source(std::uint32_t s, double votes, double all) const {
        const auto& recorded = store();
        return {recorded.ids[s], votes, all > 0.0 ? votes / all : 0.0,
                recorded.labels.empty() ? -1 : recorded.labels[s],
                recorded.predictions.empty() ? -1 : recorded.predictions[s]};
    }

    struct Group {
        std::size_t neuron;
        double share;
        std::ptrdiff_t clipped;  ///< its number in the index's table of clipped samples, or -1
    };

    std::vector<Group> groups() const {
        std::vector<Group> found;
        for (std::size_t i = begin_; i < end_; ++i) {
            const NeuronAnswer& a = search_->neurons[i];
            if (is_group(a)) found.push_back({i, share(i), a.zeros ? search_->index->clipped_number(a.unit) : -1});
        }
        return found;
    }

    /// Rough nanoseconds: a bit of the table, a value somewhere in the store, a member of a group.
    static double effort(const std::vector<Group>& tied, std::size_t candidates) {
        double each = 0.0;
        for (const Group& g : tied) each += g.clipped >= 0 ? 1.5 : 40.0;
        return each * static_cast<double>(candidates);
    }
    double effort_of_all(const std::vector<Group>& tied) const {
        const auto samples = static_cast<double>(store().samples());  // each has a part of the memory
        return 0.6 * (static_cast<double>(members_of(tied)) + 0.3 * samples);
    }
    std::size_t members_of(const std::vector<Group>& tied) const {
        std::size_t members = 0;
        for (const Group& g : tied) members += search_->neurons[g.neuron].window.tied;
        return members;
    }

    /// Of groups that have few members in all, every member once, by sample, with all its votes.
    void count_members(const std::vector<Group>& tied, VoteScratch& scratch) const {
        std::vector<Candidate>& members = scratch.tied;
        members.clear();
        for (const Group& g : tied) {
            for_each_tied(g.neuron, [&](std::uint32_t s) { members.push_back({s, g.share}); });
        }
        std::stable_sort(members.begin(), members.end(), by_sample);  // a sample's shares are added in group order
        std::size_t distinct = 0;
        for (std::size_t i = 0; i < members.size();) {
            Candidate one{members[i].sample, 0.0};
            for (; i < members.size() && members[i].sample == one.sample; ++i) one.votes += members[i].votes;
            one.votes += scratch.counter.votes(one.sample);
            members[distinct++] = one;
        }
        members.resize(distinct);
    }
    /// Such members in place of candidates that are known by their whole votes only.
    static void add_members(std::vector<Candidate>& candidates, const std::vector<Candidate>& members) {
        std::uint64_t known = 0;  // a bit a sample, modulo 64: most candidates need no search
        for (const Candidate& c : members) known |= std::uint64_t{1} << (c.sample % 64);
        std::erase_if(candidates, [&](const Candidate& c) {
            return ((known >> (c.sample % 64)) & 1U) != 0 &&
                   std::binary_search(members.begin(), members.end(), c, by_sample);
        });
        candidates.insert(candidates.end(), members.begin(), members.end());
    }
    static bool by_sample(const Candidate& a, const Candidate& b) noexcept { return a.sample < b.sample; }

    /// Counts whole votes; returns the most that shares can add to one sample.
    double count_singles(VoteScratch& scratch) const {
        constexpr std::size_t ahead = 8;  // neurons whose samples are on their way
        detail::VoteCounter& counter = scratch.counter;
        const bool everyone = search_->everyone();
        counter.begin(static_cast<std::size_t>(store().samples()), static_cast<std::size_t>(total()), neurons());
        double shared = 0.0;
        for (std::size_t i = begin_; i < end_; ++i) {
            if (!Index::packed && i + ahead < end_) {
                const NeuronAnswer& a = search_->neurons[i + ahead];
                detail::prefetch(a.order + a.window.closer_begin, std::min(a.window.closer, 256U));
            }
            for_each_single_range(i, [&](const std::uint32_t* samples, std::size_t count) {
                if (everyone) {
                    counter.add(samples, count);
                } else {
                    for (std::size_t s = 0; s < count; ++s)
                        counter.add(samples + s, search_->admits(samples[s]) ? 1 : 0);
                }
            });
            if (is_group(search_->neurons[i])) shared += share(i);
        }
        return shared;
    }

    void sum_shares(const std::vector<Group>& tied, std::vector<double>& shares) const {
        shares.assign(static_cast<std::size_t>(store().samples()), 0.0);
        for (const Group& g : tied) {
            for_each_tied(g.neuron, [&](std::uint32_t s) { shares[s] += g.share; });
        }
    }

    /// Adds what the groups give to each candidate. Several candidates side by side, as each sum is a chain of
    /// additions in the order of the groups.
    void add_shares(std::vector<Candidate>& candidates, const std::vector<Group>& tied) const {
        constexpr std::size_t width = 4;
        const detail::Clipped& clipped = search_->index->clipped();
        for (std::size_t first = 0; first < candidates.size(); first += width) {
            std::uint32_t samples[width];
            double sums[width] = {};
            for (std::size_t c = 0; c < width; ++c) {
                samples[c] = candidates[std::min(first + c, candidates.size() - 1)].sample;
            }
            for (const Group& g : tied) {
                if (g.clipped >= 0) {  // a product, as a branch on such a bit would be guessed wrong every other time
                    const auto unit = static_cast<std::size_t>(g.clipped);
                    for (std::size_t c = 0; c < width; ++c) {
                        sums[c] += g.share * static_cast<double>(clipped.holds(unit, samples[c]));
                    }
                } else {
                    const NeuronAnswer& a = search_->neurons[g.neuron];
                    for (std::size_t c = 0; c < width; ++c) {
                        sums[c] += search_->distance(a, samples[c]) == a.window.boundary ? g.share : 0.0;
                    }
                }
            }
            const std::size_t count = std::min(width, candidates.size() - first);
            for (std::size_t c = 0; c < count; ++c) candidates[first + c].votes += sums[c];
        }
    }
};

}  // namespace renn::inline RENN_ABI
