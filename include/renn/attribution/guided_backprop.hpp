// SPDX-License-Identifier: MIT
// renn/attribution/guided_backprop.hpp - gradients that let only what speaks for the target through each ReLU.
#pragma once

#include <renn/activations/relu.hpp>
#include <renn/attribution/attribution.hpp>
#include <renn/core/batch.hpp>
#include <renn/network/gradient.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// The gradient, but at a ReLU: what is positive above, of active units or (deconvnet) of all.
template <bool ActiveOnly>
struct PositiveOnly : InputGradient {
    bool met = false;  ///< whether the walk met a ReLU
};

template <bool ActiveOnly, class S, class Below>
void reverse(PositiveOnly<ActiveOnly>& rule, const Step<ReLU<S>>& s, X<ReLU<S>> above, Below& below) {
    rule.met = true;
    if constexpr (is_wanted<Below>) {
        require_shape("guided backprop", "what arrives above", above, s.y.rows(), s.y.cols());
        if constexpr (ActiveOnly) {
            below = (s.x.array() > S(0)).select(above.array().max(S(0)), S(0));
        } else {
            below = above.cwiseMax(S(0));
        }
    }
}

template <bool ActiveOnly, class Net, class T>
void write_positive_only(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                         AttributionWorkspace<Net>& workspace, Attribution<typename Net::Scalar>& result) {
    forward_to(net, x, target, workspace);
    PositiveOnly<ActiveOnly> rule;
    backward_from(net, x, target, rule, workspace, result.scores);
    result.explained = workspace.value;
    result.gap.resize(0);
    result.clear_remarks();
    result.warnings.push_back(
        "guided backprop and deconvnet show the input rather than the network: their maps can stay much the "
        "same when its weights are drawn anew");
    if (!rule.met) result.warnings.push_back("no ReLU leads to the target: the scores are its gradient");
    warn_of_zeros(result);
}

}  // namespace detail

/// The gradient with only what is positive passed down through each active ReLU. Other activations have their
/// derivative. Every result warns: the maps are sharp, but hardly depend on the weights, and so fail sanity checks.
///
/// Source   Springenberg et al. (2015), "Striving for simplicity"; the failure: Adebayo et al. (2018), "Sanity checks
///          for saliency maps".
struct GuidedBackprop {
    /// See AttributionMethod.
    template <class Net, class T>
    void operator()(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                    AttributionWorkspace<Net>& workspace, Attribution<typename Net::Scalar>& result) const {
        detail::write_positive_only<true>(net, x, target, workspace, result);
    }
};

/// The same through every ReLU, whether active or not; max pooling keeps its winners. It warns as GuidedBackprop does.
///
/// Source   Zeiler, Fergus (2014), "Visualizing and understanding convolutional networks".
struct Deconvnet {
    /// See AttributionMethod.
    template <class Net, class T>
    void operator()(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                    AttributionWorkspace<Net>& workspace, Attribution<typename Net::Scalar>& result) const {
        detail::write_positive_only<false>(net, x, target, workspace, result);
    }
};

}  // namespace renn::inline RENN_ABI
