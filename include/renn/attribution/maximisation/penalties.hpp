// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/penalties.hpp - what a picture should have little of; to be subtracted.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <renn/attribution/maximisation/objective.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/shape.hpp>

namespace renn::inline RENN_ABI::maximisation {

/// ||x - centre||^2. Usual weight 1e-4.
struct SquaredNorm {
    double centre = 0.0;

    /// See Target.
    template <class S>
    void operator()(const BatchView<S>& x, Column<S>& value, Batch<S>& slope) const {
        detail::shape_target<S>(x, value, slope);
        slope = x.array() - static_cast<S>(centre);
        value = slope.colwise().squaredNorm().transpose();
        slope *= S(2);
    }
};

/// sum |x - centre|.
struct AbsoluteSum {
    double centre = 0.0;

    /// See Target. At the centre the slope is 0.
    template <class S>
    void operator()(const BatchView<S>& x, Column<S>& value, Batch<S>& slope) const {
        detail::shape_target<S>(x, value, slope);
        slope = x.array() - static_cast<S>(centre);
        value = slope.cwiseAbs().colwise().sum().transpose();
        slope = slope.cwiseSign();
    }
};

/// How far values are outside a box, squared and summed; with low = -high a bound on the largest absolute value.
struct OutsideBox {
    double low = 0.0, high = 1.0;

    /// See Target.
    template <class S>
    void operator()(const BatchView<S>& x, Column<S>& value, Batch<S>& slope) const {
        detail::shape_target<S>(x, value, slope);
        slope = x - x.cwiseMax(static_cast<S>(low)).cwiseMin(static_cast<S>(high));
        value = slope.colwise().squaredNorm().transpose();
        slope *= S(2);
    }
};

/// The sum of the differences d between pixels side by side and one above the other, each sqrt(d^2 + 1e-8), or if
/// `squared` d^2, for smooth changes. Usual weight 1e-3.
struct TotalVariation {
    Shape shape;
    bool squared = false;

    /// See Target.
    template <class S>
    void operator()(const BatchView<S>& x, Column<S>& value, Batch<S>& slope) const {
        detail::require_shape("total_variation", "picture", x, shape.size(), x.cols());
        detail::shape_target<S>(x, value, slope);
        slope.setZero();
        for (Index j = 0; j < x.cols(); ++j) {
            S sum = 0;
            const auto pair = [&](Index from, Index to) {
                const S d = x(to, j) - x(from, j);
                const S size = squared ? d * d : std::sqrt(d * d + S(1e-8));
                const S by = squared ? S(2) * d : d / size;
                sum += size;
                slope(to, j) += by;
                slope(from, j) -= by;
            };
            for (Index c = 0; c < shape.channels; ++c) {
                for (Index r = 0; r < shape.height; ++r) {
                    for (Index w = 0; w < shape.width; ++w) {
                        const Index at = shape.at(c, r, w);
                        if (w + 1 < shape.width) pair(at, at + 1);
                        if (r + 1 < shape.height) pair(at, at + shape.width);
                    }
                }
            }
            value[j] = sum;
        }
    }
};

/// 1/2 ||x - blur(x)||^2 with blur(x) held fixed: weighed with k, a step of length 1 against it is
/// x <- (1 - k) x + k blur(x). The kernel is 3 x 3, twice as heavy in the middle; at the edge it is what is left of it.
/// Source   lucid, `blur_input_each_step`.
struct BlurDifference {
    Shape shape;

    /// See Target. Not the derivative of the value: what is blurred does not follow x.
    template <class S>
    void operator()(const BatchView<S>& x, Column<S>& value, Batch<S>& slope) const {
        detail::require_shape("blur_difference", "picture", x, shape.size(), x.cols());
        detail::shape_target<S>(x, value, slope);
        for (Index j = 0; j < x.cols(); ++j) {
            for (Index c = 0; c < shape.channels; ++c) {
                for (Index r = 0; r < shape.height; ++r) {
                    for (Index w = 0; w < shape.width; ++w) {
                        S sum = x(shape.at(c, r, w), j), weight = S(1);  // and once more in the loop
                        for (Index v = std::max<Index>(r - 1, 0); v < std::min(r + 2, shape.height); ++v) {
                            for (Index u = std::max<Index>(w - 1, 0); u < std::min(w + 2, shape.width); ++u) {
                                sum += x(shape.at(c, v, u), j);
                                weight += S(1);
                            }
                        }
                        const Index at = shape.at(c, r, w);
                        slope(at, j) = x(at, j) - sum / weight;
                    }
                }
            }
            value[j] = S(0.5) * slope.col(j).squaredNorm();
        }
    }
};

/// The squared difference to `centre` in the outer `width` pixels, so that nothing important stands at the edge.
struct Boundary {
    Shape shape;
    Index width = 20;
    double centre = 0.0;

    /// See Target.
    template <class S>
    void operator()(const BatchView<S>& x, Column<S>& value, Batch<S>& slope) const {
        detail::require_shape("boundary", "picture", x, shape.size(), x.cols());
        detail::shape_target<S>(x, value, slope);
        slope = x.array() - static_cast<S>(centre);
        for (Index c = 0; c < shape.channels; ++c) {
            for (Index r = width; r < shape.height - width; ++r) {
                for (Index w = width; w < shape.width - width; ++w) slope.row(shape.at(c, r, w)).setZero();
            }
        }
        value = slope.colwise().squaredNorm().transpose();
        slope *= S(2);
    }
};

/// Penalties on the picture; subtract them. On a code: on_code(SquaredNorm{}).
inline Objective<SquaredNorm> squared_norm(double centre = 0.0) {
    return on_picture(SquaredNorm{centre});
}
/// \copydoc squared_norm
inline Objective<AbsoluteSum> absolute_sum(double centre = 0.0) {
    return on_picture(AbsoluteSum{centre});
}
/// \copydoc squared_norm
inline Objective<OutsideBox> outside_box(double low, double high) {
    return on_picture(OutsideBox{low, high});
}
/// \copydoc squared_norm
inline Objective<TotalVariation> total_variation(const Shape& shape, bool squared = false) {
    return on_picture(TotalVariation{shape, squared});
}
/// \copydoc squared_norm
inline Objective<BlurDifference> blur_difference(const Shape& shape) {
    return on_picture(BlurDifference{shape});
}
/// \copydoc squared_norm
inline Objective<Boundary> boundary(const Shape& shape, Index width = 20, double centre = 0.0) {
    return on_picture(Boundary{shape, width, centre});
}

}  // namespace renn::inline RENN_ABI::maximisation
