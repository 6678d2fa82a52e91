// SPDX-License-Identifier: MIT
// evidence/setup.hpp - the network that is measured, and what can be chosen.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <renn/data/dataset.hpp>
#include <renn/index/sorted.hpp>
#include <renn/retrace/traced_network.hpp>
#include <renn/training/fit.hpp>

#include "../support/digit_networks.hpp"

namespace evidence {

using Net = DigitMlp;
using Traced = renn::TracedNetwork<Net, renn::MemoryStore<float>, renn::Sorted>;
using Data = renn::Dataset<float>;

struct Options {
    std::string data, out_of_distribution;
    std::vector<std::string> items{"accuracy", "detection", "sources", "ties", "speed"};
    std::int64_t train = 0, test = 0, k = 42;
    int epochs = 10, seeds = 5, threads = 0;
    std::uint64_t seed = 1;
};

inline Net train(const Options& options, std::uint64_t seed, const Data& data) {
    Net net = make_digit_mlp(seed);
    renn::fit(net, data, {.epochs = options.epochs, .seed = seed, .threads = options.threads});
    return net;
}

inline Traced record(Net net, const Data& data, int threads) {
    Traced traced(std::move(net));
    traced.record(data, {.threads = threads});
    traced.index().build(threads);
    return traced;
}

}  // namespace evidence
