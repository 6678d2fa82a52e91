// SPDX-License-Identifier: MIT
// renn/activations/tanh.hpp - hyperbolic tangent.
#pragma once

#include <cmath>
#include <concepts>
#include <string_view>

#include <renn/activations/elementwise.hpp>

namespace renn::inline RENN_ABI {

/// tanh(x), by Eigen's packets where it has them for the scalar, else value by value with std::tanh.
template <std::floating_point S = float>
struct Tanh : detail::Elementwise<Tanh<S>, S> {
    static constexpr std::string_view name = "Tanh";

    template <class P>
    static P value(const P& x) {
        namespace ei = Eigen::internal;
        if constexpr (ei::packet_traits<S>::HasTanh) {
            return ei::ptanh(x);
        } else {
            return detail::by_lanes<S>(x, [](S v) { return std::tanh(v); });
        }
    }
    template <class P>
    static P slope(const P&, const P& y) {
        namespace ei = Eigen::internal;
        return ei::psub(ei::pset1<P>(S(1)), ei::pmul(y, y));
    }
    template <class P>
    static P curvature(const P& x, const P& y) {
        namespace ei = Eigen::internal;
        return ei::pmul(slope(x, y), ei::pmul(ei::pset1<P>(S(-2)), y));
    }
};

}  // namespace renn::inline RENN_ABI
