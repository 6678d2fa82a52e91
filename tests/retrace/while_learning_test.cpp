// SPDX-License-Identifier: MIT
// Sources while a network learns, and the samples that are proposed where it fails.
#define BOOST_TEST_MODULE while_learning
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include <renn/retrace/augmentation.hpp>
#include <renn/retrace/source_history.hpp>
#include <renn/retrace/trace.hpp>
#include <renn/training/fit.hpp>

#include "support/message_of.hpp"
#include "support/small_models.hpp"

using renn::Batch;
using renn::DataError;
using renn::Dataset;
using renn::Index;
using renn::Source;
using renn::test::message_of;
using Net = renn::test::SmallNet<float>;
using History = renn::SourceHistory<Net>;

BOOST_AUTO_TEST_CASE(a_history_is_the_retraces_of_each_epoch) {
    const auto data = renn::test::small_data<float>(60);
    const std::vector<std::uint64_t> ids{data.id(5), data.id(40)};
    const renn::HistoryOptions options{.retrace = {.k = 6}, .sources = 8, .keep_recordings = true};
    Net net = renn::test::small_net<float>();
    History history(data, ids, options);
    const Batch<float> query = renn::test::random_batch<float>(3, 1, 11);
    History other(data, query, {.retrace = {.k = 6}});
    history.add(net, 0);
    fit(net, data, {.epochs = 3, .on_epoch = [&](const renn::Epoch& e) {
                        other.add(net, e.number);
                        return history.observer(net)(e);
                    }});
    BOOST_TEST(history.entries().size() == 4U);
    BOOST_TEST(history.recordings().size() == 4U);
    BOOST_TEST(other.recordings().empty());
    BOOST_TEST(history.entries()[3].epoch == 3);

    auto traced = renn::trace<renn::Sorted>(net);
    traced.record(data);
    const auto answers = traced.retrace_recorded(ids, options.retrace);
    for (std::size_t i = 0; i < 2; ++i) {
        const auto& sample = history.entries()[3].samples[i];
        BOOST_TEST((sample.sources == answers[i].top(8)));
        BOOST_TEST(sample.prediction == answers[i].prediction());
        BOOST_TEST(sample.evidence == answers[i].evidence(), boost::test_tools::per_element());
        for (const Source& s : sample.sources) BOOST_TEST(s.id != ids[i]);
        const auto overlap = history.overlap(i);
        BOOST_TEST(overlap.size() == 3U);
        for (const double part : overlap) BOOST_TEST((part >= 0.0 && part <= 1.0));
    }
    BOOST_TEST((other.entries()[2].samples[0].sources == traced.retrace(query, {.k = 6}).top(50)));
    History listed(data, {data.id(5), data.id(40)}, options);
    listed.add(net, 3);
    BOOST_TEST((listed.entries()[0] == history.entries()[3]));
    BOOST_TEST((history.recordings()[3].retrace(query, {.k = 6}).top(9) == traced.retrace(query, {.k = 6}).top(9)));

    const std::vector<Source> a{{1, 2.0}, {2, 1.0}}, b{{2, 5.0}, {7, 1.0}, {8, 1.0}, {9, 1.0}};
    BOOST_TEST(renn::source_overlap(a, b) == 0.25);
    BOOST_TEST(renn::source_overlap(a, a) == 1.0);
    BOOST_TEST(renn::source_overlap({}, {}) == 1.0);
    BOOST_TEST(message_of<DataError>([&] { History(data, {}); }) ==
               "SourceHistory: samples to follow: got 0, expected 1 or more");
    BOOST_TEST(message_of<DataError>([&] { History(data, {4}); }) == "Dataset::position_of: no sample has id 4");
    BOOST_TEST(message_of<DataError>([&] { History(data, query, {.sources = 0}); }) ==
               "SourceHistory: sources: got 0, expected 1 or more");
    BOOST_TEST(message_of<DataError>([&] { history.overlap(2); }) ==
               "SourceHistory::overlap: sample: got 2, expected below 2");
}

BOOST_AUTO_TEST_CASE(proposals_are_doubtful_blends_with_their_origin) {
    const auto training = renn::test::small_data<float>(60);
    const auto traced = renn::test::small_traced<renn::Sorted>(60);
    const Dataset<float> queries(renn::test::random_batch<float>(3, 300, 21),
                                 {.labels = std::vector<std::int32_t>(300, 1)});
    const auto wrong = misclassified(traced, queries);
    BOOST_TEST_REQUIRE(!wrong.empty());
    for (const Index q : wrong) {
        BOOST_TEST(renn::predicted_class(traced.network().predict(queries.input(q)).col(0)) == 0);
    }
    const renn::AugmentOptions options{.retrace = {.k = 6}, .sources = 4, .certainty = 0.01};
    const auto more = propose_samples(traced, training, queries, wrong, options);
    BOOST_TEST(more.proposals.size() + more.refused == wrong.size());
    BOOST_TEST_REQUIRE(!more.proposals.empty());
    BOOST_TEST(more.refused > 0U);
    BOOST_TEST(more.data.samples() == std::ssize(more.proposals));
    BOOST_TEST(more.data.classes() == 2);
    for (Index i = 0; i < more.data.samples(); ++i) {
        const renn::Proposal& p = more.proposals[static_cast<std::size_t>(i)];
        BOOST_TEST(p.id == 1000000000001U + static_cast<std::uint64_t>(i));
        BOOST_TEST(p.id == more.data.id(i));
        const auto sources = traced.retrace(queries.input_of(p.query), options.retrace).top(4);
        BOOST_TEST((more.data.input(i) == renn::blend(sources, training)));
        const auto judged = judge(traced.retrace(more.data.input(i), options.retrace));
        BOOST_TEST((judged.certainty == p.certainty && p.certainty < 0.01));
        BOOST_TEST((judged.evidence == p.evidence && judged.evidence_class == more.data.label(i)));
    }
    const renn::Familiarity familiarity(traced, training, {.retrace = {.k = 6}});
    const auto far = unfamiliar(traced, queries, familiarity, 0.05, {.k = 6});
    for (const Index q : far) BOOST_TEST(familiarity(traced.retrace(queries.input(q), {.k = 6})) < 0.05);
    const auto none = propose_samples(traced, training, queries, wrong, {.certainty = 0.0});
    BOOST_TEST(none.data.empty());
    BOOST_TEST(none.refused == wrong.size());

    const Dataset<float> unlabelled(queries.values());
    BOOST_TEST(message_of<DataError>([&] { propose_samples(traced, training, queries, {}); }) ==
               "propose_samples: queries chosen: got 0, expected 1 or more");
    BOOST_TEST(message_of<DataError>([&] { propose_samples(traced, training, queries, wrong, {.sources = 0}); }) ==
               "propose_samples: sources: got 0, expected 1 or more");
    BOOST_TEST(message_of<DataError>([&] { propose_samples(traced, unlabelled, queries, wrong); }) ==
               "propose_samples: labels: got none, expected one a training sample");
    BOOST_TEST(message_of<DataError>([&] { misclassified(traced, unlabelled); }) ==
               "misclassified: labels: got none, expected one a query");
    BOOST_TEST(message_of<DataError>([&] { propose_samples(traced, training, queries, std::vector<Index>{300}); }) ==
               "Dataset::inputs: position: got 300, expected 0..299");
}
