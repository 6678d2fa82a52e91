// SPDX-License-Identifier: MIT
// support/brute_votes.hpp - votes by the book: every distance of every sample, sorted by (distance, id).
//
// Shares no code with the library. With recorded values r, a query value q and the samples that may be sources:
// D_s = |r_s - q|; m samples are strictly closer than the K-th distance and T are at it. `share`: the m get 1, each of
// the T gets (K - m) / T. `strict`: a neuron with T > K - m does not vote. `skip_inactive`: one with |q| < 1e-7 does
// not, the others share. `lowest_id`: of the T those with the lowest ids get 1. K beyond the number of sources acts as
// it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include <renn/core/batch.hpp>

namespace renn::test {

enum class TieRule { share, strict, skip_inactive, lowest_id };

/// One neuron's answer; samples are positions.
struct BruteNeuron {
    std::vector<std::size_t> nearest;  ///< the K first by (distance, id)
    std::vector<double> distances;     ///< theirs
    std::size_t closer = 0, tied = 0;
    double boundary = 0.0;
    double gap = 0.0;  ///< distance of place K + 1 minus that of place K; 0 if there is none
    bool abstains = false;
    std::vector<double> votes;  ///< one a sample
};

/// values: one a sample. `sources`: one a sample, or empty: all.
template <class Values>
BruteNeuron brute_neuron(const Values& values, double query, std::size_t k, TieRule rule,
                         const std::vector<std::uint64_t>& ids, const std::vector<bool>& sources = {}) {
    const std::size_t n = ids.size();
    std::vector<std::size_t> order;
    std::vector<double> distance(n);
    for (std::size_t s = 0; s < n; ++s) {
        distance[s] = std::abs(static_cast<double>(values[static_cast<Index>(s)]) - query);
        if (sources.empty() || sources[s]) order.push_back(s);
    }
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return distance[a] != distance[b] ? distance[a] < distance[b] : ids[a] < ids[b];
    });
    BruteNeuron out;
    out.votes.assign(n, 0.0);
    out.abstains = rule == TieRule::skip_inactive && std::abs(query) < 1e-7;
    k = std::min(k, order.size());
    if (k == 0) return out;
    out.boundary = distance[order[k - 1]];
    if (k < order.size()) out.gap = distance[order[k]] - out.boundary;
    for (const std::size_t s : order) {
        out.closer += distance[s] < out.boundary;
        out.tied += distance[s] == out.boundary;
    }
    const std::size_t places = k - out.closer;
    out.nearest.assign(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k));
    for (const std::size_t s : out.nearest) out.distances.push_back(distance[s]);
    out.abstains = out.abstains || (rule == TieRule::strict && out.tied > places);
    if (out.abstains) return out;
    for (std::size_t i = 0; i < out.closer + out.tied; ++i) {
        const bool closer = i < out.closer;
        const double part = static_cast<double>(places) / static_cast<double>(out.tied);
        out.votes[order[i]] = closer ? 1.0 : rule == TieRule::lowest_id ? (i < k ? 1.0 : 0.0) : part;
    }
    return out;
}

/// Votes of a block of neurons, values and query units x samples and units x 1.
template <class S>
std::vector<double> brute_votes(const Batch<S>& values, const Column<S>& query, std::size_t k, TieRule rule,
                                const std::vector<std::uint64_t>& ids, const std::vector<bool>& sources = {}) {
    std::vector<double> votes(ids.size(), 0.0);
    for (Index u = 0; u < values.rows(); ++u) {
        const Column<S> row = values.row(u).transpose();
        const BruteNeuron neuron = brute_neuron(row, static_cast<double>(query[u]), k, rule, ids, sources);
        for (std::size_t s = 0; s < votes.size(); ++s) votes[s] += neuron.votes[s];
    }
    return votes;
}

/// Positions of the m samples with most votes, equal votes by ascending id; those without votes are left out.
inline std::vector<std::size_t> ranking(const std::vector<double>& votes, const std::vector<std::uint64_t>& ids,
                                        std::size_t m) {
    std::vector<std::size_t> order(votes.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return votes[a] != votes[b] ? votes[a] > votes[b] : ids[a] < ids[b];
    });
    const auto none = std::find_if(order.begin(), order.end(), [&](std::size_t s) { return votes[s] <= 0.0; });
    order.erase(none, order.end());
    order.resize(std::min(m, order.size()));
    return order;
}

}  // namespace renn::test
