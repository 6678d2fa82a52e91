// SPDX-License-Identifier: MIT
// renn/io/save_dataset.hpp - data sets as files.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <utility>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/data/dataset.hpp>
#include <renn/io/archive.hpp>
#include <renn/io/archive_file.hpp>

namespace renn::inline RENN_ABI {

/// Writes all that a data set holds to any cereal output archive; bytes stay bytes.
template <class A, class S>
void put(A& ar, const Dataset<S>& data) {
    detail::put(ar, static_cast<std::uint8_t>(data.holds_bytes()));
    if (data.holds_bytes()) {
        detail::put(ar, data.pixels());
    } else {
        detail::put(ar, data.values());
    }
    const DatasetDescription<S>& more = data.description();
    detail::put(ar, more.labels);
    detail::put(ar, more.targets);
    detail::put(ar, more.ids);
    detail::put(ar, more.tags);
    for (const Index length : {more.image.channels, more.image.height, more.image.width}) {
        detail::put(ar, static_cast<std::int64_t>(length));
    }
    detail::put(ar, more.class_names);
    detail::put(ar, static_cast<std::int32_t>(more.classes));
}

/// Reads a data set. Throws FormatError for lengths and values that cannot be.
template <class A, class S>
void get(A& ar, Dataset<S>& data, const detail::Limit& limit = {}) {
    std::uint8_t holds_bytes = 0;
    Bytes pixels;
    Batch<S> values;
    DatasetDescription<S> more;
    std::int64_t channels = 0, height = 0, width = 0;
    std::int32_t classes = 0;
    detail::get(ar, holds_bytes, limit);
    if (holds_bytes != 0) {
        detail::get(ar, pixels, limit);
    } else {
        detail::get(ar, values, limit);
    }
    detail::get(ar, more.labels, limit);
    detail::get(ar, more.targets, limit);
    detail::get(ar, more.ids, limit);
    detail::get(ar, more.tags, limit);
    detail::get(ar, channels, limit);
    detail::get(ar, height, limit);
    detail::get(ar, width, limit);
    detail::get(ar, more.class_names, limit);
    detail::get(ar, classes, limit);
    more.image = {channels, height, width};
    if (more.image.unknown()) more.image = {};  // zeros or ones: it was not said
    more.classes = classes;
    try {
        data = holds_bytes != 0 ? Dataset<S>(std::move(pixels), std::move(more))
                                : Dataset<S>(std::move(values), std::move(more));
    } catch (const Error& e) {
        detail::raise<FormatError>("data set", e.what());
    }
}

/// save("digits.renn", data): appears whole or not at all. Throws FormatError if the file cannot be written.
template <class S>
void save(const std::string& path, const Dataset<S>& data) {
    detail::write_archive(path, "dataset", sizeof(S), [&](auto& ar) { put(ar, data); });
}

/// auto data = load<Dataset<float>>("digits.renn"): what was saved, bit for bit.
/// Throws   FormatError for a file that is foreign, truncated, damaged, newer or of other content; MismatchError for
///          another scalar.
template <class T>
    requires(std::same_as<T, Dataset<typename T::Scalar>>)
T load(const std::string& path) {
    T data;
    detail::read_frame(path, "dataset", sizeof(typename T::Scalar),
                       [&](auto& ar, const detail::Limit& limit) { get(ar, data, limit); });
    return data;
}

}  // namespace renn::inline RENN_ABI
