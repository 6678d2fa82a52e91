// SPDX-License-Identifier: MIT
// renn/data/idx.hpp - the IDX files that MNIST and its relatives come in.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/data/binary_file.hpp>
#include <renn/data/dataset.hpp>
#include <renn/data/sample_batch.hpp>

namespace renn::inline RENN_ABI {

/// A limit that limits nothing.
inline constexpr Index all_samples = std::numeric_limits<Index>::max();

/// An IDX file of unsigned bytes: shape as on disk, samples first; values: product of the other dimensions x samples.
struct IdxArray {
    std::vector<Index> shape;
    Bytes values;
};

/// Pictures of an IDX file, one per column, channel-major.
struct IdxImages {
    Bytes pixels;
    Shape shape;
};

namespace detail {

/// The head of an IDX file, checked against the file's size; the payload is read on demand.
class IdxFile {
public:
    IdxFile(const char* where, const std::string& path, std::size_t fewest, std::size_t most)
        : IdxFile(InputFile(where, path), fewest, most) {}
    IdxFile(InputFile file, std::size_t fewest, std::size_t most) : file_(std::move(file)) {
        std::array<std::uint8_t, 4> magic;
        file_.read(magic.data(), magic.size());
        if (magic[0] != 0 || magic[1] != 0) {
            const bool packed = magic[0] == 0x1f && magic[1] == 0x8b;
            file_.fail("not an IDX file: first bytes",
                       hex(magic[0]) + " " + hex(magic[1]) + (packed ? " (gzip, to be unpacked first)" : ""), "00 00");
        }
        if (magic[2] != 0x08) file_.fail("element type", hex(magic[2]) + type_name(magic[2]), "08 (unsigned byte)");
        const std::size_t dimensions = magic[3];
        if (dimensions < fewest || dimensions > most) {
            file_.fail("dimensions", std::to_string(dimensions),
                       fewest == most ? std::to_string(most) : std::to_string(fewest) + ".." + std::to_string(most));
        }
        const std::uint64_t head = 4 + 4 * dimensions;
        file_.require(head);
        std::uint64_t features = 1;
        bool fits = true;
        std::string text;
        for (std::size_t i = 0; i < dimensions; ++i) {
            std::array<std::uint8_t, 4> b;
            file_.read(b.data(), b.size());
            const std::uint32_t d =
                std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
            shape_.push_back(static_cast<Index>(d));
            text += (i > 0 ? " x " : "") + std::to_string(d);
            if (i > 0) fits = fits && d > 0 && multiply(features, d);
        }
        std::uint64_t payload = features;
        if (!fits || !multiply(payload, static_cast<std::uint64_t>(samples()))) {
            file_.fail("shape", text, "samples of 1 byte or more, in all at most what a file can hold");
        }
        file_.require_exactly(head + payload);
    }

    const std::vector<Index>& shape() const noexcept { return shape_; }
    Index samples() const noexcept { return shape_.front(); }
    const std::string& context() const noexcept { return file_.context(); }

    /// Reads the next samples, at most `limit`: the first ones, if it is called for the first time.
    IdxArray read(Index limit) {
        if (limit < 0) raise<DataError>(file_.context(), "limit", std::to_string(limit), "0 or more");
        IdxArray a{shape_, {}};
        a.shape.front() = std::min(limit, samples() - read_);
        Index features = 1;
        for (std::size_t i = 1; i < shape_.size(); ++i) features *= shape_[i];
        a.values.resize(features, a.shape.front());
        file_.read(a.values.data(), static_cast<std::uint64_t>(a.values.size()));
        read_ += a.shape.front();
        return a;
    }

    Shape image() const {
        const std::vector<Index>& s = shape_;
        if (s.size() == 3) return {1, s[1], s[2]};
        if (s.size() == 4) return {s[1], s[2], s[3]};
        return {};
    }

    IdxImages read_images(Index limit) { return {read(limit).values, image()}; }

    std::vector<std::int32_t> read_labels(Index limit) {
        const IdxArray a = read(limit);
        return std::vector<std::int32_t>(a.values.data(), a.values.data() + a.values.size());
    }

private:
    static std::string hex(std::uint8_t b) {
        constexpr const char* digits = "0123456789abcdef";
        return {digits[b >> 4], digits[b & 15]};
    }
    static const char* type_name(std::uint8_t type) {
        switch (type) {
            case 0x09:
                return " (signed byte)";
            case 0x0b:
                return " (16-bit integer)";
            case 0x0c:
                return " (32-bit integer)";
            case 0x0d:
                return " (32-bit float)";
            case 0x0e:
                return " (64-bit float)";
            default:
                return "";
        }
    }

    InputFile file_;
    std::vector<Index> shape_;
    Index read_ = 0;
};

/// Throws ShapeError unless there is a label for each image.
inline void require_label_each(const IdxFile& images, const std::string& images_path, const IdxFile& labels) {
    if (images.samples() == labels.samples()) return;
    raise<ShapeError>(labels.context(), "labels", std::to_string(labels.samples()),
                      std::to_string(images.samples()) + " (one per image of " + images_path + ")");
}

/// Pictures and labels, whatever they are read from.
template <class S>
Dataset<S> read_idx(IdxFile& images, const std::string& images_name, IdxFile& labels, Index limit) {
    require_label_each(images, images_name, labels);
    IdxImages pictures = images.read_images(limit);
    DatasetDescription<S> description{.labels = labels.read_labels(all_samples), .image = pictures.shape};
    const auto largest = std::max_element(description.labels.begin(), description.labels.end());
    if (largest != description.labels.end()) {
        for (std::int32_t c = 0; c <= *largest; ++c) description.class_names.push_back(std::to_string(c));
    }
    description.labels.resize(static_cast<std::size_t>(pictures.pixels.cols()));
    return Dataset<S>(std::move(pictures.pixels), std::move(description));
}

}  // namespace detail

/// Reads the first `limit` samples of an IDX file of 1 to 4 dimensions of unsigned bytes.
///
/// Throws   FormatError, naming the path, if the file cannot be opened, is not IDX, holds another element type, is
///          truncated or has bytes left over; DataError if limit is negative.
/// Cost     one read; nothing is allocated before the head agrees with the file's size.
/// Source   Y. LeCun, "The IDX file format", yann.lecun.com/exdb/mnist.
inline IdxArray read_idx_array(const std::string& path, Index limit = all_samples) {
    return detail::IdxFile("read_idx_array", path, 1, 4).read(limit);
}

/// Reads pictures: samples x height x width or samples x channels x height x width; samples x features gives an
/// empty image shape. Throws as read_idx_array.
inline IdxImages read_idx_images(const std::string& path, Index limit = all_samples) {
    return detail::IdxFile("read_idx_images", path, 2, 4).read_images(limit);
}

/// Reads labels: one dimension. Throws as read_idx_array.
inline std::vector<std::int32_t> read_idx_labels(const std::string& path, Index limit = all_samples) {
    return detail::IdxFile("read_idx_labels", path, 1, 1).read_labels(limit);
}

/// Reads the first `limit` pictures and labels. The classes are those of the whole label file, named by their numbers,
/// so that a small part has as many classes as the whole.
///
/// Throws   as read_idx_array, and ShapeError if the two files hold different numbers of samples.
template <std::floating_point S = float>
Dataset<S> read_idx(const std::string& images_path, const std::string& labels_path, Index limit = all_samples) {
    detail::IdxFile images("read_idx", images_path, 2, 4);
    detail::IdxFile labels("read_idx", labels_path, 1, 1);
    return detail::read_idx<S>(images, images_path, labels, limit);
}

/// A stream that can be sought in (memory, say) and what messages call it.
struct NamedStream {
    std::istream& in;
    std::string name;
};

/// The same from streams. Throws as read_idx.
template <std::floating_point S = float>
Dataset<S> read_idx(const NamedStream& images, const NamedStream& labels, Index limit = all_samples) {
    detail::IdxFile image_file(detail::InputFile("read_idx", images.in, images.name), 2, 4);
    detail::IdxFile label_file(detail::InputFile("read_idx", labels.in, labels.name), 1, 1);
    return detail::read_idx<S>(image_file, images.name, label_file, limit);
}

/// Pictures and labels as a stream of batches: what read_idx gives, for files larger than memory.
template <std::floating_point S = float>
class IdxStream {
public:
    IdxStream(const std::string& images_path, const std::string& labels_path, Index batch)
        : images_("idx_stream", images_path, 2, 4),
          labels_("idx_stream", labels_path, 1, 1),
          batch_(detail::require_batch("idx_stream", batch)) {
        detail::require_label_each(images_, images_path, labels_);
    }

    bool operator()(SampleBatch<S>& next) {
        const Bytes pixels = images_.read(batch_).values;
        detail::reshape(next.inputs, pixels.rows(), pixels.cols());
        if (pixels.size() > 0) detail::bytes_to_unit(pixels.data(), next.inputs.data(), pixels.size());
        next.labels = labels_.read_labels(batch_);
        next.ids.clear();
        next.targets.resize(0, 0);
        return pixels.cols() > 0;
    }

    Shape image() const { return images_.image(); }

private:
    detail::IdxFile images_, labels_;
    Index batch_;
};

/// Throws   as read_idx, and DataError unless batch is 1 or more.
template <std::floating_point S = float>
IdxStream<S> idx_stream(const std::string& images_path, const std::string& labels_path, Index batch = 64) {
    return IdxStream<S>(images_path, labels_path, batch);
}

}  // namespace renn::inline RENN_ABI
