// SPDX-License-Identifier: MIT
// renn/evaluation/localisation.hpp - whether a heatmap points at the thing: a mask of where the cause is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/evaluation/detection.hpp>
#include <renn/evaluation/measurement.hpp>

namespace renn::inline RENN_ABI {

/// Where the cause is: features x n, or features x 1 for all samples; true inside.
using FeatureMask = Eigen::Matrix<bool, Eigen::Dynamic, Eigen::Dynamic>;

namespace detail {

/// f(relevance, inside, features inside) for each sample whose mask is neither empty nor everything.
template <class D, class F>
Measurement inside_mask(const char* where, const Eigen::MatrixBase<D>& relevance, const FeatureMask& mask, const F& f) {
    const Index columns = mask.cols() == 1 ? 1 : relevance.cols();
    require_shape(where, "mask", mask, relevance.rows(), columns);
    if (!relevance.allFinite()) raise<DataError>(where, "relevance", "NaN or infinite", "finite values");
    std::vector<double> each;
    for (Index j = 0; j < relevance.cols(); ++j) {
        const auto inside = mask.col(columns == 1 ? 0 : j);
        const Index count = inside.count();
        const bool says = count > 0 && count < mask.rows();
        const Column<double> r = relevance.col(j).template cast<double>();
        each.push_back(says ? f(r, inside, count) : std::numeric_limits<double>::quiet_NaN());
    }
    return measured(where, std::move(each));
}

}  // namespace detail

// All of them take relevance, features x n, as it is; drop samples whose mask is empty or everything; and throw
// ShapeError for a mask of another shape, DataError for relevance that is not finite or if no sample is left.

/// Share of the positive relevance that lies inside; samples without positive relevance are dropped.
template <class D>
Measurement mass_inside(const Eigen::MatrixBase<D>& relevance, const FeatureMask& mask) {
    return detail::inside_mask("mass_inside", relevance, mask, [](const auto& r, const auto& inside, Index) {
        const double all = r.cwiseMax(0.0).sum();
        const double within = inside.select(r.cwiseMax(0.0), 0.0).sum();
        return all > 0.0 ? within / all : std::numeric_limits<double>::quiet_NaN();
    });
}

/// Pointing game: 1 if the most relevant feature is inside, else 0; of several equal ones the share that is inside.
/// Source   Zhang et al. (2016).
template <class D>
Measurement pointing_game(const Eigen::MatrixBase<D>& relevance, const FeatureMask& mask) {
    return detail::inside_mask("pointing_game", relevance, mask, [](const auto& r, const auto& inside, Index) {
        const auto greatest = (r.array() == r.maxCoeff()).eval();
        return static_cast<double>((greatest && inside.array()).count()) / static_cast<double>(greatest.count());
    });
}

/// Relevance rank accuracy: of the most relevant features, as many as the mask has, the share that is inside. Features
/// equal to the last one share its places.
/// Source   Arras, Osman and Samek (2022).
template <class D>
Measurement rank_accuracy(const Eigen::MatrixBase<D>& relevance, const FeatureMask& mask) {
    return detail::inside_mask("rank_accuracy", relevance, mask, [](const auto& r, const auto& inside, Index count) {
        Column<double> sorted = r;
        std::nth_element(sorted.data(), sorted.data() + count - 1, sorted.data() + sorted.size(), std::greater<>());
        const double last = sorted[count - 1];
        double above = 0.0, above_inside = 0.0, tied = 0.0, tied_inside = 0.0;
        for (Index i = 0; i < r.size(); ++i) {
            above += r[i] > last ? 1.0 : 0.0;
            above_inside += r[i] > last && inside[i] ? 1.0 : 0.0;
            tied += r[i] == last ? 1.0 : 0.0;
            tied_inside += r[i] == last && inside[i] ? 1.0 : 0.0;
        }
        const auto places = static_cast<double>(count);
        return (above_inside + (places - above) * tied_inside / tied) / places;
    });
}

/// Area under the ROC curve of relevance as a score for "inside".
template <class D>
Measurement mask_auroc(const Eigen::MatrixBase<D>& relevance, const FeatureMask& mask) {
    return detail::inside_mask("mask_auroc", relevance, mask, [](const auto& r, const auto& inside, Index) {
        std::vector<bool> positive;
        for (Index i = 0; i < r.size(); ++i) positive.push_back(inside[i]);
        return auroc(std::span<const double>(r.data(), static_cast<std::size_t>(r.size())), positive);
    });
}

}  // namespace renn::inline RENN_ABI
