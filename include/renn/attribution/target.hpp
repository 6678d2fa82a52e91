// SPDX-License-Identifier: MIT
// renn/attribution/target.hpp - what of a network is explained: one number a sample.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI {

/// Writes, for outputs y (outputs x n), the number that is explained of each sample to `value` (n), and its derivative
/// by y to `slope` (outputs x n). A target that is not linear in y may also have, for second derivatives,
/// `tangent(y, dy, d_slope)`: how `slope` changes along dy; one without is taken as linear.
template <class T, class S>
concept Target = requires(const T& target, const BatchView<S>& y, Column<S>& value, Batch<S>& slope) {
    target(y, value, slope);
};

/// Which output of each sample: one for all, one for each, or the greatest of each.
class OutputChoice {
public:
    OutputChoice() = default;
    explicit OutputChoice(std::int64_t one) : chosen_{one} {}
    explicit OutputChoice(std::span<const std::int32_t> each) : chosen_(each.begin(), each.end()), kind_(Kind::each) {}
    static OutputChoice predicted() {
        OutputChoice choice;
        choice.kind_ = Kind::predicted;
        return choice;
    }

    /// Throws ShapeError for another number of samples, DataError for an output that there is not.
    template <class S>
    Index of(const BatchView<S>& y, Index sample) const {
        if (kind_ == Kind::predicted) {
            Index greatest = 0;
            for (Index i = 1; i < y.rows(); ++i) greatest = y(i, sample) > y(greatest, sample) ? i : greatest;
            if (y.rows() == 0) detail::raise<ShapeError>("target", "outputs", "0", "1 or more");
            return greatest;
        }
        if (kind_ == Kind::each && static_cast<Index>(chosen_.size()) != y.cols()) {
            detail::raise<ShapeError>("target", "outputs chosen", std::to_string(chosen_.size()),
                                      std::to_string(y.cols()) + ", one a sample");
        }
        const std::int64_t chosen = chosen_[kind_ == Kind::each ? static_cast<std::size_t>(sample) : 0];
        if (chosen < 0 || chosen >= y.rows()) {
            detail::raise<DataError>("target", "output of sample " + std::to_string(sample), std::to_string(chosen),
                                     "0.." + std::to_string(y.rows() - 1) + ", the outputs");
        }
        return static_cast<Index>(chosen);
    }

private:
    enum class Kind : std::uint8_t { one, each, predicted };
    std::vector<std::int64_t> chosen_{0};
    Kind kind_ = Kind::one;
};

namespace detail {

template <class S>
void shape_target(const BatchView<S>& y, Column<S>& value, Batch<S>& slope) {
    if (value.size() != y.cols()) value.resize(y.cols());
    reshape(slope, y.rows(), y.cols());
}

/// p = softmax(z), one column; of a single output the logistic function.
template <class S, class To>
void probabilities(const BatchView<S>& z, Index j, To&& p) {
    if (z.rows() == 1) {
        p[0] = S(1) / (S(1) + std::exp(-z(0, j)));
        return;
    }
    p = (z.col(j).array() - z.col(j).maxCoeff()).exp();
    p /= p.sum();
}

}  // namespace detail

/// An output as it is: the logit, of a network that ends in logits.
struct OutputTarget {
    OutputChoice choice;

    template <class S>
    void operator()(const BatchView<S>& y, Column<S>& value, Batch<S>& slope) const {
        detail::shape_target<S>(y, value, slope);
        slope.setZero();
        for (Index j = 0; j < y.cols(); ++j) {
            const Index c = choice.of<S>(y, j);
            value[j] = y(c, j);
            slope(c, j) = S(1);
        }
    }
};

/// softmax(y)_c of logits y; of a network with one output, 1 / (1 + exp(-y)). Its slope vanishes where the network is
/// sure: the logit or the log-odds does not.
struct ProbabilityTarget {
    OutputChoice choice;

    template <class S>
    void operator()(const BatchView<S>& y, Column<S>& value, Batch<S>& slope) const {
        detail::shape_target<S>(y, value, slope);
        for (Index j = 0; j < y.cols(); ++j) {
            const Index c = choice.of<S>(y, j);
            auto p = slope.col(j);
            detail::probabilities<S>(y, j, p);
            value[j] = p[c];
            if (y.rows() == 1) {
                p[0] *= S(1) - p[0];
                continue;
            }
            p *= -value[j];
            p[c] += value[j];
        }
    }

    /// With q = dp = p (dy - p.dy): d(p_c (e_c - p)) = q_c (e_c - p) - p_c q.
    template <class S>
    void tangent(const BatchView<S>& y, const BatchView<S>& dy, Batch<S>& d_slope) const {
        detail::reshape(d_slope, y.rows(), y.cols());
        Column<S> p(y.rows());
        for (Index j = 0; j < y.cols(); ++j) {
            detail::probabilities<S>(y, j, p);
            auto d = d_slope.col(j);
            if (y.rows() == 1) {
                d[0] = p[0] * (S(1) - p[0]) * (S(1) - S(2) * p[0]) * dy(0, j);
                continue;
            }
            const Index c = choice.of<S>(y, j);
            const S mean = p.dot(dy.col(j));
            d = -p[c] * (p.array() * (dy.col(j).array() - mean)).matrix();
            const S q = p[c] * (dy(c, j) - mean);
            d -= q * p;
            d[c] += q;
        }
    }
};

/// log(p_c / (1 - p_c)) of softmax probabilities: y_c - log sum of exp of the others; of one output, y.
struct LogOddsTarget {
    OutputChoice choice;

    template <class S>
    void operator()(const BatchView<S>& y, Column<S>& value, Batch<S>& slope) const {
        detail::shape_target<S>(y, value, slope);
        for (Index j = 0; j < y.cols(); ++j) {
            const Index c = choice.of<S>(y, j);
            auto w = slope.col(j);
            value[j] = y(c, j);
            if (y.rows() > 1) value[j] -= others<S>(y, j, c, w);
            w *= S(-1);
            w[c] = S(1);
        }
    }

    /// With the weights w of the others: -w (dy - w.dy).
    template <class S>
    void tangent(const BatchView<S>& y, const BatchView<S>& dy, Batch<S>& d_slope) const {
        detail::reshape(d_slope, y.rows(), y.cols());
        d_slope.setZero();
        if (y.rows() == 1) return;
        for (Index j = 0; j < y.cols(); ++j) {
            auto w = d_slope.col(j);
            others<S>(y, j, choice.of<S>(y, j), w);
            const S mean = w.dot(dy.col(j));
            w = (-w.array() * (dy.col(j).array() - mean)).matrix().eval();
        }
    }

private:
    /// Returns log sum over i != c of exp(y_i), and its derivative, 0 at c.
    template <class S, class To>
    static S others(const BatchView<S>& y, Index j, Index c, To&& w) {
        S top = y(c == 0 ? 1 : 0, j);
        for (Index i = 0; i < y.rows(); ++i) top = i != c ? std::max(top, y(i, j)) : top;
        w = (y.col(j).array() - top).exp();
        w[c] = S(0);
        const S sum = w.sum();
        w /= sum;
        return top + std::log(sum);
    }
};

/// y_a - y_b: what speaks for one class rather than another.
struct DifferenceTarget {
    OutputChoice a, b;

    template <class S>
    void operator()(const BatchView<S>& y, Column<S>& value, Batch<S>& slope) const {
        detail::shape_target<S>(y, value, slope);
        slope.setZero();
        for (Index j = 0; j < y.cols(); ++j) {
            const Index more = a.of<S>(y, j), less = b.of<S>(y, j);
            value[j] = y(more, j) - y(less, j);
            slope(more, j) += S(1);
            slope(less, j) -= S(1);
        }
    }
};

/// v . y for weights v on the outputs, one column for all samples or one a sample.
template <class V>
struct DirectionTarget {
    Batch<V> weights;

    template <class S>
    void operator()(const BatchView<S>& y, Column<S>& value, Batch<S>& slope) const {
        detail::shape_target<S>(y, value, slope);
        const Index columns = weights.cols() == 1 ? 1 : y.cols();
        detail::require_shape("target", "weights on the outputs", weights, y.rows(), columns);
        for (Index j = 0; j < y.cols(); ++j) {
            slope.col(j) = weights.col(columns == 1 ? 0 : j).template cast<S>();
            value[j] = slope.col(j).dot(y.col(j));
        }
    }
};

/// A target on what a layer inside the network puts out, in place of the outputs.
template <class T>
struct PlaceTarget {
    std::string place;
    T target;
};

/// Output c of every sample, or each sample's own (the labels), or each sample's greatest.
inline OutputTarget output(std::int64_t c) {
    return {OutputChoice(c)};
}
/// \copydoc output(std::int64_t)
inline OutputTarget output(std::span<const std::int32_t> each) {
    return {OutputChoice(each)};
}
/// \copydoc output(std::int64_t)
inline OutputTarget predicted_output() {
    return {OutputChoice::predicted()};
}

/// Probability of class c, or of each sample's own. See ProbabilityTarget.
inline ProbabilityTarget probability(std::int64_t c) {
    return {OutputChoice(c)};
}
/// \copydoc probability(std::int64_t)
inline ProbabilityTarget probability(std::span<const std::int32_t> each) {
    return {OutputChoice(each)};
}

/// Log-odds of class c, or of each sample's own. See LogOddsTarget.
inline LogOddsTarget log_odds(std::int64_t c) {
    return {OutputChoice(c)};
}
/// \copydoc log_odds(std::int64_t)
inline LogOddsTarget log_odds(std::span<const std::int32_t> each) {
    return {OutputChoice(each)};
}

/// Output a less output b.
inline DifferenceTarget class_difference(std::int64_t a, std::int64_t b) {
    return {OutputChoice(a), OutputChoice(b)};
}

/// A weighted sum of the outputs: outputs x 1, or outputs x n.
template <class Derived>
DirectionTarget<typename Derived::Scalar> direction(const Eigen::MatrixBase<Derived>& weights) {
    return {weights};
}

/// The same inside the network: at("relu1", output(3)) is unit 3 of that layer.
template <class T>
PlaceTarget<T> at(std::string place, T target) {
    return {std::move(place), std::move(target)};
}

}  // namespace renn::inline RENN_ABI
