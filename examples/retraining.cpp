// SPDX-License-Identifier: MIT
// retraining - asks whether a retrace foretells what training without some samples does: docs/evidence.md has the
// tables it prints, and retraining/ a header for each of them.
#include <algorithm>
#include <optional>
#include <vector>

#include <CLI/CLI.hpp>

#include "retraining/datamodelling.hpp"
#include "retraining/problems.hpp"
#include "retraining/removal.hpp"
#include "retraining/setup.hpp"
#include "support/mnist.hpp"
#include "support/options.hpp"

namespace {

using namespace retraining;

std::optional<Options> parse(int argc, char** argv) {
    CLI::App app(
        "Trains small networks again and again on parts of their training samples, and compares what that does with\n"
        "what votes and other scores of the samples say. Prints tables in Markdown:\n"
        "  datamodelling  linear datamodelling score: networks of random halves of the samples\n"
        "  removal        networks without the samples that a score puts first");
    Options options;
    add_measuring_options(app, options.items, options.data);
    app.add_option("--golden", options.golden,
                   "folder with model/ and lds_mlp/, arrays of one more network and of 40 retrained ones");
    app.add_option("--train", options.train, "training samples")->check(CLI::Range(20, 60000));
    app.add_option("--test", options.test, "queries of the datamodelling score")->check(CLI::Range(2, 10000));
    app.add_option("--subsets", options.subsets, "random halves")->check(CLI::Range(2, 10000));
    app.add_option("--remove", options.remove, "part of the training samples to leave out for a query")
        ->check(CLI::Range(0.0, 0.5));
    app.add_option("--removals", options.removals, "queries to leave samples out for")->check(CLI::Range(2, 10000));
    app.add_option("-e,--epochs", options.epochs, "of every training")->check(CLI::PositiveNumber);
    app.add_option("--repeats", options.repeats, "networks trained on each subset")->check(CLI::PositiveNumber);
    app.add_option("-s,--seed", options.seed, "of all draws");
    if (!parsed(app, argc, argv)) return std::nullopt;
    return options;
}

void run(const Options& options, const char* program) {
    const auto wanted = [&](const char* item) {
        return std::find(options.items.begin(), options.items.end(), item) != options.items.end();
    };
    const mnist::Digits digits = mnist::load_or_find(options.data, program, options.train, options.test);
    const Data drawn = clusters(options.train / 2, 11), asked = clusters(options.test, 12);
    std::vector<Problem> problems;
    problems.push_back({"MNIST", digits.train, digits.test, train(options, digits.train, options.seed)});
    problems.push_back({"clusters", drawn, asked, train(options, drawn, options.seed)});
    if (wanted("datamodelling")) {
        for (Problem& problem : problems) train_on_halves(options, problem);
        if (!options.golden.empty()) problems.push_back(read_golden(options.golden));
        measure_datamodelling(problems);
    }
    if (wanted("removal")) {
        for (Problem& problem : problems) {
            if (problem.name == "reference") continue;
            problem.queries = problem.queries.first(std::min(problem.queries.samples(), options.removals));
            measure_removal(options, problem);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    return mnist::run_program("retraining", [&] {
        const std::optional<Options> options = parse(argc, argv);
        if (options) run(*options, argv[0]);
    });
}
