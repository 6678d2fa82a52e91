// SPDX-License-Identifier: MIT
// renn/tracing/journal_reader.hpp - reads what is whole of the file of an unfinished recording.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/data/binary_file.hpp>
#include <renn/io/checksum.hpp>
#include <renn/tracing/journal_segment.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/store_description.hpp>
#include <renn/tracing/store_head.hpp>
#include <renn/tracing/store_layout.hpp>

namespace renn::inline RENN_ABI::detail {

/// Reads what is whole of a journal; every byte is checked against its checksum before it is believed.
/// Throws   FormatError for a file whose beginning is not that of a journal, or is damaged; MismatchError for one of
///          another scalar. A segment that is torn or damaged ends what can be read.
/// Threads  one.
template <class S>
class JournalReader {
public:
    explicit JournalReader(const std::string& path) : file_("load", path) {
        std::vector<char> page(static_cast<std::size_t>(std::min(file_.size(), store_head_bytes)));
        file_.read_at(0, page.data(), page.size());
        head_ = read_head(file_.context(), "journal", page);
        if (head_.network_scalar != scalar_kind<S> || head_.scalar != scalar_kind<S>) {
            raise<MismatchError>(file_.context(), "scalar", std::string(scalar_name(head_.network_scalar)),
                                 std::string(scalar_name(scalar_kind<S>)));
        }
        if (head_.segment == 0 || head_.segment > 0xffffffffU) file_.fail("damaged: samples of a segment");
        if (head_.description_bytes > file_.size()) file_.fail("truncated");
        file_.require(aligned(store_head_bytes + head_.description_bytes));
        std::string text(head_.description_bytes, '\0');
        file_.read_at(store_head_bytes, text.data(), text.size());
        if (checksum_of(text.data(), text.size()) != head_.description_checksum) file_.fail("damaged description");
        what_ = read_description<S>(file_.context(), std::move(text));
        bool fine = has_block(what_.blocks, BlockKind::ids) && what_.outputs >= 0 &&
                    has_block(what_.blocks, BlockKind::outputs) == (what_.outputs > 0);
        for (const Point& point : what_.points) fine = fine && point.columns() < (Index{1} << 40);
        if (!fine) file_.fail("damaged description");
        columns_ = column_count(what_.points);
        end_ = aligned(store_head_bytes + head_.description_bytes);
    }

    const StoreHead& head() const noexcept { return head_; }
    const StoreDescription<S>& description() const noexcept { return what_; }
    const std::string& context() const noexcept { return file_.context(); }

    /// Checks the next segment, perhaps without its values, which columns() checks again; false at the end of what is
    /// whole.
    bool next(bool with_values = true) {
        const SegmentHead head = whole_head();
        if (head.samples == 0) return false;
        const SegmentLayout at(what_, columns_, head.samples, head.tag_bytes);
        const std::uint64_t piece = head.samples * sizeof(S);
        const std::uint64_t together = std::max<std::uint64_t>(1, (std::uint64_t{1} << 20) / piece);
        if (with_values) values_.resize(std::min(together, columns_) * head.samples);
        for (std::uint64_t c = 0; with_values && c < columns_; c += together) {
            const std::uint64_t count = std::min(together, columns_ - c);
            if (!read_columns(end_, at, c, count, values_.data(), static_cast<std::size_t>(head.samples))) {
                why_ = "damaged values";
                return false;
            }
        }
        segments_.push_back({end_, samples_, head.samples, head.tag_bytes});
        samples_ += head.samples;
        end_ += head.bytes;
        return true;
    }

    /// What was found whole so far, and where it ends; why no more.
    std::size_t segments() const noexcept { return segments_.size(); }
    Index samples() const noexcept { return static_cast<Index>(samples_); }
    std::uint64_t end() const noexcept { return end_; }
    std::uint64_t dropped() const noexcept { return file_.size() - std::min(end_, file_.size()); }
    const std::string& why() const noexcept { return why_; }
    Index first(std::size_t segment) const noexcept { return static_cast<Index>(segments_[segment].first); }
    Index samples(std::size_t segment) const noexcept { return static_cast<Index>(segments_[segment].samples); }
    std::uint64_t tag_bytes(std::size_t segment) const noexcept { return segments_[segment].tag_bytes; }

    /// One part of what belongs to the samples of a segment; empty if the recording has none. These bytes were checked
    /// by next() and are read again.
    template <class T>
    void part(std::size_t segment, BlockKind kind, std::vector<T>& to) {
        const Segment& s = segments_[segment];
        const SegmentLayout at(what_, columns_, s.samples, s.tag_bytes);
        std::uint64_t begin = at.ids, end = at.tag_ends;
        const auto if_kind = [&](BlockKind wanted, std::uint64_t first, std::uint64_t last) {
            if (kind != wanted) return;
            begin = first;
            end = last;
        };
        if_kind(BlockKind::tag_ends, at.tag_ends, at.column_sums);
        if_kind(BlockKind::outputs, at.outputs, at.labels);
        if_kind(BlockKind::labels, at.labels, at.predictions);
        if_kind(BlockKind::predictions, at.predictions, at.tags);
        if_kind(BlockKind::tag_bytes, at.tags, at.tags + s.tag_bytes);
        to.resize((end - begin) / sizeof(T));
        file_.read_at(s.offset + begin, to.data(), end - begin);
    }

    /// Columns [first, first + count) of all points together, column c of the segment to `to + c * stride`.
    /// Throws FormatError where they are not what was written.
    void columns(std::size_t segment, std::uint64_t first, std::uint64_t count, S* to, std::size_t stride) {
        const Segment& s = segments_[segment];
        const SegmentLayout at(what_, columns_, s.samples, s.tag_bytes);
        if (!read_columns(s.offset, at, first, count, to, stride)) {
            file_.fail("damaged: the checksum of values of segment " + std::to_string(segment) + " is wrong");
        }
    }

private:
    struct Segment {
        std::uint64_t offset, first, samples, tag_bytes;
    };

    /// The head of the segment at the end, if all of it but perhaps its values is what was written; else one of 0.
    SegmentHead whole_head() {
        const auto torn = [this](const char* why) {
            why_ = why;
            return SegmentHead();
        };
        SegmentHead head;
        const std::uint64_t rest = file_.size() - std::min(end_, file_.size());
        if (rest == 0) return torn("");
        if (rest < sizeof(head)) return torn("torn segment");
        file_.read_at(end_, &head, sizeof(head));
        if (!std::equal(std::begin(SegmentHead::mark), std::end(SegmentHead::mark), head.magic)) {
            return torn("damaged segment");
        }
        const bool may_follow = segments_.empty() || segments_.back().samples == head_.segment;
        if (head.samples == 0 || head.samples > head_.segment || head.first != samples_ || !may_follow) {
            return torn("damaged segment");
        }
        if (head.bytes > rest) return torn("torn segment");
        std::uint64_t size = head.samples;
        const auto wide = columns_ + static_cast<std::uint64_t>(what_.outputs);
        if (head.tag_bytes > rest || !multiply(size, wide) || !multiply(size, sizeof(S)) || size > rest) {
            return torn("damaged segment");
        }
        const SegmentLayout at(what_, columns_, head.samples, head.tag_bytes);
        if (at.bytes != head.bytes) return torn("damaged segment");
        beginning_.resize(at.values - sizeof(head));
        file_.read_at(end_ + sizeof(head), beginning_.data(), beginning_.size());
        if (segment_checksum(head_.head_checksum, head, beginning_.data(), beginning_.size()) != head.checksum) {
            return torn("damaged segment");
        }
        return head;
    }

    bool read_columns(std::uint64_t offset, const SegmentLayout& at, std::uint64_t first, std::uint64_t count, S* to,
                      std::size_t stride) {
        const std::uint64_t samples = columns_ == 0 ? 0 : (at.tag_ends - at.ids) / sizeof(std::uint64_t);
        const std::uint64_t piece = samples * sizeof(S);
        sums_.resize(count);
        file_.read_at(offset + at.column_sums + first * sizeof(std::uint64_t), sums_.data(), 8 * count);
        if (stride == samples) file_.read_at(offset + at.values + first * piece, to, count * piece);
        for (std::uint64_t c = 0; c < count; ++c) {
            S* column = to + c * stride;
            if (stride != samples) file_.read_at(offset + at.values + (first + c) * piece, column, piece);
            if (checksum_of(column, piece) != sums_[c]) return false;
        }
        return true;
    }

    InputFile file_;
    StoreHead head_;
    StoreDescription<S> what_;
    std::uint64_t columns_ = 0;
    std::vector<Segment> segments_;
    std::uint64_t samples_ = 0;
    std::uint64_t end_ = 0;
    std::string why_;
    std::vector<char> beginning_;
    std::vector<S> values_;
    std::vector<std::uint64_t> sums_;
};

}  // namespace renn::inline RENN_ABI::detail
