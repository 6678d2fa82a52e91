// SPDX-License-Identifier: MIT
// renn/evaluation/continuity.hpp - how much a heatmap moves when the input moves a little.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/rng.hpp>
#include <renn/core/shape.hpp>
#include <renn/evaluation/explained.hpp>
#include <renn/evaluation/measurement.hpp>
#include <renn/training/evaluate.hpp>

namespace renn::inline RENN_ABI {

/// A metric of continuity. `per_sample` is the greatest ratio of a sample, `curve` every ratio.
struct Continuity {
    Measurement measured;
    double greatest = 0.0;               ///< over all samples
    std::size_t pairs = 0;               ///< of inputs that were compared
    std::size_t prediction_changes = 0;  ///< pairs for which the model predicts two classes: the map may well change
};

/// Options of continuity.
struct ContinuityOptions {
    double deviation = 0.01;  ///< of the perturbations, in units of the input
    int draws = 20;
    std::uint64_t seed = 0;
};

/// Options of translation_continuity.
struct TranslationOptions {
    int steps = 28;      ///< of a pixel each
    double empty = 0.0;  ///< what is left behind
};

/// Random inputs around each sample.
struct NearbyOptions {
    int draws = 200;
    double radius = 0.2;  ///< of the ball, relative to the norm of the sample
    std::uint64_t seed = 0;
};

namespace detail {

/// Scores and predictions of some inputs, with the target of one sample.
template <class S>
struct MapsOfSample {
    Batch<S> scores;
    std::vector<std::int32_t> predicted;
};

template <class S, class Model, class T, class M>
MapsOfSample<S> maps_of(const Model& model, const BatchView<S>& x, const T& target, const M& method) {
    MapsOfSample<S> maps{scores_of<S>(model, x, target, method), {}};
    const Batch<S> y = outputs_of<S>(model, x);
    for (Index j = 0; j < y.cols(); ++j) maps.predicted.push_back(predicted_class(y.col(j)));
    return maps;
}

/// Compares pairs of inputs of each sample: `inputs(j, x)` fills x with the inputs of sample j, `pair(i)` names the two
/// columns of pair i, `ratio(maps, x, a, b)` compares them.
template <class S, class Model, class T, class M, class Inputs, class Pair, class Ratio>
Continuity compare_maps_nearby(const char* where, const Model& model, const BatchView<S>& x, const T& target,
                               const M& method, Index pairs, const Inputs& inputs, const Pair& pair,
                               const Ratio& ratio) {
    if (x.cols() == 0) raise<DataError>(where, "samples", "0", "1 or more");
    if (pairs < 1) raise<DataError>(where, "pairs", std::to_string(pairs), "1 or more");
    const Explained<S> before = explained<S>(model, x, target);
    Continuity c;
    std::vector<double> each;
    Batch<double> curve(pairs, x.cols());
    Batch<S> near;
    for (Index j = 0; j < x.cols(); ++j) {
        inputs(j, near);
        const MapsOfSample<S> maps =
            maps_of<S>(model, BatchView<S>(near), target_of(target, before.basis(), j), method);
        double greatest = std::numeric_limits<double>::quiet_NaN();
        for (Index i = 0; i < pairs; ++i) {
            const auto [a, b] = pair(i);
            const double r = ratio(maps.scores, near, a, b);
            curve(i, j) = r;
            if (std::isnan(r)) continue;
            greatest = std::isnan(greatest) ? r : std::max(greatest, r);
            ++c.pairs;
            c.prediction_changes +=
                maps.predicted[static_cast<std::size_t>(a)] != maps.predicted[static_cast<std::size_t>(b)] ? 1U : 0U;
        }
        each.push_back(greatest);
    }
    c.measured = measured(where, std::move(each), std::move(curve));
    for (const double r : c.measured.per_sample) c.greatest = std::isnan(r) ? c.greatest : std::max(c.greatest, r);
    return c;
}

/// ||R(a) - R(b)||_1 / ||a - b||_2; NaN if the inputs are equal.
inline constexpr auto l1_over_l2 = [](const auto& scores, const auto& x, Index a, Index b) {
    const double apart = (x.col(a) - x.col(b)).template cast<double>().norm();
    const double moved = (scores.col(a) - scores.col(b)).template cast<double>().cwiseAbs().sum();
    return apart > 0.0 ? moved / apart : std::numeric_limits<double>::quiet_NaN();
};

/// The sample, then draws from a ball around it, uniform in direction and in radius.
template <class S>
void fill_nearby(const BatchView<S>& x, Index j, const NearbyOptions& options, Batch<S>& near) {
    reshape(near, x.rows(), static_cast<Index>(options.draws) + 1);
    near.col(0) = x.col(j);
    const double radius = options.radius * x.col(j).template cast<double>().norm();
    Rng rng(mix(options.seed, static_cast<std::uint64_t>(j)));
    Column<double> direction(x.rows());
    for (Index d = 1; d < near.cols(); ++d) {
        for (Index i = 0; i < x.rows(); ++i) direction[i] = rng.normal();
        const double norm = direction.norm();
        direction *= norm > 0.0 ? radius * (1.0 - rng.uniform()) / norm : 0.0;
        near.col(d) = x.col(j) + direction.template cast<S>();
    }
}

inline constexpr auto first_with_each = [](Index i) { return std::pair<Index, Index>(0, i + 1); };

}  // namespace detail

/// Continuity: the greatest ||R(x) - R(x')||_1 / ||x - x'||_2 over `draws` normal perturbations x' of each sample. Of a
/// map that jumps it grows like 1 / deviation.
///
/// Shapes   x: features x n. The method is an AttributionMethod, or a callable (model, x, target) -> features x n.
/// Throws   as the method; DataError without samples or draws.
/// Cost     n * draws maps.
/// Source   Montavon, Samek and Mueller (2018), section 7.1.
template <class Model, class D, class T, class M>
Continuity continuity(const Model& model, const Eigen::MatrixBase<D>& x, const T& target, const M& method,
                      const ContinuityOptions& options = {}) {
    using S = typename D::Scalar;
    const BatchView<S> input(x.derived());
    const auto inputs = [&](Index j, Batch<S>& near) {
        detail::reshape(near, input.rows(), static_cast<Index>(options.draws) + 1);
        Rng rng(mix(options.seed, static_cast<std::uint64_t>(j)));
        for (Index d = 0; d < near.cols(); ++d) {
            for (Index i = 0; i < input.rows(); ++i) {
                near(i, d) = d == 0
                                 ? input(i, j)
                                 : static_cast<S>(static_cast<double>(input(i, j)) + options.deviation * rng.normal());
            }
        }
    };
    return detail::compare_maps_nearby<S>("continuity", model, input, target, method, options.draws, inputs,
                                          detail::first_with_each, detail::l1_over_l2);
}

/// The same along a translation: the image is moved to the right a pixel at a time; neighbours of the sequence are
/// compared. Curve: steps x samples; a step that changes nothing is NaN.
template <class Model, class D, class T, class M>
Continuity translation_continuity(const Model& model, const Eigen::MatrixBase<D>& x, const T& target, const M& method,
                                  const Shape& image, const TranslationOptions& options = {}) {
    using S = typename D::Scalar;
    const BatchView<S> input(x.derived());
    if (image.size() != input.rows()) {
        detail::raise<ShapeError>("translation_continuity", "image", image.text(),
                                  std::to_string(input.rows()) + " features");
    }
    const auto inputs = [&](Index j, Batch<S>& near) {
        detail::reshape(near, input.rows(), static_cast<Index>(options.steps) + 1);
        for (Index step = 0; step < near.cols(); ++step) {
            for (Index i = 0; i < input.rows(); ++i) {
                near(i, step) = i % image.width >= step ? input(i - step, j) : static_cast<S>(options.empty);
            }
        }
    };
    const auto neighbours = [](Index i) { return std::pair<Index, Index>(i, i + 1); };
    return detail::compare_maps_nearby<S>("translation_continuity", model, input, target, method, options.steps, inputs,
                                          neighbours, detail::l1_over_l2);
}

/// Max-sensitivity, relative: the greatest ||R(x + e) - R(x)|| / ||R(x)|| over e in a ball. A map of zeros is dropped.
/// Source   Yeh et al. (2019), definition 3.1. Throws and cost as continuity.
template <class Model, class D, class T, class M>
Continuity max_sensitivity(const Model& model, const Eigen::MatrixBase<D>& x, const T& target, const M& method,
                           const NearbyOptions& options = {}) {
    using S = typename D::Scalar;
    const BatchView<S> input(x.derived());
    const auto ratio = [](const Batch<S>& scores, const Batch<S>&, Index a, Index b) {
        const double norm = scores.col(a).template cast<double>().norm();
        const double moved = (scores.col(a) - scores.col(b)).template cast<double>().norm();
        return norm > 0.0 ? moved / norm : std::numeric_limits<double>::quiet_NaN();
    };
    return detail::compare_maps_nearby<S>(
        "max_sensitivity", model, input, target, method, options.draws,
        [&](Index j, Batch<S>& near) { detail::fill_nearby<S>(input, j, options, near); }, detail::first_with_each,
        ratio);
}

/// Local Lipschitz estimate: the greatest ||R(x') - R(x)||_2 / ||x' - x||_2 over x' in a ball.
/// Source   Alvarez-Melis and Jaakkola (2018). Throws and cost as continuity.
template <class Model, class D, class T, class M>
Continuity local_lipschitz(const Model& model, const Eigen::MatrixBase<D>& x, const T& target, const M& method,
                           const NearbyOptions& options = {}) {
    using S = typename D::Scalar;
    const BatchView<S> input(x.derived());
    const auto ratio = [](const Batch<S>& scores, const Batch<S>& near, Index a, Index b) {
        const double apart = (near.col(a) - near.col(b)).template cast<double>().norm();
        const double moved = (scores.col(a) - scores.col(b)).template cast<double>().norm();
        return apart > 0.0 ? moved / apart : std::numeric_limits<double>::quiet_NaN();
    };
    return detail::compare_maps_nearby<S>(
        "local_lipschitz", model, input, target, method, options.draws,
        [&](Index j, Batch<S>& near) { detail::fill_nearby<S>(input, j, options, near); }, detail::first_with_each,
        ratio);
}

}  // namespace renn::inline RENN_ABI
