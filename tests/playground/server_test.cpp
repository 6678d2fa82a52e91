// SPDX-License-Identifier: MIT
// The real server and its routes before clients of every kind. RENN_PLAYGROUND_SECONDS: how long 50 of them ask at
// once.
#define BOOST_TEST_MODULE playground_server
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "app/model_file.hpp"
#include "playground/client.hpp"
#include "playground/running.hpp"

namespace {

using namespace playground;
using namespace std::chrono_literals;

#if defined(__SANITIZE_THREAD__)
constexpr int hostile_requests = 1000;
#else
constexpr int hostile_requests = 5200;
#endif

unsigned status(const std::optional<Answer>& answer) {
    return answer ? answer->status : 0;
}

std::string new_session(Running& running) {
    const auto session = running.app.sessions.create();
    running.give_model(*session);
    return session->id();
}

long resident_kilobytes() {
    std::ifstream in("/proc/self/statm");
    long all = 0, resident = 0;
    in >> all >> resident;
    return resident * (::sysconf(_SC_PAGESIZE) / 1024);
}

/// Requests that nobody should send; every one is determined by the seed.
class Hostile {
public:
    Hostile(std::uint64_t seed, Running& running, std::string session)
        : random_(seed), running_(running), session_(std::move(session)), routes_(every_route().routes()) {}

    std::string next() {
        switch (below(12)) {
            case 0:
                return mutated(valid());
            case 1:
                return wrong_asker();
            case 2:
                return traversal();
            case 3:
                return broken_chunks();
            case 4:
                return cut(valid());
            case 5:
                return big_head();
            case 6:
                return wrong_length();
            case 7:
                return bytes(below(400));
            case 8:
                return valid() + mutated(valid()) + valid();
            default:
                return with_broken_json();
        }
    }

private:
    std::mt19937_64 random_;
    Running& running_;
    std::string session_;
    std::vector<Router::Name> routes_;

    Router every_route() { return make_router(running_.app); }

    std::size_t below(std::size_t n) { return n == 0 ? 0 : random_() % n; }
    template <class T, std::size_t N>
    const T& one_of(const std::array<T, N>& all) {
        return all[below(N)];
    }
    std::string bytes(std::size_t n) {
        std::string text(n, '\0');
        for (char& c : text) c = static_cast<char>(random_() & 255U);
        return text;
    }

    /// A path of the route with its {names} filled in.
    std::string path(const Router::Name& route) {
        static const std::array<std::string, 8> names{
            "0", "..", "%2e%2e%2f", "-1", "dense1", "18446744073709551616", "%ff%fe", "x%00y"};
        std::string text;
        for (std::size_t i = 0; i < route.pattern.size(); ++i) {
            if (route.pattern[i] != '{') {
                text += route.pattern[i];
                continue;
            }
            const std::size_t end = route.pattern.find('}', i);
            const bool session = route.pattern.substr(i, end - i) == "{session";
            text += session && route.method != "DELETE" && below(10) > 0 ? session_ : one_of(names);
            i = end;
        }
        if (below(4) == 0) text += "?from=" + scalar() + "&to=%zz&count=" + std::to_string(random_());
        return text;
    }

    std::string scalar() {
        static const std::array<std::string, 24> all{"0",
                                                     "1",
                                                     "-1",
                                                     "2",
                                                     "1e308",
                                                     "-1e308",
                                                     "1e999",
                                                     "0.5",
                                                     "NaN",
                                                     "4294967297",
                                                     "9223372036854775808",
                                                     "18446744073709551615",
                                                     "18446744073709551616",
                                                     "true",
                                                     "null",
                                                     "\"\"",
                                                     "\"Dense\"",
                                                     "\"dense1\"",
                                                     "\"\\u0000\"",
                                                     "\"\xff\"",
                                                     "\"../../etc/passwd\"",
                                                     "\"ReLU\"",
                                                     "[]",
                                                     "{}"};
        if (below(40) == 0) return "\"" + std::string(below(200000), 'A') + "\"";
        return one_of(all);
    }

    std::string value(int depth) {
        switch (depth > 0 ? below(6) : 5) {
            case 0: {
                std::string text = "[";
                for (std::size_t i = below(5); i > 0; --i) text += value(depth - 1) + (i > 1 ? "," : "");
                return text + "]";
            }
            case 1:
            case 2:
                return object(depth - 1);
            default:
                return scalar();
        }
    }

    std::string object(int depth) {
        static const std::array<std::string, 40> names{"of",
                                                       "test",
                                                       "train",
                                                       "drawn",
                                                       "k",
                                                       "ties",
                                                       "pre",
                                                       "post",
                                                       "units",
                                                       "place",
                                                       "from",
                                                       "to",
                                                       "off",
                                                       "epochs",
                                                       "batch",
                                                       "seed",
                                                       "layers",
                                                       "kind",
                                                       "size",
                                                       "activation",
                                                       "output_activation",
                                                       "name",
                                                       "loss",
                                                       "optimiser",
                                                       "rate",
                                                       "momentum",
                                                       "samples",
                                                       "query",
                                                       "unit",
                                                       "count",
                                                       "class",
                                                       "text",
                                                       "ids",
                                                       "source",
                                                       "id",
                                                       "at",
                                                       "evaluation_batch",
                                                       "continue",
                                                       "relu1",
                                                       "source_id"};
        std::string text = "{";
        for (std::size_t i = below(8); i > 0; --i)
            text += "\"" + one_of(names) + "\":" + value(depth) + (i > 1 ? "," : "");
        return text + "}";
    }

    std::string json() {
        switch (below(10)) {
            case 0:
                return std::string(below(300000), below(2) == 0 ? '[' : '{');
            case 1:
                return mutated(object(2));
            case 2:
                return bytes(below(2000));
            case 3:
                return value(2);
            case 4:
                return R"({"of":{"test":)" + scalar() + R"(},"k":)" + scalar() + R"(,"ties":)" + scalar() + "}";
            case 5:
                return R"({"of":{"test":0},"units":[{"place":"dense1","from":)" + scalar() + R"(,"to":)" + scalar() +
                       R"(}],"off":)" + value(2) + "}";
            case 6:
                return R"({"seed":)" + scalar() + R"(,"layers":)" + value(3) + R"(,"output_activation":"ReLU"})";
            case 7:
                return R"({"of":{"drawn":")" + std::string(4 * below(400), 'A') + R"("}})";
            default:
                return object(3);
        }
    }

    std::string valid() {
        const Router::Name& route = routes_[below(routes_.size())];
        if (below(6) == 0) return running_.request("GET", "/");
        return running_.request(route.method, path(route), route.method == "GET" ? "" : object(1));
    }

    std::string with_broken_json() {
        const Router::Name& route = routes_[below(routes_.size())];
        const std::string method = below(10) == 0 ? "PATCH" : route.method;
        return running_.request(method, path(route), json());
    }

    std::string mutated(std::string text) {
        for (std::size_t n = 1 + below(6); n > 0 && !text.empty(); --n) {
            const std::size_t at = below(text.size());
            switch (below(4)) {
                case 0:
                    text[at] = static_cast<char>(random_() & 255U);
                    break;
                case 1:
                    text.erase(at, 1 + below(20));
                    break;
                case 2:
                    text.insert(at, bytes(1 + below(5)));
                    break;
                default:
                    text.insert(at, text.substr(below(text.size()), below(50)));
            }
        }
        return text;
    }

    std::string cut(const std::string& text) { return text.substr(0, below(text.size())); }

    /// To be answered with 401 or 403 whatever is asked.
    std::string wrong_asker() {
        static const std::array<std::string, 8> heads{
            "Host: evil.example\r\n",
            "",
            "Host: 127.0.0.1\r\nX-Renn-Token: a\r\n",
            "Host: HERE\r\nX-Renn-Token: a\r\n",
            "Host: HERE\r\n",
            "Host: HERE\r\nHost: HERE\r\nX-Renn-Token: TOKEN\r\n",
            "Host: HERE\r\nX-Renn-Token: TOKEN\r\nOrigin: null\r\n",
            "Host: HERE\r\nX-Renn-Token: TOKEN\r\nSec-Fetch-Site: cross-site\r\n"};
        std::string head = one_of(heads);
        for (std::size_t at; (at = head.find("HERE")) != std::string::npos;) head.replace(at, 4, running_.host());
        if (const std::size_t at = head.find("TOKEN\r"); at != std::string::npos) {
            head.replace(at, 5, running_.server.token());
        }
        return "POST /api/sessions HTTP/1.1\r\n" + head + "X-Wrong: asker\r\nContent-Length: 2\r\n\r\n{}";
    }

    std::string traversal() {
        static const std::array<std::string, 10> all{
            "/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc%2fpasswd",  "//etc/passwd",
            "/js/../../../etc/passwd", "/....//....//etc/passwd",   "/%c0%ae%c0%ae/etc/passwd", "/etc/passwd%00.js",
            "file:///etc/passwd",      "/api/../../etc/passwd"};
        return running_.request("GET", one_of(all));
    }

    std::string broken_chunks() {
        static const std::array<std::string, 9> chunks{"5\r\nabc\r\n0\r\n\r\n",
                                                       "zz\r\n{}\r\n0\r\n\r\n",
                                                       "ffffffffffffffff\r\n{}",
                                                       "2\r\n{}\r\n",
                                                       "-1\r\n{}\r\n0\r\n\r\n",
                                                       "2;a=b\r\n{}\r\n0\r\nX: y\r\n\r\n",
                                                       "\r\n\r\n",
                                                       "2\r\n{}0\r\n\r\n",
                                                       "10000000000000000\r\n"};
        static const std::array<std::string, 5> codings{"chunked", "gzip, chunked", "identity", "chunked, chunked",
                                                        "chunked\r\nContent-Length: 3"};
        const std::string head = "Transfer-Encoding: " + one_of(codings) + "\r\n";
        std::string text = running_.request("GET", "/api/sessions", "", head + "Content-Type: application/json\r\n");
        text.replace(0, 3, "POST");
        const std::string chunk = below(20) == 0 ? std::string(100000, '1') : one_of(chunks);
        return text + chunk;
    }

    std::string big_head() {
        std::string more;
        const std::size_t lines = 1 + below(below(3) == 0 ? 2000 : 1);
        for (std::size_t i = 0; i < lines; ++i)
            more += "X-" + std::to_string(i) + ": " + std::string(below(60), 'x') + "\r\n";
        if (lines == 1) more = "X: " + std::string(20000 + below(100000), 'x') + "\r\n";
        return running_.request("GET", "/api/about", "", more);
    }

    std::string wrong_length() {
        static const std::array<std::string, 9> lengths{
            "-1",   "1e3",  "99999999999999999999",   "1000000000000", "4294967296",
            "0x10", "1, 1", "1\r\nContent-Length: 2", "3000000"};
        std::string text = running_.request("GET", "/api/sessions", "", "Content-Length: " + one_of(lengths) + "\r\n");
        text.replace(0, 3, "POST");
        return text + std::string(below(4) == 0 ? 3000000 : below(100), 'x');
    }
};

/// What is wrong with how the server took it; "" if nothing.
std::string judge(const std::string& request, unsigned short port) {
    Client client(port);
    if (!client.connected()) return "the server is gone";
    client.send(request);
    client.end();
    std::string text;
    const auto ending = client.read_all(text);
    if (ending == Client::Ending::hung) return "no end";
    const bool asks_for_head = request.find("HEAD ") != std::string::npos;
    std::string_view rest = text;
    while (!rest.empty()) {
        const auto answer = take_answer(rest, asks_for_head);
        if (!answer && ending == Client::Ending::reset) break;
        if (!answer) return "malformed: " + std::string(rest.substr(0, 300));
        if (answer->status >= 500 && answer->status != 501 && answer->status != 503 && answer->status != 507) {
            return "status " + std::to_string(answer->status) + ": " + answer->body;
        }
        if (answer->body.find("root:") != std::string::npos) return "a file of the system";
        if (answer->status >= 400 && !asks_for_head) {
            const Json error = Json::parse(answer->body, nullptr, false);
            if (!error.is_object() || !error.contains("error")) return "an error without its reason: " + answer->body;
        }
        if (request.find("X-Wrong: asker") != std::string::npos && answer->status != 401 && answer->status != 403) {
            return "a stranger is answered with " + std::to_string(answer->status);
        }
    }
    return "";
}

}  // namespace

BOOST_AUTO_TEST_CASE(whoever_asks_properly_is_answered) {
    Running running;
    Client client(running.server.port());
    const auto page = client.ask(running.request("GET", "/"));
    BOOST_REQUIRE_EQUAL(status(page), 200U);
    BOOST_TEST(page->body == "<title>page</title>");
    BOOST_TEST(page->head.at("content-security-policy").find("default-src 'none'") != std::string::npos);
    BOOST_TEST(page->head.at("content-security-policy").find("unsafe") == std::string::npos);
    BOOST_TEST(status(client.ask(
                   running.request("GET", "/", "", "If-None-Match: " + page->head.at("etag") + "\r\n"))) == 304U);
    BOOST_TEST(client.send(running.request("HEAD", "/")));
    const auto head = client.read_answer(true);
    BOOST_TEST(status(head) == 200U);
    BOOST_TEST(head->head.at("content-length") == "19");
    const auto about = client.ask(running.request("GET", "/api/about"));
    BOOST_TEST(status(about) == 200U);
    BOOST_TEST(about->head.at("cache-control") == "no-store");
    const auto other = client.ask(running.request("OPTIONS", "/api/about"));
    BOOST_TEST(status(other) == 405U);
    BOOST_TEST(other->head.at("allow") == "GET");
    BOOST_TEST(status(client.ask(running.request("POST", "/"))) == 405U);
    BOOST_TEST(status(client.ask(running.request("GET", "/nothing"))) == 404U);
    BOOST_TEST(status(client.ask(running.request("GET", "/api/nothing"))) == 404U);
    // Two at once, and one in chunks that waits to be told to go on: all on one connection.
    BOOST_TEST(client.send(running.request("GET", "/api/about") + running.request("GET", "/")));
    BOOST_TEST(client.read_answer()->body.front() == '{');
    BOOST_TEST(client.read_answer()->body.front() == '<');
    std::string create =
        running.request("GET", "/api/sessions", "", "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n");
    create.replace(0, 3, "POST");
    BOOST_TEST(status(client.ask(create)) == 100U);
    BOOST_TEST(status(client.ask("2\r\n{}\r\n0\r\n\r\n")) == 201U);
    BOOST_TEST(running.server.connections() == 1U);
}

BOOST_AUTO_TEST_CASE(a_traced_network_is_downloaded_and_loaded) {
    Running running;
    Client client(running.server.port());
    const std::string target = "/api/sessions/" + new_session(running) + "/traced.renn";
    const auto file = client.ask(running.request("GET", target));
    BOOST_REQUIRE_EQUAL(status(file), 200U);
    BOOST_TEST(file->head.at("content-disposition") == "attachment; filename=\"traced.renn\"");
    const auto path = std::filesystem::temp_directory_path() / ("renn-test-" + std::to_string(::getpid()));
    std::ofstream(path, std::ios::binary) << file->body;
    const Beginning beginning = load_beginning(path.string(), running.app.data, file->body.size() * 3);
    BOOST_CHECK_THROW(load_beginning(path.string(), running.app.data, file->body.size()), renn::DataError);
    std::filesystem::remove(path);
    BOOST_TEST(beginning.model->traced.store().samples() == 200);
    BOOST_TEST((beginning.data == running.app.data.get("mnist")));
    BOOST_TEST(beginning.plan.has_value());
    const auto none = running.app.sessions.create()->id();
    BOOST_TEST(status(client.ask(running.request("GET", "/api/sessions/" + none + "/traced.renn"))) == 409U);
}

BOOST_AUTO_TEST_CASE(whoever_is_refused_sees_why) {
    Running running;
    const auto one = [&](const std::string& request) {
        Client client(running.server.port());
        client.send(request);
        const auto answer = client.read_answer();
        std::string rest;
        BOOST_TEST((client.read_all(rest) != Client::Ending::hung));  // closed: the body was not read
        return status(answer);
    };
    const std::string host = "Host: " + running.host() + "\r\n",
                      own = host + "X-Renn-Token: " + running.server.token() + "\r\n";
    BOOST_TEST(one("GET /%61pi/about HTTP/1.1\r\n" + host + "\r\n") == 401U);
    BOOST_TEST(one("GET /api/about HTTP/1.1\r\nHost: evil.example\r\n\r\n") == 403U);
    BOOST_TEST(one("GET http://" + running.host() + "/ HTTP/1.1\r\n" + own + "\r\n") == 400U);
    BOOST_TEST(one("nonsense\r\n\r\n") == 400U);
    // What nothing takes is not too long.
    for (const char* length : {"3000000", "99999999999"}) {
        const auto head = [&](const std::string& path) {
            return "POST " + path + " HTTP/1.1\r\n" + own + "Content-Length: " + length + "\r\n\r\n";
        };
        BOOST_TEST(one(head("/api/sessions/")) == 404U, length);
        BOOST_TEST(one(head("/nothing")) == 404U, length);
        BOOST_TEST(one(head("/api/about")) == 405U, length);
        BOOST_TEST(one(head("/")) == 405U, length);
    }
    BOOST_TEST(one("GET / HTTP/1.1\r\n" + own + "X: " + std::string(20000, 'x') + "\r\n\r\n") == 431U);
    const std::string post = "POST /api/sessions HTTP/1.1\r\n" + own;
    for (int i = 0; i < 20; ++i) {  // all of a body that is too long is sent, and the answer is not lost
        BOOST_TEST(one(post + "Content-Length: 3000000\r\n\r\n" + std::string(3000000, 'x')) == 413U);
    }
    BOOST_TEST(one(post + "Content-Length: 99999999999\r\n\r\n") == 413U);
    BOOST_TEST(one(post + "Transfer-Encoding: chunked\r\n\r\n200000\r\n" + std::string(0x200000, 'x')) == 413U);
    BOOST_TEST(one(post + "Transfer-Encoding: gzip\r\n\r\n") == 501U);
    BOOST_TEST(one(post + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}") == 400U);
    BOOST_TEST(one(post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}") == 400U);
    BOOST_TEST(one(post + "Transfer-Encoding: chunked\r\n\r\nxx\r\n") == 400U);
    BOOST_TEST(one(post + "Expect: wonders\r\nContent-Length: 2\r\n\r\n") == 417U);
}

BOOST_AUTO_TEST_CASE(connections_are_bounded) {
    Running running(4);
    {
        std::vector<std::unique_ptr<Client>> open;
        for (int i = 0; i < 4; ++i) {
            open.push_back(std::make_unique<Client>(running.server.port()));
            BOOST_TEST(status(open.back()->ask(running.request("GET", "/"))) == 200U);
        }
        Client late(running.server.port());
        BOOST_TEST(status(late.read_answer()) == 503U);
    }
    for (int i = 0; i < 400 && running.server.connections() > 0; ++i) std::this_thread::sleep_for(10ms);
    BOOST_TEST(running.server.connections() == 0U);
}

BOOST_AUTO_TEST_CASE(listeners_hear_and_are_noticed_when_they_go) {
    Running running;
    const std::string id = new_session(running);
    const auto session = running.app.sessions.find(id);
    const std::string events = "/api/sessions/" + id + "/events";
    {
        Client listener(running.server.port());
        BOOST_TEST(listener.send(running.request("GET", events)));
        const auto stream = listener.read_answer();
        BOOST_REQUIRE_EQUAL(status(stream), 200U);
        BOOST_TEST(stream->head.at("content-type") == "text/event-stream");
        BOOST_TEST(session->events().listeners() == 1U);
    }
    for (int i = 0; i < 400 && session->events().listeners() > 0; ++i) {
        session->events().publish_state("job", i);
        std::this_thread::sleep_for(5ms);
    }
    BOOST_TEST(session->events().listeners() == 0U);
    Client listener(running.server.port());
    BOOST_TEST(listener.send(running.request("GET", events)));
    BOOST_TEST(status(listener.read_answer()) == 200U);
    running.app.sessions.drop(id, "because");
    std::string text;
    BOOST_TEST((listener.read_all(text) == Client::Ending::closed));
    BOOST_TEST(text.find("event: dropped\ndata: {\"message\":\"because\"}") != std::string::npos);
    BOOST_TEST(text.ends_with("0\r\n\r\n"));
    Client client(running.server.port());
    BOOST_TEST(status(client.ask(running.request("GET", events))) == 410U);
}

BOOST_AUTO_TEST_CASE(others_are_answered_while_uploads_are_read) {
    Running running;
    Client client(running.server.port());
    std::string table = "a,b,kind\n";
    while (table.size() < 8000000) table += "0.25,-1.5,rose\n3,4,tulip\n";
    const std::string query = "/data/csv?label=3&name=large.csv";
    std::vector<std::shared_ptr<Session>> sessions;
    for (int i = 0; i < 12; ++i) {  // more than there are threads for answers
        sessions.push_back(running.app.sessions.create());
        const std::string path = "/api/sessions/" + sessions.back()->id();
        BOOST_TEST(status(client.ask(running.request("POST", path + query, table))) == 202U);
        BOOST_TEST(status(client.ask(running.request("POST", path + "/job/pause"))) == 200U);
        BOOST_TEST(sessions.back()->job()->json()["state"] == "paused");
    }
    const auto started = std::chrono::steady_clock::now();
    for (int i = 0; i < 20; ++i) BOOST_TEST(status(client.ask(running.request("GET", "/api/about"))) == 200U);
    BOOST_TEST((std::chrono::steady_clock::now() - started < 2s));
    BOOST_TEST(status(client.ask(running.request("POST", "/api/sessions/" + sessions[0]->id() + query, table))) ==
               409U);
    for (const auto& session : sessions) {
        const std::string path = "/api/sessions/" + session->id();
        const bool kept = session == sessions.back();
        const std::string action = kept ? "/job/resume" : "/job/cancel";
        BOOST_TEST(status(client.ask(running.request("POST", path + action))) == 200U);
        while (session->job()->running()) std::this_thread::sleep_for(1ms);
        BOOST_TEST(session->job()->json()["state"] == (kept ? "done" : "cancelled"));
        const auto data = session->snapshot().data;
        BOOST_TEST((data != nullptr) == kept);
        if (kept) BOOST_TEST(data->title == "large.csv");
    }
}

BOOST_AUTO_TEST_CASE(others_are_answered_while_a_network_is_read_and_cancelling_it_leaves_what_there_was) {
    Running running;
    const std::string id = new_session(running), path = "/api/sessions/" + id;
    const auto session = running.app.sessions.find(id);
    const auto before = session->snapshot().model;
    const std::string file = write_network(Net(renn::Dense<float>(784, 10000, std::uint64_t{1}), renn::ReLU<float>(),
                                               renn::Dense<float>(10000, 10, std::uint64_t{2})));
    Client client(running.server.port());
    BOOST_TEST(status(client.ask(running.request("POST", path + "/network.renn", file))) == 202U);
    const auto job = session->job();
    const std::string number = "?number=" + std::to_string(job->number());
    BOOST_TEST(status(client.ask(running.request("POST", path + "/job/pause" + number))) == 200U);
    const auto started = std::chrono::steady_clock::now();
    for (int i = 0; i < 20; ++i) BOOST_TEST(status(client.ask(running.request("GET", path + "/plan"))) == 200U);
    BOOST_TEST((std::chrono::steady_clock::now() - started < 2s));
    BOOST_TEST(job->json()["state"] == "paused");
    // What is meant for other work does not reach this one.
    for (const char* other : {"?number=7", "?number=0", "?number=x"}) {
        BOOST_TEST(status(client.ask(running.request("POST", path + "/job/cancel" + other))) >= 400U);
    }
    BOOST_TEST(job->json()["state"] == "paused");
    BOOST_TEST(status(client.ask(running.request("POST", path + "/job/cancel" + number))) == 200U);
    while (job->running()) std::this_thread::sleep_for(1ms);
    BOOST_TEST(job->json()["state"] == "cancelled");
    BOOST_TEST(session->snapshot().model == before);
    BOOST_TEST(status(client.ask(running.request("POST", path + "/job/cancel" + number))) == 409U);
}

BOOST_AUTO_TEST_CASE(it_ends_promptly_whatever_goes_on) {
    Running running;
    const std::string id = new_session(running);
    const auto session = running.app.sessions.find(id);
    session->start("train", [](Job& job) {
        for (;;) {
            if (!job.report({.done = 1, .total = 100, .phase = "turning"})) throw Cancelled{};
            std::this_thread::sleep_for(1ms);
        }
    });
    Client listener(running.server.port()), idle(running.server.port()), slow(running.server.port());
    BOOST_TEST(listener.send(running.request("GET", "/api/sessions/" + id + "/events")));
    BOOST_TEST(status(listener.read_answer()) == 200U);
    BOOST_TEST(slow.send("POST /api/sessions HTTP/1.1\r\nHo"));
    BOOST_TEST(status(idle.ask(running.request("GET", "/"))) == 200U);
    const auto started = std::chrono::steady_clock::now();
    running.stop();
    BOOST_TEST((std::chrono::steady_clock::now() - started < 2s));
    std::string text;
    BOOST_TEST((listener.read_all(text) != Client::Ending::hung));
    BOOST_TEST((idle.read_all(text) != Client::Ending::hung));
    BOOST_TEST((slow.read_all(text) != Client::Ending::hung));
}

BOOST_AUTO_TEST_CASE(hostile_requests_do_no_harm) {
    Running running;
    const std::string session = new_session(running);
    Client listener(running.server.port());
    BOOST_TEST(listener.send(running.request("GET", "/api/sessions/" + session + "/events")));
    constexpr int clients = 4, batch = 100;
    std::vector<std::string> found(clients);
    std::atomic<int> sent = 0;
    {
        std::vector<std::jthread> threads;
        for (int c = 0; c < clients; ++c) {
            threads.emplace_back([&, c] {
                Hostile hostile(static_cast<std::uint64_t>(c) + 1, running, session);
                while (sent < hostile_requests && found[static_cast<std::size_t>(c)].empty()) {
                    if (++sent % batch == 0) {  // as it was, whatever was done to it
                        const auto s = running.app.sessions.find(session);
                        if (const auto job = s->job()) job->cancel();
                        running.give_model(*s);
                    }
                    const std::string request = hostile.next();
                    const std::string wrong = judge(request, running.server.port());
                    if (!wrong.empty()) found[static_cast<std::size_t>(c)] = wrong + "\n to " + request.substr(0, 2000);
                }
            });
        }
    }
    for (const std::string& wrong : found) BOOST_TEST(wrong == "");
    Client client(running.server.port());
    BOOST_TEST(status(client.ask(running.request("GET", "/api/sessions/" + session))) == 200U);
    std::printf("%d hostile requests\n", sent.load());
}

BOOST_AUTO_TEST_CASE(fifty_clients_at_once) {
    Running running;
    const char* wanted = std::getenv("RENN_PLAYGROUND_SECONDS");
    const auto lasts = std::chrono::seconds(wanted != nullptr ? std::atoi(wanted) : 2);
    std::vector<std::string> sessions;
    for (int i = 0; i < 5; ++i) sessions.push_back(new_session(running));
    std::atomic<int> answered = 0, failed = 0;
    const auto started = std::chrono::steady_clock::now();
    const long at_first = resident_kilobytes();
    long later = 0;
    {
        std::vector<std::jthread> threads;
        for (std::size_t c = 0; c < 50; ++c) {
            threads.emplace_back([&, c] {
                const std::string path = "/api/sessions/" + sessions[c % sessions.size()];
                auto client = std::make_unique<Client>(running.server.port());
                for (std::size_t i = c; std::chrono::steady_clock::now() - started < lasts; ++i) {
                    if (i % 50 == 0) client = std::make_unique<Client>(running.server.port());
                    const std::string query = R"({"of":{"test":)" + std::to_string(i % 50) + "}}";
                    const std::string request = i % 4 == 0   ? running.request("GET", "/")
                                                : i % 4 == 1 ? running.request("GET", path)
                                                             : running.request("POST", path + "/retrace", query);
                    const bool well = status(client->ask(request)) == 200;
                    ++(well ? answered : failed);
                    if (!well) client = std::make_unique<Client>(running.server.port());
                }
            });
        }
        std::this_thread::sleep_for(lasts / 2);
        later = resident_kilobytes();
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    std::printf(
        "50 clients: %.0f requests/s for %.1f s, %d failed; resident %ld MB at first, %ld half way, %ld at the end\n",
        answered / seconds, seconds, failed.load(), at_first / 1024, later / 1024, resident_kilobytes() / 1024);
    BOOST_TEST(failed == 0);
    BOOST_TEST(answered > 0);
}
