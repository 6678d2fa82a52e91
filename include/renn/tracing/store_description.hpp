// SPDX-License-Identifier: MIT
// renn/tracing/store_description.hpp - what a store file or a journal says of its recording, and the table of its
// blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <cereal/archives/binary.hpp>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/io/archive.hpp>
#include <renn/io/save_point.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI::detail {

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

/// A cereal binary archive of a description.
template <class S>
std::string description_text(const StoreDescription<S>& what) {
    std::ostringstream out;
    cereal::BinaryOutputArchive ar(out);
    put(ar, what);
    return std::move(out).str();
}

/// Throws FormatError for a text that is no description, or goes on behind it.
template <class S>
StoreDescription<S> read_description(const std::string& where, std::string text) {
    const std::size_t size = text.size();
    std::istringstream in(std::move(text));
    StoreDescription<S> what;
    const auto damaged = [&where](const std::string& why) { raise<FormatError>(where, "damaged description: " + why); };
    try {
        cereal::BinaryInputArchive ar(in);
        get(ar, what, Limit(size));
    } catch (const cereal::Exception& e) {
        damaged(e.what());
    } catch (const FormatError& e) {
        damaged(e.what());
    }
    if (static_cast<std::uint64_t>(in.tellg()) != size) damaged("it does not end where it should");
    for (std::size_t p = 0; p < what.points.size(); ++p) check_point(what.points, p);
    return what;
}

}  // namespace renn::inline RENN_ABI::detail
