// SPDX-License-Identifier: MIT
// The routes of the tab Dataset as functions: what they tell, and what they refuse.
#define BOOST_TEST_MODULE playground_data
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include <nlohmann/json.hpp>

#include "app/app.hpp"
#include "app/data_set.hpp"
#include "app/model.hpp"
#include "app/upload.hpp"

using playground::Json;
using playground::Parameters;
using namespace std::string_literals;

namespace {

struct Playground {
    playground::App app{{.data = "/no/such/folder", .session_bytes = std::size_t{1} << 24}};
    playground::Router router;
    std::string session;
    unsigned status = 0;

    Playground() {
        playground::add_data_routes(router, app);
        session = app.sessions.create()->id();
        ask("PUT", "data", {}, R"({"name": "hsv_rgb"})", "application/json");
    }

    Json ask(const std::string& method, const std::string& path, const Parameters& query = {},
             const std::string& body = "", const std::string& type = "text/csv") {
        playground::Request request{.method = method,
                                    .path = "/api/sessions/" + session + "/" + path,
                                    .query = query,
                                    .parts = {},
                                    .content_type = type,
                                    .body = body};
        const auto response = router.handle(request);
        status = response.status;
        return status == 202 ? end_of_reading() : Json::parse(response.body);
    }
    /// The state once an upload is read, or why it was not.
    Json end_of_reading() {
        const auto owner = app.sessions.find(session);
        const auto job = owner->job();
        while (job->running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        const Json end = job->json();
        status = end["state"] == "done" ? 200 : 422;
        return status == 200 ? owner->json() : Json{{"error", {{"message", end["error"]}}}};
    }
    /// Status and message of a refusal.
    std::string refusal(const std::string& method, const std::string& path, const Parameters& query = {},
                        const std::string& body = "", const std::string& type = "text/csv") {
        const Json answer = ask(method, path, query, body, type);
        if (!answer.contains("error")) return "taken";
        return std::to_string(status) + " " + answer["error"]["message"].get<std::string>();
    }
};

std::string flowers(int n) {
    std::string text = "length,width,kind\n";
    for (int i = 0; i < n; ++i) {
        text += std::to_string(i) + "," + std::to_string(0.5 * i) + "," + (i % 3 == 0 ? "rose" : "tulip") + "\n";
    }
    return text;
}

std::string idx(const std::string& shape, const std::string& payload) {
    std::string out{'\0', '\0', '\x08', static_cast<char>(shape.size())};
    for (const char d : shape) out += std::string(3, '\0') + d;
    return out + payload;
}

bool starts(const std::string& text, const std::string& begin) {
    if (text.starts_with(begin)) return true;
    BOOST_TEST_MESSAGE("got: " << text);
    return false;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_built_in_data_are_shown_and_missing_ones_are_told) {
    Playground p;
    playground::Request request{
        .method = "GET", .path = "/api/datasets", .query = {}, .parts = {}, .content_type = {}, .body = {}};
    const Json cards = Json::parse(p.router.handle(request).body)["cards"];
    BOOST_TEST(cards[0]["error"].get<std::string>().find("cannot be opened") != std::string::npos);
    BOOST_TEST(cards[1]["train"] == 50653);
    BOOST_TEST(cards[1]["preview"].get<std::string>().starts_with("data:image/png;base64,"));
    BOOST_TEST(starts(p.refusal("PUT", "data", {}, R"({"name": "../etc"})", "application/json"), "404 "));
    BOOST_TEST(starts(p.refusal("PUT", "data", {}, R"({"name": 7})", "application/json"), "400 "));
    BOOST_TEST(starts(p.refusal("PUT", "data", {}, "{}", "application/json"), "400 "));

    const Json facts = p.ask("GET", "data/facts");
    BOOST_TEST(facts["train"]["samples"] == 50653);
    BOOST_TEST(facts["train"]["features"].size() == 3U);
    BOOST_TEST(facts["test"]["features"][2]["maximum"].get<double>() < 1.0);
    const Json colours = p.ask("GET", "data/colours");
    BOOST_TEST(colours["colours"].size() == 13U * 13U * 13U);
    BOOST_TEST(colours["colours"][0] == Json({0, 0, 0, 0}));
    BOOST_TEST(colours["colours"].back() == Json({255, 255, 255, 50652}));
    const Json one = p.ask("GET", "samples/train/50652");
    BOOST_TEST(one["rgb"] == Json({255, 255, 255}));
}

BOOST_AUTO_TEST_CASE(a_table_is_looked_at_read_and_shown_as_it_was) {
    Playground p;
    const Json preview = p.ask("POST", "data/csv/preview", {{"separator", "auto"}}, "a;b\n1;x\n2;y\n");
    BOOST_TEST(preview["separator"] == ";");
    BOOST_TEST(preview["header"] == true);
    BOOST_TEST(preview["label"] == 2);
    BOOST_TEST(preview["columns"][0]["numeric"] == true);
    BOOST_TEST(preview["rows"].dump() == R"([["1","x"],["2","y"]])");

    const Json state =
        p.ask("POST", "data/csv", {{"name", "flowers.csv"}, {"label", "3"}, {"test", "0.25"}, {"standardize", "1"}},
              flowers(40));
    BOOST_REQUIRE(p.status == 200U);
    BOOST_TEST(state["data"]["title"] == "flowers.csv");
    BOOST_TEST(state["data"]["train"]["samples"] == 30);
    BOOST_TEST(state["data"]["test"]["samples"] == 10);
    BOOST_TEST(state["data"]["train"]["classes"] == Json({"rose", "tulip"}));
    const auto data = p.app.sessions.find(p.session)->snapshot().data;
    BOOST_TEST(std::abs(data->train.values().row(0).mean()) < 1e-5F);
    for (const int id : {0, 7, 39}) {  // in one of the two parts, with the values of the file
        Json sample = p.ask("GET", "samples/train/" + std::to_string(id));
        if (p.status != 200) sample = p.ask("GET", "samples/test/" + std::to_string(id));
        BOOST_TEST(std::abs(sample["values"][1].get<double>() - 0.5 * id) < 1e-4);
        BOOST_TEST(sample["class"] == (id % 3 == 0 ? "rose" : "tulip"));
    }
    const Json facts = p.ask("GET", "data/facts");
    BOOST_TEST(facts["feature_names"] == Json({"length", "width"}));
    BOOST_TEST(facts["train"]["counts"][0].get<int>() + facts["test"]["counts"][0].get<int>() == 14);
    const Json page = p.ask("GET", "samples", {{"set", "train"}, {"label", "0"}, {"first", "2"}, {"count", "3"}});
    BOOST_TEST(page["samples"].size() == 3U);
    for (const Json& sample : page["samples"]) BOOST_TEST(sample["label"] == 0);
    BOOST_TEST(page["total"] == facts["train"]["counts"][0]);
    const Json last = page["samples"].back();
    const Json whole = p.ask("GET", "samples/train/" + std::to_string(last["id"].get<int>()));
    BOOST_TEST(whole["position_in_class"] == 4);

    p.ask("POST", "data/csv", {{"targets", "1-2"}, {"header", "0"}}, "1,2,3\n4,5,6\n7,8,9\n1,2,3\n1,2,3\n");
    BOOST_TEST(p.ask("GET", "samples")["samples"][0]["targets"].size() == 2U);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_a_table_is_told) {
    Playground p;
    const auto refused = [&](Parameters query, const std::string& text) {
        return p.refusal("POST", "data/csv", query, text);
    };
    BOOST_TEST(refused({{"label", "2"}, {"name", "t.csv"}}, "a,b\n1,x\n2?,y\n") ==
               "422 read_csv: t.csv: line 3, column 1 (a): number: got \"2?\", expected a number");
    BOOST_TEST(starts(refused({{"label", "2"}}, "a,b\n1,x,3\n"), "422 read_csv: table.csv: line 2: fields: got 3"));
    BOOST_TEST(
        starts(refused({{"label", "9"}}, "a,b\n1,x\n"), "422 read_csv: table.csv: column 9: got no such column"));
    BOOST_TEST(starts(refused({}, "a,b\n1,x\n"), "422 table.csv: choose a column"));
    BOOST_TEST(starts(refused({{"label", "2"}, {"targets", "1"}}, "a,b\n1,x\n"), "422 targets: got \"both\""));
    BOOST_TEST(starts(refused({{"label", "2"}}, "a,b\n1,x\n"), "422 table.csv: test part: got no sample"));
    BOOST_TEST(starts(refused({{"label", "2"}}, ""), "422 read_csv: table.csv: empty"));
    std::string many = "a,b\n";
    for (int i = 0; i < 1001; ++i) many += "1,n" + std::to_string(i) + "\n";
    BOOST_TEST(starts(refused({{"label", "2"}}, many), "422 read_csv: table.csv: line 1002, column 2 (b): label"));
    BOOST_TEST(starts(refused({{"label", "2"}}, "a,b\n1,2000000000\n"), "422 read_csv: table.csv: line 2, column 2"));
    BOOST_TEST(
        starts(refused({{"label", "2"}}, std::string(2000000, ',')), "422 table.csv: line 1: got 2000000 bytes"));
    BOOST_TEST(starts(refused({{"label", "2"}}, std::string(20000, ',')), "422 table.csv: got 20001 columns"));
    for (const char* number : {"-1", "1e9", "nan", "", "0.5x"}) {
        BOOST_TEST(starts(refused({{"label", "3"}, {"test", number}}, flowers(9)), "422 test: got"));
        BOOST_TEST(starts(refused({{"label", number}}, flowers(9)), "422 label: got"));
        BOOST_TEST(starts(refused({{"label", "3"}, {"seed", number}}, flowers(9)), "422 seed: got"));
        BOOST_TEST(starts(refused({{"label", "3"}, {"header", number}}, flowers(9)), "422 header: got"));
    }
    for (const char* columns : {"0", "2-1", "1,,2", "-", "1-", "1-99999999999", "1-16384,1-16384", "x"}) {
        BOOST_TEST(starts(refused({{"targets", columns}}, flowers(9)), "422 targets: got"));
    }
    std::string large = "a,b\n";
    for (int i = 0; i < 300000; ++i) large += "1,0\n";
    BOOST_TEST(starts(refused({{"label", "2"}}, large), "422 these data take "));
    BOOST_TEST(p.app.sessions.find(p.session)->snapshot().data->name ==
               "hsv_rgb");  // nothing of it has changed anything
}

BOOST_AUTO_TEST_CASE(pictures_come_in_one_body) {
    Playground p;
    const std::string images = idx({10, 2, 3}, std::string(60, '\x7f')), labels = idx({10}, "\0\1\2\0\1\2\0\1\2\0"s);
    const std::string few = idx({3, 2, 3}, std::string(18, '\x7f'));
    const auto sizes = [](const std::string& a, const std::string& b) {
        return Parameters{{"images", std::to_string(a.size())}, {"labels", std::to_string(b.size())}};
    };
    const Json state = p.ask("POST", "data/idx", sizes(images, labels), images + labels);
    BOOST_REQUIRE(p.status == 200U);
    BOOST_TEST(state["data"]["train"]["samples"] == 8);
    BOOST_TEST(state["data"]["train"]["image"] == Json({1, 2, 3}));
    BOOST_TEST(p.ask("GET", "samples")["samples"][0]["picture"].get<std::string>().starts_with("data:image/png"));

    const auto pair = [&](const std::string& test_labels, const std::string& test_images) {
        Parameters query = sizes(images, labels);
        query["test_images"] = std::to_string(test_images.size());
        query["test_labels"] = std::to_string(test_labels.size());
        return p.refusal("POST", "data/idx", query, images + labels + test_images + test_labels);
    };
    BOOST_TEST(pair(idx({3}, "\0\0\0"s), few) == "taken");
    BOOST_TEST(p.app.sessions.find(p.session)->snapshot().data->test.classes() == 3);
    BOOST_TEST(starts(pair(idx({3}, "\0\0\3"s), few), "422 test_labels: got a label 3, expected 0..2"));
    BOOST_TEST(
        starts(pair(idx({3}, "\0\0\0"s), idx({3, 3, 2}, std::string(18, 'x'))), "422 test_images: got pictures"));
    BOOST_TEST(starts(pair(idx({2}, "\0\0"s), few), "422 read_idx: test_labels: labels: got 2"));
    const auto refused = [&](const Parameters& query, const std::string& body) {
        return p.refusal("POST", "data/idx", query, body);
    };
    BOOST_TEST(starts(refused({}, images + labels), "422 a file with pictures is missing"));
    BOOST_TEST(starts(refused(sizes(images, labels), images), "422 labels: got"));
    BOOST_TEST(starts(refused(sizes(images, labels), images + labels + "x"), "422 more bytes"));
    BOOST_TEST(starts(refused({{"images", "18446744073709551615"}, {"labels", "2"}}, images), "422 images: got"));
    BOOST_TEST(starts(refused(sizes(labels, images), labels + images), "422 read_idx: images: dimensions: got 1"));
    for (std::size_t n = 1; n < images.size(); ++n) {
        const std::string cut = images.substr(0, n);
        BOOST_TEST(starts(refused(sizes(cut, labels), cut + labels), "422 read_idx: images: "));
    }
}

BOOST_AUTO_TEST_CASE(samples_are_asked_for_within_bounds) {
    Playground p;
    const auto refused = [&](const Parameters& query) { return p.refusal("GET", "samples", query); };
    for (const char* number : {"-2", "x", "", "99999999999999999999", "1.5"}) {
        for (const char* name : {"first", "count", "label"}) {
            BOOST_TEST(starts(refused({{name, number}}), std::string("422 ") + name + ": got"));
        }
        BOOST_TEST(starts(p.refusal("GET", std::string("samples/train/") + number), "404 "));
    }
    BOOST_TEST(starts(refused({{"set", "all"}}), "404 "));
    BOOST_TEST(starts(p.refusal("GET", "samples/test/10000"), "404 the test part has no sample with id 10000"));
    BOOST_TEST(p.ask("GET", "samples", {{"first", "1000000"}})["samples"].empty());
    BOOST_TEST(p.ask("GET", "samples", {{"label", "3"}})["total"] == 0);
    BOOST_TEST(starts(p.refusal("GET", "data/colours", {{"set", "x"}}), "404 "));
}

BOOST_AUTO_TEST_CASE(a_model_goes_with_its_data_only_if_that_is_said) {
    Playground p;
    const auto session = p.app.sessions.find(p.session);
    const auto data = session->snapshot().data;
    session->update([&](playground::Snapshot& s) {
        playground::Net net;
        net.add(renn::Dense<float>(3, 3));
        s.model = std::make_shared<const playground::Model>(playground::Model{
            .traced = playground::Traced(std::move(net)), .train = data->train.first(2), .test = data->test.first(2)});
    });
    BOOST_TEST(starts(p.refusal("POST", "data/csv", {{"label", "3"}}, flowers(30)), "409 the trained network"));
    BOOST_TEST(p.refusal("POST", "data/csv", {{"label", "3"}, {"drop_model", "1"}}, flowers(30)) == "taken");
    BOOST_TEST(!session->snapshot().model);
}
