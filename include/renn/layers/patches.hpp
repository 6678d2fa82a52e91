// SPDX-License-Identifier: MIT
// renn/layers/patches.hpp - what a convolution sees of an image, copied to tiles of a product and added back.
#pragma once

#include <algorithm>

#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>
#include <renn/layers/window.hpp>

namespace renn::detail {

/// The patches of an image are a matrix, places of the output x (channels of a group * taps), which is never made as a
/// whole: a tile of it fits in half of the first cache.
template <class S>
struct Patches {
    Window window;

    static constexpr Index panel = canonical::detail::Kernel<S>::panel;
    static constexpr Index tile_size = 32768 / static_cast<Index>(sizeof(S));

    /// Part of the patches of a group: places x columns from (place, column) on, column-major with `stride`.
    struct Tile {
        Index group, channels;  ///< of the group
        Index place, places, column, columns, stride;
        Index width, row, at;  ///< of the output; where in it the first place lies
    };

    /// Calls f(tile) for all tiles of an image, columns in ascending order at each place.
    template <class F>
    void for_each_tile(Index stride, Index groups, F&& f) const {
        const Shape out = window.out(1);
        const Index places = out.positions(), channels = window.in.channels / groups;
        const Index columns = channels * window.taps(), most = tile_size / stride;
        for (Index group = 0; group < groups; ++group) {
            for (Index place = 0; place < places; place += stride) {
                const Index row = place / out.width, at = place - row * out.width;
                for (Index column = 0; column < columns; column += most) {
                    f(Tile{group, channels, place, std::min(stride, places - place), column,
                           std::min(most, columns - column), stride, out.width, row, at});
                }
            }
        }
    }

    /// Copies the tile out of an image; zeros where a tap lies in the border.
    void gather(const S* image, const Tile& t, S* tile) const {
        std::fill_n(tile, t.columns * t.stride, S(0));
        for_each_run(t, [&](Index at, Index from, Index count, Index runs, Index step) {
            const S* source = image + from;
            S* to = tile + at;
            for (Index i = 0; i < runs; ++i, source += window.in.positions(), to += step) {
                copy(source, window.stride.width, to, count);
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

    static void copy(const S* from, Index step, S* to, Index count) {
        using K = canonical::detail::Kernel<S>;
        if (step != 1) {
            for (Index i = 0; i < count; ++i) to[i] = from[i * step];
        } else if (count < K::lanes) {
            for (Index i = 0; i < count; ++i) to[i] = from[i];
        } else {  // the last packet overlaps the one before it
            for (Index i = 0; i < count - K::lanes; i += K::lanes) K::store(to + i, K::load(from + i));
            K::store(to + count - K::lanes, K::load(from + count - K::lanes));
        }
    }
};

}  // namespace renn::detail
