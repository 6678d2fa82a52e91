// SPDX-License-Identifier: MIT
// renn/index/vector_index.hpp - what every search by several values can do.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/parallel.hpp>
#include <renn/index/nearest_samples.hpp>

namespace renn::inline RENN_ABI {

/// Lets every sample in.
struct AdmitAll {
    bool operator()(std::uint32_t) const noexcept { return true; }
    bool operator()(Index, std::uint32_t) const noexcept { return true; }
};

/// Finds the samples whose vectors are nearest to a query, one value a dimension: ChannelTree, Flat, Hnsw, or your own.
/// `nearest` returns the k nearest of the samples, given by position, that a predicate lets in, and everything as far
/// as the k-th.
template <class I>
concept VectorIndex = requires(const I& index, std::span<const typename I::Scalar> query, std::int64_t k) {
    { index.nearest(query, k, AdmitAll{}) } -> std::same_as<NearestSamples>;
    { index.bytes() } -> std::convertible_to<std::size_t>;
};

/// Every column's nearest samples of those that `admits(query, sample)` lets in, on some threads (0: every core); by
/// the index's own nearest_batch where it has one.
template <VectorIndex I, class Admits = AdmitAll>
std::vector<NearestSamples> nearest_batch(const I& index, const BatchView<typename I::Scalar>& queries, std::int64_t k,
                                          const Admits& admits = {}, int threads = 1) {
    if constexpr (requires { index.nearest_batch(queries, k, admits, threads); }) {
        return index.nearest_batch(queries, k, admits, threads);
    } else {
        std::vector<NearestSamples> found(static_cast<std::size_t>(queries.cols()));
        detail::parallel_for(queries.cols(), threads, [&](Index q, int) {
            const std::span<const typename I::Scalar> query(queries.col(q).data(),
                                                            static_cast<std::size_t>(queries.rows()));
            found[static_cast<std::size_t>(q)] =
                index.nearest(query, k, [&](std::uint32_t sample) { return static_cast<bool>(admits(q, sample)); });
        });
        return found;
    }
}

}  // namespace renn::inline RENN_ABI
