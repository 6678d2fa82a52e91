// SPDX-License-Identifier: MIT
// renn/index/vector_index.hpp - what every search by several values can do.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/parallel.hpp>
#include <renn/index/nearest_samples.hpp>

namespace renn::inline RENN_ABI {

/// Which samples, given by position, may be found for which query, given by its column; empty: all.
using AdmitsForQuery = std::function<bool(Index query, std::uint32_t sample)>;

/// Finds the samples whose vectors are nearest to a query, one value a dimension: ChannelTree, Flat, Hnsw, or your own.
/// `nearest` returns the k nearest of the samples that may be found, and everything as far as the k-th.
template <class I>
concept VectorIndex = requires(const I& index, std::span<const typename I::Scalar> query, std::int64_t k,
                               const Admits& admits) {
    { index.nearest(query, k, admits) } -> std::same_as<NearestSamples>;
    { index.bytes() } -> std::convertible_to<std::size_t>;
};

/// Every column's nearest samples, on some threads (0: every core); by the index's own nearest_batch where it has one.
template <VectorIndex I>
std::vector<NearestSamples> nearest_batch(const I& index, const BatchView<typename I::Scalar>& queries, std::int64_t k,
                                          const AdmitsForQuery& admits = {}, int threads = 1) {
    if constexpr (requires { index.nearest_batch(queries, k, admits, threads); }) {
        return index.nearest_batch(queries, k, admits, threads);
    } else {
        std::vector<NearestSamples> found(static_cast<std::size_t>(queries.cols()));
        detail::parallel_for(queries.cols(), threads, [&](Index q, int) {
            const std::span query(queries.col(q).data(), static_cast<std::size_t>(queries.rows()));
            Admits one;
            if (admits) one = [&admits, q](std::uint32_t sample) { return admits(q, sample); };
            found[static_cast<std::size_t>(q)] = index.nearest(query, k, one);
        });
        return found;
    }
}

}  // namespace renn::inline RENN_ABI
