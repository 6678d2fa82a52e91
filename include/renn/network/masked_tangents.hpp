// SPDX-License-Identifier: MIT
// renn/network/masked_tangents.hpp - how the outputs and gradients of a masked network change along a direction.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/network/masked_units.hpp>

namespace renn::inline RENN_ABI::detail {

/// Nothing moves at a masked unit, and nothing goes below it: the tangent walks of a masked network.
template <class Net>
class MaskedTangents {
    using S = typename Net::Scalar;
    using P = typename Net::Parameters;
    using C = typename Net::Cache;

public:
    template <class Outer, class Dw>
    static void forward(const Outer& outer, const P& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx,
                        const BatchView<S>& y, C& cache, Batch<S>& dy, std::size_t end = Net::Tangents::to_the_last) {
        require_own_layers(outer);
        Net::Tangents::forward(outer.network(), w, dw, x, dx, y, cache, dy, end, Held{outer.mask(), outer.names()});
    }
    template <class Outer, class Dw, class G>
    static void backward(const Outer& outer, const P& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx,
                         const BatchView<S>& y, C& cache, const BatchView<S>& above, const BatchView<S>& above_tangent,
                         Batch<S>& dx_tangent, G& g, std::size_t end = Net::Tangents::to_the_last) {
        require_own_layers(outer);
        const Held held{outer.mask(), outer.names()};
        const std::size_t last = std::min(end, static_cast<std::size_t>(outer.size()));
        const auto go = [&](const BatchView<S>& over, const BatchView<S>& d_over) {
            Net::Tangents::backward(outer.network(), w, dw, x, dx, y, cache, over, d_over, dx_tangent, g, end, held);
        };
        if (last == 0 || !held.has(last - 1)) {
            go(above, above_tangent);
            return;
        }
        Batch<S> over = above, d_over = above_tangent;
        held(last - 1, over);
        held(last - 1, d_over);
        go(over, d_over);
    }

private:
    struct Held {
        const Mask& mask;
        const std::vector<std::string>& names;

        bool has(std::size_t i) const {
            return std::any_of(mask.begin(), mask.end(), [&](const MaskedUnits& m) { return m.layer == names[i]; });
        }
        void operator()(std::size_t i, Batch<S>& d) const {
            for (const MaskedUnits& place : mask) {
                if (place.layer == names[i]) stop(place, d);
            }
        }
    };
    template <class Outer>
    static void require_own_layers(const Outer& outer) {
        for (const MaskedUnits& place : outer.mask()) {
            if (std::find(outer.names().begin(), outer.names().end(), place.layer) != outer.names().end()) continue;
            raise<DataError>("mask", "second derivatives with units of \"" + place.layer + "\" held",
                             "a layer inside another", "layers of the network itself");
        }
    }
};

}  // namespace renn::inline RENN_ABI::detail
