// SPDX-License-Identifier: MIT
// labels: threads
// needs: playground_server
// The server, its sessions, their work and their events, all at once from many threads, with what a session holds left
// out: small enough for the thread sanitizer.
#define BOOST_TEST_MODULE playground_sessions
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "app/session.hpp"
#include "client.hpp"
#include "http/server.hpp"

namespace playground {

Json describe(const Snapshot& now) {
    return {{"model_version", now.model_version}};
}

std::size_t bytes_of(const Snapshot& now) {
    return now.plan.layers.size();
}

}  // namespace playground

namespace {

using namespace playground;
using namespace std::chrono_literals;

Router make_router(Sessions& sessions) {
    Router router;
    const auto session = [&sessions](const Request& request) { return sessions.find(request.part("session")); };
    router.add("GET", "/api/sessions/{session}",
               [=](const Request& request) { return json_response(session(request)->json()); });
    router.add("PUT", "/api/sessions/{session}", [=](const Request& request) {
        session(request)->update([](Snapshot& s) { s.plan.layers.resize(1 + s.plan.layers.size() % 3); });
        return json_response(Json::object());
    });
    router.add("DELETE", "/api/sessions/{session}", [&sessions](const Request& request) {
        sessions.drop(request.part("session"), "closed");
        return json_response(Json::object());
    });
    router.add("GET", "/api/sessions/{session}/events",
               [=](const Request& request) { return Response{.events = session(request)->events().listen()}; });
    router.add(
        "POST", "/api/sessions/{session}/{action}",
        [=](Request& request) {
            const auto owner = session(request);
            const std::string& action = request.part("action");
            if (action == "start") {
                const auto body = std::make_shared<const std::string>(std::move(request.body));
                owner->start("work", [body, share = request.body_share, &events = owner->events()](Job& job) {
                    for (std::uint64_t i = 0; i < body->size(); i += 1024) {
                        events.publish_each("byte", (*body)[i]);
                        if (!job.report({.done = i, .total = body->size(), .phase = "turning"})) throw Cancelled{};
                    }
                });
            } else if (const auto job = owner->job()) {
                if (action == "pause") job->pause();
                if (action == "resume") job->resume();
                if (action == "cancel") job->cancel();
            }
            return json_response(owner->json());
        },
        std::uint64_t{1} << 22U);
    return router;
}

struct Running {
    Sessions sessions{1000};
    Server server;
    std::thread thread;

    Running()
        : server({.most_connections = 64, .until_signal = false}, make_router(sessions),
                 {{"/index.html", {"text/html", "page"}}}),
          thread([this] { server.run(); }) {}
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() { stop(); }
    void stop() {
        server.stop();
        if (thread.joinable()) thread.join();
    }

    std::string request(const std::string& method, const std::string& target, const std::string& body = "") const {
        return method + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
               "\r\nX-Renn-Token: " + server.token() + "\r\nContent-Length: " + std::to_string(body.size()) +
               "\r\n\r\n" + body;
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(many_threads_ask_work_and_listen) {
    Running running;
    std::vector<std::string> ids;
    for (int i = 0; i < 3; ++i) ids.push_back(running.sessions.create()->id());
    const std::string body(1200000, 'x');  // counts among the large ones
    std::atomic<int> answered = 0, odd = 0;
    {
        std::vector<std::jthread> threads;
        for (std::size_t c = 0; c < 8; ++c) {
            threads.emplace_back([&, c] {
                Client client(running.server.port());
                for (std::size_t i = 0; i < 24; ++i) {
                    const std::string path = "/api/sessions/" + ids[(c + i) % ids.size()];
                    const std::string asked = i % 6 == 0   ? running.request("POST", path + "/start", body)
                                              : i % 6 == 1 ? running.request("POST", path + "/pause")
                                              : i % 6 == 2 ? running.request("GET", path)
                                              : i % 6 == 3 ? running.request("POST", path + "/resume")
                                              : i % 6 == 4 ? running.request("PUT", path)
                                              : c % 2 == 0 ? running.request("POST", path + "/cancel")
                                                           : running.request("GET", "/");
                    const auto answer = client.ask(asked);
                    ++answered;
                    if (!answer || (answer->status != 200 && answer->status != 409)) ++odd;
                }
            });
        }
        for (std::size_t c = 0; c < 3; ++c) {
            threads.emplace_back([&, c] {  // listens for a while, then is gone
                for (int i = 0; i < 4; ++i) {
                    Client listener(running.server.port());
                    listener.send(running.request("GET", "/api/sessions/" + ids[c] + "/events"));
                    const auto stream = listener.read_answer();
                    if (!stream || stream->status != 200) ++odd;
                    std::this_thread::sleep_for(20ms);
                }
            });
        }
    }
    BOOST_TEST(odd == 0);
    BOOST_TEST(answered == 8 * 24);
    for (const std::string& id : ids) {
        if (const auto job = running.sessions.find(id)->job()) job->cancel();
    }
}

BOOST_AUTO_TEST_CASE(a_dropped_session_tells_its_listeners_and_ends_its_work) {
    Running running;
    const auto session = running.sessions.create();
    Client listener(running.server.port()), client(running.server.port());
    const std::string path = "/api/sessions/" + session->id();
    BOOST_TEST(listener.send(running.request("GET", path + "/events")));
    BOOST_TEST(listener.read_answer()->status == 200U);
    BOOST_TEST(client.ask(running.request("POST", path + "/start", std::string(4000000, 'x')))->status == 200U);
    BOOST_TEST(client.ask(running.request("DELETE", path))->status == 200U);
    std::string text;
    BOOST_TEST((listener.read_all(text) == Client::Ending::closed));
    BOOST_TEST(text.find("event: dropped") != std::string::npos);
    BOOST_TEST(client.ask(running.request("GET", path))->status == 410U);
    while (session->job()->running()) std::this_thread::sleep_for(1ms);
}

BOOST_AUTO_TEST_CASE(it_ends_while_all_goes_on) {
    Running running;
    std::vector<std::shared_ptr<Session>> sessions;
    std::vector<std::unique_ptr<Client>> listeners;
    for (int i = 0; i < 4; ++i) {
        sessions.push_back(running.sessions.create());
        listeners.push_back(std::make_unique<Client>(running.server.port()));
        const std::string path = "/api/sessions/" + sessions.back()->id();
        BOOST_TEST(listeners.back()->send(running.request("GET", path + "/events")));
        BOOST_TEST(listeners.back()->read_answer()->status == 200U);
        Client client(running.server.port());
        BOOST_TEST(client.ask(running.request("POST", path + "/start", std::string(4000000, 'x')))->status == 200U);
    }
    running.stop();
    for (const auto& listener : listeners) {
        std::string text;
        BOOST_TEST((listener->read_all(text) != Client::Ending::hung));
    }
}
