// SPDX-License-Identifier: MIT
// labels: long_running
#define BOOST_TEST_MODULE window
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include <renn/core/rng.hpp>
#include <renn/index/kd_tree.hpp>
#include <renn/index/sorted.hpp>
#include <renn/index/window.hpp>

#include "support/message_of.hpp"

using renn::ColumnView;
using renn::KdTree;
using renn::Rng;
using renn::Sorted;
using renn::Window;
using renn::test::message_of;
using Scalars = boost::mpl::list<float, double>;
using Positions = std::vector<std::uint32_t>;

namespace {

/// One neuron: its values by position, the ids of the positions, and both sorted as the library does it.
template <class S>
struct Neuron {
    std::vector<S> values;
    std::vector<std::uint64_t> ids;
    std::vector<S> sorted;
    Positions order;
    S slope;

    Neuron(std::vector<S> v, S negative_slope, Rng& rng) : values(std::move(v)), slope(negative_slope) {
        Positions by_id(values.size());
        std::iota(by_id.begin(), by_id.end(), 0U);
        renn::shuffle(by_id, rng);
        ids.resize(values.size());
        std::uint64_t id = 1000;
        for (const std::uint32_t p : by_id) ids[p] = id += 1 + rng.below(1ULL << 40);
        renn::detail::RadixScratch<S> scratch;
        sorted.resize(values.size());
        order.resize(values.size());
        renn::sort_column<S>(values, by_id, sorted.data(), order.data(), scratch);
    }

    ColumnView<S> view() const { return ColumnView<S>(sorted.data(), order.data(), sorted.size(), slope); }
    double value(std::uint32_t p) const {
        volatile S leaked = slope * values[p];  // volatile: rounded before a distance is taken
        return values[p] > S(0) ? values[p] : leaked;
    }
};

/// What section 4 of the method asks for, by sorting everything in the order (distance, id).
struct Expected {
    std::set<std::uint32_t> closer, tied;
    std::size_t places = 0;
    double boundary = 0.0;
};

template <class S, class Admits>
Expected brute_force(const Neuron<S>& neuron, double query, std::size_t k, const Admits& admits) {
    std::vector<std::pair<std::pair<double, std::uint64_t>, std::uint32_t>> all;
    for (std::uint32_t p = 0; p < neuron.values.size(); ++p) {
        if (admits(p)) all.push_back({{std::abs(neuron.value(p) - query), neuron.ids[p]}, p});
    }
    std::sort(all.begin(), all.end());
    Expected e;
    k = std::min(k, all.size());
    if (k == 0) return e;
    e.boundary = all[k - 1].first.first;
    for (const auto& [key, p] : all) {
        if (key.first < e.boundary) e.closer.insert(p);
        if (key.first == e.boundary) e.tied.insert(p);
    }
    e.places = k - e.closer.size();
    return e;
}

/// Compares counts, boundary and the samples behind the ranges; `place` leads from a range to the column.
template <class S, class Admits, class Place>
bool agrees(const Window& w, const Expected& e, const Neuron<S>& neuron, const Admits& admits, const Place& place) {
    const auto samples = [&](std::uint32_t begin, std::uint32_t end, std::set<std::uint32_t>& to) {
        for (std::uint32_t i = begin; i < end; ++i) {
            const std::uint32_t p = neuron.order[place(i)];
            if (admits(p)) to.insert(p);
        }
    };
    std::set<std::uint32_t> closer, tied;
    samples(w.closer_begin, w.closer_end, closer);
    samples(w.tied_begin, w.closer_begin, tied);
    samples(w.closer_end, w.tied_end, tied);
    return w.closer == e.closer.size() && w.tied == e.tied.size() && w.places == e.places && w.boundary == e.boundary &&
           closer == e.closer && tied == e.tied;
}

bool operator==(const Window& a, const Window& b) {
    return a.tied_begin == b.tied_begin && a.closer_begin == b.closer_begin && a.closer_end == b.closer_end &&
           a.tied_end == b.tied_end && a.closer == b.closer && a.tied == b.tied && a.places == b.places &&
           a.boundary == b.boundary;
}

struct Tally {
    int windows = 0, positions_off = 0, policies_differ = 0, off = 0, without_off = 0, among_off = 0;
};

template <class S>
void compare(const Neuron<S>& neuron, const std::vector<double>& queries, Rng& rng, Tally& tally) {
    const ColumnView<S> view = neuron.view();
    const Sorted::Locator<S> sorted(view);
    const KdTree::Locator<S> tree(view);
    const ColumnView<S> raw(view.values, view.order, view.size);  // of the same values, seen through no activation
    const Sorted::Locator<S> plain(raw);
    const KdTree::Locator<S> plain_tree(raw);
    ColumnView<S> counted = view;
    if (view.slope == S(0)) {
        for (std::uint32_t i = 0; i < view.size; ++i) counted.clipped += view.values[i] > S(0) ? 0U : 1U;
    }
    const std::uint32_t n = view.size;
    for (const double q : queries) {
        std::uint32_t below = 0;
        for (std::uint32_t p = 0; p < n; ++p) below += neuron.value(p) < q;
        const std::uint32_t position = sorted.position(view, q);
        tally.positions_off += Sorted::Locator<S>(view, plain).position(view, q) != below;
        tally.positions_off += KdTree::Locator<S>(view, plain_tree).position(view, q) != below;
        tally.positions_off += position != below;
        tally.policies_differ += tree.position(view, q) != position;
        const auto everyone = [](std::uint32_t) { return true; };
        for (const std::uint32_t k : {0U, 1U, 2U, n / 3, n - (n > 0 ? 1U : 0U), n, n + 7}) {
            ++tally.windows;
            const auto whole = [](std::uint32_t i) { return i; };
            const Window w = find_window(view, q, k, position);
            tally.off += !agrees(w, brute_force(neuron, q, k, everyone), neuron, everyone, whole);
            tally.policies_differ += !(find_window(view, q, k, tree.position(view, q)) == w);
            tally.off += !(find_window(counted, q, k, position) == w);

            if (n > 0) {  // without one sample
                const auto hole = static_cast<std::uint32_t>(rng.below(n));
                const std::uint32_t gone = neuron.order[hole];
                const auto others = [gone](std::uint32_t p) { return p != gone; };
                const ColumnView<S> rest = view.without(hole);
                const Window left = find_window(rest, q, k, position - (hole < position ? 1U : 0U));
                tally.without_off += !agrees(left, brute_force(neuron, q, k, others), neuron, everyone,
                                             [&](std::uint32_t i) { return rest.place(i); });
            }
            const std::uint64_t rarity = 1 + rng.below(6);  // from all to about a sixth, now and then none
            const std::uint64_t salt = rng.bits();
            const auto some = [=](std::uint32_t p) { return renn::mix(salt, p) % rarity == 0 && rarity != 6; };
            const Window among = find_window_among(view, q, k, position, some);
            tally.among_off += !agrees(among, brute_force(neuron, q, k, some), neuron, some, whole);
        }
    }
}

template <class S>
std::vector<S> values_of_kind(int kind, std::size_t n, Rng& rng) {
    using Limits = std::numeric_limits<S>;
    const std::vector<S> extreme{
        Limits::max(), Limits::lowest(), Limits::max() / 2,    Limits::denorm_min(), -Limits::min(),
        S(0),          S(-0.0),          -Limits::denorm_min()};
    std::vector<S> v(n);
    for (S& x : v) {
        switch (kind) {
            case 0:
                x = static_cast<S>(rng.normal());
                break;
            case 1:
                x = S(0.75);
                break;  // all equal
            case 2:
                x = static_cast<S>(static_cast<int>(rng.below(7)) - 3);
                break;  // few distinct values
            case 3:
                x = rng.below(2) == 0 ? S(0) : S(-0.0);
                break;
            case 4:
                x = static_cast<S>(rng.below(2) == 0 ? 0.0 : rng.normal());
                break;
            default:
                x = extreme[rng.below(extreme.size())];
        }
    }
    return v;
}

template <class S>
std::vector<double> queries_for(const Neuron<S>& neuron, Rng& rng) {
    // 1e17 and 1e-20 round many small distances to one number, on one side of the query or on both.
    std::vector<double> q{0.0,
                          -0.0,
                          0.5,
                          -1.0,
                          1e17,
                          -1e17,
                          1e-20,
                          -1e-20,
                          std::numeric_limits<S>::max(),
                          std::numeric_limits<S>::denorm_min()};
    for (int i = 0; i < 6 && !neuron.values.empty(); ++i) {
        const double stored = neuron.value(static_cast<std::uint32_t>(rng.below(neuron.values.size())));
        q.push_back(stored);
        q.push_back(static_cast<double>(std::nextafter(static_cast<S>(stored), S(0))));
        q.push_back(static_cast<double>(static_cast<S>(rng.normal())));
    }
    return q;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(both_policies_find_what_sorting_by_distance_and_id_finds, S, Scalars) {
    Rng rng(11);
    for (int kind = 0; kind < 6; ++kind) {
        for (const S slope : {S(1), S(0), S(0.01)}) {  // as recorded, behind a ReLU, behind a LeakyReLU
            Tally tally;
            for (const std::size_t n : {0u, 1u, 2u, 3u, 10u, 63u, 64u, 65u, 150u}) {
                const Neuron<S> neuron(values_of_kind<S>(kind, n, rng), slope, rng);
                compare(neuron, queries_for(neuron, rng), rng, tally);
            }
            BOOST_TEST_CONTEXT("kind " << kind << ", slope " << slope) {
                BOOST_TEST(tally.windows > 1000);
                BOOST_TEST(tally.positions_off == 0);
                BOOST_TEST(tally.policies_differ == 0);
                BOOST_TEST(tally.off == 0);
                BOOST_TEST(tally.without_off == 0);
                BOOST_TEST(tally.among_off == 0);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(large_columns_have_the_positions_of_a_binary_search, S, Scalars) {
    Rng rng(21);
    for (const std::uint32_t n : {1023U, 1024U, 4095U, 4096U, 4097U, 12345U, 65535U, 65536U, 1100000U}) {
        std::vector<S> values(n);
        for (S& v : values) v = static_cast<S>(std::round(rng.normal() * 5000) / 1000);
        std::sort(values.begin(), values.end());
        std::vector<std::uint32_t> order(n);
        std::iota(order.begin(), order.end(), 0U);
        const ColumnView<S> view(values.data(), order.data(), n);
        const std::vector<S> levels = Sorted::levels(view);
        BOOST_TEST(levels.size() == renn::SearchLevels(n).values());
        BOOST_TEST(levels.size() <= n / 59 + 128);
        const Sorted::Locator<S> sorted(view, std::span<const S>(levels));
        BOOST_TEST(sorted.bytes() == 0u);
        int off = 0;
        for (int i = 0; i < 400; ++i) {
            const double any = rng.normal() * 6;
            const double query = i % 2 == 0 ? any : static_cast<double>(values[rng.below(n)]);
            const auto least = std::lower_bound(values.begin(), values.end(), query,
                                                [](S v, double q) { return static_cast<double>(v) < q; });
            off += sorted.position(view, query) != static_cast<std::uint32_t>(least - values.begin()) ? 1 : 0;
        }
        BOOST_TEST(off == 0, n << " values");
        BOOST_TEST(sorted.position(view, -100.0) == 0U);
        BOOST_TEST(sorted.position(view, 100.0) == n);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(values_on_both_sides_at_one_rounded_distance_tie, S, Scalars) {
    Rng rng(12);
    const Neuron<S> neuron({S(-1), S(1), S(-1), S(2), S(0.5)}, S(1), rng);
    const ColumnView<S> view = neuron.view();
    const double query = 1e-20;  // nearer to 1 than to -1, but both distances round to 1
    const Window w = find_window(view, query, 2, Sorted::Locator<S>(view).position(view, query));
    BOOST_TEST(w.boundary == 1.0);
    BOOST_TEST(w.closer == 1u);
    BOOST_TEST(w.tied == 3u);
    BOOST_TEST(w.places == 1u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_distance_is_rounded_once_from_the_rounded_activation, S, Scalars) {
    // slope * value rounds, then the difference: fused into one rounding, a stored value would not meet itself.
    Rng rng(13);
    std::vector<S> values(500);
    for (S& v : values) v = static_cast<S>(rng.normal());
    const S slope = S(0.3);
    const Neuron<S> neuron(values, slope, rng);
    const ColumnView<S> view = neuron.view();
    int off = 0;
    for (std::uint32_t i = 0; i < view.size; ++i) {
        const S stored = neuron.sorted[i];
        volatile S leaked = slope * stored;
        off += view.distance(i, static_cast<double>(stored > S(0) ? stored : leaked)) != 0.0;
    }
    BOOST_TEST(off == 0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(values_that_are_not_finite_are_refused, S, Scalars) {
    using Limits = std::numeric_limits<S>;
    renn::detail::RadixScratch<S> scratch;
    const auto refusal = [&](std::vector<S> v) {
        std::vector<S> sorted(v.size());
        Positions order(v.size());
        return message_of<renn::DataError>([&] { renn::sort_column<S>(v, {}, sorted.data(), order.data(), scratch); });
    };
    BOOST_TEST(refusal({1, 2, Limits::quiet_NaN(), 3}) ==
               "index: value at position 2: got nan, expected a finite value");
    BOOST_TEST(refusal({-Limits::infinity(), 2}) == "index: value at position 0: got -inf, expected a finite value");
    std::vector<S> many(2000, S(1));
    many[1234] = Limits::infinity();
    BOOST_TEST(refusal(many) == "index: value at position 1234: got inf, expected a finite value");
    many[1234] = std::copysign(Limits::quiet_NaN(), S(-1));
    BOOST_TEST(refusal(many) == "index: value at position 1234: got -nan, expected a finite value");
    BOOST_TEST(refusal({}) == "no error");
}
