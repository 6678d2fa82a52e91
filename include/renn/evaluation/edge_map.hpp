// SPDX-License-Identifier: MIT
// renn/evaluation/edge_map.hpp - edges of a picture, the control for heatmaps that only find edges.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/shape.hpp>

namespace renn::inline RENN_ABI {

/// Strength of the edges of each picture: |Sobel gradient|, the greatest over channels, scaled to 0..1; 0 of a picture
/// without edges. Beyond its border a picture goes on as it ends.
///
/// Shapes   x: channels height width x n; result: height width x n.
/// Throws   ShapeError if x does not have the shape's size; DataError for a shape without pixels.
/// Source   Sobel and Feldman (1968); as a control: Adebayo et al. (2018).
template <class D>
Batch<typename D::Scalar> edge_map(const Eigen::MatrixBase<D>& x, const Shape& shape) {
    using S = typename D::Scalar;
    const Index h = shape.height, w = shape.width, area = h * w;
    if (shape.unknown() || area == 0) detail::raise<DataError>("edge_map", "shape", "no pixels", "1 or more");
    detail::require_shape("edge_map", "x", x, shape.channels * area, x.cols());
    Batch<S> edges = Batch<S>::Zero(area, x.cols());
    for (Index s = 0; s < x.cols(); ++s) {
        for (Index c = 0; c < shape.channels; ++c) {
            const auto at = [&](Index row, Index column) {
                return x(c * area + std::clamp<Index>(row, 0, h - 1) * w + std::clamp<Index>(column, 0, w - 1), s);
            };
            for (Index i = 0; i < h; ++i) {
                for (Index j = 0; j < w; ++j) {
                    const S across = at(i - 1, j + 1) + S(2) * at(i, j + 1) + at(i + 1, j + 1) - at(i - 1, j - 1) -
                                     S(2) * at(i, j - 1) - at(i + 1, j - 1);
                    const S down = at(i + 1, j - 1) + S(2) * at(i + 1, j) + at(i + 1, j + 1) - at(i - 1, j - 1) -
                                   S(2) * at(i - 1, j) - at(i - 1, j + 1);
                    S& edge = edges(i * w + j, s);
                    edge = std::max(edge, std::hypot(across, down));
                }
            }
        }
        const S low = edges.col(s).minCoeff(), range = edges.col(s).maxCoeff() - low;
        edges.col(s).array() =
            range > S(0) ? ((edges.col(s).array() - low) / range).eval() : edges.col(s).array() * S(0);
    }
    return edges;
}

/// Correlation of each picture's edges with a heatmap of it, by Pearson. Near 1 is a warning: the heatmap may show the
/// picture rather than the network. NaN where one of them is the same everywhere.
///
/// Shapes   x: channels height width x n; heatmaps: height width x n, as reduced to one value a pixel. Result: n.
/// Throws   ShapeError, DataError as edge_map.
template <class D, class H>
Column<double> edge_correlation(const Eigen::MatrixBase<D>& x, const Eigen::MatrixBase<H>& heatmaps,
                                const Shape& shape) {
    const auto edges = edge_map(x, shape);
    detail::require_shape("edge_correlation", "heatmaps", heatmaps, edges.rows(), edges.cols());
    Column<double> result(edges.cols());
    for (Index s = 0; s < edges.cols(); ++s) {
        Column<double> a = edges.col(s).template cast<double>(), b = heatmaps.col(s).template cast<double>();
        a.array() -= a.mean();
        b.array() -= b.mean();
        const double size = a.norm() * b.norm();
        result[s] = size > 0.0 ? a.dot(b) / size : std::numeric_limits<double>::quiet_NaN();
    }
    return result;
}

}  // namespace renn::inline RENN_ABI
