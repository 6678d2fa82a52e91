// SPDX-License-Identifier: MIT
// renn/tracing/pages.hpp - one large block of memory on large pages where the system has them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include <renn/core/abi.hpp>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace renn::inline RENN_ABI::detail {

/// An uninitialised array that is first touched by whoever fills it. With 4 KiB pages that first touch costs a fifth
/// of a recording; a block of several megabytes is therefore aligned to 2 MiB and the system asked for large pages.
template <class T>
    requires std::is_trivially_copyable_v<T>
class Pages {
public:
    Pages() = default;
    explicit Pages(std::size_t size) : size_(size) {
        if (size == 0) return;
        if (size > static_cast<std::size_t>(-1) / sizeof(T) - large) throw std::bad_alloc();
        const std::size_t bytes = (size * sizeof(T) + alignment() - 1) / alignment() * alignment();
        data_ = static_cast<T*>(::operator new(bytes, std::align_val_t(alignment())));
#ifdef __linux__
        if (alignment() == large)
            madvise(data_, bytes, MADV_HUGEPAGE);  // a wish: its failure changes nothing but speed
#endif
    }
    Pages(const Pages& other) : Pages(other.size_) {
        std::copy_n(other.data_, size_, data_);
    }
    Pages(Pages&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Pages& operator=(Pages other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Pages() {
        if (data_ != nullptr) ::operator delete(data_, std::align_val_t(alignment()));
    }

    T* data() noexcept {
        return data_;
    }
    const T* data() const noexcept {
        return data_;
    }
    std::size_t size() const noexcept {
        return size_;
    }

private:
    static constexpr std::size_t large = std::size_t{1} << 21;
    std::size_t alignment() const noexcept {
        return size_ * sizeof(T) >= 4 * large ? large : 64;
    }
    T* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace renn::inline RENN_ABI::detail
