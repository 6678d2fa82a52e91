// SPDX-License-Identifier: MIT
// playground/app/switch_off.hpp - what a network does without some of its neurons, and without which it loses a class.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <renn/network/mask.hpp>

#include "../http/message.hpp"

namespace playground {

class Job;
class Session;
struct Model;

/// {"relu1": [3, 17]}: neurons held at 0. Throws HttpError 422 for anything else.
renn::Mask parse_off(const Json& json);
Json off_json(const renn::Mask& mask);

/// How well the test samples are recognised while neurons are off: accuracy, accuracy of each class and confusion, or
/// for targets the loss. With a network so large that it would take long, of evenly chosen test samples; says of how
/// many.
Json accuracy_json(const renn::Mask& off, const Model& model);

/// A search for neurons without which a class is not recognised.
struct ClassOff {
    std::int32_t label = 0;
    renn::Mask off = {};
    std::size_t neurons = 0, ranked = 0;  ///< switched off, and that there were to choose from
    bool reached = false;                 ///< the class is gone, by the samples of the search
    std::int64_t samples = 0;             ///< training samples it was searched with
};
Json describe(const ClassOff& found);

/// {"class": 3, "method": "trial" or "rank"}, checked.
struct ClassOffWanted {
    std::int32_t label = 0;
    bool by_trial = true;
};
ClassOffWanted parse_class_off(const Json& json, const Model& model);

/// Searches, keeps what was found in the session.
void find_class_off(Session& session, Job& job, const std::shared_ptr<const Model>& model, ClassOffWanted wanted);

}  // namespace playground
