// SPDX-License-Identifier: MIT
// renn/io/safetensors.hpp - named tensors in the file format that PyTorch users keep weights in.
//
// To be included by name: it needs the JSON library that comes with cereal.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/data/binary_file.hpp>
#include <renn/data/npy.hpp>
#include <renn/io/safetensors_header.hpp>

namespace renn::inline RENN_ABI {

/// A tensor as it lies in the file: little-endian, last dimension fastest.
struct Tensor {
    std::string name;
    std::string dtype;         ///< "F32", "BF16", "I64", ...
    std::vector<Index> shape;  ///< empty: a single number
    std::vector<std::uint8_t> bytes;

    bool operator==(const Tensor&) const = default;
    /// The same as an array whose elements can be read as numbers: values_as(). BF16 becomes float, which holds every
    /// value of it. Throws DataError for elements that are no numbers of C++ (F8_E4M3 and the like).
    NpyArray array() const;
};

/// What a .safetensors file holds.
struct Safetensors {
    std::vector<Tensor> tensors;
    std::vector<std::pair<std::string, std::string>> metadata;
};

namespace detail {

struct TensorType {
    std::string_view name;
    char kind;  ///< as in NpyArray; '-' for what C++ has no type for
    std::size_t bytes;
};
inline constexpr std::array<TensorType, 17> tensor_types{{{"F64", 'f', 8},
                                                          {"F32", 'f', 4},
                                                          {"F16", 'f', 2},
                                                          {"BF16", 'f', 2},
                                                          {"I64", 'i', 8},
                                                          {"I32", 'i', 4},
                                                          {"I16", 'i', 2},
                                                          {"I8", 'i', 1},
                                                          {"U64", 'u', 8},
                                                          {"U32", 'u', 4},
                                                          {"U16", 'u', 2},
                                                          {"U8", 'u', 1},
                                                          {"BOOL", 'b', 1},
                                                          {"C64", '-', 8},
                                                          {"F8_E4M3", '-', 1},
                                                          {"F8_E5M2", '-', 1},
                                                          {"F8_E8M0", '-', 1}}};

/// Null for a type that is not known.
inline const TensorType* tensor_type(std::string_view dtype) {
    for (const TensorType& type : tensor_types) {
        if (type.name == dtype) return &type;
    }
    return nullptr;
}

/// Bytes that a tensor needs. Throws FormatError for an unknown type or a product that no file can have.
inline std::uint64_t tensor_bytes(const std::string& where, const std::string& name, const std::string& dtype,
                                  const std::vector<std::uint64_t>& shape) {
    const TensorType* type = tensor_type(dtype);
    const std::string what = "tensor \"" + name + "\"";
    if (type == nullptr) raise<FormatError>(where, what + ": dtype", dtype, "F64, F32, F16, BF16, I64 and so on");
    const bool none = std::find(shape.begin(), shape.end(), std::uint64_t{0}) != shape.end();
    std::uint64_t product = type->bytes;
    for (const std::uint64_t length : shape) {
        std::uint64_t alone = 1;
        if (!multiply(none ? alone : product, length)) {
            raise<FormatError>(where, what + ": shape is larger than any file");
        }
    }
    return none ? 0 : product;
}

inline std::string shape_text(const std::vector<Index>& shape) {
    std::string text;
    for (const Index length : shape) text += (text.empty() ? "" : " x ") + std::to_string(length);
    return shape.empty() ? "a single number" : text;
}

/// The ranges must cover the data, in some order, without overlap or gap. Returns that order.
inline std::vector<std::size_t> order_of_ranges(const InputFile& file, const std::vector<TensorEntry>& entries,
                                                std::uint64_t data_bytes) {
    std::vector<std::size_t> order(entries.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&entries](std::size_t a, std::size_t b) {
        return std::pair(entries[a].begin, entries[a].end) < std::pair(entries[b].begin, entries[b].end);
    });
    std::uint64_t at = 0;
    for (const std::size_t i : order) {
        const TensorEntry& entry = entries[i];
        const std::string what = "tensor \"" + entry.name + "\"";
        const std::uint64_t needed = tensor_bytes(file.context(), entry.name, entry.dtype, entry.shape);
        if (entry.begin > entry.end || entry.end - entry.begin != needed) {
            file.fail(what + ": data_offsets",
                      "[" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) + "]",
                      std::to_string(needed) + " bytes as dtype and shape say");
        }
        if (entry.end > data_bytes) {
            file.fail("truncated: " + what, "data up to " + std::to_string(data_bytes), std::to_string(entry.end));
        }
        if (entry.begin != at) {
            file.fail(what + (entry.begin < at ? ": overlaps another tensor" : ": a gap before it"),
                      "data from " + std::to_string(entry.begin), std::to_string(at));
        }
        at = entry.end;
    }
    if (at != data_bytes) file.fail("trailing bytes", std::to_string(data_bytes) + " of data", std::to_string(at));
    return order;
}

}  // namespace detail

inline NpyArray Tensor::array() const {
    const detail::TensorType* type = detail::tensor_type(dtype);
    if (type == nullptr || type->kind == '-') {
        detail::raise<DataError>("tensor \"" + name + "\"", "dtype", dtype, "one of floats, integers or bools");
    }
    NpyArray a{shape, type->kind, type->bytes, false, false, bytes};
    if (dtype == "BF16") {  // the upper half of a float
        a.item_size = 4;
        a.bytes.assign(2 * bytes.size(), 0);
        for (std::size_t i = 0; i < bytes.size(); ++i) a.bytes[2 * i + 2 - i % 2] = bytes[i];
    }
    return a;
}

/// Reads a .safetensors file.
/// Throws   FormatError, naming the path, if the file cannot be opened, is truncated, has bytes that belong to no
///          tensor, or a header that is longer than 100 MB or not exactly what the format allows: UTF-8 JSON, each name
///          once, known types, shapes that fit their ranges, ranges without overlap or gap.
/// Cost     one read; nothing is allocated that the file's size does not bear out.
/// Source   huggingface/safetensors, "Format" in its README.
inline Safetensors read_safetensors(const std::string& path) {
    constexpr std::uint64_t most = 100'000'000;
    detail::InputFile file("read_safetensors", path);
    std::array<std::uint8_t, 8> length_bytes{};
    file.read(length_bytes.data(), length_bytes.size());
    std::uint64_t length = 0;
    for (std::size_t i = 8; i-- > 0;) length = length << 8 | length_bytes[i];
    if (length > most) file.fail("header", std::to_string(length) + " bytes", "at most " + std::to_string(most));
    file.require(8 + length);
    std::string text(length, ' ');
    file.read(text.data(), length);

    Safetensors found;
    const std::vector<detail::TensorEntry> entries =
        detail::parse_safetensors_header(file.context(), std::move(text), found.metadata);
    const auto order = detail::order_of_ranges(file, entries, file.size() - 8 - length);
    found.tensors.resize(entries.size());
    for (const std::size_t i : order) {
        const detail::TensorEntry& entry = entries[i];
        Tensor& tensor = found.tensors[i];
        tensor.name = entry.name;
        tensor.dtype = entry.dtype;
        tensor.shape.assign(entry.shape.begin(), entry.shape.end());
        tensor.bytes.resize(entry.end - entry.begin);
        file.read(tensor.bytes.data(), tensor.bytes.size());
    }
    return found;
}

/// Writes a .safetensors file; the data begin at a multiple of 8.
/// Throws   DataError for a name that occurs twice or is not UTF-8, or a tensor whose bytes are not what its type and
///          shape need; FormatError if the file cannot be written.
inline void write_safetensors(const std::string& path, const Safetensors& content) {
    const std::string where = "write_safetensors: " + path;
    std::vector<detail::TensorEntry> entries;
    std::string data;
    for (const Tensor& tensor : content.tensors) {
        const std::vector<std::uint64_t> shape(tensor.shape.begin(), tensor.shape.end());
        const std::uint64_t needed = detail::tensor_bytes(where, tensor.name, tensor.dtype, shape);
        if (needed != tensor.bytes.size()) {
            detail::raise<DataError>(where, "tensor \"" + tensor.name + "\"",
                                     std::to_string(tensor.bytes.size()) + " bytes", std::to_string(needed));
        }
        entries.push_back({tensor.name, tensor.dtype, shape, data.size(), data.size() + needed});
        data.append(tensor.bytes.begin(), tensor.bytes.end());
    }
    std::string header = detail::safetensors_header(where, entries, content.metadata);
    header.resize((header.size() + 7) / 8 * 8, ' ');
    std::string head;
    for (int i = 0; i < 8; ++i) head += static_cast<char>(std::uint64_t{header.size()} >> (8 * i) & 255);
    detail::write_file("write_safetensors", path, head + header, data.data(), data.size());
}

}  // namespace renn::inline RENN_ABI
