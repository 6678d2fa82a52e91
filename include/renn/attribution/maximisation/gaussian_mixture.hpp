// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/gaussian_mixture.hpp - how likely a picture is, by one of several normal distributions.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/attribution/maximisation/gaussian_expert.hpp>
#include <renn/attribution/target.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI::maximisation {

/// log sum_k w_k N(x; m_k, C_k). A Target: on_picture(mixture).
/// Cost     that of every part.
template <class S>
class GaussianMixture {
public:
    /// Throws ShapeError unless there is one weight a part; DataError for none, or for weights that do not add to 1.
    GaussianMixture(std::vector<GaussianExpert<S>> parts, std::vector<double> weights)
        : parts_(std::move(parts)), weights_(std::move(weights)) {
        if (parts_.empty()) detail::raise<DataError>("GaussianMixture", "parts", "0", "1 or more");
        if (parts_.size() != weights_.size()) {
            detail::raise<ShapeError>("GaussianMixture", "weights", std::to_string(weights_.size()),
                                      std::to_string(parts_.size()) + ", one a part");
        }
        double sum = 0.0;
        bool positive = true;
        for (const double w : weights_) {
            sum += w;
            positive = positive && w > 0.0;
        }
        if (!positive || !(std::abs(sum - 1.0) < 1e-6)) {
            detail::raise<DataError>("GaussianMixture", "weights", "sum " + std::to_string(sum),
                                     "each above 0, and 1 together");
        }
    }

    /// One part for each class (0, 1, ...) that has samples, weighing as many as it has.
    static GaussianMixture of_classes(const BatchView<S>& x, std::span<const std::int32_t> labels,
                                      double shrinkage = 1e-2) {
        if (static_cast<Index>(labels.size()) != x.cols()) {
            detail::raise<ShapeError>("GaussianMixture::of_classes", "labels", std::to_string(labels.size()),
                                      std::to_string(x.cols()) + ", one a sample");
        }
        std::vector<std::vector<Index>> members;
        for (std::size_t i = 0; i < labels.size(); ++i) {
            if (labels[i] < 0) {
                detail::raise<DataError>("GaussianMixture::of_classes", "label", std::to_string(labels[i]),
                                         "0 or more");
            }
            const auto label = static_cast<std::size_t>(labels[i]);
            if (label >= members.size()) members.resize(label + 1);
            members[label].push_back(static_cast<Index>(i));
        }
        std::vector<GaussianExpert<S>> parts;
        std::vector<double> weights;
        for (const std::vector<Index>& of_class : members) {
            if (of_class.empty()) continue;
            parts.push_back(GaussianExpert<S>::fit(x(Eigen::all, of_class), shrinkage));
            weights.push_back(static_cast<double>(of_class.size()) / static_cast<double>(labels.size()));
        }
        return GaussianMixture(std::move(parts), std::move(weights));
    }

    const std::vector<GaussianExpert<S>>& parts() const noexcept { return parts_; }

    /// See Target. The slope is that of the parts, each by how likely the picture is its own.
    void operator()(const BatchView<S>& x, Column<S>& value, Batch<S>& slope) const {
        detail::shape_target<S>(x, value, slope);
        std::vector<Column<S>> values(parts_.size());
        std::vector<Batch<S>> slopes(parts_.size());
        for (std::size_t k = 0; k < parts_.size(); ++k) {
            parts_[k](x, values[k], slopes[k]);
            values[k].array() += static_cast<S>(std::log(weights_[k]));
        }
        slope.setZero();
        for (Index j = 0; j < x.cols(); ++j) {
            S top = values[0][j], sum = 0;
            for (const Column<S>& v : values) top = std::max(top, v[j]);
            for (const Column<S>& v : values) sum += std::exp(v[j] - top);
            value[j] = top + std::log(sum);
            for (std::size_t k = 0; k < parts_.size(); ++k) {
                slope.col(j) += std::exp(values[k][j] - value[j]) * slopes[k].col(j);
            }
        }
    }

private:
    std::vector<GaussianExpert<S>> parts_;
    std::vector<double> weights_;
};

}  // namespace renn::inline RENN_ABI::maximisation
