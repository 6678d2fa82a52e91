// SPDX-License-Identifier: MIT
// support/digit_networks.hpp - the networks that read digits.
#pragma once

#include <cstdint>

#include <renn/activations/relu.hpp>
#include <renn/core/rng.hpp>
#include <renn/layers/convolution.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/flatten.hpp>
#include <renn/layers/max_pool.hpp>
#include <renn/network/network.hpp>

/// 784-128-128-10.
using DigitMlp = renn::Network<renn::Dense<float, 784, 128>, renn::ReLU<float>, renn::Dense<float, 128, 128>,
                               renn::ReLU<float>, renn::Dense<float, 128, 10>>;

inline DigitMlp make_digit_mlp(std::uint64_t seed) {
    const auto layer = [seed](std::uint64_t number) { return renn::mix(seed, number); };
    return DigitMlp(renn::Dense<float, 784, 128>(layer(1)), renn::ReLU<float>(), renn::Dense<float, 128, 128>(layer(2)),
                    renn::ReLU<float>(), renn::Dense<float, 128, 10>(layer(3)));
}

/// Two convolutions of 3 x 3 with 16 and 32 channels, each with max pooling by two, then dense.
using DigitCnn = renn::Network<renn::Conv2d<float>, renn::ReLU<float>, renn::MaxPool2d<float>, renn::Conv2d<float>,
                               renn::ReLU<float>, renn::MaxPool2d<float>, renn::Flatten<float>, renn::Dense<float>>;

inline DigitCnn make_digit_cnn(std::uint64_t seed) {
    const auto layer = [seed](std::uint64_t number) { return renn::mix(seed, number); };
    const renn::Conv2d<float> first({1, 28, 28}, {.channels = 16, .kernel = 3, .padding = 1}, layer(1));
    const renn::MaxPool2d<float> halved(first.output_shape());
    const renn::Conv2d<float> second(halved.output_shape(), {.channels = 32, .kernel = 3, .padding = 1}, layer(2));
    const renn::MaxPool2d<float> quartered(second.output_shape());
    return DigitCnn(first, renn::ReLU<float>(), halved, second, renn::ReLU<float>(), quartered, renn::Flatten<float>(),
                    renn::Dense<float>(quartered.out_features(), 10, layer(3)));
}
