// SPDX-License-Identifier: MIT
// renn/tracing/sorted_store.hpp - a recording in memory that keeps every neuron's values sorted, and only so.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/index/column.hpp>
#include <renn/index/radix_sort.hpp>
#include <renn/index/search_levels.hpp>
#include <renn/tracing/encoding.hpp>
#include <renn/tracing/memory_store.hpp>
#include <renn/tracing/pages.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/recorded_samples.hpp>
#include <renn/tracing/store.hpp>

namespace renn::inline RENN_ABI {

/// A recording and the index of its neurons in 8.1 bytes a value, in float, where a MemoryStore and its index take 12:
/// `trace<Sorted>(net, SortedStore(std::move(store)))`. Sources, evidence and profiles are the same, and as fast, since
/// queries look at sorted columns anyway. Only what asks for values by sample pays: `values` puts a column back in
/// order, `value` looks for the sample. Channels in several dimensions stay as they are.
/// Threads   const members may run on several threads at once.
template <class S>
class SortedStore : public RecordedSamples<S> {
public:
    using Encoding = Exact;
    using RecordedSamples<S>::points;
    using RecordedSamples<S>::samples;

    SortedStore() = default;

    /// Takes a recording over and sorts its columns in place.
    /// Throws   DataError if a value is not finite.
    /// Cost     O(n) a column; at most two columns more memory than the result has.
    explicit SortedStore(MemoryStore<S> recording)
        : RecordedSamples<S>(std::move(static_cast<RecordedSamples<S>&>(recording))),
          columns_(std::move(recording)),
          layout_(static_cast<std::uint32_t>(samples())) {
        const auto n = static_cast<std::size_t>(samples());
        detail::RadixScratch<S> scratch;
        std::vector<S> ascending(n);
        for (std::size_t p = 0; p < points.size(); ++p) {
            const std::size_t count = sorts(p) ? points[p].units.size() : 0;
            order_.emplace_back(count * n);
            std::vector<S>& levels = levels_.emplace_back();
            levels.reserve(count * layout_.values());
            for (std::size_t u = 0; u < count; ++u) {
                S* column = columns_.column(p, static_cast<Index>(u));
                sort_column<S>({column, n}, this->by_id(), ascending.data(), order_[p].data() + u * n, scratch);
                std::copy(ascending.begin(), ascending.end(), column);
                detail::LevelMaker<S> maker(static_cast<std::uint32_t>(n));
                maker.add(ascending);
                levels.insert(levels.end(), maker.levels().begin(), maker.levels().end());
            }
        }
    }

    /// A unit's sorted column; empty for a channel in several dimensions.
    StoredColumn<S> sorted(Unit u) const noexcept {
        if (!sorts(u.point)) return {};
        const std::size_t at = u.unit * static_cast<std::size_t>(samples());
        return {columns_.column(u.point, u.unit), order_[u.point].data() + at,
                std::span(levels_[u.point]).subspan(std::size_t{u.unit} * layout_.values(), layout_.values())};
    }

    /// Values of a unit in sample order, put together in `scratch`. O(n).
    std::span<const S> values(Unit u, Index dimension, std::vector<S>& scratch) const {
        const StoredColumn<S> column = sorted(u);
        if (column.empty()) return {unsorted(u, dimension), static_cast<std::size_t>(samples())};
        scratch.resize(static_cast<std::size_t>(samples()));
        for (std::size_t i = 0; i < scratch.size(); ++i) scratch[column.order[i]] = column.values[i];
        return scratch;
    }
    /// O(n) for a unit that is sorted.
    S value(Unit u, Index dimension, Index sample) const noexcept {
        const StoredColumn<S> column = sorted(u);
        if (column.empty()) return unsorted(u, dimension)[sample];
        const auto* at = std::find(column.order, column.order + samples(), static_cast<std::uint32_t>(sample));
        return column.values[at - column.order];
    }

    std::size_t bytes() const noexcept {
        std::size_t total = columns_.bytes();
        for (const auto& order : order_) total += order.size() * sizeof(std::uint32_t);
        for (const auto& levels : levels_) total += levels.size() * sizeof(S);
        return total;
    }

private:
    bool sorts(std::size_t p) const noexcept { return points[p].stored() && points[p].dimensions() == 1; }
    const S* unsorted(Unit u, Index dimension) const noexcept {
        return columns_.column(u.point, u.unit * points[u.point].dimensions() + dimension);
    }

    MemoryStore<S> columns_;  ///< of values alone, ascending where they are sorted
    SearchLevels layout_{0};
    std::vector<detail::Pages<std::uint32_t>> order_;  ///< one a point, unit after unit
    std::vector<std::vector<S>> levels_;
};

}  // namespace renn::inline RENN_ABI
