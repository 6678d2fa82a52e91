// SPDX-License-Identifier: MIT
// renn/data/gaussian_tasks.hpp - two overlapping Gaussians in the plane: tasks whose best answer is known exactly.
#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/rng.hpp>
#include <renn/data/dataset.hpp>

namespace renn::inline RENN_ABI {

/// A normal distribution in the plane, both variances equal: covariance [variance, covariance; covariance, variance].
struct PlaneGaussian {
    double mean = 0.0;  ///< of both variables
    double variance = 1.0;
    double covariance = 0.0;

    /// Log of the density at (x1, x2).
    double log_density(double x1, double x2) const {
        const double determinant = variance * variance - covariance * covariance;
        const double a = x1 - mean, b = x2 - mean;
        const double square = (variance * (a * a + b * b) - 2.0 * covariance * a * b) / determinant;
        return -0.5 * square - std::log(2.0 * std::numbers::pi) - 0.5 * std::log(determinant);
    }
};

/// Signal (label 1) against background (label 0).
struct GaussianTask {
    PlaneGaussian signal, background;

    /// log p(x | signal) - log p(x | background): the logit of the best classifier, of classes of equal size.
    double log_likelihood_ratio(double x1, double x2) const {
        return signal.log_density(x1, x2) - background.log_density(x1, x2);
    }
};

/// The four tasks of S. Wunsch et al., "Identifying the relevant dependencies of the neural network response on
/// characteristics of the input space" (2018): means apart (a), covariances apart (b), both (c), variances apart (d).
/// Throws   DataError for another name.
inline GaussianTask gaussian_task(char name) {
    switch (name) {
        case 'a':
            return {{.mean = 0.5}, {.mean = -0.5}};
        case 'b':
            return {{.covariance = 0.5}, {.covariance = -0.5}};
        case 'c':
            return {{.mean = 0.5, .covariance = 0.5}, {.mean = -0.5, .covariance = -0.5}};
        case 'd':
            return {{.variance = 0.5}, {.variance = 3.0}};
        default:
            detail::raise<DataError>("gaussian_task", "name", std::string(1, name), "a, b, c or d");
    }
}

/// Draws as many samples of each class, signal and background in turn, so that the first half of them is a fair part.
/// Sample i depends on (task, seed, i) alone.
///
/// Shapes   inputs: 2 x 2 per_class; labels: 1 signal, 0 background.
/// Throws   DataError if per_class is negative, or a covariance matrix is not positive definite.
template <std::floating_point S = float>
Dataset<S> gaussian_samples(const GaussianTask& task, Index per_class, std::uint64_t seed) {
    if (per_class < 0)
        detail::raise<DataError>("gaussian_samples", "per_class", std::to_string(per_class), "0 or more");
    const std::array<PlaneGaussian, 2> classes{task.background, task.signal};
    for (const PlaneGaussian& g : classes) {
        if (g.variance > std::abs(g.covariance)) continue;
        detail::raise<DataError>("gaussian_samples", "variance", std::to_string(g.variance),
                                 "above the covariance, " + std::to_string(g.covariance));
    }
    Batch<S> inputs(2, 2 * per_class);
    std::vector<std::int32_t> labels(static_cast<std::size_t>(2 * per_class));
    Rng rng(seed);
    for (Index i = 0; i < 2 * per_class; ++i) {
        const std::size_t label = i % 2 == 0 ? 1 : 0;
        const PlaneGaussian& g = classes[label];
        const double slope = g.covariance / g.variance;  // of x2 over x1
        const double a = std::sqrt(g.variance) * rng.normal();
        const double b = slope * a + std::sqrt(g.variance - slope * g.covariance) * rng.normal();
        inputs(0, i) = static_cast<S>(g.mean + a);
        inputs(1, i) = static_cast<S>(g.mean + b);
        labels[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(label);
    }
    return Dataset<S>(std::move(inputs), {.labels = std::move(labels), .class_names = {"background", "signal"}});
}

}  // namespace renn::inline RENN_ABI
