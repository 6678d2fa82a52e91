// SPDX-License-Identifier: MIT
// renn/network/place_shape.hpp - the shape of the image that a layer of a network puts out.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include <renn/core/batch.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/shape.hpp>
#include <renn/network/layer_paths.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// Carries the shape through a network as far as `place`, if that is in it; returns whether it was reached.
template <class Net, class W>
bool follow_shape(const Net& net, const W& parameters, std::string_view place, Shape& shape) {
    constexpr bool side_by_side = Net::wiring == Wiring::side_by_side;
    const Shape at_input = shape;
    Shape stacked;
    bool reached = false, first = true;
    Net::for_each_child(
        net, parameters, [&](const std::string& name, const auto& layer, [[maybe_unused]] const auto& weights) {
            using L = std::remove_cvref_t<decltype(layer)>;
            if (reached) return;
            if constexpr (side_by_side) shape = at_input;
            if constexpr (Composite<L>) {
                const bool inside = place.size() > name.size() && place.starts_with(name) && place[name.size()] == '/';
                reached =
                    follow_shape(layer, weights, inside ? place.substr(name.size() + 1) : std::string_view(), shape);
            } else if constexpr (requires { layer.output_shape(); }) {
                shape = layer.output_shape();
            } else if constexpr (
                requires { layer.out_features(); } || requires { L::forgets_shape; }) {
                shape = {};
            }
            reached = reached || (!side_by_side && place == name);
            if (side_by_side && !reached) {
                const bool fits = first || (stacked.height == shape.height && stacked.width == shape.width);
                const Index channels = first ? shape.channels : stacked.channels + shape.channels;
                stacked = fits && shape.size() != 0 ? Shape{channels, shape.height, shape.width} : Shape{};
                first = false;
            }
        });
    if (side_by_side && !reached) shape = stacked;
    return reached;
}

}  // namespace detail

/// The shape of what a layer ("relu2", "residual1/conv2d1") puts out: of the last layer up to it that knows an image.
/// Of size 0 where no layer says it.
///
/// Throws   DataError for a layer that there is not.
template <Composite Net>
Shape shape_at(const Net& net, std::string_view place) {
    Shape shape;
    if (!detail::follow_shape(net, net.parameters(), place, shape)) {
        detail::raise_no_place("shape_at", place, layer_paths(net));
    }
    return shape;
}

}  // namespace renn::inline RENN_ABI
