// SPDX-License-Identifier: MIT
// renn/retrace/familiarity.hpp - whether a query is as close to the training samples as they are to each other.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/rng.hpp>
#include <renn/data/dataset.hpp>
#include <renn/retrace/retrace.hpp>

namespace renn::inline RENN_ABI {

/// Mean over all neurons of the network of the distance of the k-th closest sample; infinite if there was none.
template <class I>
double mean_boundary(const Retrace<I>& answer) {
    double sum = 0.0;
    for (std::size_t n = 0; n < answer.neurons(); ++n) sum += answer.boundary(n);
    return sum / static_cast<double>(answer.neurons());
}

/// The same of each layer, in the order of answer.layers().
template <class I>
std::vector<double> mean_boundaries(const Retrace<I>& answer) {
    std::vector<double> means(answer.layers().size(), 0.0);
    std::size_t n = 0;
    for (std::size_t i = 0; i < means.size(); ++i) {
        const std::size_t units = answer.layer(i).neurons();
        for (const std::size_t end = n + units; n < end; ++n) means[i] += answer.boundary(n);
        means[i] /= static_cast<double>(units);
    }
    return means;
}

/// What familiarity is measured with.
struct FamiliarityOptions {
    RetraceOptions retrace = {};  ///< the queries must be asked with the same
    std::int64_t samples = 0;     ///< so many of the training samples, drawn without repetition; 0: all
    std::uint64_t seed = 0;       ///< of the draw
    int threads = 1;              ///< 0: every core
};

/// Familiarity of queries: let d be the mean over neurons of the distance of the k-th closest sample, and d_t the same
/// for training sample t among all the others. Familiarity is the share of the samples t with d_t >= d, in [0, 1]: 1 is
/// as close as the closest, 0 farther away than any training sample is from the rest. A neuron with larger values
/// weighs more, as distances are taken as they are.
///
/// A query that is itself recorded is as close to itself as can be: trace it with retrace_without_self.
class Familiarity {
public:
    /// Shapes   training: recorded samples as they were recorded, all of them or some.
    /// Throws   DataError for no samples, one that was not recorded, k below 1 or a sample left out by the options;
    ///          as TracedNetwork::retrace_without_self.
    /// Cost     a forward pass and a retrace each; 8 bytes a sample and layer are kept.
    template <class Traced>
    Familiarity(const Traced& traced, const Dataset<typename Traced::Scalar>& training,
                const FamiliarityOptions& options = {})
        : options_(options.retrace), fingerprint_(traced.store().fingerprint) {
        check(options, training.samples());
        std::vector<Index> positions = drawn(training.samples(), options);
        constexpr std::size_t at_once = 256;
        Batch<typename Traced::Scalar> x;
        std::vector<std::uint64_t> ids;
        for (std::size_t first = 0; first < positions.size(); first += at_once) {
            const std::span<const Index> some(positions.data() + first, std::min(at_once, positions.size() - first));
            training.inputs(some, x);
            ids.clear();
            for (const Index position : some) ids.push_back(training.id(position));
            for (const auto& answer : traced.retrace_without_self(x, ids, options_, options.threads)) add(answer);
        }
        std::sort(network_.begin(), network_.end());
        for (auto& layer : layers_) std::sort(layer.begin(), layer.end());
    }

    /// Of a query for the network, in [0, 1].
    /// Throws   MismatchError if it was traced in another network, or with another k, other layers or other sources.
    template <class I>
    double operator()(const Retrace<I>& answer) const {
        require_same(answer);
        return quantile(network_, mean_boundary(answer));
    }

    /// Of a query for each layer, in the order of answer.layers(). Throws as above.
    template <class I>
    std::vector<double> by_layer(const Retrace<I>& answer) const {
        require_same(answer);
        std::vector<double> quantiles = mean_boundaries(answer);
        for (std::size_t i = 0; i < quantiles.size(); ++i) quantiles[i] = quantile(layers_[i], quantiles[i]);
        return quantiles;
    }

    /// The training samples' own mean distances, ascending.
    const std::vector<double>& distances() const noexcept { return network_; }

private:
    static void check(const FamiliarityOptions& options, Index samples) {
        if (options.retrace.k < 1) {
            detail::raise<DataError>("Familiarity", "k", std::to_string(options.retrace.k), "1 or more");
        }
        if (options.retrace.without) {
            detail::raise<DataError>("Familiarity", "without", "a sample", "none: each sample is left out in its turn");
        }
        if (samples == 0 || options.samples < 0 || options.samples > samples) {
            const bool none = samples == 0 && options.samples == 0;
            detail::raise<DataError>("Familiarity", "samples", std::to_string(options.samples),
                                     none ? "1 or more: the training set is empty" : detail::below_text(samples + 1));
        }
    }

    static std::vector<Index> drawn(Index samples, const FamiliarityOptions& options) {
        std::vector<Index> positions(static_cast<std::size_t>(samples));
        std::iota(positions.begin(), positions.end(), Index{0});
        if (options.samples == 0 || options.samples == samples) return positions;
        Rng rng(options.seed);
        shuffle(positions, rng);
        positions.resize(static_cast<std::size_t>(options.samples));
        std::sort(positions.begin(), positions.end());
        return positions;
    }

    template <class I>
    void add(const Retrace<I>& answer) {
        if (network_.empty()) {
            names_ = answer.layers();
            neurons_ = answer.neurons();
            layers_.resize(names_.size());
        }
        network_.push_back(mean_boundary(answer));
        const std::vector<double> means = mean_boundaries(answer);
        for (std::size_t i = 0; i < means.size(); ++i) layers_[i].push_back(means[i]);
    }

    template <class I>
    void require_same(const Retrace<I>& answer) const {
        const RetraceOptions& asked = answer.options();
        if (answer.store().fingerprint != fingerprint_) {
            detail::raise<MismatchError>("Familiarity", "fingerprint of the query's network",
                                         std::to_string(answer.store().fingerprint), std::to_string(fingerprint_));
        }
        if (asked.k != options_.k) {
            detail::raise<MismatchError>("Familiarity", "k of the query", std::to_string(asked.k),
                                         std::to_string(options_.k));
        }
        if (answer.layers() != names_) {
            detail::raise<MismatchError>("Familiarity", "layers of the query", detail::joined(answer.layers()),
                                         detail::joined(names_));
        }
        if (answer.neurons() != neurons_) {
            detail::raise<MismatchError>("Familiarity", "neurons of the query", std::to_string(answer.neurons()),
                                         std::to_string(neurons_));
        }
        if (asked.classes != options_.classes || asked.ids != options_.ids) {
            detail::raise<MismatchError>("Familiarity", "the query was restricted to other sources");
        }
    }

    static double quantile(const std::vector<double>& ascending, double distance) {
        const auto at = std::lower_bound(ascending.begin(), ascending.end(), distance);
        return static_cast<double>(ascending.end() - at) / static_cast<double>(ascending.size());
    }

    RetraceOptions options_;
    std::uint64_t fingerprint_;
    std::vector<std::string> names_;
    std::size_t neurons_ = 0;
    std::vector<double> network_;              ///< ascending
    std::vector<std::vector<double>> layers_;  ///< each ascending
};

}  // namespace renn::inline RENN_ABI
