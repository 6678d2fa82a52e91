// SPDX-License-Identifier: MIT
// renn/core/feature_statistics.hpp - mean, deviation and range of every feature.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>

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

namespace detail {

/// Statistics of samples that come in parts.
/// Throws   DataError without samples, or for values that are not finite; ShapeError if parts differ in features.
/// Source   sums of squares are merged part by part: Chan, Golub and LeVeque (1979).
class FeatureSums {
public:
    explicit FeatureSums(const char* context) : context_(context) {}

    template <class S>
    void add(const BatchView<S>& x) {
        if (x.cols() == 0) return;
        if (sums_.samples == 0) {
            sums_.mean = squares_ = Column<double>::Zero(x.rows());
            sums_.minimum = sums_.maximum = x.col(0).template cast<double>();
        }
        require_shape(context_, "a batch", x, sums_.mean.size(), x.cols());
        const auto before = static_cast<double>(sums_.samples);
        const double part = static_cast<double>(x.cols()) / (static_cast<double>(x.cols()) + before);
        for (Index i = 0; i < x.rows(); ++i) {
            const auto row = x.row(i).template cast<double>().array();
            const double mean = row.mean(), apart = mean - sums_.mean[i];
            squares_[i] += (row - mean).square().sum() + apart * apart * before * part;
            if (!std::isfinite(squares_[i])) {
                raise<DataError>(context_, "feature " + std::to_string(i),
                                 "NaN or infinite, or too large to be squared", "finite values");
            }
            sums_.mean[i] += apart * part;
            sums_.minimum[i] = std::min(sums_.minimum[i], row.minCoeff());
            sums_.maximum[i] = std::max(sums_.maximum[i], row.maxCoeff());
        }
        sums_.samples += x.cols();
    }

    FeatureStatistics result() const {
        FeatureStatistics s = sums_;
        if (s.samples == 0) raise<DataError>(context_, "samples", "0", "1 or more");
        s.deviation.resize(squares_.size());
        for (Index i = 0; i < s.mean.size(); ++i) {
            s.deviation[i] = std::sqrt(squares_[i] / static_cast<double>(s.samples));
            if (!s.constant(i)) continue;  // exactly, whatever the sums rounded to
            s.mean[i] = s.minimum[i];
            s.deviation[i] = 0.0;
        }
        return s;
    }

private:
    const char* context_;
    FeatureStatistics sums_;  // but for the deviations
    Column<double> squares_;  // of the differences to the mean
};

/// Of the columns of one matrix.
template <class S>
FeatureStatistics statistics_of(const char* context, const BatchView<S>& x) {
    FeatureSums sums(context);
    sums.add<S>(x);
    return sums.result();
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
