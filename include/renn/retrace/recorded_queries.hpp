// SPDX-License-Identifier: MIT
// renn/retrace/recorded_queries.hpp - recorded samples as queries: their values from the store, not from a forward
// pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI::detail {

/// What recorded samples had at a point, laid out as a model reports it: width of the point x samples, 0 for units that
/// are not recorded; columns of the point x samples where channels are the neurons.
/// Cost   a look at each value; samples side by side in the store are side by side in memory.
template <class NeuronIndex, class S = typename NeuronIndex::Scalar>
void recorded_values(const NeuronIndex& index, std::uint32_t p, std::span<const std::uint32_t> positions,
                     Batch<S>& out) {
    const auto& store = index.store();
    const Point& point = store.points[p];
    const std::uint32_t from = point.stored() ? p : static_cast<std::uint32_t>(point.derived_from);
    const bool channels = store.points[from].by_channel();
    const Index dimensions = store.points[from].dimensions();
    out.setZero(channels ? store.points[from].columns() : point.width, static_cast<Index>(positions.size()));
    for (std::uint32_t u = 0; u < point.units.size(); ++u) {
        for (Index d = 0; d < dimensions; ++d) {
            const Index row = channels ? static_cast<Index>(u) * dimensions + d : static_cast<Index>(point.units[u]);
            for (std::size_t q = 0; q < positions.size(); ++q) {
                out(row, static_cast<Index>(q)) = store.value({from, u}, d, static_cast<Index>(positions[q]));
            }
        }
    }
    if (from != p) index.derive(p, out.data(), out.data(), out.size());
}

}  // namespace renn::inline RENN_ABI::detail
