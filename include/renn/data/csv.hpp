// SPDX-License-Identifier: MIT
// renn/data/csv.hpp - tables as text: samples as lines, features, labels and targets as columns.
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <istream>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/data/csv_lines.hpp>
#include <renn/data/csv_values.hpp>
#include <renn/data/dataset.hpp>
#include <renn/data/sample_batch.hpp>

namespace renn::inline RENN_ABI {

/// A column by its name in the header, or by its number: 1 is the first, -1 the last.
struct CsvColumn {
    std::string name = {};
    Index number = 0;

    CsvColumn(const char* n) : name(n) {}
    CsvColumn(std::string n) : name(std::move(n)) {}
    template <std::integral I>
    CsvColumn(I n) : number(static_cast<Index>(n)) {}

    std::string text() const { return name.empty() ? std::to_string(number) : detail::quoted(name); }
};

/// What a CSV file looks like, and which columns are what.
struct CsvOptions {
    std::optional<CsvColumn> label = {};   ///< classes: whole numbers or names
    std::vector<CsvColumn> targets = {};   ///< numbers, for regression
    std::vector<CsvColumn> features = {};  ///< inputs, in this order; left out: every column without another use
    std::optional<CsvColumn> id = {};      ///< whole numbers, all different; left out: 0, 1, 2, ...
    bool header = true;                    ///< the first line names the columns
    char separator = ',';
    std::vector<std::string> class_names = {};  ///< labels are their positions here; left out: see read_csv
    std::int32_t most_classes = std::numeric_limits<std::int32_t>::max();  ///< more are an error: not a label's column
};

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

/// Turns lines into samples; both the reader of whole files and the stream of batches are this.
template <class S>
class CsvSamples {
public:
    /// Reads up to the first line of samples.
    CsvSamples(const std::string& context, std::istream& in, CsvOptions options)
        : lines_(context, options.separator), options_(std::move(options)) {
        more_ = lines_.next(in);
        if (!more_) raise<FormatError>(context, "empty", "no line", options_.header ? "a header" : "a sample");
        width_ = lines_.size();
        if (options_.header) {
            for (std::size_t c = 0; c < width_; ++c) header_.emplace_back(lines_[c]);
            more_ = lines_.next(in);
        }
        choose_columns();
        names_given_ = !options_.class_names.empty();
        for (const std::string& name : options_.class_names) {
            if (!numbers_.emplace(name, static_cast<std::int32_t>(numbers_.size())).second) {
                raise<DataError>(context, "class_names", detail::quoted(name) + " twice", "different names");
            }
        }
    }

    Index features() const noexcept { return static_cast<Index>(features_.size()); }
    Index targets() const noexcept { return static_cast<Index>(targets_.size()); }
    const std::vector<std::string>& class_names() const noexcept { return options_.class_names; }

    /// Appends one sample; false at the end.
    bool next(std::istream& in, std::vector<S>& inputs, std::vector<S>& targets, std::vector<std::int32_t>& labels,
              std::vector<std::uint64_t>& ids) {
        if (!more_) return false;
        if (lines_.size() != width_) {
            lines_.template fail<FormatError>("fields", std::to_string(lines_.size()),
                                              std::to_string(width_) + ", as in the first line");
        }
        for (const std::size_t c : features_) inputs.push_back(number(c));
        for (const std::size_t c : targets_) targets.push_back(number(c));
        if (label_) labels.push_back(label(*label_));
        if (id_) ids.push_back(id(*id_));
        more_ = lines_.next(in);
        return true;
    }

private:
    std::size_t find(const CsvColumn& column) const {
        const std::string wanted = "column " + column.text();
        if (column.name.empty()) {
            const auto width = static_cast<Index>(width_);
            const Index at = column.number > 0 ? column.number - 1 : width + column.number;
            if (column.number == 0 || at < 0 || at >= width) {
                raise<DataError>(lines_.context(), wanted, "no such column",
                                 "1.." + std::to_string(width) + ", or -1 for the last");
            }
            return static_cast<std::size_t>(at);
        }
        if (!options_.header) raise<DataError>(lines_.context(), wanted, "a file without header", "a number");
        std::size_t found = width_;
        for (std::size_t c = 0; c < width_; ++c) {
            if (header_[c] != column.name) continue;
            if (found < width_) raise<DataError>(lines_.context(), wanted, "two columns of this name", "one");
            found = c;
        }
        if (found == width_) {
            std::string known;
            for (std::size_t c = 0; c < width_ && c < 20; ++c)
                known += (c > 0 ? ", " : "") + detail::quoted(header_[c]);
            if (width_ == 1) known += std::string(", the only one with the separator \"") + options_.separator + "\"";
            raise<DataError>(lines_.context(), wanted, "no such column", known + (width_ > 20 ? ", ..." : ""));
        }
        return found;
    }

    void choose_columns() {
        std::vector<bool> used(width_, false);
        const auto use = [&](const CsvColumn& column) {
            const std::size_t c = find(column);
            if (used[c]) raise<DataError>(lines_.context(), "column " + column.text(), "several uses", "one");
            used[c] = true;
            return c;
        };
        if (options_.label) label_ = use(*options_.label);
        if (options_.id) id_ = use(*options_.id);
        for (const CsvColumn& column : options_.targets) targets_.push_back(use(column));
        for (const CsvColumn& column : options_.features) features_.push_back(use(column));
        if (!options_.features.empty()) return;
        for (std::size_t c = 0; c < width_; ++c) {
            if (!used[c]) features_.push_back(c);
        }
        if (features_.empty()) raise<DataError>(lines_.context(), "feature columns", "none", "1 or more");
    }

    template <class E>
    [[noreturn]] void fail(std::size_t c, const char* what, const std::string& expected) const {
        std::string name = options_.header ? " (" + header_[c] + ")" : std::string();
        raise<E>(
            lines_.context() + ": line " + std::to_string(lines_.line()) + ", column " + std::to_string(c + 1) + name,
            what, detail::quoted(lines_[c]), expected);
    }

    /// Never the locale's: std::from_chars, with a leading + allowed.
    S number(std::size_t c) const {
        std::string_view text = lines_[c];
        if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
        const char* const end = text.data() + text.size();
        S value{};
        auto read = std::from_chars(text.data(), end, value);
        if (read.ec == std::errc::result_out_of_range) {  // too large is an error, too small is 0 or what is next to it
            long double wide{};
            read = std::from_chars(text.data(), end, wide);
            if (read.ec != std::errc{} || std::abs(wide) > 1.0L) {
                fail<DataError>(c, "number", sizeof(S) == 4 ? "one within the range of float" : "one within range");
            }
            value = static_cast<S>(wide);
        }
        if (read.ec != std::errc{} || read.ptr != end) fail<FormatError>(c, "number", "a number");
        if (!std::isfinite(value)) fail<DataError>(c, "number", "a finite value");
        return value;
    }

    template <class I>
    bool whole(std::size_t c, I& value) const {
        const std::string_view text = lines_[c];
        const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
        return read.ec == std::errc{} && read.ptr == text.data() + text.size();
    }

    std::uint64_t id(std::size_t c) const {
        std::uint64_t value = 0;
        if (!whole(c, value)) fail<FormatError>(c, "id", "a whole number, 0..2^64 - 1");
        return value;
    }

    std::int32_t label(std::size_t c) {
        const std::string_view text = lines_[c];
        if (text.empty()) fail<FormatError>(c, "label", "a whole number or a name");
        std::int64_t value = 0;
        if (!by_number_) by_number_ = !names_given_ && whole(c, value);
        if (*by_number_) {
            if (!whole(c, value)) {
                fail<FormatError>(c, "label", "a whole number, as in the first sample (or give class_names)");
            }
            if (value < 0 || value >= options_.most_classes) {
                fail<DataError>(c, "label", "0.." + std::to_string(options_.most_classes - 1));
            }
            return static_cast<std::int32_t>(value);
        }
        std::string name(text);
        if (const auto known = numbers_.find(name); known != numbers_.end()) return known->second;
        if (names_given_) fail<DataError>(c, "label", "one of the " + std::to_string(numbers_.size()) + " class_names");
        const auto next = static_cast<std::int32_t>(numbers_.size());
        if (next >= options_.most_classes) {
            fail<DataError>(c, "label", "at most " + std::to_string(next) + " different ones");
        }
        options_.class_names.push_back(name);
        return numbers_.emplace(std::move(name), next).first->second;
    }

    CsvLines lines_;
    CsvOptions options_;
    std::vector<std::string> header_;
    std::size_t width_ = 0;
    std::vector<std::size_t> features_, targets_;
    std::optional<std::size_t> label_, id_;
    std::unordered_map<std::string, std::int32_t> numbers_;  // of class names
    std::optional<bool> by_number_;                          // labels are whole numbers; the first sample decides
    bool names_given_ = false;
    bool more_ = false;  // the reader stands on a line of samples
};

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
/// Numbers  decimal, with a point in every locale; correctly rounded to S.
/// Throws   FormatError, naming line and column, for lines of unequal length, bad quotes, fields that are not numbers,
///          an empty file; DataError for columns that do not exist or have several uses, numbers that are not finite,
///          labels out of range, ids that occur twice.
/// Cost     one pass; memory little more than the values, which wait in pieces that are given up as they are copied.
template <std::floating_point S = float>
Dataset<S> read_csv(std::istream& in, const std::string& name, CsvOptions options = {}) {
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
    return Dataset<S>(inputs.columns(samples.features(), count), std::move(more));
}

/// read_csv<float>("iris.csv", {.label = "species"}): the same from a file.
/// Throws   also FormatError if the file cannot be opened.
template <std::floating_point S = float>
Dataset<S> read_csv(const std::string& path, CsvOptions options = {}) {
    std::ifstream in = detail::open_text("read_csv: " + path, path);
    return read_csv<S>(in, path, std::move(options));
}

/// A CSV file as a stream of batches: traced.record(csv_stream<float>("huge.csv", {.label = -1}, 256)) records a table
/// that does not fit into memory. Rules and errors are those of read_csv; names that labels got are known at the end.
template <std::floating_point S = float>
class CsvStream {
public:
    CsvStream(const std::string& path, CsvOptions options, Index batch)
        : in_(detail::open_text("csv_stream: " + path, path)),
          samples_("csv_stream: " + path, in_, std::move(options)),
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

private:
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
