// SPDX-License-Identifier: MIT
// renn/tracing/store.hpp - what every activation store can do, wherever it keeps its values.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI {

/// A unit's values in ascending order with the positions of their samples (equal values by ascending id) and the levels
/// of a search through them (index/search_levels.hpp), as a store may keep them. Empty: it does not.
template <class S>
struct StoredColumn {
    const S* values = nullptr;
    const std::uint32_t* order = nullptr;
    std::span<const S> levels = {};
    bool empty() const noexcept { return values == nullptr; }
};

/// A recording that does not change any more. Samples are addressed by position 0, 1, 2, ...; `values` gives those of a
/// unit (of a channel in several dimensions: one of them) in that order, in `scratch` where it has no such array.
///
/// A store may also have
///   sorted(Unit) -> StoredColumn   the unit's index, so that none need be built;
///   packed(Unit) -> PackedColumn   the same in a form that is no array (index/packed_column.hpp);
///   check(const void*, bytes)      to be called for every part of such an array that was read, before an answer rests
///                                  on it; throws where the bytes are not those that were written;
///   as_stored(point, values)       rounds one sample's values as the store rounded those it keeps.
///
/// Threads  const members may run on several threads at once.
template <class T>
concept ActivationStore = requires(const T& store, Unit unit, Index number, std::size_t i, std::uint64_t id,
                                   std::vector<typename T::Scalar>& scratch) {
    typename T::Scalar;
    { store.points } -> std::convertible_to<const std::vector<Point>&>;
    { store.class_names } -> std::convertible_to<const std::vector<std::string>&>;
    { store.fingerprint } -> std::convertible_to<std::uint64_t>;
    { store.build } -> std::convertible_to<std::string>;
    { store.first_input } -> std::convertible_to<const Batch<typename T::Scalar>&>;
    { store.samples() } -> std::same_as<Index>;
    { store.classes() } -> std::same_as<int>;
    { store.position_of(id) } -> std::same_as<Index>;
    { store.ids[i] } -> std::convertible_to<std::uint64_t>;
    { store.labels[i] } -> std::convertible_to<std::int32_t>;
    { store.predictions[i] } -> std::convertible_to<std::int32_t>;
    { store.tags[i] } -> std::convertible_to<std::string>;
    { store.labels.empty() && store.predictions.empty() && store.tags.empty() } -> std::same_as<bool>;
    { store.by_id().size() } -> std::convertible_to<std::size_t>;
    { store.outputs.rows() } -> std::same_as<Index>;
    store.outputs.col(number);
    { store.values(unit, number, scratch) } -> std::same_as<std::span<const typename T::Scalar>>;
    { store.value(unit, number, number) } -> std::same_as<typename T::Scalar>;
};

namespace detail {

template <class Store>
concept Rounds = requires(const Store& store, std::span<typename Store::Scalar> values) {
    store.as_stored(std::size_t{}, values);
};

/// A store of rounded values, or a part or union of such: a copy that does not know it would not round queries.
template <class Store>
concept Reduced = Rounds<Store> || requires {
    requires Store::reduced;
};

}  // namespace detail
}  // namespace renn::inline RENN_ABI
