// SPDX-License-Identifier: MIT
// renn/activations/softmax.hpp - a probability for every output of a sample.
#pragma once

#include <cmath>
#include <concepts>
#include <limits>
#include <string>
#include <string_view>

#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>

namespace renn {

/// y_i = exp(x_i - max x) / sum_j exp(x_j - max x), each column by itself, summed in ascending order.
/// For training with cross-entropy leave it out: the loss takes logits.
///
/// Shapes   Y as X.
template <std::floating_point S = float>
class Softmax {
public:
    using Scalar = S;
    using Parameters = NoParameters;
    using Cache = NoCache;
    static constexpr std::string_view name = "Softmax";
    static constexpr bool is_activation = true;

    const Parameters& parameters() const noexcept { return none_; }

    void forward(const Parameters&, const BatchView<S>& x, Batch<S>& y, Cache&, const Pass&) const {
        namespace ei = Eigen::internal;
        detail::reshape(y, x.rows(), x.cols());
        for (Index j = 0; j < x.cols(); ++j) {
            const S* in = x.col(j).data();
            S* out = y.col(j).data();
            S top = -std::numeric_limits<S>::infinity();
            for (Index i = 0; i < x.rows(); ++i) top = in[i] > top ? in[i] : top;
            canonical::transform(in, out, x.rows(), [top](const auto& p) {
                using P = std::decay_t<decltype(p)>;
                return ei::pexp(ei::psub(p, ei::pset1<P>(top)));
            });
            const S total = canonical::sum(out, x.rows());
            for (Index i = 0; i < x.rows(); ++i) out[i] /= total;
        }
    }

    /// dx_i = y_i (dy_i - sum_j dy_j y_j).
    template <class Dx, class G>
    void backward(const Parameters&, const BatchView<S>&, const BatchView<S>& y, const Cache&, const BatchView<S>& dy,
                  Dx& dx, G&) const {
        if constexpr (is_wanted<Dx>) {
            detail::require_shape("Softmax::backward", "dy", dy, y.rows(), y.cols());
            detail::reshape(dx, dy.rows(), dy.cols());
            for (Index j = 0; j < dy.cols(); ++j) {
                S mean = 0;
                for (Index i = 0; i < dy.rows(); ++i) mean += dy(i, j) * y(i, j);
                for (Index i = 0; i < dy.rows(); ++i) dx(i, j) = y(i, j) * (dy(i, j) - mean);
            }
        }
    }

    std::string describe() const { return "Softmax"; }

private:
    [[no_unique_address]] NoParameters none_;
};

static_assert(DifferentiableLayer<Softmax<float>>);

}  // namespace renn
