// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE generated
#include <array>
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>

#include <renn/data/gaussian_tasks.hpp>
#include <renn/data/hsv_rgb.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using renn::DataError;
using renn::Index;
using renn::test::message_of;
using renn::test::same_bits;
using Scalars = boost::mpl::list<float, double>;

namespace {

template <class S>
double difference(const std::array<S, 3>& a, const std::array<S, 3>& b) {
    double most = 0.0;
    for (std::size_t i = 0; i < 3; ++i) most = std::max(most, std::abs(double(a[i]) - double(b[i])));
    return most;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(known_colours, S, Scalars) {
    using Colour = std::array<S, 3>;
    const S t = S(1) / S(3), e = 4 * std::numeric_limits<S>::epsilon();
    const std::array<std::array<Colour, 2>, 9> pairs{{{{{0, 0, 0}, {0, 0, 0}}},  // hsv, rgb
                                                      {{{0, 0, 1}, {1, 1, 1}}},
                                                      {{{0, 1, 1}, {1, 0, 0}}},
                                                      {{{t / 2, 1, 1}, {1, 1, 0}}},
                                                      {{{t, 1, 1}, {0, 1, 0}}},
                                                      {{{S(0.5), 1, 1}, {0, 1, 1}}},
                                                      {{{2 * t, 1, 1}, {0, 0, 1}}},
                                                      {{{5 * t / 2, 1, 1}, {1, 0, 1}}},
                                                      {{{t, S(0.5), S(0.5)}, {S(0.25), S(0.5), S(0.25)}}}}};
    for (const auto& [hsv, rgb] : pairs) {
        BOOST_TEST(difference(renn::hsv_to_rgb(hsv), rgb) <= e);
        BOOST_TEST(difference(renn::rgb_to_hsv(rgb), hsv) <= e);
    }
    BOOST_TEST(difference(renn::hsv_to_rgb(Colour{S(1.25), 1, 1}), renn::hsv_to_rgb(Colour{S(0.25), 1, 1})) == 0.0);
    BOOST_TEST(difference(renn::hsv_to_rgb(Colour{S(-0.25), 1, 1}), renn::hsv_to_rgb(Colour{S(0.75), 1, 1})) == 0.0);
    BOOST_TEST(difference(renn::hsv_to_rgb(Colour{-std::numeric_limits<S>::denorm_min(), 1, 1}), {1, 0, 0}) == 0.0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_grid_has_this_order_and_its_colours_come_back, S, Scalars) {
    const auto d = renn::hsv_rgb_grid<S>(1000);
    BOOST_TEST(d.samples() == 1000);
    for (Index b = 0; b < 10; ++b) {
        for (Index r = 0; r < 10; ++r) {
            for (Index g = 0; g < 10; ++g) {
                const Index at = (b * 10 + r) * 10 + g;
                BOOST_REQUIRE((d.targets().col(at) == Eigen::Matrix<S, 3, 1>(S(r) / 9, S(g) / 9, S(b) / 9)));
                const auto x = d.input(at);
                BOOST_REQUIRE((x.minCoeff() >= S(0) && x.maxCoeff() <= S(1) && x[0] < S(1)));
                const auto rgb = renn::hsv_to_rgb(std::array<S, 3>{x[0], x[1], x[2]});
                const std::array<S, 3> wanted{d.targets()(0, at), d.targets()(1, at), d.targets()(2, at)};
                BOOST_REQUIRE(difference(rgb, wanted) < 8 * std::numeric_limits<S>::epsilon());
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(grid_sizes) {
    BOOST_TEST(renn::hsv_rgb_grid(50000).samples() == 50653);
    BOOST_TEST(renn::hsv_rgb_grid(4).samples() == 8);
    BOOST_TEST(message_of<DataError>([] { renn::hsv_rgb_grid(3); }) == "hsv_rgb_grid: n: got 3, expected 4..16777216");
    BOOST_TEST(message_of<DataError>([] { renn::hsv_rgb_grid(Index{1} << 60); }).starts_with("hsv_rgb_grid: n: got"));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(random_colours_are_uniform_and_belong_to_their_seed, S, Scalars) {
    const auto d = renn::hsv_rgb_random<S>(20000, 5);
    const auto x = d.inputs();
    BOOST_TEST((x.minCoeff() >= S(0) && x.maxCoeff() < S(1)));
    for (Index f = 0; f < 3; ++f) {
        const auto row = x.row(f).template cast<double>().array();
        BOOST_TEST(std::abs(row.mean() - 0.5) < 0.008);
        BOOST_TEST(std::abs(row.square().mean() - 1.0 / 3.0) < 0.009);
    }
    BOOST_TEST(same_bits(renn::hsv_rgb_random<S>(10, 5).inputs(), x.leftCols(10)));
    BOOST_TEST(!same_bits(renn::hsv_rgb_random<S>(10, 6).inputs(), x.leftCols(10)));
    BOOST_TEST((d.targets().minCoeff() >= S(0) && d.targets().maxCoeff() <= S(1)));
    BOOST_TEST(renn::hsv_rgb_random<S>(0, 1).empty());
    BOOST_TEST(message_of<DataError>([] { renn::hsv_rgb_random<S>(-1, 1); }) ==
               "hsv_rgb_random: n: got -1, expected 0 or more");
    const auto wide = renn::hsv_rgb_random<double>(100, 5).inputs();  // the same draws, to the bits that S holds
    BOOST_TEST((wide.cast<S>() - x.leftCols(100)).cwiseAbs().maxCoeff() <= S(0x1.0p-24));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(gaussian_tasks_have_their_moments, S, Scalars) {
    for (const char name : {'a', 'b', 'c', 'd'}) {
        const auto task = renn::gaussian_task(name);
        const auto d = renn::gaussian_samples<S>(task, 20000, 3);
        const renn::Batch<double> x = d.inputs().template cast<double>();
        BOOST_TEST(d.classes() == 2);
        for (const int label : {0, 1}) {
            const renn::PlaneGaussian g = label == 1 ? task.signal : task.background;
            Eigen::Vector2d sum = Eigen::Vector2d::Zero();
            Eigen::Matrix2d squares = Eigen::Matrix2d::Zero();
            const Eigen::Vector2d mean = Eigen::Vector2d::Constant(g.mean);
            for (Index i = 0; i < d.samples(); ++i) {
                if (d.label(i) != label) continue;
                sum += x.col(i);
                squares += (x.col(i) - mean) * (x.col(i) - mean).transpose();
            }
            sum /= 20000.0;
            squares /= 20000.0;
            const double e = 4.0 * g.variance / std::sqrt(20000.0);
            BOOST_TEST((sum - mean).cwiseAbs().maxCoeff() < e);
            BOOST_TEST(std::abs(squares(0, 0) - g.variance) < 1.5 * e);
            BOOST_TEST(std::abs(squares(1, 1) - g.variance) < 1.5 * e);
            BOOST_TEST(std::abs(squares(0, 1) - g.covariance) < 1.5 * e);
        }
        BOOST_TEST(same_bits(renn::gaussian_samples<S>(task, 5, 3).inputs(), d.first(10).inputs()));
    }
}

BOOST_AUTO_TEST_CASE(the_exact_likelihood_ratio_has_the_accuracy_known_for_each_task) {
    const std::array<double, 4> best{0.762, 0.666, 0.797, 0.790};
    for (std::size_t t = 0; t < 4; ++t) {
        const auto task = renn::gaussian_task(static_cast<char>('a' + t));
        const auto d = renn::gaussian_samples<double>(task, 50000, 8);
        const auto x = d.inputs();
        Index right = 0;
        for (Index i = 0; i < d.samples(); ++i) {
            right += (task.log_likelihood_ratio(x(0, i), x(1, i)) > 0.0) == (d.label(i) == 1);
        }
        BOOST_TEST(std::abs(double(right) / double(d.samples()) - best[t]) < 0.005);
    }
    // Logits of the source, in closed form.
    BOOST_TEST(std::abs(renn::gaussian_task('a').log_likelihood_ratio(0.3, 0.4) - 0.7) < 1e-12);
    BOOST_TEST(std::abs(renn::gaussian_task('b').log_likelihood_ratio(0.3, 0.5) - 4.0 / 3.0 * 0.15) < 1e-12);
    BOOST_TEST(std::abs(renn::gaussian_task('d').log_likelihood_ratio(1, 2) -
                        renn::gaussian_task('d').log_likelihood_ratio(0, 0) + 5.0 / 6.0 * 5.0) < 1e-12);
}

BOOST_AUTO_TEST_CASE(impossible_gaussians) {
    BOOST_TEST(message_of<DataError>([] { renn::gaussian_task('e'); }) ==
               "gaussian_task: name: got e, expected a, b, c or d");
    BOOST_TEST(message_of<DataError>([] { renn::gaussian_samples(renn::gaussian_task('a'), -1, 1); }) ==
               "gaussian_samples: per_class: got -1, expected 0 or more");
    BOOST_TEST(renn::gaussian_samples(renn::gaussian_task('a'), 0, 1).empty());
    const renn::GaussianTask flat{{.variance = 1.0, .covariance = -1.0}, {}};
    BOOST_TEST(message_of<DataError>([&] {
                   renn::gaussian_samples(flat, 1, 1);
               }).starts_with("gaussian_samples: variance: got 1.0"));
}
