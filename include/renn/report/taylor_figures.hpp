// SPDX-License-Identifier: MIT
// renn/report/taylor_figures.hpp - Taylor coefficients for a page: sorted bars, and a map over two inputs.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <renn/attribution/taylor/coefficients.hpp>
#include <renn/attribution/taylor/input_map.hpp>
#include <renn/attribution/taylor/ranking.hpp>
#include <renn/core/error.hpp>
#include <renn/report/html.hpp>

namespace renn::inline RENN_ABI {

/// How these figures look on a Page: page.style(taylor_style).
inline constexpr std::string_view taylor_style = R"css(
.taylor table{border-collapse:collapse;width:100%;margin-top:10px;font-size:13px;line-height:1.3}
.taylor th{font-weight:400;text-align:left;padding:2px 12px 2px 0;white-space:nowrap}
.taylor td{padding:2px 0}
.taylor td.bar{width:100%}
.taylor td.number{padding-left:10px;text-align:right;white-space:nowrap}
.taylor .bar svg{display:block;width:100%;max-width:none;height:12px;margin:0;overflow:visible}
.taylor .whisker{stroke:var(--ink);vector-effect:non-scaling-stroke}
.taylor .expected{stroke:var(--ink);stroke-width:2;vector-effect:non-scaling-stroke}
.maps{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,270px),1fr));gap:18px}
.map svg{max-width:340px}
.map .cells{color:var(--c1);shape-rendering:crispEdges}
.map .cells path{fill:currentColor}
.map .empty{fill:var(--track)}
)css";

/// What a figure of coefficients shows.
struct CoefficientFigure {
    std::string title;
    std::string description = {};       ///< what there is to be seen
    std::size_t most = 25;              ///< terms, the largest
    std::vector<double> expected = {};  ///< values to compare with, one a term in the terms' order; none: no marks
};

/// Writes the largest coefficients as bars, largest first, with their standard errors; single inputs and pairs in two
/// colours. On a Page that has taylor_style.
/// Throws   ShapeError if there are other than no or as many expected values as terms.
inline void write_coefficients(std::ostream& out, const TaylorCoefficients& t, const CoefficientFigure& figure) {
    if (!figure.expected.empty() && figure.expected.size() != t.terms.size()) {
        detail::raise<ShapeError>("write_coefficients", "expected", std::to_string(figure.expected.size()),
                                  std::to_string(t.terms.size()) + ", one a term");
    }
    const std::vector<std::size_t> shown = select(t, TopCount{figure.most});
    double highest = 0.0;
    for (const std::size_t i : shown) {
        highest = std::max(highest, t.terms[i].value + t.terms[i].error);
        if (!figure.expected.empty()) highest = std::max(highest, figure.expected[i]);
    }
    const auto place = [&](double value) { return html::number(highest > 0.0 ? 100.0 * value / highest : 0.0, 2); };
    const int decimals = highest > 0.0 ? std::clamp(3 - static_cast<int>(std::ceil(std::log10(highest))), 0, 12) : 3;
    out << "<figure class=\"chart taylor\"><h3>" << html::escape(figure.title) << "</h3>\n";
    if (!figure.description.empty()) out << "<figcaption>" << html::escape(figure.description) << "</figcaption>\n";
    out << "<table><tr class=\"hidden\"><th scope=\"col\">Term</th><th scope=\"col\">Bar</th><th scope=\"col\">Mean of "
           "the absolute values</th></tr>\n";
    for (const std::size_t i : shown) {
        const TaylorCoefficient& term = t.terms[i];
        out << "<tr><th scope=\"row\">" << html::escape(term.name)
            << "</th><td class=\"bar\"><svg viewBox=\"0 0 100 12\" "
            << "preserveAspectRatio=\"none\" aria-hidden=\"true\"><g class=\"s" << term.order
            << "\"><rect y=\"1\" width=\"" << place(term.value) << "\" height=\"10\"/></g><line class=\"whisker\" x1=\""
            << place(std::max(0.0, term.value - term.error)) << "\" x2=\"" << place(term.value + term.error)
            << "\" y1=\"6\" y2=\"6\"/>";
        if (!figure.expected.empty()) {
            out << "<line class=\"expected\" x1=\"" << place(figure.expected[i]) << "\" x2=\""
                << place(figure.expected[i]) << "\" y1=\"0\" y2=\"12\"/>";
        }
        out << "</svg></td><td class=\"number\">" << html::number(term.value, decimals) << "</td></tr>\n";
    }
    out << "</table>\n<ul class=\"legend\">";
    const std::array<std::string_view, 2> kinds{"one input", "a pair of inputs"};
    for (std::size_t k = 0; k < kinds.size(); ++k) {
        out << "<li><svg viewBox=\"0 0 22 10\" aria-hidden=\"true\"><g class=\"s" << k + 1
            << "\"><rect x=\"4\" width=\"14\" height=\"10\"/></g></svg><b>" << kinds[k] << "</b></li>";
    }
    if (!figure.expected.empty()) {
        out << "<li><svg viewBox=\"0 0 22 10\" aria-hidden=\"true\"><line class=\"expected\" x1=\"11\" x2=\"11\" "
               "y1=\"0\" y2=\"10\"/></svg><b>expected</b></li>";
    }
    out << "</ul></figure>\n";
}

/// What a map shows.
struct MapFigure {
    std::string title;
    std::string description = {};
    std::string x_name = {}, y_name = {};
    double highest = 0.0;  ///< the value of full colour; 0: the map's highest, and at least 0
};

/// Writes a map of values >= 0 as a square of cells, the deeper the colour the higher the value; cells without samples
/// are grey. On a Page that has taylor_style.
inline void write_input_map(std::ostream& out, const InputMap& map, const MapFigure& figure) {
    constexpr int levels = 24;
    const Index bins = map.grid.bins;
    double highest = figure.highest;
    std::size_t filled = 0;
    for (Index i = 0; i < map.mean.size(); ++i) {
        const double value = map.mean.data()[i];
        if (std::isnan(value)) continue;
        ++filled;
        if (figure.highest <= 0.0) highest = std::max(highest, value);
    }
    std::vector<std::string> cells(levels + 1);
    for (Index row = 0; row < bins; ++row) {
        for (Index column = 0; column < bins; ++column) {
            const double value = map.mean(row, column);
            if (std::isnan(value)) continue;
            const double part = highest > 0.0 ? std::clamp(value / highest, 0.0, 1.0) : 0.0;
            cells[static_cast<std::size_t>(std::lround(part * levels))] +=
                'M' + std::to_string(column) + ' ' + std::to_string(bins - 1 - row) + "h1v1h-1z";
        }
    }
    const std::string title = html::escape(figure.title);
    out << "<figure class=\"chart map\"><h3>" << title << "</h3>\n";
    if (!figure.description.empty()) out << "<figcaption>" << html::escape(figure.description) << "</figcaption>\n";
    constexpr double left = 34, top = 6, side = 250;
    out << "<svg viewBox=\"0 0 352 300\" role=\"img\"><title>" << title << "</title><desc>"
        << html::escape(figure.description) << ' ' << filled << " of " << bins * bins
        << " cells have samples; the highest mean is " << html::number(highest, 3)
        << ".</desc>\n<rect class=\"empty\" x=\"" << left << "\" y=\"" << top << "\" width=\"" << side << "\" height=\""
        << side << "\"/>\n<g class=\"cells\" transform=\"translate(" << left << ' ' << top << ") scale("
        << html::number(side / static_cast<double>(bins), 6) << ")\">";
    out << "<path class=\"card\" style=\"fill:var(--card)\" d=\"";
    for (const std::string& level : cells) out << level;
    out << "\"/>";
    for (std::size_t l = 1; l < cells.size(); ++l) {
        if (cells[l].empty()) continue;
        out << "<path fill-opacity=\"" << html::number(static_cast<double>(l) / levels, 3) << "\" d=\"" << cells[l]
            << "\"/>";
    }
    out << "</g>\n";
    const auto text = [&](double x, double y, std::string_view anchor, std::string_view words) {
        out << "<text x=\"" << html::number(x, 1) << "\" y=\"" << html::number(y, 1) << "\" text-anchor=\"" << anchor
            << "\">" << html::escape(words) << "</text>";
    };
    const int decimals = map.grid.high - map.grid.low >= 2.0 ? 0 : 2;
    for (const double part : {0.0, 0.5, 1.0}) {
        const std::string tick = html::number(map.grid.low + part * (map.grid.high - map.grid.low), decimals);
        text(left + part * side, top + side + 15, "middle", tick);
        text(left - 6, top + side - part * side + 4, "end", tick);
    }
    text(left + side / 2, top + side + 34, "middle", figure.x_name);
    text(2, top + side / 4, "start", figure.y_name);
    out << "<g class=\"cells\">";
    for (int l = 0; l < levels; ++l) {
        out << "<rect x=\"" << left + side + 12 << "\" y=\"" << html::number(top + 90.0 - l * 90.0 / levels, 2)
            << "\" width=\"10\" height=\"" << html::number(90.0 / levels, 2)
            << "\" style=\"opacity:" << html::number((l + 0.5) / levels, 3) << "\"/>";
    }
    out << "</g>";
    text(left + side + 12, top + 112, "start", "0");
    text(left + side + 26, top + 9, "start", html::number(highest, 2));
    out << "</svg></figure>\n";
}

}  // namespace renn::inline RENN_ABI
