// SPDX-License-Identifier: MIT
// playground/app/model.hpp - a session's network, how it was trained, and what was recorded of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <renn/evaluation/confusion.hpp>
#include <renn/index/sorted.hpp>
#include <renn/network/sequential.hpp>
#include <renn/retrace/traced_network.hpp>
#include <renn/tracing/memory_store.hpp>
#include <renn/training/fit_options.hpp>
#include <renn/training/training_state.hpp>

#include "network_plan.hpp"
#include "train_options.hpp"

namespace playground {

using Net = renn::Sequential<float>;
using Traced = renn::TracedNetwork<Net, renn::MemoryStore<float>, renn::Sorted>;

/// A network on a test set.
struct Measured {
    renn::Evaluation evaluation = {};
    renn::Confusion confusion = {};          ///< without classes where there are no labels
    std::vector<renn::Index> constant = {};  ///< outputs that are the same for every sample
};

/// How long what took, pauses not counted.
struct PhaseSeconds {
    double training = 0.0, evaluation = 0.0, recording = 0.0, indexing = 0.0;
};

/// How a model came about.
struct TrainingReport {
    TrainOptions options = {};  ///< of the last training
    NetworkPlan plan = {};
    std::uint64_t seed = 0;
    bool drawn = false;  ///< the seed was
    PhaseSeconds seconds = {};
    std::optional<renn::Evaluation> before = {};  ///< of the test set, before the first epoch of all
    Measured test = {};
};

/// A trained network with its recording; never changed once made.
struct Model {
    Traced traced;
    renn::Dataset<float> train, test;  ///< what it was trained and measured with
    std::vector<renn::Epoch> history = {};
    std::shared_ptr<const renn::TrainingState<Net>> state = {};  ///< to train on; null for one that was only loaded
    std::optional<TrainingReport> report = {};                   ///< none for one that was only loaded
    bool shared = false;                                         ///< by all sessions, so it counts for none

    /// Memory of the recording, its index, the samples, which are copies, and what there is to train on.
    std::size_t bytes() const {
        std::size_t total = train.bytes() + test.bytes();
        total += traced.recorded() ? traced.store().bytes() + traced.index().bytes() : std::size_t{0};
        if (state) {
            constexpr std::size_t copies = 4;  // the network, the state's and two moments
            total +=
                copies * sizeof(float) * static_cast<std::size_t>(renn::parameter_count(state->network.parameters()));
        }
        return total;
    }
};

}  // namespace playground
