// SPDX-License-Identifier: MIT
// renn/tracing/store_writer.hpp - from what a model reports to what the store keeps.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>
#include <renn/core/error.hpp>
#include <renn/core/finite.hpp>
#include <renn/tracing/activations.hpp>
#include <renn/tracing/encoding.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/pool_channels.hpp>
#include <renn/tracing/stream_out.hpp>

namespace renn::inline RENN_ABI::detail {

/// Makes the channels of a place its neurons if the selection says so. Throws DataError for a place that is no image or
/// has fewer rows or columns than cells.
inline void choose_channels(Point& point, const Selection& selection) {
    for (const Channels& images : selection.channels) {
        if (!images.layer.empty() && images.layer != point.name) continue;
        if (point.shape.positions() < 2 && images.layer.empty()) continue;
        if (point.shape.size() == 0) {
            raise<DataError>("trace", "channels of " + point.name, "none", "a place that is an image");
        }
        const Shape& shape = point.shape;
        if (images.height < 1 || images.width < 1 || images.height > shape.height || images.width > shape.width) {
            raise<DataError>("trace", "cells of a channel of " + point.name, shape_text(images.height, images.width),
                             "1 x 1 to " + shape_text(shape.height, shape.width));
        }
        point.cells = {shape.channels, images.height, images.width};
        point.pool = images.pool;
    }
}

/// Table of points for what a model reported in its first run. Throws DataError for a selection that names nothing.
template <class S>
std::vector<Point> make_points(const Activations<S>& seen, const Selection& selection) {
    const auto& blocks = seen.blocks();
    const auto require_known = [&](const std::string& name) {
        for (const auto& block : blocks) {
            if (block.name == name) return;
        }
        raise<DataError>("trace", "selected layer", "\"" + name + "\"", "one of " + seen.names());
    };
    for (const std::string& name : selection.layers) require_known(name);
    for (const auto& units : selection.units) require_known(units.layer);
    for (const auto& images : selection.channels) {
        if (!images.layer.empty()) require_known(images.layer);
    }

    std::vector<Point> points;
    std::vector<Index> point_of(blocks.size(), -1);
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        const auto& block = blocks[b];
        const bool wanted_kind = block.kind == Kind::pre ? selection.pre : selection.post;
        const bool wanted_name = selection.layers.empty() || std::find(selection.layers.begin(), selection.layers.end(),
                                                                       block.name) != selection.layers.end();
        if (!wanted_kind || !wanted_name) continue;
        Point point{block.name, block.kind, block.layer, block.width, -1, {}, block.shape};
        choose_channels(point, selection);
        for (const auto& chosen : selection.units) {
            if (chosen.layer != block.name) continue;
            point.units = chosen.units;
            std::sort(point.units.begin(), point.units.end());
            point.units.erase(std::unique(point.units.begin(), point.units.end()), point.units.end());
            if (!point.units.empty() && static_cast<Index>(point.units.back()) >= point.neurons()) {
                raise<DataError>("trace", "selected unit of " + block.name, std::to_string(point.units.back()),
                                 "0.." + std::to_string(point.neurons() - 1));
            }
        }
        if (point.units.empty()) {
            point.units.resize(static_cast<std::size_t>(point.neurons()));
            std::iota(point.units.begin(), point.units.end(), 0U);
        }
        // A post-activation is recomputed where the same units of its pre-activation are stored.
        if (block.derived && !point.by_channel() && b > 0 && point_of[b - 1] >= 0) {
            const Point& source = points[static_cast<std::size_t>(point_of[b - 1])];
            if (!source.by_channel() && source.units == point.units) point.derived_from = point_of[b - 1];
        }
        point_of[b] = static_cast<Index>(points.size());
        points.push_back(std::move(point));
    }
    if (points.empty()) raise<DataError>("trace", "selection", "no layer", "1 or more of " + seen.names());
    return points;
}

/// Recorder that writes blocks into the store, transposed: unit after unit; encoded on the way where the store wants
/// that. Where units have ranges, a pass that measures them comes first.
template <class Store>
class StoreWriter {
    using S = typename Store::Scalar;
    using E = typename Store::Encoding;

public:
    StoreWriter(Store& store, const Activations<S>& seen)
        : store_(store), seen_(seen), cursor_(seen.blocks().size()), point_of_(seen.blocks().size(), -1) {
        for (std::size_t b = 0; b < seen.blocks().size(); ++b) {
            for (std::size_t p = 0; p < store.points.size(); ++p) {
                if (store.points[p].name == seen.blocks()[b].name && store.points[p].stored()) {
                    point_of_[b] = static_cast<Index>(p);
                }
            }
        }
    }

    void begin(Index first, Index count) {
        first_ = first;
        count_ = count;
        streams_ = store_.bytes() >= std::size_t{8} << 20;  // the caches hold less
        cursor_.begin();
    }

    void record(const Place& place, const BatchView<S>& block, std::span<const std::uint64_t> ids) {
        const std::size_t b = cursor_.find(place.name, place.kind, block.rows(), block.cols(), count_, seen_.blocks());
        if (streamed(point_of_[b], block)) return;
        require_finite<S>("record", place.name, block, ids);
        if (point_of_[b] < 0) return;
        const auto p = static_cast<std::size_t>(point_of_[b]);
        const Point& point = store_.points[p];
        if (point.by_channel()) {
            pool_channels<S>(point, block, chosen_);
            write(p, chosen_, ids);
        } else if (point.count() == point.width) {
            write(p, block, ids);
        } else if constexpr (is_exact<E>) {
            for (Index u = 0; u < point.count(); ++u) {
                S* to = store_.column(p, u) + first_;
                const auto row = static_cast<Index>(point.units[static_cast<std::size_t>(u)]);
                for (Index j = 0; j < block.cols(); ++j) to[j] = block(row, j);
            }
        } else {
            reshape(chosen_, point.count(), block.cols());
            for (Index j = 0; j < block.cols(); ++j) {
                Index to = 0;
                for (const std::uint32_t row : point.units) chosen_(to++, j) = block(static_cast<Index>(row), j);
            }
            write(p, chosen_, ids);
        }
    }

    void end() const { cursor_.end(seen_.blocks()); }

    /// From now on, only the smallest and largest value of every column is kept here.
    void measure() { extremes_.resize(store_.points.size()); }

    /// Smallest and largest value of every column of each point; empty before anything was measured.
    using Extremes = std::vector<std::pair<Column<S>, Column<S>>>;
    Extremes take_extremes() { return std::exchange(extremes_, {}); }

private:
    /// Whether a block went into the store as it is; not if it has values that are not finite.
    bool streamed([[maybe_unused]] Index p, [[maybe_unused]] const BatchView<S>& block) {
        if constexpr (is_exact<E>) {
            if (!streams_ || p < 0) return false;
            const auto at = static_cast<std::size_t>(p);
            const Point& point = store_.points[at];
            S* to = store_.column(at, 0) + first_;
            return !point.by_channel() && point.count() == point.width && block.rows() >= 8 &&
                   can_stream(to, store_.stride(), block.cols()) &&
                   stream_transposed(block.data(), block.outerStride(), to, store_.stride(), block.rows(),
                                     block.cols());
        } else {
            return false;
        }
    }

    /// Shapes   columns: columns of the point x samples.
    void write(std::size_t p, const BatchView<S>& columns, std::span<const std::uint64_t> ids) {
        if (columns.rows() == 0) return;
        if constexpr (is_exact<E>) {
            canonical::transpose(columns.data(), columns.outerStride(), store_.column(p, 0) + first_, store_.stride(),
                                 columns.rows(), columns.cols());
        } else if (!extremes_.empty()) {
            auto& [lowest, largest] = extremes_[p];
            if (lowest.size() == 0) lowest = largest = columns.col(0);
            lowest = lowest.cwiseMin(columns.rowwise().minCoeff());
            largest = largest.cwiseMax(columns.rowwise().maxCoeff());
        } else {
            encode(p, columns, ids);
        }
    }

    /// Tiles are transposed where the first cache holds them, and leave it encoded.
    void encode(std::size_t p, const BatchView<S>& columns, std::span<const std::uint64_t> ids) {
        constexpr Index strip = 16, run = 256;
        using Code = typename E::template Code<S>;
        alignas(64) S tile[strip * run];
        alignas(64) Code line[run];
        const bool streamed = streams_ && can_stream(store_.column(p, 0) + first_, store_.stride(), columns.cols());
        ValueRange<S>* ranges = store_.ranges(p).data();
        if constexpr (E::ranged == Ranged::sample) {
            ranges += first_;
            for (Index j = 0; j < columns.cols() && columns.rows() > 0; ++j) {
                ranges[j] = ValueRange<S>::of(columns.col(j).minCoeff(), columns.col(j).maxCoeff());
            }
        }
        for (Index j = 0; j < columns.cols(); j += run) {
            const Index n = std::min(run, columns.cols() - j);
            for (Index c = 0; c < columns.rows(); c += strip) {
                const Index count = std::min(strip, columns.rows() - c);
                canonical::transpose(columns.data() + c + j * columns.outerStride(), columns.outerStride(), tile, n,
                                     count, n);
                for (Index r = 0; r < count; ++r) {
                    const ValueRange<S>* range = ranges;  // null where there are none
                    if constexpr (E::ranged != Ranged::none) range += E::ranged == Ranged::unit ? c + r : j;
                    Code* to = store_.column(p, c + r) + first_ + j;
                    const bool kept = E::encode(tile + r * n, streamed ? line : to, n, range);
                    if (streamed) stream_lines(line, to, n);
                    if (!kept) {
                        refuse<E, S>("record", store_.points[p], c + r,
                                     std::span<const S>(tile + r * n, static_cast<std::size_t>(n)), range,
                                     ids.subspan(static_cast<std::size_t>(j)));
                    }
                }
            }
        }
        if (streamed) finish_stream();
    }

    Store& store_;
    const Activations<S>& seen_;
    PointCursor cursor_;
    std::vector<Index> point_of_;
    Batch<S> chosen_;  ///< pooled channels, or selected units
    Extremes extremes_;
    Index first_ = 0;
    Index count_ = 0;
    bool streams_ = false;
};

/// Ranges of units from what each worker measured.
template <class Store, class Workers>
void set_ranges(Store& store, Workers& workers) {
    using S = typename Store::Scalar;
    auto all = workers.front()->writer.take_extremes();
    for (std::size_t w = 1; w < workers.size(); ++w) {
        const auto more = workers[w]->writer.take_extremes();
        for (std::size_t p = 0; p < all.size(); ++p) {
            if (more[p].first.size() == 0) continue;
            if (all[p].first.size() == 0) {
                all[p] = more[p];
            } else {
                auto& [lowest, largest] = all[p];
                lowest = lowest.cwiseMin(more[p].first);
                largest = largest.cwiseMax(more[p].second);
            }
        }
    }
    for (std::size_t p = 0; p < all.size(); ++p) {
        for (Index c = 0; c < all[p].first.size(); ++c) {
            store.ranges(p)[static_cast<std::size_t>(c)] = ValueRange<S>::of(all[p].first[c], all[p].second[c]);
        }
    }
}

}  // namespace renn::inline RENN_ABI::detail
