// SPDX-License-Identifier: MIT
// renn/layers/scale_and_shift.hpp - what the normalisations share.
#pragma once

#include <array>
#include <string_view>
#include <tuple>

#include <Eigen/Core>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI::detail {

/// What a normalised value is multiplied by and what is added, one of each a channel.
template <class S>
struct ScaleAndShift {
    Column<S> weights;
    Column<S> bias;
    static constexpr std::array<std::string_view, 2> names{"weights", "bias"};
    auto blocks() noexcept { return std::tie(weights, bias); }
    auto blocks() const noexcept { return std::tie(weights, bias); }

    static ScaleAndShift ones(Index channels) { return {Column<S>::Ones(channels), Column<S>::Zero(channels)}; }

    void resize(Index channels) {
        if (weights.size() != channels) weights.resize(channels);
        if (bias.size() != channels) bias.resize(channels);
    }
    void check(const char* where, Index channels) const {
        require_shape(where, "weights", weights, channels, 1);
        require_shape(where, "bias", bias, channels, 1);
    }
};

/// (x - mean) inverse deviation, of packets.
template <class P>
P normalised(const P& x, const P& mean, const P& inverse) {
    return Eigen::internal::pmul(Eigen::internal::psub(x, mean), inverse);
}

}  // namespace renn::inline RENN_ABI::detail
