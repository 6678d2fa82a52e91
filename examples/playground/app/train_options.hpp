// SPDX-License-Identifier: MIT
// playground/app/train_options.hpp - what the tab Training asks for.
#pragma once

#include <cstdint>
#include <string>

#include <renn/training/loss.hpp>
#include <renn/training/optimizer.hpp>

#include "../http/message.hpp"

namespace playground {

struct DataSet;

/// Defaults are those of the original's playground.
struct TrainOptions {
    int epochs = 10;              ///< 1 to 1000; further training: so many more
    double learning_rate = 1e-3;  ///< 1e-7 to 10
    std::int64_t train = 10000;   ///< samples
    std::int64_t test = 2000;
    std::int64_t batch = 64;  ///< 1 to `train`
    std::int64_t test_batch = 64;
    std::string loss = "MSE";        ///< or "Cross-Entropy"
    std::string optimizer = "Adam";  ///< or "AdamW", "SGD"
    double momentum = 0.0;           ///< of SGD; 0 to 0.999
    bool further = false;            ///< with the weights there are

    renn::AnyLoss any_loss() const;
    renn::AnyOptimizer any_optimizer() const;
};

/// What is left out is as by default, or as much as there is. Throws HttpError 422 whose kind is the name of the member
/// that is out of range.
TrainOptions parse_train_options(const Json& json, const DataSet& data);

Json describe(const TrainOptions& options);

}  // namespace playground
