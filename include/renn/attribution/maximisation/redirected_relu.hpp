// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/redirected_relu.hpp - a gradient that gets past ReLUs which nothing gets past.
#pragma once

#include <string_view>

#include <renn/activations/relu.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/layer.hpp>
#include <renn/network/gradient.hpp>

namespace renn::inline RENN_ABI::maximisation {

/// InputGradient, but while `on`: where a ReLU lets nothing of a picture's gradient through, that part passes which
/// pushes inactive units up. For the first steps from a start at which a unit is inactive.
/// Source   lucid, `redirected_relu_grad`.
struct RedirectedGradient {
    bool on = false;
};

/// All of what is above goes into each branch.
template <class S>
BatchView<S> share(const RedirectedGradient&, std::string_view, const BatchView<S>&, const BatchView<S>&,
                   const BatchView<S>& above, Batch<S>&) {
    return above;
}

/// The chain rule at any layer.
template <class L, class Below>
void reverse(const RedirectedGradient&, const Step<L>& s, X<L> above, Below& below) {
    reverse(InputGradient{}, s, above, below);
}

/// At a ReLU.
template <class S, class Below>
void reverse(const RedirectedGradient& rule, const Step<ReLU<S>>& s, X<ReLU<S>> above, Below& below) {
    reverse(InputGradient{}, s, above, below);
    if constexpr (is_wanted<Below>) {
        for (Index j = 0; rule.on && j < below.cols(); ++j) {
            if (below.col(j).isZero(S(0))) below.col(j) = above.col(j).cwiseMax(S(0));
        }
    }
}

}  // namespace renn::inline RENN_ABI::maximisation
