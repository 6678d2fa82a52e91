// SPDX-License-Identifier: MIT
// A set of samples split at random: what its shards say, merged in any order and grouping, has the bits of the whole.
#define BOOST_TEST_MODULE partial
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <renn/data/dataset.hpp>
#include <renn/index/sorted.hpp>
#include <renn/io/save_partial.hpp>
#include <renn/retrace/merge.hpp>
#include <renn/retrace/shard.hpp>
#include <renn/retrace/trace.hpp>

#include "support/message_of.hpp"
#include "support/scratch_file.hpp"
#include "support/small_models.hpp"

using renn::Batch, renn::DataError, renn::Dataset, renn::FormatError, renn::Index, renn::Kind, renn::merge,
    renn::MismatchError, renn::PartialRetrace, renn::RetraceOptions, renn::Rng, renn::Shape, renn::Ties,
    renn::test::message_of;

namespace {

using Scalars = boost::mpl::list<float, double>;

/// Scalars that tie in many ways, a rectifier (whose samples at 0 have a table of their own where renn knows it) and
/// channels in four dimensions.
template <class S>
auto traced(std::uint64_t fingerprint = 7) {
    const auto model = [](const Batch<S>& x, auto& probe) {
        probe.pre("plain", x.topRows(4));
        probe.post("rectified", x.topRows(4).cwiseMax(S(0)));
        probe.pre("image", x.bottomRows(8), Shape{2, 2, 2});
        return Batch<S>(x.topRows(3));
    };
    return renn::trace<renn::Sorted, S>(model, {.fingerprint = fingerprint},
                                        {.channels = {{.layer = "image", .height = 2, .width = 2}}});
}
/// Few different values, samples that repeat, ids in no order that use all 64 bits, some labels rare.
template <class S>
Dataset<S> samples(Index count, std::uint64_t seed, Index features = 12) {
    Rng rng(seed);
    const Batch<S> x = Batch<S>::NullaryExpr(features, count,
                                             [&] { return static_cast<S>(static_cast<int>(rng.below(7)) - 3) / S(3); });
    std::vector<std::uint64_t> ids;
    std::vector<std::int32_t> labels;
    for (Index s = 0; s < count; ++s) {
        ids.push_back((rng.bits() & ~std::uint64_t{0xffff}) + static_cast<std::uint64_t>(s));
        labels.push_back(static_cast<std::int32_t>(rng.below(40) == 0 ? 5 : rng.below(3)));
    }
    return Dataset<S>(x, {.labels = labels, .ids = ids});
}

/// Every sample in one of `count` shards; some may be empty.
template <class S, class Make>
auto split(const Make& make, const Dataset<S>& data, std::size_t count, Rng& rng) {
    std::vector<std::vector<Index>> parts(count);
    for (Index s = 0; s < data.samples(); ++s) parts[rng.below(rng.below(3) == 0 ? 1 : count)].push_back(s);
    std::vector<std::optional<decltype(make())>> shards;
    for (const auto& part : parts) {
        auto& shard = shards.emplace_back();
        if (part.empty()) continue;
        shard.emplace(make());
        shard->record(data.select(part));
    }
    return shards;
}

/// Merges neighbours and strangers until one is left.
PartialRetrace merge_at_random(std::vector<PartialRetrace> partials, Rng& rng) {
    while (partials.size() > 1) {
        const std::size_t i = rng.below(partials.size());
        std::swap(partials[i], partials.back());
        const PartialRetrace taken = std::move(partials.back());
        partials.pop_back();
        PartialRetrace& other = partials[rng.below(partials.size())];
        other = rng.below(2) == 0 ? merge(taken, other) : merge(other, taken);
    }
    return partials.front();
}

template <class A>
void check_answer(const PartialRetrace& merged, const A& whole, const Dataset<typename A::Scalar>& data) {
    BOOST_TEST((merged == renn::partial(whole) || !whole.options().ids.empty()));
    const renn::ResultDetail all{.sources = 100000, .layer_sources = 100000};
    const renn::RetraceResult expected = renn::result(whole, all), got = renn::result(merged, all);
    BOOST_TEST((got.provenance == expected.provenance));
    BOOST_TEST((got.sources == expected.sources));
    BOOST_TEST((got.evidence == expected.evidence));
    BOOST_TEST((got == expected));
    BOOST_TEST((renn::result(merged) == renn::result(whole)));
    bool same = merged.top(3) == whole.top(3) && merged.agreement() == whole.agreement() &&
                merged.evidence_class() == whole.evidence_class() && merged.unknown_ids() == 0 &&
                merged.samples == static_cast<std::uint64_t>(data.samples());
    for (Index s = 0; s < data.samples(); s += 5) same = same && merged.votes(data.id(s)) == whole.votes(data.id(s));
    const std::string last = whole.layers().back();
    if (whole.layers().size() > 1) {
        same = same && merged.kind(Kind::pre).top(9) == whole.kind(Kind::pre).top(9) &&
               merged.layer(last).evidence() == whole.layer(last).evidence() &&
               merged.neuron(last, 1) == whole.neuron(last, 1);
    }
    BOOST_TEST(same);
}

PartialRetrace through_archive(const PartialRetrace& partial) {
    std::stringstream stream;
    {
        cereal::BinaryOutputArchive ar(stream);
        put(ar, partial);
    }
    PartialRetrace again;
    cereal::BinaryInputArchive ar(stream);
    get(ar, again, renn::detail::Limit(stream.str().size()));
    return again;
}

constexpr Ties policies[] = {Ties::share, Ties::strict, Ties::skip_inactive, Ties::lowest_id};

/// One set of samples and two queries, asked in every way.
template <class S, class Make>
void check_merging(const Make& make, const Dataset<S>& data, const Batch<S>& x, std::vector<std::string> layers,
                   Rng& rng) {
    auto whole = make();
    whole.record(data);
    const auto shards = split(make, data, 1 + rng.below(7), rng);
    const auto any_id = [&] { return data.id(static_cast<Index>(rng.below(std::uint64_t(data.samples())))); };
    for (const Ties ties : policies) {
        for (int restricted = 0; restricted < 5; ++restricted) {
            const std::int64_t ks[] = {1, 5, 42, 1000, 0};
            RetraceOptions options{.k = ks[rng.below(5)], .ties = ties, .post = true};
            if (restricted == 1) options.classes = {5, 1};
            if (restricted >= 2) options.without = any_id();
            if (restricted == 3) options.ids = {any_id(), any_id(), any_id(), any_id()};
            if (restricted == 4) options.layers = layers;
            std::vector<std::vector<PartialRetrace>> said(2);
            for (const auto& shard : shards) {
                const auto here = shard ? renn::retrace_shard(*shard, x, options, 2) : std::vector<PartialRetrace>(2);
                for (std::size_t q = 0; q < 2; ++q) said[q].push_back(through_archive(here[q]));
            }
            const auto answers = whole.retrace_batch(x, options);
            const auto at_once = renn::retrace_shard(whole, x, options);
            for (std::size_t q = 0; q < 2; ++q) {
                const PartialRetrace merged = merge_at_random(said[q], rng);
                check_answer(merged, answers[q], data);
                BOOST_TEST((merged == merge_at_random(said[q], rng)));
                BOOST_TEST((merged == at_once[q]));
            }
        }
    }
}
}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(shards_merge_to_the_whole, S, Scalars) {
    Rng rng(sizeof(S));
    for (std::uint64_t round = 0; round < 20; ++round) {
        const auto data = samples<S>(static_cast<Index>(1 + rng.below(round % 3 == 0 ? 20 : 250)), round);
        const Batch<S> x = samples<S>(2, 100 + round).values() * (round % 2 == 0 ? S(1) : S(0.7));
        check_merging([] { return traced<S>(); }, data, x, {"rectified"}, rng);
    }
}

// A network's rectifiers have a table of the samples at 0, and its derived values are computed by the sample.
BOOST_AUTO_TEST_CASE(shards_of_a_network_merge_to_the_whole) {
    Rng rng(3);
    for (std::uint64_t round = 0; round < 8; ++round) {
        const auto data = samples<float>(static_cast<Index>(1 + rng.below(250)), round, 3);
        const auto net = renn::test::small_net(round);
        const auto make = [&net] { return renn::trace<renn::Sorted>(net); };
        check_merging(make, data, samples<float>(2, 100 + round, 3).values(), {"relu1"}, rng);
    }
}
BOOST_AUTO_TEST_CASE(nothing_is_the_identity) {
    const auto data = samples<float>(30, 1);
    auto whole = traced<float>();
    whole.record(data);
    const PartialRetrace none, one = renn::retrace_shard(whole, data.input(3), {.k = 5})[0];
    BOOST_TEST((merge(none, one) == one && merge(one, none) == one && merge(none, none) == none));
    BOOST_TEST((none.empty() && none.top(5).empty() && none.total() == 0.0 && none.votes(3) == 0.0));
    BOOST_TEST((renn::result(none) == renn::RetraceResult{}));
    BOOST_TEST(message_of<DataError>([&] { none.evidence(); }) ==
               "evidence: labels: got none recorded, expected one a sample");
    BOOST_TEST(message_of<DataError>([&] { one.layer("dense"); }) ==
               "PartialRetrace::layer: name: got \"dense\", expected one of plain, image");
    BOOST_TEST(message_of<DataError>([&] { one.layer(2); }) ==
               "PartialRetrace::layer: number: got 2, expected below 2");
    BOOST_TEST(message_of<DataError>([&] { one.neuron("plain", 4); }) ==
               "PartialRetrace::neuron: unit: got \"plain\" 4, expected a neuron that voted");
    const auto lost = renn::retrace_shard(whole, data.input(3), {.ids = {data.id(3), 17}, .without = 18})[0];
    BOOST_TEST(lost.unknown_ids() == 2U);
    // Leave-one-out without options is known to the answer.
    const std::vector<std::uint64_t> self{data.id(3)};
    const auto without_self = whole.retrace_without_self(data.input(3), self)[0];
    BOOST_TEST((renn::partial(without_self) == renn::retrace_shard(whole, data.input(3), {.without = self[0]})[0]));
    // Of the neurons that are left, whichever they are.
    const auto some = whole.retrace(data.input(3), {.k = 5}).only({{"plain", {1, 3}}, {"image", {1}}});
    BOOST_TEST((renn::result(renn::partial(some)) == renn::result(some)));
}

BOOST_AUTO_TEST_CASE(what_does_not_belong_together_is_refused) {
    const auto data = samples<float>(40, 2);
    const std::vector<Index> halves[2] = {{0, 1, 2, 3, 4, 5, 6, 7}, {7, 8, 9, 10, 11}};
    auto first = traced<float>(), second = traced<float>(), other = traced<float>(8), unlabelled = traced<float>();
    first.record(data.select(halves[0]));
    second.record(data.select(halves[1]));
    other.record(data.select(halves[1]));
    unlabelled.record(Dataset<float>(data.values().rightCols(9), {.ids = {1, 2, 3, 4, 5, 6, 7, 8, 9}}));
    const auto ask = [&](const auto& shard, const RetraceOptions& options, Index query) {
        return renn::retrace_shard(shard, data.input(query), options)[0];
    };
    const PartialRetrace asked = ask(first, {.k = 20}, 20);
    const auto refused = [&](const PartialRetrace& b) {
        const std::string message = message_of<MismatchError>([&] { merge(asked, b); });
        BOOST_TEST(message.find("another type") == std::string::npos);
        return message;
    };
    BOOST_TEST(message_of<DataError>([&] { merge(asked, ask(second, {.k = 20}, 20)); }) ==
               "merge: sample " + std::to_string(data.id(7)) + ": got in two shards, expected each sample in one");
    BOOST_TEST(refused(ask(other, {.k = 20}, 20)) == "merge: fingerprint of the network: got 8, expected 7");
    BOOST_TEST(refused(ask(second, {.k = 21}, 20)) == "merge: k: got 21, expected 20");
    BOOST_TEST(refused(ask(second, {.k = 20, .ties = Ties::strict}, 20)) ==
               "merge: tie policy: got strict, expected share");
    BOOST_TEST(refused(ask(second, {.k = 20}, 21)).starts_with("merge: outputs: got those of another query"));
    BOOST_TEST(refused(ask(second, {.k = 20, .post = true}, 20)) == "merge: places that vote: got 3, expected 2");
    BOOST_TEST(refused(ask(second, {.k = 20, .layers = {"plain", "rectified"}}, 20)) ==
               "merge: place: got rectified (post), expected image (pre)");
    BOOST_TEST(refused(ask(second, {.k = 20, .classes = {1}}, 20)).starts_with("merge: sources: "));
    BOOST_TEST(refused(ask(unlabelled, {.k = 20}, 20)) == "merge: labels: got none, expected some");
    PartialRetrace changed = asked;
    changed.layers[1].neurons[0].value += 1;
    BOOST_TEST(refused(changed).starts_with("merge: query's value: got "));
}

BOOST_AUTO_TEST_CASE(files_and_archives_are_not_believed) {
    const auto data = samples<float>(40, 3);
    auto whole = traced<float>();
    whole.record(data);
    const renn::test::ScratchFile file;
    for (const Ties ties : policies) {
        const auto partial = renn::retrace_shard(whole, data.input(5), {.k = 3, .ties = ties, .post = true})[0];
        renn::save(file.path, partial);
        BOOST_TEST((renn::load<PartialRetrace>(file.path) == partial));
        std::stringstream stream;
        {
            cereal::BinaryOutputArchive ar(stream);
            put(ar, partial);
        }
        const std::string bytes = stream.str();
        int refused = 0;
        const auto read = [&](const std::string& damaged) {  // refused, or something to work with
            std::istringstream in(damaged);
            cereal::BinaryInputArchive ar(in);
            PartialRetrace got;
            try {
                get(ar, got, renn::detail::Limit(damaged.size()));
                if (got.classes < 100) renn::result(merge(got, PartialRetrace{}));
                merge(partial, got);
            } catch (const renn::Error&) {
                ++refused;
            } catch (const cereal::Exception&) {
                ++refused;
            }
        };
        for (std::size_t at = 0; at < bytes.size(); ++at) {
            for (const int flip : {1, 128, 255}) {
                std::string damaged = bytes;
                damaged[at] = static_cast<char>(damaged[at] ^ flip);
                read(damaged);
            }
        }
        BOOST_TEST(refused > 0);
        refused = 0;
        for (std::size_t length = 0; length < bytes.size(); ++length) read(bytes.substr(0, length));
        BOOST_TEST(refused == static_cast<int>(bytes.size()));
    }
    const renn::test::ScratchFile answer;
    renn::save(answer.path, renn::result(whole.retrace(data.input(5))));
    BOOST_TEST(message_of<FormatError>([&] {
                   renn::load<PartialRetrace>(answer.path);
               }).ends_with("content: got result, expected partial"));
}
