// SPDX-License-Identifier: MIT
// renn/core/patch.hpp - a part of an image.
#pragma once

#include <renn/core/batch.hpp>

namespace renn::inline RENN_ABI {

/// Rows [top, bottom) and columns [left, right) of an image.
struct Patch {
    Index top = 0, left = 0, bottom = 0, right = 0;
    bool empty() const noexcept { return top >= bottom || left >= right; }
    bool operator==(const Patch&) const = default;
};

}  // namespace renn::inline RENN_ABI
