// SPDX-License-Identifier: MIT
// renn/tracing/write_reduced.hpp - any store as a file of values in half precision or 8 bits.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/tracing/encoding.hpp>
#include <renn/tracing/reduced.hpp>
#include <renn/tracing/store.hpp>
#include <renn/tracing/store_description.hpp>
#include <renn/tracing/store_head.hpp>
#include <renn/tracing/store_output.hpp>
#include <renn/tracing/to_memory.hpp>
#include <renn/tracing/write_store.hpp>

namespace renn::inline RENN_ABI {

namespace detail {

template <class E>
concept Reducing = Encoding<E, float> && !is_exact<E>;

}  // namespace detail

/// write_store<Float16>("half.store", store): values encoded, the same as to_memory<Float16>(store) keeps, for
/// FileStore<float, Float16>. Codes of a store that is encoded so already are taken as they are. The file has no sorted
/// columns: an index is built over decoded values.
///
/// Returns  false if the callback cancelled; no file is left then.
/// Throws   FormatError naming file and cause if it cannot be written, DataError naming unit and sample of a value that
///          the encoding cannot keep.
/// Cost     every value read once, twice with ranges of samples; memory two columns.
template <detail::Reducing E, ActivationStore Source, class System = detail::SystemCalls>
bool write_store(const std::string& path, const Source& source, const WriteOptions& options = {}, System system = {}) {
    using S = typename Source::Scalar;
    using Code = typename E::template Code<S>;
    static_assert(detail::stored_kind<S, E>() != detail::scalar_kind<S>, "renn: store files have no such encoding");
    constexpr bool as_it_is = requires {
        requires std::same_as<typename Source::Encoding, E>;
    };

    auto [head, what] = detail::describe_store(source, false, options.data);
    head.scalar = detail::stored_kind<S, E>();
    std::vector<detail::Block> blocks;
    std::uint64_t columns = 0;
    for (const detail::Block& block : what.blocks) {
        blocks.push_back(block);
        if (block.kind != detail::BlockKind::columns) continue;
        columns += static_cast<std::uint64_t>(what.points[block.point].columns());
        if (E::ranged == Ranged::sample) blocks.push_back({detail::BlockKind::sample_ranges, block.point, 0, 0});
    }
    what.blocks = std::move(blocks);
    detail::StoreOutput<S, System> out(path, head, std::move(what), std::move(system));
    detail::write_samples(out, source);

    const Index n = source.samples();
    const auto count = static_cast<std::size_t>(n);
    std::vector<S> scratch;
    std::vector<Code> codes(count);
    std::vector<ValueRange<S>> ranges;
    std::uint64_t done = 0;
    for (const detail::Block& block : out.description().blocks) {
        if (block.kind != detail::BlockKind::columns) continue;
        const Point& point = source.points[block.point];
        if constexpr (E::ranged == Ranged::sample && as_it_is) {
            const ValueRange<S>* own = source.range(block.point, 0, 0);
            ranges.assign(own, own + count);
        } else if constexpr (E::ranged == Ranged::sample) {
            ranges = detail::ranges_of_samples(source, block.point, scratch);
        }
        for (Index column = 0; column < point.columns(); ++column) {
            if constexpr (as_it_is) {
                std::copy_n(source.column(block.point, column), n, codes.begin());
                if constexpr (E::ranged == Ranged::unit) ranges.assign(1, *source.range(block.point, column, 0));
            } else {
                const Unit unit{block.point, static_cast<std::uint32_t>(column / point.dimensions())};
                const std::span<const S> values = source.values(unit, column % point.dimensions(), scratch);
                if constexpr (E::ranged == Ranged::unit) ranges.assign(1, detail::range_of(values));
                if (!E::encode(values.data(), codes.data(), n, ranges.data())) {
                    std::vector<std::uint64_t> ids(count);
                    for (std::size_t s = 0; s < count; ++s) ids[s] = source.ids[s];
                    detail::refuse<E, S>("write_store", point, column, values, ranges.data(), ids);
                }
            }
            if constexpr (E::ranged == Ranged::unit) {
                out.write(std::span<const ValueRange<S>>(ranges));
                out.pad();
            }
            out.write(std::span<const Code>(codes));
            out.pad();
            if (options.progress && !options.progress({++done, columns, "writing"})) return false;
        }
        if constexpr (E::ranged == Ranged::sample) {
            out.write(std::span<const ValueRange<S>>(ranges));
            out.pad();
        }
    }
    out.finish();
    return true;
}

}  // namespace renn::inline RENN_ABI
