// SPDX-License-Identifier: MIT
// renn/activations/sigmoid.hpp - logistic function.
#pragma once

#include <concepts>
#include <string_view>

#include <renn/activations/elementwise.hpp>

namespace renn::inline RENN_ABI {

/// 1 / (1 + exp(-x)).
template <std::floating_point S = float>
struct Sigmoid : detail::Elementwise<Sigmoid<S>, S> {
    static constexpr std::string_view name = "Sigmoid";

    template <class P>
    static P value(const P& x) {
        return detail::logistic<S>(x);
    }
    template <class P>
    static P slope(const P&, const P& y) {
        namespace ei = Eigen::internal;
        return ei::pmul(y, ei::psub(ei::pset1<P>(S(1)), y));
    }
    template <class P>
    static P curvature(const P& x, const P& y) {
        namespace ei = Eigen::internal;
        return ei::pmul(slope(x, y), ei::psub(ei::psub(ei::pset1<P>(S(1)), y), y));
    }
};

}  // namespace renn::inline RENN_ABI
