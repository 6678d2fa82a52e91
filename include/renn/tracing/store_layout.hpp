// SPDX-License-Identifier: MIT
// renn/tracing/store_layout.hpp - where the parts of a store file lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/data/binary_file.hpp>
#include <renn/index/search_levels.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/store_description.hpp>
#include <renn/tracing/store_head.hpp>

namespace renn::inline RENN_ABI::detail {

inline constexpr std::uint64_t chunk_bytes = 65536;
inline constexpr std::uint64_t store_alignment = 64;  ///< of blocks and of their parts

constexpr std::uint64_t aligned(std::uint64_t bytes) noexcept {
    return (bytes + store_alignment - 1) / store_alignment * store_alignment;
}
constexpr std::uint64_t chunk_count(std::uint64_t table_offset) noexcept {
    return (table_offset - store_head_bytes + chunk_bytes - 1) / chunk_bytes;
}

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

/// Sizes and places every block of a description (kinds and points given, tag_bytes with its size) and what else the
/// head says about lengths. Throws DataError where no file is large enough.
template <class S>
void lay_out(StoreHead& head, StoreDescription<S>& what) {
    for (Block& block : what.blocks) {
        const auto bytes = block_bytes(block, head, what);
        if (!bytes) raise<DataError>("store", "block of " + std::string(block_name(block.kind)), "too large", "a file");
        block.bytes = *bytes;
    }
    head.description_offset = store_head_bytes;
    head.description_bytes = description_text(what).size();  // which the offsets do not change
    const auto table = place_blocks(what.blocks, head.description_offset + head.description_bytes);
    if (!table) raise<DataError>("store", "size", "too large", "a file");
    head.table_offset = *table;
    head.table_bytes = sizeof(std::uint64_t) * chunk_count(*table);
    head.file_bytes = head.table_offset + head.table_bytes;
}

}  // namespace renn::inline RENN_ABI::detail
