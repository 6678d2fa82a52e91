// SPDX-License-Identifier: MIT
// renn/training/early_stopping.hpp - ends training when the validation set gains no more.
#pragma once

#include <cmath>
#include <string>

#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI {

/// Stops after `patience` epochs without a gain of more than `min_delta` on the validation set. A run that ends with
/// it, stopped or not, leaves the network as it was after its best epoch. NaN is never a gain.
struct EarlyStopping {
    enum class Measure { loss, accuracy };
    int patience = 0;  ///< epochs; 0: no early stopping
    double min_delta = 0.0;
    Measure measure = Measure::loss;

    bool active() const noexcept { return patience > 0; }
    void check() const {
        if (patience < 0) detail::raise<DataError>("EarlyStopping", "patience", std::to_string(patience), "0 or more");
        if (!(min_delta >= 0.0 && std::isfinite(min_delta))) {
            detail::raise<DataError>("EarlyStopping", "min_delta", std::to_string(min_delta),
                                     "a finite value, 0 or more");
        }
    }
    bool gain(double value, double best) const noexcept {
        return measure == Measure::loss ? value < best - min_delta : value > best + min_delta;
    }
};

}  // namespace renn::inline RENN_ABI
