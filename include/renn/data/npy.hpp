// SPDX-License-Identifier: MIT
// renn/data/npy.hpp - NumPy's .npy files, read and written.
#pragma once

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

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/data/binary_file.hpp>
#include <renn/data/npy_header.hpp>

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
