// SPDX-License-Identifier: MIT
// renn/evaluation/faithfulness.hpp - whether what a heatmap calls relevant is what the model uses.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <renn/attribution/baseline.hpp>
#include <renn/attribution/target.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/rng.hpp>
#include <renn/evaluation/explained.hpp>
#include <renn/evaluation/flipping.hpp>
#include <renn/evaluation/measurement.hpp>
#include <renn/evaluation/removal.hpp>
#include <renn/evaluation/similarity.hpp>

namespace renn::inline RENN_ABI {

/// Flipping in the order of relevance against a random one.
struct Selectivity {
    Measurement area;         ///< under the output's curve, most relevant first
    Measurement random_area;  ///< the same in random orders, each sample's mean over the repeats
    double difference = 0.0;  ///< mean over samples of area - random_area: below 0 is better than chance
    double standard_error = 0.0;
    bool below_random = false;  ///< by more than two standard errors
};

/// Whether the output falls faster than by chance: the least that a heatmap must do.
///
/// Throws   as flip_features; DataError for fewer than one repeat.
/// Cost     1 + repeats times flip_features.
template <class Model, class D, class E, class R>
Selectivity selectivity(const Model& model, const Eigen::MatrixBase<D>& x, const Eigen::MatrixBase<E>& relevance,
                        const OutputTarget& target, const R& removal, FlipOptions options = {}, int repeats = 5) {
    if (repeats < 1) detail::raise<DataError>("selectivity", "repeats", std::to_string(repeats), "1 or more");
    Selectivity s;
    options.order = FlipOrder::most_relevant_first;
    s.area = area_under_curve(flip_features(model, x, relevance, target, removal, options).output);
    options.order = FlipOrder::random;
    const std::uint64_t seed = options.seed;
    Batch<double> sum;
    for (int r = 0; r < repeats; ++r) {
        options.seed = mix(seed, static_cast<std::uint64_t>(r));
        const Batch<double> curve = flip_features(model, x, relevance, target, removal, options).output;
        if (r == 0) {
            sum = curve;
        } else {
            sum += curve;
        }
    }
    s.random_area = area_under_curve(sum / static_cast<double>(repeats));
    std::vector<double> differences;
    for (std::size_t i = 0; i < s.area.per_sample.size(); ++i) {
        differences.push_back(s.area.per_sample[i] - s.random_area.per_sample[i]);
    }
    s.difference = detail::mean_of(differences);
    s.standard_error = detail::standard_error_of(differences);
    s.below_random = s.difference < -2.0 * s.standard_error;
    return s;
}

/// Areas under the probability's curves.
struct InsertionDeletion {
    Measurement insertion;  ///< most relevant put back first: larger is better
    Measurement deletion;   ///< most relevant taken away first: smaller is better
};

/// Insertion and deletion, each with its own removal: usually a blur and a value.
/// Source   Petsiuk et al. (RISE, 2018). Cost and throws as flip_features, twice.
template <class Model, class D, class E, class RI, class RD>
InsertionDeletion insertion_deletion(const Model& model, const Eigen::MatrixBase<D>& x,
                                     const Eigen::MatrixBase<E>& relevance, const OutputTarget& target,
                                     const RI& before_insertion, const RD& deletion, FlipOptions options = {}) {
    InsertionDeletion result;
    options.order = FlipOrder::most_relevant_first;
    options.insert = true;
    result.insertion =
        area_under_curve(flip_features(model, x, relevance, target, before_insertion, options).probability);
    options.insert = false;
    result.deletion = area_under_curve(flip_features(model, x, relevance, target, deletion, options).probability);
    return result;
}

/// Options of sensitivity_n.
struct SubsetOptions {
    int draws = 100;
    std::uint64_t seed = 0;
};

/// Faithfulness correlation for subsets of each of some sizes: takes random subsets of the features away and correlates
/// (Pearson) the relevance in them with what the target loses; 1 for a heatmap whose relevance adds up. A sample of
/// which the sums or the losses are all alike has no correlation at that size.
///
/// Result   curve: sizes x samples; per_sample: mean over the sizes.
/// Throws   as flip_features; DataError for no size, a size that is not in 1..features, fewer than 3 draws, or if no
///          sample has a correlation.
/// Cost     samples * sizes * draws forward passes.
/// Source   Bhatt et al. (2020), faithfulness correlation (one size); Ancona et al. (2018), sensitivity-n.
template <class Model, class D, class E, class T, class R>
Measurement sensitivity_n(const Model& model, const Eigen::MatrixBase<D>& x, const Eigen::MatrixBase<E>& relevance,
                          const T& target, const R& removal, const std::vector<Index>& sizes,
                          const SubsetOptions& options = {}) {
    using S = typename D::Scalar;
    constexpr const char* where = "sensitivity_n";
    const Batch<S> scores = relevance.template cast<S>();
    const BatchView<S> input(x.derived());
    detail::require_scores_of<S>(where, input, BatchView<S>(scores));
    if (sizes.empty()) detail::raise<DataError>(where, "sizes", "none", "1 or more");
    if (options.draws < 3) detail::raise<DataError>(where, "draws", std::to_string(options.draws), "3 or more");
    const detail::Explained<S> before = detail::explained<S>(model, input, target);
    const BatchView<S> basis(before.basis());
    const Index features = input.rows();
    Batch<double> curve(static_cast<Index>(sizes.size()), input.cols());
    std::vector<double> each;
    std::vector<Index> order(static_cast<std::size_t>(features));
    for (Index j = 0; j < input.cols(); ++j) {
        const T here = detail::target_of(target, basis, j);
        for (Index k = 0; k < curve.rows(); ++k) {
            const Index size = sizes[static_cast<std::size_t>(k)];
            if (size < 1 || size > features) {
                detail::raise<DataError>(where, "size of a subset", std::to_string(size),
                                         "1.." + std::to_string(features));
            }
            Rng rng(mix(mix(options.seed, static_cast<std::uint64_t>(j)), static_cast<std::uint64_t>(k)));
            std::iota(order.begin(), order.end(), Index{0});
            Column<double> sums = Column<double>::Zero(options.draws);
            Removed removed;
            const auto make = [&](Index draw, Eigen::Ref<Column<S>> out) {
                removed.assign(order.size(), false);
                for (std::size_t i = 0; i < static_cast<std::size_t>(size); ++i) {
                    std::swap(order[i], order[i + rng.below(order.size() - i)]);
                    removed[static_cast<std::size_t>(order[i])] = true;
                    sums[draw] += static_cast<double>(scores(order[i], j));
                }
                removal(Eigen::Ref<const Column<S>>(input.col(j)), removed, j, out);
            };
            const Column<double> values = detail::values_of<S>(model, features, options.draws, here, make);
            const Column<double> losses = static_cast<double>(before.value[j]) - values.array();
            curve(k, j) = pearson_correlation(sums, losses);
        }
        const Column<double> own = curve.col(j);
        each.push_back(detail::mean_of(std::vector<double>(own.data(), own.data() + own.size())));
    }
    return detail::measured(where, std::move(each), std::move(curve));
}

/// |sum of R - (f(x) - f(x0))|: what is missing of completeness, against a baseline x0.
///
/// Throws   ShapeError where shapes do not fit, DataError for relevance or a baseline that is not finite.
template <class Model, class D, class E, class T>
Measurement completeness_gap(const Model& model, const Eigen::MatrixBase<D>& x, const Eigen::MatrixBase<E>& relevance,
                             const T& target, const Baseline& baseline) {
    using S = typename D::Scalar;
    constexpr const char* where = "completeness_gap";
    const Batch<S> scores = relevance.template cast<S>();
    const BatchView<S> input(x.derived());
    detail::require_scores_of<S>(where, input, BatchView<S>(scores));
    const Column<double> rise = detail::rise_from<S>(where, model, input, target, baseline);
    std::vector<double> each;
    for (Index j = 0; j < input.cols(); ++j) {
        each.push_back(std::abs(scores.col(j).template cast<double>().sum() - rise[j]));
    }
    return detail::measured(where, std::move(each));
}

/// A class and its probability.
struct RankedClass {
    Index output = 0;
    double probability = 0.0;
};

/// What covering the most relevant region of a sample did.
struct Closure {
    Index region = 0;                 ///< the one covered
    std::vector<RankedClass> before;  ///< the most probable classes, first the largest
    std::vector<RankedClass> after;
};

/// Closure test: covers each sample's most relevant region and predicts again. Of an explanation that holds, the class
/// loses its place or much of its probability.
///
/// Throws   as flip_features; DataError without regions or classes to tell.
template <class Model, class D, class E, class R>
std::vector<Closure> closure_test(const Model& model, const Eigen::MatrixBase<D>& x,
                                  const Eigen::MatrixBase<E>& relevance, const Regions& regions, const R& removal,
                                  Index classes = 5) {
    using S = typename D::Scalar;
    constexpr const char* where = "closure_test";
    const Batch<S> scores = relevance.template cast<S>();
    const BatchView<S> input(x.derived());
    detail::require_scores_of<S>(where, input, BatchView<S>(scores));
    if (regions.empty()) detail::raise<DataError>(where, "regions", "none", "1 or more");
    if (classes < 1) detail::raise<DataError>(where, "classes", std::to_string(classes), "1 or more");
    const auto order = flip_order(relevance, {.regions = regions});
    const auto ranked = [&](const Batch<S>& y) {
        Column<S> p(y.rows());
        detail::probabilities<S>(BatchView<S>(y), 0, p);
        std::vector<RankedClass> all;
        for (Index c = 0; c < y.rows(); ++c) all.push_back({c, static_cast<double>(p[c])});
        std::stable_sort(all.begin(), all.end(),
                         [](const auto& a, const auto& b) { return a.probability > b.probability; });
        if (static_cast<Index>(all.size()) > classes) all.resize(static_cast<std::size_t>(classes));
        return all;
    };
    std::vector<Closure> result;
    for (Index j = 0; j < input.cols(); ++j) {
        Removed removed(static_cast<std::size_t>(input.rows()));
        for (const Index i : regions[static_cast<std::size_t>(order(0, j))])
            removed[static_cast<std::size_t>(i)] = true;
        Column<S> covered(input.rows());
        removal(Eigen::Ref<const Column<S>>(input.col(j)), removed, j, Eigen::Ref<Column<S>>(covered));
        result.push_back({order(0, j), ranked(outputs_of<S>(model, BatchView<S>(input.col(j)))),
                          ranked(outputs_of<S>(model, BatchView<S>(covered)))});
    }
    return result;
}

}  // namespace renn::inline RENN_ABI
