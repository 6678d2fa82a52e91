// SPDX-License-Identifier: MIT
// renn/index/rough_scores.hpp - how far a layer's vectors are from queries, roughly and fast, with bounds on the error.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/index/flat_scan.hpp>
#include <renn/index/layer_values.hpp>
#include <renn/index/metric.hpp>
#include <renn/index/sketch.hpp>

namespace renn::inline RENN_ABI::detail {

/// A rough score orders samples as the distance does: half its square, less a constant (l2, by products), the square
/// (l2), the distance (l1, linf), the negative product with the query, for cosine with both at length 1.
template <class S>
class RoughScores {
public:
    /// Throws DataError for a value that is not finite, or beyond the root of the largest double.
    RoughScores(LayerValues<S> values, Metric metric) : values_(std::move(values)), metric_(metric) {
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
                raise<DataError>("Flat", "values of the sample at position " + std::to_string(i),
                                 "NaN or infinite, or too large to be squared", "finite values");
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
            sketch_ = Sketch<S>(values_, centre_, 8 * static_cast<double>(error()), static_cast<double>(lost()));
        }
    }

    Metric metric() const noexcept { return metric_; }
    const LayerValues<S>& values() const noexcept { return values_; }
    bool has_sketch() const noexcept { return !sketch_.empty(); }
    std::size_t bytes() const noexcept {
        return static_cast<std::size_t>(lift_.size() + norm_.size() + scale_.size()) * sizeof(S) + sketch_.bytes();
    }

    /// Some queries made ready.
    struct Queries {
        Index first;
        bool sketched;                      ///< scores by the sketch
        bool products;                      ///< scores of all queries by one matrix product
        Batch<S> factors;                   ///< what values, or the sketch's, are multiplied by, or subtracted from
        std::vector<S> slope;               ///< error of a score a unit of the sample's norm
        std::vector<S> offset;              ///< error of every score
        std::vector<char> rough;            ///< whether scores can be trusted: nothing overflows
        std::vector<double> square, about;  ///< distance from 0 and from the centre, squared
    };

    Queries prepared(const BatchView<S>& queries, Index first, bool sketched) const {
        const Index count = queries.cols();
        const bool differences = metric_ == Metric::l2 || metric_ == Metric::l1 || metric_ == Metric::linf;
        const Index numbers = sketched ? sketch_.places().cols() : width();
        const bool products = count > 3 && metric_ != Metric::l1 && metric_ != Metric::linf;
        Queries ready{first, sketched, products, Batch<S>(numbers, count), {}, {}, {}, {}, {}};
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
                raise<DataError>("Flat::nearest", "query " + std::to_string(first + q),
                                 "NaN or infinite, or too large to be squared", "finite values");
            }
            double norm = std::sqrt(about);
            if (metric_ == Metric::cosine && norm > 0) {
                moved /= norm;
                norm = 1.0;
            }
            if (sketched) {
                ready.factors.col(q) = -sketch_.of(moved);
            } else if (differences && !products) {
                ready.factors.col(q) = queries.col(q);
            } else {
                ready.factors.col(q) = -moved.template cast<S>();
            }
            const double reach = largest_ + std::sqrt(square) + norm;
            const bool scaled = metric_ != Metric::cosine || smallest_ > 1 / most;
            ready.rough.push_back(c < 0.1 && scaled && reach * std::max(reach, static_cast<double>(width())) < most);
            ready.slope.push_back(sketched ? S(0) : static_cast<S>(c * norm));  // the sketch has its own
            ready.offset.push_back(static_cast<S>(metric_ == Metric::l2 ? c * about / 2 : 0.0) +
                                   lost() * static_cast<S>(1 + norm));
            ready.square.push_back(square);
            ready.about.push_back(about);
        }
        return ready;
    }

    /// What is done for all queries at once, before lower_bounds of each.
    void start(const Queries& queries, Index from, Index rows, Batch<S>& scores) const {
        if (!queries.products) return;
        const auto norms = norm_.segment(from, rows).array();
        for (Index q = 0; q < scores.cols(); ++q) {
            const auto at = static_cast<std::size_t>(q);
            scores.col(q).head(rows) =
                lift_.segment(from, rows).array() - queries.slope[at] * norms - queries.offset[at];
        }
        scores.topRows(rows).noalias() += numbers(queries).middleRows(from, rows) * queries.factors;
    }

    /// Of the scores of one query, in its column of what was started.
    void lower_bounds(const Queries& queries, Index q, Index from, Index rows, S* scores) const {
        const auto at = static_cast<std::size_t>(q);
        if (!queries.products) one_by_one(queries, q, from, rows, scores);
        auto column = Eigen::Map<Column<S>>(scores, rows).array();
        if (metric_ == Metric::cosine) column *= scale_.segment(from, rows).array();
        if (queries.rough[at] == 0) column.setConstant(-std::numeric_limits<S>::max());
    }

    /// What a score with this lower bound cannot be above.
    S upper(const Queries& queries, std::size_t q, Index sample, S lower) const {
        if (queries.rough[q] == 0) return std::numeric_limits<S>::max();
        const bool products =
            queries.products || queries.sketched || metric_ == Metric::dot || metric_ == Metric::cosine;
        if (!products) return lower + S(3) * (error() * std::abs(lower) + lost());
        S above = S(3) * (error() * lift_[sample] + queries.slope[q] * norm_[sample] + queries.offset[q]);
        if (queries.sketched) {
            above -= S(2) * sketch_.rest(sample) * queries.factors(queries.factors.rows() - 1, static_cast<Index>(q));
        }
        return lower + above * (metric_ == Metric::cosine ? scale_[sample] : S(1));
    }

    /// What the sketch's lower bound for a sample at this distance cannot be above.
    double score(const Queries& queries, std::size_t q, double distance) const {
        if (metric_ == Metric::dot) return distance;
        if (metric_ == Metric::cosine) return distance - 1;
        const double square = distance * distance, about = queries.about[q];
        return (square - about) / 2 + static_cast<double>(error()) * (square + about);
    }

private:
    Index width() const noexcept { return values_.width(); }

    /// A bound, relative to the magnitudes that enter it, on all that rounding does to a rough score and to a measured
    /// distance: a sum of d terms in any order errs by at most (d + 2) u / (1 - (d + 2) u) of its terms' magnitudes,
    /// and no more than three such sums meet here.
    S error() const noexcept {
        return S(4) * static_cast<S>(width() + 16) * (std::numeric_limits<S>::epsilon() / S(2));
    }
    /// The same for what is lost to underflow, even where small numbers are taken for zero.
    S lost() const noexcept { return S(4) * static_cast<S>(width() + 16) * std::numeric_limits<S>::min(); }

    /// What the factors of some queries go with: one row a sample.
    typename LayerValues<S>::View numbers(const Queries& queries) const {
        if (!queries.sketched) return values_.matrix();
        const Batch<S>& places = sketch_.places();
        return {places.data(), places.rows(), places.cols(), Eigen::OuterStride<>(places.rows())};
    }

    /// By a pass over the values or the sketch.
    void one_by_one(const Queries& queries, Index q, Index from, Index rows, S* scores) const {
        const auto matrix = numbers(queries);
        const auto at = static_cast<std::size_t>(q);
        const bool products = queries.sketched || metric_ == Metric::dot || metric_ == Metric::cosine;
        with_metric(products ? Metric::dot : metric_, [&]<Metric M>() {
            rough_sums<M>(matrix.cols() > 0 ? matrix.data() + from : nullptr, matrix.outerStride(), rows,
                          queries.factors.col(q).data(), matrix.cols(), scores);
        });
        auto sums = Eigen::Map<Column<S>>(scores, rows).array();
        if (products) {
            sums += lift_.segment(from, rows).array() - queries.slope[at] * norm_.segment(from, rows).array() -
                    queries.offset[at];
        } else {
            sums = sums * (S(1) - error()) - lost();
        }
    }

    LayerValues<S> values_;
    Metric metric_;
    std::vector<S> centre_;   ///< of l2: queries are taken from the mean, so that products stay small
    Column<S> lift_;          ///< of l2: half the squared distance from the centre, less its error
    Column<S> norm_, scale_;  ///< norms; of cosine their reciprocals
    Sketch<S> sketch_;
    double largest_ = 0.0, smallest_ = std::numeric_limits<double>::max();  ///< norms; the smallest above 0
};

}  // namespace renn::inline RENN_ABI::detail
