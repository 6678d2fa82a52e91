// SPDX-License-Identifier: MIT
// support/mnist.hpp - finds MNIST: the whole of it, else the part that ships with the project.
#pragma once

#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <renn/data/dataset.hpp>
#include <renn/data/idx.hpp>

namespace mnist {

namespace fs = std::filesystem;

struct Digits {
    fs::path folder;
    renn::Dataset<float> train, test;
    renn::Index available_train = 0, available_test = 0;

    bool whole() const { return available_train == 60000 && available_test == 10000; }
};

inline bool is_here(const fs::path& folder) {
    std::error_code ignored;
    return fs::is_regular_file(folder / "train-images-idx3-ubyte", ignored);
}

/// Folder of the running program, so that a build folder may be moved.
inline fs::path program_folder(const char* program) {
    std::error_code failed;
    fs::path self = fs::read_symlink("/proc/self/exe", failed);
    if (failed) self = fs::absolute(program, failed);
    return self.parent_path();
}

/// The first folder that holds MNIST: where the build said, else where a moved build folder has it; the whole set
/// first, then the part.
inline std::optional<fs::path> find(const char* program) {
    const fs::path here = program_folder(program);
    std::vector<fs::path> places;
#ifdef RENN_MNIST
    places.emplace_back(RENN_MNIST);
#endif
    places.push_back(here / ".." / ".." / "data" / "mnist");
#ifdef RENN_MNIST_SUBSET
    places.emplace_back(RENN_MNIST_SUBSET);
#endif
    places.push_back(here / "data" / "mnist-subset");
    for (const fs::path& place : places) {
        std::error_code ignored;
        if (is_here(place)) return fs::weakly_canonical(place, ignored);
    }
    return std::nullopt;
}

/// Reads the first samples, 0 for all of them. Throws renn::DataError if there are fewer.
inline renn::Dataset<float> read(const fs::path& folder, const std::string& part, renn::Index count,
                                 renn::Index& available) {
    const std::string images = (folder / (part + "-images-idx3-ubyte")).string();
    const std::string labels = (folder / (part + "-labels-idx1-ubyte")).string();
    available = static_cast<renn::Index>(renn::read_idx_labels(labels).size());
    if (count > available) {
        throw renn::DataError(images + ": got " + std::to_string(available) + " images, expected the " +
                              std::to_string(count) + " asked for");
    }
    return renn::read_idx<float>(images, labels, count == 0 ? available : count);
}

inline Digits load(const fs::path& folder, renn::Index train, renn::Index test) {
    Digits digits;
    digits.folder = folder;
    digits.train = read(folder, "train", train, digits.available_train);
    digits.test = read(folder, "t10k", test, digits.available_test);
    return digits;
}

/// From the folder, or if it is "" from where MNIST is found. Throws renn::DataError if it is not.
inline Digits load_or_find(const std::string& folder, const char* program, renn::Index train, renn::Index test) {
    const auto found = folder.empty() ? find(program) : fs::path(folder);
    if (!found) {
        throw renn::DataError("MNIST is not there: run examples/fetch_mnist.sh or give its folder with --data");
    }
    return load(*found, train, test);
}

/// Runs a program and tells its errors; returns what main returns.
template <class F>
int run_program(const char* name, F&& f) {
    try {
        f();
        return 0;
    } catch (const std::bad_alloc&) {
        std::fprintf(stderr, "%s: not enough memory\n", name);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s: %s\n", name, e.what());
    }
    return 1;
}

}  // namespace mnist
