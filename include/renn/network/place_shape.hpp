// SPDX-License-Identifier: MIT
// renn/network/place_shape.hpp - the shape of the image that a layer of a network puts out.
#pragma once

#include <string_view>

#include <renn/core/layer.hpp>
#include <renn/core/shape.hpp>
#include <renn/network/follow.hpp>
#include <renn/network/layer_paths.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// For follow(): the shape of what the layers up to here put out, of size 0 where it is not known.
struct ShapeSoFar {
    Shape shape;

    template <class L>
    void pass(const L& layer) {
        if constexpr (requires { layer.output_shape(); }) {
            shape = layer.output_shape();
        } else if constexpr (
            requires { layer.out_features(); } || requires { L::forgets_shape; }) {
            shape = {};
        }
    }
    void stack(const ShapeSoFar& other) {
        const Shape& more = other.shape;
        const bool fits = shape.height == more.height && shape.width == more.width && more.size() != 0;
        shape = fits ? Shape{shape.channels + more.channels, shape.height, shape.width} : Shape{};
    }
    void add(const ShapeSoFar&) {}
};

}  // namespace detail

/// The shape of what a layer ("relu2", "residual1/conv2d1") puts out: of the last layer up to it that knows an image.
/// Of size 0 where no layer says it.
///
/// Throws   DataError for a layer that there is not.
template <CompositeLayer Net>
Shape shape_at(const Net& net, std::string_view place) {
    detail::ShapeSoFar so_far;
    if (!detail::follow(net, net.parameters(), place, so_far)) {
        detail::raise_no_place("shape_at", place, layer_paths(net));
    }
    return so_far.shape;
}

}  // namespace renn::inline RENN_ABI
