// SPDX-License-Identifier: MIT
// class_off - finds, for every digit, the few hidden neurons without which a network cannot tell that digit any more,
// and shows what it still knows of the others.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <renn/evaluation/confusion.hpp>
#include <renn/index/sorted.hpp>
#include <renn/network/mask.hpp>
#include <renn/report/deactivation_table.hpp>
#include <renn/report/html.hpp>
#include <renn/report/page.hpp>
#include <renn/report/profile_strips.hpp>
#include <renn/retrace/deactivation.hpp>
#include <renn/retrace/profiles.hpp>
#include <renn/retrace/responsibility.hpp>
#include <renn/retrace/trace.hpp>

#include "support/digit_networks.hpp"
#include "support/digit_training.hpp"
#include "support/evaluation.hpp"
#include "support/mnist.hpp"
#include "support/mnist_options.hpp"

namespace {

namespace html = renn::html;
using Net = DigitMlp;

struct OffOptions : DigitOptions {
    std::int64_t search = 10000;
    double limit = 0.25;
    std::size_t candidates = 64;
    renn::Responsibility score = renn::Responsibility::difference_to_rest;
    renn::Ablation ablation = renn::Ablation::zero;
};

std::optional<OffOptions> parse_off(int argc, char** argv) {
    CLI::App app(
        "Trains a network on handwritten digits, finds for every digit the hidden neurons that carry it, switches "
        "them\n"
        "off, without touching a weight, and tells what the network still reads.");
    OffOptions options;
    options.output = "class_off.html";
    add_training_options(app, options);
    const std::map<std::string, renn::Responsibility> scores{
        {"mean", renn::Responsibility::mean},
        {"difference-to-rest", renn::Responsibility::difference_to_rest},
        {"difference-to-next", renn::Responsibility::difference_to_next},
        {"d-prime", renn::Responsibility::d_prime}};
    std::string score = "difference-to-rest";
    bool mean = false;
    app.add_option("--search", options.search, "training images that neurons are tried on, 0 for all");
    app.add_option("--limit", options.limit, "% of the digit's images in the search that may still be recognised")
        ->check(CLI::Range(0.0, 100.0));
    app.add_option("--candidates", options.candidates, "best ranked neurons to try at each step")
        ->check(CLI::PositiveNumber);
    app.add_option("--score", score, "what neurons are ranked by")
        ->check(CLI::IsMember({"mean", "difference-to-rest", "difference-to-next", "d-prime"}));
    app.add_flag("--mean", mean, "hold neurons at their mean in place of 0");
    if (!read_options(app, options, argc, argv)) return std::nullopt;
    if (options.search < 0) {
        throw renn::DataError("--search: got " + std::to_string(options.search) + ", expected 0 or more");
    }
    options.score = scores.at(score);
    if (mean) options.ablation = renn::Ablation::mean;
    return options;
}

Net train(const OffOptions& options, const renn::Dataset<float>& data) {
    Net net = make_digit_mlp(options.seed);
    train_digits(net, options, data);
    return net;
}

/// A digit without which the network now does, and how it does on new images.
struct Off {
    renn::SwitchedOff by_rank, by_trial;
    renn::Confusion rank_test, trial_test;
};

std::string percent(double part) {
    return html::number(100.0 * part, 2);
}

void print(const Off& off) {
    const renn::Index digit = off.by_trial.label;
    std::printf("%5d", static_cast<int>(digit));
    for (const auto& [found, test] :
         {std::pair(&off.by_rank, &off.rank_test), std::pair(&off.by_trial, &off.trial_test)}) {
        std::printf("  %7zu  %6s  %6s  %6s%s", found->neurons.size(), percent(found->after.accuracy(digit)).c_str(),
                    percent(test->accuracy(digit)).c_str(), percent(test->accuracy_without(digit)).c_str(),
                    found->reached ? " " : "!");
    }
    std::printf("\n");
    std::fflush(stdout);
}

void write_page(const OffOptions& options, const renn::ClassProfiles& profiles, const renn::Confusion& before,
                const std::vector<Off>& all, std::span<const std::pair<std::string, std::string>> facts) {
    renn::Page page("Which neurons carry a digit?",
                    "A network learned to read handwritten digits. For each digit a few of its hidden neurons were "
                    "switched off, so that it does not recognise this one any more. No weight was changed, and "
                    "everything below was counted on new images.");
    page.style(renn::profile_strip_style);
    page.style(renn::deactivation_style);
    for (const auto& [name, value] : facts) page.fact(name, value);
    page.section("Every digit switched off", [&](std::ostream& out) {
        std::vector<renn::DeactivationRow> rows;
        for (const Off& off : all) {
            rows.push_back({off.by_trial.label, off.by_trial.neurons.size(), off.by_trial.ranked, off.trial_test});
        }
        renn::write_deactivation_overview(out, rows, profiles.groups);
    });
    for (const Off& off : all) {
        const auto digit = static_cast<std::size_t>(off.by_trial.label);
        const std::string neurons = std::to_string(off.by_trial.neurons.size()) + " of " +
                                    std::to_string(off.by_trial.ranked) + " neurons switched off";
        page.section(
            "Digit " + profiles.groups[digit],
            [&](std::ostream& out) {
                out << "<article>\n";
                renn::write_profile_strips(out, profiles, digit, off.by_trial.neurons);
                renn::write_deactivation_table(out, before, off.trial_test, off.by_trial.label, profiles.groups);
                out << "<details>\n<summary>What the images are taken for</summary>\n";
                renn::write_confusion(out, off.trial_test, profiles.groups);
                out << "</details>\n</article>\n";
            },
            neurons);
    }
    page.write(options.output);
}

void run(const OffOptions& options, const mnist::Digits& digits) {
    std::printf("%s\n", data_text(digits).c_str());
    std::fflush(stdout);
    const Watch whole;
    auto traced = renn::trace<renn::Sorted>(train(options, digits.train));
    traced.record(digits.train, {.threads = options.threads});
    const Net& net = traced.network();
    const renn::ClassProfiles profiles = renn::class_profiles(traced, {.threads = options.threads});
    const renn::Confusion before = renn::confusion(net, digits.test, options.threads);
    const renn::Index part =
        std::min<renn::Index>(options.search == 0 ? digits.train.samples() : options.search, digits.train.samples());
    const renn::Dataset<float> search = digits.train.first(part);
    std::printf("%s %% of %s test images are recognised; neurons are tried on %s training images\n\n",
                percent(before.accuracy()).c_str(), count_text(digits.test.samples()).c_str(),
                count_text(part).c_str());

    const renn::SwitchOffOptions how{.limit = options.limit / 100.0,
                                     .ablation = options.ablation,
                                     .candidates = options.candidates,
                                     .threads = options.threads};
    std::printf(
        "       first of the ranking              chosen by trial\n"
        "digit  neurons  search    test  others   neurons  search    test  others\n");
    std::vector<Off> all;
    for (std::int32_t digit = 0; digit < digits.train.classes(); ++digit) {
        const auto ranked = renn::rank_neurons(profiles, static_cast<std::size_t>(digit), {.score = options.score});
        Off off{renn::switch_off_by_rank(net, search, profiles, digit, ranked, how),
                renn::switch_off(net, search, profiles, digit, ranked, how),
                {},
                {}};
        off.rank_test = renn::confusion(renn::masked(net, off.by_rank.mask), digits.test, options.threads);
        off.trial_test = renn::confusion(renn::masked(net, off.by_trial.mask), digits.test, options.threads);
        print(off);
        all.push_back(std::move(off));
    }

    const auto useless = renn::rank_by_least_use(profiles, {.score = options.score});
    const auto sweep = renn::removable_neurons(net, search, profiles, useless, 0.01, options.ablation, options.threads);
    const auto removed = renn::mask_of(profiles, std::span(useless).first(sweep.removable), options.ablation);
    const double left = renn::confusion(renn::masked(net, removed), digits.test, options.threads).accuracy();
    const std::string removable = std::to_string(sweep.removable) + " of " + std::to_string(useless.size()) +
                                  " hidden neurons can go for less than a point: " + percent(left) + " % without them";
    std::printf("\n%s\n", removable.c_str());
    if (options.output.empty()) return;
    const std::vector<std::pair<std::string, std::string>> facts{
        {"Data", data_fact(digits)},
        {"Network", "784\u2013128\u2013128\u201310, ReLU"},
        {"Accuracy", percent(before.accuracy()) + "\u202f%"},
        {"Neurons that can go", std::to_string(sweep.removable) + " of " + std::to_string(useless.size())},
        {"Time", html::seconds(whole.seconds())}};
    write_page(options, profiles, before, all, facts);
    std::printf("Page written to %s\n", options.output.c_str());
}

}  // namespace

int main(int argc, char** argv) {
    return mnist::run_program("class_off", [&] {
        const std::optional<OffOptions> options = parse_off(argc, argv);
        if (!options) return;
        run(*options, mnist::load_or_find(options->data, argv[0], options->train, options->test));
    });
}
