// SPDX-License-Identifier: MIT
// labels: threads
#define BOOST_TEST_MODULE record
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/activations/softmax.hpp>
#include <renn/data/csv.hpp>
#include <renn/index/sorted.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/fingerprint.hpp>
#include <renn/network/network.hpp>
#include <renn/retrace/trace.hpp>
#include <renn/tracing/reduced.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"
#include "support/scratch_file.hpp"

using renn::Batch;
using renn::DataError;
using renn::Dataset;
using renn::Dense;
using renn::Index;
using renn::MemoryStore;
using renn::Network;
using renn::ReLU;
using renn::Selection;
using renn::ShapeError;
using renn::test::message_of;
using renn::test::random_batch;
using renn::test::same_bits;
using Scalars = boost::mpl::list<float, double>;

namespace {

template <class S>
auto network() {
    return Network(Dense<S>(5, 9, 1), ReLU<S>(), Dense<S>(9, 4, 2), renn::Softmax<S>());
}

template <class S>
Dataset<S> data(Index samples, std::uint64_t seed = 3) {
    std::vector<std::int32_t> labels;
    std::vector<std::uint64_t> ids;
    std::vector<std::string> tags;
    for (Index s = 0; s < samples; ++s) {
        labels.push_back(static_cast<std::int32_t>(s % 4));
        ids.push_back(static_cast<std::uint64_t>(1000 - s) << 33);  // falling, beyond 32 bits
        tags.push_back("tag " + std::to_string(s));
    }
    return Dataset<S>(random_batch<S>(5, samples, seed), {.labels = labels, .ids = ids, .tags = tags});
}

/// Everything a store has, values bit for bit; `fingerprint` and tags included.
template <class S>
bool same_stores(const MemoryStore<S>& a, const MemoryStore<S>& b) {
    bool same = a.points == b.points && a.ids == b.ids && a.labels == b.labels && a.predictions == b.predictions &&
                a.tags == b.tags && a.class_names == b.class_names && same_bits(a.outputs, b.outputs) &&
                a.fingerprint == b.fingerprint && a.build == b.build && a.by_id() == b.by_id();
    for (std::uint32_t p = 0; same && p < a.points.size(); ++p) {
        for (std::uint32_t u = 0; a.points[p].stored() && u < a.points[p].units.size(); ++u) {
            using Map = Eigen::Map<const renn::Column<S>>;
            const auto left = a.values({p, u}), right = b.values({p, u});
            same = same && same_bits(Map(left.data(), std::ssize(left)), Map(right.data(), std::ssize(right)));
        }
    }
    return same;
}

/// A stream over a data set in batches of the given sizes, again from the start.
template <class S>
auto stream(const Dataset<S>& data, std::vector<Index> sizes, bool with_ids = true, bool with_labels = true) {
    return [=, at = Index(0), number = std::size_t(0)](renn::SampleBatch<S>& batch) mutable {
        if (number == sizes.size()) return false;
        const Index count = sizes[number++];
        data.inputs(at, count, batch.inputs);
        for (Index s = at; s < at + count; ++s) {
            if (with_ids) batch.ids.push_back(data.id(s));
            if (with_labels) batch.labels.push_back(data.label(s));
        }
        at += count;
        return true;
    };
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(batch_size_and_threads_change_no_bit, S, Scalars) {
    const auto net = network<S>();
    const auto reference = renn::record(net, data<S>(1000), {}, {.batch = 1, .threads = 1});
    BOOST_REQUIRE(reference);
    for (const Index batch : {1, 3, 64, 1000, 5000}) {
        for (const int threads : {1, 2, 3, 4}) {
            const auto store = renn::record(net, data<S>(1000), {}, {.batch = batch, .threads = threads});
            BOOST_REQUIRE(store);
            BOOST_TEST(same_stores(*store, *reference), batch << " samples at once, " << threads << " threads");
        }
    }
    const auto values = renn::activations(net, data<S>(1000).inputs());
    for (std::uint32_t u = 0; u < 9; ++u) {
        const auto column = reference->values({0, u});
        BOOST_TEST(same_bits(Eigen::Map<const renn::Column<S>>(column.data(), 1000), values.pre(0).row(u).transpose()));
    }
}

/// Such a recording goes past the caches where whole lines of them are written, and a batch of 37 has none.
BOOST_AUTO_TEST_CASE_TEMPLATE(batch_size_changes_no_bit_of_a_large_recording, S, Scalars) {
    const Network net(Dense<S>(2, 530, 1), ReLU<S>(), Dense<S>(530, 13, 2));
    const Index samples = 8200;
    Batch<S> x = random_batch<S>(2, samples, 3);
    const auto store = record(net, Dataset<S>(x), {}, {.batch = 64, .threads = 2});
    BOOST_TEST_REQUIRE(store->bytes() > std::size_t{8} << 20);
    BOOST_TEST(same_stores(*store, *record(net, Dataset<S>(x), {}, {.batch = 37, .threads = 1})));
    const auto half = renn::record<renn::Float16>(net, Dataset<S>(x), {}, {.batch = 64, .threads = 2});
    const auto other = renn::record<renn::Float16>(net, Dataset<S>(x), {}, {.batch = 37, .threads = 1});
    bool same = half->bytes() > std::size_t{8} << 20;
    for (std::uint32_t p : {0U, 2U}) {
        for (Index u = 0; u < store->points[p].count(); ++u) {
            same = same && std::equal(half->column(p, u), half->column(p, u) + samples, other->column(p, u));
        }
    }
    BOOST_TEST(same);
    x(1, 5000) = std::numeric_limits<S>::max();
    x(0, 5000) = -std::numeric_limits<S>::max();
    BOOST_TEST(message_of<DataError>([&] { record(net, Dataset<S>(x)); }).find("sample 5000") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_store_knows_what_the_data_and_the_model_said_of_each_sample) {
    const auto net = network<float>();
    const auto set = data<float>(50);
    const auto store = renn::record(net, set);
    BOOST_REQUIRE(store);
    BOOST_TEST(store->samples() == 50);
    BOOST_TEST(store->classes() == 4);
    BOOST_TEST(store->fingerprint == renn::fingerprint(net));
    BOOST_TEST(same_bits(store->outputs, net.predict(set.inputs())));
    for (Index s = 0; s < 50; ++s) {
        const auto at = static_cast<std::size_t>(s);
        BOOST_TEST(store->position_of(set.id(s)) == s);
        BOOST_TEST(store->labels[at] == set.label(s));
        BOOST_TEST(store->tags[at] == set.tags()[at]);
        BOOST_TEST(store->predictions[at] == renn::predicted_class(store->outputs.col(s)));
    }
    BOOST_TEST(message_of<DataError>([&] { (void)store->position_of(17); }) ==
               "store: sample 17: got an id that was not recorded, expected one of 50 recorded ids");
}

BOOST_AUTO_TEST_CASE(layers_units_and_kinds_can_be_selected) {
    const auto net = network<float>();
    const auto set = data<float>(20);
    const auto values = renn::activations(net, set.inputs());
    const auto names = [&](const Selection& selection) {
        std::string text;
        const auto store = renn::record(net, set, selection, {.batch = 7, .threads = 2});
        for (std::uint32_t p = 0; p < store->points.size(); ++p) {
            const renn::Point& point = store->points[p];
            text += point.name + (point.stored() ? ":" : " derived:");
            for (std::uint32_t u = 0; u < point.units.size(); ++u) {
                text.append(1, ' ').append(std::to_string(point.units[u]));
                if (!point.stored()) continue;
                for (std::uint32_t s = 0; s < 20; ++s) {
                    BOOST_REQUIRE(store->values({p, u})[s] == values[point.name](point.units[u], s));
                }
            }
            text += "; ";
        }
        return text;
    };
    BOOST_TEST(names({.layers = {"dense2"}}) == "dense2: 0 1 2 3; ");
    BOOST_TEST(names({.layers = {"dense2", "relu1"}, .units = {{"relu1", {8, 2, 8}}}, .pre = false}) == "relu1: 2 8; ");
    BOOST_TEST(names({.units = {{"dense1", {1}}, {"relu1", {1}}}, .post = true}) ==
               "dense1: 1; relu1 derived: 1; dense2: 0 1 2 3; softmax1: 0 1 2 3; ");
    // Other units than those of its pre-activation: stored itself.
    BOOST_TEST(names({.layers = {"dense1", "relu1"}, .units = {{"dense1", {1}}, {"relu1", {2}}}}) ==
               "dense1: 1; relu1: 2; ");
    const auto refusal = [&](const Selection& selection) {
        return message_of<DataError>([&] { renn::record(net, set, selection); });
    };
    const std::string known = "dense1, relu1, dense2, softmax1";
    BOOST_TEST(refusal({.layers = {"dense3"}}) == "trace: selected layer: got \"dense3\", expected one of " + known);
    BOOST_TEST(refusal({.units = {{"Dense1", {0}}}}) ==
               "trace: selected layer: got \"Dense1\", expected one of " + known);
    BOOST_TEST(refusal({.units = {{"dense1", {0, 9}}}}) == "trace: selected unit of dense1: got 9, expected 0..8");
    BOOST_TEST(refusal({.pre = false, .post = false}) ==
               "trace: selection: got no layer, expected 1 or more of " + known);
}

BOOST_AUTO_TEST_CASE(a_stream_gives_the_same_store_as_the_data_set) {
    const auto net = network<float>();
    const auto set = data<float>(100);
    auto whole = renn::record(net, set);
    BOOST_REQUIRE(whole);
    whole->tags.clear();  // a stream has neither
    whole->class_names.clear();
    for (const std::vector<Index>& sizes :
         {std::vector<Index>{100}, {1, 99}, {0, 30, 0, 0, 65, 5, 0}, {10, 20, 30, 40}}) {
        for (const int threads : {1, 2, 4}) {
            const auto store = renn::record_stream<float>(net, stream(set, sizes), {}, {.threads = threads});
            BOOST_REQUIRE(store);
            BOOST_TEST(same_stores(*store, *whole));
        }
    }
    const auto numbered = renn::record_stream<float>(net, stream(set, {60, 40}, false, false), {}, {.threads = 1});
    BOOST_TEST(numbered->ids[99] == 99u);
    BOOST_TEST(numbered->labels.empty());
}

BOOST_AUTO_TEST_CASE(a_stream_that_does_not_fit_together_is_refused) {
    const auto net = network<float>();
    const auto set = data<float>(10);
    const auto refusal = [&](auto next) {
        std::string text;
        for (const int threads : {1, 3}) {
            text = message_of<renn::Error>([&] {
                auto own = next;  // from its start again
                renn::record_stream<float>(net, own, {}, {.threads = threads});
            });
        }
        return text;
    };
    const auto spoiled = [&](auto spoil) {
        return [=, next = stream(set, {4, 6}), number = 0](renn::SampleBatch<float>& batch) mutable {
            const bool more = next(batch);
            if (++number == 2) spoil(batch);
            return more;
        };
    };
    using B = renn::SampleBatch<float>;
    BOOST_TEST(refusal(stream(set, {})) == "record: samples: got 0, expected 1 or more");
    BOOST_TEST(refusal(stream(set, {0, 0})) == "record: samples: got 0, expected 1 or more");
    BOOST_TEST(refusal(spoiled([](B& b) { b.ids.pop_back(); })) == "record: ids of a batch: got 5 x 1, expected 6 x 1");
    BOOST_TEST(refusal(spoiled([](B& b) { b.labels.clear(); })) == "record: labels of a batch: got 0, expected 6");
    BOOST_TEST(refusal(spoiled([](B& b) { b.labels.push_back(1); })) == "record: labels of a batch: got 7, expected 6");
    BOOST_TEST(refusal(spoiled([](B& b) { b.labels[3] = -2; })) == "record: label: got -2, expected 0 or more");
    BOOST_TEST(refusal(spoiled([&](B& b) { b.ids[1] = set.id(2); })) ==
               "store: id " + std::to_string(set.id(2)) + ": got recorded twice, expected each id once");
    BOOST_TEST(refusal(spoiled([](B& b) { b.inputs(3, 1) = std::numeric_limits<float>::quiet_NaN(); })) ==
               "record: input, unit 3, sample " + std::to_string(set.id(5)) + ": got nan, expected a finite value");
    BOOST_TEST(refusal(spoiled([](B& b) { b.inputs.conservativeResize(4, 6); })).find("got 4 x 6, expected 5 x 6") !=
               std::string::npos);
    BOOST_TEST(refusal(spoiled([](B&) { throw std::runtime_error("the disk is gone"); })) ==
               "another type of error: the disk is gone");
    auto unlabelled_first = [next = stream(set, {4, 6}), number = 0](B& b) mutable {
        const bool more = next(b);
        if (++number == 1) b.labels.clear();
        return more;
    };
    BOOST_TEST(refusal(unlabelled_first) ==
               "record: labels of a batch: got 6, expected none, as in the batches before");
}

BOOST_AUTO_TEST_CASE(progress_grows_and_a_cancelled_recording_leaves_the_earlier_one) {
    auto traced = renn::trace<renn::Sorted>(network<float>());
    BOOST_TEST(!traced.recorded());
    BOOST_TEST(!traced.record(data<float>(100), {.progress = [](const renn::Progress&) { return false; }}));
    BOOST_TEST(!traced.recorded());
    std::vector<std::uint64_t> told;
    BOOST_TEST(traced.record(data<float>(100), {.batch = 30, .threads = 1, .progress = [&](const renn::Progress& p) {
                                                    BOOST_TEST(p.total == 100u);
                                                    BOOST_TEST(p.phase == "recording");
                                                    told.push_back(p.done);
                                                    return true;
                                                }}));
    BOOST_TEST((told == std::vector<std::uint64_t>{30, 60, 90, 100}));
    const MemoryStore<float> before = traced.store();
    for (const int threads : {1, 4}) {
        const auto cancel = [&](const renn::Progress& p) { return p.done < 40; };
        BOOST_TEST(!traced.record(data<float>(300, 8), {.batch = 1, .threads = threads, .progress = cancel}));
        BOOST_TEST(
            !traced.record(stream(data<float>(300, 8), {50, 50, 200}), {.threads = threads, .progress = cancel}));
        const auto fail = [](const renn::Progress&) -> bool { throw std::logic_error("no more"); };
        BOOST_TEST(message_of<std::logic_error>([&] {
                       traced.record(data<float>(300), {.batch = 1, .threads = threads, .progress = fail});
                   }) == "no more");
        BOOST_TEST(same_stores(traced.store(), before));
    }
}

BOOST_AUTO_TEST_CASE(impossible_requests_are_refused_by_name) {
    auto traced = renn::trace<renn::Sorted>(network<float>());
    const auto x = random_batch<float>(5, 1, 1);
    BOOST_TEST(message_of<DataError>([&] { (void)traced.retrace(x); }) ==
               "retrace: nothing recorded yet: call record() first");
    BOOST_TEST(message_of<DataError>([&] { (void)traced.store(); }) ==
               "TracedNetwork::store: nothing recorded yet: call record() first");
    BOOST_TEST(message_of<DataError>([&] { traced.record(Dataset<float>()); }) ==
               "record: samples: got 0, expected 1 or more");
    BOOST_TEST(message_of<ShapeError>([&] { traced.record(Dataset<float>(random_batch<float>(6, 3, 1))); }) ==
               "record: features: got 6, expected 5, the network's in_features");
    BOOST_TEST(message_of<DataError>([&] { traced.record(data<float>(3), {.batch = 0}); }) ==
               "record: batch: got 0, expected 1 or more");
    BOOST_TEST(message_of<DataError>([&] { traced.record(data<float>(3), {.threads = -1}); }) ==
               "record: threads: got -1, expected 0 or more");
    BOOST_TEST(message_of<DataError>([&] {
                   Dataset<float>(random_batch<float>(5, 2, 1), {.ids = {7, 7}});
               }).find("id 7") != std::string::npos);
    BOOST_TEST(!traced.recorded());
    traced.record(data<float>(3));
    BOOST_TEST(message_of<ShapeError>([&] { (void)traced.retrace(random_batch<float>(4, 1, 1)); }) ==
               "retrace: features: got 4, expected 5, the network's in_features");
    BOOST_TEST(message_of<ShapeError>([&] { (void)traced.retrace(random_batch<float>(5, 2, 1)); }) ==
               "retrace: x: got 5 x 2, expected 5 x 1, a sample is a column; retrace_batch takes many");
    BOOST_TEST(message_of<ShapeError>([&] { (void)traced.retrace_without_self(x, {}); }) ==
               "retrace_without_self: ids: got 0, expected 1");
}

BOOST_AUTO_TEST_CASE(values_that_are_not_finite_are_refused_with_layer_unit_and_sample) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    auto net = network<float>();
    std::get<2>(net.parameters().layers).weights(3, 8) = nan;
    BOOST_TEST(message_of<DataError>([&] { renn::record(net, data<float>(5)); }) ==
               "record: layer dense2, weights (3, 8): got nan, expected a finite value");
    net = network<float>();
    std::get<0>(net.parameters().layers).weights(4, 2) = std::numeric_limits<float>::max();
    for (const Index bad : {0, 77}) {  // the first sample is looked at before all others
        Batch<float> x = Batch<float>::Zero(5, 100);
        x(2, bad) = 10;
        const auto ids = data<float>(100);
        const Dataset<float> set(x, {.ids = {ids.ids().begin(), ids.ids().end()}});
        for (const int threads : {1, 4}) {
            const std::string message =
                message_of<DataError>([&] { renn::record(net, set, {}, {.batch = 8, .threads = threads}); });
            BOOST_TEST(message.substr(message.find(": ")) == ": dense1, unit 4, sample " + std::to_string(set.id(bad)) +
                                                                 ": got inf, expected a finite value");
        }
    }
    auto traced = renn::trace<renn::Sorted>(network<float>());
    traced.record(data<float>(5));
    Batch<float> x = Batch<float>::Zero(5, 1);
    x(1, 0) = nan;
    BOOST_TEST(message_of<DataError>([&] { (void)traced.retrace(x); }) ==
               "activations: input, unit 1, column 0: got nan, expected a finite value");
}

BOOST_AUTO_TEST_CASE(an_answer_keeps_its_recording_when_another_follows) {
    auto traced = renn::trace<renn::Sorted>(network<float>());
    traced.record(data<float>(60, 1));
    const auto x = random_batch<float>(5, 1, 2);
    const auto answer = traced.retrace(x, {.k = 5, .post = true});
    const auto copy = traced;
    const auto before = answer.dense();
    const auto first = answer.neuron("relu1", 3).neighbours.front().id;
    traced.record(data<float>(40, 9));
    traced = renn::trace<renn::Sorted>(network<float>());
    BOOST_TEST((answer.dense() == before));
    BOOST_TEST(answer.neuron("relu1", 3).neighbours.front().id == first);
    BOOST_TEST((copy.retrace(x, {.k = 5, .post = true}).dense() == before));
}

BOOST_AUTO_TEST_CASE(a_store_of_another_network_is_refused) {
    auto traced = renn::trace<renn::Sorted>(network<float>());
    traced.record(data<float>(9));
    auto other = network<float>();
    std::get<0>(other.parameters().layers).bias[1] += 1e-6f;
    using Traced = decltype(traced);
    BOOST_TEST(Traced(network<float>(), traced.store()).recorded());
    BOOST_TEST(message_of<renn::MismatchError>([&] { Traced(other, traced.store()); }) ==
               "TracedNetwork: fingerprint of the store's network: got " +
                   std::to_string(renn::fingerprint(network<float>())) + ", expected " +
                   std::to_string(renn::fingerprint(other)) + ": the store was recorded with another network");
}

BOOST_AUTO_TEST_CASE(a_table_is_recorded_without_loading_it) {
    const auto set = data<float>(200);
    std::string text;
    for (Index s = 0; s < 200; ++s) {
        text += "class " + std::to_string(set.label(s)) + "," + std::to_string(7 * s);
        for (Index f = 0; f < set.features(); ++f) text.append(1, ',').append(std::to_string(set.input(s)[f]));
        text += "\n";
    }
    const renn::test::ScratchFile file(text);
    const renn::CsvOptions options{.label = 1, .id = 2, .header = false};
    const auto whole = renn::read_csv<float>(file.path, options);
    const auto net = network<float>();
    const auto reference = renn::record(net, whole);
    for (const int threads : {1, 3}) {
        auto csv = renn::csv_stream<float>(file.path, options, 13);
        const auto store = renn::record_stream<float>(net, csv, {}, {.threads = threads});
        BOOST_REQUIRE((store && reference));
        BOOST_TEST(same_stores(*store, *reference));
        const auto again = renn::record_stream<float>(net, renn::batches(whole, 64), {}, {.threads = threads});
        BOOST_TEST(same_bits(again->outputs, reference->outputs));
    }
}
