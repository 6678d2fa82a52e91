// SPDX-License-Identifier: MIT
// renn/attribution/predictor.hpp - any code that computes outputs, in the place of a network.
#pragma once

#include <concepts>
#include <utility>

#include <renn/attribution/attribution.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/network/layer_sequence.hpp>

namespace renn::inline RENN_ABI {

/// A callable f(x) -> outputs (features x n -> outputs x n) with the forward pass of a network and nothing else: for
/// methods that need no reverse walk.
template <class S, class F>
class Predictor {
public:
    using Scalar = S;
    using Cache = NoCache;

    explicit Predictor(F f) : f_(std::move(f)) {}

    /// Throws ShapeError if the callable does not return one column a sample.
    template <class V = NoVisit>
    const Batch<S>& forward(const BatchView<S>& x, Workspace<Predictor>& workspace, const Pass& = {}, V&& = {}) const {
        workspace.output = f_(x);
        detail::require_shape("predictor", "outputs", workspace.output, workspace.output.rows(), x.cols());
        return workspace.output;
    }

private:
    F f_;
};

/// f in the place of a network of scalars S.
template <class S = float, class F>
Predictor<S, F> predictor(F f) {
    return Predictor<S, F>(std::move(f));
}

/// As attribute() of a network, for any callable f(x) -> outputs and methods that look at outputs alone.
///
///     renn::attribute([&](const auto& x) { return other_library(x); }, x, renn::output(3), renn::Occlusion{})
template <class F, class Derived, class T, class M>
    requires(std::invocable<const F&, const BatchView<typename Derived::Scalar>&>)
Attribution<typename Derived::Scalar> attribute(const F& f, const Eigen::MatrixBase<Derived>& x, const T& target,
                                                const M& method) {
    using S = typename Derived::Scalar;
    const auto call = [&f](const BatchView<S>& inputs) { return f(inputs); };
    return attribute(Predictor<S, decltype(call)>(call), BatchView<S>(x.derived()), target, method);
}

}  // namespace renn::inline RENN_ABI
