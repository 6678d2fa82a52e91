// SPDX-License-Identifier: MIT
// renn/tracing/sample_source.hpp - the samples of a recording, a segment of them after another.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/finite.hpp>
#include <renn/data/dataset.hpp>
#include <renn/data/sample_batch.hpp>
#include <renn/tracing/recorded_samples.hpp>
#include <renn/tracing/thin.hpp>

namespace renn::inline RENN_ABI::detail {

/// The samples of a data set, a segment after another.
template <class S>
class DatasetSource {
public:
    DatasetSource(const Dataset<S>& data, Index every) : data_(&data), every_(every) {}

    Index total() const noexcept { return (data_->samples() + every_ - 1) / every_; }
    Column<S> first_input() const { return data_->input(0); }
    std::uint64_t first_id() const { return data_->id(0); }
    bool has_labels() const noexcept { return data_->has_labels(); }
    bool has_tags() const noexcept { return !data_->tags().empty(); }
    static constexpr Index held() noexcept { return 0; }

    /// What is known of the next samples, at most `count`; returns how many there are.
    Index next(RecordedSamples<S>& to, Index count) {
        begin_ += last_;
        last_ = std::min(count, total() - begin_);
        const auto take = [this](const auto& from, auto& all) {
            all.clear();
            for (Index s = begin_; s < begin_ + last_ && !from.empty(); ++s) {
                all.push_back(from[static_cast<std::size_t>(s * every_)]);
            }
        };
        take(data_->ids(), to.ids);
        take(data_->labels(), to.labels);
        take(data_->tags(), to.tags);
        return last_;
    }

    /// Calls f(inputs) for some of them, by their position among those.
    template <class F>
    void with_inputs(Index first, Index count, std::span<const std::uint64_t>, Batch<S>& scratch, F&& f) const {
        if (every_ == 1) {
            data_->inputs(begin_ + first, count, scratch);
        } else {
            std::vector<Index> chosen;
            for (Index s = begin_ + first; s < begin_ + first + count; ++s) chosen.push_back(s * every_);
            data_->inputs(chosen, scratch);
        }
        f(BatchView<S>(scratch));
    }

private:
    const Dataset<S>* data_;
    Index every_;
    Index begin_ = 0, last_ = 0;
};

/// What a stream yields, likewise: its batches cut anew.
template <class S, class Stream>
class StreamSource {
public:
    StreamSource(Stream& stream, Index every) : stream_(&stream), every_(every) {
        if (!pull()) raise<DataError>("record", "samples", "0", "1 or more");
        labelled_ = !batch_.labels.empty();
    }

    static constexpr Index total() noexcept { return 0; }
    Column<S> first_input() const { return batch_.inputs.col(0); }
    std::uint64_t first_id() const { return batch_.ids[0]; }
    bool has_labels() const noexcept { return labelled_; }
    static constexpr bool has_tags() noexcept { return false; }
    Index held() const noexcept { return batch_.inputs.rows(); }  ///< values a sample kept here

    Index next(RecordedSamples<S>& to, Index count) {
        to.ids.clear();
        to.labels.clear();
        reshape(inputs_, batch_.inputs.rows(), count);
        Index filled = 0;
        while (filled < count && (at_ < batch_.inputs.cols() || pull())) {
            if (batch_.inputs.rows() != inputs_.rows()) {
                raise<ShapeError>("record", "features of a batch", std::to_string(batch_.inputs.rows()),
                                  std::to_string(inputs_.rows()));
            }
            const Index taken = std::min(count - filled, batch_.inputs.cols() - at_);
            inputs_.middleCols(filled, taken) = batch_.inputs.middleCols(at_, taken);
            to.ids.insert(to.ids.end(), batch_.ids.begin() + at_, batch_.ids.begin() + at_ + taken);
            if (labelled_)
                to.labels.insert(to.labels.end(), batch_.labels.begin() + at_, batch_.labels.begin() + at_ + taken);
            filled += taken;
            at_ += taken;
        }
        return filled;
    }

    template <class F>
    void with_inputs(Index first, Index count, std::span<const std::uint64_t> ids, Batch<S>&, F&& f) const {
        const BatchView<S> x = inputs_.middleCols(first, count);
        require_finite<S>("record", "input", x, ids);  // a Dataset has checked its own
        f(x);
    }

private:
    /// The next batch that is not empty.
    bool pull() {
        for (at_ = 0;;) {
            const bool first = passed_ == 0;
            batch_.ids.clear();
            batch_.labels.clear();
            if (!(*stream_)(batch_)) {
                batch_.inputs.resize(batch_.inputs.rows(), 0);
                return false;
            }
            const Index count = batch_.inputs.cols();
            if (count == 0) continue;
            check_batch(batch_, first, labelled_);
            for (const std::int32_t label : batch_.labels) {
                if (label < 0) raise<DataError>("record", "label", std::to_string(label), "0 or more");
            }
            for (Index j = 0; batch_.ids.size() < static_cast<std::size_t>(count); ++j) {
                batch_.ids.push_back(passed_ + static_cast<std::uint64_t>(j));
            }
            if (every_ > 1) thin(batch_, passed_, every_);
            passed_ += static_cast<std::uint64_t>(count);
            if (batch_.inputs.cols() > 0) return true;
        }
    }

    Stream* stream_;
    Index every_;
    SampleBatch<S> batch_;
    Index at_ = 0;
    std::uint64_t passed_ = 0;  ///< samples of the stream, recorded or not
    bool labelled_ = false;
    Batch<S> inputs_;
};

}  // namespace renn::inline RENN_ABI::detail
