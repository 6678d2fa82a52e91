// SPDX-License-Identifier: MIT
// renn/data/principal_components.hpp - the directions in which data is widest.
#pragma once

#include <cmath>
#include <string>
#include <string_view>

#include <Eigen/Eigenvalues>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/finite.hpp>

namespace renn::inline RENN_ABI {

/// Principal components, widest first.
struct PrincipalComponents {
    Column<double> mean;       ///< of each feature
    Column<double> variance;   ///< along each component: the covariance's eigenvalues
    Column<double> explained;  ///< the same as parts of their sum
    Batch<double> loadings;    ///< features x components, of length 1; the greatest entry of each is positive

    /// What these say and what they do not.
    static constexpr std::string_view caution =
        "Principal components describe the data, not the network: a wide direction need not matter to its answers, and "
        "what they rest on may be narrow.";

    /// Along the first `count` components, all for -1: components x n.
    template <class Derived>
    Batch<double> project(const Eigen::MatrixBase<Derived>& x, Index count = -1) const {
        detail::require_shape("PrincipalComponents::project", "x", x, mean.size(), x.cols());
        return loadings.leftCols(checked(count)).transpose() * (x.template cast<double>().colwise() - mean);
    }
    /// Back from the first components: features x n, exact if there are all.
    template <class Derived>
    Batch<double> reconstruct(const Eigen::MatrixBase<Derived>& along) const {
        const Batch<double> y = along.template cast<double>();
        Batch<double> x = loadings.leftCols(checked(y.rows())) * y;
        x.colwise() += mean;
        return x;
    }

private:
    Index checked(Index count) const {
        if (count == -1) return loadings.cols();
        if (count >= 0 && count <= loadings.cols()) return count;
        detail::raise<ShapeError>("PrincipalComponents", "components", std::to_string(count),
                                  "0.." + std::to_string(loadings.cols()));
    }
};

/// Of the samples x.
///
/// Shapes   x: features x n.
/// Throws   DataError for no features, fewer than two samples or values that are not finite.
/// Cost     O(features^2 n + features^3).
template <class D>
PrincipalComponents principal_components(const Eigen::MatrixBase<D>& x) {
    if (x.cols() < 2) {
        detail::raise<DataError>("principal_components", "samples", std::to_string(x.cols()), "2 or more");
    }
    if (x.rows() == 0) detail::raise<DataError>("principal_components", "features", "0", "1 or more");
    Batch<double> centred = x.template cast<double>();
    if (!detail::all_finite(centred)) {
        detail::raise<DataError>("principal_components", "x", "NaN or infinite", "finite values");
    }
    PrincipalComponents result;
    result.mean = centred.rowwise().mean();
    centred.colwise() -= result.mean;
    const Batch<double> covariance = centred * centred.transpose() / static_cast<double>(x.cols() - 1);
    const Eigen::SelfAdjointEigenSolver<Batch<double>> solver(covariance);
    result.variance = solver.eigenvalues().reverse().cwiseMax(0.0);
    const double sum = result.variance.sum();
    result.explained = sum > 0.0 ? Column<double>(result.variance / sum) : Column<double>::Zero(x.rows()).eval();
    result.loadings = solver.eigenvectors().rowwise().reverse();
    for (Index c = 0; c < result.loadings.cols(); ++c) {
        Index greatest = 0;
        result.loadings.col(c).cwiseAbs().maxCoeff(&greatest);
        if (result.loadings(greatest, c) < 0.0) result.loadings.col(c) *= -1.0;
    }
    return result;
}

}  // namespace renn::inline RENN_ABI
