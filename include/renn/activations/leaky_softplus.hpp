// SPDX-License-Identifier: MIT
// renn/activations/leaky_softplus.hpp - smooth rectifier that leaks.
#pragma once

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <tuple>

#include <renn/activations/elementwise.hpp>
#include <renn/activations/softplus.hpp>

namespace renn::inline RENN_ABI {

/// leak * x + (1 - leak) * log(1 + exp(beta x)) / beta: what Softplus is to ReLU, this is to LeakyReLU, from which it
/// differs by at most |1 - leak| log(2) / beta, at 0. Computed as LeakyReLU of x plus
/// (1 - leak) * log1p(exp(-|beta x|)) / beta, which never overflows.
/// Throws   DataError unless leak is finite and beta finite and above 0.
template <std::floating_point S = float>
struct LeakySoftplus : detail::Elementwise<LeakySoftplus<S>, S> {
    static constexpr std::string_view name = "LeakySoftplus";

    explicit LeakySoftplus(S leak = S(0.01), S beta = S(1)) : leak_(leak), beta_(beta) { check(); }

    S leak() const noexcept { return leak_; }
    S beta() const noexcept { return beta_; }

    template <class P>
    P value(const P& x) const {
        namespace ei = Eigen::internal;
        const P beta = ei::pset1<P>(beta_);
        const P leaked = ei::pselect(ei::pcmp_le(x, ei::pset1<P>(S(0))), ei::pmul(x, ei::pset1<P>(leak_)), x);
        const P above = ei::pdiv(detail::softplus_above_relu<S>(ei::pmul(beta, x)), beta);
        return ei::pmadd(ei::pset1<P>(S(1) - leak_), above, leaked);
    }
    template <class P>
    P slope(const P& x, const P&) const {
        namespace ei = Eigen::internal;
        const P s = detail::logistic<S>(ei::pmul(ei::pset1<P>(beta_), x));
        return ei::pmadd(ei::pset1<P>(S(1) - leak_), s, ei::pset1<P>(leak_));
    }
    template <class P>
    P curvature(const P& x, const P&) const {
        namespace ei = Eigen::internal;
        const P s = detail::logistic<S>(ei::pmul(ei::pset1<P>(beta_), x));
        return ei::pmul(ei::pset1<P>((S(1) - leak_) * beta_), ei::pmul(s, ei::psub(ei::pset1<P>(S(1)), s)));
    }

    auto constants() noexcept { return std::tie(leak_, beta_); }
    auto constants() const noexcept { return std::tie(leak_, beta_); }
    void check() const {
        if (!std::isfinite(leak_)) {
            detail::raise<DataError>("LeakySoftplus", "leak", std::to_string(leak_), "a finite value");
        }
        if (!(std::isfinite(beta_) && beta_ > S(0))) {
            detail::raise<DataError>("LeakySoftplus", "beta", std::to_string(beta_), "a finite value above 0");
        }
    }

    std::string describe() const { return "LeakySoftplus " + std::to_string(leak_) + ", " + std::to_string(beta_); }

private:
    S leak_, beta_;
};

}  // namespace renn::inline RENN_ABI
