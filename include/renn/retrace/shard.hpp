// SPDX-License-Identifier: MIT
// renn/retrace/shard.hpp - asks a network that recorded some of the samples, for an answer to be merged with others'.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/parallel.hpp>
#include <renn/retrace/partial.hpp>
#include <renn/retrace/retrace.hpp>
#include <renn/retrace/sample_set.hpp>
#include <renn/retrace/search.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

template <class Store>
bool has_id(const Store& store, std::uint64_t id) {
    const auto& order = store.by_id();
    const auto n = static_cast<std::size_t>(store.samples());
    std::size_t low = 0, high = n;
    const auto id_at = [&](std::size_t i) { return store.ids[order.empty() ? i : std::size_t{order[i]}]; };
    while (low < high) {
        const std::size_t middle = low + (high - low) / 2;
        if (id_at(middle) < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < n && id_at(low) == id;
}

template <class T>
std::vector<T> ascending(std::vector<T> values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    return values;
}

/// The named positions of a store as a table by ascending ids; `to` takes a position's number among them to its place.
template <class Store>
std::vector<PartialRetrace::Sample> table_of(const Store& store, const SampleSet& named,
                                             std::vector<std::uint32_t>& to) {
    std::vector<PartialRetrace::Sample> found;
    named.for_each([&](std::uint32_t s) {
        found.push_back({store.ids[s], store.labels.empty() ? -1 : store.labels[s],
                         store.predictions.empty() ? -1 : store.predictions[s]});
    });
    std::vector<std::uint32_t> order(found.size());
    std::iota(order.begin(), order.end(), 0U);
    to = order;
    if (store.by_id().empty()) return found;
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return found[a].id < found[b].id; });
    std::vector<PartialRetrace::Sample> table;
    table.reserve(found.size());
    for (std::uint32_t place = 0; place < order.size(); ++place) {
        to[order[place]] = place;
        table.push_back(found[order[place]]);
    }
    return table;
}

}  // namespace detail

/// What one answer hands over, with the restriction of its own options. Where ids restrict the sources or one is left
/// out, shards need different options for one question: retrace_shard sees to that.
/// Cost   as Retrace::neuron for every neuron; O(samples / 64); with `share` and `skip_inactive` the tied samples.
template <class I>
PartialRetrace partial(const Retrace<I>& answer) {
    const auto& store = answer.store();
    const RetraceOptions& options = answer.options();
    PartialRetrace taken;
    taken.provenance = answer.provenance();
    taken.ties = options.ties;
    taken.restriction = {detail::ascending(options.classes), detail::ascending(options.ids), answer.without()};
    taken.samples = static_cast<std::uint64_t>(store.samples());
    taken.known = taken.restriction.ids.size() + (taken.restriction.without ? 1U : 0U);
    taken.labelled = answer.has_labels();
    taken.classes = static_cast<std::int32_t>(store.classes());
    taken.class_names = answer.class_names();
    taken.prediction = answer.prediction();
    taken.outputs.assign(answer.outputs().begin(), answer.outputs().end());

    // First with positions in the store, then, when all that are named are known, with places in the table of them.
    detail::SampleSet named(static_cast<std::size_t>(store.samples()));
    std::size_t number = 0;
    for (std::size_t i = 0, places = answer.layers().size(); i < places; ++i) {
        const Point& place = answer.place(i);
        auto& layer = taken.layers.emplace_back();
        layer.name = place.name;
        layer.kind = place.kind;
        for (const std::uint32_t unit : answer.units(i)) {
            const NeuronSources sources = answer.neuron(number);
            auto& neuron = layer.neurons.emplace_back();
            neuron.unit = unit;
            neuron.value = sources.value;
            neuron.inactive = options.ties == Ties::skip_inactive && !sources.votes;
            neuron.others = sources.tied - sources.places;
            for (const Neighbour& near : sources.neighbours) {
                const auto at = static_cast<std::uint32_t>(store.position_of(near.id));
                named.insert(at);
                neuron.nearest.push_back({at, near.value, near.distance});
            }
            if (neuron.others > 0 && detail::shares_ties(taken.ties, neuron)) {
                neuron.tied.reserve(sources.tied);
                answer.for_each_tied(number, [&](std::uint32_t at) {
                    named.insert(at);
                    neuron.tied.push_back(at);
                });
            }
            ++number;
        }
    }
    named.count();
    std::vector<std::uint32_t> to;
    taken.held = detail::table_of(store, named, to);
    const auto place_of = [&](std::uint32_t at) { return to[named.number(at)]; };
    for (auto& layer : taken.layers) {
        for (auto& neuron : layer.neurons) {
            for (auto& near : neuron.nearest) near.sample = place_of(near.sample);
            if (neuron.tied.empty()) continue;
            for (std::uint32_t& at : neuron.tied) at = place_of(at);
            detail::sort_samples(neuron.tied, taken.held.size());
            const auto others = static_cast<std::ptrdiff_t>(neuron.others);
            neuron.tied.erase(neuron.tied.begin(), neuron.tied.end() - others);  // lowest ids are among the nearest
        }
    }
    return taken;
}

/// Traces every column of x to the samples of one shard. All shards get the same x and options: ids in them, those to
/// restrict to and the one to leave out, may belong to any shard. merge(a, b) unites what the shards say.
///
/// Shapes   x: features x queries; one partial answer a query.
/// Throws   as TracedNetwork::retrace_batch, but not for ids of other shards: see PartialRetrace::unknown_ids.
/// Cost     as retrace_batch and partial, queries spread over threads (0: every core).
template <class Traced>
std::vector<PartialRetrace> retrace_shard(const Traced& shard, const BatchView<typename Traced::Scalar>& x,
                                          const RetraceOptions& options = {}, int threads = 1) {
    const auto& store = shard.store();
    const PartialRetrace::Restriction asked{detail::ascending(options.classes), detail::ascending(options.ids),
                                            options.without};
    RetraceOptions own = options;
    own.ids.clear();
    for (const std::uint64_t id : asked.ids) {
        if (detail::has_id(store, id)) own.ids.push_back(id);
    }
    if (own.without && !detail::has_id(store, *own.without)) own.without.reset();
    const std::uint64_t known = own.ids.size() + (own.without ? 1U : 0U);
    if (own.ids.empty() && !asked.ids.empty()) own.k = std::min<std::int64_t>(own.k, 0);  // no source here
    const auto answers = shard.retrace_batch(x, own, threads);
    std::vector<PartialRetrace> partials(answers.size());
    detail::parallel_for(static_cast<Index>(answers.size()), threads, [&](Index q, int) {
        PartialRetrace taken = partial(answers[static_cast<std::size_t>(q)]);
        taken.restriction = asked;
        taken.known = known;
        taken.provenance.k = options.k;
        partials[static_cast<std::size_t>(q)] = std::move(taken);
    });
    return partials;
}

}  // namespace renn::inline RENN_ABI
