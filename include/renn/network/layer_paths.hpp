// SPDX-License-Identifier: MIT
// renn/network/layer_paths.hpp - the names of all layers of a network, those inside others included.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

template <class Net, class W>
void collect_layer_paths(const Net& net, const W& parameters, const std::string& at, std::vector<std::string>& paths) {
    Net::for_each_child(net, parameters, [&](const std::string& name, const auto& layer, const auto& weights) {
        if constexpr (CompositeLayer<std::remove_cvref_t<decltype(layer)>>) {
            collect_layer_paths(layer, weights, at + name + "/", paths);
        }
        if (Net::wiring != Wiring::side_by_side) paths.push_back(at + name);
    });
}

[[noreturn]] inline void raise_no_place(const char* where, std::string_view layer,
                                        const std::vector<std::string>& paths) {
    raise_unknown(where, "layer", layer, paths);
}

}  // namespace detail

/// The path of every layer, in the order of the forward walk: "dense1", "relu1", "residual1/dense2", "residual1".
template <CompositeLayer Net>
std::vector<std::string> layer_paths(const Net& net) {
    std::vector<std::string> paths;
    detail::collect_layer_paths(net, net.parameters(), "", paths);
    return paths;
}

}  // namespace renn::inline RENN_ABI
