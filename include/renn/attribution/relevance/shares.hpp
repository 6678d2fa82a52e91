// SPDX-License-Identifier: MIT
// renn/attribution/relevance/shares.hpp - the arithmetic that rules share, and where they keep their numbers.
#pragma once

#include <any>
#include <limits>
#include <type_traits>

#include <Eigen/Core>

#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>

namespace renn::inline RENN_ABI::detail {

/// Buffers of one layer, kept from call to call. Modified weights are made anew each time: weights may have changed.
template <class S>
struct RelevanceScratch {
    std::any positive, negative;     ///< modified weights; the first also squared or all ones
    Batch<S> plus, minus;            ///< of the input
    Batch<S> denominator, shares;    ///< shares: relevance over denominator
    Batch<S> product, spread;        ///< units x n
    Batch<S> sent;                   ///< features x n
    Batch<S> one_input, one_output;  ///< a single column
    Column<S> rest, bias, counts;
};

/// Sum of f(i) in double, in one order for every length, fast enough to keep accounts.
template <class F>
double account(Index n, F&& f) {
    constexpr Index width = 16;
    double sums[width] = {};
    const Index whole = n - n % width;
    for (Index i = 0; i < whole; i += width) {
        for (Index l = 0; l < width; ++l) sums[l] += static_cast<double>(f(i + l));
    }
    for (Index i = whole; i < n; ++i) sums[i - whole] += static_cast<double>(f(i));
    double sum = 0.0;
    for (const double s : sums) sum += s;
    return sum;
}

template <class M>
const auto* column_of(const M& m, Index j) {
    return m.data() + j * m.outerStride();
}

/// `to` = factor a b, column by column; a single column of b stands for all.
template <class S, class B>
void multiply(Batch<S>& to, const Batch<S>& a, const B& b, S factor, bool add) {
    namespace ei = Eigen::internal;
    for (Index j = 0; j < a.cols(); ++j) {
        S* out = to.data() + j * to.rows();
        const S* right = column_of(b, b.cols() == 1 ? 0 : j);
        const auto scaled = [factor](const auto& p) {
            return ei::pmul(p, ei::pset1<std::decay_t<decltype(p)>>(factor));
        };
        if (add) {
            canonical::combine(
                out, a.rows(), [&](const auto& p, const auto& q, const auto& o) { return ei::pmadd(scaled(p), q, o); },
                column_of(a, j), right, static_cast<const S*>(out));
        } else {
            canonical::combine(
                out, a.rows(), [&](const auto& p, const auto& q) { return ei::pmul(scaled(p), q); }, column_of(a, j),
                right);
        }
    }
}

/// d + e for d >= 0, else d - e; infinite for 0, over which nothing is shared.
template <class P, class S>
P stabilised(const P& d, S epsilon) {
    namespace ei = Eigen::internal;
    const P zero = ei::pset1<P>(S(0)), e = ei::pset1<P>(epsilon);
    const P moved = ei::padd(d, ei::pselect(ei::pcmp_le(zero, d), e, ei::pnegate(e)));
    return ei::pselect(ei::pcmp_eq(moved, zero), ei::pset1<P>(std::numeric_limits<S>::infinity()), moved);
}

}  // namespace renn::inline RENN_ABI::detail
