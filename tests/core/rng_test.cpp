// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE rng
#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <set>
#include <vector>

#include <renn/core/rng.hpp>

using renn::mix;
using renn::Rng;

// Files, masks and initial weights depend on these numbers: they never change.
static_assert(mix(0) == 0);
static_assert(mix(0x9e3779b97f4a7c15ULL) == 0xe220a8397b1dcdafULL);      // SplitMix64 with seed 0, first draw
static_assert(mix(2 * 0x9e3779b97f4a7c15ULL) == 0x6e789e6aa1b965f4ULL);  // second
static_assert(Rng(0).bits() == 0xe220a8397b1dcdafULL);

BOOST_AUTO_TEST_CASE(draws_have_these_values_for_ever) {
    Rng rng(42);
    const std::array<std::uint64_t, 3> drawn{rng.bits(), rng.bits(), rng.bits()};
    BOOST_TEST(drawn[0] == 0x989b3f130a063869ULL);
    BOOST_TEST(drawn[1] == 0x290db4bf2570ded7ULL);
    BOOST_TEST(drawn[2] == 0x2a990be63a01b2d5ULL);
    BOOST_TEST(mix(1, 2) == 0x6871c08cbe75136cULL);
    BOOST_TEST(Rng(7).uniform() == 0x1.0c77123e98157p-1);
    BOOST_TEST(Rng(7).below(1000) == 855u);
    BOOST_TEST(Rng(7).normal() == -0.39226082138170837,
               boost::test_tools::tolerance(1e-14));  // log and cos are the C library's
    std::vector<int> order(8);
    std::iota(order.begin(), order.end(), 0);
    Rng shuffling(3);
    shuffle(order, shuffling);
    BOOST_TEST(order == (std::vector<int>{1, 5, 3, 7, 0, 4, 6, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_position_can_be_kept_and_resumed) {
    Rng rng(11);
    for (int i = 0; i < 5; ++i) rng.bits();
    BOOST_TEST(rng.seed() == 11u);
    BOOST_TEST(rng.position() == 5u);
    Rng again(rng.seed(), rng.position());
    for (int i = 0; i < 100; ++i) BOOST_TEST(again.bits() == rng.bits());
}

BOOST_AUTO_TEST_CASE(neighbouring_seeds_and_keys_share_no_draws) {
    std::set<std::uint64_t> seen;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        Rng rng(seed);
        for (int i = 0; i < 100; ++i) seen.insert(rng.bits());
    }
    BOOST_TEST(seen.size() == 10000u);
    seen.clear();
    for (std::uint64_t a = 0; a < 100; ++a) {
        for (std::uint64_t b = 0; b < 100; ++b) seen.insert(mix(a, b));
    }
    BOOST_TEST(seen.size() == 10000u);  // so (a, b) and (b, a) differ as well
}

BOOST_AUTO_TEST_CASE(uniform_is_uniform_and_stays_below_its_end) {
    Rng rng(1);
    constexpr int draws = 100000;
    std::array<int, 20> bins{};
    double sum = 0.0, square = 0.0;
    for (int i = 0; i < draws; ++i) {
        const double u = rng.uniform();
        BOOST_REQUIRE((u >= 0.0 && u < 1.0));
        ++bins[static_cast<std::size_t>(u * 20.0)];
        sum += u;
        square += u * u;
    }
    double chi_squared = 0.0;
    for (const int b : bins) chi_squared += (b - 5000.0) * (b - 5000.0) / 5000.0;
    BOOST_TEST(chi_squared < 43.8);  // 19 degrees of freedom: one seed in a thousand is above
    BOOST_TEST(std::abs(sum / draws - 0.5) < 0.004);
    BOOST_TEST(std::abs(square / draws - 1.0 / 3.0) < 0.004);
    for (int i = 0; i < 1000; ++i) {
        const double u = rng.uniform(-3.0, -1.0);
        BOOST_REQUIRE((u >= -3.0 && u < -1.0));
    }
}

BOOST_AUTO_TEST_CASE(normal_has_mean_0_variance_1_and_the_tails_of_a_normal) {
    Rng rng(2);
    constexpr int draws = 100000;
    double sum = 0.0, square = 0.0;
    int beyond_two = 0;
    for (int i = 0; i < draws; ++i) {
        const double z = rng.normal();
        BOOST_REQUIRE(std::isfinite(z));
        sum += z;
        square += z * z;
        beyond_two += std::abs(z) > 2.0;
    }
    BOOST_TEST(std::abs(sum / draws) < 0.013);
    BOOST_TEST(std::abs(square / draws - 1.0) < 0.018);
    BOOST_TEST(std::abs(beyond_two / double(draws) - 0.0455) < 0.003);
}

BOOST_AUTO_TEST_CASE(below_is_unbiased_even_where_the_remainder_of_2_to_64_is_large) {
    // Of 2^64 draws, n = 3/4 2^64 leaves a quarter: without rejection the lowest third would come up twice as often.
    constexpr std::uint64_t n = 3ULL << 62;
    Rng rng(3);
    int lowest_third = 0;
    constexpr int draws = 30000;
    for (int i = 0; i < draws; ++i) {
        const std::uint64_t draw = rng.below(n);
        BOOST_REQUIRE(draw < n);
        lowest_third += draw < n / 3;
    }
    BOOST_TEST(std::abs(lowest_third / double(draws) - 1.0 / 3.0) < 0.012);
    BOOST_TEST(rng.position() > static_cast<std::uint64_t>(draws));

    for (const std::uint64_t small : {1u, 2u, 7u}) {
        std::vector<int> count(small);
        for (int i = 0; i < 7000; ++i) ++count[rng.below(small)];
        for (const int c : count) BOOST_TEST(std::abs(c - 7000.0 / double(small)) < 250.0);
    }
}

BOOST_AUTO_TEST_CASE(shuffle_is_a_permutation_and_every_one_is_as_likely) {
    Rng rng(4);
    for (std::size_t n = 0; n < 50; ++n) {
        std::vector<std::size_t> order(n);
        std::iota(order.begin(), order.end(), std::size_t{0});
        shuffle(order, rng);
        std::sort(order.begin(), order.end());
        for (std::size_t i = 0; i < n; ++i) BOOST_REQUIRE(order[i] == i);
    }
    std::array<int, 27> count{};
    for (int i = 0; i < 12000; ++i) {
        std::array<int, 3> order{0, 1, 2};
        shuffle(order, rng);
        ++count[static_cast<std::size_t>(order[0] * 9 + order[1] * 3 + order[2])];
    }
    for (const int c : count) BOOST_TEST((c == 0 || std::abs(c - 2000) < 200));
    BOOST_TEST(std::count(count.begin(), count.end(), 0) == 21);
}
