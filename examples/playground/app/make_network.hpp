// SPDX-License-Identifier: MIT
// playground/app/make_network.hpp - from a plan to a network, and back.
#pragma once

#include <cstdint>
#include <optional>

#include "data_set.hpp"
#include "lay_out.hpp"
#include "model.hpp"
#include "network_plan.hpp"

namespace playground {

/// Throws HttpError 422 for a plan that is out of range or does not fit the data.
void check(const NetworkPlan& plan, const DataSet& data);

/// Layers dense1, relu1, ... with parameters drawn from the seed.
Net make_network(const NetworkPlan& plan, const DataSet& data, std::uint64_t seed);

/// The plan, without a seed, that such a network was or could have been made from; none for a network that cannot be
/// composed here: it can be recorded and traced all the same.
std::optional<NetworkPlan> plan_of(const Net& net, const DataSet& data);

}  // namespace playground
