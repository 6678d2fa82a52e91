// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/range.hpp - keeps the values of a picture in a range.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>

namespace renn::inline RENN_ABI::maximisation {

/// How a Range keeps values in it: low + (high - low) / (1 + exp(-x)), or what lies outside moved to the nearer end,
/// where it has no gradient any more. The third way, to move it back after every step, is MaximiseOptions::box.
enum class Squeeze : std::uint8_t { sigmoid, clip };

/// Values from `low` to `high`.
/// Throws   DataError unless low < high, both finite.
template <std::floating_point S = float>
class Range {
public:
    using Scalar = S;
    using Parameters = NoParameters;
    using Cache = NoCache;
    static constexpr std::string_view name = "Range";

    explicit Range(S low = S(0), S high = S(1), Squeeze how = Squeeze::sigmoid) : low_(low), high_(high), how_(how) {
        if (!(low < high) || !std::isfinite(low) || !std::isfinite(high)) {
            detail::raise<DataError>("Range", "ends", std::to_string(low) + " and " + std::to_string(high),
                                     "finite ends, the lower first");
        }
    }

    const Parameters& parameters() const noexcept { return none_; }

    /// See Layer.
    void forward(const Parameters&, const BatchView<S>& x, Batch<S>& y, Cache&, const Pass&) const {
        detail::reshape(y, x.rows(), x.cols());
        if (how_ == Squeeze::clip) {
            y = x.cwiseMax(low_).cwiseMin(high_);
        } else {
            y.array() = low_ + (high_ - low_) / (S(1) + (-x.array()).exp());
        }
    }
    /// See DifferentiableLayer.
    template <class Dx, class G>
    void backward(const Parameters&, const BatchView<S>& x, const BatchView<S>& y, Cache&, const BatchView<S>& dy,
                  Dx& dx, G&) const {
        detail::require_shape("Range", "dy", dy, x.rows(), x.cols());
        if constexpr (is_wanted<Dx>) {
            detail::reshape(dx, x.rows(), x.cols());
            if (how_ == Squeeze::clip) {
                dx = ((x.array() >= low_) && (x.array() <= high_)).select(dy.array(), S(0));
            } else {
                dx.array() = dy.array() * (y.array() - low_) * (high_ - y.array()) / (high_ - low_);
            }
        }
    }

    /// What the layer says of itself.
    std::string describe() const { return "Range " + std::to_string(low_) + " to " + std::to_string(high_); }

private:
    S low_, high_;
    Squeeze how_;
    [[no_unique_address]] NoParameters none_;
};

}  // namespace renn::inline RENN_ABI::maximisation
