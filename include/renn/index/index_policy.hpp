// SPDX-License-Identifier: MIT
// renn/index/index_policy.hpp - what a type must have that finds places among sorted values.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <renn/index/column.hpp>

namespace renn::inline RENN_ABI {

/// An index policy says how the place of a value among sorted values is found: KdTree, Sorted, or your own.
/// `position` returns how many values are below the query. A locator that can be made of a column and the locator of
/// the same values seen through no activation shares with that; a policy with a `Layout`, the steps of a search
/// (Sorted), is searched step by step, several neurons side by side.
template <class P, class S>
concept IndexPolicy = requires(const typename P::template Locator<S>& l, const ColumnView<S>& column, double query) {
    { P::name } -> std::convertible_to<std::string_view>;
    typename P::template Locator<S>;
    requires std::constructible_from < typename P::template Locator<S>,
    const ColumnView<S>& > ;
    { l.position(column, query) } -> std::same_as<std::uint32_t>;
    { l.bytes() } -> std::convertible_to<std::size_t>;
};

}  // namespace renn::inline RENN_ABI
