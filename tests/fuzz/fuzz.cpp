// SPDX-License-Identifier: MIT
// fuzz/fuzz.cpp - libFuzzer over one loader: fuzz --loader=csv [flags and folders of libFuzzer].
// fuzz --list names the loaders, fuzz --seeds=FOLDER writes files of each kind into FOLDER/<loader>.
//
// An input is the whole file. What has a checksum no fuzzer would get past: seven of eight mutations change what the
// checksums are of, and then those. The file lies in memory (memfd), which a loader opens like any other.
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
    using renn::test::Sealed;
    constexpr std::size_t page = renn::detail::store_head_bytes;
    std::size_t kept = 0;  // not to be mutated, as a seal replaces most of it
    if (loader->sealed == Sealed::frame) kept = sizeof(renn::detail::FrameHead);
    if (loader->sealed >= Sealed::store && seed % 4 != 1) kept = page;
    if (loader->sealed == Sealed::nowhere || size <= kept || most <= kept || seed % 8 == 0) {
        return LLVMFuzzerMutate(data, size, most);
    }
    const bool head_only = loader->sealed >= Sealed::store && kept == 0 && size > page;
    const std::size_t mutated = head_only
                                    ? std::max(size, LLVMFuzzerMutate(data, offsetof(renn::detail::StoreHead, zero),
                                                                      offsetof(renn::detail::StoreHead, zero)))
                                    : kept + LLVMFuzzerMutate(data + kept, size - kept, most - kept);
    const std::string sealed = renn::test::sealed(*loader, std::string(reinterpret_cast<const char*>(data), mutated));
    if (sealed.size() > most) return mutated;
    std::memcpy(data, sealed.data(), sealed.size());
    return sealed.size();
}
