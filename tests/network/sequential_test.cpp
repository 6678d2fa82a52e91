// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE sequential
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cereal/archives/binary.hpp>
#include <sstream>
#include <string>
#include <vector>

#include <renn/io/save.hpp>
#include <renn/network/fingerprint.hpp>
#include <renn/network/network.hpp>
#include <renn/network/sequential.hpp>

#include "support/gradient_check.hpp"
#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using renn::Batch, renn::Column, renn::Concatenate, renn::DataError, renn::Dense, renn::Dropout, renn::Flatten,
    renn::Index, renn::MismatchError, renn::Network, renn::ReLU, renn::Residual, renn::Sequential, renn::ShapeError,
    renn::Sigmoid, renn::Softmax, renn::Tanh, renn::test::message_of, renn::test::random_batch, renn::test::same_bits;

namespace {

using Scalars = boost::mpl::list<float, double>;

/// Every way to nest, and a layer whose sizes stand in its type.
template <class S>
auto make(std::uint64_t seed = 1) {
    Network net(Dense<S, 5, 6>(seed), Tanh<S>(), Flatten<S>(),
                Residual(Network(Dense<S>(6, 4, seed + 1), Sigmoid<S>(), Dense<S>(4, 6, seed + 2))),
                Network(Dense<S>(6, 6, seed + 3), ReLU<S>()),
                Concatenate(Network(Dense<S>(6, 3, seed + 4), Tanh<S>()), Network(Dense<S>(6, 2, seed + 5))),
                Dense<S>(5, 4, seed + 6), Sigmoid<S>());
    net.rename(0, "first");
    return net;
}

/// A network's forward, in both modes, backward and tangents, all in one list.
template <class Net>
std::vector<Batch<typename Net::Scalar>> all_of(const Net& net, Index samples) {
    using S = typename Net::Scalar;
    const Batch<S> x = random_batch<S>(5, samples, 3), dx = random_batch<S>(5, samples, 4),
                   above = random_batch<S>(4, samples, 5), above_tangent = random_batch<S>(4, samples, 6);
    std::vector<Batch<S>> all;
    renn::Workspace<Net> ws;
    const auto keep_blocks = [&](const auto& parameters) {
        renn::for_each_block([&](const auto& block) { all.push_back(block); }, parameters);
    };
    for (const bool training : {true, false}) {
        const renn::Pass pass{.training = training, .seed = 7, .step = 2};
        all.push_back(net.forward(x, ws, pass));
        auto g = net.parameters();
        Batch<S> below;
        net.backward(net.parameters(), x, ws.output, ws.cache, above, below, g);
        all.push_back(below);
        keep_blocks(g);
    }
    auto dw = net.parameters();
    auto g = net.parameters();
    Batch<S> dy, dx_tangent;
    net.tangent(net.parameters(), dw, x, dx, ws.output, ws.cache, dy);
    net.backward_tangent(net.parameters(), dw, x, dx, ws.output, ws.cache, above, above_tangent, dx_tangent, g);
    all.push_back(dy);
    all.push_back(dx_tangent);
    keep_blocks(g);
    return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(a_sequential_has_the_bits_of_the_network_of_the_same_layers, S, Scalars) {
    const auto net = make<S>();
    const Sequential<S> same(net);
    BOOST_TEST(same.names() == net.names(), boost::test_tools::per_element());
    BOOST_TEST(same.kinds() == net.kinds());
    BOOST_TEST(same.describe() == net.describe());
    BOOST_TEST(renn::fingerprint(same) == renn::fingerprint(net));
    BOOST_TEST(renn::parameter_count(same.parameters()) == renn::parameter_count(net.parameters()));
    for (const Index samples : {0, 1, 7}) {
        const auto wanted = all_of(net, samples), got = all_of(same, samples);
        BOOST_REQUIRE(got.size() == wanted.size());
        for (std::size_t i = 0; i < got.size(); ++i) BOOST_TEST(same_bits(got[i], wanted[i]), "part " << i);
    }
    std::vector<std::string> paths, paths_of_same;
    renn::for_each_layer(net, [&](std::string_view path, const auto&, const auto&) { paths.emplace_back(path); });
    renn::for_each_layer(same,
                         [&](std::string_view path, const auto&, const auto&) { paths_of_same.emplace_back(path); });
    BOOST_TEST(paths == paths_of_same, boost::test_tools::per_element());
    BOOST_TEST(paths[3] == "residual1/dense1");
    BOOST_TEST(paths[9] == "concatenate1/branch1/tanh1");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(nested_networks_have_the_gradients_and_tangents_of_differences, S, Scalars) {
    const Sequential<S> net(make<S>());
    Batch<S> x = random_batch<S>(5, 3, 3);
    const Batch<S> above = random_batch<S>(4, 3, 5), dx = random_batch<S>(5, 3, 4);
    renn::Workspace<Sequential<S>> ws;
    const auto loss = [&] { return (net.forward(x, ws).array() * above.array()).template cast<double>().sum(); };
    loss();
    auto g = net.parameters();
    Batch<S> below, dy, below_tangent;
    net.backward(net.parameters(), x, ws.output, ws.cache, above, below, g);
    BOOST_TEST(renn::test::gradient_error(loss, x, below) < renn::test::gradient_tolerance<S>);

    // Along dx, and along the parameters themselves.
    loss();
    net.tangent(net.parameters(), net.parameters(), x, dx, ws.output, ws.cache, dy);
    net.backward_tangent(net.parameters(), net.parameters(), x, dx, ws.output, ws.cache, above, Batch<S>::Zero(4, 3),
                         below_tangent, g);
    const double step = std::is_same_v<S, float> ? 5e-3 : 1e-5;
    const auto moved = [&](double h) {
        Sequential<S> other = net;
        renn::for_each_block([&](auto& block) { block *= static_cast<S>(1.0 + h); }, other.parameters());
        const Batch<S> at = x + static_cast<S>(h) * dx;
        auto out = std::make_pair(Batch<S>(other.forward(at, ws)), Batch<S>());
        renn::NotWanted none;
        other.backward(other.parameters(), at, ws.output, ws.cache, above, out.second, none);
        return out;
    };
    const auto [up, up_below] = moved(step);
    const auto [down, down_below] = moved(-step);
    const S width = static_cast<S>(2 * step);
    BOOST_TEST(((up - down) / width - dy).cwiseAbs().maxCoeff() < (std::is_same_v<S, float> ? 1e-3 : 1e-8));
    BOOST_TEST(((up_below - down_below) / width - below_tangent).cwiseAbs().maxCoeff() <
               (std::is_same_v<S, float> ? 1e-3 : 1e-8));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_file_of_either_loads_into_either, S, Scalars) {
    const auto net = make<S>(4);
    const Sequential<S> same(net);
    std::ostringstream first, second;
    {
        cereal::BinaryOutputArchive a(first), b(second);
        renn::put(a, net);
        renn::put(b, same);
    }
    BOOST_TEST(first.str() == second.str());
    Sequential<S> run_time;
    auto compiled = make<S>(9);
    std::istringstream in(first.str()), again(second.str());
    cereal::BinaryInputArchive a(in), b(again);
    renn::get(a, run_time);
    renn::get(b, compiled);
    BOOST_TEST(renn::fingerprint(run_time) == renn::fingerprint(net));
    BOOST_TEST(renn::fingerprint(compiled) == renn::fingerprint(net));
    BOOST_TEST(run_time.names() == net.names(), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(layers_are_added_one_by_one) {
    Sequential<float> net;
    const Batch<float> x = random_batch<float>(3, 2, 1);
    BOOST_TEST(same_bits(net.predict(x), x));  // no layers hand the input on
    BOOST_TEST(net.in_features() == renn::Dynamic);
    net.add(Dense<float>(3, 4, 1)).add(ReLU<float>()).add(Dense<float>(4, 2, 2)).add(Sequential<float>(Tanh<float>()));
    const std::vector<std::string> expected{"dense1", "relu1", "dense2", "sequential1"};
    BOOST_TEST(net.names() == expected, boost::test_tools::per_element());
    BOOST_TEST(net.in_features() == 3);
    BOOST_TEST(net.out_features() == 2);
    BOOST_TEST(message_of<ShapeError>([&] { net.add(Dense<float>(5, 2)); }) ==
               "Sequential: in_features of dense3: got 5, expected 2, the out_features before it");
    BOOST_TEST(net.size() == 4u);
    const Network same(Dense<float>(3, 4, 1), ReLU<float>(), Dense<float>(4, 2, 2), Tanh<float>());
    BOOST_TEST(same_bits(net.predict(x), same.predict(x)));
    int visited = 0;
    net.visit(2, [&](const auto& layer, const auto&) { visited += layer.name == "Dense"; });
    BOOST_TEST(visited == 1);
    BOOST_TEST(message_of<DataError>([&] { net.visit(4, [](const auto&, const auto&) {}); }) ==
               "Sequential::visit: layer: got 4, expected 0..3");
    const Sequential<float> copy = net;
    net = Sequential<float>();
    BOOST_TEST(same_bits(copy.predict(x), same.predict(x)));
}

BOOST_AUTO_TEST_CASE(kinds_that_cannot_be_are_refused) {
    Sequential<float> net;
    std::string deep = "Dense";
    for (int i = 0; i < 40; ++i) deep = "[" + deep + "]";
    for (const std::string& text : std::vector<std::string>{"", "Dense", "[Dense, Banana]", "[Dense", "[Residual]",
                                                            "[Concatenate[[Dense]]]", "[, Dense]", "[]][", deep}) {
        auto parameters = net.parameters();
        BOOST_CHECK_THROW(net.take_kinds(text, parameters), MismatchError);
    }
}

BOOST_AUTO_TEST_CASE(branches_that_do_not_fit_are_refused) {
    BOOST_TEST(message_of<ShapeError>([] { Residual net(Network(Dense<float>(3, 4))); }) ==
               "Residual: out_features of the network: got 4, expected 3, its in_features");
    BOOST_TEST(message_of<ShapeError>([] {
                   Concatenate net(Network(Dense<float>(3, 4)), Network(Dense<float>(2, 4)));
               }) == "Concatenate: in_features of branch2: got 2, expected 3, those of the other branches");
}
