// SPDX-License-Identifier: MIT
// renn/retrace/relevance_profiles.hpp - which units carry the relevance of a class, as profiles that can be ranked.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <renn/attribution/relevance_propagation.hpp>
#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/retrace/profiles.hpp>

namespace renn::inline RENN_ABI {

/// Profiles whose values are relevance in place of activations: what arrives at each unit when the output of a sample's
/// own class is explained, over the samples of each class. So rank_neurons with Responsibility::mean gives the units
/// that a class's outputs rest on, and mask_of switches them off.
///
/// Shapes   x: features x n; labels: one a sample, from 0; each place: units x classes.
/// Throws   ShapeError for another number of labels; DataError for a label that is no output, and for a class without
///          samples below the greatest; as the method.
/// Cost     one propagation, in batches of 256.
template <class Net>
ClassProfiles relevance_profiles(const Net& net, const BatchView<typename Net::Scalar>& x,
                                 std::span<const std::int32_t> labels, RelevancePropagation method = {}) {
    using S = typename Net::Scalar;
    const char* where = "relevance_profiles";
    if (static_cast<Index>(labels.size()) != x.cols()) {
        detail::raise<ShapeError>(where, "labels", std::to_string(labels.size()), std::to_string(x.cols()));
    }
    ClassProfiles profiles;
    method.keep_relevance = true;
    AttributionWorkspace<Net> workspace;
    Attribution<S> result;
    for (Index from = 0; from < x.cols(); from += 256) {
        const Index count = std::min<Index>(256, x.cols() - from);
        const auto own = labels.subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(count));
        method(net, x.middleCols(from, count), output(own), workspace, result);
        const auto& lines = result.ledger.lines;
        if (profiles.places.empty()) {
            const auto classes = static_cast<Index>(*std::max_element(labels.begin(), labels.end())) + 1;
            if (classes > workspace.pass.output.rows()) {
                detail::raise<DataError>(where, "greatest label", std::to_string(classes - 1),
                                         "below " + std::to_string(workspace.pass.output.rows()) + ", the outputs");
            }
            for (Index c = 0; c < classes; ++c) profiles.groups.push_back(std::to_string(c));
            profiles.counts.assign(static_cast<std::size_t>(classes), 0);
            for (const auto& line : lines) {
                const Index units = line.relevance.rows();
                const Batch<double> none = Batch<double>::Zero(units, classes);
                Point point;
                point.name = line.layer;
                point.kind = line.rule == "PassOn" ? Kind::post : Kind::pre;
                point.width = units;
                for (Index u = 0; u < units; ++u) point.units.push_back(static_cast<std::uint32_t>(u));
                profiles.places.push_back({point, &line == &lines.back(), none, none, none});
            }
        }
        for (Index j = 0; j < count; ++j) {
            const Index group = own[static_cast<std::size_t>(j)];
            const auto n = static_cast<double>(++profiles.counts[static_cast<std::size_t>(group)]);
            for (std::size_t p = 0; p < lines.size(); ++p) {
                ProfilePlace& place = profiles.places[p];
                const Column<double> value = lines[p].relevance.col(j).template cast<double>();
                const Column<double> before = value - place.mean.col(group);
                place.mean.col(group) += before / n;
                place.deviation.col(group).array() += before.array() * (value - place.mean.col(group)).array();
                place.active.col(group).array() += (value.array() > 0.0).template cast<double>();
            }
        }
    }
    for (std::size_t g = 0; g < profiles.counts.size(); ++g) {
        const auto n = static_cast<double>(profiles.counts[g]);
        if (profiles.counts[g] == 0) {
            detail::raise<DataError>(where, "samples of class " + std::to_string(g), "0", "1 or more");
        }
        for (ProfilePlace& place : profiles.places) {
            auto deviation = place.deviation.col(static_cast<Index>(g)).array();
            deviation = (deviation / n).sqrt();
            place.active.col(static_cast<Index>(g)) /= n;
        }
    }
    return profiles;
}

}  // namespace renn::inline RENN_ABI
