// SPDX-License-Identifier: MIT
// renn/retrace/as_stored.hpp - a query's values rounded as a store rounded those of its samples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/pool_channels.hpp>
#include <renn/tracing/store.hpp>

namespace renn::inline RENN_ABI::detail {

/// Shapes   reported: width of the point x queries; out: the same, or columns of the point x queries where channels are
///          the neurons. Rows of units that are not recorded stay as they are.
template <Rounds Store, class S = typename Store::Scalar>
void as_stored(const Store& store, std::uint32_t p, const Batch<S>& reported, Batch<S>& out) {
    const Point& point = store.points[p];
    const bool all = point.by_channel() || point.count() == point.width;
    if (point.by_channel()) {
        pool_channels<S>(point, reported, out);
    } else {
        out = reported;
    }
    std::vector<S> some(point.units.size());
    for (Index q = 0; q < out.cols(); ++q) {
        S* sample = out.data() + q * out.rows();
        if (all) {
            store.as_stored(p, std::span<S>(sample, static_cast<std::size_t>(out.rows())));
            continue;
        }
        for (std::size_t u = 0; u < some.size(); ++u) some[u] = sample[point.units[u]];
        store.as_stored(p, std::span<S>(some));
        for (std::size_t u = 0; u < some.size(); ++u) sample[point.units[u]] = some[u];
    }
}

}  // namespace renn::inline RENN_ABI::detail
