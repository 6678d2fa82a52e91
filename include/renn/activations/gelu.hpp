// SPDX-License-Identifier: MIT
// renn/activations/gelu.hpp - Gaussian error linear unit, exact and by its tanh formula.
#pragma once

#include <cmath>
#include <concepts>
#include <numbers>
#include <string_view>

#include <renn/activations/elementwise.hpp>

namespace renn::inline RENN_ABI {

/// x Phi(x) with Phi the normal distribution function, by std::erfc value by value. PyTorch's default.
/// Limits   +inf stays +inf, -inf becomes -0, NaN stays NaN.
/// Cost     about ten times GELUTanh's.
/// Source   Hendrycks and Gimpel (2016).
template <std::floating_point S = float>
struct GELU : detail::Elementwise<GELU<S>, S> {
    static constexpr std::string_view name = "GELU";

    template <class P>
    static P value(const P& x) {
        return detail::by_lanes<S>(x, [](S v) { return v < -far ? S(-0.0) : v * normal(v); });
    }
    template <class P>
    static P slope(const P& x, const P&) {
        namespace ei = Eigen::internal;
        const P v = detail::clamp(x, far);
        return ei::padd(detail::by_lanes<S>(v, normal), ei::pmul(v, density(v)));
    }
    template <class P>
    static P curvature(const P& x, const P&) {
        namespace ei = Eigen::internal;
        const P v = detail::clamp(x, far);
        return ei::pmul(density(v), ei::psub(ei::pset1<P>(S(2)), ei::pmul(v, v)));
    }

private:
    /// Beyond it nothing is left of the tails, and infinity times zero does not arise.
    static constexpr S far = S(64);

    static S normal(S x) { return S(0.5) * std::erfc(x * S(-0.5 * std::numbers::sqrt2)); }
    template <class P>
    static P density(const P& x) {
        namespace ei = Eigen::internal;
        const P root = ei::pset1<P>(S(0.5 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi));
        return ei::pmul(root, ei::pexp(ei::pmul(ei::pset1<P>(S(-0.5)), ei::pmul(x, x))));
    }
};

/// x (1 + tanh(u)) / 2 with u = sqrt(2 / pi) (x + 0.044715 x^3), in the form x / (1 + exp(-2 u)), which keeps the
/// small values of the negative side.
/// Limits   +inf stays +inf, -inf becomes a negative number of magnitude below 1e-36, NaN stays NaN.
/// Source   Hendrycks and Gimpel (2016); what GPT-2 uses.
template <std::floating_point S = float>
struct GELUTanh : detail::Elementwise<GELUTanh<S>, S> {
    static constexpr std::string_view name = "GELUTanh";

    template <class P>
    static P value(const P& x) {
        namespace ei = Eigen::internal;
        const P low = ei::pset1<P>(-far);
        const P v = ei::pselect(ei::pcmp_lt(x, low), low, x);
        return ei::pmul(v, detail::logistic<S>(twice_u(v)));
    }
    template <class P>
    static P slope(const P& x, const P&) {
        namespace ei = Eigen::internal;
        const P v = detail::clamp(x, far), e = detail::decay(twice_u(v)), s = detail::share<S>(e);
        return ei::pmul(s, ei::pmadd(ei::pmul(v, ei::pmul(e, s)), rise(v), ei::pset1<P>(S(1))));
    }
    /// With s the logistic of w = 2 u: s (1 - s) (2 w' + x ((1 - 2 s) w'^2 + w'')).
    template <class P>
    static P curvature(const P& x, const P&) {
        namespace ei = Eigen::internal;
        const P v = detail::clamp(x, far), e = detail::decay(twice_u(v)), s = detail::share<S>(e),
                rest = ei::pmul(e, s);
        const P w1 = rise(v);
        const P w2 = ei::pmul(ei::pset1<P>(S(6) * cubic * scale), v);
        const P inner = ei::pmadd(ei::pmul(ei::psub(rest, s), w1), w1, w2);
        return ei::pmul(ei::pmul(s, rest), ei::pmadd(v, inner, ei::padd(w1, w1)));
    }

private:
    /// Where exp(-2 u) is as large as the scalar goes: farther out the value is nothing but rounding.
    static constexpr S far = sizeof(S) == 4 ? S(10) : S(21);
    static constexpr S cubic = S(0.044715);
    static constexpr S scale = S(2 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi);

    template <class P>
    static P twice_u(const P& x) {
        namespace ei = Eigen::internal;
        const P inner = ei::pmadd(ei::pset1<P>(cubic), ei::pmul(x, x), ei::pset1<P>(S(1)));
        return ei::pmul(ei::pmul(ei::pset1<P>(scale), x), inner);
    }
    template <class P>
    static P rise(const P& x) {
        namespace ei = Eigen::internal;
        const P inner = ei::pmadd(ei::pset1<P>(S(3) * cubic), ei::pmul(x, x), ei::pset1<P>(S(1)));
        return ei::pmul(ei::pset1<P>(scale), inner);
    }
};

}  // namespace renn::inline RENN_ABI
