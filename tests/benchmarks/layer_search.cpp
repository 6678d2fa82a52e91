// SPDX-License-Identifier: MIT
// benchmarks/layer_search.cpp - the 42 closest samples of a whole layer: Flat and Hnsw against a plain matrix product
// with selection, nanoflann, faiss and hnswlib itself.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <limits>
#include <memory>
#include <queue>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nanoflann.hpp>

#include <renn/index/flat.hpp>
#include <renn/retrace/layer_search.hpp>

#ifdef RENN_PEER_renn__hnswlib
#include <renn/index/hnsw.hpp>
#endif
#ifdef RENN_PEER_faiss
#include <faiss/IndexFlat.h>
#include <omp.h>
#endif

#include "digits.hpp"
#include "paired.hpp"

namespace {

using namespace renn;
using namespace renn::benchmarks;

constexpr Index k = 42, batch = 1000;
constexpr int singles = 50;  // queries timed one after another

/// The pre-activations of the first layer, of all training samples and of some test samples.
struct Layer {
    LayerValues<float> values = layer_values(*recording(), 0, Derivation<float>());
    Flat<float> flat{values};
    Batch<float> queries = first_layer_of_tests();
    Batch<float> rows = values.matrix().transpose();  ///< as peers want them: each sample's values side by side

    static Batch<float> first_layer_of_tests() {
        Batch<float> x;
        digits().test.inputs(0, batch, x);
        return activations(network(), x)["dense1"];
    }
    std::span<const float> query(Index q) const {
        return {queries.col(q).data(), static_cast<std::size_t>(values.width())};
    }
};
const Layer& layer() {
    static const Layer made;
    return made;
}

/// Many queries as one would write them down: products of 512 samples at a time, and a heap a query.
void plain_product() {
    const Layer& l = layer();
    static const Column<float> half = l.values.matrix().rowwise().squaredNorm() / 2;
    static Batch<float> scores(512, batch);
    std::vector<std::priority_queue<std::pair<float, Index>>> heaps(batch);
    for (Index from = 0; from < l.values.samples(); from += 512) {
        const Index rows = std::min<Index>(512, l.values.samples() - from);
        scores.topRows(rows).noalias() = l.values.matrix().middleRows(from, rows) * l.queries;
        for (Index q = 0; q < batch; ++q) {
            auto& heap = heaps[static_cast<std::size_t>(q)];
            float worst = std::ssize(heap) < k ? std::numeric_limits<float>::max() : heap.top().first;
            for (Index i = 0; i < rows; ++i) {
                const float score = half[from + i] - scores(i, q);
                if (score >= worst) continue;
                heap.emplace(score, from + i);
                if (std::ssize(heap) > k) heap.pop();
                if (std::ssize(heap) == k) worst = heap.top().first;
            }
        }
    }
    benchmark::DoNotOptimize(heaps.data());
}

/// One query as one would write it down: every value once, in blocks whose sums stay in the cache.
void plain_pass(Index q) {
    const Layer& l = layer();
    std::priority_queue<std::pair<float, Index>> heap;
    Eigen::ArrayXf sums;
    for (Index from = 0; from < l.values.samples(); from += 2048) {
        const Index rows = std::min<Index>(2048, l.values.samples() - from);
        sums.setZero(rows);
        for (Index d = 0; d < l.values.width(); ++d) {
            sums += (l.values.matrix().col(d).segment(from, rows).array() - l.queries(d, q)).square();
        }
        for (Index i = 0; i < rows; ++i) {
            if (std::ssize(heap) == k && sums[i] >= heap.top().first) continue;
            heap.emplace(sums[i], from + i);
            if (std::ssize(heap) > k) heap.pop();
        }
    }
    benchmark::DoNotOptimize(heap);
}

/// nanoflann over the rows.
struct Rows {
    const Batch<float>& rows;
    std::size_t kdtree_get_point_count() const { return static_cast<std::size_t>(rows.cols()); }
    float kdtree_get_pt(std::size_t i, std::size_t d) const {
        return rows(static_cast<Index>(d), static_cast<Index>(i));
    }
    template <class Box>
    bool kdtree_get_bbox(Box&) const {
        return false;
    }
};
using Tree = nanoflann::KDTreeSingleIndexAdaptor<nanoflann::L2_Simple_Adaptor<float, Rows>, Rows, -1, std::uint32_t>;

void nanoflann_one(Index q) {
    static const Rows rows{layer().rows};
    static const std::unique_ptr<Tree> tree = [] {
        auto made = std::make_unique<Tree>(static_cast<int>(layer().values.width()), rows,
                                           nanoflann::KDTreeSingleIndexAdaptorParams(32));
        made->buildIndex();
        return made;
    }();
    std::uint32_t samples[k];
    float distances[k];
    benchmark::DoNotOptimize(tree->knnSearch(layer().query(q).data(), static_cast<std::size_t>(k), samples, distances));
}

void flat_one(Index q) {
    benchmark::DoNotOptimize(layer().flat.nearest(layer().query(q), k));
}
void flat_batch(int threads) {
    benchmark::DoNotOptimize(layer().flat.nearest_batch(layer().queries, k, {}, threads));
}

/// One query after another: `singles` of them a call.
template <class F>
auto one_by_one(F query) {
    return [query] {
        for (Index q = 0; q < singles; ++q) query(q);
    };
}

Paired against(benchmark::State& state, int rounds, double pieces, const std::function<void()>& ours,
               const std::function<void()>& theirs) {
    layer();
    const Paired times = paired(rounds, 1, ours, theirs);
    report(state, times, pieces);
    return times;
}
double milliseconds(const Paired& times, double pieces) {
    return Paired::best(times.ours) / pieces * 1e3;
}

void single(benchmark::State& state) {
    for (auto _ : state) {
        const Paired plain = against(state, 9, singles, one_by_one(flat_one), one_by_one(plain_pass));
        row("closest samples of a layer (128 values), one query, Flat", milliseconds(plain, singles), " ms",
            "<= 1.7 ms");
        row("the same against a plain pass", plain.median_of_ratios(), " x", "<= 1.1 x");
    }
}
BENCHMARK(single)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

void single_nanoflann(benchmark::State& state) {
    for (auto _ : state) {
        const Paired times = against(state, 3, singles, one_by_one(flat_one), one_by_one(nanoflann_one));
        row("the same against nanoflann", times.median_of_ratios(), " x", "");
    }
}
BENCHMARK(single_nanoflann)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

void many(benchmark::State& state) {
    for (auto _ : state) {
        const Paired plain = against(
            state, 7, batch, [] { flat_batch(1); }, plain_product);
        row("a batch of 1,000, each query, Flat", milliseconds(plain, batch), " ms", "<= 0.24 ms");
        row("the same against a plain product and heaps", plain.median_of_ratios(), " x", "<= 1.1 x");
    }
}
BENCHMARK(many)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

void many_two_threads(benchmark::State& state) {
    for (auto _ : state) {
        const Paired times = against(
            state, 7, batch, [] { flat_batch(2); }, [] { flat_batch(1); });
        row("the same, 2 threads", milliseconds(times, batch), " ms", "<= 0.14 ms");
    }
}
BENCHMARK(many_two_threads)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

#ifdef RENN_PEER_faiss
const faiss::IndexFlatL2& faiss_index() {
    static const auto index = [] {
        omp_set_num_threads(1);
        auto made = std::make_unique<faiss::IndexFlatL2>(layer().values.width());
        made->add(layer().values.samples(), layer().rows.data());
        return made;
    }();
    return *index;
}
void faiss_search(Index first, Index count) {
    static std::vector<float> distances(static_cast<std::size_t>(k * batch));
    static std::vector<faiss::Index::idx_t> samples(static_cast<std::size_t>(k * batch));
    faiss_index().search(count, layer().queries.col(first).data(), k, distances.data(), samples.data());
}

void single_faiss(benchmark::State& state) {
    for (auto _ : state) {
        const Paired times =
            against(state, 3, singles, one_by_one(flat_one), one_by_one([](Index q) { faiss_search(q, 1); }));
        row("one query, Flat against faiss", times.median_of_ratios(), " x", "<= 0.25 x");
    }
}
BENCHMARK(single_faiss)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

void many_faiss(benchmark::State& state) {
    for (auto _ : state) {
        const Paired times = against(
            state, 5, batch, [] { flat_batch(1); }, [] { faiss_search(0, batch); });
        row("a batch of 1,000, Flat against faiss", times.median_of_ratios(), " x", "<= 0.65 x");
    }
}
BENCHMARK(many_faiss)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
#endif

#ifdef RENN_PEER_renn__hnswlib
void hnsw(benchmark::State& state) {
    for (auto _ : state) {
        layer();
        std::unique_ptr<Hnsw> index;
        const double build = seconds([&] { index = std::make_unique<Hnsw>(layer().values); });
        const auto ours = one_by_one([&](Index q) { benchmark::DoNotOptimize(index->nearest(layer().query(q), k)); });
        const auto theirs = one_by_one(
            [&](Index q) { benchmark::DoNotOptimize(index->graph()->searchKnn(layer().query(q).data(), k)); });
        const Paired times = paired(31, 10, ours, theirs);
        report(state, times, singles);
        state.counters["build_s"] = build;
        state.counters["recall"] = index->recall(layer().queries, k);
        row("one query, Hnsw (ef 50)", milliseconds(times, singles), " ms",
            "recall@42 " + std::to_string(index->recall(layer().queries, k)));
        row("the same against hnswlib on the same graph", times.median_of_ratios(), " x", "<= 1.05 x");
    }
}
BENCHMARK(hnsw)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
#endif

}  // namespace

int main(int argc, char** argv) {
#ifndef RENN_PEER_faiss
    std::puts("faiss is not installed: left out");
#endif
#ifndef RENN_PEER_renn__hnswlib
    std::puts("hnswlib is not installed: left out");
#endif
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
}
