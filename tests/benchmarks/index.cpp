// SPDX-License-Identifier: MIT
// benchmarks/index.cpp - building what a neuron is searched with, sorting included, against raw nanoflann.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <vector>

#include <renn/index/kd_tree.hpp>
#include <renn/index/neuron_index.hpp>
#include <renn/index/sorted.hpp>

#include "digits.hpp"
#include "nanoflann_tree.hpp"
#include "paired.hpp"

namespace {

using namespace renn;
using namespace renn::benchmarks;

constexpr std::uint32_t neurons = 16;  // half of them of either hidden layer

const std::shared_ptr<const MemoryStore<float>>& some_neurons() {
    static const auto store = [] {
        Selection selection{.layers = {"dense1", "dense2"}, .post = false};
        for (const auto& layer : selection.layers) selection.units.push_back({layer, {}});
        for (std::uint32_t u = 0; u < neurons / 2; ++u) {
            for (auto& chosen : selection.units) chosen.units.push_back(u * 16 + 3);
        }
        return std::make_shared<const MemoryStore<float>>(*record(network(), digits().train, selection));
    }();
    return store;
}

/// From nothing: the memory of the index is fresh each time.
template <class Policy, int threads = 1>
void build_ours() {
    const auto& store = some_neurons();
    NeuronIndex<MemoryStore<float>, Policy> index(store, std::vector<Derivation<float>>(store->points.size()), nullptr);
    index.build(threads);
    benchmark::DoNotOptimize(index.bytes());
}

void build_nanoflann() {
    std::vector<std::unique_ptr<NanoflannTree>> trees;
    for (std::uint32_t i = 0; i < neurons; ++i) {
        trees.push_back(std::make_unique<NanoflannTree>(some_neurons()->values({i % 2, i / 2})));
    }
    benchmark::DoNotOptimize(trees.data());
}

template <class Policy>
Paired against_nanoflann(benchmark::State& state) {
    some_neurons();
    const Paired times = paired(9, 1, build_ours<Policy>, build_nanoflann);
    report(state, times, neurons);
    return times;
}

void kd_tree(benchmark::State& state) {
    for (auto _ : state) {
        const Paired times = against_nanoflann<KdTree>(state);
        row("index build a neuron, KdTree: against raw nanoflann", times.ratio_of_minima(), " x", "<= 0.7 x");
    }
}
BENCHMARK(kd_tree)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

void sorted(benchmark::State& state) {
    for (auto _ : state) {
        const Paired times = against_nanoflann<Sorted>(state);
        row("index build a neuron, Sorted", Paired::best(times.ours) / neurons * 1e3, " ms", "<= 1.1 ms");
    }
}
BENCHMARK(sorted)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

void sorted_two_threads(benchmark::State& state) {
    for (auto _ : state) {
        some_neurons();
        const Paired times = paired(15, 1, build_ours<Sorted, 2>, build_ours<Sorted>);
        report(state, times, neurons);
        row("the same, 2 threads: speed of 1", 1 / times.ratio_of_minima(), " x", ">= 1.7 x");
    }
}
BENCHMARK(sorted_two_threads)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
