// SPDX-License-Identifier: MIT
// renn/network/sequential.hpp - the run-time network of all of renn's layers.
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
#include <renn/layers/convolution.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/dropout.hpp>
#include <renn/layers/flatten.hpp>
#include <renn/layers/layer_norm.hpp>
#include <renn/layers/max_pool.hpp>
#include <renn/layers/standardize.hpp>
#include <renn/network/basic_sequential.hpp>

namespace renn::inline RENN_ABI {

/// Sequential<float>(Dense<float>(784, 128), ReLU<float>(), Dense<float>(128, 10)), or layer by layer with add().
template <class S = float>
using Sequential =
    BasicSequential<S, Dense<S>, Conv1d<S>, Conv2d<S>, MaxPool2d<S>, AvgPool2d<S>, GlobalAvgPool<S>, BatchNorm<S>,
                    LayerNorm<S>, Standardize<S>, Dropout<S>, Flatten<S>, Identity<S>, ReLU<S>, LeakyReLU<S>, ELU<S>,
                    Sigmoid<S>, Tanh<S>, Softplus<S>, LeakySoftplus<S>, SiLU<S>, GELU<S>, GELUTanh<S>, Softmax<S>>;

}  // namespace renn::inline RENN_ABI
