// SPDX-License-Identifier: MIT
// renn/report/heatmap.hpp - scores of the pixels of an image as a picture: which speak for a target, which against it.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/shape.hpp>
#include <renn/report/html.hpp>
#include <renn/report/picture.hpp>
#include <renn/report/png.hpp>

namespace renn::inline RENN_ABI {

/// The colours of a score from 0 to 1: that of 0, one on the way at 0.4, and the full one. What lies between is mixed.
struct HeatScale {
    /// Red, green and blue.
    using Colour = std::array<std::uint8_t, 3>;
    Colour none, some, full;

    /// Throws DataError for NaN; what is beyond 0 to 1 gets the colour of the nearer of the two.
    Colour operator()(double part) const {
        if (std::isnan(part)) detail::raise<DataError>("HeatScale", "part", "NaN", "0..1");
        constexpr double at = 0.4;
        const double t = std::clamp(part, 0.0, 1.0);
        return t < at ? mix(none, some, t / at) : mix(some, full, (t - at) / (1.0 - at));
    }

    /// From a to b, part of the way.
    static Colour mix(const Colour& a, const Colour& b, double part) {
        Colour c{};
        for (std::size_t i = 0; i < 3; ++i) {
            c[i] = static_cast<std::uint8_t>(std::lround((1.0 - part) * a[i] + part * b[i]));
        }
        return c;
    }
};

/// The colours of heatmaps: what is for, what is against, and strength without direction.
struct HeatColours {
    HeatScale positive, negative, strength;
};
/// Of a light page: 0 is white, for is red, against is blue; strength is purple.
inline constexpr HeatColours light_heat{{{255, 255, 255}, {244, 165, 130}, {202, 0, 32}},
                                        {{255, 255, 255}, {146, 197, 222}, {5, 90, 176}},
                                        {{255, 255, 255}, {196, 164, 222}, {106, 27, 154}}};
/// Of a dark page, and over an image: 0 is black, the full colours are light.
inline constexpr HeatColours dark_heat{{{17, 19, 22}, {142, 44, 40}, {255, 128, 104}},
                                       {{17, 19, 22}, {26, 82, 136}, {112, 188, 255}},
                                       {{17, 19, 22}, {92, 48, 128}, {214, 160, 255}}};

/// How scores become colours.
struct HeatmapOptions {
    bool one_sided = false;  ///< scores are strengths: none is negative, and the scale begins at 0
    double scale = 0.0;      ///< |score| that gets the full colour; 0: the largest there is. For maps to be compared
};

/// A drawn map. Only the picture is scaled: `values` are the scores as they were.
struct Heatmap {
    std::vector<double> values = {};  ///< one a pixel, row after row; channels are added up
    double scale = 0.0;               ///< |score| of the full colour; 0: all scores are 0
    bool one_sided = false;
    Picture light = {}, dark = {};  ///< the same for light and dark pages
    Picture over = {};              ///< over the darkened input, if that was given
};

namespace detail {

/// The scores of an image's channels added up. Throws as heatmap.
template <class D>
std::vector<double> pixel_values(const Eigen::MatrixBase<D>& scores, const Shape& shape) {
    if (shape.size() < 1) raise<ShapeError>("heatmap", "shape", shape.text(), "an image");
    require_shape("heatmap", "scores", scores, shape.size(), 1);
    std::vector<double> values(static_cast<std::size_t>(shape.positions()), 0.0);
    for (Index i = 0; i < scores.size(); ++i) {
        const auto score = static_cast<double>(scores(i, 0));
        if (!std::isfinite(score)) {
            raise<DataError>("heatmap", "score " + std::to_string(i), html::number(score, 0), "a finite value");
        }
        values[static_cast<std::size_t>(i % shape.positions())] += score;
    }
    return values;
}

/// The largest |value|, or the scale that was asked for. Throws DataError if values do not fit the options.
inline double heat_scale(const std::vector<double>& values, const HeatmapOptions& options) {
    if (!(options.scale >= 0.0) || !std::isfinite(options.scale)) {
        raise<DataError>("heatmap", "scale", html::number(options.scale, 3), "0, or what gets the full colour");
    }
    double most = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (options.one_sided && values[i] < 0.0) {
            raise<DataError>("heatmap", "score " + std::to_string(i) + " of a one-sided map",
                             html::number(values[i], 6), "0 or more");
        }
        most = std::max(most, std::abs(values[i]));
    }
    return options.scale > 0.0 ? options.scale : most;
}

/// Calls colour(pixel) -> HeatScale::Colour for each.
template <class F>
Picture heat_picture(Index height, Index width, const F& colour) {
    std::vector<std::uint8_t> bytes;
    bytes.reserve(static_cast<std::size_t>(3 * height * width));
    for (Index i = 0; i < height * width; ++i) {
        for (const std::uint8_t part : colour(static_cast<std::size_t>(i))) bytes.push_back(part);
    }
    return {data_uri(png(bytes, width, height, 3)), width, height};
}

inline Heatmap drawn(std::vector<double> values, const Shape& shape, const HeatmapOptions& options) {
    Heatmap map{.values = std::move(values), .one_sided = options.one_sided};
    map.scale = heat_scale(map.values, options);
    const auto with = [&](const HeatColours& colours) {
        return heat_picture(shape.height, shape.width, [&](std::size_t i) {
            const double part = map.scale > 0.0 ? map.values[i] / map.scale : 0.0;
            return map.one_sided ? colours.strength(part)
                                 : (part < 0.0 ? colours.negative : colours.positive)(std::abs(part));
        });
    };
    map.light = with(light_heat);
    map.dark = with(dark_heat);
    return map;
}

}  // namespace detail

/// Draws the scores of one sample, channels added up: 0 has no colour, and the scale is symmetric around it, up to the
/// largest |score| of the map. Never centred anew.
///
/// Shapes   scores: channels x height x width, as the shape says; to reduce channels in another way, do so before
///          (by_pixel in attribution/reduce.hpp), and give a shape of one channel.
/// Throws   ShapeError if the scores do not have the shape's size; DataError for a score that is not finite, or is
///          negative in a one-sided map, and for a negative scale.
template <class D>
Heatmap heatmap(const Eigen::MatrixBase<D>& scores, const Shape& shape, const HeatmapOptions& options = {}) {
    return detail::drawn(detail::pixel_values(scores, shape), shape, options);
}

/// The same, and over the input too, as grey as half its light.
///
/// Shapes   input: as scores; pixels from 0 to 1, a mean over its channels.
template <class D, class E>
Heatmap heatmap(const Eigen::MatrixBase<D>& scores, const Eigen::MatrixBase<E>& input, const Shape& shape,
                const HeatmapOptions& options = {}) {
    Heatmap map = heatmap(scores, shape, options);
    detail::require_shape("heatmap", "input", input, shape.size(), 1);
    map.over = detail::heat_picture(shape.height, shape.width, [&](std::size_t i) {
        double light = 0.0;
        for (Index c = 0; c < shape.channels; ++c) {
            light += static_cast<double>(input(c * shape.positions() + static_cast<Index>(i), 0));
        }
        light /= static_cast<double>(shape.channels);
        const auto grey = static_cast<std::uint8_t>(std::lround(128.0 * (light > 0.0 ? std::min(light, 1.0) : 0.0)));
        const double part = map.scale > 0.0 ? std::min(std::abs(map.values[i]) / map.scale, 1.0) : 0.0;
        const HeatScale& scale = map.one_sided         ? dark_heat.strength
                                 : map.values[i] < 0.0 ? dark_heat.negative
                                                       : dark_heat.positive;
        return HeatScale::mix({grey, grey, grey}, scale.full, part);
    });
    return map;
}

/// How heatmaps look. --heat, the width of a map, may be set by the page.
inline constexpr std::string_view heatmap_style = R"css(
:root{--for:#ca0020;--against:#055ab0;--strength:#6a1b9a;--heat:168px;
--two-sided:linear-gradient(90deg,#055ab0,#92c5de 30%,#fff 50%,#f4a582 70%,#ca0020);
--one-sided:linear-gradient(90deg,#fff,#c4a4de 40%,#6a1b9a)}
@media (prefers-color-scheme:dark){:root{--for:#ff8068;--against:#70bcff;--strength:#d6a0ff;
--two-sided:linear-gradient(90deg,#70bcff,#1a5288 30%,#111316 50%,#8e2c28 70%,#ff8068);
--one-sided:linear-gradient(90deg,#111316,#5c3080 40%,#d6a0ff)}}
.heat{width:var(--heat);max-width:100%}
.heat .drawn{display:grid}
.heat .drawn>*{grid-area:1/1;display:block}
.heat img{width:100%;box-shadow:0 0 0 1px var(--line)}
.heat .over{opacity:0}
.heat .scale{display:block;height:8px;margin-top:7px;border-radius:2px;background:var(--two-sided);
box-shadow:0 0 0 1px var(--line);print-color-adjust:exact;-webkit-print-color-adjust:exact}
.heat .scale.one{background:var(--one-sided)}
.heat .scale.none{background:none}
.heat .ends{display:flex;justify-content:space-between;font-size:12px;line-height:1.3;color:var(--quiet);margin-top:3px}
)css";

/// A map with its scale beneath it; the page needs heatmap_style. What of it is read aloud begins with `name`.
inline void write_heatmap(std::ostream& out, const Heatmap& map, std::string_view name) {
    const std::string most = html::significant(map.scale);
    const std::string told = std::string(name) + ": heatmap, full colour at " + most;
    out << "<div class=\"heat\"><div class=\"drawn\"><picture><source media=\"(prefers-color-scheme:dark)\" srcset=\""
        << map.dark.uri << "\"/>" << html::image(map.light, told) << "</picture>"
        << html::image(map.over, told + ", over the input", "class=\"over\"") << "</div>";
    if (map.scale > 0.0) {
        out << "<i class=\"scale" << (map.one_sided ? " one" : "") << "\"></i><div class=\"ends\">";
        if (!map.one_sided) out << "<span>\u2212" << most << "</span>";
        out << "<span>0</span><span>" << (map.one_sided ? "" : "+") << most << "</span></div>";
    } else {
        out << "<i class=\"scale none\"></i><div class=\"ends\"><span>All scores are 0.</span></div>";
    }
    out << "</div>";
}

}  // namespace renn::inline RENN_ABI
