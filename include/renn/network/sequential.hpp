// SPDX-License-Identifier: MIT
// renn/network/sequential.hpp - the run-time network of all of renn's layers.
#pragma once

#include <renn/activations/identity.hpp>
#include <renn/activations/leaky_relu.hpp>
#include <renn/activations/relu.hpp>
#include <renn/activations/sigmoid.hpp>
#include <renn/activations/softmax.hpp>
#include <renn/activations/tanh.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/dropout.hpp>
#include <renn/layers/flatten.hpp>
#include <renn/layers/standardize.hpp>
#include <renn/network/basic_sequential.hpp>

namespace renn {

/// Sequential<float>(Dense<float>(784, 128), ReLU<float>(), Dense<float>(128, 10)), or layer by layer with add().
template <class S = float>
using Sequential = BasicSequential<S, Dense<S>, Dropout<S>, Flatten<S>, Standardize<S>, Identity<S>, LeakyReLU<S>,
                                   ReLU<S>, Sigmoid<S>, Softmax<S>, Tanh<S>>;

}  // namespace renn
