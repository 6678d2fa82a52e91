// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE training_resume
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
#include <renn/io/save_checkpoint.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/dropout.hpp>
#include <renn/network/fingerprint.hpp>
#include <renn/network/network.hpp>
#include <renn/training/fit.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"
#include "support/scratch_file.hpp"

using renn::Batch;
using renn::Dataset;
using renn::Dense;
using renn::Dropout;
using renn::Epoch;
using renn::FitOptions;
using renn::FormatError;
using renn::Index;
using renn::MismatchError;
using renn::Network;
using renn::Progress;
using renn::Sgd;
using renn::Tanh;
using renn::TrainingState;
using renn::test::message_of;
using renn::test::random_batch;
using renn::test::ScratchFile;

namespace {

template <class S>
using Net = Network<Dense<S>, Tanh<S>, Dropout<S>, Dense<S>>;

template <class S>
Net<S> make_network(Index width = 8) {
    return Net<S>(Dense<S>(4, width, 1), Tanh<S>(), Dropout<S>(0.3), Dense<S>(width, 3, 2));
}

template <class S>
Dataset<S> make_data(Index samples, std::uint64_t seed = 3) {
    std::vector<std::int32_t> labels;
    for (Index j = 0; j < samples; ++j) labels.push_back(static_cast<std::int32_t>(j % 3));
    return Dataset<S>(random_batch<S>(4, samples, seed), {.labels = std::move(labels)});
}

/// Everything a run is afterwards, as the bytes of its checkpoint.
template <class N>
std::string bytes_of(const TrainingState<N>& state) {
    const ScratchFile file;
    renn::save_checkpoint(file.path, state);
    return file.read();
}

std::vector<FitOptions> kinds_of_runs() {
    return {{.batch = 16, .optimizer = renn::Adam{.learning_rate = 0.02}, .seed = 5},
            {.batch = 16, .optimizer = renn::AdamW{}, .schedule = renn::CosineDecay{.epochs = 6}, .warm_up = 7},
            {.batch = 7, .accumulate = 3, .optimizer = Sgd{.learning_rate = 0.1, .momentum = 0.9}, .shuffle = false},
            {.batch = 16, .clip = {.norm = 0.5}, .frozen = {"dense2"}, .early_stopping = {.patience = 3}, .seed = 9}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_resumed_run_equals_an_uninterrupted_one) {
    const auto data = make_data<float>(50), validation = make_data<float>(30, 8);
    for (FitOptions options : kinds_of_runs()) {
        options.epochs = 6;
        auto whole = make_network<float>();
        TrainingState all(whole);
        const auto t = renn::fit(whole, data, validation, options, all);

        // Stopped after two epochs by asking for no more, in the middle of the fourth, and after the fourth; then in a
        // file to another process.
        auto parts = make_network<float>();
        TrainingState state(parts);
        FitOptions cut = options;
        cut.epochs = 2;
        if (options.warm_up == 0) renn::fit(parts, data, validation, cut, state);
        cut.epochs = 6;
        cut.progress = [](const Progress& p) { return p.done < 180; };
        BOOST_TEST(renn::fit(parts, data, validation, cut, state).cancelled);
        BOOST_TEST(state.epoch == 3);
        cut.progress = {};
        cut.on_epoch = [](const Epoch& e) { return e.number < 4; };
        renn::fit(parts, data, validation, cut, state);

        const ScratchFile file;
        renn::save_checkpoint(file.path, state);
        auto loaded = renn::load_checkpoint<Net<float>>(file.path);
        Net<float> other = loaded.network;
        const auto rest = renn::fit(other, data, validation, options, loaded);
        BOOST_TEST(renn::fingerprint(other) == renn::fingerprint(whole));
        BOOST_TEST(bytes_of(loaded) == bytes_of(all));
        BOOST_TEST(rest.stopped_early == t.stopped_early);
        BOOST_TEST(rest.best_epoch == t.best_epoch);
        if (!rest.epochs.empty()) BOOST_TEST(rest.epochs.back().loss == t.epochs.back().loss);
        BOOST_TEST(renn::fit(other, data, validation, options, loaded).epochs.empty());
        BOOST_TEST(renn::fingerprint(other) == renn::fingerprint(whole));
    }
}

BOOST_AUTO_TEST_CASE(checkpoints_are_written_every_n_epochs_and_double_works) {
    const auto data = make_data<double>(20);
    auto net = make_network<double>();
    TrainingState state(net);
    const ScratchFile file;
    std::vector<int> seen;
    FitOptions options{.epochs = 3};
    options.on_epoch = renn::checkpoint_every(2, file.path, state, [&](const Epoch& e) {
        seen.push_back(e.number);
        return true;
    });
    renn::fit(net, data, options, state);
    BOOST_TEST(seen == (std::vector<int>{1, 2, 3}), boost::test_tools::per_element());
    auto resumed = renn::load_checkpoint<Net<double>>(file.path);
    BOOST_TEST(resumed.epoch == 2);
    BOOST_TEST(resumed.step == 2u);
    Net<double> other;
    BOOST_TEST(message_of<MismatchError>([&] { renn::fit(other, data, {.epochs = 3}, resumed); }) ==
               "fit: state: network: got [Dense 4 -> 8, Tanh, Dropout 0.300000, Dense 8 -> 3], expected "
               "[Dense 0 -> 0, Tanh, Dropout 0.500000, Dense 0 -> 0]");
    other = resumed.network;
    renn::fit(other, data, {.epochs = 3}, resumed);
    BOOST_TEST(renn::fingerprint(other) == renn::fingerprint(net));
    BOOST_TEST(message_of<MismatchError>([&] { renn::fit(other, data, {.seed = 1}, resumed); }) ==
               "fit: state: seed: got 0, expected 1");
    BOOST_TEST(message_of<renn::DataError>([&] { renn::checkpoint_every(0, "x", state); }) ==
               "checkpoint_every: epochs: got 0, expected 1 or more");
}

BOOST_AUTO_TEST_CASE(divergence_and_exceptions_leave_the_state_of_the_last_complete_epoch) {
    const auto data = make_data<float>(20);
    int calls = 0;
    const auto loss = [&calls](const renn::BatchView<float>& y, const renn::Targets<float>& t, Batch<float>& gradient) {
        const double value = renn::CrossEntropy{}(y, t, gradient);
        if (++calls == 8) return std::numeric_limits<double>::quiet_NaN();  // in the third epoch of three
        if (calls == 14) throw std::logic_error("enough");                  // in the fifth
        return value;
    };
    auto net = make_network<float>(), reference = net;
    TrainingState state(net), expected(net);
    const FitOptions options{.epochs = 9, .batch = 8};
    BOOST_TEST(renn::fit(net, data, Dataset<float>(), loss, renn::Adam{}, options, state).diverged);
    renn::fit(reference, data, {.epochs = 2, .batch = 8}, expected);
    BOOST_TEST(bytes_of(state) == bytes_of(expected));
    BOOST_TEST(message_of<std::logic_error>(
                   [&] { renn::fit(net, data, Dataset<float>(), loss, renn::Adam{}, options, state); }) == "enough");
    BOOST_TEST(state.epoch == 3);
    renn::fit(reference, data, {.epochs = 3, .batch = 8}, expected);
    BOOST_TEST(bytes_of(state) == bytes_of(expected));
}

BOOST_AUTO_TEST_CASE(damaged_and_foreign_checkpoints_are_refused) {
    const auto data = make_data<float>(20);
    auto net = make_network<float>();
    TrainingState state(net);
    renn::fit(net, data, data, {.epochs = 2, .early_stopping = {.patience = 1}}, state);
    const std::string good = bytes_of(state);
    const ScratchFile file;
    const auto load = [&] { renn::load_checkpoint<Net<float>>(file.path); };
    for (std::size_t at = 0; at < good.size(); at += 13) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 0x20);
        file.write(bad);
        BOOST_CHECK_THROW(load(), renn::Error);
        file.write(good.substr(0, at));
        BOOST_CHECK_THROW(load(), FormatError);
    }
    file.write(good);
    BOOST_CHECK_NO_THROW(load());
    BOOST_CHECK_THROW(renn::load_checkpoint<Net<double>>(file.path), MismatchError);
    BOOST_CHECK_THROW((renn::load_checkpoint<Network<Dense<float>>>(file.path)), MismatchError);
    renn::save(file.path, net);
    BOOST_TEST(message_of<FormatError>(load) == "load: " + file.path + ": content: got network, expected training");
}
