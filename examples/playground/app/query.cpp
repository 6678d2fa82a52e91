// SPDX-License-Identifier: MIT
#include "query.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

namespace playground {
namespace {

[[noreturn]] void refuse(const std::string& member, const std::string& why) {
    throw HttpError(422, "query", member + ": " + why);
}

void take_sample(const Json& of, const char* set, const renn::Dataset<float>& samples, Query& query) {
    const std::string member = std::string("of.") + set;
    if (!of.at(set).is_number_unsigned()) refuse(member, "expected the number of a sample");
    query.id = of.at(set).get<std::uint64_t>();
    if (!samples.contains(query.id)) refuse(member, "there is no sample " + std::to_string(query.id));
    const renn::Index position = samples.position_of(query.id);
    query.input = samples.input(position);
    if (samples.has_labels()) query.label = samples.label(position);
}

void take_drawn(const Json& of, const Model& model, Query& query) {
    if (!of.at("drawn").is_string()) refuse("of.drawn", "expected pixels as base64");
    const auto pixels = from_base64(of.at("drawn").get<std::string>());
    if (std::ssize(pixels) != model.train.features()) {
        refuse("of.drawn",
               "got " + std::to_string(pixels.size()) + " pixels, expected " + std::to_string(model.train.features()));
    }
    query.input.resize(std::ssize(pixels));
    std::ranges::transform(pixels, query.input.data(), [](std::uint8_t p) { return static_cast<float>(p) / 255.0F; });
}

void take_input(const Json& json, const Model& model, Query& query) {
    const auto of = json.find("of");
    if (of == json.end() || !of->is_object() || of->size() != 1) {
        refuse("of", "expected {\"test\": number}, {\"train\": number} or {\"drawn\": pixels}");
    }
    if (of->contains("test")) {
        query.of = Query::Of::test;
        take_sample(*of, "test", model.test, query);
    } else if (of->contains("train")) {
        query.of = Query::Of::train;
        take_sample(*of, "train", model.train, query);
        query.recorded = true;
    } else if (of->contains("drawn")) {
        take_drawn(*of, model, query);
    } else {
        refuse("of." + of->begin().key(), "there are \"test\", \"train\" and \"drawn\"");
    }
}

renn::Ties ties_of(const Json& json) {
    const auto name = json.find("ties");
    if (name == json.end()) return renn::Ties::share;
    for (const renn::Ties ties :
         {renn::Ties::share, renn::Ties::strict, renn::Ties::skip_inactive, renn::Ties::lowest_id}) {
        if (name->is_string() && renn::ties_name(ties) == name->get_ref<const std::string&>()) return ties;
    }
    refuse("ties", "expected \"share\", \"strict\", \"skip_inactive\" or \"lowest_id\"");
}

/// Ranges of units that vote.
void take_units(const Json& json, const Model& model, Query& query) {
    const auto ranges = json.find("units");
    if (ranges == json.end()) return;
    if (!ranges->is_array() || ranges->size() > 200) refuse("units", "expected a list of at most 200 ranges");
    for (std::size_t i = 0; i < ranges->size(); ++i) {
        const Json& range = (*ranges)[i];
        const std::string member = "units[" + std::to_string(i) + "]";
        if (!range.is_object() || !range.contains("place") || !range.at("place").is_string()) {
            refuse(member + ".place", "expected the name of a place");
        }
        const renn::Point& place = place_named(model, range.at("place").get<std::string>(), member + ".place");
        if (!(place.kind == renn::Kind::pre ? query.options.pre : query.options.post)) {
            refuse(member + ".place", "\"" + place.name + "\" is a place of the kind \"" +
                                          std::string(renn::kind_name(place.kind)) + "\", which does not vote here");
        }
        const std::int64_t last = place.count() - 1;
        std::int64_t from = 0, to = last;
        try {
            from = whole_number(range, "from", 0, last, 0);
            to = whole_number(range, "to", from, last, last);
        } catch (const HttpError& e) {
            refuse(member, e.what());
        }
        const auto first = place.units.begin();
        query.units.push_back({place.name, {first + from, first + to + 1}});
    }
    if (query.units.empty()) refuse("units", "expected 1 range or more");
}

/// Neurons that are switched off.
void take_off(const Json& json, const Model& model, Query& query) {
    const auto places = json.find("off");
    if (places == json.end()) return;
    if (!places->is_object()) refuse("off", "expected lists of neurons by place");
    for (const auto& [name, units] : places->items()) {
        const std::string member = "off." + name;
        const renn::Point& place = place_named(model, name, "off");
        if (!units.is_array() || std::ssize(units) > place.width) refuse(member, "expected a list of neurons");
        renn::MaskedUnits masked{.layer = name, .units = {}};
        for (const Json& unit : units) {
            if (!unit.is_number_unsigned() || unit.get<std::uint64_t>() >= static_cast<std::uint64_t>(place.width)) {
                refuse(member, "expected neurons from 0 to " + std::to_string(place.width - 1));
            }
            masked.units.push_back(unit.get<std::uint32_t>());
        }
        std::ranges::sort(masked.units);
        if (std::ranges::adjacent_find(masked.units) != masked.units.end()) refuse(member, "a neuron is named twice");
        if (!masked.units.empty()) query.off.push_back(std::move(masked));
    }
}

}  // namespace

const Model& trained(const std::shared_ptr<const Model>& model) {
    if (!model || !model->traced.recorded()) {
        throw HttpError(409, "not_trained", "there is no trained network yet: train one first");
    }
    return *model;
}

const Model& answered(const Snapshot& now, const Json& asked) {
    const Model& model = trained(now.model);
    const auto query = asked.find("query");
    const Json& of = query != asked.end() && query->is_object() ? *query : asked;
    const auto version = of.find("model_version");
    if (version != of.end() && *version != now.model_version) {
        throw HttpError(409, "stale", "The network has changed since this was answered: retrace it again.");
    }
    return model;
}

std::vector<std::uint8_t> from_base64(const std::string& text) {
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::vector<std::uint8_t> bytes;
    std::uint32_t held = 0;
    int bits = 0;
    const std::size_t end = text.find_last_not_of('=') + 1;
    if (text.size() % 4 != 0 || text.size() - end > 2) throw HttpError(400, "base64", "this is not base64");
    for (std::size_t i = 0; i < end; ++i) {
        const std::size_t value = letters.find(text[i]);
        if (value == std::string_view::npos) throw HttpError(400, "base64", "this is not base64");
        held = held << 6 | static_cast<std::uint32_t>(value);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes.push_back(static_cast<std::uint8_t>(held >> bits & 255U));
        }
    }
    return bytes;
}

const renn::Point& place_named(const Model& model, const std::string& name, const std::string& member) {
    std::string known;
    for (const renn::Point& point : model.traced.store().points) {
        if (point.name == name) return point;
        known += (known.empty() ? "" : ", ") + point.name;
    }
    refuse(member, "there is no place \"" + name + "\": expected one of " + known);
}

std::int64_t whole_number(const Json& json, const std::string& member, std::int64_t least, std::int64_t most,
                          std::int64_t otherwise) {
    const auto found = json.find(member);
    if (found == json.end()) return otherwise;
    const bool fits = found->is_number_integer() &&
                      (!found->is_number_unsigned() || found->get<std::uint64_t>() <= std::uint64_t{1} << 62U);
    if (!fits || found->get<std::int64_t>() < least || found->get<std::int64_t>() > most) {
        refuse(member, "expected a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    }
    return found->get<std::int64_t>();
}

bool yes_or_no(const Json& json, const std::string& member, bool otherwise) {
    const auto found = json.find(member);
    if (found == json.end()) return otherwise;
    if (!found->is_boolean()) refuse(member, "expected true or false");
    return found->get<bool>();
}

Query parse_query(const Json& json, const Model& model) {
    Query query;
    take_input(json, model, query);
    query.options.k = whole_number(json, "k", 1, 10000, query.options.k);
    query.options.ties = ties_of(json);
    query.options.pre = yes_or_no(json, "pre", true);
    query.options.post = yes_or_no(json, "post", false);
    if (!query.options.pre && !query.options.post) refuse("pre and post", "expected 1 or more of them");
    take_units(json, model, query);
    take_off(json, model, query);
    return query;
}

renn::Activations<float> activations_of(const Query& query, const Model& model) {
    if (query.off.empty()) return model.traced.activations(query.input);
    return renn::activations(renn::masked(model.traced.network(), query.off), query.input);
}

Traced::Answer retrace(const Query& query, const Model& model, const renn::Activations<float>& values,
                       const std::string& place) {
    renn::RetraceOptions options = query.options;
    if (query.recorded) options.without = query.id;
    auto units = query.units;
    if (!place.empty()) {
        options.layers = {place};
        if (!units.empty()) std::erase_if(units, [&](const auto& some) { return some.layer != place; });
        if (units.empty() && !query.units.empty()) refuse("place", "no neuron of \"" + place + "\" votes");
    }
    auto answer = std::move(model.traced.retrace_activations(values, options).front());
    return units.empty() ? std::move(answer) : answer.only(units);
}

Traced::Answer retrace(const Query& query, const Model& model, const std::string& place) {
    return retrace(query, model, activations_of(query, model), place);
}

}  // namespace playground
