// SPDX-License-Identifier: MIT
// renn/attribution/gradient.hpp - the derivative of what is explained by each input feature, and scores made of it.
#pragma once

#include <cmath>

#include <renn/attribution/attribution.hpp>
#include <renn/core/batch.hpp>
#include <renn/network/gradient.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// The gradient as the method's result, to be made into something else.
template <class Net, class T>
void write_gradient(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                    AttributionWorkspace<Net>& workspace, Attribution<typename Net::Scalar>& result) {
    forward_to(net, x, target, workspace);
    InputGradient rule;
    backward_from(net, x, target, rule, workspace, result.scores);
    result.explained = workspace.value;
    result.gap.resize(0);
    result.warnings.clear();
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
        result.gap = result.explained - result.scores.colwise().sum().transpose();
    }
};

}  // namespace renn::inline RENN_ABI
