// SPDX-License-Identifier: MIT
// renn/evaluation/axioms.hpp - four properties that a decomposition of the output may have, checked on your own
// network.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <renn/attribution/attribution.hpp>
#include <renn/attribution/baseline.hpp>
#include <renn/attribution/target.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/rng.hpp>
#include <renn/evaluation/explained.hpp>
#include <renn/evaluation/faithfulness.hpp>
#include <renn/evaluation/measurement.hpp>
#include <renn/evaluation/removal.hpp>

namespace renn::inline RENN_ABI {

/// Whether an axiom held on the samples of the check, and how far it is from holding. One that can be asked of none of
/// them, as positivity where no output is above 0, has no number (NaN) and does not hold.
struct Verdict {
    std::string axiom;
    bool holds = false;
    double number = std::numeric_limits<double>::quiet_NaN();
    std::string meaning;   ///< what the number is, and its limit
    Measurement measured;  ///< the number of each sample
};

/// What check_axioms found.
struct Axioms {
    Verdict conservation, positivity, continuity, selectivity;

    /// One line an axiom, for printing.
    std::string text() const {
        std::string lines;
        for (const Verdict* v : {&conservation, &positivity, &continuity, &selectivity}) {
            std::array<char, 64> start{};
            const char* answer = v->holds ? "yes" : std::isnan(v->number) ? "?" : "no";
            std::snprintf(start.data(), start.size(), "%-12s  %-3s  %10.3g  ", v->axiom.c_str(), answer, v->number);
            lines += start.data() + v->meaning;
            if (v->measured.dropped > 0) lines += " (" + std::to_string(v->measured.dropped) + " samples dropped)";
            lines += '\n';
        }
        return lines;
    }
};

/// Limits of check_axioms.
struct AxiomOptions {
    double conservation = 0.01;             ///< |sum of R - f| / |f| at most; or with f - f(x0) in place of f
    std::optional<Baseline> baseline = {};  ///< x0 of a callable, or in place of what a method says of itself
    double positivity = 1e-6;               ///< part of |R| that is negative at most
    double continuity = 0.01;               ///< jump / mean sum of |R| at most
    int pairs = 20;                         ///< segments a sample that are searched for a jump
    double reach = 0.5;                     ///< of a segment, relative to the norm of the sample
    Regions regions = {};                   ///< for selectivity; empty: each feature by itself
    Index at_once = 1;                      ///< regions taken away in a step
    int repeats = 10;                       ///< random orders
    std::uint64_t seed = 0;
};

namespace detail {

inline std::string limit_text(const char* meaning, double limit) {
    std::array<char, 32> number{};
    std::snprintf(number.data(), number.size(), "%g", limit);
    return std::string(meaning) + ", at most " + number.data();
}

/// What the scores of each sample should sum to.
struct Whole {
    Column<double> values;
    const char* meaning;
};

template <class S, class Model, class T>
Whole whole_of(const Model& model, const BatchView<S>& x, const T& target, const Column<S>& value,
               const Attribution<S>& attribution, const std::optional<Baseline>& baseline) {
    const Column<double> f = value.template cast<double>();
    if (baseline) {
        return {rise_from<S>("check_axioms", model, x, target, *baseline),
                "|sum R - (f - f(x0))| / |f - f(x0)|, greatest"};
    }
    if (attribution.gap.size() == 0) return {f, "|sum R - f| / |f|, greatest"};
    const Batch<double> scores = attribution.scores.template cast<double>();
    const Column<double> own = attribution.gap.template cast<double>() + scores.colwise().sum().transpose();
    const bool of_f = ((own - f).array().abs() <= 1e-3 * f.array().abs()).all();
    return {own, of_f ? "|sum R - f| / |f|, greatest"
                      : "|sum R - what the method starts with (f - f(x0))| / |that|, greatest"};
}

/// The change of a map that is left when segments from each sample are halved, each time into the half where it changes
/// more, until they are 2^-halvings long: 0 of a continuous map, the jump of one that jumps.
template <class S, class Model, class T, class M>
std::vector<double> jumps(const Model& model, const BatchView<S>& x, const T& target, const M& method,
                          const Batch<S>& basis, const AxiomOptions& options) {
    constexpr int halvings = std::is_same_v<S, float> ? 12 : 24;
    std::vector<double> each;
    for (Index j = 0; j < x.cols(); ++j) {
        const T here = target_of(target, BatchView<S>(basis), j);
        Rng rng(mix(options.seed, static_cast<std::uint64_t>(j)));
        Batch<S> a(x.rows(), options.pairs), b(x.rows(), options.pairs);
        const double reach = options.reach * x.col(j).template cast<double>().norm();
        for (Index p = 0; p < a.cols(); ++p) {
            Column<double> direction(x.rows());
            for (Index i = 0; i < x.rows(); ++i) direction[i] = rng.normal();
            const double norm = direction.norm();
            a.col(p) = x.col(j);
            b.col(p) = x.col(j) + (direction * (norm > 0.0 ? reach / norm : 0.0)).template cast<S>();
        }
        Batch<S> at_a = scores_of<S>(model, BatchView<S>(a), here, method);
        Batch<S> at_b = scores_of<S>(model, BatchView<S>(b), here, method);
        const double size = at_a.col(0).template cast<double>().cwiseAbs().sum();
        for (int h = 0; h < halvings; ++h) {
            const Batch<S> middle = S(0.5) * (a + b);
            const Batch<S> between = scores_of<S>(model, BatchView<S>(middle), here, method);
            for (Index p = 0; p < a.cols(); ++p) {
                const bool first =
                    (between.col(p) - at_a.col(p)).cwiseAbs().sum() >= (at_b.col(p) - between.col(p)).cwiseAbs().sum();
                (first ? b : a).col(p) = middle.col(p);
                (first ? at_b : at_a).col(p) = between.col(p);
            }
        }
        const double greatest = (at_b - at_a).template cast<double>().cwiseAbs().colwise().sum().maxCoeff();
        each.push_back(size > 0.0 ? greatest / size : std::numeric_limits<double>::quiet_NaN());
    }
    return each;
}

}  // namespace detail

/// Conservation (sum of R = f, or f - f(x0) of a method with a baseline), positivity (R >= 0 where f >= 0), continuity
/// (no jumps, found by halving segments) and selectivity (flipping the most relevant first falls below random orders by
/// more than two standard errors) of a method, on a network and samples of your own.
///
///     std::cout << renn::check_axioms(net, x, renn::predicted_output(), method, renn::RemoveTo(0)).text();
///
/// What scores should sum to, a method with a gap says itself: f, the difference from its baseline, or whatever else it
/// starts with; of one without and of a callable it is f, or with AxiomOptions::baseline the difference from that. The
/// verdict's meaning tells which it was.
///
/// Shapes   x: features x n. The method is an AttributionMethod, or any callable (net, x, target) -> features x n; the
///          network a network, or any callable that gives outputs.
/// Throws   as the method; ShapeError for a baseline of another shape; DataError without samples or pairs.
/// Cost     n * pairs * 24 maps, and flip_features repeats + 1 times.
/// Source   Montavon, Samek and Mueller (2018); Montavon (2019), "Gradient-based vs. propagation-based explanations".
template <class Model, class D, class M, class R = RemoveTo>
Axioms check_axioms(const Model& net, const Eigen::MatrixBase<D>& x, const OutputTarget& target, const M& method,
                    const R& removal = {}, const AxiomOptions& options = {}) {
    using S = typename D::Scalar;
    constexpr const char* where = "check_axioms";
    const BatchView<S> input(x.derived());
    if (input.cols() == 0) detail::raise<DataError>(where, "samples", "0", "1 or more");
    if (options.pairs < 1) detail::raise<DataError>(where, "pairs", std::to_string(options.pairs), "1 or more");
    const detail::Explained<S> before = detail::explained<S>(net, input, target);
    const OutputTarget same = detail::settled_by(target, before);
    const Attribution<S> attribution = detail::attribution_of<S>(net, input, same, method);
    const Batch<S>& scores = attribution.scores;
    const detail::Whole whole = detail::whole_of<S>(net, input, same, before.value, attribution, options.baseline);

    constexpr double no_number = std::numeric_limits<double>::quiet_NaN();
    std::vector<double> gaps, negative;
    for (Index j = 0; j < input.cols(); ++j) {
        const Column<double> r = scores.col(j).template cast<double>();
        const auto f = static_cast<double>(before.value[j]);
        const double all = r.cwiseAbs().sum();
        const double all_of_it = whole.values[j];
        gaps.push_back(all_of_it != 0.0 ? std::abs(r.sum() - all_of_it) / std::abs(all_of_it) : no_number);
        negative.push_back(f >= 0.0 && all > 0.0 ? (0.0 - r.cwiseMin(0.0).sum()) / all : no_number);
    }
    const auto verdict = [&](const char* axiom, std::vector<double> each, double limit, const char* meaning) {
        Verdict v{axiom, false, no_number, detail::limit_text(meaning, limit), {}};
        for (const double number : each) v.number = std::fmax(v.number, number);  // of NaN and a number the number
        v.holds = v.number <= limit;
        if (std::isnan(v.number)) {
            v.measured.dropped = each.size();
            v.measured.per_sample = std::move(each);
        } else {
            v.measured = detail::measured(where, std::move(each));
        }
        return v;
    };
    Axioms axioms;
    axioms.conservation = verdict("conservation", std::move(gaps), options.conservation, whole.meaning);
    axioms.positivity =
        verdict("positivity", std::move(negative), options.positivity, "negative part of |R|, greatest");
    axioms.continuity = verdict("continuity", detail::jumps<S>(net, input, same, method, before.outputs, options),
                                options.continuity, "jump of R / sum of |R|, greatest");
    Selectivity s =
        selectivity(net, input, scores, same, removal,
                    {.regions = options.regions, .at_once = options.at_once, .seed = options.seed}, options.repeats);
    axioms.selectivity = {"selectivity", s.below_random, s.difference / s.standard_error,
                          "flipping area less that of random orders, in standard errors, less than -2",
                          std::move(s.area)};
    return axioms;
}

}  // namespace renn::inline RENN_ABI
