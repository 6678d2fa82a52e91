// SPDX-License-Identifier: MIT
// hsv_rgb - trains a network to turn hue, saturation and value into red, green and blue, and traces colours back to the
// training colours they rest on.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <renn/activations/relu.hpp>
#include <renn/data/hsv_rgb.hpp>
#include <renn/index/sorted.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>
#include <renn/report/colour_cube.hpp>
#include <renn/report/colours.hpp>
#include <renn/report/html.hpp>
#include <renn/report/page.hpp>
#include <renn/report/retrace_report.hpp>
#include <renn/retrace/trace.hpp>
#include <renn/training/evaluate.hpp>
#include <renn/training/fit.hpp>

#include "plotly.hpp"
#include "support/progress_bar.hpp"
#include "support/watch.hpp"

namespace {

namespace html = renn::html;

struct Options {
    std::string output = "hsv_rgb.html", plotly;
    std::int64_t train = 50000, test = 10000, batch = 64, width = 64, k = 42;
    int epochs = 40, evaluations = 4, threads = 0;
    double learning_rate = 5e-3;
    std::uint64_t seed = 1;
    bool flat = false;
};

/// Colours that everybody has a name for, then random ones: hue, saturation, value with their tags.
renn::Dataset<float> queries(int random, std::uint64_t seed) {
    constexpr float turn = 360.0f;
    renn::Batch<float> hsv(3, 6 + random);
    hsv.leftCols(6) << 0.0f, 28.0f / turn, 52.0f / turn, 135.0f / turn, 215.0f / turn, 300.0f / turn,  //
        0.95f, 0.9f, 0.5f, 0.7f, 0.8f, 0.6f,                                                           //
        0.9f, 0.95f, 0.95f, 0.5f, 0.9f, 0.7f;
    std::vector<std::string> tags{"a red", "an orange", "a pale yellow", "a green", "a blue", "a purple"};
    hsv.rightCols(random) = renn::hsv_rgb_random<float>(random, seed).inputs();
    renn::Batch<float> rgb(3, hsv.cols());
    for (renn::Index i = 0; i < hsv.cols(); ++i) {
        std::ranges::copy(renn::hsv_to_rgb(std::array{hsv(0, i), hsv(1, i), hsv(2, i)}), rgb.col(i).data());
        std::string& tag = i < 6 ? tags[static_cast<std::size_t>(i)] : tags.emplace_back("a random colour");
        tag += ": hue " + html::number(turn * hsv(0, i), 0) + "\u00b0, saturation " + html::number(100 * hsv(1, i), 0) +
               "\u202f%, value " + html::number(100 * hsv(2, i), 0) + "\u202f%";
    }
    return {hsv, {.targets = rgb, .tags = tags}};
}

std::string read_text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file || text.str().empty()) throw renn::FormatError(path + ": cannot be read");
    return text.str();
}

void run(const Options& options) {
    const auto train = renn::hsv_rgb_grid<float>(options.train);
    const auto test = renn::hsv_rgb_random<float>(options.test, renn::mix(options.seed, 7));
    const auto count = [](renn::Index n) { return html::grouped(static_cast<std::uint64_t>(n)); };
    std::printf("Data      %s training colours on a grid, %s random test colours\n", count(train.samples()).c_str(),
                count(test.samples()).c_str());

    using renn::Dense, renn::ReLU;
    const auto seed = [&](std::uint64_t layer) { return renn::mix(options.seed, layer); };
    renn::Network net{Dense<float>(3, options.width, seed(1)), ReLU<float>{},
                      Dense<float>(options.width, options.width, seed(2)), ReLU<float>{},
                      Dense<float>(options.width, 3, seed(3))};
    const Watch training;
    {
        ProgressBar bar;
        // A learning rate that falls in three steps: the last digits of a regression need small ones.
        for (const auto& [part, factor] : {std::pair{0.6, 1.0}, {0.2, 0.25}, {0.2, 0.05}}) {
            const auto result = renn::fit(net, train,
                                          {.epochs = static_cast<int>(std::ceil(part * options.epochs)),
                                           .batch = options.batch,
                                           .loss = renn::MeanSquaredError{},
                                           .optimizer = renn::Adam{.learning_rate = factor * options.learning_rate},
                                           .seed = renn::mix(options.seed, static_cast<std::uint64_t>(100.0 * factor)),
                                           .progress = bar.callback()});
            if (result.diverged) throw renn::DataError("training diverged: try a smaller --learning-rate");
        }
    }
    const double train_seconds = training.seconds();
    const double error = std::sqrt(renn::evaluate(net, test, renn::MeanSquaredError{}).loss);

    auto traced = renn::trace<renn::Sorted>(std::move(net));
    const Watch recording;
    traced.record(train, {.threads = options.threads});
    traced.index().build(options.threads);
    const double record_seconds = recording.seconds();

    const auto asked = queries(options.evaluations, renn::mix(options.seed, 8));
    renn::Page page("Which training colours is this built on?",
                    "A network learned to turn hue, saturation and value into red, green and blue. Below are colours "
                    "it was asked for: what they should be, what the network says, and the training colours that its "
                    "answer rests on, those for which its neurons did almost the same. Blends are means of red, green "
                    "and blue, since hue is an angle and has no mean.");
    renn::RetraceReport report({.sample_name = "colour", .source_name = "training colour", .target_image = {3, 1, 1}});
    std::vector<renn::TracedColour> colours;
    const std::string width = std::to_string(options.width);
    page.fact("Data", count(train.samples()) + " colours on a grid");
    page.fact("Network", "3\u2013" + width + "\u2013" + width + "\u20133, ReLU");
    page.fact("Test error (root mean square)", html::number(255.0 * error, 2) + " of 255");
    page.fact("Training", html::seconds(train_seconds));
    page.fact("Recording, indexing", html::seconds(record_seconds));

    std::printf("Training  %s\nRecording %s, with index\nError     %s of 255, root mean square on test colours\n\n",
                html::seconds(train_seconds).c_str(), html::seconds(record_seconds).c_str(),
                html::number(255.0 * error, 2).c_str());
    std::printf("  target  predicted  of sources  hue, saturation, value\n");
    for (renn::Index i = 0; i < asked.samples(); ++i) {
        const auto values = traced.activations(asked.input(i));
        const auto answer = traced.retrace_activations(values, {.k = options.k, .post = true}).front();
        const renn::TracedColour& colour = colours.emplace_back(
            renn::traced_colour(answer, train, asked.tags()[static_cast<std::size_t>(i)],
                                renn::Column<float>(asked.targets().col(i)), static_cast<std::size_t>(options.k)));
        std::printf(" %s    %s     %s  %s\n", renn::hex_code(colour.reference).c_str(),
                    renn::hex_code(colour.predicted).c_str(), renn::hex_code(colour.weighted).c_str(),
                    colour.name.c_str());
        report.add(answer, train, asked, i);
    }
    if (options.output.empty()) return;
    page.style(renn::colour_style);
    page.section("Colours", [&](std::ostream& out) { renn::write_colour_cards(out, colours); });
    const std::string plotly = options.flat ? "" : options.plotly.empty() ? plotly_text() : read_text(options.plotly);
    renn::add_colour_cube(page, colours, plotly);
    report.add_to(page);
    page.write(options.output);
    if (plotly.empty() && !options.flat)
        std::printf("\nplotly.js is not built in, so the cube is shown flat: see --plotly\n");
    std::printf("\nReport    %s\n", options.output.c_str());
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app(
        "Trains a network to turn hue, saturation and value into red, green and blue, records what each neuron did\n"
        "for each training colour, and traces new colours back to the training colours they rest on.");
    app.option_defaults()->always_capture_default();
    Options options;
    app.add_option("--train", options.train, "about this many training colours, on a grid");
    app.add_option("--test", options.test, "random test colours")->check(CLI::PositiveNumber);
    app.add_option("-w,--width", options.width, "neurons of each of the two hidden layers")->check(CLI::PositiveNumber);
    app.add_option("-e,--epochs", options.epochs, "times the network sees all training colours")
        ->check(CLI::NonNegativeNumber);
    app.add_option("-b,--batch", options.batch, "colours a training step");
    app.add_option("-l,--learning-rate", options.learning_rate, "of Adam, at first");
    app.add_option("-k,--k", options.k, "closest training colours a neuron votes for")->check(CLI::PositiveNumber);
    app.add_option("-n,--evaluations", options.evaluations, "random colours to retrace, beside six with names")
        ->check(CLI::NonNegativeNumber);
    app.add_option("-s,--seed", options.seed, "of the first weights, the order of training and random colours");
    app.add_option("-j,--threads", options.threads, "for recording and indexing, 0 for every core")
        ->check(CLI::NonNegativeNumber);
    app.add_option("-o,--output", options.output, "page to write, \"\" for none");
    app.add_option("--plotly", options.plotly, "script of plotly.js to draw with, in place of the one built in")
        ->check(CLI::ExistingFile);
    app.add_flag("--flat", options.flat, "leave the script out and show the cube from one side: a smaller page");
    CLI11_PARSE(app, argc, argv);
    try {
        run(options);
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "hsv_rgb: %s\n", e.what());
    }
    return 1;
}
