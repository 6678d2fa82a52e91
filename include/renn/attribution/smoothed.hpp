// SPDX-License-Identifier: MIT
// renn/attribution/smoothed.hpp - a network with its kinks rounded off, for derivatives of second order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <renn/activations/leaky_relu.hpp>
#include <renn/activations/leaky_softplus.hpp>
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
    constexpr bool has_slopes = requires(const L& l) {
        l.negative_slope();
    };
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

/// leak * x + (1 - leak) * log(1 + exp(beta x)) / beta, at most |1 - leak| log(2) / beta away from LeakyReLU.
template <class S>
LeakySoftplus<S> smoothed(const LeakyReLU<S>& layer, double beta) {
    return LeakySoftplus<S>(layer.leak(), static_cast<S>(beta));
}

template <class S, class... Kinds>
class BasicSequential;

namespace detail {

// A smoothed layer that is made of layers, of parameters that it need not hold itself: it holds its own.

template <class... Layers>
auto smoothed_with(const Network<Layers...>& net, const typename Network<Layers...>::Parameters& weights, double beta);
template <class S, class... Kinds>
auto smoothed_with(const BasicSequential<S, Kinds...>& net,
                   const typename BasicSequential<S, Kinds...>::Parameters& weights, double beta);

template <class Net>
auto smoothed_with(const Residual<Net>& layer, const typename Net::Parameters& weights, double beta) {
    return Residual(smoothed_with(layer.network(), weights, beta));
}
template <class... Branches>
auto smoothed_with(const Concatenate<Branches...>& layer, const typename Concatenate<Branches...>::Parameters& weights,
                   double beta) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        using Smooth =
            Concatenate<decltype(smoothed_with(layer.template branch<I>(), std::get<I>(weights.branches), beta))...>;
        return Smooth(smoothed_with(layer.template branch<I>(), std::get<I>(weights.branches), beta)...);
    }
    (std::index_sequence_for<Branches...>{});
}

template <class L>
auto smoothed_part(const L& layer, const typename L::Parameters& weights, double beta) {
    if constexpr (CompositeLayer<L>) {
        return smoothed_with(layer, weights, beta);
    } else {
        return smoothed(layer, beta);
    }
}

template <class... Layers>
auto smoothed_with(const Network<Layers...>& net, const typename Network<Layers...>::Parameters& weights, double beta) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        using Smooth = Network<decltype(smoothed_part(net.template layer<I>(), std::get<I>(weights.layers), beta))...>;
        Smooth smooth(smoothed_part(net.template layer<I>(), std::get<I>(weights.layers), beta)...);
        const auto take = [](auto& to, const auto& from) { to = from; };
        const auto take_leaf = [&](auto k) {
            if constexpr (!CompositeLayer<typename Network<Layers...>::template LayerType<k()>>) {
                for_each_block(take, smooth.template parameters<k()>(), std::get<k()>(weights.layers));
            }
        };
        (take_leaf(std::integral_constant<std::size_t, I>{}), ...);
        smooth.rename_all(net.names());
        return smooth;
    }
    (std::index_sequence_for<Layers...>{});
}

template <class S, class... Kinds>
auto smoothed_with(const BasicSequential<S, Kinds...>& net,
                   const typename BasicSequential<S, Kinds...>::Parameters& weights, double beta) {
    BasicSequential<S, Kinds...> smooth;
    net.for_each_child(net, weights, [&](const std::string&, const auto& layer, const auto& part) {
        if constexpr (CompositeLayer<std::remove_cvref_t<decltype(layer)>>) {
            smooth.add(smoothed_with(layer, part, beta));
        } else {
            smooth.add(smoothed(layer, beta), part);
        }
    });
    smooth.rename_all(net.names());
    return smooth;
}

}  // namespace detail

/// A copy of a network with softplus in place of every ReLU and LeakyReLU, those in nested networks included; names and
/// parameters stay. Its outputs differ a little and its second derivatives are those of a smooth function, where those
/// of the network itself are 0 almost everywhere. The kinks of max pooling stay. A run-time network stays of its type,
/// which must know Softplus and LeakySoftplus, as Sequential does.
///
/// Throws   DataError unless beta is finite and above 0.
/// Source   zennit's BetaSmooth; Dombrowski et al. (2019).
template <CompositeLayer Net>
auto smoothed(const Net& net, double beta = 10.0) {
    return detail::smoothed_with(net, net.parameters(), beta);
}

}  // namespace renn::inline RENN_ABI
