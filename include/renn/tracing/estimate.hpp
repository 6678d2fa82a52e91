// SPDX-License-Identifier: MIT
// renn/tracing/estimate.hpp - what a recording will cost, before anything is written.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/data/dataset.hpp>
#include <renn/index/packed_column.hpp>
#include <renn/index/search_levels.hpp>
#include <renn/tracing/finish_plan.hpp>
#include <renn/tracing/journal_segment.hpp>
#include <renn/tracing/memory_store.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/record_to_file.hpp>
#include <renn/tracing/recording_journal.hpp>
#include <renn/tracing/sample_source.hpp>
#include <renn/tracing/store_description.hpp>
#include <renn/tracing/store_layout.hpp>
#include <renn/tracing/write_store.hpp>

namespace renn::inline RENN_ABI {

/// What record_to_file will need, in bytes but for the last two.
struct RecordingEstimate {
    std::uint64_t bytes_on_disk = 0;    ///< of the finished file
    std::uint64_t journal_bytes = 0;    ///< beside it until it is finished: both are needed together
    std::uint64_t bytes_in_memory = 0;  ///< what record() would take instead; an index comes on top
    std::uint64_t in_sorted_store = 0;  ///< what a SortedStore would, its index included
    std::uint64_t in_packed_store = 0;  ///< what a PackedStore would at most; 4.4 bytes a value are more like it
    std::uint64_t memory = 0;           ///< of recording into the file: at most the budget
    std::uint64_t least_budget = 0;     ///< no smaller one will do
    std::uint64_t passes = 0;           ///< over the journal, to finish it
    Index segment = 0;                  ///< samples that are written, and lost, together
};

namespace detail {

/// What describe_store asks of a store, of one that is not there yet.
template <class S>
struct ExpectedStore {
    struct Array {
        std::size_t count;
        std::size_t size() const noexcept { return count; }
        bool empty() const noexcept { return count == 0; }
    };
    struct Outputs {
        Index count;
        Index rows() const noexcept { return count; }
    };
    using Scalar = S;

    const std::vector<Point>& points;
    const std::vector<std::string>& class_names;
    std::string build;
    const Batch<S>& first_input;
    Array labels;
    std::span<const std::string> tags;
    Outputs outputs;
    Index count;
    bool ordered;
    std::uint64_t fingerprint = 0;
    Index samples() const noexcept { return count; }
    static constexpr int classes() noexcept { return 0; }
    Array by_id() const noexcept { return {ordered ? std::size_t{0} : static_cast<std::size_t>(count)}; }
};

/// What sorted columns take beside the values of the recording; `packed`: where no value shares a bit with another.
template <class S>
std::uint64_t bytes_of_order(const std::vector<Point>& points, std::uint64_t n, bool packed) {
    std::uint64_t columns = 0;
    for (const Point& point : points) columns += point.stored() && point.dimensions() == 1 ? point.units.size() : 0;
    std::uint64_t column = SearchLevels(static_cast<std::uint32_t>(n)).values() * sizeof(S);
    if (packed) {
        constexpr std::uint64_t block = PackedValues<S>::block;
        column += (n + block - 1) / block * (sizeof(typename PackedValues<S>::Head) + sizeof(S)) +
                  (n * PackedOrder::width_for(n) + 63) / 64 * 8 + block * sizeof(S) + 64;
    } else {
        column += n * sizeof(std::uint32_t);
    }
    return columns * column;
}

/// `tags` of those samples that are recorded.
template <class S, class Source>
RecordingEstimate estimate(const MemoryStore<S>& store, const Source& source, Index samples, bool ordered,
                           std::span<const std::string> tags, const RecordFileOptions& options) {
    const auto n = static_cast<std::uint64_t>(samples);
    const StoreDescription<S> journal = describe_journal(store, source);
    const std::uint64_t columns = column_count(store.points);
    RecordingEstimate result;
    result.segment = choose_segment(journal, source.held(), options);
    result.journal_bytes = aligned(store_head_bytes + description_text(journal).size());
    std::uint64_t meta = 0, largest = 0, all_tags = 0;
    const auto segment = [&](std::uint64_t count, std::uint64_t tag_bytes) {
        const SegmentLayout at(journal, columns, count, tag_bytes);
        meta = std::max(meta, at.values);
        largest = std::max(largest, at.bytes);
        return at.bytes;
    };
    const auto length = static_cast<std::uint64_t>(result.segment);
    if (tags.empty()) {
        result.journal_bytes += n / length * segment(std::min(n, length), 0);
        if (n % length != 0) result.journal_bytes += segment(n % length, 0);
    } else {
        for (std::uint64_t first = 0; first < n; first += length) {
            std::uint64_t bytes = 0;
            const std::uint64_t count = std::min(length, n - first);
            for (std::uint64_t s = first; s < first + count; ++s) bytes += tags[s].size();
            result.journal_bytes += segment(count, bytes);
            all_tags += bytes + count * sizeof(std::string);
        }
    }
    const ExpectedStore<S> expected{store.points,
                                    store.class_names,
                                    store.build,
                                    store.first_input,
                                    {source.has_labels() ? static_cast<std::size_t>(samples) : 0},
                                    tags,
                                    {store.outputs.rows()},
                                    samples,
                                    ordered};
    auto [head, what] = describe_store(expected, options.sorted, 0);
    lay_out(head, what);
    result.bytes_on_disk = head.file_bytes;

    const std::uint64_t a_sample = sizeof(std::uint64_t) + (ordered ? 0 : 4) +
                                   static_cast<std::uint64_t>(store.outputs.rows()) * sizeof(S) +
                                   (store.outputs.rows() > 0 ? 4 : 0) + (source.has_labels() ? 4 : 0);
    const auto stride = static_cast<std::uint64_t>(MemoryStore<S>::stride_of(samples));
    result.bytes_in_memory = columns * stride * sizeof(S) + n * a_sample + all_tags;
    result.in_sorted_store = result.bytes_in_memory + bytes_of_order<S>(store.points, n, false);
    result.in_packed_store = result.bytes_in_memory + bytes_of_order<S>(store.points, n, true);
    const FinishPlan plan(sizeof(S), n, columns, finish_bytes<S>(n, columns, meta, length), meta, ordered,
                          options.budget, thread_count(options.threads, static_cast<Index>(columns)));
    result.least_budget = plan.least;
    result.passes = plan.passes;
    const std::uint64_t recording = 3 * largest + 2 * meta;
    const std::uint64_t finishing = plan.fixed + (ordered ? 0 : 4 * n) +
                                    static_cast<std::uint64_t>(plan.threads) * plan.thread + plan.group * plan.column;
    result.memory = std::max(recording, plan.group > 0 ? finishing : options.budget);
    return result;
}

}  // namespace detail

/// What recording a data set into a file takes: lengths of files to the byte, memory as an upper bound. Runs one
/// sample.
/// Throws   as record_to_file, but for a budget that holds no sample only.
template <class Model, class S>
RecordingEstimate estimate(const Model& model, const Dataset<S>& data, const Selection& selection = {},
                           const RecordFileOptions& options = {}) {
    detail::check_record_options(options);
    detail::check_selection(selection);
    detail::check_data(model, data);
    detail::DatasetSource<S> source(data, selection.every);
    MemoryStore<S> store;
    detail::first_look<Model, S>(model, source.first_input(), source.first_id(), selection, store);
    for (int c = 0; c < data.classes(); ++c) store.class_names.push_back(data.class_name(c));
    RecordedSamples<S> known;
    const Index samples = source.next(known, source.total());
    const bool ordered = std::is_sorted(known.ids.begin(), known.ids.end());
    return detail::estimate<S>(store, source, samples, ordered, known.tags, options);
}

namespace detail {

/// A source of samples that nobody has seen yet.
struct ExpectedSource {
    Index features;
    static constexpr bool has_labels() noexcept { return true; }
    static constexpr bool has_tags() noexcept { return false; }
    Index held() const noexcept { return features; }
};

}  // namespace detail

/// The same for n samples that come from a stream: with labels, ascending ids and no names of classes.
/// Throws  DataError for a network that does not know its features; estimate a small Dataset then.
template <class Net>
RecordingEstimate estimate(const Net& net, Index n, const Selection& selection = {},
                           const RecordFileOptions& options = {}) {
    using S = typename Net::Scalar;
    detail::check_selection(selection);
    if (n < 1) detail::raise<DataError>("estimate", "samples", std::to_string(n), "1 or more");
    if (net.in_features() == Dynamic) {
        detail::raise<DataError>("estimate", "features of the network", "unknown", "a Dataset to estimate with");
    }
    MemoryStore<S> store;
    const Column<S> zeros = Column<S>::Zero(net.in_features());
    detail::first_look<Net, S>(net, zeros, 0, selection, store);
    const Index samples = (n + selection.every - 1) / selection.every;
    return detail::estimate<S>(store, detail::ExpectedSource{net.in_features()}, samples, true, {}, options);
}

}  // namespace renn::inline RENN_ABI
