// SPDX-License-Identifier: MIT
#include "train_run.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "describe.hpp"
#include "job.hpp"

namespace playground {

void TrainRun::add(const renn::Epoch& epoch) {
    const std::lock_guard lock(mutex_);
    history_.push_back(epoch);
}

std::vector<renn::Epoch> TrainRun::history() const {
    const std::lock_guard lock(mutex_);
    return history_;
}

void TrainRun::set_before(const renn::Evaluation& before) {
    const std::lock_guard lock(mutex_);
    before_ = before;
}

std::optional<renn::Evaluation> TrainRun::before() const {
    const std::lock_guard lock(mutex_);
    return before_;
}

void TrainRun::finish(Job& job) {
    {
        const std::lock_guard lock(mutex_);
        if (!training_)
            throw HttpError(409, "not_training", "the training itself is over: its result is being recorded");
        if (history_.size() == epochs_before_) {
            throw HttpError(409, "no_epoch", "no epoch is complete yet, so there is nothing to keep");
        }
        finish_ = true;
    }
    job.resume();
}

void TrainRun::trained() {
    const std::lock_guard lock(mutex_);
    training_ = false;
}

void TrainRun::end(const std::string& outcome, const std::string& message) {
    const std::lock_guard lock(mutex_);
    training_ = false;
    outcome_ = outcome;
    message_ = message;
}

Json TrainRun::json() const {
    static constexpr const char* starts[] = {"anew", "state", "weights"};
    const std::lock_guard lock(mutex_);
    Json history = Json::array();
    for (const renn::Epoch& epoch : history_) history.push_back(describe(epoch));
    return {{"options", describe(options_)},
            {"start", starts[static_cast<int>(start_)]},
            {"seed", seed_},
            {"drawn", drawn_},
            {"epochs_before", epochs_before_},
            {"before", before_ ? describe(*before_) : Json()},
            {"history", std::move(history)},
            {"outcome", outcome_.empty() ? Json() : Json(outcome_)},
            {"message", message_}};
}

}  // namespace playground
