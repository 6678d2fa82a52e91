// SPDX-License-Identifier: MIT
// renn/network/fingerprint.hpp - one number that tells two networks apart.
#pragma once

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include <renn/core/batch.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/rng.hpp>
#include <renn/network/for_each_layer.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// Mixes structure and parameter bits into one number, in the flat parameter order.
template <class P>
std::uint64_t hash_parameters(const P& parameters, std::uint64_t hash) {
    for_each_block(
        [&hash](const auto& block) {
            hash = mix(hash, static_cast<std::uint64_t>(block.rows()));
            hash = mix(hash, static_cast<std::uint64_t>(block.cols()));
            for (Index i = 0; i < block.rows(); ++i) {
                for (Index j = 0; j < block.cols(); ++j) {
                    hash = mix(hash, std::bit_cast<std::uint64_t>(static_cast<double>(block(i, j))));
                }
            }
        },
        parameters);
    return hash;
}

inline std::uint64_t hash_text(std::string_view text, std::uint64_t hash) {
    for (const char c : text) hash = mix(hash, static_cast<std::uint64_t>(static_cast<unsigned char>(c)));
    return hash;
}

template <class C>
std::uint64_t hash_constant(const C& constant, std::uint64_t hash) {
    if constexpr (std::is_arithmetic_v<C>) {
        return mix(hash, std::bit_cast<std::uint64_t>(static_cast<double>(constant)));
    } else {
        return hash_parameters(constant, hash);
    }
}

/// Sixteen hexadecimal digits.
inline std::string fingerprint_text(std::uint64_t fingerprint) {
    char digits[16];
    char* const end = std::to_chars(digits, digits + sizeof digits, fingerprint, 16).ptr;
    return std::string(static_cast<std::size_t>(digits + sizeof digits - end), '0') + std::string(digits, end);
}

}  // namespace detail

/// One number for a network's structure, its layers' constants() and its parameters: two networks that differ in a bit
/// of these have different fingerprints, for all practical purposes.
template <CompositeLayer Net>
std::uint64_t fingerprint(const Net& net) {
    std::uint64_t hash = detail::hash_text(net.describe(), 0);
    for_each_layer(net, [&hash](std::string_view, const auto& layer, const auto& parameters) {
        if constexpr (requires { layer.constants(); }) {
            std::apply([&hash](const auto&... c) { ((hash = detail::hash_constant(c, hash)), ...); },
                       layer.constants());
        }
        hash = detail::hash_parameters(parameters, hash);
    });
    return hash;
}

}  // namespace renn::inline RENN_ABI
