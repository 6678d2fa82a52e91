// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE finite
#include <array>
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <limits>

#include <renn/core/finite.hpp>

#include "support/message_of.hpp"

using renn::Batch;
using renn::DataError;
using renn::Index;
using renn::test::message_of;
using Scalars = boost::mpl::list<float, double>;

BOOST_AUTO_TEST_CASE_TEMPLATE(a_single_bad_value_is_found_wherever_it_stands, S, Scalars) {
    constexpr S infinity = std::numeric_limits<S>::infinity();
    for (const S bad : {infinity, -infinity, std::numeric_limits<S>::quiet_NaN()}) {
        for (Index rows = 1; rows <= 9; ++rows) {
            for (Index cols = 1; cols <= 5; ++cols) {
                Batch<S> m = Batch<S>::Constant(rows, cols, std::numeric_limits<S>::max());
                BOOST_REQUIRE(renn::detail::all_finite(m));
                for (Index i = 0; i < m.size(); ++i) {
                    const S kept = std::exchange(m.data()[i], bad);
                    BOOST_REQUIRE(!renn::detail::all_finite(m));
                    m.data()[i] = kept;
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(two_infinities_of_both_signs_do_not_cancel, S, Scalars) {
    Batch<S> m = Batch<S>::Zero(2, 4);
    m(0, 0) = std::numeric_limits<S>::infinity();
    m(1, 3) = -m(0, 0);
    BOOST_TEST(!renn::detail::all_finite(m));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_empty_matrix_and_the_extremes_of_the_scalar_are_finite, S, Scalars) {
    BOOST_TEST(renn::detail::all_finite(Batch<S>(0, 3)));
    BOOST_TEST(renn::detail::all_finite(Batch<S>(3, 0)));
    Batch<S> m(1, 4);
    m << std::numeric_limits<S>::lowest(), std::numeric_limits<S>::max(), std::numeric_limits<S>::denorm_min(), S(-0.0);
    BOOST_TEST(renn::detail::all_finite(m));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_message_names_place_unit_and_sample, S, Scalars) {
    Batch<S> m = Batch<S>::Ones(3, 4);
    const std::array<std::uint64_t, 4> ids{10, 20, 30, 40};
    renn::detail::require_finite<S>("here", "dense1", m, ids);
    m(1, 2) = std::numeric_limits<S>::infinity();
    BOOST_TEST(message_of<DataError>([&] { renn::detail::require_finite<S>("here", "dense1", m, ids); }) ==
               "here: dense1, unit 1, sample 30: got inf, expected a finite value");
    BOOST_TEST(message_of<DataError>([&] { renn::detail::require_finite<S>("here", "dense1", m); }) ==
               "here: dense1, unit 1, column 2: got inf, expected a finite value");
    BOOST_TEST(message_of<DataError>([&] { renn::detail::require_finite<S>("here", "x", m.bottomRows(2)); }) ==
               "here: x, unit 0, column 2: got inf, expected a finite value");
}
