// SPDX-License-Identifier: MIT
// renn/evaluation/flipping.hpp - takes features away in the order of their relevance and watches the output fall.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/attribution/target.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/rng.hpp>
#include <renn/core/shape.hpp>
#include <renn/evaluation/explained.hpp>
#include <renn/evaluation/measurement.hpp>
#include <renn/evaluation/removal.hpp>

namespace renn::inline RENN_ABI {

/// Features that are taken away together.
using Regions = std::vector<std::vector<Index>>;

/// Squares of an image, all channels, row after row; those at the right and lower border may be smaller. A side of 1:
/// pixels. Throws DataError for a side below 1 or an image without pixels.
inline Regions square_regions(const Shape& image, Index side) {
    if (side < 1) detail::raise<DataError>("square_regions", "side", std::to_string(side), "1 or more");
    if (image.size() == 0) detail::raise<DataError>("square_regions", "image", image.text(), "one with pixels");
    const Index across = (image.width + side - 1) / side, down = (image.height + side - 1) / side;
    Regions regions(static_cast<std::size_t>(across * down));
    for (Index c = 0; c < image.channels; ++c) {
        for (Index y = 0; y < image.height; ++y) {
            for (Index x = 0; x < image.width; ++x) {
                regions[static_cast<std::size_t>((y / side) * across + x / side)].push_back(image.at(c, y, x));
            }
        }
    }
    return regions;
}

/// In which order features are taken away.
enum class FlipOrder : std::uint8_t { most_relevant_first, least_relevant_first, random };

/// How flip_features takes features away.
struct FlipOptions {
    FlipOrder order = FlipOrder::most_relevant_first;
    Regions regions = {};       ///< empty: each feature by itself
    Index at_once = 1;          ///< regions taken away in a step
    Index steps = 0;            ///< 0: until nothing is left
    bool insert = false;        ///< begin with all taken away, and put them back in this order
    bool only_correct = false;  ///< drop samples for which the model does not predict the explained output
    std::uint64_t seed = 0;     ///< of the random order; each sample has its own
};

/// Regions in the order of a sample's relevance, ties by ascending index: regions x samples. A region's is the sum over
/// its features.
///
/// Throws   ShapeError for a feature that there is not, DataError for relevance that is not finite.
template <class D>
Eigen::Matrix<Index, Eigen::Dynamic, Eigen::Dynamic> flip_order(const Eigen::MatrixBase<D>& relevance,
                                                                const FlipOptions& options = {}) {
    if (!relevance.allFinite()) detail::raise<DataError>("flip_order", "relevance", "NaN or infinite", "finite values");
    const auto n = options.regions.empty() ? relevance.rows() : static_cast<Index>(options.regions.size());
    Eigen::Matrix<Index, Eigen::Dynamic, Eigen::Dynamic> order(n, relevance.cols());
    std::vector<Index> places(static_cast<std::size_t>(n));
    std::vector<double> score(places.size());
    for (Index j = 0; j < relevance.cols(); ++j) {
        for (std::size_t r = 0; r < score.size(); ++r) {
            if (options.regions.empty()) {
                score[r] = static_cast<double>(relevance(static_cast<Index>(r), j));
                continue;
            }
            score[r] = 0.0;
            for (const Index i : options.regions[r]) {
                if (i < 0 || i >= relevance.rows()) {
                    detail::raise<ShapeError>("flip_order", "feature of a region", std::to_string(i),
                                              "0.." + std::to_string(relevance.rows() - 1));
                }
                score[r] += static_cast<double>(relevance(i, j));
            }
        }
        std::iota(places.begin(), places.end(), Index{0});
        if (options.order == FlipOrder::random) {
            Rng rng(mix(options.seed, static_cast<std::uint64_t>(j)));
            shuffle(places, rng);
        } else {
            const double sign = options.order == FlipOrder::most_relevant_first ? 1.0 : -1.0;
            std::stable_sort(places.begin(), places.end(), [&](Index a, Index b) {
                return sign * score[static_cast<std::size_t>(a)] > sign * score[static_cast<std::size_t>(b)];
            });
        }
        std::copy(places.begin(), places.end(), order.col(j).data());
    }
    return order;
}

/// What the output did while features were taken away. Row 0 is the sample as it came (with `insert`: with all taken
/// away). Samples that were dropped are NaN.
struct FlipCurves {
    Batch<double> output;       ///< steps + 1 x samples: the explained output, a logit
    Batch<double> probability;  ///< the same of its softmax probability
    std::size_t dropped = 0;
};

/// Mean over the rows of a curve, untouched input included, of the first row less the row: the area over the
/// perturbation curve (AOPC), larger is better for the most relevant first.
/// Source   Samek et al. (2017), equation 12.
inline Measurement area_over_curve(const Batch<double>& curve) {
    std::vector<double> each;
    for (Index j = 0; j < curve.cols(); ++j) each.push_back((curve(0, j) - curve.col(j).array()).mean());
    return detail::measured("area_over_curve", std::move(each), curve);
}

/// Area under a curve by trapezoids, over 0..1 from its first to its last row.
inline Measurement area_under_curve(const Batch<double>& curve) {
    std::vector<double> each;
    const Index n = curve.rows();
    for (Index j = 0; j < curve.cols(); ++j) {
        const double ends = 0.5 * (curve(0, j) + curve(n - 1, j));
        each.push_back(n == 1 ? curve(0, j) : (curve.col(j).sum() - ends) / static_cast<double>(n - 1));
    }
    return detail::measured("area_under_curve", std::move(each), curve);
}

/// Pixel flipping and region perturbation: removes features step by step in the order of their relevance, which is
/// taken as it is (never made absolute or scaled), and records the explained output and its probability.
///
///     renn::flip_features(net, x, scores, renn::output(labels), renn::RemoveTo(0), {.at_once = 16})
///
/// Shapes   x and relevance: features x n. The model is a network or any callable from features x n to outputs x n;
///          its outputs are logits, or one logit.
/// Throws   ShapeError where shapes do not fit; DataError without samples, for relevance that is not finite, steps or
///          at_once below their least, or if no sample is left.
/// Cost     n (steps + 1) forward passes; a few inputs of memory.
/// Source   Bach et al. (2015); Samek et al. (2017); insert: Petsiuk et al. (RISE, 2018).
template <class Model, class D, class E, class R>
FlipCurves flip_features(const Model& model, const Eigen::MatrixBase<D>& x, const Eigen::MatrixBase<E>& relevance,
                         const OutputTarget& target, const R& removal, const FlipOptions& options = {}) {
    using S = typename D::Scalar;
    static_assert(Removal<R, S>, "renn: this cannot take features away: see Removal in evaluation/removal.hpp");
    constexpr const char* where = "flip_features";
    const Batch<S> scores = relevance.template cast<S>();
    const BatchView<S> input(x.derived());
    detail::require_scores_of<S>(where, input, BatchView<S>(scores));
    if (options.at_once < 1 || options.steps < 0) {
        detail::raise<DataError>(where, options.at_once < 1 ? "at_once" : "steps",
                                 std::to_string(options.at_once < 1 ? options.at_once : options.steps),
                                 options.at_once < 1 ? "1 or more" : "0 (all) or more");
    }
    const auto order = flip_order(relevance, options);
    const Index all = (order.rows() + options.at_once - 1) / options.at_once;
    const Index steps = options.steps == 0 ? all : std::min(all, options.steps);
    const detail::Explained<S> before = detail::explained<S>(model, input, target);

    FlipCurves curves;
    const double no_number = std::numeric_limits<double>::quiet_NaN();
    curves.output.setConstant(steps + 1, input.cols(), no_number);
    curves.probability.setConstant(steps + 1, input.cols(), no_number);
    Removed removed(static_cast<std::size_t>(input.rows()));
    for (Index j = 0; j < input.cols(); ++j) {
        const BatchView<S> y(before.outputs);
        const Index c = target.choice.template of<S>(y, j);
        const std::int32_t predicted = predicted_class(before.outputs.col(j));
        if (options.only_correct && (y.rows() == 1 ? predicted != 1 : predicted != static_cast<std::int32_t>(c))) {
            ++curves.dropped;
            continue;
        }
        std::fill(removed.begin(), removed.end(), options.insert);
        const auto make = [&](Index step, Eigen::Ref<Column<S>> out) {
            const Index first = step == 0 ? 0 : (step - 1) * options.at_once;
            const Index last = std::min(order.rows(), step * options.at_once);
            for (Index r = first; r < last; ++r) {
                const Index region = order(r, j);
                if (options.regions.empty()) {
                    removed[static_cast<std::size_t>(region)] = !options.insert;
                    continue;
                }
                for (const Index i : options.regions[static_cast<std::size_t>(region)]) {
                    removed[static_cast<std::size_t>(i)] = !options.insert;
                }
            }
            removal(Eigen::Ref<const Column<S>>(input.col(j)), removed, j, out);
        };
        const OutputTarget here{OutputChoice(c)};
        detail::explain_each<S>(model, input.rows(), steps + 1, here, make, [&](Index first, const auto& e) {
            Column<S> probability;
            Batch<S> slope;
            ProbabilityTarget{here.choice}(BatchView<S>(e.outputs), probability, slope);
            curves.output.col(j).segment(first, e.value.size()) = e.value.template cast<double>();
            curves.probability.col(j).segment(first, e.value.size()) = probability.template cast<double>();
        });
    }
    if (curves.dropped == static_cast<std::size_t>(input.cols())) {
        detail::raise<DataError>(where, "samples that the model predicts right", "none", "1 or more");
    }
    return curves;
}

}  // namespace renn::inline RENN_ABI
