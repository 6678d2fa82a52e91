// SPDX-License-Identifier: MIT
// benchmarks/paired.hpp - a contender and its limit, alternating in one process, and how they compare.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace renn::benchmarks {

template <class F>
double seconds(F&& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Times of two pieces of work that took turns. A machine's moods then hit both.
struct Paired {
    std::vector<double> ours, limit;  ///< seconds, one a round

    static double best(const std::vector<double>& times) { return *std::min_element(times.begin(), times.end()); }
    double ratio_of_minima() const { return best(ours) / best(limit); }
    double median_of_ratios() const {
        std::vector<double> ratios;
        for (std::size_t i = 0; i < ours.size(); ++i) ratios.push_back(ours[i] / limit[i]);
        std::sort(ratios.begin(), ratios.end());
        return (ratios[(ratios.size() - 1) / 2] + ratios[ratios.size() / 2]) / 2;
    }
};

/// Both once to warm up, then in turn; `repeats` calls are timed together, the order within a round changes.
template <class Ours, class Limit>
Paired paired(int rounds, int repeats, Ours&& ours, Limit&& limit) {
    const auto timed = [repeats](auto& work) {
        return seconds([&] {
                   for (int i = 0; i < repeats; ++i) work();
               }) /
               repeats;
    };
    Paired times;
    ours();
    limit();
    for (int round = 0; round < rounds; ++round) {
        if (round % 2 == 0) times.ours.push_back(timed(ours));
        times.limit.push_back(timed(limit));
        if (round % 2 != 0) times.ours.push_back(timed(ours));
    }
    return times;
}

/// Shows the times and ratios as counters of a benchmark that runs once; times a piece of work, as in `per_piece`.
inline void report(benchmark::State& state, const Paired& times, double pieces = 1.0) {
    state.SetIterationTime(Paired::best(times.ours));
    state.counters["ours_us"] = Paired::best(times.ours) / pieces * 1e6;
    state.counters["limit_us"] = Paired::best(times.limit) / pieces * 1e6;
    state.counters["ratio_min"] = times.ratio_of_minima();
    state.counters["ratio_median"] = times.median_of_ratios();
}

/// One line 'work | measured | target' of the table that run.sh prints in the end, if it asked for one.
inline void row(const std::string& work, double measured, const char* unit, const std::string& target) {
    const char* table = std::getenv("RENN_BENCHMARK_TABLE");
    if (table == nullptr) return;
    if (std::FILE* out = std::fopen(table, "a")) {
        std::fprintf(out, "| %s | %.4g%s | %s |\n", work.c_str(), measured, unit, target.c_str());
        std::fclose(out);
    }
}

}  // namespace renn::benchmarks
