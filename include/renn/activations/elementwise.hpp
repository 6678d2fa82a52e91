// SPDX-License-Identifier: MIT
// renn/activations/elementwise.hpp - what all activations share that treat every value alone.
#pragma once

#include <cstddef>
#include <string>

#include <Eigen/Core>

#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>

namespace renn::inline RENN_ABI::detail {

/// f of every lane of a packet, for functions that have no packet form.
template <class S, class P, class F>
P by_lanes(const P& p, F&& f) {
    constexpr auto lanes = static_cast<std::size_t>(Eigen::internal::unpacket_traits<P>::size);
    S values[lanes];
    Eigen::internal::pstoreu(values, p);
    for (S& v : values) v = f(v);
    return Eigen::internal::ploadu<P>(values);
}

/// x held between -limit and limit; NaN stays NaN.
template <class S, class P>
P clamp(const P& x, S limit) {
    namespace ei = Eigen::internal;
    const P low = ei::pset1<P>(-limit), high = ei::pset1<P>(limit);
    const P above = ei::pselect(ei::pcmp_lt(x, low), low, x);
    return ei::pselect(ei::pcmp_lt(high, above), high, above);
}

/// exp(-x) of a packet, and 1 / (1 + e) of that: together the logistic function s, whose 1 - s is e s without loss.
template <class P>
P decay(const P& x) {
    return Eigen::internal::pexp(Eigen::internal::pnegate(x));
}
template <class S, class P>
P share(const P& e) {
    namespace ei = Eigen::internal;
    const P one = ei::pset1<P>(S(1));
    return ei::pdiv(one, ei::padd(one, e));
}
template <class S, class P>
P logistic(const P& x) {
    return share<S>(decay(x));
}

/// Where column j begins.
template <class M>
auto* column(M& m, Index j) {
    return m.data() + j * m.outerStride();
}

/// Layer members from three functions of the derived type, of packets (or of scalars: Eigen's packet functions serve
/// both):
///   value(x)         the activation
///   slope(x, y)      its derivative at input x with output y
///   curvature(x, y)  its second derivative
/// One of the form x > 0 ? x : slope * x also has `negative_slope()`; where that is not negative, traced neurons share
/// one sorted order for pre- and post-activation.
/// `apply` is the same arithmetic on a bare array: what recomputes a post-activation from a stored pre-activation
/// with the same bits.
template <class Derived, class S>
struct Elementwise {
    using Scalar = S;
    using Parameters = NoParameters;
    using Cache = NoCache;
    static constexpr bool is_activation = true;

    static const Parameters& parameters() noexcept {
        static constexpr NoParameters none;
        return none;
    }

    void apply(const S* in, S* out, Index n) const {
        canonical::transform(in, out, n, [this](const auto& p) { return self().value(p); });
    }

    void forward(const Parameters&, const BatchView<S>& x, Batch<S>& y, Cache&, const Pass&) const {
        reshape(y, x.rows(), x.cols());
        if (x.outerStride() == x.rows()) {
            apply(x.data(), y.data(), x.size());
        } else {
            for (Index j = 0; j < x.cols(); ++j) apply(column(x, j), column(y, j), x.rows());
        }
    }

    template <class Dx, class G>
    void backward(const Parameters&, const BatchView<S>& x, const BatchView<S>& y, const Cache&, const BatchView<S>& dy,
                  Dx& dx, G&) const {
        require_shape("activation backward", "dy", dy, y.rows(), y.cols());
        if constexpr (is_wanted<Dx>) scale(x, y, dy, dx);
    }

    template <class Dw>
    void tangent(const Parameters&, const Dw&, const BatchView<S>& x, const BatchView<S>& dx, const BatchView<S>& y,
                 const Cache&, Batch<S>& dy) const {
        require_shape("activation tangent", "dx", dx, x.rows(), x.cols());
        scale(x, y, dx, dy);
    }

    template <class Dw, class Dx, class G>
    void backward_tangent(const Parameters&, const Dw&, const BatchView<S>& x, const BatchView<S>& dx,
                          const BatchView<S>& y, const Cache&, const BatchView<S>& above,
                          const BatchView<S>& above_tangent, Dx& dx_tangent, G&) const {
        require_shape("activation backward_tangent", "dx", dx, x.rows(), x.cols());
        require_shape("activation backward_tangent", "above", above, y.rows(), y.cols());
        require_shape("activation backward_tangent", "above_tangent", above_tangent, y.rows(), y.cols());
        if constexpr (is_wanted<Dx>) {
            reshape(dx_tangent, x.rows(), x.cols());
            const auto f = [this](const auto& p, const auto& dp, const auto& q, const auto& a, const auto& da) {
                namespace ei = Eigen::internal;
                const auto bend = ei::pmul(self().curvature(p, q), ei::pmul(dp, a));
                return ei::pmadd(self().slope(p, q), da, bend);
            };
            for (Index j = 0; j < x.cols(); ++j) {
                canonical::combine(column(dx_tangent, j), x.rows(), f, column(x, j), column(dx, j), column(y, j),
                                   column(above, j), column(above_tangent, j));
            }
        }
    }

    std::string describe() const { return std::string(Derived::name); }

private:
    const Derived& self() const noexcept { return static_cast<const Derived&>(*this); }

    /// out = slope(x, y) in, the same for a direction going up and a gradient coming down.
    void scale(const BatchView<S>& x, const BatchView<S>& y, const BatchView<S>& in, Batch<S>& out) const {
        reshape(out, x.rows(), x.cols());
        const auto f = [this](const auto& p, const auto& q, const auto& d) {
            return Eigen::internal::pmul(self().slope(p, q), d);
        };
        for (Index j = 0; j < x.cols(); ++j) {
            canonical::combine(column(out, j), x.rows(), f, column(x, j), column(y, j), column(in, j));
        }
    }
};

}  // namespace renn::inline RENN_ABI::detail
