// SPDX-License-Identifier: MIT
// Progress of learning, and what stands beside Taylor coefficients for comparison: retraining, permutation, principal
// components, edges.
#define BOOST_TEST_MODULE taylor_baselines
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>

#include <renn/activations/tanh.hpp>
#include <renn/attribution/taylor/learning_progress.hpp>
#include <renn/attribution/taylor/retraining.hpp>
#include <renn/data/gaussian_tasks.hpp>
#include <renn/data/principal_components.hpp>
#include <renn/data/selection_task.hpp>
#include <renn/evaluation/edge_map.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>
#include <renn/training/fit.hpp>

#include "support/beside_a_throw.hpp"
#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using namespace renn;

namespace {

using Small = Network<Dense<float>, Tanh<float>, Dense<float>>;
Small small(Index inputs, std::uint64_t seed) {
    return Small(Dense<float>(inputs, 8, mix(seed, 1)), Tanh<float>{}, Dense<float>(8, 1, mix(seed, 2)));
}
FitOptions quick() {
    return {.epochs = 5, .batch = 50, .loss = BinaryCrossEntropy{}, .optimizer = Adam{.learning_rate = 0.02}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(training_leaves_its_progress) {
    const auto data = gaussian_samples<float>(gaussian_task('a'), 300, 3);
    Small net = small(2, 1);
    LearningProgress progress;
    FitOptions options = quick();
    options.on_epoch = follow_learning(net, data.inputs(), probability(0), progress);
    fit(net, data, options);
    BOOST_TEST(progress.epochs.size() == 5U);
    BOOST_TEST(progress["x1,x2"].size() == 5U);
    const auto last = taylor_coefficients(net, data.inputs(), probability(0));
    BOOST_TEST(progress["x1"].back() == last["x1"].value);
    BOOST_TEST(progress.learnt("x1", 0.0) == 1);
}

BOOST_AUTO_TEST_CASE(retraining_and_permutation_tell_inputs_that_matter) {
    const SelectionTask task{.inputs = 4, .single = {1}, .product = {2, 2}, .weight = 3.0, .product_weight = 0.0};
    const auto train = selection_samples<float>(600, 1, task), test = selection_samples<float>(400, 2, task);
    RetrainingOptions options{.fit = quick()};
    const auto compared = retrain_and_compare(train, test, {1}, small, options);
    BOOST_TEST(compared.selected.runs.size() == 5U);
    BOOST_TEST(test::outlives_a_throw_beside_it<RetrainingOptions>());
    BOOST_TEST(std::abs(compared.all.accuracy().mean - compared.selected.accuracy().mean) < 0.03);
    BOOST_TEST(compared.selected.auc().mean > 0.85);
    BOOST_TEST(compared.selected.ams().mean > 5.0);
    const auto left_out = leave_one_out(train, test, small, options);
    const auto shuffled = permutation_importance(small(4, 1), test);
    BOOST_TEST(left_out.drops[1].accuracy.mean > 0.2);
    BOOST_TEST(std::abs(left_out.drops[0].accuracy.mean) < 0.03);
    BOOST_TEST(left_out.drops[0].accuracy.deviation > 0.0);
    Small net = small(4, 1);
    fit(net, train, quick());
    BOOST_TEST(permutation_importance(net, test).drops[1].auc.mean > 0.3);
    BOOST_TEST(shuffled.drops.size() == 4U);
    options.seeds = {1, 2};
    BOOST_TEST(test::message_of<DataError>([&] { leave_one_out(train, test, small, options); }) ==
               "leave_one_out: seeds: got 2, expected 5 or more");
    BOOST_TEST(std::abs(approximate_median_significance(10.0, 90.0) - 0.98399) < 1e-4);
}

BOOST_AUTO_TEST_CASE(principal_components_find_the_widest_direction) {
    Batch<double> x = test::random_batch<double>(3, 500, 2);
    x.row(1) = 3.0 * x.row(0);
    const auto pca = principal_components(x);
    BOOST_TEST(std::abs(pca.loadings(1, 0) - 3.0 / std::sqrt(10.0)) < 1e-2);
    BOOST_TEST(pca.variance[2] < 1e-12);
    BOOST_TEST(std::abs(pca.explained.sum() - 1.0) < 1e-12);
    BOOST_TEST((pca.reconstruct(pca.project(x)) - x).cwiseAbs().maxCoeff() < 1e-12);
    BOOST_TEST((pca.reconstruct(pca.project(x, 2)) - x).cwiseAbs().maxCoeff() < 1e-6);
    BOOST_TEST(test::message_of<DataError>([&] { principal_components(x.leftCols(1)); }) ==
               "principal_components: samples: got 1, expected 2 or more");
    BOOST_TEST(test::message_of<DataError>([&] { principal_components(x.topRows(0)); }) ==
               "principal_components: features: got 0, expected 1 or more");
}

BOOST_AUTO_TEST_CASE(edges_are_where_a_picture_changes) {
    Batch<double> x = Batch<double>::Zero(16, 2);
    for (Index row = 0; row < 4; ++row) x(row * 4 + 2, 0) = x(row * 4 + 3, 0) = 1.0;
    const Batch<double> edges = edge_map(x, {1, 4, 4});
    BOOST_TEST((edges.col(0).reshaped(4, 4).transpose().rowwise().sum().array() == 2.0).all());
    BOOST_TEST(edges(1, 0) == 1.0);
    BOOST_TEST(edges(0, 0) == 0.0);
    BOOST_TEST(edges.col(1).isZero(0.0));
    const Column<double> same = edge_correlation(x, edges, {1, 4, 4});
    BOOST_TEST(std::abs(same[0] - 1.0) < 1e-12);
    BOOST_TEST(std::isnan(same[1]));
}
