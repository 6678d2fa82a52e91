// SPDX-License-Identifier: MIT
// renn/attribution/relevance/blind_places.hpp - where the window of a layer sees nothing but padding.
#pragma once

#include <vector>

#include <renn/core/batch.hpp>

namespace renn::inline RENN_ABI::detail {

/// Places of each channel of the output; nearly always none.
struct BlindPlaces {
    std::vector<Index> places;
    Index out_of = 1;
};

/// Of a layer with a padded window; of any other none.
template <class L>
BlindPlaces blind_places([[maybe_unused]] const L& layer) {
    BlindPlaces blind;
    if constexpr (requires { layer.window().padding; }) {
        const auto& window = layer.window();
        if (window.padding == decltype(window.padding)(0)) return blind;
        const auto out = window.out(1);
        blind.out_of = out.positions();
        const auto sees = [](Index place, Index size, Index taps, Index stride, Index padding, Index dilation) {
            for (Index tap = 0; tap < taps; ++tap) {
                const Index at = place * stride + tap * dilation - padding;
                if (at >= 0 && at < size) return true;
            }
            return false;
        };
        for (Index y = 0; y < out.height; ++y) {
            const bool row = sees(y, window.in.height, window.kernel.height, window.stride.height,
                                  window.padding.height, window.dilation.height);
            for (Index x = 0; x < out.width; ++x) {
                if (!row || !sees(x, window.in.width, window.kernel.width, window.stride.width, window.padding.width,
                                  window.dilation.width)) {
                    blind.places.push_back(y * out.width + x);
                }
            }
        }
    }
    return blind;
}

}  // namespace renn::inline RENN_ABI::detail
