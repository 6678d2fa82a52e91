// SPDX-License-Identifier: MIT
// renn/retrace/source_use.hpp - what recorded samples are used for, summed over many evaluations.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/retrace/retrace.hpp>

namespace renn::inline RENN_ABI {

/// How much each recorded sample was used as a source in some evaluations. One entry a recorded sample, in the order of
/// recording.
struct SourceUse {
    std::uint64_t evaluations = 0;
    std::vector<std::uint64_t> ids;
    std::vector<std::uint32_t> reach;  ///< evaluations with the sample among the first sources; 0: unused
    std::vector<double> right_votes;   ///< given in evaluations that the model got right, per evaluation of any sort;
                                       ///< empty where it is not known which are right
    std::vector<double> wrong_votes;   ///< the same for those it got wrong

    /// Votes given in wrong evaluations minus those in right ones, per evaluation: above 0 for a sample that speaks
    /// mostly where the model fails.
    /// Throws   DataError where it is not known which evaluations are right.
    std::vector<double> harm() const {
        if (wrong_votes.size() != ids.size()) {
            detail::raise<DataError>("harm", "evaluations", "no labels, or a model without outputs",
                                     "known to be right or wrong");
        }
        std::vector<double> difference(wrong_votes);
        for (std::size_t s = 0; s < difference.size(); ++s) difference[s] -= right_votes[s];
        return difference;
    }

    bool operator==(const SourceUse&) const = default;
};

namespace detail {

/// The sums behind a SourceUse, filled by one thread. Votes are counted in whole parts of 2^-30, so that no sum depends
/// on the order of its terms: a share is off by at most 2^-31, and 8e9 votes of one sample fit.
class UseTally {
public:
    UseTally(std::size_t samples, std::size_t clipped_units) : reach_(samples, 0) {
        for (auto& votes : votes_) votes.assign(samples, 0);
        for (auto& zeros : zeros_) zeros.assign(clipped_units, 0);
    }

    /// `outcome`: 0 right, 1 wrong, -1 not known.
    template <class I>
    void add(const Retrace<I>& answer, int outcome, std::size_t first) {
        for (const Source& source : answer.top(first)) {
            ++reach_[static_cast<std::size_t>(answer.store().position_of(source.id))];
        }
        if (outcome < 0) return;
        auto& votes = votes_[outcome];
        for (std::size_t n = 0; n < answer.neurons(); ++n) {
            answer.for_each_single(n, [&votes](std::uint32_t s) { votes[s] += whole; });
            const auto part = static_cast<std::int64_t>(std::llround(answer.tied_share(n) * whole));
            if (part == 0) continue;
            const std::ptrdiff_t zeros = answer.tied_zeros(n);
            if (zeros < 0) {
                answer.for_each_tied(n, [&votes, part](std::uint32_t s) { votes[s] += part; });
                continue;
            }
            // All samples at 0, tens of thousands often: noted once for the neuron, handed out at the end.
            zeros_[outcome][static_cast<std::size_t>(zeros)] += part;
            if (const auto without = answer.without()) {
                const auto self = static_cast<std::size_t>(answer.store().position_of(*without));
                if (answer.index().clipped().holds(static_cast<std::size_t>(zeros), self)) votes[self] -= part;
            }
        }
    }

    void add(const UseTally& other) {
        const auto sum = [](auto& to, const auto& from) {
            for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
        };
        sum(reach_, other.reach_);
        for (int o : {0, 1}) {
            sum(votes_[o], other.votes_[o]);
            sum(zeros_[o], other.zeros_[o]);
        }
    }

    template <class NeuronIndex>
    SourceUse use(const NeuronIndex& index, std::uint64_t evaluations, bool judged) const {
        const auto& ids = index.store().ids;
        SourceUse use{evaluations, std::vector<std::uint64_t>(ids.begin(), ids.end()), reach_, {}, {}};
        if (!judged) return use;
        const double all = whole * static_cast<double>(std::max<std::uint64_t>(evaluations, 1));
        for (int o : {0, 1}) {
            std::vector<double>& votes = o == 0 ? use.right_votes : use.wrong_votes;
            for (std::size_t s = 0; s < ids.size(); ++s) {
                std::int64_t sum = votes_[o][s];
                for (std::size_t u = 0; u < zeros_[o].size(); ++u) {
                    if (zeros_[o][u] != 0 && index.clipped().holds(u, s)) sum += zeros_[o][u];
                }
                votes.push_back(static_cast<double>(sum) / all);
            }
        }
        return use;
    }

private:
    static constexpr std::int64_t whole = std::int64_t{1} << 30;

    std::vector<std::uint32_t> reach_;
    std::vector<std::int64_t> votes_[2];  ///< by outcome, one a sample
    std::vector<std::int64_t> zeros_[2];  ///< by outcome: shares for all samples that a unit holds at 0
};

}  // namespace detail
}  // namespace renn::inline RENN_ABI
