// SPDX-License-Identifier: MIT
#include "samples.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <renn/data/statistics.hpp>
#include <renn/report/picture.hpp>

namespace playground {

namespace {

constexpr renn::Index values_in_a_page = 24;

/// As it was in the user's file, but for what float could not keep.
double original(const DataSet& data, renn::Index feature, double value) {
    if (data.shift.size() == 0) return value;
    const auto shift = static_cast<double>(data.shift[feature]), scale = static_cast<double>(data.scale[feature]);
    const double kept = std::pow(10.0, std::floor(std::log10(std::max(std::abs(shift), scale))) - 6.0);
    return kept * std::round((value * scale + shift) / kept);
}

bool is_picture(const renn::Dataset<float>& part) {
    return !part.image().unknown() && (part.image().channels == 1 || part.image().channels == 3);
}

Json colour(const renn::Dataset<float>& part, renn::Index position) {
    Json rgb = Json::array();
    for (renn::Index i = 0; i < 3; ++i) {
        rgb.push_back(std::lround(255.0F * std::clamp(part.targets()(i, position), 0.0F, 1.0F)));
    }
    return rgb;
}

Json sample(const DataSet& data, const renn::Dataset<float>& part, renn::Index position, renn::Index most_values) {
    Json json = {{"id", part.id(position)}, {"position", position}};
    if (part.has_labels()) {
        json["label"] = part.label(position);
        json["class"] = part.class_name(part.label(position));
    }
    const auto values = part.input(position);
    if (is_picture(part)) {
        json["picture"] = renn::picture(values, part.image()).uri;
        return json;
    }
    Json shown = Json::array();
    for (renn::Index i = 0; i < std::min(values.size(), most_values); ++i) {
        shown.push_back(original(data, i, static_cast<double>(values[i])));
    }
    json["values"] = std::move(shown);
    if (data.name == "hsv_rgb") json["rgb"] = colour(part, position);
    if (part.has_targets()) {
        Json targets = Json::array();
        for (renn::Index i = 0; i < std::min(part.targets().rows(), most_values); ++i) {
            targets.push_back(part.targets()(i, position));
        }
        json["targets"] = std::move(targets);
    }
    return json;
}

Json facts(const DataSet& data, const renn::Dataset<float>& part) {
    std::vector<std::int64_t> counts(static_cast<std::size_t>(part.classes()));
    for (const std::int32_t label : part.labels()) ++counts[static_cast<std::size_t>(label)];
    const auto s = renn::feature_statistics(part);
    Json json = {{"samples", part.samples()}, {"counts", counts}, {"bytes", part.bytes()}};
    if (data.shift.size() == 0) {
        json["minimum"] = s.minimum.minCoeff();
        json["mean"] = s.mean.mean();
        json["maximum"] = s.maximum.maxCoeff();
    }
    if (is_picture(part)) {
        json["mean_picture"] = renn::picture(s.mean.cast<float>(), part.image()).uri;
        return json;
    }
    Json features = Json::array();
    constexpr renn::Index most = 200;
    for (renn::Index i = 0; i < std::min(part.features(), most); ++i) {
        const double scale = data.shift.size() == 0 ? 1.0 : static_cast<double>(data.scale[i]);
        features.push_back({{"minimum", original(data, i, s.minimum[i])},
                            {"mean", original(data, i, s.mean[i])},
                            {"maximum", original(data, i, s.maximum[i])},
                            {"deviation", s.deviation[i] * scale}});
    }
    json["features"] = std::move(features);
    return json;
}

std::string digits(const renn::Dataset<float>& part) {
    constexpr renn::Index across = 8, down = 2;
    const renn::Shape& shape = part.image();
    renn::Shape mosaic{shape.channels, shape.height * down, shape.width * across};
    renn::Column<float> values = renn::Column<float>::Zero(mosaic.channels * mosaic.height * mosaic.width);
    for (renn::Index n = 0; n < std::min(across * down, part.samples()); ++n) {
        const auto one = part.input(n);
        const renn::Index top = n / across * shape.height, left = n % across * shape.width;
        for (renn::Index c = 0; c < shape.channels; ++c) {
            for (renn::Index y = 0; y < shape.height; ++y) {
                values.segment((c * mosaic.height + top + y) * mosaic.width + left, shape.width) =
                    one.segment((c * shape.height + y) * shape.width, shape.width);
            }
        }
    }
    return renn::picture(values, mosaic).uri;
}

/// Hue across, from white to the full colour to black down.
std::string rainbow() {
    constexpr renn::Index wide = 96, high = 24;
    renn::Column<float> values(3 * wide * high);
    for (renn::Index y = 0; y < high; ++y) {
        for (renn::Index x = 0; x < wide; ++x) {
            const float down = 2.0F * (static_cast<float>(y) + 0.5F) / static_cast<float>(high);
            for (renn::Index c = 0; c < 3; ++c) {
                const float turn =
                    static_cast<float>(x) / static_cast<float>(wide) + 1.0F - static_cast<float>(c) / 3.0F;
                const float hue = std::clamp(std::abs((turn - std::floor(turn)) * 6.0F - 3.0F) - 1.0F, 0.0F, 1.0F);
                const float light = down < 1.0F ? 1.0F + (hue - 1.0F) * down : hue * (2.0F - down);
                values[(c * high + y) * wide + x] = light;
            }
        }
    }
    return renn::picture(values, {3, high, wide}).uri;
}

}  // namespace

const renn::Dataset<float>& part_of(const DataSet& data, const std::string& set) {
    if (set == "train") return data.train;
    if (set == "test") return data.test;
    throw HttpError(404, "unknown_part", "there is no part \"" + set.substr(0, 40) + "\": expected train or test");
}

Json samples_page(const DataSet& data, const std::string& set, std::int64_t first, std::int64_t count,
                  std::int64_t label) {
    const auto& part = part_of(data, set);
    std::vector<renn::Index> positions;
    std::int64_t total = part.samples();
    if (label < 0) {
        for (std::int64_t i = first; i < total && i - first < count; ++i) positions.push_back(i);
    } else {
        total = 0;
        const auto labels = part.labels();
        for (std::size_t i = 0; i < labels.size(); ++i) {
            if (labels[i] != label) continue;
            if (total >= first && total - first < count) positions.push_back(static_cast<renn::Index>(i));
            ++total;
        }
    }
    Json samples = Json::array();
    for (const renn::Index position : positions) samples.push_back(sample(data, part, position, values_in_a_page));
    return {{"set", set}, {"total", total}, {"first", first}, {"samples", std::move(samples)}};
}

Json sample_whole(const DataSet& data, const std::string& set, std::uint64_t id) {
    const auto& part = part_of(data, set);
    if (!part.contains(id)) {
        throw HttpError(404, "unknown_sample", "the " + set + " part has no sample with id " + std::to_string(id));
    }
    const renn::Index position = part.position_of(id);
    Json json = sample(data, part, position, part.features());
    if (part.has_labels()) {
        const auto before = part.labels().first(static_cast<std::size_t>(position));
        json["position_in_class"] = std::ranges::count(before, part.label(position));
    }
    return json;
}

const std::string& facts_of(const DataSet& data) {
    std::call_once(data.facts->once, [&] {
        const Json json = {{"name", data.name},
                           {"title", data.title},
                           {"train", facts(data, data.train)},
                           {"test", facts(data, data.test)},
                           {"feature_names", data.feature_names},
                           {"target_names", data.target_names},
                           {"standardized", data.shift.size() > 0},
                           {"bytes", data.bytes()},
                           {"preview", preview_of(data)}};
        data.facts->json = json_response(json).body;
    });
    return data.facts->json;
}

Json colours_of(const DataSet& data, const std::string& set) {
    const auto& part = part_of(data, set);
    if (data.name != "hsv_rgb") throw HttpError(409, "no_colours", "these data are no colours");
    constexpr renn::Index most = 2200, step = 3;
    const auto levels = static_cast<renn::Index>(std::lround(std::cbrt(static_cast<double>(part.samples()))));
    const bool grid = set == "train" && levels * levels * levels == part.samples();
    Json colours = Json::array();
    const auto add = [&](renn::Index position) {
        Json rgb = colour(part, position);
        rgb.push_back(part.id(position));
        colours.push_back(std::move(rgb));
    };
    if (!grid) {
        for (renn::Index i = 0; i < std::min(most, part.samples()); ++i) add(i);
    } else {
        for (renn::Index a = 0; a < levels; a += step) {
            for (renn::Index b = 0; b < levels; b += step) {
                for (renn::Index c = 0; c < levels; c += step) add((a * levels + b) * levels + c);
            }
        }
    }
    return {{"set", set}, {"total", part.samples()}, {"colours", std::move(colours)}};
}

std::string preview_of(const DataSet& data) {
    if (data.name == "hsv_rgb") return rainbow();
    return is_picture(data.train) && data.train.features() <= 4096 ? digits(data.train) : std::string();
}

}  // namespace playground
