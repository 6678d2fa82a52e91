// SPDX-License-Identifier: MIT
#include "neurons.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <nlohmann/json.hpp>

#include <renn/retrace/blend.hpp>

#include "query.hpp"
#include "sample_json.hpp"

namespace playground {
namespace {

Query query_of(const Json& asked, const Model& model) {
    if (!asked.contains("query") || !asked.at("query").is_object()) {
        throw HttpError(422, "query", "query: expected an object that says what is retraced");
    }
    return parse_query(asked.at("query"), model);
}

std::uint64_t number_of(const Json& asked, const char* member) {
    if (!asked.contains(member) || !asked.at(member).is_number_unsigned()) {
        throw HttpError(422, member, std::string(member) + ": expected a number, 0 or more");
    }
    return asked.at(member).get<std::uint64_t>();
}

/// The model's own answer for a recorded sample.
void add_prediction(const Model& model, std::uint64_t id, Json& sample) {
    const auto& store = model.traced.store();
    const auto position = static_cast<std::size_t>(store.position_of(id));
    sample["prediction"] = store.predictions.empty() ? -1 : store.predictions[position];
    if (!model.train.has_targets() || store.outputs.rows() > 32) return;
    Json outputs = Json::array();
    for (renn::Index i = 0; i < store.outputs.rows(); ++i) {
        outputs.push_back(rounded(static_cast<double>(store.outputs(i, static_cast<renn::Index>(position)))));
    }
    sample["outputs"] = std::move(outputs);
}

renn::Unit unit_of(const Model& model, const std::string& place, std::uint64_t unit) {
    const auto& points = model.traced.store().points;
    const auto point = std::ranges::find(points, place, &renn::Point::name);
    if (point == points.end()) throw HttpError(422, "place", "place: there is no \"" + place + "\" in this network");
    const auto found = std::ranges::lower_bound(point->units, unit);
    if (found == point->units.end() || *found != unit) {
        throw HttpError(422, "unit", "unit: \"" + place + "\" has no neuron " + std::to_string(unit));
    }
    return {static_cast<std::uint32_t>(point - points.begin()),
            static_cast<std::uint32_t>(found - point->units.begin())};
}

/// Counts of values in bins of equal width from the smallest to the largest.
Json histogram(const std::vector<double>& values) {
    constexpr std::size_t bins = 40;
    const auto [least, most] = std::ranges::minmax(values);
    std::vector<std::uint64_t> counts(bins, 0);
    const double width = most - least;
    for (const double value : values) {
        const double part = width > 0.0 ? (value - least) / width : 0.0;
        ++counts[std::min(bins - 1, static_cast<std::size_t>(part * static_cast<double>(bins)))];
    }
    return {{"from", rounded(least)},
            {"to", rounded(most)},
            {"counts", counts},
            {"zeros", std::ranges::count(values, 0.0)},
            {"samples", values.size()}};
}

/// Mean, standard deviation and share of active samples for each class; null without labels.
Json class_profile(const std::vector<double>& values, const auto& labels, std::size_t classes) {
    if (labels.empty()) return {};
    std::vector<double> sum(classes, 0.0), squares(classes, 0.0), active(classes, 0.0), count(classes, 0.0);
    for (std::size_t s = 0; s < values.size(); ++s) {
        const auto c = static_cast<std::size_t>(labels[s]);
        sum[c] += values[s];
        active[c] += values[s] > 0.0 ? 1.0 : 0.0;
        count[c] += 1.0;
    }
    const auto mean = [&](std::size_t c) { return sum[c] / std::max(count[c], 1.0); };
    for (std::size_t s = 0; s < values.size(); ++s) {
        const auto c = static_cast<std::size_t>(labels[s]);
        squares[c] += (values[s] - mean(c)) * (values[s] - mean(c));
    }
    Json profile = Json::array();
    for (std::size_t c = 0; c < classes; ++c) {
        profile.push_back({{"mean", rounded(mean(c))},
                           {"deviation", rounded(std::sqrt(squares[c] / std::max(count[c], 1.0)))},
                           {"active", rounded(active[c] / std::max(count[c], 1.0))},
                           {"samples", count[c]}});
    }
    return profile;
}

}  // namespace

Json places_json(const Model& model) {
    const auto& store = model.traced.store();
    Json places = Json::array();
    for (std::size_t p = 0; p < store.points.size(); ++p) {
        const renn::Point& point = store.points[p];
        const bool last = p + 1 == store.points.size() || store.points[p + 1].layer != point.layer;
        places.push_back({{"name", point.name},
                          {"kind", renn::kind_name(point.kind)},
                          {"layer", point.layer},
                          {"neurons", point.count()},
                          {"output", point.layer == store.points.back().layer},
                          {"switches", last}});
    }
    return places;
}

Json voters_json(const Json& asked, const Model& model) {
    const Query query = query_of(asked, model);
    const std::uint64_t id = number_of(asked, "source");
    if (!model.train.contains(id)) {
        throw HttpError(422, "source", "source: there is no training sample " + std::to_string(id));
    }
    const auto answer = retrace(query, model);
    const double votes = answer.votes(id), total = answer.total();
    Json source = sample_json(model.train, id);
    add_prediction(model, id, source);
    source["votes"] = rounded(votes);
    source["share"] = rounded(total > 0.0 ? votes / total : 0.0);
    Json places = Json::array();
    for (std::size_t i = 0; i < answer.layers().size(); ++i) {
        const renn::Point& point = answer.place(i);
        places.push_back({{"name", point.name},
                          {"kind", renn::kind_name(point.kind)},
                          {"neurons", point.count()},
                          {"votes", rounded(answer.layer(i).votes(id))},
                          {"units", Json::array()},
                          {"of", Json::array()},
                          {"distances", Json::array()}});
    }
    for (const auto& voter : answer.voters(id)) {
        Json& place = places[voter.place];
        place["units"].push_back(voter.unit);
        place["of"].push_back(rounded(voter.votes));
        place["distances"].push_back(rounded(voter.distance));
    }
    return {{"source", std::move(source)}, {"places", std::move(places)}, {"total", total}};
}

Json neuron_json(const Json& asked, const Model& model) {
    constexpr std::size_t most_shown = 12;
    Query query = query_of(asked, model);
    if (!asked.contains("place") || !asked.at("place").is_string()) {
        throw HttpError(422, "place", "place: expected the name of a place, such as \"dense1\"");
    }
    const auto place = asked.at("place").get<std::string>();
    const std::uint64_t number = number_of(asked, "unit");
    const renn::Unit unit = unit_of(model, place, number);
    const auto& store = model.traced.store();
    const renn::Point& point = store.points[unit.point];
    query.options.pre = point.kind == renn::Kind::pre;
    query.options.post = point.kind == renn::Kind::post;
    query.units = {{place, {static_cast<std::uint32_t>(number)}}};
    const renn::NeuronSources found = retrace(query, model).neuron(0);

    Json closest = Json::array();
    for (std::size_t i = 0; i < std::min(found.neighbours.size(), most_shown); ++i) {
        const renn::Neighbour& near = found.neighbours[i];
        Json sample = sample_json(model.train, near.id);
        add_prediction(model, near.id, sample);
        sample["value"] = rounded(near.value);
        sample["distance"] = rounded(near.distance);
        closest.push_back(std::move(sample));
    }
    std::vector<double> values(static_cast<std::size_t>(store.samples()));
    for (std::size_t s = 0; s < values.size(); ++s) {
        values[s] = static_cast<double>(model.traced.index().value(unit, static_cast<std::uint32_t>(s)));
    }
    const bool drawn = !model.train.image().unknown() && !found.neighbours.empty();
    return {{"place", place},
            {"unit", number},
            {"kind", renn::kind_name(point.kind)},
            {"value", rounded(found.value)},
            {"boundary", rounded(found.boundary)},
            {"closer", found.closer},
            {"tied", found.tied},
            {"places", found.places},
            {"votes", found.votes},
            {"closest", std::move(closest)},
            {"blend", drawn ? picture_json(renn::blend(found, model.train), model.train.image()) : Json()},
            {"distribution", values.empty() ? Json() : histogram(values)},
            {"profile", class_profile(values, store.labels, static_cast<std::size_t>(store.classes()))}};
}

}  // namespace playground
