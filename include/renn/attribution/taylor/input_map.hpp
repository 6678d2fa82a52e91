// SPDX-License-Identifier: MIT
// renn/attribution/taylor/input_map.hpp - where in the input space a coefficient is large.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI {

/// A grid over two inputs.
struct InputMapOptions {
    Index bins = 30;  ///< along each input
    double low = -3.0, high = 3.0;
};

/// Means of a value over the cells of a grid.
struct InputMap {
    Batch<double> mean;   ///< bins x bins: rows along y from low to high, columns along x; NaN where no sample is
    Batch<double> count;  ///< samples in each cell
    InputMapOptions grid;
    double outside = 0.0;  ///< part of the samples that is not on the grid
};

/// Mean of `values` over samples that lie in the same cell of the plane of x and y. For |t(i)| over the inputs i and j:
/// input_map(data.row(i), data.row(j), t.samples.row(i).cwiseAbs()).
///
/// Shapes   x, y, values: one a sample, rows or columns.
/// Throws   ShapeError if they differ in number; DataError for a grid without cells.
template <class X, class Y, class V>
InputMap input_map(const Eigen::MatrixBase<X>& x, const Eigen::MatrixBase<Y>& y, const Eigen::MatrixBase<V>& values,
                   const InputMapOptions& grid = {}) {
    if (x.size() != y.size() || x.size() != values.size()) {
        detail::raise<ShapeError>(
            "input_map", "x, y and values",
            std::to_string(x.size()) + ", " + std::to_string(y.size()) + " and " + std::to_string(values.size()),
            "as many of each");
    }
    if (grid.bins < 1 || !(grid.low < grid.high)) {
        detail::raise<DataError>(
            "input_map", "grid",
            std::to_string(grid.bins) + " bins from " + std::to_string(grid.low) + " to " + std::to_string(grid.high),
            "1 or more, upwards");
    }
    InputMap map{Batch<double>::Zero(grid.bins, grid.bins), Batch<double>::Zero(grid.bins, grid.bins), grid, 0.0};
    const auto cell = [&](double value) {
        const double place = (value - grid.low) / (grid.high - grid.low) * static_cast<double>(grid.bins);
        if (!(place >= 0.0 && place <= static_cast<double>(grid.bins))) return Index{-1};
        return std::min(static_cast<Index>(place), grid.bins - 1);
    };
    for (Index s = 0; s < x.size(); ++s) {
        const Index column = cell(static_cast<double>(x.derived().coeff(s)));
        const Index row = cell(static_cast<double>(y.derived().coeff(s)));
        if (row < 0 || column < 0) {
            map.outside += 1.0 / static_cast<double>(x.size());
            continue;
        }
        map.mean(row, column) += static_cast<double>(values.derived().coeff(s));
        map.count(row, column) += 1.0;
    }
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    map.mean = (map.count.array() > 0.0).select(map.mean.array() / map.count.array(), none);
    return map;
}

}  // namespace renn::inline RENN_ABI
