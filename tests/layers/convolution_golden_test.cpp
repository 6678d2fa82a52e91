// SPDX-License-Identifier: MIT
// labels: golden
// Convolution and pooling against PyTorch's: single layers, and small networks with their input gradient.
#define BOOST_TEST_MODULE convolution_golden
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/layers/average_pool.hpp>
#include <renn/layers/convolution.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/max_pool.hpp>
#include <renn/network/network.hpp>

#include "support/golden_networks.hpp"
#include "support/run.hpp"

using namespace renn;
using renn::test::Golden;
using renn::test::run;

namespace {

/// Shape of a sample as stored: samples x channels x height x width, or x length.
Shape shape_of(const Golden& golden, const std::string& name) {
    const auto s = golden.shape(name);
    return s.size() == 4 ? Shape{s[1], s[2], s[3]} : Shape{s[1], 1, s[2]};
}

template <class L>
typename L::Parameters parameters_of(const Golden& golden, const std::string& name) {
    return {golden.batch<double>(name + "_weight").transpose(), golden.matrix<double>(name + "_bias").col(0)};
}

const Golden single("attribution/single_layer"), cnn("attribution/cnn"), gap("attribution/cnn_gap");

void check_convolution(const std::string& name, const Conv2dOptions& options) {
    const Conv2d<double> layer(shape_of(single, name + "_x"), options, parameters_of<Conv2d<double>>(single, name));
    BOOST_TEST((layer.output_shape() == shape_of(single, name + "_y")));
    BOOST_TEST(single.check(name + "_y", run(layer, single.batch<double>(name + "_x"))));
}

}  // namespace

BOOST_AUTO_TEST_CASE(single_convolutions) {
    check_convolution("conv", {.channels = 3, .padding = 1});
    check_convolution("conv_s2", {.channels = 3, .kernel = {3, 2}, .stride = {2, 1}});
    check_convolution("conv_g2", {.channels = 4, .padding = 1, .groups = 2});
    const Conv1d<double> line(shape_of(single, "conv1d_d2_x"), {.channels = 3, .padding = 2, .dilation = 2},
                              parameters_of<Conv1d<double>>(single, "conv1d_d2"));
    BOOST_TEST(single.check("conv1d_d2_y", run(line, single.batch<double>("conv1d_d2_x"))));
}

BOOST_AUTO_TEST_CASE(single_pools) {
    const AvgPool2d<double> halved(shape_of(single, "avgpool_x"));
    BOOST_TEST(single.check("avgpool_y", run(halved, single.batch<double>("avgpool_x"))));
    const AvgPool2d<double> padded(shape_of(single, "avgpool_s1_x"), {.kernel = 3, .stride = 1, .padding = 1});
    BOOST_TEST(single.check("avgpool_s1_y", run(padded, single.batch<double>("avgpool_s1_x"))));
    const MaxPool2d<double> largest(shape_of(single, "maxpool_x"));
    const auto x = single.batch<double>("maxpool_x");
    const Batch<double> y = run(largest, x);
    BOOST_TEST(single.check("maxpool_y", y));
    Batch<double> dx;
    MaxPool2d<double>::Cache cache;
    NotWanted none;
    largest.backward({}, x, y, cache, single.batch<double>("maxpool_R"), dx, none);
    BOOST_TEST(single.check("maxpool_gradient", dx));
}

BOOST_AUTO_TEST_CASE(a_network_and_its_input_gradient) {
    const auto net = renn::test::golden_cnn(cnn);
    Workspace<std::remove_const_t<decltype(net)>> workspace;
    const auto x = cnn.batch<double>("x");
    const auto& y = net.forward(x, workspace);
    for (std::size_t i = 0; i + 1 < net.size(); ++i)
        BOOST_TEST(cnn.check("act_" + net.names()[i], workspace.cache.outputs[i]));
    BOOST_TEST(cnn.check("act_fc", y));
    const auto target = renn::test::golden_target(cnn);
    Batch<double> above = Batch<double>::Zero(10, x.cols()), dx;
    for (Index j = 0; j < x.cols(); ++j) above(target[static_cast<std::size_t>(j)], j) = 1;
    net.reverse_walk(InputGradient{}, x, workspace, above, dx);
    BOOST_TEST(cnn.check("gradient", dx));
}

BOOST_AUTO_TEST_CASE(a_network_with_global_average_pooling) {
    const auto net = renn::test::golden_cnn_gap(gap);
    BOOST_TEST(gap.check("act_fc", net.predict(gap.batch<double>("x"))));
}
