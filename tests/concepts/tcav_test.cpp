// SPDX-License-Identifier: MIT
// Concept vectors and TCAV on networks whose dependence on a concept is known.
#define BOOST_TEST_MODULE tcav
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/activations/tanh.hpp>
#include <renn/attribution/gradient.hpp>
#include <renn/concepts/tcav.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/residual.hpp>
#include <renn/network/network.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using namespace renn;

namespace {

constexpr Index width = 6;

/// Inputs are the activations; the outputs are sums of them.
template <class S>
Network<Dense<S>, Dense<S>> linear_network() {
    Batch<S> out = Batch<S>::Zero(3, width);
    out(0, 0) = 2;   // rises with feature 0
    out(1, 0) = -1;  // falls with it
    out(2, 3) = 1;   // does not care
    return Network(Dense<S>(typename Dense<S>::Parameters{Batch<S>::Identity(width, width), Column<S>::Zero(width)}),
                   Dense<S>(typename Dense<S>::Parameters{out, Column<S>::Zero(3)}));
}

/// Noise, with `shift` on feature 0.
template <class S>
Batch<S> examples(Index count, double shift, std::uint64_t seed) {
    Batch<S> x = test::random_batch<S>(width, count, seed);
    x.row(0).array() += static_cast<S>(shift);
    return x;
}

template <class S>
std::vector<Batch<S>> random_sets(std::size_t count) {
    std::vector<Batch<S>> sets;
    for (std::size_t r = 0; r < count; ++r) sets.push_back(examples<S>(30, 0.0, 100 + r));
    return sets;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_vector_points_to_its_concept) {
    const Batch<float> with = examples<float>(60, 2.0, 1), without = examples<float>(50, 0.0, 2);
    const ConceptVector v = concept_vector(with, without);
    BOOST_TEST((v.vector[0] > 0.9 && std::abs(v.vector.norm() - 1.0) < 1e-12));
    BOOST_TEST((v.accuracy > 0.8 && v.useful()));
    // Turned around, it points the other way; asked again, it is the same.
    BOOST_TEST((concept_vector(without, with).vector + v.vector).norm() < 1e-8);
    BOOST_TEST(test::same_bits(concept_vector(with, without).vector, v.vector));
    // The gradient of the objective vanishes.
    Column<double> g = v.weights;
    double g0 = 0.0;
    const auto add = [&](const Batch<float>& h, double sign) {
        for (Index i = 0; i < h.cols(); ++i) {
            const Column<double> one = h.col(i).cast<double>();
            const double pull = -sign / (1.0 + std::exp(sign * (v.weights.dot(one) + v.intercept)));
            g += pull * one;
            g0 += pull;
        }
    };
    add(with, 1.0);
    add(without, -1.0);
    BOOST_TEST((g.norm() < 1e-9 && std::abs(g0) < 1e-9));
    // Sides that are alike have no useful vector.
    const ConceptVector useless = concept_vector(without, examples<float>(50, 0.0, 3));
    BOOST_TEST(!useless.useful());
    // Far more neurons than examples, and activations of any size.
    const ConceptVector wide = concept_vector(Batch<double>(1e3 * test::random_batch<double>(500, 8, 4)),
                                              Batch<double>(1e3 * test::random_batch<double>(500, 7, 5)));
    BOOST_TEST((wide.vector.allFinite() && std::isfinite(wide.accuracy)));
    BOOST_TEST(std::isnan(concept_vector(with.leftCols(2), without).accuracy));  // none to hold out
}

BOOST_AUTO_TEST_CASE(a_class_that_depends_on_the_concept_has_score_one_or_zero) {
    const auto net = linear_network<double>();
    const Batch<double> x = examples<double>(25, 0.0, 7);
    ConceptVector u{Column<double>::Unit(width, 0), Column<double>::Unit(width, 0)};
    const TcavScore up = tcav_score(net, x, output(0), "dense1", u);
    BOOST_TEST((up.score == 1.0 && up.magnitude == 1.0 && up.sensitivity.size() == 25));
    BOOST_TEST(up.sensitivity[3] == 2.0);
    BOOST_TEST(tcav_score(net, x, output(1), "dense1", u).score == 0.0);
    BOOST_TEST(tcav_score(net, x, output(1), "dense1", u).magnitude == 0.0);
    const TcavScore none = tcav_score(net, x, output(2), "dense1", u);
    BOOST_TEST((none.score == 0.0 && std::isnan(none.magnitude)));
}

BOOST_AUTO_TEST_CASE(what_is_significant) {
    const auto net = linear_network<double>();
    const Batch<double> x = examples<double>(30, 0.0, 7);
    const std::vector<Concept<double>> concepts{{"shifted", examples<double>(40, 3.0, 20)},
                                                {"nothing", examples<double>(40, 0.0, 21)}};
    const auto sets = random_sets<double>(10);
    const auto up = tcav(net, x, output(0), {"dense1"}, concepts, sets);
    BOOST_TEST((up.size() == 2U && up[0].concept_name == "shifted" && up[0].place == "dense1"));
    BOOST_TEST((up[0].score == 1.0 && up[0].useless == 0U && up[0].accuracy > 0.9));
    BOOST_TEST((up[0].p < 0.05 && up[0].significant && up[0].scores.size() == 10U));
    BOOST_TEST((up[1].useless > 0U && !up[1].significant));
    const auto down = tcav(net, x, output(1), {"dense1"}, concepts, sets);
    BOOST_TEST((down[0].score == 0.0 && down[0].significant));
    // Orthogonal to the concept: the sign is chance, and both kinds of vectors agree.
    const auto orthogonal = tcav(net, x, output(2), {"dense1"}, concepts, sets);
    BOOST_TEST((!orthogonal[0].significant && orthogonal[0].p > 0.05));
    // Bonferroni: four tests in place of two.
    const auto both = tcav(net, x, output(0), {"dense1", "dense2"}, concepts, sets);
    BOOST_TEST((both.size() == 4U && both[0].p == std::min(1.0, 2.0 * up[0].p)));

    // Random concepts against random sets: half of the classes' outputs rise, on average over many.
    std::vector<double> scores;
    for (std::uint64_t c = 0; c < 60; ++c) {
        const ConceptVector v = concept_vector(examples<double>(40, 0.0, 300 + c), examples<double>(40, 0.0, 400 + c));
        scores.push_back(tcav_score(net, x, output(0), "dense1", v).score);
    }
    BOOST_TEST(std::abs(detail::mean_of(scores) - 0.5) < 0.2);
}

BOOST_AUTO_TEST_CASE(gradients_and_activations_at_every_place_of_a_nested_network) {
    const Dense<float> last(5, 3, 2);
    const Residual residual(Network(Dense<float>(5, 5, 3), Tanh<float>{}));
    const Network net(Dense<float>(4, 5, 1), ReLU<float>{}, residual, last);
    const Network rest(residual, last);
    const Batch<float> x = test::random_batch<float>(4, 130, 7);  // more than pass at a time
    const Batch<float> h = activations_at(net, x, "relu1");
    BOOST_TEST(test::same_bits(net.predict(x), rest.predict(h)));
    BOOST_TEST(
        test::same_bits(gradient_at(net, x, output(1), "relu1"), attribute(rest, h, output(1), Gradient{}).scores));
    BOOST_TEST(gradient_at(net, x, probability(1), "residual1/tanh1").rows() == 5);
    BOOST_TEST(gradient_at(net, x, at("residual1", output(2)), "relu1").cols() == 130);
}

BOOST_AUTO_TEST_CASE(bad_input_is_told) {
    const auto net = linear_network<double>();
    const Batch<double> x = examples<double>(5, 0.0, 7);
    const auto message = [](auto&& call) { return test::message_of<Error>(call); };
    const Concept<double> shifted{"shifted", examples<double>(9, 3.0, 20)};
    BOOST_TEST(message([&] { tcav(net, x, output(0), {"dense1"}, {shifted}, random_sets<double>(9)); }) ==
               "tcav: random sets: got 9, expected 10 or more");
    BOOST_TEST(message([&] { tcav(net, x, output(0), {}, {shifted}, random_sets<double>(10)); }) ==
               "tcav: places: got 0, expected 1 or more");
    BOOST_TEST(message([&] { activations_at(net, x, "relu9"); }) ==
               "activations_at: layer: got \"relu9\", expected one of dense1, dense2");
    BOOST_TEST(message([&] { gradient_at(net, x, output(0), "relu9"); }).find("gradient_at: layer: got \"relu9\"") ==
               0U);
    BOOST_TEST(message([&] { concept_vector(x, Batch<double>(width, 0)); }) ==
               "concept_vector: other examples: got 0, expected 1 or more");
    BOOST_TEST(message([&] { concept_vector(x, Batch<double>(3, 2)); }) ==
               "concept_vector: neurons: got 6 and 3, expected as many");
    BOOST_TEST(message([&] { concept_vector(x, x, {.held_out = 1.0}); }).find("concept_vector: held_out") == 0U);
    Batch<double> broken = x;
    broken(0, 0) = std::numeric_limits<double>::infinity();
    BOOST_TEST(message([&] { concept_vector(broken, x); }) ==
               "concept_vector: activations: got NaN or infinite, expected finite values");
    BOOST_TEST(message([&] {
                   concept_vector(Batch<double>(x.leftCols(1)), Batch<double>(x.leftCols(1)));
               }).find("concept_vector: direction: got none") == 0U);
}
