// SPDX-License-Identifier: MIT
// expect: renn::maximise: a code or a view must be a layer or a network with a backward
#include <renn/attribution/maximisation/maximise.hpp>
#include <renn/attribution/maximisation/objectives.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>

struct Rounded {
    using Scalar = float;
    using Parameters = renn::NoParameters;
    using Cache = renn::NoCache;
    static constexpr std::string_view name = "Rounded";
    Parameters none;
    const Parameters& parameters() const { return none; }
    void forward(const Parameters&, renn::X<Rounded> x, renn::Y<Rounded> y, Cache&, renn::Pass) const {
        y = x.array().round();
    }
};

const renn::Network net(renn::Dense<float>(2, 3));
const auto found =
    renn::maximisation::maximise(net, renn::maximisation::logit(0), renn::maximisation::Search<>().in(Rounded{}));
