// SPDX-License-Identifier: MIT
// Generated from include/renn by cmake/single_include.sh. Do not edit.
#pragma once

// renn/renn.hpp - every header that needs only the core dependencies.

// renn/activations/identity.hpp - the activation that changes nothing.

#include <concepts>
#include <string_view>

// renn/activations/elementwise.hpp - what all activations share that treat every value alone.

#include <algorithm>
#include <string>

#include <Eigen/Core>

// renn/core/batch.hpp - the matrix vocabulary: one sample per column.

#include <Eigen/Core>

namespace renn {

using Index = Eigen::Index;
inline constexpr Index Dynamic = Eigen::Dynamic;

/// features x samples, column-major: a sample's features lie side by side.
template <class S>
using Batch = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic>;

/// Any column-major matrix, block or map of S without a copy; other expressions are evaluated into it.
template <class S>
using BatchView = Eigen::Ref<const Batch<S>>;

template <class S>
using Column = Eigen::Matrix<S, Eigen::Dynamic, 1>;

namespace detail {

/// Resizes only when the shape changes, so a buffer that is used again allocates nothing.
template <class S>
void reshape(Batch<S>& m, Index rows, Index cols) {
    if (m.rows() != rows || m.cols() != cols) m.resize(rows, cols);
}

}  // namespace detail
}  // namespace renn
// renn/core/canonical.hpp - sums that depend on their terms and on nothing else.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>


/// Eigen's own product rounds a sample differently alone, in a batch, and at another place of the batch. Here each
/// output is one chain of multiply-adds over its inputs in ascending order, written with Eigen's packets so that
/// lanes are outputs and never parts of one sum; blocking stores and reloads the partial sum, which loses nothing.
/// So a sample's numbers have the same bits alone, in any batch, at any position and on any thread, within one
/// binary. No function here allocates.
namespace renn::canonical {

namespace detail {

/// f(0), ..., f(N - 1) with constants, so that arrays indexed by them live in registers at every optimisation level.
template <int N, class F>
void unrolled(F&& f) {
    [&f]<int... I>(std::integer_sequence<int, I...>) {
        (f(std::integral_constant<int, I>{}), ...);
    }
    (std::make_integer_sequence<int, N>{});
}

template <class S>
struct Kernel {
    using Packet = typename Eigen::internal::packet_traits<S>::type;
    static constexpr Index lanes =
        Eigen::internal::packet_traits<S>::Vectorizable ? Eigen::internal::packet_traits<S>::size : 1;
    static constexpr Index packets = 4;  // rows of a tile; with 3 columns they fill 16 registers
    static constexpr Index columns = 3;
    static constexpr Index panel = packets * lanes;
    static constexpr Index depth = 16384 / (panel * static_cast<Index>(sizeof(S)));  // a panel is half of L1

    static Packet load(const S* p) { return Eigen::internal::ploadu<Packet>(p); }
    static void store(S* p, const Packet& v) { Eigen::internal::pstoreu<S, Packet>(p, v); }

    static Packet load_some(const S* p, Index count) {
        S padded[static_cast<std::size_t>(lanes)] = {};
        std::memcpy(padded, p, static_cast<std::size_t>(count) * sizeof(S));
        return load(padded);
    }
    static void store_some(S* p, const Packet& v, Index count) {
        S padded[static_cast<std::size_t>(lanes)];
        store(padded, v);
        std::memcpy(p, padded, static_cast<std::size_t>(count) * sizeof(S));
    }

    /// y += a b for R packets of rows and C columns; a is read at `a_stride` a step. Whole: every lane is a row.
    template <int R, int C, bool Whole>
    static void tile(const S* a, Index a_stride, const S* b, Index b_row, Index b_col, S* y, Index y_stride,
                     Index steps, Index rows) {
        Packet sum[R * C];
        const auto at = [&](int i) { return y + (i / R) * y_stride + (i % R) * lanes; };
        unrolled<R * C>([&](auto i) { sum[i] = Whole ? load(at(i)) : load_some(at(i), rows); });
        for (Index k = 0; k < steps; ++k, a += a_stride, b += b_row) {
            Packet left[R];
            unrolled<R>([&](auto r) { left[r] = load(a + r * lanes); });
            unrolled<C>([&](auto c) {
                const Packet right = Eigen::internal::pset1<Packet>(b[c * b_col]);
                unrolled<R>([&](auto r) { sum[c * R + r] = Eigen::internal::pmadd(left[r], right, sum[c * R + r]); });
            });
        }
        unrolled<R * C>([&](auto i) {
            if constexpr (Whole) {
                store(at(i), sum[i]);
            } else {
                store_some(at(i), sum[i], rows);
            }
        });
    }

    template <int R, bool Whole>
    static void panel_times(const S* a, Index a_stride, const S* b, Index b_row, Index b_col, S* y, Index y_stride,
                            Index steps, Index cols, Index rows) {
        constexpr int C = static_cast<int>(columns);
        Index j = 0;
        for (; j + C <= cols; j += C) {
            tile<R, C, Whole>(a, a_stride, b + j * b_col, b_row, b_col, y + j * y_stride, y_stride, steps, rows);
        }
        for (; j < cols; ++j) {
            tile<R, 1, Whole>(a, a_stride, b + j * b_col, b_row, b_col, y + j * y_stride, y_stride, steps, rows);
        }
    }
};

}  // namespace detail

// Packet types carry an alignment attribute that g++ says it drops when it sees them as template arguments.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"

/// Copies `rows` x `cols` of src (element (i, j) at src[i + j * src_stride]) to dst transposed: element (i, j) goes to
/// dst[j + i * dst_stride]. Blocks of packets, so it runs at the speed of the cache.
template <class S>
void transpose(const S* src, Index src_stride, S* dst, Index dst_stride, Index rows, Index cols) {
    using K = detail::Kernel<S>;
    constexpr Index P = K::lanes;
    // Ends computed ahead: g++ 12 warns of impossible iterations behind `for (; i + P <= n; ...)`.
    const Index whole_rows = P > 1 ? rows - rows % P : 0;
    const Index whole_cols = P > 1 ? cols - cols % P : 0;
    if constexpr (P > 1) {
        for (Index j = 0; j < whole_cols; j += P) {
            for (Index i = 0; i < whole_rows; i += P) {
                Eigen::internal::PacketBlock<typename K::Packet, static_cast<int>(P)> block;
                for (Index l = 0; l < P; ++l) block.packet[l] = K::load(src + i + (j + l) * src_stride);
                Eigen::internal::ptranspose(block);
                for (Index l = 0; l < P; ++l) K::store(dst + j + (i + l) * dst_stride, block.packet[l]);
            }
            for (Index i = whole_rows; i < rows; ++i) {
                for (Index l = 0; l < P; ++l) dst[j + l + i * dst_stride] = src[i + (j + l) * src_stride];
            }
        }
    }
    for (Index j = whole_cols; j < cols; ++j) {
        for (Index i = 0; i < rows; ++i) dst[j + i * dst_stride] = src[i + j * src_stride];
    }
}

#pragma GCC diagnostic pop

/// y += op(a) b, where a is column-major with `a_stride` and op transposes if `Transposed`; element (k, j) of b lies at
/// b[k * b_row + j * b_col]; y is rows x cols, column-major with `y_stride`. Every element of y is the chain
/// y + a(i,0) b(0,j) + a(i,1) b(1,j) + ... in that order.
template <bool Transposed, class S>
void accumulate(const S* a, Index a_stride, const S* b, Index b_row, Index b_col, S* y, Index y_stride, Index rows,
                Index depth, Index cols) {
    using K = detail::Kernel<S>;
    constexpr int R = static_cast<int>(K::packets);
    if (rows == 0 || depth == 0 || cols == 0) return;
    alignas(64) S packed[static_cast<std::size_t>(K::panel * K::depth)];
    const bool pack = Transposed || cols > 4;  // for a few columns copying costs more than it saves

    const Index block = pack ? K::depth : depth;
    for (Index k = 0; k < depth; k += block) {
        const Index steps = std::min(block, depth - k);
        const S* right = b + k * b_row;
        Index i = 0;
        const auto left = [&](Index count, Index width, Index from, Index upto) {
            const Index n = upto - from;
            if constexpr (Transposed) {
                if (count < width) std::fill_n(packed, n * width, S(0));
                transpose(a + k + from + i * a_stride, a_stride, packed, width, n, count);
            } else {
                for (Index s = 0; s < n; ++s) {
                    const S* column = a + i + (k + from + s) * a_stride;
                    S* to = packed + s * width;
                    for (Index r = 0; r < width; ++r) to[r] = r < count ? column[r] : S(0);
                }
            }
        };
        for (; i + K::panel <= rows; i += K::panel) {
            const S* at = a + i + k * a_stride;
            if (pack) left(K::panel, K::panel, 0, steps);
            K::template panel_times<R, true>(pack ? packed : at, pack ? K::panel : a_stride, right, b_row, b_col, y + i,
                                             y_stride, steps, cols, K::panel);
        }
        for (; i + K::lanes <= rows; i += K::lanes) {
            const S* at = a + i + k * a_stride;
            if (pack) left(K::lanes, K::lanes, 0, steps);
            K::template panel_times<1, true>(pack ? packed : at, pack ? K::lanes : a_stride, right, b_row, b_col, y + i,
                                             y_stride, steps, cols, K::lanes);
        }
        if (i < rows) {  // the last rows do not fill a packet: always through the padded copy
            for (Index from = 0; from < steps; from += K::depth) {
                const Index upto = std::min(from + K::depth, steps);
                left(rows - i, K::lanes, from, upto);
                K::template panel_times<1, false>(packed, K::lanes, right + from * b_row, b_row, b_col, y + i, y_stride,
                                                  upto - from, cols, rows - i);
            }
        }
    }
}

/// y = w x + bias (bias may be null). Shapes: w out x in, x in x n, y already out x n.
template <class S>
void product(const Batch<S>& w, const BatchView<S>& x, const Column<S>* bias, Batch<S>& y) {
    if (bias != nullptr) {
        for (Index j = 0; j < y.cols(); ++j) std::copy_n(bias->data(), y.rows(), y.data() + j * y.rows());
    } else {
        y.setZero();
    }
    accumulate<false>(w.data(), w.outerStride(), x.data(), Index{1}, x.outerStride(), y.data(), y.outerStride(),
                      w.rows(), w.cols(), x.cols());
}

/// y = w^T g. Shapes: w out x in, g out x n, y already in x n.
template <class S>
void product_transposed(const Batch<S>& w, const BatchView<S>& g, Batch<S>& y) {
    y.setZero();
    accumulate<true>(w.data(), w.outerStride(), g.data(), Index{1}, g.outerStride(), y.data(), y.outerStride(),
                     w.cols(), w.rows(), g.cols());
}

/// y = g x^T: samples summed in ascending order. Shapes: g out x n, x in x n, y already out x in.
template <class S>
void outer_product(const BatchView<S>& g, const BatchView<S>& x, Batch<S>& y) {
    y.setZero();
    accumulate<false>(g.data(), g.outerStride(), x.data(), x.outerStride(), Index{1}, y.data(), y.outerStride(),
                      g.rows(), g.cols(), x.rows());
}

/// Sum of n values, in ascending order.
template <class S>
S sum(const S* values, Index n) {
    S total = 0;
    for (Index i = 0; i < n; ++i) total += values[i];
    return total;
}

/// out[i] = f(in[i]) with f a function of packets. Every element goes through the packet form, the last ones padded:
/// Eigen's loops send some elements through the scalar form, whose exp or tanh may round differently.
template <class S, class F>
void transform(const S* in, S* out, Index n, F&& f) {
    using K = detail::Kernel<S>;
    Index i = 0;
    for (; i + K::lanes <= n; i += K::lanes) K::store(out + i, f(K::load(in + i)));
    if (i < n) K::store_some(out + i, f(K::load_some(in + i, n - i)), n - i);
}

}  // namespace renn::canonical
// renn/core/error.hpp - the typed errors, and the one place that throws them.

#include <cstdint>
#include <stdexcept>
#include <string>

namespace renn {

/// Base of everything renn throws. A message reads `where: what: got A, expected B`.
class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Matrices, layers or files whose sizes do not fit together.
class ShapeError : public Error {
public:
    using Error::Error;
};

/// A file or archive that cannot be read: foreign, truncated, damaged or from another version.
class FormatError : public Error {
public:
    using Error::Error;
};

/// Two things that are each valid but do not belong together, such as a store and another network.
class MismatchError : public Error {
public:
    using Error::Error;
};

/// Values that make no sense: NaN, empty data, labels out of range, impossible options.
class DataError : public Error {
public:
    using Error::Error;
};

namespace detail {

template <class E>
[[noreturn]] void raise(const std::string& where, const std::string& what) {
    throw E(where + ": " + what);
}

template <class E>
[[noreturn]] void raise(const std::string& where, const std::string& what, const std::string& got,
                        const std::string& expected) {
    throw E(where + ": " + what + ": got " + got + ", expected " + expected);
}

inline std::string shape_text(std::int64_t rows, std::int64_t cols) {
    return std::to_string(rows) + " x " + std::to_string(cols);
}

/// Throws ShapeError unless `m` is rows x cols.
template <class M>
void require_shape(const char* where, const char* what, const M& m, std::int64_t rows, std::int64_t cols) {
    if (m.rows() != rows || m.cols() != cols) {
        raise<ShapeError>(where, what, shape_text(m.rows(), m.cols()), shape_text(rows, cols));
    }
}

}  // namespace detail
}  // namespace renn
// renn/core/layer.hpp - the concepts everything hangs on: pass, layer, step, visitor, rule.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tuple>


namespace renn {

/// How a pass runs. Mode and randomness are arguments, never state of a layer: whoever passes the same Pass
/// gets the same numbers, in any batch and on any thread.
struct Pass {
    bool training = false;
    std::uint64_t seed = 0;
    std::span<const std::uint64_t> ids = {};  ///< one a column; empty: columns count from 0
    std::uint64_t step = 0;                   ///< training step, so that masks differ from step to step
    std::uint64_t path = 0;                   ///< set by the walk: where in the network the layer stands

    std::uint64_t id(Index column) const noexcept {
        return ids.empty() ? static_cast<std::uint64_t>(column) : ids[static_cast<std::size_t>(column)];
    }
};

/// The parameters of a layer without any.
struct NoParameters {
    static std::tuple<> blocks() noexcept { return {}; }
};

/// The cache of a layer whose backward needs nothing but x and y.
struct NoCache {};

/// Stands where a result is not wanted, so that a layer may save the work: the first layer's input gradient in
/// training, every parameter gradient in attribution.
struct NotWanted {};

template <class T>
inline constexpr bool is_wanted = !std::same_as<std::remove_cv_t<T>, NotWanted>;

template <class L>
using X = const BatchView<typename L::Scalar>&;
template <class L>
using Y = Batch<typename L::Scalar>&;

/// A pure function of parameters and input. `forward` writes features x samples to y (never the same matrix as x)
/// and to the cache what only this pass needs: masks, max-pool winners, inner outputs. It is const and may run on
/// several threads at once. `L::Parameters` is a value with `blocks()`, a tuple of references to its matrices:
/// gradient, moment, tangent, modified weights, mask and checkpoint are all of this one type.
/// A layer that changes the number of features says so with `in_features()` and `out_features()`.
template <class L>
concept Layer = requires(const L& l, const typename L::Parameters& w, X<L> x, Y<L> y, typename L::Cache& c, Pass p) {
    { L::name } -> std::convertible_to<std::string_view>;
    { l.parameters() } -> std::same_as<const typename L::Parameters&>;
    l.forward(w, x, y, c, p);
};

/// From dL/dY, `backward` writes dL/dX to dx and dL/dW, summed over the batch, to g.
/// A layer may also accept NotWanted for dx or g and skip that work; one that does not is given scratch.
template <class L>
concept DifferentiableLayer = Layer<L> && requires(const L& l, const typename L::Parameters& w, X<L> x, X<L> y, X<L> dy,
                                                   Y<L> dx, typename L::Cache& c, typename L::Parameters& g) {
    l.backward(w, x, y, c, dy, dx, g);
};

/// A layer that is linear in its input up to a bias. `map` is the linear part alone, with any parameters: modified
/// weights, masks, perturbations; `map_transposed` its transpose.
template <class L>
concept LinearLayer = DifferentiableLayer<L> && requires(const L& l, const typename L::Parameters& w, X<L> x, Y<L> y) {
    l.map(w, x, y);
    l.map_transposed(w, x, y);
};

/// One layer of one pass, as visitors and rules see it. `path` names it in the network ("dense1", in a nested
/// network "residual1/dense2"), `index` is its place among its siblings. In a reverse walk `gradient` is where a
/// rule may leave something shaped like the parameters, or null.
template <class L>
struct Step {
    std::string_view path;
    std::size_t index;
    const L& layer;
    const typename L::Parameters& weights;
    X<L> x;
    X<L> y;
    typename L::Cache& cache;
    typename L::Parameters* gradient = nullptr;
};

/// Sees every layer of a forward walk, in order, just after it ran.
template <class V, class L>
concept ForwardVisitor = requires(V& v, const Step<L>& s) {
    v.visit(s);
};

/// Turns what arrives above a layer into what leaves below it. Found by overload on (rule, layer), so a rule and a
/// layer written by two strangers meet in a third one's overload. `below` is a Batch, or NotWanted at the input.
template <class R, class L>
concept ReverseRule = requires(R& r, const Step<L>& s, X<L> above, Y<L> below) {
    reverse(r, s, above, below);
};

/// The visitor of a plain prediction.
struct NoVisit {
    static void visit(const auto&) noexcept {}
};

/// Calls f(block, the same block of each other value...) for every matrix, in the flat order: layer order, weights,
/// then bias. The others must be built like the first.
template <std::size_t I = 0, class F, class P, class... Ps>
void for_each_block(F&& f, P& first, Ps&... others) {
    if constexpr (!requires { first.blocks(); }) {
        f(first, others...);
    } else if constexpr (I < std::tuple_size_v<decltype(first.blocks())>) {
        for_each_block(f, std::get<I>(first.blocks()), std::get<I>(others.blocks())...);
        for_each_block<I + 1>(f, first, others...);
    }
}

/// Number of scalars in a parameter value.
template <class P>
Index parameter_count(const P& parameters) {
    Index count = 0;
    for_each_block([&count](const auto& block) { count += block.size(); }, parameters);
    return count;
}

namespace detail {

/// A value of the same shapes, filled with zeros.
template <class P>
P zeros_like(const P& parameters) {
    P zero = parameters;
    for_each_block([](auto& block) { block.setZero(); }, zero);
    return zero;
}

}  // namespace detail
}  // namespace renn

namespace renn::detail {

/// Layer members from two functions of the derived type:
///   value(p)         the activation of a packet (or of a scalar: Eigen's packet functions serve both)
///   slope(x, y)      its derivative at input x with output y, one value
/// One of the form x > 0 ? x : slope * x also has `negative_slope()`; where that is not negative, traced neurons share
/// one sorted order for pre- and post-activation.
/// `apply` is the same arithmetic on a bare array: what recomputes a post-activation from a stored pre-activation
/// with the same bits.
template <class Derived, class S>
struct Elementwise {
    using Scalar = S;
    using Parameters = NoParameters;
    using Cache = NoCache;
    static constexpr bool is_activation = true;

    static const Parameters& parameters() noexcept {
        static constexpr NoParameters none;
        return none;
    }

    void apply(const S* in, S* out, Index n) const {
        const auto& self = static_cast<const Derived&>(*this);
        canonical::transform(in, out, n, [&self](const auto& p) { return self.value(p); });
    }

    void forward(const Parameters&, const BatchView<S>& x, Batch<S>& y, Cache&, const Pass&) const {
        reshape(y, x.rows(), x.cols());
        if (x.outerStride() == x.rows()) {
            apply(x.data(), y.data(), x.size());
        } else {
            for (Index j = 0; j < x.cols(); ++j) apply(x.col(j).data(), y.col(j).data(), x.rows());
        }
    }

    template <class Dx, class G>
    void backward(const Parameters&, const BatchView<S>& x, const BatchView<S>& y, const Cache&, const BatchView<S>& dy,
                  Dx& dx, G&) const {
        if constexpr (is_wanted<Dx>) {
            require_shape("activation backward", "dy", dy, y.rows(), y.cols());
            reshape(dx, dy.rows(), dy.cols());
            const auto& self = static_cast<const Derived&>(*this);
            for (Index j = 0; j < dy.cols(); ++j) {
                const S* above = dy.col(j).data();
                const S* in = x.col(j).data();
                const S* out = y.col(j).data();
                S* below = dx.col(j).data();
                // In two steps: g++ 12 makes a branch of `above * (x > 0 ? 1 : 0)`, guessed wrong every other time.
                constexpr Index block = 64;
                S slopes[block];
                for (Index i = 0; i < dy.rows(); i += block) {
                    const Index n = std::min(block, dy.rows() - i);
                    for (Index l = 0; l < n; ++l) slopes[l] = self.slope(in[i + l], out[i + l]);
                    for (Index l = 0; l < n; ++l) below[i + l] = above[i + l] * slopes[l];
                }
            }
        }
    }

    std::string describe() const { return std::string(Derived::name); }
};

}  // namespace renn::detail

namespace renn {

template <std::floating_point S = float>
struct Identity : detail::Elementwise<Identity<S>, S> {
    static constexpr std::string_view name = "Identity";
    static constexpr S negative_slope() noexcept { return S(1); }

    template <class P>
    static P value(const P& x) {
        return x;
    }
    static S slope(S, S) noexcept { return S(1); }
};

static_assert(DifferentiableLayer<Identity<float>>);

}  // namespace renn
// renn/activations/leaky_relu.hpp - rectified linear unit that leaks.

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <tuple>


namespace renn {

/// x for x > 0, else leak * x; derivative `leak` at 0. With leak >= 0 it keeps the order of its inputs.
/// Throws   DataError if leak is not finite.
/// Source   Maas et al. (2013).
template <std::floating_point S = float>
struct LeakyReLU : detail::Elementwise<LeakyReLU<S>, S> {
    static constexpr std::string_view name = "LeakyReLU";

    explicit LeakyReLU(S leak = S(0.01)) : leak_(leak) { check(); }

    S leak() const noexcept { return leak_; }
    S negative_slope() const noexcept { return leak_; }

    template <class P>
    P value(const P& x) const {
        const P zero = Eigen::internal::pset1<P>(S(0));
        const P leaked = Eigen::internal::pmul(x, Eigen::internal::pset1<P>(leak_));
        return Eigen::internal::pselect(Eigen::internal::pcmp_le(x, zero), leaked, x);
    }
    S slope(S x, S) const noexcept { return x > S(0) ? S(1) : leak_; }
    auto constants() noexcept { return std::tie(leak_); }
    auto constants() const noexcept { return std::tie(leak_); }
    void check() const {
        if (!std::isfinite(leak_)) {
            detail::raise<DataError>("LeakyReLU", "leak", std::to_string(leak_), "a finite value");
        }
    }

    std::string describe() const { return "LeakyReLU " + std::to_string(leak_); }

private:
    S leak_;
};

static_assert(DifferentiableLayer<LeakyReLU<float>>);

}  // namespace renn
// renn/activations/relu.hpp - rectified linear unit.

#include <concepts>
#include <string_view>


namespace renn {

/// max(x, 0), with derivative 0 at 0; -0 becomes +0 and NaN stays NaN, so an error upstream is not hidden.
/// Keeps the order of its inputs, so traced neurons share one sorted order for pre- and post-activation.
template <std::floating_point S = float>
struct ReLU : detail::Elementwise<ReLU<S>, S> {
    static constexpr std::string_view name = "ReLU";
    static constexpr S negative_slope() noexcept { return S(0); }

    template <class P>
    static P value(const P& x) {
        const P zero = Eigen::internal::pset1<P>(S(0));
        return Eigen::internal::pselect(Eigen::internal::pcmp_le(x, zero), zero, x);
    }
    static S slope(S x, S) noexcept { return x > S(0) ? S(1) : S(0); }
};

static_assert(DifferentiableLayer<ReLU<float>>);

}  // namespace renn
// renn/activations/sigmoid.hpp - logistic function.

#include <concepts>
#include <string_view>


namespace renn {

/// 1 / (1 + exp(-x)).
template <std::floating_point S = float>
struct Sigmoid : detail::Elementwise<Sigmoid<S>, S> {
    static constexpr std::string_view name = "Sigmoid";

    template <class P>
    static P value(const P& x) {
        namespace ei = Eigen::internal;
        const P one = ei::pset1<P>(S(1));
        return ei::pdiv(one, ei::padd(one, ei::pexp(ei::pnegate(x))));
    }
    static S slope(S, S y) noexcept { return y * (S(1) - y); }
};

static_assert(DifferentiableLayer<Sigmoid<float>>);

}  // namespace renn
// renn/activations/softmax.hpp - a probability for every output of a sample.

#include <cmath>
#include <concepts>
#include <limits>
#include <string>
#include <string_view>


namespace renn {

/// y_i = exp(x_i - max x) / sum_j exp(x_j - max x), each column by itself, summed in ascending order.
/// For training with cross-entropy leave it out: the loss takes logits.
///
/// Shapes   Y as X.
template <std::floating_point S = float>
class Softmax {
public:
    using Scalar = S;
    using Parameters = NoParameters;
    using Cache = NoCache;
    static constexpr std::string_view name = "Softmax";
    static constexpr bool is_activation = true;

    const Parameters& parameters() const noexcept { return none_; }

    void forward(const Parameters&, const BatchView<S>& x, Batch<S>& y, Cache&, const Pass&) const {
        namespace ei = Eigen::internal;
        detail::reshape(y, x.rows(), x.cols());
        for (Index j = 0; j < x.cols(); ++j) {
            const S* in = x.col(j).data();
            S* out = y.col(j).data();
            S top = -std::numeric_limits<S>::infinity();
            for (Index i = 0; i < x.rows(); ++i) top = in[i] > top ? in[i] : top;
            canonical::transform(in, out, x.rows(), [top](const auto& p) {
                using P = std::decay_t<decltype(p)>;
                return ei::pexp(ei::psub(p, ei::pset1<P>(top)));
            });
            const S total = canonical::sum(out, x.rows());
            for (Index i = 0; i < x.rows(); ++i) out[i] /= total;
        }
    }

    /// dx_i = y_i (dy_i - sum_j dy_j y_j).
    template <class Dx, class G>
    void backward(const Parameters&, const BatchView<S>&, const BatchView<S>& y, const Cache&, const BatchView<S>& dy,
                  Dx& dx, G&) const {
        if constexpr (is_wanted<Dx>) {
            detail::require_shape("Softmax::backward", "dy", dy, y.rows(), y.cols());
            detail::reshape(dx, dy.rows(), dy.cols());
            for (Index j = 0; j < dy.cols(); ++j) {
                S mean = 0;
                for (Index i = 0; i < dy.rows(); ++i) mean += dy(i, j) * y(i, j);
                for (Index i = 0; i < dy.rows(); ++i) dx(i, j) = y(i, j) * (dy(i, j) - mean);
            }
        }
    }

    std::string describe() const { return "Softmax"; }

private:
    [[no_unique_address]] NoParameters none_;
};

static_assert(DifferentiableLayer<Softmax<float>>);

}  // namespace renn
// renn/activations/tanh.hpp - hyperbolic tangent.

#include <cmath>
#include <concepts>
#include <string_view>


namespace renn {

/// tanh(x), by Eigen's packets where it has them for the scalar, else value by value with std::tanh.
template <std::floating_point S = float>
struct Tanh : detail::Elementwise<Tanh<S>, S> {
    static constexpr std::string_view name = "Tanh";

    template <class P>
    static P value(const P& x) {
        namespace ei = Eigen::internal;
        if constexpr (ei::packet_traits<S>::HasTanh) {
            return ei::ptanh(x);
        } else {
            constexpr int lanes = static_cast<int>(ei::unpacket_traits<P>::size);
            S values[lanes];
            ei::pstoreu(values, x);
            for (S& v : values) v = std::tanh(v);
            return ei::ploadu<P>(values);
        }
    }
    static S slope(S, S y) noexcept { return S(1) - y * y; }
};

static_assert(DifferentiableLayer<Tanh<float>>);

}  // namespace renn
// renn/data/dataset.hpp - samples with ids, labels, targets, tags and names; bytes stay bytes until used.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

// renn/data/image.hpp - pictures: their shape, and bytes as numbers.

#include <cstdint>

#include <Eigen/Core>


namespace renn {

/// Height and width of inputs that are pictures; features = channels * height * width, channel-major.
struct ImageShape {
    Index channels = 0, height = 0, width = 0;

    bool empty() const noexcept { return channels == 0 && height == 0 && width == 0; }
    friend bool operator==(const ImageShape&, const ImageShape&) = default;
};

/// features x samples, one byte each, as pictures come.
using Bytes = Eigen::Matrix<std::uint8_t, Eigen::Dynamic, Eigen::Dynamic>;

namespace detail {

/// to[i] = from[i] / 255, correctly rounded. Blocks of fixed length without overlap are what g++ vectorises at -O2; the
/// last, shorter block gives the same bits.
template <class S>
void bytes_to_unit(const std::uint8_t* __restrict from, S* __restrict to, Index count) {
    constexpr Index block = 16;
    const Index whole = count - count % block;
    for (Index i = 0; i < whole; i += block) {
        for (Index j = 0; j < block; ++j) to[i + j] = S(from[i + j]) / S(255);
    }
    for (Index i = whole; i < count; ++i) to[i] = S(from[i]) / S(255);
}

}  // namespace detail
}  // namespace renn

namespace renn {

/// What a data set knows besides its inputs; every field may be left out.
template <class S>
struct DatasetDescription {
    std::vector<std::int32_t> labels = {};  ///< one per sample
    Batch<S> targets = {};                  ///< rows x samples, for regression
    std::vector<std::uint64_t> ids = {};    ///< one per sample, all different; left out: 0, 1, 2, ...
    std::vector<std::string> tags = {};     ///< one per sample, the user's own
    ImageShape image = {};
    std::vector<std::string> class_names = {};  ///< also fixes the number of classes; left out: largest label + 1
};

namespace detail {

/// "0..n-1", or "nothing (no samples)".
inline std::string below_text(Index n) {
    return n > 0 ? "0.." + std::to_string(n - 1) : "nothing (no samples)";
}

}  // namespace detail

/// The samples a network is trained on, traced to or asked about. A value: copying copies, nothing changes later.
///
/// Shapes   inputs: features x samples; targets: rows x samples. No samples is valid.
/// Units    inputs given as bytes read as byte / 255, correctly rounded; other inputs as given.
/// Throws   ShapeError if counts or the image shape do not fit the inputs; DataError if a label is out of range, an id
///          occurs twice or an input or target is NaN or infinite. Members throw DataError for a position or id
///          that does not exist.
/// Cost     construction O(samples * features), with unsorted ids O(samples log samples) more.
/// Threads  const members may run on several threads at once.
template <std::floating_point S = float>
class Dataset {
public:
    using Scalar = S;
    using Description = DatasetDescription<S>;

    Dataset() = default;
    Dataset(Bytes pixels, Description description = {})
        : Dataset(true, std::move(pixels), {}, std::move(description), 0) {}
    Dataset(Batch<S> inputs, Description description = {})
        : Dataset(false, {}, std::move(inputs), std::move(description), 0) {}

    /// Any Eigen expression of S or of bytes; it is evaluated.
    template <class D>
    Dataset(const Eigen::MatrixBase<D>& inputs, Description description = {})
        : Dataset(Held<D>(inputs), std::move(description)) {}

    Index samples() const noexcept { return bytes_held_ ? bytes_.cols() : values_.cols(); }
    Index features() const noexcept { return bytes_held_ ? bytes_.rows() : values_.rows(); }
    bool empty() const noexcept { return samples() == 0; }
    /// Number of class names, else largest label + 1, else 0; a subset keeps the number of its origin.
    int classes() const noexcept { return classes_; }
    bool has_labels() const noexcept { return !more_.labels.empty(); }
    bool has_targets() const noexcept { return more_.targets.rows() > 0; }
    std::span<const std::int32_t> labels() const noexcept { return more_.labels; }
    const Batch<S>& targets() const noexcept { return more_.targets; }
    std::span<const std::uint64_t> ids() const noexcept { return more_.ids; }
    std::span<const std::string> tags() const noexcept { return more_.tags; }
    const ImageShape& image() const noexcept { return more_.image; }

    /// The class's name, or its number if it has none.
    std::string class_name(std::int32_t label) const {
        const auto& names = more_.class_names;
        const auto at = static_cast<std::size_t>(label);
        return label >= 0 && at < names.size() ? names[at] : std::to_string(label);
    }

    std::int32_t label(Index position) const {
        require_position("Dataset::label", position);
        if (!has_labels()) detail::raise<DataError>("Dataset::label", "the data set has no labels");
        return more_.labels[static_cast<std::size_t>(position)];
    }
    std::uint64_t id(Index position) const {
        require_position("Dataset::id", position);
        return more_.ids[static_cast<std::size_t>(position)];
    }

    /// Where the sample with this id is. Cost O(log samples), O(1) if ids are positions.
    Index position_of(std::uint64_t id) const { return known("Dataset::position_of", id); }
    bool contains(std::uint64_t id) const noexcept { return find(id) >= 0; }

    /// Writes samples [first, first + count) as columns of out, which is resized only when its shape changes.
    void inputs(Index first, Index count, Batch<S>& out) const {
        if (first < 0 || count < 0 || count > samples() || first > samples() - count) {
            detail::raise<DataError>("Dataset::inputs", "first and count",
                                     std::to_string(first) + " and " + std::to_string(count),
                                     "a range within " + std::to_string(samples()) + " samples");
        }
        detail::reshape(out, features(), count);
        if (!bytes_held_) {
            out = values_.middleCols(first, count);
        } else if (out.size() > 0) {
            detail::bytes_to_unit(bytes_.data() + first * features(), out.data(), out.size());
        }
    }

    /// Writes the samples at the given positions, in that order, repeats allowed.
    void inputs(std::span<const Index> positions, Batch<S>& out) const {
        require_positions("Dataset::inputs", positions);
        detail::reshape(out, features(), static_cast<Index>(positions.size()));
        S* to = out.data();
        for (std::size_t i = 0; i < positions.size(); ++i, to += features()) {
#ifdef __GNUC__
            // In random order memory is late: asking two samples ahead halves the time. (g++ drops a function that
            // only prefetches, so this cannot be one.)
            if (bytes_held_ && i + 2 < positions.size()) {
                const std::uint8_t* soon = bytes_.data() + features() * positions[i + 2];
                for (Index b = 0; b < features(); b += 64) __builtin_prefetch(soon + b);
            }
#endif
            write_input(positions[i], to);
        }
    }

    Batch<S> inputs() const {
        Batch<S> out;
        inputs(0, samples(), out);
        return out;
    }
    Column<S> input(Index position) const {
        require_position("Dataset::input", position);
        Column<S> out(features());
        write_input(position, out.data());
        return out;
    }
    Column<S> input_of(std::uint64_t id) const {
        return input(known("Dataset::input_of", id));
    }

    /// Bytes of memory held by inputs, targets and everything that belongs to a sample.
    std::size_t bytes() const noexcept {
        std::size_t n = static_cast<std::size_t>(bytes_.size()) +
                        sizeof(S) * static_cast<std::size_t>(values_.size() + more_.targets.size()) +
                        sizeof(std::int32_t) * more_.labels.size() + sizeof(std::uint64_t) * more_.ids.size() +
                        sizeof(Index) * by_id_.size();
        for (const auto& t : more_.tags) n += sizeof(t) + t.capacity();
        return n;
    }

    /// The first count samples with their ids, tags and names, and the same number of classes.
    Dataset first(Index count) const {
        if (count < 0 || count > samples()) {
            detail::raise<DataError>("Dataset::first", "count", std::to_string(count),
                                     "0.." + std::to_string(samples()));
        }
        std::vector<Index> positions(static_cast<std::size_t>(count));
        std::iota(positions.begin(), positions.end(), Index(0));
        return select(positions);
    }

    /// The samples at the given positions, each at most once, with their ids, tags and names.
    Dataset select(std::span<const Index> positions) const {
        require_positions("Dataset::select", positions);
        Description d;
        d.image = more_.image;
        d.class_names = more_.class_names;
        pick(more_.labels, positions, d.labels);
        pick(more_.ids, positions, d.ids);
        pick(more_.tags, positions, d.tags);
        pick(more_.targets, positions, d.targets);
        Bytes bytes;
        Batch<S> values;
        pick(bytes_, positions, bytes);
        pick(values_, positions, values);
        return Dataset(bytes_held_, std::move(bytes), std::move(values), std::move(d), classes_);
    }

private:
    template <class D>
    struct HeldAs {
        static constexpr bool is_bytes = std::same_as<typename D::Scalar, std::uint8_t>;
        static_assert(is_bytes || std::same_as<typename D::Scalar, S>,
                      "renn::Dataset<S>: inputs must be of S or of std::uint8_t; use .cast<S>()");
        using type = Eigen::Matrix<typename D::Scalar, Eigen::Dynamic, Eigen::Dynamic>;
    };
    template <class D>
    using Held = typename HeldAs<D>::type;

    Dataset(bool bytes_held, Bytes&& bytes, Batch<S>&& values, Description&& more, int classes)
        : bytes_held_(bytes_held),
          bytes_(std::move(bytes)),
          values_(std::move(values)),
          more_(std::move(more)),
          classes_(classes) {
        check_counts();
        check_labels();
        check_ids();
        check_finite("input", values_);
        check_finite("target", more_.targets);
    }

    void check_counts() {
        const auto n = static_cast<std::size_t>(samples());
        if (n > 0 && features() == 0) detail::raise<DataError>("Dataset", "features", "0", "at least 1");
        if (!more_.labels.empty()) require_count("labels", more_.labels.size());
        if (!more_.ids.empty()) require_count("ids", more_.ids.size());
        if (!more_.tags.empty()) require_count("tags", more_.tags.size());
        const Batch<S>& t = more_.targets;
        if (t.rows() != 0 || t.cols() != 0) {
            detail::require_shape("Dataset", "targets", t, std::max<Index>(t.rows(), 1), samples());
        }
        const ImageShape& i = more_.image;
        if (i.empty()) return;
        const Index f = features();  // by division: a product of three could wrap
        const bool fits = i.channels > 0 && i.height > 0 && i.width > 0 && f % i.channels == 0 &&
                          (f / i.channels) % i.height == 0 && f / i.channels / i.height == i.width;
        if (!fits) {
            detail::raise<ShapeError>("Dataset", "image (channels x height x width)",
                                      std::to_string(i.channels) + " x " + detail::shape_text(i.height, i.width),
                                      "a product of " + std::to_string(f) + " features");
        }
    }

    void check_labels() {
        const auto names = static_cast<std::int64_t>(more_.class_names.size());
        const std::int64_t end = names > 0 ? names : std::numeric_limits<std::int32_t>::max();  // label + 1 is an int
        if (names > 0) classes_ = static_cast<int>(names);
        for (std::size_t i = 0; i < more_.labels.size(); ++i) {
            const std::int32_t l = more_.labels[i];
            if (l < 0 || l >= end) {
                detail::raise<DataError>("Dataset", "label of sample " + std::to_string(i), std::to_string(l),
                                         l < 0 && names == 0 ? "0 or more" : "0.." + std::to_string(end - 1));
            }
            classes_ = std::max(classes_, static_cast<int>(l + 1));
        }
    }

    void check_ids() {
        auto& ids = more_.ids;
        if (ids.empty()) {
            ids.resize(static_cast<std::size_t>(samples()));
            std::iota(ids.begin(), ids.end(), std::uint64_t(0));
            return;
        }
        if (std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>()) == ids.end()) return;
        by_id_.resize(ids.size());
        std::iota(by_id_.begin(), by_id_.end(), Index(0));
        const auto id_at = [&](Index p) { return ids[static_cast<std::size_t>(p)]; };
        std::sort(by_id_.begin(), by_id_.end(),
                  [&](Index a, Index b) { return std::pair(id_at(a), a) < std::pair(id_at(b), b); });
        const auto twice =
            std::adjacent_find(by_id_.begin(), by_id_.end(), [&](Index a, Index b) { return id_at(a) == id_at(b); });
        if (twice != by_id_.end()) {
            detail::raise<DataError>("Dataset", "id " + std::to_string(id_at(*twice)),
                                     "samples " + std::to_string(twice[0]) + " and " + std::to_string(twice[1]),
                                     "one sample");
        }
    }

    static void check_finite(const char* what, const Batch<S>& m) {
        for (Index c = 0; c < m.cols(); ++c) {
            for (Index r = 0; r < m.rows(); ++r) {
                if (std::isfinite(m(r, c))) continue;
                const char* got = std::isnan(m(r, c)) ? "NaN" : m(r, c) > 0 ? "inf" : "-inf";
                detail::raise<DataError>(
                    "Dataset", std::string(what) + " of sample " + std::to_string(c) + ", feature " + std::to_string(r),
                    got, "a finite number");
            }
        }
    }

    void require_count(const char* what, std::size_t got) const {
        if (got == static_cast<std::size_t>(samples())) return;
        detail::raise<ShapeError>("Dataset", what, std::to_string(got),
                                  std::to_string(samples()) + " (one per sample)");
    }
    void require_position(const char* where, Index p) const {
        if (p >= 0 && p < samples()) return;
        detail::raise<DataError>(where, "position", std::to_string(p), detail::below_text(samples()));
    }
    void require_positions(const char* where, std::span<const Index> positions) const {
        for (const Index p : positions) require_position(where, p);
    }

    /// The position of id, or -1.
    Index find(std::uint64_t id) const noexcept {
        const auto& ids = more_.ids;
        if (id < ids.size() && ids[static_cast<std::size_t>(id)] == id) return static_cast<Index>(id);
        if (by_id_.empty()) {  // ids ascend
            const auto at = std::lower_bound(ids.begin(), ids.end(), id);
            return at != ids.end() && *at == id ? static_cast<Index>(at - ids.begin()) : -1;
        }
        const auto at = std::lower_bound(by_id_.begin(), by_id_.end(), id, [&](Index p, std::uint64_t value) {
            return ids[static_cast<std::size_t>(p)] < value;
        });
        return at != by_id_.end() && ids[static_cast<std::size_t>(*at)] == id ? *at : -1;
    }
    Index known(const char* where, std::uint64_t id) const {
        const Index p = find(id);
        if (p < 0) detail::raise<DataError>(where, "no sample has id " + std::to_string(id));
        return p;
    }

    void write_input(Index position, S* to) const {
        const Index n = features();
        if (bytes_held_) {
            detail::bytes_to_unit(bytes_.data() + n * position, to, n);
        } else {
            std::copy_n(values_.data() + n * position, n, to);
        }
    }

    template <class T>
    static void pick(const std::vector<T>& from, std::span<const Index> positions, std::vector<T>& to) {
        if (from.empty()) return;
        to.reserve(positions.size());
        for (const Index p : positions) to.push_back(from[static_cast<std::size_t>(p)]);
    }
    template <class M>
    static void pick(const M& from, std::span<const Index> positions, M& to) {
        if (from.rows() == 0) return;
        to.resize(from.rows(), static_cast<Index>(positions.size()));
        Index column = 0;
        for (const Index p : positions) to.col(column++) = from.col(p);
    }

    bool bytes_held_ = false;  // which of the two below holds the inputs
    Bytes bytes_;
    Batch<S> values_;
    Description more_;
    std::vector<Index> by_id_;  // positions in ascending order of id; empty if the ids ascend anyway
    int classes_ = 0;
};

}  // namespace renn
// renn/data/idx.hpp - the IDX files that MNIST and its relatives come in.

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

// renn/data/binary_file.hpp - reading and writing files whose lengths nobody has promised.

#include <cstdint>
#include <fstream>
#include <limits>
#include <string>


namespace renn::detail {

/// product *= factor, or false if that does not fit a signed 64-bit number.
constexpr bool multiply(std::uint64_t& product, std::uint64_t factor) {
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (factor != 0 && product > most / factor) return false;
    product *= factor;
    return true;
}

/// A file open for reading that knows its size, so that a length is checked before memory is asked for.
/// Throws FormatError `where: path: ...` from every member.
class InputFile {
public:
    InputFile(const char* where, const std::string& path)
        : context_(where + (": " + path)), in_(path, std::ios::binary) {
        if (!in_) fail("cannot be opened");
        in_.seekg(0, std::ios::end);
        const std::streamoff end = in_.tellg();
        in_.seekg(0, std::ios::beg);
        if (!in_ || end < 0) fail("has no size (not a regular file?)");
        size_ = static_cast<std::uint64_t>(end);
    }

    std::uint64_t size() const noexcept { return size_; }

    /// Reads exactly count bytes; the file must hold them.
    void read(void* to, std::uint64_t count) {
        require(read_ + count);
        in_.read(static_cast<char*>(to), static_cast<std::streamsize>(count));
        if (!in_) fail("cannot be read (not a regular file?)");
        read_ += count;
    }

    /// The file must be at least this long.
    void require(std::uint64_t length) const {
        if (size_ < length) fail("truncated", bytes_text(size_), "at least " + bytes_text(length));
    }

    /// The file must be this long; to be asked before the payload is allocated.
    void require_exactly(std::uint64_t length) const {
        if (size_ < length) fail("truncated", bytes_text(size_), bytes_text(length));
        if (size_ > length) fail("trailing bytes", bytes_text(size_), bytes_text(length));
    }

    [[noreturn]] void fail(const std::string& what) const { raise<FormatError>(context_, what); }
    [[noreturn]] void fail(const std::string& what, const std::string& got, const std::string& expected) const {
        raise<FormatError>(context_, what, got, expected);
    }

    const std::string& context() const noexcept { return context_; }

private:
    static std::string bytes_text(std::uint64_t n) { return std::to_string(n) + (n == 1 ? " byte" : " bytes"); }

    std::string context_;
    std::ifstream in_;
    std::uint64_t size_ = 0;
    std::uint64_t read_ = 0;
};

/// Writes head and payload as one file. Throws FormatError if the file cannot be created or written.
inline void write_file(const char* where, const std::string& path, const std::string& head, const void* payload,
                       std::uint64_t count) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    if (!out) raise<FormatError>(where + (": " + path), "cannot be created");
    out.write(head.data(), static_cast<std::streamsize>(head.size()));
    out.write(static_cast<const char*>(payload), static_cast<std::streamsize>(count));
    out.close();
    if (!out) raise<FormatError>(where + (": " + path), "cannot be written (disk full?)");
}

}  // namespace renn::detail

namespace renn {

/// A limit that limits nothing.
inline constexpr Index all_samples = std::numeric_limits<Index>::max();

/// An IDX file of unsigned bytes: shape as on disk, samples first; values: product of the other dimensions x samples.
struct IdxArray {
    std::vector<Index> shape;
    Bytes values;
};

/// Pictures of an IDX file, one per column, channel-major.
struct IdxImages {
    Bytes pixels;
    ImageShape shape;
};

namespace detail {

/// The head of an IDX file, checked against the file's size; the payload is read on demand.
class IdxFile {
public:
    IdxFile(const char* where, const std::string& path, std::size_t fewest, std::size_t most) : file_(where, path) {
        std::array<std::uint8_t, 4> magic;
        file_.read(magic.data(), magic.size());
        if (magic[0] != 0 || magic[1] != 0) {
            const bool packed = magic[0] == 0x1f && magic[1] == 0x8b;
            file_.fail("not an IDX file: first bytes",
                       hex(magic[0]) + " " + hex(magic[1]) + (packed ? " (gzip, to be unpacked first)" : ""), "00 00");
        }
        if (magic[2] != 0x08) file_.fail("element type", hex(magic[2]) + type_name(magic[2]), "08 (unsigned byte)");
        const std::size_t dimensions = magic[3];
        if (dimensions < fewest || dimensions > most) {
            file_.fail("dimensions", std::to_string(dimensions),
                       fewest == most ? std::to_string(most) : std::to_string(fewest) + ".." + std::to_string(most));
        }
        const std::uint64_t head = 4 + 4 * dimensions;
        file_.require(head);
        std::uint64_t features = 1;
        bool fits = true;
        std::string text;
        for (std::size_t i = 0; i < dimensions; ++i) {
            std::array<std::uint8_t, 4> b;
            file_.read(b.data(), b.size());
            const std::uint32_t d =
                std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
            shape_.push_back(static_cast<Index>(d));
            text += (i > 0 ? " x " : "") + std::to_string(d);
            if (i > 0) fits = fits && d > 0 && multiply(features, d);
        }
        std::uint64_t payload = features;
        if (!fits || !multiply(payload, static_cast<std::uint64_t>(samples()))) {
            file_.fail("shape", text, "samples of at least one byte, in all no more than a file can hold");
        }
        file_.require_exactly(head + payload);
    }

    const std::vector<Index>& shape() const noexcept { return shape_; }
    Index samples() const noexcept { return shape_.front(); }
    const std::string& context() const noexcept { return file_.context(); }

    /// Reads the first `limit` samples. Once per file.
    IdxArray read(Index limit) {
        if (limit < 0) raise<DataError>(file_.context(), "limit", std::to_string(limit), "0 or more");
        IdxArray a{shape_, {}};
        a.shape.front() = std::min(limit, samples());
        Index features = 1;
        for (std::size_t i = 1; i < shape_.size(); ++i) features *= shape_[i];
        a.values.resize(features, a.shape.front());
        file_.read(a.values.data(), static_cast<std::uint64_t>(a.values.size()));
        return a;
    }

    IdxImages read_images(Index limit) {
        IdxArray a = read(limit);
        const std::vector<Index>& s = a.shape;
        ImageShape image;
        if (s.size() == 3) image = {1, s[1], s[2]};
        if (s.size() == 4) image = {s[1], s[2], s[3]};
        return {std::move(a.values), image};
    }

    std::vector<std::int32_t> read_labels(Index limit) {
        const IdxArray a = read(limit);
        return std::vector<std::int32_t>(a.values.data(), a.values.data() + a.values.size());
    }

private:
    static std::string hex(std::uint8_t b) {
        constexpr const char* digits = "0123456789abcdef";
        return {digits[b >> 4], digits[b & 15]};
    }
    static const char* type_name(std::uint8_t type) {
        switch (type) {
            case 0x09:
                return " (signed byte)";
            case 0x0b:
                return " (16-bit integer)";
            case 0x0c:
                return " (32-bit integer)";
            case 0x0d:
                return " (32-bit float)";
            case 0x0e:
                return " (64-bit float)";
            default:
                return "";
        }
    }

    InputFile file_;
    std::vector<Index> shape_;
};

}  // namespace detail

/// Reads the first `limit` samples of an IDX file of 1 to 4 dimensions of unsigned bytes.
///
/// Throws   FormatError, naming the path, if the file cannot be opened, is not IDX, holds another element type, is
///          truncated or has bytes left over; DataError if limit is negative.
/// Cost     one read; nothing is allocated before the head agrees with the file's size.
/// Source   Y. LeCun, "The IDX file format", yann.lecun.com/exdb/mnist.
inline IdxArray read_idx_array(const std::string& path, Index limit = all_samples) {
    return detail::IdxFile("read_idx_array", path, 1, 4).read(limit);
}

/// Reads pictures: samples x height x width or samples x channels x height x width; samples x features gives an
/// empty image shape. Throws as read_idx_array.
inline IdxImages read_idx_images(const std::string& path, Index limit = all_samples) {
    return detail::IdxFile("read_idx_images", path, 2, 4).read_images(limit);
}

/// Reads labels: one dimension. Throws as read_idx_array.
inline std::vector<std::int32_t> read_idx_labels(const std::string& path, Index limit = all_samples) {
    return detail::IdxFile("read_idx_labels", path, 1, 1).read_labels(limit);
}

/// Reads the first `limit` pictures and labels. The classes are those of the whole label file, named by their numbers,
/// so that a small part has as many classes as the whole.
///
/// Throws   as read_idx_array, and ShapeError if the two files hold different numbers of samples.
template <std::floating_point S = float>
Dataset<S> read_idx(const std::string& images_path, const std::string& labels_path, Index limit = all_samples) {
    detail::IdxFile images("read_idx", images_path, 2, 4);
    detail::IdxFile labels("read_idx", labels_path, 1, 1);
    if (images.samples() != labels.samples()) {
        detail::raise<ShapeError>(labels.context(), "labels", std::to_string(labels.samples()),
                                  std::to_string(images.samples()) + " (one per image of " + images_path + ")");
    }
    IdxImages pictures = images.read_images(limit);
    DatasetDescription<S> description{.labels = labels.read_labels(all_samples), .image = pictures.shape};
    const auto largest = std::max_element(description.labels.begin(), description.labels.end());
    if (largest != description.labels.end()) {
        for (std::int32_t c = 0; c <= *largest; ++c) description.class_names.push_back(std::to_string(c));
    }
    description.labels.resize(static_cast<std::size_t>(pictures.pixels.cols()));
    return Dataset<S>(std::move(pictures.pixels), std::move(description));
}

}  // namespace renn
// renn/data/npy.hpp - NumPy's .npy files, read and written.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <Eigen/Core>

// renn/data/npy_header.hpp - the text at the front of a .npy file: a Python dict with three keys.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <Eigen/Core>

namespace renn::detail {

struct NpyHeader {
    std::string descr;
    bool fortran_order = false;
    std::vector<Eigen::Index> shape;
};

/// Reads `{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }`: these three keys, once each, in any order.
/// Returns nullptr, or what is wrong.
class NpyHeaderParser {
public:
    explicit NpyHeaderParser(std::string_view text) : rest_(text) {}

    const char* parse(NpyHeader& header) {
        bool descr = false, order = false, shape = false;
        if (!take('{')) return "header is not a dict";
        while (!take('}')) {
            std::string key;
            if (!quoted(key) || !take(':')) return "header is not a dict of quoted keys";
            if (key == "descr" && !descr) {
                if (take('[')) return "structured types are not supported";
                if (!(descr = quoted(header.descr))) return "descr is not a string";
            } else if (key == "fortran_order" && !order) {
                if (!(order = boolean(header.fortran_order))) return "fortran_order is neither True nor False";
            } else if (key == "shape" && !shape) {
                if (!(shape = tuple(header.shape))) return "shape is not a tuple of sizes";
            } else {
                return "header has an unknown or repeated key";
            }
            if (take(',')) continue;
            if (!take('}')) return "header does not end where it should";
            break;
        }
        if (!descr || !order || !shape) return "header lacks descr, fortran_order or shape";
        skip_space();
        return rest_.empty() ? nullptr : "header has text after the dict";
    }

private:
    void skip_space() {
        while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n')) rest_.remove_prefix(1);
    }
    bool take(char c) {
        skip_space();
        if (rest_.empty() || rest_[0] != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool take_word(std::string_view word) {
        skip_space();
        if (!rest_.starts_with(word)) return false;
        rest_.remove_prefix(word.size());
        return true;
    }
    bool quoted(std::string& out) {
        skip_space();
        if (rest_.empty() || (rest_[0] != '\'' && rest_[0] != '"')) return false;
        const std::size_t end = rest_.find(rest_[0], 1);
        if (end == std::string_view::npos) return false;
        out = rest_.substr(1, end - 1);
        rest_.remove_prefix(end + 1);
        return true;
    }
    bool boolean(bool& out) {
        out = take_word("True");
        return out || take_word("False");
    }
    bool size(Eigen::Index& out) {
        constexpr Eigen::Index most = std::numeric_limits<Eigen::Index>::max();
        skip_space();
        std::size_t digits = 0;
        for (out = 0; digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits) {
            const Eigen::Index d = rest_[digits] - '0';
            if (out > (most - d) / 10) return false;
            out = out * 10 + d;
        }
        rest_.remove_prefix(digits);
        if (digits > 0 && !rest_.empty() && rest_[0] == 'L') rest_.remove_prefix(1);  // written by Python 2
        return digits > 0;
    }
    bool tuple(std::vector<Eigen::Index>& out) {
        constexpr std::size_t most_dimensions = 64;  // NumPy's own limit
        out.clear();
        if (!take('(')) return false;
        while (!take(')')) {
            Eigen::Index n = 0;
            if (out.size() == most_dimensions || !size(n)) return false;
            out.push_back(n);
            if (take(',')) continue;
            return out.size() > 1 && take(')');  // (3) is a number in Python, (3,) a tuple
        }
        return true;
    }

    std::string_view rest_;
};

/// The whole head of a version 1.0 file: magic, length, dict, padded so that the data start at a multiple of 64.
inline std::string npy_head(std::string_view descr, const std::vector<Eigen::Index>& shape) {
    std::string dict = "{'descr': '" + std::string(descr) + "', 'fortran_order': False, 'shape': (";
    for (std::size_t i = 0; i < shape.size(); ++i) dict += (i > 0 ? ", " : "") + std::to_string(shape[i]);
    dict += shape.size() == 1 ? ",), }" : "), }";
    dict.append(63 - (10 + dict.size()) % 64, ' ');
    dict += '\n';
    std::string head("\x93NUMPY\x01\x00", 8);
    head += static_cast<char>(dict.size() & 255);
    head += static_cast<char>(dict.size() >> 8);
    return head + dict;
}

}  // namespace renn::detail

namespace renn {

/// An array as it lies in the file. values_as() gives its elements as numbers.
struct NpyArray {
    std::vector<Index> shape;   ///< empty: a single number
    char kind = 'f';            ///< f float, i signed, u unsigned, b bool
    std::size_t item_size = 8;  ///< bytes per element
    bool big_endian = false;
    bool fortran_order = false;  ///< first dimension fastest
    std::vector<std::uint8_t> bytes;

    Index size() const noexcept { return static_cast<Index>(bytes.size() / item_size); }

    /// All elements in C order (last dimension fastest), whatever the order in the file. Integers and bools must be
    /// exact in T; a float may be rounded to a smaller float, once, to nearest.
    ///
    /// Throws   DataError, naming the element, if T cannot hold it.
    template <class T>
    std::vector<T> values_as() const;
};

namespace detail {

template <class T>
concept NpyScalar = std::is_arithmetic_v<T> && sizeof(T) <= 8;

template <NpyScalar T>
constexpr char npy_kind = std::same_as<T, bool>    ? 'b'
                          : std::floating_point<T> ? 'f'
                          : std::is_signed_v<T>    ? 'i'
                                                   : 'u';

constexpr bool big_endian_host = std::endian::native == std::endian::big;

/// IEEE half precision; every value is exact in float.
inline float half_to_float(std::uint16_t h) {
    const int exponent = h >> 10 & 31;
    const int fraction = h & 1023;
    float v = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                            : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
    if (exponent == 31)
        v = fraction == 0 ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
    return (h & 0x8000) != 0 ? -v : v;
}

template <class T>
std::string number_text(T v) {
    if constexpr (std::floating_point<T>) {
        char text[32];
        std::snprintf(text, sizeof text, "%.9g", static_cast<double>(v));
        return text;
    } else {
        return std::to_string(v);
    }
}

/// to = from if the promise of values_as() can be kept.
template <class T, class From>
bool npy_convert(From from, T& to) {
    if constexpr (std::floating_point<From> && std::floating_point<T>) {
        to = static_cast<T>(from);
        return std::isfinite(to) || !std::isfinite(from);
    } else if constexpr (std::floating_point<From>) {
        // Both ends are powers of two (or 0), so exact in From; NaN fails every comparison.
        const From end = std::ldexp(From(1), std::numeric_limits<T>::digits);
        if (!(from < end && from >= (std::is_signed_v<T> ? -end : From(0))) || from != std::trunc(from)) return false;
        to = static_cast<T>(from);
        return true;
    } else if constexpr (std::floating_point<T>) {
        const auto wide = static_cast<std::uint64_t>(from);
        const std::uint64_t magnitude = from < From(0) ? 0 - wide : wide;
        to = static_cast<T>(from);
        const int zeros = magnitude == 0 ? 0 : std::countr_zero(magnitude);
        return static_cast<int>(std::bit_width(magnitude)) - zeros <= std::numeric_limits<T>::digits;
    } else if constexpr (std::same_as<T, bool>) {
        to = from == From(1);
        return from == From(0) || from == From(1);
    } else {
        to = static_cast<T>(from);
        return std::in_range<T>(from);
    }
}

/// Decodes element by element; `From` is the type in the file and `Bits` its bytes as a number.
template <class From, class Bits, class Out>
void npy_decode(const NpyArray& a, Out out) {
    const std::size_t n = a.bytes.size() / sizeof(Bits);
    const std::size_t dimensions = a.shape.size();
    std::vector<std::size_t> stride(dimensions), at(dimensions, 0);  // only used in Fortran order
    std::size_t product = 1;
    for (std::size_t d = 0; d < dimensions; ++d)
        stride[d] = std::exchange(product, product * static_cast<std::size_t>(a.shape[d]));
    std::size_t source = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const std::uint8_t* p = a.bytes.data() + sizeof(Bits) * (a.fortran_order ? source : i);
        Bits bits = 0;
        for (std::size_t b = 0; b < sizeof(Bits); ++b) {
            const std::size_t shift = 8 * (a.big_endian ? sizeof(Bits) - 1 - b : b);
            bits = static_cast<Bits>(bits | static_cast<Bits>(static_cast<Bits>(p[b]) << shift));
        }
        From from;
        if constexpr (std::same_as<From, float> && sizeof(Bits) == 2) {
            from = half_to_float(bits);
        } else {
            from = std::bit_cast<From>(bits);
        }
        typename std::iterator_traits<Out>::value_type to{};
        if (!npy_convert(from, to) || (a.kind == 'b' && bits > 1)) {
            raise<DataError>("NpyArray::values_as", "element " + std::to_string(i), number_text(from),
                             a.kind == 'b' ? "0 or 1" : "a value that the wanted type can hold");
        }
        *out++ = to;
        if (!a.fortran_order) continue;
        for (std::size_t d = dimensions; d-- > 0;) {  // next element in C order
            source += stride[d];
            if (++at[d] < static_cast<std::size_t>(a.shape[d])) break;
            source -= stride[d] * std::exchange(at[d], 0);
        }
    }
}

template <class Out>
void npy_decode(const NpyArray& a, Out out) {
    const std::size_t s = a.item_size;
    if (a.kind == 'f') {
        if (s == 2) return npy_decode<float, std::uint16_t>(a, out);
        if (s == 4) return npy_decode<float, std::uint32_t>(a, out);
        return npy_decode<double, std::uint64_t>(a, out);
    }
    if (a.kind == 'i') {
        if (s == 1) return npy_decode<std::int8_t, std::uint8_t>(a, out);
        if (s == 2) return npy_decode<std::int16_t, std::uint16_t>(a, out);
        if (s == 4) return npy_decode<std::int32_t, std::uint32_t>(a, out);
        return npy_decode<std::int64_t, std::uint64_t>(a, out);
    }
    if (s == 1) return npy_decode<std::uint8_t, std::uint8_t>(a, out);
    if (s == 2) return npy_decode<std::uint16_t, std::uint16_t>(a, out);
    if (s == 4) return npy_decode<std::uint32_t, std::uint32_t>(a, out);
    return npy_decode<std::uint64_t, std::uint64_t>(a, out);
}

/// Decodes into memory for size() elements; the usual case, a file of T, is one copy.
template <class T>
void npy_copy(const NpyArray& a, T* out) {
    if constexpr (!std::same_as<T, bool>) {
        const bool same = a.kind == npy_kind<T> && a.item_size == sizeof(T) && !a.fortran_order &&
                          (a.big_endian == big_endian_host || sizeof(T) == 1);
        if (same) {
            if (!a.bytes.empty()) std::memcpy(out, a.bytes.data(), a.bytes.size());
            return;
        }
    }
    npy_decode(a, out);
}

/// Fills kind, item_size and big_endian from a descr such as `<f8`, or returns false.
inline bool npy_type(const std::string& descr, NpyArray& a) {
    if (descr.size() != 3 || descr[2] < '1' || descr[2] > '8') return false;
    const char order = descr[0];
    a.kind = descr[1];
    a.item_size = static_cast<std::size_t>(descr[2] - '0');
    a.big_endian = order == '>';
    if (order != '<' && order != '>' && !(order == '|' && a.item_size == 1)) return false;
    if (!std::has_single_bit(a.item_size)) return false;
    if (a.kind == 'f') return a.item_size >= 2;
    return a.kind == 'i' || a.kind == 'u' || (a.kind == 'b' && a.item_size == 1);
}

}  // namespace detail

template <class T>
std::vector<T> NpyArray::values_as() const {
    std::vector<T> out(static_cast<std::size_t>(size()));
    if constexpr (std::same_as<T, bool>) {  // std::vector<bool> has no memory to copy to
        detail::npy_decode(*this, out.begin());
    } else {
        detail::npy_copy(*this, out.data());
    }
    return out;
}

/// Reads a .npy file of version 1, 2 or 3 with float16/32/64, (u)int8..64 or bool elements of either byte order.
///
/// Throws   FormatError, naming the path, if the file cannot be opened, is not a .npy file, has a header or an element
///          type that is not understood, is truncated or has bytes left over.
/// Cost     one read; nothing is allocated before the header agrees with the file's size.
/// Source   NumPy Enhancement Proposal 1 and numpy.lib.format.
inline NpyArray read_npy(const std::string& path) {
    detail::InputFile file("read_npy", path);
    std::array<std::uint8_t, 12> head{};
    file.read(head.data(), 8);
    if (std::memcmp(head.data(), "\x93NUMPY", 6) != 0) {
        file.fail(head[0] == 'P' && head[1] == 'K' ? "not a .npy file but a zip archive (.npz?)" : "not a .npy file");
    }
    const int file_version = head[6];
    if (file_version < 1 || file_version > 3 || head[7] != 0) {
        file.fail("version", std::to_string(file_version) + "." + std::to_string(head[7]), "1.0, 2.0 or 3.0");
    }
    const std::size_t length_bytes = file_version == 1 ? 2 : 4;
    file.read(head.data() + 8, length_bytes);
    std::uint64_t length = 0;
    for (std::size_t i = length_bytes; i-- > 0;) length = length << 8 | head[8 + i];
    file.require(8 + length_bytes + length);
    std::string text(static_cast<std::size_t>(length), ' ');
    file.read(text.data(), length);

    detail::NpyHeader header;
    if (const char* wrong = detail::NpyHeaderParser(text).parse(header)) file.fail(wrong);
    NpyArray a;
    if (!detail::npy_type(header.descr, a)) {
        file.fail("element type", header.descr, "f2, f4, f8, i1..i8, u1..u8 or b1, each with a byte order");
    }
    a.fortran_order = header.fortran_order;
    a.shape = std::move(header.shape);
    std::uint64_t payload = a.item_size;
    const bool none = std::find(a.shape.begin(), a.shape.end(), 0) != a.shape.end();
    for (const Index d : a.shape) {
        if (!none && !detail::multiply(payload, static_cast<std::uint64_t>(d)))
            file.fail("shape is larger than any file");
    }
    if (none) payload = 0;
    file.require_exactly(8 + length_bytes + length + payload);
    a.bytes.resize(static_cast<std::size_t>(payload));
    file.read(a.bytes.data(), payload);
    return a;
}

/// Reads samples x features, the order of NumPy, as features x samples, the order of renn: the same bytes. Further
/// dimensions are features too (samples x channels x height x width gives channel-major pictures); n numbers in one
/// dimension give n x 1.
///
/// Throws   as read_npy and values_as; FormatError if the array is a single number.
template <std::floating_point S = float>
Batch<S> read_npy_batch(const std::string& path) {
    const NpyArray a = read_npy(path);
    if (a.shape.empty()) detail::raise<FormatError>("read_npy_batch: " + path, "dimensions", "0", "1 or more");
    const bool line = a.shape.size() == 1;
    const auto features = std::span(a.shape).subspan(line ? 0 : 1);
    const bool none = std::find(features.begin(), features.end(), 0) != features.end();
    std::uint64_t rows = none ? 0 : 1;
    for (const Index d : features) {
        if (none || detail::multiply(rows, static_cast<std::uint64_t>(d))) continue;
        detail::raise<FormatError>("read_npy_batch: " + path, "shape is larger than any file");  // of no samples
    }
    Batch<S> out(static_cast<Index>(rows), line ? 1 : a.shape.front());
    detail::npy_copy(a, out.data());
    return out;
}

/// Writes values, which lie in C order, as an array of the given shape.
///
/// Throws   ShapeError if the shape's product is not the number of values; FormatError if the file cannot be written.
template <class Values>
    requires requires(const Values& v) {
        std::span(v);
    }
void write_npy(const std::string& path, const Values& values, const std::vector<Index>& shape) {
    const std::span view(values);
    using T = std::remove_cv_t<typename decltype(view)::element_type>;
    static_assert(detail::NpyScalar<T>, "renn::write_npy: elements must be bool, integers, float or double");
    std::uint64_t product = 1;
    bool fits = true;
    for (const Index d : shape) fits = fits && d >= 0 && detail::multiply(product, static_cast<std::uint64_t>(d));
    if (!fits || product != view.size()) {
        detail::raise<ShapeError>("write_npy: " + path, "values", std::to_string(view.size()),
                                  fits ? std::to_string(product) : "a shape of sizes whose product fits");
    }
    const char order = sizeof(T) == 1 ? '|' : detail::big_endian_host ? '>' : '<';
    const char descr[] = {order, detail::npy_kind<T>, static_cast<char>('0' + sizeof(T)), '\0'};
    detail::write_file("write_npy", path, detail::npy_head(descr, shape), view.data(), view.size_bytes());
}

/// Writes features x samples as samples x features, the same bytes; a column vector as one dimension. What
/// read_npy_batch() reads back is what was written.
template <class D>
void write_npy(const std::string& path, const Eigen::MatrixBase<D>& batch) {
    using T = typename D::Scalar;
    const Eigen::Matrix<T, Eigen::Dynamic, D::ColsAtCompileTime == 1 ? 1 : Eigen::Dynamic> m = batch;
    std::vector<Index> shape{m.rows()};
    if constexpr (D::ColsAtCompileTime != 1) shape.insert(shape.begin(), m.cols());
    write_npy(path, std::span<const T>(m.data(), static_cast<std::size_t>(m.size())), shape);
}

}  // namespace renn
// renn/index/kd_tree.hpp - finds a value's place with nanoflann's KD-tree.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <nanoflann.hpp>

// renn/index/column.hpp - one neuron's values in ascending order, and who they belong to.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

// renn/index/radix_sort.hpp - sorts numbers together with the positions they came from.

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

namespace renn::detail {

template <std::floating_point S>
using RadixKey = std::conditional_t<sizeof(S) == 4, std::uint32_t, std::uint64_t>;

/// An unsigned key in the order of the values; -0 and +0 share one.
template <std::floating_point S>
RadixKey<S> to_key(S value) noexcept {
    using K = RadixKey<S>;
    constexpr K sign = K(1) << (8 * sizeof(K) - 1);
    const K bits = std::bit_cast<K>(value + S(0));
    return (bits & sign) != 0 ? static_cast<K>(~bits) : static_cast<K>(bits | sign);
}

template <std::floating_point S>
S from_key(RadixKey<S> key) noexcept {
    using K = RadixKey<S>;
    constexpr K sign = K(1) << (8 * sizeof(K) - 1);
    return std::bit_cast<S>((key & sign) != 0 ? static_cast<K>(key & ~sign) : static_cast<K>(~key));
}

/// Buffers of radix_sort, to be used again for the next column.
template <std::floating_point S>
struct RadixScratch {
    struct Item {
        RadixKey<S> key;
        std::uint32_t position;
    };
    std::vector<Item> items, other;
};

/// Fills `sorted` with the values in ascending order and `order` with the positions they came from; equal values keep
/// the order in which `by_id` lists their positions (empty: 0, 1, 2, ...).
/// Cost   a histogram and a scatter of 11 bits at a time, O(n); digits that all values share are skipped.
template <std::floating_point S>
void radix_sort(std::span<const S> values, std::span<const std::uint32_t> by_id, S* sorted, std::uint32_t* order,
                RadixScratch<S>& scratch) {
    using K = RadixKey<S>;
    constexpr int bits = 11;
    constexpr std::size_t buckets = std::size_t{1} << bits;
    constexpr int passes = (8 * static_cast<int>(sizeof(K)) + bits - 1) / bits;
    const std::size_t n = values.size();
    scratch.items.resize(n);
    scratch.other.resize(n);
    auto* from = scratch.items.data();
    auto* to = scratch.other.data();

    for (std::size_t i = 0; i < n; ++i) {
        const std::uint32_t position = by_id.empty() ? static_cast<std::uint32_t>(i) : by_id[i];
        from[i] = {to_key(values[position]), position};
    }
    if (n < 512) {  // counting 2048 buckets would cost more than the values
        std::stable_sort(from, from + n, [](const auto& a, const auto& b) { return a.key < b.key; });
    } else {
        std::array<std::array<std::uint32_t, buckets>, static_cast<std::size_t>(passes)> counts{};
        for (std::size_t i = 0; i < n; ++i) {
            K key = from[i].key;
            for (auto& count : counts) {
                ++count[key & (buckets - 1)];
                key = static_cast<K>(key >> bits);
            }
        }
        for (int pass = 0; pass < passes; ++pass) {
            auto& count = counts[static_cast<std::size_t>(pass)];
            const int shift = pass * bits;
            if (count[(from[0].key >> shift) & (buckets - 1)] == n) continue;
            std::uint32_t start = 0;
            for (std::uint32_t& c : count) {
                const std::uint32_t here = c;
                c = start;
                start += here;
            }
            for (std::size_t i = 0; i < n; ++i) to[count[(from[i].key >> shift) & (buckets - 1)]++] = from[i];
            std::swap(from, to);
        }
    }
    for (std::size_t i = 0; i < n; ++i) {
        sorted[i] = from_key<S>(from[i].key);
        order[i] = from[i].position;
    }
}

}  // namespace renn::detail

namespace renn {
namespace detail {

/// a * b, rounded before anything is added to it. Where the processor can, g++ otherwise fuses the product with the
/// difference that a distance takes: one rounding less, and a recorded sample would not find itself at distance 0.
template <class S>
S rounded_product(S a, S b) noexcept {
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
    return __builtin_assoc_barrier(a * b);
#else
    return a * b;
#endif
}

}  // namespace detail

/// A sorted column as a search sees it: values in ascending order with the sample positions they belong to, equal
/// values by ascending sample id. It is seen through an activation of the form x > 0 ? x : slope * x, which keeps the
/// order (slope 1: as it is), and without the sample at sorted place `hole` (size: none).
template <class S>
struct ColumnView {
    const S* values = nullptr;
    const std::uint32_t* order = nullptr;
    std::uint32_t size = 0;
    S slope = S(1);
    std::uint32_t hole = 0;

    ColumnView() = default;
    ColumnView(const S* sorted_values, const std::uint32_t* sorted_order, std::size_t count,
               S negative_slope = S(1)) noexcept
        : values(sorted_values),
          order(sorted_order),
          size(static_cast<std::uint32_t>(count)),
          slope(negative_slope),
          hole(size) {}

    /// Without the sample at a sorted place.
    ColumnView without(std::uint32_t place) const noexcept {
        ColumnView view = *this;
        view.hole = place;
        view.size = size - 1;
        return view;
    }

    std::uint32_t place(std::uint32_t i) const noexcept { return i + (i >= hole ? 1U : 0U); }
    S through(S value) const noexcept { return value > S(0) ? value : detail::rounded_product(slope, value); }
    S at(std::uint32_t i) const noexcept { return through(values[place(i)]); }
    double distance(std::uint32_t i, double query) const noexcept {
        return std::abs(static_cast<double>(at(i)) - query);
    }
};

/// Sorts a neuron's values into `sorted` and their positions into `order`, each of the same length.
/// `by_id`: positions by ascending sample id; empty: 0, 1, 2, ...
/// Throws   DataError if a value is not finite: such a value never enters an index.
template <class S>
void sort_column(std::span<const S> values, std::span<const std::uint32_t> by_id, S* sorted, std::uint32_t* order,
                 detail::RadixScratch<S>& scratch) {
    if (values.empty()) return;
    detail::radix_sort(values, by_id, sorted, order, scratch);
    for (const std::size_t end : {std::size_t{0}, values.size() - 1}) {  // keys put NaN and infinities at the ends
        if (!std::isfinite(sorted[end])) {
            detail::raise<DataError>("index", "value at position " + std::to_string(order[end]),
                                     std::to_string(sorted[end]), "a finite value");
        }
    }
}

}  // namespace renn

namespace renn {

/// Index policy: a one-dimensional KD-tree with the L1 metric over the distinct values of a neuron. The tree finds the
/// nearest distinct value; the k nearest samples lie around it in the sorted order. Thousands of equal values, behind
/// an inactive ReLU, are one point of the tree. Cost   build: radix sort and a tree over distinct values; memory 8
/// bytes a value and about 9 a distinct one; a search
///        O(log distinct).
struct KdTree {
    static constexpr std::string_view name = "KdTree";

    template <class S>
    class Locator {
    public:
        explicit Locator(const ColumnView<S>& column) : points_(std::make_unique<Points>()) {
            for (std::uint32_t i = 0; i < column.size; ++i) {
                if (i == 0 || column.at(i) != column.at(i - 1)) {
                    points_->first.push_back(i);
                    points_->value.push_back(column.at(i));
                }
            }
            if (points_->first.empty()) return;
            tree_ = std::make_unique<Tree>(1, *points_, nanoflann::KDTreeSingleIndexAdaptorParams(leaf));
            tree_->buildIndex();
        }

        /// Number of values below the query; the column must be without a hole.
        std::uint32_t position(const ColumnView<S>& column, double query) const {
            if (!tree_) return 0;
            std::uint32_t nearest = 0;
            double distance = 0.0;
            tree_->knnSearch(&query, 1, &nearest, &distance);
            const auto distinct = static_cast<std::uint32_t>(points_->first.size());
            // The nearest may lie on either side, and the tree's own sums may confuse two at one rounded distance.
            while (nearest > 0 && static_cast<double>(points_->value[nearest - 1]) >= query) --nearest;
            while (nearest < distinct && static_cast<double>(points_->value[nearest]) < query) ++nearest;
            return nearest < distinct ? points_->first[nearest] : column.size;
        }

        void prefetch(const ColumnView<S>&, double, int) const noexcept {}

        std::size_t bytes() const noexcept {
            const std::size_t distinct = points_->first.size();
            return distinct * (sizeof(std::uint32_t) + sizeof(S)) + (tree_ ? tree_->usedMemory(*tree_) : 0);
        }

    private:
        static constexpr std::size_t leaf = 64;

        struct Points {
            std::vector<std::uint32_t> first;  ///< sorted place where a distinct value begins
            std::vector<S> value;

            std::size_t kdtree_get_point_count() const noexcept { return first.size(); }
            double kdtree_get_pt(std::size_t i, std::size_t) const noexcept { return static_cast<double>(value[i]); }
            template <class Box>
            bool kdtree_get_bbox(Box&) const noexcept {
                return false;
            }
        };
        using Tree = nanoflann::KDTreeSingleIndexAdaptor<nanoflann::L1_Adaptor<double, Points, double>, Points, 1>;

        std::unique_ptr<Points> points_;
        std::unique_ptr<Tree> tree_;
    };
};

}  // namespace renn
// renn/index/sorted.hpp - finds a value's place by bisection.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>


namespace renn {

/// Index policy: a search in three steps of 64, each in one block of a few cache lines: every 4096th value, every 64th,
/// the values themselves. While one neuron is searched the blocks of the next are on their way.
/// Cost   build: radix sort; memory 8 bytes a value (12 in double) and 1/63 for the samples; a search O(log n).
struct Sorted {
    static constexpr std::string_view name = "Sorted";

    template <class S>
    class Locator {
    public:
        explicit Locator(const ColumnView<S>& column) {
            const std::uint32_t middle = column.size / block;
            top_ = middle / block;
            samples_.reserve(top_ + middle);
            for (std::uint32_t i = 1; i <= top_; ++i) samples_.push_back(column.at(i * block * block - 1));
            for (std::uint32_t i = 1; i <= middle; ++i) samples_.push_back(column.at(i * block - 1));
        }

        /// Number of values below the query; the column must be without a hole.
        std::uint32_t position(const ColumnView<S>& column, double query) const {
            const S least = ceiling(query);
            const std::uint32_t first = second_step(least) * block;
            std::uint32_t below = 0;
            if (column.size - first >= block) {
                const S* values = column.values + first;
                const S slope = column.slope;
                for (std::uint32_t i = 0; i < block; ++i) {  // a constant count: the compiler makes packets of it
                    const S scaled = slope * values[i];
                    const S value = values[i] > S(0) ? values[i] : scaled;
                    below += value < least ? 1U : 0U;
                }
            } else {
                while (first + below < column.size && column.at(first + below) < least) ++below;
            }
            return first + below;
        }

        /// Asks for the memory of the next step: 0 the samples, 1 the values and the samples' positions around them.
        void prefetch(const ColumnView<S>& column, double query, int step) const {
            const S least = ceiling(query);
            if (step == 0) {
                fetch(samples_.data() + top_ + first_step(least) * block, samples_.data() + samples_.size());
            } else {
                fetch(column.values + second_step(least) * block, column.values + column.size);
            }
        }

        std::size_t bytes() const noexcept { return samples_.size() * sizeof(S); }

    private:
        static constexpr std::uint32_t block = 64;

        static void fetch(const S* from, const S* end) {
            constexpr std::uint32_t line = 64 / sizeof(S);
            for (std::uint32_t i = 0; i < block && from + i < end; i += line) __builtin_prefetch(from + i);
        }

        /// The least S that is not below the query: values compare with it as with the query, in their own precision.
        static S ceiling(double query) {
            const S near = static_cast<S>(query);
            return static_cast<double>(near) < query ? std::nextafter(near, std::numeric_limits<S>::infinity()) : near;
        }

        /// How many of some samples are below it.
        static std::uint32_t count_below(const S* first, std::uint32_t count, S least) {
            std::uint32_t below = 0;
            if (count == block) {
                for (std::uint32_t i = 0; i < block; ++i) below += first[i] < least ? 1U : 0U;
            } else {
                for (std::uint32_t i = 0; i < count; ++i) below += first[i] < least ? 1U : 0U;
            }
            return below;
        }
        std::uint32_t first_step(S least) const {
            const S* first = samples_.data();
            std::uint32_t low = 0, count = top_;
            while (count > 0) {
                const std::uint32_t half = count / 2;
                const bool below = first[low + half] < least;
                low = below ? low + half + 1 : low;
                count = below ? count - half - 1 : half;
            }
            return low;
        }
        std::uint32_t second_step(S least) const {
            const std::uint32_t from = first_step(least) * block;
            const auto middle = static_cast<std::uint32_t>(samples_.size()) - top_;
            return from + count_below(samples_.data() + top_ + from, std::min(block, middle - from), least);
        }

        std::vector<S> samples_;  ///< the last value of every 4096, then the last of every 64
        std::uint32_t top_ = 0;   ///< how many of the first sort
    };
};

}  // namespace renn
// renn/io/save.hpp - networks and traced networks as files.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

// renn/io/archive.hpp - matrices, vectors and texts in any cereal archive, with lengths that are not believed.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include <cereal/archives/binary.hpp>
#include <cereal/cereal.hpp>


namespace renn::detail {

template <class A, class T>
inline constexpr bool writes_blocks = cereal::traits::is_output_serializable<cereal::BinaryData<const T*>, A>::value;
template <class A, class T>
inline constexpr bool reads_blocks = cereal::traits::is_input_serializable<cereal::BinaryData<T*>, A>::value;

/// Numbers as one block where the archive can, which is 20 times faster than one by one; else one by one.
template <class A, class T>
void put_block(A& ar, const T* values, std::size_t count) {
    if constexpr (writes_blocks<A, T>) {
        ar(cereal::binary_data(values, count * sizeof(T)));
    } else {
        for (std::size_t i = 0; i < count; ++i) ar(values[i]);
    }
}
template <class A, class T>
void get_block(A& ar, T* values, std::size_t count) {
    if constexpr (reads_blocks<A, T>) {
        ar(cereal::binary_data(values, count * sizeof(T)));
    } else {
        for (std::size_t i = 0; i < count; ++i) ar(values[i]);
    }
}

/// Refuses lengths that the payload cannot hold, before memory is asked for. By default it believes everything.
class Limit {
public:
    Limit() = default;
    explicit Limit(std::uint64_t bytes) : bytes_(bytes) {}

    void require(std::uint64_t count, std::uint64_t size) const {
        if (size != 0 && count > bytes_ / size) {
            raise<FormatError>("archive", "length of an array", std::to_string(count) + " elements",
                               "at most what " + std::to_string(bytes_) + " bytes can hold");
        }
    }

private:
    std::uint64_t bytes_ = std::numeric_limits<std::uint64_t>::max();
};

template <class A, class T>
    requires std::is_arithmetic_v<T>
void put(A& ar, const T& value) {
    ar(value);
}
template <class A, class T>
    requires std::is_arithmetic_v<T>
void get(A& ar, T& value, const Limit&) {
    ar(value);
}

template <class A>
void put(A& ar, const std::string& text) {
    put(ar, static_cast<std::uint64_t>(text.size()));
    put_block(ar, text.data(), text.size());
}
template <class A>
void get(A& ar, std::string& text, const Limit& limit) {
    std::uint64_t count = 0;
    get(ar, count, limit);
    limit.require(count, 1);
    text.resize(static_cast<std::size_t>(count));
    get_block(ar, text.data(), text.size());
}

template <class A, class T>
void put(A& ar, const std::vector<T>& values) {
    put(ar, static_cast<std::uint64_t>(values.size()));
    if constexpr (std::is_arithmetic_v<T>) {
        put_block(ar, values.data(), values.size());
    } else {
        for (const T& value : values) put(ar, value);
    }
}
template <class A, class T>
void get(A& ar, std::vector<T>& values, const Limit& limit) {
    std::uint64_t count = 0;
    get(ar, count, limit);
    limit.require(count, std::is_arithmetic_v<T> ? sizeof(T) : 8);
    values.resize(static_cast<std::size_t>(count));
    if constexpr (std::is_arithmetic_v<T>) {
        get_block(ar, values.data(), values.size());
    } else {
        for (T& value : values) get(ar, value, limit);
    }
}

template <class A, class S, int Rows, int Cols>
void put(A& ar, const Eigen::Matrix<S, Rows, Cols>& m) {
    put(ar, static_cast<std::int64_t>(m.rows()));
    put(ar, static_cast<std::int64_t>(m.cols()));
    put_block(ar, m.data(), static_cast<std::size_t>(m.size()));
}
template <class A, class S, int Rows, int Cols>
void get(A& ar, Eigen::Matrix<S, Rows, Cols>& m, const Limit& limit) {
    std::int64_t rows = 0, cols = 0;
    get(ar, rows, limit);
    get(ar, cols, limit);
    const bool fits =
        rows >= 0 && cols >= 0 && (Rows == Eigen::Dynamic || rows == Rows) && (Cols == Eigen::Dynamic || cols == Cols);
    if (!fits) raise<FormatError>("archive", "shape of a matrix", shape_text(rows, cols), "a possible one");
    limit.require(static_cast<std::uint64_t>(rows), sizeof(S));
    limit.require(static_cast<std::uint64_t>(cols),
                  sizeof(S) * std::max<std::uint64_t>(1, static_cast<std::uint64_t>(rows)));
    m.resize(rows, cols);
    get_block(ar, m.data(), static_cast<std::size_t>(m.size()));
}

}  // namespace renn::detail
// renn/io/frame.hpp - the head of every renn file: what it is, and that it arrived whole.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

// renn/core/rng.hpp - random numbers by the library's own formulas, the same with every compiler.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <utility>

namespace renn {

/// Bijective mixing of 64 bits. Source: the finaliser of SplitMix64, Steele, Lea and Flood (2014).
constexpr std::uint64_t mix(std::uint64_t z) noexcept {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

/// A key from two: draws with different keys are independent for all practical purposes.
constexpr std::uint64_t mix(std::uint64_t key, std::uint64_t value) noexcept {
    return mix(mix(key + 0x9e3779b97f4a7c15ULL) ^ (value + 0x9e3779b97f4a7c15ULL));
}

/// A counter-based generator: draw n depends on (seed, n) alone, so its position is one number that a checkpoint
/// can keep. Source: SplitMix64.
class Rng {
public:
    constexpr explicit Rng(std::uint64_t seed = 0, std::uint64_t position = 0) noexcept
        : seed_(seed), position_(position) {}

    constexpr std::uint64_t bits() noexcept { return mix(mix(seed_) + ++position_ * 0x9e3779b97f4a7c15ULL); }

    /// In [0, 1), 53 random bits.
    constexpr double uniform() noexcept { return static_cast<double>(bits() >> 11) * 0x1.0p-53; }

    constexpr double uniform(double low, double high) noexcept { return low + (high - low) * uniform(); }

    /// Standard normal; Box and Muller (1958), one of the pair.
    double normal() noexcept {
        const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
        return radius * std::cos(2.0 * std::numbers::pi * uniform());
    }

    /// In 0..n-1, without bias; n > 0. Rejects draws from the incomplete last copy of 0..n-1.
    constexpr std::uint64_t below(std::uint64_t n) noexcept {
        const std::uint64_t reject = (~n + 1) % n;  // 2^64 mod n
        std::uint64_t draw = bits();
        while (draw < reject) draw = bits();
        return draw % n;
    }

    constexpr std::uint64_t seed() const noexcept { return seed_; }
    constexpr std::uint64_t position() const noexcept { return position_; }

private:
    std::uint64_t seed_;
    std::uint64_t position_;
};

/// Fisher-Yates shuffle of any random-access container.
template <class C>
void shuffle(C& items, Rng& rng) {
    for (std::size_t i = items.size(); i > 1; --i) {
        using std::swap;
        swap(items[i - 1], items[static_cast<std::size_t>(rng.below(i))]);
    }
}

}  // namespace renn

namespace renn::detail {

/// 64 bytes before the payload, all of them checked before anything is allocated or parsed:
///
///     0  magic, 8 bytes          24  scalar bytes, u32         48  zero
///     8  format version, u32     28  zero                      56  checksum of bytes 0..55, u64
///     12 byte order mark, u32    32  payload bytes, u64
///     16 content, 8 characters   40  payload checksum, u64
struct FrameHead {
    static constexpr std::string_view magic{"\x89RENN\r\n\x1a", 8};
    static constexpr std::uint32_t current_version = 1;
    static constexpr std::uint32_t order_mark = 0x01020304;

    char magic_bytes[8];
    std::uint32_t version;
    std::uint32_t byte_order;
    char content[8];
    std::uint32_t scalar_bytes;
    std::uint32_t zero = 0;
    std::uint64_t payload_bytes;
    std::uint64_t payload_checksum;
    std::uint64_t zero_too = 0;
    std::uint64_t head_checksum;
};
static_assert(sizeof(FrameHead) == 64);

/// 64-bit checksum of a stream of bytes, four words at a time. It finds damage, it does not resist forgery.
class Checksum {
public:
    void add(const char* bytes, std::size_t count) {
        length_ += count;
        while (count > 0) {
            const std::size_t taken = std::min(count, sizeof(block_) - filled_);
            std::memcpy(block_.data() + filled_, bytes, taken);
            filled_ += taken;
            bytes += taken;
            count -= taken;
            if (filled_ == sizeof(block_)) digest();
        }
    }
    std::uint64_t value() {
        std::memset(block_.data() + filled_, 0, sizeof(block_) - filled_);
        digest();
        std::uint64_t result = length_;
        for (const std::uint64_t lane : lanes_) result = mix(result, lane);
        return result;
    }

private:
    void digest() {
        for (std::size_t i = 0; i < 4; ++i) {
            std::uint64_t word = 0;
            std::memcpy(&word, block_.data() + 8 * i, 8);
            lanes_[i] = std::rotl((lanes_[i] ^ word) * 0x9e3779b97f4a7c15ULL, 29);
        }
        filled_ = 0;
    }
    std::array<char, 32> block_;
    std::array<std::uint64_t, 4> lanes_{1, 2, 3, 4};
    std::size_t filled_ = 0;
    std::uint64_t length_ = 0;
};

inline std::uint64_t checksum_of(const void* bytes, std::size_t count) {
    Checksum sum;
    sum.add(static_cast<const char*>(bytes), count);
    return sum.value();
}

/// Checksum of the next `count` bytes of a file.
inline std::uint64_t checksum_of(InputFile& file, std::uint64_t count) {
    Checksum sum;
    std::vector<char> buffer(std::size_t{1} << 16);
    while (count > 0) {
        const std::uint64_t piece = std::min<std::uint64_t>(count, buffer.size());
        file.read(buffer.data(), piece);
        sum.add(buffer.data(), static_cast<std::size_t>(piece));
        count -= piece;
    }
    return sum.value();
}

/// Writes a framed file: `payload(stream)` writes what follows the head. The file appears under its name only when it
/// is whole. Throws FormatError if it cannot be written.
template <class Payload>
void write_frame(const std::string& path, std::string_view content, std::uint32_t scalar_bytes, Payload&& payload) {
    const std::string partial = path + ".partial";
    struct Remove {
        const std::string& path;
        bool armed = true;
        ~Remove() {
            if (armed) std::remove(path.c_str());
        }
    } remove{partial};
    const auto require = [&path](bool fine, const char* what) {
        if (!fine) raise<FormatError>("save: " + path, what);
    };

    FrameHead head{};
    {
        std::ofstream out(partial, std::ios::binary | std::ios::trunc);
        require(static_cast<bool>(out), "cannot be created");
        out.write(reinterpret_cast<const char*>(&head), sizeof(head));
        payload(out);
        out.close();
        require(static_cast<bool>(out), "cannot be written (disk full?)");
    }
    {
        InputFile written("save", partial);
        std::array<char, sizeof(head)> skip;
        written.read(skip.data(), skip.size());
        head.payload_bytes = written.size() - sizeof(head);
        head.payload_checksum = checksum_of(written, head.payload_bytes);
    }
    std::copy(FrameHead::magic.begin(), FrameHead::magic.end(), head.magic_bytes);
    head.version = FrameHead::current_version;
    head.byte_order = FrameHead::order_mark;
    std::copy(content.begin(), content.end(), head.content);
    head.scalar_bytes = scalar_bytes;
    head.head_checksum = checksum_of(&head, offsetof(FrameHead, head_checksum));
    {
        std::fstream out(partial, std::ios::binary | std::ios::in | std::ios::out);
        out.write(reinterpret_cast<const char*>(&head), sizeof(head));
        out.close();
        require(static_cast<bool>(out), "cannot be written (disk full?)");
    }
    require(std::rename(partial.c_str(), path.c_str()) == 0, "cannot be renamed into place");
    remove.armed = false;
}

inline std::string content_text(const char (&content)[8]) {
    const std::string_view all(content, sizeof(content));
    const std::string_view text = all.substr(0, all.find('\0'));
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    return plain ? std::string(text) : "something else";
}

/// Checks head and checksum of a framed file; returns the payload's length. The payload begins at byte 64.
/// Throws FormatError for a foreign, truncated, damaged or newer file or another content, MismatchError for another
/// scalar.
inline std::uint64_t check_frame(const std::string& path, std::string_view content, std::uint32_t scalar_bytes) {
    InputFile file("load", path);
    FrameHead head{};
    const std::uint64_t start = std::min<std::uint64_t>(file.size(), FrameHead::magic.size());
    file.read(head.magic_bytes, start);
    if (!std::equal(head.magic_bytes, head.magic_bytes + start, FrameHead::magic.begin())) {
        file.fail("not a renn file");
    }
    file.require(sizeof(head));
    file.read(reinterpret_cast<char*>(&head) + start, sizeof(head) - start);
    if (head.byte_order == std::uint32_t{0x04030201}) file.fail("written on a machine of the other byte order");
    if (head.version > FrameHead::current_version && head.version < 1000) {
        file.fail("format version", std::to_string(head.version),
                  "at most " + std::to_string(FrameHead::current_version) + "; it is from a newer renn");
    }
    if (head.head_checksum != checksum_of(&head, offsetof(FrameHead, head_checksum))) file.fail("damaged head");
    if (head.version != FrameHead::current_version) {
        file.fail("format version", std::to_string(head.version), std::to_string(FrameHead::current_version));
    }
    const std::string got = content_text(head.content);
    if (got != content) file.fail("content", got, std::string(content));
    if (head.scalar_bytes != scalar_bytes) {
        raise<MismatchError>(file.context(), "scalar", "float" + std::to_string(8 * head.scalar_bytes),
                             "float" + std::to_string(8 * scalar_bytes));
    }
    if (head.payload_bytes > file.size()) file.require(head.payload_bytes);
    file.require_exactly(sizeof(head) + head.payload_bytes);
    if (checksum_of(file, head.payload_bytes) != head.payload_checksum) file.fail("damaged: the checksum is wrong");
    return head.payload_bytes;
}

}  // namespace renn::detail
// renn/network/network.hpp - layers one after another, and the one walk over them.

#include <array>
#include <bit>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

// renn/network/checked_layer.hpp - what the compiler can say about layers that stand one after another.

#include <type_traits>
#include <utility>


namespace renn::detail {

template <class L>
struct CheckedLayer {
    static_assert(Layer<L>, "renn::Network: this type is not a renn::Layer (see the concept in core/layer.hpp)");
    static constexpr bool value = true;
    static constexpr Index in = [] {
        if constexpr (requires { L::fixed_in; }) return L::fixed_in;
        return Dynamic;
    }();
    /// What comes out if `width` goes in; Dynamic where only run time knows.
    static constexpr Index out(Index width) {
        if constexpr (requires { L::fixed_out; }) return L::fixed_out;
        return width;
    }
};

template <Index OutOfLayer, Index InOfNext>
struct FeaturesFit {
    static_assert(OutOfLayer == Dynamic || InOfNext == Dynamic || OutOfLayer == InOfNext,
                  "renn::Network: out_features of a layer must equal in_features of the next");
    static constexpr bool value = true;
};

template <Index Width>
consteval Index features_chain() {
    return Width;
}
/// Output width of the layers for an input of `Width`; does not compile where two neighbours do not fit.
template <Index Width, class First, class... Rest>
consteval Index features_chain() {
    static_assert(FeaturesFit<Width, CheckedLayer<First>::in>::value);
    return features_chain<CheckedLayer<First>::out(Width), Rest...>();
}

/// Moves a layer's parameters out where it lets us; the network keeps them, the layer keeps its shape.
template <class L>
typename L::Parameters take_parameters(L& layer) {
    if constexpr (std::is_same_v<decltype(layer.parameters()), typename L::Parameters&>) {
        return std::exchange(layer.parameters(), typename L::Parameters{});
    } else {
        return layer.parameters();
    }
}

}  // namespace renn::detail
// renn/network/gradient.hpp - the first two rules of the reverse walk: gradients by the chain rule.


namespace renn {

/// dL/dY of every layer, and in each step's `gradient`, where there is one, dL/dW.
struct ParameterGradient {};

/// dL/dX alone; no parameter gradient is computed.
struct InputGradient {};

namespace detail {

/// Layer::backward, with scratch for what is not wanted where the layer insists on writing it.
template <class L, class Dx, class G>
void backward(const Step<L>& s, X<L> above, Dx& dx, G& g) {
    if constexpr (requires { s.layer.backward(s.weights, s.x, s.y, s.cache, above, dx, g); }) {
        s.layer.backward(s.weights, s.x, s.y, s.cache, above, dx, g);
    } else if constexpr (!is_wanted<Dx>) {
        Batch<typename L::Scalar> unused;
        backward(s, above, unused, g);
    } else {
        static_assert(!is_wanted<G>, "renn: a layer's backward must accept dx and g: see DifferentiableLayer");
        typename L::Parameters unused = s.weights;
        s.layer.backward(s.weights, s.x, s.y, s.cache, above, dx, unused);
    }
}

}  // namespace detail

template <class L, class Below>
void reverse(const ParameterGradient&, const Step<L>& s, X<L> above, Below& below) {
    static_assert(DifferentiableLayer<L>,
                  "renn: this layer has no backward: see DifferentiableLayer in core/layer.hpp");
    if (s.gradient != nullptr) {
        detail::backward(s, above, below, *s.gradient);
    } else {
        NotWanted none;
        detail::backward(s, above, below, none);
    }
}

template <class L, class Below>
void reverse(const InputGradient&, const Step<L>& s, X<L> above, Below& below) {
    static_assert(DifferentiableLayer<L>,
                  "renn: this layer has no backward: see DifferentiableLayer in core/layer.hpp");
    NotWanted none;
    detail::backward(s, above, below, none);
}

}  // namespace renn
// renn/network/path.hpp - where in a nested network a walk stands, without touching the heap.

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>


namespace renn::detail {

/// "residual1/dense2": grows while a walk goes into a nested network, shrinks when it comes back.
class Path {
public:
    std::string_view view() const noexcept { return {text_.data(), size_}; }

    /// Appends one name for as long as the returned guard lives.
    auto enter(std::string_view name) {
        struct Guard {
            Path& path;
            std::size_t before;
            ~Guard() { path.size_ = before; }
        };
        const std::size_t before = size_;
        const std::size_t slash = size_ == 0 ? 0 : 1;
        if (before + slash + name.size() > text_.size()) {
            raise<ShapeError>("Network", "length of a layer's path", "more than " + std::to_string(text_.size()),
                              "shorter names or less nesting");
        }
        if (slash == 1) text_[size_++] = '/';
        std::copy(name.begin(), name.end(), text_.begin() + static_cast<std::ptrdiff_t>(size_));
        size_ += name.size();
        return Guard{*this, before};
    }

private:
    std::array<char, 480> text_;
    std::size_t size_ = 0;
};

}  // namespace renn::detail

namespace renn {
/// What a pass over a network leaves: every layer's output and cache. Used again, it allocates nothing.
template <class Net>
struct Workspace {
    Batch<typename Net::Scalar> output;
    typename Net::Cache cache;
};

/// Layers one after another. A network is itself a layer, so networks nest, and a value: copies share nothing.
///
/// Layers are named after their kind and number ("dense1", "relu1", "dense2"); rename() gives better names.
/// The parameters of all layers are one value, `Network::Parameters`, passed to every pass: a gradient, a mask or
/// another checkpoint may stand in its place.
///
/// Throws   ShapeError where run-time sizes do not fit, naming the layer; fixed sizes are checked by the compiler.
/// Threads  const members may run on several threads at once, each with its own Workspace.
template <class... Layers>
class Network {
    static_assert(sizeof...(Layers) > 0, "renn::Network: needs at least one layer");
    static_assert((detail::CheckedLayer<Layers>::value && ...));

public:
    using Scalar = typename std::tuple_element_t<0, std::tuple<Layers...>>::Scalar;
    static_assert((std::is_same_v<Scalar, typename Layers::Scalar> && ...),
                  "renn::Network: all layers must have the same Scalar");
    static constexpr std::string_view name = "Network";
    static constexpr std::size_t size = sizeof...(Layers);
    static constexpr Index fixed_in = detail::CheckedLayer<std::tuple_element_t<0, std::tuple<Layers...>>>::in;
    static constexpr Index fixed_out = detail::features_chain<fixed_in, Layers...>();
    static_assert(fixed_out >= Dynamic);  // not for its value: a constant that nobody asks for is not computed

    template <std::size_t I>
    using LayerType = std::tuple_element_t<I, std::tuple<Layers...>>;

    struct Parameters {
        std::tuple<typename Layers::Parameters...> layers;
        auto blocks() noexcept {
            return std::apply([](auto&... p) { return std::tie(p...); }, layers);
        }
        auto blocks() const noexcept {
            return std::apply([](const auto&... p) { return std::tie(p...); }, layers);
        }
    };

    struct Cache {
        std::array<Batch<Scalar>, size - 1> outputs;  ///< of every layer but the last
        std::array<Batch<Scalar>, size - 1> deltas;   ///< what a reverse walk brings below every layer but the first
        std::tuple<typename Layers::Cache...> layers;
    };

    explicit Network(Layers... layers) : layers_(std::move(layers)...) {
        take_over();
        check_sizes();
    }

    /// Layers as they are by default, without sizes yet where the type does not say them; for loading.
    Network() requires(std::is_default_constructible_v<Layers>&&...) { take_over(); }

    const Parameters& parameters() const noexcept { return parameters_; }
    Parameters& parameters() noexcept { return parameters_; }

    template <std::size_t I>
    const LayerType<I>& layer() const noexcept {
        return std::get<I>(layers_);
    }
    template <std::size_t I>
    LayerType<I>& layer() noexcept {
        return std::get<I>(layers_);
    }

    const std::array<std::string, size>& names() const noexcept { return names_; }

    /// Throws DataError if the name is empty, has a '/', or is another layer's.
    void rename(std::size_t index, std::string new_name) {
        if (index >= size) {
            detail::raise<DataError>("Network::rename", "layer", std::to_string(index),
                                     "0.." + std::to_string(size - 1));
        }
        auto changed = names_;
        changed[index] = std::move(new_name);
        rename_all(std::move(changed));
    }
    void rename_all(std::array<std::string, size> new_names) {
        for (std::size_t i = 0; i < size; ++i) {
            if (new_names[i].empty() || new_names[i].find('/') != std::string::npos) {
                detail::raise<DataError>("Network::rename", "name", "\"" + new_names[i] + "\"", "a name without '/'");
            }
            for (std::size_t j = 0; j < i; ++j) {
                if (new_names[i] == new_names[j]) {
                    detail::raise<DataError>("Network::rename",
                                             "name of layers " + std::to_string(j) + " and " + std::to_string(i),
                                             "\"" + new_names[i] + "\" twice", "a name of its own for each");
                }
            }
        }
        names_ = std::move(new_names);
    }

    /// Input width, or Dynamic if any will do.
    Index in_features() const noexcept {
        Index width = Dynamic;
        const auto one = [&width](const auto& l) {
            if constexpr (requires { l.in_features(); }) width = width == Dynamic ? l.in_features() : width;
            return width == Dynamic;
        };
        std::apply([&](const auto&... l) { (one(l) && ...); }, layers_);
        return width;
    }

    /// Output width, or Dynamic if it follows the input.
    Index out_features() const noexcept {
        Index width = Dynamic;
        const auto one = [&width](const auto& l) {
            if constexpr (requires { l.out_features(); })
                width = l.out_features() == Dynamic ? width : l.out_features();
        };
        std::apply([&](const auto&... l) { (one(l), ...); }, layers_);
        return width;
    }

    /// Runs the network and returns its output, features x samples, which lives in the workspace.
    /// The visitor sees every layer as a Step just after it ran.
    template <class V = NoVisit>
    const Batch<Scalar>& forward(const BatchView<Scalar>& x, Workspace<Network>& workspace, const Pass& pass = {},
                                 V&& visitor = {}) const {
        detail::Path path;
        walk(parameters_, x, workspace.output, workspace.cache, pass, visitor, path);
        return workspace.output;
    }

    /// As forward, with a workspace of its own and only the output returned.
    Batch<Scalar> predict(const BatchView<Scalar>& x) const {
        Workspace<Network> workspace;
        forward(x, workspace);
        return std::move(workspace.output);
    }

    /// The forward walk. Goes into nested networks, so a visitor sees their layers too, then the network itself.
    template <class V>
    void walk(const Parameters& w, const BatchView<Scalar>& x, Batch<Scalar>& y, Cache& cache, const Pass& pass,
              V& visitor, detail::Path& path) const {
        walk_from<0>(w, x, y, cache, pass, visitor, path);
    }

    /// The reverse walk, after a forward walk with the same x, y and cache: hands every layer to
    /// `reverse(rule, step, above, below)`, from the last to the first. `below` is a Batch, or NotWanted.
    template <class Rule, class Below>
    void walk_back(Rule& rule, const Parameters& w, const BatchView<Scalar>& x, const BatchView<Scalar>& y,
                   Cache& cache, const BatchView<Scalar>& above, Below& below, Parameters* gradient,
                   detail::Path& path) const {
        back_from<size - 1>(rule, w, x, y, cache, above, below, gradient, path);
    }

    /// Reverse walk over the last forward pass of `workspace` for the same x.
    template <class Rule, class Below>
    void reverse_walk(Rule&& rule, const BatchView<Scalar>& x, Workspace<Network>& workspace,
                      const BatchView<Scalar>& above, Below& below, Parameters* gradient = nullptr) const {
        detail::Path path;
        walk_back(rule, parameters_, x, workspace.output, workspace.cache, above, below, gradient, path);
    }

    void forward(const Parameters& w, const BatchView<Scalar>& x, Batch<Scalar>& y, Cache& cache,
                 const Pass& pass) const {
        detail::Path path;
        NoVisit visitor;
        walk(w, x, y, cache, pass, visitor, path);
    }

    template <class Dx, class G>
    void backward(const Parameters& w, const BatchView<Scalar>& x, const BatchView<Scalar>& y, Cache& cache,
                  const BatchView<Scalar>& dy, Dx& dx, G& g) const {
        detail::Path path;
        if constexpr (is_wanted<G>) {
            ParameterGradient rule;
            walk_back(rule, w, x, y, cache, dy, dx, &g, path);
        } else {
            InputGradient rule;
            walk_back(rule, w, x, y, cache, dy, dx, nullptr, path);
        }
    }

    /// Calls f(path, layer, parameters) for every layer, into nested networks, in order. `parameters` may be any value
    /// of this network's Parameters; constness of both is passed on.
    template <class Self, class P, class F>
    static void for_each_layer(Self& self, P& parameters, F&& f, detail::Path& path) {
        each_from<0>(self, parameters, f, path);
    }

    /// "[Dense, ReLU, Dense]": the kinds of layers alone.
    static std::string kinds() {
        std::string text;
        const auto one = [&text]<class L>(std::type_identity<L>) {
            if (!text.empty()) text += ", ";
            if constexpr (requires { L::kinds(); }) {
                text += L::kinds();
            } else {
                text += L::name;
            }
        };
        (one(std::type_identity<Layers>{}), ...);
        return "[" + text + "]";
    }

    /// "[Dense 784 -> 128, ReLU, Dense 128 -> 10]": what the network is without its parameters' values.
    std::string describe() const {
        std::string text;
        std::apply(
            [&text](const auto&... l) {
                const auto one = [&text](const auto& layer) {
                    if (!text.empty()) text += ", ";
                    if constexpr (requires { layer.describe(); }) {
                        text += layer.describe();
                    } else {
                        text += layer.name;
                    }
                };
                (one(l), ...);
            },
            layers_);
        return "[" + text + "]";
    }

    /// Throws ShapeError naming the layer whose in_features are not what comes out before it.
    void check_sizes() const {
        Index width = Dynamic;
        std::size_t i = 0;
        const auto one = [&](const auto& l) {
            if constexpr (requires {
                              l.in_features();
                              l.out_features();
                          }) {
                if (width != Dynamic && l.in_features() != Dynamic && width != l.in_features()) {
                    detail::raise<ShapeError>(
                        "Network", "in_features of layer " + std::to_string(i) + " (" + names_[i] + ")",
                        std::to_string(l.in_features()), std::to_string(width) + ", the out_features before it");
                }
                width = l.out_features() == Dynamic ? width : l.out_features();
            }
            ++i;
        };
        std::apply([&](const auto&... l) { (one(l), ...); }, layers_);
    }

private:
    template <std::size_t I>
    Batch<Scalar>& output_of(Batch<Scalar>& y, Cache& cache) const {
        if constexpr (I + 1 == size) {
            return y;
        } else {
            return cache.outputs[I];
        }
    }

    template <std::size_t I, class Self, class P, class F>
    static void each_from(Self& self, P& parameters, F& f, detail::Path& path) {
        auto& layer = std::get<I>(self.layers_);
        auto& weights = std::get<I>(parameters.layers);
        {
            const auto guard = path.enter(self.names_[I]);
            if constexpr (requires { LayerType<I>::for_each_layer(layer, weights, f, path); }) {
                LayerType<I>::for_each_layer(layer, weights, f, path);
            } else {
                f(path.view(), layer, weights);
            }
        }
        if constexpr (I + 1 < size) each_from<I + 1>(self, parameters, f, path);
    }

    template <std::size_t I, class V>
    void walk_from(const Parameters& w, const BatchView<Scalar>& x, Batch<Scalar>& y, Cache& cache, const Pass& pass,
                   V& visitor, detail::Path& path) const {
        using L = LayerType<I>;
        const L& layer = std::get<I>(layers_);
        const auto& weights = std::get<I>(w.layers);
        auto& inner_cache = std::get<I>(cache.layers);
        Batch<Scalar>& out = output_of<I>(y, cache);
        Pass inner = pass;
        inner.path = mix(pass.path, I + 1);
        {
            const auto guard = path.enter(names_[I]);
            if constexpr (requires { layer.walk(weights, x, out, inner_cache, inner, visitor, path); }) {
                layer.walk(weights, x, out, inner_cache, inner, visitor, path);
            } else {
                layer.forward(weights, x, out, inner_cache, inner);
            }
            const BatchView<Scalar> seen(out);
            visitor.visit(Step<L>{path.view(), I, layer, weights, x, seen, inner_cache});
        }
        if constexpr (I + 1 < size) walk_from<I + 1>(w, BatchView<Scalar>(out), y, cache, pass, visitor, path);
    }

    template <std::size_t I, class Rule, class Below>
    void back_from(Rule& rule, const Parameters& w, const BatchView<Scalar>& x, const BatchView<Scalar>& y,
                   Cache& cache, const BatchView<Scalar>& above, Below& below, Parameters* gradient,
                   detail::Path& path) const {
        using L = LayerType<I>;
        const auto one = [&](const BatchView<Scalar>& in, const BatchView<Scalar>& out, auto& under) {
            const L& layer = std::get<I>(layers_);
            const auto& weights = std::get<I>(w.layers);
            auto& inner_cache = std::get<I>(cache.layers);
            typename L::Parameters* slot = gradient == nullptr ? nullptr : &std::get<I>(gradient->layers);
            const auto guard = path.enter(names_[I]);
            if constexpr (requires {
                              layer.walk_back(rule, weights, in, out, inner_cache, above, under, slot, path);
                          }) {
                layer.walk_back(rule, weights, in, out, inner_cache, above, under, slot, path);
            } else {
                reverse(rule, Step<L>{path.view(), I, layer, weights, in, out, inner_cache, slot}, above, under);
            }
        };
        if constexpr (I == 0) {
            one(x, y, below);
        } else {
            one(BatchView<Scalar>(cache.outputs[I - 1]), y, cache.deltas[I - 1]);
            back_from<I - 1>(rule, w, x, BatchView<Scalar>(cache.outputs[I - 1]), cache,
                             BatchView<Scalar>(cache.deltas[I - 1]), below, gradient, path);
        }
    }

    void take_over() {
        [this]<std::size_t... I>(std::index_sequence<I...>) {
            ((std::get<I>(parameters_.layers) = detail::take_parameters(std::get<I>(layers_))), ...);
        }
        (std::index_sequence_for<Layers...>{});
        give_default_names();
    }

    void give_default_names() {
        const std::array<std::string_view, size> kinds{Layers::name...};
        for (std::size_t i = 0; i < size; ++i) {
            int number = 1;
            for (std::size_t j = 0; j < i; ++j) number += kinds[j] == kinds[i];
            names_[i].clear();
            for (const char c : kinds[i]) {
                names_[i] += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            }
            names_[i] += std::to_string(number);
        }
    }

    Parameters parameters_;
    std::tuple<Layers...> layers_;
    std::array<std::string, size> names_;
};

/// Calls f(path, layer, parameters) for every layer of a network, also inside nested ones, in order.
template <class Net, class F>
    requires requires {
        typename Net::Parameters;
    }
void for_each_layer(Net& net, F&& f) {
    detail::Path path;
    std::remove_const_t<Net>::for_each_layer(net, net.parameters(), f, path);
}

namespace detail {

/// Mixes structure and parameter bits into one number, in the flat parameter order.
template <class P>
std::uint64_t hash_parameters(const P& parameters, std::uint64_t hash) {
    for_each_block(
        [&hash](const auto& block) {
            hash = mix(hash, static_cast<std::uint64_t>(block.rows()));
            hash = mix(hash, static_cast<std::uint64_t>(block.cols()));
            for (Index i = 0; i < block.rows(); ++i) {
                for (Index j = 0; j < block.cols(); ++j) {
                    hash = mix(hash, std::bit_cast<std::uint64_t>(static_cast<double>(block(i, j))));
                }
            }
        },
        parameters);
    return hash;
}

inline std::uint64_t hash_text(std::string_view text, std::uint64_t hash) {
    for (const char c : text) hash = mix(hash, static_cast<std::uint64_t>(static_cast<unsigned char>(c)));
    return hash;
}

template <class C>
std::uint64_t hash_constant(const C& constant, std::uint64_t hash) {
    if constexpr (std::is_arithmetic_v<C>) {
        return mix(hash, std::bit_cast<std::uint64_t>(static_cast<double>(constant)));
    } else {
        return hash_parameters(constant, hash);
    }
}

}  // namespace detail

/// One number for a network's structure, its layers' constants() and its parameters: two networks that differ in a bit
/// of these have different fingerprints, for all practical purposes.
template <class Net>
    requires requires {
        typename Net::Parameters;
    }
std::uint64_t fingerprint(const Net& net) {
    std::uint64_t hash = detail::hash_text(net.describe(), 0);
    for_each_layer(net, [&hash](std::string_view, const auto& layer, const auto& parameters) {
        if constexpr (requires { layer.constants(); }) {
            std::apply([&hash](const auto&... c) { ((hash = detail::hash_constant(c, hash)), ...); },
                       layer.constants());
        }
        hash = detail::hash_parameters(parameters, hash);
    });
    return hash;
}

}  // namespace renn
// renn/retrace/traced_network.hpp - a network that remembers its training samples.

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

// renn/core/parallel.hpp - one loop over several threads, with errors that reach the caller.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>


namespace renn::detail {

/// 0 asks for every core; never more threads than tasks, never fewer than one.
inline int thread_count(int wanted, Index tasks) {
    const Index limit = wanted > 0 ? wanted : static_cast<Index>(std::max(1U, std::thread::hardware_concurrency()));
    return static_cast<int>(std::clamp<Index>(tasks, 1, limit));
}

/// Calls work(task, worker) for every task in 0..tasks-1, each once, tasks handed out in ascending order.
/// The calling thread is worker 0, and only there is `after_each(finished)` called, at the latest when all is done;
/// returning false stops handing out tasks. The first error of any worker stops the others; all threads are joined
/// before it is rethrown. Returns false if it was stopped by after_each.
template <class Work, class AfterEach>
bool parallel_for(Index tasks, int threads, Work&& work, AfterEach&& after_each) {
    std::atomic<Index> next{0};
    std::atomic<Index> finished{0};
    std::atomic<bool> stop{false};
    bool cancelled = false;
    Index told = 0;
    std::exception_ptr error;
    std::mutex error_guard;

    const auto run = [&](int worker) {
        try {
            while (!stop.load(std::memory_order_relaxed)) {
                const Index task = next.fetch_add(1);
                if (task >= tasks) break;
                work(task, worker);
                const Index count = finished.fetch_add(1) + 1;
                if (worker != 0) continue;
                told = count;
                if (!after_each(count)) {
                    cancelled = true;
                    stop = true;
                }
            }
        } catch (...) {
            const std::lock_guard lock(error_guard);
            if (!error) error = std::current_exception();
            stop = true;
        }
    };

    std::vector<std::jthread> helpers;  // joins on every way out
    const int count = thread_count(threads, tasks);
    helpers.reserve(static_cast<std::size_t>(count - 1));
    for (int worker = 1; worker < count; ++worker) helpers.emplace_back(run, worker);
    run(0);
    helpers.clear();
    if (error) std::rethrow_exception(error);
    if (!cancelled && told < tasks) cancelled = !after_each(tasks);  // a helper did the last task
    return !cancelled;
}

template <class Work>
void parallel_for(Index tasks, int threads, Work&& work) {
    parallel_for(tasks, threads, work, [](Index) { return true; });
}

}  // namespace renn::detail
// renn/core/progress.hpp - how long work tells where it is, and how it is told to stop.

#include <cstdint>
#include <functional>
#include <string_view>

namespace renn {

struct Progress {
    std::uint64_t done = 0;
    std::uint64_t total = 0;  ///< 0 if unknown
    std::string_view phase;   ///< "training", "recording", "indexing"
};

/// Called now and then, always by the thread that started the work, `done` never falling; returning false cancels.
/// What it throws ends the work and reaches the caller.
using ProgressCallback = std::function<bool(const Progress&)>;

}  // namespace renn
// renn/index/neuron_index.hpp - one search structure a neuron, built when it is first asked.

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

// renn/index/clipped.hpp - which samples a rectifier holds at 0, asked sample by sample and class by class.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace renn::detail {

/// An inactive ReLU ties with half of all samples. For such groups this table answers "is this sample one of them" with
/// one bit, a sample's bits side by side, and "how many of them are of class c" without looking at any.
/// Memory   one bit a sample and unit, four bytes a class and unit.
class Clipped {
public:
    Clipped() = default;
    Clipped(std::size_t samples, std::size_t units, std::size_t classes)
        : words_((units + 63) / 64), classes_(classes), bits_(samples * words_, 0), counts_(units * classes, 0) {}

    /// Fills in some samples of one unit; those with a value not above 0 are clipped. Labels may be empty.
    template <class S>
    void add(std::size_t unit, std::span<const S> values, std::span<const std::int32_t> labels, std::size_t begin,
             std::size_t end) {
        const std::uint64_t bit = std::uint64_t{1} << (unit % 64);
        for (std::size_t s = begin; s < end; ++s) {
            if (values[s] > S(0)) continue;
            bits_[s * words_ + unit / 64] |= bit;
            if (!labels.empty()) ++counts_[unit * classes_ + static_cast<std::size_t>(labels[s])];
        }
    }

    bool holds(std::size_t unit, std::size_t sample) const noexcept {
        return ((bits_[sample * words_ + unit / 64] >> (unit % 64)) & 1U) != 0;
    }
    std::span<const std::uint32_t> by_class(std::size_t unit) const noexcept {
        return {counts_.data() + unit * classes_, classes_};
    }
    std::size_t bytes() const noexcept { return bits_.size() * 8 + counts_.size() * 4; }

private:
    std::size_t words_ = 0;
    std::size_t classes_ = 0;
    std::vector<std::uint64_t> bits_;
    std::vector<std::uint32_t> counts_;
};

}  // namespace renn::detail
// renn/index/window.hpp - the k nearest values of a sorted column, with their ties.

#include <algorithm>
#include <cstdint>


namespace renn {

/// Nearest values as ranges of sorted places. Let D be the distance of the k-th nearest: values in
/// [closer_begin, closer_end) are nearer than D, those in [tied_begin, closer_begin) and [closer_end, tied_end) are at
/// D exactly and share `places` = k - closer places. The ties may span several values on both sides of the query.
struct Window {
    std::uint32_t tied_begin = 0, closer_begin = 0, closer_end = 0, tied_end = 0;
    std::uint32_t closer = 0;  ///< samples nearer than the boundary
    std::uint32_t tied = 0;    ///< samples at the boundary
    std::uint32_t places = 0;
    double boundary = 0.0;  ///< D; 0 if k is 0
};

namespace detail {

/// First i in [from, to) for which `holds`, a property that once true stays true; `to` if none. Looks near `from`
/// first.
template <class P>
std::uint32_t gallop_up(std::uint32_t from, std::uint32_t to, const P& holds) {
    std::uint32_t step = 1;
    std::uint32_t low = from;
    while (from < to && !holds(from)) {
        low = from + 1;
        if (to - from <= step) {
            from = to;
            break;
        }
        from += step;
        step *= 2;
    }
    std::uint32_t high = from;
    while (low < high) {
        const std::uint32_t middle = low + (high - low) / 2;
        if (holds(middle)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/// Smallest i in [from, to] such that `holds` for all of [i, to); looks near `to` first.
template <class P>
std::uint32_t gallop_down(std::uint32_t from, std::uint32_t to, const P& holds) {
    const std::uint32_t length = to - from;
    return to - gallop_up(0U, length, [&](std::uint32_t i) { return !holds(to - 1 - i); });
}

}  // namespace detail

/// The k nearest of a column to `query`; k beyond the column's size acts as its size. `position` is how many values
/// are below the query. Distances are |double(a) - double(b)|, rounded once, so they grow on both sides of the query
/// and the k nearest are neighbours in the column: bisection finds where they begin. Cost   O(log k + log ties).
template <class S>
Window find_window(const ColumnView<S>& column, double query, std::uint32_t k, std::uint32_t position) {
    const std::uint32_t n = column.size;
    k = std::min(k, n);
    Window window;
    if (k == 0) return window;
    std::uint32_t low = position > k ? position - k : 0;
    std::uint32_t high = std::min(position, n - k);
    while (low < high) {
        const std::uint32_t middle = low + (high - low) / 2;
        if (column.distance(middle, query) > column.distance(middle + k, query)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const std::uint32_t begin = low;
    const std::uint32_t end = low + k;
    const double boundary = std::max(column.distance(begin, query), column.distance(end - 1, query));
    // Left of the query distances fall with the place, right of it they grow.
    const std::uint32_t left = std::clamp(position, begin, end);
    window.boundary = boundary;
    window.tied_begin =
        detail::gallop_down(0, begin, [&](std::uint32_t i) { return column.distance(i, query) <= boundary; });
    window.tied_end = detail::gallop_up(end, n, [&](std::uint32_t i) { return column.distance(i, query) > boundary; });
    window.closer_begin =
        detail::gallop_up(begin, left, [&](std::uint32_t i) { return column.distance(i, query) < boundary; });
    window.closer_end =
        detail::gallop_down(left, end, [&](std::uint32_t i) { return column.distance(i, query) >= boundary; });
    window.closer = window.closer_end - window.closer_begin;
    window.tied = window.tied_end - window.tied_begin - window.closer;
    window.places = k - window.closer;
    return window;
}

/// The same among the samples that `allowed(order)` admits. The ranges are of all samples; the counts of the allowed.
/// Cost   grows with the samples between the query and the k-th allowed one, and with the ties.
template <class S, class Allowed>
Window find_window_among(const ColumnView<S>& column, double query, std::uint32_t k, std::uint32_t position,
                         const Allowed& allowed) {
    const std::uint32_t n = column.size;
    const auto admits = [&](std::uint32_t i) { return allowed(column.order[column.place(i)]); };
    Window window;
    std::uint32_t below = position, above = position, found = 0;  // [below, above) is done
    while (found < k && (below > 0 || above < n)) {
        const bool go_down =
            above == n || (below > 0 && column.distance(below - 1, query) <= column.distance(above, query));
        const std::uint32_t i = go_down ? --below : above++;
        if (admits(i)) {
            ++found;
            window.boundary = column.distance(i, query);
        }
    }
    if (found == 0) return window;
    const double boundary = window.boundary;
    const auto closer = [&](std::uint32_t i) { return column.distance(i, query) < boundary; };
    const auto near = [&](std::uint32_t i) { return column.distance(i, query) <= boundary; };
    window.tied_begin = detail::gallop_down(0, below, near);
    window.tied_end = detail::gallop_up(above, n, [&](std::uint32_t i) { return !near(i); });
    window.closer_begin = detail::gallop_up(window.tied_begin, position, closer);
    window.closer_end = detail::gallop_down(position, window.tied_end, [&](std::uint32_t i) { return !closer(i); });
    for (std::uint32_t i = window.tied_begin; i < window.tied_end; ++i) {
        if (admits(i)) ++(i >= window.closer_begin && i < window.closer_end ? window.closer : window.tied);
    }
    window.places = found - window.closer;
    return window;
}

}  // namespace renn
// renn/tracing/derivation.hpp - how values that are not stored come from those that are.

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

// renn/tracing/point.hpp - the places of a network where values are taken.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>


namespace renn {

/// Pre-activation: what a layer with parameters puts out (the RENN report's "Sum"). Post-activation: what the
/// activation behind it makes of it ("Activation").
enum class Kind : std::uint8_t { pre, post };

inline std::string_view kind_name(Kind kind) noexcept {
    return kind == Kind::pre ? "pre" : "post";
}

/// What a recorder is told about a block of values.
struct Place {
    std::string_view name;
    Kind kind = Kind::pre;
    bool derived = false;  ///< the values follow, one by one, from those of the place reported just before
};

/// One traced place.
struct Point {
    std::string name;
    Kind kind = Kind::pre;
    Index layer = 0;                   ///< a layer with parameters and the activation behind it have one number
    Index width = 0;                   ///< values a sample has here
    Index derived_from = -1;           ///< point whose stored values this one is recomputed from; -1: stored itself
    std::vector<std::uint32_t> units;  ///< the recorded ones, ascending

    bool operator==(const Point&) const = default;
    bool stored() const noexcept { return derived_from < 0; }
    Index count() const noexcept { return static_cast<Index>(units.size()); }
    std::string text() const { return name + " (" + std::string(kind_name(kind)) + "-activation)"; }
};

/// One scalar that is traced: a point, and the unit's place among the recorded units of that point.
struct Unit {
    std::uint32_t point = 0;
    std::uint32_t unit = 0;
    bool operator==(const Unit&) const = default;
};

/// What to record. Empty lists take everything.
struct Selection {
    struct Units {
        std::string layer;
        std::vector<std::uint32_t> units;
    };
    std::vector<std::string> layers = {};  ///< names of places
    std::vector<Units> units = {};         ///< for some of them, only these units
    bool pre = true;
    bool post = true;
};

namespace detail {

/// Follows one run of a model through its table of points and refuses what does not repeat the first run.
class PointCursor {
public:
    explicit PointCursor(std::size_t points) : seen_(points, 0) {}

    void begin() {
        std::fill(seen_.begin(), seen_.end(), char{0});
        next_ = 0;
    }

    /// Index of the place in the table. Throws MismatchError for an unknown or repeated name, ShapeError for a wrong
    /// shape. `known(i)` gives name, kind and width of point i.
    template <class Known>
    std::size_t find(std::string_view name, Kind kind, Index rows, Index cols, Index batch, const Known& known) {
        std::size_t at = seen_.size();
        for (std::size_t i = 0; i < seen_.size(); ++i) {  // runs repeat their order: the first guess is right
            const std::size_t guess = (next_ + i) % seen_.size();
            if (known(guess).name == name && known(guess).kind == kind) {
                at = guess;
                break;
            }
        }
        const auto where = [name] { return "probe \"" + std::string(name) + "\""; };  // built for an error only
        if (at == seen_.size()) raise<MismatchError>(where(), "reported, but not by the first run");
        if (seen_[at] != 0) raise<MismatchError>(where(), "reported twice in one run; every place needs its own name");
        if (rows != known(at).width || cols != batch) {
            raise<ShapeError>(where(), "values", shape_text(rows, cols), shape_text(known(at).width, batch));
        }
        seen_[at] = 1;
        next_ = at + 1;
        return at;
    }

    template <class Known>
    void end(const Known& known) const {
        for (std::size_t i = 0; i < seen_.size(); ++i) {
            if (seen_[i] == 0) {
                raise<MismatchError>("probe \"" + std::string(known(i).name) + "\"",
                                     "missing: the first run reported it, this one did not");
            }
        }
    }

private:
    std::vector<char> seen_;
    std::size_t next_ = 0;
};

}  // namespace detail
}  // namespace renn

namespace renn {

/// How a post-activation comes from the pre-activation before it, value by value and bit by bit.
template <class S>
struct Derivation {
    const void* layer = nullptr;  ///< lives in the traced network
    void (*apply)(const void* layer, const S* in, S* out, Index n) = nullptr;
    std::optional<S> negative_slope = {};  ///< set if the activation is x > 0 ? x : slope * x with slope >= 0
};

namespace detail {

/// One derivation a point, empty for stored ones. The network must outlive them.
template <class Model>
std::vector<Derivation<typename Model::Scalar>> derivations(const Model& model, const std::vector<Point>& points) {
    using S = typename Model::Scalar;
    std::vector<Derivation<S>> result(points.size());
    if constexpr (requires { for_each_layer(model, [](auto&&...) {}); }) {
        for_each_layer(model, [&](std::string_view path, const auto& layer, const auto&) {
            using L = std::remove_cvref_t<decltype(layer)>;
            if constexpr (requires(const S* in, S* out) { layer.apply(in, out, Index{}); }) {
                for (std::size_t p = 0; p < points.size(); ++p) {
                    if (points[p].stored() || points[p].name != path) continue;
                    result[p].layer = &layer;
                    result[p].apply = [](const void* l, const S* in, S* out, Index n) {
                        static_cast<const L*>(l)->apply(in, out, n);
                    };
                    if constexpr (requires { layer.negative_slope(); }) {
                        if (layer.negative_slope() >= S(0)) result[p].negative_slope = layer.negative_slope();
                    }
                }
            }
        });
    }
    for (std::size_t p = 0; p < points.size(); ++p) {
        if (!points[p].stored() && result[p].apply == nullptr) {
            raise<MismatchError>("store", "point " + points[p].text(), "nothing to recompute it from",
                                 "an elementwise activation of that name in the network");
        }
    }
    return result;
}

}  // namespace detail
}  // namespace renn
// renn/tracing/memory_store.hpp - what recording leaves, in memory.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

// renn/tracing/pages.hpp - one large block of memory on large pages where the system has them.

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <type_traits>
#include <utility>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace renn::detail {

/// An uninitialised array that is first touched by whoever fills it. With 4 KiB pages that first touch costs a fifth
/// of a recording; a block of several megabytes is therefore aligned to 2 MiB and the system asked for large pages.
template <class T>
    requires std::is_trivially_copyable_v<T>
class Pages {
public:
    Pages() = default;
    explicit Pages(std::size_t size) : size_(size) {
        if (size == 0) return;
        if (size > static_cast<std::size_t>(-1) / sizeof(T) - large) throw std::bad_alloc();
        const std::size_t alignment = size * sizeof(T) >= 4 * large ? large : 64;
        const std::size_t bytes = (size * sizeof(T) + alignment - 1) / alignment * alignment;
        data_ = static_cast<T*>(std::aligned_alloc(alignment, bytes));
        if (data_ == nullptr) throw std::bad_alloc();
#ifdef __linux__
        if (alignment == large) madvise(data_, bytes, MADV_HUGEPAGE);  // a wish: its failure changes nothing but speed
#endif
    }
    Pages(const Pages& other) : Pages(other.size_) {
        std::copy_n(other.data_, size_, data_);
    }
    Pages(Pages&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Pages& operator=(Pages other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Pages() {
        std::free(data_);
    }

    T* data() noexcept {
        return data_;
    }
    const T* data() const noexcept {
        return data_;
    }
    std::size_t size() const noexcept {
        return size_;
    }

private:
    static constexpr std::size_t large = std::size_t{1} << 21;
    T* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace renn::detail

namespace renn {

/// Compiler, instruction set and scalar: activations have the same bits only where these are the same.
template <class S>
std::string build_description() {
    std::string text;
#if defined(__clang__)
    text = "clang " + std::to_string(__clang_major__);
#elif defined(__GNUC__)
    text = "gcc " + std::to_string(__GNUC__);
#else
    text = "other compiler";
#endif
    return text + ", " + Eigen::SimdInstructionSetsInUse() + ", float" + std::to_string(8 * sizeof(S));
}

/// The activation store: one block of values a stored point, unit after unit, each unit's values in sample order.
/// Beside it what is known of each sample. A plain value; samples are addressed by position here, by id outside.
template <class S>
class MemoryStore {
public:
    using Scalar = S;

    std::vector<Point> points;
    std::vector<std::uint64_t> ids;
    std::vector<std::int32_t> labels;       ///< one a sample, or empty
    std::vector<std::int32_t> predictions;  ///< one a sample, or empty for a model without outputs
    std::vector<std::string> tags;          ///< one a sample, or empty
    std::vector<std::string> class_names;
    Batch<S> outputs;               ///< outputs x samples: the logits
    std::uint64_t fingerprint = 0;  ///< of the model
    std::string build = build_description<S>();
    Batch<S> first_input;  ///< of foreign code: the first sample, to know the code again

    Index samples() const noexcept { return static_cast<Index>(ids.size()); }
    int classes() const noexcept {
        const std::int32_t top = labels.empty() ? -1 : *std::max_element(labels.begin(), labels.end());
        return std::max(static_cast<int>(top) + 1, static_cast<int>(class_names.size()));
    }

    /// Values of a unit in sample order; the point must be a stored one.
    std::span<const S> values(Unit u) const noexcept {
        const Pages& block = blocks_[u.point];
        return {block.data() + static_cast<std::size_t>(u.unit) * static_cast<std::size_t>(capacity_),
                static_cast<std::size_t>(samples())};
    }

    /// Where recording writes a unit's values; room for `capacity` samples.
    S* column(std::size_t point, Index unit) noexcept {
        return blocks_[point].data() + static_cast<std::size_t>(unit * capacity_);
    }
    Index capacity() const noexcept { return capacity_; }

    /// Makes room for more samples, keeping the first `filled` of every unit.
    void reserve(Index capacity, Index filled) {
        std::vector<Pages> larger(points.size());
        for (std::size_t p = 0; p < points.size(); ++p) {
            if (!points[p].stored()) continue;
            larger[p] = Pages(static_cast<std::size_t>(points[p].count() * capacity));
            for (Index u = 0; u < points[p].count() && filled > 0; ++u) {
                std::copy_n(column(p, u), filled, larger[p].data() + static_cast<std::size_t>(u * capacity));
            }
        }
        blocks_ = std::move(larger);
        capacity_ = capacity;
    }

    /// Position of a sample. Throws DataError for an unknown id. O(1) for ascending ids without gaps, else O(log n).
    Index position_of(std::uint64_t id) const {
        const auto at = std::lower_bound(by_id_.begin(), by_id_.end(), id,
                                         [this](std::uint32_t i, std::uint64_t wanted) { return ids[i] < wanted; });
        if (!by_id_.empty()) {
            if (at != by_id_.end() && ids[*at] == id) return static_cast<Index>(*at);
        } else {
            const auto found = std::lower_bound(ids.begin(), ids.end(), id);
            if (found != ids.end() && *found == id) return found - ids.begin();
        }
        detail::raise<DataError>("store", "sample " + std::to_string(id), "an id that was not recorded",
                                 "one of " + std::to_string(samples()) + " recorded ids");
    }

    /// Positions in ascending order of ids; empty where that is 0, 1, 2, ...
    const std::vector<std::uint32_t>& by_id() const noexcept { return by_id_; }

    /// To be called once all samples are there. Throws DataError for a repeated id.
    void index_ids() {
        by_id_.clear();
        if (!std::is_sorted(ids.begin(), ids.end())) {
            by_id_.resize(ids.size());
            std::iota(by_id_.begin(), by_id_.end(), 0U);
            std::sort(by_id_.begin(), by_id_.end(),
                      [this](std::uint32_t a, std::uint32_t b) { return ids[a] < ids[b]; });
        }
        for (std::size_t i = 1; i < ids.size(); ++i) {
            const std::uint64_t before = by_id_.empty() ? ids[i - 1] : ids[by_id_[i - 1]];
            const std::uint64_t here = by_id_.empty() ? ids[i] : ids[by_id_[i]];
            if (before == here) {
                detail::raise<DataError>("store", "id " + std::to_string(here), "recorded twice", "each id once");
            }
        }
    }

    /// Bytes of activation values.
    std::size_t bytes() const noexcept {
        std::size_t total = 0;
        for (const Pages& block : blocks_) total += block.size() * sizeof(S);
        return total;
    }

private:
    using Pages = detail::Pages<S>;
    std::vector<Pages> blocks_;  ///< one a point, empty for derived ones
    Index capacity_ = 0;
    std::vector<std::uint32_t> by_id_;
};

}  // namespace renn

namespace renn {

/// An index policy says how the place of a value among sorted values is found: KdTree, Sorted, or your own.
/// `position` returns how many values are below the query; `prefetch`, first with step 0 and a little later with step
/// 1, may ask for memory ahead of it.
template <class P, class S>
concept IndexPolicy = requires(const typename P::template Locator<S>& l, const ColumnView<S>& column, double query) {
    { P::name } -> std::convertible_to<std::string_view>;
    typename P::template Locator<S>;
    requires std::constructible_from < typename P::template Locator<S>,
    const ColumnView<S>& > ;
    { l.position(column, query) } -> std::same_as<std::uint32_t>;
    l.prefetch(column, query, 0);
    { l.bytes() } -> std::convertible_to<std::size_t>;
};

namespace detail {

/// Runs work once, whoever comes first; where it throws, the next may try again. (std::call_once would hang then under
/// the thread sanitizer, and costs a function call each time.)
class Once {
public:
    template <class Work>
    void run(Work&& work) {
        if (done_.load(std::memory_order_acquire)) return;
        const std::lock_guard lock(guard_);
        if (done_.load(std::memory_order_relaxed)) return;
        work();
        done_.store(true, std::memory_order_release);
    }

private:
    std::mutex guard_;
    std::atomic<bool> done_{false};
};

}  // namespace detail

/// The sorted values of every recorded neuron, over a store that does not change any more. A post-activation that keeps
/// the order of its pre-activation shares its sorted column; any other gets one over the recomputed values.
/// Threads   const members may run on several threads at once; a structure is built once, by whoever needs it first.
template <class Store, class Policy>
class NeuronIndex {
public:
    using Scalar = typename Store::Scalar;
    static_assert(IndexPolicy<Policy, Scalar>, "renn: this type is not an index policy (index/neuron_index.hpp)");
    using Locator = typename Policy::template Locator<Scalar>;
    static constexpr std::string_view policy_name = Policy::name;

    /// `owner` keeps alive what the derivations point to.
    NeuronIndex(std::shared_ptr<const Store> store, std::vector<Derivation<Scalar>> derivations,
                std::shared_ptr<const void> owner)
        : store_(std::move(store)), derivations_(std::move(derivations)), owner_(std::move(owner)) {
        starts_.push_back(0);
        for (std::size_t p = 0; p < store_->points.size(); ++p) {
            const std::size_t count = store_->points[p].units.size();
            starts_.push_back(starts_.back() + count);
            const bool rectifier = derivations_[p].negative_slope == Scalar(0);
            clipped_starts_.push_back(rectifier ? static_cast<std::ptrdiff_t>(clipped_units_) : -1);
            if (rectifier) clipped_units_ += count;
        }
        slots_ = std::make_unique<Slot[]>(starts_.back());
        const auto n = static_cast<std::size_t>(store_->samples());
        for (std::uint32_t p = 0; p < store_->points.size(); ++p) {  // address space; memory comes with the first touch
            const std::size_t count = source({p, 0}).point == p ? store_->points[p].units.size() * n : 0;
            values_.emplace_back(count);
            order_.emplace_back(count);
        }
    }

    const Store& store() const noexcept { return *store_; }
    std::size_t units() const noexcept { return starts_.back(); }

    struct Entry {
        ColumnView<Scalar> column;
        const Locator* locator;
    };

    /// The sorted column of a unit and what finds places in it. O(n) the first time.
    Entry entry(Unit u) const {
        const Slot& slot = built(u, nullptr);
        return {slot.view, &*slot.locator};
    }

    /// Value of a sample at a unit, recomputed where it is not stored.
    Scalar value(Unit u, std::uint32_t sample) const {
        const Point& point = store_->points[u.point];
        if (point.stored()) return store_->values(u)[sample];
        const Scalar in = store_->values({static_cast<std::uint32_t>(point.derived_from), u.unit})[sample];
        Scalar out;
        derivations_[u.point].apply(derivations_[u.point].layer, &in, &out, 1);
        return out;
    }

    /// Place of a sample in the sorted column of a unit. O(log n).
    std::uint32_t place_of(Unit u, std::uint32_t sample) const {
        const ColumnView<Scalar> view = entry(u).column;
        const Scalar wanted = value(source(u), sample);
        const Scalar* begin = std::lower_bound(view.values, view.values + view.size, wanted);
        const Scalar* end = std::upper_bound(begin, view.values + view.size, wanted);
        const std::uint64_t id = store_->ids[sample];
        const std::uint32_t* first = view.order + (begin - view.values);
        const std::uint32_t* last = view.order + (end - view.values);
        return static_cast<std::uint32_t>(
            std::lower_bound(first, last, id, [this](std::uint32_t s, std::uint64_t i) { return store_->ids[s] < i; }) -
            view.order);
    }

    /// Samples that rectifiers (slope 0) hold at 0, and a unit's number in that table; -1 for other units.
    const detail::Clipped& clipped() const {
        clipped_once_.run([this] {
            const Store& recorded = *store_;
            const auto n = static_cast<std::size_t>(recorded.samples());
            clipped_ = detail::Clipped(n, clipped_units_, static_cast<std::size_t>(recorded.classes()));
            constexpr std::size_t block = 1024;  // samples whose bits stay in L1 while all units are added
            for (std::size_t begin = 0; begin < n; begin += block) {
                for (std::uint32_t p = 0; p < recorded.points.size(); ++p) {
                    if (clipped_starts_[p] < 0) continue;
                    for (std::uint32_t u = 0; u < recorded.points[p].units.size(); ++u) {
                        clipped_.add<Scalar>(static_cast<std::size_t>(clipped_number({p, u})),
                                             recorded.values(source({p, u})), recorded.labels, begin,
                                             std::min(begin + block, n));
                    }
                }
            }
            bytes_ += clipped_.bytes();
        });
        return clipped_;
    }
    std::ptrdiff_t clipped_number(Unit u) const noexcept {
        return clipped_starts_[u.point] < 0 ? -1 : clipped_starts_[u.point] + static_cast<std::ptrdiff_t>(u.unit);
    }

    /// Builds every structure now. Returns false if the callback cancelled; what was built stays.
    bool build(int threads = 0, const ProgressCallback& progress = {}) const {
        const auto tasks = static_cast<Index>(units());
        std::vector<detail::RadixScratch<Scalar>> scratch(
            static_cast<std::size_t>(detail::thread_count(threads, tasks)));
        return detail::parallel_for(
            tasks, threads,
            [&](Index task, int worker) {
                built(unit(static_cast<std::size_t>(task)), &scratch[static_cast<std::size_t>(worker)]);
            },
            [&](Index done) {
                return !progress ||
                       progress({static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(tasks), "indexing"});
            });
    }

    /// Bytes of what has been built so far.
    std::size_t bytes() const noexcept { return bytes_.load(); }

private:
    struct Slot {
        mutable detail::Once column_once, locator_once;
        mutable ColumnView<Scalar> view;
        mutable std::optional<Locator> locator;
    };

    const Slot& slot(Unit u) const noexcept { return slots_[starts_[u.point] + u.unit]; }

    Unit unit(std::size_t number) const {
        std::uint32_t point = 0;
        while (starts_[point + 1] <= number) ++point;
        return {point, static_cast<std::uint32_t>(number - starts_[point])};
    }

    /// The unit whose sorted column this one uses.
    Unit source(Unit u) const noexcept {
        const bool shares = derivations_[u.point].negative_slope.has_value();
        return shares ? Unit{static_cast<std::uint32_t>(store_->points[u.point].derived_from), u.unit} : u;
    }

    /// The unit's own sorted column, seen as it is.
    ColumnView<Scalar> column(Unit u, detail::RadixScratch<Scalar>* scratch) const {
        const auto n = static_cast<std::size_t>(store_->samples());
        Scalar* values = values_[u.point].data() + u.unit * n;
        std::uint32_t* order = order_[u.point].data() + u.unit * n;
        slot(u).column_once.run([&] {
            detail::RadixScratch<Scalar> own;
            auto& buffers = scratch != nullptr ? *scratch : own;
            const Point& point = store_->points[u.point];
            if (point.stored()) {
                sort_column<Scalar>(store_->values(u), store_->by_id(), values, order, buffers);
            } else {
                const auto in = store_->values({static_cast<std::uint32_t>(point.derived_from), u.unit});
                std::vector<Scalar> out(n);
                derivations_[u.point].apply(derivations_[u.point].layer, in.data(), out.data(), std::ssize(in));
                sort_column<Scalar>(out, store_->by_id(), values, order, buffers);
            }
            bytes_ += n * (sizeof(Scalar) + sizeof(std::uint32_t));
        });
        return {values, order, n};
    }

    const Slot& built(Unit u, detail::RadixScratch<Scalar>* scratch) const {
        const Slot& s = slot(u);
        s.locator_once.run([&] {
            s.view = column(source(u), scratch);
            s.view.slope = derivations_[u.point].negative_slope.value_or(Scalar(1));
            s.locator.emplace(s.view);
            bytes_ += s.locator->bytes();
        });
        return s;
    }

    std::shared_ptr<const Store> store_;
    std::vector<Derivation<Scalar>> derivations_;
    std::shared_ptr<const void> owner_;
    mutable std::vector<detail::Pages<Scalar>>
        values_;  ///< one a point: unit after unit; empty where another's is shared
    mutable std::vector<detail::Pages<std::uint32_t>> order_;
    std::vector<std::size_t> starts_;  ///< number of the first unit of each point
    std::unique_ptr<Slot[]> slots_;
    std::vector<std::ptrdiff_t> clipped_starts_;  ///< number of a rectifier's first unit in the table; -1: no rectifier
    std::size_t clipped_units_ = 0;
    mutable detail::Once clipped_once_;
    mutable detail::Clipped clipped_;
    mutable std::atomic<std::size_t> bytes_{0};
};

}  // namespace renn
// renn/retrace/retrace.hpp - the answer: the training samples a prediction rests on.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// renn/retrace/search.hpp - finds, for every neuron, the samples with the closest values.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>


namespace renn {

/// What happens where the last of the k places falls inside a group of samples at one distance.
enum class Ties : std::uint8_t {
    share,          ///< the group shares those places equally: the expected vote under random tie-breaking
    strict,         ///< such a neuron does not vote
    skip_inactive,  ///< a neuron with |value| < 1e-7 does not vote, others share (Geiger's thesis)
    lowest_id,      ///< the samples with the lowest ids of the group take the places
};

inline std::string_view ties_name(Ties ties) noexcept {
    switch (ties) {
        case Ties::share:
            return "share";
        case Ties::strict:
            return "strict";
        case Ties::skip_inactive:
            return "skip_inactive";
        case Ties::lowest_id:
            return "lowest_id";
    }
    return "?";
}

struct RetraceOptions {
    std::int64_t k = 42;  ///< closest samples a neuron; more than there are: all
    Ties ties = Ties::share;
    bool pre = true;                            ///< neurons before the activation vote
    bool post = false;                          ///< neurons behind it vote
    std::vector<std::string> layers = {};       ///< only these places, of either kind; empty: all of the kinds above
    std::vector<std::int32_t> classes = {};     ///< only samples with these labels; empty: all
    std::vector<std::uint64_t> ids = {};        ///< only these samples; empty: all
    std::optional<std::uint64_t> without = {};  ///< all but this sample
};

/// One neuron's answer: its own value for the query, and the closest recorded ones as ranges of its sorted column.
struct NeuronAnswer {
    Unit unit;
    const std::uint32_t* order = nullptr;  ///< of its sorted column
    double query = 0.0;
    Window window;
    bool votes = true;         ///< false where the tie policy makes it abstain
    bool zeros = false;        ///< the tied group is that of all samples a rectifier holds at 0
    std::uint32_t chosen = 0;  ///< with lowest_id: where its chosen samples begin
};

namespace detail {

inline constexpr std::uint32_t no_sample = static_cast<std::uint32_t>(-1);

/// A search that was run: immutable, shared by all the views on it.
template <class Index>
struct Search {
    using Scalar = typename Index::Scalar;

    std::shared_ptr<const Index> index;
    RetraceOptions options;
    std::uint32_t without = no_sample;                 ///< position of the sample left out
    std::shared_ptr<const std::vector<char>> allowed;  ///< one a sample, or null: all
    std::vector<NeuronAnswer> neurons;                 ///< by point, then unit
    std::vector<std::uint32_t> chosen;                 ///< positions that lowest_id chose from tied groups
    std::vector<Scalar> outputs;                       ///< of the model for the query
    std::int32_t prediction = -1;                      ///< -1 for a model without outputs

    bool admits(std::uint32_t sample) const noexcept {
        return sample != without && (allowed == nullptr || (*allowed)[sample] != 0);
    }
};

template <class Store>
std::shared_ptr<const std::vector<char>> allowed_samples(const Store& store, const RetraceOptions& options) {
    if (options.classes.empty() && options.ids.empty()) return nullptr;
    const auto n = static_cast<std::size_t>(store.samples());
    auto allowed = std::make_shared<std::vector<char>>(n, options.ids.empty() ? char{1} : char{0});
    for (const std::uint64_t id : options.ids) (*allowed)[static_cast<std::size_t>(store.position_of(id))] = 1;
    if (!options.classes.empty()) {
        if (store.labels.empty())
            raise<DataError>("retrace", "classes", "a restriction", "none: no labels were recorded");
        for (std::size_t s = 0; s < n; ++s) {
            const bool wanted =
                std::find(options.classes.begin(), options.classes.end(), store.labels[s]) != options.classes.end();
            if (!wanted) (*allowed)[s] = 0;
        }
    }
    return allowed;
}

/// Points that vote.
inline std::vector<std::uint32_t> voting_points(const std::vector<Point>& points, const RetraceOptions& options) {
    std::vector<std::uint32_t> voting;
    for (const std::string& name : options.layers) {
        const auto same = [&](const Point& p) { return p.name == name; };
        if (std::none_of(points.begin(), points.end(), same)) {
            std::string known;
            for (const Point& p : points) known += (known.empty() ? "" : ", ") + p.name;
            raise<DataError>("retrace", "layer", "\"" + name + "\"", "one of " + known);
        }
    }
    for (std::size_t p = 0; p < points.size(); ++p) {
        const bool named =
            std::find(options.layers.begin(), options.layers.end(), points[p].name) != options.layers.end();
        const bool kind = points[p].kind == Kind::pre ? options.pre : options.post;
        if (options.layers.empty() ? kind : named) voting.push_back(static_cast<std::uint32_t>(p));
    }
    if (voting.empty()) {
        raise<DataError>("retrace", "voting neurons", "none", "a kind (pre, post) that was recorded");
    }
    return voting;
}

inline void check_retrace_options(const RetraceOptions& options) {
    if (options.k < 0) raise<DataError>("retrace", "k", std::to_string(options.k), "0 or more");
}

template <class Index>
NeuronAnswer answer_neuron(Search<Index>& search, Unit u, const typename Index::Entry& entry, double query) {
    const auto k = static_cast<std::uint32_t>(std::min<std::int64_t>(search.options.k, entry.column.size));
    NeuronAnswer answer{
        u, entry.column.order, query, {}, true, false, static_cast<std::uint32_t>(search.chosen.size())};
    Window& w = answer.window;
    const std::uint32_t position = entry.locator->position(entry.column, query);
    if (search.allowed != nullptr) {
        w = find_window_among(entry.column, query, k, position,
                              [&search](std::uint32_t sample) { return search.admits(sample); });
    } else if (search.without != no_sample) {
        const std::uint32_t hole = search.index->place_of(u, search.without);
        w = find_window(entry.column.without(hole), query, k, position - (hole < position ? 1U : 0U));
        // From places without the hole to places with it: the ranges may then contain it, and readers skip it.
        for (std::uint32_t* edge : {&w.tied_begin, &w.closer_begin, &w.closer_end, &w.tied_end}) {
            if (*edge > hole) ++*edge;
        }
    } else {
        w = find_window(entry.column, query, k, position);
    }
    const bool tied = w.tied > w.places;
    if (tied && search.index->clipped_number(u) >= 0) {
        const bool below = w.tied_begin < w.closer_begin, above = w.closer_end < w.tied_end;
        const std::uint32_t last = below ? w.closer_begin - 1 : w.tied_end - 1;  // the largest value of the only run
        answer.zeros = below != above && !(entry.column.values[last] > 0);
    }
    if (search.options.ties == Ties::strict) answer.votes = !tied;
    if (search.options.ties == Ties::skip_inactive) answer.votes = std::abs(query) >= 1e-7;
    if (search.options.ties == Ties::lowest_id && tied) {
        const auto& ids = search.index->store().ids;
        const auto from = static_cast<std::ptrdiff_t>(search.chosen.size());
        const auto collect = [&](std::uint32_t begin, std::uint32_t end) {
            for (std::uint32_t i = begin; i < end; ++i) {
                if (search.admits(entry.column.order[i])) search.chosen.push_back(entry.column.order[i]);
            }
        };
        collect(w.tied_begin, w.closer_begin);
        collect(w.closer_end, w.tied_end);
        const auto first = search.chosen.begin() + from;
        std::nth_element(first, first + w.places, search.chosen.end(),
                         [&ids](std::uint32_t a, std::uint32_t b) { return ids[a] < ids[b]; });
        search.chosen.resize(static_cast<std::size_t>(from) + w.places);
    }
    return answer;
}

/// Runs one query. `value(point, unit)` is the model's value there.
template <class Index, class Value>
void run_search(Search<Index>& search, const std::vector<std::uint32_t>& voting, const Value& value) {
    constexpr std::size_t ahead = 6;  // neurons between one step of a search and the next, so memory has time to come
    const Index& index = *search.index;
    std::vector<std::pair<Unit, double>> queries;
    for (const std::uint32_t p : voting) {
        const auto count = static_cast<std::uint32_t>(index.store().points[p].units.size());
        for (std::uint32_t u = 0; u < count; ++u) queries.push_back({{p, u}, static_cast<double>(value(p, u))});
    }
    const std::size_t total = queries.size();
    search.neurons.reserve(total);
    for (std::size_t i = 0; i < total + 2 * ahead; ++i) {
        if (i < total) {
            const auto entry = index.entry(queries[i].first);
            entry.locator->prefetch(entry.column, queries[i].second, 0);
        }
        if (i >= ahead && i - ahead < total) {
            const auto& [unit, query] = queries[i - ahead];
            const auto entry = index.entry(unit);
            entry.locator->prefetch(entry.column, query, 1);
        }
        if (i >= 2 * ahead) {
            const auto& [unit, query] = queries[i - 2 * ahead];
            search.neurons.push_back(answer_neuron(search, unit, index.entry(unit), query));
            const Window& w = search.neurons.back().window;  // whose votes will be counted
            const std::uint32_t end = std::min(w.closer_end, w.closer_begin + 256);
            for (std::uint32_t o = w.closer_begin; o < end; o += 16)
                __builtin_prefetch(search.neurons.back().order + o);
        }
    }
}

}  // namespace detail
}  // namespace renn
// renn/retrace/votes.hpp - the votes of some neurons: who got them, for which classes they speak.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>


namespace renn {

/// A training sample that a query is traced to.
struct Source {
    std::uint64_t id = 0;
    double votes = 0.0;
    double share = 0.0;            ///< of all votes; the shares of all sources sum to 1
    std::int32_t label = -1;       ///< -1 if none was recorded
    std::int32_t prediction = -1;  ///< the model's own for this sample; -1 if it has no outputs
};

/// Memory for counting votes, to be used again from query to query.
struct VoteScratch {
    std::vector<std::uint32_t> singles;
    std::vector<double> shares;
};

/// The votes of a range of neurons in a search. A sample's votes are its single votes plus its shares of tied groups,
/// the shares summed in the order (layer, unit). Views are cheap to copy and keep alive what they look at.
template <class Index>
class Votes {
public:
    Votes(std::shared_ptr<const detail::Search<Index>> search, std::size_t begin, std::size_t end)
        : search_(std::move(search)), begin_(begin), end_(end) {}

    /// Number of neurons, and all votes they cast: k each, or 0 where one abstains.
    std::size_t neurons() const noexcept { return end_ - begin_; }
    double total() const {
        double sum = 0.0;
        for (std::size_t i = begin_; i < end_; ++i) {
            const NeuronAnswer& a = search_->neurons[i];
            if (a.votes) sum += static_cast<double>(a.window.closer + a.window.places);
        }
        return sum;
    }

    /// The m samples with most votes, equal votes by ascending id; fewer if fewer got any.
    /// Cost   counts the single votes, then works out exact shares only for samples that they may lift into the top.
    std::vector<Source> top(std::size_t m) const {
        VoteScratch scratch;
        return top(m, scratch);
    }
    std::vector<Source> top(std::size_t m, VoteScratch& scratch) const {
        m = std::min(m, static_cast<std::size_t>(store().samples()));
        if (m == 0) return {};
        const double shared = count_singles(scratch);
        std::vector<Candidate> candidates = leaders(m, shared, scratch.singles);
        if (shared > 0.0) {
            const std::vector<Group> tied = groups();
            if (effort(tied, candidates.size()) < effort_of_all(tied)) {
                add_shares(candidates, tied);
            } else {
                sum_shares(tied, scratch.shares);
                for (Candidate& c : candidates) c.votes += scratch.shares[c.sample];
            }
        }
        std::erase_if(candidates, [](const Candidate& c) { return c.votes <= 0.0; });
        const auto& ids = store().ids;
        const std::size_t kept = std::min(m, candidates.size());
        std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(kept), candidates.end(),
                          [&ids](const Candidate& a, const Candidate& b) {
                              return a.votes != b.votes ? a.votes > b.votes : ids[a.sample] < ids[b.sample];
                          });
        const double all = total();
        std::vector<Source> sources;
        sources.reserve(kept);
        for (std::size_t i = 0; i < kept; ++i)
            sources.push_back(source(candidates[i].sample, candidates[i].votes, all));
        return sources;
    }

    /// Votes of one sample. Throws DataError for an id that was not recorded. Cost: one look a neuron.
    double votes(std::uint64_t id) const {
        const auto sample = static_cast<std::uint32_t>(store().position_of(id));
        if (!search_->admits(sample)) return 0.0;
        double singles = 0.0, shares = 0.0;
        for (std::size_t i = begin_; i < end_; ++i) {
            const double vote = vote_of(i, sample);
            (is_group(search_->neurons[i]) && vote < 1.0 ? shares : singles) += vote;
        }
        return singles + shares;
    }

    /// Votes of every sample, in the order of recording. Cost: touches every member of every tied group.
    std::vector<double> dense() const {
        VoteScratch scratch;
        if (count_singles(scratch) > 0.0) {
            sum_shares(groups(), scratch.shares);
        } else {
            scratch.shares.assign(scratch.singles.size(), 0.0);
        }
        for (std::size_t s = 0; s < scratch.singles.size(); ++s) {
            scratch.shares[s] = static_cast<double>(scratch.singles[s]) + scratch.shares[s];
        }
        return std::move(scratch.shares);
    }

    /// Share of all votes that went to samples of each class; sums to 1, or is all 0 if nobody voted.
    /// Throws DataError if no labels were recorded.
    std::vector<double> evidence() const {
        const auto& labels = store().labels;
        if (labels.empty()) detail::raise<DataError>("evidence", "labels", "none recorded", "one a sample");
        const auto classes = static_cast<std::size_t>(store().classes());
        std::vector<double> singles(classes, 0.0), shares(classes, 0.0);
        std::vector<std::uint32_t> members(classes);
        for (std::size_t i = begin_; i < end_; ++i) {
            for_each_single(i, [&](std::uint32_t s) { singles[static_cast<std::size_t>(labels[s])] += 1.0; });
            if (!is_group(search_->neurons[i])) continue;
            members_by_class(i, members);
            for (std::size_t c = 0; c < classes; ++c) shares[c] += share(i) * static_cast<double>(members[c]);
        }
        const double all = total();
        for (std::size_t c = 0; c < classes; ++c) singles[c] = all > 0.0 ? (singles[c] + shares[c]) / all : 0.0;
        return singles;
    }

    /// Class with most evidence, the first among equals; -1 if nobody voted.
    std::int32_t evidence_class() const {
        const std::vector<double> e = evidence();
        const auto best = std::max_element(e.begin(), e.end());
        return best == e.end() || *best <= 0.0 ? -1 : static_cast<std::int32_t>(best - e.begin());
    }

protected:
    const auto& store() const noexcept { return search_->index->store(); }

    /// A group whose members get a part of a vote each.
    bool is_group(const NeuronAnswer& a) const noexcept {
        return a.votes && a.window.tied > a.window.places && search_->options.ties != Ties::lowest_id;
    }
    double share(std::size_t i) const noexcept {
        const Window& w = search_->neurons[i].window;
        return static_cast<double>(w.places) / static_cast<double>(w.tied);
    }

    template <class F>
    void for_range(const std::uint32_t* order, std::uint32_t begin, std::uint32_t end, F& f) const {
        const bool everyone = search_->allowed == nullptr && search_->without == detail::no_sample;
        for (std::uint32_t i = begin; i < end; ++i) {
            if (everyone || search_->admits(order[i])) f(order[i]);
        }
    }
    template <class F>
    void for_each_tied(std::size_t i, F&& f) const {
        const NeuronAnswer& a = search_->neurons[i];
        const std::uint32_t* order = a.order;
        for_range(order, a.window.tied_begin, a.window.closer_begin, f);
        for_range(order, a.window.closer_end, a.window.tied_end, f);
    }
    /// Samples that get a whole vote of neuron i.
    template <class F>
    void for_each_single(std::size_t i, F&& f) const {
        const NeuronAnswer& a = search_->neurons[i];
        if (!a.votes) return;
        const std::uint32_t* order = a.order;
        for_range(order, a.window.closer_begin, a.window.closer_end, f);
        if (a.window.tied == a.window.places) {
            for_range(order, a.window.tied_begin, a.window.closer_begin, f);
            for_range(order, a.window.closer_end, a.window.tied_end, f);
        } else if (search_->options.ties == Ties::lowest_id) {
            for (std::uint32_t c = 0; c < a.window.places; ++c) f(search_->chosen[a.chosen + c]);
        }
    }

    void members_by_class(std::size_t i, std::vector<std::uint32_t>& members) const {
        const NeuronAnswer& a = search_->neurons[i];
        const auto& labels = store().labels;
        if (a.zeros && search_->allowed == nullptr) {
            const auto unit = static_cast<std::size_t>(search_->index->clipped_number(a.unit));
            const auto counts = search_->index->clipped().by_class(unit);
            std::copy(counts.begin(), counts.end(), members.begin());
            const std::uint32_t without = search_->without;
            if (without != detail::no_sample && search_->index->clipped().holds(unit, without)) {
                --members[static_cast<std::size_t>(labels[without])];
            }
        } else {
            std::fill(members.begin(), members.end(), 0U);
            for_each_tied(i, [&](std::uint32_t s) { ++members[static_cast<std::size_t>(labels[s])]; });
        }
    }

    /// What neuron i gives to a sample.
    double vote_of(std::size_t i, std::uint32_t sample) const {
        const NeuronAnswer& a = search_->neurons[i];
        if (!a.votes || a.window.closer + a.window.places == 0) return 0.0;
        const double distance = std::abs(static_cast<double>(search_->index->value(a.unit, sample)) - a.query);
        if (distance < a.window.boundary) return 1.0;
        if (distance > a.window.boundary) return 0.0;
        if (a.window.tied == a.window.places) return 1.0;
        if (search_->options.ties != Ties::lowest_id) return share(i);
        const auto begin = search_->chosen.begin() + static_cast<std::ptrdiff_t>(a.chosen);
        const auto end = begin + static_cast<std::ptrdiff_t>(a.window.places);
        return std::find(begin, end, sample) != end ? 1.0 : 0.0;
    }

    std::shared_ptr<const detail::Search<Index>> search_;
    std::size_t begin_;
    std::size_t end_;

private:
    struct Candidate {
        std::uint32_t sample;
        double votes;
    };

    Source source(std::uint32_t s, double votes, double all) const {
        const auto& recorded = store();
        return {recorded.ids[s], votes, all > 0.0 ? votes / all : 0.0,
                recorded.labels.empty() ? -1 : recorded.labels[s],
                recorded.predictions.empty() ? -1 : recorded.predictions[s]};
    }

    struct Group {
        std::size_t neuron;
        double share;
        std::ptrdiff_t clipped;  ///< its number in the index's table of clipped samples, or -1
    };

    std::vector<Group> groups() const {
        std::vector<Group> found;
        for (std::size_t i = begin_; i < end_; ++i) {
            const NeuronAnswer& a = search_->neurons[i];
            if (is_group(a)) found.push_back({i, share(i), a.zeros ? search_->index->clipped_number(a.unit) : -1});
        }
        return found;
    }

    /// Rough nanoseconds: a bit of the table, a value somewhere in the store, a member of a group.
    static double effort(const std::vector<Group>& tied, std::size_t candidates) {
        double each = 0.0;
        for (const Group& g : tied) each += g.clipped >= 0 ? 1.5 : 40.0;
        return each * static_cast<double>(candidates);
    }
    double effort_of_all(const std::vector<Group>& tied) const {
        double members = 0.0;
        for (const Group& g : tied) members += static_cast<double>(search_->neurons[g.neuron].window.tied);
        return 0.6 * members;
    }

    /// Counts whole votes; returns the most that shares can add to one sample.
    double count_singles(VoteScratch& scratch) const {
        scratch.singles.assign(static_cast<std::size_t>(store().samples()), 0U);
        std::uint32_t* counts = scratch.singles.data();
        double shared = 0.0;
        for (std::size_t i = begin_; i < end_; ++i) {
            for_each_single(i, [counts](std::uint32_t s) { ++counts[s]; });
            if (is_group(search_->neurons[i])) shared += share(i);
        }
        return shared;
    }

    void sum_shares(const std::vector<Group>& tied, std::vector<double>& shares) const {
        shares.assign(static_cast<std::size_t>(store().samples()), 0.0);
        for (const Group& g : tied) {
            for_each_tied(g.neuron, [&](std::uint32_t s) { shares[s] += g.share; });
        }
    }

    /// Adds what the groups give to each candidate. Several candidates side by side, as each sum is a chain of
    /// additions in the order of the groups.
    void add_shares(std::vector<Candidate>& candidates, const std::vector<Group>& tied) const {
        constexpr std::size_t width = 4;
        const detail::Clipped& clipped = search_->index->clipped();
        for (std::size_t first = 0; first < candidates.size(); first += width) {
            std::uint32_t samples[width];
            double sums[width] = {};
            for (std::size_t c = 0; c < width; ++c) {
                samples[c] = candidates[std::min(first + c, candidates.size() - 1)].sample;
            }
            for (const Group& g : tied) {
                if (g.clipped >= 0) {  // a product, as a branch on such a bit would be guessed wrong every other time
                    const auto unit = static_cast<std::size_t>(g.clipped);
                    for (std::size_t c = 0; c < width; ++c) {
                        sums[c] += g.share * static_cast<double>(clipped.holds(unit, samples[c]));
                    }
                } else {
                    const NeuronAnswer& a = search_->neurons[g.neuron];
                    for (std::size_t c = 0; c < width; ++c) {
                        const auto value = static_cast<double>(search_->index->value(a.unit, samples[c]));
                        sums[c] += std::abs(value - a.query) == a.window.boundary ? g.share : 0.0;
                    }
                }
            }
            const std::size_t count = std::min(width, candidates.size() - first);
            for (std::size_t c = 0; c < count; ++c) candidates[first + c].votes += sums[c];
        }
    }

    /// Every sample that may be among the m first: with `shared` more votes at most, none of the others can.
    std::vector<Candidate> leaders(std::size_t m, double shared, const std::vector<std::uint32_t>& singles) const {
        constexpr std::size_t block = 64;
        std::vector<std::uint32_t> best(m, 0U);  // min-heap of the m largest counts so far
        const auto scan = [&](auto&& threshold, auto&& take) {
            std::size_t s = 0;
            for (; s + block <= singles.size(); s += block) {
                const std::uint32_t* counts = singles.data() + s;
                std::uint32_t highest = 0;
                for (std::size_t b = 0; b < block; ++b) highest = highest < counts[b] ? counts[b] : highest;
                if (highest < threshold()) continue;
                for (std::size_t b = 0; b < block; ++b) take(s + b);
            }
            for (; s < singles.size(); ++s) take(s);
        };
        scan([&] { return best.front() + 1; },
             [&](std::size_t s) {
                 if (singles[s] <= best.front()) return;
                 std::pop_heap(best.begin(), best.end(), std::greater<>());
                 best.back() = singles[s];
                 std::push_heap(best.begin(), best.end(), std::greater<>());
             });
        // The m-th best has at least this many votes; what stays below it even with every share is out.
        // (The margin covers what rounding of the sums may do.)
        const double least = std::max(static_cast<double>(best.front()) - shared * (1.0 + 1e-9) - 1e-9, 0.0);
        const auto floor = static_cast<std::uint32_t>(std::ceil(least));
        const std::uint32_t threshold = shared > 0.0 ? floor : std::max(floor, 1U);
        std::vector<Candidate> candidates;
        scan([&] { return threshold; },
             [&](std::size_t s) {
                 if (singles[s] >= threshold && search_->admits(static_cast<std::uint32_t>(s))) {
                     candidates.push_back({static_cast<std::uint32_t>(s), static_cast<double>(singles[s])});
                 }
             });
        return candidates;
    }
};

}  // namespace renn
// renn/version.hpp - the version's one home; CMake reads it from here.

#define RENN_VERSION_MAJOR 0
#define RENN_VERSION_MINOR 1
#define RENN_VERSION_PATCH 0

namespace renn {

inline constexpr const char* version = "0.1.0";

}  // namespace renn

namespace renn {

/// A recorded sample near a query at one neuron.
struct Neighbour {
    std::uint64_t id = 0;
    double value = 0.0;     ///< the neuron's for that sample
    double distance = 0.0;  ///< |value - the query's|
};

/// One neuron of an answer.
struct NeuronSources {
    double value = 0.0;                 ///< the neuron's for the query
    std::vector<Neighbour> neighbours;  ///< the k closest, by (distance, id)
    double boundary = 0.0;              ///< distance of the k-th
    std::size_t closer = 0;             ///< samples nearer than that; they get a vote each
    std::size_t tied = 0;               ///< samples at it; they compete for k - closer places
    std::size_t places = 0;
    bool votes = true;  ///< false where the tie policy makes the neuron abstain
};

/// What produced an answer.
struct Provenance {
    std::string library;  ///< version of renn
    std::string index;    ///< index policy
    std::string ties;     ///< tie policy
    std::int64_t k = 0;
    std::uint64_t fingerprint = 0;  ///< of the model
    std::string build;              ///< compiler, instruction set and scalar of the recording
    bool same_build = true;         ///< this program was built the same way, so equal activations have equal bits
};

/// The sources of one query: for the network (this object itself), for each layer, for each neuron. A value: it keeps
/// alive what it refers to and does not change, whatever happens to the traced network.
template <class Index>
class Retrace : public Votes<Index> {
public:
    using Scalar = typename Index::Scalar;

    explicit Retrace(std::shared_ptr<const detail::Search<Index>> search)
        : Votes<Index>(search, 0, search->neurons.size()) {}

    /// The model's outputs for the query, and its class; -1 for a model without outputs.
    const std::vector<Scalar>& outputs() const noexcept { return this->search_->outputs; }
    std::int32_t prediction() const noexcept { return this->search_->prediction; }

    /// Whether the sources speak for the class that the model predicts; false if nobody voted.
    bool agreement() const { return prediction() >= 0 && this->evidence_class() == prediction(); }

    /// Points that voted, in the order of the pass.
    std::vector<std::string> layers() const {
        std::vector<std::string> names;
        for (const auto& [point, begin, end] : ranges()) names.push_back(this->store().points[point].name);
        return names;
    }

    /// What layer(number) is: its name, kind and units.
    const Point& place(std::size_t number) const {
        const auto all = ranges();
        if (number >= all.size()) {
            detail::raise<DataError>("Retrace::place", "number", std::to_string(number),
                                     "below " + std::to_string(all.size()));
        }
        return this->store().points[all[number].point];
    }

    /// The votes of one place: by its number among layers(), or by name. Throws DataError if it did not vote.
    Votes<Index> layer(std::size_t number) const {
        const auto all = ranges();
        if (number >= all.size()) {
            detail::raise<DataError>("Retrace::layer", "number", std::to_string(number),
                                     "below " + std::to_string(all.size()));
        }
        return Votes<Index>(this->search_, all[number].begin, all[number].end);
    }
    Votes<Index> layer(std::string_view name) const {
        std::string known;
        for (const auto& [point, begin, end] : ranges()) {
            const std::string& here = this->store().points[point].name;
            if (here == name) return Votes<Index>(this->search_, begin, end);
            known += (known.empty() ? "" : ", ") + here;
        }
        detail::raise<DataError>("Retrace::layer", "name", "\"" + std::string(name) + "\"", "one of " + known);
    }

    /// The votes of all pre-activations or all post-activations that took part.
    Votes<Index> kind(Kind wanted) const {
        const auto& points = this->store().points;
        // Points of both kinds alternate, so the kinds are sorted into one contiguous copy.
        auto sorted = std::make_shared<detail::Search<Index>>(*this->search_);
        std::erase_if(sorted->neurons, [&](const NeuronAnswer& a) { return points[a.unit.point].kind != wanted; });
        const std::size_t count = sorted->neurons.size();
        return Votes<Index>(std::move(sorted), 0, count);
    }

    /// One neuron: the place's name and the unit's number in its layer. Throws DataError if it did not vote.
    /// Cost   O(k log k), and with ties the size of the tied group.
    NeuronSources neuron(std::string_view layer_name, std::uint32_t unit) const {
        for (std::size_t i = 0; i < this->search_->neurons.size(); ++i) {
            const NeuronAnswer& a = this->search_->neurons[i];
            const Point& point = this->store().points[a.unit.point];
            if (point.name == layer_name && point.units[a.unit.unit] == unit) return neuron(i);
        }
        detail::raise<DataError>("Retrace::neuron", "unit",
                                 "\"" + std::string(layer_name) + "\" " + std::to_string(unit), "a neuron that voted");
    }
    /// By its number among all that voted: by place, then unit.
    NeuronSources neuron(std::size_t number) const {
        if (number >= this->search_->neurons.size()) {
            detail::raise<DataError>("Retrace::neuron", "number", std::to_string(number),
                                     "below " + std::to_string(this->search_->neurons.size()));
        }
        const NeuronAnswer& a = this->search_->neurons[number];
        const Window& w = a.window;
        NeuronSources result{a.query, {}, w.boundary, w.closer, w.tied, w.places, a.votes};
        const auto entry = this->search_->index->entry(a.unit);
        const auto add = [&](std::uint32_t begin, std::uint32_t end) {
            for (std::uint32_t i = begin; i < end; ++i) {
                const std::uint32_t s = entry.column.order[i];
                if (!this->search_->admits(s)) continue;
                const auto value = static_cast<double>(entry.column.at(i));
                result.neighbours.push_back({this->store().ids[s], value, std::abs(value - a.query)});
            }
        };
        add(w.tied_begin, w.tied_end);
        const auto nearer = [](const Neighbour& x, const Neighbour& y) {
            return x.distance != y.distance ? x.distance < y.distance : x.id < y.id;
        };
        const std::size_t kept = w.closer + w.places;
        std::partial_sort(result.neighbours.begin(), result.neighbours.begin() + static_cast<std::ptrdiff_t>(kept),
                          result.neighbours.end(), nearer);
        result.neighbours.resize(kept);
        return result;
    }

    /// Which neurons voted for a sample, and how much: (point, unit) with votes above 0, in order.
    struct Voter {
        std::string layer;
        std::uint32_t unit;
        double votes;
        double distance;
    };
    std::vector<Voter> voters(std::uint64_t id) const {
        const auto sample = static_cast<std::uint32_t>(this->store().position_of(id));
        std::vector<Voter> found;
        if (!this->search_->admits(sample)) return found;
        for (std::size_t i = 0; i < this->search_->neurons.size(); ++i) {
            const NeuronAnswer& a = this->search_->neurons[i];
            const double votes = this->vote_of(i, sample);
            if (votes <= 0.0) continue;
            const Point& point = this->store().points[a.unit.point];
            found.push_back({point.name, point.units[a.unit.unit], votes,
                             std::abs(static_cast<double>(this->search_->index->value(a.unit, sample)) - a.query)});
        }
        return found;
    }

    Provenance provenance() const {
        const auto& recorded = this->store();
        return {renn::version,
                std::string(Index::policy_name),
                std::string(ties_name(this->search_->options.ties)),
                this->search_->options.k,
                recorded.fingerprint,
                recorded.build,
                recorded.build == build_description<Scalar>()};
    }

private:
    struct Range {
        std::uint32_t point;
        std::size_t begin, end;
    };
    std::vector<Range> ranges() const {
        std::vector<Range> all;
        const auto& neurons = this->search_->neurons;
        for (std::size_t i = 0; i < neurons.size(); ++i) {
            if (all.empty() || all.back().point != neurons[i].unit.point) all.push_back({neurons[i].unit.point, i, i});
            all.back().end = i + 1;
        }
        return all;
    }
};

}  // namespace renn
// renn/tracing/activations.hpp - every layer's values for some samples, to look at.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// renn/core/finite.hpp - where a NaN or an infinity first shows.

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>


namespace renn::detail {

/// x - x is 0 for finite x and NaN else. Many sums side by side, unlike Eigen 3.4's allFinite or a sum over a block:
/// packets that do not wait for each other.
template <class S>
bool all_finite(const S* values, Index count) {
    constexpr Index width = 32;
    S sums[width] = {};
    const Index whole = count - count % width;
    for (Index i = 0; i < whole; i += width) {
        for (Index l = 0; l < width; ++l) sums[l] += values[i + l] - values[i + l];
    }
    for (Index i = whole; i < count; ++i) sums[0] += values[i] - values[i];
    S sum = 0;
    for (const S s : sums) sum += s;
    return sum == S(0);
}

template <class M>
bool all_finite(const M& m) {
    if (m.outerStride() == m.rows()) return all_finite(m.data(), m.size());
    bool finite = true;
    for (Index j = 0; j < m.cols(); ++j) finite = finite && all_finite(m.data() + j * m.outerStride(), m.rows());
    return finite;
}

/// Throws DataError naming place, unit and sample if a value is not finite. Ids: one a column, or none.
template <class S>
void require_finite(std::string_view where, std::string_view what, const BatchView<S>& values,
                    std::span<const std::uint64_t> ids = {}) {
    if (all_finite(values)) return;
    for (Index j = 0; j < values.cols(); ++j) {
        for (Index i = 0; i < values.rows(); ++i) {
            if (!std::isfinite(values(i, j))) {
                const std::string sample = ids.empty() ? "column " + std::to_string(j)
                                                       : "sample " + std::to_string(ids[static_cast<std::size_t>(j)]);
                raise<DataError>(std::string(where), std::string(what) + ", unit " + std::to_string(i) + ", " + sample,
                                 std::to_string(values(i, j)), "a finite value");
            }
        }
    }
}

}  // namespace renn::detail
// renn/tracing/observe.hpp - runs a model on a batch and reports what happens inside to a recorder.

#include <cstdint>
#include <optional>
#include <span>
#include <tuple>


namespace renn {

/// Takes blocks of values, features x samples: the one thing behind both a network's visitor and a Probe.
template <class R, class S>
concept Recorder = requires(R& r, const Place& place, const BatchView<S>& block, std::span<const std::uint64_t> ids) {
    r.record(place, block, ids);
};

namespace detail {

template <class L>
concept ActivationLayer = requires {
    requires L::is_activation;
};

template <class L>
inline constexpr bool has_parameters =
    std::tuple_size_v<decltype(std::declval<const typename L::Parameters&>().blocks())> != 0;

/// Visitor that reports layers with parameters as pre-activations and activations as post-activations. Other layers
/// (dropout, flatten, standardize) hand values on, and a nested network has reported its own layers already.
template <class R, class S>
class ReportVisitor {
public:
    ReportVisitor(R& recorder, std::span<const std::uint64_t> ids) : recorder_(recorder), ids_(ids) {}

    template <class L>
    void visit(const Step<L>& s) {
        constexpr bool nested = requires {
            typename L::template LayerType<0>;
        };
        if constexpr (nested) {
            return;
        } else if constexpr (ActivationLayer<L>) {
            constexpr bool elementwise = requires(const S* in, S* out) {
                s.layer.apply(in, out, Index{});
            };
            const bool derived = elementwise && s.x.size() > 0 && s.x.data() == last_;
            recorder_.record(Place{s.path, Kind::post, derived}, s.y, ids_);
            last_ = nullptr;
        } else if constexpr (has_parameters<L>) {
            recorder_.record(Place{s.path, Kind::pre}, s.y, ids_);
            last_ = s.y.data();
        }
    }

private:
    R& recorder_;
    std::span<const std::uint64_t> ids_;
    const S* last_ = nullptr;  ///< the pre-activation block reported last
};

}  // namespace detail

/// A network can be observed on several threads, each with its own workspace.
template <class... Layers>
auto make_workspace(const Network<Layers...>&) {
    return Workspace<Network<Layers...>>();
}

template <class... Layers>
constexpr bool may_run_in_parallel(const Network<Layers...>&) noexcept {
    return true;
}

/// Runs the network in evaluation mode and reports every pre- and post-activation. Returns its output.
/// Cost   one forward pass; what the recorder does comes on top.
template <class... Layers, class S, Recorder<S> R>
const Batch<S>& observe(const Network<Layers...>& net, const BatchView<S>& x, std::span<const std::uint64_t> ids,
                        Workspace<Network<Layers...>>& workspace, R& recorder) {
    return net.forward(x, workspace, Pass{.ids = ids}, detail::ReportVisitor<R, S>(recorder, ids));
}

}  // namespace renn

namespace renn {

/// Pre- and post-activations of every layer, each features x samples. Also the recorder that collects them: filled
/// again from the same model it allocates nothing.
template <class S>
class Activations {
public:
    struct Block {
        std::string name;
        Kind kind;
        Index layer;  ///< a layer with parameters and the activation behind it have one number, from 0
        Index width;
        Batch<S> values;
        bool derived;  ///< follows, value by value, from the block before
    };

    /// All places, in the order of the pass.
    const std::vector<Block>& blocks() const noexcept { return blocks_; }
    const Batch<S>& output() const noexcept { return output_; }

    /// Number of layers, and the values of one by number. Throws DataError if there is no such place.
    Index layers() const noexcept { return blocks_.empty() ? 0 : blocks_.back().layer + 1; }
    const Batch<S>& pre(Index layer) const { return by_layer(layer, Kind::pre); }
    const Batch<S>& post(Index layer) const { return by_layer(layer, Kind::post); }

    /// The values of a place by its name: "dense1", "relu1", a probe's name.
    const Batch<S>& operator[](std::string_view name) const {
        for (const Block& block : blocks_) {
            if (block.name == name) return block.values;
        }
        detail::raise<DataError>("Activations", "place", "\"" + std::string(name) + "\"", "one of " + names());
    }

    std::string names() const {
        std::string text;
        for (const Block& block : blocks_) text += (text.empty() ? "" : ", ") + block.name;
        return text;
    }

    /// Recorder: the first run makes the table of places, later ones must repeat it.
    void record(const Place& place, const BatchView<S>& values, std::span<const std::uint64_t> ids) {
        if (first_run_) {
            append(place, values);
        } else {
            const std::size_t at = cursor_.find(place.name, place.kind, values.rows(), values.cols(), samples_,
                                                [this](std::size_t i) -> const Block& { return blocks_[i]; });
            blocks_[at].values = values;
        }
        detail::require_finite<S>("activations", place.name, values, ids);
    }

    /// Runs a model on x and keeps everything it reports.
    template <class Model, class Space>
    void collect(const Model& model, const BatchView<S>& x, std::span<const std::uint64_t> ids, Space& workspace) {
        detail::require_finite<S>("activations", "input", x, ids);
        if (first_run_) blocks_.clear();  // of a run that an error cut short
        samples_ = x.cols();
        cursor_.begin();
        const Batch<S>& out = observe(model, x, ids, workspace, *this);
        output_ = out;
        const auto known = [this](std::size_t i) -> const Block& { return blocks_[i]; };
        if (first_run_) {
            cursor_ = detail::PointCursor(blocks_.size());
            first_run_ = false;
        } else {
            cursor_.end(known);
        }
    }

private:
    void append(const Place& place, const BatchView<S>& values) {
        const std::string where = "probe \"" + std::string(place.name) + "\"";
        for (const Block& block : blocks_) {
            if (block.name == place.name) {
                detail::raise<MismatchError>(where, "reported twice in one run; every place needs its own name");
            }
        }
        if (place.name.empty()) detail::raise<DataError>(where, "a place needs a name");
        if (values.cols() != samples_) {
            detail::raise<ShapeError>(where, "values", detail::shape_text(values.rows(), values.cols()),
                                      detail::shape_text(values.rows(), samples_) + ", one column a sample");
        }
        const bool behind = place.kind == Kind::post && !blocks_.empty() && blocks_.back().kind == Kind::pre &&
                            blocks_.back().width == values.rows();
        const Index layer = blocks_.empty() ? 0 : blocks_.back().layer + (behind ? 0 : 1);
        blocks_.push_back({std::string(place.name), place.kind, layer, values.rows(), values, place.derived});
    }

    const Batch<S>& by_layer(Index layer, Kind kind) const {
        for (const Block& block : blocks_) {
            if (block.layer == layer && block.kind == kind) return block.values;
        }
        detail::raise<DataError>("Activations",
                                 std::string(kind_name(kind)) + "-activation of layer " + std::to_string(layer), "none",
                                 "a layer below " + std::to_string(layers()) + " that has one");
    }

    std::vector<Block> blocks_;
    Batch<S> output_;
    detail::PointCursor cursor_{0};
    bool first_run_ = true;
    Index samples_ = 0;
};

/// Every layer's pre- and post-activation for the samples in x, features x samples, in one call:
///
///     const auto values = renn::activations(net, x);
///     values.pre(0), values.post(0), values["dense2"], values.output()
///
/// Throws   ShapeError if x does not fit, DataError naming layer, unit and sample where a value is not finite.
template <class Net>
Activations<typename Net::Scalar> activations(const Net& net, const BatchView<typename Net::Scalar>& x) {
    Activations<typename Net::Scalar> values;
    auto workspace = make_workspace(net);
    values.collect(net, x, {}, workspace);
    return values;
}

}  // namespace renn
// renn/tracing/probe.hpp - traces Eigen code that knows nothing of renn.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>


namespace renn {

/// Handed to foreign code, which tells it the matrices that matter, features x samples:
///
///     auto f = [&](const auto& x, auto& probe) {
///         Eigen::MatrixXf h = W1 * x;
///         probe.pre("hidden", h);
///         ...
///         return logits;                       // or nothing
///     };
///
/// `probe(name, values)` is the same as `probe.pre`, the kind a retrace looks at by default; `probe.post` marks values
/// behind an activation. Column-major matrices, blocks and maps are read in place; expressions are evaluated once.
template <class S>
class Probe {
public:
    using Scalar = S;

    template <Recorder<S> R>
    Probe(R& recorder, std::span<const std::uint64_t> ids)
        : recorder_(&recorder),
          ids_(ids),
          record_(
              [](void* r, const Place& place, const BatchView<S>& block, std::span<const std::uint64_t> sample_ids) {
                  static_cast<R*>(r)->record(place, block, sample_ids);
              }) {}

    void operator()(std::string_view name, const BatchView<S>& values) { pre(name, values); }
    void pre(std::string_view name, const BatchView<S>& values) { report({name, Kind::pre}, values); }
    void post(std::string_view name, const BatchView<S>& values) { report({name, Kind::post}, values); }

private:
    void report(const Place& place, const BatchView<S>& values) { record_(recorder_, place, values, ids_); }

    void* recorder_;
    std::span<const std::uint64_t> ids_;
    void (*record_)(void*, const Place&, const BatchView<S>&, std::span<const std::uint64_t>);
};

/// How foreign code may be run, and how it is known again.
struct ForeignOptions {
    bool parallel = false;                          ///< it may be called on several threads at once
    std::optional<std::uint64_t> fingerprint = {};  ///< else: its activations of the first recorded sample
};

/// Foreign code as a model: a callable f(x, probe), or a factory that makes one for each thread.
template <class S, class F>
class Foreign {
public:
    using Scalar = S;

    explicit Foreign(F function, ForeignOptions options = {})
        : function_(std::make_shared<F>(std::move(function))), options_(std::move(options)) {}

    F& function() const noexcept { return *function_; }
    const ForeignOptions& options() const noexcept { return options_; }
    static constexpr Index in_features() noexcept { return Dynamic; }

private:
    std::shared_ptr<F> function_;
    ForeignOptions options_;
};

template <class S, class F>
concept Probed = std::invocable < F&,
        const BatchView<S>
&, Probe<S>& > ;

/// What a thread needs to run foreign code: its output, and with a factory a callable of its own.
template <class S, class F>
struct ForeignWorkspace {
    Batch<S> output;
    std::optional<F> own = {};
};

template <class S, class F>
bool may_run_in_parallel(const Foreign<S, F>& model) noexcept {
    return !Probed<S, F> || model.options().parallel;
}

template <class S, class F>
auto make_workspace(const Foreign<S, F>& model) {
    if constexpr (Probed<S, F>) {
        return ForeignWorkspace<S, F>();
    } else {
        return ForeignWorkspace<S, std::invoke_result_t<F&>>{{}, model.function()()};
    }
}

/// Runs foreign code on a batch. Returns what it returned, 0 x samples if nothing.
/// Throws   ShapeError if it returns another number of samples than it was given.
template <class S, class F, class G, Recorder<S> R>
const Batch<S>& observe(const Foreign<S, F>& model, const BatchView<S>& x, std::span<const std::uint64_t> ids,
                        ForeignWorkspace<S, G>& workspace, R& recorder) {
    Probe<S> probe(recorder, ids);
    const auto run = [&](auto& f) {
        if constexpr (std::is_void_v<decltype(f(x, probe))>) {
            f(x, probe);
            detail::reshape(workspace.output, 0, x.cols());
        } else {
            workspace.output = f(x, probe);
        }
    };
    if constexpr (Probed<S, F>) {
        run(model.function());
    } else {
        run(*workspace.own);
    }
    if (workspace.output.cols() != x.cols()) {
        detail::raise<ShapeError>("traced callable", "samples of its output", std::to_string(workspace.output.cols()),
                                  std::to_string(x.cols()) + ", one a column of its input");
    }
    return workspace.output;
}

}  // namespace renn
// renn/tracing/record.hpp - the recording pass: every sample runs through the model once.

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

// renn/network/finite_parameters.hpp - refuses a network with NaN or infinity in its parameters.

#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>


namespace renn::detail {

template <class B>
void require_finite_block(std::string_view where, std::string_view path, std::string_view name, const B& block) {
    if (all_finite(block)) return;
    for (Index j = 0; j < block.cols(); ++j) {
        for (Index i = 0; i < block.rows(); ++i) {
            if (std::isfinite(block(i, j))) continue;
            raise<DataError>(std::string(where),
                             "layer " + std::string(path) + ", " + std::string(name) + " (" + std::to_string(i) + ", " +
                                 std::to_string(j) + ")",
                             std::to_string(block(i, j)), "a finite value");
        }
    }
}

/// Throws DataError naming layer, block and entry of the first parameter that is not finite.
template <class Net>
void require_finite_parameters(std::string_view where, const Net& net) {
    for_each_layer(net, [where](std::string_view path, const auto&, const auto& parameters) {
        using P = std::remove_cvref_t<decltype(parameters)>;
        std::size_t number = 0;
        for_each_block(
            [&](const auto& block) {
                if constexpr (requires { P::names; }) {
                    require_finite_block(where, path, P::names[number], block);
                } else {
                    require_finite_block(where, path, "block " + std::to_string(number), block);
                }
                ++number;
            },
            parameters);
    });
}

}  // namespace renn::detail
// renn/tracing/store_writer.hpp - from what a model reports to what the store keeps.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>


namespace renn::detail {

/// Table of points for what a model reported in its first run. Throws DataError for a selection that names nothing.
template <class S>
std::vector<Point> make_points(const Activations<S>& seen, const Selection& selection) {
    const auto& blocks = seen.blocks();
    const auto require_known = [&](const std::string& name) {
        for (const auto& block : blocks) {
            if (block.name == name) return;
        }
        raise<DataError>("trace", "selected layer", "\"" + name + "\"", "one of " + seen.names());
    };
    for (const std::string& name : selection.layers) require_known(name);
    for (const auto& units : selection.units) require_known(units.layer);

    std::vector<Point> points;
    std::vector<Index> point_of(blocks.size(), -1);
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        const auto& block = blocks[b];
        const bool wanted_kind = block.kind == Kind::pre ? selection.pre : selection.post;
        const bool wanted_name = selection.layers.empty() || std::find(selection.layers.begin(), selection.layers.end(),
                                                                       block.name) != selection.layers.end();
        if (!wanted_kind || !wanted_name) continue;
        Point point{block.name, block.kind, block.layer, block.width, -1, {}};
        for (const auto& chosen : selection.units) {
            if (chosen.layer != block.name) continue;
            point.units = chosen.units;
            std::sort(point.units.begin(), point.units.end());
            point.units.erase(std::unique(point.units.begin(), point.units.end()), point.units.end());
            if (!point.units.empty() && static_cast<Index>(point.units.back()) >= block.width) {
                raise<DataError>("trace", "selected unit of " + block.name, std::to_string(point.units.back()),
                                 "0.." + std::to_string(block.width - 1));
            }
        }
        if (point.units.empty()) {
            point.units.resize(static_cast<std::size_t>(block.width));
            std::iota(point.units.begin(), point.units.end(), 0U);
        }
        // A post-activation is recomputed where the same units of its pre-activation are stored.
        if (block.derived && b > 0 && point_of[b - 1] >= 0) {
            const Point& source = points[static_cast<std::size_t>(point_of[b - 1])];
            if (source.units == point.units) point.derived_from = point_of[b - 1];
        }
        point_of[b] = static_cast<Index>(points.size());
        points.push_back(std::move(point));
    }
    if (points.empty()) raise<DataError>("trace", "selection", "no layer", "at least one of " + seen.names());
    return points;
}

/// Recorder that writes blocks into the store, transposed: unit after unit.
template <class S>
class StoreWriter {
public:
    StoreWriter(MemoryStore<S>& store, const Activations<S>& seen)
        : store_(store), seen_(seen), cursor_(seen.blocks().size()), point_of_(seen.blocks().size(), -1) {
        for (std::size_t b = 0; b < seen.blocks().size(); ++b) {
            for (std::size_t p = 0; p < store.points.size(); ++p) {
                if (store.points[p].name == seen.blocks()[b].name && store.points[p].stored()) {
                    point_of_[b] = static_cast<Index>(p);
                }
            }
        }
    }

    void begin(Index first, Index count) {
        first_ = first;
        count_ = count;
        cursor_.begin();
    }

    void record(const Place& place, const BatchView<S>& block, std::span<const std::uint64_t> ids) {
        const std::size_t b = cursor_.find(place.name, place.kind, block.rows(), block.cols(), count_, known());
        require_finite<S>("record", place.name, block, ids);
        if (point_of_[b] < 0) return;
        const auto p = static_cast<std::size_t>(point_of_[b]);
        const Point& point = store_.points[p];
        if (point.count() == point.width) {
            canonical::transpose(block.data(), block.outerStride(), store_.column(p, 0) + first_, store_.capacity(),
                                 block.rows(), block.cols());
        } else {
            for (Index u = 0; u < point.count(); ++u) {
                S* to = store_.column(p, u) + first_;
                const auto row = static_cast<Index>(point.units[static_cast<std::size_t>(u)]);
                for (Index j = 0; j < block.cols(); ++j) to[j] = block(row, j);
            }
        }
    }

    void end() const { cursor_.end(known()); }

private:
    auto known() const {
        return [this](std::size_t i) -> const auto& {
            return seen_.blocks()[i];
        };
    }

    MemoryStore<S>& store_;
    const Activations<S>& seen_;
    PointCursor cursor_;
    std::vector<Index> point_of_;
    Index first_ = 0;
    Index count_ = 0;
};

}  // namespace renn::detail
// renn/training/evaluate.hpp - how well a network does on a data set.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

// renn/training/loss.hpp - what training makes small.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>


namespace renn {

/// What a batch should come out as: labels, or values with the outputs' shape.
template <class S>
struct Targets {
    std::span<const std::int32_t> labels = {};
    const Batch<S>* values = nullptr;

    /// Wanted value of output `i` for sample `j`. Labels count as one-hot; for a single output the label itself.
    S operator()(Index i, Index j, Index outputs) const noexcept {
        if (values != nullptr) return (*values)(i, j);
        const auto label = static_cast<Index>(labels[static_cast<std::size_t>(j)]);
        return outputs == 1 ? static_cast<S>(label) : static_cast<S>(label == i ? 1 : 0);
    }
};

/// Returns the mean loss of a batch and writes its derivative by the outputs.
template <class L, class S>
concept Loss = requires(const L& loss, const BatchView<S>& outputs, const Targets<S>& targets, Batch<S>& gradient) {
    { loss(outputs, targets, gradient) } -> std::convertible_to<double>;
};

namespace detail {

template <class S>
void require_targets(const char* where, const BatchView<S>& outputs, const Targets<S>& targets) {
    if (targets.values != nullptr) {
        require_shape(where, "targets", *targets.values, outputs.rows(), outputs.cols());
    } else if (static_cast<Index>(targets.labels.size()) != outputs.cols()) {
        raise<ShapeError>(where, "labels", std::to_string(targets.labels.size()), std::to_string(outputs.cols()));
    }
}

/// Throws unless every label is a row of the outputs.
template <class S>
void require_labels(const char* where, const BatchView<S>& outputs, std::span<const std::int32_t> labels) {
    if (outputs.rows() == 1) {
        raise<ShapeError>(where, "outputs", "1", "one for each class; BinaryCrossEntropy takes a single logit");
    }
    for (std::size_t j = 0; j < labels.size(); ++j) {
        if (labels[j] >= 0 && static_cast<Index>(labels[j]) < outputs.rows()) continue;
        raise<DataError>(where, "label of column " + std::to_string(j), std::to_string(labels[j]),
                         "0.." + std::to_string(outputs.rows() - 1) + ", the outputs");
    }
}

}  // namespace detail

/// -sum_c t_c log softmax(z)_c of the logits z, mean over the batch. Targets are labels or probabilities.
struct CrossEntropy {
    template <class S>
    double operator()(const BatchView<S>& z, const Targets<S>& targets, Batch<S>& gradient) const {
        detail::require_targets<S>("CrossEntropy", z, targets);
        if (targets.values == nullptr) detail::require_labels<S>("CrossEntropy", z, targets.labels);
        detail::reshape(gradient, z.rows(), z.cols());
        double total = 0.0;
        const S share = z.cols() > 0 ? S(1) / static_cast<S>(z.cols()) : S(0);
        for (Index j = 0; j < z.cols(); ++j) {
            auto p = gradient.col(j);
            const S top = z.rows() > 0 ? z.col(j).maxCoeff() : S(0);
            p = (z.col(j).array() - top).exp();
            const S sum = p.sum();
            const double log_sum = std::log(static_cast<double>(sum));
            p /= sum;
            S weight = S(1);  // the targets of a sample need not sum to one
            if (targets.values == nullptr) {
                const auto label = static_cast<Index>(targets.labels[static_cast<std::size_t>(j)]);
                total += log_sum - static_cast<double>(z(label, j) - top);
                p[label] -= S(1);
            } else {
                weight = targets.values->col(j).sum();
                for (Index i = 0; i < z.rows(); ++i) {
                    const S wanted = (*targets.values)(i, j);
                    total += static_cast<double>(wanted) * (log_sum - static_cast<double>(z(i, j) - top));
                    p[i] = weight * p[i] - wanted;
                }
            }
            p *= share;
        }
        return z.cols() > 0 ? total / static_cast<double>(z.cols()) : 0.0;
    }
};

/// (y - t)^2, mean over outputs and batch.
struct MeanSquaredError {
    template <class S>
    double operator()(const BatchView<S>& y, const Targets<S>& targets, Batch<S>& gradient) const {
        detail::require_targets<S>("MeanSquaredError", y, targets);
        detail::reshape(gradient, y.rows(), y.cols());
        if (y.size() == 0) return 0.0;
        double total = 0.0;
        const S share = S(2) / static_cast<S>(y.size());
        for (Index j = 0; j < y.cols(); ++j) {
            for (Index i = 0; i < y.rows(); ++i) {
                const S error = y(i, j) - targets(i, j, y.rows());
                total += static_cast<double>(error) * static_cast<double>(error);
                gradient(i, j) = share * error;
            }
        }
        return total / static_cast<double>(y.size());
    }
};

/// -t log sigmoid(z) - (1 - t) log(1 - sigmoid(z)) of the logits z, mean over outputs and batch, in the form that
/// neither overflows nor cancels: max(z, 0) - z t + log(1 + exp(-|z|)).
struct BinaryCrossEntropy {
    template <class S>
    double operator()(const BatchView<S>& z, const Targets<S>& targets, Batch<S>& gradient) const {
        detail::require_targets<S>("BinaryCrossEntropy", z, targets);
        detail::reshape(gradient, z.rows(), z.cols());
        if (z.size() == 0) return 0.0;
        double total = 0.0;
        const double share = 1.0 / static_cast<double>(z.size());
        for (Index j = 0; j < z.cols(); ++j) {
            for (Index i = 0; i < z.rows(); ++i) {
                const auto logit = static_cast<double>(z(i, j));
                const auto wanted = static_cast<double>(targets(i, j, z.rows()));
                const double small = std::exp(-std::abs(logit));
                total += std::max(logit, 0.0) - logit * wanted + std::log1p(small);
                const double probability = logit >= 0.0 ? 1.0 / (1.0 + small) : small / (1.0 + small);
                gradient(i, j) = static_cast<S>((probability - wanted) * share);
            }
        }
        return total * share;
    }
};

using AnyLoss = std::variant<CrossEntropy, MeanSquaredError, BinaryCrossEntropy>;

}  // namespace renn

namespace renn {

struct Evaluation {
    double loss = 0.0;
    double accuracy = std::numeric_limits<double>::quiet_NaN();  ///< NaN without labels
};

/// Row of the largest output of a sample, the first among equals. A single output is a logit: class 1 if it is above 0.
template <class Derived>
std::int32_t predicted_class(const Eigen::MatrixBase<Derived>& outputs) {
    if (outputs.size() == 1) return outputs[0] > typename Derived::Scalar(0) ? 1 : 0;
    Index best = 0;
    for (Index i = 1; i < outputs.size(); ++i) {
        if (outputs[i] > outputs[best]) best = i;
    }
    return static_cast<std::int32_t>(best);
}

namespace detail {

template <class S>
Index count_correct(const Batch<S>& outputs, std::span<const std::int32_t> labels) {
    Index correct = 0;
    for (std::size_t j = 0; j < labels.size(); ++j) {
        correct += predicted_class(outputs.col(static_cast<Index>(j))) == labels[j];
    }
    return correct;
}

/// Throws unless the network can be run on the data and its outputs compared with what the data wants.
template <class Net, class S>
void require_trainable(const char* where, const Net& net, const Dataset<S>& data) {
    if (data.empty()) raise<DataError>(where, "samples", "0", "at least 1");
    if (net.in_features() != Dynamic && net.in_features() != data.features()) {
        raise<ShapeError>(where, "features", std::to_string(data.features()),
                          std::to_string(net.in_features()) + ", the network's in_features");
    }
    const Index outputs = net.predict(data.input(0)).rows();
    if (data.has_targets()) {
        if (data.targets().rows() != outputs) {
            raise<ShapeError>(where, "targets", std::to_string(data.targets().rows()) + " a sample",
                              std::to_string(outputs) + ", the network's outputs");
        }
    } else if (data.has_labels()) {
        const Index classes = outputs == 1 ? 2 : outputs;
        const auto worst = std::max_element(data.labels().begin(), data.labels().end());
        if (static_cast<Index>(*worst) >= classes) {
            raise<DataError>(where, "label of sample " + std::to_string(data.id(worst - data.labels().begin())),
                             std::to_string(*worst), "0.." + std::to_string(classes - 1) + ", the network's outputs");
        }
    } else {
        raise<DataError>(where, "data", "neither labels nor targets", "one of them");
    }
}

}  // namespace detail

/// Loss and accuracy in evaluation mode.
/// Throws   DataError for empty data or labels out of range; ShapeError where data and network do not fit.
template <class Net, class S, Loss<S> L = CrossEntropy>
Evaluation evaluate(const Net& net, const Dataset<S>& data, const L& loss = {}) {
    detail::require_trainable("evaluate", net, data);
    constexpr Index width = 64;
    Workspace<Net> workspace;
    Batch<S> x, slope, wanted;
    Evaluation result;
    Index correct = 0;
    for (Index first = 0; first < data.samples(); first += width) {
        const Index count = std::min(width, data.samples() - first);
        data.inputs(first, count, x);
        const Batch<S>& y = net.forward(x, workspace);
        Targets<S> targets;
        if (data.has_labels()) {
            targets.labels = data.labels().subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
            correct += detail::count_correct<S>(y, targets.labels);
        }
        if (data.has_targets()) {
            wanted = data.targets().middleCols(first, count);
            targets.values = &wanted;
        }
        result.loss += loss(BatchView<S>(y), targets, slope) * static_cast<double>(count);
    }
    result.loss /= static_cast<double>(data.samples());
    if (data.has_labels()) result.accuracy = static_cast<double>(correct) / static_cast<double>(data.samples());
    return result;
}

}  // namespace renn

namespace renn {

struct RecordOptions {
    Index batch = 64;                ///< samples run at once
    int threads = 0;                 ///< 0: every core, where the model may run in parallel
    ProgressCallback progress = {};  ///< in samples; false cancels and leaves everything as it was
};

/// What a stream of samples hands out: any callable `bool next(SampleBatch<S>&)` that returns false at its end.
template <class S>
struct SampleBatch {
    Batch<S> inputs;
    std::vector<std::uint64_t> ids;    ///< empty: numbered on from 0
    std::vector<std::int32_t> labels;  ///< one a sample, or always empty
};

template <class F, class S>
concept SampleStream = requires(F& next, SampleBatch<S>& batch) {
    { next(batch) } -> std::convertible_to<bool>;
};

namespace detail {

/// Fingerprint of a model: its own, or the bits of what it does with one sample.
template <class Model, class S>
std::uint64_t model_fingerprint(const Model& model, const Activations<S>& of_first_sample) {
    if constexpr (requires { fingerprint(model); }) {
        return fingerprint(model);
    } else {
        if (model.options().fingerprint) return *model.options().fingerprint;
        std::uint64_t hash = 1;
        for (const auto& block : of_first_sample.blocks()) {
            hash = hash_text(block.name, hash);
            for (Index i = 0; i < block.values.size(); ++i) {
                hash = mix(hash, std::bit_cast<std::uint64_t>(static_cast<double>(block.values.data()[i])));
            }
        }
        return hash;
    }
}

/// One thread's share of a recording.
template <class Model, class S>
struct RecordWorker {
    decltype(make_workspace(std::declval<const Model&>())) workspace;
    StoreWriter<S> writer;
    Batch<S> inputs;

    RecordWorker(const Model& model, MemoryStore<S>& store, const Activations<S>& seen)
        : workspace(make_workspace(model)), writer(store, seen) {}

    /// Runs samples that go to positions [first, first + x.cols()) of the store.
    void run(const Model& model, MemoryStore<S>& store, const BatchView<S>& x, Index first) {
        const auto ids = std::span<const std::uint64_t>(store.ids).subspan(static_cast<std::size_t>(first),
                                                                           static_cast<std::size_t>(x.cols()));
        writer.begin(first, x.cols());
        const Batch<S>& y = observe(model, x, ids, workspace, writer);
        writer.end();
        if (y.rows() == 0) return;
        if (y.rows() != store.outputs.rows()) {
            raise<ShapeError>("record", "outputs", std::to_string(y.rows()), std::to_string(store.outputs.rows()));
        }
        require_finite<S>("record", "output", y, ids);
        store.outputs.middleCols(first, x.cols()) = y;
        for (Index j = 0; j < y.cols(); ++j) {
            store.predictions[static_cast<std::size_t>(first + j)] = predicted_class(y.col(j));
        }
    }
};

inline void check_record_options(const RecordOptions& options) {
    if (options.batch < 1) raise<DataError>("record", "batch", std::to_string(options.batch), "1 or more");
    if (options.threads < 0) raise<DataError>("record", "threads", std::to_string(options.threads), "0 or more");
}

/// Looks at the model with its first sample: which places it has, what it puts out, what its fingerprint is.
template <class Model, class S>
Activations<S> first_look(const Model& model, const BatchView<S>& sample, std::uint64_t id, const Selection& selection,
                          MemoryStore<S>& store) {
    if constexpr (requires { model.parameters(); }) require_finite_parameters("record", model);
    Activations<S> seen;
    auto workspace = make_workspace(model);
    seen.collect(model, sample, std::span(&id, 1), workspace);
    if (seen.blocks().empty()) raise<DataError>("record", "places the model reported", "none", "at least one");
    store.points = make_points(seen, selection);
    store.outputs.resize(seen.output().rows(), 0);
    store.fingerprint = model_fingerprint(model, seen);
    if constexpr (!requires { fingerprint(model); }) store.first_input = sample;
    return seen;
}

template <class S>
void make_room(MemoryStore<S>& store, Index capacity, Index filled) {
    store.reserve(capacity, filled);
    store.outputs.conservativeResize(Eigen::NoChange, capacity);
    if (store.outputs.rows() > 0) store.predictions.resize(static_cast<std::size_t>(capacity));
}

}  // namespace detail

/// Records every sample of a data set. Returns the finished store, or nothing if the callback cancelled.
///
/// Throws   DataError for empty data, impossible options, or values that are not finite, naming layer, unit and
///          sample; ShapeError where data and model do not fit; MismatchError where foreign code does not repeat its
///          places. What a model throws on any thread reaches the caller after all threads have stopped.
/// Cost     one forward pass a sample; memory samples x recorded units x sizeof(S).
template <class Model, class S>
std::optional<MemoryStore<S>> record(const Model& model, const Dataset<S>& data, const Selection& selection = {},
                                     const RecordOptions& options = {}) {
    detail::check_record_options(options);
    if (data.empty()) detail::raise<DataError>("record", "samples", "0", "at least 1");
    if (data.samples() > static_cast<Index>(std::numeric_limits<std::uint32_t>::max())) {
        detail::raise<DataError>("record", "samples", std::to_string(data.samples()), "at most 2^32 - 1");
    }
    if (model.in_features() != Dynamic && model.in_features() != data.features()) {
        detail::raise<ShapeError>("record", "features", std::to_string(data.features()),
                                  std::to_string(model.in_features()) + ", the network's in_features");
    }
    MemoryStore<S> store;
    const Column<S> first = data.input(0);
    const Activations<S> seen = detail::first_look<Model, S>(model, first, data.id(0), selection, store);
    store.ids.assign(data.ids().begin(), data.ids().end());
    store.labels.assign(data.labels().begin(), data.labels().end());
    store.tags.assign(data.tags().begin(), data.tags().end());
    for (int c = 0; c < data.classes(); ++c) store.class_names.push_back(data.class_name(c));
    store.index_ids();
    detail::make_room(store, data.samples(), 0);

    const Index tasks = (data.samples() + options.batch - 1) / options.batch;
    const int threads = may_run_in_parallel(model) ? detail::thread_count(options.threads, tasks) : 1;
    std::vector<detail::RecordWorker<Model, S>> workers;
    workers.reserve(static_cast<std::size_t>(threads));
    for (int t = 0; t < threads; ++t) workers.emplace_back(model, store, seen);

    const bool finished = detail::parallel_for(
        tasks, threads,
        [&](Index task, int worker) {
            auto& mine = workers[static_cast<std::size_t>(worker)];
            const Index begin = task * options.batch;
            data.inputs(begin, std::min(options.batch, data.samples() - begin), mine.inputs);
            mine.run(model, store, mine.inputs, begin);
        },
        [&](Index done) {
            const Index count = std::min(done * options.batch, data.samples());
            return !options.progress || options.progress({static_cast<std::uint64_t>(count),
                                                          static_cast<std::uint64_t>(data.samples()), "recording"});
        });
    if (!finished) return std::nullopt;
    return store;
}

/// Records whatever a stream of batches yields, so that the inputs need not fit into memory. The stream is called by
/// one thread only, a few batches ahead of the model.
template <class S, class Model, SampleStream<S> Stream>
std::optional<MemoryStore<S>> record_stream(const Model& model, Stream&& next, const Selection& selection = {},
                                            const RecordOptions& options = {}) {
    detail::check_record_options(options);
    MemoryStore<S> store;
    std::optional<Activations<S>> seen;
    const int threads = may_run_in_parallel(model) ? detail::thread_count(options.threads, 1024) : 1;
    std::vector<detail::RecordWorker<Model, S>> workers;
    workers.reserve(static_cast<std::size_t>(threads));
    std::vector<SampleBatch<S>> ahead(static_cast<std::size_t>(threads));
    std::vector<Index> begins(ahead.size());

    for (bool more = true; more;) {
        Index filled = store.samples();
        std::size_t batches = 0;
        while (batches < ahead.size()) {
            SampleBatch<S>& batch = ahead[batches];
            batch.ids.clear();  // the batch was used before, and a stream may leave them out
            batch.labels.clear();
            if (!(more = next(batch))) break;
            if (batch.inputs.cols() == 0) continue;
            const Index count = batch.inputs.cols();
            if (!batch.ids.empty()) {
                detail::require_shape("record", "ids of a batch",
                                      Eigen::Map<Column<std::uint64_t>>(batch.ids.data(), std::ssize(batch.ids)), count,
                                      1);
            }
            if (!batch.labels.empty() ? std::ssize(batch.labels) != count : !store.labels.empty()) {
                detail::raise<ShapeError>("record", "labels of a batch", std::to_string(batch.labels.size()),
                                          std::to_string(count));
            }
            if (!batch.labels.empty() && store.labels.empty() && store.samples() > 0) {
                detail::raise<ShapeError>("record", "labels of a batch", std::to_string(batch.labels.size()),
                                          "none, as in the batches before");
            }
            for (Index j = 0; j < count; ++j) {
                store.ids.push_back(batch.ids.empty() ? static_cast<std::uint64_t>(store.ids.size())
                                                      : batch.ids[static_cast<std::size_t>(j)]);
            }
            store.labels.insert(store.labels.end(), batch.labels.begin(), batch.labels.end());
            begins[batches++] = filled;
            filled += count;
        }
        if (batches == 0) break;
        if (!seen) {
            seen = detail::first_look<Model, S>(model, ahead[0].inputs.col(0), store.ids[0], selection, store);
            for (int t = 0; t < threads; ++t) workers.emplace_back(model, store, *seen);
        }
        if (filled > store.capacity()) detail::make_room(store, std::max(filled, 2 * store.capacity()), begins[0]);
        detail::parallel_for(static_cast<Index>(batches), threads, [&](Index task, int worker) {
            const auto b = static_cast<std::size_t>(task);
            const auto& x = ahead[b].inputs;  // a Dataset has checked its own
            detail::require_finite<S>("record", "input", x,
                                      std::span<const std::uint64_t>(store.ids).subspan(
                                          static_cast<std::size_t>(begins[b]), static_cast<std::size_t>(x.cols())));
            workers[static_cast<std::size_t>(worker)].run(model, store, x, begins[b]);
        });
        if (options.progress && !options.progress({static_cast<std::uint64_t>(filled), 0, "recording"})) {
            return std::nullopt;
        }
    }
    if (!seen) detail::raise<DataError>("record", "samples", "0", "at least 1");
    detail::make_room(store, store.samples(), store.samples());
    const auto negative = std::find_if(store.labels.begin(), store.labels.end(), [](auto l) { return l < 0; });
    if (negative != store.labels.end()) {
        detail::raise<DataError>("record", "label", std::to_string(*negative), "0 or more");
    }
    store.index_ids();
    return store;
}

}  // namespace renn

namespace renn {

/// A model, the activations it had for every recorded sample, and an index over them. The model is a Network or foreign
/// code; it is owned and shown const: training further means tracing again. Copies share the recording, which never
/// changes: recording again makes a new one, and answers given before keep theirs.
///
/// Threads  retrace and the other const members may run on several threads at once.
template <class Model, class Store = MemoryStore<typename Model::Scalar>, class Policy = KdTree>
class TracedNetwork {
public:
    using Scalar = typename Model::Scalar;
    static_assert(IndexPolicy<Policy, Scalar>, "renn: this type is not an index policy (index/neuron_index.hpp)");
    using Index = NeuronIndex<Store, Policy>;
    using Answer = Retrace<Index>;

    explicit TracedNetwork(Model model, Selection selection = {})
        : model_(std::make_shared<const Model>(std::move(model))), selection_(std::move(selection)) {}

    /// With a store recorded earlier. Throws MismatchError if it belongs to another network.
    TracedNetwork(Model model, Store store, Selection selection = {})
        : TracedNetwork(std::move(model), std::move(selection)) {
        restore(std::move(store));
    }

    /// Takes over a recording made earlier. Throws MismatchError if it was made with another network.
    void restore(Store store) {
        check_fingerprint(store);
        auto derivations = detail::derivations(*model_, store.points);
        index_ = std::make_shared<const Index>(std::make_shared<const Store>(std::move(store)), std::move(derivations),
                                               model_);
    }

    const Model& network() const noexcept { return *model_; }
    bool recorded() const noexcept { return index_ != nullptr; }
    const Store& store() const { return index("TracedNetwork::store").store(); }
    const Index& index() const { return index("TracedNetwork::index"); }

    /// Runs every sample through the network once and keeps what each neuron did. Returns false if the callback
    /// cancelled; then, and on any error, an earlier recording stays as it was. Errors: see renn::record.
    bool record(const Dataset<Scalar>& data, const RecordOptions& options = {}) {
        return keep(renn::record(*model_, data, selection_, options));
    }

    /// The same for a stream of batches, any callable `bool next(SampleBatch<Scalar>&)`.
    template <SampleStream<Scalar> Stream>
    bool record(Stream&& next, const RecordOptions& options = {}) {
        return keep(record_stream<Scalar>(*model_, next, selection_, options));
    }

    /// Every place's values for samples of any kind. See renn::activations.
    Activations<Scalar> activations(const BatchView<Scalar>& x) const { return renn::activations(*model_, x); }

    /// Traces one sample back to the recorded samples it rests on.
    /// Shapes   x: features x 1.
    /// Throws   DataError before anything is recorded, for impossible options or values that are not finite; ShapeError
    ///          if x is not one sample.
    /// Cost     a forward pass and a search a neuron; the first time also the building of the index.
    Answer retrace(const BatchView<Scalar>& x, const RetraceOptions& options = {}) const {
        if (x.cols() != 1) {
            detail::raise<ShapeError>("retrace", "x", detail::shape_text(x.rows(), x.cols()),
                                      detail::shape_text(x.rows(), 1) + ", one sample; retrace_batch takes many");
        }
        return std::move(retrace_batch(x, options).front());
    }

    /// Traces every column of x, queries spread over threads (0: every core).
    std::vector<Answer> retrace_batch(const BatchView<Scalar>& x, const RetraceOptions& options = {},
                                      int threads = 1) const {
        return answers(query(x), options, {}, threads);
    }

    /// Leave-one-out: traces recorded samples, each without itself as a source.
    /// Shapes   x: features x ids, the recorded inputs of those ids.
    std::vector<Answer> retrace_without_self(const BatchView<Scalar>& x, std::span<const std::uint64_t> ids,
                                             const RetraceOptions& options = {}, int threads = 1) const {
        if (static_cast<renn::Index>(ids.size()) != x.cols()) {
            detail::raise<ShapeError>("retrace_without_self", "ids", std::to_string(ids.size()),
                                      std::to_string(x.cols()));
        }
        return answers(query(x), options, ids, threads);
    }

    /// Traces activations computed elsewhere or before: every column, without a forward pass.
    std::vector<Answer> retrace_activations(const Activations<Scalar>& values, const RetraceOptions& options = {},
                                            int threads = 1) const {
        return answers(values, options, {}, threads);
    }

private:
    using Search = detail::Search<Index>;

    const Index& index(const char* where) const {
        if (!recorded()) detail::raise<DataError>(where, "nothing recorded yet: call record() first");
        return *index_;
    }

    bool keep(std::optional<Store> store) {
        if (!store) return false;
        restore(std::move(*store));
        return true;
    }

    void check_fingerprint(const Store& store) const {
        std::uint64_t mine = 0;
        if constexpr (requires { fingerprint(*model_); }) {
            mine = fingerprint(*model_);
        } else {
            Activations<Scalar> seen;
            auto workspace = make_workspace(*model_);
            seen.collect(*model_, store.first_input, {}, workspace);
            mine = detail::model_fingerprint(*model_, seen);
        }
        if (mine != store.fingerprint) {
            detail::raise<MismatchError>("TracedNetwork", "fingerprint of the store's network",
                                         std::to_string(store.fingerprint),
                                         std::to_string(mine) + ": the store was recorded with another network");
        }
    }

    Activations<Scalar> query(const BatchView<Scalar>& x) const {
        index("retrace");
        if (model_->in_features() != Dynamic && model_->in_features() != x.rows()) {
            detail::raise<ShapeError>("retrace", "features", std::to_string(x.rows()),
                                      std::to_string(model_->in_features()) + ", the network's in_features");
        }
        return renn::activations(*model_, x);
    }

    std::vector<Answer> answers(const Activations<Scalar>& values, const RetraceOptions& options,
                                std::span<const std::uint64_t> without_self, int threads) const {
        const Store& recorded = index("retrace").store();
        detail::check_retrace_options(options);
        const std::vector<std::uint32_t> voting = detail::voting_points(recorded.points, options);
        const auto allowed = detail::allowed_samples(recorded, options);
        const auto blocks = blocks_of(values, recorded, voting);

        const renn::Index queries = blocks.empty() ? 0 : values[recorded.points[voting.front()].name].cols();
        std::vector<std::shared_ptr<Search>> searches(static_cast<std::size_t>(queries));
        detail::parallel_for(queries, threads, [&](renn::Index q, int) {
            auto search = std::make_shared<Search>();
            search->index = index_;
            search->options = options;
            search->allowed = allowed;
            std::optional<std::uint64_t> without = options.without;
            if (!without_self.empty()) without = without_self[static_cast<std::size_t>(q)];
            if (without) search->without = static_cast<std::uint32_t>(recorded.position_of(*without));
            detail::run_search(*search, voting, [&](std::uint32_t point, std::uint32_t unit) {
                return (*blocks[point])(static_cast<renn::Index>(recorded.points[point].units[unit]), q);
            });
            if (values.output().rows() > 0) {
                const auto column = values.output().col(q);
                search->outputs.assign(column.data(), column.data() + column.size());
                search->prediction = predicted_class(column);
            }
            searches[static_cast<std::size_t>(q)] = std::move(search);
        });
        std::vector<Answer> result;
        result.reserve(searches.size());
        for (auto& search : searches) result.emplace_back(std::move(search));
        return result;
    }

    /// The query's values of every voting point, by the point's number. Throws MismatchError if one is missing.
    static std::vector<const Batch<Scalar>*> blocks_of(const Activations<Scalar>& values, const Store& recorded,
                                                       const std::vector<std::uint32_t>& voting) {
        std::vector<const Batch<Scalar>*> blocks(recorded.points.size(), nullptr);
        for (const std::uint32_t p : voting) {
            const Point& point = recorded.points[p];
            for (const auto& block : values.blocks()) {
                if (block.name == point.name && block.kind == point.kind) blocks[p] = &block.values;
            }
            if (blocks[p] == nullptr) {
                detail::raise<MismatchError>("retrace", "activations of " + point.text(), "none", "those of the query");
            }
            if (blocks[p]->rows() != point.width) {
                detail::raise<ShapeError>("retrace", point.text(), std::to_string(blocks[p]->rows()) + " units",
                                          std::to_string(point.width));
            }
        }
        return blocks;
    }

    std::shared_ptr<const Model> model_;
    Selection selection_;
    std::shared_ptr<const Index> index_;
};

/// trace(net) or trace<Sorted>(net): the network unchanged, ready to record.
template <class Policy = KdTree, class... Layers>
auto trace(Network<Layers...> net, Selection selection = {}) {
    using Net = Network<Layers...>;
    return TracedNetwork<Net, MemoryStore<typename Net::Scalar>, Policy>(std::move(net), std::move(selection));
}

/// trace(callable): any code that takes a matrix, features x samples, and reports named matrices to a probe. It runs on
/// one thread unless the options allow more.
template <class Policy = KdTree, class S = float, class F>
    requires Probed<S, F>
auto trace(F function, ForeignOptions options = {}, Selection selection = {}) {
    using Model = Foreign<S, F>;
    return TracedNetwork<Model, MemoryStore<S>, Policy>(Model(std::move(function), std::move(options)),
                                                        std::move(selection));
}

/// trace_each([] { return MyNetwork(); }): foreign code that keeps state, made anew for each thread.
template <class Policy = KdTree, class S = float, class F>
    requires Probed<S, std::invoke_result_t<F&>>
auto trace_each(F make, ForeignOptions options = {}, Selection selection = {}) {
    using Model = Foreign<S, F>;
    return TracedNetwork<Model, MemoryStore<S>, Policy>(Model(std::move(make), std::move(options)),
                                                        std::move(selection));
}

}  // namespace renn

namespace renn {

/// Writes a network to any cereal output archive: what it is, then every layer's name, constants and parameters.
template <class A, class... Layers>
void put(A& ar, const Network<Layers...>& net) {
    detail::put(ar, net.kinds());
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        const auto one = [&ar](const std::string& name, const auto& layer, const auto& parameters) {
            detail::put(ar, name);
            if constexpr (requires { layer.constants(); }) {
                std::apply([&ar](const auto&... c) { (detail::put(ar, c), ...); }, layer.constants());
            }
            for_each_block([&ar](const auto& block) { detail::put(ar, block); }, parameters);
        };
        const auto each = [&]<std::size_t K>(std::integral_constant<std::size_t, K>) {
            if constexpr (requires { net.template layer<K>().kinds(); }) {
                detail::put(ar, net.names()[K]);
                auto inner = net.template layer<K>();
                inner.parameters() = std::get<K>(net.parameters().layers);
                put(ar, inner);
            } else {
                one(net.names()[K], net.template layer<K>(), std::get<K>(net.parameters().layers));
            }
        };
        (each(std::integral_constant<std::size_t, I>{}), ...);
    }
    (std::index_sequence_for<Layers...>{});
}

/// Reads a network of the same layer types. Throws MismatchError if the archive holds another network, FormatError for
/// lengths that cannot be.
template <class A, class... Layers>
void get(A& ar, Network<Layers...>& net, const detail::Limit& limit = {}) {
    std::string kinds;
    detail::get(ar, kinds, limit);
    if (kinds != net.kinds()) detail::raise<MismatchError>("network", "layers", kinds, net.kinds());
    std::array<std::string, sizeof...(Layers)> names;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        const auto each = [&]<std::size_t K>(std::integral_constant<std::size_t, K>) {
            auto& layer = net.template layer<K>();
            auto& parameters = std::get<K>(net.parameters().layers);
            detail::get(ar, names[K], limit);
            if constexpr (requires { layer.kinds(); }) {
                get(ar, layer, limit);
                parameters = std::exchange(layer.parameters(), {});
            } else {
                if constexpr (requires { layer.constants(); }) {
                    std::apply([&](auto&... c) { (detail::get(ar, c, limit), ...); }, layer.constants());
                    layer.check();
                }
                for_each_block([&](auto& block) { detail::get(ar, block, limit); }, parameters);
                if constexpr (requires { layer.check(parameters); }) layer.check(parameters);
            }
        };
        (each(std::integral_constant<std::size_t, I>{}), ...);
    }
    (std::index_sequence_for<Layers...>{});
    net.rename_all(std::move(names));
    net.check_sizes();
}

template <class A>
void put(A& ar, const Point& point) {
    detail::put(ar, point.name);
    detail::put(ar, static_cast<std::uint8_t>(point.kind));
    detail::put(ar, static_cast<std::int64_t>(point.layer));
    detail::put(ar, static_cast<std::int64_t>(point.width));
    detail::put(ar, static_cast<std::int64_t>(point.derived_from));
    detail::put(ar, point.units);
}

/// Throws FormatError unless the point can stand at place `number` of a table.
template <class A>
void get(A& ar, Point& point, const detail::Limit& limit) {
    std::uint8_t kind = 0;
    std::int64_t layer = 0, width = 0, derived_from = 0;
    detail::get(ar, point.name, limit);
    detail::get(ar, kind, limit);
    detail::get(ar, layer, limit);
    detail::get(ar, width, limit);
    detail::get(ar, derived_from, limit);
    detail::get(ar, point.units, limit);
    point.kind = kind == 0 ? Kind::pre : Kind::post;
    point.layer = layer;
    point.width = width;
    point.derived_from = derived_from;
}

namespace detail {

inline void check_point(const std::vector<Point>& points, std::size_t number) {
    const Point& point = points[number];
    bool fine = point.width >= 0 && point.derived_from >= -1 && point.derived_from < static_cast<Index>(number);
    for (std::size_t u = 0; u < point.units.size(); ++u) {
        fine =
            fine && static_cast<Index>(point.units[u]) < point.width && (u == 0 || point.units[u - 1] < point.units[u]);
    }
    if (fine && !point.stored()) {
        const Point& source = points[static_cast<std::size_t>(point.derived_from)];
        fine = source.stored() && source.units == point.units;
    }
    if (!fine) raise<FormatError>("store", "point " + point.name, "an impossible one", "one as recorded");
}

inline void check_classes(const char* what, const std::vector<std::int32_t>& values, std::int64_t classes) {
    for (const std::int32_t value : values) {
        if (value < 0 || value >= classes) {
            raise<FormatError>("store", what, std::to_string(value), "0.." + std::to_string(classes - 1));
        }
    }
}

}  // namespace detail

/// Writes a store to any cereal output archive.
template <class A, class S>
void put(A& ar, const MemoryStore<S>& store) {
    detail::put(ar, store.build);
    detail::put(ar, store.fingerprint);
    detail::put(ar, store.points);
    detail::put(ar, store.ids);
    detail::put(ar, store.labels);
    detail::put(ar, store.predictions);
    detail::put(ar, store.tags);
    detail::put(ar, store.class_names);
    detail::put(ar, store.outputs);
    detail::put(ar, store.first_input);
    for (std::uint32_t p = 0; p < store.points.size(); ++p) {
        if (!store.points[p].stored()) continue;
        for (std::uint32_t u = 0; u < store.points[p].units.size(); ++u) {
            const auto values = store.values({p, u});
            detail::put_block(ar, values.data(), values.size());
        }
    }
}

/// Reads a store. Throws FormatError for lengths, numbers or tables that cannot be.
template <class A, class S>
void get(A& ar, MemoryStore<S>& store, const detail::Limit& limit = {}) {
    detail::get(ar, store.build, limit);
    detail::get(ar, store.fingerprint, limit);
    detail::get(ar, store.points, limit);
    detail::get(ar, store.ids, limit);
    detail::get(ar, store.labels, limit);
    detail::get(ar, store.predictions, limit);
    detail::get(ar, store.tags, limit);
    detail::get(ar, store.class_names, limit);
    detail::get(ar, store.outputs, limit);
    detail::get(ar, store.first_input, limit);
    const std::size_t n = store.ids.size();
    const auto fits = [n](std::size_t count) { return count == 0 || count == n; };
    if (!fits(store.labels.size()) || !fits(store.predictions.size()) || !fits(store.tags.size()) ||
        store.outputs.cols() != static_cast<Index>(n)) {
        detail::raise<FormatError>("store", "numbers of samples", "different ones", std::to_string(n) + " each");
    }
    const auto named = static_cast<std::int64_t>(store.class_names.size());
    const std::int64_t classes = named > 0 ? named : std::numeric_limits<std::int32_t>::max();
    detail::check_classes("label", store.labels, classes);
    detail::check_classes("prediction", store.predictions, std::max<std::int64_t>(2, store.outputs.rows()));
    std::uint64_t units = 0;
    for (std::size_t p = 0; p < store.points.size(); ++p) {
        detail::check_point(store.points, p);
        if (store.points[p].stored()) units += store.points[p].units.size();
    }
    limit.require(units, n * sizeof(S));
    store.reserve(static_cast<Index>(n), 0);
    for (std::size_t p = 0; p < store.points.size(); ++p) {
        if (!store.points[p].stored()) continue;
        for (Index u = 0; u < store.points[p].count(); ++u) detail::get_block(ar, store.column(p, u), n);
    }
    store.index_ids();
}

namespace detail {

/// Writes a framed file: `write(archive)`.
template <class F>
void write_archive(const std::string& path, std::string_view content, std::uint32_t scalar_bytes, F&& write) {
    try {
        write_frame(path, content, scalar_bytes, [&](std::ostream& out) {
            cereal::BinaryOutputArchive ar(out);
            write(ar);
        });
    } catch (const cereal::Exception&) {  // it writes past the stream, which does not know that it failed
        raise<FormatError>("save: " + path, "cannot be written (disk full?)");
    }
}

/// Reads the payload of a framed file. Whatever cereal throws over it means a damaged file, as do values that cannot
/// be; sizes that do not fit mean another network. Every error names the file.
template <class F>
void read_frame(const std::string& path, std::string_view content, std::uint32_t scalar_bytes, F&& read) {
    const std::uint64_t bytes = check_frame(path, content, scalar_bytes);
    std::ifstream in(path, std::ios::binary);
    in.seekg(sizeof(FrameHead));
    try {
        cereal::BinaryInputArchive ar(in);
        read(ar, Limit(bytes));
    } catch (const cereal::Exception& e) {
        raise<FormatError>("load: " + path, std::string("damaged: ") + e.what());
    } catch (const MismatchError& e) {
        raise<MismatchError>("load: " + path, e.what());
    } catch (const ShapeError& e) {
        raise<MismatchError>("load: " + path, e.what());
    } catch (const Error& e) {
        raise<FormatError>("load: " + path, e.what());
    }
    if (static_cast<std::uint64_t>(in.tellg()) != bytes + sizeof(FrameHead)) {
        raise<FormatError>("load: " + path, "damaged: the payload does not end where it should");
    }
}

}  // namespace detail

/// save("digits.renn", net): structure, names, constants and parameters. Appears whole or not at all.
/// Throws FormatError if the file cannot be written.
template <class... Layers>
void save(const std::string& path, const Network<Layers...>& net) {
    using S = typename Network<Layers...>::Scalar;
    detail::write_archive(path, "network", sizeof(S), [&](auto& ar) { put(ar, net); });
}

/// save("digits.renn", traced): network (not foreign code) and recording. The index is built again after loading.
template <class Model, class Store, class Policy>
void save(const std::string& path, const TracedNetwork<Model, Store, Policy>& traced) {
    detail::write_archive(path, "traced", sizeof(typename Model::Scalar), [&](auto& ar) {
        constexpr bool own = requires {
            put(ar, traced.network());
        };
        detail::put(ar, static_cast<std::uint8_t>(own));
        if constexpr (own) put(ar, traced.network());
        put(ar, traced.store());
    });
}

/// auto net = load<Net>("digits.renn"), auto traced = load<Traced>("traced.renn"): the type says what is expected.
///
/// Throws   FormatError for a file that is foreign, truncated, damaged, newer or of other content; MismatchError for
///          another scalar or other layers. The file's checksum is checked before a byte of it is parsed.
template <class T>
T load(const std::string& path) {
    if constexpr (requires { typename T::Answer; }) {
        using Model = std::remove_cvref_t<decltype(std::declval<T>().network())>;
        using Store = std::remove_cvref_t<decltype(std::declval<T>().store())>;
        Model model;
        Store store;
        detail::read_frame(path, "traced", sizeof(typename T::Scalar), [&](auto& ar, const detail::Limit& limit) {
            std::uint8_t own = 0;
            detail::get(ar, own, limit);
            if (own == 0) {
                detail::raise<MismatchError>("traced network", "model", "foreign code, which is not in the file",
                                             "a network; use restore(path, traced)");
            }
            get(ar, model, limit);
            get(ar, store, limit);
        });
        return T(std::move(model), std::move(store));
    } else {
        T net;
        detail::read_frame(path, "network", sizeof(typename T::Scalar),
                           [&](auto& ar, const detail::Limit& limit) { get(ar, net, limit); });
        return net;
    }
}

/// Gives a recording back to foreign code, or to a network that is there already.
/// Throws   as load; MismatchError also if the recording was made with another network or other code.
template <class Model, class Store, class Policy>
void restore(const std::string& path, TracedNetwork<Model, Store, Policy>& traced) {
    Store store;
    detail::read_frame(path, "traced", sizeof(typename Model::Scalar), [&](auto& ar, const detail::Limit& limit) {
        std::uint8_t own = 0;
        detail::get(ar, own, limit);
        constexpr bool network = requires {
            put(ar, traced.network());
        }
        || requires {
            typename Model::Parameters;
        };
        if (network != (own != 0)) {
            detail::raise<MismatchError>("traced network", "model", own != 0 ? "a network" : "foreign code",
                                         network ? "a network" : "foreign code");
        }
        if constexpr (network) {
            Model recorded_with = traced.network();
            get(ar, recorded_with, limit);
        }
        get(ar, store, limit);
    });
    traced.restore(std::move(store));
}

}  // namespace renn
// renn/layers/dense.hpp - fully connected layer.

#include <array>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

// renn/layers/initialise.hpp - initial weights by seed.

#include <cmath>
#include <concepts>
#include <cstdint>


namespace renn {

/// Fills a weight matrix, out x in. Anything callable like this is an initialiser: your own lambda as well.
template <class I, class S>
concept Initialiser = requires(const I& init, Batch<S>& weights, Index fan_in, Index fan_out) {
    init(weights, fan_in, fan_out);
};

namespace detail {

/// Row after row, so that the draw of a weight does not depend on how the matrix is stored.
template <class S, class Draw>
void fill_by_rows(Batch<S>& weights, Draw&& draw) {
    for (Index i = 0; i < weights.rows(); ++i) {
        for (Index j = 0; j < weights.cols(); ++j) weights(i, j) = static_cast<S>(draw());
    }
}

}  // namespace detail

/// Normal with variance 2 / fan_in, for layers followed by ReLU. Source: He et al. (2015), eq. 10.
struct He {
    std::uint64_t seed = 0;
    template <class S>
    void operator()(Batch<S>& weights, Index fan_in, Index) const {
        Rng rng(seed);
        const double deviation = std::sqrt(2.0 / static_cast<double>(fan_in));
        detail::fill_by_rows(weights, [&] { return deviation * rng.normal(); });
    }
};

/// Uniform in +- sqrt(6 / (fan_in + fan_out)). Source: Glorot and Bengio (2010), eq. 16.
struct Glorot {
    std::uint64_t seed = 0;
    template <class S>
    void operator()(Batch<S>& weights, Index fan_in, Index fan_out) const {
        Rng rng(seed);
        const double limit = std::sqrt(6.0 / static_cast<double>(fan_in + fan_out));
        detail::fill_by_rows(weights, [&] { return rng.uniform(-limit, limit); });
    }
};

struct Zero {
    template <class S>
    void operator()(Batch<S>& weights, Index, Index) const {
        weights.setZero();
    }
};

}  // namespace renn

namespace renn {

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
    static constexpr Index fixed_in = In;
    static constexpr Index fixed_out = Out;

    struct Parameters {
        Batch<S> weights;  ///< Out x In
        Column<S> bias;    ///< Out
        static constexpr std::array<std::string_view, 2> names{"weights", "bias"};
        auto blocks() noexcept { return std::tie(weights, bias); }
        auto blocks() const noexcept { return std::tie(weights, bias); }
    };
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
            detail::reshape(g.weights, out_, in_);
            if (g.bias.size() != out_) g.bias.resize(out_);
            canonical::outer_product<S>(dy, x, g.weights);
            g.bias.setZero();
            for (Index j = 0; j < dy.cols(); ++j) g.bias += dy.col(j);
        }
        if constexpr (is_wanted<Dx>) {
            map_transposed(w, dy, dx);
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
        parameters_.bias = Column<S>::Zero(out_);
        init(parameters_.weights, in_, out_);
    }

    Index in_ = In == Dynamic ? 0 : In;
    Index out_ = Out == Dynamic ? 0 : Out;
    Parameters parameters_;
};

static_assert(LinearLayer<Dense<float, 3, 2>> && LinearLayer<Dense<double>>);

}  // namespace renn
// renn/layers/dropout.hpp - dropout with masks that depend on the sample, not on its batch.

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>


namespace renn {

/// Inverted dropout: in training each value becomes 0 with probability `rate`, else is divided by 1 - rate; outside
/// training the identity. The mask is drawn from (seed, layer path, step, sample id, feature), so it is the same in
/// any batch, on any thread and on any rank.
///
/// Shapes   Y as X.
/// Throws   DataError unless 0 <= rate < 1.
/// Source   Srivastava et al. (2014).
template <std::floating_point S = float>
class Dropout {
public:
    using Scalar = S;
    using Parameters = NoParameters;
    static constexpr std::string_view name = "Dropout";
    struct Cache {
        Batch<S> mask;  ///< 0 or 1 / (1 - rate); empty outside training
    };

    explicit Dropout(double rate = 0.5) : rate_(rate) { check(); }

    double rate() const noexcept { return rate_; }
    const Parameters& parameters() const noexcept { return none_; }

    void forward(const Parameters&, const BatchView<S>& x, Batch<S>& y, Cache& cache, const Pass& pass) const {
        detail::reshape(y, x.rows(), x.cols());
        if (!pass.training) {
            cache.mask.resize(0, 0);
            y = x;
            return;
        }
        if (!pass.ids.empty() && static_cast<Index>(pass.ids.size()) != x.cols()) {
            detail::raise<ShapeError>("Dropout::forward", "ids of the pass", std::to_string(pass.ids.size()),
                                      std::to_string(x.cols()) + ", one a column");
        }
        detail::reshape(cache.mask, x.rows(), x.cols());
        const S keep = S(1) / S(1.0 - rate_);
        const std::uint64_t key = mix(mix(pass.seed, pass.path), pass.step);
        for (Index j = 0; j < x.cols(); ++j) {
            Rng rng(mix(key, pass.id(j)));
            for (Index i = 0; i < x.rows(); ++i) cache.mask(i, j) = rng.uniform() < rate_ ? S(0) : keep;
        }
        y = x.cwiseProduct(cache.mask);
    }

    template <class Dx, class G>
    void backward(const Parameters&, const BatchView<S>& x, const BatchView<S>&, const Cache& cache,
                  const BatchView<S>& dy, Dx& dx, G&) const {
        if constexpr (is_wanted<Dx>) {
            detail::require_shape("Dropout::backward", "dy", dy, x.rows(), x.cols());
            detail::reshape(dx, dy.rows(), dy.cols());
            if (cache.mask.size() == 0) {
                dx = dy;
            } else {
                dx = dy.cwiseProduct(cache.mask);
            }
        }
    }

    auto constants() noexcept { return std::tie(rate_); }
    auto constants() const noexcept { return std::tie(rate_); }
    void check() const {
        if (!(rate_ >= 0.0 && rate_ < 1.0)) {
            detail::raise<DataError>("Dropout", "rate", std::to_string(rate_), "0 <= rate < 1");
        }
    }

    std::string describe() const { return "Dropout " + std::to_string(rate_); }

private:
    double rate_;
    [[no_unique_address]] NoParameters none_;
};

static_assert(DifferentiableLayer<Dropout<float>>);

}  // namespace renn
// renn/layers/flatten.hpp - says that from here on a sample is a plain vector.

#include <concepts>
#include <string>
#include <string_view>


namespace renn {

/// The identity: a sample is a column already (channel, height, width). It marks where a picture ends to be one, as
/// networks from elsewhere have such a layer, and keeps their layer numbers.
template <std::floating_point S = float>
class Flatten {
public:
    using Scalar = S;
    using Parameters = NoParameters;
    using Cache = NoCache;
    static constexpr std::string_view name = "Flatten";

    const Parameters& parameters() const noexcept { return none_; }

    void forward(const Parameters&, const BatchView<S>& x, Batch<S>& y, Cache&, const Pass&) const { y = x; }

    template <class Dx, class G>
    void backward(const Parameters&, const BatchView<S>&, const BatchView<S>&, const Cache&, const BatchView<S>& dy,
                  Dx& dx, G&) const {
        if constexpr (is_wanted<Dx>) dx = dy;
    }

    void map(const Parameters&, const BatchView<S>& x, Batch<S>& y) const { y = x; }
    void map_transposed(const Parameters&, const BatchView<S>& x, Batch<S>& y) const { y = x; }

    std::string describe() const { return "Flatten"; }

private:
    [[no_unique_address]] NoParameters none_;
};

static_assert(LinearLayer<Flatten<float>>);

}  // namespace renn
// renn/layers/standardize.hpp - preprocessing that travels with the network.

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>


namespace renn {

/// y = (x - mean) / scale with fixed mean and scale, one a feature or one for all. Not trained: they are constants
/// of the layer, saved with it.
///
/// Shapes   Y as X; mean and scale: features x 1, or 1 x 1 for all features.
/// Throws   ShapeError if they do not fit; DataError if a scale is 0 or a value is not finite.
template <std::floating_point S = float>
class Standardize {
public:
    using Scalar = S;
    using Parameters = NoParameters;
    using Cache = NoCache;
    static constexpr std::string_view name = "Standardize";

    Standardize() : Standardize(S(0), S(1)) {}
    Standardize(S mean, S scale) : Standardize(Column<S>::Constant(1, mean), Column<S>::Constant(1, scale)) {}
    Standardize(Column<S> mean, Column<S> scale) : mean_(std::move(mean)), scale_(std::move(scale)) { check(); }

    /// Mean and standard deviation of every feature over the samples of x; a constant feature gets scale 1.
    static Standardize of(const BatchView<S>& x) {
        if (x.cols() == 0) detail::raise<DataError>("Standardize::of", "samples", "0", "at least 1");
        Column<S> mean(x.rows()), scale(x.rows());
        for (Index i = 0; i < x.rows(); ++i) {
            const auto row = x.row(i).template cast<double>();
            const double m = row.mean();
            const double deviation = std::sqrt((row.array() - m).square().mean());
            mean[i] = static_cast<S>(m);
            scale[i] = static_cast<S>(deviation);  // of equal values not always 0: their mean is rounded
            if (row.minCoeff() == row.maxCoeff() || scale[i] == S(0)) scale[i] = S(1);
        }
        return Standardize(std::move(mean), std::move(scale));
    }

    const Column<S>& mean() const noexcept { return mean_; }
    const Column<S>& scale() const noexcept { return scale_; }
    const Parameters& parameters() const noexcept { return none_; }

    void forward(const Parameters&, const BatchView<S>& x, Batch<S>& y, Cache&, const Pass&) const {
        if (mean_.size() != 1) detail::require_shape("Standardize::forward", "x", x, mean_.size(), x.cols());
        detail::reshape(y, x.rows(), x.cols());
        for (Index j = 0; j < x.cols(); ++j) {
            if (mean_.size() == 1) {
                y.col(j).array() = (x.col(j).array() - mean_[0]) / scale_[0];
            } else {
                y.col(j).array() = (x.col(j).array() - mean_.array()) / scale_.array();
            }
        }
    }

    template <class Dx, class G>
    void backward(const Parameters& w, const BatchView<S>&, const BatchView<S>&, const Cache&, const BatchView<S>& dy,
                  Dx& dx, G&) const {
        if constexpr (is_wanted<Dx>) map_transposed(w, dy, dx);
    }

    /// y = x / scale; the shift by the mean is the bias.
    void map(const Parameters&, const BatchView<S>& x, Batch<S>& y) const {
        if (mean_.size() != 1) detail::require_shape("Standardize::map", "x", x, mean_.size(), x.cols());
        detail::reshape(y, x.rows(), x.cols());
        for (Index j = 0; j < x.cols(); ++j) {
            if (scale_.size() == 1) {
                y.col(j).array() = x.col(j).array() / scale_[0];
            } else {
                y.col(j).array() = x.col(j).array() / scale_.array();
            }
        }
    }
    void map_transposed(const Parameters& w, const BatchView<S>& x, Batch<S>& y) const { map(w, x, y); }

    auto constants() noexcept { return std::tie(mean_, scale_); }
    auto constants() const noexcept { return std::tie(mean_, scale_); }
    void check() const {
        detail::require_shape("Standardize", "scale", scale_, mean_.rows(), 1);
        for (Index i = 0; i < mean_.size(); ++i) {
            if (!std::isfinite(mean_[i]) || !std::isfinite(scale_[i]) || scale_[i] == S(0)) {
                detail::raise<DataError>("Standardize", "feature " + std::to_string(i),
                                         "mean " + std::to_string(mean_[i]) + ", scale " + std::to_string(scale_[i]),
                                         "finite values and a scale that is not 0");
            }
        }
    }

    std::string describe() const { return "Standardize " + std::to_string(mean_.size()); }

private:
    Column<S> mean_;
    Column<S> scale_;
    [[no_unique_address]] NoParameters none_;
};

static_assert(LinearLayer<Standardize<float>>);

}  // namespace renn
// renn/report/png.hpp - pictures as PNG files in memory and as text for a web page.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>


namespace renn {
namespace detail {

inline constexpr std::array<std::uint32_t, 256> crc32_table = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t n = 0; n < 256; ++n) {
        std::uint32_t c = n;
        for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? 0xedb88320u ^ (c >> 1) : c >> 1;
        table[n] = c;
    }
    return table;
}();

constexpr std::uint32_t crc32(std::string_view bytes) {
    std::uint32_t c = 0xffffffffu;
    for (const char b : bytes) c = crc32_table[(c ^ static_cast<std::uint8_t>(b)) & 255] ^ (c >> 8);
    return ~c;
}
static_assert(crc32("123456789") == 0xcbf43926u);

constexpr std::uint32_t adler32(std::string_view bytes) {
    std::uint32_t a = 1, b = 0;
    for (const char x : bytes) {
        a = (a + static_cast<std::uint8_t>(x)) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}
static_assert(adler32("Wikipedia") == 0x11e60398u);

inline void append_big_endian(std::string& out, std::uint32_t v) {
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(v >> shift & 255);
}

inline void append_chunk(std::string& out, const std::string& type_and_data) {
    append_big_endian(out, static_cast<std::uint32_t>(type_and_data.size() - 4));
    out += type_and_data;
    append_big_endian(out, crc32(type_and_data));
}

/// A zlib stream that stores instead of compressing: a picture of a digit is smaller than its own code table.
inline std::string zlib_stored(std::string_view raw) {
    constexpr std::size_t most = 65535;
    std::string out("\x78\x01", 2);
    std::size_t at = 0;
    do {
        const std::size_t n = std::min(most, raw.size() - at);
        const bool last = at + n == raw.size();
        out += last ? '\x01' : '\x00';
        for (const std::size_t length : {n, ~n}) {  // little-endian, then its complement
            out += static_cast<char>(length & 255);
            out += static_cast<char>(length >> 8 & 255);
        }
        out += raw.substr(at, n);
        at += n;
    } while (at < raw.size());
    append_big_endian(out, adler32(raw));
    return out;
}

}  // namespace detail

/// The bytes of an uncompressed PNG file.
///
/// Shapes   pixels: height rows of width pixels of `channels` bytes (1 grey, 3 red-green-blue), side by side; renn's
///          pictures are channel-major, so colour has to be interleaved first.
/// Throws   DataError if a size is not positive, channels is neither 1 nor 3, or the file would exceed 1 GiB;
///          ShapeError if pixels has another length.
/// Source   PNG specification (ISO/IEC 15948:2004), RFC 1950, RFC 1951.
inline std::string png(std::span<const std::uint8_t> pixels, Index width, Index height, int channels = 1) {
    constexpr Index most = Index(1) << 30;
    if (channels != 1 && channels != 3) detail::raise<DataError>("png", "channels", std::to_string(channels), "1 or 3");
    if (width < 1 || height < 1 || width > most / 4 || height > most / (channels * width + 1)) {
        detail::raise<DataError>("png", "height x width", detail::shape_text(height, width), "1 x 1 to 1 GiB in all");
    }
    const auto row = static_cast<std::size_t>(width * channels);
    const auto rows = static_cast<std::size_t>(height);
    if (pixels.size() != row * rows) {
        detail::raise<ShapeError>("png", "pixels", std::to_string(pixels.size()), std::to_string(row * rows));
    }
    std::string raw;
    raw.reserve((row + 1) * rows);
    for (std::size_t y = 0; y < rows; ++y) {
        raw += '\0';  // no filter
        raw.append(pixels.begin() + static_cast<std::ptrdiff_t>(y * row),
                   pixels.begin() + static_cast<std::ptrdiff_t>((y + 1) * row));
    }
    std::string header = "IHDR";
    detail::append_big_endian(header, static_cast<std::uint32_t>(width));
    detail::append_big_endian(header, static_cast<std::uint32_t>(height));
    header += '\x08';                           // bits per channel
    header += channels == 1 ? '\x00' : '\x02';  // grey or RGB
    header.append(3, '\0');                     // deflate, no filter method, not interlaced
    std::string file("\x89PNG\r\n\x1a\n", 8);
    detail::append_chunk(file, header);
    detail::append_chunk(file, "IDAT" + detail::zlib_stored(raw));
    detail::append_chunk(file, "IEND");
    return file;
}

/// RFC 4648 with padding, no line breaks.
inline std::string base64(std::string_view bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t v = 0;
        for (std::size_t j = 0; j < 3; ++j) v = v << 8 | (j < n ? static_cast<std::uint8_t>(bytes[i + j]) : 0u);
        for (std::size_t j = 0; j < 4; ++j) out += j <= n ? digits[v >> (18 - 6 * j) & 63] : '=';
    }
    return out;
}

/// A file as the address of itself, for <img src="...">: a page that needs no other file.
inline std::string data_uri(std::string_view file, std::string_view media_type = "image/png") {
    return "data:" + std::string(media_type) + ";base64," + base64(file);
}

}  // namespace renn
// renn/report/retrace_report.hpp - a page that shows which training samples predictions rest on.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// renn/report/html.hpp - text and numbers for a page.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// renn/report/picture.hpp - a sample or a blend of samples as a picture for a page.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>


namespace renn {

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
Picture picture(const Eigen::MatrixBase<D>& values, const ImageShape& shape) {
    static_assert(std::floating_point<typename D::Scalar>, "renn::picture: values must be floating-point, 0 to 1");
    if (shape.empty()) return {};
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

}  // namespace renn

namespace renn::html {

/// Text that may stand anywhere in a page, between tags and within quotes. Control characters, which no page may
/// contain, become spaces.
inline std::string escape(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += static_cast<unsigned char>(c) < 32 && c != '\n' && c != '\t' ? ' ' : c;
        }
    }
    return out;
}

/// 3.14159 with 2 decimals: "3.14", with a point in every locale.
inline std::string number(double value, int decimals) {
    if (!std::isfinite(value)) return std::isnan(value) ? "NaN" : value > 0.0 ? "infinite" : "-infinite";
    char text[400];  // the largest double has 309 digits
    const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, std::min(decimals, 60));
    return std::string(text, end.ptr);
}

/// 60000: "60,000".
inline std::string grouped(std::uint64_t value) {
    std::string text = std::to_string(value);
    for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
    return text;
}

/// 0.000358: "0.036 %", 0.0054: "0.54 %", 0.312: "31.2 %", with a narrow space that does not break.
inline std::string percent(double part) {
    const double value = 100.0 * part;
    const int decimals = value >= 99.95 || value == 0.0 ? 0 : value >= 0.995 ? 1 : value >= 0.0995 ? 2 : 3;
    return number(value, decimals) + "\u202f%";
}

/// Votes: whole ones as such, shares with two decimals.
inline std::string votes(double count) {
    return number(count, std::abs(count - std::round(count)) < 0.005 ? 0 : 2);
}

/// 63840000: "63.8 MB".
inline std::string bytes(std::uint64_t count) {
    const auto value = static_cast<double>(count);
    if (value >= 1e9) return number(value / 1e9, 2) + " GB";
    if (value >= 1e6) return number(value / 1e6, 1) + " MB";
    if (value >= 1e3) return number(value / 1e3, 1) + " kB";
    return std::to_string(count) + " bytes";
}

/// 0.00042: "0.42 ms", 7.3: "7.3 s", 130: "2 min 10 s".
inline std::string seconds(double value) {
    if (value < 0.0995) return number(1000.0 * value, value < 0.00995 ? 2 : 1) + " ms";
    if (value < 100.0) return number(value, value < 9.95 ? 2 : 1) + " s";
    const auto whole = static_cast<std::uint64_t>(std::min(std::round(value), 1e15));
    return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
}

/// <img>, pixel for pixel; nothing for an empty picture.
inline std::string image(const Picture& picture, std::string_view alternative, std::string_view attributes = "") {
    if (picture.empty()) return {};
    std::string out = "<img src=\"" + picture.uri + "\" width=\"" + std::to_string(picture.width) + "\" height=\"" +
                      std::to_string(picture.height) + "\" alt=\"" + escape(alternative) + '"';
    if (!attributes.empty()) (out += ' ') += attributes;
    return out += '>';
}

}  // namespace renn::html
// renn/report/retrace_page.hpp - the HTML of a retrace report.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

// renn/report/retrace_style.hpp - how the page of a retrace report looks.

#include <string_view>

namespace renn::detail {

/// Light and dark by the reader's setting, one column on a phone. Green is the true label, red a wrong prediction; both
/// are also told in words. --thumb and --figure, the widths of pictures, are set by the page.
inline constexpr std::string_view retrace_style = R"css(
:root{color-scheme:light dark;--page:#f5f5f2;--card:#fff;--ink:#1d1f24;--quiet:#646a76;--line:#e3e3dd;--bar:#b9bfca;
--track:#f0f0ec;--true:#14804f;--wrong:#cf3434;--link:#2b5fc4;--mat:#fff}
@media (prefers-color-scheme:dark){:root{--page:#121417;--card:#1b1e23;--ink:#e8e9ec;--quiet:#9ba2af;--line:#2d3138;
--bar:#565e6c;--track:#24282e;--true:#3fbf86;--wrong:#ff7268;--link:#8db4ff;--mat:#2d3138}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%}
main,header,footer{max-width:1320px;margin:0 auto;padding:0 20px}
header{padding-top:36px}
h1{font-size:30px;line-height:1.2;letter-spacing:-.02em;margin:0 0 8px}
h2{font-size:20px;letter-spacing:-.01em;margin:40px 0 12px}
h2 span{color:var(--quiet);font-weight:400}
h3{font-size:17px;margin:0}
h4{font-size:14px;margin:0;font-weight:600}
h5{font-size:13px;margin:14px 0 6px;font-weight:400;color:var(--quiet)}
p{margin:0 0 12px;max-width:76ch}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:4px}
.quiet{color:var(--quiet)}
.true{color:var(--true)}
.wrong{color:var(--wrong)}
b.true,b.wrong{font-weight:650}
.facts{display:flex;flex-wrap:wrap;gap:1px;margin:20px 0 14px;background:var(--line);border:1px solid var(--line);
border-radius:10px;overflow:hidden}
.facts div{background:var(--card);padding:9px 14px;flex:1 1 auto;min-width:120px}
.facts dt{color:var(--quiet);font-size:12.5px}
.facts dd{margin:0;font-weight:600;overflow-wrap:anywhere}
details{margin-top:12px}
nav{margin-top:18px}
summary{cursor:pointer;color:var(--link);width:fit-content;padding:3px 0}
summary:hover{text-decoration:underline}
.key{border-left:3px solid var(--line);padding:4px 0 1px 16px;margin-top:8px}
.key dt{font-weight:600}
.key dd{margin:0 0 8px;max-width:80ch}
nav ul,.sources,.neurons{list-style:none;margin:0;padding:0;display:grid;gap:10px 6px}
nav ul{grid-template-columns:repeat(auto-fill,minmax(max(var(--thumb),64px),1fr));max-width:1000px}
nav a{display:block;text-decoration:none;color:inherit;text-align:center;font-size:13px;padding:4px 0;border-radius:6px}
nav a:hover{background:var(--line)}
img{display:block;image-rendering:pixelated;height:auto;border-radius:3px;box-shadow:0 0 0 1px var(--mat)}
nav img,.sources img,.neurons img{width:var(--thumb)}
nav img{margin:0 auto 3px}
article{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px;margin:0 0 18px;
scroll-margin-top:12px}
.network{display:grid;grid-template-columns:var(--figure) minmax(0,1fr) minmax(0,1fr);gap:20px 28px;margin-top:14px}
.network.one{grid-template-columns:var(--figure) minmax(0,1fr)}
.views{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:18px 28px}
figure{margin:0}
figure img{width:var(--figure)}
figcaption{font-size:12.5px;color:var(--quiet);margin-top:5px;line-height:1.35;max-width:var(--figure)}
.input dl{margin:10px 0 0}
.input dt{font-size:12.5px;color:var(--quiet)}
.input dd{margin:0 0 4px;font-weight:650;font-size:19px;line-height:1.25}
.head{display:flex;flex-wrap:wrap;gap:2px 10px;align-items:baseline;margin-bottom:9px}
.head .quiet{font-size:12.5px}
.verdict{font-size:13px;flex-basis:100%}
.sum{display:flex;gap:16px;align-items:flex-start;margin-bottom:12px}
.evidence{flex:1;min-width:0;border-collapse:collapse;font-size:12.5px;line-height:1.2}
.evidence th{font-weight:600;text-align:right;padding:1px 8px 1px 0;width:1%;white-space:nowrap}
.evidence td{padding:1px 0}
.evidence .part{text-align:right;width:52px;white-space:nowrap}
.evidence .mark{width:70px;padding-left:8px;white-space:nowrap;font-size:12px}
.evidence tr{color:var(--quiet)}
.evidence tr.true{color:var(--true)}
.evidence tr.wrong{color:var(--wrong)}
.bar{display:block;height:10px;background:var(--track);border-radius:2px;overflow:hidden}
.bar i{display:block;height:100%;background:var(--bar);border-radius:2px}
.true .bar i{background:var(--true)}
.wrong .bar i{background:var(--wrong)}
.sources{grid-template-columns:repeat(auto-fill,minmax(max(var(--thumb),50px),1fr))}
.neurons{grid-template-columns:repeat(auto-fill,minmax(max(var(--thumb),64px),1fr))}
.sources li,.neurons li{font-size:12px;line-height:1.3;white-space:nowrap}
.sources img,.neurons img{margin-bottom:6px}
.sources .true img{box-shadow:0 0 0 3px var(--true)}
.sources .wrong img{box-shadow:0 0 0 3px var(--wrong)}
.sources li .quiet,.neurons li .quiet{display:block}
.plain .sources,.plain .neurons{grid-template-columns:repeat(auto-fill,minmax(96px,1fr))}
.plain .sources li,.plain .neurons li{border-left:3px solid var(--line);padding-left:7px;white-space:normal;
overflow-wrap:anywhere;color:inherit}
.plain .sources li.true{border-color:var(--true)}
.plain .sources li.wrong{border-color:var(--wrong)}
.sources li.true,.sources li.wrong{color:inherit}
.layer{border-top:1px solid var(--line);margin-top:16px;padding-top:14px}
.layer h4{font-size:15px;margin-bottom:10px}
.head h5{margin:0;font-weight:600;color:inherit}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
footer{color:var(--quiet);font-size:13px;padding-top:10px;padding-bottom:40px;overflow-wrap:anywhere}
@media (max-width:860px){main,header,footer{padding-left:14px;padding-right:14px}
header{padding-top:22px}h1{font-size:25px}article{padding:16px 14px}
.network,.network.one,.views{grid-template-columns:minmax(0,1fr)}
.input{display:flex;gap:16px}.input dl{margin:0}}
@media (max-width:480px){.sum{gap:12px}.sum figure img,.sum figcaption{width:calc(1.5*var(--thumb))}
.evidence .mark{width:62px;padding-left:6px}.evidence .part{width:46px}}
@media print{article{break-inside:avoid}body{background:none}}
)css";

}  // namespace renn::detail
// renn/report/retrace_view.hpp - what a page shows of an answer: plain values, taken out of it once.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

// renn/retrace/blend.hpp - one vector out of many sources: what a neuron, a layer or the network "sees".

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>


namespace renn {
namespace detail {

inline void require_amounts(const char* where, const char* what, std::span<const double> amounts) {
    for (std::size_t i = 0; i < amounts.size(); ++i) {
        if (amounts[i] >= 0.0 && std::isfinite(amounts[i])) continue;
        raise<DataError>(where, std::string(what) + " " + std::to_string(i), std::to_string(amounts[i]),
                         "finite and 0 or more");
    }
}

/// amounts / sum; equal parts if they are all 0. Divided by the largest first, so that no sum overflows.
inline std::vector<double> parts_of_one(std::span<const double> amounts) {
    const double largest = amounts.empty() ? 0.0 : *std::max_element(amounts.begin(), amounts.end());
    std::vector<double> parts(amounts.size(), 1.0);
    double sum = 0.0;
    for (std::size_t i = 0; i < amounts.size(); ++i) {
        if (largest > 0.0) parts[i] = amounts[i] / largest;
        sum += parts[i];
    }
    for (double& part : parts) part /= sum;
    return parts;
}

inline std::vector<double> distances_of(std::span<const Neighbour> neighbours) {
    std::vector<double> distances;
    distances.reserve(neighbours.size());
    for (const Neighbour& n : neighbours) distances.push_back(n.distance);
    return distances;
}

}  // namespace detail

/// Weights of a layer's or the network's sources, w_s = votes_s / sum of votes: they add to 1 for any number of
/// sources. Without any votes all weights are equal.
///
/// Throws   DataError for a negative or infinite number of votes.
inline std::vector<double> vote_weights(std::span<const double> votes) {
    detail::require_amounts("vote_weights", "votes of source", votes);
    return detail::parts_of_one(votes);
}
inline std::vector<double> vote_weights(std::span<const Source> sources) {
    std::vector<double> votes;
    votes.reserve(sources.size());
    for (const Source& s : sources) votes.push_back(s.votes);
    return vote_weights(votes);
}

/// Weights of one neuron's K neighbours by distance, w_i = (1 - D_i / sum D) / (K - 1): they add to 1. If all distances
/// are 0 the weights are equal; a single neighbour has weight 1.
///
/// Throws   DataError for a negative or infinite distance.
inline std::vector<double> distance_weights(std::span<const double> distances) {
    detail::require_amounts("distance_weights", "distance", distances);
    std::vector<double> weights = detail::parts_of_one(distances);
    if (weights.size() < 2) return weights;
    for (double& w : weights) w = (1.0 - w) / static_cast<double>(weights.size() - 1);
    return weights;
}
inline std::vector<double> distance_weights(std::span<const Neighbour> neighbours) {
    return distance_weights(detail::distances_of(neighbours));
}

/// The original's weights of one neuron, (1 - D_i / sum D) / K: they add to (K - 1) / K, and to 0 for one neighbour or
/// where all distances are 0. For comparison with it only; distance_weights is right.
inline std::vector<double> original_distance_weights(std::span<const double> distances) {
    detail::require_amounts("original_distance_weights", "distance", distances);
    const bool all_zero = std::all_of(distances.begin(), distances.end(), [](double d) { return d == 0.0; });
    if (all_zero) return std::vector<double>(distances.size(), 0.0);
    std::vector<double> weights = detail::parts_of_one(distances);
    for (double& w : weights) w = (1.0 - w) / static_cast<double>(weights.size());
    return weights;
}
inline std::vector<double> original_distance_weights(std::span<const Neighbour> neighbours) {
    return original_distance_weights(detail::distances_of(neighbours));
}

/// What is left of weights when sources are laid over each other one by one, image = (1 - w) image + w source, as the
/// original does from black: w_i times the product of (1 - w_j) over all later j. They add to less than 1; the rest
/// stays black. For comparison with the original only.
inline std::vector<double> sequential_weights(std::span<const double> weights) {
    std::vector<double> effective(weights.begin(), weights.end());
    double seen = 1.0;
    for (std::size_t i = effective.size(); i-- > 0;) {
        effective[i] *= seen;
        seen *= 1.0 - weights[i];
    }
    return effective;
}

/// Sum of w_i times column i of any vectors: inputs, targets, activations. Added up in double, in order.
///
/// Shapes   weights: one a column; the result has the columns' length.
/// Throws   ShapeError if weights and columns differ in number.
template <class D>
Column<typename D::Scalar> blend(std::span<const double> weights, const Eigen::MatrixBase<D>& vectors) {
    using S = typename D::Scalar;
    static_assert(std::floating_point<S>,
                  "renn::blend: bytes or whole numbers cannot hold a blend; use .cast<float>()");
    if (static_cast<Index>(weights.size()) != vectors.cols()) {
        detail::raise<ShapeError>("blend", "weights", std::to_string(weights.size()),
                                  std::to_string(vectors.cols()) + ", one a column");
    }
    Column<double> sum = Column<double>::Zero(vectors.rows());
    for (Index i = 0; i < vectors.cols(); ++i) {
        sum += weights[static_cast<std::size_t>(i)] * vectors.col(i).template cast<double>();
    }
    return sum.template cast<S>();
}

namespace detail {

inline void require_weight_each(const char* where, std::size_t weights, std::size_t ids) {
    if (weights == ids) return;
    raise<ShapeError>(where, "weights", std::to_string(weights), std::to_string(ids) + ", one an id");
}

}  // namespace detail

/// Blend of the inputs with these ids: for pictures, the image that a neuron, a layer or the network "sees".
///
/// Shapes   weights: one an id; the result has the data set's features.
/// Throws   ShapeError if weights and ids differ in number, DataError for an unknown id.
template <class S>
Column<S> blend(std::span<const double> weights, std::span<const std::uint64_t> ids, const Dataset<S>& data) {
    detail::require_weight_each("blend", weights.size(), ids.size());
    Column<double> sum = Column<double>::Zero(data.features());
    for (std::size_t i = 0; i < ids.size(); ++i) sum += weights[i] * data.input_of(ids[i]).template cast<double>();
    return sum.template cast<S>();
}

/// Blend of the targets with these ids or, without targets, of the labels as one-hot vectors: the weights that each
/// class got.
///
/// Shapes   weights: one an id; the result has the targets' rows, else one entry a class.
/// Throws   ShapeError if weights and ids differ in number, DataError for an unknown id or data with neither targets
///          nor labels.
template <class S>
Column<S> blend_targets(std::span<const double> weights, std::span<const std::uint64_t> ids, const Dataset<S>& data) {
    detail::require_weight_each("blend_targets", weights.size(), ids.size());
    if (!data.has_targets() && !data.has_labels()) {
        detail::raise<DataError>("blend_targets", "data", "neither targets nor labels", "one of them");
    }
    Column<double> sum = Column<double>::Zero(data.has_targets() ? data.targets().rows() : data.classes());
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const Index position = data.position_of(ids[i]);
        if (data.has_targets()) {
            sum += weights[i] * data.targets().col(position).template cast<double>();
        } else {
            sum[data.label(position)] += weights[i];
        }
    }
    return sum.template cast<S>();
}

/// Blend of sources by their votes: `blend(answer.top(42), training)`.
template <class S>
Column<S> blend(std::span<const Source> sources, const Dataset<S>& data) {
    std::vector<std::uint64_t> ids;
    for (const Source& s : sources) ids.push_back(s.id);
    return blend(vote_weights(sources), ids, data);
}

/// Blend of one neuron's neighbours by their distances: `blend(answer.neuron("dense2", 7), training)`.
template <class S>
Column<S> blend(const NeuronSources& neuron, const Dataset<S>& data) {
    std::vector<std::uint64_t> ids;
    for (const Neighbour& n : neuron.neighbours) ids.push_back(n.id);
    return blend(distance_weights(neuron.neighbours), ids, data);
}

}  // namespace renn

namespace renn {

/// A source with its picture; `tag` is the user's own text for it.
struct ReportSource {
    Source source;
    std::string tag;
    Picture picture;
};

/// The sources of some neurons of one kind.
struct ReportView {
    Kind kind = Kind::pre;
    std::size_t neurons = 0;
    double votes = 0.0;
    std::vector<double> evidence;       ///< one a class; empty without labels
    std::vector<ReportSource> sources;  ///< most votes first
    Picture blend;
    std::size_t blended = 0;  ///< sources in the blend
};

/// One neuron: what its own closest samples look like together.
struct ReportNeuron {
    std::uint32_t unit = 0;
    double value = 0.0;
    Picture blend;
    std::int32_t label = -1;   ///< most frequent among its closest samples
    double label_share = 0.0;  ///< and how frequent
};

/// A layer, or the whole network: its pre-activations, its post-activations, its most active neurons.
struct ReportLayer {
    std::string name;
    std::vector<ReportView> views;
    std::vector<ReportNeuron> neurons;
};

/// One traced prediction.
struct ReportSample {
    std::uint64_t id = 0;
    std::string tag;
    std::int32_t label = -1;       ///< -1: not known
    std::int32_t prediction = -1;  ///< -1: a model without outputs
    Picture picture;
    ReportLayer network;
    std::vector<ReportLayer> layers;

    bool wrong() const noexcept { return label >= 0 && prediction >= 0 && label != prediction; }
};

/// How much of an answer is shown.
struct ReportDetail {
    std::size_t sources = 16;       ///< shown for the network
    std::size_t layer_sources = 8;  ///< shown for each layer
    std::size_t neurons = 16;       ///< shown for each layer, the largest values first
    std::size_t blended = 0;        ///< sources in a blend; 0: k, at most 50: sources further down mean little
};

/// Everything a page shows.
struct RetracePage {
    struct Fact {
        std::string name, value;
    };

    std::string title = "Retraced predictions";
    std::string introduction = {};
    std::string sample_name = "sample";           ///< what a query is called: "test image"
    std::string source_name = "training sample";  ///< what a source is called: "training image"
    ReportDetail detail = {};
    std::vector<Fact> facts = {};
    std::vector<std::string> class_names = {};
    Provenance provenance = {};
    std::vector<ReportSample> samples = {};
};

namespace detail {

template <class S>
ReportSource report_source(const Source& source, const Dataset<S>& training) {
    const Index position = training.position_of(source.id);
    ReportSource shown{source, {}, picture(training.input(position), training.image())};
    if (!training.tags().empty()) shown.tag = training.tags()[static_cast<std::size_t>(position)];
    return shown;
}

template <class I, class S>
ReportView report_view(const Votes<I>& votes, Kind kind, const Dataset<S>& training, std::size_t shown,
                       std::size_t blended) {
    ReportView view;
    view.kind = kind;
    view.neurons = votes.neurons();
    view.votes = votes.total();
    const std::vector<Source> top = votes.top(std::max(shown, blended));
    if (top.empty()) return view;
    if (top.front().label >= 0) view.evidence = votes.evidence();
    for (std::size_t i = 0; i < std::min(shown, top.size()); ++i) {
        view.sources.push_back(report_source(top[i], training));
    }
    view.blended = std::min(blended, top.size());
    if (view.blended > 0 && !training.image().empty()) {
        view.blend = picture(blend(std::span(top).first(view.blended), training), training.image());
    }
    return view;
}

template <class S>
ReportNeuron report_neuron(std::uint32_t unit, const NeuronSources& sources, const Dataset<S>& training) {
    ReportNeuron shown{unit, sources.value, {}, -1, 0.0};
    if (sources.neighbours.empty()) return shown;
    if (!training.image().empty()) shown.blend = picture(blend(sources, training), training.image());
    if (training.has_labels()) {
        std::vector<std::size_t> count(static_cast<std::size_t>(training.classes()), 0);
        for (const Neighbour& n : sources.neighbours) {
            ++count[static_cast<std::size_t>(training.label(training.position_of(n.id)))];
        }
        const auto most = std::max_element(count.begin(), count.end());
        shown.label = static_cast<std::int32_t>(most - count.begin());
        shown.label_share = static_cast<double>(*most) / static_cast<double>(sources.neighbours.size());
    }
    return shown;
}

/// The neurons of a place with the largest values.
template <class I, class S>
std::vector<ReportNeuron> report_neurons(const Retrace<I>& answer, const Point& place, const Dataset<S>& training,
                                         std::size_t count) {
    std::vector<std::pair<NeuronSources, std::uint32_t>> all;
    if (count == 0) return {};
    for (const std::uint32_t unit : place.units) all.emplace_back(answer.neuron(place.name, unit), unit);
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return a.first.value > b.first.value; });
    std::vector<ReportNeuron> shown;
    for (std::size_t i = 0; i < std::min(count, all.size()); ++i) {
        shown.push_back(report_neuron(all[i].second, all[i].first, training));
    }
    return shown;
}

/// Everything but what is known of the sample itself. Throws DataError if `training` lacks a source.
template <class I, class S>
ReportSample report_sample(const Retrace<I>& answer, const Dataset<S>& training, const ReportDetail& shown) {
    ReportSample sample;
    sample.prediction = answer.prediction();
    const auto k = static_cast<std::size_t>(answer.provenance().k);
    const std::size_t blended = shown.blended > 0 ? shown.blended : std::min<std::size_t>(k, 50);
    const std::size_t places = answer.layers().size();
    bool pre = false, post = false;
    Index last = -1;
    for (std::size_t i = 0; i < places; ++i) {
        const Point& place = answer.place(i);
        (place.kind == Kind::pre ? pre : post) = true;
        if (place.layer != last || sample.layers.empty()) {
            sample.layers.push_back({place.name, {}, report_neurons(answer, place, training, shown.neurons)});
        } else {
            sample.layers.back().name += ", " + place.name;
        }
        last = place.layer;
        sample.layers.back().views.push_back(
            report_view(answer.layer(i), place.kind, training, shown.layer_sources, blended));
    }
    for (const Kind kind : {Kind::pre, Kind::post}) {
        if (!(kind == Kind::pre ? pre : post)) continue;
        sample.network.views.push_back(report_view(answer.kind(kind), kind, training, shown.sources, blended));
    }
    return sample;
}

}  // namespace detail
}  // namespace renn
// renn/report/retrace_view_html.hpp - the HTML of one view: evidence, blend, sources, neurons.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>


namespace renn::detail {

class ViewWriter {
public:
    explicit ViewWriter(const RetracePage& page) : page_(page) {}

protected:
    void text(std::string_view t) { out_ += html::escape(t); }

    std::string class_name(std::int32_t label) const {
        if (label < 0) return "\u2013";
        const auto at = static_cast<std::size_t>(label);
        return at < page_.class_names.size() ? page_.class_names[at] : std::to_string(label);
    }

    static std::string capital(std::string name) {
        if (!name.empty() && name[0] >= 'a' && name[0] <= 'z') name[0] = static_cast<char>(name[0] - 'a' + 'A');
        return name;
    }

    /// "label → prediction", as far as they are known; a prediction that is not the label stands out.
    std::string reading(std::int32_t label, std::int32_t prediction) const {
        std::string r;
        if (label >= 0) r = html::escape(class_name(label));
        if (prediction < 0) return r;
        const std::string name = html::escape(class_name(prediction));
        if (label < 0) return "\u2192 " + name;
        return r + " \u2192 " + (label == prediction ? name : "<b class=\"wrong\">" + name + "</b>");
    }

    /// Relation of a class to a sample, as a class of the style sheet.
    static std::string_view relation(const ReportSample& s, std::int32_t label) {
        if (label < 0) return "";
        if (label == s.label) return "true";
        if (label == s.prediction && s.label >= 0) return "wrong";
        return "";
    }

    std::string name_of(const ReportSample& s) const {
        return s.tag.empty() ? page_.sample_name + ' ' + std::to_string(s.id) : s.tag;
    }

    /// Bars of one row have one scale, so that both kinds can be compared.
    void views(const ReportSample& s, const ReportLayer& l, bool network) {
        double most = 0.0;
        for (const ReportView& v : l.views) {
            for (const double e : v.evidence) most = std::max(most, e);
        }
        for (const ReportView& v : l.views) view(s, v, most, network);
    }

    void view(const ReportSample& s, const ReportView& v, double most, bool network) {
        const std::string_view tag = network ? "h4" : "h5";
        const std::string_view where = v.kind == Kind::pre ? "before the activation" : "after the activation";
        out_ += "<div>\n<div class=\"head\"><" + std::string(tag);
        out_ += ">" + capital(std::string(where)) + "</" + std::string(tag) + ">";
        out_ += "<span class=\"quiet\">" + html::grouped(v.neurons) + (v.neurons == 1 ? " neuron, " : " neurons, ") +
                html::grouped(static_cast<std::uint64_t>(v.votes + 0.5)) + " votes</span>";
        verdict(s, v);
        out_ += "</div>\n";
        if (v.sources.empty()) {
            out_ += "<p class=\"quiet\">No neuron votes here: the tie rule lets all of them abstain.</p>\n</div>\n";
            return;
        }
        out_ += "<div class=\"sum\">\n";
        if (!v.blend.empty()) {
            const std::string count = std::to_string(v.blended);
            out_ += "<figure>" +
                    html::image(v.blend, "Blend of the " + count + " most voted " + page_.source_name + "s, " +
                                             std::string(where)) +
                    "<figcaption>Blend of " + count + " sources</figcaption></figure>\n";
        }
        evidence(s, v, most);
        out_ += "</div>\n";
        sources(s, v);
        out_ += "</div>\n";
    }

    void verdict(const ReportSample& s, const ReportView& v) {
        if (v.evidence.empty() || s.prediction < 0) return;
        const auto best =
            static_cast<std::int32_t>(std::max_element(v.evidence.begin(), v.evidence.end()) - v.evidence.begin());
        out_ += "<span class=\"verdict\">sources ";
        out_ += best == s.prediction ? "agree" : "<b>disagree</b>: they say " + html::escape(class_name(best));
        out_ += "</span>";
    }

    /// All classes up to twelve; of more, those with most evidence, and always the predicted and the true one.
    std::vector<std::int32_t> shown_classes(const ReportSample& s, const std::vector<double>& evidence) const {
        constexpr std::size_t most = 12;
        std::vector<std::int32_t> classes(evidence.size());
        for (std::size_t c = 0; c < classes.size(); ++c) classes[c] = static_cast<std::int32_t>(c);
        if (classes.size() <= most) return classes;
        const auto rank = [&](std::int32_t c) {
            return c == s.prediction || c == s.label ? 2.0 : evidence[static_cast<std::size_t>(c)];
        };
        std::stable_sort(classes.begin(), classes.end(), [&](auto a, auto b) { return rank(a) > rank(b); });
        classes.resize(most);
        std::stable_sort(classes.begin(), classes.end(), [&](auto a, auto b) {
            return evidence[static_cast<std::size_t>(a)] > evidence[static_cast<std::size_t>(b)];
        });
        return classes;
    }

    void evidence(const ReportSample& s, const ReportView& v, double most) {
        if (v.evidence.empty()) return;
        const std::vector<std::int32_t> classes = shown_classes(s, v.evidence);
        out_ += "<table class=\"evidence\"><caption class=\"hidden\">Evidence per class</caption>\n";
        for (const std::int32_t c : classes) {
            const double part = v.evidence[static_cast<std::size_t>(c)];
            const std::string_view kind = relation(s, c);
            out_ += kind.empty() ? std::string("<tr>") : "<tr class=\"" + std::string(kind) + "\">";
            out_ += "<th scope=\"row\">" + html::escape(class_name(c)) +
                    "</th><td><span class=\"bar\"><i style=\"width:" +
                    html::number(most > 0.0 ? 100.0 * part / most : 0.0, 1) +
                    "%\"></i></span></td><td class=\"part\">" + html::percent(part) + "</td><td class=\"mark\">";
            if (c == s.prediction)
                out_ += c == s.label ? "true, predicted" : "predicted";
            else if (c == s.label)
                out_ += "true";
            out_ += "</td></tr>\n";
        }
        if (classes.size() < v.evidence.size()) {
            out_ += "<tr><td></td><td colspan=\"3\">and " + std::to_string(v.evidence.size() - classes.size()) +
                    " more classes</td></tr>\n";
        }
        out_ += "</table>\n";
    }

    void sources(const ReportSample& s, const ReportView& v) {
        out_ += "<ol class=\"sources\">\n";
        for (const ReportSource& r : v.sources) {
            const Source& x = r.source;
            std::string told = page_.source_name + ' ' + std::to_string(x.id);
            if (!r.tag.empty()) told += " (" + r.tag + ')';
            if (x.label >= 0) told += ", labelled " + class_name(x.label);
            if (x.prediction >= 0) told += ", the network says " + class_name(x.prediction);
            told += ", " + html::votes(x.votes) + " votes";
            const std::string_view kind = relation(s, x.label);
            out_ += kind.empty() ? std::string("<li") : "<li class=\"" + std::string(kind) + '"';
            out_ += " title=\"" + html::escape(told) + "\">";
            if (r.picture.empty()) {
                out_ += html::escape(r.tag.empty() ? '#' + std::to_string(x.id) : r.tag) + "<br>";
            }
            out_ += html::image(r.picture, told, "loading=\"lazy\"") + "<span class=\"quiet\">" +
                    html::percent(x.share) + "</span>" + reading(x.label, x.prediction) + "</li>\n";
        }
        out_ += "</ol>\n";
    }

    void neurons(const ReportLayer& l) {
        if (l.neurons.empty()) return;
        out_ +=
            "<h5>Its neurons with the largest values, each blended from its own closest samples</h5>\n"
            "<ol class=\"neurons\">\n";
        for (const ReportNeuron& n : l.neurons) {
            const std::string value = html::number(n.value, std::abs(n.value) < 99.95 ? 2 : 0);
            const std::string unit = std::to_string(n.unit);
            out_ += "<li>" + html::image(n.blend, "Blend of neuron " + unit, "loading=\"lazy\"") +
                    "<span class=\"quiet\">#" + unit + ": " + value + "</span>";
            if (n.label >= 0) {
                out_ += html::escape(class_name(n.label)) + ": " + html::number(100.0 * n.label_share, 0) + "\u202f%";
            }
            out_ += "</li>\n";
        }
        out_ += "</ol>\n";
    }

    const RetracePage& page_;
    std::string out_;
};

}  // namespace renn::detail

namespace renn::detail {

class PageWriter : private ViewWriter {
public:
    using ViewWriter::ViewWriter;

    std::string write() {
        out_ =
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
            "style-src 'unsafe-inline'\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>";
        text(page_.title);
        out_ += "</title>\n<style>";
        out_ += retrace_style;
        widths();
        out_ += "</style>\n</head>\n<body>\n";
        head();
        std::vector<const ReportSample*> wrong, right;
        for (const ReportSample& s : page_.samples) (s.wrong() ? wrong : right).push_back(&s);
        out_ += "<main>\n";
        overview(wrong, right);
        section("Misclassified", wrong);
        const bool known = std::any_of(right.begin(), right.end(), [](const auto* s) { return s->label >= 0; });
        section(known ? "Classified correctly" : "Samples", right);
        out_ += "</main>\n";
        foot();
        out_ += "</body>\n</html>\n";
        return std::move(out_);
    }

private:
    bool pictures() const {
        return std::any_of(page_.samples.begin(), page_.samples.end(), [](const ReportSample& s) {
            for (const ReportView& v : s.network.views) {
                if (!v.sources.empty()) return !v.sources.front().picture.empty();
            }
            return false;
        });
    }

    /// Small pictures are shown at a whole multiple of their size, so that all pixels are equal.
    void widths() {
        Index width = 0;
        for (const ReportSample& s : page_.samples) {
            for (const ReportView& v : s.network.views) {
                for (const ReportSource& source : v.sources) width = std::max(width, source.picture.width);
            }
        }
        const auto shown = [width](Index wanted) {
            if (width == 0 || width > wanted) return wanted;
            return (wanted + width / 2) / width * width;
        };
        out_ += ":root{--thumb:" + std::to_string(shown(56)) + "px;--figure:" + std::to_string(shown(140)) + "px}\n";
    }

    void head() {
        out_ += "<header>\n<h1>";
        text(page_.title);
        out_ += "</h1>\n";
        if (!page_.introduction.empty()) {
            out_ += "<p>";
            text(page_.introduction);
            out_ += "</p>\n";
        }
        out_ += "<dl class=\"facts\">\n";
        for (const auto& f : page_.facts) fact(f.name, f.value);
        if (!page_.samples.empty()) {
            const Provenance& p = page_.provenance;
            std::string ties = p.ties;
            std::replace(ties.begin(), ties.end(), '_', ' ');
            fact("Votes a neuron", "k = " + html::grouped(static_cast<std::uint64_t>(p.k)) + ", ties: " + ties);
            fact("Index", p.index);
        }
        out_ += "</dl>\n";
        key();
        out_ += "</header>\n";
    }

    void fact(std::string_view name, std::string_view value) {
        out_ += "<div><dt>";
        text(name);
        out_ += "</dt><dd>";
        text(value);
        out_ += "</dd></div>\n";
    }

    void key() {
        const std::string source = html::escape(page_.source_name);
        const auto term = [this](std::string_view name, const std::string& meaning) {
            ((out_ += "<dt>") += name) += "</dt><dd>";
            (out_ += meaning) += "</dd>\n";
        };
        out_ += "<details>\n<summary>How to read this page</summary>\n<dl class=\"key\">\n";
        term("Sources",
             "For every neuron the k " + source +
                 "s with the closest values get a vote each. Those with "
                 "the most votes are what the prediction rests on; the percentage is a source\u2019s share of all "
                 "votes.");
        term("4 \u2192 9",
             "The label is 4, the network says 9. This is also told for each source, which the network "
             "was trained on.");
        term("Evidence",
             "How much of all votes went to sources of each class. <b class=\"true\">Green</b> is the true "
             "label, <b class=\"wrong\">red</b> a wrong prediction. Sources agree if most of their votes "
             "are for the class that the network predicts.");
        term("Blend",
             "The mean of the most voted sources, weighted by their votes: what the network \u201csees\u201d.");
        term("Before and after the activation",
             "The same neurons, once as weighted sums, once as they pass them on. "
             "After a ReLU many values are equally 0; where more samples tie than "
             "places are left, the tie rule decides.");
        out_ += "</dl>\n</details>\n";
    }

    void overview(const std::vector<const ReportSample*>& wrong, const std::vector<const ReportSample*>& right) {
        if (page_.samples.size() < 2) return;
        out_ += "<nav aria-label=\"Samples\">\n<h2 class=\"hidden\">All samples</h2>\n<ul>\n";
        for (const auto* group : {&wrong, &right}) {
            for (const ReportSample* s : *group) {
                out_ += "<li><a href=\"#" + anchor(*s) + "\">" + html::image(s->picture, name_of(*s)) +
                        (s->picture.empty() ? html::escape(name_of(*s)) + "<br>" : "") +
                        reading(s->label, s->prediction) + "</a></li>\n";
            }
        }
        out_ += "</ul>\n</nav>\n";
    }

    /// Samples may share an id (queries from several sets), pages may not.
    std::string anchor(const ReportSample& s) const {
        return "sample-" + std::to_string(&s - page_.samples.data() + 1);
    }
    void section(std::string_view title, const std::vector<const ReportSample*>& samples) {
        if (samples.empty()) return;
        out_ += pictures() ? "<section>\n<h2>" : "<section class=\"plain\">\n<h2>";
        text(title);
        out_ += " <span>" + std::to_string(samples.size()) + "</span></h2>\n";
        for (const ReportSample* s : samples) article(*s);
        out_ += "</section>\n";
    }

    void article(const ReportSample& s) {
        out_ += "<article id=\"" + anchor(s) + "\">\n<h3>";
        text(capital(name_of(s)));
        if (s.label >= 0 && s.prediction >= 0) {
            out_ += ": <span class=\"true\">" + html::escape(class_name(s.label)) + "</span>, ";
            out_ += s.wrong() ? "read as <span class=\"wrong\">" + html::escape(class_name(s.prediction)) + "</span>"
                              : "and read so";
        }
        out_ += "</h3>\n<div class=\"network";
        out_ += s.network.views.size() < 2 ? " one\">\n" : "\">\n";
        input(s);
        views(s, s.network, true);
        out_ += "</div>\n";
        if (!s.layers.empty()) {
            out_ += "<details>\n<summary>Layer by layer<span class=\"hidden\"> for ";
            text(name_of(s));
            out_ += "</span></summary>\n";
            for (std::size_t i = 0; i < s.layers.size(); ++i) layer(s, i);
            out_ += "</details>\n";
        }
        out_ += "</article>\n";
    }

    void input(const ReportSample& s) {
        out_ += "<div class=\"input\">\n";
        if (!s.picture.empty()) {
            out_ += "<figure>" + html::image(s.picture, "The input, " + name_of(s)) + "</figure>\n";
        }
        out_ += "<dl>";
        const auto line = [this](std::string_view name, std::string_view kind, std::int32_t label) {
            ((out_ += "<dt>") += name) += "</dt><dd";
            if (!kind.empty()) (out_ += " class=\"") += std::string(kind) + '"';
            out_ += '>' + html::escape(class_name(label)) + "</dd>";
        };
        if (s.prediction >= 0) line("Prediction", relation(s, s.prediction), s.prediction);
        if (s.label >= 0) line("True label", "true", s.label);
        out_ += "</dl>\n</div>\n";
    }

    void layer(const ReportSample& s, std::size_t number) {
        const ReportLayer& l = s.layers[number];
        out_ += "<div class=\"layer\">\n<h4>Layer " + std::to_string(number + 1) + " <span class=\"quiet\">";
        text(l.name);
        out_ += "</span></h4>\n<div class=\"views\">\n";
        views(s, l, false);
        out_ += "</div>\n";
        neurons(l);
        out_ += "</div>\n";
    }

    void foot() {
        const Provenance& p = page_.provenance;
        out_ += "<footer>";
        if (page_.samples.empty()) {
            out_ += "<p>No samples.</p>";
        } else {
            std::array<char, 17> hex{};
            std::snprintf(hex.data(), hex.size(), "%016llx", static_cast<unsigned long long>(p.fingerprint));
            out_ += "<p>Made with renn " + html::escape(p.library) + ". Network " + hex.data() + ", recorded with " +
                    html::escape(p.build) + '.';
            if (!p.same_build) {
                out_ += " This program was built another way, so equal activations may differ in their last bits.";
            }
            out_ += "</p>";
        }
        out_ += "</footer>\n";
    }
};

}  // namespace renn::detail

namespace renn {

/// A sample that a page shows; only the input is needed, and that only for its picture.
template <class S>
struct ReportQuery {
    std::uint64_t id = 0;
    Column<S> input = {};
    std::int32_t label = -1;  ///< -1: not known
    std::string tag = {};     ///< the user's own text for it
};

/// Collects traced predictions and writes them as one HTML page: the input, the evidence for each class, the blend of
/// the sources and the sources themselves, for the network and each layer, before and after the activations, and the
/// most active neurons of each layer. Wrong predictions come first. The page needs no other file, no network and no
/// script, and follows the reader's light or dark setting.
///
///     RetraceReport report({.title = "My digits"});
///     report.fact("Accuracy", "97.9 %");
///     report.add(traced.retrace(test.input(7), {.post = true}), training, test, 7);
///     report.write("report.html");
///
/// Shows what there is: samples without image shape by tag and id, without labels no evidence, only the kinds of
/// activation that voted. A value; nothing it was given is referred to later.
class RetraceReport {
public:
    explicit RetraceReport(RetracePage page = {}) : page_(std::move(page)) {}

    /// A line of the page's head, such as "Data set", "MNIST".
    void fact(std::string name, std::string value) { page_.facts.push_back({std::move(name), std::move(value)}); }

    /// Adds the answer for a sample.
    /// Throws   DataError if `training` lacks a source; ShapeError if the input does not have its image shape.
    template <class I, class S>
    void add(const Retrace<I>& answer, const Dataset<S>& training, const ReportQuery<S>& query) {
        ReportSample sample = detail::report_sample(answer, training, page_.detail);
        sample.id = query.id;
        sample.label = query.label;
        sample.tag = query.tag;
        if (query.input.size() > 0) sample.picture = picture(query.input, training.image());
        if (page_.samples.empty()) {
            page_.provenance = answer.provenance();
            for (int c = 0; c < training.classes(); ++c) page_.class_names.push_back(training.class_name(c));
        }
        page_.samples.push_back(std::move(sample));
    }

    /// Adds the answer for the sample at a position of a data set.
    template <class I, class S>
    void add(const Retrace<I>& answer, const Dataset<S>& training, const Dataset<S>& queries, Index position) {
        ReportQuery<S> query{.id = queries.id(position), .input = queries.input(position)};
        if (queries.has_labels()) query.label = queries.label(position);
        if (!queries.tags().empty()) query.tag = queries.tags()[static_cast<std::size_t>(position)];
        add(answer, training, query);
    }

    std::size_t samples() const noexcept { return page_.samples.size(); }

    /// The whole page.
    std::string html() const { return detail::PageWriter(page_).write(); }

    /// Writes the page to a file. Throws FormatError if that is not possible.
    void write(const std::string& path) const {
        const std::string page = html();
        detail::write_file("RetraceReport::write", path, {}, page.data(), page.size());
    }

private:
    RetracePage page_;
};

}  // namespace renn
// renn/training/fit.hpp - mini-batch training.

#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

// renn/training/optimizer.hpp - how parameters follow a gradient.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include <Eigen/Core>


namespace renn {

/// What an optimizer remembers from step to step, in the shape of the parameters.
template <class P>
struct Moments {
    P first, second;
    std::uint64_t step = 0;

    explicit Moments(const P& parameters)
        : first(detail::zeros_like(parameters)), second(detail::zeros_like(parameters)) {}
};

/// One step from a gradient. Your own type works like the ones below.
template <class O, class P>
concept Optimizer = requires(const O& o, P& parameters, const P& gradient, Moments<P>& moments) {
    o.check();
    o.update(parameters, gradient, moments);
};

namespace detail {

inline void require_option(const char* where, const char* what, double value, bool fine, const char* expected) {
    if (!fine || !std::isfinite(value)) raise<DataError>(where, what, std::to_string(value), expected);
}

/// Calls f(parameter, gradient, first, second) on short arrays that stay in L1 between the passes over them.
template <class P, class F>
void for_each_piece(P& parameters, const P& gradient, Moments<P>& moments, F&& f) {
    for_each_block(
        [&f](auto& p, const auto& g, auto& m, auto& v) {
            using S = typename std::remove_cvref_t<decltype(p)>::Scalar;
            using Piece = Eigen::Array<S, Eigen::Dynamic, 1>;
            constexpr Index length = 1024;
            for (Index i = 0; i < p.size(); i += length) {
                const Index n = std::min(length, p.size() - i);
                Eigen::Map<Piece> parameter(p.data() + i, n), first(m.data() + i, n), second(v.data() + i, n);
                const Eigen::Map<const Piece> slope(g.data() + i, n);
                f(parameter, slope, first, second);
            }
        },
        parameters, gradient, moments.first, moments.second);
}

}  // namespace detail

/// Stochastic gradient descent with momentum: m = momentum m + g + weight_decay w, w -= learning_rate m.
/// Source   the form of Sutskever et al. (2013) without dampening, as PyTorch has it.
struct Sgd {
    double learning_rate = 0.01;
    double momentum = 0.0;
    double weight_decay = 0.0;

    void check() const {
        detail::require_option("Sgd", "learning_rate", learning_rate, learning_rate >= 0, "a finite value >= 0");
        detail::require_option("Sgd", "momentum", momentum, momentum >= 0 && momentum < 1, "0 <= momentum < 1");
        detail::require_option("Sgd", "weight_decay", weight_decay, weight_decay >= 0, "a finite value >= 0");
    }

    template <class P>
    void update(P& parameters, const P& gradient, Moments<P>& moments) const {
        ++moments.step;
        detail::for_each_piece(parameters, gradient, moments, [this](auto& w, const auto& g, auto& m, auto&) {
            using S = typename std::remove_cvref_t<decltype(w)>::Scalar;
            m = static_cast<S>(momentum) * m + g + static_cast<S>(weight_decay) * w;
            w -= static_cast<S>(learning_rate) * m;
        });
    }
};

namespace detail {

struct AdamConstants {
    double learning_rate, beta1, beta2, epsilon, weight_decay;
};

inline void check_adam(const char* where, const AdamConstants& o) {
    require_option(where, "learning_rate", o.learning_rate, o.learning_rate >= 0, "a finite value >= 0");
    require_option(where, "beta1", o.beta1, o.beta1 >= 0 && o.beta1 < 1, "0 <= beta1 < 1");
    require_option(where, "beta2", o.beta2, o.beta2 >= 0 && o.beta2 < 1, "0 <= beta2 < 1");
    require_option(where, "epsilon", o.epsilon, o.epsilon > 0, "a finite value > 0");
    require_option(where, "weight_decay", o.weight_decay, o.weight_decay >= 0, "a finite value >= 0");
}

/// Adam and AdamW differ only in where the weight decay goes: into the gradient, or straight to the weights.
template <bool Decoupled, class P>
void adam_update(const AdamConstants& o, P& parameters, const P& gradient, Moments<P>& moments) {
    const auto t = static_cast<double>(++moments.step);
    const double rate = o.learning_rate / (1.0 - std::pow(o.beta1, t));
    const double correction = 1.0 / std::sqrt(1.0 - std::pow(o.beta2, t));
    for_each_piece(parameters, gradient, moments, [&](auto& w, const auto& slope, auto& m, auto& v) {
        using S = typename std::remove_cvref_t<decltype(w)>::Scalar;
        const auto step = [&](const auto& g) {
            m = static_cast<S>(o.beta1) * m + static_cast<S>(1.0 - o.beta1) * g;
            v = static_cast<S>(o.beta2) * v + static_cast<S>(1.0 - o.beta2) * g.square();
            w -= static_cast<S>(rate) * m / (static_cast<S>(correction) * v.sqrt() + static_cast<S>(o.epsilon));
        };
        if constexpr (Decoupled) {
            if (o.weight_decay != 0.0) w *= static_cast<S>(1.0 - o.learning_rate * o.weight_decay);
            step(slope);
        } else if (o.weight_decay != 0.0) {
            step(slope + static_cast<S>(o.weight_decay) * w);
        } else {
            step(slope);
        }
    });
}

}  // namespace detail

/// Source   Kingma and Ba (2015), algorithm 1; weight decay is added to the gradient.
struct Adam {
    double learning_rate = 1e-3;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    double weight_decay = 0.0;

    void check() const { detail::check_adam("Adam", {learning_rate, beta1, beta2, epsilon, weight_decay}); }

    template <class P>
    void update(P& parameters, const P& gradient, Moments<P>& moments) const {
        detail::adam_update<false>({learning_rate, beta1, beta2, epsilon, weight_decay}, parameters, gradient, moments);
    }
};

/// Source   Loshchilov and Hutter (2019), algorithm 2: weight decay acts on the weights, not through the moments.
struct AdamW {
    double learning_rate = 1e-3;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    double weight_decay = 0.01;

    void check() const { detail::check_adam("AdamW", {learning_rate, beta1, beta2, epsilon, weight_decay}); }

    template <class P>
    void update(P& parameters, const P& gradient, Moments<P>& moments) const {
        detail::adam_update<true>({learning_rate, beta1, beta2, epsilon, weight_decay}, parameters, gradient, moments);
    }
};

using AnyOptimizer = std::variant<Adam, AdamW, Sgd>;

}  // namespace renn

namespace renn {

/// Measures of one epoch. Those of the training set are taken while the parameters change, before each step.
struct Epoch {
    int number = 0;  ///< from 1
    double loss = 0.0;
    double accuracy = std::numeric_limits<double>::quiet_NaN();  ///< NaN without labels
    double validation_loss = std::numeric_limits<double>::quiet_NaN();
    double validation_accuracy = std::numeric_limits<double>::quiet_NaN();
    double seconds = 0.0;
};

struct FitOptions {
    int epochs = 10;   ///< 0 does nothing
    Index batch = 64;  ///< samples a step
    AnyLoss loss = CrossEntropy{};
    AnyOptimizer optimizer = Adam{};
    bool shuffle = true;             ///< a new order each epoch, drawn from the seed; false keeps the data's order
    std::uint64_t seed = 0;          ///< of the order and of random layers
    ProgressCallback progress = {};  ///< after each step, in samples over all epochs; false cancels
    std::function<bool(const Epoch&)> on_epoch = {};  ///< after each epoch; false cancels
};

/// What a training run tells. A cancelled run keeps the parameters it had reached; a diverged one has those of the last
/// epoch whose loss and parameters were finite, or the ones it began with.
struct Training {
    std::vector<Epoch> epochs;
    bool cancelled = false;
    bool diverged = false;
};

namespace detail {

/// The buffers of one batch width; the last batch of an epoch has its own, so that steady training allocates nothing.
template <class Net>
struct BatchBuffers {
    using S = typename Net::Scalar;
    Batch<S> x, targets, slope;
    std::vector<std::int32_t> labels;
    std::vector<std::uint64_t> ids;
    Workspace<Net> workspace;

    /// Gathers the samples at the given positions.
    Targets<S> load(const Dataset<S>& data, std::span<const Index> positions) {
        data.inputs(positions, x);
        ids.resize(positions.size());
        labels.resize(data.has_labels() ? positions.size() : 0);
        if (data.has_targets()) reshape(targets, data.targets().rows(), static_cast<Index>(positions.size()));
        for (std::size_t j = 0; j < positions.size(); ++j) {
            ids[j] = data.id(positions[j]);
            if (data.has_labels()) labels[j] = data.label(positions[j]);
            if (data.has_targets()) targets.col(static_cast<Index>(j)) = data.targets().col(positions[j]);
        }
        return {labels, data.has_targets() ? &targets : nullptr};
    }
};

/// Lets the losses and optimizers of a variant stand where one is wanted.
struct VariantLoss {
    AnyLoss loss;
    template <class S>
    double operator()(const BatchView<S>& y, const Targets<S>& targets, Batch<S>& gradient) const {
        return std::visit([&](const auto& l) { return l(y, targets, gradient); }, loss);
    }
};
struct VariantOptimizer {
    AnyOptimizer optimizer;
    void check() const {
        std::visit([](const auto& o) { o.check(); }, optimizer);
    }
    template <class P>
    void update(P& parameters, const P& gradient, Moments<P>& moments) const {
        std::visit([&](const auto& o) { o.update(parameters, gradient, moments); }, optimizer);
    }
};

template <class Net, class S>
void check_fit(const Net& net, const Dataset<S>& data, const FitOptions& options) {
    if (options.epochs < 0) raise<DataError>("fit", "epochs", std::to_string(options.epochs), "0 or more");
    if (options.batch < 1) raise<DataError>("fit", "batch", std::to_string(options.batch), "1 or more");
    require_trainable("fit", net, data);
    require_finite_parameters("fit", net);
}

}  // namespace detail

/// Trains with a loss and an optimizer of any type that satisfies the concepts Loss and Optimizer.
///
/// Throws   DataError for impossible options, empty data, labels out of range, parameters that are not finite;
///          ShapeError where data and network do not fit. What a callback throws reaches the caller; the network then
///          has the parameters of the last step.
/// Cost     about 3 forward passes a sample; steady state allocates nothing.
template <class Net, class S, Loss<S> L, Optimizer<typename Net::Parameters> O>
Training fit(Net& net, const Dataset<S>& data, const Dataset<S>& validation, const L& loss, const O& optimizer,
             const FitOptions& options) {
    static_assert(std::is_same_v<S, typename Net::Scalar>, "renn::fit: the data set's scalar must be the network's");
    detail::check_fit(net, data, options);
    if (!validation.empty()) detail::require_trainable("fit: validation", net, validation);
    optimizer.check();

    Training training;
    if (options.epochs == 0) return training;
    using Parameters = typename Net::Parameters;
    Parameters gradient = detail::zeros_like(net.parameters());
    Parameters last_finite = net.parameters();
    Moments<Parameters> moments(net.parameters());
    detail::BatchBuffers<Net> full, rest;
    std::vector<Index> order(static_cast<std::size_t>(data.samples()));
    const std::uint64_t samples = static_cast<std::uint64_t>(data.samples());
    std::uint64_t step = 0;

    for (int number = 1; number <= options.epochs && !training.cancelled && !training.diverged; ++number) {
        const auto start = std::chrono::steady_clock::now();
        std::iota(order.begin(), order.end(), Index{0});
        if (options.shuffle) {
            Rng rng(mix(options.seed, static_cast<std::uint64_t>(number)));
            shuffle(order, rng);
        }
        double loss_sum = 0.0;
        Index correct = 0;
        for (Index first = 0; first < data.samples(); first += options.batch) {
            const Index count = std::min(options.batch, data.samples() - first);
            auto& buffers = count == options.batch ? full : rest;
            const auto targets = buffers.load(
                data, std::span(order).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)));
            const Pass pass{.training = true, .seed = options.seed, .ids = buffers.ids, .step = step++};
            const Batch<S>& y = net.forward(buffers.x, buffers.workspace, pass);
            const double batch_loss = loss(BatchView<S>(y), targets, buffers.slope);
            if (!std::isfinite(batch_loss)) {
                training.diverged = true;
                break;
            }
            loss_sum += batch_loss * static_cast<double>(count);
            correct += detail::count_correct<S>(y, targets.labels);
            NotWanted input_gradient;
            net.reverse_walk(ParameterGradient{}, buffers.x, buffers.workspace, buffers.slope, input_gradient,
                             &gradient);
            optimizer.update(net.parameters(), gradient, moments);
            const auto done =
                samples * static_cast<std::uint64_t>(number - 1) + static_cast<std::uint64_t>(first + count);
            if (options.progress &&
                !options.progress({done, samples * static_cast<std::uint64_t>(options.epochs), "training"})) {
                training.cancelled = true;
                break;
            }
        }
        bool finite = !training.diverged;
        for_each_block([&finite](const auto& block) { finite = finite && detail::all_finite(block); },
                       std::as_const(net.parameters()));
        if (!finite) {
            training.diverged = true;
            training.cancelled = false;
            net.parameters() = std::move(last_finite);
            break;
        }
        if (training.cancelled) break;
        last_finite = net.parameters();

        Epoch epoch;
        epoch.number = number;
        epoch.loss = loss_sum / static_cast<double>(data.samples());
        if (data.has_labels()) epoch.accuracy = static_cast<double>(correct) / static_cast<double>(data.samples());
        epoch.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        if (!validation.empty()) {
            const Evaluation measured = evaluate(net, validation, loss);
            epoch.validation_loss = measured.loss;
            epoch.validation_accuracy = measured.accuracy;
        }
        training.epochs.push_back(epoch);
        if (options.on_epoch && !options.on_epoch(epoch)) training.cancelled = true;
    }
    return training;
}

/// fit(net, data, {.epochs = 10, .optimizer = Adam{.learning_rate = 1e-3}}): trains the network in place.
template <class Net, class S>
Training fit(Net& net, const Dataset<S>& data, const FitOptions& options = {}) {
    return fit(net, data, Dataset<S>(), options);
}

/// With a validation set, measured after each epoch.
template <class Net, class S>
Training fit(Net& net, const Dataset<S>& data, const Dataset<S>& validation, const FitOptions& options = {}) {
    return fit(net, data, validation, detail::VariantLoss{options.loss}, detail::VariantOptimizer{options.optimizer},
               options);
}

}  // namespace renn
