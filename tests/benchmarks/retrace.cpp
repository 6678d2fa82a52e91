// SPDX-License-Identifier: MIT
// benchmarks/retrace.cpp - from a sample's activations to its 20 sources, one query at a time and a batch, forward pass
// excluded.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <renn/index/kd_tree.hpp>
#include <renn/index/sorted.hpp>
#include <renn/retrace/trace.hpp>
#include <renn/tracing/packed_store.hpp>
#include <renn/tracing/sorted_store.hpp>

#include "digits.hpp"
#include "nanoflann_tree.hpp"
#include "paired.hpp"

namespace {

using namespace renn;
using namespace renn::benchmarks;

constexpr std::size_t k = 42, places = 20;
constexpr RetraceOptions pre{.k = k, .pre = true, .post = false}, post{.k = k, .pre = false, .post = true};
constexpr RetraceOptions strict_post{.k = k, .ties = Ties::strict, .pre = false, .post = true};

const std::vector<Activations<float>>& queries() {
    static const auto all = [] {
        std::vector<Activations<float>> values;
        for (Index i = 0; i < 200; ++i) values.push_back(activations(network(), digits().test.input(i)));
        return values;
    }();
    return all;
}

template <class Policy>
const auto& traced() {
    static const auto net = [] {
        TracedNetwork<Net, MemoryStore<float>, Policy> made(network(), *recording());
        made.index().build();
        made.index().clipped();
        return made;
    }();
    return net;
}

/// All queries with one of our indexes.
template <class Traced>
auto retraces(const Traced& net, const RetraceOptions& options) {
    return [&net, &options, scratch = VoteScratch()]() mutable {
        for (const auto& query : queries()) {
            benchmark::DoNotOptimize(net.retrace_activations(query, options)[0].top(places, scratch));
        }
    };
}
template <class Policy>
auto ours(const RetraceOptions& options) {
    return retraces(traced<Policy>(), options);
}

/// All queries the plain way: `search(neuron, value, sample callback)`, a counter a sample, the 20 largest.
template <class Search>
void plain(const Search& search) {
    const auto samples = static_cast<std::size_t>(recording()->samples());
    std::vector<std::uint16_t> votes(samples);
    std::vector<std::pair<int, std::uint32_t>> best(places);
    for (const auto& query : queries()) {
        std::fill(votes.begin(), votes.end(), std::uint16_t{0});
        std::size_t neuron = 0;
        for (const auto& block : query.blocks()) {
            if (block.kind != Kind::pre) continue;
            for (Index u = 0; u < block.width; ++u) {
                search(neuron++, block.values(u, 0), [&votes](std::uint32_t sample) { ++votes[sample]; });
            }
        }
        std::fill(best.begin(), best.end(), std::pair(0, 0U));  // a min-heap by votes, then lower position
        for (std::uint32_t s = 0; s < samples; ++s) {
            if (votes[s] <= best.front().first) continue;
            std::pop_heap(best.begin(), best.end(), std::greater<>());
            best.back() = {votes[s], samples - s};
            std::push_heap(best.begin(), best.end(), std::greater<>());
        }
        benchmark::DoNotOptimize(best.data());
    }
}

template <class F>
void for_each_column(F&& f) {
    const auto& store = *recording();
    for (std::uint32_t p = 0; p < store.points.size(); ++p) {
        if (!store.points[p].stored()) continue;
        for (std::uint32_t u = 0; u < store.points[p].units.size(); ++u) f(store.values({p, u}));
    }
}

void raw_nanoflann() {
    static const auto trees = [] {
        std::deque<NanoflannTree> built;
        for_each_column([&built](auto values) { built.emplace_back(values); });
        return built;
    }();
    plain([](std::size_t neuron, float value, auto&& vote) {
        std::uint32_t samples[k];
        float distances[k];
        const std::size_t found = trees[neuron].nearest(value, k, samples, distances);
        for (std::size_t i = 0; i < found; ++i) vote(samples[i]);
    });
}

/// Sorted columns, std::lower_bound, then the nearer of both neighbours until k are found.
void two_pointers() {
    struct Column {
        std::vector<float> values;
        std::vector<std::uint32_t> order;
    };
    static const auto columns = [] {
        std::vector<Column> sorted;
        for_each_column([&sorted](auto values) {
            std::vector<std::pair<float, std::uint32_t>> pairs;
            for (std::uint32_t i = 0; i < values.size(); ++i) pairs.emplace_back(values[i], i);
            std::sort(pairs.begin(), pairs.end());
            sorted.emplace_back();
            for (const auto& [value, sample] : pairs) {
                sorted.back().values.push_back(value);
                sorted.back().order.push_back(sample);
            }
        });
        return sorted;
    }();
    plain([](std::size_t neuron, float value, auto&& vote) {
        constexpr float far = std::numeric_limits<float>::infinity();
        const auto& [values, order] = columns[neuron];
        auto above = static_cast<std::size_t>(std::lower_bound(values.begin(), values.end(), value) - values.begin());
        std::size_t below = above;
        for (std::size_t i = 0; i < k && (below > 0 || above < values.size()); ++i) {
            const float down = below > 0 ? value - values[below - 1] : far;
            const float up = above < values.size() ? values[above] - value : far;
            vote(down <= up ? order[--below] : order[above++]);
        }
    });
}

template <class Ours, class Limit>
Paired compare(benchmark::State& state, int rounds, Ours&& our, Limit&& limit) {
    const auto count = static_cast<double>(queries().size());
    const Paired times = paired(rounds, 1, our, limit);
    report(state, times, count);
    return times;
}
double milliseconds(const Paired& times) {
    return Paired::best(times.ours) / static_cast<double>(queries().size()) * 1e3;
}

void sorted_pre_against_two_pointers(benchmark::State& state) {
    for (auto _ : state) {
        const Paired times = compare(state, 21, ours<Sorted>(pre), two_pointers);
        row("retrace, 266 pre-activations, k = 42, Sorted", milliseconds(times), " ms", "<= 0.06 ms");
    }
}
void sorted_post_against_pre(benchmark::State& state) {
    for (auto _ : state) {
        const Paired times = compare(state, 11, ours<Sorted>(post), ours<Sorted>(pre));
        row("retrace, post-activations, exact shares, Sorted", milliseconds(times), " ms", "<= 0.2 ms");
    }
}
void sorted_strict_post_against_pre(benchmark::State& state) {
    for (auto _ : state) {
        const Paired times = compare(state, 11, ours<Sorted>(strict_post), ours<Sorted>(pre));
        row("retrace, post-activations, strict, Sorted", milliseconds(times), " ms", "<= 0.06 ms");
    }
}
/// A store that takes fewer bytes, against memory.
template <template <class> class Store>
void compact_store(benchmark::State& state, const std::string& name, const char* reach) {
    const auto compact = trace<Sorted>(network(), Store<float>(*recording()));
    compact.index().build();
    std::size_t values = 0;
    for_each_column([&values](auto column) { values += column.size(); });
    const auto bytes = [values](const auto& net) {
        return static_cast<double>(net.store().bytes() + net.index().bytes()) / static_cast<double>(values);
    };
    for (auto _ : state) {
        const Paired times = compare(state, 21, retraces(compact, pre), ours<Sorted>(pre));
        row("retrace, pre-activations, in a " + name + ": against memory", times.ratio_of_minima(), " x", "");
        row("store and index, a value, in a " + name, bytes(compact), " B", reach);
        state.counters["bytes_a_value"] = bytes(compact);
    }
}
void sorted_store_against_memory_store(benchmark::State& state) {
    compact_store<SortedStore>(state, "SortedStore", "<= 8.1 B");
}
void packed_store_against_memory_store(benchmark::State& state) {
    compact_store<PackedStore>(state, "PackedStore", "<= 5 B");
}
/// A batch of 1,000 and the sources of each, on one thread against two.
void sorted_batch_one_thread_against_two(benchmark::State& state) {
    constexpr Index many = 1000;
    const auto& test = digits().test;
    Batch<float> x(test.features(), many);
    for (Index i = 0; i < many; ++i) x.col(i) = test.input(i);
    const auto values = activations(network(), x);
    const auto all = [&values](int threads) {
        return [&values, threads] {
            const auto answers = traced<Sorted>().retrace_activations(values, pre, threads);
            detail::parallel_for(std::ssize(answers), threads, [&](Index i, int) {
                benchmark::DoNotOptimize(answers[static_cast<std::size_t>(i)].top(places));
            });
        };
    };
    for (auto _ : state) {
        const Paired times = paired(9, 1, all(2), all(1));
        report(state, times, many);
        row("a batch of 1,000 retraces, each, Sorted", Paired::best(times.limit) / many * 1e3, " ms", "<= 0.055 ms");
        row("the same, 2 threads", Paired::best(times.ours) / many * 1e3, " ms", "<= 0.035 ms");
    }
}
void kd_tree_pre_against_nanoflann(benchmark::State& state) {
    for (auto _ : state) {
        const Paired times = compare(state, 7, ours<KdTree>(pre), raw_nanoflann);
        row("retrace, pre-activations, KdTree: against raw nanoflann", times.ratio_of_minima(), " x", "<= 0.7 x");
    }
}
void kd_tree_post_against_pre(benchmark::State& state) {
    for (auto _ : state) {
        const Paired times = compare(state, 11, ours<KdTree>(post), ours<KdTree>(pre));
        row("retrace, post-activations, KdTree: against pre-activations", times.ratio_of_minima(), " x", "<= 1 x");
    }
}
BENCHMARK(sorted_pre_against_two_pointers)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(sorted_post_against_pre)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(sorted_strict_post_against_pre)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(sorted_store_against_memory_store)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(packed_store_against_memory_store)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(sorted_batch_one_thread_against_two)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(kd_tree_pre_against_nanoflann)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(kd_tree_post_against_pre)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
