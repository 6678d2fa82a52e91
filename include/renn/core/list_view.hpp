// SPDX-License-Identifier: MIT
// renn/core/list_view.hpp - an argument that is a vector, an array or a list in braces.
#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <span>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI {

/// A span that can also be written {1, 2, 3}: for parameters, as what it looks at need not live longer than the call.
template <class T>
class ListView {
public:
    ListView(std::initializer_list<T> list) noexcept : items_(data(list), list.size()) {}
    ListView(std::span<const T> items) noexcept : items_(items) {}
    template <std::convertible_to<std::span<const T>> Items>
        requires(!std::same_as<Items, ListView> && !std::same_as<Items, std::span<const T>>)
    ListView(const Items& items)
    noexcept : items_(items) {}

    auto begin() const noexcept { return items_.begin(); }
    auto end() const noexcept { return items_.end(); }
    bool empty() const noexcept { return items_.empty(); }
    std::size_t size() const noexcept { return items_.size(); }
    const T& operator[](std::size_t i) const noexcept { return items_[i]; }

private:
    /// (g++ warns of a constructor that keeps list.begin().)
    static const T* data(std::initializer_list<T> list) noexcept { return list.begin(); }

    std::span<const T> items_;
};

}  // namespace renn::inline RENN_ABI
