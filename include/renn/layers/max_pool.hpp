// SPDX-License-Identifier: MIT
// renn/layers/max_pool.hpp - the largest value under a window.
#pragma once

#include <algorithm>
#include <concepts>
#include <limits>
#include <string>
#include <string_view>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/shape.hpp>
#include <renn/layers/pool.hpp>
#include <renn/layers/window.hpp>

namespace renn::inline RENN_ABI {

/// The largest value under each window; values of the padding take no part.
///
/// Shapes   X: (channels, height, width) x n with the width fastest; Y: as Conv2d's, with the channels of X.
/// Throws   DataError for impossible options; ShapeError if the kernel is larger than the padded input or an argument
///          does not fit.
/// Ties     the first of equal values, row after row, wins: the gradient goes there alone. A NaN beats every number, so
///          an error upstream is not hidden; the first one wins. -0 and +0 are equal.
/// Cost     O(kernel) a value of Y. Winners are found again from x where they are needed: that is as fast as to write
///          them down.
template <std::floating_point S = float>
class MaxPool2d : public detail::PoolLayer<S> {
    using Base = detail::PoolLayer<S>;

public:
    using typename Base::Cache;
    using typename Base::Parameters;
    static constexpr std::string_view name = "MaxPool2d";

    explicit MaxPool2d(const Shape& input, const PoolOptions& options = {}) : Base(input, options) { check(); }
    /// Without sizes yet; for loading.
    MaxPool2d() = default;

    void forward(const Parameters&, const BatchView<S>& x, Batch<S>& y, Cache&, const Pass&) const {
        Base::require_in(where, x);
        detail::reshape(y, Base::out_features(), x.cols());
        for (Index j = 0; j < x.cols(); ++j) {
            const S* from = x.col(j).data();
            S* to = y.col(j).data();
            if (quarters()) {
                for_each_pair_of_rows([&](Index in, Index out, Index n) {
                    take_row(from + in, from + in + window_.in.width, to + out, n);
                });
            } else {
                largest(from, to);
            }
        }
    }

    template <class Dx, class G>
    void backward(const Parameters&, const BatchView<S>& x, const BatchView<S>&, const Cache&, const BatchView<S>& dy,
                  Dx& dx, G&) const {
        Base::require_in(where, x);
        Base::require_out(where, dy, x.cols());
        if constexpr (is_wanted<Dx>) {
            detail::reshape(dx, x.rows(), x.cols());
            dx.setZero();
            for (Index j = 0; j < x.cols(); ++j) {
                const S* above = dy.col(j).data();
                S* below = dx.col(j).data();
                if (quarters()) {
                    const S* in = x.col(j).data();
                    const Index width = window_.in.width;
                    for_each_pair_of_rows([&](Index i, Index o, Index n) {
                        send_row(in + i, in + i + width, above + o, below + i, below + i + width, n);
                    });
                } else {
                    for_each_winner(x.col(j).data(), [&](Index place, Index winner) { below[winner] += above[place]; });
                }
            }
        }
    }

    template <class Dw>
    void tangent(const Parameters&, const Dw&, const BatchView<S>& x, const BatchView<S>& dx, const BatchView<S>&,
                 const Cache&, Batch<S>& dy) const {
        Base::require_in(where, x);
        detail::require_shape(where, "dx", dx, x.rows(), x.cols());
        detail::reshape(dy, Base::out_features(), x.cols());
        for (Index j = 0; j < x.cols(); ++j) {
            for_each_winner(x.col(j).data(), [&](Index place, Index winner) { dy(place, j) = dx(winner, j); });
        }
    }

    /// The winners stay where they are.
    template <class Dw, class Dx, class G>
    void backward_tangent(const Parameters& w, const Dw&, const BatchView<S>& x, const BatchView<S>&,
                          const BatchView<S>& y, const Cache& cache, const BatchView<S>&,
                          const BatchView<S>& above_tangent, Dx& dx_tangent, G& g) const {
        backward(w, x, y, cache, above_tangent, dx_tangent, g);
    }

    void check() const { Base::check(where); }
    std::string describe() const { return Base::describe(name); }

private:
    static constexpr const char* where = "MaxPool2d";
    using Base::window_;

    /// One of two results: the first if `next` does not beat `kept`. Compilers make packets of this form.
    static S pick(S kept, S next, S if_kept, S if_next) {
        return next <= kept ? if_kept : kept != kept ? if_kept : if_next;
    }
    static S larger(S kept, S next) { return pick(kept, next, kept, next); }

    /// The usual case: windows of 2 x 2 side by side.
    bool quarters() const noexcept {
        return window_.kernel == Size2(2) && window_.stride == Size2(2) && window_.padding == Size2(0);
    }

    /// Calls f(first row of x, first row of y, values in it) for every row of y.
    template <class F>
    void for_each_pair_of_rows(F&& f) const {
        const Shape in = window_.in, out = Base::output_shape();
        for (Index c = 0; c < in.channels; ++c) {
            for (Index row = 0; row < out.height; ++row) f(in.at(c, 2 * row, 0), out.at(c, row, 0), out.width);
        }
    }
    static void take_row(const S* top, const S* bottom, S* y, Index n) {
        for (Index i = 0; i < n; ++i) {
            const S a = top[2 * i], b = top[2 * i + 1], c = bottom[2 * i], d = bottom[2 * i + 1];
            y[i] = larger(larger(a, b), larger(c, d));
        }
    }
    /// In two steps, through rows that overlap with nothing: so compilers make packets of it.
    static void send_row(const S* top, const S* bottom, const S* dy, S* dx_top, S* dx_bottom, Index n) {
        constexpr Index block = 32;
        S to_a[block], to_b[block], to_c[block], to_d[block];
        for (Index first = 0; first < n; first += block, top += 2 * block, bottom += 2 * block, dy += block) {
            const Index count = std::min(block, n - first);
            for (Index i = 0; i < count; ++i) {
                const S a = top[2 * i], b = top[2 * i + 1], c = bottom[2 * i], d = bottom[2 * i + 1], above = dy[i];
                const S upper = larger(a, b), lower = larger(c, d);
                const S to_upper = pick(upper, lower, above, S(0)), to_lower = pick(upper, lower, S(0), above);
                to_a[i] = pick(a, b, to_upper, S(0));
                to_b[i] = pick(a, b, S(0), to_upper);
                to_c[i] = pick(c, d, to_lower, S(0));
                to_d[i] = pick(c, d, S(0), to_lower);
            }
            interleave(to_a, to_b, dx_top + 2 * first, count);
            interleave(to_c, to_d, dx_bottom + 2 * first, count);
        }
    }
    static void interleave(const S* even, const S* odd, S* to, Index n) {
        for (Index i = 0; i < n; ++i) {
            to[2 * i] = even[i];
            to[2 * i + 1] = odd[i];
        }
    }

    /// y of one sample for any window: tap after tap, so that runs of places are compared side by side.
    void largest(const S* x, S* y) const {
        const Shape in = window_.in, out = Base::output_shape();
        std::fill_n(y, out.size(), -std::numeric_limits<S>::infinity());
        window_.for_each_run([&](Index at, Index count, Index from) {
            for (Index c = 0; c < in.channels; ++c) {
                const S* source = x + c * in.positions() + from;
                S* to = y + c * out.positions() + at;
                for (Index i = 0; i < count; ++i) to[i] = larger(to[i], source[i * window_.stride.width]);
            }
        });
    }

    /// Calls f(row of y, row of x that won it) in the order of y.
    template <class F>
    void for_each_winner(const S* x, F&& f) const {
        const Shape in = window_.in, out = Base::output_shape();
        for (Index c = 0, place = 0; c < out.channels; ++c) {
            for (Index row = 0; row < out.height; ++row) {
                const Index top = row * window_.stride.height - window_.padding.height;
                const Index first = std::max<Index>(top, 0), last = std::min(top + window_.kernel.height, in.height);
                for (Index column = 0; column < out.width; ++column, ++place) {
                    const Index left = column * window_.stride.width - window_.padding.width;
                    const Index begin = std::max<Index>(left, 0), end = std::min(left + window_.kernel.width, in.width);
                    Index best = in.at(c, first, begin);
                    for (Index v = first; v < last; ++v) {
                        for (Index i = in.at(c, v, begin); i < in.at(c, v, end); ++i) {
                            if (!(x[i] <= x[best]) && x[best] == x[best]) best = i;
                        }
                    }
                    f(place, best);
                }
            }
        }
    }
};

}  // namespace renn::inline RENN_ABI
