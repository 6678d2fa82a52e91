// SPDX-License-Identifier: MIT
// Taylor coefficients of a data set, their ranking and maps.
#define BOOST_TEST_MODULE taylor
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include <renn/activations/leaky_relu.hpp>
#include <renn/activations/relu.hpp>
#include <renn/activations/tanh.hpp>
#include <renn/attribution/smoothed.hpp>
#include <renn/attribution/taylor/coefficients.hpp>
#include <renn/attribution/taylor/input_map.hpp>
#include <renn/attribution/taylor/ranking.hpp>
#include <renn/layers/concatenate.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/residual.hpp>
#include <renn/network/basic_sequential.hpp>
#include <renn/network/network.hpp>
#include <renn/report/taylor_figures.hpp>

#include "support/beside_a_throw.hpp"
#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using namespace renn;

namespace {

auto linear(double a, double b) {
    Network<Dense<double>> net(Dense<double>(2, 1));
    std::get<0>(net.parameters().layers).weights << a, b;
    return net;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_linear_function_has_its_weights_and_nothing_of_second_order) {
    const Batch<double> x = test::random_batch<double>(2, 50, 1);
    const auto t = taylor_coefficients(linear(2.0, -3.0), x, output(0), {.inputs = TaylorInputs::as_given});
    BOOST_TEST(t.terms.size() == 5U);
    BOOST_TEST(t["x1"].value == 2.0);
    BOOST_TEST(t["x2"].value == 3.0);
    BOOST_TEST(t["x2"].mean == -3.0);
    BOOST_TEST(t["x2"].error == 0.0);
    BOOST_TEST(t["x1"].quantiles == std::vector<double>(5, 2.0));
    BOOST_TEST(test::outlives_a_throw_beside_it<TaylorOptions>());
    for (const char* pair : {"x1,x1", "x1,x2", "x2,x2"}) BOOST_TEST(t[pair].value == 0.0);
}

BOOST_AUTO_TEST_CASE(coefficients_are_in_deviations_unless_asked_otherwise) {
    Batch<double> x = test::random_batch<double>(2, 400, 1);
    x.row(0) *= 7.0;
    const auto net = linear(2.0, -3.0);
    const double deviation = std::sqrt((x.row(0).array() - x.row(0).mean()).square().mean());
    BOOST_TEST(std::abs(taylor_coefficients(net, x, output(0))["x1"].value - 2.0 * deviation) < 1e-12);
    BOOST_TEST(test::message_of<DataError>([&] {
                   taylor_coefficients(net, x, output(0), {.inputs = TaylorInputs::standardised});
               }).find("taylor_coefficients: input 1: got mean ") == 0U);
    x.row(1).setConstant(4.0);  // says nothing, and is not ranked
    const auto t = taylor_coefficients(net, x, output(0), {.names = {"mass", "charge"}});
    BOOST_TEST(t["charge"].value == 0.0);
    BOOST_TEST(t["mass,charge"].constant);
    BOOST_TEST(rank(t).size() == 2U);
    BOOST_TEST(rank(t).front() == 0U);
}

BOOST_AUTO_TEST_CASE(kinks_have_no_second_order_and_a_smoothed_network_has) {
    Network branch(Dense<double>(4, 4, 3), ReLU<double>{});
    Network left(Dense<double>(4, 2, 4), ReLU<double>{});
    const Network net(Dense<double>(2, 4, 1), ReLU<double>{}, Residual(branch), Concatenate(left, branch),
                      Dense<double>(6, 1, 2));
    const Batch<double> x = test::random_batch<double>(2, 40, 5);
    BOOST_TEST(test::message_of<DataError>([&] { taylor_coefficients(net, x, output(0)); }) ==
               "taylor_coefficients: second order: got a piecewise linear function, which has none: every second "
               "derivative is 0, expected a smooth one: smoothed(net), with softplus in place of ReLU; or order = 1");
    BOOST_TEST(taylor_coefficients(net, x, output(0), {.order = 1}).terms.size() == 2U);
    const auto bent = taylor_coefficients(net, x, probability(0));  // of the bend of the probability alone
    BOOST_TEST(bent["x1,x2"].value > 0.0);
    BOOST_TEST(bent.warnings.front().find("kinks") == 0U);

    const auto smooth = smoothed(net);
    BOOST_TEST(smooth.kinds() ==
               "[Dense, Softplus, Residual[Dense, Softplus], Concatenate[[Dense, Softplus], "
               "[Dense, Softplus]], Dense]");
    BOOST_TEST(smooth.names() == net.names());
    BOOST_TEST((smoothed(net, 1000.0).predict(x) - net.predict(x)).cwiseAbs().maxCoeff() < 1e-2);
    const auto t = taylor_coefficients(smooth, x, output(0));
    BOOST_TEST(t["x1,x2"].value > 0.0);
    BOOST_TEST(t.warnings.empty());
}

BOOST_AUTO_TEST_CASE(networks_of_every_kind_are_smoothed) {
    using RunTime = BasicSequential<double, Dense<double>, ReLU<double>, LeakyReLU<double>, Tanh<double>,
                                    Softplus<double>, LeakySoftplus<double>>;
    const Network branch(Dense<double>(4, 4, 3), LeakyReLU<double>(0.3));
    const Network left(Dense<double>(4, 2, 4), Network(Tanh<double>{}));
    const Network net(Dense<double>(2, 4, 1), ReLU<double>{}, Residual(branch), Concatenate(left, branch),
                      Dense<double>(6, 1, 2));
    RunTime same(net);
    same.rename(0, "the first");
    const Batch<double> x = test::random_batch<double>(2, 40, 5);
    const RunTime smooth = smoothed(same);
    BOOST_TEST(smooth.names() == same.names());
    BOOST_TEST(
        smooth.kinds() ==
        "[Dense, Softplus, Residual[Dense, LeakySoftplus], Concatenate[[Dense, [Tanh]], [Dense, LeakySoftplus]], "
        "Dense]");
    BOOST_TEST(test::same_bits(smooth.predict(x), smoothed(net).predict(x)));
    BOOST_TEST((smooth.predict(x) - net.predict(x)).cwiseAbs().maxCoeff() > 1e-3);
    BOOST_TEST((smoothed(same, 1000.0).predict(x) - net.predict(x)).cwiseAbs().maxCoeff() < 1e-2);
    BOOST_TEST(taylor_coefficients(smooth, x, output(0))["x1,x2"].value > 0.0);

    // Trained after it was put together: parameters are the network's, not those of what it was made of.
    Network both(same, RunTime(Dense<double>(1, 2, 3)));
    for_each_block([](auto& block) { block.array() += 0.5; }, both.parameters());
    const auto soft = smoothed(both, 1e6);
    BOOST_TEST((soft.predict(x) - both.predict(x)).cwiseAbs().maxCoeff() < 1e-4);
    BOOST_TEST((smoothed(RunTime{}).predict(x) == x));
    BOOST_TEST(test::message_of<DataError>([&] { smoothed(same, 0.0); }) ==
               "Softplus: beta: got 0.000000, expected a finite value above 0");
}

BOOST_AUTO_TEST_CASE(selections_name_terms_and_their_variables) {
    TaylorCoefficients t;
    for (const double value : {1.0, 4.0, 0.0, 3.0, 2.0}) t.terms.push_back({.value = value});
    t.terms[0].variables = {0};
    t.terms[1].variables = {3, 7};
    t.terms[3].variables = {3};
    t.terms[4].variables = {1};
    const auto places = [](std::vector<std::size_t> p) { return p; };
    BOOST_TEST(rank(t) == places({1, 3, 4, 0, 2}));
    BOOST_TEST(select(t, TopShare{0.3}) == places({1, 3}));
    BOOST_TEST(select(t, TopCount{9}).size() == 5U);
    BOOST_TEST(select(t, TopMass{0.7}) == places({1, 3}));
    BOOST_TEST((variables(t, select(t, TopCount{3})) == std::vector<Index>{1, 3, 7}));
    BOOST_TEST(test::message_of<DataError>([&] { select(t, TopShare{2.0}); }) ==
               "select: share: got 2.000000, expected 0..1");
}

BOOST_AUTO_TEST_CASE(targets_of_their_own_for_each_sample_go_through_in_batches) {
    const Network<Dense<double>> net(Dense<double>(2, 3, 5));
    const Batch<double> x = test::random_batch<double>(2, 11, 7);
    const std::vector<std::int32_t> each{0, 1, 2, 2, 1, 0, 0, 1, 2, 1, 0};
    const auto whole = taylor_coefficients(net, x, probability(each));
    const auto parted = taylor_coefficients(net, x, probability(each), {.batch = 4});
    BOOST_TEST((whole.samples - parted.samples).cwiseAbs().maxCoeff() < 1e-15);
}

BOOST_AUTO_TEST_CASE(bars_tell_inputs_from_pairs_whatever_their_names) {
    const Batch<double> x = test::random_batch<double>(2, 9, 7);
    const auto t = taylor_coefficients(linear(1, 2), x, output(0), {.names = {"mass, in GeV", "angle"}});
    std::ostringstream page;
    write_coefficients(page, t, {.title = "What matters"});
    const auto bars = [text = page.str()](const std::string& kind) {
        int count = 0;
        for (std::size_t at = 0; (at = text.find("<g class=\"" + kind + "\"><rect y", at)) != text.npos; ++at) ++count;
        return count;
    };
    BOOST_TEST((bars("s1") == 2 && bars("s2") == 3));
}

BOOST_AUTO_TEST_CASE(a_map_has_the_mean_of_each_cell) {
    const Eigen::RowVector4d x(-2.9, -2.9, 0.05, 9.0), y(2.9, 2.9, 0.05, 0.0), values(1.0, 3.0, 5.0, 7.0);
    const InputMap map = input_map(x, y, values);
    BOOST_TEST(map.mean(29, 0) == 2.0);
    BOOST_TEST(map.count(29, 0) == 2.0);
    BOOST_TEST(map.mean(15, 15) == 5.0);
    BOOST_TEST(std::isnan(map.mean(0, 0)));
    BOOST_TEST(map.outside == 0.25);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_says_so) {
    const Batch<double> x = test::random_batch<double>(2, 5, 1), wide = test::random_batch<double>(65, 5, 1);
    const auto net = linear(1.0, 1.0);
    const Network<Dense<double>> many(Dense<double>(65, 1, 1));
    const auto message = [&](const TaylorOptions& options) {
        return test::message_of<Error>([&] { taylor_coefficients(net, x, output(0), options); });
    };
    BOOST_TEST(message({.order = 3}) == "taylor_coefficients: order: got 3, expected 1 or 2");
    BOOST_TEST(message({.pairs = {{0, 2}}}) == "taylor_coefficients: pair: got 0, 2, expected inputs 0..1");
    BOOST_TEST(message({.names = {"a"}}) == "taylor_coefficients: names: got 1, expected 2, one an input");
    BOOST_TEST(test::message_of<DataError>([&] { taylor_coefficients(many, wide, output(0)); }) ==
               "taylor_coefficients: inputs: got 65, expected at most 64 for every pair; of more, chosen `pairs`, or "
               "order = 1");
    BOOST_TEST(taylor_coefficients(many, wide, output(0), {.pairs = {{64, 3}}})["x4,x65"].variables.size() == 2U);
    BOOST_TEST(test::message_of<DataError>([&] { taylor_coefficients(net, Batch<double>(2, 0), output(0)); }) ==
               "taylor_coefficients: samples: got 0, expected 1 or more");
    BOOST_TEST(test::message_of<DataError>([&] { taylor_coefficients(net, x, output(0))["x3"]; }).find("term") !=
               std::string::npos);
}
