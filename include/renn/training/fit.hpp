// SPDX-License-Identifier: MIT
// renn/training/fit.hpp - mini-batch training.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/finite.hpp>
#include <renn/core/rng.hpp>
#include <renn/data/dataset.hpp>
#include <renn/network/finite_parameters.hpp>
#include <renn/network/layer_sequence.hpp>
#include <renn/training/batch_gradient.hpp>
#include <renn/training/clipping.hpp>
#include <renn/training/evaluate.hpp>
#include <renn/training/fit_options.hpp>
#include <renn/training/frozen.hpp>
#include <renn/training/loss.hpp>
#include <renn/training/optimizer.hpp>
#include <renn/training/schedule.hpp>
#include <renn/training/training_state.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// Lets the losses and optimizers of a variant stand where one is wanted.
struct VariantLoss {
    AnyLoss loss;
    template <class S>
    double operator()(const BatchView<S>& y, const Targets<S>& targets, Batch<S>& gradient) const {
        return std::visit([&](const auto& l) { return l(y, targets, gradient); }, loss);
    }
    template <class S>
    double weight(const BatchView<S>& y, const Targets<S>& targets) const {
        return std::visit([&](const auto& l) { return loss_weight<S>(l, y, targets); }, loss);
    }
};
struct VariantOptimizer {
    AnyOptimizer optimizer;
    void check() const {
        std::visit([](const auto& o) { o.check(); }, optimizer);
    }
    void scale_rate(double factor) {
        std::visit([factor](auto& o) { o.learning_rate *= factor; }, optimizer);
    }
    template <class P>
    void update(P& parameters, const P& gradient, Moments<P>& moments) const {
        std::visit([&](const auto& o) { o.update(parameters, gradient, moments); }, optimizer);
    }
};

template <class O>
concept ScalesRate = requires(O& o, double factor) {
    o.scale_rate(factor);
};
template <class O>
concept HasRate = requires(O& o, double factor) {
    { o.learning_rate *= factor } -> std::same_as<double&>;
};

/// An optimizer whose learning rate a schedule can change.
template <class O>
concept Schedulable = ScalesRate<O> || HasRate<O>;

template <class O, class P>
void update_at(const O& optimizer, double factor, P& parameters, const P& gradient, Moments<P>& moments) {
    if constexpr (Schedulable<O>) {
        O scaled = optimizer;
        if constexpr (requires { scaled.scale_rate(factor); }) {
            scaled.scale_rate(factor);
        } else {
            scaled.learning_rate *= factor;
        }
        scaled.update(parameters, gradient, moments);
    } else {
        optimizer.update(parameters, gradient, moments);
    }
}

inline void require_at_least(const char* what, std::int64_t value, std::int64_t least) {
    if (value < least) raise<DataError>("fit", what, std::to_string(value), std::to_string(least) + " or more");
}

inline void check_options(const FitOptions& options, bool schedulable) {
    require_at_least("epochs", options.epochs, 0);
    require_at_least("batch", options.batch, 1);
    require_at_least("accumulate", options.accumulate, 1);
    require_at_least("threads", options.threads, 0);
    options.clip.check();
    options.early_stopping.check();
    check_schedule(options.schedule);
    if (!schedulable && (options.warm_up > 0 || !std::holds_alternative<ConstantRate>(options.schedule))) {
        raise<DataError>("fit", "schedule", "an optimizer without `double learning_rate`", "one that has it");
    }
}

/// Throws unless the state is of a run of this network that these options go on with.
template <class Net>
void check_state(const Net& net, const TrainingState<Net>& state, const FitOptions& options) {
    const std::string kept = state.network.describe(), wanted = net.describe();
    if (kept != wanted) raise<MismatchError>("fit: state", "network", kept, wanted);
    if (state.epoch > 0 && state.seed != options.seed) {
        raise<MismatchError>("fit: state", "seed", std::to_string(state.seed), std::to_string(options.seed));
    }
    require_finite_parameters("fit", state.network);
}

template <class Net, class S, class L>
void check_validation(const Net& net, const Dataset<S>& validation, const EarlyStopping& stopping, const L& loss) {
    if (!validation.empty()) require_trainable("fit: validation", net, validation, loss);
    if (!stopping.active()) return;
    if (validation.empty()) raise<DataError>("fit", "early_stopping", "no validation set", "one to measure");
    if (stopping.measure == EarlyStopping::Measure::accuracy && !validation.has_labels()) {
        raise<DataError>("fit", "early_stopping by accuracy", "a validation set without labels", "one with labels");
    }
}

template <class P>
bool finite(const P& parameters) {
    bool fine = true;
    for_each_block([&fine](const auto& block) { fine = fine && all_finite(block); }, parameters);
    return fine;
}

}  // namespace detail

/// Trains with a loss and an optimizer of any type that satisfies the concepts Loss and Optimizer, from where `state`
/// stands: the network becomes the state's, training goes on up to `options.epochs` epochs in all, and the state
/// follows after each.
///
/// Throws   DataError for impossible options, empty data, labels out of range, parameters that are not finite;
///          ShapeError where data and network do not fit; MismatchError for the state of another network or seed. What
///          a callback throws reaches the caller; the network then has the parameters of the last step, the state is
///          that of the last complete epoch.
/// Threads  with `options.threads` other than 1 the loss is called by several threads at once, each with its own part
///          of a batch (a batch of more than 64 samples is cut in any case); callbacks only by the calling thread.
/// Cost     about 3 forward passes a sample; steady state allocates nothing. Memory: parameters times 4 + batch / 64.
template <class Net, class S, Loss<S> L, Optimizer<typename Net::Parameters> O>
Training fit(Net& net, const Dataset<S>& data, const Dataset<S>& validation, const L& loss, const O& optimizer,
             const FitOptions& options, TrainingState<Net>& state) {
    static_assert(std::is_same_v<S, typename Net::Scalar>, "renn::fit: the data set's scalar must be the network's");
    static_assert(!std::is_const_v<Net>,
                  "renn::fit: a const network, as a traced one is, cannot be trained; train a copy");
    detail::check_options(options, detail::Schedulable<O>);
    detail::require_trainable("fit", state.network, data, loss);
    detail::check_state(net, state, options);
    const EarlyStopping& stopping = options.early_stopping;
    detail::check_validation(net, validation, stopping, loss);
    optimizer.check();

    const detail::Frozen<S> frozen(state.network, options.frozen);
    detail::BatchGradient<Net> gradient(net, std::min(options.batch, data.samples()), options.threads);
    net = state.network;
    state.seed = options.seed;
    auto moments = state.moments;
    std::uint64_t step = state.step;
    std::vector<Index> order(static_cast<std::size_t>(data.samples()));
    const auto samples = static_cast<std::uint64_t>(data.samples());
    const Index batches = (data.samples() - 1) / options.batch + 1;
    const Index steps = (batches - 1) / options.accumulate + 1;

    Training training;
    const auto waited_enough = [&] { return stopping.active() && state.epoch - state.best_epoch >= stopping.patience; };
    while (state.epoch < options.epochs && !training.cancelled && !waited_enough()) {
        const auto start = std::chrono::steady_clock::now();
        Epoch epoch{.number = state.epoch + 1};
        std::iota(order.begin(), order.end(), Index{0});
        if (options.shuffle) {
            Rng rng(mix(options.seed, static_cast<std::uint64_t>(epoch.number)));
            shuffle(order, rng);
        }
        detail::BatchMeasures sums;
        for (Index batch = 0; batch < batches && !training.cancelled; ++batch) {
            const Index first = batch * options.batch, count = std::min(options.batch, data.samples() - first);
            const bool begins = batch % options.accumulate == 0;
            const bool ends = (batch + 1) % options.accumulate == 0 || batch + 1 == batches;
            const auto measures = gradient.add(
                net, data, std::span(order).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)),
                Pass{.training = true, .seed = options.seed, .ids = {}, .step = step}, loss, begins, ends);
            if (!measures) {
                training.diverged = true;
                break;
            }
            sums.add(*measures);
            if (ends) {
                frozen.clear(gradient.gradient());
                clip(gradient.gradient(), options.clip);
                const Index stepped = batch / options.accumulate;
                const double time = state.epoch + static_cast<double>(stepped) / static_cast<double>(steps);
                const TrainingPoint point{step++, state.epoch, time, options.epochs};
                const double factor = detail::rate_factor(options.schedule, options.warm_up, point);
                detail::update_at(optimizer, factor, net.parameters(), gradient.gradient(), moments);
                frozen.restore(net.parameters(), moments);
            }
            gradient.absorb_into(net);
            const auto done =
                samples * static_cast<std::uint64_t>(state.epoch) + static_cast<std::uint64_t>(first + count);
            training.cancelled =
                options.progress &&
                !options.progress({done, samples * static_cast<std::uint64_t>(options.epochs), "training"});
        }
        if (training.diverged || !detail::finite(net.parameters())) {
            training.diverged = true;
            training.cancelled = false;
            net = state.network;
            return training;
        }
        if (training.cancelled) break;

        epoch.loss = sums.mean();
        if (data.has_labels()) epoch.accuracy = static_cast<double>(sums.correct) / static_cast<double>(samples);
        epoch.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        if (!validation.empty()) {
            const Evaluation measured = evaluate(net, validation, loss);
            epoch.validation_loss = measured.loss;
            epoch.validation_accuracy = measured.accuracy;
        }
        state.network = net;
        state.moments = moments;
        state.step = step;
        state.epoch = epoch.number;
        if (stopping.active()) state.note(stopping, epoch);
        training.epochs.push_back(epoch);
        training.cancelled = options.on_epoch && !options.on_epoch(epoch);
    }
    if (stopping.active() && !training.cancelled) {
        training.stopped_early = waited_enough();
        training.best_epoch = state.best_epoch;
        if (state.best) net = *state.best;
    }
    return training;
}

/// The same from the beginning, without a state to keep.
template <class Net, class S, Loss<S> L, Optimizer<typename Net::Parameters> O>
Training fit(Net& net, const Dataset<S>& data, const Dataset<S>& validation, const L& loss, const O& optimizer,
             const FitOptions& options) {
    TrainingState<Net> state(net);
    return fit(net, data, validation, loss, optimizer, options, state);
}

/// With a validation set, measured after each epoch, going on from a state. (That the validation set's type is deduced
/// and then constrained keeps `{}` for the options.)
template <class Net, class S, std::same_as<Dataset<S>> Validation>
Training fit(Net& net, const Dataset<S>& data, const Validation& validation, const FitOptions& options,
             TrainingState<Net>& state) {
    return fit(net, data, validation, detail::VariantLoss{options.loss}, detail::VariantOptimizer{options.optimizer},
               options, state);
}
/// With a validation set, from the beginning.
template <class Net, class S, std::same_as<Dataset<S>> Validation>
Training fit(Net& net, const Dataset<S>& data, const Validation& validation, const FitOptions& options = {}) {
    TrainingState<Net> state(net);
    return fit(net, data, validation, options, state);
}

/// fit(net, data, {.epochs = 10, .optimizer = Adam{.learning_rate = 1e-3}}): trains the network in place.
template <class Net, class S>
Training fit(Net& net, const Dataset<S>& data, const FitOptions& options = {}) {
    return fit(net, data, Dataset<S>(), options);
}
/// The same, going on from a state.
template <class Net, class S>
Training fit(Net& net, const Dataset<S>& data, const FitOptions& options, TrainingState<Net>& state) {
    return fit(net, data, Dataset<S>(), options, state);
}

}  // namespace renn::inline RENN_ABI
