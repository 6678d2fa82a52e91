// SPDX-License-Identifier: MIT
// Uses Eigen and knows nothing of renn.
#include <Eigen/Core>

int main() {
    return Eigen::Vector4d::Ones().sum() == 4 ? 0 : 1;
}
