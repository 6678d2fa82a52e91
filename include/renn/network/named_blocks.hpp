// SPDX-License-Identifier: MIT
// renn/network/named_blocks.hpp - every parameter matrix of a network with its name.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

#include <renn/core/layer.hpp>
#include <renn/network/for_each_layer.hpp>

namespace renn::inline RENN_ABI::detail {

/// Calls f(name, block) for every matrix of a layer's parameters. Those that the layer does not name are "block 0",
/// "block 1", ...
template <class P, class F>
void for_each_block_named(P& parameters, F&& f) {
    std::size_t number = 0;
    for_each_block(
        [&](auto& block) {
            if constexpr (requires { std::remove_const_t<P>::names; }) {
                f(std::remove_const_t<P>::names[number], block);
            } else {
                f(std::string_view("block " + std::to_string(number)), block);
            }
            ++number;
        },
        parameters);
}

/// Calls f(path, layer, name, block) for every parameter matrix, in the flat order: "dense1", the layer, "weights", W.
template <class Net, class F>
void for_each_named_block(Net& net, F&& f) {
    for_each_layer(net, [&f](std::string_view path, auto& layer, auto& parameters) {
        for_each_block_named(parameters, [&](std::string_view name, auto& block) { f(path, layer, name, block); });
    });
}

}  // namespace renn::inline RENN_ABI::detail
