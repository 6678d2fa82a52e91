// SPDX-License-Identifier: MIT
// benchmarks/training.cpp - an epoch of mini-batch training against a hand-written Eigen loop.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <renn/training/evaluate.hpp>

#include "digits.hpp"
#include "paired.hpp"

namespace {

using namespace renn;
using namespace renn::benchmarks;

/// The same training with nothing around it: fixed layers, fixed batch, labels believed, Adam over one flat array.
class EigenLoop {
public:
    EigenLoop() : w_(parameters, 1), g_(parameters, 1), m_(Flat::Zero(parameters)), v_(Flat::Zero(parameters)) {
        const auto net = fresh_network(1);
        float* to = w_.data();
        for_each_block([&to](const auto& block) { to = std::copy_n(block.data(), block.size(), to); },
                       net.parameters());
    }

    void epoch(const Dataset<float>& data, std::uint64_t number) {
        std::vector<Index> order(static_cast<std::size_t>(data.samples()));
        std::iota(order.begin(), order.end(), Index{0});
        Rng rng(mix(0, number));
        shuffle(order, rng);
        for (Index first = 0; first + batch <= data.samples(); first += batch) {
            data.inputs(std::span(order).subspan(static_cast<std::size_t>(first), batch), x_);
            for (Index j = 0; j < batch; ++j) labels_[j] = data.label(order[static_cast<std::size_t>(first + j)]);
            step();
        }
    }

private:
    using Flat = Eigen::ArrayXf;
    using Map = Eigen::Map<Eigen::MatrixXf>;
    static constexpr Index batch = 64, in = 784, hidden = 128, out = 10;
    static constexpr Index w1 = 0, b1 = w1 + hidden * in, w2 = b1 + hidden, b2 = w2 + hidden * hidden, w3 = b2 + hidden,
                           b3 = w3 + out * hidden, parameters = b3 + out;

    void step() {
        const Map W1(&w_[w1], hidden, in), B1(&w_[b1], hidden, 1), W2(&w_[w2], hidden, hidden), B2(&w_[b2], hidden, 1),
            W3(&w_[w3], out, hidden), B3(&w_[b3], out, 1);
        h1_.noalias() = W1 * x_;
        h1_ = (h1_.colwise() + B1.col(0)).cwiseMax(0.0f);
        h2_.noalias() = W2 * h1_;
        h2_ = (h2_.colwise() + B2.col(0)).cwiseMax(0.0f);
        d3_.noalias() = W3 * h2_;
        d3_.colwise() += B3.col(0);
        for (Index j = 0; j < batch; ++j) {
            auto y = d3_.col(j).array();
            y = (y - y.maxCoeff()).exp();
            y /= y.sum() * static_cast<float>(batch);
            y[labels_[j]] -= 1.0f / static_cast<float>(batch);
        }
        d2_.noalias() = W3.transpose() * d3_;
        d2_ = (h2_.array() > 0.0f).select(d2_, 0.0f);
        d1_.noalias() = W2.transpose() * d2_;
        d1_ = (h1_.array() > 0.0f).select(d1_, 0.0f);
        Map(&g_[w1], hidden, in).noalias() = d1_ * x_.transpose();
        Map(&g_[b1], hidden, 1) = d1_.rowwise().sum();
        Map(&g_[w2], hidden, hidden).noalias() = d2_ * h1_.transpose();
        Map(&g_[b2], hidden, 1) = d2_.rowwise().sum();
        Map(&g_[w3], out, hidden).noalias() = d3_ * h2_.transpose();
        Map(&g_[b3], out, 1) = d3_.rowwise().sum();

        beta1_power_ *= 0.9;
        beta2_power_ *= 0.999;
        const auto rate = static_cast<float>(1e-3 / (1.0 - beta1_power_));
        const auto correction = static_cast<float>(1.0 / std::sqrt(1.0 - beta2_power_));
        constexpr Index piece = 1024;  // stays in L1 between the three passes
        for (Index i = 0; i < parameters; i += piece) {
            const Index n = std::min(piece, parameters - i);
            const auto g = g_.segment(i, n);
            auto m = m_.segment(i, n), v = v_.segment(i, n);
            m = 0.9f * m + 0.1f * g;
            v = 0.999f * v + 0.001f * g.square();
            w_.segment(i, n) -= rate * m / (correction * v.sqrt() + 1e-8f);
        }
    }

    Flat w_, g_, m_, v_;
    Batch<float> x_, h1_, h2_, d1_, d2_, d3_;
    std::int32_t labels_[batch];
    double beta1_power_ = 1.0, beta2_power_ = 1.0;
};

void epoch(benchmark::State& state) {
    const auto& data = digits().train;
    network();  // the shared one is none of this measurement's business
    for (auto _ : state) {
        std::uint64_t number = 0;
        EigenLoop loop;
        Net net = fresh_network(1);
        const Paired times = paired(
            5, 1, [&] { fit(net, data, {.epochs = 1}); }, [&] { loop.epoch(data, ++number); });
        report(state, times);
        row("training, one epoch, batch 64, Adam: against a hand-written Eigen loop", times.ratio_of_minima(), " x",
            "<= 1.15 x");
    }
}
BENCHMARK(epoch)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

/// Keeps one core from everybody else as long as it lives.
class Busy {
public:
    explicit Busy(bool wanted) {
        if (wanted) {
            thread_ = std::jthread([](const std::stop_token& stop) {
                while (!stop.stop_requested()) benchmark::ClobberMemory();
            });
        }
    }

private:
    std::jthread thread_;
};

/// Two threads against one on the same batches; range(0): whether something else keeps the second core busy.
void two_threads(benchmark::State& state) {
    const bool taken = state.range(0) != 0;
    const auto data = digits().train.first(std::min<Index>(digits().train.samples(), 20000));
    Net net = fresh_network(1);
    const auto epoch_with = [&](int threads) {
        return [&, threads] { fit(net, data, {.epochs = 1, .batch = 256, .threads = threads}); };
    };
    for (auto _ : state) {
        const Busy busy(taken);
        const Paired times = paired(9, 1, epoch_with(2), epoch_with(1));
        report(state, times);
        const std::string work = "training, batch 256, ";
        if (taken) {
            row(work + "two threads with the second core taken: time of one", times.median_of_ratios(), " x",
                "<= 1.15 x");
        } else {
            row(work + "two threads: speed of one", 1.0 / times.median_of_ratios(), " x", ">= 1.4 x");
        }
    }
}
BENCHMARK(two_threads)->Arg(0)->Arg(1)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

void accuracy_after_three_epochs(benchmark::State& state) {
    constexpr int seeds = 5;
    for (auto _ : state) {
        double sum = 0.0, lowest = 1.0;
        const double took = seconds([&] {
            for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
                Net net = fresh_network(seed);
                fit(net, digits().train, {.epochs = 3, .seed = seed});
                const double accuracy = evaluate(net, digits().test).accuracy;
                sum += accuracy;
                lowest = std::min(lowest, accuracy);
            }
        });
        state.SetIterationTime(took);
        state.counters["accuracy"] = sum / seeds;
        state.counters["lowest"] = lowest;
        row("test accuracy after three epochs, mean of five seeds", sum / seeds, "", ">= 0.969");
    }
}
BENCHMARK(accuracy_after_three_epochs)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
