// SPDX-License-Identifier: MIT
// renn/network/follow.hpp - carries what is known of a network's input through it, up to one of its layers.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include <renn/core/layer.hpp>

namespace renn::inline RENN_ABI::detail {

/// Carries a state through a network, as far as `place` if that is in it; returns whether it was reached.
/// Branches are no places, as in layer_paths().
///
/// The state has   pass(layer)    through a layer
///                 stack(other)   with that of the branches before, side by side
///                 add(other)     with that of the shortcut, summed
template <class Net, class W, class State>
bool follow(const Net& net, const W& parameters, std::string_view place, State& state) {
    constexpr bool side_by_side = Net::wiring == Wiring::side_by_side;
    const State at_input = state;
    State together;
    bool reached = false, first = true;
    Net::for_each_child(
        net, parameters, [&](const std::string& name, const auto& layer, [[maybe_unused]] const auto& weights) {
            if (reached) return;
            if constexpr (side_by_side) state = at_input;
            if constexpr (CompositeLayer<std::remove_cvref_t<decltype(layer)>>) {
                const bool inside = place.size() > name.size() && place.starts_with(name) && place[name.size()] == '/';
                reached = follow(layer, weights, inside ? place.substr(name.size() + 1) : std::string_view(), state);
            } else {
                state.pass(layer);
            }
            reached = reached || (!side_by_side && place == name);
            if (!side_by_side || reached) return;
            if (first) {
                together = state;
            } else {
                together.stack(state);
            }
            first = false;
        });
    if (side_by_side && !reached) state = together;
    if (Net::wiring == Wiring::residual && !reached) state.add(at_input);
    return reached;
}

}  // namespace renn::inline RENN_ABI::detail
