// SPDX-License-Identifier: MIT
// support/faulty_system.hpp - system calls of which one, chosen by its number, goes wrong.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <renn/io/file_writer.hpp>

namespace renn::test {

/// Like the system's, without waiting for the disk. Call number `fail_at` returns an error, or is interrupted (EINTR),
/// or writes a part; copies count together.
class FaultySystem : public detail::SystemCalls {
public:
    enum Fault : std::uint8_t { error, interrupted, part };

    FaultySystem() = default;
    FaultySystem(int fail_at, int cause, Fault fault = error) : fail_at_(fail_at), cause_(cause), fault_(fault) {}

    /// Whether the call that was to go wrong was made.
    bool struck() const { return *calls_ > fail_at_; }

    int open(const char* path, int flags, int mode) const {
        if (fault_ == error && strikes()) return -1;
        return SystemCalls::open(path, flags, mode);
    }
    std::ptrdiff_t pwrite(int file, const void* bytes, std::size_t count, std::uint64_t offset) const {
        if (strikes()) {
            if (fault_ != part) return -1;
            count = (count + 1) / 2;
        }
        return SystemCalls::pwrite(file, bytes, count, offset);
    }
    void start_writing(int, std::uint64_t, std::uint64_t) const noexcept {}
    int truncate(int file, std::uint64_t length) const {
        return fault_ == error && strikes() ? -1 : SystemCalls::truncate(file, length);
    }
    int fsync(int) const { return fault_ != part && strikes() ? -1 : 0; }
    int close(int file) const {
        const int done = SystemCalls::close(file);  // the file is closed in any case
        return fault_ == error && strikes() ? -1 : done;
    }
    int rename(const char* from, const char* to) const {
        return fault_ == error && strikes() ? -1 : SystemCalls::rename(from, to);
    }
    int remove(const char* path) const { return fault_ == error && strikes() ? -1 : SystemCalls::remove(path); }

private:
    bool strikes() const {
        if ((*calls_)++ != fail_at_) return false;
        errno = fault_ == interrupted ? EINTR : cause_;
        return true;
    }

    int fail_at_ = -1;
    int cause_ = 0;
    Fault fault_ = error;
    std::shared_ptr<std::atomic<int>> calls_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace renn::test
