// SPDX-License-Identifier: MIT
// renn/data/image.hpp - pictures: bytes as numbers.
#pragma once

#include <cstdint>

#include <Eigen/Core>

#include <renn/core/batch.hpp>

namespace renn::inline RENN_ABI {

/// features x samples, one byte each, as pictures come.
using Bytes = Eigen::Matrix<std::uint8_t, Eigen::Dynamic, Eigen::Dynamic>;

namespace detail {

/// to[i] = from[i] / 255, correctly rounded. Blocks of fixed length without overlap are what g++ vectorises at -O2; the
/// last, shorter block gives the same bits.
template <class S>
void bytes_to_unit(const std::uint8_t* __restrict from, S* __restrict to, Index count) {
    constexpr Index block = 16;
    const Index whole = count - count % block;
    for (Index i = 0; i < whole; i += block) {
        for (Index j = 0; j < block; ++j) to[i + j] = S(from[i + j]) / S(255);
    }
    for (Index i = whole; i < count; ++i) to[i] = S(from[i]) / S(255);
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
