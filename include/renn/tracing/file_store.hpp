// SPDX-License-Identifier: MIT
// renn/tracing/file_store.hpp - a recording in a file, mapped: opened at once, read where it is looked at.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/tracing/check_levels.hpp>
#include <renn/tracing/check_store.hpp>
#include <renn/tracing/encoding.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/recorded_samples.hpp>
#include <renn/tracing/store.hpp>
#include <renn/tracing/store_chunks.hpp>
#include <renn/tracing/store_description.hpp>
#include <renn/tracing/store_head.hpp>
#include <renn/tracing/store_layout.hpp>
#include <renn/tracing/stored_arrays.hpp>

namespace renn::inline RENN_ABI {

/// What a store file must be, and when it is read as a whole.
struct OpenOptions {
    std::optional<std::uint64_t> network = {};          ///< fingerprint of the network it must be of
    std::optional<std::uint64_t> data = {};             ///< fingerprint of the data it must be of
    std::uint64_t populate = std::uint64_t{512} << 20;  ///< up to that many bytes are read at once, when first needed
};

/// The activation store as a file (write_store, docs/format.md). Opening maps it and reads head, description and table
/// of checksums; each chunk of 64 KiB is checked when it is first read, so any member may throw FormatError that names
/// it. Where the file holds a unit's sorted column, a search reads a few pages of it and builds nothing.
/// FileStore<float, Float16> reads a file of values that are encoded so (write_reduced.hpp).
///
/// A value: copies share the mapping, which lives as long as one of them. A file that is replaced (write_store does) is
/// still read as it was; one that is cut or rewritten in place ends the program.
/// Threads  const members may run on several threads at once, in any number of processes.
template <class S, class E = Exact>
class FileStore {
public:
    using Scalar = S;
    using Encoding = E;
    using Code = typename E::template Code<S>;  ///< what a value is kept as
    static_assert(is_exact<E> || detail::stored_kind<S, E>() != detail::scalar_kind<S>,
                  "renn: store files have no such encoding");

    std::vector<Point> points;
    StoredArray<std::uint64_t> ids;
    StoredArray<std::int32_t> labels;
    StoredArray<std::int32_t> predictions;
    StoredTags tags;
    std::vector<std::string> class_names;
    StoredOutputs<S> outputs;
    std::uint64_t fingerprint = 0;
    std::string build;
    Batch<S> first_input;

    /// Throws   FormatError for a file that is not ours, truncated, damaged in head, description or table, too new or
    ///          too old; MismatchError for another scalar, network or data. Each says so.
    /// Cost     of an eight thousandth of the file, at most once.
    static FileStore open(const std::string& path, const OpenOptions& options = {}) {
        auto chunks = std::make_shared<detail::StoreChunks>(path, options.populate);
        const detail::StoreHead& head = chunks->head();
        const auto require = [&chunks](const char* what, const std::string& got, const std::string& expected) {
            if (got != expected) detail::raise<MismatchError>(chunks->where(), what, got, expected);
        };
        require("scalar of the network", std::string(scalar_name(head.network_scalar)),
                std::string(scalar_name(detail::scalar_kind<S>)));
        require("scalar", std::string(scalar_name(head.scalar)), std::string(scalar_name(detail::stored_kind<S, E>())));
        if (options.network) {
            require("fingerprint of the store's network", std::to_string(head.network),
                    std::to_string(*options.network));
        }
        if (options.data) {
            require("fingerprint of the store's data", std::to_string(head.data), std::to_string(*options.data));
        }
        return FileStore(std::move(chunks));
    }

    Index samples() const noexcept { return static_cast<Index>(ids.size()); }
    int classes() const noexcept { return classes_; }

    /// Position of a sample. Throws DataError for an unknown id. O(log n).
    Index position_of(std::uint64_t id) const { return detail::position_of_id(ids, by_id_, id); }
    /// Positions in ascending order of ids; empty where that is 0, 1, 2, ...
    std::span<const std::uint32_t> by_id() const { return by_id_; }

    /// Values of a unit in sample order. O(n) and a scratch of n values where the file has them sorted.
    std::span<const S> values(Unit u, Index dimension, std::vector<S>& scratch) const {
        const auto n = ids.size();
        if constexpr (is_exact<E>) {
            if (const StoredColumn<S> column = sorted(u); !column.empty()) {
                check(column.values, n * sizeof(S));
                check(column.order, n * sizeof(std::uint32_t));
                scratch.resize(n);
                for (std::size_t i = 0; i < n; ++i) scratch[column.order[i]] = column.values[i];
                return scratch;
            }
            const S* from = column_values(u, dimension);
            check(from, n * sizeof(S));
            return {from, n};
        } else {
            const Index column = column_of(u, dimension);
            scratch.resize(n);
            E::decode(this->column(u.point, column), scratch.data(), samples(), range(u.point, column, 0));
            return scratch;
        }
    }

    /// Value of a unit for a sample. O(n) where the file has its values sorted.
    S value(Unit u, Index dimension, Index sample) const {
        if constexpr (is_exact<E>) {
            if (const StoredColumn<S> column = sorted(u); !column.empty()) {
                check(column.order, ids.size() * sizeof(std::uint32_t));
                const auto* at = std::find(column.order, column.order + ids.size(), static_cast<std::uint32_t>(sample));
                if (at == column.order + ids.size()) {
                    chunks_->fail("values of " + points[u.point].text(), "none of sample " + std::to_string(sample),
                                  "one of each");
                }
                const S* value = column.values + (at - column.order);
                check(value, sizeof(S));
                return *value;
            }
            const S* from = column_values(u, dimension) + sample;
            check(from, sizeof(S));
            return *from;
        } else {
            const Index column = column_of(u, dimension);
            const Code* code = codes(u.point, column) + sample;
            check(code, sizeof(Code));
            S result;
            E::decode(code, &result, 1, range(u.point, column, sample));
            return result;
        }
    }

    /// Rounds one sample's recorded values at a point as those in the file are rounded.
    void as_stored(std::size_t point, std::span<S> values_of_one_sample) const requires(!is_exact<E>) {
        if constexpr (E::ranged == Ranged::unit) {
            std::vector<ValueRange<S>> ranges;
            for (Index c = 0; c < std::ssize(values_of_one_sample); ++c) ranges.push_back(*range(point, c, 0));
            round_trip<E>(values_of_one_sample, ranges.data());
        } else {
            round_trip<E, S>(values_of_one_sample);
        }
    }

    /// How far a value may be from the one that was recorded.
    double error_bound(Unit u, Index dimension, Index sample) const {
        if constexpr (E::ranged == Ranged::none) {
            return E::error_bound(value(u, dimension, sample));
        } else {
            return E::error_bound(S(), *range(u.point, column_of(u, dimension), sample));
        }
    }

    /// What a column is kept as, in the order of samples, and its ranges from a sample on, or null.
    const Code* column(std::size_t point, Index column) const requires(!is_exact<E>) {
        check(codes(point, column), ids.size() * sizeof(Code));
        return codes(point, column);
    }
    const ValueRange<S>* range(std::size_t point, [[maybe_unused]] Index column, [[maybe_unused]] Index sample) const {
        if constexpr (E::ranged == Ranged::none) {
            return nullptr;
        } else if constexpr (E::ranged == Ranged::unit) {
            const auto* one = reinterpret_cast<const ValueRange<S>*>(column_begin(point, column));
            check(one, sizeof(*one));
            return one;
        } else {
            const auto* all = reinterpret_cast<const ValueRange<S>*>(chunks_->at(sample_ranges_[point]->offset));
            check(all + sample, (sample > 0 ? 1 : ids.size()) * sizeof(*all));
            return all + sample;
        }
    }

    /// A unit's sorted column, where the file has it; else empty. Of its levels everything is checked but the finest
    /// one, whose errors a search finds by its result.
    StoredColumn<S> sorted(Unit u) const requires(is_exact<E>) {
        const detail::Block* block = blocks_[u.point];
        if (block == nullptr || block->kind != detail::BlockKind::sorted) return {};
        const char* column = chunks_->at(block->offset + u.unit * layout_.bytes);
        const S* levels = reinterpret_cast<const S*>(column + layout_.levels);
        const auto count = static_cast<std::size_t>(layout_.level_values);
        detail::check_levels<S>(*chunks_, {levels, count}, points[u.point]);
        return {reinterpret_cast<const S*>(column + layout_.values),
                reinterpret_cast<const std::uint32_t*>(column + layout_.order),
                {levels, count}};
    }

    /// Throws FormatError unless the part of the file behind some memory is as it was written.
    void check(const void* from, std::size_t bytes) const { chunks_->check(from, bytes); }

    /// Reads and checks the whole file. Throws FormatError that names the first chunk that is damaged.
    void verify() const { chunks_->check_all(); }

    /// Length of the file; its chunks, and how many of them have been read so far.
    std::uint64_t bytes() const noexcept { return chunks_->bytes(); }
    std::uint64_t chunks() const noexcept { return chunks_->chunks(); }
    std::uint64_t checked_chunks() const noexcept { return chunks_->checked(); }
    /// Fingerprint of the data recorded; 0: unknown.
    std::uint64_t data() const noexcept { return chunks_->head().data; }

private:
    explicit FileStore(std::shared_ptr<detail::StoreChunks> chunks) {
        const detail::StoreHead& head = chunks->head();
        const char* text = chunks->at(head.description_offset);
        chunks->check(text, head.description_bytes);
        auto what =
            detail::read_description<S>(chunks->where(), {text, static_cast<std::size_t>(head.description_bytes)});
        detail::check_store(chunks->where(), head, what);
        chunks->describe(what.blocks, what.points, what.classes, what.outputs);

        const auto n = static_cast<std::size_t>(head.samples);
        blocks_storage_ = std::make_shared<const std::vector<detail::Block>>(std::move(what.blocks));
        blocks_.assign(what.points.size(), nullptr);
        sample_ranges_ = blocks_;
        const detail::Block* tag_ends = nullptr;
        for (const detail::Block& block : *blocks_storage_) {
            switch (block.kind) {
                case detail::BlockKind::ids:
                    ids = {*chunks, block.offset, n};
                    break;
                case detail::BlockKind::by_id:
                    by_id_ = {*chunks, block.offset, n};
                    break;
                case detail::BlockKind::labels:
                    labels = {*chunks, block.offset, n};
                    break;
                case detail::BlockKind::predictions:
                    predictions = {*chunks, block.offset, n};
                    break;
                case detail::BlockKind::outputs:
                    outputs = {*chunks, block.offset, static_cast<Index>(what.outputs), static_cast<Index>(n)};
                    break;
                case detail::BlockKind::tag_ends:
                    tag_ends = &block;
                    break;
                case detail::BlockKind::tag_bytes:
                    tags = {*chunks, tag_ends->offset, n, block};
                    break;
                case detail::BlockKind::sorted:
                case detail::BlockKind::columns:
                    blocks_[block.point] = &block;
                    break;
                case detail::BlockKind::sample_ranges:
                    sample_ranges_[block.point] = &block;
                    break;
            }
        }
        layout_ = detail::column_layout(detail::BlockKind::sorted, head.scalar, head.samples);
        columns_ = detail::column_layout(detail::BlockKind::columns, head.scalar, head.samples);
        points = std::move(what.points);
        class_names = std::move(what.class_names);
        classes_ = static_cast<int>(what.classes);
        build = std::move(what.build);
        first_input = std::move(what.first_input);
        fingerprint = head.network;
        chunks_ = std::move(chunks);
    }

    const S* column_values(Unit u, Index dimension) const noexcept { return codes(u.point, column_of(u, dimension)); }

    Index column_of(Unit u, Index dimension) const noexcept {
        return static_cast<Index>(u.unit) * points[u.point].dimensions() + dimension;
    }
    const char* column_begin(std::size_t point, Index column) const noexcept {
        return chunks_->at(blocks_[point]->offset + static_cast<std::uint64_t>(column) * columns_.bytes);
    }
    const Code* codes(std::size_t point, Index column) const noexcept {
        return reinterpret_cast<const Code*>(column_begin(point, column) + columns_.values);
    }

    std::shared_ptr<const detail::StoreChunks> chunks_;
    std::shared_ptr<const std::vector<detail::Block>> blocks_storage_;
    std::vector<const detail::Block*> blocks_;         ///< one a point; null for derived ones
    detail::ColumnLayout layout_;                      ///< of a sorted column
    std::vector<const detail::Block*> sample_ranges_;  ///< likewise, where samples have ranges
    detail::ColumnLayout columns_;                     ///< of a column in the order of samples
    StoredArray<std::uint32_t> by_id_;
    int classes_ = 0;
};

}  // namespace renn::inline RENN_ABI
