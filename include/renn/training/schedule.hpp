// SPDX-License-Identifier: MIT
// renn/training/schedule.hpp - how the learning rate changes during training.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>
#include <string>
#include <variant>

#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI {

/// Where a training run stands before a step.
struct TrainingPoint {
    std::uint64_t step = 0;  ///< steps done
    int epoch = 0;           ///< whole epochs done
    double time = 0.0;       ///< epochs done, with the steps of this one as a fraction
    int epochs = 0;          ///< of the whole run
};

// A schedule gives what the optimizer's learning rate is multiplied by at a point. It keeps no state, so a resumed run
// needs nothing but the point.

/// 1, always.
struct ConstantRate {
    static void check() noexcept {}
    double operator()(const TrainingPoint&) const noexcept { return 1.0; }
};

/// factor^floor(epoch / every); changes from epoch to epoch.
struct StepDecay {
    int every = 10;
    double factor = 0.1;

    void check() const {
        if (every < 1) detail::raise<DataError>("StepDecay", "every", std::to_string(every), "1 or more epochs");
        if (!(factor >= 0.0 && std::isfinite(factor))) {
            detail::raise<DataError>("StepDecay", "factor", std::to_string(factor), "a finite value, 0 or more");
        }
    }
    double operator()(const TrainingPoint& at) const { return std::pow(factor, at.epoch / every); }
};

/// factor^epoch; changes from epoch to epoch.
struct ExponentialDecay {
    double factor = 0.95;

    void check() const {
        if (!(factor >= 0.0 && std::isfinite(factor))) {
            detail::raise<DataError>("ExponentialDecay", "factor", std::to_string(factor), "a finite value, 0 or more");
        }
    }
    double operator()(const TrainingPoint& at) const { return std::pow(factor, at.epoch); }
};

/// Falls from 1 to `lowest` along half a cosine, then stays there; changes from step to step.
/// Source   Loshchilov and Hutter (2017), without restarts.
struct CosineDecay {
    double lowest = 0.0;
    int epochs = 0;  ///< how long it falls; 0: the whole run

    void check() const {
        if (!(lowest >= 0.0 && lowest <= 1.0)) {
            detail::raise<DataError>("CosineDecay", "lowest", std::to_string(lowest), "0..1");
        }
        if (epochs < 0) detail::raise<DataError>("CosineDecay", "epochs", std::to_string(epochs), "0 or more");
    }
    double operator()(const TrainingPoint& at) const {
        const double part = std::min(1.0, at.time / (epochs > 0 ? epochs : at.epochs));
        return lowest + (1.0 - lowest) * 0.5 * (1.0 + std::cos(std::numbers::pi * part));
    }
};

/// One of the above, or any function of a TrainingPoint, asked before every step.
using AnySchedule =
    std::variant<ConstantRate, StepDecay, ExponentialDecay, CosineDecay, std::function<double(const TrainingPoint&)>>;

namespace detail {

/// The schedule's factor times a linear warm-up: step n, from 1, of the first `warm_up` has n / warm_up of it.
/// Throws DataError if a user's schedule gives what no factor can be.
template <class Schedule>
double rate_factor(const Schedule& schedule, std::uint64_t warm_up, const TrainingPoint& at) {
    double factor = std::visit([&at](const auto& s) { return static_cast<double>(s(at)); }, schedule);
    if (at.step < warm_up) factor *= static_cast<double>(at.step + 1) / static_cast<double>(warm_up);
    if (!(factor >= 0.0 && std::isfinite(factor))) {
        raise<DataError>("fit: schedule", "factor before step " + std::to_string(at.step + 1), std::to_string(factor),
                         "a finite value, 0 or more");
    }
    return factor;
}

template <class Schedule>
void check_schedule(const Schedule& schedule) {
    std::visit(
        [](const auto& s) {
            if constexpr (requires { s.check(); }) {
                s.check();
            } else if (!s) {
                raise<DataError>("fit", "schedule", "an empty function", "one that can be called");
            }
        },
        schedule);
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
