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
/// an inactive ReLU, are one point of the tree. Cost   build: radix sort and a tree over distinct values; memory 8
/// bytes a value and about 9 a distinct one; a search
///        O(log distinct).
struct KdTree {
    static constexpr std::string_view name = "KdTree";

    template <class S>
    class Locator {
    public:
        explicit Locator(const ColumnView<S>& column) : points_(std::make_unique<Points>()) {
            for (std::uint32_t i = 0; i < column.size; ++i) {
                if (i == 0 || column.at(i) != column.at(i - 1)) {
                    points_->first.push_back(i);
                    points_->value.push_back(column.at(i));
                }
            }
            if (points_->first.empty()) return;
            tree_ = std::make_unique<Tree>(1, *points_, nanoflann::KDTreeSingleIndexAdaptorParams(leaf));
            tree_->buildIndex();
        }

        /// Number of values below the query; the column must be without a hole.
        std::uint32_t position(const ColumnView<S>& column, double query) const {
            if (!tree_) return 0;
            std::uint32_t nearest = 0;
            double distance = 0.0;
            static_cast<void>(tree_->knnSearch(&query, 1, &nearest, &distance));  // newer ones do not let it go unseen
            const auto distinct = static_cast<std::uint32_t>(points_->first.size());
            // The nearest may lie on either side, and the tree's own sums may confuse two at one rounded distance.
            while (nearest > 0 && static_cast<double>(points_->value[nearest - 1]) >= query) --nearest;
            while (nearest < distinct && static_cast<double>(points_->value[nearest]) < query) ++nearest;
            return nearest < distinct ? points_->first[nearest] : column.size;
        }

        void prefetch(const ColumnView<S>&, double, int) const noexcept {}

        std::size_t bytes() const noexcept {
            const std::size_t distinct = points_->first.size();
            return distinct * (sizeof(std::uint32_t) + sizeof(S)) + (tree_ ? tree_->usedMemory(*tree_) : 0);
        }

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

        std::unique_ptr<Points> points_;
        std::unique_ptr<Tree> tree_;
    };
};

}  // namespace renn::inline RENN_ABI
