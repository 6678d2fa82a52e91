// SPDX-License-Identifier: MIT
// renn/report/colours.hpp - traced colours as cards and as a flat picture of the colour cube.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/data/dataset.hpp>
#include <renn/report/html.hpp>
#include <renn/retrace/blend.hpp>
#include <renn/retrace/retrace.hpp>

namespace renn::inline RENN_ABI {

/// Red, green and blue, 0 to 1.
using Rgb = std::array<double, 3>;

/// A colour that a network was asked for, and the training colours its answer rests on.
struct TracedColour {
    /// One of these.
    struct Part {
        std::uint64_t id = 0;
        Rgb rgb = {};
        double weight = 0.0;  ///< of the blend; all add to 1
    };
    std::string name;
    Rgb reference = {};  ///< what was asked for
    Rgb predicted = {};  ///< what the network says
    Rgb weighted = {};   ///< blend of the sources, in red, green and blue: hue is an angle and has no mean
    std::vector<Part> sources = {};
};

/// "#ff8000", what lies outside 0 to 1 shown as the nearer of the two.
inline std::string hex_code(const Rgb& rgb) {
    std::string text = "#";
    for (const double part : rgb) {
        const auto byte = static_cast<unsigned>(std::lround(255.0 * (part > 0.0 ? std::min(part, 1.0) : 0.0)));
        for (const unsigned digit : {byte / 16, byte % 16}) text += "0123456789abcdef"[digit];
    }
    return text;
}

/// Euclidean distance of two colours in units of 1/255.
inline double colour_difference(const Rgb& a, const Rgb& b) {
    return 255.0 * std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

namespace detail {

template <class V>
Rgb rgb_of(const char* what, const V& values) {
    if (values.size() != 3) {
        raise<ShapeError>("traced_colour", what, std::to_string(values.size()) + " values", "3: red, green and blue");
    }
    return {static_cast<double>(values[0]), static_cast<double>(values[1]), static_cast<double>(values[2])};
}

}  // namespace detail

/// Takes a colour out of an answer whose outputs and training targets are red, green and blue; `most` sources count.
/// Throws   DataError if the training data has no targets or no sample got a vote; ShapeError if a colour does not have
///          three values.
template <class I, class S>
TracedColour traced_colour(const Retrace<I>& answer, const Dataset<S>& training, std::string name,
                           const Column<S>& reference, std::size_t most = 42) {
    if (!training.has_targets()) {
        detail::raise<DataError>("traced_colour", "training data", "no targets", "colours as targets");
    }
    TracedColour colour{
        std::move(name), detail::rgb_of("reference", reference), detail::rgb_of("outputs", answer.outputs()), {}, {}};
    const std::vector<Source> top = answer.top(most);
    if (top.empty()) detail::raise<DataError>("traced_colour", "sources", "0", "1 or more");
    const std::vector<double> weights = vote_weights(top);
    for (std::size_t i = 0; i < top.size(); ++i) {
        const Column<S> target = training.targets().col(training.position_of(top[i].id));
        colour.sources.push_back({top[i].id, detail::rgb_of("targets", target), weights[i]});
        for (std::size_t c = 0; c < 3; ++c) colour.weighted[c] += weights[i] * colour.sources.back().rgb[c];
    }
    return colour;
}

/// How cards and the cube look.
inline constexpr std::string_view colour_style = R"css(
.colours{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,370px),1fr));gap:18px}
.colours article{margin:0}
.colours .data{width:100%;font-size:12.5px}
.colours .data th,.colours .data td{padding:4px 0 4px 7px}
.colours .data th:first-child{padding-left:0;white-space:normal}
.swatches{display:flex;gap:8px;margin:12px 0}
.swatches div{flex:1 1 0;min-width:0;font-size:12.5px}
.swatches i,.blended i{display:block;height:64px;border:1px solid var(--line)}
.swatches i{border-radius:6px;margin-bottom:5px}
.swatches b{display:block}
.blended{display:flex;height:18px;margin:4px 0 12px;border-radius:4px;overflow:hidden}
.blended i{height:18px;border:0;flex-basis:0}
.flat{background:#ececea;border-radius:8px;display:block;width:100%;max-width:420px;height:auto}
.flat text{font:11px system-ui,sans-serif;fill:#333}
.flat .edge{stroke:#8a8a86;stroke-width:1}
.dots{list-style:none;display:flex;flex-wrap:wrap;gap:2px 16px;margin:8px 0;padding:0;font-size:13px}
.dots i{display:inline-block;width:10px;height:10px;transform:rotate(45deg);margin:0 9px 0 3px;border:1px solid #999}
)css";

/// One card a colour: original, blended, predicted, how far they are from each other, and the sources as a strip.
/// The page needs colour_style. Throws DataError for no colours.
inline void write_colour_cards(std::ostream& out, std::span<const TracedColour> colours) {
    if (colours.empty()) detail::raise<DataError>("write_colour_cards", "colours", "0", "1 or more");
    const auto swatch = [&](std::string_view name, const Rgb& rgb) {
        const std::string code = hex_code(rgb);
        out << "<div><i style=\"background:" << code << "\"></i><b>" << name << "</b><span class=\"quiet\">" << code
            << "</span></div>\n";
    };
    const auto row = [&](std::string_view name, const Rgb& a, const Rgb& b) {
        out << "<tr><th scope=\"row\">" << name << "</th><td>" << html::number(colour_difference(a, b), 1) << "</td>";
        for (std::size_t c = 0; c < 3; ++c) out << "<td>" << html::number(255.0 * (a[c] - b[c]), 1) << "</td>";
        out << "</tr>\n";
    };
    out << "<div class=\"colours\">\n";
    for (const TracedColour& colour : colours) {
        out << "<article><h3>" << html::escape(colour.name) << "</h3>\n<div class=\"swatches\">\n";
        swatch("Original", colour.reference);
        swatch("Blended", colour.weighted);
        swatch("Predicted", colour.predicted);
        out << "</div>\n<div class=\"blended\" role=\"img\" aria-label=\"Its " << colour.sources.size()
            << " sources, each as wide as its weight\">";
        for (const TracedColour::Part& part : colour.sources) {
            out << "<i style=\"background:" << hex_code(part.rgb)
                << ";flex-grow:" << html::number(1000.0 * part.weight, 1) << "\"></i>";
        }
        out << "</div>\n<div class=\"scroll\" tabindex=\"0\"><table class=\"data\"><caption>Differences, of "
               "255</caption><tr><th scope=\"col\"><span class=\"hidden\">Between</span></th><th "
               "scope=\"col\">distance</th><th scope=\"col\">red</th><th scope=\"col\">green</th><th "
               "scope=\"col\">blue</th></tr>\n";
        row("Predicted \u2212 original", colour.predicted, colour.reference);
        row("Blended \u2212 original", colour.weighted, colour.reference);
        row("Predicted \u2212 blended", colour.predicted, colour.weighted);
        out << "</table></div></article>\n";
    }
    out << "</div>\n";
}

/// What the points of the cube are, told by name and colour.
inline void write_colour_key(std::ostream& out) {
    out << "<ul class=\"dots\"><li><i style=\"background:#ff8c00\"></i>RGB-Reference: asked for</li><li><i "
           "style=\"background:#00918f\"></i>RGB-Predicted: the network\u2019s answer</li><li><i "
           "style=\"background:#000\"></i>RGB-Weighted: blend of the sources</li><li>Sources: in their own colour, "
           "sized by weight</li></ul>\n";
}

/// The cube of red, green and blue seen from one side, with the sources in their colour, sized by weight, the reference
/// in orange, the prediction in teal and the blend in black.
inline void write_flat_cube(std::ostream& out, const TracedColour& colour) {
    const auto at = [](const Rgb& p) {  // red to the right, green up, blue towards the lower left
        const auto inside = [](double v) { return v > 0.0 ? std::min(v, 1.0) : 0.0; };
        return std::pair{122.0 + 200.0 * inside(p[0]) - 88.0 * inside(p[2]),
                         214.0 - 190.0 * inside(p[1]) + 66.0 * inside(p[2])};
    };
    const auto dot = [&](const Rgb& p, double radius) {
        const auto [x, y] = at(p);
        out << "<circle cx=\"" << html::number(x, 1) << "\" cy=\"" << html::number(y, 1) << "\" r=\""
            << html::number(radius, 1) << "\" fill=\"" << hex_code(p) << "\" stroke=\"#666\" stroke-width=\".6\"/>";
    };
    const auto diamond = [&](const Rgb& p, std::string_view fill) {
        const auto [x, y] = at(p);
        out << "<path d=\"M" << html::number(x, 1) << ' ' << html::number(y - 7.0, 1) << "l7 7-7 7-7-7z\" fill=\""
            << fill << "\" stroke=\"#fff\" stroke-width=\"1.5\"/>";
    };
    out << "<svg class=\"flat\" viewBox=\"0 0 344 304\" role=\"img\"><title>" << html::escape(colour.name)
        << " in the cube of colours</title><desc>Reference " << hex_code(colour.reference) << ", predicted "
        << hex_code(colour.predicted) << ", blend of " << colour.sources.size() << " sources "
        << hex_code(colour.weighted) << "</desc>\n";
    for (std::size_t axis = 0; axis < 3; ++axis) {
        for (int corner = 0; corner < 4; ++corner) {
            Rgb from{}, to{};
            from[(axis + 1) % 3] = corner % 2;
            from[(axis + 2) % 3] = corner < 2 ? 0.0 : 1.0;
            to = from;
            to[axis] = 1.0;
            const auto [x1, y1] = at(from);
            const auto [x2, y2] = at(to);
            out << "<line class=\"edge\" x1=\"" << html::number(x1, 1) << "\" y1=\"" << html::number(y1, 1)
                << "\" x2=\"" << html::number(x2, 1) << "\" y2=\"" << html::number(y2, 1) << "\"/>";
        }
    }
    out << "<text x=\"326\" y=\"228\" text-anchor=\"end\">red</text><text x=\"116\" y=\"22\" "
           "text-anchor=\"end\">green</text><text x=\"28\" y=\"296\" text-anchor=\"start\">blue</text>\n";
    double heaviest = 1e-300;
    for (const TracedColour::Part& part : colour.sources) heaviest = std::max(heaviest, part.weight);
    for (const TracedColour::Part& part : colour.sources) {
        dot(part.rgb, 2.0 + 6.0 * std::sqrt(part.weight / heaviest));
    }
    diamond(colour.reference, "#ff8c00");
    diamond(colour.predicted, "#00918f");
    diamond(colour.weighted, "#000");
    out << "</svg>\n";
}

}  // namespace renn::inline RENN_ABI
