// SPDX-License-Identifier: MIT
// renn/tracing/finish_recording.hpp - from a whole journal to a store file, within a byte budget.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/parallel.hpp>
#include <renn/core/progress.hpp>
#include <renn/io/file_writer.hpp>
#include <renn/tracing/external_sort.hpp>
#include <renn/tracing/journal.hpp>
#include <renn/tracing/journal_source.hpp>
#include <renn/tracing/write_store.hpp>

namespace renn::inline RENN_ABI::detail {

/// Bytes of a segment beside its values.
template <class S>
std::uint64_t segment_meta(const StoreDescription<S>& what, std::uint64_t samples, std::uint64_t tag_bytes) {
    return SegmentLayout(what, column_count(what.points), samples, tag_bytes).values;
}

/// Upper bound of the length of the file that a journal becomes, to plan with.
template <class S>
std::uint64_t finish_bytes(std::uint64_t samples, std::uint64_t columns, std::uint64_t meta, std::uint64_t segment) {
    return columns * samples * (sizeof(S) + 5) + samples * meta / segment;
}

/// Writes the columns one after another, each through sorted runs on disk: for columns of which not one fits.
template <class S, class System>
bool write_columns_from_disk(StoreOutput<S, System>& out, const JournalSource<S, System>& source,
                             JournalReader<S>& journal, const std::string& path, std::uint64_t budget,
                             const WriteOptions& options, const System& system) {
    constexpr std::size_t piece = 16384;
    ExternalSort<S, System> sort(path + ".runs", static_cast<std::size_t>(budget), system);
    RemoveUnlessKept<System> remove(path + ".order", system);
    std::vector<std::uint64_t> ids;
    std::vector<S> values;
    std::vector<std::uint32_t> order;
    const auto load = [&](std::size_t s, std::uint64_t column) {
        values.resize(static_cast<std::size_t>(journal.samples(s)));
        journal.columns(s, column, 1, values.data(), values.size());
    };
    const auto write_sorted = [&](std::uint64_t column) {
        for (std::size_t s = 0; s < journal.segments(); ++s) {
            journal.part(s, BlockKind::ids, ids);
            load(s, column);
            const auto first = static_cast<std::uint32_t>(journal.first(s));
            for (std::uint32_t i = 0; i < values.size(); ++i) sort.add(to_key(values[i]), ids[i], first + i);
        }
        values.clear();
        order.clear();
        FileWriter<System> order_file(path + ".order", FileWriter<System>::Start::anew, system);
        const auto flush = [&] {
            out.write_values(values);
            order_file.write(order.data(), order.size() * sizeof(order[0]));
            values.clear();
            order.clear();
        };
        sort.merge([&](const SortItem<S>& item) {
            values.push_back(from_key<S>(item.key));
            order.push_back(item.position);
            if (order.size() == piece) flush();
        });
        flush();
        out.end_values();
        order_file.close();
        InputFile sorted("sort", path + ".order");
        for (std::uint64_t left = sorted.size() / sizeof(order[0]); left > 0; left -= order.size()) {
            order.resize(static_cast<std::size_t>(std::min<std::uint64_t>(left, piece)));
            sorted.read(order.data(), order.size() * sizeof(order[0]));
            out.write_order(order);
        }
        out.end_order();
    };
    std::uint64_t done = 0;
    for (const Block& block : out.description().blocks) {
        if (block.kind < BlockKind::sorted) continue;
        const std::uint64_t begin = source.column_of({block.point, 0}, 0);
        for (Index c = 0; c < source.points[block.point].columns(); ++c) {
            if (block.kind == BlockKind::sorted) {
                write_sorted(begin + static_cast<std::uint64_t>(c));
            } else {
                for (std::size_t s = 0; s < journal.segments(); ++s) {
                    load(s, begin + static_cast<std::uint64_t>(c));
                    out.write(std::span<const S>(values));
                }
                out.pad();
            }
            const Progress progress{++done, column_count(source.points), "writing"};
            if (options.progress && !options.progress(progress)) return false;
        }
    }
    return true;
}

/// Makes the store file of its journal and removes that. Returns false if the callback cancelled: nothing has changed.
/// Throws   FormatError naming file and cause, also for a journal that is damaged; DataError for a repeated id or a
///          budget that is too small.
template <class S, class System>
bool finish_recording(const std::string& path, const std::vector<std::string>& class_names, std::uint64_t budget,
                      const WriteOptions& options, const System& system) {
    {
        JournalReader<S> journal(journal_path(path));
        std::uint64_t meta = 0;
        while (journal.next(false)) {
            const std::size_t s = journal.segments() - 1;
            meta = std::max(meta, segment_meta(journal.description(), static_cast<std::uint64_t>(journal.samples(s)),
                                               journal.tag_bytes(s)));
        }
        if (journal.dropped() > 0) raise<FormatError>(journal.context(), journal.why());
        const std::uint64_t columns = column_count(journal.description().points);
        const int threads = thread_count(options.threads, static_cast<Index>(columns));
        const auto plan = [&](bool ordered) {
            const auto n = static_cast<std::uint64_t>(journal.samples());
            const std::uint64_t bytes = finish_bytes<S>(n, columns, meta, journal.head().segment);
            return FinishPlan(sizeof(S), n, columns, bytes, meta, ordered, budget, threads);
        };
        const JournalSource<S, System> source(path, journal, class_names, plan, budget, system);
        auto [head, what] = describe_store(source, options.sorted, options.data);
        StoreOutput<S, System> out(path, head, std::move(what), system);
        write_samples(out, source);
        const bool in_memory = source.plan().group > 0;
        const std::uint64_t spare = budget - source.plan().fixed - (std::uint64_t{1} << 19);
        WriteOptions planned = options;
        planned.threads = source.plan().threads;
        const auto unsorted = [](Unit) { return StoredColumn<S>(); };
        const bool written = in_memory ? write_columns(out, source, planned, unsorted)
                                       : write_columns_from_disk(out, source, journal, path, spare, planned, system);
        if (!written) return false;
        out.finish();
    }
    if (system.remove(journal_path(path).c_str()) != 0) raise_system(journal_path(path), "cannot be removed", errno);
    return true;
}

}  // namespace renn::inline RENN_ABI::detail
