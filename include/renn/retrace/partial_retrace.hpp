// SPDX-License-Identifier: MIT
// renn/retrace/partial_retrace.hpp - what one shard, or several, say about a query, and how its neurons vote.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

}  // namespace renn::inline RENN_ABI
