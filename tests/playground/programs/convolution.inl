// A network composed in the renn playground: trained, recorded, and one prediction retraced.
//     g++ -std=c++20 -O3 -march=native -I renn/include -I /usr/include/eigen3 network.cpp -o network -pthread
//     ./network FOLDER, where train-images-idx3-ubyte and its companions are
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

#include <renn/renn.hpp>

constexpr std::uint64_t seed = 99999;

using Net = renn::Network<
    renn::Conv2d<float>, renn::BatchNorm<float>, renn::LeakyReLU<float>, renn::MaxPool2d<float>,
    renn::AvgPool2d<float>, renn::LayerNorm<float>, renn::ELU<float>, renn::Dropout<float>, renn::Dense<float, 36, 8>,
    renn::GELU<float>, renn::BatchNorm<float>, renn::SiLU<float>, renn::Dense<float, 8, 7>, renn::Softplus<float>,
    renn::Dense<float, 7, 6>, renn::Sigmoid<float>, renn::Dense<float, 6, 10>>;

/// The network before training: the same seeds, the same weights as in the playground.
inline Net make_network() {
    return Net(
        renn::Conv2d<float>({1, 28, 28}, {.channels = 4, .kernel = 3, .stride = 2, .padding = 1}, renn::mix(seed, 1)),
        renn::BatchNorm<float>(renn::Shape{4, 14, 14}), renn::LeakyReLU<float>(),
        renn::MaxPool2d<float>({4, 14, 14}, {.kernel = 3, .stride = 2, .padding = 1}),
        renn::AvgPool2d<float>({4, 7, 7}, {.kernel = 2, .stride = 2, .padding = 0}),
        renn::LayerNorm<float>(renn::Index{36}), renn::ELU<float>(), renn::Dropout<float>(0.2),
        renn::Dense<float, 36, 8>(renn::mix(seed, 2)), renn::GELU<float>(), renn::BatchNorm<float>(renn::Index{8}),
        renn::SiLU<float>(), renn::Dense<float, 8, 7>(renn::mix(seed, 3)), renn::Softplus<float>(),
        renn::Dense<float, 7, 6>(renn::mix(seed, 4)), renn::Sigmoid<float>(),
        renn::Dense<float, 6, 10>(renn::mix(seed, 5)));
}

inline renn::Training train(Net& net, const renn::Dataset<float>& train_set,
                            const renn::Dataset<float>& test_set) {
    renn::FitOptions options{.epochs = 2, .batch = 16};
    options.loss = renn::CrossEntropy{};
    options.optimizer = renn::Sgd{.learning_rate = 0.05, .momentum = 0.9};
    options.seed = seed;
    options.threads = 0;  // every core; the weights are the same for any number
    options.on_epoch = [](const renn::Epoch& epoch) {
        std::printf("epoch %3d  loss %.6f  test loss %.6f  accuracy %.2f %%\n", epoch.number, epoch.loss,
                    epoch.validation_loss, 100.0 * epoch.validation_accuracy);
        return true;
    };
    return renn::fit(net, train_set, test_set, options);
}

int main(int argc, char** argv) {
    try {
        const std::string folder = argc > 1 ? argv[1] : ".";
        const auto train_set = renn::read_idx<float>(folder + "/train-images-idx3-ubyte",
                                                     folder + "/train-labels-idx1-ubyte", 40);
        const auto test_set = renn::read_idx<float>(folder + "/t10k-images-idx3-ubyte",
                                                    folder + "/t10k-labels-idx1-ubyte", 8);

        Net net = make_network();
        train(net, train_set, test_set);

        // What every neuron does for every training sample, and an index over it.
        renn::TracedNetwork<Net, renn::MemoryStore<float>, renn::Sorted> traced(std::move(net));
        traced.record(train_set);

        // On which training samples does the answer to the first test sample rest?
        const auto answer = traced.retrace(test_set.input(0), {.k = 40});
        std::printf("the first test sample is %d, the network says %d\n", test_set.label(0),
                    answer.prediction());
        for (const renn::Source& source : answer.top(5)) {
            std::printf("training sample %llu (%d) has %.2f %% of the votes\n",
                        static_cast<unsigned long long>(source.id), source.label, 100.0 * source.share);
        }
        return 0;
    } catch (const renn::Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
