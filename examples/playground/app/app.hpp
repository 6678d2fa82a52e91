// SPDX-License-Identifier: MIT
// playground/app/app.hpp - what all handlers share, and where each tab's handlers come from.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "../http/router.hpp"
#include "built_in_data.hpp"
#include "saved_model.hpp"
#include "session.hpp"

namespace playground {

struct AppOptions {
    std::string data = {};                             ///< folder of MNIST; "": where it is found
    std::string program = {};                          ///< argv[0]
    std::string load = {};                             ///< a traced network's file that new sessions begin with
    std::size_t session_bytes = std::size_t{1} << 30;  ///< that one session may hold
    std::size_t all_bytes = std::size_t{3} << 30;      ///< that all may hold together
};

struct App {
    AppOptions options;
    BuiltInData data;
    Beginning beginning;
    Sessions sessions;

    /// Throws renn's errors if the file to load is wrong.
    explicit App(AppOptions given)
        : options(std::move(given)), data(options.data, options.program), sessions(options.all_bytes) {
        if (!options.load.empty()) beginning = load_beginning(options.load, data, options.session_bytes);
    }

    /// The session that a route's {session} names.
    std::shared_ptr<Session> session(const Request& request) { return sessions.find(request.part("session")); }
};

// The app outlives the router.
void add_session_routes(Router& router, App& app);   ///< sessions, their events, their jobs
void add_data_routes(Router& router, App& app);      ///< tab Dataset
void add_network_routes(Router& router, App& app);   ///< tab Network
void add_training_routes(Router& router, App& app);  ///< tab Training
void add_answer_routes(Router& router, App& app);    ///< tab Visualization: retraced predictions
void add_neuron_routes(Router& router, App& app);    ///< tab Visualization: neurons, profiles, deactivation, audit

inline Router make_router(App& app) {
    Router router;
    add_session_routes(router, app);
    add_data_routes(router, app);
    add_network_routes(router, app);
    add_training_routes(router, app);
    add_answer_routes(router, app);
    add_neuron_routes(router, app);
    return router;
}

}  // namespace playground
