// SPDX-License-Identifier: MIT
// renn/concepts/tcav.hpp - whether a class's output rises towards a concept, tested against chance.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/attribution/explain.hpp>
#include <renn/concepts/cav.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/rng.hpp>
#include <renn/evaluation/measurement.hpp>
#include <renn/evaluation/significance.hpp>
#include <renn/network/arriving.hpp>
#include <renn/network/gradient.hpp>
#include <renn/network/layer_paths.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

constexpr Index concept_batch = 64;

/// Puts columns into a matrix that gets its height from the first.
template <class S>
void put_columns(Batch<S>& to, Index first, Index all, const BatchView<S>& columns) {
    reshape(to, columns.rows(), all);
    to.middleCols(first, columns.cols()) = columns;
}

}  // namespace detail

/// What one layer puts out for samples, neurons x n. No other layer's values are kept; a few samples pass at a time.
///
/// Throws   DataError for a place that the network does not have.
template <class Net, class D>
Batch<typename Net::Scalar> activations_at(const Net& net, const Eigen::MatrixBase<D>& x, std::string_view place) {
    using S = typename Net::Scalar;
    const BatchView<S> input(x.derived());
    Workspace<Net> workspace;
    Batch<S> part, result;
    for (Index first = 0; first < input.cols(); first += detail::concept_batch) {
        const Index count = std::min(detail::concept_batch, input.cols() - first);
        detail::KeepPlace<S> keep{place, part};
        net.forward(input.middleCols(first, count), workspace, {}, keep);
        if (!keep.found) detail::raise_no_place("activations_at", place, layer_paths(net));
        detail::put_columns<S>(result, first, input.cols(), part);
    }
    return result;
}

/// The derivative of the target by what one layer puts out: neurons x n.
///
/// Throws   as the target; DataError for a place that the network does not have.
template <class Net, class D, class T>
Batch<typename Net::Scalar> gradient_at(const Net& net, const Eigen::MatrixBase<D>& x, const T& target,
                                        std::string_view place) {
    using S = typename Net::Scalar;
    const BatchView<S> input(x.derived());
    AttributionWorkspace<Net> workspace;
    Batch<S> result;
    bool found = input.cols() == 0;
    for (Index first = 0; first < input.cols(); first += detail::concept_batch) {
        const Index count = std::min(detail::concept_batch, input.cols() - first);
        const BatchView<S> here(input.middleCols(first, count));
        forward_to(net, here, target, workspace);
        InputGradient gradient;
        auto rule = watching(gradient, [&](std::string_view path, const auto&, const BatchView<S>& above) {
            if (path != place) return;
            found = true;
            detail::put_columns<S>(result, first, input.cols(), above);
        });
        NotWanted none;
        backward_from(net, here, target, rule, workspace, none);
    }
    if (!found) detail::raise_no_place("gradient_at", place, layer_paths(net));
    return result;
}

/// How a class's output reacts to a step towards a concept.
struct TcavScore {
    double score = 0.0;          ///< share of the samples of which the output rises
    double magnitude = 0.0;      ///< sum of what rises over the sum of |all|; NaN if nothing moves
    Column<double> sensitivity;  ///< gradient . vector, one a sample
};

/// From gradients at a place, neurons x n. Throws ShapeError where the vector does not fit, DataError without samples.
template <class D>
TcavScore tcav_score(const Eigen::MatrixBase<D>& gradients, const ConceptVector& direction) {
    if (gradients.cols() == 0) detail::raise<DataError>("tcav_score", "samples", "0", "1 or more");
    detail::require_shape("tcav_score", "concept vector", direction.vector, gradients.rows(), 1);
    TcavScore s;
    s.sensitivity = gradients.template cast<double>().transpose() * direction.vector;
    s.score = static_cast<double>((s.sensitivity.array() > 0.0).count()) / static_cast<double>(gradients.cols());
    const double all = s.sensitivity.cwiseAbs().sum();
    s.magnitude = all > 0.0 ? s.sensitivity.cwiseMax(0.0).sum() / all : std::numeric_limits<double>::quiet_NaN();
    return s;
}

/// The same for samples of a class: x are inputs of that class, features x n, the target its output.
template <class Net, class D, class T>
TcavScore tcav_score(const Net& net, const Eigen::MatrixBase<D>& x, const T& target, std::string_view place,
                     const ConceptVector& direction) {
    return tcav_score(gradient_at(net, x, target, place), direction);
}

/// Examples of a concept, as inputs.
template <class S>
struct Concept {
    std::string name;
    Batch<S> examples;  ///< features x n
};

/// What TCAV says of one concept at one layer.
struct TcavResult {
    std::string concept_name, place;
    double score = 0.0;           ///< mean over the random sets
    double standard_error = 0.0;  ///< of it
    double magnitude = 0.0;
    std::vector<double> scores;         ///< of the concept against each random set
    std::vector<double> random_scores;  ///< of each random set against the next
    double accuracy = 0.0;              ///< mean held-out accuracy of the concept's vectors
    std::size_t useless = 0;            ///< vectors with an accuracy below 0.6: the concept is not there to be tested
    TTest test;                         ///< scores against random_scores
    double p = 1.0;                     ///< corrected for all concepts and layers tested together (Bonferroni)
    bool significant = false;           ///< p below 0.05, and no useless vector
};

/// TCAV of concepts at layers, against chance: each concept against each random set, each random set against the next
/// one, and Welch's t-test between the two kinds of scores. One layer's activations are held at a time, of the random
/// sets and the concepts; concepts and sets are only read, and may be used in many calls.
///
/// Shapes   x: inputs of the class, features x n; each random set: features x m, 10 sets or more.
/// Throws   DataError for fewer than 10 random sets, no concepts, no places or a place that there is not; as
///          concept_vector.
/// Cost     places * (a pass over every example, one back for x, and (concepts + 1) * sets concept vectors).
/// Source   Kim et al. (2018), section 3.
template <class Net, class D, class T>
std::vector<TcavResult> tcav(const Net& net, const Eigen::MatrixBase<D>& x, const T& target,
                             const std::vector<std::string>& places,
                             const std::vector<Concept<typename Net::Scalar>>& concepts,
                             const std::vector<Batch<typename Net::Scalar>>& random_sets,
                             const ConceptVectorOptions& options = {}) {
    using S = typename Net::Scalar;
    const auto require = [](std::size_t got, std::size_t least, const char* what) {
        if (got < least) {
            detail::raise<DataError>("tcav", what, std::to_string(got), std::to_string(least) + " or more");
        }
    };
    require(random_sets.size(), 10, "random sets");
    require(places.size(), 1, "places");
    require(concepts.size(), 1, "concepts");
    const std::size_t sets = random_sets.size();
    std::vector<TcavResult> results;
    for (const std::string& place : places) {
        const Batch<S> gradients = gradient_at(net, x, target, place);
        std::vector<Batch<S>> random;
        for (const Batch<S>& set : random_sets) random.push_back(activations_at(net, set, place));
        std::vector<double> random_scores;
        for (std::size_t r = 0; r < sets; ++r) {
            const ConceptVector v = concept_vector(random[r], random[(r + 1) % sets], options);
            random_scores.push_back(tcav_score(gradients, v).score);
        }
        for (const Concept<S>& one : concepts) {
            const Batch<S> examples = activations_at(net, one.examples, place);
            TcavResult result;
            result.concept_name = one.name;
            result.place = place;
            result.random_scores = random_scores;
            std::vector<double> magnitudes, accuracies;
            for (const Batch<S>& set : random) {
                const ConceptVector v = concept_vector(examples, set, options);
                const TcavScore s = tcav_score(gradients, v);
                result.scores.push_back(s.score);
                magnitudes.push_back(s.magnitude);
                accuracies.push_back(v.accuracy);
                result.useless += v.useful() ? 0U : 1U;
            }
            result.score = detail::mean_of(result.scores);
            result.standard_error = detail::standard_error_of(result.scores);
            result.magnitude = detail::mean_of(magnitudes);
            result.accuracy = detail::mean_of(accuracies);
            result.test = welch_t_test(result.scores, random_scores);
            results.push_back(std::move(result));
        }
    }
    for (TcavResult& result : results) {
        result.p = bonferroni(result.test.p, results.size());
        result.significant = result.p < 0.05 && result.useless == 0;
    }
    return results;
}

}  // namespace renn::inline RENN_ABI
