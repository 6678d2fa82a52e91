// SPDX-License-Identifier: MIT
// renn/core/batch.hpp - the matrix vocabulary: one sample per column.
#pragma once

#include <Eigen/Core>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI {

/// Sizes and positions, signed as Eigen's.
using Index = Eigen::Index;
/// A size that only run time knows.
inline constexpr Index Dynamic = Eigen::Dynamic;

/// features x samples, column-major: a sample's features lie side by side.
template <class S>
using Batch = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic>;

/// Any column-major matrix, block or map of S without a copy; other expressions are evaluated into it.
template <class S>
using BatchView = Eigen::Ref<const Batch<S>>;

/// One sample, or one value a feature.
template <class S>
using Column = Eigen::Matrix<S, Eigen::Dynamic, 1>;

namespace detail {

/// Resizes only when the shape changes, so a buffer that is used again allocates nothing.
template <class S>
void reshape(Batch<S>& m, Index rows, Index cols) {
    if (m.rows() != rows || m.cols() != cols) m.resize(rows, cols);
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
