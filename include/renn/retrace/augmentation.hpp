// SPDX-License-Identifier: MIT
// renn/retrace/augmentation.hpp - proposes new training samples where the recorded ones say little.
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
#include <renn/core/list_view.hpp>
#include <renn/data/dataset.hpp>
#include <renn/retrace/blend.hpp>
#include <renn/retrace/certainty.hpp>
#include <renn/retrace/familiarity.hpp>
#include <renn/retrace/for_each_answer.hpp>
#include <renn/retrace/retrace.hpp>
#include <renn/training/evaluate.hpp>

namespace renn::inline RENN_ABI {

/// How samples are proposed.
struct AugmentOptions {
    RetraceOptions retrace = {};
    std::size_t sources = 10;  ///< of a query, the most voted, are blended by their votes
    double certainty = 0.5;    ///< a blend is kept if the certainty of its own evidence is below
    int threads = 1;           ///< 0: every core
};

/// Where a proposed sample comes from.
struct Proposal {
    std::uint64_t id = 0;                ///< of the sample
    std::uint64_t query = 0;             ///< id of the query whose sources were blended
    std::vector<std::uint64_t> sources;  ///< the training samples in it
    std::vector<double> weights;         ///< theirs, in that order; they add to 1
    std::vector<double> evidence;        ///< for the blend itself, one a class
    double certainty = 0.0;              ///< of that evidence

    bool operator==(const Proposal&) const = default;
};

/// New samples, labelled, and where each comes from.
template <class S>
struct Augmentation {
    Dataset<S> data;
    std::vector<Proposal> proposals;  ///< one a sample, in order
    std::size_t refused = 0;          ///< blends that the network's sources are certain about
};

namespace detail {

/// f(positions, inputs) for the chosen samples, 256 at a time.
template <class S, class F>
void for_each_piece(std::span<const Index> positions, const Dataset<S>& data, F&& f) {
    constexpr std::size_t at_once = 256;
    Batch<S> x;
    for (std::size_t first = 0; first < positions.size(); first += at_once) {
        const auto some = positions.subspan(first, std::min(at_once, positions.size() - first));
        data.inputs(some, x);
        f(some, x);
    }
}

inline std::vector<Index> positions_up_to(Index count) {
    std::vector<Index> all(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<Index>(i);
    return all;
}

}  // namespace detail

/// Positions of the queries that a traced network gets wrong.
/// Throws   DataError for queries without labels or a model without outputs.
template <class Traced, class S = typename Traced::Scalar>
std::vector<Index> misclassified(const Traced& traced, const Dataset<S>& queries) {
    if (!queries.has_labels()) detail::raise<DataError>("misclassified", "labels", "none", "one a query");
    std::vector<Index> wrong;
    detail::for_each_piece<S>(detail::positions_up_to(queries.samples()), queries, [&](auto some, const auto& x) {
        const auto values = traced.activations(x);
        if (values.output().rows() == 0) detail::raise<DataError>("misclassified", "outputs of the model", "0", "some");
        for (std::size_t q = 0; q < some.size(); ++q) {
            const bool right = predicted_class(values.output().col(static_cast<Index>(q))) == queries.label(some[q]);
            if (!right) wrong.push_back(some[q]);
        }
    });
    return wrong;
}

/// Positions of the queries whose familiarity is below a limit; `options` as those of the familiarity.
template <class Traced, class S = typename Traced::Scalar>
std::vector<Index> unfamiliar(const Traced& traced, const Dataset<S>& queries, const Familiarity& familiarity,
                              double below, const RetraceOptions& options = {}, int threads = 1) {
    std::vector<Index> far;
    for_each_answer(traced, queries, options, threads, [&](Index at, const auto& answer) {
        if (familiarity(answer) < below) far.push_back(at);
    });
    return far;
}

/// Blends the top sources of each chosen query, x* = sum of w_s x_s, and keeps those blends about which the network's
/// sources are in doubt, labelled with the class of most evidence. Ids go on from the largest of the training set. The
/// label is a guess where there was doubt, to be looked at: Proposal::evidence says how near the guess was.
///
///     const auto more = propose_samples(traced, training, test, misclassified(traced, test));
///
/// Shapes   chosen: positions of queries.
/// Throws   DataError for no queries chosen or a position that does not exist, no sources asked for, or training data
///          that lack a source or have no labels.
/// Cost     two retraces a query.
template <class Traced, class S = typename Traced::Scalar>
Augmentation<S> propose_samples(const Traced& traced, const Dataset<S>& training, const Dataset<S>& queries,
                                ListView<Index> chosen, const AugmentOptions& options = {}) {
    if (chosen.empty()) detail::raise<DataError>("propose_samples", "queries chosen", "0", "1 or more");
    if (options.sources == 0) detail::raise<DataError>("propose_samples", "sources", "0", "1 or more");
    if (!training.has_labels()) detail::raise<DataError>("propose_samples", "labels", "none", "one a training sample");
    std::uint64_t id = 0;
    for (const std::uint64_t known : training.ids()) id = std::max(id, known + 1);

    Augmentation<S> result;
    std::vector<Column<S>> inputs;
    DatasetDescription<S> more;
    const auto ask = [&](const Batch<S>& x) { return traced.retrace_batch(x, options.retrace, options.threads); };
    detail::for_each_piece<S>(chosen, queries, [&](std::span<const Index> some, const Batch<S>& x) {
        const auto answers = ask(x);
        std::vector<Proposal> proposals;
        Batch<S> blends(training.features(), std::ssize(some));
        for (std::size_t q = 0; q < some.size(); ++q) {
            const std::vector<Source> sources = answers[q].top(options.sources);
            Proposal& p = proposals.emplace_back();
            p.query = queries.id(some[q]);
            p.weights = vote_weights(sources);
            for (const Source& s : sources) p.sources.push_back(s.id);
            blends.col(static_cast<Index>(q)) = blend(p.weights, p.sources, training);
        }
        const auto judged = ask(blends);
        for (std::size_t q = 0; q < some.size(); ++q) {
            const Judgement j = judge(judged[q]);
            Proposal& p = proposals[q];
            if (p.sources.empty() || j.evidence_class < 0 || !(j.certainty < options.certainty)) {
                ++result.refused;
                continue;
            }
            p.id = id++;
            p.evidence = j.evidence;
            p.certainty = j.certainty;
            inputs.push_back(blends.col(static_cast<Index>(q)));
            more.labels.push_back(j.evidence_class);
            more.ids.push_back(p.id);
            result.proposals.push_back(std::move(p));
        }
    });
    more.image = training.image();
    more.class_names = training.description().class_names;
    more.classes = training.classes();
    Batch<S> all(training.features(), std::ssize(inputs));
    for (std::size_t i = 0; i < inputs.size(); ++i) all.col(static_cast<Index>(i)) = inputs[i];
    result.data = Dataset<S>(std::move(all), std::move(more));
    return result;
}

}  // namespace renn::inline RENN_ABI
