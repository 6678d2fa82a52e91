// SPDX-License-Identifier: MIT
// Generated from include/renn by cmake/single_include.sh. Do not edit.
#pragma once

#include "renn.hpp"

// renn/core/patch.hpp - a part of an image.


namespace renn::inline RENN_ABI {

/// Rows [top, bottom) and columns [left, right) of an image.
struct Patch {
    Index top = 0, left = 0, bottom = 0, right = 0;
    bool empty() const noexcept { return top >= bottom || left >= right; }
    bool operator==(const Patch&) const = default;
};

}  // namespace renn::inline RENN_ABI
// renn/data/csv.hpp - tables as text: samples as lines, features, labels and targets as columns.

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

// renn/data/csv_lines.hpp - the text of a CSV file, line by line, field by field.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <istream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// Text for a message: in quotes, control characters as ?, cut after 40 bytes.
inline std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text.substr(0, 40)) out += static_cast<unsigned char>(c) < 32 || c == 127 ? '?' : c;
    return out + (text.size() > 40 ? "...\"" : "\"");
}

/// Splits a stream into lines and lines into fields; RFC 4180 without line breaks inside quotes. Blanks around a field
/// are not part of it, unless quoted. Empty lines may only end the file.
/// Throws   FormatError `context: line, column: ...` for a quote that does not end or stands inside a field, an empty
///          line before others, a line of over 64 MiB, a stream that breaks off, and text that is not UTF-8 or plain.
class CsvLines {
public:
    CsvLines(std::string context, char separator) : context_(std::move(context)), separator_(separator) {
        if (separator == '"' || separator == '\n' || separator == '\r' || separator == '\0') {
            raise<DataError>(context_, "separator", detail::quoted({&separator, 1}), "another character");
        }
    }

    /// Goes to the next line; false at the end.
    bool next(std::istream& in) {
        std::uint64_t empty = 0;
        while (read_line(in)) {
            ++line_;
            if (line_ == 1) skip_mark();
            if (!text_.empty()) {
                if (empty > 0) fail<FormatError>("fields", "an empty line before others", "a line of fields", empty);
                split();
                return true;
            }
            if (empty == 0) empty = line_;
        }
        return false;
    }

    std::size_t size() const noexcept { return fields_.size(); }
    /// A field of this line, valid until the next call of next().
    std::string_view operator[](std::size_t field) const noexcept {
        return {text_.data() + fields_[field].begin, fields_[field].size};
    }
    std::uint64_t line() const noexcept { return line_; }
    const std::string& context() const noexcept { return context_; }

    template <class E>
    [[noreturn]] void fail(const std::string& what, const std::string& got, const std::string& expected,
                           std::uint64_t line) const {
        raise<E>(context_ + ": line " + std::to_string(line), what, got, expected);
    }
    template <class E>
    [[noreturn]] void fail(const std::string& what, const std::string& got, const std::string& expected) const {
        fail<E>(what, got, expected, line_);
    }

private:
    static constexpr std::size_t longest = std::size_t{1} << 26;

    /// The next line without its end, into text_.
    bool read_line(std::istream& in) {
        text_.clear();
        bool any = false;
        while (begin_ < end_ || fill(in)) {
            any = true;
            const char* from = buffer_.data() + begin_;
            const void* found = std::memchr(from, '\n', end_ - begin_);
            const std::size_t count =
                found == nullptr ? end_ - begin_ : static_cast<std::size_t>(static_cast<const char*>(found) - from);
            if (count > longest - text_.size()) {
                fail<FormatError>("length", "over " + std::to_string(longest) + " bytes", "less", line_ + 1);
            }
            text_.append(from, count);
            begin_ += count + (found != nullptr ? 1 : 0);
            if (found != nullptr) break;
        }
        if (!text_.empty() && text_.back() == '\r') text_.pop_back();
        return any;
    }

    bool fill(std::istream& in) {
        buffer_.resize(std::size_t{1} << 16);
        in.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
        if (in.bad()) raise<FormatError>(context_, "cannot be read to its end");
        begin_ = 0;
        end_ = static_cast<std::size_t>(in.gcount());
        return end_ > 0;
    }

    /// Skips the byte order mark of UTF-8.
    void skip_mark() {
        if (text_.starts_with("\xef\xbb\xbf")) text_.erase(0, 3);
        if (text_.starts_with("\xff\xfe") || text_.starts_with("\xfe\xff")) {
            raise<FormatError>(context_, "encoding", "UTF-16", "UTF-8 or plain text");
        }
        if (text_.starts_with("\x1f\x8b")) {
            raise<FormatError>(context_, "not a CSV file", "gzip, to be unpacked first", "text");
        }
    }

    bool blank(char c) const noexcept { return (c == ' ' || c == '\t') && c != separator_; }

    [[noreturn]] void fail_in_field(const std::string& what, const std::string& got,
                                    const std::string& expected) const {
        raise<FormatError>(
            context_ + ": line " + std::to_string(line_) + ", column " + std::to_string(fields_.size() + 1), what, got,
            expected);
    }

    void split() {
        fields_.clear();
        char* at = text_.data();
        char* const end = at + text_.size();
        while (true) {
            while (at < end && blank(*at)) ++at;
            at = at < end && *at == '"' ? take_quoted(at + 1, end) : take_plain(at, end);
            if (at == end) return;
            ++at;  // the separator; behind the last one stands an empty field
        }
    }

    char* take_plain(char* begin, char* end) {
        char* const stop = std::find(begin, end, separator_);
        char* last = stop;
        while (last > begin && blank(last[-1])) --last;
        const std::string_view field(begin, static_cast<std::size_t>(last - begin));
        if (field.find('"') != field.npos) {
            fail_in_field("quote", detail::quoted(field), "the whole field in quotes, those within doubled");
        }
        keep(begin, last);
        return stop;
    }

    /// Doubled quotes are made single where they stand.
    char* take_quoted(char* begin, char* end) {
        char* to = begin;
        char* at = begin;
        while (true) {
            if (at == end) {
                fail_in_field("quote", "no end in this line", "a closing quote (no line breaks inside quotes)");
            }
            if (*at == '"' && ++at < end && *at != '"') break;
            if (at == end) break;
            *to++ = *at++;
        }
        while (at < end && blank(*at)) ++at;
        if (at < end && *at != separator_) {
            fail_in_field("text behind a closing quote", detail::quoted({at, static_cast<std::size_t>(end - at)}),
                          "the separator or the end of the line");
        }
        keep(begin, to);
        return at;
    }

    void keep(const char* begin, const char* end) {
        fields_.push_back({static_cast<std::size_t>(begin - text_.data()), static_cast<std::size_t>(end - begin)});
    }

    struct Field {
        std::size_t begin, size;
    };

    std::string context_;
    char separator_;
    std::string text_;
    std::vector<Field> fields_;  // places in text_, which may move
    std::vector<char> buffer_;
    std::size_t begin_ = 0, end_ = 0;  // of what is left in the buffer
    std::uint64_t line_ = 0;
};

}  // namespace renn::inline RENN_ABI::detail
// renn/data/csv_values.hpp - numbers of a table whose length is known when it ends.

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// Values that come one after the other, their number unknown. They wait in pieces: one vector for all would ask for
/// twice what it holds as it grows.
template <class T>
class CsvValues {
public:
    /// Where the next ones are to be appended.
    std::vector<T>& end() {
        if (last_.size() >= piece) {
            size_ += last_.size();
            pieces_.push_back(std::move(last_));
            last_.clear();
            last_.reserve(piece + piece / 8);
        }
        return last_;
    }
    std::size_t size() const noexcept { return size_ + last_.size(); }

    /// Hands all over to memory for size() of them, giving up piece after piece.
    void move_to(T* out) {
        for (std::vector<T>& values : pieces_) {
            out = std::copy(values.begin(), values.end(), out);
            std::vector<T>().swap(values);
        }
        std::copy(last_.begin(), last_.end(), out);
    }
    Batch<T> columns(Index rows, Index count) {
        Batch<T> all(rows, count);
        move_to(all.data());
        return all;
    }

private:
    static constexpr std::size_t piece = (std::size_t{1} << 19) / sizeof(T);
    std::vector<std::vector<T>> pieces_;
    std::vector<T> last_;
    std::size_t size_ = 0;
};

}  // namespace renn::inline RENN_ABI::detail

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
};

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
        if (features_.empty()) raise<DataError>(lines_.context(), "feature columns", "none", "at least 1");
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
        if (!std::isfinite(value)) fail<DataError>(c, "number", "a finite number");
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
            constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max() - 1;
            if (value < 0 || value > most) fail<DataError>(c, "label", "0.." + std::to_string(most));
            return static_cast<std::int32_t>(value);
        }
        std::string name(text);
        if (const auto known = numbers_.find(name); known != numbers_.end()) return known->second;
        if (names_given_) fail<DataError>(c, "label", "one of the " + std::to_string(numbers_.size()) + " class_names");
        const auto next = static_cast<std::int32_t>(numbers_.size());
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
// renn/data/gaussian_tasks.hpp - two overlapping Gaussians in the plane: tasks whose best answer is known exactly.

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {

/// A normal distribution in the plane, both variances equal: covariance [variance, covariance; covariance, variance].
struct PlaneGaussian {
    double mean = 0.0;  ///< of both variables
    double variance = 1.0;
    double covariance = 0.0;

    /// Log of the density at (x1, x2).
    double log_density(double x1, double x2) const {
        const double determinant = variance * variance - covariance * covariance;
        const double a = x1 - mean, b = x2 - mean;
        const double square = (variance * (a * a + b * b) - 2.0 * covariance * a * b) / determinant;
        return -0.5 * square - std::log(2.0 * std::numbers::pi) - 0.5 * std::log(determinant);
    }
};

/// Signal (label 1) against background (label 0).
struct GaussianTask {
    PlaneGaussian signal, background;

    /// log p(x | signal) - log p(x | background): the logit of the best classifier, of classes of equal size.
    double log_likelihood_ratio(double x1, double x2) const {
        return signal.log_density(x1, x2) - background.log_density(x1, x2);
    }
};

/// The four tasks of S. Wunsch et al., "Identifying the relevant dependencies of the neural network response on
/// characteristics of the input space" (2018): means apart (a), covariances apart (b), both (c), variances apart (d).
/// Throws   DataError for another name.
inline GaussianTask gaussian_task(char name) {
    switch (name) {
        case 'a':
            return {{.mean = 0.5}, {.mean = -0.5}};
        case 'b':
            return {{.covariance = 0.5}, {.covariance = -0.5}};
        case 'c':
            return {{.mean = 0.5, .covariance = 0.5}, {.mean = -0.5, .covariance = -0.5}};
        case 'd':
            return {{.variance = 0.5}, {.variance = 3.0}};
        default:
            detail::raise<DataError>("gaussian_task", "name", std::string(1, name), "a, b, c or d");
    }
}

/// Draws as many samples of each class, signal and background in turn, so that the first half of them is a fair part.
/// Sample i depends on (task, seed, i) alone.
///
/// Shapes   inputs: 2 x 2 per_class; labels: 1 signal, 0 background.
/// Throws   DataError if per_class is negative, or a covariance matrix is not positive definite.
template <std::floating_point S = float>
Dataset<S> gaussian_samples(const GaussianTask& task, Index per_class, std::uint64_t seed) {
    if (per_class < 0)
        detail::raise<DataError>("gaussian_samples", "per_class", std::to_string(per_class), "0 or more");
    const std::array<PlaneGaussian, 2> classes{task.background, task.signal};
    for (const PlaneGaussian& g : classes) {
        if (g.variance > std::abs(g.covariance)) continue;
        detail::raise<DataError>("gaussian_samples", "variance", std::to_string(g.variance),
                                 "above the covariance, " + std::to_string(g.covariance));
    }
    Batch<S> inputs(2, 2 * per_class);
    std::vector<std::int32_t> labels(static_cast<std::size_t>(2 * per_class));
    Rng rng(seed);
    for (Index i = 0; i < 2 * per_class; ++i) {
        const std::size_t label = i % 2 == 0 ? 1 : 0;
        const PlaneGaussian& g = classes[label];
        const double slope = g.covariance / g.variance;  // of x2 over x1
        const double a = std::sqrt(g.variance) * rng.normal();
        const double b = slope * a + std::sqrt(g.variance - slope * g.covariance) * rng.normal();
        inputs(0, i) = static_cast<S>(g.mean + a);
        inputs(1, i) = static_cast<S>(g.mean + b);
        labels[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(label);
    }
    return Dataset<S>(std::move(inputs), {.labels = std::move(labels), .class_names = {"background", "signal"}});
}

}  // namespace renn::inline RENN_ABI
// renn/data/hsv_rgb.hpp - the colour task: hue, saturation and value in; red, green and blue out.

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>


namespace renn::inline RENN_ABI {

/// Hue, saturation, value of red, green, blue; all in [0, 1], a turn of the hue being 1. Grey has hue 0, black also
/// saturation 0. Source: A. R. Smith, "Color gamut transform pairs" (1978).
template <std::floating_point S>
std::array<S, 3> rgb_to_hsv(const std::array<S, 3>& rgb) noexcept {
    const auto [r, g, b] = rgb;
    const S most = std::max({r, g, b});
    const S range = most - std::min({r, g, b});
    if (!(range > S(0))) return {S(0), S(0), most};
    S sextant = most == r ? (g - b) / range : most == g ? S(2) + (b - r) / range : S(4) + (r - g) / range;
    if (sextant < S(0)) sextant += S(6);
    const S hue = sextant / S(6);
    return {hue < S(1) ? hue : S(0), range / most, most};  // a hue just below 0 may round to 1
}

/// The other way. Hue is an angle: 1.25 is 0.25 and -0.1 is 0.9. Blend colours as red, green, blue: the mean of two
/// reds at hue 0.01 and 0.99 is not cyan.
template <std::floating_point S>
std::array<S, 3> hsv_to_rgb(const std::array<S, 3>& hsv) noexcept {
    const auto [h, s, v] = hsv;
    const S sextant = (h - std::floor(h)) * S(6);
    const S whole = std::floor(sextant);
    const S part = sextant - whole;
    const S low = v * (S(1) - s), falling = v * (S(1) - s * part), rising = v * (S(1) - s * (S(1) - part));
    switch (static_cast<int>(whole) % 6) {
        case 0:
            return {v, rising, low};
        case 1:
            return {falling, v, low};
        case 2:
            return {low, v, rising};
        case 3:
            return {low, falling, v};
        case 4:
            return {rising, low, v};
        default:
            return {v, low, falling};
    }
}

/// About n samples on a grid of colours, k = round(cube root of n) values i / (k - 1) of each of red, green and blue;
/// 50,000 gives 37^3 = 50,653. Blue is slowest, then red, green fastest.
///
/// Shapes   inputs: 3 x k^3, hue, saturation, value; targets: 3 x k^3, red, green, blue.
/// Throws   DataError unless n is 4 to 2^24.
template <std::floating_point S = float>
Dataset<S> hsv_rgb_grid(Index n) {
    constexpr Index most = Index{1} << 24;
    if (n < 4 || n > most)
        detail::raise<DataError>("hsv_rgb_grid", "n", std::to_string(n), "4.." + std::to_string(most));
    const auto k = static_cast<Index>(std::lround(std::cbrt(static_cast<double>(n))));
    Batch<S> hsv(3, k * k * k);
    Batch<S> rgb(3, k * k * k);
    const auto level = [k](Index i) { return static_cast<S>(i) / static_cast<S>(k - 1); };
    Index at = 0;
    for (Index b = 0; b < k; ++b) {
        for (Index r = 0; r < k; ++r) {
            for (Index g = 0; g < k; ++g, ++at) {
                const std::array<S, 3> colour{level(r), level(g), level(b)};
                std::ranges::copy(colour, rgb.col(at).data());
                std::ranges::copy(rgb_to_hsv(colour), hsv.col(at).data());
            }
        }
    }
    return Dataset<S>(std::move(hsv), {.targets = std::move(rgb)});
}

/// n samples with hue, saturation and value uniform in [0, 1); sample i depends on (seed, i) alone. Shapes as
/// hsv_rgb_grid. Throws DataError if n is negative.
template <std::floating_point S = float>
Dataset<S> hsv_rgb_random(Index n, std::uint64_t seed) {
    if (n < 0) detail::raise<DataError>("hsv_rgb_random", "n", std::to_string(n), "0 or more");
    // As many bits as S holds, so that rounding never reaches 1.
    const auto uniform = [](Rng& rng) {
        if constexpr (sizeof(S) < sizeof(double)) return static_cast<S>(rng.bits() >> 40) * S(0x1.0p-24);
        return static_cast<S>(rng.uniform());
    };
    Rng rng(seed);
    Batch<S> hsv(3, n);
    Batch<S> rgb(3, n);
    for (Index i = 0; i < n; ++i) {
        std::array<S, 3> colour;
        for (S& c : colour) c = uniform(rng);
        std::ranges::copy(colour, hsv.col(i).data());
        std::ranges::copy(hsv_to_rgb(colour), rgb.col(i).data());
    }
    return Dataset<S>(std::move(hsv), {.targets = std::move(rgb)});
}

}  // namespace renn::inline RENN_ABI
// renn/evaluation/confusion.hpp - which classes a model takes for which.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {

/// Samples counted by their class and the class a model predicts for them.
class Confusion {
public:
    Confusion() = default;
    explicit Confusion(Index classes) : counts_(Counts::Zero(classes, classes)) {}

    /// Throws DataError for a label or prediction that is no class.
    void add(std::int32_t label, std::int32_t prediction) {
        for (const auto& [what, value] : {std::pair("label", label), std::pair("prediction", prediction)}) {
            if (value < 0 || value >= classes()) {
                detail::raise<DataError>("Confusion", what, std::to_string(value), detail::below_text(classes()));
            }
        }
        ++counts_(label, prediction);
    }
    Confusion& operator+=(const Confusion& more) {
        detail::require_shape("Confusion", "classes", more.counts_, classes(), classes());
        counts_ += more.counts_;
        return *this;
    }

    Index classes() const noexcept { return counts_.rows(); }
    /// Samples of a class that were taken for another.
    std::int64_t count(Index label, Index prediction) const { return counts_(label, prediction); }
    std::int64_t samples(Index label) const { return counts_.row(label).sum(); }
    std::int64_t samples() const { return counts_.sum(); }
    /// Share of a class's samples that were recognised; NaN without any.
    double accuracy(Index label) const { return share(counts_(label, label), samples(label)); }
    double accuracy() const { return share(counts_.trace(), samples()); }
    /// Mean of the accuracies of all classes but one, of those that have samples; NaN if none has.
    double accuracy_without(Index label) const {
        double sum = 0.0, others = 0.0;
        for (Index c = 0; c < classes(); ++c) {
            if (c == label || samples(c) == 0) continue;
            sum += accuracy(c);
            others += 1.0;
        }
        return others > 0.0 ? sum / others : std::numeric_limits<double>::quiet_NaN();
    }

    bool operator==(const Confusion& other) const { return classes() == other.classes() && counts_ == other.counts_; }

private:
    using Counts = Eigen::Matrix<std::int64_t, Eigen::Dynamic, Eigen::Dynamic>;

    static double share(std::int64_t part, std::int64_t all) {
        return all > 0 ? static_cast<double>(part) / static_cast<double>(all)
                       : std::numeric_limits<double>::quiet_NaN();
    }

    Counts counts_;  ///< labels x predictions
};

/// Counts predictions made elsewhere. Throws ShapeError if there are not as many as labels; DataError as Confusion.
inline Confusion confusion(std::span<const std::int32_t> labels, std::span<const std::int32_t> predictions,
                           Index classes) {
    if (labels.size() != predictions.size()) {
        detail::raise<ShapeError>("confusion", "predictions", std::to_string(predictions.size()),
                                  std::to_string(labels.size()) + ", one a label");
    }
    Confusion result(classes);
    for (std::size_t i = 0; i < labels.size(); ++i) result.add(labels[i], predictions[i]);
    return result;
}

namespace detail {

/// Takes what a model reports, and forgets it.
struct NoRecorder {
    static void record(const Place&, const auto&, std::span<const std::uint64_t>) noexcept {}
};

/// Classes that labels or outputs speak of.
template <class S>
Index classes_of(const Dataset<S>& data, Index outputs) {
    return std::max<Index>(data.classes(), outputs == 1 ? 2 : outputs);
}

template <class S>
void require_labels(const char* where, const Dataset<S>& data) {
    if (data.empty()) raise<DataError>(where, "samples", "0", "at least 1");
    if (!data.has_labels()) raise<DataError>(where, "labels of the data", "none", "one a sample");
}

}  // namespace detail

/// What a model makes of labelled samples: of a Network, any other network, or foreign code, masked or not.
///
/// Throws   DataError for no samples, no labels or a model without outputs; as the model.
/// Cost     a forward pass a sample, batches of 64 spread over threads (0: every core) where the model may run so.
template <class Model, class S>
Confusion confusion(const Model& model, const Dataset<S>& data, int threads = 1) {
    detail::require_labels("confusion", data);
    constexpr Index width = 64;
    const Index tasks = (data.samples() + width - 1) / width;
    const int workers = may_run_in_parallel(model) ? detail::thread_count(threads, tasks) : 1;
    struct Worker {
        decltype(make_workspace(std::declval<const Model&>())) workspace;
        Batch<S> x;
    };
    std::vector<Worker> all;
    for (int w = 0; w < workers; ++w) all.push_back({make_workspace(model), {}});
    std::vector<std::int32_t> predictions(static_cast<std::size_t>(data.samples()));
    std::vector<Index> outputs(static_cast<std::size_t>(tasks));
    detail::parallel_for(tasks, workers, [&](Index task, int worker) {
        Worker& mine = all[static_cast<std::size_t>(worker)];
        const Index first = task * width;
        data.inputs(first, std::min(width, data.samples() - first), mine.x);
        detail::NoRecorder none;
        const Batch<S>& y = observe(model, BatchView<S>(mine.x), {}, mine.workspace, none);
        outputs[static_cast<std::size_t>(task)] = y.rows();
        if (y.rows() == 0) detail::raise<DataError>("confusion", "outputs of the model", "none", "one a class");
        for (Index j = 0; j < y.cols(); ++j) {
            predictions[static_cast<std::size_t>(first + j)] = predicted_class(y.col(j));
        }
    });
    return confusion(data.labels(), predictions, detail::classes_of(data, outputs.front()));
}

}  // namespace renn::inline RENN_ABI
// renn/evaluation/detection.hpp - how well a score tells two kinds of samples apart, and whether certainty is earned.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>


namespace renn::inline RENN_ABI {
namespace detail {

inline void require_scores(const char* where, std::span<const double> scores, std::size_t answers) {
    if (scores.size() != answers) {
        raise<ShapeError>(where, "scores", std::to_string(scores.size()), std::to_string(answers) + ", one a sample");
    }
    for (std::size_t i = 0; i < scores.size(); ++i) {
        if (std::isnan(scores[i])) raise<DataError>(where, "score " + std::to_string(i), "NaN", "a number");
    }
}

/// Samples by ascending score.
inline std::vector<std::size_t> by_score(std::span<const double> scores) {
    std::vector<std::size_t> order(scores.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
    return order;
}

/// End of the group of equal scores that begins at a place of the order.
inline std::size_t end_of_group(std::span<const double> scores, const std::vector<std::size_t>& order,
                                std::size_t begin) {
    std::size_t end = begin;
    while (end < order.size() && scores[order[end]] == scores[order[begin]]) ++end;
    return end;
}

}  // namespace detail

/// Area under the ROC curve: the chance that a positive sample scores higher than a negative one, equal scores counting
/// half. Exact: pairs are counted in whole numbers and divided once. For errors: auroc(1 - certainty, wrong).
///
/// Shapes   scores and positive: one a sample. Infinite scores are scores.
/// Throws   ShapeError if they differ in number; DataError for a NaN, or without a positive and a negative sample.
/// Cost     O(n log n).
inline double auroc(std::span<const double> scores, const std::vector<bool>& positive) {
    detail::require_scores("auroc", scores, positive.size());
    const auto positives = static_cast<std::uint64_t>(std::count(positive.begin(), positive.end(), true));
    const std::uint64_t negatives = positive.size() - positives;
    if (positives == 0 || negatives == 0) {
        detail::raise<DataError>("auroc", "samples",
                                 std::to_string(positives) + " positive and " + std::to_string(negatives) + " negative",
                                 "1 or more of each");
    }
    const std::vector<std::size_t> order = detail::by_score(scores);
    std::uint64_t below = 0, halves = 0;  // negatives with lower scores, half pairs won
    for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
        end = detail::end_of_group(scores, order, begin);
        std::uint64_t here = 0;
        for (std::size_t i = begin; i < end; ++i) here += positive[order[i]] ? 1U : 0U;
        const std::uint64_t others = end - begin - here;
        halves += here * (2 * below + others);
        below += others;
    }
    return static_cast<double>(halves) / (2.0 * static_cast<double>(positives) * static_cast<double>(negatives));
}

/// Calibration of confidences.
struct Calibration {
    /// Samples with confidence in (b / bins, (b + 1) / bins], the first bin with 0.
    struct Bin {
        std::size_t samples = 0;
        double confidence = 0.0;  ///< mean; 0 without samples
        double accuracy = 0.0;    ///< share of right answers; 0 without samples
    };
    double error = 0.0;     ///< expected: sum over bins of samples / all * |accuracy - confidence|
    double greatest = 0.0;  ///< of a bin with samples
    std::vector<Bin> bins;  ///< the reliability diagram
};

/// Expected calibration error, bins of equal width. For evidence: its largest entry and whether that class is right.
///
/// Shapes   confidence and right: one a sample.
/// Throws   ShapeError if they differ in number; DataError for no samples, no bins or a confidence outside 0..1.
/// Source   Guo et al., On Calibration of Modern Neural Networks (2017), equation 3.
inline Calibration calibration(std::span<const double> confidence, const std::vector<bool>& right, int bins = 10) {
    detail::require_scores("calibration", confidence, right.size());
    if (confidence.empty()) detail::raise<DataError>("calibration", "samples", "0", "1 or more");
    if (bins < 1) detail::raise<DataError>("calibration", "bins", std::to_string(bins), "1 or more");
    Calibration result;
    result.bins.resize(static_cast<std::size_t>(bins));
    const auto edge = [&](int bin) { return static_cast<double>(bin) / static_cast<double>(bins); };
    for (std::size_t i = 0; i < confidence.size(); ++i) {
        const double c = confidence[i];
        if (!(c >= 0.0 && c <= 1.0)) {
            detail::raise<DataError>("calibration", "confidence " + std::to_string(i), std::to_string(c), "0..1");
        }
        int bin = std::clamp(static_cast<int>(c * static_cast<double>(bins)), 0, bins - 1);
        while (bin > 0 && c <= edge(bin)) --bin;  // the product is rounded
        while (bin + 1 < bins && c > edge(bin + 1)) ++bin;
        Calibration::Bin& b = result.bins[static_cast<std::size_t>(bin)];
        ++b.samples;
        b.confidence += c;
        b.accuracy += right[i] ? 1.0 : 0.0;
    }
    for (Calibration::Bin& b : result.bins) {
        if (b.samples == 0) continue;
        b.confidence /= static_cast<double>(b.samples);
        b.accuracy /= static_cast<double>(b.samples);
        const double gap = std::abs(b.accuracy - b.confidence);
        result.error += static_cast<double>(b.samples) / static_cast<double>(confidence.size()) * gap;
        result.greatest = std::max(result.greatest, gap);
    }
    return result;
}

/// One of equal parts of the samples, by score.
struct ScorePart {
    double lowest = 0.0, highest = 0.0;  ///< scores in it
    double accuracy = 0.0;
};

/// Accuracy by decile (or any number of equal parts) of a score such as certainty, lowest scores first. Part d covers
/// the places from d n / parts to (d + 1) n / parts of the order; a sample across an edge counts in both with its
/// pieces, and equal scores all have their group's mean, so that neither order nor n matters.
///
/// Shapes   scores and right: one a sample.
/// Throws   ShapeError if they differ in number; DataError for no samples, no parts or a NaN.
inline std::vector<ScorePart> accuracy_by_score(std::span<const double> scores, const std::vector<bool>& right,
                                                int parts = 10) {
    detail::require_scores("accuracy_by_score", scores, right.size());
    if (scores.empty()) detail::raise<DataError>("accuracy_by_score", "samples", "0", "1 or more");
    if (parts < 1) detail::raise<DataError>("accuracy_by_score", "parts", std::to_string(parts), "1 or more");
    const std::vector<std::size_t> order = detail::by_score(scores);
    const auto pieces = static_cast<std::uint64_t>(parts);  // a sample is so many; a part has n of them
    const std::uint64_t size = order.size();
    std::vector<ScorePart> result(static_cast<std::size_t>(parts));
    for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
        end = detail::end_of_group(scores, order, begin);
        double correct = 0.0;
        for (std::size_t i = begin; i < end; ++i) correct += right[order[i]] ? 1.0 : 0.0;
        const double mean = correct / static_cast<double>(end - begin), score = scores[order[begin]];
        const std::uint64_t from = begin * pieces, to = end * pieces;
        for (std::uint64_t d = from / size; d * size < to; ++d) {
            ScorePart& part = result[d];
            const std::uint64_t low = std::max(from, d * size), high = std::min(to, (d + 1) * size);
            if (low == d * size) part.lowest = score;
            part.highest = score;
            part.accuracy += mean * static_cast<double>(high - low);
        }
    }
    for (ScorePart& part : result) part.accuracy /= static_cast<double>(size);
    return result;
}

}  // namespace renn::inline RENN_ABI
// renn/evaluation/evidence_quality.hpp - how often the sources alone name the right class, and the network's.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// renn/retrace/certainty.hpp - how clearly the sources speak for one class.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {
namespace detail {

/// Evidence as parts of 1; all 0 if there is none.
inline std::vector<double> parts_of_evidence(const char* where, std::span<const double> evidence) {
    if (evidence.empty()) raise<DataError>(where, "classes", "0", "1 or more");
    require_amounts(where, "evidence of class", evidence);
    if (*std::max_element(evidence.begin(), evidence.end()) > 0.0) return parts_of_one(evidence);
    return std::vector<double>(evidence.size(), 0.0);
}

}  // namespace detail

/// 1 - entropy(E) / log C: 1 if all evidence is for one class, 0 if every class has as much. 0 without any evidence;
/// with a single class, for which there is nothing to doubt, 1.
///
/// Shapes   evidence: one a class, in any unit: it is divided by its sum.
/// Throws   DataError for negative or infinite evidence, or none of any class.
inline double certainty(std::span<const double> evidence) {
    const std::vector<double> parts = detail::parts_of_evidence("certainty", evidence);
    const bool any = *std::max_element(parts.begin(), parts.end()) > 0.0;
    if (!any || parts.size() == 1) return any ? 1.0 : 0.0;
    double entropy = 0.0;
    for (const double p : parts) {
        if (p > 0.0) entropy -= p * std::log(p);
    }
    return std::clamp(1.0 - entropy / std::log(static_cast<double>(parts.size())), 0.0, 1.0);
}

/// How far the class with most evidence is before the next, in parts of all evidence; of a single class, all of it.
/// 0 without any evidence. Shapes and errors as certainty.
inline double margin(std::span<const double> evidence) {
    std::vector<double> parts = detail::parts_of_evidence("margin", evidence);
    std::sort(parts.begin(), parts.end(), std::greater<>());
    return parts.size() == 1 ? parts[0] : parts[0] - parts[1];
}

/// What the votes of a layer or the network say about a prediction.
struct Judgement {
    std::string layer;                 ///< empty: the network
    std::vector<double> evidence;      ///< one a class
    std::int32_t evidence_class = -1;  ///< with most evidence, the first among equals; -1 if nobody voted
    double certainty = 0.0;
    double margin = 0.0;
    bool agreement = false;  ///< the model predicts the class with most evidence

    bool operator==(const Judgement&) const = default;
};

namespace detail {

template <class I>
Judgement judge_votes(const Votes<I>& votes, std::int32_t prediction, const std::string& layer) {
    Judgement j{.layer = layer, .evidence = votes.evidence()};
    const auto best = std::max_element(j.evidence.begin(), j.evidence.end());
    if (best != j.evidence.end() && *best > 0.0)
        j.evidence_class = static_cast<std::int32_t>(best - j.evidence.begin());
    j.certainty = certainty(j.evidence);
    j.margin = margin(j.evidence);
    j.agreement = prediction >= 0 && j.evidence_class == prediction;
    return j;
}

}  // namespace detail

/// The votes of the network, judged. Throws DataError if no labels were recorded.
template <class I>
Judgement judge(const Retrace<I>& answer) {
    return detail::judge_votes<I>(answer, answer.prediction(), "");
}

/// The votes of each layer, in the order of answer.layers(): where the decision forms. Throws as judge.
template <class I>
std::vector<Judgement> judge_layers(const Retrace<I>& answer) {
    std::vector<Judgement> judgements;
    const std::vector<std::string> names = answer.layers();
    for (std::size_t i = 0; i < names.size(); ++i) {
        judgements.push_back(detail::judge_votes(answer.layer(i), answer.prediction(), names[i]));
    }
    return judgements;
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// What the class with most evidence was worth, of the network or one layer. Each in 0..1; a query for which nobody
/// voted is neither right nor in agreement.
struct EvidenceQuality {
    std::string layer;       ///< empty: the network
    double accuracy = 0.0;   ///< share of the queries with that class
    double agreement = 0.0;  ///< share of the queries for which the model predicts that class
    double silent = 0.0;     ///< share of the queries for which nobody voted

    bool operator==(const EvidenceQuality&) const = default;
};

namespace detail {

/// f(position, answer) for every sample of the data, retraced a few hundred at a time.
template <class Traced, class F>
void for_each_answer(const char* where, const Traced& traced, const Dataset<typename Traced::Scalar>& data,
                     const RetraceOptions& options, int threads, F&& f) {
    if (data.empty()) raise<DataError>(where, "samples", "0", "1 or more");
    if (!data.has_labels()) raise<DataError>(where, "labels", "none", "one a sample");
    constexpr Index at_once = 256;
    Batch<typename Traced::Scalar> x;
    for (Index first = 0; first < data.samples(); first += at_once) {
        data.inputs(first, std::min(at_once, data.samples() - first), x);
        Index position = first;
        for (const auto& answer : traced.retrace_batch(x, options, threads)) f(position++, answer);
    }
}

}  // namespace detail

/// Retraces the data and predicts by evidence alone: first of the network, then of each layer in the order of
/// Retrace::layers().
///
/// Throws   DataError for no samples or none with labels; as TracedNetwork::retrace and judge.
/// Cost     a retrace and its evidence by layer a sample.
template <class Traced>
std::vector<EvidenceQuality> evidence_quality(const Traced& traced, const Dataset<typename Traced::Scalar>& data,
                                              const RetraceOptions& options = {}, int threads = 1) {
    std::vector<EvidenceQuality> table;
    const auto n = static_cast<double>(data.samples());
    const auto count = [&](std::size_t row, const Judgement& j, std::int32_t label) {
        if (row == table.size()) table.push_back({.layer = j.layer});
        table[row].accuracy += j.evidence_class == label ? 1.0 : 0.0;
        table[row].agreement += j.agreement ? 1.0 : 0.0;
        table[row].silent += j.evidence_class < 0 ? 1.0 : 0.0;
    };
    detail::for_each_answer("evidence_quality", traced, data, options, threads, [&](Index at, const auto& answer) {
        std::size_t row = 0;
        count(row++, judge(answer), data.label(at));
        for (const Judgement& layer : judge_layers(answer)) count(row++, layer, data.label(at));
    });
    for (EvidenceQuality& row : table) {
        row.accuracy /= n;
        row.agreement /= n;
        row.silent /= n;
    }
    return table;
}

}  // namespace renn::inline RENN_ABI
// renn/evaluation/inversions.hpp - counts the pairs of a sequence that are in the wrong order, for Kendall's tau.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>


namespace renn::inline RENN_ABI::detail {

template <class T>
std::int64_t sort_and_count(std::span<T> values, std::span<T> scratch) {
    if (values.size() < 2) return 0;
    const std::size_t half = values.size() / 2;
    std::int64_t wrong = sort_and_count(values.first(half), scratch) + sort_and_count(values.subspan(half), scratch);
    std::size_t left = 0, right = half;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const bool take_left = right == values.size() || (left < half && values[left] <= values[right]);
        if (!take_left) wrong += static_cast<std::int64_t>(half - left);
        scratch[i] = values[take_left ? left++ : right++];
    }
    std::copy_n(scratch.begin(), values.size(), values.begin());
    return wrong;
}

/// Pairs of which the first is the larger one; the values are sorted afterwards. O(n log n).
template <class T>
std::int64_t sort_and_count(std::vector<T>& values) {
    std::vector<T> scratch(values.size());
    return sort_and_count(std::span<T>(values), std::span<T>(scratch));
}

}  // namespace renn::inline RENN_ABI::detail
// renn/evaluation/linear_datamodelling.hpp - whether scores of training samples foretell what retraining does.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

// renn/evaluation/similarity.hpp - how alike two vectors are: a blend and its query, two heatmaps, two rankings.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {
namespace detail {

using Vector = Column<double>;

/// Two vectors in double, checked.
struct VectorPair {
    Vector a, b;

    template <class A, class B>
    VectorPair(const char* where, const Eigen::MatrixBase<A>& left, const Eigen::MatrixBase<B>& right) {
        static_assert(A::ColsAtCompileTime == 1 && B::ColsAtCompileTime == 1, "renn: similarity is of two columns");
        a = left.template cast<double>();
        b = right.template cast<double>();
        if (a.size() != b.size() || a.size() == 0) {
            raise<ShapeError>(where, "vectors", std::to_string(a.size()) + " and " + std::to_string(b.size()) + " long",
                              "equally long, 1 or more");
        }
        if (!a.allFinite() || !b.allFinite()) raise<DataError>(where, "vectors", "NaN or infinite", "finite");
    }
};

inline constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

/// Divided by the largest magnitude: no square overflows.
inline Vector to_unit(const Vector& v) {
    const double largest = v.cwiseAbs().maxCoeff();
    return largest > 0.0 ? Vector(v / largest) : v;
}
inline bool is_constant(const Vector& v) {
    return v.minCoeff() == v.maxCoeff();
}

inline double cosine(const VectorPair& p) {
    const Vector a = to_unit(p.a), b = to_unit(p.b);
    const double norms = a.norm() * b.norm();
    return norms > 0.0 ? std::clamp(a.dot(b) / norms, -1.0, 1.0) : 0.0;
}

inline double ruzicka(const VectorPair& p) {
    if (p.a.minCoeff() < 0.0 || p.b.minCoeff() < 0.0) return no_number;
    const double largest = std::max(p.a.maxCoeff(), p.b.maxCoeff());
    if (largest == 0.0) return 1.0;
    return (p.a.cwiseMin(p.b) / largest).sum() / (p.a.cwiseMax(p.b) / largest).sum();
}

inline double pearson(VectorPair p) {
    if (is_constant(p.a) || is_constant(p.b)) return no_number;
    for (Vector* v : {&p.a, &p.b}) {
        *v = to_unit(*v);
        v->array() -= v->mean();
    }
    return cosine(p);
}

/// Places in ascending order, from 1; equal values have the mean of theirs.
inline Vector mean_ranks(const Vector& v) {
    std::vector<Index> order(static_cast<std::size_t>(v.size()));
    std::iota(order.begin(), order.end(), Index{0});
    std::sort(order.begin(), order.end(), [&](Index i, Index j) { return v[i] < v[j]; });
    Vector ranks(v.size());
    for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
        while (end < order.size() && v[order[end]] == v[order[begin]]) ++end;
        const double rank = 0.5 * static_cast<double>(begin + end + 1);
        for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = rank;
    }
    return ranks;
}

inline double spearman(VectorPair p) {
    p.a = mean_ranks(p.a);
    p.b = mean_ranks(p.b);
    return pearson(std::move(p));
}

/// Pairs of equal neighbours in a range where equal ones lie together.
template <class Equal>
std::int64_t tied_pairs(std::size_t count, const Equal& equal) {
    std::int64_t pairs = 0, run = 0;
    for (std::size_t i = 1; i < count; ++i) {
        run = equal(i - 1, i) ? run + 1 : 0;
        pairs += run;
    }
    return pairs;
}

inline double kendall(const VectorPair& p) {
    const Vector &a = p.a, &b = p.b;
    const auto n = static_cast<std::size_t>(a.size());
    std::vector<Index> order(n);
    std::iota(order.begin(), order.end(), Index{0});
    std::sort(order.begin(), order.end(), [&](Index i, Index j) { return a[i] != a[j] ? a[i] < a[j] : b[i] < b[j]; });
    const auto same_a = [&](std::size_t i, std::size_t j) { return a[order[i]] == a[order[j]]; };
    const auto same_b = [&](std::size_t i, std::size_t j) { return b[order[i]] == b[order[j]]; };
    const std::int64_t in_a = tied_pairs(n, same_a);
    const std::int64_t in_both =
        tied_pairs(n, [&](std::size_t i, std::size_t j) { return same_a(i, j) && same_b(i, j); });
    std::vector<double> values(n);
    for (std::size_t i = 0; i < n; ++i) values[i] = b[order[i]];
    const std::int64_t swaps = sort_and_count(values);
    const std::int64_t in_b = tied_pairs(n, [&](std::size_t i, std::size_t j) { return values[i] == values[j]; });
    const auto all = static_cast<std::int64_t>(n * (n - 1) / 2);
    if (in_a == all || in_b == all) return no_number;
    const auto pairs_a = static_cast<double>(all - in_a), pairs_b = static_cast<double>(all - in_b);
    const std::int64_t balance = all - in_a - in_b + in_both - 2 * swaps;
    return std::clamp(static_cast<double>(balance) / (std::sqrt(pairs_a) * std::sqrt(pairs_b)), -1.0, 1.0);
}

}  // namespace detail

// All of them take two columns of one length, of float or double, reckon in double, and throw ShapeError for other
// sizes or none, DataError for values that are not finite.

/// <a, b> / (|a| |b|), in [-1, 1]; 0 if either is 0 everywhere.
template <class A, class B>
double cosine_similarity(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b) {
    return detail::cosine({"cosine_similarity", a, b});
}

/// sqrt(sum (a_i - b_i)^2), from differences.
template <class A, class B>
double l2_distance(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b) {
    const detail::VectorPair p("l2_distance", a, b);
    return (p.a - p.b).stableNorm();
}

/// sum |a_i - b_i|.
template <class A, class B>
double l1_distance(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b) {
    const detail::VectorPair p("l1_distance", a, b);
    return (p.a - p.b).cwiseAbs().sum();
}

/// sum min(a_i, b_i) / sum max(a_i, b_i), in [0, 1]; 1 for two vectors of zeros, NaN if a value is negative.
template <class A, class B>
double ruzicka_similarity(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b) {
    return detail::ruzicka({"ruzicka_similarity", a, b});
}

/// Cosine of what is left without the means, in [-1, 1]; NaN if either has one value everywhere.
template <class A, class B>
double pearson_correlation(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b) {
    return detail::pearson({"pearson_correlation", a, b});
}

/// Pearson's of the ranks, equal values at their mean rank; NaN if either has one value everywhere.
template <class A, class B>
double spearman_correlation(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b) {
    return detail::spearman({"spearman_correlation", a, b});
}

/// Kendall's tau-b: pairs in the same order minus pairs in opposite order, over sqrt(pairs that differ in a * pairs
/// that differ in b); NaN if either has one value everywhere. Cost O(n log n). Source: Knight (1966).
template <class A, class B>
double kendall_correlation(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b) {
    return detail::kendall({"kendall_correlation", a, b});
}

/// All measures of two vectors.
struct Similarities {
    double cosine = 0.0, l2 = 0.0, l1 = 0.0, ruzicka = 0.0, pearson = 0.0, spearman = 0.0, kendall = 0.0;
};

/// Of a blend and what was asked, say: similarities(blend(answer.top(42), training), query).
template <class A, class B>
Similarities similarities(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b) {
    const detail::VectorPair p("similarities", a, b);
    return {detail::cosine(p),  l2_distance(p.a, p.b), l1_distance(p.a, p.b), detail::ruzicka(p),
            detail::pearson(p), detail::spearman(p),   detail::kendall(p)};
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// Linear datamodelling score of each query, and over all of them.
struct DatamodellingScore {
    std::vector<double> per_query;  ///< in [-1, 1]; NaN where every subset has the same sum or output
    std::size_t undefined = 0;      ///< how many of them are NaN
    double mean = 0.0;              ///< of the others; NaN without any
    double standard_error = 0.0;    ///< of the mean over queries; NaN for fewer than two
};

/// Linear datamodelling score: scores that say how much each training sample s supports a query t foretell the output
/// o_m(t) of a model retrained on subset m alone by the sum over s in m of score(s, t); the score is Spearman's
/// correlation of the sums with the outputs over the subsets, 1 being a perfect forecast of their order and 0 none.
/// Sums are compared in steps of 1e-9 of the largest, so that rounding parts no equal ones.
///
/// Shapes   scores: training samples x queries, larger is more supportive; subsets: positions of training samples;
///          outputs: subsets x queries, such as the log probability of the query's class.
/// Throws   ShapeError for other shapes, DataError for fewer than two subsets, a position that is no training sample,
///          or values that are not finite.
/// Cost     O(queries * (positions in all subsets)).
/// Source   Park et al., TRAK (2023), definition 2.3; Ilyas et al., Datamodels (2022).
inline DatamodellingScore linear_datamodelling_score(const BatchView<double>& scores,
                                                     std::span<const std::vector<Index>> subsets,
                                                     const BatchView<double>& outputs) {
    constexpr const char* where = "linear_datamodelling_score";
    const auto count = static_cast<Index>(subsets.size());
    if (count < 2) detail::raise<DataError>(where, "subsets", std::to_string(count), "2 or more");
    if (outputs.rows() != count || outputs.cols() != scores.cols()) {
        detail::raise<ShapeError>(where, "outputs", detail::shape_text(outputs.rows(), outputs.cols()),
                                  detail::shape_text(count, scores.cols()) + ", subsets x queries");
    }
    if (!scores.allFinite()) detail::raise<DataError>(where, "scores", "NaN or infinite", "finite");
    for (const auto& subset : subsets) {
        for (const Index s : subset) {
            if (s >= 0 && s < scores.rows()) continue;
            detail::raise<DataError>(where, "position in a subset", std::to_string(s),
                                     "0.." + std::to_string(scores.rows() - 1));
        }
    }
    DatamodellingScore result;
    double sum = 0.0, squares = 0.0;
    Column<double> forecast(count);
    for (Index q = 0; q < scores.cols(); ++q) {
        for (Index m = 0; m < count; ++m) {
            forecast[m] = 0.0;
            for (const Index s : subsets[static_cast<std::size_t>(m)]) forecast[m] += scores(s, q);
        }
        const double largest = forecast.cwiseAbs().maxCoeff();
        if (largest > 0.0) forecast = (forecast / largest * 1e9).array().round();
        const double here = spearman_correlation(forecast, outputs.col(q));
        result.per_query.push_back(here);
        if (std::isnan(here)) {
            ++result.undefined;
        } else {
            sum += here;
            squares += here * here;
        }
    }
    const auto n = static_cast<double>(result.per_query.size() - result.undefined);
    constexpr double no_number = std::numeric_limits<double>::quiet_NaN();
    result.mean = n > 0.0 ? sum / n : no_number;
    const double variance = n > 1.0 ? std::max(0.0, (squares - n * result.mean * result.mean) / (n - 1.0)) : no_number;
    result.standard_error = std::sqrt(variance / n);
    return result;
}

}  // namespace renn::inline RENN_ABI
// renn/evaluation/retrieval.hpp - how alike two rankings are, and what a reduced store does to retraces.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>


namespace renn::inline RENN_ABI {

namespace detail {

/// Place of each id among the first k.
inline std::unordered_map<std::uint64_t, std::size_t> ranks(std::span<const std::uint64_t> ids, std::size_t k) {
    std::unordered_map<std::uint64_t, std::size_t> places;
    for (std::size_t i = 0; i < std::min(k, ids.size()); ++i) {
        if (!places.emplace(ids[i], i).second) {
            raise<DataError>("ranking", "id " + std::to_string(ids[i]), "twice", "each id once");
        }
    }
    return places;
}

inline std::size_t depth_of(std::span<const std::uint64_t> reference, std::size_t k) {
    if (k == 0) raise<DataError>("ranking", "k", "0", "1 or more");
    return std::min(k, reference.size());
}

}  // namespace detail

/// Overlap at k: the share of the reference's first k that are among the first k found, in any order. A reference
/// shorter than k is taken whole; 1 if it is empty. Throws   DataError if k is 0 or an id occurs twice.
inline double overlap_at_k(std::span<const std::uint64_t> reference, std::span<const std::uint64_t> found,
                           std::size_t k) {
    const std::size_t depth = detail::depth_of(reference, k);
    if (depth == 0) return 1.0;
    const auto wanted = detail::ranks(reference, depth);
    std::size_t common = 0;
    for (const auto& [id, place] : detail::ranks(found, depth)) common += wanted.count(id);
    return static_cast<double>(common) / static_cast<double>(depth);
}

/// NDCG at k with gain = reversed rank: the reference's i-th (from 0) is worth k - i, others nothing; the found at
/// place j counts by 1 / log2(j + 2); divided by what the reference itself gets. 1 if the reference is empty. Throws
/// DataError if k is 0 or an id occurs twice.
inline double ndcg_at_k(std::span<const std::uint64_t> reference, std::span<const std::uint64_t> found, std::size_t k) {
    const std::size_t depth = detail::depth_of(reference, k);
    if (depth == 0) return 1.0;
    const auto wanted = detail::ranks(reference, depth);
    detail::ranks(found, depth);  // each once
    double gained = 0.0, best = 0.0;
    for (std::size_t j = 0; j < depth; ++j) {
        const double discount = 1.0 / std::log2(static_cast<double>(j) + 2.0);
        best += static_cast<double>(depth - j) * discount;
        if (j >= found.size()) continue;
        const auto at = wanted.find(found[j]);
        if (at != wanted.end()) gained += static_cast<double>(depth - at->second) * discount;
    }
    return gained / best;
}

/// Kendall's tau (a) of the order in which two rankings have the ids that both have: 1 the same, -1 reversed, NaN for
/// fewer than two.
/// Throws   DataError if an id occurs twice.
/// Cost     O(n log n).
inline double kendall_tau(std::span<const std::uint64_t> reference, std::span<const std::uint64_t> found) {
    const auto places = detail::ranks(reference, reference.size());
    detail::ranks(found, found.size());
    std::vector<std::size_t> order;
    for (const std::uint64_t id : found) {
        if (const auto at = places.find(id); at != places.end()) order.push_back(at->second);
    }
    const auto n = static_cast<double>(order.size()), pairs = n * (n - 1) / 2;
    const auto wrong = static_cast<double>(detail::sort_and_count(order));
    return n < 2 ? std::numeric_limits<double>::quiet_NaN() : (pairs - 2 * wrong) / pairs;
}

/// How alike the retraces of the same queries are, each figure one a query.
struct RetraceLikeness {
    std::vector<double> overlap, ndcg, kendall;       ///< of the sources of the network, those with most votes
    std::vector<double> neuron_overlap, neuron_ndcg;  ///< of the k closest samples of a neuron, mean over all neurons

    /// Of those that are numbers: a tau of fewer than two ids is none.
    static double mean(const std::vector<double>& figures) {
        double sum = 0.0, count = 0.0;
        for (const double figure : figures) {
            if (std::isnan(figure)) continue;
            sum += figure;
            count += 1.0;
        }
        return sum / count;
    }
};

/// Retraces x with two traced networks, such as one over all bits and one over a reduced store, and compares: sources
/// at the depth `sources`, neurons at k.
///
/// Shapes   x: features x queries.
/// Throws   MismatchError if other neurons voted; DataError and ShapeError as TracedNetwork::retrace.
/// Cost     two retraces a query and the neighbours of every neuron, for groups of tied samples with their size.
template <class Reference, class Other>
RetraceLikeness compare_retraces(const Reference& reference, const Other& other,
                                 const BatchView<typename Reference::Scalar>& x, const RetraceOptions& options = {},
                                 std::size_t sources = 42, int threads = 1) {
    if (options.k < 1) detail::raise<DataError>("compare_retraces", "k", std::to_string(options.k), "1 or more");
    const auto neurons_of = [](const auto& answer) {
        std::size_t count = 0;
        for (std::size_t i = 0; i < answer.layers().size(); ++i) count += answer.place(i).units.size();
        return count;
    };
    const auto ids_of = [](const auto& list) {
        std::vector<std::uint64_t> ids;
        for (const auto& one : list) ids.push_back(one.id);
        return ids;
    };
    RetraceLikeness result;
    constexpr Index at_once = 64;
    for (Index first = 0; first < x.cols(); first += at_once) {
        const Batch<typename Reference::Scalar> some = x.middleCols(first, std::min(at_once, x.cols() - first));
        const auto left = reference.retrace_batch(some, options, threads);
        const auto right = other.retrace_batch(some, options, threads);
        for (std::size_t q = 0; q < left.size(); ++q) {
            const std::size_t neurons = neurons_of(left[q]);
            if (left[q].layers() != right[q].layers() || neurons != neurons_of(right[q])) {
                detail::raise<MismatchError>("compare_retraces", "neurons that voted",
                                             std::to_string(neurons_of(right[q])), std::to_string(neurons));
            }
            const auto wanted = ids_of(left[q].top(sources)), found = ids_of(right[q].top(sources));
            result.overlap.push_back(overlap_at_k(wanted, found, sources));
            result.ndcg.push_back(ndcg_at_k(wanted, found, sources));
            result.kendall.push_back(kendall_tau(wanted, found));
            double overlap = 0.0, ndcg = 0.0;
            for (std::size_t i = 0; i < neurons; ++i) {
                const auto near = ids_of(left[q].neuron(i).neighbours), there = ids_of(right[q].neuron(i).neighbours);
                overlap += overlap_at_k(near, there, static_cast<std::size_t>(options.k));
                ndcg += ndcg_at_k(near, there, static_cast<std::size_t>(options.k));
            }
            result.neuron_overlap.push_back(overlap / static_cast<double>(neurons));
            result.neuron_ndcg.push_back(ndcg / static_cast<double>(neurons));
        }
    }
    return result;
}

}  // namespace renn::inline RENN_ABI
// renn/evaluation/source_curve.hpp - how many of the most voted sources mean anything.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>


namespace renn::inline RENN_ABI {

/// Means over queries, one entry a rank r of the sources, from 0 for the source with most votes.
struct SourceCurve {
    std::vector<double> share;      ///< of all votes that the source at rank r has
    std::vector<double> same;       ///< how often its label is the class the model predicts
    std::vector<double> accuracy;   ///< of the evidence of the sources up to rank r, without the others
    std::vector<double> agreement;  ///< of that evidence with the model
    std::vector<double> beyond;     ///< accuracy of the evidence of all sources after rank r, without those up to it
};

/// Retraces the data and follows the ranks of the sources of each query.
///
/// Shapes   result: `ranks` entries in each curve. A query with fewer sources adds nothing to share and same at the
///          ranks it has none for, and keeps its evidence there.
/// Throws   DataError for no ranks, no samples or none with labels; as TracedNetwork::retrace.
/// Cost     a retrace, its top(ranks) and its evidence a sample.
template <class Traced>
SourceCurve source_curve(const Traced& traced, const Dataset<typename Traced::Scalar>& data, std::size_t ranks,
                         const RetraceOptions& options = {}, int threads = 1) {
    if (ranks == 0) detail::raise<DataError>("source_curve", "ranks", "0", "1 or more");
    const std::vector<double> zeros(ranks, 0.0);
    SourceCurve curve{zeros, zeros, zeros, zeros, zeros};
    const auto largest = [](const std::vector<double>& evidence) {
        return static_cast<std::int32_t>(std::max_element(evidence.begin(), evidence.end()) - evidence.begin());
    };
    detail::for_each_answer("source_curve", traced, data, options, threads, [&](Index at, const auto& answer) {
        std::vector<double> rest = answer.evidence();
        std::vector<double> near(rest.size(), 0.0);
        const std::vector<Source> sources = answer.top(ranks + 1);
        for (std::size_t r = 0; r < ranks; ++r) {
            if (r < sources.size()) {
                const auto c = static_cast<std::size_t>(sources[r].label);
                near[c] += sources[r].share;
                rest[c] -= sources[r].share;
                curve.share[r] += sources[r].share;
                curve.same[r] += sources[r].label == answer.prediction() ? 1.0 : 0.0;
            }
            if (sources.empty()) continue;
            const std::int32_t first = largest(near);
            curve.accuracy[r] += first == data.label(at) ? 1.0 : 0.0;
            curve.agreement[r] += first == answer.prediction() ? 1.0 : 0.0;
            if (r + 1 < sources.size()) curve.beyond[r] += largest(rest) == data.label(at) ? 1.0 : 0.0;
        }
    });
    for (auto* values : {&curve.share, &curve.same, &curve.accuracy, &curve.agreement, &curve.beyond}) {
        for (double& v : *values) v /= static_cast<double>(data.samples());
    }
    return curve;
}

}  // namespace renn::inline RENN_ABI
// renn/evaluation/store_error.hpp - how far the values of a reduced store are from those that were recorded.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>


namespace renn::inline RENN_ABI {

/// Of the stored values of one place.
struct StoreError {
    std::string place;
    double largest = 0.0;  ///< difference that was found
    double bound = 0.0;    ///< that it cannot exceed: the largest of all values' bounds
    double rms = 0.0;      ///< root of the mean square of the differences
};

/// Compares every value of a reduced store with the same of an exact one; one entry a stored point.
/// Throws   MismatchError unless both have the same places, units and samples in the same order.
template <class Reduced, class Reference>
std::vector<StoreError> store_errors(const Reduced& reduced, const Reference& exact) {
    using S = typename Reduced::Scalar;
    const auto same_ids = [&] {
        for (std::size_t s = 0; s < reduced.ids.size(); ++s) {
            if (reduced.ids[s] != exact.ids[s]) return false;
        }
        return true;
    };
    if (reduced.samples() != exact.samples() || !(reduced.points == exact.points) || !same_ids()) {
        detail::raise<MismatchError>("store_errors", "the stores have other places or samples");
    }
    std::vector<StoreError> errors;
    std::vector<S> left, right;
    for (std::uint32_t p = 0; p < reduced.points.size(); ++p) {
        const Point& point = reduced.points[p];
        if (!point.stored()) continue;
        StoreError& error = errors.emplace_back();
        error.place = point.name;
        double squares = 0.0;
        for (std::uint32_t u = 0; u < point.units.size(); ++u) {
            for (Index d = 0; d < point.dimensions(); ++d) {
                const std::span<const S> there = reduced.values({p, u}, d, left), here = exact.values({p, u}, d, right);
                for (std::size_t s = 0; s < here.size(); ++s) {
                    const double difference = std::abs(static_cast<double>(here[s]) - static_cast<double>(there[s]));
                    error.largest = std::max(error.largest, difference);
                    error.bound = std::max(error.bound, reduced.error_bound({p, u}, d, static_cast<Index>(s)));
                    squares += difference * difference;
                }
            }
        }
        const auto count = static_cast<double>(point.columns() * reduced.samples());
        error.rms = count > 0 ? std::sqrt(squares / count) : 0.0;
    }
    return errors;
}

}  // namespace renn::inline RENN_ABI
// renn/index/flat.hpp - the closest samples of a whole layer, exactly, by looking at all of them.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

// renn/index/flat_scan.hpp - the inner loops of exact search: rough sums fast, and who may be among the nearest.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

// renn/index/metric.hpp - how far two vectors of activations are apart.

#include <cstdint>
#include <string_view>


namespace renn::inline RENN_ABI {

/// Distances between vectors. The nearest is always the smallest.
enum class Metric : std::uint8_t {
    l2,      ///< Euclidean
    l1,      ///< sum of absolute differences
    linf,    ///< largest absolute difference
    cosine,  ///< 1 - cosine of the angle, in 0..2; a vector of zeros is at 1 from everything
    dot,     ///< the negative product: a larger product is nearer
};

/// The metric's name as in the code.
inline std::string_view metric_name(Metric metric) noexcept {
    switch (metric) {
        case Metric::l2:
            return "l2";
        case Metric::l1:
            return "l1";
        case Metric::linf:
            return "linf";
        case Metric::cosine:
            return "cosine";
        case Metric::dot:
            return "dot";
    }
    return "?";
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI::detail {

/// One step of a rough sum, for numbers and for packets of them.
template <Metric M>
struct RoughTerm {
    template <class P>
    EIGEN_ALWAYS_INLINE P operator()(const P& sum, const P& x, const P& q) const {
        using namespace Eigen::internal;
        if constexpr (M == Metric::dot) return pmadd(x, q, sum);
        const P difference = psub(x, q);
        if constexpr (M == Metric::l2) return pmadd(difference, difference, sum);
        if constexpr (M == Metric::l1) return padd(sum, pabs(difference));
        return pmax(sum, pabs(difference));
    }
};

/// sums[i] = terms of x(i, 0) and q[0], x(i, 1) and q[1], ... Shapes: x rows x width, column-major. Four columns at a
/// time: as many streams as memory needs to be busy, and the sums, which stay in L1, pass through a quarter as often.
template <Metric M, class S>
void rough_sums(const S* x, Index stride, Index rows, const S* q, Index width, S* sums) {
    using K = canonical::detail::Kernel<S>;
    constexpr RoughTerm<M> term;
    std::fill_n(sums, rows, S(0));
    const auto add = [&](auto columns, Index c) {
        constexpr int C = columns;
        typename K::Packet wide[C];
        canonical::detail::unrolled<C>([&](auto k) { wide[k] = Eigen::internal::pset1<typename K::Packet>(q[c + k]); });
        const S* from = x + c * stride;
        Index i = 0;
        for (; i + K::lanes <= rows; i += K::lanes) {
            auto sum = K::load(sums + i);
            canonical::detail::unrolled<C>([&](auto k) { sum = term(sum, K::load(from + k * stride + i), wide[k]); });
            K::store(sums + i, sum);
        }
        for (; i < rows; ++i) {
            for (int k = 0; k < C; ++k) sums[i] = term(sums[i], from[k * stride + i], q[c + k]);
        }
    };
    Index c = 0;
    for (; c + 4 <= width; c += 4) add(std::integral_constant<int, 4>{}, c);
    for (; c < width; ++c) add(std::integral_constant<int, 1>{}, c);
}

/// Who may still be among the k nearest of one query, when of each distance only bounds are known. Never drops a
/// sample whose lower bound is not above the k-th smallest upper bound, so what is kept in the end has all of them.
template <class S>
class Shortlist {
public:
    struct Candidate {
        S lower, upper;
        std::uint32_t sample;
    };

    explicit Shortlist(std::size_t k) : k_(k), room_(std::max<std::size_t>(4 * k, 64)) {}

    /// Lower bounds above this are of no interest.
    S limit() const noexcept { return limit_; }

    void add(const Candidate& candidate) {
        if (candidates_.size() == room_) {
            tighten();
            if (candidates_.size() > room_ / 2) room_ = 2 * candidates_.size();
            if (!(candidate.lower <= limit_)) return;
        }
        candidates_.push_back(candidate);
    }

    /// Takes over what another one found among other samples.
    void merge(const Shortlist& other) {
        limit_ = std::min(limit_, other.limit_);
        candidates_.insert(candidates_.end(), other.candidates_.begin(), other.candidates_.end());
    }

    /// Drops who cannot be among the k nearest, as far as is known now.
    void tighten() {
        if (candidates_.size() > k_) {
            uppers_.clear();
            for (const Candidate& c : candidates_) uppers_.push_back(c.upper);
            const auto last = uppers_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
            std::nth_element(uppers_.begin(), last, uppers_.end());
            limit_ = std::min(limit_, *last);
        }
        std::erase_if(candidates_, [this](const Candidate& c) { return !(c.lower <= limit_); });
    }

    const std::vector<Candidate>& candidates() const noexcept { return candidates_; }

private:
    std::size_t k_, room_;
    S limit_ = std::numeric_limits<S>::max();
    std::vector<Candidate> candidates_;
    std::vector<S> uppers_;
};

/// Calls visit(i) for every i with values[i] <= limit(), which may fall meanwhile. Most are above: a look at the
/// smallest of four packets passes over them.
template <class S, class Limit, class Visit>
void for_each_up_to(const S* values, Index count, const Limit& limit, const Visit& visit) {
    using K = canonical::detail::Kernel<S>;
    using Eigen::internal::pmin;
    constexpr Index step = 4 * K::lanes;
    Index i = 0;
    for (; i + step <= count; i += step) {
        const S* v = values + i;
        const auto smallest =
            pmin(pmin(K::load(v), K::load(v + K::lanes)), pmin(K::load(v + 2 * K::lanes), K::load(v + 3 * K::lanes)));
        if (!(Eigen::internal::predux_min(smallest) <= limit())) continue;
        for (Index l = i; l < i + step; ++l) {
            if (values[l] <= limit()) visit(l);
        }
    }
    for (; i < count; ++i) {
        if (values[i] <= limit()) visit(i);
    }
}

}  // namespace renn::inline RENN_ABI::detail
// renn/index/layer_values.hpp - what a whole layer did for every sample, as one matrix.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {

/// Samples x width, column-major: a column has one neuron's value, or one of a neuron's values, for every sample.
/// Copies share the values, which do not change.
template <class S>
class LayerValues {
public:
    using Scalar = S;
    using View = Eigen::Map<const Batch<S>, Eigen::Unaligned, Eigen::OuterStride<>>;

    /// Somebody else's values; `owner`, if given, keeps them alive.
    LayerValues(const S* data, Index samples, Index width, Index stride, std::shared_ptr<const void> owner = {})
        : data_(data), samples_(samples), width_(width), stride_(stride), owner_(std::move(owner)) {}

    /// Its own values, one sample a column as everywhere: they are transposed.
    explicit LayerValues(const BatchView<S>& x) : LayerValues(nullptr, x.cols(), x.rows(), x.cols()) {
        auto own = std::make_shared<detail::Pages<S>>(static_cast<std::size_t>(x.size()));
        Eigen::Map<Batch<S>>(own->data(), samples_, width_) = x.transpose();
        data_ = own->data();
        owner_ = std::move(own);
    }

    Index samples() const noexcept { return samples_; }
    Index width() const noexcept { return width_; }
    Index stride() const noexcept { return stride_; }
    const S* column(Index c) const noexcept { return data_ + c * stride_; }
    View matrix() const noexcept { return View(data_, samples_, width_, Eigen::OuterStride<>(stride_)); }
    S at(Index sample, Index c) const noexcept { return column(c)[sample]; }

private:
    const S* data_;
    Index samples_, width_, stride_;
    std::shared_ptr<const void> owner_;
};

/// The values of a recorded place: the store's own where they lie there as a matrix, else copied or, for a
/// post-activation that is not stored, recomputed. The store must outlive what is its own.
template <class Store>
LayerValues<typename Store::Scalar> layer_values(const Store& store, std::uint32_t point,
                                                 const Derivation<typename Store::Scalar>& derivation) {
    using S = typename Store::Scalar;
    const Point& place = store.points[point];
    const auto from = place.stored() ? point : static_cast<std::uint32_t>(place.derived_from);
    const Index n = store.samples(), width = place.columns(), dimensions = place.dimensions();
    std::vector<S> scratch;
    const auto column = [&](Index c) {
        const Unit unit{from, static_cast<std::uint32_t>(c / dimensions)};
        return store.values(unit, c % dimensions, scratch).data();
    };
    if (place.stored() && width > 0 && n > 0) {
        const S* first = column(0);
        const Index stride = width > 1 ? column(1) - first : n;
        Index c = 1;
        while (c < width && stride >= n && column(c) == first + c * stride) ++c;
        if (c == width && column(0) != scratch.data()) return LayerValues<S>(first, n, width, stride);
    }
    auto own = std::make_shared<detail::Pages<S>>(static_cast<std::size_t>(n * width));
    for (Index c = 0; c < width; ++c) {
        const S* in = column(c);
        S* out = own->data() + c * n;
        if (place.stored()) {
            std::copy_n(in, n, out);
        } else {
            derivation.apply(derivation.layer, in, out, n);
        }
    }
    const S* data = own->data();
    return LayerValues<S>(data, n, width, n, std::move(own));
}

}  // namespace renn::inline RENN_ABI
// renn/index/measure.hpp - distances between recorded vectors and queries, always the same bits.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// Sums of one pair of vectors, in double and in ascending order, and the distance they make.
struct PairSums {
    double main = 0.0;    ///< of differences, or of products
    double square = 0.0;  ///< of the first vector, for the angle

    template <Metric M>
    void add(double x, double q) noexcept {
        const double difference = x - q;
        if constexpr (M == Metric::l2) main += difference * difference;
        if constexpr (M == Metric::l1) main += std::abs(difference);
        if constexpr (M == Metric::linf) main = std::max(main, std::abs(difference));
        if constexpr (M == Metric::dot || M == Metric::cosine) main += x * q;
        if constexpr (M == Metric::cosine) square += x * x;
    }
    /// `query_square`: the second vector's sum of squares, which a vector and itself must have in common bit by bit.
    double distance(Metric metric, double query_square) const noexcept {
        switch (metric) {
            case Metric::l2:
                return std::sqrt(main);
            case Metric::dot:
                return 0.0 - main;
            case Metric::cosine: {
                if (square == 0.0 || query_square == 0.0) return 1.0;
                const double both = square * query_square;  // its root is exact for a vector and itself
                const double norms =
                    std::isnormal(both) ? std::sqrt(both) : std::sqrt(square) * std::sqrt(query_square);
                return 1.0 - std::clamp(main / norms, -1.0, 1.0);
            }
            default:
                return main;
        }
    }
};

/// Calls f with the metric as a constant.
template <class F>
decltype(auto) with_metric(Metric metric, F&& f) {
    switch (metric) {
        case Metric::l2:
            return f.template operator()<Metric::l2>();
        case Metric::l1:
            return f.template operator()<Metric::l1>();
        case Metric::linf:
            return f.template operator()<Metric::linf>();
        case Metric::cosine:
            return f.template operator()<Metric::cosine>();
        default:
            return f.template operator()<Metric::dot>();
    }
}

/// A sample to be measured against a query.
struct Pair {
    std::uint32_t sample, query;
    bool operator<(const Pair& other) const noexcept {
        return sample != other.sample ? sample < other.sample : query < other.query;
    }
};

/// Appends the distance of every pair to what was measured for its query. Shapes: queries width x queries, squares one
/// a query. Each sum is one chain; several pairs go side by side so that it need not be waited for.
template <class S>
void measure(const LayerValues<S>& values, Metric metric, const BatchView<S>& queries,
             const std::vector<double>& squares, std::span<const Pair> pairs,
             std::vector<std::vector<Measured>>& measured) {
    constexpr std::size_t together = 8;
    with_metric(metric, [&]<Metric M>() {
        for (std::size_t begin = 0; begin < pairs.size(); begin += together) {
            const std::size_t count = std::min(together, pairs.size() - begin);
            PairSums sums[together];
            std::uint32_t sample[together];
            const S* q[together];
            for (std::size_t l = 0; l < together; ++l) {
                const Pair& pair = pairs[begin + std::min(l, count - 1)];  // the last ones are done again
                sample[l] = pair.sample;
                q[l] = queries.col(static_cast<Index>(pair.query)).data();
            }
            for (Index d = 0; d < values.width(); ++d) {
                const S* x = values.column(d);
                for (std::size_t l = 0; l < together; ++l) {
                    sums[l].template add<M>(static_cast<double>(x[sample[l]]), static_cast<double>(q[l][d]));
                }
            }
            for (std::size_t l = 0; l < count; ++l) {
                const Pair& pair = pairs[begin + l];
                measured[pair.query].push_back({sums[l].distance(metric, squares[pair.query]), pair.sample});
            }
        }
    });
}

}  // namespace renn::inline RENN_ABI::detail
// renn/index/vector_index.hpp - what every search by several values can do.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>


namespace renn::inline RENN_ABI {

/// Which samples, given by position, may be found for which query, given by its column; empty: all.
using AdmitsForQuery = std::function<bool(Index query, std::uint32_t sample)>;

/// Finds the samples whose vectors are nearest to a query, one value a dimension: ChannelTree, Flat, Hnsw, or your own.
/// `nearest` returns the k nearest of the samples that may be found, and everything as far as the k-th.
template <class I>
concept VectorIndex = requires(const I& index, std::span<const typename I::Scalar> query, std::int64_t k,
                               const Admits& admits) {
    { index.nearest(query, k, admits) } -> std::same_as<NearestSamples>;
    { index.bytes() } -> std::convertible_to<std::size_t>;
};

/// Every column's nearest samples, on some threads (0: every core); by the index's own nearest_batch where it has one.
template <VectorIndex I>
std::vector<NearestSamples> nearest_batch(const I& index, const BatchView<typename I::Scalar>& queries, std::int64_t k,
                                          const AdmitsForQuery& admits = {}, int threads = 1) {
    if constexpr (requires { index.nearest_batch(queries, k, admits, threads); }) {
        return index.nearest_batch(queries, k, admits, threads);
    } else {
        std::vector<NearestSamples> found(static_cast<std::size_t>(queries.cols()));
        detail::parallel_for(queries.cols(), threads, [&](Index q, int) {
            const std::span query(queries.col(q).data(), static_cast<std::size_t>(queries.rows()));
            Admits one;
            if (admits) one = [&admits, q](std::uint32_t sample) { return admits(q, sample); };
            found[static_cast<std::size_t>(q)] = index.nearest(query, k, one);
        });
        return found;
    }
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// Exact search over the vectors of a layer, in the order (distance, position). Rough distances, by Eigen's product for
/// many queries and by one pass over the values for few, only exclude samples, with a bound on their error; what is
/// left is measured in double, each sum in ascending order. So an answer depends on nothing but values and query: not
/// on threads, not on the other queries; and a recorded vector is at distance exactly 0 from itself (l2, l1, linf; up
/// to overflow also cosine).
///
/// Memory   up to 3 numbers a sample beside the values.
/// Cost     a query: all values once, at the speed of memory; of many: samples x width multiplications each.
/// Threads  const members may run on several threads at once.
template <class S>
class Flat {
public:
    using Scalar = S;
    /// How distances are measured.
    struct Options {
        Metric metric = Metric::l2;
    };

    /// Throws DataError for a value that is not finite, or beyond the root of the largest double.
    explicit Flat(LayerValues<S> values, Options options = {}) : values_(std::move(values)), metric_(options.metric) {
        const Index n = values_.samples(), width = values_.width();
        centre_.assign(static_cast<std::size_t>(width), S(0));
        std::vector<double> squares(static_cast<std::size_t>(n), 0.0), about(squares);
        for (Index c = 0; c < width; ++c) {
            const S* column = values_.column(c);
            double mean = 0.0;
            for (Index i = 0; i < n; ++i) mean += static_cast<double>(column[i]) / static_cast<double>(n);
            if (metric_ == Metric::l2 && std::isfinite(mean))
                centre_[static_cast<std::size_t>(c)] = static_cast<S>(mean);
            const auto centre = static_cast<double>(centre_[static_cast<std::size_t>(c)]);
            for (Index i = 0; i < n; ++i) {
                const auto x = static_cast<double>(column[i]);
                squares[static_cast<std::size_t>(i)] += x * x;
                about[static_cast<std::size_t>(i)] += (x - centre) * (x - centre);
            }
        }
        lift_.resize(n);
        norm_.resize(n);
        if (metric_ == Metric::cosine) scale_.resize(n);
        for (Index i = 0; i < n; ++i) {
            const double square = squares[static_cast<std::size_t>(i)];
            if (!std::isfinite(square)) {
                detail::raise<DataError>("Flat", "values of the sample at position " + std::to_string(i),
                                         "not finite, or too large to be squared", "finite values");
            }
            const double norm = std::sqrt(square);
            lift_[i] = metric_ == Metric::l2
                           ? static_cast<S>(about[static_cast<std::size_t>(i)] / 2 * (1 - static_cast<double>(error())))
                           : S(0);
            norm_[i] = static_cast<S>(norm);
            if (metric_ == Metric::cosine) scale_[i] = norm > 0 ? static_cast<S>(1 / norm) : S(1);
            largest_ = std::max(largest_, norm);
            if (norm > 0) smallest_ = std::min(smallest_, norm);
        }
    }

    Metric metric() const noexcept { return metric_; }
    Index samples() const noexcept { return values_.samples(); }
    Index width() const noexcept { return values_.width(); }
    const LayerValues<S>& values() const noexcept { return values_; }
    std::size_t bytes() const noexcept {
        return static_cast<std::size_t>(lift_.size() + norm_.size() + scale_.size()) * sizeof(S);
    }

    /// The k nearest of the samples that may be found, and everything as far as the k-th. Throws DataError for a
    /// negative k or a query that is not finite, ShapeError for one of another width.
    NearestSamples nearest(std::span<const S> query, std::int64_t k, const Admits& admits = {}, int threads = 1) const {
        const Eigen::Map<const Batch<S>> column(query.data(), static_cast<Index>(query.size()), 1);
        AdmitsForQuery any;
        if (admits) any = [&admits](Index, std::uint32_t sample) { return admits(sample); };
        return std::move(nearest_batch(column, k, any, threads).front());
    }

    /// The same for every column, on some threads (0: every core).
    std::vector<NearestSamples> nearest_batch(const BatchView<S>& queries, std::int64_t k,
                                              const AdmitsForQuery& admits = {}, int threads = 1) const {
        if (queries.rows() != width()) {
            detail::raise<ShapeError>("Flat::nearest", "query", detail::shape_text(queries.rows(), queries.cols()),
                                      detail::shape_text(width(), queries.cols()) + ", the width of the layer");
        }
        if (k < 0) detail::raise<DataError>("Flat::nearest", "k", std::to_string(k), "0 or more");
        std::vector<NearestSamples> found(static_cast<std::size_t>(queries.cols()));
        const Index chunks = (queries.cols() + queries_at_once - 1) / queries_at_once;
        // Many queries are shared out among the threads, few share out the samples.
        threads = detail::thread_count(threads, std::numeric_limits<Index>::max());
        const int inner = chunks >= threads ? 1 : threads;
        detail::parallel_for(chunks, inner > 1 ? 1 : threads, [&](Index chunk, int) {
            const Index first = chunk * queries_at_once, count = std::min(queries_at_once, queries.cols() - first);
            const auto some = queries.middleCols(first, count);
            answer(prepared(some, first), k, some, admits, inner, found.data() + first);
        });
        return found;
    }

private:
    using Shortlist = detail::Shortlist<S>;
    static constexpr Index queries_at_once = 256, rows_at_once = 512;  // their products fill half of a usual L2
    static constexpr Index rows_of_few = 2048;                         // whose sums lie in L1

    /// A bound, relative to the magnitudes that enter it, on all that rounding does to a rough score and to a measured
    /// distance: a sum of d terms in any order errs by at most (d + 2) u / (1 - (d + 2) u) of its terms' magnitudes,
    /// and no more than three such sums meet here.
    S error() const noexcept {
        return S(4) * static_cast<S>(width() + 16) * (std::numeric_limits<S>::epsilon() / S(2));
    }
    /// The same for what is lost to underflow, even where small numbers are taken for zero.
    S lost() const noexcept { return S(4) * static_cast<S>(width() + 16) * std::numeric_limits<S>::min(); }

    /// Some queries made ready. A rough score orders samples as the distance does: half its square, less a constant
    /// (l2, by products), the square (l2), the distance (l1, linf), the negative product with the query, for cosine
    /// with both at length 1.
    struct Chunk {
        Index first;
        bool products;            ///< scores of all queries by one matrix product
        Batch<S> factors;         ///< what values are multiplied by, or subtracted from
        std::vector<S> slope;     ///< error of a score a unit of the sample's norm
        std::vector<S> offset;    ///< error of every score
        std::vector<char> rough;  ///< whether scores can be trusted: nothing overflows
        std::vector<double> square;
    };

    Chunk prepared(const BatchView<S>& queries, Index first) const {
        const Index count = queries.cols();
        const bool differences = metric_ == Metric::l2 || metric_ == Metric::l1 || metric_ == Metric::linf;
        Chunk chunk{
            first, count > 3 && metric_ != Metric::l1 && metric_ != Metric::linf, Batch<S>(width(), count), {}, {}, {},
            {}};
        const auto c = static_cast<double>(error());
        const auto most = static_cast<double>(std::numeric_limits<S>::max()) / 8;
        for (Index q = 0; q < count; ++q) {
            double square = 0.0, about = 0.0;
            for (Index d = 0; d < width(); ++d) {
                const auto x = static_cast<double>(queries(d, q));
                const double moved = x - static_cast<double>(centre_[static_cast<std::size_t>(d)]);
                square += x * x;
                about += moved * moved;
                chunk.factors(d, q) = static_cast<S>(moved);
            }
            if (!std::isfinite(square)) {
                detail::raise<DataError>("Flat::nearest", "query " + std::to_string(first + q),
                                         "values that are not finite, or too large to be squared", "finite values");
            }
            double norm = std::sqrt(about);
            if (metric_ == Metric::cosine && norm > 0) {
                for (Index d = 0; d < width(); ++d) {
                    chunk.factors(d, q) = static_cast<S>(static_cast<double>(queries(d, q)) / norm);
                }
                norm = 1.0;
            }
            if (differences && !chunk.products) {
                chunk.factors.col(q) = queries.col(q);
            } else {
                chunk.factors.col(q) *= S(-1);
            }
            const double reach = largest_ + std::sqrt(square) + norm;
            const bool scaled = metric_ != Metric::cosine || smallest_ > 1 / most;
            chunk.rough.push_back(c < 0.1 && scaled && reach * std::max(reach, static_cast<double>(width())) < most);
            chunk.slope.push_back(static_cast<S>(c * norm));
            chunk.offset.push_back(static_cast<S>(metric_ == Metric::l2 ? c * about / 2 : 0.0) +
                                   lost() * static_cast<S>(1 + norm));
            chunk.square.push_back(square);
        }
        return chunk;
    }

    /// Searches for some queries together, their samples spread over threads.
    void answer(const Chunk& chunk, std::int64_t k, const BatchView<S>& queries, const AdmitsForQuery& admits,
                int threads, NearestSamples* found) const {
        const Index n = samples(), count = queries.cols();
        if (k == 0 || n == 0) return;
        const auto places = static_cast<std::size_t>(std::min<std::int64_t>(k, n));
        const Index parts = std::clamp<Index>(threads, 1, (n + rows_of_few - 1) / rows_of_few);
        const Index part = (n + parts - 1) / parts;
        std::vector<std::vector<Shortlist>> lists(static_cast<std::size_t>(parts));
        detail::parallel_for(parts, threads, [&](Index p, int) {
            auto& own = lists[static_cast<std::size_t>(p)];
            own.assign(static_cast<std::size_t>(count), Shortlist(places));
            scan(chunk, p * part, std::min(n, (p + 1) * part), admits, own);
        });
        std::vector<detail::Pair> pairs;
        std::vector<std::vector<detail::Measured>> measured(static_cast<std::size_t>(count));
        Index settled = 0;
        for (Index q = 0; q < count; ++q) {
            Shortlist& list = lists.front()[static_cast<std::size_t>(q)];
            for (std::size_t p = 1; p < lists.size(); ++p) list.merge(lists[p][static_cast<std::size_t>(q)]);
            list.tighten();
            for (const auto& c : list.candidates()) pairs.push_back({c.sample, static_cast<std::uint32_t>(q)});
            if (pairs.size() < 65536 && q + 1 < count) continue;
            // Neighbours in memory together: what was fetched for one is there for the next.
            std::sort(pairs.begin(), pairs.end());
            detail::measure(values_, metric_, queries, chunk.square, pairs, measured);
            pairs.clear();
            for (; settled <= q; ++settled) {
                found[settled] = detail::nearest_of(measured[static_cast<std::size_t>(settled)], k);
                measured[static_cast<std::size_t>(settled)] = {};
            }
        }
    }

    void scan(const Chunk& chunk, Index begin, Index end, const AdmitsForQuery& admits,
              std::vector<Shortlist>& lists) const {
        const auto count = static_cast<Index>(lists.size());
        const Index step = chunk.products || count > 3 ? rows_at_once : rows_of_few;
        Batch<S> scores(step, count);
        for (Index from = begin; from < end; from += step) {
            const Index rows = std::min(step, end - from);
            const auto norms = norm_.segment(from, rows).array();
            if (chunk.products) {
                for (Index q = 0; q < count; ++q) {
                    const auto at = static_cast<std::size_t>(q);
                    scores.col(q).head(rows) =
                        lift_.segment(from, rows).array() - chunk.slope[at] * norms - chunk.offset[at];
                }
                scores.topRows(rows).noalias() += values_.matrix().middleRows(from, rows) * chunk.factors;
            }
            for (Index q = 0; q < count; ++q) {
                const auto at = static_cast<std::size_t>(q);
                if (!chunk.products) rough_scores(chunk, q, from, rows, scores.col(q).data());
                auto column = scores.col(q).head(rows).array();
                if (metric_ == Metric::cosine) column *= scale_.segment(from, rows).array();
                if (chunk.rough[at] == 0) column.setConstant(-std::numeric_limits<S>::max());
                Shortlist& list = lists[at];
                const auto limit = [&list] { return list.limit(); };
                detail::for_each_up_to(scores.col(q).data(), rows, limit, [&](Index i) {
                    const auto sample = static_cast<std::uint32_t>(from + i);
                    if (admits && !admits(chunk.first + q, sample)) return;
                    const S lower = column[i];
                    list.add({lower, upper(chunk, at, from + i, lower), sample});
                });
            }
        }
    }

    /// Lower bounds of the scores of one query by a pass over the values.
    void rough_scores(const Chunk& chunk, Index q, Index from, Index rows, S* scores) const {
        const S* x = width() > 0 ? values_.column(0) + from : nullptr;
        const S* factors = chunk.factors.col(q).data();
        const auto at = static_cast<std::size_t>(q);
        detail::with_metric(metric_, [&]<Metric M>() {
            constexpr Metric kind = M == Metric::cosine ? Metric::dot : M;
            detail::rough_sums<kind>(x, values_.stride(), rows, factors, width(), scores);
            Eigen::Map<Column<S>> sums(scores, rows);
            if constexpr (kind == Metric::dot) {
                sums.array() -= chunk.slope[at] * norm_.segment(from, rows).array() + chunk.offset[at];
            } else {
                sums.array() = sums.array() * (S(1) - error()) - lost();
            }
        });
    }

    /// What a score with this lower bound cannot be above.
    S upper(const Chunk& chunk, std::size_t q, Index sample, S lower) const {
        if (chunk.rough[q] == 0) return std::numeric_limits<S>::max();
        const bool products = chunk.products || metric_ == Metric::dot || metric_ == Metric::cosine;
        if (!products) return lower + S(3) * (error() * std::abs(lower) + lost());
        const S above = error() * lift_[sample] + chunk.slope[q] * norm_[sample] + chunk.offset[q];
        return lower + S(3) * above * (metric_ == Metric::cosine ? scale_[sample] : S(1));
    }

    LayerValues<S> values_;
    Metric metric_;
    std::vector<S> centre_;   ///< of l2: queries are taken from the mean, so that products stay small
    Column<S> lift_;          ///< of l2: half the squared distance from the centre, less its error
    Column<S> norm_, scale_;  ///< norms; of cosine their reciprocals
    double largest_ = 0.0, smallest_ = std::numeric_limits<double>::max();  ///< norms; the smallest above 0
};

}  // namespace renn::inline RENN_ABI
// renn/io/file_writer.hpp - writes files for good: every call's failure is an error that names file and cause.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>


namespace renn::inline RENN_ABI::detail {

/// What writing asks of a POSIX system. Tests put one in its place whose calls fail.
struct SystemCalls {
    static int open(const char* path, int flags, int mode) { return ::open(path, flags | O_CLOEXEC, mode); }
    static std::ptrdiff_t pwrite(int file, const void* bytes, std::size_t count, std::uint64_t offset) {
        return ::pwrite(file, bytes, count, static_cast<off_t>(offset));
    }
    /// Asks that bytes already written go to the disk while more are made; nothing depends on it.
    static void start_writing([[maybe_unused]] int file, [[maybe_unused]] std::uint64_t offset,
                              [[maybe_unused]] std::uint64_t count) noexcept {
#if defined(__linux__) && defined(SYNC_FILE_RANGE_WRITE)
        static_cast<void>(
            ::sync_file_range(file, static_cast<off_t>(offset), static_cast<off_t>(count), SYNC_FILE_RANGE_WRITE));
#endif
    }
    static int truncate(int file, std::uint64_t length) {
        return ::ftruncate(file, static_cast<off_t>(length));
    }
    static int fsync(int file) {
        return ::fsync(file);
    }
    static int close(int file) {
        return ::close(file);
    }
    static int rename(const char* from, const char* to) {
        return std::rename(from, to);
    }
    static int remove(const char* path) {
        return std::remove(path);
    }
};

[[noreturn]] inline void raise_system(const std::string& path, const char* what, int cause) {
    raise<FormatError>("save: " + path, std::string(what) + ": " + std::generic_category().message(cause));
}

/// A file being written, at its end or anywhere. Move only; without close() it is closed and left as it is.
/// Throws   FormatError `save: path: cannot be written: No space left on device` from every member.
template <class System = SystemCalls>
class FileWriter {
public:
    enum class Start : std::uint8_t { anew, keep };  ///< what there is goes, or stays and is written behind

    explicit FileWriter(std::string path, Start start = Start::anew, System system = {})
        : path_(std::move(path)), system_(std::move(system)) {
        const int flags = O_WRONLY | O_CREAT | (start == Start::anew ? O_TRUNC : 0);
        file_ = system_.open(path_.c_str(), flags, 0666);
        if (file_ < 0) fail("cannot be created");
        struct stat about {};
        if (start == Start::keep && ::fstat(file_, &about) == 0) size_ = static_cast<std::uint64_t>(about.st_size);
    }
    FileWriter(FileWriter&& other) noexcept
        : path_(std::move(other.path_)),
          system_(std::move(other.system_)),
          file_(std::exchange(other.file_, -1)),
          size_(other.size_) {}
    FileWriter& operator=(FileWriter&&) = delete;
    ~FileWriter() {
        if (file_ >= 0) static_cast<void>(system_.close(file_));
    }

    const std::string& path() const noexcept { return path_; }
    /// Where the next write() goes.
    std::uint64_t size() const noexcept { return size_; }

    void write(const void* bytes, std::size_t count) {
        write_at(size_, bytes, count);
        size_ += count;
    }
    void write_at(std::uint64_t offset, const void* bytes, std::size_t count) {
        const char* from = static_cast<const char*>(bytes);
        while (count > 0) {
            const std::ptrdiff_t written = system_.pwrite(file_, from, count, offset);
            if (written < 0 && errno == EINTR) continue;
            if (written == 0) errno = EIO;  // a disk that takes nothing and says nothing
            if (written <= 0) fail("cannot be written");
            from += written;
            count -= static_cast<std::size_t>(written);
            offset += static_cast<std::uint64_t>(written);
        }
    }
    void start_writing(std::uint64_t offset, std::uint64_t count) const noexcept {
        system_.start_writing(file_, offset, count);
    }
    /// Cuts off what is behind `length`.
    void truncate(std::uint64_t length) {
        if (system_.truncate(file_, length) != 0) fail("cannot be cut");
        size_ = length;
    }
    /// Returns when everything is on the disk.
    void sync() {
        while (system_.fsync(file_) != 0) {
            if (errno != EINTR) fail("cannot be brought to the disk");
        }
    }
    void close() {
        const int file = std::exchange(file_, -1);
        if (system_.close(file) != 0 && errno != EINTR) fail("cannot be closed");
    }

private:
    [[noreturn]] void fail(const char* what) const { raise_system(path_, what, errno); }

    std::string path_;
    System system_;
    int file_ = -1;
    std::uint64_t size_ = 0;
};

/// Brings the entries of the folder a file lies in to the disk. Throws FormatError.
template <class System = SystemCalls>
void sync_folder_of(const std::string& path, const System& system = {}) {
    const std::string folder = std::filesystem::absolute(path).parent_path().string();
    const int file = system.open(folder.c_str(), O_RDONLY, 0);
    if (file < 0) raise_system(folder, "folder cannot be opened", errno);
    int done = system.fsync(file);
    while (done != 0 && errno == EINTR) done = system.fsync(file);
    const int cause = errno;
    const int closed = system.close(file);
    if (done != 0 && cause != EINVAL) raise_system(folder, "folder cannot be brought to the disk", cause);
    if (closed != 0 && errno != EINTR) raise_system(folder, "folder cannot be closed", errno);
}

/// Gives a whole, synced file its name, for good. Throws FormatError; the file then keeps its old name.
template <class System = SystemCalls>
void rename_file(const std::string& from, const std::string& to, const System& system = {}) {
    if (system.rename(from.c_str(), to.c_str()) != 0) raise_system(to, "cannot be renamed into place", errno);
    sync_folder_of(to, system);
}

/// Removes a file that did not become whole, unless it is told to keep it.
template <class System = SystemCalls>
class RemoveUnlessKept {
public:
    explicit RemoveUnlessKept(std::string path, System system = {})
        : path_(std::move(path)), system_(std::move(system)) {}
    RemoveUnlessKept(const RemoveUnlessKept&) = delete;
    RemoveUnlessKept& operator=(const RemoveUnlessKept&) = delete;
    ~RemoveUnlessKept() {
        if (!kept_) static_cast<void>(system_.remove(path_.c_str()));
    }
    void keep() noexcept { kept_ = true; }

private:
    std::string path_;
    System system_;
    bool kept_ = false;
};

}  // namespace renn::inline RENN_ABI::detail
// renn/io/import_weights.hpp - weights from and to PyTorch: .safetensors files and folders of .npy files.
//
// To be included by name: it needs the JSON library that comes with cereal.

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

// renn/io/safetensors.hpp - named tensors in the file format that PyTorch users keep weights in.
//
// To be included by name: it needs the JSON library that comes with cereal.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// renn/io/safetensors_header.hpp - the JSON at the front of a .safetensors file.
//
// To be included by name: it needs the JSON library that comes with cereal.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// renn/io/json_library.hpp - the JSON library that comes with cereal (RapidJSON), under one name.
//
// To be included by name, so that renn.hpp does not pay for it. Distributions that take RapidJSON out of cereal give it
// its own namespace back.

#include <cstddef>
#include <string>

#include <cereal/archives/json.hpp>


namespace renn::inline RENN_ABI::detail {

#ifdef CEREAL_RAPIDJSON_NAMESPACE
namespace rapid = CEREAL_RAPIDJSON_NAMESPACE;
#else
namespace rapid = RAPIDJSON_NAMESPACE;
#endif

/// Zeros behind a text, as the library's check of UTF-8 reads the whole of a sequence that the end cuts off.
inline constexpr std::size_t text_margin = 4;

inline bool is_utf8(std::string text) {
    const std::size_t size = text.size();
    text.append(text_margin, '\0');
    rapid::StringStream in(text.c_str());
    rapid::StringBuffer unused;
    while (in.Tell() < size) {
        if (!rapid::UTF8<>::Validate(in, unused)) return false;
    }
    return true;
}

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI::detail {

/// One line of the header. begin and end count from the first byte behind the header.
struct TensorEntry {
    std::string name;
    std::string dtype;
    std::vector<std::uint64_t> shape;
    std::uint64_t begin = 0, end = 0;
};

using TextPairs = std::vector<std::pair<std::string, std::string>>;

/// Takes the header piece by piece and refuses the first that the format does not have, so that neither depth nor
/// nonsense costs memory. What is wrong is in `problem`.
class TensorEntryReader : public rapid::BaseReaderHandler<rapid::UTF8<>, TensorEntryReader> {
public:
    /// Of a header of so many bytes.
    explicit TensorEntryReader(std::size_t bytes) : bytes_(bytes) {}

    std::vector<TensorEntry> take_entries() { return taken(entries_); }
    TextPairs take_metadata() { return taken(metadata_); }

    std::string problem;

    bool Default() { return refuse("has a value of an unexpected type"); }
    bool StartObject() {
        if (++depth_ > 2 || array_ != nullptr) return refuse("has an object where none may be");
        return true;
    }
    bool Key(const char* text, rapid::SizeType size, bool) {
        std::string key(text, size);
        if (depth_ == 1) {
            in_metadata_ = key == "__metadata__";
            if (in_metadata_ && std::exchange(has_metadata_, true)) return refuse("has __metadata__ twice");
            given_.clear();
            return in_metadata_ || append(entries_, {std::move(key), {}, {}, 0, 0});
        }
        if (in_metadata_) {
            given_.clear();
        } else if (key != "dtype" && key != "shape" && key != "data_offsets") {
            return refuse("says \"" + key + "\" of tensor \"" + entries_.back().name + "\", which is not known");
        } else if (std::find(given_.begin(), given_.end(), key) != given_.end()) {
            return refuse("says \"" + key + "\" twice of tensor \"" + entries_.back().name + "\"");
        }
        given_.push_back(std::move(key));
        return true;
    }
    bool String(const char* text, rapid::SizeType size, bool) {
        if (depth_ == 2 && array_ == nullptr && in_metadata_) {
            return append(metadata_, {given_.back(), std::string(text, size)});
        }
        if (depth_ != 2 || array_ != nullptr || given_.back() != "dtype") return Default();
        entries_.back().dtype.assign(text, size);
        return true;
    }
    bool StartArray() {
        if (depth_ != 2 || in_metadata_ || array_ != nullptr) return Default();
        if (given_.back() == "shape") {
            array_ = &entries_.back().shape;
        } else if (given_.back() == "data_offsets") {
            array_ = &offsets_;
        } else {
            return Default();
        }
        return true;
    }
    bool Uint(unsigned value) { return Uint64(value); }
    bool Uint64(std::uint64_t value) {
        constexpr std::size_t most_dimensions = 64;
        if (array_ == nullptr) return Default();
        if (array_->size() == most_dimensions) return refuse("has a tensor of more than 64 dimensions");
        array_->push_back(value);
        return true;
    }
    bool EndArray(rapid::SizeType) {
        array_ = nullptr;
        return true;
    }
    bool EndObject(rapid::SizeType) {
        if (--depth_ == 0 || in_metadata_) return true;
        TensorEntry& entry = entries_.back();
        if (given_.size() != 3 || offsets_.size() != 2) {
            return refuse("does not give dtype, shape and two data_offsets for tensor \"" + entry.name + "\"");
        }
        entry.begin = offsets_[0];
        entry.end = offsets_[1];
        offsets_.clear();
        return true;
    }

private:
    bool refuse(std::string what) {
        problem = std::move(what);
        return false;
    }

    /// What is written in few bytes may take more memory, but in proportion: at most twice the header and a MiB.
    template <class T>
    bool append(std::deque<T>& items, T item) {
        if (items.size() >= (2 * bytes_ + (std::size_t{1} << 20)) / sizeof(T)) return refuse("has too many entries");
        items.push_back(std::move(item));
        return true;
    }

    template <class T>
    static std::vector<T> taken(std::deque<T>& items) {
        return {std::move_iterator(items.begin()), std::move_iterator(items.end())};
    }

    std::size_t bytes_;
    std::deque<TensorEntry> entries_;  // a vector would ask for twice as much as it grows
    std::deque<TextPairs::value_type> metadata_;
    std::vector<std::uint64_t> offsets_;
    std::vector<std::uint64_t>* array_ = nullptr;  // that numbers go to
    std::vector<std::string> given_;               // keys of this tensor so far
    int depth_ = 0;
    bool in_metadata_ = false;
    bool has_metadata_ = false;
};

/// A name that occurs twice, or null.
template <class Pairs, class Name>
const std::string* repeated(const Pairs& items, Name&& name) {
    std::vector<const std::string*> names;
    for (const auto& item : items) names.push_back(&name(item));
    const auto less = [](const std::string* a, const std::string* b) { return *a < *b; };
    std::sort(names.begin(), names.end(), less);
    const auto same = [](const std::string* a, const std::string* b) { return *a == *b; };
    const auto at = std::adjacent_find(names.begin(), names.end(), same);
    return at == names.end() ? nullptr : *at;
}

/// Throws E if a tensor or a key of the metadata occurs twice.
template <class E>
void require_single_names(const std::string& where, const std::vector<TensorEntry>& entries,
                          const TextPairs& metadata) {
    const auto of_entry = [](const TensorEntry& e) -> const std::string& { return e.name; };
    const auto of_pair = [](const auto& p) -> const std::string& { return p.first; };
    if (const std::string* name = repeated(entries, of_entry)) raise<E>(where, "tensor \"" + *name + "\" occurs twice");
    if (const std::string* key = repeated(metadata, of_pair)) raise<E>(where, "metadata \"" + *key + "\" occurs twice");
}

/// Reads a header. Throws FormatError for anything but the format's JSON.
inline std::vector<TensorEntry> parse_safetensors_header(const std::string& where, std::string text,
                                                         TextPairs& metadata) {
    constexpr unsigned flags = rapid::kParseIterativeFlag | rapid::kParseValidateEncodingFlag;
    if (!text.starts_with('{')) raise<FormatError>(where, "not a safetensors file: its header does not begin with {");
    const std::size_t size = text.size();
    text.append(text_margin, '\0');
    TensorEntryReader reader(size);
    rapid::StringStream stream(text.c_str());
    const rapid::ParseResult result = rapid::Reader().Parse<flags>(stream, reader);
    if (!reader.problem.empty()) raise<FormatError>(where, "header " + reader.problem);
    // Behind a zero the parser sees nothing any more.
    if (result.IsError() || stream.Tell() != size) {
        raise<FormatError>(where, "header is not JSON in UTF-8, at byte " +
                                      std::to_string(result.IsError() ? result.Offset() : stream.Tell()));
    }
    std::vector<TensorEntry> entries = reader.take_entries();
    metadata = reader.take_metadata();
    require_single_names<FormatError>(where, entries, metadata);
    return entries;
}

/// Writes a header. Throws DataError for names that occur twice or are not UTF-8.
inline std::string safetensors_header(const std::string& where, const std::vector<TensorEntry>& entries,
                                      const TextPairs& metadata) {
    require_single_names<DataError>(where, entries, metadata);
    rapid::StringBuffer buffer;
    rapid::Writer<rapid::StringBuffer> json(buffer);
    const auto text = [&](const std::string& t) {
        if (!is_utf8(t)) raise<DataError>(where, "a name or text of the metadata is not UTF-8");
        json.String(t.data(), static_cast<rapid::SizeType>(t.size()));
    };
    json.StartObject();
    if (!metadata.empty()) {
        text("__metadata__");
        json.StartObject();
        for (const auto& [key, value] : metadata) text(key), text(value);
        json.EndObject();
    }
    for (const TensorEntry& entry : entries) {
        if (entry.name == "__metadata__") raise<DataError>(where, "a tensor may not be called __metadata__");
        text(entry.name);
        json.StartObject();
        text("dtype");
        text(entry.dtype);
        text("shape");
        json.StartArray();
        for (const std::uint64_t length : entry.shape) json.Uint64(length);
        json.EndArray();
        text("data_offsets");
        json.StartArray();
        json.Uint64(entry.begin);
        json.Uint64(entry.end);
        json.EndArray();
        json.EndObject();
    }
    json.EndObject();
    return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI {

/// A tensor as it lies in the file: little-endian, last dimension fastest.
struct Tensor {
    std::string name;
    std::string dtype;         ///< "F32", "BF16", "I64", ...
    std::vector<Index> shape;  ///< empty: a single number
    std::vector<std::uint8_t> bytes;

    bool operator==(const Tensor&) const = default;
    /// The same as an array whose elements can be read as numbers: values_as(). BF16 becomes float, which holds every
    /// value of it. Throws DataError for elements that are no numbers of C++ (F8_E4M3 and the like).
    NpyArray array() const;
};

/// What a .safetensors file holds.
struct Safetensors {
    std::vector<Tensor> tensors;
    std::vector<std::pair<std::string, std::string>> metadata;
};

namespace detail {

struct TensorType {
    std::string_view name;
    char kind;  ///< as in NpyArray; '-' for what C++ has no type for
    std::size_t bytes;
};
inline constexpr std::array<TensorType, 17> tensor_types{{{"F64", 'f', 8},
                                                          {"F32", 'f', 4},
                                                          {"F16", 'f', 2},
                                                          {"BF16", 'f', 2},
                                                          {"I64", 'i', 8},
                                                          {"I32", 'i', 4},
                                                          {"I16", 'i', 2},
                                                          {"I8", 'i', 1},
                                                          {"U64", 'u', 8},
                                                          {"U32", 'u', 4},
                                                          {"U16", 'u', 2},
                                                          {"U8", 'u', 1},
                                                          {"BOOL", 'b', 1},
                                                          {"C64", '-', 8},
                                                          {"F8_E4M3", '-', 1},
                                                          {"F8_E5M2", '-', 1},
                                                          {"F8_E8M0", '-', 1}}};

/// Null for a type that is not known.
inline const TensorType* tensor_type(std::string_view dtype) {
    for (const TensorType& type : tensor_types) {
        if (type.name == dtype) return &type;
    }
    return nullptr;
}

/// Bytes that a tensor needs. Throws FormatError for an unknown type or a product that no file can have.
inline std::uint64_t tensor_bytes(const std::string& where, const std::string& name, const std::string& dtype,
                                  const std::vector<std::uint64_t>& shape) {
    const TensorType* type = tensor_type(dtype);
    const std::string what = "tensor \"" + name + "\"";
    if (type == nullptr) raise<FormatError>(where, what + ": dtype", dtype, "F64, F32, F16, BF16, I64 and so on");
    const bool none = std::find(shape.begin(), shape.end(), std::uint64_t{0}) != shape.end();
    std::uint64_t product = type->bytes;
    for (const std::uint64_t length : shape) {
        std::uint64_t alone = 1;
        if (!multiply(none ? alone : product, length)) {
            raise<FormatError>(where, what + ": shape is larger than any file");
        }
    }
    return none ? 0 : product;
}

inline std::string shape_text(const std::vector<Index>& shape) {
    std::string text;
    for (const Index length : shape) text += (text.empty() ? "" : " x ") + std::to_string(length);
    return shape.empty() ? "a single number" : text;
}

/// The ranges must cover the data, in some order, without overlap or gap. Returns that order.
inline std::vector<std::size_t> order_of_ranges(const InputFile& file, const std::vector<TensorEntry>& entries,
                                                std::uint64_t data_bytes) {
    std::vector<std::size_t> order(entries.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&entries](std::size_t a, std::size_t b) {
        return std::pair(entries[a].begin, entries[a].end) < std::pair(entries[b].begin, entries[b].end);
    });
    std::uint64_t at = 0;
    for (const std::size_t i : order) {
        const TensorEntry& entry = entries[i];
        const std::string what = "tensor \"" + entry.name + "\"";
        const std::uint64_t needed = tensor_bytes(file.context(), entry.name, entry.dtype, entry.shape);
        if (entry.begin > entry.end || entry.end - entry.begin != needed) {
            file.fail(what + ": data_offsets",
                      "[" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) + "]",
                      std::to_string(needed) + " bytes as dtype and shape say");
        }
        if (entry.end > data_bytes) {
            file.fail("truncated: " + what, "data up to " + std::to_string(data_bytes), std::to_string(entry.end));
        }
        if (entry.begin != at) {
            file.fail(what + (entry.begin < at ? ": overlaps another tensor" : ": a gap before it"),
                      "data from " + std::to_string(entry.begin), std::to_string(at));
        }
        at = entry.end;
    }
    if (at != data_bytes) file.fail("trailing bytes", std::to_string(data_bytes) + " of data", std::to_string(at));
    return order;
}

}  // namespace detail

inline NpyArray Tensor::array() const {
    const detail::TensorType* type = detail::tensor_type(dtype);
    if (type == nullptr || type->kind == '-') {
        detail::raise<DataError>("tensor \"" + name + "\"", "dtype", dtype, "one of floats, integers or bools");
    }
    NpyArray a{shape, type->kind, type->bytes, false, false, bytes};
    if (dtype == "BF16") {  // the upper half of a float
        a.item_size = 4;
        a.bytes.assign(2 * bytes.size(), 0);
        for (std::size_t i = 0; i < bytes.size(); ++i) a.bytes[2 * i + 2 - i % 2] = bytes[i];
    }
    return a;
}

/// Reads a .safetensors file.
/// Throws   FormatError, naming the path, if the file cannot be opened, is truncated, has bytes that belong to no
///          tensor, or a header that is longer than 100 MB or not exactly what the format allows: UTF-8 JSON, each name
///          once, known types, shapes that fit their ranges, ranges without overlap or gap.
/// Cost     one read; nothing is allocated that the file's size does not bear out.
/// Source   huggingface/safetensors, "Format" in its README.
inline Safetensors read_safetensors(const std::string& path) {
    constexpr std::uint64_t most = 100'000'000;
    detail::InputFile file("read_safetensors", path);
    std::array<std::uint8_t, 8> length_bytes{};
    file.read(length_bytes.data(), length_bytes.size());
    std::uint64_t length = 0;
    for (std::size_t i = 8; i-- > 0;) length = length << 8 | length_bytes[i];
    if (length > most) file.fail("header", std::to_string(length) + " bytes", "at most " + std::to_string(most));
    file.require(8 + length);
    std::string text(static_cast<std::size_t>(length), ' ');
    file.read(text.data(), length);

    Safetensors found;
    const std::vector<detail::TensorEntry> entries =
        detail::parse_safetensors_header(file.context(), std::move(text), found.metadata);
    const auto order = detail::order_of_ranges(file, entries, file.size() - 8 - length);
    found.tensors.resize(entries.size());
    for (const std::size_t i : order) {
        const detail::TensorEntry& entry = entries[i];
        Tensor& tensor = found.tensors[i];
        tensor.name = entry.name;
        tensor.dtype = entry.dtype;
        tensor.shape.assign(entry.shape.begin(), entry.shape.end());
        tensor.bytes.resize(static_cast<std::size_t>(entry.end - entry.begin));
        file.read(tensor.bytes.data(), tensor.bytes.size());
    }
    return found;
}

/// Writes a .safetensors file; the data begin at a multiple of 8.
/// Throws   DataError for a name that occurs twice or is not UTF-8, or a tensor whose bytes are not what its type and
///          shape need; FormatError if the file cannot be written.
inline void write_safetensors(const std::string& path, const Safetensors& content) {
    const std::string where = "write_safetensors: " + path;
    std::vector<detail::TensorEntry> entries;
    std::string data;
    for (const Tensor& tensor : content.tensors) {
        const std::vector<std::uint64_t> shape(tensor.shape.begin(), tensor.shape.end());
        const std::uint64_t needed = detail::tensor_bytes(where, tensor.name, tensor.dtype, shape);
        if (needed != tensor.bytes.size()) {
            detail::raise<DataError>(where, "tensor \"" + tensor.name + "\"",
                                     std::to_string(tensor.bytes.size()) + " bytes", std::to_string(needed));
        }
        entries.push_back({tensor.name, tensor.dtype, shape, data.size(), data.size() + needed});
        data.append(tensor.bytes.begin(), tensor.bytes.end());
    }
    std::string header = detail::safetensors_header(where, entries, content.metadata);
    header.resize((header.size() + 7) / 8 * 8, ' ');
    std::string head;
    for (int i = 0; i < 8; ++i) head += static_cast<char>(static_cast<std::uint64_t>(header.size()) >> (8 * i) & 255);
    detail::write_file("write_safetensors", path, head + header, data.data(), data.size());
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// Which tensor belongs to which parameters. By default "dense1/weights" is "dense1.weight", as PyTorch would call it;
/// "dense1.weights" and "dense1/weight" mean the same. So after net.rename(0, "fc1") the tensors "fc1.weight" and
/// "fc1.bias" fit without more.
struct WeightNames {
    /// {{"dense1", "0"}, {"dense2", "body.2"}, {"norm1/scale", "norm.weight"}}: the longest left that is the name of a
    /// parameter, or its leading part, gives way to its right.
    std::vector<std::pair<std::string, std::string>> rename = {};
};

/// Which tensors go where, and which may be left over.
struct ImportOptions {
    std::vector<std::pair<std::string, std::string>> rename = {};  ///< as in WeightNames
    std::vector<std::string> ignore = {};  ///< tensors that nobody takes: their names, or leading parts of them
    bool rounding = false;                 ///< take float64 into a float network, rounded once to nearest
};

namespace detail {

/// One spelling for names that mean the same. In file names '_' may stand for '.'.
inline std::string plain_name(std::string_view name, bool file_name = false) {
    std::string plain(name);
    for (char& c : plain) c = c == '/' || (file_name && c == '_') ? '.' : c;
    if (plain == "weights" || plain.ends_with(".weights")) plain.pop_back();
    return plain;
}

/// Whether `part` is the whole of a plain name or a leading part of it that ends before a '.'.
inline bool leads(std::string_view part, std::string_view name) {
    return name.starts_with(part) && (name.size() == part.size() || name[part.size()] == '.');
}

using Renames = std::vector<std::pair<std::string, std::string>>;

/// Name of a parameter's tensor; notes which rename was used.
inline std::string tensor_name(const std::string& parameter, const Renames& renames, std::vector<char>& used) {
    std::string plain = plain_name(parameter);
    std::size_t best = renames.size(), longest = 0;
    for (std::size_t i = 0; i < renames.size(); ++i) {
        const std::string left = plain_name(renames[i].first);
        if (!leads(left, plain)) continue;
        used[i] = 1;
        if (best < renames.size() && left.size() <= longest) continue;
        best = i;
        longest = left.size();
    }
    if (best == renames.size()) return plain;
    std::string name = plain_name(renames[best].second) + plain.substr(longest);
    return name.starts_with('.') ? name.substr(1) : name;
}

/// Calls f(parameter's name, tensor's name, layer, block). Returns the renames that fit no parameter.
template <class Net, class F>
std::vector<std::string> for_each_tensor(Net& net, const Renames& renames, F&& f) {
    std::vector<char> used(renames.size(), 0);
    for_each_named_block(net, [&](std::string_view path, auto& layer, std::string_view name, auto& block) {
        const std::string parameter = std::string(path) + '/' + std::string(name);
        f(parameter, tensor_name(parameter, renames, used), layer, block);
    });
    std::vector<std::string> unused;
    for (std::size_t i = 0; i < renames.size(); ++i) {
        if (used[i] == 0) unused.push_back(renames[i].first);
    }
    return unused;
}

/// A tensor on its way into a network.
struct NamedArray {
    std::string name, dtype;
    NpyArray array;
    bool taken = false;
};

/// Whether a tensor of this shape is a rows x cols matrix: out x in, or out x (channels x height x width).
inline bool is_matrix(const std::vector<Index>& shape, Index rows, Index cols) {
    if (shape.empty() || shape.front() != rows) return false;
    std::uint64_t product = 1;
    for (std::size_t d = 1; d < shape.size(); ++d) {
        if (!multiply(product, static_cast<std::uint64_t>(shape[d]))) return false;
    }
    return product == static_cast<std::uint64_t>(cols);
}

/// Why an array cannot become a rows x cols block of S; empty if it can.
template <class S>
std::string misfit(const NamedArray& tensor, Index rows, Index cols, bool rounding) {
    if (!is_matrix(tensor.array.shape, rows, cols)) {
        return "shape: got " + shape_text(tensor.array.shape) + ", expected " +
               (cols == 1 ? std::to_string(rows) : shape_text(rows, cols));
    }
    if (tensor.array.kind != 'f' || (tensor.array.item_size > sizeof(S) && !rounding)) {
        return "dtype: got " + tensor.dtype + ", expected " +
               (sizeof(S) == 4
                    ? "F32 or a smaller float" + std::string(tensor.array.kind == 'f' ? " (or .rounding)" : "")
                    : std::string("a float"));
    }
    return {};
}

/// Copies every array to its block, or throws one MismatchError that lists all that does not fit and changes nothing.
template <class Net>
void import_arrays(const std::string& where, Net& net, std::vector<NamedArray> arrays, const ImportOptions& options,
                   bool file_names) {
    using S = typename Net::Scalar;
    std::vector<std::string> problems;
    std::vector<std::vector<S>> values;  // of every block, in order; so nothing can fail once the first is written
    const auto plan = [&](const std::string& parameter, const std::string& name, const auto&, const auto& block) {
        values.emplace_back();
        const std::string wanted = plain_name(name, file_names);
        const auto at = std::find_if(arrays.begin(), arrays.end(),
                                     [&](const NamedArray& a) { return plain_name(a.name, file_names) == wanted; });
        if (at == arrays.end()) {
            problems.push_back(parameter + ": no tensor \"" + name + "\"");
            return;
        }
        at->taken = true;
        std::string problem = misfit<S>(*at, block.rows(), block.cols(), options.rounding);
        try {
            if (problem.empty()) values.back() = at->array.template values_as<S>();
        } catch (const DataError& e) {
            problem = e.what();
        }
        if (!problem.empty()) problems.push_back(parameter + ": tensor \"" + at->name + "\": " + problem);
    };
    for (const std::string& name : for_each_tensor(std::as_const(net), options.rename, plan)) {
        problems.push_back("rename: no parameters \"" + name + "\"");
    }
    for (const NamedArray& a : arrays) {
        const auto ignored = [&](const std::string& part) {
            return leads(plain_name(part, file_names), plain_name(a.name, file_names));
        };
        if (!a.taken && std::none_of(options.ignore.begin(), options.ignore.end(), ignored)) {
            problems.push_back("tensor \"" + a.name + "\": no parameters for it");
        }
    }
    if (!problems.empty()) {
        std::string all = problems.size() == 1 ? "1 mismatch" : std::to_string(problems.size()) + " mismatches";
        all += ':';
        for (const std::string& problem : problems) all += "\n  " + problem;
        raise<MismatchError>(where, all);
    }
    std::size_t number = 0;
    for_each_named_block(net, [&](std::string_view, auto&, std::string_view, auto& block) {
        const S* from = values[number++].data();
        for (Index i = 0; i < block.rows(); ++i) {
            for (Index j = 0; j < block.cols(); ++j) block(i, j) = *from++;
        }
    });
}

/// Calls f(tensor's name, shape, values with the last dimension fastest). A layer whose weights have more than two
/// dimensions elsewhere says which with weights_shape().
template <class Net, class F>
void for_each_exported(const std::string& where, const Net& net, const Renames& renames, F&& f) {
    using S = typename Net::Scalar;
    const auto one = [&](const std::string&, const std::string& name, const auto& layer, const auto& block) {
        using Block = std::remove_cvref_t<decltype(block)>;
        std::vector<S> values;
        for (Index i = 0; i < block.rows(); ++i) {
            for (Index j = 0; j < block.cols(); ++j) values.push_back(block(i, j));
        }
        std::vector<Index> shape{block.rows()};
        if constexpr (Block::ColsAtCompileTime != 1) {
            shape.push_back(block.cols());
            if constexpr (requires { layer.weights_shape(); }) {
                const auto known = layer.weights_shape();
                shape.assign(known.begin(), known.end());
            }
        }
        f(name, shape, values);
    };
    const std::vector<std::string> unused = for_each_tensor(net, renames, one);
    if (!unused.empty()) raise<DataError>(where, "rename: no parameters \"" + unused.front() + "\"");
}

}  // namespace detail

/// import_weights(net, "model.safetensors", {.rename = {{"dense1", "fc1"}}}): takes a PyTorch model's weights, by name.
/// A tensor fits a matrix if its first dimension is the rows and the others make up the columns (a convolution's are
/// out x in x height x width there); one of fewer bits becomes the network's scalar exactly.
///
/// Throws   MismatchError that lists every missing tensor, every one that nobody takes, and every wrong shape or dtype;
///          FormatError as read_safetensors. On any error the network is as before.
template <class Net>
void import_weights(Net& net, const std::string& path, const ImportOptions& options = {}) {
    std::vector<detail::NamedArray> arrays;
    Safetensors file = read_safetensors(path);
    for (Tensor& tensor : file.tensors) {
        const bool number = detail::tensor_type(tensor.dtype)->kind != '-';
        NpyArray array = number ? tensor.array() : NpyArray{tensor.shape, '-', 1, false, false, {}};
        arrays.push_back({std::move(tensor.name), std::move(tensor.dtype), std::move(array)});
    }
    detail::import_arrays("import_weights: " + path, net, std::move(arrays), options, false);
}

/// The same from a folder of .npy files, "dense1.weight.npy" or "dense1_weight.npy": '_' and '.' are not told apart.
/// Throws   as import_weights; FormatError as read_npy, or if the folder cannot be read.
template <class Net>
void import_npy(Net& net, const std::string& folder, const ImportOptions& options = {}) {
    const std::string where = "import_npy: " + folder;
    std::vector<detail::NamedArray> arrays;
    std::error_code problem;
    std::vector<std::filesystem::path> paths;
    for (std::filesystem::directory_iterator at(folder, problem), end; !problem && at != end; at.increment(problem)) {
        if (at->path().extension() == ".npy") paths.push_back(at->path());
    }
    if (problem) detail::raise<FormatError>(where, "cannot be read: " + problem.message());
    std::sort(paths.begin(), paths.end());  // a folder has no order of its own
    for (const auto& path : paths) {
        NpyArray array = read_npy(path.string());
        const char kind = array.kind == 'f' ? 'F' : array.kind == 'i' ? 'I' : array.kind == 'u' ? 'U' : 'B';
        arrays.push_back({path.stem().string(), kind + std::to_string(8 * array.item_size), std::move(array)});
    }
    detail::import_arrays(where, net, std::move(arrays), options, true);
}

/// export_weights(net, "model.safetensors"): what PyTorch loads and import_weights brings back, bit for bit.
/// Throws   DataError if two parameters would get one name or a rename fits none; FormatError if the file cannot be
///          written.
template <class Net>
void export_weights(const Net& net, const std::string& path, const WeightNames& names = {}) {
    using S = typename Net::Scalar;
    static_assert(std::endian::native == std::endian::little, "renn::export_weights: for little-endian machines");
    Safetensors file{{}, {{"format", "pt"}}};
    const auto add = [&file](const std::string& name, const std::vector<Index>& shape, const std::vector<S>& values) {
        std::vector<std::uint8_t> bytes(values.size() * sizeof(S));
        if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
        file.tensors.push_back({name, sizeof(S) == 4 ? "F32" : "F64", shape, std::move(bytes)});
    };
    detail::for_each_exported("export_weights: " + path, net, names.rename, add);
    write_safetensors(path, file);
}

/// One .npy file a parameter into a folder, which is made if need be: "dense1.weight.npy".
/// Throws   as export_weights.
template <class Net>
void export_npy(const Net& net, const std::string& folder, const WeightNames& names = {}) {
    using S = typename Net::Scalar;
    const std::string where = "export_npy: " + folder;
    std::vector<std::string> written;
    std::error_code problem;
    std::filesystem::create_directories(folder, problem);
    if (problem) detail::raise<FormatError>(where, "cannot be made: " + problem.message());
    const auto write = [&](const std::string& name, const std::vector<Index>& shape, const std::vector<S>& values) {
        if (std::find(written.begin(), written.end(), detail::plain_name(name, true)) != written.end()) {
            detail::raise<DataError>(where, "\"" + name + "\" would be written twice");
        }
        written.push_back(detail::plain_name(name, true));
        write_npy((std::filesystem::path(folder) / (name + ".npy")).string(), values, shape);
    };
    detail::for_each_exported(where, net, names.rename, write);
}

}  // namespace renn::inline RENN_ABI
// renn/io/json.hpp - networks, recordings, answers and measures as JSON, for people and other programs.
//
// To be included by name: it needs the JSON library that comes with cereal, and nothing else includes it.

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <ostream>
#include <string>
#include <string_view>
#include <tuple>

// renn/io/json_writer.hpp - valid JSON out of numbers, texts, matrices and your own types.
//
// To be included by name: it needs the JSON library that comes with cereal.

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <Eigen/Core>


namespace renn::inline RENN_ABI {

/// Writes JSON as a tree of calls. Every number has the fewest digits that give its bits again, in its own precision;
/// NaN and infinity, which JSON does not have, are null. In text that is not UTF-8 every byte beyond ASCII becomes
/// U+FFFD. Your own type takes part with a function `write_json(JsonWriter&, const T&)` beside it.
class JsonWriter {
public:
    explicit JsonWriter(std::ostream& out) : stream_(out), json_(stream_) {
        json_.SetIndent(' ', 2);
        json_.SetFormatOptions(detail::rapid::kFormatSingleLineArray);
    }

    void key(std::string_view name) { text(name); }

    /// "name": value
    template <class T>
    JsonWriter& member(std::string_view name, const T& item) {
        key(name);
        value(item);
        return *this;
    }

    /// { what f() writes }
    template <class F>
    void object(F&& f) {
        json_.StartObject();
        f();
        json_.EndObject();
    }

    /// [ the values that f() writes ]
    template <class F>
    void array(F&& f) {
        json_.StartArray();
        f();
        json_.EndArray();
    }

    /// A number, a text, a bool, a vector, a matrix as a list of its rows, or anything that write_json() knows.
    template <class T>
    void value(const T& item) {
        if constexpr (std::same_as<T, bool>) {
            json_.Bool(item);
        } else if constexpr (std::floating_point<T>) {
            number(item);
        } else if constexpr (std::unsigned_integral<T>) {
            json_.Uint64(item);
        } else if constexpr (std::integral<T>) {
            json_.Int64(item);
        } else if constexpr (std::convertible_to<const T&, std::string_view>) {
            text(item);
        } else if constexpr (std::is_base_of_v<Eigen::EigenBase<T>, T>) {
            matrix(item);
        } else if constexpr (requires { std::span(item); }) {
            array([&] {
                for (const auto& each : item) value(each);
            });
        } else {
            write_json(*this, item);
        }
    }

private:
    template <class S>
    void number(S x) {
        char digits[64];
        const auto end = std::to_chars(digits, digits + sizeof digits, x);
        if (std::isfinite(x)) {
            json_.RawValue(digits, static_cast<std::size_t>(end.ptr - digits), detail::rapid::kNumberType);
        } else {
            json_.Null();
        }
    }

    void text(std::string_view t) {
        std::string clean(t);
        if (!detail::is_utf8(clean)) {
            clean.clear();
            for (const char c : t) clean += static_cast<unsigned char>(c) < 128 ? std::string(1, c) : "\xef\xbf\xbd";
        }
        json_.String(clean.data(), static_cast<detail::rapid::SizeType>(clean.size()));
    }

    template <class M>
    void matrix(const M& m) {
        array([&] {
            for (Index i = 0; i < m.rows(); ++i) {
                if constexpr (M::ColsAtCompileTime == 1) {
                    value(m(i, 0));
                } else {
                    array([&] {
                        for (Index j = 0; j < m.cols(); ++j) value(m(i, j));
                    });
                }
            }
        });
    }

    detail::rapid::OStreamWrapper stream_;
    detail::rapid::PrettyWriter<detail::rapid::OStreamWrapper> json_;
};

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

namespace detail {

/// In hexadecimal, as text: most readers of JSON would round such a number.
inline std::string fingerprint_text(std::uint64_t fingerprint) {
    char digits[16];
    char* const end = std::to_chars(digits, digits + sizeof digits, fingerprint, 16).ptr;
    return std::string(static_cast<std::size_t>(digits + sizeof digits - end), '0') + std::string(digits, end);
}

}  // namespace detail

/// id, value, distance.
inline void write_json(JsonWriter& json, const Neighbour& n) {
    json.object([&] { json.member("id", n.id).member("value", n.value).member("distance", n.distance); });
}

/// id, votes, share, label, prediction.
inline void write_json(JsonWriter& json, const Source& s) {
    json.object([&] {
        json.member("id", s.id).member("votes", s.votes).member("share", s.share);
        json.member("label", s.label).member("prediction", s.prediction);
    });
}

/// Everything; the fingerprint in hexadecimal, as text.
inline void write_json(JsonWriter& json, const Provenance& p) {
    json.object([&] {
        json.member("library", p.library).member("index", p.index).member("ties", p.ties).member("k", p.k);
        json.member("fingerprint", detail::fingerprint_text(p.fingerprint));
        json.member("build", p.build).member("same_build", p.same_build);
    });
}

/// One neuron and the samples closest to it.
inline void write_json(JsonWriter& json, const RetraceResult::Neuron& n) {
    json.object([&] {
        json.member("unit", n.unit).member("value", n.found.value).member("votes", n.found.votes);
        json.member("boundary", n.found.boundary).member("closer", n.found.closer);
        json.member("tied", n.found.tied).member("places", n.found.places).member("neighbours", n.found.neighbours);
    });
}

/// One place with its sources and neurons.
inline void write_json(JsonWriter& json, const RetraceResult::Layer& l) {
    json.object([&] {
        json.member("name", l.name).member("kind", kind_name(l.kind)).member("votes", l.votes);
        json.member("evidence", l.evidence).member("sources", l.sources).member("neurons", l.neurons);
    });
}

/// An answer as a value.
inline void write_json(JsonWriter& json, const RetraceResult& r) {
    json.object([&] {
        json.member("prediction", r.prediction).member("outputs", r.outputs).member("class_names", r.class_names);
        json.member("votes", r.votes).member("evidence", r.evidence).member("sources", r.sources);
        json.member("layers", r.layers).member("provenance", r.provenance);
    });
}

/// An answer; as result(answer).
template <class I>
void write_json(JsonWriter& json, const Retrace<I>& answer) {
    write_json(json, result(answer));
}

/// An epoch's measures; null for NaN.
inline void write_json(JsonWriter& json, const Epoch& e) {
    json.object([&] {
        json.member("epoch", e.number).member("loss", e.loss).member("accuracy", e.accuracy);
        json.member("validation_loss", e.validation_loss).member("validation_accuracy", e.validation_accuracy);
        json.member("seconds", e.seconds);
    });
}

/// A training run, epoch by epoch.
inline void write_json(JsonWriter& json, const Training& t) {
    json.object(
        [&] { json.member("epochs", t.epochs).member("cancelled", t.cancelled).member("diverged", t.diverged); });
}

/// loss, accuracy.
inline void write_json(JsonWriter& json, const Evaluation& e) {
    json.object([&] { json.member("loss", e.loss).member("accuracy", e.accuracy); });
}

/// Everything but the inputs.
template <class S>
void write_json(JsonWriter& json, const Dataset<S>& data) {
    const DatasetDescription<S>& more = data.description();
    json.object([&] {
        json.member("samples", data.samples()).member("features", data.features()).member("classes", data.classes());
        json.member("inputs", data.holds_bytes() ? "bytes" : sizeof(S) == 4 ? "float32" : "float64");
        json.key("image");
        json.object([&] {
            json.member("channels", more.image.channels).member("height", more.image.height);
            json.member("width", more.image.width);
        });
        json.member("class_names", more.class_names).member("ids", more.ids).member("labels", more.labels);
        json.member("tags", more.tags).member("targets", more.targets);
    });
}

/// Layers with constants and parameters; weights as a list of rows.
template <Composite Net>
void write_json(JsonWriter& json, const Net& net) {
    const auto layer_of = [&json](std::string_view path, const auto& layer, const auto& parameters) {
        json.object([&] {
            json.member("name", path).member("kind", std::string_view(layer.name));
            if constexpr (requires { layer.describe(); }) json.member("description", layer.describe());
            if constexpr (requires { layer.constants(); }) {
                json.key("constants");
                json.array([&] { std::apply([&json](const auto&... c) { (json.value(c), ...); }, layer.constants()); });
            }
            json.key("parameters");
            json.object([&] {
                detail::for_each_block_named(
                    parameters, [&json](std::string_view name, const auto& block) { json.member(name, block); });
            });
        });
    };
    json.object([&] {
        json.member("description", net.describe()).member("fingerprint", detail::fingerprint_text(fingerprint(net)));
        json.key("layers");
        json.array([&] { for_each_layer(net, layer_of); });
    });
}

/// What was recorded; values, where they are stored, as a list a unit in the order of the ids, or a list for each of a
/// unit's dimensions one after another.
template <class S>
void write_json(JsonWriter& json, const MemoryStore<S>& store) {
    const auto point_of = [&](std::uint32_t p) {
        const Point& point = store.points[p];
        json.object([&] {
            json.member("name", point.name).member("kind", kind_name(point.kind)).member("layer", point.layer);
            json.member("width", point.width).member("units", point.units);
            json.member("dimensions", point.dimensions());
            if (!point.stored()) {
                const Point& source = store.points[static_cast<std::size_t>(point.derived_from)];
                json.member("derived_from", source.name);
                return;
            }
            json.key("values");
            json.array([&] {
                for (std::uint32_t u = 0; u < point.units.size(); ++u) {
                    for (Index d = 0; d < point.dimensions(); ++d) json.value(store.values({p, u}, d));
                }
            });
        });
    };
    json.object([&] {
        json.member("samples", store.samples()).member("build", store.build);
        json.member("fingerprint", detail::fingerprint_text(store.fingerprint));
        json.member("class_names", store.class_names).member("ids", store.ids).member("labels", store.labels);
        json.member("predictions", store.predictions).member("tags", store.tags).member("outputs", store.outputs);
        json.key("points");
        json.array([&] {
            for (std::uint32_t p = 0; p < store.points.size(); ++p) point_of(p);
        });
    });
}

/// The network, if it is renn's own, and what was recorded.
template <class Model, class Store, class Policy>
void write_json(JsonWriter& json, const TracedNetwork<Model, Store, Policy>& traced) {
    json.object([&] {
        if constexpr (requires { write_json(json, traced.network()); }) json.member("network", traced.network());
        json.member("store", traced.store());
    });
}

/// save_json(std::cout, answer): networks (traced or not), recordings, answers, data sets without their inputs,
/// trainings, evaluations, and vectors of any of these.
template <class T>
void save_json(std::ostream& out, const T& item) {
    {
        JsonWriter json(out);
        json.value(item);
    }
    out << '\n';
}

/// save_json("net.json", net). Throws FormatError if the file cannot be written.
template <class T>
void save_json(const std::string& path, const T& item) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    if (!out) detail::raise<FormatError>("save_json: " + path, "cannot be created");
    save_json(out, item);
    out.close();
    if (!out) detail::raise<FormatError>("save_json: " + path, "cannot be written (disk full?)");
}

}  // namespace renn::inline RENN_ABI
// renn/io/mapped_file.hpp - a whole file as memory, read page by page when it is looked at.

#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>


#if __has_include(<sys/mman.h>)
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#endif

namespace renn::inline RENN_ABI::detail {

#if __has_include(<sys/mman.h>)

/// Read only, for any number of threads. A file must not be cut or rewritten in place while it is mapped (the system
/// then ends the program); one that is replaced by rename keeps its old bytes here.
class MappedFile {
public:
    MappedFile() = default;
    /// Throws FormatError `where: path: ...` for a file that cannot be opened, has no size or cannot be mapped.
    MappedFile(const char* where, const std::string& path) {
        const auto fail = [&](const char* what) {
            raise<FormatError>(where + (": " + path),
                               std::string(what) + ": " + std::generic_category().message(errno));
        };
        const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (file < 0) fail("cannot be opened");
        struct Close {
            int file;
            ~Close() { ::close(file); }
        } close{file};
        struct stat about {};
        if (::fstat(file, &about) != 0) fail("has no size");
        if (!S_ISREG(about.st_mode)) raise<FormatError>(where + (": " + path), "not a regular file");
        size_ = static_cast<std::uint64_t>(about.st_size);
        if (size_ == 0) return;
        void* mapped = ::mmap(nullptr, static_cast<std::size_t>(size_), PROT_READ, MAP_SHARED, file, 0);
        if (mapped == MAP_FAILED) {
            size_ = 0;
            fail("cannot be mapped");
        }
        data_ = static_cast<char*>(mapped);
    }
    MappedFile(MappedFile&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    MappedFile& operator=(MappedFile other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~MappedFile() {
        if (data_ != nullptr) ::munmap(data_, static_cast<std::size_t>(size_));
    }

    const char* data() const noexcept { return data_; }
    std::uint64_t size() const noexcept { return size_; }

    /// Brings all of it into memory in one go: 42 scattered pages of a cold file cost twice as much as reading 64 MB.
    void populate() const noexcept {
        if (data_ == nullptr) return;
#ifdef MADV_POPULATE_READ
        if (::madvise(data_, static_cast<std::size_t>(size_), MADV_POPULATE_READ) == 0) return;
#endif
        static_cast<void>(::madvise(data_, static_cast<std::size_t>(size_), MADV_WILLNEED));
    }

private:
    char* data_ = nullptr;
    std::uint64_t size_ = 0;
};

#else

/// Where files cannot be mapped: read as a whole.
class MappedFile {
public:
    MappedFile() = default;
    MappedFile(const char* where, const std::string& path) {
        InputFile file(where, path);
        bytes_ = Pages<char>(static_cast<std::size_t>(file.size()));
        file.read(bytes_.data(), file.size());
    }
    const char* data() const noexcept { return bytes_.data(); }
    std::uint64_t size() const noexcept { return bytes_.size(); }
    void populate() const noexcept {}

private:
    Pages<char> bytes_;
};

#endif

}  // namespace renn::inline RENN_ABI::detail
// renn/io/save_partial.hpp - partial answers as files and in archives, to travel from machine to machine.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

// renn/retrace/partial.hpp - the answer of one shard, or of several merged: enough to merge it with those of others.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// renn/retrace/partial_retrace.hpp - what one shard, or several, say about a query, and how its neurons vote.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>


namespace renn::inline RENN_ABI {

class PartialVotes;

/// What the samples of some shards say about one query. retrace_shard makes it (retrace/shard.hpp), merge unites two
/// (retrace/merge.hpp); merged over all shards it says, bit for bit, what a Retrace over all samples would say. A shard
/// cannot know the boundary of the whole, which is never farther than its own: it hands over all it has up to there.
/// A plain value; the default one is that of no samples at all and merges with any.
/// Memory   24 bytes for each of the k nearest of each neuron, 16 for each sample that is named anywhere. With `share`
///          or `skip_inactive` also 4 for every further member of a neuron's tied group: seldom any before an
///          activation, but half of all samples behind a rectifier.
struct PartialRetrace {
    /// A sample named by some neuron.
    struct Sample {
        std::uint64_t id = 0;
        std::int32_t label = -1;       ///< -1 if none was recorded
        std::int32_t prediction = -1;  ///< the model's own; -1 if it has no outputs

        bool operator==(const Sample&) const = default;
    };
    /// One of the nearest samples of a neuron.
    struct Near {
        std::uint32_t sample = 0;  ///< its place in `held`
        double value = 0.0;        ///< as Neighbour::value
        double distance = 0.0;

        bool operator==(const Near&) const = default;
    };
    /// A neuron that was asked.
    struct Neuron {
        std::uint32_t unit = 0;
        double value = 0.0;               ///< for the query
        bool inactive = false;            ///< skip_inactive makes it abstain
        std::vector<Near> nearest;        ///< the k nearest by (distance, id), or all if there are fewer
        std::uint64_t others = 0;         ///< how many more are as far as the last of these
        std::vector<std::uint32_t> tied;  ///< those, as places in `held`, ascending; empty where they get no votes

        bool operator==(const Neuron&) const = default;
    };
    /// A place that was asked.
    struct Layer {
        std::string name;
        Kind kind = Kind::pre;
        std::vector<Neuron> neurons;

        bool operator==(const Layer&) const = default;
    };
    /// Which samples could be sources; lists ascend.
    struct Restriction {
        std::vector<std::int32_t> classes = {};
        std::vector<std::uint64_t> ids = {};
        std::optional<std::uint64_t> without = {};

        bool operator==(const Restriction&) const = default;
    };

    Provenance provenance;
    Ties ties = Ties::share;
    Restriction restriction;
    std::uint64_t samples = 0;  ///< that the shards recorded, near or far
    std::uint64_t known = 0;    ///< ids named by the restriction that the shards recorded; see unknown_ids
    bool labelled = false;
    std::int32_t classes = 0;
    std::vector<std::string> class_names;
    std::int32_t prediction = -1;  ///< the model's for the query; -1 if it has no outputs
    std::vector<double> outputs;
    std::vector<Sample> held;  ///< ascending ids
    std::vector<Layer> layers;

    bool operator==(const PartialRetrace&) const = default;

    bool empty() const noexcept { return layers.empty(); }

    /// Ids of the restriction that none of the shards recorded: 0 once all shards are merged, if the ids were right. (A
    /// Retrace refuses unknown ids; a shard cannot.)
    std::uint64_t unknown_ids() const noexcept {
        return restriction.ids.size() + (restriction.without ? 1U : 0U) - known;
    }

    /// As the same members of Retrace. Views look at this value, which must outlive them.
    PartialVotes all() const;
    PartialVotes layer(std::size_t number) const;
    PartialVotes layer(std::string_view name) const;
    PartialVotes kind(Kind wanted) const;
    double total() const;
    std::vector<Source> top(std::size_t m) const;
    double votes(std::uint64_t id) const;
    std::vector<double> evidence() const;
    std::int32_t evidence_class() const;
    bool agreement() const { return prediction >= 0 && evidence_class() == prediction; }
    NeuronSources neuron(std::string_view layer_name, std::uint32_t unit) const;
    NeuronSources sources(const Neuron& neuron) const;
};

namespace detail {

/// Whether every member of a neuron's tied group may get a part of a vote.
inline bool shares_ties(Ties ties, const PartialRetrace::Neuron& neuron) noexcept {
    return ties == Ties::share || (ties == Ties::skip_inactive && !neuron.inactive);
}

/// How a neuron's votes are cast, once its nearest samples are known.
struct Standing {
    double boundary = 0.0;
    std::size_t closer = 0, places = 0;
    std::uint64_t tied = 0;
    bool votes = true;
    double share = 1.0;  ///< of each tied sample; 1 where those listed as nearest get whole votes

    Standing(Ties ties, const PartialRetrace::Neuron& neuron) {
        const auto& nearest = neuron.nearest;
        if (!nearest.empty()) boundary = nearest.back().distance;
        const auto at = std::partition_point(nearest.begin(), nearest.end(),
                                             [this](const auto& near) { return near.distance < boundary; });
        closer = static_cast<std::size_t>(at - nearest.begin());
        places = nearest.size() - closer;
        tied = places + neuron.others;
        votes = ties == Ties::strict ? neuron.others == 0 : ties != Ties::skip_inactive || !neuron.inactive;
        if (neuron.others > 0 && ties != Ties::lowest_id) {
            share = static_cast<double>(places) / static_cast<double>(tied);
        }
    }
    bool grouped() const noexcept { return share < 1.0; }
};

}  // namespace detail

}  // namespace renn::inline RENN_ABI
// renn/retrace/partial_votes.hpp - the votes of some neurons of a partial answer.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>


namespace renn::inline RENN_ABI {

/// The votes of some neurons of a partial answer; as Votes, which says what each member gives and how sums run.
class PartialVotes {
public:
    using Neuron = PartialRetrace::Neuron;

    explicit PartialVotes(const PartialRetrace& partial) : partial_(&partial) {}

    void add(const PartialRetrace::Layer& layer) {
        for (const Neuron& neuron : layer.neurons) neurons_.push_back(&neuron);
    }

    std::size_t neurons() const noexcept { return neurons_.size(); }
    bool has_labels() const noexcept { return partial_->labelled; }

    double total() const {
        double sum = 0.0;
        for (const Neuron* neuron : neurons_) {
            if (detail::Standing(partial_->ties, *neuron).votes) sum += static_cast<double>(neuron->nearest.size());
        }
        return sum;
    }

    /// Cost   every held sample and every member of a tied group.
    std::vector<Source> top(std::size_t m) const {
        const auto& held = partial_->held;
        std::vector<double> singles(held.size(), 0.0), shares(held.size(), 0.0);
        count(
            [&](std::uint32_t s) { singles[s] += 1.0; },
            [&](const auto& each_member, double share) { each_member([&](std::uint32_t s) { shares[s] += share; }); });
        std::vector<std::uint32_t> voted;
        for (std::uint32_t s = 0; s < held.size(); ++s) {
            singles[s] += shares[s];
            if (singles[s] > 0.0) voted.push_back(s);
        }
        m = std::min(m, voted.size());
        std::partial_sort(voted.begin(), voted.begin() + static_cast<std::ptrdiff_t>(m), voted.end(),
                          [&](std::uint32_t a, std::uint32_t b) {
                              return singles[a] != singles[b] ? singles[a] > singles[b] : a < b;
                          });
        const double all = total();
        std::vector<Source> sources;
        sources.reserve(m);
        for (std::size_t i = 0; i < m; ++i) {
            const PartialRetrace::Sample& sample = held[voted[i]];
            const double votes = singles[voted[i]];
            sources.push_back({sample.id, votes, all > 0.0 ? votes / all : 0.0, sample.label, sample.prediction});
        }
        return sources;
    }

    /// 0 for a sample that no neuron names, recorded or not. Cost   as top.
    double votes(std::uint64_t id) const {
        const auto& held = partial_->held;
        const auto at = std::lower_bound(held.begin(), held.end(), id,
                                         [](const auto& sample, std::uint64_t wanted) { return sample.id < wanted; });
        if (at == held.end() || at->id != id) return 0.0;
        const auto wanted = static_cast<std::uint32_t>(at - held.begin());
        double singles = 0.0, shares = 0.0;
        count([&](std::uint32_t s) { singles += s == wanted ? 1.0 : 0.0; },
              [&](const auto& each_member, double share) {
                  each_member([&](std::uint32_t s) { shares += s == wanted ? share : 0.0; });
              });
        return singles + shares;
    }

    std::vector<double> evidence() const {
        if (!has_labels()) detail::raise<DataError>("evidence", "labels", "none recorded", "one a sample");
        const auto classes = static_cast<std::size_t>(partial_->classes);
        const auto label = [this](std::uint32_t s) { return static_cast<std::size_t>(partial_->held[s].label); };
        std::vector<double> singles(classes, 0.0), shares(classes, 0.0);
        std::vector<std::uint32_t> members(classes);
        count([&](std::uint32_t s) { singles[label(s)] += 1.0; },
              [&](const auto& each_member, double share) {
                  std::fill(members.begin(), members.end(), 0U);
                  each_member([&](std::uint32_t s) { ++members[label(s)]; });
                  for (std::size_t c = 0; c < classes; ++c) shares[c] += share * static_cast<double>(members[c]);
              });
        const double all = total();
        for (std::size_t c = 0; c < classes; ++c) singles[c] = all > 0.0 ? (singles[c] + shares[c]) / all : 0.0;
        return singles;
    }

    std::int32_t evidence_class() const { return renn::evidence_class(evidence()); }

private:
    /// single(sample) for whole votes, group(each_member, share) for tied groups, in the order of the neurons.
    template <class Single, class Group>
    void count(Single&& single, Group&& group) const {
        for (const Neuron* neuron : neurons_) {
            const detail::Standing standing(partial_->ties, *neuron);
            if (!standing.votes) continue;
            const std::size_t whole = standing.grouped() ? standing.closer : neuron->nearest.size();
            for (std::size_t i = 0; i < whole; ++i) single(neuron->nearest[i].sample);
            if (!standing.grouped()) continue;
            const auto each_member = [&](const auto& f) {
                for (const std::uint32_t s : neuron->tied) f(s);
                for (std::size_t i = whole; i < neuron->nearest.size(); ++i) f(neuron->nearest[i].sample);
            };
            group(each_member, standing.share);
        }
    }

    const PartialRetrace* partial_;
    std::vector<const Neuron*> neurons_;
};

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

inline PartialVotes PartialRetrace::all() const {
    PartialVotes view(*this);
    for (const Layer& layer : layers) view.add(layer);
    return view;
}
inline PartialVotes PartialRetrace::layer(std::size_t number) const {
    if (number >= layers.size()) {
        detail::raise<DataError>("PartialRetrace::layer", "number", std::to_string(number),
                                 "below " + std::to_string(layers.size()));
    }
    PartialVotes view(*this);
    view.add(layers[number]);
    return view;
}
inline PartialVotes PartialRetrace::layer(std::string_view name) const {
    std::string names;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        if (layers[i].name == name) return layer(i);
        names += (names.empty() ? "" : ", ") + layers[i].name;
    }
    detail::raise<DataError>("PartialRetrace::layer", "name", "\"" + std::string(name) + "\"", "one of " + names);
}
inline PartialVotes PartialRetrace::kind(Kind wanted) const {
    PartialVotes view(*this);
    for (const Layer& layer : layers) {
        if (layer.kind == wanted) view.add(layer);
    }
    return view;
}
inline double PartialRetrace::total() const {
    return all().total();
}
inline std::vector<Source> PartialRetrace::top(std::size_t m) const {
    return all().top(m);
}
inline double PartialRetrace::votes(std::uint64_t id) const {
    return all().votes(id);
}
inline std::vector<double> PartialRetrace::evidence() const {
    return all().evidence();
}
inline std::int32_t PartialRetrace::evidence_class() const {
    return all().evidence_class();
}

inline NeuronSources PartialRetrace::sources(const Neuron& neuron) const {
    const detail::Standing standing(ties, neuron);
    NeuronSources found{
        neuron.value,  {}, standing.boundary, standing.closer, static_cast<std::size_t>(standing.tied), standing.places,
        standing.votes};
    for (const Near& near : neuron.nearest) {
        found.neighbours.push_back({held[near.sample].id, near.value, near.distance});
    }
    return found;
}
inline NeuronSources PartialRetrace::neuron(std::string_view layer_name, std::uint32_t unit) const {
    for (const Layer& layer : layers) {
        if (layer.name != layer_name) continue;
        for (const Neuron& neuron : layer.neurons) {
            if (neuron.unit == unit) return sources(neuron);
        }
    }
    detail::raise<DataError>("PartialRetrace::neuron", "unit",
                             "\"" + std::string(layer_name) + "\" " + std::to_string(unit), "a neuron that voted");
}

/// The answer as a value, as result(Retrace) gives it.
inline RetraceResult result(const PartialRetrace& partial, const ResultDetail& how_much = {}) {
    RetraceResult taken;
    taken.provenance = partial.provenance;
    taken.prediction = partial.prediction;
    taken.outputs = partial.outputs;
    taken.class_names = partial.class_names;
    detail::take_votes(partial.all(), how_much.sources, taken);
    for (std::size_t i = 0; i < partial.layers.size(); ++i) {
        const PartialRetrace::Layer& from = partial.layers[i];
        RetraceResult::Layer& layer = taken.layers.emplace_back();
        layer.name = from.name;
        layer.kind = from.kind;
        detail::take_votes(partial.layer(i), how_much.layer_sources, layer);
        if (!how_much.neurons) continue;
        for (const auto& neuron : from.neurons) layer.neurons.push_back({neuron.unit, partial.sources(neuron)});
    }
    return taken;
}

}  // namespace renn::inline RENN_ABI
// renn/retrace/sample_set.hpp - a set of samples, one bit each, that numbers its members.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// Positions 0..n-1, some of them members. Cost   an insertion O(1), everything that looks at all O(n / 64).
class SampleSet {
public:
    explicit SampleSet(std::size_t n) : words_((n + 63) / 64, 0) {}
    explicit SampleSet(std::vector<std::uint64_t> words) : words_(std::move(words)) {}

    void insert(std::uint32_t i) noexcept { words_[i / 64] |= std::uint64_t{1} << (i % 64); }
    std::span<const std::uint64_t> words() const noexcept { return words_; }

    std::size_t size() const noexcept {
        std::size_t count = 0;
        for (const std::uint64_t word : words_) count += static_cast<std::size_t>(std::popcount(word));
        return count;
    }

    /// Members in ascending order.
    template <class F>
    void for_each(F&& f) const {
        for (std::size_t w = 0; w < words_.size(); ++w) {
            for (std::uint64_t rest = words_[w]; rest != 0; rest &= rest - 1) {
                f(static_cast<std::uint32_t>(w * 64 + static_cast<std::size_t>(std::countr_zero(rest))));
            }
        }
    }

    /// To be called once all members are there; number(i) is then how many members are below i.
    void count() {
        before_.resize(words_.size());
        std::uint32_t sum = 0;
        for (std::size_t w = 0; w < words_.size(); ++w) {
            before_[w] = sum;
            sum += static_cast<std::uint32_t>(std::popcount(words_[w]));
        }
    }
    std::uint32_t number(std::uint32_t i) const noexcept {
        const std::uint64_t below = words_[i / 64] & ((std::uint64_t{1} << (i % 64)) - 1);
        return before_[i / 64] + static_cast<std::uint32_t>(std::popcount(below));
    }

private:
    std::vector<std::uint64_t> words_;
    std::vector<std::uint32_t> before_;  ///< members in all words before each
};

/// Sorts numbers below n, all different; many of them through a set.
inline void sort_samples(std::vector<std::uint32_t>& samples, std::size_t n) {
    if (std::is_sorted(samples.begin(), samples.end())) return;
    if (samples.size() < n / 64) return std::sort(samples.begin(), samples.end());
    SampleSet set(n);
    for (const std::uint32_t s : samples) set.insert(s);
    samples.clear();
    set.for_each([&samples](std::uint32_t s) { samples.push_back(s); });
}

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI {
namespace detail {

/// A tied group takes one bit a held sample where that is less than a number for each of its own.
inline bool as_bits(std::uint64_t tied, std::size_t held) noexcept {
    return tied > held / 32;
}

template <class A>
void put_tied(A& ar, const std::vector<std::uint32_t>& tied, std::size_t held) {
    if (!as_bits(tied.size(), held)) return put_block(ar, tied.data(), tied.size());
    SampleSet set(held);
    for (const std::uint32_t s : tied) set.insert(s);
    put_block(ar, set.words().data(), set.words().size());
}
template <class A>
void get_tied(A& ar, std::vector<std::uint32_t>& tied, std::uint64_t count, std::size_t held, const Limit& limit) {
    if (!as_bits(count, held)) {
        limit.require(count, sizeof(std::uint32_t));
        tied.resize(static_cast<std::size_t>(count));
        return get_block(ar, tied.data(), tied.size());
    }
    std::vector<std::uint64_t> words((held + 63) / 64);
    get_block(ar, words.data(), words.size());
    const SampleSet set(std::move(words));
    tied.reserve(std::min(set.size(), held));
    set.for_each([&tied](std::uint32_t s) { tied.push_back(s); });
}

inline void check_partial(const PartialRetrace& partial) {
    const auto require = [](bool fine, const std::string& what) {
        if (!fine) raise<FormatError>("partial answer", what, "an impossible value", "one as taken from an answer");
    };
    const auto ascend = [](const auto& values) {
        return std::adjacent_find(values.begin(), values.end(), std::greater_equal<>()) == values.end();
    };
    const auto& held = partial.held;
    const std::int64_t k = partial.provenance.k;
    if (partial.empty()) return require(partial == PartialRetrace{}, "one without layers");
    require(partial.ties <= Ties::lowest_id && ties_name(partial.ties) == partial.provenance.ties, "tie policy");
    require(k >= 0, "k");
    require(ascend(partial.restriction.classes) && ascend(partial.restriction.ids), "restriction");
    require(partial.known <= partial.restriction.ids.size() + (partial.restriction.without ? 1U : 0U), "known ids");
    require(partial.classes >= 0 && partial.prediction >= -1, "classes");
    require(held.size() <= partial.samples && held.size() < std::numeric_limits<std::uint32_t>::max(), "samples");
    SampleSet named(held.size());
    for (std::size_t s = 0; s < held.size(); ++s) {
        require(s == 0 || held[s - 1].id < held[s].id, "ids");
        require(partial.labelled ? held[s].label >= 0 && held[s].label < partial.classes : held[s].label == -1,
                "label");
        require(held[s].prediction >= -1, "prediction");
    }
    std::size_t sources = 0;  // every neuron names as many
    for (const auto& layer : partial.layers) {
        require(!layer.neurons.empty(), "number of neurons of " + layer.name);
        for (std::size_t u = 0; u < layer.neurons.size(); ++u) {
            const auto& neuron = layer.neurons[u];
            const auto& nearest = neuron.nearest;
            if (&layer == &partial.layers.front() && u == 0) sources = nearest.size();
            bool fine = (u == 0 || layer.neurons[u - 1].unit < neuron.unit) && std::isfinite(neuron.value);
            fine = fine && (!neuron.inactive || partial.ties == Ties::skip_inactive);
            fine = fine && nearest.size() == sources && std::cmp_less_equal(nearest.size(), k);
            for (std::size_t i = 0; fine && i < nearest.size(); ++i) {
                const auto& near = nearest[i];
                fine = near.sample < held.size() && std::isfinite(near.value) && std::isfinite(near.distance) &&
                       near.distance >= 0.0;
                fine = fine && (i == 0 || std::pair(nearest[i - 1].distance, nearest[i - 1].sample) <
                                              std::pair(near.distance, near.sample));
                fine = fine && !std::binary_search(neuron.tied.begin(), neuron.tied.end(), near.sample);
                if (fine) named.insert(near.sample);
            }
            // More are as far as the last only where all k places are taken; those that share votes have higher ids.
            fine = fine && neuron.others <= partial.samples - nearest.size();
            fine = fine && (neuron.others == 0 || (std::cmp_equal(nearest.size(), k) && k > 0));
            fine = fine && neuron.tied.size() == (shares_ties(partial.ties, neuron) ? neuron.others : 0U);
            fine = fine && (neuron.tied.empty() || (nearest.back().sample < neuron.tied.front() &&
                                                    neuron.tied.back() < held.size() && ascend(neuron.tied)));
            require(fine, "unit " + std::to_string(neuron.unit) + " of " + layer.name);
            for (const std::uint32_t s : neuron.tied) named.insert(s);
        }
    }
    require(named.size() == held.size(), "samples that no neuron names");
}

}  // namespace detail

/// Writes a partial answer to any cereal output archive.
template <class A, std::same_as<PartialRetrace> T>  // a template costs nothing where nobody calls it
void put(A& ar, const T& partial) {
    put(ar, partial.provenance);
    detail::put(ar, static_cast<std::uint8_t>(partial.ties));
    detail::put(ar, partial.restriction.classes);
    detail::put(ar, partial.restriction.ids);
    detail::put(ar, static_cast<std::uint8_t>(partial.restriction.without.has_value()));
    detail::put(ar, partial.restriction.without.value_or(0));
    detail::put(ar, partial.samples);
    detail::put(ar, partial.known);
    detail::put(ar, partial.labelled);
    detail::put(ar, partial.classes);
    detail::put(ar, partial.class_names);
    detail::put(ar, partial.prediction);
    detail::put(ar, partial.outputs);
    detail::put(ar, static_cast<std::uint64_t>(partial.held.size()));
    for (const auto& sample : partial.held) {
        detail::put(ar, sample.id);
        detail::put(ar, sample.label);
        detail::put(ar, sample.prediction);
    }
    detail::put(ar, static_cast<std::uint64_t>(partial.layers.size()));
    for (const auto& layer : partial.layers) {
        detail::put(ar, layer.name);
        detail::put(ar, static_cast<std::uint8_t>(layer.kind));
        detail::put(ar, static_cast<std::uint64_t>(layer.neurons.size()));
        for (const auto& neuron : layer.neurons) {
            detail::put(ar, neuron.unit);
            detail::put(ar, neuron.value);
            detail::put(ar, neuron.inactive);
            detail::put(ar, static_cast<std::uint64_t>(neuron.nearest.size()));
            for (const auto& near : neuron.nearest) {
                detail::put(ar, near.sample);
                detail::put(ar, near.value);
                detail::put(ar, near.distance);
            }
            detail::put(ar, neuron.others);
            if (!neuron.tied.empty()) detail::put_tied(ar, neuron.tied, partial.held.size());
        }
    }
}

/// Reads one. Throws FormatError for anything that no shard could have said: nothing that is read is believed.
template <class A, std::same_as<PartialRetrace> T>
void get(A& ar, T& partial, const detail::Limit& limit = {}) {
    const auto read = [&](auto& value) { detail::get(ar, value, limit); };
    const auto one = [&](auto value) {
        read(value);
        return value;
    };
    const auto length = [&](std::uint64_t bytes_each, std::uint64_t object = 0) {
        const auto count = one(std::uint64_t{});
        limit.require(count, bytes_each, object);
        return static_cast<std::size_t>(count);
    };
    partial = {};
    get(ar, partial.provenance, limit);
    partial.ties = static_cast<Ties>(one(std::uint8_t{}));
    read(partial.restriction.classes);
    read(partial.restriction.ids);
    const bool without = one(std::uint8_t{}) != 0;
    const auto left_out = one(std::uint64_t{});
    if (without) partial.restriction.without = left_out;
    read(partial.samples);
    read(partial.known);
    read(partial.labelled);
    read(partial.classes);
    read(partial.class_names);
    read(partial.prediction);
    read(partial.outputs);
    partial.held.resize(length(sizeof(PartialRetrace::Sample)));
    for (auto& sample : partial.held) {
        read(sample.id);
        read(sample.label);
        read(sample.prediction);
    }
    // Lengths of records are held against the least that one takes.
    partial.layers.resize(length(17, sizeof(PartialRetrace::Layer)));
    for (auto& layer : partial.layers) {
        read(layer.name);
        layer.kind = one(std::uint8_t{}) == 0 ? Kind::pre : Kind::post;
        layer.neurons.resize(length(29));
        for (auto& neuron : layer.neurons) {
            read(neuron.unit);
            read(neuron.value);
            read(neuron.inactive);
            neuron.nearest.resize(length(20));
            for (auto& near : neuron.nearest) {
                read(near.sample);
                read(near.value);
                read(near.distance);
            }
            read(neuron.others);
            if (neuron.others > 0 && detail::shares_ties(partial.ties, neuron)) {
                detail::get_tied(ar, neuron.tied, neuron.others, partial.held.size(), limit);
            }
        }
    }
    detail::check_partial(partial);
}

/// save("shard3.renn", partial): appears whole or not at all. Throws FormatError if the file cannot be written.
template <std::same_as<PartialRetrace> T>
void save(const std::string& path, const T& partial) {
    detail::write_archive(path, "partial", sizeof(double), [&](auto& ar) { put(ar, partial); });
}

/// auto partial = load<PartialRetrace>("shard3.renn"): what was saved, bit for bit.
/// Throws   FormatError for a file that is foreign, truncated, damaged, newer or of other content.
template <std::same_as<PartialRetrace> T>
T load(const std::string& path) {
    T partial;
    detail::read_frame(path, "partial", sizeof(double),
                       [&](auto& ar, const detail::Limit& limit) { get(ar, partial, limit); });
    return partial;
}

}  // namespace renn::inline RENN_ABI
// renn/network/mask.hpp - switches units of a network off, without touching its weights.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {

/// Units of one place that are held at fixed values.
struct MaskedUnits {
    std::string layer;  ///< path of a layer: "relu1", "residual1/dense2"; of foreign code, a probe's name
    std::vector<std::uint32_t> units;  ///< rows of the layer's output, each once
    std::vector<double> values = {};   ///< what they are held at, one a unit; left out: 0
    Index positions = 1;               ///< values a unit has: of an image's channels, height x width of the image
};

/// Units held at 0 or other values, whatever the network computes for them; empty: none.
using Mask = std::vector<MaskedUnits>;

/// "relu1: 3, 17 = 0.25": every unit of a mask, with its value where that is not 0.
inline std::string describe(const Mask& mask) {
    std::string text;
    for (const MaskedUnits& place : mask) {
        text += (text.empty() ? "" : "; ") + place.layer + ":";
        for (std::size_t i = 0; i < place.units.size(); ++i) {
            text += (i == 0 ? " " : ", ") + std::to_string(place.units[i]);
            if (place.values.empty() || place.values[i] == 0.0) continue;
            char digits[40];
            const auto end = std::to_chars(digits, digits + sizeof digits, place.values[i]);
            text += " = " + std::string(digits, end.ptr);
        }
        if (place.positions != 1) text += " (of " + std::to_string(place.positions) + " values each)";
    }
    return text;
}

namespace detail {

/// Throws DataError for what no network can fit: values that are not finite or too few, units named twice.
inline void check_mask(const Mask& mask) {
    for (std::size_t p = 0; p < mask.size(); ++p) {
        const MaskedUnits& place = mask[p];
        const std::string what = "units of \"" + place.layer + "\"";
        if (!place.values.empty() && place.values.size() != place.units.size()) {
            raise<DataError>("mask", "values for " + what, std::to_string(place.values.size()),
                             std::to_string(place.units.size()) + ", one a unit, or none");
        }
        if (place.positions < 1) raise<DataError>("mask", "positions", std::to_string(place.positions), "1 or more");
        for (const double value : place.values) {
            if (!std::isfinite(value))
                raise<DataError>("mask", "value for " + what, "one that is not finite", "finite");
        }
        std::vector<std::uint32_t> all;
        for (std::size_t q = 0; q <= p; ++q) {
            if (mask[q].layer == place.layer) all.insert(all.end(), mask[q].units.begin(), mask[q].units.end());
        }
        std::sort(all.begin(), all.end());
        const auto twice = std::adjacent_find(all.begin(), all.end());
        if (twice != all.end()) raise<DataError>("mask", what, std::to_string(*twice) + " twice", "each unit once");
    }
}

/// Writes a place's values over those in y. Throws DataError for a unit that y does not have.
template <class S>
void hold(const MaskedUnits& place, Batch<S>& y) {
    for (std::size_t i = 0; i < place.units.size(); ++i) {
        const Index unit = place.units[i], units = y.rows() / place.positions;
        if (unit >= units || y.rows() % place.positions != 0) {
            raise<DataError>("mask", "unit of \"" + place.layer + "\"", std::to_string(unit),
                             "below " + std::to_string(units) + ", as it has " + std::to_string(y.rows()) + " values" +
                                 (place.positions == 1 ? "" : " of " + std::to_string(place.positions) + " a unit"));
        }
        const S value = place.values.empty() ? S(0) : static_cast<S>(place.values[i]);
        y.middleRows(unit * place.positions, place.positions).setConstant(value);
    }
}

/// What stands between a walk and whoever watches it: holds the masked units, and hands everything on.
template <class V>
class MaskVisitor {
public:
    /// `inside`: length of the path at which the masked network stands, with its slash.
    MaskVisitor(const Mask& mask, V& visitor, std::size_t inside) : mask_(mask), visitor_(visitor), inside_(inside) {}

    template <class S>
    bool edit(std::string_view path, Batch<S>& y) {
        bool edited = false;
        for (const MaskedUnits& place : mask_) {
            if (path.substr(inside_) != place.layer) continue;
            hold(place, y);
            edited = true;
        }
        if constexpr (ForwardEditor<V, S>) edited = visitor_.edit(path, y) || edited;
        return edited;
    }
    void visit(const auto& step) { visitor_.visit(step); }

private:
    const Mask& mask_;
    V& visitor_;
    std::size_t inside_;
};

template <class Net, class W>
void collect_paths(const Net& net, const W& parameters, const std::string& at, std::vector<std::string>& paths) {
    Net::for_each_child(net, parameters, [&](const std::string& name, const auto& layer, const auto& weights) {
        if constexpr (Composite<std::remove_cvref_t<decltype(layer)>>) {
            collect_paths(layer, weights, at + name + "/", paths);
        }
        if (Net::wiring != Wiring::side_by_side) paths.push_back(at + name);
    });
}

[[noreturn]] inline void raise_no_place(const std::string& layer, const std::vector<std::string>& paths) {
    std::string known;
    for (const std::string& path : paths) known += (known.empty() ? "" : ", ") + path;
    raise<DataError>("mask", "layer", "\"" + layer + "\"", "one of " + known);
}

/// Whether a network's walk may begin at a later layer.
template <class Net>
concept WalksFrom = Composite<Net> &&
    requires(const Net& net, const BatchView<typename Net::Scalar>& x, Batch<typename Net::Scalar>& y,
             typename Net::Cache& cache, NoVisit& visitor, Path& path) {
    net.walk(net.parameters(), x, y, cache, Pass{}, visitor, path, std::size_t{});
};

/// Throws DataError for a place or unit that the network does not have.
template <class Net>
void check_mask(const Net& net, const Mask& mask) {
    check_mask(mask);
    std::vector<std::string> paths;
    collect_paths(net, net.parameters(), "", paths);
    for (const MaskedUnits& place : mask) {
        if (std::find(paths.begin(), paths.end(), place.layer) == paths.end()) raise_no_place(place.layer, paths);
    }
    if (mask.empty() || net.in_features() == Dynamic) return;
    using S = typename Net::Scalar;
    const Batch<S> any = Batch<S>::Zero(net.in_features(), 1);
    Workspace<Net> workspace;
    Path path;
    NoVisit none;
    MaskVisitor<NoVisit> held(mask, none, 0);
    net.walk(net.parameters(), any, workspace.output, workspace.cache, Pass{}, held, path);
}

}  // namespace detail

/// A network some of whose units are held at fixed values: 0, or their mean (mean ablation). It stands wherever a
/// network does in evaluation (predict, evaluate, activations, trace, another network) and is told apart by its
/// fingerprint; with an empty mask it is the network, bit for bit and by fingerprint. The weights stay as they are:
/// network() is the network unchanged. It has no reverse walk.
///
///     renn::evaluate(renn::masked(net, {{.layer = "relu1", .units = {3, 17}}}), test)
///
/// Throws   DataError for a layer or unit that the network does not have, a unit named twice, or a value that is not
///          finite, naming it: units when the mask is set if the network knows its input's width, else in the first
///          pass.
/// Cost     setting a mask, a forward pass of one sample; a pass, writing the values held.
/// Threads  const members may run on several threads at once, each with its own Workspace.
template <Composite Net>
class Masked {
public:
    using Scalar = typename Net::Scalar;
    using Parameters = typename Net::Parameters;
    using Cache = typename Net::Cache;
    static constexpr std::string_view name = "Masked";
    static constexpr Wiring wiring = Net::wiring;

    explicit Masked(Net net, Mask mask = {}) : net_(std::move(net)) { set_mask(std::move(mask)); }

    const Net& network() const noexcept { return net_; }
    const Mask& mask() const noexcept { return mask_; }

    /// Another mask in place of this one. If it is refused, nothing has changed.
    void set_mask(Mask mask) {
        detail::check_mask(net_, mask);
        mask_ = std::move(mask);
    }

    const Parameters& parameters() const noexcept { return net_.parameters(); }
    Index in_features() const noexcept { return net_.in_features(); }
    Index out_features() const noexcept { return net_.out_features(); }
    bool mixes_samples() const noexcept { return net_.mixes_samples(); }
    void check_sizes() const { net_.check_sizes(); }
    const auto& names() const noexcept { return net_.names(); }
    /// Names a mask, so that a file of the weights is not taken for the network that was masked.
    std::string kinds() const { return mask_.empty() ? net_.kinds() : std::string(name) + net_.kinds(); }
    std::string describe() const {
        return mask_.empty() ? net_.describe() : net_.describe() + " without " + renn::describe(mask_);
    }

    /// As LayerSequence::forward; the visitor sees the values held.
    template <class V = NoVisit>
    const Batch<Scalar>& forward(const BatchView<Scalar>& x, Workspace<Masked>& workspace, const Pass& pass = {},
                                 V&& visitor = {}) const {
        detail::Path path;
        walk(net_.parameters(), x, workspace.output, workspace.cache, pass, visitor, path);
        return workspace.output;
    }

    /// As forward, with a workspace of its own and only the output returned.
    Batch<Scalar> predict(const BatchView<Scalar>& x) const {
        Workspace<Masked> workspace;
        forward(x, workspace);
        return std::move(workspace.output);
    }

    void forward(const Parameters& w, const BatchView<Scalar>& x, Batch<Scalar>& y, Cache& cache,
                 const Pass& pass) const {
        detail::Path path;
        NoVisit none;
        walk(w, x, y, cache, pass, none, path);
    }

    /// The network's walk; `first`, where that has it, is the layer to begin at.
    template <class V, std::same_as<std::size_t>... First>
        requires(sizeof...(First) == 0 || detail::WalksFrom<Net>)
    void walk(const Parameters& w, const BatchView<Scalar>& x, Batch<Scalar>& y, Cache& cache, const Pass& pass,
              V& visitor, detail::Path& path, First... first) const {
        const std::size_t depth = path.view().size();
        detail::MaskVisitor<V> held(mask_, visitor, depth == 0 ? 0 : depth + 1);
        net_.walk(w, x, y, cache, pass, held, path, first...);
    }

    template <class Self, class P, class F>
    static void for_each_child(Self& self, P& parameters, F&& f) {
        Net::for_each_child(self.net_, parameters, f);
    }

private:
    Net net_;
    Mask mask_;
};

/// A network with some units switched off. See Masked.
template <Composite Net>
Masked<Net> masked(Net net, Mask mask) {
    return Masked<Net>(std::move(net), std::move(mask));
}

}  // namespace renn::inline RENN_ABI
// renn/network/receptive_field.hpp - which part of the input image a neuron of a convolution can see.

#include <algorithm>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>


namespace renn::inline RENN_ABI {

namespace detail {

/// Rows or columns [begin, end); empty where begin is not below end.
struct Span {
    Index begin = 0, end = 0;

    void unite(const Span& other) noexcept {
        if (other.begin >= other.end) return;
        if (begin >= end) {
            *this = other;
        } else {
            *this = {std::min(begin, other.begin), std::max(end, other.end)};
        }
    }
};

/// What each position along one axis of a layer sees of the input. Kept position by position: at borders a stride may
/// leave out rows of the layer below, and branches may go at different paces, which no start and step describe.
struct Sight {
    std::vector<Span> at;

    static Sight of_input(Index size) {
        Sight sight;
        for (Index i = 0; i < size; ++i) sight.at.push_back({i, i + 1});
        return sight;
    }
    Index size() const noexcept { return std::ssize(at); }

    /// From here on every one of `size` positions sees what all see together.
    void mix(Index size) {
        Span all;
        for (const Span& s : at) all.unite(s);
        at.assign(static_cast<std::size_t>(size), all);
    }
    void slide(Index size, Index kernel, Index stride, Index padding, Index dilation) {
        std::vector<Span> out(static_cast<std::size_t>(size));
        for (Index i = 0; i < size; ++i) {
            for (Index tap = 0; tap < kernel; ++tap) {
                const Index from = i * stride - padding + tap * dilation;
                if (from < 0 || from >= this->size()) continue;
                out[static_cast<std::size_t>(i)].unite(at[static_cast<std::size_t>(from)]);
            }
        }
        at = std::move(out);
    }
    /// What branches that are summed or stacked see together.
    void unite(const Sight& other) {
        for (std::size_t i = 0; i < at.size(); ++i) at[i].unite(other.at[i]);
    }
};

struct Field {
    Sight rows, columns;

    void mix(Index height, Index width) {
        rows.mix(height);
        columns.mix(width);
    }
    /// Values that are read as an image of another size no longer lie where they lay.
    void fit(const Shape& shape) {
        if (rows.size() != shape.height || columns.size() != shape.width) mix(shape.height, shape.width);
    }

    template <class L>
    void pass(const L& layer) {
        if constexpr (requires { layer.window(); }) {
            fit(layer.input_shape());
            const auto& w = layer.window();
            const Shape out = layer.output_shape();
            rows.slide(out.height, w.kernel.height, w.stride.height, w.padding.height, w.dilation.height);
            columns.slide(out.width, w.kernel.width, w.stride.width, w.padding.width, w.dilation.width);
        } else if constexpr (requires { layer.output_shape(); }) {
            const Shape in = layer.input_shape(), out = layer.output_shape();
            if (in.positions() != out.positions()) {
                mix(out.height, out.width);
            } else if (in.positions() > 1) {  // else value by value, whatever their shape
                fit(in);
            }
        } else if constexpr (requires { layer.out_features(); }) {
            mix(1, 1);
        } else if constexpr (requires { requires L::is_activation; }) {
            using S = typename L::Scalar;
            constexpr bool elementwise = requires(const S* in, S* out) {
                layer.apply(in, out, Index{});
            };
            if (!elementwise) mix(rows.size(), columns.size());
        }
    }
    void unite(Field other) {
        if (rows.size() != other.rows.size() || columns.size() != other.columns.size()) {
            mix(1, 1);
            other.mix(1, 1);
        }
        rows.unite(other.rows);
        columns.unite(other.columns);
    }
};

/// Looks for the shape of the input: that which the first layer with an image takes, unless one before it changes the
/// number of features. Returns whether to go on looking.
template <class Net, class P>
bool find_image(const Net& net, const P& parameters, Shape& image) {
    constexpr bool side_by_side = Net::wiring == Wiring::side_by_side;
    bool searching = true;
    Net::for_each_child(net, parameters,
                        [&](const std::string&, const auto& layer, [[maybe_unused]] const auto& weights) {
                            using L = std::remove_cvref_t<decltype(layer)>;
                            if (image.size() != 0 || (!searching && !side_by_side)) return;
                            if constexpr (Composite<L>) {
                                searching = find_image(layer, weights, image) && searching;
                            } else if constexpr (requires { layer.input_shape(); }) {
                                constexpr bool windowed = requires {
                                    layer.window();
                                };
                                const Shape in = layer.input_shape();
                                if (windowed || in != layer.output_shape() || in.positions() > 1) image = in;
                            } else if constexpr (requires { layer.out_features(); }) {
                                searching = layer.out_features() == layer.in_features() && searching;
                            }
                        });
    return searching && image.size() == 0;
}

/// Carries the field through a network, as far as `place` if that is in it; returns whether it was reached.
template <class Net, class P>
bool follow(const Net& net, const P& parameters, std::string_view place, Field& field) {
    constexpr bool side_by_side = Net::wiring == Wiring::side_by_side;
    const Field at_input = field;
    Field together;
    bool reached = false, first = true;
    Net::for_each_child(
        net, parameters, [&](const std::string& name, const auto& layer, [[maybe_unused]] const auto& weights) {
            if (reached) return;
            if constexpr (side_by_side) field = at_input;
            const bool inside = place.size() > name.size() && place.starts_with(name) && place[name.size()] == '/';
            if constexpr (Composite<std::remove_cvref_t<decltype(layer)>>) {
                reached = follow(layer, weights, inside ? place.substr(name.size() + 1) : std::string_view(), field);
            } else {
                field.pass(layer);
            }
            reached = reached || place == name;
            if (side_by_side && !reached) {
                first ? together = field : (together.unite(field), together);
                first = false;
            }
        });
    if (side_by_side && !reached) field = together;
    if (Net::wiring == Wiring::residual && !reached) field.unite(at_input);
    return reached;
}

}  // namespace detail

/// The part of the input image that position (row, column) of a place ("conv2d2", "residual1/relu1") can see, for any
/// channel, exactly: clipped at the borders, without rows that a stride leaves out, empty where a window lies in the
/// padding alone. A place behind a layer that sees everything has one position, (0, 0), which sees what all before it
/// see together: mostly the whole image.
///
/// Throws   DataError for an unknown place, a network whose input is no image, or a position the place does not have.
/// Cost     a vector of height and one of width for each layer; the weights are not looked at.
template <Composite Net>
Patch receptive_field(const Net& net, std::string_view place, Index row = 0, Index column = 0) {
    constexpr const char* where = "receptive_field";
    Shape image;
    detail::find_image(net, net.parameters(), image);
    detail::Field field{detail::Sight::of_input(image.height), detail::Sight::of_input(image.width)};
    if (!detail::follow(net, net.parameters(), place, field)) {
        detail::raise<DataError>(where, "place", "\"" + std::string(place) + "\"", "a layer of the network");
    }
    if (image.size() == 0) {
        detail::raise<DataError>(where, "input of the network", "no image", "a convolution or pooling layer");
    }
    const Index height = field.rows.size(), width = field.columns.size();
    if (row < 0 || column < 0 || row >= height || column >= width) {
        detail::raise<DataError>(where, "row and column", std::to_string(row) + ", " + std::to_string(column),
                                 "inside the " + detail::shape_text(height, width) + " of " + std::string(place));
    }
    const detail::Span& y = field.rows.at[static_cast<std::size_t>(row)];
    const detail::Span& x = field.columns.at[static_cast<std::size_t>(column)];
    return {y.begin, x.begin, y.end, x.end};
}

}  // namespace renn::inline RENN_ABI
// renn/report/audit_page.hpp - the findings of a sample audit as HTML, with the picture of each sample.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// renn/report/html.hpp - text and numbers for a page.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// renn/report/picture.hpp - a sample or a blend of samples as a picture for a page.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// renn/report/png.hpp - pictures as PNG files in memory and as text for a web page.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>


namespace renn::inline RENN_ABI {
namespace detail {

inline constexpr std::array<std::uint32_t, 256> crc32_table = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t n = 0; n < 256; ++n) {
        std::uint32_t c = n;
        for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? 0xedb88320u ^ (c >> 1) : c >> 1;
        table[n] = c;
    }
    return table;
}();

constexpr std::uint32_t crc32(std::string_view bytes) {
    std::uint32_t c = 0xffffffffu;
    for (const char b : bytes) c = crc32_table[(c ^ static_cast<std::uint8_t>(b)) & 255] ^ (c >> 8);
    return ~c;
}
static_assert(crc32("123456789") == 0xcbf43926u);

constexpr std::uint32_t adler32(std::string_view bytes) {
    std::uint32_t a = 1, b = 0;
    for (const char x : bytes) {
        a = (a + static_cast<std::uint8_t>(x)) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}
static_assert(adler32("Wikipedia") == 0x11e60398u);

inline void append_big_endian(std::string& out, std::uint32_t v) {
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(v >> shift & 255);
}

inline void append_chunk(std::string& out, const std::string& type_and_data) {
    append_big_endian(out, static_cast<std::uint32_t>(type_and_data.size() - 4));
    out += type_and_data;
    append_big_endian(out, crc32(type_and_data));
}

/// A zlib stream that stores instead of compressing: a picture of a digit is smaller than its own code table.
inline std::string zlib_stored(std::string_view raw) {
    constexpr std::size_t most = 65535;
    std::string out("\x78\x01", 2);
    std::size_t at = 0;
    do {
        const std::size_t n = std::min(most, raw.size() - at);
        const bool last = at + n == raw.size();
        out += last ? '\x01' : '\x00';
        for (const std::size_t length : {n, ~n}) {  // little-endian, then its complement
            out += static_cast<char>(length & 255);
            out += static_cast<char>(length >> 8 & 255);
        }
        out += raw.substr(at, n);
        at += n;
    } while (at < raw.size());
    append_big_endian(out, adler32(raw));
    return out;
}

}  // namespace detail

/// The bytes of an uncompressed PNG file.
///
/// Shapes   pixels: height rows of width pixels of `channels` bytes (1 grey, 3 red-green-blue), side by side; renn's
///          pictures are channel-major, so colour has to be interleaved first.
/// Throws   DataError if a size is not positive, channels is neither 1 nor 3, or the file would exceed 1 GiB;
///          ShapeError if pixels has another length.
/// Source   PNG specification (ISO/IEC 15948:2004), RFC 1950, RFC 1951.
inline std::string png(std::span<const std::uint8_t> pixels, Index width, Index height, int channels = 1) {
    constexpr Index most = Index(1) << 30;
    if (channels != 1 && channels != 3) detail::raise<DataError>("png", "channels", std::to_string(channels), "1 or 3");
    if (width < 1 || height < 1 || width > most / 4 || height > most / (channels * width + 1)) {
        detail::raise<DataError>("png", "height x width", detail::shape_text(height, width), "1 x 1 to 1 GiB in all");
    }
    const auto row = static_cast<std::size_t>(width * channels);
    const auto rows = static_cast<std::size_t>(height);
    if (pixels.size() != row * rows) {
        detail::raise<ShapeError>("png", "pixels", std::to_string(pixels.size()), std::to_string(row * rows));
    }
    std::string raw;
    raw.reserve((row + 1) * rows);
    for (std::size_t y = 0; y < rows; ++y) {
        raw += '\0';  // no filter
        raw.append(pixels.begin() + static_cast<std::ptrdiff_t>(y * row),
                   pixels.begin() + static_cast<std::ptrdiff_t>((y + 1) * row));
    }
    std::string header = "IHDR";
    detail::append_big_endian(header, static_cast<std::uint32_t>(width));
    detail::append_big_endian(header, static_cast<std::uint32_t>(height));
    header += '\x08';                           // bits per channel
    header += channels == 1 ? '\x00' : '\x02';  // grey or RGB
    header.append(3, '\0');                     // deflate, no filter method, not interlaced
    std::string file("\x89PNG\r\n\x1a\n", 8);
    detail::append_chunk(file, header);
    detail::append_chunk(file, "IDAT" + detail::zlib_stored(raw));
    detail::append_chunk(file, "IEND");
    return file;
}

/// RFC 4648 with padding, no line breaks.
inline std::string base64(std::string_view bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t v = 0;
        for (std::size_t j = 0; j < 3; ++j) v = v << 8 | (j < n ? static_cast<std::uint8_t>(bytes[i + j]) : 0u);
        for (std::size_t j = 0; j < 4; ++j) out += j <= n ? digits[v >> (18 - 6 * j) & 63] : '=';
    }
    return out;
}

/// A file as the address of itself, for <img src="...">: a page that needs no other file.
inline std::string data_uri(std::string_view file, std::string_view media_type = "image/png") {
    return "data:" + std::string(media_type) + ";base64," + base64(file);
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// A picture that carries itself: `uri` goes into <img src="...">.
struct Picture {
    std::string uri = {};
    Index width = 0, height = 0;

    bool empty() const noexcept { return uri.empty(); }
};

/// One column of inputs as a grey or red-green-blue picture; empty for inputs that are no pictures.
///
/// Shapes   values: channels x height x width, channel-major, as a data set has them.
/// Units    0 black to 1 full; what lies outside is shown as the nearer of the two, NaN as black.
/// Throws   ShapeError if the values do not have the shape's size; DataError for other than 1 or 3 channels.
template <class D>
Picture picture(const Eigen::MatrixBase<D>& values, const Shape& shape) {
    static_assert(std::floating_point<typename D::Scalar>, "renn::picture: values must be floating-point, 0 to 1");
    if (shape.unknown()) return {};
    detail::require_shape("picture", "values", values, shape.channels * shape.height * shape.width, 1);
    const Index area = shape.height * shape.width;
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(values.size()));
    for (Index i = 0; i < values.size(); ++i) {
        const auto value = static_cast<double>(values(i, 0));
        const double byte = value > 0.0 ? std::round(255.0 * std::min(value, 1.0)) : 0.0;
        const Index at = i % area * shape.channels + i / area;  // channels side by side
        pixels[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(byte);
    }
    const auto channels = static_cast<int>(std::min<Index>(shape.channels, 4));
    return {data_uri(png(pixels, shape.width, shape.height, channels)), shape.width, shape.height};
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI::html {

/// Text that may stand anywhere in a page, between tags and within quotes. Control characters, which no page may
/// contain, become spaces.
inline std::string escape(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += static_cast<unsigned char>(c) < 32 && c != '\n' && c != '\t' ? ' ' : c;
        }
    }
    return out;
}

/// 3.14159 with 2 decimals: "3.14", with a point in every locale and no sign before a zero.
inline std::string number(double value, int decimals) {
    if (!std::isfinite(value)) return std::isnan(value) ? "NaN" : value > 0.0 ? "infinite" : "-infinite";
    char text[400];  // the largest double has 309 digits
    const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, std::min(decimals, 60));
    const std::string_view all(text, static_cast<std::size_t>(end.ptr - text));
    return std::string(all.substr(all.find_first_not_of("-0.") == all.npos && all[0] == '-' ? 1 : 0));
}

/// 60000: "60,000".
inline std::string grouped(std::uint64_t value) {
    std::string text = std::to_string(value);
    for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
    return text;
}

/// 0.000358: "0.036 %", 0.0054: "0.54 %", 0.312: "31.2 %", with a narrow space that does not break.
inline std::string percent(double part) {
    const double value = 100.0 * part;
    const int decimals = value >= 99.95 || value == 0.0 ? 0 : value >= 0.995 ? 1 : value >= 0.0995 ? 2 : 3;
    return number(value, decimals) + "\u202f%";
}

/// Votes: whole ones as such, shares with two decimals.
inline std::string votes(double count) {
    return number(count, std::abs(count - std::round(count)) < 0.005 ? 0 : 2);
}

/// 63840000: "63.8 MB".
inline std::string bytes(std::uint64_t count) {
    const auto value = static_cast<double>(count);
    if (value >= 1e9) return number(value / 1e9, 2) + " GB";
    if (value >= 1e6) return number(value / 1e6, 1) + " MB";
    if (value >= 1e3) return number(value / 1e3, 1) + " kB";
    return std::to_string(count) + " bytes";
}

/// 0.00042: "0.42 ms", 7.3: "7.3 s", 130: "2 min 10 s".
inline std::string seconds(double value) {
    if (value < 0.0995) return number(1000.0 * value, value < 0.00995 ? 2 : 1) + " ms";
    if (value < 100.0) return number(value, value < 9.95 ? 2 : 1) + " s";
    const auto whole = static_cast<std::uint64_t>(std::min(std::round(value), 1e15));
    return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
}

/// <img>, pixel for pixel; nothing for an empty picture.
inline std::string image(const Picture& picture, std::string_view alternative, std::string_view attributes = "") {
    if (picture.empty()) return {};
    std::string out = "<img src=\"" + picture.uri + "\" width=\"" + std::to_string(picture.width) + "\" height=\"" +
                      std::to_string(picture.height) + "\" alt=\"" + escape(alternative) + '"';
    if (!attributes.empty()) (out += ' ') += attributes;
    return out += '>';
}

}  // namespace renn::inline RENN_ABI::html
// renn/report/page.hpp - a web page that needs nothing but itself, put together from sections.

#include <algorithm>
#include <concepts>
#include <locale>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// renn/report/page_style.hpp - how pages look: colours, text, tables, charts.

#include <string_view>


namespace renn::inline RENN_ABI {

/// The style of every Page, light and dark by the reader's setting, one column on a phone. Sections may use
///
///     colours     --page --card --ink --quiet --line --bar --track --link --true --wrong --low --high --c1 to --c4
///     classes     quiet, hidden (read aloud only), scroll (what may be wider than the page), charts (a row of charts),
///                 key (a list of terms), true, wrong
///     elements    article (a card), table.data (a ruled table), details, figure
inline constexpr std::string_view page_style = R"css(
:root{color-scheme:light dark;--page:#f5f5f2;--card:#fff;--ink:#1d1f24;--quiet:#646a76;--line:#e3e3dd;--bar:#b9bfca;
--track:#f0f0ec;--true:#14804f;--wrong:#cf3434;--link:#2b5fc4;--mat:#fff;--low:#c8402f;--high:#2f62c8;
--c1:#2b5fc4;--c2:#c2570c;--c3:#8a3fb5;--c4:#0b7a86}
@media (prefers-color-scheme:dark){:root{--page:#121417;--card:#1b1e23;--ink:#e8e9ec;--quiet:#9ba2af;--line:#2d3138;
--bar:#565e6c;--track:#24282e;--true:#3fbf86;--wrong:#ff7268;--link:#8db4ff;--mat:#2d3138;--low:#e2604c;--high:#6f9bff;
--c1:#8db4ff;--c2:#ffa057;--c3:#d39bf2;--c4:#4cc4d3}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%}
main,header,footer{max-width:1320px;margin:0 auto;padding:0 20px}
header{padding-top:36px}
h1{font-size:30px;line-height:1.2;letter-spacing:-.02em;margin:0 0 8px}
h2{font-size:20px;letter-spacing:-.01em;margin:40px 0 12px}
h2 span{color:var(--quiet);font-weight:400}
h3{font-size:17px;margin:0}
h4{font-size:14px;margin:0;font-weight:600}
h5{font-size:13px;margin:14px 0 6px;font-weight:400;color:var(--quiet)}
p{margin:0 0 12px;max-width:76ch}
a{color:var(--link)}
section{scroll-margin-top:12px}
:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:4px}
.quiet{color:var(--quiet)}
.true{color:var(--true)}
.wrong{color:var(--wrong)}
b.true,b.wrong{font-weight:650}
.facts{display:flex;flex-wrap:wrap;gap:1px;margin:20px 0 14px;background:var(--line);border:1px solid var(--line);
border-radius:10px;overflow:hidden}
.facts div{background:var(--card);padding:9px 14px;flex:1 1 auto;min-width:120px}
.facts dt{color:var(--quiet);font-size:12.5px}
.facts dd{margin:0;font-weight:600;overflow-wrap:anywhere}
details{margin-top:12px}
nav{margin-top:18px}
summary{cursor:pointer;color:var(--link);width:fit-content;padding:3px 0}
summary:hover{text-decoration:underline}
.contents ul{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:4px 20px}
.key{border-left:3px solid var(--line);padding:4px 0 1px 16px;margin-top:8px}
.key dt{font-weight:600}
.key dd{margin:0 0 8px;max-width:80ch}
article{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px;margin:0 0 18px;
scroll-margin-top:12px}
figure{margin:0}
img{display:block;image-rendering:pixelated;height:auto;border-radius:3px;box-shadow:0 0 0 1px var(--mat)}
figcaption{font-size:12.5px;color:var(--quiet);margin-top:5px;line-height:1.35}
.scroll{overflow-x:auto;max-width:100%}
.data{border-collapse:collapse;font-size:13px;line-height:1.3}
.data th,.data td{padding:4px 12px 4px 0;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
.data th:first-child{text-align:left}
.data caption{text-align:left;color:var(--quiet);padding-bottom:4px}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:18px}
.chart{min-width:0;background:var(--card);border:1px solid var(--line);border-radius:12px;padding:16px}
article .chart{border:0;padding:0;background:none}
.chart svg{display:block;width:100%;max-width:620px;height:auto;margin-top:8px}
article .chart svg{max-width:440px}
.chart h3,.chart h4{margin:0}
.chart figcaption{max-width:76ch}
.chart text{font-size:11.5px;fill:var(--quiet)}
.chart .axis{stroke:var(--quiet)}
.chart .rule{stroke:var(--line)}
.chart .note{stroke:var(--ink);stroke-dasharray:2 3}
.chart text.said{fill:var(--ink)}
.chart polyline{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round}
.chart circle,.chart rect{fill:currentColor}
.chart rect{opacity:.8}
.chart .s1{color:var(--c1)}.chart .s2{color:var(--c2)}.chart .s3{color:var(--c3)}.chart .s4{color:var(--c4)}
.chart .s2 polyline{stroke-dasharray:6 3}.chart .s3 polyline{stroke-dasharray:2 3}
.chart .s4 polyline{stroke-dasharray:9 3 2 3}
.chart .legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 16px;margin:6px 0 0;padding:0;font-size:12.5px}
.chart .legend svg{display:inline-block;width:22px;height:10px;margin:0 6px 0 0;vertical-align:middle}
.chart .legend b{font-weight:400;color:var(--ink)}
.chart details{margin-top:6px;font-size:12.5px}
.chart .scroll{max-height:300px;overflow:auto}
footer{color:var(--quiet);font-size:13px;padding-top:10px;padding-bottom:40px;overflow-wrap:anywhere}
@media (max-width:860px){main,header,footer{padding-left:14px;padding-right:14px}
header{padding-top:22px}h1{font-size:25px}article{padding:16px 14px}}
@media print{article,.chart{break-inside:avoid}body{background:none}}
)css";

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// Writes HTML to a stream.
template <class W>
concept HtmlWriter = std::invocable<W&, std::ostream&>;

/// A page of sections. It follows the reader's light or dark setting, fits a phone, and asks no network for anything:
/// its own policy forbids the browser to.
///
///     Page page("My network");
///     page.fact("Accuracy", "97.9 %");
///     page.section("Certainty", [&](std::ostream& out) { write_chart(out, chart); });
///     report.add_to(page);
///     page.write("page.html");
///
/// What a section writes is HTML: text in it has to go through html::escape. A value; writers are called at once and
/// not kept.
class Page {
public:
    explicit Page(std::string title, std::string introduction = {})
        : title_(std::move(title)), introduction_(std::move(introduction)) {}

    /// A line of the table at the head, such as "Data set", "MNIST".
    void fact(std::string_view name, std::string_view value) {
        facts_ += "<div><dt>" + html::escape(name) + "</dt><dd>" + html::escape(value) + "</dd></div>\n";
    }

    /// Something behind the table at the head, such as a key.
    template <HtmlWriter W>
    void head(W&& write) {
        head_ += written(write);
    }

    /// Something between sections, without a title.
    template <HtmlWriter W>
    void add(W&& write) {
        body_ += written(write);
    }

    /// A section with its title, which the page's table of contents leads to, and a quiet note behind that.
    template <HtmlWriter W>
    void section(std::string_view title, W&& write, std::string_view note = "") {
        const std::string id = "part-" + std::to_string(++sections_), name = html::escape(title);
        contents_ += "<li><a href=\"#" + id + "\">" + name + "</a></li>\n";
        body_ += "<section id=\"" + id + "\" aria-label=\"" + name + "\">\n<h2>" + name;
        if (!note.empty()) body_ += " <span>" + html::escape(note) + "</span>";
        body_ += "</h2>\n" + written(write) + "</section>\n";
    }

    /// Something at the very end.
    template <HtmlWriter W>
    void foot(W&& write) {
        foot_ += written(write);
    }

    /// Rules of style, each text once however often it is given. They may use the colours that page_style names.
    void style(std::string_view css) { add_once(styles_, css); }

    /// JavaScript, run in order behind everything else, each text once. It may not fetch anything.
    void script(std::string_view code) { add_once(scripts_, code); }

    /// The whole page.
    std::string html() const {
        std::string out =
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
            "style-src 'unsafe-inline'";
        if (!scripts_.empty()) out += "; script-src 'unsafe-inline'";
        out +=
            "\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<title>" +
            html::escape(title_) + "</title>\n<style>" + std::string(page_style);
        for (const std::string& css : styles_) out += css;
        out += "</style>\n</head>\n<body>\n<header>\n<h1>" + html::escape(title_) + "</h1>\n";
        if (!introduction_.empty()) out += "<p>" + html::escape(introduction_) + "</p>\n";
        if (!facts_.empty()) out += "<dl class=\"facts\">\n" + facts_ + "</dl>\n";
        out += head_;
        if (sections_ > 1)
            out += "<nav class=\"contents\" aria-label=\"Contents\">\n<ul>\n" + contents_ + "</ul>\n</nav>\n";
        out += "</header>\n<main>\n" + body_ + "</main>\n<footer>" + foot_ + "</footer>\n";
        for (const std::string& code : scripts_) out += "<script>\n" + within_tags(code) + "\n</script>\n";
        return out += "</body>\n</html>\n";
    }

    /// Writes the page to a file. Throws FormatError if that is not possible.
    void write(const std::string& path) const {
        const std::string page = html();
        detail::write_file("Page::write", path, {}, page.data(), page.size());
    }

private:
    /// Numbers have a point in every locale.
    template <class W>
    static std::string written(W& write) {
        std::ostringstream out;
        out.imbue(std::locale::classic());
        write(static_cast<std::ostream&>(out));
        return std::move(out).str();
    }

    static void add_once(std::vector<std::string>& texts, std::string_view text) {
        if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.emplace_back(text);
    }

    /// What would end the script early can only stand in a string, where a backslash changes nothing.
    static std::string within_tags(std::string code) {
        for (const std::string_view end : {"</script", "<!--"}) {
            const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
            auto at = code.begin();
            while ((at = std::search(at, code.end(), end.begin(), end.end(), same)) != code.end()) {
                at = code.insert(at + 1, '\\');
            }
        }
        return code;
    }

    std::string title_, introduction_, facts_, head_, contents_, body_, foot_;
    std::vector<std::string> styles_, scripts_;
    int sections_ = 0;
};

}  // namespace renn::inline RENN_ABI
// renn/report/retrace_style.hpp - how the sections of a retrace report look.

#include <string_view>


namespace renn::inline RENN_ABI::detail {

/// Green is the true label, red a wrong prediction; both are also told in words. --thumb, --figure and --look, the
/// widths of pictures, are set by the report.
inline constexpr std::string_view retrace_style = R"css(
:root{--look-frame:#ffae1a}
.overview ul,.sources,.neurons{list-style:none;margin:0;padding:0;display:grid;gap:10px 6px}
.overview ul{grid-template-columns:repeat(auto-fill,minmax(max(var(--thumb),64px),1fr));max-width:1000px}
.overview a{display:block;text-decoration:none;color:inherit;text-align:center;font-size:13px;padding:4px 0;
border-radius:6px}
.overview a:hover{background:var(--line)}
.overview img,.sources img,.neurons img{width:var(--thumb)}
.overview img{margin:0 auto 3px}
.network{display:grid;grid-template-columns:var(--figure) minmax(0,1fr) minmax(0,1fr);gap:20px 28px;margin-top:14px}
.network.one{grid-template-columns:var(--figure) minmax(0,1fr)}
.views{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:18px 28px}
.sum figure img,.input figure img{width:var(--figure)}
.sum figcaption,.input figcaption{max-width:var(--figure)}
.input dl{margin:10px 0 0}
.input dt{font-size:12.5px;color:var(--quiet)}
.input dd{margin:0 0 4px;font-weight:650;font-size:19px;line-height:1.25}
.input .values{font-size:13px;font-weight:600}
.input figure{margin-bottom:8px}
.head{display:flex;flex-wrap:wrap;gap:2px 10px;align-items:baseline;margin-bottom:9px}
.head .quiet{font-size:12.5px}
.verdict{font-size:13px;flex-basis:100%}
.sum{display:flex;gap:16px;align-items:flex-start;margin-bottom:12px}
.evidence{flex:1;min-width:0;border-collapse:collapse;font-size:12.5px;line-height:1.2}
.evidence th{font-weight:600;text-align:right;padding:1px 8px 1px 0;width:1%;white-space:nowrap}
.evidence td{padding:1px 0}
.evidence .part{text-align:right;width:52px;white-space:nowrap}
.evidence .mark{width:70px;padding-left:8px;white-space:nowrap;font-size:12px}
.evidence tr{color:var(--quiet)}
.evidence tr.true{color:var(--true)}
.evidence tr.wrong{color:var(--wrong)}
.bar{display:block;height:10px;background:var(--track);border-radius:2px;overflow:hidden}
.bar i{display:block;height:100%;background:var(--bar);border-radius:2px}
.true .bar i{background:var(--true)}
.wrong .bar i{background:var(--wrong)}
.sources{grid-template-columns:repeat(auto-fill,minmax(max(var(--thumb),50px),1fr))}
.neurons{grid-template-columns:repeat(auto-fill,minmax(max(var(--thumb),92px),1fr))}
.sources li,.neurons li{font-size:12px;line-height:1.3;overflow-wrap:anywhere}
.sources img,.neurons img{margin-bottom:6px}
.sources .true img{box-shadow:0 0 0 3px var(--true)}
.sources .wrong img{box-shadow:0 0 0 3px var(--wrong)}
.sources li .quiet,.neurons li .quiet{display:block}
.neurons details{margin:0}
.neurons summary{color:inherit;list-style:none;padding:0}
.neurons summary::-webkit-details-marker{display:none}
.neurons summary .quiet::after{content:" +"}
.neurons [open] summary .quiet::after{content:" \2212"}
.neurons details ul{list-style:none;margin:2px 0 4px;padding:0;color:var(--quiet)}
.looks,.looks ol{list-style:none;margin:0;padding:0}
.looks{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,max(520px,6*var(--look) + 50px)),1fr));
gap:14px 28px}
.looks ol{display:flex;flex-wrap:wrap;gap:8px 7px}
.looks li li{font-size:12px;line-height:1.3;text-align:center}
.looks .query{margin-right:9px}
.looks h6{margin:0 0 5px;font-size:12.5px;font-weight:600}
.looks div{position:relative;margin-bottom:5px}
.looks img{width:var(--look)}
.looks i{position:absolute;box-shadow:0 0 0 2px var(--look-frame),0 0 0 3px #000}
.plain .sources,.plain .neurons{grid-template-columns:repeat(auto-fill,minmax(96px,1fr))}
.plain .sources li,.plain .neurons li{border-left:3px solid var(--line);padding-left:7px;white-space:normal;
overflow-wrap:anywhere;color:inherit}
.plain .sources li.true{border-color:var(--true)}
.plain .sources li.wrong{border-color:var(--wrong)}
.sources li.true,.sources li.wrong{color:inherit}
.layer{border-top:1px solid var(--line);margin-top:16px;padding-top:14px}
.layer h4{font-size:15px;margin-bottom:10px}
.head h5{margin:0;font-weight:600;color:inherit}
@media (max-width:860px){.network,.network.one,.views{grid-template-columns:minmax(0,1fr)}
.input{display:flex;gap:16px}.input dl{margin:0}}
@media (max-width:480px){.sum{gap:12px}.sum figure img,.sum figcaption{width:calc(1.5*var(--thumb))}
.evidence .mark{width:62px;padding-left:6px}.evidence .part{width:46px}}
)css";

}  // namespace renn::inline RENN_ABI::detail
// renn/retrace/audit.hpp - which recorded samples are mislabelled, harmful, isolated, unused or there twice.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

// renn/retrace/duplicates.hpp - recorded samples that the network cannot tell apart.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>


namespace renn::inline RENN_ABI {

/// Groups of two or more samples at distance 0 in every recorded place: the same input twice, or inputs that differ
/// only in what the network does not look at. Ids ascend in a group, groups by their first id. Exact: a store of
/// rounded values (tracing/reduced.hpp) gives the samples that it cannot tell apart.
/// Cost   O(n log n) for the first neuron; each further one looks only at samples that are still equal to another.
template <class Store>
std::vector<std::vector<std::uint64_t>> duplicates(const Store& store) {
    using S = typename Store::Scalar;
    struct Member {
        std::uint32_t group, sample;
        S value;
    };
    const auto before = [](const Member& a, const Member& b) {
        return a.group != b.group ? a.group < b.group : a.value < b.value;
    };
    const auto same = [](const Member& a, const Member& b) { return a.group == b.group && a.value == b.value; };

    std::vector<Member> members(static_cast<std::size_t>(store.samples()));
    for (std::size_t s = 0; s < members.size(); ++s) members[s] = {0, static_cast<std::uint32_t>(s), S(0)};
    const auto refine = [&](Unit unit, Index dimension, std::vector<S>& scratch) {
        const std::span<const S> values = store.values(unit, dimension, scratch);
        for (Member& m : members) m.value = values[m.sample];
        std::sort(members.begin(), members.end(), before);
        std::size_t kept = 0;
        std::uint32_t group = 0;
        for (std::size_t begin = 0, end = 0; begin < members.size(); begin = end) {
            while (end < members.size() && same(members[begin], members[end])) ++end;
            if (end - begin < 2) continue;
            for (std::size_t i = begin; i < end; ++i) members[kept++] = {group, members[i].sample, S(0)};
            ++group;
        }
        members.resize(kept);
    };
    std::vector<S> scratch;
    for (std::uint32_t p = 0; p < store.points.size(); ++p) {
        if (!store.points[p].stored()) continue;  // follows from one that is
        for (std::uint32_t u = 0; u < store.points[p].units.size(); ++u) {
            for (Index d = 0; d < store.points[p].dimensions() && !members.empty(); ++d) refine({p, u}, d, scratch);
        }
    }

    std::vector<std::vector<std::uint64_t>> groups;
    for (std::size_t i = 0; i < members.size(); ++i) {
        if (i == 0 || members[i].group != members[i - 1].group) groups.emplace_back();
        groups.back().push_back(store.ids[members[i].sample]);
    }
    for (auto& group : groups) std::sort(group.begin(), group.end());
    std::sort(groups.begin(), groups.end());
    return groups;
}

}  // namespace renn::inline RENN_ABI
// renn/retrace/familiarity.hpp - whether a query is as close to the training samples as they are to each other.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>


namespace renn::inline RENN_ABI {

/// Mean over all neurons of the network of the distance of the k-th closest sample; infinite if there was none.
template <class I>
double mean_boundary(const Retrace<I>& answer) {
    double sum = 0.0;
    for (std::size_t n = 0; n < answer.neurons(); ++n) sum += answer.boundary(n);
    return sum / static_cast<double>(answer.neurons());
}

/// The same of each layer, in the order of answer.layers().
template <class I>
std::vector<double> mean_boundaries(const Retrace<I>& answer) {
    std::vector<double> means(answer.layers().size(), 0.0);
    std::size_t n = 0;
    for (std::size_t i = 0; i < means.size(); ++i) {
        const std::size_t units = answer.layer(i).neurons();
        for (const std::size_t end = n + units; n < end; ++n) means[i] += answer.boundary(n);
        means[i] /= static_cast<double>(units);
    }
    return means;
}

/// What familiarity is measured with.
struct FamiliarityOptions {
    RetraceOptions retrace = {};  ///< the queries must be asked with the same
    std::int64_t samples = 0;     ///< so many of the training samples, drawn without repetition; 0: all
    std::uint64_t seed = 0;       ///< of the draw
    int threads = 1;              ///< 0: every core
};

/// Familiarity of queries: let d be the mean over neurons of the distance of the k-th closest sample, and d_t the same
/// for training sample t among all the others. Familiarity is the share of the samples t with d_t >= d, in [0, 1]: 1 is
/// as close as the closest, 0 farther away than any training sample is from the rest. A neuron with larger values
/// weighs more, as distances are taken as they are.
///
/// A query that is itself recorded is as close to itself as can be: trace it with retrace_without_self.
class Familiarity {
public:
    /// Shapes   training: recorded samples as they were recorded, all of them or some.
    /// Throws   DataError for no samples, one that was not recorded, k below 1 or a sample left out by the options;
    ///          as TracedNetwork::retrace_without_self.
    /// Cost     a forward pass and a retrace each; 8 bytes a sample and layer are kept.
    template <class Traced>
    Familiarity(const Traced& traced, const Dataset<typename Traced::Scalar>& training,
                const FamiliarityOptions& options = {})
        : options_(options.retrace), fingerprint_(traced.store().fingerprint) {
        check(options, training.samples());
        std::vector<Index> positions = drawn(training.samples(), options);
        constexpr std::size_t at_once = 256;
        Batch<typename Traced::Scalar> x;
        std::vector<std::uint64_t> ids;
        for (std::size_t first = 0; first < positions.size(); first += at_once) {
            const std::span<const Index> some(positions.data() + first, std::min(at_once, positions.size() - first));
            training.inputs(some, x);
            ids.clear();
            for (const Index position : some) ids.push_back(training.id(position));
            for (const auto& answer : traced.retrace_without_self(x, ids, options_, options.threads)) add(answer);
        }
        std::sort(network_.begin(), network_.end());
        for (auto& layer : layers_) std::sort(layer.begin(), layer.end());
    }

    /// Of a query for the network, in [0, 1].
    /// Throws   MismatchError if it was traced in another network, or with another k, other layers or other sources.
    template <class I>
    double operator()(const Retrace<I>& answer) const {
        require_same(answer);
        return quantile(network_, mean_boundary(answer));
    }

    /// Of a query for each layer, in the order of answer.layers(). Throws as above.
    template <class I>
    std::vector<double> by_layer(const Retrace<I>& answer) const {
        require_same(answer);
        std::vector<double> quantiles = mean_boundaries(answer);
        for (std::size_t i = 0; i < quantiles.size(); ++i) quantiles[i] = quantile(layers_[i], quantiles[i]);
        return quantiles;
    }

    /// The training samples' own mean distances, ascending.
    const std::vector<double>& distances() const noexcept { return network_; }

private:
    static void check(const FamiliarityOptions& options, Index samples) {
        if (options.retrace.k < 1) {
            detail::raise<DataError>("Familiarity", "k", std::to_string(options.retrace.k), "1 or more");
        }
        if (options.retrace.without) {
            detail::raise<DataError>("Familiarity", "without", "a sample", "none: each sample is left out in its turn");
        }
        if (samples == 0 || options.samples < 0 || options.samples > samples) {
            const bool none = samples == 0 && options.samples == 0;
            detail::raise<DataError>("Familiarity", "samples", std::to_string(options.samples),
                                     none ? "1 or more: the training set is empty" : detail::below_text(samples + 1));
        }
    }

    static std::vector<Index> drawn(Index samples, const FamiliarityOptions& options) {
        std::vector<Index> positions(static_cast<std::size_t>(samples));
        std::iota(positions.begin(), positions.end(), Index{0});
        if (options.samples == 0 || options.samples == samples) return positions;
        Rng rng(options.seed);
        shuffle(positions, rng);
        positions.resize(static_cast<std::size_t>(options.samples));
        std::sort(positions.begin(), positions.end());
        return positions;
    }

    template <class I>
    void add(const Retrace<I>& answer) {
        if (network_.empty()) {
            names_ = answer.layers();
            neurons_ = answer.neurons();
            layers_.resize(names_.size());
        }
        network_.push_back(mean_boundary(answer));
        const std::vector<double> means = mean_boundaries(answer);
        for (std::size_t i = 0; i < means.size(); ++i) layers_[i].push_back(means[i]);
    }

    template <class I>
    void require_same(const Retrace<I>& answer) const {
        const RetraceOptions& asked = answer.options();
        if (answer.store().fingerprint != fingerprint_) {
            detail::raise<MismatchError>("Familiarity", "fingerprint of the query's network",
                                         std::to_string(answer.store().fingerprint), std::to_string(fingerprint_));
        }
        if (asked.k != options_.k) {
            detail::raise<MismatchError>("Familiarity", "k of the query", std::to_string(asked.k),
                                         std::to_string(options_.k));
        }
        if (answer.layers() != names_) {
            detail::raise<MismatchError>("Familiarity", "layers of the query", joined(answer.layers()), joined(names_));
        }
        if (answer.neurons() != neurons_) {
            detail::raise<MismatchError>("Familiarity", "neurons of the query", std::to_string(answer.neurons()),
                                         std::to_string(neurons_));
        }
        if (asked.classes != options_.classes || asked.ids != options_.ids) {
            detail::raise<MismatchError>("Familiarity", "the query was restricted to other sources");
        }
    }

    static std::string joined(const std::vector<std::string>& names) {
        std::string text;
        for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
        return text;
    }

    static double quantile(const std::vector<double>& ascending, double distance) {
        const auto at = std::lower_bound(ascending.begin(), ascending.end(), distance);
        return static_cast<double>(ascending.end() - at) / static_cast<double>(ascending.size());
    }

    RetraceOptions options_;
    std::uint64_t fingerprint_;
    std::vector<std::string> names_;
    std::size_t neurons_ = 0;
    std::vector<double> network_;              ///< ascending
    std::vector<std::vector<double>> layers_;  ///< each ascending
};

}  // namespace renn::inline RENN_ABI
// renn/retrace/source_use.hpp - what recorded samples are used for, summed over many evaluations.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>


namespace renn::inline RENN_ABI {

/// How much each recorded sample was used as a source in some evaluations. One entry a recorded sample, in the order of
/// recording.
struct SourceUse {
    std::uint64_t evaluations = 0;
    std::vector<std::uint64_t> ids;
    std::vector<std::uint32_t> reach;  ///< evaluations with the sample among the first sources; 0: unused
    std::vector<double> right_votes;   ///< given in evaluations that the model got right, per evaluation of any sort;
                                       ///< empty where it is not known which are right
    std::vector<double> wrong_votes;   ///< the same for those it got wrong

    /// Votes given in wrong evaluations minus those in right ones, per evaluation: above 0 for a sample that speaks
    /// mostly where the model fails.
    /// Throws   DataError where it is not known which evaluations are right.
    std::vector<double> harm() const {
        if (wrong_votes.size() != ids.size()) {
            detail::raise<DataError>("harm", "evaluations", "no labels, or a model without outputs",
                                     "known to be right or wrong");
        }
        std::vector<double> difference(wrong_votes);
        for (std::size_t s = 0; s < difference.size(); ++s) difference[s] -= right_votes[s];
        return difference;
    }

    bool operator==(const SourceUse&) const = default;
};

namespace detail {

/// The sums behind a SourceUse, filled by one thread. Votes are counted in whole parts of 2^-30, so that no sum depends
/// on the order of its terms: a share is off by at most 2^-31, and 8e9 votes of one sample fit.
class UseTally {
public:
    UseTally(std::size_t samples, std::size_t clipped_units) : reach_(samples, 0) {
        for (auto& votes : votes_) votes.assign(samples, 0);
        for (auto& zeros : zeros_) zeros.assign(clipped_units, 0);
    }

    /// `outcome`: 0 right, 1 wrong, -1 not known.
    template <class I>
    void add(const Retrace<I>& answer, int outcome, std::size_t first) {
        for (const Source& source : answer.top(first)) {
            ++reach_[static_cast<std::size_t>(answer.store().position_of(source.id))];
        }
        if (outcome < 0) return;
        auto& votes = votes_[outcome];
        for (std::size_t n = 0; n < answer.neurons(); ++n) {
            answer.for_each_single(n, [&votes](std::uint32_t s) { votes[s] += whole; });
            const auto part = static_cast<std::int64_t>(std::llround(answer.tied_share(n) * whole));
            if (part == 0) continue;
            const std::ptrdiff_t zeros = answer.tied_zeros(n);
            if (zeros < 0) {
                answer.for_each_tied(n, [&votes, part](std::uint32_t s) { votes[s] += part; });
                continue;
            }
            // All samples at 0, tens of thousands often: noted once for the neuron, handed out at the end.
            zeros_[outcome][static_cast<std::size_t>(zeros)] += part;
            if (const auto without = answer.without()) {
                const auto self = static_cast<std::size_t>(answer.store().position_of(*without));
                if (answer.index().clipped().holds(static_cast<std::size_t>(zeros), self)) votes[self] -= part;
            }
        }
    }

    void add(const UseTally& other) {
        const auto sum = [](auto& to, const auto& from) {
            for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
        };
        sum(reach_, other.reach_);
        for (int o : {0, 1}) {
            sum(votes_[o], other.votes_[o]);
            sum(zeros_[o], other.zeros_[o]);
        }
    }

    template <class NeuronIndex>
    SourceUse use(const NeuronIndex& index, std::uint64_t evaluations, bool judged) const {
        const auto& ids = index.store().ids;
        SourceUse use{evaluations, std::vector<std::uint64_t>(ids.begin(), ids.end()), reach_, {}, {}};
        if (!judged) return use;
        const double all = whole * static_cast<double>(std::max<std::uint64_t>(evaluations, 1));
        for (int o : {0, 1}) {
            std::vector<double>& votes = o == 0 ? use.right_votes : use.wrong_votes;
            for (std::size_t s = 0; s < ids.size(); ++s) {
                std::int64_t sum = votes_[o][s];
                for (std::size_t u = 0; u < zeros_[o].size(); ++u) {
                    if (zeros_[o][u] != 0 && index.clipped().holds(u, s)) sum += zeros_[o][u];
                }
                votes.push_back(static_cast<double>(sum) / all);
            }
        }
        return use;
    }

private:
    static constexpr std::int64_t whole = std::int64_t{1} << 30;

    std::vector<std::uint32_t> reach_;
    std::vector<std::int64_t> votes_[2];  ///< by outcome, one a sample
    std::vector<std::int64_t> zeros_[2];  ///< by outcome: shares for all samples that a unit holds at 0
};

}  // namespace detail
}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// How an audit asks.
struct AuditOptions {
    RetraceOptions retrace = {};
    std::size_t top = 50;  ///< sources an evaluation rests on, for reach
    int threads = 1;       ///< 0: every core. Every result is the same, bit for bit, for any number
    ProgressCallback progress = {};
};

/// What a sample is ranked by, the worst first.
enum class Finding : std::uint8_t {
    label_conflict,  ///< sources with other labels
    harm,            ///< votes in wrong evaluations rather than in right ones
    isolation,       ///< far from all other samples
    unused,          ///< reach, the smallest first
    used,            ///< reach, the largest first
};

/// A sample's place in a ranking.
struct RankedSample {
    std::uint64_t id = 0;
    double value = 0.0;  ///< what it is ranked by

    bool operator==(const RankedSample&) const = default;
};

/// The first of a ranking, largest values first (or smallest), equal values by ascending id.
///
/// Shapes   values: one an id.
/// Throws   ShapeError if they differ in number.
inline std::vector<RankedSample> ranked_samples(std::span<const std::uint64_t> ids, std::span<const double> values,
                                                std::size_t count, bool smallest_first = false) {
    if (ids.size() != values.size()) {
        detail::raise<ShapeError>("ranked_samples", "values", std::to_string(values.size()),
                                  std::to_string(ids.size()) + ", one an id");
    }
    std::vector<RankedSample> ranked(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) ranked[i] = {ids[i], values[i]};
    count = std::min(count, ranked.size());
    std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(count), ranked.end(),
                      [smallest_first](const RankedSample& a, const RankedSample& b) {
                          if (a.value != b.value) return (a.value < b.value) == smallest_first;
                          return a.id < b.id;
                      });
    ranked.resize(count);
    return ranked;
}

/// What retracing every recorded sample without itself as a source says about them: a few numbers a sample, in the
/// order of recording. A plain value; that of an audit that was cancelled has no samples.
struct SampleAudit {
    SourceUse use;                     ///< of each sample, as a source of the others
    std::vector<std::int32_t> labels;  ///< as recorded; empty if none were
    std::vector<std::int32_t> spoken;  ///< the class that a sample's sources speak for, -1 if nobody voted; or empty
    std::vector<double> conflicts;     ///< share of votes for other labels than the sample's own; or empty
    std::vector<double> distances;     ///< mean over neurons of the distance of the k-th closest sample
    std::vector<double> isolation;     ///< share of the samples whose distance is smaller, in [0, 1)
    std::vector<std::vector<std::uint64_t>> duplicates;  ///< see renn::duplicates

    const std::vector<std::uint64_t>& ids() const noexcept { return use.ids; }

    /// Share of the votes of a sample's sources that went to other labels: high for a wrong label, or a sample between
    /// classes.
    /// Throws   DataError if no labels were recorded.
    const std::vector<double>& label_conflict() const {
        if (conflicts.size() != ids().size()) {
            detail::raise<DataError>("label_conflict", "labels", "none recorded", "one a sample");
        }
        return conflicts;
    }

    /// The first of a ranking. Throws DataError where labels are needed and none were recorded.
    std::vector<RankedSample> worst(Finding finding, std::size_t count) const {
        switch (finding) {
            case Finding::label_conflict:
                return ranked_samples(ids(), label_conflict(), count);
            case Finding::harm:
                return ranked_samples(ids(), use.harm(), count);
            case Finding::isolation:
                return ranked_samples(ids(), isolation, count);
            case Finding::unused:
            case Finding::used:
                break;
        }
        const std::vector<double> reach(use.reach.begin(), use.reach.end());
        return ranked_samples(ids(), reach, count, finding == Finding::unused);
    }

    bool operator==(const SampleAudit&) const = default;
};

namespace detail {

inline void check_audit_options(const char* where, const RetraceOptions& options) {
    if (options.k < 1) raise<DataError>(where, "k", std::to_string(options.k), "1 or more");
    if (options.without) raise<DataError>(where, "without", "a sample", "none: the audit leaves out samples itself");
}

/// Asks in pieces, so that memory does not grow with the queries: answers(first, count), then look(query, answer,
/// tally) for each. Returns false if the callback cancelled.
template <class NeuronIndex, class Answers, class Look>
bool for_each_answer(const NeuronIndex& index, Index queries, const AuditOptions& options, const Answers& answers,
                     const Look& look, UseTally& sum) {
    constexpr Index at_once = 256;
    const auto rectified = [&](std::uint32_t p, std::uint32_t u) { return index.clipped_number({p, u}) + 1; };
    std::size_t clipped = 0;
    for (std::uint32_t p = 0; p < index.store().points.size(); ++p) {
        const auto units = static_cast<std::uint32_t>(index.store().points[p].units.size());
        if (units > 0) clipped = std::max(clipped, static_cast<std::size_t>(rectified(p, units - 1)));
    }
    sum = UseTally(static_cast<std::size_t>(index.store().samples()), clipped);
    std::vector<UseTally> tallies(static_cast<std::size_t>(thread_count(options.threads, at_once)), sum);
    for (Index first = 0; first < queries; first += at_once) {
        const Index count = std::min(at_once, queries - first);
        const auto found = answers(first, count);
        parallel_for(count, options.threads, [&](Index q, int worker) {
            look(first + q, found[static_cast<std::size_t>(q)], tallies[static_cast<std::size_t>(worker)]);
        });
        const Progress done{static_cast<std::uint64_t>(first + count), static_cast<std::uint64_t>(queries), "audit"};
        if (options.progress && !options.progress(done)) return false;
    }
    for (const UseTally& tally : tallies) sum.add(tally);
    return true;
}

/// 0 right, 1 wrong, -1 not known.
inline int outcome_of(std::int32_t prediction, std::int32_t label) {
    return prediction < 0 || label < 0 ? -1 : prediction != label ? 1 : 0;
}

}  // namespace detail

/// Retraces every recorded sample without itself as a source, from what was recorded of it: no inputs are needed.
///
///     const SampleAudit audit = audit_samples(traced, {.threads = 0});
///     for (const auto& [id, conflict] : audit.worst(Finding::label_conflict, 20)) ...
///
/// Throws   DataError before anything is recorded, for k below 1, `without` or other impossible options.
/// Cost     a retrace a sample, about 0.3 ms for 60,000 samples and 266 neurons with Sorted on one core. Memory: 100
///          bytes a sample, and 36 more for each thread. (A FileStore of exact values looks for each of a sample's
///          values in a whole column: with many samples read it into memory first, tracing/to_memory.hpp.)
/// Source   label conflict and its kin: leave-one-out votes, as in k-nearest-neighbour editing, Wilson (1972).
template <class Traced>
SampleAudit audit_samples(const Traced& traced, const AuditOptions& options = {}) {
    const auto& index = traced.index();
    const auto& store = index.store();
    detail::check_audit_options("audit_samples", options.retrace);
    const Index samples = store.samples();
    const auto n = static_cast<std::size_t>(samples);
    const bool labelled = !store.labels.empty();
    SampleAudit audit;
    audit.distances.resize(n);
    if (labelled) {
        for (std::size_t s = 0; s < n; ++s) audit.labels.push_back(store.labels[s]);
        audit.conflicts.resize(n);
        audit.spoken.resize(n);
    }
    std::vector<std::uint64_t> some;
    const auto answers = [&](Index first, Index count) {
        some.clear();
        for (Index s = first; s < first + count; ++s) some.push_back(store.ids[static_cast<std::size_t>(s)]);
        return traced.retrace_recorded(some, options.retrace, options.threads);
    };
    const auto look = [&](Index query, const auto& answer, detail::UseTally& tally) {
        const auto s = static_cast<std::size_t>(query);
        audit.distances[s] = mean_boundary(answer);
        tally.add(answer, labelled ? detail::outcome_of(answer.prediction(), store.labels[s]) : -1, options.top);
        if (!labelled) return;
        const std::vector<double> evidence = answer.evidence();
        audit.spoken[s] = evidence_class(evidence);
        double others = 0.0;
        for (std::size_t c = 0; c < evidence.size(); ++c) {
            if (static_cast<std::int32_t>(c) != audit.labels[s]) others += evidence[c];
        }
        audit.conflicts[s] = others;
    };
    detail::UseTally tally(0, 0);
    if (!detail::for_each_answer(index, samples, options, answers, look, tally)) return {};
    audit.use = tally.use(index, static_cast<std::uint64_t>(samples), labelled && !store.predictions.empty());
    std::vector<double> ascending = audit.distances;
    std::sort(ascending.begin(), ascending.end());
    for (const double d : audit.distances) {
        const auto smaller = std::lower_bound(ascending.begin(), ascending.end(), d) - ascending.begin();
        audit.isolation.push_back(static_cast<double>(smaller) / static_cast<double>(n));
    }
    audit.duplicates = renn::duplicates(store);
    return audit;
}

/// What the recorded samples are used for in other evaluations, such as a test set. Without labels their reach alone.
///
/// Throws   as audit_samples; ShapeError if the queries are not what the network takes.
/// Cost     a forward pass and a retrace a query; memory as audit_samples.
template <class Traced, class S = typename Traced::Scalar>
SourceUse audit_sources(const Traced& traced, const Dataset<S>& queries, const AuditOptions& options = {}) {
    const auto& index = traced.index();
    detail::check_audit_options("audit_sources", options.retrace);
    if (queries.empty()) detail::raise<DataError>("audit_sources", "queries", "0", "1 or more");
    Batch<S> x;
    const auto answers = [&](Index first, Index count) {
        queries.inputs(first, count, x);
        return traced.retrace_batch(x, options.retrace, options.threads);
    };
    bool judged = queries.has_labels() && index.store().outputs.rows() > 0;
    const auto look = [&](Index query, const auto& answer, detail::UseTally& tally) {
        tally.add(answer, judged ? detail::outcome_of(answer.prediction(), queries.label(query)) : -1, options.top);
    };
    detail::UseTally tally(0, 0);
    if (!detail::for_each_answer(index, queries.samples(), options, answers, look, tally)) return {};
    return tally.use(index, static_cast<std::uint64_t>(queries.samples()), judged);
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// What the lists of an audit show.
struct AuditPage {
    std::string title = "Which training samples to look at";
    std::string introduction = {};
    std::size_t samples = 48;  ///< most, a list
    std::vector<Finding> findings = {Finding::label_conflict, Finding::harm, Finding::isolation, Finding::used,
                                     Finding::unused};  ///< those that need labels are left out without
    bool duplicates = true;
    std::function<std::string(std::uint64_t id)> note = {};       ///< your own words under a sample, "" for none
    std::vector<std::pair<std::string, std::string>> facts = {};  ///< for the head of a page
};

namespace detail {

struct FindingText {
    std::string_view anchor, title, meaning;
};

inline FindingText finding_text(Finding finding) {
    switch (finding) {
        case Finding::label_conflict:
            return {"label-conflict", "Labels to check",
                    "The samples for which the network does almost the same have other labels. The percentage is their "
                    "share of all votes: the label may be wrong, or the sample lies between classes."};
        case Finding::harm:
            return {
                "harm", "Harmful",
                "Those with the most votes in evaluations that the network got wrong, minus those in evaluations it "
                "got right, per evaluation. Below 0 a sample still speaks more where the network is right."};
        case Finding::isolation:
            return {"isolation", "Isolated",
                    "Nothing like them was recorded: their closest samples are farther away than those of nearly all "
                    "others. The number is that distance, mean over all neurons."};
        case Finding::unused:
            return {"unused", "Unused",
                    "Hardly any other sample rests on them. The number is how often they were among the first "
                    "sources."};
        case Finding::used:
            break;
    }
    return {"used", "Most used",
            "More other samples rest on them than on any others. The number is how often they were among the first "
            "sources."};
}

/// Writes one list after the other.
template <class S>
class AuditWriter {
public:
    AuditWriter(std::ostream& out, const SampleAudit& audit, const Dataset<S>& data, const AuditPage& page)
        : out_(out), audit_(audit), data_(data), page_(page) {
        for (std::size_t s = 0; s < audit.ids().size(); ++s) places_.emplace_back(audit.ids()[s], s);
        std::sort(places_.begin(), places_.end());
    }

    std::vector<Finding> findings() const {
        std::vector<Finding> known;
        for (const Finding f : page_.findings) {
            const bool labels = f == Finding::label_conflict, votes = f == Finding::harm;
            if (labels && audit_.conflicts.empty()) continue;
            if (votes && audit_.use.wrong_votes.empty()) continue;
            known.push_back(f);
        }
        return known;
    }

    void contents() {
        out_ << "<nav class=\"contents\" aria-label=\"Findings\">\n<ul>\n";
        for (const Finding f : findings()) {
            const FindingText text = finding_text(f);
            out_ << "<li><a href=\"#audit-" << text.anchor << "\">" << text.title << "</a></li>\n";
        }
        if (page_.duplicates) {
            out_ << "<li><a href=\"#audit-duplicates\">Duplicates</a></li>\n";
        }
        out_ << "</ul>\n</nav>\n";
    }

    void list(Finding finding) {
        const FindingText text = finding_text(finding);
        begin(text.anchor, text.title, {});
        out_ << "<p>" << text.meaning << "</p>\n";
        if (finding == Finding::unused) {
            const auto none = std::count(audit_.use.reach.begin(), audit_.use.reach.end(), 0U);
            out_ << "<p>" << html::grouped(static_cast<std::uint64_t>(none)) << " of "
                 << html::grouped(audit_.use.reach.size()) << " samples were never among them.</p>\n";
        }
        out_ << "<ol class=\"sources\">\n";
        for (const auto& [id, value] : audit_.worst(finding, page_.samples)) {
            std::string shown = finding == Finding::label_conflict ? html::percent(value)
                                : finding == Finding::harm         ? html::number(value, 2)
                                : finding == Finding::isolation    ? html::number(distance(id), 3)
                                                                   : html::grouped(static_cast<std::uint64_t>(value));
            sample(id, shown, finding == Finding::label_conflict);
        }
        out_ << "</ol>\n</section>\n";
    }

    void duplicates() {
        const auto& groups = audit_.duplicates;
        begin("duplicates", "Duplicates", html::grouped(groups.size()));
        out_ << "<p>"
             << (groups.empty() ? "No two samples are the same to the network."
                                : "The network does exactly the same for all samples of a group.")
             << "</p>\n";
        for (std::size_t g = 0; g < std::min(groups.size(), page_.samples); ++g) {
            out_ << "<h3 class=\"quiet\">Group " << g + 1 << "</h3>\n<ol class=\"sources\">\n";
            for (std::size_t i = 0; i < std::min(groups[g].size(), page_.samples); ++i) {
                sample(groups[g][i], {}, false);
            }
            out_ << "</ol>\n";
        }
        out_ << "</section>\n";
    }

private:
    void begin(std::string_view anchor, std::string_view title, const std::string& number) {
        out_ << "<section id=\"audit-" << anchor << "\"" << (data_.image().unknown() ? " class=\"plain\"" : "")
             << ">\n<h2>" << title;
        if (!number.empty()) out_ << " <span>" << number << "</span>";
        out_ << "</h2>\n";
    }

    void sample(std::uint64_t id, const std::string& value, bool compared) {
        const std::size_t place = place_of(id);
        const Index position = data_.position_of(id);
        const std::string name = "sample " + std::to_string(id);
        const std::string label = audit_.labels.empty() ? "" : html::escape(data_.class_name(audit_.labels[place]));
        out_ << "<li>"
             << (data_.image().unknown() ? std::string()
                                         : html::image(picture(data_.input(position), data_.image()), name));
        if (!label.empty()) out_ << "<b>" << label << "</b>";
        if (compared && audit_.spoken[place] >= 0 && audit_.spoken[place] != audit_.labels[place]) {
            out_ << " <span class=\"hidden\">, but the sources say </span>\u2192 <b class=\"wrong\">"
                 << html::escape(data_.class_name(audit_.spoken[place])) << "</b>";
        }
        if (!value.empty()) out_ << "<span class=\"quiet\">" << value << "</span>";
        out_ << "<span class=\"quiet\">#" << id << "</span>";
        const std::string tag = data_.tags().empty() ? "" : data_.tags()[static_cast<std::size_t>(position)];
        if (!tag.empty()) out_ << "<span class=\"quiet\">" << html::escape(tag) << "</span>";
        const std::string note = page_.note ? page_.note(id) : "";
        if (!note.empty()) out_ << "<span class=\"quiet\">" << html::escape(note) << "</span>";
        out_ << "</li>\n";
    }

    std::size_t place_of(std::uint64_t id) const {
        return std::lower_bound(places_.begin(), places_.end(), std::pair(id, std::size_t{0}))->second;
    }
    double distance(std::uint64_t id) const { return audit_.distances[place_of(id)]; }

    std::ostream& out_;
    const SampleAudit& audit_;
    const Dataset<S>& data_;
    const AuditPage& page_;
    std::vector<std::pair<std::uint64_t, std::size_t>> places_;  ///< by id
};

}  // namespace detail

/// Writes the lists of an audit, each a section element, for a page that has the style of a retrace report. `data` is
/// what was recorded; without image shape samples are shown by id and tag. Throws   DataError if the data lack a sample
/// that is shown.
template <class S>
void write_audit(std::ostream& out, const SampleAudit& audit, const Dataset<S>& data, const AuditPage& page = {}) {
    detail::AuditWriter<S> writer(out, audit, data, page);
    for (const Finding finding : writer.findings()) writer.list(finding);
    if (page.duplicates) writer.duplicates();
}

/// The same as a page of its own, which needs no other file, no network and no script.
template <class S>
void write_audit_page(std::ostream& out, const SampleAudit& audit, const Dataset<S>& data, const AuditPage& page = {}) {
    const Index width = data.image().unknown() ? 0 : data.image().width;
    const Index thumb = width == 0 || width > 56 ? 56 : (56 + width / 2) / width * width;
    Page made(page.title, page.introduction);
    for (const auto& [name, value] : page.facts) made.fact(name, value);
    made.style(detail::retrace_style);
    made.style(":root{--thumb:" + std::to_string(thumb) +
               "px;--figure:140px}\nh3.quiet{font-size:13px;font-weight:400;margin:14px 0 6px}\n");
    made.head([&](std::ostream& to) { detail::AuditWriter<S>(to, audit, data, page).contents(); });
    made.add([&](std::ostream& to) { write_audit(to, audit, data, page); });
    out << made.html();
}

}  // namespace renn::inline RENN_ABI
// renn/report/chart.hpp - small charts for a page: lines, points and bars as inline SVG.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>


namespace renn::inline RENN_ABI {

/// How the values of a series are drawn.
enum class Mark : std::uint8_t { line, points, bars };

/// Values that belong together; up to four of a chart can be told apart.
struct ChartSeries {
    std::string name;
    std::vector<double> x, y;
    Mark mark = Mark::line;
};

/// What a chart shows. All of it is also told as a table, folded up, for those who do not see the picture.
struct Chart {
    /// A place on the x axis with a word to it.
    struct Note {
        double x = 0.0;
        std::string text;
    };

    std::string title;
    std::string description = {};  ///< what there is to be seen
    std::string x_name = {}, y_name = {};
    std::vector<ChartSeries> series = {};
    std::vector<std::string> places = {};  ///< names of x = 0, 1, 2, ... in place of a scale
    std::vector<Note> notes = {};
    bool percent = false;  ///< y values are parts of 1 and shown in per cent
};

namespace detail {

/// A scale from a lowest to a highest value with ticks at whole multiples of a step of 1, 2 or 5.
struct ChartScale {
    double low = 0.0, high = 1.0, step = 1.0;
    int decimals = 0;

    ChartScale(double lowest, double highest, int ticks, bool to_ticks) : low(lowest), high(highest) {
        if (!(high > low)) high = low + 1.0;
        const double rough = (high - low) / ticks, power = std::pow(10.0, std::floor(std::log10(rough)));
        const double digits = rough / power;
        step = power * (digits > 5.0 ? 10.0 : digits > 2.0 ? 5.0 : digits > 1.0 ? 2.0 : 1.0);
        decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
        if (to_ticks) {
            low = step * std::floor(low / step + 1e-9);
            high = step * std::ceil(high / step - 1e-9);
        }
    }
    double part(double value) const { return (value - low) / (high - low); }
    template <class F>
    void for_each_tick(F&& f) const {
        const auto last = static_cast<std::int64_t>(std::floor(high / step + 1e-9));
        for (auto i = static_cast<std::int64_t>(std::ceil(low / step - 1e-9)); i <= last; ++i) {
            f(step * static_cast<double>(i));
        }
    }
};

class ChartWriter {
public:
    ChartWriter(std::ostream& out, const Chart& chart)
        : out_(out), chart_(chart), x_(x_scale(checked(chart))), y_(y_scale(chart)) {}

    void write(std::string_view heading) {
        out_ << "<figure class=\"chart\"><" << heading << '>' << html::escape(chart_.title) << "</" << heading << ">\n";
        if (!chart_.description.empty())
            out_ << "<figcaption>" << html::escape(chart_.description) << "</figcaption>\n";
        out_ << "<svg viewBox=\"0 0 " << width << ' ' << height << "\" role=\"img\"><title>"
             << html::escape(chart_.title) << "</title><desc>" << html::escape(chart_.description) << "</desc>\n";
        axes();
        for (const Chart::Note& note : chart_.notes) this->note(note);
        for (std::size_t s = 0; s < chart_.series.size(); ++s) series(s);
        out_ << "</svg>\n";
        legend();
        table();
        out_ << "</figure>\n";
    }

private:
    static constexpr double width = 440, height = 250, left = 46, right = 428, top = 26, bottom = 208;

    static const Chart& checked(const Chart& chart) {
        const std::string where = "write_chart: \"" + chart.title + '"';
        std::size_t values = 0;
        for (const ChartSeries& s : chart.series) {
            if (s.x.size() != s.y.size()) {
                raise<ShapeError>(where, "y of \"" + s.name + '"', std::to_string(s.y.size()) + " values",
                                  std::to_string(s.x.size()) + ", one an x");
            }
            for (std::size_t i = 0; i < s.x.size(); ++i) {
                if (std::isfinite(s.x[i]) && std::isfinite(s.y[i])) continue;
                raise<DataError>(where, "value " + std::to_string(i) + " of \"" + s.name + '"',
                                 html::number(s.x[i], 3) + ", " + html::number(s.y[i], 3), "finite numbers");
            }
            values += s.x.size();
        }
        if (values == 0) raise<DataError>(where, "values", "0", "1 or more");
        if (chart.series.size() > 4) {
            raise<DataError>(where, "series", std::to_string(chart.series.size()), "at most 4, to be told apart");
        }
        return chart;
    }

    static bool has_bars(const Chart& chart) {
        return std::any_of(chart.series.begin(), chart.series.end(),
                           [](const auto& s) { return s.mark == Mark::bars; });
    }
    static std::vector<double> places_of(const Chart& chart) {
        std::vector<double> x;
        for (const ChartSeries& s : chart.series) x.insert(x.end(), s.x.begin(), s.x.end());
        std::sort(x.begin(), x.end());
        x.erase(std::unique(x.begin(), x.end()), x.end());
        return x;
    }
    /// Smallest distance of two values of x: the room of a bar.
    static double gap_of(const std::vector<double>& x) {
        double gap = x.back() > x.front() ? x.back() - x.front() : 1.0;
        for (std::size_t i = 1; i < x.size(); ++i) gap = std::min(gap, x[i] - x[i - 1]);
        return gap;
    }
    static ChartScale x_scale(const Chart& chart) {
        const std::vector<double> x = places_of(chart);
        double low = x.front(), high = x.back();
        for (const Chart::Note& note : chart.notes) {
            low = std::min(low, note.x);
            high = std::max(high, note.x);
        }
        if (!chart.places.empty()) high = std::max(high, static_cast<double>(chart.places.size()) - 1.0);
        const double room = has_bars(chart) || !chart.places.empty() ? 0.5 * gap_of(x) : 0.0;
        return {low - room, high + room, 6, false};
    }
    /// Contains 0, so that heights can be compared.
    static ChartScale y_scale(const Chart& chart) {
        double low = 0.0, high = 0.0;
        for (const ChartSeries& s : chart.series) {
            for (const double y : s.y) {
                low = std::min(low, y);
                high = std::max(high, y);
            }
        }
        const double unit = chart.percent ? 100.0 : 1.0;
        return {unit * low, unit * high, 5, true};
    }

    double at_x(double x) const { return left + (right - left) * x_.part(x); }
    double at_y(double y) const { return bottom - (bottom - top) * y_.part(chart_.percent ? 100.0 * y : y); }
    static std::string px(double value) { return html::number(value, 1); }

    std::string y_text(double value) const {
        return html::number(value, y_.decimals) + (chart_.percent ? "\u202f%" : "");
    }

    void text(double x, double y, std::string_view anchor, std::string_view words, std::string_view more = "") {
        out_ << "<text x=\"" << px(x) << "\" y=\"" << px(y) << "\" text-anchor=\"" << anchor << '"' << more << '>'
             << html::escape(words) << "</text>\n";
    }
    void line(std::string_view kind, double x1, double y1, double x2, double y2) {
        out_ << "<line class=\"" << kind << "\" x1=\"" << px(x1) << "\" y1=\"" << px(y1) << "\" x2=\"" << px(x2)
             << "\" y2=\"" << px(y2) << "\"/>\n";
    }

    void axes() {
        text(2, 12, "start", chart_.y_name);
        text(0.5 * (left + right), height - 6, "middle", chart_.x_name);
        y_.for_each_tick([&](double value) {
            const double y = bottom - (bottom - top) * y_.part(value);
            line("rule", left, y, right, y);
            text(left - 6, y + 4, "end", y_text(value));
        });
        line("axis", left, at_y(0.0), right, at_y(0.0));
        if (chart_.places.empty()) {
            x_.for_each_tick(
                [&](double value) { text(at_x(value), bottom + 16, "middle", html::number(value, x_.decimals)); });
            return;
        }
        std::size_t longest = 1;
        for (const std::string& name : chart_.places) longest = std::max(longest, name.size());
        const double room = (right - left) / static_cast<double>(chart_.places.size());
        const auto every = static_cast<std::size_t>(std::ceil(6.5 * static_cast<double>(longest + 1) / room));
        for (std::size_t i = 0; i < chart_.places.size(); i += every) {
            text(at_x(static_cast<double>(i)), bottom + 16, "middle", chart_.places[i]);
        }
    }

    void note(const Chart::Note& note) {
        const double x = at_x(note.x);
        line("note", x, top, x, bottom);
        const bool before = x_.part(note.x) > 0.6;
        text(x + (before ? -5 : 5), top + 10, before ? "end" : "start", note.text, " class=\"said\"");
    }

    void series(std::size_t number) {
        const ChartSeries& s = chart_.series[number];
        out_ << "<g class=\"s" << number + 1 << "\">";
        if (s.mark == Mark::line) {
            out_ << "<polyline points=\"";
            for (std::size_t i = 0; i < s.x.size(); ++i)
                out_ << (i > 0 ? " " : "") << px(at_x(s.x[i])) << ',' << px(at_y(s.y[i]));
            out_ << "\"/>";
        }
        if (s.mark == Mark::bars) {
            const auto bars = static_cast<double>(std::count_if(chart_.series.begin(), chart_.series.end(),
                                                                [](const auto& b) { return b.mark == Mark::bars; }));
            const auto before = static_cast<double>(
                std::count_if(chart_.series.begin(), chart_.series.begin() + static_cast<std::ptrdiff_t>(number),
                              [](const auto& b) { return b.mark == Mark::bars; }));
            const double room = 0.8 * gap_of(places_of(chart_)) * (right - left) / (x_.high - x_.low);
            for (std::size_t i = 0; i < s.x.size(); ++i) {
                const double from = at_x(s.x[i]) + room * (before / bars - 0.5), y = at_y(s.y[i]), zero = at_y(0.0);
                out_ << "<rect x=\"" << px(from) << "\" y=\"" << px(std::min(y, zero)) << "\" width=\""
                     << px(std::max(0.5, room / bars - 1.0)) << "\" height=\"" << px(std::abs(zero - y)) << "\"/>";
            }
        } else if (s.mark == Mark::points || s.x.size() <= 12) {
            for (std::size_t i = 0; i < s.x.size(); ++i) {
                out_ << "<circle cx=\"" << px(at_x(s.x[i])) << "\" cy=\"" << px(at_y(s.y[i])) << "\" r=\"3.2\"/>";
            }
        }
        out_ << "</g>\n";
    }

    void legend() {
        if (chart_.series.size() < 2) return;
        out_ << "<ul class=\"legend\">";
        for (std::size_t s = 0; s < chart_.series.size(); ++s) {
            out_ << "<li><svg viewBox=\"0 0 22 10\" aria-hidden=\"true\"><g class=\"s" << s + 1 << "\">";
            const Mark mark = chart_.series[s].mark;
            if (mark == Mark::line) out_ << "<polyline points=\"0,5 22,5\"/>";
            if (mark == Mark::points) out_ << "<circle cx=\"11\" cy=\"5\" r=\"3.2\"/>";
            if (mark == Mark::bars) out_ << "<rect x=\"4\" width=\"14\" height=\"10\"/>";
            out_ << "</g></svg><b>" << html::escape(chart_.series[s].name) << "</b></li>";
        }
        out_ << "</ul>\n";
    }

    std::string x_text(double x) const {
        const auto place = static_cast<std::size_t>(std::max(0.0, x));
        if (place < chart_.places.size() && static_cast<double>(place) == x) return html::escape(chart_.places[place]);
        return html::number(x, x == std::round(x) ? 0 : 3);
    }

    void table() {
        out_ << "<details><summary>Numbers<span class=\"hidden\"> of " << html::escape(chart_.title)
             << "</span></summary><div class=\"scroll\" tabindex=\"0\"><table class=\"data\"><tr><th scope=\"col\">"
             << html::escape(chart_.x_name) << "</th>";
        for (const ChartSeries& s : chart_.series) out_ << "<th scope=\"col\">" << html::escape(s.name) << "</th>";
        out_ << "</tr>\n";
        for (const double x : places_of(chart_)) {
            out_ << "<tr><th scope=\"row\">" << x_text(x) << "</th>";
            for (const ChartSeries& s : chart_.series) {
                const auto at = std::find(s.x.begin(), s.x.end(), x);
                out_ << "<td>";
                if (at != s.x.end()) {
                    const double y = s.y[static_cast<std::size_t>(at - s.x.begin())];
                    out_ << (chart_.percent ? html::percent(y) : html::number(y, y_.decimals + 2));
                }
                out_ << "</td>";
            }
            out_ << "</tr>\n";
        }
        out_ << "</table></div></details>\n";
    }

    std::ostream& out_;
    const Chart& chart_;
    ChartScale x_, y_;
};

}  // namespace detail

/// Writes a chart as a figure. On a Page it has that page's colours; several in an element of class `charts` share
/// rows. Heights are measured from 0. Throws   DataError for a value that is not finite, no values at all or more than
/// four series; ShapeError if x and y
///          of a series differ in number.
inline void write_chart(std::ostream& out, const Chart& chart, std::string_view heading = "h3") {
    detail::ChartWriter(out, chart).write(heading);
}

}  // namespace renn::inline RENN_ABI
// renn/report/colour_cube.hpp - the cube of colours in three dimensions, to be turned.

#include <array>
#include <cstddef>
#include <ostream>
#include <span>
#include <sstream>
#include <string>
#include <string_view>

// renn/report/colours.hpp - traced colours as cards and as a flat picture of the colour cube.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {

/// Red, green and blue, 0 to 1.
using Rgb = std::array<double, 3>;

/// A colour that a network was asked for, and the training colours its answer rests on.
struct TracedColour {
    /// One of these.
    struct Part {
        std::uint64_t id = 0;
        Rgb rgb = {};
        double weight = 0.0;  ///< of the blend; all add to 1
    };
    std::string name;
    Rgb reference = {};  ///< what was asked for
    Rgb predicted = {};  ///< what the network says
    Rgb weighted = {};   ///< blend of the sources, in red, green and blue: hue is an angle and has no mean
    std::vector<Part> sources = {};
};

/// "#ff8000", what lies outside 0 to 1 shown as the nearer of the two.
inline std::string hex_code(const Rgb& rgb) {
    std::string text = "#";
    for (const double part : rgb) {
        const auto byte = static_cast<unsigned>(std::lround(255.0 * (part > 0.0 ? std::min(part, 1.0) : 0.0)));
        for (const unsigned digit : {byte / 16, byte % 16}) text += "0123456789abcdef"[digit];
    }
    return text;
}

/// Euclidean distance of two colours in units of 1/255.
inline double colour_difference(const Rgb& a, const Rgb& b) {
    return 255.0 * std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

namespace detail {

template <class V>
Rgb rgb_of(const char* what, const V& values) {
    if (values.size() != 3) {
        raise<ShapeError>("traced_colour", what, std::to_string(values.size()) + " values", "3: red, green and blue");
    }
    return {static_cast<double>(values[0]), static_cast<double>(values[1]), static_cast<double>(values[2])};
}

}  // namespace detail

/// Takes a colour out of an answer whose outputs and training targets are red, green and blue; `most` sources count.
/// Throws   DataError if the training data has no targets or no sample got a vote; ShapeError if a colour does not have
///          three values.
template <class I, class S>
TracedColour traced_colour(const Retrace<I>& answer, const Dataset<S>& training, std::string name,
                           const Column<S>& reference, std::size_t most = 42) {
    if (!training.has_targets()) {
        detail::raise<DataError>("traced_colour", "training data", "no targets", "colours as targets");
    }
    TracedColour colour{
        std::move(name), detail::rgb_of("reference", reference), detail::rgb_of("outputs", answer.outputs()), {}, {}};
    const std::vector<Source> top = answer.top(most);
    if (top.empty()) detail::raise<DataError>("traced_colour", "sources", "0", "1 or more");
    const std::vector<double> weights = vote_weights(top);
    for (std::size_t i = 0; i < top.size(); ++i) {
        const Column<S> target = training.targets().col(training.position_of(top[i].id));
        colour.sources.push_back({top[i].id, detail::rgb_of("targets", target), weights[i]});
        for (std::size_t c = 0; c < 3; ++c) colour.weighted[c] += weights[i] * colour.sources.back().rgb[c];
    }
    return colour;
}

/// How cards and the cube look.
inline constexpr std::string_view colour_style = R"css(
.colours{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,370px),1fr));gap:18px}
.colours article{margin:0}
.colours .data{width:100%;font-size:12.5px}
.colours .data th,.colours .data td{padding:4px 0 4px 7px}
.colours .data th:first-child{padding-left:0;white-space:normal}
.swatches{display:flex;gap:8px;margin:12px 0}
.swatches div{flex:1 1 0;min-width:0;font-size:12.5px}
.swatches i,.blended i{display:block;height:64px;border:1px solid var(--line)}
.swatches i{border-radius:6px;margin-bottom:5px}
.swatches b{display:block}
.blended{display:flex;height:18px;margin:4px 0 12px;border-radius:4px;overflow:hidden}
.blended i{height:18px;border:0;flex-basis:0}
.flat{background:#ececea;border-radius:8px;display:block;width:100%;max-width:420px;height:auto}
.flat text{font:11px system-ui,sans-serif;fill:#333}
.flat .edge{stroke:#8a8a86;stroke-width:1}
.dots{list-style:none;display:flex;flex-wrap:wrap;gap:2px 16px;margin:8px 0;padding:0;font-size:13px}
.dots i{display:inline-block;width:10px;height:10px;transform:rotate(45deg);margin:0 9px 0 3px;border:1px solid #999}
)css";

/// One card a colour: original, blended, predicted, how far they are from each other, and the sources as a strip.
/// The page needs colour_style. Throws DataError for no colours.
inline void write_colour_cards(std::ostream& out, std::span<const TracedColour> colours) {
    if (colours.empty()) detail::raise<DataError>("write_colour_cards", "colours", "0", "1 or more");
    const auto swatch = [&](std::string_view name, const Rgb& rgb) {
        const std::string code = hex_code(rgb);
        out << "<div><i style=\"background:" << code << "\"></i><b>" << name << "</b><span class=\"quiet\">" << code
            << "</span></div>\n";
    };
    const auto row = [&](std::string_view name, const Rgb& a, const Rgb& b) {
        out << "<tr><th scope=\"row\">" << name << "</th><td>" << html::number(colour_difference(a, b), 1) << "</td>";
        for (std::size_t c = 0; c < 3; ++c) out << "<td>" << html::number(255.0 * (a[c] - b[c]), 1) << "</td>";
        out << "</tr>\n";
    };
    out << "<div class=\"colours\">\n";
    for (const TracedColour& colour : colours) {
        out << "<article><h3>" << html::escape(colour.name) << "</h3>\n<div class=\"swatches\">\n";
        swatch("Original", colour.reference);
        swatch("Blended", colour.weighted);
        swatch("Predicted", colour.predicted);
        out << "</div>\n<div class=\"blended\" role=\"img\" aria-label=\"Its " << colour.sources.size()
            << " sources, each as wide as its weight\">";
        for (const TracedColour::Part& part : colour.sources) {
            out << "<i style=\"background:" << hex_code(part.rgb)
                << ";flex-grow:" << html::number(1000.0 * part.weight, 1) << "\"></i>";
        }
        out << "</div>\n<div class=\"scroll\" tabindex=\"0\"><table class=\"data\"><caption>Differences, of "
               "255</caption><tr><th scope=\"col\"><span class=\"hidden\">Between</span></th><th "
               "scope=\"col\">distance</th><th scope=\"col\">red</th><th scope=\"col\">green</th><th "
               "scope=\"col\">blue</th></tr>\n";
        row("Predicted \u2212 original", colour.predicted, colour.reference);
        row("Blended \u2212 original", colour.weighted, colour.reference);
        row("Predicted \u2212 blended", colour.predicted, colour.weighted);
        out << "</table></div></article>\n";
    }
    out << "</div>\n";
}

/// What the points of the cube are, told by name and colour.
inline void write_colour_key(std::ostream& out) {
    out << "<ul class=\"dots\"><li><i style=\"background:#ff8c00\"></i>RGB-Reference: asked for</li><li><i "
           "style=\"background:#00918f\"></i>RGB-Predicted: the network\u2019s answer</li><li><i "
           "style=\"background:#000\"></i>RGB-Weighted: blend of the sources</li><li>Sources: in their own colour, "
           "sized by weight</li></ul>\n";
}

/// The cube of red, green and blue seen from one side, with the sources in their colour, sized by weight, the reference
/// in orange, the prediction in teal and the blend in black.
inline void write_flat_cube(std::ostream& out, const TracedColour& colour) {
    const auto at = [](const Rgb& p) {  // red to the right, green up, blue towards the lower left
        const auto inside = [](double v) { return v > 0.0 ? std::min(v, 1.0) : 0.0; };
        return std::pair{122.0 + 200.0 * inside(p[0]) - 88.0 * inside(p[2]),
                         214.0 - 190.0 * inside(p[1]) + 66.0 * inside(p[2])};
    };
    const auto dot = [&](const Rgb& p, double radius) {
        const auto [x, y] = at(p);
        out << "<circle cx=\"" << html::number(x, 1) << "\" cy=\"" << html::number(y, 1) << "\" r=\""
            << html::number(radius, 1) << "\" fill=\"" << hex_code(p) << "\" stroke=\"#666\" stroke-width=\".6\"/>";
    };
    const auto diamond = [&](const Rgb& p, std::string_view fill) {
        const auto [x, y] = at(p);
        out << "<path d=\"M" << html::number(x, 1) << ' ' << html::number(y - 7.0, 1) << "l7 7-7 7-7-7z\" fill=\""
            << fill << "\" stroke=\"#fff\" stroke-width=\"1.5\"/>";
    };
    out << "<svg class=\"flat\" viewBox=\"0 0 344 304\" role=\"img\"><title>" << html::escape(colour.name)
        << " in the cube of colours</title><desc>Reference " << hex_code(colour.reference) << ", predicted "
        << hex_code(colour.predicted) << ", blend of " << colour.sources.size() << " sources "
        << hex_code(colour.weighted) << "</desc>\n";
    for (std::size_t axis = 0; axis < 3; ++axis) {
        for (int corner = 0; corner < 4; ++corner) {
            Rgb from{}, to{};
            from[(axis + 1) % 3] = corner % 2;
            from[(axis + 2) % 3] = corner < 2 ? 0.0 : 1.0;
            to = from;
            to[axis] = 1.0;
            const auto [x1, y1] = at(from);
            const auto [x2, y2] = at(to);
            out << "<line class=\"edge\" x1=\"" << html::number(x1, 1) << "\" y1=\"" << html::number(y1, 1)
                << "\" x2=\"" << html::number(x2, 1) << "\" y2=\"" << html::number(y2, 1) << "\"/>";
        }
    }
    out << "<text x=\"326\" y=\"228\" text-anchor=\"end\">red</text><text x=\"116\" y=\"22\" "
           "text-anchor=\"end\">green</text><text x=\"28\" y=\"296\" text-anchor=\"start\">blue</text>\n";
    double heaviest = 1e-300;
    for (const TracedColour::Part& part : colour.sources) heaviest = std::max(heaviest, part.weight);
    for (const TracedColour::Part& part : colour.sources) {
        dot(part.rgb, 2.0 + 6.0 * std::sqrt(part.weight / heaviest));
    }
    diamond(colour.reference, "#ff8c00");
    diamond(colour.predicted, "#00918f");
    diamond(colour.weighted, "#000");
    out << "</svg>\n";
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {
namespace detail {

/// plotly reads its letters back from canvases; unless they are made for it Chromium complains on the console.
inline constexpr std::string_view canvas_script = R"js(
{
  const getContext = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function (kind, options) {
    return getContext.call(this, kind, kind === '2d' ? {willReadFrequently: true, ...options} : options);
  };
}
)js";

/// Draws the chosen colour; turned by mouse, finger, buttons and the arrow keys. The eye's place is kept in data-eye.
inline constexpr std::string_view cube_script = R"js(
(() => {
  const box = document.querySelector('.cube'), choice = document.querySelector('.cube-choice');
  const colours = JSON.parse(box.dataset.colours);
  const far = Math.max(1, box.clientHeight / box.clientWidth);  // in a narrow box the cube is as wide as it
  let eye = {x: 1.5 * far, y: -1.7 * far, z: 0.9 * far};
  const say = () => { box.dataset.eye = [eye.x, eye.y, eye.z].map(v => v.toFixed(3)).join(' '); };
  const axis = name => ({title: {text: name}, range: [-2, 257], tickvals: [0, 85, 170, 255], color: '#333',
    gridcolor: '#d6d6d2', zeroline: false, showspikes: false});
  const point = (name, rgb, color) => ({type: 'scatter3d', mode: 'markers', name, x: [rgb[0]], y: [rgb[1]], z: [rgb[2]],
    marker: {symbol: 'diamond', size: 9, color, line: {color: '#fff', width: 2}}, hovertemplate: name + ' %{x}, %{y}, %{z}<extra></extra>'});
  const edges = {type: 'scatter3d', mode: 'lines', hoverinfo: 'skip', line: {color: '#9a9a96', width: 2}, x: [], y: [], z: []};
  for (let a = 0; a < 8; ++a) {
    for (const bit of [1, 2, 4]) {
      if (a & bit) continue;
      for (const corner of [a, a | bit]) ['x', 'y', 'z'].forEach((d, i) => edges[d].push(corner & 1 << i ? 255 : 0));
      for (const d of 'xyz') edges[d].push(null);
    }
  }
  const draw = () => {
    const c = colours[choice.value], most = Math.max(...c.sources.map(s => s[3]));
    const column = i => c.sources.map(s => s[i]);
    Plotly.react(box, [edges,
      {type: 'scatter3d', mode: 'markers', name: 'Sources', x: column(0), y: column(1), z: column(2),
       text: c.sources.map(s => (100 * s[3]).toFixed(1) + ' %'),
       marker: {size: c.sources.map(s => 4 + 14 * Math.sqrt(s[3] / most)), opacity: 1,
                color: c.sources.map(s => `rgb(${s[0]},${s[1]},${s[2]})`), line: {color: '#666', width: 1}},
       hovertemplate: 'Source %{x}, %{y}, %{z}: %{text}<extra></extra>'},
      point('RGB-Reference', c.reference, '#ff8c00'), point('RGB-Predicted', c.predicted, '#00918f'),
      point('RGB-Weighted', c.weighted, '#000')],
      {paper_bgcolor: '#ececea', font: {color: '#222'}, margin: {l: 0, r: 0, t: 0, b: 0}, showlegend: false,
       scene: {xaxis: axis('red'), yaxis: axis('green'), zaxis: axis('blue'), aspectmode: 'cube', dragmode: 'turntable',
               camera: {eye, center: {x: 0, y: 0, z: -.12}}}},
      {displaylogo: false, displayModeBar: false, responsive: true});
    say();
  };
  const turn = (round, up) => {
    const r = Math.hypot(eye.x, eye.y, eye.z), a = Math.atan2(eye.y, eye.x) + round;
    const b = Math.max(-1.5, Math.min(1.5, Math.asin(eye.z / r) + up));
    eye = {x: r * Math.cos(b) * Math.cos(a), y: r * Math.cos(b) * Math.sin(a), z: r * Math.sin(b)};
    Plotly.relayout(box, {'scene.camera.eye': eye}).then(say);
  };
  const turns = {ArrowLeft: [-.2, 0], ArrowRight: [.2, 0], ArrowUp: [0, .2], ArrowDown: [0, -.2]};
  try {
    draw();
    box.on('plotly_relayout', e => { if (e['scene.camera']) { eye = e['scene.camera'].eye; say(); } });
  } catch (problem) {
    box.textContent = 'This browser cannot show the cube: ' + problem.message;
    return;
  }
  choice.addEventListener('change', draw);
  box.addEventListener('keydown', e => { if (turns[e.key]) { e.preventDefault(); turn(...turns[e.key]); } });
  for (const b of document.querySelectorAll('[data-turn]')) b.addEventListener('click', () => turn(...turns[b.dataset.turn]));
})();
)js";

inline constexpr std::string_view cube_style = R"css(
.cube{height:min(560px,78vh,105vw);background:#ececea;border-radius:10px;overflow:hidden;touch-action:pan-y}
.cube-tools{display:flex;flex-wrap:wrap;gap:8px;align-items:center;margin:0 0 10px}
.cube-tools select,.cube-tools button{font:inherit;color:var(--ink);background:var(--card);border:1px solid var(--quiet);
border-radius:6px;padding:5px 10px;max-width:100%}
.cube-tools select{min-width:0;flex:0 1 auto}
)css";

inline void write_cube_data(std::ostream& out, std::span<const TracedColour> colours) {
    const auto values = [](const Rgb& rgb) {
        std::string text;
        for (const double part : rgb) text += (text.empty() ? "" : ",") + html::number(255.0 * part, 0);
        return text;
    };
    out << '[';
    for (std::size_t i = 0; i < colours.size(); ++i) {
        const TracedColour& c = colours[i];
        out << (i > 0 ? "," : "") << "{\"reference\":[" << values(c.reference) << "],\"predicted\":["
            << values(c.predicted) << "],\"weighted\":[" << values(c.weighted) << "],\"sources\":[";
        for (std::size_t s = 0; s < c.sources.size(); ++s) {
            out << (s > 0 ? "," : "") << '[' << values(c.sources[s].rgb) << ',' << html::number(c.sources[s].weight, 5)
                << ']';
        }
        out << "]}";
    }
    out << ']';
}

}  // namespace detail

/// Adds a section with the cube of red, green and blue, 0 to 255 each, in which the sources of a colour lie: turned by
/// mouse, finger, buttons and arrow keys, one colour at a time. `plotly` is the text of a build of plotly.js that has
/// scatter3d, such as the npm package plotly.js-gl3d-dist-min; the page carries it. Without it ("") the section says
/// that the cube is left out and shows it flat; with it the flat one is folded up below, for browsers without WebGL.
///
/// Throws   DataError for no colours, or one without sources.
inline void add_colour_cube(Page& page, std::span<const TracedColour> colours, std::string_view plotly) {
    if (colours.empty()) detail::raise<DataError>("add_colour_cube", "colours", "0", "1 or more");
    for (const TracedColour& c : colours) {
        if (c.sources.empty()) {
            detail::raise<DataError>("add_colour_cube", "sources of \"" + c.name + '"', "0", "1 or more");
        }
    }
    const auto flat = [&](std::ostream& out) {
        out << "<div class=\"colours\">\n";
        for (const TracedColour& c : colours) {
            out << "<figure>";
            write_flat_cube(out, c);
            out << "<figcaption>" << html::escape(c.name) << "</figcaption></figure>\n";
        }
        out << "</div>\n";
    };
    page.style(colour_style);
    if (plotly.empty()) {
        page.section("The cube of colours", [&](std::ostream& out) {
            out << "<p>The cube that can be turned is left out: this page was made without plotly.js. Here it is from "
                   "one side.</p>\n";
            write_colour_key(out);
            flat(out);
        });
        return;
    }
    page.style(detail::cube_style);
    page.section("The cube of colours", [&](std::ostream& out) {
        out << "<p>Turn it with the mouse or a finger, or choose it with the Tab key and use the arrow keys.</p>\n";
        write_colour_key(out);
        out << "<div class=\"cube-tools\"><label for=\"cube-choice\">Colour</label><select class=\"cube-choice\" "
               "id=\"cube-choice\">";
        for (std::size_t i = 0; i < colours.size(); ++i) {
            out << "<option value=\"" << i << "\">" << html::escape(colours[i].name) << "</option>";
        }
        out << "</select>";
        const std::array<std::array<std::string_view, 3>, 4> turns{{{"ArrowLeft", "\u2190", "Turn left"},
                                                                    {"ArrowRight", "\u2192", "Turn right"},
                                                                    {"ArrowUp", "\u2191", "Look from higher"},
                                                                    {"ArrowDown", "\u2193", "Look from lower"}}};
        for (const auto& [key, sign, name] : turns) {
            out << "<button type=\"button\" data-turn=\"" << key << "\" aria-label=\"" << name << "\">" << sign
                << "</button>";
        }
        std::ostringstream data;
        detail::write_cube_data(data, colours);
        out << "</div>\n<div class=\"cube\" tabindex=\"0\" role=\"group\" aria-label=\"Cube of colours, turned with "
               "the "
               "arrow keys\" data-colours=\""
            << html::escape(data.str()) << "\"></div>\n<details><summary>The cube from one side</summary>\n";
        flat(out);
        out << "</details>\n";
    });
    page.script(detail::canvas_script);
    page.script(plotly);
    page.script(detail::cube_script);
}

}  // namespace renn::inline RENN_ABI
// renn/report/deactivation_table.hpp - what switching neurons off does to each class, as tables.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>


namespace renn::inline RENN_ABI {

/// The rules of style that these tables need beside those of a page: its colours, and its class data for tables.
inline constexpr std::string_view deactivation_style = R"css(
.off-table .off th,.off-table .off td,.off-table td.off{color:var(--wrong);font-weight:650}
.off-table .bar{position:relative;display:block;width:180px;height:12px;background:var(--track);border-radius:2px}
.off-table .bar i{display:block;height:100%;background:var(--bar);border-radius:2px}
.off-table .off .bar i{background:var(--wrong)}
.off-table .bar b{position:absolute;top:-2px;bottom:-2px;width:2px;background:var(--ink)}
.off-table .sum th,.off-table .sum td{border-top:2px solid var(--line)}
.confusion td{position:relative;z-index:0;min-width:44px;padding:4px 8px;text-align:right}
.confusion td i{position:absolute;inset:1px;z-index:-1;background:var(--low)}
.confusion td.same i{background:var(--high)}
.confusion thead th{text-align:right;padding:4px 8px}
)css";

namespace detail {

inline std::string class_name(std::span<const std::string> names, Index c) {
    return html::escape(c < std::ssize(names) ? names[static_cast<std::size_t>(c)] : std::to_string(c));
}

/// "97.24", or a dash for a class without samples.
inline std::string points(double part) {
    return std::isnan(part) ? "\u2013" : html::number(100.0 * part, 2);
}
/// "+0.31", with a true minus sign.
inline std::string change(double part) {
    if (std::isnan(part)) return "\u2013";
    const std::string size = html::number(100.0 * std::abs(part), 2);
    return size == "0.00" ? size : (part < 0.0 ? "\u2212" : "+") + size;
}

}  // namespace detail

/// Accuracy of each class before and after neurons were switched off, and the change; the class `off` that they were
/// chosen for stands out. Names are those of the classes, or their numbers where there are none.
///
/// Throws   ShapeError if before and after are not of the same classes; DataError if `off` is none of them.
/// Source   RENN, figure 4.3.
inline void write_deactivation_table(std::ostream& out, const Confusion& before, const Confusion& after, Index off,
                                     std::span<const std::string> names = {}) {
    const Index classes = before.classes();
    if (after.classes() != classes) {
        detail::raise<ShapeError>("write_deactivation_table", "classes after", std::to_string(after.classes()),
                                  std::to_string(classes) + ", those before");
    }
    if (off < 0 || off >= classes) {
        detail::raise<DataError>("write_deactivation_table", "class", std::to_string(off), detail::below_text(classes));
    }
    out << "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Accuracy of each class\">"
           "<table class=\"data off-table\">\n<thead><tr><th scope=\"col\">Class</th><th scope=\"col\">Samples</th>"
           "<th scope=\"col\">Before, %</th><th scope=\"col\">After, %</th><th scope=\"col\">Change</th>"
           "<td></td></tr></thead>\n<tbody>\n";
    const auto row = [&](const std::string& name, std::string_view kind, std::int64_t samples, double was, double is) {
        out << "<tr" << (kind.empty() ? "" : " class=\"" + std::string(kind) + '"') << "><th scope=\"row\">" << name
            << "</th><td>" << html::grouped(static_cast<std::uint64_t>(samples)) << "</td><td>" << detail::points(was)
            << "</td><td>" << detail::points(is) << "</td><td>" << detail::change(is - was) << "</td><td>";
        if (!std::isnan(was)) {
            out << "<span class=\"bar\" aria-hidden=\"true\"><i style=\"width:" << html::number(100.0 * is, 1)
                << "%\"></i><b style=\"left:calc(" << html::number(100.0 * was, 1) << "% - 2px)\"></b></span>";
        }
        out << "</td></tr>\n";
    };
    for (Index c = 0; c < classes; ++c) {
        row(detail::class_name(names, c) + (c == off ? ", switched off" : ""), c == off ? "off" : "", before.samples(c),
            before.accuracy(c), after.accuracy(c));
    }
    row("Mean of the others", "sum", before.samples() - before.samples(off), before.accuracy_without(off),
        after.accuracy_without(off));
    row("All samples", "", before.samples(), before.accuracy(), after.accuracy());
    out << "</tbody>\n</table></div>\n";
}

/// Which classes are taken for which: a row for each label, a column for each prediction, in samples, with a shade by
/// their part of the label's.
inline void write_confusion(std::ostream& out, const Confusion& confusion, std::span<const std::string> names = {},
                            std::string_view caption = "Rows: the label. Columns: the prediction.") {
    const Index classes = confusion.classes();
    out << "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Confusion matrix\">"
           "<table class=\"data confusion\">\n<caption>"
        << html::escape(caption) << "</caption>\n<thead><tr><th></th>";
    for (Index c = 0; c < classes; ++c) out << "<th scope=\"col\">" << detail::class_name(names, c) << "</th>";
    out << "</tr></thead>\n<tbody>\n";
    for (Index label = 0; label < classes; ++label) {
        const auto all = static_cast<double>(std::max<std::int64_t>(confusion.samples(label), 1));
        out << "<tr><th scope=\"row\">" << detail::class_name(names, label) << "</th>";
        for (Index said = 0; said < classes; ++said) {
            const std::int64_t count = confusion.count(label, said);
            out << "<td" << (label == said ? " class=\"same\">" : ">");
            if (count > 0) {
                const double shade = 0.12 + 0.48 * static_cast<double>(count) / all;
                out << "<i style=\"opacity:" << html::number(shade, 2) << "\"></i>";
            }
            out << count << "</td>";
        }
        out << "</tr>\n";
    }
    out << "</tbody>\n</table></div>\n";
}

/// What was switched off for one class, and what is left.
struct DeactivationRow {
    Index off = 0;            ///< the class
    std::size_t neurons = 0;  ///< switched off
    std::size_t of = 0;       ///< neurons there were to choose from
    Confusion after;
};

/// One row for each class that was switched off: how many neurons that took, and the accuracy of every class after.
/// Throws   DataError without rows; ShapeError if they are not of the same classes.
inline void write_deactivation_overview(std::ostream& out, std::span<const DeactivationRow> rows,
                                        std::span<const std::string> names = {}) {
    if (rows.empty()) detail::raise<DataError>("write_deactivation_overview", "rows", "0", "1 or more");
    const Index classes = rows.front().after.classes();
    out << "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Every class switched off in turn\">"
           "<table class=\"data off-table\">\n<caption>Accuracy of each class in %, with one of them switched off"
           "</caption>\n<thead><tr><th scope=\"col\">Off</th><th scope=\"col\">Neurons</th><th "
           "scope=\"col\">Share</th>";
    for (Index c = 0; c < classes; ++c) out << "<th scope=\"col\">" << detail::class_name(names, c) << "</th>";
    out << "<th scope=\"col\">Mean of the others</th></tr></thead>\n<tbody>\n";
    for (const DeactivationRow& row : rows) {
        if (row.after.classes() != classes) {
            detail::raise<ShapeError>("write_deactivation_overview", "classes", std::to_string(row.after.classes()),
                                      std::to_string(classes));
        }
        const double share = static_cast<double>(row.neurons) / static_cast<double>(std::max<std::size_t>(row.of, 1));
        out << "<tr><th scope=\"row\">" << detail::class_name(names, row.off) << "</th><td>" << row.neurons
            << "</td><td>" << html::percent(share) << "</td>";
        for (Index c = 0; c < classes; ++c) {
            out << (c == row.off ? "<td class=\"off\">" : "<td>") << detail::points(row.after.accuracy(c)) << "</td>";
        }
        out << "<td>" << detail::points(row.after.accuracy_without(row.off)) << "</td></tr>\n";
    }
    out << "</tbody>\n</table></div>\n";
}

}  // namespace renn::inline RENN_ABI
// renn/report/evidence_by_layer.hpp - a chart of where in the network a prediction forms.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// renn/report/retrace_view.hpp - what a page shows of an answer: plain values, taken out of it once.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

// renn/retrace/source_targets.hpp - regression: which targets the sources have, and how much they differ.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>


namespace renn::inline RENN_ABI {

/// Targets of some sources.
template <class S>
struct SourceTargets {
    Column<S> mean;          ///< sum of w_s t_s: the evidence prediction
    Column<S> spread;        ///< sqrt(sum of w_s (t_s - mean)^2); 0 for one source, which says nothing about certainty
    double effective = 0.0;  ///< 1 / sum of w_s^2: as many sources of equal weight would spread the weight as much
};

/// Weighted mean and spread of the targets of samples, w_s = weight / sum of weights. Added up in double, in order.
///
/// Shapes   weights: one an id.
/// Throws   ShapeError if weights and ids differ in number; DataError for no ids, an unknown one, a negative or
///          infinite weight, or data without targets.
template <class S>
SourceTargets<S> source_targets(std::span<const double> weights, std::span<const std::uint64_t> ids,
                                const Dataset<S>& data) {
    detail::require_weight_each("source_targets", weights.size(), ids.size());
    detail::require_amounts("source_targets", "weight", weights);
    if (ids.empty()) detail::raise<DataError>("source_targets", "sources", "0", "1 or more");
    if (!data.has_targets()) detail::raise<DataError>("source_targets", "data", "no targets", "one a sample");
    const std::vector<double> parts = detail::parts_of_one(weights);
    const auto target = [&](std::size_t i) {
        return data.targets().col(data.position_of(ids[i])).template cast<double>();
    };
    Column<double> mean = Column<double>::Zero(data.targets().rows()), variance = mean;
    double squares = 0.0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        mean += parts[i] * target(i);
        squares += parts[i] * parts[i];
    }
    for (std::size_t i = 0; i < ids.size(); ++i) variance += parts[i] * (target(i) - mean).cwiseAbs2();
    return {mean.template cast<S>(), variance.cwiseSqrt().template cast<S>(), 1.0 / squares};
}

/// The same by votes: `source_targets(answer.top(42), training)`.
template <class S>
SourceTargets<S> source_targets(std::span<const Source> sources, const Dataset<S>& data) {
    std::vector<std::uint64_t> ids;
    for (const Source& s : sources) ids.push_back(s.id);
    return source_targets<S>(vote_weights(sources), ids, data);
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// A source with its picture; `tag` is the user's own text for it.
struct ReportSource {
    Source source;
    std::string tag;
    Picture picture;
};

/// The sources of some neurons of one kind.
struct ReportView {
    std::string name;  ///< of the place; empty: the network
    Kind kind = Kind::pre;
    std::size_t neurons = 0;
    double votes = 0.0;
    std::vector<double> evidence;       ///< one a class; empty without labels
    std::vector<ReportSource> sources;  ///< most votes first
    Picture blend;
    std::size_t blended = 0;               ///< sources in the blend
    double certainty = 0.0, margin = 0.0;  ///< of the evidence
    std::vector<double> targets, spread;   ///< regression: mean and spread of the sources' targets
};

/// A picture in which a neuron looked at a part.
struct ReportLook {
    std::uint64_t id = 0;
    std::int32_t label = -1;
    bool query = false;  ///< the sample itself, not a source
    Picture picture;
    Patch patch;
};

/// One neuron: what its own closest samples look like together.
struct ReportNeuron {
    std::uint32_t unit = 0;
    double value = 0.0;
    Picture blend;
    std::int32_t label = -1;             ///< most frequent among its closest samples
    double label_share = 0.0;            ///< and how frequent
    std::vector<ReportLook> looks = {};  ///< where it looked: in the sample, in its closest samples
    /// One of its closest samples.
    struct Near {
        Neighbour sample;
        std::int32_t label = -1;
    };
    std::vector<Near> nearest = {};  ///< its closest samples
};

/// A layer, or the whole network: its pre-activations, its post-activations, its most active neurons.
struct ReportLayer {
    std::string name;
    std::vector<ReportView> views;
    std::vector<ReportNeuron> neurons;
    std::size_t place = 0;  ///< the answer's number of the place they are of
    bool all_neurons = false;
};

/// One traced prediction.
struct ReportSample {
    std::uint64_t id = 0;
    std::string tag;
    std::int32_t label = -1;       ///< -1: not known
    std::int32_t prediction = -1;  ///< -1: a model without outputs
    Picture picture;
    std::vector<double> outputs, target;  ///< regression: what the model says, and what it should, if known
    Picture output_picture;               ///< of the outputs, if targets are pictures
    std::optional<double> familiarity = {}, credibility = {};
    ReportLayer network;
    std::vector<ReportLayer> layers;

    bool wrong() const noexcept { return label >= 0 && prediction >= 0 && label != prediction; }
};

/// How much of an answer is shown.
struct ReportDetail {
    std::size_t sources = 16;        ///< shown for the network
    std::size_t layer_sources = 8;   ///< shown for each layer
    std::size_t neurons = 16;        ///< shown for each layer, the largest values first; if all, in their order
    std::size_t neuron_sources = 3;  ///< closest samples told of each of these, with their distances
    std::size_t marked = 6;          ///< of the neurons shown of an image: where they looked, if add() has a marker
    std::size_t marked_sources = 5;  ///< closest samples of each of these
    std::size_t blended = 0;         ///< sources in a blend; 0: k, at most 50: sources further down mean little
    bool layers = true;              ///< shown at all
};

/// Everything a page shows.
struct RetracePage {
    /// A line of the table at the page's head.
    struct Fact {
        std::string name, value;
    };

    std::string title = "Retraced predictions";
    std::string introduction = {};
    std::string sample_name = "sample";           ///< what a query is called: "test image"
    std::string source_name = "training sample";  ///< what a source is called: "training image"
    ReportDetail detail = {};
    Shape target_image = {};  ///< targets are pictures of this shape: samples and blends are shown as theirs
    std::vector<Fact> facts = {};
    std::vector<std::string> class_names = {};
    Provenance provenance = {};
    std::vector<ReportSample> samples = {};
};

namespace detail {

/// Outputs are no classes.
template <class S>
bool is_regression(const Dataset<S>& data) {
    return data.has_targets() && !data.has_labels();
}

/// Values of an output or target.
template <class V>
std::vector<double> doubles(const V& values) {
    return {values.data(), values.data() + values.size()};
}

template <class S>
Picture sample_picture(const Dataset<S>& data, Index position, const Shape& target_image) {
    if (!target_image.unknown()) return picture(data.targets().col(position), target_image);
    return picture(data.input(position), data.image());
}

/// Pictures are blended as such, whatever the inputs are: hues, for one, have no mean.
template <class S, class Sources>
Picture blend_picture(const std::vector<double>& weights, const Sources& sources, const Dataset<S>& data,
                      const Shape& target_image) {
    std::vector<std::uint64_t> ids;
    for (const auto& s : sources) ids.push_back(s.id);
    if (!target_image.unknown()) return picture(blend_targets(weights, ids, data), target_image);
    if (data.image().unknown()) return {};
    return picture(blend(weights, ids, data), data.image());
}

template <class S>
ReportSource report_source(const Source& source, const Dataset<S>& training, const Shape& target_image) {
    const Index position = training.position_of(source.id);
    ReportSource shown{source, {}, sample_picture(training, position, target_image)};
    if (is_regression(training)) shown.source.prediction = -1;
    if (!training.tags().empty()) shown.tag = training.tags()[static_cast<std::size_t>(position)];
    return shown;
}

template <class I, class S>
ReportView report_view(const Votes<I>& votes, std::string name, Kind kind, const Dataset<S>& training,
                       std::size_t shown, std::size_t blended, const Shape& target_image) {
    ReportView view;
    view.name = std::move(name);
    view.kind = kind;
    view.neurons = votes.neurons();
    view.votes = votes.total();
    const std::vector<Source> top = votes.top(std::max(shown, blended));
    if (top.empty()) return view;
    if (top.front().label >= 0) {
        view.evidence = votes.evidence();
        view.certainty = certainty(view.evidence);
        view.margin = margin(view.evidence);
    }
    for (std::size_t i = 0; i < std::min(shown, top.size()); ++i) {
        view.sources.push_back(report_source(top[i], training, target_image));
    }
    view.blended = std::min(blended, top.size());
    const auto used = std::span(top).first(view.blended);
    if (used.empty()) return view;
    const std::vector<double> weights = vote_weights(used);
    view.blend = blend_picture(weights, used, training, target_image);
    if (is_regression(training)) {
        const auto targets = source_targets<S>(used, training);
        view.targets = doubles(targets.mean);
        view.spread = doubles(targets.spread);
    }
    return view;
}

template <class S>
ReportNeuron report_neuron(std::uint32_t unit, const NeuronSources& sources, const Dataset<S>& training,
                           std::size_t told, const Shape& target_image) {
    ReportNeuron shown{unit, sources.value, {}, -1, 0.0, {}, {}};
    if (sources.neighbours.empty()) return shown;
    for (std::size_t i = 0; i < std::min(told, sources.neighbours.size()); ++i) {
        const Neighbour& n = sources.neighbours[i];
        shown.nearest.push_back({n, training.has_labels() ? training.label(training.position_of(n.id)) : -1});
    }
    shown.blend = blend_picture(distance_weights(sources.neighbours), sources.neighbours, training, target_image);
    if (training.has_labels()) {
        std::vector<std::size_t> count(static_cast<std::size_t>(training.classes()), 0);
        for (const Neighbour& n : sources.neighbours) {
            ++count[static_cast<std::size_t>(training.label(training.position_of(n.id)))];
        }
        const auto most = std::max_element(count.begin(), count.end());
        shown.label = static_cast<std::int32_t>(most - count.begin());
        shown.label_share = static_cast<double>(*most) / static_cast<double>(sources.neighbours.size());
    }
    return shown;
}

/// Neurons of the place of a number: those with the largest values, or all in their order.
template <class I, class S>
std::vector<ReportNeuron> report_neurons(const Retrace<I>& answer, std::size_t number, const Dataset<S>& training,
                                         const ReportDetail& detail, const Shape& target_image) {
    std::vector<std::pair<NeuronSources, std::uint32_t>> all;
    if (detail.neurons == 0) return {};
    for (const std::uint32_t unit : answer.units(number)) {
        all.emplace_back(answer.neuron(answer.place(number).name, unit), unit);
    }
    if (detail.neurons < all.size()) {
        std::stable_sort(all.begin(), all.end(),
                         [](const auto& a, const auto& b) { return a.first.value > b.first.value; });
        all.resize(detail.neurons);
    }
    std::vector<ReportNeuron> shown;
    for (const auto& [found, unit] : all) {
        shown.push_back(report_neuron(unit, found, training, detail.neuron_sources, target_image));
    }
    return shown;
}

/// Everything but what is known of the sample itself. Throws DataError if `training` lacks a source.
template <class I, class S>
ReportSample report_sample(const Retrace<I>& answer, const Dataset<S>& training, const ReportDetail& shown,
                           const Shape& target_image) {
    if (!target_image.unknown() && !training.has_targets()) {
        raise<DataError>("RetraceReport::add", "target_image", "data without targets", "targets");
    }
    ReportSample sample;
    if (is_regression(training)) {
        sample.outputs = doubles(answer.outputs());
    } else {
        sample.prediction = answer.prediction();
    }
    if (!target_image.unknown() && !answer.outputs().empty()) {
        sample.output_picture =
            picture(Eigen::Map<const Column<S>>(answer.outputs().data(), std::ssize(answer.outputs())), target_image);
    }
    const auto k = static_cast<std::size_t>(answer.provenance().k);
    const std::size_t blended = shown.blended > 0 ? shown.blended : std::min<std::size_t>(k, 50);
    const std::size_t places = answer.layers().size();
    bool pre = false, post = false;
    Index last = -1;
    for (std::size_t i = 0; i < places; ++i) {
        const Point& place = answer.place(i);
        (place.kind == Kind::pre ? pre : post) = true;
        if (!shown.layers) continue;
        if (place.layer != last || sample.layers.empty()) {
            sample.layers.push_back({place.name, {}, report_neurons(answer, i, training, shown, target_image), i});
            sample.layers.back().all_neurons = sample.layers.back().neurons.size() == answer.units(i).size();
        } else {
            sample.layers.back().name += ", " + place.name;
        }
        last = place.layer;
        sample.layers.back().views.push_back(
            report_view(answer.layer(i), place.name, place.kind, training, shown.layer_sources, blended, target_image));
    }
    for (const Kind kind : {Kind::pre, Kind::post}) {
        if (!(kind == Kind::pre ? pre : post)) continue;
        sample.network.views.push_back(
            report_view(answer.kind(kind), "", kind, training, shown.sources, blended, target_image));
    }
    return sample;
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI::detail {

/// Evidence of the predicted class, the true one, and of the others the strongest. Nothing for fewer than two layers
/// with evidence or without a prediction.
template <class ClassName>
std::optional<Chart> evidence_by_layer(const ReportSample& sample, const ClassName& class_name) {
    std::vector<const ReportView*> views;
    std::vector<double> sums;
    for (const ReportLayer& layer : sample.layers) {
        for (const ReportView& view : layer.views) {
            if (view.evidence.empty()) continue;
            views.push_back(&view);
            sums.resize(view.evidence.size(), 0.0);
            for (std::size_t c = 0; c < sums.size(); ++c) sums[c] += view.evidence[c];
        }
    }
    if (views.size() < 2 || sample.prediction < 0) return std::nullopt;
    std::vector<std::pair<std::int32_t, std::string>> classes{{sample.prediction, class_name(sample.prediction)}};
    if (sample.label < 0) {
        classes[0].second += ", predicted";
    } else {
        classes[0].second += sample.wrong() ? ", wrongly predicted" : ", true and predicted";
    }
    if (sample.wrong()) classes.emplace_back(sample.label, class_name(sample.label) + ", true");
    std::int32_t other = -1;
    for (std::int32_t c = 0; c < static_cast<std::int32_t>(sums.size()); ++c) {
        if (c == sample.prediction || c == sample.label) continue;
        if (other < 0 || sums[static_cast<std::size_t>(c)] > sums[static_cast<std::size_t>(other)]) other = c;
    }
    if (other >= 0) classes.emplace_back(other, class_name(other) + ", strongest other");

    Chart chart{.title = "Evidence by layer",
                .description = "Share of each layer\u2019s votes that went to sources of a class.",
                .x_name = "layer",
                .y_name = "evidence",
                .percent = true};
    for (const ReportView* view : views) chart.places.push_back(view->name);
    for (const auto& [label, name] : classes) {
        ChartSeries& series = chart.series.emplace_back();
        series.name = name;
        const auto at = static_cast<std::size_t>(label);
        for (std::size_t i = 0; i < views.size(); ++i) {
            series.x.push_back(static_cast<double>(i));
            series.y.push_back(at < views[i]->evidence.size() ? views[i]->evidence[at] : 0.0);
        }
    }
    return chart;
}

}  // namespace renn::inline RENN_ABI::detail
// renn/report/neuron_looks.hpp - shows where neurons looked, in a sample and in their closest training samples.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// Marks nothing.
struct NoMarker {};

/// Adds their looks to the first neurons of each layer that is an image. All inputs of the sample are marked together:
/// `marker(features x n)` gives a callable (point, unit, column) -> std::optional<Patch>, such as NeuronPatches.
template <class I, class S, class Marker>
void mark_neurons(ReportSample& sample, const Retrace<I>& answer, const Dataset<S>& training, const Column<S>& query,
                  const ReportDetail& shown, const Marker& marker) {
    std::vector<Index> positions{-1};  // of each column of the inputs: the query, then training samples
    std::map<Index, Index> columns;
    std::vector<std::vector<Index>> wanted;  // columns of each neuron
    const auto for_each_marked = [&](auto&& f) {
        for (ReportLayer& layer : sample.layers) {
            const Point& place = answer.place(layer.place);
            if (place.shape.positions() < 2 || place.shape.size() == 0) continue;
            for (std::size_t i = 0; i < std::min(shown.marked, layer.neurons.size()); ++i) f(place, layer.neurons[i]);
        }
    };
    for_each_marked([&](const Point& place, const ReportNeuron& neuron) {
        wanted.push_back({0});
        for (const Neighbour& n : answer.neuron(place.name, neuron.unit).neighbours) {
            if (wanted.back().size() > shown.marked_sources) break;
            const Index position = training.position_of(n.id);
            const auto [at, is_new] = columns.try_emplace(position, std::ssize(positions));
            if (is_new) positions.push_back(position);
            wanted.back().push_back(at->second);
        }
    });
    if (wanted.empty()) return;

    Batch<S> inputs(query.size(), std::ssize(positions));
    inputs.col(0) = query;
    std::vector<ReportLook> looks{{sample.id, sample.label, true, sample.picture, {}}};
    for (Index c = 1; c < inputs.cols(); ++c) {
        const Index position = positions[static_cast<std::size_t>(c)];
        inputs.col(c) = training.input(position);
        looks.push_back({training.id(position),
                         training.has_labels() ? training.label(position) : -1,
                         false,
                         picture(inputs.col(c), training.image()),
                         {}});
    }
    const auto marks = marker(inputs);
    std::size_t next = 0;
    for_each_marked([&](const Point& place, ReportNeuron& neuron) {
        for (const Index c : wanted[next++]) {
            const std::optional<Patch> patch = marks(place, neuron.unit, c);
            if (!patch) continue;
            neuron.looks.push_back(looks[static_cast<std::size_t>(c)]);
            neuron.looks.back().patch = *patch;
        }
    });
}

}  // namespace renn::inline RENN_ABI::detail
// renn/report/profile_strips.hpp - a picture of what every neuron does for a class.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// renn/retrace/profiles.hpp - what every neuron does for each class of recorded samples.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>


namespace renn::inline RENN_ABI {

/// Samples that profiles take together.
struct SampleGroup {
    std::string name;
    std::vector<std::uint64_t> ids;
};

/// Which samples profiles are made of, and on how many threads.
struct ProfileOptions {
    std::vector<SampleGroup> groups = {};  ///< in place of the classes; samples in none of them do not count
    int threads = 1;                       ///< 0: every core; the numbers do not depend on it
};

/// What the neurons of one traced place do: matrices of units x groups.
struct ProfilePlace {
    Point point;
    bool output = false;  ///< of the last layer, as wide as what the model puts out
    Batch<double> mean;
    Batch<double> deviation;  ///< standard deviation: the root of the mean square distance from the mean
    Batch<double> active;     ///< share of samples with a value above 0
};

/// Class activation profiles: for each neuron and class of samples, what values it takes.
struct ClassProfiles {
    std::vector<std::string> groups;    ///< names of the classes, or of the groups given
    std::vector<std::uint64_t> counts;  ///< samples of each
    std::vector<ProfilePlace> places;   ///< in the order of the pass, pre- and post-activations

    std::uint64_t samples() const noexcept {
        std::uint64_t sum = 0;
        for (const std::uint64_t count : counts) sum += count;
        return sum;
    }
    /// A place by its name: "relu1". Throws DataError if there is none.
    const ProfilePlace& operator[](std::string_view name) const {
        std::string known;
        for (const ProfilePlace& place : places) {
            if (place.point.name == name) return place;
            known += (known.empty() ? "" : ", ") + place.point.name;
        }
        detail::raise<DataError>("ClassProfiles", "place", "\"" + std::string(name) + "\"", "one of " + known);
    }
    /// Number of a class or group by its name. Throws DataError if there is none.
    std::size_t group(std::string_view name) const {
        const auto at = std::find(groups.begin(), groups.end(), name);
        if (at == groups.end())
            detail::raise<DataError>("ClassProfiles", "group \"" + std::string(name) + "\"", "none", "a known one");
        return static_cast<std::size_t>(at - groups.begin());
    }
    /// Mean of a unit over the samples of all groups.
    double overall_mean(std::size_t place, Index unit) const {
        double sum = 0.0;
        for (std::size_t g = 0; g < counts.size(); ++g) {
            sum += static_cast<double>(counts[g]) * places[place].mean(unit, static_cast<Index>(g));
        }
        return sum / static_cast<double>(samples());
    }
};

namespace detail {

/// Group of each recorded sample, -1 for none, and how many there are of each.
template <class Store>
std::vector<std::int32_t> group_samples(const Store& store, const ProfileOptions& options, ClassProfiles& profiles) {
    const char* where = "class_profiles";
    const auto n = static_cast<std::size_t>(store.samples());
    std::vector<std::int32_t> group_of(n, -1);
    const auto put = [&](std::size_t sample, std::int32_t group) {
        group_of[sample] = group;
        ++profiles.counts[static_cast<std::size_t>(group)];
    };
    if (options.groups.empty()) {
        if (store.labels.empty())
            raise<DataError>(where, "labels of the recorded samples", "none", "labels, or groups");
        for (int c = 0; c < store.classes(); ++c) {
            const auto at = static_cast<std::size_t>(c);
            profiles.groups.push_back(at < store.class_names.size() ? store.class_names[at] : std::to_string(c));
        }
        profiles.counts.assign(profiles.groups.size(), 0);
        for (std::size_t s = 0; s < n; ++s) put(s, store.labels[s]);
    } else {
        for (const SampleGroup& group : options.groups) profiles.groups.push_back(group.name);
        profiles.counts.assign(profiles.groups.size(), 0);
        for (std::size_t g = 0; g < options.groups.size(); ++g) {
            for (const std::uint64_t id : options.groups[g].ids) {
                const auto sample = static_cast<std::size_t>(store.position_of(id));
                if (group_of[sample] >= 0) {
                    raise<DataError>(where, "groups of sample " + std::to_string(id),
                                     "\"" + profiles.groups[static_cast<std::size_t>(group_of[sample])] + "\" and \"" +
                                         profiles.groups[g] + "\"",
                                     "one");
                }
                put(sample, static_cast<std::int32_t>(g));
            }
        }
    }
    for (std::size_t g = 0; g < profiles.groups.size(); ++g) {
        if (profiles.counts[g] == 0) {
            raise<DataError>(where, "samples of \"" + profiles.groups[g] + "\"", "0", "1 or more");
        }
    }
    return group_of;
}

/// One unit's row of a place.
template <class T>
void profile_unit(std::span<const T> values, const std::vector<std::int32_t>& group_of,
                  const std::vector<std::uint64_t>& counts, ProfilePlace& place, Index unit) {
    auto mean = place.mean.row(unit), square = place.deviation.row(unit), active = place.active.row(unit);
    for (std::size_t s = 0; s < values.size(); ++s) {
        if (group_of[s] < 0) continue;
        mean[group_of[s]] += static_cast<double>(values[s]);
        active[group_of[s]] += values[s] > T(0) ? 1.0 : 0.0;
    }
    for (std::size_t g = 0; g < counts.size(); ++g) {
        mean[static_cast<Index>(g)] /= static_cast<double>(counts[g]);
        active[static_cast<Index>(g)] /= static_cast<double>(counts[g]);
    }
    for (std::size_t s = 0; s < values.size(); ++s) {
        if (group_of[s] < 0) continue;
        const double d = static_cast<double>(values[s]) - mean[group_of[s]];
        square[group_of[s]] += d * d;
    }
    for (std::size_t g = 0; g < counts.size(); ++g) {
        auto& deviation = square[static_cast<Index>(g)];
        deviation = std::sqrt(deviation / static_cast<double>(counts[g]));
    }
}

template <class Store>
void add_profile_places(const Store& store, ClassProfiles& profiles) {
    const auto groups = static_cast<Index>(profiles.groups.size());
    const Index last = store.points.empty() ? 0 : store.points.back().layer;
    for (const Point& point : store.points) {
        const Batch<double> none = Batch<double>::Zero(point.count(), groups);
        profiles.places.push_back(
            {point, point.layer == last && point.width == store.outputs.rows(), none, none, none});
    }
}

}  // namespace detail

/// The profiles of all recorded neurons over the classes of the recorded samples, or over groups of them. A channel in
/// several dimensions counts with their mean. Read them with the activation in mind: a ReLU's values are 0 or more, a
/// tanh's between -1 and 1.
///
/// Shapes   each place: units x classes.
/// Throws   DataError without labels and groups, for a class or group without samples, a sample in two groups or an
///          unknown id; MismatchError if the model lacks an activation that the store leaves out; as the store.
/// Cost     one reading of the store, a unit at a time; memory for a unit's values a thread. Sums are of doubles,
///          in the order of the samples.
/// Source   RENN, class activation profiles.
template <ActivationStore Store, class Model>
ClassProfiles class_profiles(const Store& store, const Model& model, const ProfileOptions& options = {}) {
    using S = typename Store::Scalar;
    ClassProfiles profiles;
    const std::vector<std::int32_t> group_of = detail::group_samples(store, options, profiles);
    const auto derivations = detail::derivations(model, store.points);
    detail::add_profile_places(store, profiles);

    std::vector<Unit> units;
    for (std::uint32_t p = 0; p < store.points.size(); ++p) {
        for (std::uint32_t u = 0; u < store.points[p].units.size(); ++u) units.push_back({p, u});
    }
    const auto n = static_cast<std::size_t>(store.samples());
    const auto tasks = static_cast<Index>(units.size());
    struct Scratch {
        std::vector<S> read, derived;
        std::vector<double> sum;
    };
    std::vector<Scratch> scratch(static_cast<std::size_t>(detail::thread_count(options.threads, tasks)));
    detail::parallel_for(tasks, options.threads, [&](Index task, int worker) {
        const Unit u = units[static_cast<std::size_t>(task)];
        const Point& point = store.points[u.point];
        Scratch& mine = scratch[static_cast<std::size_t>(worker)];
        ProfilePlace& place = profiles.places[u.point];
        const Index dimensions = point.dimensions();
        const auto profile = [&](const auto& values) {
            detail::profile_unit(std::span(values), group_of, profiles.counts, place, u.unit);
        };
        if (!point.stored()) {
            const auto in = store.values({static_cast<std::uint32_t>(point.derived_from), u.unit}, 0, mine.read);
            mine.derived.resize(n);
            derivations[u.point].apply(derivations[u.point].layer, in.data(), mine.derived.data(), std::ssize(in));
            profile(std::span<const S>(mine.derived));
        } else if (dimensions == 1) {
            profile(store.values(u, 0, mine.read));
        } else {
            mine.sum.assign(n, 0.0);
            for (Index d = 0; d < dimensions; ++d) {
                const auto in = store.values(u, d, mine.read);
                for (std::size_t s = 0; s < n; ++s) mine.sum[s] += static_cast<double>(in[s]);
            }
            for (double& value : mine.sum) value /= static_cast<double>(dimensions);
            profile(std::span<const double>(mine.sum));
        }
    });
    return profiles;
}

/// The same of a traced network: its store and itself. Throws DataError if nothing was recorded.
template <class Traced>
    requires requires(const Traced& traced) {
        traced.store();
        traced.network();
    }
ClassProfiles class_profiles(const Traced& traced, const ProfileOptions& options = {}) {
    return class_profiles(traced.store(), traced.network(), options);
}

}  // namespace renn::inline RENN_ABI
// renn/retrace/responsibility.hpp - which neurons carry a class.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>


namespace renn::inline RENN_ABI {

/// How much a neuron n has to do with a class c, by its profile P(n, c):
///   mean                 P(n, c)
///   difference_to_rest   P(n, c) minus the mean over the samples of all other classes
///   difference_to_next   P(n, c) minus the largest P(n, c') of the other classes
///   d_prime              difference_to_rest in pooled standard deviations of the class and the rest; 0 where the
///                        difference is 0, infinite where only the deviations are
enum class Responsibility : std::uint8_t { mean, difference_to_rest, difference_to_next, d_prime };

/// "difference_to_rest"
inline std::string_view responsibility_name(Responsibility score) noexcept {
    constexpr std::string_view names[] = {"mean", "difference_to_rest", "difference_to_next", "d_prime"};
    return names[static_cast<std::size_t>(score)];
}

/// A neuron and what it scored: the number of its place in the profiles, and its row there.
struct RankedNeuron {
    std::uint32_t place = 0;
    std::uint32_t unit = 0;
    double score = 0.0;
    bool operator==(const RankedNeuron&) const = default;
};

/// Which neurons are ranked, and by what.
struct RankingOptions {
    Responsibility score = Responsibility::difference_to_rest;
    Kind kind = Kind::post;                ///< pre- or post-activations
    bool output = false;                   ///< also those of the output layer: without its unit a class is gone at once
    std::vector<std::string> layers = {};  ///< names of places; empty: all
};

/// Score of a neuron for a class or group. Throws DataError for a class that the profiles do not have, or without a
/// second one where there must be a rest.
inline double responsibility(const ClassProfiles& profiles, std::size_t place, Index unit, std::size_t group,
                             Responsibility score) {
    if (group >= profiles.groups.size()) {
        detail::raise<DataError>("responsibility", "class", std::to_string(group),
                                 "below " + std::to_string(profiles.groups.size()));
    }
    const ProfilePlace& p = profiles.places[place];
    const double mean = p.mean(unit, static_cast<Index>(group));
    if (score == Responsibility::mean) return mean;
    if (profiles.groups.size() < 2)
        detail::raise<DataError>("responsibility", "classes", "1", "2 or more: there is no rest");
    double rest = 0.0, next = -std::numeric_limits<double>::infinity(), others = 0.0;
    for (std::size_t g = 0; g < profiles.groups.size(); ++g) {
        if (g == group) continue;
        const auto n = static_cast<double>(profiles.counts[g]);
        rest += n * p.mean(unit, static_cast<Index>(g));
        others += n;
        next = std::max(next, p.mean(unit, static_cast<Index>(g)));
    }
    rest /= others;
    const double difference = mean - rest;
    if (score == Responsibility::difference_to_next) return mean - next;
    if (score == Responsibility::difference_to_rest || difference == 0.0) return difference;
    const auto count = static_cast<double>(profiles.counts[group]), own = p.deviation(unit, static_cast<Index>(group));
    double squares = count * own * own;
    for (std::size_t g = 0; g < profiles.groups.size(); ++g) {
        if (g == group) continue;
        const double deviation = p.deviation(unit, static_cast<Index>(g));
        const double off = p.mean(unit, static_cast<Index>(g)) - rest;
        squares += static_cast<double>(profiles.counts[g]) * (deviation * deviation + off * off);
    }
    return difference / std::sqrt(squares / (count + others));
}

namespace detail {

/// Every neuron the options choose, with score(place, unit), in the order of places and units.
template <class F>
std::vector<RankedNeuron> scored_neurons(const ClassProfiles& profiles, const RankingOptions& options, F&& score) {
    for (const std::string& layer : options.layers) static_cast<void>(profiles[layer]);  // throws
    std::vector<RankedNeuron> neurons;
    for (std::size_t p = 0; p < profiles.places.size(); ++p) {
        const ProfilePlace& place = profiles.places[p];
        const auto& chosen = options.layers;
        if (place.point.kind != options.kind || (place.output && !options.output)) continue;
        if (!chosen.empty() && std::find(chosen.begin(), chosen.end(), place.point.name) == chosen.end()) continue;
        for (Index u = 0; u < place.mean.rows(); ++u) {
            neurons.push_back({static_cast<std::uint32_t>(p), static_cast<std::uint32_t>(u), score(p, u)});
        }
    }
    if (neurons.empty()) {
        raise<DataError>("rank_neurons", std::string(kind_name(options.kind)) + "-activations to rank", "none",
                         options.output ? "some recorded" : "some recorded of hidden layers");
    }
    return neurons;
}

}  // namespace detail

/// The neurons by their responsibility for a class, the highest first, equal ones in the order of the network. Hidden
/// layers only unless asked for more.
/// Throws   DataError as responsibility(), for an unknown layer, and where nothing is left to rank.
inline std::vector<RankedNeuron> rank_neurons(const ClassProfiles& profiles, std::size_t group,
                                              const RankingOptions& options = {}) {
    auto neurons = detail::scored_neurons(profiles, options, [&](std::size_t place, Index unit) {
        return responsibility(profiles, place, unit, group, options.score);
    });
    std::stable_sort(neurons.begin(), neurons.end(),
                     [](const RankedNeuron& a, const RankedNeuron& b) { return a.score > b.score; });
    return neurons;
}

/// The neurons by the largest magnitude of their scores for any class, the lowest first: those that no class needs.
/// Throws   as rank_neurons.
inline std::vector<RankedNeuron> rank_by_least_use(const ClassProfiles& profiles, const RankingOptions& options = {}) {
    auto neurons = detail::scored_neurons(profiles, options, [&](std::size_t place, Index unit) {
        double most = 0.0;
        for (std::size_t g = 0; g < profiles.groups.size(); ++g) {
            most = std::max(most, std::abs(responsibility(profiles, place, unit, g, options.score)));
        }
        return most;
    });
    std::stable_sort(neurons.begin(), neurons.end(),
                     [](const RankedNeuron& a, const RankedNeuron& b) { return a.score < b.score; });
    return neurons;
}

/// What stands in place of a neuron that is switched off: 0, or its mean over all samples of the profiles.
enum class Ablation : std::uint8_t { zero, mean };

/// The mask that switches neurons off. A channel is switched off at all its positions.
inline Mask mask_of(const ClassProfiles& profiles, std::span<const RankedNeuron> neurons,
                    Ablation ablation = Ablation::zero) {
    Mask mask;
    for (std::size_t p = 0; p < profiles.places.size(); ++p) {
        const Point& point = profiles.places[p].point;
        MaskedUnits units{.layer = point.name, .units = {}};
        if (point.by_channel()) units.positions = point.shape.positions();
        for (const RankedNeuron& neuron : neurons) {
            if (neuron.place != p) continue;
            units.units.push_back(point.units[neuron.unit]);
            if (ablation == Ablation::mean) units.values.push_back(profiles.overall_mean(p, neuron.unit));
        }
        if (!units.units.empty()) mask.push_back(std::move(units));
    }
    return mask;
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// The rules of style that profile strips need beside those of a page: its colours --low, --high, --track, --ink.
inline constexpr std::string_view profile_strip_style = R"css(
.strips{margin:0 0 22px}
.strips .scroll{padding:2px}
.strips .rows{display:grid;grid-template-columns:max-content minmax(420px,1fr) max-content;gap:3px 12px;align-items:center;
font-size:12.5px}
.strips .gap{grid-column:1/-1;height:5px}
.strips .rows svg{display:block;width:100%;height:22px;background:var(--track)}
.strips .l,.strips .h{stroke:none}
.strips .l{fill:var(--low)}.strips .h{fill:var(--high)}.strips .m{fill:var(--ink)}
.strips path:hover{stroke:var(--ink);stroke-width:.15}
.strips .legend{display:flex;flex-wrap:wrap;align-items:center;gap:2px 8px;font-size:12.5px;margin-top:8px}
.strips .legend i{width:120px;height:11px;background:linear-gradient(90deg,var(--low),var(--track),var(--high))}
.strips .legend b{width:9px;height:5px;background:var(--ink);margin-left:14px}
)css";

namespace detail {

/// A number with three significant digits.
inline std::string short_number(double value) {
    const double size = std::abs(value);
    return html::number(value, size >= 99.5 ? 0 : size >= 9.95 ? 1 : size >= 0.995 ? 2 : size > 0.0 ? 3 : 0);
}

/// One row of cells; low and high are the ends of its colours.
inline void write_strip(std::ostream& out, const ClassProfiles& profiles, std::size_t number, std::size_t group,
                        std::span<const RankedNeuron> marked) {
    const ProfilePlace& place = profiles.places[number];
    const Index units = place.mean.rows(), g = static_cast<Index>(group);
    const double low = std::min(0.0, place.mean.minCoeff()), high = place.mean.maxCoeff();
    const std::string name = html::escape(place.point.name);
    Index most = 0;
    place.mean.col(g).maxCoeff(&most);
    out << "<span>" << name << " <span class=\"quiet\">" << kind_name(place.point.kind) << "</span></span>"
        << "<svg viewBox=\"0 0 " << units
        << " 22\" preserveAspectRatio=\"none\" shape-rendering=\"crispEdges\" style=\"max-width:" << 40 * units
        << "px\" role=\"img\" aria-label=\"" << name << ", " << units
        << " neurons, highest: " << place.point.units[static_cast<std::size_t>(most)] << "\">";
    for (Index u = 0; u < units; ++u) {
        const double mean = place.mean(u, g), part = high > low ? (mean - low) / (high - low) : 0.0;
        out << "<path class=\"" << (part < 0.5 ? 'l' : 'h') << "\" opacity=\""
            << html::number(std::abs(2.0 * part - 1.0), 2) << "\" d=\"M" << u << " 0h1v18h-1z\"><title>" << name
            << ", neuron " << place.point.units[static_cast<std::size_t>(u)] << ": " << short_number(mean) << " \u00b1 "
            << short_number(place.deviation(u, g)) << ", active in " << html::percent(place.active(u, g))
            << "</title></path>";
    }
    for (const RankedNeuron& neuron : marked) {
        if (neuron.place == number) out << "<path class=\"m\" d=\"M" << neuron.unit << " 19h1v3h-1z\"/>";
    }
    out << "</svg><span class=\"quiet\">" << short_number(low) << " to " << short_number(high) << "</span>\n";
}

/// The same for readers who do not see colours: the neurons that stand out, in numbers.
inline void write_strip_table(std::ostream& out, const ClassProfiles& profiles, std::size_t group) {
    out << "<details>\n<summary>In numbers<span class=\"hidden\"> for " << html::escape(profiles.groups[group])
        << "</span></summary>\n<div class=\"scroll\" tabindex=\"0\"><table class=\"data\">\n"
        << "<caption>Neurons whose mean is farthest above that of all other samples</caption>\n"
        << "<tr><th scope=\"col\">Place</th><th scope=\"col\" colspan=\"5\">Neuron: mean, before that of the others"
        << "</th></tr>\n";
    for (std::size_t p = 0; p < profiles.places.size(); ++p) {
        const ProfilePlace& place = profiles.places[p];
        std::vector<RankedNeuron> neurons;
        for (Index u = 0; u < place.mean.rows(); ++u) {
            const double score = responsibility(profiles, p, u, group, Responsibility::difference_to_rest);
            neurons.push_back({static_cast<std::uint32_t>(p), static_cast<std::uint32_t>(u), score});
        }
        std::stable_sort(neurons.begin(), neurons.end(),
                         [](const auto& a, const auto& b) { return a.score > b.score; });
        neurons.resize(std::min<std::size_t>(neurons.size(), 5));
        out << "<tr><th scope=\"row\">" << html::escape(place.point.text()) << "</th>";
        for (const RankedNeuron& n : neurons) {
            const double mean = place.mean(n.unit, static_cast<Index>(group));
            out << "<td>" << place.point.units[n.unit] << ": " << short_number(mean) << ", "
                << short_number(mean - n.score) << "</td>";
        }
        out << "</tr>\n";
    }
    out << "</table></div>\n</details>\n";
}

}  // namespace detail

/// The profile of a class as strips: one row for each place before and after its activation, one column a neuron, from
/// red, the lowest mean of the row for any class (or 0, if that is lower), to blue, the highest. Each neuron tells its
/// mean, standard deviation and share of samples in which it is active; a table has those that stand out. Neurons in
/// `marked`, such as those switched off, have a mark below.
///
/// Throws   DataError for a class that the profiles do not have.
/// Cost     about 130 bytes a neuron.
/// Source   RENN, figure 4.2.
inline void write_profile_strips(std::ostream& out, const ClassProfiles& profiles, std::size_t group,
                                 std::span<const RankedNeuron> marked = {}, std::string_view mark = "switched off") {
    if (group >= profiles.groups.size()) {
        detail::raise<DataError>("write_profile_strips", "class", std::to_string(group),
                                 "below " + std::to_string(profiles.groups.size()));
    }
    const std::string name = html::escape(profiles.groups[group]);
    out << "<figure class=\"strips\">\n<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Mean "
           "activations for "
        << name << "\">\n<div class=\"rows\">\n";
    for (std::size_t p = 0; p < profiles.places.size(); ++p) {
        if (p > 0 && profiles.places[p].point.layer != profiles.places[p - 1].point.layer) {
            out << "<span class=\"gap\"></span>\n";
        }
        detail::write_strip(out, profiles, p, group, marked);
    }
    out << "</div>\n</div>\n<div class=\"legend\"><span>lowest of the row, or 0</span><i></i><span>highest, of any "
           "class</span>";
    if (!marked.empty()) out << "<b></b><span>" << html::escape(mark) << "</span>";
    out << "</div>\n<figcaption>Mean activation of each neuron over the " << html::grouped(profiles.counts[group])
        << " samples of " << name << ".</figcaption>\n";
    if (profiles.groups.size() > 1) detail::write_strip_table(out, profiles, group);
    out << "</figure>\n";
}

}  // namespace renn::inline RENN_ABI
// renn/report/retrace_page.hpp - the sections of a retrace report.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// renn/report/retrace_view_html.hpp - the HTML of one view: evidence, blend, sources, neurons.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>


namespace renn::inline RENN_ABI::detail {

class ViewWriter {
public:
    explicit ViewWriter(const RetracePage& page) : page_(page) {}

protected:
    void text(std::string_view t) { out_ += html::escape(t); }

    std::string class_name(std::int32_t label) const {
        if (label < 0) return "\u2013";
        const auto at = static_cast<std::size_t>(label);
        return at < page_.class_names.size() ? page_.class_names[at] : std::to_string(label);
    }

    static std::string capital(std::string name) {
        if (!name.empty() && name[0] >= 'a' && name[0] <= 'z') name[0] = static_cast<char>(name[0] - 'a' + 'A');
        return name;
    }

    /// "label → prediction", as far as they are known; a prediction that is not the label stands out.
    std::string reading(std::int32_t label, std::int32_t prediction) const {
        std::string r;
        if (label >= 0) r = html::escape(class_name(label));
        if (prediction < 0) return r;
        const std::string name = html::escape(class_name(prediction));
        if (label < 0) return "\u2192 " + name;
        return r + " \u2192 " + (label == prediction ? name : "<b class=\"wrong\">" + name + "</b>");
    }

    /// Relation of a class to a sample, as a class of the style sheet.
    static std::string_view relation(const ReportSample& s, std::int32_t label) {
        if (label < 0) return "";
        if (label == s.label) return "true";
        if (label == s.prediction && s.label >= 0) return "wrong";
        return "";
    }

    std::string name_of(const ReportSample& s) const {
        return s.tag.empty() ? page_.sample_name + ' ' + std::to_string(s.id) : s.tag;
    }

    /// "0.12, 0.5, 1": a few values of an output; nothing for many.
    static std::string values_text(const std::vector<double>& values) {
        std::string text;
        if (values.size() > 8) return text;
        for (const double v : values) text += (text.empty() ? "" : ", ") + html::number(v, 3);
        return text;
    }

    /// Bars of one row have one scale, so that both kinds can be compared.
    void views(const ReportSample& s, const ReportLayer& l, bool network) {
        double most = 0.0;
        for (const ReportView& v : l.views) {
            for (const double e : v.evidence) most = std::max(most, e);
        }
        for (const ReportView& v : l.views) view(s, v, most, network);
    }

    void view(const ReportSample& s, const ReportView& v, double most, bool network) {
        const std::string_view tag = network ? "h4" : "h5";
        const std::string_view where = v.kind == Kind::pre ? "before the activation" : "after the activation";
        out_ += "<div>\n<div class=\"head\"><" + std::string(tag);
        out_ += ">" + capital(std::string(where)) + "</" + std::string(tag) + ">";
        out_ += "<span class=\"quiet\">" + html::grouped(v.neurons) + (v.neurons == 1 ? " neuron, " : " neurons, ") +
                html::grouped(static_cast<std::uint64_t>(std::llround(v.votes))) + " votes</span>";
        verdict(s, v);
        out_ += "</div>\n";
        if (v.sources.empty() && v.blended == 0) {
            out_ += "<p class=\"quiet\">No neuron votes here: the tie rule lets all of them abstain.</p>\n</div>\n";
            return;
        }
        out_ += "<div class=\"sum\">\n";
        if (!v.blend.empty()) {
            const std::string count = std::to_string(v.blended);
            out_ += "<figure>" +
                    html::image(v.blend, "Blend of the " + count + " most voted " + page_.source_name + "s, " +
                                             std::string(where)) +
                    "<figcaption>Blend of " + count + " sources</figcaption></figure>\n";
        }
        evidence(s, v, most);
        out_ += "</div>\n";
        if (!v.sources.empty()) sources(s, v);
        out_ += "</div>\n";
    }

    void verdict(const ReportSample& s, const ReportView& v) {
        if (const std::string said = values_text(v.targets); !said.empty()) {
            out_ += "<span class=\"verdict\">sources say " + said + ", spread " + values_text(v.spread) + "</span>";
        }
        if (v.evidence.empty() || s.prediction < 0) return;
        const auto best =
            static_cast<std::int32_t>(std::max_element(v.evidence.begin(), v.evidence.end()) - v.evidence.begin());
        out_ += "<span class=\"verdict\">sources ";
        out_ += best == s.prediction ? "agree" : "<b>disagree</b>: they say " + html::escape(class_name(best));
        out_ += ", certainty " + html::number(v.certainty, 3) + ", margin " + html::number(v.margin, 3) + "</span>";
    }

    /// All classes up to twelve; of more, those with most evidence, and always the predicted and the true one.
    static std::vector<std::int32_t> shown_classes(const ReportSample& s, const std::vector<double>& evidence) {
        constexpr std::size_t most = 12;
        std::vector<std::int32_t> classes(evidence.size());
        for (std::size_t c = 0; c < classes.size(); ++c) classes[c] = static_cast<std::int32_t>(c);
        if (classes.size() <= most) return classes;
        const auto evidence_of = [&](std::int32_t c) { return evidence[static_cast<std::size_t>(c)]; };
        const auto always = [&](std::int32_t c) { return c == s.prediction || c == s.label; };
        const auto more = [&](std::int32_t a, std::int32_t b) {
            return evidence_of(a) != evidence_of(b) ? evidence_of(a) > evidence_of(b) : a < b;
        };
        const auto first = [&](std::int32_t a, std::int32_t b) {
            return always(a) != always(b) ? always(a) : more(a, b);
        };
        std::sort(classes.begin(), classes.end(), first);
        classes.resize(most);
        std::sort(classes.begin(), classes.end(), more);
        return classes;
    }

    void evidence(const ReportSample& s, const ReportView& v, double most) {
        if (v.evidence.empty()) return;
        const std::vector<std::int32_t> classes = shown_classes(s, v.evidence);
        out_ += "<table class=\"evidence\"><caption class=\"hidden\">Evidence per class</caption>\n";
        for (const std::int32_t c : classes) {
            const double part = v.evidence[static_cast<std::size_t>(c)];
            const std::string_view kind = relation(s, c);
            out_ += kind.empty() ? std::string("<tr>") : "<tr class=\"" + std::string(kind) + "\">";
            out_ += "<th scope=\"row\">" + html::escape(class_name(c)) +
                    "</th><td><span class=\"bar\"><i style=\"width:" +
                    html::number(most > 0.0 ? 100.0 * part / most : 0.0, 1) +
                    "%\"></i></span></td><td class=\"part\">" + html::percent(part) + "</td><td class=\"mark\">";
            if (c == s.prediction)
                out_ += c == s.label ? "true, predicted" : "predicted";
            else if (c == s.label)
                out_ += "true";
            out_ += "</td></tr>\n";
        }
        if (classes.size() < v.evidence.size()) {
            out_ += "<tr><td></td><td colspan=\"3\">and " + std::to_string(v.evidence.size() - classes.size()) +
                    " more classes</td></tr>\n";
        }
        out_ += "</table>\n";
    }

    void sources(const ReportSample& s, const ReportView& v) {
        out_ += "<ol class=\"sources\">\n";
        for (const ReportSource& r : v.sources) {
            const Source& x = r.source;
            std::string told = page_.source_name + ' ' + std::to_string(x.id);
            if (!r.tag.empty()) told += " (" + r.tag + ')';
            if (x.label >= 0) told += ", labelled " + class_name(x.label);
            if (x.prediction >= 0) told += ", the network says " + class_name(x.prediction);
            told += ", " + html::votes(x.votes) + " votes";
            const std::string_view kind = relation(s, x.label);
            out_ += kind.empty() ? std::string("<li") : "<li class=\"" + std::string(kind) + '"';
            out_ += " title=\"" + html::escape(told) + "\">";
            if (r.picture.empty()) {
                out_ += html::escape(r.tag.empty() ? '#' + std::to_string(x.id) : r.tag) + "<br>";
            }
            out_ += html::image(r.picture, told, "loading=\"lazy\"") + "<span class=\"quiet\">" +
                    html::percent(x.share) + "</span>" + reading(x.label, x.prediction) + "</li>\n";
        }
        out_ += "</ol>\n";
    }

    void neurons(const ReportLayer& l) {
        if (l.neurons.empty()) return;
        out_ += l.all_neurons ? "<h5>Its neurons, each" : "<h5>Its neurons with the largest values, each";
        out_ += " blended from its own closest samples</h5>\n<ol class=\"neurons\">\n";
        for (const ReportNeuron& n : l.neurons) {
            const std::string value = html::number(n.value, std::abs(n.value) < 99.95 ? 2 : 0);
            const std::string unit = std::to_string(n.unit);
            const std::string shown = html::image(n.blend, "Blend of neuron " + unit, "loading=\"lazy\"") +
                                      "<span class=\"quiet\">#" + unit + ": " + value + "</span>";
            out_ += n.nearest.empty() ? "<li>" + shown : "<li>" + with_nearest(n, shown);
            if (n.label >= 0) {
                out_ += html::escape(class_name(n.label)) + ": " + html::number(100.0 * n.label_share, 0) + "\u202f%";
            }
            out_ += "</li>\n";
        }
        out_ += "</ol>\n";
    }

    /// Shown by the pointer, and by a click or a key for those who have none.
    std::string with_nearest(const ReportNeuron& n, const std::string& shown) const {
        std::string list, title;
        for (const ReportNeuron::Near& near : n.nearest) {
            std::string text = '#' + std::to_string(near.sample.id);
            if (near.label >= 0) text += " is " + class_name(near.label);
            text += ": " + html::number(near.sample.distance, near.sample.distance < 0.01 ? 5 : 3);
            list += "<li>" + html::escape(text) + "</li>";
            title += (title.empty() ? "" : "\n") + text;
        }
        return "<details><summary title=\"" + html::escape("Closest, with distance:\n" + title) + "\">" + shown +
               "</summary><ul>" + list + "</ul></details>";
    }

    static bool has_looks(const ReportLayer& l) {
        return std::any_of(l.neurons.begin(), l.neurons.end(), [](const auto& n) { return !n.looks.empty(); });
    }

    void looks(const ReportLayer& l) {
        if (!has_looks(l)) return;
        out_ += "<h5>Where they looked: in this image, then in each neuron\u2019s own closest " +
                html::escape(page_.source_name) + "s</h5>\n<ul class=\"looks\">\n";
        for (const ReportNeuron& n : l.neurons) {
            if (n.looks.empty()) continue;
            out_ += "<li><h6>#" + std::to_string(n.unit) + "</h6><ol>\n";
            for (const ReportLook& look : n.looks) this->look(look);
            out_ += "</ol></li>\n";
        }
        out_ += "</ul>\n";
    }

    /// The patch as a frame around it, in parts of the picture.
    void look(const ReportLook& look) {
        const Patch& p = look.patch;
        const auto whole = [](double part, Index of) {
            return html::number(100.0 * part / static_cast<double>(of), 3) + "%";
        };
        std::string told = look.query ? "This image" : capital(page_.source_name) + ' ' + std::to_string(look.id);
        if (look.label >= 0) told += " (" + class_name(look.label) + ')';
        told += p.empty() ? ", nothing marked"
                          : ", marked: rows " + std::to_string(p.top + 1) + " to " + std::to_string(p.bottom) +
                                ", columns " + std::to_string(p.left + 1) + " to " + std::to_string(p.right);
        out_ += look.query ? "<li class=\"query\"" : "<li";
        out_ += " title=\"" + html::escape(told) + "\"><div>" + html::image(look.picture, told, "loading=\"lazy\"");
        if (!p.empty()) {
            const Index height = look.picture.height, width = look.picture.width;
            out_ += "<i style=\"left:" + whole(static_cast<double>(p.left), width) +
                    ";top:" + whole(static_cast<double>(p.top), height) +
                    ";width:" + whole(static_cast<double>(p.right - p.left), width) +
                    ";height:" + whole(static_cast<double>(p.bottom - p.top), height) + "\"></i>";
        }
        out_ += "</div>";
        if (look.query)
            out_ += "<span class=\"quiet\">this image</span>";
        else if (look.label >= 0)
            out_ += html::escape(class_name(look.label));
        out_ += "</li>\n";
    }

    const RetracePage& page_;
    std::string out_;
};

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI::detail {

class PageWriter : private ViewWriter {
    /// What a member writes into out_, as a writer of a page.
    template <class F>
    auto part(F write) {
        return [this, write](std::ostream& out) {
            write();
            out << std::exchange(out_, {});
        };
    }

public:
    using ViewWriter::ViewWriter;

    void add_to(Page& page) {
        page.style(retrace_style);
        page.style(widths());
        for (const auto& f : page_.facts) page.fact(f.name, f.value);
        provenance(page);
        page.head(part([this] { key(); }));
        std::vector<const ReportSample*> wrong, right;
        for (const ReportSample& s : page_.samples) (s.wrong() ? wrong : right).push_back(&s);
        page.add(part([&] { overview(wrong, right); }));
        section(page, "Misclassified", wrong);
        const bool known = std::any_of(right.begin(), right.end(), [](const auto* s) { return s->label >= 0; });
        section(page, known ? "Classified correctly" : "Samples", right);
        page.foot(part([this] { foot(); }));
    }

private:
    bool pictures() const {
        return std::any_of(page_.samples.begin(), page_.samples.end(), [](const ReportSample& s) {
            for (const ReportView& v : s.network.views) {
                if (!v.sources.empty()) return !v.sources.front().picture.empty();
            }
            return false;
        });
    }

    /// Small pictures are shown at a whole multiple of their size, so that all pixels are equal.
    std::string widths() const {
        Index width = 0;
        for (const ReportSample& s : page_.samples) {
            for (const ReportView& v : s.network.views) {
                for (const ReportSource& source : v.sources) width = std::max(width, source.picture.width);
            }
        }
        const auto shown = [width](Index wanted) {
            if (width == 0 || width > wanted) return wanted;
            return (wanted + width / 2) / width * width;
        };
        return ":root{--thumb:" + std::to_string(shown(56)) + "px;--figure:" + std::to_string(shown(140)) +
               "px;--look:" + std::to_string(shown(84)) + "px}\n";
    }

    void provenance(Page& page) const {
        if (page_.samples.empty()) return;
        const Provenance& p = page_.provenance;
        std::string ties = p.ties;
        std::replace(ties.begin(), ties.end(), '_', ' ');
        page.fact("Votes a neuron", "k = " + html::grouped(static_cast<std::uint64_t>(p.k)) + ", ties: " + ties);
        page.fact("Index", p.index);
    }

    void key() {
        const std::string source = html::escape(page_.source_name);
        const auto term = [this](std::string_view name, const std::string& meaning) {
            ((out_ += "<dt>") += name) += "</dt><dd>";
            (out_ += meaning) += "</dd>\n";
        };
        out_ += "<details>\n<summary>How to read this page</summary>\n<dl class=\"key\">\n";
        term("Sources",
             "For every neuron the k " + source +
                 "s with the closest values get a vote each. Those with "
                 "the most votes are what the prediction rests on; the percentage is a source\u2019s share of all "
                 "votes.");
        if (page_.class_names.empty()) {
            term("Sources say",
                 "The mean of the targets of the most voted sources, weighted by their votes, to be compared with the "
                 "prediction.");
        } else {
            class_key(term, std::any_of(page_.samples.begin(), page_.samples.end(),
                                        [](const ReportSample& s) { return s.familiarity || s.credibility; }));
        }
        term("Blend",
             "The mean of the most voted sources, weighted by their votes: what the network \u201csees\u201d.");
        term("Before and after the activation",
             "The same neurons, once as weighted sums, once as they pass them on. "
             "After a ReLU many values are equally 0; where more samples tie than "
             "places are left, the tie rule decides.");
        const bool marked = std::any_of(page_.samples.begin(), page_.samples.end(), [](const ReportSample& s) {
            return std::any_of(s.layers.begin(), s.layers.end(), has_looks);
        });
        if (marked) {
            term("Frames",
                 "The part of a picture that a neuron of a convolution can see; of a channel, that at the place where "
                 "it is largest.");
        }
        out_ += "</dl>\n</details>\n";
    }

    template <class Term>
    static void class_key(const Term& term, bool measured) {
        term("4 \u2192 9",
             "The label is 4, the network says 9. This is also told for each source, which the network "
             "was trained on.");
        term("Evidence",
             "How much of all votes went to sources of each class. <b class=\"true\">Green</b> is the true "
             "label, <b class=\"wrong\">red</b> a wrong prediction. Sources agree if most of their votes "
             "are for the class that the network predicts.");
        term("Certainty and margin",
             "Certainty is 1 if all evidence is for one class and 0 if it is spread evenly over all; the margin is how "
             "far the first class is before the second.");
        if (measured) {
            term("Familiarity and credibility",
                 "Familiarity is the share of training samples that are as far from the others as this one is from "
                 "them, or farther: near 0 it is like nothing seen in training. Credibility is the share of samples of "
                 "known class whose sources fitted that class as badly as they fit the prediction here, or worse.");
        }
    }

    void overview(const std::vector<const ReportSample*>& wrong, const std::vector<const ReportSample*>& right) {
        if (page_.samples.size() < 2) return;
        out_ += "<nav class=\"overview\" aria-label=\"Samples\">\n<h2 class=\"hidden\">All samples</h2>\n<ul>\n";
        for (const auto* group : {&wrong, &right}) {
            for (const ReportSample* s : *group) {
                out_ += "<li><a href=\"#" + anchor(*s) + "\">" + html::image(s->picture, name_of(*s)) +
                        (s->picture.empty() ? html::escape(name_of(*s)) + "<br>" : "") +
                        reading(s->label, s->prediction) + "</a></li>\n";
            }
        }
        out_ += "</ul>\n</nav>\n";
    }

    /// Samples may share an id (queries from several sets), pages may not.
    std::string anchor(const ReportSample& s) const {
        return "sample-" + std::to_string(&s - page_.samples.data() + 1);
    }
    void section(Page& page, std::string_view title, const std::vector<const ReportSample*>& samples) {
        if (samples.empty()) return;
        const auto articles = [&] {
            if (!pictures()) out_ += "<div class=\"plain\">\n";
            for (const ReportSample* s : samples) article(*s);
            if (!pictures()) out_ += "</div>\n";
        };
        page.section(title, part(articles), std::to_string(samples.size()));
    }

    void article(const ReportSample& s) {
        out_ += "<article id=\"" + anchor(s) + "\">\n<h3>";
        text(capital(name_of(s)));
        if (s.label >= 0 && s.prediction >= 0) {
            out_ += ": <span class=\"true\">" + html::escape(class_name(s.label)) + "</span>, ";
            out_ += s.wrong() ? "read as <span class=\"wrong\">" + html::escape(class_name(s.prediction)) + "</span>"
                              : "and read so";
        }
        out_ += "</h3>\n<div class=\"network";
        out_ += s.network.views.size() < 2 ? " one\">\n" : "\">\n";
        input(s);
        views(s, s.network, true);
        out_ += "</div>\n";
        if (!s.layers.empty()) {
            out_ += "<details>\n<summary>Layer by layer<span class=\"hidden\"> for ";
            text(name_of(s));
            out_ += "</span></summary>\n";
            const auto name = [this](std::int32_t label) { return class_name(label); };
            if (const auto chart = evidence_by_layer(s, name)) {
                std::ostringstream out;
                write_chart(out, *chart, "h4");
                out_ += out.str();
            }
            for (std::size_t i = 0; i < s.layers.size(); ++i) layer(s, i);
            out_ += "</details>\n";
        }
        out_ += "</article>\n";
    }

    void input(const ReportSample& s) {
        out_ += "<div class=\"input\">\n";
        const bool targets = !page_.target_image.unknown();
        const auto figure = [&](const Picture& picture, const std::string& alternative, const std::string& caption) {
            if (picture.empty()) return;
            out_ += "<figure>" + html::image(picture, alternative + ", " + name_of(s));
            if (targets) out_ += "<figcaption>" + caption + "</figcaption>";
            out_ += "</figure>\n";
        };
        figure(s.picture, targets ? "The target" : "The input", "Target<br>" + values_text(s.target));
        figure(s.output_picture, "The output", "Predicted<br>" + values_text(s.outputs));
        out_ += "<dl>";
        const auto line = [this](std::string_view name, std::string_view kind, std::int32_t label) {
            ((out_ += "<dt>") += name) += "</dt><dd";
            if (!kind.empty()) (out_ += " class=\"") += std::string(kind) + '"';
            out_ += '>' + html::escape(class_name(label)) + "</dd>";
        };
        if (s.prediction >= 0) line("Prediction", relation(s, s.prediction), s.prediction);
        if (s.label >= 0) line("True label", "true", s.label);
        measure("Familiarity", s.familiarity);
        measure("Credibility", s.credibility);
        if (!targets) {
            values("Target", s.target);
            values("Predicted", s.outputs);
        }
        out_ += "</dl>\n</div>\n";
    }

    void measure(std::string_view name, const std::optional<double>& value) {
        if (!value) return;
        out_ += "<dt>" + std::string(name) + "</dt><dd class=\"values\">" + html::number(*value, 2) + "</dd>";
    }

    void values(std::string_view name, const std::vector<double>& shown) {
        const std::string text = values_text(shown);
        if (text.empty()) return;
        out_ += "<dt>" + std::string(name) + "</dt><dd class=\"values\">" + text + "</dd>";
    }

    void layer(const ReportSample& s, std::size_t number) {
        const ReportLayer& l = s.layers[number];
        out_ += "<div class=\"layer\">\n<h4>Layer " + std::to_string(number + 1) + " <span class=\"quiet\">";
        text(l.name);
        out_ += "</span></h4>\n<div class=\"views\">\n";
        views(s, l, false);
        out_ += "</div>\n";
        neurons(l);
        looks(l);
        out_ += "</div>\n";
    }

    void foot() {
        const Provenance& p = page_.provenance;
        if (page_.samples.empty()) {
            out_ += "<p>No samples.</p>";
        } else {
            std::array<char, 17> hex{};
            std::snprintf(hex.data(), hex.size(), "%016llx", static_cast<unsigned long long>(p.fingerprint));
            out_ += "<p>Made with renn " + html::escape(p.library) + ". Network " + hex.data() + ", recorded with " +
                    html::escape(p.build) + '.';
            if (!p.same_build) {
                out_ += " This program was built another way, so equal activations may differ in their last bits.";
            }
            out_ += "</p>";
        }
    }
};

}  // namespace renn::inline RENN_ABI::detail
// renn/report/retrace_report.hpp - a page that shows which training samples predictions rest on.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {

/// A sample that a page shows; only the input is needed, and that only for its picture.
template <class S>
struct ReportQuery {
    std::uint64_t id = 0;
    Column<S> input = {};
    std::int32_t label = -1;                 ///< -1: not known
    std::string tag = {};                    ///< the user's own text for it
    Column<S> target = {};                   ///< regression: what the outputs should be, if known
    std::optional<double> familiarity = {};  ///< by Familiarity, if it was asked
    std::optional<double> credibility = {};  ///< by Credibility, of the predicted class
};

/// The sample at a position of a data set. Throws DataError if there is none.
template <class S>
ReportQuery<S> report_query(const Dataset<S>& queries, Index position) {
    ReportQuery<S> query{.id = queries.id(position), .input = queries.input(position)};
    if (queries.has_labels()) query.label = queries.label(position);
    if (!queries.tags().empty()) query.tag = queries.tags()[static_cast<std::size_t>(position)];
    if (queries.has_targets()) query.target = queries.targets().col(position);
    return query;
}

/// Collects traced predictions and writes them as one HTML page: the input, the evidence for each class, the blend of
/// the sources and the sources themselves, for the network and each layer, before and after the activations, and the
/// most active neurons of each layer. Wrong predictions come first. The page needs no other file, no network and no
/// script, and follows the reader's light or dark setting.
///
///     RetraceReport report({.title = "My digits"});
///     report.fact("Accuracy", "97.9 %");
///     report.add(traced.retrace(test.input(7), {.post = true}), training, test, 7);
///     report.write("report.html");
///
/// Shows what there is: samples without image shape by tag and id, without labels no evidence, only the kinds of
/// activation that voted, for regression the outputs beside the target and the blend of the sources' targets. Where
/// targets are pictures (RetracePage::target_image), samples are shown as these. A value; nothing it was given is
/// referred to later.
class RetraceReport {
public:
    explicit RetraceReport(RetracePage page = {}) : page_(std::move(page)) {}

    /// A line of the page's head, such as "Data set", "MNIST".
    void fact(std::string name, std::string value) { page_.facts.push_back({std::move(name), std::move(value)}); }

    /// Adds the answer for a sample. With a marker, such as patch_marker(net), layers that are images also show where
    /// some of their neurons looked: in the sample and in their closest training samples. A marker is any callable that
    /// takes inputs, features x n, and returns a callable (point, unit, column) -> std::optional<Patch>.
    /// Throws   DataError if `training` lacks a source; ShapeError if the input does not have its image shape, or
    ///          targets or outputs not the page's.
    template <class I, class S, class Marker = detail::NoMarker>
    void add(const Retrace<I>& answer, const Dataset<S>& training, const ReportQuery<S>& query,
             const Marker& marker = {}) {
        ReportSample sample = detail::report_sample(answer, training, page_.detail, page_.target_image);
        sample.id = query.id;
        sample.label = query.label;
        sample.tag = query.tag;
        sample.familiarity = query.familiarity;
        sample.credibility = query.credibility;
        if (detail::is_regression(training)) sample.target = detail::doubles(query.target);
        if (page_.target_image.unknown()) {
            if (query.input.size() > 0) sample.picture = picture(query.input, training.image());
        } else if (query.target.size() > 0) {
            sample.picture = picture(query.target, page_.target_image);
        }
        if constexpr (!std::is_same_v<Marker, detail::NoMarker>) {
            if (page_.target_image.unknown() && !sample.picture.empty()) {
                detail::mark_neurons(sample, answer, training, query.input, page_.detail, marker);
            }
        }
        if (page_.samples.empty()) {
            page_.provenance = answer.provenance();
            for (int c = 0; c < training.classes(); ++c) page_.class_names.push_back(training.class_name(c));
        }
        page_.samples.push_back(std::move(sample));
    }

    /// Adds the answer for the sample at a position of a data set.
    template <class I, class S, class Marker = detail::NoMarker>
    void add(const Retrace<I>& answer, const Dataset<S>& training, const Dataset<S>& queries, Index position,
             const Marker& marker = {}) {
        add(answer, training, report_query(queries, position), marker);
    }

    std::size_t samples() const noexcept { return page_.samples.size(); }

    /// Adds the facts and samples to a page that has other sections too; title and introduction are then that page's.
    void add_to(Page& page) const { detail::PageWriter(page_).add_to(page); }

    /// The samples as a page of their own.
    Page page() const {
        Page page(page_.title, page_.introduction);
        add_to(page);
        return page;
    }
    std::string html() const { return page().html(); }

    /// Writes that page to a file. Throws FormatError if that is not possible.
    void write(const std::string& path) const { page().write(path); }

private:
    RetracePage page_;
};

}  // namespace renn::inline RENN_ABI
// renn/retrace/augmentation.hpp - proposes new training samples where the recorded ones say little.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {

/// How samples are proposed.
struct AugmentOptions {
    RetraceOptions retrace = {};
    std::size_t sources = 10;  ///< of a query, the most voted, are blended by their votes
    double certainty = 0.5;    ///< a blend is kept if the certainty of its own evidence is below
    int threads = 1;           ///< 0: every core
};

/// Where a proposed sample comes from.
struct Proposal {
    std::uint64_t id = 0;                ///< of the sample
    std::uint64_t query = 0;             ///< id of the query whose sources were blended
    std::vector<std::uint64_t> sources;  ///< the training samples in it
    std::vector<double> weights;         ///< theirs, in that order; they add to 1
    std::vector<double> evidence;        ///< for the blend itself, one a class
    double certainty = 0.0;              ///< of that evidence

    bool operator==(const Proposal&) const = default;
};

/// New samples, labelled, and where each comes from.
template <class S>
struct Augmentation {
    Dataset<S> data;
    std::vector<Proposal> proposals;  ///< one a sample, in order
    std::size_t refused = 0;          ///< blends that the network's sources are certain about
};

namespace detail {

/// f(position, answer's column of outputs or whatever `ask` gives) for pieces of the queries.
template <class S, class F>
void for_each_piece(std::span<const Index> positions, const Dataset<S>& data, F&& f) {
    constexpr std::size_t at_once = 256;
    Batch<S> x;
    for (std::size_t first = 0; first < positions.size(); first += at_once) {
        const auto some = positions.subspan(first, std::min(at_once, positions.size() - first));
        data.inputs(some, x);
        f(some, x);
    }
}

inline std::vector<Index> positions_up_to(Index count) {
    std::vector<Index> all(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<Index>(i);
    return all;
}

}  // namespace detail

/// Positions of the queries that a traced network gets wrong.
/// Throws   DataError for queries without labels or a model without outputs.
template <class Traced, class S = typename Traced::Scalar>
std::vector<Index> misclassified(const Traced& traced, const Dataset<S>& queries) {
    if (!queries.has_labels()) detail::raise<DataError>("misclassified", "labels", "none", "one a query");
    std::vector<Index> wrong;
    detail::for_each_piece<S>(detail::positions_up_to(queries.samples()), queries, [&](auto some, const auto& x) {
        const auto values = traced.activations(x);
        if (values.output().rows() == 0) detail::raise<DataError>("misclassified", "outputs of the model", "0", "some");
        for (std::size_t q = 0; q < some.size(); ++q) {
            const bool right = predicted_class(values.output().col(static_cast<Index>(q))) == queries.label(some[q]);
            if (!right) wrong.push_back(some[q]);
        }
    });
    return wrong;
}

/// Positions of the queries whose familiarity is below a limit; `options` as those of the familiarity.
template <class Traced, class S = typename Traced::Scalar>
std::vector<Index> unfamiliar(const Traced& traced, const Dataset<S>& queries, const Familiarity& familiarity,
                              double below, const RetraceOptions& options = {}, int threads = 1) {
    std::vector<Index> far;
    detail::for_each_piece<S>(detail::positions_up_to(queries.samples()), queries, [&](auto some, const auto& x) {
        const auto answers = traced.retrace_batch(x, options, threads);
        for (std::size_t q = 0; q < some.size(); ++q) {
            if (familiarity(answers[q]) < below) far.push_back(some[q]);
        }
    });
    return far;
}

/// Blends the top sources of each chosen query, x* = sum of w_s x_s, and keeps those blends about which the network's
/// sources are in doubt, labelled with the class of most evidence. Ids go on from the largest of the training set. The
/// label is a guess where there was doubt, to be looked at: Proposal::evidence says how near the guess was.
///
///     const auto more = propose_samples(traced, training, test, misclassified(traced, test));
///
/// Shapes   chosen: positions of queries.
/// Throws   DataError for no queries chosen or a position that does not exist, no sources asked for, or training data
///          that lack a source or have no labels.
/// Cost     two retraces a query.
template <class Traced, class S = typename Traced::Scalar>
Augmentation<S> propose_samples(const Traced& traced, const Dataset<S>& training, const Dataset<S>& queries,
                                std::span<const Index> chosen, const AugmentOptions& options = {}) {
    if (chosen.empty()) detail::raise<DataError>("propose_samples", "queries chosen", "0", "1 or more");
    if (options.sources == 0) detail::raise<DataError>("propose_samples", "sources", "0", "1 or more");
    if (!training.has_labels()) detail::raise<DataError>("propose_samples", "labels", "none", "one a training sample");
    std::uint64_t id = 0;
    for (const std::uint64_t known : training.ids()) id = std::max(id, known + 1);

    Augmentation<S> result;
    std::vector<Column<S>> inputs;
    DatasetDescription<S> more;
    const auto ask = [&](const Batch<S>& x) { return traced.retrace_batch(x, options.retrace, options.threads); };
    detail::for_each_piece<S>(chosen, queries, [&](std::span<const Index> some, const Batch<S>& x) {
        const auto answers = ask(x);
        std::vector<Proposal> proposals;
        Batch<S> blends(training.features(), std::ssize(some));
        for (std::size_t q = 0; q < some.size(); ++q) {
            const std::vector<Source> sources = answers[q].top(options.sources);
            Proposal& p = proposals.emplace_back();
            p.query = queries.id(some[q]);
            p.weights = vote_weights(sources);
            for (const Source& s : sources) p.sources.push_back(s.id);
            blends.col(static_cast<Index>(q)) = blend(p.weights, p.sources, training);
        }
        const auto judged = ask(blends);
        for (std::size_t q = 0; q < some.size(); ++q) {
            const Judgement j = judge(judged[q]);
            Proposal& p = proposals[q];
            if (p.sources.empty() || j.evidence_class < 0 || !(j.certainty < options.certainty)) {
                ++result.refused;
                continue;
            }
            p.id = id++;
            p.evidence = j.evidence;
            p.certainty = j.certainty;
            inputs.push_back(blends.col(static_cast<Index>(q)));
            more.labels.push_back(j.evidence_class);
            more.ids.push_back(p.id);
            result.proposals.push_back(std::move(p));
        }
    });
    more.image = training.image();
    more.class_names = training.description().class_names;
    more.classes = training.classes();
    Batch<S> all(training.features(), std::ssize(inputs));
    for (std::size_t i = 0; i < inputs.size(); ++i) all.col(static_cast<Index>(i)) = inputs[i];
    result.data = Dataset<S>(std::move(all), std::move(more));
    return result;
}

}  // namespace renn::inline RENN_ABI
// renn/retrace/counting.hpp - other ways to count the votes of an answer, and the table of its sources.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <vector>


namespace renn::inline RENN_ABI {

/// How votes are counted. Let v_n(s) be what neuron n gives to sample s (1, or its part of a tie) and D_n(s) the
/// distance of the two.
enum class Counting : std::uint8_t {
    plain,              ///< f(s) = sum over n of v_n(s)
    distance_weighted,  ///< sum over n of v_n(s) * (f(s) / max f + 1 - D_n(s) / (max D + 1e-9)) / 2 (Geiger's thesis)
    by_layer,           ///< each layer's votes divided by their sum, then added: wide layers do not dominate
    presence,           ///< layers in which s is among the closest; of ties, how many that are expected to be if each
                        ///< is broken by lot: sum over layers of 1 - product over n of (1 - v_n(s))
};

namespace detail {

/// A layer by its number, and its neurons among all that voted.
struct LayerNeurons {
    std::size_t number = 0, begin = 0, end = 0;
};

template <class I>
std::vector<LayerNeurons> wanted_layers(const Retrace<I>& answer, std::optional<std::size_t> layer) {
    std::vector<LayerNeurons> wanted;
    std::size_t begin = 0;
    const std::size_t count = answer.layers().size();
    if (layer) answer.place(*layer);  // throws where there is none
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t end = begin + answer.layer(i).neurons();
        if (!layer || *layer == i) wanted.push_back({i, begin, end});
        begin = end;
    }
    return wanted;
}

template <class I>
void add_distance_weighted(const Retrace<I>& answer, const std::vector<LayerNeurons>& layers,
                           std::vector<double>& votes) {
    std::vector<double> distances(votes.size(), 0.0);
    double farthest = 0.0;
    for (const LayerNeurons& layer : layers) {
        for (std::size_t n = layer.begin; n < layer.end; ++n) {
            answer.for_each_vote(n, [&](std::uint32_t s, double vote, double distance) {
                votes[s] += vote;
                distances[s] += vote * distance;
                farthest = std::max(farthest, distance);
            });
        }
    }
    const double most = votes.empty() ? 0.0 : *std::max_element(votes.begin(), votes.end());
    for (std::size_t s = 0; s < votes.size(); ++s) {
        if (votes[s] <= 0.0) continue;
        const double frequent = votes[s] * (votes[s] / most), near = votes[s] - distances[s] / (farthest + 1e-9);
        votes[s] = 0.5 * frequent + 0.5 * near;
    }
}

template <class I>
void add_by_layer(const Retrace<I>& answer, const std::vector<LayerNeurons>& layers, std::vector<double>& votes) {
    for (const LayerNeurons& layer : layers) {
        const Votes<I> votes_here = answer.layer(layer.number);
        const double total = votes_here.total();
        if (total <= 0.0) continue;
        const std::vector<double> here = votes_here.dense();
        for (std::size_t s = 0; s < here.size(); ++s) votes[s] += here[s] / total;
    }
}

template <class I>
void add_presence(const Retrace<I>& answer, const std::vector<LayerNeurons>& layers, std::vector<double>& votes) {
    std::vector<double> absent(votes.size());  // chance of it
    for (const LayerNeurons& layer : layers) {
        std::fill(absent.begin(), absent.end(), 1.0);
        for (std::size_t n = layer.begin; n < layer.end; ++n) {
            answer.for_each_vote(n, [&](std::uint32_t s, double vote, double) { absent[s] *= 1.0 - vote; });
        }
        for (std::size_t s = 0; s < absent.size(); ++s) votes[s] += 1.0 - absent[s];
    }
}

template <class I>
void require_votes(const char* where, const Retrace<I>& answer, std::span<const double> votes) {
    const auto samples = static_cast<std::size_t>(answer.store().samples());
    if (votes.size() != samples) {
        raise<ShapeError>(where, "votes", std::to_string(votes.size()),
                          std::to_string(samples) + ", one a recorded sample");
    }
    require_amounts(where, "votes of sample", votes);
}

}  // namespace detail

/// Votes of every recorded sample, in the order of recording, of the network or of one layer by its number among
/// answer.layers().
///
/// Throws   DataError for a layer that did not vote.
/// Cost     as Votes::dense: every member of every tied group is touched.
template <class I>
std::vector<double> counted_votes(const Retrace<I>& answer, Counting how, std::optional<std::size_t> layer = {}) {
    if (how == Counting::plain) return layer ? answer.layer(*layer).dense() : answer.dense();
    std::vector<double> votes(static_cast<std::size_t>(answer.store().samples()), 0.0);
    const auto layers = detail::wanted_layers(answer, layer);
    if (how == Counting::distance_weighted) detail::add_distance_weighted(answer, layers, votes);
    if (how == Counting::by_layer) detail::add_by_layer(answer, layers, votes);
    if (how == Counting::presence) detail::add_presence(answer, layers, votes);
    return votes;
}

/// The m samples with most of any votes, equal votes by ascending id; fewer if fewer got any.
///
/// Shapes   votes: one a recorded sample, in the order of recording.
/// Throws   ShapeError if it is not; DataError for negative or infinite votes.
template <class I>
std::vector<Source> ranked_sources(const Retrace<I>& answer, std::span<const double> votes, std::size_t m) {
    detail::require_votes("ranked_sources", answer, votes);
    const auto& store = answer.store();
    std::vector<std::uint32_t> order;
    for (std::size_t s = 0; s < votes.size(); ++s) {
        if (votes[s] > 0.0) order.push_back(static_cast<std::uint32_t>(s));
    }
    const std::size_t kept = std::min(m, order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(),
                      [&](std::uint32_t a, std::uint32_t b) {
                          return votes[a] != votes[b] ? votes[a] > votes[b] : store.ids[a] < store.ids[b];
                      });
    const double total = std::accumulate(votes.begin(), votes.end(), 0.0);
    std::vector<Source> sources;
    for (std::size_t i = 0; i < kept; ++i) {
        const std::uint32_t s = order[i];
        sources.push_back({store.ids[s], votes[s], votes[s] / total, store.labels.empty() ? -1 : store.labels[s],
                           store.predictions.empty() ? -1 : store.predictions[s]});
    }
    return sources;
}

/// The m samples with most votes when they are counted in this way, of the network or of one layer by its number:
/// what answer.top(m) is for plain votes.
template <class I>
std::vector<Source> top_sources(const Retrace<I>& answer, std::size_t m, Counting how,
                                std::optional<std::size_t> layer = {}) {
    if (how == Counting::plain) return layer ? answer.layer(*layer).top(m) : answer.top(m);
    return ranked_sources(answer, counted_votes(answer, how, layer), m);
}

/// Share of any votes that went to samples of each class; all 0 if nobody voted.
///
/// Shapes   votes: one a recorded sample, in the order of recording.
/// Throws   ShapeError if it is not; DataError for negative or infinite votes, or if no labels were recorded.
template <class I>
std::vector<double> evidence_of(const Retrace<I>& answer, std::span<const double> votes) {
    detail::require_votes("evidence_of", answer, votes);
    const auto& labels = answer.store().labels;
    if (labels.empty()) detail::raise<DataError>("evidence_of", "labels", "none recorded", "one a sample");
    std::vector<double> evidence(static_cast<std::size_t>(answer.store().classes()), 0.0);
    double total = 0.0;
    for (std::size_t s = 0; s < votes.size(); ++s) {
        evidence[static_cast<std::size_t>(labels[s])] += votes[s];
        total += votes[s];
    }
    for (double& e : evidence) e = total > 0.0 ? e / total : 0.0;
    return evidence;
}

/// A source with where it was found.
struct SourceRow {
    Source source;
    double mean_distance = 0.0;  ///< over the neurons that voted for it, each counted by its vote
    std::size_t layers = 0;      ///< in how many of them a neuron voted for it

    bool operator==(const SourceRow&) const = default;
};

/// The sources with most votes as a table. Cost: as top_sources and, a source, one look a neuron.
template <class I>
std::vector<SourceRow> source_table(const Retrace<I>& answer, std::size_t m, Counting how = Counting::plain,
                                    std::optional<std::size_t> layer = {}) {
    const auto none = static_cast<std::size_t>(-1);
    std::vector<SourceRow> table;
    for (const Source& source : top_sources(answer, m, how, layer)) {
        SourceRow row{source};
        std::size_t last = none;
        double votes = 0.0;
        for (const auto& voter : answer.voters(source.id)) {
            if (layer && voter.place != *layer) continue;
            row.layers += voter.place != last;
            last = voter.place;
            votes += voter.votes;
            row.mean_distance += voter.votes * voter.distance;
        }
        row.mean_distance /= votes;
        table.push_back(row);
    }
    return table;
}

}  // namespace renn::inline RENN_ABI
// renn/retrace/credibility.hpp - how many samples of known class had sources as mixed as a query's.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {

/// How little the sources of a query fit each class c: a_c = sum over the layers l that voted of 1 - E_l(c), where E_l
/// is the layer's evidence; a layer without any votes adds 1. In [0, layers]; every layer counts the same.
/// Throws   DataError if no labels were recorded.
/// Source   Papernot and McDaniel (2018), equation 1, votes in place of one k-nearest-neighbour search a layer.
template <class I>
std::vector<double> nonconformity(const Retrace<I>& answer) {
    std::vector<double> sums(static_cast<std::size_t>(answer.store().classes()), 0.0);
    const std::size_t layers = answer.layers().size();
    for (std::size_t i = 0; i < layers; ++i) {
        const std::vector<double> evidence = answer.layer(i).evidence();
        for (std::size_t c = 0; c < sums.size(); ++c) sums[c] += std::max(0.0, 1.0 - evidence[c]);
    }
    return sums;
}

/// What a calibration set says about a query.
struct Conformity {
    std::vector<double> p_values;  ///< one a class
    std::int32_t likeliest = -1;   ///< class with the largest p, of equal ones the least strange; -1 if nobody voted
    double credibility = 0.0;      ///< its p; 0 if nobody voted
    double confidence = 0.0;       ///< 1 - the second largest p, with one class 1; 0 if nobody voted

    bool operator==(const Conformity&) const = default;

    /// Credibility of any class, such as the one the model predicts; 0 for one that no recorded sample can have.
    double credibility_of(std::int32_t wanted) const noexcept {
        const auto at = static_cast<std::size_t>(wanted);
        return wanted >= 0 && at < p_values.size() ? p_values[at] : 0.0;
    }
};

/// Conformal credibility. Let A hold, for every calibration sample x with label y, its nonconformity a_y(x). Of a query
/// q the p-value of class c is the share of A that is as strange or stranger,
///
///     p_c(q) = |{a in A : a >= a_c(q)}| / |A|
///
/// and q gets the class with the largest p: its credibility. Calibration samples must be neither trained on nor
/// recorded, and be drawn as the queries are; then a query has p of its true class <= e in about e of all cases.
/// Source   Papernot and McDaniel, Deep k-Nearest Neighbors (2018), algorithm 1.
class Credibility {
public:
    /// From the nonconformity of calibration samples with their own classes. Throws DataError for none or one that is
    /// not finite.
    explicit Credibility(std::vector<double> calibration) : calibration_(std::move(calibration)) {
        if (calibration_.empty()) detail::raise<DataError>("Credibility", "calibration samples", "0", "1 or more");
        detail::require_amounts("Credibility", "nonconformity of sample", calibration_);
        std::sort(calibration_.begin(), calibration_.end());
    }

    /// Traces the calibration samples; the queries must be traced with the same options.
    /// Throws   DataError for no samples, samples without labels, or a label of no recorded class; as
    ///          TracedNetwork::retrace.
    /// Cost     a forward pass and a retrace each; 8 bytes a sample are kept.
    template <class Traced>
    Credibility(const Traced& traced, const Dataset<typename Traced::Scalar>& calibration,
                const RetraceOptions& options = {}, int threads = 1)
        : Credibility(strangeness(traced, calibration, options, threads)) {}

    /// p of each class, from the nonconformity of each. Throws DataError for one that is not finite.
    std::vector<double> p_values(std::span<const double> nonconformity) const {
        detail::require_amounts("Credibility::p_values", "nonconformity with class", nonconformity);
        std::vector<double> p;
        for (const double a : nonconformity) {
            const auto at = std::lower_bound(calibration_.begin(), calibration_.end(), a);
            p.push_back(static_cast<double>(calibration_.end() - at) / static_cast<double>(calibration_.size()));
        }
        return p;
    }

    /// Throws   DataError if no labels were recorded.
    template <class I>
    Conformity operator()(const Retrace<I>& answer) const {
        const std::vector<double> strange = nonconformity(answer);
        Conformity c{.p_values = p_values(strange)};
        if (answer.total() <= 0.0) return c;
        std::size_t best = 0;
        double second = 0.0;
        for (std::size_t i = 1; i < strange.size(); ++i) {  // least strange is largest p
            if (strange[i] < strange[best]) best = i;
        }
        for (std::size_t i = 0; i < strange.size(); ++i) {
            if (i != best) second = std::max(second, c.p_values[i]);
        }
        c.likeliest = static_cast<std::int32_t>(best);
        c.credibility = c.p_values[best];
        c.confidence = 1.0 - second;
        return c;
    }

    /// Nonconformity of the calibration samples, ascending.
    const std::vector<double>& calibration() const noexcept { return calibration_; }

private:
    template <class Traced>
    static std::vector<double> strangeness(const Traced& traced, const Dataset<typename Traced::Scalar>& data,
                                           const RetraceOptions& options, int threads) {
        if (data.empty()) detail::raise<DataError>("Credibility", "calibration samples", "0", "1 or more");
        if (!data.has_labels()) {
            detail::raise<DataError>("Credibility", "labels", "none", "one a calibration sample");
        }
        constexpr Index at_once = 256;
        std::vector<double> own;
        Batch<typename Traced::Scalar> x;
        for (Index first = 0; first < data.samples(); first += at_once) {
            data.inputs(first, std::min(at_once, data.samples() - first), x);
            Index sample = first;
            for (const auto& answer : traced.retrace_batch(x, options, threads)) {
                const std::vector<double> strange = nonconformity(answer);
                const auto label = static_cast<std::size_t>(data.label(sample++));
                if (label >= strange.size()) {
                    detail::raise<DataError>("Credibility", "label of calibration sample " + std::to_string(sample - 1),
                                             std::to_string(label), detail::below_text(std::ssize(strange)));
                }
                own.push_back(strange[label]);
            }
        }
        return own;
    }

    std::vector<double> calibration_;  ///< ascending
};

}  // namespace renn::inline RENN_ABI
// renn/retrace/deactivation.hpp - which neurons must be switched off for a class to be gone, and which may be.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

// renn/retrace/mask_trials.hpp - runs labelled samples through a model under one mask after another.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// renn/tracing/masked_foreign.hpp - switches units of foreign code off, as far as it reports them before it uses them.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {

/// Foreign code some of whose units are held at fixed values. A place can be masked if the code reports it as a
/// renn::Batch that is not const and goes on with that matrix: the probe changes it on the spot.
///
/// Throws   DataError, in a pass, for a place that was not reported, or not as such a matrix, and for a unit that
///          it does not have; at once as Masked for the rest.
template <class S, class F>
class MaskedForeign {
public:
    using Scalar = S;

    explicit MaskedForeign(Foreign<S, F> model, Mask mask = {}) : model_(std::move(model)) {
        set_mask(std::move(mask));
    }

    const Foreign<S, F>& model() const noexcept { return model_; }
    const Mask& mask() const noexcept { return mask_; }
    /// Another mask in place of this one.
    void set_mask(Mask mask) {
        detail::check_mask(mask);
        mask_ = std::move(mask);
        options_ = model_.options();
        if (options_.fingerprint && !mask_.empty()) {
            options_.fingerprint = detail::hash_text(describe(mask_), *options_.fingerprint);
        }
    }
    const ForeignOptions& options() const noexcept { return options_; }
    static constexpr Index in_features() noexcept { return Dynamic; }

private:
    Foreign<S, F> model_;
    Mask mask_;
    ForeignOptions options_;
};

/// Foreign code with some units switched off. See MaskedForeign.
template <class S, class F>
MaskedForeign<S, F> masked(Foreign<S, F> model, Mask mask) {
    return MaskedForeign<S, F>(std::move(model), std::move(mask));
}

namespace detail {

/// Stands between a probe and a recorder.
template <class S, class R>
class MaskRecorder {
public:
    MaskRecorder(const Mask& mask, R& recorder) : mask_(mask), recorder_(recorder), held_(mask.size(), 0) {}

    bool edit(std::string_view name, Batch<S>& values) {
        bool edited = false;
        for (std::size_t i = 0; i < mask_.size(); ++i) {
            if (mask_[i].layer != name) continue;
            hold(mask_[i], values);
            held_[i] = 1;
            edited = true;
        }
        return edited;
    }
    void record(const Place& place, const BatchView<S>& block, std::span<const std::uint64_t> ids) {
        for (std::size_t i = 0; i < mask_.size(); ++i) {
            if (mask_[i].layer != place.name || held_[i] != 0) continue;
            raise<DataError>("mask", "probe \"" + mask_[i].layer + "\"", "values that cannot be changed",
                             "a renn::Batch that is not const");
        }
        if (!mask_.empty()) names_.emplace_back(place.name);
        recorder_.record(place, block, ids);
    }
    void end() const {
        for (std::size_t i = 0; i < mask_.size(); ++i) {
            if (held_[i] == 0) raise_no_place(mask_[i].layer, names_);
        }
    }

private:
    const Mask& mask_;
    R& recorder_;
    std::vector<char> held_;
    std::vector<std::string> names_;
};

}  // namespace detail

/// As of the code itself.
template <class S, class F>
bool may_run_in_parallel(const MaskedForeign<S, F>& model) noexcept {
    return may_run_in_parallel(model.model());
}
/// As of the code itself.
template <class S, class F>
auto make_workspace(const MaskedForeign<S, F>& model) {
    return make_workspace(model.model());
}
/// Runs the code on a batch; the recorder sees the values held.
template <class S, class F, class G, Recorder<S> R>
const Batch<S>& observe(const MaskedForeign<S, F>& model, const BatchView<S>& x, std::span<const std::uint64_t> ids,
                        ForeignWorkspace<S, G>& workspace, R& recorder) {
    detail::MaskRecorder<S, R> held(model.mask(), recorder);
    const Batch<S>& output = observe(model.model(), x, ids, workspace, held);
    held.end();
    return output;
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// What a model does under a mask.
struct MaskTrial {
    Confusion confusion;
    std::vector<double> confidence;  ///< of each class: mean probability (softmax of the outputs) of the right class
};

namespace detail {

/// Softmax probability of a class; of a single output, the logit of class 1, its sigmoid.
template <class Derived>
double probability(const Eigen::MatrixBase<Derived>& outputs, std::int32_t label) {
    if (outputs.size() == 1) {
        const auto logit = static_cast<double>(outputs[0]);
        return 1.0 / (1.0 + std::exp(label == 1 ? -logit : logit));
    }
    const auto most = static_cast<double>(outputs.maxCoeff());
    double sum = 0.0;
    for (Index i = 0; i < outputs.size(); ++i) sum += std::exp(static_cast<double>(outputs[i]) - most);
    return label < outputs.size() ? std::exp(static_cast<double>(outputs[label]) - most) / sum : 0.0;
}

/// Place among a network's own layers of the first that a mask is about.
template <class Net>
std::size_t first_masked(const Net& net, const Mask& mask) {
    std::size_t first = net.names().size();
    for (const MaskedUnits& place : mask) {
        const auto name = std::string_view(place.layer).substr(0, place.layer.find('/'));
        const auto at = std::find(net.names().begin(), net.names().end(), name) - net.names().begin();
        first = std::min(first, static_cast<std::size_t>(at));
    }
    return first;
}

}  // namespace detail

/// Runs the same samples under many masks, each of which holds some of the units of one largest mask. Refers to model
/// and data, which must live longer. The outputs of the layers before all of these are kept, so that a trial begins
/// behind them: in a network of layers one after another; other networks and foreign code run whole.
///
/// Throws   DataError for no samples or labels, or a mask that does not fit.
/// Cost     memory for every layer's outputs of all samples.
/// Threads  0: every core, where the model may run so; the numbers do not depend on it.
template <class Model, class S>
class MaskTrials {
public:
    MaskTrials(const Model& model, const Dataset<S>& data, const Mask& largest, int threads = 1)
        : model_(model), data_(data) {
        detail::require_labels("MaskTrials", data);
        const Index tasks = (data.samples() + width - 1) / width;
        threads_ = may_run_in_parallel(model) ? detail::thread_count(threads, tasks) : 1;
        inputs_.resize(static_cast<std::size_t>(threads_));
        const std::size_t spaces = resumes ? static_cast<std::size_t>(tasks) : inputs_.size();
        for (std::size_t i = 0; i < spaces; ++i) workspaces_.push_back(make_workspace(model));
        if constexpr (Composite<Model>) detail::check_mask(model, largest);
        run({});  // fills the workspaces
        if constexpr (resumes) first_ = detail::first_masked(model, largest);
    }

    /// Of the samples under a mask. A forward pass from the first layer masked on.
    MaskTrial run(const Mask& mask) {
        const Index tasks = (data_.samples() + width - 1) / width;
        std::vector<MaskTrial> parts(static_cast<std::size_t>(tasks));
        detail::parallel_for(tasks, threads_, [&](Index task, int worker) {
            const Index begin = task * width, count = std::min(width, data_.samples() - begin);
            Batch<S>& x = inputs_[static_cast<std::size_t>(worker)];
            if (first_ == 0) data_.inputs(begin, count, x);
            auto& space = workspaces_[static_cast<std::size_t>(resumes ? task : worker)];
            const auto labels =
                data_.labels().subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count));
            count_batch(forward(mask, x, space), labels, parts[static_cast<std::size_t>(task)]);
        });
        MaskTrial all = std::move(parts.front());
        for (std::size_t i = 1; i < parts.size(); ++i) {  // in the order of the samples
            all.confusion += parts[i].confusion;
            for (std::size_t c = 0; c < all.confidence.size(); ++c) all.confidence[c] += parts[i].confidence[c];
        }
        for (std::size_t c = 0; c < all.confidence.size(); ++c) {
            const auto samples = static_cast<double>(all.confusion.samples(static_cast<Index>(c)));
            if (samples > 0.0) all.confidence[c] /= samples;
        }
        return all;
    }

private:
    static constexpr Index width = 256;
    static constexpr bool resumes = detail::WalksFrom<Model>;
    using Space = decltype(make_workspace(std::declval<const Model&>()));

    const Batch<S>& forward(const Mask& mask, const Batch<S>& x, Space& space) const {
        if constexpr (Composite<Model>) {
            detail::Path path;
            NoVisit none;
            detail::MaskVisitor<NoVisit> held(mask, none, 0);
            if constexpr (resumes) {
                model_.walk(model_.parameters(), x, space.output, space.cache, Pass{}, held, path, first_);
            } else {
                model_.walk(model_.parameters(), x, space.output, space.cache, Pass{}, held, path);
            }
            return space.output;
        } else {
            detail::NoRecorder none;
            return observe(masked(model_, mask), BatchView<S>(x), {}, space, none);
        }
    }

    void count_batch(const Batch<S>& y, std::span<const std::int32_t> labels, MaskTrial& trial) const {
        if (y.rows() == 0) detail::raise<DataError>("MaskTrials", "outputs of the model", "none", "one a class");
        trial.confusion = Confusion(detail::classes_of(data_, y.rows()));
        trial.confidence.assign(static_cast<std::size_t>(trial.confusion.classes()), 0.0);
        for (Index j = 0; j < y.cols(); ++j) {
            const std::int32_t label = labels[static_cast<std::size_t>(j)];
            trial.confusion.add(label, predicted_class(y.col(j)));
            trial.confidence[static_cast<std::size_t>(label)] += detail::probability(y.col(j), label);
        }
    }

    const Model& model_;
    const Dataset<S>& data_;
    int threads_ = 1;
    std::size_t first_ = 0;
    std::vector<Batch<S>> inputs_;   ///< one a thread
    std::vector<Space> workspaces_;  ///< one a batch, else one a thread
};

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// How neurons to switch off are looked for.
struct SwitchOffOptions {
    double limit = 0.01;  ///< accuracy of the class that must not be exceeded
    Ablation ablation = Ablation::zero;
    std::size_t candidates = 32;  ///< switch_off: the best ranked that are left, tried at each step
    double keep = 1.0;            ///< switch_off: what the others' confidence counts against that of the class
    bool bisect = true;           ///< switch_off_by_rank: halve the range; else try every count from 0 on
    int threads = 1;              ///< 0: every core
};

/// Neurons that were switched off, and what the model then does with the samples of the search.
struct SwitchedOff {
    std::int32_t label = 0;             ///< the class
    std::vector<RankedNeuron> neurons;  ///< in the order they were chosen
    std::size_t ranked = 0;             ///< neurons there were to choose from
    Mask mask;
    Confusion before, after;
    bool reached = false;  ///< the limit was

    /// Part of the neurons there were.
    double share() const { return static_cast<double>(neurons.size()) / static_cast<double>(ranked); }
};

namespace detail {

template <class Model, class S>
struct SwitchSearch {
    const ClassProfiles& profiles;
    std::span<const RankedNeuron> ranked;
    std::int32_t label;
    const SwitchOffOptions& options;
    MaskTrials<Model, S> trials;

    SwitchSearch(const char* where, const Model& model, const Dataset<S>& data, const ClassProfiles& all,
                 std::span<const RankedNeuron> neurons, std::int32_t wanted, const SwitchOffOptions& how)
        : profiles(all),
          ranked(neurons),
          label(wanted),
          options(how),
          trials(model, data, mask_of(all, neurons), how.threads) {
        const auto labels = data.labels();
        if (neurons.empty()) raise<DataError>(where, "neurons", "0", "1 or more");
        if (!(how.limit >= 0.0 && how.limit <= 1.0)) {
            raise<DataError>(where, "limit", std::to_string(how.limit), "0..1");
        }
        if (how.candidates < 1) raise<DataError>(where, "candidates", "0", "1 or more");
        if (std::find(labels.begin(), labels.end(), wanted) == labels.end()) {
            raise<DataError>(where, "samples of class " + std::to_string(wanted), "0", "1 or more");
        }
    }

    MaskTrial run(std::span<const RankedNeuron> off) { return trials.run(mask_of(profiles, off, options.ablation)); }
    bool gone(const MaskTrial& trial) const { return trial.confusion.accuracy(label) <= options.limit; }

    /// The lower the better: how sure the model is of the class, less how sure it is of the others.
    double cost(const MaskTrial& trial) const {
        double others = 0.0, count = 0.0;
        for (std::size_t c = 0; c < trial.confidence.size(); ++c) {
            if (static_cast<std::int32_t>(c) == label || trial.confusion.samples(static_cast<Index>(c)) == 0) continue;
            others += trial.confidence[c];
            count += 1.0;
        }
        return trial.confidence[static_cast<std::size_t>(label)] - (count > 0.0 ? options.keep * others / count : 0.0);
    }

    SwitchedOff result(std::vector<RankedNeuron> off) {
        SwitchedOff found;
        found.label = label;
        found.neurons = std::move(off);
        found.ranked = ranked.size();
        found.mask = mask_of(profiles, found.neurons, options.ablation);
        found.before = trials.run({}).confusion;
        const MaskTrial last = trials.run(found.mask);
        found.after = last.confusion;
        found.reached = gone(last);
        return found;
    }
};

}  // namespace detail

/// Switches off the first so many of a ranking that the class is gone: accuracy at most the limit. With bisect a count
/// with which it is and with one fewer is not, which is the smallest if accuracy only ever falls; else the smallest.
/// Where all of them do not suffice, all, and `reached` is false.
///
/// Throws   DataError for no samples, labels, neurons or samples of the class, or options out of range.
/// Cost     a forward pass over the data for each of about log2(neurons) counts, or for each count.
template <class Model, class S>
SwitchedOff switch_off_by_rank(const Model& model, const Dataset<S>& data, const ClassProfiles& profiles,
                               std::int32_t label, std::span<const RankedNeuron> ranked,
                               const SwitchOffOptions& options = {}) {
    detail::SwitchSearch<Model, S> search("switch_off_by_rank", model, data, profiles, ranked, label, options);
    const auto gone = [&](std::size_t count) { return search.gone(search.run(ranked.first(count))); };
    std::size_t low = 0, high = ranked.size();  // not gone with fewer than low; gone with high, or that is all
    while (low < high) {
        const std::size_t middle = options.bisect ? low + (high - low) / 2 : low;
        if (gone(middle)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return search.result({ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(high)});
}

/// Switches neurons off one at a time until the class is gone, each time that which takes most confidence from the
/// class for what it takes from the others, by trial, among the best ranked that are left. Then those are switched on
/// again, the first chosen first, without which the class is gone as well. Leaves more of the other classes than the
/// ranking alone, which does not know what others need.
///
/// Throws   as switch_off_by_rank.
/// Cost     candidates + 1 forward passes over the data for each neuron chosen.
template <class Model, class S>
SwitchedOff switch_off(const Model& model, const Dataset<S>& data, const ClassProfiles& profiles, std::int32_t label,
                       std::span<const RankedNeuron> ranked, const SwitchOffOptions& options = {}) {
    detail::SwitchSearch<Model, S> search("switch_off", model, data, profiles, ranked, label, options);
    std::vector<RankedNeuron> left(ranked.begin(), ranked.end()), off;
    bool gone = search.gone(search.run(off));
    while (!gone && !left.empty()) {
        std::size_t best = 0;
        double least = 0.0;
        off.emplace_back();
        for (std::size_t i = 0; i < std::min(options.candidates, left.size()); ++i) {
            off.back() = left[i];
            const MaskTrial trial = search.run(off);
            const double cost = search.cost(trial);
            if (i > 0 && cost >= least) continue;
            best = i;
            least = cost;
            gone = search.gone(trial);
        }
        off.back() = left[best];
        left.erase(left.begin() + static_cast<std::ptrdiff_t>(best));
    }
    for (std::size_t i = 0; gone && i < off.size();) {
        std::vector<RankedNeuron> fewer = off;
        fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
        if (search.gone(search.run(fewer))) {
            off = std::move(fewer);
        } else {
            ++i;
        }
    }
    return search.result(std::move(off));
}

/// What is left of a model's accuracy while neurons are switched off.
struct RemovalSweep {
    std::vector<double> accuracy;  ///< with so many of the ranking switched off: from none on
    std::size_t removable = 0;     ///< the largest count up to which every one lost less than allowed
};

/// Switches off the first of a ranking, such as rank_by_least_use, one more each time, until the accuracy on the data
/// has fallen by max_loss or more.
/// Throws   DataError for no samples, labels or neurons, or a loss that is not positive.
/// Cost     a forward pass over the data for each neuron.
template <class Model, class S>
RemovalSweep removable_neurons(const Model& model, const Dataset<S>& data, const ClassProfiles& profiles,
                               std::span<const RankedNeuron> ranked, double max_loss = 0.01,
                               Ablation ablation = Ablation::zero, int threads = 1) {
    if (ranked.empty()) detail::raise<DataError>("removable_neurons", "neurons", "0", "1 or more");
    if (!(max_loss > 0.0)) {
        detail::raise<DataError>("removable_neurons", "max_loss", std::to_string(max_loss), "above 0");
    }
    MaskTrials<Model, S> trials(model, data, mask_of(profiles, ranked), threads);
    RemovalSweep sweep;
    for (std::size_t count = 0; count <= ranked.size(); ++count) {
        const MaskTrial trial = trials.run(mask_of(profiles, ranked.first(count), ablation));
        sweep.accuracy.push_back(trial.confusion.accuracy());
        if (sweep.accuracy.front() - sweep.accuracy.back() >= max_loss) break;
        sweep.removable = count;
    }
    return sweep;
}

}  // namespace renn::inline RENN_ABI
// renn/retrace/elbow.hpp - how votes fall over the ranks of the sources, and where that curve bends.

#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>


namespace renn::inline RENN_ABI {

/// Share of all votes that the source of each rank has, most votes first: entry r - 1 is rank r. 0 where fewer sources
/// than `ranks` got any votes. Cost: as Votes::top(ranks).
template <class I>
std::vector<double> vote_shares(const Votes<I>& votes, std::size_t ranks) {
    std::vector<double> shares(ranks, 0.0);
    const std::vector<Source> top = votes.top(ranks);
    for (std::size_t r = 0; r < top.size(); ++r) shares[r] = top[r].share;
    return shares;
}

/// Where a falling curve bends: the rank, from 1, whose point lies farthest below the chord from the first point to the
/// last, the first one among equals. Ranks and values count in parts of their range, so that neither unit matters.
/// Nothing where no point is below the chord: a straight line, a rising or a bulging curve, fewer than three points.
/// How long a tail the curve has matters: state the number of ranks with the elbow.
///
/// Throws   DataError for a value that is not finite.
/// Source   Satopaa et al., Finding a "Kneedle" in a Haystack (2011), without smoothing.
inline std::optional<std::size_t> elbow(std::span<const double> curve) {
    for (std::size_t i = 0; i < curve.size(); ++i) {
        if (!std::isfinite(curve[i])) {
            detail::raise<DataError>("elbow", "value " + std::to_string(i), std::to_string(curve[i]),
                                     "a finite number");
        }
    }
    if (curve.size() < 3) return std::nullopt;
    const double fall = curve.front() - curve.back();
    if (!(fall > 0.0)) return std::nullopt;
    double farthest = 1e-12;  // of what rounding leaves of a straight line
    std::optional<std::size_t> found;
    for (std::size_t i = 1; i + 1 < curve.size(); ++i) {
        const double along = static_cast<double>(i) / static_cast<double>(curve.size() - 1);
        const double below = (1.0 - along) - (curve[i] - curve.back()) / fall;
        if (below > farthest) {
            farthest = below;
            found = i + 1;
        }
    }
    return found;
}

}  // namespace renn::inline RENN_ABI
// renn/retrace/layer_search.hpp - the recorded samples whose activations of a whole layer are closest.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {

/// A recorded sample near a query at one layer.
struct LayerSource {
    std::uint64_t id = 0;
    double distance = 0.0;
    std::int32_t label = -1;  ///< -1 if none was recorded

    bool operator==(const LayerSource&) const = default;
};

/// What is close to one query at one layer.
struct LayerSources {
    std::vector<LayerSource> sources;  ///< by (distance, id): the k closest first, then all as far as the k-th
    std::size_t closer = 0;            ///< how many are nearer than the k-th
    double boundary = 0.0;             ///< distance of the k-th

    bool operator==(const LayerSources&) const = default;
};

/// How many sources are wanted, and which samples may be.
struct LayerSearchOptions {
    std::int64_t k = 42;
    std::vector<std::int32_t> classes = {};     ///< only samples with these labels; empty: all
    std::vector<std::uint64_t> ids = {};        ///< only these samples; empty: all
    std::optional<std::uint64_t> without = {};  ///< all but this sample
};

/// Searches one place of a recording by everything that was recorded there: all its neurons' values together are one
/// vector. It keeps the traced network's recording; post-activations that are not stored are recomputed once.
///
/// Threads  const members may run on several threads at once.
template <class Traced, VectorIndex I = Flat<typename Traced::Scalar>>
class LayerSearch {
public:
    using Scalar = typename Traced::Scalar;

    /// `place`: a name as in Activations. Throws DataError for an unknown one, or before anything is recorded.
    LayerSearch(Traced traced, const std::string& place, typename I::Options options = {})
        : traced_(std::move(traced)),
          point_(detail::voting_points(traced_.store().points, {.layers = {place}}).front()),
          index_(values(traced_, point_), options) {}

    const I& index() const noexcept { return index_; }

    /// The vectors that a network's values at this place are for the index. Shapes: x features x n, result width x n.
    Batch<Scalar> vectors(const BatchView<Scalar>& x) const {
        const Point& point = traced_.store().points[point_];
        const auto activations = traced_.activations(x);
        const Batch<Scalar>& all = activations[point.name];
        detail::require_shape("LayerSearch", point.text().c_str(), all, point.width, x.cols());
        Batch<Scalar> chosen;
        if (point.by_channel()) {
            pool_channels<Scalar>(point, all, chosen);
        } else {
            chosen.resize(point.count(), x.cols());
            Index row = 0;
            for (const std::uint32_t unit : point.units) chosen.row(row++) = all.row(static_cast<Index>(unit));
        }
        return chosen;
    }

    /// The closest samples of every column of x, on some threads (0: every core).
    std::vector<LayerSources> sources(const BatchView<Scalar>& x, const LayerSearchOptions& options = {},
                                      int threads = 1) const {
        return search(x, options, {}, threads);
    }

    /// Leave-one-out: of recorded samples, each without itself. Shapes: x features x ids, their inputs.
    std::vector<LayerSources> sources_without_self(const BatchView<Scalar>& x, std::span<const std::uint64_t> ids,
                                                   const LayerSearchOptions& options = {}, int threads = 1) const {
        if (static_cast<Index>(ids.size()) != x.cols()) {
            detail::raise<ShapeError>("LayerSearch::sources_without_self", "ids", std::to_string(ids.size()),
                                      std::to_string(x.cols()));
        }
        return search(x, options, ids, threads);
    }

private:
    static LayerValues<Scalar> values(const Traced& traced, std::uint32_t point) {
        const auto derivations = detail::derivations(traced.network(), traced.store().points);
        return layer_values(traced.store(), point, derivations[point]);
    }

    std::vector<LayerSources> search(const BatchView<Scalar>& x, const LayerSearchOptions& options,
                                     std::span<const std::uint64_t> without_self, int threads) const {
        const auto& store = traced_.store();
        if (options.k < 0) detail::raise<DataError>("LayerSearch", "k", std::to_string(options.k), "0 or more");
        const auto allowed = detail::allowed_samples(store, options);
        std::vector<std::uint32_t> without;
        for (const std::uint64_t id : without_self)
            without.push_back(static_cast<std::uint32_t>(store.position_of(id)));
        if (without.empty() && options.without) {
            without.assign(static_cast<std::size_t>(x.cols()),
                           static_cast<std::uint32_t>(store.position_of(*options.without)));
        }
        AdmitsForQuery admits;
        if (allowed || !without.empty()) {
            admits = [&](Index query, std::uint32_t sample) {
                if (!without.empty() && without[static_cast<std::size_t>(query)] == sample) return false;
                return !allowed || (*allowed)[sample] != 0;
            };
        }
        std::vector<LayerSources> result;
        for (const NearestSamples& found : nearest_batch(index_, vectors(x), options.k, admits, threads)) {
            LayerSources& answer = result.emplace_back();
            answer.closer = found.closer;
            answer.boundary = found.boundary;
            for (std::size_t i = 0; i < found.samples.size(); ++i) {
                const std::uint32_t s = found.samples[i];
                answer.sources.push_back(
                    {store.ids[s], found.distances[i], store.labels.empty() ? -1 : store.labels[s]});
            }
            std::sort(answer.sources.begin(), answer.sources.end(), [](const LayerSource& a, const LayerSource& b) {
                return a.distance != b.distance ? a.distance < b.distance : a.id < b.id;
            });
        }
        return result;
    }

    Traced traced_;
    std::uint32_t point_;
    I index_;
};

/// The recorded samples whose activations at a place are closest to those of each column of x. To ask more than once,
/// keep a LayerSearch: making one takes a pass over the values.
template <class Model, class Store, class Policy>
std::vector<LayerSources> layer_sources(const TracedNetwork<Model, Store, Policy>& traced, const std::string& place,
                                        const BatchView<typename Model::Scalar>& x,
                                        const LayerSearchOptions& options = {}, Metric metric = Metric::l2,
                                        int threads = 1) {
    return LayerSearch<TracedNetwork<Model, Store, Policy>>(traced, place, {.metric = metric})
        .sources(x, options, threads);
}

}  // namespace renn::inline RENN_ABI
// renn/retrace/merge.hpp - partial answers of disjoint shards, united.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {
namespace detail {

/// Throws MismatchError unless both answer the same question with the same network.
inline void require_same_question(const PartialRetrace& a, const PartialRetrace& b) {
    const auto require = [](const char* what, bool same, const std::string& got, const std::string& expected) {
        if (!same) raise<MismatchError>("merge", what, got, expected);
    };
    const auto text = [&require](const char* what, const std::string& x, const std::string& y) {
        require(what, x == y, y, x);
    };
    const Provenance &p = a.provenance, &q = b.provenance;
    require("fingerprint of the network", p.fingerprint == q.fingerprint, std::to_string(q.fingerprint),
            std::to_string(p.fingerprint));
    text("build", p.build, q.build);
    text("version of renn", p.library, q.library);
    text("index policy", p.index, q.index);
    text("tie policy", p.ties, q.ties);
    require("k", p.k == q.k, std::to_string(q.k), std::to_string(p.k));
    require("sources", a.restriction == b.restriction, "another restriction of classes, ids or without",
            "the same in every shard");
    require("labels", a.labelled == b.labelled, b.labelled ? "some" : "none", a.labelled ? "some" : "none");
    require("class names", a.class_names == b.class_names, "others", "the same in every shard");
    require("outputs", a.outputs == b.outputs && a.prediction == b.prediction, "those of another query",
            "the same query for every shard");
    require("places that vote", a.layers.size() == b.layers.size(), std::to_string(b.layers.size()),
            std::to_string(a.layers.size()));
    for (std::size_t l = 0; l < a.layers.size(); ++l) {
        const auto &x = a.layers[l], &y = b.layers[l];
        text("place", x.name + " (" + std::string(kind_name(x.kind)) + ")",
             y.name + " (" + std::string(kind_name(y.kind)) + ")");
        require("neurons", x.neurons.size() == y.neurons.size(), std::to_string(y.neurons.size()),
                std::to_string(x.neurons.size()) + " at " + x.name);
        for (std::size_t u = 0; u < x.neurons.size(); ++u) {
            const auto &m = x.neurons[u], &n = y.neurons[u];
            const std::string where = " at " + x.name;
            require("unit", m.unit == n.unit, std::to_string(n.unit), std::to_string(m.unit) + where);
            require("query's value", m.value == n.value && m.inactive == n.inactive, std::to_string(n.value),
                    std::to_string(m.value) + where + ", unit " + std::to_string(m.unit));
        }
    }
}

/// Both tables as one, and where the entries of each went.
inline std::vector<PartialRetrace::Sample> unite(const std::vector<PartialRetrace::Sample>& a,
                                                 const std::vector<PartialRetrace::Sample>& b,
                                                 std::vector<std::uint32_t>& a_to, std::vector<std::uint32_t>& b_to) {
    if (a.size() + b.size() > std::numeric_limits<std::uint32_t>::max()) {
        raise<DataError>("merge", "samples named", std::to_string(a.size() + b.size()), "fewer than 2^32");
    }
    std::vector<PartialRetrace::Sample> both;
    both.reserve(a.size() + b.size());
    a_to.reserve(a.size());
    b_to.reserve(b.size());
    while (a_to.size() < a.size() || b_to.size() < b.size()) {
        const std::size_t i = a_to.size(), j = b_to.size();
        if (i < a.size() && j < b.size() && a[i].id == b[j].id) {
            raise<DataError>("merge", "sample " + std::to_string(a[i].id), "in two shards", "each sample in one");
        }
        const bool first = j == b.size() || (i < a.size() && a[i].id < b[j].id);
        (first ? a_to : b_to).push_back(static_cast<std::uint32_t>(both.size()));
        both.push_back(first ? a[i] : b[j]);
    }
    return both;
}

using PlacesIn = std::vector<std::uint32_t>;  // of a table's entries, in the united table

/// `listed`: whether tied samples are kept beyond their number; `held`: size of the united table.
inline PartialRetrace::Neuron merge_neurons(const PartialRetrace::Neuron& a, const PlacesIn& a_to,
                                            const PartialRetrace::Neuron& b, const PlacesIn& b_to, std::int64_t k,
                                            bool listed, std::size_t held) {
    using Near = PartialRetrace::Near;
    const auto moved = [](std::vector<Near> nearest, const PlacesIn& to) {
        for (Near& near : nearest) near.sample = to[near.sample];
        return nearest;
    };
    const std::vector<Near> x = moved(a.nearest, a_to), y = moved(b.nearest, b_to);
    PartialRetrace::Neuron merged{.unit = a.unit, .value = a.value, .inactive = a.inactive, .nearest = {}, .tied = {}};
    auto& nearest = merged.nearest;
    nearest.reserve(x.size() + y.size());
    std::merge(x.begin(), x.end(), y.begin(), y.end(), std::back_inserter(nearest), [](const Near& m, const Near& n) {
        return m.distance != n.distance ? m.distance < n.distance : m.sample < n.sample;
    });
    const auto kept = static_cast<std::size_t>(std::min<std::int64_t>(k, std::ssize(nearest)));
    if (kept == 0) return merged;
    const double boundary = nearest[kept - 1].distance;
    for (std::size_t i = kept; i < nearest.size() && nearest[i].distance == boundary; ++i) {
        if (listed) merged.tied.push_back(nearest[i].sample);
        ++merged.others;
    }
    nearest.resize(kept);
    // What a shard has beyond its nearest lies at its own boundary: it counts where that is the boundary of both.
    for (const auto& [from, to] : {std::pair(&a, &a_to), std::pair(&b, &b_to)}) {
        if (from->others == 0 || from->nearest.back().distance != boundary) continue;
        merged.others += from->others;
        for (const std::uint32_t s : from->tied) merged.tied.push_back((*to)[s]);
    }
    sort_samples(merged.tied, held);
    return merged;
}

/// Leaves in the table only samples that a neuron still names, so that it does not grow with the number of shards.
inline void drop_unnamed(PartialRetrace& partial) {
    SampleSet named(partial.held.size());
    for (const auto& layer : partial.layers) {
        for (const auto& neuron : layer.neurons) {
            for (const auto& near : neuron.nearest) named.insert(near.sample);
            for (const std::uint32_t s : neuron.tied) named.insert(s);
        }
    }
    const std::size_t kept = named.size();
    if (kept == partial.held.size()) return;
    named.count();
    for (auto& layer : partial.layers) {
        for (auto& neuron : layer.neurons) {
            for (auto& near : neuron.nearest) near.sample = named.number(near.sample);
            for (std::uint32_t& s : neuron.tied) s = named.number(s);
        }
    }
    std::vector<PartialRetrace::Sample> held;
    held.reserve(kept);
    named.for_each([&](std::uint32_t s) { held.push_back(partial.held[s]); });
    partial.held = std::move(held);
}

}  // namespace detail

/// The partial answer over the samples of both. Associative and commutative, with PartialRetrace{} as the identity, all
/// bit for bit: shards may be merged in any order and grouping, on any machine, as they arrive.
///
/// Throws   MismatchError if the two answer different questions (network, build, policies, k, query, restriction);
///          DataError for a sample that both name. One in both shards that cannot matter (one of the shards has k
///          nearer ones), or that only counts among the tied (`strict`, `lowest_id`), is not seen.
/// Cost     O(neurons x k + named samples + tied samples named).
inline PartialRetrace merge(const PartialRetrace& a, const PartialRetrace& b) {
    if (a.empty()) return b;
    if (b.empty()) return a;
    detail::require_same_question(a, b);
    PartialRetrace merged;
    merged.provenance = a.provenance;
    merged.provenance.same_build = a.provenance.same_build && b.provenance.same_build;
    merged.ties = a.ties;
    merged.restriction = a.restriction;
    merged.samples = a.samples + b.samples;
    merged.known = a.known + b.known;
    merged.labelled = a.labelled;
    merged.classes = std::max(a.classes, b.classes);
    merged.class_names = a.class_names;
    merged.prediction = a.prediction;
    merged.outputs = a.outputs;
    detail::PlacesIn a_to, b_to;
    merged.held = detail::unite(a.held, b.held, a_to, b_to);
    for (std::size_t l = 0; l < a.layers.size(); ++l) {
        auto& layer = merged.layers.emplace_back();
        layer.name = a.layers[l].name;
        layer.kind = a.layers[l].kind;
        layer.neurons.reserve(a.layers[l].neurons.size());
        for (std::size_t u = 0; u < a.layers[l].neurons.size(); ++u) {
            const auto &m = a.layers[l].neurons[u], &n = b.layers[l].neurons[u];
            layer.neurons.push_back(detail::merge_neurons(m, a_to, n, b_to, merged.provenance.k,
                                                          detail::shares_ties(merged.ties, m), merged.held.size()));
        }
    }
    detail::drop_unnamed(merged);
    return merged;
}

}  // namespace renn::inline RENN_ABI
// renn/retrace/shard.hpp - asks a network that recorded some of the samples, for an answer to be merged with others'.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {
namespace detail {

template <class Store>
bool has_id(const Store& store, std::uint64_t id) {
    const auto& order = store.by_id();
    const auto n = static_cast<std::size_t>(store.samples());
    std::size_t low = 0, high = n;
    const auto id_at = [&](std::size_t i) { return store.ids[order.empty() ? i : std::size_t{order[i]}]; };
    while (low < high) {
        const std::size_t middle = low + (high - low) / 2;
        if (id_at(middle) < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < n && id_at(low) == id;
}

template <class T>
std::vector<T> ascending(std::vector<T> values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    return values;
}

/// The named positions of a store as a table by ascending ids; `to` takes a position's number among them to its place.
template <class Store>
std::vector<PartialRetrace::Sample> table_of(const Store& store, const SampleSet& named,
                                             std::vector<std::uint32_t>& to) {
    std::vector<PartialRetrace::Sample> found;
    named.for_each([&](std::uint32_t s) {
        found.push_back({store.ids[s], store.labels.empty() ? -1 : store.labels[s],
                         store.predictions.empty() ? -1 : store.predictions[s]});
    });
    std::vector<std::uint32_t> order(found.size());
    std::iota(order.begin(), order.end(), 0U);
    to = order;
    if (store.by_id().empty()) return found;
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return found[a].id < found[b].id; });
    std::vector<PartialRetrace::Sample> table;
    table.reserve(found.size());
    for (std::uint32_t place = 0; place < order.size(); ++place) {
        to[order[place]] = place;
        table.push_back(found[order[place]]);
    }
    return table;
}

}  // namespace detail

/// What one answer hands over, with the restriction of its own options. Where ids restrict the sources or one is left
/// out, shards need different options for one question: retrace_shard sees to that.
/// Cost   as Retrace::neuron for every neuron; O(samples / 64); with `share` and `skip_inactive` the tied samples.
template <class I>
PartialRetrace partial(const Retrace<I>& answer) {
    const auto& store = answer.store();
    const RetraceOptions& options = answer.options();
    PartialRetrace taken;
    taken.provenance = answer.provenance();
    taken.ties = options.ties;
    taken.restriction = {detail::ascending(options.classes), detail::ascending(options.ids), answer.without()};
    taken.samples = static_cast<std::uint64_t>(store.samples());
    taken.known = taken.restriction.ids.size() + (taken.restriction.without ? 1U : 0U);
    taken.labelled = answer.has_labels();
    taken.classes = static_cast<std::int32_t>(store.classes());
    taken.class_names = answer.class_names();
    taken.prediction = answer.prediction();
    taken.outputs.assign(answer.outputs().begin(), answer.outputs().end());

    // First with positions in the store, then, when all that are named are known, with places in the table of them.
    detail::SampleSet named(static_cast<std::size_t>(store.samples()));
    std::size_t number = 0;
    for (std::size_t i = 0, places = answer.layers().size(); i < places; ++i) {
        const Point& place = answer.place(i);
        auto& layer = taken.layers.emplace_back();
        layer.name = place.name;
        layer.kind = place.kind;
        for (const std::uint32_t unit : place.units) {
            const NeuronSources sources = answer.neuron(number);
            auto& neuron = layer.neurons.emplace_back();
            neuron.unit = unit;
            neuron.value = sources.value;
            neuron.inactive = options.ties == Ties::skip_inactive && !sources.votes;
            neuron.others = sources.tied - sources.places;
            for (const Neighbour& near : sources.neighbours) {
                const auto at = static_cast<std::uint32_t>(store.position_of(near.id));
                named.insert(at);
                neuron.nearest.push_back({at, near.value, near.distance});
            }
            if (neuron.others > 0 && detail::shares_ties(taken.ties, neuron)) {
                neuron.tied.reserve(sources.tied);
                answer.for_each_tied(number, [&](std::uint32_t at) {
                    named.insert(at);
                    neuron.tied.push_back(at);
                });
            }
            ++number;
        }
    }
    named.count();
    std::vector<std::uint32_t> to;
    taken.held = detail::table_of(store, named, to);
    const auto place_of = [&](std::uint32_t at) { return to[named.number(at)]; };
    for (auto& layer : taken.layers) {
        for (auto& neuron : layer.neurons) {
            for (auto& near : neuron.nearest) near.sample = place_of(near.sample);
            if (neuron.tied.empty()) continue;
            for (std::uint32_t& at : neuron.tied) at = place_of(at);
            detail::sort_samples(neuron.tied, taken.held.size());
            const auto others = static_cast<std::ptrdiff_t>(neuron.others);
            neuron.tied.erase(neuron.tied.begin(), neuron.tied.end() - others);  // lowest ids are among the nearest
        }
    }
    return taken;
}

/// Traces every column of x to the samples of one shard. All shards get the same x and options: ids in them, those to
/// restrict to and the one to leave out, may belong to any shard. merge(a, b) unites what the shards say.
///
/// Shapes   x: features x queries; one partial answer a query.
/// Throws   as TracedNetwork::retrace_batch, but not for ids of other shards: see PartialRetrace::unknown_ids.
/// Cost     as retrace_batch and partial, queries spread over threads (0: every core).
template <class Traced>
std::vector<PartialRetrace> retrace_shard(const Traced& shard, const BatchView<typename Traced::Scalar>& x,
                                          const RetraceOptions& options = {}, int threads = 1) {
    const auto& store = shard.store();
    const PartialRetrace::Restriction asked{detail::ascending(options.classes), detail::ascending(options.ids),
                                            options.without};
    RetraceOptions own = options;
    own.ids.clear();
    for (const std::uint64_t id : asked.ids) {
        if (detail::has_id(store, id)) own.ids.push_back(id);
    }
    if (own.without && !detail::has_id(store, *own.without)) own.without.reset();
    const std::uint64_t known = own.ids.size() + (own.without ? 1U : 0U);
    if (own.ids.empty() && !asked.ids.empty()) own.k = std::min<std::int64_t>(own.k, 0);  // no source here
    const auto answers = shard.retrace_batch(x, own, threads);
    std::vector<PartialRetrace> partials(answers.size());
    detail::parallel_for(static_cast<Index>(answers.size()), threads, [&](Index q, int) {
        PartialRetrace taken = partial(answers[static_cast<std::size_t>(q)]);
        taken.restriction = asked;
        taken.known = known;
        taken.provenance.k = options.k;
        partials[static_cast<std::size_t>(q)] = std::move(taken);
    });
    return partials;
}

}  // namespace renn::inline RENN_ABI
// renn/retrace/source_history.hpp - how the sources of some samples change while a network learns.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {

/// Part of the sources of two answers that both have, of the larger number: 1 for the same samples in any order. 1 for
/// two answers without sources.
inline double source_overlap(std::span<const Source> a, std::span<const Source> b) {
    const auto ids = [](std::span<const Source> sources) {
        std::vector<std::uint64_t> found;
        for (const Source& s : sources) found.push_back(s.id);
        std::sort(found.begin(), found.end());
        return found;
    };
    std::vector<std::uint64_t> both;
    const auto first = ids(a), second = ids(b);
    std::set_intersection(first.begin(), first.end(), second.begin(), second.end(), std::back_inserter(both));
    const std::size_t most = std::max(first.size(), second.size());
    return most == 0 ? 1.0 : static_cast<double>(both.size()) / static_cast<double>(most);
}

/// What a history keeps.
struct HistoryOptions {
    RetraceOptions retrace = {};
    std::size_t sources = 50;      ///< of each sample and epoch
    Selection selection = {};      ///< what is recorded
    bool keep_recordings = false;  ///< all of every epoch's recording, not the chosen samples' sources alone
    int threads = 1;               ///< 0: every core
};

/// Records a training set with the network as it is after each epoch and retraces chosen samples. Keeps their sources
/// and nothing else, unless whole recordings are asked for.
///
///     SourceHistory<Net> history(training, std::vector<std::uint64_t>{3, 7});  // ids of training samples
///     fit(net, training, {.epochs = 10, .on_epoch = history.observer(net)});
///     history.overlap(0);                                                      // of sample 3, epoch after epoch
///
/// The training set, and the network given to observer, must live as long.
/// Cost     an epoch: a recording, the sorting of its columns, and a retrace a sample.
template <class Net, class Policy = Sorted>
class SourceHistory {
public:
    using Scalar = typename Net::Scalar;
    using Traced = TracedNetwork<Net, MemoryStore<Scalar>, Policy>;

    /// One sample after one epoch.
    struct Sample {
        std::int32_t prediction = -1;
        std::vector<double> evidence;  ///< one a class; empty without labels
        std::vector<Source> sources;   ///< most votes first

        bool operator==(const Sample&) const = default;
    };
    /// All of them after one epoch.
    struct Entry {
        int epoch = 0;
        std::vector<Sample> samples;  ///< in the order they were chosen

        bool operator==(const Entry&) const = default;
    };

    /// Follows training samples, each without itself as a source.
    /// Throws   DataError for no ids or one that the training set lacks.
    SourceHistory(const Dataset<Scalar>& training, std::vector<std::uint64_t> ids, HistoryOptions options = {})
        : training_(&training), ids_(std::move(ids)), options_(std::move(options)) {
        for (const std::uint64_t id : ids_) training.position_of(id);
        check(std::ssize(ids_));
    }
    /// Follows other samples, features x samples. Throws DataError for none.
    SourceHistory(const Dataset<Scalar>& training, Batch<Scalar> queries, HistoryOptions options = {})
        : training_(&training), queries_(std::move(queries)), options_(std::move(options)) {
        check(queries_.cols());
    }

    /// Adds the network as it is now. Throws as TracedNetwork::record and its retraces.
    void add(const Net& net, int epoch) {
        Traced traced(net, options_.selection);
        traced.record(*training_, {.threads = options_.threads});
        const auto answers = ids_.empty() ? traced.retrace_batch(queries_, options_.retrace, options_.threads)
                                          : traced.retrace_recorded(ids_, options_.retrace, options_.threads);
        Entry entry{epoch, {}};
        for (const auto& answer : answers) {
            entry.samples.push_back({answer.prediction(),
                                     answer.has_labels() ? answer.evidence() : std::vector<double>(),
                                     answer.top(options_.sources)});
        }
        entries_.push_back(std::move(entry));
        if (options_.keep_recordings) recordings_.push_back(std::move(traced));
    }

    /// For FitOptions::on_epoch: adds the network that is trained after each epoch.
    std::function<bool(const Epoch&)> observer(const Net& net) {
        return [this, &net](const Epoch& epoch) {
            add(net, epoch.number);
            return true;
        };
    }

    const std::vector<Entry>& entries() const noexcept { return entries_; }
    /// One an entry if they were asked for, else empty.
    const std::vector<Traced>& recordings() const noexcept { return recordings_; }

    /// Of a sample by its number: part of its sources that are the same as in the entry before; one less than entries.
    /// Throws   DataError for a number that is not there.
    std::vector<double> overlap(std::size_t sample) const {
        const std::size_t count = ids_.empty() ? static_cast<std::size_t>(queries_.cols()) : ids_.size();
        if (sample >= count) {
            detail::raise<DataError>("SourceHistory::overlap", "sample", std::to_string(sample),
                                     "below " + std::to_string(count));
        }
        std::vector<double> parts;
        for (std::size_t e = 1; e < entries_.size(); ++e) {
            parts.push_back(
                source_overlap(entries_[e - 1].samples[sample].sources, entries_[e].samples[sample].sources));
        }
        return parts;
    }

private:
    void check(Index samples) const {
        if (samples == 0) detail::raise<DataError>("SourceHistory", "samples to follow", "0", "1 or more");
        if (options_.sources == 0) detail::raise<DataError>("SourceHistory", "sources", "0", "1 or more");
    }

    const Dataset<Scalar>* training_;
    std::vector<std::uint64_t> ids_;
    Batch<Scalar> queries_;
    HistoryOptions options_;
    std::vector<Entry> entries_;
    std::vector<Traced> recordings_;
};

}  // namespace renn::inline RENN_ABI
// renn/retrace/support.hpp - votes with a sign: for samples of one class, against those of the others.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>


namespace renn::inline RENN_ABI {

/// How much each recorded sample supports a class, such as the one predicted: with C classes and the votes f(s),
///
///     f(s) if s has that class, -f(s) / (C - 1) if not,
///
/// in the order of recording. A sample that is close to the query and of another class pulls against it, which votes
/// alone do not say. Use it where the effect of training samples is asked for: it foretells retraining better than
/// votes do: linear datamodelling score 0.16, 0.25, 0.22 on three sets with k a tenth of the samples, against 0.06,
/// 0.07, 0.09 of the votes with k = 42 and 0.11, 0.19, 0.19 of the class alone, without any votes (docs/evidence.md).
///
/// Throws   DataError if no labels were recorded, for fewer than two classes or a class that there is not.
/// Cost     as Votes::dense: every member of every tied group is touched.
template <class I>
std::vector<double> support(const Retrace<I>& answer, std::int32_t wanted) {
    const auto& store = answer.store();
    if (store.labels.empty()) detail::raise<DataError>("support", "labels", "none recorded", "one a sample");
    const auto classes = static_cast<std::int64_t>(store.classes());
    if (classes < 2) detail::raise<DataError>("support", "classes", std::to_string(classes), "2 or more");
    if (wanted < 0 || wanted >= classes) {
        detail::raise<DataError>("support", "class", std::to_string(wanted), "0.." + std::to_string(classes - 1));
    }
    std::vector<double> votes = answer.dense();
    for (std::size_t s = 0; s < votes.size(); ++s) {
        if (store.labels[s] != wanted) votes[s] /= -static_cast<double>(classes - 1);
    }
    return votes;
}

}  // namespace renn::inline RENN_ABI
// renn/tracing/check_levels.hpp - checks what a search through a column of a store file rests on.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

// renn/tracing/store_chunks.hpp - a mapped store file whose chunks are checked when they are first read.

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

// renn/tracing/store_description.hpp - what a store file or a journal says of its recording, and the table of its
// blocks.

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <cereal/archives/binary.hpp>


namespace renn::inline RENN_ABI::detail {

/// What a block holds. Blocks lie in this order, those of points by number.
enum class BlockKind : std::uint32_t {
    ids = 1,             ///< u64 a sample
    by_id = 2,           ///< u32 a sample: positions by ascending id; only where ids do not ascend
    labels = 3,          ///< i32 a sample, optional
    predictions = 4,     ///< i32 a sample; only for a model with outputs
    outputs = 5,         ///< the network's scalar, outputs x samples, a sample's side by side; likewise
    tag_ends = 6,        ///< u64 a sample: where its tag ends among the bytes of all; optional
    tag_bytes = 7,       ///< the tags, one behind the other
    sorted = 8,          ///< of a point: for every column the values ascending, their positions, the levels of a search
    columns = 9,         ///< of a point: for every column the values in the order of samples
    sample_ranges = 10,  ///< of a point: the range of each sample, of scalars that need them
};

inline std::string_view block_name(BlockKind kind) noexcept {
    constexpr std::string_view names[] = {"?",        "ids",  "ids by order", "labels", "predictions",  "outputs",
                                          "tag ends", "tags", "values",       "values", "sample ranges"};
    const auto number = static_cast<std::size_t>(kind);
    return number < std::size(names) ? names[number] : names[0];
}

struct Block {
    BlockKind kind = BlockKind::ids;
    std::uint32_t point = 0;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    bool operator==(const Block&) const = default;
    std::uint64_t end() const noexcept { return offset + bytes; }
};

/// What is said of the recording as a whole: a cereal binary archive at the beginning of the chunks.
template <class S>
struct StoreDescription {
    std::string library;  ///< version of renn that wrote the file
    std::string build;    ///< compiler, instruction set and scalar of the recording
    std::vector<Point> points;
    std::vector<std::string> class_names;
    std::int64_t classes = 0;
    std::int64_t outputs = 0;  ///< values that the model puts out
    Batch<S> first_input;
    std::vector<Block> blocks;
};

template <class A, class S>
void put(A& ar, const StoreDescription<S>& what) {
    put(ar, what.library);
    put(ar, what.build);
    put(ar, what.points);
    put(ar, what.class_names);
    put(ar, what.classes);
    put(ar, what.outputs);
    put(ar, what.first_input);
    put(ar, static_cast<std::uint64_t>(what.blocks.size()));
    for (const Block& block : what.blocks) {
        put(ar, static_cast<std::uint32_t>(block.kind));
        put(ar, block.point);
        put(ar, block.offset);
        put(ar, block.bytes);
    }
}

template <class A, class S>
void get(A& ar, StoreDescription<S>& what, const Limit& limit) {
    get(ar, what.library, limit);
    get(ar, what.build, limit);
    get(ar, what.points, limit);
    get(ar, what.class_names, limit);
    get(ar, what.classes, limit);
    get(ar, what.outputs, limit);
    get(ar, what.first_input, limit);
    std::uint64_t count = 0;
    get(ar, count, limit);
    limit.require(count, 24);
    for (std::uint64_t b = 0; b < count; ++b) {
        Block block;
        std::uint32_t kind = 0;
        get(ar, kind, limit);
        get(ar, block.point, limit);
        get(ar, block.offset, limit);
        get(ar, block.bytes, limit);
        block.kind = static_cast<BlockKind>(kind);
        what.blocks.push_back(block);
    }
}

/// A cereal binary archive of a description.
template <class S>
std::string description_text(const StoreDescription<S>& what) {
    std::ostringstream out;
    cereal::BinaryOutputArchive ar(out);
    put(ar, what);
    return std::move(out).str();
}

/// Throws FormatError for a text that is no description, or goes on behind it.
template <class S>
StoreDescription<S> read_description(const std::string& where, std::string text) {
    const std::size_t size = text.size();
    std::istringstream in(std::move(text));
    StoreDescription<S> what;
    const auto damaged = [&where](const std::string& why) { raise<FormatError>(where, "damaged description: " + why); };
    try {
        cereal::BinaryInputArchive ar(in);
        get(ar, what, Limit(size));
    } catch (const cereal::Exception& e) {
        damaged(e.what());
    } catch (const FormatError& e) {
        damaged(e.what());
    }
    if (static_cast<std::uint64_t>(in.tellg()) != size) damaged("it does not end where it should");
    for (std::size_t p = 0; p < what.points.size(); ++p) check_point(what.points, p);
    return what;
}

}  // namespace renn::inline RENN_ABI::detail
// renn/tracing/store_head.hpp - the first page of a store file or of a journal; docs/format.md says it in words.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>


namespace renn::inline RENN_ABI {

/// How a value lies in a store file.
enum class ScalarKind : std::uint32_t { float32, float64, float16, bfloat16, linear8_per_unit, linear8_per_sample };

/// "float32", "linear8 per unit", ...
constexpr std::string_view scalar_name(ScalarKind kind) noexcept {
    constexpr std::string_view names[] = {"float32",  "float64",          "float16",
                                          "bfloat16", "linear8 per unit", "linear8 per sample"};
    const auto number = static_cast<std::size_t>(kind);
    return number < std::size(names) ? names[number] : "an unknown scalar";
}

namespace detail {

/// 0 for a kind that does not exist.
constexpr std::uint64_t scalar_bytes(ScalarKind kind) noexcept {
    constexpr std::uint64_t bytes[] = {4, 8, 2, 2, 1, 1};
    const auto number = static_cast<std::size_t>(kind);
    return number < std::size(bytes) ? bytes[number] : 0;
}
template <class S>
inline constexpr ScalarKind scalar_kind = sizeof(S) == 4 ? ScalarKind::float32 : ScalarKind::float64;
/// Of values of S kept as an encoding makes them; 8-bit ranges are two S each, lowest and step (tracing/encoding.hpp).
template <class S, class E>
constexpr ScalarKind stored_kind() noexcept {
    for (std::uint32_t kind = 2; kind < 6; ++kind) {
        if (scalar_name(static_cast<ScalarKind>(kind)) == E::name) return static_cast<ScalarKind>(kind);
    }
    return scalar_kind<S>;
}

inline constexpr std::uint64_t store_head_bytes = 4096;  ///< and where the chunks begin

/// The first 256 bytes of a store file or of a journal; zeros follow up to byte 4096. The checksum is that of all 4096
/// bytes with zeros in its own place.
struct StoreHead {
    static constexpr std::uint32_t current_version = 1;
    static constexpr std::uint32_t oldest_version = 1;

    char magic_bytes[8] = {};  ///< as FrameHead's, and so the next three
    std::uint32_t version = current_version;
    std::uint32_t byte_order = FrameHead::order_mark;
    char content[8] = {};  ///< "store" or "journal"
    ScalarKind scalar = ScalarKind::float32;
    ScalarKind network_scalar = ScalarKind::float32;
    std::uint64_t samples = 0;
    std::uint64_t network = 0;     ///< fingerprint
    std::uint64_t data = 0;        ///< fingerprint; 0: unknown
    std::uint64_t file_bytes = 0;  ///< the whole length; 0 in a journal, which grows
    std::uint64_t description_offset = store_head_bytes;
    std::uint64_t description_bytes = 0;
    std::uint64_t table_offset = 0;
    std::uint64_t table_bytes = 0;
    std::uint64_t table_checksum = 0;
    std::uint64_t segment = 0;               ///< samples a segment of a journal
    std::uint64_t description_checksum = 0;  ///< of a journal; that of a store is covered by its chunks
    std::uint64_t zero[16] = {};
    std::uint64_t head_checksum = 0;

    StoreHead() = default;
    explicit StoreHead(std::string_view what) {
        std::copy(FrameHead::magic.begin(), FrameHead::magic.end(), magic_bytes);
        std::memset(content, 0, sizeof(content));
        std::copy(what.begin(), what.end(), content);
    }
};
static_assert(sizeof(StoreHead) == 256);

/// The 4096 bytes that a file begins with, checksum and all.
inline std::vector<char> head_page(StoreHead head) {
    std::vector<char> page(store_head_bytes, 0);
    head.head_checksum = 0;
    std::memcpy(page.data(), &head, sizeof(head));
    head.head_checksum = checksum_of(page.data(), page.size());
    std::memcpy(page.data(), &head, sizeof(head));
    return page;
}

/// The head of a file whose beginning is given, checked but for what only its reader knows. `where` is "load: path".
/// Throws   FormatError for a file that is not ours, of other content, too new, too old, shorter than a head or damaged
///          in it.
inline StoreHead read_head(const std::string& where, std::string_view content, std::span<const char> file) {
    const std::size_t start = std::min(file.size(), FrameHead::magic.size());
    if (!std::equal(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(start), FrameHead::magic.begin())) {
        raise<FormatError>(where, "not a renn file");
    }
    StoreHead head;
    constexpr std::size_t common = offsetof(StoreHead, scalar);  // every renn file has that much alike
    const std::string bytes = std::to_string(file.size()) + " bytes";
    if (file.size() >= common) {
        std::memcpy(static_cast<void*>(&head), file.data(), common);
        if (head.byte_order == std::uint32_t{0x04030201}) {
            raise<FormatError>(where, "written on a machine of the other byte order");
        }
        const std::string got = content_text(head.content);
        if (got != content) raise<FormatError>(where, "content", got, std::string(content));
        if (head.version > StoreHead::current_version && head.version < 1000) {
            raise<FormatError>(where, "format version", std::to_string(head.version),
                               "at most " + std::to_string(StoreHead::current_version) + "; it is from a newer renn");
        }
    }
    if (file.size() < store_head_bytes) {
        raise<FormatError>(where, "truncated", bytes, "at least " + std::to_string(store_head_bytes) + " bytes");
    }
    std::memcpy(static_cast<void*>(&head), file.data(), sizeof(head));
    std::vector<char> page(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(store_head_bytes));
    std::memset(page.data() + offsetof(StoreHead, head_checksum), 0, sizeof(head.head_checksum));
    if (checksum_of(page.data(), page.size()) != head.head_checksum || head.byte_order != FrameHead::order_mark) {
        raise<FormatError>(where, "damaged head");
    }
    if (head.version > StoreHead::current_version) {
        raise<FormatError>(where, "format version", std::to_string(head.version),
                           "at most " + std::to_string(StoreHead::current_version));
    }
    if (head.version < StoreHead::oldest_version) {
        raise<FormatError>(where, "format version", std::to_string(head.version),
                           "at least " + std::to_string(StoreHead::oldest_version) +
                               "; a format that this renn does not read any more");
    }
    return head;
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
// renn/tracing/store_layout.hpp - where the parts of a store file lie.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>


namespace renn::inline RENN_ABI::detail {

inline constexpr std::uint64_t chunk_bytes = 65536;
inline constexpr std::uint64_t store_alignment = 64;  ///< of blocks and of their parts

constexpr std::uint64_t aligned(std::uint64_t bytes) noexcept {
    return (bytes + store_alignment - 1) / store_alignment * store_alignment;
}
constexpr std::uint64_t chunk_count(std::uint64_t table_offset) noexcept {
    return (table_offset - store_head_bytes + chunk_bytes - 1) / chunk_bytes;
}

/// How the parts of one column lie, from where the column begins. The next one begins `bytes` later.
struct ColumnLayout {
    std::uint64_t values = 0;  ///< always 0, but for 8-bit scalars per unit: the range comes first
    std::uint64_t order = 0;
    std::uint64_t levels = 0;
    std::uint64_t level_values = 0;
    std::uint64_t bytes = 0;
};

/// Of at most 2^32 - 1 samples.
inline ColumnLayout column_layout(BlockKind kind, ScalarKind scalar, std::uint64_t samples) {
    ColumnLayout layout;
    const std::uint64_t size = scalar_bytes(scalar);
    if (scalar == ScalarKind::linear8_per_unit) layout.values = store_alignment;
    layout.bytes = layout.values + aligned(samples * size);
    if (kind == BlockKind::sorted) {
        layout.order = layout.bytes;
        layout.levels = layout.order + aligned(samples * sizeof(std::uint32_t));
        layout.level_values = SearchLevels(static_cast<std::uint32_t>(samples)).values();
        layout.bytes = layout.levels + aligned(layout.level_values * size);
    }
    return layout;
}

/// Bytes that a block must have; nothing where no block of that kind can be, or where that is not known (tags) or too
/// much for any file.
template <class S>
std::optional<std::uint64_t> block_bytes(const Block& block, const StoreHead& head, const StoreDescription<S>& what) {
    std::uint64_t bytes = head.samples;
    const auto times = [&bytes](std::uint64_t factor) -> std::optional<std::uint64_t> {
        if (!multiply(bytes, factor)) return std::nullopt;
        return bytes;
    };
    switch (block.kind) {
        case BlockKind::ids:
        case BlockKind::tag_ends:
            return times(sizeof(std::uint64_t));
        case BlockKind::by_id:
        case BlockKind::labels:
        case BlockKind::predictions:
            return times(sizeof(std::uint32_t));
        case BlockKind::outputs:
            if (what.outputs <= 0 || !times(static_cast<std::uint64_t>(what.outputs))) return std::nullopt;
            return times(scalar_bytes(head.network_scalar));
        case BlockKind::tag_bytes:
            return block.bytes;
        case BlockKind::sample_ranges:
            return times(2 * scalar_bytes(head.network_scalar));
        case BlockKind::sorted:
        case BlockKind::columns: {
            const Point& point = what.points[block.point];
            bytes = column_layout(block.kind, head.scalar, head.samples).bytes;
            const auto dimensions = static_cast<std::uint64_t>(point.dimensions());
            if (!times(static_cast<std::uint64_t>(point.count()))) return std::nullopt;
            return times(dimensions);
        }
    }
    return std::nullopt;
}

/// Places the blocks one behind the other, from `begin` on, each where its alignment lets it; returns where the table
/// of checksums begins. Nothing if that is too much for any file.
inline std::optional<std::uint64_t> place_blocks(std::vector<Block>& blocks, std::uint64_t begin) {
    constexpr std::uint64_t most = std::uint64_t{1} << 62;
    std::uint64_t at = aligned(begin);
    for (Block& block : blocks) {
        block.offset = at;
        if (block.bytes > most - at) return std::nullopt;
        at = aligned(at + block.bytes);
    }
    return at;
}

/// Sizes and places every block of a description (kinds and points given, tag_bytes with its size) and what else the
/// head says about lengths. Throws DataError where no file is large enough.
template <class S>
void lay_out(StoreHead& head, StoreDescription<S>& what) {
    for (Block& block : what.blocks) {
        const auto bytes = block_bytes(block, head, what);
        if (!bytes) raise<DataError>("store", "block of " + std::string(block_name(block.kind)), "too large", "a file");
        block.bytes = *bytes;
    }
    head.description_offset = store_head_bytes;
    head.description_bytes = description_text(what).size();  // which the offsets do not change
    const auto table = place_blocks(what.blocks, head.description_offset + head.description_bytes);
    if (!table) raise<DataError>("store", "size", "too large", "a file");
    head.table_offset = *table;
    head.table_bytes = sizeof(std::uint64_t) * chunk_count(*table);
    head.file_bytes = head.table_offset + head.table_bytes;
}

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI::detail {

/// The chunks of a store file and what is known of them. A chunk is fine if its checksum is right and its numbers can
/// be: positions of samples below their number, labels that are classes, sorted values that ascend. Then no later read
/// can go astray.
/// Threads  const members may run on several threads at once.
class StoreChunks {
public:
    /// Maps the file and checks head and table. Throws FormatError.
    StoreChunks(const std::string& path, std::uint64_t populate)
        : where_("load: " + path), file_("load", path), populate_(populate) {
        const std::uint64_t size = file_.size();
        head_ = read_head(where_, "store",
                          {file_.data(), static_cast<std::size_t>(std::min<std::uint64_t>(size, store_head_bytes))});
        const auto text = [](std::uint64_t bytes) { return std::to_string(bytes) + " bytes"; };
        if (size < head_.file_bytes) fail("truncated", text(size), text(head_.file_bytes));
        if (size > head_.file_bytes) fail("trailing bytes", text(size), text(head_.file_bytes));
        const bool fine = head_.description_offset == store_head_bytes && head_.table_offset >= store_head_bytes &&
                          head_.table_offset <= size && head_.table_offset % store_alignment == 0 &&
                          head_.description_bytes <= head_.table_offset - store_head_bytes &&
                          head_.table_bytes == size - head_.table_offset &&
                          head_.table_bytes == sizeof(std::uint64_t) * chunk_count(head_.table_offset);
        if (!fine) raise<FormatError>(where_, "damaged: lengths that cannot be");
        if (head_.samples < 1 || head_.samples > 0xffffffffU) {
            fail("samples", std::to_string(head_.samples), "1 to 2^32 - 1");
        }
        begin_ = file_.data() + store_head_bytes;
        length_ = head_.table_offset - store_head_bytes;
        table_ = file_.data() + head_.table_offset;
        if (checksum_of(table_, static_cast<std::size_t>(head_.table_bytes)) != head_.table_checksum) {
            raise<FormatError>(where_, "damaged: the table of checksums");
        }
        words_ = static_cast<std::size_t>((chunks() + 63) / 64);
        bits_ = std::make_unique<std::atomic<std::uint64_t>[]>(words_);
    }

    /// What the blocks are, once the description was read and found right. What was read until then is checked again,
    /// now that it is known what its numbers mean. Throws FormatError.
    void describe(std::vector<Block> blocks, std::vector<Point> points, std::int64_t classes, std::int64_t outputs) {
        blocks_ = std::move(blocks);
        points_ = std::move(points);
        classes_ = classes;
        outputs_ = outputs;
        for (std::size_t w = 0; w < words_; ++w) bits_[w] = 0;
        check(begin_, head_.description_bytes);
    }

    const std::string& where() const noexcept { return where_; }
    const StoreHead& head() const noexcept { return head_; }
    const char* at(std::uint64_t offset) const noexcept { return file_.data() + offset; }
    std::uint64_t bytes() const noexcept { return file_.size(); }
    std::uint64_t chunks() const noexcept { return chunk_count(head_.table_offset); }
    /// How many chunks have been read and found right.
    std::uint64_t checked() const noexcept {
        std::uint64_t count = 0;
        for (std::size_t w = 0; w < words_; ++w) {
            count += static_cast<std::uint64_t>(std::popcount(bits_[w].load(std::memory_order_relaxed)));
        }
        return count;
    }

    /// Throws FormatError that names chunk and block unless all chunks of a part of the mapping are fine. Memory from
    /// elsewhere is none of its business. Cost   a bit a chunk, once it was checked.
    void check(const void* from, std::uint64_t bytes) const {
        const std::uint64_t first = reinterpret_cast<std::uintptr_t>(from) - reinterpret_cast<std::uintptr_t>(begin_);
        if (first >= length_ || bytes == 0) return;
        const std::uint64_t last = (first + std::min(bytes, length_ - first) - 1) / chunk_bytes;
        for (std::uint64_t chunk = first / chunk_bytes; chunk <= last; ++chunk) {
            const std::uint64_t word = bits_[static_cast<std::size_t>(chunk / 64)].load(std::memory_order_acquire);
            if (((word >> (chunk % 64)) & 1U) == 0) check_chunk(chunk);
        }
    }
    void check_all() const { check(begin_, length_); }

    [[noreturn]] void fail(const std::string& what, const std::string& got, const std::string& expected) const {
        raise<FormatError>(where_, what, got, expected);
    }

private:
    void check_chunk(std::uint64_t chunk) const {
        const std::uint64_t begin = store_head_bytes + chunk * chunk_bytes;
        const std::uint64_t end = std::min(begin + chunk_bytes, head_.table_offset);
        if (begin >= store_head_bytes + head_.description_bytes && bytes() <= populate_ && !populated_.exchange(true)) {
            file_.populate();
        }
        std::uint64_t expected = 0;
        std::memcpy(&expected, table_ + chunk * sizeof(expected), sizeof(expected));
        const std::string number = std::to_string(chunk);
        if (checksum_of(at(begin), static_cast<std::size_t>(end - begin)) != expected) {
            raise<FormatError>(where_, "damaged: the checksum of chunk " + number + " is wrong" + content(begin, end));
        }
        auto block =
            std::partition_point(blocks_.begin(), blocks_.end(), [begin](const Block& b) { return b.end() <= begin; });
        for (; block != blocks_.end() && block->offset < end; ++block) {
            if (!possible(*block, std::max(begin, block->offset), std::min(end, block->end()))) {
                raise<FormatError>(where_, "damaged: impossible numbers in chunk " + number + content(begin, end));
            }
        }
        bits_[static_cast<std::size_t>(chunk / 64)].fetch_or(std::uint64_t{1} << (chunk % 64),
                                                             std::memory_order_release);
    }

    /// ", in ids, values of dense1 (pre-activation)"
    std::string content(std::uint64_t begin, std::uint64_t end) const {
        std::string text;
        for (const Block& block : blocks_) {
            if (block.end() <= begin || block.offset >= end) continue;
            text += (text.empty() ? ", in " : ", ") + std::string(block_name(block.kind));
            if (block.kind >= BlockKind::sorted) text += " of " + points_[block.point].text();
        }
        return text.empty() ? ", in the description" : text;
    }

    template <class T>
    bool below(std::uint64_t begin, std::uint64_t end, std::uint64_t limit) const {
        T highest = 0;
        for (; begin < end; begin += sizeof(T)) {
            T value;
            std::memcpy(&value, at(begin), sizeof(T));
            highest = std::max(highest, value);
        }
        return begin == end && (highest < limit || limit > std::numeric_limits<T>::max());
    }

    template <class S>
    bool ascend(std::uint64_t begin, std::uint64_t end) const {
        const S* values = reinterpret_cast<const S*>(at(begin));
        const auto count = static_cast<std::size_t>((end - begin) / sizeof(S));
        unsigned wrong = 0;
        for (std::size_t i = 1; i < count; ++i) wrong |= values[i - 1] <= values[i] ? 0U : 1U;
        return wrong == 0 && std::isfinite(values[0]) && std::isfinite(values[count - 1]);
    }

    /// Whether the numbers of a part of a block can be. (A negative label is a large number without its sign.)
    bool possible(const Block& block, std::uint64_t begin, std::uint64_t end) const {
        if (begin >= end) return true;
        switch (block.kind) {
            case BlockKind::by_id:
                return below<std::uint32_t>(begin, end, head_.samples);
            case BlockKind::labels:
                return below<std::uint32_t>(begin, end, static_cast<std::uint64_t>(classes_));
            case BlockKind::predictions:
                return below<std::uint32_t>(begin, end,
                                            std::max<std::uint64_t>(2, static_cast<std::uint64_t>(outputs_)));
            case BlockKind::sorted: {
                const ColumnLayout layout = column_layout(block.kind, head_.scalar, head_.samples);
                std::uint64_t column = block.offset + (begin - block.offset) / layout.bytes * layout.bytes;
                for (; column < end; column += layout.bytes) {
                    const std::uint64_t last = std::min(end, column + head_.samples * scalar_bytes(head_.scalar));
                    if (const std::uint64_t first = std::max(begin, column); first < last) {
                        const bool fine = head_.scalar == ScalarKind::float32 ? ascend<float>(first, last)
                                                                              : ascend<double>(first, last);
                        if (!fine) return false;
                    }
                    const std::uint64_t order = column + layout.order;
                    const std::uint64_t from = std::max(begin, order);
                    const std::uint64_t to = std::min(end, order + head_.samples * sizeof(std::uint32_t));
                    if (from < to && !below<std::uint32_t>(from, to, head_.samples)) return false;
                }
                return true;
            }
            default:
                return true;
        }
    }

    std::string where_;
    MappedFile file_;
    std::uint64_t populate_;
    StoreHead head_;
    const char* begin_ = nullptr;
    std::uint64_t length_ = 0;
    const char* table_ = nullptr;
    std::vector<Block> blocks_;
    std::vector<Point> points_;
    std::int64_t classes_ = 0;
    std::int64_t outputs_ = 0;
    std::size_t words_ = 0;
    mutable std::unique_ptr<std::atomic<std::uint64_t>[]> bits_;  ///< one a chunk: it was checked
    mutable std::atomic<bool> populated_{false};
};

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI::detail {

/// Checks the levels of a column but the finest, whose errors a search finds by its result, and the infinities behind
/// each, which keep a search within bounds. Throws FormatError.
template <class S>
void check_levels(const StoreChunks& chunks, std::span<const S> levels, const Point& point) {
    const std::uint64_t samples = chunks.head().samples;
    const SearchLevels at(static_cast<std::uint32_t>(samples));
    if (at.depth == 0) return;
    chunks.check(levels.data(), at.begin[at.depth - 1] * sizeof(S));
    const auto end = levels.last(SearchLevels::fan);
    chunks.check(end.data(), end.size_bytes());
    for (std::uint32_t level = 0; level < at.depth; ++level) {
        for (std::size_t i = at.begin[level] + samples / at.stride(level); i < at.begin[level + 1]; ++i) {
            if (levels[i] == std::numeric_limits<S>::infinity()) continue;
            chunks.fail("end of a level of " + point.text(), std::to_string(levels[i]), "infinity");
        }
    }
}

}  // namespace renn::inline RENN_ABI::detail
// renn/tracing/check_store.hpp - whether a store file can be what its head and its description say.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// Throws FormatError unless the blocks are those, and lie where, they must for what the head and the description say.
template <class S>
void check_store(const std::string& where, const StoreHead& head, const StoreDescription<S>& what) {
    const auto require = [&where](bool fine, const char* problem) {
        if (!fine) raise<FormatError>(where, std::string("damaged description: ") + problem);
    };
    const auto names = static_cast<std::int64_t>(what.class_names.size());
    require(what.outputs >= 0, "outputs");
    // Tables of classes are made of this number before any label is read.
    const auto most = std::max({names, std::int64_t{65536}, static_cast<std::int64_t>(head.samples)});
    require(what.classes >= names, "classes");
    if (what.classes > most) {
        raise<FormatError>(where, "classes", std::to_string(what.classes), "0.." + std::to_string(most));
    }
    std::vector<int> columns(what.points.size(), 0), ranges(what.points.size(), 0);
    bool has[static_cast<std::size_t>(BlockKind::tag_bytes) + 1] = {};
    std::pair<std::uint64_t, BlockKind> last{0, BlockKind{}};  // tables first, then points by number
    for (const Block& block : what.blocks) {
        require(block.kind >= BlockKind::ids && block.kind <= BlockKind::sample_ranges, "a block of an unknown kind");
        const bool of_point = block.kind >= BlockKind::sorted;
        require(block.point < (of_point ? what.points.size() : 1), "a block of a point that is not there");
        const std::pair<std::uint64_t, BlockKind> here{of_point ? std::uint64_t{block.point} + 1 : 0, block.kind};
        require(last < here, "blocks in another order");
        last = here;
        if (!of_point) {
            has[static_cast<std::size_t>(block.kind)] = true;
        } else if (block.kind == BlockKind::sample_ranges) {
            ++ranges[block.point];
        } else {
            ++columns[block.point];
            const bool one_number = what.points[block.point].dimensions() == 1 && head.scalar <= ScalarKind::float64;
            require(block.kind == BlockKind::columns || one_number, "sorted columns that cannot be");
        }
        const auto bytes = block_bytes(block, head, what);
        require(bytes && *bytes == block.bytes, "a block of another length");
    }
    const auto there = [&has](BlockKind kind) { return has[static_cast<std::size_t>(kind)]; };
    require(there(BlockKind::ids), "no ids");
    require(there(BlockKind::outputs) == (what.outputs > 0), "outputs that are not there");
    require(there(BlockKind::predictions) == (what.outputs > 0), "predictions that are not there");
    require(there(BlockKind::tag_ends) == there(BlockKind::tag_bytes), "half of the tags");
    require(there(BlockKind::labels) || what.classes == names, "classes without labels");
    for (std::size_t p = 0; p < what.points.size(); ++p) {
        require(columns[p] == (what.points[p].stored() ? 1 : 0), "values of a point that are missing or too many");
        require(ranges[p] == (what.points[p].stored() && head.scalar == ScalarKind::linear8_per_sample ? 1 : 0),
                "ranges of samples");
    }
    std::vector<Block> placed = what.blocks;
    const auto table = place_blocks(placed, head.description_offset + head.description_bytes);
    require(table && placed == what.blocks && *table == head.table_offset, "blocks that lie elsewhere");
}

}  // namespace renn::inline RENN_ABI::detail
// renn/tracing/data_fingerprint.hpp - one number that tells two data sets apart.

#include <cstdint>


namespace renn::inline RENN_ABI {

/// One number for the inputs as they are held, the ids and the labels of a data set; never 0. It finds another data set
/// and damage, it does not resist forgery. Cost: reads all of it once.
template <class S>
std::uint64_t data_fingerprint(const Dataset<S>& data) {
    const std::uint64_t shape[] = {static_cast<std::uint64_t>(data.features()),
                                   static_cast<std::uint64_t>(data.samples()), data.holds_bytes() ? 1U : sizeof(S)};
    detail::Checksum sum;
    const auto add = [&sum](const auto& values) {
        sum.add(values.data(), static_cast<std::size_t>(values.size()) * sizeof(*values.data()));
    };
    sum.add(shape, sizeof(shape));
    add(data.pixels());
    add(data.values());
    add(data.ids());
    add(data.labels());
    const std::uint64_t value = sum.value();
    return value != 0 ? value : 1;
}

}  // namespace renn::inline RENN_ABI
// renn/tracing/estimate.hpp - what a recording will cost, before anything is written.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

// renn/tracing/finish_plan.hpp - how a journal becomes a store file within a byte budget.

#include <algorithm>
#include <cstddef>
#include <cstdint>


namespace renn::inline RENN_ABI::detail {

/// Upper bound of the length of the file that a journal becomes, to plan with.
template <class S>
std::uint64_t finish_bytes(std::uint64_t samples, std::uint64_t columns, std::uint64_t meta, std::uint64_t segment) {
    return columns * samples * (sizeof(S) + 5) + samples * meta / segment;
}

/// Memory that writing a store file from a journal takes, and what fits into a budget.
struct FinishPlan {
    std::uint64_t fixed = 0;   ///< whatever the plan is
    std::uint64_t thread = 0;  ///< of a thread that sorts a column
    std::uint64_t column = 0;  ///< of a column that waits in memory
    std::uint64_t least = 0;   ///< budget below which it cannot be done
    int threads = 1;
    std::uint64_t group =
        0;  ///< columns read from the journal in one pass; 0: not even one fits, they are sorted on disk
    std::uint64_t passes = 1;

    /// `meta`: bytes that a segment has beside its values; `ordered`: ids ascend, so that no order of them is needed.
    FinishPlan(std::size_t scalar, std::uint64_t samples, std::uint64_t columns, std::uint64_t file_bytes,
               std::uint64_t meta, bool ordered, std::uint64_t budget, int wanted_threads) {
        const std::uint64_t order = ordered ? 0 : 4 * samples;  // sorting them takes less than a column does
        const std::uint64_t item = scalar == 4 ? 8 : 16;
        column = samples * scalar;
        thread = samples * (2 * scalar + 4 + 2 * item);
        fixed =
            (std::uint64_t{4} << 20) + file_bytes / chunk_bytes * 16 + samples / 59 * scalar + 3 * meta + 64 * columns;
        least = fixed + (std::uint64_t{5} << 20);
        const std::uint64_t rest = budget > fixed ? budget - fixed : 0;
        passes = columns;
        if (rest < order + thread + column) return;
        const std::uint64_t most = (rest - order) / (thread + column);
        threads = static_cast<int>(std::min<std::uint64_t>(most, static_cast<std::uint64_t>(wanted_threads)));
        group = std::min(columns, (rest - order - static_cast<std::uint64_t>(threads) * thread) / column);
        passes = group == 0 ? 1 : (columns + group - 1) / group;
    }
};

}  // namespace renn::inline RENN_ABI::detail
// renn/tracing/journal_segment.hpp - what a journal consists of behind its first page; docs/format.md says it in words.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// Begins every segment of a journal. The checksum is that of the journal's own head checksum, of this with 0 in its
/// place, and of everything before the values; each column of values has one of its own there.
struct SegmentHead {
    static constexpr char mark[8] = {'S', 'E', 'G', 'M', 'E', 'N', 'T', '\n'};

    char magic[8] = {};
    std::uint64_t first = 0;  ///< samples before it
    std::uint64_t samples = 0;
    std::uint64_t tag_bytes = 0;
    std::uint64_t bytes = 0;  ///< of the whole segment
    std::uint64_t zero[2] = {};
    std::uint64_t checksum = 0;
};
static_assert(sizeof(SegmentHead) == 64);

inline bool has_block(const std::vector<Block>& blocks, BlockKind kind) {
    return std::any_of(blocks.begin(), blocks.end(), [kind](const Block& block) { return block.kind == kind; });
}

/// All columns of the stored points.
inline std::uint64_t column_count(const std::vector<Point>& points) {
    std::uint64_t columns = 0;
    for (const Point& point : points) columns += point.stored() ? static_cast<std::uint64_t>(point.columns()) : 0;
    return columns;
}

/// Where the parts of a segment lie, from where it begins: what belongs to samples, a checksum a column, the columns.
struct SegmentLayout {
    std::uint64_t ids = sizeof(SegmentHead), tag_ends = 0, column_sums = 0, outputs = 0, labels = 0, predictions = 0;
    std::uint64_t tags = 0, values = 0, bytes = 0;

    template <class S>
    SegmentLayout(const StoreDescription<S>& what, std::uint64_t columns, std::uint64_t samples,
                  std::uint64_t tag_bytes) {
        const auto behind = [&](std::uint64_t begin, BlockKind kind, std::uint64_t size) {
            return begin + (has_block(what.blocks, kind) ? size * samples : 0);
        };
        tag_ends = behind(ids, BlockKind::ids, sizeof(std::uint64_t));
        column_sums = behind(tag_ends, BlockKind::tag_ends, sizeof(std::uint64_t));
        outputs = column_sums + columns * sizeof(std::uint64_t);
        labels = behind(outputs, BlockKind::outputs, static_cast<std::uint64_t>(what.outputs) * sizeof(S));
        predictions = behind(labels, BlockKind::labels, sizeof(std::int32_t));
        tags = behind(predictions, BlockKind::predictions, sizeof(std::int32_t));
        values = aligned(tags + tag_bytes);
        bytes = aligned(values + columns * samples * sizeof(S));
    }
};

inline std::uint64_t segment_checksum(std::uint64_t journal, SegmentHead head, const char* rest, std::uint64_t bytes) {
    head.checksum = 0;
    Checksum sum;
    sum.add(&journal, sizeof(journal));
    sum.add(&head, sizeof(head));
    sum.add(rest, static_cast<std::size_t>(bytes));
    return sum.value();
}

/// Bytes of a segment beside its values.
template <class S>
std::uint64_t segment_meta(const StoreDescription<S>& what, std::uint64_t samples, std::uint64_t tag_bytes) {
    return SegmentLayout(what, column_count(what.points), samples, tag_bytes).values;
}

inline std::string journal_path(const std::string& path) {
    return path + ".recording";
}

}  // namespace renn::inline RENN_ABI::detail
// renn/tracing/record_to_file.hpp - records into a file: more than memory holds, interrupted and resumed at will.

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

// renn/tracing/file_recording.hpp - runs a model over samples and appends what it reports to a journal.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// renn/tracing/journal_reader.hpp - reads what is whole of the file of an unfinished recording.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// Reads what is whole of a journal; every byte is checked against its checksum before it is believed.
/// Throws   FormatError for a file whose beginning is not that of a journal, or is damaged; MismatchError for one of
///          another scalar. A segment that is torn or damaged ends what can be read.
/// Threads  one.
template <class S>
class JournalReader {
public:
    explicit JournalReader(const std::string& path) : file_("load", path) {
        std::vector<char> page(static_cast<std::size_t>(std::min(file_.size(), store_head_bytes)));
        file_.read_at(0, page.data(), page.size());
        head_ = read_head(file_.context(), "journal", page);
        if (head_.network_scalar != scalar_kind<S> || head_.scalar != scalar_kind<S>) {
            raise<MismatchError>(file_.context(), "scalar", std::string(scalar_name(head_.network_scalar)),
                                 std::string(scalar_name(scalar_kind<S>)));
        }
        if (head_.segment == 0 || head_.segment > 0xffffffffU) file_.fail("damaged: samples of a segment");
        if (head_.description_bytes > file_.size()) file_.fail("truncated");
        file_.require(aligned(store_head_bytes + head_.description_bytes));
        std::string text(static_cast<std::size_t>(head_.description_bytes), '\0');
        file_.read_at(store_head_bytes, text.data(), text.size());
        if (checksum_of(text.data(), text.size()) != head_.description_checksum) file_.fail("damaged description");
        what_ = read_description<S>(file_.context(), std::move(text));
        bool fine = has_block(what_.blocks, BlockKind::ids) && what_.outputs >= 0 &&
                    has_block(what_.blocks, BlockKind::outputs) == (what_.outputs > 0);
        for (const Point& point : what_.points) fine = fine && point.columns() < (Index{1} << 40);
        if (!fine) file_.fail("damaged description");
        columns_ = column_count(what_.points);
        end_ = aligned(store_head_bytes + head_.description_bytes);
    }

    const StoreHead& head() const noexcept { return head_; }
    const StoreDescription<S>& description() const noexcept { return what_; }
    const std::string& context() const noexcept { return file_.context(); }

    /// Checks the next segment, perhaps without its values, which columns() checks again; false at the end of what is
    /// whole.
    bool next(bool with_values = true) {
        const SegmentHead head = whole_head();
        if (head.samples == 0) return false;
        const SegmentLayout at(what_, columns_, head.samples, head.tag_bytes);
        const std::uint64_t piece = head.samples * sizeof(S);
        const std::uint64_t together = std::max<std::uint64_t>(1, (std::uint64_t{1} << 20) / piece);
        if (with_values) values_.resize(static_cast<std::size_t>(std::min(together, columns_) * head.samples));
        for (std::uint64_t c = 0; with_values && c < columns_; c += together) {
            const std::uint64_t count = std::min(together, columns_ - c);
            if (!read_columns(end_, at, c, count, values_.data(), static_cast<std::size_t>(head.samples))) {
                why_ = "damaged values";
                return false;
            }
        }
        segments_.push_back({end_, samples_, head.samples, head.tag_bytes});
        samples_ += head.samples;
        end_ += head.bytes;
        return true;
    }

    /// What was found whole so far, and where it ends; why no more.
    std::size_t segments() const noexcept { return segments_.size(); }
    Index samples() const noexcept { return static_cast<Index>(samples_); }
    std::uint64_t end() const noexcept { return end_; }
    std::uint64_t dropped() const noexcept { return file_.size() - std::min(end_, file_.size()); }
    const std::string& why() const noexcept { return why_; }
    Index first(std::size_t segment) const noexcept { return static_cast<Index>(segments_[segment].first); }
    Index samples(std::size_t segment) const noexcept { return static_cast<Index>(segments_[segment].samples); }
    std::uint64_t tag_bytes(std::size_t segment) const noexcept { return segments_[segment].tag_bytes; }

    /// One part of what belongs to the samples of a segment; empty if the recording has none. These bytes were checked
    /// by next() and are read again.
    template <class T>
    void part(std::size_t segment, BlockKind kind, std::vector<T>& to) {
        const Segment& s = segments_[segment];
        const SegmentLayout at(what_, columns_, s.samples, s.tag_bytes);
        std::uint64_t begin = at.ids, end = at.tag_ends;
        if (kind == BlockKind::tag_ends) begin = at.tag_ends, end = at.column_sums;
        if (kind == BlockKind::outputs) begin = at.outputs, end = at.labels;
        if (kind == BlockKind::labels) begin = at.labels, end = at.predictions;
        if (kind == BlockKind::predictions) begin = at.predictions, end = at.tags;
        if (kind == BlockKind::tag_bytes) begin = at.tags, end = at.tags + s.tag_bytes;
        to.resize(static_cast<std::size_t>((end - begin) / sizeof(T)));
        file_.read_at(s.offset + begin, to.data(), end - begin);
    }

    /// Columns [first, first + count) of all points together, column c of the segment to `to + c * stride`.
    /// Throws FormatError where they are not what was written.
    void columns(std::size_t segment, std::uint64_t first, std::uint64_t count, S* to, std::size_t stride) {
        const Segment& s = segments_[segment];
        const SegmentLayout at(what_, columns_, s.samples, s.tag_bytes);
        if (!read_columns(s.offset, at, first, count, to, stride)) {
            file_.fail("damaged: the checksum of values of segment " + std::to_string(segment) + " is wrong");
        }
    }

private:
    struct Segment {
        std::uint64_t offset, first, samples, tag_bytes;
    };

    /// The head of the segment at the end, if all of it but perhaps its values is what was written; else one of 0.
    SegmentHead whole_head() {
        const auto torn = [this](const char* why) {
            why_ = why;
            return SegmentHead();
        };
        SegmentHead head;
        const std::uint64_t rest = file_.size() - std::min(end_, file_.size());
        if (rest == 0) return torn("");
        if (rest < sizeof(head)) return torn("torn segment");
        file_.read_at(end_, &head, sizeof(head));
        if (!std::equal(std::begin(SegmentHead::mark), std::end(SegmentHead::mark), head.magic)) {
            return torn("damaged segment");
        }
        const bool may_follow = segments_.empty() || segments_.back().samples == head_.segment;
        if (head.samples == 0 || head.samples > head_.segment || head.first != samples_ || !may_follow) {
            return torn("damaged segment");
        }
        if (head.bytes > rest) return torn("torn segment");
        std::uint64_t size = head.samples;
        const auto wide = columns_ + static_cast<std::uint64_t>(what_.outputs);
        if (head.tag_bytes > rest || !multiply(size, wide) || !multiply(size, sizeof(S)) || size > rest) {
            return torn("damaged segment");
        }
        const SegmentLayout at(what_, columns_, head.samples, head.tag_bytes);
        if (at.bytes != head.bytes) return torn("damaged segment");
        beginning_.resize(static_cast<std::size_t>(at.values - sizeof(head)));
        file_.read_at(end_ + sizeof(head), beginning_.data(), beginning_.size());
        if (segment_checksum(head_.head_checksum, head, beginning_.data(), beginning_.size()) != head.checksum) {
            return torn("damaged segment");
        }
        return head;
    }

    bool read_columns(std::uint64_t offset, const SegmentLayout& at, std::uint64_t first, std::uint64_t count, S* to,
                      std::size_t stride) {
        const std::uint64_t samples = columns_ == 0 ? 0 : (at.tag_ends - at.ids) / sizeof(std::uint64_t);
        const std::uint64_t piece = samples * sizeof(S);
        sums_.resize(static_cast<std::size_t>(count));
        file_.read_at(offset + at.column_sums + first * sizeof(std::uint64_t), sums_.data(), 8 * count);
        if (stride == samples) file_.read_at(offset + at.values + first * piece, to, count * piece);
        for (std::uint64_t c = 0; c < count; ++c) {
            S* column = to + static_cast<std::size_t>(c) * stride;
            if (stride != samples) file_.read_at(offset + at.values + (first + c) * piece, column, piece);
            if (checksum_of(column, static_cast<std::size_t>(piece)) != sums_[static_cast<std::size_t>(c)])
                return false;
        }
        return true;
    }

    InputFile file_;
    StoreHead head_;
    StoreDescription<S> what_;
    std::uint64_t columns_ = 0;
    std::vector<Segment> segments_;
    std::uint64_t samples_ = 0;
    std::uint64_t end_ = 0;
    std::string why_;
    std::vector<char> beginning_;
    std::vector<S> values_;
    std::vector<std::uint64_t> sums_;
};

}  // namespace renn::inline RENN_ABI::detail
// renn/tracing/journal_writer.hpp - appends to the file of an unfinished recording.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// Appends segments to a journal. Nothing is trusted that is not whole, so writing needs no order and no wait.
template <class S, class System = SystemCalls>
class JournalWriter {
public:
    /// A new journal. It has its name only once its beginning is whole. `head` with samples (0: not known), network,
    /// data and segment; `what` with points, names and the kinds of blocks.
    JournalWriter(const std::string& path, StoreHead head, const StoreDescription<S>& what, System system)
        : JournalWriter(create(path, head, what, system), what, FileWriter<System>::Start::keep, system) {}

    /// An old one whose whole segments end at byte `end`.
    JournalWriter(const std::string& path, const StoreHead& head, const StoreDescription<S>& what, std::uint64_t end,
                  System system)
        : JournalWriter(std::pair(path, head.head_checksum), what, FileWriter<System>::Start::keep, system) {
        if (file_.size() != end) file_.truncate(end);
    }

    /// All samples of `segment`, whose columns must be exactly as long; `first` samples came before.
    void append(MemoryStore<S>& segment, Index first) {
        std::uint64_t tag_bytes = 0;
        for (const std::string& tag : segment.tags) tag_bytes += tag.size();
        const auto samples = static_cast<std::uint64_t>(segment.samples());
        const SegmentLayout at(what_, columns_, samples, tag_bytes);
        beginning_.assign(static_cast<std::size_t>(at.values), 0);
        const auto put = [&](std::uint64_t offset, const auto* from, std::size_t count) {
            if (count > 0) std::memcpy(beginning_.data() + offset, from, count * sizeof(*from));
        };
        put(at.ids, segment.ids.data(), segment.ids.size());
        put(at.outputs, segment.outputs.data(), static_cast<std::size_t>(segment.outputs.size()));
        put(at.labels, segment.labels.data(), segment.labels.size());
        put(at.predictions, segment.predictions.data(), segment.predictions.size());
        std::uint64_t end = 0;
        for (std::size_t i = 0; i < segment.tags.size(); ++i) {
            put(at.tags + end, segment.tags[i].data(), segment.tags[i].size());
            end += segment.tags[i].size();
            put(at.tag_ends + i * sizeof(end), &end, 1);
        }
        std::uint64_t sum_at = at.column_sums;
        for_each_block(segment, [&](const S* values, Index columns) {
            for (Index c = 0; c < columns; ++c, sum_at += sizeof(std::uint64_t)) {
                const std::uint64_t sum = checksum_of(values + static_cast<std::size_t>(c) * samples,
                                                      static_cast<std::size_t>(samples) * sizeof(S));
                put(sum_at, &sum, 1);
            }
        });
        SegmentHead head;
        std::copy(std::begin(SegmentHead::mark), std::end(SegmentHead::mark), head.magic);
        head.first = static_cast<std::uint64_t>(first);
        head.samples = samples;
        head.tag_bytes = tag_bytes;
        head.bytes = at.bytes;
        head.checksum = segment_checksum(journal_, head, beginning_.data() + sizeof(head), at.values - sizeof(head));
        put(0, &head, 1);

        const std::uint64_t begin = file_.size();
        file_.write(beginning_.data(), beginning_.size());
        for_each_block(segment, [&](const S* values, Index columns) {
            file_.write(values, static_cast<std::size_t>(columns) * static_cast<std::size_t>(samples) * sizeof(S));
        });
        constexpr char zeros[store_alignment] = {};
        file_.write(zeros, static_cast<std::size_t>(begin + at.bytes - file_.size()));
        file_.start_writing(begin, at.bytes);
    }

    void close() {
        file_.sync();
        file_.close();
    }

private:
    JournalWriter(std::pair<std::string, std::uint64_t> path_and_journal, const StoreDescription<S>& what,
                  typename FileWriter<System>::Start start, const System& system)
        : what_(what),
          columns_(column_count(what.points)),
          journal_(path_and_journal.second),
          file_(std::move(path_and_journal.first), start, system) {}

    static std::pair<std::string, std::uint64_t> create(const std::string& path, StoreHead head,
                                                        const StoreDescription<S>& what, const System& system) {
        const std::string text = description_text(what);
        head.scalar = head.network_scalar = scalar_kind<S>;
        head.description_bytes = text.size();
        head.description_checksum = checksum_of(text.data(), text.size());
        const std::string partial = path + ".partial";
        RemoveUnlessKept<System> remove(partial, system);
        FileWriter<System> file(partial, FileWriter<System>::Start::anew, system);
        std::vector<char> page = head_page(head);
        std::memcpy(static_cast<void*>(&head), page.data(), sizeof(head));
        page.insert(page.end(), text.begin(), text.end());
        page.resize(static_cast<std::size_t>(aligned(page.size())), 0);
        file.write(page.data(), page.size());
        file.sync();
        file.close();
        rename_file(partial, path, system);
        remove.keep();
        return {path, head.head_checksum};
    }

    template <class F>
    static void for_each_block(MemoryStore<S>& segment, F&& f) {
        for (std::size_t p = 0; p < segment.points.size(); ++p) {
            if (segment.points[p].stored()) f(segment.column(p, 0), segment.points[p].columns());
        }
    }

    StoreDescription<S> what_;
    std::uint64_t columns_;
    std::uint64_t journal_;
    FileWriter<System> file_;
    std::vector<char> beginning_;
};

}  // namespace renn::inline RENN_ABI::detail
// renn/tracing/record_file_options.hpp - how a recording into a file runs, and what became of it.

#include <cstdint>


namespace renn::inline RENN_ABI {

/// How a recording into a file runs; the file does not depend on it, but for `sorted` and `data`.
struct RecordFileOptions {
    Index batch = 64;                ///< samples run at once
    int threads = 0;                 ///< 0: every core, where the model may run in parallel
    ProgressCallback progress = {};  ///< phases "checking" and "recording" in samples, "writing" in columns of values;
                                     ///< false cancels: what was recorded stays, to be resumed
    std::uint64_t budget = std::uint64_t{256} << 20;  ///< bytes of memory, beside the model's and those of the data
    Index segment = 0;       ///< samples that are written, and lost, together; 0: what the budget suggests
    bool resume = true;      ///< goes on with the recording that was interrupted, if there is one; else begins anew
    bool sorted = true;      ///< units of one dimension with their index: open, and query at once
    std::uint64_t data = 0;  ///< fingerprint of what a stream yields, if it has one; a Dataset has its own
};

/// What became of it.
struct RecordedFile {
    bool finished = false;      ///< the file is there; else the callback cancelled
    Index samples = 0;          ///< recorded so far
    Index resumed = 0;          ///< of these, found in the journal
    std::uint64_t dropped = 0;  ///< bytes of the journal that were torn or damaged, and recorded again
    explicit operator bool() const noexcept { return finished; }
};

}  // namespace renn::inline RENN_ABI
// renn/tracing/recording_journal.hpp - what a recording writes into its journal, and whether a journal is one of it.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// What a journal says of the recording that writes it; `store` has seen the first sample.
template <class S, class Source>
StoreDescription<S> describe_journal(const MemoryStore<S>& store, const Source& source) {
    StoreDescription<S> what{.library = version,
                             .build = store.build,
                             .points = store.points,
                             .class_names = store.class_names,
                             .classes = 0,
                             .outputs = store.outputs.rows(),
                             .first_input = store.first_input,
                             .blocks = {{BlockKind::ids, 0, 0, 0}}};
    const auto add = [&what](bool there, BlockKind kind) {
        if (there) what.blocks.push_back({kind, 0, 0, 0});
    };
    add(source.has_labels(), BlockKind::labels);
    add(what.outputs > 0, BlockKind::predictions);
    add(what.outputs > 0, BlockKind::outputs);
    add(source.has_tags(), BlockKind::tag_ends);
    add(source.has_tags(), BlockKind::tag_bytes);
    return what;
}

/// Samples a segment: three of them, one being filled, one written, one to change its length at last, take at most half
/// of the budget. Throws DataError where the budget holds not even a sample.
template <class S>
Index choose_segment(const StoreDescription<S>& what, Index held, const RecordFileOptions& options) {
    if (options.segment < 0) raise<DataError>("record", "segment", std::to_string(options.segment), "0 or more");
    const std::uint64_t columns = column_count(what.points);
    const std::uint64_t sample = columns * sizeof(S) + static_cast<std::uint64_t>(held) * sizeof(S) + 48 +
                                 segment_meta(what, 1, 0) - columns * sizeof(std::uint64_t);
    const std::uint64_t most = options.budget / 6 / sample;
    const auto wanted = static_cast<std::uint64_t>(options.segment);
    if (most < std::max<std::uint64_t>(1, wanted)) {
        raise<DataError>("record", "budget", std::to_string(options.budget) + " bytes",
                         "at least " + std::to_string(6 * sample * std::max<std::uint64_t>(1, wanted)));
    }
    if (wanted > 0) return options.segment;
    const std::uint64_t enough = std::max<std::uint64_t>(1, (std::uint64_t{8} << 20) / sample);
    return static_cast<Index>(std::min({most, enough, std::uint64_t{65536}}));
}

/// Throws MismatchError unless the journal is one of this recording.
template <class S>
void check_same_recording(const JournalReader<S>& journal, const StoreHead& head, const StoreDescription<S>& what) {
    const auto require = [&journal](const char* thing, const std::string& got, const std::string& expected) {
        if (got == expected) return;
        raise<MismatchError>(journal.context(), std::string(thing) + " of the interrupted recording", got,
                             expected + " (remove the file, or record with resume = false)");
    };
    const StoreDescription<S>& old = journal.description();
    require("fingerprint of the network", std::to_string(journal.head().network), std::to_string(head.network));
    require("number of samples", std::to_string(journal.head().samples), std::to_string(head.samples));
    require("fingerprint of the data", std::to_string(journal.head().data), std::to_string(head.data));
    require("build", old.build, what.build);
    const auto kinds = [](const std::vector<Block>& blocks) {
        std::string text;
        for (const Block& block : blocks) text += (text.empty() ? "" : ", ") + std::string(block_name(block.kind));
        return text;
    };
    require("parts", kinds(old.blocks), kinds(what.blocks));
    const auto names = [](const std::vector<Point>& points) {
        std::string text;
        for (const Point& p : points) text += (text.empty() ? "" : ", ") + p.name + " x " + std::to_string(p.count());
        return text;
    };
    require("selection", names(old.points), names(what.points));
    if (!(old.points == what.points)) require("selection", "other units or cells", "the same");
}

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI::detail {

/// A recording that goes on: what one call of record_to_file works on.
template <class Model, class S, class Source, class System>
class FileRecording {
public:
    FileRecording(const Model& model, Source& source, std::string path, std::uint64_t data,
                  const std::vector<std::string>& class_names, const RecordFileOptions& options,
                  const Selection& selection, const System& system)
        : model_(model), source_(source), path_(std::move(path)), options_(options), system_(system) {
        const Column<S> first = source.first_input();
        seen_ = first_look<Model, S>(model, first, source.first_id(), selection, filling_);
        filling_.class_names = class_names;
        what_ = describe_journal(filling_, source);
        head_.samples = static_cast<std::uint64_t>(source.total());
        head_.network = filling_.fingerprint;
        head_.data = data;
        head_.segment = static_cast<std::uint64_t>(choose_segment(what_, source.held(), options));
        const Index tasks = static_cast<Index>(head_.segment) / options.batch + 1;
        threads_ = may_run_in_parallel(model) ? thread_count(options.threads, tasks) : 1;
        full_.points = filling_.points;
        full_.outputs.resize(filling_.outputs.rows(), 0);
        workers_ = make_workers(model, filling_, seen_, threads_);
    }

    /// Until the stream of samples ends, or the callback cancels.
    RecordedFile record() {
        RecordedFile result;
        std::optional<JournalWriter<S, System>> writer;
        const std::string journal = journal_path(path_);
        if (options_.resume && std::filesystem::exists(journal)) {
            JournalReader<S> reader(journal);
            check_same_recording(reader, head_, what_);
            head_ = reader.head();
            while (reader.next()) {
                skip(reader);
                if (!tell(reader.samples(), "checking")) return {false, reader.samples(), reader.samples(), 0};
            }
            result.samples = result.resumed = reader.samples();
            result.dropped = reader.dropped();
            writer.emplace(journal, head_, what_, reader.end(), system_);
        } else {
            writer.emplace(journal, head_, what_, system_);
        }
        const auto segment = static_cast<Index>(head_.segment);
        for (Index waiting = 0;;) {  // samples of the segment before, which is written while the next is filled
            const Index count = source_.next(filling_, segment);
            if (count == 0 && waiting == 0) break;
            if (result.samples + waiting + count > static_cast<Index>(std::numeric_limits<std::uint32_t>::max())) {
                raise<DataError>("record", "samples", "more", "at most 2^32 - 1");
            }
            if (count > 0 && result.samples + waiting > 0 && (result.samples + waiting) % segment != 0) {
                raise<MismatchError>(journal, "samples", "more", std::to_string(result.samples) + ", as recorded");
            }
            if (count > 0 && filling_.capacity() != count) make_room(filling_, count, 0);
            const Index writes = waiting > 0 ? 1 : 0, base = result.samples + waiting;
            const bool finished =
                parallel_for((count + options_.batch - 1) / options_.batch + writes, threads_,
                             [&](Index task, int worker) {
                                 if (task < writes) return writer->append(full_, base - waiting);
                                 run((task - writes) * options_.batch, count, worker);
                             },
                             [&](Index done) {
                                 return tell(base + std::min(std::max<Index>(0, done - writes) * options_.batch, count),
                                             "recording");
                             });
            result.samples = base;
            if (!finished) {
                writer->close();
                return result;
            }
            std::swap(filling_, full_);
            waiting = count;
        }
        writer->close();
        result.finished = true;
        return result;
    }

private:
    void run(Index begin, Index samples, int worker) {
        auto& mine = *workers_[static_cast<std::size_t>(worker)];
        const Index count = std::min(options_.batch, samples - begin);
        const auto ids = std::span<const std::uint64_t>(filling_.ids)
                             .subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count));
        source_.with_inputs(begin, count, ids, mine.inputs,
                            [&](const BatchView<S>& x) { mine.run(model_, filling_, x, begin); });
    }

    /// The samples of the segment read last again: they must be those that it has, and the first of them make the model
    /// put out what it put out.
    void skip(JournalReader<S>& reader) {
        const std::size_t s = reader.segments() - 1;
        const Index count = source_.next(filling_, reader.samples(s));
        std::vector<std::uint64_t> ids;
        std::vector<std::int32_t> labels;
        std::vector<S> outputs;
        reader.part(s, BlockKind::ids, ids);
        reader.part(s, BlockKind::labels, labels);
        reader.part(s, BlockKind::outputs, outputs);
        bool same = count == reader.samples(s) && ids == filling_.ids && labels == filling_.labels;
        if (same) {
            if (filling_.capacity() != count) make_room(filling_, count, 0);
            run(0, 1, 0);
            const auto bytes = static_cast<std::size_t>(filling_.outputs.rows()) * sizeof(S);
            same = bytes == 0 || std::memcmp(outputs.data(), filling_.outputs.data(), bytes) == 0;
        }
        if (!same) {
            raise<MismatchError>(reader.context(), "samples from number " + std::to_string(reader.first(s)) + " on",
                                 "other ones", "those of the interrupted recording");
        }
    }

    bool tell(Index done, std::string_view phase) const {
        return !options_.progress || options_.progress({static_cast<std::uint64_t>(done), head_.samples, phase});
    }

    const Model& model_;
    Source& source_;
    std::string path_;
    const RecordFileOptions& options_;
    System system_;
    MemoryStore<S> filling_, full_;
    Activations<S> seen_;
    StoreDescription<S> what_;
    StoreHead head_{"journal"};
    int threads_ = 1;
    RecordWorkers<Model, MemoryStore<S>> workers_;
};

}  // namespace renn::inline RENN_ABI::detail
// renn/tracing/finish_recording.hpp - from a whole journal to a store file, within a byte budget.

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

// renn/tracing/external_sort.hpp - sorts more than memory holds: sorted runs in a file, merged.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// A value (by its key) of one sample. The total order is that of (key, id).
template <class S>
struct SortItem {
    RadixKey<S> key;
    std::uint32_t position;
    std::uint64_t id;
    friend bool operator<(const SortItem& a, const SortItem& b) noexcept {
        return a.key != b.key ? a.key < b.key : a.id < b.id;
    }
};

/// Takes items in any order and gives them back in theirs, one set after another. What does not fit into `bytes` waits
/// in a file, which is there only while it is needed.
/// Throws   FormatError naming file and cause.
/// Cost     memory `bytes`, 4 MiB of them sort 2^32 items; the file 16 bytes an item (24 in double).
/// Threads  one.
template <class S, class System = SystemCalls>
class ExternalSort {
public:
    static constexpr std::size_t least_bytes = std::size_t{4} << 20;

    ExternalSort(std::string path, std::size_t bytes, System system = {})
        : path_(std::move(path)), system_(std::move(system)), capacity_(std::max(bytes, least_bytes) / sizeof(Item)) {
        capacity_ -= capacity_ / 4;  // what the runs need beside their items
        items_.reserve(capacity_);
    }

    void add(RadixKey<S> key, std::uint64_t id, std::uint32_t position) {
        if (items_.size() == capacity_) write_run();
        items_.push_back({key, position, id});
    }

    /// Calls take(item) for all items in ascending order; then the next set may come.
    template <class Take>
    void merge(Take&& take) {
        if (ends_.empty()) {
            std::sort(items_.begin(), items_.end());
            for (const Item& item : items_) take(item);
            items_.clear();
            return;
        }
        write_run();
        InputFile file("sort", path_);
        struct Run {
            std::uint64_t next, end;  ///< bytes of the file that are not read yet
            std::size_t at, filled;   ///< items of the buffer
        };
        const std::size_t share = capacity_ / ends_.size();
        items_.resize(share * ends_.size());
        std::vector<Run> runs;
        runs.reserve(ends_.size());
        std::vector<std::uint32_t> heap;  // runs that are not used up, the one of the least item on top
        heap.reserve(ends_.size());
        const auto fill = [&](std::size_t r) {
            Run& run = runs[r];
            const std::uint64_t count = std::min<std::uint64_t>(share, (run.end - run.next) / sizeof(Item));
            run.at = share * r;
            run.filled = run.at + static_cast<std::size_t>(count);
            file.read_at(run.next, items_.data() + run.at, count * sizeof(Item));
            run.next += count * sizeof(Item);
            return count > 0;
        };
        for (std::size_t r = 0; r < ends_.size(); ++r) {
            runs.push_back({r == 0 ? 0 : ends_[r - 1], ends_[r], 0, 0});
            if (fill(r)) heap.push_back(static_cast<std::uint32_t>(r));
        }
        const auto later = [&](std::uint32_t a, std::uint32_t b) { return items_[runs[b].at] < items_[runs[a].at]; };
        std::make_heap(heap.begin(), heap.end(), later);
        while (!heap.empty()) {
            std::pop_heap(heap.begin(), heap.end(), later);
            Run& run = runs[heap.back()];
            take(items_[run.at]);
            if (++run.at < run.filled || fill(heap.back())) {
                std::push_heap(heap.begin(), heap.end(), later);
            } else {
                heap.pop_back();
            }
        }
        ends_.clear();
        items_.clear();
        file_.reset();
        remove_.reset();
    }

private:
    using Item = SortItem<S>;

    void write_run() {
        if (items_.empty()) return;
        if (!file_) {
            remove_.emplace(path_, system_);
            file_.emplace(path_, FileWriter<System>::Start::anew, system_);
        }
        std::sort(items_.begin(), items_.end());
        file_->write(items_.data(), items_.size() * sizeof(Item));
        ends_.push_back(file_->size());
        items_.clear();
    }

    std::string path_;
    System system_;
    std::size_t capacity_;
    std::vector<Item> items_;
    std::vector<std::uint64_t> ends_;  ///< of the runs in the file
    std::optional<RemoveUnlessKept<System>> remove_;
    std::optional<FileWriter<System>> file_;
};

}  // namespace renn::inline RENN_ABI::detail
// renn/tracing/journal_source.hpp - a recording that is whole, as a store to write a file from within a byte budget.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

// renn/tracing/id_order.hpp - positions of samples by ascending id, in memory or, where they do not fit, in a file.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI::detail {

[[noreturn]] inline void refuse_repeated(std::uint64_t id) {
    raise<DataError>("store", "id " + std::to_string(id), "recorded twice", "each id once");
}

/// Empty, or as many positions as were sorted; as a range only in memory.
/// Threads  one, where they are in a file: it is read a piece at a time.
template <class S, class System>
class IdOrder {
public:
    /// `path`: of the file, which is there only as long as this.
    IdOrder(std::string path, System system) : path_(std::move(path)), system_(std::move(system)) {}

    /// Throws DataError for a repeated id. Memory `bytes`, and 4 a sample if the order is to be there.
    template <class Ids>
    void sort(const Ids& ids, std::uint64_t bytes, bool in_memory) {
        size_ = ids.size();
        std::optional<FileWriter<System>> file;
        if (in_memory) {
            positions_.reserve(size_);
        } else {
            remove_.emplace(path_, system_);
            file.emplace(path_, FileWriter<System>::Start::anew, system_);
        }
        std::optional<std::uint64_t> before;
        const auto enough = std::min<std::uint64_t>(size_ * sizeof(SortItem<S>) * 4 / 3 + 64, bytes);
        ExternalSort<S, System> sorter(path_ + ".runs", static_cast<std::size_t>(enough), system_);
        for (std::size_t i = 0; i < size_; ++i) sorter.add(0, ids[i], static_cast<std::uint32_t>(i));
        const auto flush = [&] {
            file->write(positions_.data(), positions_.size() * sizeof(positions_[0]));
            positions_.clear();
        };
        sorter.merge([&](const SortItem<S>& item) {
            if (before && *before == item.id) refuse_repeated(item.id);
            before = item.id;
            positions_.push_back(item.position);
            if (!in_memory && positions_.size() == piece) flush();
        });
        if (in_memory) return;
        flush();
        file->close();
        file_.emplace("sort", path_);
    }

    std::size_t size() const noexcept { return size_; }
    std::uint32_t operator[](std::size_t i) const {
        if (!file_) return positions_[i];
        if (i / piece != loaded_) {
            loaded_ = i / piece;
            const std::size_t first = loaded_ * piece;
            positions_.resize(std::min(piece, size_ - first));
            file_->read_at(first * sizeof(positions_[0]), positions_.data(), positions_.size() * sizeof(positions_[0]));
        }
        return positions_[i % piece];
    }
    operator std::span<const std::uint32_t>() const noexcept { return positions_; }

private:
    static constexpr std::size_t piece = 16384;

    std::string path_;
    System system_;
    std::size_t size_ = 0;
    std::optional<RemoveUnlessKept<System>> remove_;
    mutable std::optional<InputFile> file_;
    mutable std::vector<std::uint32_t> positions_;  ///< all of them, or those of a piece
    mutable std::size_t loaded_ = static_cast<std::size_t>(-1);
};

}  // namespace renn::inline RENN_ABI::detail
// renn/tracing/segment_arrays.hpp - what a journal knows of its samples, as arrays of which one segment is in memory.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// One number a sample, a segment at a time in memory: to be read in ascending order, by one thread.
template <class S, class T>
class SegmentArray {
public:
    SegmentArray(JournalReader<S>& journal, BlockKind kind) : journal_(&journal), kind_(kind) {
        there_ = has_block(journal.description().blocks, kind);
    }
    bool empty() const noexcept { return !there_; }
    std::size_t size() const noexcept { return there_ ? static_cast<std::size_t>(journal_->samples()) : 0; }
    T operator[](std::size_t i) const {
        const std::size_t segment = i / journal_->head().segment;
        if (segment != loaded_) {
            journal_->part(segment, kind_, values_);
            loaded_ = segment;
        }
        return values_[i - static_cast<std::size_t>(journal_->first(segment))];
    }

private:
    JournalReader<S>* journal_;
    BlockKind kind_;
    bool there_;
    mutable std::size_t loaded_ = static_cast<std::size_t>(-1);
    mutable std::vector<T> values_;
};

/// The tags, likewise.
template <class S>
class SegmentTags {
public:
    explicit SegmentTags(JournalReader<S>& journal) : journal_(&journal), ends_(journal, BlockKind::tag_ends) {}
    bool empty() const noexcept { return ends_.empty(); }
    std::size_t size() const noexcept { return ends_.size(); }
    std::string operator[](std::size_t i) const {
        const std::size_t segment = i / journal_->head().segment;
        if (segment != loaded_) {
            journal_->part(segment, BlockKind::tag_bytes, bytes_);
            loaded_ = segment;
        }
        const bool first = i == static_cast<std::size_t>(journal_->first(segment));
        const std::uint64_t begin = first ? 0 : ends_[i - 1], end = ends_[i];
        if (begin > end || end > bytes_.size()) raise<FormatError>(journal_->context(), "impossible tags");
        return std::string(bytes_.data() + begin, static_cast<std::size_t>(end - begin));
    }

private:
    JournalReader<S>* journal_;
    SegmentArray<S, std::uint64_t> ends_;
    mutable std::size_t loaded_ = static_cast<std::size_t>(-1);
    mutable std::vector<char> bytes_;
};

/// The outputs of the model, likewise.
template <class S>
class SegmentOutputs {
public:
    explicit SegmentOutputs(JournalReader<S>& journal) : journal_(&journal) {}
    Index rows() const noexcept { return static_cast<Index>(journal_->description().outputs); }
    Eigen::Map<const Column<S>> col(Index sample) const {
        const auto segment = static_cast<std::size_t>(sample) / static_cast<std::size_t>(journal_->head().segment);
        if (segment != loaded_) {
            journal_->part(segment, BlockKind::outputs, values_);
            loaded_ = segment;
        }
        return {values_.data() + (sample - journal_->first(segment)) * rows(), rows()};
    }

private:
    JournalReader<S>* journal_;
    mutable std::size_t loaded_ = static_cast<std::size_t>(-1);
    mutable std::vector<S> values_;
};

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI::detail {

/// A journal as an ActivationStore. Samples are read in ascending order; columns are, too, a group of them in each pass
/// through the journal.
/// Throws   DataError for a repeated id.
/// Threads  values() may be called by several at once.
template <class S, class System>
class JournalSource {
public:
    using Scalar = S;

    std::vector<Point> points;
    std::vector<std::string> class_names;
    std::uint64_t fingerprint;
    std::string build;
    Batch<S> first_input;
    SegmentArray<S, std::uint64_t> ids;
    SegmentArray<S, std::int32_t> labels, predictions;
    SegmentTags<S> tags;
    SegmentOutputs<S> outputs;

    /// `path`: of the store that is made of it. `plan(ordered)` says what fits into memory.
    template <class Plan>
    JournalSource(const std::string& path, JournalReader<S>& journal, std::vector<std::string> names, const Plan& plan,
                  std::uint64_t budget, System system)
        : points(journal.description().points),
          class_names(std::move(names)),
          fingerprint(journal.head().network),
          build(journal.description().build),
          first_input(journal.description().first_input),
          ids(journal, BlockKind::ids),
          labels(journal, BlockKind::labels),
          predictions(journal, BlockKind::predictions),
          tags(journal),
          outputs(journal),
          journal_(&journal),
          by_id_(path + ".ids", std::move(system)) {
        std::int32_t top = -1;
        bool ordered = true;
        for (std::size_t i = 0; i < ids.size(); ++i) {
            const std::uint64_t id = ids[i];
            if (i > 0 && last_id_ == id) refuse_repeated(id);
            ordered = ordered && (i == 0 || last_id_ < id);
            last_id_ = id;
            if (!labels.empty()) top = std::max(top, labels[i]);
        }
        classes_ = std::max(static_cast<int>(top) + 1, static_cast<int>(class_names.size()));
        plan_.emplace(plan(ordered));
        if (budget < plan_->least) {
            raise<DataError>(
                "record", "budget", std::to_string(budget) + " bytes",
                "at least " + std::to_string(plan_->least) + " for " + std::to_string(ids.size()) + " samples");
        }
        if (!ordered) by_id_.sort(ids, budget - plan_->fixed, plan_->group > 0);
        for (const Point& point : points) {
            first_columns_.push_back(columns_);
            columns_ += point.stored() ? static_cast<std::uint64_t>(point.columns()) : 0;
        }
    }
    JournalSource(const JournalSource&) = delete;
    JournalSource& operator=(const JournalSource&) = delete;

    const FinishPlan& plan() const noexcept { return *plan_; }
    Index samples() const noexcept { return journal_->samples(); }
    int classes() const noexcept { return classes_; }
    Index position_of(std::uint64_t id) const {
        raise<DataError>("journal", "sample " + std::to_string(id), "asked by its id", "a store that is finished");
    }

    const IdOrder<S, System>& by_id() const noexcept { return by_id_; }

    std::uint64_t column_of(Unit unit, Index dimension) const {
        return first_columns_[unit.point] +
               static_cast<std::uint64_t>(static_cast<Index>(unit.unit) * points[unit.point].dimensions() + dimension);
    }

    std::span<const S> values(Unit unit, Index dimension, std::vector<S>& scratch) const {
        const std::uint64_t column = column_of(unit, dimension);
        const auto n = static_cast<std::size_t>(samples());
        scratch.resize(n);
        const std::lock_guard lock(guard_);
        if (column >= group_begin_ + in_group_) {
            group_begin_ = column;
            in_group_ = std::min(plan_->group, columns_ - column);
            if (group_.size() == 0) group_ = Pages<S>(static_cast<std::size_t>(plan_->group) * n);
            read(column, in_group_, group_.data());
        }
        if (column >= group_begin_) {
            std::copy_n(group_.data() + static_cast<std::size_t>(column - group_begin_) * n, n, scratch.data());
        } else {
            read(column, 1, scratch.data());  // a thread came late: the group of its column has gone
        }
        return scratch;
    }
    S value(Unit unit, Index dimension, Index sample) const {
        std::vector<S> scratch;
        return values(unit, dimension, scratch)[static_cast<std::size_t>(sample)];
    }

private:
    void read(std::uint64_t column, std::uint64_t count, S* to) const {
        const auto n = static_cast<std::size_t>(samples());
        for (std::size_t s = 0; s < journal_->segments(); ++s) {
            journal_->columns(s, column, count, to + journal_->first(s), n);
        }
    }

    JournalReader<S>* journal_;
    IdOrder<S, System> by_id_;  ///< empty where ids ascend
    std::optional<FinishPlan> plan_;
    std::uint64_t last_id_ = 0;
    int classes_ = 0;
    std::vector<std::uint64_t> first_columns_;  ///< of each point
    std::uint64_t columns_ = 0;

    mutable std::mutex guard_;
    mutable Pages<S> group_;
    mutable std::uint64_t group_begin_ = 0, in_group_ = 0;
};

}  // namespace renn::inline RENN_ABI::detail
// renn/tracing/store_output.hpp - a store file written from its first byte to its last.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// Writes `path.partial` from front to back: description, blocks in their order and, in finish(), table and head; only
/// then it gets its name. If that does not come to pass, nothing is left.
/// Throws   FormatError `save: path.partial: cannot be written: No space left on device` and the like.
/// Memory   1 MiB and an eight thousandth of the file.
/// Threads  one.
template <class S, class System = SystemCalls>
class StoreOutput {
public:
    /// `head` with scalars, samples and fingerprints; `what` with blocks of which kind and point are given.
    StoreOutput(const std::string& path, StoreHead head, StoreDescription<S> what, System system = {})
        : path_(path),
          system_(std::move(system)),
          remove_(path + ".partial", system_),
          file_(path + ".partial", FileWriter<System>::Start::anew, system_),
          head_(head),
          what_(std::move(what)),
          buffer_(buffer_bytes) {
        lay_out(head_, what_);
        file_.write(std::vector<char>(store_head_bytes, 0).data(), store_head_bytes);
        sums_.reserve(static_cast<std::size_t>(chunk_count(head_.table_offset)));
        const std::string text = description_text(what_);
        write(text.data(), text.size());
        pad();
    }

    const StoreHead& head() const noexcept { return head_; }
    const StoreDescription<S>& description() const noexcept { return what_; }
    /// Where the next byte goes.
    std::uint64_t offset() const noexcept { return file_.size() + filled_; }

    /// Next bytes of the file. A block or a part of one may come in any number of pieces.
    template <class T>
    void write(std::span<const T> values) {
        write(values.data(), values.size_bytes());
    }
    void write(const void* bytes, std::size_t count) {
        const char* from = static_cast<const char*>(bytes);
        add_to_sums(from, count);
        if (filled_ + count <= buffer_.size()) {
            if (count > 0) std::memcpy(buffer_.data() + filled_, from, count);
            filled_ += count;
            return;
        }
        flush();
        if (count < buffer_.size() / 4) {
            std::memcpy(buffer_.data(), from, count);
            filled_ = count;
        } else {
            file_.write(from, count);
            start_writing();
        }
    }
    /// Zeros to where the next block or part begins.
    void pad() {
        constexpr char zeros[store_alignment] = {};
        write(zeros, static_cast<std::size_t>(aligned(offset()) - offset()));
    }

    /// Writes the table and the head, waits for the disk and gives the file its name. Throws DataError if bytes are
    /// missing or too many.
    void finish() {
        if (offset() != head_.table_offset) {
            raise<DataError>("store", "bytes written", std::to_string(offset()), std::to_string(head_.table_offset));
        }
        flush();
        if (in_chunk_ > 0) sums_.push_back(std::exchange(sum_, Checksum()).value());
        head_.table_checksum = checksum_of(sums_.data(), sums_.size() * sizeof(std::uint64_t));
        file_.write(sums_.data(), sums_.size() * sizeof(std::uint64_t));
        const std::vector<char> page = head_page(head_);
        file_.write_at(0, page.data(), page.size());
        file_.sync();
        file_.close();
        rename_file(path_ + ".partial", path_, system_);
        remove_.keep();
    }

private:
    static constexpr std::size_t buffer_bytes = std::size_t{1} << 20;

    void flush() {
        if (filled_ == 0) return;
        file_.write(buffer_.data(), filled_);
        filled_ = 0;
        start_writing();
    }
    void start_writing() {
        constexpr std::uint64_t piece = std::uint64_t{8} << 20;
        if (file_.size() - started_ < piece) return;
        file_.start_writing(started_, file_.size() - started_);
        started_ = file_.size();
    }
    void add_to_sums(const char* from, std::size_t count) {
        while (count > 0) {
            const std::size_t taken = std::min(count, static_cast<std::size_t>(chunk_bytes) - in_chunk_);
            sum_.add(from, taken);
            from += taken;
            count -= taken;
            in_chunk_ += taken;
            if (in_chunk_ < chunk_bytes) continue;
            sums_.push_back(std::exchange(sum_, Checksum()).value());
            in_chunk_ = 0;
        }
    }

    std::string path_;
    System system_;
    RemoveUnlessKept<System> remove_;
    FileWriter<System> file_;
    StoreHead head_;
    StoreDescription<S> what_;
    Pages<char> buffer_;
    std::size_t filled_ = 0;
    std::uint64_t started_ = 0;
    Checksum sum_;
    std::size_t in_chunk_ = 0;
    std::vector<std::uint64_t> sums_;
};

}  // namespace renn::inline RENN_ABI::detail
// renn/tracing/write_columns.hpp - the values of a store, column after column, into a file.

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <span>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// One column of a file.
struct ColumnToWrite {
    Unit unit;
    Index dimension;
    bool sorted;
};

/// All columns of a file, in their order.
template <class S>
std::vector<ColumnToWrite> columns_to_write(const StoreDescription<S>& what) {
    std::vector<ColumnToWrite> columns;
    for (const Block& block : what.blocks) {
        if (block.kind != BlockKind::sorted && block.kind != BlockKind::columns) continue;
        const Point& point = what.points[block.point];
        for (std::uint32_t u = 0; u < point.units.size(); ++u) {
            for (Index d = 0; d < point.dimensions(); ++d) {
                columns.push_back({{block.point, u}, d, block.kind == BlockKind::sorted});
            }
        }
    }
    return columns;
}

/// Writes a column in ascending order. `values(write)` calls write(span) for its values in any number of pieces, then
/// `order(write)` likewise for the positions of their samples; the levels of a search are made on the way.
template <class S, class Output, class Values, class Order>
void write_sorted_column(Output& out, Values&& values, Order&& order) {
    LevelMaker<S> levels(static_cast<std::uint32_t>(out.head().samples));
    values([&](std::span<const S> ascending) {
        levels.add(ascending);
        out.write(ascending);
    });
    out.pad();
    order([&out](std::span<const std::uint32_t> positions) { out.write(positions); });
    out.pad();
    out.write(std::span<const S>(levels.levels()));
    out.pad();
}

/// Lets tasks that were begun in ascending order do a part of their work in that order.
class Turns {
public:
    /// Waits until every task before this one is done; false if one of them failed.
    bool wait(Index task) {
        std::unique_lock lock(guard_);
        changed_.wait(lock, [&] { return failed_ || next_ == task; });
        return !failed_;
    }
    void done() {
        const std::lock_guard lock(guard_);
        ++next_;
        changed_.notify_all();
    }
    void fail() {
        const std::lock_guard lock(guard_);
        failed_ = true;
        changed_.notify_all();
    }

private:
    std::mutex guard_;
    std::condition_variable changed_;
    Index next_ = 0;
    bool failed_ = false;
};

/// Writes the columns of a source; `sorted_of(unit)` has those that are sorted already, or is empty for them.
template <class Output, ActivationStore Source, class SortedOf>
bool write_columns(Output& out, const Source& source, int wanted_threads, const ProgressCallback& progress,
                   const SortedOf& sorted_of) {
    using S = typename Source::Scalar;
    struct Worker {
        std::vector<S> loaded, values;
        std::vector<std::uint32_t> order;
        RadixScratch<S> radix;
    };
    const std::vector<ColumnToWrite> columns = columns_to_write(out.description());
    const auto n = static_cast<std::size_t>(source.samples());
    const auto count = static_cast<Index>(columns.size());
    const int threads = thread_count(wanted_threads, count);
    std::vector<Worker> workers(static_cast<std::size_t>(threads));
    Turns turns;
    const auto work = [&](Index number, int worker) {
        const ColumnToWrite& column = columns[static_cast<std::size_t>(number)];
        std::span<const S> values;
        std::span<const std::uint32_t> order;
        if (const StoredColumn<S> ready = column.sorted ? sorted_of(column.unit) : StoredColumn<S>(); !ready.empty()) {
            values = {ready.values, n};
            order = {ready.order, n};
        } else {
            Worker& mine = workers[static_cast<std::size_t>(worker)];
            values = source.values(column.unit, column.dimension, mine.loaded);
            if (column.sorted) {
                mine.values.resize(n);
                mine.order.resize(n);
                sort_column<S>(values, source.by_id(), mine.values.data(), mine.order.data(), mine.radix);
                values = mine.values;
                order = mine.order;
            }
        }
        if (!turns.wait(number)) return;
        if (column.sorted) {
            write_sorted_column<S>(
                out, [values](auto&& write) { write(values); }, [order](auto&& write) { write(order); });
        } else {
            out.write(values);
            out.pad();
        }
        turns.done();
    };
    return parallel_for(
        count, threads,
        [&](Index number, int worker) {
            catching([&] { work(number, worker); },
                     [&](const std::exception_ptr& caught) {
                         turns.fail();
                         std::rethrow_exception(caught);
                     });
        },
        [&](Index done) {
            return !progress ||
                   progress({static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(count), "writing"});
        });
}

}  // namespace renn::inline RENN_ABI::detail
// renn/tracing/write_store.hpp - any store as a file.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {

/// How a store is written; what is read from the file does not depend on it.
struct WriteOptions {
    bool sorted = true;              ///< units of one dimension with their index: open, and query at once
    int threads = 1;                 ///< that sort; 0: every core
    std::uint64_t data = 0;          ///< fingerprint of the data recorded (data_fingerprint), 0: unknown
    ProgressCallback progress = {};  ///< in columns; false cancels: no file is left
};

namespace detail {

/// Head and description of a source, its blocks not yet placed.
template <class Source>
std::pair<StoreHead, StoreDescription<typename Source::Scalar>> describe_store(const Source& source, bool sorted,
                                                                               std::uint64_t data) {
    using S = typename Source::Scalar;
    if (source.samples() < 1 || source.samples() > Index{0xffffffff}) {
        raise<DataError>("store", "samples", std::to_string(source.samples()), "1 to 2^32 - 1");
    }
    StoreHead head("store");
    head.scalar = head.network_scalar = scalar_kind<S>;
    head.samples = static_cast<std::uint64_t>(source.samples());
    head.network = source.fingerprint;
    head.data = data;
    StoreDescription<S> what{.library = version,
                             .build = source.build,
                             .points = source.points,
                             .class_names = source.class_names,
                             .classes = source.classes(),
                             .outputs = source.outputs.rows(),
                             .first_input = source.first_input,
                             .blocks = {}};
    const auto add = [&what](bool there, BlockKind kind, std::uint32_t point = 0) {
        if (there) what.blocks.push_back({kind, point, 0, 0});
    };
    add(true, BlockKind::ids);
    add(source.by_id().size() > 0, BlockKind::by_id);
    add(!source.labels.empty(), BlockKind::labels);
    add(what.outputs > 0, BlockKind::predictions);
    add(what.outputs > 0, BlockKind::outputs);
    if (!source.tags.empty()) {
        add(true, BlockKind::tag_ends);
        add(true, BlockKind::tag_bytes);
        for (std::size_t i = 0; i < head.samples; ++i) {
            what.blocks.back().bytes += std::string_view(source.tags[i]).size();
        }
    }
    for (std::uint32_t p = 0; p < what.points.size(); ++p) {
        const bool one_number = what.points[p].dimensions() == 1;
        add(what.points[p].stored(), sorted && one_number ? BlockKind::sorted : BlockKind::columns, p);
    }
    return {head, std::move(what)};
}

/// Writes what a source knows of each sample: every block that belongs to no point.
template <class Output, ActivationStore Source>
void write_samples(Output& out, const Source& source) {
    const auto n = static_cast<std::size_t>(source.samples());
    const auto array = [&]<class T>(T, const auto& value_of) {
        std::vector<T> piece;
        for (std::size_t i = 0; i < n;) {
            piece.clear();
            for (const std::size_t end = std::min(n, i + 8192); i < end; ++i) piece.push_back(value_of(i));
            out.write(std::span<const T>(piece));
        }
    };
    const auto& by_id = source.by_id();
    std::uint64_t tag_end = 0;
    for (const Block& block : out.description().blocks) {
        switch (block.kind) {
            case BlockKind::ids:
                array(std::uint64_t{}, [&](std::size_t i) -> std::uint64_t { return source.ids[i]; });
                break;
            case BlockKind::by_id:
                array(std::uint32_t{}, [&](std::size_t i) { return by_id[i]; });
                break;
            case BlockKind::labels:
                array(std::int32_t{}, [&](std::size_t i) -> std::int32_t { return source.labels[i]; });
                break;
            case BlockKind::predictions:
                array(std::int32_t{}, [&](std::size_t i) -> std::int32_t { return source.predictions[i]; });
                break;
            case BlockKind::outputs:
                for (std::size_t i = 0; i < n; ++i) {
                    const auto column = source.outputs.col(static_cast<Index>(i));
                    out.write(column.data(), static_cast<std::size_t>(column.size()) * sizeof(*column.data()));
                }
                break;
            case BlockKind::tag_ends:
                array(std::uint64_t{},
                      [&](std::size_t i) { return tag_end += std::string_view(source.tags[i]).size(); });
                break;
            case BlockKind::tag_bytes:
                for (std::size_t i = 0; i < n; ++i) {
                    const std::string& tag = source.tags[i];
                    out.write(tag.data(), tag.size());
                }
                break;
            default:
                return;
        }
        out.pad();
    }
}

template <class System, ActivationStore Source, class SortedOf>
bool write_store(const std::string& path, const Source& source, const WriteOptions& options, const SortedOf& sorted_of,
                 System system) {
    if (options.threads < 0) raise<DataError>("store", "threads", std::to_string(options.threads), "0 or more");
    auto [head, what] = describe_store(source, options.sorted, options.data);
    StoreOutput<typename Source::Scalar, System> out(path, head, std::move(what), std::move(system));
    write_samples(out, source);
    if (!write_columns(out, source, options.threads, options.progress, sorted_of)) return false;
    out.finish();
    return true;
}

}  // namespace detail

/// Writes a store to a file that FileStore opens. It appears whole or not at all. A source is any ActivationStore; its
/// values(unit, dimension, scratch) are asked in ascending order of (point, unit, dimension), with more than one thread
/// by several of them at once. What it has sorted already is taken as it is. A value -0 comes back as 0 where the file
/// has it sorted. `System` makes the calls to the system (io/file_writer.hpp).
/// Returns  false if the callback cancelled; no file is left then.
/// Throws   FormatError naming file and cause if it cannot be written, DataError for values that are not finite.
/// Cost     a radix sort a unit; memory of five columns a thread.
template <ActivationStore Source, class System = detail::SystemCalls>
bool write_store(const std::string& path, const Source& source, const WriteOptions& options = {}, System system = {}) {
    static_assert(!detail::Reduced<Source>,
                  "renn: this store keeps fewer bits; name its encoding, write_store<Float16>(path, store), with "
                  "tracing/write_reduced.hpp");
    using S = typename Source::Scalar;
    return detail::write_store(
        path, source, options,
        [&]([[maybe_unused]] Unit unit) {
            if constexpr (requires { source.sorted(unit); }) {
                StoredColumn<S> column = source.sorted(unit);
                if constexpr (requires { source.check(column.values, std::size_t{}); }) {
                    const auto n = column.empty() ? 0 : static_cast<std::size_t>(source.samples());
                    source.check(column.values, n * sizeof(S));
                    source.check(column.order, n * sizeof(std::uint32_t));
                }
                return column;
            } else {
                return StoredColumn<S>();
            }
        },
        std::move(system));
}

/// The store of a recorded network, with the sorted columns that its index has or makes now.
template <class Traced, class System = detail::SystemCalls>
    requires requires(const Traced& traced) {
        traced.index().entry(Unit{});
    }
bool write_store(const std::string& path, const Traced& traced, const WriteOptions& options = {}, System system = {}) {
    using S = typename Traced::Scalar;
    return detail::write_store(
        path, traced.store(), options,
        [&traced](Unit unit) {
            const auto column = traced.index().entry(unit).column;
            return StoredColumn<S>{column.values, column.order};
        },
        std::move(system));
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI::detail {

/// Writes the columns one after another, each through sorted runs on disk: for columns of which not one fits.
template <class S, class System>
bool write_columns_from_disk(StoreOutput<S, System>& out, const JournalSource<S, System>& source,
                             JournalReader<S>& journal, const std::string& path, std::uint64_t budget,
                             const ProgressCallback& progress, const System& system) {
    constexpr std::size_t piece = 16384;
    ExternalSort<S, System> sort(path + ".runs", static_cast<std::size_t>(budget), system);
    RemoveUnlessKept<System> remove(path + ".order", system);
    std::vector<std::uint64_t> ids;
    std::vector<S> values;
    std::vector<std::uint32_t> order;
    const auto load = [&](std::size_t s, std::uint64_t column) {
        values.resize(static_cast<std::size_t>(journal.samples(s)));
        journal.columns(s, column, 1, values.data(), values.size());
    };
    const auto write_sorted = [&](std::uint64_t column) {
        for (std::size_t s = 0; s < journal.segments(); ++s) {
            journal.part(s, BlockKind::ids, ids);
            load(s, column);
            const auto first = static_cast<std::uint32_t>(journal.first(s));
            for (std::uint32_t i = 0; i < values.size(); ++i) sort.add(to_key(values[i]), ids[i], first + i);
        }
        values.clear();
        order.clear();
        write_sorted_column<S>(
            out,
            [&](auto&& write) {
                FileWriter<System> order_file(path + ".order", FileWriter<System>::Start::anew, system);
                const auto flush = [&] {
                    write(values);
                    order_file.write(order.data(), order.size() * sizeof(order[0]));
                    values.clear();
                    order.clear();
                };
                sort.merge([&](const SortItem<S>& item) {
                    values.push_back(from_key<S>(item.key));
                    order.push_back(item.position);
                    if (order.size() == piece) flush();
                });
                flush();
                order_file.close();
            },
            [&](auto&& write) {
                InputFile sorted("sort", path + ".order");
                for (std::uint64_t left = sorted.size() / sizeof(order[0]); left > 0; left -= order.size()) {
                    order.resize(static_cast<std::size_t>(std::min<std::uint64_t>(left, piece)));
                    sorted.read(order.data(), order.size() * sizeof(order[0]));
                    write(order);
                }
            });
    };
    const std::vector<ColumnToWrite> columns = columns_to_write(out.description());
    for (std::size_t c = 0; c < columns.size(); ++c) {
        const std::uint64_t column = source.column_of(columns[c].unit, columns[c].dimension);
        if (columns[c].sorted) {
            write_sorted(column);
        } else {
            for (std::size_t s = 0; s < journal.segments(); ++s) {
                load(s, column);
                out.write(std::span<const S>(values));
            }
            out.pad();
        }
        if (progress && !progress({c + 1, columns.size(), "writing"})) return false;
    }
    return true;
}

/// Makes the store file of its journal and removes that. Returns false if the callback cancelled: nothing has changed.
/// Throws   FormatError naming file and cause, also for a journal that is damaged; DataError for a repeated id or a
///          budget that is too small.
template <class S, class System>
bool finish_recording(const std::string& path, const std::vector<std::string>& class_names, std::uint64_t budget,
                      const WriteOptions& options, const System& system) {
    {
        JournalReader<S> journal(journal_path(path));
        std::uint64_t meta = 0;
        while (journal.next(false)) {
            const std::size_t s = journal.segments() - 1;
            meta = std::max(meta, segment_meta(journal.description(), static_cast<std::uint64_t>(journal.samples(s)),
                                               journal.tag_bytes(s)));
        }
        if (journal.dropped() > 0) raise<FormatError>(journal.context(), journal.why());
        const std::uint64_t columns = column_count(journal.description().points);
        const int threads = thread_count(options.threads, static_cast<Index>(columns));
        const auto plan = [&](bool ordered) {
            const auto n = static_cast<std::uint64_t>(journal.samples());
            const std::uint64_t bytes = finish_bytes<S>(n, columns, meta, journal.head().segment);
            return FinishPlan(sizeof(S), n, columns, bytes, meta, ordered, budget, threads);
        };
        const JournalSource<S, System> source(path, journal, class_names, plan, budget, system);
        auto [head, what] = describe_store(source, options.sorted, options.data);
        StoreOutput<S, System> out(path, head, std::move(what), system);
        write_samples(out, source);
        const bool in_memory = source.plan().group > 0;
        const std::uint64_t spare = budget - source.plan().fixed - (std::uint64_t{1} << 19);
        const auto unsorted = [](Unit) { return StoredColumn<S>(); };
        const bool written = in_memory
                                 ? write_columns(out, source, source.plan().threads, options.progress, unsorted)
                                 : write_columns_from_disk(out, source, journal, path, spare, options.progress, system);
        if (!written) return false;
        out.finish();
    }
    if (system.remove(journal_path(path).c_str()) != 0) raise_system(journal_path(path), "cannot be removed", errno);
    return true;
}

}  // namespace renn::inline RENN_ABI::detail
// renn/tracing/sample_source.hpp - the samples of a recording, a segment of them after another.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// The samples of a data set, a segment after another.
template <class S>
class DatasetSource {
public:
    DatasetSource(const Dataset<S>& data, Index every) : data_(&data), every_(every) {}

    Index total() const noexcept { return (data_->samples() + every_ - 1) / every_; }
    Column<S> first_input() const { return data_->input(0); }
    std::uint64_t first_id() const { return data_->id(0); }
    bool has_labels() const noexcept { return data_->has_labels(); }
    bool has_tags() const noexcept { return !data_->tags().empty(); }
    static constexpr Index held() noexcept { return 0; }

    /// What is known of the next samples, at most `count`; returns how many there are.
    Index next(RecordedSamples<S>& to, Index count) {
        begin_ += last_;
        last_ = std::min(count, total() - begin_);
        const auto take = [this](const auto& from, auto& all) {
            all.clear();
            for (Index s = begin_; s < begin_ + last_ && !from.empty(); ++s) {
                all.push_back(from[static_cast<std::size_t>(s * every_)]);
            }
        };
        take(data_->ids(), to.ids);
        take(data_->labels(), to.labels);
        take(data_->tags(), to.tags);
        return last_;
    }

    /// Calls f(inputs) for some of them, by their position among those.
    template <class F>
    void with_inputs(Index first, Index count, std::span<const std::uint64_t>, Batch<S>& scratch, F&& f) const {
        if (every_ == 1) {
            data_->inputs(begin_ + first, count, scratch);
        } else {
            std::vector<Index> chosen;
            for (Index s = begin_ + first; s < begin_ + first + count; ++s) chosen.push_back(s * every_);
            data_->inputs(chosen, scratch);
        }
        f(BatchView<S>(scratch));
    }

private:
    const Dataset<S>* data_;
    Index every_;
    Index begin_ = 0, last_ = 0;
};

/// What a stream yields, likewise: its batches cut anew.
template <class S, class Stream>
class StreamSource {
public:
    StreamSource(Stream& stream, Index every) : stream_(&stream), every_(every) {
        if (!pull()) raise<DataError>("record", "samples", "0", "at least 1");
        labelled_ = !batch_.labels.empty();
    }

    static constexpr Index total() noexcept { return 0; }
    Column<S> first_input() const { return batch_.inputs.col(0); }
    std::uint64_t first_id() const { return batch_.ids[0]; }
    bool has_labels() const noexcept { return labelled_; }
    static constexpr bool has_tags() noexcept { return false; }
    Index held() const noexcept { return batch_.inputs.rows(); }  ///< values a sample kept here

    Index next(RecordedSamples<S>& to, Index count) {
        to.ids.clear();
        to.labels.clear();
        reshape(inputs_, batch_.inputs.rows(), count);
        Index filled = 0;
        while (filled < count && (at_ < batch_.inputs.cols() || pull())) {
            if (batch_.inputs.rows() != inputs_.rows()) {
                raise<ShapeError>("record", "features of a batch", std::to_string(batch_.inputs.rows()),
                                  std::to_string(inputs_.rows()));
            }
            const Index taken = std::min(count - filled, batch_.inputs.cols() - at_);
            inputs_.middleCols(filled, taken) = batch_.inputs.middleCols(at_, taken);
            to.ids.insert(to.ids.end(), batch_.ids.begin() + at_, batch_.ids.begin() + at_ + taken);
            if (labelled_)
                to.labels.insert(to.labels.end(), batch_.labels.begin() + at_, batch_.labels.begin() + at_ + taken);
            filled += taken;
            at_ += taken;
        }
        return filled;
    }

    template <class F>
    void with_inputs(Index first, Index count, std::span<const std::uint64_t> ids, Batch<S>&, F&& f) const {
        const BatchView<S> x = inputs_.middleCols(first, count);
        require_finite<S>("record", "input", x, ids);  // a Dataset has checked its own
        f(x);
    }

private:
    /// The next batch that is not empty.
    bool pull() {
        for (at_ = 0;;) {
            const bool first = passed_ == 0;
            batch_.ids.clear();
            batch_.labels.clear();
            if (!(*stream_)(batch_)) {
                batch_.inputs.resize(batch_.inputs.rows(), 0);
                return false;
            }
            const Index count = batch_.inputs.cols();
            if (count == 0) continue;
            check_batch(batch_, first, labelled_);
            for (const std::int32_t label : batch_.labels) {
                if (label < 0) raise<DataError>("record", "label", std::to_string(label), "0 or more");
            }
            for (Index j = 0; batch_.ids.size() < static_cast<std::size_t>(count); ++j) {
                batch_.ids.push_back(passed_ + static_cast<std::uint64_t>(j));
            }
            if (every_ > 1) thin(batch_, passed_, every_);
            passed_ += static_cast<std::uint64_t>(count);
            if (batch_.inputs.cols() > 0) return true;
        }
    }

    Stream* stream_;
    Index every_;
    SampleBatch<S> batch_;
    Index at_ = 0;
    std::uint64_t passed_ = 0;  ///< samples of the stream, recorded or not
    bool labelled_ = false;
    Batch<S> inputs_;
};

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI {

namespace detail {

template <class Model, class S, class Source, class System, class Names>
RecordedFile record_file(const Model& model, Source& source, const std::string& path, std::uint64_t data,
                         const Names& names, const RecordFileOptions& options, const Selection& selection,
                         const System& system) {
    RecordedFile result;
    {
        FileRecording<Model, S, Source, System> recording(model, source, path, data, names(), options, selection,
                                                          system);
        result = recording.record();
    }
    if (!result) return result;
    const WriteOptions write{
        .sorted = options.sorted, .threads = options.threads, .data = data, .progress = options.progress};
    result.finished = finish_recording<S>(path, names(), options.budget, write, system);
    return result;
}

inline void check_record_options(const RecordFileOptions& options) {
    check_record_options(RecordOptions{.batch = options.batch, .threads = options.threads});
}

}  // namespace detail

/// Records a data set into a store file, which FileStore opens. While that goes on, `path.recording` grows by whole
/// segments (read_journal reads it). A recording that was interrupted, by the callback, an error, a signal, is resumed
/// by the same call; the file is the same, byte for byte, as if nothing had happened, whatever threads, batch and
/// budget were. Then the file is made, beside `path.partial` and, where a unit's values exceed the budget, `path.runs`
/// and `path.order`; it appears whole, in place of an older one.
///
/// Throws   as record(); FormatError naming file and cause where one cannot be written or the interrupted recording is
///          damaged in its beginning; MismatchError where that is of another network, data, selection or build;
///          DataError for a budget that is too small, naming what would do.
/// Cost     one forward pass a sample; the values written twice and read once, in estimate().passes rounds; memory
///          at most the budget, beside the model's workspaces (a batch a thread) and the data.
/// Threads  one writer a path; readers of the older file go on with that.
template <class Model, class S, class System = detail::SystemCalls>
RecordedFile record_to_file(const Model& model, const Dataset<S>& data, const std::string& path,
                            const RecordFileOptions& options = {}, const Selection& selection = {},
                            System system = {}) {
    detail::check_record_options(options);
    detail::check_selection(selection);
    detail::check_data(model, data);
    detail::DatasetSource<S> source(data, selection.every);
    const auto names = [&data] {
        std::vector<std::string> all;
        for (int c = 0; c < data.classes(); ++c) all.push_back(data.class_name(c));
        return all;
    };
    return detail::record_file<Model, S>(model, source, path, data_fingerprint(data), names, options, selection,
                                         system);
}

/// The same of whatever a stream of batches yields, so that the inputs need not fit into memory either; a segment of
/// them does. To resume, the stream must begin anew and yield the same: ids and labels of what is skipped are compared,
/// and a sample a segment is run again.
template <class S, class Model, SampleStream<S> Stream, class System = detail::SystemCalls>
RecordedFile record_stream_to_file(const Model& model, Stream&& next, const std::string& path,
                                   const RecordFileOptions& options = {}, const Selection& selection = {},
                                   System system = {}) {
    detail::check_record_options(options);
    detail::check_selection(selection);
    detail::StreamSource<S, std::remove_reference_t<Stream>> source(next, selection.every);
    const auto names = [&] {
        std::vector<std::string> all;
        if constexpr (requires { next.class_names(); })
            all.assign(next.class_names().begin(), next.class_names().end());
        return all;
    };
    return detail::record_file<Model, S>(model, source, path, options.data, names, options, selection, system);
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// What record_to_file will need, in bytes but for the last two.
struct RecordingEstimate {
    std::uint64_t bytes_on_disk = 0;    ///< of the finished file
    std::uint64_t journal_bytes = 0;    ///< beside it until it is finished: both are needed together
    std::uint64_t bytes_in_memory = 0;  ///< what record() would take instead
    std::uint64_t memory = 0;           ///< of recording into the file: at most the budget
    std::uint64_t least_budget = 0;     ///< no smaller one will do
    std::uint64_t passes = 0;           ///< over the journal, to finish it
    Index segment = 0;                  ///< samples that are written, and lost, together
};

namespace detail {

/// What describe_store asks of a store, of one that is not there yet.
template <class S>
struct ExpectedStore {
    struct Array {
        std::size_t count;
        std::size_t size() const noexcept { return count; }
        bool empty() const noexcept { return count == 0; }
    };
    struct Outputs {
        Index count;
        Index rows() const noexcept { return count; }
    };
    using Scalar = S;

    const std::vector<Point>& points;
    const std::vector<std::string>& class_names;
    std::string build;
    const Batch<S>& first_input;
    Array labels;
    std::span<const std::string> tags;
    Outputs outputs;
    Index count;
    bool ordered;
    std::uint64_t fingerprint = 0;
    Index samples() const noexcept { return count; }
    static constexpr int classes() noexcept { return 0; }
    Array by_id() const noexcept { return {ordered ? std::size_t{0} : static_cast<std::size_t>(count)}; }
};

/// `tags` of those samples that are recorded.
template <class S, class Source>
RecordingEstimate estimate(const MemoryStore<S>& store, const Source& source, Index samples, bool ordered,
                           std::span<const std::string> tags, const RecordFileOptions& options) {
    const auto n = static_cast<std::uint64_t>(samples);
    const StoreDescription<S> journal = describe_journal(store, source);
    const std::uint64_t columns = column_count(store.points);
    RecordingEstimate result;
    result.segment = choose_segment(journal, source.held(), options);
    result.journal_bytes = aligned(store_head_bytes + description_text(journal).size());
    std::uint64_t meta = 0, largest = 0, all_tags = 0;
    const auto segment = [&](std::uint64_t count, std::uint64_t tag_bytes) {
        const SegmentLayout at(journal, columns, count, tag_bytes);
        meta = std::max(meta, at.values);
        largest = std::max(largest, at.bytes);
        return at.bytes;
    };
    const auto length = static_cast<std::uint64_t>(result.segment);
    if (tags.empty()) {
        result.journal_bytes += n / length * segment(std::min(n, length), 0);
        if (n % length != 0) result.journal_bytes += segment(n % length, 0);
    } else {
        for (std::uint64_t first = 0; first < n; first += length) {
            std::uint64_t bytes = 0;
            const std::uint64_t count = std::min(length, n - first);
            for (std::uint64_t s = first; s < first + count; ++s) bytes += tags[static_cast<std::size_t>(s)].size();
            result.journal_bytes += segment(count, bytes);
            all_tags += bytes + count * sizeof(std::string);
        }
    }
    const ExpectedStore<S> expected{store.points,
                                    store.class_names,
                                    store.build,
                                    store.first_input,
                                    {source.has_labels() ? static_cast<std::size_t>(samples) : 0},
                                    tags,
                                    {store.outputs.rows()},
                                    samples,
                                    ordered};
    auto [head, what] = describe_store(expected, options.sorted, 0);
    lay_out(head, what);
    result.bytes_on_disk = head.file_bytes;

    const std::uint64_t a_sample = columns * sizeof(S) + sizeof(std::uint64_t) + (ordered ? 0 : 4) +
                                   static_cast<std::uint64_t>(store.outputs.rows()) * sizeof(S) +
                                   (store.outputs.rows() > 0 ? 4 : 0) + (source.has_labels() ? 4 : 0);
    result.bytes_in_memory = n * a_sample + all_tags;
    const FinishPlan plan(sizeof(S), n, columns, finish_bytes<S>(n, columns, meta, length), meta, ordered,
                          options.budget, thread_count(options.threads, static_cast<Index>(columns)));
    result.least_budget = plan.least;
    result.passes = plan.passes;
    const std::uint64_t recording = 3 * largest + 2 * meta;
    const std::uint64_t finishing = plan.fixed + (ordered ? 0 : 4 * n) +
                                    static_cast<std::uint64_t>(plan.threads) * plan.thread + plan.group * plan.column;
    result.memory = std::max(recording, plan.group > 0 ? finishing : options.budget);
    return result;
}

}  // namespace detail

/// What recording a data set into a file takes; lengths of files to the byte, memory as an upper bound. Runs one
/// sample. Throws  as record_to_file, but for a budget that holds no sample only.
template <class Model, class S>
RecordingEstimate estimate(const Model& model, const Dataset<S>& data, const Selection& selection = {},
                           const RecordFileOptions& options = {}) {
    detail::check_record_options(options);
    detail::check_selection(selection);
    detail::check_data(model, data);
    detail::DatasetSource<S> source(data, selection.every);
    MemoryStore<S> store;
    detail::first_look<Model, S>(model, source.first_input(), source.first_id(), selection, store);
    for (int c = 0; c < data.classes(); ++c) store.class_names.push_back(data.class_name(c));
    RecordedSamples<S> known;
    const Index samples = source.next(known, source.total());
    const bool ordered = std::is_sorted(known.ids.begin(), known.ids.end());
    return detail::estimate<S>(store, source, samples, ordered, known.tags, options);
}

namespace detail {

/// A source of samples that nobody has seen yet.
struct ExpectedSource {
    Index features;
    static constexpr bool has_labels() noexcept { return true; }
    static constexpr bool has_tags() noexcept { return false; }
    Index held() const noexcept { return features; }
};

}  // namespace detail

/// The same for n samples that come from a stream: with labels, ascending ids and no names of classes.
/// Throws  DataError for a network that does not know its features; estimate a small Dataset then.
template <class Net>
RecordingEstimate estimate(const Net& net, Index n, const Selection& selection = {},
                           const RecordFileOptions& options = {}) {
    using S = typename Net::Scalar;
    detail::check_selection(selection);
    if (n < 1) detail::raise<DataError>("estimate", "samples", std::to_string(n), "at least 1");
    if (net.in_features() == Dynamic) {
        detail::raise<DataError>("estimate", "features of the network", "unknown", "a Dataset to estimate with");
    }
    MemoryStore<S> store;
    const Column<S> zeros = Column<S>::Zero(net.in_features());
    detail::first_look<Net, S>(net, zeros, 0, selection, store);
    const Index samples = (n + selection.every - 1) / selection.every;
    return detail::estimate<S>(store, detail::ExpectedSource{net.in_features()}, samples, true, {}, options);
}

}  // namespace renn::inline RENN_ABI
// renn/tracing/file_store.hpp - a recording in a file, mapped: opened at once, read where it is looked at.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

// renn/tracing/stored_arrays.hpp - what a store file knows of each sample, checked when it is read.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>


namespace renn::inline RENN_ABI {

/// One number a sample, in a mapped file; or none. Every read may throw FormatError where the file is damaged.
/// Cost  `[]` a bit more than a read; as a range it is checked as a whole.
template <class T>
class StoredArray {
public:
    using value_type = T;

    StoredArray() = default;
    StoredArray(const detail::StoreChunks& chunks, std::uint64_t offset, std::size_t size)
        : chunks_(&chunks), data_(reinterpret_cast<const T*>(chunks.at(offset))), size_(size) {}

    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    T operator[](std::size_t i) const {
        chunks_->check(data_ + i, sizeof(T));
        return data_[i];
    }
    const T* begin() const {
        if (size_ > 0) chunks_->check(data_, size_ * sizeof(T));
        return data_;
    }
    const T* end() const { return data_ + size_; }
    operator std::span<const T>() const { return {begin(), size_}; }

private:
    const detail::StoreChunks* chunks_ = nullptr;
    const T* data_ = nullptr;
    std::size_t size_ = 0;
};

/// One text a sample, or none.
class StoredTags {
public:
    StoredTags() = default;
    StoredTags(const detail::StoreChunks& chunks, std::uint64_t ends, std::size_t size, const detail::Block& bytes)
        : chunks_(&chunks), ends_(chunks, ends, size), bytes_(bytes) {}

    std::size_t size() const noexcept { return ends_.size(); }
    bool empty() const noexcept { return ends_.empty(); }
    std::string operator[](std::size_t i) const {
        const std::uint64_t begin = i == 0 ? 0 : ends_[i - 1], end = ends_[i];
        if (begin > end || end > bytes_.bytes) {
            chunks_->fail("tag " + std::to_string(i), "ends that cannot be", "ascending ones");
        }
        const char* from = chunks_->at(bytes_.offset + begin);
        chunks_->check(from, end - begin);
        return std::string(from, static_cast<std::size_t>(end - begin));
    }

private:
    const detail::StoreChunks* chunks_ = nullptr;
    StoredArray<std::uint64_t> ends_;
    detail::Block bytes_;
};

/// The outputs of the model, outputs x samples.
template <class S>
class StoredOutputs {
public:
    StoredOutputs() = default;
    StoredOutputs(const detail::StoreChunks& chunks, std::uint64_t offset, Index rows, Index cols)
        : chunks_(&chunks), data_(reinterpret_cast<const S*>(chunks.at(offset))), rows_(rows), cols_(cols) {}

    Index rows() const noexcept { return rows_; }
    Index cols() const noexcept { return cols_; }
    /// Those of one sample, where they lie.
    Eigen::Map<const Column<S>> col(Index sample) const {
        const S* from = rows_ == 0 ? nullptr : data_ + sample * rows_;
        if (rows_ > 0) chunks_->check(from, static_cast<std::uint64_t>(rows_) * sizeof(S));
        return {from, rows_};
    }

private:
    const detail::StoreChunks* chunks_ = nullptr;
    const S* data_ = nullptr;
    Index rows_ = 0;
    Index cols_ = 0;
};

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// What a store file must be, and when it is read as a whole.
struct OpenOptions {
    std::optional<std::uint64_t> network = {};          ///< fingerprint of the network it must be of
    std::optional<std::uint64_t> data = {};             ///< fingerprint of the data it must be of
    std::uint64_t populate = std::uint64_t{512} << 20;  ///< up to that many bytes are read at once, when first needed
};

/// The activation store as a file (write_store, docs/format.md). Opening maps it and reads head, description and table
/// of checksums; each chunk of 64 KiB is checked when it is first read, so any member may throw FormatError that names
/// it. Where the file holds a unit's sorted column, a search reads a few pages of it and builds nothing.
/// FileStore<float, Float16> reads a file of values that are encoded so (write_reduced.hpp).
///
/// A value: copies share the mapping, which lives as long as one of them. A file that is replaced (write_store does) is
/// still read as it was; one that is cut or rewritten in place ends the program.
/// Threads  const members may run on several threads at once, in any number of processes.
template <class S, class E = Exact>
class FileStore {
public:
    using Scalar = S;
    using Encoding = E;
    using Code = typename E::template Code<S>;  ///< what a value is kept as
    static_assert(is_exact<E> || detail::stored_kind<S, E>() != detail::scalar_kind<S>,
                  "renn: store files have no such encoding");

    std::vector<Point> points;
    StoredArray<std::uint64_t> ids;
    StoredArray<std::int32_t> labels;
    StoredArray<std::int32_t> predictions;
    StoredTags tags;
    std::vector<std::string> class_names;
    StoredOutputs<S> outputs;
    std::uint64_t fingerprint = 0;
    std::string build;
    Batch<S> first_input;

    /// Throws   FormatError for a file that is not ours, truncated, damaged in head, description or table, too new or
    ///          too old; MismatchError for another scalar, network or data. Each says so.
    /// Cost     of an eight thousandth of the file, at most once.
    static FileStore open(const std::string& path, const OpenOptions& options = {}) {
        auto chunks = std::make_shared<detail::StoreChunks>(path, options.populate);
        const detail::StoreHead& head = chunks->head();
        const auto require = [&chunks](const char* what, const std::string& got, const std::string& expected) {
            if (got != expected) detail::raise<MismatchError>(chunks->where(), what, got, expected);
        };
        require("scalar of the network", std::string(scalar_name(head.network_scalar)),
                std::string(scalar_name(detail::scalar_kind<S>)));
        require("scalar", std::string(scalar_name(head.scalar)), std::string(scalar_name(detail::stored_kind<S, E>())));
        if (options.network) {
            require("fingerprint of the store's network", std::to_string(head.network),
                    std::to_string(*options.network));
        }
        if (options.data) {
            require("fingerprint of the store's data", std::to_string(head.data), std::to_string(*options.data));
        }
        return FileStore(std::move(chunks));
    }

    Index samples() const noexcept { return static_cast<Index>(ids.size()); }
    int classes() const noexcept { return classes_; }

    /// Position of a sample. Throws DataError for an unknown id. O(log n).
    Index position_of(std::uint64_t id) const { return detail::position_of_id(ids, by_id_, id); }
    /// Positions in ascending order of ids; empty where that is 0, 1, 2, ...
    std::span<const std::uint32_t> by_id() const { return by_id_; }

    /// Values of a unit in sample order. O(n) and a scratch of n values where the file has them sorted.
    std::span<const S> values(Unit u, Index dimension, std::vector<S>& scratch) const {
        const auto n = ids.size();
        if constexpr (is_exact<E>) {
            if (const StoredColumn<S> column = sorted(u); !column.empty()) {
                check(column.values, n * sizeof(S));
                check(column.order, n * sizeof(std::uint32_t));
                scratch.resize(n);
                for (std::size_t i = 0; i < n; ++i) scratch[column.order[i]] = column.values[i];
                return scratch;
            }
            const S* from = column_values(u, dimension);
            check(from, n * sizeof(S));
            return {from, n};
        } else {
            const Index column = column_of(u, dimension);
            scratch.resize(n);
            E::decode(this->column(u.point, column), scratch.data(), samples(), range(u.point, column, 0));
            return scratch;
        }
    }

    /// Value of a unit for a sample. O(n) where the file has its values sorted.
    S value(Unit u, Index dimension, Index sample) const {
        if constexpr (is_exact<E>) {
            if (const StoredColumn<S> column = sorted(u); !column.empty()) {
                check(column.order, ids.size() * sizeof(std::uint32_t));
                const auto* at = std::find(column.order, column.order + ids.size(), static_cast<std::uint32_t>(sample));
                if (at == column.order + ids.size()) {
                    chunks_->fail("values of " + points[u.point].text(), "none of sample " + std::to_string(sample),
                                  "one of each");
                }
                const S* value = column.values + (at - column.order);
                check(value, sizeof(S));
                return *value;
            }
            const S* from = column_values(u, dimension) + sample;
            check(from, sizeof(S));
            return *from;
        } else {
            const Index column = column_of(u, dimension);
            const Code* code = codes(u.point, column) + sample;
            check(code, sizeof(Code));
            S result;
            E::decode(code, &result, 1, range(u.point, column, sample));
            return result;
        }
    }

    /// Rounds one sample's recorded values at a point as those in the file are rounded.
    void as_stored(std::size_t point, std::span<S> values_of_one_sample) const requires(!is_exact<E>) {
        if constexpr (E::ranged == Ranged::unit) {
            std::vector<Range<S>> ranges;
            for (Index c = 0; c < std::ssize(values_of_one_sample); ++c) ranges.push_back(*range(point, c, 0));
            round_trip<E>(values_of_one_sample, ranges.data());
        } else {
            round_trip<E, S>(values_of_one_sample);
        }
    }

    /// How far a value may be from the one that was recorded.
    double error_bound(Unit u, Index dimension, Index sample) const {
        if constexpr (E::ranged == Ranged::none) {
            return E::error_bound(value(u, dimension, sample));
        } else {
            return E::error_bound(S(), *range(u.point, column_of(u, dimension), sample));
        }
    }

    /// What a column is kept as, in the order of samples, and its ranges from a sample on, or null.
    const Code* column(std::size_t point, Index column) const requires(!is_exact<E>) {
        check(codes(point, column), ids.size() * sizeof(Code));
        return codes(point, column);
    }
    const Range<S>* range(std::size_t point, [[maybe_unused]] Index column, [[maybe_unused]] Index sample) const {
        if constexpr (E::ranged == Ranged::none) {
            return nullptr;
        } else if constexpr (E::ranged == Ranged::unit) {
            const auto* one = reinterpret_cast<const Range<S>*>(column_begin(point, column));
            check(one, sizeof(*one));
            return one;
        } else {
            const auto* all = reinterpret_cast<const Range<S>*>(chunks_->at(sample_ranges_[point]->offset));
            check(all + sample, (sample > 0 ? 1 : ids.size()) * sizeof(*all));
            return all + sample;
        }
    }

    /// A unit's sorted column, where the file has it; else empty. Of its levels everything is checked but the finest
    /// one, whose errors a search finds by its result.
    StoredColumn<S> sorted(Unit u) const requires(is_exact<E>) {
        const detail::Block* block = blocks_[u.point];
        if (block == nullptr || block->kind != detail::BlockKind::sorted) return {};
        const char* column = chunks_->at(block->offset + u.unit * layout_.bytes);
        const S* levels = reinterpret_cast<const S*>(column + layout_.levels);
        const auto count = static_cast<std::size_t>(layout_.level_values);
        detail::check_levels<S>(*chunks_, {levels, count}, points[u.point]);
        return {reinterpret_cast<const S*>(column + layout_.values),
                reinterpret_cast<const std::uint32_t*>(column + layout_.order),
                {levels, count}};
    }

    /// Throws FormatError unless the part of the file behind some memory is as it was written.
    void check(const void* from, std::size_t bytes) const { chunks_->check(from, bytes); }

    /// Reads and checks the whole file. Throws FormatError that names the first chunk that is damaged.
    void verify() const { chunks_->check_all(); }

    /// Length of the file; its chunks, and how many of them have been read so far.
    std::uint64_t bytes() const noexcept { return chunks_->bytes(); }
    std::uint64_t chunks() const noexcept { return chunks_->chunks(); }
    std::uint64_t checked_chunks() const noexcept { return chunks_->checked(); }
    /// Fingerprint of the data recorded; 0: unknown.
    std::uint64_t data() const noexcept { return chunks_->head().data; }

private:
    explicit FileStore(std::shared_ptr<detail::StoreChunks> chunks) {
        const detail::StoreHead& head = chunks->head();
        const char* text = chunks->at(head.description_offset);
        chunks->check(text, head.description_bytes);
        auto what =
            detail::read_description<S>(chunks->where(), {text, static_cast<std::size_t>(head.description_bytes)});
        detail::check_store(chunks->where(), head, what);
        chunks->describe(what.blocks, what.points, what.classes, what.outputs);

        const auto n = static_cast<std::size_t>(head.samples);
        blocks_storage_ = std::make_shared<const std::vector<detail::Block>>(std::move(what.blocks));
        blocks_.assign(what.points.size(), nullptr);
        sample_ranges_ = blocks_;
        const detail::Block* tag_ends = nullptr;
        for (const detail::Block& block : *blocks_storage_) {
            switch (block.kind) {
                case detail::BlockKind::ids:
                    ids = {*chunks, block.offset, n};
                    break;
                case detail::BlockKind::by_id:
                    by_id_ = {*chunks, block.offset, n};
                    break;
                case detail::BlockKind::labels:
                    labels = {*chunks, block.offset, n};
                    break;
                case detail::BlockKind::predictions:
                    predictions = {*chunks, block.offset, n};
                    break;
                case detail::BlockKind::outputs:
                    outputs = {*chunks, block.offset, static_cast<Index>(what.outputs), static_cast<Index>(n)};
                    break;
                case detail::BlockKind::tag_ends:
                    tag_ends = &block;
                    break;
                case detail::BlockKind::tag_bytes:
                    tags = {*chunks, tag_ends->offset, n, block};
                    break;
                case detail::BlockKind::sorted:
                case detail::BlockKind::columns:
                    blocks_[block.point] = &block;
                    break;
                case detail::BlockKind::sample_ranges:
                    sample_ranges_[block.point] = &block;
                    break;
            }
        }
        layout_ = detail::column_layout(detail::BlockKind::sorted, head.scalar, head.samples);
        columns_ = detail::column_layout(detail::BlockKind::columns, head.scalar, head.samples);
        points = std::move(what.points);
        class_names = std::move(what.class_names);
        classes_ = static_cast<int>(what.classes);
        build = std::move(what.build);
        first_input = std::move(what.first_input);
        fingerprint = head.network;
        chunks_ = std::move(chunks);
    }

    const S* column_values(Unit u, Index dimension) const noexcept { return codes(u.point, column_of(u, dimension)); }

    Index column_of(Unit u, Index dimension) const noexcept {
        return static_cast<Index>(u.unit) * points[u.point].dimensions() + dimension;
    }
    const char* column_begin(std::size_t point, Index column) const noexcept {
        return chunks_->at(blocks_[point]->offset + static_cast<std::uint64_t>(column) * columns_.bytes);
    }
    const Code* codes(std::size_t point, Index column) const noexcept {
        return reinterpret_cast<const Code*>(column_begin(point, column) + columns_.values);
    }

    std::shared_ptr<const detail::StoreChunks> chunks_;
    std::shared_ptr<const std::vector<detail::Block>> blocks_storage_;
    std::vector<const detail::Block*> blocks_;         ///< one a point; null for derived ones
    detail::ColumnLayout layout_;                      ///< of a sorted column
    std::vector<const detail::Block*> sample_ranges_;  ///< likewise, where samples have ranges
    detail::ColumnLayout columns_;                     ///< of a column in the order of samples
    StoredArray<std::uint32_t> by_id_;
    int classes_ = 0;
};

}  // namespace renn::inline RENN_ABI
// renn/tracing/journal.hpp - reads a recording that is not finished: after a crash, or while it is still being written.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>


namespace renn::inline RENN_ABI {

/// What a journal holds.
template <class S>
struct Journal {
    MemoryStore<S> store;        ///< the samples that are whole, a prefix of those of the recording
    std::uint64_t expected = 0;  ///< how many samples it is to become; 0: not known
    std::uint64_t dropped = 0;   ///< bytes behind them that were torn or damaged
    std::string why;             ///< which of it; empty: there are none
};

/// Reads a recording that is not finished, `<path of the store>.recording`, into memory: after a crash, or while it is
/// still being written. What is torn or damaged is dropped, with everything behind it, and reported.
/// Throws   FormatError for a file that is not a journal, whose first page is damaged or whose classes cannot be;
///          MismatchError for another scalar; DataError for repeated ids.
template <class S>
Journal<S> read_journal(const std::string& path) {
    using detail::BlockKind;
    detail::JournalReader<S> reader(path);
    while (reader.next()) {
    }
    Journal<S> journal{{}, reader.head().samples, reader.dropped(), reader.why()};
    MemoryStore<S>& store = journal.store;
    const detail::StoreDescription<S>& what = reader.description();
    store.points = what.points;
    store.class_names = what.class_names;
    store.fingerprint = reader.head().network;
    store.build = what.build;
    store.first_input = what.first_input;
    store.reserve(reader.samples(), 0);
    store.outputs.resize(static_cast<Index>(what.outputs), reader.samples());

    const auto add = [](const auto& part, auto& all) { all.insert(all.end(), part.begin(), part.end()); };
    std::vector<std::uint64_t> wide;
    std::vector<std::int32_t> narrow;
    std::vector<S> values;
    std::vector<char> text;
    for (std::size_t s = 0; s < reader.segments(); ++s) {
        reader.part(s, BlockKind::ids, wide);
        add(wide, store.ids);
        reader.part(s, BlockKind::labels, narrow);
        add(narrow, store.labels);
        reader.part(s, BlockKind::predictions, narrow);
        add(narrow, store.predictions);
        reader.part(s, BlockKind::outputs, values);
        std::copy(values.begin(), values.end(), store.outputs.data() + reader.first(s) * store.outputs.rows());
        reader.part(s, BlockKind::tag_ends, wide);
        reader.part(s, BlockKind::tag_bytes, text);
        std::uint64_t begin = 0;
        for (const std::uint64_t end : wide) {
            if (end < begin || end > text.size()) detail::raise<FormatError>(reader.context(), "impossible tags");
            store.tags.emplace_back(text.data() + begin, static_cast<std::size_t>(end - begin));
            begin = end;
        }
        std::uint64_t column = 0;
        for (std::size_t p = 0; p < store.points.size(); ++p) {
            const Index count = store.points[p].stored() ? store.points[p].columns() : 0;
            if (count == 0) continue;
            reader.columns(s, column, static_cast<std::uint64_t>(count), store.column(p, 0) + reader.first(s),
                           static_cast<std::size_t>(reader.samples()));
            column += static_cast<std::uint64_t>(count);
        }
    }
    detail::check_classes("label", store.labels, std::numeric_limits<std::int32_t>::max());
    detail::check_classes("prediction", store.predictions, std::max<std::int64_t>(2, store.outputs.rows()));
    store.index_ids();
    return journal;
}

}  // namespace renn::inline RENN_ABI
// renn/tracing/neuron_patches.hpp - where in its input a neuron looked.

#include <cstdint>
#include <optional>
#include <string>


namespace renn::inline RENN_ABI {

/// The part of a sample's image that a neuron looked at: of a neuron that is a position, its receptive field; of one
/// that is a channel, that of the position where the channel is largest, the first one among equals. Nothing where the
/// values of the point are no image.
///
/// Shapes   values: width of the point x 1, what it reported for the sample.
/// Throws   DataError for a unit the point does not have, ShapeError for other values, and as receptive_field.
template <Composite Net, class D>
std::optional<Patch> neuron_patch(const Net& net, const Point& point, std::uint32_t unit,
                                  const Eigen::MatrixBase<D>& values) {
    const Shape& image = point.shape;
    if (image.size() == 0) return std::nullopt;
    const auto row = static_cast<Index>(unit);
    if (row >= point.neurons()) {
        detail::raise<DataError>("neuron_patch", "unit of " + point.name, std::to_string(unit),
                                 "below " + std::to_string(point.neurons()));
    }
    detail::require_shape("neuron_patch", "values", values, image.size(), 1);
    Index at = row % image.positions();
    if (point.by_channel()) values.col(0).segment(row * image.positions(), image.positions()).maxCoeff(&at);
    return receptive_field(net, point.name, at / image.width, at % image.width);
}

/// Where neurons looked in some samples, which go through the network once, together:
///
///     const NeuronPatches patches(net, x);             // x: features x samples
///     patches(answer.place(0), unit, 3)                // in the fourth sample
///
/// The network must live as long.
template <Composite Net>
class NeuronPatches {
public:
    using Scalar = typename Net::Scalar;

    /// Throws as renn::activations.
    NeuronPatches(const Net& net, const BatchView<Scalar>& x) : net_(&net), values_(activations(net, x)) {}

    /// Throws   DataError for a place, unit or sample that is not there.
    std::optional<Patch> operator()(const Point& point, std::uint32_t unit, Index sample) const {
        if (point.shape.size() == 0) return std::nullopt;
        const Batch<Scalar>& values = values_[point.name];
        if (sample < 0 || sample >= values.cols()) {
            detail::raise<DataError>("NeuronPatches", "sample", std::to_string(sample),
                                     "below " + std::to_string(values.cols()));
        }
        return neuron_patch(*net_, point, unit, values.col(sample));
    }

private:
    const Net* net_;
    Activations<Scalar> values_;
};

/// What RetraceReport::add takes to mark where neurons of this network looked. The network must live as long.
template <Composite Net>
auto patch_marker(const Net& net) {
    return [&net](const BatchView<typename Net::Scalar>& x) { return NeuronPatches<Net>(net, x); };
}

}  // namespace renn::inline RENN_ABI
// renn/tracing/part_of_store.hpp - some samples or places of a store, seen as a store.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {

/// Some samples of some units of a store, in their order there: a source for to_memory and write_store, which make a
/// compact store of it a column at a time. What it is part of is not copied.
///
/// Memory   what is known of each sample beside the values: 16 bytes, tag and outputs.
/// Threads  const members may run on several threads at once.
template <class Store>
class PartOfStore : public RecordedSamples<typename Store::Scalar> {
    using Known = RecordedSamples<typename Store::Scalar>;

public:
    using S = typename Store::Scalar;
    static constexpr bool reduced = detail::Reduced<Store>;

    /// `places`: for each point of the part, the point it is of; `units`: for each, units of it by number.
    /// `positions`: ascending; empty takes all samples.
    PartOfStore(std::shared_ptr<const Store> store, Known known, std::vector<std::uint32_t> places,
                std::vector<std::vector<std::uint32_t>> units, std::vector<std::uint32_t> positions)
        : Known(std::move(known)),
          store_(std::move(store)),
          places_(std::move(places)),
          units_(std::move(units)),
          positions_(std::move(positions)) {}

    std::span<const S> values(Unit u, Index dimension, std::vector<S>& scratch) const {
        const std::span<const S> all = store_->values(origin(u), dimension, scratch);
        if (positions_.empty()) return all;
        if (all.data() != scratch.data()) scratch.resize(positions_.size());
        for (std::size_t i = 0; i < positions_.size(); ++i) scratch[i] = all[positions_[i]];
        return std::span<const S>(scratch).first(positions_.size());
    }
    S value(Unit u, Index dimension, Index sample) const {
        const Index at = positions_.empty() ? sample : Index(positions_[static_cast<std::size_t>(sample)]);
        return store_->value(origin(u), dimension, at);
    }

private:
    Unit origin(Unit u) const noexcept { return {places_[u.point], units_[u.point][u.unit]}; }

    std::shared_ptr<const Store> store_;
    std::vector<std::uint32_t> places_;
    std::vector<std::vector<std::uint32_t>> units_;
    std::vector<std::uint32_t> positions_;
};

namespace detail {

/// A store to look at: a named one must outlive whoever looks, a temporary is kept.
template <class Store>
auto hold(Store&& store) {
    using Plain = std::remove_cvref_t<Store>;
    if constexpr (std::is_lvalue_reference_v<Store>) {
        return std::shared_ptr<const Plain>(std::shared_ptr<const Plain>(), &store);
    } else {
        return std::make_shared<const Plain>(std::forward<Store>(store));
    }
}

template <class Held>
auto with_positions(Held store, std::vector<std::uint32_t> positions) {
    using Store = std::remove_cvref_t<decltype(*store)>;
    if (positions.empty()) raise<DataError>("part of a store", "samples", "none", "at least 1");
    if (store->first_input.size() > 0 && positions.front() != 0) {
        raise<DataError>("part of a store", "first sample", "left out",
                         "kept, as the store has its input to know the foreign code again; record with a fingerprint");
    }
    auto known = known_at(*store, positions);
    std::vector<std::uint32_t> places(known.points.size());
    std::iota(places.begin(), places.end(), 0U);
    std::vector<std::vector<std::uint32_t>> units;
    for (const Point& point : known.points) {
        auto& numbers = units.emplace_back(point.units.size());
        std::iota(numbers.begin(), numbers.end(), 0U);
    }
    return PartOfStore<Store>(std::move(store), std::move(known), std::move(places), std::move(units),
                              std::move(positions));
}

/// Marks the samples with these ids. Throws DataError for one that the store does not have.
template <class Store>
std::vector<char> marked(const Store& store, std::span<const std::uint64_t> ids) {
    std::vector<char> chosen(static_cast<std::size_t>(store.samples()), 0);
    for (const std::uint64_t id : ids) chosen[static_cast<std::size_t>(store.position_of(id))] = 1;
    return chosen;
}

}  // namespace detail

/// The samples with these ids, in the order of the store. Throws DataError for an unknown id, or if none is left.
template <class Store>
auto only_samples(Store&& store, std::span<const std::uint64_t> ids) {
    auto held = detail::hold(std::forward<Store>(store));
    const auto chosen = detail::marked(*held, ids);
    auto positions = detail::all_positions(*held);
    std::erase_if(positions, [&](std::uint32_t s) { return chosen[s] == 0; });
    return detail::with_positions(std::move(held), std::move(positions));
}

/// All but the samples with these ids. A deletion request:
///
///     write_store(path, without_samples(FileStore<float>::open(path), ids));
///
/// replaces the file by one that has nothing of them left. Throws DataError for an unknown id, if none is left, or for
/// the first sample of a store that keeps its input: one of foreign code without a fingerprint of its own.
template <class Store>
auto without_samples(Store&& store, std::span<const std::uint64_t> ids) {
    auto held = detail::hold(std::forward<Store>(store));
    const auto chosen = detail::marked(*held, ids);
    auto positions = detail::all_positions(*held);
    std::erase_if(positions, [&](std::uint32_t s) { return chosen[s] != 0; });
    return detail::with_positions(std::move(held), std::move(positions));
}

/// What a selection leaves of a store: places by name and kind, units of them, every n-th sample. A place that follows
/// from another keeps that one's units, and needs it.
/// Throws   DataError for what the store does not have, for channels, and for a place without the one it follows from.
template <class Store>
auto part_of(Store&& store, const Selection& selection) {
    using Plain = std::remove_cvref_t<Store>;
    detail::check_selection(selection);
    auto held = detail::hold(std::forward<Store>(store));
    const std::vector<Point>& all = held->points;
    const auto refuse = [](const std::string& what, const std::string& got, const std::string& expected) {
        detail::raise<DataError>("part of a store", what, got, expected);
    };
    const auto require_known = [&](const std::string& name) {
        if (std::any_of(all.begin(), all.end(), [&](const Point& p) { return p.name == name; })) return;
        refuse("layer", "\"" + name + "\"", "a recorded one");
    };
    for (const std::string& name : selection.layers) require_known(name);
    for (const auto& some : selection.units) require_known(some.layer);
    if (!selection.channels.empty()) refuse("channels", "a choice", "none: they are chosen when recording");

    auto positions = detail::all_positions(*held);
    std::erase_if(positions, [&](std::uint32_t s) { return Index(s) % selection.every != 0; });
    auto known = detail::known_at(*held, positions);
    known.points.clear();
    std::vector<std::uint32_t> places;
    std::vector<std::vector<std::uint32_t>> units;
    for (std::uint32_t p = 0; p < all.size(); ++p) {
        const auto& layers = selection.layers;
        const bool named = layers.empty() || std::find(layers.begin(), layers.end(), all[p].name) != layers.end();
        if (!named || !(all[p].kind == Kind::pre ? selection.pre : selection.post)) continue;
        Point point = all[p];
        if (!point.stored()) {
            const auto from = std::find(places.begin(), places.end(), static_cast<std::uint32_t>(point.derived_from));
            if (from == places.end()) {
                refuse(point.text(), "alone",
                       "with " + all[static_cast<std::size_t>(point.derived_from)].text() + ", which it follows from");
            }
            point.derived_from = from - places.begin();
            point.units = known.points[static_cast<std::size_t>(point.derived_from)].units;
        }
        for (const auto& some : selection.units) {
            if (some.layer != point.name) continue;
            std::vector<std::uint32_t> wanted = some.units;
            std::sort(wanted.begin(), wanted.end());
            wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
            if (!std::includes(point.units.begin(), point.units.end(), wanted.begin(), wanted.end())) {
                refuse("units of " + point.text(), "one that is not there", "recorded ones");
            }
            if (!point.stored() && wanted != point.units) {
                refuse("units of " + point.text(), "others", "those of the place it follows from");
            }
            point.units = std::move(wanted);
        }
        std::vector<std::uint32_t>& numbers = units.emplace_back();
        for (const std::uint32_t unit : point.units) {
            const auto at = std::lower_bound(all[p].units.begin(), all[p].units.end(), unit);
            numbers.push_back(static_cast<std::uint32_t>(at - all[p].units.begin()));
        }
        places.push_back(p);
        known.points.push_back(std::move(point));
    }
    if (known.points.empty()) refuse("places", "none", "at least 1");
    if (selection.every == 1) positions.clear();
    return PartOfStore<Plain>(std::move(held), std::move(known), std::move(places), std::move(units),
                              std::move(positions));
}

}  // namespace renn::inline RENN_ABI
// renn/tracing/recompute_store.hpp - a store that keeps no values: the samples run through the network again.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {

/// Answers as a MemoryStore of the same data does, bit for bit, but records each place anew when it is asked for and
/// keeps the last one only. A named data set must outlive the store, a temporary is kept.
///
/// When it pays. With B bytes of values a sample over P places, f seconds of a forward pass, and a disk that writes w
/// and reads r bytes a second, all places once cost
///
///     a file:        f + B (1 / w + 1 / r)     seconds a sample, and B bytes of disk
///     recomputing:   (1 + P) f                 seconds a sample, and none
///
/// so recomputing is faster only where P f < B (1 / w + 1 / r): few places that are wide for what they cost. A network
/// of 3 dense layers on MNIST (B = 1 KB, f = 3.4 us) would need a disk below 0.2 GB/s. Else it is for values that fit
/// nowhere: a place or two of them at a time, by `selection`, or write_store, which asks for one place after another.
/// An index over it keeps sorted columns of what was asked for, as over any store.
///
/// Threads  const members may run on several threads at once; one of them runs the network, on options.threads.
template <class Model>
class RecomputeStore : public RecordedSamples<typename Model::Scalar> {
    using Known = RecordedSamples<typename Model::Scalar>;

public:
    using S = typename Model::Scalar;

    /// Runs every sample once, for outputs and predictions; the first place stays. Throws as renn::record.
    template <class Data>
    RecomputeStore(Model model, Data&& data, const Selection& selection = {}, const RecordOptions& options = {})
        : state_(
              std::make_shared<State>(std::move(model), detail::hold(std::forward<Data>(data)), selection, options)) {
        const Dataset<S>& set = *state_->data;
        if (set.empty()) detail::raise<DataError>("RecomputeStore", "samples", "0", "at least 1");
        state_->options.progress = {};
        Known table;
        const Column<S> sample = set.input(0);
        detail::first_look<Model, S>(state_->model, sample, set.id(0), selection, table);
        std::uint32_t first = 0;
        while (!table.points[first].stored()) ++first;
        state_->place = again(table.points[first]);
        state_->number = first;
        static_cast<Known&>(*this) = *state_->place;
        this->points = std::move(table.points);
    }

    /// Cost   a forward pass a sample where the last question was for another place.
    std::span<const S> values(Unit u, Index dimension, std::vector<S>& scratch) const {
        const std::lock_guard lock(state_->guard);
        if (state_->number != u.point || !state_->place) {
            state_->place.reset();
            state_->place = again(this->points[u.point]);
            state_->number = u.point;
        }
        const auto column = state_->place->values({0, u.unit}, dimension);
        scratch.assign(column.begin(), column.end());
        return scratch;
    }

    /// Cost   a forward pass where the last question was for another place.
    S value(Unit u, Index dimension, Index sample) const {
        const Point& point = this->points[u.point];
        const std::lock_guard lock(state_->guard);
        if (state_->number == u.point && state_->place) return state_->place->value({0, u.unit}, dimension, sample);
        Activations<S> seen;
        auto workspace = make_workspace(state_->model);
        const Column<S> x = state_->data->input_of(this->ids[static_cast<std::size_t>(sample)]);
        seen.collect(state_->model, x, {}, workspace);
        if (!point.by_channel()) return seen[point.name](static_cast<Index>(point.units[u.unit]), 0);
        Batch<S> pooled;
        pool_channels<S>(point, seen[point.name], pooled);
        return pooled(static_cast<Index>(u.unit) * point.dimensions() + dimension, 0);
    }

private:
    struct State {
        State(Model m, std::shared_ptr<const Dataset<S>> d, Selection s, RecordOptions o)
            : model(std::move(m)), data(std::move(d)), selection(std::move(s)), options(std::move(o)) {}
        Model model;
        std::shared_ptr<const Dataset<S>> data;
        Selection selection;
        RecordOptions options;
        std::mutex guard;
        std::optional<MemoryStore<S>> place;  ///< the last one asked for
        std::uint32_t number = 0;
    };

    /// A recording of one place alone.
    MemoryStore<S> again(const Point& point) const {
        Selection one;
        one.layers = {point.name};
        one.units = {{point.name, point.units}};
        one.every = state_->selection.every;
        if (point.by_channel()) one.channels = {{point.name, point.cells.height, point.cells.width, point.pool}};
        return *record(state_->model, *state_->data, one, state_->options);
    }

    std::shared_ptr<State> state_;
};

}  // namespace renn::inline RENN_ABI
// renn/tracing/reduced.hpp - values kept in half precision, or in 8 bits.

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string_view>


#ifdef __F16C__
#include <immintrin.h>
#endif

namespace renn::inline RENN_ABI {
namespace detail {

/// The float that may be rounded again as if from the double: inexact ones end in an odd bit.
inline float to_float_once(float value) noexcept {
    return value;
}
inline float to_float_once(double value) noexcept {
    const auto nearest = static_cast<float>(value);
    const auto back = static_cast<double>(nearest);
    if (back == value || !std::isfinite(nearest) || (std::bit_cast<std::uint32_t>(nearest) & 1U) != 0) return nearest;
    constexpr float infinity = std::numeric_limits<float>::infinity();
    return std::nextafter(nearest, value > back ? infinity : -infinity);
}

}  // namespace detail

/// IEEE half precision, 2 bytes, rounded to nearest even: 11 bits, up to 65504. A larger value is refused and not
/// clamped: many clamped values would tie, and answers be wrong without a word. BFloat16 takes it.
struct Float16 {
    static constexpr std::string_view name = "float16";
    static constexpr Ranged ranged = Ranged::none;
    template <class>
    using Code = std::uint16_t;

    template <class S>
    static bool encode(const S* values, std::uint16_t* codes, Index n, const Range<S>* = nullptr) {
        Index i = 0;
#ifdef __F16C__
        if constexpr (std::same_as<S, float>) {
            for (; i + 8 <= n; i += 8) {
                _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + i),
                                 _mm256_cvtps_ph(_mm256_loadu_ps(values + i), _MM_FROUND_TO_NEAREST_INT));
            }
        }
#endif
        for (; i < n; ++i) {
            codes[i] = Eigen::numext::bit_cast<std::uint16_t>(Eigen::half(detail::to_float_once(values[i])));
        }
        unsigned outside = 0;  // infinite or NaN
        for (Index j = 0; j < n; ++j) outside |= (codes[j] & 0x7c00U) == 0x7c00U ? 1U : 0U;
        return outside == 0;
    }
    template <class S>
    static void decode(const std::uint16_t* codes, S* values, Index n, const Range<S>* = nullptr) {
        Index i = 0;
#ifdef __F16C__
        if constexpr (std::same_as<S, float>) {
            for (; i + 8 <= n; i += 8) {
                const __m128i packet = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes + i));
                _mm256_storeu_ps(values + i, _mm256_cvtph_ps(packet));
            }
        }
#endif
        for (; i < n; ++i) {
            values[i] = static_cast<S>(static_cast<float>(Eigen::numext::bit_cast<Eigen::half>(codes[i])));
        }
    }
    /// max(|value| 2^-11, 2^-25).
    template <class S>
    static double error_bound(S value, const Range<S>& = {}) noexcept {
        return std::max(std::abs(static_cast<double>(value)) * 0x1p-11, 0x1p-25);
    }
};

/// The upper half of a float, 2 bytes, rounded to nearest even: 8 bits, and the range of float.
struct BFloat16 {
    static constexpr std::string_view name = "bfloat16";
    static constexpr Ranged ranged = Ranged::none;
    template <class>
    using Code = std::uint16_t;

    template <class S>
    static bool encode(const S* values, std::uint16_t* codes, Index n, const Range<S>* = nullptr) {
        unsigned outside = 0;
        for (Index i = 0; i < n; ++i) {  // Eigen::bfloat16's rounding, without a branch for NaN
            const auto bits = std::bit_cast<std::uint32_t>(detail::to_float_once(values[i]));
            const std::uint32_t rounded = bits + 0x7fffU + ((bits >> 16) & 1U);
            codes[i] = static_cast<std::uint16_t>(rounded >> 16);
            outside |= (bits & 0x7f800000U) == 0x7f800000U ? 1U : 0U;
            outside |= (rounded & 0x7f800000U) == 0x7f800000U ? 1U : 0U;
        }
        return outside == 0;
    }
    template <class S>
    static void decode(const std::uint16_t* codes, S* values, Index n, const Range<S>* = nullptr) {
        for (Index i = 0; i < n; ++i) {
            values[i] = static_cast<S>(std::bit_cast<float>(static_cast<std::uint32_t>(codes[i]) << 16));
        }
    }
    /// max(|value| 2^-8, 2^-134).
    template <class S>
    static double error_bound(S value, const Range<S>& = {}) noexcept {
        return std::max(std::abs(static_cast<double>(value)) * 0x1p-8, 0x1p-134);
    }
};

/// 1 byte: the nearest of 256 evenly spaced values from the smallest to the largest of a unit, or of a sample at one
/// place (Geiger's compression, without leaving out zeros).
template <Ranged R>
    requires(R != Ranged::none)
struct Linear8 {
    static constexpr std::string_view name = R == Ranged::unit ? "linear8 per unit" : "linear8 per sample";
    static constexpr Ranged ranged = R;
    template <class>
    using Code = std::uint8_t;

    template <class S>
    static bool encode(const S* values, std::uint8_t* codes, Index n, const Range<S>* ranges) {
        unsigned outside = 0;
        for (Index i = 0; i < n; ++i) {
            const Range<S>& range = ranges[R == Ranged::unit ? 0 : i];
            // A division, as the compiler may not fuse it with the sum: equal values must have equal codes.
            const auto step = static_cast<double>(range.step > S(0) ? range.step : std::numeric_limits<S>::min());
            const double steps = (static_cast<double>(values[i]) - static_cast<double>(range.lowest)) / step;
            outside |= steps >= 0.0 && steps < 255.5 ? 0U : 1U;
            const double within = steps >= 0.0 ? std::min(steps, 255.0) : 0.0;
            // Halves go up, as nothing is below 0. NOLINTNEXTLINE(bugprone-incorrect-roundings)
            codes[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(within + 0.5));
        }
        return outside == 0;
    }
    template <class S>
    static void decode(const std::uint8_t* codes, S* values, Index n, const Range<S>* ranges) {
        for (Index i = 0; i < n; ++i) values[i] = ranges[R == Ranged::unit ? 0 : i].decode(codes[i]);
    }
    /// (largest - lowest) / 510 and a few roundings, whatever the value.
    template <class S>
    static double error_bound(S, const Range<S>& range) noexcept {
        return range.error_bound();
    }
};
/// 8 bits between the least and the largest value of a unit, or of a sample at a place.
using Linear8PerUnit = Linear8<Ranged::unit>;
/// The same of a sample.
using Linear8PerSample = Linear8<Ranged::sample>;

}  // namespace renn::inline RENN_ABI
// renn/tracing/to_memory.hpp - any store as one in memory, encoded if wanted.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>


namespace renn::inline RENN_ABI {

namespace detail {

/// From the smallest to the largest of some values.
template <class S>
Range<S> range_of(std::span<const S> values) {
    if (values.empty()) return {};
    const auto [lowest, largest] = std::minmax_element(values.begin(), values.end());
    return Range<S>::of(*lowest, *largest);
}

/// Smallest and largest value of each sample at a point.
template <class Source, class S = typename Source::Scalar>
std::vector<Range<S>> ranges_of_samples(const Source& source, std::uint32_t p, std::vector<S>& scratch) {
    std::vector<S> lowest, largest;
    for (std::uint32_t u = 0; u < source.points[p].units.size(); ++u) {
        for (Index d = 0; d < source.points[p].dimensions(); ++d) {
            const std::span<const S> values = source.values({p, u}, d, scratch);
            if (lowest.empty()) {
                lowest.assign(values.begin(), values.end());
                largest = lowest;
            }
            for (std::size_t s = 0; s < values.size(); ++s) {
                lowest[s] = std::min(lowest[s], values[s]);
                largest[s] = std::max(largest[s], values[s]);
            }
        }
    }
    std::vector<Range<S>> ranges(static_cast<std::size_t>(source.samples()));
    for (std::size_t s = 0; s < lowest.size(); ++s) ranges[s] = Range<S>::of(lowest[s], largest[s]);
    return ranges;
}

}  // namespace detail

/// to_memory(store): a copy in memory of any store. to_memory<Float16>(store): its values encoded, the same as if they
/// had been recorded so.
///
/// Throws   DataError naming unit and sample of a value that the encoding cannot keep.
/// Cost     every value read once, twice with ranges of samples; at most a column more memory than the result has.
template <class E = Exact, class Source>
MemoryStore<typename Source::Scalar, E> to_memory(const Source& source) {
    static_assert(Encoding<E, typename Source::Scalar>, "renn: this type is not an encoding (tracing/encoding.hpp)");
    static_assert(!is_exact<E> || !detail::Reduced<Source>,
                  "renn: this store keeps fewer bits; name its encoding: to_memory<Float16>(store)");
    using S = typename Source::Scalar;
    MemoryStore<S, E> store(detail::known_at(source, detail::all_positions(source)));
    const Index n = store.samples();
    store.reserve(n, 0);
    std::vector<S> scratch;
    for (std::uint32_t p = 0; p < store.points.size(); ++p) {
        const Point& point = store.points[p];
        if (!point.stored()) continue;
        if constexpr (E::ranged == Ranged::sample) store.ranges(p) = detail::ranges_of_samples(source, p, scratch);
        const Range<S>* range = store.ranges(p).data();
        for (std::uint32_t u = 0; u < point.units.size(); ++u) {
            for (Index d = 0; d < point.dimensions(); ++d) {
                const std::span<const S> values = source.values({p, u}, d, scratch);
                const Index column = static_cast<Index>(u) * point.dimensions() + d;
                if constexpr (E::ranged == Ranged::unit) {
                    range = store.ranges(p).data() + column;
                    if (n > 0) {
                        const auto [lowest, largest] = std::minmax_element(values.begin(), values.end());
                        store.ranges(p)[static_cast<std::size_t>(column)] = Range<S>::of(*lowest, *largest);
                    }
                }
                if (!E::encode(values.data(), store.column(p, column), n, range)) {
                    detail::refuse<E, S>("to_memory", point, column, values, range, store.ids);
                }
            }
        }
    }
    return store;
}

}  // namespace renn::inline RENN_ABI
// renn/tracing/united_store.hpp - several stores of one network, seen as one.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {

/// The samples of several stores one after another: a source for to_memory and write_store, which make one store of it
/// a column at a time. Made by unite().
///
/// Memory   what is known of each sample beside the values: 16 bytes, tag and outputs.
/// Threads  const members may run on several threads at once.
template <class S, bool Reduced = false>
class UnitedStore : public RecordedSamples<S> {
public:
    static constexpr bool reduced = Reduced;

    /// Joins another store to the end. Throws MismatchError if it is of another network, build, selection or kind of
    /// data. To be followed by index_ids() once all have come.
    template <class Store>
    void join(Store&& store) {
        auto held = detail::hold(std::forward<Store>(store));
        const auto require = [](bool equal, const std::string& what, const std::string& got, const std::string& other) {
            if (!equal) detail::raise<MismatchError>("unite", what, got, other + ", as in the first store");
        };
        auto more = detail::known_at(*held, detail::all_positions(*held));
        if (parts_.empty()) {
            static_cast<RecordedSamples<S>&>(*this) = std::move(more);
        } else {
            const auto text = [](bool has) { return std::string(has ? "some" : "none"); };
            require(more.fingerprint == this->fingerprint, "fingerprint of the network",
                    std::to_string(more.fingerprint), std::to_string(this->fingerprint));
            require(more.build == this->build, "build", more.build, this->build);
            require(more.points == this->points, "places", "others", "the same layers and units");
            require(more.class_names == this->class_names, "class names", "others", "the same");
            require(more.outputs.rows() == this->outputs.rows(), "outputs", std::to_string(more.outputs.rows()),
                    std::to_string(this->outputs.rows()));
            require(more.labels.empty() == this->labels.empty(), "labels", text(!more.labels.empty()),
                    text(!this->labels.empty()));
            if (!more.tags.empty() || !this->tags.empty()) {
                this->tags.resize(this->ids.size());
                more.tags.resize(more.ids.size());
            }
            const auto add = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
            add(this->ids, more.ids);
            add(this->labels, more.labels);
            add(this->predictions, more.predictions);
            add(this->tags, more.tags);
            this->outputs.conservativeResize(Eigen::NoChange, this->samples());
            this->outputs.rightCols(more.outputs.cols()) = more.outputs;
        }
        if (this->samples() > static_cast<Index>(std::numeric_limits<std::uint32_t>::max())) {
            detail::raise<DataError>("unite", "samples", std::to_string(this->samples()), "at most 2^32 - 1");
        }
        parts_.push_back({this->samples(),
                          [held](Unit u, Index dimension, std::vector<S>& scratch) {
                              return std::span<const S>(held->values(u, dimension, scratch));
                          },
                          [held](Unit u, Index dimension, Index sample) { return held->value(u, dimension, sample); }});
    }

    std::span<const S> values(Unit u, Index dimension, std::vector<S>& scratch) const {
        if (parts_.size() == 1) return parts_.front().values(u, dimension, scratch);
        scratch.resize(static_cast<std::size_t>(this->samples()));
        std::vector<S> own;
        auto to = scratch.begin();
        for (const Part& part : parts_) {
            const std::span<const S> some = part.values(u, dimension, own);
            to = std::copy(some.begin(), some.end(), to);
        }
        return scratch;
    }
    S value(Unit u, Index dimension, Index sample) const {
        Index before = 0;
        for (const Part& part : parts_) {
            if (sample < part.end) return part.value(u, dimension, sample - before);
            before = part.end;
        }
        detail::raise<DataError>("unite", "sample", std::to_string(sample), "below " + std::to_string(before));
    }

private:
    struct Part {
        Index end;  ///< position after its last sample
        std::function<std::span<const S>(Unit, Index, std::vector<S>&)> values;
        std::function<S(Unit, Index, Index)> value;
    };
    std::vector<Part> parts_;
};

/// unite(a, b, ...): stores of one network, wherever they keep their values, with different samples. Appending is
/// uniting with a recording of the new samples:
///
///     write_store("all.store", unite(FileStore<float>::open("old.store"), *record(net, more)));
///
/// Throws   MismatchError if the stores are not of one network, build and selection; DataError if an id is in two.
template <class First, class... More>
auto unite(First&& first, More&&... more) {
    UnitedStore<typename std::remove_cvref_t<First>::Scalar,
                (detail::Reduced<std::remove_cvref_t<First>> || ... || detail::Reduced<std::remove_cvref_t<More>>)>
        all;
    all.join(std::forward<First>(first));
    (all.join(std::forward<More>(more)), ...);
    all.index_ids();
    return all;
}

/// The same for any number of stores of one type, which must outlive what is made of them.
template <class Store>
auto unite_all(std::span<const Store> stores) {
    if (stores.empty()) detail::raise<DataError>("unite", "stores", "none", "at least 1");
    UnitedStore<typename Store::Scalar, detail::Reduced<Store>> all;
    for (const Store& store : stores) all.join(store);
    all.index_ids();
    return all;
}

}  // namespace renn::inline RENN_ABI
// renn/tracing/write_reduced.hpp - any store as a file of values in half precision or 8 bits.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {

namespace detail {

template <class E>
concept Reducing = Encoding<E, float> && !is_exact<E>;

}  // namespace detail

/// write_store<Float16>("half.store", store): values encoded, the same as to_memory<Float16>(store) keeps, for
/// FileStore<float, Float16>. Codes of a store that is encoded so already are taken as they are. The file has no sorted
/// columns: an index is built over decoded values.
///
/// Returns  false if the callback cancelled; no file is left then.
/// Throws   FormatError naming file and cause if it cannot be written, DataError naming unit and sample of a value that
///          the encoding cannot keep.
/// Cost     every value read once, twice with ranges of samples; memory two columns.
template <detail::Reducing E, ActivationStore Source, class System = detail::SystemCalls>
bool write_store(const std::string& path, const Source& source, const WriteOptions& options = {}, System system = {}) {
    using S = typename Source::Scalar;
    using Code = typename E::template Code<S>;
    static_assert(detail::stored_kind<S, E>() != detail::scalar_kind<S>, "renn: store files have no such encoding");
    constexpr bool as_it_is = requires {
        requires std::same_as<typename Source::Encoding, E>;
    };

    auto [head, what] = detail::describe_store(source, false, options.data);
    head.scalar = detail::stored_kind<S, E>();
    std::vector<detail::Block> blocks;
    std::uint64_t columns = 0;
    for (const detail::Block& block : what.blocks) {
        blocks.push_back(block);
        if (block.kind != detail::BlockKind::columns) continue;
        columns += static_cast<std::uint64_t>(what.points[block.point].columns());
        if (E::ranged == Ranged::sample) blocks.push_back({detail::BlockKind::sample_ranges, block.point, 0, 0});
    }
    what.blocks = std::move(blocks);
    detail::StoreOutput<S, System> out(path, head, std::move(what), std::move(system));
    detail::write_samples(out, source);

    const Index n = source.samples();
    const auto count = static_cast<std::size_t>(n);
    std::vector<S> scratch;
    std::vector<Code> codes(count);
    std::vector<Range<S>> ranges;
    std::uint64_t done = 0;
    for (const detail::Block& block : out.description().blocks) {
        if (block.kind != detail::BlockKind::columns) continue;
        const Point& point = source.points[block.point];
        if constexpr (E::ranged == Ranged::sample && as_it_is) {
            const Range<S>* own = source.range(block.point, 0, 0);
            ranges.assign(own, own + count);
        } else if constexpr (E::ranged == Ranged::sample) {
            ranges = detail::ranges_of_samples(source, block.point, scratch);
        }
        for (Index column = 0; column < point.columns(); ++column) {
            if constexpr (as_it_is) {
                std::copy_n(source.column(block.point, column), n, codes.begin());
                if constexpr (E::ranged == Ranged::unit) ranges.assign(1, *source.range(block.point, column, 0));
            } else {
                const Unit unit{block.point, static_cast<std::uint32_t>(column / point.dimensions())};
                const std::span<const S> values = source.values(unit, column % point.dimensions(), scratch);
                if constexpr (E::ranged == Ranged::unit) ranges.assign(1, detail::range_of(values));
                if (!E::encode(values.data(), codes.data(), n, ranges.data())) {
                    std::vector<std::uint64_t> ids(count);
                    for (std::size_t s = 0; s < count; ++s) ids[s] = source.ids[s];
                    detail::refuse<E, S>("write_store", point, column, values, ranges.data(), ids);
                }
            }
            if constexpr (E::ranged == Ranged::unit) {
                out.write(std::span<const Range<S>>(ranges));
                out.pad();
            }
            out.write(std::span<const Code>(codes));
            out.pad();
            if (options.progress && !options.progress({++done, columns, "writing"})) return false;
        }
        if constexpr (E::ranged == Ranged::sample) {
            out.write(std::span<const Range<S>>(ranges));
            out.pad();
        }
    }
    out.finish();
    return true;
}

}  // namespace renn::inline RENN_ABI
// renn/training/heads.hpp - the report's first two ideas: a second output that names training samples.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {

/// Hands on its input and, while `stop` is set, no gradient: what stands behind it learns without teaching what stands
/// before it.
template <std::floating_point S = float>
struct Detach {
    using Scalar = S;
    using Parameters = NoParameters;
    using Cache = NoCache;
    static constexpr std::string_view name = "Detach";

    bool stop = true;

    static const Parameters& parameters() noexcept {
        static constexpr NoParameters none;
        return none;
    }
    static void forward(const Parameters&, const BatchView<S>& x, Batch<S>& y, Cache&, const Pass&) { y = x; }
    template <class Dx, class G>
    void backward(const Parameters&, const BatchView<S>&, const BatchView<S>&, Cache&, const BatchView<S>& dy, Dx& dx,
                  G&) const {
        if constexpr (is_wanted<Dx>) {
            dx = dy;
            if (stop) dx.setZero();
        }
    }
};

/// How a head is made.
struct HeadOptions {
    bool detach = true;  ///< the task's weights come out bit for bit as they would without the head
    std::uint64_t seed = 0;
};

/// A linear head on the activations of a trunk.
template <class S = float>
using Head = Network<Detach<S>, Dense<S>>;

/// A head of `outputs` values on a trunk that puts out `width`: the dimension of identity vectors, or one output a
/// sample.
template <class S = float>
Head<S> make_head(Index width, Index outputs, const HeadOptions& options = {}) {
    return Head<S>(Detach<S>{options.detach}, Dense<S>(width, outputs, options.seed));
}

/// The trunk, then task and head side by side on its output: the task's outputs first, the head's below them. All three
/// are networks. Train it with fit and a JointLoss.
///
///     auto joint = with_head(trunk, task, make_head(128, 3));
///     fit(joint, with_identities(data, 3), {}, JointLoss{.head = 3, .lambda = 0.1}, Adam{}, {.epochs = 10});
template <class Trunk, class Task, class H>
auto with_head(Trunk trunk, Task task, H head) {
    return Network(std::move(trunk), Concatenate(std::move(task), std::move(head)));
}

/// Trunk and task alone, with the weights they have now.
template <class Trunk, class Task, class H>
Network<Trunk, Task> without_head(const Network<Trunk, Concatenate<Task, H>>& joint) {
    Trunk trunk = joint.template layer<0>();
    Task task = joint.template layer<1>().template branch<0>();
    trunk.parameters() = std::get<0>(joint.parameters().layers);
    task.parameters() = std::get<0>(std::get<1>(joint.parameters().layers).branches);
    return Network(std::move(trunk), std::move(task));
}

/// What a head names samples by.
enum class Naming : std::uint8_t {
    vector,  ///< a vector of few dimensions, made small by squared error
    unit,    ///< an output of its own, by cross-entropy over all of them
};

/// L = L_task + lambda L_head, of the first outputs and of the last `head` ones. Data have the labels or targets of the
/// task; below those targets, if any, stands what the head is to say, as with_identities and with_numbers put it.
///
/// With Detach the task's gradient is the one it would be without a head. Not so with clipping by the norm of all
/// gradients, or random layers inside the task's own network, which draw by their place.
template <class Task = CrossEntropy>
struct JointLoss {
    Index head = 0;  ///< outputs of the head
    double lambda = 1.0;
    Naming naming = Naming::vector;
    Task task = {};

    Index answer_rows(Index outputs) const { return outputs - head; }

    template <class S>
    double weight(const BatchView<S>& y, const Targets<S>& targets) const {
        return detail::loss_weight<S>(task, BatchView<S>(y.topRows(y.rows() - head)), targets);
    }

    /// Throws DataError or ShapeError unless the data have what both losses want.
    template <class S>
    void check(const Dataset<S>& data, Index outputs) const {
        const Index answers = outputs - head, own = naming == Naming::vector ? head : 1;
        if (head < 1 || answers < 1) {
            detail::raise<DataError>("JointLoss", "head", std::to_string(head), "1.." + std::to_string(outputs - 1));
        }
        if (!(lambda >= 0.0) || std::isinf(lambda)) {
            detail::raise<DataError>("JointLoss", "lambda", std::to_string(lambda), "finite and 0 or more");
        }
        const Index rows = data.targets().rows(), wanted = own + (data.has_labels() ? 0 : answers);
        if (rows != wanted) {
            detail::raise<ShapeError>(
                "JointLoss", "targets", std::to_string(rows) + " a sample",
                std::to_string(wanted) + ": what the head is to say" + (data.has_labels() ? "" : ", below the task's"));
        }
        if (data.has_labels() && data.classes() > std::max<Index>(answers, 2)) {
            detail::raise<DataError>("JointLoss", "classes", std::to_string(data.classes()),
                                     "at most " + std::to_string(answers) + ", the task's outputs");
        }
        if (naming == Naming::unit && !(data.targets().row(rows - 1).maxCoeff() < static_cast<S>(head))) {
            detail::raise<DataError>("JointLoss", "samples", "more than the head has outputs",
                                     "at most " + std::to_string(head));
        }
    }

    template <class S>
    double operator()(const BatchView<S>& y, const Targets<S>& targets, Batch<S>& gradient) const {
        const Index answers = y.rows() - head, own = naming == Naming::vector ? head : 1;
        const Batch<S> wanted = targets.values->topRows(targets.values->rows() - own);
        const Batch<S> named = targets.values->bottomRows(own);
        detail::reshape(gradient, y.rows(), y.cols());
        Batch<S> part;
        const bool labelled = !targets.labels.empty();
        double total =
            task(BatchView<S>(y.topRows(answers)), Targets<S>{targets.labels, labelled ? nullptr : &wanted}, part);
        gradient.topRows(answers) = part;
        const BatchView<S> said(y.bottomRows(head));
        if (naming == Naming::vector) {
            total += lambda * MeanSquaredError{}(said, Targets<S>{{}, &named}, part);
        } else {
            std::vector<std::int32_t> numbers;
            for (Index j = 0; j < named.cols(); ++j) numbers.push_back(static_cast<std::int32_t>(named(0, j)));
            total += lambda * CrossEntropy{}(said, Targets<S>{numbers, nullptr}, part);
        }
        gradient.bottomRows(head) = static_cast<S>(lambda) * part;
        return total;
    }
};

namespace detail {

/// The data with these rows below their targets.
template <class S>
Dataset<S> with_targets_below(const Dataset<S>& data, const Batch<S>& rows) {
    DatasetDescription<S> more = data.description();
    Batch<S> all(data.targets().rows() + rows.rows(), data.samples());
    if (data.has_targets()) all.topRows(data.targets().rows()) = data.targets();
    all.bottomRows(rows.rows()) = rows;
    more.targets = std::move(all);
    return data.holds_bytes() ? Dataset<S>(data.pixels(), std::move(more)) : Dataset<S>(data.values(), std::move(more));
}

}  // namespace detail

/// The data with an identity vector a sample, uniform in [0, 1), drawn by sample id.
/// Throws   DataError for no samples or a dimension below 1.
template <class S>
Dataset<S> with_identities(const Dataset<S>& data, Index dimension, std::uint64_t seed = 0) {
    if (data.empty()) detail::raise<DataError>("with_identities", "samples", "0", "1 or more");
    if (dimension < 1) detail::raise<DataError>("with_identities", "dimension", std::to_string(dimension), "1 or more");
    Batch<S> identities(dimension, data.samples());
    for (Index s = 0; s < data.samples(); ++s) {
        Rng rng(mix(seed, data.id(s)));
        for (Index d = 0; d < dimension; ++d) identities(d, s) = static_cast<S>(rng.uniform());
    }
    return detail::with_targets_below(data, identities);
}

/// The data with the number of each sample, its position: of its output in a head with one output a sample.
/// Throws   DataError for no samples or more than S has exact numbers for.
template <class S>
Dataset<S> with_numbers(const Dataset<S>& data) {
    if (data.empty()) detail::raise<DataError>("with_numbers", "samples", "0", "1 or more");
    if (data.samples() > Index{1} << 24) {
        detail::raise<DataError>("with_numbers", "samples", std::to_string(data.samples()), "at most 2^24");
    }
    Batch<S> numbers(1, data.samples());
    for (Index s = 0; s < data.samples(); ++s) numbers(0, s) = static_cast<S>(s);
    return detail::with_targets_below(data, numbers);
}

/// A training sample that a head names.
struct NamedSample {
    std::uint64_t id = 0;
    double value = 0.0;  ///< distance of its identity vector, or its share of the softmax over all units

    bool operator==(const NamedSample&) const = default;
};

/// Reads the outputs of one query: the k samples with the closest identity vectors, nearest first, or those with the
/// largest units, equal ones by ascending id; fewer if there are fewer. `data` is what with_identities or with_numbers
/// made.
///
/// A caveat of the RENN report: the vector is an average over all the data the network used, and what lies closest to
/// it is not what was averaged. Two sources at opposite corners point to a third one halfway. The retrace of neurons
/// has no such fault.
///
/// Shapes   outputs: of the joint network for one query.
/// Throws   ShapeError if there are fewer outputs than the head has; DataError for data without what the head says.
template <class S>
std::vector<NamedSample> named_samples(const Column<S>& outputs, const Dataset<S>& data, Naming naming, Index head,
                                       std::size_t k) {
    const Index own = naming == Naming::vector ? head : 1;
    if (head < 1 || outputs.size() < head) {
        detail::raise<ShapeError>("named_samples", "outputs", std::to_string(outputs.size()),
                                  std::to_string(head) + " or more, the head's");
    }
    if (data.targets().rows() < own) {
        detail::raise<DataError>("named_samples", "targets", std::to_string(data.targets().rows()) + " a sample",
                                 "those of with_identities or with_numbers");
    }
    const Column<double> said = outputs.tail(head).template cast<double>();
    std::vector<NamedSample> named;
    if (naming == Naming::vector) {
        for (Index s = 0; s < data.samples(); ++s) {
            const auto identity = data.targets().col(s).tail(head).template cast<double>();
            named.push_back({data.id(s), (identity - said).norm()});
        }
    } else {
        const Column<double> parts = (said.array() - said.maxCoeff()).exp();
        for (Index s = 0; s < std::min(head, data.samples()); ++s)
            named.push_back({data.id(s), parts[s] / parts.sum()});
    }
    k = std::min(k, named.size());
    std::partial_sort(named.begin(), named.begin() + static_cast<std::ptrdiff_t>(k), named.end(),
                      [naming](const NamedSample& a, const NamedSample& b) {
                          if (a.value != b.value) return (a.value < b.value) == (naming == Naming::vector);
                          return a.id < b.id;
                      });
    named.resize(k);
    return named;
}

}  // namespace renn::inline RENN_ABI
