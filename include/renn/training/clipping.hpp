// SPDX-License-Identifier: MIT
// renn/training/clipping.hpp - gradients that are not allowed to grow too large.
#pragma once

#include <cmath>
#include <limits>
#include <string>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>

namespace renn::inline RENN_ABI {

/// Limits of a step's gradient; infinity is none. With both, values are cut first.
struct Clipping {
    double norm = std::numeric_limits<double>::infinity();   ///< a gradient that is longer as a whole is scaled down
    double value = std::numeric_limits<double>::infinity();  ///< every entry is cut to -value..value

    void check() const {
        if (!(norm > 0.0)) detail::raise<DataError>("Clipping", "norm", std::to_string(norm), "above 0");
        if (!(value > 0.0)) detail::raise<DataError>("Clipping", "value", std::to_string(value), "above 0");
    }
};

namespace detail {

// Plain loops over a block's values: one function a scalar, whatever the blocks are.

/// Sum of squares in double; sums side by side do not wait for each other.
template <class S>
double squared_norm(const S* values, Index count) {
    constexpr Index width = 16;
    double sums[width] = {};
    const Index whole = count - count % width;
    for (Index i = 0; i < whole; i += width) {
        for (Index l = 0; l < width; ++l) {
            const auto value = static_cast<double>(values[i + l]);
            sums[l] += value * value;
        }
    }
    for (Index i = whole; i < count; ++i) sums[0] += static_cast<double>(values[i]) * static_cast<double>(values[i]);
    double sum = 0.0;
    for (const double s : sums) sum += s;
    return sum;
}

template <class S>
void cut_values(S* values, Index count, double limit) {
    const S most = static_cast<S>(limit);
    for (Index i = 0; i < count; ++i) values[i] = values[i] > most ? most : values[i] < -most ? -most : values[i];
}

template <class S>
void scale_values(S* values, Index count, double factor) {
    for (Index i = 0; i < count; ++i) values[i] *= static_cast<S>(factor);
}

}  // namespace detail

/// Euclidean length of all parameters as one vector, summed in double.
template <class P>
double global_norm(const P& parameters) {
    double sum = 0.0;
    for_each_block([&sum](const auto& block) { sum += detail::squared_norm(block.data(), block.size()); }, parameters);
    return std::sqrt(sum);
}

/// NaN stays NaN, and a norm that is not finite leaves NaN: training tells that it diverged.
template <class P>
void clip(P& gradient, const Clipping& limit) {
    if (std::isfinite(limit.value)) {
        for_each_block([&limit](auto& block) { detail::cut_values(block.data(), block.size(), limit.value); },
                       gradient);
    }
    if (std::isfinite(limit.norm)) {
        const double norm = global_norm(gradient);
        if (norm <= limit.norm) return;
        const double factor = limit.norm / norm;
        for_each_block([factor](auto& block) { detail::scale_values(block.data(), block.size(), factor); }, gradient);
    }
}

}  // namespace renn::inline RENN_ABI
