// SPDX-License-Identifier: MIT
// A set of samples split at random: what its shards say, merged in any order and grouping, has the bits of the whole.
#define BOOST_TEST_MODULE partial
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include <renn/data/dataset.hpp>
#include <renn/index/sorted.hpp>
#include <renn/io/save_partial.hpp>
#include <renn/retrace/merge.hpp>
#include <renn/retrace/shard.hpp>
#include <renn/retrace/traced_network.hpp>

#include "support/message_of.hpp"
#include "support/scratch_file.hpp"

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
template <class S>
using Traced = decltype(traced<S>());

/// Few different values, samples that repeat, ids in no order that use all 64 bits, some labels rare.
template <class S>
Dataset<S> samples(Index count, std::uint64_t seed) {
    Rng rng(seed);
    const Batch<S> x =
        Batch<S>::NullaryExpr(12, count, [&] { return static_cast<S>(static_cast<int>(rng.below(7)) - 3) / S(3); });
    std::vector<std::uint64_t> ids;
    std::vector<std::int32_t> labels;
    for (Index s = 0; s < count; ++s) {
        ids.push_back((rng.bits() & ~std::uint64_t{0xffff}) + static_cast<std::uint64_t>(s));
        labels.push_back(static_cast<std::int32_t>(rng.below(40) == 0 ? 5 : rng.below(3)));
    }
    return Dataset<S>(x, {.labels = labels, .ids = ids});
}

/// Every sample in one of `count` shards; some may be empty.
template <class S>
std::vector<std::optional<Traced<S>>> split(const Dataset<S>& data, std::size_t count, Rng& rng) {
    std::vector<std::vector<Index>> parts(count);
    for (Index s = 0; s < data.samples(); ++s) parts[rng.below(rng.below(3) == 0 ? 1 : count)].push_back(s);
    std::vector<std::optional<Traced<S>>> shards;
    for (const auto& part : parts) {
        auto& shard = shards.emplace_back();
        if (part.empty()) continue;
        shard.emplace(traced<S>());
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
    if (whole.layers().size() > 1) {
        same = same && merged.kind(Kind::pre).top(9) == whole.kind(Kind::pre).top(9) &&
               merged.layer("image").evidence() == whole.layer("image").evidence() &&
               merged.neuron("image", 1) == whole.neuron("image", 1);
    }
    BOOST_TEST(same);
}

template <class S>
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

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(shards_merge_to_the_whole, S, Scalars) {
    Rng rng(sizeof(S));
    for (std::uint64_t round = 0; round < 12; ++round) {
        const auto data = samples<S>(static_cast<Index>(1 + rng.below(round % 3 == 0 ? 20 : 250)), round);
        auto whole = traced<S>();
        whole.record(data);
        const auto shards = split(data, 1 + rng.below(7), rng);
        const Batch<S> x = samples<S>(2, 100 + round).values() * (round % 2 == 0 ? S(1) : S(0.7));
        const auto any_id = [&] {
            return data.id(static_cast<Index>(rng.below(static_cast<std::uint64_t>(data.samples()))));
        };
        for (const Ties ties : policies) {
            for (int restricted = 0; restricted < 5; ++restricted) {
                const std::int64_t ks[] = {1, 5, 42, 1000, 0};
                RetraceOptions options{.k = ks[rng.below(5)], .ties = ties, .post = true};
                if (restricted == 1) options.classes = {5, 1};
                if (restricted >= 2) options.without = any_id();
                if (restricted == 3) options.ids = {any_id(), any_id(), any_id(), any_id()};
                if (restricted == 4) options.layers = {"rectified"};
                std::vector<std::vector<PartialRetrace>> said(2);
                for (const auto& shard : shards) {
                    const auto here =
                        shard ? renn::retrace_shard(*shard, x, options, 2) : std::vector<PartialRetrace>(2);
                    for (std::size_t q = 0; q < 2; ++q) said[q].push_back(through_archive<S>(here[q]));
                }
                const auto answers = whole.retrace_batch(x, options);
                for (std::size_t q = 0; q < 2; ++q) {
                    const PartialRetrace merged = merge_at_random(said[q], rng);
                    check_answer(merged, answers[q], data);
                    BOOST_TEST((merged == merge_at_random(said[q], rng)));
                    BOOST_TEST((merged == renn::retrace_shard(whole, x, options)[q]));
                }
            }
        }
    }
}
