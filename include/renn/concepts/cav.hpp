// SPDX-License-Identifier: MIT
// renn/concepts/cav.hpp - concept activation vectors: the direction that tells examples of a concept from others.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/rng.hpp>

namespace renn::inline RENN_ABI {

/// A direction among the activations of one place.
struct ConceptVector {
    Column<double> vector;   ///< unit length, towards the concept
    Column<double> weights;  ///< of the classifier; vector times its length
    double intercept = 0.0;
    /// Of a classifier of the same kind on examples it did not see; NaN if there were too few to hold any out.
    double accuracy = std::numeric_limits<double>::quiet_NaN();

    /// A vector that hardly tells the concept from anything else (accuracy below 0.6, or unknown) stands for nothing.
    bool useful() const noexcept { return accuracy >= 0.6; }
};

/// How a concept vector is found.
struct ConceptVectorOptions {
    double penalty = 1.0;         ///< of |w|^2 / 2 against the sum of the losses
    double held_out = 1.0 / 3.0;  ///< share of the examples of each side on which the accuracy is measured
    std::uint64_t seed = 0;       ///< which ones
};

namespace detail {

/// Logistic regression: the least penalty/2 |w|^2 + sum_i log(1 + exp(-s_i (w.h_i + b))), b without penalty, by
/// Newton's method; each step by conjugate gradients, which take no matrix of features x features and as many rounds as
/// there are samples at most. Deterministic.
class LogisticRegression {
public:
    /// h: features x samples; sign: +1 or -1 each.
    LogisticRegression(const Batch<double>& h, const Column<double>& sign, double penalty)
        : h_(h), sign_(sign), penalty_(penalty), w_(Column<double>::Zero(h.rows() + 1)) {
        double value = objective(w_);
        Column<double> g = gradient(w_);
        const double enough = 1e-12 * std::max(1.0, g.norm());
        for (int round = 0; round < 200 && g.norm() > enough; ++round) {
            const Column<double> step = solve(g);
            double length = 1.0;
            Column<double> next = w_ - step;
            double there = objective(next);
            const double rounding = 1e-14 * std::abs(value);
            while (there > value - 1e-4 * length * g.dot(step) + rounding && length > 1e-10) {
                length *= 0.5;
                next = w_ - length * step;
                there = objective(next);
            }
            const Column<double> g_next = gradient(next);
            if (there >= value && g_next.norm() > 0.5 * g.norm()) break;  // as low as rounding lets it get
            w_ = next;
            value = there;
            g = g_next;
        }
    }

    Column<double> weights() const { return w_.head(h_.rows()); }
    double intercept() const { return w_[h_.rows()]; }

private:
    Column<double> margins(const Column<double>& w) const {
        return h_.transpose() * w.head(h_.rows()) + Column<double>::Constant(h_.cols(), w[h_.rows()]);
    }
    double objective(const Column<double>& w) const {
        const Column<double> m = margins(w).cwiseProduct(sign_);
        double sum = 0.5 * penalty_ * w.head(h_.rows()).squaredNorm();
        for (const double v : m) sum += std::max(0.0, -v) + std::log1p(std::exp(-std::abs(v)));
        return sum;
    }
    Column<double> gradient(const Column<double>& w) {
        const Column<double> m = margins(w);
        Column<double> pull(m.size());
        curvature_.resize(m.size());
        for (Index i = 0; i < m.size(); ++i) {
            const double e = std::exp(-std::abs(m[i])), p = (m[i] >= 0.0 ? 1.0 : e) / (1.0 + e);
            pull[i] = p - (sign_[i] > 0.0 ? 1.0 : 0.0);
            curvature_[i] = e / ((1.0 + e) * (1.0 + e));
        }
        Column<double> g(w.size());
        g.head(h_.rows()) = penalty_ * w.head(h_.rows()) + h_ * pull;
        g[h_.rows()] = pull.sum();
        return g;
    }
    Column<double> curve(const Column<double>& v) const {
        const Column<double> m = margins(v).cwiseProduct(curvature_);
        Column<double> out(v.size());
        out.head(h_.rows()) = penalty_ * v.head(h_.rows()) + h_ * m;
        out[h_.rows()] = m.sum();
        return out;
    }
    Column<double> solve(const Column<double>& g) const {
        Column<double> x = Column<double>::Zero(g.size()), r = g, direction = g;
        double square = r.squaredNorm();
        const double enough = 1e-24 * square;
        for (Index i = 0; i < 4 * h_.cols() + 20 && square > enough; ++i) {
            const Column<double> moved = curve(direction);
            const double bend = direction.dot(moved);
            if (!(bend > 0.0)) break;
            x += (square / bend) * direction;
            r -= (square / bend) * moved;
            const double next = r.squaredNorm();
            direction = r + (next / square) * direction;
            square = next;
        }
        return x;
    }

    const Batch<double>& h_;
    const Column<double>& sign_;
    double penalty_;
    Column<double> w_, curvature_;
};

/// Positions of a side, shuffled, the held out ones first.
inline std::vector<Index> shuffled(Index n, std::uint64_t seed) {
    std::vector<Index> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), Index{0});
    Rng rng(seed);
    shuffle(order, rng);
    return order;
}

}  // namespace detail

/// Finds the direction that tells a concept's examples from others: logistic regression with an L2 penalty on the
/// activations of one place. With examples of a second concept as `others`: a relative concept vector. The vector is of
/// all examples; the accuracy of a second one that did not see those held out.
///
/// Shapes   both: neurons x examples.
/// Throws   ShapeError for different numbers of neurons; DataError without examples of a side, for values that are not
///          finite, a penalty that is not above 0 or a share outside 0..1, or if no direction tells the sides apart.
/// Source   Kim et al., Interpretability Beyond Feature Attribution: TCAV (2018).
template <class A, class B>
ConceptVector concept_vector(const Eigen::MatrixBase<A>& examples, const Eigen::MatrixBase<B>& others,
                             const ConceptVectorOptions& options = {}) {
    constexpr const char* where = "concept_vector";
    const auto require = [&](bool fine, const char* what, const std::string& got, const char* expected) {
        if (!fine) detail::raise<DataError>(where, what, got, expected);
    };
    if (examples.rows() != others.rows()) {
        detail::raise<ShapeError>(where, "neurons",
                                  std::to_string(examples.rows()) + " and " + std::to_string(others.rows()), "as many");
    }
    require(examples.cols() > 0, "examples of the concept", "0", "1 or more");
    require(others.cols() > 0, "other examples", "0", "1 or more");
    require(examples.allFinite() && others.allFinite(), "activations", "NaN or infinite", "finite values");
    require(options.penalty > 0.0, "penalty", std::to_string(options.penalty), "above 0");
    require(options.held_out >= 0.0 && options.held_out < 1.0, "held_out", std::to_string(options.held_out),
            "0 or more, below 1");

    const Index n = examples.cols(), m = others.cols();
    Batch<double> h(examples.rows(), n + m);
    h << examples.template cast<double>(), others.template cast<double>();
    Column<double> sign = Column<double>::Ones(n + m);
    sign.tail(m).setConstant(-1.0);
    const detail::LogisticRegression all(h, sign, options.penalty);
    ConceptVector result{{}, all.weights(), all.intercept()};
    const double norm = result.weights.norm();
    require(norm > 0.0, "direction", "none: both sides have the same activations", "one that tells them apart");
    result.vector = result.weights / norm;

    const auto out_n = static_cast<Index>(options.held_out * static_cast<double>(n));
    const auto out_m = static_cast<Index>(options.held_out * static_cast<double>(m));
    if (out_n == 0 || out_m == 0) return result;
    std::vector<Index> seen, unseen;
    const auto part = [&](Index first, Index count, Index held, std::uint64_t key) {
        for (const Index i : detail::shuffled(count, mix(options.seed, key))) {
            if (held-- > 0) {
                unseen.push_back(first + i);
            } else {
                seen.push_back(first + i);
            }
        }
    };
    part(0, n, out_n, 0);
    part(n, m, out_m, 1);
    const Batch<double> h_seen = h(Eigen::all, seen);
    const Column<double> sign_seen = sign(seen);
    const detail::LogisticRegression fitted(h_seen, sign_seen, options.penalty);
    const Column<double> w = fitted.weights();
    double right = 0.0;  // of each side by itself: the sides may differ in number
    for (const Index i : unseen) {
        const double margin = w.dot(h.col(i)) + fitted.intercept();
        if (margin * sign[i] > 0.0) right += 0.5 / static_cast<double>(i < n ? out_n : out_m);
    }
    result.accuracy = right;
    return result;
}

}  // namespace renn::inline RENN_ABI
