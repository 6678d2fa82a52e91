// SPDX-License-Identifier: MIT
// renn/tracing/external_sort.hpp - sorts more than memory holds: sorted runs in a file, merged.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <renn/data/binary_file.hpp>
#include <renn/index/radix_sort.hpp>
#include <renn/io/file_writer.hpp>

namespace renn::inline RENN_ABI::detail {

/// A value (by its key) of one sample. The total order is that of (key, id).
template <class S>
struct SortItem {
    RadixKey<S> key;
    std::uint32_t position;
    std::uint64_t id;
    friend bool operator<(const SortItem& a, const SortItem& b) noexcept {
        return a.key != b.key ? a.key < b.key : a.id < b.id;
    }
};

/// Takes items in any order and gives them back in theirs, one set after another. What does not fit into `bytes` waits
/// in a file, which is there only while it is needed.
/// Throws   FormatError naming file and cause.
/// Cost     memory `bytes`, 4 MiB of them sort 2^32 items; the file 16 bytes an item (24 in double).
/// Threads  one.
template <class S, class System = SystemCalls>
class ExternalSort {
public:
    static constexpr std::size_t least_bytes = std::size_t{4} << 20;

    ExternalSort(std::string path, std::size_t bytes, System system = {})
        : path_(std::move(path)), system_(std::move(system)), capacity_(std::max(bytes, least_bytes) / sizeof(Item)) {
        capacity_ -= capacity_ / 4;  // what the runs need beside their items
        items_.reserve(capacity_);
    }

    void add(RadixKey<S> key, std::uint64_t id, std::uint32_t position) {
        if (items_.size() == capacity_) write_run();
        items_.push_back({key, position, id});
    }

    /// Calls take(item) for all items in ascending order; then the next set may come.
    template <class Take>
    void merge(Take&& take) {
        if (ends_.empty()) {
            std::sort(items_.begin(), items_.end());
            for (const Item& item : items_) take(item);
            items_.clear();
            return;
        }
        write_run();
        InputFile file("sort", path_);
        struct Run {
            std::uint64_t next, end;  ///< bytes of the file that are not read yet
            std::size_t at, filled;   ///< items of the buffer
        };
        const std::size_t share = capacity_ / ends_.size();
        items_.resize(share * ends_.size());
        std::vector<Run> runs;
        runs.reserve(ends_.size());
        std::vector<std::uint32_t> heap;  // runs that are not used up, the one of the least item on top
        heap.reserve(ends_.size());
        const auto fill = [&](std::size_t r) {
            Run& run = runs[r];
            const std::uint64_t count = std::min<std::uint64_t>(share, (run.end - run.next) / sizeof(Item));
            run.at = share * r;
            run.filled = run.at + static_cast<std::size_t>(count);
            file.read_at(run.next, items_.data() + run.at, count * sizeof(Item));
            run.next += count * sizeof(Item);
            return count > 0;
        };
        for (std::size_t r = 0; r < ends_.size(); ++r) {
            runs.push_back({r == 0 ? 0 : ends_[r - 1], ends_[r], 0, 0});
            if (fill(r)) heap.push_back(static_cast<std::uint32_t>(r));
        }
        const auto later = [&](std::uint32_t a, std::uint32_t b) { return items_[runs[b].at] < items_[runs[a].at]; };
        std::make_heap(heap.begin(), heap.end(), later);
        while (!heap.empty()) {
            std::pop_heap(heap.begin(), heap.end(), later);
            Run& run = runs[heap.back()];
            take(items_[run.at]);
            if (++run.at < run.filled || fill(heap.back())) {
                std::push_heap(heap.begin(), heap.end(), later);
            } else {
                heap.pop_back();
            }
        }
        ends_.clear();
        items_.clear();
        file_.reset();
        remove_.reset();
    }

private:
    using Item = SortItem<S>;

    void write_run() {
        if (items_.empty()) return;
        if (!file_) {
            remove_.emplace(path_, system_);
            file_.emplace(path_, FileWriter<System>::Start::anew, system_);
        }
        std::sort(items_.begin(), items_.end());
        file_->write(items_.data(), items_.size() * sizeof(Item));
        ends_.push_back(file_->size());
        items_.clear();
    }

    std::string path_;
    System system_;
    std::size_t capacity_;
    std::vector<Item> items_;
    std::vector<std::uint64_t> ends_;  ///< of the runs in the file
    std::optional<RemoveUnlessKept<System>> remove_;
    std::optional<FileWriter<System>> file_;
};

}  // namespace renn::inline RENN_ABI::detail
