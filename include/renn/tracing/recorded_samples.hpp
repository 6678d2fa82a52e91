// SPDX-License-Identifier: MIT
// renn/tracing/recorded_samples.hpp - all that a store in memory knows beside the values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI {

/// Compiler, instruction set and scalar: activations have the same bits only where these are the same.
template <class S>
std::string build_description() {
    std::string text;
#if defined(__clang__)
    text = "clang " + std::to_string(__clang_major__);
#elif defined(__GNUC__)
    text = "gcc " + std::to_string(__GNUC__);
#else
    text = "other compiler";
#endif
    return text + ", " + Eigen::SimdInstructionSetsInUse() + ", float" + std::to_string(8 * sizeof(S));
}

namespace detail {

/// Position of a sample among ids that ascend, or do where `by_id` says. Throws DataError for an unknown id. O(log n).
template <class Ids, class Order>
Index position_of_id(const Ids& ids, const Order& by_id, std::uint64_t id) {
    std::size_t low = 0, high = ids.size();
    const auto place = [&by_id](std::size_t i) { return by_id.empty() ? i : std::size_t{by_id[i]}; };
    while (low < high) {
        const std::size_t middle = low + (high - low) / 2;
        if (ids[place(middle)] < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < ids.size() && ids[place(low)] == id) return static_cast<Index>(place(low));
    raise<DataError>("store", "sample " + std::to_string(id), "an id that was not recorded",
                     "one of " + std::to_string(ids.size()) + " recorded ids");
}

}  // namespace detail

/// What is known of the model, its places and each sample. Samples are addressed by position here, by id outside.
template <class S>
struct RecordedSamples {
    using Scalar = S;

    std::vector<Point> points;
    std::vector<std::uint64_t> ids;
    std::vector<std::int32_t> labels;       ///< one a sample, or empty
    std::vector<std::int32_t> predictions;  ///< one a sample, or empty for a model without outputs
    std::vector<std::string> tags;          ///< one a sample, or empty
    std::vector<std::string> class_names;
    Batch<S> outputs;               ///< outputs x samples: the logits
    std::uint64_t fingerprint = 0;  ///< of the model
    std::string build = build_description<S>();
    Batch<S> first_input;  ///< of foreign code: the first sample, to know the code again

    Index samples() const noexcept { return static_cast<Index>(ids.size()); }
    int classes() const noexcept {
        const std::int32_t top = labels.empty() ? -1 : *std::max_element(labels.begin(), labels.end());
        return std::max(static_cast<int>(top) + 1, static_cast<int>(class_names.size()));
    }

    /// Position of a sample. Throws DataError for an unknown id. O(log n).
    Index position_of(std::uint64_t id) const { return detail::position_of_id(ids, by_id_, id); }

    /// Positions in ascending order of ids; empty where they ascend already.
    const std::vector<std::uint32_t>& by_id() const noexcept { return by_id_; }

    /// To be called once all samples are there. Throws DataError for a repeated id.
    void index_ids() {
        by_id_.clear();
        if (!std::is_sorted(ids.begin(), ids.end())) {
            by_id_.resize(ids.size());
            std::iota(by_id_.begin(), by_id_.end(), 0U);
            std::sort(by_id_.begin(), by_id_.end(),
                      [this](std::uint32_t a, std::uint32_t b) { return ids[a] < ids[b]; });
        }
        for (std::size_t i = 1; i < ids.size(); ++i) {
            const std::uint64_t before = by_id_.empty() ? ids[i - 1] : ids[by_id_[i - 1]];
            const std::uint64_t here = by_id_.empty() ? ids[i] : ids[by_id_[i]];
            if (before == here) {
                detail::raise<DataError>("store", "id " + std::to_string(here), "recorded twice", "each id once");
            }
        }
    }

private:
    std::vector<std::uint32_t> by_id_;
};

namespace detail {

/// Most classes that a file may speak of: tables of them are made of that number.
inline std::int64_t most_classes(std::size_t names, std::int64_t samples) {
    return std::max({static_cast<std::int64_t>(names), samples, std::int64_t{65536}});
}

/// Throws FormatError for a label or prediction that cannot be.
inline void check_classes(const char* what, const std::vector<std::int32_t>& values, std::int64_t classes) {
    for (const std::int32_t value : values) {
        if (value < 0 || value >= classes) {
            raise<FormatError>("store", what, std::to_string(value), "0.." + std::to_string(classes - 1));
        }
    }
}

/// What is known of the samples at some positions.
template <class Store>
RecordedSamples<typename Store::Scalar> known_at(const Store& store, std::span<const std::uint32_t> positions) {
    RecordedSamples<typename Store::Scalar> known;
    known.points.assign(store.points.begin(), store.points.end());
    known.class_names.assign(store.class_names.begin(), store.class_names.end());
    known.fingerprint = store.fingerprint;
    known.build = store.build;
    known.first_input = store.first_input;
    known.outputs.resize(store.outputs.rows(), static_cast<Index>(positions.size()));
    for (std::size_t i = 0; i < positions.size(); ++i) {
        const std::size_t s = positions[i];
        known.ids.push_back(store.ids[s]);
        if (!store.labels.empty()) known.labels.push_back(store.labels[s]);
        if (!store.predictions.empty()) known.predictions.push_back(store.predictions[s]);
        if (!store.tags.empty()) known.tags.emplace_back(store.tags[s]);
        known.outputs.col(static_cast<Index>(i)) = store.outputs.col(static_cast<Index>(s));
    }
    known.index_ids();
    return known;
}

template <class Store>
std::vector<std::uint32_t> all_positions(const Store& store) {
    std::vector<std::uint32_t> positions(static_cast<std::size_t>(store.samples()));
    std::iota(positions.begin(), positions.end(), 0U);
    return positions;
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
