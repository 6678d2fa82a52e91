// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "network_plan.hpp"

namespace playground {
namespace {

/// One object of the plan and what it is called: "layers.3".
struct Members {
    const Json& json;
    std::string path;

    std::string name(const std::string& key) const { return path.empty() ? key : path + "." + key; }
    [[noreturn]] void refuse(const std::string& key, const std::string& message) const {
        throw HttpError(422, name(key), message);
    }
    void only(std::initializer_list<const char*> known) const {
        for (const auto& [key, value] : json.items()) {
            const auto same = [&key = key](const char* k) { return key == k; };
            if (std::none_of(known.begin(), known.end(), same)) {
                throw HttpError(422, path.empty() ? "plan" : path, "unknown member \"" + key.substr(0, 40) + "\"");
            }
        }
    }

    void whole(const std::string& key, std::int64_t& value, std::int64_t least, std::int64_t most) const {
        if (!json.contains(key)) return;
        const Json& got = json[key];
        const bool fits =
            got.is_number_integer() &&
            (!got.is_number_unsigned() ||
             got.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
        if (!fits || got.get<std::int64_t>() < least || got.get<std::int64_t>() > most) {
            refuse(key, "expected a whole number from " + std::to_string(least) + " to " + std::to_string(most));
        }
        value = got.get<std::int64_t>();
    }

    template <std::size_t N>
    void one_of(const std::string& key, std::string& value, const std::array<std::string_view, N>& names) const {
        if (!json.contains(key)) return;
        const Json& got = json[key];
        if (!got.is_string() || std::find(names.begin(), names.end(), got.get<std::string>()) == names.end()) {
            std::string all;
            for (const std::string_view n : names) all += (all.empty() ? "" : ", ") + std::string(n);
            refuse(key, "expected one of " + all);
        }
        value = got.get<std::string>();
    }
};

LayerPlan parse_layer(const Members& from) {
    LayerPlan layer;
    if (!from.json.is_object()) throw HttpError(422, from.path, "a layer must be an object");
    from.only({"kind", "size", "activation", "kernel", "stride", "padding", "rate"});
    from.one_of("kind", layer.kind, layer_kinds);
    if (layer.pools()) layer.kernel = layer.stride = 2;
    from.whole("size", layer.size, 1, 1024);
    from.one_of("activation", layer.activation, activations);
    from.whole("kernel", layer.kernel, 1, 32);
    from.whole("stride", layer.stride, 1, 32);
    from.whole("padding", layer.padding, 0, 16);
    if (layer.pools() && 2 * layer.padding > layer.kernel) {
        from.refuse("padding", "expected at most half of the window, " + std::to_string(layer.kernel / 2));
    }
    if (from.json.contains("rate")) {
        const Json& rate = from.json["rate"];
        // Not the other way round: a NaN is in no range.
        if (!rate.is_number() || !(rate.get<double>() >= 0.0 && rate.get<double>() <= 0.95)) {
            from.refuse("rate", "expected a number from 0 to 0.95");
        }
        layer.rate = rate.get<double>();
    }
    // What the kind does not use is as it is by default, so that equal networks have equal plans.
    LayerPlan kept{.kind = layer.kind};
    if (layer.has_size()) kept.size = layer.size;
    if (layer.has_activation()) kept.activation = layer.activation;
    if (layer.has_window()) {
        kept.kernel = layer.kernel;
        kept.stride = layer.stride;
        kept.padding = layer.padding;
    }
    if (layer.kind == "Dropout") kept.rate = layer.rate;
    return kept;
}

}  // namespace

NetworkPlan parse_plan(const Json& json) {
    NetworkPlan plan;
    const Members from{json, ""};
    from.only({"seed", "layers", "output_activation"});
    if (json.contains("seed") && !json["seed"].is_null()) {
        std::int64_t seed = 0;
        from.whole("seed", seed, 0, static_cast<std::int64_t>(NetworkPlan::most_seed));
        plan.seed = static_cast<std::uint64_t>(seed);
    }
    if (json.contains("layers")) {
        const Json& layers = json["layers"];
        if (!layers.is_array() || layers.empty() || layers.size() > NetworkPlan::most_layers) {
            from.refuse("layers", "expected 1 to " + std::to_string(NetworkPlan::most_layers) + " layers");
        }
        plan.layers.clear();
        for (const Json& layer : layers) {
            plan.layers.push_back(parse_layer({layer, "layers." + std::to_string(plan.layers.size())}));
        }
    }
    from.one_of("output_activation", plan.output_activation, activations);
    return plan;
}

}  // namespace playground
