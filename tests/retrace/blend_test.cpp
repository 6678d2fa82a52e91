// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE blend
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <renn/data/dataset.hpp>
#include <renn/retrace/blend.hpp>

#include "support/message_of.hpp"

using renn::Batch;
using renn::Column;
using renn::DataError;
using renn::Dataset;
using renn::ShapeError;
using renn::test::message_of;
using Weights = std::vector<double>;

namespace tt = boost::test_tools;

namespace {

constexpr double huge = std::numeric_limits<double>::max();
constexpr double infinite = std::numeric_limits<double>::infinity();

double sum(const Weights& w) {
    return std::accumulate(w.begin(), w.end(), 0.0);
}

void check_near(const Weights& got, const Weights& wanted, double tolerance = 1e-15) {
    BOOST_REQUIRE(got.size() == wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
        BOOST_TEST_CONTEXT("weight " << i) BOOST_TEST(std::abs(got[i] - wanted[i]) <= tolerance);
    }
}

/// Three pictures of four values, their ids far from their positions.
Dataset<double> three_pictures() {
    Batch<double> x(4, 3);
    x << 1, 0, 0,  //
        0, 1, 0,   //
        0, 0, 1,   //
        1, 1, 1;
    return Dataset<double>(x, {.labels = {2, 0, 2}, .ids = {70, 50, 60}});
}

}  // namespace

BOOST_AUTO_TEST_CASE(vote_weights_are_parts_of_the_votes) {
    check_near(renn::vote_weights(Weights{4, 3, 3, 2}), {4 / 12.0, 3 / 12.0, 3 / 12.0, 2 / 12.0});
    check_near(renn::vote_weights(Weights{7}), {1});
    check_near(renn::vote_weights(Weights{0, 0}), {0.5, 0.5});
    BOOST_TEST(renn::vote_weights(Weights{}).empty());
    check_near(renn::vote_weights(Weights{huge, huge}), {0.5, 0.5});
    const std::vector<renn::Source> sources{{.id = 5, .votes = 3}, {.id = 6, .votes = 1}};
    check_near(renn::vote_weights(sources), {0.75, 0.25});
}

BOOST_AUTO_TEST_CASE(near_neighbours_weigh_more_and_weights_add_to_one) {
    check_near(renn::distance_weights(Weights{1, 3}), {0.75, 0.25});
    check_near(renn::distance_weights(Weights{0, 1, 3}), {0.5, 0.375, 0.125});
    check_near(renn::distance_weights(Weights{0, 0, 0, 0}), {0.25, 0.25, 0.25, 0.25});
    check_near(renn::distance_weights(Weights{3}), {1});
    check_near(renn::distance_weights(Weights{0}), {1});
    BOOST_TEST(renn::distance_weights(Weights{}).empty());
    BOOST_TEST(sum(renn::distance_weights(Weights{0.1, 0.2, 0.7, 5, 1e-9})) == 1.0, tt::tolerance(1e-15));
    BOOST_TEST(sum(renn::distance_weights(Weights{huge, huge, huge})) == 1.0, tt::tolerance(1e-15));
}

BOOST_AUTO_TEST_CASE(the_originals_neuron_weights_miss_one_part_in_k) {
    const Weights distances{0, 1, 3};
    check_near(renn::original_distance_weights(distances), {1 / 3.0, 0.25, 0.25 / 3});
    BOOST_TEST(sum(renn::original_distance_weights(distances)) == 2 / 3.0, tt::tolerance(1e-15));
    check_near(renn::original_distance_weights(Weights{2}), {0});
    check_near(renn::original_distance_weights(Weights{0, 0}), {0, 0});
    const std::vector<renn::Neighbour> neighbours{{.id = 1, .distance = 1}, {.id = 2, .distance = 3}};
    check_near(renn::original_distance_weights(neighbours), {0.375, 0.125});
    check_near(renn::distance_weights(neighbours), {0.75, 0.25});
}

BOOST_AUTO_TEST_CASE(sequential_weights_are_what_laying_pictures_over_each_other_leaves) {
    const Weights weights = renn::vote_weights(Weights{4, 3, 3, 2});
    const Weights effective = renn::sequential_weights(weights);
    check_near(effective, {0.15625, 0.15625, 0.25 * 5 / 6, 1 / 6.0});
    BOOST_TEST(sum(effective) == 0.6875, tt::tolerance(1e-15));

    const Batch<double> pictures = Batch<double>::Identity(4, 4);
    Column<double> image = Column<double>::Zero(4);
    for (int i = 0; i < 4; ++i) {
        const double w = weights[static_cast<std::size_t>(i)];
        image = (1 - w) * image + w * pictures.col(i);
    }
    BOOST_TEST((renn::blend(effective, pictures) - image).cwiseAbs().maxCoeff() < 1e-15);
}

BOOST_AUTO_TEST_CASE(blends_find_their_samples_by_id) {
    const auto data = three_pictures();
    const std::vector<std::uint64_t> ids{60, 70};
    const Weights weights{0.75, 0.25};
    Column<double> wanted(4);
    wanted << 0.25, 0, 0.75, 1;
    BOOST_TEST((renn::blend(weights, ids, data) == wanted));
    BOOST_TEST(
        (renn::blend(std::vector<renn::Source>{{.id = 60, .votes = 6}, {.id = 70, .votes = 2}}, data) == wanted));
    const renn::NeuronSources neuron{.neighbours = {{.id = 60, .distance = 1}, {.id = 70, .distance = 3}}};
    BOOST_TEST((renn::blend(neuron, data) == wanted));
    BOOST_TEST((renn::blend({}, {}, data) == Column<double>::Zero(4)));
}

BOOST_AUTO_TEST_CASE(a_blend_of_one_source_is_that_source) {
    const auto data = three_pictures();
    for (const std::uint64_t id : data.ids()) {
        const std::vector<renn::Source> one{{.id = id, .votes = 0.3}};
        BOOST_TEST((renn::blend(one, data) == data.input_of(id)));
    }
}

BOOST_AUTO_TEST_CASE(labels_blend_as_one_hot_vectors_and_targets_as_they_are) {
    const std::vector<std::uint64_t> ids{60, 50, 70};
    const Weights weights{0.5, 0.25, 0.25};
    Column<double> classes(3);
    classes << 0.25, 0, 0.75;
    BOOST_TEST((renn::blend_targets(weights, ids, three_pictures()) == classes));

    Batch<double> targets(1, 3);
    targets << 4, 8, 16;
    const Dataset<double> regression(Batch<double>::Ones(2, 3), {.targets = targets, .ids = {70, 50, 60}});
    BOOST_TEST(renn::blend_targets(weights, ids, regression)[0] == 11.0);
}

BOOST_AUTO_TEST_CASE(mistakes_are_told) {
    const auto data = three_pictures();
    const std::vector<std::uint64_t> ids{60, 70}, unknown{60, 1};
    const Weights one{1}, two{0.5, 0.5};
    const std::string below = ", expected a finite value, 0 or more";
    BOOST_TEST(message_of<DataError>([&] {
                   renn::vote_weights(Weights{1, -1});
               }) == "vote_weights: votes of source 1: got -1.000000" + below);
    BOOST_TEST(message_of<DataError>([&] { renn::distance_weights(Weights{infinite}); }) ==
               "distance_weights: distance 0: got inf" + below);
    BOOST_TEST(message_of<ShapeError>([&] { renn::blend(one, ids, data); }) ==
               "blend: weights: got 1, expected 2, one an id");
    BOOST_TEST(message_of<ShapeError>([&] { renn::blend(one, Batch<double>::Ones(2, 2)); }) ==
               "blend: weights: got 1, expected 2, one a column");
    BOOST_TEST(message_of<DataError>([&] { renn::blend(two, unknown, data); }) ==
               "Dataset::input_of: no sample has id 1");
    BOOST_TEST(message_of<DataError>([&] {
                   renn::blend_targets(two, ids, Dataset<double>(Batch<double>::Ones(1, 2), {.ids = {60, 70}}));
               }) == "blend_targets: data: got neither targets nor labels, expected one of them");
}
