// SPDX-License-Identifier: MIT
// renn/attribution/simple_taylor.hpp - the first terms of a Taylor series around a root of the target.
#pragma once

#include <cstdint>
#include <string>

#include <renn/attribution/attribution.hpp>
#include <renn/attribution/baseline.hpp>
#include <renn/attribution/roots.hpp>
#include <renn/core/batch.hpp>
#include <renn/network/gradient.hpp>

namespace renn::inline RENN_ABI {

/// Around which point a function is developed: a given one, whether f is 0 there or not; the root that steps against
/// the gradient reach; or the one on the straight line to a baseline.
enum class RootPoint : std::uint8_t { given, nearest, on_line };

/// (x_i - x~_i) df/dx_i at a root x~, where f is 0. It explains the linear part of f alone: the gap is the rest,
/// f(x) less the sum of the scores. Samples without a root are named in the warnings, and are developed around the
/// point nearest to one that was found; nearest_roots() and roots_towards() return it with a flag for each sample.
///
/// Throws   as nearest_roots and roots_towards.
/// Cost     a gradient, and the search for roots.
/// Source   Montavon, Samek, Mueller (2018), "Methods for interpreting and understanding deep neural networks".
struct SimpleTaylor {
    Baseline baseline = {};  ///< the given point, or the end of the line
    RootPoint root = RootPoint::given;
    RootOptions search = {};

    /// See AttributionMethod.
    template <class Net, class T>
    void operator()(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                    AttributionWorkspace<Net>& workspace, Attribution<typename Net::Scalar>& result) const {
        using S = typename Net::Scalar;
        baseline.check("SimpleTaylor", x.rows(), x.cols());
        forward_to(net, x, target, workspace);
        const T chosen = settled(target, workspace);
        result.explained = workspace.value;
        result.clear_remarks();
        Batch<S>& point = workspace.inputs;
        if (root == RootPoint::given) {
            detail::reshape(point, x.rows(), x.cols());
            baseline.write(point);
        } else {
            const Roots<S> roots = root == RootPoint::nearest
                                       ? nearest_roots(net, x, chosen, search, workspace)
                                       : roots_towards(net, x, chosen, baseline, search, workspace);
            const std::string without =
                detail::samples_where(x.cols(), [&](Index j) { return roots.found[static_cast<std::size_t>(j)] == 0; });
            if (!without.empty()) result.warnings.push_back("no root was found for sample " + without);
            point = roots.points;
        }
        forward_to(net, point, chosen, workspace);
        InputGradient rule;
        backward_from(net, point, chosen, rule, workspace, result.scores);
        result.scores.array() *= x.array() - point.array();
        result.gap = result.explained;
        detail::subtract_scores(result);
        detail::warn_of_zeros(result);
    }
};

}  // namespace renn::inline RENN_ABI
