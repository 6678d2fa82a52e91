// SPDX-License-Identifier: MIT
// Relevance through whole networks: which layer gets which rule, what is merged, recorded, warned of and refused.
#define BOOST_TEST_MODULE relevance_walk
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/activations/sigmoid.hpp>
#include <renn/activations/softmax.hpp>
#include <renn/attribution/relevance/canonise.hpp>
#include <renn/attribution/relevance/conservation.hpp>
#include <renn/attribution/relevance_propagation.hpp>
#include <renn/attribution/smooth_gradient.hpp>
#include <renn/layers/batch_norm.hpp>
#include <renn/layers/concatenate.hpp>
#include <renn/layers/convolution.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/dropout.hpp>
#include <renn/layers/flatten.hpp>
#include <renn/layers/max_pool.hpp>
#include <renn/layers/residual.hpp>
#include <renn/network/arriving.hpp>
#include <renn/network/basic_sequential.hpp>
#include <renn/network/network.hpp>

#include "support/allocations.hpp"
#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using namespace renn;

namespace {

using RunTime = BasicSequential<double, Dense<double>, Conv2d<double>, MaxPool2d<double>, BatchNorm<double>,
                                Flatten<double>, Dropout<double>, ReLU<double>, Sigmoid<double>, Softmax<double>>;

RunTime pictures() {
    RunTime net;
    net.add(Conv2d<double>(Shape{2, 6, 6}, {.channels = 3, .padding = 1}, 1)).add(ReLU<double>{});
    net.add(MaxPool2d<double>(Shape{3, 6, 6}));
    net.add(RunTime(Residual(RunTime(Dense<double>(27, 27, 2), ReLU<double>{}))));
    net.add(Flatten<double>{}).add(Dense<double>(27, 4, 3));
    return net;
}

BatchNorm<double> normalisation(const Shape& shape, std::uint64_t seed) {
    BatchNorm<double> norm(shape);
    const auto draw = [&](std::uint64_t n) {
        return Column<double>(test::random_batch<double>(shape.channels, 1, seed + n));
    };
    norm.set_running(draw(1), draw(2).array() + 1.5);
    norm.parameters() = {draw(3), draw(4)};
    return norm;
}

/// What comes out before and after; the layers' names stay.
template <class Net>
double change(const Net& net, Index features) {
    const Batch<double> x = test::random_batch<double>(features, 5, 8);
    const Net merged = canonise(net);
    BOOST_TEST((merged.describe() == net.describe()));
    const auto found = check_conservation(merged, x, relevance::Composite(relevance::Epsilon{}));
    BOOST_TEST(found.holds);
    BOOST_TEST(found.attribution.warnings.empty());
    BOOST_TEST(!check_conservation(net, x, relevance::Composite(relevance::Epsilon{})).attribution.warnings.empty());
    return (merged.predict(x) - net.predict(x)).cwiseAbs().maxCoeff();
}

template <class... L>
RunTime of(const L&... layers) {
    RunTime net;
    (net.add(layers), ...);
    return net;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_first_rule_that_is_for_a_layer_is_its_rule) {
    using namespace relevance;
    const auto net = pictures();
    const relevance::Composite composite =
        relevance::Composite()
            .add(at_path("sequential1/residual1/dense1"), Gamma{})
            .add(first() && convolutions(), ZBox{})
            .add(named_type("MaxPool2d"), SplitTies{})
            .add(depth(0.9, 1.0), FlatRule{})
            .add(places(6), Zero{})
            .add(where([](const LayerInfo& layer) { return layer.kind == LayerKind::weighted; }), ZPlus{});
    BOOST_TEST(listing(net, composite) ==
               "conv2d1  Conv2d  ZBox 0..1\nrelu1  ReLU  PassOn\nmaxpool2d1  MaxPool2d  SplitTies\n"
               "sequential1/residual1/dense1  Dense  Gamma 0.25\nsequential1/residual1/relu1  ReLU  PassOn\n"
               "flatten1  Flatten  PassOn\ndense1  Dense  Zero\n");
    const auto found = check_conservation(net, test::random_batch<double>(72, 3, 1), composite);
    BOOST_TEST(found.holds);
    BOOST_TEST(found.attribution.ledger["sequential1/residual1"].rule == "Norm");
    BOOST_TEST(found.attribution.ledger.text(0).find("maxpool2d1                    SplitTies") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(batch_norm_merges_with_what_is_beside_it) {
    const Conv2d<double> padded(Shape{2, 5, 5}, {.channels = 4, .padding = 1, .groups = 2}, 1);
    const Conv2d<double> plain(Shape{2, 5, 5}, {.channels = 4, .groups = 2, .bias = false}, 1);
    const Shape in{2, 5, 5}, out{4, 5, 5};
    BOOST_TEST(change(of(padded, normalisation(out, 1), ReLU<double>{}, Dense<double>(100, 3, 2)), 50) < 1e-12);
    BOOST_TEST(change(of(normalisation(in, 1), plain, normalisation({4, 3, 3}, 5)), 50) < 1e-12);
    BOOST_TEST(change(of(Dense<double>(4, 6, 1), Dropout<double>(0.5), normalisation({6, 1, 1}, 3), ReLU<double>{}),
                      4) < 1e-12);
    BOOST_TEST(change(of(ReLU<double>{}, normalisation({3, 2, 2}, 3), Flatten<double>{}, Dense<double>(12, 2, 1)), 12) <
               1e-12);
    BOOST_TEST(change(of(Dense<double>(4, 12, 1), normalisation({3, 2, 2}, 3), normalisation({3, 2, 2}, 7)), 4) <
               1e-12);
    const auto message = [](const RunTime& net) { return test::message_of<DataError>([&] { canonise(net); }); };
    BOOST_TEST(
        message(of(normalisation(in, 1), padded)) ==
        "canonise: batchnorm1, merged into conv2d1 behind it: got a padding of zeros, whose place in the picture "
        "would count, expected no padding");
    BOOST_TEST(message(of(ReLU<double>{}, normalisation(in, 1), ReLU<double>{}))
                   .find("canonise: batchnorm1: got no Dense or convolution") == 0U);
    BOOST_TEST(message(of(plain, Flatten<double>{}, normalisation({36, 1, 1}, 1)))
                   .find("constants for 36 features, expected one for each channel") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(relevance_of_a_place_at_every_layer_and_of_some_channels) {
    const auto net = pictures();
    const Batch<double> x = test::random_batch<double>(72, 3, 1);
    const auto inside = attribute(net, x, at("relu1", output(5)), RelevancePropagation{.keep_relevance = true});
    BOOST_TEST(inside.ledger.lines.size() == 2U);
    BOOST_TEST(inside.ledger["relu1"].relevance.col(0).sum() == inside.explained[0]);
    BOOST_TEST(inside.ledger.worst() < 1e-12);
    const RelevancePropagation one{.start = RelevanceStart::slope};
    const auto slope = attribute(net, x, class_difference(2, 1), one);
    BOOST_TEST(std::abs(slope.ledger["dense1"].arrived[0]) < 1e-15);  // 1 - 1

    // conditions on the channels of a layer add up to no condition
    const RelevancePropagation method;
    AttributionWorkspace<RunTime> workspace;
    Attribution<double> part;
    Batch<double> sum = Batch<double>::Zero(72, 3);
    for (Index channel = 0; channel < 3; ++channel) {
        Batch<double> masked;
        const auto keep = [&](std::string_view path, const BatchView<double>&, const BatchView<double>& above) {
            if (path != "conv2d1") return above;
            masked = Batch<double>::Zero(above.rows(), above.cols());
            masked.middleRows(channel * 36, 36) = above.middleRows(channel * 36, 36);
            return BatchView<double>(masked);
        };
        method.run(net, x, output(2), workspace, part, [&](auto& walk) { return Arriving(walk, keep); });
        sum += part.scores;
    }
    BOOST_TEST(sum.isApprox(attribute(net, x, output(2), method).scores, 1e-12));
}

BOOST_AUTO_TEST_CASE(max_pooling_in_three_ways) {
    const auto net = of(MaxPool2d<double>(Shape{1, 2, 2}));
    Batch<double> x(4, 1), r(1, 1);
    x << 1, 3, 3, -1;
    r << 6;
    const auto of_rule = [&](const relevance::Rule& rule) {
        const auto composite = relevance::Composite().add(relevance::places(0), rule);
        return attribute(net, x, direction(r), RelevancePropagation{composite, RelevanceStart::slope}).scores;
    };
    BOOST_TEST((of_rule(relevance::Winner{}) == Eigen::Vector4d(0, 6, 0, 0)));
    BOOST_TEST((of_rule(relevance::SplitTies{}) == Eigen::Vector4d(0, 3, 3, 0)));
    BOOST_TEST(of_rule(relevance::Proportional{0.0}).isApprox(Eigen::Vector4d(6.0 / 7, 18.0 / 7, 18.0 / 7, 0)));
}

BOOST_AUTO_TEST_CASE(a_sample_has_the_same_relevance_in_any_company) {
    const auto net = of(Conv2d<double>(Shape{1, 7, 5}, {.channels = 3, .padding = 1}, 1), ReLU<double>{},
                        Dense<double>(105, 9, 2), ReLU<double>{}, Dense<double>(9, 4, 3));
    const Batch<double> x = test::random_batch<double>(35, 6, 1);
    for (const auto& composite :
         {relevance::epsilon_alpha2_beta1(), relevance::epsilon_plus_flat(), relevance::epsilon_gamma_box({-1}, {1})}) {
        const RelevancePropagation method{composite};
        const auto all = attribute(net, x, output(1), method);
        for (Index j = 0; j < 6; ++j) {
            const auto alone = attribute(net, x.col(j), output(1), method);
            BOOST_TEST(test::same_bits(alone.scores, Batch<double>(all.scores.col(j))));
        }
    }
    BOOST_TEST(attribute(net, Batch<double>(35, 0), output(1), RelevancePropagation{}).scores.cols() == 0);
}

BOOST_AUTO_TEST_CASE(used_again_it_allocates_nothing_and_remembers_no_weights) {
    auto net =
        of(Dense<double>(60, 40, 1), ReLU<double>{}, Dense<double>(40, 20, 2), ReLU<double>{}, Dense<double>(20, 4, 3));
    const Batch<double> x = test::random_batch<double>(60, 1, 3);
    const auto target = output(2);
    AttributionWorkspace<decltype(net)> workspace;
    Attribution<double> result;
    for (const auto& composite : {relevance::epsilon_plus_flat(), relevance::Composite(relevance::AlphaBeta{}),
                                  relevance::Composite(relevance::Gamma{})}) {
        const RelevancePropagation method{composite};
        for (int i = 0; i < 2; ++i) method(net, x, target, workspace, result);
        BOOST_TEST(test::allocations([&] { method(net, x, target, workspace, result); }) == 0U);
        for_each_block([](auto& block) { block *= -1.5; }, net.parameters());
        method(net, x, target, workspace, result);
        BOOST_TEST(test::same_bits(result.scores, attribute(net, x, target, method).scores));
    }
}

BOOST_AUTO_TEST_CASE(relevance_starts_below_the_softmax_that_a_network_ends_in) {
    const auto explains_logits = [](const auto& net, const auto& logits, const std::string& last) {
        using S = typename std::remove_cvref_t<decltype(net)>::Scalar;
        const Batch<S> x = test::random_batch<S>(4, 5, 1);
        const auto same = [&](const auto& target, RelevanceStart start) {
            const RelevancePropagation method{.start = start};
            const auto got = attribute(net, x, target, method), wanted = attribute(logits, x, target, method);
            BOOST_TEST(test::same_bits(got.scores, wanted.scores));
            BOOST_TEST((got.explained == wanted.explained && got.gap == wanted.gap));
            BOOST_TEST(got.ledger.lines.size() == wanted.ledger.lines.size() + 1);
            BOOST_TEST(
                (got.ledger[last].arrived == got.ledger[last].left && got.ledger.worst() == wanted.ledger.worst()));
            BOOST_TEST(wanted.warnings.empty());
            BOOST_TEST((got.warnings == std::vector<std::string>{
                                            "the network ends in Softmax: what is explained is the target of the "
                                            "logits that it takes in, not of the probabilities that it puts out"}));
        };
        for (const auto start : {RelevanceStart::value, RelevanceStart::slope}) {
            same(output(2), start);
            same(predicted_output(), start);
            same(class_difference(0, 1), start);
            same(probability(1), start);
            same(log_odds(1), start);
        }
        const renn::Smoothed<RelevancePropagation> smoothed{.draws = 3};
        const auto got = attribute(net, x, predicted_output(), smoothed);
        const auto wanted = attribute(logits, x, predicted_output(), smoothed);
        BOOST_TEST((got.scores == wanted.scores && got.explained == wanted.explained && got.warnings.size() == 1U));
        const auto before = attribute(net, x, at("dense1", output(2)), RelevancePropagation{});
        BOOST_TEST((before.warnings.empty() && before.ledger.lines.size() == 1U));
        BOOST_TEST(attribute(net, Batch<S>(4, 0), output(1), RelevancePropagation{}).scores.cols() == 0);
        BOOST_TEST(test::message_of<DataError>([&] {
                       attribute(net, x, at(last, output(2)), RelevancePropagation{});
                   }) == "relevance propagation: layer " + last +
                             ": got Softmax, for which there is no rule, expected a target below it, at(\"name of a "
                             "layer before it\", ...), or on the outputs of a network that ends in it");
    };
    const Dense<double> one(4, 5, 1), two(5, 3, 2);
    explains_logits(of(one, ReLU<double>{}, two, Softmax<double>{}), of(one, ReLU<double>{}, two), "softmax1");
    explains_logits(Network(one, ReLU<double>{}, Network(two, Softmax<double>{})),
                    Network(one, ReLU<double>{}, Network(two)), "network1/softmax1");
    const Dense<float> three(4, 3, 1);
    explains_logits(Network(three, Softmax<float>{}), Network(three), "softmax1");

    // One that is in the way is refused, also where others stand beside it.
    const Batch<double> x = test::random_batch<double>(4, 2, 1);
    const auto refused = [&](const auto& net, const std::string& layer) {
        BOOST_TEST(test::message_of<DataError>([&] {
                       attribute(net, x, output(1), RelevancePropagation{});
                   }).find("relevance propagation: layer " + layer + ": got Softmax") == 0U);
    };
    refused(of(one, Softmax<double>{}, two), "softmax1");
    refused(of(one, Softmax<double>{}, two, Softmax<double>{}), "softmax1");
    refused(Network(Concatenate(Network(one), Network(one, Softmax<double>{}))), "concatenate1/branch2/softmax1");
    refused(Network(Residual(Network(Dense<double>(4, 4, 1), Softmax<double>{}))), "residual1/softmax1");

    // Used again, on one network and another, it is as new.
    const auto ends = of(one, ReLU<double>{}, two, Softmax<double>{});
    AttributionWorkspace<RunTime> workspace;
    Attribution<double> result;
    const RelevancePropagation method;
    for (int i = 0; i < 2; ++i) method(ends, x, output(1), workspace, result);
    BOOST_TEST(result.warnings.size() == 1U);
    method(of(one, ReLU<double>{}, two), x, output(1), workspace, result);
    BOOST_TEST(result.warnings.empty());
}

BOOST_AUTO_TEST_CASE(what_has_no_rule_or_is_not_finite_says_so) {
    const Batch<double> x = test::random_batch<double>(4, 2, 1);
    const auto message = [&](const RunTime& net, const relevance::Composite& composite) {
        return test::message_of<DataError>([&] { attribute(net, x, output(0), RelevancePropagation{composite}); });
    };
    const auto net = of(Dense<double>(4, 3, 1), Sigmoid<double>{}, Dense<double>(3, 1, 2));
    const auto only_first = relevance::Composite().add(relevance::first(), relevance::FlatRule{});
    BOOST_TEST(message(net, only_first)
                   .find("relevance propagation: rule of dense2 (Dense): got no rule, expected one of "
                         "those available: Zero, Epsilon, Norm, AlphaBeta") == 0U);
    const auto everywhere = relevance::Composite().add(relevance::places(0), relevance::Epsilon{});
    BOOST_TEST(message(net, everywhere) ==
               "relevance propagation: rule of sigmoid1 (Sigmoid): got Epsilon 1e-06, expected "
               "one of those available: PassOn");
    const auto normalised = of(BatchNorm<double>(4), Dense<double>(4, 3, 1));
    BOOST_TEST(attribute(normalised, x.leftCols(0), output(0), RelevancePropagation{}).scores.cols() == 0);
    BOOST_TEST(attribute(net, x, output(0), RelevancePropagation{}).warnings ==
               std::vector<std::string>{"relevance passes sigmoid1, a Sigmoid, which is not 0 where its input is 0"});
    const auto one =
        of(Dense<double>(Dense<double>::Parameters{Batch<double>::Constant(1, 4, 1e-300), Column<double>::Zero(1)}));
    const RelevancePropagation zero{relevance::Composite(relevance::Zero{}), RelevanceStart::slope};
    const Batch<double> huge = Batch<double>::Constant(1, 2, 1e308);
    BOOST_TEST(test::message_of<DataError>([&] { attribute(one, x.cwiseAbs(), direction(huge), zero); }) ==
               "relevance propagation: relevance below dense1, unit 0, column 0: got inf, expected a finite value");
    Batch<double> infinite = x;
    infinite(0, 0) = std::numeric_limits<double>::infinity();
    BOOST_TEST(test::message_of<DataError>([&] { attribute(one, infinite, output(0), RelevancePropagation{}); }) ==
               "relevance propagation: relevance to start with, unit 0, column 0: got inf, expected a finite value");
}

BOOST_AUTO_TEST_CASE(what_deep_taylor_is_not_for) {
    auto net = of(Dense<double>(4, 3, 1), Sigmoid<double>{}, Dense<double>(3, 2, 2), Softmax<double>{});
    std::get<0>(net.parameters().layers[0].value).bias[1] = 0.5;
    BOOST_TEST(deep_taylor_admissible(net) ==
                   (std::vector<std::string>{"dense1 (Dense): 1 biases above 0", "sigmoid1 (Sigmoid): not ReLU",
                                             "softmax1 (Softmax): not a layer of weights, pooling or ReLU"}),
               boost::test_tools::per_element());
}
