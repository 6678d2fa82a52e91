// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/code_space.hpp - how much of a data set a code space can show.
#pragma once

#include <algorithm>
#include <cmath>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI::maximisation {

/// The root of the mean squared difference between samples and what a code space makes of them: how much a picture
/// found there can be trusted, as it shows only what the decoder can.
///
/// Throws   ShapeError unless the decoder gives back what the encoder took; DataError for no samples.
template <class Encoder, class Decoder>
double reconstruction_error(const Encoder& encoder, const Decoder& decoder,
                            const BatchView<typename Encoder::Scalar>& x) {
    if (x.size() == 0) detail::raise<DataError>("reconstruction_error", "samples", "0", "1 or more");
    double sum = 0.0;
    for (Index first = 0; first < x.cols(); first += 64) {
        const auto part = x.middleCols(first, std::min<Index>(64, x.cols() - first));
        const auto back = decoder.predict(encoder.predict(part));
        detail::require_shape("reconstruction_error", "decoded", back, x.rows(), part.cols());
        sum += (back - part).template cast<double>().squaredNorm();
    }
    return std::sqrt(sum / static_cast<double>(x.size()));
}

}  // namespace renn::inline RENN_ABI::maximisation
