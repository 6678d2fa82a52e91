// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/fitted_metrics.hpp - short steps are those that pictures differ by.
#pragma once

#include <renn/attribution/maximisation/fourier.hpp>
#include <renn/attribution/maximisation/gaussian_expert.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>
#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI::maximisation {

/// F^-1 s^2 F g, what a step in the coefficients of `fourier` does to pixels. Favours low frequencies. Allocates room
/// for two batches at each step.
template <class S>
struct Decorrelated {
    Fourier<S> fourier;

    void operator()(Batch<S>& gradient) const {
        Batch<S> coefficients;
        typename Fourier<S>::Cache cache;
        fourier.analyse(gradient, coefficients, cache);
        fourier.synthesise(coefficients, gradient, cache);
    }
};
template <class S>
Decorrelated(Fourier<S>) -> Decorrelated<S>;

/// C g with the covariance of the samples that an expert was fitted to: favours what varies among them.
/// Allocates room for a batch at each step.
template <class S>
struct AsSamplesVary {
    Batch<S> covariance;

    explicit AsSamplesVary(const GaussianExpert<S>& expert) : covariance(expert.covariance()) {}
    void operator()(Batch<S>& gradient) const {
        detail::require_shape("AsSamplesVary", "gradient", gradient, covariance.rows(), gradient.cols());
        const Batch<S> g = gradient;
        canonical::product<S>(covariance, g, nullptr, gradient);
    }
};

}  // namespace renn::inline RENN_ABI::maximisation
