// SPDX-License-Identifier: MIT
// renn/layers/patches.hpp - what a convolution sees of an image, copied to tiles of a product and added back.
#pragma once

#include <algorithm>

#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>
#include <renn/layers/window.hpp>

namespace renn::inline RENN_ABI::detail {

/// The patches of an image are a matrix, places of the output x (channels of a group * taps). It is made tile by tile,
/// each small enough for the stack and for a core's second cache.
template <class S>
struct Patches {
    SlidingWindow window;

    static constexpr Index panel = canonical::detail::Kernel<S>::panel;
    static constexpr Index tile_size = 65536 / static_cast<Index>(sizeof(S));

    /// Part of the patches of a group: places x columns from (place, column) on, column-major with `stride`.
    struct Tile {
        Index group, channels;  ///< of the group
        Index place, places, column, columns, stride;
        Index width, row, at;  ///< of the output; where in it the first place lies
    };

    /// Calls f(tile) for all tiles of an image, columns in ascending order at each place.
    template <class F>
    void for_each_tile(Index groups, F&& f) const {
        constexpr Index gap = 64 / static_cast<Index>(sizeof(S));  // columns then spread over all sets of the cache
        const Shape out = window.out(1);
        const Index places = out.positions(), channels = window.in.channels / groups;
        const Index columns = channels * window.taps(), most = std::min(columns, tile_size / (panel + gap));
        const Index fitting = (tile_size / most - gap) / panel, all = (places + panel - 1) / panel;
        const Index together = std::min(fitting, all) * panel;
        for (Index group = 0; group < groups; ++group) {
            for (Index place = 0; place < places; place += together) {
                const Index row = place / out.width, at = place - row * out.width;
                for (Index column = 0; column < columns; column += most) {
                    f(Tile{group, channels, place, std::min(together, places - place), column,
                           std::min(most, columns - column), together + gap, out.width, row, at});
                }
            }
        }
    }

    /// Copies the tile out of an image; zeros where a tap lies in the border.
    void gather(const S* image, const Tile& t, S* tile) const {
        if (window.padding != Size2(0)) std::fill_n(tile, t.columns * t.stride, S(0));
        using K = canonical::detail::Kernel<S>;
        for_each_run(t, [&](Index at, Index from, Index count, Index runs, Index step) {
            const S* source = image + from;
            S* to = tile + at;
            const Index stride = window.stride.width, channel = window.in.positions(), tail = count - K::lanes;
            if (stride == 1 && tail >= 0) {
                for (Index r = 0; r < runs; ++r, source += channel, to += step) {
                    for (Index i = 0; i < tail; i += K::lanes) K::store(to + i, K::load(source + i));
                    K::store(to + tail, K::load(source + tail));  // overlaps the packet before it
                }
            } else {
                for (Index r = 0; r < runs; ++r, source += channel, to += step) {
                    for (Index i = 0; i < count; ++i) to[i] = source[i * stride];
                }
            }
        });
    }

    /// Adds the tile to the image, each value where it would have come from.
    void scatter(const S* tile, const Tile& t, S* image) const {
        for_each_run(t, [&](Index at, Index from, Index count, Index runs, Index step) {
            const S* source = tile + at;
            S* to = image + from;
            const Index stride = window.stride.width;
            for (Index i = 0; i < runs; ++i, to += window.in.positions(), source += step) {
                if (stride == 1) {
                    for (Index k = 0; k < count; ++k) to[k] += source[k];
                } else {
                    for (Index k = 0; k < count; ++k) to[k * stride] += source[k];
                }
            }
        });
    }

private:
    /// Calls f(at, from, count, runs, step) for runs of `count` values side by side in the tile, from `at` on, and in
    /// the image, from `from` on; the same run again in the next channel of the image, `step` further in the tile.
    template <class F>
    void for_each_run(const Tile& t, F&& f) const {
        const Index taps = window.taps(), end = t.column + t.columns;
        const Index whole = t.column / taps, rest = t.column % taps, end_whole = end / taps, end_rest = end % taps;
        for (Index ky = 0, tap = 0; ky < window.kernel.height; ++ky) {
            for (Index kx = 0; kx < window.kernel.width; ++kx, ++tap) {
                const Index first = whole + (tap < rest ? 1 : 0), last = end_whole + (tap < end_rest ? 1 : 0);
                if (first == last) continue;
                const Index column = (first * taps + tap - t.column) * t.stride;
                const Index channel = (t.group * t.channels + first) * window.in.positions();
                window.for_each_run(ky, kx, t.width, t.row, t.at, t.places, [&](Index at, Index count, Index from) {
                    f(column + at, channel + from, count, last - first, taps * t.stride);
                });
            }
        }
    }
};

}  // namespace renn::inline RENN_ABI::detail
