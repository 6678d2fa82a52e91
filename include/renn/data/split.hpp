// SPDX-License-Identifier: MIT
// renn/data/split.hpp - a data set in two: to train with and to test with.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/rng.hpp>
#include <renn/data/dataset.hpp>

namespace renn::inline RENN_ABI {

/// How a data set is parted.
struct SplitOptions {
    double test = 0.2;        ///< part of the samples, 0..1
    std::uint64_t seed = 0;   ///< of the draw
    bool stratified = false;  ///< each class in the same proportion
};

/// The two parts of a data set.
template <class S>
struct Split {
    Dataset<S> train, test;
};

namespace detail {

/// How many of each group to take so that `total` are taken in all, each group's share rounded down or up: the largest
/// remainders are rounded up, of equal ones the first.
template <class Sizes>
std::vector<Index> apportion(const Sizes& sizes, Index total) {
    const Index all = std::accumulate(sizes.begin(), sizes.end(), Index{0});
    std::vector<Index> taken, order(sizes.size());
    std::vector<double> remainder;
    Index left = total;
    for (const Index size : sizes) {
        const double share =
            all > 0 ? static_cast<double>(size) * static_cast<double>(total) / static_cast<double>(all) : 0.0;
        taken.push_back(static_cast<Index>(share));
        remainder.push_back(share - static_cast<double>(taken.back()));
        left -= taken.back();
    }
    std::iota(order.begin(), order.end(), Index{0});
    std::sort(order.begin(), order.end(), [&](Index a, Index b) {
        const double left_over = remainder[static_cast<std::size_t>(a)], other = remainder[static_cast<std::size_t>(b)];
        return left_over != other ? left_over > other : a < b;
    });
    for (const Index g : order) {
        if (left-- > 0) ++taken[static_cast<std::size_t>(g)];
    }
    return taken;
}

}  // namespace detail

/// Draws round(test * samples) samples for the test set; the others are the training set. Both keep the data's order
/// (fit shuffles by itself), ids, tags, names and number of classes. Stratified, each class gives its share of the test
/// set, rounded down or up so that their sum is the same number.
///
/// Throws   DataError unless 0 <= test <= 1, or for stratified data without labels.
/// Cost     O(samples * features), a copy.
template <class S>
Split<S> train_test_split(const Dataset<S>& data, const SplitOptions& options = {}) {
    if (!(options.test >= 0.0 && options.test <= 1.0)) {
        detail::raise<DataError>("train_test_split", "test", std::to_string(options.test), "0..1");
    }
    if (options.stratified && !data.has_labels() && !data.empty()) {
        detail::raise<DataError>("train_test_split", "stratified", "data without labels", "labels");
    }
    std::vector<std::vector<Index>> groups(options.stratified ? static_cast<std::size_t>(data.classes()) : 1);
    for (Index i = 0; i < data.samples(); ++i) {
        groups[options.stratified ? static_cast<std::size_t>(data.label(i)) : 0].push_back(i);
    }
    std::vector<Index> sizes;
    for (const auto& group : groups) sizes.push_back(std::ssize(group));
    const auto wanted = static_cast<Index>(std::llround(options.test * static_cast<double>(data.samples())));
    const std::vector<Index> taken = detail::apportion(sizes, wanted);
    std::vector<char> drawn(static_cast<std::size_t>(data.samples()), 0);
    for (std::size_t g = 0; g < groups.size(); ++g) {
        Rng rng(mix(options.seed, g));
        shuffle(groups[g], rng);
        for (Index i = 0; i < taken[g]; ++i) {
            drawn[static_cast<std::size_t>(groups[g][static_cast<std::size_t>(i)])] = 1;
        }
    }
    std::vector<Index> train, test;
    for (Index i = 0; i < data.samples(); ++i) {
        (drawn[static_cast<std::size_t>(i)] != 0 ? test : train).push_back(i);
    }
    return {data.select(train), data.select(test)};
}

}  // namespace renn::inline RENN_ABI
