// SPDX-License-Identifier: MIT
#include "make_network.hpp"

#include <string>

#include <renn/core/rng.hpp>

namespace playground {
namespace {

void add(Net& net, const PlannedLayer& layer, std::uint64_t seed) {
    const LayerPlan& plan = layer.plan;
    const std::uint64_t draw = renn::mix(seed, layer.seed_number);
    if (layer.kind == "Dense") {
        net.add(renn::Dense<float>(layer.in.size(), layer.out.size(), draw));
    } else if (layer.kind == "Conv2d") {
        net.add(renn::Conv2d<float>(
            layer.in, {.channels = plan.size, .kernel = plan.kernel, .stride = plan.stride, .padding = plan.padding},
            draw));
    } else if (layer.kind == "MaxPool2d") {
        net.add(
            renn::MaxPool2d<float>(layer.in, {.kernel = plan.kernel, .stride = plan.stride, .padding = plan.padding}));
    } else if (layer.kind == "AvgPool2d") {
        net.add(
            renn::AvgPool2d<float>(layer.in, {.kernel = plan.kernel, .stride = plan.stride, .padding = plan.padding}));
    } else if (layer.kind == "BatchNorm") {
        net.add(layer.image ? renn::BatchNorm<float>(layer.in) : renn::BatchNorm<float>(layer.in.size()));
    } else if (layer.kind == "LayerNorm") {
        net.add(renn::LayerNorm<float>(layer.in.size()));
    } else if (layer.kind == "Dropout") {
        net.add(renn::Dropout<float>(plan.rate));
    } else if (layer.kind == "ReLU") {
        net.add(renn::ReLU<float>());
    } else if (layer.kind == "LeakyReLU") {
        net.add(renn::LeakyReLU<float>());
    } else if (layer.kind == "ELU") {
        net.add(renn::ELU<float>());
    } else if (layer.kind == "GELU") {
        net.add(renn::GELU<float>());
    } else if (layer.kind == "SiLU") {
        net.add(renn::SiLU<float>());
    } else if (layer.kind == "Softplus") {
        net.add(renn::Softplus<float>());
    } else if (layer.kind == "Sigmoid") {
        net.add(renn::Sigmoid<float>());
    } else if (layer.kind == "Tanh") {
        net.add(renn::Tanh<float>());
    } else {
        throw HttpError(422, "activation", "there is no activation \"" + layer.kind + "\"");
    }
}

}  // namespace

void check(const NetworkPlan& plan, const DataSet& data) {
    lay_out(plan, data);
}

Net make_network(const NetworkPlan& plan, const DataSet& data, std::uint64_t seed) {
    Net net;
    for (const PlannedLayer& layer : lay_out(plan, data)) add(net, layer, seed);
    return net;
}

}  // namespace playground
