// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE layers
#include <array>
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <renn/layers/dense.hpp>
#include <renn/layers/dropout.hpp>
#include <renn/layers/standardize.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"
#include "support/run.hpp"

template class renn::Dropout<float>;
template class renn::Standardize<double>;

using renn::Batch;
using renn::Column;
using renn::DataError;
using renn::Dense;
using renn::Dropout;
using renn::Index;
using renn::Pass;
using renn::ShapeError;
using renn::Standardize;
using renn::test::message_of;
using renn::test::random_batch;
using renn::test::run;
using renn::test::same_bits;
using Scalars = boost::mpl::list<float, double>;

namespace {

/// Which values a dropout let through, for a batch of ones.
template <class S>
Batch<S> mask(double rate, Index features, Index samples, const Pass& pass) {
    return run(Dropout<S>(rate), Batch<S>::Ones(features, samples), pass);
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(dense_computes_what_a_hand_computes, S, Scalars) {
    typename Dense<S, 3, 2>::Parameters p{Batch<S>(2, 3), Column<S>(2)};
    p.weights << 1, 2, 3, 4, 5, 6;
    p.bias << S(0.5), S(-1);
    const Dense<S, 3, 2> layer(p);
    Batch<S> x(3, 2), y(2, 2), dy(2, 2), dx(3, 2), slope(2, 3);
    x << 1, 0, -1, 2, 2, 1;
    y << S(5.5), S(7.5), 10, 15;
    dy << 1, 2, -1, 0;
    dx << -3, 2, -3, 4, -3, 6;
    slope << 1, 3, 4, -1, 1, -2;
    for (const bool training : {false, true}) {
        typename Dense<S, 3, 2>::Cache cache;
        typename Dense<S, 3, 2>::Parameters g;
        Batch<S> got_y, got_dx;
        layer.forward(p, x, got_y, cache, Pass{.training = training});
        layer.backward(p, x, got_y, cache, dy, got_dx, g);
        BOOST_TEST((got_y == y));
        BOOST_TEST((got_dx == dx));
        BOOST_TEST((g.weights == slope));
        BOOST_TEST((g.bias == (Column<S>(2) << S(3), S(-1)).finished()));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(dense_refuses_what_does_not_fit_and_says_what, S, Scalars) {
    Dense<S> layer(3, 2, 1);
    typename Dense<S>::Cache cache;
    typename Dense<S>::Parameters g;
    Batch<S> y, dx;
    const Batch<S> x = random_batch<S>(3, 4, 1), wrong = random_batch<S>(4, 7, 1);
    const auto& w = layer.parameters();
    BOOST_TEST(message_of<ShapeError>([&] { layer.forward(w, wrong, y, cache, {}); }) ==
               "Dense::forward: x: got 4 x 7, expected 3 x 7");
    layer.forward(w, x, y, cache, {});
    BOOST_TEST(message_of<ShapeError>([&] { layer.backward(w, x, y, cache, wrong, dx, g); }) ==
               "Dense::backward: dy: got 4 x 7, expected 2 x 4");
    BOOST_TEST(message_of<ShapeError>([&] { layer.backward(w, wrong, y, cache, y, dx, g); }) ==
               "Dense::backward: x: got 4 x 7, expected 3 x 7");
    BOOST_TEST(message_of<ShapeError>([&] { layer.map(w, wrong, y); }) == "Dense::map: x: got 4 x 7, expected 3 x 7");
    BOOST_TEST(message_of<ShapeError>([&] { layer.map_transposed(w, wrong, y); }) ==
               "Dense::map_transposed: x: got 4 x 7, expected 2 x 7");
    const auto message = [&](const typename Dense<S>::Parameters& other) {
        return message_of<ShapeError>([&] { layer.forward(other, x, y, cache, {}); });
    };
    BOOST_TEST(message({Batch<S>(3, 2), Column<S>(2)}).find("weights: got 3 x 2, expected 2 x 3") != std::string::npos);
    BOOST_TEST(message({Batch<S>(2, 3), Column<S>(3)}).find("bias: got 3 x 1, expected 2 x 1") != std::string::npos);
    BOOST_TEST(message_of<ShapeError>([] { Dense<S>(-1, 2); }).find("got 2 x -1") != std::string::npos);
    BOOST_TEST(message_of<ShapeError>([] {
                   Dense<S, 3, 2> refused(typename Dense<S, 3, 2>::Parameters{Batch<S>(3, 2), Column<S>(2)});
               }).find("got 3 x 2, expected 2 x 3") != std::string::npos);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(initial_weights_have_the_variance_of_their_papers, S, Scalars) {
    constexpr Index in = 200, out = 300;
    const auto variance = [](const Batch<S>& w) {
        const double mean = w.template cast<double>().mean();
        BOOST_TEST(std::abs(mean) < 0.001);
        return (w.template cast<double>().array() - mean).square().mean();
    };
    const Dense<S> he(in, out, renn::He{5});
    const Dense<S> glorot(in, out, renn::Glorot{5});
    BOOST_TEST(std::abs(variance(he.parameters().weights) * in / 2.0 - 1.0) < 0.03);
    BOOST_TEST(std::abs(variance(glorot.parameters().weights) * (in + out) / 2.0 - 1.0) < 0.03);
    const double limit = std::sqrt(6.0 / (in + out));
    BOOST_TEST(static_cast<double>(glorot.parameters().weights.cwiseAbs().maxCoeff()) <= limit * (1 + 1e-6));
    BOOST_TEST(static_cast<double>(glorot.parameters().weights.cwiseAbs().maxCoeff()) > limit * 0.999);
    for (const auto& layer : {he, glorot}) BOOST_TEST(layer.parameters().bias.isZero(0));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(initial_weights_follow_from_their_seed_alone, S, Scalars) {
    const Dense<S> one(7, 5, 42), same(7, 5, renn::He{42}), other(7, 5, 43);
    const Dense<S, 7, 5> fixed(42);
    BOOST_TEST(same_bits(one.parameters().weights, same.parameters().weights));
    BOOST_TEST(same_bits(one.parameters().weights, fixed.parameters().weights));
    BOOST_TEST(!same_bits(one.parameters().weights, other.parameters().weights));
    BOOST_TEST(same_bits(Dense<S>(7, 5).parameters().weights, Dense<S>(7, 5, 0).parameters().weights));
    BOOST_TEST(Dense<S>(7, 5, renn::Zeros{}).parameters().weights.isZero(0));

    // By rows: the first weights are the first draws.
    renn::Rng rng(42);
    const double deviation = std::sqrt(2.0 / 7.0);
    for (Index j = 0; j < 7; ++j)
        BOOST_TEST(one.parameters().weights(0, j) == static_cast<S>(deviation * rng.normal()));

    const auto own = [](Batch<S>& w, Index fan_in, Index fan_out) {
        for (Index i = 0; i < fan_out; ++i) {
            for (Index j = 0; j < fan_in; ++j) w(i, j) = static_cast<S>(10 * i + j);
        }
    };
    const Dense<S> by_lambda(7, 5, own);
    const Dense<S, 7, 5> fixed_by_lambda(own);
    BOOST_TEST(by_lambda.parameters().weights(4, 6) == S(46));
    BOOST_TEST(same_bits(fixed_by_lambda.parameters().weights, by_lambda.parameters().weights));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(dropout_draws_belong_to_the_sample_and_not_to_its_batch, S, Scalars) {
    const std::vector<std::uint64_t> ids{5, 900, 17, 3000000000000, 0};
    Pass pass{.training = true, .seed = 1, .ids = ids, .step = 2, .path = 3};
    const Batch<S> all = mask<S>(0.5, 50, 5, pass);
    for (std::size_t j = 0; j < ids.size(); ++j) {
        pass.ids = std::span(ids).subspan(j, 1);
        BOOST_TEST(same_bits(mask<S>(0.5, 50, 1, pass), all.col(static_cast<Index>(j))));
    }
    const std::vector<std::uint64_t> mixed{17, 5};
    pass.ids = mixed;
    const Batch<S> two = mask<S>(0.5, 50, 2, pass);
    BOOST_TEST(same_bits(two.col(0), all.col(2)));
    BOOST_TEST(same_bits(two.col(1), all.col(0)));

    // Without ids, columns are samples 0, 1, 2, ...
    pass.ids = {};
    BOOST_TEST(same_bits(mask<S>(0.5, 50, 1, pass), all.col(4)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(dropout_draws_differ_between_samples_steps_paths_and_seeds, S, Scalars) {
    const Pass pass{.training = true, .seed = 1, .step = 2, .path = 3};
    const Batch<S> first = mask<S>(0.5, 64, 2, pass);
    BOOST_TEST(!same_bits(first.col(0), first.col(1)));
    Pass other = pass;
    other.step = 3;
    BOOST_TEST(!same_bits(mask<S>(0.5, 64, 2, other), first));
    other = pass;
    other.path = 4;
    BOOST_TEST(!same_bits(mask<S>(0.5, 64, 2, other), first));
    other = pass;
    other.seed = 2;
    BOOST_TEST(!same_bits(mask<S>(0.5, 64, 2, other), first));
    BOOST_TEST(same_bits(mask<S>(0.5, 64, 2, pass), first));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(dropout_keeps_the_expectation_and_the_rate, S, Scalars) {
    const Pass pass{.training = true, .seed = 6};
    for (const double rate : {0.0, 0.1, 0.5, 0.9}) {
        const Batch<S> m = mask<S>(rate, 200, 500, pass);
        const double zeros = (m.array() == S(0)).template cast<double>().mean();
        BOOST_TEST(std::abs(zeros - rate) < 0.005);
        BOOST_TEST(std::abs(m.template cast<double>().mean() - 1.0) < 0.03);
        const S keep = S(1) / S(1.0 - rate);
        BOOST_TEST((m.array() == S(0) || m.array() == keep).all());
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(dropout_outside_training_is_the_identity, S, Scalars) {
    const auto x = random_batch<S>(6, 5, 1);
    BOOST_TEST(same_bits(run(Dropout<S>(0.9), x), x));
    BOOST_TEST(same_bits(run(Dropout<S>(0.0), x, Pass{.training = true}), x));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(dropout_refuses_impossible_rates_and_ids, S, Scalars) {
    for (const double rate : {1.0, -0.1, 2.0, std::numeric_limits<double>::quiet_NaN()}) {
        BOOST_TEST(message_of<DataError>([rate] { Dropout<S> refused(rate); }) ==
                   "Dropout: rate: got " + std::to_string(rate) + ", expected 0 or more, below 1");
    }
    const std::array<std::uint64_t, 2> ids{1, 2};
    BOOST_TEST(message_of<ShapeError>([&] { mask<S>(0.5, 4, 3, Pass{.training = true, .ids = ids}); }) ==
               "Dropout::forward: ids of the pass: got 2, expected 3, one a column");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(standardize_takes_the_mean_and_deviation_of_its_data, S, Scalars) {
    const Batch<S> x = (random_batch<S>(4, 500, 1) * S(3)).colwise() + (Column<S>(4) << 1, -2, 30, 0).finished();
    const auto layer = Standardize<S>::of(x);
    const Batch<S> y = run(layer, x);
    for (Index i = 0; i < 4; ++i) {
        const auto row = y.row(i).template cast<double>();
        BOOST_TEST(std::abs(row.mean()) < 1e-4);
        BOOST_TEST(std::abs(row.array().square().mean() - 1.0) < 1e-4);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_constant_feature_is_only_shifted, S, Scalars) {
    // Three times 0.1 has a mean that is not 0.1 in double; 1e-30 has a deviation that is nothing in float.
    for (const S value : {S(0), S(0.1), S(-7), S(1e30)}) {
        const auto layer = Standardize<S>::of(Batch<S>::Constant(1, 3, value));
        BOOST_TEST(layer.scale()[0] == S(1));
        BOOST_TEST(std::abs(layer.mean()[0] - value) <= std::abs(value) * std::numeric_limits<S>::epsilon());
    }
    Batch<S> tiny(1, 2);
    tiny << S(0), std::numeric_limits<S>::denorm_min();
    BOOST_TEST(std::isfinite(run(Standardize<S>::of(tiny), tiny)(0, 1)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(standardize_refuses_what_it_cannot_divide_by, S, Scalars) {
    BOOST_TEST(message_of<DataError>([] { Standardize<S> refused(S(1), S(0)); }) ==
               "Standardize: feature 0: got mean 1.000000, scale 0.000000, expected finite values and a scale that is "
               "not 0");
    BOOST_TEST(message_of<ShapeError>([] { Standardize<S> refused(Column<S>::Ones(3), Column<S>::Ones(2)); }) ==
               "Standardize: scale: got 2 x 1, expected 3 x 1");
    BOOST_TEST(message_of<DataError>([] { Standardize<S>::of(Batch<S>(3, 0)); }) ==
               "Standardize::of: samples: got 0, expected 1 or more");
    BOOST_TEST(message_of<DataError>([] {
                   Batch<S> x = Batch<S>::Zero(2, 3);
                   x(1, 2) = std::numeric_limits<S>::quiet_NaN();
                   Standardize<S>::of(x);
               }) ==
               "Standardize::of: feature 1: got NaN or infinite, or too large to be squared, expected "
               "finite values");
    const Standardize<S> three(Column<S>::Zero(3), Column<S>::Ones(3));
    BOOST_TEST(message_of<ShapeError>([&] { run(three, Batch<S>::Zero(4, 2)); }) ==
               "Standardize::forward: x: got 4 x 2, expected 3 x 2");
}
