// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE network
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <renn/activations/leaky_relu.hpp>
#include <renn/activations/relu.hpp>
#include <renn/activations/softmax.hpp>
#include <renn/activations/tanh.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/dropout.hpp>
#include <renn/layers/standardize.hpp>
#include <renn/network/fingerprint.hpp>
#include <renn/network/finite_parameters.hpp>
#include <renn/network/network.hpp>

#include "support/gradient_check.hpp"
#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using renn::Batch;
using renn::DataError;
using renn::Dense;
using renn::Dropout;
using renn::Index;
using renn::Network;
using renn::Pass;
using renn::ReLU;
using renn::ShapeError;
using renn::Tanh;
using renn::test::message_of;
using renn::test::random_batch;
using renn::test::same_bits;
using Scalars = boost::mpl::list<float, double>;

namespace {

/// Nested twice, with fixed and run-time sizes and randomness.
template <class S>
auto make_nested(std::uint64_t seed = 1) {
    return Network(renn::Standardize<S>(S(0.1), S(2)), Dense<S, 3, 5>(seed), Dropout<S>(0.3),
                   Network(Tanh<S>(), Network(Dense<S>(5, 4, seed + 1), Dropout<S>(0.2)), Dense<S>(4, 6, seed + 2)),
                   Tanh<S>(), Dense<S, 6, 2>(seed + 3), renn::Softmax<S>());
}

template <class Net>
std::vector<std::string> paths_of(Net& net) {
    std::vector<std::string> paths;
    renn::for_each_layer(net, [&paths](std::string_view path, const auto&, const auto&) { paths.emplace_back(path); });
    return paths;
}

struct Masks {
    std::vector<Batch<float>> seen;
    void visit(const renn::Step<Dropout<float>>& s) { seen.push_back(s.cache.mask); }
    void visit(const auto&) {}
};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(gradients_of_a_nested_network_match_central_differences, S, Scalars) {
    auto net = make_nested<S>();
    using Net = decltype(net);
    Batch<S> x = random_batch<S>(3, 5, 2);
    const Batch<S> dy = random_batch<S>(2, 5, 3);
    const std::vector<std::uint64_t> ids{7, 8, 9, 100, 3};
    for (const bool training : {false, true}) {
        const Pass pass{.training = training, .seed = 4, .ids = ids, .step = 5};
        renn::Workspace<Net> workspace;
        const auto loss = [&] {
            return net.forward(x, workspace, pass)
                .template cast<double>()
                .cwiseProduct(dy.template cast<double>())
                .sum();
        };
        loss();
        Batch<S> dx;
        auto gradient = net.parameters();
        renn::for_each_block([](auto& block) { renn::test::fill_with_nan(block); }, gradient);
        net.reverse_walk(renn::ParameterGradient{}, x, workspace, dy, dx, &gradient);
        BOOST_TEST(renn::test::gradient_error(loss, x, dx) < renn::test::gradient_tolerance<S>);
        BOOST_TEST(renn::test::parameter_gradient_error(loss, net.parameters(), gradient) <
                   renn::test::gradient_tolerance<S>);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_network_is_a_layer, S, Scalars) {
    using Net = decltype(make_nested<S>());
    static_assert(renn::DifferentiableLayer<Net>);
    static_assert(Net::fixed_in == 3 || Net::fixed_in == renn::Dynamic);
    static_assert(Net::fixed_out == 2);
    const Net net = make_nested<S>();
    BOOST_TEST(net.in_features() == 3);
    BOOST_TEST(net.out_features() == 2);
    const auto x = random_batch<S>(3, 4, 1);
    const auto dy = random_batch<S>(2, 4, 2);
    typename Net::Cache cache;
    Batch<S> y, dx, dx_alone;
    typename Net::Parameters g;
    renn::NotWanted none;
    net.forward(net.parameters(), x, y, cache, Pass{});
    net.backward(net.parameters(), x, y, cache, dy, dx, g);
    net.backward(net.parameters(), x, y, cache, dy, dx_alone, none);
    BOOST_TEST(same_bits(y, net.predict(x)));
    BOOST_TEST(same_bits(dx, dx_alone));
    BOOST_TEST(renn::parameter_count(g) == renn::parameter_count(net.parameters()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_sample_has_the_same_bits_in_any_batch, S, Scalars) {
    const auto net = make_nested<S>();
    const auto x = random_batch<S>(3, 67, 1);
    const Batch<S> all = net.predict(x);
    for (const Index width : {1, 3, 5, 32}) {
        for (Index first = 0; first + width <= 67; ++first) {
            BOOST_REQUIRE(same_bits(net.predict(x.middleCols(first, width)), all.middleCols(first, width)));
        }
    }
    const Batch<S> none = net.predict(Batch<S>(3, 0));
    BOOST_TEST(none.rows() == 2);
    BOOST_TEST(none.cols() == 0);
}

BOOST_AUTO_TEST_CASE(layers_are_named_and_visited_in_order_with_paths) {
    auto net = make_nested<float>();
    const std::vector<std::string> expected{"standardize1",
                                            "dense1",
                                            "dropout1",
                                            "network1/tanh1",
                                            "network1/network1/dense1",
                                            "network1/network1/dropout1",
                                            "network1/dense1",
                                            "tanh1",
                                            "dense2",
                                            "softmax1"};
    BOOST_TEST(paths_of(net) == expected, boost::test_tools::per_element());
    BOOST_TEST(paths_of(std::as_const(net)) == expected, boost::test_tools::per_element());

    net.rename(1, "first");
    std::as_const(net).layer<3>();
    net.layer<3>().rename(2, "last of the inner");
    BOOST_TEST(paths_of(net)[1] == "first");
    BOOST_TEST(paths_of(net)[6] == "network1/last of the inner");
}

BOOST_AUTO_TEST_CASE(impossible_names_are_refused_and_change_nothing) {
    Network net(Dense<float>(2, 3), ReLU<float>(), Dense<float>(3, 1));
    BOOST_TEST(message_of<DataError>([&] { net.rename(3, "x"); }) == "rename: layer: got 3, expected 0..2");
    BOOST_TEST(message_of<DataError>([&] { net.rename(0, ""); }) ==
               "rename: name: got \"\", expected a name without '/'");
    BOOST_TEST(message_of<DataError>([&] { net.rename(0, "a/b"); }) ==
               "rename: name: got \"a/b\", expected a name without '/'");
    BOOST_TEST(message_of<DataError>([&] { net.rename(0, "dense2"); }).find("\"dense2\"") != std::string::npos);
    BOOST_TEST(net.names()[0] == "dense1");
    net.rename(0, "dense1");  // its own name is no clash
}

BOOST_AUTO_TEST_CASE(run_time_sizes_that_do_not_fit_name_the_layer) {
    BOOST_TEST(message_of<ShapeError>([] { Network net(Dense<float>(4, 3), ReLU<float>(), Dense<float>(5, 2)); }) ==
               "Network: in_features of layer 2 (dense2): got 5, expected 3, the out_features before it");
    BOOST_TEST(message_of<ShapeError>([] { Network net(Dense<float, 4, 3>(), Dense<float>(5, 2)); }) ==
               "Network: in_features of layer 1 (dense2): got 5, expected 3, the out_features before it");
    BOOST_TEST(message_of<ShapeError>([] {
                   Network net(Dense<float>(4, 3), Network(ReLU<float>(), Dense<float>(5, 2)));
               }) == "Network: in_features of layer 1 (network1): got 5, expected 3, the out_features before it");
    BOOST_TEST(message_of<ShapeError>([] {
                   Network net(Network(Dense<float>(4, 3), ReLU<float>()), Dense<float>(4, 2));
               }) == "Network: in_features of layer 1 (dense1): got 4, expected 3, the out_features before it");
    // A nested network may change the width, or have none of its own.
    BOOST_TEST(message_of<ShapeError>([] {
                   Network net(Dense<float>(4, 3), Network(Dense<float>(3, 5), ReLU<float>()), Dense<float>(5, 2));
                   Network other(Dense<float>(4, 3), Network(ReLU<float>(), Tanh<float>()), Dense<float>(3, 2));
               }) == "no error");
    const Network net(Dense<float>(4, 3), ReLU<float>());
    BOOST_TEST(message_of<ShapeError>([&] { net.predict(Batch<float>::Zero(5, 2)); }) ==
               "Dense::forward: x: got 5 x 2, expected 4 x 2");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(other_parameters_may_stand_in_for_the_networks_own, S, Scalars) {
    const auto one = make_nested<S>(1);
    const auto two = make_nested<S>(50);
    using Net = decltype(make_nested<S>());
    const auto x = random_batch<S>(3, 4, 1);
    typename Net::Cache cache;
    Batch<S> y;
    one.forward(two.parameters(), x, y, cache, Pass{});
    BOOST_TEST(same_bits(y, two.predict(x)));
    BOOST_TEST(!same_bits(y, one.predict(x)));
    auto net = one;
    net.parameters() = two.parameters();
    BOOST_TEST(same_bits(net.predict(x), y));
    BOOST_TEST(!same_bits(one.predict(x), y));  // a copy shares nothing with its origin
}

BOOST_AUTO_TEST_CASE(the_flat_order_is_layers_then_weights_then_bias) {
    Network net(Dense<float>(2, 3), ReLU<float>(), Network(Dense<float>(3, 1), ReLU<float>()));
    BOOST_TEST(renn::parameter_count(net.parameters()) == 6 + 3 + 3 + 1);
    std::vector<std::string> shapes;
    renn::for_each_block(
        [&](const auto& block) { shapes.push_back(std::to_string(block.rows()) + "x" + std::to_string(block.cols())); },
        std::as_const(net.parameters()));
    BOOST_TEST(shapes == (std::vector<std::string>{"3x2", "3x1", "1x3", "1x1"}), boost::test_tools::per_element());

    // What a writing visitor changes is what the network computes with.
    renn::for_each_layer(net, [](std::string_view, auto& layer, auto& parameters) {
        static_assert(!std::is_const_v<std::remove_reference_t<decltype(layer)>>);
        renn::for_each_block([](auto& block) { block.setOnes(); }, parameters);
    });
    BOOST_TEST(net.predict(Batch<float>::Ones(2, 1))(0, 0) == 10.0f);
    net.parameters<0>().bias[2] = 2.0f;
    BOOST_TEST(std::as_const(net).parameters<0>().bias[2] == 2.0f);
    BOOST_TEST(net.predict(Batch<float>::Ones(2, 1))(0, 0) == 11.0f);
    renn::for_each_layer(std::as_const(net), [](std::string_view, auto& layer, auto& parameters) {
        static_assert(std::is_const_v<std::remove_reference_t<decltype(layer)>>);
        static_assert(std::is_const_v<std::remove_reference_t<decltype(parameters)>>);
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(every_bit_of_a_parameter_changes_the_fingerprint, S, Scalars) {
    auto net = make_nested<S>();
    const std::uint64_t before = renn::fingerprint(net);
    BOOST_TEST(renn::fingerprint(make_nested<S>()) == before);
    using Bits = std::conditional_t<sizeof(S) == 4, std::uint32_t, std::uint64_t>;
    renn::for_each_block(
        [&](auto& block) {
            for (Index i = 0; i < block.size(); ++i) {
                for (unsigned bit = 0; bit < 8 * sizeof(S); bit += 3) {
                    const S kept = block.data()[i];
                    Bits bits;
                    std::memcpy(&bits, &kept, sizeof bits);
                    bits ^= Bits{1} << bit;
                    std::memcpy(block.data() + i, &bits, sizeof bits);
                    BOOST_REQUIRE(renn::fingerprint(net) != before);
                    block.data()[i] = kept;
                }
            }
        },
        net.parameters());
    BOOST_TEST(renn::fingerprint(net) == before);
}

BOOST_AUTO_TEST_CASE(structure_and_constants_change_the_fingerprint) {
    const Dense<float> dense(2, 2, 1);
    const std::vector<std::uint64_t> different{
        renn::fingerprint(Network(dense)),
        renn::fingerprint(Network(dense, ReLU<float>())),
        renn::fingerprint(Network(dense, Tanh<float>())),
        renn::fingerprint(Network(ReLU<float>(), dense)),
        renn::fingerprint(Network(Network(dense, ReLU<float>()), ReLU<float>())),
        renn::fingerprint(Network(dense, renn::LeakyReLU<float>(1e-7f))),
        renn::fingerprint(Network(dense, renn::LeakyReLU<float>(2e-7f))),
        renn::fingerprint(Network(renn::Standardize<float>(0.1f, 1.0f), dense)),
        renn::fingerprint(Network(renn::Standardize<float>(0.2f, 1.0f), dense)),
        renn::fingerprint(Network(renn::Standardize<float>(0.2f, 3.0f), dense)),
        renn::fingerprint(Network(Dense<float>(2, 2, renn::Zeros{}))),
        renn::fingerprint(Network(Dense<float>(4, 1, renn::Zeros{}))),
    };
    for (std::size_t i = 0; i < different.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) BOOST_TEST(different[i] != different[j], i << " and " << j);
    }
}

BOOST_AUTO_TEST_CASE(two_dropouts_of_one_network_draw_different_masks) {
    const Network net(Dropout<float>(0.5), Network(Dropout<float>(0.5), Dropout<float>(0.5)), Dropout<float>(0.5));
    renn::Workspace<std::remove_const_t<decltype(net)>> workspace;
    Masks masks;
    const Batch<float> x = Batch<float>::Ones(64, 2);
    net.forward(x, workspace, Pass{.training = true, .seed = 1}, masks);
    BOOST_REQUIRE(masks.seen.size() == 4u);
    for (std::size_t i = 0; i < 4; ++i) {
        for (std::size_t j = 0; j < i; ++j) BOOST_TEST(!same_bits(masks.seen[i], masks.seen[j]));
    }
}

BOOST_AUTO_TEST_CASE(a_parameter_that_is_not_finite_is_named) {
    Network net(Dense<float>(2, 3), Network(ReLU<float>(), Dense<float>(3, 2)));
    renn::detail::require_finite_parameters("here", net);
    std::get<1>(std::get<1>(net.parameters().layers).layers).weights(1, 2) = std::numeric_limits<float>::infinity();
    BOOST_TEST(message_of<DataError>([&] { renn::detail::require_finite_parameters("here", net); }) ==
               "here: layer network1/dense1, weights (1, 2): got inf, expected a finite value");
}

BOOST_AUTO_TEST_CASE(a_path_too_long_to_hold_is_an_error) {
    const Network inner(ReLU<float>{}, Tanh<float>{});
    Network net(inner, ReLU<float>{});
    net.rename(0, std::string(478, 'n'));
    BOOST_TEST(message_of<ShapeError>([&] { net.predict(Batch<float>::Zero(1, 1)); }) ==
               "network: length of a layer's path: got more than 480, expected shorter names or less nesting");
}
