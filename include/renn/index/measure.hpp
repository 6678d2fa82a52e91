// SPDX-License-Identifier: MIT
// renn/index/measure.hpp - distances between recorded vectors and queries, always the same bits.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/index/layer_values.hpp>
#include <renn/index/metric.hpp>
#include <renn/index/nearest_samples.hpp>

namespace renn::inline RENN_ABI::detail {

/// Sums of one pair of vectors, in double and in ascending order, and the distance they make.
struct PairSums {
    double main = 0.0;    ///< of differences, or of products
    double square = 0.0;  ///< of the first vector, for the angle

    template <Metric M>
    void add(double x, double q) noexcept {
        const double difference = x - q;
        if constexpr (M == Metric::l2) main += difference * difference;
        if constexpr (M == Metric::l1) main += std::abs(difference);
        if constexpr (M == Metric::linf) main = std::max(main, std::abs(difference));
        if constexpr (M == Metric::dot || M == Metric::cosine) main += x * q;
        if constexpr (M == Metric::cosine) square += x * x;
    }
    /// `query_square`: the second vector's sum of squares, which a vector and itself must have in common bit by bit.
    double distance(Metric metric, double query_square) const noexcept {
        switch (metric) {
            case Metric::l2:
                return std::sqrt(main);
            case Metric::dot:
                return 0.0 - main;
            case Metric::cosine: {
                if (square == 0.0 || query_square == 0.0) return 1.0;
                const double both = square * query_square;  // its root is exact for a vector and itself
                const double norms =
                    std::isnormal(both) ? std::sqrt(both) : std::sqrt(square) * std::sqrt(query_square);
                return 1.0 - std::clamp(main / norms, -1.0, 1.0);
            }
            default:
                return main;
        }
    }
};

/// Calls f with the metric as a constant.
template <class F>
decltype(auto) with_metric(Metric metric, F&& f) {
    switch (metric) {
        case Metric::l2:
            return f.template operator()<Metric::l2>();
        case Metric::l1:
            return f.template operator()<Metric::l1>();
        case Metric::linf:
            return f.template operator()<Metric::linf>();
        case Metric::cosine:
            return f.template operator()<Metric::cosine>();
        default:
            return f.template operator()<Metric::dot>();
    }
}

/// A sample to be measured against a query.
struct Pair {
    std::uint32_t sample, query;
    bool operator<(const Pair& other) const noexcept {
        return sample != other.sample ? sample < other.sample : query < other.query;
    }
};

/// Appends the distance of every pair to what was measured for its query. Shapes: queries width x queries, squares one
/// a query. Each sum is one chain; several pairs go side by side so that it need not be waited for.
template <class S>
void measure(const LayerValues<S>& values, Metric metric, const BatchView<S>& queries,
             const std::vector<double>& squares, std::span<const Pair> pairs,
             std::vector<std::vector<Measured>>& measured) {
    constexpr std::size_t together = 8;
    with_metric(metric, [&]<Metric M>() {
        for (std::size_t begin = 0; begin < pairs.size(); begin += together) {
            const std::size_t count = std::min(together, pairs.size() - begin);
            PairSums sums[together];
            std::uint32_t sample[together];
            const S* q[together];
            for (std::size_t l = 0; l < together; ++l) {
                const Pair& pair = pairs[begin + std::min(l, count - 1)];  // the last ones are done again
                sample[l] = pair.sample;
                q[l] = queries.col(static_cast<Index>(pair.query)).data();
            }
            for (Index d = 0; d < values.width(); ++d) {
                const S* x = values.column(d);
                for (std::size_t l = 0; l < together; ++l) {
                    sums[l].template add<M>(static_cast<double>(x[sample[l]]), static_cast<double>(q[l][d]));
                }
            }
            for (std::size_t l = 0; l < count; ++l) {
                const Pair& pair = pairs[begin + l];
                measured[pair.query].push_back({sums[l].distance(metric, squares[pair.query]), pair.sample});
            }
        }
    });
}

}  // namespace renn::inline RENN_ABI::detail
