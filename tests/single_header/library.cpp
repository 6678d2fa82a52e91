// SPDX-License-Identifier: MIT
#include <renn/renn.hpp>

const void* version_of_library() {
    return &renn::version;
}

void fail_in_library() {
    renn::Network net(renn::Dense<float>(2, 3), renn::ReLU<float>());
    net.predict(Eigen::VectorXf::Zero(5));
}
