// SPDX-License-Identifier: MIT
// renn/tracing/segment_arrays.hpp - what a journal knows of its samples, as arrays of which one segment is in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/tracing/journal_reader.hpp>
#include <renn/tracing/journal_segment.hpp>
#include <renn/tracing/store_description.hpp>

namespace renn::inline RENN_ABI::detail {

/// One number a sample, a segment at a time in memory: to be read in ascending order, by one thread.
template <class S, class T>
class SegmentArray {
public:
    SegmentArray(JournalReader<S>& journal, BlockKind kind) : journal_(&journal), kind_(kind) {
        there_ = has_block(journal.description().blocks, kind);
    }
    bool empty() const noexcept { return !there_; }
    std::size_t size() const noexcept { return there_ ? static_cast<std::size_t>(journal_->samples()) : 0; }
    T operator[](std::size_t i) const {
        const std::size_t segment = i / journal_->head().segment;
        if (segment != loaded_) {
            journal_->part(segment, kind_, values_);
            loaded_ = segment;
        }
        return values_[i - static_cast<std::size_t>(journal_->first(segment))];
    }

private:
    JournalReader<S>* journal_;
    BlockKind kind_;
    bool there_;
    mutable std::size_t loaded_ = static_cast<std::size_t>(-1);
    mutable std::vector<T> values_;
};

/// The tags, likewise.
template <class S>
class SegmentTags {
public:
    explicit SegmentTags(JournalReader<S>& journal) : journal_(&journal), ends_(journal, BlockKind::tag_ends) {}
    bool empty() const noexcept { return ends_.empty(); }
    std::size_t size() const noexcept { return ends_.size(); }
    std::string operator[](std::size_t i) const {
        const std::size_t segment = i / journal_->head().segment;
        if (segment != loaded_) {
            journal_->part(segment, BlockKind::tag_bytes, bytes_);
            loaded_ = segment;
        }
        const bool first = i == static_cast<std::size_t>(journal_->first(segment));
        const std::uint64_t begin = first ? 0 : ends_[i - 1], end = ends_[i];
        if (begin > end || end > bytes_.size()) raise<FormatError>(journal_->context(), "impossible tags");
        return std::string(bytes_.data() + begin, end - begin);
    }

private:
    JournalReader<S>* journal_;
    SegmentArray<S, std::uint64_t> ends_;
    mutable std::size_t loaded_ = static_cast<std::size_t>(-1);
    mutable std::vector<char> bytes_;
};

/// The outputs of the model, likewise.
template <class S>
class SegmentOutputs {
public:
    explicit SegmentOutputs(JournalReader<S>& journal) : journal_(&journal) {}
    Index rows() const noexcept { return static_cast<Index>(journal_->description().outputs); }
    Eigen::Map<const Column<S>> col(Index sample) const {
        const auto segment = static_cast<std::size_t>(sample) / static_cast<std::size_t>(journal_->head().segment);
        if (segment != loaded_) {
            journal_->part(segment, BlockKind::outputs, values_);
            loaded_ = segment;
        }
        return {values_.data() + (sample - journal_->first(segment)) * rows(), rows()};
    }

private:
    JournalReader<S>* journal_;
    mutable std::size_t loaded_ = static_cast<std::size_t>(-1);
    mutable std::vector<S> values_;
};

}  // namespace renn::inline RENN_ABI::detail
