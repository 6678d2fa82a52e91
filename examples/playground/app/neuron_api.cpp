// SPDX-License-Identifier: MIT
// The tab Visualization: sources and their voters, neurons, profiles, deactivation, audit.
#include <algorithm>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "app.hpp"
#include "class_profiles.hpp"
#include "findings.hpp"
#include "model.hpp"
#include "neurons.hpp"
#include "parameters.hpp"
#include "query.hpp"
#include "sample_audit.hpp"
#include "switch_off.hpp"

namespace playground {
namespace {

/// What an answer was made with, so that the page can tell an old one.
Response versioned(Json json, const Snapshot& now) {
    json["model_version"] = now.model_version;
    return json_response(json);
}

std::int64_t class_of(const std::string& text) {
    std::int64_t label = -1;
    if (!read_number(text, label) || label < 0) {
        throw HttpError(422, "class", "class: expected a number, 0 or more");
    }
    return label;
}

Response profiles(Session& session, const Request& request) {
    const Snapshot now = session.snapshot();
    const Model& model = trained(now.model);
    const bool of_class = request.query.contains("class"), of_place = request.query.contains("place");
    if (of_class == of_place) throw HttpError(422, "class", "expected either a class or a place");
    const std::int64_t label = of_class ? class_of(request.query.at("class")) : 0;
    if (!profiles_are_quick(session, model)) return versioned({{"computed", false}}, now);  // by POST
    const auto made = profiles_of(session, now.model);
    return versioned(of_class ? class_json(*made, made->group_of(label)) : place_json(*made, request.query.at("place")),
                     now);
}

bool was_audited(const Snapshot& now) {
    static_cast<void>(trained(now.model));
    return now.findings && now.findings->audit.what;
}

const Audit& audit_of(const Snapshot& now) {
    if (!was_audited(now)) {
        throw HttpError(404, "no_audit", "the training samples of this network were not audited yet");
    }
    return *now.findings->audit.what;
}

/// Bytes of what an audit is worked out with and keeps.
std::uint64_t audit_bytes(const Model& model) {
    const auto each = static_cast<std::uint64_t>(100 + 36 * threads_of_work());
    return each * static_cast<std::uint64_t>(model.traced.store().samples());
}

/// The same of profiles, which switching off a class begins with: three numbers a neuron and class.
std::uint64_t profile_bytes(const Model& model) {
    std::uint64_t neurons = 0;
    for (const renn::Point& point : model.traced.store().points) neurons += static_cast<std::uint64_t>(point.width);
    return 3 * sizeof(double) * neurons * static_cast<std::uint64_t>(std::max<renn::Index>(1, model.train.classes()));
}

/// Starts long work about the session's model, if there is room for what it takes.
template <class Work>
Response start(const App& app, const std::shared_ptr<Session>& session, const std::string& kind,
               std::uint64_t (*bytes)(const Model&), Work work) {
    const Snapshot now = session->snapshot();
    const std::uint64_t need = bytes(trained(now.model)), held = session->bytes(), most = app.options.session_bytes;
    if (need + held > most) {
        const auto megabytes = [](std::uint64_t n) { return std::to_string((n + 500000) / 1000000) + " MB"; };
        throw HttpError(422, "memory",
                        "this takes about " + megabytes(need) + " besides the " + megabytes(held) +
                            " that are held, where a session may hold " + megabytes(most) +
                            ": train with fewer samples or smaller layers");
    }
    const auto job = session->start(
        kind, [&session = *session, model = now.model, work](Job& started) { work(session, started, model); });
    return json_response(job->json(), 202);
}

}  // namespace

void add_neuron_routes(Router& router, App& app) {
    const std::string root = "/api/sessions/{session}/";
    const auto answers = [&](const std::string& path, Json (*answer)(const Json&, const Model&)) {
        router.add("POST", root + path, [&app, answer](const Request& request) {
            const Snapshot now = app.session(request)->snapshot();
            const Json asked = request.json();
            return versioned(answer(asked, answered(now, asked)), now);
        });
    };
    answers("voters", voters_json);
    answers("neuron", neuron_json);
    answers("accuracy", [](const Json& json, const Model& model) {
        return accuracy_json(parse_off(json.value("off", Json::object())), model);
    });
    router.add("GET", root + "neurons", [&app](const Request& request) {
        const Snapshot now = app.session(request)->snapshot();
        return versioned({{"places", places_json(trained(now.model))}}, now);
    });
    router.add("GET", root + "profiles",
               [&app](const Request& request) { return profiles(*app.session(request), request); });
    router.add("POST", root + "profiles", [&app](const Request& request) {
        return start(app, app.session(request), "profiles", profile_bytes,
                     [](Session& session, Job& job, const auto& model) {
                         static_cast<void>(profiles_of(session, model, job.progress()));
                         job.throw_if_cancelled();
                     });
    });
    router.add("POST", root + "class_off", [&app](const Request& request) {
        const auto session = app.session(request);
        const auto wanted = parse_class_off(request.json(), trained(session->snapshot().model));
        return start(app, session, "class_off", profile_bytes,
                     [wanted](Session& s, Job& job, const auto& model) { find_class_off(s, job, model, wanted); });
    });
    router.add("GET", root + "class_off", [&app](const Request& request) {
        const Snapshot now = app.session(request)->snapshot();
        static_cast<void>(trained(now.model));
        if (!now.findings || !now.findings->class_off.what) {
            throw HttpError(404, "no_class_off", "no class of this network was switched off yet");
        }
        return versioned(describe(*now.findings->class_off.what), now);
    });
    router.add("POST", root + "audit", [&app](const Request& request) {
        const auto options = parse_audit(request.json());
        return start(
            app, app.session(request), "audit", audit_bytes,
            [options](Session& session, Job& job, const auto& model) { audit_samples(session, job, model, options); });
    });
    router.add("GET", root + "audit", [&app](const Request& request) {
        const Snapshot now = app.session(request)->snapshot();
        const AuditRows rows = parse_rows(request.query);
        if (!was_audited(now)) return versioned({{"audited", false}}, now);
        return versioned(rows_json(audit_of(now), *now.model, rows), now);
    });
    router.add("GET", root + "audit/csv", [&app](const Request& request) {
        const Snapshot now = app.session(request)->snapshot();
        return Response{.type = "text/csv; charset=utf-8",
                        .body = audit_csv(audit_of(now), *now.model),
                        .download_as = "sample_audit.csv"};
    });
}

}  // namespace playground
