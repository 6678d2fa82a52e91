// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE detection
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <renn/core/rng.hpp>
#include <renn/evaluation/detection.hpp>
#include <renn/evaluation/similarity.hpp>

#include "support/message_of.hpp"

using renn::accuracy_by_score;
using renn::auroc;
using renn::Column;
using renn::DataError;
using renn::ShapeError;
using renn::test::message_of;
using Scores = std::vector<double>;
using Flags = std::vector<bool>;

namespace tt = boost::test_tools;

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

template <class S = double>
Column<S> column(std::initializer_list<double> values) {
    Column<S> c(static_cast<renn::Index>(values.size()));
    std::transform(values.begin(), values.end(), c.data(), [](double v) { return static_cast<S>(v); });
    return c;
}

/// Scores with many ties.
Scores few_values(std::size_t n, renn::Rng& rng) {
    Scores scores(n);
    for (double& s : scores) s = static_cast<double>(rng.below(7)) / 7.0;
    return scores;
}

}  // namespace

BOOST_AUTO_TEST_CASE(auroc_counts_pairs_and_half_of_the_tied_ones) {
    BOOST_TEST(auroc(Scores{1, 2, 3, 4}, {false, false, true, true}) == 1.0);
    BOOST_TEST(auroc(Scores{4, 3, 2, 1}, {false, false, true, true}) == 0.0);
    BOOST_TEST(auroc(Scores{1, 2, 3, 4}, {false, true, false, true}) == 0.75);
    BOOST_TEST(auroc(Scores{1, 1, 1}, {false, true, false}) == 0.5);
    BOOST_TEST(auroc(Scores{1, 2, 2}, {false, true, false}) == 0.75);
    BOOST_TEST(auroc(Scores{-infinite, 0, infinite}, {false, false, true}) == 1.0);
    renn::Rng rng(3);
    for (int round = 0; round < 50; ++round) {
        const std::size_t n = 2 + rng.below(40);
        const Scores scores = few_values(n, rng);
        Flags positive(n);
        for (std::size_t i = 0; i < n; ++i) positive[i] = i == 0 || (i > 1 && rng.below(3) == 0);
        double won = 0.0, pairs = 0.0;
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j < n; ++j) {
                if (!positive[i] || positive[j]) continue;
                won += scores[i] > scores[j] ? 1.0 : scores[i] == scores[j] ? 0.5 : 0.0;
                pairs += 1.0;
            }
        }
        BOOST_TEST(auroc(scores, positive) == won / pairs);
        Flags negative = positive;
        negative.flip();
        BOOST_TEST(auroc(scores, negative) == 1.0 - won / pairs, tt::tolerance(1e-15));
    }
    BOOST_TEST(message_of<DataError>([] {
                   auroc(Scores{1, 2}, {true, true});
               }) == "auroc: samples: got 2 positive and 0 negative, expected 1 or more of each");
    BOOST_TEST(message_of<DataError>([] {
                   auroc(Scores{1, no_number}, {true, false});
               }) == "auroc: score 1: got NaN, expected a number");
    BOOST_TEST(message_of<ShapeError>([] {
                   auroc(Scores{1}, {true, false});
               }) == "auroc: scores: got 1, expected 2, one a sample");
}

BOOST_AUTO_TEST_CASE(calibration_by_hand) {
    const renn::Calibration c = renn::calibration(Scores{0.1, 0.05, 0.75, 0.7, 1.0}, {false, true, true, false, true});
    // Bins (0, 0.1]: mean 0.075, half right; (0.6, 0.7]: 0.7, wrong; (0.7, 0.8]: 0.75, right; (0.9, 1]: 1, right.
    BOOST_TEST(c.bins.size() == 10u);
    BOOST_TEST(c.bins[0].samples == 2u);
    BOOST_TEST(c.bins[0].confidence == 0.075, tt::tolerance(1e-15));
    BOOST_TEST(c.bins[0].accuracy == 0.5);
    BOOST_TEST(c.bins[6].samples == 1u);
    BOOST_TEST(c.bins[7].samples == 1u);
    BOOST_TEST(c.error == (2 * 0.425 + 0.7 + 0.25) / 5, tt::tolerance(1e-15));
    BOOST_TEST(c.greatest == 0.7, tt::tolerance(1e-15));
    BOOST_TEST(renn::calibration(Scores{0, 1}, {false, true}).error == 0.0);
    BOOST_TEST(renn::calibration(Scores{1, 1}, {false, false}, 1).error == 1.0);
    for (int bin = 1; bin <= 10; ++bin) {  // edges belong to the bin below
        const auto edges = renn::calibration(Scores{bin / 10.0}, {true});
        BOOST_TEST(edges.bins[static_cast<std::size_t>(bin - 1)].samples == 1u);
    }
    const std::string between = ", expected 0..1";
    BOOST_TEST(message_of<DataError>([] { renn::calibration(Scores{1.5}, {true}); }) ==
               "calibration: confidence 0: got 1.500000" + between);
    BOOST_TEST(message_of<DataError>([] { renn::calibration(Scores{0.5}, {true}, 0); }) ==
               "calibration: bins: got 0, expected 1 or more");
    BOOST_CHECK_THROW(renn::calibration(Scores{}, {}), DataError);
    BOOST_CHECK_THROW(renn::calibration(Scores{no_number}, {true}), DataError);
}

BOOST_AUTO_TEST_CASE(accuracy_by_score_is_fair_to_ties_and_any_number_of_samples) {
    const auto halves = accuracy_by_score(Scores{4, 1, 3, 2}, {true, false, true, true}, 2);
    BOOST_TEST(halves[0].accuracy == 0.5);
    BOOST_TEST(halves[1].accuracy == 1.0);
    BOOST_TEST(halves[0].lowest == 1.0);
    BOOST_TEST(halves[0].highest == 2.0);
    BOOST_TEST(halves[1].lowest == 3.0);
    // Three samples in two parts: the middle one counts half in each.
    const auto odd = accuracy_by_score(Scores{1, 2, 3}, {false, true, true}, 2);
    BOOST_TEST(odd[0].accuracy == 0.5 / 1.5, tt::tolerance(1e-15));
    BOOST_TEST(odd[1].accuracy == 1.0);
    // All alike: every part has the mean.
    for (const auto& part : accuracy_by_score(Scores{5, 5, 5, 5}, {true, false, false, false})) {
        BOOST_TEST(part.accuracy == 0.25);
    }
    renn::Rng rng(5);
    for (int round = 0; round < 50; ++round) {
        const std::size_t n = 1 + rng.below(30);
        Scores scores = few_values(n, rng);
        Flags right(n);
        for (std::size_t i = 0; i < n; ++i) right[i] = rng.below(2) == 0;
        const auto parts = accuracy_by_score(scores, right);
        double mean = 0.0;
        for (const auto& part : parts) mean += part.accuracy / 10.0;
        const double all = static_cast<double>(std::count(right.begin(), right.end(), true)) / static_cast<double>(n);
        BOOST_TEST(std::abs(mean - all) < 1e-12);
        std::reverse(scores.begin(), scores.end());
        std::reverse(right.begin(), right.end());
        const auto reversed = accuracy_by_score(scores, right);
        for (std::size_t d = 0; d < 10; ++d) BOOST_TEST(parts[d].accuracy == reversed[d].accuracy);
    }
    BOOST_CHECK_THROW(accuracy_by_score(Scores{}, {}), DataError);
    BOOST_CHECK_THROW(accuracy_by_score(Scores{1}, {true}, 0), DataError);
    BOOST_CHECK_THROW(accuracy_by_score(Scores{1, 2}, {true}), ShapeError);
}

BOOST_AUTO_TEST_CASE(similarities_by_hand) {
    const auto a = column({1, 2, 3, 4}), b = column({2, 4, 1, 3});
    BOOST_TEST(renn::cosine_similarity(a, b) == 25.0 / 30.0, tt::tolerance(1e-15));
    BOOST_TEST(renn::l2_distance(a, b) == std::sqrt(10.0), tt::tolerance(1e-15));
    BOOST_TEST(renn::l1_distance(a, b) == 6.0);
    BOOST_TEST(renn::ruzicka_similarity(a, b) == 7.0 / 13.0, tt::tolerance(1e-15));
    BOOST_TEST(std::abs(renn::pearson_correlation(a, b)) < 1e-15);
    BOOST_TEST(renn::kendall_correlation(a, b) == 0.0);
    // Ranks 1, 2.5, 2.5, 4 and 1, 2, 3, 4: sum of products of deviations 4.5, of squares 4.5 and 5; 5 pairs up, 1 tied.
    const auto tied = column({10, 20, 20, 90}), up = column({-5, 1, 2, 3});
    BOOST_TEST(renn::spearman_correlation(tied, up) == 4.5 / std::sqrt(4.5 * 5), tt::tolerance(1e-14));
    BOOST_TEST(renn::kendall_correlation(tied, up) == 5 / std::sqrt(5.0 * 6), tt::tolerance(1e-15));
    const auto float_a = column<float>({1, 2, 3, 4});
    BOOST_TEST(renn::cosine_similarity(float_a, b) == renn::cosine_similarity(a, b));

    const auto zeros = column({0, 0, 0, 0}), same = column({3, 3, 3, 3});
    BOOST_TEST(renn::cosine_similarity(zeros, a) == 0.0);
    BOOST_TEST(renn::ruzicka_similarity(zeros, zeros) == 1.0);
    BOOST_TEST(std::isnan(renn::ruzicka_similarity(up, a)));
    const renn::Similarities s = renn::similarities(same, a);
    BOOST_TEST((std::isnan(s.pearson) && std::isnan(s.spearman) && std::isnan(s.kendall)));
    BOOST_TEST(s.l1 == 4.0);
    const auto huge = column({1e300, -1e300, 1e300, 0});
    BOOST_TEST(renn::cosine_similarity(huge, huge) == 1.0, tt::tolerance(1e-15));
    BOOST_TEST(renn::pearson_correlation(huge, huge) == 1.0, tt::tolerance(1e-15));

    BOOST_TEST(message_of<ShapeError>([&] { renn::l1_distance(a, column({1})); }) ==
               "l1_distance: vectors: got 4 and 1 long, expected equally long, 1 or more");
    BOOST_TEST(message_of<DataError>([&] {
                   renn::kendall_correlation(a, column({1, 2, no_number, 4}));
               }) == "kendall_correlation: vectors: got NaN or infinite, expected finite values");
    BOOST_CHECK_THROW(renn::l2_distance(column({}), column({})), ShapeError);
}

BOOST_AUTO_TEST_CASE(kendall_counts_every_pair_and_rank_measures_see_only_order) {
    renn::Rng rng(9);
    for (int round = 0; round < 50; ++round) {
        const auto n = static_cast<renn::Index>(3 + rng.below(30));
        Column<double> a(n), b(n);
        for (double* v : {a.data(), b.data()}) {
            for (renn::Index i = 0; i < n; ++i) v[i] = static_cast<double>(rng.below(6));
        }
        a[0] = 7.0;  // never constant
        b[1] = 7.0;
        double balance = 0.0, in_a = 0.0, in_b = 0.0;
        for (renn::Index i = 0; i < n; ++i) {
            for (renn::Index j = 0; j < i; ++j) {
                const double x = a[i] - a[j], y = b[i] - b[j];
                balance += x * y > 0.0 ? 1.0 : x * y < 0.0 ? -1.0 : 0.0;
                in_a += x != 0.0 ? 1.0 : 0.0;
                in_b += y != 0.0 ? 1.0 : 0.0;
            }
        }
        const double tau = renn::kendall_correlation(a, b), rho = renn::spearman_correlation(a, b);
        BOOST_TEST(std::abs(tau - balance / std::sqrt(in_a * in_b)) < 1e-14);
        const Column<double> bent = b.array().cube();
        BOOST_TEST(renn::kendall_correlation(a, bent) == tau);
        BOOST_TEST(renn::spearman_correlation(a, bent) == rho);
        BOOST_TEST(std::abs(renn::spearman_correlation(a, Column<double>(-b)) + rho) < 1e-14);
        BOOST_TEST(std::abs(renn::pearson_correlation(a, Column<double>(3.0 * a.array() - 2.0)) - 1.0) < 1e-14);
        BOOST_TEST(std::abs(renn::ruzicka_similarity(a, b) - a.cwiseMin(b).sum() / a.cwiseMax(b).sum()) < 1e-14);
    }
}
