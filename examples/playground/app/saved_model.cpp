// SPDX-License-Identifier: MIT
#include "saved_model.hpp"

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <system_error>
#include <utility>

#include <renn/io/save.hpp>

#include "data_set.hpp"
#include "make_network.hpp"

namespace playground {
namespace {

/// Recorded values have 4 bytes in the file and in the store, and 8 in the index.
void check_size(const std::string& path, std::uint64_t most_bytes) {
    std::error_code failed;
    const std::uint64_t size = std::filesystem::file_size(path, failed);
    if (failed || size <= most_bytes / 3) return;  // what cannot be opened, load tells
    const auto megabytes = [](std::uint64_t bytes) { return std::to_string(bytes / 1000000) + " MB"; };
    throw renn::DataError(path + ": with its index this network would take about " + megabytes(3 * size) +
                          ", where a session may hold " + megabytes(most_bytes) + ": record fewer samples");
}

/// Whether the recording is of these samples, or of the first of them.
bool is_of(const Traced& traced, const renn::Dataset<float>& samples) {
    const auto& store = traced.store();
    return traced.network().in_features() == samples.features() && store.samples() <= samples.samples() &&
           std::ranges::equal(store.ids, samples.ids().first(store.ids.size())) &&
           (!samples.has_labels() ||
            std::ranges::equal(store.labels, samples.labels().first(static_cast<std::size_t>(store.samples()))));
}

}  // namespace

std::string file_of(const Traced& traced) {
    std::ostringstream out;
    renn::save(out, traced);
    return std::move(out).str();
}

Beginning load_beginning(const std::string& path, BuiltInData& data, std::uint64_t most_bytes) {
    check_size(path, most_bytes);
    auto traced = renn::load<Traced>(path);
    for (const char* name : {"mnist", "hsv_rgb"}) {
        auto set = data.get(name);
        if (!is_of(traced, set->train)) continue;
        auto plan = plan_of(traced.network(), *set);
        auto train =
            traced.store().samples() == set->train.samples() ? set->train : set->train.first(traced.store().samples());
        auto model = std::make_shared<const Model>(
            Model{.traced = std::move(traced), .train = std::move(train), .test = set->test, .shared = true});
        return {.data = std::move(set), .model = std::move(model), .plan = std::move(plan)};
    }
    throw renn::MismatchError(path +
                              ": was recorded with samples that are neither MNIST's, where they are now, nor of " +
                              "HSV to RGB; --data names the folder of the data");
}

}  // namespace playground
