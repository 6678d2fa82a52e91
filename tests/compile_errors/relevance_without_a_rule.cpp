// SPDX-License-Identifier: MIT
// expect: Doubled.*knows no rule for this layer. Available|knows no rule for this layer. Available are Zero.*Doubled
#include <string_view>

#include <renn/attribution/relevance_propagation.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>

struct Doubled {
    using Scalar = float;
    using Parameters = renn::NoParameters;
    using Cache = renn::NoCache;
    static constexpr std::string_view name = "Doubled";
    const Parameters& parameters() const { return none; }
    void forward(const Parameters&, renn::X<Doubled> x, renn::Y<Doubled> y, Cache&, const renn::Pass&) const {
        y = 2 * x;
    }
    Parameters none;
};

void wrong(const renn::Batch<float>& x) {
    const renn::Network net(renn::Dense<float>(2, 3), Doubled{});
    renn::attribute(net, x, renn::output(0), renn::RelevancePropagation{});
}
