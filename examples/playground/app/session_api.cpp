// SPDX-License-Identifier: MIT
// Sessions, what they tell, and their long work.
#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include <renn/version.hpp>

#include "app.hpp"
#include "model.hpp"
#include "parameters.hpp"

namespace playground {
namespace {

/// The session's work. ?number=N: what is said of work that is over by now must not reach the next.
std::shared_ptr<Job> running(const Session& session, const Request& request) {
    auto job = session.job();
    if (!job || !job->running()) throw HttpError(409, "no_work", "nothing is running");
    const auto number = number_of<std::uint64_t>(request.query, "number", job->number(), 1,
                                                 std::numeric_limits<std::uint64_t>::max(), "the number of a job");
    if (number != job->number()) throw HttpError(409, "no_work", "this work is over");
    return job;
}

}  // namespace

void add_session_routes(Router& router, App& app) {
    router.add("GET", "/api/about", [&app](const Request&) {
        return json_response({{"version", std::string(renn::version)},
                              {"session_bytes", app.options.session_bytes},
                              {"all_bytes", app.options.all_bytes}});
    });
    router.add("POST", "/api/sessions", [&app](const Request&) {
        const Beginning begin = app.beginning.data ? app.beginning : Beginning{.data = app.data.get("mnist")};
        const auto session = app.sessions.create();
        session->update([&begin](Snapshot& s) {
            s.data = begin.data;
            s.model = begin.model;
            if (begin.plan) s.plan = *begin.plan;
        });
        return json_response(session->json(), 201);
    });
    router.add("GET", "/api/sessions/{session}",
               [&app](const Request& request) { return json_response(app.session(request)->json()); });
    router.add("DELETE", "/api/sessions/{session}", [&app](const Request& request) {
        app.sessions.drop(app.session(request)->id(), "this session was closed");
        return json_response(Json::object());
    });
    router.add("GET", "/api/sessions/{session}/events", [&app](const Request& request) {
        const auto session = app.session(request);
        auto queue = session->events().listen();
        queue->push({"state", session->json().dump(-1, ' ', false, Json::error_handler_t::replace)}, true);
        return Response{.events = std::move(queue)};
    });
    router.add("GET", "/api/sessions/{session}/traced.renn", [&app](const Request& request) {
        const Snapshot now = app.session(request)->snapshot();
        if (!now.model || !now.model->traced.recorded()) {
            throw HttpError(409, "not_trained", "there is no trained network yet: train one first");
        }
        return Response{
            .type = "application/octet-stream", .body = file_of(now.model->traced), .download_as = "traced.renn"};
    });
    const auto act = [&](const std::string& name, void (Job::*action)()) {
        router.add("POST", "/api/sessions/{session}/job/" + name, [&app, action](const Request& request) {
            const auto job = running(*app.session(request), request);
            ((*job).*action)();
            return json_response(job->json());
        });
    };
    act("pause", &Job::pause);
    act("resume", &Job::resume);
    act("cancel", &Job::cancel);
}

}  // namespace playground
