// SPDX-License-Identifier: MIT
// renn/retrace/source_history.hpp - how the sources of some samples change while a network learns.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/list_view.hpp>
#include <renn/data/dataset.hpp>
#include <renn/index/sorted.hpp>
#include <renn/retrace/retrace.hpp>
#include <renn/retrace/traced_network.hpp>
#include <renn/training/fit_options.hpp>

namespace renn::inline RENN_ABI {

/// Part of the sources of two answers that both have, of the larger number: 1 for the same samples in any order. 1 for
/// two answers without sources.
inline double source_overlap(std::span<const Source> a, std::span<const Source> b) {
    const auto ids = [](std::span<const Source> sources) {
        std::vector<std::uint64_t> found;
        for (const Source& s : sources) found.push_back(s.id);
        std::sort(found.begin(), found.end());
        return found;
    };
    std::vector<std::uint64_t> both;
    const auto first = ids(a), second = ids(b);
    std::set_intersection(first.begin(), first.end(), second.begin(), second.end(), std::back_inserter(both));
    const std::size_t most = std::max(first.size(), second.size());
    return most == 0 ? 1.0 : static_cast<double>(both.size()) / static_cast<double>(most);
}

/// What a history keeps.
struct HistoryOptions {
    RetraceOptions retrace = {};
    std::size_t sources = 50;      ///< of each sample and epoch
    Selection selection = {};      ///< what is recorded
    bool keep_recordings = false;  ///< all of every epoch's recording, not the chosen samples' sources alone
    int threads = 1;               ///< 0: every core
};

/// Records a training set with the network as it is after each epoch and retraces chosen samples. Keeps their sources
/// and nothing else, unless whole recordings are asked for.
///
///     SourceHistory<Net> history(training, {3, 7});  // ids of training samples
///     fit(net, training, {.epochs = 10, .on_epoch = history.observer(net)});
///     history.overlap(0);                       // of sample 3, epoch after epoch
///
/// The training set, and the network given to observer, must live as long.
/// Cost     an epoch: a recording, the sorting of its columns, and a retrace a sample.
template <class Net, class Policy = Sorted>
class SourceHistory {
public:
    using Scalar = typename Net::Scalar;
    using Traced = TracedNetwork<Net, MemoryStore<Scalar>, Policy>;

    /// One sample after one epoch.
    struct Sample {
        std::int32_t prediction = -1;
        std::vector<double> evidence;  ///< one a class; empty without labels
        std::vector<Source> sources;   ///< most votes first

        bool operator==(const Sample&) const = default;
    };
    /// All of them after one epoch.
    struct Entry {
        int epoch = 0;
        std::vector<Sample> samples;  ///< in the order they were chosen

        bool operator==(const Entry&) const = default;
    };

    /// Follows training samples, each without itself as a source.
    /// Throws   DataError for no ids or one that the training set lacks.
    SourceHistory(const Dataset<Scalar>& training, ListView<std::uint64_t> ids, HistoryOptions options = {})
        : training_(&training), ids_(ids.begin(), ids.end()), options_(std::move(options)) {
        for (const std::uint64_t id : ids_) training.position_of(id);
        check(std::ssize(ids_));
    }
    /// Follows other samples, features x samples. Throws DataError for none.
    SourceHistory(const Dataset<Scalar>& training, const BatchView<Scalar>& queries, HistoryOptions options = {})
        : training_(&training), queries_(queries), options_(std::move(options)) {
        check(queries_.cols());
    }

    /// Adds the network as it is now. Throws as TracedNetwork::record and its retraces.
    void add(const Net& net, int epoch) {
        Traced traced(net, options_.selection);
        traced.record(*training_, {.threads = options_.threads});
        const auto answers = ids_.empty() ? traced.retrace_batch(queries_, options_.retrace, options_.threads)
                                          : traced.retrace_recorded(ids_, options_.retrace, options_.threads);
        Entry entry{epoch, {}};
        for (const auto& answer : answers) {
            entry.samples.push_back({answer.prediction(),
                                     answer.has_labels() ? answer.evidence() : std::vector<double>(),
                                     answer.top(options_.sources)});
        }
        entries_.push_back(std::move(entry));
        if (options_.keep_recordings) recordings_.push_back(std::move(traced));
    }

    /// For FitOptions::on_epoch: adds the network that is trained after each epoch.
    std::function<bool(const Epoch&)> observer(const Net& net) {
        return [this, &net](const Epoch& epoch) {
            add(net, epoch.number);
            return true;
        };
    }

    const std::vector<Entry>& entries() const noexcept { return entries_; }
    /// One an entry if they were asked for, else empty.
    const std::vector<Traced>& recordings() const noexcept { return recordings_; }

    /// Of a sample by its number: part of its sources that are the same as in the entry before; one less than entries.
    /// Throws   DataError for a number that is not there.
    std::vector<double> overlap(std::size_t sample) const {
        const std::size_t count = ids_.empty() ? static_cast<std::size_t>(queries_.cols()) : ids_.size();
        if (sample >= count) {
            detail::raise<DataError>("SourceHistory::overlap", "sample", std::to_string(sample),
                                     "below " + std::to_string(count));
        }
        std::vector<double> parts;
        for (std::size_t e = 1; e < entries_.size(); ++e) {
            parts.push_back(
                source_overlap(entries_[e - 1].samples[sample].sources, entries_[e].samples[sample].sources));
        }
        return parts;
    }

private:
    void check(Index samples) const {
        if (samples == 0) detail::raise<DataError>("SourceHistory", "samples to follow", "0", "1 or more");
        if (options_.sources == 0) detail::raise<DataError>("SourceHistory", "sources", "0", "1 or more");
    }

    const Dataset<Scalar>* training_;
    std::vector<std::uint64_t> ids_;
    Batch<Scalar> queries_;
    HistoryOptions options_;
    std::vector<Entry> entries_;
    std::vector<Traced> recordings_;
};

}  // namespace renn::inline RENN_ABI
