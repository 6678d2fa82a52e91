// SPDX-License-Identifier: MIT
// renn/io/mapped_file.hpp - a whole file as memory, read page by page when it is looked at.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI::detail {

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
        void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file, 0);
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
        if (data_ != nullptr) ::munmap(data_, size_);
    }

    const char* data() const noexcept { return data_; }
    std::uint64_t size() const noexcept { return size_; }

    /// Brings all of it into memory in one go: 42 scattered pages of a cold file cost twice as much as reading 64 MB.
    void populate() const noexcept {
        if (data_ == nullptr) return;
#ifdef MADV_POPULATE_READ
        if (::madvise(data_, size_, MADV_POPULATE_READ) == 0) return;
#endif
        static_cast<void>(::madvise(data_, size_, MADV_WILLNEED));
    }

private:
    char* data_ = nullptr;
    std::uint64_t size_ = 0;
};

}  // namespace renn::inline RENN_ABI::detail
