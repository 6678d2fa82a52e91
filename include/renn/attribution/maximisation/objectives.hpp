// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/objectives.hpp - what to look for in a network: neurons, channels, layers, classes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include <renn/attribution/maximisation/objective.hpp>
#include <renn/attribution/target.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/list_view.hpp>
#include <renn/core/rng.hpp>
#include <renn/core/shape.hpp>

namespace renn::inline RENN_ABI::maximisation {

/// log softmax(y)_c = y_c - log sum of exp y; of a single output, log(1 / (1 + exp(-y))).
struct LogProbabilityTarget {
    OutputChoice choice;

    /// See Target.
    template <class S>
    void operator()(const BatchView<S>& y, Column<S>& value, Batch<S>& slope) const {
        detail::shape_target<S>(y, value, slope);
        for (Index j = 0; j < y.cols(); ++j) {
            const Index c = choice.of<S>(y, j);
            auto p = slope.col(j);
            detail::probabilities<S>(y, j, p);
            if (y.rows() == 1) {
                value[j] = std::min(y(0, j), S(0)) - std::log1p(std::exp(-std::abs(y(0, j))));
                p[0] = S(1) - p[0];
                continue;
            }
            const S top = y.col(j).maxCoeff();
            value[j] = y(c, j) - top - std::log((y.col(j).array() - top).exp().sum());
            p *= S(-1);
            p[c] += S(1);
        }
    }
};

/// The mean over positions of one of so many channels.
struct ChannelTarget {
    Index channel = 0, channels = 1;

    /// See Target.
    template <class S>
    void operator()(const BatchView<S>& y, Column<S>& value, Batch<S>& slope) const {
        if (channel < 0 || channel >= channels || y.rows() % channels != 0) {
            detail::raise<DataError>(
                "channel", "channel",
                std::to_string(channel) + " of " + std::to_string(channels) + ", of " + std::to_string(y.rows()),
                "one of the channels, which divide the units");
        }
        detail::shape_target<S>(y, value, slope);
        const Index positions = y.rows() / channels;
        slope.setZero();
        slope.middleRows(channel * positions, positions).setConstant(S(1) / static_cast<S>(positions));
        value = y.middleRows(channel * positions, positions).colwise().mean().transpose();
    }
};

/// The mean of all squares: whatever a layer sees, more of it.
/// Source   "DeepDream", Mordvintsev, Olah, Tyka (2015).
struct SquaresTarget {
    /// See Target.
    template <class S>
    void operator()(const BatchView<S>& y, Column<S>& value, Batch<S>& slope) const {
        detail::shape_target<S>(y, value, slope);
        slope = y * (S(2) / static_cast<S>(std::max<Index>(y.rows(), 1)));
        value = S(0.5) * y.cwiseProduct(slope).colwise().sum().transpose();
    }
};

/// v . a max(0.1, cos(v, a))^power, a the channels at one position: with `power` 0 the dot product, with 1 or 2 nearer
/// to the direction itself. The mean over positions, or one alone.
/// Source   Olah, Mordvintsev, Schubert (2017), "Feature visualization"; lucid.
struct CosineTarget {
    Column<double> direction = {};  ///< one value a channel
    double power = 0.0;
    Index position = -1;  ///< row after row; -1: all

    /// See Target.
    template <class S>
    void operator()(const BatchView<S>& y, Column<S>& value, Batch<S>& slope) const {
        const Index channels = direction.size(), positions = channels == 0 ? 0 : y.rows() / channels;
        if (channels == 0 || y.rows() != channels * positions) {
            detail::raise<ShapeError>("direction", "channels", std::to_string(channels),
                                      "a divisor of " + std::to_string(y.rows()) + ", the units");
        }
        if (position >= positions) {
            detail::raise<DataError>("direction", "position", std::to_string(position),
                                     "0.." + std::to_string(positions - 1));
        }
        detail::shape_target<S>(y, value, slope);
        slope.setZero();
        const double length = direction.norm(), part = position < 0 ? 1.0 / static_cast<double>(positions) : 1.0;
        for (Index j = 0; j < y.cols(); ++j) {
            double sum = 0.0;
            const Index from = std::max<Index>(position, 0), upto = position < 0 ? positions : position + 1;
            for (Index p = from; p < upto; ++p) sum += part * add<S>(y, j, p, positions, length, part, slope);
            value[j] = static_cast<S>(sum);
        }
    }

private:
    /// With D = v.a, k = max(0.1, D / (|v||a|)): value D k^n, slope v k^n + n D k^(n-1) (v / (|v||a|) - D a /
    /// (|v||a|^3)).
    template <class S>
    double add(const BatchView<S>& y, Index j, Index p, Index positions, double length, double part,
               Batch<S>& slope) const {
        double dot = 0.0, squares = 0.0;
        for (Index c = 0; c < direction.size(); ++c) {
            const auto a = static_cast<double>(y(c * positions + p, j));
            dot += direction[c] * a;
            squares += a * a;
        }
        const double both = length * std::sqrt(squares), cosine = both > 0.0 ? dot / both : 0.0;
        const double sharp = std::max(0.1, cosine), factor = std::pow(sharp, power);
        const double bend = power != 0.0 && cosine > 0.1 ? power * dot * std::pow(sharp, power - 1.0) : 0.0;
        for (Index c = 0; c < direction.size(); ++c) {
            double by = direction[c] * factor;
            if (bend != 0.0) {
                by += bend *
                      (direction[c] / both - dot * static_cast<double>(y(c * positions + p, j)) / (both * squares));
            }
            slope(c * positions + p, j) += static_cast<S>(part * by);
        }
        return dot * factor;
    }
};

/// Minus the root of the mean squared difference to given values, one column for all pictures or one for each.
struct DifferenceToTarget {
    Batch<double> wanted;

    /// See Target. At the values themselves the slope is 0.
    template <class S>
    void operator()(const BatchView<S>& y, Column<S>& value, Batch<S>& slope) const {
        detail::require_shape("difference_to", "values", wanted, y.rows(), wanted.cols() == 1 ? 1 : y.cols());
        detail::shape_target<S>(y, value, slope);
        for (Index j = 0; j < y.cols(); ++j) {
            slope.col(j) = y.col(j) - wanted.col(wanted.cols() == 1 ? 0 : j).template cast<S>();
            const S rows = static_cast<S>(std::max<Index>(y.rows(), 1));
            const S root = std::sqrt(slope.col(j).squaredNorm() / rows);
            value[j] = -root;
            if (root > S(0)) slope.col(j) *= S(-1) / (root * rows);
        }
    }
};

/// An output as it is, log softmax(y)_c, and softmax(y)_c, which can also rise because other classes fall: prefer the
/// logarithm.
inline Objective<OutputTarget> logit(std::int64_t c) {
    return on_outputs(output(c));
}
/// \copydoc logit(std::int64_t)
inline Objective<LogProbabilityTarget> log_probability(std::int64_t c) {
    return on_outputs(LogProbabilityTarget{OutputChoice(c)});
}
/// \copydoc logit(std::int64_t)
inline Objective<ProbabilityTarget> class_probability(std::int64_t c) {
    return on_outputs(probability(c));
}

/// A class of its own for each picture of a batch.
inline Objective<OutputTarget> logit(ListView<std::int32_t> each) {
    return on_outputs(output(each));
}
/// \copydoc logit(ListView<std::int32_t>)
inline Objective<LogProbabilityTarget> log_probability(ListView<std::int32_t> each) {
    return on_outputs(LogProbabilityTarget{OutputChoice(each)});
}

/// Unit `unit` of a layer. Name the layer before an activation: behind a ReLU an inactive unit has no gradient.
inline Objective<OutputTarget> neuron(std::string layer, std::int64_t unit) {
    return on_layer(std::move(layer), output(unit));
}
/// Of a layer that puts out images: a channel in the middle, or at a position.
inline Objective<OutputTarget> neuron(std::string layer, const Shape& shape, Index channel) {
    return neuron(std::move(layer), shape.at(channel, shape.height / 2, shape.width / 2));
}
/// \copydoc neuron(std::string, const Shape&, Index)
inline Objective<OutputTarget> neuron(std::string layer, const Shape& shape, Index channel, Index y, Index x) {
    return neuron(std::move(layer), shape.at(channel, y, x));
}
/// See ChannelTarget.
inline Objective<ChannelTarget> channel(std::string layer, Index channel, Index channels) {
    return on_layer(std::move(layer), ChannelTarget{channel, channels});
}
/// See SquaresTarget.
inline Objective<SquaresTarget> deep_dream(std::string layer) {
    return on_layer(std::move(layer), SquaresTarget{});
}
/// See CosineTarget.
inline Objective<CosineTarget> along(std::string layer, const Column<double>& direction, double power = 0.0,
                                     Index position = -1) {
    return on_layer(std::move(layer), CosineTarget{direction, power, position});
}
/// A direction of length 1 drawn evenly: the control for directions that are said to mean something.
inline Column<double> random_direction(Index channels, std::uint64_t seed) {
    Rng rng(seed);
    Column<double> v(channels);
    for (double& value : v) value = rng.normal();
    return v.normalized();
}
/// What a layer puts out, times what it put out for a reference (units x 1, or one column a picture): the reference
/// overdone.
template <class S>
Objective<DirectionTarget<S>> caricature(std::string layer, const Batch<S>& reference) {
    return on_layer(std::move(layer), direction(reference));
}
/// A picture for which a layer puts out what it put out for a reference. See DifferenceToTarget.
template <class S>
Objective<DifferenceToTarget> inversion(std::string layer, const Batch<S>& reference) {
    return on_layer(std::move(layer), DifferenceToTarget{reference.template cast<double>()});
}
/// Near a given picture. See DifferenceToTarget.
template <class D>
Objective<DifferenceToTarget> difference_to(const Eigen::MatrixBase<D>& picture) {
    return on_picture(DifferenceToTarget{picture.template cast<double>()});
}

}  // namespace renn::inline RENN_ABI::maximisation
