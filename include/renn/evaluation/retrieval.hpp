// SPDX-License-Identifier: MIT
// renn/evaluation/retrieval.hpp - how alike two rankings are, and what a reduced store does to retraces.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/list_view.hpp>
#include <renn/evaluation/inversions.hpp>
#include <renn/evaluation/measurement.hpp>
#include <renn/retrace/retrace.hpp>

namespace renn::inline RENN_ABI {

namespace detail {

/// Place of each id among the first k.
inline std::unordered_map<std::uint64_t, std::size_t> ranks(std::span<const std::uint64_t> ids, std::size_t k) {
    std::unordered_map<std::uint64_t, std::size_t> places;
    for (std::size_t i = 0; i < std::min(k, ids.size()); ++i) {
        if (!places.emplace(ids[i], i).second) {
            raise<DataError>("ranking", "id " + std::to_string(ids[i]), "twice", "each id once");
        }
    }
    return places;
}

inline std::size_t depth_of(std::span<const std::uint64_t> reference, std::size_t k) {
    if (k == 0) raise<DataError>("ranking", "k", "0", "1 or more");
    return std::min(k, reference.size());
}

}  // namespace detail

/// Overlap at k: the share of the reference's first k that are among the first k found, in any order. A reference
/// shorter than k is taken whole; 1 if it is empty.
///
/// Throws   DataError if k is 0 or an id occurs twice.
inline double overlap_at_k(ListView<std::uint64_t> reference, ListView<std::uint64_t> found, std::size_t k) {
    const std::size_t depth = detail::depth_of(reference, k);
    if (depth == 0) return 1.0;
    const auto wanted = detail::ranks(reference, depth);
    std::size_t common = 0;
    for (const auto& [id, place] : detail::ranks(found, depth)) common += wanted.count(id);
    return static_cast<double>(common) / static_cast<double>(depth);
}

/// NDCG at k with gain = reversed rank: the reference's i-th (from 0) is worth k - i, others nothing; the found at
/// place j counts by 1 / log2(j + 2); divided by what the reference itself gets. 1 if the reference is empty. Throws
/// DataError if k is 0 or an id occurs twice.
inline double ndcg_at_k(ListView<std::uint64_t> reference, ListView<std::uint64_t> found, std::size_t k) {
    const std::size_t depth = detail::depth_of(reference, k);
    if (depth == 0) return 1.0;
    const auto wanted = detail::ranks(reference, depth);
    detail::ranks(found, depth);  // each once
    double gained = 0.0, best = 0.0;
    for (std::size_t j = 0; j < depth; ++j) {
        const double discount = 1.0 / std::log2(static_cast<double>(j) + 2.0);
        best += static_cast<double>(depth - j) * discount;
        if (j >= found.size()) continue;
        const auto at = wanted.find(found[j]);
        if (at != wanted.end()) gained += static_cast<double>(depth - at->second) * discount;
    }
    return gained / best;
}

/// Kendall's tau (a) of the order in which two rankings have the ids that both have: 1 the same, -1 reversed, NaN for
/// fewer than two.
/// Throws   DataError if an id occurs twice.
/// Cost     O(n log n).
inline double kendall_tau(ListView<std::uint64_t> reference, ListView<std::uint64_t> found) {
    const auto places = detail::ranks(reference, reference.size());
    detail::ranks(found, found.size());
    std::vector<std::size_t> order;
    for (const std::uint64_t id : found) {
        if (const auto at = places.find(id); at != places.end()) order.push_back(at->second);
    }
    const auto n = static_cast<double>(order.size()), pairs = n * (n - 1) / 2;
    const auto wrong = static_cast<double>(detail::sort_and_count(order));
    return n < 2 ? std::numeric_limits<double>::quiet_NaN() : (pairs - 2 * wrong) / pairs;
}

/// How alike the retraces of the same queries are, each figure one a query.
struct RetraceLikeness {
    std::vector<double> overlap, ndcg, kendall;       ///< of the sources of the network, those with most votes
    std::vector<double> neuron_overlap, neuron_ndcg;  ///< of the k closest samples of a neuron, mean over all neurons

    /// Of those that are numbers: a tau of fewer than two ids is none.
    static double mean(const std::vector<double>& figures) { return detail::mean_of(figures); }
};

/// Retraces x with two traced networks, such as one over all bits and one over a reduced store, and compares: sources
/// at the depth `sources`, neurons at k.
///
/// Shapes   x: features x queries.
/// Throws   MismatchError if other neurons voted; DataError and ShapeError as TracedNetwork::retrace.
/// Cost     two retraces a query and the neighbours of every neuron, for groups of tied samples with their size.
template <class Reference, class Other>
RetraceLikeness compare_retraces(const Reference& reference, const Other& other,
                                 const BatchView<typename Reference::Scalar>& x, const RetraceOptions& options = {},
                                 std::size_t sources = 42, int threads = 1) {
    if (options.k < 1) detail::raise<DataError>("compare_retraces", "k", std::to_string(options.k), "1 or more");
    const auto ids_of = [](const auto& list) {
        std::vector<std::uint64_t> ids;
        for (const auto& one : list) ids.push_back(one.id);
        return ids;
    };
    RetraceLikeness result;
    constexpr Index at_once = 64;
    for (Index first = 0; first < x.cols(); first += at_once) {
        const Batch<typename Reference::Scalar> some = x.middleCols(first, std::min(at_once, x.cols() - first));
        const auto left = reference.retrace_batch(some, options, threads);
        const auto right = other.retrace_batch(some, options, threads);
        for (std::size_t q = 0; q < left.size(); ++q) {
            const std::size_t neurons = left[q].neurons();
            if (left[q].layers() != right[q].layers() || neurons != right[q].neurons()) {
                detail::raise<MismatchError>("compare_retraces", "neurons that voted",
                                             std::to_string(right[q].neurons()), std::to_string(neurons));
            }
            const auto wanted = ids_of(left[q].top(sources)), found = ids_of(right[q].top(sources));
            result.overlap.push_back(overlap_at_k(wanted, found, sources));
            result.ndcg.push_back(ndcg_at_k(wanted, found, sources));
            result.kendall.push_back(kendall_tau(wanted, found));
            double overlap = 0.0, ndcg = 0.0;
            for (std::size_t i = 0; i < neurons; ++i) {
                const auto near = ids_of(left[q].neuron(i).neighbours), there = ids_of(right[q].neuron(i).neighbours);
                overlap += overlap_at_k(near, there, static_cast<std::size_t>(options.k));
                ndcg += ndcg_at_k(near, there, static_cast<std::size_t>(options.k));
            }
            result.neuron_overlap.push_back(overlap / static_cast<double>(neurons));
            result.neuron_ndcg.push_back(ndcg / static_cast<double>(neurons));
        }
    }
    return result;
}

}  // namespace renn::inline RENN_ABI
