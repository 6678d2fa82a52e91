// SPDX-License-Identifier: MIT
// renn/layers/average_pool.hpp - the mean value under a window, or of a whole channel.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/shape.hpp>
#include <renn/layers/pool.hpp>
#include <renn/layers/window.hpp>

namespace renn::inline RENN_ABI {

/// The mean of the values under each window or, if Global, of a whole channel; used by the names AvgPool2d and
/// GlobalAvgPool.
///
/// Shapes   X: (channels, height, width) x n with the width fastest; Y as MaxPool2d's, or channels x n.
/// Throws   as MaxPool2d.
/// Numbers  values are added row after row, from 0, then divided by the size of the kernel: zeros of the padding count,
///          as PyTorch does unless told otherwise.
template <std::floating_point S, bool Global>
class AveragePool : public detail::PoolLayer<S> {
    using Base = detail::PoolLayer<S>;

public:
    using typename Base::Cache;
    using typename Base::Parameters;
    static constexpr std::string_view name = Global ? "GlobalAvgPool" : "AvgPool2d";

    explicit AveragePool(const Shape& input, const PoolOptions& options = {}) requires(!Global) : Base(input, options) {
        check();
    }
    explicit AveragePool(const Shape& input) requires(Global)
        : Base(input, {.kernel = Size2(input.height, input.width)}) {
        check();
    }
    /// Without sizes yet; for loading.
    AveragePool() = default;

    void forward(const Parameters& w, const BatchView<S>& x, Batch<S>& y, Cache&, const Pass&) const { map(w, x, y); }

    template <class Dx, class G>
    void backward(const Parameters& w, const BatchView<S>& x, const BatchView<S>&, const Cache&, const BatchView<S>& dy,
                  Dx& dx, G&) const {
        Base::require_in(where, x);
        Base::require_out(where, dy, x.cols());
        if constexpr (is_wanted<Dx>) map_transposed(w, dy, dx);
    }

    void map(const Parameters&, const BatchView<S>& x, Batch<S>& y) const {
        Base::require_in(where, x);
        detail::reshape(y, Base::out_features(), x.cols());
        y.setZero();
        const S one = 1;
        for (Index j = 0; j < x.cols(); ++j) {
            if constexpr (Global) {
                canonical::accumulate<true>(x.col(j).data(), window_.taps(), &one, Index{0}, Index{0}, y.col(j).data(),
                                            y.rows(), y.rows(), window_.taps(), Index{1});
            } else {
                for_each_run([&](Index place, Index from, Index count) {
                    for (Index i = 0; i < count; ++i) y(place + i, j) += x(from + i * window_.stride.width, j);
                });
            }
        }
        y /= static_cast<S>(window_.taps());
    }

    void map_transposed(const Parameters&, const BatchView<S>& y, Batch<S>& x) const {
        Base::require_out(where, y, y.cols());
        detail::reshape(x, Base::in_features(), y.cols());
        x.setZero();
        for (Index j = 0; j < y.cols(); ++j) {
            for_each_run([&](Index place, Index from, Index count) {
                for (Index i = 0; i < count; ++i) x(from + i * window_.stride.width, j) += y(place + i, j);
            });
        }
        x /= static_cast<S>(window_.taps());
    }

    template <class Dw>
    void tangent(const Parameters& w, const Dw&, const BatchView<S>&, const BatchView<S>& dx, const BatchView<S>&,
                 const Cache&, Batch<S>& dy) const {
        map(w, dx, dy);
    }
    template <class Dw, class Dx, class G>
    void backward_tangent(const Parameters& w, const Dw&, const BatchView<S>& x, const BatchView<S>&,
                          const BatchView<S>& y, const Cache& cache, const BatchView<S>&,
                          const BatchView<S>& above_tangent, Dx& dx_tangent, G& g) const {
        backward(w, x, y, cache, above_tangent, dx_tangent, g);
    }

    void check() const {
        Base::check(where);
        const Size2 whole(window_.in.height, window_.in.width);
        if (Global && (window_.kernel != whole || window_.padding != Size2(0))) {
            detail::raise<ShapeError>(where, "kernel and padding",
                                      window_.kernel.text() + " and " + window_.padding.text(),
                                      whole.text() + " and 0 x 0, the size of the input");
        }
    }
    std::string describe() const { return Base::describe(name); }

private:
    static constexpr const char* where = Global ? "GlobalAvgPool" : "AvgPool2d";
    using Base::window_;

    /// Calls f(row of y, row of x, count), tap after tap; rows of x are a stride apart.
    template <class F>
    void for_each_run(F&& f) const {
        const Shape in = window_.in, out = Base::output_shape();
        window_.for_each_run([&](Index at, Index count, Index from) {
            for (Index c = 0; c < in.channels; ++c) f(c * out.positions() + at, c * in.positions() + from, count);
        });
    }
};

/// AvgPool2d<float>(Shape{16, 28, 28}, {.kernel = 2}).
template <std::floating_point S = float>
using AvgPool2d = AveragePool<S, false>;

/// GlobalAvgPool<float>(Shape{32, 7, 7}): 32 values a sample.
template <std::floating_point S = float>
using GlobalAvgPool = AveragePool<S, true>;

}  // namespace renn::inline RENN_ABI
