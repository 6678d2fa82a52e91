// SPDX-License-Identifier: MIT
// benchmarks/store.cpp - a recording as a file: writing against raw bytes, and opening.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <renn/core/rng.hpp>
#include <renn/index/neuron_index.hpp>
#include <renn/index/sorted.hpp>
#include <renn/tracing/file_store.hpp>
#include <renn/tracing/memory_store.hpp>
#include <renn/tracing/write_store.hpp>

#include "paired.hpp"

namespace {

using namespace renn;
using namespace renn::benchmarks;

std::string path_of(const char* name) {
    return (std::filesystem::temp_directory_path() / name).string();
}

Point place(std::uint32_t units) {
    Point point{"dense1", Kind::pre, 0, units, -1, std::vector<std::uint32_t>(units)};
    std::iota(point.units.begin(), point.units.end(), 0U);
    return point;
}

constexpr Index samples = 60000;
constexpr std::uint32_t units = 266;

/// 64 MB, as a recording of MNIST in float32.
const std::shared_ptr<const MemoryStore<float>>& recording() {
    static const auto store = [] {
        auto made = std::make_shared<MemoryStore<float>>();
        made->points = {place(units)};
        made->ids.resize(samples);
        std::iota(made->ids.begin(), made->ids.end(), std::uint64_t{0});
        made->outputs.resize(0, samples);
        made->reserve(samples, 0);
        Rng rng(1);
        for (Index u = 0; u < Index{units}; ++u) {
            for (Index s = 0; s < samples; ++s) made->column(0, u)[s] = static_cast<float>(rng.uniform(-1.0, 1.0));
        }
        made->index_ids();
        return std::shared_ptr<const MemoryStore<float>>(std::move(made));
    }();
    return store;
}

/// What write_store asks of a traced network.
struct Traced {
    using Scalar = float;
    NeuronIndex<MemoryStore<float>, Sorted> own{recording(), std::vector<Derivation<float>>(1), nullptr};
    const auto& index() const { return own; }
    const auto& store() const { return own.store(); }
};

void write_raw(const std::string& path, const std::vector<char>& bytes) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    for (std::size_t done = 0; done < bytes.size();) {
        const auto written = ::write(file, bytes.data() + done, bytes.size() - done);
        if (written <= 0) std::abort();
        done += static_cast<std::size_t>(written);
    }
    if (::fsync(file) != 0 || ::close(file) != 0) std::abort();
}

/// Against a raw write and fsync of as many bytes. Both files are new each time: to cut an old one costs as much again.
template <class Ours>
void write(benchmark::State& state, const Ours& ours, const char* work, const char* target) {
    const std::string path = path_of("renn_benchmark_store"), raw = path_of("renn_benchmark_raw");
    ours(path);
    const std::vector<char> bytes(static_cast<std::size_t>(std::filesystem::file_size(path)), 'x');
    for (auto _ : state) {
        const Paired times = paired(
            9, 1,
            [&] {
                std::filesystem::remove(path);
                ours(path);
            },
            [&] {
                std::filesystem::remove(raw);
                write_raw(raw, bytes);
            });
        report(state, times);
        state.counters["bytes_a_value"] = static_cast<double>(bytes.size()) / static_cast<double>(samples * units);
        row(work, 1.0 / times.median_of_ratios(), " x", target);
    }
    std::filesystem::remove(path);
    std::filesystem::remove(raw);
}

void write_in_sample_order(benchmark::State& state) {
    write(
        state, [](const std::string& path) { write_store(path, *recording(), {.sorted = false}); },
        "store to disk, 4 bytes a value: speed of raw write and fsync", ">= 0.8 x");
}
void write_with_built_index(benchmark::State& state) {
    const Traced traced;
    write(
        state, [&](const std::string& path) { write_store(path, traced); },
        "store with its built index to disk, 8.06 bytes a value: speed of raw write and fsync", ">= 0.8 x");
}
void write_and_sort(benchmark::State& state) {
    write(
        state, [](const std::string& path) { write_store(path, *recording()); },
        "the same, index built meanwhile by one thread", "");
}
BENCHMARK(write_in_sample_order)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(write_with_built_index)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(write_and_sort)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

/// A store of 10 GB whose values are zeros that take no room, with the checksums of zeros.
std::string sparse_store() {
    using namespace renn::detail;
    StoreHead head("store");
    head.samples = 6000000;
    StoreDescription<float> what;
    what.points = {place(200)};
    what.blocks = {{BlockKind::ids, 0, 0, 0}, {BlockKind::sorted, 0, 0, 0}};
    lay_out(head, what);
    const std::string path = path_of("renn_benchmark_sparse");
    std::fstream out(path, std::ios::trunc | std::ios::in | std::ios::out | std::ios::binary);
    std::filesystem::resize_file(path, head.file_bytes);
    const auto put = [&out](std::uint64_t at, const void* bytes, std::size_t count) {
        out.seekp(static_cast<std::streamoff>(at));
        out.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(count));
    };
    std::vector<char> chunk(chunk_bytes, 0);
    std::vector<std::uint64_t> sums(chunk_count(head.table_offset), checksum_of(chunk.data(), chunk.size()));
    const std::string text = description_text(what);
    std::copy(text.begin(), text.end(), chunk.begin());
    sums.front() = checksum_of(chunk.data(), chunk.size());
    put(store_head_bytes, text.data(), text.size());
    put(head.table_offset, sums.data(), 8 * sums.size());
    head.table_checksum = checksum_of(sums.data(), 8 * sums.size());
    const auto page = head_page(head);
    put(0, page.data(), page.size());
    return path;
}

void open_10_gb(benchmark::State& state) {
    const std::string path = sparse_store();
    double best = 1.0;
    for (auto _ : state) {
        for (int round = 0; round < 9; ++round) {
            best = std::min(best, seconds([&] { benchmark::DoNotOptimize(FileStore<float>::open(path).chunks()); }));
        }
        state.SetIterationTime(best);
    }
    row("open a store of 10 GB", best * 1e3, " ms", "<= 5 ms");
    std::filesystem::remove(path);
}
BENCHMARK(open_10_gb)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

/// A query of 266 neurons from a file whose chunks were checked before, against the same from memory.
void query(benchmark::State& state) {
    const std::string path = path_of("renn_benchmark_store");
    const Traced traced;
    write_store(path, traced);
    const auto store = std::make_shared<const FileStore<float>>(FileStore<float>::open(path));
    store->verify();
    const NeuronIndex<FileStore<float>, Sorted> file(store, std::vector<Derivation<float>>(1), nullptr);
    const auto run = [](const auto& index) {
        std::uint32_t sum = 0;
        for (std::uint32_t u = 0; u < units; ++u) {
            const double wanted = 0.007 * u - 0.9;
            const auto entry = index.entry({0, u});
            const std::uint32_t at = entry.locator->position(entry.column, wanted);
            const Window window = find_window(entry.column, wanted, 42, at);
            index.check_window(entry, wanted, 42, at, window, false);
            index.check(entry.column.order + window.closer_begin, window.closer);
            sum += entry.column.order[window.closer_begin];
        }
        benchmark::DoNotOptimize(sum);
    };
    for (auto _ : state) {
        const Paired times = paired(
            31, 20, [&] { run(file); }, [&] { run(traced.own); });
        report(state, times);
        row("search in a mapped store: against memory", times.median_of_ratios(), " x", "");
    }
    std::filesystem::remove(path);
}
BENCHMARK(query)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
