// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/dataset_examples.hpp - the samples for which a network says most of something: what is
// to be shown beside a picture that was made for it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <renn/attribution/explain.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/data/dataset.hpp>

namespace renn::inline RENN_ABI::maximisation {

/// A sample and the target's value of it.
struct Example {
    Index position = 0;
    double value = 0.0;
};

/// The target's value of every sample of a data set.
/// Throws   as the target.
/// Cost     a forward pass of each sample, 64 at a time.
template <class Net, class T>
std::vector<double> values_of(const Net& net, const Dataset<typename Net::Scalar>& data, const T& target) {
    using S = typename Net::Scalar;
    AttributionWorkspace<Net> workspace;
    Batch<S> x;
    std::vector<double> values;
    values.reserve(static_cast<std::size_t>(data.samples()));
    for (Index first = 0; first < data.samples(); first += 64) {
        data.inputs(first, std::min<Index>(64, data.samples() - first), x);
        forward_to(net, x, target, workspace);
        for (const S v : workspace.value) values.push_back(static_cast<double>(v));
    }
    return values;
}

/// All samples by value, the greatest first; of equal ones the first of the data set. NaN stands last.
inline std::vector<Example> ranked(const std::vector<double>& values) {
    std::vector<Example> all(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) all[i] = {static_cast<Index>(i), values[i]};
    std::stable_sort(all.begin(), all.end(), [](const Example& a, const Example& b) {
        return a.value > b.value || (a.value == a.value && b.value != b.value);
    });
    return all;
}

/// The `count` samples of greatest value: the maximum first, then down.
/// Source   "ActMax", Achtibat et al. (2023), "From attribution maps to human-understandable explanations".
inline std::vector<Example> strongest(const std::vector<double>& values, std::size_t count) {
    std::vector<Example> all = ranked(values);
    all.resize(std::min(count, all.size()));
    return all;
}

/// The `count` samples of least value: the minimum first, then up.
inline std::vector<Example> weakest(const std::vector<double>& values, std::size_t count) {
    std::vector<Example> all = ranked(values);
    std::reverse(all.begin(), all.end());
    all.resize(std::min(count, all.size()));
    return all;
}

/// `count` samples evenly spread over the ranking, from the greatest value to the least.
inline std::vector<Example> by_quantile(const std::vector<double>& values, std::size_t count) {
    const std::vector<Example> all = ranked(values);
    count = std::min(count, all.size());
    std::vector<Example> some;
    for (std::size_t i = 0; i < count; ++i) {
        some.push_back(all[count == 1 ? 0 : i * (all.size() - 1) / (count - 1)]);
    }
    return some;
}

}  // namespace renn::inline RENN_ABI::maximisation
