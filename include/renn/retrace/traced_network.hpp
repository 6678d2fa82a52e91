// SPDX-License-Identifier: MIT
// renn/retrace/traced_network.hpp - a network that remembers its training samples.
#pragma once

#include <algorithm>
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
#include <renn/core/parallel.hpp>
#include <renn/core/progress.hpp>
#include <renn/data/dataset.hpp>
#include <renn/index/kd_tree.hpp>
#include <renn/index/neuron_index.hpp>
#include <renn/retrace/as_stored.hpp>
#include <renn/retrace/recorded_queries.hpp>
#include <renn/retrace/retrace.hpp>
#include <renn/retrace/search.hpp>
#include <renn/retrace/sweep.hpp>
#include <renn/tracing/activations.hpp>
#include <renn/tracing/derivation.hpp>
#include <renn/tracing/memory_store.hpp>
#include <renn/tracing/observe.hpp>
#include <renn/tracing/pool_channels.hpp>
#include <renn/tracing/probe.hpp>
#include <renn/tracing/record.hpp>
#include <renn/tracing/store.hpp>

namespace renn::inline RENN_ABI {

/// A model, the activations it had for every recorded sample, and an index over them. The model is a Network or foreign
/// code; it is owned and shown const: training further means tracing again. Copies share the recording, which never
/// changes: recording again makes a new one, and answers given before keep theirs.
///
/// Threads  retrace and the other const members may run on several threads at once.
template <class Model, class Store = MemoryStore<typename Model::Scalar>, class Policy = KdTree>
class TracedNetwork {
public:
    using Scalar = typename Model::Scalar;
    static_assert(ActivationStore<Store>, "renn: this type is not an activation store (tracing/store.hpp)");
    static_assert(IndexPolicy<Policy, Scalar>, "renn: this type is not an index policy (index/index_policy.hpp)");
    using Index = NeuronIndex<Store, Policy>;
    using Answer = Retrace<Index>;

    explicit TracedNetwork(Model model, Selection selection = {})
        : model_(std::make_shared<const Model>(std::move(model))), selection_(std::move(selection)) {}

    /// With a store recorded earlier. Throws MismatchError if it belongs to another network.
    TracedNetwork(Model model, Store store, Selection selection = {})
        : TracedNetwork(std::move(model), std::move(selection)) {
        restore(std::move(store));
    }

    /// Takes over a recording made earlier. Throws MismatchError if it was made with another network.
    void restore(Store store) {
        check_fingerprint(store);
        auto derivations = detail::derivations(*model_, store.points);
        index_ = std::make_shared<const Index>(std::make_shared<const Store>(std::move(store)), std::move(derivations),
                                               model_);
    }

    const Model& network() const noexcept { return *model_; }
    bool recorded() const noexcept { return index_ != nullptr; }
    const Store& store() const { return index("TracedNetwork::store").store(); }
    const Index& index() const { return index("TracedNetwork::index"); }

    /// Runs every sample through the network once and keeps what each neuron did. Returns false if the callback
    /// cancelled; then, and on any error, an earlier recording stays as it was. Errors: see renn::record.
    bool record(const Dataset<Scalar>& data, const RecordOptions& options = {}) {
        return keep(renn::record<typename Store::Encoding>(*model_, data, selection_, options));
    }

    /// The same for a stream of batches, any callable `bool next(SampleBatch<Scalar>&)`.
    template <SampleStream<Scalar> Stream>
    bool record(Stream&& next, const RecordOptions& options = {}) {
        return keep(record_stream<Scalar, typename Store::Encoding>(*model_, next, selection_, options));
    }

    /// Every place's values for samples of any kind. See renn::activations.
    Activations<Scalar> activations(const BatchView<Scalar>& x) const { return renn::activations(*model_, x); }

    /// Traces one sample back to the recorded samples it rests on.
    /// Shapes   x: features x 1.
    /// Throws   DataError before anything is recorded, for impossible options or values that are not finite; ShapeError
    ///          if x is not one sample.
    /// Cost     a forward pass and a search a neuron; the first time also the building of the index.
    Answer retrace(const BatchView<Scalar>& x, const RetraceOptions& options = {}) const {
        if (x.cols() != 1) {
            const renn::Index known = features();
            detail::raise<ShapeError>("retrace", "x", detail::shape_text(x.rows(), x.cols()),
                                      detail::shape_text(known != Dynamic ? known : x.rows(), 1) +
                                          ", a sample is a column; retrace_batch takes many");
        }
        return std::move(retrace_batch(x, options).front());
    }

    /// Traces every column of x, queries spread over threads (0: every core). Memory: that of the answers;
    /// of those that are gone up to 32 MiB are kept for the next ones.
    std::vector<Answer> retrace_batch(const BatchView<Scalar>& x, const RetraceOptions& options = {},
                                      int threads = 1) const {
        return answers(query(x), options, {}, threads);
    }

    /// Leave-one-out: traces recorded samples, each without itself as a source.
    /// Shapes   x: features x ids, the recorded inputs of those ids.
    std::vector<Answer> retrace_without_self(const BatchView<Scalar>& x, ListView<std::uint64_t> ids,
                                             const RetraceOptions& options = {}, int threads = 1) const {
        if (static_cast<renn::Index>(ids.size()) != x.cols()) {
            detail::raise<ShapeError>("retrace_without_self", "ids", std::to_string(ids.size()),
                                      std::to_string(x.cols()));
        }
        return answers(query(x), options, ids, threads);
    }

    /// The same from what was recorded of them: no inputs and no forward pass.
    /// Throws   DataError for an id that was not recorded.
    /// Cost     many at once, side by side in the store, are cheaper than one by one.
    std::vector<Answer> retrace_recorded(ListView<std::uint64_t> ids, const RetraceOptions& options = {},
                                         int threads = 1) const {
        const Store& recorded = index("retrace_recorded").store();
        std::vector<std::uint32_t> positions;
        for (const std::uint64_t id : ids) {
            positions.push_back(static_cast<std::uint32_t>(recorded.position_of(id)));
        }
        detail::check_retrace_options(options);
        const auto voting = detail::voting_points(recorded.points, options);
        std::vector<Batch<Scalar>> values(recorded.points.size());
        std::vector<const Batch<Scalar>*> blocks(values.size(), nullptr);
        for (const std::uint32_t p : voting) {
            detail::recorded_values(*index_, p, positions, values[p]);
            blocks[p] = &values[p];
        }
        Batch<Scalar> outputs(recorded.outputs.rows(), std::ssize(positions));
        for (std::size_t q = 0; outputs.rows() > 0 && q < positions.size(); ++q) {
            outputs.col(static_cast<renn::Index>(q)) = recorded.outputs.col(static_cast<renn::Index>(positions[q]));
        }
        return search(voting, blocks, outputs, options, ids, threads);
    }

    /// Traces activations computed elsewhere or before: every column, without a forward pass.
    std::vector<Answer> retrace_activations(const Activations<Scalar>& values, const RetraceOptions& options = {},
                                            int threads = 1) const {
        return answers(values, options, {}, threads);
    }

private:
    using Search = detail::Search<Index>;
    static constexpr renn::Index most_together = 1024;  ///< queries that are searched for neuron by neuron

    const Index& index(const char* where) const {
        if (!recorded()) detail::raise<DataError>(where, "nothing recorded yet: call record() first");
        return *index_;
    }

    template <class Recorded>
    bool keep(std::optional<Recorded> recorded) {
        if (!recorded) return false;
        restore(Store(std::move(*recorded)));
        return true;
    }

    void check_fingerprint(const Store& store) const {
        std::uint64_t mine = 0;
        if constexpr (requires { fingerprint(*model_); }) {
            mine = fingerprint(*model_);
        } else if (model_->options().fingerprint) {
            mine = *model_->options().fingerprint;
        } else if (store.first_input.size() == 0) {
            detail::raise<MismatchError>("TracedNetwork", "fingerprint of the foreign code", "none",
                                         std::to_string(store.fingerprint) + ", which the store was recorded with");
        } else {
            Activations<Scalar> seen;
            auto workspace = make_workspace(*model_);
            seen.collect(*model_, store.first_input, {}, workspace);
            mine = detail::model_fingerprint(*model_, seen);
        }
        if (mine != store.fingerprint) {
            detail::raise<MismatchError>("TracedNetwork", "fingerprint of the store's network",
                                         std::to_string(store.fingerprint),
                                         std::to_string(mine) + ": the store was recorded with another network");
        }
    }

    /// Of a sample: those that the network takes, of foreign code those recorded, as far as that is known.
    renn::Index features() const {
        const renn::Index own = model_->in_features();
        if (own != Dynamic || !recorded() || store().first_input.size() == 0) return own;
        return store().first_input.rows();
    }

    Activations<Scalar> query(const BatchView<Scalar>& x) const {
        index("retrace");
        const renn::Index known = features();
        if (known != Dynamic && known != x.rows()) {
            const bool own = model_->in_features() != Dynamic;
            detail::raise<ShapeError>("retrace", "features", std::to_string(x.rows()),
                                      std::to_string(known) + (own ? ", the network's in_features" : ", as recorded"));
        }
        return renn::activations(*model_, x);
    }

    std::vector<Answer> answers(const Activations<Scalar>& values, const RetraceOptions& options,
                                std::span<const std::uint64_t> without_self, int threads) const {
        const Store& recorded = index("retrace").store();
        detail::check_retrace_options(options);
        const std::vector<std::uint32_t> voting = detail::voting_points(recorded.points, options);
        std::vector<Batch<Scalar>> made;
        return search(voting, blocks_of(values, recorded, voting, made), values.output(), options, without_self,
                      threads);
    }

    /// Every column of the blocks, one a voting point by its number; outputs of the model, one column a query.
    std::vector<Answer> search(const std::vector<std::uint32_t>& voting,
                               const std::vector<const Batch<Scalar>*>& blocks, const Batch<Scalar>& outputs,
                               const RetraceOptions& options, std::span<const std::uint64_t> without_self,
                               int threads) const {
        const Store& recorded = index_->store();
        const auto allowed = detail::allowed_samples(recorded, options);
        const renn::Index queries = blocks.empty() ? 0 : blocks[voting.front()]->cols();
        std::vector<std::shared_ptr<Search>> searches(static_cast<std::size_t>(queries));
        const renn::Index workers = detail::thread_count(threads, queries);
        const renn::Index together = std::clamp<renn::Index>((queries + workers - 1) / workers, 1, most_together);
        detail::parallel_for((queries + together - 1) / together, threads, [&](renn::Index block, int) {
            const renn::Index first = block * together;
            const auto count = static_cast<std::size_t>(std::min(together, queries - first));
            const std::span some(searches.data() + first, count);
            for (renn::Index q = first; q < first + std::ssize(some); ++q) {
                auto search = std::make_shared<Search>(index_, memory_);
                search->options = options;
                search->allowed = allowed;
                std::optional<std::uint64_t> without = options.without;
                if (!without_self.empty()) without = without_self[static_cast<std::size_t>(q)];
                if (without) search->without = static_cast<std::uint32_t>(recorded.position_of(*without));
                if (outputs.rows() > 0) {
                    const auto column = outputs.col(q);
                    search->outputs.assign(column.data(), column.data() + column.size());
                    search->prediction = predicted_class(column);
                }
                searches[static_cast<std::size_t>(q)] = std::move(search);
            }
            detail::run_searches<Index>(some, voting, [&](std::uint32_t point, std::size_t q) {
                return blocks[point]->data() + (first + static_cast<renn::Index>(q)) * blocks[point]->rows();
            });
        });
        std::vector<Answer> result;
        result.reserve(searches.size());
        for (auto& search : searches) result.emplace_back(std::move(search));
        return result;
    }

    /// The query's values of every voting point, by the point's number; what the model did not report so, `made` then
    /// holds: pooled channels, and values rounded as the store rounded its samples'.
    std::vector<const Batch<Scalar>*> blocks_of(const Activations<Scalar>& values, const Store& recorded,
                                                const std::vector<std::uint32_t>& voting,
                                                std::vector<Batch<Scalar>>& made) const {
        made.resize(recorded.points.size());
        std::vector<const Batch<Scalar>*> blocks(recorded.points.size(), nullptr);
        for (const std::uint32_t p : voting) {
            const Point& point = recorded.points[p];
            if constexpr (detail::Rounds<Store>) {
                const auto from = point.stored() ? p : static_cast<std::uint32_t>(point.derived_from);
                const Point& source = recorded.points[from];
                detail::as_stored(recorded, from, block_of(values, source), made[p]);
                if (from != p) index_->derive(p, made[p].data(), made[p].data(), made[p].size());
                blocks[p] = &made[p];
            } else if (point.by_channel()) {
                pool_channels<Scalar>(point, block_of(values, point), made[p]);
                blocks[p] = &made[p];
            } else {
                blocks[p] = &block_of(values, point);
            }
        }
        return blocks;
    }

    /// What the model reported at a point. Throws MismatchError if it is missing.
    static const Batch<Scalar>& block_of(const Activations<Scalar>& values, const Point& point) {
        for (const auto& block : values.blocks()) {
            if (block.name != point.name || block.kind != point.kind) continue;
            if (block.values.rows() != point.width) {
                detail::raise<ShapeError>("retrace", point.text(), std::to_string(block.values.rows()) + " units",
                                          std::to_string(point.width));
            }
            return block.values;
        }
        detail::raise<MismatchError>("retrace", "activations of " + point.text(), "none", "those of the query");
    }

    std::shared_ptr<const Model> model_;
    Selection selection_;
    std::shared_ptr<const Index> index_;
    std::shared_ptr<detail::QueryMemory> memory_ = std::make_shared<detail::QueryMemory>();
};

}  // namespace renn::inline RENN_ABI
