// SPDX-License-Identifier: MIT
// renn/evaluation/explained.hpp - what metrics ask of a model and of a method: the explained number, and the scores.
//
// All metrics take their arguments in one order: model, x, scores if they are given, target, method if that gives the
// scores, what the metric alone needs (what stands where a feature is taken away, a baseline, an image), options.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

#include <renn/attribution/attribution.hpp>
#include <renn/attribution/baseline.hpp>
#include <renn/attribution/target.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/training/evaluate.hpp>

namespace renn::inline RENN_ABI {

/// The outputs of a model, outputs x n: of a network, or of any callable that takes features x n and returns them.
template <class S, class Model>
Batch<S> outputs_of(const Model& model, const BatchView<S>& x) {
    if constexpr (requires { model.predict(x); }) {
        return model.predict(x);
    } else {
        return model(x);
    }
}

namespace detail {

/// The target of sample j alone, for any number of inputs made of it. What it chooses by the prediction is settled by
/// y, the outputs for the untouched samples: what is explained must not change its meaning while the input is changed.
template <class T, class S>
T target_of(const T& target, const BatchView<S>& y, Index j) {
    if constexpr (requires { T{OutputChoice(target.choice.template of<S>(y, j))}; }) {
        return T{OutputChoice(target.choice.template of<S>(y, j))};
    } else {
        return target;
    }
}
template <class S>
DifferenceTarget target_of(const DifferenceTarget& target, const BatchView<S>& y, Index j) {
    return {OutputChoice(target.a.of<S>(y, j)), OutputChoice(target.b.of<S>(y, j))};
}
template <class V, class S>
DirectionTarget<V> target_of(const DirectionTarget<V>& target, const BatchView<S>& y, Index j) {
    if (target.weights.cols() == 1) return target;
    require_shape("target", "weights on the outputs", target.weights, y.rows(), y.cols());
    return {target.weights.col(j)};
}
template <class T, class S>
PlaceTarget<T> target_of(const PlaceTarget<T>& target, const BatchView<S>& y, Index j) {
    return {target.place, target_of(target.target, y, j)};
}

/// What a target looks at for some samples, and the number it makes of it.
template <class S>
struct Explained {
    Batch<S> outputs;  ///< of the model
    Batch<S> seen;     ///< what the target looks at, if that is inside
    Column<S> value;   ///< one a sample

    BatchView<S> basis() const { return seen.size() > 0 ? seen : outputs; }
};

/// The target with its choice of outputs made, for the same samples changed or another network.
template <class T, class S>
T settled_by(const T& target, const Explained<S>& e) {
    return settle(target, e.basis());
}
template <class T, class S>
PlaceTarget<T> settled_by(const PlaceTarget<T>& target, const Explained<S>& e) {
    return {target.place, settle(target.target, e.basis())};
}

template <class S, class Model, class T>
Explained<S> explained(const Model& model, const BatchView<S>& x, const T& target) {
    Explained<S> e;
    if constexpr (is_place_target<T>) {
        static_assert(
            requires { typename Model::Scalar; }, "renn: a place is inside a network; this is a callable");
        AttributionWorkspace<Model> workspace;
        forward_to(model, x, target, workspace);
        e.value = workspace.value;
        e.seen = std::move(workspace.explained);
        e.outputs = std::move(workspace.pass.output);
    } else {
        e.outputs = outputs_of<S>(model, x);
        if (e.outputs.cols() != x.cols()) {
            raise<ShapeError>("model", "outputs", shape_text(e.outputs.rows(), e.outputs.cols()),
                              "one column a sample, " + std::to_string(x.cols()));
        }
        Batch<S> slope;
        target(BatchView<S>(e.outputs), e.value, slope);
    }
    return e;
}

/// f(x) - f(x0) of each sample, with what the target chooses by the prediction settled at x.
template <class S, class Model, class T>
Column<double> rise_from(const char* where, const Model& model, const BatchView<S>& x, const T& target,
                         const Baseline& baseline) {
    baseline.check(where, x.rows(), x.cols());
    const Explained<S> here = explained<S>(model, x, target);
    Batch<S> x0(x.rows(), x.cols());
    baseline.write(x0);
    const Explained<S> there = explained<S>(model, BatchView<S>(x0), settled_by(target, here));
    return here.value.template cast<double>() - there.value.template cast<double>();
}

/// f(first, e) for `count` inputs of so many features that make(i, column) writes, a few at a time, in order.
template <class S, class Model, class T, class Make, class F>
void explain_each(const Model& model, Index features, Index count, const T& target, Make&& make, F&& f) {
    constexpr Index at_once = 64;
    Batch<S> x(features, std::min(at_once, count));
    for (Index first = 0; first < count; first += at_once) {
        const Index here = std::min(at_once, count - first);
        for (Index i = 0; i < here; ++i) make(first + i, x.col(i));
        f(first, explained<S>(model, BatchView<S>(x.leftCols(here)), target));
    }
}

/// The target's value of each of such inputs.
template <class S, class Model, class T, class Make>
Column<double> values_of(const Model& model, Index features, Index count, const T& target, Make&& make) {
    Column<double> values(count);
    explain_each<S>(model, features, count, target, make, [&](Index first, const Explained<S>& e) {
        values.segment(first, e.value.size()) = e.value.template cast<double>();
    });
    return values;
}

template <class S>
void require_finite_scores(const char* where, const char* what, const BatchView<S>& scores) {
    if (!scores.allFinite()) raise<DataError>(where, what, "NaN or infinite", "finite values");
}

/// Throws ShapeError unless the scores are of x, DataError unless they are finite or without a sample.
template <class S>
void require_scores_of(const char* where, const BatchView<S>& x, const BatchView<S>& scores) {
    require_shape(where, "relevance", scores, x.rows(), x.cols());
    if (x.cols() == 0) raise<DataError>(where, "samples", "0", "1 or more");
    require_finite_scores<S>(where, "relevance", scores);
}

}  // namespace detail

namespace detail {

/// What a method says, of which a callable has scores alone.
template <class S, class Model, class T, class M>
Attribution<S> attribution_of(const Model& model, const BatchView<S>& x, const T& target, const M& method) {
    Attribution<S> result;
    if constexpr (AttributionMethod<M, Model, T>) {
        result = attribute(model, x, target, method);
    } else {
        result.scores = method(model, x, target);
    }
    require_shape("method of attribution", "scores", result.scores, x.rows(), x.cols());
    require_finite_scores<S>("method of attribution", "scores", result.scores);
    return result;
}

}  // namespace detail

/// Scores of a method: an AttributionMethod, or any callable (model, x, target) that returns features x n.
///
/// Throws   as the method; ShapeError if the scores are not of x, DataError if they are not finite.
template <class S, class Model, class T, class M>
Batch<S> scores_of(const Model& model, const BatchView<S>& x, const T& target, const M& method) {
    return detail::attribution_of<S>(model, x, target, method).scores;
}

}  // namespace renn::inline RENN_ABI
