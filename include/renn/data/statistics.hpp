// SPDX-License-Identifier: MIT
// renn/data/statistics.hpp - mean, deviation and range of every feature, in one pass.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/data/dataset.hpp>
#include <renn/data/sample_batch.hpp>

namespace renn::inline RENN_ABI {

/// Of every feature, over all samples, in double.
struct FeatureStatistics {
    Index samples = 0;
    Column<double> mean, minimum, maximum;
    Column<double> deviation;  ///< standard deviation, of all samples (divided by their number); 0 if constant

    bool constant(Index feature) const { return minimum[feature] == maximum[feature]; }

    /// For a layer that standardises: `Standardize<S>(s.shift<S>(), s.scale<S>())`. A feature that is constant, or has
    /// a deviation too small for S, gets scale 1 and so becomes 0.
    template <class S>
    Column<S> shift() const {
        return mean.cast<S>();
    }
    template <class S>
    Column<S> scale() const {
        Column<S> s = deviation.cast<S>();
        for (Index i = 0; i < s.size(); ++i) {
            if (constant(i) || !(s[i] > S(0))) s[i] = S(1);
        }
        return s;
    }
};

/// feature_statistics<float>(stream): of a stream's inputs, any callable `bool next(SampleBatch<S>&)`, such as
/// csv_stream or batches(data, n).
///
/// Throws   DataError without samples or for values that are not finite; ShapeError if batches differ in features.
/// Cost     one pass; memory one batch.
/// Source   sums of squares are merged batch by batch: Chan, Golub and LeVeque (1979).
template <class S, SampleStream<S> Stream>
FeatureStatistics feature_statistics(Stream&& next) {
    FeatureStatistics s;
    Column<double> squares;  // of the differences to the mean
    SampleBatch<S> batch;
    while (next(batch)) {
        const auto& x = batch.inputs;
        if (x.cols() == 0) continue;
        if (s.samples == 0) {
            s.mean = squares = Column<double>::Zero(x.rows());
            s.minimum = s.maximum = x.col(0).template cast<double>();
        }
        detail::require_shape("feature_statistics", "a batch", x, s.mean.size(), x.cols());
        const auto n = static_cast<double>(x.cols()), before = static_cast<double>(s.samples), after = n + before;
        for (Index i = 0; i < x.rows(); ++i) {
            const auto row = x.row(i).template cast<double>().array();
            const double mean = row.mean();
            const double apart = mean - s.mean[i];
            if (!std::isfinite(mean)) {
                detail::raise<DataError>("feature_statistics", "feature " + std::to_string(i),
                                         "values that are not finite", "finite ones");
            }
            squares[i] += (row - mean).square().sum() + apart * apart * before * n / after;
            s.mean[i] += apart * n / after;
            s.minimum[i] = std::min(s.minimum[i], row.minCoeff());
            s.maximum[i] = std::max(s.maximum[i], row.maxCoeff());
        }
        s.samples += x.cols();
    }
    if (s.samples == 0) detail::raise<DataError>("feature_statistics", "samples", "0", "at least 1");
    s.deviation.resize(squares.size());
    for (Index i = 0; i < s.mean.size(); ++i) {
        s.deviation[i] = std::sqrt(squares[i] / static_cast<double>(s.samples));
        if (!s.constant(i)) continue;  // exactly, whatever the sums rounded to
        s.mean[i] = s.minimum[i];
        s.deviation[i] = 0.0;
    }
    return s;
}

/// feature_statistics(data): of a data set's inputs.
template <class S>
FeatureStatistics feature_statistics(const Dataset<S>& data) {
    return feature_statistics<S>(batches(data, 256));
}

}  // namespace renn::inline RENN_ABI
