// SPDX-License-Identifier: MIT
// renn/io/import_weights.hpp - weights from and to PyTorch: .safetensors files and folders of .npy files.
//
// To be included by name: it needs the JSON library that comes with cereal.
#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/data/npy.hpp>
#include <renn/io/safetensors.hpp>
#include <renn/network/named_blocks.hpp>

namespace renn::inline RENN_ABI {

/// Which tensor belongs to which parameters. By default "dense1/weights" is "dense1.weight", as PyTorch would call it;
/// "dense1.weights" and "dense1/weight" mean the same. So after net.rename(0, "fc1") the tensors "fc1.weight" and
/// "fc1.bias" fit without more.
struct WeightNames {
    /// {{"dense1", "0"}, {"dense2", "body.2"}, {"norm1/scale", "norm.weight"}}: the longest left that is the name of a
    /// parameter, or its leading part, gives way to its right.
    std::vector<std::pair<std::string, std::string>> rename = {};
};

/// Which tensors go where, and which may be left over.
struct ImportOptions {
    std::vector<std::pair<std::string, std::string>> rename = {};  ///< as in WeightNames
    std::vector<std::string> ignore = {};  ///< tensors that nobody takes: their names, or leading parts of them
    bool rounding = false;                 ///< take float64 into a float network, rounded once to nearest
};

namespace detail {

/// One spelling for names that mean the same. In file names '_' may stand for '.'.
inline std::string plain_name(std::string_view name, bool file_name = false) {
    std::string plain(name);
    for (char& c : plain) c = c == '/' || (file_name && c == '_') ? '.' : c;
    if (plain == "weights" || plain.ends_with(".weights")) plain.pop_back();
    return plain;
}

/// Whether `part` is the whole of a plain name or a leading part of it that ends before a '.'.
inline bool leads(std::string_view part, std::string_view name) {
    return name.starts_with(part) && (name.size() == part.size() || name[part.size()] == '.');
}

using Renames = std::vector<std::pair<std::string, std::string>>;

/// Name of a parameter's tensor; notes which rename was used.
inline std::string tensor_name(const std::string& parameter, const Renames& renames, std::vector<char>& used) {
    std::string plain = plain_name(parameter);
    std::size_t best = renames.size(), longest = 0;
    for (std::size_t i = 0; i < renames.size(); ++i) {
        const std::string left = plain_name(renames[i].first);
        if (!leads(left, plain)) continue;
        used[i] = 1;
        if (best < renames.size() && left.size() <= longest) continue;
        best = i;
        longest = left.size();
    }
    if (best == renames.size()) return plain;
    std::string name = plain_name(renames[best].second) + plain.substr(longest);
    return name.starts_with('.') ? name.substr(1) : name;
}

/// Calls f(parameter's name, tensor's name, layer, block). Returns the renames that fit no parameter.
template <class Net, class F>
std::vector<std::string> for_each_tensor(Net& net, const Renames& renames, F&& f) {
    std::vector<char> used(renames.size(), 0);
    for_each_named_block(net, [&](std::string_view path, auto& layer, std::string_view name, auto& block) {
        const std::string parameter = std::string(path) + '/' + std::string(name);
        f(parameter, tensor_name(parameter, renames, used), layer, block);
    });
    std::vector<std::string> unused;
    for (std::size_t i = 0; i < renames.size(); ++i) {
        if (used[i] == 0) unused.push_back(renames[i].first);
    }
    return unused;
}

/// A tensor on its way into a network.
struct NamedArray {
    std::string name, dtype;
    NpyArray array;
    bool taken = false;
};

/// Whether a tensor of this shape is a rows x cols matrix: out x in, or out x (channels x height x width).
inline bool is_matrix(const std::vector<Index>& shape, Index rows, Index cols) {
    if (shape.empty() || shape.front() != rows) return false;
    std::uint64_t product = 1;
    for (std::size_t d = 1; d < shape.size(); ++d) {
        if (!multiply(product, static_cast<std::uint64_t>(shape[d]))) return false;
    }
    return product == static_cast<std::uint64_t>(cols);
}

/// Why an array cannot become a rows x cols block of S; empty if it can.
template <class S>
std::string misfit(const NamedArray& tensor, Index rows, Index cols, bool rounding) {
    if (!is_matrix(tensor.array.shape, rows, cols)) {
        return "shape: got " + shape_text(tensor.array.shape) + ", expected " +
               (cols == 1 ? std::to_string(rows) : shape_text(rows, cols));
    }
    if (tensor.array.kind != 'f' || (tensor.array.item_size > sizeof(S) && !rounding)) {
        return "dtype: got " + tensor.dtype + ", expected " +
               (sizeof(S) == 4
                    ? "F32 or a smaller float" + std::string(tensor.array.kind == 'f' ? " (or .rounding)" : "")
                    : std::string("a float"));
    }
    return {};
}

/// Copies every array to its block, or throws one MismatchError that lists all that does not fit and changes nothing.
template <class Net>
void import_arrays(const std::string& where, Net& net, std::vector<NamedArray> arrays, const ImportOptions& options,
                   bool file_names) {
    using S = typename Net::Scalar;
    std::vector<std::string> problems;
    std::vector<std::vector<S>> values;  // of every block, in order; so nothing can fail once the first is written
    const auto plan = [&](const std::string& parameter, const std::string& name, const auto&, const auto& block) {
        values.emplace_back();
        const std::string wanted = plain_name(name, file_names);
        const auto at = std::find_if(arrays.begin(), arrays.end(),
                                     [&](const NamedArray& a) { return plain_name(a.name, file_names) == wanted; });
        if (at == arrays.end()) {
            problems.push_back(parameter + ": no tensor \"" + name + "\"");
            return;
        }
        at->taken = true;
        std::string problem = misfit<S>(*at, block.rows(), block.cols(), options.rounding);
        try {
            if (problem.empty()) values.back() = at->array.template values_as<S>();
        } catch (const DataError& e) {
            problem = e.what();
        }
        if (!problem.empty()) problems.push_back(parameter + ": tensor \"" + at->name + "\": " + problem);
    };
    for (const std::string& name : for_each_tensor(std::as_const(net), options.rename, plan)) {
        problems.push_back("rename: no parameters \"" + name + "\"");
    }
    for (const NamedArray& a : arrays) {
        const auto ignored = [&](const std::string& part) {
            return leads(plain_name(part, file_names), plain_name(a.name, file_names));
        };
        if (!a.taken && std::none_of(options.ignore.begin(), options.ignore.end(), ignored)) {
            problems.push_back("tensor \"" + a.name + "\": no parameters for it");
        }
    }
    if (!problems.empty()) {
        std::string all = problems.size() == 1 ? "1 mismatch" : std::to_string(problems.size()) + " mismatches";
        all += ':';
        for (const std::string& problem : problems) all += "\n  " + problem;
        raise<MismatchError>(where, all);
    }
    std::size_t number = 0;
    for_each_named_block(net, [&](std::string_view, auto&, std::string_view, auto& block) {
        const S* from = values[number++].data();
        for (Index i = 0; i < block.rows(); ++i) {
            for (Index j = 0; j < block.cols(); ++j) block(i, j) = *from++;
        }
    });
}

/// Calls f(tensor's name, shape, values with the last dimension fastest). A layer whose weights have more than two
/// dimensions elsewhere says which with weights_shape().
template <class Net, class F>
void for_each_exported(const std::string& where, const Net& net, const Renames& renames, F&& f) {
    using S = typename Net::Scalar;
    const auto one = [&](const std::string&, const std::string& name, const auto& layer, const auto& block) {
        using Matrix = std::remove_cvref_t<decltype(block)>;
        std::vector<S> values;
        for (Index i = 0; i < block.rows(); ++i) {
            for (Index j = 0; j < block.cols(); ++j) values.push_back(block(i, j));
        }
        std::vector<Index> shape{block.rows()};
        if constexpr (Matrix::ColsAtCompileTime != 1) {
            shape.push_back(block.cols());
            if constexpr (requires { layer.weights_shape(); }) {
                const auto known = layer.weights_shape();
                shape.assign(known.begin(), known.end());
            }
        }
        f(name, shape, values);
    };
    const std::vector<std::string> unused = for_each_tensor(net, renames, one);
    if (!unused.empty()) raise<DataError>(where, "rename: no parameters \"" + unused.front() + "\"");
}

}  // namespace detail

/// import_weights(net, "model.safetensors", {.rename = {{"dense1", "fc1"}}}): takes a PyTorch model's weights, by name.
/// A tensor fits a matrix if its first dimension is the rows and the others make up the columns (a convolution's are
/// out x in x height x width there); one of fewer bits becomes the network's scalar exactly.
///
/// Throws   MismatchError that lists every missing tensor, every one that nobody takes, and every wrong shape or dtype;
///          FormatError as read_safetensors. On any error the network is as before.
template <class Net>
void import_weights(Net& net, const std::string& path, const ImportOptions& options = {}) {
    std::vector<detail::NamedArray> arrays;
    Safetensors file = read_safetensors(path);
    for (Tensor& tensor : file.tensors) {
        const bool number = detail::tensor_type(tensor.dtype)->kind != '-';
        NpyArray array = number ? tensor.array() : NpyArray{tensor.shape, '-', 1, false, false, {}};
        arrays.push_back({std::move(tensor.name), std::move(tensor.dtype), std::move(array)});
    }
    detail::import_arrays("import_weights: " + path, net, std::move(arrays), options, false);
}

/// The same from a folder of .npy files, "dense1.weight.npy" or "dense1_weight.npy": '_' and '.' are not told apart.
/// Throws   as import_weights; FormatError as read_npy, or if the folder cannot be read.
template <class Net>
void import_npy(Net& net, const std::string& folder, const ImportOptions& options = {}) {
    const std::string where = "import_npy: " + folder;
    std::vector<detail::NamedArray> arrays;
    std::error_code problem;
    std::vector<std::filesystem::path> paths;
    for (std::filesystem::directory_iterator at(folder, problem), end; !problem && at != end; at.increment(problem)) {
        if (at->path().extension() == ".npy") paths.push_back(at->path());
    }
    if (problem) detail::raise<FormatError>(where, "cannot be read: " + problem.message());
    std::sort(paths.begin(), paths.end());  // a folder has no order of its own
    for (const auto& path : paths) {
        NpyArray array = read_npy(path.string());
        const char kind = array.kind == 'f' ? 'F' : array.kind == 'i' ? 'I' : array.kind == 'u' ? 'U' : 'B';
        arrays.push_back({path.stem().string(), kind + std::to_string(8 * array.item_size), std::move(array)});
    }
    detail::import_arrays(where, net, std::move(arrays), options, true);
}

/// export_weights(net, "model.safetensors"): what PyTorch loads and import_weights brings back, bit for bit.
/// Throws   DataError if two parameters would get one name or a rename fits none; FormatError if the file cannot be
///          written.
template <class Net>
void export_weights(const Net& net, const std::string& path, const WeightNames& names = {}) {
    using S = typename Net::Scalar;
    static_assert(std::endian::native == std::endian::little, "renn::export_weights: for little-endian machines");
    Safetensors file{{}, {{"format", "pt"}}};
    const auto add = [&file](const std::string& name, const std::vector<Index>& shape, const std::vector<S>& values) {
        std::vector<std::uint8_t> bytes(values.size() * sizeof(S));
        if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
        file.tensors.push_back({name, sizeof(S) == 4 ? "F32" : "F64", shape, std::move(bytes)});
    };
    detail::for_each_exported("export_weights: " + path, net, names.rename, add);
    write_safetensors(path, file);
}

/// One .npy file a parameter into a folder, which is made if need be: "dense1.weight.npy".
/// Throws   as export_weights.
template <class Net>
void export_npy(const Net& net, const std::string& folder, const WeightNames& names = {}) {
    using S = typename Net::Scalar;
    const std::string where = "export_npy: " + folder;
    std::vector<std::string> written;
    std::error_code problem;
    std::filesystem::create_directories(folder, problem);
    if (problem) detail::raise<FormatError>(where, "cannot be made: " + problem.message());
    const auto write = [&](const std::string& name, const std::vector<Index>& shape, const std::vector<S>& values) {
        if (std::find(written.begin(), written.end(), detail::plain_name(name, true)) != written.end()) {
            detail::raise<DataError>(where, "\"" + name + "\" would be written twice");
        }
        written.push_back(detail::plain_name(name, true));
        write_npy((std::filesystem::path(folder) / (name + ".npy")).string(), values, shape);
    };
    detail::for_each_exported(where, net, names.rename, write);
}

}  // namespace renn::inline RENN_ABI
