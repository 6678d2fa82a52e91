// SPDX-License-Identifier: MIT
// playground/app/model_file.hpp - a network as the bytes of a file, and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "data_set.hpp"
#include "lay_out.hpp"
#include "model.hpp"
#include "session.hpp"

namespace playground {

/// Largest file that is read.
inline constexpr std::uint64_t most_file_bytes = std::uint64_t{64} << 20;

/// What renn::save writes.
std::string write_network(const Net& net);

/// Throws HttpError 422 "file", saying why, for bytes that are no such file, and for a network that does not fit the
/// data or would take too much time or memory for a sample.
Net read_network(const std::string& bytes, const DataSet& data);

/// What recording a network takes that was not planned here.
NetworkCost cost_of(const Net& net, const DataSet& data);

/// The work of a job: records a network that was read and makes it the session's model, and its layers the plan if it
/// can be planned here. Throws Cancelled.
void import_network(Session& session, const Snapshot& now, Job& job, const Net& net, renn::Index samples);

}  // namespace playground
