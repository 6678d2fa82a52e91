// SPDX-License-Identifier: MIT
// Which training samples does a prediction rest on, if the network is your own Eigen code?
//
// renn needs no layers of its own for that. It runs your code on batches, features x samples, and your code tells a
// probe the matrices that matter. Two common shapes of such code follow: (a) a plain function, and (b) a class with
// virtual layers that you cannot or do not want to change.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <renn/core/rng.hpp>
#include <renn/data/dataset.hpp>
#include <renn/retrace/trace.hpp>

using Eigen::MatrixXf;
using Eigen::VectorXf;

namespace {

// ---- A small task: three clouds of points, one a class. ----

constexpr int classes = 3, samples = 300, hidden = 32;

MatrixXf centres() {
    MatrixXf c(2, classes);
    c << -2, 2, 0,  //
        -1, -1, 2;
    return c;
}

renn::Dataset<float> clouds() {
    renn::Rng rng(7);
    MatrixXf x(2, samples);
    std::vector<std::int32_t> labels;
    for (int i = 0; i < samples; ++i) {
        const int c = i % classes;
        labels.push_back(c);
        for (int f = 0; f < 2; ++f) x(f, i) = centres()(f, c) + 0.7f * static_cast<float>(rng.normal());
    }
    return {x, {.labels = labels}};
}

// ---- (a) A hand-written network: two matrices and a function. ----

struct Weights {
    MatrixXf w1, w2;
    VectorXf b1, b2;
};

// Training is not the point here: random features of the input, and the mean of each class's features as its weights,
// already tell the clouds apart.
Weights some_weights() {
    renn::Rng rng(42);
    const auto draw = [&] { return static_cast<float>(rng.normal()); };
    Weights w;
    w.w1 = MatrixXf::NullaryExpr(hidden, 2, draw);
    w.b1 = VectorXf::NullaryExpr(hidden, draw);
    const MatrixXf typical = ((w.w1 * centres()).colwise() + w.b1).cwiseMax(0.0f);
    w.w2 = typical.transpose();
    w.b2 = -0.5f * typical.colwise().squaredNorm().transpose();  // nearest mean m: the largest m.a - |m|^2 / 2
    return w;
}

// Forward pass as it was before renn, with one line added for each matrix to trace. Probe is a template parameter, so
// the rest of a program can still call it: with a probe that does nothing.
template <class Probe>
MatrixXf forward(const Weights& w, const MatrixXf& x, Probe&& probe) {
    const MatrixXf h = (w.w1 * x).colwise() + w.b1;
    probe.pre("hidden", h);  // added
    const MatrixXf a = h.cwiseMax(0.0f);
    probe.post("active", a);  // added
    const MatrixXf logits = (w.w2 * a).colwise() + w.b2;
    probe.pre("logits", logits);  // added
    return logits;
}

// ---- (b) A class with virtual layers that keep their outputs, as many small libraries have. Nothing is changed. ----

struct Layer {
    virtual ~Layer() = default;
    virtual void forward(const MatrixXf& x) = 0;
    MatrixXf output;
};

struct Linear final : Layer {
    Linear(MatrixXf w, VectorXf b) : weights(std::move(w)), bias(std::move(b)) {}
    void forward(const MatrixXf& x) override { output = (weights * x).colwise() + bias; }
    MatrixXf weights;
    VectorXf bias;
};

struct Rectifier final : Layer {
    void forward(const MatrixXf& x) override { output = x.cwiseMax(0.0f); }
};

struct OldNetwork {
    std::vector<std::unique_ptr<Layer>> layers;

    MatrixXf predict(const MatrixXf& x) {
        const MatrixXf* at = &x;
        for (auto& layer : layers) {
            layer->forward(*at);
            at = &layer->output;
        }
        return *at;
    }
};

OldNetwork old_network(const Weights& w) {
    OldNetwork net;
    net.layers.push_back(std::make_unique<Linear>(w.w1, w.b1));
    net.layers.push_back(std::make_unique<Rectifier>());
    net.layers.push_back(std::make_unique<Linear>(w.w2, w.b2));
    return net;
}

// ---- The answer, the same for both. ----

template <class Answer>
void print(const char* title, const Answer& answer) {
    std::printf("%s\npredicted class %d, evidence of the sources:", title, answer.prediction());
    for (const double e : answer.evidence()) std::printf(" %4.1f %%", 100.0 * e);
    std::printf("\n\n  source   votes   share  label\n");
    for (const renn::Source& s : answer.top(5)) {
        std::printf("  %6llu %7.2f %5.1f %% %6d\n", static_cast<unsigned long long>(s.id), s.votes, 100.0 * s.share,
                    s.label);
    }
    const auto best = answer.top(1).front();
    std::printf("\n  sample %llu got %.2f of its votes from \"hidden\"\n\n", static_cast<unsigned long long>(best.id),
                answer.layer("hidden").votes(best.id));
}

}  // namespace

int main() {
    const renn::Dataset<float> data = clouds();
    const Weights weights = some_weights();
    const VectorXf query{{-1.2f, -0.8f}};

    // (a) The lambda joins your function with renn's probe. It touches nothing but its arguments, so it may run on
    // several threads at once.
    auto traced =
        renn::trace([&](const auto& x, auto& probe) { return forward(weights, x, probe); }, {.parallel = true});
    traced.record(data);  // runs every training sample once and keeps what each neuron did
    print("(a) a plain function", traced.retrace(query, {.k = 10}));

    // (b) From outside: call predict(), then report what the layers keep. The layers are shared state, so this stays
    // on one thread, which is the default; renn::trace_each would make a network of its own for each thread.
    OldNetwork net = old_network(weights);
    auto outside = renn::trace([&net](const MatrixXf& x, auto& probe) {
        MatrixXf logits = net.predict(x);
        probe.pre("hidden", net.layers[0]->output);
        probe.post("active", net.layers[1]->output);
        probe.pre("logits", net.layers[2]->output);
        return logits;
    });
    outside.record(data);
    print("(b) a class with virtual layers, unchanged", outside.retrace(query, {.k = 10}));
}
