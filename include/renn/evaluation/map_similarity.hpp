// SPDX-License-Identifier: MIT
// renn/evaluation/map_similarity.hpp - how alike two heatmaps are, as rankings and as pictures.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/shape.hpp>
#include <renn/evaluation/similarity.hpp>

namespace renn::inline RENN_ABI {

/// How alike the maps of each sample are. NaN where a map is the same everywhere: it has no order and no pattern.
struct MapSimilarity {
    std::vector<double> spearman;         ///< of R
    std::vector<double> absolute;         ///< of |R|
    std::vector<double> scored;           ///< of R where either map is not 0: features that neither scores are ties
    std::vector<double> absolute_scored;  ///< the same of |R|
    std::vector<double> structural;       ///< SSIM of the pictures; empty without an image shape
    std::vector<double> oriented;         ///< Pearson's of histograms of oriented gradients; empty without one
};

namespace detail {

/// Mean structural similarity over all windows of 7 x 7 that fit, of two pictures in [-1, 1].
inline double structural_similarity(const Vector& a, const Vector& b, const Shape& image) {
    constexpr double c1 = 0.02 * 0.02, c2 = 0.06 * 0.06;  // (0.01 L)^2 and (0.03 L)^2 with L = 2
    const Index h = std::min<Index>(7, image.height), w = std::min<Index>(7, image.width);
    const auto n = static_cast<double>(h * w);
    double sum = 0.0, windows = 0.0;
    for (Index c = 0; c < image.channels; ++c) {
        for (Index top = 0; top + h <= image.height; ++top) {
            for (Index left = 0; left + w <= image.width; ++left) {
                double ma = 0.0, mb = 0.0, aa = 0.0, bb = 0.0, ab = 0.0;
                for (Index y = top; y < top + h; ++y) {
                    for (Index x = left; x < left + w; ++x) {
                        const double u = a[image.at(c, y, x)], v = b[image.at(c, y, x)];
                        ma += u, mb += v, aa += u * u, bb += v * v, ab += u * v;
                    }
                }
                ma /= n, mb /= n;
                const double va = aa / n - ma * ma, vb = bb / n - mb * mb, covariance = ab / n - ma * mb;
                sum += (2.0 * ma * mb + c1) * (2.0 * covariance + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
                windows += 1.0;
            }
        }
    }
    return sum / windows;
}

/// f(position, slope to the right, slope downwards) of a picture, all channels summed, by central differences; the
/// border repeats.
template <class F>
void each_slope(const Vector& v, const Shape& image, F&& f) {
    const auto pixel = [&](Index y, Index x) {
        double sum = 0.0;
        for (Index c = 0; c < image.channels; ++c) {
            sum += v[image.at(c, std::clamp<Index>(y, 0, image.height - 1), std::clamp<Index>(x, 0, image.width - 1))];
        }
        return sum;
    };
    for (Index y = 0; y < image.height; ++y) {
        for (Index x = 0; x < image.width; ++x) {
            f(y * image.width + x, pixel(y, x + 1) - pixel(y, x - 1), pixel(y + 1, x) - pixel(y - 1, x));
        }
    }
}

/// Histograms of unsigned orientation, 8 bins in cells of 4 x 4 pixels, weighted by slope, of length 1 in all.
inline Vector oriented_gradients(const Vector& v, const Shape& image) {
    constexpr Index bins = 8, cell = 4;
    const Index across = (image.width + cell - 1) / cell, down = (image.height + cell - 1) / cell;
    Vector histogram = Vector::Zero(across * down * bins);
    each_slope(v, image, [&](Index p, double dx, double dy) {
        const double turn = std::atan2(dy, dx) / std::numbers::pi + 1.0;  // 0..2, half a turn is 1
        const auto bin = static_cast<Index>(std::floor(turn * static_cast<double>(bins))) % bins;
        const Index at = (p / image.width / cell) * across + (p % image.width) / cell;
        histogram[at * bins + bin] += std::hypot(dx, dy);
    });
    const double norm = histogram.norm();
    return norm > 0.0 ? Vector(histogram / norm) : histogram;
}

inline double spearman_or_nothing(const Vector& a, const Vector& b) {
    return a.size() < 2 || is_constant(a) || is_constant(b) ? no_number : spearman_correlation(a, b);
}

}  // namespace detail

/// Compares map by map. For the pictures alone, each is divided by its largest magnitude, for maps of unlike scale are
/// alike if they show the same; the rank correlations need no scale.
///
/// Shapes   a and b: features x n; image: how features lie in a picture, none for no picture.
/// Throws   ShapeError where shapes do not fit, DataError for values that are not finite.
/// Source   Adebayo et al., Sanity Checks for Saliency Maps (2018); Wang et al. (SSIM, 2004).
template <class A, class B>
MapSimilarity compare_maps(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b, const Shape& image = {}) {
    detail::require_shape("compare_maps", "second maps", b, a.rows(), a.cols());
    if (!image.unknown() && image.size() != a.rows()) {
        detail::raise<ShapeError>("compare_maps", "image", image.text(), std::to_string(a.rows()) + " features");
    }
    MapSimilarity s;
    for (Index j = 0; j < a.cols(); ++j) {
        const detail::VectorPair p("compare_maps", a.col(j), b.col(j));
        s.spearman.push_back(detail::spearman_or_nothing(p.a, p.b));
        s.absolute.push_back(detail::spearman_or_nothing(p.a.cwiseAbs(), p.b.cwiseAbs()));
        std::vector<double> scored_u, scored_v;
        for (Index i = 0; i < p.a.size(); ++i) {
            if (p.a[i] == 0.0 && p.b[i] == 0.0) continue;
            scored_u.push_back(p.a[i]);
            scored_v.push_back(p.b[i]);
        }
        const auto as_vector = [](const std::vector<double>& from) {
            return detail::Vector(Eigen::Map<const detail::Vector>(from.data(), static_cast<Index>(from.size())));
        };
        const detail::Vector u = as_vector(scored_u), v = as_vector(scored_v);
        s.scored.push_back(detail::spearman_or_nothing(u, v));
        s.absolute_scored.push_back(detail::spearman_or_nothing(u.cwiseAbs(), v.cwiseAbs()));
        if (image.unknown()) continue;
        const bool flat = detail::is_constant(p.a) || detail::is_constant(p.b);
        const detail::Vector left = detail::to_unit(p.a), right = detail::to_unit(p.b);
        s.structural.push_back(flat ? detail::no_number : detail::structural_similarity(left, right, image));
        s.oriented.push_back(flat ? detail::no_number
                                  : pearson_correlation(detail::oriented_gradients(left, image),
                                                        detail::oriented_gradients(right, image)));
    }
    return s;
}

}  // namespace renn::inline RENN_ABI
