// SPDX-License-Identifier: MIT
// labels: golden
// Hessians and Taylor coefficients of the tanh networks, curvature products of the MNIST one, against reference values.
#define BOOST_TEST_MODULE second_derivatives_golden
#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <string>
#include <vector>

#include <renn/attribution/gradient.hpp>
#include <renn/attribution/parameter_derivatives.hpp>
#include <renn/attribution/second_derivatives.hpp>
#include <renn/attribution/taylor/coefficients.hpp>

#include "support/golden_networks.hpp"

using namespace renn;
using test::Golden;

namespace {

/// Features x features x n as samples x features x features on disk: a symmetric matrix is the same either way.
template <class Check>
void for_each_task(Check&& check) {
    int found = 0;
    for (const std::string task : {"a", "b", "c", "d"}) {
        const std::string folder = "attribution/mlp_tanh_" + task;
        if (!std::filesystem::exists(test::golden_root() + "/" + folder)) continue;
        ++found;
        const Golden golden(folder);
        const auto net = test::golden_mlp<Tanh<double>>(golden);
        BOOST_TEST_CONTEXT(folder) check(golden, net);
    }
    BOOST_TEST(found > 0);
}

template <class T, class Net>
void check_derivatives(const Golden& golden, const Net& net, const Batch<double>& x, const T& target,
                       const std::string& name) {
    if (golden.has(name + "_gradient")) {
        BOOST_TEST(golden.check(name + "_gradient", attribute(net, x, target, Gradient{}).scores));
    }
    if (golden.has(name + "_hessian")) {
        BOOST_TEST(golden.check(name + "_hessian", input_hessians(net, x, target)));
    }
}

/// Parameters as one column: layer after layer, weights row by row, then bias.
template <class P>
Column<double> flat(const P& parameters) {
    std::vector<double> all;
    for_each_block(
        [&](const auto& block) {
            const Batch<double> rows = block.transpose();
            all.insert(all.end(), rows.data(), rows.data() + rows.size());
        },
        parameters);
    return Eigen::Map<const Column<double>>(all.data(), static_cast<Index>(all.size()));
}
template <class P>
void fill(P& parameters, const std::vector<double>& all) {
    std::size_t at = 0;
    for_each_block(
        [&](auto& block) {
            for (Index i = 0; i < block.rows(); ++i) {
                for (Index j = 0; j < block.cols(); ++j) block(i, j) = all.at(at++);
            }
        },
        parameters);
}

}  // namespace

BOOST_AUTO_TEST_CASE(hessians_of_the_logit_and_the_probability) {
    for_each_task([](const Golden& golden, const auto& net) {
        const Batch<double> data = golden.batch<double>("data");
        check_derivatives(golden, net, data, probability(0), "data_f");
        check_derivatives(golden, net, data, output(0), "data_z");
        check_derivatives(golden, net, golden.batch<double>("x"), probability(0), "prob");
    });
}

BOOST_AUTO_TEST_CASE(taylor_coefficients_of_the_logit_and_the_probability) {
    for_each_task([](const Golden& golden, const auto& net) {
        const Batch<double> data = golden.batch<double>("data");
        const auto values = [&](const auto& target) {
            std::vector<double> all;
            for (const auto& term : taylor_coefficients(net, data, target, {.inputs = TaylorInputs::as_given}).terms) {
                all.push_back(term.value);
            }
            return all;
        };
        BOOST_TEST(golden.check("taylor_f", values(probability(0))));
        BOOST_TEST(golden.check("taylor_z", values(output(0))));
    });
}

BOOST_AUTO_TEST_CASE(products_with_the_curvature_of_a_loss) {
    const Golden model("attribution/mlp"), golden("attribution/mlp_eval");
    const auto net = test::golden_mlp(model);
    using Net = std::remove_const_t<decltype(net)>;
    const Batch<double> x = model.batch<double>("x");
    const auto labels = test::golden_target(golden);
    SecondDerivativeWorkspace<Net> w;
    Net::Parameters v = net.parameters(), result = v;
    const auto loss = loss_of(CrossEntropy{}, labels);
    parameter_gradient(net, x, loss, w, result);
    if (golden.has("loss_gradient")) BOOST_TEST(golden.check("loss_gradient", flat(result)));
    if (golden.has("hvp_vector")) {
        fill(v, golden.vector<double>("hvp_vector"));
        parameter_hessian_product(net, x, loss, v, w, result);
        if (golden.has("hvp")) BOOST_TEST(golden.check("hvp", flat(result)));
        gauss_newton_product(net, x, loss, v, w, result);
        if (golden.has("ggn_vp")) BOOST_TEST(golden.check("ggn_vp", flat(result)));
    }
    if (golden.has("gradient_gram")) {
        Batch<double> gradients(parameter_count(result), x.cols());
        for (Index s = 0; s < x.cols(); ++s) {
            const auto one = loss_of(CrossEntropy{}, std::span(labels).subspan(static_cast<std::size_t>(s), 1));
            parameter_gradient(net, x.col(s), one, w, result);
            gradients.col(s) = flat(result);
        }
        BOOST_TEST(golden.check("gradient_gram", Batch<double>(gradients.transpose() * gradients)));
    }
}
