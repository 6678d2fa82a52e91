// SPDX-License-Identifier: MIT
// taylor_analysis - trains a small network on points of two classes and shows which inputs, and which pairs of them,
// its answers depend on: over the data, over the input space, and while it learns. taylor_analysis/tasks.hpp has the
// points.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <numeric>
#include <ostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <renn/activations/tanh.hpp>
#include <renn/attribution/taylor/coefficients.hpp>
#include <renn/attribution/taylor/input_map.hpp>
#include <renn/attribution/taylor/learning_progress.hpp>
#include <renn/attribution/taylor/ranking.hpp>
#include <renn/attribution/taylor/retraining.hpp>
#include <renn/data/principal_components.hpp>
#include <renn/data/split.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/initialise.hpp>
#include <renn/network/network.hpp>
#include <renn/report/chart.hpp>
#include <renn/report/html.hpp>
#include <renn/report/page.hpp>
#include <renn/report/taylor_figures.hpp>
#include <renn/training/fit.hpp>

#include "support/table.hpp"
#include "taylor_analysis/tasks.hpp"

namespace {

namespace html = renn::html;
using namespace taylor_analysis;
using Net = renn::Network<renn::Dense<float>, renn::Tanh<float>, renn::Dense<float>>;

Net network(Index inputs, Index width, std::uint64_t seed) {
    return Net(renn::Dense<float>(inputs, width, renn::Glorot{renn::mix(seed, 1)}), renn::Tanh<float>{},
               renn::Dense<float>(width, 1, renn::Glorot{renn::mix(seed, 2)}));
}

/// With a learning rate that falls to 0, or until a part that is kept back gains no more.
renn::FitOptions fit_options(const Options& options, const Task& task) {
    renn::FitOptions fit{.epochs = options.epochs,
                         .batch = std::max<Index>(1, task.train.samples() / options.batches),
                         .loss = renn::BinaryCrossEntropy{},
                         .optimizer = renn::Adam{.learning_rate = options.learning_rate},
                         .early_stopping = {.patience = options.patience},
                         .seed = options.seed};
    if (options.patience == 0) fit.schedule = renn::CosineDecay{.lowest = 0.0};
    return fit;
}

void print(const renn::TaylorCoefficients& of_probability, const renn::TaylorCoefficients& of_logit, const Task& task) {
    Table table({"term", "probability", "standard error", "signed mean", "median", "logit",
                 task.expected.empty() ? "" : "best possible"});
    for (const std::size_t i : renn::select(of_probability, renn::TopCount{25})) {
        const renn::TaylorCoefficient& t = of_probability.terms[i];
        table.add({t.name, fixed(t.value, 4), fixed(t.error, 4), fixed(t.mean, 4), fixed(t.quantiles[2], 4),
                   fixed(of_logit.terms[i].value, 4), task.expected.empty() ? "" : fixed(task.expected[i], 3)});
    }
    table.print();
}

/// Maps of the strongest terms over their own two inputs; a single input goes with the next strongest one.
void write_maps(std::ostream& out, const renn::TaylorCoefficients& t, const renn::Batch<float>& x) {
    std::vector<Index> order;
    for (const std::size_t i : renn::rank(t)) {
        if (t.terms[i].variables.size() == 1) order.push_back(t.terms[i].variables[0]);
    }
    order.erase(std::unique(order.begin(), order.end()), order.end());
    int shown = 0;
    out << "<div class=\"maps\">\n";
    for (const std::size_t i : renn::rank(t)) {
        std::vector<Index> plane = t.terms[i].variables;
        for (std::size_t o = 0; plane.size() < 2 && o < order.size(); ++o) {
            if (order[o] != plane[0]) plane.push_back(order[o]);
        }
        if (plane.size() < 2 || shown++ == 4) break;
        std::sort(plane.begin(), plane.end());
        const auto map =
            renn::input_map(x.row(plane[0]), x.row(plane[1]), t.samples.row(static_cast<Index>(i)).cwiseAbs());
        renn::write_input_map(out, map,
                              {.title = "|t(" + t.terms[i].name + ")|",
                               .x_name = t.terms[static_cast<std::size_t>(plane[0])].name,
                               .y_name = t.terms[static_cast<std::size_t>(plane[1])].name});
    }
    out << "</div>\n";
}

/// A second network that learns slowly: part of the samples, small steps.
renn::LearningProgress follow(const Options& options, const Task& task, const renn::TaylorOptions& taylor) {
    Net net = network(task.train.features(), options.width, options.seed);
    const Data some = task.train.first(std::min<Index>(task.train.samples(), 10000));
    renn::Batch<float> x;
    task.test.inputs(0, std::min<Index>(options.follow, task.test.samples()), x);
    renn::LearningProgress progress;
    renn::fit(net, some,
              {.epochs = options.follow_epochs,
               .batch = std::max<Index>(1, some.samples() / 10),
               .loss = renn::BinaryCrossEntropy{},
               .optimizer = renn::Adam{.learning_rate = 2e-3},
               .seed = options.seed,
               .on_epoch = renn::follow_learning(net, x, renn::probability(0), progress, taylor)});
    return progress;
}

renn::Chart learning_chart(const renn::LearningProgress& progress, const renn::TaylorCoefficients& t) {
    renn::Chart chart{.title = "Coefficients after each epoch",
                      .description = "The four largest terms, in a second network that learns with small steps.",
                      .x_name = "epoch",
                      .y_name = "mean of the absolute values"};
    std::vector<double> epochs(progress.epochs.begin(), progress.epochs.end());
    for (const std::size_t i : renn::select(t, renn::TopCount{4})) {
        chart.series.push_back({.name = t.terms[i].name, .x = epochs, .y = progress[t.terms[i].name]});
    }
    return chart;
}

std::string with_spread(const renn::Spread& s) {
    return fixed(s.mean, 4) + " +- " + fixed(s.deviation, 4);
}

void run(const Options& options) {
    const Task task = task_of(options);
    const auto count = [](Index n) { return html::grouped(static_cast<std::uint64_t>(n)); };
    const Index inputs = task.train.features();
    std::printf("Data      %s: %s training samples, %s test samples, %s inputs\n", task.title.c_str(),
                count(task.train.samples()).c_str(), count(task.test.samples()).c_str(), count(inputs).c_str());

    // The toy tasks are compared with known numbers, in units of their inputs; others in standard deviations.
    const renn::TaylorOptions taylor{
        .inputs = task.toy ? renn::TaylorInputs::as_given : renn::TaylorInputs::in_deviations, .names = task.names};
    const auto target = renn::probability(0);
    Net net = network(inputs, options.width, options.seed);
    const renn::FitOptions how = fit_options(options, task);
    const auto parts = renn::train_test_split(task.train, {.test = options.patience > 0 ? 0.25 : 0.0});
    const auto training = renn::fit(net, parts.train, parts.test, how);
    if (training.diverged) throw renn::DataError("training diverged: try a smaller --learning-rate");
    const auto quality = renn::classifier_quality(net, task.test);
    std::printf("Training  %zu epochs; accuracy %.4f", training.epochs.size(), quality.accuracy);
    if (task.best_accuracy) std::printf(" (best possible %.3f)", *task.best_accuracy);
    std::printf(", AUC %.4f\n\n", quality.auc);

    const renn::Batch<float> x = task.test.inputs();
    const auto t = renn::taylor_coefficients(net, x, target, taylor);
    const auto of_logit = renn::taylor_coefficients(net, x, renn::output(0), taylor);
    print(t, of_logit, task);
    for (const std::string& warning : t.warnings) std::printf("Note: %s\n", warning.c_str());

    renn::Page page("Which inputs do the answers depend on?",
                    "A network learned to tell two classes apart. Its output is expanded in a Taylor series at every "
                    "test sample: the first derivative by an input says how the answer moves with it, the second "
                    "derivatives how inputs act together. Shown are means of the absolute values over all samples.");
    page.style(renn::taylor_style);
    page.fact("Data", task.title);
    page.fact("Samples", count(task.train.samples()) + " to train, " + count(task.test.samples()) + " to test");
    page.fact("Network", count(inputs) + "\u2013" + count(options.width) + " (tanh)\u20131");
    page.fact("Accuracy", html::percent(quality.accuracy) +
                              (task.best_accuracy ? ", best possible " + html::percent(*task.best_accuracy) : ""));
    page.fact("Training", std::to_string(training.epochs.size()) + " epochs");
    page.section("Coefficients", [&](std::ostream& out) {
        out << "<div class=\"charts\">\n";
        renn::write_coefficients(out, t,
                                 {.title = "Of the probability",
                                  .description = "A pair can matter although the logit is a plain sum: the "
                                                 "probability bends it.",
                                  .expected = task.expected});
        renn::write_coefficients(out, of_logit,
                                 {.title = "Of the logit",
                                  .description = "Before the logistic function: pairs are what the network itself "
                                                 "combines."});
        out << "</div>\n";
    });
    page.section(
        "Over the input space", [&](std::ostream& out) { write_maps(out, t, x); },
        "where the probability is sensitive; grey: no samples");
    if (const auto progress = follow(options, task, taylor); !progress.epochs.empty()) {
        page.section("Learning", [&](std::ostream& out) {
            out << "<div class=\"charts\">\n";
            renn::write_chart(out, learning_chart(progress, t));
            out << "</div>\n";
        });
    }

    const auto selected = renn::select(t, renn::TopShare{options.share});
    const auto found = renn::variables(t, selected);
    std::string names;
    for (const Index i : found) names += (names.empty() ? "" : ", ") + t.terms[static_cast<std::size_t>(i)].name;
    if (inputs > 2) {
        std::printf("Selection the %zu largest of %zu terms are made of %zu inputs: %s\n", selected.size(),
                    t.terms.size(), found.size(), names.c_str());
    }
    const auto shuffled =
        renn::permutation_importance(net, task.test.first(std::min<Index>(20000, x.cols())), 5, options.seed);
    const auto components = renn::principal_components(x);
    page.section(
        "Beside it",
        [&](std::ostream& out) {
            if (inputs > 2) {
                out << "<p>The " << selected.size() << " largest of " << t.terms.size() << " terms are made of "
                    << found.size() << " inputs: " << html::escape(names) << ".</p>\n";
            }
            out << "<div class=\"scroll\"><table class=\"data\"><tr><th scope=\"col\">input</th><th "
                   "scope=\"col\">accuracy "
                   "lost if shuffled</th><th scope=\"col\">part of the widest direction</th></tr>\n";
            for (const renn::InputImportance& drop : shuffled.drops) {
                out << "<tr><th scope=\"row\">" << html::escape(t.terms[static_cast<std::size_t>(drop.input)].name)
                    << "</th><td>" << html::number(drop.accuracy.mean, 4) << " \u00b1 "
                    << html::number(drop.accuracy.deviation, 4) << "</td><td>"
                    << html::number(components.loadings(drop.input, 0), 2) << "</td></tr>\n";
            }
            out << "</table></div>\n<p class=\"quiet\" style=\"margin-top:12px\">"
                << html::escape(renn::PermutationImportance::caution) << ' '
                << html::escape(renn::PrincipalComponents::caution) << "</p>\n";
        },
        "what other methods say");

    if (options.seeds > 0 && inputs > 2) {
        renn::RetrainingOptions again{.fit = fit_options(options, task)};
        again.seeds.resize(static_cast<std::size_t>(options.seeds));
        std::iota(again.seeds.begin(), again.seeds.end(), options.seed);
        const auto make = [&](Index n, std::uint64_t seed) { return network(n, options.width, seed); };
        const auto compared = renn::retrain_and_compare(task.train, task.test, found, make, again);
        Table table({"trained again with", "accuracy", "AUC", "AMS"});
        for (const renn::Retraining* r : {&compared.all, &compared.selected}) {
            table.add({std::to_string(r->inputs.size()) + " inputs", with_spread(r->accuracy()), with_spread(r->auc()),
                       with_spread(r->ams())});
        }
        std::printf("\n");
        table.print();
    }
    if (options.output.empty()) return;
    page.write(options.output);
    std::printf("Page      %s\n", options.output.c_str());
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app(
        "Trains a small network on samples of two classes and shows which inputs, and which pairs of inputs, its "
        "answers\n"
        "depend on: Taylor coefficients of first and second order over the test samples, maps of them over the input\n"
        "space, and how they are learnt.");
    app.option_defaults()->always_capture_default();
    Options options;
    app.add_option(
           "task,--task", options.task,
           "a: two Gaussians with other means, b: other covariances, c: both, d: other variances; selection: 30 "
           "inputs of which six matter")
        ->check(CLI::IsMember({"a", "b", "c", "d", "selection"}));
    app.add_option("--data", options.data, "table (CSV with a head) to learn in place of these: two classes")
        ->check(CLI::ExistingFile);
    app.add_option("--label", options.label, "its column of classes; -1: the last");
    app.add_option("--per-class", options.per_class, "samples drawn of each class, half of them to test")
        ->check(CLI::Range(10, 10000000));
    app.add_option("-w,--width", options.width, "hidden neurons")->check(CLI::PositiveNumber);
    app.add_option("-e,--epochs", options.epochs, "at most")->check(CLI::PositiveNumber);
    app.add_option(
           "--patience", options.patience,
           "epochs without a gain on a quarter of the training samples before training stops; 0: never, and the "
           "learning rate falls to 0")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--batches", options.batches, "parts of the training samples that make a batch each")
        ->check(CLI::PositiveNumber);
    app.add_option("-l,--learning-rate", options.learning_rate, "of Adam")->check(CLI::PositiveNumber);
    app.add_option("--share", options.share, "part of the terms that counts as relevant")->check(CLI::Range(0.0, 1.0));
    app.add_option("--retrain", options.seeds, "networks to train again with all and with the relevant inputs")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--follow-epochs", options.follow_epochs,
                   "of the second network, whose learning is followed; 0: none")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--follow", options.follow, "test samples that learning is followed on")->check(CLI::PositiveNumber);
    app.add_option("-s,--seed", options.seed, "of the samples, the first weights and the order of training");
    app.add_option("-o,--output", options.output, "page to write, \"\" for none");
    CLI11_PARSE(app, argc, argv);
    try {
        run(options);
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "taylor_analysis: %s\n", e.what());
    }
    return 1;
}
