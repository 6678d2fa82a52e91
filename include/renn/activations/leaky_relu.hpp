// SPDX-License-Identifier: MIT
// renn/activations/leaky_relu.hpp - rectified linear unit that leaks.
#pragma once

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <tuple>

#include <renn/activations/elementwise.hpp>

namespace renn::inline RENN_ABI {

/// x for x > 0, else leak * x; derivative `leak` at 0. With leak >= 0 it keeps the order of its inputs.
/// Throws   DataError if leak is not finite.
/// Source   Maas et al. (2013).
template <std::floating_point S = float>
struct LeakyReLU : detail::Elementwise<LeakyReLU<S>, S> {
    static constexpr std::string_view name = "LeakyReLU";

    explicit LeakyReLU(S leak = S(0.01)) : leak_(leak) { check(); }

    S leak() const noexcept { return leak_; }
    S negative_slope() const noexcept { return leak_; }

    template <class P>
    P value(const P& x) const {
        const P zero = Eigen::internal::pset1<P>(S(0));
        const P leaked = Eigen::internal::pmul(x, Eigen::internal::pset1<P>(leak_));
        return Eigen::internal::pselect(Eigen::internal::pcmp_le(x, zero), leaked, x);
    }
    template <class P>
    P slope(const P& x, const P&) const {
        namespace ei = Eigen::internal;
        return ei::pselect(ei::pcmp_lt(ei::pset1<P>(S(0)), x), ei::pset1<P>(S(1)), ei::pset1<P>(leak_));
    }
    template <class P>
    static P curvature(const P&, const P&) {
        return Eigen::internal::pset1<P>(S(0));
    }
    auto constants() noexcept { return std::tie(leak_); }
    auto constants() const noexcept { return std::tie(leak_); }
    void check() const {
        if (!std::isfinite(leak_)) {
            detail::raise<DataError>("LeakyReLU", "leak", std::to_string(leak_), "a finite value");
        }
    }

    std::string describe() const { return "LeakyReLU " + std::to_string(leak_); }

private:
    S leak_;
};

}  // namespace renn::inline RENN_ABI
