// SPDX-License-Identifier: MIT
// Pictures found by activation maximisation: closed forms, every objective's gradient, searches that say what went
// wrong.
#define BOOST_TEST_MODULE maximise
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <renn/activations/identity.hpp>
#include <renn/activations/relu.hpp>
#include <renn/activations/tanh.hpp>
#include <renn/attribution/maximisation/diversity.hpp>
#include <renn/attribution/maximisation/gaussian_expert.hpp>
#include <renn/attribution/maximisation/maximise.hpp>
#include <renn/attribution/maximisation/objectives.hpp>
#include <renn/attribution/maximisation/penalties.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/residual.hpp>
#include <renn/network/network.hpp>

#include "support/allocations.hpp"
#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using namespace renn;
using namespace renn::maximisation;

namespace {

const Shape image{2, 3, 3};

auto nested() {
    const Network branch(Dense<double>(18, 18, 3), Tanh<double>{});
    return Network(Dense<double>(18, 18, 1), Tanh<double>{}, Residual(branch), Dense<double>(18, 3, 2));
}
auto linear(const Column<double>& w) {
    return Network(Dense<double>(DenseParameters<double>{w.transpose(), Column<double>::Constant(1, 0.3)}));
}

/// |gradient - central difference| of an objective, greatest over the code.
template <class Net, class O>
double greatest_difference(const Net& net, const O& sought, const Batch<double>& x) {
    const AsItIs none;
    renn::detail::ObjectiveGradient<Net, AsItIs, AsItIs> evaluate(net, renn::detail::asked<double>(sought), none, none);
    evaluate.value(x, {});
    const Batch<double> got = evaluate.gradient(x);
    constexpr double h = 1e-5;
    double worst = 0.0;
    for (Index i = 0; i < x.size(); ++i) {
        Batch<double> moved = x;
        moved.data()[i] += h;
        const double above = evaluate.value(moved, {}).sum();
        moved.data()[i] -= 2 * h;
        const double wanted = (above - evaluate.value(moved, {}).sum()) / (2 * h);
        worst = std::max(worst, std::abs(wanted - got.data()[i]));
    }
    return worst;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_blur_that_shrinks) {
    const Shape big{2, 7, 5};
    const Network net(Dense<double>(70, 12, 1), Tanh<double>{}, Dense<double>(12, 3, 2));
    const Batch<double> start = test::random_batch<double>(70, 2, 3);
    const auto found = [&](int steps, const std::optional<ShrinkingBlur>& blur) {
        return maximise_from(net, logit(1), start, Search<>{}, {.steps = steps, .blur = blur, .patience = 0}).pictures;
    };
    // One step with it is the step, and the blur of it; a deviation of 0 does nothing.
    Batch<double> once = found(1, {});
    BOOST_TEST(test::same_bits(found(1, ShrinkingBlur{big, 0.0, 3.0}), once));
    renn::detail::GaussianBlur<double> blur(big);
    blur(once, 1.2);
    BOOST_TEST(test::same_bits(found(1, ShrinkingBlur{big, 1.2, 0.0}), once));
    BOOST_TEST((ShrinkingBlur{big, 3.0, 1.0}.deviation(5, 11) == 2.0));
    BOOST_TEST((ShrinkingBlur{big, 3.0, 1.0}.deviation(10, 11) == 1.0));

    // What stays is coarse, and the more so the later the blur is strong.
    const auto detail_of = [&](const Batch<double>& pictures) {
        Batch<double> slope;
        Column<double> value;
        TotalVariation{big, true}(BatchView<double>(pictures), value, slope);
        return value.sum() / pictures.squaredNorm();
    };
    const double strong = detail_of(found(60, ShrinkingBlur{big, 1.5, 1.5}));
    const double shrinking = detail_of(found(60, ShrinkingBlur{big, 1.5, 0.3})), none = detail_of(found(60, {}));
    BOOST_TEST((2 * strong < shrinking && 1.5 * shrinking < none));

    const auto message = [&](const ShrinkingBlur& b) { return test::message_of<Error>([&] { found(1, b); }); };
    BOOST_TEST(message({{1, 7, 5}, 1.0, 1.0}) == "maximise: blur: image: got 1 x 7 x 5, expected 70 features");
    BOOST_TEST(message({big, 1.0, -1.0}) ==
               "maximise: deviation of the blur: got -1.000000, expected a finite value >= 0");
    BOOST_TEST(message({big, std::numeric_limits<double>::quiet_NaN(), 1.0})
                   .find("maximise: deviation of the blur: got nan") == 0U);
}

BOOST_AUTO_TEST_CASE(every_objective_against_differences) {
    const auto net = nested();
    const Batch<double> x = test::random_batch<double>(18, 3, 7);
    const auto check = [&](const auto& sought) { BOOST_TEST(greatest_difference(net, sought, x) < 1e-7); };
    check(logit(1) + 2.0 * log_probability(0) + class_probability(2) - 0.1 * squared_norm(0.2));
    check(channel("tanh1", 1, 2) + 0.3 * channel("tanh1", 0, 2) - deep_dream("residual1/dense1"));
    check(neuron("residual1", image, 1) + neuron("dense1", image, 0, 2, 1) + neuron("dense2", 2));
    const Column<double> v = random_direction(2, 5);
    check(along("tanh1", v) + along("residual1/tanh1", v, 2.0) + along("residual1", v, 1.0, 4));
    check(interpolated(logit(0), along("dense1", v, 1.0)) - absolute_sum(3.0) - outside_box(-0.5, 0.5));
    const Batch<double> reference = test::random_batch<double>(18, 1, 9);
    check(caricature("tanh1", reference) + inversion("dense1", reference) + difference_to(reference));
    check(-total_variation(image) + 0.2 * total_variation(image, true) - boundary(image, 1, 0.1));
    check(objective(at("dense2", probability(1))) - 3.0 * alikeness("tanh1", 2) - alikeness("residual1"));
    check(on_code(SquaredNorm{}) + on_layer("dense2", LogProbabilityTarget{OutputChoice(1)}));
}

BOOST_AUTO_TEST_CASE(of_a_linear_class_the_best_picture_is_known) {
    const Column<double> w = test::random_batch<double>(6, 1, 1);
    const auto net = linear(w);
    const auto best = maximise(net, logit(0) - 0.25 * squared_norm(), Search<>().by(LineSearch{}));
    BOOST_TEST((best.pictures - 2.0 * w).cwiseAbs().maxCoeff() < 1e-6);
    BOOST_TEST(best.converged);
    BOOST_TEST(best.warnings.empty());

    const auto expert = GaussianExpert<double>::fit(test::random_batch<double>(6, 200, 3));
    const Column<double> wanted = expert.mean() + expert.covariance() * w;
    const auto by_expert =
        maximise(net, logit(0) + on_picture(expert), Search<>().by(LineSearch{}), {.steps = 2000, .patience = 0});
    BOOST_TEST((by_expert.pictures - wanted).cwiseAbs().maxCoeff() < 1e-6);
    const auto slow = maximise(net, logit(0) - 0.25 * squared_norm(), {.steps = 2000, .patience = 0});
    BOOST_TEST((slow.pictures - 2.0 * w).cwiseAbs().maxCoeff() < 1e-6);
}

BOOST_AUTO_TEST_CASE(a_line_search_never_goes_down) {
    const auto net = nested();
    const auto found = maximise(net, log_probability(1) + neuron("residual1", 3) - 0.1 * total_variation(image),
                                Search<>().by(LineSearch{}), {.steps = 80, .pictures = 2, .box = {{-1.0, 1.0}}});
    BOOST_REQUIRE(found.trace.size() > 5U);
    for (std::size_t i = 1; i < found.trace.size(); ++i) BOOST_TEST(found.trace[i] >= found.trace[i - 1]);
    BOOST_TEST(found.value.sum() >= found.trace.back());
    BOOST_TEST(found.pictures.cwiseAbs().maxCoeff() <= 1.0);
}

BOOST_AUTO_TEST_CASE(a_code_that_is_the_picture_changes_no_bit_and_a_seed_is_a_picture) {
    const auto net = nested();
    const MaximiseOptions options{.steps = 60, .pictures = 2, .seed = 5, .snapshots = {0, 30, 60}};
    const auto plain = maximise(net, log_probability(2) - 1e-2 * squared_norm(), options);
    const auto again = maximise(net, log_probability(2) - 1e-2 * squared_norm(), options);
    const auto coded = maximise(net, log_probability(2) - 1e-2 * on_code(SquaredNorm{}),
                                Search<>().in(Network(Identity<double>{})), options);
    BOOST_TEST(test::same_bits(plain.pictures, again.pictures));
    BOOST_TEST(test::same_bits(plain.pictures, coded.pictures));
    BOOST_TEST(plain.trace == coded.trace, boost::test_tools::per_element());
    BOOST_REQUIRE(plain.snapshots.size() == 3U);
    BOOST_TEST(test::same_bits(plain.snapshots[2].pictures, plain.pictures));
    BOOST_TEST(!test::same_bits(plain.pictures, maximise(net, log_probability(2), {.steps = 60, .seed = 6}).pictures));
}

BOOST_AUTO_TEST_CASE(more_steps_allocate_no_more) {
    const auto net = nested();
    const auto of = [&](int steps) {
        return test::allocations([&] {
            maximise(net, log_probability(2) + neuron("dense1", 3) - 1e-2 * squared_norm(),
                     {.steps = steps, .patience = 0});
        });
    };
    of(1);
    BOOST_TEST(of(120) == of(20));
}

BOOST_AUTO_TEST_CASE(alikeness_shows_both_facets_of_a_unit) {
    // max(h1, h2) as h1 + relu(h2 - h1) of two orthogonal patterns; the start is nearer to the first.
    DenseParameters<double> hidden{Batch<double>::Zero(4, 8), Column<double>::Zero(4)};
    hidden.weights.row(0).head(4).setOnes();
    hidden.weights.row(1).tail(4).setOnes();
    hidden.weights.row(2) = hidden.weights.row(1) - hidden.weights.row(0);
    hidden.weights.row(3) = -hidden.weights.row(0);
    const DenseParameters<double> top{Batch<double>{{1.0, 0.0, 1.0, -1.0}}, Column<double>::Zero(1)};
    const Network net(Dense<double>(hidden), ReLU<double>{}, Dense<double>(top));
    Batch<double> start = Batch<double>::Constant(8, 2, 0.01);
    start.topRows(4).array() += 0.02;
    start.col(1).tail(4).array() += 0.015;
    const auto facets = [&](double weight) {
        const auto found = maximise_from(net, logit(0) - 0.5 * squared_norm() - weight * alikeness("dense1"), start,
                                         Search<>(), {.steps = 400});
        Eigen::Vector2d first;
        for (Index j = 0; j < 2; ++j) {
            first[j] = found.pictures.col(j).head(4).sum() - found.pictures.col(j).tail(4).sum();
        }
        return first[0] * first[1] < 0.0;
    };
    BOOST_TEST(!facets(0.0));
    BOOST_TEST(facets(10.0));
}

BOOST_AUTO_TEST_CASE(a_dead_unit_is_named_and_can_be_woken) {
    const DenseParameters<double> dead{Batch<double>{{1.0, -1.0}}, Column<double>::Constant(1, -1.0)};
    const Network net(Dense<double>(dead), ReLU<double>{});
    const auto asleep = maximise(net, logit(0) - 0.1 * squared_norm(), {.steps = 100});
    BOOST_REQUIRE(asleep.warnings.size() == 1U);
    BOOST_TEST(asleep.warnings[0].find("picture 0: no gradient comes through the network at the start") == 0U);
    const auto woken = maximise(net, logit(0) - 0.1 * squared_norm(), {.steps = 100, .redirect = 30});
    BOOST_TEST(woken.warnings.empty());
    BOOST_TEST(woken.value[0] > 1.0);
    BOOST_TEST(maximise(net, neuron("dense1", 0) - 0.1 * squared_norm()).warnings.empty());
}

BOOST_AUTO_TEST_CASE(what_has_no_bound_is_warned_of) {
    const auto net = linear(Column<double>::Ones(4));
    BOOST_TEST(maximise(net, logit(0), {.steps = 20}).warnings.at(0).find("nothing keeps the pictures") == 0U);
    const auto boxed = maximise(net, logit(0), {.steps = 200, .box = {{0.0, 1.0}}});
    BOOST_TEST(boxed.warnings.at(0).find("picture 0: 4 of 4 values stand at the edge of the box") == 0U);
    BOOST_TEST(maximise(net, class_probability(0)).warnings.at(0).find("a probability can also rise") == 0U);
}

namespace {

/// Not finite beyond 1.
struct Cliff {
    template <class S>
    void operator()(const BatchView<S>& x, Column<S>& value, Batch<S>& slope) const {
        value = x.colwise().sum().transpose();
        slope = Batch<S>::Ones(x.rows(), x.cols());
        if (x.maxCoeff() > 1) value.setConstant(std::numeric_limits<S>::quiet_NaN());
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_not_finite_is_tried_again_more_slowly_then_said) {
    const auto net = linear(Column<double>::Ones(2));
    const auto saved = maximise(net, on_picture(Cliff{}), Search<>().by(Sgd{.learning_rate = 0.02}), {.steps = 140});
    BOOST_TEST(saved.restarts == 2);
    BOOST_TEST(saved.trace.size() == 140U);
    BOOST_TEST(saved.warnings.empty());
    const auto held = maximise(net, on_picture(Cliff{}), Search<>().by(Sgd{.learning_rate = 0.4}), {.steps = 3});
    BOOST_TEST(held.value.allFinite());
    BOOST_TEST(held.warnings.at(0) == "the end was not finite: the pictures are those after 0 steps");
    const auto message = [&](const auto& sought, const MaximiseOptions& o) {
        return test::message_of<Error>([&] { maximise(net, sought, o); });
    };
    BOOST_TEST(message(on_picture(Cliff{}), {.mean = 3.0}) ==
               "maximise: objective or its gradient at step 0: got nan after 0 restarts, expected finite values");
    BOOST_TEST(message(neuron("dense9", 0), {}) == "maximise: layer: got \"dense9\", expected one of dense1");
    BOOST_TEST(message(logit(1), {}) == "target: output of sample 0: got 1, expected 0..0, the outputs");
    BOOST_TEST(message(logit(0), {.pictures = 0}) == "maximise: pictures: got 0, expected 1 or more");
    BOOST_TEST(message(logit(0), {.box = {{1.0, 0.0}}}).find("maximise: box: got") == 0U);
    BOOST_TEST(message(total_variation(image), {}) == "total_variation: picture: got 2 x 1, expected 18 x 1");
    BOOST_TEST(message(channel("dense1", 2, 2), {}).find("channel: channel: got 2 of 2") == 0U);
    BOOST_TEST(message(along("dense1", Column<double>::Ones(3)), {}).find("direction: channels: got 3") == 0U);
    BOOST_TEST(message(alikeness("dense1", 3), {}).find("alikeness: channels: got 3") == 0U);
    BOOST_TEST(test::message_of<ShapeError>([&] {
                   maximise_from(net, logit(0), Batch<double>::Zero(5, 1), Search<>());
               }).find("5 x 1") != std::string::npos);
}
