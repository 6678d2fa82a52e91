// SPDX-License-Identifier: MIT
// renn/network/layer_sequence.hpp - the one walk over layers that stand one after another.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/path.hpp>
#include <renn/core/rng.hpp>
#include <renn/network/flow.hpp>
#include <renn/network/gradient.hpp>
#include <renn/network/names.hpp>
#include <renn/network/sequence_tangents.hpp>

namespace renn::inline RENN_ABI {

/// What a pass over a network leaves: every layer's output and cache. Used again, it allocates nothing.
template <class Net>
struct Workspace {
    Batch<typename Net::Scalar> output;
    typename Net::Cache cache;
};

namespace detail {

/// All of a network but where it keeps its layers. `Derived` has, for the layer at place i,
///   dispatch(i, f)   f(std::integral_constant<std::size_t, K>); K is how its layer, parameters and cache are
///                    found: the place itself in a Network, the kind of layer in a Sequential
///   layer_at<K>(self, i), part<K>(parameters, i), cache_part<K>(cache, i), prepare(cache), size()
///   may_be_first(K), may_be_later(K)   so that nothing is compiled for places where a layer cannot stand
/// and `Parameters` and `Cache` are its own. Here is all that walks.
template <class Derived, class S, class P, class C>
class LayerSequence {
public:
    using Scalar = S;
    using Parameters = P;
    using Cache = C;
    using Tangents = SequenceTangents<Derived, S, P, C>;
    static constexpr Wiring wiring = Wiring::chain;

    const P& parameters() const noexcept { return parameters_; }
    P& parameters() noexcept { return parameters_; }

    const std::vector<std::string>& names() const noexcept { return names_; }

    /// Throws DataError if the name is empty, has a '/', or is another layer's, or if there is no such layer.
    void rename(std::size_t index, std::string new_name) {
        if (index >= names_.size()) {
            raise<DataError>("rename", "layer", std::to_string(index), "0.." + std::to_string(std::ssize(names_) - 1));
        }
        auto changed = names_;
        changed[index] = std::move(new_name);
        rename_all(std::move(changed));
    }
    void rename_all(std::vector<std::string> new_names) {
        if (new_names.size() != names_.size()) {
            raise<DataError>("rename", "names", std::to_string(new_names.size()), std::to_string(names_.size()));
        }
        check_names(new_names);
        names_ = std::move(new_names);
    }

    /// Input width, or Dynamic if any will do.
    Index in_features() const noexcept {
        Index width = Dynamic;
        for_each([&width](const auto& l, std::size_t) {
            if constexpr (requires { l.in_features(); }) width = width == Dynamic ? l.in_features() : width;
        });
        return width;
    }

    /// Output width, or Dynamic if it follows the input.
    Index out_features() const noexcept {
        Index width = Dynamic;
        for_each([&width](const auto& l, std::size_t) {
            if constexpr (requires { l.out_features(); })
                width = l.out_features() == Dynamic ? width : l.out_features();
        });
        return width;
    }

    /// Whether a sample's training pass depends on the others of its batch.
    bool mixes_samples() const noexcept {
        bool mixes = false;
        for_each([&mixes](const auto& l, std::size_t) {
            using L = std::remove_cvref_t<decltype(l)>;
            if constexpr (CompositeLayer<L>) {
                mixes = mixes || l.mixes_samples();
            } else if constexpr (requires { L::mixes_samples; }) {
                mixes = mixes || L::mixes_samples;
            }
        });
        return mixes;
    }

    /// Hands every layer that learns otherwise than by gradient what the last training pass left. Called by fit().
    void absorb(const C& cache) {
        for (std::size_t i = 0; i < self().size(); ++i) {
            self().dispatch(i, [&](auto k) {
                auto& layer = Derived::template layer_at<k>(self(), i);
                const auto& inner = Derived::template cache_part<k>(cache, i);
                if constexpr (requires { layer.absorb(inner); }) layer.absorb(inner);
            });
        }
    }

    /// Runs the network and returns its output, features x samples, which lives in the workspace.
    /// The visitor sees every layer as a Step just after it ran.
    template <class V = NoVisit>
    const Batch<S>& forward(const BatchView<S>& x, Workspace<Derived>& workspace, const Pass& pass = {},
                            V&& visitor = {}) const {
        Path path;
        walk(parameters_, x, workspace.output, workspace.cache, pass, visitor, path);
        return workspace.output;
    }

    /// As forward, with a workspace of its own and only the output returned.
    Batch<S> predict(const BatchView<S>& x) const {
        Workspace<Derived> workspace;
        forward(x, workspace);
        return std::move(workspace.output);
    }

    void forward(const P& w, const BatchView<S>& x, Batch<S>& y, C& cache, const Pass& pass) const {
        Path path;
        NoVisit visitor;
        walk(w, x, y, cache, pass, visitor, path);
    }

    /// The forward walk. Goes into layers made of layers, so a visitor sees theirs too, then the layer itself. It may
    /// begin at a later layer, with what the last walk left in the cache as the outputs of those before.
    template <class V>
    void walk(const P& w, const BatchView<S>& x, Batch<S>& y, C& cache, const Pass& pass, V& visitor, Path& path,
              std::size_t first = 0) const {
        self().prepare(cache);
        const std::size_t n = self().size();
        if (n == 0) y = x;
        for (std::size_t i = first; i < n; ++i) {
            const BatchView<S> in = i == 0 ? x : BatchView<S>(cache.outputs[i - 1]);
            Batch<S>& out = i + 1 == n ? y : cache.outputs[i];
            self().dispatch(i, [&](auto k) {
                walk_layer(Derived::template layer_at<k>(self(), i), Derived::template part<k>(w, i), in, out,
                           Derived::template cache_part<k>(cache, i), pass, visitor, path, names_[i], i);
            });
        }
    }

    /// Reverse walk over the last forward pass of `workspace` for the same x.
    template <class Rule, class Below>
    void reverse_walk(Rule&& rule, const BatchView<S>& x, Workspace<Derived>& workspace, const BatchView<S>& above,
                      Below& below, P* gradient = nullptr) const {
        Path path;
        walk_back(rule, parameters_, x, workspace.output, workspace.cache, above, below, gradient, path);
    }

    template <class Dx, class G>
    void backward(const P& w, const BatchView<S>& x, const BatchView<S>& y, C& cache, const BatchView<S>& dy, Dx& dx,
                  G& g) const {
        Path path;
        if constexpr (is_wanted<G>) {
            ParameterGradient rule;
            walk_back(rule, w, x, y, cache, dy, dx, &g, path);
        } else {
            InputGradient rule;
            walk_back(rule, w, x, y, cache, dy, dx, nullptr, path);
        }
    }

    /// The reverse walk, after a forward walk with the same x, y and cache: hands every layer to
    /// `reverse(rule, step, above, below)`, from the last to the first. `below` is a Batch, or NotWanted.
    template <class Rule, class Below>
    void walk_back(Rule& rule, const P& w, const BatchView<S>& x, const BatchView<S>& y, C& cache,
                   const BatchView<S>& above, Below& below, P* gradient, Path& path) const {
        const std::size_t n = self().size();
        if constexpr (is_wanted<Below>) {
            if (n == 0) below = above;
        }
        for (std::size_t i = n; i-- > 0;) {
            const BatchView<S> in = i == 0 ? x : BatchView<S>(cache.outputs[i - 1]);
            const BatchView<S> out = i + 1 == n ? y : BatchView<S>(cache.outputs[i]);
            const BatchView<S> over = i + 1 == n ? above : BatchView<S>(cache.deltas[i]);
            self().dispatch(i, [&](auto k) {
                const auto back = [&](auto& under) {
                    auto* slot = gradient == nullptr ? nullptr : &Derived::template part<k>(*gradient, i);
                    back_layer(rule, Derived::template layer_at<k>(self(), i), Derived::template part<k>(w, i), in, out,
                               Derived::template cache_part<k>(cache, i), over, under, slot, path, names_[i], i);
                };
                if constexpr (Derived::may_be_first(k)) {
                    if (i == 0) back(below);
                }
                if constexpr (Derived::may_be_later(k)) {
                    if (i != 0) back(cache.deltas[i - 1]);
                }
            });
        }
    }

    /// See TwiceDifferentiableLayer.
    template <class Dw>
    void tangent(const P& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx, const BatchView<S>& y,
                 C& cache, Batch<S>& dy) const {
        Tangents::forward(self(), w, dw, x, dx, y, cache, dy);
    }
    template <class Dw, class G>
    void backward_tangent(const P& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx,
                          const BatchView<S>& y, C& cache, const BatchView<S>& above, const BatchView<S>& above_tangent,
                          Batch<S>& dx_tangent, G& g) const {
        Tangents::backward(self(), w, dw, x, dx, y, cache, above, above_tangent, dx_tangent, g);
    }

    /// Calls f(name, layer, parameters) for the layers of this network, not those inside them. `parameters` may be any
    /// value of its Parameters; constness of both is passed on.
    template <class Self, class W, class F>
    static void for_each_child(Self& self, W& parameters, F&& f) {
        for (std::size_t i = 0; i < self.size(); ++i) {
            self.dispatch(i, [&](auto k) {
                f(std::as_const(self.names_[i]), Derived::template layer_at<k>(self, i),
                  Derived::template part<k>(parameters, i));
            });
        }
    }

    /// "[Dense, ReLU, Dense]": the kinds of layers alone.
    std::string kinds() const {
        std::vector<std::string> texts;
        for_each([&texts](const auto& l, std::size_t) {
            if constexpr (requires { l.kinds(); }) {
                texts.push_back(l.kinds());
            } else {
                texts.emplace_back(l.name);
            }
        });
        return listed(texts);
    }

    /// "[Dense 784 -> 128, ReLU, Dense 128 -> 10]": what the network is without its parameters' values.
    std::string describe() const {
        std::vector<std::string> texts;
        for_each([&texts](const auto& l, std::size_t) { texts.push_back(detail::describe(l)); });
        return listed(texts);
    }

    /// Throws ShapeError naming the layer that does not take what comes out before it.
    void check_sizes() const { flow(); }

protected:
    const Derived& self() const noexcept { return static_cast<const Derived&>(*this); }
    Derived& self() noexcept { return static_cast<Derived&>(*this); }

    /// What comes out of the last layer.
    Flow flow() const {
        Flow flow;
        for_each([&](const auto& l, std::size_t i) { flow.pass(l, Derived::name, numbered(i, names_[i])); });
        return flow;
    }

    template <class F>
    void for_each(F&& f) const {
        for (std::size_t i = 0; i < self().size(); ++i) {
            self().dispatch(i, [&](auto k) { f(Derived::template layer_at<k>(self(), i), i); });
        }
    }

    P parameters_;
    std::vector<std::string> names_;

private:
    template <class L, class V>
    static void walk_layer(const L& layer, const typename L::Parameters& w, const BatchView<S>& x, Batch<S>& y,
                           typename L::Cache& cache, const Pass& pass, V& visitor, Path& path, const std::string& name,
                           std::size_t index) {
        Pass inner = pass;
        inner.path = mix(pass.path, index + 1);
        const auto guard = path.enter(name);
        if constexpr (CompositeLayer<L>) {
            layer.walk(w, x, y, cache, inner, visitor, path);
        } else {
            layer.forward(w, x, y, cache, inner);
        }
        bool edited = false;
        if constexpr (ForwardEditor<V, S>) edited = visitor.edit(path.view(), y);
        const BatchView<S> seen(y);
        visitor.visit(Step<L>{path.view(), index, layer, w, x, seen, cache, nullptr, edited});
    }

    template <class Rule, class L, class Below>
    static void back_layer(Rule& rule, const L& layer, const typename L::Parameters& w, const BatchView<S>& x,
                           const BatchView<S>& y, typename L::Cache& cache, const BatchView<S>& above, Below& below,
                           typename L::Parameters* gradient, Path& path, const std::string& name, std::size_t index) {
        const auto guard = path.enter(name);
        const auto back = [&](const BatchView<S>& over) {
            if constexpr (CompositeLayer<L>) {
                layer.walk_back(rule, w, x, y, cache, over, below, gradient, path);
            } else {
                reverse(rule, Step<L>{path.view(), index, layer, w, x, y, cache, gradient}, over, below);
            }
        };
        if constexpr (ReverseEditor<Rule, S>) {
            back(rule.arrive(path.view(), y, above));
        } else {
            back(above);
        }
    }
};

/// Whether a network's walk may begin at a later layer.
template <class Net>
concept WalksFrom = CompositeLayer<Net> &&
    requires(const Net& net, const BatchView<typename Net::Scalar>& x, Batch<typename Net::Scalar>& y,
             typename Net::Cache& cache, NoVisit& visitor, Path& path) {
    net.walk(net.parameters(), x, y, cache, Pass{}, visitor, path, std::size_t{});
};

}  // namespace detail
}  // namespace renn::inline RENN_ABI
