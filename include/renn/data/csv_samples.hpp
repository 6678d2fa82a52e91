// SPDX-License-Identifier: MIT
// renn/data/csv_samples.hpp - the lines of a table as samples, one by one.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
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
#include <renn/data/csv_options.hpp>

namespace renn::inline RENN_ABI::detail {

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
    const CsvGaps& gaps() const noexcept { return gaps_; }

    /// Appends one sample; false at the end. A missing feature that is to become the mean is NaN until fill().
    bool next(std::istream& in, std::vector<S>& inputs, std::vector<S>& targets, std::vector<std::int32_t>& labels,
              std::vector<std::uint64_t>& ids) {
        for (; more_; more_ = lines_.next(in)) {
            if (lines_.size() != width_) {
                lines_.template fail<FormatError>("fields", std::to_string(lines_.size()),
                                                  std::to_string(width_) + ", as in the first line");
            }
            if (left_out()) continue;
            for (const std::size_t c : features_) inputs.push_back(feature(c));
            for (const std::size_t c : targets_) targets.push_back(number(c));
            if (label_) labels.push_back(label(*label_));
            if (id_) ids.push_back(id(*id_));
            more_ = lines_.next(in);
            return true;
        }
        return false;
    }

    /// Puts means where features were missing. Throws DataError if all of a column are.
    void fill(Batch<S>& inputs) const {
        if (gaps_.filled == 0) return;
        for (std::size_t f = 0; f < features_.size(); ++f) {
            auto row = inputs.row(static_cast<Index>(f));
            double mean = 0.0;
            Index known = 0;
            for (const S value : row) {
                if (!std::isnan(value)) mean += (static_cast<double>(value) - mean) / static_cast<double>(++known);
            }
            if (known == 0) {
                raise<DataError>(lines_.context() + ": " + column_text(features_[f]), "values", "missing ones only",
                                 "1 or more that a mean can be taken of");
            }
            for (S& value : row) value = std::isnan(value) ? static_cast<S>(mean) : value;
        }
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

    std::string column_text(std::size_t c) const {
        return "column " + std::to_string(c + 1) + (options_.header ? " (" + header_[c] + ")" : std::string());
    }

    template <class E>
    [[noreturn]] void fail(std::size_t c, const char* what, const std::string& expected) const {
        raise<E>(lines_.context() + ": line " + std::to_string(lines_.line()) + ", " + column_text(c), what,
                 detail::quoted(lines_[c]), expected);
    }

    bool missing(std::size_t c) const {
        static constexpr std::string_view usual[] = {"", "?", "NA", "N/A", "NaN", "nan", "NULL", "null"};
        const auto& texts = options_.missing_texts;
        if (texts.empty()) return std::find(std::begin(usual), std::end(usual), lines_[c]) != std::end(usual);
        return std::find(texts.begin(), texts.end(), lines_[c]) != texts.end();
    }

    /// Whether the sample of this line is to be skipped.
    bool left_out() {
        if (options_.missing == CsvMissing::refuse) return false;
        const auto gap = [this](std::size_t c) { return missing(c); };
        const bool gaps =
            (label_ && gap(*label_)) || (id_ && gap(*id_)) || std::any_of(targets_.begin(), targets_.end(), gap) ||
            (options_.missing == CsvMissing::skip && std::any_of(features_.begin(), features_.end(), gap));
        gaps_.skipped += gaps ? 1U : 0U;
        return gaps;
    }

    S feature(std::size_t c) {
        if (options_.missing != CsvMissing::mean || !missing(c)) return number(c);
        ++gaps_.filled;
        return std::numeric_limits<S>::quiet_NaN();
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
    CsvGaps gaps_;
    bool more_ = false;  // the reader stands on a line of samples
};

}  // namespace renn::inline RENN_ABI::detail
