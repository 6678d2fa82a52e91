// SPDX-License-Identifier: MIT
// expect: renn: this layer has no backward: see DifferentiableLayer
#include <string_view>

#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>
#include <renn/training/fit.hpp>

struct ForwardOnly {
    using Scalar = float;
    using Parameters = renn::NoParameters;
    using Cache = renn::NoCache;
    static constexpr std::string_view name = "ForwardOnly";
    const Parameters& parameters() const { return none; }
    void forward(const Parameters&, const renn::BatchView<float>& x, renn::Batch<float>& y, Cache&,
                 const renn::Pass&) const {
        y = x;
    }
    Parameters none;
};

void wrong(const renn::Dataset<float>& data) {
    renn::Network net(renn::Dense<float>(2, 3), ForwardOnly());
    renn::fit(net, data);
}
