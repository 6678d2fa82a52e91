// SPDX-License-Identifier: MIT
// playground/app/data_set.hpp - a data set a session works with.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <renn/data/dataset.hpp>

namespace playground {

/// What is worked out of a data set when somebody first asks for it.
struct DataFacts {
    std::once_flag once;
    std::string json;  ///< see facts_of
};

struct DataSet {
    std::string name;   ///< "mnist", "hsv_rgb", "csv", "idx"
    std::string title;  ///< "MNIST"
    renn::Dataset<float> train = {}, test = {};
    bool shared = false;                          ///< by all sessions, so it counts for none
    std::vector<std::string> feature_names = {};  ///< of a CSV file
    std::vector<std::string> target_names = {};   ///< of a CSV file
    renn::Column<float> shift = {}, scale = {};   ///< inputs are (value - shift) / scale; empty: as given
    std::shared_ptr<DataFacts> facts = std::make_shared<DataFacts>();

    std::size_t bytes() const { return train.bytes() + test.bytes(); }
};

}  // namespace playground
