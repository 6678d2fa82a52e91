// SPDX-License-Identifier: MIT
// renn/io/frame.hpp - the head of every renn file: what it is, and that it arrived whole.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <istream>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/data/binary_file.hpp>
#include <renn/io/checksum.hpp>

namespace renn::inline RENN_ABI::detail {

/// 64 bytes before the payload, all of them checked before anything is allocated or parsed:
///
///     0  magic, 8 bytes          24  scalar bytes, u32         48  zero
///     8  format version, u32     28  zero                      56  checksum of bytes 0..55, u64
///     12 byte order mark, u32    32  payload bytes, u64
///     16 content, 8 characters   40  payload checksum, u64
struct FrameHead {
    static constexpr std::string_view magic{"\x89RENN\r\n\x1a", 8};
    static constexpr std::uint32_t current_version = 1;
    static constexpr std::uint32_t order_mark = 0x01020304;

    char magic_bytes[8];
    std::uint32_t version;
    std::uint32_t byte_order;
    char content[8];
    std::uint32_t scalar_bytes;
    std::uint32_t zero = 0;
    std::uint64_t payload_bytes;
    std::uint64_t payload_checksum;
    std::uint64_t zero_too = 0;
    std::uint64_t head_checksum;
};
static_assert(sizeof(FrameHead) == 64);

/// The head of a payload.
inline FrameHead make_head(std::string_view content, std::uint32_t scalar_bytes, std::uint64_t payload_bytes,
                           std::uint64_t payload_checksum) {
    FrameHead head{};
    std::copy(FrameHead::magic.begin(), FrameHead::magic.end(), head.magic_bytes);
    head.version = FrameHead::current_version;
    head.byte_order = FrameHead::order_mark;
    std::copy(content.begin(), content.end(), head.content);
    head.scalar_bytes = scalar_bytes;
    head.payload_bytes = payload_bytes;
    head.payload_checksum = payload_checksum;
    head.head_checksum = checksum_of(&head, offsetof(FrameHead, head_checksum));
    return head;
}

/// Checksum of the next `count` bytes of a file.
inline std::uint64_t checksum_of(InputFile& file, std::uint64_t count) {
    Checksum sum;
    std::vector<char> buffer(std::size_t{1} << 16);
    while (count > 0) {
        const std::uint64_t piece = std::min<std::uint64_t>(count, buffer.size());
        file.read(buffer.data(), piece);
        sum.add(buffer.data(), static_cast<std::size_t>(piece));
        count -= piece;
    }
    return sum.value();
}

/// Writes a framed file: `payload(stream)` writes what follows the head. The file appears under its name only when it
/// is whole. Throws FormatError if it cannot be written.
template <class Payload>
void write_frame(const std::string& path, std::string_view content, std::uint32_t scalar_bytes, Payload&& payload) {
    const std::string partial = path + ".partial";
    struct Remove {
        const std::string& path;
        bool armed = true;
        ~Remove() {
            if (armed) std::remove(path.c_str());
        }
    } remove{partial};
    const auto require = [&path](bool fine, const char* what) {
        if (!fine) raise<FormatError>("save: " + path, what);
    };

    FrameHead head{};
    {
        std::ofstream out(partial, std::ios::binary | std::ios::trunc);
        require(static_cast<bool>(out), "cannot be created");
        out.write(reinterpret_cast<const char*>(&head), sizeof(head));
        payload(out);
        out.close();
        require(static_cast<bool>(out), "cannot be written (disk full?)");
    }
    {
        InputFile written("save", partial);
        std::array<char, sizeof(head)> skip;
        written.read(skip.data(), skip.size());
        const std::uint64_t bytes = written.size() - sizeof(head);
        head = make_head(content, scalar_bytes, bytes, checksum_of(written, bytes));
    }
    {
        std::fstream out(partial, std::ios::binary | std::ios::in | std::ios::out);
        out.write(reinterpret_cast<const char*>(&head), sizeof(head));
        out.close();
        require(static_cast<bool>(out), "cannot be written (disk full?)");
    }
    require(std::rename(partial.c_str(), path.c_str()) == 0, "cannot be renamed into place");
    remove.armed = false;
}

inline std::string content_text(const char (&content)[8]) {
    const std::string_view all(content, sizeof(content));
    const std::string_view text = all.substr(0, all.find('\0'));
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    return plain ? std::string(text) : "something else";
}

/// The first bytes of the head, as many as there are: whether this is a renn file at all.
inline void check_magic(const std::string& where, const FrameHead& head, std::uint64_t count) {
    if (!std::equal(head.magic_bytes, head.magic_bytes + std::min<std::uint64_t>(count, FrameHead::magic.size()),
                    FrameHead::magic.begin())) {
        raise<FormatError>(where, "not a renn file");
    }
}

/// All of the head but the payload's length. Throws as check_frame.
inline void check_head(const std::string& where, const FrameHead& head, std::string_view content,
                       std::uint32_t scalar_bytes) {
    if (head.byte_order == std::uint32_t{0x04030201}) {
        raise<FormatError>(where, "written on a machine of the other byte order");
    }
    if (head.version > FrameHead::current_version && head.version < 1000) {
        raise<FormatError>(where, "format version", std::to_string(head.version),
                           "at most " + std::to_string(FrameHead::current_version) + "; it is from a newer renn");
    }
    if (head.head_checksum != checksum_of(&head, offsetof(FrameHead, head_checksum))) {
        raise<FormatError>(where, "damaged head");
    }
    if (head.version != FrameHead::current_version) {
        raise<FormatError>(where, "format version", std::to_string(head.version),
                           std::to_string(FrameHead::current_version));
    }
    const std::string got = content_text(head.content);
    if (got != content) raise<FormatError>(where, "content", got, std::string(content));
    if (head.scalar_bytes != scalar_bytes) {
        raise<MismatchError>(where, "scalar", "float" + std::to_string(8 * head.scalar_bytes),
                             "float" + std::to_string(8 * scalar_bytes));
    }
}

/// Checks head and checksum of a framed file; returns the payload's length. The payload begins at byte 64.
/// Throws FormatError for a foreign, truncated, damaged or newer file or another content, MismatchError for another
/// scalar.
inline std::uint64_t check_frame(const std::string& path, std::string_view content, std::uint32_t scalar_bytes) {
    InputFile file("load", path);
    FrameHead head{};
    const std::uint64_t start = std::min<std::uint64_t>(file.size(), FrameHead::magic.size());
    file.read(head.magic_bytes, start);
    check_magic(file.context(), head, start);
    file.require(sizeof(head));
    file.read(reinterpret_cast<char*>(&head) + start, sizeof(head) - start);
    check_head(file.context(), head, content, scalar_bytes);
    if (head.payload_bytes > file.size()) file.require(head.payload_bytes);
    file.require_exactly(sizeof(head) + head.payload_bytes);
    if (checksum_of(file, head.payload_bytes) != head.payload_checksum) file.fail("damaged: the checksum is wrong");
    return head.payload_bytes;
}

/// The same bytes as write_frame's into a stream, from a payload that is there already.
inline void write_frame(std::ostream& out, std::string_view content, std::uint32_t scalar_bytes,
                        const std::string& payload) {
    const FrameHead head =
        make_head(content, scalar_bytes, payload.size(), checksum_of(payload.data(), payload.size()));
    out.write(reinterpret_cast<const char*>(&head), sizeof(head));
    out.write(payload.data(), static_cast<std::streamsize>(payload.size()));
    if (!out) raise<FormatError>("save", "the stream cannot be written");
}

/// Payload of the frame that a stream is at; the stream is then just behind it. Throws as check_frame. Memory is asked
/// for as bytes arrive, whatever length the head claims.
inline std::string read_payload(std::istream& in, std::string_view content, std::uint32_t scalar_bytes) {
    const std::string where = "load";
    FrameHead head{};
    in.read(reinterpret_cast<char*>(&head), sizeof(head));
    const auto got = static_cast<std::uint64_t>(in.gcount());
    const auto truncated = [&](std::uint64_t bytes, std::uint64_t wanted) {
        raise<FormatError>(where, "truncated", std::to_string(bytes) + " bytes",
                           std::to_string(wanted) + " bytes or more");
    };
    check_magic(where, head, got);
    if (got < sizeof(head)) truncated(got, sizeof(head));
    check_head(where, head, content, scalar_bytes);
    std::string payload;
    while (payload.size() < head.payload_bytes) {
        const std::size_t before = payload.size();
        const std::uint64_t piece =
            std::min<std::uint64_t>(head.payload_bytes - before, std::max(before, std::size_t{1} << 20));
        payload.resize(before + static_cast<std::size_t>(piece));
        in.read(payload.data() + before, static_cast<std::streamsize>(piece));
        const auto more = static_cast<std::uint64_t>(in.gcount());
        if (more < piece) truncated(sizeof(head) + before + more, sizeof(head) + head.payload_bytes);
    }
    if (checksum_of(payload.data(), payload.size()) != head.payload_checksum) {
        raise<FormatError>(where, "damaged: the checksum is wrong");
    }
    return payload;
}

}  // namespace renn::inline RENN_ABI::detail
