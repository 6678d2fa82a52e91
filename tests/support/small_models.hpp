// SPDX-License-Identifier: MIT
// support/small_models.hpp - a small network, data and recordings of it, for tests of files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <renn/activations/relu.hpp>
#include <renn/activations/tanh.hpp>
#include <renn/data/dataset.hpp>
#include <renn/index/sorted.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>
#include <renn/retrace/trace.hpp>

#include "support/random_batch.hpp"

namespace renn::test {

template <class S = float>
using SmallNet = Network<Dense<S>, ReLU<S>, Dense<S>, Tanh<S>, Dense<S>>;

template <class S = float>
SmallNet<S> small_net(std::uint64_t seed = 1) {
    return SmallNet<S>(Dense<S>(3, 5, seed), ReLU<S>(), Dense<S>(5, 4, seed + 1), Tanh<S>(), Dense<S>(4, 2, seed + 2));
}

/// Falling ids, tags, named classes; every third sample repeats the one before it.
template <class S = float>
Dataset<S> small_data(Index samples = 40) {
    Batch<S> x = random_batch<S>(3, samples, 7);
    DatasetDescription<S> more{.class_names = {"left", "right"}};
    for (Index s = 0; s < samples; ++s) {
        if (s % 3 == 2) x.col(s) = x.col(s - 1);
        more.labels.push_back(static_cast<std::int32_t>(s % 2));
        more.ids.push_back(1000000000000U - static_cast<std::uint64_t>(3 * s));
        more.tags.push_back("picture " + std::to_string(s));
    }
    return Dataset<S>(std::move(x), std::move(more));
}

template <class Policy = KdTree, class S = float>
auto small_traced(Index samples = 40) {
    auto traced = trace<Policy>(small_net<S>());
    traced.record(small_data<S>(samples), {.threads = 1});
    return traced;
}

}  // namespace renn::test
