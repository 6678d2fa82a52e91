// SPDX-License-Identifier: MIT
// renn/report/neuron_looks.hpp - shows where neurons looked, in a sample and in their closest training samples.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/patch.hpp>
#include <renn/data/dataset.hpp>
#include <renn/report/picture.hpp>
#include <renn/report/retrace_view.hpp>
#include <renn/retrace/retrace.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI::detail {

/// Marks nothing.
struct NoMarker {};

/// Adds their looks to the first neurons of each layer that is an image. All inputs of the sample are marked together:
/// `marker(features x n)` gives a callable (point, unit, column) -> std::optional<Patch>, such as NeuronPatches.
template <class I, class S, class Marker>
void mark_neurons(ReportSample& sample, const Retrace<I>& answer, const Dataset<S>& training, const Column<S>& query,
                  const ReportDetail& shown, const Marker& marker) {
    std::vector<Index> positions{-1};  // of each column of the inputs: the query, then training samples
    std::map<Index, Index> columns;
    std::vector<std::vector<Index>> wanted;  // columns of each neuron
    const auto for_each_marked = [&](auto&& f) {
        for (ReportLayer& layer : sample.layers) {
            const Point& place = answer.place(layer.place);
            if (place.shape.positions() < 2 || place.shape.size() == 0) continue;
            for (std::size_t i = 0; i < std::min(shown.marked, layer.neurons.size()); ++i) f(place, layer.neurons[i]);
        }
    };
    for_each_marked([&](const Point& place, const ReportNeuron& neuron) {
        wanted.push_back({0});
        for (const Neighbour& n : answer.neuron(place.name, neuron.unit).neighbours) {
            if (wanted.back().size() > shown.marked_sources) break;
            const Index position = training.position_of(n.id);
            const auto [at, is_new] = columns.try_emplace(position, std::ssize(positions));
            if (is_new) positions.push_back(position);
            wanted.back().push_back(at->second);
        }
    });
    if (wanted.empty()) return;

    Batch<S> inputs(query.size(), std::ssize(positions));
    inputs.col(0) = query;
    std::vector<ReportLook> looks{{sample.id, sample.label, true, sample.picture, {}}};
    for (Index c = 1; c < inputs.cols(); ++c) {
        const Index position = positions[static_cast<std::size_t>(c)];
        inputs.col(c) = training.input(position);
        looks.push_back({training.id(position),
                         training.has_labels() ? training.label(position) : -1,
                         false,
                         picture(inputs.col(c), training.image()),
                         {}});
    }
    const auto marks = marker(inputs);
    std::size_t next = 0;
    for_each_marked([&](const Point& place, ReportNeuron& neuron) {
        for (const Index c : wanted[next++]) {
            const std::optional<Patch> patch = marks(place, neuron.unit, c);
            if (!patch) continue;
            neuron.looks.push_back(looks[static_cast<std::size_t>(c)]);
            neuron.looks.back().patch = *patch;
        }
    });
}

}  // namespace renn::inline RENN_ABI::detail
