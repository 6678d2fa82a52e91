// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE optimizer
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <tuple>

#include <renn/training/optimizer.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using renn::Adam;
using renn::AdamW;
using renn::Batch;
using renn::Column;
using renn::DataError;
using renn::Index;
using renn::Sgd;
using renn::test::message_of;
using renn::test::random_batch;
using Scalars = boost::mpl::list<float, double>;

namespace {

template <class S>
struct Pair {
    Batch<S> weights;
    Column<S> bias;
    auto blocks() { return std::tie(weights, bias); }
    auto blocks() const { return std::tie(weights, bias); }
};

/// One weight with gradients g1, g2, g3, after each step.
template <class S, class O>
void check_steps(const O& optimizer, double start, const double (&gradients)[3], const double (&expected)[3]) {
    Pair<S> w{Batch<S>::Constant(1, 1, static_cast<S>(start)), Column<S>::Constant(1, static_cast<S>(start))};
    renn::Moments<Pair<S>> moments(w);
    for (int i = 0; i < 3; ++i) {
        const Pair<S> g{Batch<S>::Constant(1, 1, static_cast<S>(gradients[i])),
                        Column<S>::Constant(1, static_cast<S>(gradients[i]))};
        optimizer.update(w, g, moments);
        const double error = static_cast<double>(w.weights(0, 0)) - expected[i];
        BOOST_TEST(std::abs(error) < 8.0 * static_cast<double>(std::numeric_limits<S>::epsilon()), "step " << i + 1);
        BOOST_TEST(w.bias[0] == w.weights(0, 0));
    }
    BOOST_TEST(moments.step == 3u);
}

/// The formulas of PyTorch's documentation, one weight at a time, in double.
struct Reference {
    double rate, beta1, beta2, epsilon, decay;
    bool decoupled;
    double m = 0.0, v = 0.0;
    int t = 0;
    double step(double w, double g) {
        ++t;
        if (decoupled) {
            w -= rate * decay * w;
        } else {
            g += decay * w;
        }
        m = beta1 * m + (1 - beta1) * g;
        v = beta2 * v + (1 - beta2) * g * g;
        const double m_hat = m / (1 - std::pow(beta1, t)), v_hat = v / (1 - std::pow(beta2, t));
        return w - rate * m_hat / (std::sqrt(v_hat) + epsilon);
    }
};

template <class S, class O>
void check_against_reference(const O& o, bool decoupled) {
    const Index n = 2500;  // more than one piece, and a rest
    Pair<S> w{random_batch<S>(n, 1, 1), random_batch<S>(3, 1, 2)};
    const Pair<S> start = w;
    renn::Moments<Pair<S>> moments(w);
    const Pair<S> g1{random_batch<S>(n, 1, 3), random_batch<S>(3, 1, 4)},
        g2{random_batch<S>(n, 1, 5), random_batch<S>(3, 1, 6)};
    o.update(w, g1, moments);
    o.update(w, g2, moments);
    o.update(w, g1, moments);
    double worst = 0.0;
    const auto check = [&](const auto& now, const auto& before, const auto& first, const auto& second) {
        for (Index i = 0; i < now.size(); ++i) {
            Reference r{o.learning_rate, o.beta1, o.beta2, o.epsilon, o.weight_decay, decoupled};
            double x = static_cast<double>(before(i, 0));
            x = r.step(x, static_cast<double>(first(i, 0)));
            x = r.step(x, static_cast<double>(second(i, 0)));
            x = r.step(x, static_cast<double>(first(i, 0)));
            worst = std::max(worst, std::abs(x - static_cast<double>(now(i, 0))));
        }
    };
    check(w.weights, start.weights, g1.weights, g2.weights);
    check(w.bias, start.bias, g1.bias, g2.bias);
    BOOST_TEST(worst < 20.0 * static_cast<double>(std::numeric_limits<S>::epsilon()));
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(sgd_steps_as_worked_by_hand, S, Scalars) {
    check_steps<S>(Sgd{.learning_rate = 0.1}, 1.0, {1.0, -2.0, 0.5}, {0.9, 1.1, 1.05});
    // m: 1, 0.9 - 2 = -1.1, -0.99 + 0.5 = -0.49
    check_steps<S>(Sgd{.learning_rate = 0.1, .momentum = 0.9}, 1.0, {1.0, -2.0, 0.5}, {0.9, 1.01, 1.059});
    // g: 1 + 0.5 = 1.5; 0 + 0.425 = 0.425; 0 + 0.40375
    check_steps<S>(Sgd{.learning_rate = 0.1, .weight_decay = 0.5}, 1.0, {1.0, 0.0, 0.0}, {0.85, 0.8075, 0.767125});
}

BOOST_AUTO_TEST_CASE_TEMPLATE(adam_steps_as_worked_by_hand, S, Scalars) {
    // Equal gradients have bias-corrected moments g and g^2: each step is the learning rate, whatever g is.
    check_steps<S>(Adam{.learning_rate = 0.1, .epsilon = 1e-20}, 1.0, {3.0, 3.0, 3.0}, {0.9, 0.8, 0.7});
    // beta1 = beta2 = 1/2, g = 1, -1: m = 1/2, -1/4; corrected 1, -1/3; v corrected 1, 1
    check_steps<S>(Adam{.learning_rate = 0.3, .beta1 = 0.5, .beta2 = 0.5, .epsilon = 1e-20}, 1.0, {1.0, -1.0, -1.0},
                   {0.7, 0.8, 0.8 + 0.3 * 5.0 / 7.0});
    // Decoupled: w (1 - 0.1 * 0.5) - 0.1 each time
    check_steps<S>(AdamW{.learning_rate = 0.1, .epsilon = 1e-20, .weight_decay = 0.5}, 1.0, {2.0, 2.0, 2.0},
                   {0.85, 0.7075, 0.572125});
}

BOOST_AUTO_TEST_CASE_TEMPLATE(adam_follows_the_published_formulas_for_every_weight, S, Scalars) {
    check_against_reference<S>(Adam{.learning_rate = 0.01}, false);
    check_against_reference<S>(Adam{.learning_rate = 0.01, .weight_decay = 0.1}, false);
    check_against_reference<S>(AdamW{.learning_rate = 0.01}, true);
    check_against_reference<S>(AdamW{.learning_rate = 0.01, .weight_decay = 0.0}, true);
}

BOOST_AUTO_TEST_CASE(impossible_options_are_refused_by_name) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double infinity = std::numeric_limits<double>::infinity();
    const auto message = [](const auto& o) { return message_of<DataError>([&] { o.check(); }); };
    BOOST_TEST(message(Adam{}) == "no error");
    BOOST_TEST(message(AdamW{}) == "no error");
    BOOST_TEST(message(Sgd{}) == "no error");
    BOOST_TEST(message(Adam{.learning_rate = nan}) ==
               "Adam: learning_rate: got nan, expected a finite value, 0 or more");
    BOOST_TEST(message(Adam{.learning_rate = -1}) ==
               "Adam: learning_rate: got -1.000000, expected a finite value, 0 or more");
    BOOST_TEST(message(AdamW{.learning_rate = infinity}) ==
               "AdamW: learning_rate: got inf, expected a finite value, 0 or more");
    BOOST_TEST(message(Adam{.beta1 = 1.0}) == "Adam: beta1: got 1.000000, expected 0 or more, below 1");
    BOOST_TEST(message(Adam{.beta2 = nan}) == "Adam: beta2: got nan, expected 0 or more, below 1");
    BOOST_TEST(message(Adam{.epsilon = 0.0}) == "Adam: epsilon: got 0.000000, expected a finite value above 0");
    BOOST_TEST(message(AdamW{.weight_decay = -0.5}) ==
               "AdamW: weight_decay: got -0.500000, expected a finite value, 0 or more");
    BOOST_TEST(message(Sgd{.learning_rate = nan}) == "Sgd: learning_rate: got nan, expected a finite value, 0 or more");
    BOOST_TEST(message(Sgd{.momentum = 1.0}) == "Sgd: momentum: got 1.000000, expected 0 or more, below 1");
    BOOST_TEST(message(Sgd{.weight_decay = infinity}) ==
               "Sgd: weight_decay: got inf, expected a finite value, 0 or more");
}
