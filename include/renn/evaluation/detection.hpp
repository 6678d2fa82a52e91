// SPDX-License-Identifier: MIT
// renn/evaluation/detection.hpp - how well a score tells two kinds of samples apart, and whether certainty is earned.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

inline void require_scores(const char* where, std::span<const double> scores, std::size_t answers) {
    if (scores.size() != answers) {
        raise<ShapeError>(where, "scores", std::to_string(scores.size()), std::to_string(answers) + ", one a sample");
    }
    for (std::size_t i = 0; i < scores.size(); ++i) {
        if (std::isnan(scores[i])) raise<DataError>(where, "score " + std::to_string(i), "NaN", "a number");
    }
}

/// Samples by ascending score.
inline std::vector<std::size_t> by_score(std::span<const double> scores) {
    std::vector<std::size_t> order(scores.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
    return order;
}

/// End of the group of equal scores that begins at a place of the order.
inline std::size_t end_of_group(std::span<const double> scores, const std::vector<std::size_t>& order,
                                std::size_t begin) {
    std::size_t end = begin;
    while (end < order.size() && scores[order[end]] == scores[order[begin]]) ++end;
    return end;
}

}  // namespace detail

/// Area under the ROC curve: the chance that a positive sample scores higher than a negative one, equal scores counting
/// half. Exact: pairs are counted in whole numbers and divided once. For errors: auroc(1 - certainty, wrong).
///
/// Shapes   scores and positive: one a sample. Infinite scores are scores.
/// Throws   ShapeError if they differ in number; DataError for a NaN, or without a positive and a negative sample.
/// Cost     O(n log n).
inline double auroc(std::span<const double> scores, const std::vector<bool>& positive) {
    detail::require_scores("auroc", scores, positive.size());
    const auto positives = static_cast<std::uint64_t>(std::count(positive.begin(), positive.end(), true));
    const std::uint64_t negatives = positive.size() - positives;
    if (positives == 0 || negatives == 0) {
        detail::raise<DataError>("auroc", "samples",
                                 std::to_string(positives) + " positive and " + std::to_string(negatives) + " negative",
                                 "1 or more of each");
    }
    const std::vector<std::size_t> order = detail::by_score(scores);
    std::uint64_t below = 0, halves = 0;  // negatives with lower scores, half pairs won
    for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
        end = detail::end_of_group(scores, order, begin);
        std::uint64_t here = 0;
        for (std::size_t i = begin; i < end; ++i) here += positive[order[i]] ? 1U : 0U;
        const std::uint64_t others = end - begin - here;
        halves += here * (2 * below + others);
        below += others;
    }
    return static_cast<double>(halves) / (2.0 * static_cast<double>(positives) * static_cast<double>(negatives));
}

/// Calibration of confidences.
struct Calibration {
    /// Samples with confidence in (b / bins, (b + 1) / bins], the first bin with 0.
    struct Bin {
        std::size_t samples = 0;
        double confidence = 0.0;  ///< mean; 0 without samples
        double accuracy = 0.0;    ///< share of right answers; 0 without samples
    };
    double error = 0.0;     ///< expected: sum over bins of samples / all * |accuracy - confidence|
    double greatest = 0.0;  ///< of a bin with samples
    std::vector<Bin> bins;  ///< the reliability diagram
};

/// Expected calibration error, bins of equal width. For evidence: its largest entry and whether that class is right.
///
/// Shapes   confidence and right: one a sample.
/// Throws   ShapeError if they differ in number; DataError for no samples, no bins or a confidence outside 0..1.
/// Source   Guo et al., On Calibration of Modern Neural Networks (2017), equation 3.
inline Calibration calibration(std::span<const double> confidence, const std::vector<bool>& right, int bins = 10) {
    detail::require_scores("calibration", confidence, right.size());
    if (confidence.empty()) detail::raise<DataError>("calibration", "samples", "0", "1 or more");
    if (bins < 1) detail::raise<DataError>("calibration", "bins", std::to_string(bins), "1 or more");
    Calibration result;
    result.bins.resize(static_cast<std::size_t>(bins));
    const auto edge = [&](int bin) { return static_cast<double>(bin) / static_cast<double>(bins); };
    for (std::size_t i = 0; i < confidence.size(); ++i) {
        const double c = confidence[i];
        if (!(c >= 0.0 && c <= 1.0)) {
            detail::raise<DataError>("calibration", "confidence " + std::to_string(i), std::to_string(c), "0..1");
        }
        int bin = std::clamp(static_cast<int>(c * static_cast<double>(bins)), 0, bins - 1);
        while (bin > 0 && c <= edge(bin)) --bin;  // the product is rounded
        while (bin + 1 < bins && c > edge(bin + 1)) ++bin;
        Calibration::Bin& b = result.bins[static_cast<std::size_t>(bin)];
        ++b.samples;
        b.confidence += c;
        b.accuracy += right[i] ? 1.0 : 0.0;
    }
    for (Calibration::Bin& b : result.bins) {
        if (b.samples == 0) continue;
        b.confidence /= static_cast<double>(b.samples);
        b.accuracy /= static_cast<double>(b.samples);
        const double gap = std::abs(b.accuracy - b.confidence);
        result.error += static_cast<double>(b.samples) / static_cast<double>(confidence.size()) * gap;
        result.greatest = std::max(result.greatest, gap);
    }
    return result;
}

/// One of equal parts of the samples, by score.
struct ScorePart {
    double lowest = 0.0, highest = 0.0;  ///< scores in it
    double accuracy = 0.0;
};

/// Accuracy by decile (or any number of equal parts) of a score such as certainty, lowest scores first. Part d covers
/// the places from d n / parts to (d + 1) n / parts of the order; a sample across an edge counts in both with its
/// pieces, and equal scores all have their group's mean, so that neither order nor n matters.
///
/// Shapes   scores and right: one a sample.
/// Throws   ShapeError if they differ in number; DataError for no samples, no parts or a NaN.
inline std::vector<ScorePart> accuracy_by_score(std::span<const double> scores, const std::vector<bool>& right,
                                                int parts = 10) {
    detail::require_scores("accuracy_by_score", scores, right.size());
    if (scores.empty()) detail::raise<DataError>("accuracy_by_score", "samples", "0", "1 or more");
    if (parts < 1) detail::raise<DataError>("accuracy_by_score", "parts", std::to_string(parts), "1 or more");
    const std::vector<std::size_t> order = detail::by_score(scores);
    const auto pieces = static_cast<std::uint64_t>(parts);  // a sample is so many; a part has n of them
    const std::uint64_t size = order.size();
    std::vector<ScorePart> result(static_cast<std::size_t>(parts));
    for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
        end = detail::end_of_group(scores, order, begin);
        double correct = 0.0;
        for (std::size_t i = begin; i < end; ++i) correct += right[order[i]] ? 1.0 : 0.0;
        const double mean = correct / static_cast<double>(end - begin), score = scores[order[begin]];
        const std::uint64_t from = begin * pieces, to = end * pieces;
        for (std::uint64_t d = from / size; d * size < to; ++d) {
            ScorePart& part = result[d];
            const std::uint64_t low = std::max(from, d * size), high = std::min(to, (d + 1) * size);
            if (low == d * size) part.lowest = score;
            part.highest = score;
            part.accuracy += mean * static_cast<double>(high - low);
        }
    }
    for (ScorePart& part : result) part.accuracy /= static_cast<double>(size);
    return result;
}

}  // namespace renn::inline RENN_ABI
