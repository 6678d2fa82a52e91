// SPDX-License-Identifier: MIT
// cnn_retrace - trains a small convolutional network on handwritten digits, traces its predictions back to training
// images, and marks where in them its neurons looked.
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <renn/index/sorted.hpp>
#include <renn/layers/convolution.hpp>
#include <renn/network/network.hpp>
#include <renn/network/summary.hpp>
#include <renn/report/html.hpp>
#include <renn/report/retrace_report.hpp>
#include <renn/retrace/traced_network.hpp>
#include <renn/tracing/neuron_patches.hpp>
#include <renn/training/fit.hpp>

#include "support/digit_networks.hpp"
#include "support/digit_training.hpp"
#include "support/evaluation.hpp"
#include "support/mnist.hpp"
#include "support/mnist_options.hpp"
#include "support/progress_bar.hpp"

namespace {

namespace html = renn::html;
using Net = DigitCnn;
using Traced = renn::TracedNetwork<Net, renn::MemoryStore<float>, renn::Sorted>;
using Data = renn::Dataset<float>;

struct CnnOptions : DigitOptions {
    std::string neurons = "channel";
    std::int64_t channels = 1, memory = 2000;
};

std::optional<CnnOptions> parse_cnn(int argc, char** argv) {
    CLI::App app(
        "Trains a small convolutional network on handwritten digits, traces its predictions back to the training\n"
        "images they rest on, and marks where in them its neurons looked.");
    CnnOptions options;
    options.epochs = 3;
    options.output = "cnn_report.html";
    add_digit_options(app, options);
    app.add_option("--neurons", options.neurons,
                   "of a convolution: a channel's largest value, a map of 3 x 3 means of it, or every position of some "
                   "channels")
        ->check(CLI::IsMember({"channel", "map", "position"}));
    app.add_option("--channels", options.channels, "recorded of each convolution with --neurons position")
        ->check(CLI::Range(1, 16));
    app.add_option("--memory", options.memory, "MB that a recording and its index may take");
    if (!read_options(app, options, argc, argv)) return std::nullopt;
    return options;
}

/// What is recorded of the convolutions: of the dense layer it is every neuron.
renn::Selection selection(const Net& net, const CnnOptions& options) {
    if (options.neurons == "channel") return {.channels = {renn::Channels{.pool = renn::Pool::max}}};
    if (options.neurons == "map") return {.channels = {renn::Channels{.height = 3, .width = 3}}};
    renn::Selection chosen;
    const auto positions = [&](const char* conv, const char* relu, const renn::Shape& shape) {
        std::vector<std::uint32_t> units(static_cast<std::size_t>(options.channels * shape.positions()));
        std::iota(units.begin(), units.end(), 0U);
        chosen.units.push_back({conv, units});
        chosen.units.push_back({relu, std::move(units)});
    };
    positions("conv2d1", "relu1", net.layer<0>().output_shape());
    positions("conv2d2", "relu2", net.layer<3>().output_shape());
    return chosen;
}

/// Bytes that the recording and its index take at most: for each neuron and image a value, and in the index a value
/// and a place in the order.
/// Activations are worked out from what is before them.
std::int64_t estimate(const Net& net, const CnnOptions& options, renn::Index samples) {
    const renn::Shape one = net.layer<0>().output_shape(), two = net.layer<3>().output_shape();
    std::int64_t values = 10;
    if (options.neurons == "channel") values += 2 * (one.channels + two.channels);
    if (options.neurons == "map") values += 2 * 9 * (one.channels + two.channels);
    if (options.neurons == "position") values += options.channels * (one.positions() + two.positions());
    return values * samples * 12;
}

void run(const CnnOptions& options, const mnist::Digits& digits) {
    Net net = make_digit_cnn(options.seed);
    const std::int64_t expected = estimate(net, options, digits.train.samples());
    if (expected > options.memory * 1000000) {
        throw renn::DataError("--neurons " + options.neurons + " needs about " +
                              html::bytes(static_cast<std::uint64_t>(expected)) + ", more than the " +
                              count_text(options.memory) + " MB of --memory: use fewer --channels or --train images");
    }
    std::cout << data_text(digits) << "\n\n" << renn::summary(net) << '\n' << std::flush;

    const Watch training;
    train_digits(net, options, digits.train, renn::CrossEntropy{}, [](const renn::Epoch& e) {
        std::printf("epoch %d: loss %.4f, accuracy %.2f %%, %s\n", e.number, e.loss, 100.0 * e.accuracy,
                    html::seconds(e.seconds).c_str());
        std::fflush(stdout);
        return true;
    });
    const double training_seconds = training.seconds();
    const std::vector<std::int32_t> predicted = predictions(net, digits.test);
    const double accuracy = part_correct(digits.test, predicted);

    const renn::Selection selected = selection(net, options);
    Traced traced(std::move(net), selected);
    ProgressBar bar;
    const Watch recording;
    traced.record(digits.train, {.threads = options.threads, .progress = bar.callback()});
    const double recording_seconds = recording.seconds();
    const Watch indexing;
    traced.index().build(options.threads, bar.callback());
    const double indexing_seconds = indexing.seconds();
    bar.wipe();

    const std::string neurons = options.neurons == "channel" ? "channels, by their largest value"
                                : options.neurons == "map"
                                    ? "channels, as maps of 3 \u00d7 3"
                                    : "positions of " + std::to_string(options.channels) +
                                          (options.channels == 1 ? " channel" : " channels") + " a convolution";
    renn::RetraceReport report(
        {.title = "Where did the network look?",
         .introduction = "A convolutional network learned to read handwritten digits. Beside each new one are the "
                         "training images its answer rests on, layer by layer, with frames around what single neurons "
                         "looked at.",
         .sample_name = "test image",
         .source_name = "training image"});
    report.fact("Data", data_fact(digits));
    report.fact("Network", "16 and 32 channels of 3 \u00d7 3, each with ReLU and max-pool, then dense");
    report.fact("Neurons", neurons);
    report.fact("Accuracy", html::number(100.0 * accuracy, 2) + "\u202f%");
    report.fact("Training", html::seconds(training_seconds) + ", " + std::to_string(options.epochs) + " epochs");
    report.fact("Store", html::bytes(traced.store().bytes()));

    const auto marker = renn::patch_marker(traced.network());
    const Watch retracing;
    const auto chosen = choose(digits.test, predicted, static_cast<std::size_t>(options.evaluations));
    std::printf("\n   test  says  true  sources\n");
    for (const renn::Index position : chosen) {
        const auto answer = traced.retrace(digits.test.input(position), {.k = options.k, .post = true});
        std::printf("%7llu  %4d  %4d  %s:", static_cast<unsigned long long>(digits.test.id(position)),
                    answer.prediction(), digits.test.label(position), answer.agreement() ? "agree   " : "disagree");
        for (const renn::Source& s : answer.top(3)) {
            std::printf("  #%llu is %d", static_cast<unsigned long long>(s.id), s.label);
        }
        std::printf("\n");
        if (!options.output.empty()) report.add(answer, digits.train, digits.test, position, marker);
    }
    const double retracing_seconds = retracing.seconds();
    if (!options.output.empty()) report.write(options.output);

    const auto line = [](const char* name, const std::string& text) { std::printf("%-10s%s\n", name, text.c_str()); };
    std::printf("\n");
    line("Accuracy", html::number(100.0 * accuracy, 2) + " % of " + count_text(digits.test.samples()) + " test images");
    line("Training", html::seconds(training_seconds));
    line("Recording", html::seconds(recording_seconds) + " for " + count_text(digits.train.samples()) + " images");
    line("Indexing",
         html::seconds(indexing_seconds) + " for " + std::to_string(traced.index().units()) + " neurons: " + neurons);
    line("Retracing",
         html::seconds(retracing_seconds) + " for " + std::to_string(chosen.size()) + " images, with report");
    line("Memory", html::bytes(traced.store().bytes()) + " store, " + html::bytes(traced.index().bytes()) + " index; " +
                       html::bytes(static_cast<std::uint64_t>(expected)) + " expected");
    if (!options.output.empty()) line("Report", options.output);
}

}  // namespace

int main(int argc, char** argv) {
    return mnist::run_program("cnn_retrace", [&] {
        const std::optional<CnnOptions> options = parse_cnn(argc, argv);
        if (!options) return;
        run(*options, mnist::load_or_find(options->data, argv[0], options->train, options->test));
    });
}
