// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE split_statistics
#include <algorithm>
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <renn/data/split.hpp>
#include <renn/data/statistics.hpp>
#include <renn/layers/standardize.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"
#include "support/run.hpp"

using renn::DataError;
using renn::Index;
using renn::test::message_of;
using renn::test::random_batch;
using Scalars = boost::mpl::list<float, double>;

namespace {

/// Labels 0, 0, 0, ..., 1, ..., 2, ... as many as given; ids in no order.
renn::Dataset<float> classes_of(const std::vector<Index>& sizes) {
    renn::DatasetDescription<float> more;
    for (std::size_t c = 0; c < sizes.size(); ++c) {
        more.labels.insert(more.labels.end(), static_cast<std::size_t>(sizes[c]), static_cast<std::int32_t>(c));
    }
    const auto n = static_cast<Index>(more.labels.size());
    for (Index i = 0; i < n; ++i) {
        more.ids.push_back(renn::mix(static_cast<std::uint64_t>(i)));
        more.tags.push_back(std::to_string(i));
    }
    more.targets = random_batch<float>(1, n, 2);
    return {random_batch<float>(2, n, 1), more};
}

std::vector<Index> count(const renn::Dataset<float>& d) {
    std::vector<Index> n(static_cast<std::size_t>(d.classes()), 0);
    for (const auto l : d.labels()) ++n[static_cast<std::size_t>(l)];
    return n;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_sample_goes_to_one_part_with_all_that_belongs_to_it) {
    const auto d = classes_of({50, 30, 20, 1});
    for (const bool stratified : {false, true}) {
        for (const double part : {0.0, 0.1, 0.2, 0.333, 0.5, 0.995, 1.0}) {
            const auto s = renn::train_test_split(d, {.test = part, .seed = 4, .stratified = stratified});
            BOOST_TEST(s.test.samples() == static_cast<Index>(std::llround(101 * part)));
            BOOST_TEST(s.train.samples() + s.test.samples() == 101);
            std::vector<int> seen(101, 0);
            for (const auto* half : {&s.train, &s.test}) {
                BOOST_TEST(half->classes() == 4);
                Index last = -1;
                for (Index i = 0; i < half->samples(); ++i) {
                    const Index was = d.position_of(half->id(i));
                    BOOST_TEST(was > last);
                    last = was;
                    ++seen[static_cast<std::size_t>(was)];
                    BOOST_TEST(half->tags()[static_cast<std::size_t>(i)] == std::to_string(was));
                    BOOST_TEST(half->label(i) == d.label(was));
                    BOOST_TEST((half->input(i) == d.input(was) && half->targets()(0, i) == d.targets()(0, was)));
                }
            }
            BOOST_TEST((std::count(seen.begin(), seen.end(), 1) == 101));
            if (!stratified) continue;
            const auto n = count(s.test);
            for (std::size_t c = 0; c < 4; ++c) {
                const double share = double(count(d)[c]) * double(s.test.samples()) / 101.0;
                BOOST_TEST(std::abs(double(n[c]) - share) < 1.0);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(the_seed_decides_and_every_sample_is_as_likely) {
    const auto d = classes_of({10, 10});
    const auto ids = [&](std::uint64_t seed) {
        const auto s = renn::train_test_split(d, {.test = 0.5, .seed = seed});
        return std::vector<std::uint64_t>(s.test.ids().begin(), s.test.ids().end());
    };
    BOOST_TEST((ids(1) == ids(1)));
    BOOST_TEST((ids(1) != ids(2)));
    std::vector<int> drawn(20, 0);
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
        for (const auto id : ids(seed)) ++drawn[static_cast<std::size_t>(d.position_of(id))];
    }
    for (const int n : drawn) BOOST_TEST(std::abs(n - 1000) < 100);
}

BOOST_AUTO_TEST_CASE(impossible_splits) {
    const auto d = classes_of({3});
    for (const double part : {-0.1, 1.1, std::nan("")}) {
        BOOST_TEST(message_of<DataError>([&] {
                       renn::train_test_split(d, {.test = part});
                   }).starts_with("train_test_split: test: got "));
    }
    const renn::Dataset<float> plain(random_batch<float>(2, 5, 1));
    BOOST_TEST(message_of<DataError>([&] { renn::train_test_split(plain, {.stratified = true}); }) ==
               "train_test_split: stratified: got data without labels, expected labels");
    for (const bool stratified : {false, true}) {
        const auto none = renn::train_test_split(renn::Dataset<float>(), {.stratified = stratified});
        BOOST_TEST((none.train.empty() && none.test.empty()));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(statistics_standardise, S, Scalars) {
    renn::Batch<S> x = random_batch<S>(5, 1000, 9);
    x.row(1).array() += S(1000);
    x.row(2).setConstant(S(0.1));
    x.row(3) *= S(1e-6);
    x.row(4).setZero();
    x(4, 999) = S(1);
    const renn::Dataset<S> d(x);
    const auto s = renn::feature_statistics(d);
    BOOST_TEST(s.samples == 1000);
    for (Index i = 0; i < 5; ++i) {
        const renn::Column<double> row = x.row(i).transpose().template cast<double>();
        BOOST_TEST(s.minimum[i] == row.minCoeff());
        BOOST_TEST(s.maximum[i] == row.maxCoeff());
        BOOST_TEST(std::abs(s.mean[i] - row.mean()) <= 1e-13 * (1 + std::abs(row.mean())));
        const double deviation = std::sqrt((row.array() - row.mean()).square().mean());
        BOOST_TEST(std::abs(s.deviation[i] - deviation) <= 1e-12 * (deviation + 1e-3));
    }
    BOOST_TEST((s.constant(2) && !s.constant(4)));
    BOOST_TEST(s.deviation[2] == 0.0);
    BOOST_TEST(s.mean[2] == double(S(0.1)));
    BOOST_TEST(s.template scale<S>()[2] == S(1));

    const renn::Standardize<S> layer(s.template shift<S>(), s.template scale<S>());
    const auto same = renn::Standardize<S>::of(x);
    BOOST_TEST((layer.mean() - same.mean()).cwiseAbs().maxCoeff() <= S(1e-4));
    const renn::Batch<S> y = renn::test::run(layer, x);
    BOOST_TEST(y.row(2).cwiseAbs().maxCoeff() == S(0));
    for (const Index i : {0, 1, 3, 4}) {
        BOOST_TEST(std::abs(y.row(i).template cast<double>().mean()) < 1e-3);
        BOOST_TEST(std::abs(y.row(i).template cast<double>().array().square().mean() - 1.0) < 1e-3);
    }
    for (const Index size : {1, 7, 1000}) {  // whatever the batches are
        const auto again = renn::feature_statistics<S>(renn::batches(d, size));
        BOOST_TEST((again.mean - s.mean).cwiseAbs().maxCoeff() < 1e-11);
        BOOST_TEST((again.deviation - s.deviation).cwiseAbs().maxCoeff() < 1e-11);
    }
    const auto one = renn::feature_statistics(d.first(1));
    for (Index i = 0; i < 5; ++i) BOOST_TEST((one.constant(i) && one.mean[i] == double(x(i, 0))));
    BOOST_TEST(message_of<DataError>([] { renn::feature_statistics(renn::Dataset<S>()); }) ==
               "feature_statistics: samples: got 0, expected 1 or more");
    auto broken = [n = 0](renn::SampleBatch<S>& b) mutable {
        b.inputs = renn::Batch<S>::Constant(2, 3, S(std::nan("")));
        return n++ == 0;
    };
    BOOST_TEST(message_of<DataError>([&] {
                   renn::feature_statistics<S>(broken);
               }).starts_with("feature_statistics: feature 0: got NaN or infinite"));
}
