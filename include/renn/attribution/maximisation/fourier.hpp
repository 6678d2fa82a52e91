// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/fourier.hpp - pictures from their frequencies, low ones first.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <numbers>
#include <string>
#include <string_view>

#include <renn/attribution/maximisation/separable.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/shape.hpp>

namespace renn::inline RENN_ABI::maximisation {

/// The real Fourier basis of length n, one vector a row, each of length 1: constant, cosine and sine of 1/n cycles, of
/// 2/n, ..., and for even n the alternating one. Row k has (k + 1) / 2 cycles in all.
template <class S>
Batch<S> fourier_basis(Index n) {
    Batch<S> basis(n, n);
    for (Index k = 0; k < n; ++k) {
        const Index cycles = (k + 1) / 2;
        const bool alone = k == 0 || 2 * cycles == n;
        const double length = std::sqrt((alone ? 1.0 : 2.0) / static_cast<double>(n));
        for (Index i = 0; i < n; ++i) {
            const double angle = 2.0 * std::numbers::pi * static_cast<double>(cycles * i % n) / static_cast<double>(n);
            basis(k, i) = static_cast<S>(length * (k % 2 == 1 || k == 0 ? std::cos(angle) : std::sin(angle)));
        }
    }
    return basis;
}

/// x = F^-1 (s c): a picture (channels x height x width) from as many Fourier coefficients, each scaled by
/// s = 1 / (4 max(frequency, 1 / max(width, height))^power), the frequency in cycles a pixel. So a step in coefficients
/// is longer for what natural pictures have more of. F is orthogonal, so that the same step in pixels is F^-1 s^2 F g.
///
/// Cost     O(d (width + height)) a picture; allocates only when sizes change.
/// Source   Olah, Mordvintsev, Schubert (2017), "Feature visualization"; lucid, whose coefficients are complex and
///          differ by a rotation and a constant.
template <std::floating_point S = float>
class Fourier {
public:
    using Scalar = S;
    using Parameters = NoParameters;
    static constexpr std::string_view name = "Fourier";
    struct Cache {
        Batch<S> scaled, scratch;
    };

    explicit Fourier(const Shape& shape, double power = 1.0)
        : shape_(shape), map_{fourier_basis<S>(shape.width).transpose(), fourier_basis<S>(shape.height).transpose()} {
        const double least = 1.0 / static_cast<double>(std::max(shape.width, shape.height));
        scale_.resize(shape.size());
        for (Index y = 0; y < shape.height; ++y) {
            for (Index x = 0; x < shape.width; ++x) {
                const Index across = (x + 1) / 2, down = (y + 1) / 2;  // cycles
                const double fx = static_cast<double>(across) / static_cast<double>(shape.width);
                const double fy = static_cast<double>(down) / static_cast<double>(shape.height);
                const double s = 0.25 / std::pow(std::max(std::hypot(fx, fy), least), power);
                for (Index c = 0; c < shape.channels; ++c) scale_[shape.at(c, y, x)] = static_cast<S>(s);
            }
        }
    }

    const Shape& shape() const noexcept { return shape_; }
    /// Of each coefficient, in the order of the code.
    const Column<S>& scale() const noexcept { return scale_; }
    Index in_features() const noexcept { return shape_.size(); }
    Index out_features() const noexcept { return shape_.size(); }
    const Parameters& parameters() const noexcept { return none_; }

    /// See Layer.
    void forward(const Parameters&, const BatchView<S>& x, Batch<S>& y, Cache& cache, const Pass&) const {
        synthesise(x, y, cache);
    }
    /// See DifferentiableLayer.
    template <class Dx, class G>
    void backward(const Parameters&, const BatchView<S>&, const BatchView<S>&, Cache& cache, const BatchView<S>& dy,
                  Dx& dx, G&) const {
        if constexpr (is_wanted<Dx>) analyse(dy, dx, cache);
    }

    /// c -> F^-1 (s c).
    void synthesise(const BatchView<S>& c, Batch<S>& x, Cache& cache) const {
        detail::require_shape("Fourier", "coefficients", c, shape_.size(), c.cols());
        detail::reshape(cache.scaled, c.rows(), c.cols());
        detail::reshape(x, c.rows(), c.cols());
        cache.scaled.array() = c.array().colwise() * scale_.array();
        x.setZero();
        map_.add(cache.scaled.data(), x.data(), shape_.channels * c.cols(), cache.scratch);
    }
    /// Its transpose, x -> s F x.
    void analyse(const BatchView<S>& x, Batch<S>& c, Cache& cache) const {
        detail::require_shape("Fourier", "picture", x, shape_.size(), x.cols());
        detail::reshape(cache.scaled, x.rows(), x.cols());
        detail::reshape(c, x.rows(), x.cols());
        cache.scaled = x;
        c.setZero();
        map_.add_transposed(cache.scaled.data(), c.data(), shape_.channels * x.cols(), cache.scratch);
        c.array().colwise() *= scale_.array();
    }

    /// What the layer says of itself.
    std::string describe() const { return "Fourier " + shape_.text(); }

private:
    Shape shape_;
    Separable<S> map_;
    Column<S> scale_;
    [[no_unique_address]] NoParameters none_;
};

}  // namespace renn::inline RENN_ABI::maximisation
