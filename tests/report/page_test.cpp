// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE page
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <limits>
#include <locale>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include <renn/report/chart.hpp>
#include <renn/report/colour_cube.hpp>
#include <renn/report/colours.hpp>
#include <renn/report/page.hpp>
#include <renn/retrace/elbow.hpp>

#include "support/html.hpp"
#include "support/message_of.hpp"

using renn::Chart;
using renn::DataError;
using renn::Mark;
using renn::Page;
using renn::ShapeError;
using renn::test::balanced;
using renn::test::contains;
using renn::test::count;
using renn::test::message_of;

namespace {

std::string written(const Chart& chart) {
    std::ostringstream out;
    renn::write_chart(out, chart);
    return out.str();
}

Chart falling() {
    return {.title = "Votes <by> rank",
            .x_name = "rank",
            .y_name = "share",
            .series = {{"share", {1, 2, 3, 4}, {0.4, 0.1, 0.05, 0.0}}}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_page_is_its_sections_in_order) {
    Page page("A & B", "An <introduction>");
    page.fact("Name <1>", "\"value\"");
    page.head([](std::ostream& out) { out << "<p>key</p>\n"; });
    page.section(
        "First", [](std::ostream& out) { out << "<p>" << 1234.5 << "</p>\n"; }, "12");
    BOOST_TEST(!contains(page.html(), "class=\"contents\""));  // of one section
    page.add([](std::ostream& out) { out << "<p>between</p>\n"; });
    page.section("Second <2>", [](std::ostream& out) { out << "<p>last</p>\n"; });
    page.foot([](std::ostream& out) { out << "<p>foot</p>"; });
    const std::string html = page.html();
    BOOST_TEST(balanced(html));
    std::size_t at = 0;
    for (const char* part :
         {"<title>A &amp; B</title>", "<h1>A &amp; B", "An &lt;introduction&gt;", "<dt>Name &lt;1&gt;</dt>",
          "&quot;value", "<p>key</p>", "href=\"#part-1\">First", "href=\"#part-2\">Second &lt;2&gt;", "<main>",
          "id=\"part-1\"", "<h2>First <span>12</span></h2>", "<p>1234.5</p>", "<p>between</p>", "id=\"part-2\"",
          "<p>last</p>", "</main>", "<p>foot</p>"}) {
        const std::size_t next = html.find(part, at);
        BOOST_TEST_CONTEXT(part) BOOST_REQUIRE(next != html.npos);
        at = next;
    }
    BOOST_TEST(!contains(html, "<script"));
    BOOST_TEST(!contains(html, "script-src"));
}

BOOST_AUTO_TEST_CASE(styles_and_scripts_stand_once_and_cannot_end_early) {
    Page page("t");
    for (int i = 0; i < 2; ++i) {
        page.style(".mine{color:red}");
        page.script("const s = '<!-- </script> </SCRIPT>';");
        page.script("second()");
    }
    const std::string html = page.html();
    BOOST_TEST(count(html, ".mine{color:red}") == 1U);
    BOOST_TEST(count(html, "<script>") == 2U);
    BOOST_TEST(count(html, "</script>") == 2U);
    BOOST_TEST(contains(html, "'<\\!-- <\\/script> <\\/SCRIPT>'"));
    BOOST_TEST(contains(html, "; script-src 'unsafe-inline'\""));
    BOOST_TEST(contains(html, "default-src 'none'"));
}

BOOST_AUTO_TEST_CASE(numbers_have_a_point_in_every_locale) {
    struct Comma : std::numpunct<char> {
        char do_decimal_point() const override { return ','; }
        char do_thousands_sep() const override { return '.'; }
        std::string do_grouping() const override { return "\3"; }
    };
    const std::locale before = std::locale::global(std::locale(std::locale::classic(), new Comma));
    Page page("t");
    page.add([](std::ostream& out) { out << 12345.5; });
    std::locale::global(before);
    BOOST_TEST(contains(page.html(), "12345.5"));
}

BOOST_AUTO_TEST_CASE(charts_show_lines_points_bars_and_tell_them) {
    Chart chart = falling();
    chart.description = "It falls.";
    chart.series.push_back({"points", {1, 3}, {0.2, 0.3}, Mark::points});
    chart.series.push_back({"bars", {1, 2, 3}, {0.2, 0.3, 0.1}, Mark::bars});
    chart.notes = {{2.0, "elbow: 2"}};
    chart.percent = true;
    const std::string html = written(chart);
    BOOST_TEST(balanced(html));
    BOOST_TEST(contains(html, "<title>Votes &lt;by&gt; rank</title><desc>It falls.</desc>"));
    BOOST_TEST(count(html, "<polyline") == 2U);          // and in the legend
    BOOST_TEST(count(html, "<circle") == 4U + 2U + 1U);  // a short line has points too
    BOOST_TEST(count(html, "<rect") == 3U + 1U);
    BOOST_TEST(count(html, "<g class=\"s3\">") == 2U);
    BOOST_TEST(contains(html, ">elbow: 2</text>"));
    BOOST_TEST(contains(html, ">40\u202f%</text>"));  // the highest tick
    BOOST_TEST(contains(html, "<th scope=\"row\">2</th><td>10.0\u202f%</td><td></td><td>30.0\u202f%</td>"));
    BOOST_TEST(!contains(html, "nan"));

    Chart named = falling();
    named.series = {{"layers", {0, 1}, {-1, 2}, Mark::bars}};
    named.places = {"dense1", "<two>"};
    BOOST_TEST(contains(written(named), ">&lt;two&gt;</text>"));
    BOOST_TEST(contains(written(named), "<th scope=\"row\">dense1</th>"));
    BOOST_TEST(!contains(written(named), "class=\"legend\""));  // of one series
}

BOOST_AUTO_TEST_CASE(charts_of_little_are_charts) {
    Chart one = falling();
    for (const double y : {0.0, 7.0, -1e300, 1e-300}) {
        for (const Mark mark : {Mark::line, Mark::points, Mark::bars}) {
            one.series = {{"one", {3}, {y}, mark}};
            const std::string html = written(one);
            BOOST_TEST(balanced(html));
            BOOST_TEST(!contains(html, "NaN"));
            BOOST_TEST(!contains(html, "infinite"));
        }
    }
    one.series = {{"at a time in nanoseconds", {1.76e18}, {1}}};  // 1 more would be the same number
    BOOST_TEST(!contains(written(one), "NaN"));
}

BOOST_AUTO_TEST_CASE(mistakes_in_charts_are_told) {
    Chart chart = falling();
    chart.series[0].y[1] = std::nan("");
    BOOST_TEST(message_of<DataError>([&] { written(chart); }) ==
               "write_chart: \"Votes <by> rank\": value 1 of \"share\": got 2.000, NaN, expected finite values");
    chart.series[0].y.pop_back();
    BOOST_TEST(message_of<ShapeError>([&] { written(chart); }) ==
               "write_chart: \"Votes <by> rank\": y of \"share\": got 3 values, expected 4, one an x");
    chart.series.clear();
    BOOST_TEST(message_of<DataError>([&] { written(chart); }) ==
               "write_chart: \"Votes <by> rank\": values: got 0, expected 1 or more");
    chart.series.assign(5, {"s", {1}, {1}});
    BOOST_TEST(message_of<DataError>([&] { written(chart); }) ==
               "write_chart: \"Votes <by> rank\": series: got 5, expected at most 4, to be told apart");
}

BOOST_AUTO_TEST_CASE(the_elbow_is_farthest_below_the_chord) {
    const std::vector<double> bent{10, 4, 2, 1.5, 1.2, 1, 0.8, 0.6, 0.4, 0.2, 0};
    // Below the chord by 0.5, 0.6, 0.55, ...: rank 3.
    BOOST_TEST(renn::elbow(bent).value() == 3U);
    std::vector<double> scaled;
    for (const double y : bent) scaled.push_back(1e-6 * y + 3.0);
    BOOST_TEST(renn::elbow(scaled).value() == 3U);
    BOOST_TEST(renn::elbow(std::vector<double>{4, 1, 1, 1, 0}).value() == 2U);
    for (const std::vector<double>& none : {std::vector<double>{},
                                            {1},
                                            {2, 1},
                                            {1, 1, 1, 1},
                                            {4, 3, 2, 1, 0},
                                            {0.3, 0.2, 0.1},
                                            {1, 2, 3, 7},
                                            {4, 3.9, 0}}) {
        BOOST_TEST(!renn::elbow(none).has_value());
    }
    BOOST_TEST(message_of<DataError>([&] {
                   renn::elbow(std::vector<double>{1, std::nan(""), 0});
               }) == "elbow: value 1: got nan, expected a finite value");
}

namespace {

renn::TracedColour orange() {
    return {.name = "an <orange>",
            .reference = {1.0, 0.5, 0.0},
            .predicted = {1.2, 0.5, -0.1},
            .weighted = {0.94, 0.46, 0.04},
            .sources = {{7, {0.9, 0.5, 0.0}, 0.6}, {8, {1.0, 0.4, 0.1}, 0.4}}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(colours_are_told_in_hex_and_by_distance) {
    BOOST_TEST(renn::hex_code({1.0, 0.5, 0.0}) == "#ff8000");
    BOOST_TEST(renn::hex_code({1.2, std::nan(""), -0.1}) == "#ff0000");
    BOOST_TEST(renn::colour_difference({0.0, 0.0, 0.0}, {1.0, 1.0, 1.0}) == 255.0 * std::sqrt(3.0),
               boost::test_tools::tolerance(1e-12));
    BOOST_TEST(renn::colour_difference(orange().reference, orange().reference) == 0.0);
}

BOOST_AUTO_TEST_CASE(colour_cards_show_three_colours_and_their_differences) {
    std::ostringstream out;
    renn::write_colour_cards(out, std::vector{orange()});
    const std::string html = out.str();
    BOOST_TEST(balanced(html));
    for (const char* part : {"an &lt;orange&gt;", "Original", "#ff8000", "Blended", "#f0750a", "Predicted", "#ff8000",
                             "Predicted \u2212 original</th><td>57.0</td><td>51.0</td><td>0.0</td><td>-25.5</td>"}) {
        BOOST_TEST_CONTEXT(part) BOOST_TEST(contains(html, part));
    }
    BOOST_TEST(contains(html, "flex-grow:600.0"));
    BOOST_TEST(message_of<DataError>([&] { renn::write_colour_cards(out, {}); }) ==
               "write_colour_cards: colours: got 0, expected 1 or more");
}

BOOST_AUTO_TEST_CASE(the_cube_is_drawn_by_the_given_script_or_shown_flat) {
    Page flat("t"), turned("t");
    renn::add_colour_cube(flat, std::vector{orange()}, "");
    BOOST_TEST(balanced(flat.html()));
    BOOST_TEST(contains(flat.html(), "is left out"));
    BOOST_TEST(!contains(flat.html(), "<script"));
    BOOST_TEST(count(flat.html(), "<circle") == 2U);
    BOOST_TEST(count(flat.html(), "<path") == 3U);
    BOOST_TEST(count(flat.html(), "<line") == 12U);

    renn::add_colour_cube(turned, std::vector{orange(), orange()}, "window.Plotly = {};");
    const std::string html = turned.html();
    BOOST_TEST(contains(html, "window.Plotly = {};"));
    BOOST_TEST(count(html, "<option") == 2U);
    BOOST_TEST(!contains(html, "is left out"));
    BOOST_TEST(contains(html, "{&quot;reference&quot;:[255,128,0],&quot;predicted&quot;:[306,128,-26],"));
    BOOST_TEST(contains(html, "[230,128,0,0.60000]"));
    BOOST_TEST(contains(html, "<summary>The cube from one side</summary>"));
    BOOST_TEST(count(html, "class=\"flat\"") == 2U);

    auto bare = orange();
    bare.sources.clear();
    BOOST_TEST(message_of<DataError>([&] { renn::add_colour_cube(flat, std::vector{bare}, ""); }) ==
               "add_colour_cube: sources of \"an <orange>\": got 0, expected 1 or more");
    BOOST_TEST(message_of<DataError>([&] { renn::add_colour_cube(flat, {}, ""); }) ==
               "add_colour_cube: colours: got 0, expected 1 or more");
}
