// SPDX-License-Identifier: MIT
// Heads that name training samples: what they learn, and that a detached one changes nothing.
#define BOOST_TEST_MODULE heads
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <renn/activations/tanh.hpp>
#include <renn/network/fingerprint.hpp>
#include <renn/training/fit.hpp>
#include <renn/training/heads.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using renn::Adam;
using renn::Batch;
using renn::DataError;
using renn::Dataset;
using renn::Dense;
using renn::HeadOptions;
using renn::Index;
using renn::JointLoss;
using renn::Naming;
using renn::Network;
using renn::ShapeError;
using renn::Tanh;
using renn::test::message_of;

namespace {

constexpr Index width = 12, samples = 150;

auto trunk() {
    return Network(Dense<float>(4, width, 1), Tanh<float>());
}
auto task() {
    return Network(Dense<float>(width, 3, 2));
}
auto joint(Index outputs, bool detach) {
    return with_head(trunk(), task(), renn::make_head(width, outputs, {.detach = detach, .seed = 3}));
}

Dataset<float> three_classes(Index n = samples) {
    std::vector<std::int32_t> labels;
    for (Index s = 0; s < n; ++s) labels.push_back(static_cast<std::int32_t>(s % 3));
    return Dataset<float>(renn::test::random_batch<float>(4, n, 9), {.labels = std::move(labels)});
}

const renn::FitOptions options{.epochs = 3, .batch = 70, .seed = 4};  // batches of one chunk and of two

template <class Net>
renn::Training train(Net& net, const Dataset<float>& data, const JointLoss<>& loss, renn::FitOptions more = options) {
    return fit(net, data, Dataset<float>(), loss, Adam{.learning_rate = 0.01}, more);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_detached_head_leaves_the_task_bit_for_bit) {
    const auto data = three_classes();
    Network plain(trunk(), task());
    const auto alone = fit(plain, data, Dataset<float>(), renn::CrossEntropy{}, Adam{.learning_rate = 0.01}, options);
    const std::pair<JointLoss<>, Dataset<float>> heads[] = {
        {{.head = 3, .lambda = 0.7}, with_identities(data, 3, 1)},
        {{.head = samples, .lambda = 2.0, .naming = Naming::unit}, with_numbers(data)}};
    for (const auto& [loss, named] : heads) {
        auto detached = joint(loss.head, true), attached = joint(loss.head, false);
        const auto training = train(detached, named, loss);
        train(attached, named, loss);
        BOOST_TEST(renn::fingerprint(without_head(detached)) == renn::fingerprint(plain));
        BOOST_TEST(renn::fingerprint(without_head(attached)) != renn::fingerprint(plain));
        BOOST_TEST(training.epochs.back().accuracy == alone.epochs.back().accuracy);  // of the answer, not of the head
        BOOST_TEST(training.epochs.back().loss < training.epochs.front().loss);
        // The head did learn.
        auto still = joint(loss.head, true);
        const auto before = evaluate(still, named, loss).loss - evaluate(without_head(still), data).loss;
        const auto after = evaluate(detached, named, loss).loss - evaluate(plain, data).loss;
        BOOST_TEST(after < before);
    }
}

BOOST_AUTO_TEST_CASE(a_head_names_the_sample_it_is_shown) {
    const Index n = 15;
    const auto data = three_classes(n);
    const renn::FitOptions longer{.epochs = 400, .batch = n, .seed = 4};
    const std::pair<JointLoss<>, Dataset<float>> heads[] = {{{.head = 2, .lambda = 5.0}, with_identities(data, 2)},
                                                            {{.head = n, .naming = Naming::unit}, with_numbers(data)}};
    for (const auto& [loss, named] : heads) {
        auto net = joint(loss.head, false);
        train(net, named, loss, longer);
        int found = 0;
        for (Index s = 0; s < n; ++s) {
            const renn::Column<float> outputs = net.predict(data.input(s));
            const auto first = named_samples(outputs, named, loss.naming, loss.head, 4);
            BOOST_TEST(first.size() == 4U);
            const bool falling = loss.naming == Naming::unit;
            for (std::size_t i = 1; i < 4; ++i) {
                BOOST_TEST((falling ? first[i].value <= first[i - 1].value : first[i].value >= first[i - 1].value));
            }
            found += first[0].id == data.id(s) ? 1 : 0;
        }
        BOOST_TEST(found >= 12);
    }
}

BOOST_AUTO_TEST_CASE(regression_stands_above_the_head) {
    const Batch<float> x = renn::test::random_batch<float>(4, 40, 1), t = renn::test::random_batch<float>(3, 40, 2);
    const Dataset<float> data(x, {.targets = t});
    Network plain(trunk(), task());
    fit(plain, data, Dataset<float>(), renn::MeanSquaredError{}, Adam{}, options);
    const auto named = with_identities(data, 2);
    BOOST_TEST((named.targets().topRows(3) == t));
    auto net = joint(2, true);
    fit(net, named, Dataset<float>(), JointLoss<renn::MeanSquaredError>{.head = 2}, Adam{}, options);
    BOOST_TEST(renn::fingerprint(without_head(net)) == renn::fingerprint(plain));
}

BOOST_AUTO_TEST_CASE(bad_input_is_named) {
    const auto data = three_classes();
    auto net = joint(3, true);
    BOOST_TEST(message_of<ShapeError>([&] { train(net, data, {.head = 3}); }) ==
               "JointLoss: targets: got 0 a sample, expected 3: what the head is to say");
    BOOST_TEST(message_of<DataError>([&] { train(net, with_identities(data, 3), {.head = 6}); }) ==
               "JointLoss: head: got 6, expected 1..5");
    BOOST_TEST(message_of<DataError>([&] { train(net, with_identities(data, 3), {.head = 3, .lambda = -1.0}); }) ==
               "JointLoss: lambda: got -1.000000, expected a finite value, 0 or more");
    BOOST_TEST(message_of<DataError>([&] { train(net, with_identities(data, 4), {.head = 4}); }) ==
               "JointLoss: classes: got 3, expected at most 2, the task's outputs");
    BOOST_TEST(message_of<DataError>([&] { train(net, with_numbers(data), {.head = 3, .naming = Naming::unit}); }) ==
               "JointLoss: samples: got more than the head has outputs, expected at most 3");
    BOOST_TEST(message_of<DataError>([&] { with_identities(Dataset<float>(), 3); }) ==
               "with_identities: samples: got 0, expected 1 or more");
    BOOST_TEST(message_of<DataError>([&] { with_identities(data, 0); }) ==
               "with_identities: dimension: got 0, expected 1 or more");
    BOOST_TEST(message_of<DataError>([&] { with_numbers(Dataset<float>()); }) ==
               "with_numbers: samples: got 0, expected 1 or more");
    const renn::Column<float> outputs = net.predict(data.input(0));
    BOOST_TEST(message_of<ShapeError>([&] { named_samples(outputs, data, Naming::vector, 9, 1); }) ==
               "named_samples: outputs: got 6, expected 9 or more, the head's");
    BOOST_TEST(message_of<DataError>([&] { named_samples(outputs, data, Naming::vector, 3, 1); }) ==
               "named_samples: targets: got 0 a sample, expected those of with_identities or with_numbers");
}
