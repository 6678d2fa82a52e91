// SPDX-License-Identifier: MIT
// playground/app/neurons.hpp - what neurons do: who votes for a source, what one neuron stands for.
#pragma once

#include <cstdint>
#include <string>

#include "../http/message.hpp"

namespace playground {

struct Model;

/// Every traced place: name, kind, layer, number of neurons, whether it puts out the answer, and whether its neurons
/// are switched off here (behind the activation, where there is one).
Json places_json(const Model& model);

/// Which neurons vote for a training sample, {"query": ..., "source": id}: the sample, its votes, and for each place
/// the voters with votes and distance.
Json voters_json(const Json& asked, const Model& model);

/// One neuron, {"query": ..., "place": name, "unit": number}: its value, its closest samples with their blend, how its
/// values are distributed, and what they are for each class.
Json neuron_json(const Json& asked, const Model& model);

}  // namespace playground
