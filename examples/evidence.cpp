// SPDX-License-Identifier: MIT
// evidence - measures on handwritten digits what retracing is worth: docs/evidence.md has the tables it prints, and
// evidence/ a header for each of them.
#include <algorithm>
#include <cstdio>
#include <optional>

#include <CLI/CLI.hpp>

#include "evidence/accuracy.hpp"
#include "evidence/detection.hpp"
#include "evidence/setup.hpp"
#include "evidence/sources.hpp"
#include "evidence/speed.hpp"
#include "evidence/ties.hpp"
#include "support/evaluation.hpp"
#include "support/mnist.hpp"
#include "support/options.hpp"

namespace {

using namespace evidence;

std::optional<Options> parse(int argc, char** argv) {
    CLI::App app(
        "Measures on handwritten digits what retracing is worth, and prints tables in Markdown:\n"
        "  accuracy   how often the sources alone name the right class, and the network's\n"
        "  detection  whether certainty, credibility and familiarity tell wrong answers and foreign images\n"
        "  sources    how many of the most voted sources mean anything\n"
        "  ties       what the tie policies and an unstable sort make of the votes behind rectifiers\n"
        "  speed      seconds for a retrace of every test image on two threads");
    Options options;
    add_measuring_options(app, options.items, options.data);
    app.add_option("--out-of-distribution", options.out_of_distribution,
                   "folder with IDX files of foreign images, such as Fashion-MNIST: see fetch_fashion_mnist.sh");
    app.add_option("--train", options.train, "number of training images, 0 for all")->check(CLI::NonNegativeNumber);
    app.add_option("--test", options.test, "number of test images, 0 for all")->check(CLI::NonNegativeNumber);
    app.add_option("-e,--epochs", options.epochs, "times a network sees its training images")
        ->check(CLI::NonNegativeNumber);
    app.add_option("-k,--k", options.k, "closest training images a neuron votes for")->check(CLI::PositiveNumber);
    app.add_option("--seeds", options.seeds, "networks to take the mean over in `detection`")
        ->check(CLI::PositiveNumber);
    app.add_option("-s,--seed", options.seed, "of the first network");
    app.add_option("-j,--threads", options.threads, "to work with, 0 for every core")->check(CLI::NonNegativeNumber);
    if (!parsed(app, argc, argv)) return std::nullopt;
    return options;
}

void run(const Options& options, const mnist::Digits& digits) {
    const auto wanted = [&](const char* item) {
        return std::find(options.items.begin(), options.items.end(), item) != options.items.end();
    };
    std::printf("%s training and %s test images, network 784-128-128-10, %d epochs.\n\n",
                count_text(digits.train.samples()).c_str(), count_text(digits.test.samples()).c_str(), options.epochs);
    std::fflush(stdout);
    if (wanted("accuracy") || wanted("sources") || wanted("ties") || wanted("speed")) {
        const Net net = train(options, options.seed, digits.train);
        if (wanted("accuracy") || wanted("sources")) {
            const Traced traced = record(net, digits.train, options.threads);
            if (wanted("accuracy")) measure_accuracy(options, traced, digits.test);
            if (wanted("sources")) measure_sources(options, traced, digits.test);
        }
        if (wanted("ties")) measure_ties(options, net, digits.train, digits.test);
        if (wanted("speed")) measure_speed(options, net, digits.train, digits.test);
    }
    if (wanted("detection")) measure_detection(options, digits.train, digits.test);
}

}  // namespace

int main(int argc, char** argv) {
    return mnist::run_program("evidence", [&] {
        const std::optional<Options> options = parse(argc, argv);
        if (!options) return;
        run(*options, mnist::load_or_find(options->data, argv[0], options->train, options->test));
    });
}
