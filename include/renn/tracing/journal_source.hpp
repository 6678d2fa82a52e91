// SPDX-License-Identifier: MIT
// renn/tracing/journal_source.hpp - a recording that is whole, as a store to write a file from within a byte budget.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/tracing/external_sort.hpp>
#include <renn/tracing/journal.hpp>
#include <renn/tracing/pages.hpp>
#include <renn/tracing/point.hpp>

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
        return std::string(bytes_.data() + begin, static_cast<std::size_t>(end - begin));
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

/// Memory that writing a store file from a journal takes, and what fits into a budget.
struct FinishPlan {
    std::uint64_t fixed = 0;   ///< whatever the plan is
    std::uint64_t thread = 0;  ///< of a thread that sorts a column
    std::uint64_t column = 0;  ///< of a column that waits in memory
    std::uint64_t least = 0;   ///< budget below which it cannot be done
    int threads = 1;
    std::uint64_t group =
        0;  ///< columns read from the journal in one pass; 0: not even one fits, they are sorted on disk
    std::uint64_t passes = 1;

    /// `meta`: bytes that a segment has beside its values; `ordered`: ids ascend, so that no order of them is needed.
    FinishPlan(std::size_t scalar, std::uint64_t samples, std::uint64_t columns, std::uint64_t file_bytes,
               std::uint64_t meta, bool ordered, std::uint64_t budget, int wanted_threads) {
        const std::uint64_t order = ordered ? 0 : 4 * samples;  // sorting them takes less than a column does
        const std::uint64_t item = scalar == 4 ? 8 : 16;
        column = samples * scalar;
        thread = samples * (2 * scalar + 4 + 2 * item);
        fixed =
            (std::uint64_t{4} << 20) + file_bytes / chunk_bytes * 16 + samples / 59 * scalar + 3 * meta + 64 * columns;
        least = fixed + (std::uint64_t{5} << 20);
        const std::uint64_t rest = budget > fixed ? budget - fixed : 0;
        passes = columns;
        if (rest < order + thread + column) return;
        const std::uint64_t most = (rest - order) / (thread + column);
        threads = static_cast<int>(std::min<std::uint64_t>(most, static_cast<std::uint64_t>(wanted_threads)));
        group = std::min(columns, (rest - order - static_cast<std::uint64_t>(threads) * thread) / column);
        passes = group == 0 ? 1 : (columns + group - 1) / group;
    }
};

/// A journal as an ActivationStore. Samples are read in ascending order; columns are, too, a group of them in each pass
/// through the journal.
/// Throws   DataError for a repeated id.
/// Threads  values() may be called by several at once.
template <class S, class System>
class JournalSource {
public:
    using Scalar = S;

    std::vector<Point> points;
    std::vector<std::string> class_names;
    std::uint64_t fingerprint;
    std::string build;
    Batch<S> first_input;
    SegmentArray<S, std::uint64_t> ids;
    SegmentArray<S, std::int32_t> labels, predictions;
    SegmentTags<S> tags;
    SegmentOutputs<S> outputs;

    /// `path`: of the store that is made of it. `plan(ordered)` says what fits into memory.
    template <class Plan>
    JournalSource(const std::string& path, JournalReader<S>& journal, std::vector<std::string> names, const Plan& plan,
                  std::uint64_t budget, System system)
        : points(journal.description().points),
          class_names(std::move(names)),
          fingerprint(journal.head().network),
          build(journal.description().build),
          first_input(journal.description().first_input),
          ids(journal, BlockKind::ids),
          labels(journal, BlockKind::labels),
          predictions(journal, BlockKind::predictions),
          tags(journal),
          outputs(journal),
          journal_(&journal),
          system_(std::move(system)),
          order_path_(path + ".ids") {
        std::int32_t top = -1;
        bool ordered = true;
        for (std::size_t i = 0; i < ids.size(); ++i) {
            const std::uint64_t id = ids[i];
            if (i > 0 && last_id_ == id) refuse(id);
            ordered = ordered && (i == 0 || last_id_ < id);
            last_id_ = id;
            if (!labels.empty()) top = std::max(top, labels[i]);
        }
        classes_ = std::max(static_cast<int>(top) + 1, static_cast<int>(class_names.size()));
        plan_.emplace(plan(ordered));
        if (budget < plan_->least) {
            raise<DataError>(
                "record", "budget", std::to_string(budget) + " bytes",
                "at least " + std::to_string(plan_->least) + " for " + std::to_string(ids.size()) + " samples");
        }
        if (!ordered) order_ids(budget);
        for (const Point& point : points) {
            first_columns_.push_back(columns_);
            columns_ += point.stored() ? static_cast<std::uint64_t>(point.columns()) : 0;
        }
    }
    JournalSource(const JournalSource&) = delete;
    JournalSource& operator=(const JournalSource&) = delete;

    const FinishPlan& plan() const noexcept { return *plan_; }
    Index samples() const noexcept { return journal_->samples(); }
    int classes() const noexcept { return classes_; }
    Index position_of(std::uint64_t id) const {
        raise<DataError>("journal", "sample " + std::to_string(id), "asked by its id", "a store that is finished");
    }

    /// Positions by ascending id: in memory, or of a file, to be read like what belongs to samples.
    class Order {
    public:
        explicit Order(const JournalSource& source) : source_(&source) {}
        std::size_t size() const noexcept { return source_->ordered_ids_; }
        std::uint32_t operator[](std::size_t i) const { return source_->id_order(i); }
        operator std::span<const std::uint32_t>() const noexcept { return source_->by_id_; }

    private:
        const JournalSource* source_;
    };
    Order by_id() const noexcept { return Order(*this); }

    std::uint64_t column_of(Unit unit, Index dimension) const {
        return first_columns_[unit.point] +
               static_cast<std::uint64_t>(static_cast<Index>(unit.unit) * points[unit.point].dimensions() + dimension);
    }

    std::span<const S> values(Unit unit, Index dimension, std::vector<S>& scratch) const {
        const std::uint64_t column = column_of(unit, dimension);
        const auto n = static_cast<std::size_t>(samples());
        scratch.resize(n);
        const std::lock_guard lock(guard_);
        if (column >= group_begin_ + in_group_) {
            group_begin_ = column;
            in_group_ = std::min(plan_->group, columns_ - column);
            if (group_.size() == 0) group_ = Pages<S>(static_cast<std::size_t>(plan_->group) * n);
            read(column, in_group_, group_.data());
        }
        if (column >= group_begin_) {
            std::copy_n(group_.data() + static_cast<std::size_t>(column - group_begin_) * n, n, scratch.data());
        } else {
            read(column, 1, scratch.data());  // a thread came late: the group of its column has gone
        }
        return scratch;
    }
    S value(Unit unit, Index dimension, Index sample) const {
        std::vector<S> scratch;
        return values(unit, dimension, scratch)[static_cast<std::size_t>(sample)];
    }

private:
    [[noreturn]] static void refuse(std::uint64_t id) {
        raise<DataError>("store", "id " + std::to_string(id), "recorded twice", "each id once");
    }

    void read(std::uint64_t column, std::uint64_t count, S* to) const {
        const auto n = static_cast<std::size_t>(samples());
        for (std::size_t s = 0; s < journal_->segments(); ++s) {
            journal_->columns(s, column, count, to + journal_->first(s), n);
        }
    }

    void order_ids(std::uint64_t budget) {
        const std::size_t n = ids.size();
        ordered_ids_ = n;
        const bool in_memory = plan_->group > 0;
        std::optional<FileWriter<System>> file;
        if (!in_memory) {
            remove_order_.emplace(order_path_, system_);
            file.emplace(order_path_, FileWriter<System>::Start::anew, system_);
        } else {
            by_id_.reserve(n);
        }
        std::vector<std::uint32_t> piece;
        std::optional<std::uint64_t> before;
        const auto bytes = std::min<std::uint64_t>(n * sizeof(SortItem<S>) * 4 / 3 + 64, budget - plan_->fixed);
        ExternalSort<S, System> sort(order_path_ + ".runs", static_cast<std::size_t>(bytes), system_);
        for (std::size_t i = 0; i < n; ++i) sort.add(0, ids[i], static_cast<std::uint32_t>(i));
        sort.merge([&](const SortItem<S>& item) {
            if (before && *before == item.id) refuse(item.id);
            before = item.id;
            if (in_memory) {
                by_id_.push_back(item.position);
                return;
            }
            piece.push_back(item.position);
            if (piece.size() < order_piece) return;
            file->write(piece.data(), piece.size() * sizeof(piece[0]));
            piece.clear();
        });
        if (in_memory) return;
        file->write(piece.data(), piece.size() * sizeof(std::uint32_t));
        file->close();
        order_file_.emplace("sort", order_path_);
    }

    std::uint32_t id_order(std::size_t i) const {
        if (!order_file_) return by_id_[i];
        if (i / order_piece != order_loaded_) {
            order_loaded_ = i / order_piece;
            const std::size_t first = order_loaded_ * order_piece;
            piece_.resize(std::min(order_piece, ordered_ids_ - first));
            order_file_->read_at(first * sizeof(std::uint32_t), piece_.data(), piece_.size() * sizeof(std::uint32_t));
        }
        return piece_[i % order_piece];
    }

    static constexpr std::size_t order_piece = 16384;

    JournalReader<S>* journal_;
    System system_;
    std::optional<FinishPlan> plan_;
    std::uint64_t last_id_ = 0;
    int classes_ = 0;
    std::vector<std::uint64_t> first_columns_;  ///< of each point
    std::uint64_t columns_ = 0;

    std::size_t ordered_ids_ = 0;  ///< 0: ids ascend
    std::vector<std::uint32_t> by_id_;
    std::string order_path_;
    std::optional<RemoveUnlessKept<System>> remove_order_;
    mutable std::optional<InputFile> order_file_;
    mutable std::vector<std::uint32_t> piece_;
    mutable std::size_t order_loaded_ = static_cast<std::size_t>(-1);

    mutable std::mutex guard_;
    mutable Pages<S> group_;
    mutable std::uint64_t group_begin_ = 0, in_group_ = 0;
};

}  // namespace renn::inline RENN_ABI::detail
