// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/rbm.hpp - how likely a picture is, by a restricted Boltzmann machine.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <renn/attribution/target.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>

namespace renn::inline RENN_ABI::maximisation {

/// What the visible units of an Rbm are: 0 or 1 with what lies between as a probability, or normal with variance 1.
enum class Visible : std::uint8_t { binary, gaussian };

/// log p(v) of a restricted Boltzmann machine up to a constant, which is minus its free energy:
///   binary    b.v + sum_h softplus(c_h + W_h.v)
///   gaussian  -||v - b||^2 / 2 + sum_h softplus(c_h + W_h.v)
/// W and c are those of a linear layer: of a Dense, every hidden unit sees all; of a Conv2d, hidden units share filters
/// and the sum runs over their places as well (a convolutional machine). A Target: on_picture(rbm). The binary one
/// grows without end outside 0 to 1: use a box or a range.
///
/// Cost     a forward and a transposed map of the layer, and room for the hidden units of one batch.
/// Source   Hinton (2002); Lee et al. (2009) for convolutional ones; Montavon, Samek, Mueller (2018).
template <LinearLayer L>
class Rbm {
public:
    using S = typename L::Scalar;

    L layer;                 ///< hidden units from visible ones, before the logistic function
    Column<S> visible_bias;  ///< b
    Visible visible = Visible::binary;

    /// Chances of the hidden units to be 1, 1 / (1 + exp(-c - W v)).
    void hidden(const BatchView<S>& v, Batch<S>& chances) const {
        reach(v, chances);
        chances = chances.unaryExpr([](S z) { return logistic(z); });
    }

    /// What the visible units are expected to be: 1 / (1 + exp(-b - W^T h)), or b + W^T h.
    void expected(const BatchView<S>& h, Batch<S>& v) const {
        detail::require_shape("Rbm", "hidden units", h, layer.out_features(), h.cols());
        layer.map_transposed(layer.parameters(), h, v);
        v.colwise() += visible_bias;
        if (visible == Visible::binary) v = v.unaryExpr([](S z) { return logistic(z); });
    }

    /// See Target. Slope: b or b - v, plus W^T hidden(v).
    void operator()(const BatchView<S>& v, Column<S>& value, Batch<S>& slope) const {
        detail::shape_target<S>(v, value, slope);
        Batch<S> h;
        reach(v, h);
        for (Index j = 0; j < v.cols(); ++j) {
            value[j] = visible == Visible::binary ? visible_bias.dot(v.col(j))
                                                  : S(-0.5) * (v.col(j) - visible_bias).squaredNorm();
            for (Index i = 0; i < h.rows(); ++i) {
                value[j] += std::max(h(i, j), S(0)) + std::log1p(std::exp(-std::abs(h(i, j))));
                h(i, j) = logistic(h(i, j));
            }
        }
        layer.map_transposed(layer.parameters(), h, slope);
        slope.colwise() += visible_bias;
        if (visible == Visible::gaussian) slope -= v;
    }

private:
    static S logistic(S z) noexcept { return S(1) / (S(1) + std::exp(-z)); }

    /// c + W v.
    void reach(const BatchView<S>& v, Batch<S>& z) const {
        detail::require_shape("Rbm", "visible units", v, layer.in_features(), v.cols());
        detail::require_shape("Rbm", "visible_bias", visible_bias, layer.in_features(), 1);
        typename L::Cache cache;
        layer.forward(layer.parameters(), v, z, cache, Pass{});
    }
};

}  // namespace renn::inline RENN_ABI::maximisation
