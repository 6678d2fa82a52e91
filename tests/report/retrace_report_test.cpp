// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE retrace_report
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/core/rng.hpp>
#include <renn/index/sorted.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>
#include <renn/report/colours.hpp>
#include <renn/report/page.hpp>
#include <renn/report/retrace_report.hpp>
#include <renn/retrace/familiarity.hpp>
#include <renn/retrace/trace.hpp>

#include "support/beside_a_throw.hpp"
#include "support/html.hpp"
#include "support/message_of.hpp"
#include "support/scratch_file.hpp"

using renn::Batch;
using renn::Column;
using renn::DataError;
using renn::Dataset;
using renn::FormatError;
using renn::Index;
using renn::RetraceReport;
using renn::ShapeError;
using renn::test::balanced;
using renn::test::contains;
using renn::test::count;
using renn::test::message_of;

namespace {

Batch<float> some_inputs(Index samples) {
    renn::Rng rng(3);
    return Batch<float>::NullaryExpr(6, samples, [&] { return rng.uniform(0.0F, 1.0F); });
}

/// Pictures of 2 x 3 in two classes, with names that a page must not take for tags.
Dataset<float> pictures(Index samples = 30) {
    std::vector<std::int32_t> labels;
    for (Index i = 0; i < samples; ++i) labels.push_back(static_cast<std::int32_t>(i % 2));
    return Dataset<float>(some_inputs(samples),
                          {.labels = labels, .image = {1, 2, 3}, .class_names = {"<even>", "odd & so"}});
}

auto traced(const Dataset<float>& data) {
    auto result = renn::trace<renn::Sorted>(renn::Network{
        renn::Dense<float>(6, 5, std::uint64_t{1}), renn::ReLU<float>{}, renn::Dense<float>(5, 2, std::uint64_t{2})});
    result.record(data);
    return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(pictures_are_png_files_in_text) {
    Column<float> grey(6);
    grey << 0.0F, 0.5F, 1.0F, -3.0F, 7.0F, std::numeric_limits<float>::quiet_NaN();
    const renn::Picture p = renn::picture(grey, {1, 2, 3});
    BOOST_TEST(p.width == 3);
    BOOST_TEST(p.height == 2);
    const std::vector<std::uint8_t> bytes{0, 128, 255, 0, 255, 0};
    BOOST_TEST(p.uri == renn::data_uri(renn::png(bytes, 3, 2)));
    BOOST_TEST(renn::picture(grey, {}).empty());
}

BOOST_AUTO_TEST_CASE(colour_is_interleaved) {
    Column<double> planes(6);  // red, green, blue of two pixels
    planes << 1, 0, 0.2, 0.4, 0, 1;
    const std::vector<std::uint8_t> bytes{255, 51, 0, 0, 102, 255};
    BOOST_TEST(renn::picture(planes, {3, 1, 2}).uri == renn::data_uri(renn::png(bytes, 2, 1, 3)));
}

BOOST_AUTO_TEST_CASE(pictures_refuse_other_sizes_and_channels) {
    const Column<float> six = Column<float>::Zero(6);
    BOOST_TEST(message_of<ShapeError>([&] {
                   renn::picture(six, {1, 2, 2});
               }) == "picture: values: got 6 x 1, expected 4 x 1");
    BOOST_TEST(message_of<DataError>([&] {
                   renn::picture(six, {2, 1, 3});
               }) == "png: channels: got 2, expected 1 or 3");
}

BOOST_AUTO_TEST_CASE(text_and_numbers_are_safe_and_short) {
    namespace html = renn::html;
    BOOST_TEST(html::escape("<a href=\"x\">'&'</a>\x01") == "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt; ");
    BOOST_TEST(html::escape("7 \u2192 9") == "7 \u2192 9");
    BOOST_TEST(html::number(-2.345, 1) == "-2.3");
    BOOST_TEST(html::number(-0.04, 1) == "0.0");
    BOOST_TEST(html::number(-0.05, 2) == "-0.05");
    BOOST_TEST(html::number(std::numeric_limits<double>::max(), 60).size() == 370U);
    BOOST_TEST(html::number(std::nan(""), 1) == "NaN");
    BOOST_TEST(html::grouped(0) == "0");
    BOOST_TEST(html::grouped(999) == "999");
    BOOST_TEST(html::grouped(1234567) == "1,234,567");
    BOOST_TEST(html::percent(0) == "0\u202f%");
    BOOST_TEST(html::percent(0.000358) == "0.036\u202f%");
    BOOST_TEST(html::percent(0.0054) == "0.54\u202f%");
    BOOST_TEST(html::percent(0.312) == "31.2\u202f%");
    BOOST_TEST(html::percent(1) == "100\u202f%");
    BOOST_TEST(html::votes(3) == "3");
    BOOST_TEST(html::votes(2.5) == "2.50");
    BOOST_TEST(html::bytes(63840000) == "63.8 MB");
    BOOST_TEST(html::bytes(17) == "17 bytes");
    BOOST_TEST(html::seconds(0.00042) == "0.42 ms");
    BOOST_TEST(html::seconds(7.31) == "7.31 s");
    BOOST_TEST(html::seconds(130) == "2 min 10 s");
}

BOOST_AUTO_TEST_CASE(a_page_shows_input_blends_sources_and_neurons) {
    const auto data = pictures();
    const auto net = traced(data);
    RetraceReport report({.title = "Digits & <more>", .detail = {.sources = 4, .layer_sources = 3, .neurons = 2}});
    report.fact("Data <set>", "\"quoted\"");
    report.add(net.retrace(data.input(7), {.k = 5, .post = true}), data, data, 7);
    const std::string page = report.html();

    BOOST_TEST(balanced(page));
    BOOST_TEST(report.samples() == 1U);
    BOOST_TEST(contains(page, "<title>Digits &amp; &lt;more&gt;</title>"));
    BOOST_TEST(contains(page, "Data &lt;set&gt;"));
    BOOST_TEST(contains(page, "&quot;quoted&quot;"));
    BOOST_TEST(!contains(page, "<even>"));
    BOOST_TEST(contains(page, "Sample 7"));
    BOOST_TEST(contains(page, "k = 5, ties: share"));
    BOOST_TEST(contains(page, "dense1, relu1"));
    BOOST_TEST(contains(page, "7 neurons, 35 votes"));          // before the activation: 5 + 2
    BOOST_TEST(count(page, "Before the activation</h") == 3U);  // network, dense1, dense2
    BOOST_TEST(count(page, "After the activation</h") == 2U);   // network, relu1
    // The input, 5 blends of sources, 2 x 4 and 3 x 3 sources, 2 blends of neurons in each layer.
    BOOST_TEST(count(page, "<img ") == 1U + 5U + 8U + 9U + 4U);
    BOOST_TEST(count(page, "<img ") == count(page, " alt=\""));
    BOOST_TEST(count(page, " alt=\"\"") == 0U);
    BOOST_TEST(contains(page, renn::picture(data.input(7), data.image()).uri));
    BOOST_TEST(contains(
        page, renn::picture(renn::blend(net.retrace(data.input(7), {.k = 5}).top(5), data), data.image()).uri));

    report.add_below([](std::ostream& out) { out << "<p>" << 0.5 << " more</p>"; });
    const std::string more = report.html();
    BOOST_TEST(balanced(more));
    BOOST_TEST(count(more, "<p>0.5 more</p>") == 1U);
    BOOST_TEST(more.find("0.5 more") < more.find("Layer by layer"));
    BOOST_TEST(message_of<DataError>([] { RetraceReport().add_below([](std::ostream&) {}); }) ==
               "RetraceReport::add_below: samples: got 0, expected 1 or more");
}

BOOST_AUTO_TEST_CASE(a_page_needs_nothing_but_itself) {
    const auto data = pictures();
    const auto net = traced(data);
    RetraceReport report;
    report.add(net.retrace(data.input(0)), data, data, 0);
    const std::string page = report.html();
    for (const char* outside : {"http:", "https:", "<script", "<link", "@import", "url(", " onload", "src=\"/"}) {
        BOOST_TEST_CONTEXT(outside) BOOST_TEST(!contains(page, outside));
    }
    BOOST_TEST(count(page, "src=\"") == count(page, "src=\"data:image/png;base64,"));
    BOOST_TEST(contains(page, "prefers-color-scheme:dark"));
    BOOST_TEST(contains(page, "name=\"viewport\""));
}

BOOST_AUTO_TEST_CASE(wrong_predictions_come_first) {
    const auto data = pictures();
    const auto net = traced(data);
    RetraceReport report;
    std::size_t wrong = 0;
    for (Index i = 0; i < 10; ++i) {
        const auto answer = net.retrace(data.input(i));
        wrong += answer.prediction() != data.label(i);
        report.add(answer, data, data, i);
    }
    BOOST_REQUIRE(wrong > 0);
    BOOST_REQUIRE(wrong < 10);
    const std::string page = report.html();
    BOOST_TEST(balanced(page));
    BOOST_TEST(contains(page, "Misclassified <span>" + std::to_string(wrong) + "</span>"));
    BOOST_TEST(contains(page, "Classified correctly <span>" + std::to_string(10 - wrong) + "</span>"));
    BOOST_TEST(page.find("Misclassified <span>") < page.find("Classified correctly <span>"));
    BOOST_TEST(count(page.substr(0, page.find("Classified correctly <span>")), ", read as ") == wrong);
    for (std::size_t i = 1; i <= 10; ++i) {  // the overview leads to each
        BOOST_TEST(count(page, "href=\"#sample-" + std::to_string(i) + "\"") == 1U);
        BOOST_TEST(count(page, "id=\"sample-" + std::to_string(i) + "\"") == 1U);
    }
}

BOOST_AUTO_TEST_CASE(samples_need_neither_labels_nor_pictures) {
    std::vector<std::string> tags;
    for (int i = 0; i < 30; ++i) tags.push_back("<tag " + std::to_string(i) + ">");
    const Dataset<float> data(some_inputs(30), {.tags = tags});
    const auto net = traced(data);
    RetraceReport report;
    report.add(net.retrace(data.input(4), {.k = 3}), data, data, 4);
    report.add(net.retrace(data.input(5), {.k = 3}), data, {.id = 77});
    const std::string page = report.html();
    BOOST_TEST(balanced(page));
    BOOST_TEST(count(page, "<img ") == 0U);
    BOOST_TEST(count(page, "class=\"evidence\"") == 0U);
    BOOST_TEST(contains(page, "&lt;tag 4&gt;"));
    BOOST_TEST(contains(page, "Sample 77"));
    BOOST_TEST(contains(page, "<h2>Samples"));
    BOOST_TEST(!contains(page, "<tag"));
}

BOOST_AUTO_TEST_CASE(many_classes_are_cut_to_the_strongest_and_the_two_that_matter) {
    std::vector<std::int32_t> labels;
    for (std::int32_t i = 0; i < 30; ++i) labels.push_back(i);
    const Dataset<float> data(some_inputs(30), {.labels = labels});
    const auto net = traced(data);
    RetraceReport report;
    report.add(net.retrace(data.input(29), {.k = 1}), data, data, 29);
    const std::string page = report.html();
    BOOST_TEST(contains(page, "and 18 more classes"));
    BOOST_TEST(contains(page, "<th scope=\"row\">29</th>"));
    BOOST_TEST(
        contains(page, "<th scope=\"row\">" + std::to_string(net.retrace(data.input(29)).prediction()) + "</th>"));
}

BOOST_AUTO_TEST_CASE(neurons_that_all_abstain_are_told) {
    const Dataset<float> same(Batch<float>::Ones(6, 8), {.labels = {0, 1, 0, 1, 0, 1, 0, 1}});
    const auto net = traced(same);
    RetraceReport report;
    report.add(net.retrace(same.input(0), {.k = 3, .ties = renn::Ties::strict}), same, same, 0);
    const std::string page = report.html();
    BOOST_TEST(balanced(page));
    BOOST_TEST(contains(page, "No neuron votes here"));
}

BOOST_AUTO_TEST_CASE(an_empty_report_is_a_page) {
    const std::string page = RetraceReport().html();
    BOOST_TEST(balanced(page));
    BOOST_TEST(contains(page, "No samples."));
}

BOOST_AUTO_TEST_CASE(mistakes_are_told) {
    const auto data = pictures();
    const auto net = traced(data);
    RetraceReport report;
    BOOST_TEST(contains(message_of<DataError>([&] { report.add(net.retrace(data.input(0)), data.first(1), data, 0); }),
                        "no sample has id "));
    BOOST_TEST(message_of<FormatError>([&] { report.write("no such folder/report.html"); }) ==
               "Page::write: no such folder/report.html: cannot be created");
    BOOST_TEST(report.samples() == 0U);
}

BOOST_AUTO_TEST_CASE(a_page_is_written_as_it_is) {
    const auto data = pictures();
    RetraceReport report;
    report.add(traced(data).retrace(data.input(1)), data, data, 1);
    const renn::test::ScratchFile file;
    report.write(file.path);
    BOOST_TEST((file.read() == report.html()));
}

BOOST_AUTO_TEST_CASE(a_regression_is_shown_by_its_targets) {
    Batch<float> rgb = some_inputs(30).topRows(3);
    const Dataset<float> data(some_inputs(30), {.targets = rgb});
    auto net = renn::trace<renn::Sorted>(renn::Network{renn::Dense<float>(6, 5, std::uint64_t{1}), renn::ReLU<float>{},
                                                       renn::Dense<float>(5, 3, std::uint64_t{2})});
    net.record(data);
    const auto answer = net.retrace(data.input(7), {.k = 5});
    RetraceReport report({.detail = {.sources = 4, .layer_sources = 3, .neurons = 2}, .target_image = {3, 1, 1}});
    report.add(answer, data, data, 7);
    const std::string page = report.html();
    BOOST_TEST(balanced(page));
    BOOST_TEST(contains(page, renn::picture(rgb.col(7), {3, 1, 1}).uri));
    const auto top = answer.top(5);
    std::vector<std::uint64_t> ids;
    for (const auto& s : top) ids.push_back(s.id);
    const Column<float> mean = renn::blend_targets(renn::vote_weights(top), ids, data);
    BOOST_TEST(contains(page, renn::picture(mean, {3, 1, 1}).uri));
    namespace html = renn::html;
    BOOST_TEST(contains(page, "sources say " + html::number(mean[0], 3) + ", " + html::number(mean[1], 3)));
    const std::string said = html::number(answer.outputs()[0], 3);
    BOOST_TEST(contains(page, "Predicted<br>" + said));
    // Target, output, 3 blends, 4 + 2 x 3 sources, 2 x 2 neurons; nothing about classes.
    BOOST_TEST(count(page, "<img ") == 2U + 3U + 4U + 6U + 4U);
    BOOST_TEST(!contains(page, "Evidence"));
    BOOST_TEST(!contains(page, "\u2192"));

    const Dataset<float> labelled = pictures();
    BOOST_TEST(message_of<DataError>([&] {
                   RetraceReport refused({.target_image = {3, 1, 1}});
                   refused.add(answer, labelled, labelled, 7);
               }) == "RetraceReport::add: target_image: got data without targets, expected targets");
    const renn::TracedColour colour =
        renn::traced_colour(answer, data, "seventh", Column<float>(data.targets().col(7)), 5);
    BOOST_TEST(colour.sources.size() == 5U);
    BOOST_TEST(colour.weighted[1] == static_cast<double>(mean[1]), boost::test_tools::tolerance(1e-6));
    BOOST_TEST(colour.predicted[0] == static_cast<double>(answer.outputs()[0]));
    BOOST_TEST(message_of<ShapeError>([&] {
                   renn::traced_colour(answer, data, "", Column<float>(Column<float>::Zero(2)));
               }) == "traced_colour: reference: got 2 values, expected 3: red, green and blue");
    BOOST_TEST(message_of<DataError>([&] { renn::traced_colour(answer, labelled, "", Column<float>(rgb.col(7))); }) ==
               "traced_colour: training data: got no targets, expected colours as targets");
    BOOST_TEST(message_of<DataError>([&] { renn::traced_colour(answer, data, "", Column<float>(rgb.col(7)), 0); }) ==
               "traced_colour: sources: got 0, expected 1 or more");
    RetraceReport plain;  // without pictures by values alone
    plain.add(answer, data, data, 7);
    BOOST_TEST(count(plain.html(), "<img ") == 0U);
    BOOST_TEST(contains(plain.html(), "sources say "));
    BOOST_TEST(contains(plain.html(), "<dt>Predicted</dt><dd class=\"values\">" + said));
}

BOOST_AUTO_TEST_CASE(where_neurons_looked_is_marked) {
    std::vector<std::int32_t> labels;
    for (std::int32_t i = 0; i < 30; ++i) labels.push_back(i % 2);
    const Dataset<float> data(some_inputs(30), {.labels = labels, .image = {1, 2, 3}});
    // Foreign code: an image of two channels, then what is none.
    const auto eyes = [](const auto& x, auto& probe) {
        Batch<float> both(12, x.cols());
        both << x, 2.0F * x;
        probe.pre("eyes", both, {2, 2, 3});
        probe.pre("head", both.topRows(2));
        return Batch<float>(both.topRows(2));
    };
    auto net = renn::trace<renn::Sorted, float>(eyes);
    net.record(data);
    const auto answer = net.retrace(data.input(3), {.k = 4});
    Index calls = 0, columns = 0;
    const auto marker = [&](const Batch<float>& x) {
        ++calls;
        columns = x.cols();
        BOOST_TEST((x.col(0) == data.input(3)));
        return [](const renn::Point& point, std::uint32_t unit, Index column) -> std::optional<renn::Patch> {
            BOOST_TEST(point.name == "eyes");
            BOOST_TEST(unit < 12U);
            if (column == 0) return renn::Patch{1, 0, 2, 2};
            return renn::Patch{};
        };
    };
    RetraceReport report({.detail = {.neurons = 4, .marked = 3, .marked_sources = 2}});
    report.add(answer, data, data, 3, marker);
    const std::string page = report.html();
    BOOST_TEST(balanced(page));
    BOOST_TEST(calls == 1);
    BOOST_TEST(columns >= 3);  // the query and the sources, each once
    BOOST_TEST(columns <= 7);
    BOOST_TEST(count(page, "<h5>Where they looked") == 1U);
    const std::string told = "This image (1), marked: rows 2 to 2, columns 1 to 2";
    BOOST_TEST(count(page, "alt=\"" + told + "\"") == 3U);
    BOOST_TEST(count(page, "<i style=\"left:0.000%;top:50.000%;width:66.667%;height:50.000%\"></i>") == 3U);
    BOOST_TEST(count(page, ", nothing marked\" loading") == 6U);
    BOOST_TEST(count(page, "src=\"") == count(page, "src=\"data:image/png;base64,"));

    RetraceReport plain;  // without a marker nothing changes, without pictures nothing is marked
    plain.add(answer, data, data, 3);
    BOOST_TEST(!contains(plain.html(), "Where they looked"));
    RetraceReport blind;
    blind.add(answer, Dataset<float>(some_inputs(30), {.labels = labels}), data, 3, marker);
    BOOST_TEST(!contains(blind.html(), "Where they looked"));
    BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(an_answer_of_some_neurons_has_their_votes_alone) {
    const auto data = pictures();
    const auto net = traced(data);
    const auto whole = net.retrace(data.input(2), {.k = 4, .post = true});
    const auto some = whole.only({{"relu1", {3}}, {"dense1", {4, 1}}, {"dense1", {1}}});
    BOOST_TEST(some.neurons() == 3U);
    BOOST_TEST(some.total() == 12.0);
    BOOST_TEST((some.layers() == std::vector<std::string>{"dense1", "relu1"}));
    BOOST_TEST((some.units(0) == std::vector<std::uint32_t>{1, 4}));
    BOOST_TEST((some.units(1) == std::vector<std::uint32_t>{3}));
    BOOST_TEST((some.neuron(1) == whole.neuron("dense1", 4)));
    BOOST_TEST((some.neuron("relu1", 3) == whole.neuron("relu1", 3)));
    BOOST_TEST(some.prediction() == whole.prediction());
    for (Index s = 0; s < data.samples(); ++s) {
        double votes = 0.0;
        for (const auto& [layer, unit] : {std::pair{"dense1", 1U}, {"dense1", 4U}, {"relu1", 3U}}) {
            votes += whole.only({{layer, {unit}}}).votes(data.id(s));
        }
        BOOST_TEST(some.votes(data.id(s)) == votes, boost::test_tools::tolerance(1e-12));
    }
    std::vector<renn::Selection::Units> all;
    for (std::size_t i = 0; i < whole.layers().size(); ++i) all.push_back({whole.layers()[i], whole.units(i)});
    BOOST_TEST((whole.only(all).top(30) == whole.top(30)));

    BOOST_TEST(message_of<DataError>([&] {
                   whole.only({{"dense9", {1}}});
               }) == "Retrace::layer: name: got \"dense9\", expected one of dense1, relu1, dense2");
    BOOST_TEST(message_of<DataError>([&] {
                   whole.only({{"dense2", {1, 2}}});
               }) == "Retrace::only: unit: got 2, expected one of \"dense2\" that voted");
    for (const std::vector<renn::Selection::Units>& none : {decltype(all){}, {{"dense2", {}}}}) {
        BOOST_TEST(message_of<DataError>([&] { whole.only(none); }) ==
                   "Retrace::only: neurons: got none, expected 1 or more that voted");
    }
}

BOOST_AUTO_TEST_CASE(detail_makes_the_views) {
    const auto data = pictures();
    const auto net = traced(data);
    const auto answer = net.retrace(data.input(7), {.k = 5, .post = true});
    const auto page = [&](const renn::ReportDetail& detail, const auto& shown) {
        RetraceReport report({.detail = detail});
        report.add(shown, data, data, 7);
        const std::string html = report.html();
        BOOST_TEST(balanced(html));
        return html;
    };
    const std::string weighted = page({.sources = 4, .layer_sources = 0, .neurons = 0}, answer);
    BOOST_TEST(count(weighted, "<img ") == 1U + 2U + 8U + 3U);  // input, blends, sources, blends of the layers
    BOOST_TEST(count(weighted, "class=\"sources\"") == 2U);
    BOOST_TEST(contains(weighted, "<title>Evidence by layer</title>"));
    BOOST_TEST(count(weighted, ", certainty 0.") + count(weighted, ", certainty 1.") == 5U);
    BOOST_TEST(count(page({.sources = 4, .layers = false}, answer), "<img ") == 1U + 2U + 8U);

    // All neurons in their order, each with its closest samples for those who open it.
    const std::string neurons = page({.sources = 1, .layer_sources = 0, .neurons = 99, .neuron_sources = 2}, answer);
    BOOST_TEST(count(neurons, "alt=\"Blend of neuron ") == 7U);
    BOOST_TEST(count(neurons, "<details><summary title=\"Closest, with distance:\n#") == 7U);
    BOOST_TEST(neurons.find("Blend of neuron 1") < neurons.find("Blend of neuron 4"));
    const auto nearest = answer.neuron("dense2", 1).neighbours;
    BOOST_TEST(contains(neurons, "<li>#" + std::to_string(nearest[1].id) + " is "));
    BOOST_TEST(count(page({.neurons = 99, .neuron_sources = 0}, answer), "<details><summary title") == 0U);
    const std::string custom = page({.sources = 1, .layer_sources = 0}, answer.only({{"dense1", {2, 3}}}));
    BOOST_TEST(count(custom, "alt=\"Blend of neuron ") == 2U);
    BOOST_TEST(contains(custom, "2 neurons, 10 votes"));
}

BOOST_AUTO_TEST_CASE(measures_are_shown_where_they_are_known) {
    const auto data = pictures();
    const auto net = traced(data);
    const auto answer = net.retrace(data.input(3));
    auto query = renn::report_query(data, 3);
    RetraceReport without, with;
    without.add(answer, data, query);
    BOOST_TEST(!contains(without.html(), "Familiarity"));
    query.familiarity = 0.25;
    query.credibility = 0.875;
    with.add(answer, data, query);
    BOOST_TEST(contains(with.html(), "<dt>Familiarity</dt><dd class=\"values\">0.25</dd>"));
    BOOST_TEST(contains(with.html(), "<dt>Credibility</dt><dd class=\"values\">0.88</dd>"));
    BOOST_TEST(contains(with.html(), "<dt>Familiarity and credibility</dt>"));
    const renn::Familiarity familiarity(net, data);
    BOOST_TEST(familiarity(answer) <= 1.0);
    BOOST_TEST(message_of<renn::MismatchError>([&] {
                   familiarity(answer.only({{"dense1", {1}}, {"dense2", {1}}}));
               }) == "Familiarity: neurons of the query: got 2, expected 7");
    BOOST_TEST(message_of<DataError>([&] { renn::report_query(data, 30); }) ==
               "Dataset::id: position: got 30, expected 0..29");
}

BOOST_AUTO_TEST_CASE(a_report_goes_on_a_page_with_other_sections) {
    const auto data = pictures();
    RetraceReport report({.title = "not used"});
    report.fact("Mine", "1");
    report.add(traced(data).retrace(data.input(1)), data, data, 1);
    renn::Page page("All of it");
    page.section("Before", [](std::ostream& out) { out << "<p>b</p>"; });
    report.add_to(page);
    page.section("After", [](std::ostream& out) { out << "<p>a</p>"; });
    const std::string html = page.html();
    BOOST_TEST(balanced(html));
    BOOST_TEST(!contains(html, "not used"));
    BOOST_TEST(contains(html, "<dt>Mine</dt>"));
    BOOST_TEST(html.find("<p>b</p>") < html.find("<article"));
    BOOST_TEST(html.find("</article>") < html.find("<p>a</p>"));
}

BOOST_AUTO_TEST_CASE(a_page_without_title_has_the_usual_one) {
    BOOST_TEST(contains(RetraceReport().html(), "<title>Retraced predictions</title>"));
    BOOST_TEST(renn::test::outlives_a_throw_beside_it<renn::RetracePage>());
}
