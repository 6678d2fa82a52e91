// SPDX-License-Identifier: MIT
// renn/evaluation/significance.hpp - whether a difference is more than chance: bootstrap, paired comparison, Welch.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <numbers>
#include <span>
#include <string>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/core/rng.hpp>
#include <renn/evaluation/measurement.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// log Gamma(x) for x > 0 by Stirling's series above 10; std::lgamma is not made for several threads.
inline double log_gamma(double x) {
    const int steps = x < 10.0 ? static_cast<int>(10.0 - x) + 1 : 0;
    double below = 0.0;
    for (int i = 0; i < steps; ++i) below += std::log(x + i);
    const double z = x + steps, y = 1.0 / (z * z);
    const double series = (1.0 / 12.0 - y * (1.0 / 360.0 - y * (1.0 / 1260.0 - y / 1680.0))) / z;
    return (z - 0.5) * std::log(z) - z + 0.5 * std::log(2.0 * std::numbers::pi) + series - below;
}

/// Incomplete beta function I_x(a, b) by its continued fraction. Source: Press et al., Numerical Recipes, 6.4 (Lentz).
inline double incomplete_beta(double a, double b, double x) {
    if (x <= 0.0 || x >= 1.0) return x <= 0.0 ? 0.0 : 1.0;
    if (x > (a + 1.0) / (a + b + 2.0)) return 1.0 - incomplete_beta(b, a, 1.0 - x);
    const double front =
        std::exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * std::log(x) + b * std::log1p(-x)) / a;
    constexpr double tiny = 1e-300;
    const auto guarded = [](double v) { return std::abs(v) < tiny ? tiny : v; };
    double c = 1.0, d = 1.0 / guarded(1.0 - (a + b) * x / (a + 1.0)), fraction = d;
    for (int i = 1; i < 1000; ++i) {
        const double m = i;
        const double even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        double step = 1.0;
        for (const double term : {even, odd}) {
            d = 1.0 / guarded(1.0 + term * d);
            c = guarded(1.0 + term / c);
            step = c * d;
            fraction *= step;
        }
        if (std::abs(step - 1.0) < 1e-15) break;
    }
    return front * fraction;
}

inline void require_values(const char* where, const char* what, std::span<const double> values, std::size_t least) {
    if (values.size() < least) {
        raise<DataError>(where, what, std::to_string(values.size()), std::to_string(least) + " or more");
    }
    for (const double v : values) {
        if (!std::isfinite(v)) raise<DataError>(where, what, "NaN or infinite", "finite values");
    }
}

}  // namespace detail

/// Where a mean probably lies.
struct Interval {
    double low = 0.0, high = 0.0;
};

/// Percentile bootstrap of the mean; values that are NaN (dropped samples) do not count.
///
/// Throws   DataError without a value, for no draws or a level outside 0..1.
/// Source   Efron and Tibshirani (1993), chapter 13.
inline Interval bootstrap_interval(std::span<const double> values, std::uint64_t seed = 0, double level = 0.95,
                                   int draws = 2000) {
    std::vector<double> kept;
    std::copy_if(values.begin(), values.end(), std::back_inserter(kept), [](double v) { return !std::isnan(v); });
    detail::require_values("bootstrap_interval", "values", kept, 1);
    if (draws < 1) detail::raise<DataError>("bootstrap_interval", "draws", std::to_string(draws), "1 or more");
    if (!(level > 0.0 && level < 1.0)) {
        detail::raise<DataError>("bootstrap_interval", "level", std::to_string(level), "above 0, below 1");
    }
    Rng rng(seed);
    std::vector<double> means(static_cast<std::size_t>(draws));
    for (double& mean : means) {
        double sum = 0.0;
        for (std::size_t i = 0; i < kept.size(); ++i) sum += kept[rng.below(kept.size())];
        mean = sum / static_cast<double>(kept.size());
    }
    std::sort(means.begin(), means.end());
    const auto at = [&](double share) {
        return means[static_cast<std::size_t>(std::lround(share * static_cast<double>(means.size() - 1)))];
    };
    return {at(0.5 * (1.0 - level)), at(0.5 * (1.0 + level))};
}

/// Two methods on the same samples.
struct PairedComparison {
    double difference = 0.0;  ///< mean of a - b
    double standard_error = 0.0;
    Interval interval;     ///< of the difference, 95 %
    std::size_t wins = 0;  ///< samples where a is larger
    std::size_t ties = 0;
    std::size_t samples = 0;  ///< where both have a value
};

/// Compares sample by sample, where both have a value: far sharper than comparing two means.
///
/// Throws   ShapeError for different numbers of samples, DataError if none has both values.
inline PairedComparison compare_paired(std::span<const double> a, std::span<const double> b, std::uint64_t seed = 0) {
    if (a.size() != b.size()) {
        detail::raise<ShapeError>("compare_paired", "samples",
                                  std::to_string(a.size()) + " and " + std::to_string(b.size()), "the same number");
    }
    std::vector<double> differences;
    PairedComparison result;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (std::isnan(a[i]) || std::isnan(b[i])) continue;
        differences.push_back(a[i] - b[i]);
        result.wins += a[i] > b[i] ? 1U : 0U;
        result.ties += a[i] == b[i] ? 1U : 0U;
    }
    detail::require_values("compare_paired", "samples with both values", differences, 1);
    result.samples = differences.size();
    result.difference = detail::mean_of(differences);
    result.standard_error = detail::standard_error_of(differences);
    result.interval = bootstrap_interval(differences, seed);
    return result;
}

/// Result of Welch's t-test.
struct TTest {
    double t = 0.0;
    double degrees_of_freedom = 0.0;
    double p = 1.0;  ///< two-sided
};

/// Whether two samples of unlike variance have the same mean. Two constant samples: p is 1 if they are equal, else 0.
///
/// Throws   DataError for fewer than two values on a side, or values that are not finite.
/// Source   Welch (1947).
inline TTest welch_t_test(std::span<const double> a, std::span<const double> b) {
    detail::require_values("welch_t_test", "values", a, 2);
    detail::require_values("welch_t_test", "values", b, 2);
    const auto n = static_cast<double>(a.size()), m = static_cast<double>(b.size());
    TTest result;
    const auto constant = [](std::span<const double> x) {
        return std::all_of(x.begin(), x.end(), [&](double v) { return v == x.front(); });
    };
    if (constant(a) && constant(b)) {  // asked of the values, as the mean of equal ones is rounded
        const double apart = a.front() - b.front();
        result.degrees_of_freedom = n + m - 2.0;
        result.t = apart == 0.0 ? 0.0 : std::copysign(std::numeric_limits<double>::infinity(), apart);
        result.p = apart == 0.0 ? 1.0 : 0.0;
        return result;
    }
    const std::vector<double> left(a.begin(), a.end()), right(b.begin(), b.end());
    const double difference = detail::mean_of(left) - detail::mean_of(right);
    const double u = std::pow(detail::standard_error_of(left), 2), v = std::pow(detail::standard_error_of(right), 2);
    result.t = difference / std::sqrt(u + v);
    result.degrees_of_freedom = (u + v) * (u + v) / (u * u / (n - 1.0) + v * v / (m - 1.0));
    const double f = result.degrees_of_freedom;
    result.p = detail::incomplete_beta(0.5 * f, 0.5, f / (f + result.t * result.t));
    return result;
}

/// p of one among several tests, so that all together err as rarely as one: min(1, p tests).
inline double bonferroni(double p, std::size_t tests) {
    return std::min(1.0, p * static_cast<double>(tests));
}

}  // namespace renn::inline RENN_ABI
