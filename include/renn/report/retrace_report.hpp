// SPDX-License-Identifier: MIT
// renn/report/retrace_report.hpp - a page that shows which training samples predictions rest on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/data/dataset.hpp>
#include <renn/report/neuron_looks.hpp>
#include <renn/report/page.hpp>
#include <renn/report/picture.hpp>
#include <renn/report/retrace_page.hpp>
#include <renn/report/retrace_view.hpp>
#include <renn/retrace/retrace.hpp>

namespace renn::inline RENN_ABI {

/// A sample that a page shows; only the input is needed, and that only for its picture.
template <class S>
struct ReportQuery {
    std::uint64_t id = 0;
    Column<S> input = {};
    std::int32_t label = -1;                 ///< -1: not known
    std::string tag = {};                    ///< the user's own text for it
    Column<S> target = {};                   ///< regression: what the outputs should be, if known
    std::optional<double> familiarity = {};  ///< by Familiarity, if it was asked
    std::optional<double> credibility = {};  ///< by Credibility, of the predicted class
};

/// The sample at a position of a data set. Throws DataError if there is none.
template <class S>
ReportQuery<S> report_query(const Dataset<S>& queries, Index position) {
    ReportQuery<S> query{.id = queries.id(position), .input = queries.input(position)};
    if (queries.has_labels()) query.label = queries.label(position);
    if (!queries.tags().empty()) query.tag = queries.tags()[static_cast<std::size_t>(position)];
    if (queries.has_targets()) query.target = queries.targets().col(position);
    return query;
}

/// Collects traced predictions and writes them as one HTML page: the input, the evidence for each class, the blend of
/// the sources and the sources themselves, for the network and each layer, before and after the activations, and the
/// most active neurons of each layer. Wrong predictions come first. The page needs no other file, no network and no
/// script, and follows the reader's light or dark setting.
///
///     RetraceReport report({.title = "My digits"});
///     report.fact("Accuracy", "97.9 %");
///     report.add(traced.retrace(test.input(7), {.post = true}), training, test, 7);
///     report.write("report.html");
///
/// Shows what there is: samples without image shape by tag and id, without labels no evidence, only the kinds of
/// activation that voted, for regression the outputs beside the target and the blend of the sources' targets. Where
/// targets are pictures (RetracePage::target_image), samples are shown as these. A value; nothing it was given is
/// referred to later.
class RetraceReport {
public:
    explicit RetraceReport(RetracePage page = {}) : page_(std::move(page)) {}

    /// A line of the page's head, such as "Data set", "MNIST".
    void fact(std::string name, std::string value) { page_.facts.push_back({std::move(name), std::move(value)}); }

    /// Adds the answer for a sample. With a marker, such as patch_marker(net), layers that are images also show where
    /// some of their neurons looked: in the sample and in their closest training samples. A marker is any callable that
    /// takes inputs, features x n, and returns a callable (point, unit, column) -> std::optional<Patch>.
    /// Throws   DataError if `training` lacks a source; ShapeError if the input does not have its image shape, or
    ///          targets or outputs not the page's.
    template <class I, class S, class Marker = detail::NoMarker>
    void add(const Retrace<I>& answer, const Dataset<S>& training, const ReportQuery<S>& query,
             const Marker& marker = {}) {
        ReportSample sample = detail::report_sample(answer, training, page_.detail, page_.target_image);
        sample.id = query.id;
        sample.label = query.label;
        sample.tag = query.tag;
        sample.familiarity = query.familiarity;
        sample.credibility = query.credibility;
        if (detail::is_regression(training)) sample.target = detail::doubles(query.target);
        if (page_.target_image.unknown()) {
            if (query.input.size() > 0) sample.picture = picture(query.input, training.image());
        } else if (query.target.size() > 0) {
            sample.picture = picture(query.target, page_.target_image);
        }
        if constexpr (!std::is_same_v<Marker, detail::NoMarker>) {
            if (page_.target_image.unknown() && !sample.picture.empty()) {
                detail::mark_neurons(sample, answer, training, query.input, page_.detail, marker);
            }
        }
        if (page_.samples.empty()) {
            page_.provenance = answer.provenance();
            for (int c = 0; c < training.classes(); ++c) page_.class_names.push_back(training.class_name(c));
        }
        page_.samples.push_back(std::move(sample));
    }

    /// Adds the answer for the sample at a position of a data set.
    template <class I, class S, class Marker = detail::NoMarker>
    void add(const Retrace<I>& answer, const Dataset<S>& training, const Dataset<S>& queries, Index position,
             const Marker& marker = {}) {
        add(answer, training, report_query(queries, position), marker);
    }

    /// Writes more of the sample added last, below its sources: heatmaps, for example. The page needs its style.
    /// Throws DataError if there is no sample yet.
    template <HtmlWriter W>
    void add_below(W&& write) {
        if (page_.samples.empty()) detail::raise<DataError>("RetraceReport::add_below", "samples", "0", "1 or more");
        page_.samples.back().more += detail::written(write);
    }

    std::size_t samples() const noexcept { return page_.samples.size(); }

    /// Adds the facts and samples to a page that has other sections too; title and introduction are then that page's.
    void add_to(Page& page) const { detail::PageWriter(page_).add_to(page); }

    /// The samples as a page of their own.
    Page page() const {
        Page page(page_.title.empty() ? "Retraced predictions" : page_.title, page_.introduction);
        add_to(page);
        return page;
    }
    std::string html() const { return page().html(); }

    /// Writes that page to a file. Throws FormatError if that is not possible.
    void write(const std::string& path) const { page().write(path); }

private:
    RetracePage page_;
};

}  // namespace renn::inline RENN_ABI
