// SPDX-License-Identifier: MIT
// renn/core/shape.hpp - a sample as channels of rows of values.
#pragma once

#include <string>

#include <renn/core/batch.hpp>

namespace renn::inline RENN_ABI {

/// How the features of a sample lie in its column: channel after channel, row after row. A sequence has height 1.
struct Shape {
    Index channels = 0;
    Index height = 1;
    Index width = 1;

    bool operator==(const Shape&) const = default;
    /// Nothing was said of it.
    bool unknown() const noexcept { return channels == 0 && height <= 1 && width <= 1; }
    Index positions() const noexcept { return height * width; }
    Index size() const noexcept { return channels * height * width; }
    /// Row of the column in which a value lies.
    Index at(Index channel, Index y, Index x) const noexcept { return (channel * height + y) * width + x; }
    /// "16 x 28 x 28"
    std::string text() const {
        return std::to_string(channels) + " x " + std::to_string(height) + " x " + std::to_string(width);
    }
};

}  // namespace renn::inline RENN_ABI
