// SPDX-License-Identifier: MIT
// renn/network/finite_parameters.hpp - refuses a network with NaN or infinity in its parameters.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <renn/core/finite.hpp>
#include <renn/core/layer.hpp>
#include <renn/network/network.hpp>

namespace renn::detail {

/// Throws DataError naming layer, block and entry of the first parameter that is not finite.
template <class Net>
void require_finite_parameters(std::string_view where, const Net& net) {
    for_each_layer(net, [where](std::string_view path, const auto& layer, const auto& parameters) {
        using P = std::remove_cvref_t<decltype(parameters)>;
        (void)layer;
        std::size_t number = 0;
        for_each_block(
            [&](const auto& block) {
                std::string block_name = "block " + std::to_string(number);
                if constexpr (requires { P::names; }) block_name = P::names[number];
                ++number;
                if (all_finite(block)) return;
                for (Index j = 0; j < block.cols(); ++j) {
                    for (Index i = 0; i < block.rows(); ++i) {
                        if (std::isfinite(block(i, j))) continue;
                        raise<DataError>(std::string(where),
                                         "layer " + std::string(path) + ", " + block_name + " (" + std::to_string(i) +
                                             ", " + std::to_string(j) + ")",
                                         std::to_string(block(i, j)), "a finite value");
                    }
                }
            },
            parameters);
    });
}

}  // namespace renn::detail
