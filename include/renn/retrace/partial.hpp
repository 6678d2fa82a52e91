// SPDX-License-Identifier: MIT
// renn/retrace/partial.hpp - the answer of one shard, or of several merged: enough to merge it with those of others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/retrace/partial_retrace.hpp>
#include <renn/retrace/partial_votes.hpp>
#include <renn/retrace/result.hpp>
#include <renn/retrace/votes.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI {

inline PartialVotes PartialRetrace::all() const {
    PartialVotes view(*this);
    for (const Layer& layer : layers) view.add(layer);
    return view;
}
inline PartialVotes PartialRetrace::layer(std::size_t number) const {
    if (number >= layers.size()) {
        detail::raise<DataError>("PartialRetrace::layer", "number", std::to_string(number),
                                 "below " + std::to_string(layers.size()));
    }
    PartialVotes view(*this);
    view.add(layers[number]);
    return view;
}
inline PartialVotes PartialRetrace::layer(std::string_view name) const {
    for (std::size_t i = 0; i < layers.size(); ++i) {
        if (layers[i].name == name) return layer(i);
    }
    detail::raise_unknown("PartialRetrace::layer", "name", name, layers, [](const Layer& l) { return l.name; });
}
inline PartialVotes PartialRetrace::kind(Kind wanted) const {
    PartialVotes view(*this);
    for (const Layer& layer : layers) {
        if (layer.kind == wanted) view.add(layer);
    }
    return view;
}
inline double PartialRetrace::total() const {
    return all().total();
}
inline std::vector<Source> PartialRetrace::top(std::size_t m) const {
    return all().top(m);
}
inline double PartialRetrace::votes(std::uint64_t id) const {
    return all().votes(id);
}
inline std::vector<double> PartialRetrace::evidence() const {
    return all().evidence();
}
inline std::int32_t PartialRetrace::evidence_class() const {
    return all().evidence_class();
}

inline NeuronSources PartialRetrace::sources(const Neuron& neuron) const {
    const detail::Standing standing(ties, neuron);
    NeuronSources found{
        neuron.value,  {}, standing.boundary, standing.closer, static_cast<std::size_t>(standing.tied), standing.places,
        standing.votes};
    for (const Near& near : neuron.nearest) {
        found.neighbours.push_back({held[near.sample].id, near.value, near.distance});
    }
    return found;
}
inline NeuronSources PartialRetrace::neuron(std::string_view layer_name, std::uint32_t unit) const {
    for (const Layer& layer : layers) {
        if (layer.name != layer_name) continue;
        for (const Neuron& neuron : layer.neurons) {
            if (neuron.unit == unit) return sources(neuron);
        }
    }
    detail::raise<DataError>("PartialRetrace::neuron", "unit",
                             "\"" + std::string(layer_name) + "\" " + std::to_string(unit), "a neuron that voted");
}

/// The answer as a value, as result(Retrace) gives it.
inline RetraceResult result(const PartialRetrace& partial, const ResultDetail& how_much = {}) {
    RetraceResult taken;
    taken.provenance = partial.provenance;
    taken.prediction = partial.prediction;
    taken.outputs = partial.outputs;
    taken.class_names = partial.class_names;
    detail::take_votes(partial.all(), how_much.sources, taken);
    for (std::size_t i = 0; i < partial.layers.size(); ++i) {
        const PartialRetrace::Layer& from = partial.layers[i];
        RetraceResult::Layer& layer = taken.layers.emplace_back();
        layer.name = from.name;
        layer.kind = from.kind;
        detail::take_votes(partial.layer(i), how_much.layer_sources, layer);
        if (!how_much.neurons) continue;
        for (const auto& neuron : from.neurons) layer.neurons.push_back({neuron.unit, partial.sources(neuron)});
    }
    return taken;
}

}  // namespace renn::inline RENN_ABI
