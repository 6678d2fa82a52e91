// SPDX-License-Identifier: MIT
// renn/retrace/source_targets.hpp - regression: which targets the sources have, and how much they differ.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/list_view.hpp>
#include <renn/data/dataset.hpp>
#include <renn/retrace/blend.hpp>
#include <renn/retrace/votes.hpp>

namespace renn::inline RENN_ABI {

/// Targets of some sources.
template <class S>
struct SourceTargets {
    Column<S> mean;          ///< sum of w_s t_s: the evidence prediction
    Column<S> spread;        ///< sqrt(sum of w_s (t_s - mean)^2); 0 for one source, which says nothing about certainty
    double effective = 0.0;  ///< 1 / sum of w_s^2: as many sources of equal weight would spread the weight as much
};

/// Weighted mean and spread of the targets of samples, w_s = weight / sum of weights. Added up in double, in order.
///
/// Shapes   weights: one an id.
/// Throws   ShapeError if weights and ids differ in number; DataError for no ids, an unknown one, a negative or
///          infinite weight, or data without targets.
template <class S>
SourceTargets<S> source_targets(ListView<double> weights, ListView<std::uint64_t> ids, const Dataset<S>& data) {
    detail::require_weight_each("source_targets", weights.size(), ids.size());
    detail::require_amounts("source_targets", "weight", weights);
    if (ids.empty()) detail::raise<DataError>("source_targets", "sources", "0", "1 or more");
    if (!data.has_targets()) detail::raise<DataError>("source_targets", "data", "no targets", "one a sample");
    const std::vector<double> parts = detail::parts_of_one(weights);
    const auto target = [&](std::size_t i) {
        return data.targets().col(data.position_of(ids[i])).template cast<double>();
    };
    Column<double> mean = Column<double>::Zero(data.targets().rows()), variance = mean;
    double squares = 0.0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        mean += parts[i] * target(i);
        squares += parts[i] * parts[i];
    }
    for (std::size_t i = 0; i < ids.size(); ++i) variance += parts[i] * (target(i) - mean).cwiseAbs2();
    return {mean.template cast<S>(), variance.cwiseSqrt().template cast<S>(), 1.0 / squares};
}

/// The same by votes: `source_targets(answer.top(42), training)`.
template <class S>
SourceTargets<S> source_targets(std::span<const Source> sources, const Dataset<S>& data) {
    std::vector<std::uint64_t> ids;
    for (const Source& s : sources) ids.push_back(s.id);
    return source_targets<S>(vote_weights(sources), ids, data);
}

}  // namespace renn::inline RENN_ABI
