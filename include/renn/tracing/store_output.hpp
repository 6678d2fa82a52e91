// SPDX-License-Identifier: MIT
// renn/tracing/store_output.hpp - a store file written from its first byte to its last.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/io/checksum.hpp>
#include <renn/io/file_writer.hpp>
#include <renn/tracing/pages.hpp>
#include <renn/tracing/store_description.hpp>
#include <renn/tracing/store_head.hpp>
#include <renn/tracing/store_layout.hpp>

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
        sums_.reserve(chunk_count(head_.table_offset));
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
