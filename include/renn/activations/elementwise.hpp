// SPDX-License-Identifier: MIT
// renn/activations/elementwise.hpp - what all activations share that treat every value alone.
#pragma once

#include <algorithm>
#include <string>

#include <Eigen/Core>

#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>

namespace renn::detail {

/// Layer members from two functions of the derived type:
///   value(p)         the activation of a packet (or of a scalar: Eigen's packet functions serve both)
///   slope(x, y)      its derivative at input x with output y, one value
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
        const auto& self = static_cast<const Derived&>(*this);
        canonical::transform(in, out, n, [&self](const auto& p) { return self.value(p); });
    }

    void forward(const Parameters&, const BatchView<S>& x, Batch<S>& y, Cache&, const Pass&) const {
        reshape(y, x.rows(), x.cols());
        if (x.outerStride() == x.rows()) {
            apply(x.data(), y.data(), x.size());
        } else {
            for (Index j = 0; j < x.cols(); ++j) apply(x.col(j).data(), y.col(j).data(), x.rows());
        }
    }

    template <class Dx, class G>
    void backward(const Parameters&, const BatchView<S>& x, const BatchView<S>& y, const Cache&, const BatchView<S>& dy,
                  Dx& dx, G&) const {
        if constexpr (is_wanted<Dx>) {
            require_shape("activation backward", "dy", dy, y.rows(), y.cols());
            reshape(dx, dy.rows(), dy.cols());
            const auto& self = static_cast<const Derived&>(*this);
            for (Index j = 0; j < dy.cols(); ++j) {
                const S* above = dy.col(j).data();
                const S* in = x.col(j).data();
                const S* out = y.col(j).data();
                S* below = dx.col(j).data();
                // In two steps: g++ 12 makes a branch of `above * (x > 0 ? 1 : 0)`, guessed wrong every other time.
                constexpr Index block = 64;
                S slopes[block];
                for (Index i = 0; i < dy.rows(); i += block) {
                    const Index n = std::min(block, dy.rows() - i);
                    for (Index l = 0; l < n; ++l) slopes[l] = self.slope(in[i + l], out[i + l]);
                    for (Index l = 0; l < n; ++l) below[i + l] = above[i + l] * slopes[l];
                }
            }
        }
    }

    std::string describe() const { return std::string(Derived::name); }
};

}  // namespace renn::detail
