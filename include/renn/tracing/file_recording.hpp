// SPDX-License-Identifier: MIT
// renn/tracing/file_recording.hpp - runs a model over samples and appends what it reports to a journal.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/parallel.hpp>
#include <renn/core/progress.hpp>
#include <renn/tracing/activations.hpp>
#include <renn/tracing/finish_plan.hpp>
#include <renn/tracing/journal_reader.hpp>
#include <renn/tracing/journal_segment.hpp>
#include <renn/tracing/journal_writer.hpp>
#include <renn/tracing/memory_store.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/record.hpp>
#include <renn/tracing/record_file_options.hpp>
#include <renn/tracing/recording_journal.hpp>
#include <renn/tracing/store_description.hpp>
#include <renn/tracing/store_head.hpp>

namespace renn::inline RENN_ABI::detail {

/// A recording that goes on: what one call of record_to_file works on.
template <class Model, class S, class Source, class System>
class FileRecording {
public:
    FileRecording(const Model& model, Source& source, std::string path, std::uint64_t data,
                  const std::vector<std::string>& class_names, const RecordFileOptions& options,
                  const Selection& selection, const System& system)
        : model_(model), source_(source), path_(std::move(path)), options_(options), system_(system) {
        const Column<S> first = source.first_input();
        seen_ = first_look<Model, S>(model, first, source.first_id(), selection, filling_);
        filling_.class_names = class_names;
        what_ = describe_journal(filling_, source);
        head_.samples = static_cast<std::uint64_t>(source.total());
        head_.network = filling_.fingerprint;
        head_.data = data;
        check_finish();
        head_.segment = static_cast<std::uint64_t>(choose_segment(what_, source.held(), options));
        const Index tasks = static_cast<Index>(head_.segment) / options.batch + 1;
        threads_ = may_run_in_parallel(model) ? thread_count(options.threads, tasks) : 1;
        full_.points = filling_.points;
        full_.outputs.resize(filling_.outputs.rows(), 0);
        workers_ = make_workers(model, filling_, seen_, threads_);
    }

    /// Until the stream of samples ends, or the callback cancels.
    RecordedFile record() {
        RecordedFile result;
        std::optional<JournalWriter<S, System>> writer;
        const std::string journal = journal_path(path_);
        if (options_.resume && std::filesystem::exists(journal)) {
            JournalReader<S> reader(journal);
            check_same_recording(reader, head_, what_);
            head_ = reader.head();
            while (reader.next()) {
                skip(reader);
                if (!tell(reader.samples(), "checking")) return {false, reader.samples(), reader.samples(), 0};
            }
            result.samples = result.resumed = reader.samples();
            result.dropped = reader.dropped();
            writer.emplace(journal, head_, what_, reader.end(), system_);
        } else {
            writer.emplace(journal, head_, what_, system_);
        }
        const auto segment = static_cast<Index>(head_.segment);
        for (Index waiting = 0;;) {  // samples of the segment before, which is written while the next is filled
            const Index count = source_.next(filling_, segment);
            if (count == 0 && waiting == 0) break;
            if (result.samples + waiting + count > static_cast<Index>(std::numeric_limits<std::uint32_t>::max())) {
                raise<DataError>("record", "samples", "more", "at most 2^32 - 1");
            }
            if (count > 0 && result.samples + waiting > 0 && (result.samples + waiting) % segment != 0) {
                raise<MismatchError>(journal, "samples", "more", std::to_string(result.samples) + ", as recorded");
            }
            if (count > 0 && filling_.capacity() != count) make_room(filling_, count, 0);
            const Index writes = waiting > 0 ? 1 : 0, base = result.samples + waiting;
            const bool finished =
                parallel_for((count + options_.batch - 1) / options_.batch + writes, threads_,
                             [&](Index task, int worker) {
                                 if (task < writes) return writer->append(full_, base - waiting);
                                 run((task - writes) * options_.batch, count, worker);
                             },
                             [&](Index done) {
                                 return tell(base + std::min(std::max<Index>(0, done - writes) * options_.batch, count),
                                             "recording");
                             });
            result.samples = base;
            if (!finished) {
                writer->close();
                return result;
            }
            std::swap(filling_, full_);
            waiting = count;
        }
        writer->close();
        result.finished = true;
        return result;
    }

private:
    /// A budget too small to make a file with is refused before anything is recorded, not after.
    void check_finish() const {
        const std::uint64_t columns = column_count(filling_.points), n = head_.samples;
        const FinishPlan plan(sizeof(S), n, columns, finish_bytes<S>(n, columns, 0, 1), 0, true, options_.budget, 1);
        if (options_.budget >= plan.least) return;
        raise<DataError>("record", "budget", std::to_string(options_.budget) + " bytes",
                         std::to_string(plan.least) + " bytes or more");
    }

    void run(Index begin, Index samples, int worker) {
        auto& mine = *workers_[static_cast<std::size_t>(worker)];
        const Index count = std::min(options_.batch, samples - begin);
        const auto ids = std::span<const std::uint64_t>(filling_.ids)
                             .subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count));
        source_.with_inputs(begin, count, ids, mine.inputs,
                            [&](const BatchView<S>& x) { mine.run(model_, filling_, x, begin); });
    }

    /// The samples of the segment read last again: they must be those that it has, and the first of them make the model
    /// put out what it put out.
    void skip(JournalReader<S>& reader) {
        const std::size_t s = reader.segments() - 1;
        const Index count = source_.next(filling_, reader.samples(s));
        std::vector<std::uint64_t> ids;
        std::vector<std::int32_t> labels;
        std::vector<S> outputs;
        reader.part(s, BlockKind::ids, ids);
        reader.part(s, BlockKind::labels, labels);
        reader.part(s, BlockKind::outputs, outputs);
        bool same = count == reader.samples(s) && ids == filling_.ids && labels == filling_.labels;
        if (same) {
            if (filling_.capacity() != count) make_room(filling_, count, 0);
            run(0, 1, 0);
            const auto bytes = static_cast<std::size_t>(filling_.outputs.rows()) * sizeof(S);
            same = bytes == 0 || std::memcmp(outputs.data(), filling_.outputs.data(), bytes) == 0;
        }
        if (!same) {
            raise<MismatchError>(reader.context(), "samples from number " + std::to_string(reader.first(s)) + " on",
                                 "other ones", "those of the interrupted recording");
        }
    }

    bool tell(Index done, std::string_view phase) const {
        return !options_.progress || options_.progress({static_cast<std::uint64_t>(done), head_.samples, phase});
    }

    const Model& model_;
    Source& source_;
    std::string path_;
    const RecordFileOptions& options_;
    System system_;
    MemoryStore<S> filling_, full_;
    Activations<S> seen_;
    StoreDescription<S> what_;
    StoreHead head_{"journal"};
    int threads_ = 1;
    RecordWorkers<Model, MemoryStore<S>> workers_;
};

}  // namespace renn::inline RENN_ABI::detail
