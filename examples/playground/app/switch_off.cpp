// SPDX-License-Identifier: MIT
#include "switch_off.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <renn/evaluation/confusion.hpp>
#include <renn/retrace/deactivation.hpp>

#include "class_profiles.hpp"
#include "findings.hpp"
#include "job.hpp"
#include "model.hpp"
#include "sample_json.hpp"
#include "session.hpp"

namespace playground {
namespace {

/// So many samples that a pass over them takes about this many multiplications, evenly from the whole set.
renn::Dataset<float> part_of(const renn::Dataset<float>& data, const Net& net, double multiplications,
                             renn::Index most) {
    const double each = 1.0 + static_cast<double>(renn::parameter_count(net.parameters()));
    const auto wanted = static_cast<renn::Index>(std::clamp(multiplications / each, 100.0, 1e9));
    const renn::Index count = std::min({wanted, most, data.samples()});
    if (count == data.samples()) return data;
    std::vector<renn::Index> positions(static_cast<std::size_t>(count));
    for (renn::Index i = 0; i < count; ++i) positions[static_cast<std::size_t>(i)] = i * data.samples() / count;
    return data.select(positions);
}

}  // namespace

renn::Mask parse_off(const Json& json) {
    constexpr std::size_t most_places = 64, most_units = 65536;
    if (!json.is_object()) throw HttpError(422, "off", "off: expected an object of places, {\"relu1\": [3, 17]}");
    if (json.size() > most_places) throw HttpError(422, "off", "off: names too many places");
    renn::Mask mask;
    for (const auto& [place, units] : json.items()) {
        if (!units.is_array() || units.size() > most_units) {
            throw HttpError(422, "off", "off: expected a list of neurons for \"" + place.substr(0, 64) + "\"");
        }
        renn::MaskedUnits off{.layer = place, .units = {}};
        for (const Json& unit : units) {
            if (!unit.is_number_unsigned() || unit.get<std::uint64_t>() > std::numeric_limits<std::uint32_t>::max()) {
                throw HttpError(422, "off", "off: a neuron of \"" + place.substr(0, 64) + "\" is no number");
            }
            off.units.push_back(unit.get<std::uint32_t>());
        }
        if (!off.units.empty()) mask.push_back(std::move(off));
    }
    return mask;
}

Json off_json(const renn::Mask& mask) {
    Json json = Json::object();
    for (const renn::MaskedUnits& place : mask) json[place.layer] = place.units;
    return json;
}

Json accuracy_json(const renn::Mask& off, const Model& model) {
    constexpr double multiplications = 3e9;  // about a quarter of a second
    const renn::Dataset<float> data =
        part_of(model.test, model.traced.network(), multiplications, std::numeric_limits<renn::Index>::max());
    const auto net = renn::masked(model.traced.network(), off);
    Json json = {{"samples", data.samples()}, {"of", model.test.samples()}, {"accuracy", nullptr},
                 {"classes", nullptr},        {"confusion", nullptr},       {"loss", nullptr}};
    if (!data.has_labels()) {
        json["loss"] = rounded(renn::evaluate(net, data, renn::MeanSquaredError{}).loss);
        return json;
    }
    const renn::Confusion found = renn::confusion(net, data, 0);
    Json classes = Json::array(), table = Json::array();
    for (renn::Index c = 0; c < found.classes(); ++c) {
        classes.push_back({{"name", data.class_name(static_cast<int>(c))},
                           {"samples", found.samples(c)},
                           {"accuracy", rounded(found.accuracy(c))}});
        Json row = Json::array();
        for (renn::Index p = 0; p < found.classes(); ++p) row.push_back(found.count(c, p));
        table.push_back(std::move(row));
    }
    json["accuracy"] = found.accuracy();
    json["classes"] = std::move(classes);
    json["confusion"] = std::move(table);
    return json;
}

Json describe(const ClassOff& found) {
    return {{"class", found.label},   {"off", off_json(found.off)}, {"neurons", found.neurons},
            {"ranked", found.ranked}, {"reached", found.reached},   {"samples", found.samples}};
}

ClassOffWanted parse_class_off(const Json& json, const Model& model) {
    if (!model.train.has_labels()) {
        throw HttpError(422, "class", "class: the training samples have no classes, so none can be switched off");
    }
    const Json label = json.value("class", Json());
    if (!label.is_number_unsigned() ||
        label.get<std::uint64_t>() >= static_cast<std::uint64_t>(model.train.classes())) {
        throw HttpError(422, "class", "class: expected 0 to " + std::to_string(model.train.classes() - 1));
    }
    const Json method = json.value("method", Json("trial"));
    if (method != "trial" && method != "rank") {
        throw HttpError(422, "method", "method: expected \"trial\" or \"rank\"");
    }
    return {.label = label.get<std::int32_t>(), .by_trial = method == "trial"};
}

void find_class_off(Session& session, Job& job, const std::shared_ptr<const Model>& model, ClassOffWanted wanted) {
    const auto profiles = profiles_of(session, model, job.progress());
    job.throw_if_cancelled();
    const std::size_t group = profiles->group_of(wanted.label);
    const renn::Dataset<float> search = part_of(model->train, model->traced.network(), 2e8, 2000);
    const auto ranked = ranked_for(*profiles, group);
    const renn::SwitchOffOptions options{.candidates = 12, .threads = threads_of_work(), .progress = job.progress()};
    const Net& net = model->traced.network();
    const renn::SwitchedOff found =
        wanted.by_trial ? renn::switch_off(net, search, profiles->of, wanted.label, ranked, options)
                        : renn::switch_off_by_rank(net, search, profiles->of, wanted.label, ranked, options);
    job.throw_if_cancelled();
    auto kept = std::make_shared<const ClassOff>(ClassOff{.label = wanted.label,
                                                          .off = found.mask,
                                                          .neurons = found.neurons.size(),
                                                          .ranked = found.ranked,
                                                          .reached = found.reached,
                                                          .samples = search.samples()});
    const std::size_t bytes = sizeof(ClassOff) + found.neurons.size() * sizeof(std::uint32_t);
    keep(session, model, [&](Findings& f) { f.class_off = {std::move(kept), bytes}; });
}

}  // namespace playground
