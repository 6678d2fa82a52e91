// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE idx
#include <algorithm>
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <renn/data/idx.hpp>

#include "support/message_of.hpp"
#include "support/scratch_file.hpp"

using renn::DataError;
using renn::FormatError;
using renn::Index;
using renn::ShapeError;
using renn::test::message_of;
using renn::test::ScratchFile;
using Scalars = boost::mpl::list<float, double>;

namespace {

std::string idx(const std::vector<std::uint32_t>& shape, const std::string& payload, char type = '\x08') {
    std::string out{'\0', '\0', type, static_cast<char>(shape.size())};
    for (const std::uint32_t d : shape) {
        for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(d >> shift & 255);
    }
    return out + payload;
}

/// 0, 1, 2, ... as bytes.
std::string counting(int n) {
    std::string out;
    for (int i = 0; i < n; ++i) out += static_cast<char>(i);
    return out;
}

const std::string three_pictures = idx({3, 2, 4}, counting(24));
const std::string three_labels = idx({3}, {7, 0, 2});

std::string image_error(const std::string& bytes) {
    const ScratchFile file(bytes);
    const std::string m = message_of<FormatError>([&] { renn::read_idx_images(file.path); });
    const std::string start = "read_idx_images: " + file.path + ": ";
    return m.starts_with(start) ? m.substr(start.size()) : m;
}

}  // namespace

BOOST_AUTO_TEST_CASE(pictures_become_columns_row_after_row) {
    const ScratchFile file(three_pictures);
    const renn::IdxImages images = renn::read_idx_images(file.path);
    BOOST_REQUIRE(images.pixels.rows() == 8);
    BOOST_REQUIRE(images.pixels.cols() == 3);
    for (Index i = 0; i < 24; ++i) BOOST_TEST(images.pixels(i % 8, i / 8) == i);
    BOOST_TEST((images.shape == renn::Shape{1, 2, 4}));
}

BOOST_AUTO_TEST_CASE(two_to_four_dimensions_are_pictures_one_is_labels) {
    const ScratchFile flat(idx({2, 3}, counting(6))), colour(idx({2, 3, 1, 2}, counting(12))), labels(three_labels);
    BOOST_TEST(renn::read_idx_images(flat.path).shape.unknown());
    BOOST_TEST(renn::read_idx_images(flat.path).pixels.rows() == 3);
    BOOST_TEST((renn::read_idx_images(colour.path).shape == renn::Shape{3, 1, 2}));
    BOOST_TEST(renn::read_idx_images(colour.path).pixels(5, 1) == 11);
    BOOST_TEST((renn::read_idx_labels(labels.path) == std::vector<std::int32_t>{7, 0, 2}));
    BOOST_TEST((renn::read_idx_array(labels.path).shape == std::vector<Index>{3}));
    BOOST_TEST((renn::read_idx_array(colour.path, 1).shape == std::vector<Index>{1, 3, 1, 2}));
    BOOST_TEST(renn::read_idx_array(colour.path).values.rows() == 6);
}

BOOST_AUTO_TEST_CASE(bytes_above_127_are_positive_labels) {
    const ScratchFile labels(idx({2}, "\xff\x80"));
    BOOST_TEST((renn::read_idx_labels(labels.path) == std::vector<std::int32_t>{255, 128}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(pictures_and_labels_make_a_data_set, S, Scalars) {
    const ScratchFile images(three_pictures), labels(three_labels);
    const renn::Dataset<S> data = renn::read_idx<S>(images.path, labels.path);
    BOOST_TEST(data.samples() == 3);
    BOOST_TEST(data.classes() == 8);
    BOOST_TEST(data.label(0) == 7);
    BOOST_TEST(data.input(1)(3) == S(11) / S(255));
    BOOST_TEST((data.image() == renn::Shape{1, 2, 4}));
    BOOST_TEST(data.id(2) == 2u);
}

BOOST_AUTO_TEST_CASE(a_limit_reads_the_first_samples_and_keeps_the_classes_of_the_whole) {
    const ScratchFile images(three_pictures), labels(idx({3}, {1, 0, 9}));
    const auto data = renn::read_idx(images.path, labels.path, 2);
    BOOST_TEST(data.samples() == 2);
    BOOST_TEST(data.classes() == 10);
    BOOST_TEST(data.label(1) == 0);
    BOOST_TEST(renn::read_idx(images.path, labels.path, 99).samples() == 3);
    BOOST_TEST(renn::read_idx(images.path, labels.path, 0).empty());
    BOOST_TEST(renn::read_idx(images.path, labels.path, 0).features() == 8);
    BOOST_TEST(renn::read_idx_labels(labels.path, 1).size() == 1u);
    BOOST_TEST(message_of<DataError>([&] { renn::read_idx_images(images.path, -1); }) ==
               "read_idx_images: " + images.path + ": limit: got -1, expected 0 or more");
}

BOOST_AUTO_TEST_CASE(no_samples_and_one_sample_are_valid) {
    const ScratchFile none(idx({0, 28, 28}, "")), no_labels(idx({0}, "")), one(idx({1, 1, 1}, "\x05"));
    BOOST_TEST(renn::read_idx_images(none.path).pixels.rows() == 784);
    BOOST_TEST(renn::read_idx_images(none.path).pixels.cols() == 0);
    BOOST_TEST(renn::read_idx_labels(no_labels.path).empty());
    BOOST_TEST(renn::read_idx(none.path, no_labels.path).empty());
    BOOST_TEST(renn::read_idx_images(one.path).pixels(0, 0) == 5);
}

BOOST_AUTO_TEST_CASE(a_missing_file_or_a_folder_is_a_format_error) {
    BOOST_TEST(message_of<FormatError>([] { renn::read_idx_images("/no/such/file"); }) ==
               "read_idx_images: /no/such/file: cannot be opened");
    BOOST_TEST(message_of<FormatError>([] { renn::read_idx("/no/such/file", "/nor/this"); }) ==
               "read_idx: /no/such/file: cannot be opened");
    const std::string folder = message_of<FormatError>([] { renn::read_idx_labels("/"); });
    BOOST_TEST(folder.starts_with("read_idx_labels: /: "), folder);
}

BOOST_AUTO_TEST_CASE(foreign_files_are_told_apart) {
    BOOST_TEST(image_error("P5 28 28 255\n") == "not an IDX file: first bytes: got 50 35, expected 00 00");
    BOOST_TEST(image_error("\x1f\x8b\x08\x08....") ==
               "not an IDX file: first bytes: got 1f 8b (gzip, to be unpacked first), expected 00 00");
    BOOST_TEST(image_error(idx({3, 2, 4}, counting(96), '\x0d')) ==
               "element type: got 0d (32-bit float), expected 08 (unsigned byte)");
    BOOST_TEST(image_error(idx({3, 2, 4}, counting(24), '\x42')) ==
               "element type: got 42, expected 08 (unsigned byte)");
    BOOST_TEST(image_error(three_labels) == "dimensions: got 1, expected 2..4");
    BOOST_TEST(image_error(idx({1, 1, 1, 1, 1}, "x")) == "dimensions: got 5, expected 2..4");
    BOOST_TEST(image_error(idx({}, "")) == "dimensions: got 0, expected 2..4");
    const ScratchFile pictures(three_pictures);
    BOOST_TEST(message_of<FormatError>([&] { renn::read_idx_labels(pictures.path); }) ==
               "read_idx_labels: " + pictures.path + ": dimensions: got 3, expected 1");
}

BOOST_AUTO_TEST_CASE(every_truncation_and_every_extra_byte_is_a_format_error) {
    for (std::size_t n = 0; n < three_pictures.size(); ++n) {
        const std::string m = image_error(three_pictures.substr(0, n));
        const std::string expected = n < 4 ? "4 bytes or more" : n < 16 ? "16 bytes or more" : "40 bytes";
        BOOST_TEST(m ==
                   "truncated: got " + std::to_string(n) + (n == 1 ? " byte" : " bytes") + ", expected " + expected);
    }
    BOOST_TEST(image_error(three_pictures) == "no error");
    BOOST_TEST(image_error(three_pictures + "x") == "trailing bytes: got 41 bytes, expected 40 bytes");
    for (std::size_t n = 0; n < three_labels.size(); ++n) {
        const ScratchFile file(three_labels.substr(0, n));
        const std::string m = message_of<FormatError>([&] { renn::read_idx_labels(file.path); });
        BOOST_TEST(m.starts_with("read_idx_labels: " + file.path + ": truncated: got "), m);
    }
}

BOOST_AUTO_TEST_CASE(any_single_damaged_byte_in_the_head_is_an_error_not_a_crash) {
    for (std::size_t at = 0; at < 16; ++at) {
        for (int value = 0; value < 256; ++value) {
            std::string bytes = three_pictures;
            if (bytes[at] == static_cast<char>(value)) continue;
            bytes[at] = static_cast<char>(value);
            BOOST_TEST(image_error(bytes) != "no error");
        }
    }
}

BOOST_AUTO_TEST_CASE(sizes_are_believed_only_if_the_file_holds_them) {
    const std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
    BOOST_TEST(image_error(idx({most, 28, 28}, "")) == "truncated: got 16 bytes, expected 3367254359296 bytes");
    const std::string end = ", expected samples of 1 byte or more, in all at most what a file can hold";
    const std::string m = std::to_string(most);
    BOOST_TEST(image_error(idx({most, most, most}, "")) == "shape: got " + m + " x " + m + " x " + m + end);
    BOOST_TEST(image_error(idx({1u << 31, 1u << 31, 4, 1}, "")) == "shape: got 2147483648 x 2147483648 x 4 x 1" + end);
    BOOST_TEST(image_error(idx({most, 0, 28}, "")) == "shape: got " + m + " x 0 x 28" + end);
    BOOST_TEST(image_error(idx({0, 28, 0}, "")) == "shape: got 0 x 28 x 0" + end);
    // No samples of a size that wraps: here the file is as long as it says.
    BOOST_TEST(image_error(idx({0, most, most, most}, "")) == "shape: got 0 x " + m + " x " + m + " x " + m + end);
}

BOOST_AUTO_TEST_CASE(pictures_and_labels_of_different_number_are_a_shape_error) {
    const ScratchFile images(three_pictures), labels(idx({4}, counting(4)));
    for (const Index limit : {Index(2), renn::all_samples}) {
        BOOST_TEST(message_of<ShapeError>([&] { renn::read_idx(images.path, labels.path, limit); }) ==
                   "read_idx: " + labels.path + ": labels: got 4, expected 3 (one per image of " + images.path + ")");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_stream_yields_what_the_whole_has, S, Scalars) {
    const ScratchFile images(idx({7, 2, 2}, counting(28))), labels(idx({7}, counting(7)));
    const auto whole = renn::read_idx<S>(images.path, labels.path);
    for (const Index size : {1, 3, 7, 100}) {
        auto next = renn::idx_stream<S>(images.path, labels.path, size);
        auto same = renn::batches(whole, size);
        renn::SampleBatch<S> a, b;
        while (same(b)) {
            BOOST_REQUIRE(next(a));
            BOOST_TEST((a.inputs == b.inputs && a.labels == b.labels && a.ids.empty()));
        }
        BOOST_TEST(!next(a));
        BOOST_TEST((next.image() == renn::Shape{1, 2, 2}));
    }
    const ScratchFile few(idx({2}, counting(2)));
    BOOST_TEST(message_of<ShapeError>([&] { renn::idx_stream(images.path, few.path); }) ==
               "idx_stream: " + few.path + ": labels: got 2, expected 7 (one per image of " + images.path + ")");
    BOOST_TEST(message_of<DataError>([&] { renn::idx_stream(images.path, labels.path, 0); }) ==
               "idx_stream: batch: got 0, expected 1 or more");
}

BOOST_AUTO_TEST_CASE(memory_is_read_as_a_file_is) {
    const auto read = [](const std::string& pictures, const std::string& labels) {
        std::istringstream p(pictures), l(labels);
        return renn::read_idx({p, "p"}, {l, "l"});
    };
    const auto data = read(three_pictures, three_labels);
    const ScratchFile pictures(three_pictures), labels(three_labels);
    const auto same = renn::read_idx(pictures.path, labels.path);
    BOOST_TEST((data.pixels() == same.pixels()));
    BOOST_TEST(std::ranges::equal(data.labels(), same.labels()));
    BOOST_TEST(data.classes() == 8);
    BOOST_TEST((data.image() == renn::Shape{1, 2, 4}));
    BOOST_TEST(message_of<ShapeError>([&] {
                   read(three_pictures, idx({2}, {7, 0}));
               }) == "read_idx: l: labels: got 2, expected 3 (one per image of p)");
    for (std::size_t n = 0; n < three_pictures.size(); ++n) {
        const std::string m = message_of<FormatError>([&] { read(three_pictures.substr(0, n), three_labels); });
        BOOST_TEST(m.starts_with("read_idx: p: "), m);
    }
}
