// SPDX-License-Identifier: MIT
// renn/io/json.hpp - networks, recordings, answers and measures as JSON, for people and other programs.
//
// To be included by name: it needs the JSON library that comes with cereal, and nothing else includes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <ostream>
#include <string>
#include <string_view>
#include <tuple>

#include <renn/core/error.hpp>
#include <renn/data/dataset.hpp>
#include <renn/io/json_writer.hpp>
#include <renn/network/fingerprint.hpp>
#include <renn/network/for_each_layer.hpp>
#include <renn/network/named_blocks.hpp>
#include <renn/retrace/result.hpp>
#include <renn/retrace/traced_network.hpp>
#include <renn/tracing/memory_store.hpp>
#include <renn/training/evaluate.hpp>
#include <renn/training/fit.hpp>

namespace renn::inline RENN_ABI {

/// id, value, distance.
inline void write_json(JsonWriter& json, const Neighbour& n) {
    json.object([&] { json.member("id", n.id).member("value", n.value).member("distance", n.distance); });
}

/// id, votes, share, label, prediction.
inline void write_json(JsonWriter& json, const Source& s) {
    json.object([&] {
        json.member("id", s.id).member("votes", s.votes).member("share", s.share);
        json.member("label", s.label).member("prediction", s.prediction);
    });
}

/// Everything; the fingerprint in hexadecimal, as text.
inline void write_json(JsonWriter& json, const Provenance& p) {
    json.object([&] {
        json.member("library", p.library).member("index", p.index).member("ties", p.ties).member("k", p.k);
        // As text: most readers of JSON would round such a number.
        json.member("fingerprint", detail::fingerprint_text(p.fingerprint));
        json.member("build", p.build).member("same_build", p.same_build);
    });
}

/// One neuron and the samples closest to it.
inline void write_json(JsonWriter& json, const RetraceResult::Neuron& n) {
    json.object([&] {
        json.member("unit", n.unit).member("value", n.found.value).member("votes", n.found.votes);
        json.member("boundary", n.found.boundary).member("closer", n.found.closer);
        json.member("tied", n.found.tied).member("places", n.found.places).member("neighbours", n.found.neighbours);
    });
}

/// One place with its sources and neurons.
inline void write_json(JsonWriter& json, const RetraceResult::Layer& l) {
    json.object([&] {
        json.member("name", l.name).member("kind", kind_name(l.kind)).member("votes", l.votes);
        json.member("evidence", l.evidence).member("sources", l.sources).member("neurons", l.neurons);
    });
}

/// An answer as a value.
inline void write_json(JsonWriter& json, const RetraceResult& r) {
    json.object([&] {
        json.member("prediction", r.prediction).member("outputs", r.outputs).member("class_names", r.class_names);
        json.member("votes", r.votes).member("evidence", r.evidence).member("sources", r.sources);
        json.member("layers", r.layers).member("provenance", r.provenance);
    });
}

/// An answer; as result(answer).
template <class I>
void write_json(JsonWriter& json, const Retrace<I>& answer) {
    write_json(json, result(answer));
}

/// An epoch's measures; null for NaN.
inline void write_json(JsonWriter& json, const Epoch& e) {
    json.object([&] {
        json.member("epoch", e.number).member("loss", e.loss).member("accuracy", e.accuracy);
        json.member("validation_loss", e.validation_loss).member("validation_accuracy", e.validation_accuracy);
        json.member("seconds", e.seconds);
    });
}

/// A training run, epoch by epoch.
inline void write_json(JsonWriter& json, const Training& t) {
    json.object([&] {
        json.member("epochs", t.epochs).member("cancelled", t.cancelled).member("diverged", t.diverged);
        json.member("stopped_early", t.stopped_early).member("best_epoch", t.best_epoch);
    });
}

/// loss, accuracy.
inline void write_json(JsonWriter& json, const Evaluation& e) {
    json.object([&] { json.member("loss", e.loss).member("accuracy", e.accuracy); });
}

/// Everything but the inputs.
template <class S>
void write_json(JsonWriter& json, const Dataset<S>& data) {
    const DatasetDescription<S>& more = data.description();
    json.object([&] {
        json.member("samples", data.samples()).member("features", data.features()).member("classes", data.classes());
        json.member("inputs", data.holds_bytes() ? "bytes" : sizeof(S) == 4 ? "float32" : "float64");
        json.key("image");
        json.object([&] {
            json.member("channels", more.image.channels).member("height", more.image.height);
            json.member("width", more.image.width);
        });
        json.member("class_names", more.class_names).member("ids", more.ids).member("labels", more.labels);
        json.member("tags", more.tags).member("targets", more.targets);
    });
}

/// Layers with constants and parameters; weights as a list of rows.
template <CompositeLayer Net>
void write_json(JsonWriter& json, const Net& net) {
    const auto layer_of = [&json](std::string_view path, const auto& layer, const auto& parameters) {
        json.object([&] {
            json.member("name", path).member("kind", std::string_view(layer.name));
            if constexpr (requires { layer.describe(); }) json.member("description", layer.describe());
            if constexpr (requires { layer.constants(); }) {
                json.key("constants");
                json.array([&] { std::apply([&json](const auto&... c) { (json.value(c), ...); }, layer.constants()); });
            }
            json.key("parameters");
            json.object([&] {
                detail::for_each_block_named(
                    parameters, [&json](std::string_view name, const auto& block) { json.member(name, block); });
            });
        });
    };
    json.object([&] {
        json.member("description", net.describe()).member("fingerprint", detail::fingerprint_text(fingerprint(net)));
        json.key("layers");
        json.array([&] { for_each_layer(net, layer_of); });
    });
}

/// What was recorded; values, where they are stored, as a list a unit in the order of the ids, or a list for each of a
/// unit's dimensions one after another.
template <class S>
void write_json(JsonWriter& json, const MemoryStore<S>& store) {
    const auto point_of = [&](std::uint32_t p) {
        const Point& point = store.points[p];
        json.object([&] {
            json.member("name", point.name).member("kind", kind_name(point.kind)).member("layer", point.layer);
            json.member("width", point.width).member("units", point.units);
            json.member("dimensions", point.dimensions());
            if (!point.stored()) {
                const Point& source = store.points[static_cast<std::size_t>(point.derived_from)];
                json.member("derived_from", source.name);
                return;
            }
            json.key("values");
            json.array([&] {
                for (std::uint32_t u = 0; u < point.units.size(); ++u) {
                    for (Index d = 0; d < point.dimensions(); ++d) json.value(store.values({p, u}, d));
                }
            });
        });
    };
    json.object([&] {
        json.member("samples", store.samples()).member("build", store.build);
        json.member("fingerprint", detail::fingerprint_text(store.fingerprint));
        json.member("class_names", store.class_names).member("ids", store.ids).member("labels", store.labels);
        json.member("predictions", store.predictions).member("tags", store.tags).member("outputs", store.outputs);
        json.key("points");
        json.array([&] {
            for (std::uint32_t p = 0; p < store.points.size(); ++p) point_of(p);
        });
    });
}

/// The network, if it is renn's own, and what was recorded.
template <class Model, class Store, class Policy>
void write_json(JsonWriter& json, const TracedNetwork<Model, Store, Policy>& traced) {
    json.object([&] {
        if constexpr (requires { write_json(json, traced.network()); }) json.member("network", traced.network());
        json.member("store", traced.store());
    });
}

/// save_json(std::cout, answer): networks (traced or not), recordings, answers, data sets without their inputs,
/// trainings, evaluations, and vectors of any of these.
template <class T>
void save_json(std::ostream& out, const T& item) {
    {
        JsonWriter json(out);
        json.value(item);
    }
    out << '\n';
}

/// save_json("net.json", net). Throws FormatError if the file cannot be written.
template <class T>
void save_json(const std::string& path, const T& item) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    if (!out) detail::raise<FormatError>("save_json: " + path, "cannot be created");
    save_json(out, item);
    out.close();
    if (!out) detail::raise<FormatError>("save_json: " + path, "cannot be written (disk full?)");
}

}  // namespace renn::inline RENN_ABI
