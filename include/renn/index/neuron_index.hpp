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
#include <renn/index/neuron_columns.hpp>
#include <renn/index/window.hpp>
#include <renn/tracing/derivation.hpp>
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

    using Columns = detail::NeuronColumns<Store>;
    using Column = typename Columns::Column;
    using Scratch = typename Columns::Scratch;
    static constexpr bool packed = Columns::packed, keeps_sorted = Columns::keeps_sorted;
    static_assert(!packed || std::constructible_from<Locator, const Column&, std::span<const Scalar>>,
                  "renn: packed columns are searched through their levels: use the index policy Sorted");

    /// `owner` keeps alive what the derivations point to.
    NeuronIndex(std::shared_ptr<const Store> store, std::vector<Derivation<Scalar>> derivations,
                std::shared_ptr<const void> owner)
        : columns_(std::move(store), std::move(derivations)), owner_(std::move(owner)) {
        const auto points = static_cast<std::uint32_t>(this->store().points.size());
        for (std::uint32_t p = 0; p < points; ++p) {
            const bool rectifier = columns_.slope(p) == Scalar(0);
            clipped_starts_.push_back(rectifier ? static_cast<std::ptrdiff_t>(clipped_units_) : -1);
            if (rectifier) clipped_units_ += this->store().points[p].units.size();
        }
        slots_ = std::make_unique<Slot[]>(units());
    }

    const Store& store() const noexcept { return columns_.store(); }
    std::size_t units() const noexcept { return columns_.units(); }

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
        s.once.run([&] {
            const Index dimensions = store().points[u.point].dimensions();
            std::vector<std::vector<Scalar>> kept(static_cast<std::size_t>(dimensions));
            std::vector<std::span<const Scalar>> columns;
            for (Index d = 0; d < dimensions; ++d) {
                columns.push_back(store().values(u, d, kept[static_cast<std::size_t>(d)]));
            }
            s.tree = std::make_unique<ChannelTree<Scalar>>(std::move(columns), store().by_id(), std::move(kept));
            bytes_ += s.tree->bytes();
        });
        return *s.tree;
    }

    /// Value of a sample at a unit, recomputed where it is not stored; in several dimensions, their mean.
    Scalar value(Unit u, std::uint32_t sample) const {
        const Point& point = store().points[u.point];
        if (point.dimensions() > 1) {
            Scalar sum = 0;
            for (Index d = 0; d < point.dimensions(); ++d) sum += store().value(u, d, sample);
            return sum / static_cast<Scalar>(point.dimensions());
        }
        if (point.stored()) return store().value(u, 0, sample);
        const Scalar in = store().value(columns_.derived_from(u), 0, sample);
        Scalar out;
        derive(u.point, &in, &out, 1);
        return out;
    }

    /// What a point that is not stored makes of n values of the point it is recomputed from.
    void derive(std::uint32_t point, const Scalar* in, Scalar* out, Index n) const {
        columns_.derive(point, in, out, n);
    }

    /// To be called for what was read of a column: a store that checks its bytes throws if they are not those written.
    template <class T>
    void check([[maybe_unused]] const T* from, [[maybe_unused]] std::size_t count) const {
        if constexpr (requires { store().check(from, count); }) store().check(from, count * sizeof(T));
    }

    /// The same for all that the window of a query rests on, its place included.
    void check_window([[maybe_unused]] const Entry& entry, [[maybe_unused]] double query,
                      [[maybe_unused]] std::uint32_t k, [[maybe_unused]] std::uint32_t position,
                      [[maybe_unused]] const Window& window, [[maybe_unused]] bool among) const {
        if constexpr (requires { store().check(entry.column.values, std::size_t{}); }) {
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
            const Scalar wanted = value(columns_.source(u), sample);
            const Scalar* begin = std::lower_bound(view.values, view.values + view.size, wanted);
            const Scalar* end = std::upper_bound(begin, view.values + view.size, wanted);
            const std::uint64_t id = store().ids[sample];
            const std::uint32_t* first = view.order + (begin - view.values);
            const std::uint32_t* last = view.order + (end - view.values);
            const auto before = [this](std::uint32_t s, std::uint64_t i) { return store().ids[s] < i; };
            return static_cast<std::uint32_t>(std::lower_bound(first, last, id, before) - view.order);
        }
    }

    /// Samples that rectifiers (slope 0) hold at 0, and a unit's number in that table; -1 for other units.
    const detail::Clipped& clipped() const {
        clipped_once_.run([this] {
            const Store& recorded = store();
            const auto n = static_cast<std::size_t>(recorded.samples());
            clipped_ = detail::Clipped(n, clipped_units_, static_cast<std::size_t>(recorded.classes()));
            std::vector<Scalar> scratch;
            for (std::uint32_t p = 0; p < recorded.points.size(); ++p) {
                if (clipped_starts_[p] < 0) continue;
                for (std::uint32_t u = 0; u < recorded.points[p].units.size(); ++u) {
                    clipped_.add<Scalar>(static_cast<std::size_t>(clipped_number({p, u})),
                                         recorded.values(columns_.source({p, u}), 0, scratch), recorded.labels);
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
        std::vector<Scratch> scratch(static_cast<std::size_t>(detail::thread_count(threads, tasks)));
        return detail::parallel_for(
            tasks, threads,
            [&](Index task, int worker) {
                const Unit u = columns_.unit(static_cast<std::size_t>(task));
                if (store().points[u.point].dimensions() > 1) {
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
    std::size_t bytes() const noexcept { return columns_.bytes() + bytes_.load(); }

private:
    struct alignas(64) Slot {  // what a query reads is in its first lines
        mutable detail::Once once;
        mutable Column view;
        mutable std::optional<Locator> locator;
        mutable std::unique_ptr<ChannelTree<Scalar>> tree;  ///< of a neuron in several dimensions, in place of both
    };

    const Slot& slot(Unit u) const noexcept { return slots_[columns_.number(u)]; }

    /// Where the values above 0 begin.
    static std::uint32_t positives(const Column& column) {
        return detail::gallop_up(0, column.size, [&column](std::uint32_t i) { return column.values[i] > Scalar(0); });
    }

    /// From the levels in the store, from the locator of the column it shares, or from the column.
    void make_locator(Unit u, Unit from, Scratch* scratch) const {
        const Slot& s = slot(u);
        if constexpr (std::constructible_from<Locator, const Column&, std::span<const Scalar>>) {
            if (const auto stored = columns_.stored(from); !stored.empty()) {
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

    const Slot& built(Unit u, Scratch* scratch) const {
        const Slot& s = slot(u);
        s.once.run([&] {
            const Unit from = columns_.source(u);
            s.view = columns_.column(from, scratch);
            s.view.slope = columns_.slope(u.point).value_or(Scalar(1));
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

    Columns columns_;
    std::shared_ptr<const void> owner_;
    std::unique_ptr<Slot[]> slots_;
    std::vector<std::ptrdiff_t> clipped_starts_;  ///< number of a rectifier's first unit in the table; -1: no rectifier
    std::size_t clipped_units_ = 0;
    mutable detail::Once clipped_once_;
    mutable detail::Clipped clipped_;
    mutable std::atomic<std::size_t> bytes_{0};
};

}  // namespace renn::inline RENN_ABI
