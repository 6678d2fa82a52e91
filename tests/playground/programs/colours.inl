// A network composed in the renn playground: trained, recorded, and one prediction retraced.
//     g++ -std=c++20 -O3 -march=native -I renn/include -I /usr/include/eigen3 network.cpp -o network -pthread
//     ./network
#include <cstdint>
#include <cstdio>
#include <utility>

#include <renn/data/hsv_rgb.hpp>
#include <renn/renn.hpp>

constexpr std::uint64_t seed = 7;

using Net = renn::Network<
    renn::Dense<float, 3, 5>, renn::Tanh<float>, renn::Dense<float, 5, 3>, renn::Sigmoid<float>>;

/// The network before training: the same seeds, the same weights as in the playground.
inline Net make_network() {
    return Net(
        renn::Dense<float, 3, 5>(renn::mix(seed, 1)), renn::Tanh<float>(),
        renn::Dense<float, 5, 3>(renn::mix(seed, 2)), renn::Sigmoid<float>());
}

inline renn::Training train(Net& net, const renn::Dataset<float>& train_set,
                            const renn::Dataset<float>& test_set) {
    renn::FitOptions options{.epochs = 1, .batch = 25};
    options.loss = renn::MeanSquaredError{};
    options.optimizer = renn::Adam{.learning_rate = 0.001};
    options.seed = seed;
    options.threads = 0;  // every core; the weights are the same for any number
    options.on_epoch = [](const renn::Epoch& epoch) {
        std::printf("epoch %3d  loss %.6f  test loss %.6f\n", epoch.number, epoch.loss,
                    epoch.validation_loss);
        return true;
    };
    return renn::fit(net, train_set, test_set, options);
}

int main() {
    try {
        // The grid of the colours, and others between them.
        const auto train_set = renn::hsv_rgb_grid<float>(50653).first(100);
        const auto test_set = renn::hsv_rgb_random<float>(10000, 1).first(20);

        Net net = make_network();
        train(net, train_set, test_set);

        // What every neuron does for every training sample, and an index over it.
        renn::TracedNetwork<Net, renn::MemoryStore<float>, renn::Sorted> traced(std::move(net));
        traced.record(train_set);

        // On which training samples does the answer to the first test sample rest?
        const auto answer = traced.retrace(test_set.input(0), {.k = 42});
        const auto output = traced.network().predict(test_set.input(0));
        for (renn::Index i = 0; i < output.rows(); ++i) {
            std::printf("output %d: %.4f, wanted %.4f\n", static_cast<int>(i), static_cast<double>(output(i, 0)),
                        static_cast<double>(test_set.targets()(i, 0)));
        }
        for (const renn::Source& source : answer.top(5)) {
            std::printf("training sample %llu has %.2f %% of the votes\n",
                        static_cast<unsigned long long>(source.id), 100.0 * source.share);
        }
        return 0;
    } catch (const renn::Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
