// SPDX-License-Identifier: MIT
// renn/attribution/relevance/presets.hpp - composites that the literature has names for.
#pragma once

#include <vector>

#include <renn/attribution/relevance/composite.hpp>
#include <renn/attribution/relevance/rules.hpp>

namespace renn::inline RENN_ABI::relevance {

/// ZPlus for convolutions, Epsilon for dense layers.
/// Source   Zennit's EpsilonPlus.
inline Composite epsilon_plus(double epsilon = 1e-6) {
    return Composite().add(convolutions(), ZPlus{}).add(dense(), Epsilon{.epsilon = epsilon});
}

/// The same with FlatRule for the first layer.
inline Composite epsilon_plus_flat(double epsilon = 1e-6) {
    return Composite().add(first(), FlatRule{}).add(convolutions(), ZPlus{}).add(dense(), Epsilon{.epsilon = epsilon});
}

/// AlphaBeta of 2 and 1 for convolutions, Epsilon for dense layers.
/// Source   Zennit's EpsilonAlpha2Beta1.
inline Composite epsilon_alpha2_beta1(double epsilon = 1e-6) {
    return Composite().add(convolutions(), AlphaBeta{}).add(dense(), Epsilon{.epsilon = epsilon});
}

/// The same with FlatRule for the first layer.
inline Composite epsilon_alpha2_beta1_flat(double epsilon = 1e-6) {
    return Composite()
        .add(first(), FlatRule{})
        .add(convolutions(), AlphaBeta{})
        .add(dense(), Epsilon{.epsilon = epsilon});
}

/// ZBox for the first layer if it is a convolution, Gamma for the others, Epsilon for dense layers.
/// Source   Zennit's EpsilonGammaBox.
inline Composite epsilon_gamma_box(const std::vector<double>& low, const std::vector<double>& high, double gamma = 0.25,
                                   double epsilon = 1e-6) {
    return Composite()
        .add(first() && convolutions(), ZBox{.low = low, .high = high})
        .add(convolutions(), Gamma{.gamma = gamma})
        .add(dense(), Epsilon{.epsilon = epsilon});
}

/// ZPlus everywhere.
/// Source   Zhang et al. (2016), "Top-down neural attention by excitation backprop".
inline Composite excitation_backprop() {
    return Composite(ZPlus{});
}

/// AlphaBeta of 1 and 0 for convolutions, Epsilon 0.1 for dense layers.
/// Source   iNNvestigate's lrp.sequential_preset_a.
inline Composite preset_a() {
    return Composite().add(convolutions(), ZPlus{}).add(dense(), Epsilon{.epsilon = 0.1});
}
/// The same with FlatRule for the first layer.
inline Composite preset_a_flat() {
    return Composite().add(first(), FlatRule{}).add(convolutions(), ZPlus{}).add(dense(), Epsilon{.epsilon = 0.1});
}

/// As preset_a, with AlphaBeta of 2 and 1.
inline Composite preset_b() {
    return Composite().add(convolutions(), AlphaBeta{}).add(dense(), Epsilon{.epsilon = 0.1});
}
/// The same with FlatRule for the first layer.
inline Composite preset_b_flat() {
    return Composite().add(first(), FlatRule{}).add(convolutions(), AlphaBeta{}).add(dense(), Epsilon{.epsilon = 0.1});
}

/// Deep Taylor decomposition for inputs within bounds: ZBox first, then ZPlus. See deep_taylor_admissible.
/// Source   Montavon et al. (2017).
inline Composite deep_taylor(const std::vector<double>& low, const std::vector<double>& high) {
    return Composite().add(first(), ZBox{.low = low, .high = high}).add(weighted(), ZPlus{});
}
/// Deep Taylor decomposition for inputs without bounds: WSquare first, then ZPlus.
inline Composite deep_taylor() {
    return Composite().add(first(), WSquare{}).add(weighted(), ZPlus{});
}

/// ZBox first, then Gamma for the lower third of the layers with weights, Epsilon for the middle, Zero for the upper.
/// Source   Montavon et al. (2019), "Layer-wise relevance propagation: an overview".
inline Composite three_part(const std::vector<double>& low, const std::vector<double>& high, double gamma = 0.25,
                            double epsilon_of_rms = 0.25) {
    return Composite()
        .add(first(), ZBox{.low = low, .high = high})
        .add(depth(0.0, 1.0 / 3), Gamma{.gamma = gamma})
        .add(depth(1.0 / 3, 2.0 / 3), Epsilon{.epsilon = 1e-9, .of_rms = epsilon_of_rms})
        .add(weighted(), Zero{});
}

}  // namespace renn::inline RENN_ABI::relevance
