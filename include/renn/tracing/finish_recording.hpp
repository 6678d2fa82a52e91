// SPDX-License-Identifier: MIT
// renn/tracing/finish_recording.hpp - from a whole journal to a store file, within a byte budget.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/parallel.hpp>
#include <renn/core/progress.hpp>
#include <renn/data/binary_file.hpp>
#include <renn/index/radix_sort.hpp>
#include <renn/io/file_writer.hpp>
#include <renn/tracing/external_sort.hpp>
#include <renn/tracing/finish_plan.hpp>
#include <renn/tracing/journal_reader.hpp>
#include <renn/tracing/journal_segment.hpp>
#include <renn/tracing/journal_source.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/store.hpp>
#include <renn/tracing/store_output.hpp>
#include <renn/tracing/write_columns.hpp>
#include <renn/tracing/write_store.hpp>

namespace renn::inline RENN_ABI::detail {

/// Writes the columns one after another, each through sorted runs on disk: for columns of which not one fits.
template <class S, class System>
bool write_columns_from_disk(StoreOutput<S, System>& out, const JournalSource<S, System>& source,
                             JournalReader<S>& journal, const std::string& path, std::uint64_t budget,
                             const ProgressCallback& progress, const System& system) {
    constexpr std::size_t piece = 16384;
    ExternalSort<S, System> sort(path + ".runs", budget, system);
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
        write_sorted_column<S>(
            out,
            [&](auto&& write) {
                FileWriter<System> order_file(path + ".order", FileWriter<System>::Start::anew, system);
                const auto flush = [&] {
                    write(values);
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
                order_file.close();
            },
            [&](auto&& write) {
                InputFile sorted("sort", path + ".order");
                for (std::uint64_t left = sorted.size() / sizeof(order[0]); left > 0; left -= order.size()) {
                    order.resize(static_cast<std::size_t>(std::min<std::uint64_t>(left, piece)));
                    sorted.read(order.data(), order.size() * sizeof(order[0]));
                    write(order);
                }
            });
    };
    const std::vector<ColumnToWrite> columns = columns_to_write(out.description());
    for (std::size_t c = 0; c < columns.size(); ++c) {
        const std::uint64_t column = source.column_of(columns[c].unit, columns[c].dimension);
        if (columns[c].sorted) {
            write_sorted(column);
        } else {
            for (std::size_t s = 0; s < journal.segments(); ++s) {
                load(s, column);
                out.write(std::span<const S>(values));
            }
            out.pad();
        }
        if (progress && !progress({c + 1, columns.size(), "writing"})) return false;
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
        const auto unsorted = [](Unit) { return StoredColumn<S>(); };
        const bool written = in_memory
                                 ? write_columns(out, source, source.plan().threads, options.progress, unsorted)
                                 : write_columns_from_disk(out, source, journal, path, spare, options.progress, system);
        if (!written) return false;
        out.finish();
    }
    if (system.remove(journal_path(path).c_str()) != 0) raise_system(journal_path(path), "cannot be removed", errno);
    return true;
}

}  // namespace renn::inline RENN_ABI::detail
