// SPDX-License-Identifier: MIT
// expect: renn::fit: the data set's scalar must be the network's
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>
#include <renn/training/fit.hpp>

void wrong(const renn::Dataset<float>& data) {
    renn::Network net(renn::Dense<double>(2, 3));
    renn::fit(net, data);
}
