// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE allocations
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/activations/sigmoid.hpp>
#include <renn/activations/softmax.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/dropout.hpp>
#include <renn/layers/standardize.hpp>
#include <renn/network/network.hpp>
#include <renn/tracing/activations.hpp>
#include <renn/training/fit.hpp>

#include "support/allocations.hpp"
#include "support/random_batch.hpp"

using renn::Batch;
using renn::Dense;
using renn::Index;
using renn::Network;
using renn::test::allocations;
using renn::test::random_batch;

namespace {

auto make_network(Index width) {
    return Network(renn::Standardize<float>(0.5f, 2.0f), Dense<float>(64, width, 1), renn::ReLU<float>(),
                   Network(Dense<float>(width, width, 2), renn::Sigmoid<float>(), renn::Dropout<float>(0.2)),
                   Dense<float>(width, 10, 3));
}

/// Sanitizers count in their own malloc: there is nothing to see for ours.
boost::test_tools::assertion_result can_count(boost::unit_test::test_unit_id) {
    boost::test_tools::assertion_result answer(renn::test::counts_allocations);
    answer.message() << "this build's malloc cannot be counted";
    return answer;
}

}  // namespace

using boost::unit_test::precondition;

BOOST_AUTO_TEST_CASE(the_counter_counts, *precondition(can_count)) {
    BOOST_TEST(allocations([] {
                   std::vector<int> v(100, 1);
                   BOOST_TEST_PASSPOINT();
                   volatile int seen = v[3];
                   (void)seen;
               }) >= 1u);
    BOOST_TEST(allocations([] {
                   const Batch<float> m = Batch<float>::Ones(9, 9);
                   volatile float seen = m(1, 1);
                   (void)seen;
               }) == 1u);
    BOOST_TEST(allocations([] {}) == 0u);
}

BOOST_AUTO_TEST_CASE(a_repeated_forward_pass_allocates_nothing, *precondition(can_count)) {
    const auto net = make_network(300);  // 300 x 300 floats: well beyond what Eigen packs on the stack
    renn::Workspace<std::remove_const_t<decltype(net)>> workspace;
    for (const Index samples : {64, 1}) {
        const auto x = random_batch<float>(64, samples, 1);
        net.forward(x, workspace);
        BOOST_TEST(allocations([&] { net.forward(x, workspace); }) == 0u);
        BOOST_TEST(allocations([&] { net.forward(x.leftCols(samples), workspace); }) == 0u);
        const auto big = random_batch<float>(80, samples, 1);
        BOOST_TEST(allocations([&] { net.forward(big.middleRows(5, 64), workspace); }) == 0u);
    }
}

BOOST_AUTO_TEST_CASE(a_repeated_traced_forward_pass_allocates_nothing, *precondition(can_count)) {
    const auto net = make_network(300);
    auto workspace = renn::make_workspace(net);
    renn::Activations<float> values;
    const auto x = random_batch<float>(64, 32, 1);
    const std::vector<std::uint64_t> ids(32, 7);
    values.collect(net, x, ids, workspace);
    BOOST_TEST(allocations([&] { values.collect(net, x, ids, workspace); }) == 0u);
    BOOST_TEST(allocations([&] { values.collect(net, x, {}, workspace); }) == 0u);
}

BOOST_AUTO_TEST_CASE(a_repeated_input_gradient_allocates_nothing, *precondition(can_count)) {
    const auto net = make_network(300);
    renn::Workspace<std::remove_const_t<decltype(net)>> workspace;
    const auto x = random_batch<float>(64, 32, 1);
    const auto dy = random_batch<float>(10, 32, 2);
    Batch<float> dx;
    const auto pass = [&] {
        net.forward(x, workspace);
        net.reverse_walk(renn::InputGradient{}, x, workspace, dy, dx);
    };
    pass();
    BOOST_TEST(allocations(pass) == 0u);
}

BOOST_AUTO_TEST_CASE(training_allocates_nothing_but_eigens_packing_buffers, *precondition(can_count)) {
    const auto run = [](Index width, std::uint64_t most_a_step, Index batch, int threads) {
        auto net = make_network(width);
        const auto x = random_batch<float>(64, 200, 1);
        std::vector<std::int32_t> labels;
        for (Index j = 0; j < 200; ++j) labels.push_back(static_cast<std::int32_t>(j % 10));
        const renn::Dataset<float> data(x, {.labels = labels});
        const auto steps = static_cast<std::size_t>((200 + batch - 1) / batch);  // the last batch is shorter
        std::vector<std::uint64_t> counts;
        counts.reserve(100);
        renn::FitOptions options{.epochs = 3, .batch = batch, .threads = threads};
        options.progress = [&counts](const renn::Progress&) {
            counts.push_back(renn::test::allocation_count.load());
            return true;
        };
        renn::fit(net, data, options);
        BOOST_REQUIRE(counts.size() == 3 * steps);
        for (std::size_t step = steps + 1; step < counts.size(); ++step) {
            if (step % steps == 0) continue;  // between epochs the list of epochs may grow
            BOOST_TEST(counts[step] - counts[step - 1] <= most_a_step, "step " << step);
        }
    };
    run(20, 0, 32, 1);
    run(20, 0, 130, 2);          // chunks on two threads
    run(300, 3 * 2 * 3, 32, 1);  // per product a block of each operand: three layers, forward and two gradients
}
