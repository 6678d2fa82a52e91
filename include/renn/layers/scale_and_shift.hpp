// SPDX-License-Identifier: MIT
// renn/layers/scale_and_shift.hpp - what the normalisations share.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <utility>

#include <Eigen/Core>

#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>
#include <renn/core/error.hpp>

namespace renn::detail {

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

/// out[i] = f(in[i]..., constants[channel of i]...) over one sample of `channels` x `positions` values, with f a
/// function of packets. With one position lanes are channels, else positions.
template <class S, std::size_t N, std::size_t K, class F>
void by_channel(S* out, Index channels, Index positions, std::array<const S*, N> in, std::array<const S*, K> constants,
                F&& f) {
    using P = typename canonical::detail::Kernel<S>::Packet;
    [&]<std::size_t... I, std::size_t... C>(std::index_sequence<I...>, std::index_sequence<C...>) {
        if (positions == 1) {
            canonical::combine(out, channels, f, in[I]..., constants[C]...);
            return;
        }
        for (Index c = 0; c < channels; ++c) {
            const Index at = c * positions;
            const P values[] = {Eigen::internal::pset1<P>(constants[C][c])..., P()};  // one more: not empty
            const auto one = [&](const auto&... p) { return f(p..., values[C]...); };
            canonical::combine(out + at, positions, one, (in[I] + at)...);
        }
    }
    (std::make_index_sequence<N>{}, std::make_index_sequence<K>{});
}

/// (x - mean) inverse deviation, of packets.
template <class P>
P normalised(const P& x, const P& mean, const P& inverse) {
    return Eigen::internal::pmul(Eigen::internal::psub(x, mean), inverse);
}

}  // namespace renn::detail
