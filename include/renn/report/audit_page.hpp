// SPDX-License-Identifier: MIT
// renn/report/audit_page.hpp - the findings of a sample audit as HTML, with the picture of each sample.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/data/dataset.hpp>
#include <renn/report/html.hpp>
#include <renn/report/page.hpp>
#include <renn/report/picture.hpp>
#include <renn/report/retrace_style.hpp>
#include <renn/retrace/audit.hpp>

namespace renn::inline RENN_ABI {

/// What the lists of an audit show.
struct AuditPage {
    std::string title = {};  ///< left out: "Which training samples to look at"
    std::string introduction = {};
    std::size_t samples = 48;            ///< most, a list
    std::vector<Finding> findings = {};  ///< left out: all of them. Those that need labels are left out without
    bool duplicates = true;
    std::function<std::string(std::uint64_t id)> note = {};       ///< your own words under a sample, "" for none
    std::vector<std::pair<std::string, std::string>> facts = {};  ///< for the head of a page
};

namespace detail {

struct FindingText {
    std::string_view anchor, title, meaning;
};

inline FindingText finding_text(Finding finding) {
    switch (finding) {
        case Finding::label_conflict:
            return {"label-conflict", "Labels to check",
                    "The samples for which the network does almost the same have other labels. The percentage is their "
                    "share of all votes: the label may be wrong, or the sample lies between classes."};
        case Finding::harm:
            return {
                "harm", "Harmful",
                "Those with the most votes in evaluations that the network got wrong, minus those in evaluations it "
                "got right, per evaluation. Below 0 a sample still speaks more where the network is right."};
        case Finding::isolation:
            return {"isolation", "Isolated",
                    "Nothing like them was recorded: their closest samples are farther away than those of nearly all "
                    "others. The number is that distance, mean over all neurons."};
        case Finding::unused:
            return {"unused", "Unused",
                    "Hardly any other sample rests on them. The number is how often they were among the first "
                    "sources."};
        case Finding::used:
            break;
    }
    return {"used", "Most used",
            "More other samples rest on them than on any others. The number is how often they were among the first "
            "sources."};
}

/// Writes one list after the other.
template <class S>
class AuditWriter {
public:
    AuditWriter(std::ostream& out, const SampleAudit& audit, const Dataset<S>& data, const AuditPage& page)
        : out_(out), audit_(audit), data_(data), page_(page) {
        for (std::size_t s = 0; s < audit.ids().size(); ++s) places_.emplace_back(audit.ids()[s], s);
        std::sort(places_.begin(), places_.end());
    }

    std::vector<Finding> findings() const {
        static constexpr Finding all[] = {Finding::label_conflict, Finding::harm, Finding::isolation, Finding::used,
                                          Finding::unused};
        std::vector<Finding> known;
        for (const Finding f : page_.findings.empty() ? std::span(all) : std::span(page_.findings)) {
            const bool labels = f == Finding::label_conflict, votes = f == Finding::harm;
            if (labels && audit_.conflicts.empty()) continue;
            if (votes && audit_.use.wrong_votes.empty()) continue;
            known.push_back(f);
        }
        return known;
    }

    void contents() {
        out_ << "<nav class=\"contents\" aria-label=\"Findings\">\n<ul>\n";
        for (const Finding f : findings()) {
            const FindingText text = finding_text(f);
            out_ << "<li><a href=\"#audit-" << text.anchor << "\">" << text.title << "</a></li>\n";
        }
        if (page_.duplicates) {
            out_ << "<li><a href=\"#audit-duplicates\">Duplicates</a></li>\n";
        }
        out_ << "</ul>\n</nav>\n";
    }

    void list(Finding finding) {
        const FindingText text = finding_text(finding);
        begin(text.anchor, text.title, {});
        out_ << "<p>" << text.meaning << "</p>\n";
        if (finding == Finding::unused) {
            const auto none = std::count(audit_.use.reach.begin(), audit_.use.reach.end(), 0U);
            out_ << "<p>" << html::grouped(static_cast<std::uint64_t>(none)) << " of "
                 << html::grouped(audit_.use.reach.size()) << " samples were never among them.</p>\n";
        }
        out_ << "<ol class=\"sources\">\n";
        for (const auto& [id, value] : audit_.worst(finding, page_.samples)) {
            std::string shown = finding == Finding::label_conflict ? html::percent(value)
                                : finding == Finding::harm         ? html::number(value, 2)
                                : finding == Finding::isolation    ? html::number(distance(id), 3)
                                                                   : html::grouped(static_cast<std::uint64_t>(value));
            sample(id, shown, finding == Finding::label_conflict);
        }
        out_ << "</ol>\n</section>\n";
    }

    void duplicates() {
        const auto& groups = audit_.duplicates;
        begin("duplicates", "Duplicates", html::grouped(groups.size()));
        out_ << "<p>"
             << (groups.empty() ? "No two samples are the same to the network."
                                : "The network does exactly the same for all samples of a group.")
             << "</p>\n";
        for (std::size_t g = 0; g < std::min(groups.size(), page_.samples); ++g) {
            out_ << "<h3 class=\"quiet\">Group " << g + 1 << "</h3>\n<ol class=\"sources\">\n";
            for (std::size_t i = 0; i < std::min(groups[g].size(), page_.samples); ++i) {
                sample(groups[g][i], {}, false);
            }
            out_ << "</ol>\n";
        }
        out_ << "</section>\n";
    }

private:
    void begin(std::string_view anchor, std::string_view title, const std::string& number) {
        out_ << "<section id=\"audit-" << anchor << "\"" << (data_.image().unknown() ? " class=\"plain\"" : "")
             << ">\n<h2>" << title;
        if (!number.empty()) out_ << " <span>" << number << "</span>";
        out_ << "</h2>\n";
    }

    void sample(std::uint64_t id, const std::string& value, bool compared) {
        const std::size_t place = place_of(id);
        const Index position = data_.position_of(id);
        const std::string name = "sample " + std::to_string(id);
        const std::string label = audit_.labels.empty() ? "" : html::escape(data_.class_name(audit_.labels[place]));
        out_ << "<li>"
             << (data_.image().unknown() ? std::string()
                                         : html::image(picture(data_.input(position), data_.image()), name));
        if (!label.empty()) out_ << "<b>" << label << "</b>";
        if (compared && audit_.spoken[place] >= 0 && audit_.spoken[place] != audit_.labels[place]) {
            out_ << " <span class=\"hidden\">, but the sources say </span>\u2192 <b class=\"wrong\">"
                 << html::escape(data_.class_name(audit_.spoken[place])) << "</b>";
        }
        if (!value.empty()) out_ << "<span class=\"quiet\">" << value << "</span>";
        out_ << "<span class=\"quiet\">#" << id << "</span>";
        const std::string tag = data_.tags().empty() ? "" : data_.tags()[static_cast<std::size_t>(position)];
        if (!tag.empty()) out_ << "<span class=\"quiet\">" << html::escape(tag) << "</span>";
        const std::string note = page_.note ? page_.note(id) : "";
        if (!note.empty()) out_ << "<span class=\"quiet\">" << html::escape(note) << "</span>";
        out_ << "</li>\n";
    }

    std::size_t place_of(std::uint64_t id) const {
        return std::lower_bound(places_.begin(), places_.end(), std::pair(id, std::size_t{0}))->second;
    }
    double distance(std::uint64_t id) const { return audit_.distances[place_of(id)]; }

    std::ostream& out_;
    const SampleAudit& audit_;
    const Dataset<S>& data_;
    const AuditPage& page_;
    std::vector<std::pair<std::uint64_t, std::size_t>> places_;  ///< by id
};

}  // namespace detail

/// Writes the lists of an audit, each a section element, for a page that has the style of a retrace report. `data` is
/// what was recorded; without image shape samples are shown by id and tag.
///
/// Throws   DataError if the data lack a sample that is shown.
template <class S>
void write_audit(std::ostream& out, const SampleAudit& audit, const Dataset<S>& data, const AuditPage& page = {}) {
    detail::AuditWriter<S> writer(out, audit, data, page);
    for (const Finding finding : writer.findings()) writer.list(finding);
    if (page.duplicates) writer.duplicates();
}

/// The same as a page of its own, which needs no other file, no network and no script.
template <class S>
void write_audit_page(std::ostream& out, const SampleAudit& audit, const Dataset<S>& data, const AuditPage& page = {}) {
    const Index width = data.image().unknown() ? 0 : data.image().width;
    const Index thumb = width == 0 || width > 56 ? 56 : (56 + width / 2) / width * width;
    Page made(page.title.empty() ? "Which training samples to look at" : page.title, page.introduction);
    for (const auto& [name, value] : page.facts) made.fact(name, value);
    made.style(detail::retrace_style);
    made.style(":root{--thumb:" + std::to_string(thumb) +
               "px;--figure:140px}\nh3.quiet{font-size:13px;font-weight:400;margin:14px 0 6px}\n");
    made.head([&](std::ostream& to) { detail::AuditWriter<S>(to, audit, data, page).contents(); });
    made.add([&](std::ostream& to) { write_audit(to, audit, data, page); });
    out << made.html();
}

}  // namespace renn::inline RENN_ABI
