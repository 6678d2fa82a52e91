// SPDX-License-Identifier: MIT
#include "train.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <renn/training/fit.hpp>

#include "data_set.hpp"
#include "describe.hpp"
#include "job.hpp"
#include "make_network.hpp"
#include "measure.hpp"

namespace playground {
namespace {

using Clock = std::chrono::steady_clock;
using State = renn::TrainingState<Net>;

double seconds_of(Clock::duration d) {
    return std::chrono::duration<double>(d).count();
}

Start start_of(const Snapshot& now, const TrainOptions& options) {
    if (!options.further) return Start::anew;
    if (!now.model) throw HttpError(409, "not_trained", "there is no trained network to train further");
    const Model& model = *now.model;
    if (!continues(now)) {
        throw HttpError(
            409, "plan_changed",
            "the network's plan is no longer that of the trained network: train anew, or take the change back");
    }
    const bool same_way = model.state && model.report && model.report->options.optimizer == options.optimizer &&
                          model.report->options.loss == options.loss;
    return same_way ? Start::state : Start::weights;
}

/// Where fit goes on.
State state_of(const Snapshot& now, const TrainRun& run) {
    if (run.start() == Start::anew) return State(make_network(now.plan, *now.data, run.seed()));
    if (run.start() == Start::state) return *now.model->state;
    State state(now.model->traced.network());
    if (const auto& old = now.model->state) {
        // The numbers go on, so that no order of samples comes twice.
        state.epoch = old->epoch;
        state.step = old->step;
        state.seed = old->seed;
    }
    return state;
}

[[noreturn]] void diverged(TrainRun& run, int epoch, const std::string& what) {
    const TrainOptions& options = run.options();
    char rate[32];
    std::snprintf(rate, sizeof rate, "%.3g", options.learning_rate / 10.0);
    const std::string told = "training diverged in epoch " + std::to_string(epoch) + ": " + what +
                             " no longer finite. Try a learning rate of " + rate +
                             (options.optimizer == "SGD" ? " or the optimiser Adam" : "") +
                             ". The network of before is kept.";
    run.end("diverged", told);
    throw std::runtime_error(told);
}

/// Takes a training from its beginning to the last epoch it completes.
class Training {
public:
    Training(Session& session, Job& job, TrainRun& run, const renn::Dataset<float>& test)
        : session_(session), job_(job), run_(run), test_(test), loss_(run.options().any_loss()) {}

    /// Throws Cancelled.
    void fit(State& state, const renn::Dataset<float>& data, PhaseSeconds& seconds) {
        const TrainOptions& wanted = run_.options();
        first_ = state.epoch;
        const auto samples = static_cast<std::uint64_t>(data.samples());
        done_before_ = samples * static_cast<std::uint64_t>(first_);
        at_ = {.done = 0, .total = samples * static_cast<std::uint64_t>(wanted.epochs), .phase = "training"};
        const auto begin = Clock::now();
        if (run_.history().empty()) {
            const auto before = measured(state.network);
            if (!before) throw Cancelled{};
            run_.set_before(before->evaluation);
            session_.events().publish_each("before", describe(before->evaluation));
        }
        renn::FitOptions options{.epochs = first_ + wanted.epochs, .batch = wanted.batch};
        options.loss = loss_;
        options.optimizer = wanted.any_optimizer();
        options.seed = run_.seed();
        // One core stays free for the page; the numbers are the same for any number of threads.
        options.threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()) - 1);
        options.progress = [this](const renn::Progress& p) {
            at_.done = p.done - done_before_;
            return go_on();
        };
        options.on_epoch = [&](const renn::Epoch& epoch) { return epoch_done(state, epoch); };
        waited_before_epoch_ = waited_;
        Net net = state.network;
        const auto training = renn::fit(net, data, options, state);
        seconds.training = seconds_of(Clock::now() - begin - waited_ - measuring_);
        seconds.evaluation = seconds_of(measuring_);
        run_.trained();
        if (training.diverged) diverged(run_, state.epoch + 1, "the loss is");
        if (!run_.finishes()) job_.throw_if_cancelled();
    }

    /// Of the state's network: what was measured last, or, if that was interrupted, measured now.
    Measured result(const State& state, PhaseSeconds& seconds) {
        if (!latest_) {
            at_ = {.done = 0, .total = static_cast<std::uint64_t>(test_.samples()), .phase = "evaluation"};
            const auto begin = Clock::now();
            const auto waited = waited_;
            latest_ =
                playground::measure(state.network, test_, loss_, run_.options().test_batch, [this](renn::Index done) {
                    at_.done = static_cast<std::uint64_t>(done);
                    return report();
                });
            if (!latest_) throw Cancelled{};
            seconds.evaluation += seconds_of(Clock::now() - begin - (waited_ - waited));
            renn::Epoch epoch = unmeasured_;
            publish(epoch);
        }
        return *latest_;
    }

private:
    Session& session_;
    Job& job_;
    TrainRun& run_;
    const renn::Dataset<float>& test_;
    renn::AnyLoss loss_;
    int first_ = 0;
    std::uint64_t done_before_ = 0;
    renn::Progress at_ = {};
    Clock::duration waited_ = {}, waited_before_epoch_ = {}, measuring_ = {};
    std::optional<Measured> latest_;
    renn::Epoch unmeasured_ = {};

    /// Waits while the job is paused.
    bool report() {
        const auto begin = Clock::now();
        const bool goes_on = job_.report(at_);
        waited_ += Clock::now() - begin;
        return goes_on;
    }
    bool go_on() { return report() && !run_.finishes(); }

    std::optional<Measured> measured(const Net& net) {
        const auto begin = Clock::now();
        const auto waited = waited_;
        auto result =
            playground::measure(net, test_, loss_, run_.options().test_batch, [this](renn::Index) { return go_on(); });
        measuring_ += Clock::now() - begin - (waited_ - waited);
        return result;
    }

    bool epoch_done(const State& state, renn::Epoch epoch) {
        epoch.seconds = std::max(0.0, epoch.seconds - seconds_of(waited_ - waited_before_epoch_));
        latest_ = measured(state.network);
        waited_before_epoch_ = waited_;
        if (!latest_) {
            unmeasured_ = epoch;
            return false;
        }
        publish(epoch);
        return true;
    }

    void publish(renn::Epoch epoch) {
        epoch.validation_loss = latest_->evaluation.loss;
        epoch.validation_accuracy = latest_->evaluation.accuracy;
        run_.add(epoch);
        session_.events().publish_each("epoch", describe(epoch));
    }
};

/// So many samples of a set: of MNIST, which is in no order, the first, as the original takes them; of others, which
/// may be sorted by anything, every so many.
renn::Dataset<float> part_of(const DataSet& data, const renn::Dataset<float>& set, renn::Index count) {
    if (data.name == "mnist" || count == set.samples()) return set.first(count);
    std::vector<renn::Index> positions(static_cast<std::size_t>(count));
    for (renn::Index i = 0; i < count; ++i) positions[static_cast<std::size_t>(i)] = i * set.samples() / count;
    return set.select(positions);
}

void run_to_the_end(Session& session, const Snapshot& now, Job& job, TrainRun& run) {
    const TrainOptions& options = run.options();
    auto train_set = part_of(*now.data, now.data->train, options.train);
    auto test_set = part_of(*now.data, now.data->test, options.test);
    auto state = std::make_shared<State>(state_of(now, run));
    TrainingReport report{.options = options, .plan = now.plan, .seed = run.seed(), .drawn = run.drawn()};
    Training training(session, job, run, test_set);
    training.fit(*state, train_set, report.seconds);
    report.test = training.result(*state, report.seconds);
    report.before = run.before();
    // Large weights can be finite, and what they lead to not.
    if (!std::isfinite(report.test.evaluation.loss)) diverged(run, state->epoch, "the loss of the test set is");
    std::optional<Traced> traced;
    try {
        traced = record_and_index(state->network, train_set, job.progress(), report.seconds);
    } catch (const renn::DataError&) {
        diverged(run, state->epoch, "what some neurons do is");
    }
    auto model = std::make_shared<const Model>(Model{.traced = std::move(*traced),
                                                     .train = std::move(train_set),
                                                     .test = std::move(test_set),
                                                     .history = run.history(),
                                                     .state = std::move(state),
                                                     .report = std::move(report)});
    bool same_data = true;
    session.update([&](Snapshot& s) {
        same_data = s.data == now.data;
        if (same_data) s.model = std::move(model);
    });
    if (!same_data) throw std::runtime_error("the data set was changed meanwhile, so what was trained was dropped");
}

}  // namespace

bool continues(const Snapshot& now) {
    if (!now.model) return false;
    if (now.model->report) return now.model->report->plan == now.plan;
    try {
        return make_network(now.plan, *now.data, 0).describe() == now.model->traced.network().describe();
    } catch (const HttpError&) {
        return false;  // the plan does not even fit the data
    }
}

std::shared_ptr<TrainRun> plan_training(const Snapshot& now, const TrainOptions& options) {
    const Start start = start_of(now, options);
    const bool goes_on = start != Start::anew && now.model->report;
    const bool drawn = goes_on ? now.model->report->drawn : !now.plan.seed;
    const std::uint64_t seed =
        goes_on ? now.model->report->seed : now.plan.seed.value_or(std::random_device{}() % 100000);
    auto history = start == Start::anew ? std::vector<renn::Epoch>() : now.model->history;
    auto run = std::make_shared<TrainRun>(options, start, seed, drawn, std::move(history), now.data);
    if (goes_on && now.model->report->before) run->set_before(*now.model->report->before);
    return run;
}

NetworkCost cost_of(const Snapshot& now, const TrainOptions& options) {
    return cost_of(lay_out(now.plan, *now.data), *now.data, static_cast<std::uint64_t>(options.batch));
}

void train(Session& session, const Snapshot& now, Job& job, TrainRun& run) {
    try {
        run_to_the_end(session, now, job, run);
        run.end(run.finishes() ? "kept" : "done");
    } catch (const Cancelled&) {
        run.end("cancelled");
        throw;
    } catch (const std::exception& e) {
        if (run.json().at("outcome").is_null()) run.end("failed", e.what());
        throw;
    }
}

}  // namespace playground
