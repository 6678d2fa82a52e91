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

inline std::string entry_text(std::string_view path, std::string_view block, Index i, Index j) {
    return "layer " + std::string(path) + ", " + std::string(block) + " (" + std::to_string(i) + ", " +
           std::to_string(j) + ")";
}

/// Throws DataError naming layer, block and entry of the first parameter that is not finite.
template <class Net>
void require_finite_parameters(std::string_view where, const Net& net) {
    for_each_named_block(net, [where](std::string_view path, const auto&, std::string_view name, const auto& block) {
        if (all_finite(block.data(), block.size())) return;
        for (Index j = 0; j < block.cols(); ++j) {
            for (Index i = 0; i < block.rows(); ++i) {
                if (std::isfinite(block(i, j))) continue;
                raise<DataError>(where, entry_text(path, name, i, j), std::to_string(block(i, j)), "a finite value");
            }
        }
    });
}

}  // namespace renn::inline RENN_ABI::detail
