// SPDX-License-Identifier: MIT
// renn/tracing/part_of_store.hpp - some samples or places of a store, seen as a store.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/list_view.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/recorded_samples.hpp>
#include <renn/tracing/store.hpp>
#include <renn/tracing/thin.hpp>

namespace renn::inline RENN_ABI {

/// Some samples of some units of a store, in their order there: a source for to_memory and write_store, which make a
/// compact store of it a column at a time. What it is part of is not copied.
///
/// Memory   what is known of each sample beside the values: 16 bytes, tag and outputs.
/// Threads  const members may run on several threads at once.
template <class Store>
class PartOfStore : public RecordedSamples<typename Store::Scalar> {
    using Known = RecordedSamples<typename Store::Scalar>;

public:
    using S = typename Store::Scalar;
    static constexpr bool reduced = detail::Reduced<Store>;

    /// `places`: for each point of the part, the point it is of; `units`: for each, units of it by number.
    /// `positions`: ascending; empty takes all samples.
    PartOfStore(std::shared_ptr<const Store> store, Known known, std::vector<std::uint32_t> places,
                std::vector<std::vector<std::uint32_t>> units, std::vector<std::uint32_t> positions)
        : Known(std::move(known)),
          store_(std::move(store)),
          places_(std::move(places)),
          units_(std::move(units)),
          positions_(std::move(positions)) {}

    std::span<const S> values(Unit u, Index dimension, std::vector<S>& scratch) const {
        const std::span<const S> all = store_->values(origin(u), dimension, scratch);
        if (positions_.empty()) return all;
        if (all.data() != scratch.data()) scratch.resize(positions_.size());
        for (std::size_t i = 0; i < positions_.size(); ++i) scratch[i] = all[positions_[i]];
        return std::span<const S>(scratch).first(positions_.size());
    }
    S value(Unit u, Index dimension, Index sample) const {
        const Index at = positions_.empty() ? sample : Index(positions_[static_cast<std::size_t>(sample)]);
        return store_->value(origin(u), dimension, at);
    }

private:
    Unit origin(Unit u) const noexcept { return {places_[u.point], units_[u.point][u.unit]}; }

    std::shared_ptr<const Store> store_;
    std::vector<std::uint32_t> places_;
    std::vector<std::vector<std::uint32_t>> units_;
    std::vector<std::uint32_t> positions_;
};

namespace detail {

/// A store to look at: a named one must outlive whoever looks, a temporary is kept.
template <class Store>
auto hold(Store&& store) {
    using Plain = std::remove_cvref_t<Store>;
    if constexpr (std::is_lvalue_reference_v<Store>) {
        return std::shared_ptr<const Plain>(std::shared_ptr<const Plain>(), &store);
    } else {
        return std::make_shared<const Plain>(std::forward<Store>(store));
    }
}

template <class Held>
auto with_positions(Held store, std::vector<std::uint32_t> positions) {
    using Store = std::remove_cvref_t<decltype(*store)>;
    if (positions.empty()) raise<DataError>("part of a store", "samples", "none", "1 or more");
    if (store->first_input.size() > 0 && positions.front() != 0) {
        raise<DataError>("part of a store", "first sample", "left out",
                         "kept, as the store has its input to know the foreign code again; record with a fingerprint");
    }
    auto known = known_at(*store, positions);
    std::vector<std::uint32_t> places(known.points.size());
    std::iota(places.begin(), places.end(), 0U);
    std::vector<std::vector<std::uint32_t>> units;
    for (const Point& point : known.points) {
        auto& numbers = units.emplace_back(point.units.size());
        std::iota(numbers.begin(), numbers.end(), 0U);
    }
    return PartOfStore<Store>(std::move(store), std::move(known), std::move(places), std::move(units),
                              std::move(positions));
}

/// Marks the samples with these ids. Throws DataError for one that the store does not have.
template <class Store>
std::vector<char> marked(const Store& store, std::span<const std::uint64_t> ids) {
    std::vector<char> chosen(static_cast<std::size_t>(store.samples()), 0);
    for (const std::uint64_t id : ids) chosen[static_cast<std::size_t>(store.position_of(id))] = 1;
    return chosen;
}

}  // namespace detail

/// The samples with these ids, in the order of the store. Throws DataError for an unknown id, or if none is left.
template <class Store>
auto only_samples(Store&& store, ListView<std::uint64_t> ids) {
    auto held = detail::hold(std::forward<Store>(store));
    const auto chosen = detail::marked(*held, ids);
    auto positions = detail::all_positions(*held);
    std::erase_if(positions, [&](std::uint32_t s) { return chosen[s] == 0; });
    return detail::with_positions(std::move(held), std::move(positions));
}

/// All but the samples with these ids. A deletion request:
///
///     write_store(path, without_samples(FileStore<float>::open(path), ids));
///
/// replaces the file by one that has nothing of them left. Throws DataError for an unknown id, if none is left, or for
/// the first sample of a store that keeps its input: one of foreign code without a fingerprint of its own.
template <class Store>
auto without_samples(Store&& store, ListView<std::uint64_t> ids) {
    auto held = detail::hold(std::forward<Store>(store));
    const auto chosen = detail::marked(*held, ids);
    auto positions = detail::all_positions(*held);
    std::erase_if(positions, [&](std::uint32_t s) { return chosen[s] != 0; });
    return detail::with_positions(std::move(held), std::move(positions));
}

/// What a selection leaves of a store: places by name and kind, units of them, every n-th sample. A place that follows
/// from another keeps that one's units, and needs it.
/// Throws   DataError for what the store does not have, for channels, and for a place without the one it follows from.
template <class Store>
auto part_of(Store&& store, const Selection& selection) {
    using Plain = std::remove_cvref_t<Store>;
    detail::check_selection(selection);
    auto held = detail::hold(std::forward<Store>(store));
    const std::vector<Point>& all = held->points;
    const auto refuse = [](const std::string& what, const std::string& got, const std::string& expected) {
        detail::raise<DataError>("part of a store", what, got, expected);
    };
    const auto require_known = [&](const std::string& name) {
        if (std::any_of(all.begin(), all.end(), [&](const Point& p) { return p.name == name; })) return;
        refuse("layer", "\"" + name + "\"", "a recorded one");
    };
    for (const std::string& name : selection.layers) require_known(name);
    for (const auto& some : selection.units) require_known(some.layer);
    if (!selection.channels.empty()) refuse("channels", "a choice", "none: they are chosen when recording");

    auto positions = detail::all_positions(*held);
    std::erase_if(positions, [&](std::uint32_t s) { return Index(s) % selection.every != 0; });
    auto known = detail::known_at(*held, positions);
    known.points.clear();
    std::vector<std::uint32_t> places;
    std::vector<std::vector<std::uint32_t>> units;
    for (std::uint32_t p = 0; p < all.size(); ++p) {
        const auto& layers = selection.layers;
        const bool named = layers.empty() || std::find(layers.begin(), layers.end(), all[p].name) != layers.end();
        if (!named || !(all[p].kind == Kind::pre ? selection.pre : selection.post)) continue;
        Point point = all[p];
        if (!point.stored()) {
            const auto from = std::find(places.begin(), places.end(), static_cast<std::uint32_t>(point.derived_from));
            if (from == places.end()) {
                refuse(point.text(), "alone",
                       "with " + all[static_cast<std::size_t>(point.derived_from)].text() + ", which it follows from");
            }
            point.derived_from = from - places.begin();
            point.units = known.points[static_cast<std::size_t>(point.derived_from)].units;
        }
        for (const auto& some : selection.units) {
            if (some.layer != point.name) continue;
            std::vector<std::uint32_t> wanted = some.units;
            std::sort(wanted.begin(), wanted.end());
            wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
            if (!std::includes(point.units.begin(), point.units.end(), wanted.begin(), wanted.end())) {
                refuse("units of " + point.text(), "one that is not there", "recorded ones");
            }
            if (!point.stored() && wanted != point.units) {
                refuse("units of " + point.text(), "others", "those of the place it follows from");
            }
            point.units = std::move(wanted);
        }
        std::vector<std::uint32_t>& numbers = units.emplace_back();
        for (const std::uint32_t unit : point.units) {
            const auto at = std::lower_bound(all[p].units.begin(), all[p].units.end(), unit);
            numbers.push_back(static_cast<std::uint32_t>(at - all[p].units.begin()));
        }
        places.push_back(p);
        known.points.push_back(std::move(point));
    }
    if (known.points.empty()) refuse("places", "none", "1 or more");
    if (selection.every == 1) positions.clear();
    return PartOfStore<Plain>(std::move(held), std::move(known), std::move(places), std::move(units),
                              std::move(positions));
}

}  // namespace renn::inline RENN_ABI
