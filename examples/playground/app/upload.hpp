// SPDX-License-Identifier: MIT
// playground/app/upload.hpp - the user's own data, from the body of a request; nothing of it touches the file system.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <renn/core/progress.hpp>
#include <renn/data/csv.hpp>

#include "../http/message.hpp"
#include "data_set.hpp"
#include "parameters.hpp"

namespace playground {

/// What own data may have, all following from what a session may hold.
struct DataLimits {
    std::size_t csv_bytes;   ///< of the text: while it is read, text, numbers and their parting are there at once
    std::size_t idx_bytes;   ///< of all files together
    std::size_t data_bytes;  ///< of the data once read, so that three quarters are left for training and recording
    std::int64_t features = 16384;
    std::int32_t classes = 1000;

    static DataLimits of(std::size_t session_bytes);
    Json json() const;
};

/// How data become a part to train with and one to test with.
struct SplitOptions {
    double test = 0.2;  ///< share of 0 to 0.9
    std::uint64_t seed = 0;
    std::optional<bool> stratified = {};  ///< left out: where there are classes
};

/// How a table is to be read.
struct CsvUpload {
    std::string name;       ///< for titles and messages only
    std::string separator;  ///< one character, "tab" or "auto"
    renn::CsvOptions columns = {};
    SplitOptions split = {};
    bool standardize = false;  ///< inputs, by the training part
};

/// Parameters: name, separator, header (1 or 0), label or targets (columns from 1, "2,5-7"), features
/// (left out: the others), test, seed, stratified, standardize (1 or 0). Throws HttpError 422, naming the parameter.
CsvUpload parse_csv_upload(const Parameters& parameters, const DataLimits& limits);

/// What takes as long as the text is long: tells the bytes it has read, and throws Cancelled if the callback returns
/// false; else HttpError 413 or 422 for too much data, renn's errors for the text.
DataSet read_csv(const CsvUpload& upload, std::string_view text, const DataLimits& limits,
                 const renn::ProgressCallback& progress = {});

/// A file within a body, by its name in messages.
struct UploadedFile {
    std::string name;
    std::size_t first = 0, bytes = 0;  ///< none if there are no bytes
};

/// Two or four files in one body, one after the other.
struct IdxUpload {
    std::string name;
    UploadedFile images, labels, test_images, test_labels;
    SplitOptions split = {};  ///< where there is no test pair
};

/// Parameters: images, labels, test_images, test_labels (their bytes), the same with _name behind, name, test, seed,
/// stratified. Throws HttpError 422, naming the parameter.
IdxUpload parse_idx_upload(const Parameters& parameters, std::size_t body_bytes);

/// As read_csv.
DataSet read_idx(const IdxUpload& upload, std::string_view body, const DataLimits& limits,
                 const renn::ProgressCallback& progress = {});

/// The first lines of a table and what its columns seem to be: {separator, header, width, rows: [[text]], columns:
/// [{name, numeric, distinct}], label: number or null}. Parameters: name, separator, header (left out: guessed).
Json preview_csv(const Parameters& parameters, std::string_view text);

}  // namespace playground
