// SPDX-License-Identifier: MIT
// expect: renn::Network: all layers must have the same Scalar
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>

const renn::Network wrong(renn::Dense<float>(2, 3), renn::Dense<double>(3, 1));
