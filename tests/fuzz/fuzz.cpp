// SPDX-License-Identifier: MIT
// fuzz/fuzz.cpp - libFuzzer over one loader: fuzz --loader=csv [flags and folders of libFuzzer].
// fuzz --list names the loaders, fuzz --seeds=FOLDER writes files of each kind into FOLDER/<loader>.
//
// An input is the whole file. What has a checksum no fuzzer would get past: seven of eight mutations change the
// payload alone and put a fitting head before it. The file lies in memory (memfd), which a loader opens like any other.
#include <fcntl.h>
#include <sanitizer/allocator_interface.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "fuzz/loaders.hpp"
#include "fuzz/seeds.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

using renn::test::Loader;

const Loader* loader = nullptr;
int file = -1;
std::string path;
std::size_t largest_allocation = std::numeric_limits<std::size_t>::max();

void on_malloc(const volatile void*, std::size_t bytes) {
    if (bytes <= largest_allocation) return;
    std::fprintf(stderr, "ERROR: %zu bytes allocated at once, at most %zu are allowed\n", bytes, largest_allocation);
    largest_allocation = std::numeric_limits<std::size_t>::max();
    __builtin_trap();
}
void on_free(const volatile void*) {}

void require(bool fine, const char* what) {
    if (fine) return;
    std::fprintf(stderr, "fuzz: %s\n", what);
    std::exit(1);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
    for (int i = 1; i < *argc; ++i) {
        const std::string_view argument = (*argv)[i];
        if (argument == "--list") {
            for (const Loader& l : renn::test::loaders) std::puts(std::string(l.name).c_str());
            std::exit(0);
        }
        if (argument.starts_with("--seeds=")) {
            renn::test::write_seeds(std::string(argument.substr(8)));
            std::exit(0);
        }
        for (const Loader& l : renn::test::loaders) {
            if (argument == "--loader=" + std::string(l.name)) loader = &l;
        }
    }
    require(loader != nullptr, "no --loader=NAME, with a name of --list");
    file = memfd_create("fuzz", MFD_CLOEXEC);
    require(file >= 0, "no file in memory");
    path = "/proc/self/fd/" + std::to_string(file);
    require(__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) != 0, "allocations cannot be watched");
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    require(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == static_cast<ssize_t>(size), "cannot write");
    largest_allocation = 2 * size + (std::size_t{1} << 20);
    try {
        loader->load(path);
    } catch (const renn::Error&) {
    }
    largest_allocation = std::numeric_limits<std::size_t>::max();
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
    constexpr std::size_t head = sizeof(renn::detail::FrameHead);
    if (loader->content.empty() || size < head || most <= head || seed % 8 == 0) {
        return LLVMFuzzerMutate(data, size, most);
    }
    const std::size_t payload = LLVMFuzzerMutate(data + head, size - head, most - head);
    const std::string sealed = renn::test::sealed_head(*loader, data + head, payload);
    std::memcpy(data, sealed.data(), head);
    return head + payload;
}
