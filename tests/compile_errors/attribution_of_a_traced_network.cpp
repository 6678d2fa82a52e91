// SPDX-License-Identifier: MIT
// expect: renn: only a network is explained: of a traced one traced.network\(\)
#include <renn/attribution/gradient.hpp>
#include <renn/layers/dense.hpp>
#include <renn/network/network.hpp>
#include <renn/retrace/trace.hpp>

const auto traced = renn::trace(renn::Network(renn::Dense<float>(2, 3)));
const auto why = renn::attribute(traced, renn::Batch<float>::Ones(2, 1), renn::predicted_output(), renn::Gradient{});
