// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE playground_parts
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <Eigen/Core>

#include <nlohmann/json.hpp>

#include <renn/core/error.hpp>

#include "app/data_set.hpp"
#include "app/job.hpp"
#include "app/session.hpp"
#include "http/events.hpp"
#include "http/router.hpp"
#include "http/target.hpp"

namespace {

using namespace playground;
using namespace std::chrono_literals;

bool soon(const std::function<bool()>& holds) {
    for (int i = 0; i < 1000; ++i) {
        if (holds()) return true;
        std::this_thread::sleep_for(5ms);
    }
    return holds();
}

/// The status with which something is refused; 0 if it is not.
unsigned refusal(const std::function<void()>& f) {
    try {
        f();
        return 0;
    } catch (const HttpError& e) {
        return e.status();
    }
}

Response ask(const Router& router, const std::string& method, const std::string& path, const std::string& body = "") {
    Request request{.method = method, .path = path, .content_type = "application/json", .body = body};
    return router.handle(request);
}

std::string kind(const Response& response) {
    return Json::parse(response.body).at("error").at("kind").get<std::string>();
}

/// Work without end that says where it is.
void turn(Job& job, std::atomic<int>& turns) {
    for (;;) {
        if (!job.report({.done = 1, .total = 100, .phase = "turning"})) throw Cancelled{};
        ++turns;
        std::this_thread::sleep_for(1ms);
    }
}

std::string state(const Job& job) {
    return job.json().at("state").get<std::string>();
}

std::shared_ptr<const DataSet> four_megabytes() {
    return std::make_shared<const DataSet>(DataSet{
        .name = "csv", .title = "Mine", .train = renn::Dataset<float>(Eigen::MatrixXf::Zero(1000, 1000)), .test = {}});
}

}  // namespace

BOOST_AUTO_TEST_CASE(targets) {
    const auto target = parse_target("/a%20b/%C3%A4?x=1+2&y=%26&z&x=3&=4");
    BOOST_REQUIRE(target.has_value());
    BOOST_TEST(target->path == "/a b/\xC3\xA4");
    BOOST_TEST(target->query.at("x") == "3");
    BOOST_TEST(target->query.at("y") == "&");
    BOOST_TEST(target->query.at("z").empty());
    for (const char* wrong : {"", "*", "x", "http://127.0.0.1/", "/%", "/%4", "/%zz", "/a%00b", "/?a=%f", "/?%=1"}) {
        BOOST_TEST(!parse_target(wrong).has_value(), wrong);
    }
    BOOST_TEST(parse_target("/%61pi/about")->path == "/api/about");
    BOOST_TEST(parse_target("/%41")->path == "/A");
}

BOOST_AUTO_TEST_CASE(json_of_a_stranger) {
    const auto taken = [](const std::string& text) { return refusal([&] { parse_json(text); }) == 0; };
    BOOST_TEST(taken(R"({"a": ["]]]]{{{{\"[[[["]})"));
    BOOST_TEST(taken(std::string(64, '[') + std::string(64, ']')));
    for (const char open : {'[', '{'}) BOOST_TEST(!taken(std::string(1 << 20, open)));
    BOOST_TEST(!taken(std::string(65, '[') + std::string(65, ']')));
    for (const char* wrong :
         {"", "{", "nan", "{\"a\": NaN}", "{\"a\": 1e999}", "{\"a\": Infinity}", "\"\xFF\"", "1 2"}) {
        BOOST_TEST(!taken(wrong), wrong);
    }
}

BOOST_AUTO_TEST_CASE(routes) {
    Router router;
    router.add(
        "GET", "/api/{thing}",
        [](const Request& r) {
            return json_response({{"thing", r.part("thing")}});
        },
        7);
    router.add("PUT", "/api/{thing}", [](const Request& r) { return json_response(r.json()); });
    router.add("GET", "/api/fails/{how}", [](const Request& r) -> Response {
        const std::string& how = r.part("how");
        if (how == "http") throw HttpError(409, "busy", "later");
        if (how == "renn") throw renn::ShapeError("3 x 4");
        if (how == "json") return json_response(Json(1).at("x"));
        if (how == "memory") throw std::bad_alloc();
        if (how == "other") throw std::logic_error("oh");
        throw 1;
    });
    BOOST_TEST(ask(router, "GET", "/api/x").body == R"({"thing":"x"})");
    BOOST_TEST(ask(router, "PUT", "/api/x", R"({"a": 1})").status == 200U);
    for (const char* unknown : {"", "/", "/api", "/api/", "/api//", "/api/x/y", "/other", "//api/x", "/api/../api/x"}) {
        BOOST_TEST(ask(router, "GET", unknown).status == 404U, unknown);
    }
    const Response other = ask(router, "DELETE", "/api/x");
    BOOST_TEST(other.status == 405U);
    BOOST_TEST(other.allow == "GET, PUT");
    BOOST_TEST(!router.refusal("PUT", "/api/x"));
    BOOST_TEST(router.refusal("PUT", "/api/x/").value().status == 404U);
    for (const auto& [how, status] : {std::pair("http", 409U),
                                      {"renn", 422U},
                                      {"json", 400U},
                                      {"memory", 507U},
                                      {"other", 500U},
                                      {"anything", 500U}}) {
        const Response response = ask(router, "GET", std::string("/api/fails/") + how);
        BOOST_TEST(response.status == status, how);
        BOOST_TEST(!kind(response).empty());
    }
    for (const char* body : {"", "[]", "1", "null", "{", "\xFF", "{\"a\":1}x"}) {
        BOOST_TEST(ask(router, "PUT", "/api/x", body).status == 400U, body);
    }
    Request plain{.method = "PUT", .path = "/api/x", .content_type = "text/plain", .body = "{}"};
    BOOST_TEST(router.handle(plain).status == 415U);
    BOOST_TEST(router.most_body("GET", "/api/x") == 7U);
    BOOST_TEST(router.most_body("PUT", "/api/x") == Router::small_body);
    BOOST_TEST(router.most_body("PUT", "/nowhere") == 0U);
}

BOOST_AUTO_TEST_CASE(events_are_coalesced_for_the_slow) {
    EventHub hub;
    const auto slow = hub.listen();
    for (int i = 0; i < 100000; ++i) hub.publish_state("job", i);
    hub.publish_each("epoch", 1);
    hub.publish_each("epoch", 2);
    BOOST_TEST(slow->take() == "event: job\ndata: 99999\n\nevent: epoch\ndata: 1\n\nevent: epoch\ndata: 2\n\n");
    BOOST_TEST(slow->take().empty());
    for (int i = 0; i < 100000; ++i) hub.publish_each("epoch", i);  // bounded: the latest are kept
    const std::string text = slow->take();
    BOOST_TEST(text.size() < 200000U);
    BOOST_TEST(text.ends_with("data: 99999\n\n"));
    hub.publish_each("note", "two\nlines");
    BOOST_TEST(slow->take() == "event: note\ndata: \"two\\nlines\"\n\n");
}

BOOST_AUTO_TEST_CASE(listeners_come_and_go) {
    EventHub hub;
    BOOST_TEST(hub.listeners() == 0U);
    auto first = hub.listen();
    auto second = hub.listen();
    BOOST_TEST(hub.listeners() == 2U);
    second.reset();
    BOOST_TEST(hub.listeners() == 1U);
    std::atomic<int> told = 0;
    first->on_ready([&] { ++told; });
    hub.publish_state("state", 1);
    BOOST_TEST(told == 1);
    hub.close();
    BOOST_TEST(told == 2);
    BOOST_TEST(first->closed());
    BOOST_TEST(first->take() == "event: state\ndata: 1\n\n");
    hub.publish_state("state", 2);
    BOOST_TEST(first->take().empty());
    BOOST_TEST(hub.listen()->closed());
}

BOOST_AUTO_TEST_CASE(nobody_is_told_after_on_ready_took_it_back) {
    EventQueue queue;
    std::atomic<bool> alive = true;
    std::atomic<int> wrong = 0;
    std::jthread publisher([&](const std::stop_token& stop) {
        while (!stop.stop_requested()) queue.push({"a", "1"}, true);
    });
    for (int i = 0; i < 200; ++i) {
        alive = true;
        queue.on_ready([&] {
            if (!alive) ++wrong;
        });
        std::this_thread::yield();
        queue.on_ready({});
        alive = false;
    }
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(a_job_is_paused_resumed_and_cancelled) {
    const auto hub = std::make_shared<EventHub>();
    const auto listener = hub->listen();
    std::atomic<int> turns = 0;
    Job job("train", hub, [&](Job& j) { turn(j, turns); });
    BOOST_TEST(soon([&] { return turns > 3; }));
    job.pause();
    BOOST_TEST(state(job) == "paused");
    std::this_thread::sleep_for(50ms);
    const int then = turns;
    const double seconds = job.json().at("seconds");
    std::this_thread::sleep_for(50ms);
    BOOST_TEST(turns == then);
    BOOST_TEST(job.json().at("seconds") == seconds);  // a pause is no work
    job.resume();
    BOOST_TEST(soon([&] { return turns > then + 3; }));
    BOOST_TEST(job.running());
    job.pause();
    job.cancel();
    BOOST_TEST(soon([&] { return state(job) == "cancelled"; }));
    BOOST_TEST(!job.running());
    const Json ended = job.json();
    std::this_thread::sleep_for(30ms);
    BOOST_TEST(job.json() == ended);  // its clock has stopped
    job.pause();
    job.resume();
    job.cancel();
    BOOST_TEST(job.json() == ended);
    BOOST_TEST(soon([&] { return listener->take().find("\"cancelled\"") != std::string::npos; }));
}

BOOST_AUTO_TEST_CASE(a_job_that_fails_says_why) {
    const auto hub = std::make_shared<EventHub>();
    const auto error = [&](const Job::Work& work) {
        Job job("train", hub, work);
        BOOST_TEST(soon([&] { return !job.running(); }));
        BOOST_TEST(state(job) == "failed");
        return job.json().at("error").get<std::string>();
    };
    BOOST_TEST(error([](Job&) { throw renn::DataError("no samples"); }).find("no samples") != std::string::npos);
    BOOST_TEST(error([](Job&) { throw std::bad_alloc(); }) == "not enough memory for this");
    BOOST_TEST(error([](Job&) { throw 1; }) == "unknown failure");
    Job job("train", hub, [](Job&) {});
    BOOST_TEST(soon([&] { return state(job) == "done"; }));
    BOOST_TEST(job.json().at("error").is_null());
}

BOOST_AUTO_TEST_CASE(the_last_state_told_is_the_last_there_was) {
    const auto hub = std::make_shared<EventHub>();
    for (int i = 0; i < 100; ++i) {
        const auto listener = hub->listen();
        std::atomic<int> turns = 0;
        Job job("train", hub, [&](Job& j) { turn(j, turns); });
        std::jthread other([&] { job.pause(); });
        job.cancel();
        BOOST_TEST(soon([&] { return !job.running(); }));
        other.join();
        job.finish();
        const std::string text = listener->take();
        BOOST_TEST(text.substr(text.rfind("event: job")).find("\"cancelled\"") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(one_work_at_a_time) {
    Session session("a");
    std::atomic<int> turns = 0;
    session.start("train", [&](Job& job) { turn(job, turns); });
    BOOST_TEST(refusal([&] { session.start("audit", [](Job&) {}); }) == 409U);
    session.job()->cancel();
    BOOST_TEST(soon([&] { return !session.job()->running(); }));
    session.start("audit", [](Job&) {});
    BOOST_TEST(session.job()->json().at("kind") == "audit");
}

BOOST_AUTO_TEST_CASE(work_ends_with_its_session_whoever_holds_the_job) {
    std::atomic<int> turns = 0;
    std::shared_ptr<Job> job;
    {
        Session session("a");
        session.start("train", [&](Job& j) { turn(j, turns); });
        job = session.job();
        BOOST_TEST(soon([&] { return turns > 0; }));
    }
    BOOST_TEST(state(*job) == "cancelled");
    job->pause();
}

BOOST_AUTO_TEST_CASE(sessions_not_used_for_longest_are_dropped) {
    Sessions sessions(10'000'000);
    const auto add = [&] {
        const auto session = sessions.create();
        session->update([](Snapshot& s) { s.data = four_megabytes(); });
        std::this_thread::sleep_for(2ms);
        return session->id();
    };
    std::atomic<int> turns = 0;
    const std::string first = add(), second = add();
    sessions.find(first)->start("train", [&](Job& job) { turn(job, turns); });
    const auto listener = sessions.find(first)->events().listen();
    const auto job = sessions.find(first)->job();
    listener->take();
    std::this_thread::sleep_for(2ms);
    sessions.find(second);
    const auto elsewhere = sessions.find(second)->events().listen();
    const std::string third = add();
    BOOST_TEST(refusal([&] { sessions.find(third); }) == 0U);  // 12 MB: one has to go
    BOOST_TEST(refusal([&] { sessions.find(first); }) == 410U);
    BOOST_TEST(refusal([&] { sessions.find(second); }) == 0U);
    BOOST_TEST(refusal([&] { sessions.find("never was"); }) == 404U);
    BOOST_TEST(listener->take().find("event: dropped\ndata: {\"message\":") != std::string::npos);
    BOOST_TEST(listener->closed());
    BOOST_TEST(!job->running());
    // A closed tab goes before one that is shown, however long ago that was used.
    std::this_thread::sleep_for(2ms);
    const std::string fourth = add();
    sessions.find(fourth);
    BOOST_TEST(refusal([&] { sessions.find(third); }) == 410U);
    BOOST_TEST(refusal([&] { sessions.find(second); }) == 0U);
    sessions.drop(second, "closed");
    BOOST_TEST(refusal([&] { sessions.find(second); }) == 410U);
    sessions.drop(second, "again");
}

BOOST_AUTO_TEST_CASE(sessions_are_bounded_in_number) {
    Sessions sessions(1 << 30);
    const std::string first = sessions.create()->id();
    std::this_thread::sleep_for(2ms);
    for (std::size_t i = 0; i < Sessions::most_sessions; ++i) sessions.create();
    BOOST_TEST(refusal([&] { sessions.find(first); }) == 410U);
}

BOOST_AUTO_TEST_CASE(another_data_set_drops_the_network) {
    Session session("a");
    const auto listener = session.events().listen();
    session.update([](Snapshot& s) { s.data = four_megabytes(); });
    BOOST_TEST(session.bytes() >= 4'000'000U);
    BOOST_TEST(session.snapshot().model_version == 0U);
    BOOST_TEST(listener->take().starts_with("event: state\ndata: {"));
    session.update([](Snapshot& s) { s.plan.layers.resize(1); });
    BOOST_TEST(session.snapshot().plan.layers.size() == 1U);
}
