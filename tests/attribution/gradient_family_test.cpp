// SPDX-License-Identifier: MIT
// What the methods of the gradient family promise, on small networks of every wiring.
#define BOOST_TEST_MODULE gradient_family
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/activations/tanh.hpp>
#include <renn/attribution/bias_share.hpp>
#include <renn/attribution/deep_lift.hpp>
#include <renn/attribution/guided_backprop.hpp>
#include <renn/attribution/integrated_gradients.hpp>
#include <renn/attribution/occlusion.hpp>
#include <renn/attribution/simple_taylor.hpp>
#include <renn/attribution/smooth_gradient.hpp>
#include <renn/layers/batch_norm.hpp>
#include <renn/layers/concatenate.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/residual.hpp>
#include <renn/network/network.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using namespace renn;
using test::message_of;

namespace {

Dense<double> dense(Index in, Index out, std::uint64_t seed) {
    return Dense<double>(Dense<double>::Parameters{test::random_batch<double>(out, in, seed),
                                                   test::random_batch<double>(out, 1, seed + 99)});
}

/// Begins with a linear layer, and has every wiring and a normalisation.
auto nested() {
    Network branch(dense(5, 5, 3), Tanh<double>{});
    Network left(dense(5, 2, 4), ReLU<double>{});
    Network right(dense(5, 3, 5));
    BatchNorm1d<double> norm(5);
    norm.set_running(test::random_batch<double>(5, 1, 6), Column<double>::Constant(5, 1.7));
    return Network(dense(4, 5, 1), norm, Tanh<double>{}, Residual(branch), Concatenate(left, right), dense(5, 3, 2));
}
/// Begins with none.
auto residual_first() {
    return Network(Residual(Network(dense(4, 4, 3), Tanh<double>{})), dense(4, 3, 2));
}
auto relus() {
    return Network(dense(4, 8, 1), ReLU<double>{}, dense(8, 3, 2));
}

const Batch<double> x = test::random_batch<double>(4, 6, 7);
const std::vector<std::int32_t> labels{0, 1, 2, 2, 1, 0};
double greatest(const auto& m) {
    return m.size() == 0 ? 0.0 : m.cwiseAbs().maxCoeff();
}

/// Integrated gradients as they are defined.
template <class Net, class T>
Batch<double> by_definition(const Net& net, const T& target, const Batch<double>& x0, const Quadrature& q) {
    Batch<double> sum = Batch<double>::Zero(x.rows(), x.cols());
    for (std::size_t k = 0; k < q.nodes.size(); ++k) {
        sum += q.weights[k] * attribute(net, Batch<double>(x0 + q.nodes[k] * (x - x0)), target, Gradient{}).scores;
    }
    return sum.cwiseProduct(x - x0);
}

}  // namespace

BOOST_AUTO_TEST_CASE(quadratures_add_up_and_gauss_is_exact_for_polynomials) {
    for (const Index n : {1, 2, 5, 50, 51}) {
        const Quadrature q = quadrature(QuadratureRule::gauss_legendre, n);
        for (Index power = 0; power < 2 * n; ++power) {
            double sum = 0.0;
            for (std::size_t k = 0; k < q.nodes.size(); ++k) {
                sum += q.weights[k] * std::pow(q.nodes[k], static_cast<double>(power));
            }
            BOOST_TEST(std::abs(sum - 1.0 / static_cast<double>(power + 1)) < 1e-14);
        }
    }
    BOOST_TEST(message_of<DataError>([] { quadrature(QuadratureRule::trapezoid, 1); }) ==
               "quadrature: nodes: got 1, expected 2 or more");
}

BOOST_AUTO_TEST_CASE(integrated_gradients_are_what_they_are_defined_as) {
    const Batch<double> one = test::random_batch<double>(4, 1, 8), each = test::random_batch<double>(4, 6, 9);
    const auto check = [&](const auto& net, const auto& target) {
        for (const auto rule :
             {QuadratureRule::gauss_legendre, QuadratureRule::riemann_middle, QuadratureRule::trapezoid}) {
            const IntegratedGradients method{.baseline = each, .nodes = 13, .rule = rule};
            const auto got = attribute(net, x, target, method);
            BOOST_TEST(greatest(got.scores - by_definition(net, target, each, quadrature(rule, 13))) < 1e-12);
        }
        const auto whole = attribute(net, x, target, IntegratedGradients{.baseline = one});
        const Batch<double> repeated = one.replicate(1, 6);
        BOOST_TEST(greatest(whole.scores -
                            attribute(net, x, target, IntegratedGradients{.baseline = repeated}).scores) < 1e-15);
        BOOST_TEST(greatest(whole.explained - attribute(net, x, target, Gradient{}).explained) == 0.0);
    };
    const auto net = nested();
    check(net, output(labels));
    check(net, probability(1));
    check(net, at("residual1/tanh1", output(2)));
    check(net, at("dense1", output(2)));
    check(residual_first(), class_difference(0, 2));
    BOOST_TEST(greatest(attribute(residual_first(), x, log_odds(1), IntegratedGradients{}).gap) < 1e-6);
    const Network linear(dense(4, 3, 1));
    BOOST_TEST(greatest(attribute(linear, x, output(1), IntegratedGradients{.nodes = 1}).gap) < 1e-14);
    BOOST_TEST(attribute(net, Batch<double>(4, 0), output(1), IntegratedGradients{}).scores.cols() == 0);
    BOOST_TEST(message_of<ShapeError>([&] {
                   attribute(net, x, output(1), IntegratedGradients{.baseline = Batch<double>::Zero(4, 5)});
               }) == "IntegratedGradients: baseline: got 4 x 5, expected 4 x 1 or 4 x 6");
    BOOST_TEST(message_of<DataError>([&] {
                   attribute(net, x, output(1), IntegratedGradients{.given = {{0.5}, {}}});
               }) == "IntegratedGradients: weights: got 0, expected 1, one a node");
}

BOOST_AUTO_TEST_CASE(a_chosen_output_stays_the_one_of_x) {
    const auto net = nested();
    const Batch<double> y = net.predict(x);
    std::vector<std::int32_t> greatest_of;
    for (Index j = 0; j < x.cols(); ++j) {
        Index at = 0;
        y.col(j).maxCoeff(&at);
        greatest_of.push_back(static_cast<std::int32_t>(at));
    }
    const auto same = [&](const auto& method) {
        const auto chosen = attribute(net, x, predicted_output(), method);
        BOOST_TEST(test::same_bits(chosen.scores, attribute(net, x, output(greatest_of), method).scores));
    };
    same(IntegratedGradients{});
    same(SmoothGradient{.noise = 2.0, .draws = 4});
    same(DeepLiftRescale{});
    same(Occlusion{.window = 1, .stride = 1});
    same(SimpleTaylor{});
}

BOOST_AUTO_TEST_CASE(deep_lift_accounts_for_every_difference) {
    const Batch<double> each = test::random_batch<double>(4, 6, 9);
    const auto complete = [&](const auto& net, const auto& target) {
        BOOST_TEST(greatest(attribute(net, x, target, DeepLiftRescale{.baseline = each}).gap) < 1e-12);
    };
    complete(nested(), output(labels));
    complete(nested(), at("concatenate1/branch1/relu1", output(1)));
    complete(relus(), class_difference(1, 2));
    const auto linear = Network(dense(4, 3, 1));
    BOOST_TEST(greatest(attribute(linear, x, output(1), DeepLiftRescale{}).scores -
                        attribute(linear, x, output(1), GradientTimesInput{}).scores) < 1e-15);
    BOOST_TEST(greatest(attribute(nested(), x, output(0), DeepLiftRescale{.baseline = x}).scores) == 0.0);
}

BOOST_AUTO_TEST_CASE(occlusion_of_a_linear_function_is_its_terms) {
    const Network linear(dense(4, 3, 1));
    const Batch<double> base = test::random_batch<double>(4, 1, 8);
    const Occlusion one{.window = 1, .stride = 1, .baseline = base};
    const auto got = attribute(linear, x, output(labels), one);
    BOOST_TEST(greatest(got.scores -
                        attribute(linear, x, output(labels), IntegratedGradients{.baseline = base}).scores) < 1e-14);
    const auto same = attribute([&](const auto& inputs) { return linear.predict(inputs); }, x, output(labels), one);
    BOOST_TEST(test::same_bits(got.scores, same.scores));
    const auto wide = attribute(linear, x, output(0), Occlusion{.window = 3, .stride = 9, .image = {1, 2, 2}});
    const Column<double> total = attribute(linear, x, output(0), GradientTimesInput{}).scores.colwise().sum();
    BOOST_TEST(greatest(wide.scores.rowwise() - total.transpose()) < 1e-14);  // one window over everything
    const auto apart = attribute(linear, x, output(0), Occlusion{.window = 1, .stride = 2});
    BOOST_TEST(apart.scores.row(1).isZero(0.0));
    BOOST_TEST(apart.warnings.size() == 1U);
    const auto message = [&](const Occlusion& method) {
        return message_of<Error>([&] { attribute(linear, x, output(0), method); });
    };
    BOOST_TEST(message({.image = {1, 2, 3}}) == "Occlusion: image: got 1 x 2 x 3, expected 4 features");
    BOOST_TEST(message({.stride = 0}) == "Occlusion: stride: got 0 x 0, expected 1 or more");
    BOOST_TEST(message({.baseline = std::numeric_limits<double>::quiet_NaN()}).find("Occlusion: baseline") == 0U);
}

BOOST_AUTO_TEST_CASE(smoothing) {
    const auto net = nested();
    const auto scores = [&](const Batch<double>& of, const SmoothGradient& method) {
        return attribute(net, of, output(1), method).scores;
    };
    const Batch<double> plain = attribute(net, x, output(1), Gradient{}).scores;
    BOOST_TEST(greatest(scores(x, {.noise = 0.0}) - plain) < 1e-14);
    BOOST_TEST(greatest(scores(x, {.noise = 0.0, .squared = true}) - plain.cwiseAbs2()) < 1e-14);
    BOOST_TEST(test::same_bits(scores(x, {}).col(3), scores(x.col(3), {})));  // whatever its company
    BOOST_TEST(greatest(scores(x, {}) - scores(x, {.seed = 1})) > 1e-4);
    const Smoothed<IntegratedGradients> smooth{.noise = 0.0, .draws = 2};
    BOOST_TEST(greatest(attribute(net, x, output(1), smooth).scores -
                        attribute(net, x, output(1), IntegratedGradients{}).scores) < 1e-14);
    BOOST_TEST(message_of<DataError>([&] { scores(x, {.draws = 0}); }) ==
               "SmoothGradient: draws: got 0, expected 1 or more");
    BOOST_TEST(message_of<ShapeError>([&] { scores(x, {.given = Batch<double>::Zero(3, 2)}); }) ==
               "SmoothGradient: given noise: got 3 x 2, expected 4 x 2");
}

BOOST_AUTO_TEST_CASE(taylor_around_roots) {
    const Network linear(dense(4, 3, 1));
    const SimpleTaylor nearest{.root = RootPoint::nearest};
    const auto exact = attribute(linear, x, output(1), nearest);
    BOOST_TEST(greatest(exact.gap) < 1e-6 * greatest(exact.explained));
    BOOST_TEST(exact.warnings.empty());

    const auto net = nested();
    AttributionWorkspace<std::remove_const_t<decltype(net)>> workspace;
    const auto roots = nearest_roots(net, x, output(labels), RootOptions{.low = -2, .high = 2}, workspace);
    forward_to(net, roots.points, output(labels), workspace);
    BOOST_TEST(greatest(roots.points) <= 2.0);
    int found = 0;
    for (Index j = 0; j < x.cols(); ++j) {
        const auto at = static_cast<std::size_t>(j);
        const double there = std::abs(workspace.value[j]), bound = 1e-6 * std::abs(net.predict(x)(labels[at], j));
        BOOST_TEST((roots.found[at] != 0) == (there <= bound));
        found += roots.found[at];
    }
    BOOST_TEST(found > 0);

    // Without a root the result says so.
    Dense<double>::Parameters above{Batch<double>::Zero(1, 4), Column<double>::Ones(1)};
    const Network constant{Dense<double>(above)};
    const auto none = attribute(constant, x, output(0), nearest);
    BOOST_TEST(none.warnings.at(0) == "no root was found for sample 0, 1, 2, 3, 4 and 1 more");
    BOOST_TEST(none.warnings.at(1).find("every score is 0 for sample 0") == 0U);
    BOOST_TEST(greatest(none.gap - Column<double>::Ones(6)) == 0.0);

    const auto on_line = attribute(linear, x, output(1), SimpleTaylor{.baseline = -3 * x, .root = RootPoint::on_line});
    Index without = 0;
    for (Index j = 0; j < x.cols(); ++j) without += std::abs(on_line.gap[j]) > 1e-5 ? 1 : 0;
    BOOST_TEST((without == 0) == on_line.warnings.empty());
    BOOST_TEST(without < x.cols());
    const RootOptions no_domain{.low = 1, .high = 0};
    BOOST_TEST(message_of<DataError>([&] {
                   nearest_roots(net, x, output(1), no_domain, workspace);
               }).find("roots: domain: got 1.000000..0.000000") == 0U);
}

BOOST_AUTO_TEST_CASE(what_biases_contribute_is_what_gradient_times_input_leaves) {
    const auto net = relus();
    const auto product = attribute(net, x, output(labels), GradientTimesInput{});
    BOOST_TEST(greatest(product.gap - bias_share(net, x, output(labels))) < 1e-13);
    const auto inside = at("relu1", direction(Column<double>::Ones(8)));
    BOOST_TEST(greatest(attribute(net, x, inside, GradientTimesInput{}).gap - bias_share(net, x, inside)) < 1e-13);
}

BOOST_AUTO_TEST_CASE(results_warn_of_what_their_reader_should_know) {
    const auto guided = attribute(relus(), x, output(0), GuidedBackprop{});
    BOOST_TEST(guided.warnings.at(0).find("guided backprop and deconvnet show the input") == 0U);
    BOOST_TEST(attribute(residual_first(), x, output(0), Deconvnet{}).warnings.at(1) ==
               "no ReLU leads to the target: the scores are its gradient");
    auto dead = relus();
    std::get<0>(dead.parameters().layers).bias.setConstant(-100.0);
    BOOST_TEST(attribute(dead, x.leftCols(2), output(0), Gradient{}).warnings.at(0) ==
               "every score is 0 for sample 0, 1: no active units lead to the target, or it is saturated");
    BOOST_TEST(attribute(relus(), x, output(0), Gradient{}).warnings.empty());
}

BOOST_AUTO_TEST_CASE(large_batches_are_worked_through_in_parts) {
    const Network wide(Dense<float>(40, 9000, 1), ReLU<float>{}, Dense<float>(9000, 3, 2));
    const Batch<float> many = test::random_batch<float>(40, 61, 3);
    std::vector<std::int32_t> of(61);
    for (std::size_t j = 0; j < of.size(); ++j) of[j] = static_cast<std::int32_t>(j % 3);
    const auto together = attribute(wide, many, output(of), Gradient{});
    for (const Index j : {0, 30, 60}) {
        const auto alone = attribute(wide, many.col(j), output(of[static_cast<std::size_t>(j)]), Gradient{});
        BOOST_TEST(test::same_bits(together.scores.col(j), alone.scores));
        BOOST_TEST(together.explained[j] == alone.explained[0]);
    }
    of[60] = 3;
    BOOST_TEST(message_of<DataError>([&] { attribute(wide, many, output(of), Gradient{}); }) ==
               "target: output of sample 60: got 3, expected 0..2, the outputs");
    of.pop_back();
    BOOST_TEST(message_of<ShapeError>([&] { attribute(wide, many, output(of), Gradient{}); }) ==
               "target: outputs chosen: got 60, expected 61, one a sample");
}
