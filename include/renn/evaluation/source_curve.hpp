// SPDX-License-Identifier: MIT
// renn/evaluation/source_curve.hpp - how many of the most voted sources mean anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/data/dataset.hpp>
#include <renn/retrace/certainty.hpp>
#include <renn/retrace/for_each_answer.hpp>
#include <renn/retrace/retrace.hpp>
#include <renn/retrace/source.hpp>

namespace renn::inline RENN_ABI {

/// Means over queries, one entry a rank r of the sources, from 0 for the source with most votes.
struct SourceCurve {
    std::vector<double> share;      ///< of all votes that the source at rank r has
    std::vector<double> same;       ///< how often its label is the class the model predicts
    std::vector<double> accuracy;   ///< of the evidence of the sources up to rank r, without the others
    std::vector<double> agreement;  ///< of that evidence with the model
    std::vector<double> beyond;     ///< accuracy of the evidence of all sources after rank r, without those up to it
};

/// Retraces the data and follows the ranks of the sources of each query.
///
/// Shapes   result: `ranks` entries in each curve. A query with fewer sources adds nothing to share and same at the
///          ranks it has none for, and keeps its evidence there.
/// Throws   DataError for no ranks, no samples or none with labels; as TracedNetwork::retrace.
/// Cost     a retrace, its top(ranks) and its evidence a sample.
template <class Traced>
SourceCurve source_curve(const Traced& traced, const Dataset<typename Traced::Scalar>& data, std::size_t ranks,
                         const RetraceOptions& options = {}, int threads = 1) {
    if (ranks == 0) detail::raise<DataError>("source_curve", "ranks", "0", "1 or more");
    detail::require_labelled("source_curve", data);
    const std::vector<double> zeros(ranks, 0.0);
    SourceCurve curve{zeros, zeros, zeros, zeros, zeros};
    for_each_answer(traced, data, options, threads, [&](Index at, const auto& answer) {
        std::vector<double> rest = answer.evidence();
        std::vector<double> near(rest.size(), 0.0);
        const std::vector<Source> sources = answer.top(ranks + 1);
        for (std::size_t r = 0; r < ranks; ++r) {
            if (r < sources.size()) {
                const auto c = static_cast<std::size_t>(sources[r].label);
                near[c] += sources[r].share;
                rest[c] -= sources[r].share;
                curve.share[r] += sources[r].share;
                curve.same[r] += sources[r].label == answer.prediction() ? 1.0 : 0.0;
            }
            if (sources.empty()) continue;
            const std::int32_t first = evidence_class(near);
            curve.accuracy[r] += first == data.label(at) ? 1.0 : 0.0;
            curve.agreement[r] += first == answer.prediction() ? 1.0 : 0.0;
            if (r + 1 < sources.size()) curve.beyond[r] += evidence_class(rest) == data.label(at) ? 1.0 : 0.0;
        }
    });
    for (auto* values : {&curve.share, &curve.same, &curve.accuracy, &curve.agreement, &curve.beyond}) {
        for (double& v : *values) v /= static_cast<double>(data.samples());
    }
    return curve;
}

}  // namespace renn::inline RENN_ABI
