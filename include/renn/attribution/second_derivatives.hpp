// SPDX-License-Identifier: MIT
// renn/attribution/second_derivatives.hpp - how what is explained bends along the inputs: exact Hessians and their
// products.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/attribution/explain.hpp>
#include <renn/attribution/target.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/network/layer_paths.hpp>

namespace renn::inline RENN_ABI {

/// What second derivatives need besides their result. Used again, it allocates nothing.
template <class Net>
struct SecondDerivativeWorkspace {
    using S = typename Net::Scalar;
    AttributionWorkspace<Net> first;  ///< after a call: the target's value of each sample, and its slope
    Batch<S> d_explained;             ///< how what the target looks at changes along the direction
    Batch<S> d_start;                 ///< how the target's slope does
    Batch<S> direction, product;      ///< one direction of several, and what comes of it
};

namespace detail {

template <class T>
const T& without_place(const T& target) {
    return target;
}
template <class T>
const T& without_place(const PlaceTarget<T>& target) {
    return target.target;
}

/// How many of the network's own layers lead to the target, and what the last of them puts out.
template <class Net, class T>
std::size_t layers_before(const Net& net, const T&) {
    return net.size();
}
template <class Net, class T>
std::size_t layers_before(const Net& net, const PlaceTarget<T>& target) {
    const auto at = std::find(net.names().begin(), net.names().end(), target.place);
    if (at == net.names().end()) {
        raise<DataError>("second derivatives", "place", "\"" + target.place + "\", a layer inside another",
                         "a layer of the network itself");
    }
    return static_cast<std::size_t>(at - net.names().begin()) + 1;
}
template <class Net, class T>
const auto& explained_of(const AttributionWorkspace<Net>& w, const T&) {
    return w.pass.output;
}
template <class Net, class T>
const auto& explained_of(const AttributionWorkspace<Net>& w, const PlaceTarget<T>&) {
    return w.explained;
}

/// How a target's slope changes along dy; not at all if it does not say.
template <class S, class T>
void slope_tangent(const T& target, const BatchView<S>& y, const BatchView<S>& dy, Batch<S>& d_slope) {
    if constexpr (requires { target.tangent(y, dy, d_slope); }) {
        target.tangent(y, dy, d_slope);
    } else {
        reshape(d_slope, y.rows(), y.cols());
        d_slope.setZero();
    }
}

/// The product for one direction, after forward_to with the same network, x and target.
template <class Net, class T, class S>
void hessian_product_here(const Net& net, const BatchView<S>& x, const T& target, const BatchView<S>& v,
                          SecondDerivativeWorkspace<Net>& w, Batch<S>& product) {
    using Tangents = typename Net::Tangents;
    const std::size_t end = layers_before(net, target);
    NotWanted none;
    auto& pass = w.first.pass;
    const BatchView<S> y(pass.output);
    Tangents::forward(net, net.parameters(), none, x, v, y, pass.cache, w.d_explained, end);
    slope_tangent<S>(without_place(target), BatchView<S>(explained_of(w.first, target)), BatchView<S>(w.d_explained),
                     w.d_start);
    Tangents::backward(net, net.parameters(), none, x, v, y, pass.cache, BatchView<S>(w.first.start),
                       BatchView<S>(w.d_start), product, none, end);
}

/// Calls f(j, H e_j) for the features j that `wanted` says.
template <class Net, class T, class S, class Wanted, class F>
void for_each_hessian_row(const Net& net, const BatchView<S>& x, const T& target, SecondDerivativeWorkspace<Net>& w,
                          Wanted&& wanted, F&& f) {
    forward_to(net, x, target, w.first);
    reshape(w.direction, x.rows(), x.cols());
    w.direction.setZero();
    for (Index j = 0; j < x.rows(); ++j) {
        if (!wanted(j)) continue;
        w.direction.row(j).setOnes();
        hessian_product_here<Net, T, S>(net, x, target, BatchView<S>(w.direction), w, w.product);
        w.direction.row(j).setZero();
        f(j, std::as_const(w.product));
    }
}

}  // namespace detail

/// Second derivatives of any target times a direction, sample by sample: product.col(s) = H(x_s) v.col(s), where H is
/// the matrix of d2f/dx_i dx_j. Exact (forward over reverse), not by differences. A kink counts as straight: of a
/// network of ReLUs and a linear target H is 0, see smoothed().
///
/// Shapes   x, v, product: features x n.
/// Throws   as the target; ShapeError for a v of another shape; DataError for a target inside a nested network.
/// Cost     about twice a gradient, about the memory of three; steady state allocates nothing.
/// Source   Pearlmutter (1994), "Fast exact multiplication by the Hessian".
template <class Net, class T>
void hessian_product(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                     const BatchView<typename Net::Scalar>& v, SecondDerivativeWorkspace<Net>& workspace,
                     Batch<typename Net::Scalar>& product) {
    using S = typename Net::Scalar;
    detail::require_shape("hessian_product", "v", v, x.rows(), x.cols());
    forward_to(net, x, target, workspace.first);
    detail::hessian_product_here<Net, T, S>(net, x, target, v, workspace, product);
}
/// The same with a workspace of its own.
template <class Net, class T>
Batch<typename Net::Scalar> hessian_product(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                                            const BatchView<typename Net::Scalar>& v) {
    SecondDerivativeWorkspace<Net> workspace;
    Batch<typename Net::Scalar> product;
    hessian_product(net, x, target, v, workspace, product);
    return product;
}

/// Every second derivative of every sample: column s is sample s's symmetric features x features matrix, column after
/// column, `result.col(s).reshaped(d, d)`.
///
/// Shapes   x: features x n; result: features^2 x n.
/// Throws   as hessian_product.
/// Cost     a forward pass, and two more gradients for each feature.
template <class Net, class T>
void input_hessians(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                    SecondDerivativeWorkspace<Net>& workspace, Batch<typename Net::Scalar>& result) {
    using S = typename Net::Scalar;
    const Index d = x.rows();
    detail::reshape(result, d * d, x.cols());
    detail::for_each_hessian_row<Net, T, S>(
        net, x, target, workspace, [](Index) { return true; },
        [&](Index j, const Batch<S>& row) { result.middleRows(j * d, d) = row; });
}
/// The same with a workspace of its own.
template <class Net, class T>
Batch<typename Net::Scalar> input_hessians(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target) {
    SecondDerivativeWorkspace<Net> workspace;
    Batch<typename Net::Scalar> result;
    input_hessians(net, x, target, workspace, result);
    return result;
}

/// Chosen second derivatives: row p of the result is d2f/dx_i dx_j of pair p = (i, j).
///
/// Shapes   x: features x n; result: pairs x n.
/// Throws   as hessian_product; DataError for a pair with a feature that there is not.
/// Cost     a forward pass, and two more gradients for each feature that is first in a pair.
template <class Net, class T>
void second_derivatives(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                        std::span<const std::pair<Index, Index>> pairs, SecondDerivativeWorkspace<Net>& workspace,
                        Batch<typename Net::Scalar>& result) {
    using S = typename Net::Scalar;
    for (const auto& [i, j] : pairs) {
        if (i >= 0 && j >= 0 && i < x.rows() && j < x.rows()) continue;
        detail::raise<DataError>("second_derivatives", "pair", std::to_string(i) + ", " + std::to_string(j),
                                 "features 0.." + std::to_string(x.rows() - 1));
    }
    detail::reshape(result, static_cast<Index>(pairs.size()), x.cols());
    const auto wanted = [&](Index feature) {
        return std::any_of(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == feature; });
    };
    detail::for_each_hessian_row<Net, T, S>(net, x, target, workspace, wanted, [&](Index feature, const Batch<S>& row) {
        for (std::size_t p = 0; p < pairs.size(); ++p) {
            if (pairs[p].first != feature) continue;
            result.row(static_cast<Index>(p)) = row.row(pairs[p].second);
        }
    });
}

}  // namespace renn::inline RENN_ABI
