// SPDX-License-Identifier: MIT
// renn/core/rng.hpp - random numbers by the library's own formulas, the same with every compiler.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <utility>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI {

/// Bijective mixing of 64 bits. Source: the finaliser of SplitMix64, Steele, Lea and Flood (2014).
constexpr std::uint64_t mix(std::uint64_t z) noexcept {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

/// A key from two: draws with different keys are independent for all practical purposes.
constexpr std::uint64_t mix(std::uint64_t key, std::uint64_t value) noexcept {
    return mix(mix(key + 0x9e3779b97f4a7c15ULL) ^ (value + 0x9e3779b97f4a7c15ULL));
}

/// A counter-based generator: draw n depends on (seed, n) alone, so its position is one number that a checkpoint
/// can keep. Source: SplitMix64.
class Rng {
public:
    constexpr explicit Rng(std::uint64_t seed = 0, std::uint64_t position = 0) noexcept
        : seed_(seed), position_(position) {}

    constexpr std::uint64_t bits() noexcept { return mix(mix(seed_) + ++position_ * 0x9e3779b97f4a7c15ULL); }

    /// In [0, 1), 53 random bits.
    constexpr double uniform() noexcept { return static_cast<double>(bits() >> 11) * 0x1.0p-53; }

    constexpr double uniform(double low, double high) noexcept { return low + (high - low) * uniform(); }

    /// Standard normal; Box and Muller (1958), one of the pair.
    double normal() noexcept {
        const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
        return radius * std::cos(2.0 * std::numbers::pi * uniform());
    }

    /// In 0..n-1, without bias; n > 0. Rejects draws from the incomplete last copy of 0..n-1.
    constexpr std::uint64_t below(std::uint64_t n) noexcept {
        const std::uint64_t reject = (~n + 1) % n;  // 2^64 mod n
        std::uint64_t draw = bits();
        while (draw < reject) draw = bits();
        return draw % n;
    }

    constexpr std::uint64_t seed() const noexcept { return seed_; }
    constexpr std::uint64_t position() const noexcept { return position_; }

private:
    std::uint64_t seed_;
    std::uint64_t position_;
};

/// Fisher-Yates shuffle of any random-access container.
template <class C>
void shuffle(C& items, Rng& rng) {
    for (std::size_t i = items.size(); i > 1; --i) {
        using std::swap;
        swap(items[i - 1], items[rng.below(i)]);
    }
}

}  // namespace renn::inline RENN_ABI
