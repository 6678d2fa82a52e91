// SPDX-License-Identifier: MIT
// labels: golden
#define BOOST_TEST_MODULE normalisation
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include <renn/layers/batch_norm.hpp>
#include <renn/layers/layer_norm.hpp>

#include "support/golden.hpp"
#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using renn::Batch;
using renn::BatchNorm;
using renn::BatchNorm1d;
using renn::BatchNorm2d;
using renn::Column;
using renn::DataError;
using renn::Index;
using renn::LayerNorm;
using renn::Shape;
using renn::ShapeError;
using renn::test::message_of;
using renn::test::random_batch;
using renn::test::same_bits;
using Scalars = boost::mpl::list<float, double>;

namespace {

constexpr renn::Pass training{.training = true};

template <class L>
struct Run {
    typename L::Cache cache;
    Batch<typename L::Scalar> y;
    Run(const L& layer, const Batch<typename L::Scalar>& x, const renn::Pass& pass) {
        layer.forward(layer.parameters(), x, y, cache, pass);
    }
};

template <class S>
constexpr double tolerance = 100.0 * std::numeric_limits<S>::epsilon();

/// Mean and variance of the values of a channel, in double.
template <class S>
std::pair<double, double> statistics(const Batch<S>& x, const Shape& shape, Index channel, bool unbiased) {
    const auto values = x.middleRows(channel * shape.positions(), shape.positions()).template cast<double>().eval();
    const double mean = values.mean();
    const double squares = (values.array() - mean).square().sum();
    return {mean, squares / static_cast<double>(values.size() - (unbiased ? 1 : 0))};
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(batch_norm_in_training_uses_the_batch_and_teaches_the_running_statistics, S, Scalars) {
    for (const Shape shape : {Shape{5, 1, 1}, Shape{3, 2, 4}}) {
        BatchNorm<S> layer(shape, {.epsilon = 1e-3, .momentum = 0.25});
        layer.parameters().weights = random_batch<S>(shape.channels, 1, 1);
        layer.parameters().bias = random_batch<S>(shape.channels, 1, 2);
        const Batch<S> x = random_batch<S>(shape.size(), 6, 3).array() * S(2) + S(1);
        const Run<BatchNorm<S>> run(layer, x, training);
        BatchNorm<S> taught = layer;
        taught.absorb(run.cache);
        for (Index c = 0; c < shape.channels; ++c) {
            const auto [mean, variance] = statistics(x, shape, c, false);
            const double scale = layer.parameters().weights[c] / std::sqrt(variance + 1e-3);
            for (Index i = c * shape.positions(); i < (c + 1) * shape.positions(); ++i) {
                for (Index j = 0; j < 6; ++j) {
                    const double expected = (x(i, j) - mean) * scale + layer.parameters().bias[c];
                    BOOST_TEST(std::abs(run.y(i, j) - expected) < tolerance<S>);
                }
            }
            BOOST_TEST(std::abs(taught.running_mean()[c] - 0.25 * mean) < tolerance<S>);
            const double unbiased = statistics(x, shape, c, true).second;
            BOOST_TEST(std::abs(taught.running_variance()[c] - (0.75 + 0.25 * unbiased)) < tolerance<S>);
        }
        BOOST_TEST(layer.running_mean().isZero(S(0)));

        // Other passes teach nothing.
        const BatchNorm<S> before = taught;
        taught.absorb(Run<BatchNorm<S>>(layer, x, {}).cache);
        taught.absorb(Run<BatchNorm<S>>(layer, Batch<S>(shape.size(), 0), training).cache);
        BOOST_TEST(same_bits(taught.running_mean(), before.running_mean()));
        BOOST_TEST(same_bits(taught.running_variance(), before.running_variance()));
    }
}

BOOST_AUTO_TEST_CASE(batch_norm_agrees_with_pytorch) {
    const renn::test::Golden golden("attribution/cnn_bn");
    BatchNorm2d<double> layer({8, 7, 7});
    layer.parameters() = {golden.matrix<double>("bn2_weight"), golden.matrix<double>("bn2_bias")};
    layer.set_running(golden.matrix<double>("bn2_running_mean"), golden.matrix<double>("bn2_running_var"));
    BOOST_TEST(golden.check("act_bn2", Run<BatchNorm<double>>(layer, golden.batch<double>("act_conv2"), {}).y));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(batch_norm_refuses_what_has_no_variance_or_makes_no_sense, S, Scalars) {
    const BatchNorm1d<S> layer(4);
    const std::string one = "BatchNorm::forward: values of a channel in training: got 1, expected 2 or more";
    BOOST_TEST(message_of<DataError>([&] { Run<BatchNorm<S>>(layer, Batch<S>::Ones(4, 1), training); }) == one);
    Run<BatchNorm<S>>(layer, Batch<S>::Ones(4, 1), {});                                       // one sample
    Run<BatchNorm<S>>(BatchNorm2d<S>(Shape{2, 1, 2}), Batch<S>::Ones(4, 1), training);        // two positions
    const Batch<S> y = Run<BatchNorm<S>>(layer, Batch<S>::Constant(4, 3, S(7)), training).y;  // no variance at all
    BOOST_TEST(y.isZero(S(0)));
    const Batch<S> lost = Run<BatchNorm<S>>(layer, Batch<S>::Constant(4, 3, std::numeric_limits<S>::quiet_NaN()), {}).y;
    BOOST_TEST(lost.array().isNaN().all());

    for (const double epsilon : {0.0, -1.0, 1e-320, std::numeric_limits<double>::infinity()}) {
        if (sizeof(S) == 8 && epsilon == 1e-320) continue;
        BOOST_TEST(message_of<DataError>([&] { BatchNorm<S> refused(4, {.epsilon = epsilon}); }) ==
                   "BatchNorm: epsilon: got " + std::to_string(epsilon) + ", expected a finite value above 0");
        BOOST_CHECK_THROW(LayerNorm<S>(4, {.epsilon = epsilon}), DataError);
    }
    for (const double momentum : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()}) {
        BOOST_TEST(message_of<DataError>([&] { BatchNorm<S> refused(4, {.momentum = momentum}); }) ==
                   "BatchNorm: momentum: got " + std::to_string(momentum) + ", expected 0..1");
    }
    for (const Shape shape : {Shape{-1, 1, 1}, Shape{1, 0, 1}, Shape{1, 1, -2}, Shape{1 << 20, 1 << 20, 1 << 20}}) {
        BOOST_TEST(message_of<ShapeError>([&] { BatchNorm<S> refused(shape); }).find(shape.text()) !=
                   std::string::npos);
    }
    BOOST_TEST(message_of<ShapeError>([] { LayerNorm<S> refused(-1); }) ==
               "LayerNorm: features: got -1, expected not negative");

    BatchNorm<S> other(2);
    const auto set = [&other](S mean, S variance) {
        return message_of<DataError>(
            [&] { other.set_running(Column<S>::Constant(2, mean), Column<S>::Constant(2, variance)); });
    };
    BOOST_TEST(set(S(0), S(-1)).find("channel 0: got running mean 0.000000, variance -1.000000") != std::string::npos);
    BOOST_TEST(set(std::numeric_limits<S>::infinity(), S(1)).find("channel 0") != std::string::npos);
    BOOST_CHECK_THROW(other.set_running(Column<S>::Zero(3), Column<S>::Ones(3)), ShapeError);
    BOOST_TEST(other.running_variance().isOnes(S(0)));  // a refused change changes nothing
}

BOOST_AUTO_TEST_CASE_TEMPLATE(layer_norm_normalises_each_sample_by_itself, S, Scalars) {
    for (const Index features : {2, 7, 130}) {
        LayerNorm<S> layer(features, {.epsilon = 1e-3});
        layer.parameters().weights = random_batch<S>(features, 1, 1);
        layer.parameters().bias = random_batch<S>(features, 1, 2);
        const Batch<S> x = random_batch<S>(features, 5, 3).array() * S(2) + S(1);
        const Batch<S> y = Run<LayerNorm<S>>(layer, x, training).y;
        for (Index j = 0; j < 5; ++j) {
            const auto v = x.col(j).template cast<double>().array().eval();
            const double deviation = std::sqrt((v - v.mean()).square().mean() + 1e-3);
            for (Index i = 0; i < features; ++i) {
                const double expected =
                    (v[i] - v.mean()) / deviation * layer.parameters().weights[i] + layer.parameters().bias[i];
                BOOST_TEST(std::abs(y(i, j) - expected) < tolerance<S>);
            }
        }
    }
    // Without a variance only the bias is left, without features nothing.
    LayerNorm<S> one(1);
    one.parameters().bias[0] = S(0.5);
    BOOST_TEST((Run<LayerNorm<S>>(one, random_batch<S>(1, 3, 1), {}).y == Batch<S>::Constant(1, 3, S(0.5))));
    BOOST_TEST((Run<LayerNorm<S>>(LayerNorm<S>(), Batch<S>(0, 3), {}).y.cols() == 3));
}
