// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE loss
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <renn/training/loss.hpp>

#include "support/gradient_check.hpp"
#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using renn::Batch;
using renn::BatchView;
using renn::BinaryCrossEntropy;
using renn::CrossEntropy;
using renn::DataError;
using renn::Index;
using renn::MeanSquaredError;
using renn::ShapeError;
using renn::Targets;
using renn::test::message_of;
using renn::test::random_batch;
using Scalars = boost::mpl::list<float, double>;
using Labels = std::vector<std::int32_t>;

namespace {

template <class S>
constexpr double rounding = 20.0 * static_cast<double>(std::numeric_limits<S>::epsilon());

template <class S, class L>
double value_of(const L& loss, const Batch<S>& y, const Targets<S>& targets, Batch<S>& gradient) {
    gradient = Batch<S>::Constant(y.rows(), y.cols(), std::numeric_limits<S>::quiet_NaN());
    return loss(BatchView<S>(y), targets, gradient);
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(losses_have_the_values_worked_by_hand, S, Scalars) {
    Batch<S> y(2, 2), g, wanted(2, 2);
    y << 0, 1, std::log(S(3)), 1;
    const Labels labels{1, 0};
    // softmax (1/4, 3/4) with label 1, and (1/2, 1/2) with label 0
    BOOST_TEST(std::abs(value_of<S>(CrossEntropy(), y, {labels}, g) - (std::log(4.0 / 3.0) + std::log(2.0)) / 2) <
               rounding<S>);
    BOOST_TEST((g - (Batch<S>(2, 2) << 0.125, -0.25, -0.125, 0.25).finished()).cwiseAbs().maxCoeff() < S(rounding<S>));

    wanted << 1, 2, 0, -1;
    y << 3, 2, 0, 1;
    BOOST_TEST(value_of<S>(MeanSquaredError(), y, {{}, &wanted}, g) == 2.0);  // (4 + 0 + 0 + 4) / 4
    BOOST_TEST((g == (Batch<S>(2, 2) << 1, 0, 0, 1).finished()));

    y << 0, 0, std::log(S(3)), 0;
    wanted << 1, 0.5, 0, 1;
    BOOST_TEST(std::abs(value_of<S>(BinaryCrossEntropy(), y, {{}, &wanted}, g) -
                        (3 * std::log(2.0) + std::log(4.0)) / 4) < rounding<S>);
    BOOST_TEST((g - (Batch<S>(2, 2) << -0.125, 0, 0.1875, -0.125).finished()).cwiseAbs().maxCoeff() < S(rounding<S>));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(labels_count_as_one_hot_targets, S, Scalars) {
    const Batch<S> y = random_batch<S>(3, 4, 1);
    const Labels labels{2, 0, 1, 1};
    Batch<S> one_hot = Batch<S>::Zero(3, 4);
    for (Index j = 0; j < 4; ++j) one_hot(labels[static_cast<std::size_t>(j)], j) = S(1);
    Batch<S> by_label, by_target;
    const auto check = [&](const auto& loss) {
        const double a = value_of<S>(loss, y, {labels}, by_label);
        const double b = value_of<S>(loss, y, {{}, &one_hot}, by_target);
        BOOST_TEST(std::abs(a - b) < rounding<S>);
        BOOST_TEST((by_label - by_target).cwiseAbs().maxCoeff() < S(rounding<S>));
    };
    check(CrossEntropy());
    check(MeanSquaredError());
    check(BinaryCrossEntropy());

    // A single output is compared with the label itself.
    const Batch<S> logit = random_batch<S>(1, 3, 1);
    const Labels binary{1, 0, 1};
    const Batch<S> number = (Batch<S>(1, 3) << 1, 0, 1).finished();
    BOOST_TEST(value_of<S>(BinaryCrossEntropy(), logit, {binary}, by_label) ==
               value_of<S>(BinaryCrossEntropy(), logit, {{}, &number}, by_target));
    BOOST_TEST((by_label == by_target));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(gradients_match_central_differences, S, Scalars) {
    for (const Index samples : {1, 5}) {
        Batch<S> y = random_batch<S>(3, samples, 1) * S(2), g, scratch;
        const Batch<S> wanted = random_batch<S>(3, samples, 2).cwiseAbs();  // need not sum to one
        Labels labels;
        for (Index j = 0; j < samples; ++j) labels.push_back(static_cast<std::int32_t>(j % 3));
        const auto check = [&](const auto& loss) {
            for (const Targets<S>& targets : {Targets<S>{labels}, Targets<S>{{}, &wanted}}) {
                value_of<S>(loss, y, targets, g);
                const auto value = [&] { return value_of<S>(loss, y, targets, scratch); };
                BOOST_TEST(renn::test::gradient_error(value, y, g) < renn::test::gradient_tolerance<S>);
            }
        };
        check(CrossEntropy());
        check(MeanSquaredError());
        check(BinaryCrossEntropy());
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(extreme_logits_do_not_overflow, S, Scalars) {
    Batch<S> y(2, 3), g;
    y << S(1e30), S(-1e30), S(900), S(-1e30), S(1e30), S(-900);
    const Labels labels{0, 0, 1};
    const double cross = value_of<S>(CrossEntropy(), y, {labels}, g);
    BOOST_TEST(std::abs(cross / (2e30 / 3.0) - 1.0) < 1e-6);
    BOOST_TEST((g.array().abs() <= S(1)).all());
    BOOST_TEST(g(0, 0) == S(0));
    BOOST_TEST(std::abs(g(0, 1) + S(1) / S(3)) < S(rounding<S>));
    const double binary = value_of<S>(BinaryCrossEntropy(), y, {labels}, g);
    BOOST_TEST(std::isfinite(binary));
    BOOST_TEST((g.array().abs() <= S(1)).all());
    BOOST_TEST(g(0, 0) == S(0));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_nan_among_the_outputs_shows_in_the_loss, S, Scalars) {
    Batch<S> y = Batch<S>::Zero(3, 2), g;
    y(1, 1) = std::numeric_limits<S>::quiet_NaN();
    const Labels labels{0, 0};
    BOOST_TEST(std::isnan(value_of<S>(CrossEntropy(), y, {labels}, g)));
    BOOST_TEST(std::isnan(value_of<S>(MeanSquaredError(), y, {labels}, g)));
    BOOST_TEST(std::isnan(value_of<S>(BinaryCrossEntropy(), y, {labels}, g)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_empty_batch_costs_nothing, S, Scalars) {
    Batch<S> g;
    BOOST_TEST(value_of<S>(CrossEntropy(), Batch<S>(3, 0), {}, g) == 0.0);
    BOOST_TEST(value_of<S>(MeanSquaredError(), Batch<S>(3, 0), {}, g) == 0.0);
    BOOST_TEST(value_of<S>(BinaryCrossEntropy(), Batch<S>(3, 0), {}, g) == 0.0);
    BOOST_TEST(g.cols() == 0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(targets_that_do_not_fit_are_refused, S, Scalars) {
    const Batch<S> y = Batch<S>::Zero(3, 2), wrong = Batch<S>::Zero(2, 2);
    Batch<S> g;
    const Labels one{0}, large{0, 3}, negative{-1, 0}, fine{0, 0};
    BOOST_TEST(message_of<ShapeError>([&] { value_of<S>(MeanSquaredError(), y, {one}, g); }) ==
               "MeanSquaredError: labels: got 1, expected 2");
    BOOST_TEST(message_of<ShapeError>([&] {
                   value_of<S>(BinaryCrossEntropy(), y, {{}, &wrong}, g);
               }) == "BinaryCrossEntropy: targets: got 2 x 2, expected 3 x 2");
    BOOST_TEST(message_of<DataError>([&] { value_of<S>(CrossEntropy(), y, {large}, g); }) ==
               "CrossEntropy: label of column 1: got 3, expected 0..2, the outputs");
    BOOST_TEST(message_of<DataError>([&] { value_of<S>(CrossEntropy(), y, {negative}, g); }) ==
               "CrossEntropy: label of column 0: got -1, expected 0..2, the outputs");
    BOOST_TEST(
        message_of<ShapeError>([&] { value_of<S>(CrossEntropy(), Batch<S>(Batch<S>::Zero(1, 2)), {fine}, g); }) ==
        "CrossEntropy: outputs: got 1, expected one for each class; BinaryCrossEntropy takes a logit, MeanSquaredError "
        "a number");
    // Numbers that are no probabilities are those of a regression.
    Batch<S> numbers = Batch<S>::Zero(3, 2), one_number = Batch<S>::Ones(1, 2);
    numbers(2, 1) = S(-0.5);
    const std::string regression =
        "target 2 of column 1: got -0.500000, expected a probability; MeanSquaredError takes "
        "any number";
    BOOST_TEST(message_of<DataError>([&] {
                   value_of<S>(CrossEntropy(), y, {{}, &numbers}, g);
               }) == "CrossEntropy: " + regression);
    BOOST_TEST(message_of<DataError>([&] {
                   value_of<S>(BinaryCrossEntropy(), y, {{}, &numbers}, g);
               }) == "BinaryCrossEntropy: " + regression);
    numbers(2, 1) = S(1.5);
    BOOST_TEST(value_of<S>(CrossEntropy(), y, {{}, &numbers}, g) > 0.0);
    BOOST_CHECK_THROW(value_of<S>(BinaryCrossEntropy(), y, {{}, &numbers}, g), DataError);
    BOOST_CHECK_THROW(value_of<S>(CrossEntropy(), one_number, {{}, &one_number}, g), ShapeError);
}
