// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE playground_network
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include <renn/core/rng.hpp>
#include <renn/network/summary.hpp>
#include <renn/tracing/estimate.hpp>

#include "app/app.hpp"
#include "app/describe.hpp"
#include "app/make_network.hpp"
#include "app/model_file.hpp"
#include "app/write_program.hpp"

using playground::DataSet;
using playground::HttpError;
using playground::Json;
using playground::LayerPlan;
using playground::NetworkPlan;

namespace {

DataSet images(renn::Shape shape) {
    const renn::Batch<float> x = renn::Batch<float>::Constant(shape.size(), 6, 0.25F);
    return {.name = "idx",
            .title = "Images",
            .train = renn::Dataset<float>(x, {.labels = {0, 1, 2, 0, 1, 2}, .image = shape}),
            .test = renn::Dataset<float>(x, {.labels = {0, 1, 2, 0, 1, 2}, .image = shape})};
}

DataSet vectors() {
    const renn::Batch<float> x = renn::Batch<float>::Constant(5, 4, 0.25F);
    const renn::Batch<float> y = renn::Batch<float>::Constant(2, 4, 0.5F);
    return {.name = "csv",
            .title = "Table",
            .train = renn::Dataset<float>(x, {.targets = y}),
            .test = renn::Dataset<float>(x, {.targets = y})};
}

/// "layers.1.kernel: what is wrong", or "" if nothing is.
template <class F>
std::string refusal(F&& f) {
    try {
        f();
    } catch (const HttpError& error) {
        BOOST_TEST(error.status() == 422U);
        return error.kind() + ": " + error.what();
    }
    return "";
}

template <class T>
const T& any(const T* from, std::size_t count, renn::Rng& rng) {
    return from[rng.below(count)];
}

/// Any plan that may or may not fit.
NetworkPlan random_plan(renn::Rng& rng) {
    NetworkPlan plan;
    plan.layers.clear();
    for (std::uint64_t i = 0, n = 1 + rng.below(6); i < n; ++i) {
        LayerPlan layer{.kind = std::string(any(playground::layer_kinds.data(), playground::layer_kinds.size(), rng))};
        const std::string activation(any(playground::activations.data(), playground::activations.size(), rng));
        if (layer.has_size()) layer.size = static_cast<std::int64_t>(1 + rng.below(12));
        if (layer.has_activation()) layer.activation = activation;
        if (layer.has_window()) {
            layer.kernel = static_cast<std::int64_t>(1 + rng.below(4));
            layer.stride = static_cast<std::int64_t>(1 + rng.below(3));
            layer.padding = static_cast<std::int64_t>(rng.below(2));
            if (layer.pools()) layer.padding = std::min(layer.padding, layer.kernel / 2);
        }
        if (layer.kind == "Dropout") layer.rate = 0.25;
        plan.layers.push_back(layer);
    }
    plan.output_activation = std::string(any(playground::activations.data(), playground::activations.size(), rng));
    return plan;
}

struct Server {
    playground::App app;
    playground::Router router;
    std::string session;

    Server() : app({}), router(playground::make_router(app)), session(app.sessions.create()->id()) {
        app.sessions.find(session)->update([](playground::Snapshot& s) {
            s.data = std::make_shared<const DataSet>(images({1, 6, 6}));
        });
    }
    playground::Response ask(const std::string& method, const std::string& path, const std::string& body = "",
                             const std::string& type = "application/json") {
        playground::Request request;
        request.method = method;
        request.path = "/api/sessions/" + session + "/" + path;
        request.content_type = type;
        request.body = body;
        return router.handle(request);
    }
    /// The work that read a network's file, over.
    Json import(const std::string& file) {
        const auto response = ask("POST", "network.renn", file, "application/octet-stream");
        BOOST_TEST_REQUIRE(response.status == 202U, response.body);
        return end_of_work();
    }
    Json end_of_work() {
        const auto job = owner()->job();
        while (job->running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return job->json();
    }
    std::shared_ptr<playground::Session> owner() { return app.sessions.find(session); }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_plan_and_its_description_are_the_same_and_what_is_left_out_is_as_the_original_had_it) {
    const NetworkPlan plain = playground::parse_plan(Json::object());
    BOOST_TEST(plain.layers.size() == 2U);
    BOOST_TEST((plain == NetworkPlan{}));
    BOOST_TEST(plain.layers[0].size == 128);
    BOOST_TEST(plain.output_activation == "ReLU");
    renn::Rng rng(1);
    for (int i = 0; i < 200; ++i) {
        NetworkPlan plan = random_plan(rng);
        if (i % 2 == 0) plan.seed = rng.below(100000);
        BOOST_TEST((playground::parse_plan(playground::describe(plan)) == plan));
    }
    // What a kind does not use changes nothing.
    const auto dropout = playground::parse_plan(Json::parse(R"({"layers": [{"kind": "Dropout", "size": 7}]})"));
    BOOST_TEST((dropout.layers[0] == LayerPlan{.kind = "Dropout"}));
}

BOOST_AUTO_TEST_CASE(what_is_out_of_range_is_refused_at_its_field) {
    const auto refused = [](const char* json) {
        const std::string told = refusal([&] { playground::parse_plan(Json::parse(json)); });
        return told.substr(0, told.find(':'));
    };
    BOOST_TEST(refused(R"({"seed": 100000})") == "seed");
    BOOST_TEST(refused(R"({"seed": -1})") == "seed");
    BOOST_TEST(refused(R"({"seed": 18446744073709551615})") == "seed");
    BOOST_TEST(refused(R"({"seed": "1"})") == "seed");
    BOOST_TEST(refused(R"({"layers": []})") == "layers");
    BOOST_TEST(refused(R"({"layers": {"a": 1}})") == "layers");
    BOOST_TEST(refused(R"({"layers": [{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]})") == "layers");
    BOOST_TEST(refused(R"({"layers": [{}, 3]})") == "layers.1");
    BOOST_TEST(refused(R"({"layers": [{"sizes": 3}]})") == "layers.0");
    BOOST_TEST(refused(R"({"layers": [{"size": 0}]})") == "layers.0.size");
    BOOST_TEST(refused(R"({"layers": [{}, {"size": 1025}]})") == "layers.1.size");
    BOOST_TEST(refused(R"({"layers": [{"size": 1.5}]})") == "layers.0.size");
    BOOST_TEST(refused(R"({"layers": [{"kind": "dense"}]})") == "layers.0.kind");
    BOOST_TEST(refused(R"({"layers": [{"activation": ["ReLU"]}]})") == "layers.0.activation");
    BOOST_TEST(refused(R"({"layers": [{"kind": "Convolution", "kernel": 33}]})") == "layers.0.kernel");
    BOOST_TEST(refused(R"({"layers": [{"kind": "MaxPool", "padding": 2}]})") == "layers.0.padding");
    BOOST_TEST(refused(R"({"layers": [{"kind": "Dropout", "rate": 1.0}]})") == "layers.0.rate");
    BOOST_TEST(refused(R"({"output_activation": "Softmax"})") == "output_activation");
    BOOST_TEST(refused(R"({"layer": 1})") == "plan");
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_the_data_is_refused_at_its_field) {
    const auto refused = [](std::vector<LayerPlan> layers, const DataSet& data) {
        return refusal([&] { playground::lay_out({.layers = std::move(layers)}, data); });
    };
    const LayerPlan convolution{.kind = "Convolution", .size = 4}, pool{.kind = "MaxPool", .kernel = 2, .stride = 2};
    BOOST_TEST(refused({convolution}, vectors()) ==
               "layers.0.kind: A convolution needs images, which this data set does not have");
    BOOST_TEST(
        refused({{}, pool}, images({1, 6, 6})) ==
        "layers.1.kind: Max pooling needs an image, which is gone here: it must stand before the first Dense layer");
    BOOST_TEST(refused({pool, pool, convolution}, images({1, 6, 6})) ==
               "layers.2.kernel: a window of 3 does not fit into the 1 x 1 that arrive here");
    const std::string large = refused({{.kind = "Convolution", .size = 512}, {.size = 1024}}, images({1, 28, 28}));
    BOOST_TEST(large.substr(0, 15) == "layers.1.size: ");
    BOOST_TEST(large.find("354,") != std::string::npos, large);
    BOOST_TEST(
        refusal([] { playground::check_memory({.sample_bytes = 1000000, .fixed_bytes = 5000000}, 100, 50000000); }) ==
        "memory: recording 100 samples of this network takes about 105 MB, where a session may hold 50 MB: at most "
        "45 samples fit, or take smaller layers");
}

BOOST_AUTO_TEST_CASE(the_layout_is_the_network_that_is_made) {
    renn::Rng rng(2);
    int fitting = 0;
    for (int i = 0; i < 400; ++i) {
        const DataSet data = i % 4 == 0 ? vectors() : i % 4 == 1 ? images({2, 7, 5}) : images({1, 9, 9});
        const NetworkPlan plan = random_plan(rng);
        std::vector<playground::PlannedLayer> layers;
        try {
            layers = playground::lay_out(plan, data);
        } catch (const HttpError&) {
            BOOST_CHECK_THROW(playground::make_network(plan, data, 1), HttpError);
            continue;
        }
        ++fitting;
        const playground::Net net = playground::make_network(plan, data, 1);
        const renn::Summary summary = renn::summary(net);
        BOOST_TEST_REQUIRE(summary.rows.size() == layers.size());
        for (std::size_t l = 0; l < layers.size(); ++l) {
            BOOST_TEST(summary.rows[l].path == layers[l].name);
            BOOST_TEST(static_cast<std::uint64_t>(summary.rows[l].parameters) == layers[l].parameters);
            BOOST_TEST(static_cast<std::uint64_t>(summary.rows[l].store_bytes) == 4 * layers[l].stored);
        }
        BOOST_TEST(net.predict(data.test.inputs()).rows() == playground::outputs_for(data));
        const auto cost = playground::cost_of(layers, data);
        const auto told = renn::estimate(net, 1000).bytes_in_memory + 8 * cost.values * 1000;
        BOOST_TEST(static_cast<double>(1000 * cost.sample_bytes) == static_cast<double>(told),
                   boost::test_tools::tolerance(0.05));
        const auto back = playground::plan_of(net, data);
        BOOST_TEST_REQUIRE(back.has_value(), net.describe() << playground::describe(plan));
        BOOST_TEST((*back == plan));
        BOOST_TEST(!playground::write_program(plan, data, 1, {.train = 4, .test = 4}).empty());
    }
    BOOST_TEST(fitting > 100);
}

BOOST_AUTO_TEST_CASE(a_network_that_no_plan_makes_has_none) {
    const DataSet data = images({1, 6, 6});
    using renn::Dense;
    const auto planned = [&](const playground::Net& net) { return playground::plan_of(net, data).has_value(); };
    const Dense<float> first(36, 4, std::uint64_t{1}), last(4, 3, std::uint64_t{2});
    BOOST_TEST(planned(playground::Net(first, renn::ReLU<float>(), last)));
    BOOST_TEST(!planned(playground::Net(first, renn::ReLU<float>(), renn::Tanh<float>(), last)));
    BOOST_TEST(!planned(playground::Net(first, renn::LeakyReLU<float>(0.5F), last)));
    BOOST_TEST(!planned(playground::Net(first, last, renn::Softmax<float>())));
    BOOST_TEST(!planned(playground::Net(Dense<float>(36, 3, std::uint64_t{1}))));
    BOOST_TEST(!planned(playground::Net(renn::LayerNorm<float>(36, {.epsilon = 0.1}), first, last)));
    BOOST_TEST(
        !planned(playground::Net(Dense<float>(36, 1025, std::uint64_t{1}), Dense<float>(1025, 3, std::uint64_t{1}))));
}

BOOST_AUTO_TEST_CASE(a_network_comes_back_from_its_file_and_what_does_not_fit_is_refused) {
    const DataSet data = images({1, 6, 6});
    const NetworkPlan plan{.layers = {{.kind = "Convolution", .size = 3}, {.size = 5}}};
    const playground::Net net = playground::make_network(plan, data, 7);
    const std::string bytes = playground::write_network(net);
    const playground::Net back = playground::read_network(bytes, data);
    BOOST_TEST(playground::write_network(back) == bytes);
    BOOST_TEST((back.predict(data.test.inputs()) == net.predict(data.test.inputs())));
    const auto refused = [](const std::string& file, const DataSet& of) {
        return refusal([&] { playground::read_network(file, of); });
    };
    BOOST_TEST(refused(bytes, images({1, 7, 6})) == "file: this network takes 36 values, and a sample of Images 42");
    BOOST_TEST(refused(bytes + "x", data) == "file: this file cannot be read as a network: more bytes follow it");
    BOOST_TEST(refused("hello", data) == "file: this file cannot be read as a network: not a renn file");
    BOOST_TEST(refused("", data) ==
               "file: this file cannot be read as a network: truncated: got 0 bytes, expected 64 bytes or more");
    // A few bytes that ask for billions of values.
    const playground::Net huge(renn::MaxPool2d<float>({1, 6, 6}, {.kernel = 40000, .stride = 1, .padding = 20000}),
                               renn::GlobalAvgPool<float>(renn::Shape{1, 7, 7}), renn::Dense<float>(1, 3));
    BOOST_TEST(refused(playground::write_network(huge), data).find("too large to be recorded") != std::string::npos);
    const playground::Net wide(renn::AvgPool2d<float>({1, 6, 6}, {.kernel = 2, .stride = 1, .padding = 1}),
                               renn::GlobalAvgPool<float>(renn::Shape{1, 7, 7}), renn::Dense<float>(1, 3));
    BOOST_TEST(refused(playground::write_network(wide), data).empty());
}

BOOST_AUTO_TEST_CASE(the_server_takes_over_a_plan_that_fits_and_records_a_network_that_is_sent) {
    Server server;
    const auto kind_of = [](const playground::Response& response) {
        return Json::parse(response.body).at("error").at("kind").get<std::string>();
    };
    const auto put = [&](const char* plan, const char* samples = "4") {
        playground::Request request;
        request.method = "PUT";
        request.path = "/api/sessions/" + server.session + "/plan";
        request.query["samples"] = samples;
        request.content_type = "application/json";
        request.body = plan;
        return server.router.handle(request);
    };
    auto response = put(R"({"seed": 5, "layers": [{"size": 7}]})");
    BOOST_TEST_REQUIRE(response.status == 200U, response.body);
    Json told = Json::parse(response.body);
    BOOST_TEST(told["cost"]["parameters"] == 36 * 7 + 7 + 7 * 3 + 3);
    BOOST_TEST(told["cost"]["samples"] == 4);
    BOOST_TEST(told["input"] == Json({1, 6, 6}));
    response = put(R"({"layers": [{"size": 7}, {"kind": "MaxPool"}]})");
    BOOST_TEST(response.status == 200U);
    BOOST_TEST(Json::parse(response.body).at("plan").is_null());
    BOOST_TEST(kind_of(response) == "layers.1.kind");
    BOOST_TEST(put(R"({"layers": [{"size": 0}]})").status == 422U);
    BOOST_TEST(kind_of(put("{}", "7")) == "samples");
    BOOST_TEST(kind_of(put("{}", "x")) == "samples");
    BOOST_TEST(Json::parse(server.ask("GET", "plan").body)["plan"]["seed"] == 5);
    BOOST_TEST(server.ask("GET", "network.renn").status == 409U);

    const DataSet data = images({1, 6, 6});
    const std::string file = playground::write_network(
        playground::make_network({.layers = {{.size = 4, .activation = "Tanh"}, {.kind = "Dropout"}}}, data, 3));
    told = server.import("nonsense");
    BOOST_TEST(told["state"] == "failed");
    BOOST_TEST(told["error"] == "this file cannot be read as a network: not a renn file");
    BOOST_TEST(!server.owner()->snapshot().model);
    BOOST_TEST(server.import(file)["state"] == "done");
    told = Json::parse(server.ask("GET", "plan").body);
    BOOST_TEST(told["plan"]["layers"][0]["activation"] == "Tanh");
    BOOST_TEST(told["plan"]["seed"] == 5);
    BOOST_TEST(told["model"]["same_plan"] == true);
    BOOST_TEST(server.ask("GET", "network.renn").body == file);

    // The plan stays when the data change, and what is then wrong with it is told.
    put(R"({"layers": [{"kind": "Convolution", "size": 2}, {"size": 3}]})");
    server.app.sessions.find(server.session)->update([](playground::Snapshot& s) {
        s.data = std::make_shared<const DataSet>(vectors());
    });
    told = Json::parse(server.ask("GET", "plan").body);
    BOOST_TEST(told["plan"]["layers"][0]["kind"] == "Convolution");
    BOOST_TEST(told["error"]["kind"] == "layers.0.kind");
    BOOST_TEST(told["output"] == 2);
}

BOOST_AUTO_TEST_CASE(an_import_that_is_cancelled_or_overtaken_takes_nothing_away) {
    Server server;
    const DataSet data = images({1, 6, 6});
    const auto file = [&](std::int64_t size) {
        return playground::write_network(playground::make_network({.layers = {{.size = size}}}, data, 3));
    };
    BOOST_TEST(server.import(file(4))["state"] == "done");
    const auto before = server.owner()->snapshot();

    // Its steps as the work makes them; the file is read when the first is told.
    const auto import = [&](std::size_t most_bytes, const std::function<void(playground::Job&)>& first) {
        const auto now = server.owner()->snapshot();
        server.owner()->start("import", [&, now](playground::Job& job) {
            first(job);
            import_network(*server.owner(), now, job, file(7), 6, most_bytes);
        });
        return server.end_of_work();
    };
    constexpr std::size_t plenty = std::size_t{1} << 30;
    BOOST_TEST(import(plenty, [](playground::Job& job) { job.cancel(); })["state"] == "cancelled");
    BOOST_TEST(import(100, [](playground::Job&) {})["error"].get<std::string>().find("recording 1 sample") == 0U);
    BOOST_TEST(server.owner()->snapshot().model == before.model);
    BOOST_TEST((server.owner()->snapshot().plan == before.plan));

    // A plan that was changed meanwhile stays; the network is there all the same.
    const NetworkPlan edited{.layers = {{.size = 9}}};
    const Json end = import(
        plenty, [&](playground::Job&) { server.owner()->update([&](playground::Snapshot& s) { s.plan = edited; }); });
    BOOST_TEST(end["state"] == "done");
    BOOST_TEST(server.owner()->snapshot().model != before.model);
    BOOST_TEST((server.owner()->snapshot().plan == edited));
    BOOST_TEST(Json::parse(server.ask("GET", "plan").body)["model"]["same_plan"] == false);
}
