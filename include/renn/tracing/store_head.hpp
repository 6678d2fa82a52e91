// SPDX-License-Identifier: MIT
// renn/tracing/store_head.hpp - the first page of a store file or of a journal; docs/format.md says it in words.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/io/checksum.hpp>
#include <renn/io/frame.hpp>
#include <renn/tracing/encoding.hpp>

namespace renn::inline RENN_ABI {

/// How a value lies in a store file.
enum class ScalarKind : std::uint32_t { float32, float64, float16, bfloat16, linear8_per_unit, linear8_per_sample };

/// "float32", "linear8 per unit", ...
constexpr std::string_view scalar_name(ScalarKind kind) noexcept {
    constexpr std::string_view names[] = {"float32",  "float64",          "float16",
                                          "bfloat16", "linear8 per unit", "linear8 per sample"};
    const auto number = static_cast<std::size_t>(kind);
    return number < std::size(names) ? names[number] : "an unknown scalar";
}

namespace detail {

/// 0 for a kind that does not exist.
constexpr std::uint64_t scalar_bytes(ScalarKind kind) noexcept {
    constexpr std::uint64_t bytes[] = {4, 8, 2, 2, 1, 1};
    const auto number = static_cast<std::size_t>(kind);
    return number < std::size(bytes) ? bytes[number] : 0;
}
template <class S>
inline constexpr ScalarKind scalar_kind = sizeof(S) == 4 ? ScalarKind::float32 : ScalarKind::float64;
/// Of values of S kept as an encoding makes them; 8-bit ranges are two S each, lowest and step (tracing/encoding.hpp).
template <class S, class E>
constexpr ScalarKind stored_kind() noexcept {
    for (std::uint32_t kind = 2; kind < 6; ++kind) {
        if (scalar_name(static_cast<ScalarKind>(kind)) == E::name) return static_cast<ScalarKind>(kind);
    }
    return scalar_kind<S>;
}

inline constexpr std::uint64_t store_head_bytes = 4096;  ///< and where the chunks begin

/// The first 256 bytes of a store file or of a journal; zeros follow up to byte 4096. The checksum is that of all 4096
/// bytes with zeros in its own place.
struct StoreHead {
    static constexpr std::uint32_t current_version = 1;
    static constexpr std::uint32_t oldest_version = 1;

    char magic_bytes[8] = {};  ///< as FrameHead's, and so the next three
    std::uint32_t version = current_version;
    std::uint32_t byte_order = FrameHead::order_mark;
    char content[8] = {};  ///< "store" or "journal"
    ScalarKind scalar = ScalarKind::float32;
    ScalarKind network_scalar = ScalarKind::float32;
    std::uint64_t samples = 0;
    std::uint64_t network = 0;     ///< fingerprint
    std::uint64_t data = 0;        ///< fingerprint; 0: unknown
    std::uint64_t file_bytes = 0;  ///< the whole length; 0 in a journal, which grows
    std::uint64_t description_offset = store_head_bytes;
    std::uint64_t description_bytes = 0;
    std::uint64_t table_offset = 0;
    std::uint64_t table_bytes = 0;
    std::uint64_t table_checksum = 0;
    std::uint64_t segment = 0;               ///< samples a segment of a journal
    std::uint64_t description_checksum = 0;  ///< of a journal; that of a store is covered by its chunks
    std::uint64_t zero[16] = {};
    std::uint64_t head_checksum = 0;

    StoreHead() = default;
    explicit StoreHead(std::string_view what) {
        std::copy(FrameHead::magic.begin(), FrameHead::magic.end(), magic_bytes);
        std::memset(content, 0, sizeof(content));
        std::copy(what.begin(), what.end(), content);
    }
};
static_assert(sizeof(StoreHead) == 256);

/// The 4096 bytes that a file begins with, checksum and all.
inline std::vector<char> head_page(StoreHead head) {
    std::vector<char> page(store_head_bytes, 0);
    head.head_checksum = 0;
    std::memcpy(page.data(), &head, sizeof(head));
    head.head_checksum = checksum_of(page.data(), page.size());
    std::memcpy(page.data(), &head, sizeof(head));
    return page;
}

/// The head of a file whose beginning is given, checked but for what only its reader knows. `where` is "load: path".
/// Throws   FormatError for a file that is not ours, of other content, too new, too old, shorter than a head or damaged
///          in it.
inline StoreHead read_head(const std::string& where, std::string_view content, std::span<const char> file) {
    const std::size_t start = std::min(file.size(), FrameHead::magic.size());
    if (!std::equal(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(start), FrameHead::magic.begin())) {
        raise<FormatError>(where, "not a renn file");
    }
    StoreHead head;
    constexpr std::size_t common = offsetof(StoreHead, scalar);  // every renn file has that much alike
    const std::string bytes = std::to_string(file.size()) + " bytes";
    if (file.size() >= common) {
        std::memcpy(static_cast<void*>(&head), file.data(), common);
        if (head.byte_order == std::uint32_t{0x04030201}) {
            raise<FormatError>(where, "written on a machine of the other byte order");
        }
        const std::string got = content_text(head.content);
        if (got != content) raise<FormatError>(where, "content", got, std::string(content));
        if (head.version > StoreHead::current_version && head.version < 1000) {
            raise<FormatError>(where, "format version", std::to_string(head.version),
                               "at most " + std::to_string(StoreHead::current_version) + "; it is from a newer renn");
        }
    }
    if (file.size() < store_head_bytes) {
        raise<FormatError>(where, "truncated", bytes, std::to_string(store_head_bytes) + " bytes or more");
    }
    std::memcpy(static_cast<void*>(&head), file.data(), sizeof(head));
    std::vector<char> page(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(store_head_bytes));
    std::memset(page.data() + offsetof(StoreHead, head_checksum), 0, sizeof(head.head_checksum));
    if (checksum_of(page.data(), page.size()) != head.head_checksum || head.byte_order != FrameHead::order_mark) {
        raise<FormatError>(where, "damaged head");
    }
    if (head.version > StoreHead::current_version) {
        raise<FormatError>(where, "format version", std::to_string(head.version),
                           "at most " + std::to_string(StoreHead::current_version));
    }
    if (head.version < StoreHead::oldest_version) {
        raise<FormatError>(
            where, "format version", std::to_string(head.version),
            std::to_string(StoreHead::oldest_version) + " or more; a format that this renn does not read any more");
    }
    return head;
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
