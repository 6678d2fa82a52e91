// SPDX-License-Identifier: MIT
// Heatmaps: the scale is symmetric, 0 has no colour, the largest score has the full one; views of them are well formed.
#define BOOST_TEST_MODULE heatmap
#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/attribution/gradient.hpp>
#include <renn/core/rng.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>
#include <renn/report/attribution_view.hpp>
#include <renn/report/heatmap.hpp>
#include <renn/report/html.hpp>
#include <renn/report/page.hpp>

#include "support/html.hpp"
#include "support/message_of.hpp"

using renn::Batch;
using renn::Column;
using renn::DataError;
using renn::Heatmap;
using renn::HeatScale;
using renn::Index;
using renn::ShapeError;
using renn::test::balanced;
using renn::test::contains;
using renn::test::count;
using renn::test::message_of;
using Scalars = std::tuple<float, double>;

namespace {

template <class S>
Column<S> column(std::initializer_list<double> values) {
    Column<S> c(static_cast<Index>(values.size()));
    Index i = 0;
    for (const double v : values) c[i++] = static_cast<S>(v);
    return c;
}

/// The picture of colours, pixel by pixel.
std::string uri(const std::vector<HeatScale::Colour>& colours, Index width) {
    std::vector<std::uint8_t> bytes;
    for (const auto& c : colours) bytes.insert(bytes.end(), c.begin(), c.end());
    return renn::data_uri(renn::png(bytes, width, std::ssize(colours) / width, 3));
}

std::string code(const HeatScale::Colour& c) {
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "#%02x%02x%02x", static_cast<unsigned>(c[0]), static_cast<unsigned>(c[1]),
                  static_cast<unsigned>(c[2]));
    return text.data();
}

std::string page_of(const renn::AttributionView& view) {
    renn::Page page("Maps");
    page.style(renn::heatmap_style);
    page.style(renn::attribution_style);
    page.head(renn::write_attribution_key);
    page.section("A sample", [&](std::ostream& out) { renn::write_attributions(out, view); });
    return page.html();
}

}  // namespace

BOOST_AUTO_TEST_CASE(scales_begin_without_colour_and_rise_to_the_full_one) {
    for (const renn::HeatColours& colours : {renn::light_heat, renn::dark_heat}) {
        for (const HeatScale& scale : {colours.positive, colours.negative, colours.strength}) {
            BOOST_TEST((scale(0.0) == colours.positive.none));
            BOOST_TEST((scale(0.4) == scale.some));
            BOOST_TEST((scale(1.0) == scale.full));
            BOOST_TEST((scale(7.0) == scale.full));
            BOOST_TEST((scale(-7.0) == scale.none));
            // Farther from what has no colour with every step.
            double before = -1.0;
            for (int step = 0; step <= 20; ++step) {
                double distance = 0.0;
                const auto here = scale(step / 20.0);
                for (std::size_t i = 0; i < 3; ++i) distance += std::abs(double(here[i]) - double(scale.none[i]));
                BOOST_TEST(distance > before);
                before = distance;
            }
        }
    }
    BOOST_TEST((renn::light_heat.positive.none == HeatScale::Colour{255, 255, 255}));
    BOOST_TEST(message_of<DataError>([] { renn::light_heat.positive(std::numeric_limits<double>::quiet_NaN()); }) ==
               "HeatScale: part: got NaN, expected 0..1");
}

BOOST_AUTO_TEST_CASE(scales_of_the_legend_are_those_of_the_maps) {
    const std::string style(renn::heatmap_style);
    for (const renn::HeatColours& c : {renn::light_heat, renn::dark_heat}) {
        const auto text = [](const HeatScale::Colour& colour) {
            const std::string all = code(colour);
            return all == "#ffffff" ? std::string("#fff") : all;
        };
        const auto &p = c.positive, &n = c.negative, &s = c.strength;
        BOOST_TEST(contains(style, text(n.full) + "," + text(n.some) + " 30%," + text(p.none) + " 50%," + text(p.some) +
                                       " 70%," + text(p.full)));
        BOOST_TEST(contains(style, text(s.none) + "," + text(s.some) + " 40%," + text(s.full)));
        BOOST_TEST(
            contains(style, "--for:" + text(p.full) + ";--against:" + text(n.full) + ";--strength:" + text(s.full)));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_scale_is_symmetric_and_never_centred, S, Scalars) {
    const auto scores = column<S>({0.0, 2.0, -4.0, 1.0, -1.0, 4.0});
    const Heatmap map = renn::heatmap(scores, {1, 2, 3});
    BOOST_TEST(map.scale == 4.0);
    BOOST_TEST((map.values == std::vector<double>{0.0, 2.0, -4.0, 1.0, -1.0, 4.0}));
    for (const auto& [colours, picture] : {std::pair(&renn::light_heat, &map.light), {&renn::dark_heat, &map.dark}}) {
        const HeatScale &p = colours->positive, &n = colours->negative;
        BOOST_TEST(picture->uri == uri({p(0.0), p(0.5), n(1.0), p(0.25), n(0.25), p(1.0)}, 3));
    }
    // Turned around, for and against change places; all shifted to one side, no colour of the other appears.
    const Heatmap turned = renn::heatmap((-scores).eval(), {1, 2, 3});
    const HeatScale &p = renn::light_heat.positive, &n = renn::light_heat.negative;
    BOOST_TEST(turned.light.uri == uri({p(0.0), n(0.5), p(1.0), n(0.25), p(0.25), n(1.0)}, 3));
    const Heatmap shifted = renn::heatmap(column<S>({3.0, 4.0}), {1, 1, 2});
    BOOST_TEST(shifted.light.uri == uri({p(0.75), p(1.0)}, 2));
    // Scaled scores draw the same map; a common scale keeps maps comparable.
    BOOST_TEST(renn::heatmap((scores * S(8)).eval(), {1, 2, 3}).light.uri == map.light.uri);
    const Heatmap common = renn::heatmap(column<S>({2.0, -16.0}), {1, 1, 2}, {.scale = 8.0});
    BOOST_TEST(common.light.uri == uri({p(0.25), n(1.0)}, 2));
    BOOST_TEST(common.scale == 8.0);
}

BOOST_AUTO_TEST_CASE(strengths_have_one_side) {
    const Heatmap map = renn::heatmap(column<double>({0.0, 1.0, 2.0}), {1, 1, 3}, {.one_sided = true});
    const HeatScale& s = renn::light_heat.strength;
    BOOST_TEST(map.light.uri == uri({s(0.0), s(0.5), s(1.0)}, 3));
    std::ostringstream out;
    write_heatmap(out, map, "<Sensitivity>");
    BOOST_TEST(balanced(out.str()));
    BOOST_TEST(contains(out.str(), "&lt;Sensitivity&gt;: heatmap, full colour at 2.00"));
    BOOST_TEST(contains(out.str(), "<span>0</span><span>2.00</span>"));
    BOOST_TEST(!contains(out.str(), "\u2212"));
    BOOST_TEST(message_of<DataError>([] {
                   renn::heatmap(column<double>({1.0, -0.5}), {1, 1, 2}, {.one_sided = true});
               }) == "heatmap: score 1 of a one-sided map: got -0.500000, expected 0 or more");
}

BOOST_AUTO_TEST_CASE(channels_are_added_up_and_zeros_said_so) {
    const Heatmap map = renn::heatmap(column<float>({1, -2, 1, 3}), {2, 1, 2});
    BOOST_TEST((map.values == std::vector<double>{2.0, 1.0}));
    const Heatmap nothing = renn::heatmap(column<float>({0, 0, 0, 0}), {1, 2, 2});
    const HeatScale::Colour none = renn::light_heat.positive.none;
    BOOST_TEST(nothing.light.uri == uri({none, none, none, none}, 2));
    BOOST_TEST(nothing.scale == 0.0);
    std::ostringstream out;
    write_heatmap(out, nothing, "Gradient");
    BOOST_TEST(contains(out.str(), "All scores are 0."));
    BOOST_TEST(balanced(out.str()));
}

BOOST_AUTO_TEST_CASE(over_the_input) {
    const Heatmap map = renn::heatmap(column<float>({0, 0, 5, -5}), column<float>({0, 1, 1, 0}), {1, 2, 2});
    const auto &p = renn::dark_heat.positive, &n = renn::dark_heat.negative;
    BOOST_TEST(map.over.uri == uri({{0, 0, 0}, {128, 128, 128}, p.full, n.full}, 2));
    BOOST_TEST(renn::heatmap(column<float>({0, 0, 5, -5}), {1, 2, 2}).over.empty());
    BOOST_TEST(message_of<ShapeError>([] {
                   renn::heatmap(column<float>({1, 2}), column<float>({1}), {1, 1, 2});
               }) == "heatmap: input: got 1 x 1, expected 2 x 1");
}

BOOST_AUTO_TEST_CASE(bad_scores_are_refused) {
    const double nan = std::numeric_limits<double>::quiet_NaN(), infinite = std::numeric_limits<double>::infinity();
    BOOST_TEST(message_of<DataError>([&] {
                   renn::heatmap(column<double>({0, nan}), {1, 1, 2});
               }) == "heatmap: score 1: got NaN, expected a finite value");
    BOOST_TEST(message_of<DataError>([&] {
                   renn::heatmap(column<double>({-infinite, 0}), {1, 1, 2});
               }) == "heatmap: score 0: got -infinite, expected a finite value");
    BOOST_TEST(message_of<ShapeError>([] {
                   renn::heatmap(column<double>({0, 1}), {1, 2, 2});
               }) == "heatmap: scores: got 2 x 1, expected 4 x 1");
    BOOST_TEST(message_of<ShapeError>([] { renn::heatmap(Column<double>(), {}); }) ==
               "heatmap: shape: got 0 x 1 x 1, expected an image");
    BOOST_TEST(message_of<DataError>([] {
                   renn::heatmap(column<double>({1}), {1, 1, 1}, {.scale = -1.0});
               }) == "heatmap: scale: got -1.000, expected 0, or what gets the full colour");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_view_shows_what_methods_say, S, Scalars) {
    const renn::Network net(renn::Dense<S>(6, 4, 1), renn::ReLU<S>(), renn::Dense<S>(4, 2, 2));
    renn::Rng rng(5);
    const Batch<S> x = Batch<S>::NullaryExpr(6, 2, [&] { return rng.uniform(S(0), S(1)); });
    const auto product = renn::attribute(net, x, renn::output(1), renn::GradientTimesInput{});
    renn::AttributionView view(
        {.target = "logit of <1>", .value = static_cast<double>(product.explained[1]), .image = {1, 2, 3}}, x.col(1));
    view.add({.name = "Gradient \u00d7 input", .meaning = "What & why.", .verdicts = {{"adds up"}, {"jumps", false}}},
             product, 1);
    auto strength = renn::attribute(net, x, renn::output(1), renn::Sensitivity{});
    strength.warnings = {"not <to be> believed"};
    view.add({.name = "Sensitivity", .one_sided = true}, strength, 1);
    BOOST_TEST(view.maps()[0].scores[4] == static_cast<double>(product.scores(4, 1)));
    BOOST_TEST(*view.maps()[0].gap == static_cast<double>(product.gap[1]));
    BOOST_TEST(!view.maps()[1].gap);

    const std::string page = page_of(view);
    BOOST_TEST(balanced(page));
    BOOST_TEST(count(page, "<picture>") == 2U);
    BOOST_TEST(count(page, "<img ") == 5U);  // the input, two maps, two over the input
    BOOST_TEST(contains(page, "logit of &lt;1&gt;, which is <b>" + renn::html::significant(view.subject().value)));
    BOOST_TEST(contains(page, "Gap</dt><dd>" + renn::html::signed_significant(*view.maps()[0].gap)));
    BOOST_TEST(contains(page, "not &lt;to be&gt; believed"));
    BOOST_TEST(contains(page, "<li class=\"wrong\">\u2717 jumps</li>"));

    BOOST_TEST(message_of<ShapeError>([&] { view.add({.name = "Gradient"}, product, 2); }) ==
               "AttributionView::add: Gradient: scores of sample 2: got 6 x 2, expected 6 features of it");
    auto broken = product;
    broken.scores(3, 0) = std::numeric_limits<S>::quiet_NaN();
    BOOST_TEST(message_of<DataError>([&] { view.add({.name = "Gradient"}, broken); }) ==
               "AttributionView::add: Gradient: score 3: got NaN, expected a finite value");
}

BOOST_AUTO_TEST_CASE(inputs_without_shape_have_bars) {
    renn::Attribution<double> result;
    result.scores = column<double>({0.5, -2.0, 1.0});
    renn::AttributionView view({.target = "price", .features = {"age", "<size>", "floor"}, .bars = 2},
                               column<double>({1, 2, 3}));
    view.add({.name = "Gradient"}, result);
    const std::string page = page_of(view);
    BOOST_TEST(balanced(page));
    BOOST_TEST(count(page, "<img") == 0U);
    BOOST_TEST(count(page, "<tr>") == 2U);
    BOOST_TEST(contains(page, "&lt;size&gt;</th><td><i><b class=\"less\" style=\"left:0.0%;width:50.0%\""));
    BOOST_TEST(contains(page, "floor</th><td><i><b style=\"left:50.0%;width:25.0%\""));
    BOOST_TEST(contains(page, "and 1 smaller"));
    BOOST_TEST(message_of<DataError>([&] { view.add({.name = "Sensitivity", .one_sided = true}, result); }) ==
               "heatmap: score 1 of a one-sided map: got -2.000000, expected 0 or more");
    BOOST_TEST(view.maps().size() == 1U);  // nothing of it was added
    result.scores = result.scores.cwiseAbs();
    view.add({.name = "Sensitivity", .one_sided = true}, result);
    BOOST_TEST(
        contains(page_of(view), "&lt;size&gt;</th><td><i><b class=\"strength\" style=\"left:0.0%;width:100.0%\""));
    BOOST_TEST(message_of<ShapeError>([] {
                   renn::AttributionView({.target = "price", .features = {"age"}}, column<double>({1, 2}));
               }) == "AttributionView: names of features: got 1, expected 2, one a feature");
}

BOOST_AUTO_TEST_CASE(numbers_have_three_digits) {
    using renn::html::significant;
    BOOST_TEST(significant(0.012345) == "0.0123");
    BOOST_TEST(significant(-4.5678) == "-4.57");
    BOOST_TEST(significant(1234.5) == "1234");
    BOOST_TEST(significant(9.9999) == "10.0");
    BOOST_TEST(significant(0.0) == "0");
    BOOST_TEST(significant(1.23e-7) == "1.2e-07");
    BOOST_TEST(renn::html::signed_significant(-0.5) == "\u22120.500");
    BOOST_TEST(renn::html::signed_significant(0.5) == "+0.500");
}
