// SPDX-License-Identifier: MIT
// How much sources are worth: evidence alone, rank after rank, and against retraining.
#define BOOST_TEST_MODULE evidence
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <renn/core/rng.hpp>
#include <renn/evaluation/evidence_quality.hpp>
#include <renn/evaluation/linear_datamodelling.hpp>
#include <renn/evaluation/source_curve.hpp>
#include <renn/retrace/support.hpp>
#include <renn/retrace/trace.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"
#include "support/small_models.hpp"

using renn::Batch;
using renn::DataError;
using renn::Dataset;
using renn::Index;
using renn::linear_datamodelling_score;
using renn::RetraceOptions;
using renn::ShapeError;
using renn::Sorted;
using renn::Source;
using renn::test::message_of;
using renn::test::random_batch;
using renn::test::small_data;
using renn::test::small_net;
using renn::test::small_traced;
using Subsets = std::vector<std::vector<Index>>;

namespace tt = boost::test_tools;

namespace {

Subsets halves(Index samples, int count, std::uint64_t seed) {
    renn::Rng rng(seed);
    Subsets subsets;
    for (int m = 0; m < count; ++m) {
        std::vector<Index> all(static_cast<std::size_t>(samples));
        std::iota(all.begin(), all.end(), Index{0});
        renn::shuffle(all, rng);
        all.resize(all.size() / 2);
        subsets.push_back(all);
    }
    return subsets;
}

Batch<double> sums(const Batch<double>& scores, const Subsets& subsets) {
    Batch<double> sum = Batch<double>::Zero(static_cast<Index>(subsets.size()), scores.cols());
    for (std::size_t m = 0; m < subsets.size(); ++m) {
        for (const Index s : subsets[m]) sum.row(static_cast<Index>(m)) += scores.row(s);
    }
    return sum;
}

Dataset<float> queries() {
    std::vector<std::int32_t> labels;
    for (int i = 0; i < 30; ++i) labels.push_back(i % 2);
    return Dataset<float>(random_batch<float>(3, 30, 11), {.labels = labels});
}

}  // namespace

BOOST_AUTO_TEST_CASE(scores_that_outputs_are_made_of_foretell_them) {
    const Subsets subsets = halves(40, 30, 1);
    const Batch<double> scores = random_batch<double>(40, 6, 2);
    const auto planted = linear_datamodelling_score(scores, subsets, sums(scores, subsets));
    BOOST_TEST(planted.mean == 1.0, tt::tolerance(1e-12));
    BOOST_TEST(planted.undefined == 0U);
    BOOST_TEST(planted.standard_error == 0.0, tt::tolerance(1e-6));
    const Batch<double> steeper = sums(scores, subsets).array().exp();  // an order is all that counts
    BOOST_TEST(linear_datamodelling_score(scores, subsets, steeper).mean == 1.0, tt::tolerance(1e-12));
    BOOST_TEST(linear_datamodelling_score(-scores, subsets, steeper).mean == -1.0, tt::tolerance(1e-12));
    const auto chance = linear_datamodelling_score(random_batch<double>(40, 200, 5), halves(40, 100, 6),
                                                   random_batch<double>(100, 200, 7));
    BOOST_TEST(std::abs(chance.mean) < 4 * chance.standard_error);
    BOOST_TEST(chance.standard_error == 0.1 / std::sqrt(200.0), tt::tolerance(0.2));
}

BOOST_AUTO_TEST_CASE(equal_sums_tie_and_a_constant_score_is_no_number) {
    const Subsets subsets = halves(20, 8, 3);
    Batch<double> scores = random_batch<double>(20, 2, 4);
    scores.col(0).setConstant(0.1);  // sums that rounding parts
    const auto result = linear_datamodelling_score(scores, subsets, random_batch<double>(8, 2, 5));
    BOOST_TEST(std::isnan(result.per_query[0]));
    BOOST_TEST(result.undefined == 1U);
    BOOST_TEST(result.mean == result.per_query[1]);
    BOOST_TEST(std::isnan(result.standard_error));
}

BOOST_AUTO_TEST_CASE(evidence_quality_counts_judgements) {
    const auto traced = small_traced<Sorted>();
    const Dataset<float> data = queries();
    const RetraceOptions options{.k = 7, .post = true};
    const auto table = evidence_quality(traced, data, options);
    const auto answers = traced.retrace_batch(data.inputs(), options);
    BOOST_TEST_REQUIRE(table.size() == 1 + answers[0].layers().size());
    for (std::size_t row = 0; row < table.size(); ++row) {
        double right = 0, agree = 0;
        for (std::size_t q = 0; q < answers.size(); ++q) {
            const auto c = row == 0 ? answers[q].evidence_class() : answers[q].layer(row - 1).evidence_class();
            right += c == data.label(static_cast<Index>(q));
            agree += c == answers[q].prediction();
        }
        BOOST_TEST(table[row].layer == (row == 0 ? "" : answers[0].layers()[row - 1]));
        BOOST_TEST(table[row].accuracy == right / 30);
        BOOST_TEST(table[row].agreement == agree / 30);
        BOOST_TEST(table[row].silent == 0.0);
    }
    BOOST_TEST((table == evidence_quality(traced, data, options, 3)));
    const auto nobody = evidence_quality(traced, data, {.k = 0});
    BOOST_TEST(nobody[0].silent == 1.0);
    BOOST_TEST(nobody[0].accuracy == 0.0);
}

BOOST_AUTO_TEST_CASE(a_source_curve_ends_where_evidence_is) {
    const auto traced = small_traced<Sorted>();
    const Dataset<float> data = queries();
    const RetraceOptions options{.k = 5, .post = true};
    const auto curve = source_curve(traced, data, 40, options);
    const auto whole = evidence_quality(traced, data, options).front();
    BOOST_TEST(std::accumulate(curve.share.begin(), curve.share.end(), 0.0) == 1.0, tt::tolerance(1e-9));
    BOOST_TEST(std::is_sorted(curve.share.rbegin(), curve.share.rend()));
    BOOST_TEST(curve.accuracy.back() == whole.accuracy);
    BOOST_TEST(curve.agreement.back() == whole.agreement);
    BOOST_TEST(curve.beyond.back() == 0.0);  // nothing is left
    double same = 0, beyond = 0;
    for (Index q = 0; q < data.samples(); ++q) {
        const auto answer = traced.retrace(data.input(q), options);
        const auto sources = answer.top(40);
        same += sources[2].label == answer.prediction();
        double rest[2] = {};
        for (std::size_t r = 3; r < sources.size(); ++r) rest[sources[r].label] += sources[r].votes;
        beyond += (rest[1] > rest[0] ? 1 : 0) == data.label(q);
    }
    BOOST_TEST(curve.same[2] == same / 30);
    BOOST_TEST(curve.beyond[2] == beyond / 30);
    const auto shorter = source_curve(traced, data, 3, options);
    BOOST_TEST(shorter.beyond[2] == curve.beyond[2]);
    BOOST_TEST(shorter.share[1] == curve.share[1]);
}

BOOST_AUTO_TEST_CASE(support_is_votes_with_a_sign) {
    const auto traced = small_traced<Sorted>();
    const auto answer = traced.retrace(queries().input(4), {.k = 6, .post = true});
    const auto votes = answer.dense(), for_0 = support(answer, 0), for_1 = support(answer, 1);
    for (std::size_t s = 0; s < votes.size(); ++s) {
        const bool first = answer.store().labels[s] == 0;
        BOOST_TEST(for_0[s] == (first ? votes[s] : -votes[s]));
        BOOST_TEST(for_1[s] == -for_0[s]);  // of two classes
    }
    const double balance = std::accumulate(for_0.begin(), for_0.end(), 0.0) / answer.total();
    BOOST_TEST(balance == answer.evidence()[0] - answer.evidence()[1], tt::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(bad_input_is_named) {
    const auto traced = small_traced<Sorted>();
    const Batch<double> scores = Batch<double>::Zero(4, 2), outputs = Batch<double>::Zero(2, 2);
    const auto lds = [&](const Batch<double>& s, const Subsets& subsets, const Batch<double>& o) {
        return message_of<renn::Error>([&] { linear_datamodelling_score(s, subsets, o); });
    };
    BOOST_TEST(lds(scores, {{0}}, outputs).find("subsets") != std::string::npos);
    BOOST_TEST(lds(scores, {{0}, {4}}, outputs).find("position in a subset: got 4, expected 0..3") !=
               std::string::npos);
    BOOST_TEST(lds(scores, {{0}, {1}, {2}}, outputs).find("3 x 2, subsets x queries") != std::string::npos);
    BOOST_TEST(lds(scores.array() / 0.0, {{0}, {1}}, outputs).find("scores") != std::string::npos);
    const Dataset<float> unlabelled(random_batch<float>(3, 4, 1));
    const auto none = queries().first(0);
    BOOST_TEST(message_of<DataError>([&] { evidence_quality(traced, unlabelled); }).find("labels: got none") !=
               std::string::npos);
    BOOST_TEST(message_of<DataError>([&] { evidence_quality(traced, none); }).find("samples: got 0") !=
               std::string::npos);
    BOOST_TEST(message_of<DataError>([&] { source_curve(traced, queries(), 0); }).find("ranks: got 0") !=
               std::string::npos);
    const auto answer = traced.retrace(queries().input(0));
    BOOST_TEST(message_of<DataError>([&] { support(answer, 2); }).find("class: got 2, expected 0..1") !=
               std::string::npos);
    auto silent = renn::trace<Sorted>(small_net());
    silent.record(unlabelled);
    const auto without = silent.retrace(queries().input(0));
    BOOST_TEST(message_of<DataError>([&] { support(without, 0); }).find("labels: got none recorded") !=
               std::string::npos);
}
