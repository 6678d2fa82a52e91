// SPDX-License-Identifier: MIT
// renn/network/named_blocks.hpp - every parameter matrix of a network with its name.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

#include <renn/core/layer.hpp>
#include <renn/network/network.hpp>

namespace renn::detail {

/// Calls f(path, layer, name, block) for every parameter matrix, in the flat order: "dense1", the layer, "weights", W.
/// Matrices of a layer that does not name them are "block 0", "block 1", ...
template <class Net, class F>
void for_each_named_block(Net& net, F&& f) {
    for_each_layer(net, [&f](std::string_view path, auto& layer, auto& parameters) {
        using P = std::remove_cvref_t<decltype(parameters)>;
        std::size_t number = 0;
        for_each_block(
            [&](auto& block) {
                if constexpr (requires { P::names; }) {
                    f(path, layer, P::names[number], block);
                } else {
                    f(path, layer, std::string_view("block " + std::to_string(number)), block);
                }
                ++number;
            },
            parameters);
    });
}

}  // namespace renn::detail
