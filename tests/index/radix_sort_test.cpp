// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE radix_sort
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include <renn/core/rng.hpp>
#include <renn/index/radix_sort.hpp>

using Scalars = boost::mpl::list<float, double>;
using Positions = std::vector<std::uint32_t>;
using renn::Rng;

namespace {

/// What a column of one kind looks like: the kinds differ in how many digits of the key take part.
template <class S>
std::vector<std::vector<S>> columns(std::size_t n, Rng& rng) {
    using Limits = std::numeric_limits<S>;
    const std::vector<S> special{S(0),
                                 S(-0.0),
                                 Limits::denorm_min(),
                                 -Limits::denorm_min(),
                                 Limits::min(),
                                 -Limits::min(),
                                 Limits::max(),
                                 Limits::lowest(),
                                 S(1),
                                 -S(1),
                                 std::nextafter(S(1), S(2)),
                                 S(1e-30)};
    std::vector<std::vector<S>> all(7, std::vector<S>(n));
    for (std::size_t i = 0; i < n; ++i) {
        all[0][i] = static_cast<S>(rng.normal());
        all[1][i] = static_cast<S>(rng.uniform(-1.0, 1.0) * std::pow(10.0, rng.uniform(-37.0, 37.0)));
        all[2][i] = static_cast<S>(std::max(rng.normal(), 0.0));         // an inactive half
        all[3][i] = static_cast<S>(static_cast<int>(rng.below(5)) - 2);  // few values, many ties
        all[4][i] = S(-3.25);
        all[5][i] = special[rng.below(special.size())];
        all[6][i] = rng.below(2) == 0 ? S(0) : S(-0.0);
    }
    return all;
}

template <class S>
bool equal_positions_and_values(const std::vector<S>& values, const Positions& by_id) {
    Positions expected = by_id;
    if (expected.empty()) {
        expected.resize(values.size());
        std::iota(expected.begin(), expected.end(), 0U);
    }
    std::stable_sort(expected.begin(), expected.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return values[a] < values[b]; });
    std::vector<S> sorted(values.size());
    Positions order(values.size());
    static renn::detail::RadixScratch<S> scratch;  // used again and again, for longer and shorter columns
    renn::detail::radix_sort<S>(values, by_id, sorted.data(), order.data(), scratch);
    bool same = order == expected;
    for (std::size_t i = 0; i < values.size(); ++i) same = same && sorted[i] == values[expected[i]];
    return same;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(columns_come_out_as_from_a_stable_sort, S, Scalars) {
    Rng rng(1);
    for (const std::size_t n : {0u, 1u, 2u, 511u, 512u, 513u, 5000u, 3u}) {
        for (const std::vector<S>& values : columns<S>(n, rng)) BOOST_TEST(equal_positions_and_values(values, {}), n);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(equal_values_keep_the_order_that_is_asked_for, S, Scalars) {
    Rng rng(2);
    for (const std::size_t n : {1u, 7u, 511u, 512u, 5000u}) {
        Positions by_id(n);
        std::iota(by_id.begin(), by_id.end(), 0U);
        renn::shuffle(by_id, rng);
        for (const std::vector<S>& values : columns<S>(n, rng)) {
            BOOST_TEST(equal_positions_and_values(values, by_id), n);
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(keys_have_the_order_of_the_values_and_give_them_back, S, Scalars) {
    Rng rng(3);
    for (const std::vector<S>& values : columns<S>(300, rng)) {
        bool ordered = true, back = true;
        for (const S a : values) {
            back = back && renn::detail::from_key<S>(renn::detail::to_key(a)) == a;
            for (const S b : values) {
                ordered = ordered && (renn::detail::to_key(a) < renn::detail::to_key(b)) == (a < b);
            }
        }
        BOOST_TEST(ordered);
        BOOST_TEST(back);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(nan_and_infinities_go_to_the_two_ends, S, Scalars) {
    using Limits = std::numeric_limits<S>;
    const auto key = [](S v) { return renn::detail::to_key(v); };
    BOOST_TEST(key(Limits::infinity()) > key(Limits::max()));
    BOOST_TEST(key(-Limits::infinity()) < key(Limits::lowest()));
    BOOST_TEST(key(std::copysign(Limits::quiet_NaN(), S(1))) > key(Limits::infinity()));
    BOOST_TEST(key(std::copysign(Limits::quiet_NaN(), S(-1))) < key(-Limits::infinity()));
}
