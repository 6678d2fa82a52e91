// SPDX-License-Identifier: MIT
// renn/network/masked_units.hpp - which units of a network are held, and at what.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI {

/// Units of one place that are held at fixed values.
struct MaskedUnits {
    std::string layer;  ///< path of a layer: "relu1", "residual1/dense2"; of foreign code, a probe's name
    std::vector<std::uint32_t> units;  ///< rows of the layer's output, each once
    std::vector<double> values = {};   ///< what they are held at, one a unit; left out: 0
    Index positions = 1;               ///< values a unit has: of an image's channels, height x width of the image
};

/// Units held at 0 or other values, whatever the network computes for them; empty: none.
using Mask = std::vector<MaskedUnits>;

/// "relu1: 3, 17 = 0.25": every unit of a mask, with its value where that is not 0.
inline std::string describe(const Mask& mask) {
    std::string text;
    for (const MaskedUnits& place : mask) {
        text += (text.empty() ? "" : "; ") + place.layer + ":";
        for (std::size_t i = 0; i < place.units.size(); ++i) {
            text += (i == 0 ? " " : ", ") + std::to_string(place.units[i]);
            if (place.values.empty() || place.values[i] == 0.0) continue;
            char digits[40];
            const auto end = std::to_chars(digits, digits + sizeof digits, place.values[i]);
            text += " = " + std::string(digits, end.ptr);
        }
        if (place.positions != 1) text += " (of " + std::to_string(place.positions) + " values each)";
    }
    return text;
}

namespace detail {

/// Throws DataError for what no network can fit: values that are not finite or too few, units named twice.
inline void check_mask(const Mask& mask) {
    for (std::size_t p = 0; p < mask.size(); ++p) {
        const MaskedUnits& place = mask[p];
        const std::string what = "units of \"" + place.layer + "\"";
        if (!place.values.empty() && place.values.size() != place.units.size()) {
            raise<DataError>("mask", "values for " + what, std::to_string(place.values.size()),
                             std::to_string(place.units.size()) + ", one a unit, or none");
        }
        if (place.positions < 1) raise<DataError>("mask", "positions", std::to_string(place.positions), "1 or more");
        for (const double value : place.values) {
            if (!std::isfinite(value))
                raise<DataError>("mask", "value for " + what, "NaN or infinite", "a finite value");
        }
        std::vector<std::uint32_t> all;
        for (std::size_t q = 0; q <= p; ++q) {
            if (mask[q].layer == place.layer) all.insert(all.end(), mask[q].units.begin(), mask[q].units.end());
        }
        std::sort(all.begin(), all.end());
        const auto twice = std::adjacent_find(all.begin(), all.end());
        if (twice != all.end()) raise<DataError>("mask", what, std::to_string(*twice) + " twice", "each unit once");
    }
}

/// Writes a place's values over those in y. Throws DataError for a unit that y does not have.
template <class S>
void hold(const MaskedUnits& place, Batch<S>& y) {
    for (std::size_t i = 0; i < place.units.size(); ++i) {
        const Index unit = place.units[i], units = y.rows() / place.positions;
        if (unit >= units || y.rows() % place.positions != 0) {
            raise<DataError>("mask", "unit of \"" + place.layer + "\"", std::to_string(unit),
                             "below " + std::to_string(units) + ", as it has " + std::to_string(y.rows()) + " values" +
                                 (place.positions == 1 ? "" : " of " + std::to_string(place.positions) + " a unit"));
        }
        const S value = place.values.empty() ? S(0) : static_cast<S>(place.values[i]);
        y.middleRows(unit * place.positions, place.positions).setConstant(value);
    }
}

/// Sets to zero what goes along a place's units.
template <class S>
void stop(const MaskedUnits& place, Batch<S>& d) {
    for (const Index unit : place.units) d.middleRows(unit * place.positions, place.positions).setZero();
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
