// SPDX-License-Identifier: MIT
// renn/attribution/smooth_gradient.hpp - the mean of a method over noisy copies of the input.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <renn/attribution/attribution.hpp>
#include <renn/attribution/gradient.hpp>
#include <renn/attribution/logits.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/rng.hpp>

namespace renn::inline RENN_ABI {

/// The mean of a method's scores, or of their squares, over copies of x with normal noise. Draw k has the same noise
/// for every sample, stretched by the sample's range of values, so a sample's scores do not depend on its company. A
/// target that chooses each sample's greatest output keeps what it chose without noise.
///
///     Smoothed<IntegratedGradients>{.draws = 50, .method = {.nodes = 20}}
///
/// Throws   DataError for less than one draw or a noise that is negative or not finite, ShapeError for given noise of
///          another number of features; as the method and the target.
/// Cost     the method once a draw.
/// Source   Smilkov et al. (2017), "SmoothGrad: removing noise by adding noise"; the defaults are Zennit's.
template <class Method>
struct Smoothed {
    double noise = 0.1;        ///< standard deviation, as a share of the greatest less the least value of the sample
    Index draws = 20;          ///< copies
    std::uint64_t seed = 0;    ///< of the noise
    bool squared = false;      ///< the mean of the squared scores
    Batch<double> given = {};  ///< features x draws: this noise as it is, in place of drawn one
    Method method = {};

    /// See AttributionMethod.
    template <class Net, class T>
    void operator()(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                    AttributionWorkspace<Net>& workspace, Attribution<typename Net::Scalar>& result) const {
        using S = typename Net::Scalar;
        check(x.rows());
        if constexpr (requires { Method::from_logits; }) {
            detail::forward_to_logits(net, x, target, workspace);
        } else {
            forward_to(net, x, target, workspace);
        }
        const T chosen = settled(target, workspace);
        const Column<S> explained = workspace.value;
        Column<S> range = Column<S>::Ones(x.cols());
        if (given.size() == 0 && x.rows() > 0) {
            range = static_cast<S>(noise) * (x.colwise().maxCoeff() - x.colwise().minCoeff()).transpose();
        }
        const Index count = given.size() == 0 ? draws : given.cols();
        Batch<S> copy(x.rows(), x.cols()), sum = Batch<S>::Zero(x.rows(), x.cols());
        Column<S> deviation(x.rows());
        std::vector<std::string> warnings;  // those of the first draw stand for all
        for (Index k = 0; k < count; ++k) {
            draw(k, deviation);
            for (Index j = 0; j < x.cols(); ++j) copy.col(j) = x.col(j) + range[j] * deviation;
            method(net, copy, chosen, workspace, result);
            if (k == 0) warnings = result.warnings;
            if (squared) {
                sum += result.scores.cwiseAbs2();
            } else {
                sum += result.scores;
            }
        }
        result.scores = sum / static_cast<S>(count);
        result.explained = explained;
        result.gap.resize(0);
        result.warnings = std::move(warnings);
        detail::warn_of_zeros(result);
    }

private:
    static constexpr const char* where = "SmoothGradient";

    void check(Index features) const {
        if (draws < 1) detail::raise<DataError>(where, "draws", std::to_string(draws), "1 or more");
        if (!(std::isfinite(noise) && noise >= 0.0)) {
            detail::raise<DataError>(where, "noise", std::to_string(noise), "a finite value, 0 or more");
        }
        if (given.size() != 0) detail::require_shape(where, "given noise", given, features, given.cols());
    }

    template <class S>
    void draw(Index k, Column<S>& deviation) const {
        if (given.size() != 0) {
            deviation = given.col(k).template cast<S>();
            return;
        }
        Rng rng(mix(seed, static_cast<std::uint64_t>(k)));
        for (Index i = 0; i < deviation.size(); ++i) deviation[i] = static_cast<S>(rng.normal());
    }
};

/// Smoothed gradients.
using SmoothGradient = Smoothed<Gradient>;

}  // namespace renn::inline RENN_ABI
