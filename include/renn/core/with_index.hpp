// SPDX-License-Identifier: MIT
// renn/core/with_index.hpp - a number known when the program runs as one known when it is compiled.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI::detail {

/// f(std::integral_constant<std::size_t, I>) for the I that equals `index`.
template <std::size_t N, class F>
void with_index(std::size_t index, F&& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        static_cast<void>(((I == index && (f(std::integral_constant<std::size_t, I>{}), true)) || ...));
    }
    (std::make_index_sequence<N>{});
}

}  // namespace renn::inline RENN_ABI::detail
