// SPDX-License-Identifier: MIT
// expect: Softmax.*knows no rule for this layer. Available are Zero|knows no rule for this layer. Available are Zero.*Softmax
#include <renn/activations/softmax.hpp>
#include <renn/attribution/relevance_propagation.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>

void wrong(const renn::Batch<float>& x) {
    const renn::Network net(renn::Dense<float>(2, 3), renn::Softmax<float>());
    renn::attribute(net, x, renn::output(0), renn::RelevancePropagation{});
}
