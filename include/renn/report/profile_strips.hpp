// SPDX-License-Identifier: MIT
// renn/report/profile_strips.hpp - a picture of what every neuron does for a class.
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
#include <renn/report/html.hpp>
#include <renn/retrace/profiles.hpp>
#include <renn/retrace/responsibility.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI {

/// The rules of style that profile strips need beside those of a page: its colours --low, --high, --track, --ink.
inline constexpr std::string_view profile_strip_style = R"css(
.strips{margin:0 0 22px}
.strips .scroll{padding:2px}
.strips .rows{display:grid;grid-template-columns:max-content minmax(420px,1fr) max-content;gap:3px 12px;align-items:center;
font-size:12.5px}
.strips .gap{grid-column:1/-1;height:5px}
.strips .rows svg{display:block;width:100%;height:22px;background:var(--track)}
.strips .l,.strips .h{stroke:none}
.strips .l{fill:var(--low)}.strips .h{fill:var(--high)}.strips .m{fill:var(--ink)}
.strips path:hover{stroke:var(--ink);stroke-width:.15}
.strips .legend{display:flex;flex-wrap:wrap;align-items:center;gap:2px 8px;font-size:12.5px;margin-top:8px}
.strips .legend i{width:120px;height:11px;background:linear-gradient(90deg,var(--low),var(--track),var(--high))}
.strips .legend b{width:9px;height:5px;background:var(--ink);margin-left:14px}
)css";

namespace detail {

/// A number with three significant digits.
inline std::string short_number(double value) {
    const double size = std::abs(value);
    return html::number(value, size >= 99.5 ? 0 : size >= 9.95 ? 1 : size >= 0.995 ? 2 : size > 0.0 ? 3 : 0);
}

/// One row of cells; low and high are the ends of its colours.
inline void write_strip(std::ostream& out, const ClassProfiles& profiles, std::size_t number, std::size_t group,
                        std::span<const RankedNeuron> marked) {
    const ProfilePlace& place = profiles.places[number];
    const Index units = place.mean.rows(), g = static_cast<Index>(group);
    const double low = std::min(0.0, place.mean.minCoeff()), high = place.mean.maxCoeff();
    const std::string name = html::escape(place.point.name);
    Index most = 0;
    place.mean.col(g).maxCoeff(&most);
    out << "<span>" << name << " <span class=\"quiet\">" << kind_name(place.point.kind) << "</span></span>"
        << "<svg viewBox=\"0 0 " << units
        << " 22\" preserveAspectRatio=\"none\" shape-rendering=\"crispEdges\" style=\"max-width:" << 40 * units
        << "px\" role=\"img\" aria-label=\"" << name << ", " << units
        << " neurons, highest: " << place.point.units[static_cast<std::size_t>(most)] << "\">";
    for (Index u = 0; u < units; ++u) {
        const double mean = place.mean(u, g), part = high > low ? (mean - low) / (high - low) : 0.0;
        out << "<path class=\"" << (part < 0.5 ? 'l' : 'h') << "\" opacity=\""
            << html::number(std::abs(2.0 * part - 1.0), 2) << "\" d=\"M" << u << " 0h1v18h-1z\"><title>" << name
            << ", neuron " << place.point.units[static_cast<std::size_t>(u)] << ": " << short_number(mean) << " \u00b1 "
            << short_number(place.deviation(u, g)) << ", active in " << html::percent(place.active(u, g))
            << "</title></path>";
    }
    for (const RankedNeuron& neuron : marked) {
        if (neuron.place == number) out << "<path class=\"m\" d=\"M" << neuron.unit << " 19h1v3h-1z\"/>";
    }
    out << "</svg><span class=\"quiet\">" << short_number(low) << " to " << short_number(high) << "</span>\n";
}

/// The same for readers who do not see colours: the neurons that stand out, in numbers.
inline void write_strip_table(std::ostream& out, const ClassProfiles& profiles, std::size_t group) {
    out << "<details>\n<summary>In numbers<span class=\"hidden\"> for " << html::escape(profiles.groups[group])
        << "</span></summary>\n<div class=\"scroll\" tabindex=\"0\"><table class=\"data\">\n"
        << "<caption>Neurons whose mean is farthest above that of all other samples</caption>\n"
        << "<tr><th scope=\"col\">Place</th><th scope=\"col\" colspan=\"5\">Neuron: mean, before that of the others"
        << "</th></tr>\n";
    for (std::size_t p = 0; p < profiles.places.size(); ++p) {
        const ProfilePlace& place = profiles.places[p];
        std::vector<RankedNeuron> neurons;
        for (Index u = 0; u < place.mean.rows(); ++u) {
            const double score = responsibility(profiles, p, u, group, Responsibility::difference_to_rest);
            neurons.push_back({static_cast<std::uint32_t>(p), static_cast<std::uint32_t>(u), score});
        }
        std::stable_sort(neurons.begin(), neurons.end(),
                         [](const auto& a, const auto& b) { return a.score > b.score; });
        neurons.resize(std::min<std::size_t>(neurons.size(), 5));
        out << "<tr><th scope=\"row\">" << html::escape(place.point.text()) << "</th>";
        for (const RankedNeuron& n : neurons) {
            const double mean = place.mean(n.unit, static_cast<Index>(group));
            out << "<td>" << place.point.units[n.unit] << ": " << short_number(mean) << ", "
                << short_number(mean - n.score) << "</td>";
        }
        out << "</tr>\n";
    }
    out << "</table></div>\n</details>\n";
}

}  // namespace detail

/// The profile of a class as strips: one row for each place before and after its activation, one column a neuron, from
/// red, the lowest mean of the row for any class (or 0, if that is lower), to blue, the highest. Each neuron tells its
/// mean, standard deviation and share of samples in which it is active; a table has those that stand out. Neurons in
/// `marked`, such as those switched off, have a mark below.
///
/// Throws   DataError for a class that the profiles do not have.
/// Cost     about 130 bytes a neuron.
/// Source   RENN, figure 4.2.
inline void write_profile_strips(std::ostream& out, const ClassProfiles& profiles, std::size_t group,
                                 std::span<const RankedNeuron> marked = {}, std::string_view mark = "switched off") {
    if (group >= profiles.groups.size()) {
        detail::raise<DataError>("write_profile_strips", "class", std::to_string(group),
                                 "below " + std::to_string(profiles.groups.size()));
    }
    const std::string name = html::escape(profiles.groups[group]);
    out << "<figure class=\"strips\">\n<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Mean "
           "activations for "
        << name << "\">\n<div class=\"rows\">\n";
    for (std::size_t p = 0; p < profiles.places.size(); ++p) {
        if (p > 0 && profiles.places[p].point.layer != profiles.places[p - 1].point.layer) {
            out << "<span class=\"gap\"></span>\n";
        }
        detail::write_strip(out, profiles, p, group, marked);
    }
    out << "</div>\n</div>\n<div class=\"legend\"><span>lowest of the row, or 0</span><i></i><span>highest, of any "
           "class</span>";
    if (!marked.empty()) out << "<b></b><span>" << html::escape(mark) << "</span>";
    out << "</div>\n<figcaption>Mean activation of each neuron over the " << html::grouped(profiles.counts[group])
        << " samples of " << name << ".</figcaption>\n";
    if (profiles.groups.size() > 1) detail::write_strip_table(out, profiles, group);
    out << "</figure>\n";
}

}  // namespace renn::inline RENN_ABI
