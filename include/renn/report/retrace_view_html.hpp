// SPDX-License-Identifier: MIT
// renn/report/retrace_view_html.hpp - the HTML of one view: evidence, blend, sources, neurons.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <renn/report/html.hpp>
#include <renn/report/retrace_view.hpp>

namespace renn::inline RENN_ABI::detail {

class ViewWriter {
public:
    explicit ViewWriter(const RetracePage& page) : page_(page) {}

protected:
    void text(std::string_view t) { out_ += html::escape(t); }

    std::string class_name(std::int32_t label) const {
        if (label < 0) return "\u2013";
        const auto at = static_cast<std::size_t>(label);
        return at < page_.class_names.size() ? page_.class_names[at] : std::to_string(label);
    }

    static std::string capital(std::string name) {
        if (!name.empty() && name[0] >= 'a' && name[0] <= 'z') name[0] = static_cast<char>(name[0] - 'a' + 'A');
        return name;
    }

    /// "label → prediction", as far as they are known; a prediction that is not the label stands out.
    std::string reading(std::int32_t label, std::int32_t prediction) const {
        std::string r;
        if (label >= 0) r = html::escape(class_name(label));
        if (prediction < 0) return r;
        const std::string name = html::escape(class_name(prediction));
        if (label < 0) return "\u2192 " + name;
        return r + " \u2192 " + (label == prediction ? name : "<b class=\"wrong\">" + name + "</b>");
    }

    /// Relation of a class to a sample, as a class of the style sheet.
    static std::string_view relation(const ReportSample& s, std::int32_t label) {
        if (label < 0) return "";
        if (label == s.label) return "true";
        if (label == s.prediction && s.label >= 0) return "wrong";
        return "";
    }

    std::string name_of(const ReportSample& s) const {
        return s.tag.empty() ? page_.sample_name + ' ' + std::to_string(s.id) : s.tag;
    }

    /// "0.12, 0.5, 1": a few values of an output; nothing for many.
    static std::string values_text(const std::vector<double>& values) {
        return values.size() > 8 ? "" : joined(values, [](double v) { return html::number(v, 3); });
    }

    /// Bars of one row have one scale, so that both kinds can be compared.
    void views(const ReportSample& s, const ReportLayer& l, bool network) {
        double most = 0.0;
        for (const ReportView& v : l.views) {
            for (const double e : v.evidence) most = std::max(most, e);
        }
        for (const ReportView& v : l.views) view(s, v, most, network);
    }

    void view(const ReportSample& s, const ReportView& v, double most, bool network) {
        const std::string_view tag = network ? "h4" : "h5";
        const std::string_view where = v.kind == Kind::pre ? "before the activation" : "after the activation";
        out_ += "<div>\n<div class=\"head\"><" + std::string(tag);
        out_ += ">" + capital(std::string(where)) + "</" + std::string(tag) + ">";
        out_ += "<span class=\"quiet\">" + html::grouped(v.neurons) + (v.neurons == 1 ? " neuron, " : " neurons, ") +
                html::grouped(static_cast<std::uint64_t>(std::llround(v.votes))) + " votes</span>";
        verdict(s, v);
        out_ += "</div>\n";
        if (v.sources.empty() && v.blended == 0) {
            out_ += "<p class=\"quiet\">No neuron votes here: the tie rule lets all of them abstain.</p>\n</div>\n";
            return;
        }
        out_ += "<div class=\"sum\">\n";
        if (!v.blend.empty()) {
            const std::string count = std::to_string(v.blended);
            out_ += "<figure>" +
                    html::image(v.blend, "Blend of the " + count + " most voted " + page_.source_name + "s, " +
                                             std::string(where)) +
                    "<figcaption>Blend of " + count + " sources</figcaption></figure>\n";
        }
        evidence(s, v, most);
        out_ += "</div>\n";
        if (!v.sources.empty()) sources(s, v);
        out_ += "</div>\n";
    }

    void verdict(const ReportSample& s, const ReportView& v) {
        if (const std::string said = values_text(v.targets); !said.empty()) {
            out_ += "<span class=\"verdict\">sources say " + said + ", spread " + values_text(v.spread) + "</span>";
        }
        if (v.evidence.empty() || s.prediction < 0) return;
        const auto best =
            static_cast<std::int32_t>(std::max_element(v.evidence.begin(), v.evidence.end()) - v.evidence.begin());
        out_ += "<span class=\"verdict\">sources ";
        out_ += best == s.prediction ? "agree" : "<b>disagree</b>: they say " + html::escape(class_name(best));
        out_ += ", certainty " + html::number(v.certainty, 3) + ", margin " + html::number(v.margin, 3) + "</span>";
    }

    /// All classes up to twelve; of more, those with most evidence, and always the predicted and the true one.
    static std::vector<std::int32_t> shown_classes(const ReportSample& s, const std::vector<double>& evidence) {
        constexpr std::size_t most = 12;
        std::vector<std::int32_t> classes(evidence.size());
        for (std::size_t c = 0; c < classes.size(); ++c) classes[c] = static_cast<std::int32_t>(c);
        if (classes.size() <= most) return classes;
        const auto evidence_of = [&](std::int32_t c) { return evidence[static_cast<std::size_t>(c)]; };
        const auto always = [&](std::int32_t c) { return c == s.prediction || c == s.label; };
        const auto more = [&](std::int32_t a, std::int32_t b) {
            return evidence_of(a) != evidence_of(b) ? evidence_of(a) > evidence_of(b) : a < b;
        };
        const auto first = [&](std::int32_t a, std::int32_t b) {
            return always(a) != always(b) ? always(a) : more(a, b);
        };
        std::sort(classes.begin(), classes.end(), first);
        classes.resize(most);
        std::sort(classes.begin(), classes.end(), more);
        return classes;
    }

    void evidence(const ReportSample& s, const ReportView& v, double most) {
        if (v.evidence.empty()) return;
        const std::vector<std::int32_t> classes = shown_classes(s, v.evidence);
        out_ += "<table class=\"evidence\"><caption class=\"hidden\">Evidence per class</caption>\n";
        for (const std::int32_t c : classes) {
            const double part = v.evidence[static_cast<std::size_t>(c)];
            const std::string_view kind = relation(s, c);
            out_ += kind.empty() ? std::string("<tr>") : "<tr class=\"" + std::string(kind) + "\">";
            out_ += "<th scope=\"row\">" + html::escape(class_name(c)) +
                    "</th><td><span class=\"bar\"><i style=\"width:" +
                    html::number(most > 0.0 ? 100.0 * part / most : 0.0, 1) +
                    "%\"></i></span></td><td class=\"part\">" + html::percent(part) + "</td><td class=\"mark\">";
            if (c == s.prediction)
                out_ += c == s.label ? "true, predicted" : "predicted";
            else if (c == s.label)
                out_ += "true";
            out_ += "</td></tr>\n";
        }
        if (classes.size() < v.evidence.size()) {
            out_ += "<tr><td></td><td colspan=\"3\">and " + std::to_string(v.evidence.size() - classes.size()) +
                    " more classes</td></tr>\n";
        }
        out_ += "</table>\n";
    }

    void sources(const ReportSample& s, const ReportView& v) {
        out_ += "<ol class=\"sources\">\n";
        for (const ReportSource& r : v.sources) {
            const Source& x = r.source;
            std::string told = page_.source_name + ' ' + std::to_string(x.id);
            if (!r.tag.empty()) told += " (" + r.tag + ')';
            if (x.label >= 0) told += ", labelled " + class_name(x.label);
            if (x.prediction >= 0) told += ", the network says " + class_name(x.prediction);
            told += ", " + html::votes(x.votes) + " votes";
            const std::string_view kind = relation(s, x.label);
            out_ += kind.empty() ? std::string("<li") : "<li class=\"" + std::string(kind) + '"';
            out_ += " title=\"" + html::escape(told) + "\">";
            if (r.picture.empty()) {
                out_ += html::escape(r.tag.empty() ? '#' + std::to_string(x.id) : r.tag) + "<br>";
            }
            out_ += html::image(r.picture, told, "loading=\"lazy\"") + "<span class=\"quiet\">" +
                    html::percent(x.share) + "</span>" + reading(x.label, x.prediction) + "</li>\n";
        }
        out_ += "</ol>\n";
    }

    void neurons(const ReportLayer& l) {
        if (l.neurons.empty()) return;
        out_ += l.all_neurons ? "<h5>Its neurons, each" : "<h5>Its neurons with the largest values, each";
        out_ += " blended from its own closest samples</h5>\n<ol class=\"neurons\">\n";
        for (const ReportNeuron& n : l.neurons) {
            const std::string value = html::number(n.value, std::abs(n.value) < 99.95 ? 2 : 0);
            const std::string unit = std::to_string(n.unit);
            const std::string shown = html::image(n.blend, "Blend of neuron " + unit, "loading=\"lazy\"") +
                                      "<span class=\"quiet\">#" + unit + ": " + value + "</span>";
            out_ += n.nearest.empty() ? "<li>" + shown : "<li>" + with_nearest(n, shown);
            if (n.label >= 0) {
                out_ += html::escape(class_name(n.label)) + ": " + html::number(100.0 * n.label_share, 0) + "\u202f%";
            }
            out_ += "</li>\n";
        }
        out_ += "</ol>\n";
    }

    /// Shown by the pointer, and by a click or a key for those who have none.
    std::string with_nearest(const ReportNeuron& n, const std::string& shown) const {
        std::string list, title;
        for (const ReportNeuron::Near& near : n.nearest) {
            std::string text = '#' + std::to_string(near.sample.id);
            if (near.label >= 0) text += " is " + class_name(near.label);
            text += ": " + html::number(near.sample.distance, near.sample.distance < 0.01 ? 5 : 3);
            list += "<li>" + html::escape(text) + "</li>";
            title += (title.empty() ? "" : "\n") + text;
        }
        return "<details><summary title=\"" + html::escape("Closest, with distance:\n" + title) + "\">" + shown +
               "</summary><ul>" + list + "</ul></details>";
    }

    static bool has_looks(const ReportLayer& l) {
        return std::any_of(l.neurons.begin(), l.neurons.end(), [](const auto& n) { return !n.looks.empty(); });
    }

    void looks(const ReportLayer& l) {
        if (!has_looks(l)) return;
        out_ += "<h5>Where they looked: in this image, then in each neuron\u2019s own closest " +
                html::escape(page_.source_name) + "s</h5>\n<ul class=\"looks\">\n";
        for (const ReportNeuron& n : l.neurons) {
            if (n.looks.empty()) continue;
            out_ += "<li><h6>#" + std::to_string(n.unit) + "</h6><ol>\n";
            for (const ReportLook& look : n.looks) this->look(look);
            out_ += "</ol></li>\n";
        }
        out_ += "</ul>\n";
    }

    /// The patch as a frame around it, in parts of the picture.
    void look(const ReportLook& look) {
        const Patch& p = look.patch;
        const auto whole = [](double part, Index of) {
            return html::number(100.0 * part / static_cast<double>(of), 3) + "%";
        };
        std::string told = look.query ? "This image" : capital(page_.source_name) + ' ' + std::to_string(look.id);
        if (look.label >= 0) told += " (" + class_name(look.label) + ')';
        told += p.empty() ? ", nothing marked"
                          : ", marked: rows " + std::to_string(p.top + 1) + " to " + std::to_string(p.bottom) +
                                ", columns " + std::to_string(p.left + 1) + " to " + std::to_string(p.right);
        out_ += look.query ? "<li class=\"query\"" : "<li";
        out_ += " title=\"" + html::escape(told) + "\"><div>" + html::image(look.picture, told, "loading=\"lazy\"");
        if (!p.empty()) {
            const Index height = look.picture.height, width = look.picture.width;
            out_ += "<i style=\"left:" + whole(static_cast<double>(p.left), width) +
                    ";top:" + whole(static_cast<double>(p.top), height) +
                    ";width:" + whole(static_cast<double>(p.right - p.left), width) +
                    ";height:" + whole(static_cast<double>(p.bottom - p.top), height) + "\"></i>";
        }
        out_ += "</div>";
        if (look.query)
            out_ += "<span class=\"quiet\">this image</span>";
        else if (look.label >= 0)
            out_ += html::escape(class_name(look.label));
        out_ += "</li>\n";
    }

    const RetracePage& page_;
    std::string out_;
};

}  // namespace renn::inline RENN_ABI::detail
