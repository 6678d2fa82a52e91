// SPDX-License-Identifier: MIT
// renn/index/neuron_index.hpp - one search structure a neuron, built when it is first asked.
#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/parallel.hpp>
#include <renn/core/progress.hpp>
#include <renn/index/column.hpp>
#include <renn/index/window.hpp>
#include <renn/tracing/derivation.hpp>
#include <renn/tracing/memory_store.hpp>

namespace renn {

/// An index policy says how the place of a value among sorted values is found: KdTree, Sorted, or your own.
/// `position` returns how many values are below the query; `prefetch` may ask for memory ahead of it.
template <class P, class S>
concept IndexPolicy = requires(const typename P::template Locator<S>& l, const ColumnView<S>& column, double query) {
    { P::name } -> std::convertible_to<std::string_view>;
    typename P::template Locator<S>;
    requires std::constructible_from<typename P::template Locator<S>, const ColumnView<S>&>;
    { l.position(column, query) } -> std::same_as<std::uint32_t>;
    l.prefetch(column, query);
    { l.bytes() } -> std::convertible_to<std::size_t>;
};

/// The sorted values of every recorded neuron, over a store that does not change any more. A post-activation that keeps
/// the order of its pre-activation shares its sorted column; any other gets one over the recomputed values.
/// Threads   const members may run on several threads at once; a structure is built once, by whoever needs it first.
template <class Store, class Policy>
class NeuronIndex {
public:
    using Scalar = typename Store::Scalar;
    static_assert(IndexPolicy<Policy, Scalar>, "renn: this type is not an index policy (index/neuron_index.hpp)");
    using Locator = typename Policy::template Locator<Scalar>;
    static constexpr std::string_view policy_name = Policy::name;

    /// `owner` keeps alive what the derivations point to.
    NeuronIndex(std::shared_ptr<const Store> store, std::vector<Derivation<Scalar>> derivations,
                std::shared_ptr<const void> owner)
        : store_(std::move(store)), derivations_(std::move(derivations)), owner_(std::move(owner)) {
        starts_.push_back(0);
        for (const Point& point : store_->points) starts_.push_back(starts_.back() + point.units.size());
        slots_ = std::make_unique<Slot[]>(starts_.back());
    }

    const Store& store() const noexcept { return *store_; }
    std::size_t units() const noexcept { return starts_.back(); }

    struct Entry {
        ColumnView<Scalar> column;
        const Locator* locator;
    };

    /// The sorted column of a unit and what finds places in it. O(n) the first time.
    Entry entry(Unit u) const {
        const Slot& slot = built(u, nullptr);
        return {slot.view, &*slot.locator};
    }

    /// Value of a sample at a unit, recomputed where it is not stored.
    Scalar value(Unit u, std::uint32_t sample) const {
        const Point& point = store_->points[u.point];
        if (point.stored()) return store_->values(u)[sample];
        const Scalar in = store_->values({static_cast<std::uint32_t>(point.derived_from), u.unit})[sample];
        Scalar out;
        derivations_[u.point].apply(derivations_[u.point].layer, &in, &out, 1);
        return out;
    }

    /// Place of a sample in the sorted column of a unit. O(log n).
    std::uint32_t place_of(Unit u, std::uint32_t sample) const {
        const Slot& slot = built(u, nullptr);
        const ColumnView<Scalar>& view = slot.view;
        const bool shared = slot.column.values.empty() && view.size > 0;
        const Scalar wanted = shared ? store_->values({source(u).point, u.unit})[sample] : value(u, sample);
        const Scalar* begin = std::lower_bound(view.values, view.values + view.size, wanted);
        const Scalar* end = std::upper_bound(begin, view.values + view.size, wanted);
        const std::uint64_t id = store_->ids[sample];
        const std::uint32_t* first = view.order + (begin - view.values);
        const std::uint32_t* last = view.order + (end - view.values);
        return static_cast<std::uint32_t>(
            std::lower_bound(first, last, id, [this](std::uint32_t s, std::uint64_t i) { return store_->ids[s] < i; }) -
            view.order);
    }

    /// Builds every structure now. Returns false if the callback cancelled; what was built stays.
    bool build(int threads = 0, const ProgressCallback& progress = {}) const {
        const auto tasks = static_cast<Index>(units());
        std::vector<detail::RadixScratch<Scalar>> scratch(
            static_cast<std::size_t>(detail::thread_count(threads, tasks)));
        return detail::parallel_for(tasks, threads, [&](Index task, int worker) {
            built(unit(static_cast<std::size_t>(task)), &scratch[static_cast<std::size_t>(worker)]);
        }, [&](Index done) {
            return !progress || progress({static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(tasks),
                                          "indexing"});
        });
    }

    /// Bytes of what has been built so far.
    std::size_t bytes() const noexcept { return bytes_.load(); }

private:
    struct Slot {
        mutable std::once_flag column_once, locator_once;
        mutable SortedColumn<Scalar> column;  ///< empty where another unit's is shared
        mutable ColumnView<Scalar> view;
        mutable std::optional<Locator> locator;
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

    const SortedColumn<Scalar>& column(Unit u, detail::RadixScratch<Scalar>* scratch) const {
        const Slot& s = slot(u);
        std::call_once(s.column_once, [&] {
            detail::RadixScratch<Scalar> own;
            auto& buffers = scratch != nullptr ? *scratch : own;
            const Point& point = store_->points[u.point];
            if (point.stored()) {
                s.column = SortedColumn<Scalar>::of(store_->values(u), store_->by_id(), buffers);
            } else {
                const auto in = store_->values({static_cast<std::uint32_t>(point.derived_from), u.unit});
                std::vector<Scalar> out(in.size());
                derivations_[u.point].apply(derivations_[u.point].layer, in.data(), out.data(), std::ssize(in));
                s.column = SortedColumn<Scalar>::of(out, store_->by_id(), buffers);
            }
            bytes_ += s.column.values.size() * (sizeof(Scalar) + sizeof(std::uint32_t));
        });
        return s.column;
    }

    const Slot& built(Unit u, detail::RadixScratch<Scalar>* scratch) const {
        const Slot& s = slot(u);
        std::call_once(s.locator_once, [&] {
            const SortedColumn<Scalar>& sorted = column(source(u), scratch);
            s.view = ColumnView<Scalar>(sorted, derivations_[u.point].negative_slope.value_or(Scalar(1)));
            s.locator.emplace(s.view);
            bytes_ += s.locator->bytes();
        });
        return s;
    }

    std::shared_ptr<const Store> store_;
    std::vector<Derivation<Scalar>> derivations_;
    std::shared_ptr<const void> owner_;
    std::vector<std::size_t> starts_;  ///< number of the first unit of each point
    std::unique_ptr<Slot[]> slots_;
    mutable std::atomic<std::size_t> bytes_{0};
};

}  // namespace renn
