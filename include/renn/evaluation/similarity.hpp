// SPDX-License-Identifier: MIT
// renn/evaluation/similarity.hpp - how alike two vectors are: a blend and its query, two heatmaps, two rankings.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/evaluation/inversions.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

using Vector = Column<double>;

/// Two vectors in double, checked.
struct VectorPair {
    Vector a, b;

    template <class A, class B>
    VectorPair(const char* where, const Eigen::MatrixBase<A>& left, const Eigen::MatrixBase<B>& right) {
        static_assert(A::ColsAtCompileTime == 1 && B::ColsAtCompileTime == 1, "renn: similarity is of two columns");
        a = left.template cast<double>();
        b = right.template cast<double>();
        if (a.size() != b.size() || a.size() == 0) {
            raise<ShapeError>(where, "vectors", std::to_string(a.size()) + " and " + std::to_string(b.size()) + " long",
                              "equally long, 1 or more");
        }
        if (!a.allFinite() || !b.allFinite()) raise<DataError>(where, "vectors", "NaN or infinite", "finite values");
    }
};

inline constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

/// Divided by the largest magnitude: no square overflows.
inline Vector to_unit(const Vector& v) {
    const double largest = v.cwiseAbs().maxCoeff();
    return largest > 0.0 ? Vector(v / largest) : v;
}
inline bool is_constant(const Vector& v) {
    return v.minCoeff() == v.maxCoeff();
}

inline double cosine(const VectorPair& p) {
    const Vector a = to_unit(p.a), b = to_unit(p.b);
    const double norms = a.norm() * b.norm();
    return norms > 0.0 ? std::clamp(a.dot(b) / norms, -1.0, 1.0) : 0.0;
}

inline double ruzicka(const VectorPair& p) {
    if (p.a.minCoeff() < 0.0 || p.b.minCoeff() < 0.0) return no_number;
    const double largest = std::max(p.a.maxCoeff(), p.b.maxCoeff());
    if (largest == 0.0) return 1.0;
    return (p.a.cwiseMin(p.b) / largest).sum() / (p.a.cwiseMax(p.b) / largest).sum();
}

inline double pearson(VectorPair p) {
    if (is_constant(p.a) || is_constant(p.b)) return no_number;
    for (Vector* v : {&p.a, &p.b}) {
        *v = to_unit(*v);
        v->array() -= v->mean();
    }
    return cosine(p);
}

/// Places in ascending order, from 1; equal values have the mean of theirs.
inline Vector mean_ranks(const Vector& v) {
    std::vector<Index> order(static_cast<std::size_t>(v.size()));
    std::iota(order.begin(), order.end(), Index{0});
    std::sort(order.begin(), order.end(), [&](Index i, Index j) { return v[i] < v[j]; });
    Vector ranks(v.size());
    for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
        while (end < order.size() && v[order[end]] == v[order[begin]]) ++end;
        const double rank = 0.5 * static_cast<double>(begin + end + 1);
        for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = rank;
    }
    return ranks;
}

inline double spearman(VectorPair p) {
    p.a = mean_ranks(p.a);
    p.b = mean_ranks(p.b);
    return pearson(std::move(p));
}

/// Pairs of equal neighbours in a range where equal ones lie together.
template <class Equal>
std::int64_t tied_pairs(std::size_t count, const Equal& equal) {
    std::int64_t pairs = 0, run = 0;
    for (std::size_t i = 1; i < count; ++i) {
        run = equal(i - 1, i) ? run + 1 : 0;
        pairs += run;
    }
    return pairs;
}

inline double kendall(const VectorPair& p) {
    const Vector &a = p.a, &b = p.b;
    const auto n = static_cast<std::size_t>(a.size());
    std::vector<Index> order(n);
    std::iota(order.begin(), order.end(), Index{0});
    std::sort(order.begin(), order.end(), [&](Index i, Index j) { return a[i] != a[j] ? a[i] < a[j] : b[i] < b[j]; });
    const auto same_a = [&](std::size_t i, std::size_t j) { return a[order[i]] == a[order[j]]; };
    const auto same_b = [&](std::size_t i, std::size_t j) { return b[order[i]] == b[order[j]]; };
    const std::int64_t in_a = tied_pairs(n, same_a);
    const std::int64_t in_both =
        tied_pairs(n, [&](std::size_t i, std::size_t j) { return same_a(i, j) && same_b(i, j); });
    std::vector<double> values(n);
    for (std::size_t i = 0; i < n; ++i) values[i] = b[order[i]];
    const std::int64_t swaps = sort_and_count(values);
    const std::int64_t in_b = tied_pairs(n, [&](std::size_t i, std::size_t j) { return values[i] == values[j]; });
    const auto all = static_cast<std::int64_t>(n * (n - 1) / 2);
    if (in_a == all || in_b == all) return no_number;
    const auto pairs_a = static_cast<double>(all - in_a), pairs_b = static_cast<double>(all - in_b);
    const std::int64_t balance = all - in_a - in_b + in_both - 2 * swaps;
    return std::clamp(static_cast<double>(balance) / (std::sqrt(pairs_a) * std::sqrt(pairs_b)), -1.0, 1.0);
}

}  // namespace detail

// All of them take two columns of one length, of float or double, reckon in double, and throw ShapeError for other
// sizes or none, DataError for values that are not finite.

/// <a, b> / (|a| |b|), in [-1, 1]; 0 if either is 0 everywhere.
template <class A, class B>
double cosine_similarity(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b) {
    return detail::cosine({"cosine_similarity", a, b});
}

/// sqrt(sum (a_i - b_i)^2), from differences.
template <class A, class B>
double l2_distance(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b) {
    const detail::VectorPair p("l2_distance", a, b);
    return (p.a - p.b).stableNorm();
}

/// sum |a_i - b_i|.
template <class A, class B>
double l1_distance(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b) {
    const detail::VectorPair p("l1_distance", a, b);
    return (p.a - p.b).cwiseAbs().sum();
}

/// sum min(a_i, b_i) / sum max(a_i, b_i), in [0, 1]; 1 for two vectors of zeros, NaN if a value is negative.
template <class A, class B>
double ruzicka_similarity(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b) {
    return detail::ruzicka({"ruzicka_similarity", a, b});
}

/// Cosine of what is left without the means, in [-1, 1]; NaN if either has one value everywhere.
template <class A, class B>
double pearson_correlation(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b) {
    return detail::pearson({"pearson_correlation", a, b});
}

/// Pearson's of the ranks, equal values at their mean rank; NaN if either has one value everywhere.
template <class A, class B>
double spearman_correlation(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b) {
    return detail::spearman({"spearman_correlation", a, b});
}

/// Kendall's tau-b: pairs in the same order minus pairs in opposite order, over sqrt(pairs that differ in a * pairs
/// that differ in b); NaN if either has one value everywhere. Cost O(n log n). Source: Knight (1966).
template <class A, class B>
double kendall_correlation(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b) {
    return detail::kendall({"kendall_correlation", a, b});
}

/// All measures of two vectors.
struct Similarities {
    double cosine = 0.0, l2 = 0.0, l1 = 0.0, ruzicka = 0.0, pearson = 0.0, spearman = 0.0, kendall = 0.0;
};

/// Of a blend and what was asked, say: similarities(blend(answer.top(42), training), query).
template <class A, class B>
Similarities similarities(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b) {
    const detail::VectorPair p("similarities", a, b);
    return {detail::cosine(p),  l2_distance(p.a, p.b), l1_distance(p.a, p.b), detail::ruzicka(p),
            detail::pearson(p), detail::spearman(p),   detail::kendall(p)};
}

}  // namespace renn::inline RENN_ABI
