// SPDX-License-Identifier: MIT
// What the rules of relevance propagation must do: conserve, agree with each other and with closed forms.
#define BOOST_TEST_MODULE relevance_rules
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/attribution/gradient.hpp>
#include <renn/attribution/relevance/conservation.hpp>
#include <renn/attribution/relevance/root_rule.hpp>
#include <renn/attribution/relevance_propagation.hpp>
#include <renn/layers/average_pool.hpp>
#include <renn/layers/concatenate.hpp>
#include <renn/layers/convolution.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/layer_norm.hpp>
#include <renn/layers/max_pool.hpp>
#include <renn/layers/residual.hpp>
#include <renn/network/network.hpp>
#include <renn/retrace/relevance_profiles.hpp>
#include <renn/retrace/responsibility.hpp>

#include "support/beside_a_throw.hpp"
#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using namespace renn;
using relevance::Rule;

namespace {

template <class L>
L with_bias(L layer, std::uint64_t seed) {
    using S = typename L::Scalar;
    auto& bias = layer.parameters().bias;
    bias = test::random_batch<S>(bias.size(), 1, seed).col(0) * S(0.3);
    return layer;
}

/// Every kind of layer that relevance goes through.
template <class S>
auto everything() {
    const Conv2d<S> first(Shape{1, 6, 6}, {.channels = 4, .padding = 1}, 1);
    const Conv2d<S> second(Shape{4, 3, 3}, {.channels = 6, .padding = 1, .groups = 2}, 2);
    Network inner(with_bias(Dense<S>(6, 6, 3), 4), ReLU<S>{});
    Network left(with_bias(Dense<S>(6, 3, 5), 6)), right(with_bias(Dense<S>(6, 2, 7), 8));
    return Network(with_bias(first, 9), ReLU<S>{}, MaxPool2d<S>(Shape{4, 6, 6}), with_bias(second, 10), ReLU<S>{},
                   GlobalAvgPool<S>(Shape{6, 3, 3}), Residual(inner), LayerNorm<S>(6), Concatenate(left, right),
                   with_bias(Dense<S>(5, 3, 11), 12));
}

std::vector<Rule> rules() {
    using relevance::Bias;
    std::vector<Rule> all{relevance::FlatRule{}, relevance::ZBox{{-1.0}, {1.0}}, relevance::Norm{}};
    for (const Bias bias : {Bias::absorb, Bias::zero, Bias::distribute}) {
        all.push_back(relevance::Zero{bias});
        all.push_back(relevance::Epsilon{.epsilon = 0.01, .bias = bias});
        all.push_back(relevance::Epsilon{.of_rms = 0.25, .bias = bias});
        all.push_back(relevance::AlphaBeta{.bias = bias});
        all.push_back(relevance::ZPlus{.bias = bias});
        all.push_back(relevance::Gamma{.bias = bias});
        all.push_back(relevance::WSquare{.bias = bias});
    }
    all.push_back(relevance::RootRule<relevance::AlongInput>{});
    return all;
}

template <class S>
void reconcile(double tolerance) {
    const auto net = everything<S>();
    const Batch<S> x = test::random_batch<S>(36, 7, 3);
    for (const Rule& rule : rules()) {
        for (const bool first_only : {true, false}) {
            const relevance::Composite composite = first_only ? relevance::Composite()
                                                                    .add(relevance::first(), rule)
                                                                    .add(relevance::weighted(), relevance::Epsilon{})
                                                              : relevance::Composite(rule);
            const auto found = check_conservation(net, x, composite, tolerance);
            BOOST_TEST(found.holds, rule.text() << " leaves " << found.unaccounted << "\n"
                                                << found.attribution.ledger.text(0));
        }
    }
}

template <class Net>
Batch<double> scores(const Net& net, const Batch<double>& x, const Rule& rule) {
    return attribute(net, x, output(1), RelevancePropagation{relevance::Composite(rule)}).scores;
}

auto rectified(bool biased = false) {
    Dense<double> first(6, 8, 1), second(8, 5, 2), third(5, 3, 3);
    if (biased) first = with_bias(first, 4);
    return Network(first, ReLU<double>{}, second, ReLU<double>{}, third);
}

bool close(const Batch<double>& a, const Batch<double>& b, double tolerance) {
    return (a - b).cwiseAbs().maxCoeff() <= tolerance * std::max(1.0, b.cwiseAbs().maxCoeff());
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_ledger_reconciles_for_every_rule_and_layer) {
    reconcile<double>(1e-9);
    reconcile<float>(1e-4);
}

BOOST_AUTO_TEST_CASE(what_is_lost_is_what_the_ledger_says) {
    const auto net = rectified(true);
    const Batch<double> x = test::random_batch<double>(6, 5, 3);
    const auto result =
        attribute(net, x, output(1), RelevancePropagation{relevance::Composite(relevance::AlphaBeta{})});
    Column<double> lost = Column<double>::Zero(5);
    for (const auto& line : result.ledger.lines) lost += line.bias + line.stabiliser + line.dropped + line.padding;
    BOOST_TEST((result.gap - lost).cwiseAbs().maxCoeff() < 1e-12);
    BOOST_TEST(lost.cwiseAbs().maxCoeff() > 1e-3);
    BOOST_TEST(result.explained[0] == net.predict(x)(1, 0));
    const Rule spread = relevance::Epsilon{.epsilon = 1e-12, .bias = relevance::Bias::distribute};
    const auto kept = attribute(net, x, output(1), RelevancePropagation{relevance::Composite(spread)});
    BOOST_TEST(kept.gap.cwiseAbs().maxCoeff() < 1e-6);
}

BOOST_AUTO_TEST_CASE(units_that_see_only_padding_say_so) {
    const Conv2d<double> layer(Shape{1, 2, 2}, {.channels = 2, .kernel = 1, .padding = 1}, 1);
    const Network net(layer);
    const Batch<double> above = test::random_batch<double>(32, 2, 5);
    const auto result =
        attribute(net, test::random_batch<double>(4, 2, 3), direction(above),
                  RelevancePropagation{relevance::Composite(relevance::FlatRule{}), RelevanceStart::slope});
    double outside = 0.0;
    for (Index c = 0; c < 2; ++c) {
        for (Index p = 0; p < 16; ++p) {
            const bool inside = p / 4 % 3 != 0 && p % 4 % 3 != 0;
            if (!inside) outside += above(c * 16 + p, 0);
        }
    }
    BOOST_TEST(result.ledger["conv2d1"].padding[0] == outside, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(result.ledger.worst() < 1e-12);
}

BOOST_AUTO_TEST_CASE(the_greater_of_two_inputs) {
    Dense<double> first(2, 3), second(3, 1);
    first.parameters().weights << 1, -1, -1, 1, 1, 1;
    second.parameters().weights << 0.5, 0.5, 0.5;
    const Network net(first, ReLU<double>{}, second, ReLU<double>{});
    Batch<double> x(2, 4);
    x << 0.9, 0.5, 0.2, 0.501, 0.2, 0.5, 0.9, 0.5;
    const auto result =
        attribute(net, x, output(0), RelevancePropagation{relevance::Composite(relevance::ZPlus{1e-12})});
    Batch<double> wanted(2, 4);
    wanted << 0.8, 0.25, 0.1, 0.251, 0.1, 0.25, 0.8, 0.25;
    BOOST_TEST(close(result.scores, wanted, 1e-9));
    BOOST_TEST(close(result.explained.transpose(), x.colwise().maxCoeff(), 1e-12));
    BOOST_TEST(deep_taylor_admissible(net).empty());
}

BOOST_AUTO_TEST_CASE(rules_that_are_the_same) {
    const auto net = rectified();
    const Batch<double> x = test::random_batch<double>(6, 9, 8);
    const Batch<double> positive = x.cwiseAbs();
    const Batch<double> zero = scores(net, x, relevance::Zero{});
    BOOST_TEST(close(zero, attribute(net, x, output(1), GradientTimesInput{}).scores, 1e-10));
    BOOST_TEST(close(zero, scores(net, x, relevance::Gamma{0.0, 0.0}), 1e-10));
    BOOST_TEST(close(zero, scores(net, x, relevance::Epsilon{1e-13}), 1e-6));
    BOOST_TEST(close(zero, scores(net, x, relevance::ZBox{{0.0}, {0.0}, 0.0}), 1e-10));
    BOOST_TEST(close(scores(net, x, relevance::ZPlus{}), scores(net, x, relevance::AlphaBeta{1.0, 0.0}), 1e-14));
    BOOST_TEST(scores(net, x, relevance::Epsilon{100.0}).cwiseAbs().sum() < 1e-3 * zero.cwiseAbs().sum());
    // where z > 0 the products against its sign vanish beside gamma
    const Network one(Dense<double>(6, 8, 1));
    const Batch<double> y = one.predict(positive), r = (y.array() > 0).select(y, 0.0);
    const auto of = [&](const Rule& rule) {
        return attribute(one, positive, direction(r), RelevancePropagation{rule, RelevanceStart::slope}).scores;
    };
    BOOST_TEST(close(of(relevance::Gamma{1e9}), of(relevance::ZPlus{}), 1e-6));
}

BOOST_AUTO_TEST_CASE(roots_in_four_directions) {
    const Network net(Dense<double>(6, 4, 1));  // no bias
    const Batch<double> x = test::random_batch<double>(6, 5, 2).cwiseAbs(), r = test::random_batch<double>(4, 5, 3);
    const auto of = [&](const Rule& rule) {
        return attribute(net, x, direction(r), RelevancePropagation{rule, RelevanceStart::slope}).scores;
    };
    using namespace relevance;
    BOOST_TEST(close(of(RootRule<ToNearestRoot>{}), of(WSquare{}), 1e-12));
    BOOST_TEST(close(of(RootRule<AlongInput>{{}, 0.0}), of(relevance::Zero{}), 1e-12));
    BOOST_TEST(close(of(RootRule<AlongExcitation>{}), of(ZPlus{}), 1e-12));
    const std::vector<double> low{-1, -2, 0, 0, 0, -1}, high{1, 2, 3, 1, 1, 1};
    BOOST_TEST(close(of(RootRule<WithinBox>{{low, high}}), of(ZBox{low, high}), 1e-12));
}

BOOST_AUTO_TEST_CASE(a_convolution_is_the_dense_layer_of_its_matrix) {
    const auto layer = with_bias(Conv2d<double>(Shape{2, 4, 3}, {.channels = 4, .padding = 1, .groups = 2}, 1), 7);
    Dense<double> dense(24, 48);
    layer.map(layer.parameters(), Batch<double>::Identity(24, 24), dense.parameters().weights);
    for (Index i = 0; i < 48; ++i) dense.parameters().bias[i] = layer.parameters().bias[i / 12];
    const Network one(layer);
    const Network other(dense);
    const Batch<double> x = test::random_batch<double>(24, 3, 5);
    for (const Rule& rule : rules()) {
        if (rule.name() == "FlatRule" || rule.text().find("rms") != std::string::npos) continue;  // a matrix has zeros
        const bool spread = rule.form() == Rule::Form::linear && rule.linear().bias == relevance::Bias::distribute;
        if (!spread) BOOST_TEST(close(scores(one, x, rule), scores(other, x, rule), 1e-9), rule.text());
    }
    std::vector<double> low(24), high(24);
    for (std::size_t i = 0; i < 24; ++i) {
        low[i] = i < 12 ? -1.0 : -2.0;
        high[i] = i < 12 ? 1.0 : 3.0;
    }
    BOOST_TEST(
        close(scores(one, x, relevance::ZBox{{-1, -2}, {1, 3}}), scores(other, x, relevance::ZBox{low, high}), 1e-9));
}

BOOST_AUTO_TEST_CASE(linear_in_the_start_and_never_negative) {
    const auto net = rectified(true);
    const Batch<double> x = test::random_batch<double>(6, 4, 6).cwiseAbs();
    const Batch<double> u = test::random_batch<double>(3, 4, 1), v = test::random_batch<double>(3, 4, 2);
    const auto of = [&](const Rule& rule, const Batch<double>& start) {
        return attribute(net, x, direction(start), RelevancePropagation{rule, RelevanceStart::slope}).scores;
    };
    for (const Rule& rule : rules()) {
        BOOST_TEST(close(of(rule, u + v), of(rule, u) + of(rule, v), 1e-9), rule.text());
    }
    const std::vector<Rule> positive{relevance::ZPlus{}, relevance::WSquare{}, relevance::FlatRule{},
                                     relevance::AlphaBeta{1.0, 0.0}};
    for (const Rule& rule : positive) BOOST_TEST(of(rule, u.cwiseAbs()).minCoeff() >= 0.0, rule.text());
    const RelevancePropagation taylor{relevance::deep_taylor({0.0}, {1.0}), RelevanceStart::slope};
    BOOST_TEST(attribute(net, x, direction(Batch<double>(u.cwiseAbs())), taylor).scores.minCoeff() >= 0.0);
    // FlatRule: where units look, whatever the input is
    const Network one(Conv2d<double>(Shape{1, 4, 4}, {.channels = 2}, 3));
    const RelevancePropagation flat{relevance::Composite(relevance::FlatRule{}), RelevanceStart::slope};
    const Batch<double> r = test::random_batch<double>(8, 1, 3);
    BOOST_TEST(test::same_bits(attribute(one, Batch<double>::Zero(16, 1), direction(r), flat).scores,
                               attribute(one, test::random_batch<double>(16, 1, 9), direction(r), flat).scores));
}

BOOST_AUTO_TEST_CASE(rules_that_cannot_be) {
    const auto message = [](auto&& make) { return test::message_of<DataError>(make); };
    BOOST_TEST(
        message([] {
            static_cast<void>(Rule(relevance::AlphaBeta{2.0, 2.0}));
        }) ==
        "relevance::AlphaBeta: alpha and beta: got 2.000000 and 2.000000, expected alpha - beta = 1, neither negative");
    BOOST_TEST(message([] { static_cast<void>(Rule(relevance::Gamma{-1.0})); }) ==
               "relevance::Gamma: gamma: got -1.000000, expected a finite value, 0 or more");
    BOOST_TEST(message([] { static_cast<void>(Rule(relevance::Epsilon{NAN})); }) ==
               "relevance::Epsilon: stabiliser: got nan, expected a finite value, 0 or more");
    BOOST_TEST(message([] {
                   static_cast<void>(Rule(relevance::ZBox{{2.0}, {1.0}}));
               }).find("none of low above its high") != std::string::npos);
    const Network net(Dense<double>(3, 2, 1));
    BOOST_TEST(test::message_of<ShapeError>([&] {
                   scores(net, Batch<double>::Ones(3, 1), relevance::ZBox{{0, 0}, {1, 1}});
               }) == "relevance::ZBox: bounds of dense1: got 2, expected 1, one a channel, or 3, one a feature");
}

BOOST_AUTO_TEST_CASE(what_is_left_out_stands_for_the_usual) {
    const auto net = rectified(true);
    const Batch<double> x = test::random_batch<double>(6, 3, 4).cwiseAbs();
    BOOST_TEST((scores(net, x, relevance::ZBox{}) == scores(net, x, relevance::ZBox{{0.0}, {1.0}})));
    BOOST_TEST((scores(net, x, relevance::ZBox{.high = {2.0}}) == scores(net, x, relevance::ZBox{{0.0}, {2.0}})));
    const relevance::WithinBox box, same{{0.0}, {1.0}};
    for (const double w : {-1.0, 0.0, 1.0}) BOOST_TEST(box(0.3, w, 1) == same(0.3, w, 1));
    const RelevancePropagation usual{relevance::epsilon_plus()};
    BOOST_TEST(
        (attribute(net, x, output(0), RelevancePropagation{}).scores == attribute(net, x, output(0), usual).scores));
    BOOST_TEST(test::outlives_a_throw_beside_it<relevance::ZBox>());
    BOOST_TEST(test::outlives_a_throw_beside_it<relevance::WithinBox>());
    BOOST_TEST(test::outlives_a_throw_beside_it<RelevancePropagation>());
}

BOOST_AUTO_TEST_CASE(units_ranked_by_the_relevance_of_a_class) {
    const auto net = rectified(true);
    const Batch<double> x = test::random_batch<double>(6, 6, 4);
    const std::vector<std::int32_t> labels{0, 1, 1, 2, 0, 1};
    const RelevancePropagation method{.composite = relevance::Epsilon{}, .keep_relevance = true};
    const ClassProfiles profiles = relevance_profiles(net, x, labels, method);
    const Batch<double> of_one = attribute(net, x, output(1), method).ledger["relu1"].relevance;
    const Column<double> wanted = (of_one.col(1) + of_one.col(2) + of_one.col(5)) / 3.0;
    BOOST_TEST((profiles["relu1"].mean.col(1) - wanted).cwiseAbs().maxCoeff() < 1e-14);
    const auto ranked = rank_neurons(profiles, 1, {.score = Responsibility::mean, .layers = {"relu1"}});
    BOOST_TEST(ranked.front().score == profiles["relu1"].mean.col(1).maxCoeff());
    const double first = of_one(0, 1) - wanted[0], second = of_one(0, 2) - wanted[0], third = of_one(0, 5) - wanted[0];
    BOOST_TEST(std::abs(profiles["relu1"].deviation(0, 1) -
                        std::sqrt((first * first + second * second + third * third) / 3.0)) < 1e-14);
    const auto message = [&](const std::vector<std::int32_t>& wrong) {
        return test::message_of<Error>([&] { relevance_profiles(net, x, wrong, method); });
    };
    BOOST_TEST(message({0, 1}) == "relevance_profiles: labels: got 2, expected 6");
    BOOST_TEST(message({0, 0, 2, 2, 2, 2}) == "relevance_profiles: samples of class 1: got 0, expected 1 or more");
}
