// SPDX-License-Identifier: MIT
// renn/layers/channelwise.hpp - arithmetic with one constant a channel, and sums over each channel.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include <Eigen/Core>

#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>

namespace renn::inline RENN_ABI::detail {

/// Samples of `channels` x `positions` values. Every f is a function of packets, called with a value of each input,
/// then with the constants of its channel. With one position lanes are channels, else positions.
template <class S>
struct Channelwise {
    Index channels, positions;

    template <std::size_t N>
    using Inputs = std::array<const BatchView<S>*, N>;
    template <std::size_t K>
    using Constants = std::array<const S*, K>;  ///< each points to one value a channel

    template <class... C>
    static Constants<sizeof...(C)> constants(const C&... columns) {
        return {columns.data()...};
    }

    /// out[i] = f(in[i]..., constants[channel of i]...) for one sample.
    template <std::size_t N, std::size_t K, class F>
    void sample(S* out, const std::array<const S*, N>& in, const Constants<K>& c, F&& f) const {
        using P = typename canonical::detail::Kernel<S>::Packet;
        [&]<std::size_t... I, std::size_t... C>(std::index_sequence<I...>, std::index_sequence<C...>) {
            if (positions == 1) {
                canonical::combine(out, channels, f, in[I]..., c[C]...);
                return;
            }
            for (Index channel = 0; channel < channels; ++channel) {
                const Index at = channel * positions;
                const P values[] = {Eigen::internal::pset1<P>(c[C][channel])..., P()};  // one more: not empty
                const auto one = [&](const auto&... p) { return f(p..., values[C]...); };
                canonical::combine(out + at, positions, one, (in[I] + at)...);
            }
        }
        (std::make_index_sequence<N>{}, std::make_index_sequence<K>{});
    }

    /// The same for every sample of a batch, out shaped already.
    template <std::size_t N, std::size_t K, class F>
    void each(Batch<S>& out, const Inputs<N>& in, const Constants<K>& c, F&& f) const {
        for (Index j = 0; j < out.cols(); ++j) sample(out.col(j).data(), columns(in, j), c, f);
    }

    /// total of each channel = the sum of f(in..., constants...): of each position over the samples in ascending order,
    /// then over the positions. `terms` is scratch.
    template <std::size_t N, std::size_t K, class F>
    void sum(Column<S>& terms, Column<S>& total, const Inputs<N>& in, const Constants<K>& c, F&& f) const {
        if (terms.size() != channels * positions) terms.resize(channels * positions);
        if (total.size() != channels) total.resize(channels);
        terms.setZero();
        const auto add = [&f](const auto& so_far, const auto&... p) { return Eigen::internal::padd(so_far, f(p...)); };
        for (Index j = 0; j < in[0]->cols(); ++j) {
            std::array<const S*, N + 1> with_terms{terms.data()};
            std::ranges::copy(columns(in, j), with_terms.begin() + 1);
            sample(terms.data(), with_terms, c, add);
        }
        for (Index channel = 0; channel < channels; ++channel) {
            total[channel] = canonical::sum(terms.data() + channel * positions, positions);
        }
    }

private:
    template <std::size_t N>
    static std::array<const S*, N> columns(const Inputs<N>& in, Index j) {
        std::array<const S*, N> at;
        for (std::size_t i = 0; i < N; ++i) at[i] = in[i]->data() + j * in[i]->outerStride();
        return at;
    }
};

}  // namespace renn::inline RENN_ABI::detail
