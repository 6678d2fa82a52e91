// SPDX-License-Identifier: MIT
// playground/app/class_profiles.hpp - what every neuron does for each class, and which ones carry a class.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <renn/retrace/profiles.hpp>
#include <renn/retrace/responsibility.hpp>

#include "../http/message.hpp"

namespace playground {

class Session;
struct Model;

struct Profiles {
    renn::ClassProfiles of;
    std::vector<std::int32_t> labels;  ///< of the groups: classes that the training samples have

    /// Number of a class among the groups. Throws HttpError 422 if no training sample has it.
    std::size_t group_of(std::int64_t label) const;
};

/// Those kept in the session; else made and kept. Empty places: cancelled. Throws HttpError 422 without classes.
std::shared_ptr<const Profiles> profiles_of(Session& session, const std::shared_ptr<const Model>& model,
                                            const renn::ProgressCallback& progress = {});

/// Whether they are there, or made in a moment.
bool profiles_are_quick(const Session& session, const Model& model);

/// Hidden neurons by their responsibility for a class, those behind activations where there are some.
std::vector<renn::RankedNeuron> ranked_for(const Profiles& profiles, std::size_t group);

/// Every place for one class.
Json class_json(const Profiles& profiles, std::size_t group);
/// One place for every class. Throws renn::DataError for an unknown one.
Json place_json(const Profiles& profiles, const std::string& place);

}  // namespace playground
