// SPDX-License-Identifier: MIT
// renn/activations/softplus.hpp - smooth rectifier.
#pragma once

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <tuple>

#include <renn/activations/elementwise.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// log(1 + exp(u)) - max(u, 0), which is log(1 + exp(-|u|)).
template <class S, class P>
P softplus_above_relu(const P& u) {
    const P decayed = Eigen::internal::pexp(Eigen::internal::pnegate(Eigen::internal::pabs(u)));
    if constexpr (Eigen::internal::packet_traits<S>::HasLog1p) {
        return Eigen::internal::plog1p(decayed);
    } else {
        return by_lanes<S>(decayed, [](S v) { return std::log1p(v); });
    }
}

}  // namespace detail

/// log(1 + exp(beta x)) / beta, and x itself where beta x > threshold, as in PyTorch. Computed as
/// max(x, 0) + log1p(exp(-|beta x|)) / beta, which never overflows.
/// Limits   +inf stays +inf, -inf becomes 0 (to within 1e-37), NaN stays NaN.
/// Throws   DataError unless beta is finite and above 0 and threshold is finite.
/// Source   Dugas et al. (2001).
template <std::floating_point S = float>
struct Softplus : detail::Elementwise<Softplus<S>, S> {
    static constexpr std::string_view name = "Softplus";

    explicit Softplus(S beta = S(1), S threshold = S(20)) : beta_(beta), threshold_(threshold) { check(); }

    S beta() const noexcept { return beta_; }
    S threshold() const noexcept { return threshold_; }

    template <class P>
    P value(const P& x) const {
        namespace ei = Eigen::internal;
        const P zero = ei::pset1<P>(S(0)), beta = ei::pset1<P>(beta_);
        const P u = ei::pmul(beta, x);
        const P rectified = ei::pselect(ei::pcmp_le(x, zero), zero, x);
        const P smooth = ei::padd(rectified, ei::pdiv(detail::softplus_above_relu<S>(u), beta));
        return ei::pselect(is_straight(u), x, smooth);
    }
    template <class P>
    P slope(const P& x, const P&) const {
        namespace ei = Eigen::internal;
        const P u = ei::pmul(ei::pset1<P>(beta_), x);
        return ei::pselect(is_straight(u), ei::pset1<P>(S(1)), detail::logistic<S>(u));
    }
    template <class P>
    P curvature(const P& x, const P&) const {
        namespace ei = Eigen::internal;
        const P u = ei::pmul(ei::pset1<P>(beta_), x), s = detail::logistic<S>(u);
        const P bend = ei::pmul(ei::pset1<P>(beta_), ei::pmul(s, ei::psub(ei::pset1<P>(S(1)), s)));
        return ei::pselect(is_straight(u), ei::pset1<P>(S(0)), bend);
    }

    auto constants() noexcept { return std::tie(beta_, threshold_); }
    auto constants() const noexcept { return std::tie(beta_, threshold_); }
    void check() const {
        if (!(std::isfinite(beta_) && beta_ > S(0))) {
            detail::raise<DataError>("Softplus", "beta", std::to_string(beta_), "a finite value above 0");
        }
        if (!std::isfinite(threshold_)) {
            detail::raise<DataError>("Softplus", "threshold", std::to_string(threshold_), "a finite value");
        }
    }

    std::string describe() const {
        return "Softplus " + std::to_string(beta_) + " up to " + std::to_string(threshold_);
    }

private:
    template <class P>
    P is_straight(const P& u) const {
        return Eigen::internal::pcmp_lt(Eigen::internal::pset1<P>(threshold_), u);
    }

    S beta_, threshold_;
};

}  // namespace renn::inline RENN_ABI
