// SPDX-License-Identifier: MIT
// labels: golden
// Relevance propagation against Zennit: every rule on every layer, composites on whole networks, every layer's
// relevance.
#define BOOST_TEST_MODULE relevance_golden
#include <boost/test/unit_test.hpp>

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <renn/attribution/relevance/canonise.hpp>
#include <renn/attribution/relevance_propagation.hpp>

#include "support/golden.hpp"
#include "support/golden_networks.hpp"
#include "support/transposed_convolution.hpp"

using namespace renn;
using test::Golden;

namespace {

relevance::Rule rule_of(const nlohmann::json& p) {
    const std::string rule = p.at("rule");
    const auto bias = p.contains("zero_params") ? relevance::Bias::zero : relevance::Bias::absorb;
    const double stabiliser = p.value("stabilizer", 1e-6);
    if (rule == "Epsilon" && p.at("epsilon") == 0.0) return relevance::Zero{.bias = bias};
    if (rule == "Epsilon") return relevance::Epsilon{.epsilon = p.at("epsilon"), .bias = bias};
    if (rule == "Gamma") return relevance::Gamma{.gamma = p.at("gamma"), .stabiliser = stabiliser, .bias = bias};
    if (rule == "ZPlus") return relevance::ZPlus{.stabiliser = stabiliser, .bias = bias};
    if (rule == "AlphaBeta") {
        return relevance::AlphaBeta{
            .alpha = p.at("alpha"), .beta = p.at("beta"), .stabiliser = stabiliser, .bias = bias};
    }
    if (rule == "WSquare") return relevance::WSquare{.stabiliser = stabiliser, .bias = bias};
    if (rule == "Flat") return relevance::FlatRule{.stabiliser = stabiliser};
    if (rule == "ZBox") return relevance::ZBox{.low = {p.at("low")}, .high = {p.at("high")}, .stabiliser = stabiliser};
    if (rule == "Norm") return relevance::Norm{.stabiliser = stabiliser};
    if (rule == "Pass") return relevance::PassOn{};
    if (rule == "none (gradient)") return relevance::Winner{};
    throw std::runtime_error("golden: unknown rule " + rule);
}

relevance::Composite composite_of(const nlohmann::json& p) {
    for (const char* all : {"all linear/conv layers", "all linear layers"}) {
        if (p.contains(all)) return rule_of(p.at(all));
    }
    if (p.contains("first layer")) {
        return relevance::Composite()
            .add(relevance::first(), rule_of(p.at("first layer")))
            .add(relevance::weighted(), rule_of(p.at("others")));
    }
    const std::string name = p.at("composite");
    if (name == "EpsilonPlus") return relevance::epsilon_plus(p.at("epsilon"));
    if (name == "EpsilonPlusFlat") return relevance::epsilon_plus_flat(p.at("epsilon"));
    if (name == "EpsilonAlpha2Beta1") return relevance::epsilon_alpha2_beta1(p.at("epsilon"));
    if (name == "EpsilonAlpha2Beta1Flat") return relevance::epsilon_alpha2_beta1_flat(p.at("epsilon"));
    if (name == "EpsilonGammaBox")
        return relevance::epsilon_gamma_box({p.at("low")}, {p.at("high")}, p.at("gamma"), p.at("epsilon"));
    throw std::runtime_error("golden: unknown composite " + name);
}

const Golden single("attribution/single_layer");

/// Every array of one layer with a method: relevance at the input for a given one at the output.
template <class L>
std::size_t check_layer(const std::string& layer, const L& value) {
    const Network<L> net(value);
    const auto x = single.batch<double>(layer + "_x");
    BOOST_TEST(single.check(layer + "_y", net.predict(x)));
    AttributionWorkspace<Network<L>> workspace;
    Attribution<double> result;
    std::size_t count = 0;
    for (const std::string& name : single.names()) {
        const auto& entry = single.entry(name);
        const auto split = name.rfind(layer + "_", 0) == 0 ? name.substr(layer.size() + 1) : "";
        if (!entry.contains("method") || entry.at("method") != "LRP" || split.empty()) continue;
        // "conv_s2_zero" belongs to conv_s2, not to conv
        if (split.rfind("nb_", 0) == 0 || split.rfind("s1_", 0) == 0 || split.rfind("s2_", 0) == 0 ||
            split.rfind("g2_", 0) == 0 || split.rfind("cancel_", 0) == 0) {
            continue;
        }
        ++count;
        const RelevancePropagation method{
            .composite = relevance::Composite().add(relevance::places(0), rule_of(entry.at("parameters"))),
            .start = RelevanceStart::slope};
        method(net, x, direction(single.batch<double>(layer + "_R")), workspace, result);
        BOOST_TEST(single.check(name, result.scores));
        BOOST_TEST(result.ledger.worst() < 1e-9, name << "\n" << result.ledger.text(0));
    }
    return count;
}

Dense<double> linear(const std::string& name) {
    Dense<double>::Parameters w{single.matrix<double>(name + "_weight"), {}};
    w.bias = single.has(name + "_bias") ? Column<double>(single.matrix<double>(name + "_bias"))
                                        : Column<double>::Zero(w.weights.rows());
    return Dense<double>(w);
}
Shape shape_of(const std::string& name) {
    const auto s = single.shape(name);
    return s.size() == 4 ? Shape{s[1], s[2], s[3]} : Shape{s[1], 1, s[2]};
}
template <class L, class Options>
L convolution(const std::string& name, const Options& options) {
    return L(shape_of(name + "_x"), options,
             {single.batch<double>(name + "_weight").transpose(), single.matrix<double>(name + "_bias")});
}

/// Every lrp array of a network's folder.
template <class Net, class T>
void check_network(const Golden& golden, const Net& net, const Net& raw, const T& target, std::size_t least) {
    const auto x = golden.batch<double>("x");
    std::map<std::string, Attribution<double>> results;  // several arrays are of one
    std::size_t count = 0;
    for (const std::string& name : golden.names()) {
        if (name.rfind("lrp_", 0) != 0) continue;
        ++count;
        const bool as_it_is = name.find("_no_canonizer") != std::string::npos;
        const auto& parameters = golden.entry(name).at("parameters");
        auto& result = results[parameters.dump()];
        if (result.ledger.empty()) {
            const RelevancePropagation method{.composite = composite_of(parameters), .keep_relevance = true};
            result = attribute(as_it_is ? raw : net, x, target, method);
        }
        const auto at = name.find("_at_");
        const std::string layer = at == std::string::npos ? "input" : name.substr(at + 4);
        BOOST_TEST(golden.check(name, layer == "input" ? result.scores : result.ledger[layer].relevance));
        BOOST_TEST(result.ledger.worst() < 1e-9, name << "\n" << result.ledger.text(0));
        BOOST_TEST(result.warnings.size() == (as_it_is ? 2U : 0U));
    }
    BOOST_TEST(count >= least);
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_rule_on_every_layer) {
    std::size_t count = 0;
    for (const char* name : {"linear", "linear_nb", "linear_cancel"}) count += check_layer(name, linear(name));
    count += check_layer("conv", convolution<Conv2d<double>>("conv", Conv2dOptions{.channels = 3, .padding = 1}));
    count += check_layer("conv_s2", convolution<Conv2d<double>>(
                                        "conv_s2", Conv2dOptions{.channels = 3, .kernel = {3, 2}, .stride = {2, 1}}));
    count += check_layer(
        "conv_g2", convolution<Conv2d<double>>("conv_g2", Conv2dOptions{.channels = 4, .padding = 1, .groups = 2}));
    count += check_layer("conv1d_d2", convolution<Conv1d<double>>(
                                          "conv1d_d2", Conv1dOptions{.channels = 3, .padding = 2, .dilation = 2}));
    count += check_layer("convT", test::TransposedConvolution(shape_of("convT_y"), {.channels = 2, .stride = 2},
                                                              {single.batch<double>("convT_weight").transpose(),
                                                               single.matrix<double>("convT_bias")}));
    count += check_layer("avgpool", AvgPool2d<double>(shape_of("avgpool_x")));
    count += check_layer("avgpool_s1",
                         AvgPool2d<double>(shape_of("avgpool_s1_x"), {.kernel = 3, .stride = 1, .padding = 1}));
    count += check_layer("maxpool", MaxPool2d<double>(shape_of("maxpool_x")));
    count += check_layer("relu", ReLU<double>{});
    count += check_layer("tanh", Tanh<double>{});
    count += check_layer("batchnorm", test::golden_norm(single, "batchnorm", shape_of("batchnorm_x")));
    std::size_t all = 0;
    for (const std::string& name : single.names()) {
        const auto& entry = single.entry(name);
        all += entry.contains("method") && entry.at("method") == "LRP" ? 1 : 0;
    }
    BOOST_TEST(count == all);
}

BOOST_AUTO_TEST_CASE(a_multilayer_perceptron) {
    const Golden golden("attribution/mlp");
    const auto net = test::golden_mlp(golden);
    check_network(golden, net, net, output(test::golden_target(golden)), 20);
}

BOOST_AUTO_TEST_CASE(networks_of_tanh) {
    for (const char* set : {"a", "b", "c", "d"}) {
        const Golden golden(std::string("attribution/mlp_tanh_") + set);
        const auto net = test::golden_mlp<Tanh<double>>(golden);
        check_network(golden, net, net, output(0), 10);
    }
}

BOOST_AUTO_TEST_CASE(a_convolutional_network) {
    const Golden golden("attribution/cnn");
    const auto net = test::golden_cnn(golden);
    check_network(golden, net, net, output(test::golden_target(golden)), 20);
}

BOOST_AUTO_TEST_CASE(a_convolutional_network_with_batch_norm) {
    const Golden golden("attribution/cnn_bn");
    const auto raw = test::golden_cnn_bn(golden);
    const auto net = canonise(raw);
    const auto x = golden.batch<double>("x");
    BOOST_TEST((net.predict(x) - raw.predict(x)).cwiseAbs().maxCoeff() < 1e-6);
    check_network(golden, net, raw, output(test::golden_target(golden)), 20);
}
