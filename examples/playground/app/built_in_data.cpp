// SPDX-License-Identifier: MIT
#include "built_in_data.hpp"

#include <utility>

#include <renn/data/hsv_rgb.hpp>

#include "../../support/mnist.hpp"
#include "../http/message.hpp"
#include "data_set.hpp"

namespace playground {
namespace {

DataSet read(const std::string& name, const std::string& folder, const std::string& program) {
    if (name == "mnist") {
        auto digits = mnist::load_or_find(folder, program.c_str(), 0, 0);
        return {.name = name,
                .title = digits.whole() ? "MNIST" : "Part of MNIST",
                .train = std::move(digits.train),
                .test = std::move(digits.test),
                .shared = true};
    }
    if (name == "hsv_rgb") {
        return {.name = name,
                .title = "HSV to RGB",
                .train = renn::hsv_rgb_grid<float>(50000),
                .test = renn::hsv_rgb_random<float>(10000, 1),
                .shared = true};
    }
    throw HttpError(404, "unknown_data_set", "there is no data set \"" + name + "\"");
}

}  // namespace

std::shared_ptr<const DataSet> BuiltInData::get(const std::string& name) {
    const std::lock_guard lock(mutex_);
    auto& kept = read_[name];
    if (!kept) kept = std::make_shared<const DataSet>(read(name, folder_, program_));
    return kept;
}

}  // namespace playground
