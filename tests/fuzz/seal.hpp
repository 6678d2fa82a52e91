// SPDX-License-Identifier: MIT
// fuzz/seal.hpp - gives a file lengths and checksums that fit what it holds, which a fuzzer would not find.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <renn/io/checksum.hpp>
#include <renn/io/frame.hpp>
#include <renn/tracing/journal_segment.hpp>
#include <renn/tracing/store_description.hpp>
#include <renn/tracing/store_head.hpp>
#include <renn/tracing/store_layout.hpp>

namespace renn::test {

/// A framed file (io/frame.hpp).
inline std::string sealed_frame(std::string_view content, std::uint32_t scalar_bytes, std::string_view payload) {
    detail::FrameHead head{};
    std::copy(detail::FrameHead::magic.begin(), detail::FrameHead::magic.end(), head.magic_bytes);
    head.version = detail::FrameHead::current_version;
    head.byte_order = detail::FrameHead::order_mark;
    std::copy(content.begin(), content.end(), head.content);
    head.scalar_bytes = scalar_bytes;
    head.payload_bytes = payload.size();
    head.payload_checksum = detail::checksum_of(payload.data(), payload.size());
    head.head_checksum = detail::checksum_of(&head, offsetof(detail::FrameHead, head_checksum));
    return std::string(reinterpret_cast<const char*>(&head), sizeof(head)).append(payload);
}

inline detail::StoreHead head_of(const std::string& file) {
    detail::StoreHead head;
    std::memcpy(static_cast<void*>(&head), file.data(), sizeof(head));
    return head;
}

/// A store file, from whatever its table of checksums was found to begin at; the table ends it.
inline std::string sealed_store(std::string file) {
    if (file.size() < detail::store_head_bytes) return file;
    detail::StoreHead head = head_of(file);
    file.resize(static_cast<std::size_t>(
        std::clamp<std::uint64_t>(head.table_offset, detail::store_head_bytes, detail::aligned(file.size()))));
    std::vector<std::uint64_t> sums;
    for (std::size_t at = detail::store_head_bytes; at < file.size(); at += detail::chunk_bytes) {
        sums.push_back(
            detail::checksum_of(file.data() + at, std::min<std::size_t>(detail::chunk_bytes, file.size() - at)));
    }
    const std::size_t table_bytes = sums.size() * sizeof(sums[0]);
    head.table_bytes = table_bytes;
    head.table_checksum = detail::checksum_of(sums.data(), table_bytes);
    head.file_bytes = file.size() + table_bytes;
    const std::vector<char> page = detail::head_page(head);
    std::copy(page.begin(), page.end(), file.begin());
    return file.append(reinterpret_cast<const char*>(sums.data()), table_bytes);
}

/// One segment of a journal; false where it cannot be one.
inline bool seal_segment(std::string& file, std::uint64_t journal, const detail::StoreDescription<float>& what,
                         std::uint64_t begin, std::uint64_t& end) {
    detail::SegmentHead head;
    if (file.size() < begin + sizeof(head)) return false;
    char* at = file.data() + begin;
    std::memcpy(static_cast<void*>(&head), at, sizeof(head));
    const std::uint64_t rest = file.size() - begin, columns = detail::column_count(what.points);
    if (head.samples > rest || head.tag_bytes > rest || columns > rest || what.outputs > 1000) return false;
    const detail::SegmentLayout lies(what, columns, head.samples, head.tag_bytes);
    if (lies.bytes > rest) return false;
    head.bytes = lies.bytes;
    for (std::uint64_t c = 0; c < columns; ++c) {
        const std::uint64_t piece = head.samples * sizeof(float);
        const std::uint64_t sum = detail::checksum_of(at + lies.values + c * piece, static_cast<std::size_t>(piece));
        std::memcpy(at + lies.column_sums + c * sizeof(sum), &sum, sizeof(sum));
    }
    head.checksum = detail::segment_checksum(journal, head, at + sizeof(head), lies.values - sizeof(head));
    std::memcpy(at, &head, sizeof(head));
    end = begin + lies.bytes;
    return true;
}

inline std::string sealed_journal(std::string file) {
    if (file.size() < detail::store_head_bytes) return file;
    detail::StoreHead head = head_of(file);
    const std::size_t rest = file.size() - detail::store_head_bytes;
    const auto text = static_cast<std::size_t>(std::min<std::uint64_t>(head.description_bytes, rest));
    head.description_checksum = detail::checksum_of(file.data() + detail::store_head_bytes, text);
    const std::vector<char> page = detail::head_page(head);
    std::copy(page.begin(), page.end(), file.begin());
    try {
        const auto what = detail::read_description<float>("fuzz", file.substr(detail::store_head_bytes, text));
        std::uint64_t begin = detail::aligned(detail::store_head_bytes + text);
        const std::uint64_t journal = head_of(file).head_checksum;
        while (seal_segment(file, journal, what, begin, begin)) {
        }
    } catch (const Error&) {  // a reader will not come to the segments either
    }
    return file;
}

}  // namespace renn::test
