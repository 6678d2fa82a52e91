// SPDX-License-Identifier: MIT
// benchmarks/reduced.cpp - stores that keep fewer bits: recording against float32, and how alike the retraces are.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include <renn/evaluation/retrieval.hpp>
#include <renn/evaluation/store_error.hpp>
#include <renn/index/sorted.hpp>
#include <renn/tracing/reduced.hpp>
#include <renn/tracing/to_memory.hpp>

#include "digits.hpp"
#include "paired.hpp"

namespace {

using namespace renn;
using namespace renn::benchmarks;

template <class E>
void record_all() {
    const auto store = record<E>(network(), digits().train, {}, {.threads = 1});
    benchmark::DoNotOptimize(store->bytes());
}

template <class E>
void recording_in(benchmark::State& state) {
    const auto samples = static_cast<double>(digits().train.samples());
    network();
    for (auto _ : state) {
        const Paired times = paired(9, 1, record_all<E>, record_all<Exact>);
        report(state, times, samples);
        const char* target = is_exact<E> || E::ranged != Ranged::none ? "-" : "<= 1.02 x";
        row("recording in " + std::string(E::name) + ", 1 thread: against float32", times.ratio_of_minima(), " x",
            target);
    }
}

using Traced = TracedNetwork<Net, MemoryStore<float>, Sorted>;

const Traced& exact() {
    static const Traced traced(network(), *recording());
    return traced;
}

/// k = 42, the 42 strongest sources; few queries where groups of tied samples are large, each of which is looked
/// through.
template <class E>
void quality(benchmark::State& state) {
    const Batch<float> queries = digits().test.first(digits().train.samples() > 10000 ? 20 : 200).inputs();
    for (auto _ : state) {
        const TracedNetwork<Net, MemoryStore<float, E>, Sorted> reduced(network(), to_memory<E>(exact().store()));
        const std::string name(E::name);
        double share = 0.0;
        for (const StoreError& error : store_errors(reduced.store(), exact().store())) {
            std::printf("%s: %s: largest error %.3g (bound %.3g), root mean square %.3g\n", name.c_str(),
                        error.place.c_str(), error.largest, error.bound, error.rms);
            share = std::max(share, error.largest / error.bound);
        }
        for (const bool post : {false, true}) {
            const auto alike = compare_retraces(exact(), reduced, queries, {.k = 42, .pre = !post, .post = post});
            const auto show = [&](const char* what, const std::vector<double>& figures) {
                const double mean = RetraceLikeness::mean(figures);
                row(name + (post ? ", post-activations: " : ", pre-activations: ") + what, mean, "", "-");
                state.counters[std::string(post ? "post " : "pre ") + what] = mean;
            };
            show("overlap@42 of sources", alike.overlap);
            show("NDCG@42 of sources", alike.ndcg);
            show("Kendall's tau", alike.kendall);
            show("overlap@42 of a neuron's samples", alike.neuron_overlap);
            show("NDCG@42 of a neuron's samples", alike.neuron_ndcg);
        }
        state.counters["bytes a value"] = static_cast<double>(reduced.store().bytes()) /
                                          (static_cast<double>(exact().store().bytes()) / sizeof(float));
        state.counters["error of bound"] = share;
    }
}

BENCHMARK(recording_in<Exact>)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(recording_in<Float16>)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(recording_in<BFloat16>)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(recording_in<Linear8PerSample>)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(recording_in<Linear8PerUnit>)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

BENCHMARK(quality<Float16>)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(quality<BFloat16>)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(quality<Linear8PerUnit>)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(quality<Linear8PerSample>)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
