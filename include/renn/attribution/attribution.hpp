// SPDX-License-Identifier: MIT
// renn/attribution/attribution.hpp - a score for every input feature, and what a method of attribution is.
#pragma once

#include <string>
#include <vector>

#include <renn/attribution/explain.hpp>
#include <renn/core/batch.hpp>

namespace renn::inline RENN_ABI {

/// Scores are what the method gives, never scaled: scaling is for drawing.
template <class S>
struct Attribution {
    Batch<S> scores;      ///< features x n
    Column<S> explained;  ///< the target's value of each sample
    Column<S> gap;  ///< what the scores should sum to, less their sum, one a sample; empty if they need not sum up
    std::vector<std::string> warnings;  ///< what a reader of the scores should know
};

/// A way to attribute: Gradient, IntegratedGradients, RelevancePropagation, ... A value with its options, whose call
/// operator writes everything of `result` anew. One that works with any callable takes that in place of a network.
template <class M, class Net, class T>
concept AttributionMethod = requires(const M& method, const Net& net, const BatchView<typename Net::Scalar>& x,
                                     const T& target, AttributionWorkspace<Net>& workspace,
                                     Attribution<typename Net::Scalar>& result) {
    method(net, x, target, workspace, result);
};

/// Which input features the target rests on.
///
///     renn::attribute(net, images, renn::output(3), renn::IntegratedGradients{.nodes = 100}).scores
///
/// Shapes   x: features x n; scores the same.
/// Throws   as the target and the method.
/// Threads  may run on several threads at once.
template <class Net, class T, AttributionMethod<Net, T> M>
Attribution<typename Net::Scalar> attribute(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                                            const M& method) {
    AttributionWorkspace<Net> workspace;
    Attribution<typename Net::Scalar> result;
    method(net, x, target, workspace, result);
    return result;
}

}  // namespace renn::inline RENN_ABI
