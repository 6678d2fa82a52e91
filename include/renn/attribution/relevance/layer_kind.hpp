// SPDX-License-Identifier: MIT
// renn/attribution/relevance/layer_kind.hpp - which rules a type of layer can have.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include <renn/attribution/relevance/rules.hpp>
#include <renn/core/layer.hpp>

namespace renn::inline RENN_ABI::relevance {

/// What matters of a layer to relevance propagation.
enum class LayerKind : std::uint8_t {
    weighted,      ///< a LinearLayer with parameters of its own: Dense, convolutions
    average,       ///< a LinearLayer without: the mean of a window
    unit_by_unit,  ///< does the same with every unit: activations, Dropout, Flatten, Standardize, BatchNorm
    max_pool,
    layer_norm,
    softmax,  ///< has no rule, but relevance may start below it
    none      ///< no rule is known
};

/// The kind of a layer, from what its type has. A linear or elementwise layer of a user's own is known by its members.
template <class L>
constexpr LayerKind layer_kind() {
    constexpr std::string_view name = L::name;
    if (name == "Dropout" || name == "Flatten" || name == "Standardize" || name == "BatchNorm") {
        return LayerKind::unit_by_unit;
    }
    if (name == "MaxPool2d") return LayerKind::max_pool;
    if (name == "LayerNorm") return LayerKind::layer_norm;
    if (name == "Softmax") return LayerKind::softmax;
    if constexpr (LinearLayer<L>) {
        return std::is_same_v<typename L::Parameters, NoParameters> ? LayerKind::average : LayerKind::weighted;
    }
    if constexpr (requires { requires L::is_activation; }) return LayerKind::unit_by_unit;
    return LayerKind::none;
}

/// Names of the rules that a kind of layer can have.
inline std::string_view available_rules(LayerKind kind) noexcept {
    switch (kind) {
        case LayerKind::weighted:
        case LayerKind::average:
            return "Zero, Epsilon, Norm, AlphaBeta, ZPlus, Gamma, WSquare, FlatRule, ZBox, RootRule";
        case LayerKind::unit_by_unit:
        case LayerKind::softmax:
            return "PassOn";
        case LayerKind::max_pool:
            return "Winner, SplitTies, Proportional";
        case LayerKind::layer_norm:
            return "Zero, Epsilon, Norm";
        default:
            return "none: it needs an overload of reverse for RelevanceWalk";
    }
}

/// Whether a rule can be used on a kind of layer.
inline bool fits(const Rule& rule, LayerKind kind) noexcept {
    switch (kind) {
        case LayerKind::weighted:
        case LayerKind::average:
            return rule.form() == Rule::Form::linear || rule.form() == Rule::Form::root;
        case LayerKind::unit_by_unit:
        case LayerKind::softmax:
            return rule.form() == Rule::Form::pass;
        case LayerKind::layer_norm:
            return rule.form() == Rule::Form::linear && rule.linear().plain();
        case LayerKind::max_pool:
            return rule.form() == Rule::Form::winner || rule.form() == Rule::Form::split_ties ||
                   rule.form() == Rule::Form::proportional;
        default:
            return false;
    }
}

}  // namespace renn::inline RENN_ABI::relevance
