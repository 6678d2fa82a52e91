// SPDX-License-Identifier: MIT
// renn/attribution/reduce.hpp - scores of images as one number a pixel or a channel.
#pragma once

#include <cstdint>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/shape.hpp>

namespace renn::inline RENN_ABI {

/// What becomes of several scores: their sum, their mean, the greatest magnitude, the root of the sum of squares.
enum class Reduction : std::uint8_t { sum, mean, greatest_magnitude, norm };

namespace detail {

template <class To, class Scores>
void reduce_rows(const Scores& scores, Reduction how, To&& to) {
    switch (how) {
        case Reduction::sum:
            to = scores.colwise().sum().transpose();
            break;
        case Reduction::mean:
            to = scores.colwise().mean().transpose();
            break;
        case Reduction::greatest_magnitude:
            to = scores.cwiseAbs().colwise().maxCoeff().transpose();
            break;
        case Reduction::norm:
            to = scores.colwise().norm().transpose();
            break;
    }
}

}  // namespace detail

/// One number a pixel: positions x n of scores that are (channels, height, width) x n, over the channels.
///
/// Throws   ShapeError unless the scores are images of that shape.
template <class Derived>
Batch<typename Derived::Scalar> by_pixel(const Eigen::MatrixBase<Derived>& scores, const Shape& image,
                                         Reduction how = Reduction::sum) {
    using S = typename Derived::Scalar;
    detail::require_shape("by_pixel", "scores", scores, image.size(), scores.cols());
    Batch<S> pixels = Batch<S>::Zero(image.positions(), scores.cols());
    if (image.size() == 0) return pixels;
    for (Index j = 0; j < scores.cols(); ++j) {
        const Column<S> one = scores.col(j);
        const Eigen::Map<const Batch<S>> channels(one.data(), image.positions(), image.channels);
        detail::reduce_rows(channels.transpose(), how, pixels.col(j));
    }
    return pixels;
}

/// One number a channel, over its positions: the part of a detector, wherever it fires. Shapes and errors as by_pixel.
template <class Derived>
Batch<typename Derived::Scalar> by_channel(const Eigen::MatrixBase<Derived>& scores, const Shape& image,
                                           Reduction how = Reduction::sum) {
    using S = typename Derived::Scalar;
    detail::require_shape("by_channel", "scores", scores, image.size(), scores.cols());
    Batch<S> sums = Batch<S>::Zero(image.channels, scores.cols());
    if (image.size() == 0) return sums;
    for (Index j = 0; j < scores.cols(); ++j) {
        const Column<S> one = scores.col(j);
        const Eigen::Map<const Batch<S>> channels(one.data(), image.positions(), image.channels);
        detail::reduce_rows(channels, how, sums.col(j));
    }
    return sums;
}

}  // namespace renn::inline RENN_ABI
