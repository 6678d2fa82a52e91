// SPDX-License-Identifier: MIT
// renn/tracing/journal_writer.hpp - appends to the file of an unfinished recording.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/io/checksum.hpp>
#include <renn/io/file_writer.hpp>
#include <renn/tracing/journal_segment.hpp>
#include <renn/tracing/memory_store.hpp>
#include <renn/tracing/store_description.hpp>
#include <renn/tracing/store_head.hpp>
#include <renn/tracing/store_layout.hpp>

namespace renn::inline RENN_ABI::detail {

/// Appends segments to a journal. Nothing is trusted that is not whole, so writing needs no order and no wait.
template <class S, class System = SystemCalls>
class JournalWriter {
public:
    /// A new journal. It has its name only once its beginning is whole. `head` with samples (0: not known), network,
    /// data and segment; `what` with points, names and the kinds of blocks.
    JournalWriter(const std::string& path, StoreHead head, const StoreDescription<S>& what, System system)
        : JournalWriter(create(path, head, what, system), what, FileWriter<System>::Start::keep, system) {}

    /// An old one whose whole segments end at byte `end`.
    JournalWriter(const std::string& path, const StoreHead& head, const StoreDescription<S>& what, std::uint64_t end,
                  System system)
        : JournalWriter(std::pair(path, head.head_checksum), what, FileWriter<System>::Start::keep, system) {
        if (file_.size() != end) file_.truncate(end);
    }

    /// All samples of `segment`, whose columns must be exactly as long; `first` samples came before.
    void append(MemoryStore<S>& segment, Index first) {
        std::uint64_t tag_bytes = 0;
        for (const std::string& tag : segment.tags) tag_bytes += tag.size();
        const auto samples = static_cast<std::uint64_t>(segment.samples());
        const SegmentLayout at(what_, columns_, samples, tag_bytes);
        beginning_.assign(static_cast<std::size_t>(at.values), 0);
        const auto put = [&](std::uint64_t offset, const auto* from, std::size_t count) {
            if (count > 0) std::memcpy(beginning_.data() + offset, from, count * sizeof(*from));
        };
        put(at.ids, segment.ids.data(), segment.ids.size());
        put(at.outputs, segment.outputs.data(), static_cast<std::size_t>(segment.outputs.size()));
        put(at.labels, segment.labels.data(), segment.labels.size());
        put(at.predictions, segment.predictions.data(), segment.predictions.size());
        std::uint64_t end = 0;
        for (std::size_t i = 0; i < segment.tags.size(); ++i) {
            put(at.tags + end, segment.tags[i].data(), segment.tags[i].size());
            end += segment.tags[i].size();
            put(at.tag_ends + i * sizeof(end), &end, 1);
        }
        const std::size_t length = static_cast<std::size_t>(samples) * sizeof(S);  // of a column
        std::uint64_t sum_at = at.column_sums;
        for_each_block(segment, [&](const S* values, Index columns) {
            for (Index c = 0; c < columns; ++c, sum_at += sizeof(std::uint64_t)) {
                const std::uint64_t sum = checksum_of(values + c * segment.stride(), length);
                put(sum_at, &sum, 1);
            }
        });
        SegmentHead head;
        std::copy(std::begin(SegmentHead::mark), std::end(SegmentHead::mark), head.magic);
        head.first = static_cast<std::uint64_t>(first);
        head.samples = samples;
        head.tag_bytes = tag_bytes;
        head.bytes = at.bytes;
        head.checksum = segment_checksum(journal_, head, beginning_.data() + sizeof(head), at.values - sizeof(head));
        put(0, &head, 1);

        const std::uint64_t begin = file_.size();
        file_.write(beginning_.data(), beginning_.size());
        for_each_block(segment, [&](const S* values, Index columns) {
            if (segment.stride() == segment.samples()) {
                file_.write(values, static_cast<std::size_t>(columns) * length);
            } else {
                for (Index c = 0; c < columns; ++c) file_.write(values + c * segment.stride(), length);
            }
        });
        constexpr char zeros[store_alignment] = {};
        file_.write(zeros, static_cast<std::size_t>(begin + at.bytes - file_.size()));
        file_.start_writing(begin, at.bytes);
    }

    void close() {
        file_.sync();
        file_.close();
    }

private:
    JournalWriter(std::pair<std::string, std::uint64_t> path_and_journal, const StoreDescription<S>& what,
                  typename FileWriter<System>::Start start, const System& system)
        : what_(what),
          columns_(column_count(what.points)),
          journal_(path_and_journal.second),
          file_(std::move(path_and_journal.first), start, system) {}

    static std::pair<std::string, std::uint64_t> create(const std::string& path, StoreHead head,
                                                        const StoreDescription<S>& what, const System& system) {
        const std::string text = description_text(what);
        head.scalar = head.network_scalar = scalar_kind<S>;
        head.description_bytes = text.size();
        head.description_checksum = checksum_of(text.data(), text.size());
        const std::string partial = path + ".partial";
        RemoveUnlessKept<System> remove(partial, system);
        FileWriter<System> file(partial, FileWriter<System>::Start::anew, system);
        std::vector<char> page = head_page(head);
        std::memcpy(static_cast<void*>(&head), page.data(), sizeof(head));
        page.insert(page.end(), text.begin(), text.end());
        page.resize(aligned(page.size()), 0);
        file.write(page.data(), page.size());
        file.sync();
        file.close();
        rename_file(partial, path, system);
        remove.keep();
        return {path, head.head_checksum};
    }

    template <class F>
    static void for_each_block(MemoryStore<S>& segment, F&& f) {
        for (std::size_t p = 0; p < segment.points.size(); ++p) {
            if (segment.points[p].stored()) f(segment.column(p, 0), segment.points[p].columns());
        }
    }

    StoreDescription<S> what_;
    std::uint64_t columns_;
    std::uint64_t journal_;
    FileWriter<System> file_;
    std::vector<char> beginning_;
};

}  // namespace renn::inline RENN_ABI::detail
