// SPDX-License-Identifier: MIT
// playground/app/measure.hpp - how well a network does on a test set, in batches that can be interrupted.
#pragma once

#include <functional>
#include <optional>

#include <renn/evaluation/confusion.hpp>

#include "model.hpp"

namespace playground {

/// Nothing if go_on, asked after each batch, returns false.
std::optional<Measured> measure(const Net& net, const renn::Dataset<float>& data, const renn::AnyLoss& loss,
                                renn::Index batch, const std::function<bool(renn::Index)>& go_on);

}  // namespace playground
