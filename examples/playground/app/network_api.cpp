// SPDX-License-Identifier: MIT
// The tab Network: the plan and what it costs, as C++, and networks as files.
#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <utility>

#include <nlohmann/json.hpp>

#include <renn/layers/dense.hpp>

#include "app.hpp"
#include "data_set.hpp"
#include "describe.hpp"
#include "make_network.hpp"
#include "model_file.hpp"
#include "parameters.hpp"
#include "write_program.hpp"

namespace playground {
namespace {

const DataSet& data_of(const Snapshot& now) {
    if (!now.data) throw HttpError(409, "no_data", "there are no data yet: choose a data set first");
    return *now.data;
}

std::uint64_t memory_for(const App& app, const DataSet& data) {
    return memory_beside(data, app.options.session_bytes);
}

/// ?samples=N, of the training samples; 10,000 or all there are if it is left out.
renn::Index samples_of(const Request& request, const DataSet& data) {
    const renn::Index most = data.train.samples();
    const auto found = request.query.find("samples");
    if (found == request.query.end()) return std::min<renn::Index>(10000, most);
    renn::Index samples = 0;
    if (!read_number(found->second, samples) || samples < 1 || samples > most) {
        throw HttpError(422, "samples", "expected a number of training samples from 1 to " + std::to_string(most));
    }
    return samples;
}

/// Multiplications with additions a second, of one thread of this machine; measured once, in a few milliseconds.
double speed() {
    static const double measured = [] {
        using Clock = std::chrono::steady_clock;
        constexpr renn::Index width = 256, samples = 64;
        const renn::Dense<float> layer(width, width, std::uint64_t{1});
        const renn::Batch<float> x = renn::Batch<float>::Constant(width, samples, 0.5F);
        renn::Batch<float> y;
        renn::NoCache cache;
        double least = 1.0;
        for (int round = 0; round < 5; ++round) {
            const auto begin = Clock::now();
            layer.forward(layer.parameters(), x, y, cache, {});
            least = std::min(least, std::chrono::duration<double>(Clock::now() - begin).count());
        }
        return static_cast<double>(width * width * samples) / std::max(least, 1e-6);
    }();
    return measured;
}

Json describe_shape(const renn::Shape& shape, bool image) {
    return image ? Json{shape.channels, shape.height, shape.width} : Json{shape.size()};
}

Json describe_cost(const NetworkCost& cost, renn::Index samples, std::uint64_t most) {
    const auto n = static_cast<std::uint64_t>(samples);
    // Backwards takes about twice as long as forwards; convolutions do not reach the speed of a product.
    const double epoch = 3.0 * static_cast<double>(cost.multiply_adds) * static_cast<double>(samples) / speed();
    return {{"parameters", cost.parameters},
            {"values", cost.values},
            {"multiply_adds", cost.multiply_adds},
            {"samples", samples},
            {"recording_bytes", n * (cost.sample_bytes + cost.copy_bytes)},
            {"training_bytes", cost.fixed_bytes},
            {"most_bytes", most},
            {"fitting_samples", cost.samples_in(most)},
            {"epoch_seconds", epoch}};
}

Json describe_error(const HttpError& error) {
    return {{"kind", error.kind()}, {"message", error.what()}};
}

/// The plan in the session, or what is wrong with it for these data, and what it comes to.
Json describe_network(const Snapshot& now, renn::Index samples, std::uint64_t most) {
    const DataSet& data = data_of(now);
    Json json{
        {"plan", describe(now.plan)},
        {"error", nullptr},
        {"input", describe_shape(data.train.image().unknown() ? renn::Shape{data.train.features()} : data.train.image(),
                                 !data.train.image().unknown())},
        {"output", outputs_for(data)},
        {"classes", data.train.has_labels() && !data.train.has_targets()}};
    if (now.model) {
        const auto plan = plan_of(now.model->traced.network(), data);
        json["model"] = {{"same_plan", plan && plan->same_layers(now.plan)},
                         {"planned", plan.has_value()},
                         {"network", now.model->traced.network().describe()}};
    } else {
        json["model"] = nullptr;
    }
    try {
        const auto layers = lay_out(now.plan, data);
        Json list = Json::array();
        for (const PlannedLayer& layer : layers) {
            list.push_back({{"row", layer.row},
                            {"name", layer.name},
                            {"kind", layer.kind},
                            {"out", describe_shape(layer.out, layer.image)},
                            {"parameters", layer.parameters},
                            {"stored", layer.stored}});
        }
        json["layers"] = std::move(list);
        json["cost"] = describe_cost(cost_of(layers, data), samples, most);
    } catch (const HttpError& error) {
        json["error"] = describe_error(error);
    }
    return json;
}

}  // namespace

void add_network_routes(Router& router, App& app) {
    const std::string path = "/api/sessions/{session}/";
    router.add("GET", path + "plan", [&app](const Request& request) {
        const Snapshot now = app.session(request)->snapshot();
        const DataSet& data = data_of(now);
        return json_response(describe_network(now, samples_of(request, data), memory_for(app, data)));
    });
    // Takes it over only if it fits. While layers are added and moved it often does not: that is an answer, too.
    router.add("PUT", path + "plan", [&app](const Request& request) {
        const auto session = app.session(request);
        Snapshot now = session->snapshot();
        const DataSet& data = data_of(now);
        const renn::Index samples = samples_of(request, data);
        now.plan = parse_plan(request.json());
        const std::uint64_t most = memory_for(app, data);
        try {
            check_memory(cost_of(lay_out(now.plan, data), data), 1, most);
        } catch (const HttpError& error) {
            return json_response({{"plan", nullptr}, {"error", describe_error(error)}});
        }
        session->update([&](Snapshot& s) { s.plan = now.plan; });
        return json_response(describe_network(now, samples, most));
    });
    router.add("POST", path + "plan/program", [&app](const Request& request) {
        const Snapshot now = app.session(request)->snapshot();
        const DataSet& data = data_of(now);
        const Json wanted = request.json();
        const ProgramOptions options = parse_program_options(wanted, data);
        std::uint64_t seed = now.plan.seed.value_or(0);
        if (!now.plan.seed) {
            // The one that the trained network was drawn with, where it is known and is of this plan.
            const auto& state = now.model ? now.model->state : nullptr;
            const auto plan = state ? plan_of(now.model->traced.network(), data) : std::nullopt;
            seed = plan && plan->same_layers(now.plan) ? state->seed : std::random_device{}() % 100000;
        }
        return json_response(
            {{"text", write_program(now.plan, data, seed, options)}, {"seed", seed}, {"drawn", !now.plan.seed}});
    });
    router.add("GET", path + "network.renn", [&app](const Request& request) {
        const Snapshot now = app.session(request)->snapshot();
        if (!now.model) throw HttpError(409, "not_trained", "there is no trained network to save yet");
        return Response{.type = "application/octet-stream",
                        .body = write_network(now.model->traced.network()),
                        .download_as = "network.renn"};
    });
    router.add(
        "POST", path + "network.renn",
        [&app](Request& request) {
            const auto session = app.session(request);
            session->require_idle();
            const Snapshot now = session->snapshot();
            const DataSet& data = data_of(now);
            const renn::Index samples = samples_of(request, data);
            const std::uint64_t most = memory_for(app, data);
            const auto job =
                session->start("import", [&session = *session, now, body = request.take_body(), samples, most](
                                             Job& work) { import_network(session, now, work, *body, samples, most); });
            return json_response(job->json(), 202);
        },
        most_file_bytes);
}

}  // namespace playground
