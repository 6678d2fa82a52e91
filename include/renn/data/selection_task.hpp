// SPDX-License-Identifier: MIT
// renn/data/selection_task.hpp - many inputs, few of which matter: whether a ranking finds these is known.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/rng.hpp>
#include <renn/data/dataset.hpp>

namespace renn::inline RENN_ABI {

/// A class that depends on some inputs by themselves and on the product of two others; all others are noise.
struct SelectionTask {
    Index inputs = 30;
    std::vector<Index> single = {2, 9, 17, 24};  ///< each counts with `weight`
    std::pair<Index, Index> product = {5, 20};   ///< counts with `product_weight`
    double weight = 1.0, product_weight = 1.5;

    /// The inputs that matter, ascending.
    std::vector<Index> relevant() const {
        std::vector<Index> all = single;
        all.push_back(product.first);
        all.push_back(product.second);
        std::sort(all.begin(), all.end());
        all.erase(std::unique(all.begin(), all.end()), all.end());
        return all;
    }

    /// The logit of the best answer.
    template <class D>
    double logit(const Eigen::MatrixBase<D>& x) const {
        double sum = product_weight * static_cast<double>(x[product.first]) * static_cast<double>(x[product.second]);
        for (const Index i : single) sum += weight * static_cast<double>(x[i]);
        return sum;
    }
};

/// Draws samples: inputs are normal, mean 0 and deviation 1, and independent; the label is 1 with the probability
/// 1 / (1 + exp(-logit)).
///
/// Shapes   inputs: task.inputs x samples; labels: 0 or 1.
/// Throws   DataError for a number of samples below 0 or a task that names an input it does not have.
template <std::floating_point S = float>
Dataset<S> selection_samples(Index samples, std::uint64_t seed, const SelectionTask& task = {}) {
    if (samples < 0) detail::raise<DataError>("selection_samples", "samples", std::to_string(samples), "0 or more");
    for (const Index i : task.relevant()) {
        if (i >= 0 && i < task.inputs) continue;
        detail::raise<DataError>("selection_samples", "input", std::to_string(i),
                                 "0.." + std::to_string(task.inputs - 1));
    }
    Rng rng(seed);
    Batch<S> x(task.inputs, samples);
    std::vector<std::int32_t> labels(static_cast<std::size_t>(samples));
    for (Index s = 0; s < samples; ++s) {
        for (Index i = 0; i < task.inputs; ++i) x(i, s) = static_cast<S>(rng.normal());
        const double chance = 1.0 / (1.0 + std::exp(-task.logit(x.col(s))));
        labels[static_cast<std::size_t>(s)] = rng.uniform() < chance ? 1 : 0;
    }
    return Dataset<S>(std::move(x), {.labels = std::move(labels), .class_names = {"no", "yes"}});
}

}  // namespace renn::inline RENN_ABI
