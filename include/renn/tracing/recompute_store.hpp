// SPDX-License-Identifier: MIT
// renn/tracing/recompute_store.hpp - a store that keeps no values: the samples run through the network again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/data/dataset.hpp>
#include <renn/tracing/activations.hpp>
#include <renn/tracing/memory_store.hpp>
#include <renn/tracing/part_of_store.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/pool_channels.hpp>
#include <renn/tracing/record.hpp>
#include <renn/tracing/recorded_samples.hpp>

namespace renn::inline RENN_ABI {

/// Answers as a MemoryStore of the same data does, bit for bit, but records each place anew when it is asked for and
/// keeps the last one only. A named data set must outlive the store, a temporary is kept.
///
/// When it pays. With B bytes of values a sample over P places, f seconds of a forward pass, and a disk that writes w
/// and reads r bytes a second, all places once cost
///
///     a file:        f + B (1 / w + 1 / r)     seconds a sample, and B bytes of disk
///     recomputing:   (1 + P) f                 seconds a sample, and none
///
/// so recomputing is faster only where P f < B (1 / w + 1 / r): few places that are wide for what they cost. A network
/// of 3 dense layers on MNIST (B = 1 KB, f = 3.4 us) would need a disk below 0.2 GB/s. Else it is for values that fit
/// nowhere: a place or two of them at a time, by `selection`, or write_store, which asks for one place after another.
/// An index over it keeps sorted columns of what was asked for, as over any store.
///
/// Threads  const members may run on several threads at once; one of them runs the network, on options.threads.
template <class Model>
class RecomputeStore : public RecordedSamples<typename Model::Scalar> {
    using Known = RecordedSamples<typename Model::Scalar>;

public:
    using S = typename Model::Scalar;

    /// Runs every sample once, for outputs and predictions; the first place stays. Throws as renn::record.
    template <class Data>
    RecomputeStore(Model model, Data&& data, const Selection& selection = {}, const RecordOptions& options = {})
        : state_(
              std::make_shared<State>(std::move(model), detail::hold(std::forward<Data>(data)), selection, options)) {
        const Dataset<S>& set = *state_->data;
        if (set.empty()) detail::raise<DataError>("RecomputeStore", "samples", "0", "1 or more");
        state_->options.progress = {};
        Known table;
        const Column<S> sample = set.input(0);
        detail::first_look<Model, S>(state_->model, sample, set.id(0), selection, table);
        std::uint32_t first = 0;
        while (!table.points[first].stored()) ++first;
        state_->place = again(table.points[first]);
        state_->number = first;
        static_cast<Known&>(*this) = *state_->place;
        this->points = std::move(table.points);
    }

    /// Cost   a forward pass a sample where the last question was for another place.
    std::span<const S> values(Unit u, Index dimension, std::vector<S>& scratch) const {
        const std::lock_guard lock(state_->guard);
        if (state_->number != u.point || !state_->place) {
            state_->place.reset();
            state_->place = again(this->points[u.point]);
            state_->number = u.point;
        }
        const auto column = state_->place->values({0, u.unit}, dimension);
        scratch.assign(column.begin(), column.end());
        return scratch;
    }

    /// Cost   a forward pass where the last question was for another place.
    S value(Unit u, Index dimension, Index sample) const {
        const Point& point = this->points[u.point];
        const std::lock_guard lock(state_->guard);
        if (state_->number == u.point && state_->place) return state_->place->value({0, u.unit}, dimension, sample);
        Activations<S> seen;
        auto workspace = make_workspace(state_->model);
        const Column<S> x = state_->data->input_of(this->ids[static_cast<std::size_t>(sample)]);
        seen.collect(state_->model, x, {}, workspace);
        if (!point.by_channel()) return seen[point.name](static_cast<Index>(point.units[u.unit]), 0);
        Batch<S> pooled;
        pool_channels<S>(point, seen[point.name], pooled);
        return pooled(static_cast<Index>(u.unit) * point.dimensions() + dimension, 0);
    }

private:
    struct State {
        State(Model m, std::shared_ptr<const Dataset<S>> d, Selection s, RecordOptions o)
            : model(std::move(m)), data(std::move(d)), selection(std::move(s)), options(std::move(o)) {}
        Model model;
        std::shared_ptr<const Dataset<S>> data;
        Selection selection;
        RecordOptions options;
        std::mutex guard;
        std::optional<MemoryStore<S>> place;  ///< the last one asked for
        std::uint32_t number = 0;
    };

    /// A recording of one place alone.
    MemoryStore<S> again(const Point& point) const {
        Selection one;
        one.layers = {point.name};
        one.units = {{point.name, point.units}};
        one.every = state_->selection.every;
        if (point.by_channel()) one.channels = {{point.name, point.cells.height, point.cells.width, point.pool}};
        return *record(state_->model, *state_->data, one, state_->options);
    }

    std::shared_ptr<State> state_;
};

}  // namespace renn::inline RENN_ABI
