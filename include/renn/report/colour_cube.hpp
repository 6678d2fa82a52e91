// SPDX-License-Identifier: MIT
// renn/report/colour_cube.hpp - the cube of colours in three dimensions, to be turned.
#pragma once

#include <array>
#include <cstddef>
#include <ostream>
#include <span>
#include <sstream>
#include <string>
#include <string_view>

#include <renn/core/error.hpp>
#include <renn/report/colours.hpp>
#include <renn/report/html.hpp>
#include <renn/report/page.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// plotly reads its letters back from canvases; unless they are made for it Chromium complains on the console.
inline constexpr std::string_view canvas_script = R"js(
{
  const getContext = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function (kind, options) {
    return getContext.call(this, kind, kind === '2d' ? {willReadFrequently: true, ...options} : options);
  };
}
)js";

/// Draws the chosen colour; turned by mouse, finger, buttons and the arrow keys. The eye's place is kept in data-eye.
inline constexpr std::string_view cube_script = R"js(
(() => {
  const box = document.querySelector('.cube'), choice = document.querySelector('.cube-choice');
  const colours = JSON.parse(box.dataset.colours);
  const far = Math.max(1, box.clientHeight / box.clientWidth);  // in a narrow box the cube is as wide as it
  let eye = {x: 1.5 * far, y: -1.7 * far, z: 0.9 * far};
  const say = () => { box.dataset.eye = [eye.x, eye.y, eye.z].map(v => v.toFixed(3)).join(' '); };
  const axis = name => ({title: {text: name}, range: [-2, 257], tickvals: [0, 85, 170, 255], color: '#333',
    gridcolor: '#d6d6d2', zeroline: false, showspikes: false});
  const point = (name, rgb, color) => ({type: 'scatter3d', mode: 'markers', name, x: [rgb[0]], y: [rgb[1]], z: [rgb[2]],
    marker: {symbol: 'diamond', size: 9, color, line: {color: '#fff', width: 2}}, hovertemplate: name + ' %{x}, %{y}, %{z}<extra></extra>'});
  const edges = {type: 'scatter3d', mode: 'lines', hoverinfo: 'skip', line: {color: '#9a9a96', width: 2}, x: [], y: [], z: []};
  for (let a = 0; a < 8; ++a) {
    for (const bit of [1, 2, 4]) {
      if (a & bit) continue;
      for (const corner of [a, a | bit]) ['x', 'y', 'z'].forEach((d, i) => edges[d].push(corner & 1 << i ? 255 : 0));
      for (const d of 'xyz') edges[d].push(null);
    }
  }
  const draw = () => {
    const c = colours[choice.value], most = Math.max(...c.sources.map(s => s[3]));
    const column = i => c.sources.map(s => s[i]);
    Plotly.react(box, [edges,
      {type: 'scatter3d', mode: 'markers', name: 'Sources', x: column(0), y: column(1), z: column(2),
       text: c.sources.map(s => (100 * s[3]).toFixed(1) + ' %'),
       marker: {size: c.sources.map(s => 4 + 14 * Math.sqrt(s[3] / most)), opacity: 1,
                color: c.sources.map(s => `rgb(${s[0]},${s[1]},${s[2]})`), line: {color: '#666', width: 1}},
       hovertemplate: 'Source %{x}, %{y}, %{z}: %{text}<extra></extra>'},
      point('RGB-Reference', c.reference, '#ff8c00'), point('RGB-Predicted', c.predicted, '#00918f'),
      point('RGB-Weighted', c.weighted, '#000')],
      {paper_bgcolor: '#ececea', font: {color: '#222'}, margin: {l: 0, r: 0, t: 0, b: 0}, showlegend: false,
       scene: {xaxis: axis('red'), yaxis: axis('green'), zaxis: axis('blue'), aspectmode: 'cube', dragmode: 'turntable',
               camera: {eye, center: {x: 0, y: 0, z: -.12}}}},
      {displaylogo: false, displayModeBar: false, responsive: true});
    say();
  };
  const turn = (round, up) => {
    const r = Math.hypot(eye.x, eye.y, eye.z), a = Math.atan2(eye.y, eye.x) + round;
    const b = Math.max(-1.5, Math.min(1.5, Math.asin(eye.z / r) + up));
    eye = {x: r * Math.cos(b) * Math.cos(a), y: r * Math.cos(b) * Math.sin(a), z: r * Math.sin(b)};
    Plotly.relayout(box, {'scene.camera.eye': eye}).then(say);
  };
  const turns = {ArrowLeft: [-.2, 0], ArrowRight: [.2, 0], ArrowUp: [0, .2], ArrowDown: [0, -.2]};
  try {
    draw();
    box.on('plotly_relayout', e => { if (e['scene.camera']) { eye = e['scene.camera'].eye; say(); } });
  } catch (problem) {
    box.textContent = 'This browser cannot show the cube: ' + problem.message;
    return;
  }
  choice.addEventListener('change', draw);
  box.addEventListener('keydown', e => { if (turns[e.key]) { e.preventDefault(); turn(...turns[e.key]); } });
  for (const b of document.querySelectorAll('[data-turn]')) b.addEventListener('click', () => turn(...turns[b.dataset.turn]));
})();
)js";

inline constexpr std::string_view cube_style = R"css(
.cube{height:min(560px,78vh,105vw);background:#ececea;border-radius:10px;overflow:hidden;touch-action:pan-y}
.cube-tools{display:flex;flex-wrap:wrap;gap:8px;align-items:center;margin:0 0 10px}
.cube-tools select,.cube-tools button{font:inherit;color:var(--ink);background:var(--card);border:1px solid var(--quiet);
border-radius:6px;padding:5px 10px;max-width:100%}
.cube-tools select{min-width:0;flex:0 1 auto}
)css";

inline void write_cube_data(std::ostream& out, std::span<const TracedColour> colours) {
    const auto values = [](const Rgb& rgb) {
        std::string text;
        for (const double part : rgb) text += (text.empty() ? "" : ",") + html::number(255.0 * part, 0);
        return text;
    };
    out << '[';
    for (std::size_t i = 0; i < colours.size(); ++i) {
        const TracedColour& c = colours[i];
        out << (i > 0 ? "," : "") << "{\"reference\":[" << values(c.reference) << "],\"predicted\":["
            << values(c.predicted) << "],\"weighted\":[" << values(c.weighted) << "],\"sources\":[";
        for (std::size_t s = 0; s < c.sources.size(); ++s) {
            out << (s > 0 ? "," : "") << '[' << values(c.sources[s].rgb) << ',' << html::number(c.sources[s].weight, 5)
                << ']';
        }
        out << "]}";
    }
    out << ']';
}

}  // namespace detail

/// Adds a section with the cube of red, green and blue, 0 to 255 each, in which the sources of a colour lie: turned by
/// mouse, finger, buttons and arrow keys, one colour at a time. `plotly` is the text of a build of plotly.js that has
/// scatter3d, such as the npm package plotly.js-gl3d-dist-min; the page carries it. Without it ("") the section says
/// that the cube is left out and shows it flat; with it the flat one is folded up below, for browsers without WebGL.
///
/// Throws   DataError for no colours, or one without sources.
inline void add_colour_cube(Page& page, std::span<const TracedColour> colours, std::string_view plotly) {
    if (colours.empty()) detail::raise<DataError>("add_colour_cube", "colours", "0", "1 or more");
    for (const TracedColour& c : colours) {
        if (c.sources.empty()) {
            detail::raise<DataError>("add_colour_cube", "sources of \"" + c.name + '"', "0", "1 or more");
        }
    }
    const auto flat = [&](std::ostream& out) {
        out << "<div class=\"colours\">\n";
        for (const TracedColour& c : colours) {
            out << "<figure>";
            write_flat_cube(out, c);
            out << "<figcaption>" << html::escape(c.name) << "</figcaption></figure>\n";
        }
        out << "</div>\n";
    };
    page.style(colour_style);
    if (plotly.empty()) {
        page.section("The cube of colours", [&](std::ostream& out) {
            out << "<p>The cube that can be turned is left out: this page was made without plotly.js. Here it is from "
                   "one side.</p>\n";
            write_colour_key(out);
            flat(out);
        });
        return;
    }
    page.style(detail::cube_style);
    page.section("The cube of colours", [&](std::ostream& out) {
        out << "<p>Turn it with the mouse or a finger, or choose it with the Tab key and use the arrow keys.</p>\n";
        write_colour_key(out);
        out << "<div class=\"cube-tools\"><label for=\"cube-choice\">Colour</label><select class=\"cube-choice\" "
               "id=\"cube-choice\">";
        for (std::size_t i = 0; i < colours.size(); ++i) {
            out << "<option value=\"" << i << "\">" << html::escape(colours[i].name) << "</option>";
        }
        out << "</select>";
        const std::array<std::array<std::string_view, 3>, 4> turns{{{"ArrowLeft", "\u2190", "Turn left"},
                                                                    {"ArrowRight", "\u2192", "Turn right"},
                                                                    {"ArrowUp", "\u2191", "Look from higher"},
                                                                    {"ArrowDown", "\u2193", "Look from lower"}}};
        for (const auto& [key, sign, name] : turns) {
            out << "<button type=\"button\" data-turn=\"" << key << "\" aria-label=\"" << name << "\">" << sign
                << "</button>";
        }
        std::ostringstream data;
        detail::write_cube_data(data, colours);
        out << "</div>\n<div class=\"cube\" tabindex=\"0\" role=\"group\" aria-label=\"Cube of colours, turned with "
               "the arrow keys\" data-colours=\""
            << html::escape(data.str()) << "\"></div>\n<details><summary>The cube from one side</summary>\n";
        flat(out);
        out << "</details>\n";
    });
    page.script(detail::canvas_script);
    page.script(plotly);
    page.script(detail::cube_script);
}

}  // namespace renn::inline RENN_ABI
