// SPDX-License-Identifier: MIT
// labels: long_running
// needs: hnswlib
#define BOOST_TEST_MODULE hnsw
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <renn/index/hnsw.hpp>
#include <renn/retrace/layer_search.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"
#include "support/small_models.hpp"

using namespace renn;
using renn::test::message_of;
using renn::test::random_batch;

static_assert(VectorIndex<Hnsw>);

namespace {

constexpr Metric metrics[] = {Metric::l2, Metric::cosine, Metric::dot};

LayerValues<float> values(Index n, Index width = 12) {
    return LayerValues<float>(BatchView<float>(random_batch<float>(width, n, 3)));
}

std::span<const float> column(const Batch<float>& x, Index q) {
    return {x.col(q).data(), static_cast<std::size_t>(x.rows())};
}

}  // namespace

BOOST_AUTO_TEST_CASE(finds_nearly_all_and_says_how_many) {
    const Batch<float> queries = random_batch<float>(12, 50, 4);
    for (const Metric metric : metrics) {
        const Hnsw narrow(values(2000), {.metric = metric, .m = 4, .ef_construction = 20, .ef = 1});
        const Hnsw wide(values(2000), {.metric = metric, .ef = 400});
        BOOST_TEST(wide.recall(queries, 10) > 0.98);
        BOOST_TEST(narrow.recall(queries, 10) < wide.recall(queries, 10));
        BOOST_TEST(wide.bytes() > 2000 * 12 * sizeof(float));
        const Flat<float> flat(values(2000), {metric});
        const auto exact = flat.nearest_batch(queries, 10);
        const auto found = nearest_batch(wide, queries, 10, {}, 2);
        std::size_t same = 0;
        for (std::size_t q = 0; q < exact.size(); ++q) same += found[q] == exact[q] ? 1U : 0U;
        BOOST_TEST(same > 40U);  // distances to the last bit
    }
}

BOOST_AUTO_TEST_CASE(the_same_graph_from_the_same_values) {
    const Batch<float> queries = random_batch<float>(12, 50, 4);
    const Hnsw::Options options{.m = 3, .ef_construction = 5, .ef = 5};
    const Hnsw one(values(1500), options), two(values(1500), options);
    BOOST_TEST(one.recall(queries, 10) < 1.0);
    for (Index q = 0; q < queries.cols(); ++q) {
        BOOST_TEST((one.nearest(column(queries, q), 10) == two.nearest(column(queries, q), 10)));
    }
}

BOOST_AUTO_TEST_CASE(restrictions_and_edges) {
    const Batch<float> query = random_batch<float>(12, 1, 4);
    for (const Metric metric : metrics) {
        const Hnsw index(values(500), {.metric = metric, .ef = 500});
        const Flat<float> flat(values(500), {metric});
        const Admits few = [](std::uint32_t s) { return s % 50 == 7; };
        BOOST_TEST((index.nearest(column(query, 0), 4, few) == flat.nearest(column(query, 0), 4, few)));
        BOOST_TEST(index.nearest(column(query, 0), 40, few).samples.size() == 10U);
        BOOST_TEST(index.nearest(column(query, 0), 0).samples.empty());
        BOOST_TEST(index.nearest(column(query, 0), 1000).samples.size() == 500U);
        BOOST_TEST(Hnsw(values(0), {.metric = metric}).nearest(column(query, 0), 3).samples.empty());
        BOOST_TEST(Hnsw(values(1), {.metric = metric}).nearest(column(query, 0), 3).samples.size() == 1U);
    }
}

BOOST_AUTO_TEST_CASE(searches_a_layer) {
    const auto traced = test::small_traced(40);
    const Batch<float> x = test::small_data(40).inputs();
    const LayerSearch<std::remove_const_t<decltype(traced)>, Hnsw> search(traced, "relu1", {.ef = 40});
    BOOST_TEST(
        (search.sources(x, {.k = 5, .classes = {0}}) == layer_sources(traced, "relu1", x, {.k = 5, .classes = {0}})));
}

BOOST_AUTO_TEST_CASE(bad_input_is_refused) {
    BOOST_TEST(message_of<DataError>([] { Hnsw(values(5), {.metric = Metric::l1}); }) ==
               "Hnsw: metric: got l1, expected l2, cosine or dot");
    BOOST_CHECK_THROW(Hnsw(values(5), {.m = 1}), DataError);
    BOOST_CHECK_THROW(Hnsw(values(5), {.ef_construction = 0}), DataError);
    BOOST_CHECK_THROW(Hnsw(values(5), {.ef = 0}), DataError);
    const Hnsw index(values(5));
    Batch<float> query = random_batch<float>(12, 1, 4);
    BOOST_CHECK_THROW(index.nearest(column(query, 0), -1), DataError);
    BOOST_CHECK_THROW(index.nearest(column(query, 0).first(3), 1), ShapeError);
    query(3) = std::numeric_limits<float>::quiet_NaN();
    BOOST_CHECK_THROW(index.nearest(column(query, 0), 1), DataError);
}
