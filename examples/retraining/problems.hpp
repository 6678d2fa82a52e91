// SPDX-License-Identifier: MIT
// retraining/problems.hpp - training samples and queries, and what networks of random halves of the samples did.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include <renn/core/rng.hpp>
#include <renn/data/npy.hpp>

#include "setup.hpp"

namespace retraining {

/// A network, its training samples, and what networks of random halves of them did.
struct Problem {
    std::string name;
    Data train, queries;
    Net net;
    std::vector<Positions> subsets = {};
    Matrix outputs = {};  ///< subsets x queries
};

inline Positions draw(renn::Index from, renn::Index count, renn::Rng& rng) {
    Positions all(static_cast<std::size_t>(from));
    std::iota(all.begin(), all.end(), renn::Index{0});
    renn::shuffle(all, rng);
    all.resize(static_cast<std::size_t>(count));
    std::sort(all.begin(), all.end());
    return all;
}

inline void train_on_halves(const Options& options, Problem& problem) {
    renn::Rng rng(renn::mix(options.seed, 99));
    problem.outputs.resize(options.subsets, problem.queries.samples());
    for (std::int64_t m = 0; m < options.subsets; ++m) {
        problem.subsets.push_back(draw(problem.train.samples(), problem.train.samples() / 2, rng));
        problem.outputs.row(m) =
            outputs_without(options, problem.train.select(problem.subsets.back()), problem.queries, rng.bits());
    }
}

/// Ten classes of three overlapping clusters each in 20 dimensions.
inline Data clusters(renn::Index samples, std::uint64_t seed) {
    renn::Rng of_centres(5), rng(seed);
    renn::Batch<float> centres(20, 30), x(20, samples);
    for (renn::Index i = 0; i < centres.size(); ++i) centres.data()[i] = static_cast<float>(of_centres.normal());
    std::vector<std::int32_t> labels;
    for (renn::Index i = 0; i < samples; ++i) {
        const auto cluster = static_cast<renn::Index>(rng.below(30));
        labels.push_back(static_cast<std::int32_t>(cluster % 10));
        for (renn::Index d = 0; d < 20; ++d) x(d, i) = centres(d, cluster) + static_cast<float>(rng.normal());
    }
    return Data(x, {.labels = labels, .classes = 10});
}

/// The network and the 40 retrained ones of the reference values.
inline Problem read_golden(const std::string& folder) {
    const auto images = [&](const char* part) {
        const renn::Batch<float> bytes = renn::read_npy_batch<float>(folder + "/model/" + part + "_images.npy");
        return renn::Batch<float>(bytes / 255.0f);
    };
    const auto labels = [&](const char* part) {
        return renn::read_npy(folder + "/model/" + part + "_labels.npy").values_as<std::int32_t>();
    };
    const auto layer = [&](const std::string& number) {
        const renn::Batch<float> weights = renn::read_npy_batch<float>(folder + "/model/ckpt3_W" + number + ".npy");
        const renn::Batch<float> bias = renn::read_npy_batch<float>(folder + "/model/ckpt3_b" + number + ".npy");
        return Dense(Dense::Parameters{weights.transpose(), bias.col(0)});
    };
    const renn::NpyArray subsets = renn::read_npy(folder + "/lds_mlp/subsets.npy");
    const Matrix outputs = renn::read_npy_batch<double>(folder + "/lds_mlp/log_probability.npy").transpose();
    const Data test(images("test"), {.labels = labels("test"), .classes = 10});
    Problem problem{"reference", Data(images("train"), {.labels = labels("train"), .classes = 10}),
                    test.first(outputs.cols()), Net(layer("1"), ReLU(), layer("2"), ReLU(), layer("3"))};
    const auto positions = subsets.values_as<std::int64_t>();
    const auto each = static_cast<std::ptrdiff_t>(subsets.shape.at(1));
    for (auto at = positions.begin(); at != positions.end(); at += each) problem.subsets.emplace_back(at, at + each);
    problem.outputs = outputs;
    return problem;
}

}  // namespace retraining
