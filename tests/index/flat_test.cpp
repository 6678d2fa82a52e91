// SPDX-License-Identifier: MIT
// labels: long_running threads
#define BOOST_TEST_MODULE flat
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <renn/core/rng.hpp>
#include <renn/index/flat.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using namespace renn;
using renn::test::message_of;
using renn::test::random_batch;
using Scalars = boost::mpl::list<float, double>;

namespace {

constexpr Metric metrics[] = {Metric::l2, Metric::l1, Metric::linf, Metric::cosine, Metric::dot};

double distance(Metric metric, const Eigen::VectorXd& a, const Eigen::VectorXd& b) {
    const Eigen::ArrayXd apart = (a - b).array().abs();
    if (a.size() == 0) return metric == Metric::cosine ? 1.0 : 0.0;
    if (metric == Metric::l2) return std::sqrt(apart.square().sum());
    if (metric == Metric::l1) return apart.sum();
    if (metric == Metric::linf) return apart.maxCoeff();
    if (metric == Metric::dot) return 0.0 - a.dot(b);
    const double both = a.squaredNorm() * b.squaredNorm();
    const double norms = std::isnormal(both) ? std::sqrt(both) : a.norm() * b.norm();
    return norms == 0.0 ? 1.0 : 1.0 - std::clamp(a.dot(b) / norms, -1.0, 1.0);
}

/// By sorting everything in the order (distance, position).
template <class S>
NearestSamples brute_force(const Batch<S>& x, const Batch<S>& query, Metric metric, std::int64_t k,
                           const Admits& admits = {}) {
    std::vector<detail::Measured> all;
    for (Index s = 0; s < x.cols(); ++s) {
        if (admits && !admits(static_cast<std::uint32_t>(s))) continue;
        all.push_back({distance(metric, x.col(s).template cast<double>(), query.template cast<double>()),
                       static_cast<std::uint32_t>(s)});
    }
    std::sort(all.begin(), all.end());
    NearestSamples found;
    if (k == 0 || all.empty()) return found;
    found.boundary = all[static_cast<std::size_t>(std::min<std::int64_t>(k, std::ssize(all)) - 1)].distance;
    for (const auto& [far, sample] : all) {
        if (far > found.boundary) break;
        found.samples.push_back(sample);
        found.distances.push_back(far);
        found.closer += far < found.boundary ? 1U : 0U;
    }
    return found;
}

template <class S>
Flat<S> flat(const Batch<S>& x, Metric metric) {
    return Flat<S>(LayerValues<S>(BatchView<S>(x)), {.metric = metric});
}

template <class S>
std::span<const S> span_of(const Batch<S>& column) {
    return {column.data(), static_cast<std::size_t>(column.size())};
}

/// Small whole numbers: sums are exact in every order, and thousands of distances are the same.
template <class S>
Batch<S> whole_numbers(Index rows, Index cols, std::uint64_t seed) {
    Rng rng(seed);
    return Batch<S>::NullaryExpr(rows, cols, [&](Index, Index) { return S(int(rng.below(5)) - 2); });
}

/// The same answer alone and together, on any number of threads; returns it.
template <class S>
std::vector<NearestSamples> every_way(const Flat<S>& index, const Batch<S>& queries, std::int64_t k,
                                      const AdmitsForQuery& admits) {
    const auto found = index.nearest_batch(queries, k, admits);
    for (const int threads : {2, 3, 8}) BOOST_TEST((index.nearest_batch(queries, k, admits, threads) == found));
    for (const Index some : {1, 3, 7}) {
        for (Index q = 0; q < queries.cols(); q += 1 + queries.cols() / 3) {
            const Index count = std::min(some, queries.cols() - q);
            AdmitsForQuery shifted;
            if (admits) shifted = [&](Index i, std::uint32_t sample) { return admits(q + i, sample); };
            const auto part = index.nearest_batch(queries.middleCols(q, count), k, shifted, some == 1 ? 4 : 1);
            for (std::size_t i = 0; i < part.size(); ++i)
                BOOST_TEST((part[i] == found[static_cast<std::size_t>(q) + i]));
        }
    }
    return found;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(ties_and_restrictions_are_exact, S, Scalars) {
    Rng rng(3);
    for (const Metric metric : metrics) {
        for (const Index n : {1, 5, 2100}) {
            const Index width = 1 + static_cast<Index>(rng.below(9));
            const Batch<S> x = whole_numbers<S>(width, n, rng.below(1000)), queries = whole_numbers<S>(width, 9, 77);
            const auto index = flat(x, metric);
            const auto odd = [](Index q, std::uint32_t s) { return (s + static_cast<std::uint32_t>(q)) % 3 == 1; };
            for (const std::int64_t k : {0, 1, 42, 10000}) {
                const auto found = every_way(index, queries, k, odd);
                for (Index q = 0; q < queries.cols(); ++q) {
                    const auto expected =
                        brute_force<S>(x, queries.col(q), metric, k, [&](std::uint32_t s) { return odd(q, s); });
                    BOOST_TEST((found[static_cast<std::size_t>(q)] == expected),
                               metric_name(metric) << " n " << n << " k " << k << " width " << width);
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(values_of_any_size_are_exact, S, Scalars) {
    struct Kind {
        double offset, spread;
        Index width;
    };
    const double large = std::is_same_v<S, float> ? 1e30 : 1e140;
    for (const Kind kind :
         {Kind{0, 1, 37}, {1000, 1e-2, 20}, {0, 1e-30, 8}, {0, large, 5}, {-3, 1, 1}, {1, 0.1, 300}}) {
        Batch<S> x = random_batch<S>(kind.width, 600, 5), queries = random_batch<S>(kind.width, 260, 6);
        for (Batch<S>* batch : {&x, &queries}) {
            *batch = (batch->array() * S(kind.spread) + S(kind.offset)).matrix().eval();
        }
        x.col(7).setZero();
        x.col(590) = x.col(3);
        queries.col(0) = x.col(3);
        queries.col(1).setZero();
        for (const Metric metric : metrics) {
            const auto found = every_way(flat(x, metric), queries, 10, {});
            for (Index q = 0; q < queries.cols(); q += q < 2 ? 1 : 31) {
                const auto expected = brute_force<S>(x, queries.col(q), metric, 10);
                const auto& answer = found[static_cast<std::size_t>(q)];
                // The brute force rounds otherwise: close distances may change places, and ties by rounding split.
                BOOST_TEST(answer.samples.size() >= 10U);
                for (std::size_t i = 0; i < 10; ++i) {
                    const double size = metric == Metric::cosine ? 1.0
                                        : metric == Metric::dot  ? std::abs(expected.distances[0])
                                                                 : expected.distances[i];
                    BOOST_TEST(std::abs(answer.distances[i] - expected.distances[i]) <= 1e-12 * size,
                               metric_name(metric) << " " << kind.offset << " " << kind.spread << " query " << q);
                }
            }
            const auto& self = found.front();
            if (metric == Metric::dot || (metric == Metric::cosine && kind.width == 1)) continue;
            BOOST_TEST(self.samples[0] == 3U);
            BOOST_TEST(self.samples[1] == 590U);
            BOOST_TEST(self.distances[0] == 0.0);
            BOOST_TEST(self.distances[1] == 0.0);
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(wide_layers_are_exact_however_much_a_sketch_excludes, S, Scalars) {
    constexpr Index width = 80, n = 2100;
    const double large = std::is_same_v<S, float> ? 1e17 : 1e140;
    const auto along_few = [](std::uint64_t seed) {  // five directions
        const Batch<S> five = whole_numbers<S>(5, n, seed);
        return Batch<S>::NullaryExpr(width, n, [five](Index d, Index i) { return five(d % 5, i); });
    };
    for (const Metric metric : {Metric::l2, Metric::cosine, Metric::dot}) {
        for (const Batch<S>& x :
             {Batch<S>(along_few(1)), whole_numbers<S>(width, n, 2), Batch<S>(Batch<S>::Ones(width, n))}) {
            const Batch<S> queries = x.leftCols(9) + whole_numbers<S>(width, 9, 3);
            const auto found = every_way(flat(x, metric), queries, 42, {});
            for (Index q = 0; q < queries.cols(); ++q) {
                BOOST_TEST((found[static_cast<std::size_t>(q)] == brute_force<S>(x, queries.col(q), metric, 42)),
                           metric_name(metric) << " query " << q);
            }
        }
        for (const auto& [offset, spread] : {std::pair{0.0, 1.0}, {1000.0, 1e-2}, {0.0, 1e-30}, {0.0, large}}) {
            const Batch<S> mix = random_batch<S>(width, 6, 4), places = random_batch<S>(6, n, 5);
            const Batch<S> x = ((mix * places).array() * S(spread) + S(offset)).matrix();
            const Batch<S> queries = (x.leftCols(5) + x.rightCols(5)) / S(2);
            const auto found = every_way(flat(x, metric), queries, 10, {});
            for (Index q = 0; q < queries.cols(); ++q) {
                const auto expected = brute_force<S>(x, queries.col(q), metric, 10);
                for (std::size_t i = 0; i < 10; ++i) {
                    const double size = metric == Metric::cosine ? 1.0
                                        : metric == Metric::dot  ? std::abs(expected.distances[0])
                                                                 : expected.distances[i];
                    BOOST_TEST(std::abs(found[static_cast<std::size_t>(q)].distances[i] - expected.distances[i]) <=
                                   1e-12 * size,
                               metric_name(metric) << " " << offset << " " << spread << " query " << q);
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(zeros_have_no_angle, S, Scalars) {
    Batch<S> x = Batch<S>::Zero(3, 4), query = Batch<S>::Zero(3, 1);
    x(0, 2) = S(2);
    x(0, 3) = S(-2);
    const auto index = flat(x, Metric::cosine);
    BOOST_TEST(index.nearest(span_of(query), 1).samples.size() == 4U);
    BOOST_TEST(index.nearest(span_of(query), 1).boundary == 1.0);
    query(0) = S(1);
    const auto found = index.nearest(span_of(query), 2);
    BOOST_TEST(found.samples == (std::vector<std::uint32_t>{2, 0, 1}), boost::test_tools::per_element());
    BOOST_TEST(found.closer == 1U);
    BOOST_TEST(index.nearest(span_of(query), 4).distances.back() == 2.0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(nothing_recorded_and_no_width, S, Scalars) {
    for (const Metric metric : metrics) {
        const Batch<S> none(3, 0), flatland(0, 5), query = Batch<S>::Ones(3, 1);
        BOOST_TEST(flat(none, metric).nearest(span_of(query), 3).samples.empty());
        const auto all = flat(flatland, metric).nearest({}, 2);
        BOOST_TEST(all.samples.size() == 5U);
        BOOST_TEST(all.boundary == (metric == Metric::cosine ? 1.0 : 0.0));
        BOOST_TEST(flat(none, metric).nearest_batch(Batch<S>(3, 0), 3).empty());
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(bad_input_is_refused, S, Scalars) {
    Batch<S> x = random_batch<S>(4, 6, 1), query = x.col(0);
    const auto index = flat(x, Metric::l2);
    BOOST_TEST(message_of<DataError>([&] { index.nearest(span_of(query), -1); }) ==
               "Flat::nearest: k: got -1, expected 0 or more");
    BOOST_TEST(message_of<ShapeError>([&] { index.nearest(span_of(query).first(3), 1); }) ==
               "Flat::nearest: query: got 3 x 1, expected 4 x 1, the width of the layer");
    for (const S bad : {std::numeric_limits<S>::quiet_NaN(), std::numeric_limits<S>::infinity()}) {
        query(2) = bad;
        BOOST_CHECK_THROW(index.nearest(span_of(query), 1), DataError);
        Batch<S> damaged = x;
        damaged(1, 5) = bad;
        for (const Metric metric : metrics) BOOST_CHECK_THROW(flat(damaged, metric), DataError);
    }
}
