// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE csv
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <clocale>
#include <cstdint>
#include <limits>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <renn/data/csv.hpp>

#include "support/message_of.hpp"
#include "support/scratch_file.hpp"

using renn::DataError;
using renn::FormatError;
using renn::Index;
using renn::test::message_of;
using renn::test::ScratchFile;
using Scalars = boost::mpl::list<float, double>;

namespace {

const std::string flowers =
    "length,width,species,price\n"
    "5.1,3.5,setosa,1\n"
    "7.0,3.2,versicolor,-2.5e1\n"
    "6.3,3.3,setosa,+3\n";

template <class S = float>
renn::Dataset<S> parse(const std::string& text, renn::CsvOptions options = {}) {
    std::istringstream in(text);
    return renn::read_csv<S>(in, "t", std::move(options));
}

/// The error behind "read_csv: t: ".
template <class E>
std::string error(const std::string& text, renn::CsvOptions options = {}) {
    const std::string m = message_of<E>([&] { parse(text, std::move(options)); });
    const std::string start = "read_csv: t: ";
    return m.starts_with(start) ? m.substr(start.size()) : m;
}

const renn::CsvOptions bare{.header = false};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(columns_become_features_labels_and_targets, S, Scalars) {
    const ScratchFile file(flowers);
    const auto d = renn::read_csv<S>(file.path, {.label = "species", .targets = {"price"}});
    BOOST_TEST(d.samples() == 3);
    BOOST_TEST(d.features() == 2);
    BOOST_TEST(d.input(1)(0) == S(7));
    BOOST_TEST(d.input(2)(1) == S(3.3));
    BOOST_TEST(d.label(0) == 0);
    BOOST_TEST(d.label(1) == 1);
    BOOST_TEST(d.label(2) == 0);
    BOOST_TEST(d.classes() == 2);
    BOOST_TEST(d.class_name(1) == "versicolor");
    BOOST_TEST((d.targets() == (renn::Batch<S>(1, 3) << 1, -25, 3).finished()));
    BOOST_TEST(d.id(2) == 2u);

    const auto chosen = parse<S>(flowers, {.features = {"price", 1, -3}, .id = {}});
    BOOST_TEST(
        (chosen.inputs() == (renn::Batch<S>(3, 3) << 1, -25, 3, S(5.1), 7, S(6.3), S(3.5), S(3.2), S(3.3)).finished()));
    BOOST_TEST(!chosen.has_labels());
}

BOOST_AUTO_TEST_CASE(whole_numbers_as_labels_stay_and_given_names_decide) {
    const auto numbers = parse("9,0.5\n2,1\n", {.label = 1, .header = false});
    BOOST_TEST(numbers.label(0) == 9);
    BOOST_TEST(numbers.label(1) == 2);
    BOOST_TEST(numbers.classes() == 10);
    const renn::CsvOptions given{.label = 3, .features = {1}, .class_names = {"versicolor", "setosa", "virginica"}};
    BOOST_TEST(parse(flowers, given).label(0) == 1);
    BOOST_TEST(parse(flowers, given).classes() == 3);
    BOOST_TEST(parse("1,7\n2,8\n", {.label = 2, .header = false, .class_names = {"8", "7"}}).label(1) == 0);
    BOOST_TEST(error<DataError>(flowers, {.label = 3, .features = {1}, .class_names = {"setosa"}}) ==
               "line 3, column 3 (species): label: got \"versicolor\", expected one of the 1 class_names");
    BOOST_TEST(error<FormatError>("9,1\nx,2\n", {.label = 1, .header = false}) ==
               "line 2, column 1: label: got \"x\", expected a whole number, as in the first sample (or give "
               "class_names)");
    BOOST_TEST(error<DataError>("-1,1\n", {.label = 1, .header = false}) ==
               "line 1, column 1: label: got \"-1\", expected 0..2147483646");
    BOOST_TEST(error<FormatError>("a,1\n,2\n", {.label = 1, .header = false}) ==
               "line 2, column 1: label: got \"\", expected a whole number or a name");
    BOOST_TEST(error<DataError>("a,1\n", {.label = 1, .header = false, .class_names = {"a", "a"}}) ==
               "class_names: got \"a\" twice, expected different names");
}

BOOST_AUTO_TEST_CASE(quotes_blanks_line_ends_separators_and_the_byte_order_mark) {
    const auto expect = parse("x,\"the \"\"y\"\", of it\"\n1,2\n3,4\n").inputs();
    BOOST_TEST(
        (parse("\xef\xbb\xbfx;\"y\"\r\n1;2\r\n3;4", {.features = {"x", "y"}, .separator = ';'}).inputs() == expect));
    BOOST_TEST((parse("x; y\n \"1\" ;2\t\n3;\"4\"\n\n\r\n\n", {.separator = ';'}).inputs() == expect));
    BOOST_TEST((parse("x\ty\n1\t2\n3 \t 4\n", {.separator = '\t'}).inputs() == expect));
    BOOST_TEST((parse("1 2\n3 4\n", {.header = false, .separator = ' '}).inputs() == expect));
    const auto named = parse("k,v\n\"a \"\"b\"\", c\",1\n a ,2\n\"\"\"\",3\n", {.label = "k"});
    BOOST_TEST(named.class_name(0) == "a \"b\", c");
    BOOST_TEST(named.class_name(1) == "a");
    BOOST_TEST(named.class_name(2) == "\"");
    BOOST_TEST(parse("\"the \"\"y\"\"\",z\n1,2\n", {.features = {"the \"y\""}}).features() == 1);
}

BOOST_AUTO_TEST_CASE(numbers_are_rounded_correctly_in_every_locale) {
    std::setlocale(LC_ALL, "de_DE.UTF-8");
    BOOST_TEST((parse<float>("0.1,1e-50,-1e-46,16777217,.5,5.\n", bare).inputs() ==
                (renn::Batch<float>(6, 1) << 0.1f, 0.0f, -0.0f, 16777216.0f, 0.5f, 5.0f).finished()));
    BOOST_TEST((parse<double>("0.1,1e-320\n", bare).inputs() == (renn::Batch<double>(2, 1) << 0.1, 1e-320).finished()));
    std::setlocale(LC_ALL, "C");
    BOOST_TEST(error<DataError>("1,1e39\n", bare) ==
               "line 1, column 2: number: got \"1e39\", expected one within the range of float");
    for (const std::string bad : {"", "abc", "1.5x", "0x10", "1,5", "--1", "+-1", "1 2", "\xff\xfe"}) {
        const std::string m = error<FormatError>("a;b\n0;" + bad + "\n", {.separator = ';'});
        BOOST_TEST(m == "line 2, column 2 (b): number: got \"" + bad + "\", expected a number");
    }
    for (const std::string bad : {"nan", "NaN", "inf", "-inf", "Infinity"}) {
        BOOST_TEST(error<DataError>("1\n" + bad + "\n", bare) ==
                   "line 2, column 1: number: got \"" + bad + "\", expected a finite value");
    }
    BOOST_TEST(error<FormatError>(std::string("1\n2\0\n", 5), bare) ==
               "line 2, column 1: number: got \"2?\", expected a number");
}

BOOST_AUTO_TEST_CASE(damaged_tables_are_told_with_line_and_column) {
    BOOST_TEST(error<FormatError>("") == "empty: got no line, expected a header");
    BOOST_TEST(error<FormatError>("\n\n", bare) == "empty: got no line, expected a sample");
    BOOST_TEST(error<FormatError>("a,b\n1,2\n1\n") == "line 3: fields: got 1, expected 2, as in the first line");
    BOOST_TEST(error<FormatError>("a,b\n1,2,\n") == "line 2: fields: got 3, expected 2, as in the first line");
    BOOST_TEST(error<FormatError>("a\n1\n\n\n2\n") ==
               "line 3: fields: got an empty line before others, expected a line of fields");
    BOOST_TEST(error<FormatError>("a,b\n1,\"2\n3\"\n") ==
               "line 2, column 2: quote: got no end in this line, expected a closing quote (no line breaks inside "
               "quotes)");
    BOOST_TEST(
        error<FormatError>("1,\"2\"3\n", bare) ==
        "line 1, column 2: text behind a closing quote: got \"3\", expected the separator or the end of the line");
    BOOST_TEST(error<FormatError>("1,2\"3\n", bare) ==
               "line 1, column 2: quote: got \"2\"3\", expected the whole field in quotes, those within doubled");
    BOOST_TEST(error<FormatError>("\xff\xfe"
                                  "1\n",
                                  bare) == "encoding: got UTF-16, expected UTF-8 or plain text");
    BOOST_TEST(error<FormatError>("\x1f\x8b\x08") == "not a CSV file: got gzip, to be unpacked first, expected text");
    BOOST_TEST(error<FormatError>(std::string(1000, 'x') + "\n", bare) ==
               "line 1, column 1: number: got \"" + std::string(40, 'x') + "...\", expected a number");
    BOOST_TEST(error<FormatError>("1\n" + std::string((1u << 26) + 1, '1'), bare) ==
               "line 2: length: got over 67108864 bytes, expected less");
    BOOST_TEST(message_of<FormatError>([] { renn::read_csv("/no/such"); }) == "read_csv: /no/such: cannot be opened");
    BOOST_TEST(message_of<FormatError>([] { renn::read_csv("/"); }) == "read_csv: /: cannot be read to its end");
    for (std::size_t n = 0; n <= flowers.size(); ++n) {  // a cut file is read or refused, never worse
        const renn::CsvOptions options{.label = 3, .features = {1, -1}};
        const std::string m = message_of<renn::Error>([&] { parse(flowers.substr(0, n), options); });
        BOOST_TEST((m == "no error" || m.starts_with("read_csv: t: ")), m);
    }
}

BOOST_AUTO_TEST_CASE(columns_are_checked) {
    const std::string text = "a,b,a\n1,2,3\n";
    BOOST_TEST(error<DataError>(text, {.label = "c"}) ==
               "column \"c\": got no such column, expected \"a\", \"b\", \"a\"");
    BOOST_TEST(error<DataError>("a;c\n1;2\n", {.label = "c"}) ==
               "column \"c\": got no such column, expected \"a;c\", the only one with the separator \",\"");
    BOOST_TEST(error<DataError>(text, {.features = {"a"}}) ==
               "column \"a\": got two columns of this name, expected one");
    for (const int number : {0, 4, -4}) {
        BOOST_TEST(error<DataError>(text, {.label = number}) == "column " + std::to_string(number) +
                                                                    ": got no such column, expected 1..3, or -1 for "
                                                                    "the last");
    }
    BOOST_TEST(error<DataError>(text, {.label = 2, .features = {1, "b"}}) ==
               "column \"b\": got several uses, expected one");
    BOOST_TEST(error<DataError>("1\n", {.label = "x", .header = false}) ==
               "column \"x\": got a file without header, expected a number");
    BOOST_TEST(error<DataError>("1\n", {.label = 1, .header = false}) ==
               "feature columns: got none, expected 1 or more");
    BOOST_TEST(error<DataError>("1\n", {.separator = '"'}) == "separator: got \"\"\", expected another character");
    const auto none = parse("a,b,c\n", {.label = "b"});
    BOOST_TEST(none.samples() == 0);
    BOOST_TEST(none.features() == 2);
}

BOOST_AUTO_TEST_CASE(a_column_with_too_many_labels_is_told_at_the_first_too_many) {
    BOOST_TEST(parse("1,a\n2,b\n3,a\n", {.label = 2, .header = false, .most_classes = 2}).classes() == 2);
    BOOST_TEST(error<DataError>("1,a\n2,b\n3,c\n", {.label = 2, .header = false, .most_classes = 2}) ==
               "line 3, column 2: label: got \"c\", expected at most 2 different ones");
    BOOST_TEST(error<DataError>("1,0\n2,2\n", {.label = 2, .header = false, .most_classes = 2}) ==
               "line 2, column 2: label: got \"2\", expected 0..1");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(missing_cells_are_refused_skipped_or_filled_as_asked, S, Scalars) {
    using renn::CsvGaps;
    using renn::CsvMissing;
    const std::string text =
        "id,a,note,b,kind\n"
        "5,,x,1,oak\n"
        "6,2,,\"\",elm\n"
        "7,4,?,4,?\n"
        "8,NA,,nan,elm\n"
        "9,7,,\"?\",ash\n"
        "10,3,,6,ash\n";
    const renn::CsvOptions refusing{.label = "kind", .features = {"a", "b"}, .id = "id"};
    BOOST_TEST(error<FormatError>(text, refusing) == "line 2, column 2 (a): number: got \"\", expected a number");
    BOOST_TEST(parse<S>("1,NA\n", {.label = 2, .header = false}).class_name(0) == "NA");

    renn::CsvOptions options = refusing;
    options.missing = CsvMissing::skip;
    CsvGaps gaps;
    std::istringstream skipped_in(text);
    const auto skipped = renn::read_csv<S>(skipped_in, "t", options, &gaps);
    BOOST_TEST((skipped.inputs() == (renn::Batch<S>(2, 1) << 3, 6).finished()));
    BOOST_TEST(skipped.id(0) == 10u);
    BOOST_TEST(skipped.classes() == 1);  // those of samples left out are not known
    BOOST_TEST(skipped.class_name(0) == "ash");
    BOOST_TEST((gaps.skipped == 5 && gaps.filled == 0));

    options.missing = CsvMissing::mean;
    std::istringstream filled_in(text);
    const auto filled = renn::read_csv<S>(filled_in, "t", options, &gaps);
    BOOST_TEST((filled.inputs() == (renn::Batch<S>(2, 5) << 4, 2, 4, 7, 3, 1, S(3.5), S(3.5), S(3.5), 6).finished()));
    BOOST_TEST(filled.id(2) == 8u);  // 7 had no kind
    BOOST_TEST(filled.class_name(filled.label(3)) == "ash");
    BOOST_TEST((gaps.skipped == 1 && gaps.filled == 5));

    const auto both = [&](const std::string& table, CsvMissing missing) {
        return parse<S>(table, {.targets = {1}, .header = false, .missing = missing});
    };
    BOOST_TEST(both(",1\n2,\n?,?\n", CsvMissing::skip).samples() == 0);
    BOOST_TEST(message_of<DataError>([&] { both("1,\n2,NA\n,3\n", CsvMissing::mean); }) ==
               "read_csv: t: column 2: values: got missing ones only, expected 1 or more that a mean can be taken of");
    BOOST_TEST(both(",\n,5\n", CsvMissing::mean).samples() == 0);
    const renn::CsvOptions coded{.header = false, .missing = CsvMissing::mean, .missing_texts = {"-999"}};
    BOOST_TEST((parse<S>("-999\n1\n2\n", coded).inputs() == (renn::Batch<S>(1, 3) << S(1.5), 1, 2).finished()));
    BOOST_TEST(error<FormatError>("-999,\n", coded) == "line 1, column 2: number: got \"\", expected a number");
    for (const CsvMissing missing : {CsvMissing::skip, CsvMissing::mean}) {  // only what says nothing is missing
        BOOST_TEST(message_of<FormatError>([&] { both("1,2\n1,abc\n", missing); }) ==
                   "read_csv: t: line 2, column 2: number: got \"abc\", expected a number");
        BOOST_TEST(message_of<FormatError>([&] { both("1,2\n1\n", missing); }) ==
                   "read_csv: t: line 2: fields: got 1, expected 2, as in the first line");
    }
}

BOOST_AUTO_TEST_CASE(a_stream_skips_what_is_missing_and_counts_it) {
    const ScratchFile file("1,2\n,3\n4,NA\n5,6\n7,\n");
    auto next = renn::csv_stream<float>(file.path, {.header = false, .missing = renn::CsvMissing::skip}, 1);
    renn::SampleBatch<float> batch;
    BOOST_REQUIRE(next(batch));
    BOOST_TEST(next.gaps().skipped == 0u);
    BOOST_REQUIRE(next(batch));
    BOOST_TEST((batch.inputs == (renn::Batch<float>(2, 1) << 5, 6).finished()));
    BOOST_TEST(!next(batch));
    BOOST_TEST(next.gaps().skipped == 3u);
    BOOST_TEST(message_of<DataError>([&] {
                   renn::csv_stream(file.path, {.header = false, .missing = renn::CsvMissing::mean});
               }) == "csv_stream: missing: got mean, expected refuse or skip: a mean is known at the end only");
}

BOOST_AUTO_TEST_CASE(the_first_lines_are_shown_as_text) {
    const auto lines = [](const std::string& text, std::size_t most) {
        std::istringstream in(text);
        return renn::csv_lines(in, "t", most, ';');
    };
    const auto table = lines("a; b\r\n\"1;\"\"\";x;\n2", 9);
    BOOST_REQUIRE(table.size() == 3);
    BOOST_TEST(table[0] == (std::vector<std::string>{"a", "b"}));
    BOOST_TEST(table[1] == (std::vector<std::string>{"1;\"", "x", ""}));
    BOOST_TEST(lines("a\nb\nc\n", 2).size() == 2);
    BOOST_TEST(lines("", 2).empty());
    BOOST_TEST(message_of<FormatError>([&] { lines("a\nb;\"c\n", 2); }).starts_with("csv_lines: t: line 2, column 2"));
}

BOOST_AUTO_TEST_CASE(ids_are_read_and_must_differ) {
    const auto d = parse("id,x\n18446744073709551615,1\n7,2\n", {.id = "id"});
    BOOST_TEST(d.id(0) == std::numeric_limits<std::uint64_t>::max());
    BOOST_TEST(d.input_of(7)(0) == 2.0f);
    BOOST_TEST(error<FormatError>("id,x\n1.5,1\n", {.id = 1}) ==
               "line 2, column 1 (id): id: got \"1.5\", expected a whole number, 0..2^64 - 1");
    BOOST_TEST(message_of<DataError>([] { parse("1,1\n1,2\n", {.id = 1, .header = false}); }) ==
               "Dataset: id 1: got samples 0 and 1, expected one sample");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_stream_yields_what_the_whole_has, S, Scalars) {
    std::string text = "id,x,kind,y\n";
    for (int i = 0; i < 100; ++i) {
        text += std::to_string(1000 + i) + "," + std::to_string(i) + ".25,k" + std::to_string(i % 7) + ",-" +
                std::to_string(i) + "\n";
    }
    const ScratchFile file(text);
    const renn::CsvOptions options{.label = "kind", .targets = {"y"}, .id = 1};
    const auto whole = renn::read_csv<S>(file.path, options);
    for (const Index size : {1, 7, 100, 1000}) {
        auto first = renn::csv_stream<S>(file.path, options, size);
        auto next = std::move(first);  // between any two batches
        auto same = renn::batches(whole, size);
        static_assert(renn::SampleStream<decltype(next), S> && renn::SampleStream<decltype(same), S>);
        renn::SampleBatch<S> a, b;
        Index seen = 0;
        while (next(a)) {
            BOOST_REQUIRE(same(b));
            BOOST_TEST((a.inputs == b.inputs && a.targets == b.targets && a.ids == b.ids && a.labels == b.labels));
            seen += a.inputs.cols();
        }
        BOOST_TEST(!same(b));
        BOOST_TEST(!next(a));
        BOOST_TEST(seen == 100);
        BOOST_TEST(next.class_names().size() == 7u);
    }
    BOOST_TEST(message_of<DataError>([&] { renn::csv_stream(file.path, options, 0); }) ==
               "csv_stream: batch: got 0, expected 1 or more");
    BOOST_TEST(message_of<DataError>([&] { renn::batches(whole, -1); }) ==
               "batches: batch: got -1, expected 1 or more");
}

BOOST_AUTO_TEST_CASE(a_table_that_fills_many_pieces_of_memory_keeps_its_order) {
    constexpr Index lines = 200000;
    std::string text;
    for (Index i = 0; i < lines; ++i) {
        text += std::to_string(i) + ',' + std::to_string(2 * i) + ',' + std::to_string(i % 97) + '\n';
    }
    std::istringstream in(text);
    const auto data = renn::read_csv<float>(in, "lines", {.targets = {2}, .id = 1, .header = false});
    BOOST_REQUIRE(data.samples() == lines);
    Index wrong = 0;
    for (Index i = 0; i < lines; ++i) {
        wrong += data.id(i) != static_cast<std::uint64_t>(i) || data.targets()(0, i) != static_cast<float>(2 * i) ||
                 data.values()(0, i) != static_cast<float>(i % 97);
    }
    BOOST_TEST(wrong == 0);
}
