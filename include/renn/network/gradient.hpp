// SPDX-License-Identifier: MIT
// renn/network/gradient.hpp - the first two rules of the reverse walk: gradients by the chain rule.
#pragma once

#include <string_view>

#include <renn/core/batch.hpp>
#include <renn/core/layer.hpp>

namespace renn::inline RENN_ABI {

/// dL/dY of every layer, and in each step's `gradient`, where there is one, dL/dW.
struct ParameterGradient {};

/// dL/dX alone; no parameter gradient is computed.
struct InputGradient {};

namespace detail {

/// Layer::backward, with scratch for what is not wanted where the layer insists on writing it.
template <class L, class Dx, class G>
void backward(const Step<L>& s, X<L> above, Dx& dx, G& g) {
    if constexpr (requires { s.layer.backward(s.weights, s.x, s.y, s.cache, above, dx, g); }) {
        s.layer.backward(s.weights, s.x, s.y, s.cache, above, dx, g);
    } else if constexpr (!is_wanted<Dx>) {
        Batch<typename L::Scalar> unused;
        backward(s, above, unused, g);
    } else {
        static_assert(!is_wanted<G>, "renn: a layer's backward must accept dx and g: see DifferentiableLayer");
        typename L::Parameters unused = s.weights;
        s.layer.backward(s.weights, s.x, s.y, s.cache, above, dx, unused);
    }
}

}  // namespace detail

/// Where branches are summed, a rule says what of `above` goes into one of them: a view of above, or of scratch. Of a
/// gradient, all.
template <class S>
BatchView<S> share(const ParameterGradient&, std::string_view /*path*/, const BatchView<S>& /*branch*/,
                   const BatchView<S>& /*sum*/, const BatchView<S>& above, Batch<S>& /*scratch*/) {
    return above;
}
/// The same for InputGradient.
template <class S>
BatchView<S> share(const InputGradient&, std::string_view, const BatchView<S>&, const BatchView<S>&,
                   const BatchView<S>& above, Batch<S>&) {
    return above;
}

/// The chain rule at one layer, dL/dW included where the step has a place for it.
template <class L, class Below>
void reverse(const ParameterGradient&, const Step<L>& s, X<L> above, Below& below) {
    static_assert(DifferentiableLayer<L>,
                  "renn: this layer has no backward: see DifferentiableLayer in core/layer.hpp");
    if (s.gradient != nullptr) {
        detail::backward(s, above, below, *s.gradient);
    } else {
        NotWanted none;
        detail::backward(s, above, below, none);
    }
}

/// The chain rule at one layer, without dL/dW.
template <class L, class Below>
void reverse(const InputGradient&, const Step<L>& s, X<L> above, Below& below) {
    static_assert(DifferentiableLayer<L>,
                  "renn: this layer has no backward: see DifferentiableLayer in core/layer.hpp");
    NotWanted none;
    detail::backward(s, above, below, none);
}

}  // namespace renn::inline RENN_ABI
