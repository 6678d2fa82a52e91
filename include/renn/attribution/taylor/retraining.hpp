// SPDX-License-Identifier: MIT
// renn/attribution/taylor/retraining.hpp - what a network is worth with fewer inputs: trained again on a selection,
// without each input in turn, or given one input shuffled.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/rng.hpp>
#include <renn/data/dataset.hpp>
#include <renn/data/split.hpp>
#include <renn/evaluation/detection.hpp>
#include <renn/training/evaluate.hpp>
#include <renn/training/fit.hpp>

namespace renn::inline RENN_ABI {

/// Approximate median significance of s signal events over b background events.
/// Throws   DataError for a negative number.
/// Source   Adam-Bourdarios et al. (2014), the Higgs challenge: sqrt(2 ((s + b + r) ln(1 + s / (b + r)) - s)), r = 10.
inline double approximate_median_significance(double s, double b, double regularisation = 10.0) {
    if (!(s >= 0.0 && b >= 0.0 && b + regularisation > 0.0)) {
        detail::raise<DataError>("approximate_median_significance", "events",
                                 std::to_string(s) + " over " + std::to_string(b), "none negative");
    }
    const double below = b + regularisation;
    return std::sqrt(std::max(0.0, 2.0 * ((s + below) * std::log1p(s / below) - s)));
}

/// How good a classifier is on a data set.
struct ClassifierQuality {
    double accuracy = 0.0;
    double auc = std::numeric_limits<double>::quiet_NaN();  ///< area under the ROC curve; NaN unless of two classes
    double ams = std::numeric_limits<double>::quiet_NaN();  ///< best over all thresholds, a sample being an event
};

/// Mean and standard deviation over runs.
struct Spread {
    double mean = 0.0, deviation = 0.0;
};

namespace detail {

inline Spread spread_of(const std::vector<double>& values) {
    const auto n = static_cast<double>(values.size());
    Spread s{std::accumulate(values.begin(), values.end(), 0.0) / n, 0.0};
    for (const double v : values) s.deviation += (v - s.mean) * (v - s.mean);
    s.deviation = values.size() > 1 ? std::sqrt(s.deviation / (n - 1.0)) : 0.0;
    return s;
}

/// Best significance of "above a threshold" over all thresholds between different scores.
inline double best_significance(std::span<const double> scores, const std::vector<bool>& positive) {
    std::vector<std::size_t> order = by_score(scores);
    std::reverse(order.begin(), order.end());
    double s = 0.0, b = 0.0, best = 0.0;
    for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
        end = end_of_group(scores, order, begin);
        for (std::size_t i = begin; i < end; ++i) (positive[order[i]] ? s : b) += 1.0;
        best = std::max(best, approximate_median_significance(s, b));
    }
    return best;
}

/// For networks with one output, the logit of class 1, or one output a class.
template <class Net, class S>
ClassifierQuality quality(const Net& net, const Batch<S>& x, std::span<const std::int32_t> labels) {
    const Batch<S> y = net.predict(x);
    std::vector<double> scores;
    std::vector<bool> positive;
    std::size_t right = 0;
    for (Index j = 0; j < y.cols(); ++j) {
        const std::int32_t label = labels[static_cast<std::size_t>(j)];
        right += predicted_class(y.col(j)) == label ? 1U : 0U;
        scores.push_back(static_cast<double>(y.rows() == 1 ? y(0, j) : y(1, j) - y(0, j)));
        positive.push_back(label == 1);
    }
    ClassifierQuality q{.accuracy = static_cast<double>(right) / static_cast<double>(y.cols())};
    const auto positives = std::count(positive.begin(), positive.end(), true);
    if (y.rows() <= 2 && positives > 0 && positives < std::ssize(positive)) {
        q.auc = auroc(scores, positive);
        q.ams = best_significance(scores, positive);
    }
    return q;
}

}  // namespace detail

/// Accuracy and, for two classes, AUC and AMS of a network with one output (the logit of class 1) or one a class.
/// Throws   DataError for data without samples or labels; ShapeError if it does not fit the network.
template <class Net, class S>
ClassifierQuality classifier_quality(const Net& net, const Dataset<S>& data) {
    detail::require_labelled("classifier_quality", data);
    return detail::quality<Net, S>(net, data.inputs(), data.labels());
}

/// A data set with some of its inputs alone, in the order given.
/// Throws   DataError for an input that there is not.
template <class S>
Dataset<S> with_inputs(const Dataset<S>& data, const std::vector<Index>& inputs) {
    const Batch<S> all = data.inputs();
    Batch<S> some(static_cast<Index>(inputs.size()), all.cols());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (inputs[i] < 0 || inputs[i] >= all.rows()) {
            detail::raise<DataError>("with_inputs", "input", std::to_string(inputs[i]),
                                     "0.." + std::to_string(all.rows() - 1));
        }
        some.row(static_cast<Index>(i)) = all.row(inputs[i]);
    }
    auto description = data.description();
    description.image = {};
    return Dataset<S>(std::move(some), std::move(description));
}

/// How networks are trained again.
struct RetrainingOptions {
    FitOptions fit = {};                    ///< the seed is that of the run
    std::vector<std::uint64_t> seeds = {};  ///< a network each; none: 1, 2, 3, 4 and 5
    double validation = 0.25;  ///< part of the training data that is kept for early stopping, where `fit` has it
};

namespace detail {

inline std::span<const std::uint64_t> seeds_of(const RetrainingOptions& options) {
    static constexpr std::uint64_t usual[] = {1, 2, 3, 4, 5};
    return options.seeds.empty() ? std::span(usual) : std::span(options.seeds);
}

}  // namespace detail

/// Networks trained on the same inputs with different seeds, measured on the test set.
struct Retraining {
    std::vector<Index> inputs;
    std::vector<ClassifierQuality> runs = {};  ///< one a seed

    Spread accuracy() const { return over_runs(&ClassifierQuality::accuracy); }
    Spread auc() const { return over_runs(&ClassifierQuality::auc); }
    Spread ams() const { return over_runs(&ClassifierQuality::ams); }

private:
    Spread over_runs(double ClassifierQuality::*measure) const {
        std::vector<double> values;
        for (const ClassifierQuality& run : runs) values.push_back(run.*measure);
        return detail::spread_of(values);
    }
};

/// Trains a network for each seed on these inputs alone. `make(inputs, seed)` returns one for so many inputs.
///
/// Throws   DataError for no inputs or data without labels; as fit and make.
/// Cost     a training run a seed.
template <class S, class Make>
Retraining retrain(const Dataset<S>& train, const Dataset<S>& test, const std::vector<Index>& inputs, Make&& make,
                   const RetrainingOptions& options = {}) {
    detail::require_labelled("retrain", test);
    if (inputs.empty()) detail::raise<DataError>("retrain", "inputs", "0", "1 or more");
    const Dataset<S> of_train = with_inputs(train, inputs), of_test = with_inputs(test, inputs);
    Retraining result{.inputs = inputs};
    for (const std::uint64_t seed : detail::seeds_of(options)) {
        auto net = make(static_cast<Index>(inputs.size()), seed);
        FitOptions fit_options = options.fit;
        fit_options.seed = seed;
        if (fit_options.early_stopping.active()) {
            const auto parts = train_test_split(of_train, {.test = options.validation, .seed = seed});
            fit(net, parts.train, parts.test, fit_options);
        } else {
            fit(net, of_train, fit_options);
        }
        result.runs.push_back(classifier_quality(net, of_test));
    }
    return result;
}

/// The same network with all inputs and with a selection.
struct RetrainingComparison {
    Retraining all, selected;
};

/// Whether a selection of inputs, such as variables(t, select(t)), is worth as much as all of them.
/// \copydetails retrain
template <class S, class Make>
RetrainingComparison retrain_and_compare(const Dataset<S>& train, const Dataset<S>& test,
                                         const std::vector<Index>& selected, Make&& make,
                                         const RetrainingOptions& options = {}) {
    std::vector<Index> all(static_cast<std::size_t>(train.features()));
    std::iota(all.begin(), all.end(), Index{0});
    return {retrain(train, test, all, make, options), retrain(train, test, selected, make, options)};
}

/// What is lost without an input, or with it shuffled: mean and spread of the drops over runs.
struct InputImportance {
    Index input = 0;
    Spread accuracy, auc;
};

/// The networks with all inputs, and the drop without each.
struct LeaveOneOut {
    Retraining all;
    std::vector<InputImportance> drops = {};  ///< one an input

    /// What these say and what they do not.
    static constexpr std::string_view caution =
        "Each retraining finds another function: a drop says what can be learnt without the input, not what the "
        "network with it does. Of two inputs that say the same, neither is missed.";
};

/// Trains again without each input in turn, with the same seeds and options, and compares seed by seed.
///
/// Throws   as retrain; DataError for fewer than 5 seeds or 2 inputs: a drop without its spread says nothing.
/// Cost     (inputs + 1) seeds training runs.
template <class S, class Make>
LeaveOneOut leave_one_out(const Dataset<S>& train, const Dataset<S>& test, Make&& make,
                          const RetrainingOptions& options = {}) {
    if (const std::size_t seeds = detail::seeds_of(options).size(); seeds < 5) {
        detail::raise<DataError>("leave_one_out", "seeds", std::to_string(seeds), "5 or more");
    }
    if (train.features() < 2) {
        detail::raise<DataError>("leave_one_out", "inputs", std::to_string(train.features()), "2 or more");
    }
    std::vector<Index> inputs(static_cast<std::size_t>(train.features()));
    std::iota(inputs.begin(), inputs.end(), Index{0});
    LeaveOneOut result{.all = retrain(train, test, inputs, make, options)};
    for (const Index left_out : inputs) {
        std::vector<Index> others;
        std::copy_if(inputs.begin(), inputs.end(), std::back_inserter(others), [&](Index i) { return i != left_out; });
        const Retraining without = retrain(train, test, others, make, options);
        std::vector<double> accuracy, auc;
        for (std::size_t r = 0; r < without.runs.size(); ++r) {
            accuracy.push_back(result.all.runs[r].accuracy - without.runs[r].accuracy);
            auc.push_back(result.all.runs[r].auc - without.runs[r].auc);
        }
        result.drops.push_back({left_out, detail::spread_of(accuracy), detail::spread_of(auc)});
    }
    return result;
}

/// The network as it is, and the drop with each input shuffled.
struct PermutationImportance {
    ClassifierQuality all;
    std::vector<InputImportance> drops = {};  ///< one an input

    /// What these say and what they do not.
    static constexpr std::string_view caution =
        "A shuffled input makes samples that the data does not have: where inputs are correlated, the drop is "
        "partly what the network says of them.";
};

/// What a trained network loses if the values of one input are dealt to the samples anew. No retraining.
///
/// Throws   DataError for data without samples or labels, or no repeats; ShapeError if it does not fit the network.
/// Cost     inputs times repeats evaluations.
/// Source   Breiman (2001).
template <class Net, class S>
PermutationImportance permutation_importance(const Net& net, const Dataset<S>& data, int repeats = 5,
                                             std::uint64_t seed = 0) {
    detail::require_labelled("permutation_importance", data);
    if (repeats < 1) {
        detail::raise<DataError>("permutation_importance", "repeats", std::to_string(repeats), "1 or more");
    }
    PermutationImportance result{.all = classifier_quality(net, data)};
    Batch<S> x = data.inputs();
    std::vector<Index> order(static_cast<std::size_t>(x.cols()));
    for (Index i = 0; i < x.rows(); ++i) {
        const Eigen::Matrix<S, 1, Eigen::Dynamic> kept = x.row(i);
        std::vector<double> accuracy, auc;
        for (int r = 0; r < repeats; ++r) {
            std::iota(order.begin(), order.end(), Index{0});
            Rng rng(mix(mix(seed, static_cast<std::uint64_t>(i)), static_cast<std::uint64_t>(r)));
            shuffle(order, rng);
            for (Index s = 0; s < x.cols(); ++s) x(i, s) = kept[order[static_cast<std::size_t>(s)]];
            const ClassifierQuality q = detail::quality<Net, S>(net, x, data.labels());
            accuracy.push_back(result.all.accuracy - q.accuracy);
            auc.push_back(result.all.auc - q.auc);
        }
        x.row(i) = kept;
        result.drops.push_back({i, detail::spread_of(accuracy), detail::spread_of(auc)});
    }
    return result;
}

}  // namespace renn::inline RENN_ABI
