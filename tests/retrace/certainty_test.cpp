// SPDX-License-Identifier: MIT
// What answers are worth: ways to count votes, certainty, familiarity, credibility, targets of sources.
#define BOOST_TEST_MODULE certainty
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <renn/retrace/certainty.hpp>
#include <renn/retrace/counting.hpp>
#include <renn/retrace/credibility.hpp>
#include <renn/retrace/familiarity.hpp>
#include <renn/retrace/source_targets.hpp>
#include <renn/retrace/trace.hpp>

#include "support/brute_votes.hpp"
#include "support/message_of.hpp"
#include "support/small_models.hpp"

using renn::Batch;
using renn::Counting;
using renn::DataError;
using renn::Dataset;
using renn::Index;
using renn::MismatchError;
using renn::RetraceOptions;
using renn::Sorted;
using renn::Source;
using renn::Ties;
using renn::test::message_of;
using renn::test::TieRule;
using Numbers = std::vector<double>;

namespace tt = boost::test_tools;

namespace {

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();
constexpr Counting every_way[] = {Counting::plain, Counting::distance_weighted, Counting::by_layer, Counting::presence};

bool close(const Numbers& a, const Numbers& b) {
    bool same = a.size() == b.size();
    for (std::size_t i = 0; same && i < a.size(); ++i) same = std::abs(a[i] - b[i]) <= 1e-10 * (1.0 + std::abs(b[i]));
    return same;
}

double sum(const Numbers& v) {
    return std::accumulate(v.begin(), v.end(), 0.0);
}

/// A model that hands on its input: what is recorded are the numbers given. It has no outputs.
auto numbers(Batch<double> values, std::vector<std::int32_t> labels = {}) {
    auto traced = renn::trace<Sorted, double>([](const auto& x, auto& probe) { probe("values", x); });
    traced.record(Dataset<double>(std::move(values), {.labels = std::move(labels)}));
    return traced;
}

/// Two clouds, far apart, and a network that does not know them.
Dataset<float> clouds(Index samples, std::uint64_t seed) {
    constexpr float apart = 40.0F;
    renn::Rng rng(seed);
    Batch<float> x(3, samples);
    std::vector<std::int32_t> labels;
    for (Index s = 0; s < samples; ++s) {
        labels.push_back(static_cast<std::int32_t>(s % 2));
        for (Index r = 0; r < 3; ++r) x(r, s) = static_cast<float>(0.5 * rng.normal()) + (s % 2 == 0 ? 0.0F : apart);
    }
    return Dataset<float>(std::move(x), {.labels = std::move(labels)});
}

/// The neurons that voted in an answer, by the book, each with the distances of all samples.
template <class S, class Traced, class Answer>
struct Book {
    std::vector<std::uint64_t> ids;
    std::vector<renn::test::BruteNeuron> neurons;
    std::vector<Numbers> distances;
    std::vector<std::size_t> layer;

    Book(const Traced& traced, const Dataset<S>& data, const Batch<S>& query, const Answer& answer, TieRule rule)
        : ids(data.ids().begin(), data.ids().end()) {
        const auto recorded = renn::activations(traced.network(), data.inputs());
        const auto asked = renn::activations(traced.network(), query);
        const auto k = static_cast<std::size_t>(answer.options().k);
        const std::vector<std::string> names = answer.layers();
        for (std::size_t l = 0; l < names.size(); ++l) {
            for (Index u = 0; u < recorded[names[l]].rows(); ++u) {
                const renn::Column<S> row = recorded[names[l]].row(u).transpose();
                const auto at = static_cast<double>(asked[names[l]](u, 0));
                neurons.push_back(renn::test::brute_neuron(row, at, k, rule, ids));
                Numbers& from = distances.emplace_back();
                for (const S value : row) from.push_back(std::abs(static_cast<double>(value) - at));
                layer.push_back(l);
            }
        }
    }

    Numbers votes(Counting how) const {
        Numbers frequency(ids.size()), counted(ids.size());
        double farthest = 0.0;
        Numbers layer_total(10);
        for (std::size_t n = 0; n < neurons.size(); ++n) {
            layer_total[layer[n]] += sum(neurons[n].votes);
            for (std::size_t s = 0; s < ids.size(); ++s) {
                frequency[s] += neurons[n].votes[s];
                if (neurons[n].votes[s] > 0.0) farthest = std::max(farthest, distances[n][s]);
            }
        }
        const double most = *std::max_element(frequency.begin(), frequency.end());
        for (std::size_t s = 0; s < ids.size(); ++s) {
            Numbers absent(10, 1.0);
            for (std::size_t n = 0; n < neurons.size(); ++n) {
                const double v = neurons[n].votes[s];
                absent[layer[n]] *= 1.0 - v;
                if (v <= 0.0) continue;
                if (how == Counting::plain) counted[s] += v;
                if (how == Counting::by_layer) counted[s] += v / layer_total[layer[n]];
                if (how == Counting::distance_weighted) {
                    counted[s] += v * (0.5 * frequency[s] / most + 0.5 * (1 - distances[n][s] / (farthest + 1e-9)));
                }
            }
            if (how == Counting::presence) counted[s] = 10.0 - sum(absent);
        }
        return counted;
    }
};

/// Every way of counting against the formulas, neuron after neuron.
template <class S>
void check_counting(const RetraceOptions& options, TieRule rule) {
    const auto traced = renn::test::small_traced<Sorted, S>(40);
    const auto data = renn::test::small_data<S>(40);
    const Batch<S> query = data.input(3) * S(0.5);
    const auto answer = traced.retrace(query, options);
    const Book<S, decltype(traced), decltype(answer)> book(traced, data, query, answer, rule);
    for (const Counting how : every_way) {
        const Numbers votes = counted_votes(answer, how);
        BOOST_TEST(close(votes, book.votes(how)));
        const auto ranked = renn::test::ranking(votes, book.ids, 7);
        const std::vector<Source> top = top_sources(answer, 7, how);
        BOOST_REQUIRE(top.size() == ranked.size());
        for (std::size_t i = 0; i < top.size(); ++i) {
            BOOST_TEST(top[i].id == book.ids[ranked[i]]);
            BOOST_TEST(std::abs(top[i].share - votes[ranked[i]] / sum(votes)) < 1e-12);
            BOOST_TEST(top[i].label == data.label(static_cast<Index>(ranked[i])));
        }
        BOOST_TEST(std::abs(sum(evidence_of(answer, votes)) - 1.0) < 1e-12);
        for (std::size_t l = 0; l < answer.layers().size(); ++l) {
            const Numbers part = counted_votes(answer, how, l);
            const double whole = answer.layer(l).total() > 0.0 ? 1.0 : 0.0;
            if (how == Counting::by_layer) BOOST_TEST(std::abs(sum(part) - whole) < 1e-12);
            if (how == Counting::presence) BOOST_TEST(*std::max_element(part.begin(), part.end()) <= 1.0);
        }
    }
    for (const renn::SourceRow& row : source_table(answer, 5)) {
        const auto s = static_cast<std::size_t>(traced.store().position_of(row.source.id));
        double distances = 0.0;
        std::vector<std::size_t> layers;
        for (std::size_t n = 0; n < book.neurons.size(); ++n) {
            const double votes = book.neurons[n].votes[s];
            distances += votes * book.distances[n][s];
            if (votes > 0.0 && (layers.empty() || layers.back() != book.layer[n])) layers.push_back(book.layer[n]);
        }
        BOOST_TEST(std::abs(row.mean_distance - distances / row.source.votes) <= 1e-12);
        BOOST_TEST(row.layers == layers.size());
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(votes_counted_each_way_follow_their_formulas) {
    check_counting<double>({.k = 4}, TieRule::share);
    check_counting<double>({.k = 3, .post = true}, TieRule::share);
    check_counting<double>({.k = 3, .ties = Ties::strict, .post = true}, TieRule::strict);
    check_counting<double>({.k = 3, .ties = Ties::lowest_id, .post = true}, TieRule::lowest_id);
    check_counting<double>({.k = 3, .ties = Ties::skip_inactive, .pre = false, .post = true}, TieRule::skip_inactive);
    check_counting<double>({.k = 100}, TieRule::share);
    check_counting<float>({.k = 3, .post = true}, TieRule::share);
}

BOOST_AUTO_TEST_CASE(votes_of_neurons_add_up_and_keep_to_the_sources_allowed) {
    const auto traced = renn::test::small_traced<Sorted>();
    const auto data = renn::test::small_data();
    const std::uint64_t self = data.id(5);
    for (const Ties ties : {Ties::share, Ties::strict, Ties::lowest_id}) {
        const RetraceOptions whole{.k = 6, .ties = ties, .post = true, .without = self};
        RetraceOptions part = whole;
        part.classes = {1};
        for (const RetraceOptions& options : {whole, part}) {
            const auto answer = traced.retrace(data.input(5), options);
            Numbers votes(static_cast<std::size_t>(data.samples()));
            for (std::size_t n = 0; n < answer.neurons(); ++n) {
                answer.for_each_vote(n, [&](std::uint32_t s, double vote, double distance) {
                    votes[s] += vote;
                    BOOST_TEST(distance <= answer.boundary(n));
                });
                BOOST_TEST(answer.boundary(n) == answer.neuron(n).boundary);
            }
            BOOST_TEST(close(votes, answer.dense()));
            BOOST_TEST(votes[5] == 0.0);
        }
    }
    const auto nobody = traced.retrace(data.input(5), {.k = 1, .ids = {self}, .without = self});
    BOOST_TEST(std::isinf(nobody.boundary(0)));
    BOOST_TEST(std::isinf(mean_boundary(nobody)));
}

BOOST_AUTO_TEST_CASE(nobody_voted_and_other_mistakes) {
    const auto traced = numbers(Batch<double>::Zero(1, 4), {0, 1, 2, 0});
    const auto none = traced.retrace(Batch<double>::Zero(1, 1), {.k = 2, .ties = Ties::strict});
    for (const Counting how : every_way) {
        BOOST_TEST(sum(counted_votes(none, how)) == 0.0);
        BOOST_TEST(top_sources(none, 3, how).empty());
    }
    BOOST_TEST(source_table(none, 3).empty());
    const renn::Judgement judged = judge(none);
    BOOST_TEST(judged.evidence_class == -1);
    BOOST_TEST((judged.certainty == 0.0 && judged.margin == 0.0 && !judged.agreement));
    const renn::Conformity conform = renn::Credibility({0.5, 2.0})(none);
    BOOST_TEST((conform.p_values == Numbers{0.5, 0.5, 0.5}));
    BOOST_TEST((conform.likeliest == -1 && conform.credibility == 0.0 && conform.confidence == 0.0));

    BOOST_TEST(message_of<renn::ShapeError>([&] { ranked_sources(none, Numbers{1}, 2); }) ==
               "ranked_sources: votes: got 1, expected 4, one a recorded sample");
    const Numbers bad{1, no_number, 0, 0};
    BOOST_TEST(message_of<DataError>([&] { evidence_of(none, bad); }) ==
               "evidence_of: votes of sample 1: got nan, expected a finite value, 0 or more");
    BOOST_TEST(message_of<DataError>([&] { counted_votes(none, Counting::presence, 7); }) ==
               "Retrace::place: number: got 7, expected below 1");
    const auto unlabelled = numbers(Batch<double>::Zero(1, 4)).retrace(Batch<double>::Zero(1, 1), {.k = 2});
    const std::string no_labels = "evidence: labels: got none recorded, expected one a sample";
    BOOST_TEST(message_of<DataError>([&] { judge(unlabelled); }) == no_labels);
    BOOST_TEST(message_of<DataError>([&] { judge_layers(unlabelled); }) == no_labels);
    BOOST_TEST(message_of<DataError>([&] { nonconformity(unlabelled); }) == no_labels);
    BOOST_TEST(message_of<DataError>([&] { evidence_of(unlabelled, Numbers(4, 1.0)); }) ==
               "evidence_of: labels: got none recorded, expected one a sample");
    BOOST_CHECK_THROW((void)unlabelled.boundary(1), DataError);
    BOOST_CHECK_THROW(unlabelled.for_each_vote(1, [](auto...) {}), DataError);
}

BOOST_AUTO_TEST_CASE(certainty_and_margin_by_hand) {
    BOOST_TEST(renn::certainty(Numbers{1, 0, 0}) == 1.0);
    BOOST_TEST(renn::certainty(Numbers{2, 2, 2, 2}) == 0.0);
    BOOST_TEST(renn::certainty(Numbers{0.5, 0.5, 0, 0}) == 0.5, tt::tolerance(1e-15));
    BOOST_TEST(renn::certainty(Numbers{3, 3, 0, 0}) == 0.5, tt::tolerance(1e-15));
    BOOST_TEST(renn::certainty(Numbers{0, 0}) == 0.0);
    BOOST_TEST(renn::certainty(Numbers{0.3}) == 1.0);  // one class: log C = 0
    BOOST_TEST(renn::certainty(Numbers{0}) == 0.0);
    BOOST_TEST(renn::margin(Numbers{1, 5, 2}) == 0.375);
    BOOST_TEST(renn::margin(Numbers{2, 2}) == 0.0);
    BOOST_TEST(renn::margin(Numbers{7}) == 1.0);
    BOOST_TEST(renn::margin(Numbers{0, 0}) == 0.0);
    renn::Rng rng(1);
    for (int round = 0; round < 100; ++round) {
        Numbers evidence(2 + rng.below(9));
        for (double& e : evidence) e = rng.below(3) == 0 ? 0.0 : rng.uniform();
        const double c = renn::certainty(evidence);
        BOOST_TEST((c >= 0.0 && c <= 1.0));
        std::reverse(evidence.begin(), evidence.end());
        BOOST_TEST(std::abs(renn::certainty(evidence) - c) < 1e-14);
    }
    BOOST_TEST(message_of<DataError>([] { renn::certainty(Numbers{}); }) ==
               "certainty: classes: got 0, expected 1 or more");
    BOOST_TEST(message_of<DataError>([] {
                   renn::margin(Numbers{0.5, -0.5});
               }) == "margin: evidence of class 1: got -0.500000, expected a finite value, 0 or more");
    BOOST_CHECK_THROW(renn::certainty(Numbers{no_number, 1}), DataError);
}

BOOST_AUTO_TEST_CASE(familiarity_is_the_share_of_samples_as_far_from_the_rest) {
    Batch<double> values(1, 4);
    values << 0, 1, 3, 7;  // each at 1, 1, 2, 4 from its nearest other
    const auto traced = numbers(values);
    const Dataset<double> data(values);
    const renn::Familiarity familiarity(traced, data, {.retrace = {.k = 1}});
    BOOST_TEST((familiarity.distances() == Numbers{1, 1, 2, 4}));
    const auto at = [&](double query) {
        const auto answer = traced.retrace(Batch<double>::Constant(1, 1, query), {.k = 1});
        BOOST_TEST((familiarity.by_layer(answer) == Numbers{familiarity(answer)}));
        return familiarity(answer);
    };
    BOOST_TEST(at(0.0) == 1.0);
    BOOST_TEST(at(-1.0) == 1.0);
    BOOST_TEST(at(5.0) == 0.5);
    BOOST_TEST(at(10.0) == 0.25);
    BOOST_TEST(at(100.0) == 0.0);
    const renn::Familiarity some(traced, data, {.retrace = {.k = 1}, .samples = 3, .seed = 5, .threads = 2});
    BOOST_TEST(some.distances().size() == 3u);

    const auto other = traced.retrace(Batch<double>::Zero(1, 1), {.k = 2});
    BOOST_TEST(message_of<MismatchError>([&] { familiarity(other); }) ==
               "Familiarity: k of the query: got 2, expected 1");
    const auto among = traced.retrace(Batch<double>::Zero(1, 1), {.k = 1, .ids = {2, 3}});
    BOOST_TEST(message_of<MismatchError>([&] { familiarity(among); }) ==
               "Familiarity: the query was restricted to other sources");
    const auto foreign = numbers(Batch<double>(values.array() + 1.0)).retrace(Batch<double>::Ones(1, 1), {.k = 1});
    BOOST_CHECK_THROW(familiarity(foreign), MismatchError);
    const auto build = [&](const Dataset<double>& set, renn::FamiliarityOptions options) {
        return message_of<DataError>([&] { renn::Familiarity(traced, set, options); });
    };
    BOOST_TEST(build(Dataset<double>(), {}) ==
               "Familiarity: samples: got 0, expected 1 or more: the training set is empty");
    BOOST_TEST(build(data, {.samples = 5}) == "Familiarity: samples: got 5, expected 0..4");
    BOOST_TEST(build(data, {.retrace = {.k = 0}}) == "Familiarity: k: got 0, expected 1 or more");
    BOOST_TEST(build(data, {.retrace = {.without = 1}}) ==
               "Familiarity: without: got a sample, expected none: each sample is left out in its turn");
    BOOST_TEST(build(Dataset<double>(values, {.ids = {0, 1, 2, 9}}), {}).starts_with("store: sample 9"));
}

BOOST_AUTO_TEST_CASE(credibility_by_hand_and_on_its_own_calibration_set) {
    const renn::Credibility credibility({0.4, 0.1, 0.2, 0.2});
    BOOST_TEST((credibility.calibration() == Numbers{0.1, 0.2, 0.2, 0.4}));
    BOOST_TEST(
        (credibility.p_values(Numbers{0, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5}) == Numbers{1, 1, 0.75, 0.75, 0.25, 0.25, 0}));
    renn::Rng rng(4);
    Numbers drawn(97);
    for (double& a : drawn) a = static_cast<double>(rng.below(40)) / 8.0;
    const Numbers own = renn::Credibility(drawn).p_values(drawn);
    for (const double e : {0.05, 0.1, 0.5, 0.9}) {  // never more than a part e of the samples has p <= e
        const auto few = std::count_if(own.begin(), own.end(), [e](double p) { return p <= e; });
        BOOST_TEST(static_cast<double>(few) <= e * 97.0);
    }
    // One neuron, recorded 0 1 2 3 of classes a a b b, k = 2: at 0.5 all votes are a's, at 1.5 half of them.
    Batch<double> values(1, 4);
    values << 0, 1, 2, 3;
    const auto traced = numbers(values, {0, 0, 1, 1});
    const Dataset<double> set(Batch<double>{{0.5, 1.5}}, {.labels = {0, 1}});
    const renn::Credibility traced_calibration(traced, set, {.k = 2});
    BOOST_TEST((traced_calibration.calibration() == Numbers{0, 0.5}));
    const auto answer = traced.retrace(Batch<double>::Constant(1, 1, 2.6), {.k = 2});
    BOOST_TEST((nonconformity(answer) == Numbers{1, 0}));
    const renn::Conformity c = traced_calibration(answer);
    BOOST_TEST((c.p_values == Numbers{0, 1}));
    BOOST_TEST((c.likeliest == 1 && c.credibility == 1.0 && c.confidence == 1.0));
    BOOST_TEST((c.credibility_of(0) == 0.0 && c.credibility_of(1) == 1.0));
    BOOST_TEST((c.credibility_of(-1) == 0.0 && c.credibility_of(5) == 0.0));
    const auto between = traced_calibration(traced.retrace(Batch<double>::Constant(1, 1, 1.5), {.k = 2}));
    BOOST_TEST((between.p_values == Numbers{0.5, 0.5}));
    BOOST_TEST((between.likeliest == 0 && between.confidence == 0.5));

    BOOST_TEST(message_of<DataError>([] { renn::Credibility(Numbers{}); }) ==
               "Credibility: calibration samples: got 0, expected 1 or more");
    BOOST_CHECK_THROW(renn::Credibility(Numbers{no_number}), DataError);
    BOOST_TEST(message_of<DataError>([&] { renn::Credibility(traced, Dataset<double>(values)); }) ==
               "Credibility: labels: got none, expected one a calibration sample");
    BOOST_TEST(message_of<DataError>([&] {
                   renn::Credibility(traced, Dataset<double>(values, {.labels = {0, 1, 2, 0}}));
               }) == "Credibility: label of calibration sample 2: got 2, expected 0..1");
    BOOST_CHECK_THROW(renn::Credibility(traced, Dataset<double>()), DataError);
}

BOOST_AUTO_TEST_CASE(separated_clouds_are_certain_familiar_and_credible) {
    auto traced = renn::trace<Sorted>(renn::test::small_net());
    const auto training = clouds(400, 1), fresh = clouds(100, 2), calibration = clouds(100, 3);
    traced.record(training);
    const RetraceOptions options{.k = 10, .layers = {"dense1"}};
    const renn::Familiarity familiarity(traced, training, {.retrace = options});
    const renn::Credibility credibility(traced, calibration, options);
    double right = 0.0, familiar = 0.0, credible = 0.0, strange = 0.0, wrong = 0.0;
    const auto answers = traced.retrace_batch(fresh.inputs(), options);
    const auto away = traced.retrace_batch(Batch<float>(fresh.inputs().array() + 200.0F), options);
    for (std::size_t q = 0; q < answers.size(); ++q) {
        const auto label = fresh.label(static_cast<Index>(q));
        const renn::Judgement j = judge(answers[q]);
        BOOST_TEST((judge_layers(answers[q])[0].evidence == j.evidence));
        BOOST_TEST(j.evidence_class == answers[q].evidence_class());
        BOOST_TEST(j.agreement == answers[q].agreement());
        right += j.evidence[static_cast<std::size_t>(label)] / 100.0;
        familiar += familiarity(answers[q]) / 100.0;
        strange += familiarity(away[q]) / 100.0;
        const renn::Conformity c = credibility(answers[q]);
        credible += c.credibility_of(label) / 100.0;
        wrong += c.credibility_of(1 - label) / 100.0;
    }
    BOOST_TEST(right > 0.95);
    BOOST_TEST(std::abs(familiar - 0.5) < 0.15);  // as the training samples themselves
    BOOST_TEST(credible > 0.4);
    BOOST_TEST(wrong < 0.05);
    BOOST_TEST(strange < 0.05);
}

BOOST_AUTO_TEST_CASE(one_class_leaves_nothing_to_doubt) {
    const auto traced = numbers(renn::test::random_batch<double>(2, 5, 1), {0, 0, 0, 0, 0});
    const auto answer = traced.retrace(Batch<double>::Zero(2, 1), {.k = 2});
    const renn::Judgement j = judge(answer);
    BOOST_TEST((j.evidence == Numbers{1}));
    BOOST_TEST((j.evidence_class == 0 && j.certainty == 1.0 && j.margin == 1.0 && !j.agreement));  // no outputs
    const renn::Conformity c = renn::Credibility({0.0})(answer);
    BOOST_TEST((c.likeliest == 0 && c.credibility == 1.0 && c.confidence == 1.0));
}

BOOST_AUTO_TEST_CASE(targets_and_activations_of_sources) {
    Batch<double> targets(2, 3);
    targets << 1, 2, 5, 0, 0, 3;
    const Dataset<double> data(Batch<double>::Ones(1, 3), {.targets = targets, .ids = {7, 8, 9}});
    const std::vector<Source> sources{{.id = 9, .votes = 3}, {.id = 7, .votes = 1}};
    const auto t = source_targets<double>(sources, data);
    BOOST_TEST(t.mean[0] == 4.0);
    BOOST_TEST(t.mean[1] == 2.25);
    BOOST_TEST(t.spread[0] == std::sqrt(0.75 * 1 + 0.25 * 9), tt::tolerance(1e-15));
    BOOST_TEST(t.effective == 1.0 / 0.625);
    const auto one = source_targets<double>(std::vector<Source>{{.id = 8, .votes = 3}}, data);
    BOOST_TEST((one.mean[0] == 2.0 && one.spread[0] == 0.0 && one.effective == 1.0));
    BOOST_TEST(message_of<DataError>([&] { source_targets<double>(std::vector<Source>{}, data); }) ==
               "source_targets: sources: got 0, expected 1 or more");
    BOOST_TEST(message_of<DataError>([&] {
                   source_targets<double>(sources, Dataset<double>(Batch<double>::Ones(1, 10)));
               }) == "source_targets: data: got no targets, expected one a sample");

    const auto traced = renn::test::small_traced<Sorted, double>();
    const auto set = renn::test::small_data<double>();
    const auto values = renn::activations(traced.network(), set.inputs());
    const std::vector<std::uint64_t> ids{set.id(4), set.id(1)};
    for (const renn::Point& point : traced.store().points) {
        const std::string& place = point.name;
        const Batch<double> wanted = 0.25 * values[place].col(4) + 0.75 * values[place].col(1);
        BOOST_TEST((renn::blend_activations(Numbers{0.25, 0.75}, ids, traced.index(), place) - wanted).norm() < 1e-14);
    }
    BOOST_TEST(message_of<DataError>([&] {
                   renn::blend_activations(Numbers{1, 1}, ids, traced.index(), "no");
               }).starts_with("blend_activations: place: got \"no\", expected one of dense1, relu1"));
}
