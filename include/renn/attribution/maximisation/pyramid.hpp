// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/pyramid.hpp - pictures as a sum of coarse and fine ones.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <renn/attribution/maximisation/separable.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/shape.hpp>

namespace renn::inline RENN_ABI::maximisation {

/// Bilinear enlargement of `from` pixels in a row to `to`, as a matrix: pixel centres lie evenly, edges are held.
template <class S>
Batch<S> enlargement(Index from, Index to) {
    Batch<S> m = Batch<S>::Zero(to, from);
    for (Index i = 0; i < to; ++i) {
        const double at = (static_cast<double>(i) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5;
        const double held = std::clamp(at, 0.0, static_cast<double>(from - 1));
        const auto low = static_cast<Index>(held);
        const auto part = static_cast<S>(held - static_cast<double>(low));
        m(i, low) += S(1) - part;
        m(i, std::min(low + 1, from - 1)) += part;
    }
    return m;
}

/// x = sum of enlarged levels: level k has 1/2^k of the picture's height and width, rounded up. The code has the levels
/// one behind the other, each channels x height x width.
///
/// Cost     O(levels d (width + height)) a picture; allocates only when sizes change.
/// Source   lucid, `laplacian_pyramid`.
template <std::floating_point S = float>
class Pyramid {
public:
    using Scalar = S;
    using Parameters = NoParameters;
    static constexpr std::string_view name = "Pyramid";
    struct Cache {
        Batch<S> scratch;
    };

    /// Throws DataError for fewer than 1 level.
    explicit Pyramid(const Shape& shape, int levels = 4) : shape_(shape) {
        if (levels < 1 || levels > 30) {
            detail::raise<DataError>("Pyramid", "levels", std::to_string(levels), "1 to 30");
        }
        for (int k = 0; k < levels; ++k) {
            const Index step = Index{1} << k;
            const Index h = (shape.height + step - 1) / step, w = (shape.width + step - 1) / step;
            maps_.push_back({enlargement<S>(w, shape.width), enlargement<S>(h, shape.height)});
            features_ += shape.channels * h * w;
        }
    }

    Index in_features() const noexcept { return features_; }
    Index out_features() const noexcept { return shape_.size(); }
    const Parameters& parameters() const noexcept { return none_; }

    /// See Layer.
    void forward(const Parameters&, const BatchView<S>& x, Batch<S>& y, Cache& cache, const Pass&) const {
        detail::require_shape("Pyramid", "levels", x, features_, x.cols());
        detail::reshape(y, shape_.size(), x.cols());
        y.setZero();
        for (Index j = 0; j < x.cols(); ++j) {
            const S* from = x.data() + j * x.outerStride();
            for (const Separable<S>& map : maps_) {
                map.add(from, y.data() + j * y.rows(), shape_.channels, cache.scratch);
                from += shape_.channels * map.across.cols() * map.down.cols();
            }
        }
    }
    /// See DifferentiableLayer.
    template <class Dx, class G>
    void backward(const Parameters&, const BatchView<S>&, const BatchView<S>&, Cache& cache, const BatchView<S>& dy,
                  Dx& dx, G&) const {
        if constexpr (is_wanted<Dx>) {
            detail::require_shape("Pyramid", "picture", dy, shape_.size(), dy.cols());
            detail::reshape(dx, features_, dy.cols());
            dx.setZero();
            for (Index j = 0; j < dy.cols(); ++j) {
                S* to = dx.data() + j * dx.rows();
                for (const Separable<S>& map : maps_) {
                    map.add_transposed(dy.data() + j * dy.outerStride(), to, shape_.channels, cache.scratch);
                    to += shape_.channels * map.across.cols() * map.down.cols();
                }
            }
        }
    }

    /// What the layer says of itself.
    std::string describe() const { return "Pyramid of " + std::to_string(maps_.size()) + " levels, " + shape_.text(); }

private:
    Shape shape_;
    Index features_ = 0;
    std::vector<Separable<S>> maps_;
    [[no_unique_address]] NoParameters none_;
};

}  // namespace renn::inline RENN_ABI::maximisation
