// SPDX-License-Identifier: MIT
// renn/network/flow.hpp - what goes from layer to layer, before anything is computed.
#pragma once

#include <string>
#include <string_view>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/shape.hpp>

namespace renn::inline RENN_ABI::detail {

/// What a layer says of itself: "Dense 784 -> 128".
template <class L>
std::string describe(const L& layer) {
    if constexpr (requires { layer.describe(); }) {
        return layer.describe();
    } else {
        return std::string(L::name);
    }
}

/// Width and, where known, shape of a sample while it goes from layer to layer.
struct Flow {
    Index width = Dynamic;
    Shape shape = {};

    /// Throws ShapeError naming the layer if what arrives is not what it takes.
    template <class L>
    void pass(const L& layer, std::string_view owner, const std::string& name) {
        if constexpr (requires {
                          layer.in_features();
                          layer.out_features();
                      }) {
            if (width != Dynamic && layer.in_features() != Dynamic && width != layer.in_features()) {
                raise<ShapeError>(std::string(owner), "in_features of " + name, std::to_string(layer.in_features()),
                                  std::to_string(width) + ", the out_features before it");
            }
            width = layer.out_features() == Dynamic ? width : layer.out_features();
        }
        if constexpr (requires { layer.input_shape(); }) {
            const Shape wanted = layer.input_shape();
            if (shape.size() != 0 && wanted.size() != 0 && shape != wanted) {
                raise<ShapeError>(std::string(owner), "input shape of " + name, wanted.text(),
                                  shape.text() + ", the output shape before it");
            }
            shape = layer.output_shape();
        } else if constexpr (
            requires { layer.out_features(); } || requires { L::forgets_shape; }) {
            shape = {};
        }
    }
};

}  // namespace renn::inline RENN_ABI::detail
