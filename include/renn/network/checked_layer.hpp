// SPDX-License-Identifier: MIT
// renn/network/checked_layer.hpp - what the compiler can say about layers that stand one after another.
#pragma once

#include <type_traits>
#include <utility>

#include <renn/core/batch.hpp>
#include <renn/core/layer.hpp>

namespace renn::inline RENN_ABI::detail {

template <class L>
struct CheckedLayer {
    static_assert(Layer<L>, "renn::Network: this type is not a renn::Layer (see the concept in core/layer.hpp)");
    using Scalar = typename L::Scalar;
    using Parameters = typename L::Parameters;
    static constexpr bool value = true;
    static constexpr Index in = [] {
        if constexpr (requires { L::fixed_in; }) return L::fixed_in;
        return Dynamic;
    }();
    /// What comes out if `width` goes in; Dynamic where only run time knows.
    static constexpr Index out(Index width) {
        if constexpr (requires { L::fixed_out; }) return L::fixed_out;
        return width;
    }
};

template <Index OutOfLayer, Index InOfNext>
struct FeaturesFit {
    static_assert(OutOfLayer == Dynamic || InOfNext == Dynamic || OutOfLayer == InOfNext,
                  "renn::Network: out_features of a layer must equal in_features of the next");
    static constexpr bool value = true;
};

template <Index Width>
consteval Index features_chain() {
    return Width;
}
/// Output width of the layers for an input of `Width`; does not compile where two neighbours do not fit.
template <Index Width, class First, class... Rest>
consteval Index features_chain() {
    static_assert(FeaturesFit<Width, CheckedLayer<First>::in>::value);
    return features_chain<CheckedLayer<First>::out(Width), Rest...>();
}

/// Moves a layer's parameters out where it lets us; the network keeps them, the layer keeps its shape.
template <class L>
typename L::Parameters take_parameters(L& layer) {
    if constexpr (std::is_same_v<decltype(layer.parameters()), typename L::Parameters&>) {
        return std::exchange(layer.parameters(), typename L::Parameters{});
    } else {
        return layer.parameters();
    }
}

}  // namespace renn::inline RENN_ABI::detail
