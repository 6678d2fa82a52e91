// SPDX-License-Identifier: MIT
// benchmarks/digits.hpp - the data and the network that the benchmarks share.
//
// MNIST from the folder that the environment's RENN_MNIST names, else from where examples/fetch_mnist.sh leaves it,
// else the part that ships with the project, else made up. The figures to reach are for the whole of it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/core/rng.hpp>
#include <renn/data/dataset.hpp>
#include <renn/data/idx.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>
#include <renn/retrace/traced_network.hpp>
#include <renn/training/fit.hpp>

#ifndef RENN_MNIST_DEFAULT
#define RENN_MNIST_DEFAULT "build/data/mnist"
#endif
#ifndef RENN_MNIST_SUBSET
#define RENN_MNIST_SUBSET "build/benchmark/examples/data/mnist-subset"
#endif

namespace renn::benchmarks {

struct Digits {
    Dataset<float> train, test;
};

/// Ten blurred prototypes with noise: as wide as MNIST, and a network learns something from it.
inline Dataset<float> made_up(Index samples, std::uint64_t seed) {
    Bytes pixels(784, samples);
    std::vector<std::int32_t> labels;
    Rng noise(seed);
    for (Index j = 0; j < samples; ++j) {
        labels.push_back(static_cast<std::int32_t>(noise.below(10)));
        Rng prototype(static_cast<std::uint64_t>(labels.back()));
        for (Index i = 0; i < 784; ++i) {
            const bool ink = prototype.uniform() < 0.2;
            pixels(i, j) = static_cast<std::uint8_t>(ink ? noise.uniform(0.0, 256.0) : 0.0);
        }
    }
    return Dataset<float>(std::move(pixels), {.labels = std::move(labels)});
}

inline const Digits& digits() {
    static const Digits found = [] {
        const char* asked = std::getenv("RENN_MNIST");
        const std::vector<std::string> folders{asked != nullptr ? asked : "", RENN_MNIST_DEFAULT, RENN_MNIST_SUBSET};
        for (const std::string& folder : folders) {
            if (!std::filesystem::exists(folder + "/train-images-idx3-ubyte")) continue;
            const auto part = [&folder](const std::string& name) {
                return read_idx<float>(folder + "/" + name + "-images-idx3-ubyte",
                                       folder + "/" + name + "-labels-idx1-ubyte");
            };
            Digits read{part("train"), part("t10k")};
            std::printf("MNIST: %td training samples, %td test samples\n", read.train.samples(), read.test.samples());
            return read;
        }
        std::printf("no MNIST: 60,000 made-up samples; accuracies mean nothing\n");
        return Digits{made_up(60000, 1), made_up(10000, 2)};
    }();
    return found;
}

inline auto fresh_network(std::uint64_t seed) {
    return Network{Dense<float, 784, 128>(mix(seed, 1)), ReLU<float>{}, Dense<float, 128, 128>(mix(seed, 2)),
                   ReLU<float>{}, Dense<float, 128, 10>(mix(seed, 3))};
}
using Net = decltype(fresh_network(0));

/// Trained for one epoch, so that its activations are real ones.
inline const Net& network() {
    static const Net trained = [] {
        Net net = fresh_network(1);
        fit(net, digits().train, {.epochs = 1});
        return net;
    }();
    return trained;
}

/// The network with every training sample recorded.
inline const std::shared_ptr<const MemoryStore<float>>& recording() {
    static const auto store = std::make_shared<const MemoryStore<float>>(*record(network(), digits().train));
    return store;
}

}  // namespace renn::benchmarks
