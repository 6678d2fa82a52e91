// SPDX-License-Identifier: MIT
// renn/tracing/neuron_patches.hpp - where in its input a neuron looked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/network/receptive_field.hpp>
#include <renn/tracing/activations.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI {

/// The part of a sample's image that a neuron looked at: of a neuron that is a position, its receptive field; of one
/// that is a channel, that of the position where the channel is largest, the first one among equals. Nothing where the
/// values of the point are no image.
///
/// Shapes   values: width of the point x 1, what it reported for the sample.
/// Throws   DataError for a unit the point does not have, ShapeError for other values, and as receptive_field.
template <CompositeLayer Net, class D>
std::optional<Patch> neuron_patch(const Net& net, const Point& point, std::uint32_t unit,
                                  const Eigen::MatrixBase<D>& values) {
    const Shape& image = point.shape;
    if (image.size() == 0) return std::nullopt;
    const auto row = static_cast<Index>(unit);
    if (row >= point.neurons()) {
        detail::raise<DataError>("neuron_patch", "unit of " + point.name, std::to_string(unit),
                                 "below " + std::to_string(point.neurons()));
    }
    detail::require_shape("neuron_patch", "values", values, image.size(), 1);
    Index at = row % image.positions();
    if (point.by_channel()) values.col(0).segment(row * image.positions(), image.positions()).maxCoeff(&at);
    return receptive_field(net, point.name, at / image.width, at % image.width);
}

/// Where neurons looked in some samples, which go through the network once, together:
///
///     const NeuronPatches patches(net, x);             // x: features x samples
///     patches(answer.place(0), unit, 3)                // in the fourth sample
///
/// The network must live as long.
template <CompositeLayer Net>
class NeuronPatches {
public:
    using Scalar = typename Net::Scalar;

    /// Throws as renn::activations.
    NeuronPatches(const Net& net, const BatchView<Scalar>& x) : net_(&net), values_(activations(net, x)) {}

    /// Throws   DataError for a place, unit or sample that is not there.
    std::optional<Patch> operator()(const Point& point, std::uint32_t unit, Index sample) const {
        if (point.shape.size() == 0) return std::nullopt;
        const Batch<Scalar>& values = values_[point.name];
        if (sample < 0 || sample >= values.cols()) {
            detail::raise<DataError>("NeuronPatches", "sample", std::to_string(sample),
                                     "below " + std::to_string(values.cols()));
        }
        return neuron_patch(*net_, point, unit, values.col(sample));
    }

private:
    const Net* net_;
    Activations<Scalar> values_;
};

/// What RetraceReport::add takes to mark where neurons of this network looked. The network must live as long.
template <CompositeLayer Net>
auto patch_marker(const Net& net) {
    return [&net](const BatchView<typename Net::Scalar>& x) { return NeuronPatches<Net>(net, x); };
}

}  // namespace renn::inline RENN_ABI
