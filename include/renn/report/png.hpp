// SPDX-License-Identifier: MIT
// renn/report/png.hpp - pictures as PNG files in memory and as text for a web page.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

inline constexpr std::array<std::uint32_t, 256> crc32_table = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t n = 0; n < 256; ++n) {
        std::uint32_t c = n;
        for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? 0xedb88320u ^ (c >> 1) : c >> 1;
        table[n] = c;
    }
    return table;
}();

constexpr std::uint32_t crc32(std::string_view bytes) {
    std::uint32_t c = 0xffffffffu;
    for (const char b : bytes) c = crc32_table[(c ^ static_cast<std::uint8_t>(b)) & 255] ^ (c >> 8);
    return ~c;
}
static_assert(crc32("123456789") == 0xcbf43926u);

constexpr std::uint32_t adler32(std::string_view bytes) {
    std::uint32_t a = 1, b = 0;
    for (const char x : bytes) {
        a = (a + static_cast<std::uint8_t>(x)) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}
static_assert(adler32("Wikipedia") == 0x11e60398u);

inline void append_big_endian(std::string& out, std::uint32_t v) {
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(v >> shift & 255);
}

inline void append_chunk(std::string& out, const std::string& type_and_data) {
    append_big_endian(out, static_cast<std::uint32_t>(type_and_data.size() - 4));
    out += type_and_data;
    append_big_endian(out, crc32(type_and_data));
}

/// A zlib stream that stores instead of compressing: a picture of a digit is smaller than its own code table.
inline std::string zlib_stored(std::string_view raw) {
    constexpr std::size_t most = 65535;
    std::string out("\x78\x01", 2);
    std::size_t at = 0;
    do {
        const std::size_t n = std::min(most, raw.size() - at);
        const bool last = at + n == raw.size();
        out += last ? '\x01' : '\x00';
        for (const std::size_t length : {n, ~n}) {  // little-endian, then its complement
            out += static_cast<char>(length & 255);
            out += static_cast<char>(length >> 8 & 255);
        }
        out += raw.substr(at, n);
        at += n;
    } while (at < raw.size());
    append_big_endian(out, adler32(raw));
    return out;
}

}  // namespace detail

/// The bytes of an uncompressed PNG file.
///
/// Shapes   pixels: height rows of width pixels of `channels` bytes (1 grey, 3 red-green-blue), side by side; renn's
///          pictures are channel-major, so colour has to be interleaved first.
/// Throws   DataError if a size is not positive, channels is neither 1 nor 3, or the file would exceed 1 GiB;
///          ShapeError if pixels has another length.
/// Source   PNG specification (ISO/IEC 15948:2004), RFC 1950, RFC 1951.
inline std::string png(std::span<const std::uint8_t> pixels, Index width, Index height, int channels = 1) {
    constexpr Index most = Index(1) << 30;
    if (channels != 1 && channels != 3) detail::raise<DataError>("png", "channels", std::to_string(channels), "1 or 3");
    if (width < 1 || height < 1 || width > most / 4 || height > most / (channels * width + 1)) {
        detail::raise<DataError>("png", "height x width", detail::shape_text(height, width), "1 x 1 to 1 GiB in all");
    }
    const auto row = static_cast<std::size_t>(width * channels);
    const auto rows = static_cast<std::size_t>(height);
    if (pixels.size() != row * rows) {
        detail::raise<ShapeError>("png", "pixels", std::to_string(pixels.size()), std::to_string(row * rows));
    }
    std::string raw;
    raw.reserve((row + 1) * rows);
    for (std::size_t y = 0; y < rows; ++y) {
        raw += '\0';  // no filter
        raw.append(pixels.begin() + static_cast<std::ptrdiff_t>(y * row),
                   pixels.begin() + static_cast<std::ptrdiff_t>((y + 1) * row));
    }
    std::string header = "IHDR";
    detail::append_big_endian(header, static_cast<std::uint32_t>(width));
    detail::append_big_endian(header, static_cast<std::uint32_t>(height));
    header += '\x08';                           // bits per channel
    header += channels == 1 ? '\x00' : '\x02';  // grey or RGB
    header.append(3, '\0');                     // deflate, no filter method, not interlaced
    std::string file("\x89PNG\r\n\x1a\n", 8);
    detail::append_chunk(file, header);
    detail::append_chunk(file, "IDAT" + detail::zlib_stored(raw));
    detail::append_chunk(file, "IEND");
    return file;
}

/// RFC 4648 with padding, no line breaks.
inline std::string base64(std::string_view bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t v = 0;
        for (std::size_t j = 0; j < 3; ++j) v = v << 8 | (j < n ? static_cast<std::uint8_t>(bytes[i + j]) : 0u);
        for (std::size_t j = 0; j < 4; ++j) out += j <= n ? digits[v >> (18 - 6 * j) & 63] : '=';
    }
    return out;
}

/// A file as the address of itself, for <img src="...">: a page that needs no other file.
inline std::string data_uri(std::string_view file, std::string_view media_type = "image/png") {
    return "data:" + std::string(media_type) + ";base64," + base64(file);
}

}  // namespace renn::inline RENN_ABI
