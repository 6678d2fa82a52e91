// SPDX-License-Identifier: MIT
// renn/evaluation/linear_datamodelling.hpp - whether scores of training samples foretell what retraining does.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/evaluation/measurement.hpp>
#include <renn/evaluation/similarity.hpp>

namespace renn::inline RENN_ABI {

/// Linear datamodelling score of each query, and over all of them.
struct DatamodellingScore {
    std::vector<double> per_query;  ///< in [-1, 1]; NaN where every subset has the same sum or output
    std::size_t undefined = 0;      ///< how many of them are NaN
    double mean = 0.0;              ///< of the others; NaN without any
    double standard_error = 0.0;    ///< of the mean over queries; NaN for fewer than two
};

/// Linear datamodelling score: scores that say how much each training sample s supports a query t foretell the output
/// o_m(t) of a model retrained on subset m alone by the sum over s in m of score(s, t); the score is Spearman's
/// correlation of the sums with the outputs over the subsets, 1 being a perfect forecast of their order and 0 none.
/// Sums are compared in steps of 1e-9 of the largest, so that rounding parts no equal ones.
///
/// Shapes   scores: training samples x queries, larger is more supportive; subsets: positions of training samples;
///          outputs: subsets x queries, such as the log probability of the query's class.
/// Throws   ShapeError for other shapes, DataError for fewer than two subsets, a position that is no training sample,
///          or values that are not finite.
/// Cost     O(queries * (positions in all subsets)).
/// Source   Park et al., TRAK (2023), definition 2.3; Ilyas et al., Datamodels (2022).
inline DatamodellingScore linear_datamodelling_score(const BatchView<double>& scores,
                                                     std::span<const std::vector<Index>> subsets,
                                                     const BatchView<double>& outputs) {
    constexpr const char* where = "linear_datamodelling_score";
    const auto count = static_cast<Index>(subsets.size());
    if (count < 2) detail::raise<DataError>(where, "subsets", std::to_string(count), "2 or more");
    if (outputs.rows() != count || outputs.cols() != scores.cols()) {
        detail::raise<ShapeError>(where, "outputs", detail::shape_text(outputs.rows(), outputs.cols()),
                                  detail::shape_text(count, scores.cols()) + ", subsets x queries");
    }
    if (!scores.allFinite()) detail::raise<DataError>(where, "scores", "NaN or infinite", "finite values");
    for (const auto& subset : subsets) {
        for (const Index s : subset) {
            if (s >= 0 && s < scores.rows()) continue;
            detail::raise<DataError>(where, "position in a subset", std::to_string(s),
                                     "0.." + std::to_string(scores.rows() - 1));
        }
    }
    DatamodellingScore result;
    Column<double> forecast(count);
    for (Index q = 0; q < scores.cols(); ++q) {
        for (Index m = 0; m < count; ++m) {
            forecast[m] = 0.0;
            for (const Index s : subsets[static_cast<std::size_t>(m)]) forecast[m] += scores(s, q);
        }
        const double largest = forecast.cwiseAbs().maxCoeff();
        if (largest > 0.0) forecast = (forecast / largest * 1e9).array().round();
        const double here = spearman_correlation(forecast, outputs.col(q));
        result.per_query.push_back(here);
        result.undefined += std::isnan(here) ? 1U : 0U;
    }
    result.mean = detail::mean_of(result.per_query);
    result.standard_error = detail::standard_error_of(result.per_query);
    return result;
}

}  // namespace renn::inline RENN_ABI
