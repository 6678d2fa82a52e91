// SPDX-License-Identifier: MIT
// renn/attribution/bias_share.hpp - what of an output comes from biases and not from the input.
#pragma once

#include <renn/attribution/explain.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/layer.hpp>
#include <renn/network/gradient.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// The gradient, which on its way gathers above . b for every linear layer: b is what the layer makes of nothing.
template <class S>
struct GatherBias : InputGradient {
    Column<S>& gathered;
};

template <class S, class L, class Below>
void reverse(GatherBias<S>& rule, const Step<L>& s, X<L> above, Below& below) {
    if constexpr (LinearLayer<L>) {
        Batch<S> bias;
        typename L::Cache cache;
        s.layer.forward(s.weights, Batch<S>::Zero(s.x.rows(), 1), bias, cache, Pass{});
        rule.gathered.noalias() += above.transpose() * bias.col(0);
    }
    const InputGradient gradient;
    reverse(gradient, s, above, below);
}

}  // namespace detail

/// The sum over all units of bias times df/dbias, one a sample: in a network of ReLUs, what GradientTimesInput leaves
/// of an output. Shifts of batch normalisation and standardisation count as biases.
///
/// Throws   as the target.
/// Cost     a gradient, and one sample through each linear layer.
template <class Net, class T>
Column<typename Net::Scalar> bias_share(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target) {
    using S = typename Net::Scalar;
    AttributionWorkspace<Net> workspace;
    forward_to(net, x, target, workspace);
    Column<S> gathered = Column<S>::Zero(x.cols());
    detail::GatherBias<S> rule{{}, gathered};
    backward_from(net, x, target, rule, workspace, workspace.below);
    return gathered;
}

}  // namespace renn::inline RENN_ABI
