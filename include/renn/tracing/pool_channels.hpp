// SPDX-License-Identifier: MIT
// renn/tracing/pool_channels.hpp - the few values that stand for a channel.
#pragma once

#include <algorithm>

#include <renn/core/batch.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI {

/// Pools the recorded channels of a point into its cells: cell i of n over m rows takes rows [i m / n, (i + 1) m / n),
/// rounded outwards, so cells of uneven images overlap by a row (PyTorch's adaptive pooling).
///
/// Shapes   block: width of the point x n, out: columns of the point x n, channel after channel, cell after cell.
/// Numbers  each cell is summed in row-major order, so a sample's values depend on nothing else.
template <class S>
void pool_channels(const Point& point, const BatchView<S>& block, Batch<S>& out) {
    detail::reshape(out, point.columns(), block.cols());
    const Shape& in = point.shape;
    const Shape& cells = point.cells;
    const auto begin = [](Index i, Index n, Index m) { return i * m / n; };
    const auto end = [](Index i, Index n, Index m) { return ((i + 1) * m + n - 1) / n; };
    for (Index j = 0; j < block.cols(); ++j) {
        const S* sample = block.col(j).data();
        S* to = out.col(j).data();
        for (const std::uint32_t channel : point.units) {
            const S* image = sample + static_cast<Index>(channel) * in.positions();
            for (Index cy = 0; cy < cells.height; ++cy) {
                for (Index cx = 0; cx < cells.width; ++cx) {
                    const Index top = begin(cy, cells.height, in.height), bottom = end(cy, cells.height, in.height);
                    const Index left = begin(cx, cells.width, in.width), right = end(cx, cells.width, in.width);
                    S sum = 0, highest = image[top * in.width + left];
                    for (Index y = top; y < bottom; ++y) {
                        for (Index x = left; x < right; ++x) {
                            const S value = image[y * in.width + x];
                            sum += value;
                            highest = std::max(highest, value);
                        }
                    }
                    *to++ = point.pool == Pool::max ? highest : sum / static_cast<S>((bottom - top) * (right - left));
                }
            }
        }
    }
}

}  // namespace renn::inline RENN_ABI
