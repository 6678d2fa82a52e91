// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE training_comforts
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <renn/activations/tanh.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/fingerprint.hpp>
#include <renn/network/network.hpp>
#include <renn/training/fit.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using renn::Batch;
using renn::BatchView;
using renn::BinaryCrossEntropy;
using renn::CrossEntropy;
using renn::DataError;
using renn::Dataset;
using renn::Dense;
using renn::Epoch;
using renn::FitOptions;
using renn::Index;
using renn::Network;
using renn::Sgd;
using renn::Tanh;
using renn::Targets;
using renn::TrainingPoint;
using renn::test::message_of;
using renn::test::random_batch;
using Scalars = boost::mpl::list<float, double>;
using Labels = std::vector<std::int32_t>;

namespace {

template <class S>
auto make_network(std::uint64_t seed = 1) {
    return Network(Dense<S>(4, 6, seed), Tanh<S>(), Dense<S>(6, 3, seed + 1));
}
template <class S>
using Net = decltype(make_network<S>());

template <class S>
Dataset<S> make_data(Index samples, std::uint64_t seed = 3) {
    Labels labels;
    for (Index j = 0; j < samples; ++j) labels.push_back(static_cast<std::int32_t>(j % 3));
    return Dataset<S>(random_batch<S>(4, samples, seed), {.labels = std::move(labels)});
}

template <class N>
double distance(const N& a, const N& b) {
    double sum = 0.0;
    renn::for_each_block([&sum](const auto& p, const auto& q) { sum += static_cast<double>((p - q).squaredNorm()); },
                         a.parameters(), b.parameters());
    return std::sqrt(sum);
}

template <class S>
Net<S> trained(const Dataset<S>& data, const FitOptions& options) {
    auto net = make_network<S>();
    renn::fit(net, data, options);
    return net;
}

/// Steps along the gradient and keeps what the learning rate was.
struct Watched {
    double learning_rate = 0.01;
    std::vector<double>* rates = nullptr;
    void check() const {}
    template <class P>
    void update(P&, const P&, renn::Moments<P>&) const {
        rates->push_back(learning_rate);
    }
};

std::vector<double> rates_of(const renn::AnySchedule& schedule, std::uint64_t warm_up = 0) {
    auto net = make_network<double>();
    std::vector<double> rates;
    renn::fit(net, make_data<double>(20), Dataset<double>(), CrossEntropy{}, Watched{1.0, &rates},
              {.epochs = 4, .batch = 10, .schedule = schedule, .warm_up = warm_up});
    return rates;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(accumulated_batches_are_one_large_batch, S, Scalars) {
    const auto data = make_data<S>(103);  // the last group of batches is not full, nor is its last batch
    const auto near = [&](FitOptions few, FitOptions many) {
        few.optimizer = many.optimizer = Sgd{.learning_rate = 0.5, .momentum = 0.5};
        few.epochs = many.epochs = 3;
        const auto apart = distance(trained<S>(data, few), trained<S>(data, many));
        BOOST_TEST(apart < 100 * static_cast<double>(std::numeric_limits<S>::epsilon()));
        BOOST_TEST(distance(trained<S>(data, few), make_network<S>()) > 0.1);
    };
    near({.batch = 10, .accumulate = 3}, {.batch = 30});
    near({.batch = 20, .accumulate = 1000}, {.batch = 103});
    const renn::AnyLoss weighted = CrossEntropy{.class_weights = {0.1, 3.0, 1.0}};
    near({.batch = 7, .accumulate = 4, .loss = weighted}, {.batch = 28, .loss = weighted});
    near({.batch = 16, .accumulate = 5, .loss = weighted}, {.batch = 80, .loss = weighted});  // 80: two chunks
}

BOOST_AUTO_TEST_CASE_TEMPLATE(clipping_limits_norm_and_values, S, Scalars) {
    auto gradient = make_network<S>().parameters();
    const auto original = gradient;
    const double norm = renn::global_norm(gradient);
    renn::clip(gradient, {.norm = norm * 1.01});
    BOOST_TEST((std::get<0>(gradient.layers).weights == std::get<0>(original.layers).weights));
    renn::clip(gradient, {.norm = 0.25});
    BOOST_TEST(std::abs(renn::global_norm(gradient) - 0.25) < 1e-6);
    gradient = original;
    renn::clip(gradient, {.value = 0.1});
    const Batch<S>& cut = std::get<0>(gradient.layers).weights;
    BOOST_TEST((cut == std::get<0>(original.layers).weights.cwiseMin(S(0.1)).cwiseMax(S(-0.1))));
    BOOST_TEST(std::abs(cut.cwiseAbs().maxCoeff() - S(0.1)) < S(1e-6));
    BOOST_TEST(message_of<DataError>([] { renn::Clipping{.norm = 0.0}.check(); }) ==
               "Clipping: norm: got 0.000000, expected above 0");

    // One step of plain descent goes as far as the learning rate times the norm.
    const auto data = make_data<S>(200);
    FitOptions options{.epochs = 1, .batch = 200, .optimizer = Sgd{.learning_rate = 1.0}, .clip = {.norm = 1e-3}};
    BOOST_TEST(std::abs(distance(trained<S>(data, options), make_network<S>()) - 1e-3) < 1e-6);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(frozen_layers_keep_their_bits, S, Scalars) {
    const auto data = make_data<S>(30);
    for (const renn::AnyOptimizer& optimizer :
         {renn::AnyOptimizer(renn::AdamW{.weight_decay = 0.5}), renn::AnyOptimizer(renn::Adam{.weight_decay = 0.5}),
          renn::AnyOptimizer(Sgd{.momentum = 0.9, .weight_decay = 0.5})}) {
        auto net = make_network<S>();
        const auto before = net.parameters();
        renn::fit(net, data, {.epochs = 3, .batch = 8, .optimizer = optimizer, .frozen = {"dense1"}});
        const auto& [first, none, last] = net.parameters().layers;
        BOOST_TEST((first.weights == std::get<0>(before.layers).weights));
        BOOST_TEST((first.bias == std::get<0>(before.layers).bias));
        BOOST_TEST((last.weights != std::get<2>(before.layers).weights));
    }
    Network nested(make_network<S>(), Dense<S>(3, 3, 9));
    const auto before = nested.parameters();
    renn::fit(nested, data, {.epochs = 1, .frozen = {"network1"}});
    const auto& inner = std::get<0>(nested.parameters().layers).layers;
    BOOST_TEST((std::get<2>(inner).weights == std::get<2>(std::get<0>(before.layers).layers).weights));
    BOOST_TEST((std::get<1>(nested.parameters().layers).weights != std::get<1>(before.layers).weights));
    BOOST_TEST(message_of<DataError>([&] {
                   renn::fit(nested, data, {.frozen = {"network1/dense2", "network1/den"}});
               }) ==
               "fit: frozen layer: got \"network1/den\", expected one of network1/dense1, network1/tanh1, "
               "network1/dense2, dense1");
}

BOOST_AUTO_TEST_CASE(schedules_have_the_rates_of_their_formulas) {
    const auto same = [](const std::vector<double>& got, const std::vector<double>& expected) {
        BOOST_REQUIRE(got.size() == expected.size());
        for (std::size_t i = 0; i < got.size(); ++i) BOOST_TEST(std::abs(got[i] - expected[i]) < 1e-12, "step " << i);
    };
    const double h = std::sqrt(0.5);
    same(rates_of(renn::ConstantRate{}), {1, 1, 1, 1, 1, 1, 1, 1});  // two steps an epoch
    same(rates_of(renn::ConstantRate{}, 4), {0.25, 0.5, 0.75, 1, 1, 1, 1, 1});
    same(rates_of(renn::StepDecay{.every = 2, .factor = 0.5}), {1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5});
    same(rates_of(renn::ExponentialDecay{.factor = 0.5}, 2), {0.5, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125});
    same(rates_of(renn::CosineDecay{.epochs = 2}), {1, (1 + h) / 2, 0.5, (1 - h) / 2, 0, 0, 0, 0});
    const auto whole = rates_of(renn::CosineDecay{.lowest = 0.2});
    BOOST_TEST(std::abs(whole[4] - 0.6) < 1e-12);
    same(rates_of([](const TrainingPoint& at) { return at.epoch + 10.0 * static_cast<double>(at.step); }),
         {0, 10, 21, 31, 42, 52, 63, 73});

    // A schedule acts on the library's optimizers too, and on none without a learning rate.
    const auto data = make_data<float>(20);
    const FitOptions still{.epochs = 2, .schedule = [](const TrainingPoint&) { return 0.0; }};
    BOOST_TEST(distance(trained<float>(data, still), make_network<float>()) == 0.0);
    struct Blind {
        void check() const {}
        void update(Net<float>::Parameters&, const Net<float>::Parameters&,
                    renn::Moments<Net<float>::Parameters>&) const {}
    };
    auto net = make_network<float>();
    BOOST_TEST(message_of<DataError>([&] { renn::fit(net, data, data, CrossEntropy{}, Blind{}, {.warm_up = 1}); }) ==
               "fit: schedule: got an optimizer without `double learning_rate`, expected one that has it");
    const auto message = [&](const renn::AnySchedule& s) {
        return message_of<DataError>([&] { renn::fit(net, data, {.schedule = s}); });
    };
    BOOST_TEST(message([](const TrainingPoint&) { return -1.0; }) ==
               "fit: schedule: factor before step 1: got -1.000000, expected a finite value, 0 or more");
    BOOST_TEST(message(renn::StepDecay{.every = 0}) == "StepDecay: every: got 0, expected 1 or more epochs");
    const double nan = std::numeric_limits<double>::quiet_NaN();
    BOOST_TEST(message(renn::StepDecay{.factor = nan}).starts_with("StepDecay: factor: got "));
    BOOST_TEST(message(renn::ExponentialDecay{.factor = -0.5}) ==
               "ExponentialDecay: factor: got -0.500000, expected a finite value, 0 or more");
    BOOST_TEST(message(renn::CosineDecay{.lowest = 1.5}) == "CosineDecay: lowest: got 1.500000, expected 0..1");
    BOOST_TEST(message(renn::CosineDecay{.epochs = -1}) == "CosineDecay: epochs: got -1, expected 0 or more");
    BOOST_TEST(
        message_of<DataError>([&] { renn::Clipping{.value = nan}.check(); }).starts_with("Clipping: value: got "));
    BOOST_TEST(message_of<DataError>([] { renn::EarlyStopping{.patience = 1, .min_delta = -1.0}.check(); }) ==
               "EarlyStopping: min_delta: got -1.000000, expected a finite value, 0 or more");
    BOOST_TEST(message(std::function<double(const TrainingPoint&)>()) ==
               "fit: schedule: got an empty function, expected one that can be called");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(early_stopping_ends_with_the_best_parameters, S, Scalars) {
    const auto data = make_data<S>(30), other = make_data<S>(60, 99);  // labels are noise: validation gets worse
    auto net = make_network<S>();
    std::vector<std::uint64_t> prints;
    const auto t =
        renn::fit(net, data, other,
                  {.epochs = 500,
                   .batch = 10,
                   .optimizer = renn::Adam{.learning_rate = 0.05},
                   .early_stopping = {.patience = 4},
                   .on_epoch = [&](const Epoch&) { return prints.push_back(renn::fingerprint(net)), true; }});
    BOOST_TEST(t.stopped_early);
    BOOST_TEST(t.epochs.size() == static_cast<std::size_t>(t.best_epoch + 4));
    const auto best = static_cast<std::size_t>(t.best_epoch - 1);
    for (const Epoch& e : t.epochs) BOOST_TEST(e.validation_loss >= t.epochs[best].validation_loss);
    BOOST_TEST(renn::fingerprint(net) == prints[best]);
    BOOST_TEST(renn::evaluate(net, other).loss == t.epochs[best].validation_loss);

    // No gain is large enough, so the first epoch stays the best.
    const auto early = renn::fit(
        net, data, other,
        {.epochs = 50,
         .early_stopping = {.patience = 2, .min_delta = 10.0, .measure = renn::EarlyStopping::Measure::accuracy}});
    BOOST_TEST(early.best_epoch == 1);
    BOOST_TEST(early.epochs.size() == 3u);
    BOOST_TEST(message_of<DataError>([&] { renn::fit(net, data, {.early_stopping = {.patience = 1}}); }) ==
               "fit: early_stopping: got no validation set, expected one to measure");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(class_weights_are_weighted_means, S, Scalars) {
    // A class of weight 2 counts like two samples, one of weight 0 like none.
    const Batch<S> z = random_batch<S>(3, 5, 4);
    const Labels labels{0, 1, 2, 1, 2}, repeated{0, 1, 1, 1, 1};
    Batch<S> twice(3, 5), g, h;
    twice << z.col(0), z.col(1), z.col(1), z.col(3), z.col(3);
    const CrossEntropy weighted{.class_weights = {1.0, 2.0, 0.0}};
    const double one = weighted(BatchView<S>(z), Targets<S>{labels}, g);
    const double other = CrossEntropy{}(BatchView<S>(twice), Targets<S>{repeated}, h);
    const double rounding = 20 * static_cast<double>(std::numeric_limits<S>::epsilon());
    BOOST_TEST(std::abs(one - other) < rounding);
    BOOST_TEST((g.col(0) - h.col(0)).norm() < rounding);
    BOOST_TEST((g.col(1) - h.col(1) - h.col(2)).norm() < rounding);
    BOOST_TEST(g.col(2).norm() == 0);
    const Labels none{2, 2, 2, 2, 2};
    BOOST_TEST(weighted(BatchView<S>(z), Targets<S>{none}, g) == 0.0);
    BOOST_TEST(g.norm() == 0);

    // Probabilities: weights inside the sum, mean over samples.
    Batch<S> certain = Batch<S>::Zero(3, 5);
    for (Index j = 0; j < 5; ++j) certain(labels[static_cast<std::size_t>(j)], j) = S(1);
    BOOST_TEST(std::abs(weighted(BatchView<S>(z), Targets<S>{{}, &certain}, h) - one) < rounding);

    // A logit z is the two logits 0 and z.
    const Labels two{0, 1, 1, 0, 1};
    Batch<S> pair = Batch<S>::Zero(2, 5);
    pair.row(1) = z.row(0);
    const std::vector<double> weights{0.3, 4.0};
    const Batch<S> logit = z.row(0);
    BOOST_TEST(std::abs(BinaryCrossEntropy{weights}(BatchView<S>(logit), Targets<S>{two}, g) -
                        CrossEntropy{weights}(BatchView<S>(pair), Targets<S>{two}, h)) < rounding);
    BOOST_TEST((g - h.row(1)).norm() < rounding);

    const auto message = [&](const std::vector<double>& w) {
        return message_of<renn::Error>([&] { CrossEntropy{w}(BatchView<S>(z), Targets<S>{labels}, g); });
    };
    BOOST_TEST(message({1, 2}) == "CrossEntropy: class_weights: got 2, expected 3, one a class");
    BOOST_TEST(message({1, -2, 1}) ==
               "CrossEntropy: weight of class 1: got -2.000000, expected a finite value, 0 or more");
}

BOOST_AUTO_TEST_CASE(empty_braces_are_options) {
    const auto data = make_data<float>(10);
    auto net = make_network<float>();
    BOOST_TEST(renn::fit(net, data, {}).epochs.size() == 10u);
    BOOST_TEST(renn::fit(net, data, data, {}).epochs.size() == 10u);
    renn::TrainingState state(net);
    BOOST_TEST(renn::fit(net, data, {}, state).epochs.size() == 10u);
    BOOST_TEST(message_of<DataError>([&] { renn::fit(net, data, {.accumulate = 0}); }) ==
               "fit: accumulate: got 0, expected 1 or more");
}
