// SPDX-License-Identifier: MIT
// labels: golden
// Class profiles, responsibility, and what switching neurons off does, against stored values and by their definitions.
#define BOOST_TEST_MODULE profiles
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/index/sorted.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>
#include <renn/report/deactivation_table.hpp>
#include <renn/report/profile_strips.hpp>
#include <renn/retrace/deactivation.hpp>
#include <renn/retrace/trace.hpp>
#include <renn/tracing/file_store.hpp>
#include <renn/tracing/reduced.hpp>
#include <renn/tracing/write_store.hpp>

#include "support/golden.hpp"
#include "support/message_of.hpp"
#include "support/random_batch.hpp"
#include "support/scratch_file.hpp"

using renn::Batch;
using renn::ClassProfiles;
using renn::Confusion;
using renn::DataError;
using renn::Dataset;
using renn::Dense;
using renn::Index;
using renn::Kind;
using renn::Network;
using renn::RankedNeuron;
using renn::ReLU;
using renn::Responsibility;
using renn::test::Golden;
using renn::test::random_batch;
using renn::test::says;

namespace {

using Net = Network<Dense<double>, ReLU<double>, Dense<double>, ReLU<double>, Dense<double>>;

Net network() {
    const Golden model("tda/model");
    const auto layer = [&model](const std::string& number) {
        const Batch<double> bias = model.matrix<double>("ckpt3_b" + number);
        return Dense<double>(Dense<double>::Parameters{model.matrix<double>("ckpt3_W" + number), bias.col(0)});
    };
    return Net(layer("1"), {}, layer("2"), {}, layer("3"));
}

Dataset<double> digits(const std::string& part) {
    const Golden model("tda/model");
    return Dataset<double>(Batch<double>(model.batch<double>(part + "_images") / 255.0),
                           {.labels = model.vector<std::int32_t>(part + "_labels")});
}

/// What is stored for the network and digits of above, made once.
struct Setting {
    Net net = network();
    Dataset<double> train = digits("train"), test = digits("test");
    ClassProfiles profiles = renn::class_profiles(*renn::record(net, train), net);
};
const Setting& setting() {
    static const Setting s;
    return s;
}

/// All places of one kind below each other, units x classes.
Batch<double> means(const ClassProfiles& profiles, Kind kind) {
    Batch<double> all(0, std::ssize(profiles.groups));
    for (const auto& place : profiles.places) {
        if (place.point.kind != kind) continue;
        all.conservativeResize(all.rows() + place.mean.rows(), Eigen::NoChange);
        all.bottomRows(place.mean.rows()) = place.mean;
    }
    return all;
}

/// 40 samples of 3 classes, the last two of which are rare, for a small network.
struct Small {
    Network<Dense<float>, ReLU<float>, Dense<float>> net{Dense<float>(4, 7, 1), {}, Dense<float>(7, 3, 2)};
    std::vector<std::int32_t> labels;
    Dataset<float> data;

    Small() {
        for (int i = 0; i < 40; ++i) labels.push_back(i % 10 == 3 ? 1 : i % 10 == 7 ? 2 : 0);
        data = Dataset<float>(random_batch<float>(4, 40, 5), {.labels = labels, .class_names = {"often", "1", "<2>"}});
    }
    ClassProfiles profiles() const { return renn::class_profiles(*renn::record(net, data), net); }
};

}  // namespace

BOOST_AUTO_TEST_CASE(class_means_scores_and_orders_are_those_stored) {
    const Golden stored("tda/renn");
    const ClassProfiles& profiles = setting().profiles;
    BOOST_TEST(stored.check("class_count", profiles.counts));
    BOOST_TEST(stored.check("class_mean_pre", means(profiles, Kind::pre)));
    BOOST_TEST(stored.check("class_mean_post", means(profiles, Kind::post)));
    const Index first = profiles["relu1"].mean.rows();
    for (const auto& [name, score] :
         {std::pair("mean", Responsibility::mean), std::pair("difference", Responsibility::difference_to_rest)}) {
        std::vector<double> scores;
        std::vector<Index> order;
        for (std::size_t c = 0; c < 10; ++c) {
            const auto ranked = renn::rank_neurons(profiles, c, {.score = score});
            std::vector<double> flat(ranked.size());
            for (const RankedNeuron& n : ranked) {
                const Index at = n.unit + (profiles.places[n.place].point.name == "relu1" ? 0 : first);
                order.push_back(at);
                flat[static_cast<std::size_t>(at)] = n.score;
            }
            scores.insert(scores.end(), flat.begin(), flat.end());
        }
        BOOST_TEST(stored.check(std::string("deactivation_score_") + name, scores));
        BOOST_TEST(stored.check(std::string("deactivation_order_") + name, order));
    }
}

BOOST_AUTO_TEST_CASE(what_is_left_without_the_first_of_a_ranking_is_what_is_stored) {
    const Golden stored("tda/renn");
    const Setting& s = setting();
    for (const auto& [name, score] :
         {std::pair("mean", Responsibility::mean), std::pair("difference", Responsibility::difference_to_rest)}) {
        for (const auto& [part, data] : {std::pair("test", &s.test), std::pair("train", &s.train)}) {
            const std::string array = std::string("deactivation_correct_") + part + "_" + name;
            const auto all = stored.array<std::int64_t>(array);
            const auto counts = stored.vector<std::int64_t>("deactivation_m");
            renn::MaskTrials trials(s.net, *data, renn::mask_of(s.profiles, renn::rank_neurons(s.profiles, 0)));
            for (std::size_t c = 0; c < 10; ++c) {
                if (data == &s.train && c != 3) continue;  // the report's class; all of them take a while
                const auto ranked = renn::rank_neurons(s.profiles, c, {.score = score});
                for (std::size_t m = 0; m < counts.size(); ++m) {
                    const auto off = std::span(ranked).first(static_cast<std::size_t>(counts[m]));
                    const auto mask = renn::mask_of(s.profiles, off);
                    const Confusion kept = trials.run(mask).confusion;
                    for (Index y = 0; y < 10; ++y) BOOST_TEST(kept.count(y, y) == all(c, m, y), array);
                    // Begun behind the layers that are not masked, a trial is a pass through the whole network.
                    if (c == 3 && m == 2) BOOST_TEST((renn::confusion(renn::masked(s.net, mask), *data) == kept));
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(statistics_are_those_of_the_definition_in_every_store) {
    const Small small;
    const auto values = renn::activations(small.net, small.data.inputs());
    const auto check = [&](const ClassProfiles& profiles, double tolerance) {
        BOOST_TEST(profiles.samples() == 40U);
        BOOST_TEST(profiles.groups[2] == "<2>");
        BOOST_TEST(profiles.counts[1] == 4U);
        for (std::size_t p = 0; p < profiles.places.size(); ++p) {
            const auto& place = profiles.places[p];
            BOOST_TEST(place.output == (place.point.name == "dense2"));
            const Batch<double> all = values[place.point.name].template cast<double>();
            for (Index u = 0; u < place.mean.rows(); ++u) {
                BOOST_TEST(std::abs(profiles.overall_mean(p, u) - all.row(u).mean()) <= tolerance);
                for (std::int32_t c = 0; c < 3; ++c) {
                    double n = 0.0, sum = 0.0, squares = 0.0, active = 0.0;
                    for (Index s = 0; s < 40; ++s) {
                        if (small.data.label(s) != c) continue;
                        n += 1.0;
                        sum += all(u, s);
                        squares += all(u, s) * all(u, s);
                        active += all(u, s) > 0.0 ? 1.0 : 0.0;
                    }
                    BOOST_TEST(std::abs(place.mean(u, c) - sum / n) <= tolerance);
                    BOOST_TEST(std::abs(place.deviation(u, c) - std::sqrt(squares / n - sum * sum / n / n)) <=
                               tolerance + 1e-7);
                    BOOST_TEST(place.active(u, c) == active / n);
                }
            }
        }
    };
    check(small.profiles(), 1e-12);
    check(renn::class_profiles(*renn::record<renn::Float16>(small.net, small.data), small.net), 2e-3);
    const renn::test::ScratchFile file;
    BOOST_REQUIRE(renn::write_store(file.path, *renn::record(small.net, small.data)));
    check(renn::class_profiles(renn::FileStore<float>::open(file.path), small.net, {.threads = 3}), 1e-12);
}

BOOST_AUTO_TEST_CASE(scores_by_hand) {
    // Two groups and a rest of two samples; a model that hands its input on.
    auto traced = renn::trace<renn::Sorted, double>([](const auto& x, auto& probe) { probe.post("values", x); });
    Batch<double> x(3, 6);
    x << 1, 3, 0, 2, 4, 9,  //
        5, 5, 5, 5, 5, 9,   //
        1, 1, 0, 0, 0, 9;
    BOOST_REQUIRE(traced.record(Dataset<double>(x, {.ids = {10, 11, 12, 13, 14, 15}})));
    const ClassProfiles profiles =
        renn::class_profiles(traced, {.groups = {{"a", {10, 11}}, {"b", {13, 12}}, {"c", {14}}}});
    BOOST_TEST(profiles.samples() == 5U);  // 15 is in no group
    const auto score = [&](Index unit, Responsibility r) {
        return renn::responsibility(profiles, 0, unit, profiles.group("a"), r);
    };
    BOOST_TEST(score(0, Responsibility::mean) == 2.0);
    BOOST_TEST(score(0, Responsibility::difference_to_rest) == 0.0);
    BOOST_TEST(score(0, Responsibility::difference_to_next) == -2.0);
    BOOST_TEST(score(0, Responsibility::d_prime) == 0.0);
    BOOST_TEST(score(1, Responsibility::d_prime) == 0.0);
    BOOST_TEST(score(2, Responsibility::d_prime) == std::numeric_limits<double>::infinity());
    BOOST_TEST(renn::responsibility(profiles, 0, 0, 2, Responsibility::d_prime) == 2.5 / std::sqrt((4 * 1.25) / 5),
               boost::test_tools::tolerance(1e-12));
    const auto ranked = renn::rank_neurons(profiles, 0, {.score = Responsibility::d_prime});
    BOOST_TEST((ranked[0].unit == 2 && ranked[1].unit == 0 && ranked[2].unit == 1));  // equal scores by their order
    BOOST_TEST(renn::rank_by_least_use(profiles).front().unit == 1U);
    const auto mask = renn::mask_of(profiles, ranked, renn::Ablation::mean);
    BOOST_TEST(renn::describe(mask) == "values: 2 = 0.4, 0 = 2, 1 = 5");

    const auto refuses = [&](const std::vector<renn::SampleGroup>& groups, const std::string& text) {
        BOOST_CHECK_EXCEPTION(renn::class_profiles(traced, {.groups = groups}), DataError, says(text));
    };
    refuses({}, "class_profiles: labels of the recorded samples: got none, expected labels, or groups");
    refuses({{"a", {10}}, {"b", {12, 10}}}, "class_profiles: groups of sample 10: got \"a\" and \"b\", expected one");
    refuses({{"a", {10}}, {"b", {}}}, "class_profiles: samples of \"b\": got 0, expected 1 or more");
    refuses({{"a", {99}}}, "sample 99: got an id that was not recorded");
    BOOST_CHECK_EXCEPTION(renn::responsibility(profiles, 0, 0, 3, Responsibility::mean), DataError,
                          says("responsibility: class: got 3, expected below 3"));
    const auto alone = renn::class_profiles(traced, {.groups = {{"a", {10, 11}}}});
    BOOST_CHECK_EXCEPTION(renn::rank_neurons(alone, 0), DataError, says("got 1, expected 2 or more: there is no rest"));
}

BOOST_AUTO_TEST_CASE(searches_end_where_they_should_and_for_foreign_code_too) {
    const Setting& s = setting();
    const auto ranked = renn::rank_neurons(s.profiles, 3);
    const auto by_rank = renn::switch_off_by_rank(s.net, s.test, s.profiles, 3, ranked);
    const auto each = renn::switch_off_by_rank(s.net, s.test, s.profiles, 3, ranked, {.bisect = false});
    BOOST_TEST((by_rank.reached && each.reached));
    BOOST_TEST(each.neurons.size() <= by_rank.neurons.size());
    const auto accuracy = [&](std::size_t count) {
        const auto mask = renn::mask_of(s.profiles, std::span(ranked).first(count));
        return renn::confusion(renn::masked(s.net, mask), s.test, 2).accuracy(3);
    };
    BOOST_TEST(accuracy(each.neurons.size()) <= 0.01);
    BOOST_TEST(accuracy(each.neurons.size() - 1) > 0.01);
    BOOST_TEST((by_rank.before == renn::confusion(s.net, s.test)));

    const auto tried = renn::switch_off(s.net, s.test, s.profiles, 3, ranked, {.candidates = 6, .threads = 2});
    BOOST_TEST(tried.reached);
    BOOST_TEST(tried.ranked == 48U);
    BOOST_TEST(tried.share() == static_cast<double>(tried.neurons.size()) / 48.0);
    BOOST_TEST(tried.after.accuracy(3) <= 0.01);
    BOOST_TEST((renn::confusion(renn::masked(s.net, tried.mask), s.test) == tried.after));

    std::uint64_t trials = 0;
    const auto cut = renn::switch_off(s.net, s.test, s.profiles, 3, ranked, {.progress = [&](const renn::Progress& p) {
                                          trials = p.done;
                                          return p.done < 5;
                                      }});
    BOOST_TEST(trials == 5U);
    BOOST_TEST(cut.neurons.size() == 1U);

    const auto sweep = renn::removable_neurons(s.net, s.test, s.profiles, renn::rank_by_least_use(s.profiles));
    BOOST_TEST(sweep.accuracy.front() == by_rank.before.accuracy());
    BOOST_TEST(sweep.accuracy[sweep.removable] > sweep.accuracy.front() - 0.01);
    BOOST_TEST(sweep.accuracy.back() <= sweep.accuracy.front() - 0.01);

    // Code unknown to renn that tells a probe what it goes on with: the same neurons, the same result.
    auto run = [&s, out = s.net.parameters()](const auto& x, auto& probe) {
        Batch<double> h = renn::activations(s.net, x)["relu2"];
        probe.post("relu2", h);
        const auto& last = std::get<4>(out.layers);
        return Batch<double>((last.weights * h).colwise() + last.bias);
    };
    const renn::Foreign<double, decltype(run)> foreign(run);
    const auto last_only = renn::rank_neurons(s.profiles, 3, {.layers = {"relu2"}});
    const auto known = renn::switch_off_by_rank(s.net, s.test, s.profiles, 3, last_only);
    const auto unknown = renn::switch_off_by_rank(foreign, s.test, s.profiles, 3, last_only);
    BOOST_TEST((unknown.neurons == known.neurons));
    BOOST_TEST((unknown.after == known.after));
}

BOOST_AUTO_TEST_CASE(bad_questions_are_refused) {
    const Small small;
    const auto profiles = small.profiles();
    const auto ranked = renn::rank_neurons(profiles, 1);
    const auto search = [&](std::int32_t label, std::span<const RankedNeuron> neurons, renn::SwitchOffOptions options) {
        return renn::switch_off(small.net, small.data, profiles, label, neurons, options);
    };
    BOOST_CHECK_EXCEPTION(search(9, ranked, {}), DataError, says("switch_off: samples of class 9: got 0"));
    BOOST_CHECK_EXCEPTION(search(1, {}, {}), DataError, says("switch_off: neurons: got 0, expected 1 or more"));
    BOOST_CHECK_EXCEPTION(search(1, ranked, {.limit = NAN}), DataError, says("switch_off: limit: got nan"));
    BOOST_CHECK_EXCEPTION(search(1, ranked, {.candidates = 0}), DataError, says("switch_off: candidates: got 0"));
    const Dataset<float> unlabelled(small.data.inputs());
    BOOST_CHECK_EXCEPTION(renn::confusion(small.net, unlabelled), DataError,
                          says("confusion: labels: got none, expected one a sample"));
    BOOST_CHECK_EXCEPTION(renn::rank_neurons(profiles, 0, {.layers = {"relu7"}}), DataError,
                          says("ClassProfiles: place: got \"relu7\", expected one of dense1, relu1, dense2"));
    BOOST_CHECK_EXCEPTION(renn::rank_neurons(profiles, 0, {.layers = {"dense2"}}), DataError,
                          says("rank_neurons: post-activations to rank: got none, expected some recorded of hidden"));
    const Dataset<float> lacking(small.data.inputs(), {.labels = small.labels, .classes = 5});
    BOOST_CHECK_EXCEPTION(renn::class_profiles(*renn::record(small.net, lacking), small.net), DataError,
                          says("class_profiles: samples of \"3\": got 0, expected 1 or more"));
    const auto stopped = [](const renn::Progress&) { return false; };
    BOOST_TEST(
        renn::class_profiles(*renn::record(small.net, small.data), small.net, {.progress = stopped}).places.empty());
    Confusion two(2);
    BOOST_CHECK_EXCEPTION(two.add(0, 2), DataError, says("Confusion: prediction: got 2, expected 0..1"));
    BOOST_TEST(std::isnan(two.accuracy(1)));
}

BOOST_AUTO_TEST_CASE(pictures_show_every_neuron_and_every_class) {
    const Small small;
    const auto profiles = small.profiles();
    const auto ranked = renn::rank_neurons(profiles, 2);
    std::ostringstream strips;
    renn::write_profile_strips(strips, profiles, 2, std::span(ranked).first(2));
    const auto count = [](const std::string& text, const std::string& what) {
        std::size_t n = 0;
        for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
        return n;
    };
    BOOST_TEST(count(strips.str(), "<title>") == 7U + 7U + 3U);
    BOOST_TEST(count(strips.str(), "<path class=\"m\"") == 2U);
    BOOST_TEST(count(strips.str(), "<2>") == 0U);
    BOOST_TEST(count(strips.str(), "&lt;2&gt;") >= 2U);
    BOOST_CHECK_EXCEPTION(renn::write_profile_strips(strips, profiles, 3), DataError,
                          says("write_profile_strips: class: got 3, expected below 3"));
    const Confusion before = renn::confusion(small.net, small.data);
    const Confusion after = renn::confusion(renn::masked(small.net, renn::mask_of(profiles, ranked)), small.data);
    std::ostringstream tables;
    renn::write_deactivation_table(tables, before, after, 2, profiles.groups);
    renn::write_confusion(tables, after, profiles.groups);
    const std::vector<renn::DeactivationRow> rows{{.off = 2, .neurons = 7, .of = 7, .after = after}};
    renn::write_deactivation_overview(tables, rows, profiles.groups);
    BOOST_TEST(count(tables.str(), "<table") == 3U);
    BOOST_TEST(count(tables.str(), "&lt;2&gt;, switched off") == 1U);
    BOOST_TEST(count(tables.str(), "<tr") == (1U + 3U + 2U) + (1U + 3U) + 2U);
    BOOST_CHECK_EXCEPTION(renn::write_deactivation_table(tables, before, Confusion(2), 0), renn::ShapeError,
                          says("classes after: got 2, expected 3"));
    BOOST_CHECK_EXCEPTION(renn::write_deactivation_overview(tables, {}), DataError, says("rows: got 0"));
}
