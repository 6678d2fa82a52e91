// SPDX-License-Identifier: MIT
// labels: threads
#define BOOST_TEST_MODULE store_operations
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <renn/retrace/trace.hpp>
#include <renn/tracing/file_store.hpp>
#include <renn/tracing/part_of_store.hpp>
#include <renn/tracing/recompute_store.hpp>
#include <renn/tracing/reduced.hpp>
#include <renn/tracing/sorted_store.hpp>
#include <renn/tracing/to_memory.hpp>
#include <renn/tracing/united_store.hpp>
#include <renn/tracing/write_store.hpp>

#include "support/message_of.hpp"
#include "support/scratch_file.hpp"
#include "support/small_models.hpp"

using namespace renn;
using renn::test::message_of;
using Scalars = boost::mpl::list<float, double>;
using Ids = std::vector<std::uint64_t>;

namespace {

/// The samples of `data` at positions that `keep` lets in.
template <class S, class Keep>
Dataset<S> some_of(const Dataset<S>& data, Keep keep) {
    std::vector<Index> positions;
    for (Index s = 0; s < data.samples(); ++s) {
        if (keep(s)) positions.push_back(s);
    }
    return data.select(positions);
}

/// Everything that a store hands out is the same in both.
template <class A, class B>
bool same_stores(const A& a, const B& b) {
    const Index n = a.samples();
    bool same = n == b.samples() && a.points == b.points && a.class_names == b.class_names &&
                a.fingerprint == b.fingerprint && a.build == b.build && a.outputs.rows() == b.outputs.rows() &&
                a.labels.empty() == b.labels.empty() && a.tags.empty() == b.tags.empty() &&
                a.predictions.empty() == b.predictions.empty() && a.by_id().size() == b.by_id().size();
    for (std::size_t s = 0; same && s < static_cast<std::size_t>(n); ++s) {
        same = a.ids[s] == b.ids[s] && (a.labels.empty() || a.labels[s] == b.labels[s]) &&
               (a.tags.empty() || a.tags[s] == b.tags[s]) &&
               (a.predictions.empty() || a.predictions[s] == b.predictions[s]) &&
               a.outputs.col(Index(s)) == b.outputs.col(Index(s)) && a.position_of(b.ids[s]) == Index(s);
    }
    std::vector<typename A::Scalar> left, right;
    for (std::uint32_t p = 0; same && p < a.points.size(); ++p) {
        for (std::uint32_t u = 0; a.points[p].stored() && u < a.points[p].units.size(); ++u) {
            for (Index d = 0; d < a.points[p].dimensions(); ++d) {
                const auto x = a.values({p, u}, d, left), y = b.values({p, u}, d, right);
                same = same && std::equal(x.begin(), x.end(), y.begin(), y.end()) &&
                       a.value({p, u}, d, n - 1) == x.back() && b.value({p, u}, d, n / 2) == y[std::size_t(n / 2)];
            }
        }
    }
    return same;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(every_nth_sample_is_recorded_from_data_sets_and_streams, S, Scalars) {
    const auto net = test::small_net<S>();
    const auto data = test::small_data<S>(40);
    const auto whole = record(net, data);
    for (const Index every : {1, 2, 7, 40, 100}) {
        const auto expected = record(net, some_of(data, [&](Index s) { return s % every == 0; }));
        const Selection thin{.every = every};
        BOOST_TEST(same_stores(*record(net, data, thin, {.batch = 3, .threads = 2}), *expected));
        BOOST_TEST(same_stores(part_of(*whole, thin), *expected));
        for (const Index batch : {1, 5, 64}) {
            auto streamed = record_stream<S>(net, batches(data, batch), thin, {.threads = 2});
            streamed->tags = expected->tags;  // a stream has neither
            streamed->class_names = expected->class_names;
            BOOST_TEST(same_stores(*streamed, *expected));
        }
    }
    auto numbered = [at = 0](SampleBatch<S>& batch) mutable {
        batch.inputs = Batch<S>::Ones(3, 5);
        return at++ < 2;
    };
    BOOST_TEST((record_stream<S>(net, numbered, Selection{.every = 4})->ids == Ids{0, 4, 8}));
    BOOST_TEST(message_of<DataError>([&] { record(net, data, {.every = 0}); }) ==
               "trace: every: got 0, expected 1 or more");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(dropped_samples_are_as_if_never_recorded, S, Scalars) {
    const auto net = test::small_net<S>();
    const auto data = test::small_data<S>(40);
    const auto whole = record(net, data);
    const auto keep = [](Index s) { return s % 5 != 1 && s != 39; };
    const auto expected = record(net, some_of(data, keep));
    Ids gone, kept;
    for (Index s = 39; s >= 0; --s) (keep(s) ? kept : gone).push_back(data.id(s));
    BOOST_TEST(same_stores(without_samples(*whole, gone), *expected));
    BOOST_TEST(same_stores(to_memory(only_samples(*whole, kept)), *expected));
    BOOST_TEST(
        same_stores(without_samples(without_samples(*whole, {gone[0]}), Ids(gone.begin() + 1, gone.end())), *expected));
    // Rounded as if they alone had been recorded: the range of what was deleted is gone as well.
    BOOST_TEST(
        same_stores(to_memory<Linear8PerUnit>(without_samples(*whole, gone)), to_memory<Linear8PerUnit>(*expected)));

    // The same in a file, which is replaced by one that is as if never anything else had been recorded.
    const test::ScratchFile file, fresh;
    BOOST_TEST(write_store(file.path, *whole));
    BOOST_TEST(write_store(file.path, without_samples(FileStore<S>::open(file.path), gone)));
    BOOST_TEST(write_store(fresh.path, *expected));
    BOOST_TEST(file.read() == fresh.read());

    BOOST_TEST(message_of<DataError>([&] { without_samples(*whole, {5}); }) ==
               "store: sample 5: got an id that was not recorded, expected one of 40 recorded ids");
    BOOST_TEST(message_of<DataError>([&] { only_samples(*whole, {}); }) ==
               "part of a store: samples: got none, expected 1 or more");
}

BOOST_AUTO_TEST_CASE(places_and_units_of_a_store_are_those_that_would_have_been_recorded) {
    const auto net = test::small_net();
    const auto data = test::small_data();
    const auto whole = record(net, data);
    for (const Selection& some :
         {Selection{.layers = {"dense2", "dense1"}},
          {.post = false},
          {.layers = {"dense1", "dense2"}, .units = {{"dense1", {4, 1, 4}}}},
          {.layers = {"dense1", "relu1"}, .units = {{"dense1", {2}}, {"relu1", {2}}}, .every = 3}}) {
        BOOST_TEST(same_stores(part_of(*whole, some), *record(net, data, some)));
    }
    const auto follows = part_of(*whole, {.units = {{"dense1", {0, 3}}}});
    BOOST_TEST((follows.points[1].units == std::vector<std::uint32_t>{0, 3}));
    const auto twice = part_of(follows, {.units = {{"dense1", {3}}}});
    BOOST_TEST(twice.value({0, 0}, 0, 7) == whole->value({0, 3}, 0, 7));

    const auto refusal = [&](const Selection& selection) {
        return message_of<DataError>([&] { part_of(*whole, selection); });
    };
    const std::string part = "part of a store: ";
    BOOST_TEST(refusal({.layers = {"dense7"}}) == part + "layer: got \"dense7\", expected a recorded one");
    BOOST_TEST(refusal({.layers = {"relu1"}}) == part +
                                                     "relu1 (post-activation): got alone, expected with dense1 "
                                                     "(pre-activation), which it follows from");
    BOOST_TEST(refusal({.units = {{"dense1", {1, 5}}}}) ==
               part + "units of dense1 (pre-activation): got one that is not there, expected recorded ones");
    BOOST_TEST(refusal({.units = {{"relu1", {1}}}}) ==
               part + "units of relu1 (post-activation): got others, expected those of the place it follows from");
    BOOST_TEST(refusal({.pre = false, .post = false}) == part + "places: got none, expected 1 or more");
    BOOST_TEST(refusal({.channels = {{}}}) == part +
                                                  "channels: got a choice, expected none: they are chosen when "
                                                  "recording");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(stores_of_one_network_unite, S, Scalars) {
    const auto net = test::small_net<S>();
    const auto data = test::small_data<S>(40);
    const auto whole = record(net, data);
    const auto part = [&](Index from, Index to) {
        return *record(net, some_of(data, [&](Index s) { return s >= from && s < to; }));
    };
    const auto a = part(0, 11), b = part(11, 12), c = part(12, 40);
    BOOST_TEST(same_stores(unite(a, b, c), *whole));
    BOOST_TEST(same_stores(to_memory(unite(unite(a, b), c)), *whole));
    BOOST_TEST(same_stores(unite(*whole), *whole));
    BOOST_TEST(same_stores(unite_all(std::span<const MemoryStore<S>>(std::vector{a, b, c})), *whole));

    // Appended to a file: as if recorded at once.
    const test::ScratchFile file, fresh;
    write_store(file.path, unite(a, b));
    write_store(file.path, unite(FileStore<S>::open(file.path), part(12, 40)), {.threads = 2});
    write_store(fresh.path, *whole);
    BOOST_TEST(file.read() == fresh.read());

    const std::string id = std::to_string(data.id(5));
    BOOST_TEST(message_of<DataError>([&] { unite(a, part(5, 6)); }) ==
               "store: id " + id + ": got recorded twice, expected each id once");
    BOOST_TEST(message_of<MismatchError>([&] {
                   unite(a, *record(test::small_net<S>(9), data));
               }).find("unite: fingerprint of the network: got ") == 0u);
    BOOST_TEST(message_of<MismatchError>([&] { unite(a, part_of(c, {.layers = {"dense1"}})); }) ==
               "unite: places: got others, expected the same layers and units, as in the first store");
    auto other = c;
    other.build = "elsewhere";
    BOOST_TEST(message_of<MismatchError>([&] { unite(a, other); }).find("unite: build: got elsewhere") == 0u);
    other = c;
    other.labels.clear();
    BOOST_CHECK_THROW(unite(a, other), MismatchError);
    other = c;
    other.tags.clear();
    BOOST_TEST(unite(a, other).tags[0] == "picture 0");
    BOOST_TEST(unite(a, other).tags[38].empty());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(recomputing_gives_what_a_store_keeps, S, Scalars) {
    const auto net = test::small_net<S>();
    const auto data = test::small_data<S>(40);
    using Net = std::remove_cvref_t<decltype(net)>;
    for (const Selection& some : {Selection{},
                                  {.layers = {"relu1"}},
                                  {.layers = {"tanh1", "dense1"}, .units = {{"dense1", {1, 4}}}, .every = 3}}) {
        const auto kept = record(net, data, some);
        const RecomputeStore<Net> store(net, data, some, {.batch = 7, .threads = 2});
        BOOST_TEST(same_stores(store, *kept));
        BOOST_TEST(store.value({0, 1}, 0, 3) == kept->value({0, 1}, 0, 3));  // of a place that is not there now
    }
    auto exact = trace<Sorted>(net);
    exact.record(data);
    const auto recomputed = trace<Sorted>(net, RecomputeStore<Net>(net, test::small_data<S>(40)));
    const auto answer = [&](const auto& traced, Index s) {
        std::string text;
        for (const auto& source : traced.retrace(data.input(s), {.k = 5, .post = true}).top(8)) {
            text += std::to_string(source.id) + " " + std::to_string(source.votes) + ", ";
        }
        return text;
    };
    std::vector<std::string> found(4);
    std::vector<std::thread> readers;
    for (Index t = 0; t < 4; ++t) readers.emplace_back([&, t] { found[std::size_t(t)] = answer(recomputed, 9 * t); });
    for (auto& reader : readers) reader.join();
    for (Index t = 0; t < 4; ++t) BOOST_TEST(found[std::size_t(t)] == answer(exact, 9 * t));

    const auto probe = [](const auto& x, auto& report) { report("image", x, Shape{3, 2, 2}); };
    const Foreign<S, std::remove_cvref_t<decltype(probe)>> model(probe);
    const Dataset<S> images(test::random_batch<S>(12, 9, 1));
    const Selection channels{.channels = {{.layer = "image", .height = 1, .width = 2, .pool = Pool::max}}};
    BOOST_TEST(same_stores(RecomputeStore(model, images, channels), *record(model, images, channels)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_sorted_store_answers_the_same_in_fewer_bytes, S, Scalars) {
    const auto traced = renn::test::small_traced<Sorted, S>(4000);
    const auto sorted = trace<Sorted>(traced.network(), SortedStore<S>(traced.store()));
    BOOST_TEST(same_stores(traced.store(), sorted.store()));
    BOOST_TEST(sorted.store().value({0, 3}, 0, 77) == traced.store().value({0, 3}, 0, 77));

    const Batch<S> queries = renn::test::random_batch<S>(3, 5, 11);
    const auto same = [&](const RetraceOptions& options) {
        for (Index q = 0; q < queries.cols(); ++q) {
            const auto a = traced.retrace(queries.col(q), options);
            const auto b = sorted.retrace(queries.col(q), options);
            BOOST_TEST((a.top(30) == b.top(30)));
            BOOST_TEST((a.evidence() == b.evidence() && a.dense() == b.dense()));
            for (std::size_t n = 0; n < a.neurons(); ++n) BOOST_TEST((a.neuron(n) == b.neuron(n)));
        }
    };
    same({.k = 20});
    std::size_t values = 0;
    for (const Point& point : traced.store().points) values += point.stored() ? point.units.size() * 4000 : 0;
    BOOST_TEST(traced.index().bytes() + traced.store().bytes() > (2 * sizeof(S) + 4) * values);
    BOOST_TEST(sorted.index().bytes() + sorted.store().bytes() <= (1.017 * sizeof(S) + 4.0) * double(values));

    same({.k = 20, .ties = Ties::strict, .post = true});
    same({.k = 20, .pre = false, .post = true, .classes = {1}});
    same({.k = 20, .ties = Ties::lowest_id, .post = true, .without = traced.store().ids[5]});
    const Ids self{traced.store().ids[9]};
    BOOST_TEST((traced.retrace_without_self(queries.leftCols(1), self, {.k = 3}).front().top(5) ==
                sorted.retrace_without_self(queries.leftCols(1), self, {.k = 3}).front().top(5)));

    MemoryStore<S> broken = traced.store();
    broken.column(0, 0)[7] = std::numeric_limits<S>::quiet_NaN();
    BOOST_CHECK_THROW(SortedStore<S>(std::move(broken)), DataError);
}

BOOST_AUTO_TEST_CASE(the_first_input_of_foreign_code_is_not_left_behind) {
    const auto f = [](const auto& x, auto& probe) { probe("in", x); };
    const Dataset<float> data(test::random_batch<float>(2, 4, 1));
    auto unnamed = trace<Sorted>(f);
    auto named = trace<Sorted>(f, {.fingerprint = 5});
    unnamed.record(data);
    named.record(data);
    BOOST_TEST((without_samples(unnamed.store(), {1}).first_input == data.input(0)));
    BOOST_TEST(message_of<DataError>([&] {
                   without_samples(unnamed.store(), {0, 2});
               }).find("part of a store: first sample: got left out, expected kept") == 0u);
    BOOST_TEST(named.store().first_input.size() == 0);
    const auto rest = to_memory(without_samples(named.store(), {0}));
    named.restore(rest);
    BOOST_TEST(named.retrace(data.input(2), {.k = 1}).top(1).front().id == 2u);
    BOOST_TEST(
        message_of<MismatchError>([&] { unnamed.restore(rest); }) ==
        "TracedNetwork: fingerprint of the foreign code: got none, expected 5, which the store was recorded with");
}
