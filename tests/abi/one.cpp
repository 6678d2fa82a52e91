// SPDX-License-Identifier: MIT
#include <renn/layers/dense.hpp>

renn::Index outputs(const renn::Dense<float>& layer);

int main() {
    return outputs(renn::Dense<float>(2, 3)) == 3 ? 0 : 1;
}
