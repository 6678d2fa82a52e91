// SPDX-License-Identifier: MIT
// Layers, networks and training without exceptions and run-time type information: it trains, then a wrong shape ends
// it.
#include <csignal>
#include <cstdlib>
#include <vector>

#include <headers.hpp>  // of those folders, generated

int main() {
    std::signal(SIGABRT, [](int) { std::_Exit(0); });
    using X = renn::Batch<float>;
    renn::Network net(renn::Dense<float>(2, 3, 1), renn::ReLU<float>(), renn::Dense<float>(3, 2, 2));
    const X points = X::Random(2, 10);
    renn::Dataset<float> data(points, {.labels = std::vector<int>{0, 1, 0, 1, 0, 1, 0, 1, 0, 1}});
    renn::fit(net, data, {.epochs = 1});
    if (!net.predict(points).allFinite()) return 1;
    net.predict(X::Zero(5, 1));
    return 2;
}
