// SPDX-License-Identifier: MIT
// What "copy as C++" writes is what stands in programs/, compiles, and is the network of the playground, bit for bit.
#define BOOST_TEST_MODULE playground_program
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <renn/data/hsv_rgb.hpp>
#include <renn/renn.hpp>

#include "app/make_network.hpp"
#include "app/write_program.hpp"
#include "support/random_batch.hpp"

namespace dense {
#include "programs/dense.inl"
}
namespace convolution {
#include "programs/convolution.inl"
}
namespace colours {
#include "programs/colours.inl"
}

namespace {

using playground::DataSet;
using playground::NetworkPlan;
using playground::ProgramOptions;
namespace fs = std::filesystem;

const fs::path here = fs::path(__FILE__).parent_path();

/// The text of a program; with RENN_UPDATE_PROGRAMS set it is written anew.
void check_text(const std::string& name, const std::string& text) {
    const fs::path path = here / "programs" / (name + ".inl");
    if (std::getenv("RENN_UPDATE_PROGRAMS") != nullptr) std::ofstream(path) << text;
    std::ifstream in(path);
    const std::string kept((std::istreambuf_iterator<char>(in)), {});
    BOOST_TEST((text == kept), path << " is not what is written now: run this test once with RENN_UPDATE_PROGRAMS=1");
}

/// The outputs before and after training are those of the run-time network.
template <class Net>
void check_same(const NetworkPlan& plan, const DataSet& data, std::uint64_t seed, const ProgramOptions& options,
                Net net, renn::Training (*train)(Net&, const renn::Dataset<float>&, const renn::Dataset<float>&)) {
    playground::Net own = playground::make_network(plan, data, seed);
    const renn::Batch<float> x = data.test.inputs();
    BOOST_TEST(renn::test::same_bits(net.predict(x), own.predict(x)));
    BOOST_TEST(net.names() == own.names(), boost::test_tools::per_element());
    train(net, data.train, data.test);
    renn::FitOptions fit{.epochs = static_cast<int>(options.epochs), .batch = options.batch};
    fit.loss = renn::MeanSquaredError{};
    if (options.loss != "MSE") fit.loss = renn::CrossEntropy{};
    fit.optimizer = renn::Adam{.learning_rate = options.learning_rate};
    if (options.optimizer == "SGD") {
        fit.optimizer = renn::Sgd{.learning_rate = options.learning_rate, .momentum = options.momentum};
    }
    fit.seed = seed;
    renn::fit(own, data.train, fit);
    BOOST_TEST(renn::test::same_bits(net.predict(x), own.predict(x)));
}

/// Pictures of the size of MNIST's, of noise.
DataSet digits(const ProgramOptions& options) {
    const auto noise = [](renn::Index count, std::uint64_t seed) {
        renn::Rng rng(seed);
        renn::Bytes pixels(784, count);
        for (renn::Index i = 0; i < pixels.size(); ++i) pixels.data()[i] = static_cast<std::uint8_t>(rng.below(256));
        std::vector<std::int32_t> labels;
        for (renn::Index i = 0; i < count; ++i) labels.push_back(static_cast<std::int32_t>(i % 10));
        return renn::Dataset<float>(std::move(pixels),
                                    {.labels = std::move(labels), .image = {1, 28, 28}, .classes = 10});
    };
    return {.name = "mnist", .title = "MNIST", .train = noise(options.train, 1), .test = noise(options.test, 2)};
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_plain_network_with_the_options_of_the_original) {
    const NetworkPlan plan{.layers = {{.size = 12}, {.size = 9, .activation = "None"}}};
    const ProgramOptions options{.epochs = 2, .train = 40, .test = 8, .batch = 16};
    const DataSet data = digits(options);
    check_text("dense", playground::write_program(plan, data, 42, options));
    check_same(plan, data, 42, options, dense::make_network(), dense::train);
}

BOOST_AUTO_TEST_CASE(every_kind_of_layer_and_activation) {
    const NetworkPlan plan{
        .layers = {{.kind = "Convolution", .size = 4, .activation = "None", .stride = 2, .padding = 1},
                   {.kind = "BatchNorm", .activation = "LeakyReLU"},
                   {.kind = "MaxPool", .kernel = 3, .stride = 2, .padding = 1},
                   {.kind = "AveragePool", .kernel = 2, .stride = 2},
                   {.kind = "LayerNorm", .activation = "ELU"},
                   {.kind = "Dropout", .rate = 0.2},
                   {.size = 8, .activation = "GELU"},
                   {.kind = "BatchNorm", .activation = "SiLU"},
                   {.size = 7, .activation = "Softplus"},
                   {.size = 6, .activation = "Sigmoid"}},
        .output_activation = "None"};
    const ProgramOptions options{.epochs = 2,
                                 .train = 40,
                                 .test = 8,
                                 .batch = 16,
                                 .learning_rate = 0.05,
                                 .momentum = 0.9,
                                 .loss = "Cross-Entropy",
                                 .optimizer = "SGD"};
    const DataSet data = digits(options);
    check_text("convolution", playground::write_program(plan, data, 99999, options));
    check_same(plan, data, 99999, options, convolution::make_network(), convolution::train);
}

BOOST_AUTO_TEST_CASE(targets_in_place_of_labels_and_the_whole_program_runs) {
    const NetworkPlan plan{.layers = {{.size = 5, .activation = "Tanh"}}, .output_activation = "Sigmoid"};
    const ProgramOptions options{.epochs = 1, .train = 100, .test = 20, .batch = 25};
    const DataSet data{.name = "hsv_rgb",
                       .title = "HSV to RGB",
                       .train = renn::hsv_rgb_grid<float>(50000),
                       .test = renn::hsv_rgb_random<float>(10000, 1)};
    check_text("colours", playground::write_program(plan, data, 7, options));
    const DataSet part{
        .name = "hsv_rgb", .title = "HSV to RGB", .train = data.train.first(100), .test = data.test.first(20)};
    check_same(plan, part, 7, options, colours::make_network(), colours::train);
    BOOST_TEST(colours::main() == 0);
}
