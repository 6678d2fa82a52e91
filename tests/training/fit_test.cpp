// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE fit
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <renn/activations/tanh.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/dropout.hpp>
#include <renn/network/fingerprint.hpp>
#include <renn/network/network.hpp>
#include <renn/training/fit.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using renn::Batch;
using renn::BatchView;
using renn::DataError;
using renn::Dataset;
using renn::Dense;
using renn::Dropout;
using renn::Epoch;
using renn::Index;
using renn::Network;
using renn::Progress;
using renn::Sgd;
using renn::ShapeError;
using renn::Tanh;
using renn::Training;
using renn::test::message_of;
using renn::test::random_batch;
using Scalars = boost::mpl::list<float, double>;

namespace {

template <class S>
auto make_network(Index outputs, std::uint64_t seed = 1) {
    return Network(Dense<S>(2, 8, seed), Tanh<S>(), Dropout<S>(0.1), Dense<S>(8, outputs, seed + 1));
}

/// Four clusters whose class is the exclusive or of their signs.
template <class S>
Dataset<S> make_xor(Index samples, std::uint64_t seed = 3) {
    Batch<S> x = random_batch<S>(2, samples, seed) * S(0.3);
    std::vector<std::int32_t> labels;
    for (Index j = 0; j < samples; ++j) {
        const bool a = j % 2 == 1, b = j / 2 % 2 == 1;
        x(0, j) += a ? S(1) : S(-1);
        x(1, j) += b ? S(1) : S(-1);
        labels.push_back(a != b ? 1 : 0);
    }
    return Dataset<S>(std::move(x), {.labels = std::move(labels)});
}

template <class Net>
std::uint64_t bits_of(const Net& net) {
    return renn::fingerprint(net);
}

/// A user's loss: mean absolute error to the one-hot label. It also notes which batches it saw.
struct AbsoluteError {
    std::vector<std::vector<std::int32_t>>* seen = nullptr;
    double operator()(const BatchView<float>& y, const renn::Targets<float>& targets, Batch<float>& gradient) const {
        if (seen != nullptr) seen->emplace_back(targets.labels.begin(), targets.labels.end());
        gradient.resize(y.rows(), y.cols());
        double total = 0.0;
        for (Index j = 0; j < y.cols(); ++j) {
            for (Index i = 0; i < y.rows(); ++i) {
                const float error = y(i, j) - targets(i, j, y.rows());
                total += static_cast<double>(std::abs(error));
                gradient(i, j) = (error > 0 ? 1.0f : -1.0f) / static_cast<float>(y.size());
            }
        }
        return total / static_cast<double>(y.size());
    }
};

/// A user's optimizer that follows the sign of the gradient and keeps no moments at all.
struct SignDescent {
    float rate = 0.01f;
    bool fine = true;
    void check() const {
        if (!fine) throw std::invalid_argument("not fine");
    }
    template <class P>
    void update(P& parameters, const P& gradient, renn::Moments<P>&) const {
        renn::for_each_block([this](auto& w, const auto& g) { w -= rate * g.cwiseSign(); }, parameters, gradient);
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(it_learns_what_no_linear_model_can, S, Scalars) {
    const auto data = make_xor<S>(200), unseen = make_xor<S>(100, 9);
    auto net = make_network<S>(2);
    const Training training =
        renn::fit(net, data, unseen, {.epochs = 40, .batch = 16, .optimizer = renn::Adam{.learning_rate = 0.02}});
    BOOST_TEST(training.epochs.size() == 40u);
    BOOST_TEST(!training.cancelled);
    BOOST_TEST(!training.diverged);
    BOOST_TEST(renn::evaluate(net, data).accuracy == 1.0);
    BOOST_TEST(training.epochs.back().validation_accuracy == 1.0);
    BOOST_TEST(training.epochs.back().loss < 0.1);
    BOOST_TEST(training.epochs.back().number == 40);
    const renn::Evaluation again = renn::evaluate(net, unseen);
    BOOST_TEST(again.loss == training.epochs.back().validation_loss);

    auto logit = make_network<S>(1);
    renn::fit(logit, data,
              {.epochs = 40,
               .batch = 16,
               .loss = renn::BinaryCrossEntropy{},
               .optimizer = renn::AdamW{.learning_rate = 0.02}});
    BOOST_TEST(renn::evaluate(logit, data, renn::BinaryCrossEntropy{}).accuracy == 1.0);

    const Dataset<S> regression(data.inputs(), {.targets = Batch<S>(data.inputs().topRows(1) * S(2))});
    auto line = make_network<S>(1);
    const auto fitted = renn::fit(line, regression,
                                  {.epochs = 60,
                                   .batch = 16,
                                   .loss = renn::MeanSquaredError{},
                                   .optimizer = Sgd{.learning_rate = 0.05, .momentum = 0.9}});
    BOOST_TEST(renn::evaluate(line, regression, renn::MeanSquaredError{}).loss < 0.1);
    BOOST_TEST(std::isnan(fitted.epochs.back().accuracy));
    BOOST_TEST(std::isnan(fitted.epochs.back().validation_loss));
}

BOOST_AUTO_TEST_CASE(the_same_seed_gives_the_same_bits_and_another_seed_others) {
    const auto data = make_xor<float>(50);
    const auto run = [&](std::uint64_t seed) {
        auto net = make_network<float>(2);
        const Training t = renn::fit(net, data, {.epochs = 3, .batch = 16, .seed = seed});
        return std::pair(bits_of(net), t.epochs.back().loss);
    };
    BOOST_TEST((run(5) == run(5)));
    BOOST_TEST((run(5).first != run(6).first));
}

BOOST_AUTO_TEST_CASE(order_is_kept_without_shuffling_and_is_a_new_permutation_each_epoch_with_it) {
    Batch<float> x = random_batch<float>(2, 10, 1);
    const std::vector<std::int32_t> labels{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    const Dataset<float> data(x, {.labels = labels});
    for (const bool shuffle : {false, true}) {
        auto net = make_network<float>(10);
        std::vector<std::vector<std::int32_t>> seen;
        renn::fit(net, data, Dataset<float>(), AbsoluteError{&seen}, SignDescent{},
                  {.epochs = 2, .batch = 4, .shuffle = shuffle});
        BOOST_REQUIRE(seen.size() == 6u);
        std::vector<std::vector<std::int32_t>> epochs(2);
        for (std::size_t b = 0; b < 6; ++b) epochs[b / 3].insert(epochs[b / 3].end(), seen[b].begin(), seen[b].end());
        BOOST_TEST((epochs[0] == labels) == !shuffle);
        BOOST_TEST((epochs[0] == epochs[1]) == !shuffle);
        for (auto& e : epochs) {
            std::sort(e.begin(), e.end());
            BOOST_TEST(e == labels, boost::test_tools::per_element());
        }
    }
}

BOOST_AUTO_TEST_CASE(no_epochs_and_no_learning_change_nothing) {
    const auto data = make_xor<float>(20);
    auto net = make_network<float>(2);
    const auto before = bits_of(net);
    BOOST_TEST(renn::fit(net, data, {.epochs = 0}).epochs.empty());
    BOOST_TEST(bits_of(net) == before);
    BOOST_TEST(renn::fit(net, data, {.epochs = 2, .optimizer = Sgd{.learning_rate = 0.0}}).epochs.size() == 2u);
    BOOST_TEST(bits_of(net) == before);
}

BOOST_AUTO_TEST_CASE(a_batch_larger_than_the_data_takes_all_of_it) {
    const auto data = make_xor<float>(20);
    auto one = make_network<float>(2), other = one;
    renn::fit(one, data, {.epochs = 2, .batch = 20, .shuffle = false});
    renn::fit(other, data, {.epochs = 2, .batch = 1000, .shuffle = false});
    BOOST_TEST(bits_of(one) == bits_of(other));
}

BOOST_AUTO_TEST_CASE(progress_counts_samples_and_can_cancel) {
    const auto data = make_xor<float>(20);
    auto net = make_network<float>(2);
    std::vector<std::uint64_t> done;
    const auto all = renn::fit(net, data, {.epochs = 2, .batch = 8, .progress = [&](const Progress& p) {
                                               BOOST_TEST(p.total == 40u);
                                               BOOST_TEST(p.phase == "training");
                                               done.push_back(p.done);
                                               return true;
                                           }});
    BOOST_TEST(done == (std::vector<std::uint64_t>{8, 16, 20, 28, 36, 40}), boost::test_tools::per_element());
    BOOST_TEST(!all.cancelled);

    // Cancelled after two steps, the network has made two steps.
    auto cancelled = make_network<float>(2), reference = cancelled;
    const auto t = renn::fit(
        cancelled, data,
        {.epochs = 5, .batch = 8, .shuffle = false, .progress = [](const Progress& p) { return p.done < 16; }});
    BOOST_TEST(t.cancelled);
    BOOST_TEST(!t.diverged);
    BOOST_TEST(t.epochs.empty());
    renn::fit(reference, data.first(16), {.epochs = 1, .batch = 8, .shuffle = false});
    BOOST_TEST(bits_of(cancelled) == bits_of(reference));
}

BOOST_AUTO_TEST_CASE(on_epoch_sees_every_epoch_and_can_cancel) {
    const auto data = make_xor<float>(20);
    auto net = make_network<float>(2);
    std::vector<int> numbers;
    const auto t = renn::fit(net, data, data, {.epochs = 9, .on_epoch = [&](const Epoch& e) {
                                                   BOOST_TEST(std::isfinite(e.loss));
                                                   BOOST_TEST(std::isfinite(e.validation_loss));
                                                   BOOST_TEST((e.accuracy >= 0.0 && e.accuracy <= 1.0));
                                                   BOOST_TEST(e.seconds >= 0.0);
                                                   numbers.push_back(e.number);
                                                   return e.number < 3;
                                               }});
    BOOST_TEST(numbers == (std::vector<int>{1, 2, 3}), boost::test_tools::per_element());
    BOOST_TEST(t.cancelled);
    BOOST_TEST(t.epochs.size() == 3u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(divergence_is_told_and_leaves_the_last_finite_parameters, S, Scalars) {
    const auto data = make_xor<S>(40);
    const Dataset<S> regression(data.inputs(), {.targets = data.inputs()});
    Network net(Dense<S>(2, 2, 1));
    const auto before = bits_of(net);
    const auto t = renn::fit(
        net, regression,
        {.epochs = 50, .batch = 8, .loss = renn::MeanSquaredError{}, .optimizer = Sgd{.learning_rate = 1e30}});
    BOOST_TEST(t.diverged);
    BOOST_TEST(!t.cancelled);
    BOOST_TEST(t.epochs.size() < 50u);
    BOOST_TEST(renn::detail::all_finite(std::get<0>(net.parameters().layers).weights));
    if (t.epochs.empty()) BOOST_TEST(bits_of(net) == before);
}

BOOST_AUTO_TEST_CASE(a_run_that_turns_nan_returns_to_the_last_finite_epoch) {
    const auto data = make_xor<float>(20);
    auto net = make_network<float>(2), reference = net;
    int steps = 0;
    const auto loss = [&steps](const BatchView<float>& y, const renn::Targets<float>& targets, Batch<float>& gradient) {
        const double value = renn::CrossEntropy{}(y, targets, gradient);
        return ++steps == 8 ? std::numeric_limits<double>::quiet_NaN() : value;  // in the third epoch of three steps
    };
    const auto t = renn::fit(net, data, Dataset<float>(), loss, renn::Adam{}, {.epochs = 9, .batch = 8});
    BOOST_TEST(t.diverged);
    BOOST_TEST(t.epochs.size() == 2u);
    renn::fit(reference, data, {.epochs = 2, .batch = 8});
    BOOST_TEST(bits_of(net) == bits_of(reference));
}

BOOST_AUTO_TEST_CASE(what_a_callback_throws_arrives_and_the_network_stays_usable) {
    const auto data = make_xor<float>(20);
    auto net = make_network<float>(2);
    BOOST_TEST(message_of<std::logic_error>([&] {
                   renn::fit(net, data,
                             {.progress = [](const Progress&) -> bool { throw std::logic_error("enough"); }});
               }) == "enough");
    BOOST_TEST(message_of<std::logic_error>([&] {
                   renn::fit(net, data, {.on_epoch = [](const Epoch&) -> bool { throw std::logic_error("too much"); }});
               }) == "too much");
    BOOST_TEST(std::isfinite(renn::evaluate(net, data).loss));
    BOOST_TEST(renn::fit(net, data, {.epochs = 1}).epochs.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_users_loss_and_optimizer_train) {
    const auto data = make_xor<float>(100);
    auto net = make_network<float>(2);
    renn::fit(net, data, data, AbsoluteError{}, SignDescent{}, {.epochs = 60, .batch = 16});
    BOOST_TEST(renn::evaluate(net, data, AbsoluteError{}).accuracy > 0.95);
    BOOST_TEST(message_of<std::invalid_argument>(
                   [&] { renn::fit(net, data, data, AbsoluteError{}, SignDescent{.fine = false}, {}); }) == "not fine");
}

BOOST_AUTO_TEST_CASE(masks_differ_from_step_to_step_with_any_optimizer) {
    // With a learning rate of zero only dropout changes the loss of a batch that is always the same.
    const auto data = make_xor<float>(16);
    auto net = make_network<float>(2);
    const auto t = renn::fit(net, data, Dataset<float>(), AbsoluteError{}, SignDescent{.rate = 0.0f},
                             {.epochs = 2, .batch = 16, .shuffle = false});
    BOOST_TEST(t.epochs[0].loss != t.epochs[1].loss);
}

BOOST_AUTO_TEST_CASE(impossible_options_and_bad_data_are_refused_with_the_network_untouched) {
    const auto data = make_xor<float>(20);
    auto net = make_network<float>(2);
    const auto before = bits_of(net);
    const auto message = [&](const Dataset<float>& d, const renn::FitOptions& o) {
        return message_of<renn::Error>([&] { renn::fit(net, d, o); });
    };
    const auto x = data.inputs();
    BOOST_TEST(message(data, {.epochs = -1}) == "fit: epochs: got -1, expected 0 or more");
    BOOST_TEST(message(data, {.batch = 0}) == "fit: batch: got 0, expected 1 or more");
    BOOST_TEST(message(data, {.optimizer = Sgd{.learning_rate = std::numeric_limits<double>::quiet_NaN()}}) ==
               "Sgd: learning_rate: got nan, expected a finite value, 0 or more");
    BOOST_TEST(message(Dataset<float>(), {}) == "fit: samples: got 0, expected 1 or more");
    BOOST_TEST(message(Dataset<float>(x), {}) == "fit: data: got neither labels nor targets, expected one of them");
    BOOST_TEST(message(Dataset<float>(Batch<float>(Batch<float>::Zero(3, 4)), {.labels = {0, 0, 0, 0}}), {}) ==
               "fit: features: got 3, expected 2, the network's in_features");
    BOOST_TEST(message(Dataset<float>(Batch<float>(x.leftCols(2)), {.labels = {0, 2}, .ids = {70, 80}}), {}) ==
               "fit: label of sample 80: got 2, expected 0..1, the network's outputs");
    BOOST_TEST(message(Dataset<float>(Batch<float>(x.leftCols(2)), {.targets = Batch<float>::Zero(3, 2)}), {}) ==
               "fit: targets: got 3 a sample, expected 2, the network's outputs");
    BOOST_TEST(message_of<DataError>([&] {
                   renn::fit(net, data, Dataset<float>(Batch<float>(x.leftCols(1)), {.labels = {7}}));
               }) == "fit: validation: label of sample 0: got 7, expected 0..1, the network's outputs");
    BOOST_TEST(bits_of(net) == before);

    auto logit = make_network<float>(1);
    BOOST_TEST(message_of<ShapeError>([&] { renn::fit(logit, data); }) ==
               "CrossEntropy: outputs: got 1, expected one for each class; BinaryCrossEntropy takes a logit, "
               "MeanSquaredError a number");
    std::get<3>(net.parameters().layers).bias[1] = std::numeric_limits<float>::quiet_NaN();
    BOOST_TEST(message(data, {}) == "fit: layer dense2, bias (1, 0): got nan, expected a finite value");
    BOOST_TEST(message_of<DataError>([&] { renn::evaluate(net, Dataset<float>()); }) ==
               "evaluate: samples: got 0, expected 1 or more");
}

BOOST_AUTO_TEST_CASE(the_predicted_class_is_the_first_of_the_largest) {
    BOOST_TEST(renn::predicted_class((Batch<float>(3, 1) << 1, 5, 5).finished().col(0)) == 1);
    BOOST_TEST(renn::predicted_class((Batch<float>(1, 1) << 0.5f).finished().col(0)) == 1);
    BOOST_TEST(renn::predicted_class((Batch<float>(1, 1) << -0.5f).finished().col(0)) == 0);
}
