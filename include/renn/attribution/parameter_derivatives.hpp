// SPDX-License-Identifier: MIT
// renn/attribution/parameter_derivatives.hpp - gradient, Hessian and Gauss-Newton products of a target's mean or a loss
// by the parameters.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include <renn/attribution/second_derivatives.hpp>
#include <renn/attribution/target.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/training/loss.hpp>

namespace renn::inline RENN_ABI {

/// One number of a whole batch of outputs y: returns it and writes its derivative by y to `slope`; `tangent` writes how
/// that changes along dy. `scratch` is room for a value of each sample. Made by mean_of() and loss_of().
template <class O, class S>
concept ParameterObjective = requires(const O& objective, const BatchView<S>& y, Column<S>& scratch, Batch<S>& slope) {
    { objective(y, scratch, slope) } -> std::convertible_to<double>;
    objective.tangent(y, y, slope);
};

/// A target's mean over the samples.
template <class T>
struct MeanObjective {
    T target;

    template <class S>
    double operator()(const BatchView<S>& y, Column<S>& scratch, Batch<S>& slope) const {
        target(y, scratch, slope);
        if (y.cols() == 0) return 0.0;
        slope /= static_cast<S>(y.cols());
        return static_cast<double>(scratch.mean());
    }
    template <class S>
    void tangent(const BatchView<S>& y, const BatchView<S>& dy, Batch<S>& d_slope) const {
        detail::slope_tangent<S>(target, y, dy, d_slope);
        if (y.cols() > 0) d_slope /= static_cast<S>(y.cols());
    }
};

/// A loss on what the outputs should be: labels, or a pointer to values.
template <class L, class Wanted>
struct LossObjective {
    L loss;
    Wanted wanted;

    template <class S>
    double operator()(const BatchView<S>& y, Column<S>&, Batch<S>& slope) const {
        return loss(y, targets<S>(), slope);
    }
    template <class S>
    void tangent(const BatchView<S>& y, const BatchView<S>& dy, Batch<S>& d_slope) const {
        static_assert(
            requires { loss.tangent(y, targets<S>(), dy, d_slope); },
            "renn: second derivatives of this loss need its member tangent: see Loss in training/loss.hpp");
        loss.tangent(y, targets<S>(), dy, d_slope);
    }

private:
    template <class S>
    Targets<S> targets() const {
        if constexpr (std::is_pointer_v<Wanted>) {
            return {.values = wanted};
        } else {
            return {.labels = wanted};
        }
    }
};

/// The mean of a target over the samples.
template <class T>
MeanObjective<T> mean_of(T target) {
    return {std::move(target)};
}

/// A loss on labels, which have to outlive what is returned.
template <class L>
LossObjective<L, std::span<const std::int32_t>> loss_of(L loss, std::span<const std::int32_t> labels) {
    return {std::move(loss), labels};
}
/// A loss on values, outputs x n, which have to outlive what is returned.
template <class L, class S>
LossObjective<L, const Batch<S>*> loss_of(L loss, const Batch<S>& values) {
    return {std::move(loss), &values};
}

namespace detail {

/// Forward pass to the objective: its value, and its slope in the workspace.
template <class Net, class O, class S>
double forward_to_objective(const Net& net, const BatchView<S>& x, const O& objective,
                            SecondDerivativeWorkspace<Net>& w) {
    net.forward(x, w.first.pass);
    return static_cast<double>(objective(BatchView<S>(w.first.pass.output), w.first.value, w.first.start));
}

/// Zeros in the shape of x, along which nothing moves; nobody writes to them.
template <class S>
BatchView<S> no_direction(const BatchView<S>& x, Batch<S>& zeros) {
    if (zeros.rows() != x.rows() || zeros.cols() != x.cols() || !zeros.isZero(S(0))) {
        zeros.setZero(x.rows(), x.cols());
    }
    return BatchView<S>(zeros);
}

template <class P>
void require_same_parameters(const char* where, const P& v, const P& parameters) {
    for_each_block(
        [where](const auto& got, const auto& wanted) {
            require_shape(where, "a block of v", got, wanted.rows(), wanted.cols());
        },
        v, parameters);
}

/// The objective's value; leaves in the workspace its slope, and how outputs and slope change as the parameters go
/// along v.
template <class Net, class O, class S>
double objective_along(const char* where, const Net& net, const BatchView<S>& x, const O& objective,
                       const typename Net::Parameters& v, SecondDerivativeWorkspace<Net>& w) {
    require_same_parameters(where, v, net.parameters());
    const double value = forward_to_objective<Net, O, S>(net, x, objective, w);
    auto& pass = w.first.pass;
    const BatchView<S> y(pass.output);
    net.tangent(net.parameters(), v, x, no_direction<S>(x, w.direction), y, pass.cache, w.d_explained);
    objective.tangent(y, BatchView<S>(w.d_explained), w.d_start);
    return value;
}

}  // namespace detail

/// The objective's value, and its derivative by every parameter to `gradient`.
///
/// Shapes   x: features x n.
/// Throws   as the target or loss.
/// Cost     a forward and a backward pass.
template <class Net, ParameterObjective<typename Net::Scalar> O>
double parameter_gradient(const Net& net, const BatchView<typename Net::Scalar>& x, const O& objective,
                          SecondDerivativeWorkspace<Net>& workspace, typename Net::Parameters& gradient) {
    using S = typename Net::Scalar;
    const double value = detail::forward_to_objective<Net, O, S>(net, x, objective, workspace);
    NotWanted none;
    net.reverse_walk(ParameterGradient{}, x, workspace.first.pass, workspace.first.start, none, &gradient);
    return value;
}

/// The objective's value, and its matrix of second derivatives by the parameters times v to `product`, exactly, without
/// the matrix. A kink counts as straight.
///
/// Shapes   x: features x n; v and product as the network's parameters.
/// Throws   as the target or loss; ShapeError for a v of other shapes.
/// Cost     less than four gradients; steady state allocates nothing.
/// Source   Pearlmutter (1994).
template <class Net, ParameterObjective<typename Net::Scalar> O>
double parameter_hessian_product(const Net& net, const BatchView<typename Net::Scalar>& x, const O& objective,
                                 const typename Net::Parameters& v, SecondDerivativeWorkspace<Net>& workspace,
                                 typename Net::Parameters& product) {
    using S = typename Net::Scalar;
    auto& w = workspace;
    const double value = detail::objective_along<Net, O, S>("parameter_hessian_product", net, x, objective, v, w);
    auto& pass = w.first.pass;
    net.backward_tangent(net.parameters(), v, x, BatchView<S>(w.direction), BatchView<S>(pass.output), pass.cache,
                         BatchView<S>(w.first.start), BatchView<S>(w.d_start), w.product, product);
    return value;
}

/// The same with the Gauss-Newton matrix J^T B J in place of the Hessian: J the outputs' derivatives by the parameters,
/// B the objective's second derivatives by the outputs. Of a loss that is convex in the outputs it is never indefinite.
///
/// Shapes   x: features x n; v and product as the network's parameters.
/// Throws   as the target or loss; ShapeError for a v of other shapes.
/// Cost     less than three gradients; steady state allocates nothing.
/// Source   Schraudolph (2002), "Fast curvature matrix-vector products".
template <class Net, ParameterObjective<typename Net::Scalar> O>
double gauss_newton_product(const Net& net, const BatchView<typename Net::Scalar>& x, const O& objective,
                            const typename Net::Parameters& v, SecondDerivativeWorkspace<Net>& workspace,
                            typename Net::Parameters& product) {
    using S = typename Net::Scalar;
    auto& w = workspace;
    const double value = detail::objective_along<Net, O, S>("gauss_newton_product", net, x, objective, v, w);
    NotWanted none;
    net.reverse_walk(ParameterGradient{}, x, w.first.pass, w.d_start, none, &product);
    return value;
}

}  // namespace renn::inline RENN_ABI
