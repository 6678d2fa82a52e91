// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE receptive_field
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>

#include <renn/activations/relu.hpp>
#include <renn/activations/softmax.hpp>
#include <renn/layers/average_pool.hpp>
#include <renn/layers/batch_norm.hpp>
#include <renn/layers/convolution.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/flatten.hpp>
#include <renn/layers/max_pool.hpp>
#include <renn/network/basic_sequential.hpp>
#include <renn/network/network.hpp>
#include <renn/network/receptive_field.hpp>
#include <renn/tracing/neuron_patches.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using renn::Batch, renn::Concatenate, renn::DataError, renn::Index, renn::Network, renn::Patch, renn::receptive_field,
    renn::Residual, renn::Shape, renn::test::message_of;

namespace {

using Conv = renn::Conv2d<float>;
using MaxPool = renn::MaxPool2d<float>;
using ReLU = renn::ReLU<float>;
using Dense = renn::Dense<float>;
using Stack = renn::BasicSequential<float, Conv, MaxPool, ReLU, Dense, renn::GlobalAvgPool<float>>;

/// Everything grows with every input: so whoever is seen is felt.
template <class Net>
Net positive(Net net) {
    renn::for_each_block([](auto& block) { block = block.cwiseAbs().array() + 0.125F; }, net.parameters());
    return net;
}

/// What a place of the network feels, input by input: the hull of the pixels that change its value when they rise.
template <class Net>
void check(const Net& net, std::string_view place, const Shape& in, const Shape& out) {
    const Index pixels = in.size();
    Batch<float> x = Batch<float>::Constant(pixels, pixels + 1, 0.5F);
    for (Index i = 0; i < pixels; ++i) x(i, i) = 64.0F;
    const auto values = renn::activations(net, x)[place];
    BOOST_REQUIRE(values.rows() == out.size());
    for (Index row = 0; row < out.height; ++row) {
        for (Index column = 0; column < out.width; ++column) {
            Patch felt{in.height, in.width, 0, 0};
            for (Index i = 0; i < pixels; ++i) {
                bool changed = false;
                for (Index c = 0; c < out.channels; ++c) {
                    const Index at = out.at(c, row, column);
                    changed = changed || values(at, i) != values(at, pixels);
                }
                if (!changed) continue;
                const Index y = i % in.positions() / in.width, left = i % in.width;
                felt = {std::min(felt.top, y), std::min(felt.left, left), std::max(felt.bottom, y + 1),
                        std::max(felt.right, left + 1)};
            }
            if (felt.empty()) felt = {};
            BOOST_TEST_CONTEXT(place << ' ' << row << ' ' << column) {
                const Patch p = receptive_field(net, place, row, column);
                BOOST_TEST((p == felt || (p.empty() && felt.empty())));
            }
        }
    }
}

constexpr Shape image{2, 9, 11};

Conv conv(const Conv& layer_before, const renn::Conv2dOptions& options) {
    return {layer_before.output_shape(), options, std::uint64_t{2}};
}
Conv first(const renn::Conv2dOptions& options) {
    return {image, options, std::uint64_t{1}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(fields_are_those_that_are_felt) {
    for (const renn::Conv2dOptions& a : {renn::Conv2dOptions{.channels = 2},
                                         {.channels = 2, .kernel = {2, 3}, .stride = {3, 2}},
                                         {.channels = 1, .padding = {1, 2}, .dilation = {1, 2}},
                                         {.channels = 2, .stride = 2, .groups = 2},
                                         {.channels = 1, .kernel = 1, .stride = 2, .padding = 2}}) {
        const Conv one = first(a);
        for (const renn::Conv2dOptions& b : {renn::Conv2dOptions{.channels = 1, .kernel = {3, 2}, .padding = 1},
                                             {.channels = 2, .kernel = 2, .stride = 2},
                                             {.channels = 1, .kernel = 2, .padding = {1, 0}, .dilation = 2}}) {
            const Conv two = conv(one, b);
            Stack net(one, ReLU(), two, ReLU());
            net = positive(std::move(net));
            check(net, "relu1", image, one.output_shape());
            check(net, "conv2d2", image, two.output_shape());
            const MaxPool pool(one.output_shape(), {.kernel = {2, 3}, .stride = {2, 1}, .padding = {1, 0}});
            const Conv behind(pool.output_shape(), {.channels = 1, .kernel = {1, 2}, .padding = {0, 1}},
                              std::uint64_t{3});
            check(positive(Stack(one, pool, behind)), "conv2d2", image, behind.output_shape());
        }
    }
}

BOOST_AUTO_TEST_CASE(branches_see_together_and_rows_left_out_are_not_seen) {
    const Conv same = first({.channels = 2, .padding = 1});
    const Conv wide = first({.channels = 1, .kernel = 5, .padding = 2});
    const Conv half = first({.channels = 1, .kernel = 1, .stride = 2});  // 5 x 6
    const Conv other = first({.channels = 2, .kernel = {2, 3}, .stride = 2, .padding = {1, 1}});
    BOOST_REQUIRE(half.output_shape().positions() == other.output_shape().positions());
    const auto after = [](const Shape& in) { return Conv(in, {.channels = 1, .kernel = 2}, std::uint64_t{4}); };
    const Shape three{3, 9, 11}, reduced{3, 5, 6};

    const auto fixed =
        positive(Network(Residual(Network(same, ReLU())),
                         Concatenate(Network(same, ReLU(), conv(same, {.channels = 2, .padding = 1})), Network(wide)),
                         after(three), ReLU()));
    check(fixed, "residual1/conv2d1", image, image);
    check(fixed, "concatenate1/branch1/conv2d2", image, image);
    check(fixed, "concatenate1/branch2/conv2d1", image, {1, 9, 11});
    check(fixed, "relu1", image, {1, 8, 10});
    const Stack run_time =
        positive(Stack(Residual(Stack(same, ReLU())), Concatenate(Stack(half, ReLU()), Stack(other)), after(reduced)));
    check(run_time, "conv2d1", image, {1, 4, 5});
    BOOST_TEST((receptive_field(run_time, "residual1") == Patch{0, 0, 2, 2}));
    BOOST_TEST((receptive_field(fixed, "concatenate1", 4, 5) == Patch{1, 2, 8, 9}));

    // The fourth column of the first layer ends at pixel 9 of 11; what is behind it cannot see further.
    const Conv strided = first({.channels = 1, .kernel = 3, .stride = {2, 4}});
    const Conv padded = conv(strided, {.channels = 1, .padding = 1});
    check(positive(Stack(strided, padded)), "conv2d2", image, padded.output_shape());
    check(positive(Stack(strided, renn::GlobalAvgPool<float>(strided.output_shape()))), "conv2d1", image,
          strided.output_shape());
}

BOOST_AUTO_TEST_CASE(what_sees_everything_sees_the_whole_image) {
    const Conv one = first({.channels = 2});
    const auto net = positive(Network(renn::BatchNorm<float>(image.size()), renn::Flatten<float>(), one,
                                      renn::Softmax<float>(), MaxPool(one.output_shape()), renn::Flatten<float>(),
                                      Dense(2 * 3 * 4, 5, std::uint64_t{1}), ReLU(), Dense(5, 2, std::uint64_t{2})));
    const Patch whole{0, 0, 9, 11};
    BOOST_TEST((receptive_field(net, "batchnorm1", 3, 4) == Patch{3, 4, 4, 5}));
    BOOST_TEST((receptive_field(net, "conv2d1", 6, 8) == Patch{6, 8, 9, 11}));
    BOOST_TEST((receptive_field(net, "softmax1", 6, 8) == whole));
    BOOST_TEST((receptive_field(net, "relu1") == whole));
    BOOST_TEST((receptive_field(net, "dense2") == whole));
    const auto pooled = Network(one, renn::GlobalAvgPool<float>(one.output_shape()), ReLU());
    BOOST_TEST((receptive_field(pooled, "relu1") == whole));
    // A dense layer that is read as an image: each of its positions sees everything.
    const Network again(one, Dense(one.out_features(), 2 * 9 * 11, std::uint64_t{1}), first({.channels = 1}));
    BOOST_TEST((receptive_field(again, "conv2d2", 6, 8) == whole));
}

BOOST_AUTO_TEST_CASE(mistakes_are_told) {
    const Stack net(first({.channels = 2}), ReLU());
    const auto message = [](const auto& of, std::string_view place, Index row = 0, Index column = 0) {
        return message_of<DataError>([&] { receptive_field(of, place, row, column); });
    };
    for (const std::string place : {"", "conv2d", "conv2d1/relu1", "conv2d2", "/"}) {
        BOOST_TEST(message(net, place) ==
                   "receptive_field: layer: got \"" + place + "\", expected one of conv2d1, relu1");
    }
    BOOST_TEST(message(net, "relu1", 7, 0) ==
               "receptive_field: row and column: got 7, 0, expected inside the 7 x 9 of relu1");
    BOOST_TEST(message(net, "relu1", 0, -1) ==
               "receptive_field: row and column: got 0, -1, expected inside the 7 x 9 of relu1");
    const std::string no_image =
        "receptive_field: input of the network: got no image, expected a convolution or pooling layer";
    BOOST_TEST(message(Stack(Dense(4, 3, std::uint64_t{1}), ReLU()), "relu1") == no_image);
    // An image behind a dense layer is not the input.
    BOOST_TEST(message(Stack(Dense(4, image.size(), std::uint64_t{1}), first({.channels = 1})), "conv2d1") == no_image);
    BOOST_TEST(message(Stack(), "relu1").starts_with("receptive_field: layer"));
    // A branch is no layer, but what is in it.
    const Network branches(Concatenate(Network(first({.channels = 2})), Network(first({.channels = 1}))));
    BOOST_TEST(message(branches, "concatenate1/branch1") ==
               "receptive_field: layer: got \"concatenate1/branch1\", expected one of concatenate1/branch1/conv2d1, "
               "concatenate1/branch2/conv2d1, concatenate1");
}

BOOST_AUTO_TEST_CASE(neurons_look_at_their_field_and_channels_where_they_are_largest) {
    const Conv one = first({.channels = 2, .padding = 1});
    const Network net(one, ReLU(), MaxPool(one.output_shape()), Dense(2 * 4 * 5, 3, std::uint64_t{1}));
    const Batch<float> x = renn::test::random_batch<float>(image.size(), 5, 3);
    const renn::NeuronPatches patches(net, x);
    const Batch<float> values = renn::activations(net, x)["relu1"];

    renn::Point point;
    point.name = "relu1";
    point.kind = renn::Kind::post;
    point.width = image.size();
    point.shape = image;
    const auto position = static_cast<std::uint32_t>(image.at(1, 8, 0));
    BOOST_TEST((patches(point, position, 2) == Patch{7, 0, 9, 2}));

    point.cells = {2, 3, 3};
    for (std::uint32_t channel = 0; channel < 2; ++channel) {
        for (Index sample = 0; sample < x.cols(); ++sample) {
            Index best = 0;
            for (Index i = 1; i < image.positions(); ++i) {
                const Index row = channel * image.positions();
                if (values(row + i, sample) > values(row + best, sample)) best = i;
            }
            BOOST_TEST((patches(point, channel, sample) ==
                        receptive_field(net, "relu1", best / image.width, best % image.width)));
        }
    }
    // Of equal values the first.
    const Batch<float> none = Batch<float>::Zero(image.size(), 1);
    BOOST_TEST((renn::NeuronPatches(net, none)(point, 1, 0) == Patch{0, 0, 2, 2}));

    renn::Point dense;
    dense.name = "dense1";
    BOOST_TEST(!patches(dense, 2, 0).has_value());
    BOOST_TEST(message_of<DataError>([&] { patches(point, 2, 0); }) ==
               "neuron_patch: unit of relu1: got 2, expected below 2");
    BOOST_TEST(message_of<DataError>([&] { patches(point, 0, 5); }) ==
               "NeuronPatches: sample: got 5, expected below 5");
    point.name = "relu2";
    BOOST_TEST(message_of<DataError>([&] { patches(point, 0, 0); }) ==
               "Activations: place: got \"relu2\", expected one of conv2d1, relu1, dense1");
}
