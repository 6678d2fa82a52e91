// SPDX-License-Identifier: MIT
// support/allocations.hpp - counts what asks the heap for memory. Include it in one source file of a program.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RENN_TEST_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RENN_TEST_SANITIZED 1
#endif

namespace renn::test {

/// Sanitizers bring a malloc of their own, and other C libraries have no second name for theirs.
#if defined(__GLIBC__) && !defined(RENN_TEST_SANITIZED)
inline constexpr bool counts_allocations = true;
#else
inline constexpr bool counts_allocations = false;
#endif

inline std::atomic<std::uint64_t> allocation_count{0};

/// Allocations of all threads while `work` runs, through malloc or operator new.
template <class F>
std::uint64_t allocations(F&& work) {
    const std::uint64_t before = allocation_count.load();
    work();
    return allocation_count.load() - before;
}

}  // namespace renn::test

#if defined(__GLIBC__) && !defined(RENN_TEST_SANITIZED)
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t bytes) noexcept {
    ++renn::test::allocation_count;
    return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) noexcept {
    ++renn::test::allocation_count;
    return __libc_calloc(count, bytes);
}
void* realloc(void* old, std::size_t bytes) noexcept {
    ++renn::test::allocation_count;
    return __libc_realloc(old, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
    ++renn::test::allocation_count;
    return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** out, std::size_t alignment, std::size_t bytes) noexcept {
    ++renn::test::allocation_count;
    *out = __libc_memalign(alignment, bytes);
    return *out == nullptr ? ENOMEM : 0;
}
}
#endif
