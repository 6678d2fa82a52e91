// SPDX-License-Identifier: MIT
// support/mnist_options.hpp - the command lines of the programs that read digits.
#pragma once

#include <charconv>
#include <cstdint>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>

#include <renn/core/error.hpp>
#include <renn/retrace/search.hpp>
#include <renn/tracing/point.hpp>

#include "options.hpp"

/// Ends a program whose option says what cannot be.
[[noreturn]] inline void refuse(const std::string& option, const std::string& got, const std::string& expected) {
    throw renn::DataError(option + ": got " + got + ", expected " + expected);
}

/// What all of them are told.
struct DigitOptions {
    std::string data, output = "report.html";
    std::int64_t train = 0, test = 0, batch = 64, k = 42, evaluations = 12;
    int epochs = 10, threads = 0;
    double learning_rate = 1e-3;
    std::uint64_t seed = 1;
};

/// Also those of mnist_retrace alone.
struct Options : DigitOptions {
    std::string save, load, json;
    std::string index = "kdtree", view = "weighted", kind = "both";
    std::int64_t neurons = 0, audit = 0;
    bool profiles = false;
    std::vector<renn::Selection::Units> units;  // of the view "custom"
    renn::Ties ties = renn::Ties::share;
};

/// Of every program that trains on digits.
inline void add_training_options(CLI::App& app, DigitOptions& options) {
    app.option_defaults()->always_capture_default();
    add_data_option(app, options.data);
    app.add_option("--train", options.train, "number of training images, 0 for all");
    app.add_option("--test", options.test, "number of test images, 0 for all");
    app.add_option("-e,--epochs", options.epochs, "times the network sees all training images");
    app.add_option("-b,--batch", options.batch, "images a training step");
    app.add_option("-l,--learning-rate", options.learning_rate, "of Adam");
    app.add_option("-s,--seed", options.seed, "of the first weights and of the order of training");
    app.add_option("-j,--threads", options.threads, "to work with, 0 for every core");
    app.add_option("-o,--output", options.output, "page to write, \"\" for none");
}

/// Also those of programs that retrace.
inline void add_digit_options(CLI::App& app, DigitOptions& options) {
    add_training_options(app, options);
    app.add_option("-k,--k", options.k, "closest training images a neuron votes for");
    app.add_option("-n,--evaluations", options.evaluations, "test images to retrace, misclassified ones first");
}

/// "dense1=0-31,dense2=5,dense2=7": units of layers, ranges with both ends. Throws renn::DataError.
inline std::vector<renn::Selection::Units> parse_units(const std::string& text) {
    std::vector<renn::Selection::Units> chosen;
    std::istringstream parts(text);
    for (std::string part; std::getline(parts, part, ',');) {
        const auto wrong = [&part] { refuse("--units", '"' + part + '"', "layer=unit or layer=first-last"); };
        const std::size_t equals = part.find('=');
        if (equals == part.npos || equals == 0) wrong();
        std::uint32_t first = 0, last = 0;
        const char *at = part.data() + equals + 1, *end = part.data() + part.size();
        const auto from = std::from_chars(at, end, first);
        if (from.ec != std::errc() || (from.ptr != end && *from.ptr != '-')) wrong();
        last = first;
        if (from.ptr != end) {
            const auto to = std::from_chars(from.ptr + 1, end, last);
            if (to.ec != std::errc() || to.ptr != end || last < first || last - first > 1000000) wrong();
        }
        renn::Selection::Units& units = chosen.emplace_back();
        units.layer = part.substr(0, equals);
        for (std::uint32_t unit = first; unit <= last; ++unit) units.units.push_back(unit);
    }
    return chosen;
}

/// Returns false if only help was asked for. Throws CLI::ParseError or renn::DataError.
inline bool read_options(CLI::App& app, const DigitOptions& options, int argc, char** argv) {
    if (!parsed(app, argc, argv)) return false;
    const auto not_negative = [](const char* name, std::int64_t value) {
        if (value < 0) refuse(name, std::to_string(value), "0 or more");
    };
    not_negative("--train", options.train);
    not_negative("--test", options.test);
    not_negative("--k", options.k);
    not_negative("--evaluations", options.evaluations);
    not_negative("--threads", options.threads);
    return true;
}

/// The options of mnist_retrace, or nothing if only help was asked for. Throws as read_options.
inline std::optional<Options> parse(int argc, char** argv) {
    CLI::App app(
        "Trains a network on handwritten digits, records what each neuron did for each of them, and traces\n"
        "predictions on new digits back to the training images they rest on.");
    Options options;
    add_digit_options(app, options);
    const std::map<std::string, renn::Ties> ties{{"share", renn::Ties::share},
                                                 {"strict", renn::Ties::strict},
                                                 {"skip-inactive", renn::Ties::skip_inactive},
                                                 {"lowest-id", renn::Ties::lowest_id}};
    std::string rule = "share";
    app.add_option("-i,--index", options.index, "how closest values are found")
        ->check(CLI::IsMember({"kdtree", "sorted"}));
    app.add_option("-t,--ties", rule, "who gets the votes where too many images are equally close")
        ->check(CLI::IsMember({"share", "strict", "skip-inactive", "lowest-id"}));
    std::string units;
    app.add_option("--view", options.view,
                   "what the page shows of an image: blends and sources of the network (weighted), also those of each\n"
                   "layer (layers), each neuron with its blend (neurons), or all of these for --units (custom)")
        ->check(CLI::IsMember({"weighted", "layers", "neurons", "custom"}));
    app.add_option("--units", units, "neurons of the view custom, such as dense1=0-31,dense2=5,relu1=0-31");
    app.add_option("--kind", options.kind, "values that vote on the page: before the activation, behind it, or both")
        ->check(CLI::IsMember({"pre", "post", "both"}));
    app.add_option("--neurons", options.neurons,
                   "most shown of each layer, those with the largest values; 0 for all, about 1.5 KB each");
    app.add_flag("--profiles", options.profiles, "show what each neuron does for the images of each class");
    app.add_option("--audit", options.audit,
                   "trace all training images, each without itself, and show so many of each sort to look at; takes\n"
                   "minutes for all of MNIST");
    app.add_option("--json", options.json, "file for the same results as JSON");
    auto* save = app.add_option("--save", options.save, "file to keep the traced network in");
    app.add_option("--load", options.load, "traced network to use; nothing is trained or recorded")->excludes(save);
    if (!read_options(app, options, argc, argv)) return std::nullopt;
    options.ties = ties.at(rule);
    options.units = parse_units(units);
    if ((options.view == "custom") != !options.units.empty()) {
        throw renn::DataError(options.units.empty() ? "--view custom: needs --units, such as dense1=0-31"
                                                    : "--units: needs --view custom");
    }
    if (options.audit < 0) refuse("--audit", std::to_string(options.audit), "0 or more");
    if (options.neurons < 0) refuse("--neurons", std::to_string(options.neurons), "0 or more");
    return options;
}
