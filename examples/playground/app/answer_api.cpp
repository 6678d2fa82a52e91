// SPDX-License-Identifier: MIT
// The tab Visualization: what predictions rest on.
#include <algorithm>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <renn/core/rng.hpp>

#include "../../support/watch.hpp"
#include "answer_files.hpp"
#include "answer_json.hpp"
#include "app.hpp"
#include "calibration.hpp"
#include "data_set.hpp"
#include "query.hpp"

namespace playground {
namespace {

Look look_of(const Snapshot& now) {
    return look_of(*now.model, now.data && now.data->name == "hsv_rgb");
}

/// What is known of the network before anything is asked.
Json traced_json(const Snapshot& now) {
    constexpr const char* looks[] = {"values", "picture", "colour"};
    const Model& model = trained(now.model);
    Json places = Json::array(), classes = Json::array();
    for (const renn::Point& point : model.traced.store().points) {
        places.push_back({{"name", point.name},
                          {"kind", renn::kind_name(point.kind)},
                          {"layer", point.layer},
                          {"units", point.count()}});
    }
    for (int c = 0; c < model.train.classes(); ++c) classes.push_back(model.train.class_name(c));
    return {{"places", std::move(places)},
            {"classes", std::move(classes)},
            {"recorded", model.traced.store().samples()},
            {"test", model.test.samples()},
            {"labels", model.test.has_labels()},
            {"features", model.train.features()},
            {"look", looks[static_cast<std::size_t>(look_of(now))]},
            {"model_version", now.model_version}};
}

/// Numbers of the test samples that the page wants to see.
Json chosen_samples(const Json& json, const Snapshot& now, Calibration& calibration) {
    const Model& model = trained(now.model);
    const renn::Dataset<float>& test = model.test;
    const auto which = json.find("which");
    const std::string name = which != json.end() && which->is_string() ? which->get<std::string>() : "";
    const auto count =
        static_cast<std::size_t>(std::min<std::int64_t>(whole_number(json, "count", 1, 100, 1), test.samples()));
    std::vector<renn::Index> positions;
    Json more = Json::object();
    if (name == "first") {
        positions.resize(count);
        std::iota(positions.begin(), positions.end(), renn::Index{0});
    } else if (name == "random") {
        positions.resize(static_cast<std::size_t>(test.samples()));
        std::iota(positions.begin(), positions.end(), renn::Index{0});
        renn::Rng rng(static_cast<std::uint64_t>(whole_number(json, "seed", 0, 99999, 1)));
        renn::shuffle(positions, rng);
        positions.resize(count);
    } else if (name == "wrong") {
        if (!test.has_labels()) throw HttpError(422, "query", "which: without labels no prediction is wrong");
        const auto wrong = calibration.wrong(now.model);
        more["wrong"] = wrong->size();
        const auto all = std::span(*wrong).first(std::min(wrong->size(), count));
        positions.assign(all.begin(), all.end());
        for (renn::Index i = 0; positions.size() < count; ++i) {  // right ones behind them
            if (!std::ranges::binary_search(*wrong, i)) positions.push_back(i);
        }
    } else {
        throw HttpError(422, "query", "which: expected \"first\", \"random\" or \"wrong\"");
    }
    more["ids"] = Json::array();
    for (const renn::Index position : positions) more["ids"].push_back(test.id(position));
    more["model_version"] = now.model_version;
    return more;
}

/// Adds "familiarity": a number, null for none, or nothing while it is being worked out. Of all neurons, whatever few
/// vote in the answer.
void put_familiarity(Json& json, const Query& query, const renn::Activations<float>& values, const Snapshot& now,
                     Calibration& calibration) {
    const auto found = calibration.familiarity(now.model, query.options);
    if (!found.failed.empty()) {
        json["familiarity"] = nullptr;
    } else if (found.familiarity) {
        Query whole = query;
        whole.units.clear();
        json["familiarity"] = (*found.familiarity)(retrace(whole, *now.model, values));
    }
}

}  // namespace

void add_answer_routes(Router& router, App& app) {
    const auto calibration = std::make_shared<Calibration>();
    const std::string base = "/api/sessions/{session}/";

    router.add("GET", base + "traced",
               [&app](const Request& request) { return json_response(traced_json(app.session(request)->snapshot())); });

    router.add("POST", base + "retrace/samples", [&app, calibration](const Request& request) {
        return json_response(chosen_samples(request.json(), app.session(request)->snapshot(), *calibration));
    });

    router.add("POST", base + "retrace", [&app, calibration](const Request& request) {
        const Watch watch;
        const Snapshot now = app.session(request)->snapshot();
        const Model& model = trained(now.model);
        const Json asked = request.json();
        const Query query = parse_query(asked, model);
        const auto values = activations_of(query, model);
        const auto answer = retrace(query, model, values);
        Json json = answer_json(query, answer, model, look_of(now), parse_shown(asked));
        put_familiarity(json, query, values, now, *calibration);
        json["model_version"] = now.model_version;
        json["milliseconds"] = 1e3 * watch.seconds();
        return json_response(json);
    });

    router.add("POST", base + "retrace/familiarity", [&app, calibration](const Request& request) {
        const Snapshot now = app.session(request)->snapshot();
        const Json asked = request.json();
        const Model& model = answered(now, asked);
        const Query query = parse_query(asked, model);
        Json json{{"model_version", now.model_version}};
        put_familiarity(json, query, activations_of(query, model), now, *calibration);
        return json_response(json);
    });

    router.add("POST", base + "retrace/neurons", [&app](const Request& request) {
        const Snapshot now = app.session(request)->snapshot();
        const Json asked = request.json();
        const Model& model = answered(now, asked);
        const Query query = parse_query(asked, model);
        if (!asked.contains("place") || !asked.at("place").is_string()) {
            throw HttpError(422, "query", "place: expected the name of a place");
        }
        const renn::Point& place = place_named(model, asked.at("place").get<std::string>(), "place");
        const auto first = static_cast<std::size_t>(whole_number(asked, "first", 0, place.count(), 0));
        const auto count = static_cast<std::size_t>(whole_number(asked, "count", 1, 64, 40));
        Json json =
            neurons_json(retrace(query, model, place.name), model, look_of(now), parse_shown(asked), first, count);
        json["model_version"] = now.model_version;
        return json_response(json);
    });

    router.add("POST", base + "answer/report.html", [&app](const Request& request) {
        const Snapshot now = app.session(request)->snapshot();
        const Json asked = request.json();
        const Model& model = answered(now, asked);
        return Response{.type = "text/html; charset=utf-8",
                        .body = answer_report(parse_queries(asked, model), asked, model, *now.data, look_of(now)),
                        .download_as = "renn-answer.html"};
    });

    router.add("POST", base + "answer/answer.json", [&app](const Request& request) {
        const Snapshot now = app.session(request)->snapshot();
        const Json asked = request.json();
        const Model& model = answered(now, asked);
        return Response{.body = answer_archive(parse_queries(asked, model), model), .download_as = "renn-answer.json"};
    });
}

}  // namespace playground
