// SPDX-License-Identifier: MIT
// renn/training/fit_options.hpp - what a training run is told, and what it tells.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/progress.hpp>
#include <renn/training/clipping.hpp>
#include <renn/training/early_stopping.hpp>
#include <renn/training/loss.hpp>
#include <renn/training/optimizer.hpp>
#include <renn/training/schedule.hpp>

namespace renn::inline RENN_ABI {

/// Measures of one epoch. Those of the training set are taken while the parameters change, before each step.
struct Epoch {
    int number = 0;  ///< from 1
    double loss = 0.0;
    double accuracy = std::numeric_limits<double>::quiet_NaN();  ///< NaN without labels
    double validation_loss = std::numeric_limits<double>::quiet_NaN();
    double validation_accuracy = std::numeric_limits<double>::quiet_NaN();
    double seconds = 0.0;
};

/// What a training run is told; all of it may be left out.
struct FitOptions {
    int epochs = 10;       ///< of the whole run, also of one that is resumed; 0 does nothing
    Index batch = 64;      ///< samples that go through the network together
    Index accumulate = 1;  ///< batches a step: as one step of a batch so much larger, up to rounding, in less memory
    AnyLoss loss = CrossEntropy{};
    AnyOptimizer optimizer = Adam{};
    AnySchedule schedule = ConstantRate{};  ///< of the learning rate
    std::uint64_t warm_up = 0;              ///< steps over which the learning rate first rises from 0
    Clipping clip = {};
    std::vector<std::string> frozen = {};  ///< layers, or nested networks, whose parameters stay as they are
    EarlyStopping early_stopping = {};
    bool shuffle = true;             ///< a new order each epoch, drawn from the seed; false keeps the data's order
    std::uint64_t seed = 0;          ///< of the order and of random layers
    int threads = 1;                 ///< 0: one a core. The parameters are the same, bit for bit, for any number
    ProgressCallback progress = {};  ///< after each batch, in samples over all epochs; false cancels
    std::function<bool(const Epoch&)> on_epoch = {};  ///< after each epoch; false cancels
};

/// What a training run tells. A cancelled run keeps the parameters it had reached; a diverged one has those of the last
/// epoch whose loss and parameters were finite, or the ones it began with.
struct Training {
    std::vector<Epoch> epochs;  ///< of this run; a resumed one does not repeat the earlier ones
    bool cancelled = false;
    bool diverged = false;
    bool stopped_early = false;
    int best_epoch = 0;  ///< with early stopping: the one whose parameters the network has; 0: none was better
};

}  // namespace renn::inline RENN_ABI
