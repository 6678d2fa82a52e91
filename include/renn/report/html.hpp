// SPDX-License-Identifier: MIT
// renn/report/html.hpp - text and numbers for a page.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <renn/report/picture.hpp>

namespace renn::inline RENN_ABI::html {

/// Text that may stand anywhere in a page, between tags and within quotes. Control characters, which no page may
/// contain, become spaces.
inline std::string escape(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += static_cast<unsigned char>(c) < 32 && c != '\n' && c != '\t' ? ' ' : c;
        }
    }
    return out;
}

/// 3.14159 with 2 decimals: "3.14", with a point in every locale and no sign before a zero.
inline std::string number(double value, int decimals) {
    if (!std::isfinite(value)) return std::isnan(value) ? "NaN" : value > 0.0 ? "infinite" : "-infinite";
    char text[400];  // the largest double has 309 digits
    const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, std::min(decimals, 60));
    const std::string_view all(text, static_cast<std::size_t>(end.ptr - text));
    return std::string(all.substr(all.find_first_not_of("-0.") == all.npos && all[0] == '-' ? 1 : 0));
}

/// 60000: "60,000".
inline std::string grouped(std::uint64_t value) {
    std::string text = std::to_string(value);
    for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
    return text;
}

/// 0.000358: "0.036 %", 0.0054: "0.54 %", 0.312: "31.2 %", with a narrow space that does not break.
inline std::string percent(double part) {
    const double value = 100.0 * part;
    const int decimals = value >= 99.95 || value == 0.0 ? 0 : value >= 0.995 ? 1 : value >= 0.0995 ? 2 : 3;
    return number(value, decimals) + "\u202f%";
}

/// Votes: whole ones as such, shares with two decimals.
inline std::string votes(double count) {
    return number(count, std::abs(count - std::round(count)) < 0.005 ? 0 : 2);
}

/// 63840000: "63.8 MB".
inline std::string bytes(std::uint64_t count) {
    const auto value = static_cast<double>(count);
    if (value >= 1e9) return number(value / 1e9, 2) + " GB";
    if (value >= 1e6) return number(value / 1e6, 1) + " MB";
    if (value >= 1e3) return number(value / 1e3, 1) + " kB";
    return std::to_string(count) + " bytes";
}

/// 0.00042: "0.42 ms", 7.3: "7.3 s", 130: "2 min 10 s".
inline std::string seconds(double value) {
    if (value < 0.0995) return number(1000.0 * value, value < 0.00995 ? 2 : 1) + " ms";
    if (value < 100.0) return number(value, value < 9.95 ? 2 : 1) + " s";
    const auto whole = static_cast<std::uint64_t>(std::min(std::round(value), 1e15));
    return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
}

/// Three digits that count: 0.012345: "0.0123", -4.5678: "-4.57", 1234.5: "1235"; far from 1 with a power: "1.2e-07".
inline std::string significant(double value) {
    const double size = std::abs(value);
    if (size == 0.0 || !std::isfinite(value)) return number(value, 0);
    if (size >= 9.995e-5 && size < 1e6) {
        return number(value, std::max(0, 2 - static_cast<int>(std::floor(std::log10(size) + 1e-4))));
    }
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, value, std::chars_format::scientific, 1).ptr};
}

/// The same with a sign before all but 0, and a real minus.
inline std::string signed_significant(double value) {
    const std::string text = significant(std::abs(value));
    return value < 0.0 ? "\u2212" + text : value > 0.0 ? "+" + text : text;
}

/// <img>, pixel for pixel; nothing for an empty picture.
inline std::string image(const Picture& picture, std::string_view alternative, std::string_view attributes = "") {
    if (picture.empty()) return {};
    std::string out = "<img src=\"" + picture.uri + "\" width=\"" + std::to_string(picture.width) + "\" height=\"" +
                      std::to_string(picture.height) + "\" alt=\"" + escape(alternative) + '"';
    if (!attributes.empty()) (out += ' ') += attributes;
    return out += '>';
}

}  // namespace renn::inline RENN_ABI::html
