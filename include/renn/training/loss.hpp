// SPDX-License-Identifier: MIT
// renn/training/loss.hpp - what training makes small.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI {

/// What a batch should come out as: labels, or values with the outputs' shape.
template <class S>
struct Targets {
    std::span<const std::int32_t> labels = {};
    const Batch<S>* values = nullptr;

    /// Wanted value of output `i` for sample `j`. Labels count as one-hot; for a single output the label itself.
    S operator()(Index i, Index j, Index outputs) const noexcept {
        if (values != nullptr) return (*values)(i, j);
        const auto label = static_cast<Index>(labels[static_cast<std::size_t>(j)]);
        return outputs == 1 ? static_cast<S>(label) : static_cast<S>(label == i ? 1 : 0);
    }
};

/// Returns the mean loss of a batch and writes its derivative by the outputs. A loss whose mean is not over samples
/// says with `weight(outputs, targets)` what it divides by; one with a head (training/heads.hpp) says with
/// `answer_rows(outputs)` how many outputs, the first, are the model's answer, and checks its data: `check(data,
/// outputs)`. For second derivatives: `tangent(outputs, targets, d_outputs, d_gradient)`, how `gradient` changes along
/// d_outputs.
template <class L, class S>
concept Loss = requires(const L& loss, const BatchView<S>& outputs, const Targets<S>& targets, Batch<S>& gradient) {
    { loss(outputs, targets, gradient) } -> std::convertible_to<double>;
};

namespace detail {

template <class S>
void require_targets(const char* where, const BatchView<S>& outputs, const Targets<S>& targets) {
    if (targets.values != nullptr) {
        require_shape(where, "targets", *targets.values, outputs.rows(), outputs.cols());
    } else if (static_cast<Index>(targets.labels.size()) != outputs.cols()) {
        raise<ShapeError>(where, "labels", std::to_string(targets.labels.size()), std::to_string(outputs.cols()));
    }
}

/// Throws unless every label is a row of the outputs.
template <class S>
void require_labels(const char* where, const BatchView<S>& outputs, std::span<const std::int32_t> labels) {
    for (std::size_t j = 0; j < labels.size(); ++j) {
        if (labels[j] >= 0 && static_cast<Index>(labels[j]) < outputs.rows()) continue;
        raise<DataError>(where, "label of column " + std::to_string(j), std::to_string(labels[j]),
                         "0.." + std::to_string(outputs.rows() - 1) + ", the outputs");
    }
}

/// Throws for a value that is no probability: below 0 or above `most`.
template <class S>
void require_probabilities(const char* where, const Batch<S>& wanted, S most) {
    if (wanted.size() == 0 || (wanted.minCoeff() >= S(0) && wanted.maxCoeff() <= most)) return;
    for (Index j = 0; j < wanted.cols(); ++j) {
        for (Index i = 0; i < wanted.rows(); ++i) {
            const S value = wanted(i, j);
            if (!(value < S(0) || value > most)) continue;
            raise<DataError>(where, "target " + std::to_string(i) + " of column " + std::to_string(j),
                             std::to_string(value), "a probability; MeanSquaredError takes any number");
        }
    }
}

/// Throws unless there are none, or one for each class.
inline void require_class_weights(const char* where, const std::vector<double>& weights, Index classes) {
    if (weights.empty()) return;
    if (static_cast<Index>(weights.size()) != classes) {
        raise<ShapeError>(where, "class_weights", std::to_string(weights.size()),
                          std::to_string(classes) + ", one a class");
    }
    for (std::size_t c = 0; c < weights.size(); ++c) {
        if (weights[c] >= 0.0 && std::isfinite(weights[c])) continue;
        raise<DataError>(where, "weight of class " + std::to_string(c), std::to_string(weights[c]),
                         "a finite value, 0 or more");
    }
}

/// How many of the outputs, the first, are the answer: all unless the loss says otherwise.
template <class L>
Index answer_rows(const L& loss, Index outputs) {
    if constexpr (requires { loss.answer_rows(outputs); }) {
        return loss.answer_rows(outputs);
    } else {
        return outputs;
    }
}

/// What a loss divides by to get its mean: what the loss says, else the number of samples.
template <class S, class L>
double loss_weight(const L& loss, const BatchView<S>& outputs, const Targets<S>& targets) {
    if constexpr (requires { static_cast<double>(loss.weight(outputs, targets)); }) {
        return static_cast<double>(loss.weight(outputs, targets));
    } else {
        return static_cast<double>(outputs.cols());
    }
}

}  // namespace detail

/// -sum_c w_c t_c log softmax(z)_c of the logits z, mean over the batch. Targets are labels or probabilities.
/// With class weights w the mean over labels divides by the sum of the samples' weights, that over probabilities by
/// their number, as PyTorch does; a batch whose weights are all 0 has loss 0.
struct CrossEntropy {
    std::vector<double> class_weights = {};  ///< one a class; none: 1 each

    template <class S>
    double weight(const BatchView<S>& z, const Targets<S>& targets) const {
        if (class_weights.empty() || targets.values != nullptr) return static_cast<double>(z.cols());
        double sum = 0.0;
        for (const std::int32_t label : targets.labels) sum += class_weights[static_cast<std::size_t>(label)];
        return sum;
    }

    template <class S>
    double operator()(const BatchView<S>& z, const Targets<S>& targets, Batch<S>& gradient) const {
        detail::require_targets<S>("CrossEntropy", z, targets);
        if (z.rows() == 1) {  // its softmax is 1 whatever it says
            detail::raise<ShapeError>(
                "CrossEntropy", "outputs", "1",
                "one for each class; BinaryCrossEntropy takes a logit, MeanSquaredError a number");
        }
        if (targets.values == nullptr) {
            detail::require_labels<S>("CrossEntropy", z, targets.labels);
        } else {  // those of a sample need not sum to one
            detail::require_probabilities("CrossEntropy", *targets.values, std::numeric_limits<S>::infinity());
        }
        detail::require_class_weights("CrossEntropy", class_weights, z.rows());
        detail::reshape(gradient, z.rows(), z.cols());
        double total = 0.0;
        const double divisor = weight(z, targets);
        const S share = divisor > 0.0 ? S(1) / static_cast<S>(divisor) : S(0);
        const auto weight_of = [this](Index c) {
            return class_weights.empty() ? 1.0 : class_weights[static_cast<std::size_t>(c)];
        };
        for (Index j = 0; j < z.cols(); ++j) {
            auto p = gradient.col(j);
            const S top = z.rows() > 0 ? z.col(j).maxCoeff() : S(0);
            p = (z.col(j).array() - top).exp();
            const S sum = p.sum();
            const double log_sum = std::log(static_cast<double>(sum));
            p /= sum;
            if (targets.values == nullptr) {
                const auto label = static_cast<Index>(targets.labels[static_cast<std::size_t>(j)]);
                const double w = weight_of(label);
                total += w * (log_sum - static_cast<double>(z(label, j) - top));
                p[label] -= S(1);
                p *= static_cast<S>(w) * share;
            } else {
                S all = S(0);
                for (Index i = 0; i < z.rows(); ++i) all += static_cast<S>(weight_of(i)) * (*targets.values)(i, j);
                for (Index i = 0; i < z.rows(); ++i) {
                    const S wanted = static_cast<S>(weight_of(i)) * (*targets.values)(i, j);
                    total += static_cast<double>(wanted) * (log_sum - static_cast<double>(z(i, j) - top));
                    p[i] = all * p[i] - wanted;
                }
                p *= share;
            }
        }
        return divisor > 0.0 ? total / divisor : 0.0;
    }

    /// p (dz - p.dz), as often as the sample counts.
    template <class S>
    void tangent(const BatchView<S>& z, const Targets<S>& targets, const BatchView<S>& dz, Batch<S>& d_gradient) const {
        detail::require_shape("CrossEntropy::tangent", "dz", dz, z.rows(), z.cols());
        detail::reshape(d_gradient, z.rows(), z.cols());
        const double divisor = weight(z, targets);
        const auto weight_of = [this](Index c) {
            return static_cast<S>(class_weights.empty() ? 1.0 : class_weights[static_cast<std::size_t>(c)]);
        };
        for (Index j = 0; j < z.cols(); ++j) {
            auto p = d_gradient.col(j);
            p = (z.col(j).array() - (z.rows() > 0 ? z.col(j).maxCoeff() : S(0))).exp();
            p /= p.sum();
            S all = S(0);
            if (targets.values == nullptr) {
                all = weight_of(static_cast<Index>(targets.labels[static_cast<std::size_t>(j)]));
            } else {
                for (Index i = 0; i < z.rows(); ++i) all += weight_of(i) * (*targets.values)(i, j);
            }
            if (divisor > 0.0) all /= static_cast<S>(divisor);
            p.array() *= all * (dz.col(j).array() - p.dot(dz.col(j)));
        }
    }
};

/// (y - t)^2, mean over outputs and batch.
struct MeanSquaredError {
    template <class S>
    double operator()(const BatchView<S>& y, const Targets<S>& targets, Batch<S>& gradient) const {
        detail::require_targets<S>("MeanSquaredError", y, targets);
        detail::reshape(gradient, y.rows(), y.cols());
        if (y.size() == 0) return 0.0;
        double total = 0.0;
        const S share = S(2) / static_cast<S>(y.size());
        for (Index j = 0; j < y.cols(); ++j) {
            for (Index i = 0; i < y.rows(); ++i) {
                const S error = y(i, j) - targets(i, j, y.rows());
                total += static_cast<double>(error) * static_cast<double>(error);
                gradient(i, j) = share * error;
            }
        }
        return total / static_cast<double>(y.size());
    }

    template <class S>
    void tangent(const BatchView<S>& y, const Targets<S>&, const BatchView<S>& dy, Batch<S>& d_gradient) const {
        detail::require_shape("MeanSquaredError::tangent", "dy", dy, y.rows(), y.cols());
        detail::reshape(d_gradient, y.rows(), y.cols());
        if (y.size() > 0) d_gradient = S(2) / static_cast<S>(y.size()) * dy;
    }
};

/// -t log sigmoid(z) - (1 - t) log(1 - sigmoid(z)) of the logits z, mean over outputs and batch, in the form that
/// neither overflows nor cancels: max(z, 0) - z t + log(1 + exp(-|z|)). With class weights {w0, w1} an output counts
/// (1 - t) w0 + t w1 times and the mean divides by their sum: for labels the CrossEntropy of the logits {0, z}.
struct BinaryCrossEntropy {
    std::vector<double> class_weights = {};  ///< of class 0 and class 1; none: 1 each

    template <class S>
    double weight(const BatchView<S>& z, const Targets<S>& targets) const {
        if (class_weights.empty() || z.rows() == 0) return static_cast<double>(z.cols());
        double sum = 0.0;
        for (Index j = 0; j < z.cols(); ++j) {
            for (Index i = 0; i < z.rows(); ++i) sum += weight_of(static_cast<double>(targets(i, j, z.rows())));
        }
        return sum / static_cast<double>(z.rows());
    }

    template <class S>
    double operator()(const BatchView<S>& z, const Targets<S>& targets, Batch<S>& gradient) const {
        detail::require_targets<S>("BinaryCrossEntropy", z, targets);
        if (targets.values != nullptr) detail::require_probabilities("BinaryCrossEntropy", *targets.values, S(1));
        detail::require_class_weights("BinaryCrossEntropy", class_weights, 2);
        detail::reshape(gradient, z.rows(), z.cols());
        if (z.size() == 0) return 0.0;
        double total = 0.0;
        const double divisor = weight(z, targets) * static_cast<double>(z.rows());
        const double share = divisor > 0.0 ? 1.0 / divisor : 0.0;
        for (Index j = 0; j < z.cols(); ++j) {
            for (Index i = 0; i < z.rows(); ++i) {
                const auto logit = static_cast<double>(z(i, j));
                const auto wanted = static_cast<double>(targets(i, j, z.rows()));
                const double w = weight_of(wanted);
                const double small = std::exp(-std::abs(logit));
                total += w * (std::max(logit, 0.0) - logit * wanted + std::log1p(small));
                const double probability = logit >= 0.0 ? 1.0 / (1.0 + small) : small / (1.0 + small);
                gradient(i, j) = static_cast<S>(w * (probability - wanted) * share);
            }
        }
        return total * share;
    }

    /// p (1 - p) dz, as often as the output counts.
    template <class S>
    void tangent(const BatchView<S>& z, const Targets<S>& targets, const BatchView<S>& dz, Batch<S>& d_gradient) const {
        detail::require_shape("BinaryCrossEntropy::tangent", "dz", dz, z.rows(), z.cols());
        detail::reshape(d_gradient, z.rows(), z.cols());
        const double divisor = weight(z, targets) * static_cast<double>(z.rows());
        for (Index j = 0; j < z.cols(); ++j) {
            for (Index i = 0; i < z.rows(); ++i) {
                const double small = std::exp(-std::abs(static_cast<double>(z(i, j))));
                const double bend = small / ((1.0 + small) * (1.0 + small));
                const double w = weight_of(static_cast<double>(targets(i, j, z.rows())));
                d_gradient(i, j) = divisor > 0.0 ? static_cast<S>(w * bend / divisor) * dz(i, j) : S(0);
            }
        }
    }

private:
    double weight_of(double wanted) const {
        return class_weights.empty() ? 1.0 : (1.0 - wanted) * class_weights[0] + wanted * class_weights[1];
    }
};

/// The losses that FitOptions can name; fit takes any type that is a Loss.
using AnyLoss = std::variant<CrossEntropy, MeanSquaredError, BinaryCrossEntropy>;

}  // namespace renn::inline RENN_ABI
