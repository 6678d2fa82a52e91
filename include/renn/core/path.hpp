// SPDX-License-Identifier: MIT
// renn/core/path.hpp - where in a nested network a walk stands, without touching the heap.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI::detail {

/// "residual1/dense2": grows while a walk goes into a nested network, shrinks when it comes back.
class Path {
public:
    std::string_view view() const noexcept { return {text_.data(), size_}; }

    /// Appends one name for as long as the returned guard lives.
    auto enter(std::string_view name) {
        struct Guard {
            Path& path;
            std::size_t before;
            ~Guard() { path.size_ = before; }
        };
        const std::size_t before = size_;
        const std::size_t slash = size_ == 0 ? 0 : 1;
        if (before + slash + name.size() > text_.size()) {
            raise<ShapeError>("network", "length of a layer's path", "more than " + std::to_string(text_.size()),
                              "shorter names or less nesting");
        }
        if (slash == 1) text_[size_++] = '/';
        std::copy(name.begin(), name.end(), text_.begin() + static_cast<std::ptrdiff_t>(size_));
        size_ += name.size();
        return Guard{*this, before};
    }

private:
    std::array<char, 480> text_;
    std::size_t size_ = 0;
};

}  // namespace renn::inline RENN_ABI::detail
