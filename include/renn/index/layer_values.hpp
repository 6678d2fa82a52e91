// SPDX-License-Identifier: MIT
// renn/index/layer_values.hpp - what a whole layer did for every sample, as one matrix.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/tracing/derivation.hpp>
#include <renn/tracing/pages.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI {

/// Samples x width, column-major: a column has one neuron's value, or one of a neuron's values, for every sample.
/// Copies share the values, which do not change.
template <class S>
class LayerValues {
public:
    using Scalar = S;
    using View = Eigen::Map<const Batch<S>, Eigen::Unaligned, Eigen::OuterStride<>>;

    /// Somebody else's values; `owner`, if given, keeps them alive.
    LayerValues(const S* data, Index samples, Index width, Index stride, std::shared_ptr<const void> owner = {})
        : data_(data), samples_(samples), width_(width), stride_(stride), owner_(std::move(owner)) {}

    /// Its own values, one sample a column as everywhere: they are transposed.
    explicit LayerValues(const BatchView<S>& x) : LayerValues(nullptr, x.cols(), x.rows(), x.cols()) {
        auto own = std::make_shared<detail::Pages<S>>(static_cast<std::size_t>(x.size()));
        Eigen::Map<Batch<S>>(own->data(), samples_, width_) = x.transpose();
        data_ = own->data();
        owner_ = std::move(own);
    }

    Index samples() const noexcept { return samples_; }
    Index width() const noexcept { return width_; }
    Index stride() const noexcept { return stride_; }
    const S* column(Index c) const noexcept { return data_ + c * stride_; }
    View matrix() const noexcept { return View(data_, samples_, width_, Eigen::OuterStride<>(stride_)); }
    S at(Index sample, Index c) const noexcept { return column(c)[sample]; }

private:
    const S* data_;
    Index samples_, width_, stride_;
    std::shared_ptr<const void> owner_;
};

/// The values of a recorded place: the store's own where they lie there as a matrix, else copied or, for a
/// post-activation that is not stored, recomputed. The store must outlive what is its own.
template <class Store>
LayerValues<typename Store::Scalar> layer_values(const Store& store, std::uint32_t point,
                                                 const Derivation<typename Store::Scalar>& derivation) {
    using S = typename Store::Scalar;
    const Point& place = store.points[point];
    const auto from = place.stored() ? point : static_cast<std::uint32_t>(place.derived_from);
    const Index n = store.samples(), width = place.columns(), dimensions = place.dimensions();
    std::vector<S> scratch;
    const auto column = [&](Index c) {
        const Unit unit{from, static_cast<std::uint32_t>(c / dimensions)};
        return store.values(unit, c % dimensions, scratch).data();
    };
    if (place.stored() && width > 0 && n > 0) {
        const S* first = column(0);
        const Index stride = width > 1 ? column(1) - first : n;
        Index c = 1;
        while (c < width && stride >= n && column(c) == first + c * stride) ++c;
        if (c == width && column(0) != scratch.data()) return LayerValues<S>(first, n, width, stride);
    }
    auto own = std::make_shared<detail::Pages<S>>(static_cast<std::size_t>(n * width));
    for (Index c = 0; c < width; ++c) {
        const S* in = column(c);
        S* out = own->data() + c * n;
        if (place.stored()) {
            std::copy_n(in, n, out);
        } else {
            derivation.apply(derivation.layer, in, out, n);
        }
    }
    const S* data = own->data();
    return LayerValues<S>(data, n, width, n, std::move(own));
}

}  // namespace renn::inline RENN_ABI
