// SPDX-License-Identifier: MIT
// renn/attribution/relevance/root_rule.hpp - deep Taylor: a rule from the direction in which a root is searched.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include <renn/attribution/relevance/rules.hpp>
#include <renn/core/batch.hpp>

namespace renn::inline RENN_ABI::relevance {

/// The nearest root: v = w. As WSquare without its bias.
struct ToNearestRoot {
    double operator()(double, double w, Index) const noexcept { return w; }
};

/// Along the input: v = x. As Zero without bias.
struct AlongInput {
    double operator()(double x, double, Index) const noexcept { return x; }
};

/// Along the exciting inputs: v = x [w > 0]. As ZPlus without bias, for inputs that are not negative.
struct AlongExcitation {
    double operator()(double x, double w, Index) const noexcept { return w > 0.0 ? x : 0.0; }
};

/// Within a box: v = x - low [w > 0] - high [w < 0]. As ZBox. Bounds: one number, or one a feature.
struct WithinBox {
    std::vector<double> low = {};   ///< left out: 0
    std::vector<double> high = {};  ///< left out: 1
    double operator()(double x, double w, Index feature) const {
        const auto at = [feature](const std::vector<double>& bounds, double left_out) {
            if (bounds.empty()) return left_out;
            return bounds[bounds.size() == 1 ? 0 : static_cast<std::size_t>(feature)];
        };
        return w > 0.0 ? x - at(low, 0.0) : w < 0.0 ? x - at(high, 1.0) : x;
    }
};

/// The first-order Taylor term of a unit's relevance at the root x - t v: n = v w, for any direction v(x, w, feature).
/// The bias takes no part. It is for trying directions: the named rules are the same where there is one, and fast.
///
/// Cost     a call of `direction` for every pair of input and unit, for every sample; memory for the layer's matrix.
/// Source   Montavon et al. (2017), "Explaining nonlinear classification decisions with deep Taylor decomposition".
template <class Direction>
struct RootRule {
    Direction direction = {};
    double stabiliser = 1e-6;

    operator Rule() const { return Rule(Rule::Direction(direction), stabiliser); }
};

}  // namespace renn::inline RENN_ABI::relevance
