// SPDX-License-Identifier: MIT
// renn/activations/tanh.hpp - hyperbolic tangent.
#pragma once

#include <cmath>
#include <concepts>
#include <string_view>

#include <renn/activations/elementwise.hpp>

namespace renn {

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
            constexpr int lanes = static_cast<int>(ei::unpacket_traits<P>::size);
            S values[lanes];
            ei::pstoreu(values, x);
            for (S& v : values) v = std::tanh(v);
            return ei::ploadu<P>(values);
        }
    }
    static S slope(S, S y) noexcept { return S(1) - y * y; }
};

static_assert(DifferentiableLayer<Tanh<float>>);

}  // namespace renn
