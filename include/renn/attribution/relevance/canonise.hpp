// SPDX-License-Identifier: MIT
// renn/attribution/relevance/canonise.hpp - merges BatchNorm into the layers beside it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// One of the layers of a network that stand one after another, as merging sees it.
struct MergeStep {
    enum class Role : std::uint8_t { weighted, norm, neutral, other };
    std::string name;
    Role role = Role::other;
    bool padded = false;
    std::size_t into = 0;         ///< of a norm: the layer it is merged into
    Column<double> scale, shift;  ///< of a norm: y = scale x + shift, one a channel
    Index positions = 1;          ///< of a norm: values a channel has
};

template <class L>
constexpr bool is_batch_norm = std::string_view(L::name) == "BatchNorm";
template <class L>
constexpr bool is_convolution = requires(const L& l) {
    l.weights_shape();
};
template <class L>
constexpr bool takes_batch_norm = is_convolution<L> || requires {
    requires L::connects_all;
};

template <class L, class P>
MergeStep merge_step(const std::string& name, const L& layer, const P& w) {
    MergeStep step;
    step.name = name;
    if constexpr (is_batch_norm<L>) {
        step.role = MergeStep::Role::norm;
        step.positions = layer.input_shape().positions();
        step.scale = w.weights.template cast<double>().array() /
                     (layer.running_variance().template cast<double>().array() + layer.epsilon()).sqrt();
        step.shift = w.bias.template cast<double>().array() -
                     step.scale.array() * layer.running_mean().template cast<double>().array();
    } else if constexpr (takes_batch_norm<L>) {
        step.role = MergeStep::Role::weighted;
        if constexpr (is_convolution<L>) {
            step.padded = layer.window().padding != decltype(layer.window().padding)(0);
        }
    } else if constexpr (!CompositeLayer<L>) {
        const std::string_view kind = L::name;
        if (kind == "Dropout" || kind == "Flatten" || kind == "Identity") step.role = MergeStep::Role::neutral;
    }
    return step;
}

/// Which layer each norm goes into: the one before it, else the one after it; only such that change nothing between.
inline void plan_merges(std::vector<MergeStep>& steps) {
    using Role = MergeStep::Role;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (steps[i].role != Role::norm) continue;
        std::size_t before = i, after = i + 1;
        while (before > 0 && (steps[before - 1].role == Role::neutral || steps[before - 1].role == Role::norm))
            --before;
        while (after < steps.size() && (steps[after].role == Role::neutral || steps[after].role == Role::norm)) ++after;
        if (before > 0 && steps[before - 1].role == Role::weighted) {
            steps[i].into = before - 1;
        } else if (after < steps.size() && steps[after].role == Role::weighted) {
            if (steps[after].padded) {
                raise<DataError>("canonise", steps[i].name + ", merged into " + steps[after].name + " behind it",
                                 "a padding of zeros, whose place in the picture would count", "no padding");
            }
            steps[i].into = after;
        } else {
            raise<DataError>("canonise", steps[i].name, "no Dense or convolution beside it",
                             "one before or behind it, with nothing but Dropout or Flatten between");
        }
    }
}

/// Channel of a norm that a row or column of weights belongs to.
inline Index merged_channel(const MergeStep& norm, Index unit, Index positions_of_unit, const std::string& into) {
    const Index channels = norm.scale.size();
    if (positions_of_unit != 1 && norm.positions != positions_of_unit) {
        raise<DataError>("canonise", norm.name + ", merged into " + into,
                         "constants for " + std::to_string(channels) + " features", "one for each channel");
    }
    return std::min(positions_of_unit == 1 ? unit / norm.positions : unit, channels - 1);
}

template <class L, class P>
void merge_before(const MergeStep& norm, const std::string& name, L& layer, P& w) {
    using S = typename L::Scalar;
    const Index rows = w.weights.rows();
    Index places = 1;
    if constexpr (is_convolution<L>) places = layer.output_shape().positions();
    if constexpr (is_convolution<L>) {
        if (w.bias.size() == 0) {
            w.bias = Column<S>::Zero(rows);
            auto constants = layer.constants();
            std::get<std::tuple_size_v<decltype(constants)> - 1>(constants) = 1;
        }
    }
    for (Index row = 0; row < rows; ++row) {
        const Index c = merged_channel(norm, row, places, name);
        const double scale = norm.scale[c];
        w.weights.row(row) = (w.weights.row(row).template cast<double>() * scale).template cast<S>();
        w.bias[row] = static_cast<S>(static_cast<double>(w.bias[row]) * scale + norm.shift[c]);
    }
}

template <class L, class P>
void merge_behind(const MergeStep& norm, const std::string& name, L& layer, P& w) {
    using S = typename L::Scalar;
    Index taps = 1, places = 1, groups = 1;
    if constexpr (is_convolution<L>) {
        taps = layer.window().taps();
        places = layer.input_shape().positions();
        groups = layer.input_shape().channels * taps / w.weights.cols();
        if (w.bias.size() == 0) {
            w.bias = Column<S>::Zero(w.weights.rows());
            auto constants = layer.constants();
            std::get<std::tuple_size_v<decltype(constants)> - 1>(constants) = 1;
        }
    }
    const Index rows_of_group = w.weights.rows() / groups, inputs_of_group = w.weights.cols() / taps;
    for (Index row = 0; row < w.weights.rows(); ++row) {
        double shift = 0.0;
        for (Index column = 0; column < w.weights.cols(); ++column) {
            const Index input = row / rows_of_group * inputs_of_group + column / taps;
            const Index c = merged_channel(norm, input, places, name);
            const auto weight = static_cast<double>(w.weights(row, column));
            shift += weight * norm.shift[c];
            w.weights(row, column) = static_cast<S>(weight * norm.scale[c]);
        }
        w.bias[row] = static_cast<S>(static_cast<double>(w.bias[row]) + shift);
    }
}

template <class Net, class W>
void merge_norms(Net& net, W& parameters) {
    std::vector<MergeStep> steps;
    Net::for_each_child(net, parameters, [&](const std::string& name, auto& layer, auto& part) {
        using L = std::remove_cvref_t<decltype(layer)>;
        if constexpr (CompositeLayer<L>) merge_norms(layer, part);
        steps.push_back(merge_step(name, layer, part));
    });
    if (Net::wiring == Wiring::side_by_side) return;
    plan_merges(steps);
    std::size_t at = 0;
    Net::for_each_child(net, parameters, [&](const std::string& name, auto& layer, auto& part) {
        using L = std::remove_cvref_t<decltype(layer)>;
        if constexpr (takes_batch_norm<L>) {
            // Those before it change what it sees: the nearest one first. Those behind it likewise.
            for (std::size_t i = at; i-- > 0;) {
                if (steps[i].role == MergeStep::Role::norm && steps[i].into == at)
                    merge_behind(steps[i], name, layer, part);
            }
            for (std::size_t i = at + 1; i < steps.size(); ++i) {
                if (steps[i].role == MergeStep::Role::norm && steps[i].into == at)
                    merge_before(steps[i], name, layer, part);
            }
        } else if constexpr (is_batch_norm<L>) {
            using S = typename L::Scalar;
            const Index channels = part.weights.size();
            layer.set_running(Column<S>::Zero(channels), Column<S>::Ones(channels));
            part.weights.setConstant(static_cast<S>(std::sqrt(1.0 + layer.epsilon())));
            part.bias.setZero();
        }
        ++at;
    });
}

}  // namespace detail

/// The network with each BatchNorm merged into the Dense or convolution before it, else into the one behind it, and
/// made an identity itself. It has the type, the names and, but for rounding, the outputs that it had, and rules see
/// the weights that the layers act with together.
///
/// Throws   DataError for a BatchNorm with neither beside it, or with only a padded convolution behind it: what padding
///          stands for would depend on the place.
/// Source   Guillemot et al. (2020), "Breaking batch normalization for better explainability of deep neural networks
///          through layer-wise relevance propagation".
template <CompositeLayer Net>
Net canonise(Net net) {
    detail::merge_norms(net, net.parameters());
    return net;
}

}  // namespace renn::inline RENN_ABI
