// SPDX-License-Identifier: MIT
// renn/tracing/record.hpp - the recording pass: every sample runs through the model once.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/finite.hpp>
#include <renn/core/parallel.hpp>
#include <renn/core/progress.hpp>
#include <renn/data/dataset.hpp>
#include <renn/data/sample_batch.hpp>
#include <renn/network/fingerprint.hpp>
#include <renn/network/finite_parameters.hpp>
#include <renn/tracing/activations.hpp>
#include <renn/tracing/memory_store.hpp>
#include <renn/tracing/observe.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/store_writer.hpp>
#include <renn/tracing/thin.hpp>
#include <renn/training/evaluate.hpp>

namespace renn::inline RENN_ABI {

/// How the recording pass runs; the result does not depend on it.
struct RecordOptions {
    Index batch = 64;                ///< samples run at once
    int threads = 0;                 ///< 0: every core, where the model may run in parallel
    ProgressCallback progress = {};  ///< in samples; false cancels and leaves everything as it was
};

namespace detail {

/// Fingerprint of a model: its own, or the bits of what it does with one sample.
template <class Model, class S>
std::uint64_t model_fingerprint(const Model& model, const Activations<S>& of_first_sample) {
    if constexpr (requires { fingerprint(model); }) {
        return fingerprint(model);
    } else {
        if (model.options().fingerprint) return *model.options().fingerprint;
        std::uint64_t hash = 1;
        for (const auto& block : of_first_sample.blocks()) {
            hash = hash_text(block.name, hash);
            for (Index i = 0; i < block.values.size(); ++i) {
                hash = mix(hash, std::bit_cast<std::uint64_t>(static_cast<double>(block.values.data()[i])));
            }
        }
        return hash;
    }
}

/// One thread's share of a recording.
template <class Model, class Store>
struct RecordWorker {
    using S = typename Store::Scalar;
    decltype(make_workspace(std::declval<const Model&>())) workspace;
    StoreWriter<Store> writer;
    Batch<S> inputs;

    RecordWorker(const Model& model, Store& store, const Activations<S>& seen)
        : workspace(make_workspace(model)), writer(store, seen) {}

    /// Runs samples that go to positions [first, first + x.cols()) of the store.
    void run(const Model& model, Store& store, const BatchView<S>& x, Index first) {
        const auto ids = std::span<const std::uint64_t>(store.ids).subspan(static_cast<std::size_t>(first),
                                                                           static_cast<std::size_t>(x.cols()));
        writer.begin(first, x.cols());
        const Batch<S>& y = observe(model, x, ids, workspace, writer);
        writer.end();
        if (y.rows() == 0) return;
        if (y.rows() != store.outputs.rows()) {
            raise<ShapeError>("record", "outputs", std::to_string(y.rows()), std::to_string(store.outputs.rows()));
        }
        require_finite<S>("record", "output", y, ids);
        std::copy_n(y.data(), y.size(), store.outputs.data() + first * y.rows());
        for (Index j = 0; j < y.cols(); ++j) {
            store.predictions[static_cast<std::size_t>(first + j)] = predicted_class(y.col(j));
        }
    }
};

template <class Model, class Store>
using RecordWorkers = std::vector<std::unique_ptr<RecordWorker<Model, Store>>>;

template <class Model, class Store>
RecordWorkers<Model, Store> make_workers(const Model& model, Store& store,
                                         const Activations<typename Store::Scalar>& seen, int threads) {
    RecordWorkers<Model, Store> workers;
    for (int t = 0; t < threads; ++t) {
        workers.push_back(std::make_unique<RecordWorker<Model, Store>>(model, store, seen));
    }
    return workers;
}

inline void check_record_options(const RecordOptions& options) {
    if (options.batch < 1) raise<DataError>("record", "batch", std::to_string(options.batch), "1 or more");
    if (options.threads < 0) raise<DataError>("record", "threads", std::to_string(options.threads), "0 or more");
}

template <class Model, class S>
void check_data(const Model& model, const Dataset<S>& data) {
    if (data.empty()) raise<DataError>("record", "samples", "0", "1 or more");
    if (data.samples() > static_cast<Index>(std::numeric_limits<std::uint32_t>::max())) {
        raise<DataError>("record", "samples", std::to_string(data.samples()), "at most 2^32 - 1");
    }
    if (model.in_features() != Dynamic && model.in_features() != data.features()) {
        raise<ShapeError>("record", "features", std::to_string(data.features()),
                          std::to_string(model.in_features()) + ", the network's in_features");
    }
}

/// A batch of a stream must be whole; `first`: none came before, else `labelled` says whether those had labels.
template <class S>
void check_batch(const SampleBatch<S>& batch, bool first, bool labelled) {
    const Index count = batch.inputs.cols();
    if (!batch.ids.empty() && std::ssize(batch.ids) != count) {
        raise<ShapeError>("record", "ids of a batch", shape_text(std::ssize(batch.ids), 1), shape_text(count, 1));
    }
    if (!batch.labels.empty() ? std::ssize(batch.labels) != count : labelled) {
        raise<ShapeError>("record", "labels of a batch", std::to_string(batch.labels.size()), std::to_string(count));
    }
    if (!batch.labels.empty() && !labelled && !first) {
        raise<ShapeError>("record", "labels of a batch", std::to_string(batch.labels.size()),
                          "none, as in the batches before");
    }
}

/// Looks at the model with its first sample: which places it has, what it puts out, what its fingerprint is.
template <class Model, class S, class Store>
Activations<S> first_look(const Model& model, const BatchView<S>& sample, std::uint64_t id, const Selection& selection,
                          Store& store) {
    if constexpr (requires { model.parameters(); }) require_finite_parameters("record", model);
    Activations<S> seen;
    auto workspace = make_workspace(model);
    seen.collect(model, sample, std::span(&id, 1), workspace);
    if (seen.blocks().empty()) raise<DataError>("record", "places the model reported", "none", "1 or more");
    store.points = make_points(seen, selection);
    store.outputs.resize(seen.output().rows(), 0);
    store.fingerprint = model_fingerprint(model, seen);
    if constexpr (!requires { fingerprint(model); }) {
        if (!model.options().fingerprint) store.first_input = sample;
    }
    return seen;
}

template <class Store>
void make_room(Store& store, Index capacity, Index filled) {
    store.reserve(capacity, filled);
    store.outputs.conservativeResize(Eigen::NoChange, capacity);
    if (store.outputs.rows() > 0) store.predictions.resize(static_cast<std::size_t>(capacity));
}

}  // namespace detail

/// Records every sample of a data set. Returns the finished store, or nothing if the callback cancelled.
///
/// Throws   DataError for empty data, impossible options, or values that are not finite, naming layer, unit and
///          sample; ShapeError where data and model do not fit; MismatchError where foreign code does not repeat its
///          places. What a model throws on any thread reaches the caller after all threads have stopped.
/// Cost     one forward pass a sample; memory samples x recorded units x sizeof(S), or of an encoding's code
///          (tracing/reduced.hpp): record<Float16>(net, data). Where units have ranges, these cost a pass of their own.
template <class E = Exact, class Model, class S>
std::optional<MemoryStore<S, E>> record(const Model& model, const Dataset<S>& data, const Selection& selection = {},
                                        const RecordOptions& options = {}) {
    static_assert(Encoding<E, S>, "renn: this type is not an encoding (tracing/encoding.hpp)");
    using Store = MemoryStore<S, E>;
    detail::check_record_options(options);
    detail::check_selection(selection);
    detail::check_data(model, data);
    Store store;
    const Column<S> first = data.input(0);
    const Activations<S> seen = detail::first_look<Model, S>(model, first, data.id(0), selection, store);
    const std::vector<Index> positions = detail::positions(data.samples(), selection.every);
    const auto samples = static_cast<Index>(positions.size());
    const auto take = [&positions](const auto& from, auto& to) {
        if (from.empty()) return;
        to.reserve(positions.size());
        for (const Index s : positions) to.push_back(from[static_cast<std::size_t>(s)]);
    };
    take(data.ids(), store.ids);
    take(data.labels(), store.labels);
    take(data.tags(), store.tags);
    for (int c = 0; c < data.classes(); ++c) store.class_names.push_back(data.class_name(c));
    store.index_ids();
    detail::make_room(store, samples, 0);

    const Index tasks = (samples + options.batch - 1) / options.batch;
    const int threads = may_run_in_parallel(model) ? detail::thread_count(options.threads, tasks) : 1;
    auto workers = detail::make_workers(model, store, seen, threads);

    const auto pass = [&](std::string_view phase) {
        return detail::parallel_for(
            tasks, threads,
            [&](Index task, int worker) {
                auto& mine = *workers[static_cast<std::size_t>(worker)];
                const Index begin = task * options.batch;
                const Index count = std::min(options.batch, samples - begin);
                if (selection.every == 1) {
                    data.inputs(begin, count, mine.inputs);
                } else {
                    const auto chosen = std::span(positions).subspan(static_cast<std::size_t>(begin));
                    data.inputs(chosen.first(static_cast<std::size_t>(count)), mine.inputs);
                }
                mine.run(model, store, mine.inputs, begin);
            },
            [&](Index done) {
                const Index count = std::min(done * options.batch, samples);
                return !options.progress || options.progress({static_cast<std::uint64_t>(count),
                                                              static_cast<std::uint64_t>(samples), phase});
            });
    };
    if constexpr (E::ranged == Ranged::unit) {
        for (const auto& worker : workers) worker->writer.measure();
        if (!pass("measuring")) return std::nullopt;
        detail::set_ranges(store, workers);
    }
    if (!pass("recording")) return std::nullopt;
    return store;
}

/// Records whatever a stream of batches yields, so that the inputs need not fit into memory. The stream is called by
/// one thread only, a few batches ahead of the model. A stream with class_names() is asked for them at its end.
template <class S, class E = Exact, class Model, SampleStream<S> Stream>
std::optional<MemoryStore<S, E>> record_stream(const Model& model, Stream&& next, const Selection& selection = {},
                                               const RecordOptions& options = {}) {
    static_assert(E::ranged != Ranged::unit,
                  "renn: a stream passes once, and ranges of units need a pass of their own: record a Dataset, or "
                  "encode by sample");
    static_assert(Encoding<E, S>, "renn: this type is not an encoding (tracing/encoding.hpp)");
    using Store = MemoryStore<S, E>;
    detail::check_record_options(options);
    detail::check_selection(selection);
    std::uint64_t passed = 0;  // samples of the stream, recorded or not
    Store store;
    std::optional<Activations<S>> seen;
    const int threads = may_run_in_parallel(model) ? detail::thread_count(options.threads, 1024) : 1;
    detail::RecordWorkers<Model, Store> workers;
    std::vector<SampleBatch<S>> ahead(static_cast<std::size_t>(threads));
    std::vector<Index> begins(ahead.size());

    for (bool more = true; more;) {
        Index filled = store.samples();
        std::size_t batches = 0;
        while (batches < ahead.size()) {
            SampleBatch<S>& batch = ahead[batches];
            batch.ids.clear();  // the batch was used before, and a stream may leave them out
            batch.labels.clear();
            if (!(more = next(batch))) break;
            if (batch.inputs.cols() == 0) continue;
            Index count = batch.inputs.cols();
            detail::check_batch(batch, store.samples() == 0, !store.labels.empty());
            if (selection.every > 1) {
                detail::thin(batch, passed, selection.every);
                passed += static_cast<std::uint64_t>(count);
                count = batch.inputs.cols();
                if (count == 0) continue;
            }
            for (Index j = 0; j < count; ++j) {
                store.ids.push_back(batch.ids.empty() ? static_cast<std::uint64_t>(store.ids.size())
                                                      : batch.ids[static_cast<std::size_t>(j)]);
            }
            store.labels.insert(store.labels.end(), batch.labels.begin(), batch.labels.end());
            begins[batches++] = filled;
            filled += count;
        }
        if (batches == 0) break;
        if (!seen) {
            seen = detail::first_look<Model, S>(model, ahead[0].inputs.col(0), store.ids[0], selection, store);
            workers = detail::make_workers(model, store, *seen, threads);
        }
        if (filled > store.capacity()) detail::make_room(store, std::max(filled, 2 * store.capacity()), begins[0]);
        detail::parallel_for(static_cast<Index>(batches), threads, [&](Index task, int worker) {
            const auto b = static_cast<std::size_t>(task);
            const auto& x = ahead[b].inputs;  // a Dataset has checked its own
            detail::require_finite<S>("record", "input", x,
                                      std::span<const std::uint64_t>(store.ids).subspan(
                                          static_cast<std::size_t>(begins[b]), static_cast<std::size_t>(x.cols())));
            workers[static_cast<std::size_t>(worker)]->run(model, store, x, begins[b]);
        });
        if (options.progress && !options.progress({static_cast<std::uint64_t>(filled), 0, "recording"})) {
            return std::nullopt;
        }
    }
    if (!seen) detail::raise<DataError>("record", "samples", "0", "1 or more");
    detail::make_room(store, store.samples(), store.samples());
    const auto negative = std::find_if(store.labels.begin(), store.labels.end(), [](auto l) { return l < 0; });
    if (negative != store.labels.end()) {
        detail::raise<DataError>("record", "label", std::to_string(*negative), "0 or more");
    }
    if constexpr (requires { next.class_names(); }) {
        store.class_names.assign(next.class_names().begin(), next.class_names().end());
    }
    store.index_ids();
    return store;
}

}  // namespace renn::inline RENN_ABI
