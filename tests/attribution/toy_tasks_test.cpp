// SPDX-License-Identifier: MIT
// labels: long_running
// What Taylor coefficients say of networks trained on tasks whose best answer is known.
#define BOOST_TEST_MODULE toy_tasks
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <renn/activations/tanh.hpp>
#include <renn/attribution/taylor/coefficients.hpp>
#include <renn/attribution/taylor/learning_progress.hpp>
#include <renn/attribution/taylor/ranking.hpp>
#include <renn/attribution/taylor/retraining.hpp>
#include <renn/data/gaussian_tasks.hpp>
#include <renn/data/selection_task.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/initialise.hpp>
#include <renn/network/network.hpp>
#include <renn/training/fit.hpp>

using namespace renn;

namespace {

using Net = Network<Dense<float>, Tanh<float>, Dense<float>>;

Net network(Index inputs, Index width) {
    return Net(Dense<float>(inputs, width, Glorot{1}), Tanh<float>{}, Dense<float>(width, 1, Glorot{2}));
}

/// Coefficients of the exact likelihood ratio over 200,000 samples.
struct Expected {
    char task;
    double single, pair, square;
};

}  // namespace

BOOST_AUTO_TEST_CASE(trained_networks_have_the_coefficients_of_the_best_answer) {
    for (const Expected& e : {Expected{'a', 0.163, 0.065, 0.032},
                              {'b', 0.171, 0.226, 0.045},
                              {'c', 0.161, 0.170, 0.065},
                              {'d', 0.176, 0.083, 0.151}}) {
        const GaussianTask task = gaussian_task(e.task);
        const auto train = gaussian_samples<float>(task, 50000, 1);
        const auto test = gaussian_samples<float>(task, 10000, 2);
        Net net = network(2, 32);
        fit(net, train,
            {.epochs = 30,
             .batch = 1000,
             .loss = BinaryCrossEntropy{},
             .optimizer = Adam{.learning_rate = 0.02},
             .schedule = CosineDecay{.lowest = 0.0}});
        const auto t = taylor_coefficients(net, test.inputs(), probability(0), {.inputs = TaylorInputs::as_given});
        const double accuracy = classifier_quality(net, test).accuracy;
        double best = 0.0;  // of the same samples
        for (Index i = 0; i < test.samples(); ++i) {
            const auto x = test.input(i);
            const bool signal = task.log_likelihood_ratio(static_cast<double>(x[0]), static_cast<double>(x[1])) > 0.0;
            best += signal == (test.label(i) == 1) ? 1.0 / static_cast<double>(test.samples()) : 0.0;
        }
        std::string all = std::string(1, e.task) + " accuracy " + std::to_string(accuracy);
        for (const auto& term : t.terms) all += ", t(" + term.name + ") " + std::to_string(term.value);
        BOOST_TEST_MESSAGE(all);
        BOOST_TEST_CONTEXT(all) {
            // From more samples all come within 15 %: see examples/taylor_analysis.cpp.
            const auto near = [&](const char* name, double wanted, double part) {
                BOOST_TEST(std::abs(t[name].value - wanted) < part * wanted);
            };
            for (const char* name : {"x1", "x2"}) near(name, e.single, 0.15);
            near("x1,x2", e.pair, 0.2);
            for (const char* name : {"x1,x1", "x2,x2"}) near(name, e.square, 0.2);
            BOOST_TEST(std::abs(accuracy - best) < 0.005);
        }
    }
}

BOOST_AUTO_TEST_CASE(correlations_are_learnt_later_than_marginals) {
    const auto train = gaussian_samples<float>(gaussian_task('c'), 10000, 1);
    const auto test = gaussian_samples<float>(gaussian_task('c'), 500, 2);
    Net net = network(2, 50);
    LearningProgress progress;
    fit(net, train,
        {.epochs = 80,
         .batch = 2000,
         .loss = BinaryCrossEntropy{},
         .optimizer = Adam{.learning_rate = 3e-3},
         .on_epoch = follow_learning(net, test.inputs(), probability(0), progress)});
    const int pair = progress.learnt("x1,x2", 0.8);
    for (const char* single : {"x1", "x2"}) {
        BOOST_TEST_MESSAGE(std::string(single) + " in epoch " + std::to_string(progress.learnt(single, 0.8)) +
                           ", x1,x2 in epoch " + std::to_string(pair));
        BOOST_TEST(progress.learnt(single, 0.8) * 3 < pair);
    }
}

BOOST_AUTO_TEST_CASE(the_largest_terms_of_thirty_inputs_are_made_of_those_that_matter) {
    const SelectionTask task;
    const auto train = selection_samples<float>(20000, 1), test = selection_samples<float>(1000, 2);
    Net net = network(task.inputs, 24);
    fit(net, train,
        {.epochs = 12,
         .batch = 200,
         .loss = BinaryCrossEntropy{},
         .optimizer = Adam{.learning_rate = 0.01},
         .schedule = CosineDecay{.lowest = 0.0}});
    const auto t = taylor_coefficients(net, test.inputs(), probability(0));
    BOOST_TEST(t.terms.size() == 495U);
    const auto selected = select(t, TopShare{0.05});
    BOOST_TEST(selected.size() == 25U);
    BOOST_TEST(t.terms[selected.front()].name == "x6,x21");
    BOOST_TEST(variables(t, selected) == task.relevant(), boost::test_tools::per_element());
}
