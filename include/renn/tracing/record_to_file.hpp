// SPDX-License-Identifier: MIT
// renn/tracing/record_to_file.hpp - records into a file: more than memory holds, interrupted and resumed at will.
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
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/finite.hpp>
#include <renn/core/parallel.hpp>
#include <renn/core/progress.hpp>
#include <renn/data/dataset.hpp>
#include <renn/data/sample_batch.hpp>
#include <renn/io/file_writer.hpp>
#include <renn/tracing/data_fingerprint.hpp>
#include <renn/tracing/finish_recording.hpp>
#include <renn/tracing/journal.hpp>
#include <renn/tracing/memory_store.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/record.hpp>
#include <renn/tracing/thin.hpp>

namespace renn::inline RENN_ABI {

/// How a recording into a file runs; the file does not depend on it, but for `sorted` and `data`.
struct RecordFileOptions {
    Index batch = 64;                ///< samples run at once
    int threads = 0;                 ///< 0: every core, where the model may run in parallel
    ProgressCallback progress = {};  ///< phases "checking" and "recording" in samples, "writing" in columns of values;
                                     ///< false cancels: what was recorded stays, to be resumed
    std::uint64_t budget = std::uint64_t{256} << 20;  ///< bytes of memory, beside the model's and those of the data
    Index segment = 0;       ///< samples that are written, and lost, together; 0: what the budget suggests
    bool resume = true;      ///< goes on with the recording that was interrupted, if there is one; else begins anew
    bool sorted = true;      ///< units of one dimension with their index: open, and query at once
    std::uint64_t data = 0;  ///< fingerprint of what a stream yields, if it has one; a Dataset has its own
};

/// What became of it.
struct RecordedFile {
    bool finished = false;      ///< the file is there; else the callback cancelled
    Index samples = 0;          ///< recorded so far
    Index resumed = 0;          ///< of these, found in the journal
    std::uint64_t dropped = 0;  ///< bytes of the journal that were torn or damaged, and recorded again
    explicit operator bool() const noexcept { return finished; }
};

namespace detail {

/// The samples of a data set, a segment after another.
template <class S>
class DatasetSource {
public:
    DatasetSource(const Dataset<S>& data, Index every) : data_(&data), every_(every) {}

    Index total() const noexcept { return (data_->samples() + every_ - 1) / every_; }
    Column<S> first_input() const { return data_->input(0); }
    std::uint64_t first_id() const { return data_->id(0); }
    bool has_labels() const noexcept { return data_->has_labels(); }
    bool has_tags() const noexcept { return !data_->tags().empty(); }
    static constexpr Index held() noexcept { return 0; }

    /// What is known of the next samples, at most `count`; returns how many there are.
    Index next(RecordedSamples<S>& to, Index count) {
        begin_ += last_;
        last_ = std::min(count, total() - begin_);
        const auto take = [this](const auto& from, auto& all) {
            all.clear();
            for (Index s = begin_; s < begin_ + last_ && !from.empty(); ++s) {
                all.push_back(from[static_cast<std::size_t>(s * every_)]);
            }
        };
        take(data_->ids(), to.ids);
        take(data_->labels(), to.labels);
        take(data_->tags(), to.tags);
        return last_;
    }

    /// Calls f(inputs) for some of them, by their position among those.
    template <class F>
    void with_inputs(Index first, Index count, std::span<const std::uint64_t>, Batch<S>& scratch, F&& f) const {
        if (every_ == 1) {
            data_->inputs(begin_ + first, count, scratch);
        } else {
            std::vector<Index> chosen;
            for (Index s = begin_ + first; s < begin_ + first + count; ++s) chosen.push_back(s * every_);
            data_->inputs(chosen, scratch);
        }
        f(BatchView<S>(scratch));
    }

private:
    const Dataset<S>* data_;
    Index every_;
    Index begin_ = 0, last_ = 0;
};

/// What a stream yields, likewise: its batches cut anew.
template <class S, class Stream>
class StreamSource {
public:
    StreamSource(Stream& stream, Index every) : stream_(&stream), every_(every) {
        if (!pull()) raise<DataError>("record", "samples", "0", "at least 1");
        labelled_ = !batch_.labels.empty();
    }

    static constexpr Index total() noexcept { return 0; }
    Column<S> first_input() const { return batch_.inputs.col(0); }
    std::uint64_t first_id() const { return batch_.ids[0]; }
    bool has_labels() const noexcept { return labelled_; }
    static constexpr bool has_tags() noexcept { return false; }
    Index held() const noexcept { return batch_.inputs.rows(); }  ///< values a sample kept here

    Index next(RecordedSamples<S>& to, Index count) {
        to.ids.clear();
        to.labels.clear();
        reshape(inputs_, batch_.inputs.rows(), count);
        Index filled = 0;
        while (filled < count && (at_ < batch_.inputs.cols() || pull())) {
            if (batch_.inputs.rows() != inputs_.rows()) {
                raise<ShapeError>("record", "features of a batch", std::to_string(batch_.inputs.rows()),
                                  std::to_string(inputs_.rows()));
            }
            const Index taken = std::min(count - filled, batch_.inputs.cols() - at_);
            inputs_.middleCols(filled, taken) = batch_.inputs.middleCols(at_, taken);
            to.ids.insert(to.ids.end(), batch_.ids.begin() + at_, batch_.ids.begin() + at_ + taken);
            if (labelled_)
                to.labels.insert(to.labels.end(), batch_.labels.begin() + at_, batch_.labels.begin() + at_ + taken);
            filled += taken;
            at_ += taken;
        }
        return filled;
    }

    template <class F>
    void with_inputs(Index first, Index count, std::span<const std::uint64_t> ids, Batch<S>&, F&& f) const {
        const BatchView<S> x = inputs_.middleCols(first, count);
        require_finite<S>("record", "input", x, ids);  // a Dataset has checked its own
        f(x);
    }

private:
    /// The next batch that is not empty.
    bool pull() {
        for (at_ = 0;;) {
            const bool first = passed_ == 0;
            batch_.ids.clear();
            batch_.labels.clear();
            if (!(*stream_)(batch_)) {
                batch_.inputs.resize(batch_.inputs.rows(), 0);
                return false;
            }
            const Index count = batch_.inputs.cols();
            if (count == 0) continue;
            check_batch(batch_, first, labelled_);
            for (const std::int32_t label : batch_.labels) {
                if (label < 0) raise<DataError>("record", "label", std::to_string(label), "0 or more");
            }
            for (Index j = 0; batch_.ids.size() < static_cast<std::size_t>(count); ++j) {
                batch_.ids.push_back(passed_ + static_cast<std::uint64_t>(j));
            }
            if (every_ > 1) thin(batch_, passed_, every_);
            passed_ += static_cast<std::uint64_t>(count);
            if (batch_.inputs.cols() > 0) return true;
        }
    }

    Stream* stream_;
    Index every_;
    SampleBatch<S> batch_;
    Index at_ = 0;
    std::uint64_t passed_ = 0;  ///< samples of the stream, recorded or not
    bool labelled_ = false;
    Batch<S> inputs_;
};

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
                         "at least " + std::to_string(6 * sample * std::max<std::uint64_t>(1, wanted)));
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

template <class Model, class S, class Source, class System, class Names>
RecordedFile record_file(const Model& model, Source& source, const std::string& path, std::uint64_t data,
                         const Names& names, const RecordFileOptions& options, const Selection& selection,
                         const System& system) {
    RecordedFile result;
    {
        FileRecording<Model, S, Source, System> recording(model, source, path, data, names(), options, selection,
                                                          system);
        result = recording.record();
    }
    if (!result) return result;
    const WriteOptions write{
        .sorted = options.sorted, .threads = options.threads, .data = data, .progress = options.progress};
    result.finished = finish_recording<S>(path, names(), options.budget, write, system);
    return result;
}

inline void check_record_options(const RecordFileOptions& options) {
    check_record_options(RecordOptions{.batch = options.batch, .threads = options.threads});
}

}  // namespace detail

/// Records a data set into a store file, which FileStore opens. While that goes on, `path.recording` grows by whole
/// segments (read_journal reads it). A recording that was interrupted, by the callback, an error, a signal, is resumed
/// by the same call; the file is the same, byte for byte, as if nothing had happened, whatever threads, batch and
/// budget were. Then the file is made, beside `path.partial` and, where a unit's values exceed the budget, `path.runs`
/// and `path.order`; it appears whole, in place of an older one.
///
/// Throws   as record(); FormatError naming file and cause where one cannot be written or the interrupted recording is
///          damaged in its beginning; MismatchError where that is of another network, data, selection or build;
///          DataError for a budget that is too small, naming what would do.
/// Cost     one forward pass a sample; the values written twice and read once, in estimate().passes rounds; memory
///          at most the budget, beside the model's workspaces (a batch a thread) and the data.
/// Threads  one writer a path; readers of the older file go on with that.
template <class Model, class S, class System = detail::SystemCalls>
RecordedFile record_to_file(const Model& model, const Dataset<S>& data, const std::string& path,
                            const RecordFileOptions& options = {}, const Selection& selection = {},
                            System system = {}) {
    detail::check_record_options(options);
    detail::check_selection(selection);
    detail::check_data(model, data);
    detail::DatasetSource<S> source(data, selection.every);
    const auto names = [&data] {
        std::vector<std::string> all;
        for (int c = 0; c < data.classes(); ++c) all.push_back(data.class_name(c));
        return all;
    };
    return detail::record_file<Model, S>(model, source, path, data_fingerprint(data), names, options, selection,
                                         system);
}

/// The same of whatever a stream of batches yields, so that the inputs need not fit into memory either; a segment of
/// them does. To resume, the stream must begin anew and yield the same: ids and labels of what is skipped are compared,
/// and a sample a segment is run again.
template <class S, class Model, SampleStream<S> Stream, class System = detail::SystemCalls>
RecordedFile record_stream_to_file(const Model& model, Stream&& next, const std::string& path,
                                   const RecordFileOptions& options = {}, const Selection& selection = {},
                                   System system = {}) {
    detail::check_record_options(options);
    detail::check_selection(selection);
    detail::StreamSource<S, std::remove_reference_t<Stream>> source(next, selection.every);
    const auto names = [&] {
        std::vector<std::string> all;
        if constexpr (requires { next.class_names(); })
            all.assign(next.class_names().begin(), next.class_names().end());
        return all;
    };
    return detail::record_file<Model, S>(model, source, path, options.data, names, options, selection, system);
}

}  // namespace renn::inline RENN_ABI
