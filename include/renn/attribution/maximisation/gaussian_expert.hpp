// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/gaussian_expert.hpp - how likely a picture is, by a normal distribution.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>

#include <Eigen/Cholesky>

#include <renn/attribution/target.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>
#include <renn/core/error.hpp>
#include <renn/core/finite.hpp>

namespace renn::inline RENN_ABI::maximisation {

/// log N(x; m, C) with C = covariance + r I. A Target: on_picture(expert).
///
/// Cost     of an evaluation O(d^2) a picture, and room for one batch; of fitting O(n d^2 + d^3), in double.
/// Source   Montavon, Samek, Mueller (2018), "Methods for interpreting and understanding deep neural networks".
template <class S>
class GaussianExpert {
public:
    /// From the mean and the covariance, to which r I is added. Throws ShapeError if they do not fit; DataError if
    /// the sum is not positive definite.
    GaussianExpert(const Column<double>& mean, const Batch<double>& covariance, double r = 0.0)
        : mean_(mean.cast<S>()) {
        detail::require_shape("GaussianExpert", "covariance", covariance, mean.size(), mean.size());
        detail::require_finite<double>("GaussianExpert", "mean", mean);
        Batch<double> widened = covariance;
        widened.diagonal().array() += r;
        const Eigen::LLT<Batch<double>> factor(widened);
        if (factor.info() != Eigen::Success || !detail::all_finite(widened)) {
            detail::raise<DataError>("GaussianExpert", "covariance", "not positive definite",
                                     "positive definite: more samples, or a larger shrinkage");
        }
        covariance_ = widened.cast<S>();
        precision_ = factor.solve(Batch<double>::Identity(mean.size(), mean.size())).cast<S>();
        const double log_determinant = 2.0 * factor.matrixLLT().diagonal().array().log().sum();
        constant_ = -0.5 * (static_cast<double>(mean.size()) * std::log(2.0 * std::numbers::pi) + log_determinant);
    }

    /// Of samples (features x n), with r = shrinkage times the mean variance. Throws DataError for none, or for
    /// samples that are all the same.
    static GaussianExpert fit(const BatchView<S>& x, double shrinkage = 1e-2) {
        if (x.cols() == 0) detail::raise<DataError>("GaussianExpert::fit", "samples", "0", "1 or more");
        detail::require_finite<S>("GaussianExpert::fit", "samples", x);
        const Column<double> mean = x.template cast<double>().rowwise().mean();
        Batch<double> covariance = Batch<double>::Zero(x.rows(), x.rows()), part;
        for (Index first = 0; first < x.cols(); first += 1024) {
            part = x.middleCols(first, std::min<Index>(1024, x.cols() - first)).template cast<double>();
            part.colwise() -= mean;
            canonical::add_outer_product<double>(part, part, covariance);
        }
        covariance /= static_cast<double>(x.cols());
        const double variance = covariance.trace() / static_cast<double>(std::max<Index>(x.rows(), 1));
        return GaussianExpert(mean, covariance, shrinkage * variance);
    }

    const Column<S>& mean() const noexcept { return mean_; }
    /// With r I.
    const Batch<S>& covariance() const noexcept { return covariance_; }

    /// See Target: -(x - m)^T C^-1 (x - m) / 2 and its constant; slope -C^-1 (x - m).
    void operator()(const BatchView<S>& x, Column<S>& value, Batch<S>& slope) const {
        detail::require_shape("GaussianExpert", "picture", x, mean_.size(), x.cols());
        detail::shape_target<S>(x, value, slope);
        Batch<S> away = x;
        away.colwise() -= mean_;
        canonical::product<S>(precision_, away, nullptr, slope);
        slope *= S(-1);
        value = S(0.5) * away.cwiseProduct(slope).colwise().sum().transpose();
        value.array() += static_cast<S>(constant_);
    }

private:
    Column<S> mean_;
    Batch<S> covariance_, precision_;
    double constant_ = 0.0;
};

}  // namespace renn::inline RENN_ABI::maximisation
