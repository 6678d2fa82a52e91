// SPDX-License-Identifier: MIT
// renn/activations/relu.hpp - rectified linear unit.
#pragma once

#include <concepts>
#include <string_view>

#include <renn/activations/elementwise.hpp>

namespace renn::inline RENN_ABI {

/// max(x, 0), with derivative 0 at 0; -0 becomes +0 and NaN stays NaN, so an error upstream is not hidden.
/// Keeps the order of its inputs, so traced neurons share one sorted order for pre- and post-activation.
template <std::floating_point S = float>
struct ReLU : detail::Elementwise<ReLU<S>, S> {
    static constexpr std::string_view name = "ReLU";
    static constexpr S negative_slope() noexcept { return S(0); }

    template <class P>
    static P value(const P& x) {
        const P zero = Eigen::internal::pset1<P>(S(0));
        return Eigen::internal::pselect(Eigen::internal::pcmp_le(x, zero), zero, x);
    }
    template <class P>
    static P slope(const P& x, const P&) {
        namespace ei = Eigen::internal;
        const P zero = ei::pset1<P>(S(0));
        return ei::pselect(ei::pcmp_lt(zero, x), ei::pset1<P>(S(1)), zero);
    }
    template <class P>
    static P curvature(const P&, const P&) {
        return Eigen::internal::pset1<P>(S(0));
    }
};

}  // namespace renn::inline RENN_ABI
