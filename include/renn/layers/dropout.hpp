// SPDX-License-Identifier: MIT
// renn/layers/dropout.hpp - dropout with masks that depend on the sample, not on its batch.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/rng.hpp>

namespace renn::inline RENN_ABI {

/// Inverted dropout: in training each value becomes 0 with probability `rate`, else is divided by 1 - rate; outside
/// training the identity. The mask is drawn from (seed, layer path, step, sample id, feature), so it is the same in
/// any batch, on any thread and on any rank.
///
/// Shapes   Y as X.
/// Throws   DataError unless 0 <= rate < 1.
/// Source   Srivastava et al. (2014).
template <std::floating_point S = float>
class Dropout {
public:
    using Scalar = S;
    using Parameters = NoParameters;
    static constexpr std::string_view name = "Dropout";
    struct Cache {
        Batch<S> mask;  ///< 0 or 1 / (1 - rate); empty outside training
    };

    explicit Dropout(double rate = 0.5) : rate_(rate) { check(); }

    double rate() const noexcept { return rate_; }
    const Parameters& parameters() const noexcept { return none_; }

    void forward(const Parameters&, const BatchView<S>& x, Batch<S>& y, Cache& cache, const Pass& pass) const {
        detail::reshape(y, x.rows(), x.cols());
        if (!pass.training) {
            cache.mask.resize(0, 0);
            y = x;
            return;
        }
        if (!pass.ids.empty() && static_cast<Index>(pass.ids.size()) != x.cols()) {
            detail::raise<ShapeError>("Dropout::forward", "ids of the pass", std::to_string(pass.ids.size()),
                                      std::to_string(x.cols()) + ", one a column");
        }
        detail::reshape(cache.mask, x.rows(), x.cols());
        const S keep = S(1) / S(1.0 - rate_);
        const std::uint64_t key = mix(mix(pass.seed, pass.path), pass.step);
        for (Index j = 0; j < x.cols(); ++j) {
            Rng rng(mix(key, pass.id(j)));
            for (Index i = 0; i < x.rows(); ++i) cache.mask(i, j) = rng.uniform() < rate_ ? S(0) : keep;
        }
        y = x.cwiseProduct(cache.mask);
    }

    template <class Dx, class G>
    void backward(const Parameters&, const BatchView<S>& x, const BatchView<S>&, const Cache& cache,
                  const BatchView<S>& dy, Dx& dx, G&) const {
        detail::require_shape("Dropout::backward", "dy", dy, x.rows(), x.cols());
        if constexpr (is_wanted<Dx>) masked(cache, dy, dx);
    }

    template <class Dw>
    void tangent(const Parameters&, const Dw&, const BatchView<S>& x, const BatchView<S>& dx, const BatchView<S>&,
                 const Cache& cache, Batch<S>& dy) const {
        detail::require_shape("Dropout::tangent", "dx", dx, x.rows(), x.cols());
        masked(cache, dx, dy);
    }

    template <class Dw, class Dx, class G>
    void backward_tangent(const Parameters& w, const Dw&, const BatchView<S>& x, const BatchView<S>&,
                          const BatchView<S>& y, const Cache& cache, const BatchView<S>&,
                          const BatchView<S>& above_tangent, Dx& dx_tangent, G& g) const {
        backward(w, x, y, cache, above_tangent, dx_tangent, g);
    }

    auto constants() noexcept { return std::tie(rate_); }
    auto constants() const noexcept { return std::tie(rate_); }
    void check() const {
        if (!(rate_ >= 0.0 && rate_ < 1.0)) {
            detail::raise<DataError>("Dropout", "rate", std::to_string(rate_), "0 or more, below 1");
        }
    }

    std::string describe() const { return "Dropout " + std::to_string(rate_); }

private:
    static void masked(const Cache& cache, const BatchView<S>& in, Batch<S>& out) {
        detail::reshape(out, in.rows(), in.cols());
        if (cache.mask.size() == 0) {
            out = in;
        } else {
            out = in.cwiseProduct(cache.mask);
        }
    }

    double rate_;
    [[no_unique_address]] NoParameters none_;
};

}  // namespace renn::inline RENN_ABI
