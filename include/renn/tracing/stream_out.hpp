// SPDX-License-Identifier: MIT
// renn/tracing/stream_out.hpp - transposes values into a store larger than the caches, and past them.
#pragma once

#include <cstdint>

#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>

#ifdef __AVX__
#include <immintrin.h>
#endif

namespace renn::inline RENN_ABI::detail {

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"

#ifdef __AVX__
inline constexpr bool has_streams = true;
inline void stream(float* to, const __m256& packet) noexcept {
    _mm256_stream_ps(to, packet);
}
inline void stream(double* to, const __m256d& packet) noexcept {
    _mm256_stream_pd(to, packet);
}
#ifdef __AVX512F__
inline void stream(float* to, const __m512& packet) noexcept {
    _mm512_stream_ps(to, packet);
}
inline void stream(double* to, const __m512d& packet) noexcept {
    _mm512_stream_pd(to, packet);
}
#endif
/// To be called before others may read what was streamed.
inline void finish_stream() noexcept {
    _mm_sfence();
}
#else
inline constexpr bool has_streams = false;
inline void finish_stream() noexcept {}
#endif

/// Whether a block may be streamed there: whole cache lines that begin where memory's do.
template <class T>
bool can_stream(const T* to, Index stride, Index count) noexcept {
    constexpr Index line = 64 / static_cast<Index>(sizeof(T));
    return has_streams && reinterpret_cast<std::uintptr_t>(to) % 64 == 0 && stride % line == 0 && count % line == 0;
}

/// Copies whole cache lines so, between arrays that begin with one.
template <class T>
void stream_lines([[maybe_unused]] const T* from, [[maybe_unused]] T* to, [[maybe_unused]] Index n) noexcept {
#ifdef __AVX__
    constexpr Index packet = 32 / static_cast<Index>(sizeof(T));
    for (Index i = 0; i < n; i += packet) {
        _mm256_stream_si256(reinterpret_cast<__m256i*>(to + i),
                            _mm256_load_si256(reinterpret_cast<const __m256i*>(from + i)));
    }
#endif
}

/// Does what canonical::transpose does, where can_stream. A plain store reads the line that it overwrites from memory,
/// and puts it in the place of something that will be needed sooner. Returns whether all values are finite, which costs
/// less here than in a pass of its own; false too where the processor has no such stores.
template <class S>
bool stream_transposed(const S* src, Index src_stride, S* dst, Index dst_stride, Index rows, Index cols) {
    using K = canonical::detail::Kernel<S>;
    bool finite = false;
    if constexpr (requires(S * to, const typename K::Packet& packet) { stream(to, packet); }) {
        namespace ei = Eigen::internal;
        constexpr Index P = K::lanes, line = 64 / static_cast<Index>(sizeof(S));
        constexpr auto packets = static_cast<std::size_t>(line / P);
        const Index whole_rows = rows - rows % P;
        auto sum = ei::pset1<typename K::Packet>(S(0));  // x - x is 0 for finite x and NaN else
        for (Index i = 0; i < whole_rows; i += P) {
            for (Index j = 0; j < cols; j += line) {
                ei::PacketBlock<typename K::Packet, static_cast<int>(P)> blocks[packets];
                for (std::size_t b = 0; b < packets; ++b) {
                    const S* from = src + i + (j + static_cast<Index>(b) * P) * src_stride;
                    for (Index l = 0; l < P; ++l) {
                        const auto packet = K::load(from + l * src_stride);
                        blocks[b].packet[l] = packet;
                        sum = ei::padd(sum, ei::psub(packet, packet));
                    }
                    ei::ptranspose(blocks[b]);
                }
                for (Index l = 0; l < P; ++l) {
                    S* to = dst + j + (i + l) * dst_stride;
                    for (std::size_t b = 0; b < packets; ++b, to += P) stream(to, blocks[b].packet[l]);
                }
            }
        }
        finite = ei::predux(sum) == S(0);
        for (Index i = whole_rows; i < rows; ++i) {
            for (Index j = 0; j < cols; ++j) {
                const S value = src[i + j * src_stride];
                finite = finite && value - value == S(0);
                dst[j + i * dst_stride] = value;
            }
        }
        finish_stream();
    }
    return finite;
}

#pragma GCC diagnostic pop

}  // namespace renn::inline RENN_ABI::detail
