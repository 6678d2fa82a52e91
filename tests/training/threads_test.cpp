// SPDX-License-Identifier: MIT
// labels: threads
#define BOOST_TEST_MODULE training_threads
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <renn/activations/tanh.hpp>
#include <renn/core/team.hpp>
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
using renn::FitOptions;
using renn::Index;
using renn::Network;
using renn::Tanh;
using renn::test::message_of;
using renn::test::random_batch;

namespace {

auto make_network() {
    return Network(Dense<float>(5, 70, 1), Tanh<float>(), Dropout<float>(0.2), Dense<float>(70, 3, 2));
}

Dataset<float> make_data(Index samples) {
    std::vector<std::int32_t> labels;
    for (Index j = 0; j < samples; ++j) labels.push_back(static_cast<std::int32_t>(j % 3));
    return Dataset<float>(random_batch<float>(5, samples, 7), {.labels = std::move(labels)});
}

/// Fingerprint of the trained network and the bits of what the epochs told.
auto outcome(const Dataset<float>& data, const FitOptions& options) {
    auto net = make_network();
    const auto training = renn::fit(net, data, options);
    std::vector<double> told;
    for (const auto& e : training.epochs) told.insert(told.end(), {e.loss, e.accuracy});
    return std::pair(renn::fingerprint(net), told);
}

/// A network that says whether it mixes samples, and notes the width of every pass it is shown.
struct Noting {
    using Inner = decltype(make_network());
    using Scalar = float;
    using Parameters = Inner::Parameters;
    using Cache = Inner::Cache;
    static constexpr renn::Wiring wiring = renn::Wiring::chain;

    const Parameters& parameters() const { return inner.parameters(); }
    Parameters& parameters() { return inner.parameters(); }
    Index in_features() const { return inner.in_features(); }
    std::string describe() const { return inner.describe(); }
    Batch<float> predict(const BatchView<float>& x) const { return inner.predict(x); }
    const Batch<float>& forward(const BatchView<float>& x, renn::Workspace<Noting>& w,
                                const renn::Pass& pass = {}) const {
        inner.forward(inner.parameters(), x, w.output, w.cache, pass);
        return w.output;
    }
    template <class Rule, class Below>
    void reverse_walk(Rule rule, const BatchView<float>& x, renn::Workspace<Noting>& w, const BatchView<float>& above,
                      Below& below, Parameters* gradient) const {
        renn::detail::Path path;
        inner.walk_back(rule, inner.parameters(), x, w.output, w.cache, above, below, gradient, path);
    }
    template <class Self, class P, class F>
    static void for_each_child(Self& self, P& parameters, F&& f) {
        Inner::for_each_child(self.inner, parameters, f);
    }
    bool mixes_samples() const { return mixes; }
    void absorb(const Cache& cache) { widths.push_back(cache.outputs[0].cols()); }

    Inner inner = make_network();
    bool mixes = false;
    std::vector<Index> widths = {};
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_team_does_every_task_once_and_throws_the_first_tasks_error) {
    for (const int threads : {1, 2, 5}) {
        renn::detail::Team team(threads);
        for (const Index tasks : {0, 1, 2, 7, 300}) {
            for (int repeat = 0; repeat < 20; ++repeat) {
                std::vector<int> done(static_cast<std::size_t>(tasks));
                team.run(tasks, [&](Index t) { ++done[static_cast<std::size_t>(t)]; });
                BOOST_TEST(done == std::vector<int>(static_cast<std::size_t>(tasks), 1));
            }
        }
        const auto failing = [&] {
            team.run(50, [](Index t) {
                if (t % 10 == 9) throw std::runtime_error("task " + std::to_string(t));
            });
        };
        BOOST_TEST(message_of<std::runtime_error>(failing) == "task 9");
        std::atomic<Index> sum{0};
        team.run(10, [&](Index t) { sum += t; });
        BOOST_TEST(sum.load() == 45);
    }
}

BOOST_AUTO_TEST_CASE(any_number_of_threads_gives_the_same_bits) {
    const auto data = make_data(700);
    for (const Index batch : {Index{7}, Index{64}, Index{65}, Index{256}, Index{699}, Index{5000}}) {
        for (const Index accumulate : {Index{1}, Index{3}}) {
            FitOptions options{.epochs = 2, .batch = batch, .accumulate = accumulate, .clip = {.norm = 0.1}};
            options.loss = renn::CrossEntropy{.class_weights = {1.0, 2.5, 0.3}};
            const auto alone = outcome(data, options);
            for (const int threads : {2, 3, 8, 0}) {
                options.threads = threads;
                BOOST_TEST((outcome(data, options) == alone), "batch " << batch << ", threads " << threads);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(batches_are_whole_where_layers_mix_samples_and_passes_are_shown_in_order) {
    const auto data = make_data(350);
    const FitOptions options{.epochs = 1, .batch = 200, .threads = 2};
    Noting net;
    renn::fit(net, data, options);
    BOOST_TEST(net.widths == (std::vector<Index>{50, 50, 50, 50, 50, 50, 50}), boost::test_tools::per_element());
    BOOST_TEST(renn::fingerprint(net.inner) == outcome(data, options).first);
    Noting mixing;
    mixing.mixes = true;
    renn::fit(mixing, data, options);
    BOOST_TEST(mixing.widths == (std::vector<Index>{200, 150}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(errors_of_helpers_arrive_and_the_network_can_go_on) {
    const auto data = make_data(256);
    auto net = make_network();
    std::atomic<int> calls{0};
    const auto loss = [&calls](const BatchView<float>& y, const renn::Targets<float>& t, Batch<float>& gradient) {
        if (++calls == 7) throw std::runtime_error("seven");
        return renn::CrossEntropy{}(y, t, gradient);
    };
    BOOST_TEST(message_of<std::runtime_error>([&] {
                   renn::fit(net, data, Dataset<float>(), loss, renn::Adam{}, {.batch = 256, .threads = 3});
               }) == "seven");
    BOOST_TEST(renn::fit(net, data, {.epochs = 1, .batch = 256, .threads = 2}).epochs.size() == 1u);
    BOOST_TEST(message_of<DataError>([&] { renn::fit(net, data, {.threads = -1}); }) ==
               "fit: threads: got -1, expected 0 or more");
}
