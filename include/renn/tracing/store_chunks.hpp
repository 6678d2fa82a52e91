// SPDX-License-Identifier: MIT
// renn/tracing/store_chunks.hpp - a mapped store file whose chunks are checked when they are first read.
#pragma once

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

#include <renn/core/error.hpp>
#include <renn/io/checksum.hpp>
#include <renn/io/mapped_file.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/store_description.hpp>
#include <renn/tracing/store_head.hpp>
#include <renn/tracing/store_layout.hpp>

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
        if (checksum_of(table_, head_.table_bytes) != head_.table_checksum) {
            raise<FormatError>(where_, "damaged: the table of checksums");
        }
        words_ = (chunks() + 63) / 64;
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
    /// elsewhere is none of its business.
    /// Cost   a bit a chunk, once it was checked.
    void check(const void* from, std::uint64_t bytes) const {
        const std::uint64_t first = reinterpret_cast<std::uintptr_t>(from) - reinterpret_cast<std::uintptr_t>(begin_);
        if (first >= length_ || bytes == 0) return;
        const std::uint64_t last = (first + std::min(bytes, length_ - first) - 1) / chunk_bytes;
        for (std::uint64_t chunk = first / chunk_bytes; chunk <= last; ++chunk) {
            const std::uint64_t word = bits_[chunk / 64].load(std::memory_order_acquire);
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
        if (checksum_of(at(begin), end - begin) != expected) {
            raise<FormatError>(where_, "damaged: the checksum of chunk " + number + " is wrong" + content(begin, end));
        }
        auto block =
            std::partition_point(blocks_.begin(), blocks_.end(), [begin](const Block& b) { return b.end() <= begin; });
        for (; block != blocks_.end() && block->offset < end; ++block) {
            if (!possible(*block, std::max(begin, block->offset), std::min(end, block->end()))) {
                raise<FormatError>(where_, "damaged: impossible numbers in chunk " + number + content(begin, end));
            }
        }
        bits_[chunk / 64].fetch_or(std::uint64_t{1} << (chunk % 64), std::memory_order_release);
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
        const auto count = (end - begin) / sizeof(S);
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
