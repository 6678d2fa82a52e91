// SPDX-License-Identifier: MIT
// renn/attribution/baseline.hpp - the input that others are compared with.
#pragma once

#include <string>
#include <type_traits>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>

namespace renn::inline RENN_ABI {

/// What stands for "nothing to see" in a method that compares: 0 or another value in every feature, one column for all
/// samples, or one a sample. Any Eigen matrix of features x 1 or features x n will do.
class Baseline {
public:
    Baseline(double everywhere = 0.0) : everywhere_(everywhere) {}
    template <class Derived>
    Baseline(const Eigen::MatrixBase<Derived>& columns) : columns_(columns.template cast<double>()), given_(true) {}

    /// Whether all samples have the same.
    bool one_for_all() const noexcept { return !given_ || columns_.cols() == 1; }

    /// Throws ShapeError for another shape, DataError for values that are not finite; `where` is the method.
    void check(const char* where, Index features, Index samples) const {
        const bool fits = columns_.rows() == features && (columns_.cols() == 1 || columns_.cols() == samples);
        if (given_ && !fits) {
            detail::raise<ShapeError>(where, "baseline", detail::shape_text(columns_.rows(), columns_.cols()),
                                      detail::shape_text(features, 1) + " or " + detail::shape_text(features, samples));
        }
        if (!columns_.allFinite() || !(everywhere_ - everywhere_ == 0.0)) {
            detail::raise<DataError>(where, "baseline", "NaN or infinite", "finite values");
        }
    }

    /// Writes one column a sample to `to`, which has the shape of the inputs.
    template <class To>
    void write(To&& to) const {
        using S = typename std::decay_t<To>::Scalar;
        if (!given_) {
            to.setConstant(static_cast<S>(everywhere_));
        } else if (columns_.cols() == 1) {
            to.colwise() = Column<S>(columns_.col(0).template cast<S>());
        } else {
            to = columns_.template cast<S>();
        }
    }

    /// The value of one feature of one sample.
    double at(Index feature, Index sample) const {
        return given_ ? columns_(feature, columns_.cols() == 1 ? 0 : sample) : everywhere_;
    }

private:
    double everywhere_ = 0.0;
    Batch<double> columns_;
    bool given_ = false;
};

}  // namespace renn::inline RENN_ABI
