// SPDX-License-Identifier: MIT
// renn/data/sample_batch.hpp - samples a batch at a time, for data that need not fit into memory.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/data/dataset.hpp>

namespace renn::inline RENN_ABI {

/// What a stream of samples hands out: any callable `bool next(SampleBatch<S>&)` that returns false at its end.
template <class S>
struct SampleBatch {
    Batch<S> inputs;
    std::vector<std::uint64_t> ids;    ///< empty: numbered on from 0
    std::vector<std::int32_t> labels;  ///< one a sample, or always empty
    Batch<S> targets = {};             ///< rows x samples, or always empty; recording has no use for them
};

template <class F, class S>
concept SampleStream = requires(F& next, SampleBatch<S>& batch) {
    { next(batch) } -> std::convertible_to<bool>;
};

namespace detail {

inline Index require_batch(const char* where, Index batch) {
    if (batch < 1) raise<DataError>(where, "batch", std::to_string(batch), "1 or more");
    return batch;
}

}  // namespace detail

/// A data set as a stream, in its order. Refers to the data set, which must live as long.
template <class S>
class DatasetStream {
public:
    DatasetStream(const Dataset<S>& data, Index batch)
        : data_(&data), batch_(detail::require_batch("batches", batch)) {}

    bool operator()(SampleBatch<S>& next) {
        const Index count = std::min(batch_, data_->samples() - done_);
        if (count == 0) return false;
        data_->inputs(done_, count, next.inputs);
        const auto part = [&](const auto& all, auto& to) {
            to.clear();
            if (!all.empty()) to.assign(all.begin() + done_, all.begin() + done_ + count);
        };
        part(data_->ids(), next.ids);
        part(data_->labels(), next.labels);
        if (data_->has_targets()) {
            next.targets = data_->targets().middleCols(done_, count);
        } else {
            next.targets.resize(0, 0);
        }
        done_ += count;
        return true;
    }

private:
    const Dataset<S>* data_;
    Index batch_;
    Index done_ = 0;
};

/// batches(data, 64): the stream of a data set's samples, 64 at a time and the rest at last.
/// Throws   DataError unless batch is 1 or more.
template <class S>
DatasetStream<S> batches(const Dataset<S>& data, Index batch) {
    return DatasetStream<S>(data, batch);
}
template <class S>
DatasetStream<S> batches(const Dataset<S>&& data, Index batch) = delete;  // it would be gone before the first batch

}  // namespace renn::inline RENN_ABI
