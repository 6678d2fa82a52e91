// SPDX-License-Identifier: MIT
// renn/index/sketch.hpp - vectors by a few numbers each, which bound their products with others.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/rng.hpp>
#include <renn/index/flat_scan.hpp>
#include <renn/index/layer_values.hpp>

namespace renn::inline RENN_ABI::detail {

/// A layer's values differ most along few directions. With p(x) the places of a vector x along those and r(x) how far
/// it lies off them all, x.q is within r(x) r(q) of p(x).p(q) (Cauchy and Schwarz). Directions come from some of the
/// samples, by power iteration in double; the bound holds for any.
///
/// Memory   49 numbers a sample.
/// Cost     as much as a few hundred queries by all values.
template <class S>
class Sketch {
public:
    Sketch() = default;

    /// Of vectors as seen from the centre. `slack` goes into each r, as a part of the vector's norm, and `least` on
    /// top: for what rounding does to products of the vectors.
    Sketch(const LayerValues<S>& values, std::span<const S> centre, double slack, double least)
        : slack_(slack), least_(least) {
        constexpr Index together = 256;
        const Index n = values.samples(), width = values.width();
        find_directions(values, centre);
        places_.resize(n, directions_.cols() + 1);
        Batch<double> x = Batch<double>::Zero(together, width);
        Column<double> along(together), square(together), rest(together);
        for (Index from = 0; from < n; from += together) {
            const Index rows = std::min(together, n - from);
            square.setZero();
            for (Index c = 0; c < width; ++c) {
                for (Index i = 0; i < rows; ++i) x(i, c) = moved(values, centre, from + i, c);
                square += x.col(c).cwiseAbs2();
            }
            rest = square;
            for (Index j = 0; j < directions_.cols(); ++j) {
                rough_sums<Metric::dot>(x.data(), together, rows, directions_.col(j).data(), width, along.data());
                places_.col(j).segment(from, rows) = along.head(rows).template cast<S>();
                rest -= along.cwiseAbs2();
            }
            for (Index i = 0; i < rows; ++i) places_(from + i, directions_.cols()) = off(rest[i], square[i]);
        }
    }

    bool empty() const noexcept { return places_.size() == 0; }
    std::size_t bytes() const noexcept {
        return static_cast<std::size_t>(places_.size()) * sizeof(S) +
               static_cast<std::size_t>(directions_.size()) * sizeof(double);
    }
    /// Samples x numbers: p and, last, r.
    const Batch<S>& places() const noexcept { return places_; }
    S rest(Index sample) const noexcept { return places_(sample, directions_.cols()); }

    /// The same numbers of another vector, seen from the centre.
    Column<S> of(const Column<double>& vector) const {
        Column<S> numbers(directions_.cols() + 1);
        const double square = vector.squaredNorm();
        double rest = square;
        for (Index j = 0; j < directions_.cols(); ++j) {
            const double along = directions_.col(j).dot(vector);
            numbers[j] = static_cast<S>(along);
            rest -= along * along;
        }
        numbers[directions_.cols()] = off(rest, square);
        return numbers;
    }

private:
    static double moved(const LayerValues<S>& values, std::span<const S> centre, Index i, Index c) {
        return static_cast<double>(values.at(i, c)) - static_cast<double>(centre[static_cast<std::size_t>(c)]);
    }
    S off(double rest, double square) const {
        return static_cast<S>(std::sqrt(std::max(rest, 0.0) + slack_ * square) + least_);
    }

    /// Nearly those with most of the squares: a few steps from random ones.
    void find_directions(const LayerValues<S>& values, std::span<const S> centre) {
        constexpr Index most_samples = 2048, most = 48, steps = 3;
        const Index width = values.width(), some = std::min(values.samples(), most_samples);
        Batch<double> x(some, width);
        for (Index c = 0; c < width; ++c) {
            for (Index i = 0; i < some; ++i) x(i, c) = moved(values, centre, i * (values.samples() / some), c);
        }
        directions_.resize(width, std::min(most, width * 3 / 8));
        Rng rng(1);
        for (double& d : directions_.reshaped()) d = rng.normal();
        orthonormalize();
        Column<double> along(some);
        for (Index step = 0; step < steps; ++step) {
            for (auto direction : directions_.colwise()) {
                rough_sums<Metric::dot>(x.data(), some, some, direction.data(), width, along.data());
                for (Index c = 0; c < width; ++c) direction[c] = x.col(c).dot(along);
            }
            orthonormalize();
        }
    }

    /// By Gram and Schmidt, twice; what depends on those before it, or is not finite, becomes 0.
    void orthonormalize() {
        for (Index j = 0; j < directions_.cols(); ++j) {
            auto direction = directions_.col(j);
            const double before = direction.norm();
            for (Index i = 0; i < 2 * j; ++i) {
                const auto other = directions_.col(i % j);
                direction -= other.dot(direction) * other;
            }
            const double norm = direction.norm();
            if (std::isfinite(before) && norm > 1e-9 * before) {
                direction /= norm;
            } else {
                direction.setZero();
            }
        }
    }

    Batch<double> directions_;  ///< width x directions
    Batch<S> places_;
    double slack_ = 0.0, least_ = 0.0;
};

}  // namespace renn::inline RENN_ABI::detail
