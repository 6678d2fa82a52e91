// SPDX-License-Identifier: MIT
// benchmarks/relevance.cpp - epsilon-plus-flat relevance of a perceptron and of a small convolutional network, against
// the same in plain Eigen.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <tuple>

#include <renn/activations/relu.hpp>
#include <renn/attribution/relevance/presets.hpp>
#include <renn/attribution/relevance_propagation.hpp>
#include <renn/core/rng.hpp>
#include <renn/layers/convolution.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/max_pool.hpp>
#include <renn/network/network.hpp>

#include "digits.hpp"
#include "paired.hpp"

namespace {

using namespace renn;
using namespace renn::benchmarks;

/// Forward and epsilon-plus-flat of a perceptron, with nothing around it.
class EigenRelevance {
public:
    template <class Parameters>
    void operator()(const Parameters& w, const Batch<float>& x) {
        const auto& one = std::get<0>(w.layers);
        const auto& two = std::get<2>(w.layers);
        const auto& three = std::get<4>(w.layers);
        layer(one, x, z1_);
        h1_ = z1_.cwiseMax(0.0F);
        layer(two, h1_, z2_);
        h2_ = z2_.cwiseMax(0.0F);
        layer(three, h2_, z3_);
        r_.setZero(z3_.rows(), z3_.cols());
        for (Index j = 0; j < r_.cols(); ++j) r_(3, j) = z3_(3, j);
        back(three, z3_, r_, h2_, r2_);
        back(two, z2_, r2_, h1_, r1_);
        scores_.resize(x.rows(), x.cols());
        scores_.rowwise() = r1_.colwise().sum() / (static_cast<float>(x.rows()) + 1e-6F);
        benchmark::DoNotOptimize(scores_.data());
    }
    const Batch<float>& scores() const { return scores_; }

private:
    template <class W>
    static void layer(const W& w, const Batch<float>& in, Batch<float>& out) {
        out.noalias() = w.weights * in;
        out.colwise() += w.bias;
    }
    template <class W>
    void back(const W& w, const Batch<float>& z, const Batch<float>& above, const Batch<float>& in,
              Batch<float>& below) {
        s_ =
            above.array() /
            (z.array() + (z.array() >= 0.0F).select(Batch<float>::Constant(z.rows(), z.cols(), 1e-6F), -1e-6F).array());
        below.noalias() = w.weights.transpose() * s_;
        below.array() *= in.array();
    }
    Batch<float> z1_, h1_, z2_, h2_, z3_, r_, r2_, r1_, s_, scores_;
};

template <class Net>
struct Explained {
    const Net& net;
    AttributionWorkspace<Net> workspace = {};
    Attribution<float> result = {};
    RelevancePropagation method = {.composite = relevance::epsilon_plus_flat()};
    OutputTarget target = output(3);

    void operator()(const Batch<float>& x) {
        method(net, x, target, workspace, result);
        benchmark::DoNotOptimize(result.scores.data());
    }
};

void perceptron(benchmark::State& state) {
    Batch<float> x;
    digits().test.inputs(0, state.range(0), x);
    const Net& net = network();
    Explained<Net> ours{net};
    EigenRelevance eigen;
    const int repeats = static_cast<int>(1000 / x.cols()) + 3;
    for (auto _ : state) {
        const Paired times = paired(
            51, repeats, [&] { ours(x); }, [&] { eigen(net.parameters(), x); });
        if ((ours.result.scores - eigen.scores()).cwiseAbs().maxCoeff() > 1e-4F) {
            return state.SkipWithError("they differ");
        }
        const auto n = static_cast<double>(x.cols());
        report(state, times, n);
        const bool one = x.cols() == 1;
        row(one ? "epsilon-plus-flat of the perceptron, one image" : "the same, batch 1,000, an image",
            Paired::best(times.ours) * 1e6 / n, " us", one ? "<= 18 us" : "<= 7 us");
        std::printf("plain Eigen: %.2f us an image\n", Paired::best(times.limit) * 1e6 / n);
    }
}
BENCHMARK(perceptron)->Arg(1)->Arg(1000)->Iterations(1)->UseManualTime()->Unit(benchmark::kMicrosecond);

void convolutional(benchmark::State& state) {
    const Conv2d<float> first(Shape{1, 28, 28}, {.channels = 16, .kernel = 3, .padding = 1}, 1);
    const MaxPool2d<float> halved(first.output_shape());
    const Conv2d<float> second(halved.output_shape(), {.channels = 32, .kernel = 3, .padding = 1}, 2);
    const MaxPool2d<float> quartered(second.output_shape());
    const Network net(first, ReLU<float>(), halved, second, ReLU<float>(), quartered, Dense<float>(1568, 10, 3));
    Batch<float> x;
    digits().test.inputs(0, state.range(0), x);
    Explained<std::remove_const_t<decltype(net)>> ours{net};
    Workspace<std::remove_const_t<decltype(net)>> workspace;
    const int repeats = static_cast<int>(100 / x.cols()) + 1;
    for (auto _ : state) {
        const Paired times = paired(
            21, repeats, [&] { ours(x); }, [&] { benchmark::DoNotOptimize(net.forward(x, workspace).data()); });
        const auto n = static_cast<double>(x.cols());
        report(state, times, n);
        const bool one = x.cols() == 1;
        row(one ? "epsilon-plus-flat of the convolutional network, one image" : "the same, batch 100, an image",
            Paired::best(times.ours) * 1e6 / n, " us", one ? "<= 400 us" : "<= 220 us");
        std::printf("forward alone: %.1f us an image\n", Paired::best(times.limit) * 1e6 / n);
    }
}
BENCHMARK(convolutional)->Arg(1)->Arg(100)->Iterations(1)->UseManualTime()->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
