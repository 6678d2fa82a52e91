// SPDX-License-Identifier: MIT
// renn/index/flat.hpp - the closest samples of a whole layer, exactly, by looking at all of them.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
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
#include <renn/index/sketch.hpp>
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
    explicit Flat(LayerValues<S> values, Options options = {}) : values_(std::move(values)), metric_(options.metric) {
        const Index n = values_.samples(), width = values_.width();
        centre_.assign(static_cast<std::size_t>(width), S(0));
        std::vector<double> squares(static_cast<std::size_t>(n), 0.0), about(squares);
        for (Index c = 0; c < width; ++c) {
            const S* column = values_.column(c);
            double mean = 0.0;
            for (Index i = 0; i < n; ++i) mean += static_cast<double>(column[i]) / static_cast<double>(n);
            if (metric_ == Metric::l2 && std::isfinite(mean))
                centre_[static_cast<std::size_t>(c)] = static_cast<S>(mean);
            const auto centre = static_cast<double>(centre_[static_cast<std::size_t>(c)]);
            for (Index i = 0; i < n; ++i) {
                const auto x = static_cast<double>(column[i]);
                squares[static_cast<std::size_t>(i)] += x * x;
                about[static_cast<std::size_t>(i)] += (x - centre) * (x - centre);
            }
        }
        lift_.resize(n);
        norm_.resize(n);
        if (metric_ == Metric::cosine) scale_.resize(n);
        for (Index i = 0; i < n; ++i) {
            const double square = squares[static_cast<std::size_t>(i)];
            if (!std::isfinite(square)) {
                detail::raise<DataError>("Flat", "values of the sample at position " + std::to_string(i),
                                         "not finite, or too large to be squared", "finite values");
            }
            const double norm = std::sqrt(square);
            lift_[i] = metric_ == Metric::l2
                           ? static_cast<S>(about[static_cast<std::size_t>(i)] / 2 * (1 - static_cast<double>(error())))
                           : S(0);
            norm_[i] = static_cast<S>(norm);
            if (metric_ == Metric::cosine) scale_[i] = norm > 0 ? static_cast<S>(1 / norm) : S(1);
            largest_ = std::max(largest_, norm);
            if (norm > 0) smallest_ = std::min(smallest_, norm);
        }
        if (metric_ != Metric::l1 && metric_ != Metric::linf && width >= 64 && n >= 2048) {
            sketch_ =
                detail::Sketch<S>(values_, centre_, 8 * static_cast<double>(error()), static_cast<double>(lost()));
        }
    }

    Metric metric() const noexcept { return metric_; }
    Index samples() const noexcept { return values_.samples(); }
    Index width() const noexcept { return values_.width(); }
    const LayerValues<S>& values() const noexcept { return values_; }
    std::size_t bytes() const noexcept {
        return static_cast<std::size_t>(lift_.size() + norm_.size() + scale_.size()) * sizeof(S) + sketch_.bytes();
    }

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
            const bool sketched =
                !sketch_.empty() && answer(prepared(some, first, true), k, some, admits, inner, found.data() + first);
            if (!sketched) answer(prepared(some, first, false), k, some, admits, inner, found.data() + first);
        });
        return found;
    }

private:
    using Shortlist = detail::Shortlist<S>;
    static constexpr Index queries_at_once = 256, rows_at_once = 512;  // their products fill half of a usual L2
    static constexpr Index rows_of_few = 2048;                         // whose sums lie in L1

    /// A bound, relative to the magnitudes that enter it, on all that rounding does to a rough score and to a measured
    /// distance: a sum of d terms in any order errs by at most (d + 2) u / (1 - (d + 2) u) of its terms' magnitudes,
    /// and no more than three such sums meet here.
    S error() const noexcept {
        return S(4) * static_cast<S>(width() + 16) * (std::numeric_limits<S>::epsilon() / S(2));
    }
    /// The same for what is lost to underflow, even where small numbers are taken for zero.
    S lost() const noexcept { return S(4) * static_cast<S>(width() + 16) * std::numeric_limits<S>::min(); }

    /// Some queries made ready. A rough score orders samples as the distance does: half its square, less a constant
    /// (l2, by products), the square (l2), the distance (l1, linf), the negative product with the query, for cosine
    /// with both at length 1.
    struct Chunk {
        Index first;
        bool sketched;                      ///< scores by the sketch
        bool products;                      ///< scores of all queries by one matrix product
        Batch<S> factors;                   ///< what values, or the sketch's, are multiplied by, or subtracted from
        std::vector<S> slope;               ///< error of a score a unit of the sample's norm
        std::vector<S> offset;              ///< error of every score
        std::vector<char> rough;            ///< whether scores can be trusted: nothing overflows
        std::vector<double> square, about;  ///< distance from 0 and from the centre, squared
    };

    Chunk prepared(const BatchView<S>& queries, Index first, bool sketched) const {
        const Index count = queries.cols();
        const bool differences = metric_ == Metric::l2 || metric_ == Metric::l1 || metric_ == Metric::linf;
        const Index numbers = sketched ? sketch_.places().cols() : width();
        const bool products = count > 3 && metric_ != Metric::l1 && metric_ != Metric::linf;
        Chunk chunk{first, sketched, products, Batch<S>(numbers, count), {}, {}, {}, {}, {}};
        Column<double> moved(width());
        const auto c = static_cast<double>(error());
        const auto most = static_cast<double>(std::numeric_limits<S>::max()) / 8;
        for (Index q = 0; q < count; ++q) {
            double square = 0.0, about = 0.0;
            for (Index d = 0; d < width(); ++d) {
                const auto x = static_cast<double>(queries(d, q));
                moved[d] = x - static_cast<double>(centre_[static_cast<std::size_t>(d)]);
                square += x * x;
                about += moved[d] * moved[d];
            }
            if (!std::isfinite(square)) {
                detail::raise<DataError>("Flat::nearest", "query " + std::to_string(first + q),
                                         "values that are not finite, or too large to be squared", "finite values");
            }
            double norm = std::sqrt(about);
            if (metric_ == Metric::cosine && norm > 0) {
                moved /= norm;
                norm = 1.0;
            }
            if (sketched) {
                chunk.factors.col(q) = -sketch_.of(moved);
            } else if (differences && !products) {
                chunk.factors.col(q) = queries.col(q);
            } else {
                chunk.factors.col(q) = -moved.template cast<S>();
            }
            const double reach = largest_ + std::sqrt(square) + norm;
            const bool scaled = metric_ != Metric::cosine || smallest_ > 1 / most;
            chunk.rough.push_back(c < 0.1 && scaled && reach * std::max(reach, static_cast<double>(width())) < most);
            chunk.slope.push_back(sketched ? S(0) : static_cast<S>(c * norm));  // the sketch has its own
            chunk.offset.push_back(static_cast<S>(metric_ == Metric::l2 ? c * about / 2 : 0.0) +
                                   lost() * static_cast<S>(1 + norm));
            chunk.square.push_back(square);
            chunk.about.push_back(about);
        }
        return chunk;
    }

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
            detail::measure(values_, metric_, queries, chunk.square, pairs, measured);
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
                if (farthest != measured[q].end()) lists[q].drop_above(score(chunk, q, farthest->distance));
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
        const auto matrix = numbers(chunk);
        const Index step = chunk.products || count > 3 ? rows_at_once : rows_of_few;
        Batch<S> scores(step, count);
        for (Index from = begin; from < end; from += step) {
            const Index rows = std::min(step, end - from);
            const auto norms = norm_.segment(from, rows).array();
            if (chunk.products) {
                for (Index q = 0; q < count; ++q) {
                    const auto at = static_cast<std::size_t>(q);
                    scores.col(q).head(rows) =
                        lift_.segment(from, rows).array() - chunk.slope[at] * norms - chunk.offset[at];
                }
                scores.topRows(rows).noalias() += matrix.middleRows(from, rows) * chunk.factors;
            }
            for (Index q = 0; q < count; ++q) {
                const auto at = static_cast<std::size_t>(q);
                if (!chunk.products) rough_scores(chunk, q, from, rows, scores.col(q).data());
                auto column = scores.col(q).head(rows).array();
                if (metric_ == Metric::cosine) column *= scale_.segment(from, rows).array();
                if (chunk.rough[at] == 0) column.setConstant(-std::numeric_limits<S>::max());
                Shortlist& list = lists[at];
                const auto limit = [&list] { return list.limit(); };
                detail::for_each_up_to(scores.col(q).data(), rows, limit, [&](Index i) {
                    const auto sample = static_cast<std::uint32_t>(from + i);
                    if (admits && !admits(chunk.first + q, sample)) return;
                    const S lower = column[i];
                    list.add({lower, upper(chunk, at, from + i, lower), sample});
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

    /// What the factors of some queries go with: one row a sample.
    typename LayerValues<S>::View numbers(const Chunk& chunk) const {
        if (!chunk.sketched) return values_.matrix();
        const Batch<S>& places = sketch_.places();
        return {places.data(), places.rows(), places.cols(), Eigen::OuterStride<>(places.rows())};
    }

    /// Lower bounds of the scores of one query by a pass over the values or the sketch.
    void rough_scores(const Chunk& chunk, Index q, Index from, Index rows, S* scores) const {
        const auto matrix = numbers(chunk);
        const auto at = static_cast<std::size_t>(q);
        const bool products = chunk.sketched || metric_ == Metric::dot || metric_ == Metric::cosine;
        detail::with_metric(products ? Metric::dot : metric_, [&]<Metric M>() {
            detail::rough_sums<M>(matrix.cols() > 0 ? matrix.data() + from : nullptr, matrix.outerStride(), rows,
                                  chunk.factors.col(q).data(), matrix.cols(), scores);
        });
        auto sums = Eigen::Map<Column<S>>(scores, rows).array();
        if (products) {
            sums += lift_.segment(from, rows).array() - chunk.slope[at] * norm_.segment(from, rows).array() -
                    chunk.offset[at];
        } else {
            sums = sums * (S(1) - error()) - lost();
        }
    }

    /// What a score with this lower bound cannot be above.
    S upper(const Chunk& chunk, std::size_t q, Index sample, S lower) const {
        if (chunk.rough[q] == 0) return std::numeric_limits<S>::max();
        const bool products = chunk.products || chunk.sketched || metric_ == Metric::dot || metric_ == Metric::cosine;
        if (!products) return lower + S(3) * (error() * std::abs(lower) + lost());
        S above = S(3) * (error() * lift_[sample] + chunk.slope[q] * norm_[sample] + chunk.offset[q]);
        if (chunk.sketched) {
            above -= S(2) * sketch_.rest(sample) * chunk.factors(chunk.factors.rows() - 1, static_cast<Index>(q));
        }
        return lower + above * (metric_ == Metric::cosine ? scale_[sample] : S(1));
    }

    /// What the sketch's lower bound for a sample at this distance cannot be above.
    double score(const Chunk& chunk, std::size_t q, double distance) const {
        if (metric_ == Metric::dot) return distance;
        if (metric_ == Metric::cosine) return distance - 1;
        const double square = distance * distance, about = chunk.about[q];
        return (square - about) / 2 + static_cast<double>(error()) * (square + about);
    }

    LayerValues<S> values_;
    Metric metric_;
    std::vector<S> centre_;   ///< of l2: queries are taken from the mean, so that products stay small
    Column<S> lift_;          ///< of l2: half the squared distance from the centre, less its error
    Column<S> norm_, scale_;  ///< norms; of cosine their reciprocals
    detail::Sketch<S> sketch_;
    double largest_ = 0.0, smallest_ = std::numeric_limits<double>::max();  ///< norms; the smallest above 0
};

}  // namespace renn::inline RENN_ABI
