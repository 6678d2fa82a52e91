// SPDX-License-Identifier: MIT
// labels: golden
// Flipping, randomisation and concept vectors against Quantus, scikit-learn and autograd.
#define BOOST_TEST_MODULE explanations_golden
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <renn/attribution/gradient.hpp>
#include <renn/attribution/guided_backprop.hpp>
#include <renn/attribution/relevance/presets.hpp>
#include <renn/attribution/relevance_propagation.hpp>
#include <renn/concepts/tcav.hpp>
#include <renn/evaluation/flipping.hpp>
#include <renn/evaluation/sanity_checks.hpp>

#include "support/golden.hpp"
#include "support/golden_networks.hpp"

using namespace renn;
using test::Golden;

namespace {

struct Folder {
    Golden mlp{"attribution/mlp"}, golden{"attribution/mlp_eval"};
    decltype(test::golden_mlp(mlp)) net = test::golden_mlp(mlp);
    Batch<double> x = mlp.batch<double>("x");
    OutputTarget target = output(test::golden_target(golden));
    std::set<std::string> checked;

    /// Samples x points x (logit, probability).
    void check_curves(const std::string& name, const FlipCurves& curves) {
        test::Array<double> got{golden.shape(name), {}};
        for (Index j = 0; j < curves.output.cols(); ++j) {
            for (Index step = 0; step < curves.output.rows(); ++step) {
                got.values.push_back(curves.output(step, j));
                got.values.push_back(curves.probability(step, j));
            }
        }
        check(name, got);
    }
    template <class A>
    void check(const std::string& name, const A& actual) {
        BOOST_TEST(golden.check(name, actual));
        checked.insert(name);
    }
    /// Every array of a kind that the manifest lists must have been compared.
    void require_all(const std::vector<std::string>& beginnings) {
        for (const std::string& name : golden.names()) {
            for (const std::string& beginning : beginnings) {
                const std::string group = golden.entry(name).at("group");
                if (name.rfind(beginning, 0) != 0 || group.find("input") != std::string::npos) continue;
                BOOST_TEST(checked.contains(name), name << " was not compared");
            }
        }
    }
};

Batch<double> as_numbers(const Eigen::Matrix<Index, Eigen::Dynamic, Eigen::Dynamic>& m) {
    return m.cast<double>();
}

}  // namespace

BOOST_AUTO_TEST_CASE(pixel_flipping_and_region_perturbation) {
    Folder f;
    const Batch<double> r = f.golden.batch<double>("flip_relevance");
    const auto flip = [&](const auto& removal, const FlipOptions& options) {
        return flip_features(f.net, f.x, r, f.target, removal, options);
    };
    f.check("flip_order", as_numbers(flip_order(r)));
    f.check_curves("flip_curve_zero", flip(RemoveTo(0.0), {.at_once = 16}));
    f.check_curves("flip_curve_random",
                   flip(RemoveTo(Column<double>(f.golden.matrix<double>("flip_random").col(0))), {.at_once = 16}));
    FlipOptions regions{.regions = square_regions({1, 28, 28}, 4)};
    f.check("region_order_morf", as_numbers(flip_order(r, regions)));
    const FlipCurves morf = flip(RemoveTo(0.0), regions);
    f.check_curves("region_curve_morf_zero", morf);
    f.check("region_aopc_morf", area_over_curve(morf.output).per_sample);
    regions.order = FlipOrder::least_relevant_first;
    f.check("region_order_lerf", as_numbers(flip_order(r, regions)));
    f.check_curves("region_curve_lerf_zero", flip(RemoveTo(0.0), regions));
    f.require_all({"flip_", "region_"});
}

BOOST_AUTO_TEST_CASE(parameter_randomisation) {
    Folder f;
    const auto replace = [&](std::string_view path, auto&, auto& parameters, std::uint64_t) {
        if constexpr (requires { parameters.weights; }) {
            const std::string name = "random_" + std::string(path);
            parameters.weights = f.golden.matrix<double>(name + "_weight");
            parameters.bias = f.golden.matrix<double>(name + "_bias");
        }
    };
    const auto check = [&](const std::string& name, const auto& method) {
        const RandomisationCheck c = randomise_parameters(f.net, f.x, f.target, method, {}, replace);
        BOOST_TEST((c.layers == std::vector<std::string>{"fc3", "fc2", "fc1"}));
        f.check("mprt_" + name, Batch<double>(c.spearman.transpose()));
        f.check("mprt_" + name + "_abs", Batch<double>(c.absolute.transpose()));
        return c;
    };
    const RandomisationCheck gradient = check("gradient", Gradient{});
    check("grad_x_input", GradientTimesInput{});
    BOOST_TEST((!gradient.stays_similar && gradient.at_the_end.score < 0.3));
    const RandomisationCheck guided = check("guided_backprop", GuidedBackprop{});
    BOOST_TEST(guided.stays_similar);
    check("lrp_eps_1e-6", RelevancePropagation{relevance::Composite(relevance::Epsilon{.epsilon = 1e-6})});
    BOOST_TEST(check("lrp_zplus", RelevancePropagation{relevance::excitation_backprop()}).stays_similar);
    f.require_all({"mprt_"});
}

BOOST_AUTO_TEST_CASE(concept_vectors) {
    Folder f;
    const std::vector<std::int64_t> label = f.golden.vector<std::int64_t>("cav_label");
    const std::vector<std::int64_t> classes = f.golden.vector<std::int64_t>("tcav_class");
    std::vector<Index> with, without;
    for (std::size_t i = 0; i < label.size(); ++i) (label[i] == 1 ? with : without).push_back(static_cast<Index>(i));
    for (const std::string layer : {"relu1", "relu2"}) {
        const Batch<double> h = f.golden.batch<double>("cav_" + layer + "_activation");
        const ConceptVector v = concept_vector(h(Eigen::all, with), h(Eigen::all, without));
        f.check("cav_" + layer + "_weight", v.weights);
        f.check("cav_" + layer + "_intercept", v.intercept);
        f.check("cav_" + layer + "_vector", v.vector);
        BOOST_TEST((v.accuracy > 0.85 && v.useful()));

        // The images are known by what the layer puts out: the rest of the network explains them from there.
        const Batch<double> from = f.golden.batch<double>("tcav_" + layer + "_activation");
        const Network rest(test::golden_dense(f.mlp, "fc2"), ReLU<double>{}, test::golden_dense(f.mlp, "fc3"));
        Batch<double> directional(10, from.cols());
        std::vector<double> scores;
        for (Index k = 0; k < 10; ++k) {
            const auto of = [&](const auto& columns) {
                const Batch<double> h_of = from(Eigen::all, columns);
                if (layer == "relu1") return tcav_score(attribute(rest, h_of, output(k), Gradient{}).scores, v);
                const Network last(test::golden_dense(f.mlp, "fc3"));
                return tcav_score(attribute(last, h_of, output(k), Gradient{}).scores, v);
            };
            std::vector<Index> all, own;
            for (Index i = 0; i < from.cols(); ++i) {
                all.push_back(i);
                if (classes[static_cast<std::size_t>(i)] == k) own.push_back(i);
            }
            directional.row(k) = of(all).sensitivity.transpose();
            scores.push_back(of(own).score);
        }
        f.check("tcav_" + layer + "_directional", directional);
        f.check("tcav_" + layer + "_score", scores);
        // The whole network from the pixels, stopped at the layer.
        BOOST_TEST(f.mlp.check("act_" + layer, activations_at(f.net, f.x, layer)));
    }
    f.require_all({"cav_", "tcav_"});
}
