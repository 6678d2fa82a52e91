// SPDX-License-Identifier: MIT
// renn/attribution/integrated_gradients.hpp - gradients along the straight line from a baseline to the input.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>

#include <renn/attribution/attribution.hpp>
#include <renn/attribution/baseline.hpp>
#include <renn/attribution/comparison.hpp>
#include <renn/attribution/quadrature.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/path.hpp>
#include <renn/network/gradient.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// The layers a network begins with that are linear, as long as the target does not look at them. Along a straight line
/// of inputs their outputs lie on a straight line, and the sum over its points of what they hand down is what they hand
/// down of the sum: so they work twice a sample, not twice a point.
struct LinearStart {
    std::size_t layers = 0;
    std::string last = {};
};

template <class Net>
LinearStart linear_start(const Net& net, std::string_view place) {
    LinearStart start;
    std::size_t layers = 0;
    bool open = Net::wiring == Wiring::chain && WalksFrom<Net>;
    Net::for_each_child(net, net.parameters(), [&](const std::string& name, const auto& layer, const auto&) {
        using L = std::remove_cvref_t<decltype(layer)>;
        ++layers;
        open = open && LinearLayer<L> && !CompositeLayer<L> && name != place;
        if (open) start = {layers, name};
    });
    return start.layers == layers ? LinearStart{} : start;
}

/// The gradient of every point of a line, summed over the points above the leading linear layers. `points` versions of
/// each sample arrive there, and one goes on.
template <class S>
struct AlongLine {
    std::string_view linear_start;  ///< empty: none
    const double* weights;          ///< of the points of this walk
    bool last;                      ///< of all walks over parts of the line
    Batch<S>& sum;
    bool summed = false;

    void add(const BatchView<S>& above) {
        const Index n = sum.cols();
        for (Index k = 0; (k + 1) * n <= above.cols() && n > 0; ++k) {
            sum += static_cast<S>(weights[k]) * above.middleCols(k * n, n);
        }
    }
    BatchView<S> arrive(std::string_view path, const BatchView<S>&, const BatchView<S>& above) {
        if (summed || path != linear_start) return above;
        add(above);
        summed = true;
        return sum;
    }
};

template <class S, class L, class Below>
void reverse(AlongLine<S>& line, const Step<L>& s, X<L> above, Below& below) {
    if (!line.summed) {
        const InputGradient gradient;
        reverse(gradient, s, above, below);
    } else if (line.last) {
        if constexpr (LinearLayer<L>) s.layer.map_transposed(s.weights, above, below);
    }
}
template <class S>
BatchView<S> share(const AlongLine<S>&, std::string_view, const BatchView<S>&, const BatchView<S>&,
                   const BatchView<S>& above, Batch<S>&) {
    return above;
}

}  // namespace detail

/// (x_i - x0_i) times the mean of df/dx_i along the line from the baseline x0 to x. The scores sum to f(x) - f(x0) as
/// exactly as the sum over nodes is the integral; the gap, f(x) - f(x0) less their sum, tells. A target that chooses
/// each sample's greatest output keeps what it chose at x.
///
/// Throws   ShapeError for a baseline of another shape, DataError for nodes that there cannot be or weights that are
///          not as many; as the target.
/// Cost     a gradient a node, but the linear layers that a network begins with work twice a sample in all.
/// Source   Sundararajan, Taly, Yan (2017), "Axiomatic attribution for deep networks".
struct IntegratedGradients {
    Baseline baseline = {};
    Index nodes = 50;
    QuadratureRule rule = QuadratureRule::gauss_legendre;
    Quadrature given = {};  ///< nodes and weights in place of a rule's; empty: the rule's

    /// See AttributionMethod.
    template <class Net, class T>
    void operator()(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                    AttributionWorkspace<Net>& workspace, Attribution<typename Net::Scalar>& result) const {
        const Index n = x.cols();
        const Quadrature q = given.nodes.empty() ? quadrature(rule, nodes) : given;
        if (q.weights.size() != q.nodes.size()) {
            detail::raise<DataError>(where, "weights", std::to_string(q.weights.size()),
                                     std::to_string(q.nodes.size()) + ", one a node");
        }
        const T chosen = detail::forward_with_baseline(where, net, x, baseline, target, workspace);
        const auto& ends = workspace.inputs;
        sum_along(net, chosen, q, workspace, result.scores);
        result.scores.array() *= ends.leftCols(n).array() - ends.rightCols(n).array();
        detail::finish_comparison(workspace, result);
    }

private:
    static constexpr const char* where = "IntegratedGradients";

    /// Where the layers behind the leading linear ones find their inputs.
    template <class Net, class S>
    static Batch<S>& points_of(const Net& net, const Batch<S>& ends, const detail::LinearStart& start,
                               AttributionWorkspace<Net>& w) {
        if constexpr (detail::WalksFrom<Net>) {
            const auto room = std::size(w.pass.cache.outputs);
            if (start.layers > room) net.forward(ends.leftCols(0), w.pass);  // makes room for them
            if (start.layers != 0) return w.pass.cache.outputs[start.layers - 1];
        }
        return w.inputs;
    }

    /// The weighted sum of the gradients, after a pass over both ends.
    template <class Net, class T, class S>
    void sum_along(const Net& net, const T& target, const Quadrature& q, AttributionWorkspace<Net>& workspace,
                   Batch<S>& scores) const {
        AttributionWorkspace<Net>& line = workspace.second();
        const Batch<S>& ends = workspace.inputs;
        const Index n = ends.cols() / 2, count = static_cast<Index>(q.nodes.size());
        const detail::LinearStart start = detail::linear_start(net, detail::place_of(target));
        const Batch<S>& from = points_of(net, ends, start, workspace);
        detail::reshape(scores, ends.rows(), n);
        scores.setZero();
        workspace.below.setZero(from.rows(), n);
        const Index together = std::max<Index>(1, 64 / std::max<Index>(n, 1));
        for (Index first = 0; first < count && n > 0; first += together) {
            const Index points = std::min(together, count - first);
            Batch<S>& at = points_of(net, ends, start, line);
            detail::reshape(at, from.rows(), points * n);
            for (Index k = 0; k < points; ++k) {
                const auto t = static_cast<S>(q.nodes[static_cast<std::size_t>(first + k)]);
                at.middleCols(k * n, n) = from.rightCols(n) + t * (from.leftCols(n) - from.rightCols(n));
            }
            forward_to(net, line.inputs, detail::of_versions(target, n), line, start.layers);
            detail::AlongLine<S> rule_of_line{start.last, q.weights.data() + first, first + points == count,
                                              workspace.below};
            if (start.layers == 0) {
                backward_from(net, line.inputs, target, rule_of_line, line, line.below);
                rule_of_line.add(line.below);
            } else {
                backward_from(net, ends.leftCols(n), target, rule_of_line, line, scores);
            }
        }
        if (start.layers == 0) scores = workspace.below;
    }
};

}  // namespace renn::inline RENN_ABI
