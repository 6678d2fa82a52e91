// SPDX-License-Identifier: MIT
// renn/training/batch_gradient.hpp - loss and gradient of a batch, computed in chunks on any number of threads.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/parallel.hpp>
#include <renn/core/team.hpp>
#include <renn/data/dataset.hpp>
#include <renn/network/layer_sequence.hpp>
#include <renn/training/evaluate.hpp>
#include <renn/training/loss.hpp>

namespace renn::inline RENN_ABI::detail {

/// Whether a training pass of the network mixes the samples of a batch, which then cannot be taken apart.
template <class Net>
bool mixes_samples(const Net& net) {
    if constexpr (requires { static_cast<bool>(net.mixes_samples()); }) {
        return static_cast<bool>(net.mixes_samples());
    } else {
        return false;
    }
}

/// The gradient of a step, from one batch or several.
///
/// A batch is cut into chunks that depend on its size and on nothing else. Each has its own workspace and gradient,
/// and gradients are added in ascending order, element by element; so whoever computes which chunk when, the bits are
/// the same. Batches up to `chunk_width` are one chunk, whose gradient is the step's as it is.
template <class Net>
class BatchGradient {
    using S = typename Net::Scalar;
    using Parameters = typename Net::Parameters;

public:
    static constexpr Index chunk_width = 64;
    static constexpr Index most_chunks = 8;

    BatchGradient(const Net& net, Index batch, int threads)
        : whole_(mixes_samples(net)), batch_(batch), team_(thread_count(threads, chunks_of(batch))) {
        const auto most = static_cast<std::size_t>(chunks_of(batch));
        gradients_ = std::vector<Parameters>(most, zeros_like(net.parameters()));
        for (auto& set : chunks_) set = std::vector<Chunk>(most);
        std::size_t block = 0;
        for_each_block([&](const auto& b) { add_pieces(block++, b.size()); }, net.parameters());
        sums_ = std::vector<S*>(block);
        blocks_ = std::vector<std::vector<S*>>(most, sums_);
    }

    /// Adds the samples at the given positions; `first` and `last` of a step. Nothing if a loss is not finite.
    template <class L>
    std::optional<BatchMeasures> add(const Net& net, const Dataset<S>& data, std::span<const Index> positions,
                                     const Pass& pass, const L& loss, bool first, bool last) {
        const auto count = static_cast<Index>(positions.size());
        const Index chunks = chunks_of(count);
        const bool alone = chunks == 1 && first && last;
        latest_ = std::span(chunks_[count == batch_ ? 0 : 1]).first(static_cast<std::size_t>(chunks));
        team_.run(chunks, [&](Index c) {
            const Index from = c * count / chunks, upto = (c + 1) * count / chunks;
            const auto at = static_cast<std::size_t>(c);
            latest_[at].run(net, data,
                            positions.subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(upto - from)),
                            pass, loss, alone, gradients_[at]);
        });
        BatchMeasures sums;
        for (const Chunk& chunk : latest_) {
            if (!std::isfinite(chunk.measures.loss)) return std::nullopt;
            sums.add(chunk.measures);
        }
        weight_ = (first ? 0.0 : weight_) + sums.weight;
        if (first && last) {
            gradient_ = &gradients_.front();
        } else {
            if (!sum_) sum_ = gradients_.front();
            gradient_ = &*sum_;
        }
        if (!alone) reduce(static_cast<std::size_t>(chunks), first, last);
        return sums;
    }

    /// After the last batch of a step: the derivative of the mean loss over all its samples.
    Parameters& gradient() noexcept { return *gradient_; }

    /// Lets layers that learn from a pass other than by gradient see the latest one.
    void absorb_into(Net& net) {
        if constexpr (requires(Chunk & chunk) { net.absorb(chunk.workspace.cache); }) {
            for (Chunk& chunk : latest_) net.absorb(chunk.workspace.cache);
        }
    }

private:
    static constexpr Index piece_length = 4096;
    struct Piece {
        std::size_t block;
        Index first, count;
    };

    struct Chunk {
        Batch<S> x, targets, slope;
        std::vector<std::int32_t> labels;
        std::vector<std::uint64_t> ids;
        Workspace<Net> workspace;
        BatchMeasures measures;

        /// Unless it is the whole step, a chunk's gradient is that of its summed loss: the mean comes with the sum.
        template <class L>
        void run(const Net& net, const Dataset<S>& data, std::span<const Index> positions, Pass pass, const L& loss,
                 bool alone, Parameters& gradient) {
            const Targets<S> wanted = load(data, positions);
            pass.ids = ids;
            const Batch<S>& y = net.forward(x, workspace, pass);
            measures = measure<S>(loss, y, wanted, slope);
            if (!std::isfinite(measures.loss)) return;
            if (!alone) slope *= static_cast<S>(measures.weight);
            NotWanted input_gradient;
            net.reverse_walk(ParameterGradient{}, x, workspace, slope, input_gradient, &gradient);
        }

        Targets<S> load(const Dataset<S>& data, std::span<const Index> positions) {
            data.inputs(positions, x);
            ids.resize(positions.size());
            labels.resize(data.has_labels() ? positions.size() : 0);
            const Index wanted = data.targets().rows();
            if (data.has_targets()) reshape(targets, wanted, static_cast<Index>(positions.size()));
            for (std::size_t j = 0; j < positions.size(); ++j) {
                const auto at = static_cast<std::size_t>(positions[j]);
                ids[j] = data.ids()[at];
                if (data.has_labels()) labels[j] = data.labels()[at];
                if (data.has_targets()) {
                    const S* from = data.targets().data() + wanted * positions[j];
                    std::copy_n(from, wanted, targets.data() + wanted * static_cast<Index>(j));
                }
            }
            return {labels, data.has_targets() ? &targets : nullptr};
        }
    };

    Index chunks_of(Index count) const noexcept {
        return whole_ ? 1 : std::clamp<Index>((count + chunk_width - 1) / chunk_width, 1, most_chunks);
    }

    void add_pieces(std::size_t block, Index size) {
        for (Index i = 0; i < size; i += piece_length) {
            pieces_.push_back({block, i, std::min(piece_length, size - i)});
        }
    }

    static void collect(Parameters& parameters, std::vector<S*>& blocks) {
        for_each_block([to = blocks.begin()](auto& b) mutable { *to++ = b.data(); }, parameters);
    }

    /// Adds the chunks' gradients to the step's; the last time divides by what the mean is over.
    void reduce(std::size_t chunks, bool first, bool last) {
        namespace ei = Eigen::internal;
        for (std::size_t c = 0; c < chunks; ++c) collect(gradients_[c], blocks_[c]);
        collect(*gradient_, sums_);
        const bool in_place = gradient_ == &gradients_.front();
        const S share = last ? static_cast<S>(weight_ > 0.0 ? 1.0 / weight_ : 0.0) : S(1);
        team_.run(static_cast<Index>(pieces_.size()), [&](Index p) {
            const Piece& piece = pieces_[static_cast<std::size_t>(p)];
            S* sum = sums_[piece.block] + piece.first;
            const S* const so_far = sum;
            for (std::size_t c = in_place ? 1 : 0; c < chunks; ++c) {
                const S* more = blocks_[c][piece.block] + piece.first;
                if (first && !in_place && c == 0) {
                    std::copy_n(more, piece.count, sum);
                } else {
                    const auto add = [](const auto& a, const auto& b) { return ei::padd(a, b); };
                    canonical::combine(sum, piece.count, add, so_far, more);
                }
            }
            const auto scaled = [share]<class P>(const P& a) { return ei::pmul(a, ei::pset1<P>(share)); };
            if (last) canonical::transform(so_far, sum, piece.count, scaled);
        });
    }

    bool whole_;
    Index batch_;
    std::array<std::vector<Chunk>, 2> chunks_;  ///< of full batches and of an epoch's last: nothing is resized
    std::span<Chunk> latest_;
    std::vector<Parameters> gradients_;  ///< one a chunk
    std::optional<Parameters> sum_;      ///< of several batches
    Parameters* gradient_ = nullptr;
    double weight_ = 0.0;
    std::vector<Piece> pieces_;
    std::vector<std::vector<S*>> blocks_;
    std::vector<S*> sums_;
    Team team_;  // last: its threads end first
};

}  // namespace renn::inline RENN_ABI::detail
