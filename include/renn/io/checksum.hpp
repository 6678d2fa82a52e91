// SPDX-License-Identifier: MIT
// renn/io/checksum.hpp - one number that tells whether bytes are what they were.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <renn/core/rng.hpp>

namespace renn::inline RENN_ABI::detail {

/// 64-bit checksum of a stream of bytes, four words at a time. It finds damage, it does not resist forgery. In files it
/// is that of a little-endian machine.
class Checksum {
public:
    void add(const void* from, std::size_t count) {
        if (count == 0) return;  // from may be null then
        const char* bytes = static_cast<const char*>(from);
        length_ += count;
        if (filled_ > 0) {
            const std::size_t taken = std::min(count, sizeof(block_) - filled_);
            std::memcpy(block_.data() + filled_, bytes, taken);
            filled_ += taken;
            bytes += taken;
            count -= taken;
            if (filled_ < sizeof(block_)) return;
            digest(block_.data(), 1);
            filled_ = 0;
        }
        const std::size_t whole = count / sizeof(block_);
        digest(bytes, whole);
        filled_ = count - whole * sizeof(block_);
        if (filled_ > 0) std::memcpy(block_.data(), bytes + whole * sizeof(block_), filled_);
    }

    /// Of everything added so far; nothing may be added behind it.
    std::uint64_t value() {
        std::memset(block_.data() + filled_, 0, sizeof(block_) - filled_);
        digest(block_.data(), 1);
        std::uint64_t result = length_;
        for (const std::uint64_t lane : lanes_) result = mix(result, lane);
        return result;
    }

private:
    void digest(const char* bytes, std::size_t blocks) {
        std::array<std::uint64_t, 4> lanes = lanes_;
        for (std::size_t b = 0; b < blocks; ++b, bytes += sizeof(block_)) {
            for (std::size_t i = 0; i < 4; ++i) {
                std::uint64_t word = 0;
                std::memcpy(&word, bytes + 8 * i, 8);
                lanes[i] = std::rotl((lanes[i] ^ word) * 0x9e3779b97f4a7c15ULL, 29);
            }
        }
        lanes_ = lanes;
    }
    std::array<char, 32> block_;
    std::array<std::uint64_t, 4> lanes_{1, 2, 3, 4};
    std::size_t filled_ = 0;
    std::uint64_t length_ = 0;
};

inline std::uint64_t checksum_of(const void* bytes, std::size_t count) {
    Checksum sum;
    sum.add(bytes, count);
    return sum.value();
}

}  // namespace renn::inline RENN_ABI::detail
