// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE playground_neuron
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <renn/core/rng.hpp>
#include <renn/training/evaluate.hpp>

#include "app/class_profiles.hpp"
#include "app/data_set.hpp"
#include "app/findings.hpp"
#include "app/make_network.hpp"
#include "app/neurons.hpp"
#include "app/query.hpp"
#include "app/sample_audit.hpp"
#include "app/session.hpp"
#include "app/switch_off.hpp"

namespace {

using playground::HttpError;
using playground::Json;

/// Pictures of 2 x 3 pixels, one bright column a class; some labels are wrong.
renn::Dataset<float> pictures(renn::Index n, std::uint64_t seed) {
    renn::Rng rng(seed);
    renn::Batch<float> x(6, n);
    std::vector<std::int32_t> labels;
    for (renn::Index i = 0; i < n; ++i) {
        labels.push_back(static_cast<std::int32_t>(i % 11 == 0 ? (i + 1) % 3 : i % 3));
        for (renn::Index p = 0; p < 6; ++p) {
            x(p, i) = static_cast<float>(rng.uniform() * 0.4 + (p % 3 == i % 3 ? 0.6 : 0.0));
        }
    }
    return {x, {.labels = labels, .image = {1, 2, 3}, .class_names = {"left", "middle", "right"}}};
}

std::shared_ptr<const playground::Model> model_of(std::uint64_t seed) {
    playground::NetworkPlan plan;
    plan.layers = {{.size = 12}, {.size = 8}};
    plan.output_activation = "None";
    auto train = pictures(120, seed), test = pictures(60, seed + 1);
    const playground::DataSet data{.name = "x", .title = "X", .train = train, .test = test};
    playground::Traced traced(playground::make_network(plan, data, seed));
    traced.record(train);
    return std::make_shared<const playground::Model>(
        playground::Model{.traced = std::move(traced), .train = std::move(train), .test = std::move(test)});
}

const std::shared_ptr<const playground::Model>& model() {
    static const auto made = model_of(5);
    return made;
}

Json asked(const std::string& more) {
    return Json::parse(R"({"query": {"of": {"test": 3}, "k": 7, "pre": true, "post": true})" + more + "}");
}

/// The member that is refused.
auto names(const std::string& member) {
    return [member](const HttpError& e) {
        return e.status() == 422 && std::string(e.what()).find(member) != std::string::npos;
    };
}

void finish(const playground::Session& session) {
    while (session.job()->running()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    BOOST_TEST(session.job()->json().at("state") == "done");
}

}  // namespace

BOOST_AUTO_TEST_CASE(voters_give_a_source_the_votes_it_has) {
    const Json asking = asked("");
    const auto answer = playground::retrace(playground::parse_query(asking.at("query"), *model()), *model());
    for (const renn::Source& source : answer.top(10)) {
        Json some = asking;
        some["source"] = source.id;
        const Json told = playground::voters_json(some, *model());
        double votes = 0.0;
        for (const Json& place : told.at("places")) {
            BOOST_TEST(place.at("units").size() == place.at("of").size());
            BOOST_TEST(place.at("units").size() == place.at("distances").size());
            for (const Json& given : place.at("of")) votes += given.get<double>();
        }
        BOOST_TEST(votes == source.votes, boost::test_tools::tolerance(1e-3));
        BOOST_TEST(told.at("source").at("label") == source.label);
        BOOST_TEST(told.at("source").at("picture").get<std::string>().starts_with("data:image/png"));
    }
}

BOOST_AUTO_TEST_CASE(a_neuron_tells_its_sources_its_classes_and_all_its_values) {
    const Json told = playground::neuron_json(asked(R"(, "place": "relu1", "unit": 4)"), *model());
    const auto answer = playground::retrace(playground::parse_query(asked("").at("query"), *model()), *model());
    const renn::NeuronSources neuron = answer.neuron("relu1", 4);
    BOOST_TEST(told.at("value").get<double>() == neuron.value, boost::test_tools::tolerance(1e-3));
    BOOST_TEST(told.at("closest").size() == neuron.neighbours.size());
    BOOST_TEST(told.at("closest")[0].at("id") == neuron.neighbours[0].id);
    std::uint64_t samples = 0, counted = 0;
    for (const Json& bin : told.at("distribution").at("counts")) counted += bin.get<std::uint64_t>();
    for (const Json& group : told.at("profile")) samples += group.at("samples").get<std::uint64_t>();
    BOOST_TEST((samples == 120U && counted == 120U));
    const auto profiles = renn::class_profiles(model()->traced);
    for (int c = 0; c < 3; ++c) {
        const double mean = told.at("profile").at(static_cast<std::size_t>(c)).at("mean").get<double>();
        BOOST_TEST(mean == profiles["relu1"].mean(4, c), boost::test_tools::tolerance(1e-3));
    }
}

BOOST_AUTO_TEST_CASE(accuracy_is_that_of_the_network_without_the_neurons) {
    const auto& net = model()->traced.network();
    const Json all = playground::accuracy_json({}, *model());
    BOOST_TEST(all.at("accuracy").get<double>() == renn::evaluate(net, model()->test).accuracy);
    BOOST_TEST(all.at("samples") == 60);
    const renn::Mask off = playground::parse_off(Json::parse(R"({"relu1": [0, 3, 5], "relu2": []})"));
    BOOST_TEST(playground::off_json(off) == Json::parse(R"({"relu1": [0, 3, 5]})"));
    const Json told = playground::accuracy_json(off, *model());
    BOOST_TEST(told.at("accuracy").get<double>() == renn::evaluate(renn::masked(net, off), model()->test).accuracy);
    std::int64_t counted = 0;
    for (const Json& row : told.at("confusion")) {
        for (const Json& n : row) counted += n.get<std::int64_t>();
    }
    BOOST_TEST(counted == 60);
}

BOOST_AUTO_TEST_CASE(findings_are_kept_with_the_model_and_dropped_with_it) {
    playground::Session session("one");
    session.update([](playground::Snapshot& s) { s.model = model(); });
    const std::size_t bare = session.bytes();

    const auto wanted = playground::parse_class_off(Json::parse(R"({"class": 1, "method": "rank"})"), *model());
    session.start("class_off", [&](playground::Job& job) { find_class_off(session, job, model(), wanted); });
    finish(session);
    const auto off = session.snapshot().findings->class_off.what;
    BOOST_TEST((off && off->label == 1 && off->ranked == 20U));
    BOOST_TEST(session.snapshot().findings->profiles.what != nullptr);

    session.start("audit", [&](playground::Job& job) {
        playground::audit_samples(session, job, model(), playground::parse_audit(Json::parse(R"({"k": 5})")));
    });
    finish(session);
    const auto audit = session.snapshot().findings->audit.what;
    const Json rows = rows_json(*audit, *model(), playground::parse_rows({{"sort", "conflict"}, {"page", "1"}}));
    BOOST_TEST((rows.at("total") == 120 && rows.at("pages") == 3 && rows.at("rows").size() == 50U));
    double before = 1.0;
    for (const Json& row : rows.at("rows")) {
        BOOST_TEST(row.at("conflict").get<double>() <= before);
        before = row.at("conflict").get<double>();
    }
    // The order is that of the library's rankings.
    for (const auto& [finding, sort, descending] : {std::tuple(renn::Finding::label_conflict, "conflict", "1"),
                                                    {renn::Finding::harm, "harm", "1"},
                                                    {renn::Finding::isolation, "isolation", "1"},
                                                    {renn::Finding::used, "reach", "1"},
                                                    {renn::Finding::unused, "reach", "0"}}) {
        const auto worst = audit->of.worst(finding, 50);
        const Json first =
            rows_json(*audit, *model(), playground::parse_rows({{"sort", sort}, {"descending", descending}}));
        for (std::size_t i = 0; i < worst.size(); ++i) {
            BOOST_TEST(first.at("rows")[i].at("id") == worst[i].id, sort << " " << i);
        }
    }
    const Json twins = rows_json(*audit, *model(), playground::parse_rows({{"sort", "group"}}));
    BOOST_TEST(twins.at("groups") == audit->of.duplicates.size());
    const std::string table = audit_csv(*audit, *model());
    BOOST_TEST(std::count(table.begin(), table.end(), '\n') == 121);

    BOOST_TEST(session.bytes() > bare);
    const auto other = model_of(9);
    session.update([&](playground::Snapshot& s) { s.model = other; });
    BOOST_TEST(!session.snapshot().findings);
    playground::keep(session, model(), [](playground::Findings& f) { f.audit.bytes = 1; });
    BOOST_TEST(!session.snapshot().findings);  // about a model that is gone
}

BOOST_AUTO_TEST_CASE(profiles_tell_every_place_and_every_class) {
    playground::Session session("one");
    session.update([](playground::Snapshot& s) { s.model = model(); });
    BOOST_TEST(profiles_are_quick(session, *model()));
    const auto profiles = playground::profiles_of(session, model());
    const Json one = playground::class_json(*profiles, profiles->group_of(2));
    BOOST_TEST((one.at("class") == 2 && one.at("places").size() == 5U));
    BOOST_TEST(one.at("places")[1].at("mean").size() == 12U);
    const Json place = playground::place_json(*profiles, "relu2");
    BOOST_TEST((place.at("rows").size() == 3U && place.at("rows")[0].at("active").size() == 8U));
    BOOST_CHECK_EXCEPTION(profiles->group_of(3), HttpError, names("class"));
    BOOST_CHECK_THROW(playground::place_json(*profiles, "relu9"), renn::DataError);
}

BOOST_AUTO_TEST_CASE(hostile_questions_are_refused_by_name) {
    const auto voters = [](const std::string& more) { return playground::voters_json(asked(more), *model()); };
    BOOST_CHECK_EXCEPTION(voters(""), HttpError, names("source"));
    BOOST_CHECK_EXCEPTION(voters(R"(, "source": -1)"), HttpError, names("source"));
    BOOST_CHECK_EXCEPTION(voters(R"(, "source": 120)"), HttpError, names("source"));
    BOOST_CHECK_EXCEPTION(playground::voters_json(Json::parse(R"({"source": 1})"), *model()), HttpError,
                          names("query"));
    const auto neuron = [](const std::string& more) { return playground::neuron_json(asked(more), *model()); };
    BOOST_CHECK_EXCEPTION(neuron(R"(, "place": 3, "unit": 0)"), HttpError, names("place"));
    BOOST_CHECK_EXCEPTION(neuron(R"(, "place": "relu7", "unit": 0)"), HttpError, names("relu7"));
    BOOST_CHECK_EXCEPTION(neuron(R"(, "place": "relu1", "unit": 12)"), HttpError, names("unit"));
    BOOST_CHECK_EXCEPTION(neuron(R"(, "place": "relu1", "unit": 1.5)"), HttpError, names("unit"));
    BOOST_CHECK_EXCEPTION(neuron(R"(, "place": "relu1", "unit": 99999999999999)"), HttpError, names("unit"));
    for (const char* off : {"[]", R"({"relu1": 3})", R"({"relu1": [-1]})", R"({"relu1": [99999999999]})"}) {
        BOOST_CHECK_EXCEPTION(playground::parse_off(Json::parse(off)), HttpError, names("off"));
    }
    for (const char* off : {R"({"relu1": [12]})", R"({"relu1": [1, 1]})", R"({"relu7": [0]})"}) {
        BOOST_CHECK_THROW(playground::accuracy_json(playground::parse_off(Json::parse(off)), *model()),
                          renn::DataError);
    }
    for (const char* wanted : {"{}", R"({"class": 3})", R"({"class": "1"})", R"({"class": -1})"}) {
        BOOST_CHECK_EXCEPTION(playground::parse_class_off(Json::parse(wanted), *model()), HttpError, names("class"));
    }
    BOOST_CHECK_EXCEPTION(playground::parse_class_off(Json::parse(R"({"class": 1, "method": "x"})"), *model()),
                          HttpError, names("method"));
    BOOST_CHECK_EXCEPTION(playground::parse_audit(Json::parse(R"({"k": 0})")), HttpError, names("k"));
    BOOST_CHECK_EXCEPTION(playground::parse_audit(Json::parse(R"({"k": 1e300})")), HttpError, names("k"));
    BOOST_CHECK_EXCEPTION(playground::parse_audit(Json::parse(R"({"ties": 4})")), HttpError, names("ties"));
    BOOST_CHECK_EXCEPTION(playground::parse_audit(Json::parse(R"({"pre": false})")), HttpError, names("pre"));
    BOOST_CHECK_EXCEPTION(playground::parse_audit(Json::parse(R"({"pre": 1})")), HttpError, names("pre"));
    BOOST_CHECK_EXCEPTION(playground::parse_rows({{"sort", ""}}), HttpError, names("sort"));
    BOOST_CHECK_EXCEPTION(playground::parse_rows({{"page", "-1"}}), HttpError, names("page"));
    BOOST_CHECK_EXCEPTION(playground::parse_rows({{"page", "99999999999999999999"}}), HttpError, names("page"));
    BOOST_CHECK_EXCEPTION(playground::parse_rows({{"descending", "yes"}}), HttpError, names("descending"));
}
