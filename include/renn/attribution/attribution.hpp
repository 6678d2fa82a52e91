// SPDX-License-Identifier: MIT
// renn/attribution/attribution.hpp - a score for every input feature, and what a method of attribution is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <renn/attribution/explain.hpp>
#include <renn/attribution/ledger.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>

namespace renn::inline RENN_ABI {

/// Scores are what the method gives, never scaled: scaling is for drawing.
template <class S>
struct Attribution {
    Batch<S> scores;      ///< features x n
    Column<S> explained;  ///< the target's value of each sample
    Column<S> gap;  ///< what the scores should sum to, less their sum, one a sample; empty if they need not sum up
    std::vector<std::string> warnings;  ///< what a reader of the scores should know
    Ledger<S> ledger;                   ///< of relevance propagation: where relevance went at each layer; else empty

    /// Takes back what an earlier use left of remarks.
    void clear_remarks() {
        warnings.clear();
        ledger.lines.clear();
    }
};

namespace detail {

/// Makes of what the scores of each sample should sum to what is missing, in one order whatever their company.
template <class S>
void subtract_scores(Attribution<S>& result) {
    const Batch<S>& scores = result.scores;
    for (Index j = 0; j < scores.cols(); ++j) {
        result.gap[j] -= canonical::sum<S>(scores.data() + j * scores.rows(), scores.rows());
    }
}

/// "2, 5, 7 and 12 more": samples for which `is(j)`; empty if none.
template <class F>
std::string samples_where(Index samples, F&& is) {
    constexpr Index shown = 5;
    std::string text;
    Index count = 0;
    for (Index j = 0; j < samples; ++j) {
        if (!is(j)) continue;
        if (count++ < shown) text += (text.empty() ? "" : ", ") + std::to_string(j);
    }
    return count > shown ? text + " and " + std::to_string(count - shown) + " more" : text;
}

/// A map without any score says something of the network, not of the input. In place of such a warning before.
template <class S>
void warn_of_zeros(Attribution<S>& result) {
    constexpr std::string_view start = "every score is 0 for sample ";
    std::erase_if(result.warnings, [&](const std::string& warning) { return warning.starts_with(start); });
    const std::string samples = samples_where(result.scores.cols(), [&](Index j) {
        return result.scores.rows() > 0 && (result.scores.col(j).array() == S(0)).all();
    });
    if (samples.empty()) return;
    result.warnings.push_back(std::string(start) + samples +
                              ": no active units lead to the target, or it is saturated");
}

}  // namespace detail

/// A way to attribute: Gradient, IntegratedGradients, RelevancePropagation, ... A value with its options, whose call
/// operator writes everything of `result` anew. One that works with any callable takes that in place of a network.
template <class M, class Net, class T>
concept AttributionMethod = requires(const M& method, const Net& net, const BatchView<typename Net::Scalar>& x,
                                     const T& target, AttributionWorkspace<Net>& workspace,
                                     Attribution<typename Net::Scalar>& result) {
    method(net, x, target, workspace, result);
};

/// Which input features the target rests on.
///
///     renn::attribute(net, images, renn::output(3), renn::IntegratedGradients{.nodes = 100}).scores
///
/// Shapes   x: features x n; scores the same.
/// Throws   as the target and the method.
/// Threads  may run on several threads at once.
template <class Net, class T, AttributionMethod<Net, T> M>
Attribution<typename Net::Scalar> attribute(const Net& net, const BatchView<typename Net::Scalar>& x, const T& target,
                                            const M& method) {
    AttributionWorkspace<Net> workspace;
    Attribution<typename Net::Scalar> result;
    method(net, x, target, workspace, result);
    return result;
}

}  // namespace renn::inline RENN_ABI
