// SPDX-License-Identifier: MIT
// renn/activations/silu.hpp - sigmoid linear unit, also called swish.
#pragma once

#include <concepts>
#include <string_view>

#include <renn/activations/elementwise.hpp>

namespace renn::inline RENN_ABI {

/// x / (1 + exp(-x)).
/// Limits   +inf stays +inf, -inf becomes a negative number of magnitude below 1e-36, NaN stays NaN.
/// Source   Elfwing et al. (2018); Ramachandran et al. (2017).
template <std::floating_point S = float>
struct SiLU : detail::Elementwise<SiLU<S>, S> {
    static constexpr std::string_view name = "SiLU";

    template <class P>
    static P value(const P& x) {
        namespace ei = Eigen::internal;
        const P low = ei::pset1<P>(-far);
        const P v = ei::pselect(ei::pcmp_lt(x, low), low, x);
        return ei::pmul(v, detail::logistic<S>(v));
    }
    /// s + x s (1 - s) with s the logistic of x.
    template <class P>
    static P slope(const P& x, const P&) {
        namespace ei = Eigen::internal;
        const P v = detail::clamp(x, far), e = detail::decay(v), s = detail::share<S>(e);
        return ei::pmul(s, ei::pmadd(v, ei::pmul(e, s), ei::pset1<P>(S(1))));
    }
    /// s (1 - s) (2 + x (1 - 2 s)).
    template <class P>
    static P curvature(const P& x, const P&) {
        namespace ei = Eigen::internal;
        const P v = detail::clamp(x, far), e = detail::decay(v), s = detail::share<S>(e), rest = ei::pmul(e, s);
        return ei::pmul(ei::pmul(s, rest), ei::pmadd(v, ei::psub(rest, s), ei::pset1<P>(S(2))));
    }

private:
    /// Where exp(-x) is as large as the scalar goes: farther out the value is nothing but rounding.
    static constexpr S far = sizeof(S) == 4 ? S(88) : S(700);
};

}  // namespace renn::inline RENN_ABI
