// SPDX-License-Identifier: MIT
// playground/app/saved_model.hpp - a traced network as a file, to begin with at another time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "built_in_data.hpp"
#include "model.hpp"

namespace playground {

/// Bytes of the file that renn::save(path, traced) writes.
std::string file_of(const Traced& traced);

/// What all new sessions begin with.
struct Beginning {
    std::shared_ptr<const DataSet> data = {};
    std::shared_ptr<const Model> model = {};
    std::optional<NetworkPlan> plan = {};  ///< of the model; none if it cannot be composed here
};

/// From a file that this program, mnist_retrace --save or renn::save wrote, and the built-in data set that it was
/// recorded with. Throws renn's errors for another file, MismatchError if it is of none of them; DataError, before
/// anything of it is read, if it would take more memory.
Beginning load_beginning(const std::string& path, BuiltInData& data, std::uint64_t most_bytes);

}  // namespace playground
