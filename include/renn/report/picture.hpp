// SPDX-License-Identifier: MIT
// renn/report/picture.hpp - a sample or a blend of samples as a picture for a page.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/shape.hpp>
#include <renn/report/png.hpp>

namespace renn::inline RENN_ABI {

/// A picture that carries itself: `uri` goes into <img src="...">.
struct Picture {
    std::string uri = {};
    Index width = 0, height = 0;

    bool empty() const noexcept { return uri.empty(); }
};

/// One column of inputs as a grey or red-green-blue picture; empty for inputs that are no pictures.
///
/// Shapes   values: channels x height x width, channel-major, as a data set has them.
/// Units    0 black to 1 full; what lies outside is shown as the nearer of the two, NaN as black.
/// Throws   ShapeError if the values do not have the shape's size; DataError for other than 1 or 3 channels.
template <class D>
Picture picture(const Eigen::MatrixBase<D>& values, const Shape& shape) {
    static_assert(std::floating_point<typename D::Scalar>, "renn::picture: values must be floating-point, 0 to 1");
    if (shape.unknown()) return {};
    detail::require_shape("picture", "values", values, shape.channels * shape.height * shape.width, 1);
    const Index area = shape.height * shape.width;
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(values.size()));
    for (Index i = 0; i < values.size(); ++i) {
        const auto value = static_cast<double>(values(i, 0));
        const double byte = value > 0.0 ? std::round(255.0 * std::min(value, 1.0)) : 0.0;
        const Index at = i % area * shape.channels + i / area;  // channels side by side
        pixels[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(byte);
    }
    const auto channels = static_cast<int>(std::min<Index>(shape.channels, 4));
    return {data_uri(png(pixels, shape.width, shape.height, channels)), shape.width, shape.height};
}

}  // namespace renn::inline RENN_ABI
