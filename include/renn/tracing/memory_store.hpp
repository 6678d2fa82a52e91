// SPDX-License-Identifier: MIT
// renn/tracing/memory_store.hpp - what recording leaves, in memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/tracing/encoding.hpp>
#include <renn/tracing/pages.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/recorded_samples.hpp>

namespace renn::inline RENN_ABI {

/// The activation store: one block of values a stored point, unit after unit, each unit's values in sample order.
/// Beside it what is known of each sample. A plain value; samples are addressed by position here, by id outside.
/// Values are kept as they are, or as an encoding of tracing/reduced.hpp makes them; then they are decoded when asked
/// for, and a query is rounded as its own sample was.
template <class S, class E = Exact>
class MemoryStore : public RecordedSamples<S> {
public:
    using Encoding = E;
    using Code = typename E::template Code<S>;  ///< what a value is kept as
    using RecordedSamples<S>::points;
    using RecordedSamples<S>::samples;

    MemoryStore() = default;
    explicit MemoryStore(RecordedSamples<S> known) : RecordedSamples<S>(std::move(known)) {}

    /// Values of a unit in sample order; the point must be a stored one. Of a channel in several dimensions, those of
    /// one of them.
    std::span<const S> values(Unit u, Index dimension = 0) const noexcept requires(is_exact<E>) {
        return {column(u.point, column_of(u, dimension)), static_cast<std::size_t>(samples())};
    }

    /// The same as every store has it: one that keeps them in another form fills `scratch` and returns that.
    std::span<const S> values(Unit u, Index dimension, std::vector<S>& scratch) const {
        if constexpr (is_exact<E>) {
            return values(u, dimension);
        } else {
            const Index at = column_of(u, dimension);
            scratch.resize(static_cast<std::size_t>(samples()));
            E::decode(column(u.point, at), scratch.data(), samples(), range(u.point, at, 0));
            return scratch;
        }
    }
    S value(Unit u, Index dimension, Index sample) const noexcept {
        const Index at = column_of(u, dimension);
        S result;
        E::decode(column(u.point, at) + sample, &result, 1, range(u.point, at, sample));
        return result;
    }

    /// Rounds one sample's recorded values at a point as those in the store are rounded.
    void as_stored(std::size_t point, std::span<S> values_of_one_sample) const requires(!is_exact<E>) {
        round_trip<E>(values_of_one_sample, range(point, 0, 0));
    }

    /// How far a value may be from the one that was recorded.
    double error_bound(Unit u, Index dimension, Index sample) const noexcept {
        if constexpr (E::ranged == Ranged::none) {
            return E::error_bound(value(u, dimension, sample));
        } else {
            return E::error_bound(S(), *range(u.point, column_of(u, dimension), sample));
        }
    }

    /// Where recording writes a column, unit after unit and dimension after dimension; room for `capacity` samples.
    Code* column(std::size_t point, Index column) noexcept {
        return blocks_[point].data() + static_cast<std::size_t>(column * stride_);
    }
    const Code* column(std::size_t point, Index column) const noexcept {
        return blocks_[point].data() + static_cast<std::size_t>(column * stride_);
    }
    /// That of a column, or of a sample; null where the encoding needs none.
    const ValueRange<S>* range(std::size_t point, [[maybe_unused]] Index column,
                               [[maybe_unused]] Index sample) const noexcept {
        if constexpr (E::ranged == Ranged::none) {
            return nullptr;
        } else {
            return ranges_[point].data() + (E::ranged == Ranged::unit ? column : sample);
        }
    }
    /// Of a point: one a column, or one a sample; empty where the encoding needs none.
    std::vector<ValueRange<S>>& ranges(std::size_t point) noexcept { return ranges_[point]; }
    Index capacity() const noexcept { return capacity_; }
    /// From a column to the next: long ones begin with a cache line.
    Index stride() const noexcept { return stride_; }
    static Index stride_of(Index capacity) noexcept {
        constexpr Index line = 64 / static_cast<Index>(sizeof(Code)), is_long = 4096;
        return capacity < is_long ? capacity : (capacity + line - 1) / line * line;
    }

    /// Makes room for more samples, keeping the first `filled` of every unit.
    void reserve(Index capacity, Index filled) {
        const Index stride = stride_of(capacity);
        std::vector<Pages> larger(points.size());
        ranges_.resize(points.size());
        for (std::size_t p = 0; p < points.size(); ++p) {
            if (!points[p].stored()) continue;
            larger[p] = Pages(static_cast<std::size_t>(points[p].columns() * stride));
            for (Index u = 0; u < points[p].columns() && filled > 0; ++u) {
                std::copy_n(column(p, u), filled, larger[p].data() + static_cast<std::size_t>(u * stride));
            }
            if constexpr (E::ranged == Ranged::unit) ranges_[p].resize(static_cast<std::size_t>(points[p].columns()));
            if constexpr (E::ranged == Ranged::sample) ranges_[p].resize(static_cast<std::size_t>(capacity));
        }
        blocks_ = std::move(larger);
        capacity_ = capacity;
        stride_ = stride;
    }

    /// Gives up the values of a point, which are kept elsewhere from now on.
    void release(std::size_t point) { blocks_[point] = Pages(); }

    std::size_t bytes() const noexcept {
        std::size_t total = 0;
        for (const Pages& block : blocks_) total += block.size() * sizeof(Code);
        for (const auto& ranges : ranges_) total += ranges.size() * sizeof(ValueRange<S>);
        return total;
    }

private:
    using Pages = detail::Pages<Code>;

    Index column_of(Unit u, Index dimension) const noexcept {
        return static_cast<Index>(u.unit) * points[u.point].dimensions() + dimension;
    }

    std::vector<Pages> blocks_;  ///< one a point, empty for derived ones
    std::vector<std::vector<ValueRange<S>>> ranges_;
    Index capacity_ = 0;
    Index stride_ = 0;
};

}  // namespace renn::inline RENN_ABI
