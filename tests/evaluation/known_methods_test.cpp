// SPDX-License-Identifier: MIT
// labels: golden
// What is known of the methods, found by the tests that are to find it.
#define BOOST_TEST_MODULE known_methods
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <string>

#include <renn/activations/relu.hpp>
#include <renn/attribution/gradient.hpp>
#include <renn/attribution/guided_backprop.hpp>
#include <renn/attribution/relevance/presets.hpp>
#include <renn/attribution/relevance_propagation.hpp>
#include <renn/evaluation/axioms.hpp>
#include <renn/evaluation/continuity.hpp>
#include <renn/evaluation/sanity_checks.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>

#include "support/golden.hpp"
#include "support/golden_networks.hpp"
#include "support/random_batch.hpp"

using namespace renn;

namespace {

/// h = (x1 - x2)+, (x2 - x1)+, (x1 + x2)+; f = (h1 / 2 + h2 / 2 + h3 / 2)+ = max(x1, x2) of inputs that are not
/// negative.
auto maximum() {
    Batch<double> w(3, 2), v(1, 3);
    w << 1, -1, -1, 1, 1, 1;
    v << 0.5, 0.5, 0.5;
    return Network(Dense<double>(DenseParameters<double>{w, Column<double>::Zero(3)}), ReLU<double>{},
                   Dense<double>(DenseParameters<double>{v, Column<double>::Zero(1)}), ReLU<double>{});
}

const RelevancePropagation z_plus{relevance::excitation_backprop()};  // alpha 1, beta 0

}  // namespace

BOOST_AUTO_TEST_CASE(alpha_1_beta_0_has_all_four_properties_on_the_maximum) {
    const auto net = maximum();
    const Batch<double> x = 0.55 + 0.45 * test::random_batch<double>(2, 40, 5).array();
    const Axioms axioms = check_axioms(net, x, predicted_output(), z_plus);
    BOOST_TEST_MESSAGE(axioms.text());
    BOOST_TEST((axioms.conservation.holds && axioms.positivity.holds));
    BOOST_TEST((axioms.continuity.holds && axioms.selectivity.holds));
    BOOST_TEST(!check_axioms(net, x, predicted_output(), GradientTimesInput{}).continuity.holds);

    // Across x1 = x2: its continuity stays below sqrt(2); of the others it grows as the distance shrinks.
    const Batch<double> edge = Column<double>::LinSpaced(20, 0.1, 0.9).transpose().replicate(2, 1);
    for (const double deviation : {1e-2, 1e-4}) {
        BOOST_TEST(continuity(net, edge, output(0), z_plus, {.deviation = deviation}).greatest <=
                   std::sqrt(2.0) + 1e-3);
        BOOST_TEST(continuity(net, edge, output(0), GradientTimesInput{}, {.deviation = deviation}).greatest >
                   0.3 / deviation);
        BOOST_TEST(continuity(net, edge, output(0), Sensitivity{}, {.deviation = deviation}).greatest >
                   0.3 / deviation);
    }
}

BOOST_AUTO_TEST_CASE(gradients_forget_with_the_network_guided_backprop_and_z_plus_do_not) {
    const test::Golden golden("attribution/cnn");
    const auto net = test::golden_cnn(golden);
    const Batch<double> x = golden.batch<double>("x");
    const OutputTarget target = output(test::golden_target(golden));
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
        const RandomiseOptions options{.seed = seed, .image = {1, 14, 14}};
        const RandomisationCheck gradient = randomise_parameters(net, x, target, Gradient{}, options);
        const RandomisationCheck guided = randomise_parameters(net, x, target, GuidedBackprop{}, options);
        const RandomisationCheck positive = randomise_parameters(net, x, target, z_plus, options);
        BOOST_TEST_MESSAGE("seed " << seed << ": gradient " << gradient.similarity.score << ", guided "
                                   << guided.similarity.score << ", z+ " << positive.similarity.score);
        BOOST_TEST((!gradient.stays_similar && gradient.at_the_end.score < 0.3));
        BOOST_TEST((guided.stays_similar && positive.stays_similar && positive.similarity.score > 0.7));
    }
}
