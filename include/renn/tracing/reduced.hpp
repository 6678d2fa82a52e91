// SPDX-License-Identifier: MIT
// renn/tracing/reduced.hpp - values kept in half precision, or in 8 bits.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string_view>

#include <renn/core/batch.hpp>
#include <renn/tracing/encoding.hpp>

#ifdef __F16C__
#include <immintrin.h>
#endif

namespace renn::inline RENN_ABI {
namespace detail {

/// The float that may be rounded again as if from the double: inexact ones end in an odd bit.
inline float to_float_once(float value) noexcept {
    return value;
}
inline float to_float_once(double value) noexcept {
    const auto nearest = static_cast<float>(value);
    const auto back = static_cast<double>(nearest);
    if (back == value || !std::isfinite(nearest) || (std::bit_cast<std::uint32_t>(nearest) & 1U) != 0) return nearest;
    constexpr float infinity = std::numeric_limits<float>::infinity();
    return std::nextafter(nearest, value > back ? infinity : -infinity);
}

}  // namespace detail

/// IEEE half precision, 2 bytes, rounded to nearest even: 11 bits, up to 65504. A larger value is refused and not
/// clamped: many clamped values would tie, and answers be wrong without a word. BFloat16 takes it.
struct Float16 {
    static constexpr std::string_view name = "float16";
    static constexpr Ranged ranged = Ranged::none;
    template <class>
    using Code = std::uint16_t;

    template <class S>
    static bool encode(const S* values, std::uint16_t* codes, Index n, const ValueRange<S>* = nullptr) {
        Index i = 0;
#ifdef __F16C__
        if constexpr (std::same_as<S, float>) {
            for (; i + 8 <= n; i += 8) {
                _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + i),
                                 _mm256_cvtps_ph(_mm256_loadu_ps(values + i), _MM_FROUND_TO_NEAREST_INT));
            }
        }
#endif
        for (; i < n; ++i) {
            codes[i] = Eigen::numext::bit_cast<std::uint16_t>(Eigen::half(detail::to_float_once(values[i])));
        }
        unsigned outside = 0;  // infinite or NaN
        for (Index j = 0; j < n; ++j) outside |= (codes[j] & 0x7c00U) == 0x7c00U ? 1U : 0U;
        return outside == 0;
    }
    template <class S>
    static void decode(const std::uint16_t* codes, S* values, Index n, const ValueRange<S>* = nullptr) {
        Index i = 0;
#ifdef __F16C__
        if constexpr (std::same_as<S, float>) {
            for (; i + 8 <= n; i += 8) {
                const __m128i packet = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes + i));
                _mm256_storeu_ps(values + i, _mm256_cvtph_ps(packet));
            }
        }
#endif
        for (; i < n; ++i) {
            values[i] = static_cast<S>(static_cast<float>(Eigen::numext::bit_cast<Eigen::half>(codes[i])));
        }
    }
    /// max(|value| 2^-11, 2^-25).
    template <class S>
    static double error_bound(S value, const ValueRange<S>& = {}) noexcept {
        return std::max(std::abs(static_cast<double>(value)) * 0x1p-11, 0x1p-25);
    }
};

/// The upper half of a float, 2 bytes, rounded to nearest even: 8 bits, and the range of float.
struct BFloat16 {
    static constexpr std::string_view name = "bfloat16";
    static constexpr Ranged ranged = Ranged::none;
    template <class>
    using Code = std::uint16_t;

    template <class S>
    static bool encode(const S* values, std::uint16_t* codes, Index n, const ValueRange<S>* = nullptr) {
        unsigned outside = 0;
        for (Index i = 0; i < n; ++i) {  // Eigen::bfloat16's rounding, without a branch for NaN
            const auto bits = std::bit_cast<std::uint32_t>(detail::to_float_once(values[i]));
            const std::uint32_t rounded = bits + 0x7fffU + ((bits >> 16) & 1U);
            codes[i] = static_cast<std::uint16_t>(rounded >> 16);
            outside |= (bits & 0x7f800000U) == 0x7f800000U ? 1U : 0U;
            outside |= (rounded & 0x7f800000U) == 0x7f800000U ? 1U : 0U;
        }
        return outside == 0;
    }
    template <class S>
    static void decode(const std::uint16_t* codes, S* values, Index n, const ValueRange<S>* = nullptr) {
        for (Index i = 0; i < n; ++i) {
            values[i] = static_cast<S>(std::bit_cast<float>(static_cast<std::uint32_t>(codes[i]) << 16));
        }
    }
    /// max(|value| 2^-8, 2^-134).
    template <class S>
    static double error_bound(S value, const ValueRange<S>& = {}) noexcept {
        return std::max(std::abs(static_cast<double>(value)) * 0x1p-8, 0x1p-134);
    }
};

/// 1 byte: the nearest of 256 evenly spaced values from the smallest to the largest of a unit, or of a sample at one
/// place (Geiger's compression, without leaving out zeros).
template <Ranged R>
    requires(R != Ranged::none)
struct Linear8 {
    static constexpr std::string_view name = R == Ranged::unit ? "linear8 per unit" : "linear8 per sample";
    static constexpr Ranged ranged = R;
    template <class>
    using Code = std::uint8_t;

    template <class S>
    static bool encode(const S* values, std::uint8_t* codes, Index n, const ValueRange<S>* ranges) {
        unsigned outside = 0;
        for (Index i = 0; i < n; ++i) {
            const ValueRange<S>& range = ranges[R == Ranged::unit ? 0 : i];
            // A division, as the compiler may not fuse it with the sum: equal values must have equal codes.
            const auto step = static_cast<double>(range.step > S(0) ? range.step : std::numeric_limits<S>::min());
            const double steps = (static_cast<double>(values[i]) - static_cast<double>(range.lowest)) / step;
            outside |= steps >= 0.0 && steps < 255.5 ? 0U : 1U;
            const double within = steps >= 0.0 ? std::min(steps, 255.0) : 0.0;
            // Halves go up, as nothing is below 0. NOLINTNEXTLINE(bugprone-incorrect-roundings)
            codes[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(within + 0.5));
        }
        return outside == 0;
    }
    template <class S>
    static void decode(const std::uint8_t* codes, S* values, Index n, const ValueRange<S>* ranges) {
        for (Index i = 0; i < n; ++i) values[i] = ranges[R == Ranged::unit ? 0 : i].decode(codes[i]);
    }
    /// (largest - lowest) / 510 and a few roundings, whatever the value.
    template <class S>
    static double error_bound(S, const ValueRange<S>& range) noexcept {
        return range.error_bound();
    }
};
/// 8 bits between the least and the largest value of a unit, or of a sample at a place.
using Linear8PerUnit = Linear8<Ranged::unit>;
/// The same of a sample.
using Linear8PerSample = Linear8<Ranged::sample>;

}  // namespace renn::inline RENN_ABI
