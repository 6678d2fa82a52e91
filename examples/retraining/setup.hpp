// SPDX-License-Identifier: MIT
// retraining/setup.hpp - the networks that are trained, and what can be chosen.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/core/rng.hpp>
#include <renn/data/dataset.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>
#include <renn/training/fit.hpp>

namespace retraining {

using Dense = renn::Dense<float>;
using ReLU = renn::ReLU<float>;
using Net = renn::Network<Dense, ReLU, Dense, ReLU, Dense>;
using Data = renn::Dataset<float>;
using Matrix = renn::Batch<double>;
using Positions = std::vector<renn::Index>;

struct Options {
    std::string data, golden;
    std::vector<std::string> items{"datamodelling", "removal"};
    std::int64_t train = 2000, test = 200, subsets = 100, removals = 50;
    double remove = 0.05;
    int epochs = 20, repeats = 2;
    std::uint64_t seed = 7;
};

inline Net train(const Options& options, const Data& data, std::uint64_t seed) {
    Net net(Dense(data.features(), 32, renn::mix(seed, 1)), ReLU(), Dense(32, 16, renn::mix(seed, 2)), ReLU(),
            Dense(16, data.classes(), renn::mix(seed, 3)));
    renn::fit(net, data,
              {.epochs = options.epochs, .batch = 50, .optimizer = renn::Adam{.learning_rate = 2e-3}, .seed = seed});
    return net;
}

inline Matrix log_softmax(const renn::Batch<float>& logits) {
    Matrix z = logits.cast<double>();
    for (renn::Index j = 0; j < z.cols(); ++j) {
        const double most = z.col(j).maxCoeff();
        z.col(j).array() -= most + std::log((z.col(j).array() - most).exp().sum());
    }
    return z;
}

/// Log probability of the true label of every query, mean over networks of several seeds.
inline Eigen::RowVectorXd outputs_without(const Options& options, const Data& rest, const Data& queries,
                                          std::uint64_t seed) {
    Eigen::RowVectorXd sum = Eigen::RowVectorXd::Zero(queries.samples());
    for (int r = 0; r < options.repeats; ++r) {
        const Net net = train(options, rest, renn::mix(seed, static_cast<std::uint64_t>(r)));
        const Matrix log_p = log_softmax(net.predict(queries.inputs()));
        for (renn::Index q = 0; q < queries.samples(); ++q) sum[q] += log_p(queries.label(q), q);
    }
    return sum / options.repeats;
}

}  // namespace retraining
