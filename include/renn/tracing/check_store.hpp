// SPDX-License-Identifier: MIT
// renn/tracing/check_store.hpp - whether a store file can be what its head and its description say.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/tracing/recorded_samples.hpp>
#include <renn/tracing/store_description.hpp>
#include <renn/tracing/store_head.hpp>
#include <renn/tracing/store_layout.hpp>

namespace renn::inline RENN_ABI::detail {

/// Throws FormatError unless the blocks are those, and lie where, they must for what the head and the description say.
template <class S>
void check_store(const std::string& where, const StoreHead& head, const StoreDescription<S>& what) {
    const auto require = [&where](bool fine, const char* problem) {
        if (!fine) raise<FormatError>(where, std::string("damaged description: ") + problem);
    };
    const auto names = static_cast<std::int64_t>(what.class_names.size());
    require(what.outputs >= 0, "outputs");
    const auto most = most_classes(what.class_names.size(), static_cast<std::int64_t>(head.samples));
    require(what.classes >= names, "classes");
    if (what.classes > most) {
        raise<FormatError>(where, "classes", std::to_string(what.classes), "0.." + std::to_string(most));
    }
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

}  // namespace renn::inline RENN_ABI::detail
