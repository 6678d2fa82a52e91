// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE png
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <renn/report/png.hpp>

#include "support/message_of.hpp"

using renn::DataError;
using renn::Index;
using renn::ShapeError;
using renn::test::message_of;

namespace {

/// A decoder that shares nothing with the writer: bitwise check sums, stored blocks only.
struct Decoded {
    std::uint32_t width = 0, height = 0;
    int bits = 0, colour = -1;
    std::vector<std::uint8_t> pixels;
    int blocks = 0;
};

std::uint32_t big(std::string_view s) {
    std::uint32_t v = 0;
    for (int i = 0; i < 4; ++i) v = v * 256 + static_cast<std::uint8_t>(s.at(static_cast<std::size_t>(i)));
    return v;
}

std::uint32_t slow_crc(std::string_view s) {
    std::uint32_t c = ~0u;
    for (const char x : s) {
        for (int bit = 0; bit < 8; ++bit) {
            const bool one = ((c ^ static_cast<std::uint32_t>(static_cast<std::uint8_t>(x) >> bit)) & 1) != 0;
            c = c >> 1 ^ (one ? 0xedb88320u : 0u);
        }
    }
    return ~c;
}

std::string inflate_stored(std::string_view z, int& blocks) {
    BOOST_REQUIRE(z.size() >= 6);
    const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<std::uint8_t>(z.at(i))); };
    BOOST_TEST((byte(0) & 15) == 8u);  // deflate
    BOOST_TEST((byte(0) * 256 + byte(1)) % 31 == 0u);
    std::string out;
    std::size_t at = 2;
    for (bool last = false; !last; ++blocks) {
        last = (byte(at) & 1) != 0;
        BOOST_REQUIRE(byte(at) >> 1 == 0u);  // stored
        const unsigned n = byte(at + 1) + 256 * byte(at + 2);
        BOOST_REQUIRE((n ^ (byte(at + 3) + 256 * byte(at + 4))) == 65535u);
        out += z.substr(at + 5, n);
        at += 5 + n;
    }
    std::uint64_t a = 1, b = 0;
    for (const char c : out) {
        a += static_cast<std::uint8_t>(c);
        b += a % 65521;
    }
    BOOST_TEST(big(z.substr(at)) == (b % 65521) * 65536 + a % 65521);
    BOOST_TEST(z.size() == at + 4);
    return out;
}

Decoded decode(std::string_view file) {
    Decoded out;
    BOOST_REQUIRE(file.substr(0, 8) == std::string_view("\x89PNG\r\n\x1a\n", 8));
    std::string data, order;
    for (std::size_t at = 8; at < file.size();) {
        const std::size_t n = big(file.substr(at));
        const std::string_view type = file.substr(at + 4, 4), body = file.substr(at + 8, n);
        BOOST_TEST(big(file.substr(at + 8 + n)) == slow_crc(file.substr(at + 4, 4 + n)));
        order += type;
        if (type == "IHDR") {
            BOOST_REQUIRE(n == 13u);
            out.width = big(body);
            out.height = big(body.substr(4));
            out.bits = body[8];
            out.colour = body[9];
            BOOST_TEST(body.substr(10) == std::string_view("\0\0\0", 3));
        }
        if (type == "IDAT") data += body;
        at += 12 + n;
    }
    BOOST_TEST(order == "IHDRIDATIEND");
    const std::string raw = inflate_stored(data, out.blocks);
    const std::size_t row = out.width * (out.colour == 2 ? 3u : 1u);
    BOOST_REQUIRE(raw.size() == (row + 1) * out.height);
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (i % (row + 1) == 0) {
            BOOST_TEST(raw[i] == 0);  // no filter
        } else {
            out.pixels.push_back(static_cast<std::uint8_t>(raw[i]));
        }
    }
    return out;
}

std::vector<std::uint8_t> some_pixels(std::size_t n) {
    std::vector<std::uint8_t> out(n);
    for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
    return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(pixels_survive_the_file) {
    for (const int channels : {1, 3}) {
        for (const auto& [width, height] : {std::pair(1, 1), {28, 28}, {3, 7}, {1, 300}, {300, 1}}) {
            const auto pixels = some_pixels(static_cast<std::size_t>(width * height * channels));
            const Decoded d = decode(renn::png(pixels, width, height, channels));
            BOOST_TEST(d.width == static_cast<unsigned>(width));
            BOOST_TEST(d.height == static_cast<unsigned>(height));
            BOOST_TEST(d.bits == 8);
            BOOST_TEST(d.colour == (channels == 1 ? 0 : 2));
            BOOST_TEST(d.pixels == pixels);
        }
    }
}

BOOST_AUTO_TEST_CASE(large_pictures_take_several_blocks) {
    // 1 + 65534 bytes a row fill one block exactly; one more byte needs a second one.
    for (const auto& [width, height, blocks] :
         {std::tuple(65534, 1, 1), {65535, 1, 2}, {65534, 3, 3}, {1000, 1000, 16}}) {
        const auto pixels = some_pixels(static_cast<std::size_t>(width * height));
        const Decoded d = decode(renn::png(pixels, width, height));
        BOOST_TEST(d.pixels == pixels);
        BOOST_TEST(d.blocks == blocks);
    }
}

BOOST_AUTO_TEST_CASE(one_black_pixel_is_the_known_file) {
    // Made with Python: zlib.compress(b"\0\0", 0) in chunks with zlib.crc32, base64.b64encode of it all.
    const std::string expected =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAADUlEQVR4AQECAP3/"
        "AAAAAgABfgUN0gAAAABJRU5ErkJggg==";
    const std::vector<std::uint8_t> black{0};
    BOOST_TEST(renn::base64(renn::png(black, 1, 1)) == expected);
}

BOOST_AUTO_TEST_CASE(base64_is_that_of_rfc_4648) {
    BOOST_TEST(renn::base64("") == "");
    BOOST_TEST(renn::base64("f") == "Zg==");
    BOOST_TEST(renn::base64("fo") == "Zm8=");
    BOOST_TEST(renn::base64("foo") == "Zm9v");
    BOOST_TEST(renn::base64("foob") == "Zm9vYg==");
    BOOST_TEST(renn::base64("fooba") == "Zm9vYmE=");
    BOOST_TEST(renn::base64("foobar") == "Zm9vYmFy");
    BOOST_TEST(renn::base64("\xff\xfe\xfb\xef") == "//777w==");
    BOOST_TEST(renn::base64(std::string(3, '\0')) == "AAAA");
}

BOOST_AUTO_TEST_CASE(a_data_uri_names_its_media_type) {
    BOOST_TEST(renn::data_uri("foo") == "data:image/png;base64,Zm9v");
    BOOST_TEST(renn::data_uri("foo", "text/plain") == "data:text/plain;base64,Zm9v");
}

BOOST_AUTO_TEST_CASE(pictures_that_cannot_be_are_refused) {
    const auto pixels = some_pixels(12);
    const auto data = [&](Index w, Index h, int c) {
        return message_of<DataError>([&] { renn::png(pixels, w, h, c); });
    };
    const auto shape = [&](Index w, Index h, int c) {
        return message_of<ShapeError>([&] { renn::png(pixels, w, h, c); });
    };
    const std::string end = ", expected 1 x 1 to 1 GiB in all";
    BOOST_TEST(data(3, 4, 1) == "no error");
    BOOST_TEST(data(3, 2, 2) == "png: channels: got 2, expected 1 or 3");
    BOOST_TEST(data(0, 4, 1) == "png: height x width: got 4 x 0" + end);
    BOOST_TEST(data(3, 0, 1) == "png: height x width: got 0 x 3" + end);
    BOOST_TEST(data(-3, -4, 1) == "png: height x width: got -4 x -3" + end);
    BOOST_TEST(data(Index(1) << 32, Index(1) << 32, 3) == "png: height x width: got 4294967296 x 4294967296" + end);
    BOOST_TEST(data(1 << 20, 1 << 20, 1) == "png: height x width: got 1048576 x 1048576" + end);
    BOOST_TEST(shape(3, 3, 1) == "png: pixels: got 12, expected 9");
    BOOST_TEST(shape(3, 4, 3) == "png: pixels: got 12, expected 36");
}
