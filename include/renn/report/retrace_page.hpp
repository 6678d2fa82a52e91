// SPDX-License-Identifier: MIT
// renn/report/retrace_page.hpp - the sections of a retrace report.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/network/fingerprint.hpp>
#include <renn/report/chart.hpp>
#include <renn/report/evidence_by_layer.hpp>
#include <renn/report/html.hpp>
#include <renn/report/page.hpp>
#include <renn/report/retrace_style.hpp>
#include <renn/report/retrace_view.hpp>
#include <renn/report/retrace_view_html.hpp>
#include <renn/retrace/retrace.hpp>

namespace renn::inline RENN_ABI::detail {

class PageWriter : private ViewWriter {
    /// What a member writes into out_, as a writer of a page.
    template <class F>
    auto part(F write) {
        return [this, write](std::ostream& out) {
            write();
            out << std::exchange(out_, {});
        };
    }

public:
    using ViewWriter::ViewWriter;

    void add_to(Page& page) {
        page.style(retrace_style);
        page.style(widths());
        for (const auto& f : page_.facts) page.fact(f.name, f.value);
        provenance(page);
        page.head(part([this] { key(); }));
        std::vector<const ReportSample*> wrong, right;
        for (const ReportSample& s : page_.samples) (s.wrong() ? wrong : right).push_back(&s);
        page.add(part([&] { overview(wrong, right); }));
        section(page, "Misclassified", wrong);
        const bool known = std::any_of(right.begin(), right.end(), [](const auto* s) { return s->label >= 0; });
        section(page, known ? "Classified correctly" : "Samples", right);
        page.foot(part([this] { foot(); }));
    }

private:
    bool pictures() const {
        return std::any_of(page_.samples.begin(), page_.samples.end(), [](const ReportSample& s) {
            for (const ReportView& v : s.network.views) {
                if (!v.sources.empty()) return !v.sources.front().picture.empty();
            }
            return false;
        });
    }

    /// Small pictures are shown at a whole multiple of their size, so that all pixels are equal.
    std::string widths() const {
        Index width = 0;
        for (const ReportSample& s : page_.samples) {
            for (const ReportView& v : s.network.views) {
                for (const ReportSource& source : v.sources) width = std::max(width, source.picture.width);
            }
        }
        const auto shown = [width](Index wanted) {
            if (width == 0 || width > wanted) return wanted;
            return (wanted + width / 2) / width * width;
        };
        return ":root{--thumb:" + std::to_string(shown(56)) + "px;--figure:" + std::to_string(shown(140)) +
               "px;--look:" + std::to_string(shown(84)) + "px}\n";
    }

    void provenance(Page& page) const {
        if (page_.samples.empty()) return;
        const Provenance& p = page_.provenance;
        std::string ties = p.ties;
        std::replace(ties.begin(), ties.end(), '_', ' ');
        page.fact("Votes a neuron", "k = " + html::grouped(static_cast<std::uint64_t>(p.k)) + ", ties: " + ties);
        page.fact("Index", p.index);
    }

    void key() {
        const std::string source = html::escape(page_.source_name);
        const auto term = [this](std::string_view name, const std::string& meaning) {
            ((out_ += "<dt>") += name) += "</dt><dd>";
            (out_ += meaning) += "</dd>\n";
        };
        out_ += "<details>\n<summary>How to read this page</summary>\n<dl class=\"key\">\n";
        term("Sources",
             "For every neuron the k " + source +
                 "s with the closest values get a vote each. Those with "
                 "the most votes are what the prediction rests on; the percentage is a source\u2019s share of all "
                 "votes.");
        if (page_.class_names.empty()) {
            term("Sources say",
                 "The mean of the targets of the most voted sources, weighted by their votes, to be compared with the "
                 "prediction.");
        } else {
            class_key(term, std::any_of(page_.samples.begin(), page_.samples.end(),
                                        [](const ReportSample& s) { return s.familiarity || s.credibility; }));
        }
        term("Blend",
             "The mean of the most voted sources, weighted by their votes: what the network \u201csees\u201d.");
        term("Before and after the activation",
             "The same neurons, once as weighted sums, once as they pass them on. "
             "After a ReLU many values are equally 0; where more samples tie than "
             "places are left, the tie rule decides.");
        const bool marked = std::any_of(page_.samples.begin(), page_.samples.end(), [](const ReportSample& s) {
            return std::any_of(s.layers.begin(), s.layers.end(), has_looks);
        });
        if (marked) {
            term("Frames",
                 "The part of a picture that a neuron of a convolution can see; of a channel, that at the place where "
                 "it is largest.");
        }
        out_ += "</dl>\n</details>\n";
    }

    template <class Term>
    static void class_key(const Term& term, bool measured) {
        term("4 \u2192 9",
             "The label is 4, the network says 9. This is also told for each source, which the network "
             "was trained on.");
        term("Evidence",
             "How much of all votes went to sources of each class. <b class=\"true\">Green</b> is the true "
             "label, <b class=\"wrong\">red</b> a wrong prediction. Sources agree if most of their votes "
             "are for the class that the network predicts.");
        term("Certainty and margin",
             "Certainty is 1 if all evidence is for one class and 0 if it is spread evenly over all; the margin is how "
             "far the first class is before the second.");
        if (measured) {
            term("Familiarity and credibility",
                 "Familiarity is the share of training samples that are as far from the others as this one is from "
                 "them, or farther: near 0 it is like nothing seen in training. Credibility is the share of samples of "
                 "known class whose sources fitted that class as badly as they fit the prediction here, or worse.");
        }
    }

    void overview(const std::vector<const ReportSample*>& wrong, const std::vector<const ReportSample*>& right) {
        if (page_.samples.size() < 2) return;
        out_ += "<nav class=\"overview\" aria-label=\"Samples\">\n<h2 class=\"hidden\">All samples</h2>\n<ul>\n";
        for (const auto* group : {&wrong, &right}) {
            for (const ReportSample* s : *group) {
                out_ += "<li><a href=\"#" + anchor(*s) + "\">" + html::image(s->picture, name_of(*s)) +
                        (s->picture.empty() ? html::escape(name_of(*s)) + "<br>" : "") +
                        reading(s->label, s->prediction) + "</a></li>\n";
            }
        }
        out_ += "</ul>\n</nav>\n";
    }

    /// Samples may share an id (queries from several sets), pages may not.
    std::string anchor(const ReportSample& s) const {
        return "sample-" + std::to_string(&s - page_.samples.data() + 1);
    }
    void section(Page& page, std::string_view title, const std::vector<const ReportSample*>& samples) {
        if (samples.empty()) return;
        const auto articles = [&] {
            if (!pictures()) out_ += "<div class=\"plain\">\n";
            for (const ReportSample* s : samples) article(*s);
            if (!pictures()) out_ += "</div>\n";
        };
        page.section(title, part(articles), std::to_string(samples.size()));
    }

    void article(const ReportSample& s) {
        out_ += "<article id=\"" + anchor(s) + "\">\n<h3>";
        text(capital(name_of(s)));
        if (s.label >= 0 && s.prediction >= 0) {
            out_ += ": <span class=\"true\">" + html::escape(class_name(s.label)) + "</span>, ";
            out_ += s.wrong() ? "read as <span class=\"wrong\">" + html::escape(class_name(s.prediction)) + "</span>"
                              : "and read so";
        }
        out_ += "</h3>\n<div class=\"network";
        out_ += s.network.views.size() < 2 ? " one\">\n" : "\">\n";
        input(s);
        views(s, s.network, true);
        out_ += "</div>\n" + s.more;
        if (!s.layers.empty()) {
            out_ += "<details>\n<summary>Layer by layer<span class=\"hidden\"> for ";
            text(name_of(s));
            out_ += "</span></summary>\n";
            const auto name = [this](std::int32_t label) { return class_name(label); };
            if (const auto chart = evidence_by_layer(s, name)) {
                std::ostringstream out;
                write_chart(out, *chart, "h4");
                out_ += out.str();
            }
            for (std::size_t i = 0; i < s.layers.size(); ++i) layer(s, i);
            out_ += "</details>\n";
        }
        out_ += "</article>\n";
    }

    void input(const ReportSample& s) {
        out_ += "<div class=\"input\">\n";
        const bool targets = !page_.target_image.unknown();
        const auto figure = [&](const Picture& picture, const std::string& alternative, const std::string& caption) {
            if (picture.empty()) return;
            out_ += "<figure>" + html::image(picture, alternative + ", " + name_of(s));
            if (targets) out_ += "<figcaption>" + caption + "</figcaption>";
            out_ += "</figure>\n";
        };
        figure(s.picture, targets ? "The target" : "The input", "Target<br>" + values_text(s.target));
        figure(s.output_picture, "The output", "Predicted<br>" + values_text(s.outputs));
        out_ += "<dl>";
        const auto line = [this](std::string_view name, std::string_view kind, std::int32_t label) {
            ((out_ += "<dt>") += name) += "</dt><dd";
            if (!kind.empty()) (out_ += " class=\"") += std::string(kind) + '"';
            out_ += '>' + html::escape(class_name(label)) + "</dd>";
        };
        if (s.prediction >= 0) line("Prediction", relation(s, s.prediction), s.prediction);
        if (s.label >= 0) line("True label", "true", s.label);
        measure("Familiarity", s.familiarity);
        measure("Credibility", s.credibility);
        if (!targets) {
            values("Target", s.target);
            values("Predicted", s.outputs);
        }
        out_ += "</dl>\n</div>\n";
    }

    void measure(std::string_view name, const std::optional<double>& value) {
        if (!value) return;
        out_ += "<dt>" + std::string(name) + "</dt><dd class=\"values\">" + html::number(*value, 2) + "</dd>";
    }

    void values(std::string_view name, const std::vector<double>& shown) {
        const std::string text = values_text(shown);
        if (text.empty()) return;
        out_ += "<dt>" + std::string(name) + "</dt><dd class=\"values\">" + text + "</dd>";
    }

    void layer(const ReportSample& s, std::size_t number) {
        const ReportLayer& l = s.layers[number];
        out_ += "<div class=\"layer\">\n<h4>Layer " + std::to_string(number + 1) + " <span class=\"quiet\">";
        text(l.name);
        out_ += "</span></h4>\n<div class=\"views\">\n";
        views(s, l, false);
        out_ += "</div>\n";
        neurons(l);
        looks(l);
        out_ += "</div>\n";
    }

    void foot() {
        const Provenance& p = page_.provenance;
        if (page_.samples.empty()) {
            out_ += "<p>No samples.</p>";
        } else {
            out_ += "<p>Made with renn " + html::escape(p.library) + ". Network " + fingerprint_text(p.fingerprint) +
                    ", recorded with " + html::escape(p.build) + '.';
            if (!p.same_build) {
                out_ += " This program was built another way, so equal activations may differ in their last bits.";
            }
            out_ += "</p>";
        }
    }
};

}  // namespace renn::inline RENN_ABI::detail
