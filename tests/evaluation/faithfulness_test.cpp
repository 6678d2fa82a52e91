// SPDX-License-Identifier: MIT
// What is taken away, in which order, and what the metrics make of it.
#define BOOST_TEST_MODULE faithfulness
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/attribution/gradient.hpp>
#include <renn/evaluation/faithfulness.hpp>
#include <renn/evaluation/infidelity.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using namespace renn;

namespace {

/// y = W x: what each feature is worth is known.
struct Linear {
    Batch<double> w;
    Batch<double> operator()(const BatchView<double>& x) const { return w * x; }
};

Column<double> without(const auto& removal, const Column<double>& x, const std::vector<Index>& gone) {
    Removed removed(static_cast<std::size_t>(x.size()));
    for (const Index i : gone) removed[static_cast<std::size_t>(i)] = true;
    Column<double> out(x.size());
    removal(Eigen::Ref<const Column<double>>(x), removed, 3, Eigen::Ref<Column<double>>(out));
    return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_stands_where_a_feature_was) {
    const Shape image{1, 5, 6};
    const Column<double> x = test::random_batch<double>(30, 1, 4);
    const Batch<double> data = test::random_batch<double>(30, 9, 5);
    const auto check = [&](const auto& removal) {
        const Column<double> out = without(removal, x, {0, 7, 8});
        for (Index i = 0; i < 30; ++i) {
            if (i != 0 && i != 7 && i != 8) BOOST_TEST(out[i] == x[i]);
        }
        BOOST_TEST((without(removal, x, {0, 7, 8}) == out));
        return out;
    };
    BOOST_TEST(check(RemoveTo(2.5))[7] == 2.5);
    BOOST_TEST(check(RemoveTo::mean_of(data))[8] == data.row(8).mean());
    BOOST_TEST(check(RemoveTo::minimum_of(data))[0] == data.row(0).minCoeff());
    const Column<double> noise = check(RemoveToNoise{.low = 3, .high = 4});
    BOOST_TEST((noise[0] >= 3 && noise[0] < 4 && noise[0] != noise[7]));
    BOOST_TEST(noise[7] == without(RemoveToNoise{.low = 3, .high = 4}, x, {7})[7]);  // whatever else is gone
    const Column<double> blurred = check(RemoveToBlur{image, 1.0});
    BOOST_TEST(std::abs(blurred[7]) < 1.0);
    BOOST_TEST(without(RemoveToBlur{image, 1.0}, Column<double>::Constant(30, 0.7), {3})[3] == 0.7,
               boost::test_tools::tolerance(1e-12));
    // Neighbours: a ramp has the mean of its neighbours everywhere inside, so it is filled as it was.
    Column<double> ramp(30);
    for (Index i = 0; i < 30; ++i) ramp[i] = 2.0 * static_cast<double>(i % 6) - static_cast<double>(i / 6);
    const RemoveToNeighbours road{image, 0.0};
    BOOST_TEST((without(road, ramp, {7, 8, 13, 14, 21}) - ramp).cwiseAbs().maxCoeff() < 1e-8);
    check(road);
    std::vector<Index> all(30);
    for (Index i = 0; i < 30; ++i) all[static_cast<std::size_t>(i)] = i;
    BOOST_TEST((without(road, x, all).array() - x.mean()).abs().maxCoeff() < 1e-12);
    BOOST_TEST(test::message_of<ShapeError>([&] {
                   without(RemoveToBlur{{1, 5, 5}}, x, {1});
               }) == "RemoveToBlur: image: got 1 x 5 x 5, expected 30 features");
}

BOOST_AUTO_TEST_CASE(flipping_a_linear_model_takes_what_each_feature_is_worth) {
    Batch<double> w(2, 4);
    w << 4, -1, 2, 3, 0, 0, 0, 0;
    const Linear model{w};
    const Batch<double> x = Batch<double>::Ones(4, 2);
    const Batch<double> relevance = w.row(0).transpose().replicate(1, 2);
    const auto flip = [&](const FlipOptions& o) {
        return flip_features(model, x, relevance, output(0), RemoveTo(0.0), o);
    };
    const FlipCurves most = flip({});
    BOOST_TEST((most.output.col(0) == (Column<double>(5) << 8, 4, 1, -1, 0).finished()));
    BOOST_TEST(most.probability(0, 1) == 1.0 / (1.0 + std::exp(-8.0)), boost::test_tools::tolerance(1e-12));
    BOOST_TEST(area_over_curve(most.output).score == (0 + 4 + 7 + 9 + 8) / 5.0);
    BOOST_TEST(area_under_curve(most.output).score == (0.5 * 8 + 4 + 1 - 1) / 4.0);
    const FlipCurves least = flip({.order = FlipOrder::least_relevant_first});
    BOOST_TEST((least.output.col(1) == (Column<double>(5) << 8, 9, 7, 4, 0).finished()));
    const FlipCurves back = flip({.insert = true});
    BOOST_TEST((back.output.col(1) == (Column<double>(5) << 0, 4, 7, 9, 8).finished()));
    const FlipCurves pairs = flip({.regions = {{0, 1}, {2, 3}}});
    BOOST_TEST((pairs.output.col(1) == (Column<double>(3) << 8, 3, 0).finished()));
    BOOST_TEST((flip({.at_once = 3}).output.col(0) == (Column<double>(3) << 8, -1, 0).finished()));
    BOOST_TEST(flip({.steps = 1}).output.rows() == 2);
    BOOST_TEST(flip({.order = FlipOrder::random}).output.row(4).isZero());
    BOOST_TEST(square_regions({2, 3, 5}, 2).size() == 6U);
    BOOST_TEST((square_regions({2, 3, 5}, 2)[5] == std::vector<Index>{14, 29}));

    // The model predicts output 0 for the first sample alone.
    Batch<double> signs = x;
    signs.col(1) *= -1;
    const FlipCurves correct = flip_features(model, signs, relevance, output(0), RemoveTo(0.0), {.only_correct = true});
    BOOST_TEST(correct.dropped == 1U);
    const Measurement area = area_under_curve(correct.output);
    BOOST_TEST((area.dropped == 1U && area.score == 2.0 && std::isnan(area.per_sample[1])));
    BOOST_TEST(test::message_of<DataError>([&] {
                   flip_features(model, Batch<double>(-x), relevance, output(0), RemoveTo(0.0), {.only_correct = true});
               }) == "flip_features: samples that the model predicts right: got none, expected 1 or more");
}

BOOST_AUTO_TEST_CASE(metrics_know_a_perfect_explanation_of_a_linear_model_from_a_wrong_one) {
    const Linear model{test::random_batch<double>(3, 20, 1)};
    const Batch<double> x = test::random_batch<double>(20, 30, 2).array() + 2.0;
    const Batch<double> gradient = model.w.row(1).transpose().replicate(1, 30);
    const Batch<double> right = gradient.cwiseProduct(x);
    const Batch<double> wrong = test::random_batch<double>(20, 30, 3);
    const RemoveTo zero(0.0);
    const Selectivity good = selectivity(model, x, right, output(1), zero),
                      bad = selectivity(model, x, wrong, output(1), zero);
    BOOST_TEST((good.below_random && good.difference < -2.0 * good.standard_error));
    BOOST_TEST(!bad.below_random);
    const Measurement one = sensitivity_n(model, x, right, output(1), zero, {1, 5, 10});
    BOOST_TEST((std::abs(one.score - 1.0) < 1e-9 && one.curve.rows() == 3 && one.dropped == 0U));
    const Measurement two = sensitivity_n(model, x, wrong, output(1), zero, {5, 2});
    BOOST_TEST(std::abs(two.score) < 0.3);
    // A size and a sample have the same subsets whatever was measured before them.
    BOOST_TEST((sensitivity_n(model, x, wrong, output(1), zero, {5}).curve.row(0) == two.curve.row(0)));
    const Measurement first = sensitivity_n(model, x.leftCols(1), wrong.leftCols(1), output(1), zero, {3, 2});
    BOOST_TEST(first.curve(1, 0) == two.curve(1, 0));
    BOOST_TEST(completeness_gap(model, x, right, output(1), 0.0).score < 1e-12);
    BOOST_TEST(completeness_gap(model, x, Batch<double>(2.0 * right), output(1), x).score > 0.1);
    BOOST_TEST(infidelity(model, x, gradient, output(1)).score < 1e-20);
    BOOST_TEST(infidelity(model, x, Batch<double>(2.0 * gradient), output(1)).score > 1e-3);
    BOOST_TEST(infidelity(model, x, gradient, direction(Eigen::Vector3d(0, 1, 0))).score < 1e-20);
    const auto both = insertion_deletion(model, x, right, output(1), zero, zero);
    BOOST_TEST(both.insertion.score > both.deletion.score);

    // Scores are taken as they are: a wrong scale shows in the gap, not in the order.
    BOOST_TEST(selectivity(model, x, Batch<double>(7.0 * right), output(1), zero).area.score == good.area.score);
}

BOOST_AUTO_TEST_CASE(covering_the_cause_changes_the_prediction) {
    Batch<double> w = Batch<double>::Zero(2, 4);
    w(0, 0) = w(0, 1) = 1.0;
    w(1, 3) = 1.5;
    const Batch<double> x = Batch<double>::Ones(4, 1);
    const Batch<double> relevance = w.row(0).transpose();
    const std::vector<Closure> found = closure_test(Linear{w}, x, relevance, Regions{{2, 3}, {0, 1}}, RemoveTo(0.0), 1);
    BOOST_TEST(found[0].region == 1);
    BOOST_TEST((found[0].before.size() == 1U && found[0].before[0].output == 0 && found[0].after[0].output == 1));
    BOOST_TEST(test::message_of<DataError>([&] {
                   closure_test(Linear{w}, x, relevance, Regions{{2, 3}}, RemoveTo(0.0), 0);
               }) == "closure_test: classes: got 0, expected 1 or more");
}

BOOST_AUTO_TEST_CASE(a_network_is_a_model_and_the_prediction_stays_what_it_was) {
    const Network<Dense<float>, ReLU<float>, Dense<float>> net(Dense<float>(6, 8, 1), ReLU<float>{},
                                                               Dense<float>(8, 3, 2));
    const Batch<float> x = test::random_batch<float>(6, 12, 3);
    const auto target = predicted_output();
    const Batch<float> scores = attribute(net, x, target, GradientTimesInput{}).scores;
    const FlipCurves curves = flip_features(net, x, scores, target, RemoveTo(0.0));
    BOOST_TEST((curves.output.row(0).cast<float>() == net.predict(x).colwise().maxCoeff()));
    std::vector<std::int32_t> classes;
    for (Index j = 0; j < 12; ++j) classes.push_back(predicted_class(net.predict(x).col(j)));
    BOOST_TEST((curves.output == flip_features(net, x, scores, output(classes), RemoveTo(0.0)).output));
    // Without biases the gradient times the input adds up to the output.
    BOOST_TEST(completeness_gap(net, x, scores, target, Column<float>::Zero(6)).score < 1e-5);
    const Measurement inside =
        infidelity(net, x, attribute(net, x, at("dense1", output(2)), Gradient{}).scores, at("dense1", output(2)));
    BOOST_TEST(inside.score < 1e-8);  // a unit before any activation is linear
}

BOOST_AUTO_TEST_CASE(bad_input_is_told) {
    const Linear model{Batch<double>::Ones(2, 4)};
    const Batch<double> x = Batch<double>::Ones(4, 2);
    const RemoveTo zero;
    const auto message = [](auto&& call) { return test::message_of<Error>(call); };
    Batch<double> broken = x;
    broken(1, 1) = std::nan("");
    BOOST_TEST(message([&] { flip_features(model, x, broken, output(0), zero); }) ==
               "flip_features: relevance: got NaN or infinite, expected finite values");
    BOOST_TEST(message([&] { flip_features(model, x, Batch<double>(x.topRows(3)), output(0), zero); }) ==
               "flip_features: relevance: got 3 x 2, expected 4 x 2");
    BOOST_TEST(message([&] { flip_features(model, x, x, output(0), zero, {.at_once = 0}); }) ==
               "flip_features: at_once: got 0, expected 1 or more");
    BOOST_TEST(message([&] { flip_features(model, x, x, output(5), zero); }).find("target: output of sample 0") == 0U);
    BOOST_TEST(message([&] { flip_features(model, x, x, output(0), zero, {.regions = {{4}}}); }) ==
               "flip_order: feature of a region: got 4, expected 0..3");
    const Batch<double> none(4, 0);
    BOOST_TEST(message([&] { flip_features(model, none, none, output(0), zero); }) ==
               "flip_features: samples: got 0, expected 1 or more");
    BOOST_TEST(message([&] { sensitivity_n(model, x, x, output(0), zero, {5}); }) ==
               "sensitivity_n: size of a subset: got 5, expected 1..4");
    BOOST_TEST(message([&] {
                   sensitivity_n(model, x, x, output(0), zero, {4});
               }).find("sensitivity_n: samples left: got 0 of 2") == 0U);
    BOOST_TEST(message([&] { completeness_gap(model, x, x, output(0), Column<double>::Zero(3)); }) ==
               "completeness_gap: baseline: got 3 x 1, expected 4 x 1 or 4 x 2");
    BOOST_TEST(message([&] { infidelity(model, x, x, output(0), {.draws = 0}); }) ==
               "infidelity: draws: got 0, expected 1 or more");
    BOOST_TEST(message([&] { RemoveTo::mean_of(none); }) == "RemoveTo: samples: got 0, expected 1 or more");
    BOOST_TEST(message([&] { flip_features(model, x, x, output(0), RemoveTo(Column<double>::Zero(3))); }) ==
               "RemoveTo: values: got 3 x 1, expected 4 x 1");
}
