// SPDX-License-Identifier: MIT
// renn/index/flat.hpp - the closest samples of a whole layer, exactly, by looking at all of them.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/parallel.hpp>
#include <renn/index/flat_scan.hpp>
#include <renn/index/layer_values.hpp>
#include <renn/index/measure.hpp>
#include <renn/index/metric.hpp>
#include <renn/index/nearest_samples.hpp>
#include <renn/index/rough_scores.hpp>
#include <renn/index/vector_index.hpp>

namespace renn::inline RENN_ABI {

/// Exact search over the vectors of a layer, in the order (distance, position). Rough distances, by Eigen's product for
/// many queries and by one pass over the values for few, only exclude samples, with a bound on their error; what is
/// left is measured in double, each sum in ascending order. Of wide layers (l2, cosine, dot) the rough distances are
/// first those of index/sketch.hpp, three eighths of the numbers or fewer, which exclude nearly all samples where
/// values differ along few directions, as activations do; where they do not, a search starts again with all numbers. So
/// an answer depends on nothing but values and query: not on threads, not on the other queries; and a recorded vector
/// is at distance exactly 0 from itself (l2, l1, linf; up to overflow also cosine).
///
/// Memory   up to 3 numbers a sample beside the values; with a sketch 52.
/// Cost     a query: all values once, at the speed of memory; of many: samples x width multiplications each. With a
///          sketch that excludes most, 49 numbers of a sample in place of its width.
/// Threads  const members may run on several threads at once.
template <class S>
class Flat {
public:
    using Scalar = S;
    /// How distances are measured.
    struct Options {
        Metric metric = Metric::l2;
    };

    /// Throws DataError for a value that is not finite, or beyond the root of the largest double.
    explicit Flat(LayerValues<S> values, Options options = {}) : rough_(std::move(values), options.metric) {}

    Metric metric() const noexcept { return rough_.metric(); }
    Index samples() const noexcept { return values().samples(); }
    Index width() const noexcept { return values().width(); }
    const LayerValues<S>& values() const noexcept { return rough_.values(); }
    std::size_t bytes() const noexcept { return rough_.bytes(); }

    /// The k nearest of the samples that may be found, and everything as far as the k-th. Throws DataError for a
    /// negative k or a query that is not finite, ShapeError for one of another width.
    NearestSamples nearest(std::span<const S> query, std::int64_t k, const Admits& admits = {}, int threads = 1) const {
        const Eigen::Map<const Batch<S>> column(query.data(), static_cast<Index>(query.size()), 1);
        AdmitsForQuery any;
        if (admits) any = [&admits](Index, std::uint32_t sample) { return admits(sample); };
        return std::move(nearest_batch(column, k, any, threads).front());
    }

    /// The same for every column, on some threads (0: every core).
    std::vector<NearestSamples> nearest_batch(const BatchView<S>& queries, std::int64_t k,
                                              const AdmitsForQuery& admits = {}, int threads = 1) const {
        if (queries.rows() != width()) {
            detail::raise<ShapeError>("Flat::nearest", "query", detail::shape_text(queries.rows(), queries.cols()),
                                      detail::shape_text(width(), queries.cols()) + ", the width of the layer");
        }
        if (k < 0) detail::raise<DataError>("Flat::nearest", "k", std::to_string(k), "0 or more");
        std::vector<NearestSamples> found(static_cast<std::size_t>(queries.cols()));
        const Index chunks = (queries.cols() + queries_at_once - 1) / queries_at_once;
        // Many queries are shared out among the threads, few share out the samples.
        threads = detail::thread_count(threads, std::numeric_limits<Index>::max());
        const int inner = chunks >= threads ? 1 : threads;
        detail::parallel_for(chunks, inner > 1 ? 1 : threads, [&](Index chunk, int) {
            const Index first = chunk * queries_at_once, count = std::min(queries_at_once, queries.cols() - first);
            const auto some = queries.middleCols(first, count);
            const bool sketched = rough_.has_sketch() && answer(rough_.prepared(some, first, true), k, some, admits,
                                                                inner, found.data() + first);
            if (!sketched) answer(rough_.prepared(some, first, false), k, some, admits, inner, found.data() + first);
        });
        return found;
    }

private:
    using Shortlist = detail::Shortlist<S>;
    using Chunk = typename detail::RoughScores<S>::Queries;
    static constexpr Index queries_at_once = 256, rows_at_once = 512;  // their products fill half of a usual L2
    static constexpr Index rows_of_few = 2048;                         // whose sums lie in L1

    /// Searches for some queries together, their samples spread over threads. False if the sketch excludes too few.
    bool answer(const Chunk& chunk, std::int64_t k, const BatchView<S>& queries, const AdmitsForQuery& admits,
                int threads, NearestSamples* found) const {
        const Index n = samples(), count = queries.cols();
        if (k == 0 || n == 0) return true;
        const auto places = static_cast<std::size_t>(std::min<std::int64_t>(k, n));
        std::vector<detail::Pair> pairs;
        std::vector<std::vector<detail::Measured>> measured(static_cast<std::size_t>(count));
        const auto measure = [&] {
            std::sort(pairs.begin(), pairs.end());  // what was fetched for one is there for its neighbours in memory
            detail::measure(values(), metric(), queries, chunk.square, pairs, measured);
            pairs.clear();
        };
        const Index parts = std::clamp<Index>(threads, 1, (n + rows_of_few - 1) / rows_of_few);
        const Index part = (n + parts - 1) / parts;
        std::vector<std::vector<Shortlist>> found_by(static_cast<std::size_t>(parts));
        std::atomic<bool> done{true};
        detail::parallel_for(parts, threads, [&](Index p, int) {
            auto& own = found_by[static_cast<std::size_t>(p)];
            own.assign(static_cast<std::size_t>(count), Shortlist(places));
            if (!scan(chunk, p * part, std::min(n, (p + 1) * part), admits, own)) done = false;
        });
        if (!done) return false;
        auto& lists = found_by.front();
        for (std::size_t q = 0; q < lists.size(); ++q) {
            for (std::size_t p = 1; p < found_by.size(); ++p) lists[q].merge(found_by[p][q]);
            lists[q].tighten();
            if (!chunk.sketched) continue;
            for (const auto& c : lists[q].take_nearest()) pairs.push_back({c.sample, static_cast<std::uint32_t>(q)});
        }
        if (chunk.sketched) {  // those that seem nearest, measured, say better than rough scores how far others may be
            measure();
            for (std::size_t q = 0; q < lists.size(); ++q) {
                const auto farthest = std::max_element(measured[q].begin(), measured[q].end());
                if (farthest != measured[q].end()) lists[q].drop_above(rough_.score(chunk, q, farthest->distance));
            }
        }
        Index settled = 0;
        for (Index q = 0; q < count; ++q) {
            for (const auto& c : lists[static_cast<std::size_t>(q)].candidates()) {
                pairs.push_back({c.sample, static_cast<std::uint32_t>(q)});
            }
            if (pairs.size() < 65536 && q + 1 < count) continue;
            measure();
            for (; settled <= q; ++settled) {
                found[settled] = detail::nearest_of(measured[static_cast<std::size_t>(settled)], k);
                measured[static_cast<std::size_t>(settled)] = {};
            }
        }
        return true;
    }

    /// Lists who may be among the nearest. False if those are more than are worth measuring.
    bool scan(const Chunk& chunk, Index begin, Index end, const AdmitsForQuery& admits,
              std::vector<Shortlist>& lists) const {
        const auto count = static_cast<Index>(lists.size());
        const Index step = chunk.products || count > 3 ? rows_at_once : rows_of_few;
        Batch<S> scores(step, count);
        for (Index from = begin; from < end; from += step) {
            const Index rows = std::min(step, end - from);
            rough_.start(chunk, from, rows, scores);
            for (Index q = 0; q < count; ++q) {
                const auto at = static_cast<std::size_t>(q);
                rough_.lower_bounds(chunk, q, from, rows, scores.col(q).data());
                Shortlist& list = lists[at];
                const auto limit = [&list] { return list.limit(); };
                detail::for_each_up_to(scores.col(q).data(), rows, limit, [&](Index i) {
                    const auto sample = static_cast<std::uint32_t>(from + i);
                    if (admits && !admits(chunk.first + q, sample)) return;
                    const S lower = scores(i, q);
                    list.add({lower, rough_.upper(chunk, at, from + i, lower), sample});
                });
            }
            if (!chunk.sketched) continue;
            std::size_t listed = 0;
            for (const Shortlist& list : lists) listed += list.candidates().size();
            const auto seen = static_cast<std::size_t>(from + rows - begin);
            if (listed > lists.size() * (12 * lists.front().places() + seen / 16)) return false;
        }
        return true;
    }

    detail::RoughScores<S> rough_;
};

}  // namespace renn::inline RENN_ABI
