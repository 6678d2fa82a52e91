// SPDX-License-Identifier: MIT
// support/gradient_check.hpp - derivatives against central differences.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include <renn/core/batch.hpp>
#include <renn/core/layer.hpp>

namespace renn::test {

/// Not a number everywhere, so that an entry which is not written shows.
template <class M>
void fill_with_nan(M& m) {
    m.setConstant(std::numeric_limits<typename M::Scalar>::quiet_NaN());
}

/// Width of the differences and the error they may have, for values around 1.
template <class S>
inline constexpr double gradient_step = sizeof(S) == 4 ? 4e-3 : 1e-5;
template <class S>
inline constexpr double gradient_tolerance = sizeof(S) == 4 ? 2e-3 : 1e-8;

/// Largest |difference quotient - analytic| / max(1, |analytic|) over the entries of x; NaN counts as infinite.
/// `loss()` returns a double and reads x, whose entries are moved one by one and put back.
template <class Loss, class M, class A>
double gradient_error(Loss&& loss, M& x, const A& analytic) {
    using S = typename M::Scalar;
    if (x.rows() != analytic.rows() || x.cols() != analytic.cols()) return std::numeric_limits<double>::infinity();
    double worst = 0.0;
    for (Index j = 0; j < x.cols(); ++j) {
        for (Index i = 0; i < x.rows(); ++i) {
            const S kept = x(i, j);
            x(i, j) = kept + static_cast<S>(gradient_step<S>);
            const double width_above = static_cast<double>(x(i, j)) - static_cast<double>(kept);
            const double above = loss();
            x(i, j) = kept - static_cast<S>(gradient_step<S>);
            const double width_below = static_cast<double>(kept) - static_cast<double>(x(i, j));
            const double below = loss();
            x(i, j) = kept;
            const double expected = (above - below) / (width_above + width_below);
            const auto got = static_cast<double>(analytic(i, j));
            const double error = std::abs(got - expected) / std::max(1.0, std::abs(expected));
            if (std::isnan(error)) return std::numeric_limits<double>::infinity();
            worst = std::max(worst, error);
        }
    }
    return worst;
}

/// The same for every block of a parameter value.
template <class Loss, class P>
double parameter_gradient_error(Loss&& loss, P& parameters, const P& analytic) {
    double worst = 0.0;
    for_each_block(
        [&](auto& block, const auto& gradient) { worst = std::max(worst, gradient_error(loss, block, gradient)); },
        parameters, analytic);
    return worst;
}

}  // namespace renn::test
