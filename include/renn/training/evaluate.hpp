// SPDX-License-Identifier: MIT
// renn/training/evaluate.hpp - how well a network does on a data set.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/data/dataset.hpp>
#include <renn/network/layer_sequence.hpp>
#include <renn/training/loss.hpp>

namespace renn::inline RENN_ABI {

/// How well a network does on a data set.
struct Evaluation {
    double loss = 0.0;
    double accuracy = std::numeric_limits<double>::quiet_NaN();  ///< NaN without labels
};

/// Row of the largest output of a sample, the first among equals. A single output is a logit: class 1 if it is above 0.
template <class Derived>
std::int32_t predicted_class(const Eigen::MatrixBase<Derived>& outputs) {
    if (outputs.size() == 1) return outputs[0] > typename Derived::Scalar(0) ? 1 : 0;
    Index best = 0;
    for (Index i = 1; i < outputs.size(); ++i) {
        if (outputs[i] > outputs[best]) best = i;
    }
    return static_cast<std::int32_t>(best);
}

namespace detail {

/// By the first `answer` rows.
template <class S>
Index count_correct(const Batch<S>& outputs, Index answer, std::span<const std::int32_t> labels) {
    Index correct = 0;
    for (std::size_t j = 0; j < labels.size(); ++j) {
        correct += predicted_class(outputs.col(static_cast<Index>(j)).head(answer)) == labels[j];
    }
    return correct;
}

/// Of some samples, or of several times some.
struct BatchMeasures {
    double loss = 0.0;    ///< mean times weight
    double weight = 0.0;  ///< what the mean was divided by: samples, or their class weights
    Index correct = 0;

    void add(const BatchMeasures& more) {
        loss += more.loss;
        weight += more.weight;
        correct += more.correct;
    }
    double mean() const { return weight > 0.0 ? loss / weight : 0.0; }
};

/// A loss that is not finite leaves one that is not.
template <class S, class L>
BatchMeasures measure(const L& loss, const Batch<S>& y, const Targets<S>& targets, Batch<S>& slope) {
    const BatchView<S> outputs(y);
    const double mean = loss(outputs, targets, slope), weight = loss_weight<S>(loss, outputs, targets);
    return {std::isfinite(mean) ? mean * weight : mean, weight,
            count_correct<S>(y, answer_rows(loss, y.rows()), targets.labels)};
}

/// Throws unless the network can be run on the data and its outputs compared with what the data wants.
template <class Net, class S, class L>
void require_trainable(const char* where, const Net& net, const Dataset<S>& data, const L& loss) {
    if (data.empty()) raise<DataError>(where, "samples", "0", "1 or more");
    if (net.in_features() != Dynamic && net.in_features() != data.features()) {
        raise<ShapeError>(where, "features", std::to_string(data.features()),
                          std::to_string(net.in_features()) + ", the network's in_features");
    }
    const Index outputs = net.predict(data.input(0)).rows();
    if constexpr (requires { loss.check(data, outputs); }) {
        loss.check(data, outputs);
    } else if (data.has_targets()) {
        if (data.targets().rows() != outputs) {
            raise<ShapeError>(where, "targets", std::to_string(data.targets().rows()) + " a sample",
                              std::to_string(outputs) + ", the network's outputs");
        }
    } else if (data.has_labels()) {
        const Index classes = outputs == 1 ? 2 : outputs;
        const auto worst = std::max_element(data.labels().begin(), data.labels().end());
        if (static_cast<Index>(*worst) >= classes) {
            raise<DataError>(where, "label of sample " + std::to_string(data.id(worst - data.labels().begin())),
                             std::to_string(*worst), "0.." + std::to_string(classes - 1) + ", the network's outputs");
        }
    } else {
        raise<DataError>(where, "data", "neither labels nor targets", "one of them");
    }
}

}  // namespace detail

/// Loss and accuracy in evaluation mode.
/// Throws   DataError for empty data or labels out of range; ShapeError where data and network do not fit.
template <class Net, class S, Loss<S> L = CrossEntropy>
Evaluation evaluate(const Net& net, const Dataset<S>& data, const L& loss = {}) {
    detail::require_trainable("evaluate", net, data, loss);
    constexpr Index width = 64;
    Workspace<Net> workspace;
    Batch<S> x, slope, wanted;
    detail::BatchMeasures sums;
    for (Index first = 0; first < data.samples(); first += width) {
        const Index count = std::min(width, data.samples() - first);
        data.inputs(first, count, x);
        const Batch<S>& y = net.forward(x, workspace);
        Targets<S> targets;
        if (data.has_labels()) {
            targets.labels = data.labels().subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
        }
        if (data.has_targets()) {
            detail::reshape(wanted, data.targets().rows(), count);
            std::copy_n(data.targets().data() + first * wanted.rows(), wanted.size(), wanted.data());
            targets.values = &wanted;
        }
        sums.add(detail::measure<S>(loss, y, targets, slope));
    }
    Evaluation result{.loss = sums.mean()};
    if (data.has_labels()) result.accuracy = static_cast<double>(sums.correct) / static_cast<double>(data.samples());
    return result;
}

}  // namespace renn::inline RENN_ABI
