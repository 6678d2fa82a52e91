// SPDX-License-Identifier: MIT
#include "class_profiles.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "findings.hpp"
#include "model.hpp"
#include "sample_json.hpp"
#include "session.hpp"

namespace playground {
namespace {

std::vector<renn::SampleGroup> classes_that_occur(const Model& model, std::vector<std::int32_t>& labels) {
    const auto& store = model.traced.store();
    if (store.labels.empty()) {
        throw HttpError(422, "classes", "the training samples have no classes, so there are no class profiles");
    }
    std::vector<renn::SampleGroup> all(static_cast<std::size_t>(store.classes()));
    for (std::size_t s = 0; s < static_cast<std::size_t>(store.samples()); ++s) {
        all[static_cast<std::size_t>(store.labels[s])].ids.push_back(store.ids[s]);
    }
    std::vector<renn::SampleGroup> occurring;
    for (std::size_t c = 0; c < all.size(); ++c) {
        if (all[c].ids.empty()) continue;
        all[c].name = model.train.class_name(static_cast<int>(c));
        labels.push_back(static_cast<std::int32_t>(c));
        occurring.push_back(std::move(all[c]));
    }
    return occurring;
}

Json place_head(const renn::ProfilePlace& place) {
    return {{"name", place.point.name},
            {"kind", renn::kind_name(place.point.kind)},
            {"layer", place.point.layer},
            {"output", place.output},
            {"low", rounded(std::min(0.0, place.mean.minCoeff()))},
            {"high", rounded(place.mean.maxCoeff())}};
}

void add_row(const Profiles& profiles, std::size_t place_number, std::size_t group, Json& row) {
    const renn::ProfilePlace& place = profiles.of.places[place_number];
    const auto g = static_cast<renn::Index>(group);
    Json mean = Json::array(), deviation = Json::array(), active = Json::array(), score = Json::array();
    for (renn::Index u = 0; u < place.mean.rows(); ++u) {
        mean.push_back(rounded(place.mean(u, g)));
        deviation.push_back(rounded(place.deviation(u, g)));
        active.push_back(rounded(place.active(u, g)));
        if (profiles.labels.size() > 1) {
            score.push_back(rounded(
                renn::responsibility(profiles.of, place_number, u, group, renn::Responsibility::difference_to_rest)));
        }
    }
    row["mean"] = std::move(mean);
    row["deviation"] = std::move(deviation);
    row["active"] = std::move(active);
    row["score"] = std::move(score);
}

Json groups_json(const Profiles& profiles) {
    Json groups = Json::array();
    for (std::size_t g = 0; g < profiles.labels.size(); ++g) {
        groups.push_back(
            {{"class", profiles.labels[g]}, {"name", profiles.of.groups[g]}, {"samples", profiles.of.counts[g]}});
    }
    return groups;
}

}  // namespace

std::size_t Profiles::group_of(std::int64_t label) const {
    const auto found = std::ranges::find(labels, label);
    if (found == labels.end()) {
        throw HttpError(422, "class", "class: no training sample has the class " + std::to_string(label));
    }
    return static_cast<std::size_t>(found - labels.begin());
}

std::shared_ptr<const Profiles> profiles_of(Session& session, const std::shared_ptr<const Model>& model,
                                            const renn::ProgressCallback& progress) {
    const Snapshot now = session.snapshot();
    if (now.model == model && now.findings && now.findings->profiles.what) return now.findings->profiles.what;
    Profiles made;
    const auto groups = classes_that_occur(*model, made.labels);
    made.of =
        renn::class_profiles(model->traced, {.groups = groups, .threads = threads_of_work(), .progress = progress});
    std::size_t bytes = sizeof(Profiles);
    for (const renn::ProfilePlace& place : made.of.places) {
        bytes += 3 * sizeof(double) * static_cast<std::size_t>(place.mean.size());
    }
    const bool whole = !made.of.places.empty();
    auto kept = std::make_shared<const Profiles>(std::move(made));
    if (whole) keep(session, model, [&](Findings& f) { f.profiles = {kept, bytes}; });
    return kept;
}

bool profiles_are_quick(const Session& session, const Model& model) {
    const Snapshot now = session.snapshot();
    if (now.model.get() == &model && now.findings && now.findings->profiles.what) return true;
    const auto& store = model.traced.store();
    double values = 0.0;
    for (const renn::Point& point : store.points) values += static_cast<double>(point.columns());
    return values * static_cast<double>(store.samples()) < 2e7;  // about a quarter of a second
}

std::vector<renn::RankedNeuron> ranked_for(const Profiles& profiles, std::size_t group) {
    const bool has_activations = std::ranges::any_of(profiles.of.places, [](const renn::ProfilePlace& place) {
        return place.point.kind == renn::Kind::post && !place.output;
    });
    return renn::rank_neurons(profiles.of, group, {.kind = has_activations ? renn::Kind::post : renn::Kind::pre});
}

Json class_json(const Profiles& profiles, std::size_t group) {
    Json places = Json::array();
    for (std::size_t p = 0; p < profiles.of.places.size(); ++p) {
        Json place = place_head(profiles.of.places[p]);
        add_row(profiles, p, group, place);
        places.push_back(std::move(place));
    }
    return {{"class", profiles.labels[group]}, {"groups", groups_json(profiles)}, {"places", std::move(places)}};
}

Json place_json(const Profiles& profiles, const std::string& name) {
    const renn::ProfilePlace& place = profiles.of[name];
    const auto number = static_cast<std::size_t>(&place - profiles.of.places.data());
    Json rows = Json::array();
    for (std::size_t g = 0; g < profiles.labels.size(); ++g) {
        Json row = {{"class", profiles.labels[g]}, {"name", profiles.of.groups[g]}};
        add_row(profiles, number, g, row);
        rows.push_back(std::move(row));
    }
    return {{"groups", groups_json(profiles)}, {"place", place_head(place)}, {"rows", std::move(rows)}};
}

}  // namespace playground
