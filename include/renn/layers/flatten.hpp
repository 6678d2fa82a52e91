// SPDX-License-Identifier: MIT
// renn/layers/flatten.hpp - says that from here on a sample is a plain vector.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>

namespace renn::inline RENN_ABI {

/// The identity: a sample is a column already (channel, height, width). It marks where a picture ends to be one, as
/// networks from elsewhere have such a layer, and keeps their layer numbers.
template <std::floating_point S = float>
class Flatten {
public:
    using Scalar = S;
    using Parameters = NoParameters;
    using Cache = NoCache;
    static constexpr std::string_view name = "Flatten";
    static constexpr bool forgets_shape = true;  ///< what follows sees no image

    const Parameters& parameters() const noexcept { return none_; }

    void forward(const Parameters&, const BatchView<S>& x, Batch<S>& y, Cache&, const Pass&) const { y = x; }

    template <class Dx, class G>
    void backward(const Parameters&, const BatchView<S>& x, const BatchView<S>&, const Cache&, const BatchView<S>& dy,
                  Dx& dx, G&) const {
        detail::require_shape("Flatten::backward", "dy", dy, x.rows(), x.cols());
        if constexpr (is_wanted<Dx>) dx = dy;
    }

    template <class Dw>
    void tangent(const Parameters&, const Dw&, const BatchView<S>& x, const BatchView<S>& dx, const BatchView<S>&,
                 const Cache&, Batch<S>& dy) const {
        detail::require_shape("Flatten::tangent", "dx", dx, x.rows(), x.cols());
        dy = dx;
    }

    template <class Dw, class Dx, class G>
    void backward_tangent(const Parameters& w, const Dw&, const BatchView<S>& x, const BatchView<S>&,
                          const BatchView<S>& y, const Cache& cache, const BatchView<S>&,
                          const BatchView<S>& above_tangent, Dx& dx_tangent, G& g) const {
        backward(w, x, y, cache, above_tangent, dx_tangent, g);
    }

    void map(const Parameters&, const BatchView<S>& x, Batch<S>& y) const { y = x; }
    void map_transposed(const Parameters&, const BatchView<S>& x, Batch<S>& y) const { y = x; }

    std::string describe() const { return "Flatten"; }

private:
    [[no_unique_address]] NoParameters none_;
};

}  // namespace renn::inline RENN_ABI
