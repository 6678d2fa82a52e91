// SPDX-License-Identifier: MIT
// renn/activations/identity.hpp - the activation that changes nothing.
#pragma once

#include <concepts>
#include <string_view>

#include <renn/activations/elementwise.hpp>

namespace renn::inline RENN_ABI {

/// y = x: an activation where one must stand and none is wanted.
template <std::floating_point S = float>
struct Identity : detail::Elementwise<Identity<S>, S> {
    static constexpr std::string_view name = "Identity";
    static constexpr S negative_slope() noexcept { return S(1); }

    template <class P>
    static P value(const P& x) {
        return x;
    }
    template <class P>
    static P slope(const P&, const P&) {
        return Eigen::internal::pset1<P>(S(1));
    }
    template <class P>
    static P curvature(const P&, const P&) {
        return Eigen::internal::pset1<P>(S(0));
    }
};

}  // namespace renn::inline RENN_ABI
