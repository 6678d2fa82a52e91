// SPDX-License-Identifier: MIT
// renn/attribution/target.hpp - what of a network is explained: one number a sample.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include <renn/attribution/output_choice.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>
#include <renn/core/error.hpp>
#include <renn/core/list_view.hpp>

namespace renn::inline RENN_ABI {

/// Writes, for outputs y (outputs x n), the number that is explained of each sample to `value` (n), and its derivative
/// by y to `slope` (outputs x n). A target that is not linear in y may also have, for second derivatives,
/// `tangent(y, dy, d_slope)`: how `slope` changes along dy; one without is taken as linear. One that chooses by y has
/// `settled(y)`, the target with that choice made, for methods that look at other inputs as well. One that has
/// `part(first, count, all)`, the target of these samples of a batch, lets large batches be worked through in parts.
template <class T, class S>
concept Target = requires(const T& target, const BatchView<S>& y, Column<S>& value, Batch<S>& slope) {
    target(y, value, slope);
};

/// One that large batches need not see at once.
template <class T>
concept PartedTarget = requires(const T& target) {
    target.part(Index{}, Index{}, Index{});
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
    p /= canonical::sum<S>(p.data(), p.size());
}

/// A target with its choice of outputs made as y makes it.
template <class T, class S>
T settle(const T& target, const BatchView<S>& y) {
    if constexpr (requires { target.settled(y); }) {
        return target.settled(y);
    } else {
        return target;
    }
}

}  // namespace detail

/// An output as it is: the logit, of a network that ends in logits.
struct OutputTarget {
    OutputChoice choice;

    template <class S>
    OutputTarget settled(const BatchView<S>& y) const {
        return {choice.settled<S>(y)};
    }
    OutputTarget part(Index first, Index count, Index all) const { return {choice.part(first, count, all)}; }

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
    ProbabilityTarget settled(const BatchView<S>& y) const {
        return {choice.settled<S>(y)};
    }
    ProbabilityTarget part(Index first, Index count, Index all) const { return {choice.part(first, count, all)}; }

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
        for (Index j = 0; j < y.cols(); ++j) {
            auto p = d_slope.col(j);
            detail::probabilities<S>(y, j, p);
            if (y.rows() == 1) {
                p[0] *= (S(1) - p[0]) * (S(1) - S(2) * p[0]) * dy(0, j);
                continue;
            }
            const Index c = choice.of<S>(y, j);
            const S mean = canonical::dot<S>(p.data(), dy.data() + j * dy.outerStride(), p.size());
            const S chosen = p[c], q = chosen * (dy(c, j) - mean);
            p.array() *= -(chosen * (dy.col(j).array() - mean) + q);
            p[c] += q;
        }
    }
};

/// log(p_c / (1 - p_c)) of softmax probabilities: y_c - log sum of exp of the others; of one output, y.
struct LogOddsTarget {
    OutputChoice choice;

    template <class S>
    LogOddsTarget settled(const BatchView<S>& y) const {
        return {choice.settled<S>(y)};
    }
    LogOddsTarget part(Index first, Index count, Index all) const { return {choice.part(first, count, all)}; }

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
            const S mean = canonical::dot<S>(w.data(), dy.data() + j * dy.outerStride(), w.size());
            w.array() *= mean - dy.col(j).array();
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
        const S sum = canonical::sum<S>(w.data(), w.size());
        w /= sum;
        return top + std::log(sum);
    }
};

/// y_a - y_b: what speaks for one class rather than another.
struct DifferenceTarget {
    OutputChoice a, b;

    template <class S>
    DifferenceTarget settled(const BatchView<S>& y) const {
        return {a.settled<S>(y), b.settled<S>(y)};
    }
    DifferenceTarget part(Index first, Index count, Index all) const {
        return {a.part(first, count, all), b.part(first, count, all)};
    }

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

    DirectionTarget part(Index first, Index count, Index all) const {
        if (weights.cols() == 1) return *this;
        detail::require_shape("target", "weights on the outputs", weights, weights.rows(), all);
        return {weights.middleCols(first, count)};
    }

    template <class S>
    void operator()(const BatchView<S>& y, Column<S>& value, Batch<S>& slope) const {
        detail::shape_target<S>(y, value, slope);
        const Index columns = weights.cols() == 1 ? 1 : y.cols();
        detail::require_shape("target", "weights on the outputs", weights, y.rows(), columns);
        for (Index j = 0; j < y.cols(); ++j) {
            slope.col(j) = weights.col(columns == 1 ? 0 : j).template cast<S>();
            value[j] = canonical::dot<S>(slope.col(j).data(), y.data() + j * y.outerStride(), y.rows());
        }
    }
};

/// A target on what a layer inside the network puts out, in place of the outputs.
template <class T>
struct PlaceTarget {
    std::string place;
    T target;

    template <PartedTarget U = T>
    PlaceTarget part(Index first, Index count, Index all) const {
        return {place, target.part(first, count, all)};
    }
};

namespace detail {

template <class T>
inline constexpr bool is_place_target = false;
template <class T>
inline constexpr bool is_place_target<PlaceTarget<T>> = true;

}  // namespace detail

/// Output c of every sample, or each sample's own (the labels), or each sample's greatest.
inline OutputTarget output(std::int64_t c) {
    return {OutputChoice(c)};
}
/// \copydoc output(std::int64_t)
inline OutputTarget output(ListView<std::int32_t> each) {
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
inline ProbabilityTarget probability(ListView<std::int32_t> each) {
    return {OutputChoice(each)};
}

/// Log-odds of class c, or of each sample's own. See LogOddsTarget.
inline LogOddsTarget log_odds(std::int64_t c) {
    return {OutputChoice(c)};
}
/// \copydoc log_odds(std::int64_t)
inline LogOddsTarget log_odds(ListView<std::int32_t> each) {
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
