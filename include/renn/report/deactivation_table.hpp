// SPDX-License-Identifier: MIT
// renn/report/deactivation_table.hpp - what switching neurons off does to each class, as tables.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/evaluation/confusion.hpp>
#include <renn/report/html.hpp>

namespace renn::inline RENN_ABI {

/// The rules of style that these tables need beside those of a page: its colours, and its class data for tables.
inline constexpr std::string_view deactivation_style = R"css(
.off-table .off th,.off-table .off td,.off-table td.off{color:var(--wrong);font-weight:650}
.off-table .bar{position:relative;display:block;width:180px;height:12px;background:var(--track);border-radius:2px}
.off-table .bar i{display:block;height:100%;background:var(--bar);border-radius:2px}
.off-table .off .bar i{background:var(--wrong)}
.off-table .bar b{position:absolute;top:-2px;bottom:-2px;width:2px;background:var(--ink)}
.off-table .sum th,.off-table .sum td{border-top:2px solid var(--line)}
.confusion td{position:relative;z-index:0;min-width:44px;padding:4px 8px;text-align:right}
.confusion td i{position:absolute;inset:1px;z-index:-1;background:var(--low)}
.confusion td.same i{background:var(--high)}
.confusion thead th{text-align:right;padding:4px 8px}
)css";

namespace detail {

inline std::string class_name(std::span<const std::string> names, Index c) {
    return html::escape(c < std::ssize(names) ? names[static_cast<std::size_t>(c)] : std::to_string(c));
}

/// "97.24", or a dash for a class without samples.
inline std::string points(double part) {
    return std::isnan(part) ? "\u2013" : html::number(100.0 * part, 2);
}
/// "+0.31", with a true minus sign.
inline std::string change(double part) {
    if (std::isnan(part)) return "\u2013";
    const std::string size = html::number(100.0 * std::abs(part), 2);
    return size == "0.00" ? size : (part < 0.0 ? "\u2212" : "+") + size;
}

}  // namespace detail

/// Accuracy of each class before and after neurons were switched off, and the change; the class `off` that they were
/// chosen for stands out. Names are those of the classes, or their numbers where there are none.
///
/// Throws   ShapeError if before and after are not of the same classes; DataError if `off` is none of them.
/// Source   RENN, figure 4.3.
inline void write_deactivation_table(std::ostream& out, const Confusion& before, const Confusion& after, Index off,
                                     std::span<const std::string> names = {}) {
    const Index classes = before.classes();
    if (after.classes() != classes) {
        detail::raise<ShapeError>("write_deactivation_table", "classes after", std::to_string(after.classes()),
                                  std::to_string(classes) + ", those before");
    }
    if (off < 0 || off >= classes) {
        detail::raise<DataError>("write_deactivation_table", "class", std::to_string(off), detail::below_text(classes));
    }
    out << "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Accuracy of each class\">"
           "<table class=\"data off-table\">\n<thead><tr><th scope=\"col\">Class</th><th scope=\"col\">Samples</th>"
           "<th scope=\"col\">Before, %</th><th scope=\"col\">After, %</th><th scope=\"col\">Change</th>"
           "<td></td></tr></thead>\n<tbody>\n";
    const auto row = [&](const std::string& name, std::string_view kind, std::int64_t samples, double was, double is) {
        out << "<tr" << (kind.empty() ? "" : " class=\"" + std::string(kind) + '"') << "><th scope=\"row\">" << name
            << "</th><td>" << html::grouped(static_cast<std::uint64_t>(samples)) << "</td><td>" << detail::points(was)
            << "</td><td>" << detail::points(is) << "</td><td>" << detail::change(is - was) << "</td><td>";
        if (!std::isnan(was)) {
            out << "<span class=\"bar\" aria-hidden=\"true\"><i style=\"width:" << html::number(100.0 * is, 1)
                << "%\"></i><b style=\"left:calc(" << html::number(100.0 * was, 1) << "% - 2px)\"></b></span>";
        }
        out << "</td></tr>\n";
    };
    for (Index c = 0; c < classes; ++c) {
        row(detail::class_name(names, c) + (c == off ? ", switched off" : ""), c == off ? "off" : "", before.samples(c),
            before.accuracy(c), after.accuracy(c));
    }
    row("Mean of the others", "sum", before.samples() - before.samples(off), before.accuracy_without(off),
        after.accuracy_without(off));
    row("All samples", "", before.samples(), before.accuracy(), after.accuracy());
    out << "</tbody>\n</table></div>\n";
}

/// Which classes are taken for which: a row for each label, a column for each prediction, in samples, with a shade by
/// their part of the label's.
inline void write_confusion(std::ostream& out, const Confusion& confusion, std::span<const std::string> names = {},
                            std::string_view caption = "Rows: the label. Columns: the prediction.") {
    const Index classes = confusion.classes();
    out << "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Confusion matrix\">"
           "<table class=\"data confusion\">\n<caption>"
        << html::escape(caption) << "</caption>\n<thead><tr><th></th>";
    for (Index c = 0; c < classes; ++c) out << "<th scope=\"col\">" << detail::class_name(names, c) << "</th>";
    out << "</tr></thead>\n<tbody>\n";
    for (Index label = 0; label < classes; ++label) {
        const auto all = static_cast<double>(std::max<std::int64_t>(confusion.samples(label), 1));
        out << "<tr><th scope=\"row\">" << detail::class_name(names, label) << "</th>";
        for (Index said = 0; said < classes; ++said) {
            const std::int64_t count = confusion.count(label, said);
            out << "<td" << (label == said ? " class=\"same\">" : ">");
            if (count > 0) {
                const double shade = 0.12 + 0.48 * static_cast<double>(count) / all;
                out << "<i style=\"opacity:" << html::number(shade, 2) << "\"></i>";
            }
            out << count << "</td>";
        }
        out << "</tr>\n";
    }
    out << "</tbody>\n</table></div>\n";
}

/// What was switched off for one class, and what is left.
struct DeactivationRow {
    Index off = 0;            ///< the class
    std::size_t neurons = 0;  ///< switched off
    std::size_t of = 0;       ///< neurons there were to choose from
    Confusion after;
};

/// One row for each class that was switched off: how many neurons that took, and the accuracy of every class after.
/// Throws   DataError without rows; ShapeError if they are not of the same classes.
inline void write_deactivation_overview(std::ostream& out, std::span<const DeactivationRow> rows,
                                        std::span<const std::string> names = {}) {
    if (rows.empty()) detail::raise<DataError>("write_deactivation_overview", "rows", "0", "1 or more");
    const Index classes = rows.front().after.classes();
    out << "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Every class switched off in turn\">"
           "<table class=\"data off-table\">\n<caption>Accuracy of each class in %, with one of them switched off"
           "</caption>\n<thead><tr><th scope=\"col\">Off</th><th scope=\"col\">Neurons</th><th "
           "scope=\"col\">Share</th>";
    for (Index c = 0; c < classes; ++c) out << "<th scope=\"col\">" << detail::class_name(names, c) << "</th>";
    out << "<th scope=\"col\">Mean of the others</th></tr></thead>\n<tbody>\n";
    for (const DeactivationRow& row : rows) {
        if (row.after.classes() != classes) {
            detail::raise<ShapeError>("write_deactivation_overview", "classes", std::to_string(row.after.classes()),
                                      std::to_string(classes));
        }
        const double share = static_cast<double>(row.neurons) / static_cast<double>(std::max<std::size_t>(row.of, 1));
        out << "<tr><th scope=\"row\">" << detail::class_name(names, row.off) << "</th><td>" << row.neurons
            << "</td><td>" << html::percent(share) << "</td>";
        for (Index c = 0; c < classes; ++c) {
            out << (c == row.off ? "<td class=\"off\">" : "<td>") << detail::points(row.after.accuracy(c)) << "</td>";
        }
        out << "<td>" << detail::points(row.after.accuracy_without(row.off)) << "</td></tr>\n";
    }
    out << "</tbody>\n</table></div>\n";
}

}  // namespace renn::inline RENN_ABI
