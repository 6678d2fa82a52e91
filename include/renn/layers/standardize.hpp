// SPDX-License-Identifier: MIT
// renn/layers/standardize.hpp - preprocessing that travels with the network.
#pragma once

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/feature_statistics.hpp>
#include <renn/core/layer.hpp>

namespace renn::inline RENN_ABI {

/// y = (x - mean) / scale with fixed mean and scale, one a feature or one for all. Not trained: they are constants
/// of the layer, saved with it.
///
/// Shapes   Y as X; mean and scale: features x 1, or 1 x 1 for all features.
/// Throws   ShapeError if they do not fit; DataError if a scale is 0 or a value is not finite.
template <std::floating_point S = float>
class Standardize {
public:
    using Scalar = S;
    using Parameters = NoParameters;
    using Cache = NoCache;
    static constexpr std::string_view name = "Standardize";

    Standardize() : Standardize(S(0), S(1)) {}
    Standardize(S mean, S scale) : Standardize(Column<S>::Constant(1, mean), Column<S>::Constant(1, scale)) {}
    Standardize(Column<S> mean, Column<S> scale) : mean_(std::move(mean)), scale_(std::move(scale)) { check(); }

    /// Mean and standard deviation of every feature over the samples of x; a constant feature gets scale 1. Throws
    /// DataError for no samples and for values that are not finite.
    static Standardize of(const BatchView<S>& x) {
        const FeatureStatistics statistics = detail::statistics_of<S>("Standardize::of", x);
        return Standardize(statistics.shift<S>(), statistics.scale<S>());
    }

    const Column<S>& mean() const noexcept { return mean_; }
    const Column<S>& scale() const noexcept { return scale_; }
    const Parameters& parameters() const noexcept { return none_; }

    void forward(const Parameters&, const BatchView<S>& x, Batch<S>& y, Cache&, const Pass&) const {
        if (mean_.size() != 1) detail::require_shape("Standardize::forward", "x", x, mean_.size(), x.cols());
        detail::reshape(y, x.rows(), x.cols());
        for (Index j = 0; j < x.cols(); ++j) {
            if (mean_.size() == 1) {
                y.col(j).array() = (x.col(j).array() - mean_[0]) / scale_[0];
            } else {
                y.col(j).array() = (x.col(j).array() - mean_.array()) / scale_.array();
            }
        }
    }

    template <class Dx, class G>
    void backward(const Parameters& w, const BatchView<S>& x, const BatchView<S>&, const Cache&, const BatchView<S>& dy,
                  Dx& dx, G&) const {
        detail::require_shape("Standardize::backward", "dy", dy, x.rows(), x.cols());
        if constexpr (is_wanted<Dx>) map_transposed(w, dy, dx);
    }

    template <class Dw>
    void tangent(const Parameters& w, const Dw&, const BatchView<S>& x, const BatchView<S>& dx, const BatchView<S>&,
                 const Cache&, Batch<S>& dy) const {
        detail::require_shape("Standardize::tangent", "dx", dx, x.rows(), x.cols());
        map(w, dx, dy);
    }

    template <class Dw, class Dx, class G>
    void backward_tangent(const Parameters& w, const Dw&, const BatchView<S>& x, const BatchView<S>&,
                          const BatchView<S>& y, const Cache& cache, const BatchView<S>&,
                          const BatchView<S>& above_tangent, Dx& dx_tangent, G& g) const {
        backward(w, x, y, cache, above_tangent, dx_tangent, g);
    }

    /// y = x / scale; the shift by the mean is the bias.
    void map(const Parameters&, const BatchView<S>& x, Batch<S>& y) const {
        if (mean_.size() != 1) detail::require_shape("Standardize::map", "x", x, mean_.size(), x.cols());
        detail::reshape(y, x.rows(), x.cols());
        for (Index j = 0; j < x.cols(); ++j) {
            if (scale_.size() == 1) {
                y.col(j).array() = x.col(j).array() / scale_[0];
            } else {
                y.col(j).array() = x.col(j).array() / scale_.array();
            }
        }
    }
    void map_transposed(const Parameters& w, const BatchView<S>& x, Batch<S>& y) const { map(w, x, y); }

    auto constants() noexcept { return std::tie(mean_, scale_); }
    auto constants() const noexcept { return std::tie(mean_, scale_); }
    void check() const {
        detail::require_shape("Standardize", "scale", scale_, mean_.rows(), 1);
        for (Index i = 0; i < mean_.size(); ++i) {
            if (!std::isfinite(mean_[i]) || !std::isfinite(scale_[i]) || scale_[i] == S(0)) {
                detail::raise<DataError>("Standardize", "feature " + std::to_string(i),
                                         "mean " + std::to_string(mean_[i]) + ", scale " + std::to_string(scale_[i]),
                                         "finite values and a scale that is not 0");
            }
        }
    }

    std::string describe() const { return "Standardize " + std::to_string(mean_.size()); }

private:
    Column<S> mean_;
    Column<S> scale_;
    [[no_unique_address]] NoParameters none_;
};

}  // namespace renn::inline RENN_ABI
