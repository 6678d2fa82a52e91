// SPDX-License-Identifier: MIT
// renn/activations/elu.hpp - exponential linear unit.
#pragma once

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <tuple>

#include <renn/activations/elementwise.hpp>

namespace renn::inline RENN_ABI {

/// x for x > 0, else alpha (exp(x) - 1); the derivative at 0 is alpha.
/// Limits   +inf stays +inf, -inf becomes -alpha, NaN stays NaN.
/// Throws   DataError if alpha is not finite.
/// Source   Clevert et al. (2016).
template <std::floating_point S = float>
struct ELU : detail::Elementwise<ELU<S>, S> {
    static constexpr std::string_view name = "ELU";

    explicit ELU(S alpha = S(1)) : alpha_(alpha) { check(); }

    S alpha() const noexcept { return alpha_; }

    template <class P>
    P value(const P& x) const {
        namespace ei = Eigen::internal;
        const P bent = ei::pmul(ei::pset1<P>(alpha_), expm1(x));
        return ei::pselect(ei::pcmp_le(x, ei::pset1<P>(S(0))), bent, x);
    }
    template <class P>
    P slope(const P& x, const P& y) const {
        namespace ei = Eigen::internal;
        return ei::pselect(is_straight(x), ei::pset1<P>(S(1)), ei::padd(y, ei::pset1<P>(alpha_)));
    }
    template <class P>
    P curvature(const P& x, const P& y) const {
        namespace ei = Eigen::internal;
        return ei::pselect(is_straight(x), ei::pset1<P>(S(0)), ei::padd(y, ei::pset1<P>(alpha_)));
    }

    auto constants() noexcept { return std::tie(alpha_); }
    auto constants() const noexcept { return std::tie(alpha_); }
    void check() const {
        if (!std::isfinite(alpha_)) {
            detail::raise<DataError>("ELU", "alpha", std::to_string(alpha_), "a finite value");
        }
    }

    std::string describe() const { return "ELU " + std::to_string(alpha_); }

private:
    template <class P>
    static P is_straight(const P& x) {
        return Eigen::internal::pcmp_lt(Eigen::internal::pset1<P>(S(0)), x);
    }
    template <class P>
    static P expm1(const P& x) {
        if constexpr (Eigen::internal::packet_traits<S>::HasExpm1) {
            return Eigen::internal::pexpm1(x);
        } else {
            return detail::by_lanes<S>(x, [](S v) { return std::expm1(v); });
        }
    }

    S alpha_;
};

}  // namespace renn::inline RENN_ABI
