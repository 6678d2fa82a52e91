// SPDX-License-Identifier: MIT
#include "upload.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include <renn/data/split.hpp>

#include "upload_parts.hpp"

namespace playground {

DataLimits DataLimits::of(std::size_t session_bytes) {
    constexpr std::size_t most_body = std::size_t{256} << 20U;  // the server takes no more at once
    return {.csv_bytes = std::min(session_bytes / 8, most_body),
            .idx_bytes = std::min(session_bytes / 4, most_body),
            .data_bytes = session_bytes / 4};
}

Json DataLimits::json() const {
    return {{"csv_bytes", csv_bytes},
            {"idx_bytes", idx_bytes},
            {"data_bytes", data_bytes},
            {"features", features},
            {"classes", classes}};
}

SplitOptions parse_split(const Parameters& parameters) {
    SplitOptions options{.test = number_of(parameters, "test", 0.2, 0.0, 0.9, "a share of 0 to 0.9"),
                         .seed = number_of<std::uint64_t>(parameters, "seed", 0, 0, 99999, "0 to 99999")};
    if (parameters.contains("stratified")) options.stratified = flag_of(parameters, "stratified", true);
    return options;
}

void split(DataSet& data, const renn::Dataset<float>& all, const SplitOptions& options, const std::string& name) {
    const bool stratified = options.stratified.value_or(true) && all.has_labels();
    auto parts = renn::train_test_split(all, {.test = options.test, .seed = options.seed, .stratified = stratified});
    data.train = std::move(parts.train);
    data.test = std::move(parts.test);
    require_samples(data.train, "training part", name);
    require_samples(data.test, "test part", name);
}

void require_samples(const renn::Dataset<float>& part, const std::string& what, const std::string& name) {
    if (!part.empty()) return;
    throw HttpError(422, "samples", name + ": " + what + ": got no sample, expected 1 or more");
}

void require_size(std::size_t bytes, const DataLimits& limits) {
    if (bytes <= limits.data_bytes) return;
    throw HttpError(413, "budget",
                    "these data take " + std::to_string(bytes) + " bytes of memory, and may take " +
                        std::to_string(limits.data_bytes) +
                        ": the rest of this tab's memory is for training and recording");
}

}  // namespace playground
