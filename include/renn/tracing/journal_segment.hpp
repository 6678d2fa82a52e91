// SPDX-License-Identifier: MIT
// renn/tracing/journal_segment.hpp - what a journal consists of behind its first page; docs/format.md says it in words.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <renn/io/checksum.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/store_description.hpp>
#include <renn/tracing/store_layout.hpp>

namespace renn::inline RENN_ABI::detail {

/// Begins every segment of a journal. The checksum is that of the journal's own head checksum, of this with 0 in its
/// place, and of everything before the values; each column of values has one of its own there.
struct SegmentHead {
    static constexpr char mark[8] = {'S', 'E', 'G', 'M', 'E', 'N', 'T', '\n'};

    char magic[8] = {};
    std::uint64_t first = 0;  ///< samples before it
    std::uint64_t samples = 0;
    std::uint64_t tag_bytes = 0;
    std::uint64_t bytes = 0;  ///< of the whole segment
    std::uint64_t zero[2] = {};
    std::uint64_t checksum = 0;
};
static_assert(sizeof(SegmentHead) == 64);

inline bool has_block(const std::vector<Block>& blocks, BlockKind kind) {
    return std::any_of(blocks.begin(), blocks.end(), [kind](const Block& block) { return block.kind == kind; });
}

/// All columns of the stored points.
inline std::uint64_t column_count(const std::vector<Point>& points) {
    std::uint64_t columns = 0;
    for (const Point& point : points) columns += point.stored() ? static_cast<std::uint64_t>(point.columns()) : 0;
    return columns;
}

/// Where the parts of a segment lie, from where it begins: what belongs to samples, a checksum a column, the columns.
struct SegmentLayout {
    std::uint64_t ids = sizeof(SegmentHead), tag_ends = 0, column_sums = 0, outputs = 0, labels = 0, predictions = 0;
    std::uint64_t tags = 0, values = 0, bytes = 0;

    template <class S>
    SegmentLayout(const StoreDescription<S>& what, std::uint64_t columns, std::uint64_t samples,
                  std::uint64_t tag_bytes) {
        const auto behind = [&](std::uint64_t begin, BlockKind kind, std::uint64_t size) {
            return begin + (has_block(what.blocks, kind) ? size * samples : 0);
        };
        tag_ends = behind(ids, BlockKind::ids, sizeof(std::uint64_t));
        column_sums = behind(tag_ends, BlockKind::tag_ends, sizeof(std::uint64_t));
        outputs = column_sums + columns * sizeof(std::uint64_t);
        labels = behind(outputs, BlockKind::outputs, static_cast<std::uint64_t>(what.outputs) * sizeof(S));
        predictions = behind(labels, BlockKind::labels, sizeof(std::int32_t));
        tags = behind(predictions, BlockKind::predictions, sizeof(std::int32_t));
        values = aligned(tags + tag_bytes);
        bytes = aligned(values + columns * samples * sizeof(S));
    }
};

inline std::uint64_t segment_checksum(std::uint64_t journal, SegmentHead head, const char* rest, std::uint64_t bytes) {
    head.checksum = 0;
    Checksum sum;
    sum.add(&journal, sizeof(journal));
    sum.add(&head, sizeof(head));
    sum.add(rest, bytes);
    return sum.value();
}

/// Bytes of a segment beside its values.
template <class S>
std::uint64_t segment_meta(const StoreDescription<S>& what, std::uint64_t samples, std::uint64_t tag_bytes) {
    return SegmentLayout(what, column_count(what.points), samples, tag_bytes).values;
}

inline std::string journal_path(const std::string& path) {
    return path + ".recording";
}

}  // namespace renn::inline RENN_ABI::detail
