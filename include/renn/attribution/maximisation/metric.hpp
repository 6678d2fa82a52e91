// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/metric.hpp - what counts as a short step: turns a gradient into a direction of ascent.
#pragma once

#include <renn/core/batch.hpp>

namespace renn::inline RENN_ABI::maximisation {

/// Changes a gradient (code x pictures) into the direction to go. It changes the way, not where it ends: those of the
/// library go up wherever the gradient is not 0.
/// Source   Olah, Mordvintsev, Schubert (2017), "Feature visualization", preconditioning.
template <class M, class S>
concept StepMetric = requires(const M& metric, Batch<S>& gradient) {
    metric(gradient);
};

/// The gradient itself: steepest in the Euclidean length of a step.
struct Euclidean {
    template <class S>
    void operator()(Batch<S>&) const noexcept {}
};

/// Its signs: steepest if a step is as long as its largest component. Favours high frequencies.
struct LargestComponent {
    template <class S>
    void operator()(Batch<S>& gradient) const {
        gradient = gradient.cwiseSign();
    }
};

}  // namespace renn::inline RENN_ABI::maximisation
