// SPDX-License-Identifier: MIT
// support/run.hpp - the output of a layer by itself.
#pragma once

#include <renn/core/batch.hpp>
#include <renn/core/layer.hpp>

namespace renn::test {

template <class L>
Batch<typename L::Scalar> run(const L& layer, const Batch<typename L::Scalar>& x, const Pass& pass = {}) {
    typename L::Cache cache;
    Batch<typename L::Scalar> y;
    layer.forward(layer.parameters(), x, y, cache, pass);
    return y;
}

}  // namespace renn::test
