// SPDX-License-Identifier: MIT
// renn/network/network.hpp - layers one after another, known when the program is compiled.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/with_index.hpp>
#include <renn/network/checked_layer.hpp>
#include <renn/network/for_each_layer.hpp>
#include <renn/network/layer_sequence.hpp>
#include <renn/network/names.hpp>

namespace renn::inline RENN_ABI {

template <class... Layers>
class Network;

namespace detail {

/// The parameters of all layers as one value.
template <class... Layers>
struct NetworkParameters {
    std::tuple<typename CheckedLayer<Layers>::Parameters...> layers;
    auto blocks() noexcept {
        return std::apply([](auto&... p) { return std::tie(p...); }, layers);
    }
    auto blocks() const noexcept {
        return std::apply([](const auto&... p) { return std::tie(p...); }, layers);
    }
};

template <class S, class... Layers>
struct NetworkCache {
    static constexpr std::size_t between = sizeof...(Layers) - 1;
    std::array<Batch<S>, between> outputs;  ///< of every layer but the last
    std::array<Batch<S>, between> deltas;   ///< what a reverse walk brings below every layer but the first
    std::array<Batch<S>, between> tangents, delta_tangents;
    std::tuple<typename Layers::Cache...> layers;
};

template <class... Layers>
using FirstScalar = typename CheckedLayer<std::tuple_element_t<0, std::tuple<Layers...>>>::Scalar;

template <class... Layers>
using NetworkSequence = LayerSequence<Network<Layers...>, FirstScalar<Layers...>, NetworkParameters<Layers...>,
                                      NetworkCache<FirstScalar<Layers...>, Layers...>>;

}  // namespace detail

/// Layers one after another. A network is itself a layer, so networks nest, and a value: copies share nothing.
///
/// Layers are named after their kind and number ("dense1", "relu1", "dense2"); rename() gives better names.
/// The parameters of all layers are one value, `Network::Parameters`, passed to every pass: a gradient, a mask or
/// another checkpoint may stand in its place. Everything but the layers themselves is in LayerSequence.
///
/// Throws   ShapeError where run-time sizes do not fit, naming the layer; fixed sizes are checked by the compiler.
/// Threads  const members may run on several threads at once, each with its own Workspace.
template <class... Layers>
class Network : public detail::NetworkSequence<Layers...> {
    static_assert((detail::CheckedLayer<Layers>::value && ...));
    using Base = detail::NetworkSequence<Layers...>;
    friend Base;
    friend typename Base::Tangents;

public:
    using typename Base::Scalar;
    static_assert((std::is_same_v<Scalar, typename Layers::Scalar> && ...),
                  "renn::Network: all layers must have the same Scalar");
    static constexpr std::string_view name = "Network";
    static constexpr Index fixed_in = detail::CheckedLayer<std::tuple_element_t<0, std::tuple<Layers...>>>::in;
    static constexpr Index fixed_out = detail::features_chain<fixed_in, Layers...>();
    static_assert(fixed_out >= Dynamic);  // not for its value: a constant that nobody asks for is not computed

    template <std::size_t I>
    using LayerType = std::tuple_element_t<I, std::tuple<Layers...>>;

    explicit Network(Layers... layers) : layers_(std::move(layers)...) {
        take_over();
        this->check_sizes();
    }

    /// Layers as they are by default, without sizes yet where the type does not say them; for loading.
    Network() requires(std::is_default_constructible_v<Layers>&&...) { take_over(); }

    static constexpr std::size_t size() noexcept { return sizeof...(Layers); }

    /// A layer as it is, but for its parameters: those are the network's.
    template <std::size_t I>
    const LayerType<I>& layer() const noexcept {
        return std::get<I>(layers_);
    }
    template <std::size_t I>
    LayerType<I>& layer() noexcept {
        return std::get<I>(layers_);
    }

    using Base::parameters;
    /// Those of one layer: `net.parameters<0>().weights`.
    template <std::size_t I>
    const typename LayerType<I>::Parameters& parameters() const noexcept {
        return std::get<I>(this->parameters_.layers);
    }
    template <std::size_t I>
    typename LayerType<I>::Parameters& parameters() noexcept {
        return std::get<I>(this->parameters_.layers);
    }

    /// Makes room for a network of these kinds(). Throws MismatchError unless they are this network's.
    void take_kinds(std::string_view wanted, typename Base::Parameters& /*of this network*/) {
        if (wanted != this->kinds()) {
            detail::raise<MismatchError>("network", "layers", std::string(wanted), this->kinds());
        }
    }

private:
    template <class F>
    static void dispatch(std::size_t i, F&& f) {
        detail::with_index<sizeof...(Layers)>(i, f);
    }
    template <std::size_t K, class Self>
    static auto& layer_at(Self& self, std::size_t) noexcept {
        return std::get<K>(self.layers_);
    }
    template <std::size_t K, class P>
    static auto& part(P& parameters, std::size_t) noexcept {
        return std::get<K>(parameters.layers);
    }
    template <std::size_t K, class C>
    static auto& cache_part(C& cache, std::size_t) noexcept {
        return std::get<K>(cache.layers);
    }
    static void prepare(typename Base::Cache&) noexcept {}
    static constexpr bool may_be_first(std::size_t k) noexcept { return k == 0; }
    static constexpr bool may_be_later(std::size_t k) noexcept { return k != 0; }

    void take_over() {
        [this]<std::size_t... I>(std::index_sequence<I...>) {
            ((std::get<I>(this->parameters_.layers) = detail::take_parameters(std::get<I>(layers_))), ...);
        }
        (std::index_sequence_for<Layers...>{});
        const std::array<std::string_view, sizeof...(Layers)> kinds{Layers::name...};
        for (std::size_t i = 0; i < kinds.size(); ++i) {
            int number = 1;
            for (std::size_t j = 0; j < i; ++j) number += kinds[j] == kinds[i];
            this->names_.push_back(detail::default_name(kinds[i], number));
        }
    }

    std::tuple<Layers...> layers_;
};

}  // namespace renn::inline RENN_ABI
