// SPDX-License-Identifier: MIT
// The answers of a traced network against votes counted by the book, for every tie policy and every restriction.
#define BOOST_TEST_MODULE votes
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <renn/activations/leaky_relu.hpp>
#include <renn/activations/relu.hpp>
#include <renn/activations/sigmoid.hpp>
#include <renn/index/sorted.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>
#include <renn/retrace/trace.hpp>

#include "support/brute_votes.hpp"
#include "support/message_of.hpp"

using renn::Batch;
using renn::Column;
using renn::DataError;
using renn::Index;
using renn::Kind;
using renn::RetraceOptions;
using renn::Rng;
using renn::Ties;
using renn::test::brute_neuron;
using renn::test::BruteNeuron;
using renn::test::message_of;
using renn::test::TieRule;

namespace {

constexpr int classes = 4;

template <class S>
auto network(std::uint64_t seed) {
    using namespace renn;
    return Network(Dense<S>(5, 9, seed), ReLU<S>(), Dense<S>(9, 7, seed + 1), LeakyReLU<S>(S(0.25)),
                   Dense<S>(7, 6, seed + 2), Sigmoid<S>(), Dense<S>(6, classes, seed + 3));
}

/// Whole numbers as inputs, few of them: samples repeat, so whole groups tie at every neuron.
template <class S>
Batch<S> inputs(Index samples, std::uint64_t seed) {
    Rng rng(seed);
    return Batch<S>::NullaryExpr(5, samples, [&] { return static_cast<S>(static_cast<int>(rng.below(3)) - 1); });
}

/// A recorded network beside everything the book needs: plain values of every place, ids, labels.
template <class S, class Policy>
struct Recorded {
    using Traced = decltype(renn::trace<Policy>(network<S>(0)));
    Traced traced;
    Batch<S> x;
    std::vector<std::uint64_t> ids;
    std::vector<std::int32_t> labels;
    std::optional<renn::Activations<S>> values;

    explicit Recorded(Index samples, std::uint64_t seed) : traced(renn::trace<Policy>(network<S>(seed))) {
        Rng rng(seed);
        x = inputs<S>(samples, seed);
        for (Index s = 0; s < samples; ++s) {
            ids.push_back((rng.bits() & ~std::uint64_t{0xffff}) + static_cast<std::uint64_t>(s));  // all 64 bits used
            labels.push_back(static_cast<std::int32_t>(rng.below(classes)));
        }
        traced.record(renn::Dataset<S>(x, {.labels = labels, .ids = ids, .class_names = {"a", "b", "c", "d"}}));
        values = renn::activations(traced.network(), x);
    }

    std::vector<bool> sources(const RetraceOptions& o) const {
        std::vector<bool> wanted(ids.size());
        const auto contains = [](const auto& list, auto v) {
            return std::find(list.begin(), list.end(), v) != list.end();
        };
        for (std::size_t s = 0; s < ids.size(); ++s) {
            wanted[s] = (o.ids.empty() || contains(o.ids, ids[s])) &&
                        (o.classes.empty() || contains(o.classes, labels[s])) && o.without != ids[s];
        }
        return wanted;
    }
};

TieRule rule(Ties ties) {
    return std::map<Ties, TieRule>{{Ties::share, TieRule::share},
                                   {Ties::strict, TieRule::strict},
                                   {Ties::skip_inactive, TieRule::skip_inactive},
                                   {Ties::lowest_id, TieRule::lowest_id}}
        .at(ties);
}

bool close(const std::vector<double>& a, const std::vector<double>& b) {
    bool same = a.size() == b.size();
    for (std::size_t i = 0; same && i < a.size(); ++i) same = std::abs(a[i] - b[i]) <= 1e-11 * (1.0 + std::abs(b[i]));
    return same;
}

/// Everything a view on votes says, against votes by the book and against itself.
template <class V, class R>
void check_view(const V& view, const std::vector<double>& expected, const R& recorded) {
    const std::vector<double> dense = view.dense();
    BOOST_TEST(close(dense, expected));
    const double total = std::accumulate(expected.begin(), expected.end(), 0.0);
    BOOST_TEST(std::abs(view.total() - total) <= 1e-9 * (1.0 + total));

    const std::size_t n = recorded.ids.size();
    const std::vector<std::size_t> ranked = renn::test::ranking(dense, recorded.ids, n);
    bool same_sources = true, same_votes = true;
    for (const std::size_t m :
         {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{5}, std::size_t{20}, n, n + 3}) {
        const std::vector<renn::Source> top = view.top(m);
        same_sources = same_sources && top.size() == std::min(m, ranked.size());
        for (std::size_t i = 0; same_sources && i < top.size(); ++i) {
            const std::size_t s = ranked[i];
            same_sources =
                top[i].id == recorded.ids[s] && top[i].votes == dense[s] && top[i].share == dense[s] / view.total() &&
                top[i].label == recorded.labels[s] &&
                top[i].prediction == renn::predicted_class(recorded.values->output().col(static_cast<Index>(s)));
        }
    }
    for (std::size_t s = 0; s < n; ++s) same_votes = same_votes && view.votes(recorded.ids[s]) == dense[s];
    BOOST_TEST(same_sources);
    BOOST_TEST(same_votes);

    double shares = 0.0;
    for (const renn::Source& s : view.top(n)) shares += s.share;
    BOOST_TEST(std::abs(shares - (total > 0.0 ? 1.0 : 0.0)) < 1e-12);

    std::vector<double> evidence(classes, 0.0);
    for (std::size_t s = 0; s < n && total > 0.0; ++s) {
        evidence[static_cast<std::size_t>(recorded.labels[s])] += expected[s] / total;
    }
    BOOST_TEST(close(view.evidence(), evidence));
}

/// One query with one set of options: the network, both kinds, every layer, every neuron, the voters of some samples.
template <class S, class Policy>
void check_query(const Recorded<S, Policy>& recorded, const Column<S>& query, const RetraceOptions& options) {
    const auto answer = recorded.traced.retrace(query, options);
    const auto asked = recorded.traced.activations(query);
    const std::vector<bool> sources = recorded.sources(options);
    const std::size_t n = recorded.ids.size();
    std::vector<double> network(n, 0.0), pre(n, 0.0), post(n, 0.0);
    std::map<std::size_t, std::vector<std::pair<std::string, double>>> voters;  // of every 7th sample
    std::vector<std::string> layers;
    bool neurons = true;
    std::size_t number = 0;
    for (const auto& block : recorded.values->blocks()) {
        const bool named = std::find(options.layers.begin(), options.layers.end(), block.name) != options.layers.end();
        if (!(options.layers.empty() ? (block.kind == Kind::pre ? options.pre : options.post) : named)) continue;
        layers.push_back(block.name);
        std::vector<double> layer(n, 0.0);
        for (Index u = 0; u < block.width; ++u, ++number) {
            const Column<S> row = block.values.row(u).transpose();
            const double value = static_cast<double>(asked[block.name](u, 0));
            const BruteNeuron e = brute_neuron(row, value, static_cast<std::size_t>(options.k), rule(options.ties),
                                               recorded.ids, sources);
            const renn::NeuronSources got = answer.neuron(block.name, static_cast<std::uint32_t>(u));
            bool same = got.value == value && got.boundary == e.boundary && got.closer == e.closer &&
                        got.tied == e.tied && got.places == e.nearest.size() - e.closer && got.votes == !e.abstains &&
                        got.neighbours.size() == e.nearest.size();
            for (std::size_t i = 0; same && i < e.nearest.size(); ++i) {
                const std::size_t s = e.nearest[i];
                same = got.neighbours[i].id == recorded.ids[s] && got.neighbours[i].distance == e.distances[i] &&
                       got.neighbours[i].value == static_cast<double>(row[static_cast<Index>(s)]);
            }
            const renn::NeuronSources by_number = answer.neuron(number);
            neurons =
                neurons && same && by_number.value == got.value && by_number.neighbours.size() == e.nearest.size();
            for (std::size_t s = 0; s < n; ++s) {
                layer[s] += e.votes[s];
                if (s % 7 == 0 && e.votes[s] > 0.0) voters[s].push_back({block.name + std::to_string(u), e.votes[s]});
            }
        }
        BOOST_TEST_CONTEXT("layer " << block.name) {
            check_view(answer.layer(block.name), layer, recorded);
        }
        auto& kind = block.kind == Kind::pre ? pre : post;
        for (std::size_t s = 0; s < n; ++s) {
            network[s] += layer[s];
            kind[s] += layer[s];
        }
    }
    BOOST_TEST(neurons);
    BOOST_TEST((answer.layers() == layers));
    BOOST_TEST(answer.neurons() == number);
    check_view(answer, network, recorded);
    check_view(answer.kind(Kind::pre), pre, recorded);
    check_view(answer.kind(Kind::post), post, recorded);
    for (std::size_t s = 0; s < n; s += 7) {
        std::vector<std::pair<std::string, double>> got;
        for (const auto& v : answer.voters(recorded.ids[s])) got.push_back({v.layer + std::to_string(v.unit), v.votes});
        BOOST_TEST((got == voters[s]));
    }
    if (options.ties == Ties::share || options.ties == Ties::lowest_id) {
        const auto allowed = static_cast<double>(std::count(sources.begin(), sources.end(), true));
        const double k = std::min(static_cast<double>(options.k), allowed);
        BOOST_TEST(answer.total() == k * static_cast<double>(number));
    }
}

template <class S, class Policy>
void check_all(Index samples, std::uint64_t seed) {
    const Recorded<S, Policy> recorded(samples, seed);
    Rng rng(seed);
    const auto some_id = [&] { return recorded.ids[rng.below(recorded.ids.size())]; };
    for (const Ties ties : {Ties::share, Ties::strict, Ties::skip_inactive, Ties::lowest_id}) {
        for (const std::int64_t k : {std::int64_t{0}, std::int64_t{1}, std::int64_t{4}, std::int64_t{30},
                                     std::int64_t{samples}, std::int64_t{samples} + 9}) {
            for (int restriction = 0; restriction < 5; ++restriction) {
                RetraceOptions o{.k = k, .ties = ties, .post = true};
                if (restriction == 1) o.without = some_id();
                if (restriction == 2) o.classes = {1, 3};
                if (restriction == 3) {
                    for (int i = 0; i < 25; ++i) o.ids.push_back(some_id());  // repeats do no harm
                    o.pre = false;
                }
                if (restriction == 4) {
                    o.classes = {0, 1, 2};
                    for (int i = 0; i < 60; ++i) o.ids.push_back(some_id());
                    o.without = o.ids.front();
                    o.layers = {"sigmoid1", "dense2", "relu1"};
                }
                BOOST_TEST_CONTEXT("seed " << seed << ", ties " << renn::ties_name(ties) << ", k " << k
                                           << ", restriction " << restriction) {
                    const Column<S> query = rng.below(2) == 0
                                                ? Column<S>(inputs<S>(1, rng.bits()).col(0))
                                                : Column<S>(Column<S>::NullaryExpr(5, [&] { return S(rng.normal()); }));
                    check_query(recorded, query, o);
                }
            }
        }
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(votes_are_those_of_the_book_with_bisection_in_float) {
    check_all<float, renn::Sorted>(150, 1);
}
BOOST_AUTO_TEST_CASE(votes_are_those_of_the_book_with_kd_trees_in_double) {
    check_all<double, renn::KdTree>(150, 5);
}
BOOST_AUTO_TEST_CASE(votes_are_those_of_the_book_for_few_samples) {
    for (const Index samples : {1, 2, 3}) check_all<float, renn::Sorted>(samples, 20);
}

BOOST_AUTO_TEST_CASE(questions_that_cannot_be_answered_are_refused_by_name) {
    const Recorded<float, renn::Sorted> recorded(20, 3);
    const Column<float> query = Column<float>::Ones(5);
    const auto refusal = [&](const RetraceOptions& o) {
        return message_of<DataError>([&] { (void)recorded.traced.retrace(query, o); });
    };
    BOOST_TEST(refusal({.k = -1}) == "retrace: k: got -1, expected 0 or more");
    BOOST_TEST(
        refusal({.layers = {"dense9"}}) ==
        "retrace: layer: got \"dense9\", expected one of dense1, relu1, dense2, leakyrelu1, dense3, sigmoid1, dense4");
    BOOST_TEST(refusal({.pre = false}) ==
               "retrace: voting neurons: got none, expected a kind that was recorded, .pre = true");
    BOOST_TEST(refusal({.ids = {3}}) ==
               "store: sample 3: got an id that was not recorded, expected one of 20 recorded ids");
    BOOST_TEST(refusal({.without = 3}) ==
               "store: sample 3: got an id that was not recorded, expected one of 20 recorded ids");
    const auto answer = recorded.traced.retrace(query);
    BOOST_TEST(message_of<DataError>([&] { (void)answer.layer("relu1"); }) ==
               "Retrace::layer: name: got \"relu1\", expected one of dense1, dense2, dense3, dense4");
    BOOST_TEST(message_of<DataError>([&] { (void)answer.layer(4); }) ==
               "Retrace::layer: number: got 4, expected below 4");
    BOOST_TEST(message_of<DataError>([&] { (void)answer.neuron("dense1", 9); }) ==
               "Retrace::neuron: unit: got \"dense1\" 9, expected a neuron that voted");
    BOOST_TEST(message_of<DataError>([&] { (void)answer.neuron(26); }) ==
               "Retrace::neuron: number: got 26, expected below 26");
    BOOST_CHECK_THROW((void)answer.votes(3), DataError);
    BOOST_CHECK_THROW((void)answer.voters(3), DataError);
}

BOOST_AUTO_TEST_CASE(without_labels_there_is_no_evidence_and_no_restriction_by_class) {
    auto traced = renn::trace<renn::Sorted>(network<float>(1));
    traced.record(renn::Dataset<float>(inputs<float>(20, 1)));
    const Column<float> query = Column<float>::Ones(5);
    const auto answer = traced.retrace(query);
    BOOST_TEST(answer.top(1).front().label == -1);
    BOOST_TEST(message_of<DataError>([&] { (void)answer.evidence(); }) ==
               "evidence: labels: got none recorded, expected one a sample");
    BOOST_TEST(message_of<DataError>([&] { (void)traced.retrace(query, {.classes = {1}}); }) ==
               "retrace: classes: got a restriction, expected none: no labels were recorded");
}
