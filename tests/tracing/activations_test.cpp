// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE activations
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <renn/activations/leaky_relu.hpp>
#include <renn/activations/relu.hpp>
#include <renn/activations/sigmoid.hpp>
#include <renn/activations/softmax.hpp>
#include <renn/activations/tanh.hpp>
#include <renn/index/sorted.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/dropout.hpp>
#include <renn/network/network.hpp>
#include <renn/retrace/trace.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using renn::Batch;
using renn::DataError;
using renn::Dense;
using renn::Index;
using renn::Kind;
using renn::test::message_of;
using renn::test::random_batch;
using renn::test::same_bits;
using Scalars = boost::mpl::list<float, double>;

namespace {

/// Every kind of activation, one behind a dropout, one pair in a nested network; widths that fill no packet.
template <class S>
auto mixed_network() {
    using namespace renn;
    return Network(Dense<S>(6, 9, 1), ReLU<S>(), Dropout<S>(0.5), Dense<S>(9, 7, 2), LeakyReLU<S>(),
                   Network(Dense<S>(7, 5, 3), Tanh<S>()), Dense<S>(5, 5, 4), Sigmoid<S>(), Dense<S>(5, 3, 5),
                   Dropout<S>(0.2), ReLU<S>(), Dense<S>(3, 3, 6), Softmax<S>());
}

const std::string places =
    "dense1, relu1, dense2, leakyrelu1, network1/dense1, network1/tanh1, dense3, sigmoid1, dense4, relu2, dense5, "
    "softmax1";

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(every_layer_is_found_by_number_and_by_name, S, Scalars) {
    const auto net = mixed_network<S>();
    const Batch<S> x = random_batch<S>(6, 11, 7);
    const auto values = renn::activations(net, x);
    BOOST_TEST(values.names() == places);  // dropout hands on, so it is no place
    BOOST_TEST(values.layers() == 6);
    BOOST_TEST(same_bits(values.output(), net.predict(x)));
    BOOST_TEST(same_bits(values.post(5), values.output()));
    BOOST_TEST(same_bits(values.pre(2), values["network1/dense1"]));
    BOOST_TEST(same_bits(values.post(2), values["network1/tanh1"]));
    BOOST_TEST(same_bits(values.post(4), values["relu2"]));

    const auto& weights = std::get<0>(net.parameters().layers);
    const Batch<S> expected = (weights.weights * x).colwise() + weights.bias;
    BOOST_TEST(values.pre(0).isApprox(expected, S(1e-5)));
    BOOST_TEST(same_bits(values.post(0), Batch<S>(values.pre(0).cwiseMax(S(0)))));
}

BOOST_AUTO_TEST_CASE(a_place_that_does_not_exist_is_an_error_that_lists_those_that_do) {
    const auto values = renn::activations(mixed_network<float>(), random_batch<float>(6, 2, 1));
    BOOST_TEST(message_of<DataError>([&] { (void)values["dense9"]; }) ==
               "Activations: place: got \"dense9\", expected one of " + places);
    BOOST_TEST(message_of<DataError>([&] { (void)values.pre(6); }) ==
               "Activations: pre-activation of layer 6: got none, expected a layer below 6 that has one");
    const auto linear = renn::activations(renn::Network(Dense<float>(6, 2, 1)), random_batch<float>(6, 2, 1));
    BOOST_TEST(message_of<DataError>([&] { (void)linear.post(0); }) ==
               "Activations: post-activation of layer 0: got none, expected a layer below 1 that has one");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_sample_has_the_same_bits_alone_and_in_a_batch, S, Scalars) {
    const auto net = mixed_network<S>();
    const Batch<S> x = random_batch<S>(6, 70, 8);
    const auto all = renn::activations(net, x);
    for (const Index j : {0, 1, 33, 69}) {
        const auto one = renn::activations(net, x.col(j));
        for (std::size_t b = 0; b < all.blocks().size(); ++b) {
            BOOST_TEST(same_bits(one.blocks()[b].values, all.blocks()[b].values.col(j)), all.blocks()[b].name);
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_follows_from_stored_values_is_not_stored_and_comes_back_bit_for_bit, S, Scalars) {
    const Batch<S> x = random_batch<S>(6, 45, 9);
    auto traced = renn::trace<renn::Sorted>(mixed_network<S>());
    BOOST_REQUIRE(traced.record(renn::Dataset<S>(x)));
    const auto& store = traced.store();
    const auto values = traced.activations(x);
    std::string stored;
    Index units = 0;
    for (std::uint32_t p = 0; p < store.points.size(); ++p) {
        const renn::Point& point = store.points[p];
        if (point.stored()) {
            stored += " " + point.name;
            units += point.width;
        }
        bool same = true;
        for (std::uint32_t u = 0; u < point.units.size(); ++u) {
            for (std::uint32_t s = 0; s < 45; ++s) {
                const Batch<S> got = Batch<S>::Constant(1, 1, traced.index().value({p, u}, s));
                same = same && same_bits(got, values[point.name].block(u, s, 1, 1));
            }
        }
        BOOST_TEST(same, point.name);
    }
    // relu2 stands behind a dropout and softmax mixes units: neither follows value by value.
    BOOST_TEST(stored == " dense1 dense2 network1/dense1 dense3 dense4 relu2 dense5 softmax1");
    BOOST_TEST(store.bytes() == static_cast<std::size_t>(units * 45) * sizeof(S));
    BOOST_TEST(same_bits(store.outputs, values.output()));
}

BOOST_AUTO_TEST_CASE(the_collector_can_be_used_again_and_survives_an_error) {
    const auto net = mixed_network<float>();
    renn::Activations<float> values;
    auto workspace = renn::make_workspace(net);
    Batch<float> bad = random_batch<float>(6, 3, 1);
    bad(4, 1) = std::numeric_limits<float>::quiet_NaN();
    BOOST_TEST(message_of<DataError>([&] { values.collect(net, bad, {}, workspace); }) ==
               "activations: input, unit 4, column 1: got nan, expected a finite value");
    for (const Index samples : {3, 8, 1, 0}) {
        const Batch<float> x = random_batch<float>(6, samples, 2);
        values.collect(net, x, {}, workspace);
        BOOST_TEST(same_bits(values["dense3"], renn::activations(net, x)["dense3"]));
        BOOST_TEST(values.names() == places);
    }
}

BOOST_AUTO_TEST_CASE(values_that_are_not_finite_are_refused_with_layer_unit_and_sample) {
    auto net = mixed_network<float>();
    std::get<3>(net.parameters().layers).bias[2] = std::numeric_limits<float>::infinity();
    const std::vector<std::uint64_t> ids{40, 41};
    renn::Activations<float> values;
    auto workspace = renn::make_workspace(net);
    BOOST_TEST(message_of<DataError>([&] { values.collect(net, random_batch<float>(6, 2, 1), ids, workspace); }) ==
               "activations: dense2, unit 2, sample 40: got inf, expected a finite value");
    BOOST_CHECK_THROW(renn::activations(net, random_batch<float>(5, 2, 1)), renn::ShapeError);
}
