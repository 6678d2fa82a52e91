// SPDX-License-Identifier: MIT
// find_bad_labels - gives some training digits wrong labels and finds them again by what their sources say.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <renn/evaluation/detection.hpp>
#include <renn/index/sorted.hpp>
#include <renn/network/network.hpp>
#include <renn/report/audit_page.hpp>
#include <renn/report/html.hpp>
#include <renn/retrace/audit.hpp>
#include <renn/retrace/trace.hpp>
#include <renn/training/evaluate.hpp>
#include <renn/training/fit.hpp>

#include "support/digit_networks.hpp"
#include "support/evaluation.hpp"
#include "support/mnist.hpp"
#include "support/mnist_options.hpp"
#include "support/progress_bar.hpp"

namespace {

using Net = DigitMlp;
using Traced = renn::TracedNetwork<Net, renn::MemoryStore<float>, renn::Sorted>;
using Data = renn::Dataset<float>;
using Scores = std::vector<double>;

struct LabelOptions : DigitOptions {
    double flip = 0.1;
    std::vector<int> at = {};
    bool compare = false;
};

std::optional<LabelOptions> parse_labels(int argc, char** argv) {
    CLI::App app(
        "Gives some training digits a wrong label, trains a network on all of them, retraces each digit without "
        "itself\n"
        "and ranks them by label conflict: the share of votes that went to digits with another label.");
    LabelOptions options;
    options.epochs = 3;
    options.k = 100;
    options.evaluations = 48;
    options.output = "bad_labels.html";
    add_digit_options(app, options);
    app.get_option("--evaluations")->description("suspects to show");
    app.add_option("--flip", options.flip, "part of the labels that is made wrong");
    app.add_option("--at", options.at, "also audit after these epochs")->delimiter(',');
    app.add_flag("--compare", options.compare, "other ways to ask, in a table");
    if (!read_options(app, options, argc, argv)) return std::nullopt;
    if (!(options.flip > 0.0 && options.flip < 1.0)) refuse("--flip", std::to_string(options.flip), "above 0, below 1");
    return options;
}

/// The same digits, some with another label, drawn with equal chance of all others; which ones they are.
Data flip_labels(const Data& digits, double part, std::uint64_t seed, std::vector<bool>& flipped) {
    std::vector<std::size_t> order(static_cast<std::size_t>(digits.samples()));
    std::iota(order.begin(), order.end(), std::size_t{0});
    renn::Rng rng(seed);
    renn::shuffle(order, rng);
    order.resize(static_cast<std::size_t>(std::round(part * static_cast<double>(order.size()))));
    auto description = digits.description();
    flipped.assign(static_cast<std::size_t>(digits.samples()), false);
    for (const std::size_t s : order) {
        flipped[s] = true;
        const auto other = 1 + static_cast<std::int32_t>(rng.below(static_cast<std::uint64_t>(digits.classes() - 1)));
        description.labels[s] = (description.labels[s] + other) % digits.classes();
    }
    return Data(digits.pixels(), std::move(description));
}

/// -log of the probability that the network gives to each label.
Scores losses(const Net& net, const Data& data) {
    Scores all;
    renn::Workspace<Net> workspace;
    renn::Batch<float> x;
    for (renn::Index first = 0; first < data.samples(); first += 64) {
        data.inputs(first, std::min<renn::Index>(64, data.samples() - first), x);
        const auto& y = net.forward(x, workspace);
        for (renn::Index j = 0; j < y.cols(); ++j) {
            const auto z = y.col(j).cast<double>();
            const double top = z.maxCoeff();
            all.push_back(top + std::log((z.array() - top).exp().sum()) - z[data.label(first + j)]);
        }
    }
    return all;
}

/// How well scores find the flipped labels: area under the ROC curve, and how many of the first n they are, where n is
/// the number of flipped ones.
struct Found {
    double area = 0.0, precision = 0.0;
};
Found found(const Scores& scores, const std::vector<bool>& flipped) {
    std::vector<std::uint64_t> ids(scores.size());
    std::iota(ids.begin(), ids.end(), std::uint64_t{0});
    const auto n = static_cast<std::size_t>(std::count(flipped.begin(), flipped.end(), true));
    std::size_t hits = 0;
    for (const auto& [id, score] : renn::ranked_samples(ids, scores, n)) hits += flipped[id] ? 1 : 0;
    return {renn::auroc(scores, flipped), static_cast<double>(hits) / static_cast<double>(n)};
}
void print_found(const std::string& name, const Found& f) {
    std::printf("  %-44s %6.4f  %6.1f %%\n", name.c_str(), f.area, 100.0 * f.precision);
}

renn::SampleAudit audit(const Traced& traced, const renn::RetraceOptions& how, int threads) {
    ProgressBar bar;
    return renn::audit_samples(traced, {.retrace = how, .threads = threads, .progress = bar.callback()});
}

void compare(const Traced& traced, const std::vector<bool>& flipped, int threads) {
    struct Way {
        std::string name;
        renn::RetraceOptions how;
    };
    using Names = std::vector<std::string>;
    std::vector<Way> ways;
    for (const int k : {10, 42, 100, 300, 1000}) {
        ways.push_back({"all pre, k = " + std::to_string(k), {.k = k}});
        ways.push_back({"last hidden layer pre, k = " + std::to_string(k), {.k = k, .layers = Names{"dense2"}}});
        ways.push_back({"outputs, k = " + std::to_string(k), {.k = k, .layers = Names{"dense3"}}});
    }
    ways.push_back({"first hidden layer pre, k = 100", {.k = 100, .layers = Names{"dense1"}}});
    for (const auto ties : {renn::Ties::share, renn::Ties::strict, renn::Ties::skip_inactive}) {
        const std::string rule = " post, k = 100, ties " + std::string(renn::ties_name(ties));
        ways.push_back({"all" + rule, {.k = 100, .ties = ties, .pre = false, .post = true}});
        ways.push_back({"last hidden layer" + rule, {.k = 100, .ties = ties, .layers = Names{"relu2"}}});
    }
    std::printf("\nOther ways to ask                                AUROC   precision\n");
    for (const Way& way : ways) {
        const Found f = found(audit(traced, way.how, threads).label_conflict(), flipped);
        print_found(way.name, f);
        std::fflush(stdout);
    }
}

void run(const LabelOptions& options, const mnist::Digits& digits) {
    std::printf("Data      %s\n", data_text(digits).c_str());
    std::vector<bool> flipped;
    const Data train = flip_labels(digits.train, options.flip, renn::mix(options.seed, 77), flipped);
    const auto wrong = std::count(flipped.begin(), flipped.end(), true);
    std::printf("Labels    %s of %s made wrong\n", count_text(wrong).c_str(), count_text(train.samples()).c_str());
    std::fflush(stdout);

    Net net = make_digit_mlp(options.seed);
    const renn::RetraceOptions how{.k = options.k};
    const renn::RetraceOptions first_layer{.k = options.k, .layers = std::vector<std::string>{"dense1"}};
    Scores mean_loss(flipped.size(), 0.0);
    const auto trace = [&] {
        Traced traced(net);
        traced.record(train, {.threads = options.threads});
        traced.index().build(options.threads);
        return traced;
    };
    std::printf(
        "\n                      wrong labels  AUROC: label conflict           mean loss\n"
        "epoch  test accuracy       learned     all layers  first one    loss   so far\n");
    const auto after_epoch = [&](const renn::Epoch& epoch) {
        const Scores now = losses(net, train);
        for (std::size_t s = 0; s < now.size(); ++s) mean_loss[s] += now[s];
        const bool asked = std::count(options.at.begin(), options.at.end(), epoch.number) > 0;
        if (!asked && epoch.number != options.epochs) return true;
        const auto predicted = predictions(net, train);
        std::int64_t learned = 0;
        for (renn::Index i = 0; i < train.samples(); ++i) {
            const auto s = static_cast<std::size_t>(i);
            learned += flipped[s] && predicted[s] == train.label(i);
        }
        const Traced traced = trace();
        const auto area = [&](const renn::RetraceOptions& options_of_audit) {
            return found(audit(traced, options_of_audit, options.threads).label_conflict(), flipped).area;
        };
        std::printf("%5d  %11.2f %%  %10.2f %%  %13.4f  %9.4f  %6.4f   %6.4f\n", epoch.number,
                    100.0 * part_correct(digits.test, predictions(net, digits.test)),
                    100.0 * static_cast<double>(learned) / static_cast<double>(wrong), area(how), area(first_layer),
                    found(now, flipped).area, found(mean_loss, flipped).area);
        std::fflush(stdout);
        return true;
    };
    const auto training = renn::fit(net, train,
                                    {.epochs = options.epochs,
                                     .batch = options.batch,
                                     .optimizer = renn::Adam{.learning_rate = options.learning_rate},
                                     .seed = options.seed,
                                     .threads = options.threads,
                                     .on_epoch = after_epoch});
    if (training.diverged) throw renn::DataError("training diverged: try a smaller --learning-rate");

    const Watch recording;
    const Traced traced = trace();
    std::printf("\nRecording and indexing  %s\n", renn::html::seconds(recording.seconds()).c_str());
    const Watch auditing;
    const renn::SampleAudit result = audit(traced, how, options.threads);
    std::printf("Audit                   %s for %s digits, k = %d\n", renn::html::seconds(auditing.seconds()).c_str(),
                count_text(train.samples()).c_str(), static_cast<int>(options.k));
    Scores confidence;
    for (const double loss : losses(net, train)) confidence.push_back(-std::exp(-loss));
    std::printf("\nWhat finds the wrong labels                      AUROC   precision among the first %s\n",
                count_text(wrong).c_str());
    print_found("label conflict", found(result.label_conflict(), flipped));
    print_found("1 - self-confidence", found(confidence, flipped));
    print_found("loss", found(losses(net, train), flipped));
    print_found("loss, mean over the epochs", found(mean_loss, flipped));
    print_found("harm", found(result.use.harm(), flipped));
    print_found("isolation", found(result.isolation, flipped));
    if (options.compare) compare(traced, flipped, options.threads);
    if (options.output.empty()) return;

    std::ofstream page(options.output);
    const auto original = [&](std::uint64_t id) {
        const auto position = static_cast<std::size_t>(train.position_of(id));
        return flipped[position] ? "was " + digits.train.class_name(digits.train.labels()[position]) : std::string();
    };
    const Found conflict = found(result.label_conflict(), flipped);
    renn::write_audit_page(
        page, result, train,
        {.title = "Which training digits are labelled wrongly?",
         .introduction = "A network learned from handwritten digits, some of which had been given a wrong label. These "
                         "are the digits for which it does what it does for digits with other labels. Where a label "
                         "was indeed made wrong, the right one stands below.",
         .samples = static_cast<std::size_t>(options.evaluations),
         .note = original,
         .facts = {{"Training digits", count_text(train.samples())},
                   {"Labels made wrong", count_text(wrong)},
                   {"Epochs", std::to_string(options.epochs)},
                   {"Votes a neuron", "k = " + std::to_string(options.k)},
                   {"AUROC of label conflict", renn::html::number(conflict.area, 4)},
                   {"Wrong among the first " + count_text(wrong), renn::html::percent(conflict.precision)}}});
    page.close();
    if (!page) throw renn::FormatError(options.output + ": cannot be written");
    std::printf("\nPage      %s\n", options.output.c_str());
}

}  // namespace

int main(int argc, char** argv) {
    return mnist::run_program("find_bad_labels", [&] {
        const std::optional<LabelOptions> options = parse_labels(argc, argv);
        if (!options) return;
        run(*options, mnist::load_or_find(options->data, argv[0], options->train, options->test));
    });
}
