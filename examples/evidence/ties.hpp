// SPDX-License-Identifier: MIT
// evidence/ties.hpp - what the tie policies and an unstable sort make of the votes behind rectifiers.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/rng.hpp>
#include <renn/evaluation/retrieval.hpp>
#include <renn/tracing/activations.hpp>

#include "../support/evaluation.hpp"
#include "../support/table.hpp"
#include "../support/unstable_argsort.hpp"
#include "setup.hpp"

namespace evidence {

constexpr std::size_t depth = 20;  ///< of the sources that are compared

/// Votes as an unstable sort of the distances gives them out, and how many of them it gave to samples that others were
/// exactly as close as.
struct SortedVotes {
    std::vector<double> votes, by_chance;
};

inline SortedVotes votes_of_argsort(const renn::Activations<float>& recorded, const renn::Activations<float>& query,
                                    renn::Index q, bool post, std::size_t k) {
    const auto n = static_cast<std::size_t>(recorded.output().cols());
    SortedVotes result{std::vector<double>(n, 0.0), std::vector<double>(n, 0.0)};
    std::vector<float> distance(n);
    for (std::size_t b = 0; b < recorded.blocks().size(); ++b) {
        const auto& block = recorded.blocks()[b];
        if ((block.kind == renn::Kind::post) != post) continue;
        for (renn::Index u = 0; u < block.width; ++u) {
            const float value = query.blocks()[b].values(u, q);
            for (std::size_t s = 0; s < n; ++s) {
                distance[s] = std::abs(block.values(u, static_cast<renn::Index>(s)) - value);
            }
            const auto order = unstable_argsort(distance);
            const float boundary = distance[static_cast<std::size_t>(order[k - 1])];
            const bool contested = static_cast<std::size_t>(std::count_if(distance.begin(), distance.end(),
                                                                          [&](float d) { return d <= boundary; })) > k;
            for (std::size_t i = 0; i < k; ++i) {
                const auto s = static_cast<std::size_t>(order[i]);
                result.votes[s] += 1.0;
                if (contested && distance[s] == boundary) result.by_chance[s] += 1.0;
            }
        }
    }
    return result;
}

inline std::vector<std::uint64_t> top_of(const std::vector<double>& votes, std::size_t m) {
    std::vector<std::uint64_t> order(votes.size());
    std::iota(order.begin(), order.end(), std::uint64_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::uint64_t a, std::uint64_t b) { return votes[a] > votes[b]; });
    order.resize(std::min(m, order.size()));
    return order;
}

inline std::int32_t class_of(const std::vector<double>& votes, const Data& data) {
    std::vector<double> evidence(static_cast<std::size_t>(data.classes()), 0.0);
    for (std::size_t s = 0; s < votes.size(); ++s) {
        evidence[static_cast<std::size_t>(data.label(static_cast<renn::Index>(s)))] += votes[s];
    }
    return static_cast<std::int32_t>(std::max_element(evidence.begin(), evidence.end()) - evidence.begin());
}

/// The same samples in another order, with new ids: an answer should not depend on it.
struct Reordered {
    std::vector<renn::Index> from;  ///< position in the old order, one a position in the new one
    Data data;

    explicit Reordered(const Data& old) : from(static_cast<std::size_t>(old.samples())) {
        std::iota(from.begin(), from.end(), renn::Index{0});
        renn::Rng rng(11);
        renn::shuffle(from, rng);
        renn::Batch<float> x(old.features(), old.samples());
        std::vector<std::int32_t> labels;
        for (std::size_t i = 0; i < from.size(); ++i) {
            x.col(static_cast<renn::Index>(i)) = old.input(from[i]);
            labels.push_back(old.label(from[i]));
        }
        data = Data(x, {.labels = labels, .classes = old.classes()});
    }

    std::vector<std::uint64_t> old_ids(std::vector<std::uint64_t> ids) const {
        for (std::uint64_t& id : ids) id = static_cast<std::uint64_t>(from[id]);
        return ids;
    }
    /// Part of the votes that the new order gives to other samples.
    double moved(const std::vector<double>& votes, const std::vector<double>& later) const {
        double difference = 0.0, all = 0.0;
        for (std::size_t i = 0; i < from.size(); ++i) {
            const double here = votes[static_cast<std::size_t>(from[i])];
            difference += std::abs(here - later[i]);
            all += here;
        }
        return all > 0.0 ? 0.5 * difference / all : 0.0;
    }
};

/// What a policy makes of a query: votes of all samples, and ids of the most voted.
struct TieAnswer {
    std::vector<double> votes;
    std::vector<std::uint64_t> top;
    std::int32_t evidence_class = -1;
};

template <class I>
TieAnswer tie_answer(const renn::Retrace<I>& answer) {
    TieAnswer result{answer.dense(), {}, answer.evidence_class()};
    for (const renn::Source& s : answer.top(depth)) result.top.push_back(s.id);
    return result;
}

inline TieAnswer tie_answer(const SortedVotes& sorted, const Data& data) {
    return {sorted.votes, top_of(sorted.votes, depth), class_of(sorted.votes, data)};
}

/// Sums over queries: a row of the table.
class TieRow {
public:
    /// possible: the votes that k nearest samples of every neuron would have.
    TieRow(const Reordered& order, double possible) : order_(order), possible_(possible) {}

    void add(const TieAnswer& answer, const TieAnswer& after, const std::vector<std::uint64_t>& with_share,
             std::int32_t label) {
        count_ += 1.0;
        cast_ += std::accumulate(answer.votes.begin(), answer.votes.end(), 0.0) / possible_;
        same_ += renn::overlap_at_k(with_share, answer.top, depth);
        stable_ += renn::overlap_at_k(answer.top, order_.old_ids(after.top), depth);
        moving_ += order_.moved(answer.votes, after.votes);
        right_ += answer.evidence_class == label ? 1.0 : 0.0;
    }
    std::vector<std::string> cells(std::string policy) const {
        std::vector<std::string> row{std::move(policy)};
        for (const double sum : {cast_, same_, stable_, moving_, right_}) row.push_back(percent(sum / count_, 1));
        return row;
    }

private:
    const Reordered& order_;
    double possible_, count_ = 0.0, cast_ = 0.0, same_ = 0.0, stable_ = 0.0, moving_ = 0.0, right_ = 0.0;
};

inline void measure_ties(const Options& options, const Net& net, const Data& train, const Data& all_tests) {
    const Data some = train.first(std::min<renn::Index>(train.samples(), 10000));  // as the published run
    const Data data(some.inputs(), {.labels = {some.labels().begin(), some.labels().end()}, .classes = some.classes()});
    const Data test = all_tests.first(std::min<renn::Index>(all_tests.samples(), 100));
    const auto k = std::min(static_cast<std::size_t>(data.samples()), static_cast<std::size_t>(options.k));
    const Reordered order(data);
    const Traced traced = record(net, data, options.threads), again = record(net, order.data, options.threads);
    const auto recorded = renn::activations(net, data.inputs()),
               reordered = renn::activations(net, order.data.inputs());
    const auto queries = renn::activations(net, test.inputs());

    std::printf("## Ties: %s sources, %s queries, k = %zu; in %%\n\n", count_text(data.samples()).c_str(),
                count_text(test.samples()).c_str(), k);
    for (const bool post : {false, true}) {
        Table table({"policy", "votes cast", "top 20 as with share", "the same after a new order",
                     "votes that move then", "evidence right"});
        std::vector<std::vector<std::uint64_t>> shared;  // the top of each query
        double possible = 0.0;
        for (const auto ties :
             {renn::Ties::share, renn::Ties::strict, renn::Ties::skip_inactive, renn::Ties::lowest_id}) {
            const renn::RetraceOptions asked{.k = options.k, .ties = ties, .pre = !post, .post = post};
            const auto answers = traced.retrace_activations(queries, asked, options.threads);
            const auto others = again.retrace_activations(queries, asked, options.threads);
            possible = static_cast<double>(k * answers.front().neurons());
            TieRow row(order, possible);
            for (std::size_t q = 0; q < answers.size(); ++q) {
                const TieAnswer answer = tie_answer(answers[q]);
                if (ties == renn::Ties::share) shared.push_back(answer.top);
                row.add(answer, tie_answer(others[q]), shared[q], test.label(static_cast<renn::Index>(q)));
            }
            table.add(row.cells(std::string(renn::ties_name(ties))));
        }
        TieRow row(order, possible);
        double all = 0.0, by_chance = 0.0, all_top = 0.0, by_chance_top = 0.0;
        for (renn::Index q = 0; q < test.samples(); ++q) {
            const SortedVotes sorted = votes_of_argsort(recorded, queries, q, post, k);
            const TieAnswer answer = tie_answer(sorted, data);
            row.add(answer, tie_answer(votes_of_argsort(reordered, queries, q, post, k), order.data),
                    shared[static_cast<std::size_t>(q)], test.label(q));
            all += std::accumulate(sorted.votes.begin(), sorted.votes.end(), 0.0);
            by_chance += std::accumulate(sorted.by_chance.begin(), sorted.by_chance.end(), 0.0);
            for (const std::uint64_t s : answer.top) {
                all_top += sorted.votes[s];
                by_chance_top += sorted.by_chance[s];
            }
        }
        table.add(row.cells("NumPy's argsort"));
        std::printf(
            "%s: argsort gave %s %% of all votes, and %s %% of those of its top 20, to samples that others were "
            "exactly as close as.\n\n",
            post ? "Post-activations (\"Activation\")" : "Pre-activations (\"Sum\")",
            percent(by_chance / all, 1).c_str(), percent(by_chance_top / all_top, 1).c_str());
        table.print();
    }
}

}  // namespace evidence
