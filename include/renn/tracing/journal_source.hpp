// SPDX-License-Identifier: MIT
// renn/tracing/journal_source.hpp - a recording that is whole, as a store to write a file from within a byte budget.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/tracing/finish_plan.hpp>
#include <renn/tracing/id_order.hpp>
#include <renn/tracing/journal_reader.hpp>
#include <renn/tracing/pages.hpp>
#include <renn/tracing/point.hpp>
#include <renn/tracing/segment_arrays.hpp>
#include <renn/tracing/store_description.hpp>

namespace renn::inline RENN_ABI::detail {

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
          by_id_(path + ".ids", std::move(system)) {
        std::int32_t top = -1;
        bool ordered = true;
        for (std::size_t i = 0; i < ids.size(); ++i) {
            const std::uint64_t id = ids[i];
            if (i > 0 && last_id_ == id) refuse_repeated(id);
            ordered = ordered && (i == 0 || last_id_ < id);
            last_id_ = id;
            if (!labels.empty()) top = std::max(top, labels[i]);
        }
        classes_ = std::max(top + 1, static_cast<int>(class_names.size()));
        plan_.emplace(plan(ordered));
        if (budget < plan_->least) {
            raise<DataError>(
                "record", "budget", std::to_string(budget) + " bytes",
                std::to_string(plan_->least) + " bytes or more for " + std::to_string(ids.size()) + " samples");
        }
        if (!ordered) by_id_.sort(ids, budget - plan_->fixed, plan_->group > 0);
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

    const IdOrder<S, System>& by_id() const noexcept { return by_id_; }

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
            std::copy_n(group_.data() + (column - group_begin_) * n, n, scratch.data());
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
    void read(std::uint64_t column, std::uint64_t count, S* to) const {
        const auto n = static_cast<std::size_t>(samples());
        for (std::size_t s = 0; s < journal_->segments(); ++s) {
            journal_->columns(s, column, count, to + journal_->first(s), n);
        }
    }

    JournalReader<S>* journal_;
    IdOrder<S, System> by_id_;  ///< empty where ids ascend
    std::optional<FinishPlan> plan_;
    std::uint64_t last_id_ = 0;
    int classes_ = 0;
    std::vector<std::uint64_t> first_columns_;  ///< of each point
    std::uint64_t columns_ = 0;

    mutable std::mutex guard_;
    mutable Pages<S> group_;
    mutable std::uint64_t group_begin_ = 0, in_group_ = 0;
};

}  // namespace renn::inline RENN_ABI::detail
