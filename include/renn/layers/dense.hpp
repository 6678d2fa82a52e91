// SPDX-License-Identifier: MIT
// renn/layers/dense.hpp - fully connected layer.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/layers/initialise.hpp>

namespace renn::inline RENN_ABI {

/// One type for every size, so that what only sees parameters is compiled once.
template <class S>
struct DenseParameters {
    Batch<S> weights;  ///< Out x In
    Column<S> bias;    ///< Out
    static constexpr std::array<std::string_view, 2> names{"weights", "bias"};
    auto blocks() noexcept { return std::tie(weights, bias); }
    auto blocks() const noexcept { return std::tie(weights, bias); }
};

namespace detail {

/// to += the sum of the columns, in ascending order.
template <class S>
void add_columns(const BatchView<S>& columns, S* to) {
    const auto add = [](const auto& p, const auto& q) { return Eigen::internal::padd(p, q); };
    for (Index j = 0; j < columns.cols(); ++j) {
        const S* from = columns.data() + j * columns.outerStride();
        canonical::combine(to, columns.rows(), add, static_cast<const S*>(to), from);
    }
}

}  // namespace detail

/// Fully connected layer, Y = W X + b, one sample per column.
///
/// Sizes in the type are for checking (a mismatch is a compile error), not for storage; left out, they are given to
/// the constructor.
///
/// Shapes   X: In x n, Y: Out x n, W: Out x In, b: Out x 1. An empty batch (n = 0) is valid.
/// Throws   ShapeError if an argument does not fit.
/// Cost     O(In Out n); allocates only when an output changes its size.
/// Numbers  every sum is canonical (core/canonical.hpp), in training as well: that kernel is as fast as Eigen's product
///          and takes a fifth of the time to compile.
/// Source   initial W: He et al. (2015) unless told otherwise; initial b: zero.
template <std::floating_point S = float, Index In = Dynamic, Index Out = Dynamic>
class Dense {
    static_assert((In == Dynamic) == (Out == Dynamic), "renn::Dense<Scalar, In, Out>: give both sizes or none");
    static_assert(In == Dynamic || (In >= 0 && Out >= 0), "renn::Dense<Scalar, In, Out>: sizes must not be negative");

public:
    using Scalar = S;
    static constexpr std::string_view name = "Dense";
    static constexpr bool connects_all = true;  ///< every input with every output
    static constexpr Index fixed_in = In;
    static constexpr Index fixed_out = Out;

    using Parameters = DenseParameters<S>;
    using Cache = NoCache;

    template <Initialiser<S> Init = He>
        requires(In != Dynamic)
    explicit Dense(const Init& init = {}) : Dense(Sizes{In, Out}, init) {}

    template <Initialiser<S> Init = He>
        requires(In == Dynamic)
    Dense(Index in_features, Index out_features, const Init& init = {})
        : Dense(Sizes{in_features, out_features}, init) {}

    /// Same seed, same weights on every platform: He{seed}.
    explicit Dense(std::uint64_t seed) requires(In != Dynamic) : Dense(He{seed}) {}
    Dense(Index in_features, Index out_features, std::uint64_t seed) requires(In == Dynamic)
        : Dense(in_features, out_features, He{seed}) {}

    /// From parameters that exist already; the sizes are theirs.
    explicit Dense(Parameters parameters)
        : in_(parameters.weights.cols()), out_(parameters.weights.rows()), parameters_(std::move(parameters)) {
        check();
        check(parameters_);
    }

    /// Without sizes yet; for loading.
    Dense() requires(In == Dynamic) = default;

    Index in_features() const noexcept { return in_; }
    Index out_features() const noexcept { return out_; }

    const Parameters& parameters() const noexcept { return parameters_; }
    Parameters& parameters() noexcept { return parameters_; }

    void forward(const Parameters& w, const BatchView<S>& x, Batch<S>& y, Cache&, const Pass&) const {
        check(w);
        detail::require_shape("Dense::forward", "x", x, in_, x.cols());
        detail::reshape(y, out_, x.cols());
        canonical::product<S>(w.weights, x, &w.bias, y);
    }

    template <class Dx, class G>
    void backward(const Parameters& w, const BatchView<S>& x, const BatchView<S>&, const Cache&, const BatchView<S>& dy,
                  Dx& dx, G& g) const {
        detail::require_shape("Dense::backward", "x", x, in_, x.cols());
        detail::require_shape("Dense::backward", "dy", dy, out_, x.cols());
        if constexpr (is_wanted<G>) {
            shape_gradient(g);
            canonical::outer_product<S>(dy, x, g.weights);
            sum_to_bias(dy, g);
        }
        if constexpr (is_wanted<Dx>) {
            map_transposed(w, dy, dx);
        }
    }

    /// dY = W dX + dW X + db.
    template <class Dw>
    void tangent(const Parameters& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx, const BatchView<S>&,
                 const Cache&, Batch<S>& dy) const {
        detail::require_shape("Dense::tangent", "x", x, in_, x.cols());
        detail::require_shape("Dense::tangent", "dx", dx, in_, x.cols());
        if constexpr (is_wanted<Dw>) {
            check(dw);
            detail::reshape(dy, out_, x.cols());
            canonical::product<S>(w.weights, dx, &dw.bias, dy);
            canonical::add_product<S>(dw.weights, x, dy);
        } else {
            map(w, dx, dy);
        }
    }

    /// With A above and A' its direction: dX' = W^T A' + dW^T A; of the weights A' X^T + A dX^T, of the bias A' summed.
    template <class Dw, class Dx, class G>
    void backward_tangent(const Parameters& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx,
                          const BatchView<S>&, const Cache&, const BatchView<S>& above,
                          const BatchView<S>& above_tangent, Dx& dx_tangent, G& g) const {
        detail::require_shape("Dense::backward_tangent", "x", x, in_, x.cols());
        detail::require_shape("Dense::backward_tangent", "dx", dx, in_, x.cols());
        detail::require_shape("Dense::backward_tangent", "above", above, out_, x.cols());
        detail::require_shape("Dense::backward_tangent", "above_tangent", above_tangent, out_, x.cols());
        if constexpr (is_wanted<G>) {
            shape_gradient(g);
            canonical::outer_product<S>(above_tangent, x, g.weights);
            canonical::add_outer_product<S>(above, dx, g.weights);
            sum_to_bias(above_tangent, g);
        }
        if constexpr (is_wanted<Dx>) {
            map_transposed(w, above_tangent, dx_tangent);
            if constexpr (is_wanted<Dw>) {
                check(dw);
                canonical::add_product_transposed<S>(dw.weights, above, dx_tangent);
            }
        }
    }

    /// y = W x with any parameters; the bias takes no part.
    void map(const Parameters& w, const BatchView<S>& x, Batch<S>& y) const {
        detail::require_shape("Dense::map", "x", x, w.weights.cols(), x.cols());
        detail::reshape(y, w.weights.rows(), x.cols());
        canonical::product<S>(w.weights, x, nullptr, y);
    }

    /// y = W^T x with any parameters.
    void map_transposed(const Parameters& w, const BatchView<S>& x, Batch<S>& y) const {
        detail::require_shape("Dense::map_transposed", "x", x, w.weights.rows(), x.cols());
        detail::reshape(y, w.weights.cols(), x.cols());
        canonical::product_transposed<S>(w.weights, x, y);
    }

    /// What a file keeps beside the parameters; check() refuses what a file must not say.
    auto constants() noexcept { return std::tie(in_, out_); }
    auto constants() const noexcept { return std::tie(in_, out_); }
    void check() const {
        const bool fixed_fits = In == Dynamic || (in_ == In && out_ == Out);
        if (in_ < 0 || out_ < 0 || !fixed_fits) {
            detail::raise<ShapeError>("Dense", "out x in", detail::shape_text(out_, in_),
                                      In == Dynamic ? "none negative" : detail::shape_text(Out, In));
        }
    }
    void check(const Parameters& w) const {
        detail::require_shape("Dense", "weights", w.weights, out_, in_);
        detail::require_shape("Dense", "bias", w.bias, out_, 1);
    }

    std::string describe() const { return "Dense " + std::to_string(in_) + " -> " + std::to_string(out_); }

private:
    struct Sizes {
        Index in, out;
    };

    template <class Init>
    Dense(Sizes sizes, const Init& init) : in_(sizes.in), out_(sizes.out) {
        check();
        parameters_.weights.resize(out_, in_);
        parameters_.bias.setZero(out_);
        init(parameters_.weights, in_, out_);
    }

    void shape_gradient(Parameters& g) const {
        detail::reshape(g.weights, out_, in_);
        if (g.bias.size() != out_) g.bias.resize(out_);
    }
    static void sum_to_bias(const BatchView<S>& above, Parameters& g) {
        g.bias.setZero();
        detail::add_columns<S>(above, g.bias.data());
    }

    Index in_ = In == Dynamic ? 0 : In;
    Index out_ = Out == Dynamic ? 0 : Out;
    Parameters parameters_;
};

}  // namespace renn::inline RENN_ABI
