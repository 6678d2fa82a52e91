// SPDX-License-Identifier: MIT
// renn/report/evidence_by_layer.hpp - a chart of where in the network a prediction forms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <renn/report/chart.hpp>
#include <renn/report/retrace_view.hpp>

namespace renn::inline RENN_ABI::detail {

/// Evidence of the predicted class, the true one, and of the others the strongest. Nothing for fewer than two layers
/// with evidence or without a prediction.
template <class ClassName>
std::optional<Chart> evidence_by_layer(const ReportSample& sample, const ClassName& class_name) {
    std::vector<const ReportView*> views;
    std::vector<double> sums;
    for (const ReportLayer& layer : sample.layers) {
        for (const ReportView& view : layer.views) {
            if (view.evidence.empty()) continue;
            views.push_back(&view);
            sums.resize(view.evidence.size(), 0.0);
            for (std::size_t c = 0; c < sums.size(); ++c) sums[c] += view.evidence[c];
        }
    }
    if (views.size() < 2 || sample.prediction < 0) return std::nullopt;
    std::vector<std::pair<std::int32_t, std::string>> classes{{sample.prediction, class_name(sample.prediction)}};
    if (sample.label < 0) {
        classes[0].second += ", predicted";
    } else {
        classes[0].second += sample.wrong() ? ", wrongly predicted" : ", true and predicted";
    }
    if (sample.wrong()) classes.emplace_back(sample.label, class_name(sample.label) + ", true");
    std::int32_t other = -1;
    for (std::int32_t c = 0; c < static_cast<std::int32_t>(sums.size()); ++c) {
        if (c == sample.prediction || c == sample.label) continue;
        if (other < 0 || sums[static_cast<std::size_t>(c)] > sums[static_cast<std::size_t>(other)]) other = c;
    }
    if (other >= 0) classes.emplace_back(other, class_name(other) + ", strongest other");

    Chart chart{.title = "Evidence by layer",
                .description = "Share of each layer\u2019s votes that went to sources of a class.",
                .x_name = "layer",
                .y_name = "evidence",
                .percent = true};
    for (const ReportView* view : views) chart.places.push_back(view->name);
    for (const auto& [label, name] : classes) {
        ChartSeries& series = chart.series.emplace_back();
        series.name = name;
        const auto at = static_cast<std::size_t>(label);
        for (std::size_t i = 0; i < views.size(); ++i) {
            series.x.push_back(static_cast<double>(i));
            series.y.push_back(at < views[i]->evidence.size() ? views[i]->evidence[at] : 0.0);
        }
    }
    return chart;
}

}  // namespace renn::inline RENN_ABI::detail
