// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE json
#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include <renn/io/json.hpp>
#include <renn/network/sequential.hpp>

#include "support/message_of.hpp"
#include "support/scratch_file.hpp"
#include "support/small_models.hpp"

using nlohmann::json;
using renn::Batch;
using renn::test::small_net;

namespace foreign {
struct Colour {
    int hue;
};
void write_json(renn::JsonWriter& out, const Colour& c) {
    out.object([&] { out.member("hue", c.hue); });
}
}  // namespace foreign

namespace {

template <class T>
std::string text_of(const T& item) {
    std::ostringstream out;
    renn::save_json(out, item);
    return out.str();
}
template <class T>
json parsed(const T& item) {
    return json::parse(text_of(item));
}

template <class S>
Batch<S> matrix_of(const json& rows) {
    Batch<S> m(static_cast<Eigen::Index>(rows.size()), static_cast<Eigen::Index>(rows.at(0).size()));
    for (Eigen::Index i = 0; i < m.rows(); ++i) {
        for (Eigen::Index j = 0; j < m.cols(); ++j) {
            m(i, j) = rows.at(static_cast<std::size_t>(i)).at(static_cast<std::size_t>(j)).get<S>();
        }
    }
    return m;
}

}  // namespace

BOOST_AUTO_TEST_CASE(numbers_keep_their_bits_and_their_shortest_form) {
    BOOST_TEST(text_of(std::vector<float>{0.1f, -0.0f, 1e20f, 3.0f}) == "[0.1, -0, 1e+20, 3]\n");
    BOOST_TEST(text_of(std::vector<double>{0.1f, 5e-324}) == "[0.10000000149011612, 5e-324]\n");
    const double nan = std::numeric_limits<double>::quiet_NaN();
    BOOST_TEST(text_of(std::vector<double>{nan, INFINITY, -INFINITY}) == "[null, null, null]\n");
    BOOST_TEST(text_of(~std::uint64_t{0}) == "18446744073709551615\n");
    BOOST_TEST(text_of(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808\n");
    renn::Rng rng(1);
    std::vector<float> singles;
    std::vector<double> doubles;
    while (doubles.size() < 20000) {
        const auto single = std::bit_cast<float>(static_cast<std::uint32_t>(rng.bits()));
        const auto number = std::bit_cast<double>(rng.bits());
        if (!std::isfinite(single) || !std::isfinite(number)) continue;
        singles.push_back(single);
        doubles.push_back(number);
    }
    BOOST_TEST((parsed(singles).get<std::vector<float>>() == singles));
    BOOST_TEST((parsed(doubles).get<std::vector<double>>() == doubles));
}

BOOST_AUTO_TEST_CASE(any_text_is_valid_json) {
    const std::string all("\"\\/\b\f\n\r\t\x01\0 \xc3\xa4 \xf0\x9f\x98\x80", 18);
    BOOST_TEST(parsed(all).get<std::string>() == all);
    for (int a = 0; a < 256; ++a) {
        for (const int b : {0, 65, 0x80, 0xbf, 0xc0, 0xff}) {
            const std::string text{static_cast<char>(a), static_cast<char>(b), 'x'};
            const std::string got = parsed(text).get<std::string>();
            BOOST_TEST(got.ends_with("x"));
            if (a < 128 && b < 128) BOOST_TEST(got == text);
        }
    }
    BOOST_TEST(parsed(std::string("a\xff")).get<std::string>() == "a\xef\xbf\xbd");
    const std::string cut = "a text that is not in the string object itself ";
    BOOST_TEST(parsed(cut + "\xf0").get<std::string>() == cut + "\xef\xbf\xbd");
    BOOST_TEST(text_of(std::vector<std::string>{}) == "[]\n");
}

BOOST_AUTO_TEST_CASE(a_network_is_readable_and_complete) {
    renn::Network net(small_net<float>(), renn::ReLU<float>());
    const json j = parsed(net);
    BOOST_TEST(j["description"].get<std::string>() == net.describe());
    BOOST_TEST(j["fingerprint"].get<std::string>().size() == 16U);
    BOOST_REQUIRE(j["layers"].size() == 6U);
    const json& dense = j["layers"][2];
    BOOST_TEST(dense["name"].get<std::string>() == "network1/dense2");
    BOOST_TEST(dense["kind"].get<std::string>() == "Dense");
    BOOST_TEST(dense["constants"] == json::array({5, 4}));
    const auto& w = std::get<2>(std::get<0>(net.parameters().layers).layers);
    BOOST_TEST((matrix_of<float>(dense["parameters"]["weights"]) == w.weights));
    BOOST_TEST((dense["parameters"]["bias"].get<std::vector<float>>() ==
                std::vector<float>(w.bias.data(), w.bias.data() + w.bias.size())));
    BOOST_TEST(j["layers"][1]["parameters"].empty());
    std::get<2>(std::get<0>(net.parameters().layers).layers).weights(0, 0) = NAN;
    BOOST_TEST(parsed(net)["layers"][2]["parameters"]["weights"][0][0].is_null());
    BOOST_TEST(parsed(small_net<double>())["layers"].size() == 5U);
    BOOST_TEST((parsed(renn::Sequential<float>(small_net()))["layers"] == parsed(small_net())["layers"]));
}

BOOST_AUTO_TEST_CASE(an_answer_and_its_recording_say_the_same_as_in_memory) {
    const auto traced = renn::test::small_traced<renn::Sorted>();
    const auto answer = traced.retrace(renn::test::random_batch<float>(3, 1, 2), {.k = 3, .post = true});
    const json j = parsed(answer);
    BOOST_TEST(j["prediction"].get<int>() == answer.prediction());
    BOOST_TEST((j["evidence"].get<std::vector<double>>() == answer.evidence()));
    const auto top = answer.top(100);
    BOOST_REQUIRE(j["sources"].size() == top.size());
    for (std::size_t i = 0; i < top.size(); ++i) {
        BOOST_TEST(j["sources"][i]["id"].get<std::uint64_t>() == top[i].id);
        BOOST_TEST(j["sources"][i]["votes"].get<double>() == top[i].votes);
        BOOST_TEST(j["sources"][i]["label"].get<int>() == top[i].label);
    }
    const auto neuron = answer.neuron("dense2", 1);
    const json& same = j["layers"][2]["neurons"][1];
    BOOST_TEST(j["layers"][2]["name"].get<std::string>() == "dense2");
    BOOST_TEST(j["layers"][2]["kind"].get<std::string>() == "pre");
    BOOST_REQUIRE(same["neighbours"].size() == 3U);
    BOOST_TEST(same["neighbours"][2]["distance"].get<double>() == neuron.neighbours[2].distance);
    BOOST_TEST(j["provenance"]["k"].get<int>() == 3);
    BOOST_TEST(j["provenance"]["same_build"].get<bool>());

    const json whole = parsed(traced);
    BOOST_TEST(whole["network"]["layers"].size() == 5U);
    const json& store = whole["store"];
    BOOST_TEST(store["fingerprint"] == whole["network"]["fingerprint"]);
    BOOST_TEST((store["ids"].get<std::vector<std::uint64_t>>() == traced.store().ids));
    BOOST_TEST(store["points"][1]["derived_from"].get<std::string>() == "dense1");
    const auto values = traced.store().values({0, 4});
    BOOST_TEST((store["points"][0]["values"][4].get<std::vector<float>>() ==
                std::vector<float>(values.begin(), values.end())));
}

BOOST_AUTO_TEST_CASE(measures_and_data_sets_have_names_and_nulls) {
    const renn::Training training{.epochs = {{.number = 1, .loss = 0.5, .seconds = 2.0}}, .cancelled = true};
    const json t = parsed(training);
    BOOST_TEST(t["epochs"][0]["loss"].get<double>() == 0.5);
    BOOST_TEST(t["epochs"][0]["accuracy"].is_null());
    BOOST_TEST((t["cancelled"].get<bool>() && !t["diverged"].get<bool>() && !t["stopped_early"].get<bool>()));
    BOOST_TEST(t["best_epoch"].get<int>() == 0);
    BOOST_TEST(parsed(renn::Evaluation{1.0, 0.25})["accuracy"].get<double>() == 0.25);
    const json d = parsed(renn::test::small_data(3));
    BOOST_TEST(d["samples"].get<int>() == 3);
    BOOST_TEST(d["class_names"] == json::array({"left", "right"}));
    BOOST_TEST(d["tags"][2].get<std::string>() == "picture 2");
    BOOST_TEST(d["inputs"].get<std::string>() == "float32");
    BOOST_TEST(parsed(renn::Dataset<double>())["targets"].empty());
}

BOOST_AUTO_TEST_CASE(your_own_type_takes_part) {
    BOOST_TEST(parsed(std::vector<foreign::Colour>{{10}, {20}})[1]["hue"].get<int>() == 20);
}

BOOST_AUTO_TEST_CASE(files_are_written_or_named) {
    const renn::test::ScratchFile file;
    renn::save_json(file.path, small_net());
    BOOST_TEST(json::parse(file.read())["layers"].size() == 5U);
    BOOST_TEST(renn::test::message_of<renn::FormatError>([] { renn::save_json("/dev/null/x", 1); }) ==
               "save_json: /dev/null/x: cannot be created");
    BOOST_TEST(renn::test::message_of<renn::FormatError>([] { renn::save_json("/dev/full", 1); }) ==
               "save_json: /dev/full: cannot be written (disk full?)");
}
