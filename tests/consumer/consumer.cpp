// SPDX-License-Identifier: MIT
// Uses a network and its trace: the sources of a training sample begin with itself.
#include <renn/renn.hpp>

int main() {
    const renn::Batch<float> points = renn::Batch<float>::Random(2, 8);
    renn::Dataset<float> data(points, {.labels = std::vector<int>{0, 1, 0, 1, 0, 1, 0, 1}});
    auto traced = renn::trace(renn::Network(renn::Dense<float>(2, 3, 1), renn::Tanh<float>()));
    traced.record(data);
    const auto answer = traced.retrace(data.input(5), {.k = 1});
    return answer.top(1)[0].id == 5 && renn::version[0] == '0' + RENN_VERSION_MAJOR ? 0 : 1;
}
