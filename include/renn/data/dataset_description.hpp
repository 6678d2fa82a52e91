// SPDX-License-Identifier: MIT
// renn/data/dataset_description.hpp - what a data set knows besides its inputs, and whether it fits them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/shape.hpp>

namespace renn::inline RENN_ABI {

/// What a data set knows besides its inputs; every field may be left out.
template <class S>
struct DatasetDescription {
    std::vector<std::int32_t> labels = {};  ///< one per sample
    Batch<S> targets = {};                  ///< rows x samples, for regression
    std::vector<std::uint64_t> ids = {};    ///< one per sample, all different; left out: 0, 1, 2, ...
    std::vector<std::string> tags = {};     ///< one per sample, the user's own
    Shape image = {};
    std::vector<std::string> class_names = {};  ///< also fixes the number of classes; left out: largest label + 1
    int classes = 0;                            ///< without class names: at least so many
};

namespace detail {

/// Throws ShapeError unless there is one of each a sample and the image has as many features.
template <class S>
void check_counts(const DatasetDescription<S>& more, Index samples, Index features) {
    if (samples > 0 && features == 0) raise<DataError>("Dataset", "features", "0", "1 or more");
    const auto require_count = [samples](const char* what, std::size_t got) {
        if (got == 0 || got == static_cast<std::size_t>(samples)) return;
        raise<ShapeError>("Dataset", what, std::to_string(got), std::to_string(samples) + " (one per sample)");
    };
    require_count("labels", more.labels.size());
    require_count("ids", more.ids.size());
    require_count("tags", more.tags.size());
    const Batch<S>& t = more.targets;
    if ((t.rows() != 0 || t.cols() != 0) && (t.rows() == 0 || t.cols() != samples)) {
        raise<ShapeError>("Dataset", "targets", shape_text(t.rows(), t.cols()),
                          std::to_string(samples) + " columns, one a sample");
    }
    const Shape& i = more.image;
    if (i.unknown()) return;
    const Index f = features;  // by division: a product of three could wrap
    const bool fits = i.channels > 0 && i.height > 0 && i.width > 0 && f % i.channels == 0 &&
                      (f / i.channels) % i.height == 0 && f / i.channels / i.height == i.width;
    if (!fits) {
        raise<ShapeError>("Dataset", "image (channels x height x width)",
                          std::to_string(i.channels) + " x " + shape_text(i.height, i.width),
                          "a product of " + std::to_string(f) + " features");
    }
}

/// Fills in the number of classes. Throws DataError for a label that is none.
template <class S>
void check_labels(DatasetDescription<S>& more) {
    const auto names = static_cast<std::int64_t>(more.class_names.size());
    const std::int64_t end = names > 0 ? names : std::numeric_limits<std::int32_t>::max();  // label + 1 is an int
    if (more.classes < 0) {
        raise<DataError>("Dataset", "classes", std::to_string(more.classes), "0 or more");
    }
    if (names > 0) more.classes = static_cast<int>(names);
    for (std::size_t i = 0; i < more.labels.size(); ++i) {
        const std::int32_t l = more.labels[i];
        if (l < 0 || l >= end) {
            raise<DataError>("Dataset", "label of sample " + std::to_string(i), std::to_string(l),
                             l < 0 && names == 0 ? "0 or more" : "0.." + std::to_string(end - 1));
        }
        more.classes = std::max(more.classes, l + 1);
    }
}

template <class S>
void check_finite(const char* what, const Batch<S>& m) {
    for (Index c = 0; c < m.cols(); ++c) {
        for (Index r = 0; r < m.rows(); ++r) {
            if (std::isfinite(m(r, c))) continue;
            const char* got = std::isnan(m(r, c)) ? "NaN" : m(r, c) > 0 ? "inf" : "-inf";
            raise<DataError>("Dataset",
                             std::string(what) + " of sample " + std::to_string(c) + ", feature " + std::to_string(r),
                             got, "a finite value");
        }
    }
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
