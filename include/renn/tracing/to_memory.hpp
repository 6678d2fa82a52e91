// SPDX-License-Identifier: MIT
// renn/tracing/to_memory.hpp - any store as one in memory, encoded if wanted.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/tracing/encoding.hpp>
#include <renn/tracing/memory_store.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/recorded_samples.hpp>
#include <renn/tracing/store.hpp>

namespace renn::inline RENN_ABI {

namespace detail {

/// From the smallest to the largest of some values.
template <class S>
ValueRange<S> range_of(std::span<const S> values) {
    if (values.empty()) return {};
    const auto [lowest, largest] = std::minmax_element(values.begin(), values.end());
    return ValueRange<S>::of(*lowest, *largest);
}

/// Smallest and largest value of each sample at a point.
template <class Source, class S = typename Source::Scalar>
std::vector<ValueRange<S>> ranges_of_samples(const Source& source, std::uint32_t p, std::vector<S>& scratch) {
    std::vector<S> lowest, largest;
    for (std::uint32_t u = 0; u < source.points[p].units.size(); ++u) {
        for (Index d = 0; d < source.points[p].dimensions(); ++d) {
            const std::span<const S> values = source.values({p, u}, d, scratch);
            if (lowest.empty()) {
                lowest.assign(values.begin(), values.end());
                largest = lowest;
            }
            for (std::size_t s = 0; s < values.size(); ++s) {
                lowest[s] = std::min(lowest[s], values[s]);
                largest[s] = std::max(largest[s], values[s]);
            }
        }
    }
    std::vector<ValueRange<S>> ranges(static_cast<std::size_t>(source.samples()));
    for (std::size_t s = 0; s < lowest.size(); ++s) ranges[s] = ValueRange<S>::of(lowest[s], largest[s]);
    return ranges;
}

}  // namespace detail

/// to_memory(store): a copy in memory of any store. to_memory<Float16>(store): its values encoded, the same as if they
/// had been recorded so.
///
/// Throws   DataError naming unit and sample of a value that the encoding cannot keep.
/// Cost     every value read once, twice with ranges of samples; at most a column more memory than the result has.
template <class E = Exact, class Source>
MemoryStore<typename Source::Scalar, E> to_memory(const Source& source) {
    static_assert(Encoding<E, typename Source::Scalar>, "renn: this type is not an encoding (tracing/encoding.hpp)");
    static_assert(!is_exact<E> || !detail::Reduced<Source>,
                  "renn: this store keeps fewer bits; name its encoding: to_memory<Float16>(store)");
    using S = typename Source::Scalar;
    MemoryStore<S, E> store(detail::known_at(source, detail::all_positions(source)));
    const Index n = store.samples();
    store.reserve(n, 0);
    std::vector<S> scratch;
    for (std::uint32_t p = 0; p < store.points.size(); ++p) {
        const Point& point = store.points[p];
        if (!point.stored()) continue;
        if constexpr (E::ranged == Ranged::sample) store.ranges(p) = detail::ranges_of_samples(source, p, scratch);
        const ValueRange<S>* range = store.ranges(p).data();
        for (std::uint32_t u = 0; u < point.units.size(); ++u) {
            for (Index d = 0; d < point.dimensions(); ++d) {
                const std::span<const S> values = source.values({p, u}, d, scratch);
                const Index column = static_cast<Index>(u) * point.dimensions() + d;
                if constexpr (E::ranged == Ranged::unit) {
                    range = store.ranges(p).data() + column;
                    if (n > 0) {
                        const auto [lowest, largest] = std::minmax_element(values.begin(), values.end());
                        store.ranges(p)[static_cast<std::size_t>(column)] = ValueRange<S>::of(*lowest, *largest);
                    }
                }
                if (!E::encode(values.data(), store.column(p, column), n, range)) {
                    detail::refuse<E, S>("to_memory", point, column, values, range, store.ids);
                }
            }
        }
    }
    return store;
}

}  // namespace renn::inline RENN_ABI
