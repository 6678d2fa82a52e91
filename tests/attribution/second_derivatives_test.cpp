// SPDX-License-Identifier: MIT
// Second derivatives by inputs and parameters: against differences of gradients, analytic ones, and symmetric.
#define BOOST_TEST_MODULE second_derivatives
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <renn/activations/gelu.hpp>
#include <renn/activations/relu.hpp>
#include <renn/activations/tanh.hpp>
#include <renn/attribution/gradient.hpp>
#include <renn/attribution/parameter_derivatives.hpp>
#include <renn/attribution/second_derivatives.hpp>
#include <renn/layers/batch_norm.hpp>
#include <renn/layers/concatenate.hpp>
#include <renn/layers/convolution.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/residual.hpp>
#include <renn/network/mask.hpp>
#include <renn/network/network.hpp>

#include "support/allocations.hpp"
#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using namespace renn;

namespace {

/// y = x^2, as a user would write it.
struct Square {
    using Scalar = double;
    using Parameters = NoParameters;
    using Cache = NoCache;
    static constexpr std::string_view name = "Square";
    static const Parameters& parameters() {
        static constexpr NoParameters none;
        return none;
    }
    using In = const BatchView<double>&;

    void forward(const Parameters&, In x, Batch<double>& y, Cache&, const Pass&) const { y = x.cwiseAbs2(); }
    template <class Dx, class G>
    void backward(const Parameters&, In x, In, const Cache&, In dy, Dx& dx, G&) const {
        if constexpr (is_wanted<Dx>) dx = 2.0 * x.cwiseProduct(dy);
    }
    template <class Dw>
    void tangent(const Parameters&, const Dw&, In x, In dx, In, const Cache&, Batch<double>& dy) const {
        dy = 2.0 * x.cwiseProduct(dx);
    }
    template <class Dw, class G>
    void backward_tangent(const Parameters&, const Dw&, In x, In dx, In, const Cache&, In above, In above_tangent,
                          Batch<double>& dx_tangent, G&) const {
        dx_tangent = 2.0 * (dx.cwiseProduct(above) + x.cwiseProduct(above_tangent));
    }
};

/// Every kind of wiring, a convolution and a normalisation whose running values are not those it began with.
auto nested() {
    BatchNorm2d<double> norm(Shape{2, 2, 3});
    norm.set_running(Eigen::Vector2d(0.1, -0.2), Eigen::Vector2d(0.5, 2.0));
    Network branch(Dense<double>(12, 12, 3), GELU<double>{});
    Network left(Dense<double>(12, 2, 4), Tanh<double>{});
    Network right(Dense<double>(12, 3, 5));
    return Network(Conv2d<double>(Shape{1, 2, 3}, {.channels = 2, .padding = 1}, 1), norm, Tanh<double>{},
                   Residual(branch), Concatenate(left, right), Dense<double>(5, 3, 2));
}

using Nested = decltype(nested());

/// Greatest |H v - (gradient(x + h v) - gradient(x - h v)) / 2h|.
template <class Net, class T>
double greatest_difference(const Net& net, const Batch<double>& x, const T& target) {
    const Batch<double> v = test::random_batch<double>(x.rows(), x.cols(), 11);
    constexpr double h = 1e-5;
    const Batch<double> up = attribute(net, x + h * v, target, Gradient{}).scores,
                        down = attribute(net, x - h * v, target, Gradient{}).scores;
    return (hessian_product(net, x, target, v) - (up - down) / (2 * h)).cwiseAbs().maxCoeff();
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_target_against_differences_of_gradients) {
    const auto net = nested();
    const Batch<double> x = test::random_batch<double>(6, 5, 7);
    const std::vector<std::int32_t> labels{0, 1, 2, 2, 1};
    const auto check = [&](const auto& target) { BOOST_TEST(greatest_difference(net, x, target) < 1e-7); };
    check(output(1));
    check(probability(labels));
    check(log_odds(0));
    check(direction(Eigen::Vector3d(0.3, -2, 1)));
    for (const std::string& place : net.names()) {
        BOOST_TEST_CONTEXT(place) check(at(place, probability(1)));
    }
}

BOOST_AUTO_TEST_CASE(a_hessian_is_symmetric_and_its_products_and_pairs_are_parts_of_it) {
    const auto net = nested();
    const Batch<double> x = test::random_batch<double>(6, 4, 3);
    const auto target = probability(2);
    const Batch<double> all = input_hessians(net, x, target), v = test::random_batch<double>(6, 4, 5);
    const Batch<double> product = hessian_product(net, x, target, v);
    const std::vector<std::pair<Index, Index>> pairs{{4, 1}, {0, 0}, {4, 5}};
    SecondDerivativeWorkspace<Nested> w;
    Batch<double> chosen;
    second_derivatives(net, x, target, pairs, w, chosen);
    for (Index s = 0; s < 4; ++s) {
        const Batch<double> h = all.col(s).reshaped(6, 6);
        BOOST_TEST((h - h.transpose()).cwiseAbs().maxCoeff() < 1e-13);
        BOOST_TEST(h.cwiseAbs().maxCoeff() > 1e-3);
        BOOST_TEST((h * v.col(s) - product.col(s)).norm() < 1e-13);
        for (std::size_t p = 0; p < pairs.size(); ++p) {
            BOOST_TEST(std::abs(chosen(static_cast<Index>(p), s) - h(pairs[p].first, pairs[p].second)) < 1e-14);
        }
    }
    BOOST_TEST(input_hessians(net, Batch<double>(6, 0), target).cols() == 0);
}

BOOST_AUTO_TEST_CASE(a_quadratic_layer_has_its_analytic_hessian_and_a_linear_one_none) {
    const Dense<double> first(3, 4, 1), second(4, 1, 2);
    const Network<Dense<double>, Square, Dense<double>> net(first, Square{}, second);
    const Batch<double> x = test::random_batch<double>(3, 5, 9);
    const auto& a = first.parameters().weights;
    const Batch<double> wanted = 2.0 * a.transpose() * second.parameters().weights.row(0).asDiagonal() * a;
    const Batch<double> got = input_hessians(net, x, output(0));
    for (Index s = 0; s < 5; ++s) BOOST_TEST((got.col(s).reshaped(3, 3) - wanted).cwiseAbs().maxCoeff() < 1e-10);

    const Network linear(Dense<double>(3, 2, 4));
    BOOST_TEST(input_hessians(linear, x, output(1)).isZero(0.0));
}

BOOST_AUTO_TEST_CASE(products_by_the_parameters_against_differences_of_gradients) {
    const auto net = nested();
    const Batch<double> x = test::random_batch<double>(6, 5, 7),
                        values = test::random_batch<double>(3, 5, 8).cwiseAbs();
    const std::vector<std::int32_t> labels{0, 1, 2, 2, 1};
    using Net = Nested;
    const auto check = [&](const auto& objective) {
        Net::Parameters v = net.parameters(), product = v, up = v, down = v;
        Rng rng(4);
        for_each_block([&](auto& b) { b = b.unaryExpr([&](double) { return rng.uniform(-1.0, 1.0); }); }, v);
        SecondDerivativeWorkspace<Net> w;
        parameter_hessian_product(net, x, objective, v, w, product);
        constexpr double h = 1e-5;
        Net moved = net;
        const auto gradient_at = [&](double step, Net::Parameters& to) {
            for_each_block([&](auto& at, const auto& from, const auto& d) { at = from + step * d; }, moved.parameters(),
                           net.parameters(), v);
            parameter_gradient(moved, x, objective, w, to);
        };
        gradient_at(h, up);
        gradient_at(-h, down);
        double worst = 0.0, largest = 0.0;
        for_each_block(
            [&](const auto& got, const auto& above, const auto& below) {
                worst = std::max(worst, (got - (above - below) / (2 * h)).cwiseAbs().maxCoeff());
                largest = std::max(largest, got.cwiseAbs().maxCoeff());
            },
            product, up, down);
        BOOST_TEST(worst < 1e-7 * std::max(1.0, largest));
        BOOST_TEST(largest > 1e-3);
    };
    check(mean_of(probability(labels)));
    check(loss_of(CrossEntropy{}, labels));
    check(loss_of(CrossEntropy{.class_weights = {1.0, 2.0, 0.5}}, labels));
    check(loss_of(CrossEntropy{.class_weights = {1.0, 2.0, 0.5}}, values));
    check(loss_of(MeanSquaredError{}, values));
    check(loss_of(BinaryCrossEntropy{.class_weights = {1.0, 3.0}}, values));
}

BOOST_AUTO_TEST_CASE(masked_units_neither_move_nor_let_anything_through) {
    const auto net = nested();
    const Batch<double> x = test::random_batch<double>(6, 5, 7);
    const auto check = [&](const Mask& mask) {
        const auto held = masked(net, mask);
        BOOST_TEST(greatest_difference(held, x, probability(1)) < 1e-7);
        BOOST_TEST(greatest_difference(held, x, at(mask.front().layer, probability(1))) < 1e-7);
        const auto hessian = input_hessians(held, x, probability(1));
        BOOST_TEST((hessian - input_hessians(net, x, probability(1))).cwiseAbs().maxCoeff() > 1e-4);

        // by the parameters
        const auto objective = mean_of(probability(1));
        using Held = std::remove_const_t<decltype(held)>;
        SecondDerivativeWorkspace<Held> w;
        Held::Parameters v = net.parameters(), product = v, up = v, down = v;
        for_each_block([](auto& b) { b = b.array() * 0.5 + 0.25; }, v);
        parameter_hessian_product(held, x, objective, v, w, product);
        const auto gradient_at = [&](double step, Held::Parameters& to) {
            auto moved = net;
            for_each_block([&](auto& b, const auto& d) { b += step * d; }, moved.parameters(), v);
            parameter_gradient(masked(moved, mask), x, objective, w, to);
        };
        gradient_at(1e-5, up);
        gradient_at(-1e-5, down);
        double largest = 0.0;
        for_each_block(
            [&](const auto& got, const auto& above, const auto& below) {
                BOOST_TEST((got - (above - below) / 2e-5).cwiseAbs().maxCoeff() < 1e-6);
                largest = std::max(largest, got.cwiseAbs().maxCoeff());
            },
            product, up, down);
        BOOST_TEST(largest > 1e-3);
    };
    for (const std::string& place : net.names()) {
        BOOST_TEST_CONTEXT(place) check({{.layer = place, .units = {0, 2}, .values = {0.3, -0.2}}});
    }
    check({{.layer = "conv2d1", .units = {1}, .positions = 6}, {.layer = "tanh1", .units = {4, 0}}});

    const Batch<double> v = test::random_batch<double>(6, 5, 5);
    BOOST_TEST(
        test::same_bits(hessian_product(masked(net, {}), x, output(1), v), hessian_product(net, x, output(1), v)));
    const auto all = masked(net, {{.layer = "dense1", .units = {0, 1, 2}}});
    BOOST_TEST(hessian_product(all, x, probability(1), v).isZero(0.0));
    const auto inside = masked(net, {{.layer = "residual1/dense1", .units = {1}}});
    BOOST_TEST(test::message_of<DataError>([&] { hessian_product(inside, x, output(1), v); }) ==
               "mask: second derivatives with units of \"residual1/dense1\" held: got a layer inside another, expected "
               "layers of the network itself");
}

BOOST_AUTO_TEST_CASE(gauss_newton_is_the_hessian_of_a_network_that_is_linear_in_its_parameters) {
    const Network net(Dense<double>(4, 3, 2));
    const Batch<double> x = test::random_batch<double>(4, 6, 7);
    const std::vector<std::int32_t> labels{0, 1, 2, 2, 1, 0};
    const auto v = Dense<double>(4, 3, 8);
    auto direction = net.parameters(), one = direction, other = direction;
    std::get<0>(direction.layers) = v.parameters();
    SecondDerivativeWorkspace<std::remove_const_t<decltype(net)>> w;
    const auto loss = loss_of(CrossEntropy{}, labels);
    const double value = parameter_hessian_product(net, x, loss, direction, w, one);
    BOOST_TEST(gauss_newton_product(net, x, loss, direction, w, other) == value);
    for_each_block([](const auto& a, const auto& b) { BOOST_TEST((a - b).cwiseAbs().maxCoeff() < 1e-15); }, one, other);
}

BOOST_AUTO_TEST_CASE(workspaces_used_again_allocate_nothing) {
    const Network net(Dense<float>(20, 16, 1), ReLU<float>{}, Dense<float>(16, 4, 2));
    const Batch<float> x = test::random_batch<float>(20, 8, 3), v = test::random_batch<float>(20, 8, 4);
    const std::vector<std::int32_t> labels{0, 1, 2, 3, 0, 1, 2, 3};
    SecondDerivativeWorkspace<std::remove_const_t<decltype(net)>> w, by_parameters;
    Batch<float> product, hessians;
    auto direction = net.parameters(), to = direction;
    const auto target = probability(1);
    const auto loss = loss_of(CrossEntropy{}, labels);
    const auto work = [&] {
        hessian_product(net, x, target, v, w, product);
        input_hessians(net, x, target, w, hessians);
        parameter_hessian_product(net, x, loss, direction, by_parameters, to);
        gauss_newton_product(net, x, loss, direction, by_parameters, to);
    };
    work();
    BOOST_TEST(test::allocations(work) == 0U);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_says_so) {
    const auto net = nested();
    const Batch<double> x = test::random_batch<double>(6, 2, 7);
    const auto message = [&](const auto& target, const Batch<double>& v) {
        return test::message_of<Error>([&] { hessian_product(net, x, target, v); });
    };
    BOOST_TEST(message(output(0), x.topRows(5)) == "hessian_product: v: got 5 x 2, expected 6 x 2");
    BOOST_TEST(message(at("residual1/dense1", output(0)), x) ==
               "second derivatives: place: got \"residual1/dense1\", a layer inside another, expected a layer of the "
               "network itself");
    BOOST_TEST(message(at("dense9", output(0)), x).find("target: layer: got \"dense9\"") == 0U);
    SecondDerivativeWorkspace<Nested> w;
    Batch<double> to;
    const std::vector<std::pair<Index, Index>> pairs{{0, 6}};
    BOOST_TEST(test::message_of<DataError>([&] { second_derivatives(net, x, output(0), pairs, w, to); }) ==
               "second_derivatives: pair: got 0, 6, expected features 0..5");
    const auto small = Network(Dense<double>(6, 3, 1));
    SecondDerivativeWorkspace<Network<Dense<double>>> of_small;
    auto wrong = Network(Dense<double>(5, 3, 1)).parameters(), product = wrong;
    BOOST_TEST(test::message_of<ShapeError>([&] {
                   parameter_hessian_product(small, x, mean_of(output(0)), wrong, of_small, product);
               }) == "parameter_hessian_product: a block of v: got 3 x 5, expected 3 x 6");
}
