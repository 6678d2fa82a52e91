// SPDX-License-Identifier: MIT
// playground/app/calibration.hpp - what answers are judged by and what takes a while to work out: done once a model,
// when first asked for, behind the requests.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <renn/retrace/familiarity.hpp>

#include "model.hpp"

namespace playground {

/// Positions of test samples that the model predicts wrongly, ascending. Cost: a forward pass each.
std::vector<renn::Index> wrong_predictions(const Model& model);

class Calibration {
public:
    Calibration();
    Calibration(const Calibration&) = delete;
    Calibration& operator=(const Calibration&) = delete;
    /// Ends after what it is at.
    ~Calibration();

    struct Found {
        std::shared_ptr<const renn::Familiarity> familiarity = {};  ///< null: not yet, or failed
        std::string failed = {};                                    ///< why there will be none
    };
    /// How far training samples are from each other under these options; begun if nobody asked before. Never waits.
    Found familiarity(const std::shared_ptr<const Model>& model, const renn::RetraceOptions& options);

    /// Wrong predictions on the model's test samples; waits for them.
    std::shared_ptr<const std::vector<renn::Index>> wrong(const std::shared_ptr<const Model>& model);

private:
    struct Entry {
        std::weak_ptr<const Model> model;
        renn::RetraceOptions options;
        Found found = {};
    };
    struct Wrong {
        std::weak_ptr<const Model> model;
        std::shared_ptr<const std::vector<renn::Index>> positions;
    };
    static constexpr std::size_t most_kept = 32;

    std::mutex mutex_;
    std::condition_variable asked_;
    std::deque<std::shared_ptr<Entry>> entries_, waiting_;
    std::deque<Wrong> wrong_;
    bool ends_ = false;
    std::thread thread_;

    void work();
};

}  // namespace playground
