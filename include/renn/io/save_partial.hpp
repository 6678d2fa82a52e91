// SPDX-License-Identifier: MIT
// renn/io/save_partial.hpp - partial answers as files and in archives, to travel from machine to machine.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/io/archive.hpp>
#include <renn/io/archive_file.hpp>
#include <renn/io/save_result.hpp>
#include <renn/retrace/partial.hpp>
#include <renn/retrace/sample_set.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// A tied group takes one bit a held sample where that is less than a number for each of its own.
inline bool as_bits(std::uint64_t tied, std::size_t held) noexcept {
    return tied > held / 32;
}

template <class A>
void put_tied(A& ar, const std::vector<std::uint32_t>& tied, std::size_t held) {
    if (!as_bits(tied.size(), held)) return put_block(ar, tied.data(), tied.size());
    SampleSet set(held);
    for (const std::uint32_t s : tied) set.insert(s);
    put_block(ar, set.words().data(), set.words().size());
}
template <class A>
void get_tied(A& ar, std::vector<std::uint32_t>& tied, std::uint64_t count, std::size_t held, const Limit& limit) {
    if (!as_bits(count, held)) {
        limit.require(count, sizeof(std::uint32_t));
        tied.resize(count);
        return get_block(ar, tied.data(), tied.size());
    }
    std::vector<std::uint64_t> words((held + 63) / 64);
    get_block(ar, words.data(), words.size());
    const SampleSet set(std::move(words));
    tied.reserve(std::min(set.size(), held));
    set.for_each([&tied](std::uint32_t s) { tied.push_back(s); });
}

inline void check_partial(const PartialRetrace& partial) {
    const auto require = [](bool fine, const std::string& what) {
        if (!fine) raise<FormatError>("partial answer", what, "an impossible value", "one as taken from an answer");
    };
    const auto ascend = [](const auto& values) {
        return std::adjacent_find(values.begin(), values.end(), std::greater_equal<>()) == values.end();
    };
    const auto& held = partial.held;
    const std::int64_t k = partial.provenance.k;
    if (partial.empty()) return require(partial == PartialRetrace{}, "one without layers");
    require(partial.ties <= Ties::lowest_id && ties_name(partial.ties) == partial.provenance.ties, "tie policy");
    require(k >= 0, "k");
    require(ascend(partial.restriction.classes) && ascend(partial.restriction.ids), "restriction");
    require(partial.known <= partial.restriction.ids.size() + (partial.restriction.without ? 1U : 0U), "known ids");
    require(partial.classes >= 0 && partial.classes <= most_classes(partial.class_names.size(), 0), "classes");
    require(partial.prediction >= -1, "prediction");
    require(held.size() <= partial.samples && held.size() < std::numeric_limits<std::uint32_t>::max(), "samples");
    SampleSet named(held.size());
    for (std::size_t s = 0; s < held.size(); ++s) {
        require(s == 0 || held[s - 1].id < held[s].id, "ids");
        require(partial.labelled ? held[s].label >= 0 && held[s].label < partial.classes : held[s].label == -1,
                "label");
        require(held[s].prediction >= -1, "prediction");
    }
    std::size_t sources = 0;  // every neuron names as many
    for (const auto& layer : partial.layers) {
        require(!layer.neurons.empty(), "number of neurons of " + layer.name);
        for (std::size_t u = 0; u < layer.neurons.size(); ++u) {
            const auto& neuron = layer.neurons[u];
            const auto& nearest = neuron.nearest;
            if (&layer == &partial.layers.front() && u == 0) sources = nearest.size();
            bool fine = (u == 0 || layer.neurons[u - 1].unit < neuron.unit) && std::isfinite(neuron.value);
            fine = fine && (!neuron.inactive || partial.ties == Ties::skip_inactive);
            fine = fine && nearest.size() == sources && std::cmp_less_equal(nearest.size(), k);
            for (std::size_t i = 0; fine && i < nearest.size(); ++i) {
                const auto& near = nearest[i];
                fine = near.sample < held.size() && std::isfinite(near.value) && std::isfinite(near.distance) &&
                       near.distance >= 0.0;
                fine = fine && (i == 0 || std::pair(nearest[i - 1].distance, nearest[i - 1].sample) <
                                              std::pair(near.distance, near.sample));
                fine = fine && !std::binary_search(neuron.tied.begin(), neuron.tied.end(), near.sample);
                if (fine) named.insert(near.sample);
            }
            // More are as far as the last only where all k places are taken; those that share votes have higher ids.
            fine = fine && neuron.others <= partial.samples - nearest.size();
            fine = fine && (neuron.others == 0 || (std::cmp_equal(nearest.size(), k) && k > 0));
            fine = fine && neuron.tied.size() == (shares_ties(partial.ties, neuron) ? neuron.others : 0U);
            fine = fine && (neuron.tied.empty() || (nearest.back().sample < neuron.tied.front() &&
                                                    neuron.tied.back() < held.size() && ascend(neuron.tied)));
            require(fine, "unit " + std::to_string(neuron.unit) + " of " + layer.name);
            for (const std::uint32_t s : neuron.tied) named.insert(s);
        }
    }
    require(named.size() == held.size(), "samples that no neuron names");
}

}  // namespace detail

/// Writes a partial answer to any cereal output archive.
template <class A, std::same_as<PartialRetrace> T>  // a template costs nothing where nobody calls it
void put(A& ar, const T& partial) {
    put(ar, partial.provenance);
    detail::put(ar, static_cast<std::uint8_t>(partial.ties));
    detail::put(ar, partial.restriction.classes);
    detail::put(ar, partial.restriction.ids);
    detail::put(ar, static_cast<std::uint8_t>(partial.restriction.without.has_value()));
    detail::put(ar, partial.restriction.without.value_or(0));
    detail::put(ar, partial.samples);
    detail::put(ar, partial.known);
    detail::put(ar, partial.labelled);
    detail::put(ar, partial.classes);
    detail::put(ar, partial.class_names);
    detail::put(ar, partial.prediction);
    detail::put(ar, partial.outputs);
    detail::put(ar, static_cast<std::uint64_t>(partial.held.size()));
    for (const auto& sample : partial.held) {
        detail::put(ar, sample.id);
        detail::put(ar, sample.label);
        detail::put(ar, sample.prediction);
    }
    detail::put(ar, static_cast<std::uint64_t>(partial.layers.size()));
    for (const auto& layer : partial.layers) {
        detail::put(ar, layer.name);
        detail::put(ar, static_cast<std::uint8_t>(layer.kind));
        detail::put(ar, static_cast<std::uint64_t>(layer.neurons.size()));
        for (const auto& neuron : layer.neurons) {
            detail::put(ar, neuron.unit);
            detail::put(ar, neuron.value);
            detail::put(ar, neuron.inactive);
            detail::put(ar, static_cast<std::uint64_t>(neuron.nearest.size()));
            for (const auto& near : neuron.nearest) {
                detail::put(ar, near.sample);
                detail::put(ar, near.value);
                detail::put(ar, near.distance);
            }
            detail::put(ar, neuron.others);
            if (!neuron.tied.empty()) detail::put_tied(ar, neuron.tied, partial.held.size());
        }
    }
}

/// Reads one. Throws FormatError for anything that no shard could have said: nothing that is read is believed.
template <class A, std::same_as<PartialRetrace> T>
void get(A& ar, T& partial, const detail::Limit& limit = {}) {
    const auto read = [&](auto& value) { detail::get(ar, value, limit); };
    const auto one = [&](auto value) {
        read(value);
        return value;
    };
    const auto length = [&](std::uint64_t bytes_each, std::uint64_t object = 0) {
        const auto count = one(std::uint64_t{});
        limit.require(count, bytes_each, object);
        return static_cast<std::size_t>(count);
    };
    partial = {};
    get(ar, partial.provenance, limit);
    partial.ties = static_cast<Ties>(one(std::uint8_t{}));
    read(partial.restriction.classes);
    read(partial.restriction.ids);
    const bool without = one(std::uint8_t{}) != 0;
    const auto left_out = one(std::uint64_t{});
    if (without) partial.restriction.without = left_out;
    read(partial.samples);
    read(partial.known);
    read(partial.labelled);
    read(partial.classes);
    read(partial.class_names);
    read(partial.prediction);
    read(partial.outputs);
    partial.held.resize(length(sizeof(PartialRetrace::Sample)));
    for (auto& sample : partial.held) {
        read(sample.id);
        read(sample.label);
        read(sample.prediction);
    }
    // Lengths of records are held against the least that one takes.
    partial.layers.resize(length(17, sizeof(PartialRetrace::Layer)));
    for (auto& layer : partial.layers) {
        read(layer.name);
        layer.kind = one(std::uint8_t{}) == 0 ? Kind::pre : Kind::post;
        layer.neurons.resize(length(29));
        for (auto& neuron : layer.neurons) {
            read(neuron.unit);
            read(neuron.value);
            read(neuron.inactive);
            neuron.nearest.resize(length(20));
            for (auto& near : neuron.nearest) {
                read(near.sample);
                read(near.value);
                read(near.distance);
            }
            read(neuron.others);
            if (neuron.others > 0 && detail::shares_ties(partial.ties, neuron)) {
                detail::get_tied(ar, neuron.tied, neuron.others, partial.held.size(), limit);
            }
        }
    }
    detail::check_partial(partial);
}

/// save("shard3.renn", partial): appears whole or not at all. Throws FormatError if the file cannot be written.
template <std::same_as<PartialRetrace> T>
void save(const std::string& path, const T& partial) {
    detail::write_archive(path, "partial", sizeof(double), [&](auto& ar) { put(ar, partial); });
}

/// auto partial = load<PartialRetrace>("shard3.renn"): what was saved, bit for bit.
/// Throws   FormatError for a file that is foreign, truncated, damaged, newer or of other content.
template <std::same_as<PartialRetrace> T>
T load(const std::string& path) {
    T partial;
    detail::read_frame(path, "partial", sizeof(double),
                       [&](auto& ar, const detail::Limit& limit) { get(ar, partial, limit); });
    return partial;
}

}  // namespace renn::inline RENN_ABI
