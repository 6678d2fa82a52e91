// SPDX-License-Identifier: MIT
// support/golden_networks.hpp - the networks of the golden folders of attribution, with their layers' names there.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/activations/tanh.hpp>
#include <renn/layers/average_pool.hpp>
#include <renn/layers/batch_norm.hpp>
#include <renn/layers/convolution.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/flatten.hpp>
#include <renn/layers/max_pool.hpp>
#include <renn/network/basic_sequential.hpp>
#include <renn/network/network.hpp>

#include "support/golden.hpp"

namespace renn::test {

inline Dense<double> golden_dense(const Golden& golden, const std::string& name) {
    return Dense<double>(
        Dense<double>::Parameters{golden.matrix<double>(name + "_weight"), golden.matrix<double>(name + "_bias")});
}

/// 3 x 3, padded to keep the size.
inline Conv2d<double> golden_convolution(const Golden& golden, const std::string& name, const Shape& in) {
    Conv2d<double>::Parameters parameters{golden.batch<double>(name + "_weight").transpose(),
                                          golden.matrix<double>(name + "_bias")};
    const Index channels = parameters.weights.rows();
    return {in, {.channels = channels, .padding = 1}, std::move(parameters)};
}

inline BatchNorm2d<double> golden_norm(const Golden& golden, const std::string& name, const Shape& in) {
    BatchNorm2d<double> layer(in);
    layer.parameters() = {golden.matrix<double>(name + "_weight"), golden.matrix<double>(name + "_bias")};
    layer.set_running(golden.matrix<double>(name + "_running_mean"), golden.matrix<double>(name + "_running_var"));
    return layer;
}

template <class Net>
Net with_names(Net net, const std::vector<std::string>& names) {
    net.rename_all(names);
    return net;
}

/// "attribution/mlp"; with Tanh, "attribution/mlp_tanh_a" to d, whose output is the logit.
template <class Activation = ReLU<double>>
auto golden_mlp(const Golden& golden) {
    const std::string kind = std::string(Activation::name) == "Tanh" ? "tanh" : "relu";
    return with_names(Network(golden_dense(golden, "fc1"), Activation{}, golden_dense(golden, "fc2"), Activation{},
                              golden_dense(golden, "fc3")),
                      {"fc1", kind + "1", "fc2", kind + "2", "fc3"});
}

/// "attribution/cnn"
inline auto golden_cnn(const Golden& golden) {
    const Shape in{1, 14, 14}, half{6, 7, 7}, quarter{8, 7, 7};
    return with_names(Network(golden_convolution(golden, "conv1", in), ReLU<double>{}, MaxPool2d<double>({6, 14, 14}),
                              golden_convolution(golden, "conv2", half), ReLU<double>{}, AvgPool2d<double>(quarter),
                              Flatten<double>{}, golden_dense(golden, "fc")),
                      {"conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "flatten", "fc"});
}

/// "attribution/cnn_bn"
inline auto golden_cnn_bn(const Golden& golden) {
    const Shape in{1, 14, 14}, whole{6, 14, 14}, half{6, 7, 7}, quarter{8, 7, 7};
    return with_names(Network(golden_convolution(golden, "conv1", in), golden_norm(golden, "bn1", whole),
                              ReLU<double>{}, MaxPool2d<double>(whole), golden_convolution(golden, "conv2", half),
                              golden_norm(golden, "bn2", quarter), ReLU<double>{}, AvgPool2d<double>(quarter),
                              Flatten<double>{}, golden_dense(golden, "fc")),
                      {"conv1", "bn1", "relu1", "pool1", "conv2", "bn2", "relu2", "pool2", "flatten", "fc"});
}

/// "attribution/cnn_gap"
inline auto golden_cnn_gap(const Golden& golden) {
    const Shape in{1, 14, 14}, half{6, 7, 7}, quarter{16, 7, 7};
    return with_names(Network(golden_convolution(golden, "conv1", in), ReLU<double>{}, MaxPool2d<double>({6, 14, 14}),
                              golden_convolution(golden, "conv2", half), ReLU<double>{}, GlobalAvgPool<double>(quarter),
                              Flatten<double>{}, golden_dense(golden, "fc")),
                      {"conv1", "relu1", "pool1", "conv2", "relu2", "gap", "flatten", "fc"});
}

/// GoldenNet(golden_cnn(golden)): any of them at run time, so that a test is compiled for one type.
using GoldenNet =
    BasicSequential<double, Dense<double>, Conv2d<double>, MaxPool2d<double>, AvgPool2d<double>, GlobalAvgPool<double>,
                    BatchNorm2d<double>, Flatten<double>, ReLU<double>, Tanh<double>>;

/// The explained output of each sample: for output() and its like.
inline std::vector<std::int32_t> golden_target(const Golden& golden) {
    std::vector<std::int32_t> target;
    for (const std::int64_t t : golden.vector<std::int64_t>("target")) target.push_back(static_cast<std::int32_t>(t));
    return target;
}

}  // namespace renn::test
