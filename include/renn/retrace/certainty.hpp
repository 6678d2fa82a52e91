// SPDX-License-Identifier: MIT
// renn/retrace/certainty.hpp - how clearly the sources speak for one class.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/retrace/blend.hpp>
#include <renn/retrace/retrace.hpp>
#include <renn/retrace/votes.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// Evidence as parts of 1; all 0 if there is none.
inline std::vector<double> parts_of_evidence(const char* where, std::span<const double> evidence) {
    if (evidence.empty()) raise<DataError>(where, "classes", "0", "1 or more");
    require_amounts(where, "evidence of class", evidence);
    if (*std::max_element(evidence.begin(), evidence.end()) > 0.0) return parts_of_one(evidence);
    return std::vector<double>(evidence.size(), 0.0);
}

}  // namespace detail

/// 1 - entropy(E) / log C: 1 if all evidence is for one class, 0 if every class has as much. 0 without any evidence;
/// with a single class, for which there is nothing to doubt, 1.
///
/// Shapes   evidence: one a class, in any unit: it is divided by its sum.
/// Throws   DataError for negative or infinite evidence, or none of any class.
inline double certainty(std::span<const double> evidence) {
    const std::vector<double> parts = detail::parts_of_evidence("certainty", evidence);
    const bool any = *std::max_element(parts.begin(), parts.end()) > 0.0;
    if (!any || parts.size() == 1) return any ? 1.0 : 0.0;
    double entropy = 0.0;
    for (const double p : parts) {
        if (p > 0.0) entropy -= p * std::log(p);
    }
    return std::clamp(1.0 - entropy / std::log(static_cast<double>(parts.size())), 0.0, 1.0);
}

/// How far the class with most evidence is before the next, in parts of all evidence; of a single class, all of it.
/// 0 without any evidence. Shapes and errors as certainty.
inline double margin(std::span<const double> evidence) {
    std::vector<double> parts = detail::parts_of_evidence("margin", evidence);
    std::sort(parts.begin(), parts.end(), std::greater<>());
    return parts.size() == 1 ? parts[0] : parts[0] - parts[1];
}

/// What the votes of a layer or the network say about a prediction.
struct Judgement {
    std::string layer;                 ///< empty: the network
    std::vector<double> evidence;      ///< one a class
    std::int32_t evidence_class = -1;  ///< with most evidence, the first among equals; -1 if nobody voted
    double certainty = 0.0;
    double margin = 0.0;
    bool agreement = false;  ///< the model predicts the class with most evidence

    bool operator==(const Judgement&) const = default;
};

namespace detail {

template <class I>
Judgement judge_votes(const Votes<I>& votes, std::int32_t prediction, const std::string& layer) {
    Judgement j{.layer = layer, .evidence = votes.evidence()};
    j.evidence_class = evidence_class(j.evidence);
    j.certainty = certainty(j.evidence);
    j.margin = margin(j.evidence);
    j.agreement = prediction >= 0 && j.evidence_class == prediction;
    return j;
}

}  // namespace detail

/// The votes of the network, judged. Throws DataError if no labels were recorded.
template <class I>
Judgement judge(const Retrace<I>& answer) {
    return detail::judge_votes<I>(answer, answer.prediction(), "");
}

/// The votes of each layer, in the order of answer.layers(): where the decision forms. Throws as judge.
template <class I>
std::vector<Judgement> judge_layers(const Retrace<I>& answer) {
    std::vector<Judgement> judgements;
    const std::vector<std::string> names = answer.layers();
    for (std::size_t i = 0; i < names.size(); ++i) {
        judgements.push_back(detail::judge_votes(answer.layer(i), answer.prediction(), names[i]));
    }
    return judgements;
}

}  // namespace renn::inline RENN_ABI
