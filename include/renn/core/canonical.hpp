// SPDX-License-Identifier: MIT
// renn/core/canonical.hpp - sums that depend on their terms and on nothing else.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

#include <renn/core/batch.hpp>

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
