// SPDX-License-Identifier: MIT
// renn/retrace/deactivation.hpp - which neurons must be switched off for a class to be gone, and which may be.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/progress.hpp>
#include <renn/data/dataset.hpp>
#include <renn/evaluation/confusion.hpp>
#include <renn/network/mask.hpp>
#include <renn/retrace/mask_trials.hpp>
#include <renn/retrace/profiles.hpp>
#include <renn/retrace/responsibility.hpp>

namespace renn::inline RENN_ABI {

/// How neurons to switch off are looked for.
struct SwitchOffOptions {
    double limit = 0.01;  ///< accuracy of the class that must not be exceeded
    Ablation ablation = Ablation::zero;
    std::size_t candidates = 32;     ///< switch_off: the best ranked that are left, tried at each step
    double keep = 1.0;               ///< switch_off: what the others' confidence counts against that of the class
    bool bisect = true;              ///< switch_off_by_rank: halve the range; else try every count from 0 on
    int threads = 1;                 ///< 0: every core
    ProgressCallback progress = {};  ///< told of every trial; cancelled, a search ends with what it has
};

/// Neurons that were switched off, and what the model then does with the samples of the search.
struct SwitchedOff {
    std::int32_t label = 0;             ///< the class
    std::vector<RankedNeuron> neurons;  ///< in the order they were chosen
    std::size_t ranked = 0;             ///< neurons there were to choose from
    Mask mask;
    Confusion before, after;
    bool reached = false;  ///< the limit was

    /// Part of the neurons there were.
    double share() const { return static_cast<double>(neurons.size()) / static_cast<double>(ranked); }
};

namespace detail {

template <class Model, class S>
struct SwitchSearch {
    const ClassProfiles& profiles;
    std::span<const RankedNeuron> ranked;
    std::int32_t label;
    const SwitchOffOptions& options;
    MaskTrials<Model, S> trials;
    std::uint64_t tried = 0;
    bool stopped = false;

    SwitchSearch(const char* where, const Model& model, const Dataset<S>& data, const ClassProfiles& all,
                 std::span<const RankedNeuron> neurons, std::int32_t wanted, const SwitchOffOptions& how)
        : profiles(all),
          ranked(neurons),
          label(wanted),
          options(how),
          trials(model, data, mask_of(all, neurons), how.threads) {
        const auto labels = data.labels();
        if (neurons.empty()) raise<DataError>(where, "neurons", "0", "1 or more");
        if (!(how.limit >= 0.0 && how.limit <= 1.0)) {
            raise<DataError>(where, "limit", std::to_string(how.limit), "0..1");
        }
        if (how.candidates < 1) raise<DataError>(where, "candidates", "0", "1 or more");
        if (std::find(labels.begin(), labels.end(), wanted) == labels.end()) {
            raise<DataError>(where, "samples of class " + std::to_string(wanted), "0", "1 or more");
        }
    }

    MaskTrial run(std::span<const RankedNeuron> off) {
        MaskTrial trial = trials.run(mask_of(profiles, off, options.ablation));
        if (options.progress && !options.progress({++tried, 0, "switching off"})) stopped = true;
        return trial;
    }
    bool gone(const MaskTrial& trial) const { return trial.confusion.accuracy(label) <= options.limit; }

    /// The lower the better: how sure the model is of the class, less how sure it is of the others.
    double cost(const MaskTrial& trial) const {
        double others = 0.0, count = 0.0;
        for (std::size_t c = 0; c < trial.confidence.size(); ++c) {
            if (static_cast<std::int32_t>(c) == label || trial.confusion.samples(static_cast<Index>(c)) == 0) continue;
            others += trial.confidence[c];
            count += 1.0;
        }
        return trial.confidence[static_cast<std::size_t>(label)] - (count > 0.0 ? options.keep * others / count : 0.0);
    }

    SwitchedOff result(std::vector<RankedNeuron> off) {
        SwitchedOff found;
        found.label = label;
        found.neurons = std::move(off);
        found.ranked = ranked.size();
        found.mask = mask_of(profiles, found.neurons, options.ablation);
        found.before = trials.run({}).confusion;
        const MaskTrial last = trials.run(found.mask);
        found.after = last.confusion;
        found.reached = gone(last);
        return found;
    }
};

}  // namespace detail

/// Switches off the first so many of a ranking that the class is gone: accuracy at most the limit. With bisect a count
/// with which it is and with one fewer is not, which is the smallest if accuracy only ever falls; else the smallest.
/// Where all of them do not suffice, all, and `reached` is false.
///
/// Throws   DataError for no samples, labels, neurons or samples of the class, or options out of range.
/// Cost     a forward pass over the data for each of about log2(neurons) counts, or for each count.
template <class Model, class S>
SwitchedOff switch_off_by_rank(const Model& model, const Dataset<S>& data, const ClassProfiles& profiles,
                               std::int32_t label, std::span<const RankedNeuron> ranked,
                               const SwitchOffOptions& options = {}) {
    detail::SwitchSearch<Model, S> search("switch_off_by_rank", model, data, profiles, ranked, label, options);
    const auto gone = [&](std::size_t count) { return search.gone(search.run(ranked.first(count))); };
    std::size_t low = 0, high = ranked.size();  // not gone with fewer than low; gone with high, or that is all
    while (low < high && !search.stopped) {
        const std::size_t middle = options.bisect ? low + (high - low) / 2 : low;
        if (gone(middle)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return search.result({ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(high)});
}

/// Switches neurons off one at a time until the class is gone, each time that which takes most confidence from the
/// class for what it takes from the others, by trial, among the best ranked that are left. Then those are switched on
/// again, the first chosen first, without which the class is gone as well. Leaves more of the other classes than the
/// ranking alone, which does not know what others need.
///
/// Throws   as switch_off_by_rank.
/// Cost     candidates + 1 forward passes over the data for each neuron chosen.
template <class Model, class S>
SwitchedOff switch_off(const Model& model, const Dataset<S>& data, const ClassProfiles& profiles, std::int32_t label,
                       std::span<const RankedNeuron> ranked, const SwitchOffOptions& options = {}) {
    detail::SwitchSearch<Model, S> search("switch_off", model, data, profiles, ranked, label, options);
    std::vector<RankedNeuron> left(ranked.begin(), ranked.end()), off;
    bool gone = search.gone(search.run(off));
    while (!gone && !left.empty() && !search.stopped) {
        std::size_t best = 0;
        double least = 0.0;
        off.emplace_back();
        for (std::size_t i = 0; i < std::min(options.candidates, left.size()) && !search.stopped; ++i) {
            off.back() = left[i];
            const MaskTrial trial = search.run(off);
            const double cost = search.cost(trial);
            if (i > 0 && cost >= least) continue;
            best = i;
            least = cost;
            gone = search.gone(trial);
        }
        off.back() = left[best];
        left.erase(left.begin() + static_cast<std::ptrdiff_t>(best));
    }
    for (std::size_t i = 0; gone && i < off.size() && !search.stopped;) {
        std::vector<RankedNeuron> fewer = off;
        fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
        if (search.gone(search.run(fewer))) {
            off = std::move(fewer);
        } else {
            ++i;
        }
    }
    return search.result(std::move(off));
}

/// What is left of a model's accuracy while neurons are switched off.
struct RemovalSweep {
    std::vector<double> accuracy;  ///< with so many of the ranking switched off: from none on
    std::size_t removable = 0;     ///< the largest count up to which every one lost less than allowed
};

/// Switches off the first of a ranking, such as rank_by_least_use, one more each time, until the accuracy on the data
/// has fallen by max_loss or more.
/// Throws   DataError for no samples, labels or neurons, or a loss that is not positive.
/// Cost     a forward pass over the data for each neuron.
template <class Model, class S>
RemovalSweep removable_neurons(const Model& model, const Dataset<S>& data, const ClassProfiles& profiles,
                               std::span<const RankedNeuron> ranked, double max_loss = 0.01,
                               Ablation ablation = Ablation::zero, int threads = 1) {
    if (ranked.empty()) detail::raise<DataError>("removable_neurons", "neurons", "0", "1 or more");
    if (!(max_loss > 0.0)) {
        detail::raise<DataError>("removable_neurons", "max_loss", std::to_string(max_loss), "above 0");
    }
    MaskTrials<Model, S> trials(model, data, mask_of(profiles, ranked), threads);
    RemovalSweep sweep;
    for (std::size_t count = 0; count <= ranked.size(); ++count) {
        const MaskTrial trial = trials.run(mask_of(profiles, ranked.first(count), ablation));
        sweep.accuracy.push_back(trial.confusion.accuracy());
        if (sweep.accuracy.front() - sweep.accuracy.back() >= max_loss) break;
        sweep.removable = count;
    }
    return sweep;
}

}  // namespace renn::inline RENN_ABI
