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
/// memory of the next is on its way.
///
/// Cost   build: radix sort; memory 8 bytes a value (12 in double) and 1/59 for the levels; a search O(log n).
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
        template <class V, class O>
        Locator(const ColumnView<S, V, O>&, std::span<const S> levels) : levels_(levels.data()) {}
        template <class V, class O>
        Locator(const ColumnView<S, V, O>&, const Locator& source) : levels_(source.levels_) {}
        Locator(const Locator&) = delete;
        Locator& operator=(const Locator&) = delete;

        /// Number of values below the query; the column must be without a hole.
        template <class V, class O>
        std::uint32_t position(const ColumnView<S, V, O>& column, double query) const {
            const S least = column.least(query);
            const Layout layout(column.size);
            std::uint32_t at = 0;
            for (std::uint32_t level = 0; level < layout.depth; ++level) at = descend(layout, level, at, least);
            return finish(column, at, least);
        }

        /// The steps of such a search: for every level from its block to the block of the next, from 0 on, then within
        /// a block of values. `layout` is that of the column's size, `least` is column.least(query).
        std::uint32_t descend(const Layout& layout, std::uint32_t level, std::uint32_t at, S least) const noexcept {
            const S* values = levels_ + layout.begin[level] + at * fan;
            const std::uint32_t count = width(layout, level);
            std::uint32_t below = at * fan;
            for (std::uint32_t i = 0; i < count; ++i) below += values[i] < least ? 1U : 0U;
            return below;
        }
        template <class V, class O>
        std::uint32_t finish(const ColumnView<S, V, O>& column, std::uint32_t at, S least) const noexcept {
            if constexpr (detail::is_packed<V>) {
                return column.values.below(column.size, at, least);
            } else {
                const std::uint32_t first = at * block;
                const S* values = column.values + first;
                const std::uint32_t count = std::min(block, column.size - first);
                std::uint32_t below = first;
                for (std::uint32_t i = 0; i < count; ++i) below += values[i] < least ? 1U : 0U;
                return below;
            }
        }

        /// Asks for what the step from `at` will read.
        template <class V, class O>
        [[gnu::always_inline]] void prefetch(const ColumnView<S, V, O>& column, const Layout& layout,
                                             std::uint32_t level, std::uint32_t at) const noexcept {
            if (level < layout.depth) {
                detail::prefetch(levels_ + layout.begin[level] + at * fan, width(layout, level));
                if constexpr (detail::is_packed<V>) {  // of every block that it may lead to
                    if (level + 1 == layout.depth) column.values.prefetch_heads(at * fan, width(layout, level));
                }
            } else if constexpr (detail::is_packed<V>) {
                const std::uint32_t first = at * block;
                column.values.prefetch(first, std::min(first + block, column.size));
            } else {
                detail::prefetch(column.values + at * block, std::min(block, column.size - at * block));
            }
        }

        std::size_t bytes() const noexcept { return owned_.size() * sizeof(S); }

    private:
        /// How many values of a level a search looks at. (A number that the compiler does not know: of loops over 16 it
        /// otherwise makes 16 comparisons instead of two of packets.)
        static std::uint32_t width(const Layout& layout, std::uint32_t level) noexcept {
            return level == 0 ? layout.begin[1] : fan;
        }

        const S* levels_;
        std::vector<S> owned_;
    };
};

}  // namespace renn::inline RENN_ABI
