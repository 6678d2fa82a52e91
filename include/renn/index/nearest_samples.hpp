// SPDX-License-Identifier: MIT
// renn/index/nearest_samples.hpp - what a search by several values answers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI {

/// Samples by distance: those nearer than the boundary first, then those at it; equal distances by position.
struct NearestSamples {
    std::vector<std::uint32_t> samples;
    std::vector<double> distances;  ///< one a sample
    std::uint32_t closer = 0;       ///< how many are nearer than the boundary
    double boundary = 0.0;          ///< distance of the k-th; 0 if k is 0

    bool operator==(const NearestSamples&) const = default;
};

/// Which samples, given by position, may be found; empty: all.
using Admits = std::function<bool(std::uint32_t sample)>;

namespace detail {

/// A sample and its distance from a query.
struct Measured {
    double distance;
    std::uint32_t sample;
    bool operator<(const Measured& other) const noexcept {
        return distance != other.distance ? distance < other.distance : sample < other.sample;
    }
};

/// Of measured samples the k nearest, and everything as far as the k-th. Cost: O(candidates + k log k).
inline NearestSamples nearest_of(std::vector<Measured>& candidates, std::int64_t k) {
    NearestSamples found;
    if (k <= 0 || candidates.empty()) return found;
    auto end = candidates.end();
    if (k < std::ssize(candidates)) {
        const auto last = candidates.begin() + (k - 1);
        std::nth_element(candidates.begin(), last, candidates.end());
        found.boundary = last->distance;
        end = std::partition(last, candidates.end(), [&](const Measured& m) { return m.distance <= found.boundary; });
    }
    std::sort(candidates.begin(), end);
    found.boundary = (end - 1)->distance;
    const auto count = static_cast<std::size_t>(end - candidates.begin());
    found.samples.reserve(count);
    found.distances.reserve(count);
    for (auto c = candidates.begin(); c != end; ++c) {
        found.samples.push_back(c->sample);
        found.distances.push_back(c->distance);
        found.closer += c->distance < found.boundary ? 1U : 0U;
    }
    return found;
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
