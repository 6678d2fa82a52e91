// SPDX-License-Identifier: MIT
#include "describe.hpp"

#include <cmath>

#include <nlohmann/json.hpp>

#include "data_set.hpp"
#include "findings.hpp"
#include "model.hpp"
#include "session.hpp"

namespace playground {
namespace {

/// JSON has no NaN.
Json number_or_null(double value) {
    return std::isfinite(value) ? Json(value) : Json();
}

Json describe_part(const renn::Dataset<float>& part) {
    Json classes = Json::array();
    for (int c = 0; c < part.classes(); ++c) classes.push_back(part.class_name(c));
    return {{"samples", part.samples()},
            {"features", part.features()},
            {"classes", std::move(classes)},
            {"image",
             part.image().unknown() ? Json() : Json{part.image().channels, part.image().height, part.image().width}},
            {"targets", part.targets().rows()}};
}

Json rows_of(const renn::Confusion& confusion) {
    Json rows = Json::array();
    for (renn::Index label = 0; label < confusion.classes(); ++label) {
        Json row = Json::array();
        for (renn::Index taken = 0; taken < confusion.classes(); ++taken) row.push_back(confusion.count(label, taken));
        rows.push_back(std::move(row));
    }
    return rows;
}

Json describe_report(const TrainingReport& report) {
    const PhaseSeconds& seconds = report.seconds;
    Json phases = Json::array({{{"name", "training"}, {"seconds", seconds.training}},
                               {{"name", "evaluation"}, {"seconds", seconds.evaluation}},
                               {{"name", "recording"}, {"seconds", seconds.recording}},
                               {{"name", "indexing"}, {"seconds", seconds.indexing}}});
    return {{"options", describe(report.options)},
            {"seed", report.seed},
            {"drawn", report.drawn},
            {"phases", std::move(phases)},
            {"before", report.before ? describe(*report.before) : Json()},
            {"test", describe(report.test.evaluation)},
            {"confusion", rows_of(report.test.confusion)},
            {"constant", report.test.constant}};
}

}  // namespace

Json describe(const DataSet& data) {
    return {{"name", data.name},
            {"title", data.title},
            {"train", describe_part(data.train)},
            {"test", describe_part(data.test)}};
}

Json describe(const NetworkPlan& plan) {
    Json layers = Json::array();
    for (const LayerPlan& layer : plan.layers) {
        Json json{{"kind", layer.kind}};
        if (layer.has_size()) json["size"] = layer.size;
        if (layer.has_activation()) json["activation"] = layer.activation;
        if (layer.has_window()) {
            json["kernel"] = layer.kernel;
            json["stride"] = layer.stride;
            json["padding"] = layer.padding;
        }
        if (layer.kind == "Dropout") json["rate"] = layer.rate;
        layers.push_back(std::move(json));
    }
    return {{"seed", plan.seed ? Json(*plan.seed) : Json()},
            {"layers", std::move(layers)},
            {"output_activation", plan.output_activation}};
}

Json describe(const renn::Epoch& epoch) {
    return {{"number", epoch.number},
            {"loss", number_or_null(epoch.loss)},
            {"accuracy", number_or_null(epoch.accuracy)},
            {"validation_loss", number_or_null(epoch.validation_loss)},
            {"validation_accuracy", number_or_null(epoch.validation_accuracy)},
            {"seconds", number_or_null(epoch.seconds)}};
}

Json describe(const renn::Evaluation& measured) {
    return {{"loss", number_or_null(measured.loss)}, {"accuracy", number_or_null(measured.accuracy)}};
}

Json describe(const Model& model) {
    Json history = Json::array();
    for (const renn::Epoch& epoch : model.history) history.push_back(describe(epoch));
    return {{"network", model.traced.network().describe()},
            {"recorded", model.traced.recorded() ? Json(model.traced.store().samples()) : Json()},
            {"bytes", model.bytes()},
            {"history", std::move(history)},
            {"report", model.report ? describe_report(*model.report) : Json()}};
}

Json describe(const Snapshot& now) {
    return {{"data", now.data ? describe(*now.data) : Json()},
            {"plan", describe(now.plan)},
            {"model", now.model ? describe(*now.model) : Json()},
            {"model_version", now.model_version}};
}

std::size_t bytes_of(const Snapshot& now) {
    std::size_t total = 0;
    if (now.data && !now.data->shared) total += now.data->bytes();
    if (now.model && !now.model->shared) total += now.model->bytes();
    if (now.findings) total += now.findings->bytes();
    return total;
}

}  // namespace playground
