// SPDX-License-Identifier: MIT
// renn/data/statistics.hpp - mean, deviation and range of every feature of a stream or a data set, in one pass.
#pragma once

#include <renn/core/feature_statistics.hpp>
#include <renn/data/dataset.hpp>
#include <renn/data/sample_batch.hpp>

namespace renn::inline RENN_ABI {

/// feature_statistics<float>(stream): of a stream's inputs, any callable `bool next(SampleBatch<S>&)`, such as
/// csv_stream or batches(data, n).
///
/// Throws   DataError without samples, for values that are not finite or too large to be squared; ShapeError if batches
///          differ in features.
/// Cost     one pass; memory one batch.
template <class S, SampleStream<S> Stream>
FeatureStatistics feature_statistics(Stream&& next) {
    detail::FeatureSums sums("feature_statistics");
    SampleBatch<S> batch;
    while (next(batch)) sums.add<S>(batch.inputs);
    return sums.result();
}

/// feature_statistics(data): of a data set's inputs.
template <class S>
FeatureStatistics feature_statistics(const Dataset<S>& data) {
    return feature_statistics<S>(batches(data, 256));
}

}  // namespace renn::inline RENN_ABI
