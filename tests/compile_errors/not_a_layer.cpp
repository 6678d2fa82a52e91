// SPDX-License-Identifier: MIT
// expect: renn::Network: this type is not a renn::Layer
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>

struct NotALayer {
    using Scalar = float;
    float operator()(float x) const { return x; }
};

const renn::Network wrong(renn::Dense<float>(2, 3), NotALayer());
