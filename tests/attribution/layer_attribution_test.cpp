// SPDX-License-Identifier: MIT
// Attribution inside a network, maps of its images, and networks with units held.
#define BOOST_TEST_MODULE layer_attribution
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/activations/softmax.hpp>
#include <renn/activations/tanh.hpp>
#include <renn/attribution/class_activation_map.hpp>
#include <renn/attribution/deep_lift.hpp>
#include <renn/attribution/gradient.hpp>
#include <renn/attribution/integrated_gradients.hpp>
#include <renn/attribution/layer_attribution.hpp>
#include <renn/attribution/reduce.hpp>
#include <renn/layers/average_pool.hpp>
#include <renn/layers/concatenate.hpp>
#include <renn/layers/convolution.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/layer_norm.hpp>
#include <renn/layers/max_pool.hpp>
#include <renn/layers/residual.hpp>
#include <renn/network/basic_sequential.hpp>
#include <renn/network/mask.hpp>
#include <renn/network/network.hpp>

#include "support/gradient_check.hpp"
#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using namespace renn;
using test::message_of;

namespace {

double greatest(const auto& m) {
    return m.size() == 0 ? 0.0 : m.cwiseAbs().maxCoeff();
}

auto with_residual() {
    return Network(Dense<double>(4, 5, 1), Tanh<double>{}, Residual(Network(Dense<double>(5, 5, 2), Tanh<double>{})),
                   Dense<double>(5, 3, 3));
}
auto image_net() {
    const Shape in{2, 4, 5};
    return Network(Conv2d<double>(in, {.channels = 3, .padding = 1}, 1), ReLU<double>{},
                   GlobalAvgPool<double>({3, 4, 5}), Dense<double>(3, 4, 2));
}
const Batch<double> x = test::random_batch<double>(4, 6, 7);
const Batch<double> images = test::random_batch<double>(40, 5, 8);

}  // namespace

BOOST_AUTO_TEST_CASE(conductance_and_gradient_times_activation) {
    const auto net = with_residual();
    const auto target = output(1);
    for (const std::string place : {"dense1", "tanh1", "residual1"}) {  // each alone leads to the output
        const auto conductance = attribute(net, x, target, LayerConductance{.place = place, .steps = 4000});
        BOOST_TEST(greatest(conductance.gap) < 1e-3);
        const auto product = attribute(net, x, target, LayerGradientTimesActivation{place});
        BOOST_TEST(product.scores.rows() == 5);
        BOOST_TEST(greatest(product.gap + product.scores.colwise().sum().transpose() - product.explained) < 1e-15);
    }
    // Behind the residual the network is linear.
    const auto last = attribute(net, x, target, LayerGradientTimesActivation{"residual1"});
    BOOST_TEST(greatest(last.gap) < 1e-14);  // biases are 0
    const Batch<double> base = test::random_batch<double>(4, 1, 9);
    const auto inside = attribute(net, x, at("residual1", output(2)),
                                  LayerConductance{.place = "residual1/tanh1", .baseline = base, .steps = 7});
    BOOST_TEST(inside.scores.row(0).isZero(0.0));
    BOOST_TEST(!inside.scores.row(2).isZero(1e-12));

    const auto message = [&](const auto& t, const std::string& place) {
        return message_of<DataError>([&] { attribute(net, x, t, LayerGradientTimesActivation{place}); });
    };
    BOOST_TEST(message(target, "relu7").find("LayerGradientTimesActivation: layer: got \"relu7\", expected one of") ==
               0U);
    BOOST_TEST(message(at("tanh1", output(0)), "residual1") ==
               "LayerGradientTimesActivation: layer: got \"residual1\", expected one that leads to the target");
}

BOOST_AUTO_TEST_CASE(class_activation_maps) {
    const auto net = image_net();
    const auto target = class_difference(1, 3);
    const auto cam = attribute(net, images, target, ClassActivationMap{"relu1"});
    BOOST_TEST(cam.scores.rows() == 20);
    BOOST_TEST(greatest(cam.gap) < 1e-14);  // biases are 0
    const auto plain = attribute(net, images, target, GradCam{.place = "relu1", .relu = false});
    BOOST_TEST(greatest(cam.scores - 20.0 * plain.scores) < 1e-13);
    const auto cut = attribute(net, images, target, GradCam{.place = "relu1"});
    BOOST_TEST(greatest(cut.scores - plain.scores.cwiseMax(0.0)) < 1e-15);

    // Where every weight is positive, Layer-CAM is gradient x activation summed over the channels.
    const auto layer = attribute(net, images, at("relu1", direction(Column<double>::Ones(60))), LayerCam{"relu1"});
    const auto product =
        attribute(net, images, at("relu1", direction(Column<double>::Ones(60))), LayerGradientTimesActivation{"relu1"});
    BOOST_TEST(greatest(layer.scores - by_pixel(product.scores, {3, 4, 5})) < 1e-14);
    const auto guided = attribute(net, images, target, GuidedGradCam{.place = "relu1"});
    const Batch<double> backprop = attribute(net, images, target, GuidedBackprop{}).scores;
    for (const Index c : {0, 1}) {
        BOOST_TEST(greatest(guided.scores.middleRows(20 * c, 20) -
                            cut.scores.cwiseProduct(backprop.middleRows(20 * c, 20))) < 1e-15);
    }
    BOOST_TEST(message_of<DataError>([&] {
                   attribute(net, images, target, ClassActivationMap{"conv2d1"});
               }).find("ClassActivationMap: weights of a channel: got different ones") == 0U);
    BOOST_TEST(message_of<ShapeError>([&] { attribute(net, images, target, GradCam{"dense1"}); }) ==
               "GradCam: image of \"dense1\": got 0 x 1 x 1, expected a shape of its 4 values");
    BOOST_TEST((shape_at(net, "relu1") == Shape{3, 4, 5}));
}

BOOST_AUTO_TEST_CASE(maps_are_enlarged_and_reduced) {
    const Batch<double> map = test::random_batch<double>(6, 3, 1);
    for (const auto how : {Interpolation::nearest, Interpolation::bilinear}) {
        BOOST_TEST(greatest(upsample(map, {2, 3}, {2, 3}, how) - map) == 0.0);
        const Batch<double> constant = Batch<double>::Constant(6, 1, 2.5);
        BOOST_TEST(greatest(upsample(constant, {2, 3}, {7, 8}, how) - Batch<double>::Constant(56, 1, 2.5)) < 1e-15);
    }
    const Batch<double> step = Eigen::Vector2d(0, 1);
    BOOST_TEST(greatest(upsample(step, {1, 2}, {1, 4}) - Eigen::Vector4d(0, 0.25, 0.75, 1)) < 1e-15);
    BOOST_TEST(message_of<ShapeError>([&] {
                   upsample(map, {3, 3}, 4);
               }) == "upsample: maps: got 6 x 3, expected 9 x 3");

    Batch<double> scores(4, 1);  // two channels of two pixels
    scores << 3, -1, 4, 1;
    const Shape image{2, 1, 2};
    BOOST_TEST(by_pixel(scores, image).col(0) == Eigen::Vector2d(7, 0));
    BOOST_TEST(by_pixel(scores, image, Reduction::mean).col(0) == Eigen::Vector2d(3.5, 0));
    BOOST_TEST(by_pixel(scores, image, Reduction::greatest_magnitude).col(0) == Eigen::Vector2d(4, 1));
    BOOST_TEST(greatest(by_pixel(scores, image, Reduction::norm).col(0) - Eigen::Vector2d(5, std::sqrt(2.0))) < 1e-15);
    BOOST_TEST(by_channel(scores, image).col(0) == Eigen::Vector2d(2, 5));
    BOOST_TEST((by_pixel(Batch<double>(0, 3), {0, 2, 2}) == Batch<double>::Zero(4, 3)));
    BOOST_TEST((by_channel(Batch<double>(0, 3), {2, 0, 2}) == Batch<double>::Zero(2, 3)));
    BOOST_TEST(message_of<ShapeError>([&] {
                   by_pixel(scores, {3, 1, 1});
               }) == "by_pixel: scores: got 4 x 1, expected 3 x 1");
}

BOOST_AUTO_TEST_CASE(nothing_goes_through_masked_units) {
    const Mask mask{{.layer = "tanh1", .units = {1, 3}, .values = {0.3, -0.2}},
                    {.layer = "residual1/dense1", .units = {2}}};
    const auto net = masked(with_residual(), mask);
    Batch<double> moved = x;
    const auto target = output(2);
    const Batch<double> got = attribute(net, x, target, Gradient{}).scores;
    BOOST_TEST(test::gradient_error([&] { return net.predict(moved).row(2).sum(); }, moved, got) < 1e-8);
    BOOST_TEST(greatest(got - attribute(net.network(), x, target, Gradient{}).scores) > 1e-2);
    BOOST_TEST(attribute(net, x, at("tanh1", output(3)), Gradient{}).scores.isZero(0.0));
    const auto path = attribute(net, x, target, IntegratedGradients{});
    BOOST_TEST(greatest(path.gap) < 1e-9);
    const auto difference = attribute(net, x, target, DeepLiftRescale{});
    BOOST_TEST(greatest(difference.gap) < 1e-12);
    const auto none = masked(with_residual(), {});
    BOOST_TEST(test::same_bits(attribute(none, x, target, Gradient{}).scores,
                               attribute(none.network(), x, target, Gradient{}).scores));
}

BOOST_AUTO_TEST_CASE(deep_lift_goes_through_what_is_nested) {
    const auto complete = [](auto scalar, double tolerance) {
        using S = decltype(scalar);
        using Net = BasicSequential<S, Dense<S>, Conv2d<S>, MaxPool2d<S>, LayerNorm<S>, Tanh<S>, ReLU<S>, Softmax<S>>;
        const Batch<S> inputs = images.cast<S>(), base = test::random_batch<S>(40, 5, 9);
        const Net block(Conv2d<S>({2, 4, 5}, {.channels = 3, .padding = 1}, 1), MaxPool2d<S>({3, 4, 5}), ReLU<S>{});
        const Net beside(Dense<S>(12, 3, 3), Net(Dense<S>(3, 2, 4), ReLU<S>{}));
        const Net inner(Residual(Net(Dense<S>(12, 12, 2), Tanh<S>{})), Concatenate(beside, Net(Dense<S>(12, 4, 5))));
        const auto gap = [&](const auto& net, const auto& target) {
            const auto got = attribute(net, inputs, target, DeepLiftRescale{.baseline = base});
            BOOST_TEST(greatest(got.scores) > S(1e-2));
            BOOST_TEST(static_cast<double>(greatest(got.gap)) < tolerance);
            return got.scores;
        };
        const Network net(block, inner, Dense<S>(6, 3, 6));
        const Batch<S> scores = gap(net, output(1));
        gap(net, at("sequential2/concatenate1/branch1/sequential1/relu1", output(1)));
        BOOST_TEST(greatest(gap(Net(net), output(1)) - scores) == S(0));
        gap(Network(Concatenate(block, Network(Dense<S>(40, 2, 7), Net(Tanh<S>{}))), Dense<S>(14, 3, 8)), output(2));

        // What a Softmax at the end takes in is explained in its place, and the result says so.
        const Network ends(block, inner, Net(Dense<S>(6, 3, 6), Softmax<S>{}));
        const auto logit = attribute(ends, inputs, output(1), DeepLiftRescale{.baseline = base});
        BOOST_TEST(greatest(logit.scores - scores) == S(0));
        BOOST_TEST(logit.explained == net.predict(inputs).row(1).transpose());
        BOOST_TEST(logit.warnings.at(0).find(
                       "the network ends in Softmax: what is explained is the target of the logits") == 0U);
        BOOST_TEST(greatest(gap(ends, at("sequential3/dense1", output(1))) - scores) == S(0));
        BOOST_TEST(message_of<MismatchError>([&] { gap(ends, at("sequential3/softmax1", output(1))); }) ==
                   "DeepLiftRescale: layer \"sequential3/softmax1\": got Softmax, expected a target below it, "
                   "at(\"name of a layer before it\", ...), or on the outputs of a network that ends in it");
        BOOST_TEST(message_of<MismatchError>([&] {
                       gap(Network(block, Net(Softmax<S>{}, Dense<S>(12, 3, 6)), Softmax<S>{}), output(1));
                   }).find("DeepLiftRescale: layer \"sequential2/softmax1\": got Softmax") == 0U);
        BOOST_TEST(message_of<MismatchError>([&] {
                       gap(Network(block, Net(LayerNorm<S>(12)), Dense<S>(12, 3, 6)), output(1));
                   }).find("DeepLiftRescale: layer \"sequential2/layernorm1\": got LayerNorm") == 0U);
    };
    complete(0.0, 1e-12);
    complete(0.0F, 1e-4);
    const Network known(Dense<double>(4, 3, 1), Softmax<double>{});
    const Network logits(Dense<double>(4, 3, 1));
    const auto same = [&](const auto& target) {
        BOOST_TEST(test::same_bits(attribute(known, x, target, DeepLiftRescale{}).scores,
                                   attribute(logits, x, target, DeepLiftRescale{}).scores));
    };
    same(predicted_output());
    same(probability(2));  // the network's own
    BOOST_TEST(attribute(known, Batch<double>(4, 0), output(0), DeepLiftRescale{}).scores.cols() == 0);
    const auto at_logits = at("dense1", output(0));
    BOOST_TEST(attribute(known, x, at_logits, DeepLiftRescale{}).warnings.empty());
}

BOOST_AUTO_TEST_CASE(layers_without_a_rule_are_refused_by_name) {
    using Net = BasicSequential<double, Dense<double>, LayerNorm<double>, Tanh<double>>;
    const Net fine(Dense<double>(4, 3, 1), Tanh<double>{}), other(Dense<double>(4, 3, 1), LayerNorm<double>(3));
    BOOST_TEST(greatest(attribute(fine, x, output(0), DeepLiftRescale{}).gap) < 1e-14);
    BOOST_TEST(message_of<MismatchError>([&] { attribute(other, x, output(0), DeepLiftRescale{}); }) ==
               "DeepLiftRescale: layer \"layernorm1\": got LayerNorm, expected a linear layer, an activation value by "
               "value, or max pooling");
}
