// SPDX-License-Identifier: MIT
// renn/tracing/recording_journal.hpp - what a recording writes into its journal, and whether a journal is one of it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/tracing/journal_reader.hpp>
#include <renn/tracing/journal_segment.hpp>
#include <renn/tracing/memory_store.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/record_file_options.hpp>
#include <renn/tracing/store_description.hpp>
#include <renn/tracing/store_head.hpp>
#include <renn/version.hpp>

namespace renn::inline RENN_ABI::detail {

/// What a journal says of the recording that writes it; `store` has seen the first sample.
template <class S, class Source>
StoreDescription<S> describe_journal(const MemoryStore<S>& store, const Source& source) {
    StoreDescription<S> what{.library = version,
                             .build = store.build,
                             .points = store.points,
                             .class_names = store.class_names,
                             .classes = 0,
                             .outputs = store.outputs.rows(),
                             .first_input = store.first_input,
                             .blocks = {{BlockKind::ids, 0, 0, 0}}};
    const auto add = [&what](bool there, BlockKind kind) {
        if (there) what.blocks.push_back({kind, 0, 0, 0});
    };
    add(source.has_labels(), BlockKind::labels);
    add(what.outputs > 0, BlockKind::predictions);
    add(what.outputs > 0, BlockKind::outputs);
    add(source.has_tags(), BlockKind::tag_ends);
    add(source.has_tags(), BlockKind::tag_bytes);
    return what;
}

/// Samples a segment: three of them, one being filled, one written, one to change its length at last, take at most half
/// of the budget. Throws DataError where the budget holds not even a sample.
template <class S>
Index choose_segment(const StoreDescription<S>& what, Index held, const RecordFileOptions& options) {
    if (options.segment < 0) raise<DataError>("record", "segment", std::to_string(options.segment), "0 or more");
    const std::uint64_t columns = column_count(what.points);
    const std::uint64_t sample = columns * sizeof(S) + static_cast<std::uint64_t>(held) * sizeof(S) + 48 +
                                 segment_meta(what, 1, 0) - columns * sizeof(std::uint64_t);
    const std::uint64_t most = options.budget / 6 / sample;
    const auto wanted = static_cast<std::uint64_t>(options.segment);
    if (most < std::max<std::uint64_t>(1, wanted)) {
        raise<DataError>("record", "budget", std::to_string(options.budget) + " bytes",
                         std::to_string(6 * sample * std::max<std::uint64_t>(1, wanted)) + " bytes or more");
    }
    if (wanted > 0) return options.segment;
    const std::uint64_t enough = std::max<std::uint64_t>(1, (std::uint64_t{8} << 20) / sample);
    return static_cast<Index>(std::min({most, enough, std::uint64_t{65536}}));
}

/// Throws MismatchError unless the journal is one of this recording.
template <class S>
void check_same_recording(const JournalReader<S>& journal, const StoreHead& head, const StoreDescription<S>& what) {
    const auto require = [&journal](const char* thing, const std::string& got, const std::string& expected) {
        if (got == expected) return;
        raise<MismatchError>(journal.context(), std::string(thing) + " of the interrupted recording", got,
                             expected + " (remove the file, or record with resume = false)");
    };
    const StoreDescription<S>& old = journal.description();
    require("fingerprint of the network", std::to_string(journal.head().network), std::to_string(head.network));
    require("number of samples", std::to_string(journal.head().samples), std::to_string(head.samples));
    require("fingerprint of the data", std::to_string(journal.head().data), std::to_string(head.data));
    require("build", old.build, what.build);
    const auto kinds = [](const std::vector<Block>& blocks) {
        std::string text;
        for (const Block& block : blocks) text += (text.empty() ? "" : ", ") + std::string(block_name(block.kind));
        return text;
    };
    require("parts", kinds(old.blocks), kinds(what.blocks));
    const auto names = [](const std::vector<Point>& points) {
        std::string text;
        for (const Point& p : points) text += (text.empty() ? "" : ", ") + p.name + " x " + std::to_string(p.count());
        return text;
    };
    require("selection", names(old.points), names(what.points));
    if (!(old.points == what.points)) require("selection", "other units or cells", "the same");
}

}  // namespace renn::inline RENN_ABI::detail
