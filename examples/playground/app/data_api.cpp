// SPDX-License-Identifier: MIT
// The tab Dataset: choosing data, bringing one's own, looking at samples.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "app.hpp"
#include "data_set.hpp"
#include "parameters.hpp"
#include "samples.hpp"
#include "upload.hpp"

namespace playground {
namespace {

std::int64_t number(const Request& request, const std::string& name, std::int64_t otherwise, std::int64_t least,
                    std::int64_t most) {
    return number_of(request.query, name, otherwise, least, most, std::to_string(least) + ".." + std::to_string(most));
}

std::shared_ptr<const DataSet> data_of(const Session& session) {
    auto data = session.snapshot().data;
    if (!data) throw HttpError(409, "no_data", "choose a data set first");
    return data;
}

/// A model belongs to its data; it goes only if whoever asks says so, and not under work that uses it.
void require_free(const Session& session, bool drop_model) {
    session.require_idle();
    if (session.snapshot().model && !drop_model) {
        throw HttpError(409, "model_goes", "the trained network belongs to the present data and would be dropped");
    }
}

/// Reads an upload in the background: a large one takes seconds.
Response start_reading(Session& session, Request& request, bool drop_model,
                       std::function<DataSet(std::string_view body, const renn::ProgressCallback&)> read) {
    require_free(session, drop_model);
    const auto job = session.start("upload", [&session, body = request.take_body(), read = std::move(read)](Job& work) {
        auto data = std::make_shared<const DataSet>(read(*body, work.progress()));
        work.throw_if_cancelled();
        session.update([&](Snapshot& s) { s.data = std::move(data); });
    });
    return json_response(job->json(), 202);
}

Json card(const DataSet& data, const std::string& sentence) {
    return {{"name", data.name},
            {"title", data.title},
            {"sentence", sentence},
            {"train", data.train.samples()},
            {"test", data.test.samples()},
            {"inputs", data.train.features()},
            {"classes", data.train.classes()},
            {"targets", data.train.targets().rows()},
            {"preview", preview_of(data)}};
}

Json cards(App& app) {
    Json all = Json::array();
    try {
        const auto digits = app.data.get("mnist");
        Json json = card(*digits, "Handwritten digits, 28 x 28 pixels each, to be told apart.");
        json["whole"] = digits->train.samples() == 60000 && digits->test.samples() == 10000;
        all.push_back(std::move(json));
    } catch (const renn::Error& e) {  // the others are there all the same
        all.push_back({{"name", "mnist"}, {"title", "MNIST"}, {"error", e.what()}});
    }
    all.push_back(card(*app.data.get("hsv_rgb"),
                       "A colour as hue, saturation and value, to be given as red, green and blue: no classes, three "
                       "numbers."));
    return all;
}

}  // namespace

void add_data_routes(Router& router, App& app) {
    const DataLimits limits = DataLimits::of(app.options.session_bytes);
    const auto drops = [](const Request& request) { return number(request, "drop_model", 0, 0, 1) == 1; };

    router.add("GET", "/api/datasets", [&app, limits](const Request&) {
        return json_response({{"cards", cards(app)}, {"limits", limits.json()}});
    });
    router.add("PUT", "/api/sessions/{session}/data", [&app](const Request& request) {
        const auto session = app.session(request);
        const Json wanted = request.json();
        const bool drop_model = wanted.value("drop_model", false);
        require_free(*session, drop_model);
        auto data = app.data.get(wanted.at("name").get<std::string>().substr(0, 40));
        require_free(*session, drop_model);  // again: reading may have taken a while
        session->update([&](Snapshot& s) { s.data = std::move(data); });
        return json_response(session->json());
    });
    router.add(
        "POST", "/api/sessions/{session}/data/csv/preview",
        [&app](const Request& request) {
            app.session(request);
            return json_response(preview_csv(request.query, request.body));
        },
        std::uint64_t{1} << 20);
    router.add(
        "POST", "/api/sessions/{session}/data/csv",
        [&app, limits, drops](Request& request) {
            const auto session = app.session(request);
            return start_reading(
                *session, request, drops(request),
                [limits, upload = parse_csv_upload(request.query, limits)](
                    std::string_view body, const auto& progress) { return read_csv(upload, body, limits, progress); });
        },
        limits.csv_bytes);
    router.add(
        "POST", "/api/sessions/{session}/data/idx",
        [&app, limits, drops](Request& request) {
            const auto session = app.session(request);
            return start_reading(
                *session, request, drops(request),
                [limits, upload = parse_idx_upload(request.query, request.body.size())](
                    std::string_view body, const auto& progress) { return read_idx(upload, body, limits, progress); });
        },
        limits.idx_bytes);
    router.add("GET", "/api/sessions/{session}/data/facts",
               [&app](const Request& request) { return Response{.body = facts_of(*data_of(*app.session(request)))}; });
    router.add("GET", "/api/sessions/{session}/data/colours", [&app](const Request& request) {
        const auto data = data_of(*app.session(request));
        return json_response(colours_of(*data, text_of(request.query, "set", "train")));
    });
    router.add("GET", "/api/sessions/{session}/samples", [&app](const Request& request) {
        const auto data = data_of(*app.session(request));
        const std::int64_t most =
            std::max<std::int64_t>(1, std::min<std::int64_t>(200, (1 << 21) / data->train.features()));
        return json_response(samples_page(*data, text_of(request.query, "set", "train"),
                                          number(request, "first", 0, 0, std::int64_t{1} << 40),
                                          std::min(number(request, "count", 60, 1, 200), most),
                                          number(request, "label", -1, -1, std::int64_t{1} << 31)));
    });
    router.add("GET", "/api/sessions/{session}/samples/{set}/{id}", [&app](const Request& request) {
        const auto data = data_of(*app.session(request));
        std::uint64_t id = 0;
        if (!read_number(request.part("id"), id)) {
            throw HttpError(404, "unknown_sample", "an id is a whole number");
        }
        return json_response(sample_whole(*data, request.part("set"), id));
    });
}

}  // namespace playground
