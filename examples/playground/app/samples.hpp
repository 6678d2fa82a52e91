// SPDX-License-Identifier: MIT
// playground/app/samples.hpp - what the tab Dataset shows of a data set: its samples, counts, statistics and colours.
#pragma once

#include "../http/message.hpp"
#include "data_set.hpp"

namespace playground {

/// The part called "train" or "test"; throws HttpError 404 for another name.
const renn::Dataset<float>& part_of(const DataSet& data, const std::string& set);

/// A page of samples: {set, total, first, samples: [...]}, of one class if `label` is not -1. A picture comes as
/// `picture` (a data URI), a colour as `rgb` (0 to 255), other values as `values` (the first 24, as in the user's
/// file).
Json samples_page(const DataSet& data, const std::string& set, std::int64_t first, std::int64_t count,
                  std::int64_t label);

/// One sample with all its values, and where it is: among all and among those of its class.
Json sample_whole(const DataSet& data, const std::string& set, std::uint64_t id);

/// Counts of classes and statistics of the inputs as JSON, worked out once for each data set.
const std::string& facts_of(const DataSet& data);

/// Some of the targets as colours, [red, green, blue, id] each: every third level of a grid, else the first ones.
Json colours_of(const DataSet& data, const std::string& set);

/// A small picture of what is in it, as a data URI; "" for a table.
std::string preview_of(const DataSet& data);

}  // namespace playground
