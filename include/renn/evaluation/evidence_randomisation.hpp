// SPDX-License-Identifier: MIT
// renn/evaluation/evidence_randomisation.hpp - whether the votes of the sources depend on what the network has learnt.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/rng.hpp>
#include <renn/data/dataset.hpp>
#include <renn/evaluation/evidence_quality.hpp>
#include <renn/evaluation/sanity_checks.hpp>
#include <renn/index/sorted.hpp>
#include <renn/retrace/traced_network.hpp>

namespace renn::inline RENN_ABI {

/// Evidence of a network that forgets, layer by layer.
struct EvidenceRandomisation {
    std::vector<std::string> layers;          ///< made new at each stage, from the last to the first
    std::vector<EvidenceQuality> network;     ///< all neurons' evidence: as trained, then after each stage
    std::vector<EvidenceQuality> last_layer;  ///< the same of the last layer alone
    double chance = 0.0;                      ///< share of the most frequent class among the queries
    /// Share of the last layer's accuracy above chance that is left at the end. The votes of random neurons still know
    /// appearance (samples that look alike have like random features), so it need not be 0.
    double left = 0.0;
};

/// Retraces the queries in the network as trained and after each stage of a cascading randomisation. For labels that
/// mean nothing, give a network trained on permuted labels with data that has them: evidence must follow those.
///
/// Throws   as TracedNetwork and evidence_quality.
/// Cost     layers + 1 recordings of the training data, and as many retraces of each query.
template <class Net, class S>
EvidenceRandomisation randomise_evidence(const Net& net, const Dataset<S>& training, const Dataset<S>& queries,
                                         const RetraceOptions& options = {}, std::uint64_t seed = 0, int threads = 1) {
    EvidenceRandomisation result;
    result.layers = layers_with_parameters(net);
    std::reverse(result.layers.begin(), result.layers.end());
    Net changed = net;
    for (std::size_t stage = 0; stage <= result.layers.size(); ++stage) {
        if (stage > 0) {
            changed = with_layer_randomised(std::move(changed), result.layers[stage - 1], mix(seed, stage));
        }
        auto traced = trace<Sorted>(changed);
        traced.record(training, {.threads = threads});
        const std::vector<EvidenceQuality> table = evidence_quality(traced, queries, options, threads);
        result.network.push_back(table.front());
        result.last_layer.push_back(table.back());
    }
    std::vector<Index> frequency(static_cast<std::size_t>(queries.classes()));
    for (const std::int32_t label : queries.labels()) ++frequency[static_cast<std::size_t>(label)];
    result.chance = static_cast<double>(*std::max_element(frequency.begin(), frequency.end())) /
                    static_cast<double>(queries.samples());
    const double above = result.last_layer.front().accuracy - result.chance;
    result.left = above > 0.0 ? (result.last_layer.back().accuracy - result.chance) / above : 0.0;
    return result;
}

}  // namespace renn::inline RENN_ABI
