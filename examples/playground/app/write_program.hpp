// SPDX-License-Identifier: MIT
// playground/app/write_program.hpp - a plan as a program of its own: copy as C++.
#pragma once

#include <cstdint>
#include <string>

#include "data_set.hpp"
#include "network_plan.hpp"

namespace playground {

/// What the program trains with, under the names that the tab Training sends.
struct ProgramOptions {
    std::int64_t epochs = 10, train = 10000, test = 2000, batch = 64;
    double learning_rate = 1e-3, momentum = 0.0;
    std::string loss = "MSE", optimizer = "Adam";
};

/// Members that are left out have their defaults, or as many samples as there are. Throws HttpError 422, its kind the
/// member.
ProgramOptions parse_program_options(const Json& json, const DataSet& data);

/// A whole program in C++20: `Net make_network()` draws the weights that make_network draws of this seed, `train`
/// trains it, `main` reads the data, records, and retraces a sample. Throws as lay_out.
std::string write_program(const NetworkPlan& plan, const DataSet& data, std::uint64_t seed,
                          const ProgramOptions& options);

}  // namespace playground
