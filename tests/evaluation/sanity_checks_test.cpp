// SPDX-License-Identifier: MIT
// Whether explanations, and votes, forget with the network.
#define BOOST_TEST_MODULE sanity_checks
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/attribution/gradient.hpp>
#include <renn/attribution/smooth_gradient.hpp>
#include <renn/core/rng.hpp>
#include <renn/evaluation/evidence_randomisation.hpp>
#include <renn/evaluation/permuted_labels.hpp>
#include <renn/evaluation/sanity_checks.hpp>
#include <renn/layers/batch_norm.hpp>
#include <renn/layers/convolution.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/flatten.hpp>
#include <renn/network/network.hpp>
#include <renn/retrace/trace.hpp>

#include "support/message_of.hpp"
#include "support/random_batch.hpp"

using namespace renn;

namespace {

const Shape image{1, 8, 8};

/// A bar in one of three directions on noise, at a place of its own.
Dataset<float> bars(Index samples, std::uint64_t seed) {
    Batch<float> x = test::random_batch<float>(64, samples, seed).cwiseAbs() * 0.3F;
    DatasetDescription<float> more{.image = image, .classes = 3};
    Rng rng(seed);
    for (Index s = 0; s < samples; ++s) {
        const auto label = static_cast<Index>(rng.below(3)), at = static_cast<Index>(1 + rng.below(6));
        for (Index d = -2; d <= 2; ++d) {
            const Index y = label == 0 ? at : 4 + d - (d > 3 ? 1 : 0), column = label == 1 ? at : 4 + d;
            x(image.at(0, y, column), s) = 1.F;
        }
        more.labels.push_back(static_cast<std::int32_t>(label));
    }
    return Dataset<float>(x, more);
}

using Net =
    Network<Conv2d<float>, BatchNorm2d<float>, ReLU<float>, Flatten<float>, Dense<float>, ReLU<float>, Dense<float>>;

Net network(std::uint64_t seed) {
    const Shape maps{6, 8, 8};
    return Net(Conv2d<float>(image, {.channels = 6, .kernel = 3, .padding = 1}, seed), BatchNorm2d<float>(maps),
               ReLU<float>{}, Flatten<float>{}, Dense<float>(maps.size(), 16, seed + 1), ReLU<float>{},
               Dense<float>(16, 3, seed + 2));
}

struct Trained {
    Dataset<float> data = bars(240, 1), fresh = bars(30, 2);
    Net net = network(3);
    Trained() { fit(net, data, {.epochs = 12, .batch = 32}); }
};

const Trained& trained() {
    static const Trained once;
    return once;
}

/// Shows the input whatever the network: an edge detector passing for an explanation.
struct ShowsTheInput {
    template <class N, class T>
    Batch<float> operator()(const N&, const BatchView<float>& x, const T&) const {
        return x;
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_layer_begins_anew_as_its_kind_does) {
    Net net = trained().net;
    BOOST_TEST((layers_with_parameters(net) == std::vector<std::string>{"conv1", "batch_norm1", "dense1", "dense2"} ||
                layers_with_parameters(net).size() == 4U));
    const std::vector<std::string> layers = layers_with_parameters(net);
    for (const std::string& layer : layers) {
        const Net changed = with_layer_randomised(net, layer, 5);
        for_each_layer(changed, [&](std::string_view path, const auto& l, const auto& parameters) {
            if (path != layer) return;
            if constexpr (requires { l.running_mean(); }) {
                BOOST_TEST((l.running_mean().isZero() && l.running_variance().isOnes() && parameters.weights.isOnes()));
            } else if constexpr (requires { parameters.weights; }) {
                const double square = static_cast<double>(parameters.weights.squaredNorm()) /
                                      static_cast<double>(parameters.weights.size());
                const double he = 2.0 / static_cast<double>(parameters.weights.cols());
                BOOST_TEST((square > 0.4 * he && square < 1.8 * he && parameters.bias.isZero()));
            }
        });
        BOOST_TEST(test::same_bits(changed.predict(trained().fresh.inputs()),
                                   with_layer_randomised(net, layer, 5).predict(trained().fresh.inputs())));
    }
    BOOST_TEST(test::message_of<DataError>([&] {
                   with_layer_randomised(net, "relu1", 1);
               }).find("with_layer_randomised: layer: got \"relu1\", expected one of ") == 0U);
}

BOOST_AUTO_TEST_CASE(parameter_randomisation_tells_a_gradient_from_the_input) {
    const Dataset<float>& fresh = trained().fresh;
    const Net& net = trained().net;
    const Batch<float> x = fresh.inputs();
    BOOST_REQUIRE(evaluate(net, fresh, CrossEntropy{}).accuracy > 0.9);
    const RandomisationCheck gradient = randomise_parameters(net, x, predicted_output(), Gradient{}, {.image = image});
    BOOST_TEST((!gradient.stays_similar && gradient.at_the_end.score < 0.3));
    BOOST_TEST((gradient.layers.front() == "dense2" && gradient.layers.size() == 4U));
    BOOST_TEST(
        (gradient.structural.rows() == 4 && gradient.oriented.cols() == 30 && gradient.entropy_rise.size() == 30U));
    const RandomisationCheck input =
        randomise_parameters(net, x, predicted_output(), ShowsTheInput{}, {.image = image});
    BOOST_TEST((input.stays_similar && input.similarity.score > 0.999 && input.structural.minCoeff() > 0.999));
    // Sizes that were learnt under signs that were not: |R| forgets, R does not.
    const auto signs_of_places = [](const auto& n, const BatchView<float>& in, const auto& of) {
        Batch<float> map = scores_of<float>(n, in, of, Gradient{}).cwiseAbs();
        for (Index i = 0; i < map.rows(); i += 2) map.row(i) *= -1.F;
        return map;
    };
    const RandomisationCheck signs = randomise_parameters(net, x, predicted_output(), signs_of_places);
    BOOST_TEST((signs.similarity.score < 0.3 && signs.signed_similarity.score > 0.5 && signs.stays_similar));
    const RandomisationCheck one =
        randomise_parameters(net, x, predicted_output(), Gradient{}, {.order = RandomiseOrder::independent});
    BOOST_TEST((one.spearman.row(0) == gradient.spearman.row(0)));
    BOOST_TEST((one.spearman.row(2) != gradient.spearman.row(2) && one.structural.size() == 0));
    // Smooth MPRT: the mean over noisy copies loses the noise of single maps; of none it is the check itself.
    const auto smooth = [&](double noise) {
        return randomise_parameters(net, x, predicted_output(), SmoothGradient{.noise = noise, .draws = 8});
    };
    BOOST_TEST((smooth(0.0).spearman - gradient.spearman).cwiseAbs().maxCoeff() < 0.05);
    const RandomisationCheck averaged = smooth(0.2);
    BOOST_TEST((!averaged.stays_similar && averaged.similarity.score != gradient.similarity.score));
    const auto by_hand = [](const auto& n, const BatchView<float>& in, const auto& of) {
        return scores_of<float>(n, in, of, SmoothGradient{.noise = 0.2, .draws = 8});
    };
    BOOST_TEST((randomise_parameters(net, x, predicted_output(), by_hand).spearman == averaged.spearman));
    // Maps that say nothing are no correlation of 0.
    const auto zeros = [](const auto&, const BatchView<float>& in, const auto&) { return Batch<float>(0.F * in); };
    BOOST_TEST(test::message_of<DataError>([&] {
                   randomise_parameters(net, x, predicted_output(), zeros);
               }).find("randomise_parameters: samples left: got 0 of 30") == 0U);
}

BOOST_AUTO_TEST_CASE(labels_without_meaning_and_other_classes_give_other_explanations) {
    const Dataset<float>&data = trained().data, &fresh = trained().fresh;
    const Net& net = trained().net;
    const auto other = train_on_permuted_labels(net, data.first(60), {.epochs = 200, .batch = 20});
    BOOST_TEST((other.learnt && other.accuracy >= 0.95 && other.epochs < 200));
    BOOST_TEST(evaluate(other.network, fresh, CrossEntropy{}).accuracy < 0.7);
    const DifferenceCheck labels = compare_networks(net, other.network, fresh.inputs(), predicted_output(), Gradient{});
    BOOST_TEST((!labels.stays_similar && labels.similarity.per_sample.size() == 30U));
    BOOST_TEST(compare_networks(net, other.network, fresh.inputs(), predicted_output(), ShowsTheInput{}).stays_similar);
    BOOST_TEST(!random_logit(net, fresh.inputs(), predicted_output(), Gradient{}).stays_similar);
    BOOST_TEST(random_logit(net, fresh.inputs(), predicted_output(), ShowsTheInput{}, {.image = image}).stays_similar);
    const Dataset<float> permuted = with_permuted_labels(data, 4);
    BOOST_TEST((permuted.samples() == 240 && permuted.ids()[7] == data.ids()[7]));
    BOOST_TEST(test::message_of<DataError>([&] { with_permuted_labels(Dataset<float>(data.values())); }) ==
               "with_permuted_labels: labels: got none, expected one a sample");

    // Votes: what the last layer was taught is gone when it forgets; what was learnt by heart, it votes for.
    const EvidenceRandomisation votes = randomise_evidence(net, data.first(120), fresh, {.k = 10});
    BOOST_TEST((votes.layers.size() == 4U && votes.network.size() == 5U && votes.chance < 0.5));
    BOOST_TEST(votes.last_layer.front().accuracy > 0.9);
    BOOST_TEST_MESSAGE("evidence of the last layer: " << votes.last_layer.front().accuracy << " as trained, "
                                                      << votes.last_layer.back().accuracy << " at the end; left "
                                                      << votes.left);
    BOOST_TEST(votes.left < 0.8);
    const Dataset<float> heart = with_permuted_labels(data.first(60), 0);
    auto traced = trace<Sorted>(other.network);
    traced.record(heart);
    BOOST_TEST(evidence_quality(traced, heart, {.k = 5}).back().accuracy > 0.8);
}
