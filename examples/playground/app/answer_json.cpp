// SPDX-License-Identifier: MIT
#include "answer_json.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <vector>

#include <nlohmann/json.hpp>

#include <renn/data/hsv_rgb.hpp>
#include <renn/report/picture.hpp>
#include <renn/retrace/blend.hpp>
#include <renn/retrace/certainty.hpp>
#include <renn/retrace/source_targets.hpp>

namespace playground {
namespace {

constexpr std::size_t most_blended = 50;           // sources further down mean little
constexpr std::size_t most_blended_neuron = 1000;  // of one neuron, which has k; each costs a pass over its pixels
constexpr renn::Index most_shown_values = 64;

/// JSON has no NaN.
Json number(double value) {
    return std::isfinite(value) ? Json(value) : Json();
}

template <class V>
Json numbers(const V& values) {
    Json list = Json::array();
    for (renn::Index i = 0; i < std::min<renn::Index>(std::ssize(values), most_shown_values); ++i) {
        list.push_back(number(static_cast<double>(values[static_cast<decltype(values.size())>(i)])));
    }
    return list;
}

Json class_number(std::int32_t number) {
    return number < 0 ? Json() : Json(number);
}

bool is_regression(const renn::Dataset<float>& data) {
    return data.has_targets() && !data.has_labels();
}

/// Samples and blends in one data set's own terms.
class Painter {
public:
    Painter(const Model& model, Look look) : model_(model), train_(model.train), look_(look) {}

    /// An input as it is.
    void put_input(Json& to, const renn::Column<float>& input) const {
        switch (look_) {
            case Look::picture:
                to["picture"] = renn::picture(input, train_.image()).uri;
                break;
            case Look::colour:
                to["colour"] = renn::hsv_to_rgb<float>({input[0], input[1], input[2]});
                [[fallthrough]];  // as numbers too: hue, saturation, value
            case Look::values:
                to["values"] = numbers(input);
        }
    }

    void put_sample(Json& to, const renn::Dataset<float>& data, renn::Index position) const {
        put_input(to, data.input(position));
        if (!data.tags().empty()) to["tag"] = data.tags()[static_cast<std::size_t>(position)];
        if (data.has_targets()) to["target"] = numbers(renn::Column<float>(data.targets().col(position)));
    }

    void put_source(Json& to, std::uint64_t id) const {
        const renn::Index position = train_.position_of(id);
        put_sample(to, train_, position);
        if (train_.has_labels()) to["label"] = train_.label(position);
    }

    /// Colours are blended as red, green and blue: hues have no mean.
    void put_blend(Json& to, const std::vector<double>& weights, const std::vector<std::uint64_t>& ids) const {
        to["blended"] = ids.size();
        if (ids.empty()) return;
        if (look_ == Look::colour) {
            to["colour"] = numbers(renn::blend_targets(weights, ids, train_));
        } else {
            put_input(to, renn::blend(weights, ids, train_));
        }
    }

    Json cloud(const std::vector<double>& weights, const std::vector<std::uint64_t>& ids) const {
        Json points = Json::array();
        for (std::size_t i = 0; i < ids.size(); ++i) {
            Json point{{"id", ids[i]}, {"weight", weights[i]}};
            if (look_ == Look::colour) {
                point["colour"] = numbers(renn::Column<float>(train_.targets().col(train_.position_of(ids[i]))));
            }
            points.push_back(std::move(point));
        }
        return points;
    }

    const renn::Dataset<float>& train() const noexcept { return train_; }

private:
    const Model& model_;
    const renn::Dataset<float>& train_;
    const Look look_;
};

std::vector<std::uint64_t> ids_of(std::span<const renn::Source> sources) {
    std::vector<std::uint64_t> ids;
    for (const renn::Source& s : sources) ids.push_back(s.id);
    return ids;
}

/// Sources, and what they say together.
template <class Votes>
Json voted(const Votes& votes, std::span<const renn::Source> top, std::int32_t prediction, const Painter& paint,
           std::size_t shown) {
    Json json{{"neurons", votes.neurons()}, {"votes", votes.total()}, {"sources", Json::array()}};
    const bool regression = is_regression(paint.train());
    for (const renn::Source& source : top.first(std::min(shown, top.size()))) {
        Json one{{"id", source.id},
                 {"votes", source.votes},
                 {"share", source.share},
                 {"prediction", regression ? Json() : class_number(source.prediction)}};
        paint.put_source(one, source.id);
        json["sources"].push_back(std::move(one));
    }
    if (votes.has_labels()) {
        const auto evidence = votes.evidence();
        const std::int32_t best = renn::evidence_class(evidence);
        json["evidence"] = evidence;
        json["evidence_class"] = class_number(best);
        json["certainty"] = renn::certainty(evidence);
        json["margin"] = renn::margin(evidence);
        json["agreement"] = prediction >= 0 && best == prediction;
    }
    if (paint.train().has_targets() && !top.empty()) {
        const auto targets = renn::source_targets<float>(top.first(std::min(top.size(), most_blended)), paint.train());
        json["targets"] = numbers(targets.mean);
        json["spread"] = numbers(targets.spread);
    }
    return json;
}

Json blend_of(std::span<const renn::Source> top, std::int64_t k, const Painter& paint) {
    const auto used = top.first(std::min({top.size(), static_cast<std::size_t>(k), most_blended}));
    Json blend = Json::object();
    paint.put_blend(blend, renn::vote_weights(used), ids_of(used));
    return blend;
}

Json sample_json(const Query& query, const Model& model, const Painter& paint) {
    Json sample{{"label", class_number(query.label)}};
    if (query.of == Query::Of::drawn) {
        sample["set"] = "drawn";
        paint.put_input(sample, query.input);
        return sample;
    }
    const auto& data = query.recorded ? model.train : model.test;
    sample["set"] = query.recorded ? "train" : "test";
    sample["id"] = query.id;
    paint.put_sample(sample, data, data.position_of(query.id));
    return sample;
}

}  // namespace

Shown parse_shown(const Json& json) {
    const auto found = json.find("show");
    if (found == json.end()) return {};
    if (!found->is_object()) throw HttpError(422, "query", "show: expected an object");
    try {
        return {.sources = static_cast<std::size_t>(whole_number(*found, "sources", 1, 20, 3)),
                .cloud = static_cast<std::size_t>(whole_number(*found, "cloud", 0, 1000, 0)),
                .layers = yes_or_no(*found, "layers", false)};
    } catch (const HttpError& e) {
        throw HttpError(e.status(), e.kind(), std::string("show.") + e.what());
    }
}

Look look_of(const Model& model, bool colours) {
    if (colours && model.train.features() == 3 && model.train.targets().rows() == 3) return Look::colour;
    const renn::Shape& image = model.train.image();
    return image.channels == 1 || image.channels == 3 ? Look::picture : Look::values;
}

Json answer_json(const Query& query, const Traced::Answer& answer, const Model& model, Look look, const Shown& shown) {
    const Painter paint(model, look);
    const std::int64_t k = query.options.k;
    const std::size_t needed = std::max(shown.sources, most_blended);
    const std::int32_t prediction = is_regression(model.train) ? -1 : answer.prediction();
    Json json{{"sample", sample_json(query, model, paint)},
              {"prediction", class_number(prediction)},
              {"outputs", numbers(answer.outputs())},
              {"blends", Json::array()},
              {"layers", Json::array()}};

    bool pre = false, post = false;
    const std::size_t places = answer.layers().size();
    for (std::size_t i = 0; i < places; ++i) {
        const renn::Point& place = answer.place(i);
        (place.kind == renn::Kind::pre ? pre : post) = true;
        if (!shown.layers) continue;
        const auto votes = answer.layer(i);
        const auto top = votes.top(needed);
        Json layer = voted(votes, top, prediction, paint, shown.sources);
        layer["place"] = place.name;
        layer["kind"] = renn::kind_name(place.kind);
        layer["layer"] = place.layer;
        layer["blend"] = blend_of(top, k, paint);
        json["layers"].push_back(std::move(layer));
    }

    const auto top = answer.top(std::max(needed, shown.cloud));
    json["voted"] = voted(answer, top, prediction, paint, shown.sources);
    for (const renn::Kind kind : {renn::Kind::post, renn::Kind::pre}) {
        if (!(kind == renn::Kind::pre ? pre : post)) continue;
        const bool alone = pre != post;  // then the kind's votes are all there are
        Json blend = blend_of(alone ? std::vector(top) : answer.kind(kind).top(most_blended), k, paint);
        blend["kind"] = renn::kind_name(kind);
        json["blends"].push_back(std::move(blend));
    }
    if (shown.cloud > 0) {
        const auto used = std::span(top).first(std::min(top.size(), shown.cloud));
        json["cloud"] = paint.cloud(renn::vote_weights(used), ids_of(used));
    }
    return json;
}

Json neurons_json(const Traced::Answer& answer, const Model& model, Look look, const Shown& shown, std::size_t first,
                  std::size_t count) {
    const Painter paint(model, look);
    const renn::Point& place = answer.place(0);
    const std::vector<std::uint32_t> units = answer.units(0);
    Json json{{"place", place.name},
              {"kind", renn::kind_name(place.kind)},
              {"total", units.size()},
              {"first", first},
              {"neurons", Json::array()}};
    for (std::size_t i = first; i < std::min(units.size(), first + count); ++i) {
        const renn::NeuronSources found = answer.neuron(i);
        Json one{{"unit", units[i]},        {"value", number(found.value)},
                 {"votes", found.votes},    {"boundary", number(found.boundary)},
                 {"closer", found.closer},  {"tied", found.tied},
                 {"nearest", Json::array()}};
        const auto all = std::span(found.neighbours);
        const auto ids = [](std::span<const renn::Neighbour> some) {
            std::vector<std::uint64_t> list;
            for (const renn::Neighbour& n : some) list.push_back(n.id);
            return list;
        };
        const auto used = all.first(std::min(all.size(), most_blended_neuron));
        paint.put_blend(one, renn::distance_weights(used), ids(used));
        for (const renn::Neighbour& n : all.first(std::min(all.size(), shown.sources))) {
            Json near{{"id", n.id}, {"value", number(n.value)}, {"distance", number(n.distance)}};
            paint.put_source(near, n.id);
            one["nearest"].push_back(std::move(near));
        }
        if (model.train.has_labels() && !all.empty()) {
            std::vector<std::size_t> of_class(static_cast<std::size_t>(model.train.classes()), 0);
            for (const renn::Neighbour& n : all) {
                ++of_class[static_cast<std::size_t>(model.train.label(model.train.position_of(n.id)))];
            }
            const auto most = std::ranges::max_element(of_class);
            one["label"] = most - of_class.begin();
            one["label_share"] = static_cast<double>(*most) / static_cast<double>(all.size());
        }
        if (shown.cloud > 0) {
            const auto points = all.first(std::min(all.size(), shown.cloud));
            one["cloud"] = paint.cloud(renn::distance_weights(points), ids(points));
        }
        json["neurons"].push_back(std::move(one));
    }
    return json;
}

}  // namespace playground
