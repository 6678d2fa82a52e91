// SPDX-License-Identifier: MIT
// support/all_layers.hpp - every kind of layer there is, in every configuration worth a test. The one list: a header in
// layers/ or activations/ whose layer is not here fails the test all_layers_are_tested.
#pragma once

#include <renn/activations/elu.hpp>
#include <renn/activations/gelu.hpp>
#include <renn/activations/identity.hpp>
#include <renn/activations/leaky_relu.hpp>
#include <renn/activations/leaky_softplus.hpp>
#include <renn/activations/relu.hpp>
#include <renn/activations/sigmoid.hpp>
#include <renn/activations/silu.hpp>
#include <renn/activations/softmax.hpp>
#include <renn/activations/softplus.hpp>
#include <renn/activations/tanh.hpp>
#include <renn/layers/average_pool.hpp>
#include <renn/layers/batch_norm.hpp>
#include <renn/layers/concatenate.hpp>
#include <renn/layers/convolution.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/dropout.hpp>
#include <renn/layers/flatten.hpp>
#include <renn/layers/layer_norm.hpp>
#include <renn/layers/max_pool.hpp>
#include <renn/layers/residual.hpp>
#include <renn/layers/standardize.hpp>
#include <renn/network/network.hpp>

#include "support/random_batch.hpp"

namespace renn::test {

/// The features of a sample for layers that take any number: whole packets and a rest, in float and in double.
inline constexpr Index any_width = 13;

/// Calls f(layer) for one layer after another; f is generic.
template <class S, class F>
void for_each_kind_of_layer(F&& f) {
    // By their own widths.
    f(Dense<S, 5, 3>(4));
    f(Dense<S>(5, 19, 4));
    f(Conv1d<S>({2, 1, 7}, {.channels = 3, .kernel = 3, .padding = 1}, 5));
    f(Conv2d<S>({2, 5, 4}, {.channels = 4, .kernel = {3, 2}, .stride = {2, 1}, .padding = 1, .groups = 2}, 6));
    f(Conv2d<S>({1, 6, 5}, {.channels = 2, .kernel = 2, .dilation = {2, 3}, .bias = false}, 7));
    f(MaxPool2d<S>({2, 4, 6}));
    f(MaxPool2d<S>({1, 5, 5}, {.kernel = 3, .stride = 2, .padding = 1}));
    f(AvgPool2d<S>({2, 5, 4}, {.kernel = 3, .stride = 1, .padding = 1}));
    f(GlobalAvgPool<S>({3, 2, 4}));
    f(BatchNorm1d<S>(5));
    f(BatchNorm2d<S>({3, 2, 5}, {.epsilon = 1e-3}));
    f(LayerNorm<S>(7));
    f(Standardize<S>(random_batch<S>(any_width, 1, 1), random_batch<S>(any_width, 1, 2).array() + S(1.5)));

    f(Residual(Network(Dense<S>(5, 3, 8), Tanh<S>(), Dense<S>(3, 5, 9))));
    f(Concatenate(Network(Dense<S>(5, 3, 10), Tanh<S>()), Network(Dense<S>(5, 2, 11))));

    // Of any width.
    f(Standardize<S>(S(0.13), S(-0.31)));
    f(Dropout<S>(0.4));
    f(Flatten<S>());
    f(Identity<S>());
    f(ReLU<S>());
    f(LeakyReLU<S>());
    f(LeakyReLU<S>(S(-0.5)));
    f(ELU<S>());
    f(ELU<S>(S(0.5)));
    f(Sigmoid<S>());
    f(Tanh<S>());
    f(GELU<S>());
    f(GELUTanh<S>());
    f(SiLU<S>());
    f(Softplus<S>());
    f(Softplus<S>(S(2), S(1)));
    f(LeakySoftplus<S>());
    f(LeakySoftplus<S>(S(-0.5), S(2)));
    f(Softmax<S>());
}

}  // namespace renn::test
