// SPDX-License-Identifier: MIT
// renn/attribution/gradient.hpp - the derivative of what is explained by each input feature, and scores made of it.
#pragma once

#include <cmath>

#include <renn/attribution/attribution.hpp>
#include <renn/attribution/blocks.hpp>
#include <renn/core/batch.hpp>
#include <renn/network/gradient.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// The gradient as the method's result, to be made into something else.
template <class Net, class T>
void write_gradient(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                    AttributionWorkspace<Net>& workspace, Attribution<typename Net::Scalar>& result) {
    using S = typename Net::Scalar;
    reshape(result.scores, x.rows(), x.cols());
    result.explained.resize(x.cols());
    in_blocks(net, x, target, [&](const BatchView<S>& some, const T& part, Index first) {
        const bool all = some.cols() == x.cols();
        Batch<S>& below = all ? result.scores : workspace.below;
        forward_to(net, some, part, workspace);
        InputGradient rule;
        backward_from(net, some, part, rule, workspace, below);
        if (!all) result.scores.middleCols(first, some.cols()) = below;
        result.explained.segment(first, some.cols()) = workspace.value;
    });
    result.gap.resize(0);
    result.clear_remarks();
    warn_of_zeros(result);
}

}  // namespace detail

/// df/dx_i: how f reacts to each feature, with its sign. 0 at a kink.
/// Cost     a forward and a backward pass.
struct Gradient {
    template <class Net, class T>
    void operator()(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                    AttributionWorkspace<Net>& workspace, Attribution<typename Net::Scalar>& result) const {
        detail::write_gradient(net, x, target, workspace, result);
    }
};

/// (df/dx_i)^2, which sums to the squared norm of the gradient and not to f.
/// Source   Montavon, Samek, Mueller (2018), "Methods for interpreting and understanding deep neural networks".
struct Sensitivity {
    template <class Net, class T>
    void operator()(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                    AttributionWorkspace<Net>& workspace, Attribution<typename Net::Scalar>& result) const {
        detail::write_gradient(net, x, target, workspace, result);
        result.scores = result.scores.cwiseAbs2();
    }
};

/// |df/dx_i|.
struct AbsoluteGradient {
    template <class Net, class T>
    void operator()(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                    AttributionWorkspace<Net>& workspace, Attribution<typename Net::Scalar>& result) const {
        detail::write_gradient(net, x, target, workspace, result);
        result.scores = result.scores.cwiseAbs();
    }
};

/// x_i df/dx_i. In a network of ReLUs without biases it sums to f; the gap tells what is missing.
struct GradientTimesInput {
    template <class Net, class T>
    void operator()(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                    AttributionWorkspace<Net>& workspace, Attribution<typename Net::Scalar>& result) const {
        detail::write_gradient(net, x, target, workspace, result);
        result.scores.array() *= x.array();
        result.gap = result.explained;
        detail::subtract_scores(result);
    }
};

}  // namespace renn::inline RENN_ABI
