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
            pass_width(layer.in_features(), layer.out_features(), owner, name);
        }
        if constexpr (requires { layer.input_shape(); }) {
            require_shape(layer.input_shape(), owner, name);
            shape = layer.output_shape();
        } else if constexpr (
            requires { layer.out_features(); } || requires { L::forgets_shape; }) {
            shape = {};
        }
    }

private:
    void pass_width(Index in, Index out, std::string_view owner, const std::string& name) {
        if (width != Dynamic && in != Dynamic && width != in) {
            raise<ShapeError>(owner, "in_features of " + name, std::to_string(in),
                              std::to_string(width) + ", the out_features before it");
        }
        width = out == Dynamic ? width : out;
    }
    void require_shape(const Shape& wanted, std::string_view owner, const std::string& name) const {
        if (shape.size() != 0 && wanted.size() != 0 && shape != wanted) {
            raise<ShapeError>(owner, "input shape of " + name, wanted.text(),
                              shape.text() + ", the output shape before it");
        }
    }
};

}  // namespace renn::inline RENN_ABI::detail
