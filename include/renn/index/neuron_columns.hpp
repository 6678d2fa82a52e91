// SPDX-License-Identifier: MIT
// renn/index/neuron_columns.hpp - the sorted columns of recorded neurons: those the store has, and those made here.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/once.hpp>
#include <renn/index/column.hpp>
#include <renn/index/packed_column.hpp>
#include <renn/tracing/derivation.hpp>
#include <renn/tracing/pages.hpp>
#include <renn/tracing/store.hpp>

namespace renn::inline RENN_ABI::detail {

/// A column is made when it is first asked for; of values that are not stored, over those recomputed. Where a
/// post-activation keeps the order of its pre-activation, both have one (`source`).
/// Threads   const members may run on several threads at once; a column is made once, by whoever needs it first.
template <class Store>
class NeuronColumns {
public:
    using Scalar = typename Store::Scalar;
    using Scratch = RadixScratch<Scalar>;

    /// Whether the store keeps columns in a form that is no array; then so are those made here.
    static constexpr bool packed = requires(const Store& s, Unit u) { s.packed(u); };
    using Column = std::conditional_t<packed, PackedView<Scalar>, ColumnView<Scalar>>;

    /// Whether a sample's value is found through its unit's sorted column only.
    static constexpr bool keeps_sorted = packed || requires(const Store& s, Unit u) { s.sorted(u); };

    NeuronColumns(std::shared_ptr<const Store> store, std::vector<Derivation<Scalar>> derivations)
        : store_(std::move(store)), derivations_(std::move(derivations)) {
        starts_.push_back(0);
        for (const Point& point : store_->points) starts_.push_back(starts_.back() + point.units.size());
        made_ = std::make_unique<Once[]>(units());
        if constexpr (packed) packed_.resize(units());
        const auto n = static_cast<std::size_t>(store_->samples());
        for (std::uint32_t p = 0; p < store_->points.size(); ++p) {  // address space; memory comes with the first touch
            const bool sorted =
                !packed && source({p, 0}).point == p && store_->points[p].dimensions() == 1 && stored({p, 0}).empty();
            const std::size_t count = sorted ? store_->points[p].units.size() * n : 0;
            values_.emplace_back(count);
            order_.emplace_back(count);
        }
    }

    const Store& store() const noexcept { return *store_; }

    /// Units of all points are numbered one after the other.
    std::size_t units() const noexcept { return starts_.back(); }
    std::size_t number(Unit u) const noexcept { return starts_[u.point] + u.unit; }
    Unit unit(std::size_t number) const {
        std::uint32_t point = 0;
        while (starts_[point + 1] <= number) ++point;
        return {point, static_cast<std::uint32_t>(number - starts_[point])};
    }

    /// Set if what is seen is x > 0 ? x : slope * x of a stored point.
    std::optional<Scalar> slope(std::uint32_t point) const noexcept { return derivations_[point].negative_slope; }

    /// What a point that is not stored makes of n values of the point it is recomputed from.
    void derive(std::uint32_t point, const Scalar* in, Scalar* out, Index n) const {
        derivations_[point].apply(derivations_[point].layer, in, out, n);
    }

    /// The stored unit that another, which is not, is recomputed from.
    Unit derived_from(Unit u) const noexcept {
        return {static_cast<std::uint32_t>(store_->points[u.point].derived_from), u.unit};
    }

    /// The unit whose sorted column this one uses.
    Unit source(Unit u) const noexcept { return slope(u.point) ? derived_from(u) : u; }

    /// What the store has of the unit's index, or what was packed here.
    auto stored([[maybe_unused]] Unit u) const {
        if constexpr (packed) {
            if (!store_->points[u.point].stored()) return packed_[number(u)][0];
            return store_->packed(u);
        } else {
            StoredColumn<Scalar> found;
            if constexpr (keeps_sorted) {
                if (store_->points[u.point].stored()) found = store_->sorted(u);
            }
            return found;
        }
    }

    /// The unit's own sorted column, seen as it is.
    Column column(Unit u, Scratch* scratch) const {
        const auto n = static_cast<std::size_t>(store_->samples());
        if constexpr (packed) {
            if (!store_->points[u.point].stored()) made_[number(u)].run([&] { pack(u, scratch); });
            const PackedColumn<Scalar> ready = stored(u);
            return {ready.values, ready.order, n};
        } else {
            if (const auto ready = stored(u); !ready.empty()) return {ready.values, ready.order, n};
            Scalar* values = values_[u.point].data() + u.unit * n;
            std::uint32_t* order = order_[u.point].data() + u.unit * n;
            made_[number(u)].run([&] {
                sort(u, values, order, scratch);
                bytes_ += n * (sizeof(Scalar) + sizeof(std::uint32_t));
            });
            return {values, order, n};
        }
    }

    /// Bytes of what has been made so far.
    std::size_t bytes() const noexcept { return bytes_.load(); }

private:
    void pack(Unit u, Scratch* scratch) const {
        std::vector<Scalar> values(static_cast<std::size_t>(store_->samples()));
        std::vector<std::uint32_t> order(values.size());
        sort(u, values.data(), order.data(), scratch);
        PackedColumns<Scalar> one(values.size());
        one.add(values, order);
        one.finish();
        bytes_ += one.bytes();
        packed_[number(u)] = std::move(one);
    }

    void sort(Unit u, Scalar* values, std::uint32_t* order, Scratch* scratch) const {
        Scratch own;
        Scratch& buffers = scratch != nullptr ? *scratch : own;
        std::vector<Scalar> loaded;
        if (store_->points[u.point].stored()) {
            sort_column<Scalar>(store_->values(u, 0, loaded), store_->by_id(), values, order, buffers);
        } else {
            const auto in = store_->values(derived_from(u), 0, loaded);
            std::vector<Scalar> out(in.size());
            derive(u.point, in.data(), out.data(), std::ssize(in));
            sort_column<Scalar>(out, store_->by_id(), values, order, buffers);
        }
    }

    std::shared_ptr<const Store> store_;
    std::vector<Derivation<Scalar>> derivations_;
    std::vector<std::size_t> starts_;            ///< number of the first unit of each point
    mutable std::vector<Pages<Scalar>> values_;  ///< one a point: unit after unit; empty where another's is shared
    mutable std::vector<Pages<std::uint32_t>> order_;
    mutable std::vector<PackedColumns<Scalar>> packed_;  ///< one a unit, of those that the store has not
    std::unique_ptr<Once[]> made_;                       ///< one a unit
    mutable std::atomic<std::size_t> bytes_{0};
};

}  // namespace renn::inline RENN_ABI::detail
