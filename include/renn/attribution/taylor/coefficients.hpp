// SPDX-License-Identifier: MIT
// renn/attribution/taylor/coefficients.hpp - which inputs, and which pairs of them, a network's answers depend on over
// a whole data set.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/attribution/gradient.hpp>
#include <renn/attribution/second_derivatives.hpp>
#include <renn/attribution/smoothed.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>
#include <renn/core/error.hpp>
#include <renn/core/feature_statistics.hpp>
#include <renn/core/finite.hpp>

namespace renn::inline RENN_ABI {

/// In what units an input counts. Coefficients are comparable only if all inputs have the same spread.
enum class TaylorInputs : std::uint8_t {
    in_deviations,  ///< in standard deviations: derivatives are multiplied by them
    standardised,   ///< as given, which has to be mean 0 and deviation 1
    as_given        ///< as given, whatever it is
};

/// How Taylor coefficients are taken; all of it may be left out.
struct TaylorOptions {
    int order = 2;  ///< 1: derivatives alone; 2: pairs of inputs too
    TaylorInputs inputs = TaylorInputs::in_deviations;
    std::vector<std::pair<Index, Index>> pairs = {};  ///< for second order; none: every pair, of at most 64 inputs
    std::vector<std::string> names = {};              ///< of the inputs; none: "x1", "x2", ...
    std::vector<double> quantiles = {};               ///< of the absolute values; none: 0.05, 0.25, 0.5, 0.75, 0.95
    double tolerance = 0.1;                           ///< of `standardised`: how far mean and deviation may be off
    Index batch = 256;                                ///< samples that go through the network together
};

/// One term of the expansion, over a data set. Its value at a sample is df/dx_i, 1/2 d2f/dx_i^2 or, as both equal terms
/// together, d2f/dx_i dx_j.
struct TaylorCoefficient {
    std::string name = {};              ///< "x1", "x1,x2"
    std::vector<Index> variables = {};  ///< one or two inputs, ascending
    int order = 1;                      ///< of the derivative
    double value = 0.0;                 ///< mean of the absolute values: the metric
    double error = 0.0;                 ///< its standard error
    double mean = 0.0;                  ///< with signs: which way
    std::vector<double> quantiles = {};
    bool constant = false;  ///< of an input that never changes: 0, and not ranked
};

/// The coefficients of a network over a data set: of every input, then of every pair.
struct TaylorCoefficients {
    std::vector<TaylorCoefficient> terms = {};
    Batch<double> samples = {};  ///< terms x samples, with signs
    std::vector<std::string> warnings = {};

    /// Throws DataError if there is no term of this name.
    Index place_of(std::string_view name) const {
        const auto at = std::find_if(terms.begin(), terms.end(), [&](const auto& t) { return t.name == name; });
        if (at != terms.end()) return at - terms.begin();
        detail::raise<DataError>("TaylorCoefficients", "term", '"' + std::string(name) + '"',
                                 "one of the " + std::to_string(terms.size()) + " there are");
    }
    /// \copydoc place_of
    const TaylorCoefficient& operator[](std::string_view name) const {
        return terms[static_cast<std::size_t>(place_of(name))];
    }
};

namespace detail {

inline std::vector<std::pair<Index, Index>> taylor_pairs(const TaylorOptions& options, Index features) {
    if (options.order < 1 || options.order > 2) {
        raise<DataError>("taylor_coefficients", "order", std::to_string(options.order), "1 or 2");
    }
    if (options.order == 1) return {};
    std::vector<std::pair<Index, Index>> pairs = options.pairs;
    for (auto& [i, j] : pairs) {
        if (i < 0 || j < 0 || i >= features || j >= features) {
            raise<DataError>("taylor_coefficients", "pair", std::to_string(i) + ", " + std::to_string(j),
                             "inputs 0.." + std::to_string(features - 1));
        }
        if (i > j) std::swap(i, j);
    }
    if (!pairs.empty()) return pairs;
    if (features > 64) {
        raise<DataError>("taylor_coefficients", "inputs", std::to_string(features),
                         "at most 64 for every pair; of more, chosen `pairs`, or order = 1");
    }
    for (Index i = 0; i < features; ++i) {
        for (Index j = i; j < features; ++j) pairs.emplace_back(i, j);
    }
    return pairs;
}

inline std::vector<TaylorCoefficient> taylor_terms(const std::vector<std::pair<Index, Index>>& pairs,
                                                   const TaylorOptions& options, Index features,
                                                   const FeatureStatistics& inputs) {
    const auto& names = options.names;
    if (!names.empty() && static_cast<Index>(names.size()) != features) {
        raise<ShapeError>("taylor_coefficients", "names", std::to_string(names.size()),
                          std::to_string(features) + ", one an input");
    }
    const auto name = [&](Index i) {
        return names.empty() ? "x" + std::to_string(i + 1) : names[static_cast<std::size_t>(i)];
    };
    const auto constant = [&](Index i) -> bool { return inputs.constant(i); };
    std::vector<TaylorCoefficient> terms;
    for (Index i = 0; i < features; ++i) {
        terms.push_back({.name = name(i), .variables = {i}, .constant = constant(i)});
    }
    for (const auto& [i, j] : pairs) {
        terms.push_back({.name = name(i) + "," + name(j),
                         .variables = i == j ? std::vector{i} : std::vector{i, j},
                         .order = 2,
                         .constant = constant(i) || constant(j)});
    }
    return terms;
}

/// The target of some of all samples; one that cannot be parted is the same for every sample.
template <class T>
T part_of(const T& target, Index first, Index count, Index all) {
    if constexpr (PartedTarget<T>) {
        return target.part(first, count, all);
    } else {
        return target;
    }
}

/// What each term's derivative is multiplied by: the term's own 1/2 and the deviations.
inline Column<double> taylor_factors(const std::vector<std::pair<Index, Index>>& pairs, const TaylorOptions& options,
                                     const FeatureStatistics& inputs) {
    const Index features = inputs.mean.size();
    if (options.inputs == TaylorInputs::standardised) {
        for (Index i = 0; i < features; ++i) {
            if (inputs.constant(i)) continue;
            if (std::abs(inputs.mean[i]) <= options.tolerance &&
                std::abs(inputs.deviation[i] - 1.0) <= options.tolerance)
                continue;
            raise<DataError>(
                "taylor_coefficients", "input " + std::to_string(i + 1),
                "mean " + std::to_string(inputs.mean[i]) + ", deviation " + std::to_string(inputs.deviation[i]),
                "0 and 1 to within " + std::to_string(options.tolerance) + "; or TaylorInputs::in_deviations");
        }
    }
    Column<double> unit =
        options.inputs == TaylorInputs::in_deviations ? inputs.deviation : Column<double>::Ones(features).eval();
    for (Index i = 0; i < features; ++i) unit[i] = inputs.constant(i) ? 0.0 : unit[i];
    Column<double> factors(features + static_cast<Index>(pairs.size()));
    factors.head(features) = unit;
    Index at = features;
    for (const auto& [i, j] : pairs) factors[at++] = unit[i] * unit[j] * (i == j ? 0.5 : 1.0);
    return factors;
}

/// Value, error, mean and quantiles of a term from its values at the samples.
inline void summarise(TaylorCoefficient& term, const Column<double>& values, const std::vector<double>& quantiles) {
    static constexpr double usual[] = {0.05, 0.25, 0.5, 0.75, 0.95};
    const auto n = static_cast<double>(values.size());
    std::vector<double> sorted(static_cast<std::size_t>(values.size()));
    std::transform(values.begin(), values.end(), sorted.begin(), [](double v) { return std::abs(v); });
    std::sort(sorted.begin(), sorted.end());
    term.value = canonical::sum(sorted.data(), values.size()) / n;
    term.mean = canonical::sum(values.data(), values.size()) / n;
    double squares = 0.0;
    for (const double v : sorted) squares += (v - term.value) * (v - term.value);
    if (n > 1.0) term.error = std::sqrt(squares / (n - 1.0) / n);
    for (const double q : quantiles.empty() ? std::span(usual) : std::span(quantiles)) {
        if (!(q >= 0.0 && q <= 1.0)) raise<DataError>("taylor_coefficients", "quantile", std::to_string(q), "0..1");
        const double place = q * (n - 1.0), below = std::floor(place);
        const auto at = static_cast<std::size_t>(below);
        const double next = sorted[std::min(at + 1, sorted.size() - 1)];
        term.quantiles.push_back(sorted[at] + (place - below) * (next - sorted[at]));
    }
}

}  // namespace detail

/// Taylor coefficients of first and second order of what a network says, over a data set: t(i) = mean |df/dx_i|,
/// t(i,i) = mean |1/2 d2f/dx_i^2|, t(i,j) = mean |d2f/dx_i dx_j|. They tell which inputs, and which correlations of two
/// inputs, the answers rest on. Of a probability even a linear logit has second order, by the bend of the softmax.
///
///     const auto t = renn::taylor_coefficients(net, x, renn::probability(0));
///     t["x1,x2"].value
///
/// Shapes   x: features x n.
/// Throws   as the target; DataError for no samples, more than 64 inputs without chosen pairs, inputs that are not
///          standardised where that is asked for, second order of a network that is straight but for kinks and has none
///          (see smoothed()), derivatives that are not finite.
/// Cost     a gradient, and with second order two more for each input, of every sample; memory 8 bytes a term and
///          sample.
/// Source   Wunsch et al. (2018), "Identifying the relevant dependencies of the neural network response on
///          characteristics of the input space".
template <class Net, class T>
TaylorCoefficients taylor_coefficients(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                                       const TaylorOptions& options = {}) {
    using S = typename Net::Scalar;
    const Index d = x.rows(), n = x.cols();
    if (options.batch < 1) {
        detail::raise<DataError>("taylor_coefficients", "batch", std::to_string(options.batch), "1 or more");
    }
    const auto pairs = detail::taylor_pairs(options, d);
    const FeatureStatistics inputs = detail::statistics_of<S>("taylor_coefficients", x);
    const Column<double> factors = detail::taylor_factors(pairs, options, inputs);
    TaylorCoefficients result{.terms = detail::taylor_terms(pairs, options, d, inputs)};
    result.samples.resize(factors.size(), n);

    SecondDerivativeWorkspace<Net> workspace;
    Batch<S> first, second;
    InputGradient rule;
    for (Index begin = 0; begin < n; begin += options.batch) {
        const Index count = std::min(options.batch, n - begin);
        const auto part = x.middleCols(begin, count);
        const auto here = detail::part_of(target, begin, count, n);
        if (pairs.empty()) {
            forward_to(net, part, here, workspace.first);
        } else {
            second_derivatives(net, part, here, pairs, workspace, second);
        }
        backward_from(net, part, here, rule, workspace.first, first);
        result.samples.block(0, begin, d, count) = first.template cast<double>();
        if (!pairs.empty()) result.samples.block(d, begin, second.rows(), count) = second.template cast<double>();
    }
    if (!detail::all_finite(result.samples)) {
        detail::raise<DataError>("taylor_coefficients", "derivatives", "NaN or infinite", "finite values");
    }
    result.samples.array().colwise() *= factors.array();

    const bool kinked = !pairs.empty() && detail::has_layers_that_bend(net, detail::Bend::kinked);
    if (kinked && !detail::has_layers_that_bend(net, detail::Bend::smooth) &&
        result.samples.bottomRows(std::ssize(pairs)).isZero(0.0)) {
        detail::raise<DataError>("taylor_coefficients", "second order",
                                 "a piecewise linear function, which has none: every second derivative is 0",
                                 "a smooth one: smoothed(net), with softplus in place of ReLU; or order = 1");
    }
    if (kinked) {
        result.warnings.emplace_back(
            "kinks (ReLU, max pooling) count as straight: second order has nothing of them, see smoothed()");
    }
    const auto still = (result.samples.topRows(d).array() == 0.0).colwise().all().count();
    if (still > 0) {
        result.warnings.push_back(std::to_string(still) + " of " + std::to_string(n) +
                                  " samples have no gradient at all: units that are dead or saturated");
    }
    for (std::size_t t = 0; t < result.terms.size(); ++t) {
        detail::summarise(result.terms[t], result.samples.row(static_cast<Index>(t)), options.quantiles);
    }
    return result;
}

}  // namespace renn::inline RENN_ABI
