// SPDX-License-Identifier: MIT
// labels: threads
// Audits of recorded samples against leave-one-out by the book, planted faults, threads and batches.
#define BOOST_TEST_MODULE audit
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <renn/retrace/audit.hpp>
#include <renn/retrace/trace.hpp>

#include "support/brute_votes.hpp"
#include "support/message_of.hpp"
#include "support/small_models.hpp"

using renn::Batch;
using renn::DataError;
using renn::Dataset;
using renn::Finding;
using renn::Index;
using renn::RetraceOptions;
using renn::SampleAudit;
using renn::Ties;
using renn::test::message_of;
using renn::test::TieRule;
using Numbers = std::vector<double>;

namespace {

bool close(double a, double b) {
    return std::abs(a - b) <= 1e-7 * (1.0 + std::abs(b));
}

/// Everything about every sample, neuron after neuron, from a forward pass.
void check_by_the_book(Index samples, const RetraceOptions& options, TieRule rule) {
    const auto traced = renn::test::small_traced<renn::Sorted>(samples);
    const auto data = renn::test::small_data<float>(samples);
    const std::size_t top = 5;
    const SampleAudit audit = audit_samples(traced, {.retrace = options, .top = top});
    const auto values = renn::activations(traced.network(), data.inputs());
    const std::vector<std::uint64_t> ids(data.ids().begin(), data.ids().end());
    const auto n = ids.size();
    std::vector<std::uint32_t> reach(n);
    Numbers votes[2] = {Numbers(n), Numbers(n)}, distances(n);
    for (std::size_t t = 0; t < n; ++t) {
        std::vector<bool> sources(n, true);
        sources[t] = false;
        Numbers cast(n);
        double neurons = 0.0;
        for (const auto& block : values.blocks()) {
            if (block.kind == renn::Kind::pre ? !options.pre : !options.post) continue;
            for (Index u = 0; u < block.width; ++u) {
                const renn::Column<float> row = block.values.row(u).transpose();
                const auto one = renn::test::brute_neuron(row, static_cast<double>(row[static_cast<Index>(t)]),
                                                          static_cast<std::size_t>(options.k), rule, ids, sources);
                for (std::size_t s = 0; s < n; ++s) cast[s] += one.votes[s];
                distances[t] += one.boundary;
                neurons += 1.0;
            }
        }
        distances[t] /= neurons;
        for (const std::size_t s : renn::test::ranking(cast, ids, top)) ++reach[s];
        const auto label = data.label(static_cast<Index>(t));
        const bool wrong = renn::predicted_class(values.output().col(static_cast<Index>(t))) != label;
        double all = 0.0, others = 0.0;
        for (std::size_t s = 0; s < n; ++s) {
            votes[wrong ? 1 : 0][s] += cast[s];
            all += cast[s];
            others += data.label(static_cast<Index>(s)) == label ? 0.0 : cast[s];
        }
        BOOST_TEST(close(audit.conflicts[t], all > 0.0 ? others / all : 0.0));
        BOOST_TEST(audit.spoken[t] == (all == 0.0                                                        ? -1
                                       : others > all - others || (label == 1 && others == all - others) ? 1 - label
                                                                                                         : label));
    }
    BOOST_TEST(audit.use.reach == reach, boost::test_tools::per_element());
    const Numbers harm = audit.use.harm();
    for (std::size_t s = 0; s < n; ++s) {
        BOOST_TEST(close(audit.distances[s], distances[s]));
        BOOST_TEST(close(audit.use.right_votes[s], votes[0][s] / static_cast<double>(n)));
        BOOST_TEST(close(audit.use.wrong_votes[s], votes[1][s] / static_cast<double>(n)));
        BOOST_TEST(close(harm[s], (votes[1][s] - votes[0][s]) / static_cast<double>(n)));
        const auto smaller = std::count_if(audit.distances.begin(), audit.distances.end(),
                                           [&](double d) { return d < audit.distances[s]; });
        BOOST_TEST(close(audit.isolation[s], static_cast<double>(smaller) / static_cast<double>(n)));
    }
}

/// Three clouds with random labels of a kind: a network of one layer that hands on its input.
auto handed_on(const Dataset<float>& data) {
    renn::Network net(renn::Dense<float>(2, 2, 1));
    auto& dense = std::get<0>(net.parameters().layers);
    dense.weights.setIdentity();
    dense.bias.setZero();
    auto traced = renn::trace<renn::Sorted>(net);
    traced.record(data);
    return traced;
}

}  // namespace

BOOST_AUTO_TEST_CASE(equals_leave_one_out_by_the_book) {
    check_by_the_book(40, {.k = 4, .post = true}, TieRule::share);
    check_by_the_book(31, {.k = 3, .ties = Ties::strict, .pre = false, .post = true}, TieRule::strict);
    check_by_the_book(25, {.k = 100, .ties = Ties::lowest_id}, TieRule::lowest_id);
    check_by_the_book(20, {.k = 2, .ties = Ties::skip_inactive, .post = true}, TieRule::skip_inactive);
}

BOOST_AUTO_TEST_CASE(any_number_of_threads_gives_the_same_bits) {
    const auto traced = renn::test::small_traced<renn::Sorted>(300);  // more than one piece of queries
    const auto data = renn::test::small_data<float>(300);
    const RetraceOptions options{.k = 7, .post = true};
    const SampleAudit one = audit_samples(traced, {.retrace = options});
    const auto use = audit_sources(traced, data, {.retrace = options});
    for (const int threads : {2, 3}) {
        BOOST_TEST((audit_samples(traced, {.retrace = options, .threads = threads}) == one));
        BOOST_TEST((audit_sources(traced, data, {.retrace = options, .threads = threads}) == use));
    }
    // Queries in two halves add up.
    std::vector<Index> half;
    for (Index s = 0; s < 150; ++s) half.push_back(s);
    const auto first = audit_sources(traced, data.select(half), {.retrace = options});
    for (Index& s : half) s += 150;
    const auto second = audit_sources(traced, data.select(half), {.retrace = options});
    for (std::size_t s = 0; s < use.ids.size(); ++s) {
        BOOST_TEST(use.reach[s] == first.reach[s] + second.reach[s]);
        BOOST_TEST(close(use.wrong_votes[s], (first.wrong_votes[s] + second.wrong_votes[s]) / 2.0));
    }
    BOOST_TEST(use.evaluations == 300U);
}

BOOST_AUTO_TEST_CASE(from_the_recording_as_from_the_inputs) {
    const auto traced = renn::test::small_traced<renn::Sorted>(40);
    const auto data = renn::test::small_data<float>(40);
    const RetraceOptions options{.k = 5, .post = true};
    const std::vector<std::uint64_t> ids{data.id(7), data.id(0), data.id(39)};
    Batch<float> x(3, 3);
    for (Index i = 0; i < 3; ++i) x.col(i) = data.input_of(ids[static_cast<std::size_t>(i)]);
    const auto from_inputs = traced.retrace_without_self(x, ids, options);
    const auto recorded = traced.retrace_recorded(ids, options);
    for (std::size_t q = 0; q < ids.size(); ++q) {
        BOOST_TEST((recorded[q].top(40) == from_inputs[q].top(40)));
        BOOST_TEST(recorded[q].outputs() == from_inputs[q].outputs());
        BOOST_TEST(recorded[q].prediction() == from_inputs[q].prediction());
        BOOST_TEST(*recorded[q].without() == ids[q]);
    }
    BOOST_TEST(message_of<DataError>([&] { traced.retrace_recorded({5}); }) ==
               "store: sample 5: got an id that was not recorded, expected one of 40 recorded ids");
    // Channels as neurons, single and in several dimensions, recorded in part.
    const auto images = [](const auto& in, auto& probe) { probe("images", in, renn::Shape{2, 2, 2}); };
    renn::Selection some;
    some.channels = {{.layer = "images", .height = 2, .width = 1}};
    some.units = {{"images", {1}}};
    auto channels = renn::trace<renn::Sorted, double>(images, {}, some);
    const Dataset<double> eight(renn::test::random_batch<double>(8, 20, 3));
    channels.record(eight);
    const auto own = channels.retrace_recorded({4}, {.k = 3});
    const auto same = channels.retrace_without_self(eight.input(4), {4}, {.k = 3});
    BOOST_TEST((own[0].top(20) == same[0].top(20)));
    BOOST_TEST(audit_samples(channels).isolation.size() == 20U);
}

BOOST_AUTO_TEST_CASE(finds_what_was_planted) {
    renn::Rng rng(5);
    Batch<float> x(2, 300);
    std::vector<std::int32_t> labels;
    for (Index s = 0; s < 300; ++s) {
        labels.push_back(static_cast<std::int32_t>(s % 3));
        for (Index r = 0; r < 2; ++r) x(r, s) = static_cast<float>(rng.normal() + (r == 0 ? 30 : 70) * double(s % 3));
    }
    const std::vector<std::size_t> flipped{17, 60, 133, 251};
    for (const std::size_t s : flipped) labels[s] = (labels[s] + 1) % 3;
    x.col(9).setConstant(-500.0F);  // far from all
    x.col(200) = x.col(20);
    x.col(110) = x.col(20);
    x.col(297) = x.col(60);
    const auto traced = handed_on(Dataset<float>(x, {.labels = labels}));
    const SampleAudit audit = audit_samples(traced, {.retrace = {.k = 10}, .threads = 2});
    std::vector<std::size_t> suspects;
    for (const auto& [id, conflict] : audit.worst(Finding::label_conflict, 4)) suspects.push_back(id);
    std::sort(suspects.begin(), suspects.end());
    BOOST_TEST(suspects == flipped, boost::test_tools::per_element());
    BOOST_TEST(audit.spoken[17] == 2);
    BOOST_TEST(audit.worst(Finding::isolation, 1)[0].id == 9U);
    BOOST_TEST((audit.duplicates == std::vector<std::vector<std::uint64_t>>{{20, 110, 200}, {60, 297}}));
    BOOST_TEST(audit.use.reach[9] == 0U);
    const auto unused = audit.worst(Finding::unused, 300);
    BOOST_TEST(unused.size() == 300U);
    BOOST_TEST(unused[0].id == 9U);
    BOOST_TEST(audit.worst(Finding::used, 1)[0].value == unused.back().value);
    // Only the flipped are evaluated wrongly by the others, and a flipped sample is a source of the right ones.
    BOOST_TEST(audit.worst(Finding::harm, 300).size() == 300U);
}

BOOST_AUTO_TEST_CASE(without_labels_and_bad_options) {
    auto traced = renn::trace<renn::Sorted, double>([](const auto& x, auto& probe) { probe("values", x); });
    BOOST_TEST(message_of<DataError>([&] { audit_samples(traced); }) ==
               "TracedNetwork::index: nothing recorded yet: call record() first");
    Batch<double> x(1, 4);
    x << 1, 2, 2, 9;
    traced.record(Dataset<double>(x));
    const SampleAudit audit = audit_samples(traced, {.retrace = {.k = 1}, .top = 1});
    BOOST_TEST(audit.isolation == (Numbers{0.5, 0.0, 0.0, 0.75}), boost::test_tools::per_element());
    BOOST_TEST(audit.use.reach == (std::vector<std::uint32_t>{0, 3, 1, 0}), boost::test_tools::per_element());
    BOOST_TEST((audit.duplicates == std::vector<std::vector<std::uint64_t>>{{1, 2}}));
    BOOST_TEST(message_of<DataError>([&] { audit.worst(Finding::label_conflict, 1); }) ==
               "label_conflict: labels: got none recorded, expected one a sample");
    BOOST_TEST(message_of<DataError>([&] { audit.worst(Finding::harm, 1); }) ==
               "harm: evaluations: got no labels, or a model without outputs, expected known to be right or wrong");
    BOOST_TEST(message_of<DataError>([&] { audit_samples(traced, {.retrace = {.k = 0}}); }) ==
               "audit_samples: k: got 0, expected 1 or more");
    BOOST_TEST(message_of<DataError>([&] { audit_samples(traced, {.retrace = {.without = 1}}); }) ==
               "audit_samples: without: got a sample, expected none: the audit leaves out samples itself");
    BOOST_TEST(message_of<DataError>([&] { audit_sources(traced, Dataset<double>()); }) ==
               "audit_sources: queries: got 0, expected 1 or more");
    BOOST_TEST(audit_samples(traced, {.progress = [](const auto&) { return false; }}).ids().empty());
    BOOST_TEST(audit_sources(traced, Dataset<double>(x)).reach.size() == 4U);
    auto alone = traced;
    alone.record(Dataset<double>(x.leftCols(1)));
    BOOST_TEST(audit_samples(alone).isolation == Numbers{0.0}, boost::test_tools::per_element());
}
