// SPDX-License-Identifier: MIT
// labels: golden
// The gradient family, attribution inside a network and class activation maps against Captum, Zennit and autograd.
#define BOOST_TEST_MODULE gradient_family_golden
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <string>
#include <vector>

#include <renn/attribution/class_activation_map.hpp>
#include <renn/attribution/deep_lift.hpp>
#include <renn/attribution/gradient.hpp>
#include <renn/attribution/guided_backprop.hpp>
#include <renn/attribution/integrated_gradients.hpp>
#include <renn/attribution/layer_attribution.hpp>
#include <renn/attribution/occlusion.hpp>
#include <renn/attribution/simple_taylor.hpp>
#include <renn/attribution/smooth_gradient.hpp>

#include "support/golden_networks.hpp"

using namespace renn;
using namespace renn::test;

namespace {

void check_quadrature(const Quadrature& given, QuadratureRule rule) {
    const Quadrature own = quadrature(rule, std::ssize(given.nodes));
    for (std::size_t i = 0; i < given.nodes.size(); ++i) {
        BOOST_TEST(std::abs(own.nodes[i] - given.nodes[i]) < 1e-14);
        BOOST_TEST(std::abs(own.weights[i] - given.weights[i]) < 1e-14);
    }
}

/// Every array of attribution that the folder lists, but those of relevance and second derivatives. Returns how many.
int check_all(const Golden& golden, const GoldenNet& net, const Shape& image) {
    const auto x = golden.batch<double>("x");
    const auto target = output(golden_target(golden));
    AttributionWorkspace<GoldenNet> workspace;
    Attribution<double> result;
    int checked = 0;
    const auto check = [&](const std::string& name, const auto& method) {
        method(net, x, target, workspace, result);
        BOOST_TEST(golden.check(name, result.scores));
        ++checked;
    };
    for (const std::string& name : golden.names()) {
        const std::string group = golden.entry(name).at("group");
        if (group != "attribution" || name.starts_with("lrp_") || name.starts_with("taylor_f") ||
            name.starts_with("taylor_z") || name.starts_with("data_") || name.starts_with("prob_")) {
            continue;
        }
        BOOST_TEST_CONTEXT(name) {
            if (name == "gradient") {
                check(name, Gradient{});
            } else if (name == "sensitivity") {
                check(name, Sensitivity{});
            } else if (name == "grad_x_input") {
                check(name, GradientTimesInput{});
            } else if (name == "taylor_root0") {
                check(name, SimpleTaylor{});
            } else if (name == "smoothgrad" || name == "smoothgrad_sq") {
                check(name, SmoothGradient{.squared = name == "smoothgrad_sq",
                                           .given = golden.batch<double>("smoothgrad_noise")});
            } else if (name.starts_with("ig_")) {
                const Batch<double> q = golden.batch<double>(name + "_nodes");
                const Quadrature given{{q.col(0).begin(), q.col(0).end()}, {q.col(1).begin(), q.col(1).end()}};
                check(name, IntegratedGradients{.given = given});
                if (name != "ig_riemann_trapezoid") {  // whose weights do not add up to 1 there
                    const bool middle = name == "ig_riemann_middle";
                    check_quadrature(given, middle ? QuadratureRule::riemann_middle : QuadratureRule::gauss_legendre);
                }
            } else if (name == "guided_backprop") {
                check(name, GuidedBackprop{});
            } else if (name == "deconvnet") {
                check(name, Deconvnet{});
            } else if (name == "deeplift_rescale") {
                check(name, DeepLiftRescale{});
                BOOST_TEST(result.gap.cwiseAbs().maxCoeff() < 1e-9);
            } else if (name.starts_with("occlusion_")) {
                const auto size = [&](const char* key) {
                    const auto& v = golden.parameter(name, key);
                    return v.size() == 1 ? Size2(1, v.at(0).template get<Index>())
                                         : Size2(v.at(0).template get<Index>(), v.at(1).template get<Index>());
                };
                const Occlusion method{.window = size("window"), .stride = size("stride"), .image = image};
                method(net, x, target, workspace, result);
                Array<double> scores = golden.array<double>(name);
                scores.values.assign(result.scores.data(), result.scores.data() + result.scores.size());
                BOOST_TEST(golden.check(name, scores));
            } else {
                BOOST_ERROR("no method for " + name);
            }
        }
    }
    return checked;
}

/// Every internal array that the folder lists. Returns how many.
int check_inside(const Golden& golden, const GoldenNet& net) {
    const auto x = golden.batch<double>("x");
    const auto target = output(golden_target(golden));
    int checked = 0;
    const auto check = [&](const std::string& name, const Batch<double>& scores) {
        Array<double> as_stored = golden.array<double>(name);
        BOOST_TEST_REQUIRE(as_stored.size() == scores.size());
        as_stored.values.assign(scores.data(), scores.data() + scores.size());
        BOOST_TEST(golden.check(name, as_stored));
        ++checked;
    };
    for (const std::string& name : golden.names()) {
        if (golden.entry(name).at("group") != "internal") continue;
        BOOST_TEST_CONTEXT(name) {
            const auto& parameters = golden.entry(name).at("parameters");
            const std::string layer = parameters.value("layer", "relu2");
            if (name.starts_with("layer_gradxact_")) {
                check(name, attribute(net, x, target, LayerGradientTimesActivation{layer}).scores);
            } else if (name.starts_with("layer_conductance_")) {
                const Batch<double> nodes = golden.batch<double>("conductance_nodes");
                const bool even = parameters.at("nodes") == "riemann_trapezoid";
                const auto given = nodes.col(even ? 0 : 1);
                LayerConductance method{.place = layer, .given = {given.begin(), given.end()}};
                check(name, attribute(net, x, target, method).scores);
                method.given.clear();
                method.rule = even ? QuadratureRule::trapezoid : QuadratureRule::gauss_legendre;
                const auto own = quadrature(method.rule, method.steps + 1);
                for (Index i = 0; i < given.size(); ++i)
                    BOOST_TEST(std::abs(own.nodes[static_cast<std::size_t>(i)] - given[i]) < 1e-14);
            } else if (name.starts_with("neuron_gradient_")) {
                const auto at_layer = shape_at(net, layer);
                const auto place = parameters.at("neuron").get<std::vector<Index>>();
                const Index unit = place.size() == 1 ? place[0] : at_layer.at(place[0], place[1], place[2]);
                check(name, attribute(net, x, at(layer, output(unit)), Gradient{}).scores);
            } else if (name.starts_with("gradcam_")) {
                const bool relu = name.starts_with("gradcam_relu_");
                const auto map = attribute(net, x, target, GradCam{.place = layer, .relu = relu}).scores;
                const auto size = shape_at(net, layer);
                const bool nearest = name.ends_with("_nearest14");
                if (nearest || name.ends_with("_bilinear14")) {
                    check(name, upsample(map, {size.height, size.width}, 14,
                                         nearest ? Interpolation::nearest : Interpolation::bilinear));
                } else {
                    check(name, map);
                }
            } else if (name == "cam_relu2") {
                const auto cam = attribute(net, x, target, ClassActivationMap{"relu2"});
                check(name, cam.scores);
                for (Index j = 0; j < x.cols(); ++j) {  // the mean of the map and the bias are the output
                    const double bias =
                        golden.matrix<double>("fc_bias")(golden_target(golden)[static_cast<std::size_t>(j)]);
                    BOOST_TEST(std::abs(cam.gap[j] - bias) < 1e-12);
                }
            } else {
                BOOST_ERROR("no method for " + name);
            }
        }
    }
    return checked;
}

}  // namespace

BOOST_AUTO_TEST_CASE(multi_layer_perceptron) {
    const Golden golden("attribution/mlp");
    BOOST_TEST(check_all(golden, GoldenNet(golden_mlp(golden)), {1, 28, 28}) > 10);
}

BOOST_AUTO_TEST_CASE(smooth_networks) {
    for (const std::string task : {"a", "b", "c", "d"}) {
        const Golden golden("attribution/mlp_tanh_" + task);
        BOOST_TEST(check_all(golden, GoldenNet(golden_mlp<Tanh<double>>(golden)), {}) > 8);
    }
}

BOOST_AUTO_TEST_CASE(convolutional_networks) {
    const Golden plain("attribution/cnn"), normalised("attribution/cnn_bn");
    BOOST_TEST(check_all(plain, GoldenNet(golden_cnn(plain)), {}) > 10);
    BOOST_TEST(check_all(normalised, GoldenNet(golden_cnn_bn(normalised)), {}) > 8);
}

BOOST_AUTO_TEST_CASE(inside_every_network) {
    const Golden mlp("attribution/mlp"), tanh("attribution/mlp_tanh_a"), cnn("attribution/cnn"),
        normalised("attribution/cnn_bn"), mean("attribution/cnn_gap");
    BOOST_TEST(check_inside(mlp, GoldenNet(golden_mlp(mlp))) > 5);
    BOOST_TEST(check_inside(tanh, GoldenNet(golden_mlp<Tanh<double>>(tanh))) > 4);
    BOOST_TEST(check_inside(cnn, GoldenNet(golden_cnn(cnn))) > 10);
    check_inside(normalised, GoldenNet(golden_cnn_bn(normalised)));
    BOOST_TEST(check_inside(mean, GoldenNet(golden_cnn_gap(mean))) > 4);
}
