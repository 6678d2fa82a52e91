// SPDX-License-Identifier: MIT
// renn/tracing/stored_arrays.hpp - what a store file knows of each sample, checked when it is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/tracing/store_chunks.hpp>

namespace renn::inline RENN_ABI {

/// One number a sample, in a mapped file; or none. Every read may throw FormatError where the file is damaged.
/// Cost  `[]` a bit more than a read; as a range it is checked as a whole.
template <class T>
class StoredArray {
public:
    using value_type = T;

    StoredArray() = default;
    StoredArray(const detail::StoreChunks& chunks, std::uint64_t offset, std::size_t size)
        : chunks_(&chunks), data_(reinterpret_cast<const T*>(chunks.at(offset))), size_(size) {}

    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    T operator[](std::size_t i) const {
        chunks_->check(data_ + i, sizeof(T));
        return data_[i];
    }
    const T* begin() const {
        if (size_ > 0) chunks_->check(data_, size_ * sizeof(T));
        return data_;
    }
    const T* end() const { return data_ + size_; }
    operator std::span<const T>() const { return {begin(), size_}; }

private:
    const detail::StoreChunks* chunks_ = nullptr;
    const T* data_ = nullptr;
    std::size_t size_ = 0;
};

/// One text a sample, or none.
class StoredTags {
public:
    StoredTags() = default;
    StoredTags(const detail::StoreChunks& chunks, std::uint64_t ends, std::size_t size, const detail::Block& bytes)
        : chunks_(&chunks), ends_(chunks, ends, size), bytes_(bytes) {}

    std::size_t size() const noexcept { return ends_.size(); }
    bool empty() const noexcept { return ends_.empty(); }
    std::string operator[](std::size_t i) const {
        const std::uint64_t begin = i == 0 ? 0 : ends_[i - 1], end = ends_[i];
        if (begin > end || end > bytes_.bytes) {
            chunks_->fail("tag " + std::to_string(i), "ends that cannot be", "ascending ones");
        }
        const char* from = chunks_->at(bytes_.offset + begin);
        chunks_->check(from, end - begin);
        return std::string(from, end - begin);
    }

private:
    const detail::StoreChunks* chunks_ = nullptr;
    StoredArray<std::uint64_t> ends_;
    detail::Block bytes_;
};

/// The outputs of the model, outputs x samples.
template <class S>
class StoredOutputs {
public:
    StoredOutputs() = default;
    StoredOutputs(const detail::StoreChunks& chunks, std::uint64_t offset, Index rows, Index cols)
        : chunks_(&chunks), data_(reinterpret_cast<const S*>(chunks.at(offset))), rows_(rows), cols_(cols) {}

    Index rows() const noexcept { return rows_; }
    Index cols() const noexcept { return cols_; }
    /// Those of one sample, where they lie.
    Eigen::Map<const Column<S>> col(Index sample) const {
        const S* from = rows_ == 0 ? nullptr : data_ + sample * rows_;
        if (rows_ > 0) chunks_->check(from, static_cast<std::uint64_t>(rows_) * sizeof(S));
        return {from, rows_};
    }

private:
    const detail::StoreChunks* chunks_ = nullptr;
    const S* data_ = nullptr;
    Index rows_ = 0;
    Index cols_ = 0;
};

}  // namespace renn::inline RENN_ABI
