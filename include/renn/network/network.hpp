// SPDX-License-Identifier: MIT
// renn/network/network.hpp - layers one after another, and the one walk over them.
#pragma once

#include <array>
#include <bit>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/rng.hpp>
#include <renn/network/checked_layer.hpp>
#include <renn/network/gradient.hpp>
#include <renn/network/path.hpp>

namespace renn {
/// What a pass over a network leaves: every layer's output and cache. Used again, it allocates nothing.
template <class Net>
struct Workspace {
    Batch<typename Net::Scalar> output;
    typename Net::Cache cache;
};

/// Layers one after another. A network is itself a layer, so networks nest, and a value: copies share nothing.
///
/// Layers are named after their kind and number ("dense1", "relu1", "dense2"); rename() gives better names.
/// The parameters of all layers are one value, `Network::Parameters`, passed to every pass: a gradient, a mask or
/// another checkpoint may stand in its place.
///
/// Throws   ShapeError where run-time sizes do not fit, naming the layer; fixed sizes are checked by the compiler.
/// Threads  const members may run on several threads at once, each with its own Workspace.
template <class... Layers>
class Network {
    static_assert(sizeof...(Layers) > 0, "renn::Network: needs at least one layer");
    static_assert((detail::CheckedLayer<Layers>::value && ...));

public:
    using Scalar = typename std::tuple_element_t<0, std::tuple<Layers...>>::Scalar;
    static_assert((std::is_same_v<Scalar, typename Layers::Scalar> && ...),
                  "renn::Network: all layers must have the same Scalar");
    static constexpr std::string_view name = "Network";
    static constexpr std::size_t size = sizeof...(Layers);
    static constexpr Index fixed_in = detail::CheckedLayer<std::tuple_element_t<0, std::tuple<Layers...>>>::in;
    static constexpr Index fixed_out = detail::features_chain<fixed_in, Layers...>();
    static_assert(fixed_out >= Dynamic);  // not for its value: a constant that nobody asks for is not computed

    template <std::size_t I>
    using LayerType = std::tuple_element_t<I, std::tuple<Layers...>>;

    struct Parameters {
        std::tuple<typename Layers::Parameters...> layers;
        auto blocks() noexcept {
            return std::apply([](auto&... p) { return std::tie(p...); }, layers);
        }
        auto blocks() const noexcept {
            return std::apply([](const auto&... p) { return std::tie(p...); }, layers);
        }
    };

    struct Cache {
        std::array<Batch<Scalar>, size - 1> outputs;  ///< of every layer but the last
        std::array<Batch<Scalar>, size - 1> deltas;   ///< what a reverse walk brings below every layer but the first
        std::tuple<typename Layers::Cache...> layers;
    };

    explicit Network(Layers... layers) : layers_(std::move(layers)...) {
        take_over();
        check_sizes();
    }

    /// Layers as they are by default, without sizes yet where the type does not say them; for loading.
    Network() requires(std::is_default_constructible_v<Layers>&&...) { take_over(); }

    const Parameters& parameters() const noexcept { return parameters_; }
    Parameters& parameters() noexcept { return parameters_; }

    template <std::size_t I>
    const LayerType<I>& layer() const noexcept {
        return std::get<I>(layers_);
    }
    template <std::size_t I>
    LayerType<I>& layer() noexcept {
        return std::get<I>(layers_);
    }

    const std::array<std::string, size>& names() const noexcept { return names_; }

    /// Throws DataError if the name is empty, has a '/', or is another layer's.
    void rename(std::size_t index, std::string new_name) {
        if (index >= size) {
            detail::raise<DataError>("Network::rename", "layer", std::to_string(index),
                                     "0.." + std::to_string(size - 1));
        }
        auto changed = names_;
        changed[index] = std::move(new_name);
        rename_all(std::move(changed));
    }
    void rename_all(std::array<std::string, size> new_names) {
        for (std::size_t i = 0; i < size; ++i) {
            if (new_names[i].empty() || new_names[i].find('/') != std::string::npos) {
                detail::raise<DataError>("Network::rename", "name", "\"" + new_names[i] + "\"", "a name without '/'");
            }
            for (std::size_t j = 0; j < i; ++j) {
                if (new_names[i] == new_names[j]) {
                    detail::raise<DataError>("Network::rename",
                                             "name of layers " + std::to_string(j) + " and " + std::to_string(i),
                                             "\"" + new_names[i] + "\" twice", "a name of its own for each");
                }
            }
        }
        names_ = std::move(new_names);
    }

    /// Input width, or Dynamic if any will do.
    Index in_features() const noexcept {
        Index width = Dynamic;
        const auto one = [&width](const auto& l) {
            if constexpr (requires { l.in_features(); }) width = width == Dynamic ? l.in_features() : width;
            return width == Dynamic;
        };
        std::apply([&](const auto&... l) { (one(l) && ...); }, layers_);
        return width;
    }

    /// Output width, or Dynamic if it follows the input.
    Index out_features() const noexcept {
        Index width = Dynamic;
        const auto one = [&width](const auto& l) {
            if constexpr (requires { l.out_features(); })
                width = l.out_features() == Dynamic ? width : l.out_features();
        };
        std::apply([&](const auto&... l) { (one(l), ...); }, layers_);
        return width;
    }

    /// Runs the network and returns its output, features x samples, which lives in the workspace.
    /// The visitor sees every layer as a Step just after it ran.
    template <class V = NoVisit>
    const Batch<Scalar>& forward(const BatchView<Scalar>& x, Workspace<Network>& workspace, const Pass& pass = {},
                                 V&& visitor = {}) const {
        detail::Path path;
        walk(parameters_, x, workspace.output, workspace.cache, pass, visitor, path);
        return workspace.output;
    }

    /// As forward, with a workspace of its own and only the output returned.
    Batch<Scalar> predict(const BatchView<Scalar>& x) const {
        Workspace<Network> workspace;
        forward(x, workspace);
        return std::move(workspace.output);
    }

    /// The forward walk. Goes into nested networks, so a visitor sees their layers too, then the network itself.
    template <class V>
    void walk(const Parameters& w, const BatchView<Scalar>& x, Batch<Scalar>& y, Cache& cache, const Pass& pass,
              V& visitor, detail::Path& path) const {
        walk_from<0>(w, x, y, cache, pass, visitor, path);
    }

    /// The reverse walk, after a forward walk with the same x, y and cache: hands every layer to
    /// `reverse(rule, step, above, below)`, from the last to the first. `below` is a Batch, or NotWanted.
    template <class Rule, class Below>
    void walk_back(Rule& rule, const Parameters& w, const BatchView<Scalar>& x, const BatchView<Scalar>& y,
                   Cache& cache, const BatchView<Scalar>& above, Below& below, Parameters* gradient,
                   detail::Path& path) const {
        back_from<size - 1>(rule, w, x, y, cache, above, below, gradient, path);
    }

    /// Reverse walk over the last forward pass of `workspace` for the same x.
    template <class Rule, class Below>
    void reverse_walk(Rule&& rule, const BatchView<Scalar>& x, Workspace<Network>& workspace,
                      const BatchView<Scalar>& above, Below& below, Parameters* gradient = nullptr) const {
        detail::Path path;
        walk_back(rule, parameters_, x, workspace.output, workspace.cache, above, below, gradient, path);
    }

    void forward(const Parameters& w, const BatchView<Scalar>& x, Batch<Scalar>& y, Cache& cache,
                 const Pass& pass) const {
        detail::Path path;
        NoVisit visitor;
        walk(w, x, y, cache, pass, visitor, path);
    }

    template <class Dx, class G>
    void backward(const Parameters& w, const BatchView<Scalar>& x, const BatchView<Scalar>& y, Cache& cache,
                  const BatchView<Scalar>& dy, Dx& dx, G& g) const {
        detail::Path path;
        if constexpr (is_wanted<G>) {
            ParameterGradient rule;
            walk_back(rule, w, x, y, cache, dy, dx, &g, path);
        } else {
            InputGradient rule;
            walk_back(rule, w, x, y, cache, dy, dx, nullptr, path);
        }
    }

    /// Calls f(path, layer, parameters) for every layer, into nested networks, in order. `parameters` may be any value
    /// of this network's Parameters; constness of both is passed on.
    template <class Self, class P, class F>
    static void for_each_layer(Self& self, P& parameters, F&& f, detail::Path& path) {
        each_from<0>(self, parameters, f, path);
    }

    /// "[Dense, ReLU, Dense]": the kinds of layers alone.
    static std::string kinds() {
        std::string text;
        const auto one = [&text]<class L>(std::type_identity<L>) {
            if (!text.empty()) text += ", ";
            if constexpr (requires { L::kinds(); }) {
                text += L::kinds();
            } else {
                text += L::name;
            }
        };
        (one(std::type_identity<Layers>{}), ...);
        return "[" + text + "]";
    }

    /// "[Dense 784 -> 128, ReLU, Dense 128 -> 10]": what the network is without its parameters' values.
    std::string describe() const {
        std::string text;
        std::apply(
            [&text](const auto&... l) {
                const auto one = [&text](const auto& layer) {
                    if (!text.empty()) text += ", ";
                    if constexpr (requires { layer.describe(); }) {
                        text += layer.describe();
                    } else {
                        text += layer.name;
                    }
                };
                (one(l), ...);
            },
            layers_);
        return "[" + text + "]";
    }

    /// Throws ShapeError naming the layer whose in_features are not what comes out before it.
    void check_sizes() const {
        Index width = Dynamic;
        std::size_t i = 0;
        const auto one = [&](const auto& l) {
            if constexpr (requires {
                              l.in_features();
                              l.out_features();
                          }) {
                if (width != Dynamic && l.in_features() != Dynamic && width != l.in_features()) {
                    detail::raise<ShapeError>(
                        "Network", "in_features of layer " + std::to_string(i) + " (" + names_[i] + ")",
                        std::to_string(l.in_features()), std::to_string(width) + ", the out_features before it");
                }
                width = l.out_features() == Dynamic ? width : l.out_features();
            }
            ++i;
        };
        std::apply([&](const auto&... l) { (one(l), ...); }, layers_);
    }

private:
    template <std::size_t I>
    Batch<Scalar>& output_of(Batch<Scalar>& y, Cache& cache) const {
        if constexpr (I + 1 == size) {
            return y;
        } else {
            return cache.outputs[I];
        }
    }

    template <std::size_t I, class Self, class P, class F>
    static void each_from(Self& self, P& parameters, F& f, detail::Path& path) {
        auto& layer = std::get<I>(self.layers_);
        auto& weights = std::get<I>(parameters.layers);
        {
            const auto guard = path.enter(self.names_[I]);
            if constexpr (requires { LayerType<I>::for_each_layer(layer, weights, f, path); }) {
                LayerType<I>::for_each_layer(layer, weights, f, path);
            } else {
                f(path.view(), layer, weights);
            }
        }
        if constexpr (I + 1 < size) each_from<I + 1>(self, parameters, f, path);
    }

    template <std::size_t I, class V>
    void walk_from(const Parameters& w, const BatchView<Scalar>& x, Batch<Scalar>& y, Cache& cache, const Pass& pass,
                   V& visitor, detail::Path& path) const {
        using L = LayerType<I>;
        const L& layer = std::get<I>(layers_);
        const auto& weights = std::get<I>(w.layers);
        auto& inner_cache = std::get<I>(cache.layers);
        Batch<Scalar>& out = output_of<I>(y, cache);
        Pass inner = pass;
        inner.path = mix(pass.path, I + 1);
        {
            const auto guard = path.enter(names_[I]);
            if constexpr (requires { layer.walk(weights, x, out, inner_cache, inner, visitor, path); }) {
                layer.walk(weights, x, out, inner_cache, inner, visitor, path);
            } else {
                layer.forward(weights, x, out, inner_cache, inner);
            }
            const BatchView<Scalar> seen(out);
            visitor.visit(Step<L>{path.view(), I, layer, weights, x, seen, inner_cache});
        }
        if constexpr (I + 1 < size) walk_from<I + 1>(w, BatchView<Scalar>(out), y, cache, pass, visitor, path);
    }

    template <std::size_t I, class Rule, class Below>
    void back_from(Rule& rule, const Parameters& w, const BatchView<Scalar>& x, const BatchView<Scalar>& y,
                   Cache& cache, const BatchView<Scalar>& above, Below& below, Parameters* gradient,
                   detail::Path& path) const {
        using L = LayerType<I>;
        const auto one = [&](const BatchView<Scalar>& in, const BatchView<Scalar>& out, auto& under) {
            const L& layer = std::get<I>(layers_);
            const auto& weights = std::get<I>(w.layers);
            auto& inner_cache = std::get<I>(cache.layers);
            typename L::Parameters* slot = gradient == nullptr ? nullptr : &std::get<I>(gradient->layers);
            const auto guard = path.enter(names_[I]);
            if constexpr (requires {
                              layer.walk_back(rule, weights, in, out, inner_cache, above, under, slot, path);
                          }) {
                layer.walk_back(rule, weights, in, out, inner_cache, above, under, slot, path);
            } else {
                reverse(rule, Step<L>{path.view(), I, layer, weights, in, out, inner_cache, slot}, above, under);
            }
        };
        if constexpr (I == 0) {
            one(x, y, below);
        } else {
            one(BatchView<Scalar>(cache.outputs[I - 1]), y, cache.deltas[I - 1]);
            back_from<I - 1>(rule, w, x, BatchView<Scalar>(cache.outputs[I - 1]), cache,
                             BatchView<Scalar>(cache.deltas[I - 1]), below, gradient, path);
        }
    }

    void take_over() {
        [this]<std::size_t... I>(std::index_sequence<I...>) {
            ((std::get<I>(parameters_.layers) = detail::take_parameters(std::get<I>(layers_))), ...);
        }
        (std::index_sequence_for<Layers...>{});
        give_default_names();
    }

    void give_default_names() {
        const std::array<std::string_view, size> kinds{Layers::name...};
        for (std::size_t i = 0; i < size; ++i) {
            int number = 1;
            for (std::size_t j = 0; j < i; ++j) number += kinds[j] == kinds[i];
            names_[i].clear();
            for (const char c : kinds[i]) {
                names_[i] += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            }
            names_[i] += std::to_string(number);
        }
    }

    Parameters parameters_;
    std::tuple<Layers...> layers_;
    std::array<std::string, size> names_;
};

/// Calls f(path, layer, parameters) for every layer of a network, also inside nested ones, in order.
template <class Net, class F>
    requires requires {
        typename Net::Parameters;
    }
void for_each_layer(Net& net, F&& f) {
    detail::Path path;
    std::remove_const_t<Net>::for_each_layer(net, net.parameters(), f, path);
}

namespace detail {

/// Mixes structure and parameter bits into one number, in the flat parameter order.
template <class P>
std::uint64_t hash_parameters(const P& parameters, std::uint64_t hash) {
    for_each_block(
        [&hash](const auto& block) {
            hash = mix(hash, static_cast<std::uint64_t>(block.rows()));
            hash = mix(hash, static_cast<std::uint64_t>(block.cols()));
            for (Index i = 0; i < block.rows(); ++i) {
                for (Index j = 0; j < block.cols(); ++j) {
                    hash = mix(hash, std::bit_cast<std::uint64_t>(static_cast<double>(block(i, j))));
                }
            }
        },
        parameters);
    return hash;
}

inline std::uint64_t hash_text(std::string_view text, std::uint64_t hash) {
    for (const char c : text) hash = mix(hash, static_cast<std::uint64_t>(static_cast<unsigned char>(c)));
    return hash;
}

template <class C>
std::uint64_t hash_constant(const C& constant, std::uint64_t hash) {
    if constexpr (std::is_arithmetic_v<C>) {
        return mix(hash, std::bit_cast<std::uint64_t>(static_cast<double>(constant)));
    } else {
        return hash_parameters(constant, hash);
    }
}

}  // namespace detail

/// One number for a network's structure, its layers' constants() and its parameters: two networks that differ in a bit
/// of these have different fingerprints, for all practical purposes.
template <class Net>
    requires requires {
        typename Net::Parameters;
    }
std::uint64_t fingerprint(const Net& net) {
    std::uint64_t hash = detail::hash_text(net.describe(), 0);
    for_each_layer(net, [&hash](std::string_view, const auto& layer, const auto& parameters) {
        if constexpr (requires { layer.constants(); }) {
            std::apply([&hash](const auto&... c) { ((hash = detail::hash_constant(c, hash)), ...); },
                       layer.constants());
        }
        hash = detail::hash_parameters(parameters, hash);
    });
    return hash;
}

}  // namespace renn
