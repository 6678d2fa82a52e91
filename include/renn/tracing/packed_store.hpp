// SPDX-License-Identifier: MIT
// renn/tracing/packed_store.hpp - a recording in memory that keeps every neuron's values sorted and in few bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/index/column.hpp>
#include <renn/index/packed_column.hpp>
#include <renn/index/radix_sort.hpp>
#include <renn/tracing/encoding.hpp>
#include <renn/tracing/memory_store.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/recorded_samples.hpp>

namespace renn::inline RENN_ABI {

/// A SortedStore in little more than half its bytes: about 4.4 a value in float with the index, where that takes 8.1
/// and a MemoryStore with its index 12; in double 8. Nothing is lost: every answer is the same, bit by bit. What is
/// saved is what neighbours in a sorted column have in common, and the upper bits of sample positions
/// (index/packed_column.hpp), so the fewer distinct values, the fewer bytes.
/// `trace<Sorted, PackedStore>(net)`, or `trace<Sorted>(net, PackedStore(std::move(store)))`; other index policies need
/// arrays. A retrace takes twice as long; what asks for values by sample pays as in a SortedStore. Channels
/// in several dimensions stay as they are.
/// Threads   const members may run on several threads at once.
template <class S>
class PackedStore : public RecordedSamples<S> {
public:
    using Encoding = Exact;
    using RecordedSamples<S>::points;
    using RecordedSamples<S>::samples;

    PackedStore() = default;

    /// Takes a recording over, place by place.
    /// Throws   DataError if a value is not finite.
    /// Cost     O(n) a column; memory of the recording, of the result and, for a moment, of the largest place twice.
    explicit PackedStore(MemoryStore<S> recording)
        : RecordedSamples<S>(std::move(static_cast<RecordedSamples<S>&>(recording))), unsorted_(std::move(recording)) {
        const auto n = static_cast<std::size_t>(samples());
        detail::RadixScratch<S> scratch;
        std::vector<S> ascending(n);
        std::vector<std::uint32_t> order(n);
        for (std::size_t p = 0; p < points.size(); ++p) {
            PackedColumns<S>& packed = packed_.emplace_back(n);
            if (!packs(p)) continue;
            for (std::size_t u = 0; u < points[p].units.size(); ++u) {
                const std::span<const S> values(unsorted_.column(p, static_cast<Index>(u)), n);
                sort_column<S>(values, this->by_id(), ascending.data(), order.data(), scratch);
                packed.add(ascending, order);
            }
            unsorted_.release(p);
            packed.finish();
        }
    }

    /// A unit's sorted column; empty for a channel in several dimensions.
    PackedColumn<S> packed(Unit u) const noexcept {
        return packs(u.point) ? packed_[u.point][u.unit] : PackedColumn<S>();
    }

    /// Values of a unit in sample order, put together in `scratch`. O(n).
    std::span<const S> values(Unit u, Index dimension, std::vector<S>& scratch) const {
        const auto n = static_cast<std::uint32_t>(samples());
        const PackedColumn<S> column = packed(u);
        if (column.empty()) return {unsorted(u, dimension), n};
        scratch.resize(n);
        for (std::uint32_t i = 0; i < n; ++i) scratch[column.order[i]] = column.values[i];
        return scratch;
    }
    /// O(n) for a unit that is sorted.
    S value(Unit u, Index dimension, Index sample) const noexcept {
        const PackedColumn<S> column = packed(u);
        if (column.empty()) return unsorted(u, dimension)[sample];
        std::uint32_t at = 0;
        while (column.order[at] != static_cast<std::uint32_t>(sample)) ++at;
        return column.values[at];
    }

    std::size_t bytes() const noexcept {
        std::size_t total = unsorted_.bytes();
        for (const auto& columns : packed_) total += columns.bytes();
        return total;
    }

private:
    bool packs(std::size_t p) const noexcept { return points[p].stored() && points[p].dimensions() == 1; }
    const S* unsorted(Unit u, Index dimension) const noexcept {
        return unsorted_.column(u.point, u.unit * points[u.point].dimensions() + dimension);
    }

    MemoryStore<S> unsorted_;
    std::vector<PackedColumns<S>> packed_;  ///< one a point
};

}  // namespace renn::inline RENN_ABI
