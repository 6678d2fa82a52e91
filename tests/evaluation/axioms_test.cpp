// SPDX-License-Identifier: MIT
// Continuity and the four axioms, on the network max(x1, x2), where every answer is known.
#define BOOST_TEST_MODULE axioms
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/attribution/deep_lift.hpp>
#include <renn/attribution/gradient.hpp>
#include <renn/attribution/integrated_gradients.hpp>
#include <renn/attribution/quadrature.hpp>
#include <renn/core/rng.hpp>
#include <renn/evaluation/axioms.hpp>
#include <renn/evaluation/continuity.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using namespace renn;

namespace {

/// h = (x1 - x2)+, (x2 - x1)+, (x1 + x2)+; f = (h1 / 2 + h2 / 2 + h3 / 2)+ = max(x1, x2) of inputs that are not
/// negative.
template <class S>
auto maximum() {
    Batch<S> w(3, 2), v(1, 3);
    w << 1, -1, -1, 1, 1, 1;
    v << 0.5, 0.5, 0.5;
    return Network(Dense<S>(DenseParameters<S>{w, Column<S>::Zero(3)}), ReLU<S>{},
                   Dense<S>(DenseParameters<S>{v, Column<S>::Zero(1)}), ReLU<S>{});
}

/// z+ on both layers, in closed form: (x1 - x2 / 2, x2 / 2) where x1 >= x2.
struct ClosedFormZPlus {
    template <class Net, class T>
    auto operator()(const Net&, const BatchView<typename Net::Scalar>& x, const T&) const {
        Batch<typename Net::Scalar> r = x / 2;
        for (Index j = 0; j < x.cols(); ++j)
            r(x(0, j) >= x(1, j) ? 0 : 1, j) = x.col(j).maxCoeff() - x.col(j).minCoeff() / 2;
        return r;
    }
};

template <class S>
Batch<S> points(Index n, std::uint64_t seed) {
    Batch<S> x = test::random_batch<S>(2, n, seed);
    x.array() = S(0.55) + S(0.45) * x.array();  // in 0.1..1
    return x;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_continuous_map_moves_little_and_one_that_jumps_ever_more) {
    const auto net = maximum<double>();
    const auto target = output(0);
    // Across x1 = x2, ever closer: the jump stays, the distance does not.
    Batch<double> edge(2, 20);
    for (Index j = 0; j < 20; ++j) edge.col(j).setConstant(0.05 * static_cast<double>(j) + 0.04);
    double before = 0.0;
    for (const double deviation : {1e-1, 1e-2, 1e-3}) {
        const Continuity smooth = continuity(net, edge, target, ClosedFormZPlus{}, {.deviation = deviation});
        BOOST_TEST((smooth.greatest <= std::sqrt(2.0) + 1e-9 && smooth.greatest > 1.0));
        const Continuity product = continuity(net, edge, target, GradientTimesInput{}, {.deviation = deviation});
        BOOST_TEST(product.greatest > 5.0 * before);
        BOOST_TEST(product.greatest * deviation > 0.1);
        before = product.greatest;
        BOOST_TEST((product.pairs == 400U && product.measured.curve.rows() == 20 && product.measured.dropped == 0U));
    }
    BOOST_TEST(continuity(net, edge, target, Sensitivity{}, {.deviation = 1e-3}).greatest > 100.0);

    const NearbyOptions near{.draws = 50};
    const Continuity lipschitz = local_lipschitz(net, points<double>(10, 3), target, ClosedFormZPlus{}, near);
    BOOST_TEST((lipschitz.greatest <= 1.31 && lipschitz.measured.score > 0.1));  // |(1, -1/2; 0, 1/2)|_2 = 1.309..
    const Continuity relative = max_sensitivity(net, points<double>(10, 3), target, ClosedFormZPlus{}, near);
    BOOST_TEST((relative.greatest < 0.5 && relative.pairs == 500U));
    BOOST_TEST(max_sensitivity(net, edge, target, GradientTimesInput{}, near).greatest > 1.0);
    // A map of zeros has no relative change.
    const auto zeros = [](const auto&, const BatchView<double>& x, const auto&) { return Batch<double>(0.0 * x); };
    BOOST_TEST(test::message_of<DataError>([&] {
                   max_sensitivity(net, edge, target, zeros, near);
               }).find("max_sensitivity: samples left: got 0 of 20") == 0U);
}

BOOST_AUTO_TEST_CASE(predictions_that_change_are_counted) {
    const auto model = [](const BatchView<double>& x) { return Batch<double>(x); };  // the class is the greater feature
    const auto method = [](const auto&, const BatchView<double>& x, const auto& target) {
        Column<double> value;
        Batch<double> slope;
        target(x, value, slope);
        return Batch<double>(slope.cwiseProduct(x));
    };
    const Batch<double> edge = Batch<double>::Constant(2, 5, 0.5);
    const Continuity c = continuity(model, edge, predicted_output(), method, {.deviation = 0.1, .draws = 40});
    BOOST_TEST((c.prediction_changes > 50U && c.prediction_changes < 150U && c.pairs == 200U));
    // What is explained stays the class that was predicted at first: the map x_0 is continuous, the greatest is not.
    BOOST_TEST(c.greatest <= 1.0 + 1e-9);
}

BOOST_AUTO_TEST_CASE(an_image_that_moves_to_the_right) {
    const auto first_row = [](const BatchView<double>& x) { return Batch<double>(x.topRows(3).colwise().sum()); };
    const auto identity = [](const auto&, const BatchView<double>& x, const auto&) { return Batch<double>(x); };
    const Batch<double> x = points<double>(6, 4).reshaped(6, 2);
    const Continuity c = translation_continuity(first_row, x, output(0), identity, {1, 2, 3}, {.steps = 4});
    const double apart =
        std::sqrt(std::pow(x(0, 1), 2) + std::pow(x(1, 1) - x(0, 1), 2) + std::pow(x(2, 1) - x(1, 1), 2) +
                  std::pow(x(3, 1), 2) + std::pow(x(4, 1) - x(3, 1), 2) + std::pow(x(5, 1) - x(4, 1), 2));
    const double moved = x(0, 1) + std::abs(x(1, 1) - x(0, 1)) + std::abs(x(2, 1) - x(1, 1)) + x(3, 1) +
                         std::abs(x(4, 1) - x(3, 1)) + std::abs(x(5, 1) - x(4, 1));
    BOOST_TEST(c.measured.curve(0, 1) == moved / apart, boost::test_tools::tolerance(1e-12));
    BOOST_TEST((std::isnan(c.measured.curve(3, 0)) && c.pairs == 6U));  // after three steps nothing is left to move
    BOOST_TEST(test::message_of<ShapeError>([&] {
                   translation_continuity(first_row, x, output(0), identity, {1, 2, 2});
               }) == "translation_continuity: image: got 1 x 2 x 2, expected 6 features");
}

BOOST_AUTO_TEST_CASE(the_four_axioms) {
    const auto net = maximum<double>();
    const Batch<double> x = points<double>(40, 5);
    const auto check = [&](const auto& method) { return check_axioms(net, x, predicted_output(), method); };

    const Axioms deep = check(ClosedFormZPlus{});
    BOOST_TEST((deep.conservation.holds && deep.positivity.holds && deep.continuity.holds && deep.selectivity.holds));
    BOOST_TEST((deep.conservation.number < 1e-12 && deep.continuity.number < 1e-5));
    const Axioms taylor = check(GradientTimesInput{});
    BOOST_TEST((taylor.conservation.holds && !taylor.continuity.holds && taylor.continuity.number > 0.5));
    const Axioms sensitivity = check(Sensitivity{});
    BOOST_TEST((!sensitivity.conservation.holds && sensitivity.positivity.holds && !sensitivity.continuity.holds));
    const auto negated = [](const auto&, const BatchView<double>& in, const auto&) { return Batch<double>(-in); };
    const Axioms wrong = check(negated);
    BOOST_TEST((!wrong.conservation.holds && !wrong.positivity.holds && wrong.positivity.number == 1.0));
    BOOST_TEST((wrong.continuity.holds && !wrong.selectivity.holds));

    // Of methods with a baseline the sum is a difference; which it was is said.
    auto shifted = maximum<double>();
    shifted.parameters<0>().bias.setConstant(0.4);
    const auto conserves = [&](const auto& method, AxiomOptions options = {}) {
        options.pairs = options.repeats = 1;  // which are for the other axioms
        return check_axioms(shifted, x, predicted_output(), method, RemoveTo(0.0), options).conservation;
    };
    const Quadrature fine = quadrature(QuadratureRule::gauss_legendre, 2000);  // once, as it takes longer than the path
    const Verdict path = conserves(IntegratedGradients{.given = fine}), rescaled = conserves(DeepLiftRescale{});
    BOOST_TEST((path.holds && path.number < 1e-2 && rescaled.holds && rescaled.number < 1e-12));
    for (const Verdict& v : {path, rescaled}) {
        BOOST_TEST(v.meaning == "|sum R - what the method starts with (f - f(x0))| / |that|, greatest, at most 0.01");
    }
    BOOST_TEST(taylor.conservation.meaning == "|sum R - f| / |f|, greatest, at most 0.01");
    const auto by_hand = [](const auto& n, const BatchView<double>& in, const auto& of) {
        return attribute(n, in, of, DeepLiftRescale{.baseline = 0.25}).scores;
    };
    BOOST_TEST((!conserves(by_hand).holds && conserves(by_hand).meaning == taylor.conservation.meaning));
    const Verdict told = conserves(by_hand, {.baseline = 0.25});
    BOOST_TEST((told.holds && told.meaning == "|sum R - (f - f(x0))| / |f - f(x0)|, greatest, at most 0.01"));
    BOOST_TEST(!conserves(by_hand, {.baseline = 0.5}).holds);
    BOOST_TEST(test::message_of<ShapeError>([&] { conserves(by_hand, {.baseline = Column<double>::Zero(3)}); }) ==
               "check_axioms: baseline: got 3 x 1, expected 2 x 1 or 2 x 40");

    const std::string text = taylor.text();
    BOOST_TEST(std::count(text.begin(), text.end(), '\n') == 4);
    BOOST_TEST(text.find("continuity    no ") != std::string::npos);

    // In float, and with a bias that takes a part: the sum is no longer the output.
    auto biased = maximum<float>();
    for_each_block([](auto& block) { block.array() += 0.1F; }, biased.parameters());
    const Axioms with_bias = check_axioms(biased, points<float>(20, 6), predicted_output(), GradientTimesInput{});
    BOOST_TEST((!with_bias.conservation.holds && with_bias.conservation.number < 1.0));
    BOOST_TEST(
        check_axioms(maximum<float>(), points<float>(40, 6), predicted_output(), ClosedFormZPlus{}).continuity.holds);

    // Where no output is above 0, positivity cannot be asked; the others are.
    const auto below = [&](const BatchView<double>& in) { return Batch<double>(-net.predict(in)); };
    const auto minus = [](const auto&, const BatchView<double>& in, const auto&) { return Batch<double>(-in); };
    const Axioms unasked = check_axioms(below, x, predicted_output(), minus);
    BOOST_TEST((std::isnan(unasked.positivity.number) && !unasked.positivity.holds));
    BOOST_TEST((unasked.positivity.measured.dropped == 40U && unasked.continuity.holds));
    BOOST_TEST(unasked.text().find("positivity    ?           nan") != std::string::npos);

    const Batch<double> none(2, 0);
    BOOST_TEST(test::message_of<DataError>([&] { check_axioms(net, none, predicted_output(), Gradient{}); }) ==
               "check_axioms: samples: got 0, expected 1 or more");
    const auto broken = [](const auto&, const BatchView<double>& in, const auto&) { return Batch<double>(in / 0.0); };
    BOOST_TEST(test::message_of<DataError>([&] { check(broken); }) ==
               "method of attribution: scores: got NaN or infinite, expected finite values");
}
