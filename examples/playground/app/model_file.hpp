// SPDX-License-Identifier: MIT
// playground/app/model_file.hpp - a network as the bytes of a file, and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <renn/core/progress.hpp>

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
/// data or would take too much time or memory for a sample; Cancelled if the callback returns false.
Net read_network(std::string_view bytes, const DataSet& data, const renn::ProgressCallback& progress = {});

/// What recording a network takes that was not planned here.
NetworkCost cost_of(const Net& net, const DataSet& data);

/// The work of a job: reads a network, records so many samples, or those that the memory suffices for, and makes it the
/// session's model; its layers become the plan, if it can be planned here and nobody changed the plan meanwhile. Throws
/// as read_network.
void import_network(Session& session, const Snapshot& now, Job& job, std::string_view bytes, renn::Index samples,
                    std::uint64_t most_bytes);

}  // namespace playground
