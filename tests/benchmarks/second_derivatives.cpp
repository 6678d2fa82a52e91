// SPDX-License-Identifier: MIT
// benchmarks/second_derivatives.cpp - Hessian-vector products against gradients of the same network.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <span>
#include <string>

#include <renn/attribution/gradient.hpp>
#include <renn/attribution/parameter_derivatives.hpp>
#include <renn/attribution/second_derivatives.hpp>

#include "digits.hpp"
#include "paired.hpp"

namespace {

using namespace renn;
using namespace renn::benchmarks;

int repeats(Index width) {
    return static_cast<int>(1000 / width) + 2;
}

void by_inputs(benchmark::State& state) {
    const Net& net = network();
    Batch<float> x, product;
    digits().test.inputs(0, state.range(0), x);
    const Batch<float> v = Batch<float>::Random(x.rows(), x.cols());
    SecondDerivativeWorkspace<Net> second;
    AttributionWorkspace<Net> first;
    Attribution<float> gradient;
    const auto target = probability(3);
    for (auto _ : state) {
        const Paired times = paired(
            31, repeats(x.cols()), [&] { hessian_product(net, x, target, v, second, product); },
            [&] { Gradient{}(net, x, target, first, gradient); });
        report(state, times, static_cast<double>(x.cols()));
        row("Hessian-vector product by the inputs, width " + std::to_string(x.cols()) + ", in gradients",
            times.ratio_of_minima(), " x", "<= 5 x");
    }
}
BENCHMARK(by_inputs)->Arg(1)->Arg(64)->Arg(256)->Iterations(1)->UseManualTime()->Unit(benchmark::kMicrosecond);

void by_parameters(benchmark::State& state) {
    const Net& net = network();
    Batch<float> x;
    digits().train.inputs(0, state.range(0), x);
    const auto labels = digits().train.labels().first(static_cast<std::size_t>(x.cols()));
    const auto loss = loss_of(CrossEntropy{}, labels);
    const auto v = fresh_network(2).parameters();
    auto product = v, gradient = v;
    SecondDerivativeWorkspace<Net> second, first;
    const bool gauss_newton = state.range(1) != 0;
    for (auto _ : state) {
        const Paired times = paired(
            31, repeats(x.cols()),
            [&] {
                if (gauss_newton) {
                    gauss_newton_product(net, x, loss, v, second, product);
                } else {
                    parameter_hessian_product(net, x, loss, v, second, product);
                }
            },
            [&] { parameter_gradient(net, x, loss, first, gradient); });
        report(state, times, static_cast<double>(x.cols()));
        row(std::string(gauss_newton ? "Gauss-Newton" : "Hessian") + "-vector product by the parameters, width " +
                std::to_string(x.cols()) + ", in gradients",
            times.ratio_of_minima(), " x", "<= 5 x");
    }
}
BENCHMARK(by_parameters)
    ->Args({1, 0})
    ->Args({64, 0})
    ->Args({256, 0})
    ->Args({64, 1})
    ->Iterations(1)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
