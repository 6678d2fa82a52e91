// SPDX-License-Identifier: MIT
// renn/retrace/merge.hpp - partial answers of disjoint shards, united.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/retrace/partial.hpp>
#include <renn/retrace/sample_set.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// Throws MismatchError unless both answer the same question with the same network.
inline void require_same_question(const PartialRetrace& a, const PartialRetrace& b) {
    const auto require = [](const char* what, bool same, const std::string& got, const std::string& expected) {
        if (!same) raise<MismatchError>("merge", what, got, expected);
    };
    const auto text = [&require](const char* what, const std::string& x, const std::string& y) {
        require(what, x == y, y, x);
    };
    const Provenance &p = a.provenance, &q = b.provenance;
    require("fingerprint of the network", p.fingerprint == q.fingerprint, std::to_string(q.fingerprint),
            std::to_string(p.fingerprint));
    text("build", p.build, q.build);
    text("version of renn", p.library, q.library);
    text("index policy", p.index, q.index);
    text("tie policy", p.ties, q.ties);
    require("k", p.k == q.k, std::to_string(q.k), std::to_string(p.k));
    require("sources", a.restriction == b.restriction, "another restriction of classes, ids or without",
            "the same in every shard");
    require("labels", a.labelled == b.labelled, b.labelled ? "some" : "none", a.labelled ? "some" : "none");
    require("class names", a.class_names == b.class_names, "others", "the same in every shard");
    require("outputs", a.outputs == b.outputs && a.prediction == b.prediction, "those of another query",
            "the same query for every shard");
    require("places that vote", a.layers.size() == b.layers.size(), std::to_string(b.layers.size()),
            std::to_string(a.layers.size()));
    for (std::size_t l = 0; l < a.layers.size(); ++l) {
        const auto &x = a.layers[l], &y = b.layers[l];
        text("place", x.name + " (" + std::string(kind_name(x.kind)) + ")",
             y.name + " (" + std::string(kind_name(y.kind)) + ")");
        require("neurons", x.neurons.size() == y.neurons.size(), std::to_string(y.neurons.size()),
                std::to_string(x.neurons.size()) + " at " + x.name);
        for (std::size_t u = 0; u < x.neurons.size(); ++u) {
            const auto &m = x.neurons[u], &n = y.neurons[u];
            const std::string where = " at " + x.name;
            require("unit", m.unit == n.unit, std::to_string(n.unit), std::to_string(m.unit) + where);
            require("query's value", m.value == n.value && m.inactive == n.inactive, std::to_string(n.value),
                    std::to_string(m.value) + where + ", unit " + std::to_string(m.unit));
        }
    }
}

/// Both tables as one, and where the entries of each went.
inline std::vector<PartialRetrace::Sample> unite(const std::vector<PartialRetrace::Sample>& a,
                                                 const std::vector<PartialRetrace::Sample>& b,
                                                 std::vector<std::uint32_t>& a_to, std::vector<std::uint32_t>& b_to) {
    if (a.size() + b.size() > std::numeric_limits<std::uint32_t>::max()) {
        raise<DataError>("merge", "samples named", std::to_string(a.size() + b.size()), "fewer than 2^32");
    }
    std::vector<PartialRetrace::Sample> both;
    both.reserve(a.size() + b.size());
    a_to.reserve(a.size());
    b_to.reserve(b.size());
    while (a_to.size() < a.size() || b_to.size() < b.size()) {
        const std::size_t i = a_to.size(), j = b_to.size();
        if (i < a.size() && j < b.size() && a[i].id == b[j].id) {
            raise<DataError>("merge", "sample " + std::to_string(a[i].id), "in two shards", "each sample in one");
        }
        const bool first = j == b.size() || (i < a.size() && a[i].id < b[j].id);
        (first ? a_to : b_to).push_back(static_cast<std::uint32_t>(both.size()));
        both.push_back(first ? a[i] : b[j]);
    }
    return both;
}

using PlacesIn = std::vector<std::uint32_t>;  // of a table's entries, in the united table

/// `listed`: whether tied samples are kept beyond their number; `held`: size of the united table.
inline PartialRetrace::Neuron merge_neurons(const PartialRetrace::Neuron& a, const PlacesIn& a_to,
                                            const PartialRetrace::Neuron& b, const PlacesIn& b_to, std::int64_t k,
                                            bool listed, std::size_t held) {
    using Near = PartialRetrace::Near;
    const auto moved = [](std::vector<Near> nearest, const PlacesIn& to) {
        for (Near& near : nearest) near.sample = to[near.sample];
        return nearest;
    };
    const std::vector<Near> x = moved(a.nearest, a_to), y = moved(b.nearest, b_to);
    PartialRetrace::Neuron merged{.unit = a.unit, .value = a.value, .inactive = a.inactive, .nearest = {}, .tied = {}};
    auto& nearest = merged.nearest;
    nearest.reserve(x.size() + y.size());
    std::merge(x.begin(), x.end(), y.begin(), y.end(), std::back_inserter(nearest), [](const Near& m, const Near& n) {
        return m.distance != n.distance ? m.distance < n.distance : m.sample < n.sample;
    });
    const auto kept = static_cast<std::size_t>(std::min<std::int64_t>(k, std::ssize(nearest)));
    if (kept == 0) return merged;
    const double boundary = nearest[kept - 1].distance;
    for (std::size_t i = kept; i < nearest.size() && nearest[i].distance == boundary; ++i) {
        if (listed) merged.tied.push_back(nearest[i].sample);
        ++merged.others;
    }
    nearest.resize(kept);
    // What a shard has beyond its nearest lies at its own boundary: it counts where that is the boundary of both.
    for (const auto& [from, to] : {std::pair(&a, &a_to), std::pair(&b, &b_to)}) {
        if (from->others == 0 || from->nearest.back().distance != boundary) continue;
        merged.others += from->others;
        for (const std::uint32_t s : from->tied) merged.tied.push_back((*to)[s]);
    }
    sort_samples(merged.tied, held);
    return merged;
}

/// Leaves in the table only samples that a neuron still names, so that it does not grow with the number of shards.
inline void drop_unnamed(PartialRetrace& partial) {
    SampleSet named(partial.held.size());
    for (const auto& layer : partial.layers) {
        for (const auto& neuron : layer.neurons) {
            for (const auto& near : neuron.nearest) named.insert(near.sample);
            for (const std::uint32_t s : neuron.tied) named.insert(s);
        }
    }
    const std::size_t kept = named.size();
    if (kept == partial.held.size()) return;
    named.count();
    for (auto& layer : partial.layers) {
        for (auto& neuron : layer.neurons) {
            for (auto& near : neuron.nearest) near.sample = named.number(near.sample);
            for (std::uint32_t& s : neuron.tied) s = named.number(s);
        }
    }
    std::vector<PartialRetrace::Sample> held;
    held.reserve(kept);
    named.for_each([&](std::uint32_t s) { held.push_back(partial.held[s]); });
    partial.held = std::move(held);
}

}  // namespace detail

/// The partial answer over the samples of both. Associative and commutative, with PartialRetrace{} as the identity, all
/// bit for bit: shards may be merged in any order and grouping, on any machine, as they arrive.
///
/// Throws   MismatchError if the two answer different questions (network, build, policies, k, query, restriction);
///          DataError for a sample that both name. One in both shards that cannot matter (one of the shards has k
///          nearer ones), or that only counts among the tied (`strict`, `lowest_id`), is not seen.
/// Cost     O(neurons x k + named samples + tied samples named).
inline PartialRetrace merge(const PartialRetrace& a, const PartialRetrace& b) {
    if (a.empty()) return b;
    if (b.empty()) return a;
    detail::require_same_question(a, b);
    PartialRetrace merged;
    merged.provenance = a.provenance;
    merged.provenance.same_build = a.provenance.same_build && b.provenance.same_build;
    merged.ties = a.ties;
    merged.restriction = a.restriction;
    merged.samples = a.samples + b.samples;
    merged.known = a.known + b.known;
    merged.labelled = a.labelled;
    merged.classes = std::max(a.classes, b.classes);
    merged.class_names = a.class_names;
    merged.prediction = a.prediction;
    merged.outputs = a.outputs;
    detail::PlacesIn a_to, b_to;
    merged.held = detail::unite(a.held, b.held, a_to, b_to);
    for (std::size_t l = 0; l < a.layers.size(); ++l) {
        auto& layer = merged.layers.emplace_back();
        layer.name = a.layers[l].name;
        layer.kind = a.layers[l].kind;
        layer.neurons.reserve(a.layers[l].neurons.size());
        for (std::size_t u = 0; u < a.layers[l].neurons.size(); ++u) {
            const auto &m = a.layers[l].neurons[u], &n = b.layers[l].neurons[u];
            layer.neurons.push_back(detail::merge_neurons(m, a_to, n, b_to, merged.provenance.k,
                                                          detail::shares_ties(merged.ties, m), merged.held.size()));
        }
    }
    detail::drop_unnamed(merged);
    return merged;
}

}  // namespace renn::inline RENN_ABI
