// SPDX-License-Identifier: MIT
// renn/retrace/responsibility.hpp - which neurons carry a class.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/network/mask.hpp>
#include <renn/retrace/profiles.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI {

/// How much a neuron n has to do with a class c, by its profile P(n, c):
///   mean                 P(n, c)
///   difference_to_rest   P(n, c) minus the mean over the samples of all other classes
///   difference_to_next   P(n, c) minus the largest P(n, c') of the other classes
///   d_prime              difference_to_rest in pooled standard deviations of the class and the rest; 0 where the
///                        difference is 0, infinite where only the deviations are
enum class Responsibility : std::uint8_t { mean, difference_to_rest, difference_to_next, d_prime };

/// "difference_to_rest"
inline std::string_view responsibility_name(Responsibility score) noexcept {
    constexpr std::string_view names[] = {"mean", "difference_to_rest", "difference_to_next", "d_prime"};
    return names[static_cast<std::size_t>(score)];
}

/// A neuron and what it scored: the number of its place in the profiles, and its row there.
struct RankedNeuron {
    std::uint32_t place = 0;
    std::uint32_t unit = 0;
    double score = 0.0;
    bool operator==(const RankedNeuron&) const = default;
};

/// Which neurons are ranked, and by what.
struct RankingOptions {
    Responsibility score = Responsibility::difference_to_rest;
    Kind kind = Kind::post;                ///< pre- or post-activations
    bool output = false;                   ///< also those of the output layer: without its unit a class is gone at once
    std::vector<std::string> layers = {};  ///< names of places; empty: all
};

/// Score of a neuron for a class or group. Throws DataError for a class that the profiles do not have, or without a
/// second one where there must be a rest.
inline double responsibility(const ClassProfiles& profiles, std::size_t place, Index unit, std::size_t group,
                             Responsibility score) {
    if (group >= profiles.groups.size()) {
        detail::raise<DataError>("responsibility", "class", std::to_string(group),
                                 "below " + std::to_string(profiles.groups.size()));
    }
    const ProfilePlace& p = profiles.places[place];
    const double mean = p.mean(unit, static_cast<Index>(group));
    if (score == Responsibility::mean) return mean;
    if (profiles.groups.size() < 2)
        detail::raise<DataError>("responsibility", "classes", "1", "2 or more: there is no rest");
    double rest = 0.0, next = -std::numeric_limits<double>::infinity(), others = 0.0;
    for (std::size_t g = 0; g < profiles.groups.size(); ++g) {
        if (g == group) continue;
        const auto n = static_cast<double>(profiles.counts[g]);
        rest += n * p.mean(unit, static_cast<Index>(g));
        others += n;
        next = std::max(next, p.mean(unit, static_cast<Index>(g)));
    }
    rest /= others;
    const double difference = mean - rest;
    if (score == Responsibility::difference_to_next) return mean - next;
    if (score == Responsibility::difference_to_rest || difference == 0.0) return difference;
    const auto count = static_cast<double>(profiles.counts[group]), own = p.deviation(unit, static_cast<Index>(group));
    double squares = count * own * own;
    for (std::size_t g = 0; g < profiles.groups.size(); ++g) {
        if (g == group) continue;
        const double deviation = p.deviation(unit, static_cast<Index>(g));
        const double off = p.mean(unit, static_cast<Index>(g)) - rest;
        squares += static_cast<double>(profiles.counts[g]) * (deviation * deviation + off * off);
    }
    return difference / std::sqrt(squares / (count + others));
}

namespace detail {

/// Every neuron the options choose, with score(place, unit), in the order of places and units.
template <class F>
std::vector<RankedNeuron> scored_neurons(const ClassProfiles& profiles, const RankingOptions& options, F&& score) {
    for (const std::string& layer : options.layers) static_cast<void>(profiles[layer]);  // throws
    std::vector<RankedNeuron> neurons;
    for (std::size_t p = 0; p < profiles.places.size(); ++p) {
        const ProfilePlace& place = profiles.places[p];
        const auto& chosen = options.layers;
        if (place.point.kind != options.kind || (place.output && !options.output)) continue;
        if (!chosen.empty() && std::find(chosen.begin(), chosen.end(), place.point.name) == chosen.end()) continue;
        for (Index u = 0; u < place.mean.rows(); ++u) {
            neurons.push_back({static_cast<std::uint32_t>(p), static_cast<std::uint32_t>(u), score(p, u)});
        }
    }
    if (neurons.empty()) {
        raise<DataError>("rank_neurons", std::string(kind_name(options.kind)) + "-activations to rank", "none",
                         options.output ? "some recorded" : "some recorded of hidden layers");
    }
    return neurons;
}

}  // namespace detail

/// The neurons by their responsibility for a class, the highest first, equal ones in the order of the network. Hidden
/// layers only unless asked for more.
/// Throws   DataError as responsibility(), for an unknown layer, and where nothing is left to rank.
inline std::vector<RankedNeuron> rank_neurons(const ClassProfiles& profiles, std::size_t group,
                                              const RankingOptions& options = {}) {
    auto neurons = detail::scored_neurons(profiles, options, [&](std::size_t place, Index unit) {
        return responsibility(profiles, place, unit, group, options.score);
    });
    std::stable_sort(neurons.begin(), neurons.end(),
                     [](const RankedNeuron& a, const RankedNeuron& b) { return a.score > b.score; });
    return neurons;
}

/// The neurons by the largest magnitude of their scores for any class, the lowest first: those that no class needs.
/// Throws   as rank_neurons.
inline std::vector<RankedNeuron> rank_by_least_use(const ClassProfiles& profiles, const RankingOptions& options = {}) {
    auto neurons = detail::scored_neurons(profiles, options, [&](std::size_t place, Index unit) {
        double most = 0.0;
        for (std::size_t g = 0; g < profiles.groups.size(); ++g) {
            most = std::max(most, std::abs(responsibility(profiles, place, unit, g, options.score)));
        }
        return most;
    });
    std::stable_sort(neurons.begin(), neurons.end(),
                     [](const RankedNeuron& a, const RankedNeuron& b) { return a.score < b.score; });
    return neurons;
}

/// What stands in place of a neuron that is switched off: 0, or its mean over all samples of the profiles.
enum class Ablation : std::uint8_t { zero, mean };

/// The mask that switches neurons off. A channel is switched off at all its positions.
inline Mask mask_of(const ClassProfiles& profiles, std::span<const RankedNeuron> neurons,
                    Ablation ablation = Ablation::zero) {
    Mask mask;
    for (std::size_t p = 0; p < profiles.places.size(); ++p) {
        const Point& point = profiles.places[p].point;
        MaskedUnits units{.layer = point.name, .units = {}};
        if (point.by_channel()) units.positions = point.shape.positions();
        for (const RankedNeuron& neuron : neurons) {
            if (neuron.place != p) continue;
            units.units.push_back(point.units[neuron.unit]);
            if (ablation == Ablation::mean) units.values.push_back(profiles.overall_mean(p, neuron.unit));
        }
        if (!units.units.empty()) mask.push_back(std::move(units));
    }
    return mask;
}

}  // namespace renn::inline RENN_ABI
