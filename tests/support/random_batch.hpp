// SPDX-License-Identifier: MIT
// support/random_batch.hpp - matrices of numbers drawn from a visible seed.
#pragma once

#include <cstdint>
#include <cstring>

#include <renn/core/batch.hpp>
#include <renn/core/rng.hpp>

namespace renn::test {

/// Uniform in [-1, 1).
template <class S>
Batch<S> random_batch(Index rows, Index cols, std::uint64_t seed) {
    Rng rng(seed);
    Batch<S> m(rows, cols);
    for (Index i = 0; i < m.size(); ++i) m.data()[i] = static_cast<S>(rng.uniform(-1.0, 1.0));
    return m;
}

/// Same shape and same bits: -0 differs from +0, a NaN equals itself.
template <class A, class B>
bool same_bits(const A& a, const B& b) {
    if (a.rows() != b.rows() || a.cols() != b.cols()) return false;
    for (Index j = 0; j < a.cols(); ++j) {
        for (Index i = 0; i < a.rows(); ++i) {
            const auto x = a(i, j);
            const auto y = b(i, j);
            if (std::memcmp(&x, &y, sizeof x) != 0) return false;
        }
    }
    return true;
}

}  // namespace renn::test
