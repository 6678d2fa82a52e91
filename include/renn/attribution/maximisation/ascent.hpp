// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/ascent.hpp - one step up.
#pragma once

#include <renn/attribution/maximisation/search.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/function_ref.hpp>
#include <renn/training/optimizer.hpp>

namespace renn::inline RENN_ABI::detail {

template <class S>
using MetricRef = FunctionRef<void(Batch<S>&)>;
/// The objective, summed over pictures.
template <class S>
using TotalRef = FunctionRef<double(const Batch<S>&)>;

template <class S>
void hold_in_box(Batch<S>& code, const maximisation::MaximiseOptions& o) {
    if (o.box) code = code.cwiseMax(static_cast<S>(o.box->first)).cwiseMin(static_cast<S>(o.box->second));
}

/// Makes steps of gradients, by an Optimizer. `step` returns false if there is nowhere to go.
template <class S, class Way>
class Ascent {
public:
    Ascent(const Way& way, const Batch<S>& code) : way_(way), moments_(code) { way_.check(); }

    bool step(Batch<S>& code, const Batch<S>& gradient, MetricRef<S> metric, double, TotalRef<S>,
              const maximisation::MaximiseOptions& o) {
        direction_ = gradient;
        metric(direction_);
        direction_ *= S(-1);
        way_.update(code, direction_, moments_);
        hold_in_box(code, o);
        return true;
    }
    void slower(const Batch<S>& code) {
        if constexpr (requires { way_.learning_rate *= 0.5; }) way_.learning_rate *= 0.5;
        moments_ = Moments<Batch<S>>(code);
    }

private:
    Way way_;
    Moments<Batch<S>> moments_;
    Batch<S> direction_;
};

template <class S>
class Ascent<S, maximisation::LineSearch> {
public:
    Ascent(const maximisation::LineSearch& way, const Batch<S>&) : way_(way) { way_.check(); }

    bool step(Batch<S>& code, const Batch<S>& gradient, MetricRef<S> metric, double value, TotalRef<S> total,
              const maximisation::MaximiseOptions& o) {
        direction_ = gradient;
        metric(direction_);
        for (int i = 0; i <= way_.halvings; ++i) {
            trial_ = code + static_cast<S>(way_.learning_rate) * direction_;
            hold_in_box(trial_, o);
            const auto promised = static_cast<double>(gradient.cwiseProduct(trial_ - code).sum());
            if (promised > 0.0 && total(trial_) >= value + 1e-4 * promised) {
                code = trial_;
                if (i == 0) way_.learning_rate *= 2.0;
                return true;
            }
            way_.learning_rate *= 0.5;
        }
        return false;
    }
    void slower(const Batch<S>&) { way_.learning_rate *= 0.5; }

private:
    maximisation::LineSearch way_;
    Batch<S> direction_, trial_;
};

}  // namespace renn::inline RENN_ABI::detail
