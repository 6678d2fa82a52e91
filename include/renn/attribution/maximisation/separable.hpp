// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/separable.hpp - a linear map of images that treats rows and columns one after another.
#pragma once

#include <cstddef>

#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>

namespace renn::inline RENN_ABI::maximisation {

/// Each channel of an image as a matrix X of width x height (a row of the image is a column of X): Y = A X B^T.
template <class S>
struct Separable {
    Batch<S> across;  ///< A: new width x width
    Batch<S> down;    ///< B: new height x height

    /// Adds the images of `x` (count of them, one behind the other) after the map to `y`. `scratch` is room to work in.
    void add(const S* x, S* y, Index count, Batch<S>& scratch) const {
        const Index w = across.rows(), h = down.rows(), from_w = across.cols(), from_h = down.cols();
        detail::reshape(scratch, w, from_h * count);
        scratch.setZero();
        canonical::accumulate<false>(across.data(), w, x, Index{1}, from_w, scratch.data(), w, w, from_w,
                                     from_h * count);
        for (Index i = 0; i < count; ++i) {
            canonical::accumulate<false>(scratch.data() + i * w * from_h, w, down.data(), h, Index{1}, y + i * w * h, w,
                                         w, from_h, h);
        }
    }

    /// The transpose: adds A^T Y B of each image.
    void add_transposed(const S* y, S* x, Index count, Batch<S>& scratch) const {
        const Index w = across.rows(), h = down.rows(), from_w = across.cols(), from_h = down.cols();
        detail::reshape(scratch, from_w, h * count);
        scratch.setZero();
        canonical::accumulate<true>(across.data(), w, y, Index{1}, w, scratch.data(), from_w, from_w, w, h * count);
        for (Index i = 0; i < count; ++i) {
            canonical::accumulate<false>(scratch.data() + i * from_w * h, from_w, down.data(), Index{1}, h,
                                         x + i * from_w * from_h, from_w, from_w, h, from_h);
        }
    }
};

}  // namespace renn::inline RENN_ABI::maximisation
