// SPDX-License-Identifier: MIT
// renn/activations/softmax.hpp - a probability for every output of a sample.
#pragma once

#include <cmath>
#include <concepts>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>

namespace renn::inline RENN_ABI {

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
        detail::require_shape("Softmax::backward", "dy", dy, y.rows(), y.cols());
        if constexpr (is_wanted<Dx>) times_jacobian(y, dy, dx);
    }

    /// The Jacobian is symmetric: as backward.
    template <class Dw>
    void tangent(const Parameters&, const Dw&, const BatchView<S>&, const BatchView<S>& dx, const BatchView<S>& y,
                 const Cache&, Batch<S>& dy) const {
        detail::require_shape("Softmax::tangent", "dx", dx, y.rows(), y.cols());
        times_jacobian(y, dx, dy);
    }

    /// With J the Jacobian, y' = J dx, a above and a' its direction: J a' + y' (a - a.y) - y (a.y').
    template <class Dw, class Dx, class G>
    void backward_tangent(const Parameters&, const Dw&, const BatchView<S>&, const BatchView<S>& dx,
                          const BatchView<S>& y, const Cache&, const BatchView<S>& above,
                          const BatchView<S>& above_tangent, Dx& dx_tangent, G&) const {
        detail::require_shape("Softmax::backward_tangent", "dx", dx, y.rows(), y.cols());
        detail::require_shape("Softmax::backward_tangent", "above", above, y.rows(), y.cols());
        detail::require_shape("Softmax::backward_tangent", "above_tangent", above_tangent, y.rows(), y.cols());
        if constexpr (is_wanted<Dx>) {
            namespace ei = Eigen::internal;
            times_jacobian(y, above_tangent, dx_tangent);
            for (Index j = 0; j < y.cols(); ++j) {
                const Index n = y.rows();
                const S* out = y.col(j).data();
                const S* direction = dx.col(j).data();
                const S* a = above.col(j).data();
                const S mean_a = canonical::dot(out, a, n), mean_dx = canonical::dot(out, direction, n);
                const S both = canonical::sum_of(
                    n, [](const auto& q, const auto& d, const auto& p) { return ei::pmul(q, ei::pmul(d, p)); }, out,
                    direction, a);
                const S shared = both - mean_dx * mean_a;  // a.y'
                S* under = dx_tangent.col(j).data();
                const auto f = [=](const auto& below, const auto& q, const auto& d, const auto& p) {
                    using P = std::decay_t<decltype(q)>;
                    const P bend = ei::pmul(ei::psub(d, ei::pset1<P>(mean_dx)), ei::psub(p, ei::pset1<P>(mean_a)));
                    return ei::pmadd(q, ei::psub(bend, ei::pset1<P>(shared)), below);
                };
                canonical::combine(under, n, f, static_cast<const S*>(under), out, direction, a);
            }
        }
    }

    std::string describe() const { return "Softmax"; }

private:
    static void times_jacobian(const BatchView<S>& y, const BatchView<S>& in, Batch<S>& out) {
        namespace ei = Eigen::internal;
        detail::reshape(out, y.rows(), y.cols());
        for (Index j = 0; j < y.cols(); ++j) {
            const S mean = canonical::dot(y.col(j).data(), in.col(j).data(), y.rows());
            const auto f = [mean](const auto& q, const auto& d) {
                return ei::pmul(q, ei::psub(d, ei::pset1<std::decay_t<decltype(q)>>(mean)));
            };
            canonical::combine(out.col(j).data(), y.rows(), f, y.col(j).data(), in.col(j).data());
        }
    }

    [[no_unique_address]] NoParameters none_;
};

}  // namespace renn::inline RENN_ABI
