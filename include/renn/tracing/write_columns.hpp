// SPDX-License-Identifier: MIT
// renn/tracing/write_columns.hpp - the values of a store, column after column, into a file.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <span>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/catching.hpp>
#include <renn/core/parallel.hpp>
#include <renn/core/progress.hpp>
#include <renn/index/column.hpp>
#include <renn/index/radix_sort.hpp>
#include <renn/index/search_levels.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/store.hpp>
#include <renn/tracing/store_description.hpp>

namespace renn::inline RENN_ABI::detail {

/// One column of a file.
struct ColumnToWrite {
    Unit unit;
    Index dimension;
    bool sorted;
};

/// All columns of a file, in their order.
template <class S>
std::vector<ColumnToWrite> columns_to_write(const StoreDescription<S>& what) {
    std::vector<ColumnToWrite> columns;
    for (const Block& block : what.blocks) {
        if (block.kind != BlockKind::sorted && block.kind != BlockKind::columns) continue;
        const Point& point = what.points[block.point];
        for (std::uint32_t u = 0; u < point.units.size(); ++u) {
            for (Index d = 0; d < point.dimensions(); ++d) {
                columns.push_back({{block.point, u}, d, block.kind == BlockKind::sorted});
            }
        }
    }
    return columns;
}

/// Writes a column in ascending order. `values(write)` calls write(span) for its values in any number of pieces, then
/// `order(write)` likewise for the positions of their samples; the levels of a search are made on the way.
template <class S, class Output, class Values, class Order>
void write_sorted_column(Output& out, Values&& values, Order&& order) {
    LevelMaker<S> levels(static_cast<std::uint32_t>(out.head().samples));
    values([&](std::span<const S> ascending) {
        levels.add(ascending);
        out.write(ascending);
    });
    out.pad();
    order([&out](std::span<const std::uint32_t> positions) { out.write(positions); });
    out.pad();
    out.write(std::span<const S>(levels.levels()));
    out.pad();
}

/// Lets tasks that were begun in ascending order do a part of their work in that order.
class Turns {
public:
    /// Waits until every task before this one is done; false if one of them failed.
    bool wait(Index task) {
        std::unique_lock lock(guard_);
        changed_.wait(lock, [&] { return failed_ || next_ == task; });
        return !failed_;
    }
    void done() {
        const std::lock_guard lock(guard_);
        ++next_;
        changed_.notify_all();
    }
    void fail() {
        const std::lock_guard lock(guard_);
        failed_ = true;
        changed_.notify_all();
    }

private:
    std::mutex guard_;
    std::condition_variable changed_;
    Index next_ = 0;
    bool failed_ = false;
};

/// Writes the columns of a source; `sorted_of(unit)` has those that are sorted already, or is empty for them.
template <class Output, ActivationStore Source, class SortedOf>
bool write_columns(Output& out, const Source& source, int wanted_threads, const ProgressCallback& progress,
                   const SortedOf& sorted_of) {
    using S = typename Source::Scalar;
    struct Worker {
        std::vector<S> loaded, values;
        std::vector<std::uint32_t> order;
        RadixScratch<S> radix;
    };
    const std::vector<ColumnToWrite> columns = columns_to_write(out.description());
    const auto n = static_cast<std::size_t>(source.samples());
    const auto count = static_cast<Index>(columns.size());
    const int threads = thread_count(wanted_threads, count);
    std::vector<Worker> workers(static_cast<std::size_t>(threads));
    Turns turns;
    const auto work = [&](Index number, int worker) {
        const ColumnToWrite& column = columns[static_cast<std::size_t>(number)];
        std::span<const S> values;
        std::span<const std::uint32_t> order;
        if (const StoredColumn<S> ready = column.sorted ? sorted_of(column.unit) : StoredColumn<S>(); !ready.empty()) {
            values = {ready.values, n};
            order = {ready.order, n};
        } else {
            Worker& mine = workers[static_cast<std::size_t>(worker)];
            values = source.values(column.unit, column.dimension, mine.loaded);
            if (column.sorted) {
                mine.values.resize(n);
                mine.order.resize(n);
                sort_column<S>(values, source.by_id(), mine.values.data(), mine.order.data(), mine.radix);
                values = mine.values;
                order = mine.order;
            }
        }
        if (!turns.wait(number)) return;
        if (column.sorted) {
            write_sorted_column<S>(
                out, [values](auto&& write) { write(values); }, [order](auto&& write) { write(order); });
        } else {
            out.write(values);
            out.pad();
        }
        turns.done();
    };
    return parallel_for(
        count, threads,
        [&](Index number, int worker) {
            catching([&] { work(number, worker); },
                     [&](const std::exception_ptr& caught) {
                         turns.fail();
                         std::rethrow_exception(caught);
                     });
        },
        [&](Index done) {
            return !progress ||
                   progress({static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(count), "writing"});
        });
}

}  // namespace renn::inline RENN_ABI::detail
