// SPDX-License-Identifier: MIT
#include <renn/layers/dense.hpp>

renn::Index outputs(const renn::Dense<float>& layer) {
    return layer.parameters().weights.rows();
}
