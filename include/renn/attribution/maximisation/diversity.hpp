// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/diversity.hpp - keeps the pictures of a batch from all showing the same.
#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <renn/attribution/maximisation/objective.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>
#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI::maximisation {

/// How alike the pictures of a batch of B are in a layer: (1/B) sum over pairs b != b' of <G_b, G_b'>, where
/// G_b = A A^T is the Gram matrix of a picture's channels over positions, of unit norm. To be subtracted; usual weight
/// for a layer of a convolution 1e2. Each picture's value is its part of the sum.
///
/// Cost     O(units channels + pairs channels^2); allocates B matrices of channels x channels.
/// Source   Olah, Mordvintsev, Schubert (2017), "Feature visualization"; lucid.
struct Alikeness {
    Index channels = 0;  ///< 0: every unit is one, as in a Dense layer

    /// See Target.
    template <class S>
    void operator()(const BatchView<S>& y, Column<S>& value, Batch<S>& slope) const {
        const Index n = y.cols(), rows = channels == 0 ? y.rows() : channels;
        if (rows == 0 || y.rows() % rows != 0) {
            detail::raise<ShapeError>("alikeness", "channels", std::to_string(rows),
                                      "a divisor of " + std::to_string(y.rows()) + ", the units");
        }
        detail::shape_target<S>(y, value, slope);
        const Index positions = y.rows() / rows;
        std::vector<Batch<S>> gram(static_cast<std::size_t>(n), Batch<S>::Zero(rows, rows));
        std::vector<S> length;
        Batch<S> sum = Batch<S>::Zero(rows, rows);
        for (Index j = 0; j < n; ++j) {  // a picture's units are a matrix of positions x channels
            Batch<S>& g = gram[static_cast<std::size_t>(j)];
            const S* a = y.data() + j * y.outerStride();
            canonical::accumulate<true>(a, positions, a, Index{1}, positions, g.data(), rows, rows, positions, rows);
            length.push_back(g.norm());
            if (length.back() > S(0)) g /= length.back();
            sum += g;
        }
        const S part = S(1) / static_cast<S>(n);
        for (Index j = 0; j < n; ++j) {
            const auto at = static_cast<std::size_t>(j);
            Batch<S> others = sum - gram[at];
            const S alike = gram[at].cwiseProduct(others).sum();
            value[j] = part * alike;
            slope.col(j).setZero();
            if (length[at] == S(0)) continue;
            others -= alike * gram[at];
            others *= S(4) * part / length[at];
            canonical::accumulate<false>(y.data() + j * y.outerStride(), positions, others.data(), Index{1}, rows,
                                         slope.data() + j * slope.rows(), positions, positions, rows, rows);
        }
    }
};

/// See Alikeness.
inline Objective<Alikeness> alikeness(std::string layer, Index channels = 0) {
    return on_layer(std::move(layer), Alikeness{channels});
}

}  // namespace renn::inline RENN_ABI::maximisation
