// SPDX-License-Identifier: MIT
// renn/attribution/quadrature.hpp - where between 0 and 1 an integrand is looked at, and how much each place counts.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI {

/// How an integral over 0..1 becomes a sum. Gauss-Legendre is exact for polynomials of a degree below twice the number
/// of nodes; of the others, which know no more than that the integrand is bounded, the middle is the better one.
enum class QuadratureRule : std::uint8_t { gauss_legendre, riemann_middle, trapezoid };

/// Nodes, ascending, and their weights, which add up to 1.
struct Quadrature {
    std::vector<double> nodes, weights;
};

namespace detail {

/// Roots of the Legendre polynomial by Newton's method, from Tricomi's approximation.
inline Quadrature gauss_legendre(std::size_t n) {
    Quadrature q{std::vector<double>(n), std::vector<double>(n)};
    const auto degree = static_cast<double>(n);
    for (std::size_t i = 0; i < (n + 1) / 2; ++i) {
        double z = std::cos(std::numbers::pi * (static_cast<double>(i) + 0.75) / (degree + 0.5)), slope = 1.0;
        for (int step = 0; step < 20; ++step) {
            double p = 1.0, before = 0.0;
            for (std::size_t k = 1; k <= n; ++k) {
                const auto d = static_cast<double>(k);
                const double next = ((2.0 * d - 1.0) * z * p - (d - 1.0) * before) / d;
                before = p;
                p = next;
            }
            slope = degree * (z * p - before) / (z * z - 1.0);
            const double change = p / slope;
            z -= change;
            if (std::abs(change) < 1e-15) break;
        }
        const double weight = 1.0 / ((1.0 - z * z) * slope * slope);
        q.nodes[i] = 0.5 * (1.0 - z);
        q.nodes[n - 1 - i] = 0.5 * (1.0 + z);
        q.weights[i] = q.weights[n - 1 - i] = weight;
    }
    return q;
}

}  // namespace detail

/// The rule with n nodes: of Gauss-Legendre, to double precision; of the middle, (k + 1/2) / n; of the trapezoid,
/// k / (n - 1), the two ends counting half.
///
/// Throws   DataError for less than 1 node, of the trapezoid less than 2.
inline Quadrature quadrature(QuadratureRule rule, Index n) {
    const Index least = rule == QuadratureRule::trapezoid ? 2 : 1;
    if (n < least) {
        detail::raise<DataError>("quadrature", "nodes", std::to_string(n), std::to_string(least) + " or more");
    }
    const auto count = static_cast<std::size_t>(n);
    if (rule == QuadratureRule::gauss_legendre) return detail::gauss_legendre(count);
    Quadrature q;
    const bool middle = rule == QuadratureRule::riemann_middle;
    const auto parts = static_cast<double>(middle ? n : n - 1);
    for (std::size_t k = 0; k < count; ++k) {
        const bool end = !middle && (k == 0 || k + 1 == count);
        q.nodes.push_back((static_cast<double>(k) + (middle ? 0.5 : 0.0)) / parts);
        q.weights.push_back((end ? 0.5 : 1.0) / parts);
    }
    return q;
}

}  // namespace renn::inline RENN_ABI
