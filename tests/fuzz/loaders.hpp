// SPDX-License-Identifier: MIT
// fuzz/loaders.hpp - everything that reads a file somebody else may have written, by name, for the fuzzer and for the
// test of the files in corpus/.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
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
#include <renn/retrace/trace.hpp>
#include <renn/tracing/file_store.hpp>
#include <renn/tracing/journal.hpp>
#include <renn/tracing/record_to_file.hpp>
#include <renn/tracing/reduced.hpp>

#include "support/scratch_file.hpp"
#include "support/small_models.hpp"

namespace renn::test {

/// Where the checksums of a kind of file are.
enum class Sealed : std::uint8_t { nowhere, frame, store, journal };

/// One kind of file. `load` reads it and then uses what it got; a renn::Error is an answer, anything else thrown a
/// defect, as is a claim that does not hold.
struct Loader {
    std::string_view name;
    Sealed sealed = Sealed::nowhere;
    std::string_view content;  ///< of the frame, if it has one
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

/// Few samples whose labels speak of many classes.
inline SequentialTraced traced_labels(std::int32_t last) {
    auto traced = trace<Sorted>(Sequential<float>(small_net()));
    traced.record(small_data(6), {.threads = 1});
    MemoryStore<float> store = traced.store();
    store.class_names.clear();
    store.labels[3] = last;
    return SequentialTraced(traced.network(), std::move(store));
}

inline void load_traced(const std::string& path) {
    const auto traced = load<SequentialTraced>(path);
    comes_back(traced.store(), MemoryStore<float>());
    if (!runs_cheaply(traced.network())) return;
    const auto answer =
        traced.retrace(Batch<float>::Constant(traced.network().in_features(), 1, 0.5f), {.k = 2, .post = true});
    answer.top(3);
    if (!traced.store().labels.empty()) answer.evidence();
}

inline void load_result(const std::string& path) {
    comes_back(load<RetraceResult>(path), RetraceResult());
}

inline void load_partial(const std::string& path) {
    const auto partial = load<PartialRetrace>(path);
    comes_back(partial, PartialRetrace());
    claim(archived(merge(partial, {})) == archived(partial), "nothing merged changes something");  // NaN is not NaN
    result(partial);
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

/// Channels as neurons, one of them in four dimensions, and a layer within a layer.
inline Sequential<float> image_net() {
    return Sequential<float>(Conv2d<float>({1, 4, 4}, {.channels = 2, .padding = 1}, 1), ReLU<float>(),
                             Residual(Network(Dense<float>(32, 32, 2), Tanh<float>())),
                             GlobalAvgPool<float>({2, 4, 4}));
}

/// Reads some of everything that a store file has.
template <class E>
void use_store(const std::string& path) {
    const auto store = FileStore<float, E>::open(path);
    const Index last = store.samples() - 1;
    std::vector<float> scratch;
    for (std::uint32_t p = 0; p < store.points.size(); ++p) {
        const Point& point = store.points[p];
        if (!point.stored() || point.count() == 0) continue;
        const Unit unit{p, static_cast<std::uint32_t>(point.count() - 1)};
        const auto values = store.values(unit, point.dimensions() - 1, scratch);
        claim(std::ssize(values) == store.samples(), "values are missing");
        store.value(unit, 0, last);
    }
    const auto at = static_cast<std::size_t>(last);
    claim(store.position_of(store.ids[at]) <= last, "an id leads out of the store");
    if (!store.tags.empty()) store.tags[at];
    if (!store.labels.empty()) claim(store.labels[at] < store.classes(), "a label is no class");
    if (store.outputs.rows() > 0) store.outputs.col(last);
    if constexpr (is_exact<E>) {
        const auto query = [&store](const auto& net) {
            const auto answer =
                trace<Sorted>(net, store)
                    .retrace(Batch<float>::Constant(net.in_features(), 1, 0.5f), {.k = 2, .post = true});
            for (const Source& source : answer.top(3)) store.position_of(source.id);
            if (!store.labels.empty()) answer.evidence();
        };
        each([&] { query(Sequential<float>(small_net())); }, [&] { query(image_net()); });
    }
    store.verify();
}

inline void load_store(const std::string& path) {
    each([&path] { use_store<Exact>(path); }, [&path] { use_store<Float16>(path); },
         [&path] { use_store<Linear8PerUnit>(path); }, [&path] { use_store<Linear8PerSample>(path); });
}

/// What the journals of the seeds were recorded of. Its ids ascend: sorting them takes more memory than a loader may.
inline Dataset<float> journal_data() {
    return Dataset<float>(random_batch<float>(3, 7, 5),
                          {.labels = {0, 1, 0, 1, 1, 0, 1}, .tags = {"", "a", "bc", "", "d", "", "e"}});
}

/// What is whole of it; then it is gone on with, where that can be, and the store made of it is read.
inline void load_journal(const std::string& path) {
    const auto journal = read_journal<float>(path);
    claim(std::ssize(journal.store.ids) == journal.store.samples(), "samples are missing");
    if (!journal.store.ids.empty()) comes_back(journal.store, MemoryStore<float>());
    journal.store.classes();
    static const ScratchFile store;
    namespace fs = std::filesystem;
    const fs::path recording = store.path + ".recording";
    fs::copy_file(path, recording, fs::copy_options::overwrite_existing);
    fs::permissions(recording, fs::perms::owner_write, fs::perm_options::add);
    try {
        record_to_file(small_net(), journal_data(), store.path, {.threads = 1});
    } catch (const MismatchError&) {  // of another network, data or build: read, and that is all
        fs::remove(recording);
        return;
    } catch (const Error&) {
        fs::remove(recording);
        throw;
    }
    const auto finished = FileStore<float>::open(store.path);
    claim(finished.samples() == 7, "not all samples were recorded");
    finished.verify();
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
         [&path] { read_csv<float>(path, {.label = -1, .missing = CsvMissing::mean}); },
         [&path] {
             auto stream = csv_stream<double>(path, {.label = "label", .missing = CsvMissing::skip}, 2);
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

inline constexpr std::array<Loader, 15> loaders{{
    {"network", Sealed::frame, "network", 4, load_network},
    {"sequential", Sealed::frame, "network", 4, load_sequential},
    {"traced", Sealed::frame, "traced", 4, load_traced},
    {"result", Sealed::frame, "result", 8, load_result},
    {"partial", Sealed::frame, "partial", 8, load_partial},
    {"dataset", Sealed::frame, "dataset", 4, load_dataset},
    {"moments", Sealed::frame, "moments", 4, load_moments},
    {"training", Sealed::frame, "training", 4, load_training},
    {"store", Sealed::store, {}, 0, load_store},
    {"journal", Sealed::journal, {}, 0, load_journal},
    {"idx", Sealed::nowhere, {}, 0, load_idx},
    {"csv", Sealed::nowhere, {}, 0, load_csv},
    {"safetensors", Sealed::nowhere, {}, 0, load_safetensors},
    {"weights", Sealed::nowhere, {}, 0, load_weights},
    {"npy", Sealed::nowhere, {}, 0, load_npy},
}};

}  // namespace renn::test
