// SPDX-License-Identifier: MIT
// benchmarks/nanoflann_tree.hpp - nanoflann as one would use it without renn: a tree over a neuron's values as they
// come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <nanoflann.hpp>

namespace renn::benchmarks {

class NanoflannTree {
public:
    explicit NanoflannTree(std::span<const float> values)
        : values_{values}, tree_(1, values_, nanoflann::KDTreeSingleIndexAdaptorParams(10)) {
        tree_.buildIndex();
    }
    NanoflannTree(const NanoflannTree&) = delete;
    NanoflannTree& operator=(const NanoflannTree&) = delete;

    std::size_t nearest(float query, std::size_t k, std::uint32_t* samples, float* distances) const {
        return tree_.knnSearch(&query, k, samples, distances);
    }

private:
    struct Values {
        std::span<const float> values;
        std::size_t kdtree_get_point_count() const { return values.size(); }
        float kdtree_get_pt(std::size_t i, std::size_t) const { return values[i]; }
        template <class Box>
        bool kdtree_get_bbox(Box&) const {
            return false;
        }
    };
    Values values_;
    nanoflann::KDTreeSingleIndexAdaptor<nanoflann::L2_Simple_Adaptor<float, Values>, Values, 1, std::uint32_t> tree_;
};

}  // namespace renn::benchmarks
