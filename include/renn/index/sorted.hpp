// SPDX-License-Identifier: MIT
// renn/index/sorted.hpp - finds a value's place by a search through sampled values, a few cache lines a step.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <renn/index/column.hpp>
#include <renn/index/search_levels.hpp>

namespace renn::inline RENN_ABI {

/// Index policy: levels of sampled values over the sorted column (index/search_levels.hpp). A search counts in one
/// block a level. It goes step by step, so that a caller may take several neurons through a step together while the
/// memory of the next is on its way. Cost   build: radix sort; memory 8 bytes a value (12 in double) and 1/59 for the
/// levels; a search O(log n).
struct Sorted {
    static constexpr std::string_view name = "Sorted";

    using Layout = SearchLevels;
    static constexpr std::uint32_t block = Layout::block, fan = Layout::fan;

    /// The levels of a column. They depend on the values alone, whatever activation they are seen through, and may be
    /// kept with them. O(n / 64).
    template <class S>
    static std::vector<S> levels(const ColumnView<S>& column) {
        detail::LevelMaker<S> maker(column.size);
        maker.add({column.values, column.size});
        return maker.take();
    }

    template <class S>
    class Locator {
    public:
        explicit Locator(const ColumnView<S>& column) : levels_(nullptr), owned_(Sorted::levels(column)) {
            levels_ = owned_.data();
        }

        /// With levels made before, which must outlive it: of this column, or of the same values seen otherwise.
        Locator(const ColumnView<S>&, std::span<const S> levels) : levels_(levels.data()) {}
        Locator(const ColumnView<S>&, const Locator& source) : levels_(source.levels_) {}
        Locator(const Locator&) = delete;
        Locator& operator=(const Locator&) = delete;

        /// Number of values below the query; the column must be without a hole.
        std::uint32_t position(const ColumnView<S>& column, double query) const {
            const S least = column.least(query);
            const Layout layout(column.size);
            std::uint32_t at = 0;
            for (std::uint32_t level = 0; level < layout.depth; ++level) at = descend(layout, level, at, least);
            return finish(column, at, least);
        }

        /// The steps of such a search: for every level from its block to the block of the next, from 0 on, then within
        /// a block of values. `layout` is that of the column's size, `least` is column.least(query).
        std::uint32_t descend(const Layout& layout, std::uint32_t level, std::uint32_t at, S least) const noexcept {
            std::uint32_t below = at * fan + count_below<fan>(levels_ + layout.begin[level] + at * fan, least);
            if (level > 0) return below;
            for (std::uint32_t i = fan; i < layout.begin[1]; i += fan) below += count_below<fan>(levels_ + i, least);
            return below;
        }
        std::uint32_t finish(const ColumnView<S>& column, std::uint32_t at, S least) const noexcept {
            const std::uint32_t first = at * block;
            if (column.size - first >= block) return first + count_below<block>(column.values + first, least);
            std::uint32_t below = first;
            while (below < column.size && column.values[below] < least) ++below;
            return below;
        }

        /// Asks for what the step from `at` will read; of the values also those about it, where the nearest may lie.
        void prefetch(const ColumnView<S>& column, const Layout& layout, std::uint32_t level,
                      std::uint32_t at) const noexcept {
            if (level < layout.depth) {
                detail::prefetch(levels_ + layout.begin[level] + at * fan, level == 0 ? layout.begin[1] : fan);
            } else {
                const std::uint32_t from = at * block - std::min(at * block, around);
                detail::prefetch(column.values + from, std::min(block + 2 * around, column.size - from));
            }
        }

        std::size_t bytes() const noexcept { return owned_.size() * sizeof(S); }

    private:
        static constexpr std::uint32_t around = 32;

        /// How many values of some are below it; a constant count: the compiler makes packets of it.
        template <std::uint32_t count>
        static std::uint32_t count_below(const S* first, S least) noexcept {
            std::uint32_t below = 0;
            for (std::uint32_t i = 0; i < count; ++i) below += first[i] < least ? 1U : 0U;
            return below;
        }

        const S* levels_;
        std::vector<S> owned_;
    };
};

}  // namespace renn::inline RENN_ABI
