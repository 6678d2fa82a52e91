// SPDX-License-Identifier: MIT
// renn/index/neuron_index.hpp - one search structure a neuron, built when it is first asked.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/core/once.hpp>
#include <renn/core/parallel.hpp>
#include <renn/core/progress.hpp>
#include <renn/index/channel_tree.hpp>
#include <renn/index/check_window.hpp>
#include <renn/index/clipped.hpp>
#include <renn/index/column.hpp>
#include <renn/index/index_policy.hpp>
#include <renn/index/packed_column.hpp>
#include <renn/index/window.hpp>
#include <renn/tracing/derivation.hpp>
#include <renn/tracing/memory_store.hpp>
#include <renn/tracing/pages.hpp>
#include <renn/tracing/store.hpp>

namespace renn::inline RENN_ABI {

/// The sorted values of every recorded neuron, over a store that does not change any more. A post-activation that keeps
/// the order of its pre-activation shares its sorted column; any other gets one over the recomputed values.
/// Threads   const members may run on several threads at once; a structure is built once, by whoever needs it first.
template <class Store, class P>
class NeuronIndex {
public:
    using Policy = P;
    using Scalar = typename Store::Scalar;
    static_assert(IndexPolicy<Policy, Scalar>, "renn: this type is not an index policy (index/index_policy.hpp)");
    using Locator = typename Policy::template Locator<Scalar>;
    static constexpr std::string_view policy_name = Policy::name;

    /// Whether the store keeps columns in a form that is no array; then so are those made here.
    static constexpr bool packed = requires(const Store& s, Unit u) { s.packed(u); };
    using Column = std::conditional_t<packed, PackedView<Scalar>, ColumnView<Scalar>>;
    static_assert(!packed || std::constructible_from<Locator, const Column&, std::span<const Scalar>>,
                  "renn: packed columns are searched through their levels: use the index policy Sorted");

    /// `owner` keeps alive what the derivations point to.
    NeuronIndex(std::shared_ptr<const Store> store, std::vector<Derivation<Scalar>> derivations,
                std::shared_ptr<const void> owner)
        : store_(std::move(store)), derivations_(std::move(derivations)), owner_(std::move(owner)) {
        starts_.push_back(0);
        for (std::size_t p = 0; p < store_->points.size(); ++p) {
            const std::size_t count = store_->points[p].units.size();
            starts_.push_back(starts_.back() + count);
            const bool rectifier = derivations_[p].negative_slope == Scalar(0);
            clipped_starts_.push_back(rectifier ? static_cast<std::ptrdiff_t>(clipped_units_) : -1);
            if (rectifier) clipped_units_ += count;
        }
        slots_ = std::make_unique<Slot[]>(starts_.back());
        if constexpr (packed) packed_.resize(starts_.back());
        const auto n = static_cast<std::size_t>(store_->samples());
        for (std::uint32_t p = 0; p < store_->points.size(); ++p) {  // address space; memory comes with the first touch
            const bool sorted = !packed && source({p, 0}).point == p && store_->points[p].dimensions() == 1 &&
                                stored_column({p, 0}).empty();
            const std::size_t count = sorted ? store_->points[p].units.size() * n : 0;
            values_.emplace_back(count);
            order_.emplace_back(count);
        }
    }

    const Store& store() const noexcept { return *store_; }
    std::size_t units() const noexcept { return starts_.back(); }

    /// One neuron's part of the index.
    struct Entry {
        Column column;
        const Locator* locator;
    };

    /// The sorted column of a unit and what finds places in it. O(n) the first time.
    Entry entry(Unit u) const {
        const Slot& slot = built(u, nullptr);
        return {slot.view, &*slot.locator};
    }

    /// The tree of a neuron in several dimensions. O(n log n) the first time.
    const ChannelTree<Scalar>& tree(Unit u) const {
        const Slot& s = slot(u);
        s.locator_once.run([&] {
            const Index dimensions = store_->points[u.point].dimensions();
            std::vector<std::vector<Scalar>> kept(static_cast<std::size_t>(dimensions));
            std::vector<std::span<const Scalar>> columns;
            for (Index d = 0; d < dimensions; ++d) {
                columns.push_back(store_->values(u, d, kept[static_cast<std::size_t>(d)]));
            }
            s.tree = std::make_unique<ChannelTree<Scalar>>(std::move(columns), store_->by_id(), std::move(kept));
            bytes_ += s.tree->bytes();
        });
        return *s.tree;
    }

    /// Value of a sample at a unit, recomputed where it is not stored; in several dimensions, their mean.
    Scalar value(Unit u, std::uint32_t sample) const {
        const Point& point = store_->points[u.point];
        if (point.dimensions() > 1) {
            Scalar sum = 0;
            for (Index d = 0; d < point.dimensions(); ++d) sum += store_->value(u, d, sample);
            return sum / static_cast<Scalar>(point.dimensions());
        }
        if (point.stored()) return store_->value(u, 0, sample);
        const Scalar in = store_->value({static_cast<std::uint32_t>(point.derived_from), u.unit}, 0, sample);
        Scalar out;
        derivations_[u.point].apply(derivations_[u.point].layer, &in, &out, 1);
        return out;
    }

    /// What a point that is not stored makes of n values of the point it is recomputed from.
    void derive(std::uint32_t point, const Scalar* in, Scalar* out, Index n) const {
        derivations_[point].apply(derivations_[point].layer, in, out, n);
    }

    /// Whether a sample's value is found through its unit's sorted column only.
    static constexpr bool keeps_sorted = packed || requires(const Store& s, Unit u) { s.sorted(u); };

    /// To be called for what was read of a column: a store that checks its bytes throws if they are not those written.
    template <class T>
    void check([[maybe_unused]] const T* from, [[maybe_unused]] std::size_t count) const {
        if constexpr (requires { store_->check(from, count); }) store_->check(from, count * sizeof(T));
    }

    /// The same for all that the window of a query rests on, its place included.
    void check_window([[maybe_unused]] const Entry& entry, [[maybe_unused]] double query,
                      [[maybe_unused]] std::uint32_t k, [[maybe_unused]] std::uint32_t position,
                      [[maybe_unused]] const Window& window, [[maybe_unused]] bool among) const {
        if constexpr (requires { store_->check(entry.column.values, std::size_t{}); }) {
            detail::check_window(*this, entry.column, query, k, position, window, among);
        }
    }

    /// Place of a sample in the sorted column of a unit. O(log n).
    std::uint32_t place_of(Unit u, std::uint32_t sample) const {
        const Column view = entry(u).column;
        if constexpr (packed) {
            std::uint32_t at = 0;
            while (view.order[at] != sample) ++at;
            return at;
        } else if constexpr (keeps_sorted) {
            check(view.order, view.size);
            const std::uint32_t* at = std::find(view.order, view.order + view.size, sample);
            if (at == view.order + view.size) {
                detail::raise<FormatError>("index",
                                           "damaged: a sorted column without sample " + std::to_string(sample));
            }
            return static_cast<std::uint32_t>(at - view.order);
        } else {
            const Scalar wanted = value(source(u), sample);
            const Scalar* begin = std::lower_bound(view.values, view.values + view.size, wanted);
            const Scalar* end = std::upper_bound(begin, view.values + view.size, wanted);
            const std::uint64_t id = store_->ids[sample];
            const std::uint32_t* first = view.order + (begin - view.values);
            const std::uint32_t* last = view.order + (end - view.values);
            const auto before = [this](std::uint32_t s, std::uint64_t i) { return store_->ids[s] < i; };
            return static_cast<std::uint32_t>(std::lower_bound(first, last, id, before) - view.order);
        }
    }

    /// Samples that rectifiers (slope 0) hold at 0, and a unit's number in that table; -1 for other units.
    const detail::Clipped& clipped() const {
        clipped_once_.run([this] {
            const Store& recorded = *store_;
            const auto n = static_cast<std::size_t>(recorded.samples());
            clipped_ = detail::Clipped(n, clipped_units_, static_cast<std::size_t>(recorded.classes()));
            std::vector<Scalar> scratch;
            for (std::uint32_t p = 0; p < recorded.points.size(); ++p) {
                if (clipped_starts_[p] < 0) continue;
                for (std::uint32_t u = 0; u < recorded.points[p].units.size(); ++u) {
                    clipped_.add<Scalar>(static_cast<std::size_t>(clipped_number({p, u})),
                                         recorded.values(source({p, u}), 0, scratch), recorded.labels);
                }
            }
            bytes_ += clipped_.bytes();
        });
        return clipped_;
    }
    std::ptrdiff_t clipped_number(Unit u) const noexcept {
        return clipped_starts_[u.point] < 0 ? -1 : clipped_starts_[u.point] + static_cast<std::ptrdiff_t>(u.unit);
    }

    /// Builds every structure now. Returns false if the callback cancelled; what was built stays.
    bool build(int threads = 0, const ProgressCallback& progress = {}) const {
        const auto tasks = static_cast<Index>(units());
        std::vector<detail::RadixScratch<Scalar>> scratch(
            static_cast<std::size_t>(detail::thread_count(threads, tasks)));
        return detail::parallel_for(
            tasks, threads,
            [&](Index task, int worker) {
                const Unit u = unit(static_cast<std::size_t>(task));
                if (store_->points[u.point].dimensions() > 1) {
                    tree(u);
                } else {
                    built(u, &scratch[static_cast<std::size_t>(worker)]);
                }
            },
            [&](Index done) {
                return !progress ||
                       progress({static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(tasks), "indexing"});
            });
    }

    /// Bytes of what has been built so far.
    std::size_t bytes() const noexcept { return bytes_.load(); }

private:
    struct alignas(64) Slot {  // what a query reads is in its first lines
        mutable detail::Once locator_once, column_once;
        mutable Column view;
        mutable std::optional<Locator> locator;
        mutable std::unique_ptr<ChannelTree<Scalar>> tree;  ///< of a neuron in several dimensions, in place of both
    };

    const Slot& slot(Unit u) const noexcept { return slots_[starts_[u.point] + u.unit]; }

    Unit unit(std::size_t number) const {
        std::uint32_t point = 0;
        while (starts_[point + 1] <= number) ++point;
        return {point, static_cast<std::uint32_t>(number - starts_[point])};
    }

    /// The unit whose sorted column this one uses.
    Unit source(Unit u) const noexcept {
        const bool shares = derivations_[u.point].negative_slope.has_value();
        return shares ? Unit{static_cast<std::uint32_t>(store_->points[u.point].derived_from), u.unit} : u;
    }

    /// What the store has of the unit's index, or what was packed here.
    auto stored_column([[maybe_unused]] Unit u) const {
        if constexpr (packed) {
            if (!store_->points[u.point].stored()) return packed_[starts_[u.point] + u.unit][0];
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
    Column column(Unit u, detail::RadixScratch<Scalar>* scratch) const {
        const auto n = static_cast<std::size_t>(store_->samples());
        if constexpr (packed) {
            if (!store_->points[u.point].stored()) slot(u).column_once.run([&] { pack(u, scratch); });
            const PackedColumn<Scalar> ready = stored_column(u);
            return {ready.values, ready.order, n};
        } else {
            if (const auto stored = stored_column(u); !stored.empty()) return {stored.values, stored.order, n};
            Scalar* values = values_[u.point].data() + u.unit * n;
            std::uint32_t* order = order_[u.point].data() + u.unit * n;
            slot(u).column_once.run([&] {
                sort(u, values, order, scratch);
                bytes_ += n * (sizeof(Scalar) + sizeof(std::uint32_t));
            });
            return {values, order, n};
        }
    }

    void pack(Unit u, detail::RadixScratch<Scalar>* scratch) const {
        std::vector<Scalar> values(static_cast<std::size_t>(store_->samples()));
        std::vector<std::uint32_t> order(values.size());
        sort(u, values.data(), order.data(), scratch);
        PackedColumns<Scalar> one(values.size());
        one.add(values, order);
        one.finish();
        bytes_ += one.bytes();
        packed_[starts_[u.point] + u.unit] = std::move(one);
    }

    void sort(Unit u, Scalar* values, std::uint32_t* order, detail::RadixScratch<Scalar>* scratch) const {
        detail::RadixScratch<Scalar> own;
        auto& buffers = scratch != nullptr ? *scratch : own;
        const Point& point = store_->points[u.point];
        std::vector<Scalar> loaded;
        if (point.stored()) {
            sort_column<Scalar>(store_->values(u, 0, loaded), store_->by_id(), values, order, buffers);
        } else {
            const auto in = store_->values({static_cast<std::uint32_t>(point.derived_from), u.unit}, 0, loaded);
            std::vector<Scalar> out(in.size());
            derivations_[u.point].apply(derivations_[u.point].layer, in.data(), out.data(), std::ssize(in));
            sort_column<Scalar>(out, store_->by_id(), values, order, buffers);
        }
    }

    /// Where the values above 0 begin.
    static std::uint32_t positives(const Column& column) {
        return detail::gallop_up(0, column.size, [&column](std::uint32_t i) { return column.values[i] > Scalar(0); });
    }

    /// From the levels in the store, from the locator of the column it shares, or from the column.
    void make_locator(Unit u, Unit from, detail::RadixScratch<Scalar>* scratch) const {
        const Slot& s = slot(u);
        if constexpr (std::constructible_from<Locator, const Column&, std::span<const Scalar>>) {
            if (const auto stored = stored_column(from); !stored.empty()) {
                s.locator.emplace(s.view, stored.levels);
                return;
            }
        }
        if constexpr (std::constructible_from<Locator, const Column&, const Locator&>) {
            if (from != u) {
                s.locator.emplace(s.view, *built(from, scratch).locator);
                return;
            }
        }
        if constexpr (!packed) {
            check(s.view.values, s.view.size);
            s.locator.emplace(s.view);
        }
    }

    const Slot& built(Unit u, detail::RadixScratch<Scalar>* scratch) const {
        const Slot& s = slot(u);
        s.locator_once.run([&] {
            const Unit from = source(u);
            s.view = column(from, scratch);
            s.view.slope = derivations_[u.point].negative_slope.value_or(Scalar(1));
            make_locator(u, from, scratch);
            bytes_ += s.locator->bytes();
            if (s.view.slope == Scalar(0)) {
                s.view.clipped = positives(s.view);
                const std::uint32_t edge = s.view.clipped > 0 ? s.view.clipped - 1 : 0;
                if constexpr (!packed) check(s.view.values + edge, std::min(2U, s.view.size - edge));
            }
        });
        return s;
    }

    std::shared_ptr<const Store> store_;
    std::vector<Derivation<Scalar>> derivations_;
    std::shared_ptr<const void> owner_;
    mutable std::vector<detail::Pages<Scalar>>
        values_;  ///< one a point: unit after unit; empty where another's is shared
    mutable std::vector<detail::Pages<std::uint32_t>> order_;
    mutable std::vector<PackedColumns<Scalar>> packed_;  ///< one a unit, of those that the store has not
    std::vector<std::size_t> starts_;                    ///< number of the first unit of each point
    std::unique_ptr<Slot[]> slots_;
    std::vector<std::ptrdiff_t> clipped_starts_;  ///< number of a rectifier's first unit in the table; -1: no rectifier
    std::size_t clipped_units_ = 0;
    mutable detail::Once clipped_once_;
    mutable detail::Clipped clipped_;
    mutable std::atomic<std::size_t> bytes_{0};
};

}  // namespace renn::inline RENN_ABI
