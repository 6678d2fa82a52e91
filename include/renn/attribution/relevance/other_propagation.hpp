// SPDX-License-Identifier: MIT
// renn/attribution/relevance/other_propagation.hpp - relevance in any direction of a root, through windows, and through
// a normalisation.
#pragma once

#include <algorithm>

#include <renn/attribution/ledger.hpp>
#include <renn/attribution/relevance/rules.hpp>
#include <renn/attribution/relevance/shares.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>
#include <renn/core/layer.hpp>

namespace renn::inline RENN_ABI::detail {

/// n = v(x, w) w for any direction v, with the layer's matrix written out.
template <class L, class S = typename L::Scalar>
void propagate_to_root(const relevance::Rule& rule, const Step<L>& s, const BatchView<S>& above, Batch<S>& below,
                       LedgerLine<S>& line) {
    Batch<S> matrix;
    s.layer.map(s.weights, Batch<S>::Identity(s.x.rows(), s.x.rows()), matrix);
    below.setZero(s.x.rows(), s.x.cols());
    Column<double> n(s.x.rows());
    for (Index j = 0; j < above.cols(); ++j) {
        for (Index k = 0; k < above.rows(); ++k) {
            for (Index i = 0; i < n.size(); ++i) {
                const auto w = static_cast<double>(matrix(k, i));
                n[i] = rule.direction()(static_cast<double>(s.x(i, j)), w, i) * w;
            }
            const double sum = n.sum(), r = static_cast<double>(above(k, j));
            const double divisor = sum + (sum >= 0.0 ? rule.linear().stabiliser : -rule.linear().stabiliser);
            const double share = divisor == 0.0 ? 0.0 : r / divisor;
            for (Index i = 0; i < n.size(); ++i) below(i, j) += static_cast<S>(n[i] * share);
            line.stabiliser[j] += r - share * sum;
        }
    }
}

/// Max pooling where more than the winner gets something.
template <class L, class S>
void propagate_to_window(const relevance::Rule& rule, const Step<L>& s, const BatchView<S>& above, Batch<S>& below,
                         RelevanceScratch<S>& k, LedgerLine<S>& line) {
    const auto& window = s.layer.window();
    const bool ties = rule.form() == relevance::Rule::Form::split_ties;
    const Index in = window.in.positions(), out = window.out(1).positions();
    k.denominator.setZero(above.rows(), above.cols());
    below.setZero(s.x.rows(), s.x.cols());
    const auto each = [&](auto&& f) {
        for (Index j = 0; j < above.cols(); ++j) {
            window.for_each_run([&](Index at, Index count, Index from) {
                for (Index c = 0; c < window.in.channels; ++c) {
                    for (Index i = 0; i < count; ++i) {
                        const Index unit = c * out + at + i, feature = c * in + from + i * window.stride.width;
                        const S x = s.x(feature, j);
                        f(unit, feature, j, ties ? (x == s.y(unit, j) ? S(1) : S(0)) : std::max(x, S(0)));
                    }
                }
            });
        }
    };
    each([&](Index unit, Index, Index j, S n) { k.denominator(unit, j) += n; });
    reshape(k.shares, above.rows(), above.cols());
    const S epsilon = ties ? S(0) : static_cast<S>(rule.linear().stabiliser);
    for (Index j = 0; j < above.cols(); ++j) {
        for (Index i = 0; i < above.rows(); ++i) {
            const S sum = k.denominator(i, j), divisor = sum + epsilon;
            const S share = divisor == S(0) ? S(0) : above(i, j) / divisor;
            k.shares(i, j) = share;
            (sum == S(0) ? line.dropped : line.stabiliser)[j] += static_cast<double>(above(i, j) - share * sum);
        }
    }
    each([&](Index unit, Index feature, Index j, S n) { below(feature, j) += n * k.shares(unit, j); });
}

/// y = weight (x - mean) / deviation + bias with the deviation as a constant: u = weight R / (stab(y) deviation), and
/// x (u - mean(u)) below.
template <class L, class S>
void propagate_normalised(const relevance::LinearRule& rule, const Step<L>& s, const BatchView<S>& above,
                          Batch<S>& below, RelevanceScratch<S>& k, LedgerLine<S>& line) {
    const Index features = s.x.rows();
    reshape(below, features, s.x.cols());
    if (k.rest.size() != features) k.rest.resize(features);
    for (Index j = 0; j < s.x.cols(); ++j) {
        for (Index i = 0; i < features; ++i) {
            const S y = s.y(i, j), share = above(i, j) / stabilised(y, static_cast<S>(rule.stabiliser));
            const S bias = rule.bias == relevance::Bias::zero ? S(0) : s.weights.bias[i];
            k.rest[i] = share * s.weights.weights[i] * s.cache.inverse[j];
            line.bias[j] += static_cast<double>(bias * share);
            line.stabiliser[j] += static_cast<double>(above(i, j) - share * y);
        }
        const S mean = canonical::sum(k.rest.data(), features) / static_cast<S>(std::max<Index>(features, 1));
        for (Index i = 0; i < features; ++i) below(i, j) = s.x(i, j) * (k.rest[i] - mean);
    }
}

}  // namespace renn::inline RENN_ABI::detail
