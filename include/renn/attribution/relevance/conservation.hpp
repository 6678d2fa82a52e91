// SPDX-License-Identifier: MIT
// renn/attribution/relevance/conservation.hpp - checks that a user can make on a network of their own.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <renn/attribution/relevance/composite.hpp>
#include <renn/attribution/relevance/layer_kind.hpp>
#include <renn/attribution/relevance_propagation.hpp>
#include <renn/attribution/target.hpp>
#include <renn/core/batch.hpp>
#include <renn/network/for_each_layer.hpp>

namespace renn::inline RENN_ABI {

/// What check_conservation found.
template <class S>
struct Conservation {
    bool holds = false;          ///< at every layer the ledger reconciles
    double unaccounted = 0.0;    ///< the greatest rest of a layer, as a share of the greatest number of its line
    double lost = 0.0;           ///< the greatest |gap| of a sample, as a share of what it started with
    Attribution<S> attribution;  ///< with the ledger
};

/// Propagates the greatest output of each sample and checks that no relevance is made or lost on the way but by what
/// the ledger says: what a layer of your own should pass. That biases take their share is no error: see `lost`.
///
/// Shapes   x: features x n.
/// Throws   as RelevancePropagation.
template <class Net>
Conservation<typename Net::Scalar> check_conservation(const Net& net, const BatchView<typename Net::Scalar>& x,
                                                      const relevance::Composite& composite = relevance::epsilon_plus(),
                                                      double tolerance = std::same_as<typename Net::Scalar, float>
                                                                             ? 1e-4
                                                                             : 1e-9) {
    Conservation<typename Net::Scalar> found;
    found.attribution = attribute(net, x, predicted_output(), RelevancePropagation{composite});
    found.unaccounted = found.attribution.ledger.worst();
    found.holds = found.unaccounted <= tolerance;
    for (Index j = 0; j < x.cols(); ++j) {
        const auto started = static_cast<double>(std::abs(found.attribution.explained[j]));
        const auto gap = static_cast<double>(std::abs(found.attribution.gap[j]));
        if (gap > 0.0) found.lost = std::max(found.lost, started > 0.0 ? gap / started : gap);
    }
    return found;
}

/// Where a network is not one that the theory of deep Taylor decomposition is for, a line each; none: it is. It asks
/// for layers with weights, biases that are not positive, and ReLU between them; pooling is taken as it is.
/// Source   Montavon et al. (2017).
template <class Net>
std::vector<std::string> deep_taylor_admissible(const Net& net) {
    std::vector<std::string> violations;
    for_each_layer(net, [&](std::string_view path, const auto& layer, const auto& parameters) {
        using L = std::remove_cvref_t<decltype(layer)>;
        constexpr std::string_view name = L::name;
        constexpr auto kind = relevance::layer_kind<L>();
        const std::string at = std::string(path) + " (" + std::string(name) + "): ";
        if constexpr (kind == relevance::LayerKind::weighted) {
            if constexpr (requires { parameters.bias; }) {
                const auto positive = (parameters.bias.array() > 0).count();
                if (positive != 0) violations.push_back(at + std::to_string(positive) + " biases above 0");
            }
        } else if constexpr (kind == relevance::LayerKind::none || kind == relevance::LayerKind::layer_norm ||
                             kind == relevance::LayerKind::softmax) {
            violations.push_back(at + "not a layer of weights, pooling or ReLU");
        } else if constexpr (kind == relevance::LayerKind::unit_by_unit) {
            const bool neutral = name == "Dropout" || name == "Flatten" || name == "Identity" || name == "ReLU";
            if (!neutral) violations.push_back(at + "not ReLU");
        }
    });
    return violations;
}

}  // namespace renn::inline RENN_ABI
