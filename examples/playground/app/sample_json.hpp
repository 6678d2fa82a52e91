// SPDX-License-Identifier: MIT
// playground/app/sample_json.hpp - samples and numbers as the page is told of them.
#pragma once

#include <cstdint>

#include <renn/core/batch.hpp>
#include <renn/core/shape.hpp>
#include <renn/data/dataset.hpp>

#include "../http/message.hpp"

namespace playground {

/// Four significant digits, which is what is shown; null for what is not finite.
Json rounded(double value);

/// Address of a picture for <img>; null where the values are none.
Json picture_json(const renn::Column<float>& values, const renn::Shape& image);

/// id, label (-1: none), picture (null: none); of samples that are no pictures, inputs and targets as far as they are
/// few. Throws renn::DataError for an unknown id.
Json sample_json(const renn::Dataset<float>& data, std::uint64_t id);

}  // namespace playground
