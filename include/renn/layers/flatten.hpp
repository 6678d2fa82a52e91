// SPDX-License-Identifier: MIT
// renn/layers/flatten.hpp - says that from here on a sample is a plain vector.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include <renn/core/batch.hpp>
#include <renn/core/layer.hpp>

namespace renn {

/// The identity: a sample is a column already (channel, height, width). It marks where a picture ends to be one, as
/// networks from elsewhere have such a layer, and keeps their layer numbers.
template <std::floating_point S = float>
class Flatten {
public:
    using Scalar = S;
    using Parameters = NoParameters;
    using Cache = NoCache;
    static constexpr std::string_view name = "Flatten";

    const Parameters& parameters() const noexcept { return none_; }

    void forward(const Parameters&, const BatchView<S>& x, Batch<S>& y, Cache&, const Pass&) const { y = x; }

    template <class Dx, class G>
    void backward(const Parameters&, const BatchView<S>&, const BatchView<S>&, const Cache&, const BatchView<S>& dy,
                  Dx& dx, G&) const {
        if constexpr (is_wanted<Dx>) dx = dy;
    }

    void map(const Parameters&, const BatchView<S>& x, Batch<S>& y) const { y = x; }
    void map_transposed(const Parameters&, const BatchView<S>& x, Batch<S>& y) const { y = x; }

    std::string describe() const { return "Flatten"; }

private:
    [[no_unique_address]] NoParameters none_;
};

static_assert(LinearLayer<Flatten<float>>);

}  // namespace renn
