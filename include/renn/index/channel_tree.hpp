// SPDX-License-Identifier: MIT
// renn/index/channel_tree.hpp - the closest samples of a neuron that is a point in several dimensions.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <nanoflann.hpp>

#include <renn/core/abi.hpp>
#include <renn/core/function_ref.hpp>
#include <renn/index/nearest_samples.hpp>

namespace renn::inline RENN_ABI {

/// KD-tree over the distinct points of one neuron, samples behind them, searched by Euclidean distance. Points are
/// taken from columns, one a dimension; the columns must outlive it, unless it is given what they look at.
///
/// Cost   build O(d n log n), a search O(log n) in few dimensions, up to O(n) in many.
template <class S>
class ChannelTree {
public:
    using Scalar = S;

    /// `by_id` has the positions in ascending order of ids, or is empty where they are that already.
    ChannelTree(std::vector<std::span<const S>> columns, std::span<const std::uint32_t> by_id,
                std::vector<std::vector<S>> kept = {})
        : points_(std::make_unique<Points>()) {
        points_->columns = std::move(columns);
        points_->kept = std::move(kept);
        auto& order = points_->order;  // at first of ranks by id, as equal points keep that order
        order.resize(points_->columns.front().size());
        std::iota(order.begin(), order.end(), 0U);
        const auto position = [by_id](std::uint32_t rank) { return by_id.empty() ? rank : by_id[rank]; };
        const auto before = [this](std::uint32_t a, std::uint32_t b) {
            for (const auto& column : points_->columns) {
                if (column[a] != column[b]) return column[a] < column[b];
            }
            return false;
        };
        std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
            const std::uint32_t left = position(a), right = position(b);
            return before(left, right) || (!before(right, left) && a < b);
        });
        for (std::uint32_t& rank : order) rank = position(rank);
        for (std::uint32_t i = 0; i < order.size(); ++i) {
            if (i == 0 || before(order[i - 1], order[i])) points_->first.push_back(i);
        }
        if (order.empty()) return;
        tree_ = std::make_unique<Tree>(static_cast<int>(points_->columns.size()), *points_,
                                       nanoflann::KDTreeSingleIndexAdaptorParams(16));
        tree_->buildIndex();
    }

    /// The k nearest of the samples that `admits` lets in, and everything as far as the k-th.
    NearestSamples nearest(const std::vector<double>& query, std::int64_t k,
                           detail::FunctionRef<bool(std::uint32_t)> admits) const {
        if (k <= 0 || !tree_) return {};
        const auto members = [&](std::uint32_t group) {
            std::uint32_t count = 0;
            for (const std::uint32_t s : points_->group(group)) count += admits(s) ? 1U : 0U;
            return count;
        };
        const auto wanted = static_cast<std::uint64_t>(k);
        Closest closest{wanted, members};
        static_cast<void>(tree_->findNeighbors(closest, query.data(), {}));
        // The tree's own sums may round otherwise: everything that could lie at the boundary is measured again.
        std::vector<detail::Measured> candidates;
        for (const std::uint32_t g : closest.groups()) {
            const double distance = points_->distance(g, query);
            for (const std::uint32_t s : points_->group(g)) {
                if (admits(s)) candidates.push_back({distance, s});
            }
        }
        return detail::nearest_of(candidates, k);
    }
    NearestSamples nearest(std::span<const S> query, std::int64_t k, const Admits& admits = {}) const {
        return nearest(std::vector<double>(query.begin(), query.end()), k,
                       [&admits](std::uint32_t sample) { return !admits || admits(sample); });
    }

    std::size_t bytes() const noexcept {
        return (points_->order.size() + points_->first.size()) * sizeof(std::uint32_t) +
               (tree_ ? tree_->usedMemory(*tree_) : 0);
    }

private:
    /// A distance, and the group there or how many samples it has.
    struct Far {
        double distance;
        std::uint32_t group;
        bool operator<(const Far& other) const noexcept {
            return distance != other.distance ? distance < other.distance : group < other.group;
        }
    };

    struct Points {
        std::vector<std::span<const S>> columns;
        std::vector<std::vector<S>> kept;  ///< what columns look at, where the store has no such column
        std::vector<std::uint32_t> order;  ///< samples, equal points side by side, each group by ascending id
        std::vector<std::uint32_t> first;  ///< where a group of equal points begins

        std::span<const std::uint32_t> group(std::uint32_t g) const noexcept {
            const std::size_t end = g + 1 < first.size() ? first[g + 1] : order.size();
            return std::span(order).subspan(first[g], end - first[g]);
        }
        double distance(std::uint32_t g, const std::vector<double>& query) const noexcept {
            double sum = 0.0;
            for (std::size_t d = 0; d < columns.size(); ++d) {
                const double difference = kdtree_get_pt(g, d) - query[d];
                sum += difference * difference;
            }
            return std::sqrt(sum);
        }
        std::size_t kdtree_get_point_count() const noexcept { return first.size(); }
        double kdtree_get_pt(std::size_t g, std::size_t d) const noexcept {
            return static_cast<double>(columns[d][order[first[g]]]);
        }
        template <class Box>
        bool kdtree_get_bbox(Box&) const noexcept {
            return false;
        }
    };
    using Tree = nanoflann::KDTreeSingleIndexAdaptor<nanoflann::L2_Simple_Adaptor<double, Points, double>, Points, -1>;

    /// nanoflann's result set: the nearest groups that have k members together, and all that are about as far as the
    /// farthest of them.
    struct Closest {
        using DistanceType = double;
        std::uint64_t k;
        detail::FunctionRef<std::uint32_t(std::uint32_t)> members;
        std::vector<Far> heap = {};  ///< distance and members of a group, farthest on top
        std::vector<Far> seen = {};  ///< distance and group: all that were near enough when they came
        std::uint64_t total = 0;

        std::vector<std::uint32_t> groups() const {
            std::vector<std::uint32_t> near;
            for (const Far& one : seen) {
                if (one.distance < worstDist()) near.push_back(one.group);
            }
            return near;
        }
        std::size_t size() const noexcept { return heap.size(); }
        bool empty() const noexcept { return heap.empty(); }
        bool full() const noexcept { return total >= k; }
        /// What is nearer than this is handed over, what is as far is not.
        double worstDist() const noexcept {
            constexpr double infinity = std::numeric_limits<double>::infinity();
            return full() ? std::nextafter(heap.front().distance * (1.0 + 1e-9), infinity) : infinity;
        }
        bool addPoint(double distance, std::size_t number) {
            const auto group = static_cast<std::uint32_t>(number);
            const std::uint32_t count = members(group);
            if (count == 0 || !(distance < worstDist())) return true;
            seen.push_back({distance, group});
            heap.push_back({distance, count});
            std::push_heap(heap.begin(), heap.end());
            total += count;
            while (total - heap.front().group >= k) {
                total -= heap.front().group;
                std::pop_heap(heap.begin(), heap.end());
                heap.pop_back();
            }
            return true;
        }
        void sort() const noexcept {}
    };

    std::unique_ptr<Points> points_;
    std::unique_ptr<Tree> tree_;
};

}  // namespace renn::inline RENN_ABI
