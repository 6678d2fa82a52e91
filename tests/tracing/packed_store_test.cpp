// SPDX-License-Identifier: MIT
// labels: threads
#define BOOST_TEST_MODULE packed_store
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <renn/activations/sigmoid.hpp>
#include <renn/core/rng.hpp>
#include <renn/index/window.hpp>
#include <renn/retrace/trace.hpp>
#include <renn/tracing/estimate.hpp>
#include <renn/tracing/file_store.hpp>
#include <renn/tracing/packed_store.hpp>
#include <renn/tracing/sorted_store.hpp>
#include <renn/tracing/write_store.hpp>

#include "support/message_of.hpp"
#include "support/scratch_file.hpp"
#include "support/small_models.hpp"

using namespace renn;
using Scalars = boost::mpl::list<float, double>;

namespace {

/// Values of many kinds: far apart, close together, alike, of both signs, the smallest and the largest.
template <class S>
std::vector<S> some_values(std::size_t n, int kind, Rng& rng) {
    std::vector<S> values(n);
    for (S& v : values) {
        const double uniform = rng.uniform(-1.0, 1.0);
        switch (kind) {
            case 0:
                v = static_cast<S>(uniform);
                break;
            case 1:
                v = static_cast<S>(rng.below(7)) - S(3);
                break;
            case 2:
                v = S(-2.5);
                break;
            case 3:
                v = uniform < 0 ? S(0) : static_cast<S>(uniform);
                break;
            case 4:
                v = std::numeric_limits<S>::max() * static_cast<S>(uniform);
                break;
            default:
                v = std::ldexp(static_cast<S>(uniform), -static_cast<int>(rng.below(120)));
                break;
        }
    }
    return values;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(packed_columns_read_as_the_arrays_they_were, S, Scalars) {
    Rng rng(5);
    detail::RadixScratch<S> scratch;
    for (const std::size_t n : std::vector<std::size_t>{0, 1, 2, 63, 64, 65, 128, 1000, 70000}) {
        PackedColumns<S> packed(n);
        std::vector<std::vector<S>> values;
        std::vector<std::vector<std::uint32_t>> orders;
        for (int kind = 0; kind < 6; ++kind) {
            if (n > 1000 && kind > 0) break;
            std::vector<S>& sorted = values.emplace_back(n);
            std::vector<std::uint32_t>& order = orders.emplace_back(n);
            sort_column<S>(some_values<S>(n, kind, rng), {}, sorted.data(), order.data(), scratch);
            packed.add(sorted, order);
        }
        packed.finish();
        for (std::size_t c = 0; c < values.size(); ++c) {
            const PackedColumn<S> column = packed[c];
            BOOST_TEST_REQUIRE(!column.empty());
            const ColumnView<S> plain(values[c].data(), orders[c].data(), n);
            const PackedView<S> view(column.values, column.order, n);
            const typename Sorted::Locator<S> there(plain), here(view, column.levels);
            bool same = true;
            for (std::uint32_t i = 0; i < n; ++i)
                same = same && view.at(i) == plain.at(i) && view.order[i] == plain.order[i];
            for (int t = 0; t < 200; ++t) {
                double query = rng.uniform(-1.2, 1.2);
                if (n > 0 && t % 2 == 0) query = static_cast<double>(values[c][rng.below(n)]);
                if (t == 1) query = 1e39;
                if (t == 3) query = -1e39;
                const std::uint32_t at = there.position(plain, query);
                const Window a = find_window(plain, query, 42, at), b = find_window(view, query, 42, at);
                same = same && here.position(view, query) == at && a.tied_begin == b.tied_begin &&
                       a.closer_begin == b.closer_begin && a.closer_end == b.closer_end && a.tied_end == b.tied_end &&
                       a.boundary == b.boundary;
            }
            BOOST_TEST(same, "size " << n << ", kind " << c);
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_packed_store_answers_the_same_in_fewer_bytes, S, Scalars) {
    const auto traced = test::small_traced<Sorted, S>(4000);
    const auto sorted = trace<Sorted>(traced.network(), SortedStore<S>(traced.store()));
    const auto packed = trace<Sorted>(traced.network(), PackedStore<S>(traced.store()));
    std::vector<S> left, right;
    std::size_t values = 0;
    for (std::uint32_t p = 0; p < traced.store().points.size(); ++p) {
        if (!traced.store().points[p].stored()) continue;
        for (std::uint32_t u = 0; u < traced.store().points[p].units.size(); ++u, values += 4000) {
            BOOST_TEST(
                std::ranges::equal(sorted.store().values({p, u}, 0, left), packed.store().values({p, u}, 0, right)));
        }
    }
    BOOST_TEST(packed.store().value({0, 3}, 0, 77) == traced.store().value({0, 3}, 0, 77));

    const Batch<S> queries = test::random_batch<S>(3, 5, 11);
    const auto same = [&](const RetraceOptions& options) {
        const auto batch = packed.retrace_batch(queries, options, 2);
        for (Index q = 0; q < queries.cols(); ++q) {
            const auto a = sorted.retrace(queries.col(q), options);
            const auto b = packed.retrace(queries.col(q), options);
            BOOST_TEST((a.top(30) == b.top(30) && a.top(30) == batch[static_cast<std::size_t>(q)].top(30)));
            BOOST_TEST((a.evidence() == b.evidence() && a.dense() == b.dense()));
            BOOST_TEST(a.votes(traced.store().ids[9]) == b.votes(traced.store().ids[9]));
            for (std::size_t n = 0; n < a.neurons(); ++n) BOOST_TEST((a.neuron(n) == b.neuron(n)));
        }
    };
    same({.k = 20});
    BOOST_TEST(packed.index().bytes() + packed.store().bytes() <= (sizeof(S) == 4 ? 4.9 : 8.9) * double(values));
    same({.k = 20, .ties = Ties::strict, .post = true});
    same({.k = 20, .pre = false, .post = true, .classes = {1}});
    same({.k = 20, .ties = Ties::lowest_id, .post = true, .without = traced.store().ids[5]});
    same({.k = 5000, .post = true});
    const std::vector<std::uint64_t> ids{traced.store().ids[9], traced.store().ids[3]};
    const auto a = sorted.retrace_recorded(ids, {.k = 3});
    const auto b = packed.retrace_recorded(ids, {.k = 3});
    for (std::size_t q = 0; q < ids.size(); ++q) BOOST_TEST((a[q].top(5) == b[q].top(5)));

    MemoryStore<S> broken = traced.store();
    broken.column(0, 0)[7] = std::numeric_limits<S>::quiet_NaN();
    BOOST_CHECK_THROW(PackedStore<S>(std::move(broken)), DataError);
}

BOOST_AUTO_TEST_CASE(a_network_may_name_its_store_and_record) {
    Network net{Dense<float>(2, 6, 1), Sigmoid<float>{}, Dense<float>(6, 5, 2), ReLU<float>{}, Dense<float>(5, 3, 3)};
    const Dataset<float> data(test::random_batch<float>(2, 900, 1));
    auto plain = trace<Sorted>(net);
    auto packed = trace<Sorted, PackedStore>(net);
    auto sorted = trace<Sorted, SortedStore>(net);
    BOOST_TEST((plain.record(data) && packed.record(data) && sorted.record(data)));
    const Batch<float> queries = test::random_batch<float>(2, 40, 2);
    for (const RetraceOptions& options :
         {RetraceOptions{.k = 12, .post = true}, {.k = 3, .pre = false, .post = true}}) {
        for (Index q = 0; q < queries.cols(); ++q) {
            const auto expected = plain.retrace(queries.col(q), options).dense();
            BOOST_TEST((packed.retrace(queries.col(q), options).dense() == expected));
            BOOST_TEST((sorted.retrace(queries.col(q), options).dense() == expected));
        }
    }
    const RecordingEstimate expected = estimate(net, data);
    const auto levels = [&](auto& traced) { return traced.store().bytes() + 900 * (8 + 4 + 3 * 4); };
    BOOST_TEST(expected.in_sorted_store == levels(sorted));
    BOOST_TEST(expected.in_packed_store > levels(packed));
    BOOST_TEST(expected.in_packed_store < expected.in_sorted_store);
    const test::ScratchFile one, other;
    write_store(one.path, packed);
    write_store(other.path, plain);
    BOOST_TEST(one.read() == other.read());
}
