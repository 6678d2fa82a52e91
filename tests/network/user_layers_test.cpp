// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE user_layers
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>
#include <renn/retrace/trace.hpp>
#include <renn/tracing/activations.hpp>
#include <renn/training/fit.hpp>

#include "network/user_layers.hpp"
#include "support/gradient_check.hpp"
#include "support/random_batch.hpp"

using elsewhere::Diary;
using elsewhere::Gain;
using elsewhere::GradientTimesInput;
using elsewhere::Normalise;
using renn::Batch;
using renn::Dense;
using renn::Index;
using renn::test::random_batch;
using renn::test::same_bits;

namespace {

/// A user's layers at both ends and inside a nested network; double, so that differences are sharp.
auto make_network() {
    return renn::Network(Gain<double>(3), Dense<double>(3, 4, 1), Normalise<double>(),
                         renn::Network(Dense<double>(4, 4, 2), Gain<double>(4)), Dense<double>(4, 2, 3));
}
using Net = decltype(make_network());

renn::Dataset<double> make_data() {
    const Batch<double> x = random_batch<double>(3, 40, 4);
    std::vector<std::int32_t> labels;
    for (Index j = 0; j < 40; ++j) labels.push_back(x(0, j) > x(1, j) ? 1 : 0);
    return {x, {.labels = labels}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_users_layer_takes_part_in_forward_and_in_names) {
    const Net net = make_network();
    const std::vector<std::string> names(net.names().begin(), net.names().end());
    BOOST_TEST(names == (std::vector<std::string>{"gain1", "dense1", "normalise1", "network1", "dense2"}),
               boost::test_tools::per_element());
    BOOST_TEST(net.describe() == "[Gain, Dense 3 -> 4, Normalise, [Dense 4 -> 4, Gain], Dense 4 -> 2]");
    const Batch<double> x = random_batch<double>(3, 7, 1);
    const Batch<double> y = net.predict(x);
    for (Index j = 0; j < 7; ++j) BOOST_TEST(same_bits(net.predict(x.col(j)), Batch<double>(y.col(j))));
    BOOST_TEST(renn::parameter_count(net.parameters()) == 3 + 16 + 20 + 4 + 10);
}

BOOST_AUTO_TEST_CASE(a_users_visitor_sees_every_layer_with_its_path) {
    const Net net = make_network();
    renn::Workspace<Net> workspace;
    Diary diary;
    net.forward(random_batch<double>(3, 2, 1), workspace, {}, diary);
    const std::vector<std::string> expected{"gain1 0 3->3 Gain",           "dense1 1 3->4 Dense",
                                            "normalise1 2 4->4 Normalise", "network1/dense1 0 4->4 Dense",
                                            "network1/gain1 1 4->4 Gain",  "network1 3 4->4 Network",
                                            "dense2 4 4->2 Dense"};
    BOOST_TEST(diary.lines == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(gradients_run_through_a_users_layers) {
    Net net = make_network();
    Batch<double> x = random_batch<double>(3, 6, 5);
    const Batch<double> dy = random_batch<double>(2, 6, 6);
    for (const bool training : {false, true}) {
        renn::Workspace<Net> workspace;
        const renn::Pass pass{.training = training};
        const auto loss = [&] { return net.forward(x, workspace, pass).cwiseProduct(dy).sum(); };
        loss();
        Net::Parameters gradient = net.parameters();
        renn::for_each_block([](auto& block) { renn::test::fill_with_nan(block); }, gradient);
        Batch<double> dx, dx_alone;
        net.reverse_walk(renn::ParameterGradient{}, x, workspace, dy, dx, &gradient);
        net.reverse_walk(renn::InputGradient{}, x, workspace, dy, dx_alone);
        BOOST_TEST(same_bits(dx, dx_alone));
        renn::NotWanted none;  // the first layer insists on writing its input's gradient, and gets scratch
        Net::Parameters gradient_alone;
        net.reverse_walk(renn::ParameterGradient{}, x, workspace, dy, none, &gradient_alone);
        BOOST_TEST(renn::detail::hash_parameters(gradient, 0) == renn::detail::hash_parameters(gradient_alone, 0));
        Batch<double> dx_without_slot;
        net.reverse_walk(renn::ParameterGradient{}, x, workspace, dy, dx_without_slot);
        BOOST_TEST(same_bits(dx_without_slot, dx));
        BOOST_TEST(renn::test::gradient_error(loss, x, dx) < 1e-8);
        BOOST_TEST(renn::test::parameter_gradient_error(loss, net.parameters(), gradient) < 1e-8);
    }
}

BOOST_AUTO_TEST_CASE(a_users_rule_meets_every_layer_and_its_own_overloads) {
    const Net net = make_network();
    const Batch<double> x = random_batch<double>(3, 4, 5), dy = random_batch<double>(2, 4, 6);
    renn::Workspace<Net> workspace;
    net.forward(x, workspace);
    GradientTimesInput rule;
    Batch<double> below, dx;
    net.reverse_walk(rule, x, workspace, dy, below);
    net.reverse_walk(renn::InputGradient{}, x, workspace, dy, dx);
    BOOST_TEST(same_bits(below, dx));
    BOOST_TEST(rule.paths == (std::vector<std::string>{"dense2", "network1/gain1", "network1/dense1", "normalise1",
                                                       "dense1", "gain1"}),
               boost::test_tools::per_element());
    BOOST_TEST(rule.dense_layers == 3);
    BOOST_TEST(std::abs(rule.sums[1] - rule.sums[2]) < 1e-12);  // a gain without bias conserves gradient times input
    renn::NotWanted none;
    net.reverse_walk(rule, x, workspace, dy, none);
    BOOST_TEST(rule.paths.size() == 12u);
}

BOOST_AUTO_TEST_CASE(a_users_layers_can_be_trained) {
    Net net = make_network();
    const auto before = net.parameters();
    const auto data = make_data();
    const renn::Training training =
        renn::fit(net, data, {.epochs = 60, .batch = 8, .optimizer = renn::Adam{.learning_rate = 0.02}});
    BOOST_TEST(training.epochs.back().loss < 0.5 * training.epochs.front().loss);
    BOOST_TEST(renn::evaluate(net, data).accuracy > 0.9);
    BOOST_TEST(!same_bits(std::get<0>(net.parameters().layers).gain, std::get<0>(before.layers).gain));
}

BOOST_AUTO_TEST_CASE(a_users_layers_are_shown_by_activations) {
    const Net net = make_network();
    const Batch<double> x = random_batch<double>(3, 5, 7);
    const auto values = renn::activations(net, x);
    BOOST_TEST(values.names() == "gain1, dense1, normalise1, network1/dense1, network1/gain1, dense2");
    BOOST_TEST(values.layers() == 5);
    BOOST_TEST(same_bits(values.post(1), values["normalise1"]));
    BOOST_TEST(same_bits(values.pre(2), values["network1/dense1"]));
    BOOST_TEST(same_bits(values.output(), net.predict(x)));
    for (Index j = 0; j < 5; ++j) BOOST_TEST(std::abs(values["normalise1"].col(j).norm() - 1.0) < 1e-12);
}

BOOST_AUTO_TEST_CASE(a_users_layers_are_traced_and_a_training_sample_finds_itself) {
    const auto data = make_data();
    auto traced = renn::trace(make_network());
    traced.record(data);
    for (const Index j : {0, 17, 39}) {
        const auto answer = traced.retrace(Batch<double>(data.input(j)), {.k = 1});
        BOOST_TEST(answer.top(1).at(0).id == data.id(j));
        const auto neuron = answer.neuron("network1/gain1", 2);
        BOOST_TEST(neuron.neighbours.at(0).id == data.id(j));
        BOOST_TEST(neuron.neighbours.at(0).distance == 0.0);
    }
}
