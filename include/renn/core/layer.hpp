// SPDX-License-Identifier: MIT
// renn/core/layer.hpp - the concepts everything hangs on: pass, layer, step, visitor, rule.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <renn/core/batch.hpp>

namespace renn::inline RENN_ABI {

/// How a pass runs. Mode and randomness are arguments, never state of a layer: whoever passes the same Pass
/// gets the same numbers, in any batch and on any thread.
struct Pass {
    bool training = false;
    std::uint64_t seed = 0;
    std::span<const std::uint64_t> ids = {};  ///< one a column; empty: columns count from 0
    std::uint64_t step = 0;                   ///< training step, so that masks differ from step to step
    std::uint64_t path = 0;                   ///< set by the walk: where in the network the layer stands

    std::uint64_t id(Index column) const noexcept {
        return ids.empty() ? static_cast<std::uint64_t>(column) : ids[static_cast<std::size_t>(column)];
    }
};

/// The parameters of a layer without any.
struct NoParameters {
    static std::tuple<> blocks() noexcept { return {}; }
};

/// The cache of a layer whose backward needs nothing but x and y.
struct NoCache {};

/// Stands where a result is not wanted, so that a layer may save the work: the first layer's input gradient in
/// training, every parameter gradient in attribution.
struct NotWanted {};

/// For `if constexpr` in a layer: false for NotWanted.
template <class T>
inline constexpr bool is_wanted = !std::same_as<std::remove_cv_t<T>, NotWanted>;

/// What a layer reads.
template <class L>
using X = const BatchView<typename L::Scalar>&;
/// What a layer writes.
template <class L>
using Y = Batch<typename L::Scalar>&;

/// A pure function of parameters and input. `forward` writes features x samples to y (never the same matrix as x)
/// and to the cache what only this pass needs: masks, max-pool winners, inner outputs. It is const and may run on
/// several threads at once. `L::Parameters` is a value with `blocks()`, a tuple of references to its matrices:
/// gradient, moment, tangent, modified weights, mask and checkpoint are all of this one type.
/// A layer that changes the number of features says so with `in_features()` and `out_features()`; one that sees a
/// sample as an image, with `input_shape()` and `output_shape()`. A layer whose training pass mixes the samples of a
/// batch has `mixes_samples = true`; one that learns from a training pass other than by gradient has `absorb(cache)`,
/// called after each training step (BatchNorm has both). A layer made of layers has `walk` and `walk_back` as Network
/// does, and says with `wiring` how they are connected.
template <class L>
concept Layer = requires(const L& l, const typename L::Parameters& w, X<L> x, Y<L> y, typename L::Cache& c, Pass p) {
    { L::name } -> std::convertible_to<std::string_view>;
    { l.parameters() } -> std::same_as<const typename L::Parameters&>;
    l.forward(w, x, y, c, p);
};

/// From dL/dY, `backward` writes dL/dX to dx and dL/dW, summed over the batch, to g.
/// A layer may also accept NotWanted for dx or g and skip that work; one that does not is given scratch.
template <class L>
concept DifferentiableLayer = Layer<L> && requires(const L& l, const typename L::Parameters& w, X<L> x, X<L> y, X<L> dy,
                                                   Y<L> dx, typename L::Cache& c, typename L::Parameters& g) {
    l.backward(w, x, y, c, dy, dx, g);
};

/// Directional derivatives, along dx in the input and dw in the parameters, after a forward pass with the same x, y and
/// cache: `tangent` writes that of y to dy; `backward_tangent` writes that of backward's two results, for `above` and
/// its own direction `above_tangent`, to dx_tangent and g. So forward-over-reverse gives exact second derivatives.
/// Outside training only. dw may be NotWanted, a direction of zero, and g as well. A layer made of layers needs
/// `tangent` along the same direction before its `backward_tangent`.
template <class L>
concept TwiceDifferentiableLayer = DifferentiableLayer<L> &&
    requires(const L& l, const typename L::Parameters& w, X<L> x, X<L> y, Y<L> out, typename L::Cache& c,
             typename L::Parameters& g, NotWanted none) {
    l.tangent(w, /*dw*/ w, x, /*dx*/ x, y, c, /*dy*/ out);
    l.tangent(w, /*dw*/ none, x, /*dx*/ x, y, c, /*dy*/ out);
    l.backward_tangent(w, /*dw*/ w, x, /*dx*/ x, y, c, /*above*/ y, /*above_tangent*/ y, /*dx_tangent*/ out, g);
    l.backward_tangent(w, /*dw*/ none, x, /*dx*/ x, y, c, /*above*/ y, /*above_tangent*/ y, /*dx_tangent*/ out, none);
};

/// A layer that is linear in its input up to a bias. `map` is the linear part alone, with any parameters: modified
/// weights, masks, perturbations; `map_transposed` its transpose.
template <class L>
concept LinearLayer = DifferentiableLayer<L> && requires(const L& l, const typename L::Parameters& w, X<L> x, Y<L> y) {
    l.map(w, x, y);
    l.map_transposed(w, x, y);
};

/// How the layers of a layer are connected: each takes what the one before puts out; the same with the input added to
/// what the last puts out; each takes the input, and their outputs lie one below the other.
enum class Wiring : std::uint8_t { chain, residual, side_by_side };

/// A layer made of layers: walks go into it, visitors and rules see its layers. See network/layer_sequence.hpp for what
/// it has; most are made by wrapping a Network.
template <class L>
concept CompositeLayer = requires {
    { L::wiring } -> std::convertible_to<Wiring>;
};

/// One layer of one pass, as visitors and rules see it. `path` names it in the network ("dense1", in a nested
/// network "residual1/dense2"), `index` is its place among its siblings. In a reverse walk `gradient` is where a
/// rule may leave something shaped like the parameters, or null. `edited`: y is not what the layer put out, see
/// ForwardEditor.
template <class L>
struct Step {
    std::string_view path;
    std::size_t index;
    const L& layer;
    const typename L::Parameters& weights;
    X<L> x;
    X<L> y;
    typename L::Cache& cache;
    typename L::Parameters* gradient = nullptr;
    bool edited = false;
};

/// Sees every layer of a forward walk, in order, just after it ran.
template <class V, class L>
concept ForwardVisitor = requires(V& v, const Step<L>& s) {
    v.visit(s);
};

/// A visitor that may also change what a layer put out, before anything else sees it. Returns whether it did, or might
/// have: y need not follow from the layer's input any more.
template <class V, class S>
concept ForwardEditor = requires(V& v, std::string_view path, Batch<S>& y) {
    { v.edit(path, y) } -> std::same_as<bool>;
};

/// Turns what arrives above a layer into what leaves below it. Found by overload on (rule, layer), so a rule and a
/// layer written by two strangers meet in a third one's overload. `below` is a Batch, or NotWanted at the input.
template <class R, class L>
concept ReverseRule = requires(R& r, const Step<L>& s, X<L> above, Y<L> below) {
    reverse(r, s, above, below);
};

/// A rule that sees what arrives above each layer, and may put something else in its place: conditions, records, or a
/// start in the middle of a network. Called for layers made of layers as well, before the walk goes into them. What it
/// returns is a view of `above`, or of something of its own that stays until the walk has passed the layer.
template <class R, class S>
concept ReverseEditor = requires(R& r, std::string_view path, const BatchView<S>& y, const BatchView<S>& above) {
    { r.arrive(path, y, above) } -> std::same_as<BatchView<S>>;
};

/// The visitor of a plain prediction.
struct NoVisit {
    static void visit(const auto&) noexcept {}
};

/// Calls f(block, the same block of each other value...) for every matrix, in the flat order: layer order, weights,
/// then bias. The others must be built like the first. Parameters put together at run time have `zip` in place of
/// `blocks`, which calls f for the parameters of each layer.
template <class F, class P, class... Ps>
void for_each_block(F&& f, P& first, Ps&... others) {
    if constexpr (requires { P::is_run_time; }) {
        P::zip([&f](auto& one, auto&... same) { for_each_block(f, one, same...); }, first, others...);
    } else if constexpr (requires { first.blocks(); }) {
        [[maybe_unused]] const auto part = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
            for_each_block(f, std::get<I>(first.blocks()), std::get<I>(others.blocks())...);
        };
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (part(std::integral_constant<std::size_t, I>{}), ...);
        }
        (std::make_index_sequence<std::tuple_size_v<decltype(first.blocks())>>{});
    } else {
        f(first, others...);
    }
}

/// Number of scalars in a parameter value.
template <class P>
Index parameter_count(const P& parameters) {
    Index count = 0;
    for_each_block([&count](const auto& block) { count += block.size(); }, parameters);
    return count;
}

namespace detail {

/// True if some layers of a network with these parameters are only known at run time: then a rule that a layer does not
/// have is an exception, not an error of the compiler's.
template <class P>
constexpr bool has_run_time_parts() {
    if constexpr (requires { P::is_run_time; }) {
        return true;
    } else if constexpr (requires(const P& p) { p.blocks(); }) {
        return []<class... B>(std::type_identity<std::tuple<B...>>) {
            return (has_run_time_parts<std::remove_cvref_t<B>>() || ...);
        }(std::type_identity<decltype(std::declval<const P&>().blocks())>{});
    } else {
        return false;
    }
}

/// A value of the same shapes, filled with zeros.
template <class P>
P zeros_like(const P& parameters) {
    P zero = parameters;
    for_each_block([](auto& block) { block.setZero(); }, zero);
    return zero;
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
