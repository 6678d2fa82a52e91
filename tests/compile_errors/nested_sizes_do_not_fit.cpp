// SPDX-License-Identifier: MIT
// expect: renn::Network: out_features of a layer must equal in_features of the next
#include <renn/activations/relu.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>

const renn::Network inner(renn::Dense<float, 4, 3>{}, renn::ReLU<float>{});
const renn::Network wrong(inner, renn::Dense<float, 2, 1>{});
