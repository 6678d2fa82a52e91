// SPDX-License-Identifier: MIT
// renn/attribution/layer_attribution.hpp - scores for the units of a layer in place of the input's features.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <renn/attribution/attribution.hpp>
#include <renn/attribution/baseline.hpp>
#include <renn/attribution/comparison.hpp>
#include <renn/attribution/quadrature.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/network/gradient.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// The gradient as far down as a place: calls f(outputs there, gradient by them) and does no more work.
template <class F>
struct DownTo {
    std::string_view place;
    F f;
    bool reached = false;

    template <class S>
    BatchView<S> arrive(std::string_view path, const BatchView<S>& y, const BatchView<S>& above) {
        if (path == place) {
            reached = true;
            f(y, above);
        }
        return above;
    }
};

template <class F, class L, class Below>
void reverse(DownTo<F>& down, const Step<L>& s, X<L> above, Below& below) {
    if (!down.reached) {
        const InputGradient gradient;
        reverse(gradient, s, above, below);
    } else {
        reshape(below, s.x.rows(), above.cols());
        below.setZero();
    }
}
template <class F, class S>
BatchView<S> share(const DownTo<F>&, std::string_view, const BatchView<S>&, const BatchView<S>&,
                   const BatchView<S>& above, Batch<S>&) {
    return above;
}

/// Calls f(outputs of the place, gradient of the target by them) after forward_to. Throws DataError for a place that
/// the network does not have, or that does not lead to the target.
template <class Net, class T, class F>
void with_gradient_at(const char* where, const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                      std::string_view place, AttributionWorkspace<Net>& w, F&& f) {
    DownTo<F&> down{place, f};
    backward_from(net, x, target, down, w, w.below);
    if (down.reached) return;
    const std::vector<std::string> paths = layer_paths(net);
    if (std::find(paths.begin(), paths.end(), place) == paths.end()) raise_no_place(where, place, paths);
    raise<DataError>(where, "layer", "\"" + std::string(place) + "\"", "one that leads to the target");
}

}  // namespace detail

/// h_k df/dh_k for the outputs h of a layer: what GradientTimesInput gives a network that begins behind it. Scores are
/// units x n; reduce.hpp sums them by channel or position. The gradient of a unit itself by the input is
/// Gradient{} of at("relu1", output(k)).
///
/// Throws   DataError for a layer that there is not or that does not lead to the target; as the target.
/// Cost     a forward pass, and a backward pass down to the layer.
struct LayerGradientTimesActivation {
    std::string place = {};  ///< path of the layer: "relu1", "residual1/dense2"

    /// See AttributionMethod.
    template <class Net, class T>
    void operator()(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                    AttributionWorkspace<Net>& workspace, Attribution<typename Net::Scalar>& result) const {
        forward_to(net, x, target, workspace);
        detail::with_gradient_at("LayerGradientTimesActivation", net, x, target, place, workspace,
                                 [&](const auto& h, const auto& slope) { result.scores = h.cwiseProduct(slope); });
        result.explained = workspace.value;
        result.gap = result.explained;
        detail::subtract_scores(result);
        result.clear_remarks();
        detail::warn_of_zeros(result);
    }
};

/// The sum over steps along the line from the baseline x0 to x of df/dh_k at a step's beginning times the change of
/// h_k: how much of f(x) - f(x0) flows through each unit of a layer. The gap is what is missing.
///
/// Throws   ShapeError for a baseline of another shape; as LayerGradientTimesActivation and quadrature.
/// Cost     a gradient down to the layer a point; there is one point more than steps.
/// Source   Dhamdhere, Sundararajan, Yan (2018), "How important is a neuron?"; the sum is Captum's.
struct LayerConductance {
    std::string place = {};  ///< path of the layer
    Baseline baseline = {};
    Index steps = 50;
    /// Where the points lie: trapezoid, evenly from end to end; nodes of the others leave out both ends.
    QuadratureRule rule = QuadratureRule::trapezoid;
    std::vector<double> given = {};  ///< points between 0 and 1, ascending, in place of a rule's

    /// See AttributionMethod.
    template <class Net, class T>
    void operator()(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                    AttributionWorkspace<Net>& workspace, Attribution<typename Net::Scalar>& result) const {
        using S = typename Net::Scalar;
        const Index n = x.cols();
        const std::vector<double> points = given.empty() ? quadrature(rule, steps + 1).nodes : given;
        const T chosen = detail::forward_with_baseline(where, net, x, baseline, target, workspace);
        const Batch<S>& ends = workspace.inputs;
        AttributionWorkspace<Net>& line = workspace.second();
        Batch<S> slope, before;  // of the last point so far
        const Index count = std::ssize(points), together = std::max<Index>(1, 64 / std::max<Index>(n, 1));
        for (Index first = 0; first < count; first += together) {
            const Index some = std::min(together, count - first);
            detail::reshape(line.inputs, x.rows(), some * n);
            for (Index k = 0; k < some; ++k) {
                const auto t = static_cast<S>(points[static_cast<std::size_t>(first + k)]);
                line.inputs.middleCols(k * n, n) = ends.rightCols(n) + t * (ends.leftCols(n) - ends.rightCols(n));
            }
            const auto versions = detail::of_versions(chosen, n);
            forward_to(net, line.inputs, versions, line);
            const auto add = [&](const auto& h, const auto& above) {
                if (first == 0) result.scores.setZero(h.rows(), n);
                for (Index k = 0; k < some; ++k) {
                    if (first + k > 0) {
                        result.scores.array() += slope.array() * (h.middleCols(k * n, n) - before).array();
                    }
                    before = h.middleCols(k * n, n);
                    slope = above.middleCols(k * n, n);
                }
            };
            detail::with_gradient_at(where, net, line.inputs, versions, place, line, add);
        }
        detail::finish_comparison(workspace, result);
    }

private:
    static constexpr const char* where = "LayerConductance";
};

}  // namespace renn::inline RENN_ABI
