// SPDX-License-Identifier: MIT
// renn/retrace/audit.hpp - which recorded samples are mislabelled, harmful, isolated, unused or there twice.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/list_view.hpp>
#include <renn/core/parallel.hpp>
#include <renn/core/progress.hpp>
#include <renn/data/dataset.hpp>
#include <renn/retrace/duplicates.hpp>
#include <renn/retrace/familiarity.hpp>
#include <renn/retrace/retrace.hpp>
#include <renn/retrace/source.hpp>
#include <renn/retrace/source_use.hpp>

namespace renn::inline RENN_ABI {

/// How an audit asks.
struct AuditOptions {
    RetraceOptions retrace = {};
    std::size_t top = 50;  ///< sources an evaluation rests on, for reach
    int threads = 1;       ///< 0: every core. Every result is the same, bit for bit, for any number
    ProgressCallback progress = {};
};

/// What a sample is ranked by, the worst first.
enum class Finding : std::uint8_t {
    label_conflict,  ///< sources with other labels
    harm,            ///< votes in wrong evaluations rather than in right ones
    isolation,       ///< far from all other samples
    unused,          ///< reach, the smallest first
    used,            ///< reach, the largest first
};

/// A sample's place in a ranking.
struct RankedSample {
    std::uint64_t id = 0;
    double value = 0.0;  ///< what it is ranked by

    bool operator==(const RankedSample&) const = default;
};

/// The first of a ranking, largest values first (or smallest), equal values by ascending id.
///
/// Shapes   values: one an id.
/// Throws   ShapeError if they differ in number.
inline std::vector<RankedSample> ranked_samples(ListView<std::uint64_t> ids, ListView<double> values, std::size_t count,
                                                bool smallest_first = false) {
    if (ids.size() != values.size()) {
        detail::raise<ShapeError>("ranked_samples", "values", std::to_string(values.size()),
                                  std::to_string(ids.size()) + ", one an id");
    }
    std::vector<RankedSample> ranked(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) ranked[i] = {ids[i], values[i]};
    count = std::min(count, ranked.size());
    std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(count), ranked.end(),
                      [smallest_first](const RankedSample& a, const RankedSample& b) {
                          if (a.value != b.value) return (a.value < b.value) == smallest_first;
                          return a.id < b.id;
                      });
    ranked.resize(count);
    return ranked;
}

/// What retracing every recorded sample without itself as a source says about them: a few numbers a sample, in the
/// order of recording. A plain value; that of an audit that was cancelled has no samples.
struct SampleAudit {
    SourceUse use;                     ///< of each sample, as a source of the others
    std::vector<std::int32_t> labels;  ///< as recorded; empty if none were
    std::vector<std::int32_t> spoken;  ///< the class that a sample's sources speak for, -1 if nobody voted; or empty
    std::vector<double> conflicts;     ///< share of votes for other labels than the sample's own; or empty
    std::vector<double> distances;     ///< mean over neurons of the distance of the k-th closest sample
    std::vector<double> isolation;     ///< share of the samples whose distance is smaller, in [0, 1)
    std::vector<std::vector<std::uint64_t>> duplicates;  ///< see renn::duplicates

    const std::vector<std::uint64_t>& ids() const noexcept { return use.ids; }

    /// Share of the votes of a sample's sources that went to other labels: high for a wrong label, or a sample between
    /// classes.
    /// Throws   DataError if no labels were recorded.
    const std::vector<double>& label_conflict() const {
        if (conflicts.size() != ids().size()) {
            detail::raise<DataError>("label_conflict", "labels", "none recorded", "one a sample");
        }
        return conflicts;
    }

    /// The first of a ranking. Throws DataError where labels are needed and none were recorded.
    std::vector<RankedSample> worst(Finding finding, std::size_t count) const {
        switch (finding) {
            case Finding::label_conflict:
                return ranked_samples(ids(), label_conflict(), count);
            case Finding::harm:
                return ranked_samples(ids(), use.harm(), count);
            case Finding::isolation:
                return ranked_samples(ids(), isolation, count);
            case Finding::unused:
            case Finding::used:
                break;
        }
        const std::vector<double> reach(use.reach.begin(), use.reach.end());
        return ranked_samples(ids(), reach, count, finding == Finding::unused);
    }

    bool operator==(const SampleAudit&) const = default;
};

namespace detail {

inline void check_audit_options(const char* where, const RetraceOptions& options) {
    if (options.k < 1) raise<DataError>(where, "k", std::to_string(options.k), "1 or more");
    if (options.without) raise<DataError>(where, "without", "a sample", "none: the audit leaves out samples itself");
}

/// Asks in pieces, so that memory does not grow with the queries: answers(first, count), then look(query, answer,
/// tally) for each. Returns false if the callback cancelled.
template <class NeuronIndex, class Answers, class Look>
bool tally_answers(const NeuronIndex& index, Index queries, const AuditOptions& options, const Answers& answers,
                   const Look& look, UseTally& sum) {
    constexpr Index at_once = 256;
    const auto rectified = [&](std::uint32_t p, std::uint32_t u) { return index.clipped_number({p, u}) + 1; };
    std::size_t clipped = 0;
    for (std::uint32_t p = 0; p < index.store().points.size(); ++p) {
        const auto units = static_cast<std::uint32_t>(index.store().points[p].units.size());
        if (units > 0) clipped = std::max(clipped, static_cast<std::size_t>(rectified(p, units - 1)));
    }
    sum = UseTally(static_cast<std::size_t>(index.store().samples()), clipped);
    std::vector<UseTally> tallies(static_cast<std::size_t>(thread_count(options.threads, at_once)), sum);
    for (Index first = 0; first < queries; first += at_once) {
        const Index count = std::min(at_once, queries - first);
        const auto found = answers(first, count);
        parallel_for(count, options.threads, [&](Index q, int worker) {
            look(first + q, found[static_cast<std::size_t>(q)], tallies[static_cast<std::size_t>(worker)]);
        });
        const Progress done{static_cast<std::uint64_t>(first + count), static_cast<std::uint64_t>(queries), "audit"};
        if (options.progress && !options.progress(done)) return false;
    }
    for (const UseTally& tally : tallies) sum.add(tally);
    return true;
}

/// 0 right, 1 wrong, -1 not known.
inline int outcome_of(std::int32_t prediction, std::int32_t label) {
    return prediction < 0 || label < 0 ? -1 : prediction != label ? 1 : 0;
}

}  // namespace detail

/// Retraces every recorded sample without itself as a source, from what was recorded of it: no inputs are needed.
///
///     const SampleAudit audit = audit_samples(traced, {.threads = 0});
///     for (const auto& [id, conflict] : audit.worst(Finding::label_conflict, 20)) ...
///
/// Throws   DataError before anything is recorded, for k below 1, `without` or other impossible options.
/// Cost     a retrace a sample, about 0.3 ms for 60,000 samples and 266 neurons with Sorted on one core. Memory: 100
///          bytes a sample, and 36 more for each thread. (A FileStore of exact values looks for each of a sample's
///          values in a whole column: with many samples read it into memory first, tracing/to_memory.hpp.)
/// Source   label conflict and its kin: leave-one-out votes, as in k-nearest-neighbour editing, Wilson (1972).
template <class Traced>
SampleAudit audit_samples(const Traced& traced, const AuditOptions& options = {}) {
    const auto& index = traced.index();
    const auto& store = index.store();
    detail::check_audit_options("audit_samples", options.retrace);
    const Index samples = store.samples();
    const auto n = static_cast<std::size_t>(samples);
    const bool labelled = !store.labels.empty();
    SampleAudit audit;
    audit.distances.resize(n);
    if (labelled) {
        for (std::size_t s = 0; s < n; ++s) audit.labels.push_back(store.labels[s]);
        audit.conflicts.resize(n);
        audit.spoken.resize(n);
    }
    std::vector<std::uint64_t> some;
    const auto answers = [&](Index first, Index count) {
        some.clear();
        for (Index s = first; s < first + count; ++s) some.push_back(store.ids[static_cast<std::size_t>(s)]);
        return traced.retrace_recorded(some, options.retrace, options.threads);
    };
    const auto look = [&](Index query, const auto& answer, detail::UseTally& tally) {
        const auto s = static_cast<std::size_t>(query);
        audit.distances[s] = mean_boundary(answer);
        tally.add(answer, labelled ? detail::outcome_of(answer.prediction(), store.labels[s]) : -1, options.top);
        if (!labelled) return;
        const std::vector<double> evidence = answer.evidence();
        audit.spoken[s] = evidence_class(evidence);
        double others = 0.0;
        for (std::size_t c = 0; c < evidence.size(); ++c) {
            if (static_cast<std::int32_t>(c) != audit.labels[s]) others += evidence[c];
        }
        audit.conflicts[s] = others;
    };
    detail::UseTally tally(0, 0);
    if (!detail::tally_answers(index, samples, options, answers, look, tally)) return {};
    audit.use = tally.use(index, static_cast<std::uint64_t>(samples), labelled && !store.predictions.empty());
    std::vector<double> ascending = audit.distances;
    std::sort(ascending.begin(), ascending.end());
    for (const double d : audit.distances) {
        const auto smaller = std::lower_bound(ascending.begin(), ascending.end(), d) - ascending.begin();
        audit.isolation.push_back(static_cast<double>(smaller) / static_cast<double>(n));
    }
    audit.duplicates = renn::duplicates(store);
    return audit;
}

/// What the recorded samples are used for in other evaluations, such as a test set. Without labels their reach alone.
///
/// Throws   as audit_samples; ShapeError if the queries are not what the network takes.
/// Cost     a forward pass and a retrace a query; memory as audit_samples.
template <class Traced, class S = typename Traced::Scalar>
SourceUse audit_sources(const Traced& traced, const Dataset<S>& queries, const AuditOptions& options = {}) {
    const auto& index = traced.index();
    detail::check_audit_options("audit_sources", options.retrace);
    if (queries.empty()) detail::raise<DataError>("audit_sources", "queries", "0", "1 or more");
    Batch<S> x;
    const auto answers = [&](Index first, Index count) {
        queries.inputs(first, count, x);
        return traced.retrace_batch(x, options.retrace, options.threads);
    };
    bool judged = queries.has_labels() && index.store().outputs.rows() > 0;
    const auto look = [&](Index query, const auto& answer, detail::UseTally& tally) {
        tally.add(answer, judged ? detail::outcome_of(answer.prediction(), queries.label(query)) : -1, options.top);
    };
    detail::UseTally tally(0, 0);
    if (!detail::tally_answers(index, queries.samples(), options, answers, look, tally)) return {};
    return tally.use(index, static_cast<std::uint64_t>(queries.samples()), judged);
}

}  // namespace renn::inline RENN_ABI
