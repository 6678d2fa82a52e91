// SPDX-License-Identifier: MIT
// renn/training/clipping.hpp - gradients that are not allowed to grow too large.
#pragma once

#include <cmath>
#include <limits>
#include <string>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>

namespace renn {

/// Limits of a step's gradient; infinity is none. With both, values are cut first.
struct Clipping {
    double norm = std::numeric_limits<double>::infinity();   ///< a gradient that is longer as a whole is scaled down
    double value = std::numeric_limits<double>::infinity();  ///< every entry is cut to -value..value

    bool active() const noexcept { return std::isfinite(norm) || std::isfinite(value); }
    void check() const {
        if (!(norm > 0.0)) detail::raise<DataError>("Clipping", "norm", std::to_string(norm), "a value > 0");
        if (!(value > 0.0)) detail::raise<DataError>("Clipping", "value", std::to_string(value), "a value > 0");
    }
};

/// Euclidean length of all parameters as one vector, summed in double.
template <class P>
double global_norm(const P& parameters) {
    double sum = 0.0;
    for_each_block([&sum](const auto& block) { sum += block.template cast<double>().squaredNorm(); }, parameters);
    return std::sqrt(sum);
}

/// NaN stays NaN, and a norm that is not finite leaves NaN: training tells that it diverged.
template <class P>
void clip(P& gradient, const Clipping& limit) {
    if (std::isfinite(limit.value)) {
        for_each_block(
            [&limit](auto& block) {
                using S = typename std::remove_cvref_t<decltype(block)>::Scalar;
                const S most = static_cast<S>(limit.value);
                block = block.unaryExpr([most](S g) { return g > most ? most : g < -most ? -most : g; });
            },
            gradient);
    }
    if (std::isfinite(limit.norm)) {
        const double norm = global_norm(gradient);
        if (norm <= limit.norm) return;
        for_each_block(
            [factor = limit.norm / norm](auto& block) {
                using S = typename std::remove_cvref_t<decltype(block)>::Scalar;
                block *= static_cast<S>(factor);
            },
            gradient);
    }
}

}  // namespace renn
