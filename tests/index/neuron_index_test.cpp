// SPDX-License-Identifier: MIT
// labels: threads
#define BOOST_TEST_MODULE neuron_index
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <string_view>
#include <thread>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/activations/sigmoid.hpp>
#include <renn/core/rng.hpp>
#include <renn/index/kd_tree.hpp>
#include <renn/index/neuron_index.hpp>
#include <renn/index/sorted.hpp>
#include <renn/tracing/memory_store.hpp>

#include "support/message_of.hpp"

using renn::Derivation;
using renn::Index;
using renn::KdTree;
using renn::Kind;
using renn::MemoryStore;
using renn::NeuronIndex;
using renn::Sorted;
using renn::Unit;
using renn::test::message_of;
using Policies = boost::mpl::list<Sorted, KdTree>;

namespace {

constexpr std::uint32_t units = 5;
constexpr Index samples = 700;

/// A policy of a user's own: plain counting. It also counts how many of its locators are made.
struct Counting {
    static constexpr std::string_view name = "Counting";
    inline static std::atomic<int> made{0};

    template <class S>
    struct Locator {
        explicit Locator(const renn::ColumnView<S>&) { ++made; }
        std::uint32_t position(const renn::ColumnView<S>& column, double query) const {
            std::uint32_t below = 0;
            while (below < column.size && static_cast<double>(column.at(below)) < query) ++below;
            return below;
        }
        std::size_t bytes() const { return 0; }
    };
};

/// "dense", stored, and behind it "relu" and "sigmoid", derived; ids descend with gaps.
std::shared_ptr<MemoryStore<float>> some_store() {
    auto store = std::make_shared<MemoryStore<float>>();
    std::vector<std::uint32_t> all(units);
    std::iota(all.begin(), all.end(), 0U);
    store->points = {{"dense", Kind::pre, 0, units, -1, all},
                     {"relu", Kind::post, 0, units, 0, all},
                     {"sigmoid", Kind::post, 0, units, 0, all}};
    store->reserve(samples, 0);
    renn::Rng rng(5);
    for (Index s = 0; s < samples; ++s) {
        store->ids.push_back(static_cast<std::uint64_t>(10 * (samples - s)));
        for (Index u = 0; u < units; ++u) {
            store->column(0, u)[s] = static_cast<float>(u == 0 ? 0.25 : std::round(rng.normal() * 50) / 10);
        }
    }
    store->index_ids();
    return store;
}

template <class A>
Derivation<float> derivation(const A& activation) {
    Derivation<float> d;
    d.layer = &activation;
    d.apply = [](const void* layer, const float* in, float* out, Index n) {
        static_cast<const A*>(layer)->apply(in, out, n);
    };
    if constexpr (requires { activation.negative_slope(); }) d.negative_slope = activation.negative_slope();
    return d;
}

const renn::ReLU<float> relu;
const renn::Sigmoid<float> sigmoid;

template <class Policy>
NeuronIndex<MemoryStore<float>, Policy> index_of(std::shared_ptr<const MemoryStore<float>> store) {
    return {std::move(store), {Derivation<float>(), derivation(relu), derivation(sigmoid)}, nullptr};
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(a_column_has_every_sample_once_in_the_order_value_then_id, Policy, Policies) {
    const auto store = some_store();
    const auto index = index_of<Policy>(store);
    BOOST_TEST(index.units() == 3 * units);
    for (std::uint32_t p = 0; p < 3; ++p) {
        for (std::uint32_t u = 0; u < units; ++u) {
            const auto [column, locator] = index.entry({p, u});
            bool values = true, order = true, places = true;
            std::vector<char> seen(samples, 0);
            for (std::uint32_t i = 0; i < column.size; ++i) {
                const std::uint32_t s = column.order[i];
                seen[s] = 1;
                values = values && column.at(i) == index.value({p, u}, s);
                places = places && index.place_of({p, u}, s) == i;
                if (i > 0 && column.values[i - 1] == column.values[i]) {
                    order = order && store->ids[column.order[i - 1]] < store->ids[s];
                }
                order = order && (i == 0 || column.at(i - 1) <= column.at(i));
            }
            BOOST_TEST(std::count(seen.begin(), seen.end(), 1) == samples);
            BOOST_TEST(values);
            BOOST_TEST(order);
            BOOST_TEST(places);
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_activation_that_keeps_the_order_shares_the_sorted_values, Policy, Policies) {
    const auto index = index_of<Policy>(some_store());
    const Unit dense{0, 1}, relu_unit{1, 1}, sigmoid_unit{2, 1};
    BOOST_TEST(index.entry(relu_unit).column.values == index.entry(dense).column.values);
    BOOST_TEST(index.entry(sigmoid_unit).column.values != index.entry(dense).column.values);
    const auto column = index.entry(sigmoid_unit).column;
    BOOST_TEST(column.at(0) > 0.0f);
    BOOST_TEST(column.at(column.size - 1) <= 1.0f);
}

BOOST_AUTO_TEST_CASE(structures_are_built_when_asked_for_or_all_at_once) {
    const auto index = index_of<Sorted>(some_store());
    BOOST_TEST(index.bytes() == 0u);
    index.entry({1, 3});
    const std::size_t one = index.bytes();
    BOOST_TEST(one >= samples * 8u);
    std::uint64_t told = 0;
    BOOST_TEST(!index.build(1, [&](const renn::Progress& p) { return (told = p.done) < 2; }));  // cancelled
    BOOST_TEST(told == 2u);
    BOOST_TEST(index.build(2, [&](const renn::Progress& p) {
        BOOST_TEST(p.total == 3u * units);
        BOOST_TEST(p.phase == "indexing");
        return true;
    }));
    const std::size_t all = index.bytes();
    BOOST_TEST(all >= 2 * units * samples * 8u);  // dense and sigmoid; relu shares
    BOOST_TEST(all < 2 * units * samples * 9u);
    BOOST_TEST(index.build());
    BOOST_TEST(index.bytes() == all);
}

BOOST_AUTO_TEST_CASE(first_use_by_many_threads_builds_once_and_all_see_the_same) {
    const auto store = some_store();
    const auto alone = index_of<Counting>(store);
    std::vector<std::uint32_t> expected;
    for (std::uint32_t n = 0; n < 3 * units; ++n) {
        const auto [column, locator] = alone.entry({n / units, n % units});
        expected.push_back(locator->position(column, 0.3));
    }
    for (int round = 0; round < 20; ++round) {
        const auto index = index_of<Counting>(store);
        Counting::made = 0;
        std::vector<std::vector<std::uint32_t>> found(4);
        {
            std::vector<std::jthread> threads;
            for (std::size_t t = 0; t < found.size(); ++t) {
                threads.emplace_back([&, t] {
                    found[t].resize(expected.size());
                    for (std::uint32_t i = 0; i < 3 * units; ++i) {
                        const auto n = static_cast<std::uint32_t>((i + 7 * t) % (3 * units));  // each starts elsewhere
                        const auto [column, locator] = index.entry({n / units, n % units});
                        found[t][n] = locator->position(column, 0.3);
                    }
                });
            }
        }
        for (const auto& f : found) BOOST_TEST((f == expected));
        BOOST_TEST(Counting::made == 3 * units);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(values_that_are_not_finite_are_refused_every_time, Policy, Policies) {
    const auto store = some_store();
    store->column(0, 2)[17] = std::numeric_limits<float>::quiet_NaN();
    const auto index = index_of<Policy>(store);
    for (const Unit u : {Unit{0, 2}, Unit{1, 2}, Unit{0, 2}}) {
        BOOST_TEST(message_of<renn::DataError>([&] { index.entry(u); }) ==
                   "index: value at position 17: got nan, expected a finite value");
    }
    BOOST_CHECK_THROW(index.build(2), renn::DataError);
    BOOST_TEST(index.entry({0, 1}).column.size == samples);
}
