// SPDX-License-Identifier: MIT
// playground/app/built_in_data.hpp - the data sets that come with the playground, read once when first asked for.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace playground {

struct DataSet;

class BuiltInData {
public:
    BuiltInData(std::string folder, std::string program) : folder_(std::move(folder)), program_(std::move(program)) {}

    /// "mnist" or "hsv_rgb". Throws HttpError 404 for another name, renn's errors if it cannot be read.
    std::shared_ptr<const DataSet> get(const std::string& name);

private:
    const std::string folder_, program_;
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<const DataSet>> read_;
};

}  // namespace playground
