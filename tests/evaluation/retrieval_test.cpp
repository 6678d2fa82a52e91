// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE retrieval
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include <renn/core/rng.hpp>
#include <renn/evaluation/retrieval.hpp>
#include <renn/evaluation/store_error.hpp>
#include <renn/retrace/trace.hpp>
#include <renn/tracing/reduced.hpp>
#include <renn/tracing/to_memory.hpp>

#include "support/message_of.hpp"
#include "support/small_models.hpp"

using renn::kendall_tau;
using renn::ndcg_at_k;
using renn::overlap_at_k;
using renn::RetraceLikeness;
using renn::test::message_of;
using Ids = std::vector<std::uint64_t>;

BOOST_AUTO_TEST_CASE(small_rankings_by_hand) {
    const Ids reference{5, 3, 9, 1};
    BOOST_TEST(overlap_at_k(reference, reference, 4) == 1.0);
    BOOST_TEST(overlap_at_k(reference, {9, 3, 5, 7}, 4) == 0.75);
    BOOST_TEST(overlap_at_k(reference, {9, 3, 5, 7}, 2) == 0.5);
    BOOST_TEST(overlap_at_k(reference, {}, 3) == 0.0);
    BOOST_TEST(overlap_at_k(reference, {5, 3, 9, 1, 8}, 100) == 1.0);
    BOOST_TEST(overlap_at_k({}, {1}, 3) == 1.0);

    // Gains 3, 2, 1 at places 0, 1, 2: ideal 3 + 2 / log2 3 + 1 / 2.
    const double ideal = 3.0 + 2.0 / std::log2(3.0) + 0.5;
    BOOST_TEST(ndcg_at_k(reference, {5, 3, 9}, 3) == 1.0);
    BOOST_TEST(ndcg_at_k(reference, {3, 5, 9}, 3) == (2.0 + 3.0 / std::log2(3.0) + 0.5) / ideal, 1e-15);
    BOOST_TEST(ndcg_at_k(reference, {1, 8, 5}, 3) == 1.5 / ideal, 1e-15);  // 1 is the reference's fourth
    BOOST_TEST(ndcg_at_k(reference, {5}, 3) == 3.0 / ideal, 1e-15);
    BOOST_TEST(ndcg_at_k(reference, {7, 8}, 3) == 0.0);
    BOOST_TEST(ndcg_at_k({}, {7, 8}, 3) == 1.0);

    BOOST_TEST(kendall_tau(reference, reference) == 1.0);
    BOOST_TEST(kendall_tau(reference, {1, 9, 3, 5}) == -1.0);
    BOOST_TEST(kendall_tau(reference, {3, 5, 77, 9}) == 1.0 / 3.0, 1e-15);
    BOOST_TEST(std::isnan(kendall_tau(reference, {3, 8})));
    BOOST_TEST(message_of<renn::DataError>([&] { overlap_at_k(reference, reference, 0); }) ==
               "ranking: k: got 0, expected 1 or more");
    BOOST_TEST(message_of<renn::DataError>([&] {
                   ndcg_at_k(reference, {3, 3}, 2);
               }) == "ranking: id 3: got twice, expected each id once");
}

BOOST_AUTO_TEST_CASE(figures_lie_between_none_and_all_and_grow_with_likeness) {
    Ids reference(40);
    std::iota(reference.begin(), reference.end(), 100U);
    renn::Rng rng(2);
    for (int round = 0; round < 200; ++round) {
        Ids found = reference;
        for (std::size_t swaps = 0; swaps < 30; ++swaps) std::swap(found[rng.below(40)], found[rng.below(40)]);
        const std::size_t k = 1 + rng.below(40);
        const double before = ndcg_at_k(reference, found, k);
        BOOST_TEST(before >= 0.0);
        BOOST_TEST(before <= 1.0);
        BOOST_TEST(std::abs(kendall_tau(reference, found)) <= 1.0);
        const auto wrong = std::adjacent_find(found.begin(), found.end(), std::greater<>());
        if (wrong == found.end()) continue;
        const double tau = kendall_tau(reference, found);
        std::swap(wrong[0], wrong[1]);
        BOOST_TEST(ndcg_at_k(reference, found, k) >= before);
        BOOST_TEST(kendall_tau(reference, found) > tau);
    }
}

BOOST_AUTO_TEST_CASE(retraces_over_more_bits_are_more_alike) {
    using namespace renn;
    const auto net = test::small_net();
    const Dataset<float> set(test::random_batch<float>(3, 800, 5));
    auto exact = trace<Sorted>(net);
    exact.record(set);
    const Batch<float> queries = test::random_batch<float>(3, 70, 6);
    const auto likeness = [&]<class E>(E) {
        auto reduced = trace<Sorted, E>(net);
        reduced.restore(to_memory<E>(exact.store()));
        for (const StoreError& error : store_errors(reduced.store(), exact.store())) {
            BOOST_TEST(error.largest <= error.bound);
            BOOST_TEST(error.rms <= error.largest);
            BOOST_TEST((error.rms > 0.0) == !is_exact<E>);
        }
        return compare_retraces(exact, reduced, queries, {.k = 10}, 10);
    };
    const auto same = likeness(Exact());
    BOOST_TEST(same.overlap.size() == 70u);
    for (const auto* figures : {&same.overlap, &same.ndcg, &same.kendall, &same.neuron_overlap, &same.neuron_ndcg}) {
        BOOST_TEST(RetraceLikeness::mean(*figures) == 1.0);
    }
    const auto half = likeness(Float16()), brain = likeness(BFloat16());
    BOOST_TEST(RetraceLikeness::mean(half.neuron_overlap) > 0.9);
    BOOST_TEST(RetraceLikeness::mean(half.neuron_overlap) > RetraceLikeness::mean(brain.neuron_overlap));
    BOOST_TEST(RetraceLikeness::mean(half.overlap) > RetraceLikeness::mean(brain.overlap));
    BOOST_TEST(RetraceLikeness::mean(brain.ndcg) < 1.0);

    auto part = trace<Sorted>(net, {.layers = {"dense1"}});
    part.record(set);
    BOOST_CHECK_THROW(compare_retraces(exact, part, queries), MismatchError);
    BOOST_CHECK_THROW(store_errors(part.store(), exact.store()), MismatchError);
}
