// SPDX-License-Identifier: MIT
// renn/attribution/deep_lift.hpp - how differences from a reference input become a difference of the output.
#pragma once

#include <cmath>
#include <concepts>
#include <string>
#include <utility>

#include <renn/activations/elementwise.hpp>
#include <renn/attribution/attribution.hpp>
#include <renn/attribution/baseline.hpp>
#include <renn/attribution/comparison.hpp>
#include <renn/attribution/logits.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/layers/dropout.hpp>
#include <renn/layers/max_pool.hpp>
#include <renn/network/gradient.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// The rescale rule, walking back with n columns over a pass of 2n: the samples, then what they are compared with.
/// Sums and branches are as the gradient's. `RunTime`: some layers are only known at run time.
template <class S, bool RunTime>
struct Rescale : InputGradient {
    double threshold;
    bool below_softmax = false;   ///< the start belongs below the Softmax that is met first
    Batch<S> routed, difference;  ///< scratch
};

template <class L>
concept ActsElementwise = std::derived_from<L, Elementwise<L, typename L::Scalar>>;

/// Which layers have the rule: linear ones, activations value by value, max pooling, and dropout, which does nothing.
template <class L>
inline constexpr bool has_rescale_rule =
    LinearLayer<L> || ActsElementwise<L> || std::same_as<L, MaxPool2d<typename L::Scalar>> ||
    std::same_as<L, Dropout<typename L::Scalar>>;

template <class S, bool RunTime, ActsElementwise L, class Below>
void rescale(const Rescale<S, RunTime>& rule, const Step<L>& s, X<L> above, Below& below) {
    const Index n = above.cols();
    for (Index j = 0; j < n; ++j) {
        for (Index i = 0; i < above.rows(); ++i) {
            const S in = s.x(i, j) - s.x(i, n + j), out = s.y(i, j) - s.y(i, n + j);
            const bool apart = static_cast<double>(std::abs(in)) >= rule.threshold;
            below(i, j) = above(i, j) * (apart ? out / in : s.layer.slope(S(s.x(i, j)), S(s.y(i, j))));
        }
    }
}

/// A window's contribution goes to its winner among the samples as far as the greater of both outputs rises above the
/// reference's output, to its winner in the reference as far as it rises above the sample's.
template <class S, bool RunTime, class Below>
void rescale(Rescale<S, RunTime>& rule, const Step<MaxPool2d<S>>& s, X<MaxPool2d<S>> above, Below& below) {
    const Index n = above.cols();
    NotWanted none;
    const auto y = s.y.leftCols(n).array(), y0 = s.y.rightCols(n).array();
    rule.difference = above.array() * (y.max(y0) - y0);
    s.layer.backward(s.weights, s.x.leftCols(n), s.y.leftCols(n), s.cache, rule.difference, rule.routed, none);
    below = rule.routed;
    rule.difference = above.array() * (y - y.max(y0));
    s.layer.backward(s.weights, s.x.rightCols(n), s.y.rightCols(n), s.cache, rule.difference, rule.routed, none);
    below += rule.routed;
    for (Index j = 0; j < n; ++j) {
        for (Index i = 0; i < below.rows(); ++i) {
            const S in = s.x(i, j) - s.x(i, n + j);
            below(i, j) = static_cast<double>(std::abs(in)) < rule.threshold ? S(0) : below(i, j) / in;
        }
    }
}

template <class S, bool RunTime, class L, class Below>
void reverse(Rescale<S, RunTime>& rule, const Step<L>& s, X<L> above, Below& below) {
    if constexpr (LinearLayer<L>) {
        s.layer.map_transposed(s.weights, above, below);
    } else if constexpr (std::same_as<L, Dropout<S>>) {
        below = above;
    } else if constexpr (has_rescale_rule<L>) {
        reshape(below, s.x.rows(), above.cols());
        rescale(rule, s, above, below);
    } else {
        static_assert(RunTime || is_softmax<L>,
                      "renn::DeepLiftRescale: a layer of this network is neither linear, nor an activation value "
                      "by value, nor max pooling; IntegratedGradients takes any layer");
        if constexpr (is_softmax<L>) {
            if (std::exchange(rule.below_softmax, false)) {
                below = above;
                return;
            }
        }
        raise<MismatchError>(
            "DeepLiftRescale", "layer \"" + std::string(s.path) + "\"", std::string(L::name),
            is_softmax<L> ? instead_of_softmax() : "a linear layer, an activation value by value, or max pooling");
    }
}

}  // namespace detail

/// DeepLIFT with the rescale rule: each activation hands down the ratio of the differences of its output and its input
/// between x and a reference input, in place of its derivative. For a target that is linear in the outputs the scores
/// sum to f(x) - f(x0); the gap tells what is missing for others, which start with their slope at x. Where an input
/// hardly differs from the reference's, an activation has its derivative, and max pooling nothing.
///
/// A layer that mixes values and is not linear (LayerNorm) has no such ratio and is refused where the target lies above
/// it: by the compiler, or where layers are known only at run time by a MismatchError that names it.
/// IntegratedGradients takes any layer. Of a network that ends in Softmax, a target on the outputs is taken of the
/// logits that this takes in, and a warning in the result says so; any other Softmax is refused.
///
/// Throws   ShapeError for a baseline of another shape; MismatchError for a layer without the rule; as the target.
/// Cost     a forward pass of 2n samples and a backward pass of n.
/// Source   Shrikumar, Greenside, Kundaje (2017), "Learning important features through propagating activation
///          differences"; max pooling as Captum does it.
struct DeepLiftRescale {
    static constexpr bool from_logits = true;  ///< a network's that ends in Softmax: what is explained is of those

    Baseline baseline = {};    ///< the reference input
    double threshold = 1e-10;  ///< differences of inputs below it count as none

    /// See AttributionMethod.
    template <class Net, class T>
    void operator()(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                    AttributionWorkspace<Net>& workspace, Attribution<typename Net::Scalar>& result) const {
        using S = typename Net::Scalar;
        const Index n = x.cols();
        bool below_softmax = false;
        const T chosen = detail::forward_with_baseline("DeepLiftRescale", net, x, baseline, target, workspace,
                                                       [&](const auto&, const auto& both, const auto& of, auto& w) {
                                                           below_softmax = detail::forward_to_logits(net, both, of, w);
                                                       });
        workspace.start = workspace.start.leftCols(n).eval();
        using Rule = detail::Rescale<S, detail::has_run_time_parts<typename Net::Parameters>()>;
        Rule rule{{}, threshold, below_softmax, {}, {}};
        backward_from(net, workspace.inputs, chosen, rule, workspace, result.scores);
        result.scores.array() *= workspace.inputs.leftCols(n).array() - workspace.inputs.rightCols(n).array();
        detail::finish_comparison(workspace, result);
        if (below_softmax) result.warnings.push_back(detail::logits_warning());
    }
};

}  // namespace renn::inline RENN_ABI
