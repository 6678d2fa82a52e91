// SPDX-License-Identifier: MIT
// benchmarks/attribution.cpp - gradients of the input and methods made of them, against plain Eigen.
#include <benchmark/benchmark.h>

#include <cstring>
#include <tuple>
#include <vector>

#include <renn/attribution/gradient.hpp>
#include <renn/attribution/integrated_gradients.hpp>
#include <renn/layers/convolution.hpp>
#include <renn/layers/max_pool.hpp>

#include "digits.hpp"
#include "paired.hpp"

namespace {

using namespace renn;
using namespace renn::benchmarks;

/// The gradient of output 3 of the network of digits.hpp in plain Eigen, for a matrix or a vector.
template <class M>
struct EigenGradient {
    M h1, h2, y, d1, d2, dy, dx;

    void forward(const Net::Parameters& w, const M& x) {
        const auto layer = [](const auto& l, const M& in, M& out) {
            out.noalias() = l.weights * in;
            out.colwise() += l.bias;
        };
        layer(std::get<0>(w.layers), x, h1);
        h1 = h1.cwiseMax(0.0F);
        layer(std::get<2>(w.layers), h1, h2);
        h2 = h2.cwiseMax(0.0F);
        layer(std::get<4>(w.layers), h2, y);
    }
    void hidden(const Net::Parameters& w) {
        dy.setZero(y.rows(), y.cols());
        dy.row(3).setOnes();
        d2.noalias() = std::get<4>(w.layers).weights.transpose() * dy;
        d2.array() *= (h2.array() > 0.0F).template cast<float>();
        d1.noalias() = std::get<2>(w.layers).weights.transpose() * d2;
        d1.array() *= (h1.array() > 0.0F).template cast<float>();
    }
    void operator()(const Net::Parameters& w, const M& x) {
        forward(w, x);
        hidden(w);
        dx.noalias() = std::get<0>(w.layers).weights.transpose() * d1;
        benchmark::DoNotOptimize(dx.data());
    }
};

template <class M>
Paired gradient_against_eigen(const M& x) {
    const Net& net = network();
    AttributionWorkspace<Net> workspace;
    Attribution<float> result;
    const OutputTarget target = output(3);
    EigenGradient<M> eigen;
    return paired(
        51, static_cast<int>(1000 / x.cols()) + 1,
        [&] {
            Gradient{}(net, x, target, workspace, result);
            benchmark::DoNotOptimize(result.scores.data());
        },
        [&] { eigen(net.parameters(), x); });
}

void gradient_of_one_image(benchmark::State& state) {
    for (auto _ : state) {
        const Paired times = gradient_against_eigen<Column<float>>(digits().test.input(0));
        report(state, times);
        row("MLP, input gradient, one image", Paired::best(times.ours) * 1e6, " us", "<= 25 us");
    }
}
BENCHMARK(gradient_of_one_image)->Iterations(1)->UseManualTime()->Unit(benchmark::kMicrosecond);

void gradient_of_1000_images(benchmark::State& state) {
    Batch<float> x;
    digits().test.inputs(0, 1000, x);
    for (auto _ : state) {
        const Paired times = gradient_against_eigen<Batch<float>>(x);
        report(state, times, 1000.0);
        row("MLP, input gradient, batch 1,000, an image", Paired::best(times.ours) * 1e3, " us", "<= 10 us");
    }
}
BENCHMARK(gradient_of_1000_images)->Iterations(1)->UseManualTime()->Unit(benchmark::kMicrosecond);

/// Integrated gradients of one image; Eigen sums the hidden gradients before the last product.
void integrated_gradients_of_one_image(benchmark::State& state) {
    const Net& net = network();
    const Column<float> x = digits().test.input(0);
    const Quadrature q = quadrature(QuadratureRule::gauss_legendre, 50);
    AttributionWorkspace<Net> workspace;
    Attribution<float> result;
    const OutputTarget target = output(3);
    const IntegratedGradients method;
    EigenGradient<Batch<float>> eigen;
    Batch<float> line(x.rows(), 50);
    Column<float> weights(50), sum, scores;
    const auto plain = [&] {
        for (Index k = 0; k < 50; ++k) {
            line.col(k) = static_cast<float>(q.nodes[static_cast<std::size_t>(k)]) * x;
            weights[k] = static_cast<float>(q.weights[static_cast<std::size_t>(k)]);
        }
        eigen.forward(net.parameters(), line);
        eigen.hidden(net.parameters());
        sum.noalias() = eigen.d1 * weights;
        scores.noalias() = std::get<0>(net.parameters().layers).weights.transpose() * sum;
        scores.array() *= x.array();
        benchmark::DoNotOptimize(scores.data());
    };
    for (auto _ : state) {
        const Paired times = paired(
            51, 20, [&] { method(net, x, target, workspace, result); }, plain);
        report(state, times);
        row("MLP, integrated gradients, 50 nodes, one image", Paired::best(times.ours) * 1e6, " us", "<= 260 us");
    }
    state.counters["difference"] = static_cast<double>((result.scores.col(0) - scores).cwiseAbs().maxCoeff());
}
BENCHMARK(integrated_gradients_of_one_image)->Iterations(1)->UseManualTime()->Unit(benchmark::kMicrosecond);

/// The gradient of output 3 of a small convolutional network in plain Eigen, image by image: channels lie together, so
/// that the pixels under a row of a kernel are one piece of memory.
class EigenCnn {
public:
    using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

    template <class Parameters>
    explicit EigenCnn(const Parameters& w) {
        first_.take(std::get<0>(w.layers), 28, 1, 16);
        second_.take(std::get<3>(w.layers), 14, 16, 32);
        // The linear layer reads channel after channel; here pixel after pixel.
        last_.resize(10, 1568);
        for (Index c = 0; c < 32; ++c) {
            for (Index p = 0; p < 49; ++p) last_.col(p * 32 + c) = std::get<6>(w.layers).weights.col(c * 49 + p);
        }
    }

    void operator()(const float* x, float* dx) {
        first_.forward(x);
        second_.forward(first_.pooled.data());
        output_.noalias() = last_ * Eigen::Map<const Column<float>>(second_.pooled.data(), 1568);
        benchmark::DoNotOptimize(output_.data());
        above_ = last_.row(3);
        second_.backward(above_.data());
        first_.backward(second_.below.data());
        std::memcpy(dx, first_.below.data(), 784 * sizeof(float));
    }

private:
    struct Stage {
        Index size = 0, in = 0, out = 0;
        Rows weights;  // out x (row, column, channel under the kernel)
        Column<float> bias;
        Rows patches, y, dy, d_patches;
        std::vector<float> padded, pooled, below;
        std::vector<int> winner;

        template <class P>
        void take(const P& p, Index size_, Index in_, Index out_) {
            size = size_;
            in = in_;
            out = out_;
            weights.resize(out, 9 * in);
            bias = p.bias;
            for (Index o = 0; o < out; ++o) {
                for (Index c = 0; c < in; ++c) {
                    for (Index t = 0; t < 9; ++t) weights(o, t * in + c) = p.weights(o, c * 9 + t);
                }
            }
            patches.resize(size * size, 9 * in);
            padded.assign(static_cast<std::size_t>((size + 2) * (size + 2) * in), 0.0F);
            pooled.resize(static_cast<std::size_t>(size * size / 4 * out));
            winner.resize(pooled.size());
            below.resize(static_cast<std::size_t>(size * size * in));
        }
        float* pad(Index row, Index column) { return padded.data() + ((row * (size + 2)) + column) * in; }

        void forward(const float* x) {
            const std::size_t tap_row = static_cast<std::size_t>(3 * in) * sizeof(float);
            for (Index r = 0; r < size; ++r) {
                std::memcpy(pad(r + 1, 1), x + r * size * in, static_cast<std::size_t>(size * in) * sizeof(float));
            }
            for (Index r = 0; r < size; ++r) {
                for (Index c = 0; c < size; ++c) {
                    float* to = patches.data() + (r * size + c) * 9 * in;
                    for (Index t = 0; t < 3; ++t) std::memcpy(to + t * 3 * in, pad(r + t, c), tap_row);
                }
            }
            y.noalias() = patches * weights.transpose();
            y.rowwise() += bias.transpose();
            y = y.cwiseMax(0.0F);
            const Index half = size / 2;
            for (Index r = 0; r < half; ++r) {
                for (Index c = 0; c < half; ++c) {
                    const Index corner = 2 * r * size + 2 * c;
                    const float* v[4] = {&y(corner, 0), &y(corner + 1, 0), &y(corner + size, 0),
                                         &y(corner + size + 1, 0)};
                    const Index at = (r * half + c) * out;
                    for (Index o = 0; o < out; ++o) {
                        int best = 0;
                        float most = v[0][o];
                        for (int k = 1; k < 4; ++k) {
                            best = v[k][o] > most ? k : best;
                            most = v[k][o] > most ? v[k][o] : most;
                        }
                        pooled[static_cast<std::size_t>(at + o)] = most;
                        winner[static_cast<std::size_t>(at + o)] = best;
                    }
                }
            }
        }

        void backward(const float* above) {
            const Index half = size / 2;
            dy.resize(size * size, out);
            for (Index r = 0; r < half; ++r) {
                for (Index c = 0; c < half; ++c) {
                    const Index corner = 2 * r * size + 2 * c, at = (r * half + c) * out;
                    const Index places[4] = {corner, corner + 1, corner + size, corner + size + 1};
                    for (int k = 0; k < 4; ++k) {
                        for (Index o = 0; o < out; ++o) {
                            const auto i = static_cast<std::size_t>(at + o);
                            dy(places[k], o) = winner[i] == k && pooled[i] > 0.0F ? above[at + o] : 0.0F;
                        }
                    }
                }
            }
            d_patches.noalias() = dy * weights;
            std::fill(padded.begin(), padded.end(), 0.0F);
            for (Index r = 0; r < size; ++r) {
                for (Index c = 0; c < size; ++c) {
                    const float* from = d_patches.data() + (r * size + c) * 9 * in;
                    for (Index t = 0; t < 3; ++t) {
                        float* to = pad(r + t, c);
                        for (Index i = 0; i < 3 * in; ++i) to[i] += from[t * 3 * in + i];
                    }
                }
            }
            for (Index r = 0; r < size; ++r) {
                std::memcpy(below.data() + r * size * in, pad(r + 1, 1),
                            static_cast<std::size_t>(size * in) * sizeof(float));
            }
            std::fill(padded.begin(), padded.end(), 0.0F);  // the border of the next image
        }
    };

    Stage first_, second_;
    Batch<float> last_;
    Column<float> output_, above_;
};

void gradient_of_a_small_cnn(benchmark::State& state) {
    const Network net(Conv2d<float>({1, 28, 28}, {.channels = 16, .padding = 1}, 1), ReLU<float>{},
                      MaxPool2d<float>({16, 28, 28}), Conv2d<float>({16, 14, 14}, {.channels = 32, .padding = 1}, 2),
                      ReLU<float>{}, MaxPool2d<float>({32, 14, 14}), Dense<float>(1568, 10, 3));
    using Cnn = std::remove_const_t<decltype(net)>;
    const Index n = state.range(0);
    Batch<float> x;
    digits().test.inputs(0, n, x);
    AttributionWorkspace<Cnn> workspace;
    Attribution<float> result;
    const OutputTarget target = output(3);
    EigenCnn eigen(net.parameters());
    Batch<float> dx(784, n);
    for (auto _ : state) {
        const Paired times = paired(
            31, static_cast<int>(100 / n), [&] { Gradient{}(net, x, target, workspace, result); },
            [&] {
                for (Index j = 0; j < n; ++j) eigen(x.col(j).data(), dx.col(j).data());
            });
        report(state, times, static_cast<double>(n));
        if (n == 100) {
            row("small CNN, input gradient, batch 100, an image", Paired::best(times.ours) * 1e6 / 100.0, " us",
                "<= 120 us");
        }
    }
    state.counters["difference"] = static_cast<double>((result.scores - dx).cwiseAbs().maxCoeff());
}
BENCHMARK(gradient_of_a_small_cnn)->Arg(1)->Arg(100)->Iterations(1)->UseManualTime()->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
