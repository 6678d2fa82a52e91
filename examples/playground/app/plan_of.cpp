// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>
#include <type_traits>

#include "describe.hpp"
#include "make_network.hpp"

namespace playground {
namespace {

template <class L, template <class> class... Kinds>
constexpr bool is_one_of = (std::is_same_v<L, Kinds<float>> || ...);

/// Whether the layer is what the plan says, also where a row cannot say it.
template <class L>
bool is(const L& layer, const PlannedLayer& planned) {
    if (planned.kind != L::name) return false;
    if constexpr (requires { layer.input_shape(); }) {
        if (layer.input_shape() != planned.in) return false;
    } else if constexpr (requires { layer.in_features(); }) {
        if (layer.in_features() != planned.in.size()) return false;
    }
    if constexpr (requires { layer.out_features(); }) {
        if (layer.out_features() != planned.out.size()) return false;
    }
    [[maybe_unused]] const L plain;
    bool same = true;
    if constexpr (requires { layer.leak(); }) same = layer.leak() == plain.leak();
    if constexpr (requires { layer.alpha(); }) same = layer.alpha() == plain.alpha();
    if constexpr (requires { layer.beta(); }) same = layer.beta() == plain.beta();
    if constexpr (requires { layer.threshold(); }) same = same && layer.threshold() == plain.threshold();
    if constexpr (requires { layer.epsilon(); }) same = layer.epsilon() == plain.epsilon();
    return same;
}

/// Appends what a row of a plan can say of a layer; false if none can.
template <class L>
bool append(const L& layer, [[maybe_unused]] const typename L::Parameters& parameters, std::vector<LayerPlan>& rows) {
    const auto square = [](const auto& window, LayerPlan& row) {
        row.kernel = window.kernel.height;
        row.stride = window.stride.height;
        row.padding = window.padding.height;
        return window.kernel == row.kernel && window.stride == row.stride && window.padding == row.padding &&
               window.dilation == 1;
    };
    LayerPlan row{.activation = "None"};
    if constexpr (std::is_same_v<L, renn::Dense<float>>) {
        row.size = layer.out_features();
    } else if constexpr (std::is_same_v<L, renn::Conv2d<float>>) {
        row.kind = "Convolution";
        row.size = layer.output_shape().channels;
        // All input channels seen, and a bias: what a plan's convolutions are.
        if (!square(layer.window(), row) || layer.weights_shape()[1] != layer.input_shape().channels ||
            parameters.bias.size() != row.size) {
            return false;
        }
    } else if constexpr (is_one_of<L, renn::MaxPool2d, renn::AvgPool2d>) {
        row.kind = std::is_same_v<L, renn::MaxPool2d<float>> ? "MaxPool" : "AveragePool";
        if (!square(layer.window(), row)) return false;
    } else if constexpr (is_one_of<L, renn::BatchNorm, renn::LayerNorm>) {
        row.kind = L::name;
    } else if constexpr (std::is_same_v<L, renn::Dropout<float>>) {
        row.kind = L::name;
        row.rate = layer.rate();
    } else {
        // An activation belongs to the row before it.
        const bool known = std::find(activations.begin(), activations.end(), L::name) != activations.end();
        if (!known || rows.empty() || !rows.back().has_activation() || rows.back().activation != "None") return false;
        rows.back().activation = L::name;
        return true;
    }
    rows.push_back(std::move(row));
    return true;
}

}  // namespace

std::optional<NetworkPlan> plan_of(const Net& net, const DataSet& data) {
    NetworkPlan plan;
    plan.layers.clear();
    bool fits = true;
    for (std::size_t i = 0; i < net.size() && fits; ++i) {
        net.visit(i, [&](const auto& layer, const auto& parameters) { fits = append(layer, parameters, plan.layers); });
    }
    if (!fits || plan.layers.size() < 2 || plan.layers.back().kind != "Dense") return {};
    plan.output_activation = plan.layers.back().activation;
    plan.layers.pop_back();
    try {
        plan = parse_plan(describe(plan));
        const std::vector<PlannedLayer> layers = lay_out(plan, data);
        if (layers.size() != net.size()) return {};
        for (std::size_t i = 0; i < net.size() && fits; ++i) {
            net.visit(i, [&](const auto& layer, const auto&) { fits = is(layer, layers[i]); });
        }
    } catch (const HttpError&) {  // out of range, or other data
        return {};
    }
    return fits ? std::optional(plan) : std::nullopt;
}

}  // namespace playground
