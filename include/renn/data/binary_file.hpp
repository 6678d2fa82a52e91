// SPDX-License-Identifier: MIT
// renn/data/binary_file.hpp - reading and writing files whose lengths nobody has promised.
#pragma once

#include <cstdint>
#include <fstream>
#include <istream>
#include <limits>
#include <string>

#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI::detail {

/// product *= factor, or false if that does not fit a signed 64-bit number.
constexpr bool multiply(std::uint64_t& product, std::uint64_t factor) {
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (factor != 0 && product > most / factor) return false;
    product *= factor;
    return true;
}

/// A file open for reading that knows its size, so that a length is checked before memory is asked for.
/// Throws FormatError `where: path: ...` from every member.
class InputFile {
public:
    InputFile(const char* where, const std::string& path)
        : context_(where + (": " + path)), file_(path, std::ios::binary) {
        if (!file_) fail("cannot be opened");
        take_size();
    }
    /// The same over somebody else's stream that can be sought in and lives longer; `name` stands for it in messages.
    InputFile(const char* where, std::istream& in, const std::string& name)
        : context_(where + (": " + name)), given_(&in) {
        take_size();
    }

    std::uint64_t size() const noexcept { return size_; }

    /// Reads exactly count bytes; the file must hold them.
    void read(void* to, std::uint64_t count) {
        require(read_ + count);
        in().read(static_cast<char*>(to), static_cast<std::streamsize>(count));
        if (!in()) fail("cannot be read (not a regular file?)");
        read_ += count;
    }

    /// The same from anywhere; what read() reads next lies behind it.
    void read_at(std::uint64_t offset, void* to, std::uint64_t count) {
        if (offset > size_ || count > size_ - offset) require(std::numeric_limits<std::uint64_t>::max());
        in().seekg(static_cast<std::streamoff>(offset));
        read_ = offset;
        read(to, count);
    }

    /// The file must be at least this long.
    void require(std::uint64_t length) const {
        if (size_ < length) fail("truncated", bytes_text(size_), bytes_text(length) + " or more");
    }

    /// The file must be this long; to be asked before the payload is allocated.
    void require_exactly(std::uint64_t length) const {
        if (size_ < length) fail("truncated", bytes_text(size_), bytes_text(length));
        if (size_ > length) fail("trailing bytes", bytes_text(size_), bytes_text(length));
    }

    [[noreturn]] void fail(const std::string& what) const { raise<FormatError>(context_, what); }
    [[noreturn]] void fail(const std::string& what, const std::string& got, const std::string& expected) const {
        raise<FormatError>(context_, what, got, expected);
    }

    const std::string& context() const noexcept { return context_; }

private:
    std::istream& in() noexcept { return given_ != nullptr ? *given_ : file_; }

    void take_size() {
        in().seekg(0, std::ios::end);
        const std::streamoff end = in().tellg();
        in().seekg(0, std::ios::beg);
        if (!in() || end < 0) fail("has no size (not a regular file?)");
        size_ = static_cast<std::uint64_t>(end);
    }

    static std::string bytes_text(std::uint64_t n) { return std::to_string(n) + (n == 1 ? " byte" : " bytes"); }

    std::string context_;
    std::ifstream file_;
    std::istream* given_ = nullptr;  // instead of the file
    std::uint64_t size_ = 0;
    std::uint64_t read_ = 0;
};

/// Writes head and payload as one file. Throws FormatError if the file cannot be created or written.
inline void write_file(const char* where, const std::string& path, const std::string& head, const void* payload,
                       std::uint64_t count) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    if (!out) raise<FormatError>(where + (": " + path), "cannot be created");
    out.write(head.data(), static_cast<std::streamsize>(head.size()));
    out.write(static_cast<const char*>(payload), static_cast<std::streamsize>(count));
    out.close();
    if (!out) raise<FormatError>(where + (": " + path), "cannot be written (disk full?)");
}

}  // namespace renn::inline RENN_ABI::detail
