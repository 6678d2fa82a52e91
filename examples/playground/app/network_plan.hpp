// SPDX-License-Identifier: MIT
// playground/app/network_plan.hpp - what the user composes: the layers of a network that is not made yet.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../http/message.hpp"

namespace playground {

/// What a row can be. Convolution and pooling need images before them.
inline constexpr std::array<std::string_view, 7> layer_kinds{"Dense",     "Convolution", "MaxPool", "AveragePool",
                                                             "BatchNorm", "LayerNorm",   "Dropout"};
inline constexpr std::array<std::string_view, 9> activations{"ReLU",     "LeakyReLU", "ELU",  "GELU", "SiLU",
                                                             "Softplus", "Sigmoid",   "Tanh", "None"};

/// One row: a layer and the activation behind it. A kind uses some of the numbers and leaves the others as they are.
struct LayerPlan {
    std::string kind = "Dense";
    std::int64_t size = 128;          ///< neurons, or channels of a Convolution; 1 to 1024
    std::string activation = "ReLU";  ///< of Dense, Convolution, BatchNorm, LayerNorm
    std::int64_t kernel = 3;          ///< of Convolution and pooling, and so are the next two; 1 to 32
    std::int64_t stride = 1;          ///< 1 to 32
    std::int64_t padding = 0;         ///< 0 to 16
    double rate = 0.5;                ///< of Dropout; 0 to 0.95

    bool operator==(const LayerPlan&) const = default;

    bool pools() const { return kind == "MaxPool" || kind == "AveragePool"; }
    bool has_size() const { return kind == "Dense" || kind == "Convolution"; }
    bool has_window() const { return kind == "Convolution" || pools(); }
    bool has_activation() const { return kind != "Dropout" && !pools(); }
};

/// Sizes of input and output come from the data set. Defaults are those of the original's playground.
struct NetworkPlan {
    static constexpr std::size_t most_layers = 16;
    static constexpr std::uint64_t most_seed = 99999;

    std::optional<std::uint64_t> seed = {};                     ///< 0 to 99999; none: drawn when the network is made
    std::vector<LayerPlan> layers = std::vector<LayerPlan>(2);  ///< 1 to 16
    std::string output_activation = "ReLU";

    bool operator==(const NetworkPlan&) const = default;
    /// But for the seed.
    bool same_layers(const NetworkPlan& other) const {
        return layers == other.layers && output_activation == other.output_activation;
    }
};

/// A plan whose every number is in its range; whether it fits the data, lay_out says. Members that are left out have
/// their defaults. Throws HttpError 422 whose kind is the member: "layers.3.size".
NetworkPlan parse_plan(const Json& json);

}  // namespace playground
