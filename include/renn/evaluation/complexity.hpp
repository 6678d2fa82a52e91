// SPDX-License-Identifier: MIT
// renn/evaluation/complexity.hpp - over how many features a heatmap is spread.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/evaluation/measurement.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// f(|R| of a sample, their sum) for each sample; a map of zeros has no value.
template <class D, class F>
Measurement of_magnitudes(const char* where, const Eigen::MatrixBase<D>& relevance, const F& f) {
    if (!relevance.allFinite()) raise<DataError>(where, "relevance", "NaN or infinite", "finite values");
    std::vector<double> each;
    for (Index j = 0; j < relevance.cols(); ++j) {
        const Column<double> v = relevance.col(j).template cast<double>().cwiseAbs();
        const double sum = v.sum();
        each.push_back(sum > 0.0 ? f(v, sum) : std::numeric_limits<double>::quiet_NaN());
    }
    return measured(where, std::move(each));
}

}  // namespace detail

// All of them take features x n, drop maps of zeros, and throw DataError for values that are not finite or if no map is
// left.

/// Gini index of |R|: 0 if all features have the same, 1 - 1 / features if one has all.
/// Source   Chalasani et al. (2020).
template <class D>
Measurement sparseness(const Eigen::MatrixBase<D>& relevance) {
    return detail::of_magnitudes("sparseness", relevance, [](Column<double> v, double sum) {
        std::sort(v.data(), v.data() + v.size());
        const auto n = static_cast<double>(v.size());
        double weighted = 0.0;
        for (Index i = 0; i < v.size(); ++i) weighted += (2.0 * static_cast<double>(i + 1) - n - 1.0) * v[i];
        return weighted / (n * sum);
    });
}

/// Entropy of |R| / sum |R| in nats: 0 if one feature has all, log(features) if all have the same.
/// Source   Bhatt et al. (2020), complexity.
template <class D>
Measurement map_entropy(const Eigen::MatrixBase<D>& relevance) {
    return detail::of_magnitudes("map_entropy", relevance, [](const Column<double>& v, double sum) {
        double entropy = 0.0;
        for (const double m : v) entropy -= m > 0.0 ? m / sum * std::log(m / sum) : 0.0;
        return entropy;
    });
}

/// Features with at least a share of the largest |R|.
/// Source   Nguyen and Martinez (2020), effective complexity.
template <class D>
Measurement effective_features(const Eigen::MatrixBase<D>& relevance, double share = 0.01) {
    return detail::of_magnitudes("effective_features", relevance, [share](const Column<double>& v, double) {
        return static_cast<double>((v.array() >= share * v.maxCoeff()).count());
    });
}

}  // namespace renn::inline RENN_ABI
