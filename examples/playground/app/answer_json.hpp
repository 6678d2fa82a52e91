// SPDX-License-Identifier: MIT
// playground/app/answer_json.hpp - answers as the page is told of them, pictures included.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "../http/message.hpp"
#include "model.hpp"
#include "query.hpp"

namespace playground {

/// How much of an answer is told: member "show" of a request.
struct Shown {
    std::size_t sources = 3;  ///< closest, 1 to 20
    std::size_t cloud = 0;    ///< sources told by number, weight and colour alone, 0 to 1000: for the cube of colours
    bool layers = false;      ///< each place too, not only the network
};

/// Throws HttpError 422 naming the member.
Shown parse_shown(const Json& json);

/// Whether inputs and targets are colours: three values each, hue, saturation and value in, red, green and blue out.
enum class Look : std::uint8_t { values, picture, colour };
Look look_of(const Model& model, bool colours);

/// What a source, a query or a blend looks like: "picture" a data URI, "colour" [r, g, b], "values" the first 64.
/// sample: {set, id, label, tag, ...look, target}; prediction, outputs; voted: {neurons, votes, sources, evidence,
/// evidence_class, certainty, margin, agreement, targets, spread}; blends: [{kind, blended, ...look}], post before pre;
/// layers: [{place, kind, layer, ...voted, blend}]; cloud: [{id, weight, colour}].
Json answer_json(const Query& query, const Traced::Answer& answer, const Model& model, Look look, const Shown& shown);

/// Neurons [first, first + count) of those of a place that vote: {place, kind, total, first, neurons: [{unit, value,
/// votes, boundary, tied, blended, ...look, label, label_share, nearest: [{id, value, distance, label, ...look}]}]};
/// with `cloud`, each neuron has as many of its closest samples so: cloud: [{id, weight, colour}].
Json neurons_json(const Traced::Answer& answer, const Model& model, Look look, const Shown& shown, std::size_t first,
                  std::size_t count);

}  // namespace playground
