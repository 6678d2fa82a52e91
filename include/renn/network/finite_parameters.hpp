// SPDX-License-Identifier: MIT
// renn/network/finite_parameters.hpp - refuses a network with NaN or infinity in its parameters.
#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

#include <renn/core/finite.hpp>
#include <renn/core/layer.hpp>
#include <renn/network/layer_sequence.hpp>

namespace renn::detail {

template <class B>
void require_finite_block(std::string_view where, std::string_view path, std::string_view name, const B& block) {
    if (all_finite(block)) return;
    for (Index j = 0; j < block.cols(); ++j) {
        for (Index i = 0; i < block.rows(); ++i) {
            if (std::isfinite(block(i, j))) continue;
            raise<DataError>(std::string(where),
                             "layer " + std::string(path) + ", " + std::string(name) + " (" + std::to_string(i) + ", " +
                                 std::to_string(j) + ")",
                             std::to_string(block(i, j)), "a finite value");
        }
    }
}

/// Throws DataError naming layer, block and entry of the first parameter that is not finite.
template <class Net>
void require_finite_parameters(std::string_view where, const Net& net) {
    for_each_layer(net, [where](std::string_view path, const auto&, const auto& parameters) {
        using P = std::remove_cvref_t<decltype(parameters)>;
        std::size_t number = 0;
        for_each_block(
            [&](const auto& block) {
                if constexpr (requires { P::names; }) {
                    require_finite_block(where, path, P::names[number], block);
                } else {
                    require_finite_block(where, path, "block " + std::to_string(number), block);
                }
                ++number;
            },
            parameters);
    });
}

}  // namespace renn::detail
