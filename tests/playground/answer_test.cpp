// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE playground_answer
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <renn/core/rng.hpp>
#include <renn/data/hsv_rgb.hpp>

#include "app/answer_files.hpp"
#include "app/answer_json.hpp"
#include "app/calibration.hpp"
#include "app/data_set.hpp"
#include "app/make_network.hpp"

namespace {

using playground::HttpError;
using playground::Json;
using playground::Look;

/// Pictures of 2 x 3 pixels: bright above is class 0, bright below class 1.
renn::Dataset<float> pictures(renn::Index n, std::uint64_t seed) {
    renn::Rng rng(seed);
    renn::Batch<float> x(6, n);
    std::vector<std::int32_t> labels;
    for (renn::Index i = 0; i < n; ++i) {
        labels.push_back(static_cast<std::int32_t>(i % 2));
        for (renn::Index p = 0; p < 6; ++p) {
            const bool bright = (p < 3) == (i % 2 == 0);
            x(p, i) = static_cast<float>(rng.uniform() * 0.4 + (bright ? 0.6 : 0.0));
        }
    }
    return {x, {.labels = labels, .image = {1, 2, 3}, .class_names = {"above", "below"}}};
}

std::shared_ptr<const playground::Model> model_of(renn::Dataset<float> train, renn::Dataset<float> test) {
    playground::NetworkPlan plan;
    plan.layers = {{.size = 12}, {.size = 5, .activation = "Tanh"}};
    const playground::DataSet data{.name = "x", .title = "X", .train = train, .test = test};
    playground::Traced traced(playground::make_network(plan, data, 7));
    traced.record(train);
    return std::make_shared<const playground::Model>(
        playground::Model{.traced = std::move(traced), .train = std::move(train), .test = std::move(test)});
}

const playground::Model& digits() {
    static const auto model = model_of(pictures(80, 1), pictures(20, 2));
    return *model;
}

Json asked(const std::string& more = "") {
    return Json::parse(R"({"of": {"test": 3}, "k": 5, "pre": true, "post": true)" + more + "}");
}

/// The message that a query is refused with.
std::string refusal(const std::string& json, const playground::Model& model = digits()) {
    try {
        playground::parse_query(Json::parse(json), model);
    } catch (const HttpError& e) {
        BOOST_TEST((e.status() == 422 || e.status() == 400));
        return e.what();
    }
    return "";
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_goes_on_with_an_answer_is_asked_of_the_network_that_gave_it) {
    const playground::Snapshot now{.model = std::make_shared<const playground::Model>(digits()), .model_version = 3};
    const auto kind = [&](const char* json) -> std::string {
        try {
            return &playground::answered(now, Json::parse(json)) == now.model.get() ? "" : "another model";
        } catch (const HttpError& e) {
            BOOST_TEST(e.status() == 409U);
            return e.kind();
        }
    };
    for (const char* well :
         {"{}", R"({"model_version": 3})", R"({"query": {"model_version": 3}})", R"({"query": 2})"}) {
        BOOST_TEST(kind(well) == "");
    }
    for (const char* old :
         {R"({"model_version": 2})", R"({"query": {"model_version": 4}})", R"({"model_version": "3"})"}) {
        BOOST_TEST(kind(old) == "stale");
    }
    BOOST_CHECK_THROW(playground::answered({}, Json::object()), HttpError);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_a_query_is_named) {
    const auto names = [](const std::string& json, const std::string& member) {
        const std::string told = refusal(json);
        BOOST_TEST(told.find(member) == 0U, json << " is refused with \"" << told << '"');
    };
    for (const char* of : {"{}", R"({"of": 3})", R"({"of": {}})", R"({"of": {"test": 1, "train": 2}})"})
        names(of, "of");
    names(R"({"of": {"tset": 1}})", "of.tset");
    for (const char* id : {"-1", "20", "1.5", "\"1\"", "null", "[]", "1e99"}) {
        names(R"({"of": {"test": )" + std::string(id) + "}}", "of.test");
    }
    names(R"({"of": {"train": 80}})", "of.train");
    names(R"({"of": {"drawn": 5}})", "of.drawn");
    names(R"({"of": {"drawn": "AAAA"}})", "of.drawn");
    names(R"({"of": {"drawn": "AAA?"}})", "this is not base64");
    const auto with = [&](const std::string& more, const std::string& member) {
        names(R"({"of": {"test": 1}, )" + more + "}", member);
    };
    for (const char* k : {"0", "-3", "10001", "4.5", "\"5\"", "18446744073709551615", "null"}) {
        with(R"("k": )" + std::string(k), "k");
    }
    for (const char* ties : {"\"all\"", "1", "null", "{}"}) with(R"("ties": )" + std::string(ties), "ties");
    with(R"("pre": 1)", "pre");
    with(R"("post": "yes")", "post");
    with(R"("pre": false)", "pre and post");
    for (const char* units : {"1", "[]", "{}", "null"}) with(R"("units": )" + std::string(units), "units");
    for (const char* range : {"1", "{}", R"({"place": 1})", R"({"place": "dense9"})", R"({"place": "relu1"})"}) {
        with(R"("units": [)" + std::string(range) + "]", "units[0].place");
    }
    for (const char* range :
         {R"("from": 12)", R"("from": -1)", R"("to": 12)", R"("from": 3, "to": 2)", R"("to": "x")"}) {
        with(R"("units": [{"place": "dense1", )" + std::string(range) + "}]", "units[0]: ");
    }
    with(R"("off": [])", "off");
    with(R"("off": {"relu9": [1]})", "off");
    for (const char* off : {"5", "[12]", "[-1]", "[1, 1]", "[0.5]", "[0,1,2,3,4,5,6,7,8,9,10,11,0]"}) {
        with(R"("off": {"relu1": )" + std::string(off) + "}", "off.relu1");
    }
    BOOST_TEST(refusal(asked(R"(, "other": 5)").dump()).empty());
    for (const char* show :
         {"5", R"({"sources": 0})", R"({"sources": 21})", R"({"layers": 1})", R"({"cloud": 1001})"}) {
        BOOST_CHECK_THROW(playground::parse_shown(Json{{"show", Json::parse(show)}}), HttpError);
    }
}

BOOST_AUTO_TEST_CASE(an_answer_is_the_librarys_own) {
    const auto query = playground::parse_query(asked(), digits());
    const auto own = digits().traced.retrace(digits().test.input(3), {.k = 5, .post = true});
    const auto answer = playground::retrace(query, digits());
    BOOST_TEST(answer.evidence() == own.evidence(), boost::test_tools::per_element());
    const Json json = playground::answer_json(query, answer, digits(), Look::picture, {.sources = 4, .layers = true});
    BOOST_TEST(json.at("prediction") == own.prediction());
    BOOST_TEST(json.at("sample").at("label") == 1);
    const auto top = own.top(4);
    BOOST_REQUIRE(json.at("voted").at("sources").size() == top.size());
    for (std::size_t i = 0; i < top.size(); ++i) {
        const Json& one = json.at("voted").at("sources").at(i);
        BOOST_TEST(one.at("id") == top[i].id);
        BOOST_TEST(one.at("share").get<double>() == top[i].share);
        BOOST_TEST(one.at("label") == top[i].label);
        BOOST_TEST(one.at("picture").get<std::string>().starts_with("data:image/png;base64,"));
    }
    BOOST_TEST(json.at("layers").size() == own.layers().size());
    BOOST_TEST(json.at("layers").at(1).at("place") == own.layers()[1]);
    BOOST_TEST(json.at("layers").at(1).at("evidence").get<std::vector<double>>() == own.layer(1).evidence(),
               boost::test_tools::per_element());
    BOOST_TEST(json.at("blends").size() == 2U);
    BOOST_TEST(json.at("blends").at(0).at("kind") == "post");
}

BOOST_AUTO_TEST_CASE(custom_units_and_masks_are_heeded) {
    const auto query = playground::parse_query(
        asked(R"(, "units": [{"place": "dense1", "from": 2, "to": 4}, {"place": "relu1"}], "off": {"relu1": [3, 1]})"),
        digits());
    const auto answer = playground::retrace(query, digits());
    BOOST_TEST(answer.neurons() == 3U + 12U);
    const auto net = renn::masked(digits().traced.network(), {{.layer = "relu1", .units = {1, 3}}});
    const auto values = renn::activations(net, digits().test.input(3));
    const auto own = digits().traced.retrace_activations(values, {.k = 5, .post = true}).front();
    BOOST_TEST(answer.neuron("relu1", 3).value == 0.0);
    BOOST_TEST((answer.neuron("dense1", 4) == own.neuron("dense1", 4)));
    BOOST_TEST(answer.outputs() == own.outputs(), boost::test_tools::per_element());
    BOOST_CHECK_THROW(playground::retrace(query, digits(), "tanh1"), HttpError);
    const Json page = playground::neurons_json(playground::retrace(query, digits(), "dense1"), digits(), Look::picture,
                                               {.sources = 2}, 1, 64);
    BOOST_TEST(page.at("total") == 3);
    BOOST_REQUIRE(page.at("neurons").size() == 2U);
    BOOST_TEST(page.at("neurons").at(1).at("unit") == 4);
    BOOST_TEST(page.at("neurons").at(1).at("nearest").at(0).at("id") == own.neuron("dense1", 4).neighbours[0].id);
}

BOOST_AUTO_TEST_CASE(a_training_sample_is_no_source_of_itself) {
    const auto query = playground::parse_query(Json::parse(R"({"of": {"train": 11}, "k": 3})"), digits());
    const auto answer = playground::retrace(query, digits());
    BOOST_TEST(answer.without().value() == 11U);
    BOOST_TEST(answer.votes(11) == 0.0);
    const std::vector<std::uint64_t> id{11};
    const auto own = digits().traced.retrace_recorded(id, {.k = 3});
    BOOST_TEST(answer.evidence() == own.front().evidence(), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(colours_are_told_as_red_green_and_blue) {
    const auto model = model_of(renn::hsv_rgb_grid<float>(125), renn::hsv_rgb_random<float>(5, 1));
    BOOST_TEST((playground::look_of(*model, true) == Look::colour));
    BOOST_TEST((playground::look_of(*model, false) == Look::values));
    const auto query = playground::parse_query(asked(), *model);
    const auto answer = playground::retrace(query, *model);
    const Json json = playground::answer_json(query, answer, *model, Look::colour, {.cloud = 30});
    BOOST_TEST(json.at("prediction").is_null());
    const auto colour = json.at("sample").at("colour").get<std::vector<double>>();
    const auto target = json.at("sample").at("target").get<std::vector<double>>();
    for (std::size_t c = 0; c < 3; ++c) BOOST_TEST(colour[c] == target[c], boost::test_tools::tolerance(1e-3));
    double sum = 0.0;
    for (const Json& point : json.at("cloud")) sum += point.at("weight").get<double>();
    BOOST_TEST(json.at("cloud").size() == 30U);
    BOOST_TEST(sum == 1.0, boost::test_tools::tolerance(1e-9));
    BOOST_TEST(json.at("voted").at("targets").size() == 3U);
    const playground::DataSet data{.name = "hsv_rgb", .title = "Colours", .train = model->train, .test = model->test};
    const Json both = Json::parse(R"({"of": [{"test": 0}, {"train": 3}]})");
    const auto queries = playground::parse_queries(both, *model);
    BOOST_TEST(playground::answer_report(queries, both, *model, data, Look::colour).find("Colours") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(files_hold_every_answer) {
    const Json both = Json::parse(
        R"({"of": [{"test": 0}, {"drawn": "////AAAA"}], "k": 4, "post": true, "units": [{"place": "dense2"}], "off": {"relu1": [2]}})");
    const auto queries = playground::parse_queries(both, digits());
    const Json archive = Json::parse(playground::answer_archive(queries, digits()));
    BOOST_TEST(archive.at("query").at("k") == 4);
    BOOST_TEST(archive.at("query").at("off").at("relu1").at(0) == 2);
    BOOST_REQUIRE(archive.at("answers").size() == 2U);
    BOOST_TEST(archive.at("answers").at(1).at("sample").at("drawn").at(0) == 1.0);
    BOOST_TEST(archive.at("answers").at(0).at("answer").at("layers").at(0).at("neurons").size() == 5U);
    const playground::DataSet data{.name = "x", .title = "X & <Y>", .train = digits().train, .test = digits().test};
    const std::string report = playground::answer_report(queries, both, digits(), data, Look::picture);
    for (const char* text : {"X &amp; &lt;Y&gt;", "dense2: 0 to 4", "relu1: 2", "data:image/png"}) {
        BOOST_TEST(report.find(text) != std::string::npos, "the report lacks " << text);
    }
    for (const char* of : {"{}", "[]", "5", R"([{"test": 99}])"}) {
        BOOST_CHECK_THROW(playground::parse_queries(Json{{"of", Json::parse(of)}}, digits()), HttpError);
    }
}

BOOST_AUTO_TEST_CASE(familiarity_comes_later_and_is_the_librarys_own) {
    const auto model = model_of(pictures(40, 5), pictures(6, 6));
    playground::Calibration calibration;
    const renn::RetraceOptions options{.k = 3, .ties = renn::Ties::strict};
    auto found = calibration.familiarity(model, options);
    for (int i = 0; i < 500 && !found.familiarity; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        found = calibration.familiarity(model, options);
    }
    BOOST_REQUIRE(found.familiarity);
    const auto answer = model->traced.retrace(model->test.input(0), options);
    BOOST_TEST((*found.familiarity)(answer) ==
               renn::Familiarity(model->traced, model->train, {.retrace = options})(answer));
    const auto wrong = calibration.wrong(model);
    for (renn::Index i = 0; i < model->test.samples(); ++i) {
        const bool well = model->traced.retrace(model->test.input(i)).prediction() == model->test.label(i);
        BOOST_TEST(std::ranges::binary_search(*wrong, i) != well);
    }
}
