// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE channels
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <map>
#include <numeric>
#include <vector>

#include <renn/core/shape.hpp>
#include <renn/data/dataset.hpp>
#include <renn/index/sorted.hpp>
#include <renn/io/save.hpp>
#include <renn/retrace/trace.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"
#include "support/scratch_file.hpp"

using renn::Batch, renn::Channels, renn::DataError, renn::Dataset, renn::Index, renn::Kind, renn::Pool,
    renn::RetraceOptions, renn::Selection, renn::Shape, renn::ShapeError, renn::Ties, renn::test::message_of,
    renn::test::random_batch;

namespace {

using Scalars = boost::mpl::list<float, double>;
constexpr Shape image{3, 5, 4};

/// Reports its input as an image, and as one behind a rectifier, where many channels are 0 all over.
constexpr auto eye = [](const auto& x, auto& probe) {
    probe.pre("image", x, image);
    probe.post("rectified", (x.array() - 2).cwiseMax(0).matrix(), image);
};

template <class S>
Dataset<S> samples(Index count) {
    Batch<S> x = random_batch<S>(image.size(), count, 3) * S(3);
    if (count > 9) x.col(9) = x.col(2);
    std::vector<std::int32_t> labels(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i % 3);
    return Dataset<S>(x, {.labels = labels});
}

/// A channel's cells by their definition.
template <class S>
std::vector<double> cells_of(const renn::Column<S>& column, Index channel, const Channels& c) {
    std::vector<double> cells;
    for (Index cy = 0; cy < c.height; ++cy) {
        for (Index cx = 0; cx < c.width; ++cx) {
            S sum = 0, top = column[image.at(channel, cy * 5 / c.height, cx * 4 / c.width)];
            int count = 0;
            for (Index y = cy * 5 / c.height; y < ((cy + 1) * 5 + c.height - 1) / c.height; ++y) {
                for (Index x = cx * 4 / c.width; x < ((cx + 1) * 4 + c.width - 1) / c.width; ++x) {
                    sum += column[image.at(channel, y, x)];
                    top = std::max(top, column[image.at(channel, y, x)]);
                    ++count;
                }
            }
            cells.push_back(static_cast<double>(c.pool == Pool::max ? top : sum / static_cast<S>(count)));
        }
    }
    return cells;
}

/// Votes by the definition: all distances, sorted.
template <class S>
std::vector<double> brute(const Batch<S>& values, const renn::Column<S>& query, const Channels& c,
                          const RetraceOptions& options) {
    std::vector<double> votes(static_cast<std::size_t>(values.cols()), 0.0);
    for (Index channel = 0; channel < image.channels; ++channel) {
        const auto at = cells_of<S>(query, channel, c);
        std::multimap<double, Index> near;
        for (Index s = 0; s < values.cols(); ++s) {
            if (options.without && static_cast<Index>(*options.without) == s) continue;
            if (!options.classes.empty() && s % 3 != options.classes[0]) continue;
            const auto of = cells_of<S>(values.col(s), channel, c);
            double sum = 0.0;
            for (std::size_t d = 0; d < of.size(); ++d) sum += (of[d] - at[d]) * (of[d] - at[d]);
            near.emplace(of.size() == 1 ? std::abs(of[0] - at[0]) : std::sqrt(sum), s);
        }
        std::int64_t places = std::min<std::int64_t>(options.k, static_cast<std::int64_t>(near.size()));
        for (auto group = near.begin(); group != near.end() && places > 0;) {
            const auto end = near.upper_bound(group->first);
            const auto members = std::distance(group, end);
            const double each = std::min(1.0, static_cast<double>(places) / static_cast<double>(members));
            for (; group != end; ++group) votes[static_cast<std::size_t>(group->second)] += each;
            places -= std::min<std::int64_t>(places, members);
        }
    }
    return votes;
}

template <class S>
auto traced(const Channels& channels, Index count) {
    auto net = renn::trace<renn::Sorted, S>(eye, {}, Selection{.channels = {channels}});
    net.record(samples<S>(count));
    return net;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(channels_vote_as_points_in_as_many_dimensions_as_cells, S, Scalars) {
    const auto data = samples<S>(40);
    Batch<S> x;
    data.inputs(0, 40, x);
    for (const Channels& c : {Channels{"", 1, 1, Pool::mean}, Channels{"", 1, 1, Pool::max}, Channels{"", 2, 2},
                              Channels{"", 5, 4}, Channels{"", 3, 2, Pool::max}}) {
        const auto net = traced<S>(c, 40);
        for (const Index query : {2, 7}) {
            for (const std::int64_t k : {0, 1, 5, 39, 100}) {
                for (RetraceOptions options : {RetraceOptions{.k = k}, RetraceOptions{.k = k, .without = 2},
                                               RetraceOptions{.k = k, .classes = {1}}}) {
                    const renn::Column<S> at = x.col(query);
                    BOOST_TEST(net.retrace(at, options).dense() == brute<S>(x, at, c, options),
                               boost::test_tools::tolerance(1e-12) << boost::test_tools::per_element());
                    options.pre = false;
                    options.post = true;
                    const Batch<S> rectified = (x.array() - S(2)).cwiseMax(S(0));
                    const auto answer = net.retrace(at, options);
                    BOOST_TEST(answer.dense() == brute<S>(rectified, rectified.col(query), c, options),
                               boost::test_tools::tolerance(1e-12) << boost::test_tools::per_element());
                    double all = 0.0;
                    for (const auto& source : answer.top(40)) {
                        all += source.votes;
                        BOOST_TEST(std::abs(source.votes - answer.votes(source.id)) < 1e-12);
                        double by_voters = 0.0;
                        for (const auto& voter : answer.voters(source.id)) by_voters += voter.votes;
                        BOOST_TEST(std::abs(by_voters - source.votes) < 1e-12);
                    }
                    BOOST_TEST(std::abs(all - answer.total()) < 1e-9);
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_neuron_tells_its_neighbours_and_every_tie_policy_keeps_k_places, S, Scalars) {
    const auto net = traced<S>({"", 2, 2}, 40);
    const auto data = samples<S>(40);
    for (const Ties ties : {Ties::share, Ties::lowest_id, Ties::strict, Ties::skip_inactive}) {
        const auto answer = net.retrace(data.input(2), {.k = 3, .ties = ties, .post = true});
        BOOST_TEST(answer.neurons() == 6u);
        const auto neuron = answer.neuron("image", 1);
        BOOST_REQUIRE(neuron.neighbours.size() == 3u);
        BOOST_TEST(neuron.neighbours[0].id == 2u);  // itself, and its duplicate
        BOOST_TEST(neuron.neighbours[1].id == 9u);
        BOOST_TEST(neuron.neighbours[1].distance == 0.0);
        BOOST_TEST(neuron.neighbours[2].distance == neuron.boundary);
        if (ties == Ties::share || ties == Ties::lowest_id) BOOST_TEST(answer.total() == 18.0);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_a_file_holds_answers_the_same, S, Scalars) {
    const auto data = samples<S>(20);
    for (const Channels& c : {Channels{"rectified", 1, 1}, Channels{"image", 2, 3, Pool::max}}) {
        const auto net = traced<S>(c, 20);
        const renn::test::ScratchFile file;
        renn::save(file.path, net);
        auto again = renn::trace<renn::KdTree, S>(eye, {}, Selection{.channels = {c}});
        renn::restore(file.path, again);
        BOOST_TEST((again.store().points == net.store().points));
        const RetraceOptions both{.k = 4, .post = true};
        BOOST_TEST(again.retrace(data.input(3), both).dense() == net.retrace(data.input(3), both).dense(),
                   boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(impossible_channels_are_refused) {
    const auto error = [](const Channels& c) {
        auto net = renn::trace(
            [](const auto& x, auto& probe) {
                probe("flat", x);
                probe("image", 2 * x, image);
            },
            {}, Selection{.channels = {c}});
        return message_of<DataError>([&] { net.record(samples<float>(3)); });
    };
    BOOST_TEST(error({"flat"}) == "trace: channels of flat: got none, expected a place that is an image");
    BOOST_TEST(error({"image", 6, 1}) == "trace: cells of a channel of image: got 6 x 1, expected 1 x 1 to 5 x 4");
    BOOST_TEST(error({"image", 0, 1}) == "trace: cells of a channel of image: got 0 x 1, expected 1 x 1 to 5 x 4");
    BOOST_TEST(error({"eye"}) == "trace: selected layer: got \"eye\", expected one of flat, image");
    auto net = renn::trace([](const auto& x, auto& probe) { probe("image", x, Shape{2, 2, 2}); });
    BOOST_TEST(message_of<ShapeError>([&] { net.record(samples<float>(3)); }) ==
               "probe \"image\": shape: got 2 x 2 x 2, expected 60 values, as reported");
}
