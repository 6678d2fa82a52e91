// SPDX-License-Identifier: MIT
// renn/data/csv.hpp - tables as text: samples as lines, features, labels and targets as columns.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <istream>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/data/csv_lines.hpp>
#include <renn/data/csv_options.hpp>
#include <renn/data/csv_samples.hpp>
#include <renn/data/csv_values.hpp>
#include <renn/data/dataset.hpp>
#include <renn/data/sample_batch.hpp>

namespace renn::inline RENN_ABI {

/// The first lines of a table as text, at most `most` of them: to see what is in it before choosing columns. Throws
/// FormatError as read_csv, but for lines of unequal length.
inline std::vector<std::vector<std::string>> csv_lines(std::istream& in, const std::string& name, std::size_t most,
                                                       char separator = ',') {
    detail::CsvLines lines("csv_lines: " + name, separator);
    std::vector<std::vector<std::string>> table;
    while (table.size() < most && lines.next(in)) {
        auto& row = table.emplace_back();
        for (std::size_t c = 0; c < lines.size(); ++c) row.emplace_back(lines[c]);
    }
    return table;
}

namespace detail {

/// Values of a whole number of samples as columns.
template <class S>
Eigen::Map<const Batch<S>> as_columns(const std::vector<S>& values, Index rows, Index columns) {
    return {values.data(), rows, columns};
}

inline std::ifstream open_text(const std::string& context, const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) raise<FormatError>(context, "cannot be opened");
    return in;
}

}  // namespace detail

/// Reads a table from a stream; `name` stands for it in messages. RFC 4180: fields may be quoted, quotes within
/// doubled; lines end with LF or CRLF and do not break inside quotes; all lines have the same number of fields. A byte
/// order mark and blanks around fields are skipped. Lines and columns count from 1, in options as in messages.
///
/// Labels   whole numbers as they are if the label of the first sample is one (all must be, then); else names,
///          numbered in order of first appearance. With class_names (of another part of the data, say) every label
///          must be one of these and gets its position.
/// Missing  cells are refused unless options.missing says what is to become of them; `gaps` is then told what was done.
/// Numbers  decimal, with a point in every locale; correctly rounded to S.
/// Throws   FormatError, naming line and column, for lines of unequal length, bad quotes, fields that are not numbers,
///          an empty file; DataError for columns that do not exist or have several uses, numbers that are not finite,
///          labels out of range, ids that occur twice, a column to be filled that has no value.
/// Cost     one pass; memory little more than the values, which wait in pieces that are given up as they are copied.
template <std::floating_point S = float>
Dataset<S> read_csv(std::istream& in, const std::string& name, CsvOptions options = {}, CsvGaps* gaps = nullptr) {
    detail::CsvSamples<S> samples("read_csv: " + name, in, std::move(options));
    DatasetDescription<S> more;
    detail::CsvValues<S> inputs, targets;
    detail::CsvValues<std::uint64_t> ids;
    Index count = 0;
    while (samples.next(in, inputs.end(), targets.end(), more.labels, ids.end())) ++count;
    if (samples.targets() > 0) more.targets = targets.columns(samples.targets(), count);
    more.ids.resize(ids.size());
    ids.move_to(more.ids.data());
    more.class_names = samples.class_names();
    Batch<S> values = inputs.columns(samples.features(), count);
    samples.fill(values);
    if (gaps != nullptr) *gaps = samples.gaps();
    return Dataset<S>(std::move(values), std::move(more));
}

/// read_csv<float>("iris.csv", {.label = "species"}): the same from a file.
/// Throws   also FormatError if the file cannot be opened.
template <std::floating_point S = float>
Dataset<S> read_csv(const std::string& path, CsvOptions options = {}, CsvGaps* gaps = nullptr) {
    std::ifstream in = detail::open_text("read_csv: " + path, path);
    return read_csv<S>(in, path, std::move(options), gaps);
}

/// A CSV file as a stream of batches: traced.record(csv_stream<float>("huge.csv", {.label = -1}, 256)) records a table
/// that does not fit into memory. Rules and errors are those of read_csv; names that labels got are known at the end,
/// and so would be means: CsvMissing::mean is a DataError.
template <std::floating_point S = float>
class CsvStream {
public:
    CsvStream(const std::string& path, CsvOptions options, Index batch)
        : in_(detail::open_text("csv_stream: " + path, path)),
          samples_("csv_stream: " + path, in_, without_means(std::move(options))),
          batch_(detail::require_batch("csv_stream", batch)) {}

    bool operator()(SampleBatch<S>& next) {
        next.ids.clear();
        next.labels.clear();
        inputs_.clear();
        targets_.clear();
        Index count = 0;
        while (count < batch_ && samples_.next(in_, inputs_, targets_, next.labels, next.ids)) ++count;
        next.inputs = detail::as_columns(inputs_, samples_.features(), count);
        next.targets = detail::as_columns(targets_, samples_.targets(), samples_.targets() > 0 ? count : 0);
        return count > 0;
    }

    /// Names of the labels seen so far, or those given; empty where labels are numbers.
    const std::vector<std::string>& class_names() const noexcept { return samples_.class_names(); }
    /// Samples left out so far.
    const CsvGaps& gaps() const noexcept { return samples_.gaps(); }

private:
    static CsvOptions without_means(CsvOptions options) {
        if (options.missing == CsvMissing::mean) {
            detail::raise<DataError>("csv_stream", "missing", "mean",
                                     "refuse or skip: a mean is known at the end only");
        }
        return options;
    }

    std::ifstream in_;
    detail::CsvSamples<S> samples_;
    Index batch_;
    std::vector<S> inputs_, targets_;
};

/// csv_stream<float>("huge.csv", {.label = -1}, 256): see CsvStream.
template <std::floating_point S = float>
CsvStream<S> csv_stream(const std::string& path, CsvOptions options = {}, Index batch = 64) {
    return CsvStream<S>(path, std::move(options), batch);
}

}  // namespace renn::inline RENN_ABI
