// SPDX-License-Identifier: MIT
// renn/tracing/store_format.hpp - what a store file consists of and where it lies; docs/format.md says it in words.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/data/binary_file.hpp>
#include <renn/index/search_levels.hpp>
#include <renn/io/archive.hpp>
#include <renn/io/checksum.hpp>
#include <renn/io/frame.hpp>
#include <renn/io/save_point.hpp>
#include <renn/tracing/encoding.hpp>
#include <renn/tracing/point.hpp>

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
inline constexpr std::uint64_t chunk_bytes = 65536;
inline constexpr std::uint64_t store_alignment = 64;  ///< of blocks and of their parts

constexpr std::uint64_t aligned(std::uint64_t bytes) noexcept {
    return (bytes + store_alignment - 1) / store_alignment * store_alignment;
}
constexpr std::uint64_t chunk_count(std::uint64_t table_offset) noexcept {
    return (table_offset - store_head_bytes + chunk_bytes - 1) / chunk_bytes;
}

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
        raise<FormatError>(where, "truncated", bytes, "at least " + std::to_string(store_head_bytes) + " bytes");
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
        raise<FormatError>(where, "format version", std::to_string(head.version),
                           "at least " + std::to_string(StoreHead::oldest_version) +
                               "; a format that this renn does not read any more");
    }
    return head;
}

/// What a block holds. Blocks lie in this order, those of points by number.
enum class BlockKind : std::uint32_t {
    ids = 1,             ///< u64 a sample
    by_id = 2,           ///< u32 a sample: positions by ascending id; only where ids do not ascend
    labels = 3,          ///< i32 a sample, optional
    predictions = 4,     ///< i32 a sample; only for a model with outputs
    outputs = 5,         ///< the network's scalar, outputs x samples, a sample's side by side; likewise
    tag_ends = 6,        ///< u64 a sample: where its tag ends among the bytes of all; optional
    tag_bytes = 7,       ///< the tags, one behind the other
    sorted = 8,          ///< of a point: for every column the values ascending, their positions, the levels of a search
    columns = 9,         ///< of a point: for every column the values in the order of samples
    sample_ranges = 10,  ///< of a point: the range of each sample, of scalars that need them
};

inline std::string_view block_name(BlockKind kind) noexcept {
    constexpr std::string_view names[] = {"?",        "ids",  "ids by order", "labels", "predictions",  "outputs",
                                          "tag ends", "tags", "values",       "values", "sample ranges"};
    const auto number = static_cast<std::size_t>(kind);
    return number < std::size(names) ? names[number] : names[0];
}

struct Block {
    BlockKind kind = BlockKind::ids;
    std::uint32_t point = 0;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    bool operator==(const Block&) const = default;
    std::uint64_t end() const noexcept { return offset + bytes; }
};

/// How the parts of one column lie, from where the column begins. The next one begins `bytes` later.
struct ColumnLayout {
    std::uint64_t values = 0;  ///< always 0, but for 8-bit scalars per unit: the range comes first
    std::uint64_t order = 0;
    std::uint64_t levels = 0;
    std::uint64_t level_values = 0;
    std::uint64_t bytes = 0;
};

/// Of at most 2^32 - 1 samples.
inline ColumnLayout column_layout(BlockKind kind, ScalarKind scalar, std::uint64_t samples) {
    ColumnLayout layout;
    const std::uint64_t size = scalar_bytes(scalar);
    if (scalar == ScalarKind::linear8_per_unit) layout.values = store_alignment;
    layout.bytes = layout.values + aligned(samples * size);
    if (kind == BlockKind::sorted) {
        layout.order = layout.bytes;
        layout.levels = layout.order + aligned(samples * sizeof(std::uint32_t));
        layout.level_values = SearchLevels(static_cast<std::uint32_t>(samples)).values();
        layout.bytes = layout.levels + aligned(layout.level_values * size);
    }
    return layout;
}

/// What is said of the recording as a whole: a cereal binary archive at the beginning of the chunks.
template <class S>
struct StoreDescription {
    std::string library;  ///< version of renn that wrote the file
    std::string build;    ///< compiler, instruction set and scalar of the recording
    std::vector<Point> points;
    std::vector<std::string> class_names;
    std::int64_t classes = 0;
    std::int64_t outputs = 0;  ///< values that the model puts out
    Batch<S> first_input;
    std::vector<Block> blocks;
};

template <class A, class S>
void put(A& ar, const StoreDescription<S>& what) {
    put(ar, what.library);
    put(ar, what.build);
    put(ar, what.points);
    put(ar, what.class_names);
    put(ar, what.classes);
    put(ar, what.outputs);
    put(ar, what.first_input);
    put(ar, static_cast<std::uint64_t>(what.blocks.size()));
    for (const Block& block : what.blocks) {
        put(ar, static_cast<std::uint32_t>(block.kind));
        put(ar, block.point);
        put(ar, block.offset);
        put(ar, block.bytes);
    }
}

template <class A, class S>
void get(A& ar, StoreDescription<S>& what, const Limit& limit) {
    get(ar, what.library, limit);
    get(ar, what.build, limit);
    get(ar, what.points, limit);
    get(ar, what.class_names, limit);
    get(ar, what.classes, limit);
    get(ar, what.outputs, limit);
    get(ar, what.first_input, limit);
    std::uint64_t count = 0;
    get(ar, count, limit);
    limit.require(count, 24);
    for (std::uint64_t b = 0; b < count; ++b) {
        Block block;
        std::uint32_t kind = 0;
        get(ar, kind, limit);
        get(ar, block.point, limit);
        get(ar, block.offset, limit);
        get(ar, block.bytes, limit);
        block.kind = static_cast<BlockKind>(kind);
        what.blocks.push_back(block);
    }
}

/// Bytes that a block must have; nothing where no block of that kind can be, or where that is not known (tags) or too
/// much for any file.
template <class S>
std::optional<std::uint64_t> block_bytes(const Block& block, const StoreHead& head, const StoreDescription<S>& what) {
    std::uint64_t bytes = head.samples;
    const auto times = [&bytes](std::uint64_t factor) -> std::optional<std::uint64_t> {
        if (!multiply(bytes, factor)) return std::nullopt;
        return bytes;
    };
    switch (block.kind) {
        case BlockKind::ids:
        case BlockKind::tag_ends:
            return times(sizeof(std::uint64_t));
        case BlockKind::by_id:
        case BlockKind::labels:
        case BlockKind::predictions:
            return times(sizeof(std::uint32_t));
        case BlockKind::outputs:
            if (what.outputs <= 0 || !times(static_cast<std::uint64_t>(what.outputs))) return std::nullopt;
            return times(scalar_bytes(head.network_scalar));
        case BlockKind::tag_bytes:
            return block.bytes;
        case BlockKind::sample_ranges:
            return times(2 * scalar_bytes(head.network_scalar));
        case BlockKind::sorted:
        case BlockKind::columns: {
            const Point& point = what.points[block.point];
            bytes = column_layout(block.kind, head.scalar, head.samples).bytes;
            const auto dimensions = static_cast<std::uint64_t>(point.dimensions());
            if (!times(static_cast<std::uint64_t>(point.count()))) return std::nullopt;
            return times(dimensions);
        }
    }
    return std::nullopt;
}

/// Places the blocks one behind the other, from `begin` on, each where its alignment lets it; returns where the table
/// of checksums begins. Nothing if that is too much for any file.
inline std::optional<std::uint64_t> place_blocks(std::vector<Block>& blocks, std::uint64_t begin) {
    constexpr std::uint64_t most = std::uint64_t{1} << 62;
    std::uint64_t at = aligned(begin);
    for (Block& block : blocks) {
        block.offset = at;
        if (block.bytes > most - at) return std::nullopt;
        at = aligned(at + block.bytes);
    }
    return at;
}

/// Throws FormatError unless the blocks are those, and lie where, they must for what the head and the description say.
template <class S>
void check_blocks(const std::string& where, const StoreHead& head, const StoreDescription<S>& what) {
    const auto require = [&where](bool fine, const char* problem) {
        if (!fine) raise<FormatError>(where, std::string("damaged description: ") + problem);
    };
    const auto names = static_cast<std::int64_t>(what.class_names.size());
    require(what.outputs >= 0, "outputs");
    require(what.classes >= names && what.classes <= std::numeric_limits<std::int32_t>::max(), "classes");
    std::vector<int> columns(what.points.size(), 0), ranges(what.points.size(), 0);
    bool has[static_cast<std::size_t>(BlockKind::tag_bytes) + 1] = {};
    std::pair<std::uint64_t, BlockKind> last{0, BlockKind{}};  // tables first, then points by number
    for (const Block& block : what.blocks) {
        require(block.kind >= BlockKind::ids && block.kind <= BlockKind::sample_ranges, "a block of an unknown kind");
        const bool of_point = block.kind >= BlockKind::sorted;
        require(block.point < (of_point ? what.points.size() : 1), "a block of a point that is not there");
        const std::pair<std::uint64_t, BlockKind> here{of_point ? std::uint64_t{block.point} + 1 : 0, block.kind};
        require(last < here, "blocks in another order");
        last = here;
        if (!of_point) {
            has[static_cast<std::size_t>(block.kind)] = true;
        } else if (block.kind == BlockKind::sample_ranges) {
            ++ranges[block.point];
        } else {
            ++columns[block.point];
            const bool one_number = what.points[block.point].dimensions() == 1 && head.scalar <= ScalarKind::float64;
            require(block.kind == BlockKind::columns || one_number, "sorted columns that cannot be");
        }
        const auto bytes = block_bytes(block, head, what);
        require(bytes && *bytes == block.bytes, "a block of another length");
    }
    const auto there = [&has](BlockKind kind) { return has[static_cast<std::size_t>(kind)]; };
    require(there(BlockKind::ids), "no ids");
    require(there(BlockKind::outputs) == (what.outputs > 0), "outputs that are not there");
    require(there(BlockKind::predictions) == (what.outputs > 0), "predictions that are not there");
    require(there(BlockKind::tag_ends) == there(BlockKind::tag_bytes), "half of the tags");
    require(there(BlockKind::labels) || what.classes == names, "classes without labels");
    for (std::size_t p = 0; p < what.points.size(); ++p) {
        require(columns[p] == (what.points[p].stored() ? 1 : 0), "values of a point that are missing or too many");
        require(ranges[p] == (what.points[p].stored() && head.scalar == ScalarKind::linear8_per_sample ? 1 : 0),
                "ranges of samples");
    }
    std::vector<Block> placed = what.blocks;
    const auto table = place_blocks(placed, head.description_offset + head.description_bytes);
    require(table && placed == what.blocks && *table == head.table_offset, "blocks that lie elsewhere");
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
