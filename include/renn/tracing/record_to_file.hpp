// SPDX-License-Identifier: MIT
// renn/tracing/record_to_file.hpp - records into a file: more than memory holds, interrupted and resumed at will.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <renn/data/dataset.hpp>
#include <renn/data/sample_batch.hpp>
#include <renn/io/file_writer.hpp>
#include <renn/tracing/data_fingerprint.hpp>
#include <renn/tracing/file_recording.hpp>
#include <renn/tracing/finish_recording.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/record.hpp>
#include <renn/tracing/record_file_options.hpp>
#include <renn/tracing/sample_source.hpp>

namespace renn::inline RENN_ABI {

namespace detail {

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
