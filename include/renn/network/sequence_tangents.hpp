// SPDX-License-Identifier: MIT
// renn/network/sequence_tangents.hpp - how the outputs and gradients of layers that stand one after another change
// along a direction.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include <renn/core/batch.hpp>
#include <renn/core/layer.hpp>

namespace renn::inline RENN_ABI::detail {

/// Holds nothing: the tangent walks of a network as it is.
struct NothingHeld {
    template <class S>
    void operator()(std::size_t, Batch<S>&) const noexcept {}
};

/// The tangent walks of a LayerSequence (network/layer_sequence.hpp): see TwiceDifferentiableLayer. Both may end at an
/// earlier layer: dy is then that of the layer before `end`, and `above` what arrives there. `held(i, d)` may set to
/// zero what does not move of what layer i puts out, and what goes no further of what arrives there; of what is given
/// as `above` that is up to the caller.
template <class Derived, class S, class P, class C>
class SequenceTangents {
public:
    static constexpr auto to_the_last = static_cast<std::size_t>(-1);

    template <class Dw, class Held = NothingHeld>
    static void forward(const Derived& net, const P& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx,
                        const BatchView<S>& y, C& cache, Batch<S>& dy, std::size_t end = to_the_last,
                        const Held& held = {}) {
        const std::size_t n = std::min(end, static_cast<std::size_t>(net.size()));
        if (n == 0) dy = dx;
        for (std::size_t i = 0; i < n; ++i) {
            const BatchView<S> in = i == 0 ? x : BatchView<S>(cache.outputs[i - 1]);
            const BatchView<S> d_in = i == 0 ? dx : BatchView<S>(cache.tangents[i - 1]);
            const BatchView<S> out = i + 1 == net.size() ? y : BatchView<S>(cache.outputs[i]);
            Batch<S>& d_out = i + 1 == n ? dy : cache.tangents[i];
            net.dispatch(i, [&](auto k) {
                const auto& layer = Derived::template layer_at<k>(net, i);
                static_assert(TwiceDifferentiableLayer<std::remove_cvref_t<decltype(layer)>>,
                              "renn: this layer has no tangent and backward_tangent: see TwiceDifferentiableLayer in "
                              "core/layer.hpp");
                layer.tangent(Derived::template part<k>(w, i), direction<k>(dw, i), in, d_in, out,
                              Derived::template cache_part<k>(cache, i), d_out);
            });
            held(i, d_out);
        }
    }

    template <class Dw, class G, class Held = NothingHeld>
    static void backward(const Derived& net, const P& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx,
                         const BatchView<S>& y, C& cache, const BatchView<S>& above, const BatchView<S>& above_tangent,
                         Batch<S>& dx_tangent, G& g, std::size_t end = to_the_last, const Held& held = {}) {
        const std::size_t n = std::min(end, static_cast<std::size_t>(net.size()));
        if (n == 0) dx_tangent = above_tangent;
        for (std::size_t i = n; i-- > 0;) {
            const BatchView<S> in = i == 0 ? x : BatchView<S>(cache.outputs[i - 1]);
            const BatchView<S> d_in = i == 0 ? dx : BatchView<S>(cache.tangents[i - 1]);
            const BatchView<S> out = i + 1 == net.size() ? y : BatchView<S>(cache.outputs[i]);
            const BatchView<S> over = i + 1 == n ? above : BatchView<S>(cache.deltas[i]);
            const BatchView<S> d_over = i + 1 == n ? above_tangent : BatchView<S>(cache.delta_tangents[i]);
            Batch<S>& d_under = i == 0 ? dx_tangent : cache.delta_tangents[i - 1];
            net.dispatch(i, [&](auto k) {
                const auto& layer = Derived::template layer_at<k>(net, i);
                const auto& weights = Derived::template part<k>(w, i);
                auto& inner = Derived::template cache_part<k>(cache, i);
                auto&& slot = direction<k>(g, i);
                layer.backward_tangent(weights, direction<k>(dw, i), in, d_in, out, inner, over, d_over, d_under, slot);
                NotWanted none;
                if (i != 0) layer.backward(weights, in, out, inner, over, cache.deltas[i - 1], none);
            });
            if (i == 0) continue;
            held(i - 1, cache.deltas[i - 1]);
            held(i - 1, d_under);
        }
    }

private:
    /// A layer's part of a direction; of no direction, none.
    template <std::size_t K, class D>
    static decltype(auto) direction(D& d, std::size_t i) {
        if constexpr (is_wanted<D>) {
            return Derived::template part<K>(d, i);
        } else {
            return NotWanted{};
        }
    }
};

}  // namespace renn::inline RENN_ABI::detail
