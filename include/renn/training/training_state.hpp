// SPDX-License-Identifier: MIT
// renn/training/training_state.hpp - everything a training run needs to go on: a checkpoint as a value.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include <renn/training/early_stopping.hpp>
#include <renn/training/fit_options.hpp>
#include <renn/training/optimizer.hpp>

namespace renn::inline RENN_ABI {

/// A training run after its last complete epoch. Given to fit it is where the run goes on, and fit brings it up to date
/// after each epoch, just before on_epoch is called; a resumed run equals an uninterrupted one bit for bit. Everything
/// random is a function of (seed, epoch, step, sample id), so these numbers are the position of every generator.
///
///     TrainingState state(net);
///     fit(net, data, {.epochs = 5}, state);
///     fit(net, data, {.epochs = 10}, state);  // epochs 6 to 10
template <class Net>
struct TrainingState {
    using Parameters = typename Net::Parameters;

    Net network;
    Moments<Parameters> moments;
    int epoch = 0;           ///< complete epochs
    std::uint64_t step = 0;  ///< optimizer steps
    std::uint64_t seed = 0;  ///< of the run; set by its first epoch

    // What early stopping knows.
    double best_value = std::numeric_limits<double>::quiet_NaN();
    int best_epoch = 0;            ///< 0: none yet
    std::optional<Net> best = {};  ///< the network after it

    /// A run that has not begun.
    explicit TrainingState(const Net& net) : network(net), moments(net.parameters()) {}

    /// Keeps the network if the epoch that led to it is the best so far.
    void note(const EarlyStopping& stopping, const Epoch& last) {
        const double value =
            stopping.measure == EarlyStopping::Measure::loss ? last.validation_loss : last.validation_accuracy;
        if (std::isnan(value) || (best_epoch > 0 && !stopping.gain(value, best_value))) return;
        best_value = value;
        best_epoch = last.number;
        best = network;
    }
};

}  // namespace renn::inline RENN_ABI
