// SPDX-License-Identifier: MIT
// renn/retrace/layer_search.hpp - the recorded samples whose activations of a whole layer are closest.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/list_view.hpp>
#include <renn/index/flat.hpp>
#include <renn/index/layer_values.hpp>
#include <renn/index/metric.hpp>
#include <renn/index/vector_index.hpp>
#include <renn/retrace/search.hpp>
#include <renn/retrace/traced_network.hpp>
#include <renn/tracing/derivation.hpp>
#include <renn/tracing/pool_channels.hpp>

namespace renn::inline RENN_ABI {

/// A recorded sample near a query at one layer.
struct LayerSource {
    std::uint64_t id = 0;
    double distance = 0.0;
    std::int32_t label = -1;  ///< -1 if none was recorded

    bool operator==(const LayerSource&) const = default;
};

/// What is close to one query at one layer.
struct LayerSources {
    std::vector<LayerSource> sources;  ///< by (distance, id): the k closest first, then all as far as the k-th
    std::size_t closer = 0;            ///< how many are nearer than the k-th
    double boundary = 0.0;             ///< distance of the k-th

    bool operator==(const LayerSources&) const = default;
};

/// How many sources are wanted, and which samples may be.
struct LayerSearchOptions {
    std::int64_t k = 42;
    std::vector<std::int32_t> classes = {};     ///< only samples with these labels; empty: all
    std::vector<std::uint64_t> ids = {};        ///< only these samples; empty: all
    std::optional<std::uint64_t> without = {};  ///< all but this sample
};

/// Searches one place of a recording by everything that was recorded there: all its neurons' values together are one
/// vector. It keeps the traced network's recording; post-activations that are not stored are recomputed once.
///
/// Threads  const members may run on several threads at once.
template <class Traced, VectorIndex I = Flat<typename Traced::Scalar>>
class LayerSearch {
public:
    using Scalar = typename Traced::Scalar;

    /// `place`: a name as in Activations. Throws DataError for an unknown one, or before anything is recorded.
    LayerSearch(Traced traced, const std::string& place, typename I::Options options = {})
        : traced_(std::move(traced)),
          point_(detail::voting_points(traced_.store().points, {.layers = {place}}).front()),
          index_(values(traced_, point_), options) {}

    const I& index() const noexcept { return index_; }

    /// The vectors that a network's values at this place are for the index. Shapes: x features x n, result width x n.
    Batch<Scalar> vectors(const BatchView<Scalar>& x) const {
        const Point& point = traced_.store().points[point_];
        const auto activations = traced_.activations(x);
        const Batch<Scalar>& all = activations[point.name];
        detail::require_shape("LayerSearch", point.text().c_str(), all, point.width, x.cols());
        Batch<Scalar> chosen;
        if (point.by_channel()) {
            pool_channels<Scalar>(point, all, chosen);
        } else {
            chosen.resize(point.count(), x.cols());
            Index row = 0;
            for (const std::uint32_t unit : point.units) chosen.row(row++) = all.row(static_cast<Index>(unit));
        }
        return chosen;
    }

    /// The closest samples of every column of x, on some threads (0: every core).
    std::vector<LayerSources> sources(const BatchView<Scalar>& x, const LayerSearchOptions& options = {},
                                      int threads = 1) const {
        return search(x, options, {}, threads);
    }

    /// Leave-one-out: of recorded samples, each without itself. Shapes: x features x ids, their inputs.
    std::vector<LayerSources> sources_without_self(const BatchView<Scalar>& x, ListView<std::uint64_t> ids,
                                                   const LayerSearchOptions& options = {}, int threads = 1) const {
        if (static_cast<Index>(ids.size()) != x.cols()) {
            detail::raise<ShapeError>("LayerSearch::sources_without_self", "ids", std::to_string(ids.size()),
                                      std::to_string(x.cols()));
        }
        return search(x, options, ids, threads);
    }

private:
    static LayerValues<Scalar> values(const Traced& traced, std::uint32_t point) {
        const auto derivations = detail::derivations(traced.network(), traced.store().points);
        return layer_values(traced.store(), point, derivations[point]);
    }

    std::vector<LayerSources> search(const BatchView<Scalar>& x, const LayerSearchOptions& options,
                                     std::span<const std::uint64_t> without_self, int threads) const {
        const auto& store = traced_.store();
        if (options.k < 0) detail::raise<DataError>("LayerSearch", "k", std::to_string(options.k), "0 or more");
        const auto allowed = detail::allowed_samples(store, options);
        std::vector<std::uint32_t> without;
        for (const std::uint64_t id : without_self)
            without.push_back(static_cast<std::uint32_t>(store.position_of(id)));
        if (without.empty() && options.without) {
            without.assign(static_cast<std::size_t>(x.cols()),
                           static_cast<std::uint32_t>(store.position_of(*options.without)));
        }
        AdmitsForQuery admits;
        if (allowed || !without.empty()) {
            admits = [&](Index query, std::uint32_t sample) {
                if (!without.empty() && without[static_cast<std::size_t>(query)] == sample) return false;
                return !allowed || (*allowed)[sample] != 0;
            };
        }
        std::vector<LayerSources> result;
        for (const NearestSamples& found : nearest_batch(index_, vectors(x), options.k, admits, threads)) {
            LayerSources& answer = result.emplace_back();
            answer.closer = found.closer;
            answer.boundary = found.boundary;
            for (std::size_t i = 0; i < found.samples.size(); ++i) {
                const std::uint32_t s = found.samples[i];
                answer.sources.push_back(
                    {store.ids[s], found.distances[i], store.labels.empty() ? -1 : store.labels[s]});
            }
            std::sort(answer.sources.begin(), answer.sources.end(), [](const LayerSource& a, const LayerSource& b) {
                return a.distance != b.distance ? a.distance < b.distance : a.id < b.id;
            });
        }
        return result;
    }

    Traced traced_;
    std::uint32_t point_;
    I index_;
};

/// The recorded samples whose activations at a place are closest to those of each column of x. To ask more than once,
/// keep a LayerSearch: making one takes a pass over the values.
template <class Model, class Store, class Policy>
std::vector<LayerSources> layer_sources(const TracedNetwork<Model, Store, Policy>& traced, const std::string& place,
                                        const BatchView<typename Model::Scalar>& x,
                                        const LayerSearchOptions& options = {}, Metric metric = Metric::l2,
                                        int threads = 1) {
    return LayerSearch<TracedNetwork<Model, Store, Policy>>(traced, place, {.metric = metric})
        .sources(x, options, threads);
}

}  // namespace renn::inline RENN_ABI
