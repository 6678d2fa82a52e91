// SPDX-License-Identifier: MIT
// renn/activations/sigmoid.hpp - logistic function.
#pragma once

#include <concepts>
#include <string_view>

#include <renn/activations/elementwise.hpp>

namespace renn {

/// 1 / (1 + exp(-x)).
template <std::floating_point S = float>
struct Sigmoid : detail::Elementwise<Sigmoid<S>, S> {
    static constexpr std::string_view name = "Sigmoid";

    template <class P>
    static P value(const P& x) {
        namespace ei = Eigen::internal;
        const P one = ei::pset1<P>(S(1));
        return ei::pdiv(one, ei::padd(one, ei::pexp(ei::pnegate(x))));
    }
    static S slope(S, S y) noexcept { return y * (S(1) - y); }
};

static_assert(DifferentiableLayer<Sigmoid<float>>);

}  // namespace renn
