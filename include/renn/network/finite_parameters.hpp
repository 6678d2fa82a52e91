// SPDX-License-Identifier: MIT
// renn/network/finite_parameters.hpp - refuses a network with NaN or infinity in its parameters.
#pragma once

#include <cmath>
#include <string>
#include <string_view>

#include <renn/core/finite.hpp>
#include <renn/core/layer.hpp>
#include <renn/network/named_blocks.hpp>

namespace renn::inline RENN_ABI::detail {

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
    for_each_named_block(net, [where](std::string_view path, const auto&, std::string_view name, const auto& block) {
        require_finite_block(where, path, name, block);
    });
}

}  // namespace renn::inline RENN_ABI::detail
