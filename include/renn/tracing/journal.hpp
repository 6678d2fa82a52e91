// SPDX-License-Identifier: MIT
// renn/tracing/journal.hpp - what a recording has written so far: a file that only grows, readable up to where it ends.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <cereal/archives/binary.hpp>

#include <renn/core/error.hpp>
#include <renn/data/binary_file.hpp>
#include <renn/io/checksum.hpp>
#include <renn/io/file_writer.hpp>
#include <renn/tracing/memory_store.hpp>
#include <renn/tracing/store_format.hpp>
#include <renn/tracing/store_output.hpp>

namespace renn::inline RENN_ABI {
namespace detail {

/// Begins every segment of a journal. The checksum is that of the journal's own head checksum, of this with 0 in its
/// place, and of everything before the values; each column of values has one of its own there.
struct SegmentHead {
    static constexpr char mark[8] = {'S', 'E', 'G', 'M', 'E', 'N', 'T', '\n'};

    char magic[8] = {};
    std::uint64_t first = 0;  ///< samples before it
    std::uint64_t samples = 0;
    std::uint64_t tag_bytes = 0;
    std::uint64_t bytes = 0;  ///< of the whole segment
    std::uint64_t zero[2] = {};
    std::uint64_t checksum = 0;
};
static_assert(sizeof(SegmentHead) == 64);

inline bool has_block(const std::vector<Block>& blocks, BlockKind kind) {
    return std::any_of(blocks.begin(), blocks.end(), [kind](const Block& block) { return block.kind == kind; });
}

/// All columns of the stored points.
inline std::uint64_t column_count(const std::vector<Point>& points) {
    std::uint64_t columns = 0;
    for (const Point& point : points) columns += point.stored() ? static_cast<std::uint64_t>(point.columns()) : 0;
    return columns;
}

/// Where the parts of a segment lie, from where it begins: what belongs to samples, a checksum a column, the columns.
struct SegmentLayout {
    std::uint64_t ids = sizeof(SegmentHead), tag_ends = 0, column_sums = 0, outputs = 0, labels = 0, predictions = 0;
    std::uint64_t tags = 0, values = 0, bytes = 0;

    template <class S>
    SegmentLayout(const StoreDescription<S>& what, std::uint64_t columns, std::uint64_t samples,
                  std::uint64_t tag_bytes) {
        const auto behind = [&](std::uint64_t begin, BlockKind kind, std::uint64_t size) {
            return begin + (has_block(what.blocks, kind) ? size * samples : 0);
        };
        tag_ends = behind(ids, BlockKind::ids, sizeof(std::uint64_t));
        column_sums = behind(tag_ends, BlockKind::tag_ends, sizeof(std::uint64_t));
        outputs = column_sums + columns * sizeof(std::uint64_t);
        labels = behind(outputs, BlockKind::outputs, static_cast<std::uint64_t>(what.outputs) * sizeof(S));
        predictions = behind(labels, BlockKind::labels, sizeof(std::int32_t));
        tags = behind(predictions, BlockKind::predictions, sizeof(std::int32_t));
        values = aligned(tags + tag_bytes);
        bytes = aligned(values + columns * samples * sizeof(S));
    }
};

inline std::uint64_t segment_checksum(std::uint64_t journal, SegmentHead head, const char* rest, std::uint64_t bytes) {
    head.checksum = 0;
    Checksum sum;
    sum.add(&journal, sizeof(journal));
    sum.add(&head, sizeof(head));
    sum.add(rest, static_cast<std::size_t>(bytes));
    return sum.value();
}

inline std::string journal_path(const std::string& path) {
    return path + ".recording";
}

/// Appends segments to a journal. Nothing is trusted that is not whole, so writing needs no order and no wait.
template <class S, class System = SystemCalls>
class JournalWriter {
public:
    /// A new journal. It has its name only once its beginning is whole. `head` with samples (0: not known), network,
    /// data and segment; `what` with points, names and the kinds of blocks.
    JournalWriter(const std::string& path, StoreHead head, const StoreDescription<S>& what, System system)
        : JournalWriter(create(path, head, what, system), what, FileWriter<System>::Start::keep, system) {}

    /// An old one whose whole segments end at byte `end`.
    JournalWriter(const std::string& path, const StoreHead& head, const StoreDescription<S>& what, std::uint64_t end,
                  System system)
        : JournalWriter(std::pair(path, head.head_checksum), what, FileWriter<System>::Start::keep, system) {
        if (file_.size() != end) file_.truncate(end);
    }

    /// All samples of `segment`, whose columns must be exactly as long; `first` samples came before.
    void append(MemoryStore<S>& segment, Index first) {
        std::uint64_t tag_bytes = 0;
        for (const std::string& tag : segment.tags) tag_bytes += tag.size();
        const auto samples = static_cast<std::uint64_t>(segment.samples());
        const SegmentLayout at(what_, columns_, samples, tag_bytes);
        beginning_.assign(static_cast<std::size_t>(at.values), 0);
        const auto put = [&](std::uint64_t offset, const auto* from, std::size_t count) {
            if (count > 0) std::memcpy(beginning_.data() + offset, from, count * sizeof(*from));
        };
        put(at.ids, segment.ids.data(), segment.ids.size());
        put(at.outputs, segment.outputs.data(), static_cast<std::size_t>(segment.outputs.size()));
        put(at.labels, segment.labels.data(), segment.labels.size());
        put(at.predictions, segment.predictions.data(), segment.predictions.size());
        std::uint64_t end = 0;
        for (std::size_t i = 0; i < segment.tags.size(); ++i) {
            put(at.tags + end, segment.tags[i].data(), segment.tags[i].size());
            end += segment.tags[i].size();
            put(at.tag_ends + i * sizeof(end), &end, 1);
        }
        std::uint64_t sum_at = at.column_sums;
        for_each_block(segment, [&](const S* values, Index columns) {
            for (Index c = 0; c < columns; ++c, sum_at += sizeof(std::uint64_t)) {
                const std::uint64_t sum = checksum_of(values + static_cast<std::size_t>(c) * samples,
                                                      static_cast<std::size_t>(samples) * sizeof(S));
                put(sum_at, &sum, 1);
            }
        });
        SegmentHead head;
        std::copy(std::begin(SegmentHead::mark), std::end(SegmentHead::mark), head.magic);
        head.first = static_cast<std::uint64_t>(first);
        head.samples = samples;
        head.tag_bytes = tag_bytes;
        head.bytes = at.bytes;
        head.checksum = segment_checksum(journal_, head, beginning_.data() + sizeof(head), at.values - sizeof(head));
        put(0, &head, 1);

        const std::uint64_t begin = file_.size();
        file_.write(beginning_.data(), beginning_.size());
        for_each_block(segment, [&](const S* values, Index columns) {
            file_.write(values, static_cast<std::size_t>(columns) * static_cast<std::size_t>(samples) * sizeof(S));
        });
        constexpr char zeros[store_alignment] = {};
        file_.write(zeros, static_cast<std::size_t>(begin + at.bytes - file_.size()));
        file_.start_writing(begin, at.bytes);
    }

    void close() {
        file_.sync();
        file_.close();
    }

private:
    JournalWriter(std::pair<std::string, std::uint64_t> path_and_journal, const StoreDescription<S>& what,
                  typename FileWriter<System>::Start start, const System& system)
        : what_(what),
          columns_(column_count(what.points)),
          journal_(path_and_journal.second),
          file_(std::move(path_and_journal.first), start, system) {}

    static std::pair<std::string, std::uint64_t> create(const std::string& path, StoreHead head,
                                                        const StoreDescription<S>& what, const System& system) {
        const std::string text = description_text(what);
        head.scalar = head.network_scalar = scalar_kind<S>;
        head.description_bytes = text.size();
        head.description_checksum = checksum_of(text.data(), text.size());
        const std::string partial = path + ".partial";
        RemoveUnlessKept<System> remove(partial, system);
        FileWriter<System> file(partial, FileWriter<System>::Start::anew, system);
        std::vector<char> page = head_page(head);
        std::memcpy(static_cast<void*>(&head), page.data(), sizeof(head));
        page.insert(page.end(), text.begin(), text.end());
        page.resize(static_cast<std::size_t>(aligned(page.size())), 0);
        file.write(page.data(), page.size());
        file.sync();
        file.close();
        rename_file(partial, path, system);
        remove.keep();
        return {path, head.head_checksum};
    }

    template <class F>
    static void for_each_block(MemoryStore<S>& segment, F&& f) {
        for (std::size_t p = 0; p < segment.points.size(); ++p) {
            if (segment.points[p].stored()) f(segment.column(p, 0), segment.points[p].columns());
        }
    }

    StoreDescription<S> what_;
    std::uint64_t columns_;
    std::uint64_t journal_;
    FileWriter<System> file_;
    std::vector<char> beginning_;
};

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
        if (head_.segment == 0 || head_.description_bytes > file_.size()) file_.fail("truncated");
        file_.require(aligned(store_head_bytes + head_.description_bytes));
        std::string text(static_cast<std::size_t>(head_.description_bytes), '\0');
        file_.read_at(store_head_bytes, text.data(), text.size());
        if (checksum_of(text.data(), text.size()) != head_.description_checksum) file_.fail("damaged description");
        std::istringstream in(std::move(text));
        try {
            cereal::BinaryInputArchive ar(in);
            get(ar, what_, Limit(head_.description_bytes));
        } catch (const cereal::Exception&) {
            file_.fail("damaged description");
        }
        for (std::size_t p = 0; p < what_.points.size(); ++p) check_point(what_.points, p);
        bool fine = has_block(what_.blocks, BlockKind::ids) && what_.outputs >= 0;
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
        if (with_values) values_.resize(static_cast<std::size_t>(std::min(together, columns_) * head.samples));
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
        if (kind == BlockKind::tag_ends) begin = at.tag_ends, end = at.column_sums;
        if (kind == BlockKind::outputs) begin = at.outputs, end = at.labels;
        if (kind == BlockKind::labels) begin = at.labels, end = at.predictions;
        if (kind == BlockKind::predictions) begin = at.predictions, end = at.tags;
        if (kind == BlockKind::tag_bytes) begin = at.tags, end = at.tags + s.tag_bytes;
        to.resize(static_cast<std::size_t>((end - begin) / sizeof(T)));
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
        beginning_.resize(static_cast<std::size_t>(at.values - sizeof(head)));
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
        sums_.resize(static_cast<std::size_t>(count));
        file_.read_at(offset + at.column_sums + first * sizeof(std::uint64_t), sums_.data(), 8 * count);
        if (stride == samples) file_.read_at(offset + at.values + first * piece, to, count * piece);
        for (std::uint64_t c = 0; c < count; ++c) {
            S* column = to + static_cast<std::size_t>(c) * stride;
            if (stride != samples) file_.read_at(offset + at.values + (first + c) * piece, column, piece);
            if (checksum_of(column, static_cast<std::size_t>(piece)) != sums_[static_cast<std::size_t>(c)])
                return false;
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

}  // namespace detail

/// What a journal holds.
template <class S>
struct Journal {
    MemoryStore<S> store;        ///< the samples that are whole, a prefix of those of the recording
    std::uint64_t expected = 0;  ///< how many samples it is to become; 0: not known
    std::uint64_t dropped = 0;   ///< bytes behind them that were torn or damaged
    std::string why;             ///< which of it; empty: there are none
};

/// Reads a recording that is not finished, `<path of the store>.recording`, into memory: after a crash, or while it is
/// still being written. What is torn or damaged is dropped, with everything behind it, and reported.
/// Throws   FormatError for a file that is not a journal or whose first page is damaged; MismatchError for another
///          scalar; DataError for repeated ids.
template <class S>
Journal<S> read_journal(const std::string& path) {
    using detail::BlockKind;
    detail::JournalReader<S> reader(path);
    while (reader.next()) {
    }
    Journal<S> journal{{}, reader.head().samples, reader.dropped(), reader.why()};
    MemoryStore<S>& store = journal.store;
    const detail::StoreDescription<S>& what = reader.description();
    store.points = what.points;
    store.class_names = what.class_names;
    store.fingerprint = reader.head().network;
    store.build = what.build;
    store.first_input = what.first_input;
    store.reserve(reader.samples(), 0);
    store.outputs.resize(static_cast<Index>(what.outputs), reader.samples());

    const auto add = [](const auto& part, auto& all) { all.insert(all.end(), part.begin(), part.end()); };
    std::vector<std::uint64_t> wide;
    std::vector<std::int32_t> narrow;
    std::vector<S> values;
    std::vector<char> text;
    for (std::size_t s = 0; s < reader.segments(); ++s) {
        reader.part(s, BlockKind::ids, wide);
        add(wide, store.ids);
        reader.part(s, BlockKind::labels, narrow);
        add(narrow, store.labels);
        reader.part(s, BlockKind::predictions, narrow);
        add(narrow, store.predictions);
        reader.part(s, BlockKind::outputs, values);
        std::copy(values.begin(), values.end(), store.outputs.data() + reader.first(s) * store.outputs.rows());
        reader.part(s, BlockKind::tag_ends, wide);
        reader.part(s, BlockKind::tag_bytes, text);
        std::uint64_t begin = 0;
        for (const std::uint64_t end : wide) {
            if (end < begin || end > text.size()) detail::raise<FormatError>(reader.context(), "impossible tags");
            store.tags.emplace_back(text.data() + begin, static_cast<std::size_t>(end - begin));
            begin = end;
        }
        std::uint64_t column = 0;
        for (std::size_t p = 0; p < store.points.size(); ++p) {
            const Index count = store.points[p].stored() ? store.points[p].columns() : 0;
            if (count == 0) continue;
            reader.columns(s, column, static_cast<std::uint64_t>(count), store.column(p, 0) + reader.first(s),
                           static_cast<std::size_t>(reader.samples()));
            column += static_cast<std::uint64_t>(count);
        }
    }
    store.index_ids();
    return journal;
}

}  // namespace renn::inline RENN_ABI
