// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE npy
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <renn/data/npy.hpp>

#include "support/message_of.hpp"
#include "support/scratch_file.hpp"

using renn::Batch;
using renn::DataError;
using renn::FormatError;
using renn::Index;
using renn::ShapeError;
using renn::test::message_of;
using renn::test::ScratchFile;
using Scalars = boost::mpl::list<float, double>;
using Numbers = boost::mpl::list<float, double, std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t,
                                 std::uint16_t, std::uint32_t, std::uint64_t>;

namespace {

/// A file put together by hand, as NumPy writes it.
std::string npy(const std::string& dict, const std::string& payload, char version = 1) {
    std::string text = dict + '\n';
    std::string out = "\x93NUMPY";
    out += version;
    out += '\0';
    out += static_cast<char>(text.size() & 255);
    out += static_cast<char>(text.size() >> 8);
    if (version > 1) out += std::string(2, '\0');
    return out + text + payload;
}

std::string dict(const std::string& descr, const std::string& shape, const std::string& fortran = "False") {
    return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
}

template <class T>
std::vector<T> values(const std::string& file_bytes) {
    return renn::read_npy(ScratchFile(file_bytes).path).values_as<T>();
}

std::string read_error(const std::string& bytes) {
    const ScratchFile file(bytes);
    const std::string m = message_of<FormatError>([&] { renn::read_npy(file.path); });
    const std::string start = "read_npy: " + file.path + ": ";
    return m.starts_with(start) ? m.substr(start.size()) : m;
}

template <class T>
std::string value_error(const std::string& file_bytes) {
    return message_of<DataError>([&] { values<T>(file_bytes); });
}

std::string bytes(std::initializer_list<int> list) {
    std::string out;
    for (const int b : list) out += static_cast<char>(b);
    return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_element_type_is_read_in_both_byte_orders) {
    BOOST_TEST((values<int>(npy(dict("|u1", "(2,)"), bytes({1, 255}))) == std::vector<int>{1, 255}));
    BOOST_TEST((values<int>(npy(dict("|i1", "(2,)"), bytes({1, 255}))) == std::vector<int>{1, -1}));
    BOOST_TEST((values<int>(npy(dict("|b1", "(2,)"), bytes({1, 0}))) == std::vector<int>{1, 0}));
    BOOST_TEST((values<bool>(npy(dict("|b1", "(2,)"), bytes({1, 0}))) == std::vector<bool>{true, false}));
    BOOST_TEST((values<int>(npy(dict("<i2", "(1,)"), bytes({0xfe, 0xff}))) == std::vector<int>{-2}));
    BOOST_TEST((values<int>(npy(dict(">i2", "(1,)"), bytes({0xff, 0xfe}))) == std::vector<int>{-2}));
    BOOST_TEST((values<int>(npy(dict("<u2", "(1,)"), bytes({0xfe, 0xff}))) == std::vector<int>{65534}));
    BOOST_TEST(
        (values<int>(npy(dict(">i4", "(1,)"), bytes({0x12, 0x34, 0x56, 0x78}))) == std::vector<int>{0x12345678}));
    BOOST_TEST(
        (values<unsigned>(npy(dict("<u4", "(1,)"), bytes({1, 0, 0, 0x80}))) == std::vector<unsigned>{0x80000001}));
    BOOST_TEST((values<std::int64_t>(npy(dict(">i8", "(1,)"), bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                                     0xfd}))) == std::vector<std::int64_t>{-3}));
    BOOST_TEST((values<std::uint64_t>(npy(dict("<u8", "(1,)"), std::string(8, '\xff'))) ==
                std::vector<std::uint64_t>{std::numeric_limits<std::uint64_t>::max()}));
    // -1.5 in the three widths.
    BOOST_TEST((values<float>(npy(dict("<f2", "(1,)"), bytes({0x00, 0xbe}))) == std::vector<float>{-1.5f}));
    BOOST_TEST((values<double>(npy(dict(">f2", "(1,)"), bytes({0xbe, 0x00}))) == std::vector<double>{-1.5}));
    BOOST_TEST((values<double>(npy(dict("<f4", "(1,)"), bytes({0, 0, 0xc0, 0xbf}))) == std::vector<double>{-1.5}));
    BOOST_TEST((values<float>(npy(dict(">f4", "(1,)"), bytes({0xbf, 0xc0, 0, 0}))) == std::vector<float>{-1.5f}));
    BOOST_TEST(
        (values<float>(npy(dict("<f8", "(1,)"), bytes({0, 0, 0, 0, 0, 0, 0xf8, 0xbf}))) == std::vector<float>{-1.5f}));
    BOOST_TEST((values<int>(npy(dict(">f8", "(1,)"), bytes({0xc0, 0, 0, 0, 0, 0, 0, 0}))) == std::vector<int>{-2}));
}

BOOST_AUTO_TEST_CASE(half_precision_is_read_to_its_ends) {
    const auto half = [](int h) { return values<float>(npy(dict(">f2", "(1,)"), bytes({h >> 8, h & 255})))[0]; };
    BOOST_TEST(half(0x0001) == std::ldexp(1.0f, -24));
    BOOST_TEST(half(0x03ff) == std::ldexp(1023.0f, -24));
    BOOST_TEST(half(0x0400) == std::ldexp(1.0f, -14));
    BOOST_TEST(half(0x7bff) == 65504.0f);
    BOOST_TEST(half(0x3555) == 0.333251953125f);
    BOOST_TEST(half(0xfc00) == -std::numeric_limits<float>::infinity());
    BOOST_TEST(std::isnan(half(0x7e01)));
    BOOST_TEST(std::signbit(half(0x8000)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_written_is_read_back_bit_for_bit, T, Numbers) {
    using Limits = std::numeric_limits<T>;
    const std::vector<T> v{T(0), T(1), Limits::max(), Limits::lowest(), Limits::min(), T(100)};
    const ScratchFile file;
    renn::write_npy(file.path, v, {1, 3, 2});
    const renn::NpyArray a = renn::read_npy(file.path);
    BOOST_TEST((a.shape == std::vector<Index>{1, 3, 2}));
    BOOST_TEST(a.values_as<T>() == v);
    BOOST_TEST((file.read().size() - v.size() * sizeof(T)) % 64 == 0u);  // NumPy aligns the data
}

BOOST_AUTO_TEST_CASE(the_bytes_written_are_those_of_numpy) {
    const ScratchFile file;
    renn::write_npy(file.path, std::vector<float>{1, 2}, {2});
    // numpy 1.24: numpy.save(f, numpy.array([1, 2], '<f4'))
    const std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
    const std::string expected = bytes({0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 0x76, 0}) + text +
                                 std::string(0x76 - 1 - text.size(), ' ') + "\n" +
                                 bytes({0, 0, 0x80, 0x3f, 0, 0, 0, 0x40});
    BOOST_TEST(file.read() == expected);
}

BOOST_AUTO_TEST_CASE(headers_are_read_however_python_lays_them_out) {
    const std::string two = bytes({5, 6});
    for (const std::string& text : {
             dict("|u1", "(2,)"),
             dict("|u1", "( 2 , )"),
             dict("|u1", "(2L,)"),
             dict("|u1", "(1, 2)"),
             dict("|u1", "(2, 1,)"),
             std::string("{'shape': (2,), 'fortran_order': False, 'descr': '|u1'}"),
             std::string("{\"descr\":\"<u1\",\"fortran_order\":True,\"shape\":(2,)}       "),
         }) {
        for (const char version : {'\1', '\2', '\3'}) {
            BOOST_TEST((values<int>(npy(text, two, version)) == std::vector<int>{5, 6}), text);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_number_an_empty_array_and_one_element_are_valid) {
    const renn::NpyArray number = renn::read_npy(ScratchFile(npy(dict("|u1", "()"), bytes({9}))).path);
    BOOST_TEST(number.shape.empty());
    BOOST_TEST((number.values_as<int>() == std::vector<int>{9}));
    for (const std::string shape : {"(0,)", "(3, 0)", "(0, 3)", "(4611686018427387904, 4611686018427387904, 0)"}) {
        BOOST_TEST(values<double>(npy(dict("<f8", shape), "")).empty(), shape);
        BOOST_TEST(values<double>(npy(dict(">f8", shape, "True"), "")).empty(), shape);
    }
    const ScratchFile file;
    renn::write_npy(file.path, std::vector<double>{2.5}, {});
    BOOST_TEST((renn::read_npy(file.path).values_as<double>() == std::vector<double>{2.5}));
    renn::write_npy(file.path, std::vector<double>(), {5, 0});
    BOOST_TEST((renn::read_npy(file.path).shape == std::vector<Index>{5, 0}));
}

BOOST_AUTO_TEST_CASE(fortran_order_is_turned_into_c_order) {
    // a(i, j, k) = 100 i + 10 j + k of shape (2, 3, 4), first index fastest in the file.
    std::string file;
    std::vector<int> expected;
    for (int k = 0; k < 4; ++k) {
        for (int j = 0; j < 3; ++j) {
            for (int i = 0; i < 2; ++i) file += static_cast<char>(100 * i + 10 * j + k);
        }
    }
    for (int i = 0; i < 2; ++i) {
        for (int j = 0; j < 3; ++j) {
            for (int k = 0; k < 4; ++k) expected.push_back(100 * i + 10 * j + k);
        }
    }
    const std::string whole = npy(dict("|u1", "(2, 3, 4)", "True"), file);
    BOOST_TEST(renn::read_npy(ScratchFile(whole).path).fortran_order);
    BOOST_TEST(values<int>(whole) == expected);
    const Batch<float> batch = renn::read_npy_batch(ScratchFile(whole).path);
    BOOST_TEST(batch(4 * 2 + 3, 1) == 123);
}

BOOST_AUTO_TEST_CASE(conversions_are_exact_or_refused) {
    const auto save = [](auto v) {
        const ScratchFile file;
        renn::write_npy(file.path, std::vector{v}, {1});
        return file.read();
    };
    const std::string start = "NpyArray::values_as: element 0: got ";
    const std::string end = ", expected a value that the wanted type can hold";
    BOOST_TEST(value_error<std::int8_t>(save(std::int64_t(128))) == start + "128" + end);
    BOOST_TEST(value_error<std::uint64_t>(save(std::int8_t(-1))) == start + "-1" + end);
    BOOST_TEST(value_error<int>(save(0.5)) == start + "0.5" + end);
    BOOST_TEST(value_error<int>(save(std::nan(""))).starts_with(start + "nan"));
    BOOST_TEST(value_error<int>(save(2147483648.0)) == start + "2.14748365e+09" + end);
    BOOST_TEST(value_error<int>(save(2147483647.0)) == "no error");
    BOOST_TEST(value_error<int>(save(-2147483648.0)) == "no error");
    BOOST_TEST(value_error<std::int64_t>(save(9223372036854775808.0)) == start + "9.22337204e+18" + end);
    BOOST_TEST(value_error<std::int64_t>(save(-9223372036854775808.0)) == "no error");
    BOOST_TEST(value_error<std::uint64_t>(save(9223372036854775808.0)) == "no error");
    BOOST_TEST(value_error<std::uint8_t>(save(-0.0f)) == "no error");
    BOOST_TEST(value_error<double>(save((std::int64_t(1) << 53) + 1)) == start + "9007199254740993" + end);
    BOOST_TEST(value_error<double>(save(std::numeric_limits<std::int64_t>::min())) == "no error");
    BOOST_TEST(value_error<double>(save(std::numeric_limits<std::uint64_t>::max())) ==
               start + "18446744073709551615" + end);
    BOOST_TEST(value_error<float>(save(16777217)) == start + "16777217" + end);
    BOOST_TEST(value_error<float>(save(-16777216)) == "no error");
    BOOST_TEST(value_error<float>(save(1e39)) == start + "1e+39" + end);
    BOOST_TEST(value_error<float>(save(std::numeric_limits<double>::infinity())) == "no error");
    BOOST_TEST(value_error<bool>(save(2)) == start + "2" + end);
    BOOST_TEST(value_error<bool>(save(1)) == "no error");
    BOOST_TEST(value_error<int>(npy(dict("|b1", "(2,)"), bytes({1, 7}))) ==
               "NpyArray::values_as: element 1: got 7, expected 0 or 1");
    BOOST_TEST(values<float>(save(0.1))[0] == 0.1f);  // a smaller float is rounded, once
}

BOOST_AUTO_TEST_CASE_TEMPLATE(samples_by_features_on_disk_are_columns_in_memory, S, Scalars) {
    const ScratchFile file;
    renn::write_npy(file.path, std::vector<double>{1, 2, 3, 4, 5, 6}, {2, 3});
    const Batch<S> x = renn::read_npy_batch<S>(file.path);
    BOOST_REQUIRE(x.rows() == 3);
    BOOST_REQUIRE(x.cols() == 2);
    BOOST_TEST(x(2, 0) == 3);
    BOOST_TEST(x(0, 1) == 4);

    renn::write_npy(file.path, std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6, 7, 8}, {2, 1, 2, 2});
    BOOST_TEST(renn::read_npy_batch<S>(file.path).rows() == 4);
    BOOST_TEST(renn::read_npy_batch<S>(file.path)(0, 1) == 5);

    renn::write_npy(file.path, std::vector<float>{1, 2, 3}, {3});
    BOOST_TEST(renn::read_npy_batch<S>(file.path).rows() == 3);
    BOOST_TEST(renn::read_npy_batch<S>(file.path).cols() == 1);

    renn::write_npy(file.path, std::vector<float>{1}, {});
    BOOST_TEST(message_of<FormatError>([&] { renn::read_npy_batch<S>(file.path); }) ==
               "read_npy_batch: " + file.path + ": dimensions: got 0, expected 1 or more");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_batch_survives_the_disk, S, Scalars) {
    const ScratchFile file;
    for (const auto& [rows, cols] : {std::pair(3, 5), {1, 1}, {0, 4}, {4, 0}, {7, 1}}) {
        const Batch<S> x = Batch<S>::Random(rows, cols);
        renn::write_npy(file.path, x);
        BOOST_TEST((renn::read_npy(file.path).shape == std::vector<Index>{cols, rows}));
        const Batch<S> back = renn::read_npy_batch<S>(file.path);
        BOOST_TEST(back.rows() == rows);
        BOOST_TEST(back.cols() == cols);
        BOOST_TEST((back == x));
        renn::write_npy(file.path, x.transpose() * S(2));  // any expression
        BOOST_TEST((renn::read_npy_batch<S>(file.path) == x.transpose() * S(2)));
    }
    const renn::Column<S> column = renn::Column<S>::Random(4);
    renn::write_npy(file.path, column);
    BOOST_TEST((renn::read_npy(file.path).shape == std::vector<Index>{4}));
    BOOST_TEST((renn::read_npy_batch<S>(file.path) == column));
}

BOOST_AUTO_TEST_CASE(an_empty_array_gives_an_empty_batch_of_its_shape) {
    const auto shape = [](const std::string& text) {
        const Batch<float> b = renn::read_npy_batch(ScratchFile(npy(dict("<f4", text), "")).path);
        return std::pair(b.rows(), b.cols());
    };
    BOOST_TEST((shape("(0,)") == std::pair<Index, Index>(0, 1)));
    BOOST_TEST((shape("(0, 7)") == std::pair<Index, Index>(7, 0)));
    BOOST_TEST((shape("(5, 0, 3)") == std::pair<Index, Index>(0, 5)));
    const ScratchFile wide(npy(dict("<f4", "(0, 9223372036854775807, 2)"), ""));
    BOOST_TEST(message_of<FormatError>([&] { renn::read_npy_batch(wide.path); }) ==
               "read_npy_batch: " + wide.path + ": shape is larger than any file");
}

BOOST_AUTO_TEST_CASE(every_truncation_and_every_extra_byte_is_a_format_error) {
    for (const char version : {'\1', '\2'}) {
        const std::string whole = npy(dict("<f4", "(2, 3)"), std::string(24, 'x'), version);
        for (std::size_t n = 0; n < whole.size(); ++n) {
            const std::string m = read_error(whole.substr(0, n));
            BOOST_TEST(m.starts_with("truncated: got " + std::to_string(n) + (n == 1 ? " byte, " : " bytes, ")), m);
        }
        BOOST_TEST(read_error(whole) == "no error");
        const std::string size = std::to_string(whole.size()) + " bytes";
        BOOST_TEST(read_error(whole + "y") ==
                   "trailing bytes: got " + std::to_string(whole.size() + 1) + " bytes, expected " + size);
        BOOST_TEST(read_error(whole.substr(0, whole.size() - 1)) ==
                   "truncated: got " + std::to_string(whole.size() - 1) + " bytes, expected " + size);
    }
}

BOOST_AUTO_TEST_CASE(any_single_damaged_byte_in_the_head_gives_an_array_or_a_format_error) {
    const std::string whole = npy(dict("<f4", "(2, 3)"), std::string(24, 'x'));
    for (std::size_t at = 0; at < whole.size() - 24; ++at) {
        for (int value = 0; value < 256; ++value) {
            std::string damaged = whole;
            damaged[at] = static_cast<char>(value);
            const std::string m = read_error(damaged);
            BOOST_TEST(!m.starts_with("another"), m);
        }
    }
}

BOOST_AUTO_TEST_CASE(foreign_files_and_unknown_versions_are_named) {
    BOOST_TEST(message_of<FormatError>([] { renn::read_npy("/no/such.npy"); }) ==
               "read_npy: /no/such.npy: cannot be opened");
    BOOST_TEST(message_of<FormatError>([] { renn::read_npy("/"); }).starts_with("read_npy: /: "));
    BOOST_TEST(read_error("not an array at all") == "not a .npy file");
    BOOST_TEST(read_error("PK\x03\x04 and more") == "not a .npy file but a zip archive (.npz?)");
    std::string file = npy(dict("<f4", "(0,)"), "", 4);
    BOOST_TEST(read_error(file) == "version: got 4.0, expected 1.0, 2.0 or 3.0");
    file[6] = 0;
    BOOST_TEST(read_error(file) == "version: got 0.0, expected 1.0, 2.0 or 3.0");
    file[6] = 1;
    file[7] = 1;
    BOOST_TEST(read_error(file) == "version: got 1.1, expected 1.0, 2.0 or 3.0");
}

BOOST_AUTO_TEST_CASE(headers_that_are_not_quite_right_are_refused) {
    const auto says = [](const std::string& text) { return read_error(npy(text, bytes({1}))); };
    BOOST_TEST(says(dict("|u1", "(1,)")) == "no error");
    BOOST_TEST(says("") == "header is not a dict");
    BOOST_TEST(says("[1]") == "header is not a dict");
    BOOST_TEST(says("{descr: '|u1'}") == "header is not a dict of quoted keys");
    BOOST_TEST(says("{'descr") == "header is not a dict of quoted keys");
    BOOST_TEST(says("{'descr': 5}") == "descr is not a string");
    BOOST_TEST(says("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,)}") ==
               "structured types are not supported");
    BOOST_TEST(says("{'descr': '|u1', 'fortran_order': Maybe}") == "fortran_order is neither True nor False");
    BOOST_TEST(says("{'descr': '|u1', 'fortran_order': 0}") == "fortran_order is neither True nor False");
    for (const std::string shape :
         {"(1)", "1", "(-1,)", "(1,,)", "(,)", "(1.0,)", "[1]", "(9223372036854775808,)", "(1"}) {
        BOOST_TEST(says(dict("|u1", shape)) == "shape is not a tuple of sizes", shape);
    }
    std::string many = "(";
    for (int i = 0; i < 65; ++i) many += "1,";
    BOOST_TEST(says(dict("|u1", many + ")")) == "shape is not a tuple of sizes");
    BOOST_TEST(says("{'descr': '|u1', 'fortran_order': False}") == "header lacks descr, fortran_order or shape");
    BOOST_TEST(says("{}") == "header lacks descr, fortran_order or shape");
    BOOST_TEST(says("{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (1,)}") ==
               "header has an unknown or repeated key");
    BOOST_TEST(says("{'descr': '|u1', 'fortran_order': False, 'shape': (1,), 'x': 1}") ==
               "header has an unknown or repeated key");
    BOOST_TEST(says("{'descr': '|u1' 'fortran_order': False, 'shape': (1,)}") == "header does not end where it should");
    BOOST_TEST(says(dict("|u1", "(1,)") + " {}") == "header has text after the dict");
    BOOST_TEST(says(dict("|u1", "(1,)") + std::string(1, '\0')) == "header has text after the dict");
}

BOOST_AUTO_TEST_CASE(element_types_without_numbers_are_refused) {
    for (const std::string descr : {"<c8", "|O", "|S1", "<U1", "<M8", "<f16", "<f1", "<b2", "|b2", "|u2", "=f4", "f4",
                                    "<i3", "<i0", "<u9", "", "<", "<f", "<f44"}) {
        BOOST_TEST(
            read_error(npy(dict(descr, "(1,)"), "x")) ==
                "element type: got " + descr + ", expected f2, f4, f8, i1..i8, u1..u8 or b1, each with a byte order",
            descr);
    }
}

BOOST_AUTO_TEST_CASE(sizes_are_believed_only_if_the_file_holds_them) {
    const auto says = [](const std::string& shape) { return read_error(npy(dict("<f8", shape), "")); };
    BOOST_TEST(says("(1099511627776,)").ends_with("expected 8796093022288 bytes"));
    BOOST_TEST(says("(4294967296, 4294967296)") == "shape is larger than any file");
    BOOST_TEST(says("(2305843009213693952,)") == "shape is larger than any file");  // times 8 wraps to 0
    BOOST_TEST(says("(9223372036854775807,)") == "shape is larger than any file");
    // A header that claims to be longer than the file.
    std::string file = npy(dict("<f8", "(0,)"), "", 2);
    file.replace(8, 4, "\xff\xff\xff\xff");
    BOOST_TEST(read_error(file).starts_with("truncated: "));
    BOOST_TEST(read_error(file).ends_with("expected 4294967307 bytes or more"), read_error(file));
}

BOOST_AUTO_TEST_CASE(writing_refuses_a_shape_that_does_not_fit_and_a_place_that_does_not_exist) {
    const ScratchFile file;
    const std::vector<float> v(6);
    const std::string start = "write_npy: " + file.path + ": values: got 6, expected ";
    const auto says = [&](std::vector<Index> shape) {
        return message_of<ShapeError>([&] { renn::write_npy(file.path, v, shape); });
    };
    BOOST_TEST(says({2, 4}) == start + "8");
    BOOST_TEST(says({}) == start + "1");
    BOOST_TEST(says({-2, -3}) == start + "a shape of sizes whose product fits");
    BOOST_TEST(says({Index(1) << 62, 4, 6}) == start + "a shape of sizes whose product fits");
    BOOST_TEST(file.read().empty());
    BOOST_TEST(message_of<FormatError>([&] { renn::write_npy("/no/such/folder/x.npy", v, {6}); }) ==
               "write_npy: /no/such/folder/x.npy: cannot be created");
    BOOST_TEST(message_of<FormatError>([] { renn::write_npy("/dev/full", std::vector<float>(100000), {100000}); }) ==
               "write_npy: /dev/full: cannot be written (disk full?)");
}
