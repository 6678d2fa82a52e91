// SPDX-License-Identifier: MIT
// renn/tracing/encoding.hpp - what an encoding of recorded values is, and the one that keeps them as they are.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI {

/// Whose smallest and largest value an encoding needs to know before it writes.
enum class Ranged : std::uint8_t { none, unit, sample };

/// A grid of 256 values: lowest + code * step. The step is (largest - lowest) / 255 with its last bits cut off, so that
/// code * step is exact in double and a value decodes to the same bits wherever it is decoded; 0 if the values are
/// equal or differ by less than 256 times the smallest normal number.
template <class S>
struct ValueRange {
    S lowest = 0;
    S step = 0;

    bool operator==(const ValueRange&) const = default;

    /// Throws DataError if the difference is not finite.
    static ValueRange of(S lowest, S largest) {
        const double width = static_cast<double>(largest) - static_cast<double>(lowest);
        if (!std::isfinite(width) || width < 0.0) {
            detail::raise<DataError>("8-bit encoding", "range of values",
                                     std::to_string(lowest) + ".." + std::to_string(largest), "a finite one");
        }
        constexpr int cut = sizeof(S) == sizeof(float) ? 29 : 8;  // bits of a double that S lacks, or that a code has
        const auto bits = std::bit_cast<std::uint64_t>(width / 255.0) >> cut << cut;
        const auto step = std::bit_cast<double>(bits);
        return {lowest, step < static_cast<double>(std::numeric_limits<S>::min()) ? S(0) : static_cast<S>(step)};
    }
    S decode(std::uint8_t code) const noexcept {
        return static_cast<S>(static_cast<double>(lowest) + code * static_cast<double>(step));
    }
    /// Of any value within the range: half a step, and the rounding of the sum.
    double error_bound() const noexcept {
        if (step == S(0)) return 256.0 * static_cast<double>(std::numeric_limits<S>::min());
        const auto size = std::max(std::abs(static_cast<double>(lowest)), std::abs(static_cast<double>(decode(255))));
        return static_cast<double>(step) / 2 + 4 * size * static_cast<double>(std::numeric_limits<S>::epsilon());
    }
};

/// An encoding says what a value becomes in the store. encode() writes n codes and returns false if a value cannot be
/// kept within error_bound(); decode() makes values of them. `ranges`: one for all (Ranged::unit) or one a value
/// (Ranged::sample), else not looked at.
template <class E, class S>
concept Encoding = requires(const S* in, S* out, typename E::template Code<S>* to,
                            const typename E::template Code<S>* from, Index n, const ValueRange<S>* ranges) {
    { E::name } -> std::convertible_to<std::string_view>;
    { E::ranged } -> std::convertible_to<Ranged>;
    { E::encode(in, to, n, ranges) } -> std::same_as<bool>;
    E::decode(from, out, n, ranges);
    { E::error_bound(S(), ValueRange<S>()) } -> std::same_as<double>;
};

/// Values as they are.
struct Exact {
    static constexpr std::string_view name = "exact";
    static constexpr Ranged ranged = Ranged::none;
    template <class S>
    using Code = S;

    template <class S>
    static bool encode(const S* values, S* codes, Index n, const ValueRange<S>* = nullptr) {
        std::copy_n(values, n, codes);
        return true;
    }
    template <class S>
    static void decode(const S* codes, S* values, Index n, const ValueRange<S>* = nullptr) {
        std::copy_n(codes, n, values);
    }
    template <class S>
    static double error_bound(S, const ValueRange<S>& = {}) noexcept {
        return 0.0;
    }
};

/// Whether values are kept as they are.
template <class E>
inline constexpr bool is_exact = std::same_as<E, Exact>;

namespace detail {

/// Names the first of a column's values that the encoding cannot keep.
template <class E, class S>
[[noreturn]] void refuse(const char* where, const Point& point, Index column, std::span<const S> values,
                         const ValueRange<S>* ranges, std::span<const std::uint64_t> ids) {
    const std::uint32_t unit = point.units[static_cast<std::size_t>(column / point.dimensions())];
    std::size_t i = 0;
    typename E::template Code<S> code;
    const auto kept = [&] { return E::encode(&values[i], &code, 1, ranges + (E::ranged == Ranged::sample ? i : 0)); };
    while (i + 1 < values.size() && kept()) ++i;
    raise<DataError>(where, point.name + ", unit " + std::to_string(unit) + ", sample " + std::to_string(ids[i]),
                     std::to_string(values[i]), "a value that " + std::string(E::name) + " can keep");
}

}  // namespace detail

/// Rounds one sample's values at one place as a store rounds them that keeps them so; a recorded sample then finds
/// itself at distance 0. A value that no recorded sample can have, as it is beyond what the encoding keeps, stays as it
/// is. `ranges`: one a value where units have ranges, else not looked at.
template <class E, class S>
    requires Encoding<E, S>
void round_trip(std::span<S> values, const ValueRange<S>* ranges = nullptr) {
    ValueRange<S> own{};
    if constexpr (E::ranged == Ranged::sample) {
        if (values.empty()) return;
        const auto [lowest, largest] = std::minmax_element(values.begin(), values.end());
        own = ValueRange<S>::of(*lowest, *largest);
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        const ValueRange<S>* range = E::ranged == Ranged::unit ? ranges + i : &own;
        typename E::template Code<S> code;
        if (E::encode(&values[i], &code, 1, range)) E::decode(&code, &values[i], 1, range);
    }
}

}  // namespace renn::inline RENN_ABI
