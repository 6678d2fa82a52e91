// SPDX-License-Identifier: MIT
// renn/tracing/journal.hpp - reads a recording that is not finished: after a crash, or while it is still being written.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/tracing/journal_reader.hpp>
#include <renn/tracing/memory_store.hpp>
#include <renn/tracing/recorded_samples.hpp>
#include <renn/tracing/store_description.hpp>

namespace renn::inline RENN_ABI {

/// What a journal holds.
template <class S>
struct Journal {
    MemoryStore<S> store;        ///< the samples that are whole, a prefix of those of the recording
    std::uint64_t expected = 0;  ///< how many samples it is to become; 0: not known
    std::uint64_t dropped = 0;   ///< bytes behind them that were torn or damaged
    std::string why;             ///< which of it; empty: there are none
};

/// Reads a recording that is not finished, `<path of the store>.recording`, into memory: after a crash, or while it is
/// still being written. What is torn or damaged is dropped, with everything behind it, and reported.
/// Throws   FormatError for a file that is not a journal, whose first page is damaged or whose classes cannot be;
///          MismatchError for another scalar; DataError for repeated ids.
template <class S>
Journal<S> read_journal(const std::string& path) {
    using detail::BlockKind;
    detail::JournalReader<S> reader(path);
    while (reader.next()) {
    }
    Journal<S> journal{{}, reader.head().samples, reader.dropped(), reader.why()};
    MemoryStore<S>& store = journal.store;
    const detail::StoreDescription<S>& what = reader.description();
    store.points = what.points;
    store.class_names = what.class_names;
    store.fingerprint = reader.head().network;
    store.build = what.build;
    store.first_input = what.first_input;
    store.reserve(reader.samples(), 0);
    store.outputs.resize(static_cast<Index>(what.outputs), reader.samples());

    const auto add = [](const auto& part, auto& all) { all.insert(all.end(), part.begin(), part.end()); };
    std::vector<std::uint64_t> wide;
    std::vector<std::int32_t> narrow;
    std::vector<S> values;
    std::vector<char> text;
    for (std::size_t s = 0; s < reader.segments(); ++s) {
        reader.part(s, BlockKind::ids, wide);
        add(wide, store.ids);
        reader.part(s, BlockKind::labels, narrow);
        add(narrow, store.labels);
        reader.part(s, BlockKind::predictions, narrow);
        add(narrow, store.predictions);
        reader.part(s, BlockKind::outputs, values);
        std::copy(values.begin(), values.end(), store.outputs.data() + reader.first(s) * store.outputs.rows());
        reader.part(s, BlockKind::tag_ends, wide);
        reader.part(s, BlockKind::tag_bytes, text);
        std::uint64_t begin = 0;
        for (const std::uint64_t end : wide) {
            if (end < begin || end > text.size()) detail::raise<FormatError>(reader.context(), "impossible tags");
            store.tags.emplace_back(text.data() + begin, end - begin);
            begin = end;
        }
        std::uint64_t column = 0;
        for (std::size_t p = 0; p < store.points.size(); ++p) {
            const Index count = store.points[p].stored() ? store.points[p].columns() : 0;
            if (count == 0) continue;
            reader.columns(s, column, static_cast<std::uint64_t>(count), store.column(p, 0) + reader.first(s),
                           static_cast<std::size_t>(store.stride()));
            column += static_cast<std::uint64_t>(count);
        }
    }
    detail::check_classes("label", store.labels, detail::most_classes(store.class_names.size(), store.samples()));
    detail::check_classes("prediction", store.predictions, std::max<std::int64_t>(2, store.outputs.rows()));
    store.index_ids();
    return journal;
}

}  // namespace renn::inline RENN_ABI
