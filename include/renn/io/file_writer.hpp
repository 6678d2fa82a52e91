// SPDX-License-Identifier: MIT
// renn/io/file_writer.hpp - writes files for good: every call's failure is an error that names file and cause.
#pragma once

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

#include <renn/core/error.hpp>

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
