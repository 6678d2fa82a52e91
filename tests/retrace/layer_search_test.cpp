// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE layer_search
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <renn/index/channel_tree.hpp>
#include <renn/index/vector_index.hpp>
#include <renn/retrace/layer_search.hpp>
#include <renn/retrace/trace.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"
#include "support/small_models.hpp"

using namespace renn;
using renn::test::message_of;
using renn::test::random_batch;
using Scalars = boost::mpl::list<float, double>;

static_assert(VectorIndex<ChannelTree<float>> && VectorIndex<Flat<double>>);

namespace {

constexpr Index count = 40;

/// By everything the network did for data and query, sorted by (distance, id).
template <class S, class Allowed>
std::vector<LayerSource> expected(const test::SmallNet<S>& net, const std::string& place, const Batch<S>& query,
                                  std::size_t k, const Allowed& allowed) {
    const Dataset<S> data = test::small_data<S>(count);
    std::vector<LayerSource> all;
    const Batch<S> q = activations(net, query)[place];
    for (Index s = 0; s < count; ++s) {
        const auto at = static_cast<std::size_t>(s);
        if (!allowed(data.ids()[at], data.labels()[at])) continue;
        const Batch<S> x = activations(net, data.input(s))[place];
        double sum = 0.0;
        for (Index d = 0; d < x.rows(); ++d) {
            const double apart = static_cast<double>(x(d)) - static_cast<double>(q(d));
            sum += apart * apart;
        }
        all.push_back({data.ids()[at], std::sqrt(sum), data.labels()[at]});
    }
    const auto before = [](const LayerSource& a, const LayerSource& b) {
        return a.distance != b.distance ? a.distance < b.distance : a.id < b.id;
    };
    std::sort(all.begin(), all.end(), before);
    while (k < all.size() && all[k].distance == all[k - 1].distance) ++k;
    all.resize(std::min(k, all.size()));
    return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(finds_what_is_closest_at_every_place, S, Scalars) {
    const auto traced = test::small_traced<KdTree, S>(count);
    const auto& net = traced.network();
    const Batch<S> queries = random_batch<S>(3, 5, 99);
    for (const std::string place : {"dense1", "relu1", "dense2", "tanh1", "dense3"}) {
        const LayerSearch search(traced, place);
        const auto all = search.sources(queries, {.k = 4});
        const auto right = search.sources(queries, {.k = 4, .classes = {1}, .without = traced.store().ids[7]}, 2);
        BOOST_TEST((layer_sources(traced, place, queries, {.k = 4}) == all));
        for (Index q = 0; q < queries.cols(); ++q) {
            const auto at = static_cast<std::size_t>(q);
            BOOST_TEST((all[at].sources ==
                        expected<S>(net, place, queries.col(q), 4, [](std::uint64_t, int) { return true; })),
                       place);
            BOOST_TEST((right[at].sources == expected<S>(net, place, queries.col(q), 4,
                                                         [&](std::uint64_t id, int label) {
                                                             return label == 1 && id != traced.store().ids[7];
                                                         })),
                       place);
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_recorded_sample_finds_itself_and_its_copies, S, Scalars) {
    const auto traced = test::small_traced<KdTree, S>(count);
    const auto data = test::small_data<S>(count);
    const Batch<S> x = data.inputs();
    for (const std::string place : {"dense1", "relu1", "tanh1"}) {
        const LayerSearch search(traced, place);
        const auto with = search.sources(x, {.k = 1});
        const auto without = search.sources_without_self(x, data.ids(), {.k = 1});
        for (std::size_t s = 0; s < with.size(); ++s) {
            const auto is_self = [&](const LayerSource& source) { return source.id == data.ids()[s]; };
            BOOST_TEST(with[s].boundary == 0.0);
            BOOST_TEST(std::any_of(with[s].sources.begin(), with[s].sources.end(), is_self));
            BOOST_TEST(std::none_of(without[s].sources.begin(), without[s].sources.end(), is_self));
            if (s % 3 == 2) BOOST_TEST(without[s].boundary == 0.0);  // repeats the one before
        }
    }
}

BOOST_AUTO_TEST_CASE(selected_units_and_channels) {
    auto some = trace(test::small_net(), {.units = {{"dense1", {1, 4}}}});
    some.record(test::small_data(count));
    const Batch<float> x = random_batch<float>(3, 2, 5);
    const LayerSearch search(some, "dense1", {.metric = Metric::linf});
    BOOST_TEST(search.index().width() == 2);
    BOOST_TEST(search.vectors(x).row(1) == activations(some.network(), x)["dense1"].row(4));
    BOOST_TEST(search.sources(x, {.k = 3})[1].sources.size() == 3U);

    const auto eye = [](const auto& values, auto& probe) { probe.pre("image", values, Shape{2, 2, 2}); };
    auto channels = trace<KdTree, float>(eye, {}, {.channels = {{.height = 2, .width = 1}}});
    const Batch<float> images = random_batch<float>(8, 30, 6);
    channels.record(Dataset<float>(images));
    const LayerSearch cells(channels, "image");
    BOOST_TEST(cells.index().width() == 4);
    const auto found = cells.sources(images, {.k = 1});
    for (std::size_t s = 0; s < found.size(); ++s) BOOST_TEST((found[s].sources == std::vector{LayerSource{s, 0.0}}));
}

BOOST_AUTO_TEST_CASE(an_index_without_batches_of_its_own) {
    const Batch<float> x = random_batch<float>(3, 200, 1), queries = random_batch<float>(3, 20, 2);
    const LayerValues<float> values((BatchView<float>(x)));
    std::vector<std::span<const float>> columns;
    for (Index c = 0; c < 3; ++c) columns.emplace_back(values.column(c), 200U);
    const ChannelTree<float> tree(columns, {});
    const AdmitsForQuery even = [](Index q, std::uint32_t s) { return (static_cast<std::uint32_t>(q) + s) % 2 == 0; };
    BOOST_TEST((nearest_batch(tree, queries, 7, even, 2) == nearest_batch(Flat<float>(values), queries, 7, even)));
    BOOST_TEST((nearest_batch(tree, queries, 7) == nearest_batch(Flat<float>(values), queries, 7)));
}

BOOST_AUTO_TEST_CASE(bad_input_is_refused) {
    const auto traced = test::small_traced(count);
    const Batch<float> x = random_batch<float>(3, 2, 5);
    BOOST_TEST(message_of<DataError>([&] { layer_sources(traced, "dense9", x); }) ==
               "retrace: layer: got \"dense9\", expected one of dense1, relu1, dense2, tanh1, dense3");
    BOOST_CHECK_THROW(layer_sources(trace(test::small_net()), "dense1", x), DataError);
    const LayerSearch search(traced, "dense1");
    BOOST_CHECK_THROW(search.sources(x, {.k = -1}), DataError);
    BOOST_CHECK_THROW(search.sources(x, {.ids = {1}}), DataError);
    BOOST_CHECK_THROW(search.sources(random_batch<float>(4, 2, 5)), ShapeError);
    BOOST_CHECK_THROW(search.sources_without_self(x, {}), ShapeError);
}
