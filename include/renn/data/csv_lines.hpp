// SPDX-License-Identifier: MIT
// renn/data/csv_lines.hpp - the text of a CSV file, line by line, field by field.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <istream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/error.hpp>

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
