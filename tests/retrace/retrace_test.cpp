// SPDX-License-Identifier: MIT
// labels: threads
#define BOOST_TEST_MODULE retrace
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/activations/tanh.hpp>
#include <renn/index/sorted.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/fingerprint.hpp>
#include <renn/network/network.hpp>
#include <renn/retrace/trace.hpp>
#include <renn/training/fit.hpp>

#include "support/random_batch.hpp"

using renn::Batch;
using renn::Dataset;
using renn::Dense;
using renn::Index;
using renn::KdTree;
using renn::Network;
using renn::RetraceOptions;
using renn::Rng;
using renn::Sorted;
using renn::Ties;
using Ids = std::vector<std::uint64_t>;
using Scalars = boost::mpl::list<float, double>;

namespace {

constexpr Index samples = 300;

template <class S>
auto network() {
    return Network(Dense<S>(4, 11, 1), renn::ReLU<S>(), Dense<S>(11, 8, 2), renn::Tanh<S>(), Dense<S>(8, 3, 3));
}

/// Every third sample repeats the one before it, so that some groups tie; ids fall.
template <class S>
Dataset<S> data(std::uint64_t seed = 4) {
    Batch<S> x = renn::test::random_batch<S>(4, samples, seed);
    std::vector<std::int32_t> labels;
    Ids ids;
    for (Index s = 0; s < samples; ++s) {
        if (s % 3 == 2) x.col(s) = x.col(s - 1);
        labels.push_back(static_cast<std::int32_t>(renn::mix(static_cast<std::uint64_t>(s)) % 3));
        ids.push_back(~static_cast<std::uint64_t>(0) - static_cast<std::uint64_t>(5 * s));
    }
    return Dataset<S>(x, {.labels = labels, .ids = ids});
}

template <class S, class Policy = Sorted>
auto traced(const Dataset<S>& set) {
    auto net = renn::trace<Policy>(network<S>());
    net.record(set, {.threads = 2});
    return net;
}

template <class S>
Dataset<S> where(const Dataset<S>& set, const auto& wanted) {
    std::vector<Index> positions;
    for (Index s = 0; s < set.samples(); ++s) {
        if (wanted(s)) positions.push_back(s);
    }
    return set.select(positions);
}

/// All that an answer says, by id: order of recording and other samples in the store must not matter.
struct Said {
    std::map<std::uint64_t, double> votes;  ///< of those who got any
    double total = 0.0;
    std::vector<double> evidence, outputs, top, neurons;
    Ids ids;
    bool operator==(const Said&) const = default;
};

template <class A>
Said said(const A& answer, const Ids& recorded) {
    Said all{{}, answer.total(), answer.evidence(), {answer.outputs().begin(), answer.outputs().end()}, {}, {}, {}};
    const std::vector<double> dense = answer.dense();
    for (std::size_t s = 0; s < recorded.size(); ++s) {
        if (dense[s] > 0.0) all.votes[recorded[s]] = dense[s];
    }
    for (const renn::Source& s : answer.top(40)) {
        all.ids.push_back(s.id);
        all.top.insert(all.top.end(), {s.votes, s.share, static_cast<double>(s.label)});
    }
    for (std::size_t n = 0; n < answer.neurons(); n += 3) {
        const renn::NeuronSources neuron = answer.neuron(n);
        all.neurons.insert(all.neurons.end(), {neuron.boundary, static_cast<double>(neuron.tied)});
        for (const renn::Neighbour& near : neuron.neighbours) {
            all.ids.push_back(near.id);
            all.neurons.push_back(near.distance);
        }
    }
    return all;
}

template <class S>
Ids ids_of(const Dataset<S>& set) {
    return {set.ids().begin(), set.ids().end()};
}

constexpr Ties policies[] = {Ties::share, Ties::strict, Ties::skip_inactive, Ties::lowest_id};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(every_recorded_sample_finds_itself_at_distance_0_at_every_neuron, S, Scalars) {
    const auto set = data<S>();
    const auto net = traced<S>(set);
    bool found = true;
    for (Index s = 0; s < samples; ++s) {
        const auto answer = net.retrace(set.input(s), {.k = 1, .post = true});
        for (std::size_t n = 0; found && n < answer.neurons(); ++n) found = answer.neuron(n).boundary == 0.0;
        const auto voters = answer.voters(set.id(s));
        found = found && voters.size() == answer.neurons();
        for (const auto& v : voters) found = found && v.distance == 0.0 && v.votes > 0.0;
    }
    BOOST_TEST(found);
}

BOOST_AUTO_TEST_CASE(the_order_of_recording_does_not_matter) {
    const auto set = data<float>();
    Rng rng(6);
    std::vector<Index> order(samples);
    for (Index s = 0; s < samples; ++s) order[static_cast<std::size_t>(s)] = s;
    renn::shuffle(order, rng);
    const auto shuffled = set.select(order);
    const auto a = traced<float>(set), b = traced<float>(shuffled);
    for (const Ties ties : policies) {
        for (Index s = 0; s < samples; s += 29) {
            const RetraceOptions o{.k = 7, .ties = ties, .post = true};
            BOOST_TEST(
                (said(a.retrace(set.input(s), o), ids_of(set)) == said(b.retrace(set.input(s), o), ids_of(shuffled))));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_restriction_answers_as_a_store_of_the_admitted_samples_alone) {
    const auto set = data<float>();
    const auto all = traced<float>(set);
    const std::uint64_t gone = set.id(100);
    Ids some;
    for (Index s = 0; s < samples; s += 4) some.push_back(set.id(s));
    const auto in_some = [&](Index s) { return s % 4 == 0; };
    const auto check = [&](RetraceOptions o, const auto& wanted) {
        const auto rest = where(set, wanted);
        const auto alone = traced<float>(rest);
        for (const Ties ties : policies) {
            for (const std::int64_t k : {1, 6, 42, 1000}) {
                o.ties = ties;
                o.k = k;
                o.post = true;
                RetraceOptions plain{.k = k, .ties = ties, .post = true};
                for (const Index s : {0, 99, 100, 101, 203}) {
                    BOOST_TEST((said(all.retrace(set.input(s), o), ids_of(set)) ==
                                said(alone.retrace(set.input(s), plain), ids_of(rest))));
                }
            }
        }
    };
    check({.without = gone}, [](Index s) { return s != 100; });
    check({.classes = {2}}, [&](Index s) { return set.label(s) == 2; });
    check({.ids = some}, in_some);
    check({.classes = {2, 0}, .ids = some, .without = gone},
          [&](Index s) { return in_some(s) && set.label(s) != 1 && s != 100; });
}

BOOST_AUTO_TEST_CASE(leave_one_out_answers_as_if_the_sample_had_not_been_recorded) {
    const auto set = data<float>();
    const auto all = traced<float, KdTree>(set);
    const Batch<float> x = set.inputs();
    const RetraceOptions o{.k = 9, .post = true};
    const auto answers = all.retrace_without_self(x, set.ids(), o, 2);
    BOOST_REQUIRE(answers.size() == static_cast<std::size_t>(samples));
    for (Index s = 0; s < samples; s += 37) {
        const auto rest = where(set, [s](Index other) { return other != s; });
        const auto alone = traced<float, KdTree>(rest);
        const auto& answer = answers[static_cast<std::size_t>(s)];
        BOOST_TEST((said(answer, ids_of(set)) == said(alone.retrace(x.col(s), o), ids_of(rest))));
        BOOST_TEST(answer.votes(set.id(s)) == 0.0);
        BOOST_TEST(answer.voters(set.id(s)).empty());
    }
}

BOOST_AUTO_TEST_CASE(both_index_policies_give_the_same_answer) {
    const auto set = data<float>();
    const auto a = traced<float, Sorted>(set);
    const auto b = traced<float, KdTree>(set);
    const Batch<float> x = renn::test::random_batch<float>(4, 20, 77);
    for (const Ties ties : policies) {
        const RetraceOptions o{.k = 11, .ties = ties, .post = true};
        const auto left = a.retrace_batch(x, o);
        const auto right = b.retrace_batch(x, o);
        for (std::size_t q = 0; q < left.size(); ++q) {
            BOOST_TEST((said(left[q], ids_of(set)) == said(right[q], ids_of(set))));
        }
    }
    BOOST_TEST(a.retrace(x.col(0)).provenance().index == "Sorted");
    BOOST_TEST(b.retrace(x.col(0)).provenance().index == "KdTree");
}

BOOST_AUTO_TEST_CASE(many_queries_on_any_number_of_threads_answer_as_one_by_one) {
    const auto set = data<float>();
    const Batch<float> x = renn::test::random_batch<float>(4, 33, 78);
    const RetraceOptions o{.k = 13, .post = true};
    const auto reference = traced<float>(set);
    for (const int threads : {1, 2, 4, 0}) {
        const auto cold = traced<float>(set);  // its index is built by whichever query comes first
        const auto answers = cold.retrace_batch(x, o, threads);
        BOOST_REQUIRE(answers.size() == 33u);
        for (std::size_t q = 0; q < 33; ++q) {
            const auto one = reference.retrace(x.col(static_cast<Index>(q)), o);
            BOOST_TEST((said(answers[q], ids_of(set)) == said(one, ids_of(set))));
        }
        const auto seen = cold.retrace_activations(cold.activations(x), o, threads);
        BOOST_TEST((said(seen[32], ids_of(set)) == said(answers[32], ids_of(set))));
    }
    BOOST_TEST(reference.retrace_batch(x.leftCols(0), o).empty());
}

BOOST_AUTO_TEST_CASE(one_network_answers_several_threads_at_once) {
    const auto set = data<float>();
    const auto net = traced<float>(set);
    const auto reference = traced<float>(set);
    std::vector<int> wrong(4, 0);
    {
        std::vector<std::jthread> threads;
        for (std::size_t t = 0; t < wrong.size(); ++t) {
            threads.emplace_back([&, t] {
                for (Index s = static_cast<Index>(t); s < 60; s += 5) {
                    const auto answer = net.retrace(set.input(s), {.k = 5, .post = true});
                    wrong[t] += answer.top(1).front().votes < 1.0;
                    wrong[t] += answer.dense() != reference.retrace(set.input(s), {.k = 5, .post = true}).dense();
                }
            });
        }
    }
    BOOST_TEST((wrong == std::vector<int>(4, 0)));
}

BOOST_AUTO_TEST_CASE(two_separated_classes_have_their_own_samples_as_evidence) {
    Rng rng(9);
    Batch<float> x(2, 400);
    std::vector<std::int32_t> labels;
    for (Index s = 0; s < 400; ++s) {
        labels.push_back(static_cast<std::int32_t>(s % 2));
        for (Index f = 0; f < 2; ++f) x(f, s) = static_cast<float>(0.3 * rng.normal() + (s % 2 == 0 ? -4.0 : 4.0));
    }
    const Dataset<float> set(x, {.labels = labels});
    auto net = Network(Dense<float>(2, 32, 4), renn::ReLU<float>(), Dense<float>(32, 2, 5));
    renn::fit(net, set, {.epochs = 10});
    auto trained = renn::trace<Sorted>(std::move(net));
    trained.record(set);
    for (int c = 0; c < 2; ++c) {
        renn::Column<float> query(2);
        query.setConstant(float(c == 0 ? -4.1 : 3.9));
        const auto answer = trained.retrace(query);
        BOOST_TEST(answer.prediction() == c);
        BOOST_TEST(answer.evidence()[static_cast<std::size_t>(c)] > 0.95);
        BOOST_TEST(answer.evidence_class() == c);
        BOOST_TEST(answer.agreement());
    }
}

BOOST_AUTO_TEST_CASE(an_answer_says_what_produced_it) {
    const auto net = traced<float>(data<float>());
    const auto p = net.retrace(data<float>().input(3), {.k = 17, .ties = Ties::lowest_id}).provenance();
    BOOST_TEST(p.library == renn::version);
    BOOST_TEST(p.index == "Sorted");
    BOOST_TEST(p.ties == "lowest_id");
    BOOST_TEST(p.k == 17);
    BOOST_TEST(p.fingerprint == renn::fingerprint(net.network()));
    BOOST_TEST(p.build == renn::build_description<float>());
    BOOST_TEST(p.same_build);
    auto store = net.store();
    store.build = "another compiler";
    const decltype(renn::trace<Sorted>(network<float>())) elsewhere(network<float>(), store);
    BOOST_TEST(!elsewhere.retrace(data<float>().input(3)).provenance().same_build);
}
