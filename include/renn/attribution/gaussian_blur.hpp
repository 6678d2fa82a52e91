// SPDX-License-Identifier: MIT
// renn/attribution/gaussian_blur.hpp - pictures without their fine detail.
#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/shape.hpp>

namespace renn::inline RENN_ABI::detail {

/// Throws ShapeError unless so many features are an image of this shape.
inline void require_image(const char* where, const Shape& image, Index features) {
    if (image.size() != features || features == 0) {
        raise<ShapeError>(where, "image", image.text(), std::to_string(features) + " features");
    }
}

/// Blurs pictures by a normal density of this deviation, in pixels, over three deviations to each side; beyond the
/// border the last pixel goes on. Used again for a deviation that is no greater it allocates nothing.
template <class S>
class GaussianBlur {
public:
    explicit GaussianBlur(const Shape& image) : image_(image), once_(image.size()) {}

    /// In place, each column a picture. A deviation of 0 leaves them as they are.
    void operator()(Eigen::Ref<Batch<S>> pictures, double deviation) {
        if (deviation == 0.0) return;
        const auto reach = static_cast<Index>(std::ceil(3.0 * deviation));
        weights_.clear();
        double all = 0.0;
        for (Index d = -reach; d <= reach; ++d) {
            const double at = static_cast<double>(d) / deviation;
            weights_.push_back(std::exp(-0.5 * at * at));
            all += weights_.back();
        }
        for (Index j = 0; j < pictures.cols(); ++j) {
            S* picture = pictures.data() + j * pictures.outerStride();
            along(picture, once_.data(), reach, all, 0, 1);
            along(once_.data(), picture, reach, all, 1, 0);
        }
    }

private:
    void along(const S* x, S* out, Index reach, double all, Index down, Index right) const {
        const auto inside = [](Index at, Index size) { return at < 0 ? 0 : at >= size ? size - 1 : at; };
        for (Index c = 0; c < image_.channels; ++c) {
            for (Index p = 0; p < image_.positions(); ++p) {
                const Index row = p / image_.width, column = p % image_.width;
                double sum = 0.0;
                for (Index d = -reach; d <= reach; ++d) {
                    sum += weights_[static_cast<std::size_t>(d + reach)] *
                           static_cast<double>(x[image_.at(c, inside(row + d * down, image_.height),
                                                           inside(column + d * right, image_.width))]);
                }
                out[c * image_.positions() + p] = static_cast<S>(sum / all);
            }
        }
    }

    Shape image_;
    Column<S> once_;
    std::vector<double> weights_;
};

}  // namespace renn::inline RENN_ABI::detail
