// SPDX-License-Identifier: MIT
// labels: golden
// A traced network against the stored answers of an independent implementation: tda/model and tda/renn.
#define BOOST_TEST_MODULE retrace_golden
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/evaluation/linear_datamodelling.hpp>
#include <renn/evaluation/similarity.hpp>
#include <renn/index/kd_tree.hpp>
#include <renn/index/sorted.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>
#include <renn/retrace/blend.hpp>
#include <renn/retrace/trace.hpp>

#include "support/golden.hpp"

using renn::Batch;
using renn::Column;
using renn::Dataset;
using renn::Dense;
using renn::Index;
using renn::Kind;
using renn::Network;
using renn::RetraceOptions;
using renn::Ties;
using renn::test::Golden;

namespace {

const Golden model("tda/model"), stored("tda/renn");

Dense<double> layer(const std::string& number) {
    const Batch<double> bias = model.matrix<double>("ckpt3_b" + number);
    return Dense<double>(Dense<double>::Parameters{model.matrix<double>("ckpt3_W" + number), bias.col(0)});
}

auto network() {
    return Network(layer("1"), renn::ReLU<double>(), layer("2"), renn::ReLU<double>(), layer("3"));
}

Dataset<double> data(const std::string& part) {
    return Dataset<double>(Batch<double>(model.batch<double>(part + "_images") / 255.0),
                           {.labels = model.vector<std::int32_t>(part + "_labels")});
}

/// All layers of one kind below each other, units x samples.
Batch<double> all_values(const renn::Activations<double>& values, Kind kind) {
    Batch<double> all(0, values.output().cols());
    for (const auto& block : values.blocks()) {
        if (block.kind != kind) continue;
        all.conservativeResize(all.rows() + block.width, Eigen::NoChange);
        all.bottomRows(block.width) = block.values;
    }
    return all;
}

Index queries() {
    return stored.shape("pre_nn_index").front();
}
std::int64_t k() {
    return stored.parameter("k").get<std::int64_t>();
}

/// The recorded training set and the answers to all queries with one set of options.
template <class Policy>
struct Answers {
    decltype(renn::trace<Policy>(network())) traced = renn::trace<Policy>(network());

    Answers() { BOOST_REQUIRE(traced.record(data("train"))); }

    auto operator()(const RetraceOptions& options) const {
        return traced.retrace_batch(data("test").inputs().leftCols(queries()), options);
    }
};

const Answers<renn::Sorted>& sorted() {
    static const Answers<renn::Sorted> answers;
    return answers;
}

/// Flat lists in the order query, neuron, place: what the arrays hold.
struct Lists {
    std::vector<std::uint64_t> index;
    std::vector<double> value, distance, gap, neuron_weight;
    std::vector<std::size_t> nearer, tied;
    std::vector<int> unique;
};

template <class A>
Lists lists(const A& answers, bool post) {
    Lists l;
    const RetraceOptions options{.k = k(), .pre = !post, .post = post};
    RetraceOptions one_more = options;
    ++one_more.k;
    const auto found = answers(options);
    const auto wider = answers(one_more);
    for (std::size_t q = 0; q < found.size(); ++q) {
        for (std::size_t n = 0; n < found[q].neurons(); ++n) {
            const renn::NeuronSources neuron = found[q].neuron(n);
            for (const renn::Neighbour& near : neuron.neighbours) {
                l.index.push_back(near.id);
                l.value.push_back(near.value);
                l.distance.push_back(near.distance);
            }
            l.gap.push_back(wider[q].neuron(n).boundary - neuron.boundary);
            l.nearer.push_back(neuron.closer);
            l.tied.push_back(neuron.tied);
            l.unique.push_back(neuron.tied == neuron.places ? 1 : 0);
            const auto weights = renn::original_distance_weights(neuron.neighbours);
            l.neuron_weight.insert(l.neuron_weight.end(), weights.begin(), weights.end());
        }
    }
    return l;
}

/// Votes of every layer (or of all together) for every training sample, query after query.
template <class A>
std::vector<double> votes(const A& answers, const RetraceOptions& options, bool by_layer) {
    std::vector<double> flat;
    for (const auto& answer : answers(options)) {
        const std::size_t views = by_layer ? answer.layers().size() : 1;
        for (std::size_t v = 0; v < views; ++v) {
            const std::vector<double> dense = by_layer ? answer.layer(v).dense() : answer.dense();
            flat.insert(flat.end(), dense.begin(), dense.end());
        }
    }
    return flat;
}

}  // namespace

BOOST_AUTO_TEST_CASE(activations_and_predictions_of_training_and_test_samples) {
    const auto& store = sorted().traced.store();
    BOOST_TEST(model.check("train_pre", all_values(renn::activations(network(), data("train").inputs()), Kind::pre)));
    BOOST_TEST(model.check("train_prediction", store.predictions));
    const auto test = renn::activations(network(), data("test").inputs());
    BOOST_TEST(model.check("test_pre", all_values(test, Kind::pre)));
    std::vector<std::int32_t> predictions;
    for (Index s = 0; s < test.output().cols(); ++s) predictions.push_back(renn::predicted_class(test.output().col(s)));
    BOOST_TEST(model.check("test_prediction", predictions));

    Batch<double> recorded(0, store.samples());
    for (std::uint32_t p = 0; p < store.points.size(); ++p) {
        if (store.points[p].kind != Kind::pre) continue;
        for (std::uint32_t u = 0; u < store.points[p].units.size(); ++u) {
            recorded.conservativeResize(recorded.rows() + 1, Eigen::NoChange);
            const auto values = store.values({p, u});
            recorded.bottomRows(1) = Eigen::Map<const Eigen::RowVectorXd>(values.data(), std::ssize(values));
        }
    }
    BOOST_TEST(model.check("train_pre", recorded));
}

BOOST_AUTO_TEST_CASE(nearest_samples_of_every_neuron_with_gaps_and_ties) {
    for (const bool post : {false, true}) {
        const std::string kind = post ? "post" : "pre";
        const Lists l = lists(sorted(), post);
        BOOST_TEST(stored.check(kind + "_nn_index", l.index));
        BOOST_TEST(stored.check(kind + "_nn_value", l.value));
        BOOST_TEST(stored.check(kind + "_nn_distance", l.distance));
        BOOST_TEST(stored.check(kind + "_gap", l.gap));
        BOOST_TEST(stored.check(kind + "_nearer_count", l.nearer));
        BOOST_TEST(stored.check(kind + "_tie_count", l.tied));
        BOOST_TEST(stored.check(post ? "post_strict" : "seed_neuron_weight",
                                post ? std::vector<double>(l.unique.begin(), l.unique.end()) : l.neuron_weight));
    }
}

BOOST_AUTO_TEST_CASE(votes_of_layers_and_network_under_both_tie_rules_and_both_indexes) {
    const auto check = [](const auto& answers) {
        const RetraceOptions pre{.k = k()};
        RetraceOptions strict{.k = k(), .ties = Ties::strict};
        const RetraceOptions post{.k = k(), .pre = false, .post = true};
        const RetraceOptions post_strict{.k = k(), .ties = Ties::strict, .pre = false, .post = true};
        for (const bool by_layer : {true, false}) {
            const std::string part = by_layer ? "layers" : "network";
            BOOST_TEST(stored.check("votes_pre_" + part, votes(answers, pre, by_layer)));
            BOOST_TEST(stored.check("votes_pre_" + part, votes(answers, strict, by_layer)));
            BOOST_TEST(stored.check("votes_post_shared_" + part, votes(answers, post, by_layer)));
            BOOST_TEST(stored.check("votes_post_strict_" + part, votes(answers, post_strict, by_layer)));
        }
    };
    check(sorted());
    check(Answers<renn::KdTree>());
}

BOOST_AUTO_TEST_CASE(top_sources_and_their_blends) {
    const auto m = static_cast<std::size_t>(stored.shape("top20_pre_network")[1]);
    const auto train = data("train");
    const Index features = train.features();
    std::vector<std::uint64_t> top;
    std::vector<double> weights, effective;
    Batch<double> blends(features, queries()), sequential(features, queries());
    const auto answers = sorted()({.k = k()});
    for (std::size_t q = 0; q < answers.size(); ++q) {
        const std::vector<renn::Source> sources = answers[q].top(m);
        std::vector<std::uint64_t> ids;
        for (const renn::Source& s : sources) ids.push_back(s.id);
        top.insert(top.end(), ids.begin(), ids.end());
        const std::vector<double> w = renn::vote_weights(sources), e = renn::sequential_weights(w);
        weights.insert(weights.end(), w.begin(), w.end());
        effective.insert(effective.end(), e.begin(), e.end());
        blends.col(static_cast<Index>(q)) = 255.0 * renn::blend(sources, train);
        sequential.col(static_cast<Index>(q)) = 255.0 * renn::blend(e, ids, train);
    }
    BOOST_TEST(stored.check("top20_pre_network", top));
    BOOST_TEST(stored.check("blend_weight", weights));
    BOOST_TEST(stored.check("blend_image", blends));
    BOOST_TEST(stored.check("seed_blend_effective_weight", effective));
    BOOST_TEST(stored.check("seed_blend_image", sequential));
}

BOOST_AUTO_TEST_CASE(tied_votes_of_numbers_that_are_exact) {
    // A model that hands its input on records exactly the given values.
    auto traced = renn::trace<renn::KdTree, double>([](const auto& x, auto& probe) { probe("values", x); });
    BOOST_REQUIRE(traced.record(Dataset<double>(stored.batch<double>("tie_values"))));
    const Batch<double> asked = stored.batch<double>("tie_queries");
    std::vector<double> shared;
    std::vector<int> unique;
    for (const std::int64_t places : stored.vector<std::int64_t>("tie_k")) {
        const auto answers = traced.retrace_batch(asked, {.k = places});
        const auto strict = traced.retrace_batch(asked, {.k = places, .ties = Ties::strict});
        for (std::size_t q = 0; q < answers.size(); ++q) {
            for (std::size_t n = 0; n < answers[q].neurons(); ++n) {
                std::vector<double> votes(static_cast<std::size_t>(traced.store().samples()), 0.0);
                for (const std::uint64_t id : traced.store().ids) {
                    for (const auto& voter : answers[q].voters(id)) {
                        if (voter.unit == n) votes[id] = voter.votes;
                    }
                }
                shared.insert(shared.end(), votes.begin(), votes.end());
                unique.push_back(strict[q].neuron(n).votes ? 1 : 0);
            }
        }
    }
    BOOST_TEST(stored.check("tie_votes_shared", shared));
    BOOST_TEST(stored.check("tie_strict", unique));
}

BOOST_AUTO_TEST_CASE(similarity_of_the_last_hidden_layer) {
    const Golden similarity("tda/similarity");
    const auto hidden = [](const std::string& part, Index samples) {
        return renn::activations(network(), data(part).inputs().leftCols(samples))["relu2"];
    };
    const Index count = similarity.shape("cosine")[0];
    const auto compare = [](const Batch<double>& asked, const Batch<double>& recorded, auto&& measure) {
        Batch<double> all(recorded.cols(), asked.cols());
        for (Index q = 0; q < asked.cols(); ++q) {
            for (Index s = 0; s < recorded.cols(); ++s) all(s, q) = measure(asked.col(q), recorded.col(s));
        }
        return all;
    };
    const auto cosine = [](const auto& a, const auto& b) { return renn::cosine_similarity(a, b); };
    const auto l2 = [](const auto& a, const auto& b) { return renn::l2_distance(a, b); };
    const Batch<double> train = hidden("train", similarity.shape("cosine")[1]), test = hidden("test", count);
    BOOST_TEST(similarity.check("cosine", compare(test, train, cosine)));
    BOOST_TEST(similarity.check("l2_distance", compare(test, train, l2)));
    const Batch<double> queries = similarity.batch<double>("edge_queries");
    BOOST_TEST(similarity.check("edge_cosine", compare(queries, similarity.batch<double>("edge_train"), cosine)));
}

BOOST_AUTO_TEST_CASE(the_reference_scores_have_the_stored_datamodelling_scores) {
    const Golden lds("tda/lds_mlp"), similarity("tda/similarity");
    const auto rows = lds.array<Index>("subsets");
    std::vector<std::vector<Index>> subsets;
    for (Index m = 0; m < rows.shape[0]; ++m) {
        subsets.emplace_back(rows.part({m}), rows.part({m}) + rows.shape[1]);
    }
    const Batch<double> outputs = lds.matrix<double>("log_probability");
    const auto check = [&](const std::string& name, const Batch<double>& scores) {
        const Batch<double> first = scores.leftCols(outputs.cols());
        const auto result = renn::linear_datamodelling_score(first, subsets, outputs);
        BOOST_TEST(lds.check("lds_" + name, result.per_query));
    };
    check("similarity_cosine", similarity.batch<double>("cosine"));
    check("votes_pre_network", stored.batch<double>("votes_pre_network"));
    check("votes_post_shared_network", stored.batch<double>("votes_post_shared_network"));
}
