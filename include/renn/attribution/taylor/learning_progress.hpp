// SPDX-License-Identifier: MIT
// renn/attribution/taylor/learning_progress.hpp - what a network learns first: its Taylor coefficients after each
// epoch.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/attribution/taylor/coefficients.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/training/fit_options.hpp>

namespace renn::inline RENN_ABI {

/// The coefficients' values after each epoch.
struct LearningProgress {
    std::vector<std::string> names;  ///< of the terms
    std::vector<int> epochs;
    std::vector<std::vector<double>> values;  ///< one a term, each with a value an epoch

    /// Of one term. Throws DataError if there is none of this name.
    const std::vector<double>& operator[](std::string_view name) const {
        for (std::size_t t = 0; t < names.size(); ++t) {
            if (names[t] == name) return values[t];
        }
        detail::raise<DataError>("LearningProgress", "term", '"' + std::string(name) + '"',
                                 "one of the " + std::to_string(names.size()) + " there are");
    }

    /// The first epoch after which a term has reached `part` of its last value and stays above; 0 without epochs.
    int learnt(std::string_view name, double part = 0.5) const {
        const std::vector<double>& v = (*this)[name];
        std::size_t at = v.size();
        while (at > 0 && v[at - 1] >= part * v.back()) --at;
        return at < epochs.size() ? epochs[at] : 0;
    }
};

/// For FitOptions::on_epoch: writes the coefficients of `net` at the samples x to `progress` after each epoch. The
/// network and progress have to outlive the training run; `see` may turn the network into one to look at, such as
/// `[](const auto& n) { return smoothed(n); }`.
///
///     LearningProgress progress;
///     fit(net, data, {.on_epoch = follow_learning(net, x, probability(0), progress)});
///
/// Throws   when called, as taylor_coefficients.
/// Source   Wunsch et al. (2018): correlations are learnt later than single inputs.
template <class Net, class T, class See = std::identity>
std::function<bool(const Epoch&)> follow_learning(const Net& net, Batch<typename Net::Scalar> x, T target,
                                                  LearningProgress& progress, TaylorOptions options = {},
                                                  See see = {}) {
    return [&net, &progress, x = std::move(x), target = std::move(target), options = std::move(options),
            see = std::move(see)](const Epoch& epoch) {
        const TaylorCoefficients now = taylor_coefficients(see(net), x, target, options);
        if (progress.names.empty()) {
            for (const TaylorCoefficient& term : now.terms) progress.names.push_back(term.name);
            progress.values.resize(now.terms.size());
        }
        progress.epochs.push_back(epoch.number);
        for (std::size_t t = 0; t < now.terms.size(); ++t) progress.values[t].push_back(now.terms[t].value);
        return true;
    };
}

}  // namespace renn::inline RENN_ABI
