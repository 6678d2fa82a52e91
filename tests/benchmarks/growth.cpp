// SPDX-License-Identifier: MIT
// benchmarks/growth.cpp - how a query's time grows with the samples: 32 neurons, k = 42, top 20, Sorted.
// RENN_GROWTH_SVG names a file for the picture that docs/growth.svg is.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/rng.hpp>
#include <renn/index/sorted.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>
#include <renn/retrace/traced_network.hpp>

#include "paired.hpp"

namespace {

using namespace renn;
using namespace renn::benchmarks;

constexpr std::array<Index, 4> sizes{6'000, 60'000, 600'000, 6'000'000};
constexpr Index neurons = 32, inputs = 8, queries = 200;

auto network() {
    return Network{Dense<float, inputs, neurons>(7)};
}

/// A recording of n samples whose values are made up, as forward passes of six million would take longer than all else.
auto traced(Index n) {
    const auto net = network();
    const Dataset<float> few(Batch<float>(Batch<float>::Random(inputs, 2)));
    const auto small = *record(net, few);
    MemoryStore<float> store;
    store.points = small.points;
    store.fingerprint = small.fingerprint;
    store.ids.resize(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < store.ids.size(); ++i) store.ids[i] = i;
    store.reserve(n, 0);
    Rng rng(3);
    for (Index u = 0; u < neurons; ++u) {
        float* values = store.column(0, u);
        for (Index i = 0; i < n; ++i) values[i] = static_cast<float>(rng.normal());
    }
    store.index_ids();
    TracedNetwork<decltype(network()), MemoryStore<float>, Sorted> made(net, std::move(store));
    made.index().build();
    return made;
}

/// Straight line through points, by least squares: intercept and slope.
std::pair<double, double> line(const std::vector<double>& x, const std::vector<double>& y) {
    double sx = 0, sy = 0, sxx = 0, sxy = 0;
    const auto n = static_cast<double>(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
        sx += x[i];
        sy += y[i];
        sxx += x[i] * x[i];
        sxy += x[i] * y[i];
    }
    const double slope = (n * sxy - sx * sy) / (n * sxx - sx * sx);
    return {(sy - slope * sx) / n, slope};
}

void draw(const std::string& path, const std::vector<double>& us, double intercept, double slope) {
    const double top = 1.25 * *std::max_element(us.begin(), us.end());
    const auto x = [](double n) { return 70 + 480 * (std::log10(n) - 3.5) / 3.5; };
    const auto y = [top](double t) { return 250 - 210 * t / top; };
    std::ofstream out(path);
    out << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 600 310\" font-family=\"sans-serif\" "
           "font-size=\"13\" fill=\"#555\">\n<title>Time of a retrace against the number of samples</title>\n"
           "<rect width=\"600\" height=\"310\" fill=\"#fff\"/>\n<g stroke=\"#ddd\">";
    for (int i = 0; i <= 4; ++i) {
        out << "<path d=\"M70 " << y(top * i / 4) << "H550\"/>";
    }
    out << "</g>\n";
    for (int i = 0; i <= 4; ++i) {
        out << "<text x=\"62\" y=\"" << y(top * i / 4) + 4 << "\" text-anchor=\"end\">"
            << std::round(top * i / 4 * 10) / 10 << "</text>";
    }
    out << "\n<text x=\"70\" y=\"24\">microseconds a query, " << neurons
        << " neurons, k = 42, top 20; line: a + b log n</text>\n<path fill=\"none\" stroke=\"#0a7\" "
           "stroke-width=\"2\" d=\"M"
        << x(4e3) << ' ' << y(intercept + slope * std::log2(4e3)) << 'L' << x(9e6) << ' '
        << y(intercept + slope * std::log2(9e6)) << "\"/>\n";
    for (std::size_t i = 0; i < us.size(); ++i) {
        const auto n = static_cast<double>(sizes[i]);
        out << "<circle cx=\"" << x(n) << "\" cy=\"" << y(us[i]) << "\" r=\"5\" fill=\"#06c\"/><text x=\"" << x(n)
            << "\" y=\"275\" text-anchor=\"middle\">"
            << (sizes[i] < 1'000'000 ? "" : std::to_string(sizes[i] / 1'000'000) + ',')
            << (sizes[i] < 1'000'000 ? std::to_string(sizes[i] / 1000) : "000") << ",000</text>\n";
    }
    out << "<text x=\"310\" y=\"300\" text-anchor=\"middle\">samples</text>\n</svg>\n";
}

void time_against_samples(benchmark::State& state) {
    for (auto _ : state) {
        const auto net = network();
        const Batch<float> x = 2.0f * Batch<float>::Random(inputs, queries);
        std::vector<Activations<float>> values;
        for (Index q = 0; q < queries; ++q) values.push_back(activations(net, x.col(q)));
        std::vector<double> us, logs;
        for (const Index n : sizes) {
            const auto net_of_n = traced(n);
            VoteScratch scratch;
            std::vector<double> rounds;
            for (int round = 0; round < 15; ++round) {
                rounds.push_back(seconds([&] {
                    for (const auto& query : values) {
                        benchmark::DoNotOptimize(
                            net_of_n.retrace_activations(query, {.k = 42, .post = false})[0].top(20, scratch));
                    }
                }));
            }
            us.push_back(Paired::best(rounds) / static_cast<double>(queries) * 1e6);
            logs.push_back(std::log2(static_cast<double>(n)));
            const auto& index = net_of_n.index();
            const double bytes = static_cast<double>(net_of_n.store().bytes() + index.bytes());
            std::printf("n = %8lld: %7.1f us a query, %.2f bytes a value in memory\n", static_cast<long long>(n),
                        us.back(), bytes / static_cast<double>(n * neurons));
            state.counters["us_" + std::to_string(n)] = us.back();
        }
        state.SetIterationTime(us.back() * 1e-6);
        const auto [intercept, slope] = line(logs, us);
        std::printf("fitted: %.1f + %.2f log2(n) us\n", intercept, slope);
        row("retrace, 32 neurons, n = 6,000,000, k = 42, Sorted", us.back() / 1e3, " ms", "<= 0.05 ms");
        row("the same against n = 6,000", us.back() / us.front(), " x", "log n + k");
        if (const char* path = std::getenv("RENN_GROWTH_SVG")) draw(path, us, intercept, slope);
    }
}
BENCHMARK(time_against_samples)->Iterations(1)->UseManualTime()->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
