// SPDX-License-Identifier: MIT
// renn/attribution/comparison.hpp - one pass over inputs and what they are compared with, for methods that do.
#pragma once

#include <optional>

#include <renn/attribution/attribution.hpp>
#include <renn/attribution/baseline.hpp>
#include <renn/attribution/explain.hpp>
#include <renn/core/batch.hpp>

namespace renn::inline RENN_ABI::detail {

/// A target for [x, x0]: what it chooses by the outputs of x it keeps for those of x0.
template <class T>
struct BothTarget {
    const T& target;
    std::optional<T>& chosen;

    template <class S>
    void operator()(const BatchView<S>& y, Column<S>& value, Batch<S>& slope) const {
        const Index n = y.cols() / 2;
        chosen.emplace(settle(target, BatchView<S>(y.leftCols(n))));
        of_versions(*chosen, n)(y, value, slope);
    }
};

inline constexpr auto forward_to_target = [](const auto& net, const auto& x, const auto& target, auto& w) {
    forward_to(net, x, target, w);
};

template <class Net, class T, class Forward>
T forward_both(const Net& net, const T& target, AttributionWorkspace<Net>& w, Forward&& forward) {
    std::optional<T> chosen;
    forward(net, w.inputs, BothTarget<T>{target, chosen}, w);
    return *chosen;
}
template <class Net, class T, class Forward>
PlaceTarget<T> forward_both(const Net& net, const PlaceTarget<T>& target, AttributionWorkspace<Net>& w,
                            Forward&& forward) {
    std::optional<T> chosen;
    forward(net, w.inputs, PlaceTarget<BothTarget<T>>{target.place, {target.target, chosen}}, w);
    return {target.place, *chosen};
}

/// Passes over workspace.inputs = [x, x0], which leaves both values in workspace.value and both slopes in
/// workspace.start. Returns the target with the choice of outputs made at x. `forward`: in place of forward_to.
template <class Net, class T, class Forward = decltype(forward_to_target)>
T forward_with_baseline(const char* where, const Net& net, const BatchView<typename Net::Scalar>& x,
                        const Baseline& baseline, const T& target, AttributionWorkspace<Net>& w,
                        Forward&& forward = {}) {
    baseline.check(where, x.rows(), x.cols());
    reshape(w.inputs, x.rows(), 2 * x.cols());
    w.inputs.leftCols(x.cols()) = x;
    baseline.write(w.inputs.rightCols(x.cols()));
    return forward_both(net, target, w, forward);
}

/// Everything of the result but its scores, after such a pass.
template <class Net, class S>
void finish_comparison(const AttributionWorkspace<Net>& w, Attribution<S>& result) {
    const Index n = w.value.size() / 2;
    result.explained = w.value.head(n);
    result.gap = w.value.head(n) - w.value.tail(n);
    subtract_scores(result);
    result.clear_remarks();
    warn_of_zeros(result);
}

}  // namespace renn::inline RENN_ABI::detail
