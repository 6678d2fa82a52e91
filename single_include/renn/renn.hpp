// SPDX-License-Identifier: MIT
// Generated from include/renn by cmake/single_include.sh. Do not edit.
#pragma once

// renn/renn.hpp - every header that needs only the core dependencies, but these, which most programs do without:
//

// renn/activations/elu.hpp - exponential linear unit.

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <tuple>

// renn/activations/elementwise.hpp - what all activations share that treat every value alone.

#include <cstddef>
#include <string>

#include <Eigen/Core>

// renn/core/batch.hpp - the matrix vocabulary: one sample per column.

#include <Eigen/Core>

// renn/core/abi.hpp - the inline namespace of all names: its tag differs where compiled code must not be mixed.

#include <Eigen/Core>

// renn/version.hpp - the version's one home; CMake reads it from here.

#define RENN_VERSION_MAJOR 0
#define RENN_VERSION_MINOR 1
#define RENN_VERSION_PATCH 0

namespace renn {

/// Of the library, as in the macros above.
inline constexpr const char* version = "0.1.0";

}  // namespace renn

// Programs whose parts were compiled with different versions of renn, alignment of Eigen's types or fused
// multiplication do not link, rather than fail at run time: each has names of its own, such as
// renn::abi_0_1_0_align32_fma::Dense.
#ifdef EIGEN_VECTORIZE_FMA
#define RENN_ABI_FMA _fma
#else
#define RENN_ABI_FMA
#endif
#define RENN_ABI_PASTE(major, minor, patch, align, fma) abi_##major##_##minor##_##patch##_align##align##fma
#define RENN_ABI_TAG(major, minor, patch, align, fma) RENN_ABI_PASTE(major, minor, patch, align, fma)
#define RENN_ABI \
    RENN_ABI_TAG(RENN_VERSION_MAJOR, RENN_VERSION_MINOR, RENN_VERSION_PATCH, EIGEN_MAX_ALIGN_BYTES, RENN_ABI_FMA)

namespace renn::inline RENN_ABI {

/// Sizes and positions, signed as Eigen's.
using Index = Eigen::Index;
/// A size that only run time knows.
inline constexpr Index Dynamic = Eigen::Dynamic;

/// features x samples, column-major: a sample's features lie side by side.
template <class S>
using Batch = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic>;

/// Any column-major matrix, block or map of S without a copy; other expressions are evaluated into it.
template <class S>
using BatchView = Eigen::Ref<const Batch<S>>;

/// One sample, or one value a feature.
template <class S>
using Column = Eigen::Matrix<S, Eigen::Dynamic, 1>;

namespace detail {

/// Resizes only when the shape changes, so a buffer that is used again allocates nothing.
template <class S>
void reshape(Batch<S>& m, Index rows, Index cols) {
    if (m.rows() != rows || m.cols() != cols) m.resize(rows, cols);
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
// renn/core/canonical.hpp - sums that depend on their terms and on nothing else.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>


/// Eigen's own product rounds a sample differently alone, in a batch, and at another place of the batch. Here each
/// output is one chain of multiply-adds over its inputs in ascending order, written with Eigen's packets so that
/// lanes are outputs and never parts of one sum; blocking stores and reloads the partial sum, which loses nothing.
/// So a sample's numbers have the same bits alone, in any batch, at any position and on any thread, within one
/// binary. No function here allocates.
namespace renn::inline RENN_ABI::canonical {

namespace detail {

/// f(0), ..., f(N - 1) with constants, so that arrays indexed by them live in registers at every optimisation level.
/// Inlined always: where a compiler that has seen much code already leaves it a call, the sums live in memory, and a
/// product takes twice as long.
template <class F, int... I>
EIGEN_ALWAYS_INLINE void unrolled(F&& f, std::integer_sequence<int, I...>) {
    (f(std::integral_constant<int, I>{}), ...);
}
template <int N, class F>
EIGEN_ALWAYS_INLINE void unrolled(F&& f) {
    unrolled(f, std::make_integer_sequence<int, N>{});
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
        Packet sum[std::size_t{R} * std::size_t{C}];
        const auto at = [&](int i) { return y + (i / R) * y_stride + (i % R) * lanes; };
        unrolled<R * C>([&](auto i) { sum[i] = Whole ? load(at(i)) : load_some(at(i), rows); });
        for (Index k = 0; k < steps; ++k, a += a_stride, b += b_row) {
            Packet left[std::size_t{R}];
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
/// y + a(i,0) b(0,j) + a(i,1) b(1,j) + ... in that order. `near`: a lies in the cache, so parts of it need no copy.
template <bool Transposed, class S>
void accumulate(const S* a, Index a_stride, const S* b, Index b_row, Index b_col, S* y, Index y_stride, Index rows,
                Index depth, Index cols, bool near = false) {
    using K = detail::Kernel<S>;
    constexpr int R = static_cast<int>(K::packets);
    if (rows == 0 || depth == 0 || cols == 0) return;
    alignas(64) S packed[static_cast<std::size_t>(K::panel * K::depth)];
    const bool pack = Transposed || (cols > 4 && !near);  // for a few columns copying costs more than it saves

    const Index block = pack ? K::depth : depth;
    for (Index k = 0; k < depth; k += block) {
        const Index steps = std::min(block, depth - k);
        const S* right = b + k * b_row;
        Index i = 0;
        const auto left = [&](Index count, Index width, Index from, Index upto) {
            const Index n = upto - from;
            if (count < width) std::fill_n(packed, n * width, S(0));
            if constexpr (Transposed) {
                transpose(a + k + from + i * a_stride, a_stride, packed, width, n, count);
            } else if (const S* source = a + i + (k + from) * a_stride; count < width) {
                for (Index r = 0; r < count; ++r) {
                    for (Index s = 0; s < n; ++s) packed[s * width + r] = source[r + s * a_stride];
                }
            } else {
                for (Index s = 0; s < n; ++s) std::copy_n(source + s * a_stride, width, packed + s * width);
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
        if (i < rows && !pack && cols <= 4 && rows >= K::lanes) {  // the last packet overlaps the one before it
            const Index from = rows - K::lanes, twice = i - from;
            for (Index j = 0; j < cols; ++j) {
                S kept[static_cast<std::size_t>(K::lanes)];
                S* to = y + from + j * y_stride;
                std::copy_n(to, twice, kept);
                K::template tile<1, 1, true>(a + from + k * a_stride, a_stride, right + j * b_col, b_row, b_col, to,
                                             y_stride, steps, K::lanes);
                std::copy_n(kept, twice, to);
            }
        } else if (i < rows) {  // the last rows do not fill a packet: through the padded copy
            for (Index from = 0; from < steps; from += K::depth) {
                const Index upto = std::min(from + K::depth, steps);
                left(rows - i, K::lanes, from, upto);
                K::template panel_times<1, false>(packed, K::lanes, right + from * b_row, b_row, b_col, y + i, y_stride,
                                                  upto - from, cols, rows - i);
            }
        }
    }
}

/// y += w x. Shapes: w out x in, x in x n, y out x n.
template <class S>
void add_product(const Batch<S>& w, const BatchView<S>& x, Batch<S>& y) {
    accumulate<false>(w.data(), w.outerStride(), x.data(), Index{1}, x.outerStride(), y.data(), y.outerStride(),
                      w.rows(), w.cols(), x.cols());
}

/// y = w x + bias (bias may be null). Shapes: w out x in, x in x n, y already out x n.
template <class S>
void product(const Batch<S>& w, const BatchView<S>& x, const Column<S>* bias, Batch<S>& y) {
    if (bias != nullptr) {
        for (Index j = 0; j < y.cols(); ++j) std::copy_n(bias->data(), y.rows(), y.data() + j * y.rows());
    } else {
        y.setZero();
    }
    add_product<S>(w, x, y);
}

/// y += w^T g. Shapes: w out x in, g out x n, y in x n.
template <class S>
void add_product_transposed(const Batch<S>& w, const BatchView<S>& g, Batch<S>& y) {
    accumulate<true>(w.data(), w.outerStride(), g.data(), Index{1}, g.outerStride(), y.data(), y.outerStride(),
                     w.cols(), w.rows(), g.cols());
}

/// y = w^T g. Shapes: w out x in, g out x n, y already in x n.
template <class S>
void product_transposed(const Batch<S>& w, const BatchView<S>& g, Batch<S>& y) {
    y.setZero();
    add_product_transposed<S>(w, g, y);
}

/// y += g x^T: samples summed in ascending order. Shapes: g out x n, x in x n, y out x in.
template <class S>
void add_outer_product(const BatchView<S>& g, const BatchView<S>& x, Batch<S>& y) {
    accumulate<false>(g.data(), g.outerStride(), x.data(), x.outerStride(), Index{1}, y.data(), y.outerStride(),
                      g.rows(), g.cols(), x.rows());
}

/// y = g x^T. Shapes: g out x n, x in x n, y already out x in.
template <class S>
void outer_product(const BatchView<S>& g, const BatchView<S>& x, Batch<S>& y) {
    y.setZero();
    add_outer_product<S>(g, x, y);
}

/// Sum of n values, in ascending order.
template <class S>
S sum(const S* values, Index n) {
    S total = 0;
    for (Index i = 0; i < n; ++i) total += values[i];
    return total;
}

/// out[i] = f(in[i]...) with f a function of packets. Every element goes through the packet form, the last ones padded
/// with zeros: Eigen's loops send some elements through the scalar form, whose exp or tanh may round differently.
template <class S, class F, class... In>
void combine(S* out, Index n, F&& f, const In*... in) {
    using K = detail::Kernel<S>;
    Index i = 0;
    for (; i + K::lanes <= n; i += K::lanes) K::store(out + i, f(K::load(in + i)...));
    if (i < n) K::store_some(out + i, f(K::load_some(in + i, n - i)...), n - i);
}

/// out[i] = f(in[i]) with f a function of packets.
template <class S, class F>
void transform(const S* in, S* out, Index n, F&& f) {
    combine(out, n, std::forward<F>(f), in);
}

/// Sum of f(in[i]...) over i in ascending order, with f a function of packets.
template <class S, class F, class... In>
S sum_of(Index n, F&& f, const S* first, const In*... in) {
    constexpr Index block = 64;
    S terms[block];
    S total = 0;
    for (Index i = 0; i < n; i += block) {
        const Index count = std::min(block, n - i);
        combine(terms, count, f, first + i, (in + i)...);
        for (Index l = 0; l < count; ++l) total += terms[l];
    }
    return total;
}

/// Sum of a[i] b[i], in ascending order.
template <class S>
S dot(const S* a, const S* b, Index n) {
    return sum_of(
        n, [](const auto& p, const auto& q) { return Eigen::internal::pmul(p, q); }, a, b);
}

}  // namespace renn::inline RENN_ABI::canonical
// renn/core/error.hpp - the typed errors, and the one place that throws them.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>


namespace renn::inline RENN_ABI {

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

/// Throws E(message). Compiled without exceptions it writes the message to stderr and aborts.
template <class E>
[[noreturn]] void throw_or_abort(const std::string& message) {
#ifdef __cpp_exceptions
    throw E(message);
#else
    std::fprintf(stderr, "%s\n", message.c_str());
    std::abort();
#endif
}

/// Views, so that a place in the code that hardly ever throws makes no strings of its constants.
template <class E>
[[noreturn]] void raise(std::string_view where, std::string_view what) {
    throw_or_abort<E>(std::string(where).append(": ").append(what));
}

template <class E>
[[noreturn]] void raise(std::string_view where, std::string_view what, std::string_view got,
                        std::string_view expected) {
    std::string message(where);
    for (const std::string_view part :
         {std::string_view(": "), what, std::string_view(": got "), got, std::string_view(", expected "), expected}) {
        message += part;
    }
    throw_or_abort<E>(message);
}

/// "a, b, c": what text(item) says of each; of texts, themselves.
template <class Items, class Text = std::identity>
std::string joined(const Items& items, const Text& text = {}) {
    std::string all;
    for (const auto& item : items) (all += all.empty() ? "" : ", ") += text(item);
    return all;
}

/// Throws DataError for a name that none of the items has: `where: what: got "name", expected one of a, b, c`.
template <class Items, class Text = std::identity>
[[noreturn]] void raise_unknown(std::string_view where, std::string_view what, std::string_view name,
                                const Items& items, const Text& text = {}) {
    raise<DataError>(where, what, "\"" + std::string(name) + "\"", "one of " + joined(items, text));
}

inline std::string shape_text(std::int64_t rows, std::int64_t cols) {
    return std::to_string(rows) + " x " + std::to_string(cols);
}

[[noreturn]] inline void raise_shape(const char* where, const char* what, std::int64_t got_rows, std::int64_t got_cols,
                                     std::int64_t rows, std::int64_t cols) {
    raise<ShapeError>(where, what, shape_text(got_rows, got_cols), shape_text(rows, cols));
}

/// Throws ShapeError unless `m` is rows x cols.
template <class M>
void require_shape(const char* where, const char* what, const M& m, std::int64_t rows, std::int64_t cols) {
    if (m.rows() != rows || m.cols() != cols) raise_shape(where, what, m.rows(), m.cols(), rows, cols);
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
// renn/core/layer.hpp - the concepts everything hangs on: pass, layer, step, visitor, rule.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>


namespace renn::inline RENN_ABI {

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

/// For `if constexpr` in a layer: false for NotWanted.
template <class T>
inline constexpr bool is_wanted = !std::same_as<std::remove_cv_t<T>, NotWanted>;

/// What a layer reads.
template <class L>
using X = const BatchView<typename L::Scalar>&;
/// What a layer writes.
template <class L>
using Y = Batch<typename L::Scalar>&;

/// A pure function of parameters and input. `forward` writes features x samples to y (never the same matrix as x)
/// and to the cache what only this pass needs: masks, max-pool winners, inner outputs. It is const and may run on
/// several threads at once. `L::Parameters` is a value with `blocks()`, a tuple of references to its matrices:
/// gradient, moment, tangent, modified weights, mask and checkpoint are all of this one type.
/// A layer that changes the number of features says so with `in_features()` and `out_features()`; one that sees a
/// sample as an image, with `input_shape()` and `output_shape()`. A layer whose training pass mixes the samples of a
/// batch has `mixes_samples = true`; one that learns from a training pass other than by gradient has `absorb(cache)`,
/// called after each training step (BatchNorm has both). A layer made of layers has `walk` and `walk_back` as Network
/// does, and says with `wiring` how they are connected.
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

/// Directional derivatives, along dx in the input and dw in the parameters, after a forward pass with the same x, y and
/// cache: `tangent` writes that of y to dy; `backward_tangent` writes that of backward's two results, for `above` and
/// its own direction `above_tangent`, to dx_tangent and g. So forward-over-reverse gives exact second derivatives.
/// Outside training only. dw may be NotWanted, a direction of zero, and g as well. A layer made of layers needs
/// `tangent` along the same direction before its `backward_tangent`.
template <class L>
concept TwiceDifferentiableLayer = DifferentiableLayer<L> &&
    requires(const L& l, const typename L::Parameters& w, X<L> x, X<L> y, Y<L> out, typename L::Cache& c,
             typename L::Parameters& g, NotWanted none) {
    l.tangent(w, /*dw*/ w, x, /*dx*/ x, y, c, /*dy*/ out);
    l.tangent(w, /*dw*/ none, x, /*dx*/ x, y, c, /*dy*/ out);
    l.backward_tangent(w, /*dw*/ w, x, /*dx*/ x, y, c, /*above*/ y, /*above_tangent*/ y, /*dx_tangent*/ out, g);
    l.backward_tangent(w, /*dw*/ none, x, /*dx*/ x, y, c, /*above*/ y, /*above_tangent*/ y, /*dx_tangent*/ out, none);
};

/// A layer that is linear in its input up to a bias. `map` is the linear part alone, with any parameters: modified
/// weights, masks, perturbations; `map_transposed` its transpose.
template <class L>
concept LinearLayer = DifferentiableLayer<L> && requires(const L& l, const typename L::Parameters& w, X<L> x, Y<L> y) {
    l.map(w, x, y);
    l.map_transposed(w, x, y);
};

/// How the layers of a layer are connected: each takes what the one before puts out; the same with the input added to
/// what the last puts out; each takes the input, and their outputs lie one below the other.
enum class Wiring : std::uint8_t { chain, residual, side_by_side };

/// A layer made of layers: walks go into it, visitors and rules see its layers. See network/layer_sequence.hpp for what
/// it has; most are made by wrapping a Network.
template <class L>
concept CompositeLayer = requires {
    { L::wiring } -> std::convertible_to<Wiring>;
};

/// One layer of one pass, as visitors and rules see it. `path` names it in the network ("dense1", in a nested
/// network "residual1/dense2"), `index` is its place among its siblings. In a reverse walk `gradient` is where a
/// rule may leave something shaped like the parameters, or null. `edited`: y is not what the layer put out, see
/// ForwardEditor.
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
    bool edited = false;
};

/// Sees every layer of a forward walk, in order, just after it ran.
template <class V, class L>
concept ForwardVisitor = requires(V& v, const Step<L>& s) {
    v.visit(s);
};

/// A visitor that may also change what a layer put out, before anything else sees it. Returns whether it did, or might
/// have: y need not follow from the layer's input any more.
template <class V, class S>
concept ForwardEditor = requires(V& v, std::string_view path, Batch<S>& y) {
    { v.edit(path, y) } -> std::same_as<bool>;
};

/// Turns what arrives above a layer into what leaves below it. Found by overload on (rule, layer), so a rule and a
/// layer written by two strangers meet in a third one's overload. `below` is a Batch, or NotWanted at the input.
template <class R, class L>
concept ReverseRule = requires(R& r, const Step<L>& s, X<L> above, Y<L> below) {
    reverse(r, s, above, below);
};

/// A rule that sees what arrives above each layer, and may put something else in its place: conditions, records, or a
/// start in the middle of a network. Called for layers made of layers as well, before the walk goes into them. What it
/// returns is a view of `above`, or of something of its own that stays until the walk has passed the layer.
template <class R, class S>
concept ReverseEditor = requires(R& r, std::string_view path, const BatchView<S>& y, const BatchView<S>& above) {
    { r.arrive(path, y, above) } -> std::same_as<BatchView<S>>;
};

/// The visitor of a plain prediction.
struct NoVisit {
    static void visit(const auto&) noexcept {}
};

/// Calls f(block, the same block of each other value...) for every matrix, in the flat order: layer order, weights,
/// then bias. The others must be built like the first. Parameters put together at run time have `zip` in place of
/// `blocks`, which calls f for the parameters of each layer.
template <class F, class P, class... Ps>
void for_each_block(F&& f, P& first, Ps&... others) {
    if constexpr (requires { P::is_run_time; }) {
        P::zip([&f](auto& one, auto&... same) { for_each_block(f, one, same...); }, first, others...);
    } else if constexpr (requires { first.blocks(); }) {
        [[maybe_unused]] const auto part = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
            for_each_block(f, std::get<I>(first.blocks()), std::get<I>(others.blocks())...);
        };
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (part(std::integral_constant<std::size_t, I>{}), ...);
        }
        (std::make_index_sequence<std::tuple_size_v<decltype(first.blocks())>>{});
    } else {
        f(first, others...);
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

/// True if some layers of a network with these parameters are only known at run time: then a rule that a layer does not
/// have is an exception, not an error of the compiler's.
template <class P>
constexpr bool has_run_time_parts() {
    if constexpr (requires { P::is_run_time; }) {
        return true;
    } else if constexpr (requires(const P& p) { p.blocks(); }) {
        return []<class... B>(std::type_identity<std::tuple<B...>>) {
            return (has_run_time_parts<std::remove_cvref_t<B>>() || ...);
        }(std::type_identity<decltype(std::declval<const P&>().blocks())>{});
    } else {
        return false;
    }
}

/// A value of the same shapes, filled with zeros.
template <class P>
P zeros_like(const P& parameters) {
    P zero = parameters;
    for_each_block([](auto& block) { block.setZero(); }, zero);
    return zero;
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI::detail {

/// f of every lane of a packet, for functions that have no packet form.
template <class S, class P, class F>
P by_lanes(const P& p, F&& f) {
    constexpr auto lanes = static_cast<std::size_t>(Eigen::internal::unpacket_traits<P>::size);
    S values[lanes];
    Eigen::internal::pstoreu(values, p);
    for (S& v : values) v = f(v);
    return Eigen::internal::ploadu<P>(values);
}

/// x held between -limit and limit; NaN stays NaN.
template <class S, class P>
P clamp(const P& x, S limit) {
    namespace ei = Eigen::internal;
    const P low = ei::pset1<P>(-limit), high = ei::pset1<P>(limit);
    const P above = ei::pselect(ei::pcmp_lt(x, low), low, x);
    return ei::pselect(ei::pcmp_lt(high, above), high, above);
}

/// exp(-x) of a packet, and 1 / (1 + e) of that: together the logistic function s, whose 1 - s is e s without loss.
template <class P>
P decay(const P& x) {
    return Eigen::internal::pexp(Eigen::internal::pnegate(x));
}
template <class S, class P>
P share(const P& e) {
    namespace ei = Eigen::internal;
    const P one = ei::pset1<P>(S(1));
    return ei::pdiv(one, ei::padd(one, e));
}
template <class S, class P>
P logistic(const P& x) {
    return share<S>(decay(x));
}

/// Where column j begins.
template <class M>
auto* column(M& m, Index j) {
    return m.data() + j * m.outerStride();
}

/// Layer members from three functions of the derived type, of packets (or of scalars: Eigen's packet functions serve
/// both):
///   value(x)         the activation
///   slope(x, y)      its derivative at input x with output y
///   curvature(x, y)  its second derivative
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
        canonical::transform(in, out, n, [this](const auto& p) { return self().value(p); });
    }

    void forward(const Parameters&, const BatchView<S>& x, Batch<S>& y, Cache&, const Pass&) const {
        reshape(y, x.rows(), x.cols());
        if (x.outerStride() == x.rows()) {
            apply(x.data(), y.data(), x.size());
        } else {
            for (Index j = 0; j < x.cols(); ++j) apply(column(x, j), column(y, j), x.rows());
        }
    }

    template <class Dx, class G>
    void backward(const Parameters&, const BatchView<S>& x, const BatchView<S>& y, const Cache&, const BatchView<S>& dy,
                  Dx& dx, G&) const {
        require_shape("activation backward", "dy", dy, y.rows(), y.cols());
        if constexpr (is_wanted<Dx>) scale(x, y, dy, dx);
    }

    template <class Dw>
    void tangent(const Parameters&, const Dw&, const BatchView<S>& x, const BatchView<S>& dx, const BatchView<S>& y,
                 const Cache&, Batch<S>& dy) const {
        require_shape("activation tangent", "dx", dx, x.rows(), x.cols());
        scale(x, y, dx, dy);
    }

    template <class Dw, class Dx, class G>
    void backward_tangent(const Parameters&, const Dw&, const BatchView<S>& x, const BatchView<S>& dx,
                          const BatchView<S>& y, const Cache&, const BatchView<S>& above,
                          const BatchView<S>& above_tangent, Dx& dx_tangent, G&) const {
        require_shape("activation backward_tangent", "dx", dx, x.rows(), x.cols());
        require_shape("activation backward_tangent", "above", above, y.rows(), y.cols());
        require_shape("activation backward_tangent", "above_tangent", above_tangent, y.rows(), y.cols());
        if constexpr (is_wanted<Dx>) {
            reshape(dx_tangent, x.rows(), x.cols());
            const auto f = [this](const auto& p, const auto& dp, const auto& q, const auto& a, const auto& da) {
                namespace ei = Eigen::internal;
                const auto bend = ei::pmul(self().curvature(p, q), ei::pmul(dp, a));
                return ei::pmadd(self().slope(p, q), da, bend);
            };
            for (Index j = 0; j < x.cols(); ++j) {
                canonical::combine(column(dx_tangent, j), x.rows(), f, column(x, j), column(dx, j), column(y, j),
                                   column(above, j), column(above_tangent, j));
            }
        }
    }

    std::string describe() const { return std::string(Derived::name); }

private:
    const Derived& self() const noexcept { return static_cast<const Derived&>(*this); }

    /// out = slope(x, y) in, the same for a direction going up and a gradient coming down.
    void scale(const BatchView<S>& x, const BatchView<S>& y, const BatchView<S>& in, Batch<S>& out) const {
        reshape(out, x.rows(), x.cols());
        const auto f = [this](const auto& p, const auto& q, const auto& d) {
            return Eigen::internal::pmul(self().slope(p, q), d);
        };
        for (Index j = 0; j < x.cols(); ++j) {
            canonical::combine(column(out, j), x.rows(), f, column(x, j), column(y, j), column(in, j));
        }
    }
};

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI {

/// x for x > 0, else alpha (exp(x) - 1); the derivative at 0 is alpha.
/// Limits   +inf stays +inf, -inf becomes -alpha, NaN stays NaN.
/// Throws   DataError if alpha is not finite.
/// Source   Clevert et al. (2016).
template <std::floating_point S = float>
struct ELU : detail::Elementwise<ELU<S>, S> {
    static constexpr std::string_view name = "ELU";

    explicit ELU(S alpha = S(1)) : alpha_(alpha) { check(); }

    S alpha() const noexcept { return alpha_; }

    template <class P>
    P value(const P& x) const {
        namespace ei = Eigen::internal;
        const P bent = ei::pmul(ei::pset1<P>(alpha_), expm1(x));
        return ei::pselect(ei::pcmp_le(x, ei::pset1<P>(S(0))), bent, x);
    }
    template <class P>
    P slope(const P& x, const P& y) const {
        namespace ei = Eigen::internal;
        return ei::pselect(is_straight(x), ei::pset1<P>(S(1)), ei::padd(y, ei::pset1<P>(alpha_)));
    }
    template <class P>
    P curvature(const P& x, const P& y) const {
        namespace ei = Eigen::internal;
        return ei::pselect(is_straight(x), ei::pset1<P>(S(0)), ei::padd(y, ei::pset1<P>(alpha_)));
    }

    auto constants() noexcept { return std::tie(alpha_); }
    auto constants() const noexcept { return std::tie(alpha_); }
    void check() const {
        if (!std::isfinite(alpha_)) {
            detail::raise<DataError>("ELU", "alpha", std::to_string(alpha_), "a finite value");
        }
    }

    std::string describe() const { return "ELU " + std::to_string(alpha_); }

private:
    template <class P>
    static P is_straight(const P& x) {
        return Eigen::internal::pcmp_lt(Eigen::internal::pset1<P>(S(0)), x);
    }
    template <class P>
    static P expm1(const P& x) {
        if constexpr (Eigen::internal::packet_traits<S>::HasExpm1) {
            return Eigen::internal::pexpm1(x);
        } else {
            return detail::by_lanes<S>(x, [](S v) { return std::expm1(v); });
        }
    }

    S alpha_;
};

}  // namespace renn::inline RENN_ABI
// renn/activations/gelu.hpp - Gaussian error linear unit, exact and by its tanh formula.

#include <cmath>
#include <concepts>
#include <numbers>
#include <string_view>


namespace renn::inline RENN_ABI {

/// x Phi(x) with Phi the normal distribution function, by std::erfc value by value. PyTorch's default.
/// Limits   +inf stays +inf, -inf becomes -0, NaN stays NaN.
/// Cost     about ten times GELUTanh's.
/// Source   Hendrycks and Gimpel (2016).
template <std::floating_point S = float>
struct GELU : detail::Elementwise<GELU<S>, S> {
    static constexpr std::string_view name = "GELU";

    template <class P>
    static P value(const P& x) {
        return detail::by_lanes<S>(x, [](S v) { return v < -far ? S(-0.0) : v * normal(v); });
    }
    template <class P>
    static P slope(const P& x, const P&) {
        namespace ei = Eigen::internal;
        const P v = detail::clamp(x, far);
        return ei::padd(detail::by_lanes<S>(v, normal), ei::pmul(v, density(v)));
    }
    template <class P>
    static P curvature(const P& x, const P&) {
        namespace ei = Eigen::internal;
        const P v = detail::clamp(x, far);
        return ei::pmul(density(v), ei::psub(ei::pset1<P>(S(2)), ei::pmul(v, v)));
    }

private:
    /// Beyond it nothing is left of the tails, and infinity times zero does not arise.
    static constexpr S far = S(64);

    static S normal(S x) { return S(0.5) * std::erfc(x * S(-0.5 * std::numbers::sqrt2)); }
    template <class P>
    static P density(const P& x) {
        namespace ei = Eigen::internal;
        const P root = ei::pset1<P>(S(0.5 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi));
        return ei::pmul(root, ei::pexp(ei::pmul(ei::pset1<P>(S(-0.5)), ei::pmul(x, x))));
    }
};

/// x (1 + tanh(u)) / 2 with u = sqrt(2 / pi) (x + 0.044715 x^3), in the form x / (1 + exp(-2 u)), which keeps the
/// small values of the negative side.
/// Limits   +inf stays +inf, -inf becomes a negative number of magnitude below 1e-36, NaN stays NaN.
/// Source   Hendrycks and Gimpel (2016); what GPT-2 uses.
template <std::floating_point S = float>
struct GELUTanh : detail::Elementwise<GELUTanh<S>, S> {
    static constexpr std::string_view name = "GELUTanh";

    template <class P>
    static P value(const P& x) {
        namespace ei = Eigen::internal;
        const P low = ei::pset1<P>(-far);
        const P v = ei::pselect(ei::pcmp_lt(x, low), low, x);
        return ei::pmul(v, detail::logistic<S>(twice_u(v)));
    }
    template <class P>
    static P slope(const P& x, const P&) {
        namespace ei = Eigen::internal;
        const P v = detail::clamp(x, far), e = detail::decay(twice_u(v)), s = detail::share<S>(e);
        return ei::pmul(s, ei::pmadd(ei::pmul(v, ei::pmul(e, s)), rise(v), ei::pset1<P>(S(1))));
    }
    /// With s the logistic of w = 2 u: s (1 - s) (2 w' + x ((1 - 2 s) w'^2 + w'')).
    template <class P>
    static P curvature(const P& x, const P&) {
        namespace ei = Eigen::internal;
        const P v = detail::clamp(x, far), e = detail::decay(twice_u(v)), s = detail::share<S>(e),
                rest = ei::pmul(e, s);
        const P w1 = rise(v);
        const P w2 = ei::pmul(ei::pset1<P>(S(6) * cubic * scale), v);
        const P inner = ei::pmadd(ei::pmul(ei::psub(rest, s), w1), w1, w2);
        return ei::pmul(ei::pmul(s, rest), ei::pmadd(v, inner, ei::padd(w1, w1)));
    }

private:
    /// Where exp(-2 u) is as large as the scalar goes: farther out the value is nothing but rounding.
    static constexpr S far = sizeof(S) == 4 ? S(10) : S(21);
    static constexpr S cubic = S(0.044715);
    static constexpr S scale = S(2 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi);

    template <class P>
    static P twice_u(const P& x) {
        namespace ei = Eigen::internal;
        const P inner = ei::pmadd(ei::pset1<P>(cubic), ei::pmul(x, x), ei::pset1<P>(S(1)));
        return ei::pmul(ei::pmul(ei::pset1<P>(scale), x), inner);
    }
    template <class P>
    static P rise(const P& x) {
        namespace ei = Eigen::internal;
        const P inner = ei::pmadd(ei::pset1<P>(S(3) * cubic), ei::pmul(x, x), ei::pset1<P>(S(1)));
        return ei::pmul(ei::pset1<P>(scale), inner);
    }
};

}  // namespace renn::inline RENN_ABI
// renn/activations/identity.hpp - the activation that changes nothing.

#include <concepts>
#include <string_view>


namespace renn::inline RENN_ABI {

/// y = x: an activation where one must stand and none is wanted.
template <std::floating_point S = float>
struct Identity : detail::Elementwise<Identity<S>, S> {
    static constexpr std::string_view name = "Identity";
    static constexpr S negative_slope() noexcept { return S(1); }

    template <class P>
    static P value(const P& x) {
        return x;
    }
    template <class P>
    static P slope(const P&, const P&) {
        return Eigen::internal::pset1<P>(S(1));
    }
    template <class P>
    static P curvature(const P&, const P&) {
        return Eigen::internal::pset1<P>(S(0));
    }
};

}  // namespace renn::inline RENN_ABI
// renn/activations/leaky_relu.hpp - rectified linear unit that leaks.

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <tuple>


namespace renn::inline RENN_ABI {

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
    template <class P>
    P slope(const P& x, const P&) const {
        namespace ei = Eigen::internal;
        return ei::pselect(ei::pcmp_lt(ei::pset1<P>(S(0)), x), ei::pset1<P>(S(1)), ei::pset1<P>(leak_));
    }
    template <class P>
    static P curvature(const P&, const P&) {
        return Eigen::internal::pset1<P>(S(0));
    }
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

}  // namespace renn::inline RENN_ABI
// renn/activations/leaky_softplus.hpp - smooth rectifier that leaks.

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <tuple>

// renn/activations/softplus.hpp - smooth rectifier.

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <tuple>


namespace renn::inline RENN_ABI {
namespace detail {

/// log(1 + exp(u)) - max(u, 0), which is log(1 + exp(-|u|)).
template <class S, class P>
P softplus_above_relu(const P& u) {
    const P decayed = Eigen::internal::pexp(Eigen::internal::pnegate(Eigen::internal::pabs(u)));
    if constexpr (Eigen::internal::packet_traits<S>::HasLog1p) {
        return Eigen::internal::plog1p(decayed);
    } else {
        return by_lanes<S>(decayed, [](S v) { return std::log1p(v); });
    }
}

}  // namespace detail

/// log(1 + exp(beta x)) / beta, and x itself where beta x > threshold, as in PyTorch. Computed as
/// max(x, 0) + log1p(exp(-|beta x|)) / beta, which never overflows.
/// Limits   +inf stays +inf, -inf becomes 0 (to within 1e-37), NaN stays NaN.
/// Throws   DataError unless beta is finite and above 0 and threshold is finite.
/// Source   Dugas et al. (2001).
template <std::floating_point S = float>
struct Softplus : detail::Elementwise<Softplus<S>, S> {
    static constexpr std::string_view name = "Softplus";

    explicit Softplus(S beta = S(1), S threshold = S(20)) : beta_(beta), threshold_(threshold) { check(); }

    S beta() const noexcept { return beta_; }
    S threshold() const noexcept { return threshold_; }

    template <class P>
    P value(const P& x) const {
        namespace ei = Eigen::internal;
        const P zero = ei::pset1<P>(S(0)), beta = ei::pset1<P>(beta_);
        const P u = ei::pmul(beta, x);
        const P rectified = ei::pselect(ei::pcmp_le(x, zero), zero, x);
        const P smooth = ei::padd(rectified, ei::pdiv(detail::softplus_above_relu<S>(u), beta));
        return ei::pselect(is_straight(u), x, smooth);
    }
    template <class P>
    P slope(const P& x, const P&) const {
        namespace ei = Eigen::internal;
        const P u = ei::pmul(ei::pset1<P>(beta_), x);
        return ei::pselect(is_straight(u), ei::pset1<P>(S(1)), detail::logistic<S>(u));
    }
    template <class P>
    P curvature(const P& x, const P&) const {
        namespace ei = Eigen::internal;
        const P u = ei::pmul(ei::pset1<P>(beta_), x), s = detail::logistic<S>(u);
        const P bend = ei::pmul(ei::pset1<P>(beta_), ei::pmul(s, ei::psub(ei::pset1<P>(S(1)), s)));
        return ei::pselect(is_straight(u), ei::pset1<P>(S(0)), bend);
    }

    auto constants() noexcept { return std::tie(beta_, threshold_); }
    auto constants() const noexcept { return std::tie(beta_, threshold_); }
    void check() const {
        if (!(std::isfinite(beta_) && beta_ > S(0))) {
            detail::raise<DataError>("Softplus", "beta", std::to_string(beta_), "a finite value above 0");
        }
        if (!std::isfinite(threshold_)) {
            detail::raise<DataError>("Softplus", "threshold", std::to_string(threshold_), "a finite value");
        }
    }

    std::string describe() const {
        return "Softplus " + std::to_string(beta_) + " up to " + std::to_string(threshold_);
    }

private:
    template <class P>
    P is_straight(const P& u) const {
        return Eigen::internal::pcmp_lt(Eigen::internal::pset1<P>(threshold_), u);
    }

    S beta_, threshold_;
};

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// leak * x + (1 - leak) * log(1 + exp(beta x)) / beta: what Softplus is to ReLU, this is to LeakyReLU, from which it
/// differs by at most |1 - leak| log(2) / beta, at 0. Computed as LeakyReLU of x plus
/// (1 - leak) * log1p(exp(-|beta x|)) / beta, which never overflows.
/// Throws   DataError unless leak is finite and beta finite and above 0.
template <std::floating_point S = float>
struct LeakySoftplus : detail::Elementwise<LeakySoftplus<S>, S> {
    static constexpr std::string_view name = "LeakySoftplus";

    explicit LeakySoftplus(S leak = S(0.01), S beta = S(1)) : leak_(leak), beta_(beta) { check(); }

    S leak() const noexcept { return leak_; }
    S beta() const noexcept { return beta_; }

    template <class P>
    P value(const P& x) const {
        namespace ei = Eigen::internal;
        const P beta = ei::pset1<P>(beta_);
        const P leaked = ei::pselect(ei::pcmp_le(x, ei::pset1<P>(S(0))), ei::pmul(x, ei::pset1<P>(leak_)), x);
        const P above = ei::pdiv(detail::softplus_above_relu<S>(ei::pmul(beta, x)), beta);
        return ei::pmadd(ei::pset1<P>(S(1) - leak_), above, leaked);
    }
    template <class P>
    P slope(const P& x, const P&) const {
        namespace ei = Eigen::internal;
        const P s = detail::logistic<S>(ei::pmul(ei::pset1<P>(beta_), x));
        return ei::pmadd(ei::pset1<P>(S(1) - leak_), s, ei::pset1<P>(leak_));
    }
    template <class P>
    P curvature(const P& x, const P&) const {
        namespace ei = Eigen::internal;
        const P s = detail::logistic<S>(ei::pmul(ei::pset1<P>(beta_), x));
        return ei::pmul(ei::pset1<P>((S(1) - leak_) * beta_), ei::pmul(s, ei::psub(ei::pset1<P>(S(1)), s)));
    }

    auto constants() noexcept { return std::tie(leak_, beta_); }
    auto constants() const noexcept { return std::tie(leak_, beta_); }
    void check() const {
        if (!std::isfinite(leak_)) {
            detail::raise<DataError>("LeakySoftplus", "leak", std::to_string(leak_), "a finite value");
        }
        if (!(std::isfinite(beta_) && beta_ > S(0))) {
            detail::raise<DataError>("LeakySoftplus", "beta", std::to_string(beta_), "a finite value above 0");
        }
    }

    std::string describe() const { return "LeakySoftplus " + std::to_string(leak_) + ", " + std::to_string(beta_); }

private:
    S leak_, beta_;
};

}  // namespace renn::inline RENN_ABI
// renn/activations/relu.hpp - rectified linear unit.

#include <concepts>
#include <string_view>


namespace renn::inline RENN_ABI {

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
    template <class P>
    static P slope(const P& x, const P&) {
        namespace ei = Eigen::internal;
        const P zero = ei::pset1<P>(S(0));
        return ei::pselect(ei::pcmp_lt(zero, x), ei::pset1<P>(S(1)), zero);
    }
    template <class P>
    static P curvature(const P&, const P&) {
        return Eigen::internal::pset1<P>(S(0));
    }
};

}  // namespace renn::inline RENN_ABI
// renn/activations/sigmoid.hpp - logistic function.

#include <concepts>
#include <string_view>


namespace renn::inline RENN_ABI {

/// 1 / (1 + exp(-x)).
template <std::floating_point S = float>
struct Sigmoid : detail::Elementwise<Sigmoid<S>, S> {
    static constexpr std::string_view name = "Sigmoid";

    template <class P>
    static P value(const P& x) {
        return detail::logistic<S>(x);
    }
    template <class P>
    static P slope(const P&, const P& y) {
        namespace ei = Eigen::internal;
        return ei::pmul(y, ei::psub(ei::pset1<P>(S(1)), y));
    }
    template <class P>
    static P curvature(const P& x, const P& y) {
        namespace ei = Eigen::internal;
        return ei::pmul(slope(x, y), ei::psub(ei::psub(ei::pset1<P>(S(1)), y), y));
    }
};

}  // namespace renn::inline RENN_ABI
// renn/activations/silu.hpp - sigmoid linear unit, also called swish.

#include <concepts>
#include <string_view>


namespace renn::inline RENN_ABI {

/// x / (1 + exp(-x)).
/// Limits   +inf stays +inf, -inf becomes a negative number of magnitude below 1e-36, NaN stays NaN.
/// Source   Elfwing et al. (2018); Ramachandran et al. (2017).
template <std::floating_point S = float>
struct SiLU : detail::Elementwise<SiLU<S>, S> {
    static constexpr std::string_view name = "SiLU";

    template <class P>
    static P value(const P& x) {
        namespace ei = Eigen::internal;
        const P low = ei::pset1<P>(-far);
        const P v = ei::pselect(ei::pcmp_lt(x, low), low, x);
        return ei::pmul(v, detail::logistic<S>(v));
    }
    /// s + x s (1 - s) with s the logistic of x.
    template <class P>
    static P slope(const P& x, const P&) {
        namespace ei = Eigen::internal;
        const P v = detail::clamp(x, far), e = detail::decay(v), s = detail::share<S>(e);
        return ei::pmul(s, ei::pmadd(v, ei::pmul(e, s), ei::pset1<P>(S(1))));
    }
    /// s (1 - s) (2 + x (1 - 2 s)).
    template <class P>
    static P curvature(const P& x, const P&) {
        namespace ei = Eigen::internal;
        const P v = detail::clamp(x, far), e = detail::decay(v), s = detail::share<S>(e), rest = ei::pmul(e, s);
        return ei::pmul(ei::pmul(s, rest), ei::pmadd(v, ei::psub(rest, s), ei::pset1<P>(S(2))));
    }

private:
    /// Where exp(-x) is as large as the scalar goes: farther out the value is nothing but rounding.
    static constexpr S far = sizeof(S) == 4 ? S(88) : S(700);
};

}  // namespace renn::inline RENN_ABI
// renn/activations/softmax.hpp - a probability for every output of a sample.

#include <cmath>
#include <concepts>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>


namespace renn::inline RENN_ABI {

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
        detail::require_shape("Softmax::backward", "dy", dy, y.rows(), y.cols());
        if constexpr (is_wanted<Dx>) times_jacobian(y, dy, dx);
    }

    /// The Jacobian is symmetric: as backward.
    template <class Dw>
    void tangent(const Parameters&, const Dw&, const BatchView<S>&, const BatchView<S>& dx, const BatchView<S>& y,
                 const Cache&, Batch<S>& dy) const {
        detail::require_shape("Softmax::tangent", "dx", dx, y.rows(), y.cols());
        times_jacobian(y, dx, dy);
    }

    /// With J the Jacobian, y' = J dx, a above and a' its direction: J a' + y' (a - a.y) - y (a.y').
    template <class Dw, class Dx, class G>
    void backward_tangent(const Parameters&, const Dw&, const BatchView<S>&, const BatchView<S>& dx,
                          const BatchView<S>& y, const Cache&, const BatchView<S>& above,
                          const BatchView<S>& above_tangent, Dx& dx_tangent, G&) const {
        detail::require_shape("Softmax::backward_tangent", "dx", dx, y.rows(), y.cols());
        detail::require_shape("Softmax::backward_tangent", "above", above, y.rows(), y.cols());
        detail::require_shape("Softmax::backward_tangent", "above_tangent", above_tangent, y.rows(), y.cols());
        if constexpr (is_wanted<Dx>) {
            namespace ei = Eigen::internal;
            times_jacobian(y, above_tangent, dx_tangent);
            for (Index j = 0; j < y.cols(); ++j) {
                const Index n = y.rows();
                const S* out = y.col(j).data();
                const S* direction = dx.col(j).data();
                const S* a = above.col(j).data();
                const S mean_a = canonical::dot(out, a, n), mean_dx = canonical::dot(out, direction, n);
                const S both = canonical::sum_of(
                    n, [](const auto& q, const auto& d, const auto& p) { return ei::pmul(q, ei::pmul(d, p)); }, out,
                    direction, a);
                const S shared = both - mean_dx * mean_a;  // a.y'
                S* under = dx_tangent.col(j).data();
                const auto f = [=](const auto& below, const auto& q, const auto& d, const auto& p) {
                    using P = std::decay_t<decltype(q)>;
                    const P bend = ei::pmul(ei::psub(d, ei::pset1<P>(mean_dx)), ei::psub(p, ei::pset1<P>(mean_a)));
                    return ei::pmadd(q, ei::psub(bend, ei::pset1<P>(shared)), below);
                };
                canonical::combine(under, n, f, static_cast<const S*>(under), out, direction, a);
            }
        }
    }

    std::string describe() const { return "Softmax"; }

private:
    static void times_jacobian(const BatchView<S>& y, const BatchView<S>& in, Batch<S>& out) {
        namespace ei = Eigen::internal;
        detail::reshape(out, y.rows(), y.cols());
        for (Index j = 0; j < y.cols(); ++j) {
            const S mean = canonical::dot(y.col(j).data(), in.col(j).data(), y.rows());
            const auto f = [mean](const auto& q, const auto& d) {
                return ei::pmul(q, ei::psub(d, ei::pset1<std::decay_t<decltype(q)>>(mean)));
            };
            canonical::combine(out.col(j).data(), y.rows(), f, y.col(j).data(), in.col(j).data());
        }
    }

    [[no_unique_address]] NoParameters none_;
};

}  // namespace renn::inline RENN_ABI
// renn/activations/tanh.hpp - hyperbolic tangent.

#include <cmath>
#include <concepts>
#include <string_view>


namespace renn::inline RENN_ABI {

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
            return detail::by_lanes<S>(x, [](S v) { return std::tanh(v); });
        }
    }
    template <class P>
    static P slope(const P&, const P& y) {
        namespace ei = Eigen::internal;
        return ei::psub(ei::pset1<P>(S(1)), ei::pmul(y, y));
    }
    template <class P>
    static P curvature(const P& x, const P& y) {
        namespace ei = Eigen::internal;
        return ei::pmul(slope(x, y), ei::pmul(ei::pset1<P>(S(-2)), y));
    }
};

}  // namespace renn::inline RENN_ABI
// renn/data/dataset.hpp - samples with ids, labels, targets, tags and names; bytes stay bytes until used.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

// renn/core/list_view.hpp - an argument that is a vector, an array or a list in braces.

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <span>


namespace renn::inline RENN_ABI {

/// A span that can also be written {1, 2, 3}: for parameters, as what it looks at need not live longer than the call.
template <class T>
class ListView {
public:
    ListView(std::initializer_list<T> list) noexcept : items_(data(list), list.size()) {}
    ListView(std::span<const T> items) noexcept : items_(items) {}
    template <std::convertible_to<std::span<const T>> Items>
        requires(!std::same_as<Items, ListView> && !std::same_as<Items, std::span<const T>>)
    ListView(const Items& items)
    noexcept : items_(items) {}

    auto begin() const noexcept { return items_.begin(); }
    auto end() const noexcept { return items_.end(); }
    bool empty() const noexcept { return items_.empty(); }
    std::size_t size() const noexcept { return items_.size(); }
    const T& operator[](std::size_t i) const noexcept { return items_[i]; }

private:
    /// (g++ warns of a constructor that keeps list.begin().)
    static const T* data(std::initializer_list<T> list) noexcept { return list.begin(); }

    std::span<const T> items_;
};

}  // namespace renn::inline RENN_ABI
// renn/core/shape.hpp - a sample as channels of rows of values.

#include <string>


namespace renn::inline RENN_ABI {

/// How the features of a sample lie in its column: channel after channel, row after row. A sequence has height 1.
struct Shape {
    Index channels = 0;
    Index height = 1;
    Index width = 1;

    bool operator==(const Shape&) const = default;
    /// Nothing was said of it.
    bool unknown() const noexcept { return channels == 0 && height <= 1 && width <= 1; }
    Index positions() const noexcept { return height * width; }
    Index size() const noexcept { return channels * height * width; }
    /// Row of the column in which a value lies.
    Index at(Index channel, Index y, Index x) const noexcept { return (channel * height + y) * width + x; }
    /// "16 x 28 x 28"
    std::string text() const {
        return std::to_string(channels) + " x " + std::to_string(height) + " x " + std::to_string(width);
    }
};

}  // namespace renn::inline RENN_ABI
// renn/data/dataset_description.hpp - what a data set knows besides its inputs, and whether it fits them.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>


namespace renn::inline RENN_ABI {

/// What a data set knows besides its inputs; every field may be left out.
template <class S>
struct DatasetDescription {
    std::vector<std::int32_t> labels = {};  ///< one per sample
    Batch<S> targets = {};                  ///< rows x samples, for regression
    std::vector<std::uint64_t> ids = {};    ///< one per sample, all different; left out: 0, 1, 2, ...
    std::vector<std::string> tags = {};     ///< one per sample, the user's own
    Shape image = {};
    std::vector<std::string> class_names = {};  ///< also fixes the number of classes; left out: largest label + 1
    int classes = 0;                            ///< without class names: at least so many
};

namespace detail {

/// Throws ShapeError unless there is one of each a sample and the image has as many features.
template <class S>
void check_counts(const DatasetDescription<S>& more, Index samples, Index features) {
    if (samples > 0 && features == 0) raise<DataError>("Dataset", "features", "0", "1 or more");
    const auto require_count = [samples](const char* what, std::size_t got) {
        if (got == 0 || got == static_cast<std::size_t>(samples)) return;
        raise<ShapeError>("Dataset", what, std::to_string(got), std::to_string(samples) + " (one per sample)");
    };
    require_count("labels", more.labels.size());
    require_count("ids", more.ids.size());
    require_count("tags", more.tags.size());
    const Batch<S>& t = more.targets;
    if ((t.rows() != 0 || t.cols() != 0) && (t.rows() == 0 || t.cols() != samples)) {
        raise<ShapeError>("Dataset", "targets", shape_text(t.rows(), t.cols()),
                          std::to_string(samples) + " columns, one a sample");
    }
    const Shape& i = more.image;
    if (i.unknown()) return;
    const Index f = features;  // by division: a product of three could wrap
    const bool fits = i.channels > 0 && i.height > 0 && i.width > 0 && f % i.channels == 0 &&
                      (f / i.channels) % i.height == 0 && f / i.channels / i.height == i.width;
    if (!fits) {
        raise<ShapeError>("Dataset", "image (channels x height x width)",
                          std::to_string(i.channels) + " x " + shape_text(i.height, i.width),
                          "a product of " + std::to_string(f) + " features");
    }
}

/// Fills in the number of classes. Throws DataError for a label that is none.
template <class S>
void check_labels(DatasetDescription<S>& more) {
    const auto names = static_cast<std::int64_t>(more.class_names.size());
    const std::int64_t end = names > 0 ? names : std::numeric_limits<std::int32_t>::max();  // label + 1 is an int
    if (more.classes < 0) {
        raise<DataError>("Dataset", "classes", std::to_string(more.classes), "0 or more");
    }
    if (names > 0) more.classes = static_cast<int>(names);
    for (std::size_t i = 0; i < more.labels.size(); ++i) {
        const std::int32_t l = more.labels[i];
        if (l < 0 || l >= end) {
            raise<DataError>("Dataset", "label of sample " + std::to_string(i), std::to_string(l),
                             l < 0 && names == 0 ? "0 or more" : "0.." + std::to_string(end - 1));
        }
        more.classes = std::max(more.classes, l + 1);
    }
}

template <class S>
void check_finite(const char* what, const Batch<S>& m) {
    for (Index c = 0; c < m.cols(); ++c) {
        for (Index r = 0; r < m.rows(); ++r) {
            if (std::isfinite(m(r, c))) continue;
            const char* got = std::isnan(m(r, c)) ? "NaN" : m(r, c) > 0 ? "inf" : "-inf";
            raise<DataError>("Dataset",
                             std::string(what) + " of sample " + std::to_string(c) + ", feature " + std::to_string(r),
                             got, "a finite value");
        }
    }
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
// renn/data/image.hpp - pictures: bytes as numbers.

#include <cstdint>

#include <Eigen/Core>


namespace renn::inline RENN_ABI {

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
}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

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
        : Dataset(true, std::move(pixels), {}, std::move(description)) {}
    Dataset(Batch<S> inputs, Description description = {})
        : Dataset(false, {}, std::move(inputs), std::move(description)) {}

    /// Any Eigen expression of S or of bytes; it is evaluated.
    template <class D>
    Dataset(const Eigen::DenseBase<D>& inputs, Description description = {})
        : Dataset(Held<D>(inputs.derived()), std::move(description)) {}

    Index samples() const noexcept { return bytes_held_ ? bytes_.cols() : values_.cols(); }
    Index features() const noexcept { return bytes_held_ ? bytes_.rows() : values_.rows(); }
    bool empty() const noexcept { return samples() == 0; }
    /// Number of class names, else largest label + 1, else 0; a subset keeps the number of its origin.
    int classes() const noexcept { return more_.classes; }
    bool has_labels() const noexcept { return !more_.labels.empty(); }
    bool has_targets() const noexcept { return more_.targets.rows() > 0; }
    std::span<const std::int32_t> labels() const noexcept { return more_.labels; }
    const Batch<S>& targets() const noexcept { return more_.targets; }
    std::span<const std::uint64_t> ids() const noexcept { return more_.ids; }
    std::span<const std::string> tags() const noexcept { return more_.tags; }
    const Shape& image() const noexcept { return more_.image; }
    /// All of the above, with ids and the number of classes filled in.
    const Description& description() const noexcept { return more_; }

    /// The inputs as they are held: pixels() if they were given as bytes, else values(); the other one is empty.
    bool holds_bytes() const noexcept { return bytes_held_; }
    const Bytes& pixels() const noexcept { return bytes_; }
    const Batch<S>& values() const noexcept { return values_; }

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
            std::copy_n(values_.data() + first * features(), out.size(), out.data());
        } else if (out.size() > 0) {
            detail::bytes_to_unit(bytes_.data() + first * features(), out.data(), out.size());
        }
    }

    /// Writes the samples at the given positions, in that order, repeats allowed.
    void inputs(ListView<Index> positions, Batch<S>& out) const {
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
    Dataset select(ListView<Index> positions) const {
        require_positions("Dataset::select", positions);
        Description d;
        d.image = more_.image;
        d.class_names = more_.class_names;
        d.classes = more_.classes;
        pick(more_.labels, positions, d.labels);
        pick(more_.ids, positions, d.ids);
        pick(more_.tags, positions, d.tags);
        pick(more_.targets, positions, d.targets);
        Bytes bytes;
        Batch<S> values;
        pick(bytes_, positions, bytes);
        pick(values_, positions, values);
        return Dataset(bytes_held_, std::move(bytes), std::move(values), std::move(d));
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

    Dataset(bool bytes_held, Bytes&& bytes, Batch<S>&& values, Description&& more)
        : bytes_held_(bytes_held), bytes_(std::move(bytes)), values_(std::move(values)), more_(std::move(more)) {
        detail::check_counts(more_, samples(), features());
        detail::check_labels(more_);
        order_ids();
        detail::check_finite("input", values_);
        detail::check_finite("target", more_.targets);
    }

    void order_ids() {
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
        if (id < ids.size() && ids[id] == id) return static_cast<Index>(id);
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
        auto* column = to.data();
        for (const Index p : positions) column = std::copy_n(from.data() + p * from.rows(), from.rows(), column);
    }

    bool bytes_held_ = false;  // which of the two below holds the inputs
    Bytes bytes_;
    Batch<S> values_;
    Description more_;
    std::vector<Index> by_id_;  // positions in ascending order of id; empty if the ids ascend anyway
};

namespace detail {

template <class S>
void require_labelled(const char* where, const Dataset<S>& data) {
    if (data.empty()) raise<DataError>(where, "samples", "0", "1 or more");
    if (!data.has_labels()) raise<DataError>(where, "labels", "none", "one a sample");
}

}  // namespace detail

}  // namespace renn::inline RENN_ABI
// renn/data/idx.hpp - the IDX files that MNIST and its relatives come in.

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <limits>
#include <string>
#include <utility>
#include <vector>

// renn/data/binary_file.hpp - reading and writing files whose lengths nobody has promised.

#include <cstdint>
#include <fstream>
#include <istream>
#include <limits>
#include <string>


namespace renn::inline RENN_ABI::detail {

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
        : context_(where + (": " + path)), file_(path, std::ios::binary) {
        if (!file_) fail("cannot be opened");
        take_size();
    }
    /// The same over somebody else's stream that can be sought in and lives longer; `name` stands for it in messages.
    InputFile(const char* where, std::istream& in, const std::string& name)
        : context_(where + (": " + name)), given_(&in) {
        take_size();
    }

    std::uint64_t size() const noexcept { return size_; }

    /// Reads exactly count bytes; the file must hold them.
    void read(void* to, std::uint64_t count) {
        require(read_ + count);
        in().read(static_cast<char*>(to), static_cast<std::streamsize>(count));
        if (!in()) fail("cannot be read (not a regular file?)");
        read_ += count;
    }

    /// The same from anywhere; what read() reads next lies behind it.
    void read_at(std::uint64_t offset, void* to, std::uint64_t count) {
        if (offset > size_ || count > size_ - offset) require(std::numeric_limits<std::uint64_t>::max());
        in().seekg(static_cast<std::streamoff>(offset));
        read_ = offset;
        read(to, count);
    }

    /// The file must be at least this long.
    void require(std::uint64_t length) const {
        if (size_ < length) fail("truncated", bytes_text(size_), bytes_text(length) + " or more");
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
    std::istream& in() noexcept { return given_ != nullptr ? *given_ : file_; }

    void take_size() {
        in().seekg(0, std::ios::end);
        const std::streamoff end = in().tellg();
        in().seekg(0, std::ios::beg);
        if (!in() || end < 0) fail("has no size (not a regular file?)");
        size_ = static_cast<std::uint64_t>(end);
    }

    static std::string bytes_text(std::uint64_t n) { return std::to_string(n) + (n == 1 ? " byte" : " bytes"); }

    std::string context_;
    std::ifstream file_;
    std::istream* given_ = nullptr;  // instead of the file
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

}  // namespace renn::inline RENN_ABI::detail
// renn/data/sample_batch.hpp - samples a batch at a time, for data that need not fit into memory.

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {

/// What a stream of samples hands out: any callable `bool next(SampleBatch<S>&)` that returns false at its end.
template <class S>
struct SampleBatch {
    Batch<S> inputs;
    std::vector<std::uint64_t> ids;    ///< empty: numbered on from 0
    std::vector<std::int32_t> labels;  ///< one a sample, or always empty
    Batch<S> targets = {};             ///< rows x samples, or always empty; recording has no use for them
};

template <class F, class S>
concept SampleStream = requires(F& next, SampleBatch<S>& batch) {
    { next(batch) } -> std::convertible_to<bool>;
};

namespace detail {

inline Index require_batch(const char* where, Index batch) {
    if (batch < 1) raise<DataError>(where, "batch", std::to_string(batch), "1 or more");
    return batch;
}

}  // namespace detail

/// A data set as a stream, in its order. Refers to the data set, which must live as long.
template <class S>
class DatasetStream {
public:
    DatasetStream(const Dataset<S>& data, Index batch)
        : data_(&data), batch_(detail::require_batch("batches", batch)) {}

    bool operator()(SampleBatch<S>& next) {
        const Index count = std::min(batch_, data_->samples() - done_);
        if (count == 0) return false;
        data_->inputs(done_, count, next.inputs);
        const auto part = [&](const auto& all, auto& to) {
            to.clear();
            if (!all.empty()) to.assign(all.begin() + done_, all.begin() + done_ + count);
        };
        part(data_->ids(), next.ids);
        part(data_->labels(), next.labels);
        if (data_->has_targets()) {
            next.targets = data_->targets().middleCols(done_, count);
        } else {
            next.targets.resize(0, 0);
        }
        done_ += count;
        return true;
    }

private:
    const Dataset<S>* data_;
    Index batch_;
    Index done_ = 0;
};

/// batches(data, 64): the stream of a data set's samples, 64 at a time and the rest at last.
/// Throws   DataError unless batch is 1 or more.
template <class S>
DatasetStream<S> batches(const Dataset<S>& data, Index batch) {
    return DatasetStream<S>(data, batch);
}
template <class S>
DatasetStream<S> batches(const Dataset<S>&& data, Index batch) = delete;  // it would be gone before the first batch

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

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
    Shape shape;
};

namespace detail {

/// The head of an IDX file, checked against the file's size; the payload is read on demand.
class IdxFile {
public:
    IdxFile(const char* where, const std::string& path, std::size_t fewest, std::size_t most)
        : IdxFile(InputFile(where, path), fewest, most) {}
    IdxFile(InputFile file, std::size_t fewest, std::size_t most) : file_(std::move(file)) {
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
            file_.fail("shape", text, "samples of 1 byte or more, in all at most what a file can hold");
        }
        file_.require_exactly(head + payload);
    }

    const std::vector<Index>& shape() const noexcept { return shape_; }
    Index samples() const noexcept { return shape_.front(); }
    const std::string& context() const noexcept { return file_.context(); }

    /// Reads the next samples, at most `limit`: the first ones, if it is called for the first time.
    IdxArray read(Index limit) {
        if (limit < 0) raise<DataError>(file_.context(), "limit", std::to_string(limit), "0 or more");
        IdxArray a{shape_, {}};
        a.shape.front() = std::min(limit, samples() - read_);
        Index features = 1;
        for (std::size_t i = 1; i < shape_.size(); ++i) features *= shape_[i];
        a.values.resize(features, a.shape.front());
        file_.read(a.values.data(), static_cast<std::uint64_t>(a.values.size()));
        read_ += a.shape.front();
        return a;
    }

    Shape image() const {
        const std::vector<Index>& s = shape_;
        if (s.size() == 3) return {1, s[1], s[2]};
        if (s.size() == 4) return {s[1], s[2], s[3]};
        return {};
    }

    IdxImages read_images(Index limit) { return {read(limit).values, image()}; }

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
    Index read_ = 0;
};

/// Throws ShapeError unless there is a label for each image.
inline void require_label_each(const IdxFile& images, const std::string& images_path, const IdxFile& labels) {
    if (images.samples() == labels.samples()) return;
    raise<ShapeError>(labels.context(), "labels", std::to_string(labels.samples()),
                      std::to_string(images.samples()) + " (one per image of " + images_path + ")");
}

/// Pictures and labels, whatever they are read from.
template <class S>
Dataset<S> read_idx(IdxFile& images, const std::string& images_name, IdxFile& labels, Index limit) {
    require_label_each(images, images_name, labels);
    IdxImages pictures = images.read_images(limit);
    DatasetDescription<S> description{.labels = labels.read_labels(all_samples), .image = pictures.shape};
    const auto largest = std::max_element(description.labels.begin(), description.labels.end());
    if (largest != description.labels.end()) {
        for (std::int32_t c = 0; c <= *largest; ++c) description.class_names.push_back(std::to_string(c));
    }
    description.labels.resize(static_cast<std::size_t>(pictures.pixels.cols()));
    return Dataset<S>(std::move(pictures.pixels), std::move(description));
}

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
    return detail::read_idx<S>(images, images_path, labels, limit);
}

/// A stream that can be sought in (memory, say) and what messages call it.
struct NamedStream {
    std::istream& in;
    std::string name;
};

/// The same from streams. Throws as read_idx.
template <std::floating_point S = float>
Dataset<S> read_idx(const NamedStream& images, const NamedStream& labels, Index limit = all_samples) {
    detail::IdxFile image_file(detail::InputFile("read_idx", images.in, images.name), 2, 4);
    detail::IdxFile label_file(detail::InputFile("read_idx", labels.in, labels.name), 1, 1);
    return detail::read_idx<S>(image_file, images.name, label_file, limit);
}

/// Pictures and labels as a stream of batches: what read_idx gives, for files larger than memory.
template <std::floating_point S = float>
class IdxStream {
public:
    IdxStream(const std::string& images_path, const std::string& labels_path, Index batch)
        : images_("idx_stream", images_path, 2, 4),
          labels_("idx_stream", labels_path, 1, 1),
          batch_(detail::require_batch("idx_stream", batch)) {
        detail::require_label_each(images_, images_path, labels_);
    }

    bool operator()(SampleBatch<S>& next) {
        const Bytes pixels = images_.read(batch_).values;
        detail::reshape(next.inputs, pixels.rows(), pixels.cols());
        if (pixels.size() > 0) detail::bytes_to_unit(pixels.data(), next.inputs.data(), pixels.size());
        next.labels = labels_.read_labels(batch_);
        next.ids.clear();
        next.targets.resize(0, 0);
        return pixels.cols() > 0;
    }

    Shape image() const { return images_.image(); }

private:
    detail::IdxFile images_, labels_;
    Index batch_;
};

/// Throws   as read_idx, and DataError unless batch is 1 or more.
template <std::floating_point S = float>
IdxStream<S> idx_stream(const std::string& images_path, const std::string& labels_path, Index batch = 64) {
    return IdxStream<S>(images_path, labels_path, batch);
}

}  // namespace renn::inline RENN_ABI
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


namespace renn::inline RENN_ABI::detail {

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

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI {

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
        const From least = std::signed_integral<T> ? -end : From(0);
        if (!(from < end && from >= least) || from != std::trunc(from)) return false;
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
    std::string text(length, ' ');
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
    a.bytes.resize(payload);
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

}  // namespace renn::inline RENN_ABI
// renn/data/split.hpp - a data set in two: to train with and to test with.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

// renn/core/rng.hpp - random numbers by the library's own formulas, the same with every compiler.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <utility>


namespace renn::inline RENN_ABI {

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
        swap(items[i - 1], items[rng.below(i)]);
    }
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// How a data set is parted.
struct SplitOptions {
    double test = 0.2;        ///< part of the samples, 0..1
    std::uint64_t seed = 0;   ///< of the draw
    bool stratified = false;  ///< each class in the same proportion
};

/// The two parts of a data set.
template <class S>
struct Split {
    Dataset<S> train, test;
};

namespace detail {

/// How many of each group to take so that `total` are taken in all, each group's share rounded down or up: the largest
/// remainders are rounded up, of equal ones the first.
template <class Sizes>
std::vector<Index> apportion(const Sizes& sizes, Index total) {
    const Index all = std::accumulate(sizes.begin(), sizes.end(), Index{0});
    std::vector<Index> taken, order(sizes.size());
    std::vector<double> remainder;
    Index left = total;
    for (const Index size : sizes) {
        const double share =
            all > 0 ? static_cast<double>(size) * static_cast<double>(total) / static_cast<double>(all) : 0.0;
        taken.push_back(static_cast<Index>(share));
        remainder.push_back(share - static_cast<double>(taken.back()));
        left -= taken.back();
    }
    std::iota(order.begin(), order.end(), Index{0});
    std::sort(order.begin(), order.end(), [&](Index a, Index b) {
        const double left_over = remainder[static_cast<std::size_t>(a)], other = remainder[static_cast<std::size_t>(b)];
        return left_over != other ? left_over > other : a < b;
    });
    for (const Index g : order) {
        if (left-- > 0) ++taken[static_cast<std::size_t>(g)];
    }
    return taken;
}

}  // namespace detail

/// Draws round(test * samples) samples for the test set; the others are the training set. Both keep the data's order
/// (fit shuffles by itself), ids, tags, names and number of classes. Stratified, each class gives its share of the test
/// set, rounded down or up so that their sum is the same number.
///
/// Throws   DataError unless 0 <= test <= 1, or for stratified data without labels.
/// Cost     O(samples * features), a copy.
template <class S>
Split<S> train_test_split(const Dataset<S>& data, const SplitOptions& options = {}) {
    if (!(options.test >= 0.0 && options.test <= 1.0)) {
        detail::raise<DataError>("train_test_split", "test", std::to_string(options.test), "0..1");
    }
    if (options.stratified && !data.has_labels() && !data.empty()) {
        detail::raise<DataError>("train_test_split", "stratified", "data without labels", "labels");
    }
    std::vector<std::vector<Index>> groups(options.stratified ? static_cast<std::size_t>(data.classes()) : 1);
    for (Index i = 0; i < data.samples(); ++i) {
        groups[options.stratified ? static_cast<std::size_t>(data.label(i)) : 0].push_back(i);
    }
    std::vector<Index> sizes;
    for (const auto& group : groups) sizes.push_back(std::ssize(group));
    const auto wanted = static_cast<Index>(std::llround(options.test * static_cast<double>(data.samples())));
    const std::vector<Index> taken = detail::apportion(sizes, wanted);
    std::vector<char> drawn(static_cast<std::size_t>(data.samples()), 0);
    for (std::size_t g = 0; g < groups.size(); ++g) {
        Rng rng(mix(options.seed, g));
        shuffle(groups[g], rng);
        for (Index i = 0; i < taken[g]; ++i) {
            drawn[static_cast<std::size_t>(groups[g][static_cast<std::size_t>(i)])] = 1;
        }
    }
    std::vector<Index> train, test;
    for (Index i = 0; i < data.samples(); ++i) {
        (drawn[static_cast<std::size_t>(i)] != 0 ? test : train).push_back(i);
    }
    return {data.select(train), data.select(test)};
}

}  // namespace renn::inline RENN_ABI
// renn/data/statistics.hpp - mean, deviation and range of every feature of a stream or a data set, in one pass.

// renn/core/feature_statistics.hpp - mean, deviation and range of every feature.

#include <algorithm>
#include <cmath>
#include <string>


namespace renn::inline RENN_ABI {

/// Of every feature, over all samples, in double.
struct FeatureStatistics {
    Index samples = 0;
    Column<double> mean, minimum, maximum;
    Column<double> deviation;  ///< standard deviation, of all samples (divided by their number); 0 if constant

    bool constant(Index feature) const { return minimum[feature] == maximum[feature]; }

    /// For a layer that standardises: `Standardize<S>(s.shift<S>(), s.scale<S>())`. A feature that is constant, or has
    /// a deviation too small for S, gets scale 1 and so becomes 0.
    template <class S>
    Column<S> shift() const {
        return mean.cast<S>();
    }
    template <class S>
    Column<S> scale() const {
        Column<S> s = deviation.cast<S>();
        for (Index i = 0; i < s.size(); ++i) {
            if (constant(i) || !(s[i] > S(0))) s[i] = S(1);
        }
        return s;
    }
};

namespace detail {

/// Statistics of samples that come in parts.
/// Throws   DataError without samples, or for values that are not finite; ShapeError if parts differ in features.
/// Source   sums of squares are merged part by part: Chan, Golub and LeVeque (1979).
class FeatureSums {
public:
    explicit FeatureSums(const char* context) : context_(context) {}

    template <class S>
    void add(const BatchView<S>& x) {
        if (x.cols() == 0) return;
        if (sums_.samples == 0) {
            sums_.mean = squares_ = Column<double>::Zero(x.rows());
            sums_.minimum = sums_.maximum = x.col(0).template cast<double>();
        }
        require_shape(context_, "a batch", x, sums_.mean.size(), x.cols());
        const auto before = static_cast<double>(sums_.samples);
        const double part = static_cast<double>(x.cols()) / (static_cast<double>(x.cols()) + before);
        for (Index i = 0; i < x.rows(); ++i) {
            const auto row = x.row(i).template cast<double>().array();
            const double mean = row.mean(), apart = mean - sums_.mean[i];
            squares_[i] += (row - mean).square().sum() + apart * apart * before * part;
            if (!std::isfinite(squares_[i])) {
                raise<DataError>(context_, "feature " + std::to_string(i),
                                 "NaN or infinite, or too large to be squared", "finite values");
            }
            sums_.mean[i] += apart * part;
            sums_.minimum[i] = std::min(sums_.minimum[i], row.minCoeff());
            sums_.maximum[i] = std::max(sums_.maximum[i], row.maxCoeff());
        }
        sums_.samples += x.cols();
    }

    FeatureStatistics result() const {
        FeatureStatistics s = sums_;
        if (s.samples == 0) raise<DataError>(context_, "samples", "0", "1 or more");
        s.deviation.resize(squares_.size());
        for (Index i = 0; i < s.mean.size(); ++i) {
            s.deviation[i] = std::sqrt(squares_[i] / static_cast<double>(s.samples));
            if (!s.constant(i)) continue;  // exactly, whatever the sums rounded to
            s.mean[i] = s.minimum[i];
            s.deviation[i] = 0.0;
        }
        return s;
    }

private:
    const char* context_;
    FeatureStatistics sums_;  // but for the deviations
    Column<double> squares_;  // of the differences to the mean
};

/// Of the columns of one matrix.
template <class S>
FeatureStatistics statistics_of(const char* context, const BatchView<S>& x) {
    FeatureSums sums(context);
    sums.add<S>(x);
    return sums.result();
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// feature_statistics<float>(stream): of a stream's inputs, any callable `bool next(SampleBatch<S>&)`, such as
/// csv_stream or batches(data, n).
///
/// Throws   DataError without samples, for values that are not finite or too large to be squared; ShapeError if batches
///          differ in features.
/// Cost     one pass; memory one batch.
template <class S, SampleStream<S> Stream>
FeatureStatistics feature_statistics(Stream&& next) {
    detail::FeatureSums sums("feature_statistics");
    SampleBatch<S> batch;
    while (next(batch)) sums.add<S>(batch.inputs);
    return sums.result();
}

/// feature_statistics(data): of a data set's inputs.
template <class S>
FeatureStatistics feature_statistics(const Dataset<S>& data) {
    return feature_statistics<S>(batches(data, 256));
}

}  // namespace renn::inline RENN_ABI
// renn/index/kd_tree.hpp - finds a value's place with nanoflann's KD-tree.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <nanoflann.hpp>

// renn/index/column.hpp - one neuron's values in ascending order, and who they belong to.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>

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


namespace renn::inline RENN_ABI::detail {

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

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI {
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

/// Asks for the memory of some values, so that it is there when they are read. (Inlined always, as all that calls it
/// and does nothing else must be: g++ takes a function that only prefetches for one without effect, and drops its
/// calls.)
template <class T>
[[gnu::always_inline]] inline void prefetch([[maybe_unused]] const T* from,
                                            [[maybe_unused]] std::size_t count) noexcept {
#ifdef __GNUC__
    constexpr std::size_t line = 64 / sizeof(T);
    for (std::size_t i = 0; i < count; i += line) __builtin_prefetch(from + i);
    if (count > 0) __builtin_prefetch(from + count - 1);  // blocks need not begin with a line
#endif
}

/// Whether a column is no array, but only read like one.
template <class Values>
inline constexpr bool is_packed = !std::is_pointer_v<Values>;

}  // namespace detail

/// A sorted column as a search sees it: values in ascending order with the sample positions they belong to, equal
/// values by ascending sample id. It is seen through an activation of the form x > 0 ? x : slope * x, which keeps the
/// order (slope 1: as it is), and without the sample at sorted place `hole` (size: none). Values and order are arrays,
/// or what is read like such (index/packed_column.hpp).
template <class S, class Values = const S*, class Order = const std::uint32_t*>
struct ColumnView {
    Values values{};
    Order order{};
    std::uint32_t size = 0;
    S slope = S(1);
    std::uint32_t hole = 0;
    std::uint32_t clipped = 0;  ///< with slope 0, how many are seen as 0; 0 where nobody counted

    ColumnView() = default;
    ColumnView(Values sorted_values, Order sorted_order, std::size_t count, S negative_slope = S(1)) noexcept
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
        view.clipped -= place < clipped ? 1U : 0U;
        return view;
    }

    std::uint32_t place(std::uint32_t i) const noexcept { return i + (i >= hole ? 1U : 0U); }
    S through(S value) const noexcept { return value > S(0) ? value : detail::rounded_product(slope, value); }
    S at(std::uint32_t i) const noexcept { return through(values[place(i)]); }
    double distance(std::uint32_t i, double query) const noexcept {
        return std::abs(static_cast<double>(at(i)) - query);
    }

    /// The number that divides the values as they are stored: those below it are seen below the query, all others not.
    S least(double query) const noexcept {
        const S near = static_cast<S>(query);
        const S wanted =
            static_cast<double>(near) < query ? std::nextafter(near, std::numeric_limits<S>::infinity()) : near;
        if (slope == S(1) || wanted > S(0)) return wanted;
        if (slope == S(0)) return -std::numeric_limits<S>::infinity();
        // The least S with slope * S not below it: products round, so it is looked for, first about the quotient.
        using Key = detail::RadixKey<S>;
        const auto below = [&](Key key) { return through(detail::from_key<S>(key)) < wanted; };
        const Key end = detail::to_key(S(0)), start = detail::to_key(-std::numeric_limits<S>::infinity());
        const Key about = std::clamp(detail::to_key(wanted / slope), start + 2, end - 2);
        const bool near_by = below(about - 2) && !below(about + 2);
        Key low = near_by ? about - 2 : start, high = near_by ? about + 2 : end;
        while (high - low > 1) {
            const Key middle = low + (high - low) / 2;
            (below(middle) ? low : high) = middle;
        }
        return detail::from_key<S>(high);
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

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// Index policy: a one-dimensional KD-tree with the L1 metric over the distinct values of a neuron. The tree finds the
/// nearest distinct value; the k nearest samples lie around it in the sorted order. Thousands of equal values, behind
/// an inactive ReLU, are one point of the tree.
///
/// Cost   build: radix sort and a tree over distinct values; memory 8 bytes a value and about 9 a distinct one; a
///        search O(log distinct).
struct KdTree {
    static constexpr std::string_view name = "KdTree";

    template <class S>
    class Locator {
    public:
        explicit Locator(const ColumnView<S>& column) {
            const auto points = std::make_shared<Points>();
            for (std::uint32_t i = 0; i < column.size; ++i) {
                if (i == 0 || column.values[i] != column.values[i - 1]) {
                    points->first.push_back(i);
                    points->value.push_back(column.values[i]);
                }
            }
            points_ = points;
            if (points->first.empty()) return;
            tree_ = std::make_shared<Tree>(1, *points, nanoflann::KDTreeSingleIndexAdaptorParams(leaf));
            tree_->buildIndex();
            bytes_ = points->first.size() * (sizeof(std::uint32_t) + sizeof(S)) + tree_->usedMemory(*tree_);
        }

        /// Of the same values seen otherwise: the tree is shared.
        Locator(const ColumnView<S>&, const Locator& source) : points_(source.points_), tree_(source.tree_) {}

        /// Number of values below the query; the column must be without a hole.
        std::uint32_t position(const ColumnView<S>& column, double query) const {
            const S least = column.least(query);
            if (!tree_ || !(points_->value.front() < least)) return 0;
            if (points_->value.back() < least) return column.size;
            std::uint32_t nearest = 0;
            double distance = 0.0;
            const auto wanted = static_cast<double>(least);
            static_cast<void>(tree_->knnSearch(&wanted, 1, &nearest, &distance));  // newer ones do not let it go unseen
            // The nearest may lie on either side, and the tree's own sums may confuse two at one rounded distance.
            while (nearest > 0 && points_->value[nearest - 1] >= least) --nearest;
            while (points_->value[nearest] < least) ++nearest;
            return points_->first[nearest];
        }

        std::size_t bytes() const noexcept { return bytes_; }

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

        std::shared_ptr<const Points> points_;
        std::shared_ptr<Tree> tree_;
        std::size_t bytes_ = 0;  ///< what this one made itself
    };
};

}  // namespace renn::inline RENN_ABI
// renn/index/sorted.hpp - finds a value's place by a search through sampled values, a few cache lines a step.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

// renn/index/search_levels.hpp - sampled values above a sorted column, through which a search for a place in it goes.

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {

/// How the levels above n ascending values lie, as in a B-tree without pointers: the finest has the last value of every
/// whole block of 64, each above it the last of every whole 16 of the one below, until at most 64 are left. They lie
/// coarsest first, each padded with infinities to (size / 16 + 1) * 16 values.
struct SearchLevels {
    static constexpr std::uint32_t block = 64, fan = 16;

    std::uint32_t depth = 0;
    std::array<std::uint32_t, 8> begin{};  ///< of each level and, behind them, where the last ends

    explicit SearchLevels(std::uint32_t samples) noexcept {
        std::array<std::uint32_t, 8> sizes{};
        for (std::uint32_t size = samples / block; size > 0; size /= fan) {
            sizes[depth++] = (size / fan + 1) * fan;
            if (size <= block) break;
        }
        for (std::uint32_t i = 0; i < depth; ++i) begin[i + 1] = begin[i] + sizes[depth - 1 - i];
    }

    /// How many values the levels have together, n / 59 + 128 at most.
    std::uint32_t values() const noexcept { return begin[depth]; }
    /// How many samples a value of a level stands for; a level of n of them has n / stride values before its padding.
    std::uint64_t stride(std::uint32_t level) const noexcept {
        return std::uint64_t{block} << (4 * (depth - 1 - level));
    }
};

namespace detail {

/// Makes the levels while the ascending values pass by, in any number of pieces. O(n / 64).
template <class S>
class LevelMaker {
public:
    explicit LevelMaker(std::uint32_t samples)
        : at_(samples), values_(at_.values(), std::numeric_limits<S>::infinity()) {}

    void add(std::span<const S> ascending) {
        const std::uint64_t end = seen_ + ascending.size();
        for (std::uint64_t number = seen_ / SearchLevels::block + 1; number * SearchLevels::block <= end; ++number) {
            put(number, ascending[number * SearchLevels::block - 1 - seen_]);
        }
        seen_ = end;
    }
    const std::vector<S>& levels() const noexcept { return values_; }
    std::vector<S> take() noexcept { return std::move(values_); }

private:
    /// The last value of a block, counted from 1, into every level that it ends a block of.
    void put(std::uint64_t number, S value) {
        for (std::uint32_t level = at_.depth; level-- > 0; number /= SearchLevels::fan) {
            values_[at_.begin[level] + number - 1] = value;
            if (number % SearchLevels::fan != 0) return;
        }
    }

    SearchLevels at_;
    std::vector<S> values_;
    std::uint64_t seen_ = 0;
};

}  // namespace detail
}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// Index policy: levels of sampled values over the sorted column (index/search_levels.hpp). A search counts in one
/// block a level. It goes step by step, so that a caller may take several neurons through a step together while the
/// memory of the next is on its way.
///
/// Cost   build: radix sort; memory 8 bytes a value (12 in double) and 1/59 for the levels; a search O(log n).
struct Sorted {
    static constexpr std::string_view name = "Sorted";

    using Layout = SearchLevels;
    static constexpr std::uint32_t block = Layout::block, fan = Layout::fan;

    /// The levels of a column. They depend on the values alone, whatever activation they are seen through, and may be
    /// kept with them. O(n / 64).
    template <class S>
    static std::vector<S> levels(const ColumnView<S>& column) {
        detail::LevelMaker<S> maker(column.size);
        maker.add({column.values, column.size});
        return maker.take();
    }

    template <class S>
    class Locator {
    public:
        explicit Locator(const ColumnView<S>& column) : levels_(nullptr), owned_(Sorted::levels(column)) {
            levels_ = owned_.data();
        }

        /// With levels made before, which must outlive it: of this column, or of the same values seen otherwise.
        template <class V, class O>
        Locator(const ColumnView<S, V, O>&, std::span<const S> levels) : levels_(levels.data()) {}
        template <class V, class O>
        Locator(const ColumnView<S, V, O>&, const Locator& source) : levels_(source.levels_) {}
        Locator(const Locator&) = delete;
        Locator& operator=(const Locator&) = delete;

        /// Number of values below the query; the column must be without a hole.
        template <class V, class O>
        std::uint32_t position(const ColumnView<S, V, O>& column, double query) const {
            const S least = column.least(query);
            const Layout layout(column.size);
            std::uint32_t at = 0;
            for (std::uint32_t level = 0; level < layout.depth; ++level) at = descend(layout, level, at, least);
            return finish(column, at, least);
        }

        /// The steps of such a search: for every level from its block to the block of the next, from 0 on, then within
        /// a block of values. `layout` is that of the column's size, `least` is column.least(query).
        std::uint32_t descend(const Layout& layout, std::uint32_t level, std::uint32_t at, S least) const noexcept {
            const S* values = levels_ + layout.begin[level] + at * fan;
            const std::uint32_t count = width(layout, level);
            std::uint32_t below = at * fan;
            for (std::uint32_t i = 0; i < count; ++i) below += values[i] < least ? 1U : 0U;
            return below;
        }
        template <class V, class O>
        std::uint32_t finish(const ColumnView<S, V, O>& column, std::uint32_t at, S least) const noexcept {
            if constexpr (detail::is_packed<V>) {
                return column.values.below(column.size, at, least);
            } else {
                const std::uint32_t first = at * block;
                const S* values = column.values + first;
                const std::uint32_t count = std::min(block, column.size - first);
                std::uint32_t below = first;
                for (std::uint32_t i = 0; i < count; ++i) below += values[i] < least ? 1U : 0U;
                return below;
            }
        }

        /// Asks for what the step from `at` will read.
        template <class V, class O>
        [[gnu::always_inline]] void prefetch(const ColumnView<S, V, O>& column, const Layout& layout,
                                             std::uint32_t level, std::uint32_t at) const noexcept {
            if (level < layout.depth) {
                detail::prefetch(levels_ + layout.begin[level] + at * fan, width(layout, level));
                if constexpr (detail::is_packed<V>) {  // of every block that it may lead to
                    if (level + 1 == layout.depth) column.values.prefetch_heads(at * fan, width(layout, level));
                }
            } else if constexpr (detail::is_packed<V>) {
                const std::uint32_t first = at * block;
                column.values.prefetch(first, std::min(first + block, column.size));
            } else {
                detail::prefetch(column.values + at * block, std::min(block, column.size - at * block));
            }
        }

        std::size_t bytes() const noexcept { return owned_.size() * sizeof(S); }

    private:
        /// How many values of a level a search looks at. (A number that the compiler does not know: of loops over 16 it
        /// otherwise makes 16 comparisons instead of two of packets.)
        static std::uint32_t width(const Layout& layout, std::uint32_t level) noexcept {
            return level == 0 ? layout.begin[1] : fan;
        }

        const S* levels_;
        std::vector<S> owned_;
    };
};

}  // namespace renn::inline RENN_ABI
// renn/io/save.hpp - networks and traced networks as files.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <ostream>
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


namespace renn::inline RENN_ABI::detail {

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

    /// `count` elements that take at least `size` bytes each in the payload and `object` bytes each in memory, which
    /// must stay in proportion: at most twice the payload and a MiB.
    void require(std::uint64_t count, std::uint64_t size, std::uint64_t object = 0) const {
        constexpr std::uint64_t spare = std::uint64_t{1} << 20;
        if ((size != 0 && count > bytes_ / size) || (object != 0 && count > bytes_ / object * 2 + spare / object)) {
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
    if constexpr (std::is_same_v<T, bool>) {
        std::uint8_t byte = 0;  // a file may say anything, a bool may not
        ar(byte);
        value = byte != 0;
    } else {
        ar(value);
    }
}

template <class A>
void put(A& ar, const std::string& text) {
    put(ar, std::uint64_t{text.size()});
    put_block(ar, text.data(), text.size());
}
template <class A>
void get(A& ar, std::string& text, const Limit& limit) {
    std::uint64_t count = 0;
    get(ar, count, limit);
    limit.require(count, 1);
    text.resize(count);
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
    limit.require(count, std::is_arithmetic_v<T> ? sizeof(T) : 8, std::is_arithmetic_v<T> ? 0 : sizeof(T));
    values.resize(count);
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

}  // namespace renn::inline RENN_ABI::detail
// renn/io/archive_file.hpp - a framed file whose payload is a cereal binary archive.

#include <cstdint>
#include <fstream>
#include <istream>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include <cereal/archives/binary.hpp>

// renn/io/frame.hpp - the head of every renn file: what it is, and that it arrived whole.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <istream>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

// renn/io/checksum.hpp - one number that tells whether bytes are what they were.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>


namespace renn::inline RENN_ABI::detail {

/// 64-bit checksum of a stream of bytes, four words at a time. It finds damage, it does not resist forgery. In files it
/// is that of a little-endian machine.
class Checksum {
public:
    void add(const void* from, std::size_t count) {
        if (count == 0) return;  // from may be null then
        const char* bytes = static_cast<const char*>(from);
        length_ += count;
        if (filled_ > 0) {
            const std::size_t taken = std::min(count, sizeof(block_) - filled_);
            std::memcpy(block_.data() + filled_, bytes, taken);
            filled_ += taken;
            bytes += taken;
            count -= taken;
            if (filled_ < sizeof(block_)) return;
            digest(block_.data(), 1);
            filled_ = 0;
        }
        const std::size_t whole = count / sizeof(block_);
        digest(bytes, whole);
        filled_ = count - whole * sizeof(block_);
        if (filled_ > 0) std::memcpy(block_.data(), bytes + whole * sizeof(block_), filled_);
    }

    /// Of everything added so far; nothing may be added behind it.
    std::uint64_t value() {
        std::memset(block_.data() + filled_, 0, sizeof(block_) - filled_);
        digest(block_.data(), 1);
        std::uint64_t result = length_;
        for (const std::uint64_t lane : lanes_) result = mix(result, lane);
        return result;
    }

private:
    void digest(const char* bytes, std::size_t blocks) {
        std::array<std::uint64_t, 4> lanes = lanes_;
        for (std::size_t b = 0; b < blocks; ++b, bytes += sizeof(block_)) {
            for (std::size_t i = 0; i < 4; ++i) {
                std::uint64_t word = 0;
                std::memcpy(&word, bytes + 8 * i, 8);
                lanes[i] = std::rotl((lanes[i] ^ word) * 0x9e3779b97f4a7c15ULL, 29);
            }
        }
        lanes_ = lanes;
    }
    std::array<char, 32> block_;
    std::array<std::uint64_t, 4> lanes_{1, 2, 3, 4};
    std::size_t filled_ = 0;
    std::uint64_t length_ = 0;
};

inline std::uint64_t checksum_of(const void* bytes, std::size_t count) {
    Checksum sum;
    sum.add(bytes, count);
    return sum.value();
}

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI::detail {

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

/// The head of a payload.
inline FrameHead make_head(std::string_view content, std::uint32_t scalar_bytes, std::uint64_t payload_bytes,
                           std::uint64_t payload_checksum) {
    FrameHead head{};
    std::copy(FrameHead::magic.begin(), FrameHead::magic.end(), head.magic_bytes);
    head.version = FrameHead::current_version;
    head.byte_order = FrameHead::order_mark;
    std::copy(content.begin(), content.end(), head.content);
    head.scalar_bytes = scalar_bytes;
    head.payload_bytes = payload_bytes;
    head.payload_checksum = payload_checksum;
    head.head_checksum = checksum_of(&head, offsetof(FrameHead, head_checksum));
    return head;
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
        const std::uint64_t bytes = written.size() - sizeof(head);
        head = make_head(content, scalar_bytes, bytes, checksum_of(written, bytes));
    }
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

/// The first bytes of the head, as many as there are: whether this is a renn file at all.
inline void check_magic(const std::string& where, const FrameHead& head, std::uint64_t count) {
    if (!std::equal(head.magic_bytes, head.magic_bytes + std::min<std::uint64_t>(count, FrameHead::magic.size()),
                    FrameHead::magic.begin())) {
        raise<FormatError>(where, "not a renn file");
    }
}

/// All of the head but the payload's length. Throws as check_frame.
inline void check_head(const std::string& where, const FrameHead& head, std::string_view content,
                       std::uint32_t scalar_bytes) {
    if (head.byte_order == std::uint32_t{0x04030201}) {
        raise<FormatError>(where, "written on a machine of the other byte order");
    }
    if (head.version > FrameHead::current_version && head.version < 1000) {
        raise<FormatError>(where, "format version", std::to_string(head.version),
                           "at most " + std::to_string(FrameHead::current_version) + "; it is from a newer renn");
    }
    if (head.head_checksum != checksum_of(&head, offsetof(FrameHead, head_checksum))) {
        raise<FormatError>(where, "damaged head");
    }
    if (head.version != FrameHead::current_version) {
        raise<FormatError>(where, "format version", std::to_string(head.version),
                           std::to_string(FrameHead::current_version));
    }
    const std::string got = content_text(head.content);
    if (got != content) raise<FormatError>(where, "content", got, std::string(content));
    if (head.scalar_bytes != scalar_bytes) {
        raise<MismatchError>(where, "scalar", "float" + std::to_string(8 * head.scalar_bytes),
                             "float" + std::to_string(8 * scalar_bytes));
    }
}

/// Checks head and checksum of a framed file; returns the payload's length. The payload begins at byte 64.
/// Throws FormatError for a foreign, truncated, damaged or newer file or another content, MismatchError for another
/// scalar.
inline std::uint64_t check_frame(const std::string& path, std::string_view content, std::uint32_t scalar_bytes) {
    InputFile file("load", path);
    FrameHead head{};
    const std::uint64_t start = std::min<std::uint64_t>(file.size(), FrameHead::magic.size());
    file.read(head.magic_bytes, start);
    check_magic(file.context(), head, start);
    file.require(sizeof(head));
    file.read(reinterpret_cast<char*>(&head) + start, sizeof(head) - start);
    check_head(file.context(), head, content, scalar_bytes);
    if (head.payload_bytes > file.size()) file.require(head.payload_bytes);
    file.require_exactly(sizeof(head) + head.payload_bytes);
    if (checksum_of(file, head.payload_bytes) != head.payload_checksum) file.fail("damaged: the checksum is wrong");
    return head.payload_bytes;
}

/// The same bytes as write_frame's into a stream, from a payload that is there already.
inline void write_frame(std::ostream& out, std::string_view content, std::uint32_t scalar_bytes,
                        const std::string& payload) {
    const FrameHead head =
        make_head(content, scalar_bytes, payload.size(), checksum_of(payload.data(), payload.size()));
    out.write(reinterpret_cast<const char*>(&head), sizeof(head));
    out.write(payload.data(), static_cast<std::streamsize>(payload.size()));
    if (!out) raise<FormatError>("save", "the stream cannot be written");
}

/// Payload of the frame that a stream is at; the stream is then just behind it. Throws as check_frame. Memory is asked
/// for as bytes arrive, whatever length the head claims.
inline std::string read_payload(std::istream& in, std::string_view content, std::uint32_t scalar_bytes) {
    const std::string where = "load";
    FrameHead head{};
    in.read(reinterpret_cast<char*>(&head), sizeof(head));
    const auto got = static_cast<std::uint64_t>(in.gcount());
    const auto truncated = [&](std::uint64_t bytes, std::uint64_t wanted) {
        raise<FormatError>(where, "truncated", std::to_string(bytes) + " bytes",
                           std::to_string(wanted) + " bytes or more");
    };
    check_magic(where, head, got);
    if (got < sizeof(head)) truncated(got, sizeof(head));
    check_head(where, head, content, scalar_bytes);
    std::string payload;
    while (payload.size() < head.payload_bytes) {
        const std::size_t before = payload.size();
        const std::uint64_t piece =
            std::min<std::uint64_t>(head.payload_bytes - before, std::max(before, std::size_t{1} << 20));
        payload.resize(before + static_cast<std::size_t>(piece));
        in.read(payload.data() + before, static_cast<std::streamsize>(piece));
        const auto more = static_cast<std::uint64_t>(in.gcount());
        if (more < piece) truncated(sizeof(head) + before + more, sizeof(head) + head.payload_bytes);
    }
    if (checksum_of(payload.data(), payload.size()) != head.payload_checksum) {
        raise<FormatError>(where, "damaged: the checksum is wrong");
    }
    return payload;
}

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI::detail {

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

/// The same into a stream; the payload is held in memory.
template <class F>
void write_archive(std::ostream& out, std::string_view content, std::uint32_t scalar_bytes, F&& write) {
    std::ostringstream payload;
    {
        cereal::BinaryOutputArchive ar(payload);
        write(ar);
    }
    write_frame(out, content, scalar_bytes, std::move(payload).str());
}

/// Reads a checked payload of so many bytes, which begins where the stream is.
template <class F>
void read_archive(const std::string& where, std::istream& in, std::uint64_t bytes, F&& read) {
    const std::streamoff start = in.tellg();
    try {
        cereal::BinaryInputArchive ar(in);
        read(ar, Limit(bytes));
    } catch (const cereal::Exception& e) {
        raise<FormatError>(where, std::string("damaged: ") + e.what());
    } catch (const MismatchError& e) {
        raise<MismatchError>(where, e.what());
    } catch (const ShapeError& e) {
        raise<MismatchError>(where, e.what());
    } catch (const Error& e) {
        raise<FormatError>(where, e.what());
    }
    if (static_cast<std::uint64_t>(in.tellg() - start) != bytes) {
        raise<FormatError>(where, "damaged: the payload does not end where it should");
    }
}

/// Reads the payload of a framed file. Whatever cereal throws over it means a damaged file, as do values that cannot
/// be; sizes that do not fit mean another network. Every error names the file.
template <class F>
void read_frame(const std::string& path, std::string_view content, std::uint32_t scalar_bytes, F&& read) {
    const std::uint64_t bytes = check_frame(path, content, scalar_bytes);
    std::ifstream in(path, std::ios::binary);
    in.seekg(sizeof(FrameHead));
    read_archive("load: " + path, in, bytes, read);
}

/// The same from a stream, which is then just behind the frame; the payload is held in memory.
template <class F>
void read_frame(std::istream& from, std::string_view content, std::uint32_t scalar_bytes, F&& read) {
    std::string payload = read_payload(from, content, scalar_bytes);
    const std::uint64_t bytes = payload.size();
    std::istringstream in(std::move(payload));
    read_archive("load", in, bytes, read);
}

}  // namespace renn::inline RENN_ABI::detail
// renn/io/save_point.hpp - tables of traced places in archives.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

// renn/tracing/point.hpp - the places of a network where values are taken.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>


namespace renn::inline RENN_ABI {

/// Pre-activation: what a layer with parameters puts out (the RENN report's "Sum"). Post-activation: what the
/// activation behind it makes of it ("Activation").
enum class Kind : std::uint8_t { pre, post };

/// "pre" or "post".
inline std::string_view kind_name(Kind kind) noexcept {
    return kind == Kind::pre ? "pre" : "post";
}

/// What a recorder is told about a block of values.
struct Place {
    std::string_view name;
    Kind kind = Kind::pre;
    bool derived = false;  ///< the values follow, one by one, from those of the place reported just before
    Shape shape = {};      ///< how the values of a sample lie, where it is an image; else empty
};

/// What a cell of a channel becomes.
enum class Pool : std::uint8_t { mean, max };

/// Channels as neurons: each channel of an image is cut into height x width cells and each cell pooled into a value.
/// One cell makes a channel a neuron like any other; more make it a point in as many dimensions, whose closest samples
/// are those at the smallest Euclidean distance.
struct Channels {
    std::string layer = {};  ///< name of a place; empty: every place that is an image of more than one position
    Index height = 1;
    Index width = 1;
    Pool pool = Pool::mean;
};

/// One traced place.
struct Point {
    std::string name;
    Kind kind = Kind::pre;
    Index layer = 0;                   ///< a layer with parameters and the activation behind it have one number
    Index width = 0;                   ///< values a sample has here
    Index derived_from = -1;           ///< point whose stored values this one is recomputed from; -1: stored itself
    std::vector<std::uint32_t> units;  ///< the recorded ones, ascending: rows, or channels
    Shape shape = {};                  ///< of the reported values, where they are an image
    Shape cells = {};                  ///< what is recorded of it where channels are the neurons
    Pool pool = Pool::mean;

    bool operator==(const Point&) const = default;
    bool stored() const noexcept { return derived_from < 0; }
    Index count() const noexcept { return static_cast<Index>(units.size()); }
    bool by_channel() const noexcept { return cells.size() > 0; }
    /// Values of one neuron for one sample, and of all recorded ones.
    Index dimensions() const noexcept { return by_channel() ? cells.positions() : 1; }
    Index columns() const noexcept { return count() * dimensions(); }
    /// Neurons there are to record.
    Index neurons() const noexcept { return by_channel() ? cells.channels : width; }
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
    /// Some units of one place.
    struct Units {
        std::string layer;
        std::vector<std::uint32_t> units;
    };
    std::vector<std::string> layers = {};  ///< names of places
    std::vector<Units> units = {};         ///< for some of them, only these units
    bool pre = true;
    bool post = true;
    std::vector<Channels> channels = {};  ///< images whose channels are the neurons; else every position is one
    Index every = 1;                      ///< of all samples, in their order: the first, and then each so many-th
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
    /// shape. `known` has name, kind and width of every point.
    template <class Named>
    std::size_t find(std::string_view name, Kind kind, Index rows, Index cols, Index batch,
                     const std::vector<Named>& known) {
        std::size_t at = seen_.size();
        for (std::size_t i = 0; i < seen_.size(); ++i) {  // runs repeat their order: the first guess is right
            const std::size_t guess = (next_ + i) % seen_.size();
            if (known[guess].name == name && known[guess].kind == kind) {
                at = guess;
                break;
            }
        }
        const auto where = [name] { return "probe \"" + std::string(name) + "\""; };  // built for an error only
        if (at == seen_.size()) raise<MismatchError>(where(), "reported, but not by the first run");
        if (seen_[at] != 0) raise<MismatchError>(where(), "reported twice in one run; every place needs its own name");
        if (rows != known[at].width || cols != batch) {
            raise<ShapeError>(where(), "values", shape_text(rows, cols), shape_text(known[at].width, batch));
        }
        seen_[at] = 1;
        next_ = at + 1;
        return at;
    }

    template <class Named>
    void end(const std::vector<Named>& known) const {
        for (std::size_t i = 0; i < seen_.size(); ++i) {
            if (seen_[i] == 0) {
                raise<MismatchError>("probe \"" + std::string(known[i].name) + "\"",
                                     "missing: the first run reported it, this one did not");
            }
        }
    }

private:
    std::vector<char> seen_;
    std::size_t next_ = 0;
};

}  // namespace detail
}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// Writes one traced place to any cereal output archive.
template <class A>
void put(A& ar, const Point& point) {
    detail::put(ar, point.name);
    detail::put(ar, static_cast<std::uint8_t>(point.kind));
    detail::put(ar, static_cast<std::int64_t>(point.layer));
    detail::put(ar, static_cast<std::int64_t>(point.width));
    detail::put(ar, static_cast<std::int64_t>(point.derived_from));
    detail::put(ar, point.units);
    for (const Shape& shape : {point.shape, point.cells}) {
        for (const Index size : {shape.channels, shape.height, shape.width}) {
            detail::put(ar, static_cast<std::int64_t>(size));
        }
    }
    detail::put(ar, static_cast<std::uint8_t>(point.pool));
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
    for (Shape* shape : {&point.shape, &point.cells}) {
        for (Index* size : {&shape->channels, &shape->height, &shape->width}) {
            std::int64_t value = 0;
            detail::get(ar, value, limit);
            *size = value;
        }
    }
    std::uint8_t pool = 0;
    detail::get(ar, pool, limit);
    point.pool = pool == 0 ? Pool::mean : Pool::max;
    point.kind = kind == 0 ? Kind::pre : Kind::post;
    point.layer = layer;
    point.width = width;
    point.derived_from = derived_from;
}

namespace detail {

inline void check_point(const std::vector<Point>& points, std::size_t number) {
    const Point& point = points[number];
    bool fine = point.width >= 0 && point.derived_from >= -1 && point.derived_from < static_cast<Index>(number);
    const Shape &shape = point.shape, &cells = point.cells;
    const auto within = [](Index size, Index most) { return size >= 0 && size <= most; };
    const Index most = std::numeric_limits<std::int32_t>::max();  // so that no product of two wraps
    fine = fine && within(shape.channels, most) && within(shape.height, most) && within(shape.width, most);
    fine = fine && within(cells.channels, shape.channels) && within(cells.height, std::max<Index>(1, shape.height)) &&
           within(cells.width, std::max<Index>(1, shape.width));
    fine = fine && (shape.channels == 0 || (point.width % shape.channels == 0 &&  // a product of three could wrap
                                            point.width / shape.channels == shape.positions()));
    fine = fine && (cells.size() == 0 || (cells.channels == shape.channels && point.stored()));
    for (std::size_t u = 0; u < point.units.size(); ++u) {
        fine = fine && static_cast<Index>(point.units[u]) < point.neurons() &&
               (u == 0 || point.units[u - 1] < point.units[u]);
    }
    if (fine && !point.stored()) {
        const Point& source = points[static_cast<std::size_t>(point.derived_from)];
        fine = source.stored() && source.units == point.units;
    }
    if (!fine) raise<FormatError>("store", "point " + point.name, "an impossible one", "one as recorded");
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
// renn/network/layer_sequence.hpp - the one walk over layers that stand one after another.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// renn/core/path.hpp - where in a nested network a walk stands, without touching the heap.

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>


namespace renn::inline RENN_ABI::detail {

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
            raise<ShapeError>("network", "length of a layer's path", "more than " + std::to_string(text_.size()),
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

}  // namespace renn::inline RENN_ABI::detail
// renn/network/flow.hpp - what goes from layer to layer, before anything is computed.

#include <string>
#include <string_view>


namespace renn::inline RENN_ABI::detail {

/// What a layer says of itself: "Dense 784 -> 128".
template <class L>
std::string describe(const L& layer) {
    if constexpr (requires { layer.describe(); }) {
        return layer.describe();
    } else {
        return std::string(L::name);
    }
}

/// Width and, where known, shape of a sample while it goes from layer to layer.
struct Flow {
    Index width = Dynamic;
    Shape shape = {};

    /// Throws ShapeError naming the layer if what arrives is not what it takes.
    template <class L>
    void pass(const L& layer, std::string_view owner, const std::string& name) {
        if constexpr (requires {
                          layer.in_features();
                          layer.out_features();
                      }) {
            pass_width(layer.in_features(), layer.out_features(), owner, name);
        }
        if constexpr (requires { layer.input_shape(); }) {
            require_shape(layer.input_shape(), owner, name);
            shape = layer.output_shape();
        } else if constexpr (
            requires { layer.out_features(); } || requires { L::forgets_shape; }) {
            shape = {};
        }
    }

private:
    void pass_width(Index in, Index out, std::string_view owner, const std::string& name) {
        if (width != Dynamic && in != Dynamic && width != in) {
            raise<ShapeError>(owner, "in_features of " + name, std::to_string(in),
                              std::to_string(width) + ", the out_features before it");
        }
        width = out == Dynamic ? width : out;
    }
    void require_shape(const Shape& wanted, std::string_view owner, const std::string& name) const {
        if (shape.size() != 0 && wanted.size() != 0 && shape != wanted) {
            raise<ShapeError>(owner, "input shape of " + name, wanted.text(),
                              shape.text() + ", the output shape before it");
        }
    }
};

}  // namespace renn::inline RENN_ABI::detail
// renn/network/gradient.hpp - the first two rules of the reverse walk: gradients by the chain rule.

#include <string_view>


namespace renn::inline RENN_ABI {

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

/// Where branches are summed, a rule says what of `above` goes into one of them: a view of above, or of scratch. Of a
/// gradient, all.
template <class S>
BatchView<S> share(const ParameterGradient&, std::string_view /*path*/, const BatchView<S>& /*branch*/,
                   const BatchView<S>& /*sum*/, const BatchView<S>& above, Batch<S>& /*scratch*/) {
    return above;
}
/// The same for InputGradient.
template <class S>
BatchView<S> share(const InputGradient&, std::string_view, const BatchView<S>&, const BatchView<S>&,
                   const BatchView<S>& above, Batch<S>&) {
    return above;
}

/// The chain rule at one layer, dL/dW included where the step has a place for it.
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

/// The chain rule at one layer, without dL/dW.
template <class L, class Below>
void reverse(const InputGradient&, const Step<L>& s, X<L> above, Below& below) {
    static_assert(DifferentiableLayer<L>,
                  "renn: this layer has no backward: see DifferentiableLayer in core/layer.hpp");
    NotWanted none;
    detail::backward(s, above, below, none);
}

}  // namespace renn::inline RENN_ABI
// renn/network/names.hpp - what layers are called in a network.

#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// "Conv2d" and 3 give "conv2d3".
inline std::string default_name(std::string_view kind, int number) {
    std::string name;
    for (const char c : kind) name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return name + std::to_string(number);
}

/// "layer 2 (dense1)"
inline std::string numbered(std::size_t place, const std::string& name) {
    return "layer " + std::to_string(place) + " (" + name + ")";
}

/// "[Dense, ReLU]"
inline std::string listed(const std::vector<std::string>& texts) {
    return "[" + joined(texts) + "]";
}

/// Throws DataError if a name is empty, has a '/', or occurs twice.
inline void check_names(const std::vector<std::string>& names) {
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i].empty() || names[i].find('/') != std::string::npos) {
            raise<DataError>("rename", "name", "\"" + names[i] + "\"", "a name without '/'");
        }
        for (std::size_t j = 0; j < i; ++j) {
            if (names[i] == names[j]) {
                raise<DataError>("rename", "name of layers " + std::to_string(j) + " and " + std::to_string(i),
                                 "\"" + names[i] + "\" twice", "a name of its own for each");
            }
        }
    }
}

}  // namespace renn::inline RENN_ABI::detail
// renn/network/sequence_tangents.hpp - how the outputs and gradients of layers that stand one after another change
// along a direction.

#include <algorithm>
#include <cstddef>
#include <type_traits>


namespace renn::inline RENN_ABI::detail {

/// Holds nothing: the tangent walks of a network as it is.
struct NothingHeld {
    template <class S>
    void operator()(std::size_t, Batch<S>&) const noexcept {}
};

/// The tangent walks of a LayerSequence (network/layer_sequence.hpp): see TwiceDifferentiableLayer. Both may end at an
/// earlier layer: dy is then that of the layer before `end`, and `above` what arrives there. `held(i, d)` may set to
/// zero what does not move of what layer i puts out, and what goes no further of what arrives there; of what is given
/// as `above` that is up to the caller.
template <class Derived, class S, class P, class C>
class SequenceTangents {
public:
    static constexpr auto to_the_last = static_cast<std::size_t>(-1);

    template <class Dw, class Held = NothingHeld>
    static void forward(const Derived& net, const P& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx,
                        const BatchView<S>& y, C& cache, Batch<S>& dy, std::size_t end = to_the_last,
                        const Held& held = {}) {
        const std::size_t n = std::min(end, static_cast<std::size_t>(net.size()));
        if (n == 0) dy = dx;
        for (std::size_t i = 0; i < n; ++i) {
            const BatchView<S> in = i == 0 ? x : BatchView<S>(cache.outputs[i - 1]);
            const BatchView<S> d_in = i == 0 ? dx : BatchView<S>(cache.tangents[i - 1]);
            const BatchView<S> out = i + 1 == net.size() ? y : BatchView<S>(cache.outputs[i]);
            Batch<S>& d_out = i + 1 == n ? dy : cache.tangents[i];
            net.dispatch(i, [&](auto k) {
                const auto& layer = Derived::template layer_at<k>(net, i);
                static_assert(TwiceDifferentiableLayer<std::remove_cvref_t<decltype(layer)>>,
                              "renn: this layer has no tangent and backward_tangent: see TwiceDifferentiableLayer in "
                              "core/layer.hpp");
                layer.tangent(Derived::template part<k>(w, i), direction<k>(dw, i), in, d_in, out,
                              Derived::template cache_part<k>(cache, i), d_out);
            });
            held(i, d_out);
        }
    }

    template <class Dw, class G, class Held = NothingHeld>
    static void backward(const Derived& net, const P& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx,
                         const BatchView<S>& y, C& cache, const BatchView<S>& above, const BatchView<S>& above_tangent,
                         Batch<S>& dx_tangent, G& g, std::size_t end = to_the_last, const Held& held = {}) {
        const std::size_t n = std::min(end, static_cast<std::size_t>(net.size()));
        if (n == 0) dx_tangent = above_tangent;
        for (std::size_t i = n; i-- > 0;) {
            const BatchView<S> in = i == 0 ? x : BatchView<S>(cache.outputs[i - 1]);
            const BatchView<S> d_in = i == 0 ? dx : BatchView<S>(cache.tangents[i - 1]);
            const BatchView<S> out = i + 1 == net.size() ? y : BatchView<S>(cache.outputs[i]);
            const BatchView<S> over = i + 1 == n ? above : BatchView<S>(cache.deltas[i]);
            const BatchView<S> d_over = i + 1 == n ? above_tangent : BatchView<S>(cache.delta_tangents[i]);
            Batch<S>& d_under = i == 0 ? dx_tangent : cache.delta_tangents[i - 1];
            net.dispatch(i, [&](auto k) {
                const auto& layer = Derived::template layer_at<k>(net, i);
                const auto& weights = Derived::template part<k>(w, i);
                auto& inner = Derived::template cache_part<k>(cache, i);
                auto&& slot = direction<k>(g, i);
                layer.backward_tangent(weights, direction<k>(dw, i), in, d_in, out, inner, over, d_over, d_under, slot);
                NotWanted none;
                if (i != 0) layer.backward(weights, in, out, inner, over, cache.deltas[i - 1], none);
            });
            if (i == 0) continue;
            held(i - 1, cache.deltas[i - 1]);
            held(i - 1, d_under);
        }
    }

private:
    /// A layer's part of a direction; of no direction, none.
    template <std::size_t K, class D>
    static decltype(auto) direction(D& d, std::size_t i) {
        if constexpr (is_wanted<D>) {
            return Derived::template part<K>(d, i);
        } else {
            return NotWanted{};
        }
    }
};

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI {

/// What a pass over a network leaves: every layer's output and cache. Used again, it allocates nothing.
template <class Net>
struct Workspace {
    Batch<typename Net::Scalar> output;
    typename Net::Cache cache;
};

namespace detail {

/// All of a network but where it keeps its layers. `Derived` has, for the layer at place i,
///   dispatch(i, f)   f(std::integral_constant<std::size_t, K>); K is how its layer, parameters and cache are
///                    found: the place itself in a Network, the kind of layer in a Sequential
///   layer_at<K>(self, i), part<K>(parameters, i), cache_part<K>(cache, i), prepare(cache), size()
///   may_be_first(K), may_be_later(K)   so that nothing is compiled for places where a layer cannot stand
/// and `Parameters` and `Cache` are its own. Here is all that walks.
template <class Derived, class S, class P, class C>
class LayerSequence {
public:
    using Scalar = S;
    using Parameters = P;
    using Cache = C;
    using Tangents = SequenceTangents<Derived, S, P, C>;
    static constexpr Wiring wiring = Wiring::chain;

    const P& parameters() const noexcept { return parameters_; }
    P& parameters() noexcept { return parameters_; }

    const std::vector<std::string>& names() const noexcept { return names_; }

    /// Throws DataError if the name is empty, has a '/', or is another layer's, or if there is no such layer.
    void rename(std::size_t index, std::string new_name) {
        if (index >= names_.size()) {
            raise<DataError>("rename", "layer", std::to_string(index), "0.." + std::to_string(std::ssize(names_) - 1));
        }
        auto changed = names_;
        changed[index] = std::move(new_name);
        rename_all(std::move(changed));
    }
    void rename_all(std::vector<std::string> new_names) {
        if (new_names.size() != names_.size()) {
            raise<DataError>("rename", "names", std::to_string(new_names.size()), std::to_string(names_.size()));
        }
        check_names(new_names);
        names_ = std::move(new_names);
    }

    /// Input width, or Dynamic if any will do.
    Index in_features() const noexcept {
        Index width = Dynamic;
        for_each([&width](const auto& l, std::size_t) {
            if constexpr (requires { l.in_features(); }) width = width == Dynamic ? l.in_features() : width;
        });
        return width;
    }

    /// Output width, or Dynamic if it follows the input.
    Index out_features() const noexcept {
        Index width = Dynamic;
        for_each([&width](const auto& l, std::size_t) {
            if constexpr (requires { l.out_features(); })
                width = l.out_features() == Dynamic ? width : l.out_features();
        });
        return width;
    }

    /// Whether a sample's training pass depends on the others of its batch.
    bool mixes_samples() const noexcept {
        bool mixes = false;
        for_each([&mixes](const auto& l, std::size_t) {
            using L = std::remove_cvref_t<decltype(l)>;
            if constexpr (CompositeLayer<L>) {
                mixes = mixes || l.mixes_samples();
            } else if constexpr (requires { L::mixes_samples; }) {
                mixes = mixes || L::mixes_samples;
            }
        });
        return mixes;
    }

    /// Hands every layer that learns otherwise than by gradient what the last training pass left. Called by fit().
    void absorb(const C& cache) {
        for (std::size_t i = 0; i < self().size(); ++i) {
            self().dispatch(i, [&](auto k) {
                auto& layer = Derived::template layer_at<k>(self(), i);
                const auto& inner = Derived::template cache_part<k>(cache, i);
                if constexpr (requires { layer.absorb(inner); }) layer.absorb(inner);
            });
        }
    }

    /// Runs the network and returns its output, features x samples, which lives in the workspace.
    /// The visitor sees every layer as a Step just after it ran.
    template <class V = NoVisit>
    const Batch<S>& forward(const BatchView<S>& x, Workspace<Derived>& workspace, const Pass& pass = {},
                            V&& visitor = {}) const {
        Path path;
        walk(parameters_, x, workspace.output, workspace.cache, pass, visitor, path);
        return workspace.output;
    }

    /// As forward, with a workspace of its own and only the output returned.
    Batch<S> predict(const BatchView<S>& x) const {
        Workspace<Derived> workspace;
        forward(x, workspace);
        return std::move(workspace.output);
    }

    void forward(const P& w, const BatchView<S>& x, Batch<S>& y, C& cache, const Pass& pass) const {
        Path path;
        NoVisit visitor;
        walk(w, x, y, cache, pass, visitor, path);
    }

    /// The forward walk. Goes into layers made of layers, so a visitor sees theirs too, then the layer itself. It may
    /// begin at a later layer, with what the last walk left in the cache as the outputs of those before.
    template <class V>
    void walk(const P& w, const BatchView<S>& x, Batch<S>& y, C& cache, const Pass& pass, V& visitor, Path& path,
              std::size_t first = 0) const {
        self().prepare(cache);
        const std::size_t n = self().size();
        if (n == 0) y = x;
        for (std::size_t i = first; i < n; ++i) {
            const BatchView<S> in = i == 0 ? x : BatchView<S>(cache.outputs[i - 1]);
            Batch<S>& out = i + 1 == n ? y : cache.outputs[i];
            self().dispatch(i, [&](auto k) {
                walk_layer(Derived::template layer_at<k>(self(), i), Derived::template part<k>(w, i), in, out,
                           Derived::template cache_part<k>(cache, i), pass, visitor, path, names_[i], i);
            });
        }
    }

    /// Reverse walk over the last forward pass of `workspace` for the same x.
    template <class Rule, class Below>
    void reverse_walk(Rule&& rule, const BatchView<S>& x, Workspace<Derived>& workspace, const BatchView<S>& above,
                      Below& below, P* gradient = nullptr) const {
        Path path;
        walk_back(rule, parameters_, x, workspace.output, workspace.cache, above, below, gradient, path);
    }

    template <class Dx, class G>
    void backward(const P& w, const BatchView<S>& x, const BatchView<S>& y, C& cache, const BatchView<S>& dy, Dx& dx,
                  G& g) const {
        Path path;
        if constexpr (is_wanted<G>) {
            ParameterGradient rule;
            walk_back(rule, w, x, y, cache, dy, dx, &g, path);
        } else {
            InputGradient rule;
            walk_back(rule, w, x, y, cache, dy, dx, nullptr, path);
        }
    }

    /// The reverse walk, after a forward walk with the same x, y and cache: hands every layer to
    /// `reverse(rule, step, above, below)`, from the last to the first. `below` is a Batch, or NotWanted.
    template <class Rule, class Below>
    void walk_back(Rule& rule, const P& w, const BatchView<S>& x, const BatchView<S>& y, C& cache,
                   const BatchView<S>& above, Below& below, P* gradient, Path& path) const {
        const std::size_t n = self().size();
        if constexpr (is_wanted<Below>) {
            if (n == 0) below = above;
        }
        for (std::size_t i = n; i-- > 0;) {
            const BatchView<S> in = i == 0 ? x : BatchView<S>(cache.outputs[i - 1]);
            const BatchView<S> out = i + 1 == n ? y : BatchView<S>(cache.outputs[i]);
            const BatchView<S> over = i + 1 == n ? above : BatchView<S>(cache.deltas[i]);
            self().dispatch(i, [&](auto k) {
                const auto back = [&](auto& under) {
                    auto* slot = gradient == nullptr ? nullptr : &Derived::template part<k>(*gradient, i);
                    back_layer(rule, Derived::template layer_at<k>(self(), i), Derived::template part<k>(w, i), in, out,
                               Derived::template cache_part<k>(cache, i), over, under, slot, path, names_[i], i);
                };
                if constexpr (Derived::may_be_first(k)) {
                    if (i == 0) back(below);
                }
                if constexpr (Derived::may_be_later(k)) {
                    if (i != 0) back(cache.deltas[i - 1]);
                }
            });
        }
    }

    /// See TwiceDifferentiableLayer.
    template <class Dw>
    void tangent(const P& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx, const BatchView<S>& y,
                 C& cache, Batch<S>& dy) const {
        Tangents::forward(self(), w, dw, x, dx, y, cache, dy);
    }
    template <class Dw, class G>
    void backward_tangent(const P& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx,
                          const BatchView<S>& y, C& cache, const BatchView<S>& above, const BatchView<S>& above_tangent,
                          Batch<S>& dx_tangent, G& g) const {
        Tangents::backward(self(), w, dw, x, dx, y, cache, above, above_tangent, dx_tangent, g);
    }

    /// Calls f(name, layer, parameters) for the layers of this network, not those inside them. `parameters` may be any
    /// value of its Parameters; constness of both is passed on.
    template <class Self, class W, class F>
    static void for_each_child(Self& self, W& parameters, F&& f) {
        for (std::size_t i = 0; i < self.size(); ++i) {
            self.dispatch(i, [&](auto k) {
                f(std::as_const(self.names_[i]), Derived::template layer_at<k>(self, i),
                  Derived::template part<k>(parameters, i));
            });
        }
    }

    /// "[Dense, ReLU, Dense]": the kinds of layers alone.
    std::string kinds() const {
        std::vector<std::string> texts;
        for_each([&texts](const auto& l, std::size_t) {
            if constexpr (requires { l.kinds(); }) {
                texts.push_back(l.kinds());
            } else {
                texts.emplace_back(l.name);
            }
        });
        return listed(texts);
    }

    /// "[Dense 784 -> 128, ReLU, Dense 128 -> 10]": what the network is without its parameters' values.
    std::string describe() const {
        std::vector<std::string> texts;
        for_each([&texts](const auto& l, std::size_t) { texts.push_back(detail::describe(l)); });
        return listed(texts);
    }

    /// Throws ShapeError naming the layer that does not take what comes out before it.
    void check_sizes() const { flow(); }

protected:
    const Derived& self() const noexcept { return static_cast<const Derived&>(*this); }
    Derived& self() noexcept { return static_cast<Derived&>(*this); }

    /// What comes out of the last layer.
    Flow flow() const {
        Flow flow;
        for_each([&](const auto& l, std::size_t i) { flow.pass(l, Derived::name, numbered(i, names_[i])); });
        return flow;
    }

    template <class F>
    void for_each(F&& f) const {
        for (std::size_t i = 0; i < self().size(); ++i) {
            self().dispatch(i, [&](auto k) { f(Derived::template layer_at<k>(self(), i), i); });
        }
    }

    P parameters_;
    std::vector<std::string> names_;

private:
    template <class L, class V>
    static void walk_layer(const L& layer, const typename L::Parameters& w, const BatchView<S>& x, Batch<S>& y,
                           typename L::Cache& cache, const Pass& pass, V& visitor, Path& path, const std::string& name,
                           std::size_t index) {
        Pass inner = pass;
        inner.path = mix(pass.path, index + 1);
        const auto guard = path.enter(name);
        if constexpr (CompositeLayer<L>) {
            layer.walk(w, x, y, cache, inner, visitor, path);
        } else {
            layer.forward(w, x, y, cache, inner);
        }
        bool edited = false;
        if constexpr (ForwardEditor<V, S>) edited = visitor.edit(path.view(), y);
        const BatchView<S> seen(y);
        visitor.visit(Step<L>{path.view(), index, layer, w, x, seen, cache, nullptr, edited});
    }

    template <class Rule, class L, class Below>
    static void back_layer(Rule& rule, const L& layer, const typename L::Parameters& w, const BatchView<S>& x,
                           const BatchView<S>& y, typename L::Cache& cache, const BatchView<S>& above, Below& below,
                           typename L::Parameters* gradient, Path& path, const std::string& name, std::size_t index) {
        const auto guard = path.enter(name);
        const auto back = [&](const BatchView<S>& over) {
            if constexpr (CompositeLayer<L>) {
                layer.walk_back(rule, w, x, y, cache, over, below, gradient, path);
            } else {
                reverse(rule, Step<L>{path.view(), index, layer, w, x, y, cache, gradient}, over, below);
            }
        };
        if constexpr (ReverseEditor<Rule, S>) {
            back(rule.arrive(path.view(), y, above));
        } else {
            back(above);
        }
    }
};

/// Whether a network's walk may begin at a later layer.
template <class Net>
concept WalksFrom = CompositeLayer<Net> &&
    requires(const Net& net, const BatchView<typename Net::Scalar>& x, Batch<typename Net::Scalar>& y,
             typename Net::Cache& cache, NoVisit& visitor, Path& path) {
    net.walk(net.parameters(), x, y, cache, Pass{}, visitor, path, std::size_t{});
};

}  // namespace detail
}  // namespace renn::inline RENN_ABI
// renn/retrace/traced_network.hpp - a network that remembers its training samples.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
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

// renn/core/catching.hpp - keeps an error for later, where there are exceptions.

#include <exception>


namespace renn::inline RENN_ABI::detail {

/// Runs work; what it throws goes to `caught`. Compiled without exceptions the first error has ended the program.
template <class Work, class Caught>
void catching(Work&& work, [[maybe_unused]] Caught&& caught) {
#ifdef __cpp_exceptions
    try {
        work();
    } catch (...) {
        caught(std::current_exception());
    }
#else
    work();
#endif
}

}  // namespace renn::inline RENN_ABI::detail
// renn/core/function_ref.hpp - a callable seen by what it is called with.

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>


namespace renn::inline RENN_ABI::detail {

template <class Signature>
class FunctionRef;

/// Refers to a callable that outlives it. Long code that calls one seldom takes this in place of a template parameter,
/// so that it is compiled once and not once a caller.
template <class R, class... Args>
class FunctionRef<R(Args...)> {
public:
    template <class F>
        requires(!std::same_as<F, FunctionRef> && std::is_invocable_r_v<R, const F&, Args...>)
    FunctionRef(const F& callable)
    noexcept
        : callable_(std::addressof(callable)), call_([](const void* f, Args... args) -> R {
              return (*static_cast<const F*>(f))(std::forward<Args>(args)...);
          }) {}

    R operator()(Args... args) const { return call_(callable_, std::forward<Args>(args)...); }

private:
    const void* callable_;
    R (*call_)(const void*, Args...);
};

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI::detail {

/// 0 asks for every core; never more threads than tasks, never fewer than one.
inline int thread_count(int wanted, Index tasks) {
    const Index limit = wanted > 0 ? wanted : static_cast<Index>(std::max(1U, std::thread::hardware_concurrency()));
    return static_cast<int>(std::clamp<Index>(tasks, 1, limit));
}

/// Calls work(task, worker) for every task in 0..tasks-1, each once, tasks handed out in ascending order.
/// The calling thread is worker 0, and only there is `after_each(finished)` called, at the latest when all is done;
/// no task is begun before it returns, and returning false stops handing them out. The first error of any worker stops
/// the others; all threads are joined before it is rethrown. Returns false if it was stopped by after_each.
inline bool parallel_for(Index tasks, int threads, FunctionRef<void(Index, int)> work,
                         FunctionRef<bool(Index)> after_each) {
    std::atomic<Index> next{0};
    std::atomic<Index> finished{0};
    std::atomic<bool> stop{false};
    std::atomic<bool> telling{false};
    bool cancelled = false;
    Index told = 0;
    std::exception_ptr error;
    std::mutex error_guard;

    const auto tell = [&](bool begins) {
        telling = begins;
        if (!begins) telling.notify_all();
    };
    const auto take_tasks = [&](int worker) {
        for (;;) {
            if (worker != 0) telling.wait(true);  // a callback that waits pauses everybody
            if (stop.load(std::memory_order_relaxed)) break;
            const Index task = next.fetch_add(1);
            if (task >= tasks) break;
            work(task, worker);
            const Index count = finished.fetch_add(1) + 1;
            if (worker != 0) continue;
            told = count;
            tell(true);
            if (!after_each(count)) {
                cancelled = true;
                stop = true;
            }
            tell(false);
        }
    };
    const auto run = [&](int worker) {
        catching([&] { take_tasks(worker); },
                 [&](const std::exception_ptr& caught) {
                     const std::lock_guard lock(error_guard);
                     if (!error) error = caught;
                     stop = true;
                     if (worker == 0) tell(false);
                 });
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

inline void parallel_for(Index tasks, int threads, FunctionRef<void(Index, int)> work) {
    parallel_for(tasks, threads, work, [](Index) { return true; });
}

}  // namespace renn::inline RENN_ABI::detail
// renn/core/progress.hpp - how long work tells where it is, and how it is told to stop.

#include <cstdint>
#include <functional>
#include <string_view>


namespace renn::inline RENN_ABI {

/// How far something is that takes long.
struct Progress {
    std::uint64_t done = 0;
    std::uint64_t total = 0;  ///< 0 if unknown
    std::string_view phase;   ///< "training", "recording", "indexing"
};

/// Called now and then, always by the thread that started the work, `done` never falling; returning false cancels, and
/// while it does not return no further part of the work is begun: waiting in it pauses the work. What it throws ends
/// the work and reaches the caller.
using ProgressCallback = std::function<bool(const Progress&)>;

}  // namespace renn::inline RENN_ABI
// renn/index/neuron_index.hpp - one search structure a neuron, built when it is first asked.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// renn/core/once.hpp - work that is done once, by whoever needs it first.

#include <atomic>


namespace renn::inline RENN_ABI::detail {

/// Runs work once, whoever comes first, others wait; where it throws, the next may try again. Four bytes, as every
/// query looks at hundreds of them. (std::call_once would hang then under the thread sanitizer.)
class Once {
public:
    template <class Work>
    void run(Work&& work) {
        if (state_.load(std::memory_order_acquire) == done) return;
        while (!begin()) {
            if (state_.load(std::memory_order_acquire) == done) return;
            state_.wait(busy, std::memory_order_acquire);
        }
        Claim claim{state_};
        work();
        claim.outcome = done;
    }

private:
    static constexpr int idle = 0, busy = 1, done = 2;

    struct Claim {
        std::atomic<int>& state;
        int outcome = idle;
        ~Claim() {
            state.store(outcome, std::memory_order_release);
            state.notify_all();
        }
    };

    bool begin() noexcept {
        int expected = idle;
        return state_.compare_exchange_strong(expected, busy, std::memory_order_acquire);
    }

    std::atomic<int> state_{idle};
};

}  // namespace renn::inline RENN_ABI::detail
// renn/index/channel_tree.hpp - the closest samples of a neuron that is a point in several dimensions.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <nanoflann.hpp>

// renn/index/nearest_samples.hpp - what a search by several values answers.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>


namespace renn::inline RENN_ABI {

/// Samples by distance: those nearer than the boundary first, then those at it; equal distances by position.
struct NearestSamples {
    std::vector<std::uint32_t> samples;
    std::vector<double> distances;  ///< one a sample
    std::uint32_t closer = 0;       ///< how many are nearer than the boundary
    double boundary = 0.0;          ///< distance of the k-th; 0 if k is 0

    bool operator==(const NearestSamples&) const = default;
};

/// Which samples, given by position, may be found; empty: all.
using Admits = std::function<bool(std::uint32_t sample)>;

namespace detail {

/// A sample and its distance from a query.
struct Measured {
    double distance;
    std::uint32_t sample;
    bool operator<(const Measured& other) const noexcept {
        return distance != other.distance ? distance < other.distance : sample < other.sample;
    }
};

/// Of measured samples the k nearest, and everything as far as the k-th. Cost: O(candidates + k log k).
inline NearestSamples nearest_of(std::vector<Measured>& candidates, std::int64_t k) {
    NearestSamples found;
    if (k <= 0 || candidates.empty()) return found;
    auto end = candidates.end();
    if (k < std::ssize(candidates)) {
        const auto last = candidates.begin() + (k - 1);
        std::nth_element(candidates.begin(), last, candidates.end());
        found.boundary = last->distance;
        end = std::partition(last, candidates.end(), [&](const Measured& m) { return m.distance <= found.boundary; });
    }
    std::sort(candidates.begin(), end);
    found.boundary = (end - 1)->distance;
    const auto count = static_cast<std::size_t>(end - candidates.begin());
    found.samples.reserve(count);
    found.distances.reserve(count);
    for (auto c = candidates.begin(); c != end; ++c) {
        found.samples.push_back(c->sample);
        found.distances.push_back(c->distance);
        found.closer += c->distance < found.boundary ? 1U : 0U;
    }
    return found;
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// KD-tree over the distinct points of one neuron, samples behind them, searched by Euclidean distance. Points are
/// taken from columns, one a dimension; the columns must outlive it, unless it is given what they look at.
///
/// Cost   build O(d n log n), a search O(log n) in few dimensions, up to O(n) in many.
template <class S>
class ChannelTree {
public:
    using Scalar = S;

    /// `by_id` has the positions in ascending order of ids, or is empty where they are that already.
    ChannelTree(std::vector<std::span<const S>> columns, std::span<const std::uint32_t> by_id,
                std::vector<std::vector<S>> kept = {})
        : points_(std::make_unique<Points>()) {
        points_->columns = std::move(columns);
        points_->kept = std::move(kept);
        auto& order = points_->order;  // at first of ranks by id, as equal points keep that order
        order.resize(points_->columns.front().size());
        std::iota(order.begin(), order.end(), 0U);
        const auto position = [by_id](std::uint32_t rank) { return by_id.empty() ? rank : by_id[rank]; };
        const auto before = [this](std::uint32_t a, std::uint32_t b) {
            for (const auto& column : points_->columns) {
                if (column[a] != column[b]) return column[a] < column[b];
            }
            return false;
        };
        std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
            const std::uint32_t left = position(a), right = position(b);
            return before(left, right) || (!before(right, left) && a < b);
        });
        for (std::uint32_t& rank : order) rank = position(rank);
        for (std::uint32_t i = 0; i < order.size(); ++i) {
            if (i == 0 || before(order[i - 1], order[i])) points_->first.push_back(i);
        }
        if (order.empty()) return;
        tree_ = std::make_unique<Tree>(static_cast<int>(points_->columns.size()), *points_,
                                       nanoflann::KDTreeSingleIndexAdaptorParams(16));
        tree_->buildIndex();
    }

    /// The k nearest of the samples that `admits` lets in, and everything as far as the k-th.
    NearestSamples nearest(const std::vector<double>& query, std::int64_t k,
                           detail::FunctionRef<bool(std::uint32_t)> admits) const {
        if (k <= 0 || !tree_) return {};
        const auto members = [&](std::uint32_t group) {
            std::uint32_t count = 0;
            for (const std::uint32_t s : points_->group(group)) count += admits(s) ? 1U : 0U;
            return count;
        };
        const auto wanted = static_cast<std::uint64_t>(k);
        Closest closest{wanted, members};
        static_cast<void>(tree_->findNeighbors(closest, query.data(), {}));
        // The tree's own sums may round otherwise: everything that could lie at the boundary is measured again.
        std::vector<detail::Measured> candidates;
        for (const std::uint32_t g : closest.groups()) {
            const double distance = points_->distance(g, query);
            for (const std::uint32_t s : points_->group(g)) {
                if (admits(s)) candidates.push_back({distance, s});
            }
        }
        return detail::nearest_of(candidates, k);
    }
    NearestSamples nearest(std::span<const S> query, std::int64_t k, const Admits& admits = {}) const {
        return nearest(std::vector<double>(query.begin(), query.end()), k,
                       [&admits](std::uint32_t sample) { return !admits || admits(sample); });
    }

    std::size_t bytes() const noexcept {
        return (points_->order.size() + points_->first.size()) * sizeof(std::uint32_t) +
               (tree_ ? tree_->usedMemory(*tree_) : 0);
    }

private:
    /// A distance, and the group there or how many samples it has.
    struct Far {
        double distance;
        std::uint32_t group;
        bool operator<(const Far& other) const noexcept {
            return distance != other.distance ? distance < other.distance : group < other.group;
        }
    };

    struct Points {
        std::vector<std::span<const S>> columns;
        std::vector<std::vector<S>> kept;  ///< what columns look at, where the store has no such column
        std::vector<std::uint32_t> order;  ///< samples, equal points side by side, each group by ascending id
        std::vector<std::uint32_t> first;  ///< where a group of equal points begins

        std::span<const std::uint32_t> group(std::uint32_t g) const noexcept {
            const std::size_t end = g + 1 < first.size() ? first[g + 1] : order.size();
            return std::span(order).subspan(first[g], end - first[g]);
        }
        double distance(std::uint32_t g, const std::vector<double>& query) const noexcept {
            double sum = 0.0;
            for (std::size_t d = 0; d < columns.size(); ++d) {
                const double difference = kdtree_get_pt(g, d) - query[d];
                sum += difference * difference;
            }
            return std::sqrt(sum);
        }
        std::size_t kdtree_get_point_count() const noexcept { return first.size(); }
        double kdtree_get_pt(std::size_t g, std::size_t d) const noexcept {
            return static_cast<double>(columns[d][order[first[g]]]);
        }
        template <class Box>
        bool kdtree_get_bbox(Box&) const noexcept {
            return false;
        }
    };
    using Tree = nanoflann::KDTreeSingleIndexAdaptor<nanoflann::L2_Simple_Adaptor<double, Points, double>, Points, -1>;

    /// nanoflann's result set: the nearest groups that have k members together, and all that are about as far as the
    /// farthest of them.
    struct Closest {
        using DistanceType = double;
        std::uint64_t k;
        detail::FunctionRef<std::uint32_t(std::uint32_t)> members;
        std::vector<Far> heap = {};  ///< distance and members of a group, farthest on top
        std::vector<Far> seen = {};  ///< distance and group: all that were near enough when they came
        std::uint64_t total = 0;

        std::vector<std::uint32_t> groups() const {
            std::vector<std::uint32_t> near;
            for (const Far& one : seen) {
                if (one.distance < worstDist()) near.push_back(one.group);
            }
            return near;
        }
        std::size_t size() const noexcept { return heap.size(); }
        bool empty() const noexcept { return heap.empty(); }
        bool full() const noexcept { return total >= k; }
        /// What is nearer than this is handed over, what is as far is not.
        double worstDist() const noexcept {
            constexpr double infinity = std::numeric_limits<double>::infinity();
            return full() ? std::nextafter(heap.front().distance * (1.0 + 1e-9), infinity) : infinity;
        }
        bool addPoint(double distance, std::size_t number) {
            const auto group = static_cast<std::uint32_t>(number);
            const std::uint32_t count = members(group);
            if (count == 0 || !(distance < worstDist())) return true;
            seen.push_back({distance, group});
            heap.push_back({distance, count});
            std::push_heap(heap.begin(), heap.end());
            total += count;
            while (total - heap.front().group >= k) {
                total -= heap.front().group;
                std::pop_heap(heap.begin(), heap.end());
                heap.pop_back();
            }
            return true;
        }
        void sort() const noexcept {}
    };

    std::unique_ptr<Points> points_;
    std::unique_ptr<Tree> tree_;
};

}  // namespace renn::inline RENN_ABI
// renn/index/check_window.hpp - whether what a query read of a stored column is what was written.

#include <algorithm>
#include <cstdint>

// renn/index/window.hpp - the k nearest values of a sorted column, with their ties.

#include <algorithm>
#include <cmath>
#include <cstdint>


namespace renn::inline RENN_ABI {

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

/// The k nearest of n values that lie `distance(i)` from the query, which has `position` of them below it; 0 < k <= n.
template <class Distance>
Window window_of(std::uint32_t n, std::uint32_t k, std::uint32_t position, const Distance& distance) {
    Window window;
    std::uint32_t low = position > k ? position - k : 0;
    const std::uint32_t high = std::min(position, n - k);
    // Of the windows that begin at [low, high], the first whose first value is not farther than the one behind its
    // last.
    const auto worse = [&](std::uint32_t i) { return distance(i) > distance(i + k); };
    for (std::uint32_t length = high - low; length > 0;) {  // halves without branches, which would be guessed wrong
        const std::uint32_t half = (length + 1) / 2;
        low += worse(low + half - 1) ? half : 0;
        length -= half;
    }
    const std::uint32_t begin = low;
    const std::uint32_t end = low + k;
    const double first = distance(begin), last = distance(end - 1);
    // Which end is farther is a toss of a coin: std::max and comparisons with it would become a branch.
    const bool at_begin = first >= last, at_end = last >= first;
    const double boundary = at_begin ? first : last;
    window.boundary = boundary;
    // Most often the boundary is one sample at an end: everything else in the window is nearer if its new ends are.
    window.tied_begin = begin;
    window.tied_end = end;
    window.closer_begin = begin + (at_begin ? 1U : 0U);
    window.closer_end = end - (at_end ? 1U : 0U);
    if (window.closer_begin < window.closer_end && distance(window.closer_begin) < boundary &&
        distance(window.closer_end - 1) < boundary && (begin == 0 || distance(begin - 1) > boundary) &&
        (end == n || distance(end) > boundary)) {
        window.closer = window.closer_end - window.closer_begin;
        window.tied = window.places = k - window.closer;
        return window;
    }
    // Left of the query distances fall with the place, right of it they grow.
    const std::uint32_t left = std::clamp(position, begin, end);
    window.tied_begin = gallop_down(0, begin, [&](std::uint32_t i) { return distance(i) <= boundary; });
    window.tied_end = gallop_up(end, n, [&](std::uint32_t i) { return distance(i) > boundary; });
    window.closer_begin = gallop_up(begin, left, [&](std::uint32_t i) { return distance(i) < boundary; });
    window.closer_end = gallop_down(left, end, [&](std::uint32_t i) { return distance(i) >= boundary; });
    window.closer = window.closer_end - window.closer_begin;
    window.tied = window.tied_end - window.tied_begin - window.closer;
    window.places = k - window.closer;
    return window;
}

}  // namespace detail

/// The k nearest of a column to `query`; k beyond the column's size acts as its size. `position` is how many values
/// are below the query. Distances are |double(a) - double(b)|, rounded once, so they grow on both sides of the query
/// and the k nearest are neighbours in the column: bisection finds where they begin.
/// Cost   O(log k + log ties).
template <class S, class V, class O>
Window find_window(const ColumnView<S, V, O>& column, double query, std::uint32_t k, std::uint32_t position) {
    k = std::min(k, column.size);
    if (k == 0) return {};
    if (query == 0.0 && column.clipped >= k) {  // behind an inactive rectifier: the zeros, and nothing need be read
        Window window;
        window.tied_end = window.tied = column.clipped;
        window.places = k;
        return window;
    }
    if (column.slope == S(1) && column.hole >= column.size) {  // seen as it lies in memory
        return detail::window_of(column.size, k, position, [values = column.values, query](std::uint32_t i) {
            return std::abs(static_cast<double>(values[i]) - query);
        });
    }
    return detail::window_of(column.size, k, position, [&](std::uint32_t i) { return column.distance(i, query); });
}

/// The same among the samples that `allowed(order)` admits. The ranges are of all samples; the counts of the allowed.
/// Cost   grows with the samples between the query and the k-th allowed one, and with the ties.
template <class S, class V, class O, class Allowed>
Window find_window_among(const ColumnView<S, V, O>& column, double query, std::uint32_t k, std::uint32_t position,
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

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI::detail {

/// Checks what the window of a query rests on. The levels above the column are right if they led to the right place,
/// whatever they are; of the values, those about the place and at the edges decide.
/// Throws   what `index.check` throws; FormatError if the levels led elsewhere.
template <class Index, class S>
void check_window(const Index& index, const ColumnView<S>& column, double query, std::uint32_t k,
                  std::uint32_t position, const Window& w, bool among) {
    const std::uint32_t n = column.size;
    const auto around = [&](std::uint32_t begin, std::uint32_t end) {
        begin = begin > 2 ? begin - 2 : 0;  // one before, and one more where a sample is left out
        end = std::min(n, end < n - std::min(n, 2U) ? end + 2 : n);
        index.check(column.values + begin, end - begin);
    };
    const std::uint32_t reach = std::min(k, n);
    around(position > reach ? position - reach : 0, position < n - reach ? position + reach : n);
    around(w.tied_begin, std::min(w.tied_begin + 1, n));
    around(w.tied_end, w.tied_end);
    if (among) {  // every sample on the way was looked at
        const bool all = w.closer + w.places < k;
        const std::uint32_t begin = all ? 0 : w.tied_begin, end = all ? n : w.tied_end;
        around(begin, end);
        index.check(column.order + begin, end - begin);
    }
    const S least = column.least(query);
    if ((position > 0 && !(column.values[position - 1] < least)) || (position < n && column.values[position] < least)) {
        raise<FormatError>("index", "damaged: the levels of a search do not belong to their column");
    }
}

}  // namespace renn::inline RENN_ABI::detail
// renn/index/clipped.hpp - which samples a rectifier holds at 0, asked sample by sample and class by class.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// An inactive ReLU ties with half of all samples. For such groups this table answers "is this sample one of them" with
/// one bit, a sample's bits side by side, and "how many of them are of class c" without looking at any, unless there
/// are so many classes that this would take more than half a byte a value.
///
/// Memory   one bit a sample and unit, four bytes a class and unit.
class Clipped {
public:
    Clipped() = default;
    Clipped(std::size_t samples, std::size_t units, std::size_t classes)
        : words_((units + 63) / 64),
          classes_(classes <= samples / 8 ? classes : 0),
          bits_(samples * words_, 0),
          counts_(units * classes_, 0) {}

    /// Fills in one unit; samples with a value not above 0 are clipped. Labels are empty where there are no classes.
    template <class S>
    void add(std::size_t unit, std::span<const S> values, std::span<const std::int32_t> labels) {
        const std::uint64_t bit = std::uint64_t{1} << (unit % 64);
        for (std::size_t s = 0; s < values.size(); ++s) {
            if (values[s] > S(0)) continue;
            bits_[s * words_ + unit / 64] |= bit;
            if (classes_ > 0) ++counts_[unit * classes_ + static_cast<std::size_t>(labels[s])];
        }
    }

    bool holds(std::size_t unit, std::size_t sample) const noexcept {
        return ((bits_[sample * words_ + unit / 64] >> (unit % 64)) & 1U) != 0;
    }
    /// One count a class, or none at all.
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

}  // namespace renn::inline RENN_ABI::detail
// renn/index/index_policy.hpp - what a type must have that finds places among sorted values.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>


namespace renn::inline RENN_ABI {

/// An index policy says how the place of a value among sorted values is found: KdTree, Sorted, or your own.
/// `position` returns how many values are below the query. A locator that can be made of a column and the locator of
/// the same values seen through no activation shares with that; a policy with a `Layout`, the steps of a search
/// (Sorted), is searched step by step, several neurons side by side.
template <class P, class S>
concept IndexPolicy = requires(const typename P::template Locator<S>& l, const ColumnView<S>& column, double query) {
    { P::name } -> std::convertible_to<std::string_view>;
    typename P::template Locator<S>;
    requires std::constructible_from < typename P::template Locator<S>,
    const ColumnView<S>& > ;
    { l.position(column, query) } -> std::same_as<std::uint32_t>;
    { l.bytes() } -> std::convertible_to<std::size_t>;
};

}  // namespace renn::inline RENN_ABI
// renn/index/neuron_columns.hpp - the sorted columns of recorded neurons: those the store has, and those made here.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

// renn/index/packed_column.hpp - sorted columns in fewer bytes, without losing a bit of any value.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

// renn/tracing/pages.hpp - one large block of memory on large pages where the system has them.

#include <algorithm>
#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>


#ifdef __linux__
#include <sys/mman.h>
#endif

namespace renn::inline RENN_ABI::detail {

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
        const std::size_t bytes = (size * sizeof(T) + alignment() - 1) / alignment() * alignment();
        data_ = static_cast<T*>(::operator new(bytes, std::align_val_t(alignment())));
#ifdef __linux__
        if (alignment() == large)
            madvise(data_, bytes, MADV_HUGEPAGE);  // a wish: its failure changes nothing but speed
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
        if (data_ != nullptr) ::operator delete(data_, std::align_val_t(alignment()));
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
    std::size_t alignment() const noexcept {
        return size_ * sizeof(T) >= 4 * large ? large : 64;
    }
    T* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI {
namespace detail {

/// The 64 bits from bit `at` on; the word behind the last one wanted is read too.
inline std::uint64_t bits_from(const std::uint64_t* words, std::uint64_t at) noexcept {
    const std::uint64_t* from = words + at / 64;
    const auto shift = static_cast<unsigned>(at % 64);
    return (from[0] >> shift) | ((from[1] << 1) << (63 - shift));
}
inline std::uint64_t low_bits(std::uint32_t width) noexcept {
    return width == 0 ? 0 : ~std::uint64_t{0} >> (64 - width);
}

/// Appends numbers of `width` bits to words that begin empty.
class BitWriter {
public:
    explicit BitWriter(std::vector<std::uint64_t>& words) : words_(words) {}

    void put(std::uint64_t number, std::uint32_t width) {
        if (width == 0) return;
        if (used_ == 64) {
            words_.push_back(0);
            used_ = 0;
        }
        words_.back() |= number << used_;
        used_ += width;
        if (used_ > 64) {
            used_ -= 64;
            words_.push_back(number >> (width - used_));
        }
    }

private:
    std::vector<std::uint64_t>& words_;
    std::uint32_t used_ = 64;  ///< bits of the last word
};

}  // namespace detail

/// Ascending values, 64 to a block: what their keys (index/radix_sort.hpp) exceed the block's first by, in as many bits
/// as the largest of these needs. Neighbours in a sorted column have much in common: of 60,000 activations in float 18
/// bits are left. Any value is read without those before it.
template <class S>
class PackedValues {
public:
    using Key = detail::RadixKey<S>;
    static constexpr std::uint32_t block = SearchLevels::block;

    /// A block of w bits a value fills w words; so where the next begins also tells w.
    struct Head {
        Key first;
        std::uint32_t word;
    };

    PackedValues() = default;
    PackedValues(const Head* heads, const std::uint64_t* words) noexcept : heads_(heads), words_(words) {}

    S operator[](std::uint32_t i) const noexcept {
        const Bits bits(*this, i / block);
        return detail::from_key<S>(static_cast<Key>(bits.head.first + bits[i % block]));
    }

    /// How many of all `size` values are below `least`, if those of earlier blocks are and those of later ones are not.
    std::uint32_t below(std::uint32_t size, std::uint32_t in_block, S least) const noexcept {
        const std::uint32_t begin = in_block * block;
        std::uint32_t length = std::min(block, size - begin), low = 0;
        if (length == 0) return begin;
        const Bits bits(*this, in_block);
        const Key key = detail::to_key(least);
        if (key <= bits.head.first) return begin;
        const std::uint64_t wanted = key - bits.head.first;
        while (length > 0) {  // halves without branches
            const std::uint32_t half = (length + 1) / 2;
            low += bits[low + half - 1] < wanted ? half : 0;
            length -= half;
        }
        return begin + low;
    }

    /// Asks for the memory of some heads, then for that of the values [begin, end), whose heads are there.
    [[gnu::always_inline]] void prefetch_heads(std::uint32_t from, std::uint32_t count) const noexcept {
        detail::prefetch(heads_ + from, count + 1);
    }
    [[gnu::always_inline]] void prefetch(std::uint32_t begin, std::uint32_t end) const noexcept {
        if (begin >= end) return;
        const std::uint64_t from = word_of(begin), to = word_of(end - 1) + 1;
        detail::prefetch(words_ + from, to - from + 1);
    }

private:
    struct Bits {
        Head head;
        std::uint32_t width;
        std::uint64_t mask;
        const std::uint64_t* words;

        Bits(const PackedValues& values, std::uint32_t in_block) noexcept
            : head(values.heads_[in_block]),
              width(values.heads_[in_block + 1].word - head.word),
              mask(detail::low_bits(width)),
              words(values.words_ + head.word) {}
        std::uint64_t operator[](std::uint32_t i) const noexcept {
            return detail::bits_from(words, std::uint64_t{i} * width) & mask;
        }
    };

    std::uint64_t word_of(std::uint32_t i) const noexcept {
        const Head* head = heads_ + i / block;
        return head[0].word + std::uint64_t{i % block} * (head[1].word - head[0].word) / 64;
    }

    const Head* heads_ = nullptr;
    const std::uint64_t* words_ = nullptr;
};

/// Positions of samples, each in as many bits as the largest needs: 16 for up to 65,536 samples.
class PackedOrder {
public:
    PackedOrder() = default;
    PackedOrder(const std::uint64_t* words, std::uint32_t width) noexcept
        : words_(words), width_(width), mask_(detail::low_bits(width)) {}

    static std::uint32_t width_for(std::size_t samples) noexcept {
        return samples < 2 ? 0U : static_cast<std::uint32_t>(std::bit_width(samples - 1));
    }

    std::uint32_t operator[](std::uint32_t i) const noexcept {
        return static_cast<std::uint32_t>(detail::bits_from(words_, std::uint64_t{i} * width_) & mask_);
    }

    /// Calls f(positions, count) for the places [begin, end), some at a time.
    template <class F>
    void read(std::uint32_t begin, std::uint32_t end, F&& f) const {
        std::uint32_t some[128];
        while (begin < end) {
            const std::uint32_t count = std::min<std::uint32_t>(end - begin, std::size(some));
            for (std::uint32_t i = 0; i < count; ++i) some[i] = (*this)[begin + i];
            f(static_cast<const std::uint32_t*>(some), std::size_t{count});
            begin += count;
        }
    }
    [[gnu::always_inline]] void prefetch(std::uint32_t begin, std::uint32_t count) const noexcept {
        if (count == 0) return;
        const std::uint64_t from = std::uint64_t{begin} * width_ / 64, bits = std::uint64_t{count} * width_;
        detail::prefetch(words_ + from, bits / 64 + 2);
    }

private:
    const std::uint64_t* words_ = nullptr;
    std::uint32_t width_ = 0;
    std::uint64_t mask_ = 0;
};

/// A packed column with the levels of a search through it; empty: there is none.
template <class S>
struct PackedColumn {
    PackedValues<S> values;
    PackedOrder order;
    std::span<const S> levels = {};
    bool none = true;
    bool empty() const noexcept { return none; }
};
/// Such a column as a search sees it.
template <class S>
using PackedView = ColumnView<S, PackedValues<S>, PackedOrder>;

/// Columns of one length, packed one after another.
template <class S>
class PackedColumns {
    using Head = typename PackedValues<S>::Head;

public:
    PackedColumns() = default;
    explicit PackedColumns(std::size_t samples) : samples_(samples) {}

    /// Appends a column of finite values in ascending order. O(n).
    void add(std::span<const S> ascending, std::span<const std::uint32_t> order) {
        constexpr std::size_t block = PackedValues<S>::block;
        begins_.push_back(growing_.size());
        words_.clear();
        for (std::size_t first = 0; first < samples_; first += block) {
            const auto some = ascending.subspan(first, std::min(block, samples_ - first));
            const auto lowest = detail::to_key(some.front());
            const auto width = static_cast<std::uint32_t>(
                std::bit_width(static_cast<std::uint64_t>(detail::to_key(some.back()) - lowest)));
            const std::size_t at = words_.size();
            heads_.push_back({lowest, static_cast<std::uint32_t>(at)});
            detail::BitWriter bits(words_);
            for (const S value : some) bits.put(detail::to_key(value) - lowest, width);
            words_.resize(at + width, 0);  // also where the last block is not full
        }
        heads_.push_back({0, static_cast<std::uint32_t>(words_.size())});
        growing_.insert(growing_.end(), words_.begin(), words_.end());
        words_.clear();
        detail::BitWriter bits(words_);
        for (const std::uint32_t position : order) bits.put(position, PackedOrder::width_for(samples_));
        orders_.push_back(growing_.size());
        growing_.insert(growing_.end(), words_.begin(), words_.end());
        detail::LevelMaker<S> maker(static_cast<std::uint32_t>(samples_));
        maker.add(ascending);
        levels_.insert(levels_.end(), maker.levels().begin(), maker.levels().end());
    }

    /// To be called when all are there: they move together, to large pages.
    void finish() {
        packed_ = detail::Pages<std::uint64_t>(growing_.size() + 2);  // the last bits are read with words behind them
        std::fill_n(std::copy(growing_.begin(), growing_.end(), packed_.data()), 2, std::uint64_t{0});
        growing_ = words_ = {};
        for (auto* fitted : {&begins_, &orders_}) fitted->shrink_to_fit();
        heads_.shrink_to_fit();
        levels_.shrink_to_fit();
    }

    PackedColumn<S> operator[](std::size_t column) const noexcept {
        if (begins_.empty()) return {};
        const std::size_t heads = (samples_ + PackedValues<S>::block - 1) / PackedValues<S>::block + 1;
        const std::size_t levels = levels_.size() / begins_.size();
        return {PackedValues<S>(heads_.data() + column * heads, packed_.data() + begins_[column]),
                PackedOrder(packed_.data() + orders_[column], PackedOrder::width_for(samples_)),
                std::span(levels_).subspan(column * levels, levels), false};
    }

    std::size_t bytes() const noexcept {
        return packed_.size() * sizeof(std::uint64_t) + heads_.size() * sizeof(Head) + levels_.size() * sizeof(S) +
               (begins_.size() + orders_.size()) * sizeof(std::size_t);
    }

private:
    std::size_t samples_ = 0;
    std::vector<Head> heads_;
    std::vector<S> levels_;
    std::vector<std::size_t> begins_, orders_;  ///< of each column, in words
    detail::Pages<std::uint64_t> packed_;
    std::vector<std::uint64_t> growing_, words_;
};

}  // namespace renn::inline RENN_ABI
// renn/tracing/derivation.hpp - how values that are not stored come from those that are.

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

// renn/network/for_each_layer.hpp - every layer of a network with its path and parameters.

#include <string>
#include <type_traits>


namespace renn::inline RENN_ABI {
namespace detail {

template <class Net, class P, class F>
void for_each_leaf(Net& net, P& parameters, F& f, Path& path) {
    std::remove_const_t<Net>::for_each_child(net, parameters, [&](const std::string& name, auto& layer, auto& part) {
        const auto guard = path.enter(name);
        if constexpr (CompositeLayer<std::remove_cvref_t<decltype(layer)>>) {
            for_each_leaf(layer, part, f, path);
        } else {
            f(path.view(), layer, part);
        }
    });
}

}  // namespace detail

/// Calls f(path, layer, parameters) for every layer of a network, also inside nested ones, in order.
template <class Net, class F>
    requires CompositeLayer<std::remove_const_t<Net>>
void for_each_layer(Net& net, F&& f) {
    detail::Path path;
    detail::for_each_leaf(net, net.parameters(), f, path);
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

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
}  // namespace renn::inline RENN_ABI
// renn/tracing/store.hpp - what every activation store can do, wherever it keeps its values.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>


namespace renn::inline RENN_ABI {

/// A unit's values in ascending order with the positions of their samples (equal values by ascending id) and the levels
/// of a search through them (index/search_levels.hpp), as a store may keep them. Empty: it does not.
template <class S>
struct StoredColumn {
    const S* values = nullptr;
    const std::uint32_t* order = nullptr;
    std::span<const S> levels = {};
    bool empty() const noexcept { return values == nullptr; }
};

/// A recording that does not change any more. Samples are addressed by position 0, 1, 2, ...; `values` gives those of a
/// unit (of a channel in several dimensions: one of them) in that order, in `scratch` where it has no such array.
///
/// A store may also have
///   sorted(Unit) -> StoredColumn   the unit's index, so that none need be built;
///   packed(Unit) -> PackedColumn   the same in a form that is no array (index/packed_column.hpp);
///   check(const void*, bytes)      to be called for every part of such an array that was read, before an answer rests
///                                  on it; throws where the bytes are not those that were written;
///   as_stored(point, values)       rounds one sample's values as the store rounded those it keeps.
///
/// Threads  const members may run on several threads at once.
template <class T>
concept ActivationStore = requires(const T& store, Unit unit, Index number, std::size_t i, std::uint64_t id,
                                   std::vector<typename T::Scalar>& scratch) {
    typename T::Scalar;
    { store.points } -> std::convertible_to<const std::vector<Point>&>;
    { store.class_names } -> std::convertible_to<const std::vector<std::string>&>;
    { store.fingerprint } -> std::convertible_to<std::uint64_t>;
    { store.build } -> std::convertible_to<std::string>;
    { store.first_input } -> std::convertible_to<const Batch<typename T::Scalar>&>;
    { store.samples() } -> std::same_as<Index>;
    { store.classes() } -> std::same_as<int>;
    { store.position_of(id) } -> std::same_as<Index>;
    { store.ids[i] } -> std::convertible_to<std::uint64_t>;
    { store.labels[i] } -> std::convertible_to<std::int32_t>;
    { store.predictions[i] } -> std::convertible_to<std::int32_t>;
    { store.tags[i] } -> std::convertible_to<std::string>;
    { store.labels.empty() && store.predictions.empty() && store.tags.empty() } -> std::same_as<bool>;
    { store.by_id().size() } -> std::convertible_to<std::size_t>;
    { store.outputs.rows() } -> std::same_as<Index>;
    store.outputs.col(number);
    { store.values(unit, number, scratch) } -> std::same_as<std::span<const typename T::Scalar>>;
    { store.value(unit, number, number) } -> std::same_as<typename T::Scalar>;
};

namespace detail {

template <class Store>
concept Rounds = requires(const Store& store, std::span<typename Store::Scalar> values) {
    store.as_stored(std::size_t{}, values);
};

/// A store of rounded values, or a part or union of such: a copy that does not know it would not round queries.
template <class Store>
concept Reduced = Rounds<Store> || requires {
    requires Store::reduced;
};

}  // namespace detail
}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI::detail {

/// A column is made when it is first asked for; of values that are not stored, over those recomputed. Where a
/// post-activation keeps the order of its pre-activation, both have one (`source`).
/// Threads   const members may run on several threads at once; a column is made once, by whoever needs it first.
template <class Store>
class NeuronColumns {
public:
    using Scalar = typename Store::Scalar;
    using Scratch = RadixScratch<Scalar>;

    /// Whether the store keeps columns in a form that is no array; then so are those made here.
    static constexpr bool packed = requires(const Store& s, Unit u) { s.packed(u); };
    using Column = std::conditional_t<packed, PackedView<Scalar>, ColumnView<Scalar>>;

    /// Whether a sample's value is found through its unit's sorted column only.
    static constexpr bool keeps_sorted = packed || requires(const Store& s, Unit u) { s.sorted(u); };

    NeuronColumns(std::shared_ptr<const Store> store, std::vector<Derivation<Scalar>> derivations)
        : store_(std::move(store)), derivations_(std::move(derivations)) {
        starts_.push_back(0);
        for (const Point& point : store_->points) starts_.push_back(starts_.back() + point.units.size());
        made_ = std::make_unique<Once[]>(units());
        if constexpr (packed) packed_.resize(units());
        const auto n = static_cast<std::size_t>(store_->samples());
        for (std::uint32_t p = 0; p < store_->points.size(); ++p) {  // address space; memory comes with the first touch
            const bool sorted =
                !packed && source({p, 0}).point == p && store_->points[p].dimensions() == 1 && stored({p, 0}).empty();
            const std::size_t count = sorted ? store_->points[p].units.size() * n : 0;
            values_.emplace_back(count);
            order_.emplace_back(count);
        }
    }

    const Store& store() const noexcept { return *store_; }

    /// Units of all points are numbered one after the other.
    std::size_t units() const noexcept { return starts_.back(); }
    std::size_t number(Unit u) const noexcept { return starts_[u.point] + u.unit; }
    Unit unit(std::size_t number) const {
        std::uint32_t point = 0;
        while (starts_[point + 1] <= number) ++point;
        return {point, static_cast<std::uint32_t>(number - starts_[point])};
    }

    /// Set if what is seen is x > 0 ? x : slope * x of a stored point.
    std::optional<Scalar> slope(std::uint32_t point) const noexcept { return derivations_[point].negative_slope; }

    /// What a point that is not stored makes of n values of the point it is recomputed from.
    void derive(std::uint32_t point, const Scalar* in, Scalar* out, Index n) const {
        derivations_[point].apply(derivations_[point].layer, in, out, n);
    }

    /// The stored unit that another, which is not, is recomputed from.
    Unit derived_from(Unit u) const noexcept {
        return {static_cast<std::uint32_t>(store_->points[u.point].derived_from), u.unit};
    }

    /// The unit whose sorted column this one uses.
    Unit source(Unit u) const noexcept { return slope(u.point) ? derived_from(u) : u; }

    /// What the store has of the unit's index, or what was packed here.
    auto stored([[maybe_unused]] Unit u) const {
        if constexpr (packed) {
            if (!store_->points[u.point].stored()) return packed_[number(u)][0];
            return store_->packed(u);
        } else {
            StoredColumn<Scalar> found;
            if constexpr (keeps_sorted) {
                if (store_->points[u.point].stored()) found = store_->sorted(u);
            }
            return found;
        }
    }

    /// The unit's own sorted column, seen as it is.
    Column column(Unit u, Scratch* scratch) const {
        const auto n = static_cast<std::size_t>(store_->samples());
        if constexpr (packed) {
            if (!store_->points[u.point].stored()) made_[number(u)].run([&] { pack(u, scratch); });
            const PackedColumn<Scalar> ready = stored(u);
            return {ready.values, ready.order, n};
        } else {
            if (const auto ready = stored(u); !ready.empty()) return {ready.values, ready.order, n};
            Scalar* values = values_[u.point].data() + u.unit * n;
            std::uint32_t* order = order_[u.point].data() + u.unit * n;
            made_[number(u)].run([&] {
                sort(u, values, order, scratch);
                bytes_ += n * (sizeof(Scalar) + sizeof(std::uint32_t));
            });
            return {values, order, n};
        }
    }

    /// Bytes of what has been made so far.
    std::size_t bytes() const noexcept { return bytes_.load(); }

private:
    void pack(Unit u, Scratch* scratch) const {
        std::vector<Scalar> values(static_cast<std::size_t>(store_->samples()));
        std::vector<std::uint32_t> order(values.size());
        sort(u, values.data(), order.data(), scratch);
        PackedColumns<Scalar> one(values.size());
        one.add(values, order);
        one.finish();
        bytes_ += one.bytes();
        packed_[number(u)] = std::move(one);
    }

    void sort(Unit u, Scalar* values, std::uint32_t* order, Scratch* scratch) const {
        Scratch own;
        Scratch& buffers = scratch != nullptr ? *scratch : own;
        std::vector<Scalar> loaded;
        if (store_->points[u.point].stored()) {
            sort_column<Scalar>(store_->values(u, 0, loaded), store_->by_id(), values, order, buffers);
        } else {
            const auto in = store_->values(derived_from(u), 0, loaded);
            std::vector<Scalar> out(in.size());
            derive(u.point, in.data(), out.data(), std::ssize(in));
            sort_column<Scalar>(out, store_->by_id(), values, order, buffers);
        }
    }

    std::shared_ptr<const Store> store_;
    std::vector<Derivation<Scalar>> derivations_;
    std::vector<std::size_t> starts_;            ///< number of the first unit of each point
    mutable std::vector<Pages<Scalar>> values_;  ///< one a point: unit after unit; empty where another's is shared
    mutable std::vector<Pages<std::uint32_t>> order_;
    mutable std::vector<PackedColumns<Scalar>> packed_;  ///< one a unit, of those that the store has not
    std::unique_ptr<Once[]> made_;                       ///< one a unit
    mutable std::atomic<std::size_t> bytes_{0};
};

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI {

/// The sorted values of every recorded neuron, over a store that does not change any more. A post-activation that keeps
/// the order of its pre-activation shares its sorted column; any other gets one over the recomputed values.
/// Threads   const members may run on several threads at once; a structure is built once, by whoever needs it first.
template <class Store, class P>
class NeuronIndex {
public:
    using Policy = P;
    using Scalar = typename Store::Scalar;
    static_assert(IndexPolicy<Policy, Scalar>, "renn: this type is not an index policy (index/index_policy.hpp)");
    using Locator = typename Policy::template Locator<Scalar>;
    static constexpr std::string_view policy_name = Policy::name;

    using Columns = detail::NeuronColumns<Store>;
    using Column = typename Columns::Column;
    using Scratch = typename Columns::Scratch;
    static constexpr bool packed = Columns::packed, keeps_sorted = Columns::keeps_sorted;
    static_assert(!packed || std::constructible_from<Locator, const Column&, std::span<const Scalar>>,
                  "renn: packed columns are searched through their levels: use the index policy Sorted");

    /// `owner` keeps alive what the derivations point to.
    NeuronIndex(std::shared_ptr<const Store> store, std::vector<Derivation<Scalar>> derivations,
                std::shared_ptr<const void> owner)
        : columns_(std::move(store), std::move(derivations)), owner_(std::move(owner)) {
        const auto points = static_cast<std::uint32_t>(this->store().points.size());
        for (std::uint32_t p = 0; p < points; ++p) {
            const bool rectifier = columns_.slope(p) == Scalar(0);
            clipped_starts_.push_back(rectifier ? static_cast<std::ptrdiff_t>(clipped_units_) : -1);
            if (rectifier) clipped_units_ += this->store().points[p].units.size();
        }
        slots_ = std::make_unique<Slot[]>(units());
    }

    const Store& store() const noexcept { return columns_.store(); }
    std::size_t units() const noexcept { return columns_.units(); }

    /// One neuron's part of the index.
    struct Entry {
        Column column;
        const Locator* locator;
    };

    /// The sorted column of a unit and what finds places in it. O(n) the first time.
    Entry entry(Unit u) const {
        const Slot& slot = built(u, nullptr);
        return {slot.view, &*slot.locator};
    }

    /// The tree of a neuron in several dimensions. O(n log n) the first time.
    const ChannelTree<Scalar>& tree(Unit u) const {
        const Slot& s = slot(u);
        s.once.run([&] {
            const Index dimensions = store().points[u.point].dimensions();
            std::vector<std::vector<Scalar>> kept(static_cast<std::size_t>(dimensions));
            std::vector<std::span<const Scalar>> columns;
            for (Index d = 0; d < dimensions; ++d) {
                columns.push_back(store().values(u, d, kept[static_cast<std::size_t>(d)]));
            }
            s.tree = std::make_unique<ChannelTree<Scalar>>(std::move(columns), store().by_id(), std::move(kept));
            bytes_ += s.tree->bytes();
        });
        return *s.tree;
    }

    /// Value of a sample at a unit, recomputed where it is not stored; in several dimensions, their mean.
    Scalar value(Unit u, std::uint32_t sample) const {
        const Point& point = store().points[u.point];
        if (point.dimensions() > 1) {
            Scalar sum = 0;
            for (Index d = 0; d < point.dimensions(); ++d) sum += store().value(u, d, sample);
            return sum / static_cast<Scalar>(point.dimensions());
        }
        if (point.stored()) return store().value(u, 0, sample);
        const Scalar in = store().value(columns_.derived_from(u), 0, sample);
        Scalar out;
        derive(u.point, &in, &out, 1);
        return out;
    }

    /// What a point that is not stored makes of n values of the point it is recomputed from.
    void derive(std::uint32_t point, const Scalar* in, Scalar* out, Index n) const {
        columns_.derive(point, in, out, n);
    }

    /// To be called for what was read of a column: a store that checks its bytes throws if they are not those written.
    template <class T>
    void check([[maybe_unused]] const T* from, [[maybe_unused]] std::size_t count) const {
        if constexpr (requires { store().check(from, count); }) store().check(from, count * sizeof(T));
    }

    /// The same for all that the window of a query rests on, its place included.
    void check_window([[maybe_unused]] const Entry& entry, [[maybe_unused]] double query,
                      [[maybe_unused]] std::uint32_t k, [[maybe_unused]] std::uint32_t position,
                      [[maybe_unused]] const Window& window, [[maybe_unused]] bool among) const {
        if constexpr (requires { store().check(entry.column.values, std::size_t{}); }) {
            detail::check_window(*this, entry.column, query, k, position, window, among);
        }
    }

    /// Place of a sample in the sorted column of a unit. O(log n).
    std::uint32_t place_of(Unit u, std::uint32_t sample) const {
        const Column view = entry(u).column;
        if constexpr (packed) {
            std::uint32_t at = 0;
            while (view.order[at] != sample) ++at;
            return at;
        } else if constexpr (keeps_sorted) {
            check(view.order, view.size);
            const std::uint32_t* at = std::find(view.order, view.order + view.size, sample);
            if (at == view.order + view.size) {
                detail::raise<FormatError>("index",
                                           "damaged: a sorted column without sample " + std::to_string(sample));
            }
            return static_cast<std::uint32_t>(at - view.order);
        } else {
            const Scalar wanted = value(columns_.source(u), sample);
            const Scalar* begin = std::lower_bound(view.values, view.values + view.size, wanted);
            const Scalar* end = std::upper_bound(begin, view.values + view.size, wanted);
            const std::uint64_t id = store().ids[sample];
            const std::uint32_t* first = view.order + (begin - view.values);
            const std::uint32_t* last = view.order + (end - view.values);
            const auto before = [this](std::uint32_t s, std::uint64_t i) { return store().ids[s] < i; };
            return static_cast<std::uint32_t>(std::lower_bound(first, last, id, before) - view.order);
        }
    }

    /// Samples that rectifiers (slope 0) hold at 0, and a unit's number in that table; -1 for other units.
    const detail::Clipped& clipped() const {
        clipped_once_.run([this] {
            const Store& recorded = store();
            const auto n = static_cast<std::size_t>(recorded.samples());
            clipped_ = detail::Clipped(n, clipped_units_, static_cast<std::size_t>(recorded.classes()));
            std::vector<Scalar> scratch;
            for (std::uint32_t p = 0; p < recorded.points.size(); ++p) {
                if (clipped_starts_[p] < 0) continue;
                for (std::uint32_t u = 0; u < recorded.points[p].units.size(); ++u) {
                    clipped_.add<Scalar>(static_cast<std::size_t>(clipped_number({p, u})),
                                         recorded.values(columns_.source({p, u}), 0, scratch), recorded.labels);
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
        std::vector<Scratch> scratch(static_cast<std::size_t>(detail::thread_count(threads, tasks)));
        return detail::parallel_for(
            tasks, threads,
            [&](Index task, int worker) {
                const Unit u = columns_.unit(static_cast<std::size_t>(task));
                if (store().points[u.point].dimensions() > 1) {
                    tree(u);
                } else {
                    built(u, &scratch[static_cast<std::size_t>(worker)]);
                }
            },
            [&](Index done) {
                return !progress ||
                       progress({static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(tasks), "indexing"});
            });
    }

    /// Bytes of what has been built so far.
    std::size_t bytes() const noexcept { return columns_.bytes() + bytes_.load(); }

private:
    struct alignas(64) Slot {  // what a query reads is in its first lines
        mutable detail::Once once;
        mutable Column view;
        mutable std::optional<Locator> locator;
        mutable std::unique_ptr<ChannelTree<Scalar>> tree;  ///< of a neuron in several dimensions, in place of both
    };

    const Slot& slot(Unit u) const noexcept { return slots_[columns_.number(u)]; }

    /// Where the values above 0 begin.
    static std::uint32_t positives(const Column& column) {
        return detail::gallop_up(0, column.size, [&column](std::uint32_t i) { return column.values[i] > Scalar(0); });
    }

    /// From the levels in the store, from the locator of the column it shares, or from the column.
    void make_locator(Unit u, Unit from, Scratch* scratch) const {
        const Slot& s = slot(u);
        if constexpr (std::constructible_from<Locator, const Column&, std::span<const Scalar>>) {
            if (const auto stored = columns_.stored(from); !stored.empty()) {
                s.locator.emplace(s.view, stored.levels);
                return;
            }
        }
        if constexpr (std::constructible_from<Locator, const Column&, const Locator&>) {
            if (from != u) {
                s.locator.emplace(s.view, *built(from, scratch).locator);
                return;
            }
        }
        if constexpr (!packed) {
            check(s.view.values, s.view.size);
            s.locator.emplace(s.view);
        }
    }

    const Slot& built(Unit u, Scratch* scratch) const {
        const Slot& s = slot(u);
        s.once.run([&] {
            const Unit from = columns_.source(u);
            s.view = columns_.column(from, scratch);
            s.view.slope = columns_.slope(u.point).value_or(Scalar(1));
            make_locator(u, from, scratch);
            bytes_ += s.locator->bytes();
            if (s.view.slope == Scalar(0)) {
                s.view.clipped = positives(s.view);
                const std::uint32_t edge = s.view.clipped > 0 ? s.view.clipped - 1 : 0;
                if constexpr (!packed) check(s.view.values + edge, std::min(2U, s.view.size - edge));
            }
        });
        return s;
    }

    Columns columns_;
    std::shared_ptr<const void> owner_;
    std::unique_ptr<Slot[]> slots_;
    std::vector<std::ptrdiff_t> clipped_starts_;  ///< number of a rectifier's first unit in the table; -1: no rectifier
    std::size_t clipped_units_ = 0;
    mutable detail::Once clipped_once_;
    mutable detail::Clipped clipped_;
    mutable std::atomic<std::size_t> bytes_{0};
};

}  // namespace renn::inline RENN_ABI
// renn/retrace/as_stored.hpp - a query's values rounded as a store rounded those of its samples.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

// renn/tracing/pool_channels.hpp - the few values that stand for a channel.

#include <algorithm>


namespace renn::inline RENN_ABI {

/// Pools the recorded channels of a point into its cells: cell i of n over m rows takes rows [i m / n, (i + 1) m / n),
/// rounded outwards, so cells of uneven images overlap by a row (PyTorch's adaptive pooling).
///
/// Shapes   block: width of the point x n, out: columns of the point x n, channel after channel, cell after cell.
/// Numbers  each cell is summed in row-major order, so a sample's values depend on nothing else.
template <class S>
void pool_channels(const Point& point, const BatchView<S>& block, Batch<S>& out) {
    detail::reshape(out, point.columns(), block.cols());
    const Shape& in = point.shape;
    const Shape& cells = point.cells;
    const auto begin = [](Index i, Index n, Index m) { return i * m / n; };
    const auto end = [](Index i, Index n, Index m) { return ((i + 1) * m + n - 1) / n; };
    for (Index j = 0; j < block.cols(); ++j) {
        const S* sample = block.col(j).data();
        S* to = out.col(j).data();
        for (const std::uint32_t channel : point.units) {
            const S* image = sample + static_cast<Index>(channel) * in.positions();
            for (Index cy = 0; cy < cells.height; ++cy) {
                for (Index cx = 0; cx < cells.width; ++cx) {
                    const Index top = begin(cy, cells.height, in.height), bottom = end(cy, cells.height, in.height);
                    const Index left = begin(cx, cells.width, in.width), right = end(cx, cells.width, in.width);
                    S sum = 0, highest = image[top * in.width + left];
                    for (Index y = top; y < bottom; ++y) {
                        for (Index x = left; x < right; ++x) {
                            const S value = image[y * in.width + x];
                            sum += value;
                            highest = std::max(highest, value);
                        }
                    }
                    *to++ = point.pool == Pool::max ? highest : sum / static_cast<S>((bottom - top) * (right - left));
                }
            }
        }
    }
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI::detail {

/// Shapes   reported: width of the point x queries; out: the same, or columns of the point x queries where channels are
///          the neurons. Rows of units that are not recorded stay as they are.
template <Rounds Store, class S = typename Store::Scalar>
void as_stored(const Store& store, std::uint32_t p, const Batch<S>& reported, Batch<S>& out) {
    const Point& point = store.points[p];
    const bool all = point.by_channel() || point.count() == point.width;
    if (point.by_channel()) {
        pool_channels<S>(point, reported, out);
    } else {
        out = reported;
    }
    std::vector<S> some(point.units.size());
    for (Index q = 0; q < out.cols(); ++q) {
        S* sample = out.data() + q * out.rows();
        if (all) {
            store.as_stored(p, std::span<S>(sample, static_cast<std::size_t>(out.rows())));
            continue;
        }
        for (std::size_t u = 0; u < some.size(); ++u) some[u] = sample[point.units[u]];
        store.as_stored(p, std::span<S>(some));
        for (std::size_t u = 0; u < some.size(); ++u) sample[point.units[u]] = some[u];
    }
}

}  // namespace renn::inline RENN_ABI::detail
// renn/retrace/recorded_queries.hpp - recorded samples as queries: their values from the store, not from a forward
// pass.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// What recorded samples had at a point, laid out as a model reports it: width of the point x samples, 0 for units that
/// are not recorded; columns of the point x samples where channels are the neurons.
/// Cost   a look at each value; samples side by side in the store are side by side in memory.
template <class NeuronIndex, class S = typename NeuronIndex::Scalar>
void recorded_values(const NeuronIndex& index, std::uint32_t p, std::span<const std::uint32_t> positions,
                     Batch<S>& out) {
    const auto& store = index.store();
    const Point& point = store.points[p];
    const std::uint32_t from = point.stored() ? p : static_cast<std::uint32_t>(point.derived_from);
    const bool channels = store.points[from].by_channel();
    const Index dimensions = store.points[from].dimensions();
    out.setZero(channels ? store.points[from].columns() : point.width, static_cast<Index>(positions.size()));
    for (std::uint32_t u = 0; u < point.units.size(); ++u) {
        for (Index d = 0; d < dimensions; ++d) {
            const Index row = channels ? static_cast<Index>(u) * dimensions + d : static_cast<Index>(point.units[u]);
            for (std::size_t q = 0; q < positions.size(); ++q) {
                out(row, static_cast<Index>(q)) = store.value({from, u}, d, static_cast<Index>(positions[q]));
            }
        }
    }
    if (from != p) index.derive(p, out.data(), out.data(), out.size());
}

}  // namespace renn::inline RENN_ABI::detail
// renn/retrace/retrace.hpp - the answer: the training samples a prediction rests on.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// renn/retrace/search.hpp - what a retrace is asked, and what the search for it found.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// renn/retrace/spares.hpp - memory of answers that are gone, for the next ones.

#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// Vectors that somebody has done with, for whoever needs some; safe to use from several threads at once. Freed memory
/// goes back to the system, which clears it page by page when it is asked for again: a tenth of the time of a batch.
template <class T>
class Spares {
public:
    static constexpr std::size_t most = 1024;                        ///< vectors that are kept,
    static constexpr std::size_t most_bytes = std::size_t{1} << 25;  ///< and their memory in all

    Spares() { kept_.reserve(most); }

    /// An empty one, most often with room.
    std::vector<T> take() {
        const std::lock_guard lock(guard_);
        if (kept_.empty()) return {};
        std::vector<T> one = std::move(kept_.back());
        kept_.pop_back();
        bytes_ -= size(one);
        return one;
    }

    void give(std::vector<T>&& one) noexcept {
        one.clear();
        const std::lock_guard lock(guard_);
        if (one.capacity() == 0 || kept_.size() == most || size(one) > most_bytes - bytes_) return;
        bytes_ += size(one);
        kept_.push_back(std::move(one));
    }

private:
    static std::size_t size(const std::vector<T>& one) noexcept { return one.capacity() * sizeof(T); }

    std::mutex guard_;
    std::vector<std::vector<T>> kept_;
    std::size_t bytes_ = 0;
};

}  // namespace renn::inline RENN_ABI::detail
// renn/retrace/vote_counter.hpp - counts whole votes of samples and finds those with most.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// A sample that may be among those with most votes.
struct Candidate {
    std::uint32_t sample;
    double votes;
};

/// Counters of votes, to be used again from query to query: one a sample where many samples get votes, else a table of
/// those that do, so that cost follows the votes and not the samples. Once grown it allocates nothing.
class VoteCounter {
public:
    /// Before `votes` votes of `neurons` neurons are counted; a neuron has at most one vote a sample.
    void begin(std::size_t samples, std::size_t votes, std::size_t neurons) {
        if (!clean_) {  // an error came between
            std::fill(counts16_.begin(), counts16_.end(), std::uint16_t{0});
            std::fill(counts32_.begin(), counts32_.end(), 0U);
            std::fill(table_.begin(), table_.end(), Entry());
        }
        samples_ = samples;
        wide_ = neurons > std::numeric_limits<std::uint16_t>::max();
        sparse_ = samples / 48 > votes;  // about where the scan of all counters costs what the table does
        if (sparse_) {
            std::size_t size = 64;
            shift_ = 32 - 6;
            while (size < 2 * votes) {
                size *= 2;
                --shift_;
            }
            if (table_.size() < size) table_.resize(size);
            size_ = size;
        } else if (wide_) {
            if (counts32_.size() < samples) counts32_.resize(samples);
        } else {
            if (counts16_.size() < samples) counts16_.resize(samples);
        }
        clean_ = false;
    }

    /// A vote for each of some samples.
    void add(const std::uint32_t* samples, std::size_t count) {
        if (sparse_) {
            for (std::size_t i = 0; i < count; ++i) ++entry(samples[i]).votes;
        } else if (wide_) {
            for (std::size_t i = 0; i < count; ++i) ++counts32_[samples[i]];
        } else {
            std::uint16_t* counts = counts16_.data();
            for (std::size_t i = 0; i < count; ++i) ++counts[samples[i]];
        }
    }

    /// Votes of a sample so far.
    std::uint32_t votes(std::uint32_t sample) {
        if (sparse_) return entry(sample).votes;
        return wide_ ? counts32_[sample] : counts16_[sample];
    }

    /// Calls f(sample, votes) for samples with votes, in no particular order, and forgets them.
    template <class F>
    void take_all(F&& f) {
        if (sparse_) {
            for (std::size_t i = 0; i < size_; ++i) {
                if (table_[i].votes > 0) f(table_[i].sample, table_[i].votes);
                table_[i] = Entry();
            }
        } else {
            for (std::size_t s = 0; s < samples_; ++s) {
                std::uint32_t votes = 0;
                if (wide_) {
                    votes = std::exchange(counts32_[s], 0U);
                } else {
                    votes = std::exchange(counts16_[s], std::uint16_t{0});
                }
                if (votes > 0) f(static_cast<std::uint32_t>(s), votes);
            }
        }
        clean_ = true;
    }

    /// Every sample that may be among the m first when up to `shared` more votes come to each, and forgets all votes.
    /// Samples without a vote are left out if `shared` is 0.
    void take_leaders(std::size_t m, double shared, std::vector<Candidate>& leaders) {
        leaders.clear();
        heap_.assign(m, 0U);
        Leaders best{heap_, shared, leaders, shared > 0.0 ? 0U : 1U};
        if (sparse_) {
            take_all([&best](std::uint32_t sample, std::uint32_t votes) {
                if (votes >= best.threshold) best.take(sample, votes);
            });
            if (best.threshold == 0) best.add_rest(samples_);
        } else if (wide_) {
            scan(counts32_.data(), best);
        } else {
            scan(counts16_.data(), best);
        }
        clean_ = true;
        const auto least = static_cast<double>(best.threshold);
        std::erase_if(leaders, [least](const Candidate& c) { return c.votes < least; });
    }

private:
    struct Entry {
        std::uint32_t sample = 0;
        std::uint32_t votes = 0;
    };

    /// The largest counts so far, and what a sample needs to come into question.
    struct Leaders {
        std::vector<std::uint32_t>& heap;  ///< smallest on top
        double shared;
        std::vector<Candidate>& found;
        std::uint32_t threshold;

        void take(std::uint32_t sample, std::uint32_t votes) {
            found.push_back({sample, static_cast<double>(votes)});
            if (votes <= heap.front()) return;
            std::pop_heap(heap.begin(), heap.end(), std::greater<>());
            heap.back() = votes;
            std::push_heap(heap.begin(), heap.end(), std::greater<>());
            raise(heap.front());
        }

        /// The m-th best has at least this many; what stays below it even with every share is out.
        /// (The margin covers what rounding of the sums may do.)
        void raise(std::uint32_t votes) {
            const double least = static_cast<double>(votes) - shared * (1.0 + 1e-9) - 1e-9;
            if (least > 0.0) threshold = std::max(threshold, static_cast<std::uint32_t>(std::ceil(least)));
        }

        /// All samples that were not found come into question too.
        void add_rest(std::size_t samples) {
            std::vector<char> known(samples, char{0});
            for (const Candidate& c : found) known[c.sample] = 1;
            for (std::size_t s = 0; s < samples; ++s) {
                if (known[s] == 0) found.push_back({static_cast<std::uint32_t>(s), 0.0});
            }
        }
    };

    /// Looks at all counters and clears them. The m-th largest of the largest of each block is no more than the m-th
    /// largest of all, so few blocks are looked into.
    template <class C>
    void scan(C* counts, Leaders& best) {
        constexpr std::size_t block = 64, top = 255;
        const std::size_t blocks = samples_ / block;
        highest_.resize(blocks);
        std::array<std::uint32_t, top + 1> with{};  // blocks with this highest count
        for (std::size_t b = 0; b < blocks; ++b) {
            C highest = 0;
            for (std::size_t i = 0; i < block; ++i) highest = std::max(highest, counts[b * block + i]);
            highest_[b] = highest;
            ++with[std::min<std::size_t>(highest, top)];
        }
        std::uint32_t high = top;
        for (std::size_t seen = with[top]; high > 0 && seen < best.heap.size(); seen += with[high]) --high;
        best.raise(high);
        for (std::size_t b = 0; b < blocks; ++b) {
            if (highest_[b] >= best.threshold) look(counts, b * block, (b + 1) * block, best);
        }
        look(counts, blocks * block, samples_, best);
        std::memset(counts, 0, samples_ * sizeof(C));
    }
    template <class C>
    static void look(const C* counts, std::size_t from, std::size_t to, Leaders& best) {
        for (std::size_t s = from; s < to; ++s) {
            if (counts[s] >= best.threshold) best.take(static_cast<std::uint32_t>(s), counts[s]);
        }
    }

    Entry& entry(std::uint32_t sample) noexcept {
        std::size_t at = (sample * 2654435769U) >> shift_;
        while (table_[at].votes != 0 && table_[at].sample != sample) at = (at + 1) & (size_ - 1);
        table_[at].sample = sample;
        return table_[at];
    }

    std::vector<std::uint16_t> counts16_;
    std::vector<std::uint32_t> counts32_;
    std::vector<std::uint32_t> heap_, highest_;
    std::vector<Entry> table_;  ///< open addressing, at most half full
    std::size_t samples_ = 0;
    std::size_t size_ = 0;  ///< part of the table in use, a power of 2
    int shift_ = 0;
    bool wide_ = false;
    bool sparse_ = false;
    bool clean_ = true;  ///< all counters are 0
};

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI {

/// Memory for counting votes, to be used again from query to query, by one thread at a time.
struct VoteScratch {
    detail::VoteCounter counter;
    std::vector<detail::Candidate> leaders, tied;
    std::vector<double> shares;
};

namespace detail {

/// Such memory for whoever needs some; safe to use from several threads at once. It holds as many as were ever used
/// side by side.
class VotePool {
public:
    template <class Work>
    auto with(Work&& work) {
        std::unique_ptr<VoteScratch> scratch = take();
        auto result = work(*scratch);
        const std::lock_guard lock(guard_);
        free_.push_back(std::move(scratch));
        return result;
    }

private:
    std::unique_ptr<VoteScratch> take() {
        const std::lock_guard lock(guard_);
        if (free_.empty()) return std::make_unique<VoteScratch>();
        auto scratch = std::move(free_.back());
        free_.pop_back();
        return scratch;
    }

    std::mutex guard_;
    std::vector<std::unique_ptr<VoteScratch>> free_;
};

}  // namespace detail
}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// What happens where the last of the k places falls inside a group of samples at one distance.
enum class Ties : std::uint8_t {
    share,          ///< the group shares those places equally: the expected vote under random tie-breaking
    strict,         ///< such a neuron does not vote
    skip_inactive,  ///< a neuron with |value| < 1e-7 does not vote, others share (Geiger's thesis)
    lowest_id,      ///< the samples with the lowest ids of the group take the places
};

/// The policy's name as in the code.
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

/// Which neurons vote, how many samples each names, and which samples may be sources.
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

/// One neuron's answer: its own value for the query, and the closest recorded ones as ranges of its sorted column; of a
/// neuron in several dimensions, as ranges of what was found.
struct NeuronAnswer {
    Unit unit;
    const std::uint32_t* order = nullptr;  ///< of its sorted column if that is an array, or of what was found
    const double* distances = nullptr;     ///< of what was found, in several dimensions
    double query = 0.0;
    Window window;
    bool votes = true;         ///< false where the tie policy makes it abstain
    bool zeros = false;        ///< the tied group is that of all samples a rectifier holds at 0
    std::uint32_t chosen = 0;  ///< with lowest_id: where its chosen samples begin
};

namespace detail {

inline constexpr std::uint32_t no_sample = static_cast<std::uint32_t>(-1);

/// Memory that queries use one after the other.
struct QueryMemory {
    VotePool votes;
    Spares<NeuronAnswer> answers;
};

/// A search that was run: immutable, shared by all the views on it.
template <class Index>
struct Search {
    using Scalar = typename Index::Scalar;

    explicit Search(std::shared_ptr<const Index> searched, std::shared_ptr<QueryMemory> used)
        : index(std::move(searched)), memory(std::move(used)), neurons(memory->answers.take()) {}
    Search(const Search&) = default;
    Search& operator=(const Search&) = delete;
    ~Search() { memory->answers.give(std::move(neurons)); }

    std::shared_ptr<const Index> index;
    std::shared_ptr<QueryMemory> memory;
    RetraceOptions options;
    std::uint32_t without = no_sample;                         ///< position of the sample left out
    std::shared_ptr<const std::vector<char>> allowed;          ///< one a sample, or null: all
    std::vector<NeuronAnswer> neurons;                         ///< by point, then unit
    std::vector<std::uint32_t> chosen;                         ///< positions that lowest_id chose from tied groups
    std::vector<std::shared_ptr<const NearestSamples>> found;  ///< by neurons in several dimensions
    std::vector<Scalar> outputs;                               ///< of the model for the query
    std::int32_t prediction = -1;                              ///< -1 for a model without outputs

    /// Calls f(samples, count) for those at the places [begin, end) of an answer, in pieces.
    template <class F>
    void read(const NeuronAnswer& a, std::uint32_t begin, std::uint32_t end, F&& f) const {
        if constexpr (Index::packed) {
            if (a.order == nullptr) return index->entry(a.unit).column.order.read(begin, end, f);
        }
        index->check(a.order + begin, end - begin);
        f(a.order + begin, std::size_t{end - begin});
    }

    /// Place of a sample among those of an answer, or tied_end where it is not among them. Looks at every place.
    std::uint32_t place_of(const NeuronAnswer& a, std::uint32_t sample) const {
        std::uint32_t place = a.window.tied_begin;
        bool there = false;
        read(a, a.window.tied_begin, a.window.tied_end, [&](const std::uint32_t* samples, std::size_t count) {
            if (there) return;
            const auto at = static_cast<std::size_t>(std::find(samples, samples + count, sample) - samples);
            there = at < count;
            place += static_cast<std::uint32_t>(at);
        });
        return place;
    }

    /// Of a sample from the query at one neuron; infinite where it is not as near as the boundary.
    double distance(const NeuronAnswer& a, std::uint32_t sample) const {
        constexpr double far = std::numeric_limits<double>::infinity();
        const std::uint32_t near = a.window.tied_end - a.window.tied_begin;
        // A few samples side by side are looked through sooner than a value somewhere in the store is read.
        if (a.distances == nullptr && near > 512 && !Index::keeps_sorted) {
            return std::abs(static_cast<double>(index->value(a.unit, sample)) - a.query);
        }
        const std::uint32_t at = place_of(a, sample);
        if (at == a.window.tied_end) return far;
        if (a.distances != nullptr) return a.distances[at];
        const auto column = index->entry(a.unit).column;
        if constexpr (!Index::packed) index->check(column.values + at, 1);
        return column.distance(at, a.query);
    }

    bool everyone() const noexcept { return without == no_sample && allowed == nullptr; }
    bool admits(std::uint32_t sample) const noexcept {
        return sample != without && (allowed == nullptr || (*allowed)[sample] != 0);
    }
};

/// By the members `classes` and `ids` of the options: one char a sample, or null where all are allowed.
template <class Store, class Options>
std::shared_ptr<const std::vector<char>> allowed_samples(const Store& store, const Options& options) {
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
            raise_unknown("retrace", "layer", name, points, [](const Point& p) { return p.name; });
        }
    }
    for (std::size_t p = 0; p < points.size(); ++p) {
        const bool named =
            std::find(options.layers.begin(), options.layers.end(), points[p].name) != options.layers.end();
        const bool kind = points[p].kind == Kind::pre ? options.pre : options.post;
        if (options.layers.empty() ? kind : named) voting.push_back(static_cast<std::uint32_t>(p));
    }
    if (voting.empty()) {
        const bool pre = std::any_of(points.begin(), points.end(), [](const Point& p) { return p.kind == Kind::pre; });
        raise<DataError>("retrace", "voting neurons", "none",
                         std::string("a kind that was recorded, .") + (pre ? "pre" : "post") + " = true");
    }
    return voting;
}

inline void check_retrace_options(const RetraceOptions& options) {
    if (options.k < 0) raise<DataError>("retrace", "k", std::to_string(options.k), "0 or more");
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
// renn/retrace/votes.hpp - the votes of some neurons: who got them, for which classes they speak.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

// renn/retrace/source.hpp - a training sample that a query is traced to, and what class the sources speak for.

#include <algorithm>
#include <cstdint>
#include <span>


namespace renn::inline RENN_ABI {

/// A training sample that a query is traced to.
struct Source {
    std::uint64_t id = 0;
    double votes = 0.0;
    double share = 0.0;            ///< of all votes; the shares of all sources sum to 1
    std::int32_t label = -1;       ///< -1 if none was recorded
    std::int32_t prediction = -1;  ///< the model's own for this sample; -1 if it has no outputs

    bool operator==(const Source&) const = default;
};

/// Class with most evidence, the first among equals; -1 if there is none above 0: nobody voted.
/// Shapes   evidence: one a class.
inline std::int32_t evidence_class(std::span<const double> evidence) {
    const auto best = std::max_element(evidence.begin(), evidence.end());
    return best == evidence.end() || *best <= 0.0 ? -1 : static_cast<std::int32_t>(best - evidence.begin());
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

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
        return search_->memory->votes.with([&](VoteScratch& scratch) { return top(m, scratch); });
    }
    std::vector<Source> top(std::size_t m, VoteScratch& scratch) const {
        m = std::min(m, static_cast<std::size_t>(store().samples()));
        if (m == 0) return {};
        const double shared = count_singles(scratch);
        std::vector<Candidate>& candidates = scratch.leaders;
        const std::vector<Group> tied = shared > 0.0 ? groups() : std::vector<Group>();
        const bool few = members_of(tied) <= static_cast<std::size_t>(store().samples()) / 16;
        if (few) count_members(tied, scratch);
        scratch.counter.take_leaders(m, few ? 0.0 : shared, candidates);
        std::erase_if(candidates, [this](const Candidate& c) { return !search_->admits(c.sample); });
        if (few) {
            add_members(candidates, scratch.tied);
        } else if (effort(tied, candidates.size()) < effort_of_all(tied)) {
            add_shares(candidates, tied);
        } else {
            sum_shares(tied, scratch.shares);
            for (Candidate& c : candidates) c.votes += scratch.shares[c.sample];
        }
        std::erase_if(candidates, [](const Candidate& c) { return c.votes <= 0.0; });
        const auto& ids = store().ids;
        const bool ascending = store().by_id().empty();  // then ids, somewhere in memory, need not be looked at
        const std::size_t kept = std::min(m, candidates.size());
        std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(kept), candidates.end(),
                          [&ids, ascending](const Candidate& a, const Candidate& b) {
                              if (a.votes != b.votes) return a.votes > b.votes;
                              return ascending ? a.sample < b.sample : ids[a.sample] < ids[b.sample];
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
        count_singles(scratch);
        sum_shares(groups(), scratch.shares);
        scratch.counter.take_all([&scratch](std::uint32_t s, std::uint32_t votes) {
            scratch.shares[s] = static_cast<double>(votes) + scratch.shares[s];
        });
        return std::move(scratch.shares);
    }

    bool has_labels() const noexcept { return !store().labels.empty(); }

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
    std::int32_t evidence_class() const { return renn::evidence_class(evidence()); }

protected:
    using Candidate = detail::Candidate;

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
    void for_range(const NeuronAnswer& a, std::uint32_t begin, std::uint32_t end, F& f) const {
        const bool everyone = search_->everyone();
        search_->read(a, begin, end, [&](const std::uint32_t* samples, std::size_t count) {
            for (std::size_t s = 0; s < count; ++s) {
                if (everyone || search_->admits(samples[s])) f(samples[s]);
            }
        });
    }
    template <class F>
    void for_each_tied(std::size_t i, F&& f) const {
        const NeuronAnswer& a = search_->neurons[i];
        for_range(a, a.window.tied_begin, a.window.closer_begin, f);
        for_range(a, a.window.closer_end, a.window.tied_end, f);
    }
    /// Samples that get a whole vote of neuron i, in pieces; among them samples that the search leaves out.
    template <class F>
    void for_each_single_range(std::size_t i, F&& f) const {
        const NeuronAnswer& a = search_->neurons[i];
        if (!a.votes) return;
        const Window& w = a.window;
        const bool all = w.tied == w.places;
        const std::uint32_t begin = all ? w.tied_begin : w.closer_begin, end = all ? w.tied_end : w.closer_end;
        search_->read(a, begin, end, f);
        if (!all && search_->options.ties == Ties::lowest_id) {
            f(search_->chosen.data() + a.chosen, std::size_t{w.places});
        }
    }
    template <class F>
    void for_each_single(std::size_t i, F&& f) const {
        for_each_single_range(i, [&](const std::uint32_t* samples, std::size_t count) {
            for (std::size_t s = 0; s < count; ++s) {
                if (search_->admits(samples[s])) f(samples[s]);
            }
        });
    }

    void members_by_class(std::size_t i, std::vector<std::uint32_t>& members) const {
        const NeuronAnswer& a = search_->neurons[i];
        const auto& labels = store().labels;
        if (a.zeros && search_->allowed == nullptr) {
            const auto unit = static_cast<std::size_t>(search_->index->clipped_number(a.unit));
            const detail::Clipped& clipped = search_->index->clipped();
            const std::uint32_t without = search_->without;
            if (const auto counts = clipped.by_class(unit); !counts.empty()) {
                std::copy(counts.begin(), counts.end(), members.begin());
                if (without != detail::no_sample && clipped.holds(unit, without)) {
                    --members[static_cast<std::size_t>(labels[without])];
                }
                return;
            }
        }
        std::fill(members.begin(), members.end(), 0U);
        for_each_tied(i, [&](std::uint32_t s) { ++members[static_cast<std::size_t>(labels[s])]; });
    }

    /// What neuron i gives to a sample.
    double vote_of(std::size_t i, std::uint32_t sample) const {
        const NeuronAnswer& a = search_->neurons[i];
        if (!a.votes || a.window.closer + a.window.places == 0) return 0.0;
        const double distance = search_->distance(a, sample);
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
        const auto samples = static_cast<double>(store().samples());  // each has a part of the memory
        return 0.6 * (static_cast<double>(members_of(tied)) + 0.3 * samples);
    }
    std::size_t members_of(const std::vector<Group>& tied) const {
        std::size_t members = 0;
        for (const Group& g : tied) members += search_->neurons[g.neuron].window.tied;
        return members;
    }

    /// Of groups that have few members in all, every member once, by sample, with all its votes.
    void count_members(const std::vector<Group>& tied, VoteScratch& scratch) const {
        std::vector<Candidate>& members = scratch.tied;
        members.clear();
        for (const Group& g : tied) {
            for_each_tied(g.neuron, [&](std::uint32_t s) { members.push_back({s, g.share}); });
        }
        std::stable_sort(members.begin(), members.end(), by_sample);  // a sample's shares are added in group order
        std::size_t distinct = 0;
        for (std::size_t i = 0; i < members.size();) {
            Candidate one{members[i].sample, 0.0};
            for (; i < members.size() && members[i].sample == one.sample; ++i) one.votes += members[i].votes;
            one.votes += scratch.counter.votes(one.sample);
            members[distinct++] = one;
        }
        members.resize(distinct);
    }
    /// Such members in place of candidates that are known by their whole votes only.
    static void add_members(std::vector<Candidate>& candidates, const std::vector<Candidate>& members) {
        std::uint64_t known = 0;  // a bit a sample, modulo 64: most candidates need no search
        for (const Candidate& c : members) known |= std::uint64_t{1} << (c.sample % 64);
        std::erase_if(candidates, [&](const Candidate& c) {
            return ((known >> (c.sample % 64)) & 1U) != 0 &&
                   std::binary_search(members.begin(), members.end(), c, by_sample);
        });
        candidates.insert(candidates.end(), members.begin(), members.end());
    }
    static bool by_sample(const Candidate& a, const Candidate& b) noexcept { return a.sample < b.sample; }

    /// Counts whole votes; returns the most that shares can add to one sample.
    double count_singles(VoteScratch& scratch) const {
        constexpr std::size_t ahead = 8;  // neurons whose samples are on their way
        detail::VoteCounter& counter = scratch.counter;
        const bool everyone = search_->everyone();
        counter.begin(static_cast<std::size_t>(store().samples()), static_cast<std::size_t>(total()), neurons());
        double shared = 0.0;
        for (std::size_t i = begin_; i < end_; ++i) {
            if (!Index::packed && i + ahead < end_) {
                const NeuronAnswer& a = search_->neurons[i + ahead];
                detail::prefetch(a.order + a.window.closer_begin, std::min(a.window.closer, 256U));
            }
            for_each_single_range(i, [&](const std::uint32_t* samples, std::size_t count) {
                if (everyone) {
                    counter.add(samples, count);
                } else {
                    for (std::size_t s = 0; s < count; ++s)
                        counter.add(samples + s, search_->admits(samples[s]) ? 1 : 0);
                }
            });
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
                        sums[c] += search_->distance(a, samples[c]) == a.window.boundary ? g.share : 0.0;
                    }
                }
            }
            const std::size_t count = std::min(width, candidates.size() - first);
            for (std::size_t c = 0; c < count; ++c) candidates[first + c].votes += sums[c];
        }
    }
};

}  // namespace renn::inline RENN_ABI
// renn/tracing/recorded_samples.hpp - all that a store in memory knows beside the values.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>


namespace renn::inline RENN_ABI {

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

namespace detail {

/// Position of a sample among ids that ascend, or do where `by_id` says. Throws DataError for an unknown id. O(log n).
template <class Ids, class Order>
Index position_of_id(const Ids& ids, const Order& by_id, std::uint64_t id) {
    std::size_t low = 0, high = ids.size();
    const auto place = [&by_id](std::size_t i) { return by_id.empty() ? i : std::size_t{by_id[i]}; };
    while (low < high) {
        const std::size_t middle = low + (high - low) / 2;
        if (ids[place(middle)] < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < ids.size() && ids[place(low)] == id) return static_cast<Index>(place(low));
    raise<DataError>("store", "sample " + std::to_string(id), "an id that was not recorded",
                     "one of " + std::to_string(ids.size()) + " recorded ids");
}

}  // namespace detail

/// What is known of the model, its places and each sample. Samples are addressed by position here, by id outside.
template <class S>
struct RecordedSamples {
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

    /// Position of a sample. Throws DataError for an unknown id. O(log n).
    Index position_of(std::uint64_t id) const { return detail::position_of_id(ids, by_id_, id); }

    /// Positions in ascending order of ids; empty where they ascend already.
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

private:
    std::vector<std::uint32_t> by_id_;
};

namespace detail {

/// Most classes that a file may speak of: tables of them are made of that number.
inline std::int64_t most_classes(std::size_t names, std::int64_t samples) {
    return std::max({static_cast<std::int64_t>(names), samples, std::int64_t{65536}});
}

/// Throws FormatError for a label or prediction that cannot be.
inline void check_classes(const char* what, const std::vector<std::int32_t>& values, std::int64_t classes) {
    for (const std::int32_t value : values) {
        if (value < 0 || value >= classes) {
            raise<FormatError>("store", what, std::to_string(value), "0.." + std::to_string(classes - 1));
        }
    }
}

/// What is known of the samples at some positions.
template <class Store>
RecordedSamples<typename Store::Scalar> known_at(const Store& store, std::span<const std::uint32_t> positions) {
    RecordedSamples<typename Store::Scalar> known;
    known.points.assign(store.points.begin(), store.points.end());
    known.class_names.assign(store.class_names.begin(), store.class_names.end());
    known.fingerprint = store.fingerprint;
    known.build = store.build;
    known.first_input = store.first_input;
    known.outputs.resize(store.outputs.rows(), static_cast<Index>(positions.size()));
    for (std::size_t i = 0; i < positions.size(); ++i) {
        const std::size_t s = positions[i];
        known.ids.push_back(store.ids[s]);
        if (!store.labels.empty()) known.labels.push_back(store.labels[s]);
        if (!store.predictions.empty()) known.predictions.push_back(store.predictions[s]);
        if (!store.tags.empty()) known.tags.emplace_back(store.tags[s]);
        known.outputs.col(static_cast<Index>(i)) = store.outputs.col(static_cast<Index>(s));
    }
    known.index_ids();
    return known;
}

template <class Store>
std::vector<std::uint32_t> all_positions(const Store& store) {
    std::vector<std::uint32_t> positions(static_cast<std::size_t>(store.samples()));
    std::iota(positions.begin(), positions.end(), 0U);
    return positions;
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// A recorded sample near a query at one neuron.
struct Neighbour {
    std::uint64_t id = 0;
    double value = 0.0;     ///< the neuron's for that sample; of a channel in several dimensions, their mean
    double distance = 0.0;  ///< |value - the query's|, in several dimensions the Euclidean one

    bool operator==(const Neighbour&) const = default;
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

    bool operator==(const NeuronSources&) const = default;
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

    bool operator==(const Provenance&) const = default;
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
    const std::vector<std::string>& class_names() const noexcept { return this->store().class_names; }

    /// The recording that was searched, and what was asked.
    using Votes<Index>::store;
    const RetraceOptions& options() const noexcept { return this->search_->options; }
    /// Id of the sample left out, by the options or by retrace_without_self.
    std::optional<std::uint64_t> without() const {
        if (this->search_->without == detail::no_sample) return std::nullopt;
        return store().ids[this->search_->without];
    }
    /// for_each_tied(number, f): positions in store() of the samples at the boundary of a neuron, by its number among
    /// all that voted, in no particular order.
    using Votes<Index>::for_each_tied;
    /// for_each_single(number, f): the same of the samples that get a whole vote of a neuron.
    using Votes<Index>::for_each_single;

    /// The part of a vote that each sample at a neuron's boundary gets; 0 where none is shared.
    double tied_share(std::size_t number) const {
        require_neuron("Retrace::tied_share", number);
        return this->is_group(this->search_->neurons[number]) ? this->share(number) : 0.0;
    }
    /// Number, in the index's table of clipped samples, of a neuron whose boundary is that of all samples which its
    /// rectifier holds at 0; -1 for any other neuron and where sources are restricted.
    std::ptrdiff_t tied_zeros(std::size_t number) const {
        require_neuron("Retrace::tied_zeros", number);
        const NeuronAnswer& a = this->search_->neurons[number];
        return a.zeros && this->search_->allowed == nullptr ? this->search_->index->clipped_number(a.unit) : -1;
    }
    /// The index that was searched.
    const Index& index() const noexcept { return *this->search_->index; }

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

    /// Units of layer(number) that voted, ascending: all of place(number), or those that only() left.
    std::vector<std::uint32_t> units(std::size_t number) const {
        const Point& point = place(number);
        const Range range = ranges()[number];
        std::vector<std::uint32_t> found;
        for (std::size_t i = range.begin; i < range.end; ++i) {
            found.push_back(point.units[this->search_->neurons[i].unit.unit]);
        }
        return found;
    }

    /// The answer of some neurons alone, as if no others voted: `answer.only({{"dense1", {0, 1, 2}}})`. Places that are
    /// not named drop out.
    /// Throws   DataError for a place or unit that did not vote, or if none is left.
    /// Cost     copies the search; nothing is searched again.
    Retrace only(const std::vector<Selection::Units>& chosen) const {
        auto fewer = std::make_shared<detail::Search<Index>>(*this->search_);
        std::vector<char> kept(fewer->neurons.size(), 0);
        const std::vector<Range> all = ranges();
        for (const Selection::Units& some : chosen) {
            layer(some.layer);  // throws for one that did not vote
            for (const Range& range : all) {
                const Point& point = this->store().points[range.point];
                if (point.name != some.layer) continue;
                for (const std::uint32_t unit : some.units) {
                    std::size_t i = range.begin;
                    while (i < range.end && point.units[fewer->neurons[i].unit.unit] != unit) ++i;
                    if (i == range.end) {
                        detail::raise<DataError>("Retrace::only", "unit", std::to_string(unit),
                                                 "one of \"" + some.layer + "\" that voted");
                    }
                    kept[i] = 1;
                }
            }
        }
        std::size_t left = 0;
        for (std::size_t i = 0; i < kept.size(); ++i) {
            if (kept[i] != 0) fewer->neurons[left++] = this->search_->neurons[i];
        }
        if (left == 0) detail::raise<DataError>("Retrace::only", "neurons", "none", "1 or more that voted");
        fewer->neurons.resize(left);
        return Retrace(std::move(fewer));
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
        for (const auto& [point, begin, end] : ranges()) {
            if (this->store().points[point].name == name) return Votes<Index>(this->search_, begin, end);
        }
        detail::raise_unknown("Retrace::layer", "name", name, layers());
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
        require_neuron("Retrace::neuron", number);
        const NeuronAnswer& a = this->search_->neurons[number];
        const Window& w = a.window;
        NeuronSources result{a.query, {}, w.boundary, w.closer, w.tied, w.places, a.votes};
        std::uint32_t i = w.tied_begin;
        const auto add = [&](std::uint32_t s) {
            if (a.distances != nullptr) {
                const auto value = static_cast<double>(this->search_->index->value(a.unit, s));
                result.neighbours.push_back({this->store().ids[s], value, a.distances[i]});
            } else {
                const auto column = this->search_->index->entry(a.unit).column;
                if constexpr (!Index::packed) this->search_->index->check(column.values + i, 1);
                result.neighbours.push_back(
                    {this->store().ids[s], static_cast<double>(column.at(i)), column.distance(i, a.query)});
            }
        };
        this->search_->read(a, w.tied_begin, w.tied_end, [&](const std::uint32_t* samples, std::size_t count) {
            for (const std::uint32_t s : std::span(samples, count)) {
                if (this->search_->admits(s)) add(s);
                ++i;
            }
        });
        const auto nearer = [](const Neighbour& x, const Neighbour& y) {
            return x.distance != y.distance ? x.distance < y.distance : x.id < y.id;
        };
        const std::size_t kept = std::min<std::size_t>(w.closer + w.places, result.neighbours.size());
        std::partial_sort(result.neighbours.begin(), result.neighbours.begin() + static_cast<std::ptrdiff_t>(kept),
                          result.neighbours.end(), nearer);
        result.neighbours.resize(kept);
        return result;
    }

    /// Distance of a neuron's k-th closest sample, by the neuron's number among all that voted: how far it had to look.
    /// Infinite if no sample could be a source. Cost: none.
    double boundary(std::size_t number) const {
        require_neuron("Retrace::boundary", number);
        const Window& w = this->search_->neurons[number].window;
        return w.closer + w.places > 0 ? w.boundary : std::numeric_limits<double>::infinity();
    }

    /// for_each_vote(number, f): f(position in store(), votes, distance) for every sample that a neuron, by its number
    /// among all that voted, votes for; a member of a tied group gets its part of a vote. In no particular order.
    template <class F>
    void for_each_vote(std::size_t number, F&& f) const {
        require_neuron("Retrace::for_each_vote", number);
        const NeuronAnswer& a = this->search_->neurons[number];
        this->for_each_single(number, [&](std::uint32_t s) { f(s, 1.0, this->search_->distance(a, s)); });
        if (!this->is_group(a)) return;
        const double share = this->share(number);
        for_each_tied(number, [&](std::uint32_t s) { f(s, share, a.window.boundary); });
    }

    /// Which neurons voted for a sample, and how much: (point, unit) with votes above 0, in order.
    struct Voter {
        std::string layer;
        std::uint32_t unit;
        double votes;
        double distance;
        std::size_t place = 0;  ///< number of the layer among layers()
    };
    std::vector<Voter> voters(std::uint64_t id) const {
        const auto sample = static_cast<std::uint32_t>(this->store().position_of(id));
        std::vector<Voter> found;
        std::size_t place = 0;
        if (!this->search_->admits(sample)) return found;
        for (std::size_t i = 0; i < this->search_->neurons.size(); ++i) {
            const NeuronAnswer& a = this->search_->neurons[i];
            if (i > 0 && a.unit.point != this->search_->neurons[i - 1].unit.point) ++place;
            const double votes = this->vote_of(i, sample);
            if (votes <= 0.0) continue;
            const Point& point = this->store().points[a.unit.point];
            found.push_back({point.name, point.units[a.unit.unit], votes, this->search_->distance(a, sample), place});
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
    void require_neuron(const char* where, std::size_t number) const {
        const std::size_t count = this->search_->neurons.size();
        if (number >= count) {
            detail::raise<DataError>(where, "number", std::to_string(number), "below " + std::to_string(count));
        }
    }
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

}  // namespace renn::inline RENN_ABI
// renn/retrace/sweep.hpp - finds, for every neuron, the samples with the closest values; several queries side by side.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// What the tie policy makes of an answer; `activity` is how far from 0 the query's value is.
template <class Index>
void settle_ties(Search<Index>& search, NeuronAnswer& answer, double activity) {
    const Window& w = answer.window;
    const bool tied = w.tied > w.places;
    if (search.options.ties == Ties::strict) answer.votes = !tied;
    if (search.options.ties == Ties::skip_inactive) answer.votes = activity >= 1e-7;
    answer.chosen = static_cast<std::uint32_t>(search.chosen.size());
    if (search.options.ties == Ties::lowest_id && tied) {
        const auto& ids = search.index->store().ids;
        const auto from = static_cast<std::ptrdiff_t>(search.chosen.size());
        const auto collect = [&](std::uint32_t begin, std::uint32_t end) {
            search.read(answer, begin, end, [&search](const std::uint32_t* samples, std::size_t count) {
                for (std::size_t i = 0; i < count; ++i) {
                    if (search.admits(samples[i])) search.chosen.push_back(samples[i]);
                }
            });
        };
        collect(w.tied_begin, w.closer_begin);
        collect(w.closer_end, w.tied_end);
        const auto first = search.chosen.begin() + from;
        const auto places = std::min<std::ptrdiff_t>(w.places, search.chosen.end() - first);
        std::nth_element(first, first + places, search.chosen.end(),
                         [&ids](std::uint32_t a, std::uint32_t b) { return ids[a] < ids[b]; });
        search.chosen.resize(static_cast<std::size_t>(from) + w.places);
    }
}

template <class Index>
void answer_neuron(Search<Index>& search, Unit u, const typename Index::Entry& entry, double query,
                   std::uint32_t position) {
    const auto k = static_cast<std::uint32_t>(std::min<std::int64_t>(search.options.k, entry.column.size));
    NeuronAnswer& answer = search.neurons.emplace_back();
    answer.unit = u;
    if constexpr (!Index::packed) answer.order = entry.column.order;
    answer.query = query;
    Window& w = answer.window;
    if (search.allowed != nullptr) {
        w = find_window_among(entry.column, query, k, position, [&](std::uint32_t sample) {
            return sample < entry.column.size && search.admits(sample);
        });
    } else if (search.without != no_sample) {
        if constexpr (!Index::packed) {
            search.index->check(entry.column.order + position, position < entry.column.size ? 1 : 0);
        }
        const bool itself = position < entry.column.size && entry.column.order[position] == search.without;
        const std::uint32_t hole = itself ? position : search.index->place_of(u, search.without);
        w = find_window(entry.column.without(hole), query, k, position - (hole < position ? 1U : 0U));
        // From places without the hole to places with it: the ranges may then contain it, and readers skip it.
        for (std::uint32_t* edge : {&w.tied_begin, &w.closer_begin, &w.closer_end, &w.tied_end}) {
            if (*edge > hole) ++*edge;
        }
    } else {
        w = find_window(entry.column, query, k, position);
    }
    search.index->check_window(entry, query, k, position, w, search.allowed != nullptr);
    const bool tied = w.tied > w.places;
    if (tied && search.index->clipped_number(u) >= 0) {
        const bool below = w.tied_begin < w.closer_begin, above = w.closer_end < w.tied_end;
        const std::uint32_t last = below ? w.closer_begin - 1 : w.tied_end - 1;  // the largest value of the only run
        answer.zeros = below != above && !(entry.column.values[last] > 0);
    }
    settle_ties(search, answer, std::abs(query));
}

/// One neuron in several dimensions; everything as in one, by Euclidean distance.
template <class Index>
NeuronAnswer answer_channel(Search<Index>& search, Unit u, const std::vector<double>& query) {
    const auto found = std::make_shared<const NearestSamples>(search.index->tree(u).nearest(
        query, search.options.k, [&search](std::uint32_t sample) { return search.admits(sample); }));
    search.found.push_back(found);
    double sum = 0.0, largest = 0.0;
    for (const double value : query) {
        sum += value;
        largest = std::max(largest, std::abs(value));
    }
    NeuronAnswer answer{.unit = u,
                        .order = found->samples.data(),
                        .distances = found->distances.data(),
                        .query = sum / static_cast<double>(query.size()),
                        .window = {}};
    Window& w = answer.window;
    const auto size = static_cast<std::uint32_t>(found->samples.size());
    w.closer_end = w.closer = found->closer;
    w.tied_end = size;
    w.tied = size - found->closer;
    w.places = static_cast<std::uint32_t>(std::min<std::int64_t>(search.options.k, size)) - w.closer;
    w.boundary = found->boundary;
    settle_ties(search, answer, largest);
    return answer;
}

/// Searches that go side by side: while one waits for memory the others go on.
template <class Index>
class Sweep {
public:
    using Scalar = typename Index::Scalar;
    using Entry = typename Index::Entry;

    /// Of one query only: then its votes are counted next, and their memory is asked for.
    explicit Sweep(bool alone) : alone_(alone) {}

    /// One more; its answer is there after `finish`, behind those of its query that were added before.
    void add(Search<Index>& search, Unit u, const Entry& entry, Scalar value) {
        tasks_[count_] = {&search, u, entry, static_cast<double>(value), Scalar(0), 0};
        if (++count_ == width) finish();
    }

    void finish() {
        const std::span<Task> tasks(tasks_, std::exchange(count_, 0U));
        if (!tasks.empty()) place(tasks);
        for (const Task& t : tasks) {
            answer_neuron(*t.search, t.unit, t.entry, t.query, t.position);
            const NeuronAnswer& a = t.search->neurons.back();
            const std::uint32_t soon = alone_ ? std::min(a.window.closer, 256U) : 0;
            if constexpr (Index::packed) {
                t.entry.column.order.prefetch(a.window.closer_begin, soon);
            } else {
                prefetch(a.order + a.window.closer_begin, soon);
            }
        }
    }

private:
    static constexpr std::uint32_t width = 16;
    static constexpr std::uint32_t reach = 28;  ///< where the nearest of a place most often are

    struct Task {
        Search<Index>* search;
        Unit unit;
        Entry entry;
        double query;
        Scalar least;
        std::uint32_t position;  ///< how many values are below the query
    };

    static void place(std::span<Task> tasks) {
        if constexpr (requires { typename Index::Policy::Layout; }) {
            const typename Index::Policy::Layout layout(tasks[0].entry.column.size);  // all columns are equally long
            for (Task& t : tasks) {
                t.least = t.entry.column.least(t.query);
                t.entry.locator->prefetch(t.entry.column, layout, 0, 0);
            }
            for (std::uint32_t level = 0; level < layout.depth; ++level) {
                for (Task& t : tasks) {
                    t.position = t.entry.locator->descend(layout, level, t.position, t.least);
                    t.entry.locator->prefetch(t.entry.column, layout, level + 1, t.position);
                }
            }
            for (Task& t : tasks) {
                const auto& column = t.entry.column;
                t.position = t.entry.locator->finish(column, t.position, t.least);
                const std::uint32_t from = t.position - std::min(t.position, reach);
                const std::uint32_t count = std::min(2 * reach, column.size - from);
                if constexpr (Index::packed) {
                    column.values.prefetch(from, from + count);
                } else {
                    prefetch(column.values + from, count);
                }
            }
        } else {
            for (Task& t : tasks) t.position = t.entry.locator->position(t.entry.column, t.query);
        }
    }

    Task tasks_[width] = {};
    std::uint32_t count_ = 0;
    bool alone_;
};

/// Runs some queries, neuron by neuron, so that a neuron's column stays in the cache; `values(point, q)` are those of
/// every unit of a voting point, or of every dimension of it, for query q. Needs no memory but the answers'.
template <class Index, class Values>
void run_searches(std::span<const std::shared_ptr<Search<Index>>> searches, const std::vector<std::uint32_t>& voting,
                  const Values& values) {
    const Index& index = *searches.front()->index;
    const auto& points = index.store().points;
    std::size_t total = 0;
    for (const std::uint32_t p : voting) total += points[p].units.size();
    for (const auto& search : searches) search->neurons.reserve(total);
    Sweep<Index> sweep(searches.size() == 1);
    std::vector<double> place;
    for (const std::uint32_t p : voting) {
        const auto dimensions = static_cast<std::size_t>(points[p].dimensions());
        for (std::uint32_t u = 0; u < points[p].units.size(); ++u) {
            if (dimensions == 1) {
                const std::uint32_t row = points[p].by_channel() ? u : points[p].units[u];
                const auto entry = index.entry({p, u});
                for (std::size_t q = 0; q < searches.size(); ++q) {
                    sweep.add(*searches[q], {p, u}, entry, values(p, q)[row]);
                }
            } else {
                for (std::size_t q = 0; q < searches.size(); ++q) {
                    const auto* first = values(p, q) + u * dimensions;
                    place.assign(first, first + dimensions);
                    searches[q]->neurons.push_back(answer_channel(*searches[q], {p, u}, place));
                }
            }
        }
        sweep.finish();
    }
}

}  // namespace renn::inline RENN_ABI::detail
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


namespace renn::inline RENN_ABI::detail {

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
                raise<DataError>(where, std::string(what) + ", unit " + std::to_string(i) + ", " + sample,
                                 std::to_string(values(i, j)), "a finite value");
            }
        }
    }
}

}  // namespace renn::inline RENN_ABI::detail
// renn/tracing/observe.hpp - runs a model on a batch and reports what happens inside to a recorder.

#include <cstdint>
#include <optional>
#include <span>
#include <tuple>


namespace renn::inline RENN_ABI {

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
template <class S>
class ReportVisitor {
public:
    using Record = FunctionRef<void(const Place&, const BatchView<S>&)>;
    explicit ReportVisitor(Record record) : record_(record) {}

    template <class L>
    void visit(const Step<L>& s) {
        follow_shape(s);
        if constexpr (CompositeLayer<L>) {
            return;
        } else if constexpr (ActivationLayer<L>) {
            constexpr bool elementwise = requires(const S* in, S* out) {
                s.layer.apply(in, out, Index{});
            };
            const bool derived = elementwise && !s.edited && s.x.size() > 0 && s.x.data() == last_;
            record_(Place{s.path, Kind::post, derived, shape_}, s.y);
            last_ = nullptr;
        } else if constexpr (has_parameters<L>) {
            record_(Place{s.path, Kind::pre, false, shape_}, s.y);
            last_ = s.y.data();
        }
    }

private:
    /// Activations and dropout keep the shape of the image they get, and a nested network leaves that of its last
    /// layer; layers that know no shape lose it.
    template <class L>
    void follow_shape(const Step<L>& s) {
        if constexpr (requires { s.layer.output_shape(); }) {
            shape_ = s.layer.output_shape();
        } else if constexpr (!CompositeLayer<L> && requires { s.layer.out_features(); }) {
            shape_ = {};
        }
        if (shape_.size() != s.y.rows()) shape_ = {};
    }

    Record record_;
    Shape shape_ = {};
    const S* last_ = nullptr;  ///< the pre-activation block reported last
};

}  // namespace detail

/// A network can be observed on several threads, each with its own workspace.
template <CompositeLayer Net>
auto make_workspace(const Net&) {
    return Workspace<Net>();
}

/// Whether several threads may run the model at once: a network always.
template <CompositeLayer Net>
constexpr bool may_run_in_parallel(const Net&) noexcept {
    return true;
}

/// Runs the network in evaluation mode and reports every pre- and post-activation. Returns its output.
/// Cost   one forward pass; what the recorder does comes on top.
template <CompositeLayer Net, class S, Recorder<S> R>
const Batch<S>& observe(const Net& net, const BatchView<S>& x, std::span<const std::uint64_t> ids,
                        Workspace<Net>& workspace, R& recorder) {
    const auto record = [&](const Place& place, const BatchView<S>& block) { recorder.record(place, block, ids); };
    return net.forward(x, workspace, Pass{.ids = ids}, detail::ReportVisitor<S>(record));
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// Pre- and post-activations of every layer, each features x samples. Also the recorder that collects them: filled
/// again from the same model it allocates nothing.
template <class S>
class Activations {
public:
    /// The values of one place.
    struct Block {
        std::string name;
        Kind kind;
        Index layer;  ///< a layer with parameters and the activation behind it have one number, from 0
        Index width;
        Batch<S> values;
        bool derived;  ///< follows, value by value, from the block before
        Shape shape;   ///< empty where a sample is no image
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
            const std::size_t at =
                cursor_.find(place.name, place.kind, values.rows(), values.cols(), samples_, blocks_);
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
        if (first_run_) {
            cursor_ = detail::PointCursor(blocks_.size());
            first_run_ = false;
        } else {
            cursor_.end(blocks_);
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
        blocks_.push_back(
            {std::string(place.name), place.kind, layer, values.rows(), values, place.derived, place.shape});
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

}  // namespace renn::inline RENN_ABI
// renn/tracing/memory_store.hpp - what recording leaves, in memory.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

// renn/tracing/encoding.hpp - what an encoding of recorded values is, and the one that keeps them as they are.

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>


namespace renn::inline RENN_ABI {

/// Whose smallest and largest value an encoding needs to know before it writes.
enum class Ranged : std::uint8_t { none, unit, sample };

/// A grid of 256 values: lowest + code * step. The step is (largest - lowest) / 255 with its last bits cut off, so that
/// code * step is exact in double and a value decodes to the same bits wherever it is decoded; 0 if the values are
/// equal or differ by less than 256 times the smallest normal number.
template <class S>
struct ValueRange {
    S lowest = 0;
    S step = 0;

    bool operator==(const ValueRange&) const = default;

    /// Throws DataError if the difference is not finite.
    static ValueRange of(S lowest, S largest) {
        const double width = static_cast<double>(largest) - static_cast<double>(lowest);
        if (!std::isfinite(width) || width < 0.0) {
            detail::raise<DataError>("8-bit encoding", "range of values",
                                     std::to_string(lowest) + ".." + std::to_string(largest), "a finite one");
        }
        constexpr int cut = sizeof(S) == sizeof(float) ? 29 : 8;  // bits of a double that S lacks, or that a code has
        const auto bits = std::bit_cast<std::uint64_t>(width / 255.0) >> cut << cut;
        const auto step = std::bit_cast<double>(bits);
        return {lowest, step < static_cast<double>(std::numeric_limits<S>::min()) ? S(0) : static_cast<S>(step)};
    }
    S decode(std::uint8_t code) const noexcept {
        return static_cast<S>(static_cast<double>(lowest) + code * static_cast<double>(step));
    }
    /// Of any value within the range: half a step, and the rounding of the sum.
    double error_bound() const noexcept {
        if (step == S(0)) return 256.0 * static_cast<double>(std::numeric_limits<S>::min());
        const auto size = std::max(std::abs(static_cast<double>(lowest)), std::abs(static_cast<double>(decode(255))));
        return static_cast<double>(step) / 2 + 4 * size * static_cast<double>(std::numeric_limits<S>::epsilon());
    }
};

/// An encoding says what a value becomes in the store. encode() writes n codes and returns false if a value cannot be
/// kept within error_bound(); decode() makes values of them. `ranges`: one for all (Ranged::unit) or one a value
/// (Ranged::sample), else not looked at.
template <class E, class S>
concept Encoding = requires(const S* in, S* out, typename E::template Code<S>* to,
                            const typename E::template Code<S>* from, Index n, const ValueRange<S>* ranges) {
    { E::name } -> std::convertible_to<std::string_view>;
    { E::ranged } -> std::convertible_to<Ranged>;
    { E::encode(in, to, n, ranges) } -> std::same_as<bool>;
    E::decode(from, out, n, ranges);
    { E::error_bound(S(), ValueRange<S>()) } -> std::same_as<double>;
};

/// Values as they are.
struct Exact {
    static constexpr std::string_view name = "exact";
    static constexpr Ranged ranged = Ranged::none;
    template <class S>
    using Code = S;

    template <class S>
    static bool encode(const S* values, S* codes, Index n, const ValueRange<S>* = nullptr) {
        std::copy_n(values, n, codes);
        return true;
    }
    template <class S>
    static void decode(const S* codes, S* values, Index n, const ValueRange<S>* = nullptr) {
        std::copy_n(codes, n, values);
    }
    template <class S>
    static double error_bound(S, const ValueRange<S>& = {}) noexcept {
        return 0.0;
    }
};

/// Whether values are kept as they are.
template <class E>
inline constexpr bool is_exact = std::same_as<E, Exact>;

namespace detail {

/// Names the first of a column's values that the encoding cannot keep.
template <class E, class S>
[[noreturn]] void refuse(const char* where, const Point& point, Index column, std::span<const S> values,
                         const ValueRange<S>* ranges, std::span<const std::uint64_t> ids) {
    const std::uint32_t unit = point.units[static_cast<std::size_t>(column / point.dimensions())];
    std::size_t i = 0;
    typename E::template Code<S> code;
    const auto kept = [&] { return E::encode(&values[i], &code, 1, ranges + (E::ranged == Ranged::sample ? i : 0)); };
    while (i + 1 < values.size() && kept()) ++i;
    raise<DataError>(where, point.name + ", unit " + std::to_string(unit) + ", sample " + std::to_string(ids[i]),
                     std::to_string(values[i]), "a value that " + std::string(E::name) + " can keep");
}

}  // namespace detail

/// Rounds one sample's values at one place as a store rounds them that keeps them so; a recorded sample then finds
/// itself at distance 0. A value that no recorded sample can have, as it is beyond what the encoding keeps, stays as it
/// is. `ranges`: one a value where units have ranges, else not looked at.
template <class E, class S>
    requires Encoding<E, S>
void round_trip(std::span<S> values, const ValueRange<S>* ranges = nullptr) {
    ValueRange<S> own{};
    if constexpr (E::ranged == Ranged::sample) {
        if (values.empty()) return;
        const auto [lowest, largest] = std::minmax_element(values.begin(), values.end());
        own = ValueRange<S>::of(*lowest, *largest);
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        const ValueRange<S>* range = E::ranged == Ranged::unit ? ranges + i : &own;
        typename E::template Code<S> code;
        if (E::encode(&values[i], &code, 1, range)) E::decode(&code, &values[i], 1, range);
    }
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// The activation store: one block of values a stored point, unit after unit, each unit's values in sample order.
/// Beside it what is known of each sample. A plain value; samples are addressed by position here, by id outside.
/// Values are kept as they are, or as an encoding of tracing/reduced.hpp makes them; then they are decoded when asked
/// for, and a query is rounded as its own sample was.
template <class S, class E = Exact>
class MemoryStore : public RecordedSamples<S> {
public:
    using Encoding = E;
    using Code = typename E::template Code<S>;  ///< what a value is kept as
    using RecordedSamples<S>::points;
    using RecordedSamples<S>::samples;

    MemoryStore() = default;
    explicit MemoryStore(RecordedSamples<S> known) : RecordedSamples<S>(std::move(known)) {}

    /// Values of a unit in sample order; the point must be a stored one. Of a channel in several dimensions, those of
    /// one of them.
    std::span<const S> values(Unit u, Index dimension = 0) const noexcept requires(is_exact<E>) {
        return {column(u.point, column_of(u, dimension)), static_cast<std::size_t>(samples())};
    }

    /// The same as every store has it: one that keeps them in another form fills `scratch` and returns that.
    std::span<const S> values(Unit u, Index dimension, std::vector<S>& scratch) const {
        if constexpr (is_exact<E>) {
            return values(u, dimension);
        } else {
            const Index at = column_of(u, dimension);
            scratch.resize(static_cast<std::size_t>(samples()));
            E::decode(column(u.point, at), scratch.data(), samples(), range(u.point, at, 0));
            return scratch;
        }
    }
    S value(Unit u, Index dimension, Index sample) const noexcept {
        const Index at = column_of(u, dimension);
        S result;
        E::decode(column(u.point, at) + sample, &result, 1, range(u.point, at, sample));
        return result;
    }

    /// Rounds one sample's recorded values at a point as those in the store are rounded.
    void as_stored(std::size_t point, std::span<S> values_of_one_sample) const requires(!is_exact<E>) {
        round_trip<E>(values_of_one_sample, range(point, 0, 0));
    }

    /// How far a value may be from the one that was recorded.
    double error_bound(Unit u, Index dimension, Index sample) const noexcept {
        if constexpr (E::ranged == Ranged::none) {
            return E::error_bound(value(u, dimension, sample));
        } else {
            return E::error_bound(S(), *range(u.point, column_of(u, dimension), sample));
        }
    }

    /// Where recording writes a column, unit after unit and dimension after dimension; room for `capacity` samples.
    Code* column(std::size_t point, Index column) noexcept {
        return blocks_[point].data() + static_cast<std::size_t>(column * stride_);
    }
    const Code* column(std::size_t point, Index column) const noexcept {
        return blocks_[point].data() + static_cast<std::size_t>(column * stride_);
    }
    /// That of a column, or of a sample; null where the encoding needs none.
    const ValueRange<S>* range(std::size_t point, [[maybe_unused]] Index column,
                               [[maybe_unused]] Index sample) const noexcept {
        if constexpr (E::ranged == Ranged::none) {
            return nullptr;
        } else {
            return ranges_[point].data() + (E::ranged == Ranged::unit ? column : sample);
        }
    }
    /// Of a point: one a column, or one a sample; empty where the encoding needs none.
    std::vector<ValueRange<S>>& ranges(std::size_t point) noexcept { return ranges_[point]; }
    Index capacity() const noexcept { return capacity_; }
    /// From a column to the next: long ones begin with a cache line.
    Index stride() const noexcept { return stride_; }
    static Index stride_of(Index capacity) noexcept {
        constexpr Index line = 64 / static_cast<Index>(sizeof(Code)), is_long = 4096;
        return capacity < is_long ? capacity : (capacity + line - 1) / line * line;
    }

    /// Makes room for more samples, keeping the first `filled` of every unit.
    void reserve(Index capacity, Index filled) {
        const Index stride = stride_of(capacity);
        std::vector<Pages> larger(points.size());
        ranges_.resize(points.size());
        for (std::size_t p = 0; p < points.size(); ++p) {
            if (!points[p].stored()) continue;
            larger[p] = Pages(static_cast<std::size_t>(points[p].columns() * stride));
            for (Index u = 0; u < points[p].columns() && filled > 0; ++u) {
                std::copy_n(column(p, u), filled, larger[p].data() + static_cast<std::size_t>(u * stride));
            }
            if constexpr (E::ranged == Ranged::unit) ranges_[p].resize(static_cast<std::size_t>(points[p].columns()));
            if constexpr (E::ranged == Ranged::sample) ranges_[p].resize(static_cast<std::size_t>(capacity));
        }
        blocks_ = std::move(larger);
        capacity_ = capacity;
        stride_ = stride;
    }

    /// Gives up the values of a point, which are kept elsewhere from now on.
    void release(std::size_t point) { blocks_[point] = Pages(); }

    std::size_t bytes() const noexcept {
        std::size_t total = 0;
        for (const Pages& block : blocks_) total += block.size() * sizeof(Code);
        for (const auto& ranges : ranges_) total += ranges.size() * sizeof(ValueRange<S>);
        return total;
    }

private:
    using Pages = detail::Pages<Code>;

    Index column_of(Unit u, Index dimension) const noexcept {
        return static_cast<Index>(u.unit) * points[u.point].dimensions() + dimension;
    }

    std::vector<Pages> blocks_;  ///< one a point, empty for derived ones
    std::vector<std::vector<ValueRange<S>>> ranges_;
    Index capacity_ = 0;
    Index stride_ = 0;
};

}  // namespace renn::inline RENN_ABI
// renn/tracing/probe.hpp - traces Eigen code that knows nothing of renn.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>


namespace renn::inline RENN_ABI {

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
/// behind an activation. A shape says that a column is an image, whose channels may then be the neurons. Column-major
/// matrices, blocks and maps are read in place; expressions are evaluated once. A renn::Batch that may change, and is
/// reported before the code goes on with it, may be masked: see MaskedForeign.
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
              }) {
        if constexpr (ForwardEditor<R, S>) {
            edit_ = [](void* r, std::string_view name, Batch<S>& values) { static_cast<R*>(r)->edit(name, values); };
        }
    }

    void operator()(std::string_view name, const BatchView<S>& values, const Shape& shape = {}) {
        pre(name, values, shape);
    }
    void operator()(std::string_view name, Batch<S>& values, const Shape& shape = {}) { pre(name, values, shape); }
    void pre(std::string_view name, const BatchView<S>& values, const Shape& shape = {}) {
        report({name, Kind::pre, false, shape}, values);
    }
    void post(std::string_view name, const BatchView<S>& values, const Shape& shape = {}) {
        report({name, Kind::post, false, shape}, values);
    }
    void pre(std::string_view name, Batch<S>& values, const Shape& shape = {}) {
        edit(name, values);
        report({name, Kind::pre, false, shape}, values);
    }
    void post(std::string_view name, Batch<S>& values, const Shape& shape = {}) {
        edit(name, values);
        report({name, Kind::post, false, shape}, values);
    }

private:
    void edit(std::string_view name, Batch<S>& values) {
        if (edit_ != nullptr) edit_(recorder_, name, values);
    }
    void report(const Place& place, const BatchView<S>& values) {
        if (place.shape.size() != 0 && place.shape.size() != values.rows()) {
            detail::raise<ShapeError>("probe \"" + std::string(place.name) + "\"", "shape", place.shape.text(),
                                      std::to_string(values.rows()) + " values, as reported");
        }
        record_(recorder_, place, values, ids_);
    }

    void* recorder_;
    std::span<const std::uint64_t> ids_;
    void (*record_)(void*, const Place&, const BatchView<S>&, std::span<const std::uint64_t>);
    void (*edit_)(void*, std::string_view, Batch<S>&) = nullptr;
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
        : function_(std::make_shared<F>(std::move(function))), options_(options) {}

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

/// Foreign code only if its options or a factory allow it.
template <class S, class F>
bool may_run_in_parallel(const Foreign<S, F>& model) noexcept {
    return !Probed<S, F> || model.options().parallel;
}

/// A thread's own; a factory is called for it.
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

}  // namespace renn::inline RENN_ABI
// renn/tracing/record.hpp - the recording pass: every sample runs through the model once.

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// renn/network/fingerprint.hpp - one number that tells two networks apart.

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>


namespace renn::inline RENN_ABI {
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

/// Sixteen hexadecimal digits.
inline std::string fingerprint_text(std::uint64_t fingerprint) {
    char digits[16];
    char* const end = std::to_chars(digits, digits + sizeof digits, fingerprint, 16).ptr;
    return std::string(static_cast<std::size_t>(digits + sizeof digits - end), '0') + std::string(digits, end);
}

}  // namespace detail

/// One number for a network's structure, its layers' constants() and its parameters: two networks that differ in a bit
/// of these have different fingerprints, for all practical purposes.
template <CompositeLayer Net>
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

}  // namespace renn::inline RENN_ABI
// renn/network/finite_parameters.hpp - refuses a network with NaN or infinity in its parameters.

#include <cmath>
#include <string>
#include <string_view>

// renn/network/named_blocks.hpp - every parameter matrix of a network with its name.

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>


namespace renn::inline RENN_ABI::detail {

/// Calls f(name, block) for every matrix of a layer's parameters. Those that the layer does not name are "block 0",
/// "block 1", ...
template <class P, class F>
void for_each_block_named(P& parameters, F&& f) {
    std::size_t number = 0;
    for_each_block(
        [&](auto& block) {
            if constexpr (requires { std::remove_const_t<P>::names; }) {
                f(std::remove_const_t<P>::names[number], block);
            } else {
                f(std::string_view("block " + std::to_string(number)), block);
            }
            ++number;
        },
        parameters);
}

/// Calls f(path, layer, name, block) for every parameter matrix, in the flat order: "dense1", the layer, "weights", W.
template <class Net, class F>
void for_each_named_block(Net& net, F&& f) {
    for_each_layer(net, [&f](std::string_view path, auto& layer, auto& parameters) {
        for_each_block_named(parameters, [&](std::string_view name, auto& block) { f(path, layer, name, block); });
    });
}

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI::detail {

inline std::string entry_text(std::string_view path, std::string_view block, Index i, Index j) {
    return "layer " + std::string(path) + ", " + std::string(block) + " (" + std::to_string(i) + ", " +
           std::to_string(j) + ")";
}

/// Throws DataError naming layer, block and entry of the first parameter that is not finite.
template <class Net>
void require_finite_parameters(std::string_view where, const Net& net) {
    for_each_named_block(net, [where](std::string_view path, const auto&, std::string_view name, const auto& block) {
        if (all_finite(block.data(), block.size())) return;
        for (Index j = 0; j < block.cols(); ++j) {
            for (Index i = 0; i < block.rows(); ++i) {
                if (std::isfinite(block(i, j))) continue;
                raise<DataError>(where, entry_text(path, name, i, j), std::to_string(block(i, j)), "a finite value");
            }
        }
    });
}

}  // namespace renn::inline RENN_ABI::detail
// renn/tracing/store_writer.hpp - from what a model reports to what the store keeps.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

// renn/tracing/stream_out.hpp - transposes values into a store larger than the caches, and past them.

#include <cstdint>


#ifdef __AVX__
#include <immintrin.h>
#endif

namespace renn::inline RENN_ABI::detail {

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"

#ifdef __AVX__
inline constexpr bool has_streams = true;
inline void stream(float* to, const __m256& packet) noexcept {
    _mm256_stream_ps(to, packet);
}
inline void stream(double* to, const __m256d& packet) noexcept {
    _mm256_stream_pd(to, packet);
}
#ifdef __AVX512F__
inline void stream(float* to, const __m512& packet) noexcept {
    _mm512_stream_ps(to, packet);
}
inline void stream(double* to, const __m512d& packet) noexcept {
    _mm512_stream_pd(to, packet);
}
#endif
/// To be called before others may read what was streamed.
inline void finish_stream() noexcept {
    _mm_sfence();
}
#else
inline constexpr bool has_streams = false;
inline void finish_stream() noexcept {}
#endif

/// Whether a block may be streamed there: whole cache lines that begin where memory's do.
template <class T>
bool can_stream(const T* to, Index stride, Index count) noexcept {
    constexpr Index line = 64 / static_cast<Index>(sizeof(T));
    return has_streams && reinterpret_cast<std::uintptr_t>(to) % 64 == 0 && stride % line == 0 && count % line == 0;
}

/// Copies whole cache lines so, between arrays that begin with one.
template <class T>
void stream_lines([[maybe_unused]] const T* from, [[maybe_unused]] T* to, [[maybe_unused]] Index n) noexcept {
#ifdef __AVX__
    constexpr Index packet = 32 / static_cast<Index>(sizeof(T));
    for (Index i = 0; i < n; i += packet) {
        _mm256_stream_si256(reinterpret_cast<__m256i*>(to + i),
                            _mm256_load_si256(reinterpret_cast<const __m256i*>(from + i)));
    }
#endif
}

/// Does what canonical::transpose does, where can_stream. A plain store reads the line that it overwrites from memory,
/// and puts it in the place of something that will be needed sooner. Returns whether all values are finite, which costs
/// less here than in a pass of its own; false too where the processor has no such stores.
template <class S>
bool stream_transposed(const S* src, Index src_stride, S* dst, Index dst_stride, Index rows, Index cols) {
    using K = canonical::detail::Kernel<S>;
    bool finite = false;
    if constexpr (requires(S * to, const typename K::Packet& packet) { stream(to, packet); }) {
        namespace ei = Eigen::internal;
        constexpr Index P = K::lanes, line = 64 / static_cast<Index>(sizeof(S));
        constexpr auto packets = static_cast<std::size_t>(line / P);
        const Index whole_rows = rows - rows % P;
        auto sum = ei::pset1<typename K::Packet>(S(0));  // x - x is 0 for finite x and NaN else
        for (Index i = 0; i < whole_rows; i += P) {
            for (Index j = 0; j < cols; j += line) {
                ei::PacketBlock<typename K::Packet, static_cast<int>(P)> blocks[packets];
                for (std::size_t b = 0; b < packets; ++b) {
                    const S* from = src + i + (j + static_cast<Index>(b) * P) * src_stride;
                    for (Index l = 0; l < P; ++l) {
                        const auto packet = K::load(from + l * src_stride);
                        blocks[b].packet[l] = packet;
                        sum = ei::padd(sum, ei::psub(packet, packet));
                    }
                    ei::ptranspose(blocks[b]);
                }
                for (Index l = 0; l < P; ++l) {
                    S* to = dst + j + (i + l) * dst_stride;
                    for (std::size_t b = 0; b < packets; ++b, to += P) stream(to, blocks[b].packet[l]);
                }
            }
        }
        finite = ei::predux(sum) == S(0);
        for (Index i = whole_rows; i < rows; ++i) {
            for (Index j = 0; j < cols; ++j) {
                const S value = src[i + j * src_stride];
                finite = finite && value - value == S(0);
                dst[j + i * dst_stride] = value;
            }
        }
        finish_stream();
    }
    return finite;
}

#pragma GCC diagnostic pop

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI::detail {

/// Makes the channels of a place its neurons if the selection says so. Throws DataError for a place that is no image or
/// has fewer rows or columns than cells.
inline void choose_channels(Point& point, const Selection& selection) {
    for (const Channels& images : selection.channels) {
        if (!images.layer.empty() && images.layer != point.name) continue;
        if (point.shape.positions() < 2 && images.layer.empty()) continue;
        if (point.shape.size() == 0) {
            raise<DataError>("trace", "channels of " + point.name, "none", "a place that is an image");
        }
        const Shape& shape = point.shape;
        if (images.height < 1 || images.width < 1 || images.height > shape.height || images.width > shape.width) {
            raise<DataError>("trace", "cells of a channel of " + point.name, shape_text(images.height, images.width),
                             "1 x 1 to " + shape_text(shape.height, shape.width));
        }
        point.cells = {shape.channels, images.height, images.width};
        point.pool = images.pool;
    }
}

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
    for (const auto& images : selection.channels) {
        if (!images.layer.empty()) require_known(images.layer);
    }

    std::vector<Point> points;
    std::vector<Index> point_of(blocks.size(), -1);
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        const auto& block = blocks[b];
        const bool wanted_kind = block.kind == Kind::pre ? selection.pre : selection.post;
        const bool wanted_name = selection.layers.empty() || std::find(selection.layers.begin(), selection.layers.end(),
                                                                       block.name) != selection.layers.end();
        if (!wanted_kind || !wanted_name) continue;
        Point point{block.name, block.kind, block.layer, block.width, -1, {}, block.shape};
        choose_channels(point, selection);
        for (const auto& chosen : selection.units) {
            if (chosen.layer != block.name) continue;
            point.units = chosen.units;
            std::sort(point.units.begin(), point.units.end());
            point.units.erase(std::unique(point.units.begin(), point.units.end()), point.units.end());
            if (!point.units.empty() && static_cast<Index>(point.units.back()) >= point.neurons()) {
                raise<DataError>("trace", "selected unit of " + block.name, std::to_string(point.units.back()),
                                 "0.." + std::to_string(point.neurons() - 1));
            }
        }
        if (point.units.empty()) {
            point.units.resize(static_cast<std::size_t>(point.neurons()));
            std::iota(point.units.begin(), point.units.end(), 0U);
        }
        // A post-activation is recomputed where the same units of its pre-activation are stored.
        if (block.derived && !point.by_channel() && b > 0 && point_of[b - 1] >= 0) {
            const Point& source = points[static_cast<std::size_t>(point_of[b - 1])];
            if (!source.by_channel() && source.units == point.units) point.derived_from = point_of[b - 1];
        }
        point_of[b] = static_cast<Index>(points.size());
        points.push_back(std::move(point));
    }
    if (points.empty()) raise<DataError>("trace", "selection", "no layer", "1 or more of " + seen.names());
    return points;
}

/// Recorder that writes blocks into the store, transposed: unit after unit; encoded on the way where the store wants
/// that. Where units have ranges, a pass that measures them comes first.
template <class Store>
class StoreWriter {
    using S = typename Store::Scalar;
    using E = typename Store::Encoding;

public:
    StoreWriter(Store& store, const Activations<S>& seen)
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
        streams_ = store_.bytes() >= std::size_t{8} << 20;  // the caches hold less
        cursor_.begin();
    }

    void record(const Place& place, const BatchView<S>& block, std::span<const std::uint64_t> ids) {
        const std::size_t b = cursor_.find(place.name, place.kind, block.rows(), block.cols(), count_, seen_.blocks());
        if (streamed(point_of_[b], block)) return;
        require_finite<S>("record", place.name, block, ids);
        if (point_of_[b] < 0) return;
        const auto p = static_cast<std::size_t>(point_of_[b]);
        const Point& point = store_.points[p];
        if (point.by_channel()) {
            pool_channels<S>(point, block, chosen_);
            write(p, chosen_, ids);
        } else if (point.count() == point.width) {
            write(p, block, ids);
        } else if constexpr (is_exact<E>) {
            for (Index u = 0; u < point.count(); ++u) {
                S* to = store_.column(p, u) + first_;
                const auto row = static_cast<Index>(point.units[static_cast<std::size_t>(u)]);
                for (Index j = 0; j < block.cols(); ++j) to[j] = block(row, j);
            }
        } else {
            reshape(chosen_, point.count(), block.cols());
            for (Index j = 0; j < block.cols(); ++j) {
                Index to = 0;
                for (const std::uint32_t row : point.units) chosen_(to++, j) = block(static_cast<Index>(row), j);
            }
            write(p, chosen_, ids);
        }
    }

    void end() const { cursor_.end(seen_.blocks()); }

    /// From now on, only the smallest and largest value of every column is kept here.
    void measure() { extremes_.resize(store_.points.size()); }

    /// Smallest and largest value of every column of each point; empty before anything was measured.
    using Extremes = std::vector<std::pair<Column<S>, Column<S>>>;
    Extremes take_extremes() { return std::exchange(extremes_, {}); }

private:
    /// Whether a block went into the store as it is; not if it has values that are not finite.
    bool streamed([[maybe_unused]] Index p, [[maybe_unused]] const BatchView<S>& block) {
        if constexpr (is_exact<E>) {
            if (!streams_ || p < 0) return false;
            const auto at = static_cast<std::size_t>(p);
            const Point& point = store_.points[at];
            S* to = store_.column(at, 0) + first_;
            return !point.by_channel() && point.count() == point.width && block.rows() >= 8 &&
                   can_stream(to, store_.stride(), block.cols()) &&
                   stream_transposed(block.data(), block.outerStride(), to, store_.stride(), block.rows(),
                                     block.cols());
        } else {
            return false;
        }
    }

    /// Shapes   columns: columns of the point x samples.
    void write(std::size_t p, const BatchView<S>& columns, std::span<const std::uint64_t> ids) {
        if (columns.rows() == 0) return;
        if constexpr (is_exact<E>) {
            canonical::transpose(columns.data(), columns.outerStride(), store_.column(p, 0) + first_, store_.stride(),
                                 columns.rows(), columns.cols());
        } else if (!extremes_.empty()) {
            auto& [lowest, largest] = extremes_[p];
            if (lowest.size() == 0) lowest = largest = columns.col(0);
            lowest = lowest.cwiseMin(columns.rowwise().minCoeff());
            largest = largest.cwiseMax(columns.rowwise().maxCoeff());
        } else {
            encode(p, columns, ids);
        }
    }

    /// Tiles are transposed where the first cache holds them, and leave it encoded.
    void encode(std::size_t p, const BatchView<S>& columns, std::span<const std::uint64_t> ids) {
        constexpr Index strip = 16, run = 256;
        using Code = typename E::template Code<S>;
        alignas(64) S tile[strip * run];
        alignas(64) Code line[run];
        const bool streamed = streams_ && can_stream(store_.column(p, 0) + first_, store_.stride(), columns.cols());
        ValueRange<S>* ranges = store_.ranges(p).data();
        if constexpr (E::ranged == Ranged::sample) {
            ranges += first_;
            for (Index j = 0; j < columns.cols() && columns.rows() > 0; ++j) {
                ranges[j] = ValueRange<S>::of(columns.col(j).minCoeff(), columns.col(j).maxCoeff());
            }
        }
        for (Index j = 0; j < columns.cols(); j += run) {
            const Index n = std::min(run, columns.cols() - j);
            for (Index c = 0; c < columns.rows(); c += strip) {
                const Index count = std::min(strip, columns.rows() - c);
                canonical::transpose(columns.data() + c + j * columns.outerStride(), columns.outerStride(), tile, n,
                                     count, n);
                for (Index r = 0; r < count; ++r) {
                    const ValueRange<S>* range = ranges;  // null where there are none
                    if constexpr (E::ranged != Ranged::none) range += E::ranged == Ranged::unit ? c + r : j;
                    Code* to = store_.column(p, c + r) + first_ + j;
                    const bool kept = E::encode(tile + r * n, streamed ? line : to, n, range);
                    if (streamed) stream_lines(line, to, n);
                    if (!kept) {
                        refuse<E, S>("record", store_.points[p], c + r,
                                     std::span<const S>(tile + r * n, static_cast<std::size_t>(n)), range,
                                     ids.subspan(static_cast<std::size_t>(j)));
                    }
                }
            }
        }
        if (streamed) finish_stream();
    }

    Store& store_;
    const Activations<S>& seen_;
    PointCursor cursor_;
    std::vector<Index> point_of_;
    Batch<S> chosen_;  ///< pooled channels, or selected units
    Extremes extremes_;
    Index first_ = 0;
    Index count_ = 0;
    bool streams_ = false;
};

/// Ranges of units from what each worker measured.
template <class Store, class Workers>
void set_ranges(Store& store, Workers& workers) {
    using S = typename Store::Scalar;
    auto all = workers.front()->writer.take_extremes();
    for (std::size_t w = 1; w < workers.size(); ++w) {
        const auto more = workers[w]->writer.take_extremes();
        for (std::size_t p = 0; p < all.size(); ++p) {
            if (more[p].first.size() == 0) continue;
            if (all[p].first.size() == 0) {
                all[p] = more[p];
            } else {
                auto& [lowest, largest] = all[p];
                lowest = lowest.cwiseMin(more[p].first);
                largest = largest.cwiseMax(more[p].second);
            }
        }
    }
    for (std::size_t p = 0; p < all.size(); ++p) {
        for (Index c = 0; c < all[p].first.size(); ++c) {
            store.ranges(p)[static_cast<std::size_t>(c)] = ValueRange<S>::of(all[p].first[c], all[p].second[c]);
        }
    }
}

}  // namespace renn::inline RENN_ABI::detail
// renn/tracing/thin.hpp - every n-th sample.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>


namespace renn::inline RENN_ABI::detail {

inline void check_selection(const Selection& selection) {
    if (selection.every < 1) raise<DataError>("trace", "every", std::to_string(selection.every), "1 or more");
}

/// 0, every, 2 every, ... below n.
inline std::vector<Index> positions(Index n, Index every) {
    std::vector<Index> chosen;
    chosen.reserve(static_cast<std::size_t>((n + every - 1) / every));
    for (Index s = 0; s < n; s += every) chosen.push_back(s);
    return chosen;
}

/// Leaves every n-th sample of a stream in the batch that begins with the stream's sample number `passed`.
template <class S>
void thin(SampleBatch<S>& batch, std::uint64_t passed, Index every) {
    const Index count = batch.inputs.cols();
    if (batch.ids.empty()) {
        for (Index j = 0; j < count; ++j) batch.ids.push_back(passed + static_cast<std::uint64_t>(j));
    }
    Index kept = 0;
    for (Index j = 0; j < count; ++j) {
        if ((passed + static_cast<std::uint64_t>(j)) % static_cast<std::uint64_t>(every) != 0) continue;
        const auto from = static_cast<std::size_t>(j), to = static_cast<std::size_t>(kept);
        if (kept != j) batch.inputs.col(kept) = batch.inputs.col(j);
        batch.ids[to] = batch.ids[from];
        if (!batch.labels.empty()) batch.labels[to] = batch.labels[from];
        ++kept;
    }
    batch.inputs.conservativeResize(Eigen::NoChange, kept);
    batch.ids.resize(static_cast<std::size_t>(kept));
    if (!batch.labels.empty()) batch.labels.resize(static_cast<std::size_t>(kept));
}

}  // namespace renn::inline RENN_ABI::detail
// renn/training/evaluate.hpp - how well a network does on a data set.

#include <algorithm>
#include <cmath>
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
#include <limits>
#include <span>
#include <string>
#include <variant>
#include <vector>


namespace renn::inline RENN_ABI {

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

/// Returns the mean loss of a batch and writes its derivative by the outputs. A loss whose mean is not over samples
/// says with `weight(outputs, targets)` what it divides by; one with a head (training/heads.hpp) says with
/// `answer_rows(outputs)` how many outputs, the first, are the model's answer, and checks its data: `check(data,
/// outputs)`. For second derivatives: `tangent(outputs, targets, d_outputs, d_gradient)`, how `gradient` changes along
/// d_outputs.
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
    for (std::size_t j = 0; j < labels.size(); ++j) {
        if (labels[j] >= 0 && static_cast<Index>(labels[j]) < outputs.rows()) continue;
        raise<DataError>(where, "label of column " + std::to_string(j), std::to_string(labels[j]),
                         "0.." + std::to_string(outputs.rows() - 1) + ", the outputs");
    }
}

/// Throws for a value that is no probability: below 0 or above `most`.
template <class S>
void require_probabilities(const char* where, const Batch<S>& wanted, S most) {
    if (wanted.size() == 0 || (wanted.minCoeff() >= S(0) && wanted.maxCoeff() <= most)) return;
    for (Index j = 0; j < wanted.cols(); ++j) {
        for (Index i = 0; i < wanted.rows(); ++i) {
            const S value = wanted(i, j);
            if (!(value < S(0) || value > most)) continue;
            raise<DataError>(where, "target " + std::to_string(i) + " of column " + std::to_string(j),
                             std::to_string(value), "a probability; MeanSquaredError takes any number");
        }
    }
}

/// Throws unless there are none, or one for each class.
inline void require_class_weights(const char* where, const std::vector<double>& weights, Index classes) {
    if (weights.empty()) return;
    if (static_cast<Index>(weights.size()) != classes) {
        raise<ShapeError>(where, "class_weights", std::to_string(weights.size()),
                          std::to_string(classes) + ", one a class");
    }
    for (std::size_t c = 0; c < weights.size(); ++c) {
        if (weights[c] >= 0.0 && std::isfinite(weights[c])) continue;
        raise<DataError>(where, "weight of class " + std::to_string(c), std::to_string(weights[c]),
                         "a finite value, 0 or more");
    }
}

/// How many of the outputs, the first, are the answer: all unless the loss says otherwise.
template <class L>
Index answer_rows(const L& loss, Index outputs) {
    if constexpr (requires { loss.answer_rows(outputs); }) {
        return loss.answer_rows(outputs);
    } else {
        return outputs;
    }
}

/// What a loss divides by to get its mean: what the loss says, else the number of samples.
template <class S, class L>
double loss_weight(const L& loss, const BatchView<S>& outputs, const Targets<S>& targets) {
    if constexpr (requires { static_cast<double>(loss.weight(outputs, targets)); }) {
        return static_cast<double>(loss.weight(outputs, targets));
    } else {
        return static_cast<double>(outputs.cols());
    }
}

}  // namespace detail

/// -sum_c w_c t_c log softmax(z)_c of the logits z, mean over the batch. Targets are labels or probabilities.
/// With class weights w the mean over labels divides by the sum of the samples' weights, that over probabilities by
/// their number, as PyTorch does; a batch whose weights are all 0 has loss 0.
struct CrossEntropy {
    std::vector<double> class_weights = {};  ///< one a class; none: 1 each

    template <class S>
    double weight(const BatchView<S>& z, const Targets<S>& targets) const {
        if (class_weights.empty() || targets.values != nullptr) return static_cast<double>(z.cols());
        double sum = 0.0;
        for (const std::int32_t label : targets.labels) sum += class_weights[static_cast<std::size_t>(label)];
        return sum;
    }

    template <class S>
    double operator()(const BatchView<S>& z, const Targets<S>& targets, Batch<S>& gradient) const {
        detail::require_targets<S>("CrossEntropy", z, targets);
        if (z.rows() == 1) {  // its softmax is 1 whatever it says
            detail::raise<ShapeError>(
                "CrossEntropy", "outputs", "1",
                "one for each class; BinaryCrossEntropy takes a logit, MeanSquaredError a number");
        }
        if (targets.values == nullptr) {
            detail::require_labels<S>("CrossEntropy", z, targets.labels);
        } else {  // those of a sample need not sum to one
            detail::require_probabilities("CrossEntropy", *targets.values, std::numeric_limits<S>::infinity());
        }
        detail::require_class_weights("CrossEntropy", class_weights, z.rows());
        detail::reshape(gradient, z.rows(), z.cols());
        double total = 0.0;
        const double divisor = weight(z, targets);
        const S share = divisor > 0.0 ? S(1) / static_cast<S>(divisor) : S(0);
        const auto weight_of = [this](Index c) {
            return class_weights.empty() ? 1.0 : class_weights[static_cast<std::size_t>(c)];
        };
        for (Index j = 0; j < z.cols(); ++j) {
            auto p = gradient.col(j);
            const S top = z.rows() > 0 ? z.col(j).maxCoeff() : S(0);
            p = (z.col(j).array() - top).exp();
            const S sum = p.sum();
            const double log_sum = std::log(static_cast<double>(sum));
            p /= sum;
            if (targets.values == nullptr) {
                const auto label = static_cast<Index>(targets.labels[static_cast<std::size_t>(j)]);
                const double w = weight_of(label);
                total += w * (log_sum - static_cast<double>(z(label, j) - top));
                p[label] -= S(1);
                p *= static_cast<S>(w) * share;
            } else {
                S all = S(0);
                for (Index i = 0; i < z.rows(); ++i) all += static_cast<S>(weight_of(i)) * (*targets.values)(i, j);
                for (Index i = 0; i < z.rows(); ++i) {
                    const S wanted = static_cast<S>(weight_of(i)) * (*targets.values)(i, j);
                    total += static_cast<double>(wanted) * (log_sum - static_cast<double>(z(i, j) - top));
                    p[i] = all * p[i] - wanted;
                }
                p *= share;
            }
        }
        return divisor > 0.0 ? total / divisor : 0.0;
    }

    /// p (dz - p.dz), as often as the sample counts.
    template <class S>
    void tangent(const BatchView<S>& z, const Targets<S>& targets, const BatchView<S>& dz, Batch<S>& d_gradient) const {
        detail::require_shape("CrossEntropy::tangent", "dz", dz, z.rows(), z.cols());
        detail::reshape(d_gradient, z.rows(), z.cols());
        const double divisor = weight(z, targets);
        const auto weight_of = [this](Index c) {
            return static_cast<S>(class_weights.empty() ? 1.0 : class_weights[static_cast<std::size_t>(c)]);
        };
        for (Index j = 0; j < z.cols(); ++j) {
            auto p = d_gradient.col(j);
            p = (z.col(j).array() - (z.rows() > 0 ? z.col(j).maxCoeff() : S(0))).exp();
            p /= p.sum();
            S all = S(0);
            if (targets.values == nullptr) {
                all = weight_of(static_cast<Index>(targets.labels[static_cast<std::size_t>(j)]));
            } else {
                for (Index i = 0; i < z.rows(); ++i) all += weight_of(i) * (*targets.values)(i, j);
            }
            if (divisor > 0.0) all /= static_cast<S>(divisor);
            p.array() *= all * (dz.col(j).array() - p.dot(dz.col(j)));
        }
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

    template <class S>
    void tangent(const BatchView<S>& y, const Targets<S>&, const BatchView<S>& dy, Batch<S>& d_gradient) const {
        detail::require_shape("MeanSquaredError::tangent", "dy", dy, y.rows(), y.cols());
        detail::reshape(d_gradient, y.rows(), y.cols());
        if (y.size() > 0) d_gradient = S(2) / static_cast<S>(y.size()) * dy;
    }
};

/// -t log sigmoid(z) - (1 - t) log(1 - sigmoid(z)) of the logits z, mean over outputs and batch, in the form that
/// neither overflows nor cancels: max(z, 0) - z t + log(1 + exp(-|z|)). With class weights {w0, w1} an output counts
/// (1 - t) w0 + t w1 times and the mean divides by their sum: for labels the CrossEntropy of the logits {0, z}.
struct BinaryCrossEntropy {
    std::vector<double> class_weights = {};  ///< of class 0 and class 1; none: 1 each

    template <class S>
    double weight(const BatchView<S>& z, const Targets<S>& targets) const {
        if (class_weights.empty() || z.rows() == 0) return static_cast<double>(z.cols());
        double sum = 0.0;
        for (Index j = 0; j < z.cols(); ++j) {
            for (Index i = 0; i < z.rows(); ++i) sum += weight_of(static_cast<double>(targets(i, j, z.rows())));
        }
        return sum / static_cast<double>(z.rows());
    }

    template <class S>
    double operator()(const BatchView<S>& z, const Targets<S>& targets, Batch<S>& gradient) const {
        detail::require_targets<S>("BinaryCrossEntropy", z, targets);
        if (targets.values != nullptr) detail::require_probabilities("BinaryCrossEntropy", *targets.values, S(1));
        detail::require_class_weights("BinaryCrossEntropy", class_weights, 2);
        detail::reshape(gradient, z.rows(), z.cols());
        if (z.size() == 0) return 0.0;
        double total = 0.0;
        const double divisor = weight(z, targets) * static_cast<double>(z.rows());
        const double share = divisor > 0.0 ? 1.0 / divisor : 0.0;
        for (Index j = 0; j < z.cols(); ++j) {
            for (Index i = 0; i < z.rows(); ++i) {
                const auto logit = static_cast<double>(z(i, j));
                const auto wanted = static_cast<double>(targets(i, j, z.rows()));
                const double w = weight_of(wanted);
                const double small = std::exp(-std::abs(logit));
                total += w * (std::max(logit, 0.0) - logit * wanted + std::log1p(small));
                const double probability = logit >= 0.0 ? 1.0 / (1.0 + small) : small / (1.0 + small);
                gradient(i, j) = static_cast<S>(w * (probability - wanted) * share);
            }
        }
        return total * share;
    }

    /// p (1 - p) dz, as often as the output counts.
    template <class S>
    void tangent(const BatchView<S>& z, const Targets<S>& targets, const BatchView<S>& dz, Batch<S>& d_gradient) const {
        detail::require_shape("BinaryCrossEntropy::tangent", "dz", dz, z.rows(), z.cols());
        detail::reshape(d_gradient, z.rows(), z.cols());
        const double divisor = weight(z, targets) * static_cast<double>(z.rows());
        for (Index j = 0; j < z.cols(); ++j) {
            for (Index i = 0; i < z.rows(); ++i) {
                const double small = std::exp(-std::abs(static_cast<double>(z(i, j))));
                const double bend = small / ((1.0 + small) * (1.0 + small));
                const double w = weight_of(static_cast<double>(targets(i, j, z.rows())));
                d_gradient(i, j) = divisor > 0.0 ? static_cast<S>(w * bend / divisor) * dz(i, j) : S(0);
            }
        }
    }

private:
    double weight_of(double wanted) const {
        return class_weights.empty() ? 1.0 : (1.0 - wanted) * class_weights[0] + wanted * class_weights[1];
    }
};

/// The losses that FitOptions can name; fit takes any type that is a Loss.
using AnyLoss = std::variant<CrossEntropy, MeanSquaredError, BinaryCrossEntropy>;

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// How well a network does on a data set.
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

/// By the first `answer` rows.
template <class S>
Index count_correct(const Batch<S>& outputs, Index answer, std::span<const std::int32_t> labels) {
    Index correct = 0;
    for (std::size_t j = 0; j < labels.size(); ++j) {
        correct += predicted_class(outputs.col(static_cast<Index>(j)).head(answer)) == labels[j];
    }
    return correct;
}

/// Of some samples, or of several times some.
struct BatchMeasures {
    double loss = 0.0;    ///< mean times weight
    double weight = 0.0;  ///< what the mean was divided by: samples, or their class weights
    Index correct = 0;

    void add(const BatchMeasures& more) {
        loss += more.loss;
        weight += more.weight;
        correct += more.correct;
    }
    double mean() const { return weight > 0.0 ? loss / weight : 0.0; }
};

/// A loss that is not finite leaves one that is not.
template <class S, class L>
BatchMeasures measure(const L& loss, const Batch<S>& y, const Targets<S>& targets, Batch<S>& slope) {
    const BatchView<S> outputs(y);
    const double mean = loss(outputs, targets, slope), weight = loss_weight<S>(loss, outputs, targets);
    return {std::isfinite(mean) ? mean * weight : mean, weight,
            count_correct<S>(y, answer_rows(loss, y.rows()), targets.labels)};
}

/// Throws unless the network can be run on the data and its outputs compared with what the data wants.
template <class Net, class S, class L>
void require_trainable(const char* where, const Net& net, const Dataset<S>& data, const L& loss) {
    if (data.empty()) raise<DataError>(where, "samples", "0", "1 or more");
    if (net.in_features() != Dynamic && net.in_features() != data.features()) {
        raise<ShapeError>(where, "features", std::to_string(data.features()),
                          std::to_string(net.in_features()) + ", the network's in_features");
    }
    const Index outputs = net.predict(data.input(0)).rows();
    if constexpr (requires { loss.check(data, outputs); }) {
        loss.check(data, outputs);
    } else if (data.has_targets()) {
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
    detail::require_trainable("evaluate", net, data, loss);
    constexpr Index width = 64;
    Workspace<Net> workspace;
    Batch<S> x, slope, wanted;
    detail::BatchMeasures sums;
    for (Index first = 0; first < data.samples(); first += width) {
        const Index count = std::min(width, data.samples() - first);
        data.inputs(first, count, x);
        const Batch<S>& y = net.forward(x, workspace);
        Targets<S> targets;
        if (data.has_labels()) {
            targets.labels = data.labels().subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
        }
        if (data.has_targets()) {
            detail::reshape(wanted, data.targets().rows(), count);
            std::copy_n(data.targets().data() + first * wanted.rows(), wanted.size(), wanted.data());
            targets.values = &wanted;
        }
        sums.add(detail::measure<S>(loss, y, targets, slope));
    }
    Evaluation result{.loss = sums.mean()};
    if (data.has_labels()) result.accuracy = static_cast<double>(sums.correct) / static_cast<double>(data.samples());
    return result;
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// How the recording pass runs; the result does not depend on it.
struct RecordOptions {
    Index batch = 64;                ///< samples run at once
    int threads = 0;                 ///< 0: every core, where the model may run in parallel
    ProgressCallback progress = {};  ///< in samples; false cancels and leaves everything as it was
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
template <class Model, class Store>
struct RecordWorker {
    using S = typename Store::Scalar;
    decltype(make_workspace(std::declval<const Model&>())) workspace;
    StoreWriter<Store> writer;
    Batch<S> inputs;

    RecordWorker(const Model& model, Store& store, const Activations<S>& seen)
        : workspace(make_workspace(model)), writer(store, seen) {}

    /// Runs samples that go to positions [first, first + x.cols()) of the store.
    void run(const Model& model, Store& store, const BatchView<S>& x, Index first) {
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
        std::copy_n(y.data(), y.size(), store.outputs.data() + first * y.rows());
        for (Index j = 0; j < y.cols(); ++j) {
            store.predictions[static_cast<std::size_t>(first + j)] = predicted_class(y.col(j));
        }
    }
};

template <class Model, class Store>
using RecordWorkers = std::vector<std::unique_ptr<RecordWorker<Model, Store>>>;

template <class Model, class Store>
RecordWorkers<Model, Store> make_workers(const Model& model, Store& store,
                                         const Activations<typename Store::Scalar>& seen, int threads) {
    RecordWorkers<Model, Store> workers;
    for (int t = 0; t < threads; ++t) {
        workers.push_back(std::make_unique<RecordWorker<Model, Store>>(model, store, seen));
    }
    return workers;
}

inline void check_record_options(const RecordOptions& options) {
    if (options.batch < 1) raise<DataError>("record", "batch", std::to_string(options.batch), "1 or more");
    if (options.threads < 0) raise<DataError>("record", "threads", std::to_string(options.threads), "0 or more");
}

template <class Model, class S>
void check_data(const Model& model, const Dataset<S>& data) {
    if (data.empty()) raise<DataError>("record", "samples", "0", "1 or more");
    if (data.samples() > static_cast<Index>(std::numeric_limits<std::uint32_t>::max())) {
        raise<DataError>("record", "samples", std::to_string(data.samples()), "at most 2^32 - 1");
    }
    if (model.in_features() != Dynamic && model.in_features() != data.features()) {
        raise<ShapeError>("record", "features", std::to_string(data.features()),
                          std::to_string(model.in_features()) + ", the network's in_features");
    }
}

/// A batch of a stream must be whole; `first`: none came before, else `labelled` says whether those had labels.
template <class S>
void check_batch(const SampleBatch<S>& batch, bool first, bool labelled) {
    const Index count = batch.inputs.cols();
    if (!batch.ids.empty() && std::ssize(batch.ids) != count) {
        raise<ShapeError>("record", "ids of a batch", shape_text(std::ssize(batch.ids), 1), shape_text(count, 1));
    }
    if (!batch.labels.empty() ? std::ssize(batch.labels) != count : labelled) {
        raise<ShapeError>("record", "labels of a batch", std::to_string(batch.labels.size()), std::to_string(count));
    }
    if (!batch.labels.empty() && !labelled && !first) {
        raise<ShapeError>("record", "labels of a batch", std::to_string(batch.labels.size()),
                          "none, as in the batches before");
    }
}

/// Looks at the model with its first sample: which places it has, what it puts out, what its fingerprint is.
template <class Model, class S, class Store>
Activations<S> first_look(const Model& model, const BatchView<S>& sample, std::uint64_t id, const Selection& selection,
                          Store& store) {
    if constexpr (requires { model.parameters(); }) require_finite_parameters("record", model);
    Activations<S> seen;
    auto workspace = make_workspace(model);
    seen.collect(model, sample, std::span(&id, 1), workspace);
    if (seen.blocks().empty()) raise<DataError>("record", "places the model reported", "none", "1 or more");
    store.points = make_points(seen, selection);
    store.outputs.resize(seen.output().rows(), 0);
    store.fingerprint = model_fingerprint(model, seen);
    if constexpr (!requires { fingerprint(model); }) {
        if (!model.options().fingerprint) store.first_input = sample;
    }
    return seen;
}

template <class Store>
void make_room(Store& store, Index capacity, Index filled) {
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
/// Cost     one forward pass a sample; memory samples x recorded units x sizeof(S), or of an encoding's code
///          (tracing/reduced.hpp): record<Float16>(net, data). Where units have ranges, these cost a pass of their own.
template <class E = Exact, class Model, class S>
std::optional<MemoryStore<S, E>> record(const Model& model, const Dataset<S>& data, const Selection& selection = {},
                                        const RecordOptions& options = {}) {
    static_assert(Encoding<E, S>, "renn: this type is not an encoding (tracing/encoding.hpp)");
    using Store = MemoryStore<S, E>;
    detail::check_record_options(options);
    detail::check_selection(selection);
    detail::check_data(model, data);
    Store store;
    const Column<S> first = data.input(0);
    const Activations<S> seen = detail::first_look<Model, S>(model, first, data.id(0), selection, store);
    const std::vector<Index> positions = detail::positions(data.samples(), selection.every);
    const auto samples = static_cast<Index>(positions.size());
    const auto take = [&positions](const auto& from, auto& to) {
        if (from.empty()) return;
        to.reserve(positions.size());
        for (const Index s : positions) to.push_back(from[static_cast<std::size_t>(s)]);
    };
    take(data.ids(), store.ids);
    take(data.labels(), store.labels);
    take(data.tags(), store.tags);
    for (int c = 0; c < data.classes(); ++c) store.class_names.push_back(data.class_name(c));
    store.index_ids();
    detail::make_room(store, samples, 0);

    const Index tasks = (samples + options.batch - 1) / options.batch;
    const int threads = may_run_in_parallel(model) ? detail::thread_count(options.threads, tasks) : 1;
    auto workers = detail::make_workers(model, store, seen, threads);

    const auto pass = [&](std::string_view phase) {
        return detail::parallel_for(
            tasks, threads,
            [&](Index task, int worker) {
                auto& mine = *workers[static_cast<std::size_t>(worker)];
                const Index begin = task * options.batch;
                const Index count = std::min(options.batch, samples - begin);
                if (selection.every == 1) {
                    data.inputs(begin, count, mine.inputs);
                } else {
                    const auto chosen = std::span(positions).subspan(static_cast<std::size_t>(begin));
                    data.inputs(chosen.first(static_cast<std::size_t>(count)), mine.inputs);
                }
                mine.run(model, store, mine.inputs, begin);
            },
            [&](Index done) {
                const Index count = std::min(done * options.batch, samples);
                return !options.progress || options.progress({static_cast<std::uint64_t>(count),
                                                              static_cast<std::uint64_t>(samples), phase});
            });
    };
    if constexpr (E::ranged == Ranged::unit) {
        for (const auto& worker : workers) worker->writer.measure();
        if (!pass("measuring")) return std::nullopt;
        detail::set_ranges(store, workers);
    }
    if (!pass("recording")) return std::nullopt;
    return store;
}

/// Records whatever a stream of batches yields, so that the inputs need not fit into memory. The stream is called by
/// one thread only, a few batches ahead of the model. A stream with class_names() is asked for them at its end.
template <class S, class E = Exact, class Model, SampleStream<S> Stream>
std::optional<MemoryStore<S, E>> record_stream(const Model& model, Stream&& next, const Selection& selection = {},
                                               const RecordOptions& options = {}) {
    static_assert(E::ranged != Ranged::unit,
                  "renn: a stream passes once, and ranges of units need a pass of their own: record a Dataset, or "
                  "encode by sample");
    static_assert(Encoding<E, S>, "renn: this type is not an encoding (tracing/encoding.hpp)");
    using Store = MemoryStore<S, E>;
    detail::check_record_options(options);
    detail::check_selection(selection);
    std::uint64_t passed = 0;  // samples of the stream, recorded or not
    Store store;
    std::optional<Activations<S>> seen;
    const int threads = may_run_in_parallel(model) ? detail::thread_count(options.threads, 1024) : 1;
    detail::RecordWorkers<Model, Store> workers;
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
            Index count = batch.inputs.cols();
            detail::check_batch(batch, store.samples() == 0, !store.labels.empty());
            if (selection.every > 1) {
                detail::thin(batch, passed, selection.every);
                passed += static_cast<std::uint64_t>(count);
                count = batch.inputs.cols();
                if (count == 0) continue;
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
            workers = detail::make_workers(model, store, *seen, threads);
        }
        if (filled > store.capacity()) detail::make_room(store, std::max(filled, 2 * store.capacity()), begins[0]);
        detail::parallel_for(static_cast<Index>(batches), threads, [&](Index task, int worker) {
            const auto b = static_cast<std::size_t>(task);
            const auto& x = ahead[b].inputs;  // a Dataset has checked its own
            detail::require_finite<S>("record", "input", x,
                                      std::span<const std::uint64_t>(store.ids).subspan(
                                          static_cast<std::size_t>(begins[b]), static_cast<std::size_t>(x.cols())));
            workers[static_cast<std::size_t>(worker)]->run(model, store, x, begins[b]);
        });
        if (options.progress && !options.progress({static_cast<std::uint64_t>(filled), 0, "recording"})) {
            return std::nullopt;
        }
    }
    if (!seen) detail::raise<DataError>("record", "samples", "0", "1 or more");
    detail::make_room(store, store.samples(), store.samples());
    const auto negative = std::find_if(store.labels.begin(), store.labels.end(), [](auto l) { return l < 0; });
    if (negative != store.labels.end()) {
        detail::raise<DataError>("record", "label", std::to_string(*negative), "0 or more");
    }
    if constexpr (requires { next.class_names(); }) {
        store.class_names.assign(next.class_names().begin(), next.class_names().end());
    }
    store.index_ids();
    return store;
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// A model, the activations it had for every recorded sample, and an index over them. The model is a Network or foreign
/// code; it is owned and shown const: training further means tracing again. Copies share the recording, which never
/// changes: recording again makes a new one, and answers given before keep theirs.
///
/// Threads  retrace and the other const members may run on several threads at once.
template <class Model, class Store = MemoryStore<typename Model::Scalar>, class Policy = KdTree>
class TracedNetwork {
public:
    using Scalar = typename Model::Scalar;
    static_assert(ActivationStore<Store>, "renn: this type is not an activation store (tracing/store.hpp)");
    static_assert(IndexPolicy<Policy, Scalar>, "renn: this type is not an index policy (index/index_policy.hpp)");
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
        return keep(renn::record<typename Store::Encoding>(*model_, data, selection_, options));
    }

    /// The same for a stream of batches, any callable `bool next(SampleBatch<Scalar>&)`.
    template <SampleStream<Scalar> Stream>
    bool record(Stream&& next, const RecordOptions& options = {}) {
        return keep(record_stream<Scalar, typename Store::Encoding>(*model_, next, selection_, options));
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
            const renn::Index known = features();
            detail::raise<ShapeError>("retrace", "x", detail::shape_text(x.rows(), x.cols()),
                                      detail::shape_text(known != Dynamic ? known : x.rows(), 1) +
                                          ", a sample is a column; retrace_batch takes many");
        }
        return std::move(retrace_batch(x, options).front());
    }

    /// Traces every column of x, queries spread over threads (0: every core). Memory: that of the answers;
    /// of those that are gone up to 32 MiB are kept for the next ones.
    std::vector<Answer> retrace_batch(const BatchView<Scalar>& x, const RetraceOptions& options = {},
                                      int threads = 1) const {
        return answers(query(x), options, {}, threads);
    }

    /// Leave-one-out: traces recorded samples, each without itself as a source.
    /// Shapes   x: features x ids, the recorded inputs of those ids.
    std::vector<Answer> retrace_without_self(const BatchView<Scalar>& x, ListView<std::uint64_t> ids,
                                             const RetraceOptions& options = {}, int threads = 1) const {
        if (static_cast<renn::Index>(ids.size()) != x.cols()) {
            detail::raise<ShapeError>("retrace_without_self", "ids", std::to_string(ids.size()),
                                      std::to_string(x.cols()));
        }
        return answers(query(x), options, ids, threads);
    }

    /// The same from what was recorded of them: no inputs and no forward pass.
    /// Throws   DataError for an id that was not recorded.
    /// Cost     many at once, side by side in the store, are cheaper than one by one.
    std::vector<Answer> retrace_recorded(ListView<std::uint64_t> ids, const RetraceOptions& options = {},
                                         int threads = 1) const {
        const Store& recorded = index("retrace_recorded").store();
        std::vector<std::uint32_t> positions;
        for (const std::uint64_t id : ids) {
            positions.push_back(static_cast<std::uint32_t>(recorded.position_of(id)));
        }
        detail::check_retrace_options(options);
        const auto voting = detail::voting_points(recorded.points, options);
        std::vector<Batch<Scalar>> values(recorded.points.size());
        std::vector<const Batch<Scalar>*> blocks(values.size(), nullptr);
        for (const std::uint32_t p : voting) {
            detail::recorded_values(*index_, p, positions, values[p]);
            blocks[p] = &values[p];
        }
        Batch<Scalar> outputs(recorded.outputs.rows(), std::ssize(positions));
        for (std::size_t q = 0; outputs.rows() > 0 && q < positions.size(); ++q) {
            outputs.col(static_cast<renn::Index>(q)) = recorded.outputs.col(static_cast<renn::Index>(positions[q]));
        }
        return search(voting, blocks, outputs, options, ids, threads);
    }

    /// Traces activations computed elsewhere or before: every column, without a forward pass.
    std::vector<Answer> retrace_activations(const Activations<Scalar>& values, const RetraceOptions& options = {},
                                            int threads = 1) const {
        return answers(values, options, {}, threads);
    }

private:
    using Search = detail::Search<Index>;
    static constexpr renn::Index most_together = 1024;  ///< queries that are searched for neuron by neuron

    const Index& index(const char* where) const {
        if (!recorded()) detail::raise<DataError>(where, "nothing recorded yet: call record() first");
        return *index_;
    }

    template <class Recorded>
    bool keep(std::optional<Recorded> recorded) {
        if (!recorded) return false;
        restore(Store(std::move(*recorded)));
        return true;
    }

    void check_fingerprint(const Store& store) const {
        std::uint64_t mine = 0;
        if constexpr (requires { fingerprint(*model_); }) {
            mine = fingerprint(*model_);
        } else if (model_->options().fingerprint) {
            mine = *model_->options().fingerprint;
        } else if (store.first_input.size() == 0) {
            detail::raise<MismatchError>("TracedNetwork", "fingerprint of the foreign code", "none",
                                         std::to_string(store.fingerprint) + ", which the store was recorded with");
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

    /// Of a sample: those that the network takes, of foreign code those recorded, as far as that is known.
    renn::Index features() const {
        const renn::Index own = model_->in_features();
        if (own != Dynamic || !recorded() || store().first_input.size() == 0) return own;
        return store().first_input.rows();
    }

    Activations<Scalar> query(const BatchView<Scalar>& x) const {
        index("retrace");
        const renn::Index known = features();
        if (known != Dynamic && known != x.rows()) {
            const bool own = model_->in_features() != Dynamic;
            detail::raise<ShapeError>("retrace", "features", std::to_string(x.rows()),
                                      std::to_string(known) + (own ? ", the network's in_features" : ", as recorded"));
        }
        return renn::activations(*model_, x);
    }

    std::vector<Answer> answers(const Activations<Scalar>& values, const RetraceOptions& options,
                                std::span<const std::uint64_t> without_self, int threads) const {
        const Store& recorded = index("retrace").store();
        detail::check_retrace_options(options);
        const std::vector<std::uint32_t> voting = detail::voting_points(recorded.points, options);
        std::vector<Batch<Scalar>> made;
        return search(voting, blocks_of(values, recorded, voting, made), values.output(), options, without_self,
                      threads);
    }

    /// Every column of the blocks, one a voting point by its number; outputs of the model, one column a query.
    std::vector<Answer> search(const std::vector<std::uint32_t>& voting,
                               const std::vector<const Batch<Scalar>*>& blocks, const Batch<Scalar>& outputs,
                               const RetraceOptions& options, std::span<const std::uint64_t> without_self,
                               int threads) const {
        const Store& recorded = index_->store();
        const auto allowed = detail::allowed_samples(recorded, options);
        const renn::Index queries = blocks.empty() ? 0 : blocks[voting.front()]->cols();
        std::vector<std::shared_ptr<Search>> searches(static_cast<std::size_t>(queries));
        const renn::Index workers = detail::thread_count(threads, queries);
        const renn::Index together = std::clamp<renn::Index>((queries + workers - 1) / workers, 1, most_together);
        detail::parallel_for((queries + together - 1) / together, threads, [&](renn::Index block, int) {
            const renn::Index first = block * together;
            const auto count = static_cast<std::size_t>(std::min(together, queries - first));
            const std::span some(searches.data() + first, count);
            for (renn::Index q = first; q < first + std::ssize(some); ++q) {
                auto search = std::make_shared<Search>(index_, memory_);
                search->options = options;
                search->allowed = allowed;
                std::optional<std::uint64_t> without = options.without;
                if (!without_self.empty()) without = without_self[static_cast<std::size_t>(q)];
                if (without) search->without = static_cast<std::uint32_t>(recorded.position_of(*without));
                if (outputs.rows() > 0) {
                    const auto column = outputs.col(q);
                    search->outputs.assign(column.data(), column.data() + column.size());
                    search->prediction = predicted_class(column);
                }
                searches[static_cast<std::size_t>(q)] = std::move(search);
            }
            detail::run_searches<Index>(some, voting, [&](std::uint32_t point, std::size_t q) {
                return blocks[point]->data() + (first + static_cast<renn::Index>(q)) * blocks[point]->rows();
            });
        });
        std::vector<Answer> result;
        result.reserve(searches.size());
        for (auto& search : searches) result.emplace_back(std::move(search));
        return result;
    }

    /// The query's values of every voting point, by the point's number; what the model did not report so, `made` then
    /// holds: pooled channels, and values rounded as the store rounded its samples'.
    std::vector<const Batch<Scalar>*> blocks_of(const Activations<Scalar>& values, const Store& recorded,
                                                const std::vector<std::uint32_t>& voting,
                                                std::vector<Batch<Scalar>>& made) const {
        made.resize(recorded.points.size());
        std::vector<const Batch<Scalar>*> blocks(recorded.points.size(), nullptr);
        for (const std::uint32_t p : voting) {
            const Point& point = recorded.points[p];
            if constexpr (detail::Rounds<Store>) {
                const auto from = point.stored() ? p : static_cast<std::uint32_t>(point.derived_from);
                const Point& source = recorded.points[from];
                detail::as_stored(recorded, from, block_of(values, source), made[p]);
                if (from != p) index_->derive(p, made[p].data(), made[p].data(), made[p].size());
                blocks[p] = &made[p];
            } else if (point.by_channel()) {
                pool_channels<Scalar>(point, block_of(values, point), made[p]);
                blocks[p] = &made[p];
            } else {
                blocks[p] = &block_of(values, point);
            }
        }
        return blocks;
    }

    /// What the model reported at a point. Throws MismatchError if it is missing.
    static const Batch<Scalar>& block_of(const Activations<Scalar>& values, const Point& point) {
        for (const auto& block : values.blocks()) {
            if (block.name != point.name || block.kind != point.kind) continue;
            if (block.values.rows() != point.width) {
                detail::raise<ShapeError>("retrace", point.text(), std::to_string(block.values.rows()) + " units",
                                          std::to_string(point.width));
            }
            return block.values;
        }
        detail::raise<MismatchError>("retrace", "activations of " + point.text(), "none", "those of the query");
    }

    std::shared_ptr<const Model> model_;
    Selection selection_;
    std::shared_ptr<const Index> index_;
    std::shared_ptr<detail::QueryMemory> memory_ = std::make_shared<detail::QueryMemory>();
};

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

namespace detail {

template <class A, class Net, class P>
void put_network(A& ar, const Net& net, const P& parameters) {
    put(ar, net.kinds());
    Net::for_each_child(net, parameters, [&ar](const std::string& name, const auto& layer, const auto& w) {
        put(ar, name);
        if constexpr (CompositeLayer<std::remove_cvref_t<decltype(layer)>>) {
            put_network(ar, layer, w);
        } else {
            if constexpr (requires { layer.constants(); }) {
                std::apply([&ar](const auto&... c) { (put(ar, c), ...); }, layer.constants());
            }
            for_each_block([&ar](const auto& block) { put(ar, block); }, w);
        }
    });
}

template <class A, class Net, class P>
void get_network(A& ar, Net& net, P& parameters, const Limit& limit) {
    std::string kinds;
    get(ar, kinds, limit);
    // A kind is a few letters and becomes a layer of up to half of this; the list of them grows by doubling.
    constexpr std::uint64_t bytes = 2048;
    limit.require(1 + static_cast<std::uint64_t>(std::count(kinds.begin(), kinds.end(), ',')), 8, bytes);
    net.take_kinds(kinds, parameters);
    std::vector<std::string> names;
    Net::for_each_child(net, parameters, [&](const std::string&, auto& layer, auto& w) {
        using L = std::remove_cvref_t<decltype(layer)>;
        get(ar, names.emplace_back(), limit);
        if constexpr (CompositeLayer<L>) {
            get_network(ar, layer, w, limit);
        } else {
            if constexpr (requires { layer.constants(); }) {
                std::apply([&](auto&... c) { (get(ar, c, limit), ...); }, layer.constants());
                layer.check();
            }
            for_each_block([&](auto& block) { get(ar, block, limit); }, w);
            if constexpr (requires { layer.check(w); }) layer.check(w);
        }
    });
    net.rename_all(std::move(names));
    net.check_sizes();
}

}  // namespace detail

/// Writes a network to any cereal output archive: what it is, then every layer's name, constants and parameters. A
/// Network and the Sequential of the same layers write the same.
template <class A, CompositeLayer Net>
void put(A& ar, const Net& net) {
    detail::put_network(ar, net, net.parameters());
}

/// Reads a network: a Network of the same layer types, or any into a Sequential that knows its kinds. Throws
/// MismatchError if the archive holds another network, FormatError for lengths that cannot be.
template <class A, CompositeLayer Net>
void get(A& ar, Net& net, const detail::Limit& limit = {}) {
    detail::get_network(ar, net, net.parameters(), limit);
}

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
            for (Index d = 0; d < store.points[p].dimensions(); ++d) {
                const auto values = store.values({p, u}, d);
                detail::put_block(ar, values.data(), values.size());
            }
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
    if (n == 0) detail::raise<FormatError>("store", "samples", "0", "1 or more");
    const auto fits = [n](std::size_t count) { return count == 0 || count == n; };
    if (!fits(store.labels.size()) || !fits(store.predictions.size()) || !fits(store.tags.size()) ||
        store.outputs.cols() != static_cast<Index>(n)) {
        detail::raise<FormatError>("store", "numbers of samples", "different ones", std::to_string(n) + " each");
    }
    const auto named = static_cast<std::int64_t>(store.class_names.size());
    detail::check_classes("label", store.labels, named > 0 ? named : detail::most_classes(0, store.samples()));
    detail::check_classes("prediction", store.predictions, std::max<std::int64_t>(2, store.outputs.rows()));
    std::uint64_t columns = 0;
    for (std::size_t p = 0; p < store.points.size(); ++p) {
        detail::check_point(store.points, p);
        if (!store.points[p].stored()) continue;
        columns += static_cast<std::uint64_t>(store.points[p].columns());
        limit.require(columns, n * sizeof(S));
    }
    store.reserve(static_cast<Index>(n), 0);
    for (std::size_t p = 0; p < store.points.size(); ++p) {
        if (!store.points[p].stored()) continue;
        for (Index u = 0; u < store.points[p].columns(); ++u) detail::get_block(ar, store.column(p, u), n);
    }
    store.index_ids();
}

namespace detail {

/// `to`: a file's name or a stream.
template <class To, CompositeLayer Net>
void save_network(To& to, const Net& net) {
    write_archive(to, "network", sizeof(typename Net::Scalar), [&](auto& ar) { put(ar, net); });
}

template <class To, class Model, class Store, class Policy>
void save_traced(To& to, const TracedNetwork<Model, Store, Policy>& traced) {
    write_archive(to, "traced", sizeof(typename Model::Scalar), [&](auto& ar) {
        constexpr bool own = requires {
            put(ar, traced.network());
        };
        put(ar, static_cast<std::uint8_t>(own));
        if constexpr (own) put(ar, traced.network());
        put(ar, traced.store());
    });
}

/// `from`: a file's name or a stream.
template <class T, class From>
T load_from(From& from) {
    if constexpr (requires { typename T::Answer; }) {
        using Model = std::remove_cvref_t<decltype(std::declval<T>().network())>;
        using Store = std::remove_cvref_t<decltype(std::declval<T>().store())>;
        static_assert(std::is_default_constructible_v<Model>,
                      "renn::load: foreign code is not in a file; trace it again, then restore(path, traced)");
        Model model;
        Store store;
        read_frame(from, "traced", sizeof(typename T::Scalar), [&](auto& ar, const Limit& limit) {
            std::uint8_t own = 0;
            get(ar, own, limit);
            if (own == 0) {
                raise<MismatchError>("traced network", "model", "foreign code, which is not in the file",
                                     "a network; use restore(path, traced)");
            }
            get(ar, model, limit);
            get(ar, store, limit);
        });
        return T(std::move(model), std::move(store));
    } else {
        T net;
        read_frame(from, "network", sizeof(typename T::Scalar),
                   [&](auto& ar, const Limit& limit) { get(ar, net, limit); });
        return net;
    }
}

}  // namespace detail

/// save("digits.renn", net): structure, names, constants and parameters. Appears whole or not at all.
/// Throws FormatError if the file cannot be written.
template <CompositeLayer Net>
void save(const std::string& path, const Net& net) {
    detail::save_network(path, net);
}

/// The same bytes into a stream; they are held in memory meanwhile.
template <CompositeLayer Net>
void save(std::ostream& out, const Net& net) {
    detail::save_network(out, net);
}

/// save("digits.renn", traced): network (not foreign code) and recording. The index is built again after loading.
template <class Model, class Store, class Policy>
void save(const std::string& path, const TracedNetwork<Model, Store, Policy>& traced) {
    detail::save_traced(path, traced);
}

/// The same bytes into a stream; they are held in memory meanwhile.
template <class Model, class Store, class Policy>
void save(std::ostream& out, const TracedNetwork<Model, Store, Policy>& traced) {
    detail::save_traced(out, traced);
}

/// auto net = load<Net>("digits.renn"), auto traced = load<Traced>("traced.renn"): the type says what is expected.
///
/// Throws   FormatError for a file that is foreign, truncated, damaged, newer or of other content; MismatchError for
///          another scalar or other layers. The file's checksum is checked before a byte of it is parsed.
template <class T>
T load(const std::string& path) {
    return detail::load_from<T>(path);
}

/// The same from a stream that is at the beginning of what save wrote; it is then just behind it. Memory: that of the
/// bytes and of what they hold, never more for a length that is only claimed.
template <class T>
T load(std::istream& in) {
    return detail::load_from<T>(in);
}

/// Gives a recording back to foreign code, or to a network that is there already.
/// Throws   as load; MismatchError also if the recording was made with another network or other code.
template <class Model, class Store, class Policy>
void restore(const std::string& path, TracedNetwork<Model, Store, Policy>& traced) {
    Store store;
    detail::read_frame(path, "traced", sizeof(typename Model::Scalar), [&](auto& ar, const detail::Limit& limit) {
        std::uint8_t own = 0;
        detail::get(ar, own, limit);
        constexpr bool archived = requires {
            put(ar, traced.network());
        };
        constexpr bool has_parameters = requires {
            typename Model::Parameters;
        };
        constexpr bool network = archived || has_parameters;
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

}  // namespace renn::inline RENN_ABI
// renn/io/save_checkpoint.hpp - training states as files, so that a run can go on in another process.

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

// renn/training/fit_options.hpp - what a training run is told, and what it tells.

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

// renn/training/clipping.hpp - gradients that are not allowed to grow too large.

#include <cmath>
#include <limits>
#include <string>


namespace renn::inline RENN_ABI {

/// Limits of a step's gradient; infinity is none. With both, values are cut first.
struct Clipping {
    double norm = std::numeric_limits<double>::infinity();   ///< a gradient that is longer as a whole is scaled down
    double value = std::numeric_limits<double>::infinity();  ///< every entry is cut to -value..value

    void check() const {
        if (!(norm > 0.0)) detail::raise<DataError>("Clipping", "norm", std::to_string(norm), "above 0");
        if (!(value > 0.0)) detail::raise<DataError>("Clipping", "value", std::to_string(value), "above 0");
    }
};

namespace detail {

// Plain loops over a block's values: one function a scalar, whatever the blocks are.

/// Sum of squares in double; sums side by side do not wait for each other.
template <class S>
double squared_norm(const S* values, Index count) {
    constexpr Index width = 16;
    double sums[width] = {};
    const Index whole = count - count % width;
    for (Index i = 0; i < whole; i += width) {
        for (Index l = 0; l < width; ++l) {
            const auto value = static_cast<double>(values[i + l]);
            sums[l] += value * value;
        }
    }
    for (Index i = whole; i < count; ++i) sums[0] += static_cast<double>(values[i]) * static_cast<double>(values[i]);
    double sum = 0.0;
    for (const double s : sums) sum += s;
    return sum;
}

template <class S>
void cut_values(S* values, Index count, double limit) {
    const S most = static_cast<S>(limit);
    for (Index i = 0; i < count; ++i) values[i] = values[i] > most ? most : values[i] < -most ? -most : values[i];
}

template <class S>
void scale_values(S* values, Index count, double factor) {
    for (Index i = 0; i < count; ++i) values[i] *= static_cast<S>(factor);
}

}  // namespace detail

/// Euclidean length of all parameters as one vector, summed in double.
template <class P>
double global_norm(const P& parameters) {
    double sum = 0.0;
    for_each_block([&sum](const auto& block) { sum += detail::squared_norm(block.data(), block.size()); }, parameters);
    return std::sqrt(sum);
}

/// NaN stays NaN, and a norm that is not finite leaves NaN: training tells that it diverged.
template <class P>
void clip(P& gradient, const Clipping& limit) {
    if (std::isfinite(limit.value)) {
        for_each_block([&limit](auto& block) { detail::cut_values(block.data(), block.size(), limit.value); },
                       gradient);
    }
    if (std::isfinite(limit.norm)) {
        const double norm = global_norm(gradient);
        if (norm <= limit.norm) return;
        const double factor = limit.norm / norm;
        for_each_block([factor](auto& block) { detail::scale_values(block.data(), block.size(), factor); }, gradient);
    }
}

}  // namespace renn::inline RENN_ABI
// renn/training/early_stopping.hpp - ends training when the validation set gains no more.

#include <cmath>
#include <string>


namespace renn::inline RENN_ABI {

/// Stops after `patience` epochs without a gain of more than `min_delta` on the validation set. A run that ends with
/// it, stopped or not, leaves the network as it was after its best epoch. NaN is never a gain.
struct EarlyStopping {
    enum class Measure { loss, accuracy };
    int patience = 0;  ///< epochs; 0: no early stopping
    double min_delta = 0.0;
    Measure measure = Measure::loss;

    bool active() const noexcept { return patience > 0; }
    void check() const {
        if (patience < 0) detail::raise<DataError>("EarlyStopping", "patience", std::to_string(patience), "0 or more");
        if (!(min_delta >= 0.0 && std::isfinite(min_delta))) {
            detail::raise<DataError>("EarlyStopping", "min_delta", std::to_string(min_delta),
                                     "a finite value, 0 or more");
        }
    }
    bool gain(double value, double best) const noexcept {
        return measure == Measure::loss ? value < best - min_delta : value > best + min_delta;
    }
};

}  // namespace renn::inline RENN_ABI
// renn/training/optimizer.hpp - how parameters follow a gradient.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include <Eigen/Core>


namespace renn::inline RENN_ABI {

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

/// out[i] = f(in[i]...) with f a function of packets; the values that do not fill one go through f one by one, as
/// Eigen assigns arrays.
template <class S, class F, class... In>
void assign(S* out, Index n, const F& f, const In*... in) {
    using K = canonical::detail::Kernel<S>;
    const Index whole = n - n % K::lanes;
    for (Index i = 0; i < whole; i += K::lanes) K::store(out + i, f(K::load(in + i)...));
    for (Index i = whole; i < n; ++i) out[i] = f(in[i]...);
}

/// x a + y b, of packets.
template <class S, class P>
P weighted(S x, const P& a, S y, const P& b) {
    namespace ei = Eigen::internal;
    return ei::padd(ei::pmul(ei::pset1<P>(x), a), ei::pmul(ei::pset1<P>(y), b));
}

constexpr Index piece_length = 1024;

/// Calls step(parameters, gradient, first, second, count) on short arrays that stay in L1 between the passes over them.
template <class P, class Step>
void for_each_piece(P& parameters, const P& gradient, Moments<P>& moments, const Step& step) {
    for_each_block(
        [&step](auto& p, const auto& g, auto& m, auto& v) {
            for (Index i = 0; i < p.size(); i += piece_length) {
                step(p.data() + i, g.data() + i, m.data() + i, v.data() + i, std::min(piece_length, p.size() - i));
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
        detail::require_option("Sgd", "learning_rate", learning_rate, learning_rate >= 0, "a finite value, 0 or more");
        detail::require_option("Sgd", "momentum", momentum, momentum >= 0 && momentum < 1, "0 or more, below 1");
        detail::require_option("Sgd", "weight_decay", weight_decay, weight_decay >= 0, "a finite value, 0 or more");
    }

    template <class P>
    void update(P& parameters, const P& gradient, Moments<P>& moments) const {
        ++moments.step;
        detail::for_each_piece(parameters, gradient, moments,
                               [this](auto* w, const auto* g, auto* m, auto*, Index n) { this->step(w, g, m, n); });
    }

private:
    template <class S>
    void step(S* w, const S* g, S* m, Index n) const {
        namespace ei = Eigen::internal;
        const auto keep = static_cast<S>(momentum), decay = static_cast<S>(weight_decay);
        const auto rate = static_cast<S>(learning_rate);
        const auto average = [=]<class P>(const P& first, const P& slope, const P& weight) {
            const P sum = ei::padd(ei::pmul(ei::pset1<P>(keep), first), slope);
            return ei::padd(sum, ei::pmul(ei::pset1<P>(decay), weight));
        };
        const auto move = [=]<class P>(const P& weight, const P& first) {
            return ei::psub(weight, ei::pmul(ei::pset1<P>(rate), first));
        };
        detail::assign<S>(m, n, average, m, g, w);
        detail::assign<S>(w, n, move, w, m);
    }
};

namespace detail {

struct AdamConstants {
    double learning_rate, beta1, beta2, epsilon, weight_decay;
};

inline void check_adam(const char* where, const AdamConstants& o) {
    require_option(where, "learning_rate", o.learning_rate, o.learning_rate >= 0, "a finite value, 0 or more");
    require_option(where, "beta1", o.beta1, o.beta1 >= 0 && o.beta1 < 1, "0 or more, below 1");
    require_option(where, "beta2", o.beta2, o.beta2 >= 0 && o.beta2 < 1, "0 or more, below 1");
    require_option(where, "epsilon", o.epsilon, o.epsilon > 0, "a finite value above 0");
    require_option(where, "weight_decay", o.weight_decay, o.weight_decay >= 0, "a finite value, 0 or more");
}

/// At most piece_length values.
template <class S>
void adam_step(const AdamConstants& o, bool decoupled, double rate, double correction, S* w, const S* g, S* m, S* v,
               Index n) {
    namespace ei = Eigen::internal;
    S decayed[piece_length];
    if (o.weight_decay != 0.0 && decoupled) {
        const S factor = static_cast<S>(1.0 - o.learning_rate * o.weight_decay);
        for (Index i = 0; i < n; ++i) w[i] *= factor;
    } else if (o.weight_decay != 0.0) {
        const S factor = static_cast<S>(o.weight_decay);
        for (Index i = 0; i < n; ++i) decayed[i] = g[i] + factor * w[i];
        g = decayed;
    }
    const auto beta1 = static_cast<S>(o.beta1), rest1 = static_cast<S>(1.0 - o.beta1);
    const auto beta2 = static_cast<S>(o.beta2), rest2 = static_cast<S>(1.0 - o.beta2);
    const auto epsilon = static_cast<S>(o.epsilon), a = static_cast<S>(rate), b = static_cast<S>(correction);
    const auto mean = [=](const auto& first, const auto& slope) { return weighted(beta1, first, rest1, slope); };
    const auto square = [=](const auto& second, const auto& slope) {
        return weighted(beta2, second, rest2, ei::pmul(slope, slope));
    };
    const auto move = [=]<class P>(const P& weight, const P& first, const P& second) {
        const P width = ei::padd(ei::pmul(ei::pset1<P>(b), ei::psqrt(second)), ei::pset1<P>(epsilon));
        return ei::psub(weight, ei::pdiv(ei::pmul(ei::pset1<P>(a), first), width));
    };
    assign<S>(m, n, mean, m, g);
    assign<S>(v, n, square, v, g);
    assign<S>(w, n, move, w, m, v);
}

/// Adam and AdamW differ only in where the weight decay goes: into the gradient, or straight to the weights.
template <class P>
void adam_update(const AdamConstants& o, bool decoupled, P& parameters, const P& gradient, Moments<P>& moments) {
    const auto t = static_cast<double>(++moments.step);
    const double rate = o.learning_rate / (1.0 - std::pow(o.beta1, t));
    const double correction = 1.0 / std::sqrt(1.0 - std::pow(o.beta2, t));
    for_each_piece(parameters, gradient, moments, [&](auto* w, const auto* g, auto* m, auto* v, Index n) {
        adam_step(o, decoupled, rate, correction, w, g, m, v, n);
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
        detail::adam_update({learning_rate, beta1, beta2, epsilon, weight_decay}, false, parameters, gradient, moments);
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
        detail::adam_update({learning_rate, beta1, beta2, epsilon, weight_decay}, true, parameters, gradient, moments);
    }
};

/// The optimizers that FitOptions can name; fit takes any type that is an Optimizer.
using AnyOptimizer = std::variant<Adam, AdamW, Sgd>;

}  // namespace renn::inline RENN_ABI
// renn/training/schedule.hpp - how the learning rate changes during training.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>
#include <string>
#include <variant>


namespace renn::inline RENN_ABI {

/// Where a training run stands before a step.
struct TrainingPoint {
    std::uint64_t step = 0;  ///< steps done
    int epoch = 0;           ///< whole epochs done
    double time = 0.0;       ///< epochs done, with the steps of this one as a fraction
    int epochs = 0;          ///< of the whole run
};

// A schedule gives what the optimizer's learning rate is multiplied by at a point. It keeps no state, so a resumed run
// needs nothing but the point.

/// 1, always.
struct ConstantRate {
    static void check() noexcept {}
    double operator()(const TrainingPoint&) const noexcept { return 1.0; }
};

/// factor^floor(epoch / every); changes from epoch to epoch.
struct StepDecay {
    int every = 10;
    double factor = 0.1;

    void check() const {
        if (every < 1) detail::raise<DataError>("StepDecay", "every", std::to_string(every), "1 or more epochs");
        if (!(factor >= 0.0 && std::isfinite(factor))) {
            detail::raise<DataError>("StepDecay", "factor", std::to_string(factor), "a finite value, 0 or more");
        }
    }
    double operator()(const TrainingPoint& at) const { return std::pow(factor, at.epoch / every); }
};

/// factor^epoch; changes from epoch to epoch.
struct ExponentialDecay {
    double factor = 0.95;

    void check() const {
        if (!(factor >= 0.0 && std::isfinite(factor))) {
            detail::raise<DataError>("ExponentialDecay", "factor", std::to_string(factor), "a finite value, 0 or more");
        }
    }
    double operator()(const TrainingPoint& at) const { return std::pow(factor, at.epoch); }
};

/// Falls from 1 to `lowest` along half a cosine, then stays there; changes from step to step.
/// Source   Loshchilov and Hutter (2017), without restarts.
struct CosineDecay {
    double lowest = 0.0;
    int epochs = 0;  ///< how long it falls; 0: the whole run

    void check() const {
        if (!(lowest >= 0.0 && lowest <= 1.0)) {
            detail::raise<DataError>("CosineDecay", "lowest", std::to_string(lowest), "0..1");
        }
        if (epochs < 0) detail::raise<DataError>("CosineDecay", "epochs", std::to_string(epochs), "0 or more");
    }
    double operator()(const TrainingPoint& at) const {
        const double part = std::min(1.0, at.time / (epochs > 0 ? epochs : at.epochs));
        return lowest + (1.0 - lowest) * 0.5 * (1.0 + std::cos(std::numbers::pi * part));
    }
};

/// One of the above, or any function of a TrainingPoint, asked before every step.
using AnySchedule =
    std::variant<ConstantRate, StepDecay, ExponentialDecay, CosineDecay, std::function<double(const TrainingPoint&)>>;

namespace detail {

/// The schedule's factor times a linear warm-up: step n, from 1, of the first `warm_up` has n / warm_up of it.
/// Throws DataError if a user's schedule gives what no factor can be.
template <class Schedule>
double rate_factor(const Schedule& schedule, std::uint64_t warm_up, const TrainingPoint& at) {
    double factor = std::visit([&at](const auto& s) { return static_cast<double>(s(at)); }, schedule);
    if (at.step < warm_up) factor *= static_cast<double>(at.step + 1) / static_cast<double>(warm_up);
    if (!(factor >= 0.0 && std::isfinite(factor))) {
        raise<DataError>("fit: schedule", "factor before step " + std::to_string(at.step + 1), std::to_string(factor),
                         "a finite value, 0 or more");
    }
    return factor;
}

template <class Schedule>
void check_schedule(const Schedule& schedule) {
    std::visit(
        [](const auto& s) {
            if constexpr (requires { s.check(); }) {
                s.check();
            } else if (!s) {
                raise<DataError>("fit", "schedule", "an empty function", "one that can be called");
            }
        },
        schedule);
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// Measures of one epoch. Those of the training set are taken while the parameters change, before each step.
struct Epoch {
    int number = 0;  ///< from 1
    double loss = 0.0;
    double accuracy = std::numeric_limits<double>::quiet_NaN();  ///< NaN without labels
    double validation_loss = std::numeric_limits<double>::quiet_NaN();
    double validation_accuracy = std::numeric_limits<double>::quiet_NaN();
    double seconds = 0.0;
};

/// What a training run is told; all of it may be left out.
struct FitOptions {
    int epochs = 10;       ///< of the whole run, also of one that is resumed; 0 does nothing
    Index batch = 64;      ///< samples that go through the network together
    Index accumulate = 1;  ///< batches a step: as one step of a batch so much larger, up to rounding, in less memory
    AnyLoss loss = CrossEntropy{};
    AnyOptimizer optimizer = Adam{};
    AnySchedule schedule = ConstantRate{};  ///< of the learning rate
    std::uint64_t warm_up = 0;              ///< steps over which the learning rate first rises from 0
    Clipping clip = {};
    std::vector<std::string> frozen = {};  ///< layers, or nested networks, whose parameters stay as they are
    EarlyStopping early_stopping = {};
    bool shuffle = true;             ///< a new order each epoch, drawn from the seed; false keeps the data's order
    std::uint64_t seed = 0;          ///< of the order and of random layers
    int threads = 1;                 ///< 0: one a core. The parameters are the same, bit for bit, for any number
    ProgressCallback progress = {};  ///< after each batch, in samples over all epochs; false cancels
    std::function<bool(const Epoch&)> on_epoch = {};  ///< after each epoch; false cancels
};

/// What a training run tells. A cancelled run keeps the parameters it had reached; a diverged one has those of the last
/// epoch whose loss and parameters were finite, or the ones it began with.
struct Training {
    std::vector<Epoch> epochs;  ///< of this run; a resumed one does not repeat the earlier ones
    bool cancelled = false;
    bool diverged = false;
    bool stopped_early = false;
    int best_epoch = 0;  ///< with early stopping: the one whose parameters the network has; 0: none was better
};

}  // namespace renn::inline RENN_ABI
// renn/training/training_state.hpp - everything a training run needs to go on: a checkpoint as a value.

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>


namespace renn::inline RENN_ABI {

/// A training run after its last complete epoch. Given to fit it is where the run goes on, and fit brings it up to date
/// after each epoch, just before on_epoch is called; a resumed run equals an uninterrupted one bit for bit. Everything
/// random is a function of (seed, epoch, step, sample id), so these numbers are the position of every generator.
///
///     TrainingState state(net);
///     fit(net, data, {.epochs = 5}, state);
///     fit(net, data, {.epochs = 10}, state);  // epochs 6 to 10
template <class Net>
struct TrainingState {
    using Parameters = typename Net::Parameters;

    Net network;
    Moments<Parameters> moments;
    int epoch = 0;           ///< complete epochs
    std::uint64_t step = 0;  ///< optimizer steps
    std::uint64_t seed = 0;  ///< of the run; set by its first epoch

    // What early stopping knows.
    double best_value = std::numeric_limits<double>::quiet_NaN();
    int best_epoch = 0;            ///< 0: none yet
    std::optional<Net> best = {};  ///< the network after it

    /// A run that has not begun.
    explicit TrainingState(const Net& net) : network(net), moments(net.parameters()) {}

    /// Keeps the network if the epoch that led to it is the best so far.
    void note(const EarlyStopping& stopping, const Epoch& last) {
        const double value =
            stopping.measure == EarlyStopping::Measure::loss ? last.validation_loss : last.validation_accuracy;
        if (std::isnan(value) || (best_epoch > 0 && !stopping.gain(value, best_value))) return;
        best_value = value;
        best_epoch = last.number;
        best = network;
    }
};

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// Writes a training state to any cereal output archive: the position, the network, the moments, what early stopping
/// keeps.
template <class A, class Net>
void put(A& ar, const TrainingState<Net>& state) {
    detail::put(ar, static_cast<std::int64_t>(state.epoch));
    detail::put(ar, state.step);
    detail::put(ar, state.seed);
    detail::put(ar, state.moments.step);
    put(ar, state.network);
    for_each_block([&ar](const auto& block) { detail::put(ar, block); }, state.moments.first);
    for_each_block([&ar](const auto& block) { detail::put(ar, block); }, state.moments.second);
    detail::put(ar, state.best_value);
    detail::put(ar, static_cast<std::int64_t>(state.best_epoch));
    if (state.best) put(ar, *state.best);
}

namespace detail {

/// Reads blocks of the shapes that are there.
template <class A, class P>
void get_moments(A& ar, P& moments, const Limit& limit) {
    for_each_block(
        [&](auto& block) {
            const Index rows = block.rows(), cols = block.cols();
            get(ar, block, limit);
            if (block.rows() != rows || block.cols() != cols) {
                raise<FormatError>("training state", "moments", shape_text(block.rows(), block.cols()),
                                   shape_text(rows, cols) + ", the network's parameters");
            }
        },
        moments);
}

}  // namespace detail

/// Reads a training state of the same network type. Throws MismatchError if the archive holds another network,
/// FormatError for lengths or numbers that cannot be.
template <class A, class Net>
void get(A& ar, TrainingState<Net>& state, const detail::Limit& limit = {}) {
    std::int64_t epoch = 0, best_epoch = 0;
    std::uint64_t moments_step = 0;
    detail::get(ar, epoch, limit);
    detail::get(ar, state.step, limit);
    detail::get(ar, state.seed, limit);
    detail::get(ar, moments_step, limit);
    get(ar, state.network, limit);
    state.moments = Moments<typename Net::Parameters>(state.network.parameters());
    state.moments.step = moments_step;
    detail::get_moments(ar, state.moments.first, limit);
    detail::get_moments(ar, state.moments.second, limit);
    detail::get(ar, state.best_value, limit);
    detail::get(ar, best_epoch, limit);
    constexpr std::int64_t most = 1'000'000'000;
    if (epoch < 0 || epoch > most || best_epoch < 0 || best_epoch > epoch) {
        detail::raise<FormatError>("training state", "epoch and best epoch",
                                   std::to_string(epoch) + " and " + std::to_string(best_epoch),
                                   "0 <= best epoch <= epoch");
    }
    state.epoch = static_cast<int>(epoch);
    state.best_epoch = static_cast<int>(best_epoch);
    state.best.reset();
    if (best_epoch > 0) {
        state.best = state.network;
        get(ar, *state.best, limit);
        if (state.best->describe() != state.network.describe()) {
            detail::raise<FormatError>("training state", "best network", state.best->describe(),
                                       state.network.describe());
        }
    }
}

/// save_checkpoint("run.renn", state): appears whole or not at all. Throws FormatError if it cannot be written.
template <class Net>
void save_checkpoint(const std::string& path, const TrainingState<Net>& state) {
    detail::write_archive(path, "training", sizeof(typename Net::Scalar), [&](auto& ar) { put(ar, state); });
}

/// auto state = load_checkpoint<Net>("run.renn"); Net net = state.network; fit(net, data, options, state);
/// Throws   FormatError for a file that is foreign, truncated, damaged, newer or of other content; MismatchError for
///          another scalar or other layers.
template <class Net>
TrainingState<Net> load_checkpoint(const std::string& path) {
    TrainingState<Net> state{Net()};
    detail::read_frame(path, "training", sizeof(typename Net::Scalar),
                       [&](auto& ar, const detail::Limit& limit) { get(ar, state, limit); });
    return state;
}

/// For FitOptions::on_epoch: writes the state after every n-th epoch, then asks `then`, if there is one. Throws
/// DataError unless n is above 0. The state must be the one given to fit.
///
///     fit(net, data, {.epochs = 50, .on_epoch = checkpoint_every(5, "run.renn", state)}, state);
template <class Net>
std::function<bool(const Epoch&)> checkpoint_every(int epochs, std::string path, const TrainingState<Net>& state,
                                                   std::function<bool(const Epoch&)> then = {}) {
    if (epochs < 1) detail::raise<DataError>("checkpoint_every", "epochs", std::to_string(epochs), "1 or more");
    return [epochs, path = std::move(path), &state, then = std::move(then)](const Epoch& epoch) {
        if (epoch.number % epochs == 0) save_checkpoint(path, state);
        return !then || then(epoch);
    };
}

}  // namespace renn::inline RENN_ABI
// renn/io/save_dataset.hpp - data sets as files.

#include <concepts>
#include <cstdint>
#include <string>
#include <utility>


namespace renn::inline RENN_ABI {

/// Writes all that a data set holds to any cereal output archive; bytes stay bytes.
template <class A, class S>
void put(A& ar, const Dataset<S>& data) {
    detail::put(ar, static_cast<std::uint8_t>(data.holds_bytes()));
    if (data.holds_bytes()) {
        detail::put(ar, data.pixels());
    } else {
        detail::put(ar, data.values());
    }
    const DatasetDescription<S>& more = data.description();
    detail::put(ar, more.labels);
    detail::put(ar, more.targets);
    detail::put(ar, more.ids);
    detail::put(ar, more.tags);
    for (const Index length : {more.image.channels, more.image.height, more.image.width}) {
        detail::put(ar, static_cast<std::int64_t>(length));
    }
    detail::put(ar, more.class_names);
    detail::put(ar, static_cast<std::int32_t>(more.classes));
}

/// Reads a data set. Throws FormatError for lengths and values that cannot be.
template <class A, class S>
void get(A& ar, Dataset<S>& data, const detail::Limit& limit = {}) {
    std::uint8_t holds_bytes = 0;
    Bytes pixels;
    Batch<S> values;
    DatasetDescription<S> more;
    std::int64_t channels = 0, height = 0, width = 0;
    std::int32_t classes = 0;
    detail::get(ar, holds_bytes, limit);
    if (holds_bytes != 0) {
        detail::get(ar, pixels, limit);
    } else {
        detail::get(ar, values, limit);
    }
    detail::get(ar, more.labels, limit);
    detail::get(ar, more.targets, limit);
    detail::get(ar, more.ids, limit);
    detail::get(ar, more.tags, limit);
    detail::get(ar, channels, limit);
    detail::get(ar, height, limit);
    detail::get(ar, width, limit);
    detail::get(ar, more.class_names, limit);
    detail::get(ar, classes, limit);
    more.image = {channels, height, width};
    if (more.image.unknown()) more.image = {};  // zeros or ones: it was not said
    more.classes = classes;
    try {
        data = holds_bytes != 0 ? Dataset<S>(std::move(pixels), std::move(more))
                                : Dataset<S>(std::move(values), std::move(more));
    } catch (const Error& e) {
        detail::raise<FormatError>("data set", e.what());
    }
}

/// save("digits.renn", data): appears whole or not at all. Throws FormatError if the file cannot be written.
template <class S>
void save(const std::string& path, const Dataset<S>& data) {
    detail::write_archive(path, "dataset", sizeof(S), [&](auto& ar) { put(ar, data); });
}

/// auto data = load<Dataset<float>>("digits.renn"): what was saved, bit for bit.
/// Throws   FormatError for a file that is foreign, truncated, damaged, newer or of other content; MismatchError for
///          another scalar.
template <class T>
    requires(std::same_as<T, Dataset<typename T::Scalar>>)
T load(const std::string& path) {
    T data;
    detail::read_frame(path, "dataset", sizeof(typename T::Scalar),
                       [&](auto& ar, const detail::Limit& limit) { get(ar, data, limit); });
    return data;
}

}  // namespace renn::inline RENN_ABI
// renn/io/save_optimizer.hpp - what an optimizer remembers as a file.

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>


namespace renn::inline RENN_ABI {

/// Writes the step and both moments to any cereal output archive, matrix by matrix in the flat parameter order.
template <class A, class P>
void put(A& ar, const Moments<P>& moments) {
    detail::put(ar, moments.step);
    std::uint64_t blocks = 0;
    for_each_block([&blocks](const auto&) { ++blocks; }, moments.first);
    detail::put(ar, blocks);
    for (const P* moment : {&moments.first, &moments.second}) {
        for_each_block([&ar](const auto& block) { detail::put(ar, block); }, *moment);
    }
}

/// Reads moments for parameters of the shapes that `moments` has already, as Moments(net.parameters()) does.
/// Throws   MismatchError, naming the matrix, if they were of other parameters; FormatError for lengths that cannot be.
template <class A, class P>
void get(A& ar, Moments<P>& moments, const detail::Limit& limit = {}) {
    std::uint64_t stored = 0, blocks = 0;
    detail::get(ar, moments.step, limit);
    detail::get(ar, stored, limit);
    for_each_block([&blocks](const auto&) { ++blocks; }, moments.first);
    if (stored != blocks) {
        detail::raise<MismatchError>("optimizer", "parameter matrices", std::to_string(stored), std::to_string(blocks));
    }
    for (P* moment : {&moments.first, &moments.second}) {
        std::uint64_t number = 0;
        for_each_block(
            [&](auto& block) {
                const Index rows = block.rows(), cols = block.cols();
                detail::get(ar, block, limit);
                if (block.rows() != rows || block.cols() != cols) {
                    detail::raise<MismatchError>("optimizer", "shape of parameter matrix " + std::to_string(number),
                                                 detail::shape_text(block.rows(), block.cols()),
                                                 detail::shape_text(rows, cols));
                }
                ++number;
            },
            *moment);
    }
}

namespace detail {

/// Bytes of a parameter; 0 if there are none.
template <class P>
std::uint32_t scalar_bytes(const P& parameters) {
    std::uint32_t bytes = 0;
    for_each_block(
        [&bytes](const auto& block) { bytes = sizeof(typename std::remove_cvref_t<decltype(block)>::Scalar); },
        parameters);
    return bytes;
}

}  // namespace detail

/// save("adam.renn", moments): appears whole or not at all. Throws FormatError if the file cannot be written.
template <class P>
void save(const std::string& path, const Moments<P>& moments) {
    detail::write_archive(path, "moments", detail::scalar_bytes(moments.first), [&](auto& ar) { put(ar, moments); });
}

/// Moments moments(net.parameters()); restore("adam.renn", moments): what was saved, bit for bit. On any error
/// `moments` stays as it was.
///
/// Throws   FormatError for a file that is foreign, truncated, damaged, newer or of other content; MismatchError for
///          another scalar or other parameters.
template <class P>
void restore(const std::string& path, Moments<P>& moments) {
    Moments<P> saved = moments;
    detail::read_frame(path, "moments", detail::scalar_bytes(moments.first),
                       [&](auto& ar, const detail::Limit& limit) { get(ar, saved, limit); });
    moments = std::move(saved);
}

}  // namespace renn::inline RENN_ABI
// renn/io/save_result.hpp - answers as files, to be read without the network.

#include <concepts>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>

// renn/retrace/result.hpp - an answer as a plain value that needs neither network nor store.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>


namespace renn::inline RENN_ABI {

/// What a Retrace says, taken out of it: to be saved, exported, sent.
struct RetraceResult {
    /// One neuron that voted.
    struct Neuron {
        std::uint32_t unit = 0;
        NeuronSources found;

        bool operator==(const Neuron&) const = default;
    };
    /// One place that voted.
    struct Layer {
        std::string name;
        Kind kind = Kind::pre;
        double votes = 0.0;            ///< all that its neurons cast
        std::vector<double> evidence;  ///< one a class; empty without labels
        std::vector<Source> sources;   ///< most votes first
        std::vector<Neuron> neurons;

        bool operator==(const Layer&) const = default;
    };

    Provenance provenance;
    std::int32_t prediction = -1;  ///< -1 for a model without outputs
    std::vector<double> outputs;   ///< the model's
    std::vector<std::string> class_names;
    double votes = 0.0;
    std::vector<double> evidence;
    std::vector<Source> sources;
    std::vector<Layer> layers;

    bool operator==(const RetraceResult&) const = default;
};

/// How much of an answer is taken.
struct ResultDetail {
    std::size_t sources = 100;       ///< most, for the network
    std::size_t layer_sources = 20;  ///< most, for each place
    bool neurons = true;             ///< with the k closest samples of every neuron
};

namespace detail {

template <class V, class To>
void take_votes(const V& votes, std::size_t most, To& to) {
    to.votes = votes.total();
    to.sources = votes.top(most);
    if (votes.has_labels()) to.evidence = votes.evidence();
}

}  // namespace detail

/// The answer as a value. Cost: as Retrace::top and Retrace::neuron, for each place and each neuron.
template <class I>
RetraceResult result(const Retrace<I>& answer, const ResultDetail& how_much = {}) {
    RetraceResult taken;
    taken.provenance = answer.provenance();
    taken.prediction = answer.prediction();
    taken.outputs.assign(answer.outputs().begin(), answer.outputs().end());
    taken.class_names = answer.class_names();
    detail::take_votes(answer, how_much.sources, taken);
    const std::size_t places = answer.layers().size();
    std::size_t number = 0;
    for (std::size_t i = 0; i < places; ++i) {
        const Point& place = answer.place(i);
        RetraceResult::Layer& layer = taken.layers.emplace_back();
        layer.name = place.name;
        layer.kind = place.kind;
        detail::take_votes(answer.layer(i), how_much.layer_sources, layer);
        for (const std::uint32_t unit : answer.units(i)) {
            if (how_much.neurons) layer.neurons.push_back({unit, answer.neuron(number)});
            ++number;
        }
    }
    return taken;
}

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

namespace detail {

template <class T, class Record>
concept Is = std::same_as<std::remove_const_t<T>, Record>;

/// What a record consists of, in the order of the file; for writing and reading alike.
auto members(Is<Neighbour> auto& x) {
    return std::tie(x.id, x.value, x.distance);
}
auto members(Is<Source> auto& x) {
    return std::tie(x.id, x.votes, x.share, x.label, x.prediction);
}
auto members(Is<NeuronSources> auto& x) {
    return std::tie(x.value, x.neighbours, x.boundary, x.closer, x.tied, x.places, x.votes);
}
auto members(Is<Provenance> auto& x) {
    return std::tie(x.library, x.index, x.ties, x.k, x.fingerprint, x.build, x.same_build);
}
auto members(Is<RetraceResult::Neuron> auto& x) {
    return std::tie(x.unit, x.found);
}
auto members(Is<RetraceResult::Layer> auto& x) {
    return std::tie(x.name, x.kind, x.votes, x.evidence, x.sources, x.neurons);
}
auto members(Is<RetraceResult> auto& x) {
    return std::tie(x.provenance, x.prediction, x.outputs, x.class_names, x.votes, x.evidence, x.sources, x.layers);
}

template <class T>
concept Record = requires(T& x) {
    members(x);
};

}  // namespace detail

/// Writes an answer, or a part of one, to any cereal output archive.
template <class A, detail::Record T>
void put(A& ar, const T& record) {
    const auto one = [&ar](const auto& member) {
        using M = std::remove_cvref_t<decltype(member)>;
        if constexpr (std::same_as<M, Kind>) {
            detail::put(ar, static_cast<std::uint8_t>(member));
        } else if constexpr (detail::Record<M>) {
            put(ar, member);
        } else {
            detail::put(ar, member);
        }
    };
    std::apply([&one](const auto&... member) { (one(member), ...); }, detail::members(record));
}

/// Reads one. Throws FormatError for lengths that cannot be.
template <class A, detail::Record T>
void get(A& ar, T& record, const detail::Limit& limit = {}) {
    const auto one = [&](auto& member) {
        using M = std::remove_cvref_t<decltype(member)>;
        if constexpr (std::same_as<M, Kind>) {
            std::uint8_t kind = 0;
            detail::get(ar, kind, limit);
            member = kind == 0 ? Kind::pre : Kind::post;
        } else if constexpr (detail::Record<M>) {
            get(ar, member, limit);
        } else {
            detail::get(ar, member, limit);
        }
    };
    std::apply([&one](auto&... member) { (one(member), ...); }, detail::members(record));
}

/// save("answer.renn", result(answer)): appears whole or not at all. Throws FormatError if the file cannot be written.
template <std::same_as<RetraceResult> T>  // a template costs nothing where nobody calls it
void save(const std::string& path, const T& answer) {
    detail::write_archive(path, "result", sizeof(double), [&](auto& ar) { put(ar, answer); });
}

/// auto answer = load<RetraceResult>("answer.renn"): what was saved, bit for bit.
/// Throws   FormatError for a file that is foreign, truncated, damaged, newer or of other content.
template <std::same_as<RetraceResult> T>
T load(const std::string& path) {
    T answer;
    detail::read_frame(path, "result", sizeof(double),
                       [&](auto& ar, const detail::Limit& limit) { get(ar, answer, limit); });
    return answer;
}

}  // namespace renn::inline RENN_ABI
// renn/layers/average_pool.hpp - the mean value under a window, or of a whole channel.

#include <concepts>
#include <string>
#include <string_view>

// renn/layers/pool.hpp - what layers share that make one value of a window of values.

#include <concepts>
#include <string>
#include <string_view>

// renn/layers/window.hpp - where a sliding window of a convolution or a pooling layer lies.

#include <algorithm>
#include <initializer_list>
#include <string>
#include <tuple>


namespace renn::inline RENN_ABI {

/// Rows and columns of a window, of its steps, of a border. One number stands for both.
struct Size2 {
    Index height = 1;
    Index width = 1;

    constexpr Size2(Index both) noexcept : height(both), width(both) {}
    constexpr Size2(Index height_, Index width_) noexcept : height(height_), width(width_) {}
    bool operator==(const Size2&) const = default;
    /// "3 x 3"
    std::string text() const { return std::to_string(height) + " x " + std::to_string(width); }
};

namespace detail {

/// A window of `kernel` taps, `dilation` apart, that goes over an image with a border of `padding` zeros in steps of
/// `stride`. Places that it cannot fill are left out, so the last rows and columns may stay unused.
struct SlidingWindow {
    Shape in;
    Size2 kernel = 1;
    Size2 stride = 1;
    Size2 padding = 0;
    Size2 dilation = 1;

    Shape out(Index channels) const noexcept {
        return {channels, places(in.height, kernel.height, stride.height, padding.height, dilation.height),
                places(in.width, kernel.width, stride.width, padding.width, dilation.width)};
    }
    Index taps() const noexcept { return kernel.height * kernel.width; }

    template <class W>
    static auto numbers_of(W& w) noexcept {
        return std::tie(w.in.channels, w.in.height, w.in.width, w.kernel.height, w.kernel.width, w.stride.height,
                        w.stride.width, w.padding.height, w.padding.width, w.dilation.height, w.dilation.width);
    }

    /// Throws DataError or ShapeError, also for numbers of a damaged file, whose products would not fit an Index.
    void check(const char* where, Index out_channels) const {
        const auto size = [where](const char* what, const Size2& s, Index least) {
            if (std::min(s.height, s.width) < least || std::max(s.height, s.width) > largest) {
                raise<DataError>(where, what, s.text(), std::to_string(least) + " or more");
            }
        };
        if (std::min({in.channels, in.height, in.width}) < 1 ||
            std::max({in.channels, in.height, in.width}) > largest) {
            raise<ShapeError>(where, "input", in.text(), "1 or more of each");
        }
        if (out_channels < 1 || out_channels > largest) {
            raise<DataError>(where, "channels", std::to_string(out_channels), "1 or more");
        }
        size("kernel", kernel, 1);
        size("stride", stride, 1);
        size("padding", padding, 0);
        size("dilation", dilation, 1);
        const Size2 padded(in.height + 2 * padding.height, in.width + 2 * padding.width);
        const Size2 reach(dilation.height * (kernel.height - 1) + 1, dilation.width * (kernel.width - 1) + 1);
        if (reach.height > padded.height || reach.width > padded.width) {
            raise<ShapeError>(where, "kernel with its dilation", reach.text(),
                              "at most the padded input, " + padded.text());
        }
        const auto product = [](double a, const auto& s) {
            return a * static_cast<double>(s.height) * static_cast<double>(s.width);
        };
        const auto channels = static_cast<double>(in.channels), made = static_cast<double>(out_channels);
        if (std::max({product(channels, in), product(made, out(out_channels)), product(channels, kernel)}) >
            static_cast<double>(largest)) {
            raise<ShapeError>(where, "input, output or kernel",
                              in.text() + ", " + out(out_channels).text() + " and " + kernel.text(),
                              "fewer than 2^31 values each");
        }
    }

    /// Calls f(at, count, from) for the runs of places at which the tap (ky, kx) lies inside the image, among the
    /// `count` places from (row, column) of an output `width` wide on: `at` counts places from there, `from` is where
    /// the tap of the run's first place lies in its channel; that of the next lies `stride.width` further.
    template <class F>
    void for_each_run(Index ky, Index kx, Index width, Index row, Index column, Index count, F&& f) const {
        const Index shift = kx * dilation.width - padding.width;
        const Index left = shift < 0 ? steps(stride.width - 1 - shift, stride.width) : 0;
        const Index right = shift < in.width ? steps(in.width - 1 - shift, stride.width) + 1 : 0;
        Index y = row * stride.height + ky * dilation.height - padding.height;
        for (Index start = -column; start < count; start += width, y += stride.height) {
            if (y < 0 || y >= in.height) continue;
            const Index begin = std::max(left, -start), end = std::min({right, width, count - start});
            if (begin < end) f(start + begin, end - begin, y * in.width + begin * stride.width + shift);
        }
    }

    /// The same for all places of the output, tap after tap.
    template <class F>
    void for_each_run(F&& f) const {
        const Shape all = out(1);
        for (Index ky = 0; ky < kernel.height; ++ky) {
            for (Index kx = 0; kx < kernel.width; ++kx) for_each_run(ky, kx, all.width, 0, 0, all.positions(), f);
        }
    }

private:
    static constexpr Index largest = 2147483647;

    /// Divides without dividing in the usual case.
    static Index steps(Index distance, Index step) noexcept { return step == 1 ? distance : distance / step; }
    static Index places(Index size, Index taps, Index step, Index border, Index apart) noexcept {
        return (size + 2 * border - apart * (taps - 1) - 1) / step + 1;
    }
};

}  // namespace detail
}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// Of pooling over images; by default windows of 2 x 2 side by side.
struct PoolOptions {
    Size2 kernel = 2;
    Size2 stride = kernel;
    Size2 padding = 0;  ///< at most half the kernel
};

namespace detail {

/// What layers share that make one value of a window, channel by channel.
template <std::floating_point S>
class PoolLayer {
public:
    using Scalar = S;
    using Parameters = NoParameters;
    using Cache = NoCache;

    Shape input_shape() const noexcept { return window_.in; }
    Shape output_shape() const noexcept { return window_.out(window_.in.channels); }
    const SlidingWindow& window() const noexcept { return window_; }
    Index in_features() const noexcept { return input_shape().size(); }
    Index out_features() const noexcept { return output_shape().size(); }
    const Parameters& parameters() const noexcept { return none_; }

    auto constants() noexcept { return SlidingWindow::numbers_of(window_); }
    auto constants() const noexcept { return SlidingWindow::numbers_of(window_); }

protected:
    PoolLayer() = default;
    PoolLayer(const Shape& input, const PoolOptions& o) : window_{input, o.kernel, o.stride, o.padding, 1} {}

    void check(const char* where) const {
        window_.check(where, window_.in.channels);
        if (2 * window_.padding.height > window_.kernel.height || 2 * window_.padding.width > window_.kernel.width) {
            raise<DataError>(where, "padding", window_.padding.text(), "at most half of " + window_.kernel.text());
        }
    }
    void require_in(const char* where, const BatchView<S>& x) const {
        require_shape(where, "x", x, in_features(), x.cols());
    }
    void require_out(const char* where, const BatchView<S>& dy, Index samples) const {
        require_shape(where, "dy", dy, out_features(), samples);
    }
    std::string describe(std::string_view name) const {
        std::string text(name);
        text += " " + input_shape().text() + " -> " + output_shape().text() + ", " + window_.kernel.text();
        if (window_.stride != window_.kernel) text += ", stride " + window_.stride.text();
        return text;
    }

    SlidingWindow window_;
    [[no_unique_address]] NoParameters none_;
};

}  // namespace detail

}  // namespace renn::inline RENN_ABI

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
// renn/layers/batch_norm.hpp - normalisation of every channel by the statistics of a batch.

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <Eigen/Core>

// renn/layers/channelwise.hpp - arithmetic with one constant a channel, and sums over each channel.

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include <Eigen/Core>


namespace renn::inline RENN_ABI::detail {

/// Samples of `channels` x `positions` values. Every f is a function of packets, called with a value of each input,
/// then with the constants of its channel. With one position lanes are channels, else positions.
template <class S>
struct Channelwise {
    Index channels, positions;

    template <std::size_t N>
    using Inputs = std::array<const BatchView<S>*, N>;
    template <std::size_t K>
    using Constants = std::array<const S*, K>;  ///< each points to one value a channel

    template <class... C>
    static Constants<sizeof...(C)> constants(const C&... columns) {
        return {columns.data()...};
    }

    /// out[i] = f(in[i]..., constants[channel of i]...) for one sample.
    template <std::size_t N, std::size_t K, class F>
    void sample(S* out, const std::array<const S*, N>& in, const Constants<K>& c, F&& f) const {
        using P = typename canonical::detail::Kernel<S>::Packet;
        [&]<std::size_t... I, std::size_t... C>(std::index_sequence<I...>, std::index_sequence<C...>) {
            if (positions == 1) {
                canonical::combine(out, channels, f, in[I]..., c[C]...);
                return;
            }
            for (Index channel = 0; channel < channels; ++channel) {
                const Index at = channel * positions;
                const P values[] = {Eigen::internal::pset1<P>(c[C][channel])..., P()};  // one more: not empty
                const auto one = [&](const auto&... p) { return f(p..., values[C]...); };
                canonical::combine(out + at, positions, one, (in[I] + at)...);
            }
        }
        (std::make_index_sequence<N>{}, std::make_index_sequence<K>{});
    }

    /// The same for every sample of a batch, out shaped already.
    template <std::size_t N, std::size_t K, class F>
    void each(Batch<S>& out, const Inputs<N>& in, const Constants<K>& c, F&& f) const {
        for (Index j = 0; j < out.cols(); ++j) sample(out.col(j).data(), columns(in, j), c, f);
    }

    /// total of each channel = the sum of f(in..., constants...): of each position over the samples in ascending order,
    /// then over the positions. `terms` is scratch.
    template <std::size_t N, std::size_t K, class F>
    void sum(Column<S>& terms, Column<S>& total, const Inputs<N>& in, const Constants<K>& c, F&& f) const {
        if (terms.size() != channels * positions) terms.resize(channels * positions);
        if (total.size() != channels) total.resize(channels);
        terms.setZero();
        const auto add = [&f](const auto& so_far, const auto&... p) { return Eigen::internal::padd(so_far, f(p...)); };
        for (Index j = 0; j < in[0]->cols(); ++j) {
            std::array<const S*, N + 1> with_terms{terms.data()};
            std::ranges::copy(columns(in, j), with_terms.begin() + 1);
            sample(terms.data(), with_terms, c, add);
        }
        for (Index channel = 0; channel < channels; ++channel) {
            total[channel] = canonical::sum(terms.data() + channel * positions, positions);
        }
    }

private:
    template <std::size_t N>
    static std::array<const S*, N> columns(const Inputs<N>& in, Index j) {
        std::array<const S*, N> at;
        for (std::size_t i = 0; i < N; ++i) at[i] = in[i]->data() + j * in[i]->outerStride();
        return at;
    }
};

}  // namespace renn::inline RENN_ABI::detail
// renn/layers/scale_and_shift.hpp - what the normalisations share.

#include <array>
#include <string_view>
#include <tuple>

#include <Eigen/Core>


namespace renn::inline RENN_ABI::detail {

/// What a normalised value is multiplied by and what is added, one of each a channel.
template <class S>
struct ScaleAndShift {
    Column<S> weights;
    Column<S> bias;
    static constexpr std::array<std::string_view, 2> names{"weights", "bias"};
    auto blocks() noexcept { return std::tie(weights, bias); }
    auto blocks() const noexcept { return std::tie(weights, bias); }

    static ScaleAndShift ones(Index channels) { return {Column<S>::Ones(channels), Column<S>::Zero(channels)}; }

    void resize(Index channels) {
        if (weights.size() != channels) weights.resize(channels);
        if (bias.size() != channels) bias.resize(channels);
    }
    void check(const char* where, Index channels) const {
        require_shape(where, "weights", weights, channels, 1);
        require_shape(where, "bias", bias, channels, 1);
    }
};

/// (x - mean) inverse deviation, of packets.
template <class P>
P normalised(const P& x, const P& mean, const P& inverse) {
    return Eigen::internal::pmul(Eigen::internal::psub(x, mean), inverse);
}

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI {

/// As PyTorch's, with its defaults.
struct BatchNormOptions {
    double epsilon = 1e-5;
    double momentum = 0.1;  ///< share of the newest batch in the running statistics
};

/// y = weight (x - mean) / sqrt(variance + epsilon) + bias, a mean, a variance, a weight and a bias for each channel:
/// for each feature if built from a number of features, for each channel over its positions if built from a Shape.
/// In training mean and variance are those of the batch (variance divided by the number of values), and gradients go
/// through them. Outside training they are the running ones, constants of the layer, and the layer is linear.
/// `absorb` moves the running statistics towards a training pass's; their variance is the unbiased one, as PyTorch's.
///
/// Shapes   Y as X, channels x positions values a sample; weights and bias: channels x 1.
/// Throws   ShapeError if an argument does not fit; DataError in training for one value a channel, which has no
///          variance (as PyTorch), and for impossible options or statistics. An empty batch is valid and teaches
///          nothing.
/// Source   Ioffe and Szegedy (2015).
template <std::floating_point S = float>
class BatchNorm {
public:
    using Scalar = S;
    using Parameters = detail::ScaleAndShift<S>;
    using Options = BatchNormOptions;
    static constexpr std::string_view name = "BatchNorm";
    static constexpr bool mixes_samples = true;

    struct Cache {
        Column<S> mean, variance, inverse;  ///< what the pass normalised with, one a channel; inverse deviation
        Index values = 0;                   ///< a channel, in training; else 0
        Column<S> terms, sums, products;    ///< scratch
    };

    /// Without sizes yet; for loading.
    BatchNorm() : BatchNorm(Shape{0, 1, 1}) {}
    explicit BatchNorm(Index features, Options options = {}) : BatchNorm(Shape{features, 1, 1}, options) {}
    explicit BatchNorm(Shape shape, Options options = {})
        : shape_(shape), epsilon_(options.epsilon), momentum_(options.momentum) {
        check_sizes();
        mean_ = Column<S>::Zero(shape.channels);
        variance_ = Column<S>::Ones(shape.channels);
        parameters_ = Parameters::ones(shape.channels);
        check();
    }

    Index in_features() const noexcept { return shape_.size(); }
    Index out_features() const noexcept { return shape_.size(); }
    Shape input_shape() const noexcept { return shape_; }
    Shape output_shape() const noexcept { return shape_; }
    double epsilon() const noexcept { return epsilon_; }
    double momentum() const noexcept { return momentum_; }
    const Column<S>& running_mean() const noexcept { return mean_; }
    const Column<S>& running_variance() const noexcept { return variance_; }

    /// For statistics from elsewhere. Throws as the constructor.
    void set_running(Column<S> mean, Column<S> variance) {
        BatchNorm changed = *this;
        changed.mean_ = std::move(mean);
        changed.variance_ = std::move(variance);
        changed.check();
        *this = std::move(changed);
    }

    const Parameters& parameters() const noexcept { return parameters_; }
    Parameters& parameters() noexcept { return parameters_; }

    void forward(const Parameters& w, const BatchView<S>& x, Batch<S>& y, Cache& cache, const Pass& pass) const {
        namespace ei = Eigen::internal;
        check(w);
        detail::require_shape("BatchNorm::forward", "x", x, in_features(), x.cols());
        detail::reshape(y, x.rows(), x.cols());
        cache.values = pass.training ? x.cols() * shape_.positions() : 0;
        if (cache.values == 1) {
            detail::raise<DataError>("BatchNorm::forward", "values of a channel in training", "1", "2 or more");
        }
        cache.mean = mean_;
        cache.variance = variance_;
        if (cache.values != 0) take_statistics(x, cache);
        cache.inverse.resize(shape_.channels);
        for (Index c = 0; c < shape_.channels; ++c) cache.inverse[c] = inverse(cache.variance[c]);
        channelwise().each(y, std::array{&x}, PerChannel::constants(cache.mean, cache.inverse, w.weights, w.bias),
                           [](const auto& v, const auto& mean, const auto& inv, const auto& weight, const auto& bias) {
                               return ei::pmadd(ei::psub(v, mean), ei::pmul(inv, weight), bias);
                           });
    }

    template <class Dx, class G>
    void backward(const Parameters& w, const BatchView<S>& x, const BatchView<S>&, Cache& cache, const BatchView<S>& dy,
                  Dx& dx, G& g) const {
        namespace ei = Eigen::internal;
        check(w);
        detail::require_shape("BatchNorm::backward", "x", x, in_features(), x.cols());
        detail::require_shape("BatchNorm::backward", "dy", dy, in_features(), x.cols());
        const bool through_statistics = is_wanted<Dx> && cache.values != 0;
        if (is_wanted<G> || through_statistics) sum_gradients(x, dy, cache);
        if constexpr (is_wanted<G>) {
            g.weights = cache.products;
            g.bias = cache.sums;
        }
        if constexpr (is_wanted<Dx>) {
            detail::reshape(dx, x.rows(), x.cols());
            if (!through_statistics) {
                channelwise().each(dx, std::array{&dy}, PerChannel::constants(cache.inverse, w.weights), scaled);
                return;
            }
            cache.sums /= static_cast<S>(cache.values);
            cache.products /= static_cast<S>(cache.values);
            channelwise().each(dx, std::array{&x, &dy},
                               PerChannel::constants(cache.mean, cache.inverse, w.weights, cache.sums, cache.products),
                               [](const auto& v, const auto& d, const auto& mean, const auto& inv, const auto& weight,
                                  const auto& mean_d, const auto& mean_dv) {
                                   const auto n = detail::normalised(v, mean, inv);
                                   return scaled(ei::psub(ei::psub(d, mean_d), ei::pmul(n, mean_dv)), inv, weight);
                               });
        }
    }

    /// Outside training, as all tangents: dY = weight dX / deviation + dweight normalised X + dbias.
    template <class Dw>
    void tangent(const Parameters& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx, const BatchView<S>&,
                 const Cache& cache, Batch<S>& dy) const {
        namespace ei = Eigen::internal;
        detail::require_shape("BatchNorm::tangent", "x", x, in_features(), x.cols());
        detail::require_shape("BatchNorm::tangent", "dx", dx, in_features(), x.cols());
        detail::reshape(dy, x.rows(), x.cols());
        if constexpr (is_wanted<Dw>) {
            check(dw);
            channelwise().each(dy, std::array{&x, &dx},
                               PerChannel::constants(cache.mean, cache.inverse, w.weights, dw.weights, dw.bias),
                               [](const auto& v, const auto& d, const auto& mean, const auto& inv, const auto& weight,
                                  const auto& weight_d, const auto& bias_d) {
                                   const auto moved = ei::pmadd(detail::normalised(v, mean, inv), weight_d, bias_d);
                                   return ei::padd(scaled(d, inv, weight), moved);
                               });
        } else {
            channelwise().each(dy, std::array{&dx}, PerChannel::constants(cache.inverse, w.weights), scaled);
        }
    }

    template <class Dw, class Dx, class G>
    void backward_tangent(const Parameters& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx,
                          const BatchView<S>&, Cache& cache, const BatchView<S>& above,
                          const BatchView<S>& above_tangent, Dx& dx_tangent, G& g) const {
        namespace ei = Eigen::internal;
        detail::require_shape("BatchNorm::backward_tangent", "x", x, in_features(), x.cols());
        detail::require_shape("BatchNorm::backward_tangent", "dx", dx, in_features(), x.cols());
        detail::require_shape("BatchNorm::backward_tangent", "above", above, in_features(), x.cols());
        detail::require_shape("BatchNorm::backward_tangent", "above_tangent", above_tangent, in_features(), x.cols());
        if constexpr (is_wanted<G>) {
            sum_gradients(x, above_tangent, cache);
            g.weights = cache.products;
            g.bias = cache.sums;
            channelwise().sum(
                cache.terms, cache.products, std::array{&dx, &above}, PerChannel::constants(cache.inverse),
                [](const auto& d, const auto& a, const auto& inv) { return ei::pmul(ei::pmul(d, inv), a); });
            g.weights += cache.products;
        }
        if constexpr (is_wanted<Dx>) {
            detail::reshape(dx_tangent, x.rows(), x.cols());
            if constexpr (is_wanted<Dw>) {
                check(dw);
                channelwise().each(
                    dx_tangent, std::array{&above, &above_tangent},
                    PerChannel::constants(cache.inverse, w.weights, dw.weights),
                    [](const auto& a, const auto& da, const auto& inv, const auto& weight, const auto& weight_d) {
                        return ei::pmul(ei::pmadd(da, weight, ei::pmul(a, weight_d)), inv);
                    });
            } else {
                channelwise().each(dx_tangent, std::array{&above_tangent},
                                   PerChannel::constants(cache.inverse, w.weights), scaled);
            }
        }
    }

    /// y = weight x / deviation with the running statistics and any parameters: the layer outside training without its
    /// shift, and its own transpose.
    void map(const Parameters& w, const BatchView<S>& x, Batch<S>& y) const {
        check(w);
        detail::require_shape("BatchNorm::map", "x", x, in_features(), x.cols());
        detail::reshape(y, x.rows(), x.cols());
        channelwise().each(y, std::array{&x}, PerChannel::constants(variance_, w.weights),
                           [this](const auto& v, const auto& variance, const auto& weight) {
                               return scaled(v, this->inverse(variance), weight);
                           });
    }
    void map_transposed(const Parameters& w, const BatchView<S>& x, Batch<S>& y) const { map(w, x, y); }

    /// Moves the running statistics by `momentum` towards those of the training pass that left this cache.
    void absorb(const Cache& cache) {
        if (cache.values < 2) return;
        detail::require_shape("BatchNorm::absorb", "mean", cache.mean, shape_.channels, 1);
        const auto share = static_cast<S>(momentum_);
        const auto unbiased = static_cast<S>(static_cast<double>(cache.values) / static_cast<double>(cache.values - 1));
        mean_ += share * (cache.mean - mean_);
        variance_ += share * (unbiased * cache.variance - variance_);
    }

    auto constants() noexcept {
        return std::tie(shape_.channels, shape_.height, shape_.width, epsilon_, momentum_, mean_, variance_);
    }
    auto constants() const noexcept {
        return std::tie(shape_.channels, shape_.height, shape_.width, epsilon_, momentum_, mean_, variance_);
    }
    void check() const {
        check_sizes();
        if (!(std::isfinite(epsilon_) && static_cast<S>(epsilon_) > S(0))) {
            detail::raise<DataError>("BatchNorm", "epsilon", std::to_string(epsilon_), "a finite value above 0");
        }
        if (!(momentum_ >= 0.0 && momentum_ <= 1.0)) {
            detail::raise<DataError>("BatchNorm", "momentum", std::to_string(momentum_), "0..1");
        }
        detail::require_shape("BatchNorm", "running mean", mean_, shape_.channels, 1);
        detail::require_shape("BatchNorm", "running variance", variance_, shape_.channels, 1);
        for (Index c = 0; c < shape_.channels; ++c) {
            if (!(std::isfinite(mean_[c]) && std::isfinite(variance_[c]) && variance_[c] >= S(0))) {
                detail::raise<DataError>(
                    "BatchNorm", "channel " + std::to_string(c),
                    "running mean " + std::to_string(mean_[c]) + ", variance " + std::to_string(variance_[c]),
                    "finite values and a variance that is not negative");
            }
        }
    }
    void check(const Parameters& w) const { w.check("BatchNorm", shape_.channels); }

    std::string describe() const {
        return "BatchNorm " + (shape_.positions() == 1 ? std::to_string(shape_.channels) : shape_.text());
    }

private:
    using PerChannel = detail::Channelwise<S>;

    static constexpr auto scaled = [](const auto& v, const auto& inv, const auto& weight) {
        return Eigen::internal::pmul(v, Eigen::internal::pmul(inv, weight));
    };

    template <class P>
    P inverse(const P& variance) const {
        namespace ei = Eigen::internal;
        const P shifted = ei::padd(variance, ei::pset1<P>(static_cast<S>(epsilon_)));
        return ei::pdiv(ei::pset1<P>(S(1)), ei::psqrt(shifted));
    }

    PerChannel channelwise() const noexcept { return {shape_.channels, shape_.positions()}; }

    void take_statistics(const BatchView<S>& x, Cache& cache) const {
        namespace ei = Eigen::internal;
        const auto count = static_cast<S>(cache.values);
        channelwise().sum(cache.terms, cache.mean, std::array{&x}, PerChannel::constants(),
                          [](const auto& v) { return v; });
        cache.mean /= count;
        channelwise().sum(cache.terms, cache.variance, std::array{&x}, PerChannel::constants(cache.mean),
                          [](const auto& v, const auto& mean) {
                              const auto d = ei::psub(v, mean);
                              return ei::pmul(d, d);
                          });
        cache.variance /= count;
    }

    /// cache.sums: dy of each channel summed; cache.products: dy times the normalised x.
    void sum_gradients(const BatchView<S>& x, const BatchView<S>& dy, Cache& cache) const {
        channelwise().sum(cache.terms, cache.sums, std::array{&dy}, PerChannel::constants(),
                          [](const auto& d) { return d; });
        channelwise().sum(cache.terms, cache.products, std::array{&x, &dy},
                          PerChannel::constants(cache.mean, cache.inverse),
                          [](const auto& v, const auto& d, const auto& mean, const auto& inv) {
                              return Eigen::internal::pmul(d, detail::normalised(v, mean, inv));
                          });
    }

    void check_sizes() const {
        const double size = static_cast<double>(shape_.channels) * static_cast<double>(shape_.height) *
                            static_cast<double>(shape_.width);
        if (shape_.channels < 0 || shape_.height < 1 || shape_.width < 1 || size > 1e15) {
            detail::raise<ShapeError>("BatchNorm", "shape", shape_.text(),
                                      "no negative channels and a position at least");
        }
    }

    Shape shape_;
    double epsilon_;
    double momentum_;
    Column<S> mean_, variance_;
    Parameters parameters_;
};

/// Under the names known elsewhere: BatchNorm1d takes a number of features, BatchNorm2d a Shape.
template <std::floating_point S = float>
using BatchNorm1d = BatchNorm<S>;
/// See BatchNorm1d.
template <std::floating_point S = float>
using BatchNorm2d = BatchNorm<S>;

}  // namespace renn::inline RENN_ABI
// renn/layers/concatenate.hpp - several networks side by side on one input.

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>


namespace renn::inline RENN_ABI {

/// Y = [N1(X); N2(X); ...]: every branch sees the same input, their outputs stand one below the other. The branches are
/// networks, named "branch1", "branch2"; their layers "concatenate1/branch1/dense1".
///
/// Shapes   X: features x n, Y: sum of the branches' outputs x n. Convolutions of equal height and width concatenate
///          along the channels.
/// Throws   ShapeError if the branches want inputs of different widths.
/// Source   Szegedy et al. (2015).
template <class First, class... Rest>
class Concatenate {
    using Branches = std::tuple<First, Rest...>;

public:
    static constexpr std::size_t size = 1 + sizeof...(Rest);
    using Scalar = typename First::Scalar;
    static_assert((std::is_same_v<Scalar, typename Rest::Scalar> && ...),
                  "renn::Concatenate: all branches must have the same Scalar");
    static constexpr std::string_view name = "Concatenate";
    static constexpr Wiring wiring = Wiring::side_by_side;

    struct Parameters {
        std::tuple<typename First::Parameters, typename Rest::Parameters...> branches;
        auto blocks() noexcept {
            return std::apply([](auto&... p) { return std::tie(p...); }, branches);
        }
        auto blocks() const noexcept {
            return std::apply([](const auto&... p) { return std::tie(p...); }, branches);
        }
    };

    struct Cache {
        std::tuple<typename First::Cache, typename Rest::Cache...> branches;
        std::array<Batch<Scalar>, size> outputs;
        std::array<Batch<Scalar>, size> deltas;    ///< below each branch
        std::array<Batch<Scalar>, size> tangents;  ///< of the outputs
    };

    Concatenate() { take_over(); }
    explicit Concatenate(First first, Rest... rest) : branches_(std::move(first), std::move(rest)...) {
        static_assert(CompositeLayer<First> && (CompositeLayer<Rest> && ...),
                      "renn::Concatenate: takes networks; Concatenate(Network(...), Network(...))");
        take_over();
        check_sizes();
    }

    template <std::size_t I>
    const auto& branch() const noexcept {
        return std::get<I>(branches_);
    }
    template <std::size_t I>
    auto& branch() noexcept {
        return std::get<I>(branches_);
    }

    const Parameters& parameters() const noexcept { return parameters_; }
    Parameters& parameters() noexcept { return parameters_; }

    Index in_features() const noexcept {
        Index width = Dynamic;
        for_each([&width](const auto& branch, auto) { width = width == Dynamic ? branch.in_features() : width; });
        return width;
    }
    /// Dynamic if a branch's output follows its input.
    Index out_features() const noexcept {
        Index width = 0;
        for_each([&width](const auto& branch, auto) {
            const Index out = branch.out_features();
            width = width == Dynamic || out == Dynamic ? Dynamic : width + out;
        });
        return width;
    }
    bool mixes_samples() const noexcept {
        bool mixes = false;
        for_each([&mixes](const auto& branch, auto) { mixes = mixes || branch.mixes_samples(); });
        return mixes;
    }
    void absorb(const Cache& cache) {
        each(*this, [&](auto& branch, auto i) { branch.absorb(std::get<i>(cache.branches)); });
    }

    void forward(const Parameters& w, const BatchView<Scalar>& x, Batch<Scalar>& y, Cache& cache,
                 const Pass& pass) const {
        NoVisit none;
        detail::Path path;
        walk(w, x, y, cache, pass, none, path);
    }

    template <class V>
    void walk(const Parameters& w, const BatchView<Scalar>& x, Batch<Scalar>& y, Cache& cache, const Pass& pass,
              V& visitor, detail::Path& path) const {
        Index rows = 0;
        for_each([&](const auto& branch, auto i) {
            Pass inner = pass;
            inner.path = mix(pass.path, i + 1);
            const auto guard = path.enter(names_[i]);
            branch.walk(std::get<i>(w.branches), x, cache.outputs[i], std::get<i>(cache.branches), inner, visitor,
                        path);
            rows += cache.outputs[i].rows();
        });
        stack(cache.outputs, rows, x.cols(), y);
    }

    template <class Dx, class G>
    void backward(const Parameters& w, const BatchView<Scalar>& x, const BatchView<Scalar>&, Cache& cache,
                  const BatchView<Scalar>& dy, Dx& dx, G& g) const {
        for_each_part(cache.outputs, dy, x.cols(), [&](const auto& branch, auto i, const BatchView<Scalar>& above) {
            const auto back = [&](auto& below, auto& gradient) {
                branch.backward(std::get<i>(w.branches), x, cache.outputs[i], std::get<i>(cache.branches), above, below,
                                gradient);
            };
            const auto into = [&](auto& gradient) {
                if constexpr (is_wanted<Dx>) {
                    add(i, dx, cache.deltas[i], [&](auto& below) { back(below, gradient); });
                } else {
                    back(dx, gradient);
                }
            };
            if constexpr (is_wanted<G>) {
                into(std::get<i>(g.branches));
            } else {
                into(g);
            }
        });
    }

    template <class Rule, class Below>
    void walk_back(Rule& rule, const Parameters& w, const BatchView<Scalar>& x, const BatchView<Scalar>&, Cache& cache,
                   const BatchView<Scalar>& above, Below& below, Parameters* gradient, detail::Path& path) const {
        // A rule may walk with fewer columns than the pass had.
        for_each_part(cache.outputs, above, above.cols(),
                      [&](const auto& branch, auto i, const BatchView<Scalar>& over) {
                          const auto guard = path.enter(names_[i]);
                          auto* slot = gradient == nullptr ? nullptr : &std::get<i>(gradient->branches);
                          const auto back = [&](auto& under) {
                              branch.walk_back(rule, std::get<i>(w.branches), x, cache.outputs[i],
                                               std::get<i>(cache.branches), over, under, slot, path);
                          };
                          if constexpr (is_wanted<Below>) {
                              add(i, below, cache.deltas[i], back);
                          } else {
                              back(below);
                          }
                      });
    }

    template <class Dw>
    void tangent(const Parameters& w, const Dw& dw, const BatchView<Scalar>& x, const BatchView<Scalar>& dx,
                 const BatchView<Scalar>& y, Cache& cache, Batch<Scalar>& dy) const {
        for_each([&](const auto& branch, auto i) {
            branch.tangent(std::get<i>(w.branches), part<i>(dw), x, dx, cache.outputs[i], std::get<i>(cache.branches),
                           cache.tangents[i]);
        });
        stack(cache.tangents, y.rows(), y.cols(), dy);
    }

    template <class Dw, class G>
    void backward_tangent(const Parameters& w, const Dw& dw, const BatchView<Scalar>& x, const BatchView<Scalar>& dx,
                          const BatchView<Scalar>&, Cache& cache, const BatchView<Scalar>& above,
                          const BatchView<Scalar>& above_tangent, Batch<Scalar>& dx_tangent, G& g) const {
        Index first = 0;
        for (const auto& output : cache.outputs) first += output.rows();
        detail::require_shape("Concatenate", "tangent of what arrives above", above_tangent, first, x.cols());
        detail::require_shape("Concatenate", "what arrives above", above, first, x.cols());
        first = 0;
        for_each([&](const auto& branch, auto i) {
            const Index rows = cache.outputs[i].rows();
            auto&& slot = part<i>(g);
            add(i, dx_tangent, cache.deltas[i], [&](auto& below) {
                branch.backward_tangent(std::get<i>(w.branches), part<i>(dw), x, dx, cache.outputs[i],
                                        std::get<i>(cache.branches), above.middleRows(first, rows),
                                        above_tangent.middleRows(first, rows), below, slot);
            });
            first += rows;
        });
    }

    template <class Self, class P, class F>
    static void for_each_child(Self& self, P& parameters, F&& f) {
        each(self,
             [&](auto& branch, auto i) { f(std::as_const(self.names_[i]), branch, std::get<i>(parameters.branches)); });
    }

    const std::vector<std::string>& names() const noexcept { return names_; }
    void rename_all(const std::vector<std::string>& new_names) {
        if (new_names != names_) detail::raise<DataError>("rename", "branches have fixed names");
    }

    std::string kinds() const {
        return listed([](const auto& branch) { return branch.kinds(); });
    }
    std::string describe() const {
        return std::string(name) + " " +
               listed([](const auto& branch) { return branch.describe(); }).substr(name.size());
    }

    void take_kinds(std::string_view wanted, Parameters& parameters) {
        const auto refuse = [&] { detail::raise<MismatchError>("network", "layers", std::string(wanted), kinds()); };
        if (!wanted.starts_with(name) || wanted.size() < name.size() + 2) refuse();
        std::string_view rest = wanted.substr(name.size() + 1, wanted.size() - name.size() - 2);
        each(*this, [&](auto& branch, auto i) {
            int depth = 0;
            std::size_t end = 0;
            while (end < rest.size() && (depth > 0 || rest[end] != ',')) {
                depth += rest[end] == '[' ? 1 : rest[end] == ']' ? -1 : 0;
                ++end;
            }
            branch.take_kinds(rest.substr(0, end), std::get<i>(parameters.branches));
            rest = rest.substr(std::min(rest.size(), end + 2));
        });
        if (!rest.empty()) refuse();
    }

    void check_sizes() const {
        const Index width = in_features();
        for_each([&](const auto& branch, auto i) {
            branch.check_sizes();
            if (branch.in_features() != Dynamic && branch.in_features() != width) {
                detail::raise<ShapeError>("Concatenate", "in_features of " + names_[i],
                                          std::to_string(branch.in_features()),
                                          std::to_string(width) + ", those of the other branches");
            }
        });
    }

private:
    template <class Self, class F>
    static void each(Self& self, F&& f) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (f(std::get<I>(self.branches_), std::integral_constant<std::size_t, I>{}), ...);
        }
        (std::make_index_sequence<size>{});
    }
    template <class F>
    void for_each(F&& f) const {
        each(*this, f);
    }

    /// f(branch, i, the rows of `above` that are that branch's).
    template <class F>
    void for_each_part(const std::array<Batch<Scalar>, size>& outputs, const BatchView<Scalar>& above, Index samples,
                       F&& f) const {
        Index first = 0;
        for (const auto& output : outputs) first += output.rows();
        detail::require_shape("Concatenate", "what arrives above", above, first, samples);
        first = 0;
        for_each([&](const auto& branch, auto i) {
            f(branch, i, BatchView<Scalar>(above.middleRows(first, outputs[i].rows())));
            first += outputs[i].rows();
        });
    }

    /// Sums what the branches bring below, in their order: the first writes, the others add.
    template <class F>
    static void add(std::size_t i, Batch<Scalar>& sum, Batch<Scalar>& delta, F&& back) {
        if (i == 0) {
            back(sum);
        } else {
            back(delta);
            sum += delta;
        }
    }

    static void stack(const std::array<Batch<Scalar>, size>& parts, Index rows, Index cols, Batch<Scalar>& y) {
        detail::reshape(y, rows, cols);
        Index first = 0;
        for (const auto& one : parts) {
            y.middleRows(first, one.rows()) = one;
            first += one.rows();
        }
    }

    template <std::size_t I, class D>
    static decltype(auto) part(D& d) {
        if constexpr (is_wanted<D>) {
            return std::get<I>((d.branches));
        } else {
            return NotWanted{};
        }
    }

    template <class F>
    std::string listed(F&& text_of) const {
        std::string text;
        for_each([&](const auto& branch, auto i) { text += (i == 0 ? "" : ", ") + text_of(branch); });
        return std::string(name) + "[" + text + "]";
    }

    void take_over() {
        each(*this, [this](auto& branch, auto i) {
            std::get<i>(parameters_.branches) = std::exchange(branch.parameters(), {});
            names_.push_back("branch" + std::to_string(i + 1));
        });
    }

    Branches branches_;
    Parameters parameters_;
    std::vector<std::string> names_;
};

}  // namespace renn::inline RENN_ABI
// renn/layers/convolution.hpp - convolution of images and sequences.

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

// renn/layers/initialise.hpp - initial weights by seed.

#include <cmath>
#include <concepts>
#include <cstdint>


namespace renn::inline RENN_ABI {

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

/// Nothing but zeros.
struct Zeros {
    template <class S>
    void operator()(Batch<S>& weights, Index, Index) const {
        weights.setZero();
    }
};

}  // namespace renn::inline RENN_ABI
// renn/layers/patches.hpp - what a convolution sees of an image, copied to tiles of a product and added back.

#include <algorithm>


namespace renn::inline RENN_ABI::detail {

/// The patches of an image are a matrix, places of the output x (channels of a group * taps). It is made tile by tile,
/// each small enough for the stack and for a core's second cache.
template <class S>
struct Patches {
    SlidingWindow window;

    static constexpr Index panel = canonical::detail::Kernel<S>::panel;
    static constexpr Index tile_size = 65536 / static_cast<Index>(sizeof(S));

    /// Part of the patches of a group: places x columns from (place, column) on, column-major with `stride`.
    struct Tile {
        Index group, channels;  ///< of the group
        Index place, places, column, columns, stride;
        Index width, row, at;  ///< of the output; where in it the first place lies
    };

    /// Calls f(tile) for all tiles of an image, columns in ascending order at each place.
    template <class F>
    void for_each_tile(Index groups, F&& f) const {
        constexpr Index gap = 64 / static_cast<Index>(sizeof(S));  // columns then spread over all sets of the cache
        const Shape out = window.out(1);
        const Index places = out.positions(), channels = window.in.channels / groups;
        const Index columns = channels * window.taps(), most = std::min(columns, tile_size / (panel + gap));
        const Index fitting = (tile_size / most - gap) / panel, all = (places + panel - 1) / panel;
        const Index together = std::min(fitting, all) * panel;
        for (Index group = 0; group < groups; ++group) {
            for (Index place = 0; place < places; place += together) {
                const Index row = place / out.width, at = place - row * out.width;
                for (Index column = 0; column < columns; column += most) {
                    f(Tile{group, channels, place, std::min(together, places - place), column,
                           std::min(most, columns - column), together + gap, out.width, row, at});
                }
            }
        }
    }

    /// Copies the tile out of an image; zeros where a tap lies in the border.
    void gather(const S* image, const Tile& t, S* tile) const {
        if (window.padding != Size2(0)) std::fill_n(tile, t.columns * t.stride, S(0));
        using K = canonical::detail::Kernel<S>;
        for_each_run(t, [&](Index at, Index from, Index count, Index runs, Index step) {
            const S* source = image + from;
            S* to = tile + at;
            const Index stride = window.stride.width, channel = window.in.positions(), tail = count - K::lanes;
            if (stride == 1 && tail >= 0) {
                for (Index r = 0; r < runs; ++r, source += channel, to += step) {
                    for (Index i = 0; i < tail; i += K::lanes) K::store(to + i, K::load(source + i));
                    K::store(to + tail, K::load(source + tail));  // overlaps the packet before it
                }
            } else {
                for (Index r = 0; r < runs; ++r, source += channel, to += step) {
                    for (Index i = 0; i < count; ++i) to[i] = source[i * stride];
                }
            }
        });
    }

    /// Adds the tile to the image, each value where it would have come from.
    void scatter(const S* tile, const Tile& t, S* image) const {
        for_each_run(t, [&](Index at, Index from, Index count, Index runs, Index step) {
            const S* source = tile + at;
            S* to = image + from;
            const Index stride = window.stride.width;
            for (Index i = 0; i < runs; ++i, to += window.in.positions(), source += step) {
                if (stride == 1) {
                    for (Index k = 0; k < count; ++k) to[k] += source[k];
                } else {
                    for (Index k = 0; k < count; ++k) to[k * stride] += source[k];
                }
            }
        });
    }

private:
    /// Calls f(at, from, count, runs, step) for runs of `count` values side by side in the tile, from `at` on, and in
    /// the image, from `from` on; the same run again in the next channel of the image, `step` further in the tile.
    template <class F>
    void for_each_run(const Tile& t, F&& f) const {
        const Index taps = window.taps(), end = t.column + t.columns;
        const Index whole = t.column / taps, rest = t.column % taps, end_whole = end / taps, end_rest = end % taps;
        for (Index ky = 0, tap = 0; ky < window.kernel.height; ++ky) {
            for (Index kx = 0; kx < window.kernel.width; ++kx, ++tap) {
                const Index first = whole + (tap < rest ? 1 : 0), last = end_whole + (tap < end_rest ? 1 : 0);
                if (first == last) continue;
                const Index column = (first * taps + tap - t.column) * t.stride;
                const Index channel = (t.group * t.channels + first) * window.in.positions();
                window.for_each_run(ky, kx, t.width, t.row, t.at, t.places, [&](Index at, Index count, Index from) {
                    f(column + at, channel + from, count, last - first, taps * t.stride);
                });
            }
        }
    }
};

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI {

/// Of a convolution over images; only `channels` has no default.
struct Conv2dOptions {
    Index channels = 0;  ///< made by the layer; must be given
    Size2 kernel = 3;
    Size2 stride = 1;
    Size2 padding = 0;  ///< zeros around the image
    Size2 dilation = 1;
    Index groups = 1;  ///< of input channels, each seen only by its own group of output channels
    bool bias = true;
};

/// As of Conv2d, along a sequence.
struct Conv1dOptions {
    Index channels = 0;
    Index kernel = 3;
    Index stride = 1;
    Index padding = 0;
    Index dilation = 1;
    Index groups = 1;
    bool bias = true;

    operator Conv2dOptions() const noexcept {
        return {channels, {1, kernel}, {1, stride}, {0, padding}, {1, dilation}, groups, bias};
    }
};

/// Cross-correlation with zero padding, as PyTorch's Conv1d and Conv2d; used by these two names.
///
/// Shapes   X: (in channels, height, width) x n with the width fastest; Y the same with the output's channels and
///          floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1 places each way.
///          W: out channels x (in channels / groups * kernel height * kernel width), channel after channel, row after
///          row, as PyTorch's; b: out channels, or empty without a bias. An empty batch is valid, 0 channels are not.
/// Throws   DataError for impossible options; ShapeError if the kernel is larger than the padded input or an argument
///          does not fit.
/// Cost     O(weights x places of the output) a sample; the patches under the kernel are copied to a tile on the
///          stack (64 KiB), so nothing but an output that changes its size allocates.
/// Numbers  every sum is canonical (core/canonical.hpp), in training as well: an output adds its products to the bias
///          in the order of W's columns, a weight's gradient its samples in order, place after place.
/// Source   initial W: He et al. (2015) unless told otherwise; initial b: zero.
template <std::floating_point S, int Dimensions>
class Convolution {
    static_assert(Dimensions == 1 || Dimensions == 2, "renn::Convolution: over 1 or 2 dimensions");

public:
    using Scalar = S;
    using Options = std::conditional_t<Dimensions == 1, Conv1dOptions, Conv2dOptions>;
    static constexpr std::string_view name = Dimensions == 1 ? "Conv1d" : "Conv2d";

    struct Parameters {
        Batch<S> weights;  ///< out channels x (in channels / groups * taps)
        Column<S> bias;    ///< out channels, or empty
        static constexpr std::array<std::string_view, 2> names{"weights", "bias"};
        auto blocks() noexcept { return std::tie(weights, bias); }
        auto blocks() const noexcept { return std::tie(weights, bias); }
    };
    using Cache = NoCache;

    template <Initialiser<S> Init = He>
    Convolution(const Shape& input, const Options& options, const Init& init = {}) : Convolution(input, options, 0, 0) {
        parameters_.weights.resize(channels_, depth());
        parameters_.bias = Column<S>::Zero(bias_ * channels_);
        init(parameters_.weights, depth(), channels_ * patches_.window.taps());
    }

    /// Same seed, same weights on every platform: He{seed}.
    Convolution(const Shape& input, const Options& options, std::uint64_t seed)
        : Convolution(input, options, He{seed}) {}

    Convolution(const Shape& input, const Options& options, Parameters parameters) : Convolution(input, options, 0, 0) {
        check(parameters);
        parameters_ = std::move(parameters);
    }

    /// Without sizes yet; for loading.
    Convolution() = default;

    Shape input_shape() const noexcept { return patches_.window.in; }
    Shape output_shape() const noexcept { return patches_.window.out(channels_); }
    const detail::SlidingWindow& window() const noexcept { return patches_.window; }
    /// Of the weights as other libraries keep them: out channels x in channels / groups x taps.
    std::array<Index, std::size_t{Dimensions} + 2> weights_shape() const noexcept {
        const Size2& kernel = patches_.window.kernel;
        const Index in = input_shape().channels / groups_;
        if constexpr (Dimensions == 1) {
            return {channels_, in, kernel.width};
        } else {
            return {channels_, in, kernel.height, kernel.width};
        }
    }
    Index in_features() const noexcept { return input_shape().size(); }
    Index out_features() const noexcept { return output_shape().size(); }

    const Parameters& parameters() const noexcept { return parameters_; }
    Parameters& parameters() noexcept { return parameters_; }

    void forward(const Parameters& w, const BatchView<S>& x, Batch<S>& y, Cache&, const Pass&) const {
        check(w);
        start(w, x, y);
        add_map(w, x, y);
    }

    template <class Dx, class G>
    void backward(const Parameters& w, const BatchView<S>& x, const BatchView<S>&, const Cache&, const BatchView<S>& dy,
                  Dx& dx, G& g) const {
        require(x, "x", in_features(), x.cols());
        require(dy, "dy", out_features(), x.cols());
        if constexpr (is_wanted<G>) {
            clear(g);
            add_gradient(x, dy, g);
        }
        if constexpr (is_wanted<Dx>) map_transposed(w, dy, dx);
    }

    /// y = W * x with any parameters; the bias takes no part.
    void map(const Parameters& w, const BatchView<S>& x, Batch<S>& y) const {
        check_weights(w);
        require(x, "x", in_features(), x.cols());
        detail::reshape(y, out_features(), x.cols());
        y.setZero();
        add_map(w, x, y);
    }

    /// Transpose of map.
    void map_transposed(const Parameters& w, const BatchView<S>& y, Batch<S>& x) const {
        check_weights(w);
        require(y, "y", out_features(), y.cols());
        detail::reshape(x, in_features(), y.cols());
        x.setZero();
        add_map_transposed(w, y, x);
    }

    /// Directional derivative: W * dx, and dW * x + db where dw is wanted.
    template <class Dw>
    void tangent(const Parameters& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx, const BatchView<S>&,
                 const Cache&, Batch<S>& dy) const {
        require(dx, "dx", in_features(), x.cols());
        if constexpr (is_wanted<Dw>) {
            check(dw);
            start(dw, x, dy);
            add_map(dw, x, dy);
        } else {
            detail::reshape(dy, out_features(), x.cols());
            dy.setZero();
        }
        check_weights(w);
        add_map(w, dx, dy);
    }

    template <class Dw, class Dx, class G>
    void backward_tangent(const Parameters& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx,
                          const BatchView<S>&, const Cache&, const BatchView<S>& above,
                          const BatchView<S>& above_tangent, Dx& dx_tangent, G& g) const {
        require(x, "x", in_features(), x.cols());
        require(dx, "dx", in_features(), x.cols());
        require(above, "above", out_features(), x.cols());
        require(above_tangent, "above_tangent", out_features(), x.cols());
        if constexpr (is_wanted<G>) {
            clear(g);
            add_gradient(x, above_tangent, g);
            add_weight_gradient(dx, above, g.weights);
        }
        if constexpr (is_wanted<Dx>) {
            map_transposed(w, above_tangent, dx_tangent);
            if constexpr (is_wanted<Dw>) {
                check_weights(dw);
                add_map_transposed(dw, above, dx_tangent);
            }
        }
    }

    /// What a file keeps beside the parameters; check() refuses what a file must not say.
    auto constants() noexcept {
        return std::tuple_cat(detail::SlidingWindow::numbers_of(patches_.window), std::tie(channels_, groups_, bias_));
    }
    auto constants() const noexcept {
        return std::tuple_cat(detail::SlidingWindow::numbers_of(patches_.window), std::tie(channels_, groups_, bias_));
    }
    void check() const {
        const auto& window = patches_.window;
        window.check(where, channels_);
        if (groups_ < 1 || window.in.channels % groups_ != 0 || channels_ % groups_ != 0) {
            detail::raise<DataError>(where, "groups", std::to_string(groups_),
                                     "a divisor of " + std::to_string(window.in.channels) + " input and " +
                                         std::to_string(channels_) + " output channels");
        }
        if (bias_ != 0 && bias_ != 1) detail::raise<DataError>(where, "bias", std::to_string(bias_), "0 or 1");
        if (Dimensions == 1 && (window.in.height != 1 || window.padding.height != 0)) {
            detail::raise<ShapeError>(where, "input", window.in.text(), "a sequence: height 1");
        }
    }
    void check(const Parameters& w) const {
        check_weights(w);
        detail::require_shape(where, "bias", w.bias, bias_ * channels_, 1);
    }

    std::string describe() const {
        const auto& window = patches_.window;
        std::string text = where;
        text += " " + input_shape().text() + " -> " + output_shape().text() + ", " + window.kernel.text();
        if (window.stride != Size2(1)) text += ", stride " + window.stride.text();
        if (window.dilation != Size2(1)) text += ", dilation " + window.dilation.text();
        if (groups_ != 1) text += ", groups " + std::to_string(groups_);
        return text;
    }

private:
    static constexpr const char* where = Dimensions == 1 ? "Conv1d" : "Conv2d";

    Convolution(const Shape& input, const Conv2dOptions& o, int, int)
        : patches_{{input, o.kernel, o.stride, o.padding, o.dilation}},
          channels_(o.channels),
          groups_(o.groups),
          bias_(o.bias ? 1 : 0) {
        check();
    }

    Index depth() const noexcept { return input_shape().channels / groups_ * patches_.window.taps(); }

    void require(const BatchView<S>& m, const char* what, Index rows, Index cols) const {
        detail::require_shape(where, what, m, rows, cols);
    }
    void check_weights(const Parameters& w) const {
        detail::require_shape(where, "weights", w.weights, channels_, depth());
    }

    /// y = b, with the shape of the output for x.
    void start(const Parameters& w, const BatchView<S>& x, Batch<S>& y) const {
        require(x, "x", in_features(), x.cols());
        detail::reshape(y, out_features(), x.cols());
        if (bias_ == 0) {
            y.setZero();
            return;
        }
        const Index places = output_shape().positions();
        for (Index j = 0; j < y.cols(); ++j) {
            for (Index c = 0; c < channels_; ++c) std::fill_n(&y(c * places, j), places, w.bias[c]);
        }
    }

    void clear(Parameters& g) const {
        detail::reshape(g.weights, channels_, depth());
        if (g.bias.size() != bias_ * channels_) g.bias.resize(bias_ * channels_);
        g.weights.setZero();
        g.bias.setZero();
    }

    // In all three, places x channels of a group is the transpose of its part of a sample, as it lies: lanes are places
    // (output channels in the gradient), and W or the tile of patches gives the right factor.

    void add_map(const Parameters& w, const BatchView<S>& x, Batch<S>& y) const {
        const Index out = channels_ / groups_, places = output_shape().positions();
        S tile[Patches::tile_size];
        for (Index j = 0; j < x.cols(); ++j) {
            patches_.for_each_tile(groups_, [&](const Tile& t) {
                patches_.gather(x.col(j).data(), t, tile);
                canonical::accumulate<false>(tile, t.stride, &w.weights(t.group * out, t.column), channels_, Index{1},
                                             y.col(j).data() + t.group * out * places + t.place, places, t.places,
                                             t.columns, out);
            });
        }
    }

    void add_map_transposed(const Parameters& w, const BatchView<S>& y, Batch<S>& x) const {
        const Index out = channels_ / groups_, places = output_shape().positions();
        S tile[Patches::tile_size];
        for (Index j = 0; j < x.cols(); ++j) {
            patches_.for_each_tile(groups_, [&](const Tile& t) {
                std::fill_n(tile, t.columns * t.stride, S(0));
                canonical::accumulate<false>(y.col(j).data() + t.group * out * places + t.place, places,
                                             &w.weights(t.group * out, t.column), Index{1}, channels_, tile, t.stride,
                                             t.places, out, t.columns);
                patches_.scatter(tile, t, x.col(j).data());
            });
        }
    }

    void add_weight_gradient(const BatchView<S>& x, const BatchView<S>& dy, Batch<S>& g) const {
        const Index out = channels_ / groups_, places = output_shape().positions();
        S tile[Patches::tile_size];
        for (Index j = 0; j < x.cols(); ++j) {
            patches_.for_each_tile(groups_, [&](const Tile& t) {
                patches_.gather(x.col(j).data(), t, tile);
                canonical::accumulate<true>(dy.col(j).data() + t.group * out * places + t.place, places, tile, Index{1},
                                            t.stride, &g(t.group * out, t.column), channels_, out, t.places, t.columns);
            });
        }
    }

    void add_gradient(const BatchView<S>& x, const BatchView<S>& dy, Parameters& g) const {
        add_weight_gradient(x, dy, g.weights);
        if (bias_ == 0) return;
        const Index places = output_shape().positions();
        const S one = 1;
        for (Index j = 0; j < dy.cols(); ++j) {
            canonical::accumulate<true>(dy.col(j).data(), places, &one, Index{0}, Index{0}, g.bias.data(), channels_,
                                        channels_, places, Index{1});
        }
    }

    using Patches = detail::Patches<S>;
    using Tile = typename Patches::Tile;
    Patches patches_;
    Index channels_ = 0;
    Index groups_ = 1;
    Index bias_ = 1;
    Parameters parameters_;
};

/// Convolution over images: Conv2d<float>(Shape{1, 28, 28}, {.channels = 16, .kernel = 3, .padding = 1}, seed).
template <std::floating_point S = float>
using Conv2d = Convolution<S, 2>;

/// Convolution along sequences, Shape{channels, 1, length}.
template <std::floating_point S = float>
using Conv1d = Convolution<S, 1>;

}  // namespace renn::inline RENN_ABI
// renn/layers/dense.hpp - fully connected layer.

#include <array>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>


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
// renn/layers/dropout.hpp - dropout with masks that depend on the sample, not on its batch.

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>


namespace renn::inline RENN_ABI {

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
        detail::require_shape("Dropout::backward", "dy", dy, x.rows(), x.cols());
        if constexpr (is_wanted<Dx>) masked(cache, dy, dx);
    }

    template <class Dw>
    void tangent(const Parameters&, const Dw&, const BatchView<S>& x, const BatchView<S>& dx, const BatchView<S>&,
                 const Cache& cache, Batch<S>& dy) const {
        detail::require_shape("Dropout::tangent", "dx", dx, x.rows(), x.cols());
        masked(cache, dx, dy);
    }

    template <class Dw, class Dx, class G>
    void backward_tangent(const Parameters& w, const Dw&, const BatchView<S>& x, const BatchView<S>&,
                          const BatchView<S>& y, const Cache& cache, const BatchView<S>&,
                          const BatchView<S>& above_tangent, Dx& dx_tangent, G& g) const {
        backward(w, x, y, cache, above_tangent, dx_tangent, g);
    }

    auto constants() noexcept { return std::tie(rate_); }
    auto constants() const noexcept { return std::tie(rate_); }
    void check() const {
        if (!(rate_ >= 0.0 && rate_ < 1.0)) {
            detail::raise<DataError>("Dropout", "rate", std::to_string(rate_), "0 or more, below 1");
        }
    }

    std::string describe() const { return "Dropout " + std::to_string(rate_); }

private:
    static void masked(const Cache& cache, const BatchView<S>& in, Batch<S>& out) {
        detail::reshape(out, in.rows(), in.cols());
        if (cache.mask.size() == 0) {
            out = in;
        } else {
            out = in.cwiseProduct(cache.mask);
        }
    }

    double rate_;
    [[no_unique_address]] NoParameters none_;
};

}  // namespace renn::inline RENN_ABI
// renn/layers/flatten.hpp - says that from here on a sample is a plain vector.

#include <concepts>
#include <string>
#include <string_view>


namespace renn::inline RENN_ABI {

/// The identity: a sample is a column already (channel, height, width). It marks where a picture ends to be one, as
/// networks from elsewhere have such a layer, and keeps their layer numbers.
template <std::floating_point S = float>
class Flatten {
public:
    using Scalar = S;
    using Parameters = NoParameters;
    using Cache = NoCache;
    static constexpr std::string_view name = "Flatten";
    static constexpr bool forgets_shape = true;  ///< what follows sees no image

    const Parameters& parameters() const noexcept { return none_; }

    void forward(const Parameters&, const BatchView<S>& x, Batch<S>& y, Cache&, const Pass&) const { y = x; }

    template <class Dx, class G>
    void backward(const Parameters&, const BatchView<S>& x, const BatchView<S>&, const Cache&, const BatchView<S>& dy,
                  Dx& dx, G&) const {
        detail::require_shape("Flatten::backward", "dy", dy, x.rows(), x.cols());
        if constexpr (is_wanted<Dx>) dx = dy;
    }

    template <class Dw>
    void tangent(const Parameters&, const Dw&, const BatchView<S>& x, const BatchView<S>& dx, const BatchView<S>&,
                 const Cache&, Batch<S>& dy) const {
        detail::require_shape("Flatten::tangent", "dx", dx, x.rows(), x.cols());
        dy = dx;
    }

    template <class Dw, class Dx, class G>
    void backward_tangent(const Parameters& w, const Dw&, const BatchView<S>& x, const BatchView<S>&,
                          const BatchView<S>& y, const Cache& cache, const BatchView<S>&,
                          const BatchView<S>& above_tangent, Dx& dx_tangent, G& g) const {
        backward(w, x, y, cache, above_tangent, dx_tangent, g);
    }

    void map(const Parameters&, const BatchView<S>& x, Batch<S>& y) const { y = x; }
    void map_transposed(const Parameters&, const BatchView<S>& x, Batch<S>& y) const { y = x; }

    std::string describe() const { return "Flatten"; }

private:
    [[no_unique_address]] NoParameters none_;
};

}  // namespace renn::inline RENN_ABI
// renn/layers/layer_norm.hpp - normalisation of every sample by its own statistics.

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include <Eigen/Core>


namespace renn::inline RENN_ABI {

/// As PyTorch's, with its default.
struct LayerNormOptions {
    double epsilon = 1e-5;
};

/// y = weight (x - mean) / sqrt(variance + epsilon) + bias, with the mean and variance (divided by the number of
/// features) of each sample by itself, and a weight and a bias for each feature. The same in training and outside.
///
/// Shapes   X, Y: features x n; weights and bias: features x 1.
/// Throws   ShapeError if an argument does not fit; DataError for an impossible epsilon.
/// Numbers  every sum is canonical.
/// Source   Ba et al. (2016).
template <std::floating_point S = float>
class LayerNorm {
public:
    using Scalar = S;
    using Parameters = detail::ScaleAndShift<S>;
    using Options = LayerNormOptions;
    static constexpr std::string_view name = "LayerNorm";

    struct Cache {
        Column<S> mean, inverse;  ///< of every sample; inverse deviation
    };

    /// Without sizes yet; for loading.
    LayerNorm() : LayerNorm(0) {}
    explicit LayerNorm(Index features, Options options = {}) : features_(features), epsilon_(options.epsilon) {
        check();
        parameters_ = Parameters::ones(features);
    }

    Index in_features() const noexcept { return features_; }
    Index out_features() const noexcept { return features_; }
    double epsilon() const noexcept { return epsilon_; }

    const Parameters& parameters() const noexcept { return parameters_; }
    Parameters& parameters() noexcept { return parameters_; }

    void forward(const Parameters& w, const BatchView<S>& x, Batch<S>& y, Cache& cache, const Pass&) const {
        namespace ei = Eigen::internal;
        check(w);
        require("LayerNorm::forward", "x", x, x.cols());
        detail::reshape(y, features_, x.cols());
        if (cache.mean.size() != x.cols()) cache.mean.resize(x.cols());
        if (cache.inverse.size() != x.cols()) cache.inverse.resize(x.cols());
        for (Index j = 0; j < x.cols(); ++j) {
            const S mean = canonical::sum(x.col(j).data(), features_) / count();
            const auto squared = [mean](const auto& v) {
                const auto d = ei::psub(v, ei::pset1<std::decay_t<decltype(v)>>(mean));
                return ei::pmul(d, d);
            };
            const S variance = canonical::sum_of(features_, squared, x.col(j).data()) / count();
            const S inverse = S(1) / std::sqrt(variance + static_cast<S>(epsilon_));
            cache.mean[j] = mean;
            cache.inverse[j] = inverse;
            canonical::combine(
                y.col(j).data(), features_,
                [=](const auto& v, const auto& weight, const auto& bias) {
                    return ei::pmadd(normal(v, mean, inverse), weight, bias);
                },
                x.col(j).data(), w.weights.data(), w.bias.data());
        }
    }

    /// With a = weight dY, n the normalised X and means over the features: dX = (a - mean(a) - n mean(a n)) /
    /// deviation.
    template <class Dx, class G>
    void backward(const Parameters& w, const BatchView<S>& x, const BatchView<S>&, const Cache& cache,
                  const BatchView<S>& dy, Dx& dx, G& g) const {
        check(w);
        require("LayerNorm::backward", "x", x, cache.mean.size());
        require("LayerNorm::backward", "dy", dy, x.cols());
        if constexpr (is_wanted<G>) sum_gradients(x, cache, dy, g);
        if constexpr (is_wanted<Dx>) {
            detail::reshape(dx, features_, x.cols());
            for (Index j = 0; j < x.cols(); ++j) {
                const S* weights = w.weights.data();
                project(x.col(j).data(), cache, j, dx.col(j).data(), times, dy.col(j).data(), weights);
            }
        }
    }

    /// dY = weight n' + dweight n + dbias, with n' = (dX - mean(dX) - n mean(dX n)) / deviation.
    template <class Dw>
    void tangent(const Parameters& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx, const BatchView<S>&,
                 const Cache& cache, Batch<S>& dy) const {
        namespace ei = Eigen::internal;
        check(w);
        require("LayerNorm::tangent", "x", x, cache.mean.size());
        require("LayerNorm::tangent", "dx", dx, x.cols());
        if constexpr (is_wanted<Dw>) check(dw);
        detail::reshape(dy, features_, x.cols());
        for (Index j = 0; j < x.cols(); ++j) {
            S* out = dy.col(j).data();
            const S mean = cache.mean[j], inverse = cache.inverse[j];
            project(x.col(j).data(), cache, j, out, itself, dx.col(j).data());
            if constexpr (is_wanted<Dw>) {
                canonical::combine(
                    out, features_,
                    [=](const auto& moved, const auto& v, const auto& weight, const auto& weight_d,
                        const auto& bias_d) {
                        return ei::pmadd(moved, weight, ei::pmadd(normal(v, mean, inverse), weight_d, bias_d));
                    },
                    static_cast<const S*>(out), x.col(j).data(), w.weights.data(), dw.weights.data(), dw.bias.data());
            } else {
                canonical::combine(out, features_, times, static_cast<const S*>(out), w.weights.data());
            }
        }
    }

    /// The product rule on backward: with a' the direction of a and q = mean(dX n),
    /// dX' = project(a') - (q dX_plain + n' mean(a n) + n mean(a n')) / deviation, where dX_plain is backward's result.
    template <class Dw, class Dx, class G>
    void backward_tangent(const Parameters& w, const Dw& dw, const BatchView<S>& x, const BatchView<S>& dx,
                          const BatchView<S>&, const Cache& cache, const BatchView<S>& above,
                          const BatchView<S>& above_tangent, Dx& dx_tangent, G& g) const {
        namespace ei = Eigen::internal;
        check(w);
        require("LayerNorm::backward_tangent", "x", x, cache.mean.size());
        require("LayerNorm::backward_tangent", "dx", dx, x.cols());
        require("LayerNorm::backward_tangent", "above", above, x.cols());
        require("LayerNorm::backward_tangent", "above_tangent", above_tangent, x.cols());
        if constexpr (is_wanted<Dw>) check(dw);
        if constexpr (is_wanted<G>) sum_gradients(x, cache, above_tangent, g);
        if constexpr (is_wanted<Dx>) detail::reshape(dx_tangent, features_, x.cols());
        for (Index j = 0; j < x.cols(); ++j) {
            const S* in = x.col(j).data();
            const S* direction = dx.col(j).data();
            const S* a = above.col(j).data();
            const S* weights = w.weights.data();
            const S mean = cache.mean[j], inverse = cache.inverse[j];
            const Means of_dx = means(in, cache, j, itself, direction);
            if constexpr (is_wanted<G>) {
                canonical::combine(
                    g.weights.data(), features_,
                    [=](const auto& so_far, const auto& v, const auto& d, const auto& p) {
                        return ei::pmadd(p, projected(d, normal(v, mean, inverse), of_dx, inverse), so_far);
                    },
                    static_cast<const S*>(g.weights.data()), in, direction, a);
            }
            if constexpr (is_wanted<Dx>) {
                S* out = dx_tangent.col(j).data();
                const S* change = above_tangent.col(j).data();
                if constexpr (is_wanted<Dw>) {
                    const auto both = [](const auto& da, const auto& weight, const auto& p, const auto& weight_d) {
                        return ei::pmadd(da, weight, ei::pmul(p, weight_d));
                    };
                    project(in, cache, j, out, both, change, weights, a, dw.weights.data());
                } else {
                    project(in, cache, j, out, times, change, weights);
                }
                const Means of_a = means(in, cache, j, times, a, weights);
                const auto moved = [=](const auto& v, const auto& d, const auto& p, const auto& weight) {
                    return ei::pmul(ei::pmul(p, weight), projected(d, normal(v, mean, inverse), of_dx, inverse));
                };
                const S mean_an = canonical::sum_of(features_, moved, in, direction, a, weights) / count();
                canonical::combine(
                    out, features_,
                    [=](const auto& so_far, const auto& v, const auto& d, const auto& p, const auto& weight) {
                        using P = std::decay_t<decltype(v)>;
                        const P n = normal(v, mean, inverse);
                        const P plain = projected(ei::pmul(p, weight), n, of_a, inverse);
                        const P turned = projected(d, n, of_dx, inverse);
                        P change_of_n = ei::pmul(n, ei::pset1<P>(mean_an));
                        change_of_n = ei::pmadd(turned, ei::pset1<P>(of_a.with_normal), change_of_n);
                        change_of_n = ei::pmadd(plain, ei::pset1<P>(of_dx.with_normal), change_of_n);
                        return ei::psub(so_far, ei::pmul(ei::pset1<P>(inverse), change_of_n));
                    },
                    static_cast<const S*>(out), in, direction, a, weights);
            }
        }
    }

    auto constants() noexcept { return std::tie(features_, epsilon_); }
    auto constants() const noexcept { return std::tie(features_, epsilon_); }
    void check() const {
        if (features_ < 0) {
            detail::raise<ShapeError>("LayerNorm", "features", std::to_string(features_), "not negative");
        }
        if (!(std::isfinite(epsilon_) && static_cast<S>(epsilon_) > S(0))) {
            detail::raise<DataError>("LayerNorm", "epsilon", std::to_string(epsilon_), "a finite value above 0");
        }
    }
    void check(const Parameters& w) const { w.check("LayerNorm", features_); }

    std::string describe() const { return "LayerNorm " + std::to_string(features_); }

private:
    struct Means {
        S plain, with_normal;  ///< mean(a) and mean(a n)
    };

    static constexpr auto times = [](const auto& p, const auto& q) { return Eigen::internal::pmul(p, q); };
    static constexpr auto itself = [](const auto& p) { return p; };

    S count() const noexcept { return static_cast<S>(features_); }

    void require(const char* where, const char* what, const BatchView<S>& m, Index samples) const {
        detail::require_shape(where, what, m, features_, samples);
    }

    template <class P>
    static P normal(const P& v, S mean, S inverse) {
        namespace ei = Eigen::internal;
        return detail::normalised(v, ei::pset1<P>(mean), ei::pset1<P>(inverse));
    }

    /// (a - mean(a) - n mean(a n)) / deviation, the derivative of normalising, which is its own transpose.
    template <class P>
    static P projected(const P& a, const P& n, const Means& m, S inverse) {
        namespace ei = Eigen::internal;
        const P centred = ei::psub(a, ei::pset1<P>(m.plain));
        return ei::pmul(ei::psub(centred, ei::pmul(n, ei::pset1<P>(m.with_normal))), ei::pset1<P>(inverse));
    }

    /// The means of a = f(in...) over the features of sample j.
    template <class F, class... In>
    Means means(const S* x, const Cache& cache, Index j, const F& f, const In*... in) const {
        const auto weighted = [&f, mean = cache.mean[j], inverse = cache.inverse[j]](const auto& v, const auto&... p) {
            return Eigen::internal::pmul(f(p...), normal(v, mean, inverse));
        };
        return {canonical::sum_of(features_, f, in...) / count(),
                canonical::sum_of(features_, weighted, x, in...) / count()};
    }

    template <class F, class... In>
    void project(const S* x, const Cache& cache, Index j, S* out, const F& f, const In*... in) const {
        const S mean = cache.mean[j], inverse = cache.inverse[j];
        const Means m = means(x, cache, j, f, in...);
        canonical::combine(
            out, features_,
            [&](const auto& v, const auto&... p) { return projected(f(p...), normal(v, mean, inverse), m, inverse); },
            x, in...);
    }

    /// Over the samples: dy n to g.weights, dy to g.bias.
    void sum_gradients(const BatchView<S>& x, const Cache& cache, const BatchView<S>& dy, Parameters& g) const {
        g.resize(features_);
        g.weights.setZero();
        g.bias.setZero();
        for (Index j = 0; j < x.cols(); ++j) {
            canonical::combine(
                g.weights.data(), features_,
                [mean = cache.mean[j], inverse = cache.inverse[j]](const auto& so_far, const auto& v, const auto& d) {
                    return Eigen::internal::pmadd(d, normal(v, mean, inverse), so_far);
                },
                static_cast<const S*>(g.weights.data()), x.col(j).data(), dy.col(j).data());
            g.bias += dy.col(j);
        }
    }

    Index features_;
    double epsilon_;
    Parameters parameters_;
};

}  // namespace renn::inline RENN_ABI
// renn/layers/max_pool.hpp - the largest value under a window.

#include <algorithm>
#include <concepts>
#include <limits>
#include <string>
#include <string_view>


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
// renn/layers/residual.hpp - a network plus its input.

#include <concepts>
#include <string>
#include <string_view>
#include <utility>


namespace renn::inline RENN_ABI {

/// Y = N(X) + X for a network N whose outputs are as many as its inputs: Residual(Network(Dense<float>(8, 8), ...)).
/// Walks go into N; its layers are "residual1/dense1" and so on, and are the ones that are traced.
///
/// Shapes   X, Y: features x n.
/// Throws   ShapeError if N does not keep the number of features.
/// Source   He et al. (2016), the identity shortcut.
template <class Net>
class Residual {
public:
    using Scalar = typename Net::Scalar;
    using Parameters = typename Net::Parameters;
    static constexpr std::string_view name = "Residual";
    static constexpr Wiring wiring = Wiring::residual;

    struct Cache {
        typename Net::Cache inner;
        Batch<Scalar> output;  ///< of N
        Batch<Scalar> share;   ///< scratch of a rule
    };

    Residual() = default;
    explicit Residual(Net net) : net_(std::move(net)) {
        static_assert(CompositeLayer<Net>, "renn::Residual: takes a network; Residual(Network(...))");
        check_sizes();
    }

    const Net& network() const noexcept { return net_; }
    Net& network() noexcept { return net_; }
    const Parameters& parameters() const noexcept { return net_.parameters(); }
    Parameters& parameters() noexcept { return net_.parameters(); }
    Index in_features() const noexcept {
        return net_.in_features() != Dynamic ? net_.in_features() : net_.out_features();
    }
    Index out_features() const noexcept { return in_features(); }
    bool mixes_samples() const noexcept { return net_.mixes_samples(); }
    void absorb(const Cache& cache) { net_.absorb(cache.inner); }

    void forward(const Parameters& w, const BatchView<Scalar>& x, Batch<Scalar>& y, Cache& cache,
                 const Pass& pass) const {
        NoVisit none;
        detail::Path path;
        walk(w, x, y, cache, pass, none, path);
    }

    template <class V>
    void walk(const Parameters& w, const BatchView<Scalar>& x, Batch<Scalar>& y, Cache& cache, const Pass& pass,
              V& visitor, detail::Path& path) const {
        net_.walk(w, x, cache.output, cache.inner, pass, visitor, path);
        detail::require_shape("Residual", "output of the network", cache.output, x.rows(), x.cols());
        y = cache.output + x;
    }

    template <class Dx, class G>
    void backward(const Parameters& w, const BatchView<Scalar>& x, const BatchView<Scalar>&, Cache& cache,
                  const BatchView<Scalar>& dy, Dx& dx, G& g) const {
        net_.backward(w, x, cache.output, cache.inner, dy, dx, g);
        if constexpr (is_wanted<Dx>) dx += dy;
    }

    template <class Rule, class Below>
    void walk_back(Rule& rule, const Parameters& w, const BatchView<Scalar>& x, const BatchView<Scalar>& y,
                   Cache& cache, const BatchView<Scalar>& above, Below& below, Parameters* gradient,
                   detail::Path& path) const {
        const BatchView<Scalar> through =
            share(rule, path.view(), BatchView<Scalar>(cache.output), y, above, cache.share);
        net_.walk_back(rule, w, x, cache.output, cache.inner, through, below, gradient, path);
        if constexpr (is_wanted<Below>) below += share(rule, path.view(), x, y, above, cache.share);
    }

    template <class Dw>
    void tangent(const Parameters& w, const Dw& dw, const BatchView<Scalar>& x, const BatchView<Scalar>& dx,
                 const BatchView<Scalar>&, Cache& cache, Batch<Scalar>& dy) const {
        net_.tangent(w, dw, x, dx, cache.output, cache.inner, dy);
        dy += dx;
    }

    template <class Dw, class G>
    void backward_tangent(const Parameters& w, const Dw& dw, const BatchView<Scalar>& x, const BatchView<Scalar>& dx,
                          const BatchView<Scalar>&, Cache& cache, const BatchView<Scalar>& above,
                          const BatchView<Scalar>& above_tangent, Batch<Scalar>& dx_tangent, G& g) const {
        net_.backward_tangent(w, dw, x, dx, cache.output, cache.inner, above, above_tangent, dx_tangent, g);
        dx_tangent += above_tangent;
    }

    template <class Self, class P, class F>
    static void for_each_child(Self& self, P& parameters, F&& f) {
        Net::for_each_child(self.net_, parameters, f);
    }

    const auto& names() const noexcept { return net_.names(); }
    template <class Names>
    void rename_all(Names new_names) {
        net_.rename_all(std::move(new_names));
    }

    std::string kinds() const { return std::string(name) + net_.kinds(); }
    std::string describe() const { return std::string(name) + " " + net_.describe(); }

    void take_kinds(std::string_view wanted, Parameters& parameters) {
        if (!wanted.starts_with(name)) {
            detail::raise<MismatchError>("network", "layers", std::string(wanted), kinds());
        }
        net_.take_kinds(wanted.substr(name.size()), parameters);
    }

    void check_sizes() const {
        net_.check_sizes();
        const Index in = net_.in_features(), out = net_.out_features();
        if (in != Dynamic && out != Dynamic && in != out) {
            detail::raise<ShapeError>("Residual", "out_features of the network", std::to_string(out),
                                      std::to_string(in) + ", its in_features");
        }
    }

private:
    Net net_;
};

}  // namespace renn::inline RENN_ABI
// renn/layers/standardize.hpp - preprocessing that travels with the network.

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>


namespace renn::inline RENN_ABI {

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

    /// Mean and standard deviation of every feature over the samples of x; a constant feature gets scale 1. Throws
    /// DataError for no samples and for values that are not finite.
    static Standardize of(const BatchView<S>& x) {
        const FeatureStatistics statistics = detail::statistics_of<S>("Standardize::of", x);
        return Standardize(statistics.shift<S>(), statistics.scale<S>());
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
    void backward(const Parameters& w, const BatchView<S>& x, const BatchView<S>&, const Cache&, const BatchView<S>& dy,
                  Dx& dx, G&) const {
        detail::require_shape("Standardize::backward", "dy", dy, x.rows(), x.cols());
        if constexpr (is_wanted<Dx>) map_transposed(w, dy, dx);
    }

    template <class Dw>
    void tangent(const Parameters& w, const Dw&, const BatchView<S>& x, const BatchView<S>& dx, const BatchView<S>&,
                 const Cache&, Batch<S>& dy) const {
        detail::require_shape("Standardize::tangent", "dx", dx, x.rows(), x.cols());
        map(w, dx, dy);
    }

    template <class Dw, class Dx, class G>
    void backward_tangent(const Parameters& w, const Dw&, const BatchView<S>& x, const BatchView<S>&,
                          const BatchView<S>& y, const Cache& cache, const BatchView<S>&,
                          const BatchView<S>& above_tangent, Dx& dx_tangent, G& g) const {
        backward(w, x, y, cache, above_tangent, dx_tangent, g);
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

}  // namespace renn::inline RENN_ABI
// renn/network/network.hpp - layers one after another, known when the program is compiled.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

// renn/core/with_index.hpp - a number known when the program runs as one known when it is compiled.

#include <cstddef>
#include <type_traits>
#include <utility>


namespace renn::inline RENN_ABI::detail {

/// f(std::integral_constant<std::size_t, I>) for the I that equals `index`.
template <std::size_t N, class F>
void with_index(std::size_t index, F&& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        static_cast<void>(((I == index && (f(std::integral_constant<std::size_t, I>{}), true)) || ...));
    }
    (std::make_index_sequence<N>{});
}

}  // namespace renn::inline RENN_ABI::detail
// renn/network/checked_layer.hpp - what the compiler can say about layers that stand one after another.

#include <type_traits>
#include <utility>


namespace renn::inline RENN_ABI::detail {

template <class L>
struct CheckedLayer {
    static_assert(Layer<L>, "renn::Network: this type is not a renn::Layer (see the concept in core/layer.hpp)");
    using Scalar = typename L::Scalar;
    using Parameters = typename L::Parameters;
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

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI {

template <class... Layers>
class Network;

namespace detail {

/// The parameters of all layers as one value.
template <class... Layers>
struct NetworkParameters {
    std::tuple<typename CheckedLayer<Layers>::Parameters...> layers;
    auto blocks() noexcept {
        return std::apply([](auto&... p) { return std::tie(p...); }, layers);
    }
    auto blocks() const noexcept {
        return std::apply([](const auto&... p) { return std::tie(p...); }, layers);
    }
};

template <class S, class... Layers>
struct NetworkCache {
    static constexpr std::size_t between = sizeof...(Layers) - 1;
    std::array<Batch<S>, between> outputs;  ///< of every layer but the last
    std::array<Batch<S>, between> deltas;   ///< what a reverse walk brings below every layer but the first
    std::array<Batch<S>, between> tangents, delta_tangents;
    std::tuple<typename Layers::Cache...> layers;
};

template <class... Layers>
using FirstScalar = typename CheckedLayer<std::tuple_element_t<0, std::tuple<Layers...>>>::Scalar;

template <class... Layers>
using NetworkSequence = LayerSequence<Network<Layers...>, FirstScalar<Layers...>, NetworkParameters<Layers...>,
                                      NetworkCache<FirstScalar<Layers...>, Layers...>>;

}  // namespace detail

/// Layers one after another. A network is itself a layer, so networks nest, and a value: copies share nothing.
///
/// Layers are named after their kind and number ("dense1", "relu1", "dense2"); rename() gives better names.
/// The parameters of all layers are one value, `Network::Parameters`, passed to every pass: a gradient, a mask or
/// another checkpoint may stand in its place. Everything but the layers themselves is in LayerSequence.
///
/// Throws   ShapeError where run-time sizes do not fit, naming the layer; fixed sizes are checked by the compiler.
/// Threads  const members may run on several threads at once, each with its own Workspace.
template <class... Layers>
class Network : public detail::NetworkSequence<Layers...> {
    static_assert((detail::CheckedLayer<Layers>::value && ...));
    using Base = detail::NetworkSequence<Layers...>;
    friend Base;
    friend typename Base::Tangents;

public:
    using typename Base::Scalar;
    static_assert((std::is_same_v<Scalar, typename Layers::Scalar> && ...),
                  "renn::Network: all layers must have the same Scalar");
    static constexpr std::string_view name = "Network";
    static constexpr Index fixed_in = detail::CheckedLayer<std::tuple_element_t<0, std::tuple<Layers...>>>::in;
    static constexpr Index fixed_out = detail::features_chain<fixed_in, Layers...>();
    static_assert(fixed_out >= Dynamic);  // not for its value: a constant that nobody asks for is not computed

    template <std::size_t I>
    using LayerType = std::tuple_element_t<I, std::tuple<Layers...>>;

    explicit Network(Layers... layers) : layers_(std::move(layers)...) {
        take_over();
        this->check_sizes();
    }

    /// Layers as they are by default, without sizes yet where the type does not say them; for loading.
    Network() requires(std::is_default_constructible_v<Layers>&&...) { take_over(); }

    static constexpr std::size_t size() noexcept { return sizeof...(Layers); }

    /// A layer as it is, but for its parameters: those are the network's.
    template <std::size_t I>
    const LayerType<I>& layer() const noexcept {
        return std::get<I>(layers_);
    }
    template <std::size_t I>
    LayerType<I>& layer() noexcept {
        return std::get<I>(layers_);
    }

    using Base::parameters;
    /// Those of one layer: `net.parameters<0>().weights`.
    template <std::size_t I>
    const typename LayerType<I>::Parameters& parameters() const noexcept {
        return std::get<I>(this->parameters_.layers);
    }
    template <std::size_t I>
    typename LayerType<I>::Parameters& parameters() noexcept {
        return std::get<I>(this->parameters_.layers);
    }

    /// Makes room for a network of these kinds(). Throws MismatchError unless they are this network's.
    void take_kinds(std::string_view wanted, typename Base::Parameters& /*of this network*/) {
        if (wanted != this->kinds()) {
            detail::raise<MismatchError>("network", "layers", std::string(wanted), this->kinds());
        }
    }

private:
    template <class F>
    static void dispatch(std::size_t i, F&& f) {
        detail::with_index<sizeof...(Layers)>(i, f);
    }
    template <std::size_t K, class Self>
    static auto& layer_at(Self& self, std::size_t) noexcept {
        return std::get<K>(self.layers_);
    }
    template <std::size_t K, class P>
    static auto& part(P& parameters, std::size_t) noexcept {
        return std::get<K>(parameters.layers);
    }
    template <std::size_t K, class C>
    static auto& cache_part(C& cache, std::size_t) noexcept {
        return std::get<K>(cache.layers);
    }
    static void prepare(typename Base::Cache&) noexcept {}
    static constexpr bool may_be_first(std::size_t k) noexcept { return k == 0; }
    static constexpr bool may_be_later(std::size_t k) noexcept { return k != 0; }

    void take_over() {
        [this]<std::size_t... I>(std::index_sequence<I...>) {
            ((std::get<I>(this->parameters_.layers) = detail::take_parameters(std::get<I>(layers_))), ...);
        }
        (std::index_sequence_for<Layers...>{});
        const std::array<std::string_view, sizeof...(Layers)> kinds{Layers::name...};
        for (std::size_t i = 0; i < kinds.size(); ++i) {
            int number = 1;
            for (std::size_t j = 0; j < i; ++j) number += kinds[j] == kinds[i];
            this->names_.push_back(detail::default_name(kinds[i], number));
        }
    }

    std::tuple<Layers...> layers_;
};

}  // namespace renn::inline RENN_ABI
// renn/network/sequential.hpp - the run-time network of all of renn's layers.

// renn/network/basic_sequential.hpp - layers one after another, known when the program runs.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>


namespace renn::inline RENN_ABI {

template <class S, class... Kinds>
class BasicSequential;

namespace detail {

/// A vector of a type that is completed later and that holds, some way down, what holds the vector. Asked whether it
/// can be copied, moved or destroyed it does not look at its elements, which would go round in a circle.
template <class T>
class Late {
public:
    // NOLINTBEGIN(modernize-use-equals-default, cert-oop54-cpp): defaulted, they would be asked of T; a vector can be
    // assigned to itself.
    Late() noexcept {}
    Late(const Late& other) : values_(other.values_) {}
    Late(Late&& other) noexcept : values_(std::move(other.values_)) {}
    Late& operator=(const Late& other) {
        values_ = other.values_;
        return *this;
    }
    Late& operator=(Late&& other) noexcept {
        values_ = std::move(other.values_);
        return *this;
    }
    ~Late() {}
    // NOLINTEND(modernize-use-equals-default, cert-oop54-cpp)

    std::vector<T>& operator*() noexcept { return values_; }
    const std::vector<T>& operator*() const noexcept { return values_; }
    std::vector<T>* operator->() noexcept { return &values_; }
    const std::vector<T>* operator->() const noexcept { return &values_; }
    T& operator[](std::size_t i) noexcept { return values_[i]; }
    const T& operator[](std::size_t i) const noexcept { return values_[i]; }

private:
    std::vector<T> values_;
};

/// The kinds of layers a run-time network may hold: those given, and itself in the three ways networks nest.
template <class S, class... Kinds>
struct RunTimeKinds {
    using Self = BasicSequential<S, Kinds...>;
    using Layer = std::variant<Kinds..., Self, Residual<Self>, Concatenate<Self, Self>>;
    static constexpr std::size_t count = sizeof...(Kinds) + 3;
    static constexpr std::size_t nested = sizeof...(Kinds);  ///< place of Self
};

template <class S, class... Kinds>
struct RunTimeParameters {
    struct Part;
    static constexpr bool is_run_time = true;
    Late<Part> layers;

    template <class F, class First, class... Others>
    static void zip(F&& f, First& first, Others&... others) {
        for (std::size_t i = 0; i < first.layers->size(); ++i) {
            with_index<RunTimeKinds<S, Kinds...>::count>(first.layers[i].value.index(), [&](auto k) {
                f(std::get<k>(first.layers[i].value), std::get<k>(others.layers[i].value)...);
            });
        }
    }
};

template <class S, class... Kinds>
struct RunTimeCache {
    struct Part;
    std::vector<Batch<S>> outputs, deltas, tangents, delta_tangents;
    Late<Part> layers;
};

template <class Variant>
struct PartsOf;
template <class... Ls>
struct PartsOf<std::variant<Ls...>> {
    using Parameters = std::variant<typename Ls::Parameters...>;
    using Cache = std::variant<typename Ls::Cache...>;
    static constexpr std::array<std::string_view, sizeof...(Ls)> names{Ls::name...};
};

template <class S, class... Kinds>
struct RunTimeParameters<S, Kinds...>::Part {
    typename PartsOf<typename RunTimeKinds<S, Kinds...>::Layer>::Parameters value;
};
template <class S, class... Kinds>
struct RunTimeCache<S, Kinds...>::Part {
    typename PartsOf<typename RunTimeKinds<S, Kinds...>::Layer>::Cache value;
};

template <class S, class... Kinds>
using RunTimeSequence =
    LayerSequence<BasicSequential<S, Kinds...>, S, RunTimeParameters<S, Kinds...>, RunTimeCache<S, Kinds...>>;

}  // namespace detail

/// A network whose layers are only known at run time, each of one of the given kinds (or a nested network, a Residual
/// or a Concatenate of two). The same numbers as the Network of the same layers, bit for bit, and the same file.
/// `Sequential<S>` has all of renn's layers; with a layer of your own: BasicSequential<float, Dense<float>, MyLayer>.
///
/// A layer's type may differ from its kind in what only matters to the compiler: Dense<float, 3, 4> is held as
/// Dense<float>. Without layers it hands its input on.
///
/// Throws   ShapeError where sizes do not fit, naming the layer.
/// Threads  const members may run on several threads at once, each with its own Workspace.
template <class S, class... Kinds>
class BasicSequential : public detail::RunTimeSequence<S, Kinds...> {
    using Base = detail::RunTimeSequence<S, Kinds...>;
    using All = detail::RunTimeKinds<S, Kinds...>;
    friend Base;
    friend typename Base::Tangents;

public:
    static constexpr std::string_view name = "Sequential";
    using typename Base::Cache;
    using typename Base::Parameters;

    BasicSequential() = default;

    /// Sequential<float>(Dense<float>(3, 4), ReLU<float>(), Dense<float>(4, 2)). A single network is not nested but
    /// taken over, layer by layer, with its names.
    template <class First, class... Rest>
        requires(!std::is_same_v<First, BasicSequential>)
    explicit BasicSequential(const First& first, const Rest&... rest) {
        if constexpr (sizeof...(Rest) == 0 && requires { requires First::wiring == Wiring::chain; }) {
            take(first, first.parameters());
        } else {
            add(first);
            (add(rest), ...);
        }
        this->check_sizes();
    }

    std::size_t size() const noexcept { return layers_->size(); }

    /// Appends a layer with its parameters; it is named after its kind and number. Throws ShapeError if it does not
    /// take what comes out before it; then nothing has changed.
    template <class L>
    BasicSequential& add(const L& layer) {
        return add(layer, layer.parameters());
    }
    /// The same with these parameters in place of the layer's own.
    template <class L>
    BasicSequential& add(const L& layer, const typename L::Parameters& parameters) {
        std::string free_name;
        for (int number = 1; free_name.empty(); ++number) {
            free_name = detail::default_name(L::name, number);
            for (const std::string& taken : this->names_) {
                if (taken == free_name) free_name.clear();
            }
        }
        detail::Flow flow = this->flow();
        flow.pass(layer, name, free_name);
        append(layer, parameters);
        this->names_.push_back(std::move(free_name));
        return *this;
    }

    /// Calls f(layer, parameters) for the layer at a place. Throws DataError if there is none.
    template <class F>
    void visit(std::size_t place, F&& f) const {
        if (place >= size()) {
            detail::raise<DataError>("Sequential::visit", "layer", std::to_string(place),
                                     "0.." + std::to_string(static_cast<Index>(size()) - 1));
        }
        dispatch(place, [&](auto k) { f(layer_at<k>(*this, place), part<k>(this->parameters_, place)); });
    }

    /// Becomes a network of these kinds(), as they are by default and without sizes. Throws MismatchError for a kind it
    /// does not know.
    void take_kinds(std::string_view wanted, Parameters& parameters) {
        const auto refuse = [&](std::string_view got) {
            detail::raise<MismatchError>("Sequential", "kind of a layer", got,
                                         "one of " + detail::joined(names_of_kinds()));
        };
        if (wanted.size() < 2 || wanted.front() != '[' || wanted.back() != ']') refuse(wanted);
        layers_->clear();
        this->names_.clear();
        parameters.layers->clear();
        std::string_view rest = wanted.substr(1, wanted.size() - 2);
        while (!rest.empty()) {
            int depth = 0;
            std::size_t end = 0;
            for (; end < rest.size() && (depth > 0 || rest[end] != ','); ++end) {
                depth += rest[end] == '[' ? 1 : rest[end] == ']' ? -1 : 0;
                if (depth > 32) refuse("networks nested more than 32 deep");
            }
            const std::string_view one = rest.substr(0, end);
            const std::string_view kind = one.substr(0, one.find('['));
            std::size_t at = kind.empty() ? All::nested : 0;
            while (at < names_of_kinds().size() && names_of_kinds()[at] != kind && !kind.empty()) ++at;
            if (at == names_of_kinds().size()) refuse(one);
            detail::with_index<All::count>(at, [&](auto k) { append_default<k>(one, parameters); });
            this->names_.push_back(detail::default_name("layer", static_cast<int>(layers_->size())));
            rest = rest.substr(std::min(rest.size(), end + 2));
        }
    }

private:
    struct Held {
        typename All::Layer value;
    };
    static constexpr const auto& names_of_kinds() noexcept { return detail::PartsOf<typename All::Layer>::names; }

    template <class F>
    void dispatch(std::size_t i, F&& f) const {
        detail::with_index<All::count>(layers_[i].value.index(), f);
    }
    template <std::size_t K, class Self>
    static auto& layer_at(Self& self, std::size_t i) {
        return std::get<K>(self.layers_[i].value);
    }
    template <std::size_t K, class P>
    static auto& part(P& parameters, std::size_t i) {
        return std::get<K>(parameters.layers[i].value);
    }
    template <std::size_t K, class C>
    static auto& cache_part(C& cache, std::size_t i) {
        return std::get<K>(cache.layers[i].value);
    }
    static constexpr bool may_be_first(std::size_t) noexcept { return true; }
    static constexpr bool may_be_later(std::size_t) noexcept { return true; }

    void prepare(Cache& cache) const {
        const std::size_t between = size() == 0 ? 0 : size() - 1;
        for (auto* buffers : {&cache.outputs, &cache.deltas, &cache.tangents, &cache.delta_tangents}) {
            if (buffers->size() != between) buffers->resize(between);
        }
        if (cache.layers->size() != size()) cache.layers->resize(size());
        for (std::size_t i = 0; i < size(); ++i) {
            dispatch(i, [&](auto k) {
                auto& inner = cache.layers[i].value;
                if (inner.index() != k) inner.template emplace<k>();
            });
        }
    }

    /// The kind that holds layers of a name: every way to write a network is a nested Sequential here.
    static constexpr std::size_t kind_of(std::string_view wanted) {
        if (wanted == "Network") return All::nested;
        std::size_t k = 0;
        while (k < names_of_kinds().size() && names_of_kinds()[k] != wanted) ++k;
        return k;
    }

    /// A layer of any type as one of its kind: constants and parameters are taken over, what is nested likewise.
    template <class L, class W>
    void append(const L& layer, const W& weights) {
        constexpr std::size_t k = kind_of(L::name);
        static_assert(k < All::count, "renn::Sequential: this kind of layer is not among its kinds");
        if constexpr (k < All::count) {
            Held held{typename All::Layer(std::in_place_index<k>)};
            typename Parameters::Part part{decltype(Parameters::Part::value)(std::in_place_index<k>)};
            copy(layer, weights, std::get<k>(held.value), std::get<k>(part.value));
            layers_->push_back(std::move(held));
            this->parameters_.layers->push_back(std::move(part));
        }
    }

    template <class From, class P, class To, class Q>
    static void copy(const From& from, const P& weights, To& to, Q& kept) {
        if constexpr (std::is_same_v<From, To>) {
            to = from;
            kept = weights;
            if constexpr (!CompositeLayer<To> && requires { to.parameters() = Q{}; }) to.parameters() = Q{};
        } else if constexpr (std::is_same_v<To, BasicSequential>) {
            to.take(from, weights);
            kept = std::exchange(to.parameters(), {});
        } else if constexpr (requires { requires From::wiring == Wiring::residual; }) {
            copy(from.network(), weights, to.network(), kept);
        } else if constexpr (CompositeLayer<From>) {
            static_assert(From::size == To::size, "renn::Sequential: a Concatenate here has two branches; nest them");
            copy(from.template branch<0>(), std::get<0>(weights.branches), to.template branch<0>(),
                 std::get<0>(kept.branches));
            copy(from.template branch<1>(), std::get<1>(weights.branches), to.template branch<1>(),
                 std::get<1>(kept.branches));
        } else {
            if constexpr (requires { to.constants(); }) to.constants() = from.constants();
            if constexpr (requires { weights.blocks(); }) kept.blocks() = weights.blocks();
        }
    }

    /// Layers, parameters and names of a network of any type.
    template <class Net, class W>
    void take(const Net& net, const W& parameters) {
        Net::for_each_child(net, parameters, [this](const std::string& given, const auto& layer, const auto& weights) {
            append(layer, weights);
            this->names_.push_back(given);
        });
    }

    template <std::size_t K>
    void append_default(std::string_view kinds, Parameters& parameters) {
        Held held{typename All::Layer(std::in_place_index<K>)};
        typename Parameters::Part part{decltype(Parameters::Part::value)(std::in_place_index<K>)};
        auto& layer = std::get<K>(held.value);
        if constexpr (CompositeLayer<std::remove_cvref_t<decltype(layer)>>) {
            layer.take_kinds(kinds, std::get<K>(part.value));
        }
        layers_->push_back(std::move(held));
        parameters.layers->push_back(std::move(part));
    }

    detail::Late<Held> layers_;
};

}  // namespace renn::inline RENN_ABI

namespace renn::inline RENN_ABI {

/// Sequential<float>(Dense<float>(784, 128), ReLU<float>(), Dense<float>(128, 10)), or layer by layer with add().
template <class S = float>
using Sequential =
    BasicSequential<S, Dense<S>, Conv1d<S>, Conv2d<S>, MaxPool2d<S>, AvgPool2d<S>, GlobalAvgPool<S>, BatchNorm<S>,
                    LayerNorm<S>, Standardize<S>, Dropout<S>, Flatten<S>, Identity<S>, ReLU<S>, LeakyReLU<S>, ELU<S>,
                    Sigmoid<S>, Tanh<S>, Softplus<S>, LeakySoftplus<S>, SiLU<S>, GELU<S>, GELUTanh<S>, Softmax<S>>;

}  // namespace renn::inline RENN_ABI
// renn/network/summary.hpp - a network as a table: layers, shapes, parameters, what a recording takes.

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>


namespace renn::inline RENN_ABI {

/// A network's layers with what each puts out and costs. Prints as a table.
struct Summary {
    /// One layer.
    struct Row {
        std::string path;    ///< "residual1/dense2"
        std::string layer;   ///< "Dense 784 -> 128"
        std::string output;  ///< of a sample: "128", "16 x 28 x 28", or "?" where only run time knows
        Index parameters = 0;
        Index store_bytes = 0;    ///< that a recording of everything keeps for a sample; 0 if it keeps nothing
        bool store_known = true;  ///< false where the output is not known
    };
    std::vector<Row> rows;

    Index parameters() const noexcept {
        Index sum = 0;
        for (const Row& row : rows) sum += row.parameters;
        return sum;
    }
    /// Bytes a sample of a recording of everything; see Selection for less.
    Index store_bytes() const noexcept {
        Index sum = 0;
        for (const Row& row : rows) sum += row.store_bytes;
        return sum;
    }

    template <std::derived_from<std::ostream> Out>
    friend Out& operator<<(Out& out, const Summary& summary) {
        std::vector<std::array<std::string, 5>> cells{{"name", "layer", "output", "parameters", "store bytes"}};
        for (const Row& r : summary.rows) {
            cells.push_back({r.path, r.layer, r.output, std::to_string(r.parameters),
                             r.store_known ? std::to_string(r.store_bytes) : "?"});
        }
        cells.push_back({"total", "", "", std::to_string(summary.parameters()), std::to_string(summary.store_bytes())});
        std::array<std::size_t, 5> width{};
        for (const auto& row : cells) {
            for (std::size_t c = 0; c < width.size(); ++c) width[c] = std::max(width[c], row[c].size());
        }
        for (const auto& row : cells) {
            std::string line;
            for (std::size_t c = 0; c < width.size(); ++c) {
                const std::string space(width[c] - row[c].size(), ' ');
                line += (c == 0 ? "" : "  ") + (c < 3 ? row[c] + space : space + row[c]);
            }
            out << line << '\n';
        }
        return out;
    }
};

namespace detail {

template <class Net, class P>
void summarise(const Net& net, const P& parameters, Flow flow, Path& path, Summary& summary) {
    const Flow at_input = flow;
    bool behind_parameters = false;  // an elementwise activation there is recomputed, not stored
    Net::for_each_child(net, parameters, [&](const std::string& name, const auto& layer, const auto& weights) {
        using L = std::remove_cvref_t<decltype(layer)>;
        const auto guard = path.enter(name);
        if constexpr (Net::wiring == Wiring::side_by_side) flow = at_input;
        const Flow before = flow;
        flow.pass(layer, Net::name, name);
        if constexpr (CompositeLayer<L>) {
            summarise(layer, weights, before, path, summary);
            behind_parameters = false;
        } else {
            Summary::Row row;
            row.path = path.view();
            row.layer = describe(layer);
            row.output = flow.shape.size() > 0   ? flow.shape.text()
                         : flow.width != Dynamic ? std::to_string(flow.width)
                                                 : "?";
            row.parameters = parameter_count(weights);
            row.store_known = flow.width != Dynamic;
            constexpr bool activation = requires {
                requires L::is_activation;
            };
            constexpr bool elementwise = requires(const typename L::Scalar* in, typename L::Scalar* out) {
                layer.apply(in, out, Index{});
            };
            const bool has_parameters = parameter_count(weights) > 0;
            const bool stored = activation ? !(elementwise && behind_parameters) : has_parameters;
            if (stored && row.store_known) {
                row.store_bytes = flow.width * static_cast<Index>(sizeof(typename L::Scalar));
            }
            behind_parameters = has_parameters;
            summary.rows.push_back(std::move(row));
        }
    });
}

}  // namespace detail

/// `std::cout << summary(net)`: a table of its layers, also of those in nested networks.
template <CompositeLayer Net>
Summary summary(const Net& net) {
    Summary result;
    detail::Path path;
    detail::Flow flow;
    flow.width = net.in_features();
    detail::summarise(net, net.parameters(), flow, path, result);
    return result;
}

}  // namespace renn::inline RENN_ABI
// renn/retrace/blend.hpp - one vector out of many sources: what a neuron, a layer or the network "sees".

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>


namespace renn::inline RENN_ABI {
namespace detail {

inline void require_amounts(const char* where, const char* what, std::span<const double> amounts) {
    for (std::size_t i = 0; i < amounts.size(); ++i) {
        if (amounts[i] >= 0.0 && std::isfinite(amounts[i])) continue;
        raise<DataError>(where, std::string(what) + " " + std::to_string(i), std::to_string(amounts[i]),
                         "a finite value, 0 or more");
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
/// The same from the votes of sources.
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
/// The same from the distances of neighbours.
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
/// The same from the distances of neighbours.
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
Column<typename D::Scalar> blend(ListView<double> weights, const Eigen::MatrixBase<D>& vectors) {
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
Column<S> blend(ListView<double> weights, ListView<std::uint64_t> ids, const Dataset<S>& data) {
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
Column<S> blend_targets(ListView<double> weights, ListView<std::uint64_t> ids, const Dataset<S>& data) {
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

/// Blend of recorded activations of one place: what its neurons "remember", to be held against the query's own.
/// `blend_activations(weights, ids, traced.index(), "relu1")`; a channel in several dimensions gives their mean.
///
/// Shapes   weights: one an id; the result has one entry a recorded unit.
/// Throws   ShapeError if weights and ids differ in number, DataError for an unknown id or place.
template <class I>
Column<typename I::Scalar> blend_activations(ListView<double> weights, ListView<std::uint64_t> ids, const I& index,
                                             std::string_view place) {
    detail::require_weight_each("blend_activations", weights.size(), ids.size());
    const auto& points = index.store().points;
    const auto point = std::find_if(points.begin(), points.end(), [&](const Point& p) { return p.name == place; });
    if (point == points.end()) {
        detail::raise_unknown("blend_activations", "place", place, points, [](const Point& p) { return p.name; });
    }
    Column<double> sum = Column<double>::Zero(point->count());
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const auto sample = static_cast<std::uint32_t>(index.store().position_of(ids[i]));
        for (Index u = 0; u < sum.size(); ++u) {
            const Unit unit{static_cast<std::uint32_t>(point - points.begin()), static_cast<std::uint32_t>(u)};
            sum[u] += weights[i] * static_cast<double>(index.value(unit, sample));
        }
    }
    return sum.template cast<typename I::Scalar>();
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

}  // namespace renn::inline RENN_ABI
// renn/retrace/trace.hpp - makes a traced network of a network or of any code, with its index and its store.

#include <type_traits>
#include <utility>


namespace renn::inline RENN_ABI {

/// trace(net) or trace<Sorted>(net): the network unchanged, ready to record.
template <class Policy = KdTree, CompositeLayer Net>
auto trace(Net net, Selection selection = {}) {
    return TracedNetwork<Net, MemoryStore<typename Net::Scalar>, Policy>(std::move(net), std::move(selection));
}

/// trace<Sorted, Float16>(net): the same with values kept as an encoding of tracing/reduced.hpp makes them.
template <class Policy, class E, CompositeLayer Net>
    requires Encoding<E, typename Net::Scalar>
auto trace(Net net, Selection selection = {}) {
    return TracedNetwork<Net, MemoryStore<typename Net::Scalar, E>, Policy>(std::move(net), std::move(selection));
}

/// trace<Sorted, PackedStore>(net): the same with what is recorded kept otherwise, in a store made of a MemoryStore
/// (tracing/sorted_store.hpp, tracing/packed_store.hpp).
template <class Policy, template <class> class Store, CompositeLayer Net>
auto trace(Net net, Selection selection = {}) {
    return TracedNetwork<Net, Store<typename Net::Scalar>, Policy>(std::move(net), std::move(selection));
}

/// trace<Sorted>(net, FileStore<float>::open("digits.store")): with a store recorded earlier. Throws MismatchError if
/// it belongs to another network.
template <class Policy = KdTree, CompositeLayer Net, ActivationStore Store>
auto trace(Net net, Store store) {
    return TracedNetwork<Net, Store, Policy>(std::move(net), std::move(store));
}

/// trace(callable): any code that takes a matrix, features x samples, and reports named matrices to a probe. It runs on
/// one thread unless the options allow more.
template <class Policy = KdTree, class S = float, class F>
    requires Probed<S, F>
auto trace(F function, ForeignOptions options = {}, Selection selection = {}) {
    using Model = Foreign<S, F>;
    return TracedNetwork<Model, MemoryStore<S>, Policy>(Model(std::move(function), options), std::move(selection));
}

/// The same for foreign code.
template <class Policy = KdTree, class S = float, class F, ActivationStore Store>
    requires Probed<S, F>
auto trace(F function, Store store, ForeignOptions options = {}) {
    using Model = Foreign<S, F>;
    return TracedNetwork<Model, Store, Policy>(Model(std::move(function), options), std::move(store));
}

/// trace_each([] { return MyNetwork(); }): foreign code that keeps state, made anew for each thread.
template <class Policy = KdTree, class S = float, class F>
    requires Probed<S, std::invoke_result_t<F&>>
auto trace_each(F make, ForeignOptions options = {}, Selection selection = {}) {
    using Model = Foreign<S, F>;
    return TracedNetwork<Model, MemoryStore<S>, Policy>(Model(std::move(make), options), std::move(selection));
}

}  // namespace renn::inline RENN_ABI
// renn/training/fit.hpp - mini-batch training.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

// renn/training/batch_gradient.hpp - loss and gradient of a batch, computed in chunks on any number of threads.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

// renn/core/team.hpp - threads that stay for many short loops, with errors that reach the caller.

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// Helpers beside the calling thread. Between loops they look out for work for a moment, then sleep. A thread that the
/// system refuses is done without.
///
/// Tasks are handed out one by one, so a helper whose core is taken delays at most the task it has begun, and one that
/// wakes up late finds nothing left to do.
class Team {
public:
    explicit Team(int threads) {
        catching(
            [&] {
                helpers_.reserve(static_cast<std::size_t>(threads > 1 ? threads - 1 : 0));
                for (int i = 1; i < threads; ++i) helpers_.emplace_back([this] { serve(); });
            },
            [](const std::exception_ptr&) {});
    }
    ~Team() {
        stop_.store(true, std::memory_order_relaxed);
        call();
    }
    Team(const Team&) = delete;
    Team& operator=(const Team&) = delete;

    /// Calls work(task) for every task in 0..tasks-1, each once, on any thread; returns when all are done. If tasks
    /// throw, the error of the first of them is thrown then. Allocates nothing.
    template <class Work>
    void run(Index tasks, const Work& work) {
        if (helpers_.empty() || tasks < 2) {
            for (Index task = 0; task < tasks; ++task) work(task);
            return;
        }
        work_ = &work;
        call_ = [](const void* w, Index task) { (*static_cast<const Work*>(w))(task); };
        tasks_ = failed_ = tasks;
        unfinished_.store(tasks, std::memory_order_relaxed);
        waiting_.store(tasks, std::memory_order_release);  // from here on a late helper may join in
        call();
        take_tasks();
        for (Index left = 0; (left = patiently(unfinished_, [](Index n) { return n == 0; })) != 0;) {
            unfinished_.wait(left, std::memory_order_acquire);
        }
        if (failed_ < tasks) {
            const std::exception_ptr error = error_;
            error_ = nullptr;
            std::rethrow_exception(error);
        }
    }

private:
    /// Looks at a number until `enough` says so, about 50 us at most, and lets others run meanwhile.
    template <class T, class Enough>
    static T patiently(const std::atomic<T>& number, Enough&& enough) {
        T seen = number.load(std::memory_order_acquire);
        for (int i = 0; i < 200 && !enough(seen); ++i) {
            std::this_thread::yield();
            seen = number.load(std::memory_order_acquire);
        }
        return seen;
    }

    void call() {
        calls_.fetch_add(1, std::memory_order_release);
        calls_.notify_all();
    }

    /// A number taken from waiting_ that is above 0 is a task, and what belongs to it does not change before it is
    /// finished.
    void take_tasks() {
        for (Index ticket = 0; (ticket = waiting_.fetch_sub(1, std::memory_order_acq_rel)) > 0;) {
            const Index task = tasks_ - ticket;
            catching([&] { call_(work_, task); },
                     [&](const std::exception_ptr& caught) {
                         const std::lock_guard lock(error_guard_);
                         if (task < failed_) {
                             failed_ = task;
                             error_ = caught;
                         }
                     });
            if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1) unfinished_.notify_one();
        }
    }

    void serve() {
        for (std::uint32_t answered = 0;;) {
            const std::uint32_t last = answered;
            while ((answered = patiently(calls_, [last](std::uint32_t n) { return n != last; })) == last) {
                calls_.wait(last, std::memory_order_acquire);
            }
            if (stop_.load(std::memory_order_relaxed)) return;
            take_tasks();
        }
    }

    const void* work_ = nullptr;
    void (*call_)(const void*, Index) = nullptr;
    Index tasks_ = 0;
    Index failed_ = 0;  ///< the first task that threw, or tasks_
    std::exception_ptr error_;
    std::mutex error_guard_;
    std::atomic<Index> waiting_{0}, unfinished_{0};
    std::atomic<std::uint32_t> calls_{0};
    std::atomic<bool> stop_{false};
    std::vector<std::jthread> helpers_;  // last: joined before the rest goes
};

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI::detail {

/// Whether a training pass of the network mixes the samples of a batch, which then cannot be taken apart.
template <class Net>
bool mixes_samples(const Net& net) {
    if constexpr (requires { static_cast<bool>(net.mixes_samples()); }) {
        return static_cast<bool>(net.mixes_samples());
    } else {
        return false;
    }
}

/// The gradient of a step, from one batch or several.
///
/// A batch is cut into chunks that depend on its size and on nothing else. Each has its own workspace and gradient,
/// and gradients are added in ascending order, element by element; so whoever computes which chunk when, the bits are
/// the same. Batches up to `chunk_width` are one chunk, whose gradient is the step's as it is.
template <class Net>
class BatchGradient {
    using S = typename Net::Scalar;
    using Parameters = typename Net::Parameters;

public:
    static constexpr Index chunk_width = 64;
    static constexpr Index most_chunks = 8;

    BatchGradient(const Net& net, Index batch, int threads)
        : whole_(mixes_samples(net)), batch_(batch), team_(thread_count(threads, chunks_of(batch))) {
        const auto most = static_cast<std::size_t>(chunks_of(batch));
        gradients_ = std::vector<Parameters>(most, zeros_like(net.parameters()));
        for (auto& set : chunks_) set = std::vector<Chunk>(most);
        std::size_t block = 0;
        for_each_block([&](const auto& b) { add_pieces(block++, b.size()); }, net.parameters());
        sums_ = std::vector<S*>(block);
        blocks_ = std::vector<std::vector<S*>>(most, sums_);
    }

    /// Adds the samples at the given positions; `first` and `last` of a step. Nothing if a loss is not finite.
    template <class L>
    std::optional<BatchMeasures> add(const Net& net, const Dataset<S>& data, std::span<const Index> positions,
                                     const Pass& pass, const L& loss, bool first, bool last) {
        const auto count = static_cast<Index>(positions.size());
        const Index chunks = chunks_of(count);
        const bool alone = chunks == 1 && first && last;
        latest_ = std::span(chunks_[count == batch_ ? 0 : 1]).first(static_cast<std::size_t>(chunks));
        team_.run(chunks, [&](Index c) {
            const Index from = c * count / chunks, upto = (c + 1) * count / chunks;
            const auto at = static_cast<std::size_t>(c);
            latest_[at].run(net, data,
                            positions.subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(upto - from)),
                            pass, loss, alone, gradients_[at]);
        });
        BatchMeasures sums;
        for (const Chunk& chunk : latest_) {
            if (!std::isfinite(chunk.measures.loss)) return std::nullopt;
            sums.add(chunk.measures);
        }
        weight_ = (first ? 0.0 : weight_) + sums.weight;
        if (first && last) {
            gradient_ = &gradients_.front();
        } else {
            if (!sum_) sum_ = gradients_.front();
            gradient_ = &*sum_;
        }
        if (!alone) reduce(static_cast<std::size_t>(chunks), first, last);
        return sums;
    }

    /// After the last batch of a step: the derivative of the mean loss over all its samples.
    Parameters& gradient() noexcept { return *gradient_; }

    /// Lets layers that learn from a pass other than by gradient see the latest one.
    void absorb_into(Net& net) {
        if constexpr (requires(Chunk & chunk) { net.absorb(chunk.workspace.cache); }) {
            for (Chunk& chunk : latest_) net.absorb(chunk.workspace.cache);
        }
    }

private:
    static constexpr Index piece_length = 4096;
    struct Piece {
        std::size_t block;
        Index first, count;
    };

    struct Chunk {
        Batch<S> x, targets, slope;
        std::vector<std::int32_t> labels;
        std::vector<std::uint64_t> ids;
        Workspace<Net> workspace;
        BatchMeasures measures;

        /// Unless it is the whole step, a chunk's gradient is that of its summed loss: the mean comes with the sum.
        template <class L>
        void run(const Net& net, const Dataset<S>& data, std::span<const Index> positions, Pass pass, const L& loss,
                 bool alone, Parameters& gradient) {
            const Targets<S> wanted = load(data, positions);
            pass.ids = ids;
            const Batch<S>& y = net.forward(x, workspace, pass);
            measures = measure<S>(loss, y, wanted, slope);
            if (!std::isfinite(measures.loss)) return;
            if (!alone) slope *= static_cast<S>(measures.weight);
            NotWanted input_gradient;
            net.reverse_walk(ParameterGradient{}, x, workspace, slope, input_gradient, &gradient);
        }

        Targets<S> load(const Dataset<S>& data, std::span<const Index> positions) {
            data.inputs(positions, x);
            ids.resize(positions.size());
            labels.resize(data.has_labels() ? positions.size() : 0);
            const Index wanted = data.targets().rows();
            if (data.has_targets()) reshape(targets, wanted, static_cast<Index>(positions.size()));
            for (std::size_t j = 0; j < positions.size(); ++j) {
                const auto at = static_cast<std::size_t>(positions[j]);
                ids[j] = data.ids()[at];
                if (data.has_labels()) labels[j] = data.labels()[at];
                if (data.has_targets()) {
                    const S* from = data.targets().data() + wanted * positions[j];
                    std::copy_n(from, wanted, targets.data() + wanted * static_cast<Index>(j));
                }
            }
            return {labels, data.has_targets() ? &targets : nullptr};
        }
    };

    Index chunks_of(Index count) const noexcept {
        return whole_ ? 1 : std::clamp<Index>((count + chunk_width - 1) / chunk_width, 1, most_chunks);
    }

    void add_pieces(std::size_t block, Index size) {
        for (Index i = 0; i < size; i += piece_length) {
            pieces_.push_back({block, i, std::min(piece_length, size - i)});
        }
    }

    static void collect(Parameters& parameters, std::vector<S*>& blocks) {
        for_each_block([to = blocks.begin()](auto& b) mutable { *to++ = b.data(); }, parameters);
    }

    /// Adds the chunks' gradients to the step's; the last time divides by what the mean is over.
    void reduce(std::size_t chunks, bool first, bool last) {
        namespace ei = Eigen::internal;
        for (std::size_t c = 0; c < chunks; ++c) collect(gradients_[c], blocks_[c]);
        collect(*gradient_, sums_);
        const bool in_place = gradient_ == &gradients_.front();
        const S share = last ? static_cast<S>(weight_ > 0.0 ? 1.0 / weight_ : 0.0) : S(1);
        team_.run(static_cast<Index>(pieces_.size()), [&](Index p) {
            const Piece& piece = pieces_[static_cast<std::size_t>(p)];
            S* sum = sums_[piece.block] + piece.first;
            const S* const so_far = sum;
            for (std::size_t c = in_place ? 1 : 0; c < chunks; ++c) {
                const S* more = blocks_[c][piece.block] + piece.first;
                if (first && !in_place && c == 0) {
                    std::copy_n(more, piece.count, sum);
                } else {
                    const auto add = [](const auto& a, const auto& b) { return ei::padd(a, b); };
                    canonical::combine(sum, piece.count, add, so_far, more);
                }
            }
            const auto scaled = [share]<class P>(const P& a) { return ei::pmul(a, ei::pset1<P>(share)); };
            if (last) canonical::transform(so_far, sum, piece.count, scaled);
        });
    }

    bool whole_;
    Index batch_;
    std::array<std::vector<Chunk>, 2> chunks_;  ///< of full batches and of an epoch's last: nothing is resized
    std::span<Chunk> latest_;
    std::vector<Parameters> gradients_;  ///< one a chunk
    std::optional<Parameters> sum_;      ///< of several batches
    Parameters* gradient_ = nullptr;
    double weight_ = 0.0;
    std::vector<Piece> pieces_;
    std::vector<std::vector<S*>> blocks_;
    std::vector<S*> sums_;
    Team team_;  // last: its threads end first
};

}  // namespace renn::inline RENN_ABI::detail
// renn/training/frozen.hpp - layers that training leaves alone.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>


namespace renn::inline RENN_ABI::detail {

/// Names that stand for a layer or for a nested network with all it holds.
class LayerNames {
public:
    explicit LayerNames(const std::vector<std::string>& names) : names_(names), known_(names.size(), 0) {}

    /// Whether one of the names stands for the layer at this path.
    bool take(std::string_view path) {
        paths_.emplace_back(path);
        bool taken = false;
        for (std::size_t i = 0; i < names_.size(); ++i) {
            const std::string& name = names_[i];
            const bool within = path.starts_with(name) && (path.size() == name.size() || path[name.size()] == '/');
            if (!within) continue;
            taken = true;
            known_[i] = 1;
        }
        return taken;
    }
    /// Throws DataError for a name that stood for none.
    void check() const {
        for (std::size_t i = 0; i < names_.size(); ++i) {
            if (known_[i] == 0) raise_unknown("fit", "frozen layer", names_[i], paths_);
        }
    }

private:
    const std::vector<std::string>& names_;
    std::vector<char> known_;
    std::vector<std::string> paths_;
};

/// Keeps the blocks of the named layers as they are. They are put back after each step, so no optimizer, whatever it
/// does with weight decay or momentum, can move a bit of them.
template <class S>
class Frozen {
public:
    /// Throws DataError for a name that is not a layer's.
    template <class Net>
    Frozen(const Net& net, const std::vector<std::string>& names) {
        if (names.empty()) return;
        LayerNames chosen(names);
        for_each_layer(net, [&](std::string_view path, const auto&, const auto& parameters) {
            const bool taken = chosen.take(path);
            for_each_block([&](const auto& b) { note(taken, b.data(), b.size()); }, parameters);
        });
        chosen.check();
    }

    /// A frozen layer has no gradient, so the norm that clipping sees is that of what learns.
    template <class P>
    void clear(P& gradient) const {
        if (frozen_.empty()) return;
        for_each_block(
            [is_frozen = frozen_.begin()](auto& g) mutable {
                if (*is_frozen++) std::fill_n(g.data(), g.size(), S(0));
            },
            gradient);
    }
    template <class P>
    void restore(P& parameters, Moments<P>& moments) const {
        if (frozen_.empty()) return;
        clear(moments.first);
        clear(moments.second);
        for_each_block(
            [is_frozen = frozen_.begin(), from = kept_.data()](auto& w) mutable {
                if (!*is_frozen++) return;
                std::copy_n(from, w.size(), w.data());
                from += w.size();
            },
            parameters);
    }

private:
    void note(bool is_frozen, const S* values, Index count) {
        frozen_.push_back(is_frozen ? char{1} : char{0});
        if (is_frozen) kept_.insert(kept_.end(), values, values + count);
    }

    std::vector<char> frozen_;  ///< one a block
    std::vector<S> kept_;       ///< values of the frozen ones
};

}  // namespace renn::inline RENN_ABI::detail

namespace renn::inline RENN_ABI {
namespace detail {

/// Lets the losses and optimizers of a variant stand where one is wanted.
struct VariantLoss {
    AnyLoss loss;
    template <class S>
    double operator()(const BatchView<S>& y, const Targets<S>& targets, Batch<S>& gradient) const {
        return std::visit([&](const auto& l) { return l(y, targets, gradient); }, loss);
    }
    template <class S>
    double weight(const BatchView<S>& y, const Targets<S>& targets) const {
        return std::visit([&](const auto& l) { return loss_weight<S>(l, y, targets); }, loss);
    }
};
struct VariantOptimizer {
    AnyOptimizer optimizer;
    void check() const {
        std::visit([](const auto& o) { o.check(); }, optimizer);
    }
    void scale_rate(double factor) {
        std::visit([factor](auto& o) { o.learning_rate *= factor; }, optimizer);
    }
    template <class P>
    void update(P& parameters, const P& gradient, Moments<P>& moments) const {
        std::visit([&](const auto& o) { o.update(parameters, gradient, moments); }, optimizer);
    }
};

template <class O>
concept ScalesRate = requires(O& o, double factor) {
    o.scale_rate(factor);
};
template <class O>
concept HasRate = requires(O& o, double factor) {
    { o.learning_rate *= factor } -> std::same_as<double&>;
};

/// An optimizer whose learning rate a schedule can change.
template <class O>
concept Schedulable = ScalesRate<O> || HasRate<O>;

template <class O, class P>
void update_at(const O& optimizer, double factor, P& parameters, const P& gradient, Moments<P>& moments) {
    if constexpr (Schedulable<O>) {
        O scaled = optimizer;
        if constexpr (requires { scaled.scale_rate(factor); }) {
            scaled.scale_rate(factor);
        } else {
            scaled.learning_rate *= factor;
        }
        scaled.update(parameters, gradient, moments);
    } else {
        optimizer.update(parameters, gradient, moments);
    }
}

inline void require_at_least(const char* what, std::int64_t value, std::int64_t least) {
    if (value < least) raise<DataError>("fit", what, std::to_string(value), std::to_string(least) + " or more");
}

inline void check_options(const FitOptions& options, bool schedulable) {
    require_at_least("epochs", options.epochs, 0);
    require_at_least("batch", options.batch, 1);
    require_at_least("accumulate", options.accumulate, 1);
    require_at_least("threads", options.threads, 0);
    options.clip.check();
    options.early_stopping.check();
    check_schedule(options.schedule);
    if (!schedulable && (options.warm_up > 0 || !std::holds_alternative<ConstantRate>(options.schedule))) {
        raise<DataError>("fit", "schedule", "an optimizer without `double learning_rate`", "one that has it");
    }
}

/// Throws unless the state is of a run of this network that these options go on with.
template <class Net>
void check_state(const Net& net, const TrainingState<Net>& state, const FitOptions& options) {
    const std::string kept = state.network.describe(), wanted = net.describe();
    if (kept != wanted) raise<MismatchError>("fit: state", "network", kept, wanted);
    if (state.epoch > 0 && state.seed != options.seed) {
        raise<MismatchError>("fit: state", "seed", std::to_string(state.seed), std::to_string(options.seed));
    }
    require_finite_parameters("fit", state.network);
}

template <class Net, class S, class L>
void check_validation(const Net& net, const Dataset<S>& validation, const EarlyStopping& stopping, const L& loss) {
    if (!validation.empty()) require_trainable("fit: validation", net, validation, loss);
    if (!stopping.active()) return;
    if (validation.empty()) raise<DataError>("fit", "early_stopping", "no validation set", "one to measure");
    if (stopping.measure == EarlyStopping::Measure::accuracy && !validation.has_labels()) {
        raise<DataError>("fit", "early_stopping by accuracy", "a validation set without labels", "one with labels");
    }
}

template <class P>
bool finite(const P& parameters) {
    bool fine = true;
    for_each_block([&fine](const auto& block) { fine = fine && all_finite(block); }, parameters);
    return fine;
}

}  // namespace detail

/// Trains with a loss and an optimizer of any type that satisfies the concepts Loss and Optimizer, from where `state`
/// stands: the network becomes the state's, training goes on up to `options.epochs` epochs in all, and the state
/// follows after each.
///
/// Throws   DataError for impossible options, empty data, labels out of range, parameters that are not finite;
///          ShapeError where data and network do not fit; MismatchError for the state of another network or seed. What
///          a callback throws reaches the caller; the network then has the parameters of the last step, the state is
///          that of the last complete epoch.
/// Threads  with `options.threads` other than 1 the loss is called by several threads at once, each with its own part
///          of a batch (a batch of more than 64 samples is cut in any case); callbacks only by the calling thread.
/// Cost     about 3 forward passes a sample; steady state allocates nothing. Memory: parameters times 4 + batch / 64.
template <class Net, class S, Loss<S> L, Optimizer<typename Net::Parameters> O>
Training fit(Net& net, const Dataset<S>& data, const Dataset<S>& validation, const L& loss, const O& optimizer,
             const FitOptions& options, TrainingState<Net>& state) {
    static_assert(std::is_same_v<S, typename Net::Scalar>, "renn::fit: the data set's scalar must be the network's");
    static_assert(!std::is_const_v<Net>,
                  "renn::fit: a const network, as a traced one is, cannot be trained; train a copy");
    detail::check_options(options, detail::Schedulable<O>);
    detail::require_trainable("fit", state.network, data, loss);
    detail::check_state(net, state, options);
    const EarlyStopping& stopping = options.early_stopping;
    detail::check_validation(net, validation, stopping, loss);
    optimizer.check();

    const detail::Frozen<S> frozen(state.network, options.frozen);
    detail::BatchGradient<Net> gradient(net, std::min(options.batch, data.samples()), options.threads);
    net = state.network;
    state.seed = options.seed;
    auto moments = state.moments;
    std::uint64_t step = state.step;
    std::vector<Index> order(static_cast<std::size_t>(data.samples()));
    const auto samples = static_cast<std::uint64_t>(data.samples());
    const Index batches = (data.samples() - 1) / options.batch + 1;
    const Index steps = (batches - 1) / options.accumulate + 1;

    Training training;
    const auto waited_enough = [&] { return stopping.active() && state.epoch - state.best_epoch >= stopping.patience; };
    while (state.epoch < options.epochs && !training.cancelled && !waited_enough()) {
        const auto start = std::chrono::steady_clock::now();
        Epoch epoch{.number = state.epoch + 1};
        std::iota(order.begin(), order.end(), Index{0});
        if (options.shuffle) {
            Rng rng(mix(options.seed, static_cast<std::uint64_t>(epoch.number)));
            shuffle(order, rng);
        }
        detail::BatchMeasures sums;
        for (Index batch = 0; batch < batches && !training.cancelled; ++batch) {
            const Index first = batch * options.batch, count = std::min(options.batch, data.samples() - first);
            const bool begins = batch % options.accumulate == 0;
            const bool ends = (batch + 1) % options.accumulate == 0 || batch + 1 == batches;
            const auto measures = gradient.add(
                net, data, std::span(order).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)),
                Pass{.training = true, .seed = options.seed, .ids = {}, .step = step}, loss, begins, ends);
            if (!measures) {
                training.diverged = true;
                break;
            }
            sums.add(*measures);
            if (ends) {
                frozen.clear(gradient.gradient());
                clip(gradient.gradient(), options.clip);
                const Index stepped = batch / options.accumulate;
                const double time = state.epoch + static_cast<double>(stepped) / static_cast<double>(steps);
                const TrainingPoint point{step++, state.epoch, time, options.epochs};
                const double factor = detail::rate_factor(options.schedule, options.warm_up, point);
                detail::update_at(optimizer, factor, net.parameters(), gradient.gradient(), moments);
                frozen.restore(net.parameters(), moments);
            }
            gradient.absorb_into(net);
            const auto done =
                samples * static_cast<std::uint64_t>(state.epoch) + static_cast<std::uint64_t>(first + count);
            training.cancelled =
                options.progress &&
                !options.progress({done, samples * static_cast<std::uint64_t>(options.epochs), "training"});
        }
        if (training.diverged || !detail::finite(net.parameters())) {
            training.diverged = true;
            training.cancelled = false;
            net = state.network;
            return training;
        }
        if (training.cancelled) break;

        epoch.loss = sums.mean();
        if (data.has_labels()) epoch.accuracy = static_cast<double>(sums.correct) / static_cast<double>(samples);
        epoch.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        if (!validation.empty()) {
            const Evaluation measured = evaluate(net, validation, loss);
            epoch.validation_loss = measured.loss;
            epoch.validation_accuracy = measured.accuracy;
        }
        state.network = net;
        state.moments = moments;
        state.step = step;
        state.epoch = epoch.number;
        if (stopping.active()) state.note(stopping, epoch);
        training.epochs.push_back(epoch);
        training.cancelled = options.on_epoch && !options.on_epoch(epoch);
    }
    if (stopping.active() && !training.cancelled) {
        training.stopped_early = waited_enough();
        training.best_epoch = state.best_epoch;
        if (state.best) net = *state.best;
    }
    return training;
}

/// The same from the beginning, without a state to keep.
template <class Net, class S, Loss<S> L, Optimizer<typename Net::Parameters> O>
Training fit(Net& net, const Dataset<S>& data, const Dataset<S>& validation, const L& loss, const O& optimizer,
             const FitOptions& options) {
    TrainingState<Net> state(net);
    return fit(net, data, validation, loss, optimizer, options, state);
}

/// With a validation set, measured after each epoch, going on from a state. (That the validation set's type is deduced
/// and then constrained keeps `{}` for the options.)
template <class Net, class S, std::same_as<Dataset<S>> Validation>
Training fit(Net& net, const Dataset<S>& data, const Validation& validation, const FitOptions& options,
             TrainingState<Net>& state) {
    return fit(net, data, validation, detail::VariantLoss{options.loss}, detail::VariantOptimizer{options.optimizer},
               options, state);
}
/// With a validation set, from the beginning.
template <class Net, class S, std::same_as<Dataset<S>> Validation>
Training fit(Net& net, const Dataset<S>& data, const Validation& validation, const FitOptions& options = {}) {
    TrainingState<Net> state(net);
    return fit(net, data, validation, options, state);
}

/// fit(net, data, {.epochs = 10, .optimizer = Adam{.learning_rate = 1e-3}}): trains the network in place.
template <class Net, class S>
Training fit(Net& net, const Dataset<S>& data, const FitOptions& options = {}) {
    return fit(net, data, Dataset<S>(), options);
}
/// The same, going on from a state.
template <class Net, class S>
Training fit(Net& net, const Dataset<S>& data, const FitOptions& options, TrainingState<Net>& state) {
    return fit(net, data, Dataset<S>(), options, state);
}

}  // namespace renn::inline RENN_ABI
