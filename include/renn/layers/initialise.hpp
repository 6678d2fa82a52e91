// SPDX-License-Identifier: MIT
// renn/layers/initialise.hpp - initial weights by seed.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>

#include <renn/core/batch.hpp>
#include <renn/core/rng.hpp>

namespace renn::inline RENN_ABI {

/// Fills a weight matrix, out x in. Anything callable like this is an initialiser: your own lambda as well.
template <class I, class S>
concept Initialiser = requires(const I& init, Batch<S>& weights, Index fan_in, Index fan_out) {
    init(weights, fan_in, fan_out);
};

namespace detail {

/// Row after row, so that the draw of a weight does not depend on how the matrix is stored.
template <class S, class Draw>
void fill_by_rows(Batch<S>& weights, Draw&& draw) {
    for (Index i = 0; i < weights.rows(); ++i) {
        for (Index j = 0; j < weights.cols(); ++j) weights(i, j) = static_cast<S>(draw());
    }
}

}  // namespace detail

/// Normal with variance 2 / fan_in, for layers followed by ReLU. Source: He et al. (2015), eq. 10.
struct He {
    std::uint64_t seed = 0;
    template <class S>
    void operator()(Batch<S>& weights, Index fan_in, Index) const {
        Rng rng(seed);
        const double deviation = std::sqrt(2.0 / static_cast<double>(fan_in));
        detail::fill_by_rows(weights, [&] { return deviation * rng.normal(); });
    }
};

/// Uniform in +- sqrt(6 / (fan_in + fan_out)). Source: Glorot and Bengio (2010), eq. 16.
struct Glorot {
    std::uint64_t seed = 0;
    template <class S>
    void operator()(Batch<S>& weights, Index fan_in, Index fan_out) const {
        Rng rng(seed);
        const double limit = std::sqrt(6.0 / static_cast<double>(fan_in + fan_out));
        detail::fill_by_rows(weights, [&] { return rng.uniform(-limit, limit); });
    }
};

/// Nothing but zeros.
struct Zeros {
    template <class S>
    void operator()(Batch<S>& weights, Index, Index) const {
        weights.setZero();
    }
};

}  // namespace renn::inline RENN_ABI
