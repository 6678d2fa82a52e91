// SPDX-License-Identifier: MIT
// playground/app/train_run.hpp - a training while it runs and after: what a page that was reloaded wants to know.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <renn/training/evaluate.hpp>
#include <renn/training/fit_options.hpp>

#include "model.hpp"

namespace playground {

class Job;

/// Where a training begins.
enum class Start {
    anew,     ///< new weights from the seed
    state,    ///< where the last one ended: as if it had never stopped
    weights,  ///< with the weights, but an optimiser that begins anew
};

/// Members may be called on any thread.
class TrainRun {
public:
    TrainRun(TrainOptions options, Start start, std::uint64_t seed, bool drawn, std::vector<renn::Epoch> before,
             std::weak_ptr<const DataSet> data)
        : options_(std::move(options)),
          start_(start),
          seed_(seed),
          drawn_(drawn),
          epochs_before_(before.size()),
          data_(std::move(data)),
          history_(std::move(before)) {}

    const TrainOptions& options() const noexcept { return options_; }
    Start start() const noexcept { return start_; }
    std::uint64_t seed() const noexcept { return seed_; }
    bool drawn() const noexcept { return drawn_; }
    bool of(const std::shared_ptr<const DataSet>& data) const { return data_.lock() == data; }

    void add(const renn::Epoch& epoch);
    std::vector<renn::Epoch> history() const;
    void set_before(const renn::Evaluation& before);
    std::optional<renn::Evaluation> before() const;

    /// Asks the training to end where it is and to keep its last complete epoch. Throws HttpError 409 if there is none
    /// yet, or if it is no longer training.
    void finish(Job& job);
    bool finishes() const noexcept { return finish_; }
    /// The part that `finish` could end is over.
    void trained();

    /// "done", "kept", "diverged", "cancelled" or "failed".
    void end(const std::string& outcome, const std::string& message = "");
    /// options, start, seed, drawn, epochs_before, before, history, outcome (null while it runs), message.
    Json json() const;

private:
    const TrainOptions options_;
    const Start start_;
    const std::uint64_t seed_;
    const bool drawn_;
    const std::size_t epochs_before_;
    const std::weak_ptr<const DataSet> data_;
    std::atomic<bool> finish_{false};
    mutable std::mutex mutex_;
    std::vector<renn::Epoch> history_;
    std::optional<renn::Evaluation> before_;
    std::string outcome_, message_;
    bool training_ = true;
};

}  // namespace playground
