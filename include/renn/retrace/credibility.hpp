// SPDX-License-Identifier: MIT
// renn/retrace/credibility.hpp - how many samples of known class had sources as mixed as a query's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/data/dataset.hpp>
#include <renn/retrace/blend.hpp>
#include <renn/retrace/for_each_answer.hpp>
#include <renn/retrace/retrace.hpp>

namespace renn::inline RENN_ABI {

/// How little the sources of a query fit each class c: a_c = sum over the layers l that voted of 1 - E_l(c), where E_l
/// is the layer's evidence; a layer without any votes adds 1. In [0, layers]; every layer counts the same.
/// Throws   DataError if no labels were recorded.
/// Source   Papernot and McDaniel (2018), equation 1, votes in place of one k-nearest-neighbour search a layer.
template <class I>
std::vector<double> nonconformity(const Retrace<I>& answer) {
    std::vector<double> sums(static_cast<std::size_t>(answer.store().classes()), 0.0);
    const std::size_t layers = answer.layers().size();
    for (std::size_t i = 0; i < layers; ++i) {
        const std::vector<double> evidence = answer.layer(i).evidence();
        for (std::size_t c = 0; c < sums.size(); ++c) sums[c] += std::max(0.0, 1.0 - evidence[c]);
    }
    return sums;
}

/// What a calibration set says about a query.
struct Conformity {
    std::vector<double> p_values;  ///< one a class
    std::int32_t likeliest = -1;   ///< class with the largest p, of equal ones the least strange; -1 if nobody voted
    double credibility = 0.0;      ///< its p; 0 if nobody voted
    double confidence = 0.0;       ///< 1 - the second largest p, with one class 1; 0 if nobody voted

    bool operator==(const Conformity&) const = default;

    /// Credibility of any class, such as the one the model predicts; 0 for one that no recorded sample can have.
    double credibility_of(std::int32_t wanted) const noexcept {
        const auto at = static_cast<std::size_t>(wanted);
        return wanted >= 0 && at < p_values.size() ? p_values[at] : 0.0;
    }
};

/// Conformal credibility. Let A hold, for every calibration sample x with label y, its nonconformity a_y(x). Of a query
/// q the p-value of class c is the share of A that is as strange or stranger,
///
///     p_c(q) = |{a in A : a >= a_c(q)}| / |A|
///
/// and q gets the class with the largest p: its credibility. Calibration samples must be neither trained on nor
/// recorded, and be drawn as the queries are; then a query has p of its true class <= e in about e of all cases.
/// Source   Papernot and McDaniel, Deep k-Nearest Neighbors (2018), algorithm 1.
class Credibility {
public:
    /// From the nonconformity of calibration samples with their own classes. Throws DataError for none or one that is
    /// not finite.
    explicit Credibility(std::vector<double> calibration) : calibration_(std::move(calibration)) {
        if (calibration_.empty()) detail::raise<DataError>("Credibility", "calibration samples", "0", "1 or more");
        detail::require_amounts("Credibility", "nonconformity of sample", calibration_);
        std::sort(calibration_.begin(), calibration_.end());
    }

    /// Traces the calibration samples; the queries must be traced with the same options.
    /// Throws   DataError for no samples, samples without labels, or a label of no recorded class; as
    ///          TracedNetwork::retrace.
    /// Cost     a forward pass and a retrace each; 8 bytes a sample are kept.
    template <class Traced>
    Credibility(const Traced& traced, const Dataset<typename Traced::Scalar>& calibration,
                const RetraceOptions& options = {}, int threads = 1)
        : Credibility(strangeness(traced, calibration, options, threads)) {}

    /// p of each class, from the nonconformity of each. Throws DataError for one that is not finite.
    std::vector<double> p_values(std::span<const double> nonconformity) const {
        detail::require_amounts("Credibility::p_values", "nonconformity with class", nonconformity);
        std::vector<double> p;
        for (const double a : nonconformity) {
            const auto at = std::lower_bound(calibration_.begin(), calibration_.end(), a);
            p.push_back(static_cast<double>(calibration_.end() - at) / static_cast<double>(calibration_.size()));
        }
        return p;
    }

    /// Throws   DataError if no labels were recorded.
    template <class I>
    Conformity operator()(const Retrace<I>& answer) const {
        const std::vector<double> strange = nonconformity(answer);
        Conformity c{.p_values = p_values(strange)};
        if (answer.total() <= 0.0) return c;
        std::size_t best = 0;
        double second = 0.0;
        for (std::size_t i = 1; i < strange.size(); ++i) {  // least strange is largest p
            if (strange[i] < strange[best]) best = i;
        }
        for (std::size_t i = 0; i < strange.size(); ++i) {
            if (i != best) second = std::max(second, c.p_values[i]);
        }
        c.likeliest = static_cast<std::int32_t>(best);
        c.credibility = c.p_values[best];
        c.confidence = 1.0 - second;
        return c;
    }

    /// Nonconformity of the calibration samples, ascending.
    const std::vector<double>& calibration() const noexcept { return calibration_; }

private:
    template <class Traced>
    static std::vector<double> strangeness(const Traced& traced, const Dataset<typename Traced::Scalar>& data,
                                           const RetraceOptions& options, int threads) {
        if (data.empty()) detail::raise<DataError>("Credibility", "calibration samples", "0", "1 or more");
        if (!data.has_labels()) {
            detail::raise<DataError>("Credibility", "labels", "none", "one a calibration sample");
        }
        std::vector<double> own;
        for_each_answer(traced, data, options, threads, [&](Index at, const auto& answer) {
            const std::vector<double> strange = nonconformity(answer);
            const auto label = static_cast<std::size_t>(data.label(at));
            if (label >= strange.size()) {
                detail::raise<DataError>("Credibility", "label of calibration sample " + std::to_string(at),
                                         std::to_string(label), detail::below_text(std::ssize(strange)));
            }
            own.push_back(strange[label]);
        });
        return own;
    }

    std::vector<double> calibration_;  ///< ascending
};

}  // namespace renn::inline RENN_ABI
