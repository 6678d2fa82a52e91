// SPDX-License-Identifier: MIT
// renn/retrace/counting.hpp - other ways to count the votes of an answer, and the table of its sources.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/retrace/blend.hpp>
#include <renn/retrace/retrace.hpp>
#include <renn/retrace/votes.hpp>

namespace renn::inline RENN_ABI {

/// How votes are counted. Let v_n(s) be what neuron n gives to sample s (1, or its part of a tie) and D_n(s) the
/// distance of the two.
enum class Counting : std::uint8_t {
    plain,              ///< f(s) = sum over n of v_n(s)
    distance_weighted,  ///< sum over n of v_n(s) * (f(s) / max f + 1 - D_n(s) / (max D + 1e-9)) / 2 (Geiger's thesis)
    by_layer,           ///< each layer's votes divided by their sum, then added: wide layers do not dominate
    presence,           ///< layers in which s is among the closest; of ties, how many that are expected to be if each
                        ///< is broken by lot: sum over layers of 1 - product over n of (1 - v_n(s))
};

namespace detail {

/// A layer by its number, and its neurons among all that voted.
struct LayerNeurons {
    std::size_t number = 0, begin = 0, end = 0;
};

template <class I>
std::vector<LayerNeurons> wanted_layers(const Retrace<I>& answer, std::optional<std::size_t> layer) {
    std::vector<LayerNeurons> wanted;
    std::size_t begin = 0;
    const std::size_t count = answer.layers().size();
    if (layer) answer.place(*layer);  // throws where there is none
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t end = begin + answer.layer(i).neurons();
        if (!layer || *layer == i) wanted.push_back({i, begin, end});
        begin = end;
    }
    return wanted;
}

template <class I>
void add_distance_weighted(const Retrace<I>& answer, const std::vector<LayerNeurons>& layers,
                           std::vector<double>& votes) {
    std::vector<double> distances(votes.size(), 0.0);
    double farthest = 0.0;
    for (const LayerNeurons& layer : layers) {
        for (std::size_t n = layer.begin; n < layer.end; ++n) {
            answer.for_each_vote(n, [&](std::uint32_t s, double vote, double distance) {
                votes[s] += vote;
                distances[s] += vote * distance;
                farthest = std::max(farthest, distance);
            });
        }
    }
    const double most = votes.empty() ? 0.0 : *std::max_element(votes.begin(), votes.end());
    for (std::size_t s = 0; s < votes.size(); ++s) {
        if (votes[s] <= 0.0) continue;
        const double frequent = votes[s] * (votes[s] / most), near = votes[s] - distances[s] / (farthest + 1e-9);
        votes[s] = 0.5 * frequent + 0.5 * near;
    }
}

template <class I>
void add_by_layer(const Retrace<I>& answer, const std::vector<LayerNeurons>& layers, std::vector<double>& votes) {
    for (const LayerNeurons& layer : layers) {
        const Votes<I> votes_here = answer.layer(layer.number);
        const double total = votes_here.total();
        if (total <= 0.0) continue;
        const std::vector<double> here = votes_here.dense();
        for (std::size_t s = 0; s < here.size(); ++s) votes[s] += here[s] / total;
    }
}

template <class I>
void add_presence(const Retrace<I>& answer, const std::vector<LayerNeurons>& layers, std::vector<double>& votes) {
    std::vector<double> absent(votes.size());  // chance of it
    for (const LayerNeurons& layer : layers) {
        std::fill(absent.begin(), absent.end(), 1.0);
        for (std::size_t n = layer.begin; n < layer.end; ++n) {
            answer.for_each_vote(n, [&](std::uint32_t s, double vote, double) { absent[s] *= 1.0 - vote; });
        }
        for (std::size_t s = 0; s < absent.size(); ++s) votes[s] += 1.0 - absent[s];
    }
}

template <class I>
void require_votes(const char* where, const Retrace<I>& answer, std::span<const double> votes) {
    const auto samples = static_cast<std::size_t>(answer.store().samples());
    if (votes.size() != samples) {
        raise<ShapeError>(where, "votes", std::to_string(votes.size()),
                          std::to_string(samples) + ", one a recorded sample");
    }
    require_amounts(where, "votes of sample", votes);
}

}  // namespace detail

/// Votes of every recorded sample, in the order of recording, of the network or of one layer by its number among
/// answer.layers().
///
/// Throws   DataError for a layer that did not vote.
/// Cost     as Votes::dense: every member of every tied group is touched.
template <class I>
std::vector<double> counted_votes(const Retrace<I>& answer, Counting how, std::optional<std::size_t> layer = {}) {
    if (how == Counting::plain) return layer ? answer.layer(*layer).dense() : answer.dense();
    std::vector<double> votes(static_cast<std::size_t>(answer.store().samples()), 0.0);
    const auto layers = detail::wanted_layers(answer, layer);
    if (how == Counting::distance_weighted) detail::add_distance_weighted(answer, layers, votes);
    if (how == Counting::by_layer) detail::add_by_layer(answer, layers, votes);
    if (how == Counting::presence) detail::add_presence(answer, layers, votes);
    return votes;
}

/// The m samples with most of any votes, equal votes by ascending id; fewer if fewer got any.
///
/// Shapes   votes: one a recorded sample, in the order of recording.
/// Throws   ShapeError if it is not; DataError for negative or infinite votes.
template <class I>
std::vector<Source> ranked_sources(const Retrace<I>& answer, std::span<const double> votes, std::size_t m) {
    detail::require_votes("ranked_sources", answer, votes);
    const auto& store = answer.store();
    std::vector<std::uint32_t> order;
    for (std::size_t s = 0; s < votes.size(); ++s) {
        if (votes[s] > 0.0) order.push_back(static_cast<std::uint32_t>(s));
    }
    const std::size_t kept = std::min(m, order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(),
                      [&](std::uint32_t a, std::uint32_t b) {
                          return votes[a] != votes[b] ? votes[a] > votes[b] : store.ids[a] < store.ids[b];
                      });
    const double total = std::accumulate(votes.begin(), votes.end(), 0.0);
    std::vector<Source> sources;
    for (std::size_t i = 0; i < kept; ++i) {
        const std::uint32_t s = order[i];
        sources.push_back({store.ids[s], votes[s], votes[s] / total, store.labels.empty() ? -1 : store.labels[s],
                           store.predictions.empty() ? -1 : store.predictions[s]});
    }
    return sources;
}

/// The m samples with most votes when they are counted in this way, of the network or of one layer by its number:
/// what answer.top(m) is for plain votes.
template <class I>
std::vector<Source> top_sources(const Retrace<I>& answer, std::size_t m, Counting how,
                                std::optional<std::size_t> layer = {}) {
    if (how == Counting::plain) return layer ? answer.layer(*layer).top(m) : answer.top(m);
    return ranked_sources(answer, counted_votes(answer, how, layer), m);
}

/// Share of any votes that went to samples of each class; all 0 if nobody voted.
///
/// Shapes   votes: one a recorded sample, in the order of recording.
/// Throws   ShapeError if it is not; DataError for negative or infinite votes, or if no labels were recorded.
template <class I>
std::vector<double> evidence_of(const Retrace<I>& answer, std::span<const double> votes) {
    detail::require_votes("evidence_of", answer, votes);
    const auto& labels = answer.store().labels;
    if (labels.empty()) detail::raise<DataError>("evidence_of", "labels", "none recorded", "one a sample");
    std::vector<double> evidence(static_cast<std::size_t>(answer.store().classes()), 0.0);
    double total = 0.0;
    for (std::size_t s = 0; s < votes.size(); ++s) {
        evidence[static_cast<std::size_t>(labels[s])] += votes[s];
        total += votes[s];
    }
    for (double& e : evidence) e = total > 0.0 ? e / total : 0.0;
    return evidence;
}

/// A source with where it was found.
struct SourceRow {
    Source source;
    double mean_distance = 0.0;  ///< over the neurons that voted for it, each counted by its vote
    std::size_t layers = 0;      ///< in how many of them a neuron voted for it

    bool operator==(const SourceRow&) const = default;
};

/// The sources with most votes as a table. Cost: as top_sources and, a source, one look a neuron.
template <class I>
std::vector<SourceRow> source_table(const Retrace<I>& answer, std::size_t m, Counting how = Counting::plain,
                                    std::optional<std::size_t> layer = {}) {
    const auto none = static_cast<std::size_t>(-1);
    std::vector<SourceRow> table;
    for (const Source& source : top_sources(answer, m, how, layer)) {
        SourceRow row{source};
        std::size_t last = none;
        double votes = 0.0;
        for (const auto& voter : answer.voters(source.id)) {
            if (layer && voter.place != *layer) continue;
            row.layers += voter.place != last;
            last = voter.place;
            votes += voter.votes;
            row.mean_distance += voter.votes * voter.distance;
        }
        row.mean_distance /= votes;
        table.push_back(row);
    }
    return table;
}

}  // namespace renn::inline RENN_ABI
