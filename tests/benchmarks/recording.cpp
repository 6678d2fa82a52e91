// SPDX-License-Identifier: MIT
// benchmarks/recording.cpp - recording every neuron for every sample against the same passes without recording.
#include <benchmark/benchmark.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <renn/tracing/data_fingerprint.hpp>
#include <renn/tracing/record_to_file.hpp>
#include <renn/tracing/write_store.hpp>

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
            "<= 1.05 x");
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

const std::string file = "recording_benchmark.store";

void record_file(int threads, bool sorted) {
    std::filesystem::remove(file);
    if (!record_to_file(network(), digits().train, file, {.threads = threads, .sorted = sorted})) std::abort();
}

/// As many bytes as the file has, written in pieces of a megabyte and brought to the disk.
void write_raw(std::size_t bytes) {
    static const std::vector<char> piece(std::size_t{1} << 20, 'r');
    const std::string path = file + ".raw";
    std::filesystem::remove(path);
    const int raw = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    for (std::size_t left = bytes; left > 0;) {
        const auto written = write(raw, piece.data(), std::min(left, piece.size()));
        if (written <= 0) std::abort();
        left -= static_cast<std::size_t>(written);
    }
    if (fsync(raw) != 0 || close(raw) != 0) std::abort();
}

void into_a_file_against_memory_and_raw_write(benchmark::State& state) {
    const auto samples = static_cast<double>(digits().train.samples());
    network();
    for (auto _ : state) {
        for (const int threads : {1, 2}) {
            const std::string with = ", " + std::to_string(threads) + (threads == 1 ? " thread" : " threads");
            record_file(threads, false);
            const auto bytes = static_cast<std::size_t>(std::filesystem::file_size(file));
            const Paired plain = paired(
                5, 1, [&] { record_file(threads, false); },
                [&] {
                    record_all(threads);
                    write_raw(bytes);
                });
            row("recording into a file, unsorted" + with + ": against memory and raw write of its bytes",
                plain.median_of_ratios(), " x", "<= 1.5 x");
            const Paired indexed = paired(
                5, 1, [&] { record_file(threads, true); },
                [&] {
                    const auto store = record(network(), digits().train, {}, {.threads = threads});
                    write_store(file, *store, {.threads = threads, .data = data_fingerprint(digits().train)});
                });
            report(state, indexed, samples);
            row("recording into a file with its index" + with + ": against memory and write_store",
                indexed.median_of_ratios(), " x", "<= 1.3 x");
        }
    }
    std::filesystem::remove(file);
    std::filesystem::remove(file + ".raw");
}
BENCHMARK(into_a_file_against_memory_and_raw_write)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
