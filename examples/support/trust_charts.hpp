// SPDX-License-Identifier: MIT
// support/trust_charts.hpp - how far the sources of test images can be trusted, as charts.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <renn/evaluation/detection.hpp>
#include <renn/report/chart.hpp>
#include <renn/report/html.hpp>
#include <renn/retrace/certainty.hpp>
#include <renn/retrace/elbow.hpp>

/// What some traced test images say together.
struct Trust {
    std::vector<double> certainty, first;  ///< of each image: certainty, and the largest evidence
    std::vector<bool> network, sources;    ///< whether these are right
    std::vector<double> shares;            ///< by rank, the sum over images
    std::vector<std::string> layers;
    std::vector<double> layer_right, layer_true;  ///< images for which a layer is right, and sum of the true evidence
    std::size_t agreeing = 0;

    /// Also needed: the label.
    template <class Answer>
    void add(const Answer& answer, std::int32_t label, std::size_t ranks) {
        const renn::Judgement whole = renn::judge(answer);
        certainty.push_back(whole.certainty);
        first.push_back(*std::max_element(whole.evidence.begin(), whole.evidence.end()));
        network.push_back(answer.prediction() == label);
        sources.push_back(whole.evidence_class == label);
        agreeing += whole.agreement ? 1U : 0U;
        shares.resize(ranks, 0.0);
        const std::vector<double> own = renn::vote_shares(answer, ranks);
        for (std::size_t r = 0; r < ranks; ++r) shares[r] += own[r];
        const auto judged = renn::judge_layers(answer);
        layer_right.resize(judged.size(), 0.0);
        layer_true.resize(judged.size(), 0.0);
        layers.resize(judged.size());
        for (std::size_t i = 0; i < judged.size(); ++i) {
            layers[i] = judged[i].layer;
            layer_right[i] += judged[i].evidence_class == label ? 1.0 : 0.0;
            layer_true[i] += judged[i].evidence[static_cast<std::size_t>(label)];
        }
    }

    std::size_t images() const { return certainty.size(); }
    double accuracy() const { return part(std::count(sources.begin(), sources.end(), true)); }
    double agreement() const { return part(static_cast<std::ptrdiff_t>(agreeing)); }
    /// By how well 1 - certainty finds the network's errors; nothing if there are none to find, or nothing else.
    std::optional<double> error_detection() const {
        std::vector<double> doubt;
        std::vector<bool> wrong;
        for (std::size_t i = 0; i < images(); ++i) {
            doubt.push_back(1.0 - certainty[i]);
            wrong.push_back(!network[i]);
        }
        const auto errors = std::count(wrong.begin(), wrong.end(), true);
        if (errors == 0 || errors == std::ssize(wrong)) return std::nullopt;
        return renn::auroc(doubt, wrong);
    }

private:
    double part(std::ptrdiff_t count) const { return static_cast<double>(count) / static_cast<double>(images()); }
};

inline renn::Chart share_chart(const Trust& trust) {
    std::vector<double> rank, share;
    for (std::size_t r = 0; r < trust.shares.size(); ++r) {
        rank.push_back(static_cast<double>(r + 1));
        share.push_back(trust.shares[r] / static_cast<double>(trust.images()));
    }
    renn::Chart chart{.title = "Votes by rank of the source",
                      .description = "Mean share of all votes that the source of a rank has.",
                      .x_name = "rank of the source",
                      .y_name = "share of votes",
                      .series = {{"share of votes", rank, share}},
                      .percent = true};
    if (const auto bend = renn::elbow(share)) {
        const double within = std::accumulate(share.begin(), share.begin() + static_cast<std::ptrdiff_t>(*bend), 0.0);
        chart.notes = {{static_cast<double>(*bend), "elbow: rank " + std::to_string(*bend)}};
        chart.description += " The curve bends at rank " + std::to_string(*bend) + ", farthest below its chord over " +
                             std::to_string(share.size()) + " ranks; the sources up to it have " +
                             renn::html::percent(within) + " of all votes.";
    }
    return chart;
}

inline renn::Chart certainty_chart(const Trust& trust) {
    const int parts = static_cast<int>(std::min<std::size_t>(10, trust.images()));
    const auto of_network = renn::accuracy_by_score(trust.certainty, trust.network, parts);
    const auto of_sources = renn::accuracy_by_score(trust.certainty, trust.sources, parts);
    renn::Chart chart{
        .title = "Accuracy by certainty",
        .description = "Images in ten equal parts by the certainty of their sources, least certain first.",
        .x_name = "tenth of the images, by certainty",
        .y_name = "accuracy",
        .series = {{"network", {}, {}, renn::Mark::bars}, {"evidence of the sources", {}, {}, renn::Mark::points}},
        .percent = true};
    for (std::size_t i = 0; i < of_network.size(); ++i) {
        const auto place = static_cast<double>(i + 1);
        chart.series[0].x.push_back(place);
        chart.series[0].y.push_back(of_network[i].accuracy);
        chart.series[1].x.push_back(place);
        chart.series[1].y.push_back(of_sources[i].accuracy);
    }
    if (const auto detection = trust.error_detection()) {
        chart.description +=
            " Certainty finds the network's errors with an AUROC of " + renn::html::number(*detection, 3) + ".";
    }
    return chart;
}

inline renn::Chart reliability_chart(const Trust& trust) {
    const renn::Calibration calibrated = renn::calibration(trust.first, trust.sources);
    renn::Chart chart{.title = "Reliability of the evidence",
                      .description =
                          "How often the class with most evidence is right, by how much evidence it has. On "
                          "the dashed line evidence would be a probability; the expected calibration error "
                          "is " +
                          renn::html::number(calibrated.error, 3) + ".",
                      .x_name = "evidence of the first class",
                      .y_name = "accuracy",
                      .series = {{"images", {}, {}, renn::Mark::bars}, {"as a probability", {0.0, 1.0}, {0.0, 1.0}}},
                      .percent = true};
    for (std::size_t b = 0; b < calibrated.bins.size(); ++b) {
        if (calibrated.bins[b].samples == 0) continue;
        chart.series[0].x.push_back((static_cast<double>(b) + 0.5) / static_cast<double>(calibrated.bins.size()));
        chart.series[0].y.push_back(calibrated.bins[b].accuracy);
    }
    return chart;
}

inline renn::Chart layer_chart(const Trust& trust) {
    renn::Chart chart{.title = "Where the decision forms",
                      .description =
                          "How often each layer's sources alone name the true class, and how much of their "
                          "votes that class has.",
                      .x_name = "layer",
                      .y_name = "part of the images, of the votes",
                      .series = {{"right by evidence", {}, {}, renn::Mark::bars},
                                 {"mean evidence of the true class", {}, {}, renn::Mark::bars}},
                      .places = trust.layers,
                      .percent = true};
    for (std::size_t i = 0; i < trust.layers.size(); ++i) {
        for (renn::ChartSeries& s : chart.series) s.x.push_back(static_cast<double>(i));
        chart.series[0].y.push_back(trust.layer_right[i] / static_cast<double>(trust.images()));
        chart.series[1].y.push_back(trust.layer_true[i] / static_cast<double>(trust.images()));
    }
    return chart;
}

inline void write_trust(std::ostream& out, const Trust& trust) {
    namespace html = renn::html;
    out << "<p>Of " << html::grouped(trust.images()) << " test images the evidence of the sources alone reads "
        << html::percent(trust.accuracy()) << " right, and agrees with the network on "
        << html::percent(trust.agreement()) << ".</p>\n<div class=\"charts\">\n";
    for (const renn::Chart& chart :
         {certainty_chart(trust), reliability_chart(trust), share_chart(trust), layer_chart(trust)}) {
        renn::write_chart(out, chart);
    }
    out << "</div>\n";
}
