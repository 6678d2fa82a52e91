// SPDX-License-Identifier: MIT
// taylor_analysis/tasks.hpp - points of two classes: generated ones of which the answer is known, or a table.
#pragma once

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <numeric>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/data/csv.hpp>
#include <renn/data/dataset.hpp>
#include <renn/data/gaussian_tasks.hpp>
#include <renn/data/selection_task.hpp>
#include <renn/data/split.hpp>
#include <renn/data/statistics.hpp>

namespace taylor_analysis {

using renn::Index;
using Data = renn::Dataset<float>;

struct Options {
    std::string task = "c", data, label = "-1", output = "taylor_analysis.html";
    std::int64_t per_class = 100000, width = 100, batches = 100, follow = 2000;
    int epochs = 60, patience = 0, seeds = 0, follow_epochs = 150;
    double learning_rate = 0.02, share = 0.05;
    std::uint64_t seed = 1;
};

/// What is learnt, and what is known of it beforehand.
struct Task {
    std::string title;
    Data train, test;
    std::vector<std::string> names = {};
    bool toy = false;                   ///< two inputs, as given
    std::vector<double> expected = {};  ///< coefficients of the best possible probability
    std::optional<double> best_accuracy = {};
};

/// Of the exact likelihood ratio, from 200,000 samples: t(x1) = t(x2), t(x1,x2), t(x1,x1) = t(x2,x2), accuracy.
inline std::vector<double> expected_of(char name) {
    switch (name) {
        case 'a':
            return {0.163, 0.065, 0.032, 0.762};
        case 'b':
            return {0.171, 0.226, 0.045, 0.666};
        case 'c':
            return {0.161, 0.170, 0.065, 0.797};
        default:
            return {0.176, 0.083, 0.151, 0.790};
    }
}

/// The first half and the second.
inline std::pair<Data, Data> halves(const Data& all) {
    std::vector<Index> second(static_cast<std::size_t>(all.samples() / 2));
    std::iota(second.begin(), second.end(), all.samples() - std::ssize(second));
    return {all.first(all.samples() - std::ssize(second)), all.select(second)};
}

inline Task gaussian_task(const Options& options) {
    const char name = options.task[0];
    auto [train, test] =
        halves(renn::gaussian_samples<float>(renn::gaussian_task(name), options.per_class, options.seed));
    const std::vector<double> e = expected_of(name);
    return {.title = std::string("Two Gaussians, task ") + name,
            .train = std::move(train),
            .test = std::move(test),
            .names = {"x1", "x2"},
            .toy = true,
            .expected = {e[0], e[0], e[2], e[1], e[2]},
            .best_accuracy = e[3]};
}

inline Task selection_task(const Options& options) {
    const Index samples = std::min<Index>(options.per_class, 20000);
    auto [train, test] = halves(renn::selection_samples<float>(4 * samples / 2, options.seed));
    return {.title = "30 inputs, of which six matter", .train = std::move(train), .test = std::move(test)};
}

/// The head of a table without the column of labels.
inline std::vector<std::string> input_names(const std::string& path, const std::string& label) {
    std::ifstream file(path);
    std::string line, name;
    std::getline(file, line);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    std::vector<std::string> names;
    for (std::istringstream fields(line); std::getline(fields, name, ',');) names.push_back(name);
    if (label == "-1" && !names.empty()) names.pop_back();
    std::erase(names, label);
    return names;
}

/// Standardised by the training half.
inline Task table_task(const Options& options) {
    renn::CsvOptions csv;
    if (options.label == "-1") {
        csv.label = renn::CsvColumn(-1);
    } else {
        csv.label = renn::CsvColumn(options.label);
    }
    const auto parts = renn::train_test_split(renn::read_csv<float>(options.data, csv),
                                              {.test = 0.5, .seed = options.seed, .stratified = true});
    if (parts.train.classes() != 2) {
        throw renn::DataError(options.data + ": " + std::to_string(parts.train.classes()) +
                              " classes in the column of labels; this example takes two");
    }
    const auto statistics = renn::feature_statistics(parts.train);
    const auto scaled = [&](const Data& data) {
        renn::Batch<float> x = data.inputs();
        x.colwise() -= statistics.shift<float>();
        x.array().colwise() /= statistics.scale<float>().array();
        return Data(std::move(x), data.description());
    };
    return {.title = options.data,
            .train = scaled(parts.train),
            .test = scaled(parts.test),
            .names = input_names(options.data, options.label)};
}

inline Task task_of(const Options& options) {
    if (!options.data.empty()) return table_task(options);
    return options.task == "selection" ? selection_task(options) : gaussian_task(options);
}

}  // namespace taylor_analysis
