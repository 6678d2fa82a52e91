// SPDX-License-Identifier: MIT
#include <utility>

#include <boost/interprocess/streams/bufferstream.hpp>

#include <renn/data/idx.hpp>

#include "job.hpp"
#include "upload.hpp"
#include "upload_parts.hpp"

namespace playground {
namespace {

/// The test part's classes are those of the training part.
renn::Dataset<float> with_classes_of(const renn::Dataset<float>& test, const renn::Dataset<float>& train,
                                     const std::string& images_name, const std::string& name) {
    if (test.features() != train.features() || test.image() != train.image()) {
        throw HttpError(422, "test_images",
                        images_name + ": got pictures of another size than those to train with, expected the same");
    }
    if (test.classes() > train.classes()) {
        throw HttpError(422, "test_labels",
                        name + ": got a label " + std::to_string(test.classes() - 1) + ", expected 0.." +
                            std::to_string(train.classes() - 1) + ", as in the labels to train with");
    }
    auto description = test.description();
    description.class_names = train.description().class_names;
    return {renn::Bytes(test.pixels()), std::move(description)};
}

renn::Dataset<float> read(std::string_view body, const UploadedFile& images, const UploadedFile& labels,
                          const DataLimits& limits) {
    using Stream = boost::interprocess::ibufferstream;
    Stream pictures(body.data() + images.first, images.bytes), numbers(body.data() + labels.first, labels.bytes);
    auto set = renn::read_idx<float>({pictures, images.name}, {numbers, labels.name});
    if (set.features() > limits.features) {
        throw HttpError(422, "images",
                        images.name + ": got " + std::to_string(set.features()) +
                            " values a picture, expected at most " + std::to_string(limits.features));
    }
    const renn::Shape& shape = set.image();
    if (!shape.unknown() && shape.channels != 1 && shape.channels != 3) {
        throw HttpError(422, "images",
                        images.name + ": got " + std::to_string(shape.channels) +
                            " channels a picture, expected 1 (grey) or 3 (red, green, blue)");
    }
    require_samples(set, "samples", images.name);
    return set;
}

}  // namespace

IdxUpload parse_idx_upload(const Parameters& parameters, std::size_t body_bytes) {
    std::size_t at = 0;
    const auto file = [&](const std::string& which) -> UploadedFile {
        if (!parameters.contains(which)) return {};
        const auto size = number_of<std::size_t>(parameters, which, 0, 1, body_bytes - at,
                                                 "bytes of a part of the " + std::to_string(body_bytes) + " sent");
        return {name_of(parameters, which + "_name", which), std::exchange(at, at + size), size};
    };
    IdxUpload upload;
    upload.images = file("images");
    upload.labels = file("labels");
    upload.test_images = file("test_images");
    upload.test_labels = file("test_labels");
    if (upload.images.bytes == 0) throw HttpError(422, "images", "a file with pictures is missing");
    if (upload.labels.bytes == 0) throw HttpError(422, "labels", "a file with labels is missing");
    if ((upload.test_images.bytes == 0) != (upload.test_labels.bytes == 0)) {
        throw HttpError(422, "test_images", "for the test part: pictures and labels, or neither");
    }
    if (at != body_bytes) throw HttpError(422, "body", "more bytes were sent than the files are said to have");
    upload.name = name_of(parameters, "name", upload.images.name);
    upload.split = parse_split(parameters);
    return upload;
}

DataSet read_idx(const IdxUpload& upload, std::string_view body, const DataLimits& limits,
                 const renn::ProgressCallback& progress) {
    const auto reached = [&](std::size_t bytes) {
        if (progress && !progress({.done = bytes, .total = body.size(), .phase = "reading"})) throw Cancelled{};
    };
    DataSet data{.name = "idx", .title = upload.name};
    reached(0);
    auto all = read(body, upload.images, upload.labels, limits);
    reached(upload.labels.first + upload.labels.bytes);
    if (upload.test_images.bytes == 0) {
        split(data, all, upload.split, upload.images.name);
    } else {
        data.train = std::move(all);
        data.test = with_classes_of(read(body, upload.test_images, upload.test_labels, limits), data.train,
                                    upload.test_images.name, upload.test_labels.name);
    }
    require_size(data.bytes(), limits);
    reached(body.size());
    return data;
}

}  // namespace playground
