// SPDX-License-Identifier: MIT
// fuzz/loaders.hpp - everything that reads a file somebody else may have written, by name, for the fuzzer and for the
// test of the files in corpus/.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/data/csv.hpp>
#include <renn/data/idx.hpp>
#include <renn/data/npy.hpp>
#include <renn/io/import_weights.hpp>
#include <renn/io/save.hpp>
#include <renn/io/save_checkpoint.hpp>
#include <renn/io/save_dataset.hpp>
#include <renn/io/save_optimizer.hpp>
#include <renn/io/save_partial.hpp>
#include <renn/io/save_result.hpp>
#include <renn/network/sequential.hpp>
#include <renn/retrace/merge.hpp>

#include "support/small_models.hpp"

namespace renn::test {

/// One kind of file. `load` reads it and then uses what it got; a renn::Error is an answer, anything else thrown a
/// defect, as is a claim that does not hold.
struct Loader {
    std::string_view name;
    std::string_view content;  ///< of the frame; empty where the format is not ours
    std::uint32_t scalar_bytes = 0;
    void (*load)(const std::string& path);
};

using SequentialTraced = TracedNetwork<Sequential<float>, MemoryStore<float>, Sorted>;

inline void claim(bool holds, const char* what) {
    if (!holds) throw std::logic_error(what);
}

template <class T>
std::string archived(const T& value) {
    std::ostringstream out;
    cereal::BinaryOutputArchive ar(out);
    put(ar, value);
    return out.str();
}

/// What was loaded can be written, read again and is then the same. `copy` is where it is read to.
template <class T>
void comes_back(const T& value, T copy) {
    const std::string bytes = archived(value);
    std::istringstream in(bytes);
    cereal::BinaryInputArchive ar(in);
    get(ar, copy, detail::Limit(bytes.size()));
    claim(archived(copy) == bytes, "what was loaded does not come back");
}

/// Whether a pass is cheap: a file of few bytes may describe a convolution over a huge image.
template <class Net>
bool runs_cheaply(const Net& net) {
    Index most = net.in_features() < 0 ? Dynamic : net.in_features();
    for_each_layer(net, [&most](std::string_view, const auto& layer, const auto&) {
        if constexpr (requires { layer.in_features(); })
            most = std::max({most, layer.in_features(), layer.out_features()});
    });
    return net.in_features() > 0 && most <= 1024;
}

template <class Net>
void use_network(const Net& net) {
    comes_back(net, Net());
    if (runs_cheaply(net)) net.predict(Batch<float>::Constant(net.in_features(), 2, 0.5f));
}

inline void load_network(const std::string& path) {
    use_network(load<SmallNet<>>(path));
}

inline void load_sequential(const std::string& path) {
    use_network(load<Sequential<float>>(path));
}

inline void load_traced(const std::string& path) {
    const auto traced = load<SequentialTraced>(path);
    comes_back(traced.store(), MemoryStore<float>());
    if (!runs_cheaply(traced.network())) return;
    const auto answer =
        traced.retrace(Batch<float>::Constant(traced.network().in_features(), 1, 0.5f), {.k = 2, .post = true});
    answer.top(3);
    if (!traced.store().labels.empty() && traced.store().classes() < 5000) answer.evidence();  // one number a class
}

inline void load_result(const std::string& path) {
    comes_back(load<RetraceResult>(path), RetraceResult());
}

inline void load_partial(const std::string& path) {
    const auto partial = load<PartialRetrace>(path);
    comes_back(partial, PartialRetrace());
    claim(archived(merge(partial, {})) == archived(partial), "nothing merged changes something");  // NaN is not NaN
    if (partial.classes < 5000) result(partial);
    try {
        merge(partial, partial);
    } catch (const DataError&) {  // samples in two shards
    }
}

inline void load_dataset(const std::string& path) {
    const auto data = load<Dataset<float>>(path);
    comes_back(data, Dataset<float>());
    for (Index s = 0; s < data.samples(); ++s) claim(data.position_of(data.id(s)) == s, "an id leads elsewhere");
    if (data.samples() > 0) data.input(data.samples() - 1);
}

inline void load_moments(const std::string& path) {
    Moments moments(small_net().parameters());
    restore(path, moments);
    comes_back(moments, moments);
}

inline void load_training(const std::string& path) {
    const auto state = renn::load_checkpoint<SmallNet<>>(path);
    comes_back(state, TrainingState<SmallNet<>>{SmallNet<>()});
}

/// Calls one after the other, as each refuses other files; an error if all do.
template <class... F>
void each(F&&... calls) {
    std::string refused;
    std::size_t refusals = 0;
    const auto one = [&](auto& call) {
        try {
            call();
        } catch (const Error& e) {
            refused = e.what();
            ++refusals;
        }
    };
    (one(calls), ...);
    if (refusals == sizeof...(calls)) throw DataError(refused);
}

inline void load_idx(const std::string& path) {
    each(
        [&path] {
            const IdxArray array = read_idx_array(path);
            claim(array.values.cols() == array.shape.front(), "values and shape differ");
        },
        [&path] { read_idx_images(path, 2); }, [&path] { read_idx_labels(path); },
        [&path] {
            auto stream = idx_stream(path, path, 3);
            SampleBatch<float> batch;
            while (stream(batch)) claim(batch.inputs.cols() > 0, "an empty batch");
        },
        [&path] { read_idx(path, path); });
}

inline void load_csv(const std::string& path) {
    each([&path] { read_csv<float>(path); },
         [&path] { read_csv<float>(path, {.label = -1, .targets = {2}, .id = 1, .header = false}); },
         [&path] {
             auto stream = csv_stream<double>(path, {.label = "label"}, 2);
             SampleBatch<double> batch;
             while (stream(batch)) claim(batch.inputs.allFinite(), "a number that is not finite");
         });
}

inline void load_safetensors(const std::string& path) {
    const Safetensors file = read_safetensors(path);
    for (const Tensor& tensor : file.tensors) {
        try {
            tensor.array().values_as<double>();
        } catch (const DataError&) {  // not every type is one of C++, and not every integer a double
        }
    }
}

inline void load_weights(const std::string& path) {
    SmallNet<> net = small_net();
    import_weights(net, path, {.ignore = {"other"}, .rounding = true});
}

inline void load_npy(const std::string& path) {
    each(
        [&path] {
            const NpyArray array = read_npy(path);
            claim(array.values_as<double>().size() == static_cast<std::size_t>(array.size()), "values are missing");
        },
        [&path] { read_npy(path).values_as<std::int16_t>(); }, [&path] { read_npy_batch<float>(path); });
}

inline constexpr std::array<Loader, 13> loaders{{
    {"network", "network", 4, load_network},
    {"sequential", "network", 4, load_sequential},
    {"traced", "traced", 4, load_traced},
    {"result", "result", 8, load_result},
    {"partial", "partial", 8, load_partial},
    {"dataset", "dataset", 4, load_dataset},
    {"moments", "moments", 4, load_moments},
    {"training", "training", 4, load_training},
    {"idx", {}, 0, load_idx},
    {"csv", {}, 0, load_csv},
    {"safetensors", {}, 0, load_safetensors},
    {"weights", {}, 0, load_weights},
    {"npy", {}, 0, load_npy},
}};

}  // namespace renn::test
