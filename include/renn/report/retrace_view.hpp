// SPDX-License-Identifier: MIT
// renn/report/retrace_view.hpp - what a page shows of an answer: plain values, taken out of it once.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/patch.hpp>
#include <renn/data/dataset.hpp>
#include <renn/report/picture.hpp>
#include <renn/retrace/blend.hpp>
#include <renn/retrace/certainty.hpp>
#include <renn/retrace/retrace.hpp>
#include <renn/retrace/source_targets.hpp>
#include <renn/retrace/votes.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI {

/// A source with its picture; `tag` is the user's own text for it.
struct ReportSource {
    Source source;
    std::string tag;
    Picture picture;
};

/// The sources of some neurons of one kind.
struct ReportView {
    std::string name;  ///< of the place; empty: the network
    Kind kind = Kind::pre;
    std::size_t neurons = 0;
    double votes = 0.0;
    std::vector<double> evidence;       ///< one a class; empty without labels
    std::vector<ReportSource> sources;  ///< most votes first
    Picture blend;
    std::size_t blended = 0;               ///< sources in the blend
    double certainty = 0.0, margin = 0.0;  ///< of the evidence
    std::vector<double> targets, spread;   ///< regression: mean and spread of the sources' targets
};

/// A picture in which a neuron looked at a part.
struct ReportLook {
    std::uint64_t id = 0;
    std::int32_t label = -1;
    bool query = false;  ///< the sample itself, not a source
    Picture picture;
    Patch patch;
};

/// One neuron: what its own closest samples look like together.
struct ReportNeuron {
    std::uint32_t unit = 0;
    double value = 0.0;
    Picture blend;
    std::int32_t label = -1;             ///< most frequent among its closest samples
    double label_share = 0.0;            ///< and how frequent
    std::vector<ReportLook> looks = {};  ///< where it looked: in the sample, in its closest samples
    /// One of its closest samples.
    struct Near {
        Neighbour sample;
        std::int32_t label = -1;
    };
    std::vector<Near> nearest = {};  ///< its closest samples
};

/// A layer, or the whole network: its pre-activations, its post-activations, its most active neurons.
struct ReportLayer {
    std::string name;
    std::vector<ReportView> views;
    std::vector<ReportNeuron> neurons;
    std::size_t place = 0;  ///< the answer's number of the place they are of
    bool all_neurons = false;
};

/// One traced prediction.
struct ReportSample {
    std::uint64_t id = 0;
    std::string tag;
    std::int32_t label = -1;       ///< -1: not known
    std::int32_t prediction = -1;  ///< -1: a model without outputs
    Picture picture;
    std::vector<double> outputs, target;  ///< regression: what the model says, and what it should, if known
    Picture output_picture;               ///< of the outputs, if targets are pictures
    std::optional<double> familiarity = {}, credibility = {};
    ReportLayer network;
    std::vector<ReportLayer> layers;
    std::string more = {};  ///< HTML below the sources of the network

    bool wrong() const noexcept { return label >= 0 && prediction >= 0 && label != prediction; }
};

/// How much of an answer is shown.
struct ReportDetail {
    std::size_t sources = 16;        ///< shown for the network
    std::size_t layer_sources = 8;   ///< shown for each layer
    std::size_t neurons = 16;        ///< shown for each layer, the largest values first; if all, in their order
    std::size_t neuron_sources = 3;  ///< closest samples told of each of these, with their distances
    std::size_t marked = 6;          ///< of the neurons shown of an image: where they looked, if add() has a marker
    std::size_t marked_sources = 5;  ///< closest samples of each of these
    std::size_t blended = 0;         ///< sources in a blend; 0: k, at most 50: sources further down mean little
    bool layers = true;              ///< shown at all
};

/// Everything a page shows.
struct RetracePage {
    /// A line of the table at the page's head.
    struct Fact {
        std::string name, value;
    };

    std::string title = {};  ///< left out: "Retraced predictions"
    std::string introduction = {};
    std::string sample_name = "sample";           ///< what a query is called: "test image"
    std::string source_name = "training sample";  ///< what a source is called: "training image"
    ReportDetail detail = {};
    Shape target_image = {};  ///< targets are pictures of this shape: samples and blends are shown as theirs
    std::vector<Fact> facts = {};
    std::vector<std::string> class_names = {};
    Provenance provenance = {};
    std::vector<ReportSample> samples = {};
};

namespace detail {

/// Outputs are no classes.
template <class S>
bool is_regression(const Dataset<S>& data) {
    return data.has_targets() && !data.has_labels();
}

/// Values of an output or target.
template <class V>
std::vector<double> doubles(const V& values) {
    return {values.data(), values.data() + values.size()};
}

template <class S>
Picture sample_picture(const Dataset<S>& data, Index position, const Shape& target_image) {
    if (!target_image.unknown()) return picture(data.targets().col(position), target_image);
    return picture(data.input(position), data.image());
}

/// Pictures are blended as such, whatever the inputs are: hues, for one, have no mean.
template <class S, class Sources>
Picture blend_picture(const std::vector<double>& weights, const Sources& sources, const Dataset<S>& data,
                      const Shape& target_image) {
    std::vector<std::uint64_t> ids;
    for (const auto& s : sources) ids.push_back(s.id);
    if (!target_image.unknown()) return picture(blend_targets(weights, ids, data), target_image);
    if (data.image().unknown()) return {};
    return picture(blend(weights, ids, data), data.image());
}

template <class S>
ReportSource report_source(const Source& source, const Dataset<S>& training, const Shape& target_image) {
    const Index position = training.position_of(source.id);
    ReportSource shown{source, {}, sample_picture(training, position, target_image)};
    if (is_regression(training)) shown.source.prediction = -1;
    if (!training.tags().empty()) shown.tag = training.tags()[static_cast<std::size_t>(position)];
    return shown;
}

template <class I, class S>
ReportView report_view(const Votes<I>& votes, std::string name, Kind kind, const Dataset<S>& training,
                       std::size_t shown, std::size_t blended, const Shape& target_image) {
    ReportView view;
    view.name = std::move(name);
    view.kind = kind;
    view.neurons = votes.neurons();
    view.votes = votes.total();
    const std::vector<Source> top = votes.top(std::max(shown, blended));
    if (top.empty()) return view;
    if (top.front().label >= 0) {
        view.evidence = votes.evidence();
        view.certainty = certainty(view.evidence);
        view.margin = margin(view.evidence);
    }
    for (std::size_t i = 0; i < std::min(shown, top.size()); ++i) {
        view.sources.push_back(report_source(top[i], training, target_image));
    }
    view.blended = std::min(blended, top.size());
    const auto used = std::span(top).first(view.blended);
    if (used.empty()) return view;
    const std::vector<double> weights = vote_weights(used);
    view.blend = blend_picture(weights, used, training, target_image);
    if (is_regression(training)) {
        const auto targets = source_targets<S>(used, training);
        view.targets = doubles(targets.mean);
        view.spread = doubles(targets.spread);
    }
    return view;
}

template <class S>
ReportNeuron report_neuron(std::uint32_t unit, const NeuronSources& sources, const Dataset<S>& training,
                           std::size_t told, const Shape& target_image) {
    ReportNeuron shown{unit, sources.value, {}, -1, 0.0, {}, {}};
    if (sources.neighbours.empty()) return shown;
    for (std::size_t i = 0; i < std::min(told, sources.neighbours.size()); ++i) {
        const Neighbour& n = sources.neighbours[i];
        shown.nearest.push_back({n, training.has_labels() ? training.label(training.position_of(n.id)) : -1});
    }
    shown.blend = blend_picture(distance_weights(sources.neighbours), sources.neighbours, training, target_image);
    if (training.has_labels()) {
        std::vector<std::size_t> count(static_cast<std::size_t>(training.classes()), 0);
        for (const Neighbour& n : sources.neighbours) {
            ++count[static_cast<std::size_t>(training.label(training.position_of(n.id)))];
        }
        const auto most = std::max_element(count.begin(), count.end());
        shown.label = static_cast<std::int32_t>(most - count.begin());
        shown.label_share = static_cast<double>(*most) / static_cast<double>(sources.neighbours.size());
    }
    return shown;
}

/// Neurons of the place of a number: those with the largest values, or all in their order.
template <class I, class S>
std::vector<ReportNeuron> report_neurons(const Retrace<I>& answer, std::size_t number, const Dataset<S>& training,
                                         const ReportDetail& detail, const Shape& target_image) {
    std::vector<std::pair<NeuronSources, std::uint32_t>> all;
    if (detail.neurons == 0) return {};
    for (const std::uint32_t unit : answer.units(number)) {
        all.emplace_back(answer.neuron(answer.place(number).name, unit), unit);
    }
    if (detail.neurons < all.size()) {
        std::stable_sort(all.begin(), all.end(),
                         [](const auto& a, const auto& b) { return a.first.value > b.first.value; });
        all.resize(detail.neurons);
    }
    std::vector<ReportNeuron> shown;
    for (const auto& [found, unit] : all) {
        shown.push_back(report_neuron(unit, found, training, detail.neuron_sources, target_image));
    }
    return shown;
}

/// Everything but what is known of the sample itself. Throws DataError if `training` lacks a source.
template <class I, class S>
ReportSample report_sample(const Retrace<I>& answer, const Dataset<S>& training, const ReportDetail& shown,
                           const Shape& target_image) {
    if (!target_image.unknown() && !training.has_targets()) {
        raise<DataError>("RetraceReport::add", "target_image", "data without targets", "targets");
    }
    ReportSample sample;
    if (is_regression(training)) {
        sample.outputs = doubles(answer.outputs());
    } else {
        sample.prediction = answer.prediction();
    }
    if (!target_image.unknown() && !answer.outputs().empty()) {
        sample.output_picture =
            picture(Eigen::Map<const Column<S>>(answer.outputs().data(), std::ssize(answer.outputs())), target_image);
    }
    const auto k = static_cast<std::size_t>(answer.provenance().k);
    const std::size_t blended = shown.blended > 0 ? shown.blended : std::min<std::size_t>(k, 50);
    const std::size_t places = answer.layers().size();
    bool pre = false, post = false;
    Index last = -1;
    for (std::size_t i = 0; i < places; ++i) {
        const Point& place = answer.place(i);
        (place.kind == Kind::pre ? pre : post) = true;
        if (!shown.layers) continue;
        if (place.layer != last || sample.layers.empty()) {
            sample.layers.push_back({place.name, {}, report_neurons(answer, i, training, shown, target_image), i});
            sample.layers.back().all_neurons = sample.layers.back().neurons.size() == answer.units(i).size();
        } else {
            sample.layers.back().name += ", " + place.name;
        }
        last = place.layer;
        sample.layers.back().views.push_back(
            report_view(answer.layer(i), place.name, place.kind, training, shown.layer_sources, blended, target_image));
    }
    for (const Kind kind : {Kind::pre, Kind::post}) {
        if (!(kind == Kind::pre ? pre : post)) continue;
        sample.network.views.push_back(
            report_view(answer.kind(kind), "", kind, training, shown.sources, blended, target_image));
    }
    return sample;
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
