// SPDX-License-Identifier: MIT
// benchmarks/recording.cpp - recording every neuron for every sample against the same passes without recording.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <thread>

#include "digits.hpp"
#include "paired.hpp"

namespace {

using namespace renn;
using namespace renn::benchmarks;

void record_all(int threads) {
    const auto store = record(network(), digits().train, {}, {.threads = threads});
    benchmark::DoNotOptimize(store->bytes());
}

void forward_all() {
    const auto& data = digits().train;
    const Index width = RecordOptions().batch;
    Workspace<Net> workspace;
    Batch<float> x;
    for (Index first = 0; first < data.samples(); first += width) {
        data.inputs(first, std::min(width, data.samples() - first), x);
        benchmark::DoNotOptimize(network().forward(x, workspace).data());
    }
}

void recording_against_forward(benchmark::State& state) {
    const auto samples = static_cast<double>(digits().train.samples());
    network();
    for (auto _ : state) {
        const Paired times = paired(
            15, 1, [] { record_all(1); }, forward_all);
        report(state, times, samples);
        row("recording all three layers, 1 thread: against our forward pass", times.ratio_of_minima(), " x",
            "<= 1.10 x");
        row("recording, a sample (the original: 1,222 us)", Paired::best(times.ours) / samples * 1e6, " us",
            "<= 6.1 us");
    }
}
BENCHMARK(recording_against_forward)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

void one_thread_against_two(benchmark::State& state) {
    if (std::thread::hardware_concurrency() < 2) return state.SkipWithError("needs two cores");
    const auto samples = static_cast<double>(digits().train.samples());
    network();
    for (auto _ : state) {
        const Paired times = paired(
            15, 1, [] { record_all(2); }, [] { record_all(1); });
        report(state, times, samples);
        const double gain = 1.0 / times.ratio_of_minima();
        state.counters["gain"] = gain;
        row("recording, 2 threads: faster than 1 by", gain, " x", ">= 1.7 x");
    }
}
BENCHMARK(one_thread_against_two)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
