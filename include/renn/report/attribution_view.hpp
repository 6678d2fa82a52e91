// SPDX-License-Identifier: MIT
// renn/report/attribution_view.hpp - what methods of attribution say about one sample, side by side on a page.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/attribution/attribution.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/finite.hpp>
#include <renn/core/shape.hpp>
#include <renn/report/heatmap.hpp>
#include <renn/report/html.hpp>
#include <renn/report/picture.hpp>

namespace renn::inline RENN_ABI {

/// What a page tells of a method beside its scores.
struct MethodText {
    /// Something that was found out about it, such as "follows the weights".
    struct Verdict {
        std::string text;
        bool good = true;
    };
    std::string name = {};
    std::string meaning = {};  ///< one sentence: what its scores say
    bool one_sided = false;    ///< scores are strengths, never negative: drawn in one colour
    std::vector<Verdict> verdicts = {};
};

/// What one method says about a sample.
struct AttributionMap {
    MethodText method;
    std::vector<double> scores;         ///< as the method gave them
    Heatmap map;                        ///< of an image
    double sum = 0.0;                   ///< of all scores
    std::optional<double> gap = {};     ///< what is missing from what they should sum to, if they should
    std::vector<std::string> warnings;  ///< of the method
};

/// What is explained of a sample.
struct AttributionSubject {
    std::string target = {};                 ///< in words: "the logit of 4"
    double value = 0.0;                      ///< of the target
    Shape image = {};                        ///< of the input; unknown: features are shown as bars
    std::vector<std::string> features = {};  ///< their names, for bars; empty: numbers
    std::string title = {};                  ///< above all; empty: none
    std::string input_name = "Input";        ///< above the input
    std::size_t bars = 12;                   ///< most shown of a method, those with the largest |score|
};

/// A sample's input and the scores that methods gave it, for a page.
///
///     AttributionView view({.target = "the logit of 4", .value = 8.9, .image = {1, 28, 28}}, x);
///     view.add({.name = "Gradient"}, attribute(net, x, output(4), Gradient{}));
///     page.style(heatmap_style);
///     page.style(attribution_style);
///     page.section("Test image 7", [&](std::ostream& out) { write_attributions(out, view); });
///
/// A value; nothing it was given is referred to later.
class AttributionView {
public:
    /// Throws ShapeError if the input does not have its shape, or another number of features than of their names.
    template <class D>
    AttributionView(AttributionSubject subject, const Eigen::MatrixBase<D>& input)
        : subject_(std::move(subject)), input_(input.rows(), 1) {
        detail::require_shape("AttributionView", "input", input, input.rows(), 1);
        for (Index i = 0; i < input.rows(); ++i) input_(i, 0) = static_cast<double>(input(i, 0));
        if (!subject_.image.unknown()) {
            picture_ = picture(input_, subject_.image);
        } else if (!subject_.features.empty() && std::ssize(subject_.features) != input.rows()) {
            detail::raise<ShapeError>("AttributionView", "names of features", std::to_string(subject_.features.size()),
                                      std::to_string(input.rows()) + ", one a feature");
        }
    }

    /// Adds what a method says of a sample. `scale`, if not 0, is the |score| of the full colour or the longest bar.
    /// Throws   ShapeError if the scores are of other features or there is no such sample; DataError as heatmap. Then
    ///          nothing was added.
    template <class S>
    void add(MethodText method, const Attribution<S>& result, Index sample = 0, double scale = 0.0) {
        const std::string where = "AttributionView::add: " + method.name;
        if (sample < 0 || sample >= result.scores.cols() || result.scores.rows() != input_.rows()) {
            detail::raise<ShapeError>(where, "scores of sample " + std::to_string(sample),
                                      detail::shape_text(result.scores.rows(), result.scores.cols()),
                                      std::to_string(input_.rows()) + " features of it");
        }
        const auto column = result.scores.col(sample);
        for (Index i = 0; i < column.size(); ++i) {
            if (std::isfinite(static_cast<double>(column[i]))) continue;
            detail::raise<DataError>(where, "score " + std::to_string(i),
                                     html::number(static_cast<double>(column[i]), 0), "a finite value");
        }
        AttributionMap added;
        added.method = std::move(method);
        for (Index i = 0; i < column.size(); ++i) added.scores.push_back(static_cast<double>(column[i]));
        added.sum = std::accumulate(added.scores.begin(), added.scores.end(), 0.0);
        if (result.gap.size() > 0) added.gap = static_cast<double>(result.gap[sample]);
        added.warnings = result.warnings;
        const HeatmapOptions drawn{.one_sided = added.method.one_sided, .scale = scale};
        const Eigen::Map<const Eigen::VectorXd> scores(added.scores.data(), column.size());
        if (subject_.image.unknown()) {
            added.map.scale = detail::heat_scale(added.scores, drawn);
        } else {
            added.map = heatmap(scores, input_, subject_.image, drawn);
        }
        maps_.push_back(std::move(added));
    }

    const AttributionSubject& subject() const noexcept { return subject_; }
    const std::vector<AttributionMap>& maps() const noexcept { return maps_; }
    const Picture& input_picture() const noexcept { return picture_; }
    double input(Index feature) const { return input_(feature, 0); }
    std::string feature_name(std::size_t feature) const {
        return subject_.features.empty() ? "#" + std::to_string(feature) : subject_.features[feature];
    }

private:
    AttributionSubject subject_;
    Batch<double> input_;
    Picture picture_;
    std::vector<AttributionMap> maps_;
};

/// How the views look, beside heatmap_style.
inline constexpr std::string_view attribution_style = R"css(
.maps{list-style:none;margin:14px 0 0;padding:0;display:grid;gap:22px 20px;
grid-template-columns:repeat(auto-fill,minmax(min(100%,var(--heat)),1fr))}
.maps.bars{grid-template-columns:repeat(auto-fill,minmax(min(100%,290px),1fr))}
.maps>li{min-width:0;font-size:12.5px;line-height:1.35}
.maps h5{margin:0 0 7px;font-size:13.5px;font-weight:600;color:inherit;line-height:1.3}
.maps dl{margin:5px 0 0}
.maps dl div{display:flex}
.maps dt{color:var(--quiet);width:2.6em}
.maps dd{margin:0;font-weight:600}
.maps p{margin:5px 0 0;max-width:34ch}
.maps .verdicts{list-style:none;margin:4px 0 0;padding:0}
.maps .warning::first-letter{text-transform:uppercase}
.maps .warning{border-left:3px solid var(--look-frame,#e09a1a);padding-left:8px}
.overlay{display:inline-flex;gap:7px;align-items:center;cursor:pointer}
.overlay input{margin:0;width:15px;height:15px}
.attributions:has(.overlay :checked) .heat .over{opacity:1}
.heat-key i{display:inline-block;width:44px;height:11px;margin-right:7px;border-radius:2px;vertical-align:-1px;
box-shadow:0 0 0 1px var(--line);print-color-adjust:exact;-webkit-print-color-adjust:exact}
.above,.heat-key{display:flex;flex-wrap:wrap;align-items:center;gap:3px 20px;font-size:13px;color:var(--quiet)}
.above{margin-top:8px}
.heat-key{list-style:none;margin:0;padding:0}
.attributions>h4{margin-top:22px;padding-top:16px;border-top:1px solid var(--line);font-size:15px}
.attributions:first-child>h4{margin-top:0;padding-top:0;border:0}
.maps table{border-collapse:collapse;width:100%;font-size:12.5px}
.maps th{font-weight:400;text-align:left;padding:1px 8px 1px 0;width:30%;overflow-wrap:anywhere}
.maps td{padding:1px 0}
.maps td:last-child{text-align:right;width:58px;white-space:nowrap}
.maps td i{display:block;height:10px;position:relative;background:var(--track);border-radius:2px}
.maps td b{position:absolute;top:0;height:100%;border-radius:2px;background:var(--for)}
.maps td b.less{background:var(--against)}
.maps td b.strength{background:var(--strength)}
@media (max-width:480px){:root{--heat:140px}.maps{gap:20px 14px}}
)css";

namespace detail {

/// Features by falling |score|, as bars from the middle, or from the left if there is no other side.
inline void write_bars(std::ostream& out, const AttributionView& view, const AttributionMap& shown) {
    std::vector<std::size_t> order(shown.scores.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return std::abs(shown.scores[a]) > std::abs(shown.scores[b]);
    });
    const std::size_t most = std::min(order.size(), view.subject().bars);
    out << "<table><caption class=\"hidden\">" << html::escape(shown.method.name) << ", scores</caption>\n";
    for (std::size_t r = 0; r < most; ++r) {
        const double score = shown.scores[order[r]], span = shown.method.one_sided ? 100.0 : 50.0;
        const double part = shown.map.scale > 0.0 ? std::min(std::abs(score) / shown.map.scale, 1.0) * span : 0.0;
        const double left = shown.method.one_sided ? 0.0 : score < 0.0 ? 50.0 - part : 50.0;
        out << "<tr><th scope=\"row\">" << html::escape(view.feature_name(order[r])) << "</th><td><i><b"
            << (shown.method.one_sided ? " class=\"strength\""
                : score < 0.0          ? " class=\"less\""
                                       : "")
            << " style=\"left:" << html::number(left, 1) << "%;width:" << html::number(part, 1)
            << "%\"></b></i></td><td>"
            << (shown.method.one_sided ? html::significant(score) : html::signed_significant(score)) << "</td></tr>\n";
    }
    out << "</table>";
    if (most < order.size()) out << "<p class=\"quiet\">and " << order.size() - most << " smaller ones</p>";
}

inline void write_card(std::ostream& out, const AttributionView& view, const AttributionMap& shown) {
    out << "<li><h5>" << html::escape(shown.method.name) << "</h5>\n";
    if (view.subject().image.unknown()) {
        write_bars(out, view, shown);
    } else {
        write_heatmap(out, shown.map, shown.method.name);
    }
    out << "\n<dl><div><dt>Sum</dt><dd>" << html::signed_significant(shown.sum) << "</dd></div><div><dt>Gap</dt><dd>";
    if (shown.gap) {
        out << html::signed_significant(*shown.gap);
    } else {
        out << "<span class=\"quiet\" title=\"these scores are not meant to add up\">\u2013</span>";
    }
    out << "</dd></div></dl>\n";
    if (!shown.method.verdicts.empty()) {
        out << "<ul class=\"verdicts\">";
        for (const MethodText::Verdict& v : shown.method.verdicts) {
            out << "<li class=\"" << (v.good ? "true" : "wrong") << "\">" << (v.good ? "\u2713 " : "\u2717 ")
                << html::escape(v.text) << "</li>";
        }
        out << "</ul>\n";
    }
    if (!shown.method.meaning.empty()) out << "<p class=\"quiet\">" << html::escape(shown.method.meaning) << "</p>\n";
    for (const std::string& warning : shown.warnings) {
        out << "<p class=\"warning\">" << html::escape(warning) << "</p>\n";
    }
    out << "</li>\n";
}

/// What the colours mean.
inline void write_heat_key(std::ostream& out) {
    out << "<ul class=\"heat-key\"><li><i style=\"background:var(--for)\"></i>speaks for it</li><li><i "
           "style=\"background:var(--against)\"></i>speaks against it</li><li><i "
           "style=\"background:var(--one-sided)\"></i>matters, for or against</li></ul>\n";
}

}  // namespace detail

/// How views are read, folded up; once a page.
inline void write_attribution_key(std::ostream& out) {
    out << "<details>\n<summary>How to read the maps</summary>\n<dl class=\"key\">\n<dt>Colours</dt><dd>Red speaks for "
           "what is explained, blue against it, and what has no colour does neither. Purple is strength without "
           "direction. The full colour is the largest score of each map, told beneath it: colours of two maps are not "
           "to be compared.</dd>\n<dt>Sum and gap</dt><dd>The sum of all scores of a map, and what is missing from "
           "what they should add up to: the value explained, for some methods less that of a baseline. A dash: they "
           "need "
           "not add up.</dd>\n</dl>\n</details>\n";
}

/// The input with the target and its value, then a map for each method with its scale, the sum of its scores, what is
/// missing from what they should add up to, and what is known of it. The page needs heatmap_style and
/// attribution_style.
inline void write_attributions(std::ostream& out, const AttributionView& view) {
    const AttributionSubject& subject = view.subject();
    const bool image = !subject.image.unknown();
    out << "<div class=\"attributions\">\n";
    if (!subject.title.empty()) out << "<h4>" << html::escape(subject.title) << "</h4>\n";
    if (!view.maps().empty()) {
        out << "<div class=\"above\">";
        detail::write_heat_key(out);
        if (image) out << "<label class=\"overlay\"><input type=\"checkbox\"/>over the input</label>";
        out << "</div>\n";
    }
    const std::string explained = "<p>Explained: " + html::escape(subject.target) + ", which is <b>" +
                                  html::significant(subject.value) + "</b></p>";
    if (image) {
        out << "<ul class=\"maps\">\n<li><h5>" << html::escape(subject.input_name)
            << "</h5>\n<div class=\"heat\"><div class=\"drawn\">"
            << html::image(view.input_picture(), subject.input_name) << "</div></div>\n"
            << explained << "</li>\n";
    } else {
        out << explained << "\n<ul class=\"maps bars\">\n";
    }
    for (const AttributionMap& shown : view.maps()) detail::write_card(out, view, shown);
    out << "</ul>\n</div>\n";
}

}  // namespace renn::inline RENN_ABI
