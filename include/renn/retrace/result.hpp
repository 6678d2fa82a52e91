// SPDX-License-Identifier: MIT
// renn/retrace/result.hpp - an answer as a plain value that needs neither network nor store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <renn/retrace/retrace.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI {

/// What a Retrace says, taken out of it: to be saved, exported, sent.
struct RetraceResult {
    /// One neuron that voted.
    struct Neuron {
        std::uint32_t unit = 0;
        NeuronSources found;

        bool operator==(const Neuron&) const = default;
    };
    /// One place that voted.
    struct Layer {
        std::string name;
        Kind kind = Kind::pre;
        double votes = 0.0;            ///< all that its neurons cast
        std::vector<double> evidence;  ///< one a class; empty without labels
        std::vector<Source> sources;   ///< most votes first
        std::vector<Neuron> neurons;

        bool operator==(const Layer&) const = default;
    };

    Provenance provenance;
    std::int32_t prediction = -1;  ///< -1 for a model without outputs
    std::vector<double> outputs;   ///< the model's
    std::vector<std::string> class_names;
    double votes = 0.0;
    std::vector<double> evidence;
    std::vector<Source> sources;
    std::vector<Layer> layers;

    bool operator==(const RetraceResult&) const = default;
};

/// How much of an answer is taken.
struct ResultDetail {
    std::size_t sources = 100;       ///< most, for the network
    std::size_t layer_sources = 20;  ///< most, for each place
    bool neurons = true;             ///< with the k closest samples of every neuron
};

namespace detail {

template <class V, class To>
void take_votes(const V& votes, std::size_t most, To& to) {
    to.votes = votes.total();
    to.sources = votes.top(most);
    if (votes.has_labels()) to.evidence = votes.evidence();
}

}  // namespace detail

/// The answer as a value. Cost: as Retrace::top and Retrace::neuron, for each place and each neuron.
template <class I>
RetraceResult result(const Retrace<I>& answer, const ResultDetail& how_much = {}) {
    RetraceResult taken;
    taken.provenance = answer.provenance();
    taken.prediction = answer.prediction();
    taken.outputs.assign(answer.outputs().begin(), answer.outputs().end());
    taken.class_names = answer.class_names();
    detail::take_votes(answer, how_much.sources, taken);
    const std::size_t places = answer.layers().size();
    std::size_t number = 0;
    for (std::size_t i = 0; i < places; ++i) {
        const Point& place = answer.place(i);
        RetraceResult::Layer& layer = taken.layers.emplace_back();
        layer.name = place.name;
        layer.kind = place.kind;
        detail::take_votes(answer.layer(i), how_much.layer_sources, layer);
        for (const std::uint32_t unit : answer.units(i)) {
            if (how_much.neurons) layer.neurons.push_back({unit, answer.neuron(number)});
            ++number;
        }
    }
    return taken;
}

}  // namespace renn::inline RENN_ABI
