// SPDX-License-Identifier: MIT
// renn/network/for_each_layer.hpp - every layer of a network with its path and parameters.
#pragma once

#include <string>
#include <type_traits>

#include <renn/core/layer.hpp>
#include <renn/core/path.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

template <class Net, class P, class F>
void for_each_leaf(Net& net, P& parameters, F& f, Path& path) {
    std::remove_const_t<Net>::for_each_child(net, parameters, [&](const std::string& name, auto& layer, auto& part) {
        const auto guard = path.enter(name);
        if constexpr (CompositeLayer<std::remove_cvref_t<decltype(layer)>>) {
            for_each_leaf(layer, part, f, path);
        } else {
            f(path.view(), layer, part);
        }
    });
}

}  // namespace detail

/// Calls f(path, layer, parameters) for every layer of a network, also inside nested ones, in order.
template <class Net, class F>
    requires CompositeLayer<std::remove_const_t<Net>>
void for_each_layer(Net& net, F&& f) {
    detail::Path path;
    detail::for_each_leaf(net, net.parameters(), f, path);
}

}  // namespace renn::inline RENN_ABI
