// SPDX-License-Identifier: MIT
// renn/index/clipped.hpp - which samples a rectifier holds at 0, asked sample by sample and class by class.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI::detail {

/// An inactive ReLU ties with half of all samples. For such groups this table answers "is this sample one of them" with
/// one bit, a sample's bits side by side, and "how many of them are of class c" without looking at any, unless there
/// are so many classes that this would take more than half a byte a value.
///
/// Memory   one bit a sample and unit, four bytes a class and unit.
class Clipped {
public:
    Clipped() = default;
    Clipped(std::size_t samples, std::size_t units, std::size_t classes)
        : words_((units + 63) / 64),
          classes_(classes <= samples / 8 ? classes : 0),
          bits_(samples * words_, 0),
          counts_(units * classes_, 0) {}

    /// Fills in one unit; samples with a value not above 0 are clipped. Labels are empty where there are no classes.
    template <class S>
    void add(std::size_t unit, std::span<const S> values, std::span<const std::int32_t> labels) {
        const std::uint64_t bit = std::uint64_t{1} << (unit % 64);
        for (std::size_t s = 0; s < values.size(); ++s) {
            if (values[s] > S(0)) continue;
            bits_[s * words_ + unit / 64] |= bit;
            if (classes_ > 0) ++counts_[unit * classes_ + static_cast<std::size_t>(labels[s])];
        }
    }

    bool holds(std::size_t unit, std::size_t sample) const noexcept {
        return ((bits_[sample * words_ + unit / 64] >> (unit % 64)) & 1U) != 0;
    }
    /// One count a class, or none at all.
    std::span<const std::uint32_t> by_class(std::size_t unit) const noexcept {
        return {counts_.data() + unit * classes_, classes_};
    }
    std::size_t bytes() const noexcept { return bits_.size() * 8 + counts_.size() * 4; }

private:
    std::size_t words_ = 0;
    std::size_t classes_ = 0;
    std::vector<std::uint64_t> bits_;
    std::vector<std::uint32_t> counts_;
};

}  // namespace renn::inline RENN_ABI::detail
