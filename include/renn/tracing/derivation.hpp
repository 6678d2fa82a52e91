// SPDX-License-Identifier: MIT
// renn/tracing/derivation.hpp - how values that are not stored come from those that are.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/network/for_each_layer.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI {

/// How a post-activation comes from the pre-activation before it, value by value and bit by bit.
template <class S>
struct Derivation {
    const void* layer = nullptr;  ///< lives in the traced network
    void (*apply)(const void* layer, const S* in, S* out, Index n) = nullptr;
    std::optional<S> negative_slope = {};  ///< set if the activation is x > 0 ? x : slope * x with slope >= 0
};

namespace detail {

/// One derivation a point, empty for stored ones. The network must outlive them.
template <class Model>
std::vector<Derivation<typename Model::Scalar>> derivations(const Model& model, const std::vector<Point>& points) {
    using S = typename Model::Scalar;
    std::vector<Derivation<S>> result(points.size());
    if constexpr (requires { for_each_layer(model, [](auto&&...) {}); }) {
        for_each_layer(model, [&](std::string_view path, const auto& layer, const auto&) {
            using L = std::remove_cvref_t<decltype(layer)>;
            if constexpr (requires(const S* in, S* out) { layer.apply(in, out, Index{}); }) {
                for (std::size_t p = 0; p < points.size(); ++p) {
                    if (points[p].stored() || points[p].name != path) continue;
                    result[p].layer = &layer;
                    result[p].apply = [](const void* l, const S* in, S* out, Index n) {
                        static_cast<const L*>(l)->apply(in, out, n);
                    };
                    if constexpr (requires { layer.negative_slope(); }) {
                        if (layer.negative_slope() >= S(0)) result[p].negative_slope = layer.negative_slope();
                    }
                }
            }
        });
    }
    for (std::size_t p = 0; p < points.size(); ++p) {
        if (!points[p].stored() && result[p].apply == nullptr) {
            raise<MismatchError>("store", "point " + points[p].text(), "nothing to recompute it from",
                                 "an elementwise activation of that name in the network");
        }
    }
    return result;
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
