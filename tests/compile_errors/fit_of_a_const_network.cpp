// SPDX-License-Identifier: MIT
// expect: renn::fit: a const network, as a traced one is, cannot be trained; train a copy
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>
#include <renn/training/fit.hpp>

void wrong(const renn::Dataset<float>& data) {
    const renn::Network net(renn::Dense<float>(2, 3));
    renn::fit(net, data);
}
