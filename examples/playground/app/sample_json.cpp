// SPDX-License-Identifier: MIT
#include "sample_json.hpp"

#include <cmath>

#include <nlohmann/json.hpp>

#include <renn/report/picture.hpp>

namespace playground {
namespace {

constexpr renn::Index most_numbers = 32;

Json numbers(const renn::Column<float>& values) {
    if (values.size() > most_numbers) return {};
    Json all = Json::array();
    for (const float value : values) all.push_back(rounded(static_cast<double>(value)));
    return all;
}

}  // namespace

Json rounded(double value) {
    if (!std::isfinite(value)) return {};
    if (value == 0.0) return 0;
    const double digits = 3.0 - std::floor(std::log10(std::abs(value)));
    if (digits > 300.0) return 0;
    const double scale = std::pow(10.0, digits);
    const double short_one = std::round(value * scale) / scale;
    return std::isfinite(short_one) ? Json(short_one) : Json(value);
}

Json picture_json(const renn::Column<float>& values, const renn::Shape& image) {
    if (image.unknown() || (image.channels != 1 && image.channels != 3)) return {};
    return renn::picture(values, image).uri;
}

Json sample_json(const renn::Dataset<float>& data, std::uint64_t id) {
    const renn::Index position = data.position_of(id);
    const renn::Column<float> input = data.input(position);
    Json sample = {{"id", id},
                   {"label", data.has_labels() ? data.label(position) : -1},
                   {"picture", picture_json(input, data.image())}};
    if (data.image().unknown()) sample["inputs"] = numbers(input);
    if (data.has_targets()) sample["targets"] = numbers(data.targets().col(position));
    return sample;
}

}  // namespace playground
