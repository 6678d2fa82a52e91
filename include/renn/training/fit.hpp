// SPDX-License-Identifier: MIT
// renn/training/fit.hpp - mini-batch training.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/progress.hpp>
#include <renn/core/rng.hpp>
#include <renn/data/dataset.hpp>
#include <renn/network/finite_parameters.hpp>
#include <renn/network/layer_sequence.hpp>
#include <renn/training/evaluate.hpp>
#include <renn/training/loss.hpp>
#include <renn/training/optimizer.hpp>

namespace renn {

/// Measures of one epoch. Those of the training set are taken while the parameters change, before each step.
struct Epoch {
    int number = 0;  ///< from 1
    double loss = 0.0;
    double accuracy = std::numeric_limits<double>::quiet_NaN();  ///< NaN without labels
    double validation_loss = std::numeric_limits<double>::quiet_NaN();
    double validation_accuracy = std::numeric_limits<double>::quiet_NaN();
    double seconds = 0.0;
};

struct FitOptions {
    int epochs = 10;   ///< 0 does nothing
    Index batch = 64;  ///< samples a step
    AnyLoss loss = CrossEntropy{};
    AnyOptimizer optimizer = Adam{};
    bool shuffle = true;             ///< a new order each epoch, drawn from the seed; false keeps the data's order
    std::uint64_t seed = 0;          ///< of the order and of random layers
    ProgressCallback progress = {};  ///< after each step, in samples over all epochs; false cancels
    std::function<bool(const Epoch&)> on_epoch = {};  ///< after each epoch; false cancels
};

/// What a training run tells. A cancelled run keeps the parameters it had reached; a diverged one has those of the last
/// epoch whose loss and parameters were finite, or the ones it began with.
struct Training {
    std::vector<Epoch> epochs;
    bool cancelled = false;
    bool diverged = false;
};

namespace detail {

/// The buffers of one batch width; the last batch of an epoch has its own, so that steady training allocates nothing.
template <class Net>
struct BatchBuffers {
    using S = typename Net::Scalar;
    Batch<S> x, targets, slope;
    std::vector<std::int32_t> labels;
    std::vector<std::uint64_t> ids;
    Workspace<Net> workspace;

    /// Gathers the samples at the given positions.
    Targets<S> load(const Dataset<S>& data, std::span<const Index> positions) {
        data.inputs(positions, x);
        ids.resize(positions.size());
        labels.resize(data.has_labels() ? positions.size() : 0);
        if (data.has_targets()) reshape(targets, data.targets().rows(), static_cast<Index>(positions.size()));
        for (std::size_t j = 0; j < positions.size(); ++j) {
            ids[j] = data.id(positions[j]);
            if (data.has_labels()) labels[j] = data.label(positions[j]);
            if (data.has_targets()) targets.col(static_cast<Index>(j)) = data.targets().col(positions[j]);
        }
        return {labels, data.has_targets() ? &targets : nullptr};
    }
};

/// Lets the losses and optimizers of a variant stand where one is wanted.
struct VariantLoss {
    AnyLoss loss;
    template <class S>
    double operator()(const BatchView<S>& y, const Targets<S>& targets, Batch<S>& gradient) const {
        return std::visit([&](const auto& l) { return l(y, targets, gradient); }, loss);
    }
};
struct VariantOptimizer {
    AnyOptimizer optimizer;
    void check() const {
        std::visit([](const auto& o) { o.check(); }, optimizer);
    }
    template <class P>
    void update(P& parameters, const P& gradient, Moments<P>& moments) const {
        std::visit([&](const auto& o) { o.update(parameters, gradient, moments); }, optimizer);
    }
};

template <class Net, class S>
void check_fit(const Net& net, const Dataset<S>& data, const FitOptions& options) {
    if (options.epochs < 0) raise<DataError>("fit", "epochs", std::to_string(options.epochs), "0 or more");
    if (options.batch < 1) raise<DataError>("fit", "batch", std::to_string(options.batch), "1 or more");
    require_trainable("fit", net, data);
    require_finite_parameters("fit", net);
}

}  // namespace detail

/// Trains with a loss and an optimizer of any type that satisfies the concepts Loss and Optimizer.
///
/// Throws   DataError for impossible options, empty data, labels out of range, parameters that are not finite;
///          ShapeError where data and network do not fit. What a callback throws reaches the caller; the network then
///          has the parameters of the last step.
/// Cost     about 3 forward passes a sample; steady state allocates nothing.
template <class Net, class S, Loss<S> L, Optimizer<typename Net::Parameters> O>
Training fit(Net& net, const Dataset<S>& data, const Dataset<S>& validation, const L& loss, const O& optimizer,
             const FitOptions& options) {
    static_assert(std::is_same_v<S, typename Net::Scalar>, "renn::fit: the data set's scalar must be the network's");
    detail::check_fit(net, data, options);
    if (!validation.empty()) detail::require_trainable("fit: validation", net, validation);
    optimizer.check();

    Training training;
    if (options.epochs == 0) return training;
    using Parameters = typename Net::Parameters;
    Parameters gradient = detail::zeros_like(net.parameters());
    Parameters last_finite = net.parameters();
    Moments<Parameters> moments(net.parameters());
    detail::BatchBuffers<Net> full, rest;
    std::vector<Index> order(static_cast<std::size_t>(data.samples()));
    const std::uint64_t samples = static_cast<std::uint64_t>(data.samples());
    std::uint64_t step = 0;

    for (int number = 1; number <= options.epochs && !training.cancelled && !training.diverged; ++number) {
        const auto start = std::chrono::steady_clock::now();
        std::iota(order.begin(), order.end(), Index{0});
        if (options.shuffle) {
            Rng rng(mix(options.seed, static_cast<std::uint64_t>(number)));
            shuffle(order, rng);
        }
        double loss_sum = 0.0;
        Index correct = 0;
        for (Index first = 0; first < data.samples(); first += options.batch) {
            const Index count = std::min(options.batch, data.samples() - first);
            auto& buffers = count == options.batch ? full : rest;
            const auto targets = buffers.load(
                data, std::span(order).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)));
            const Pass pass{.training = true, .seed = options.seed, .ids = buffers.ids, .step = step++};
            const Batch<S>& y = net.forward(buffers.x, buffers.workspace, pass);
            const double batch_loss = loss(BatchView<S>(y), targets, buffers.slope);
            if (!std::isfinite(batch_loss)) {
                training.diverged = true;
                break;
            }
            loss_sum += batch_loss * static_cast<double>(count);
            correct += detail::count_correct<S>(y, targets.labels);
            NotWanted input_gradient;
            net.reverse_walk(ParameterGradient{}, buffers.x, buffers.workspace, buffers.slope, input_gradient,
                             &gradient);
            optimizer.update(net.parameters(), gradient, moments);
            const auto done =
                samples * static_cast<std::uint64_t>(number - 1) + static_cast<std::uint64_t>(first + count);
            if (options.progress &&
                !options.progress({done, samples * static_cast<std::uint64_t>(options.epochs), "training"})) {
                training.cancelled = true;
                break;
            }
        }
        bool finite = !training.diverged;
        for_each_block([&finite](const auto& block) { finite = finite && detail::all_finite(block); },
                       std::as_const(net.parameters()));
        if (!finite) {
            training.diverged = true;
            training.cancelled = false;
            net.parameters() = std::move(last_finite);
            break;
        }
        if (training.cancelled) break;
        last_finite = net.parameters();

        Epoch epoch;
        epoch.number = number;
        epoch.loss = loss_sum / static_cast<double>(data.samples());
        if (data.has_labels()) epoch.accuracy = static_cast<double>(correct) / static_cast<double>(data.samples());
        epoch.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        if (!validation.empty()) {
            const Evaluation measured = evaluate(net, validation, loss);
            epoch.validation_loss = measured.loss;
            epoch.validation_accuracy = measured.accuracy;
        }
        training.epochs.push_back(epoch);
        if (options.on_epoch && !options.on_epoch(epoch)) training.cancelled = true;
    }
    return training;
}

/// fit(net, data, {.epochs = 10, .optimizer = Adam{.learning_rate = 1e-3}}): trains the network in place.
template <class Net, class S>
Training fit(Net& net, const Dataset<S>& data, const FitOptions& options = {}) {
    return fit(net, data, Dataset<S>(), options);
}

/// With a validation set, measured after each epoch.
template <class Net, class S>
Training fit(Net& net, const Dataset<S>& data, const Dataset<S>& validation, const FitOptions& options = {}) {
    return fit(net, data, validation, detail::VariantLoss{options.loss}, detail::VariantOptimizer{options.optimizer},
               options);
}

}  // namespace renn
