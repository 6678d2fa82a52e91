// SPDX-License-Identifier: MIT
// renn/retrace/partial.hpp - the answer of one shard, or of several merged: enough to merge it with those of others.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/retrace/result.hpp>
#include <renn/retrace/retrace.hpp>
#include <renn/retrace/search.hpp>
#include <renn/retrace/votes.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI {

class PartialVotes;

/// What the samples of some shards say about one query. retrace_shard makes it (retrace/shard.hpp), merge unites two
/// (retrace/merge.hpp); merged over all shards it says, bit for bit, what a Retrace over all samples would say. A shard
/// cannot know the boundary of the whole, which is never farther than its own: it hands over all it has up to there.
/// A plain value; the default one is that of no samples at all and merges with any.
/// Memory   24 bytes for each of the k nearest of each neuron, 16 for each sample that is named anywhere. With `share`
///          or `skip_inactive` also 4 for every further member of a neuron's tied group: seldom any before an
///          activation, but half of all samples behind a rectifier.
struct PartialRetrace {
    /// A sample named by some neuron.
    struct Sample {
        std::uint64_t id = 0;
        std::int32_t label = -1;       ///< -1 if none was recorded
        std::int32_t prediction = -1;  ///< the model's own; -1 if it has no outputs

        bool operator==(const Sample&) const = default;
    };
    /// One of the nearest samples of a neuron.
    struct Near {
        std::uint32_t sample = 0;  ///< its place in `held`
        double value = 0.0;        ///< as Neighbour::value
        double distance = 0.0;

        bool operator==(const Near&) const = default;
    };
    /// A neuron that was asked.
    struct Neuron {
        std::uint32_t unit = 0;
        double value = 0.0;               ///< for the query
        bool inactive = false;            ///< skip_inactive makes it abstain
        std::vector<Near> nearest;        ///< the k nearest by (distance, id), or all if there are fewer
        std::uint64_t others = 0;         ///< how many more are as far as the last of these
        std::vector<std::uint32_t> tied;  ///< those, as places in `held`, ascending; empty where they get no votes

        bool operator==(const Neuron&) const = default;
    };
    /// A place that was asked.
    struct Layer {
        std::string name;
        Kind kind = Kind::pre;
        std::vector<Neuron> neurons;

        bool operator==(const Layer&) const = default;
    };
    /// Which samples could be sources; lists ascend.
    struct Restriction {
        std::vector<std::int32_t> classes = {};
        std::vector<std::uint64_t> ids = {};
        std::optional<std::uint64_t> without = {};

        bool operator==(const Restriction&) const = default;
    };

    Provenance provenance;
    Ties ties = Ties::share;
    Restriction restriction;
    std::uint64_t samples = 0;  ///< that the shards recorded, near or far
    std::uint64_t known = 0;    ///< ids named by the restriction that the shards recorded; see unknown_ids
    bool labelled = false;
    std::int32_t classes = 0;
    std::vector<std::string> class_names;
    std::int32_t prediction = -1;  ///< the model's for the query; -1 if it has no outputs
    std::vector<double> outputs;
    std::vector<Sample> held;  ///< ascending ids
    std::vector<Layer> layers;

    bool operator==(const PartialRetrace&) const = default;

    bool empty() const noexcept { return layers.empty(); }

    /// Ids of the restriction that none of the shards recorded: 0 once all shards are merged, if the ids were right. (A
    /// Retrace refuses unknown ids; a shard cannot.)
    std::uint64_t unknown_ids() const noexcept {
        return restriction.ids.size() + (restriction.without ? 1U : 0U) - known;
    }

    /// As the same members of Retrace. Views look at this value, which must outlive them.
    PartialVotes all() const;
    PartialVotes layer(std::size_t number) const;
    PartialVotes layer(std::string_view name) const;
    PartialVotes kind(Kind wanted) const;
    double total() const;
    std::vector<Source> top(std::size_t m) const;
    double votes(std::uint64_t id) const;
    std::vector<double> evidence() const;
    std::int32_t evidence_class() const;
    bool agreement() const { return prediction >= 0 && evidence_class() == prediction; }
    NeuronSources neuron(std::string_view layer_name, std::uint32_t unit) const;
    NeuronSources sources(const Neuron& neuron) const;
};

namespace detail {

/// Whether every member of a neuron's tied group may get a part of a vote.
inline bool shares_ties(Ties ties, const PartialRetrace::Neuron& neuron) noexcept {
    return ties == Ties::share || (ties == Ties::skip_inactive && !neuron.inactive);
}

/// How a neuron's votes are cast, once its nearest samples are known.
struct Standing {
    double boundary = 0.0;
    std::size_t closer = 0, places = 0;
    std::uint64_t tied = 0;
    bool votes = true;
    double share = 1.0;  ///< of each tied sample; 1 where those listed as nearest get whole votes

    Standing(Ties ties, const PartialRetrace::Neuron& neuron) {
        const auto& nearest = neuron.nearest;
        if (!nearest.empty()) boundary = nearest.back().distance;
        const auto at = std::partition_point(nearest.begin(), nearest.end(),
                                             [this](const auto& near) { return near.distance < boundary; });
        closer = static_cast<std::size_t>(at - nearest.begin());
        places = nearest.size() - closer;
        tied = places + neuron.others;
        votes = ties == Ties::strict ? neuron.others == 0 : ties != Ties::skip_inactive || !neuron.inactive;
        if (neuron.others > 0 && ties != Ties::lowest_id) {
            share = static_cast<double>(places) / static_cast<double>(tied);
        }
    }
    bool grouped() const noexcept { return share < 1.0; }
};

}  // namespace detail

/// The votes of some neurons of a partial answer; as Votes, which says what each member gives and how sums run.
class PartialVotes {
public:
    using Neuron = PartialRetrace::Neuron;

    explicit PartialVotes(const PartialRetrace& partial) : partial_(&partial) {}

    void add(const PartialRetrace::Layer& layer) {
        for (const Neuron& neuron : layer.neurons) neurons_.push_back(&neuron);
    }

    std::size_t neurons() const noexcept { return neurons_.size(); }
    bool has_labels() const noexcept { return partial_->labelled; }

    double total() const {
        double sum = 0.0;
        for (const Neuron* neuron : neurons_) {
            if (detail::Standing(partial_->ties, *neuron).votes) sum += static_cast<double>(neuron->nearest.size());
        }
        return sum;
    }

    /// Cost   every held sample and every member of a tied group.
    std::vector<Source> top(std::size_t m) const {
        const auto& held = partial_->held;
        std::vector<double> singles(held.size(), 0.0), shares(held.size(), 0.0);
        count(
            [&](std::uint32_t s) { singles[s] += 1.0; },
            [&](const auto& each_member, double share) { each_member([&](std::uint32_t s) { shares[s] += share; }); });
        std::vector<std::uint32_t> voted;
        for (std::uint32_t s = 0; s < held.size(); ++s) {
            singles[s] += shares[s];
            if (singles[s] > 0.0) voted.push_back(s);
        }
        m = std::min(m, voted.size());
        std::partial_sort(voted.begin(), voted.begin() + static_cast<std::ptrdiff_t>(m), voted.end(),
                          [&](std::uint32_t a, std::uint32_t b) {
                              return singles[a] != singles[b] ? singles[a] > singles[b] : a < b;
                          });
        const double all = total();
        std::vector<Source> sources;
        sources.reserve(m);
        for (std::size_t i = 0; i < m; ++i) {
            const PartialRetrace::Sample& sample = held[voted[i]];
            const double votes = singles[voted[i]];
            sources.push_back({sample.id, votes, all > 0.0 ? votes / all : 0.0, sample.label, sample.prediction});
        }
        return sources;
    }

    /// 0 for a sample that no neuron names, recorded or not. Cost   as top.
    double votes(std::uint64_t id) const {
        const auto& held = partial_->held;
        const auto at = std::lower_bound(held.begin(), held.end(), id,
                                         [](const auto& sample, std::uint64_t wanted) { return sample.id < wanted; });
        if (at == held.end() || at->id != id) return 0.0;
        const auto wanted = static_cast<std::uint32_t>(at - held.begin());
        double singles = 0.0, shares = 0.0;
        count([&](std::uint32_t s) { singles += s == wanted ? 1.0 : 0.0; },
              [&](const auto& each_member, double share) {
                  each_member([&](std::uint32_t s) { shares += s == wanted ? share : 0.0; });
              });
        return singles + shares;
    }

    std::vector<double> evidence() const {
        if (!has_labels()) detail::raise<DataError>("evidence", "labels", "none recorded", "one a sample");
        const auto classes = static_cast<std::size_t>(partial_->classes);
        const auto label = [this](std::uint32_t s) { return static_cast<std::size_t>(partial_->held[s].label); };
        std::vector<double> singles(classes, 0.0), shares(classes, 0.0);
        std::vector<std::uint32_t> members(classes);
        count([&](std::uint32_t s) { singles[label(s)] += 1.0; },
              [&](const auto& each_member, double share) {
                  std::fill(members.begin(), members.end(), 0U);
                  each_member([&](std::uint32_t s) { ++members[label(s)]; });
                  for (std::size_t c = 0; c < classes; ++c) shares[c] += share * static_cast<double>(members[c]);
              });
        const double all = total();
        for (std::size_t c = 0; c < classes; ++c) singles[c] = all > 0.0 ? (singles[c] + shares[c]) / all : 0.0;
        return singles;
    }

    std::int32_t evidence_class() const {
        const std::vector<double> e = evidence();
        const auto best = std::max_element(e.begin(), e.end());
        return best == e.end() || *best <= 0.0 ? -1 : static_cast<std::int32_t>(best - e.begin());
    }

private:
    /// single(sample) for whole votes, group(each_member, share) for tied groups, in the order of the neurons.
    template <class Single, class Group>
    void count(Single&& single, Group&& group) const {
        for (const Neuron* neuron : neurons_) {
            const detail::Standing standing(partial_->ties, *neuron);
            if (!standing.votes) continue;
            const std::size_t whole = standing.grouped() ? standing.closer : neuron->nearest.size();
            for (std::size_t i = 0; i < whole; ++i) single(neuron->nearest[i].sample);
            if (!standing.grouped()) continue;
            const auto each_member = [&](const auto& f) {
                for (const std::uint32_t s : neuron->tied) f(s);
                for (std::size_t i = whole; i < neuron->nearest.size(); ++i) f(neuron->nearest[i].sample);
            };
            group(each_member, standing.share);
        }
    }

    const PartialRetrace* partial_;
    std::vector<const Neuron*> neurons_;
};

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
    std::string names;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        if (layers[i].name == name) return layer(i);
        names += (names.empty() ? "" : ", ") + layers[i].name;
    }
    detail::raise<DataError>("PartialRetrace::layer", "name", "\"" + std::string(name) + "\"", "one of " + names);
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
