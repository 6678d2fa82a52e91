// SPDX-License-Identifier: MIT
// renn/retrace/partial_votes.hpp - the votes of some neurons of a partial answer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/retrace/partial_retrace.hpp>
#include <renn/retrace/source.hpp>
#include <renn/retrace/votes.hpp>

namespace renn::inline RENN_ABI {

/// The votes of some neurons of a partial answer; as Votes, which says what each member gives and how sums run.
class PartialVotes {
public:
    using Neuron = PartialRetrace::Neuron;

    explicit PartialVotes(const PartialRetrace& partial) : partial_(&partial) {}

    void add(const PartialRetrace::Layer& layer) {
        for (const Neuron& neuron : layer.neurons) neurons_.push_back(&neuron);
    }

    std::size_t neurons() const noexcept { return neurons_.size(); }
    bool has_labels() const noexcept { return partial_->labelled; }

    double total() const {
        double sum = 0.0;
        for (const Neuron* neuron : neurons_) {
            if (detail::Standing(partial_->ties, *neuron).votes) sum += static_cast<double>(neuron->nearest.size());
        }
        return sum;
    }

    /// Cost   every held sample and every member of a tied group.
    std::vector<Source> top(std::size_t m) const {
        const auto& held = partial_->held;
        std::vector<double> singles(held.size(), 0.0), shares(held.size(), 0.0);
        count(
            [&](std::uint32_t s) { singles[s] += 1.0; },
            [&](const auto& each_member, double share) { each_member([&](std::uint32_t s) { shares[s] += share; }); });
        std::vector<std::uint32_t> voted;
        for (std::uint32_t s = 0; s < held.size(); ++s) {
            singles[s] += shares[s];
            if (singles[s] > 0.0) voted.push_back(s);
        }
        m = std::min(m, voted.size());
        std::partial_sort(voted.begin(), voted.begin() + static_cast<std::ptrdiff_t>(m), voted.end(),
                          [&](std::uint32_t a, std::uint32_t b) {
                              return singles[a] != singles[b] ? singles[a] > singles[b] : a < b;
                          });
        const double all = total();
        std::vector<Source> sources;
        sources.reserve(m);
        for (std::size_t i = 0; i < m; ++i) {
            const PartialRetrace::Sample& sample = held[voted[i]];
            const double votes = singles[voted[i]];
            sources.push_back({sample.id, votes, all > 0.0 ? votes / all : 0.0, sample.label, sample.prediction});
        }
        return sources;
    }

    /// 0 for a sample that no neuron names, recorded or not. Costs as much as top.
    double votes(std::uint64_t id) const {
        const auto& held = partial_->held;
        const auto at = std::lower_bound(held.begin(), held.end(), id,
                                         [](const auto& sample, std::uint64_t wanted) { return sample.id < wanted; });
        if (at == held.end() || at->id != id) return 0.0;
        const auto wanted = static_cast<std::uint32_t>(at - held.begin());
        double singles = 0.0, shares = 0.0;
        count([&](std::uint32_t s) { singles += s == wanted ? 1.0 : 0.0; },
              [&](const auto& each_member, double share) {
                  each_member([&](std::uint32_t s) { shares += s == wanted ? share : 0.0; });
              });
        return singles + shares;
    }

    std::vector<double> evidence() const {
        if (!has_labels()) detail::raise<DataError>("evidence", "labels", "none recorded", "one a sample");
        const auto classes = static_cast<std::size_t>(partial_->classes);
        const auto label = [this](std::uint32_t s) { return static_cast<std::size_t>(partial_->held[s].label); };
        std::vector<double> singles(classes, 0.0), shares(classes, 0.0);
        std::vector<std::uint32_t> members(classes);
        count([&](std::uint32_t s) { singles[label(s)] += 1.0; },
              [&](const auto& each_member, double share) {
                  std::fill(members.begin(), members.end(), 0U);
                  each_member([&](std::uint32_t s) { ++members[label(s)]; });
                  for (std::size_t c = 0; c < classes; ++c) shares[c] += share * static_cast<double>(members[c]);
              });
        const double all = total();
        for (std::size_t c = 0; c < classes; ++c) singles[c] = all > 0.0 ? (singles[c] + shares[c]) / all : 0.0;
        return singles;
    }

    std::int32_t evidence_class() const { return renn::evidence_class(evidence()); }

private:
    /// single(sample) for whole votes, group(each_member, share) for tied groups, in the order of the neurons.
    template <class Single, class Group>
    void count(Single&& single, Group&& group) const {
        for (const Neuron* neuron : neurons_) {
            const detail::Standing standing(partial_->ties, *neuron);
            if (!standing.votes) continue;
            const std::size_t whole = standing.grouped() ? standing.closer : neuron->nearest.size();
            for (std::size_t i = 0; i < whole; ++i) single(neuron->nearest[i].sample);
            if (!standing.grouped()) continue;
            const auto each_member = [&](const auto& f) {
                for (const std::uint32_t s : neuron->tied) f(s);
                for (std::size_t i = whole; i < neuron->nearest.size(); ++i) f(neuron->nearest[i].sample);
            };
            group(each_member, standing.share);
        }
    }

    const PartialRetrace* partial_;
    std::vector<const Neuron*> neurons_;
};

}  // namespace renn::inline RENN_ABI
