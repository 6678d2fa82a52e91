// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE playground_training
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
#include <renn/network/fingerprint.hpp>

#include "app/app.hpp"
#include "app/data_set.hpp"
#include "app/model.hpp"
#include "app/train.hpp"

using namespace playground;
using namespace std::chrono_literals;

namespace {

/// Points around (0, 0) and (1, 1).
renn::Dataset<float> two_clouds(renn::Index samples, std::uint64_t seed) {
    renn::Rng rng(seed);
    renn::Batch<float> x(2, samples);
    std::vector<std::int32_t> labels;
    for (renn::Index j = 0; j < samples; ++j) {
        labels.push_back(static_cast<std::int32_t>(j % 2));
        for (renn::Index i = 0; i < 2; ++i) {
            x(i, j) = static_cast<float>(labels.back()) + 0.5F * static_cast<float>(rng.uniform() - 0.5);
        }
    }
    return {x, {.labels = std::move(labels)}};
}

std::shared_ptr<const DataSet> clouds() {
    return std::make_shared<const DataSet>(
        DataSet{.name = "csv", .title = "Clouds", .train = two_clouds(300, 1), .test = two_clouds(100, 2)});
}

std::shared_ptr<const DataSet> sums() {
    const auto set = [](renn::Index n) {
        const renn::Batch<float> x = renn::Batch<float>::Random(3, n);
        return renn::Dataset<float>(x, {.targets = renn::Batch<float>(x.colwise().sum())});
    };
    return std::make_shared<const DataSet>(DataSet{.name = "csv", .title = "Sums", .train = set(200), .test = set(50)});
}

/// The routes of the tab, and a session.
struct Tab {
    App app;
    Router router;
    std::shared_ptr<Session> session;

    explicit Tab(const std::shared_ptr<const DataSet>& data = clouds(), AppOptions options = {})
        : app(std::move(options)), session(app.sessions.create()) {
        add_training_routes(router, app);
        session->update([&](Snapshot& s) {
            s.data = data;
            s.plan = {.seed = 7, .layers = {{.size = 8}, {.size = 6}}, .output_activation = "None"};
        });
    }

    Response ask(const std::string& method, const std::string& path, const Json& body = Json::object()) {
        Request request{.method = method,
                        .path = "/api/sessions/" + session->id() + "/" + path,
                        .query = {},
                        .parts = {},
                        .content_type = "application/json",
                        .body = body.dump()};
        return router.handle(request);
    }
    Response train(const Json& options) { return ask("POST", "train", options); }
    Json run() { return Json::parse(ask("GET", "train").body).at("run"); }
    std::string job_state() const { return session->job()->json().at("state"); }
    void wait(const std::function<bool()>& until) const {
        const auto end = std::chrono::steady_clock::now() + 30s;
        while (!until()) {
            BOOST_REQUIRE(std::chrono::steady_clock::now() < end);
            std::this_thread::sleep_for(1ms);
        }
    }
    void wait_for_end() const {
        wait([&] { return !session->job()->running(); });
    }
    void train_to_the_end(const Json& options) {
        const Response response = train(options);
        BOOST_REQUIRE_MESSAGE(response.status == 202, response.body);
        wait_for_end();
        BOOST_TEST(job_state() == "done", session->job()->json().dump());
    }
    std::shared_ptr<const Model> model() const { return session->snapshot().model; }
};

std::uint64_t weights(const Tab& tab) {
    return renn::fingerprint(tab.model()->traced.network());
}

std::string refused(Tab& tab, const Json& options) {
    const Response response = tab.train(options);
    BOOST_TEST(response.status == 422, options.dump());
    return Json::parse(response.body).at("error").at("kind");
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_job_trains_measures_records_and_indexes) {
    Tab tab;
    tab.train_to_the_end({{"epochs", 5}, {"learning_rate", 0.02}, {"batch", 16}, {"loss", "Cross-Entropy"}});
    const auto model = tab.model();
    BOOST_REQUIRE(model);
    BOOST_TEST(model->history.size() == 5u);
    BOOST_TEST(model->traced.store().samples() == 300);
    BOOST_REQUIRE(model->report);
    BOOST_TEST(model->report->seed == 7u);
    BOOST_TEST(!model->report->drawn);
    BOOST_TEST(model->report->test.evaluation.accuracy > 0.95);
    BOOST_TEST(model->report->test.confusion.samples() == 100);
    const renn::Evaluation whole = renn::evaluate(model->traced.network(), model->test);
    BOOST_TEST(model->report->test.evaluation.loss == whole.loss, boost::test_tools::tolerance(1e-5));
    BOOST_TEST(model->history.back().validation_loss == model->report->test.evaluation.loss);
    BOOST_TEST(model->report->before.has_value());
    const Json run = tab.run();
    BOOST_TEST(run.at("outcome") == "done");
    BOOST_TEST(run.at("history").size() == 5u);

    // What is promised about memory is what it takes.
    const std::uint64_t need = cost_of(tab.session->snapshot(), model->report->options)
                                   .bytes(static_cast<std::uint64_t>(model->train.samples()));
    BOOST_TEST(need >= model->bytes());
    BOOST_TEST(need < 2 * model->bytes());
}

BOOST_AUTO_TEST_CASE(data_with_targets_are_a_regression) {
    Tab tab(sums());
    BOOST_TEST(refused(tab, {{"loss", "Cross-Entropy"}}) == "loss");
    tab.train_to_the_end({{"epochs", 30}, {"learning_rate", 0.02}});
    BOOST_TEST(tab.model()->report->test.evaluation.loss < 0.1);
    BOOST_TEST(tab.model()->report->test.confusion.classes() == 0);
    BOOST_TEST(tab.run().at("history").back().at("accuracy").is_null());
}

BOOST_AUTO_TEST_CASE(a_part_of_a_set_is_spread_over_it) {
    Tab tab;
    tab.train_to_the_end({{"epochs", 1}, {"train", 150}, {"test", 100}});
    BOOST_TEST(tab.model()->train.samples() == 150);
    BOOST_TEST(tab.model()->train.id(1) == 2u);
    BOOST_TEST(tab.model()->train.id(149) == 298u);
    BOOST_TEST(tab.model()->test.id(99) == 99u);
}

BOOST_AUTO_TEST_CASE(further_training_equals_one_that_never_stopped) {
    for (const char* optimizer : {"Adam", "AdamW", "SGD"}) {
        const auto options = [&](int epochs, bool further) {
            return Json{
                {"epochs", epochs}, {"optimizer", optimizer}, {"momentum", 0.5}, {"batch", 100}, {"further", further}};
        };
        Tab whole, parts;
        whole.train_to_the_end(options(5, false));
        parts.train_to_the_end(options(2, false));
        parts.train_to_the_end(options(3, true));
        BOOST_TEST(weights(whole) == weights(parts));
        BOOST_TEST(parts.run().at("start") == "state");
        BOOST_REQUIRE(parts.model()->history.size() == 5u);
        for (std::size_t e = 0; e < 5; ++e) {
            BOOST_TEST(parts.model()->history[e].number == static_cast<int>(e) + 1);
            BOOST_TEST(parts.model()->history[e].loss == whole.model()->history[e].loss);
        }
    }
}

BOOST_AUTO_TEST_CASE(further_training_says_what_it_can_go_on_with) {
    Tab tab;
    BOOST_TEST(tab.train({{"further", true}}).status == 409u);
    tab.train_to_the_end({{"epochs", 1}});
    tab.train_to_the_end({{"epochs", 1}, {"further", true}, {"optimizer", "SGD"}});
    BOOST_TEST(tab.run().at("start") == "weights");
    BOOST_TEST(tab.model()->history.size() == 2u);
    tab.train_to_the_end(
        {{"epochs", 1}, {"further", true}, {"optimizer", "SGD"}, {"learning_rate", 0.1}, {"train", 100}});
    BOOST_TEST(tab.run().at("start") == "state");
    BOOST_TEST(tab.model()->traced.store().samples() == 100);
    tab.session->update([](Snapshot& s) { s.plan.layers[0].size = 9; });
    const Response response = tab.train({{"further", true}});
    BOOST_TEST(response.status == 409u);
    BOOST_TEST(Json::parse(response.body).at("error").at("kind") == "plan_changed");
    tab.train_to_the_end({{"epochs", 1}});
    BOOST_TEST(tab.model()->history.size() == 1u);
}

BOOST_AUTO_TEST_CASE(outputs_that_learn_nothing_are_told) {
    const auto set = [](renn::Index n) {
        const renn::Batch<float> x = renn::Batch<float>::Random(3, n);
        renn::Batch<float> wanted(2, n);
        wanted.row(0) = x.cwiseAbs().colwise().sum();
        wanted.row(1).setConstant(-5.0F);  // behind ReLU out of reach
        return renn::Dataset<float>(x, {.targets = std::move(wanted)});
    };
    const auto data = std::make_shared<const DataSet>(
        DataSet{.name = "csv", .title = "Out of reach", .train = set(300), .test = set(100)});
    for (const char* activation : {"ReLU", "None"}) {
        Tab tab(data);
        tab.session->update([&](Snapshot& s) { s.plan.output_activation = activation; });
        tab.train_to_the_end({{"epochs", 30}, {"learning_rate", 0.05}});
        const Json told = tab.session->json().at("model").at("report").at("constant");
        BOOST_TEST(told == (activation == std::string("ReLU") ? Json{1} : Json::array()));
    }
}

BOOST_AUTO_TEST_CASE(a_drawn_seed_is_told_and_repeats_the_run) {
    Tab tab;
    tab.session->update([](Snapshot& s) { s.plan.seed.reset(); });
    tab.train_to_the_end({{"epochs", 1}});
    BOOST_TEST(tab.model()->report->drawn);
    const auto drawn = weights(tab);
    const auto seed = tab.model()->report->seed;
    tab.session->update([&](Snapshot& s) { s.plan.seed = seed; });
    tab.train_to_the_end({{"epochs", 1}});
    BOOST_TEST(weights(tab) == drawn);
}

BOOST_AUTO_TEST_CASE(cancelling_keeps_the_old_model_and_finishing_keeps_what_was_learnt) {
    Tab tab;
    tab.train_to_the_end({{"epochs", 1}});
    const auto old = tab.model();
    BOOST_TEST(tab.train({{"epochs", 1000}, {"batch", 1}}).status == 202u);
    BOOST_TEST(tab.train({{"epochs", 1}}).status == 409u);  // busy
    tab.wait([&] { return tab.run().at("history").size() >= 1; });
    tab.session->job()->cancel();
    tab.wait_for_end();
    BOOST_TEST(tab.job_state() == "cancelled");
    BOOST_TEST(tab.run().at("outcome") == "cancelled");
    BOOST_TEST(tab.model() == old);

    BOOST_TEST(tab.ask("POST", "train/finish").status == 409u);
    BOOST_TEST(tab.train({{"epochs", 1000}, {"batch", 1}}).status == 202u);
    tab.wait([&] { return tab.run().at("history").size() >= 2; });
    tab.session->job()->pause();
    BOOST_TEST(tab.ask("POST", "train/finish").status == 200u);
    tab.wait_for_end();
    BOOST_TEST(tab.job_state() == "done");
    BOOST_TEST(tab.run().at("outcome") == "kept");
    BOOST_TEST(tab.model() != old);
    const std::size_t epochs = tab.model()->history.size();
    BOOST_TEST(epochs >= 2u);
    BOOST_TEST(epochs < 1000u);

    // It is the network of that many epochs.
    const auto kept = weights(tab);
    tab.train_to_the_end({{"epochs", epochs}, {"batch", 1}});
    BOOST_TEST(weights(tab) == kept);
}

BOOST_AUTO_TEST_CASE(nothing_goes_on_while_it_is_paused) {
    Tab tab;
    BOOST_TEST(tab.train({{"epochs", 1000}, {"batch", 1}}).status == 202u);
    tab.wait([&] { return tab.run().at("history").size() >= 1; });
    tab.session->job()->pause();
    std::this_thread::sleep_for(20ms);
    const Json before = tab.session->job()->json();
    std::this_thread::sleep_for(50ms);
    const Json after = tab.session->job()->json();
    BOOST_TEST(after.at("state") == "paused");
    BOOST_TEST(after.at("done") == before.at("done"));
    tab.session->job()->resume();
    tab.wait([&] { return tab.session->job()->json().at("done") > before.at("done"); });
    tab.session->job()->cancel();
    tab.wait_for_end();
}

BOOST_AUTO_TEST_CASE(divergence_is_told_and_the_old_model_stays) {
    Tab tab;
    tab.train_to_the_end({{"epochs", 1}});
    const auto old = tab.model();
    BOOST_TEST(tab.train({{"epochs", 300}, {"learning_rate", 10}, {"optimizer", "SGD"}, {"momentum", 0.99}}).status ==
               202u);
    tab.wait_for_end();
    BOOST_TEST(tab.job_state() == "failed");
    BOOST_TEST(tab.run().at("outcome") == "diverged");
    BOOST_TEST(tab.run().at("message").get<std::string>().find("learning rate of 1") != std::string::npos);
    BOOST_TEST(tab.model() == old);
}

BOOST_AUTO_TEST_CASE(options_out_of_range_are_refused_by_name) {
    Tab tab;
    for (const Json& bad : {Json(0), Json(1001), Json(-1), Json(1.5), Json("10"), Json(nullptr), Json(1e300),
                            Json(18446744073709551615ULL)}) {
        BOOST_TEST(refused(tab, {{"epochs", bad}}) == "epochs");
        BOOST_TEST(refused(tab, {{"train", bad}}) == "train");
        BOOST_TEST(refused(tab, {{"test_batch", bad}}) == "test_batch");
    }
    for (const Json& bad : {Json(0.0), Json(1e-8), Json(10.1), Json(-1), Json("0.1"), Json(Json::array())}) {
        BOOST_TEST(refused(tab, {{"learning_rate", bad}}) == "learning_rate");
    }
    BOOST_TEST(refused(tab, {{"train", 301}}) == "train");
    BOOST_TEST(refused(tab, {{"train", 100}, {"batch", 101}}) == "batch");
    BOOST_TEST(refused(tab, {{"test", 10}, {"test_batch", 11}}) == "test_batch");
    BOOST_TEST(refused(tab, {{"loss", "Hinge"}}) == "loss");
    BOOST_TEST(refused(tab, {{"optimizer", 3}}) == "optimizer");
    BOOST_TEST(refused(tab, {{"momentum", 1}}) == "momentum");
    BOOST_TEST(refused(tab, {{"further", 1}}) == "further");
    BOOST_TEST(!tab.session->job());
}

BOOST_AUTO_TEST_CASE(what_would_not_fit_into_memory_is_refused_before_it_begins) {
    Tab tab(clouds(), {.session_bytes = 50000});
    BOOST_TEST(refused(tab, {{"epochs", 1}}) == "memory");
    BOOST_TEST(!tab.session->job());
    BOOST_TEST(tab.train({{"epochs", 1}, {"train", 50}}).status == 202u);
    tab.wait_for_end();
}
