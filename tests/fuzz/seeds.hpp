// SPDX-License-Identifier: MIT
// fuzz/seeds.hpp - files of every kind to begin with, whole ones and broken ones.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <renn/retrace/shard.hpp>
#include <renn/retrace/trace.hpp>
#include <renn/tracing/write_reduced.hpp>
#include <renn/tracing/write_store.hpp>

#include "fuzz/loaders.hpp"
#include "fuzz/seal.hpp"
#include "support/all_layers.hpp"

namespace renn::test {

/// A file with lengths and checksums that fit the rest of it.
inline std::string sealed(const Loader& loader, std::string file) {
    const std::size_t head = std::min(file.size(), sizeof(detail::FrameHead));
    switch (loader.sealed) {
        case Sealed::nowhere:
            return file;
        case Sealed::frame:
            return sealed_frame(loader.content, loader.scalar_bytes, std::string_view(file).substr(head));
        case Sealed::store:
            return sealed_store(std::move(file));
        case Sealed::journal:
            return sealed_journal(std::move(file));
    }
    return file;
}

inline SequentialTraced traced_images() {
    auto traced =
        trace<Sorted>(image_net(), {.channels = {{.layer = "conv2d1", .height = 2, .width = 2, .pool = Pool::max}}});
    traced.record(Dataset<float>(random_batch<float>(16, 5, 3)), {.threads = 1});
    return traced;
}

inline TrainingState<SmallNet<>> training_state() {
    TrainingState<SmallNet<>> state{small_net()};
    state.epoch = 3;
    state.best_epoch = 2;
    state.best_value = 0.5;
    state.best = small_net(4);
    return state;
}

inline Dataset<float> pixels() {
    Bytes bytes(4, 3);
    bytes << 0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255;
    return Dataset<float>(bytes,
                          {.labels = {2, 0, 1}, .targets = Batch<float>::Constant(2, 3, 0.5f), .image = {1, 2, 2}});
}

/// A recording of two samples a segment that was interrupted after so many.
inline void write_journal(const std::string& path, std::uint64_t samples) {
    const auto stop = [samples](const Progress& progress) { return progress.done < samples; };
    record_to_file(small_net(), journal_data(), path, {.batch = 1, .threads = 1, .progress = stop, .segment = 2});
    std::filesystem::rename(path + ".recording", path);
}

inline void write_text(const std::string& path, std::string_view text) {
    std::ofstream(path, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
}

/// Calls file(loader, path) where a whole file of that kind is to be written.
template <class F>
void write_whole_files(F&& file) {
    const auto one = [&file](std::string_view loader, auto&& write) { write(std::string(file(loader))); };
    const auto answer = [](ResultDetail detail) {
        return result(small_traced<Sorted>().retrace(random_batch<float>(3, 1, 2), {.k = 2}), detail);
    };
    one("network", [](const std::string& path) { save(path, small_net()); });
    for_each_kind_of_layer<float>([&](const auto& layer) {
        one("sequential", [&](const std::string& path) { save(path, Sequential<float>(layer)); });
    });
    one("traced", [](const std::string& path) {
        auto traced = trace<Sorted>(Sequential<float>(small_net()));
        traced.record(small_data(6), {.threads = 1});
        save(path, traced);
    });
    one("traced", [](const std::string& path) { save(path, traced_images()); });
    one("traced", [](const std::string& path) { save(path, traced_labels(60000)); });
    one("result", [&](const std::string& path) { save(path, answer({})); });
    one("result", [&](const std::string& path) { save(path, answer({.sources = 2, .neurons = false})); });
    for (const Ties ties : {Ties::share, Ties::strict, Ties::skip_inactive, Ties::lowest_id}) {
        one("partial", [ties](const std::string& path) {
            const RetraceOptions options{
                .k = 3, .ties = ties, .pre = false, .post = true, .ids = {1000000000000U - 9, 5}};
            save(path, retrace_shard(small_traced<Sorted>(9), random_batch<float>(3, 1, 2), options).front());
        });
    }
    one("partial", [](const std::string& path) {
        save(path, retrace_shard(small_traced<Sorted>(100), Batch<float>::Constant(3, 1, -9.0f),
                                 {.k = 1, .pre = false, .post = true})
                       .front());
    });
    one("dataset", [](const std::string& path) { save(path, small_data(4)); });
    one("dataset", [](const std::string& path) { save(path, pixels()); });
    one("moments", [](const std::string& path) { save(path, Moments(small_net().parameters())); });
    one("training", [](const std::string& path) { save_checkpoint(path, training_state()); });
    one("store", [](const std::string& path) { write_store(path, small_traced<Sorted>(6)); });
    one("store",
        [](const std::string& path) { write_store(path, small_traced<Sorted>(6).store(), {.sorted = false}); });
    one("store", [](const std::string& path) { write_store(path, traced_images().store()); });
    one("store", [](const std::string& path) { write_store(path, traced_labels(60000).store()); });
    one("store", [](const std::string& path) { write_store<Float16>(path, small_traced<Sorted>(6).store()); });
    one("store", [](const std::string& path) { write_store<Linear8PerUnit>(path, traced_images().store()); });
    one("store", [](const std::string& path) { write_store<Linear8PerSample>(path, small_traced<Sorted>(6).store()); });
    one("journal", [](const std::string& path) { write_journal(path, 0); });
    one("journal", [](const std::string& path) { write_journal(path, 4); });
    one("journal", [](const std::string& path) { write_journal(path, 7); });
    one("idx", [](const std::string& path) { write_text(path, {"\0\0\x08\x03\0\0\0\2\0\0\0\1\0\0\0\2abcd", 20}); });
    one("idx", [](const std::string& path) {
        write_text(path, {"\0\0\x08\x04\0\0\0\1\0\0\0\3\0\0\0\1\0\0\0\1abc", 23});
    });
    one("idx", [](const std::string& path) { write_text(path, {"\0\0\x08\x01\0\0\0\4\0\1\2\3", 12}); });
    one("csv", [](const std::string& path) {
        write_text(path,
                   "\xef\xbb\xbf"
                   "a,b,label\r\n1,-2.5e-3,x\r\n\" 2\" ,+.5,\"y \"\"z\"\"\"\r\n");
    });
    one("csv", [](const std::string& path) {
        write_text(path, "7,1e-400,3,0\n8,2,1e30,1\n18446744073709551615,1,0x1,1\n\n");
    });
    one("weights", [](const std::string& path) { export_weights(small_net(), path); });
    one("weights", [](const std::string& path) { export_weights(small_net<double>(), path); });
    one("safetensors", [](const std::string& path) { export_weights(Network(Dense<float>(2, 3)), path); });
    one("safetensors", [](const std::string& path) {
        write_safetensors(path,
                          {{{"a", "BF16", {2, 1}, {1, 2, 3, 4}}, {"b", "BOOL", {}, {1}}, {"c", "F8_E4M3", {0}, {}}},
                           {{"k", "v\"\n"}}});
    });
    one("npy", [](const std::string& path) { write_npy(path, random_batch<double>(2, 3, 1)); });
    one("npy", [](const std::string& path) { write_npy(path, std::vector<std::int16_t>{1, 2, -3, 4}, {2, 1, 2}); });
    one("npy", [](const std::string& path) {
        const std::string text = "{'descr': '>f2', 'fortran_order': True, 'shape': (2, 1L), }\n";
        write_text(path, std::string("\x93NUMPY\x02\0", 8) + static_cast<char>(text.size()) + std::string(3, '\0') +
                             text + std::string("\x3c\0\x7c\0", 4));
    });
}

/// Whole files, and of each some that are cut, spoilt or spoilt under a checksum that fits.
inline void write_seeds(const std::string& folder) {
    int number = 0;
    const auto named = [&](std::string_view loader, const char* what) {
        const std::filesystem::path at = std::filesystem::path(folder) / loader;
        std::filesystem::create_directories(at);
        return (at / (std::to_string(number) + "_" + what)).string();
    };
    write_whole_files([&](std::string_view loader) {
        ++number;
        return named(loader, "whole");
    });
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (!entry.path().filename().string().ends_with("_whole")) continue;
        const std::string name = entry.path().parent_path().filename().string();
        const Loader& loader =
            *std::find_if(loaders.begin(), loaders.end(), [&](const Loader& l) { return l.name == name; });
        const std::string start = entry.path().string().substr(0, entry.path().string().size() - 5);
        std::ifstream in(entry.path(), std::ios::binary);
        const std::string whole(std::istreambuf_iterator<char>(in), {});
        for (std::size_t part = 1; part < 4; ++part) {
            write_text(start + "cut" + std::to_string(part), whole.substr(0, whole.size() * part / 4));
            std::string spoilt = whole;
            spoilt[(spoilt.size() - 1) * part / 4] ^= static_cast<char>(1 << part);
            write_text(start + "spoilt" + std::to_string(part), spoilt);
            if (loader.sealed == Sealed::nowhere) continue;
            write_text(start + "sealed" + std::to_string(part),
                       sealed(loader, whole.substr(0, whole.size() * part / 4)));
            write_text(start + "forged" + std::to_string(part), sealed(loader, spoilt));
        }
    }
}

}  // namespace renn::test
