// SPDX-License-Identifier: MIT
// Gradients of every kind of target, at every place of a network.
#define BOOST_TEST_MODULE gradient
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/activations/tanh.hpp>
#include <renn/attribution/gradient.hpp>
#include <renn/layers/concatenate.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/residual.hpp>
#include <renn/network/network.hpp>

#include "support/allocations.hpp"
#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using namespace renn;

namespace {

template <class S>
auto nested() {
    Network branch(Dense<S>(5, 5, 3), Tanh<S>{});
    Network left(Dense<S>(5, 2, 4), Tanh<S>{});
    Network right(Dense<S>(5, 3, 5));
    return Network(Dense<S>(4, 5, 1), Tanh<S>{}, Residual(branch), Concatenate(left, right), Dense<S>(5, 3, 2));
}

/// |gradient - central difference| of a target, greatest over features and samples.
template <class Net, class T>
double greatest_difference(const Net& net, const Batch<double>& x, const T& target) {
    const Batch<double> got = attribute(net, x, target, Gradient{}).scores;
    constexpr double h = 1e-5;
    double worst = 0.0;
    for (Index i = 0; i < x.rows(); ++i) {
        Batch<double> up = x, down = x;
        up.row(i).array() += h;
        down.row(i).array() -= h;
        AttributionWorkspace<Net> w;
        forward_to(net, up, target, w);
        const Column<double> above = w.value;
        forward_to(net, down, target, w);
        const Column<double> wanted = (above - w.value) / (2 * h);
        worst = std::max(worst, (got.row(i).transpose() - wanted).cwiseAbs().maxCoeff());
    }
    return worst;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_target_at_every_place_against_differences) {
    const auto net = nested<double>();
    const Batch<double> x = test::random_batch<double>(4, 6, 7);
    const std::vector<std::int32_t> labels{0, 1, 2, 2, 1, 0};
    const auto check = [&](const auto& target) { BOOST_TEST(greatest_difference(net, x, target) < 1e-8); };
    check(output(1));
    check(output(labels));
    check(predicted_output());
    check(probability(2));
    check(probability(labels));
    check(log_odds(0));
    check(log_odds({0, 1, 2, 2, 1, 0}));
    check(class_difference(0, 2));
    check(direction(Eigen::Vector3d(0.3, -2, 1)));
    check(direction(test::random_batch<double>(3, 6, 8)));
    for (const std::string& place : layer_paths(net)) {
        BOOST_TEST_CONTEXT(place) check(at(place, output(1)));
    }
}

BOOST_AUTO_TEST_CASE(a_target_inside_is_explained_like_the_output_of_what_leads_to_it) {
    const Dense<double> first(4, 5, 1), second(5, 2, 2);
    const Network<Dense<double>, ReLU<double>> front(first, ReLU<double>{});
    const Network<Dense<double>, ReLU<double>, Dense<double>> whole(first, ReLU<double>{}, second);
    const Batch<double> x = test::random_batch<double>(4, 9, 2);
    const auto inside = attribute(whole, x, at("relu1", output(3)), Gradient{});
    const auto alone = attribute(front, x, output(3), Gradient{});
    BOOST_TEST(test::same_bits(inside.scores, alone.scores));
    BOOST_TEST(test::same_bits(inside.explained, alone.explained));
}

BOOST_AUTO_TEST_CASE(scores_made_of_the_gradient) {
    Dense<float> first(3, 8, 1), second(8, 2, 2);
    const Network<Dense<float>, ReLU<float>, Dense<float>> net(first, ReLU<float>{}, second);
    const Batch<float> x = test::random_batch<float>(3, 5, 3);
    const Batch<float> g = attribute(net, x, output(1), Gradient{}).scores;
    BOOST_TEST(attribute(net, x, output(1), Sensitivity{}).scores.isApprox(g.cwiseAbs2()));
    BOOST_TEST(attribute(net, x, output(1), AbsoluteGradient{}).scores.isApprox(g.cwiseAbs()));
    const auto product = attribute(net, x, output(1), GradientTimesInput{});
    BOOST_TEST(product.scores.isApprox(g.cwiseProduct(x)));
    BOOST_TEST(product.gap.cwiseAbs().maxCoeff() < 1e-5F);  // biases are 0
    BOOST_TEST(attribute(net, Batch<float>(3, 0), output(1), Gradient{}).scores.cols() == 0);
}

BOOST_AUTO_TEST_CASE(a_workspace_used_again_allocates_nothing) {
    Network<Dense<float>, ReLU<float>, Dense<float>> net(Dense<float>(20, 16, 1), ReLU<float>{},
                                                         Dense<float>(16, 4, 2));
    const Batch<float> x = test::random_batch<float>(20, 1, 3);
    AttributionWorkspace<decltype(net)> workspace;
    Attribution<float> result;
    const auto target = output(2);
    const Gradient method;
    method(net, x, target, workspace, result);
    BOOST_TEST(test::allocations([&] { method(net, x, target, workspace, result); }) == 0U);
}

BOOST_AUTO_TEST_CASE(targets_that_are_not_there_say_so) {
    const auto net = nested<double>();
    const Batch<double> x = test::random_batch<double>(4, 2, 7);
    const auto message = [&](const auto& target) {
        return test::message_of<Error>([&] { attribute(net, x, target, Gradient{}); });
    };
    BOOST_TEST(message(output(3)) == "target: output of sample 0: got 3, expected 0..2, the outputs");
    BOOST_TEST(message(output(std::vector<std::int32_t>{0, 1, 2})) ==
               "target: outputs chosen: got 3, expected 2, one a sample");
    BOOST_TEST(message(at("dense9", output(0))).find("target: layer: got \"dense9\", expected one of dense1, tanh1") ==
               0U);
    BOOST_TEST(message(at("tanh1", output(5))) == "target: output of sample 0: got 5, expected 0..4, the outputs");
    BOOST_TEST(message(direction(Eigen::Vector2d(1, 2))).find("target: weights on the outputs") == 0U);
}
