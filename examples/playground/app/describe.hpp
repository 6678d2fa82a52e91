// SPDX-License-Identifier: MIT
// playground/app/describe.hpp - what a session holds, as the page is told of it.
#pragma once

#include <renn/training/evaluate.hpp>
#include <renn/training/fit_options.hpp>

#include "../http/message.hpp"
#include "network_plan.hpp"

namespace playground {

struct DataSet;
struct Model;

Json describe(const DataSet& data);
Json describe(const NetworkPlan& plan);
Json describe(const Model& model);
Json describe(const renn::Epoch& epoch);
Json describe(const renn::Evaluation& measured);

}  // namespace playground
