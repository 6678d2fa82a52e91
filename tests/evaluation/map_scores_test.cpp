// SPDX-License-Identifier: MIT
// Numbers of heatmaps alone: where they point, how far they are spread, how alike two are; and what is chance.
#define BOOST_TEST_MODULE map_scores
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <renn/core/rng.hpp>
#include <renn/evaluation/complexity.hpp>
#include <renn/evaluation/localisation.hpp>
#include <renn/evaluation/map_similarity.hpp>
#include <renn/evaluation/method_table.hpp>
#include <renn/evaluation/significance.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using namespace renn;

namespace {
const double nothing = std::numeric_limits<double>::quiet_NaN();
const auto tight = boost::test_tools::tolerance(1e-9);
}  // namespace

BOOST_AUTO_TEST_CASE(a_map_that_points_at_the_mask) {
    Batch<double> r(5, 3);
    r.col(0) << 3, 1, 0, -5, 0;
    r.col(1) << 0, 0, 1, 1, 2;
    r.col(2) << 1, 1, 1, 1, 1;
    FeatureMask mask = FeatureMask::Constant(5, 1, false);
    mask(0) = mask(3) = true;
    const Measurement mass = mass_inside(r, mask);
    BOOST_TEST((mass.per_sample == std::vector<double>{0.75, 0.25, 0.4}));
    BOOST_TEST(mass.score == (0.75 + 0.25 + 0.4) / 3, tight);
    BOOST_TEST((pointing_game(r, mask).per_sample == std::vector<double>{1, 0, 0.4}));
    // Of two places: 3 and 1; 2 and half of two equal ones; two of five equal ones.
    BOOST_TEST((rank_accuracy(r, mask).per_sample == std::vector<double>{0.5, 0.25, 0.4}));
    const Measurement area = mask_auroc(r, mask);
    BOOST_TEST(area.per_sample[0] == 0.5, tight);
    BOOST_TEST(area.per_sample[2] == 0.5, tight);

    FeatureMask each = FeatureMask::Constant(5, 3, false);
    each(4, 1) = each(0, 2) = true;  // that of the first is empty
    const Measurement some = pointing_game(r, each);
    BOOST_TEST((some.dropped == 1U && std::isnan(some.per_sample[0]) && some.per_sample[1] == 1.0));
    const auto message = [](auto&& call) { return test::message_of<Error>(call); };
    BOOST_TEST(message([&] {
                   mass_inside(Batch<double>(-r.cwiseAbs()), mask);
               }).find("mass_inside: samples left: got 0 of 3") == 0U);
    BOOST_TEST(message([&] { mask_auroc(r, FeatureMask::Constant(4, 1, true)); }) ==
               "mask_auroc: mask: got 4 x 1, expected 5 x 1");
    r(0, 0) = nothing;
    BOOST_TEST(message([&] { pointing_game(r, mask); }) ==
               "pointing_game: relevance: got NaN or infinite, expected finite values");
    BOOST_TEST(message([&] { map_entropy(r); }) ==
               "map_entropy: relevance: got NaN or infinite, expected finite values");
}

BOOST_AUTO_TEST_CASE(how_far_a_map_is_spread) {
    Batch<float> r = Batch<float>::Zero(4, 3);
    r.col(0).setConstant(-2.F);
    r(2, 1) = 5.F;
    const Measurement gini = sparseness(r), entropy = map_entropy(r), count = effective_features(r);
    BOOST_TEST(gini.per_sample[0] == 0.0);
    BOOST_TEST(gini.per_sample[1] == 0.75);
    BOOST_TEST(entropy.per_sample[0] == std::log(4.0), tight);
    BOOST_TEST(entropy.per_sample[1] == 0.0);
    BOOST_TEST((count.per_sample[0] == 4.0 && count.per_sample[1] == 1.0));
    BOOST_TEST((gini.dropped == 1U && entropy.dropped == 1U && std::isnan(count.per_sample[2])));
}

BOOST_AUTO_TEST_CASE(how_alike_two_maps_are) {
    const Shape image{2, 9, 8};
    const Batch<double> a = test::random_batch<double>(image.size(), 4, 1);
    const MapSimilarity same = compare_maps(a, Batch<double>(3.0 * a), image);
    const MapSimilarity other = compare_maps(a, test::random_batch<double>(image.size(), 4, 2), image);
    for (std::size_t j = 0; j < 4; ++j) {
        for (const auto* s :
             {&same.spearman, &same.absolute, &same.scored, &same.absolute_scored, &same.structural, &same.oriented}) {
            BOOST_TEST((*s)[j] == 1.0, tight);
        }
        for (const auto* s : {&other.spearman, &other.absolute, &other.structural})
            BOOST_TEST(std::abs((*s)[j]) < 0.35);
        BOOST_TEST(std::abs(other.oriented[j]) < 0.6);
    }
    BOOST_TEST(compare_maps(a, Batch<double>(-a)).spearman[0] == -1.0, tight);
    BOOST_TEST(compare_maps(a, Batch<double>(-a)).absolute[0] == 1.0, tight);
    BOOST_TEST(std::isnan(compare_maps(a, Batch<double>::Zero(image.size(), 4), image).structural[2]));
    // Features that neither map scores make ranks alike; they do not count among the scored.
    Batch<double> u = Batch<double>::Zero(200, 1), v = u;
    u.topRows(20) = a.topLeftCorner(20, 1);
    v.topRows(20) = test::random_batch<double>(20, 1, 3);
    const MapSimilarity empty = compare_maps(u, v);
    BOOST_TEST((empty.absolute[0] > 0.9 && empty.absolute_scored[0] < 0.5));
    BOOST_TEST(test::message_of<ShapeError>([&] {
                   compare_maps(a, a, {1, 9, 8});
               }) == "compare_maps: image: got 1 x 9 x 8, expected 144 features");
}

BOOST_AUTO_TEST_CASE(what_is_chance_and_what_is_not) {
    // Two-sided p of Student's t from tables: t = 2.228 at 10, 12.706 at 1, 1.96 at very many degrees of freedom.
    const auto two_sided = [](double t, double f) { return detail::incomplete_beta(0.5 * f, 0.5, f / (f + t * t)); };
    BOOST_TEST(two_sided(2.228139, 10) == 0.05, boost::test_tools::tolerance(1e-6));
    BOOST_TEST(two_sided(12.7062, 1) == 0.05, boost::test_tools::tolerance(1e-5));
    BOOST_TEST(two_sided(1.959964, 1e7) == 0.05, boost::test_tools::tolerance(1e-5));
    BOOST_TEST(two_sided(0.0, 5) == 1.0);
    const std::vector<double> a{1, 2, 3, 4, 5}, b{2, 4, 6, 8, 10};
    const TTest t = welch_t_test(a, b);  // by hand: -3 / sqrt(0.5 + 2), 2.5^2 / (0.25 / 4 + 4 / 4)
    BOOST_TEST(t.t == -3.0 / std::sqrt(2.5), tight);
    BOOST_TEST(t.degrees_of_freedom == 6.25 / 1.0625, tight);
    BOOST_TEST((t.p > 0.1 && t.p < 0.12));
    BOOST_TEST((welch_t_test(std::vector<double>{1, 1}, std::vector<double>{1, 1}).p == 1.0));
    BOOST_TEST((welch_t_test(std::vector<double>{1, 1}, std::vector<double>{2, 2}).p == 0.0));
    BOOST_TEST(welch_t_test(std::vector<double>(10, 0.1), std::vector<double>(3, 0.1)).p == 1.0);  // means round apart
    BOOST_TEST((bonferroni(0.02, 3) == 0.06 && bonferroni(0.5, 3) == 1.0));

    Rng rng(4);
    std::vector<double> values;
    for (int i = 0; i < 400; ++i) values.push_back(i % 10 == 0 ? nothing : 5.0 + rng.normal());
    const Interval interval = bootstrap_interval(values, 1);  // 360 values of deviation 1: +- 0.103
    BOOST_TEST((interval.low < detail::mean_of(values) && detail::mean_of(values) < interval.high));
    BOOST_TEST((interval.high - interval.low > 0.17 && interval.high - interval.low < 0.25));
    std::vector<double> better = values;
    for (double& v : better) v += 0.01 + 0.02 * rng.normal();
    const PairedComparison pair = compare_paired(better, values);
    BOOST_TEST((pair.samples == 360U && pair.interval.low > 0.0 && pair.interval.high < 0.02 && pair.wins > 200U));
    const auto message = [](auto&& call) { return test::message_of<Error>(call); };
    BOOST_TEST(message([&] { bootstrap_interval(std::vector<double>{nothing}); }) ==
               "bootstrap_interval: values: got 0, expected 1 or more");
    BOOST_TEST(message([&] { welch_t_test(a, std::vector<double>{1}); }) ==
               "welch_t_test: values: got 1, expected 2 or more");
    BOOST_TEST(message([&] { compare_paired(a, values); }) ==
               "compare_paired: samples: got 5 and 400, expected the same number");

    MethodTable table;
    table.add("gradient", "area", Better::lower, detail::measured("test", {1, 2, 3}), 0.5);
    table.add("gradient x input", "area", Better::lower, detail::measured("test", {1, 1, 1}), 0.25);
    table.add("gradient", "gini", Better::higher, detail::measured("test", {0.5, nothing, 0.5}), 0.25);
    BOOST_TEST(table.compare("gradient", "gradient x input", "area").difference == 1.0);
    BOOST_TEST(table.text() ==
               "method            area v  gini ^         seconds\n"
               "gradient          2 +- 1  0.5 +- 0 (-1)  0.75\n"
               "gradient x input  1 +- 0  -              0.25\n");
    BOOST_TEST(message([&] { table.add("gradient", "gini", Better::higher, detail::measured("test", {1})); }) ==
               "MethodTable: \"gini\" of \"gradient\": got a second one, expected one");
    BOOST_TEST(message([&] {
                   table.add("other", "gini", Better::lower, detail::measured("test", {1}));
               }).find("MethodTable: \"gini\"") == 0U);
    BOOST_TEST(table.methods().size() == 2U);  // nothing stays of what was refused
}
