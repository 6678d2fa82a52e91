// SPDX-License-Identifier: MIT
// playground/app/lay_out.hpp - a plan as the layers of a network, with what arrives at each and what each costs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <renn/core/shape.hpp>

#include "data_set.hpp"
#include "network_plan.hpp"

namespace playground {

/// A layer of the network to be: what a row of the plan becomes, or the activation behind it.
struct PlannedLayer {
    std::string kind;               ///< as renn calls it: "Dense", "Conv2d", "ReLU"
    std::string name;               ///< in the network: "dense1"
    std::size_t row = 0;            ///< of the plan; layers.size() for the output
    LayerPlan plan = {};            ///< of the row; the output's is a Dense
    renn::Shape in = {}, out = {};  ///< of a sample; a plain vector of n values is n x 1 x 1
    bool image = false;             ///< whether `out` is one, which convolution and pooling need
    bool image_before = false;
    std::uint64_t parameters = 0;
    std::uint64_t multiply_adds = 0;  ///< a sample
    std::uint64_t stored = 0;         ///< values that a recording keeps of a sample
    std::uint64_t seed_number = 0;    ///< its weights are drawn from mix(seed, seed_number); 0: it draws none
};

/// Throws HttpError 422, its kind the field ("layers.3.kernel"), where the plan does not fit the data, or is larger
/// than any machine's memory.
std::vector<PlannedLayer> lay_out(const NetworkPlan& plan, const DataSet& data);

/// Values that the network puts out for the data's labels or targets.
renn::Index outputs_for(const DataSet& data);

/// What a network takes, roughly where it cannot be known.
struct NetworkCost {
    std::uint64_t parameters = 0;
    std::uint64_t values = 0;         ///< recorded, a sample
    std::uint64_t multiply_adds = 0;  ///< a sample, forward
    std::uint64_t sample_bytes = 0;   ///< of recording and index, a sample
    std::uint64_t copy_bytes = 0;     ///< of the sample itself: a model keeps those that it was recorded with
    std::uint64_t fixed_bytes = 0;    ///< weights, and what training keeps of them

    std::uint64_t bytes(std::uint64_t samples) const { return fixed_bytes + samples * (sample_bytes + copy_bytes); }
    /// That a session of so many bytes can record.
    std::uint64_t samples_in(std::uint64_t bytes) const {
        const std::uint64_t each = sample_bytes + copy_bytes;
        return bytes <= fixed_bytes ? 0 : (bytes - fixed_bytes) / (each > 0 ? each : 1);
    }
};
/// Trained in batches of so many samples.
NetworkCost cost_of(const std::vector<PlannedLayer>& layers, const DataSet& data, std::uint64_t batch = 64);
/// From its `values`.
void add_sample_bytes(NetworkCost& cost, const DataSet& data);

/// What a session may hold besides its data, of all that it may. A network that is there while the next one is made
/// is not counted: it goes when that is done.
std::uint64_t memory_beside(const DataSet& data, std::uint64_t session_bytes);

/// Throws HttpError 422 "memory", with the numbers, if the network and its recording of so many samples need more.
void check_memory(const NetworkCost& cost, std::uint64_t samples, std::uint64_t most_bytes);

}  // namespace playground
