// SPDX-License-Identifier: MIT
// support/evaluation.hpp - how well a network reads digits, and which of them to look at.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <renn/data/dataset.hpp>
#include <renn/network/layer_sequence.hpp>
#include <renn/report/html.hpp>
#include <renn/training/evaluate.hpp>

#include "mnist.hpp"
#include "watch.hpp"

inline std::string count_text(std::int64_t n) {
    return renn::html::grouped(static_cast<std::uint64_t>(n));
}

template <class Net>
std::vector<std::int32_t> predictions(const Net& net, const renn::Dataset<float>& data) {
    std::vector<std::int32_t> predicted;
    renn::Workspace<Net> workspace;
    renn::Batch<float> x;
    for (renn::Index first = 0; first < data.samples(); first += 64) {
        data.inputs(first, std::min<renn::Index>(64, data.samples() - first), x);
        const auto& y = net.forward(x, workspace);
        for (renn::Index j = 0; j < y.cols(); ++j) predicted.push_back(renn::predicted_class(y.col(j)));
    }
    return predicted;
}

inline double part_correct(const renn::Dataset<float>& test, const std::vector<std::int32_t>& predicted) {
    std::int64_t correct = 0;
    for (renn::Index i = 0; i < test.samples(); ++i) correct += predicted[static_cast<std::size_t>(i)] == test.label(i);
    return static_cast<double>(correct) / static_cast<double>(test.samples());
}

/// Positions to look at: half of them misclassified as far as there are any, these first; of either sort a digit of
/// each class before the second of one.
inline std::vector<renn::Index> choose(const renn::Dataset<float>& test, const std::vector<std::int32_t>& predicted,
                                       std::size_t count) {
    std::vector<renn::Index> wrong, right;
    for (renn::Index i = 0; i < test.samples(); ++i) {
        (predicted[static_cast<std::size_t>(i)] == test.label(i) ? right : wrong).push_back(i);
    }
    for (auto* group : {&wrong, &right}) {
        std::vector<int> seen(static_cast<std::size_t>(test.classes()), 0);
        std::vector<std::pair<int, renn::Index>> order;
        for (const renn::Index i : *group) order.emplace_back(seen[static_cast<std::size_t>(test.label(i))]++, i);
        std::sort(order.begin(), order.end());
        for (std::size_t i = 0; i < order.size(); ++i) (*group)[i] = order[i].second;
    }
    count = std::min(count, wrong.size() + right.size());
    const std::size_t from_right = std::min(right.size(), count - std::min(wrong.size(), (count + 1) / 2));
    wrong.resize(count - from_right);
    wrong.insert(wrong.end(), right.begin(), right.begin() + static_cast<std::ptrdiff_t>(from_right));
    return wrong;
}

inline std::string data_text(const mnist::Digits& digits) {
    return std::string(digits.whole() ? "MNIST: " : "a part of MNIST: ") + count_text(digits.available_train) +
           " training and " + count_text(digits.available_test) + " test images";
}

/// "MNIST, 60,000 + 10,000": what of it is used.
inline std::string data_fact(const mnist::Digits& digits) {
    return (digits.whole() ? "MNIST, " : "Part of MNIST, ") + count_text(digits.train.samples()) + " + " +
           count_text(digits.test.samples());
}
