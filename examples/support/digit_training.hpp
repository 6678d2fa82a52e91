// SPDX-License-Identifier: MIT
// support/digit_training.hpp - trains a network on digits as the command line says.
#pragma once

#include <functional>
#include <string>

#include <renn/core/error.hpp>
#include <renn/data/dataset.hpp>
#include <renn/report/html.hpp>
#include <renn/training/fit.hpp>

#include "mnist_options.hpp"
#include "progress_bar.hpp"

/// With a bar on the terminal; `on_epoch` is told of each epoch. Throws renn::DataError if training diverges.
template <class Net>
void train_digits(Net& net, const DigitOptions& options, const renn::Dataset<float>& data,
                  const renn::AnyLoss& loss = renn::CrossEntropy{},
                  const std::function<bool(const renn::Epoch&)>& on_epoch = {}) {
    ProgressBar bar;
    const auto after_epoch = [&](const renn::Epoch& e) {
        bar.note("epoch " + std::to_string(e.number) + ": loss " + renn::html::number(e.loss, 4));
        if (!on_epoch) return true;
        bar.wipe();
        return on_epoch(e);
    };
    const auto training = renn::fit(net, data,
                                    {.epochs = options.epochs,
                                     .batch = options.batch,
                                     .loss = loss,
                                     .optimizer = renn::Adam{.learning_rate = options.learning_rate},
                                     .seed = options.seed,
                                     .threads = options.threads,
                                     .progress = bar.callback(),
                                     .on_epoch = after_epoch});
    if (training.diverged) throw renn::DataError("training diverged: try a smaller --learning-rate");
}
