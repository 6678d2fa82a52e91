// SPDX-License-Identifier: MIT
// expect: renn::DeepLiftRescale: a layer of this network is neither linear, nor an activation value by value
#include <renn/attribution/deep_lift.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/layer_norm.hpp>
#include <renn/network/network.hpp>

const renn::Network net(renn::Dense<float>(3, 2), renn::LayerNorm<float>(2));
const auto scores = renn::attribute(net, renn::Batch<float>(3, 1), renn::output(0), renn::DeepLiftRescale{});
