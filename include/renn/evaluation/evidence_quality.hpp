// SPDX-License-Identifier: MIT
// renn/evaluation/evidence_quality.hpp - how often the sources alone name the right class, and the network's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/data/dataset.hpp>
#include <renn/retrace/certainty.hpp>
#include <renn/retrace/for_each_answer.hpp>
#include <renn/retrace/retrace.hpp>

namespace renn::inline RENN_ABI {

/// What the class with most evidence was worth, of the network or one layer. Each in 0..1; a query for which nobody
/// voted is neither right nor in agreement.
struct EvidenceQuality {
    std::string layer;       ///< empty: the network
    double accuracy = 0.0;   ///< share of the queries with that class
    double agreement = 0.0;  ///< share of the queries for which the model predicts that class
    double silent = 0.0;     ///< share of the queries for which nobody voted

    bool operator==(const EvidenceQuality&) const = default;
};

/// Retraces the data and predicts by evidence alone: first of the network, then of each layer in the order of
/// Retrace::layers().
///
/// Throws   DataError for no samples or none with labels; as TracedNetwork::retrace and judge.
/// Cost     a retrace and its evidence by layer a sample.
template <class Traced>
std::vector<EvidenceQuality> evidence_quality(const Traced& traced, const Dataset<typename Traced::Scalar>& data,
                                              const RetraceOptions& options = {}, int threads = 1) {
    detail::require_labelled("evidence_quality", data);
    std::vector<EvidenceQuality> table;
    const auto n = static_cast<double>(data.samples());
    const auto count = [&](std::size_t row, const Judgement& j, std::int32_t label) {
        if (row == table.size()) table.push_back({.layer = j.layer});
        table[row].accuracy += j.evidence_class == label ? 1.0 : 0.0;
        table[row].agreement += j.agreement ? 1.0 : 0.0;
        table[row].silent += j.evidence_class < 0 ? 1.0 : 0.0;
    };
    for_each_answer(traced, data, options, threads, [&](Index at, const auto& answer) {
        std::size_t row = 0;
        count(row++, judge(answer), data.label(at));
        for (const Judgement& layer : judge_layers(answer)) count(row++, layer, data.label(at));
    });
    for (EvidenceQuality& row : table) {
        row.accuracy /= n;
        row.agreement /= n;
        row.silent /= n;
    }
    return table;
}

}  // namespace renn::inline RENN_ABI
