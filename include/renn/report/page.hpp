// SPDX-License-Identifier: MIT
// renn/report/page.hpp - a web page that needs nothing but itself, put together from sections.
#pragma once

#include <algorithm>
#include <concepts>
#include <locale>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/abi.hpp>
#include <renn/data/binary_file.hpp>
#include <renn/report/html.hpp>
#include <renn/report/page_style.hpp>

namespace renn::inline RENN_ABI {

/// Writes HTML to a stream.
template <class W>
concept HtmlWriter = std::invocable<W&, std::ostream&>;

namespace detail {

/// What a writer writes. Numbers have a point in every locale.
template <HtmlWriter W>
std::string written(W& write) {
    std::ostringstream out;
    out.imbue(std::locale::classic());
    write(static_cast<std::ostream&>(out));
    return std::move(out).str();
}

}  // namespace detail

/// A page of sections. It follows the reader's light or dark setting, fits a phone, and asks no network for anything:
/// its own policy forbids the browser to.
///
///     Page page("My network");
///     page.fact("Accuracy", "97.9 %");
///     page.section("Certainty", [&](std::ostream& out) { write_chart(out, chart); });
///     report.add_to(page);
///     page.write("page.html");
///
/// What a section writes is HTML: text in it has to go through html::escape. A value; writers are called at once and
/// not kept.
class Page {
public:
    explicit Page(std::string title, std::string introduction = {})
        : title_(std::move(title)), introduction_(std::move(introduction)) {}

    /// A line of the table at the head, such as "Data set", "MNIST".
    void fact(std::string_view name, std::string_view value) {
        facts_ += "<div><dt>" + html::escape(name) + "</dt><dd>" + html::escape(value) + "</dd></div>\n";
    }

    /// Something behind the table at the head, such as a key.
    template <HtmlWriter W>
    void head(W&& write) {
        head_ += detail::written(write);
    }

    /// Something between sections, without a title.
    template <HtmlWriter W>
    void add(W&& write) {
        body_ += detail::written(write);
    }

    /// A section with its title, which the page's table of contents leads to, and a quiet note behind that.
    template <HtmlWriter W>
    void section(std::string_view title, W&& write, std::string_view note = "") {
        const std::string id = "part-" + std::to_string(++sections_), name = html::escape(title);
        contents_ += "<li><a href=\"#" + id + "\">" + name + "</a></li>\n";
        body_ += "<section id=\"" + id + "\" aria-label=\"" + name + "\">\n<h2>" + name;
        if (!note.empty()) body_ += " <span>" + html::escape(note) + "</span>";
        body_ += "</h2>\n" + detail::written(write) + "</section>\n";
    }

    /// Something at the very end.
    template <HtmlWriter W>
    void foot(W&& write) {
        foot_ += detail::written(write);
    }

    /// Rules of style, each text once however often it is given. They may use the colours that page_style names.
    void style(std::string_view css) { add_once(styles_, css); }

    /// JavaScript, run in order behind everything else, each text once. It may not fetch anything.
    void script(std::string_view code) { add_once(scripts_, code); }

    /// The whole page.
    std::string html() const {
        std::string out =
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
            "style-src 'unsafe-inline'";
        if (!scripts_.empty()) out += "; script-src 'unsafe-inline'";
        out +=
            "\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<title>" +
            html::escape(title_) + "</title>\n<style>" + std::string(page_style);
        for (const std::string& css : styles_) out += css;
        out += "</style>\n</head>\n<body>\n<header>\n<h1>" + html::escape(title_) + "</h1>\n";
        if (!introduction_.empty()) out += "<p>" + html::escape(introduction_) + "</p>\n";
        if (!facts_.empty()) out += "<dl class=\"facts\">\n" + facts_ + "</dl>\n";
        out += head_;
        if (sections_ > 1)
            out += "<nav class=\"contents\" aria-label=\"Contents\">\n<ul>\n" + contents_ + "</ul>\n</nav>\n";
        out += "</header>\n<main>\n" + body_ + "</main>\n<footer>" + foot_ + "</footer>\n";
        for (const std::string& code : scripts_) out += "<script>\n" + within_tags(code) + "\n</script>\n";
        return out += "</body>\n</html>\n";
    }

    /// Writes the page to a file. Throws FormatError if that is not possible.
    void write(const std::string& path) const {
        const std::string page = html();
        detail::write_file("Page::write", path, {}, page.data(), page.size());
    }

private:
    static void add_once(std::vector<std::string>& texts, std::string_view text) {
        if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.emplace_back(text);
    }

    /// What would end the script early can only stand in a string, where a backslash changes nothing.
    static std::string within_tags(std::string code) {
        for (const std::string_view end : {"</script", "<!--"}) {
            const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
            auto at = code.begin();
            while ((at = std::search(at, code.end(), end.begin(), end.end(), same)) != code.end()) {
                at = code.insert(at + 1, '\\');
            }
        }
        return code;
    }

    std::string title_, introduction_, facts_, head_, contents_, body_, foot_;
    std::vector<std::string> styles_, scripts_;
    int sections_ = 0;
};

}  // namespace renn::inline RENN_ABI
