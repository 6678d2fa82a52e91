// SPDX-License-Identifier: MIT
// renn/training/loss.hpp - what training makes small.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>

namespace renn {

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

/// Returns the mean loss of a batch and writes its derivative by the outputs.
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
    if (outputs.rows() == 1) {
        raise<ShapeError>(where, "outputs", "1", "one for each class; BinaryCrossEntropy takes a single logit");
    }
    for (std::size_t j = 0; j < labels.size(); ++j) {
        if (labels[j] >= 0 && static_cast<Index>(labels[j]) < outputs.rows()) continue;
        raise<DataError>(where, "label of column " + std::to_string(j), std::to_string(labels[j]),
                         "0.." + std::to_string(outputs.rows() - 1) + ", the outputs");
    }
}

}  // namespace detail

/// -sum_c t_c log softmax(z)_c of the logits z, mean over the batch. Targets are labels or probabilities.
struct CrossEntropy {
    template <class S>
    double operator()(const BatchView<S>& z, const Targets<S>& targets, Batch<S>& gradient) const {
        detail::require_targets<S>("CrossEntropy", z, targets);
        if (targets.values == nullptr) detail::require_labels<S>("CrossEntropy", z, targets.labels);
        detail::reshape(gradient, z.rows(), z.cols());
        double total = 0.0;
        const S share = z.cols() > 0 ? S(1) / static_cast<S>(z.cols()) : S(0);
        for (Index j = 0; j < z.cols(); ++j) {
            auto p = gradient.col(j);
            const S top = z.rows() > 0 ? z.col(j).maxCoeff() : S(0);
            p = (z.col(j).array() - top).exp();
            const S sum = p.sum();
            const double log_sum = std::log(static_cast<double>(sum));
            p /= sum;
            S weight = S(1);  // the targets of a sample need not sum to one
            if (targets.values == nullptr) {
                const auto label = static_cast<Index>(targets.labels[static_cast<std::size_t>(j)]);
                total += log_sum - static_cast<double>(z(label, j) - top);
                p[label] -= S(1);
            } else {
                weight = targets.values->col(j).sum();
                for (Index i = 0; i < z.rows(); ++i) {
                    const S wanted = (*targets.values)(i, j);
                    total += static_cast<double>(wanted) * (log_sum - static_cast<double>(z(i, j) - top));
                    p[i] = weight * p[i] - wanted;
                }
            }
            p *= share;
        }
        return z.cols() > 0 ? total / static_cast<double>(z.cols()) : 0.0;
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
};

/// -t log sigmoid(z) - (1 - t) log(1 - sigmoid(z)) of the logits z, mean over outputs and batch, in the form that
/// neither overflows nor cancels: max(z, 0) - z t + log(1 + exp(-|z|)).
struct BinaryCrossEntropy {
    template <class S>
    double operator()(const BatchView<S>& z, const Targets<S>& targets, Batch<S>& gradient) const {
        detail::require_targets<S>("BinaryCrossEntropy", z, targets);
        detail::reshape(gradient, z.rows(), z.cols());
        if (z.size() == 0) return 0.0;
        double total = 0.0;
        const double share = 1.0 / static_cast<double>(z.size());
        for (Index j = 0; j < z.cols(); ++j) {
            for (Index i = 0; i < z.rows(); ++i) {
                const auto logit = static_cast<double>(z(i, j));
                const auto wanted = static_cast<double>(targets(i, j, z.rows()));
                const double small = std::exp(-std::abs(logit));
                total += std::max(logit, 0.0) - logit * wanted + std::log1p(small);
                const double probability = logit >= 0.0 ? 1.0 / (1.0 + small) : small / (1.0 + small);
                gradient(i, j) = static_cast<S>((probability - wanted) * share);
            }
        }
        return total * share;
    }
};

using AnyLoss = std::variant<CrossEntropy, MeanSquaredError, BinaryCrossEntropy>;

}  // namespace renn
