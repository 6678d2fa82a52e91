// SPDX-License-Identifier: MIT
// renn/retrace/profiles.hpp - what every neuron does for each class of recorded samples.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/parallel.hpp>
#include <renn/core/progress.hpp>
#include <renn/tracing/derivation.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/store.hpp>

namespace renn::inline RENN_ABI {

/// Samples that profiles take together.
struct SampleGroup {
    std::string name;
    std::vector<std::uint64_t> ids;
};

/// Which samples profiles are made of, and on how many threads.
struct ProfileOptions {
    std::vector<SampleGroup> groups = {};  ///< in place of the classes; samples in none of them do not count
    int threads = 1;                       ///< 0: every core; the numbers do not depend on it
    ProgressCallback progress = {};
};

/// What the neurons of one traced place do: matrices of units x groups.
struct ProfilePlace {
    Point point;
    bool output = false;  ///< of the last layer, as wide as what the model puts out
    Batch<double> mean;
    Batch<double> deviation;  ///< standard deviation: the root of the mean square distance from the mean
    Batch<double> active;     ///< share of samples with a value above 0
};

/// Class activation profiles: for each neuron and class of samples, what values it takes.
struct ClassProfiles {
    std::vector<std::string> groups;    ///< names of the classes, or of the groups given
    std::vector<std::uint64_t> counts;  ///< samples of each
    std::vector<ProfilePlace> places;   ///< in the order of the pass, pre- and post-activations

    std::uint64_t samples() const noexcept {
        std::uint64_t sum = 0;
        for (const std::uint64_t count : counts) sum += count;
        return sum;
    }
    /// A place by its name: "relu1". Throws DataError if there is none.
    const ProfilePlace& operator[](std::string_view name) const {
        for (const ProfilePlace& place : places) {
            if (place.point.name == name) return place;
        }
        detail::raise_unknown("ClassProfiles", "place", name, places, [](const auto& p) { return p.point.name; });
    }
    /// Number of a class or group by its name. Throws DataError if there is none.
    std::size_t group(std::string_view name) const {
        const auto at = std::find(groups.begin(), groups.end(), name);
        if (at == groups.end())
            detail::raise<DataError>("ClassProfiles", "group \"" + std::string(name) + "\"", "none", "a known one");
        return static_cast<std::size_t>(at - groups.begin());
    }
    /// Mean of a unit over the samples of all groups.
    double overall_mean(std::size_t place, Index unit) const {
        double sum = 0.0;
        for (std::size_t g = 0; g < counts.size(); ++g) {
            sum += static_cast<double>(counts[g]) * places[place].mean(unit, static_cast<Index>(g));
        }
        return sum / static_cast<double>(samples());
    }
};

namespace detail {

/// Group of each recorded sample, -1 for none, and how many there are of each.
template <class Store>
std::vector<std::int32_t> group_samples(const Store& store, const ProfileOptions& options, ClassProfiles& profiles) {
    const char* where = "class_profiles";
    const auto n = static_cast<std::size_t>(store.samples());
    std::vector<std::int32_t> group_of(n, -1);
    const auto put = [&](std::size_t sample, std::int32_t group) {
        group_of[sample] = group;
        ++profiles.counts[static_cast<std::size_t>(group)];
    };
    if (options.groups.empty()) {
        if (store.labels.empty())
            raise<DataError>(where, "labels of the recorded samples", "none", "labels, or groups");
        for (int c = 0; c < store.classes(); ++c) {
            const auto at = static_cast<std::size_t>(c);
            profiles.groups.push_back(at < store.class_names.size() ? store.class_names[at] : std::to_string(c));
        }
        profiles.counts.assign(profiles.groups.size(), 0);
        for (std::size_t s = 0; s < n; ++s) put(s, store.labels[s]);
    } else {
        for (const SampleGroup& group : options.groups) profiles.groups.push_back(group.name);
        profiles.counts.assign(profiles.groups.size(), 0);
        for (std::size_t g = 0; g < options.groups.size(); ++g) {
            for (const std::uint64_t id : options.groups[g].ids) {
                const auto sample = static_cast<std::size_t>(store.position_of(id));
                if (group_of[sample] >= 0) {
                    raise<DataError>(where, "groups of sample " + std::to_string(id),
                                     "\"" + profiles.groups[static_cast<std::size_t>(group_of[sample])] + "\" and \"" +
                                         profiles.groups[g] + "\"",
                                     "one");
                }
                put(sample, static_cast<std::int32_t>(g));
            }
        }
    }
    for (std::size_t g = 0; g < profiles.groups.size(); ++g) {
        if (profiles.counts[g] == 0) {
            raise<DataError>(where, "samples of \"" + profiles.groups[g] + "\"", "0", "1 or more");
        }
    }
    return group_of;
}

/// One unit's row of a place.
template <class T>
void profile_unit(std::span<const T> values, const std::vector<std::int32_t>& group_of,
                  const std::vector<std::uint64_t>& counts, ProfilePlace& place, Index unit) {
    auto mean = place.mean.row(unit), square = place.deviation.row(unit), active = place.active.row(unit);
    for (std::size_t s = 0; s < values.size(); ++s) {
        if (group_of[s] < 0) continue;
        mean[group_of[s]] += static_cast<double>(values[s]);
        active[group_of[s]] += values[s] > T(0) ? 1.0 : 0.0;
    }
    for (std::size_t g = 0; g < counts.size(); ++g) {
        mean[static_cast<Index>(g)] /= static_cast<double>(counts[g]);
        active[static_cast<Index>(g)] /= static_cast<double>(counts[g]);
    }
    for (std::size_t s = 0; s < values.size(); ++s) {
        if (group_of[s] < 0) continue;
        const double d = static_cast<double>(values[s]) - mean[group_of[s]];
        square[group_of[s]] += d * d;
    }
    for (std::size_t g = 0; g < counts.size(); ++g) {
        auto& deviation = square[static_cast<Index>(g)];
        deviation = std::sqrt(deviation / static_cast<double>(counts[g]));
    }
}

template <class Store>
void add_profile_places(const Store& store, ClassProfiles& profiles) {
    const auto groups = static_cast<Index>(profiles.groups.size());
    const Index last = store.points.empty() ? 0 : store.points.back().layer;
    for (const Point& point : store.points) {
        const Batch<double> none = Batch<double>::Zero(point.count(), groups);
        profiles.places.push_back(
            {point, point.layer == last && point.width == store.outputs.rows(), none, none, none});
    }
}

}  // namespace detail

/// The profiles of all recorded neurons over the classes of the recorded samples, or over groups of them. A channel in
/// several dimensions counts with their mean. Read them with the activation in mind: a ReLU's values are 0 or more, a
/// tanh's between -1 and 1. Cancelled, without places.
///
/// Shapes   each place: units x classes.
/// Throws   DataError without labels and groups, for a class or group without samples, a sample in two groups or an
///          unknown id; MismatchError if the model lacks an activation that the store leaves out; as the store.
/// Cost     one reading of the store, a unit at a time; memory for a unit's values a thread. Sums are of doubles,
///          in the order of the samples.
/// Source   RENN, class activation profiles.
template <ActivationStore Store, class Model>
ClassProfiles class_profiles(const Store& store, const Model& model, const ProfileOptions& options = {}) {
    using S = typename Store::Scalar;
    ClassProfiles profiles;
    const std::vector<std::int32_t> group_of = detail::group_samples(store, options, profiles);
    const auto derivations = detail::derivations(model, store.points);
    detail::add_profile_places(store, profiles);

    std::vector<Unit> units;
    for (std::uint32_t p = 0; p < store.points.size(); ++p) {
        for (std::uint32_t u = 0; u < store.points[p].units.size(); ++u) units.push_back({p, u});
    }
    const auto n = static_cast<std::size_t>(store.samples());
    const auto tasks = static_cast<Index>(units.size());
    struct Scratch {
        std::vector<S> read, derived;
        std::vector<double> sum;
    };
    std::vector<Scratch> scratch(static_cast<std::size_t>(detail::thread_count(options.threads, tasks)));
    const auto profile_task = [&](Index task, int worker) {
        const Unit u = units[static_cast<std::size_t>(task)];
        const Point& point = store.points[u.point];
        Scratch& mine = scratch[static_cast<std::size_t>(worker)];
        ProfilePlace& place = profiles.places[u.point];
        const Index dimensions = point.dimensions();
        const auto profile = [&](const auto& values) {
            detail::profile_unit(std::span(values), group_of, profiles.counts, place, u.unit);
        };
        if (!point.stored()) {
            const auto in = store.values({static_cast<std::uint32_t>(point.derived_from), u.unit}, 0, mine.read);
            mine.derived.resize(n);
            derivations[u.point].apply(derivations[u.point].layer, in.data(), mine.derived.data(), std::ssize(in));
            profile(std::span<const S>(mine.derived));
        } else if (dimensions == 1) {
            profile(store.values(u, 0, mine.read));
        } else {
            mine.sum.assign(n, 0.0);
            for (Index d = 0; d < dimensions; ++d) {
                const auto in = store.values(u, d, mine.read);
                for (std::size_t s = 0; s < n; ++s) mine.sum[s] += static_cast<double>(in[s]);
            }
            for (double& value : mine.sum) value /= static_cast<double>(dimensions);
            profile(std::span<const double>(mine.sum));
        }
    };
    const bool whole = detail::parallel_for(tasks, options.threads, profile_task, [&](Index finished) {
        if (!options.progress) return true;
        return options.progress({static_cast<std::uint64_t>(finished), units.size(), "class profiles"});
    });
    if (!whole) profiles.places.clear();
    return profiles;
}

/// The same of a traced network: its store and itself. Throws DataError if nothing was recorded.
template <class Traced>
    requires requires(const Traced& traced) {
        traced.store();
        traced.network();
    }
ClassProfiles class_profiles(const Traced& traced, const ProfileOptions& options = {}) {
    return class_profiles(traced.store(), traced.network(), options);
}

}  // namespace renn::inline RENN_ABI
