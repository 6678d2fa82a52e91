// SPDX-License-Identifier: MIT
// benchmarks/convolution.cpp - a small convolutional network against a hand-written Eigen program, image by image.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <tuple>

#include <renn/activations/relu.hpp>
#include <renn/core/rng.hpp>
#include <renn/layers/convolution.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/max_pool.hpp>
#include <renn/network/network.hpp>

#include "paired.hpp"

namespace {

using namespace renn;
using namespace renn::benchmarks;
using Matrix = Eigen::MatrixXf;

auto network() {
    const Conv2d<float> first(Shape{1, 28, 28}, {.channels = 16, .kernel = 3, .padding = 1}, 1);
    const MaxPool2d<float> halved(first.output_shape());
    const Conv2d<float> second(halved.output_shape(), {.channels = 32, .kernel = 3, .padding = 1}, 2);
    const MaxPool2d<float> quartered(second.output_shape());
    return Network(first, ReLU<float>(), halved, second, ReLU<float>(), quartered, Dense<float>(1568, 10, 3));
}
using Net = decltype(network());

/// The same network with nothing around it: channels are rows, the nine taps of a pixel come by three memcpy, one
/// product an image and layer.
class EigenNetwork {
public:
    explicit EigenNetwork(const Net& net) {
        const auto& w = net.parameters().layers;
        one_.load(std::get<0>(w).weights, std::get<0>(w).bias);
        two_.load(std::get<3>(w).weights, std::get<3>(w).bias);
        const auto& dense = std::get<6>(w);
        weights_.resize(10, 1568);
        for (Index p = 0; p < 49; ++p) {
            for (Index c = 0; c < 32; ++c) weights_.col(p * 32 + c) = dense.weights.col(c * 49 + p);
        }
        bias_ = dense.bias;
        gradient_.setZero(10, 1568);
    }

    const Eigen::VectorXf& forward(const float* x) {
        one_.forward(x);
        two_.forward(one_.pooled.data());
        y_.noalias() = weights_ * two_.pooled.reshaped();
        y_ += bias_;
        return y_;
    }
    const Matrix& input_gradient(const Eigen::VectorXf& dy) {
        down(dy);
        two_.backward(true);
        one_.above = two_.below;
        one_.backward(true);
        return one_.below;
    }
    void parameter_gradient(const Eigen::VectorXf& dy) {
        down(dy);
        gradient_.noalias() += dy * two_.pooled.reshaped().transpose();
        bias_gradient_ += dy;
        two_.add_gradient();
        two_.backward(true);
        one_.above = two_.below;
        one_.add_gradient();
    }
    const Matrix& first_gradient() const { return one_.gradient; }
    void clear() {
        one_.gradient.setZero();
        two_.gradient.setZero();
    }

private:
    /// Convolution 3 x 3 with a border of 1, ReLU, max-pool 2.
    template <int In, int Out, int Size>
    struct Block {
        static constexpr Index places = Size * Size, half = Size / 2, padded_size = Size + 2;
        Matrix weights{Out, 9 * In}, gradient = Matrix::Zero(Out, 9 * In), patches{9 * In, places};
        Matrix padded = Matrix::Zero(In, padded_size*padded_size), y{Out, places}, pooled{Out, half*half};
        Matrix above{Out, half*half}, dy{Out, places}, dpatches{9 * In, places}, dpadded, below{In, places};
        Eigen::VectorXf bias, bias_gradient = Eigen::VectorXf::Zero(Out);

        void load(const Matrix& w, const Eigen::VectorXf& b) {  // channel, row, column to row, column, channel
            for (Index c = 0; c < In; ++c) {
                for (Index tap = 0; tap < 9; ++tap) weights.col(tap * In + c) = w.col(c * 9 + tap);
            }
            bias = b;
        }
        void forward(const float* x) {
            for (Index row = 0; row < Size; ++row) {
                std::memcpy(padded.col((row + 1) * padded_size + 1).data(), x + row * Size * In,
                            sizeof(float) * Size * In);
            }
            for (Index row = 0, p = 0; row < Size; ++row) {
                for (Index column = 0; column < Size; ++column, ++p) {
                    for (Index ky = 0; ky < 3; ++ky) {
                        std::memcpy(patches.col(p).data() + ky * 3 * In,
                                    padded.col((row + ky) * padded_size + column).data(), sizeof(float) * 3 * In);
                    }
                }
            }
            y.noalias() = weights * patches;
            y = (y.colwise() + bias).cwiseMax(0.0f);
            for (Index p = 0; p < half * half; ++p) {
                const Index q = at(p);
                pooled.col(p) = y.col(q).cwiseMax(y.col(q + 1)).cwiseMax(y.col(q + Size)).cwiseMax(y.col(q + Size + 1));
            }
        }
        void backward_to_sums() {
            for (Index p = 0; p < half * half; ++p) {
                auto left = above.col(p).array().eval();
                left = (pooled.col(p).array() > 0.0f).select(left, 0.0f);
                for (const Index q : {at(p), at(p) + 1, at(p) + Size, at(p) + Size + 1}) {
                    const auto won = (y.col(q).array() == pooled.col(p).array()).eval();
                    dy.col(q) = won.select(left, 0.0f);
                    left = won.select(0.0f, left);
                }
            }
        }
        void backward(bool pool) {
            if (pool) backward_to_sums();
            dpatches.noalias() = weights.transpose() * dy;
            dpadded.setZero(In, padded_size * padded_size);
            for (Index row = 0, p = 0; row < Size; ++row) {
                for (Index column = 0; column < Size; ++column, ++p) {
                    for (Index ky = 0; ky < 3; ++ky) {
                        Eigen::Map<Eigen::VectorXf>(dpadded.col((row + ky) * padded_size + column).data(), 3 * In) +=
                            dpatches.col(p).segment(ky * 3 * In, 3 * In);
                    }
                }
            }
            for (Index row = 0; row < Size; ++row) {
                below.middleCols(row * Size, Size) = dpadded.middleCols((row + 1) * padded_size + 1, Size);
            }
        }
        void add_gradient() {
            backward_to_sums();
            gradient.noalias() += dy * patches.transpose();
            bias_gradient += dy.rowwise().sum();
        }
        static Index at(Index p) { return p / half * 2 * Size + p % half * 2; }
    };

    void down(const Eigen::VectorXf& dy) { two_.above.reshaped().noalias() = weights_.transpose() * dy; }

    Block<1, 16, 28> one_;
    Block<16, 32, 14> two_;
    Matrix weights_, gradient_;
    Eigen::VectorXf bias_, bias_gradient_ = Eigen::VectorXf::Zero(10), y_;
};

template <class A, class B>
void require_close(const char* what, const A& a, const B& b) {
    if ((a - b).norm() <= 1e-4f * b.norm()) return;
    std::fprintf(stderr, "%s: the hand-written program computes something else\n", what);
    std::exit(1);
}

struct Setup {
    Net net = network();
    EigenNetwork eigen{net};
    Workspace<Net> workspace;
    Batch<float> x, dy, dx;
    Net::Parameters gradient = net.parameters();

    explicit Setup(Index samples) : x(784, samples), dy(10, samples) {
        Rng rng(1);
        for (Index i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(rng.uniform());
        for (Index i = 0; i < dy.size(); ++i) dy.data()[i] = static_cast<float>(rng.uniform(-1.0, 1.0));
    }
    const Batch<float>& forward() { return net.forward(x, workspace); }
};

int repeats(const benchmark::State& state) {
    return static_cast<int>(128 / state.range(0)) + 1;
}

void forward(benchmark::State& state) {
    Setup s(state.range(0));
    require_close("forward", s.forward().col(0), s.eigen.forward(s.x.data()));
    for (auto _ : state) {
        const Paired times = paired(
            41, repeats(state), [&] { benchmark::DoNotOptimize(s.forward().data()); },
            [&] {
                for (Index j = 0; j < s.x.cols(); ++j)
                    benchmark::DoNotOptimize(s.eigen.forward(s.x.col(j).data()).data());
            });
        report(state, times, static_cast<double>(s.x.cols()));
        if (s.x.cols() == 1) {
            row("convolutional network, forward, one image: against Eigen", times.ratio_of_minima(), " x", "<= 1.1 x");
        }
    }
}
BENCHMARK(forward)->Arg(1)->Arg(64)->Iterations(1)->UseManualTime()->Unit(benchmark::kMicrosecond);

void input_gradient(benchmark::State& state) {
    Setup s(state.range(0));
    const auto ours = [&] {
        s.forward();
        s.net.reverse_walk(InputGradient{}, s.x, s.workspace, s.dy, s.dx);
        benchmark::DoNotOptimize(s.dx.data());
    };
    const auto theirs = [&](Index j) -> const Matrix& {
        s.eigen.forward(s.x.col(j).data());
        return s.eigen.input_gradient(s.dy.col(j));
    };
    ours();
    require_close("input gradient", s.dx.col(0), theirs(0).reshaped());
    for (auto _ : state) {
        const Paired times = paired(41, repeats(state), ours, [&] {
            for (Index j = 0; j < s.x.cols(); ++j) benchmark::DoNotOptimize(theirs(j).data());
        });
        report(state, times, static_cast<double>(s.x.cols()));
        if (s.x.cols() == 1) {
            row("convolutional network, forward and input gradient, one image: against Eigen", times.ratio_of_minima(),
                " x", "<= 1.1 x");
        }
    }
}
BENCHMARK(input_gradient)->Arg(1)->Arg(64)->Iterations(1)->UseManualTime()->Unit(benchmark::kMicrosecond);

/// Without the optimizer, whose work does not depend on the images.
void training_step(benchmark::State& state) {
    Setup s(state.range(0));
    const auto ours = [&] {
        s.forward();
        NotWanted none;
        s.net.reverse_walk(ParameterGradient{}, s.x, s.workspace, s.dy, none, &s.gradient);
        benchmark::DoNotOptimize(s.gradient);
    };
    const auto theirs = [&] {
        s.eigen.clear();
        for (Index j = 0; j < s.x.cols(); ++j) {
            s.eigen.forward(s.x.col(j).data());
            s.eigen.parameter_gradient(s.dy.col(j));
        }
    };
    ours();
    theirs();
    require_close("parameter gradient", std::get<0>(s.gradient.layers).weights, s.eigen.first_gradient());
    for (auto _ : state) {
        const Paired times = paired(41, repeats(state), ours, theirs);
        report(state, times, static_cast<double>(s.x.cols()));
        row("convolutional network, training step of 64 images, an image", times.best(times.ours) / 64 * 1e6, " us",
            "<= 305 us");
    }
}
BENCHMARK(training_step)->Arg(64)->Iterations(1)->UseManualTime()->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
