// SPDX-License-Identifier: MIT
// renn/io/archive.hpp - matrices, vectors and texts in any cereal archive, with lengths that are not believed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include <cereal/archives/binary.hpp>
#include <cereal/cereal.hpp>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>

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
