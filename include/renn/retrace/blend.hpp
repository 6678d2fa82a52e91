// SPDX-License-Identifier: MIT
// renn/retrace/blend.hpp - one vector out of many sources: what a neuron, a layer or the network "sees".
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/list_view.hpp>
#include <renn/data/dataset.hpp>
#include <renn/retrace/retrace.hpp>
#include <renn/retrace/votes.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

inline void require_amounts(const char* where, const char* what, std::span<const double> amounts) {
    for (std::size_t i = 0; i < amounts.size(); ++i) {
        if (amounts[i] >= 0.0 && std::isfinite(amounts[i])) continue;
        raise<DataError>(where, std::string(what) + " " + std::to_string(i), std::to_string(amounts[i]),
                         "a finite value, 0 or more");
    }
}

/// amounts / sum; equal parts if they are all 0. Divided by the largest first, so that no sum overflows.
inline std::vector<double> parts_of_one(std::span<const double> amounts) {
    const double largest = amounts.empty() ? 0.0 : *std::max_element(amounts.begin(), amounts.end());
    std::vector<double> parts(amounts.size(), 1.0);
    double sum = 0.0;
    for (std::size_t i = 0; i < amounts.size(); ++i) {
        if (largest > 0.0) parts[i] = amounts[i] / largest;
        sum += parts[i];
    }
    for (double& part : parts) part /= sum;
    return parts;
}

inline std::vector<double> distances_of(std::span<const Neighbour> neighbours) {
    std::vector<double> distances;
    distances.reserve(neighbours.size());
    for (const Neighbour& n : neighbours) distances.push_back(n.distance);
    return distances;
}

}  // namespace detail

/// Weights of a layer's or the network's sources, w_s = votes_s / sum of votes: they add to 1 for any number of
/// sources. Without any votes all weights are equal.
///
/// Throws   DataError for a negative or infinite number of votes.
inline std::vector<double> vote_weights(std::span<const double> votes) {
    detail::require_amounts("vote_weights", "votes of source", votes);
    return detail::parts_of_one(votes);
}
/// The same from the votes of sources.
inline std::vector<double> vote_weights(std::span<const Source> sources) {
    std::vector<double> votes;
    votes.reserve(sources.size());
    for (const Source& s : sources) votes.push_back(s.votes);
    return vote_weights(votes);
}

/// Weights of one neuron's K neighbours by distance, w_i = (1 - D_i / sum D) / (K - 1): they add to 1. If all distances
/// are 0 the weights are equal; a single neighbour has weight 1.
///
/// Throws   DataError for a negative or infinite distance.
inline std::vector<double> distance_weights(std::span<const double> distances) {
    detail::require_amounts("distance_weights", "distance", distances);
    std::vector<double> weights = detail::parts_of_one(distances);
    if (weights.size() < 2) return weights;
    for (double& w : weights) w = (1.0 - w) / static_cast<double>(weights.size() - 1);
    return weights;
}
/// The same from the distances of neighbours.
inline std::vector<double> distance_weights(std::span<const Neighbour> neighbours) {
    return distance_weights(detail::distances_of(neighbours));
}

/// The original's weights of one neuron, (1 - D_i / sum D) / K: they add to (K - 1) / K, and to 0 for one neighbour or
/// where all distances are 0. For comparison with it only; distance_weights is right.
inline std::vector<double> original_distance_weights(std::span<const double> distances) {
    detail::require_amounts("original_distance_weights", "distance", distances);
    const bool all_zero = std::all_of(distances.begin(), distances.end(), [](double d) { return d == 0.0; });
    if (all_zero) return std::vector<double>(distances.size(), 0.0);
    std::vector<double> weights = detail::parts_of_one(distances);
    for (double& w : weights) w = (1.0 - w) / static_cast<double>(weights.size());
    return weights;
}
/// The same from the distances of neighbours.
inline std::vector<double> original_distance_weights(std::span<const Neighbour> neighbours) {
    return original_distance_weights(detail::distances_of(neighbours));
}

/// What is left of weights when sources are laid over each other one by one, image = (1 - w) image + w source, as the
/// original does from black: w_i times the product of (1 - w_j) over all later j. They add to less than 1; the rest
/// stays black. For comparison with the original only.
inline std::vector<double> sequential_weights(std::span<const double> weights) {
    std::vector<double> effective(weights.begin(), weights.end());
    double seen = 1.0;
    for (std::size_t i = effective.size(); i-- > 0;) {
        effective[i] *= seen;
        seen *= 1.0 - weights[i];
    }
    return effective;
}

/// Sum of w_i times column i of any vectors: inputs, targets, activations. Added up in double, in order.
///
/// Shapes   weights: one a column; the result has the columns' length.
/// Throws   ShapeError if weights and columns differ in number.
template <class D>
Column<typename D::Scalar> blend(ListView<double> weights, const Eigen::MatrixBase<D>& vectors) {
    using S = typename D::Scalar;
    static_assert(std::floating_point<S>,
                  "renn::blend: bytes or whole numbers cannot hold a blend; use .cast<float>()");
    if (static_cast<Index>(weights.size()) != vectors.cols()) {
        detail::raise<ShapeError>("blend", "weights", std::to_string(weights.size()),
                                  std::to_string(vectors.cols()) + ", one a column");
    }
    Column<double> sum = Column<double>::Zero(vectors.rows());
    for (Index i = 0; i < vectors.cols(); ++i) {
        sum += weights[static_cast<std::size_t>(i)] * vectors.col(i).template cast<double>();
    }
    return sum.template cast<S>();
}

namespace detail {

inline void require_weight_each(const char* where, std::size_t weights, std::size_t ids) {
    if (weights == ids) return;
    raise<ShapeError>(where, "weights", std::to_string(weights), std::to_string(ids) + ", one an id");
}

}  // namespace detail

/// Blend of the inputs with these ids: for pictures, the image that a neuron, a layer or the network "sees".
///
/// Shapes   weights: one an id; the result has the data set's features.
/// Throws   ShapeError if weights and ids differ in number, DataError for an unknown id.
template <class S>
Column<S> blend(ListView<double> weights, ListView<std::uint64_t> ids, const Dataset<S>& data) {
    detail::require_weight_each("blend", weights.size(), ids.size());
    Column<double> sum = Column<double>::Zero(data.features());
    for (std::size_t i = 0; i < ids.size(); ++i) sum += weights[i] * data.input_of(ids[i]).template cast<double>();
    return sum.template cast<S>();
}

/// Blend of the targets with these ids or, without targets, of the labels as one-hot vectors: the weights that each
/// class got.
///
/// Shapes   weights: one an id; the result has the targets' rows, else one entry a class.
/// Throws   ShapeError if weights and ids differ in number, DataError for an unknown id or data with neither targets
///          nor labels.
template <class S>
Column<S> blend_targets(ListView<double> weights, ListView<std::uint64_t> ids, const Dataset<S>& data) {
    detail::require_weight_each("blend_targets", weights.size(), ids.size());
    if (!data.has_targets() && !data.has_labels()) {
        detail::raise<DataError>("blend_targets", "data", "neither targets nor labels", "one of them");
    }
    Column<double> sum = Column<double>::Zero(data.has_targets() ? data.targets().rows() : data.classes());
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const Index position = data.position_of(ids[i]);
        if (data.has_targets()) {
            sum += weights[i] * data.targets().col(position).template cast<double>();
        } else {
            sum[data.label(position)] += weights[i];
        }
    }
    return sum.template cast<S>();
}

/// Blend of recorded activations of one place: what its neurons "remember", to be held against the query's own.
/// `blend_activations(weights, ids, traced.index(), "relu1")`; a channel in several dimensions gives their mean.
///
/// Shapes   weights: one an id; the result has one entry a recorded unit.
/// Throws   ShapeError if weights and ids differ in number, DataError for an unknown id or place.
template <class I>
Column<typename I::Scalar> blend_activations(ListView<double> weights, ListView<std::uint64_t> ids, const I& index,
                                             std::string_view place) {
    detail::require_weight_each("blend_activations", weights.size(), ids.size());
    const auto& points = index.store().points;
    const auto point = std::find_if(points.begin(), points.end(), [&](const Point& p) { return p.name == place; });
    if (point == points.end()) {
        detail::raise_unknown("blend_activations", "place", place, points, [](const Point& p) { return p.name; });
    }
    Column<double> sum = Column<double>::Zero(point->count());
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const auto sample = static_cast<std::uint32_t>(index.store().position_of(ids[i]));
        for (Index u = 0; u < sum.size(); ++u) {
            const Unit unit{static_cast<std::uint32_t>(point - points.begin()), static_cast<std::uint32_t>(u)};
            sum[u] += weights[i] * static_cast<double>(index.value(unit, sample));
        }
    }
    return sum.template cast<typename I::Scalar>();
}

/// Blend of sources by their votes: `blend(answer.top(42), training)`.
template <class S>
Column<S> blend(std::span<const Source> sources, const Dataset<S>& data) {
    std::vector<std::uint64_t> ids;
    for (const Source& s : sources) ids.push_back(s.id);
    return blend(vote_weights(sources), ids, data);
}

/// Blend of one neuron's neighbours by their distances: `blend(answer.neuron("dense2", 7), training)`.
template <class S>
Column<S> blend(const NeuronSources& neuron, const Dataset<S>& data) {
    std::vector<std::uint64_t> ids;
    for (const Neighbour& n : neuron.neighbours) ids.push_back(n.id);
    return blend(distance_weights(neuron.neighbours), ids, data);
}

}  // namespace renn::inline RENN_ABI
