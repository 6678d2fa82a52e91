// SPDX-License-Identifier: MIT
// playground/app/upload_parts.hpp - what uploads of every kind have in common once their samples are read.
#pragma once

#include <string>

#include <renn/data/dataset.hpp>

#include "upload.hpp"

namespace playground {

/// test, seed, stratified. Throws HttpError 422, naming the parameter.
SplitOptions parse_split(const Parameters& parameters);

/// Parts all samples; `name` stands for the file in messages. Throws HttpError 422 if a part gets none.
void split(DataSet& data, const renn::Dataset<float>& all, const SplitOptions& options, const std::string& name);

/// Throws HttpError 422 if there is none.
void require_samples(const renn::Dataset<float>& part, const std::string& what, const std::string& name);

/// Throws HttpError 413 for more than the limit.
void require_size(std::size_t bytes, const DataLimits& limits);

}  // namespace playground
