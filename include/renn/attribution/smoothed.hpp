// SPDX-License-Identifier: MIT
// renn/attribution/smoothed.hpp - a network with its kinks rounded off, for derivatives of second order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include <renn/activations/relu.hpp>
#include <renn/activations/softplus.hpp>
#include <renn/core/layer.hpp>
#include <renn/layers/concatenate.hpp>
#include <renn/layers/residual.hpp>
#include <renn/network/for_each_layer.hpp>
#include <renn/network/network.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// How a layer bends: not at all, only at kinks, or everywhere.
enum class Bend : std::uint8_t { straight, kinked, smooth };

/// A layer that is none of the library's straight or kinked ones counts as smooth.
template <class L>
constexpr Bend bend_of() {
    constexpr std::string_view name = L::name;
    constexpr bool has_slopes = requires(const L& l) { l.negative_slope(); };
    if (has_slopes || name.starts_with("MaxPool")) return Bend::kinked;
    if (LinearLayer<L> || name == "Flatten" || name == "Dropout" || name == "Identity") return Bend::straight;
    return Bend::smooth;
}

/// Whether some layer of a network bends in this way.
template <class Net>
bool has_layers_that_bend(const Net& net, Bend bend) {
    bool found = false;
    for_each_layer(net, [&](std::string_view, const auto& layer, const auto&) {
        found = found || bend_of<std::remove_cvref_t<decltype(layer)>>() == bend;
    });
    return found;
}

}  // namespace detail

/// A layer for a smoothed network: as it is, unless there is an overload for it. Overloads for layers of your own are
/// found beside them.
template <Layer L>
    requires(!CompositeLayer<L>)
L smoothed(const L& layer, double /*beta*/) {
    return layer;
}

/// log(1 + exp(beta x)) / beta, at most log(2) / beta above ReLU.
template <class S>
Softplus<S> smoothed(const ReLU<S>&, double beta) {
    return Softplus<S>(static_cast<S>(beta));
}

template <class... Layers>
auto smoothed(const Network<Layers...>& net, double beta = 10.0);

/// Of what is inside.
template <class Net>
auto smoothed(const Residual<Net>& layer, double beta) {
    return Residual(smoothed(layer.network(), beta));
}
/// Of each branch.
template <class... Branches>
auto smoothed(const Concatenate<Branches...>& layer, double beta) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return Concatenate(smoothed(layer.template branch<I>(), beta)...);
    }
    (std::index_sequence_for<Branches...>{});
}

/// A copy of a network with softplus in place of every ReLU, those in nested networks included; names and parameters
/// stay. Its outputs differ a little and its second derivatives are those of a smooth function, where those of the
/// network itself are 0 almost everywhere. Other kinks stay: LeakyReLU, max pooling.
///
/// Throws   DataError unless beta is finite and above 0.
/// Source   zennit's BetaSmooth; Dombrowski et al. (2019).
template <class... Layers>
auto smoothed(const Network<Layers...>& net, double beta) {
    auto smooth = [&]<std::size_t... I>(std::index_sequence<I...>) {
        return Network(smoothed(net.template layer<I>(), beta)...);
    }
    (std::index_sequence_for<Layers...>{});
    for_each_block([](auto& to, const auto& from) { to = from; }, smooth.parameters(), net.parameters());
    smooth.rename_all(net.names());
    return smooth;
}

}  // namespace renn::inline RENN_ABI
