// SPDX-License-Identifier: MIT
// expect: renn: this type is not an index policy
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>
#include <renn/retrace/trace.hpp>

struct NotAPolicy {};

void wrong(const renn::Dataset<float>& data) {
    auto traced = renn::trace<NotAPolicy>(renn::Network(renn::Dense<float>(2, 3)));
    traced.record(data);
}
