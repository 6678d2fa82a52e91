// SPDX-License-Identifier: MIT
// renn/evaluation/measurement.hpp - what a metric of explanations says: one number, one a sample, the curve behind it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI {

/// A metric over samples. Samples for which it has no meaning (an explanation of zeros has no order) are dropped, and
/// counted; they never pass for a value of 0.
struct Measurement {
    double score = std::numeric_limits<double>::quiet_NaN();           ///< mean over the samples that count
    double standard_error = std::numeric_limits<double>::quiet_NaN();  ///< of the score; NaN for fewer than two
    std::vector<double> per_sample;                                    ///< NaN: dropped
    Batch<double> curve;                                               ///< points x samples; empty if there is none
    std::size_t dropped = 0;
};

namespace detail {

/// The sum in order, of the values that count, and their number.
inline std::pair<double, double> sum_and_count(const std::vector<double>& values) {
    double sum = 0.0, count = 0.0;
    for (const double v : values) {
        if (std::isnan(v)) continue;
        sum += v;
        count += 1.0;
    }
    return {sum, count};
}

/// Mean of the values that are not NaN; NaN without any.
inline double mean_of(const std::vector<double>& values) {
    const auto [sum, count] = sum_and_count(values);
    return count > 0.0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
}

/// Standard error of that mean; NaN for fewer than two values.
inline double standard_error_of(const std::vector<double>& values) {
    const auto [sum, count] = sum_and_count(values);
    if (count < 2.0) return std::numeric_limits<double>::quiet_NaN();
    double squares = 0.0;
    for (const double v : values) squares += std::isnan(v) ? 0.0 : (v - sum / count) * (v - sum / count);
    return std::sqrt(squares / (count - 1.0) / count);
}

/// Throws DataError if no sample is left: a metric of nothing is no number.
inline Measurement measured(const char* where, std::vector<double> per_sample, Batch<double> curve = {}) {
    Measurement m;
    m.score = mean_of(per_sample);
    m.standard_error = standard_error_of(per_sample);
    m.dropped = static_cast<std::size_t>(
        std::count_if(per_sample.begin(), per_sample.end(), [](double v) { return std::isnan(v); }));
    if (m.dropped == per_sample.size()) {
        raise<DataError>(where, "samples left",
                         "0 of " + std::to_string(per_sample.size()) + " (the others have no value of this metric)",
                         "1 or more");
    }
    m.per_sample = std::move(per_sample);
    m.curve = std::move(curve);
    return m;
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
