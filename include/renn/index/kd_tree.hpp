// SPDX-License-Identifier: MIT
// renn/index/kd_tree.hpp - finds a value's place with nanoflann's KD-tree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <nanoflann.hpp>

#include <renn/index/column.hpp>

namespace renn::inline RENN_ABI {

/// Index policy: a one-dimensional KD-tree with the L1 metric over the distinct values of a neuron. The tree finds the
/// nearest distinct value; the k nearest samples lie around it in the sorted order. Thousands of equal values, behind
/// an inactive ReLU, are one point of the tree.
///
/// Cost   build: radix sort and a tree over distinct values; memory 8 bytes a value and about 9 a distinct one; a
///        search O(log distinct).
struct KdTree {
    static constexpr std::string_view name = "KdTree";

    template <class S>
    class Locator {
    public:
        explicit Locator(const ColumnView<S>& column) {
            const auto points = std::make_shared<Points>();
            for (std::uint32_t i = 0; i < column.size; ++i) {
                if (i == 0 || column.values[i] != column.values[i - 1]) {
                    points->first.push_back(i);
                    points->value.push_back(column.values[i]);
                }
            }
            points_ = points;
            if (points->first.empty()) return;
            tree_ = std::make_shared<Tree>(1, *points, nanoflann::KDTreeSingleIndexAdaptorParams(leaf));
            tree_->buildIndex();
            bytes_ = points->first.size() * (sizeof(std::uint32_t) + sizeof(S)) + tree_->usedMemory(*tree_);
        }

        /// Of the same values seen otherwise: the tree is shared.
        Locator(const ColumnView<S>&, const Locator& source) : points_(source.points_), tree_(source.tree_) {}

        /// Number of values below the query; the column must be without a hole.
        std::uint32_t position(const ColumnView<S>& column, double query) const {
            const S least = column.least(query);
            if (!tree_ || !(points_->value.front() < least)) return 0;
            if (points_->value.back() < least) return column.size;
            std::uint32_t nearest = 0;
            double distance = 0.0;
            const auto wanted = static_cast<double>(least);
            static_cast<void>(tree_->knnSearch(&wanted, 1, &nearest, &distance));  // newer ones do not let it go unseen
            // The nearest may lie on either side, and the tree's own sums may confuse two at one rounded distance.
            while (nearest > 0 && points_->value[nearest - 1] >= least) --nearest;
            while (points_->value[nearest] < least) ++nearest;
            return points_->first[nearest];
        }

        std::size_t bytes() const noexcept { return bytes_; }

    private:
        static constexpr std::size_t leaf = 64;

        struct Points {
            std::vector<std::uint32_t> first;  ///< sorted place where a distinct value begins
            std::vector<S> value;

            std::size_t kdtree_get_point_count() const noexcept { return first.size(); }
            double kdtree_get_pt(std::size_t i, std::size_t) const noexcept { return static_cast<double>(value[i]); }
            template <class Box>
            bool kdtree_get_bbox(Box&) const noexcept {
                return false;
            }
        };
        using Tree = nanoflann::KDTreeSingleIndexAdaptor<nanoflann::L1_Adaptor<double, Points, double>, Points, 1>;

        std::shared_ptr<const Points> points_;
        std::shared_ptr<Tree> tree_;
        std::size_t bytes_ = 0;  ///< what this one made itself
    };
};

}  // namespace renn::inline RENN_ABI
