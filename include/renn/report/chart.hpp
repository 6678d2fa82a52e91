// SPDX-License-Identifier: MIT
// renn/report/chart.hpp - small charts for a page: lines, points and bars as inline SVG.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/report/html.hpp>

namespace renn::inline RENN_ABI {

/// How the values of a series are drawn.
enum class Mark : std::uint8_t { line, points, bars };

/// Values that belong together; up to four of a chart can be told apart.
struct ChartSeries {
    std::string name;
    std::vector<double> x, y;
    Mark mark = Mark::line;
};

/// What a chart shows. All of it is also told as a table, folded up, for those who do not see the picture.
struct Chart {
    /// A place on the x axis with a word to it.
    struct Note {
        double x = 0.0;
        std::string text;
    };

    std::string title;
    std::string description = {};  ///< what there is to be seen
    std::string x_name = {}, y_name = {};
    std::vector<ChartSeries> series = {};
    std::vector<std::string> places = {};  ///< names of x = 0, 1, 2, ... in place of a scale
    std::vector<Note> notes = {};
    bool percent = false;  ///< y values are parts of 1 and shown in per cent
};

namespace detail {

/// A scale from a lowest to a highest value with ticks at whole multiples of a step of 1, 2 or 5.
struct ChartScale {
    double low = 0.0, high = 1.0, step = 1.0;
    int decimals = 0;

    ChartScale(double lowest, double highest, int ticks, bool to_ticks) : low(lowest), high(highest) {
        if (!(high > low)) high = low + std::max(1.0, 1e-3 * std::abs(low));  // more than rounding takes away
        const double rough = (high - low) / ticks, power = std::pow(10.0, std::floor(std::log10(rough)));
        const double digits = rough / power;
        step = power * (digits > 5.0 ? 10.0 : digits > 2.0 ? 5.0 : digits > 1.0 ? 2.0 : 1.0);
        decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
        if (to_ticks) {
            low = step * std::floor(low / step + 1e-9);
            high = step * std::ceil(high / step - 1e-9);
        }
    }
    double part(double value) const { return (value - low) / (high - low); }
    template <class F>
    void for_each_tick(F&& f) const {
        const auto last = static_cast<std::int64_t>(std::floor(high / step + 1e-9));
        for (auto i = static_cast<std::int64_t>(std::ceil(low / step - 1e-9)); i <= last; ++i) {
            f(step * static_cast<double>(i));
        }
    }
};

class ChartWriter {
public:
    ChartWriter(std::ostream& out, const Chart& chart)
        : out_(out), chart_(chart), x_(x_scale(checked(chart))), y_(y_scale(chart)) {}

    void write(std::string_view heading) {
        out_ << "<figure class=\"chart\"><" << heading << '>' << html::escape(chart_.title) << "</" << heading << ">\n";
        if (!chart_.description.empty())
            out_ << "<figcaption>" << html::escape(chart_.description) << "</figcaption>\n";
        out_ << "<svg viewBox=\"0 0 " << width << ' ' << height << "\" role=\"img\"><title>"
             << html::escape(chart_.title) << "</title><desc>" << html::escape(chart_.description) << "</desc>\n";
        axes();
        for (const Chart::Note& note : chart_.notes) this->note(note);
        for (std::size_t s = 0; s < chart_.series.size(); ++s) series(s);
        out_ << "</svg>\n";
        legend();
        table();
        out_ << "</figure>\n";
    }

private:
    static constexpr double width = 440, height = 250, left = 46, right = 428, top = 26, bottom = 208;

    static const Chart& checked(const Chart& chart) {
        const std::string where = "write_chart: \"" + chart.title + '"';
        std::size_t values = 0;
        for (const ChartSeries& s : chart.series) {
            if (s.x.size() != s.y.size()) {
                raise<ShapeError>(where, "y of \"" + s.name + '"', std::to_string(s.y.size()) + " values",
                                  std::to_string(s.x.size()) + ", one an x");
            }
            for (std::size_t i = 0; i < s.x.size(); ++i) {
                if (std::isfinite(s.x[i]) && std::isfinite(s.y[i])) continue;
                raise<DataError>(where, "value " + std::to_string(i) + " of \"" + s.name + '"',
                                 html::number(s.x[i], 3) + ", " + html::number(s.y[i], 3), "finite values");
            }
            values += s.x.size();
        }
        if (values == 0) raise<DataError>(where, "values", "0", "1 or more");
        if (chart.series.size() > 4) {
            raise<DataError>(where, "series", std::to_string(chart.series.size()), "at most 4, to be told apart");
        }
        return chart;
    }

    static bool has_bars(const Chart& chart) {
        return std::any_of(chart.series.begin(), chart.series.end(),
                           [](const auto& s) { return s.mark == Mark::bars; });
    }
    static std::vector<double> places_of(const Chart& chart) {
        std::vector<double> x;
        for (const ChartSeries& s : chart.series) x.insert(x.end(), s.x.begin(), s.x.end());
        std::sort(x.begin(), x.end());
        x.erase(std::unique(x.begin(), x.end()), x.end());
        return x;
    }
    /// Smallest distance of two values of x: the room of a bar.
    static double gap_of(const std::vector<double>& x) {
        double gap = x.back() > x.front() ? x.back() - x.front() : 1.0;
        for (std::size_t i = 1; i < x.size(); ++i) gap = std::min(gap, x[i] - x[i - 1]);
        return gap;
    }
    static ChartScale x_scale(const Chart& chart) {
        const std::vector<double> x = places_of(chart);
        double low = x.front(), high = x.back();
        for (const Chart::Note& note : chart.notes) {
            low = std::min(low, note.x);
            high = std::max(high, note.x);
        }
        if (!chart.places.empty()) high = std::max(high, static_cast<double>(chart.places.size()) - 1.0);
        const double room = has_bars(chart) || !chart.places.empty() ? 0.5 * gap_of(x) : 0.0;
        return {low - room, high + room, 6, false};
    }
    /// Contains 0, so that heights can be compared.
    static ChartScale y_scale(const Chart& chart) {
        double low = 0.0, high = 0.0;
        for (const ChartSeries& s : chart.series) {
            for (const double y : s.y) {
                low = std::min(low, y);
                high = std::max(high, y);
            }
        }
        const double unit = chart.percent ? 100.0 : 1.0;
        return {unit * low, unit * high, 5, true};
    }

    double at_x(double x) const { return left + (right - left) * x_.part(x); }
    double at_y(double y) const { return bottom - (bottom - top) * y_.part(chart_.percent ? 100.0 * y : y); }
    static std::string px(double value) { return html::number(value, 1); }

    std::string y_text(double value) const {
        return html::number(value, y_.decimals) + (chart_.percent ? "\u202f%" : "");
    }

    void text(double x, double y, std::string_view anchor, std::string_view words, std::string_view more = "") {
        out_ << "<text x=\"" << px(x) << "\" y=\"" << px(y) << "\" text-anchor=\"" << anchor << '"' << more << '>'
             << html::escape(words) << "</text>\n";
    }
    void line(std::string_view kind, double x1, double y1, double x2, double y2) {
        out_ << "<line class=\"" << kind << "\" x1=\"" << px(x1) << "\" y1=\"" << px(y1) << "\" x2=\"" << px(x2)
             << "\" y2=\"" << px(y2) << "\"/>\n";
    }

    void axes() {
        text(2, 12, "start", chart_.y_name);
        text(0.5 * (left + right), height - 6, "middle", chart_.x_name);
        y_.for_each_tick([&](double value) {
            const double y = bottom - (bottom - top) * y_.part(value);
            line("rule", left, y, right, y);
            text(left - 6, y + 4, "end", y_text(value));
        });
        line("axis", left, at_y(0.0), right, at_y(0.0));
        if (chart_.places.empty()) {
            x_.for_each_tick(
                [&](double value) { text(at_x(value), bottom + 16, "middle", html::number(value, x_.decimals)); });
            return;
        }
        std::size_t longest = 1;
        for (const std::string& name : chart_.places) longest = std::max(longest, name.size());
        const double room = (right - left) / static_cast<double>(chart_.places.size());
        const auto every = static_cast<std::size_t>(std::ceil(6.5 * static_cast<double>(longest + 1) / room));
        for (std::size_t i = 0; i < chart_.places.size(); i += every) {
            text(at_x(static_cast<double>(i)), bottom + 16, "middle", chart_.places[i]);
        }
    }

    void note(const Chart::Note& note) {
        const double x = at_x(note.x);
        line("note", x, top, x, bottom);
        const bool before = x_.part(note.x) > 0.6;
        text(x + (before ? -5 : 5), top + 10, before ? "end" : "start", note.text, " class=\"said\"");
    }

    void series(std::size_t number) {
        const ChartSeries& s = chart_.series[number];
        out_ << "<g class=\"s" << number + 1 << "\">";
        if (s.mark == Mark::line) {
            out_ << "<polyline points=\"";
            for (std::size_t i = 0; i < s.x.size(); ++i)
                out_ << (i > 0 ? " " : "") << px(at_x(s.x[i])) << ',' << px(at_y(s.y[i]));
            out_ << "\"/>";
        }
        if (s.mark == Mark::bars) {
            const auto bars = static_cast<double>(std::count_if(chart_.series.begin(), chart_.series.end(),
                                                                [](const auto& b) { return b.mark == Mark::bars; }));
            const auto before = static_cast<double>(
                std::count_if(chart_.series.begin(), chart_.series.begin() + static_cast<std::ptrdiff_t>(number),
                              [](const auto& b) { return b.mark == Mark::bars; }));
            const double room = 0.8 * gap_of(places_of(chart_)) * (right - left) / (x_.high - x_.low);
            for (std::size_t i = 0; i < s.x.size(); ++i) {
                const double from = at_x(s.x[i]) + room * (before / bars - 0.5), y = at_y(s.y[i]), zero = at_y(0.0);
                out_ << "<rect x=\"" << px(from) << "\" y=\"" << px(std::min(y, zero)) << "\" width=\""
                     << px(std::max(0.5, room / bars - 1.0)) << "\" height=\"" << px(std::abs(zero - y)) << "\"/>";
            }
        } else if (s.mark == Mark::points || s.x.size() <= 12) {
            for (std::size_t i = 0; i < s.x.size(); ++i) {
                out_ << "<circle cx=\"" << px(at_x(s.x[i])) << "\" cy=\"" << px(at_y(s.y[i])) << "\" r=\"3.2\"/>";
            }
        }
        out_ << "</g>\n";
    }

    void legend() {
        if (chart_.series.size() < 2) return;
        out_ << "<ul class=\"legend\">";
        for (std::size_t s = 0; s < chart_.series.size(); ++s) {
            out_ << "<li><svg viewBox=\"0 0 22 10\" aria-hidden=\"true\"><g class=\"s" << s + 1 << "\">";
            const Mark mark = chart_.series[s].mark;
            if (mark == Mark::line) out_ << "<polyline points=\"0,5 22,5\"/>";
            if (mark == Mark::points) out_ << "<circle cx=\"11\" cy=\"5\" r=\"3.2\"/>";
            if (mark == Mark::bars) out_ << "<rect x=\"4\" width=\"14\" height=\"10\"/>";
            out_ << "</g></svg><b>" << html::escape(chart_.series[s].name) << "</b></li>";
        }
        out_ << "</ul>\n";
    }

    std::string x_text(double x) const {
        const auto place = static_cast<std::size_t>(std::max(0.0, x));
        if (place < chart_.places.size() && static_cast<double>(place) == x) return html::escape(chart_.places[place]);
        return html::number(x, x == std::round(x) ? 0 : 3);
    }

    void table() {
        out_ << "<details><summary>Numbers<span class=\"hidden\"> of " << html::escape(chart_.title)
             << "</span></summary><div class=\"scroll\" tabindex=\"0\"><table class=\"data\"><tr><th scope=\"col\">"
             << html::escape(chart_.x_name) << "</th>";
        for (const ChartSeries& s : chart_.series) out_ << "<th scope=\"col\">" << html::escape(s.name) << "</th>";
        out_ << "</tr>\n";
        for (const double x : places_of(chart_)) {
            out_ << "<tr><th scope=\"row\">" << x_text(x) << "</th>";
            for (const ChartSeries& s : chart_.series) {
                const auto at = std::find(s.x.begin(), s.x.end(), x);
                out_ << "<td>";
                if (at != s.x.end()) {
                    const double y = s.y[static_cast<std::size_t>(at - s.x.begin())];
                    out_ << (chart_.percent ? html::percent(y) : html::number(y, y_.decimals + 2));
                }
                out_ << "</td>";
            }
            out_ << "</tr>\n";
        }
        out_ << "</table></div></details>\n";
    }

    std::ostream& out_;
    const Chart& chart_;
    ChartScale x_, y_;
};

}  // namespace detail

/// Writes a chart as a figure. On a Page it has that page's colours; several in an element of class `charts` share
/// rows. Heights are measured from 0.
///
/// Throws   DataError for a value that is not finite, no values at all or more than four series; ShapeError if x and y
///          of a series differ in number.
inline void write_chart(std::ostream& out, const Chart& chart, std::string_view heading = "h3") {
    detail::ChartWriter(out, chart).write(heading);
}

}  // namespace renn::inline RENN_ABI
