// SPDX-License-Identifier: MIT
// benchmarks/forward.cpp - canonical evaluation, which rounds a sample the same way in any batch, against Eigen's
// product.
#include <benchmark/benchmark.h>

#include <tuple>

#include "digits.hpp"
#include "paired.hpp"

namespace {

using namespace renn;
using namespace renn::benchmarks;

/// The same network in plain Eigen, for a matrix or a vector.
template <class M>
struct EigenForward {
    M h1, h2, y;

    template <class Parameters>
    void operator()(const Parameters& w, const M& x) {
        const auto layer = [](const auto& l, const M& in, M& out) {
            out.noalias() = l.weights * in;
            out.colwise() += l.bias;
        };
        layer(std::get<0>(w.layers), x, h1);
        h1 = h1.cwiseMax(0.0f);
        layer(std::get<2>(w.layers), h1, h2);
        h2 = h2.cwiseMax(0.0f);
        layer(std::get<4>(w.layers), h2, y);
        benchmark::DoNotOptimize(y.data());
    }
};

template <class M>
Paired against_eigen(const M& x) {
    const Net& net = network();
    Workspace<Net> workspace;
    EigenForward<M> eigen;
    const int repeats = static_cast<int>(1000 / x.cols()) + 10;
    return paired(
        101, repeats, [&] { benchmark::DoNotOptimize(net.forward(x, workspace).data()); },
        [&] { eigen(net.parameters(), x); });
}

void one_sample(benchmark::State& state) {
    for (auto _ : state) {
        const Paired times = against_eigen<Column<float>>(digits().test.input(0));
        report(state, times);
        row("canonical forward, one sample", Paired::best(times.ours) * 1e6, " us", "<= 12 us");
    }
}
BENCHMARK(one_sample)->Iterations(1)->UseManualTime()->Unit(benchmark::kMicrosecond);

void width(benchmark::State& state) {
    Batch<float> x;
    digits().test.inputs(0, state.range(0), x);
    for (auto _ : state) {
        const Paired times = against_eigen<Batch<float>>(x);
        report(state, times);
        if (x.cols() == 64)
            row("canonical forward, width 64: against Eigen", times.ratio_of_minima(), " x", "<= 1.4 x");
    }
}
BENCHMARK(width)->Arg(2)->Arg(8)->Arg(16)->Arg(64)->Arg(256)->Iterations(1)->UseManualTime()->Unit(
    benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
