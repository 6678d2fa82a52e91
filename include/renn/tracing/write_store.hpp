// SPDX-License-Identifier: MIT
// renn/tracing/write_store.hpp - any store as a file.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/progress.hpp>
#include <renn/io/file_writer.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/recorded_samples.hpp>
#include <renn/tracing/store.hpp>
#include <renn/tracing/store_description.hpp>
#include <renn/tracing/store_head.hpp>
#include <renn/tracing/store_output.hpp>
#include <renn/tracing/write_columns.hpp>
#include <renn/version.hpp>

namespace renn::inline RENN_ABI {

/// How a store is written; what is read from the file does not depend on it.
struct WriteOptions {
    bool sorted = true;              ///< units of one dimension with their index: open, and query at once
    int threads = 1;                 ///< that sort; 0: every core
    std::uint64_t data = 0;          ///< fingerprint of the data recorded (data_fingerprint), 0: unknown
    ProgressCallback progress = {};  ///< in columns; false cancels: no file is left
};

namespace detail {

/// Head and description of a source, its blocks not yet placed.
template <class Source>
std::pair<StoreHead, StoreDescription<typename Source::Scalar>> describe_store(const Source& source, bool sorted,
                                                                               std::uint64_t data) {
    using S = typename Source::Scalar;
    if (source.samples() < 1 || source.samples() > Index{0xffffffff}) {
        raise<DataError>("store", "samples", std::to_string(source.samples()), "1 to 2^32 - 1");
    }
    const std::int64_t most = most_classes(source.class_names.size(), source.samples());
    if (source.classes() > most) {
        raise<DataError>("store", "classes", std::to_string(source.classes()), "at most " + std::to_string(most));
    }
    StoreHead head("store");
    head.scalar = head.network_scalar = scalar_kind<S>;
    head.samples = static_cast<std::uint64_t>(source.samples());
    head.network = source.fingerprint;
    head.data = data;
    StoreDescription<S> what{.library = version,
                             .build = source.build,
                             .points = source.points,
                             .class_names = source.class_names,
                             .classes = source.classes(),
                             .outputs = source.outputs.rows(),
                             .first_input = source.first_input,
                             .blocks = {}};
    const auto add = [&what](bool there, BlockKind kind, std::uint32_t point = 0) {
        if (there) what.blocks.push_back({kind, point, 0, 0});
    };
    add(true, BlockKind::ids);
    add(source.by_id().size() > 0, BlockKind::by_id);
    add(!source.labels.empty(), BlockKind::labels);
    add(what.outputs > 0, BlockKind::predictions);
    add(what.outputs > 0, BlockKind::outputs);
    if (!source.tags.empty()) {
        add(true, BlockKind::tag_ends);
        add(true, BlockKind::tag_bytes);
        for (std::size_t i = 0; i < head.samples; ++i) {
            what.blocks.back().bytes += std::string_view(source.tags[i]).size();
        }
    }
    for (std::uint32_t p = 0; p < what.points.size(); ++p) {
        const bool one_number = what.points[p].dimensions() == 1;
        add(what.points[p].stored(), sorted && one_number ? BlockKind::sorted : BlockKind::columns, p);
    }
    return {head, std::move(what)};
}

/// Writes what a source knows of each sample: every block that belongs to no point.
template <class Output, ActivationStore Source>
void write_samples(Output& out, const Source& source) {
    const auto n = static_cast<std::size_t>(source.samples());
    const auto array = [&]<class T>(T, const auto& value_of) {
        std::vector<T> piece;
        for (std::size_t i = 0; i < n;) {
            piece.clear();
            for (const std::size_t end = std::min(n, i + 8192); i < end; ++i) piece.push_back(value_of(i));
            out.write(std::span<const T>(piece));
        }
    };
    const auto& by_id = source.by_id();
    std::uint64_t tag_end = 0;
    for (const Block& block : out.description().blocks) {
        switch (block.kind) {
            case BlockKind::ids:
                array(std::uint64_t{}, [&](std::size_t i) -> std::uint64_t { return source.ids[i]; });
                break;
            case BlockKind::by_id:
                array(std::uint32_t{}, [&](std::size_t i) { return by_id[i]; });
                break;
            case BlockKind::labels:
                array(std::int32_t{}, [&](std::size_t i) -> std::int32_t { return source.labels[i]; });
                break;
            case BlockKind::predictions:
                array(std::int32_t{}, [&](std::size_t i) -> std::int32_t { return source.predictions[i]; });
                break;
            case BlockKind::outputs:
                for (std::size_t i = 0; i < n; ++i) {
                    const auto column = source.outputs.col(static_cast<Index>(i));
                    out.write(column.data(), static_cast<std::size_t>(column.size()) * sizeof(*column.data()));
                }
                break;
            case BlockKind::tag_ends:
                array(std::uint64_t{},
                      [&](std::size_t i) { return tag_end += std::string_view(source.tags[i]).size(); });
                break;
            case BlockKind::tag_bytes:
                for (std::size_t i = 0; i < n; ++i) {
                    const std::string& tag = source.tags[i];
                    out.write(tag.data(), tag.size());
                }
                break;
            default:
                return;
        }
        out.pad();
    }
}

template <class System, ActivationStore Source, class SortedOf>
bool write_store(const std::string& path, const Source& source, const WriteOptions& options, const SortedOf& sorted_of,
                 System system) {
    if (options.threads < 0) raise<DataError>("store", "threads", std::to_string(options.threads), "0 or more");
    auto [head, what] = describe_store(source, options.sorted, options.data);
    StoreOutput<typename Source::Scalar, System> out(path, head, std::move(what), std::move(system));
    write_samples(out, source);
    if (!write_columns(out, source, options.threads, options.progress, sorted_of)) return false;
    out.finish();
    return true;
}

}  // namespace detail

/// Writes a store to a file that FileStore opens. It appears whole or not at all. A source is any ActivationStore; its
/// values(unit, dimension, scratch) are asked in ascending order of (point, unit, dimension), with more than one thread
/// by several of them at once. What it has sorted already is taken as it is. A value -0 comes back as 0 where the file
/// has it sorted. `System` makes the calls to the system (io/file_writer.hpp).
/// Returns  false if the callback cancelled; no file is left then.
/// Throws   FormatError naming file and cause if it cannot be written, DataError for values that are not finite.
/// Cost     a radix sort a unit; memory of five columns a thread.
template <ActivationStore Source, class System = detail::SystemCalls>
bool write_store(const std::string& path, const Source& source, const WriteOptions& options = {}, System system = {}) {
    static_assert(!detail::Reduced<Source>,
                  "renn: this store keeps fewer bits; name its encoding, write_store<Float16>(path, store), with "
                  "tracing/write_reduced.hpp");
    using S = typename Source::Scalar;
    return detail::write_store(
        path, source, options,
        [&]([[maybe_unused]] Unit unit) {
            if constexpr (requires { source.sorted(unit); }) {
                StoredColumn<S> column = source.sorted(unit);
                if constexpr (requires { source.check(column.values, std::size_t{}); }) {
                    const auto n = column.empty() ? 0 : static_cast<std::size_t>(source.samples());
                    source.check(column.values, n * sizeof(S));
                    source.check(column.order, n * sizeof(std::uint32_t));
                }
                return column;
            } else {
                return StoredColumn<S>();
            }
        },
        std::move(system));
}

/// The store of a recorded network, with the sorted columns that its index has or makes now.
template <class Traced, class System = detail::SystemCalls>
    requires requires(const Traced& traced) {
        traced.index().entry(Unit{});
    }
bool write_store(const std::string& path, const Traced& traced, const WriteOptions& options = {}, System system = {}) {
    using S = typename Traced::Scalar;
    return detail::write_store(
        path, traced.store(), options,
        [&]([[maybe_unused]] Unit unit) {
            if constexpr (std::remove_cvref_t<decltype(traced.index())>::packed) {
                return StoredColumn<S>();
            } else {
                const auto column = traced.index().entry(unit).column;
                return StoredColumn<S>{column.values, column.order};
            }
        },
        std::move(system));
}

}  // namespace renn::inline RENN_ABI
